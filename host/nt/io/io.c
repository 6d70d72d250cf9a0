/* SPDX-License-Identifier: MIT */
/*
 * Devices, their names, and the files that programs open on them. A device object lives until it is deleted and the
 * last file on it is closed; a file gets CLEANUP when its last handle goes, in the thread that closes it, and CLOSE
 * when its last reference goes. NtLock guards names and lists; drivers are called without it.
 */
#include "host/nt/nt.h"

/* The kernel's part of a device object. */
typedef struct _DEVICE_RECORD
{
    UNICODE_STRING Name;
    BOOLEAN Deleted;
    DEVICE_OBJECT *Below;
    PSECURITY_DESCRIPTOR Descriptor;
    const VOID *Place;
} DEVICE_RECORD;

#define RecordOf(Device) ((DEVICE_RECORD *)(Device)->DeviceObjectExtension)

typedef struct _LINK
{
    struct _LINK *Next;
    UNICODE_STRING Name, Target;
    const VOID *Place;
} LINK;

static LINK *Links;
static LIST_ENTRY Devices = {&Devices, &Devices}; /* by Queue.ListEntry */

static UNICODE_STRING Copy(_In_ const UNICODE_STRING *String)
{
    UNICODE_STRING Result = {.Length = String->Length, .MaximumLength = String->Length + 1};
    Result.Buffer = malloc(String->Length + 1u);
    memcpy(Result.Buffer, String->Buffer, String->Length);
    return Result;
}

static BOOLEAN SkipPrefix(_Inout_ UNICODE_STRING *String, _In_ PCWSTR Prefix)
{
    UNICODE_STRING Wanted, Head = *String;
    RtlInitUnicodeString(&Wanted, Prefix);
    if (String->Length < Wanted.Length)
        return FALSE;
    Head.Length = Wanted.Length;
    if (!NtStringsEqual(&Head, &Wanted))
        return FALSE;
    String->Buffer += Wanted.Length / sizeof(WCHAR);
    String->Length -= Wanted.Length;
    return TRUE;
}

/* \DosDevices\Global\X, \??\X and \\.\Global\X are all X: there is one session, and it is the global one. */
static UNICODE_STRING Plain(_In_ const UNICODE_STRING *Name)
{
    UNICODE_STRING Rest = *Name;
    if (SkipPrefix(&Rest, L"\\DosDevices\\") || SkipPrefix(&Rest, L"\\??\\") || SkipPrefix(&Rest, L"\\\\.\\") ||
        SkipPrefix(&Rest, L"\\\\?\\"))
    {
        SkipPrefix(&Rest, L"Global\\");
    }
    return Rest;
}

/* ---- Devices */

DEVICE_OBJECT *NtDeviceCreate(DRIVER_OBJECT *Driver, ULONG ExtensionSize, DEVICE_TYPE Type)
{
    SIZE_T Size = (sizeof(DEVICE_OBJECT) + 15) & ~(SIZE_T)15;
    DEVICE_OBJECT *Device = NtObjectCreate(&NtDeviceType, Size + ExtensionSize);
    Device->Size = (USHORT)(sizeof(*Device) + ExtensionSize);
    Device->DriverObject = Driver;
    Device->DeviceType = Type;
    Device->StackSize = 1;
    Device->Flags = DO_DEVICE_INITIALIZING;
    Device->DeviceExtension = ExtensionSize ? (PUCHAR)Device + Size : NULL;
    Device->DeviceObjectExtension = calloc(1, sizeof(DEVICE_RECORD));
    NtLock();
    Device->NextDevice = Driver->DeviceObject;
    Driver->DeviceObject = Device;
    InsertTailList(&Devices, &Device->Queue.ListEntry);
    NtUnlock();
    return Device;
}

VOID NtDeviceName(DEVICE_OBJECT *Device, const UNICODE_STRING *Name)
{
    RecordOf(Device)->Name = Copy(Name);
}

BOOLEAN NtDeviceIsOpen(DEVICE_OBJECT *Device)
{
    NtLock();
    BOOLEAN IsOpen = Device->ReferenceCount != 0;
    NtUnlock();
    return IsOpen;
}

/* Under NtLock. A deleted device's name is free for another one. */
static DEVICE_OBJECT *FindDevice(_In_ const UNICODE_STRING *Name)
{
    for (LIST_ENTRY *Entry = Devices.Flink; Entry != &Devices; Entry = Entry->Flink)
    {
        DEVICE_OBJECT *Device = CONTAINING_RECORD(Entry, DEVICE_OBJECT, Queue.ListEntry);
        if (!RecordOf(Device)->Deleted && RecordOf(Device)->Name.Length &&
            NtStringsEqual(&RecordOf(Device)->Name, Name))
        {
            return Device;
        }
    }
    return NULL;
}

NTSTATUS IoCreateDevice(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize, PUNICODE_STRING DeviceName,
                        DEVICE_TYPE DeviceType, ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                        PDEVICE_OBJECT *DeviceObject)
{
    NtIrql(APC_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    DEVICE_OBJECT *Device;
    if (DeviceName)
    {
        NtLock();
        Device = FindDevice(DeviceName);
        NtUnlock();
        if (Device)
            return STATUS_OBJECT_NAME_COLLISION;
    }
    Device = NtDeviceCreate(DriverObject, DeviceExtensionSize, DeviceType);
    Device->Characteristics = DeviceCharacteristics;
    RecordOf(Device)->Place = SIM_PLACE();
    if (DeviceName)
        RecordOf(Device)->Name = Copy(DeviceName);
    *DeviceObject = Device;
    return STATUS_SUCCESS;
}

/* A deleted device with no file open on it leaves its driver. */
static VOID Retire(_In_ DEVICE_OBJECT *Device)
{
    NtLock();
    RemoveEntryList(&Device->Queue.ListEntry);
    for (DEVICE_OBJECT **Link = &Device->DriverObject->DeviceObject; *Link; Link = &(*Link)->NextDevice)
    {
        if (*Link == Device)
        {
            *Link = Device->NextDevice;
            break;
        }
    }
    NtUnlock();
    ObfDereferenceObject(Device);
}

VOID IoDeleteDevice(PDEVICE_OBJECT DeviceObject)
{
    DEVICE_RECORD *Record = RecordOf(DeviceObject);
    NtIrql(APC_LEVEL);
    NtRule("Device", !DeviceObject->AttachedDevice, "deleted with another device attached to it");
    NtLock();
    BOOLEAN First = !Record->Deleted;
    Record->Deleted = TRUE;
    BOOLEAN Last = DeviceObject->ReferenceCount == 0;
    NtUnlock();
    if (NtRule("Device", First, "deleted twice") && Last)
        Retire(DeviceObject);
}

VOID NtDeviceDelete(PVOID Object)
{
    DEVICE_RECORD *Record = RecordOf((DEVICE_OBJECT *)Object);
    free(Record->Name.Buffer);
    free(Record->Descriptor);
    free(Record);
}

PDEVICE_OBJECT IoAttachDeviceToDeviceStack(PDEVICE_OBJECT SourceDevice, PDEVICE_OBJECT TargetDevice)
{
    NtIrql(DISPATCH_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return NULL;
    NtLock();
    DEVICE_OBJECT *Top;
    for (Top = TargetDevice; Top->AttachedDevice; Top = Top->AttachedDevice)
    {
    }
    Top->AttachedDevice = SourceDevice;
    SourceDevice->StackSize = Top->StackSize + 1;
    RecordOf(SourceDevice)->Below = Top;
    NtUnlock();
    return Top;
}

VOID IoDetachDevice(PDEVICE_OBJECT TargetDevice)
{
    NtIrql(DISPATCH_LEVEL);
    NtLock();
    if (TargetDevice->AttachedDevice)
    {
        RecordOf(TargetDevice->AttachedDevice)->Below = NULL;
        TargetDevice->AttachedDevice = NULL;
    }
    NtUnlock();
}

DEVICE_OBJECT *NtDeviceTop(DEVICE_OBJECT *Device)
{
    NtLock();
    while (Device->AttachedDevice)
        Device = Device->AttachedDevice;
    NtUnlock();
    return Device;
}

DEVICE_OBJECT *NtDevicePdo(DEVICE_OBJECT *Device)
{
    NtLock();
    while (RecordOf(Device)->Below)
        Device = RecordOf(Device)->Below;
    NtUnlock();
    return Device;
}

/* ---- Symbolic links */

/* Under NtLock. */
static LINK **FindLink(_In_ const UNICODE_STRING *Name)
{
    UNICODE_STRING Wanted = Plain(Name);
    LINK **Link;
    for (Link = &Links; *Link; Link = &(*Link)->Next)
    {
        UNICODE_STRING Have = Plain(&(*Link)->Name);
        if (NtStringsEqual(&Have, &Wanted))
            break;
    }
    return Link;
}

NTSTATUS IoCreateSymbolicLink(PUNICODE_STRING LinkName, PUNICODE_STRING DeviceName)
{
    NTSTATUS Status = STATUS_OBJECT_NAME_COLLISION;
    NtIrql(APC_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    NtLock();
    LINK **Link = FindLink(LinkName);
    if (!*Link)
    {
        *Link = malloc(sizeof(**Link));
        **Link = (LINK){.Name = Copy(LinkName), .Target = Copy(DeviceName), .Place = SIM_PLACE()};
        Status = STATUS_SUCCESS;
    }
    NtUnlock();
    return Status;
}

NTSTATUS IoDeleteSymbolicLink(PUNICODE_STRING LinkName)
{
    NtIrql(APC_LEVEL);
    NtLock();
    LINK **Link = FindLink(LinkName);
    LINK *Gone = *Link;
    if (Gone)
        *Link = Gone->Next;
    NtUnlock();
    if (!Gone)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    free(Gone->Name.Buffer);
    free(Gone->Target.Buffer);
    free(Gone);
    return STATUS_SUCCESS;
}

/* ---- Files */

/* One request without parameters to a file's device. */
static NTSTATUS Request(_In_ FILE_OBJECT *File, _In_ UCHAR Major, _In_ PCSTR Call)
{
    DEVICE_OBJECT *Device = NtDeviceTop(File->DeviceObject);
    IRP *Irp = NtIrpAllocate(Device->StackSize, Major == IRP_MJ_CREATE ? UserMode : KernelMode);
    IO_STACK_LOCATION *Stack = IoGetNextIrpStackLocation(Irp);
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Stack->MajorFunction = Major;
    Stack->FileObject = File;
    NTSTATUS Status = NtCallAndWait(Device, Irp, Call);
    NtIrpFree(Irp);
    return Status;
}

/* Finds the device that Path names, or that what is before a backslash in it names; counts one more file on it. */
static DEVICE_OBJECT *Resolve(_In_ const UNICODE_STRING *Path, _Out_ UNICODE_STRING *Rest)
{
    UNICODE_STRING Name = Plain(Path);
    DEVICE_OBJECT *Device = NULL;
    ULONG End = 0;
    while (End < Name.Length / sizeof(WCHAR) && Name.Buffer[End] != '\\')
        End++;
    *Rest = (UNICODE_STRING){.Buffer = Name.Buffer + End, .Length = (USHORT)(Name.Length - End * sizeof(WCHAR))};
    Name.Length = (USHORT)(End * sizeof(WCHAR));
    NtLock();
    Device = NtInterfaceDevice(&Name);
    if (!Device && *FindLink(&Name))
        Device = FindDevice(&(*FindLink(&Name))->Target);
    if (Device && (Device->Flags & DO_DEVICE_INITIALIZING))
        Device = NULL;
    if (Device)
        Device->ReferenceCount++;
    NtUnlock();
    return Device;
}

static VOID FileGone(_In_ DEVICE_OBJECT *Device)
{
    NtLock();
    BOOLEAN Last = --Device->ReferenceCount == 0 && RecordOf(Device)->Deleted;
    NtUnlock();
    if (Last)
        Retire(Device);
}

NTSTATUS NtOpenDevice(PEPROCESS Process, const UNICODE_STRING *Path, ACCESS_MASK Access, HANDLE *Handle)
{
    UNICODE_STRING Rest;
    DEVICE_OBJECT *Device = Resolve(Path, &Rest);
    if (!Device)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    NtMapGeneric(&Access, &NtFileMapping);
    NtLock();
    ACCESS_MASK Allowed = NtAccessAllowed(RecordOf(Device)->Descriptor, Process->Account, &NtFileMapping);
    NtUnlock();
    /* A name behind the device is the driver's to guard, unless it said that the device's descriptor does. */
    if ((Access & ~Allowed) && (!Rest.Length || (Device->Characteristics & FILE_DEVICE_SECURE_OPEN)))
    {
        FileGone(Device);
        return STATUS_ACCESS_DENIED;
    }
    FILE_OBJECT *File = NtObjectCreate(&NtFileType, sizeof(*File));
    File->DeviceObject = Device;
    File->FileName = Copy(&Rest);
    File->ReadAccess = (Access & FILE_READ_DATA) != 0;
    File->WriteAccess = (Access & FILE_WRITE_DATA) != 0;
    NTSTATUS Status = Request(File, IRP_MJ_CREATE, "IRP_MJ_CREATE");
    File->FinalStatus = Status; /* one that was not opened is not closed */
    if (NT_SUCCESS(Status))
    {
        Status = NtHandleCreate(Process, File, Access, Handle);
        if (!NT_SUCCESS(Status))
            NtFileClose(File);
    }
    ObfDereferenceObject(File);
    return Status;
}

VOID NtFileClose(PVOID File)
{
    Request(File, IRP_MJ_CLEANUP, "IRP_MJ_CLEANUP");
}

VOID NtFileDelete(PVOID Object)
{
    FILE_OBJECT *File = Object;
    if (NT_SUCCESS(File->FinalStatus))
        Request(File, IRP_MJ_CLOSE, "IRP_MJ_CLOSE");
    FileGone(File->DeviceObject);
    free(File->FileName.Buffer);
}

NTSTATUS SimOpen(PEPROCESS Process, PCWSTR Path, ACCESS_MASK Access, HANDLE *Handle)
{
    PEPROCESS Previous = NtEnter(Process);
    UNICODE_STRING Name;
    RtlInitUnicodeString(&Name, Path);
    NTSTATUS Status = NtOpenDevice(Process, &Name, Access, Handle);
    NtLeave(Previous);
    return Status;
}

/* ---- Security of devices */

VOID NtDeviceSecure(DEVICE_OBJECT *Device, PSECURITY_DESCRIPTOR Descriptor)
{
    ULONG Length = NtDescriptorLength(Descriptor);
    PVOID New = malloc(Length);
    memcpy(New, Descriptor, Length);
    NtLock();
    PVOID Old = RecordOf(Device)->Descriptor;
    RecordOf(Device)->Descriptor = New;
    NtUnlock();
    free(Old);
}

/* Length bytes are needed where *LengthNeeded says so: STATUS_BUFFER_TOO_SMALL. Only of devices. */
NTSTATUS ZwQuerySecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                               PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length, PULONG LengthNeeded)
{
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    PVOID Object;
    NTSTATUS Status =
        NtHandleReference(NtThread()->Process, Handle, READ_CONTROL, &NtDeviceType, KernelMode, &Object, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    NtLock();
    const VOID *Descriptor = RecordOf((DEVICE_OBJECT *)Object)->Descriptor;
    Descriptor = Descriptor ? Descriptor : NtDefaultDescriptor;
    *LengthNeeded = NtDescriptorLength((PSECURITY_DESCRIPTOR)Descriptor);
    if (Length < *LengthNeeded)
        Status = STATUS_BUFFER_TOO_SMALL;
    else
        memcpy(SecurityDescriptor, Descriptor, *LengthNeeded);
    NtUnlock();
    ObfDereferenceObject(Object);
    return Status;
}

NTSTATUS ZwSetSecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                             PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    ULONG Length = NtDescriptorLength(SecurityDescriptor);
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!Length)
        return STATUS_INVALID_SECURITY_DESCR;
    PVOID Object;
    ACCESS_MASK Granted;
    NTSTATUS Status = NtHandleReference(NtThread()->Process, Handle, 0, &NtDeviceType, KernelMode, &Object, &Granted);
    if (!NT_SUCCESS(Status))
        return Status;
    if ((SecurityInformation & DACL_SECURITY_INFORMATION) && !(Granted & WRITE_DAC))
        Status = STATUS_ACCESS_DENIED;
    else
        NtDeviceSecure(Object, SecurityDescriptor);
    ObfDereferenceObject(Object);
    return Status;
}

VOID NtIoCheckEmpty(PCSTR When)
{
    for (LINK *Link = Links; Link; Link = Link->Next)
        NtRuleBroken("Leak_SymbolicLink", When, Link->Place, "a symbolic link is left");
    for (LIST_ENTRY *Entry = Devices.Flink; Entry != &Devices; Entry = Entry->Flink)
    {
        DEVICE_OBJECT *Device = CONTAINING_RECORD(Entry, DEVICE_OBJECT, Queue.ListEntry);
        NtRuleBroken("Leak_Device", When, RecordOf(Device)->Place, "a device is left, %s, %d files open",
                     RecordOf(Device)->Deleted ? "deleted" : "not deleted", (int)Device->ReferenceCount);
    }
}
