/* SPDX-License-Identifier: MIT */
/*
 * Device interfaces: names by which programs find the devices of a class. One is registered for a physical device object,
 * stays for as long as that does, and leads to the top of its stack while it is enabled. NtLock guards the list.
 */
#include "host/nt/nt.h"

#define INTERFACE_BYTES 160

typedef struct _INTERFACE
{
    struct _INTERFACE *Next;
    DEVICE_OBJECT *Pdo;
    GUID Class;
    BOOLEAN Enabled;
    UNICODE_STRING Link;
    WCHAR Name[INTERFACE_BYTES / sizeof(WCHAR)];
} INTERFACE;

static INTERFACE *Interfaces;

/* Under NtLock. */
static INTERFACE *Find(_In_opt_ DEVICE_OBJECT *Pdo, _In_opt_ const GUID *Class, _In_opt_ const UNICODE_STRING *Link)
{
    INTERFACE *Interface = Interfaces;
    while (Interface &&
           ((Pdo && Interface->Pdo != Pdo) || (Class && memcmp(&Interface->Class, Class, sizeof(*Class))) ||
            (Link && !NtStringsEqual(&Interface->Link, Link))))
    {
        Interface = Interface->Next;
    }
    return Interface;
}

static NTSTATUS Make(_In_ DEVICE_OBJECT *Pdo, _In_ const GUID *Class, _Outptr_ INTERFACE **Result)
{
    INTERFACE *Interface = calloc(1, sizeof(*Interface));
    WCHAR Digits[12];
    UNICODE_STRING Number = {.Buffer = Digits, .MaximumLength = sizeof(Digits)};
    RtlIntegerToUnicodeString(NtPdoNumber(Pdo), 10, &Number);
    UNICODE_STRING Guid;
    if (!NT_SUCCESS(RtlStringFromGUID(Class, &Guid)))
    {
        free(Interface);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Interface->Pdo = Pdo;
    Interface->Class = *Class;
    Interface->Link = (UNICODE_STRING){.Buffer = Interface->Name, .MaximumLength = INTERFACE_BYTES};
    RtlAppendUnicodeToString(&Interface->Link, L"\\??\\SIM#");
    RtlAppendUnicodeStringToString(&Interface->Link, &Number);
    RtlAppendUnicodeToString(&Interface->Link, L"#");
    RtlAppendUnicodeStringToString(&Interface->Link, &Guid);
    RtlFreeUnicodeString(&Guid);
    *Result = Interface;
    return STATUS_SUCCESS;
}

/* Registered once for a class; later calls give the same name: "IoRegisterDeviceInterface". */
NTSTATUS IoRegisterDeviceInterface(PDEVICE_OBJECT PhysicalDeviceObject, const GUID *InterfaceClassGuid,
                                   PUNICODE_STRING ReferenceString, PUNICODE_STRING SymbolicLinkName)
{
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    INTERFACE *Made;
    NTSTATUS Status;
    if (!NtRule("Pdo", NtIsPdo(PhysicalDeviceObject), "%p is no physical device object",
                (void *)PhysicalDeviceObject) ||
        !NT_SUCCESS(Status = Make(PhysicalDeviceObject, InterfaceClassGuid, &Made)))
    {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    NtLock();
    INTERFACE *Interface = Find(PhysicalDeviceObject, InterfaceClassGuid, NULL);
    if (!Interface)
    {
        Made->Next = Interfaces;
        Interfaces = Interface = Made;
    }
    NtUnlock();
    *SymbolicLinkName = (UNICODE_STRING){.Buffer = NtPoolAllocate(INTERFACE_BYTES, 'rtsU', SIM_PLACE()),
                                         .MaximumLength = INTERFACE_BYTES};
    RtlCopyUnicodeString(SymbolicLinkName, &Interface->Link);
    if (Interface != Made)
        free(Made);
    return STATUS_SUCCESS;
}

/* "IoSetDeviceInterfaceState": STATUS_OBJECT_NAME_EXISTS if it is enabled already, STATUS_OBJECT_NAME_NOT_FOUND if what is
 * to be disabled is not enabled. */
NTSTATUS IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable)
{
    NTSTATUS Status = STATUS_SUCCESS;
    NtIrql(PASSIVE_LEVEL);
    NtLock();
    INTERFACE *Interface = Find(NULL, NULL, SymbolicLinkName);
    if (!Interface || (!Enable && !Interface->Enabled))
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    else if (Enable && Interface->Enabled)
        Status = STATUS_OBJECT_NAME_EXISTS;
    else
        Interface->Enabled = Enable;
    NtUnlock();
    return Status;
}

DEVICE_OBJECT *NtInterfaceDevice(const UNICODE_STRING *Name)
{
    for (INTERFACE *Interface = Interfaces; Interface; Interface = Interface->Next)
    {
        /* What a program is given begins with \\?\ where the driver's has \??\. */
        UNICODE_STRING Rest = {.Buffer = Interface->Link.Buffer + 4,
                               .Length = Interface->Link.Length - 4 * sizeof(WCHAR)};
        if (Interface->Enabled && NtStringsEqual(&Rest, Name))
            return Interface->Pdo;
    }
    return NULL;
}

NTSTATUS SimDeviceInterface(DEVICE_OBJECT *Pdo, const GUID *Class, PWCHAR Path)
{
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    NtLock();
    INTERFACE *Interface = Find(Pdo, Class, NULL);
    if (Interface && Interface->Enabled)
    {
        memcpy(Path, Interface->Name, Interface->Link.Length + sizeof(WCHAR));
        Path[1] = '\\';
        Status = STATUS_SUCCESS;
    }
    NtUnlock();
    return Status;
}

VOID NtInterfacesForget(DEVICE_OBJECT *Pdo)
{
    NtLock();
    for (INTERFACE **Link = &Interfaces, *Gone; (Gone = *Link) != NULL;)
    {
        if (Gone->Pdo == Pdo)
        {
            *Link = Gone->Next;
            free(Gone);
        }
        else
        {
            Link = &Gone->Next;
        }
    }
    NtUnlock();
}
