/* SPDX-License-Identifier: MIT */
/*
 * The I/O manager's functions that Wine lacks or that need to know of open files: deleting devices, links to them, device
 * properties, whose request it is. PASSIVE_LEVEL, no state.
 */
#include "host/wine/ntoskrnl/kernel.h"

#define PATH_LIMIT         1024 /* UTF-16 units of a registry path */
#define PROPERTY_TYPE_BASE 0xffff0000

#define SYMBOLIC_LINK_QUERY 1

__declspec(dllimport) NTSTATUS NtQueryInformationProcess(HANDLE Process, ULONG Class, PVOID Data, ULONG Length,
                                                         ULONG *Done);

/* IoDeleteDevice: with files open on it, the device goes when the last is closed, as in Windows. */
VOID IoDeleteDevice(PDEVICE_OBJECT DeviceObject)
{
    if (!FilesKeepDevice(DeviceObject))
        WineKernel.IoDeleteDevice(DeviceObject);
}

/* The link is there, and what it leads to is not, or is the caller's new device. */
static BOOLEAN IsLeftover(_In_ UNICODE_STRING *Link, _In_ const UNICODE_STRING *DeviceName)
{
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, Link, OBJ_CASE_INSENSITIVE, NULL, NULL);
    HANDLE Handle;
    if (!NT_SUCCESS(NtOpenSymbolicLinkObject(&Handle, SYMBOLIC_LINK_QUERY, &Attributes)))
        return FALSE;
    WCHAR Text[256];
    UNICODE_STRING Target = {.MaximumLength = sizeof(Text), .Buffer = Text};
    NTSTATUS Status = NtQuerySymbolicLinkObject(Handle, &Target, NULL);
    NtClose(Handle);
    if (NT_SUCCESS(Status) && RtlEqualUnicodeString(&Target, DeviceName, TRUE))
        return TRUE;
    Status = NtOpenEvent(&Handle, 0, &Attributes); /* no event, but what says whether anything is there */
    return Status == STATUS_OBJECT_NAME_NOT_FOUND || Status == STATUS_OBJECT_PATH_NOT_FOUND;
}

/* A link whose process was killed outlives it in Wine: it is replaced. Any other is in the way, as in NT. */
NTSTATUS IoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    NTSTATUS Status = WineKernel.IoCreateSymbolicLink(SymbolicLinkName, DeviceName);
    if (NT_SUCCESS(Status) || !IsLeftover(SymbolicLinkName, DeviceName))
        return Status;
    IoDeleteSymbolicLink(SymbolicLinkName);
    return WineKernel.IoCreateSymbolicLink(SymbolicLinkName, DeviceName);
}

static VOID Append(_Inout_ UNICODE_STRING *String, _In_z_ PCSTR Text)
{
    while (*Text && String->Length + sizeof(WCHAR) <= String->MaximumLength)
    {
        String->Buffer[String->Length / sizeof(WCHAR)] = (WCHAR)*Text++;
        String->Length += sizeof(WCHAR);
    }
}

static VOID AppendHex(_Inout_ UNICODE_STRING *String, _In_ ULONG64 Value, _In_ ULONG Digits)
{
    static const CHAR Hex[] = "0123456789abcdef";
    CHAR Text[17] = {0};
    for (ULONG I = 0; I < Digits; I++)
        Text[I] = Hex[(Value >> (4 * (Digits - 1 - I))) & 15];
    Append(String, Text);
}

/* "\Properties\{fmtid}\pid": where setupapi keeps a device's property, below the device's own key. */
static VOID AppendProperty(_Inout_ UNICODE_STRING *Path, _In_ const DEVPROPKEY *Key)
{
    Append(Path, "\\Properties\\{");
    AppendHex(Path, Key->fmtid.Data1, 8);
    Append(Path, "-");
    AppendHex(Path, Key->fmtid.Data2, 4);
    Append(Path, "-");
    AppendHex(Path, Key->fmtid.Data3, 4);
    Append(Path, "-");
    for (ULONG I = 0; I < 8; I++)
    {
        AppendHex(Path, Key->fmtid.Data4[I], 2);
        if (I == 1)
            Append(Path, "-");
    }
    Append(Path, "}\\");
    AppendHex(Path, Key->pid, 4);
}

/*
 * IoGetDevicePropertyData: STATUS_SUCCESS, _BUFFER_TOO_SMALL (with *RequiredSize), _OBJECT_NAME_NOT_FOUND. Properties
 * have no language here.
 */
NTSTATUS IoGetDevicePropertyData(PDEVICE_OBJECT Pdo, const DEVPROPKEY *PropertyKey, LCID Lcid, ULONG Flags, ULONG Size,
                                 PVOID Data, PULONG RequiredSize, PDEVPROPTYPE Type)
{
    KEY_VALUE_PARTIAL_INFORMATION *Value = NULL;
    UNICODE_STRING Default = {0, 0, NULL};
    ULONG Length = 0;
    UNREFERENCED_PARAMETER(Lcid);
    UNREFERENCED_PARAMETER(Flags);
    *RequiredSize = 0;
    *Type = DEVPROP_TYPE_EMPTY;
    struct
    {
        ULONG Length;
        WCHAR Text[PATH_LIMIT];
    } *Name = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Name), KERNEL_TAG);
    if (!Name)
        return STATUS_INSUFFICIENT_RESOURCES;
    HANDLE Key;
    /* "Device Parameters" lies below the device's key, whose path Wine's kernel does not give directly. */
    NTSTATUS Status = IoOpenDeviceRegistryKey(Pdo, PLUGPLAY_REGKEY_DEVICE, KEY_READ, &Key);
    if (!NT_SUCCESS(Status))
        goto free;
    Status = NtQueryKey(Key, 3 /* KeyNameInformation */, Name, sizeof(*Name), &Length);
    NtClose(Key);
    if (!NT_SUCCESS(Status))
        goto free;
    UNICODE_STRING Path = {.Length = (USHORT)Name->Length, .MaximumLength = sizeof(Name->Text), .Buffer = Name->Text};
    while (Path.Length && Path.Buffer[Path.Length / sizeof(WCHAR) - 1] != '\\')
        Path.Length -= sizeof(WCHAR);
    Path.Length -= Path.Length ? sizeof(WCHAR) : 0;
    AppendProperty(&Path, PropertyKey);
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, &Path, OBJ_CASE_INSENSITIVE, NULL, NULL);
    Status = ZwOpenKey(&Key, KEY_READ, &Attributes);
    if (!NT_SUCCESS(Status))
    {
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
        goto free;
    }
    ZwQueryValueKey(Key, &Default, KeyValuePartialInformation, NULL, 0, &Length);
    Value = Length ? ExAllocatePoolWithTag(NonPagedPoolNx, Length, KERNEL_TAG) : NULL;
    Status = Value ? ZwQueryValueKey(Key, &Default, KeyValuePartialInformation, Value, Length, &Length)
                   : STATUS_OBJECT_NAME_NOT_FOUND;
    NtClose(Key);
    if (!NT_SUCCESS(Status))
    {
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
        goto free;
    }
    *RequiredSize = Value->DataLength;
    *Type = Value->Type & ~PROPERTY_TYPE_BASE;
    if (Value->DataLength > Size)
    {
        Status = STATUS_BUFFER_TOO_SMALL;
        goto free;
    }
    RtlCopyMemory(Data, Value->Data, Value->DataLength);

free:
    if (Value)
        ExFreePoolWithTag(Value, KERNEL_TAG);
    ExFreePoolWithTag(Name, KERNEL_TAG);
    return Status;
}

/* IoGetRequestorProcessId: requests are dispatched in their sender's context here. */
ULONG IoGetRequestorProcessId(PIRP Irp)
{
    UNREFERENCED_PARAMETER(Irp);
    return (ULONG)(ULONG_PTR)PsGetCurrentProcessId();
}

/* IoIs32bitProcess: is the present request one of a 32-bit program's? */
BOOLEAN IoIs32bitProcess(PIRP Irp)
{
    CLIENT_ID Id = {.UniqueProcess = PsGetCurrentProcessId()};
    ULONG_PTR Wow64 = 0;
    UNREFERENCED_PARAMETER(Irp);
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    HANDLE Process;
    if (NT_SUCCESS(NtOpenProcess(&Process, 0x400 /* PROCESS_QUERY_INFORMATION */, &Attributes, &Id)))
    {
        NtQueryInformationProcess(Process, 26 /* ProcessWow64Information */, &Wow64, sizeof(Wow64), NULL);
        NtClose(Process);
    }
    return Wow64 != 0;
}
