/* SPDX-License-Identifier: MIT */
/*
 * Open files of a miniport's devices as Windows treats them and Wine does not. Wine sends no IRP_MJ_CLEANUP, leaves a
 * file usable whose IRP_MJ_CREATE failed, and forgets the open files of a device that is deleted. So the dispatch table
 * of a miniport is stood before: CLEANUP precedes CLOSE, a failed create fails whatever follows and is not closed, and
 * a device that is deleted stays until its last file is closed. PASSIVE_LEVEL; one spin lock guards the lists.
 */
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define TABLE_LENGTH (IRP_MJ_MAXIMUM_FUNCTION + 1)

/* A driver whose dispatch table is stood before. */
typedef struct _INTERPOSED
{
    LIST_ENTRY Link;
    DRIVER_OBJECT *DriverObject;
    PDRIVER_DISPATCH Original[TABLE_LENGTH];
} INTERPOSED;

typedef struct _OPEN_FILE
{
    LIST_ENTRY Link;
    FILE_OBJECT *FileObject;
    DEVICE_OBJECT *DeviceObject;
    HANDLE ProcessId; /* who opened it */
    NTSTATUS CreateStatus;
} OPEN_FILE;

/* A device that is deleted while files are open on it. */
typedef struct _DYING_DEVICE
{
    LIST_ENTRY Link;
    DEVICE_OBJECT *DeviceObject;
} DYING_DEVICE;

static LIST_ENTRY Drivers = {&Drivers, &Drivers}, Files = {&Files, &Files}, Dying = {&Dying, &Dying};
static KSPIN_LOCK FilesLock;

static PDRIVER_DISPATCH OriginalOf(_In_ DEVICE_OBJECT *DeviceObject, _In_ UCHAR Major)
{
    PDRIVER_DISPATCH Original = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    for (LIST_ENTRY *Entry = Drivers.Flink; Entry != &Drivers; Entry = Entry->Flink)
    {
        INTERPOSED *Driver = CONTAINING_RECORD(Entry, INTERPOSED, Link);
        if (Driver->DriverObject == DeviceObject->DriverObject)
            Original = Driver->Original[Major];
    }
    KeReleaseSpinLock(&FilesLock, Irql);
    return Original;
}

static NTSTATUS Dispatch(_In_ PDRIVER_DISPATCH Original, _In_ DEVICE_OBJECT *DeviceObject, _Inout_ IRP *Irp,
                         _In_z_ PCSTR Name, _In_ ULONG Code)
{
    PLATFORM_CALL Call = {.Name = Name, .Code = Code};
    PlatformCallBegin(&Call);
    NTSTATUS Status = Original(DeviceObject, Irp);
    PlatformCallEnd(&Call);
    return Status;
}

/* With FilesLock held. */
static OPEN_FILE *FindFile(_In_ const FILE_OBJECT *FileObject)
{
    for (LIST_ENTRY *Entry = Files.Flink; Entry != &Files; Entry = Entry->Flink)
    {
        OPEN_FILE *File = CONTAINING_RECORD(Entry, OPEN_FILE, Link);
        if (File->FileObject == FileObject)
            return File;
    }
    return NULL;
}

/* With FilesLock held. */
static DYING_DEVICE *FindDying(_In_ const DEVICE_OBJECT *DeviceObject)
{
    for (LIST_ENTRY *Entry = Dying.Flink; Entry != &Dying; Entry = Entry->Flink)
    {
        DYING_DEVICE *Device = CONTAINING_RECORD(Entry, DYING_DEVICE, Link);
        if (Device->DeviceObject == DeviceObject)
            return Device;
    }
    return NULL;
}

/* With FilesLock held. */
static BOOLEAN HasFiles(_In_ const DEVICE_OBJECT *DeviceObject)
{
    for (LIST_ENTRY *Entry = Files.Flink; Entry != &Files; Entry = Entry->Flink)
        if (CONTAINING_RECORD(Entry, OPEN_FILE, Link)->DeviceObject == DeviceObject)
            return TRUE;
    return FALSE;
}

static NTSTATUS Complete(_Inout_ IRP *Irp, _In_ NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS KeepRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Event)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent(Event, 0, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* Sends the driver a CLEANUP or CLOSE that Wine does not send, and waits for it. */
static VOID SendRequest(_In_ DEVICE_OBJECT *DeviceObject, _In_ FILE_OBJECT *FileObject, _In_ UCHAR Major)
{
    PDRIVER_DISPATCH Original = OriginalOf(DeviceObject, Major);
    IRP *Irp = Original ? IoAllocateIrp((CCHAR)(DeviceObject->StackSize + 1), FALSE) : NULL;
    if (!Irp)
        return;
    KEVENT Event;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoSetNextIrpStackLocation(Irp);
    IoSetCompletionRoutine(Irp, KeepRequest, &Event, TRUE, TRUE, TRUE);
    IO_STACK_LOCATION *Location = IoGetNextIrpStackLocation(Irp);
    Location->MajorFunction = Major;
    Location->FileObject = FileObject;
    Location->DeviceObject = DeviceObject;
    Irp->Tail.Overlay.Thread = PsGetCurrentThread();
    Irp->Tail.Overlay.OriginalFileObject = FileObject;
    Irp->RequestorMode = UserMode;
    IoSetNextIrpStackLocation(Irp);
    Dispatch(Original, DeviceObject, Irp, Major == IRP_MJ_CLOSE ? "IRP_MJ_CLOSE" : "IRP_MJ_CLEANUP", 0);
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    IoFreeIrp(Irp);
}

static NTSTATUS OnCreate(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    FILE_OBJECT *FileObject = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    OPEN_FILE *File = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*File), KERNEL_TAG);
    if (!File)
        return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES);
    *File = (OPEN_FILE){.FileObject = FileObject, .DeviceObject = DeviceObject, .ProcessId = PsGetCurrentProcessId()};
    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    BOOLEAN Refused = FindDying(DeviceObject) != NULL;
    InsertTailList(&Files, &File->Link);
    KeReleaseSpinLock(&FilesLock, Irql);
    NTSTATUS Status = Refused
                          ? Complete(Irp, STATUS_NO_SUCH_DEVICE)
                          : Dispatch(OriginalOf(DeviceObject, IRP_MJ_CREATE), DeviceObject, Irp, "IRP_MJ_CREATE", 0);

    KeAcquireSpinLock(&FilesLock, &Irql);
    File = FindFile(FileObject);
    if (File)
        File->CreateStatus = Status;
    KeReleaseSpinLock(&FilesLock, Irql);
    return Status;
}

/* Takes a file from the list. Gives the device to delete if it was the last one of a dying device. */
static DEVICE_OBJECT *ForgetFile(_In_ FILE_OBJECT *FileObject)
{
    DYING_DEVICE *Device = NULL;
    DEVICE_OBJECT *Last = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    OPEN_FILE *File = FindFile(FileObject);
    if (File)
    {
        RemoveEntryList(&File->Link);
        Device = HasFiles(File->DeviceObject) ? NULL : FindDying(File->DeviceObject);
        if (Device)
        {
            RemoveEntryList(&Device->Link);
            Last = Device->DeviceObject;
        }
    }
    KeReleaseSpinLock(&FilesLock, Irql);
    if (Device)
        ExFreePoolWithTag(Device, KERNEL_TAG);
    if (File)
        ExFreePoolWithTag(File, KERNEL_TAG);
    return Last;
}

static NTSTATUS OnClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    FILE_OBJECT *FileObject = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    OPEN_FILE *File = FindFile(FileObject);
    Status = File ? File->CreateStatus : STATUS_FILE_CLOSED; /* closed by CloseFiles */
    HANDLE ProcessId = File ? File->ProcessId : NULL;
    KeReleaseSpinLock(&FilesLock, Irql);
    if (NT_SUCCESS(Status))
    {
        ProcessClosesFiles(ProcessId);
        SendRequest(DeviceObject, FileObject, IRP_MJ_CLEANUP);
        Status = Dispatch(OriginalOf(DeviceObject, IRP_MJ_CLOSE), DeviceObject, Irp, "IRP_MJ_CLOSE", 0);
    }
    else
    {
        Status = Complete(Irp, STATUS_SUCCESS); /* it never was open, or is not any more */
    }
    DEVICE_OBJECT *Last = ForgetFile(FileObject);
    if (Last)
        WineKernel.IoDeleteDevice(Last);
    return Status;
}

/* The request that a thread has been given: Wine gives a driver one at a time. */
static IRP *volatile CurrentIrp;
static volatile ULONG_PTR CurrentThread;

static ULONG_PTR ThreadMark(VOID)
{
    ULONG_PTR Teb;
    __asm__("movq %%gs:0x30, %0" : "=r"(Teb));
    return Teb;
}

static BOOLEAN IsIn(_In_ const VOID *Address, _In_ SIZE_T Size, _In_opt_ const VOID *Buffer, _In_ SIZE_T Length)
{
    SIZE_T Offset = (SIZE_T)((const UCHAR *)Address - (const UCHAR *)Buffer);
    return Buffer && Offset < Length && Size <= Length - Offset;
}

BOOLEAN FilesIsCopy(const VOID *Address, SIZE_T Size)
{
    if (!CurrentIrp || CurrentThread != ThreadMark())
        return FALSE;
    const IO_STACK_LOCATION *Location = IoGetCurrentIrpStackLocation(CurrentIrp);
    return Location->MajorFunction == IRP_MJ_DEVICE_CONTROL &&
           (IsIn(Address, Size, Location->Parameters.DeviceIoControl.Type3InputBuffer,
                 Location->Parameters.DeviceIoControl.InputBufferLength) ||
            IsIn(Address, Size, CurrentIrp->UserBuffer, Location->Parameters.DeviceIoControl.OutputBufferLength));
}

/* Any other request that a program sends. */
static NTSTATUS OnRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IO_STACK_LOCATION *Location = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS CreateStatus = STATUS_SUCCESS;
    /* Wine describes a copy of the program's buffer in this process, and neither locks nor maps it. */
    for (MDL *Mdl = Irp->MdlAddress; Mdl; Mdl = Mdl->Next)
    {
        Mdl->Process = NULL;
        Mdl->MappedSystemVa = MmGetMdlVirtualAddress(Mdl);
        Mdl->MdlFlags |= MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA;
    }

    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    OPEN_FILE *File = Location->FileObject ? FindFile(Location->FileObject) : NULL;
    if (File)
        CreateStatus = File->CreateStatus;
    KeReleaseSpinLock(&FilesLock, Irql);
    if (!NT_SUCCESS(CreateStatus))
        return Complete(Irp, CreateStatus);
    CurrentThread = ThreadMark();
    CurrentIrp = Irp;
    BOOLEAN Control = Location->MajorFunction == IRP_MJ_DEVICE_CONTROL;
    NTSTATUS Status = Dispatch(OriginalOf(DeviceObject, Location->MajorFunction), DeviceObject, Irp,
                               Control ? "IRP_MJ_DEVICE_CONTROL" : "a dispatch routine",
                               Control ? Location->Parameters.DeviceIoControl.IoControlCode : Location->MajorFunction);
    CurrentIrp = NULL;
    return Status;
}

/* Closes what is open on a driver's devices, or on one of them, as Windows would. */
static VOID CloseFiles(_In_ DRIVER_OBJECT *DriverObject, _In_opt_ DEVICE_OBJECT *DeviceObject)
{
    OPEN_FILE *File;
    do
    {
        File = NULL;
        KIRQL Irql;
        KeAcquireSpinLock(&FilesLock, &Irql);
        for (LIST_ENTRY *Entry = Files.Flink; Entry != &Files && !File; Entry = Entry->Flink)
        {
            OPEN_FILE *Candidate = CONTAINING_RECORD(Entry, OPEN_FILE, Link);
            if (DeviceObject ? Candidate->DeviceObject == DeviceObject
                             : Candidate->DeviceObject->DriverObject == DriverObject)
            {
                File = Candidate;
            }
        }
        KeReleaseSpinLock(&FilesLock, Irql);
        if (File)
        {
            if (NT_SUCCESS(File->CreateStatus))
            {
                SendRequest(File->DeviceObject, File->FileObject, IRP_MJ_CLEANUP);
                SendRequest(File->DeviceObject, File->FileObject, IRP_MJ_CLOSE);
            }
            DEVICE_OBJECT *Last = ForgetFile(File->FileObject);
            if (Last)
                WineKernel.IoDeleteDevice(Last);
        }
    } while (File);
}

/* Windows removes a device only when all is closed that was opened through it ("Handling an IRP_MN_SURPRISE_REMOVAL
 * Request"); Wine removes it at once, and closes nothing. */
static NTSTATUS OnPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    if (IoGetCurrentIrpStackLocation(Irp)->MinorFunction == IRP_MN_REMOVE_DEVICE)
        CloseFiles(DeviceObject->DriverObject, DeviceObject);
    return Dispatch(OriginalOf(DeviceObject, IRP_MJ_PNP), DeviceObject, Irp, "IRP_MJ_PNP",
                    IoGetCurrentIrpStackLocation(Irp)->MinorFunction);
}

BOOLEAN FilesKnow(const VOID *FileObject)
{
    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    BOOLEAN Known = FindFile(FileObject) != NULL;
    KeReleaseSpinLock(&FilesLock, Irql);
    return Known;
}

BOOLEAN FilesAny(VOID)
{
    return !IsListEmpty(&Files);
}

/* From now on a driver's table leads here. Its own routines are what it has put there by now. */
VOID FilesInterpose(DRIVER_OBJECT *DriverObject)
{
    static const UCHAR Requests[] = {IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_FLUSH_BUFFERS};
    INTERPOSED *Driver = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Driver), KERNEL_TAG);
    if (!Driver)
        return;
    Driver->DriverObject = DriverObject;
    RtlCopyMemory(Driver->Original, DriverObject->MajorFunction, sizeof(Driver->Original));
    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    InsertTailList(&Drivers, &Driver->Link);
    KeReleaseSpinLock(&FilesLock, Irql);
    DriverObject->MajorFunction[IRP_MJ_CREATE] = OnCreate;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = OnClose;
    DriverObject->MajorFunction[IRP_MJ_PNP] = OnPnp;
    for (ULONG I = 0; I < sizeof(Requests); I++)
        DriverObject->MajorFunction[Requests[I]] = OnRequest;
}

/* A device is to be deleted. TRUE: files are open on it; it is deleted when the last one is closed. */
BOOLEAN FilesKeepDevice(DEVICE_OBJECT *DeviceObject)
{
    DYING_DEVICE *Device = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Device), KERNEL_TAG);
    if (!Device)
        return FALSE;
    Device->DeviceObject = DeviceObject;
    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    BOOLEAN Keep = HasFiles(DeviceObject);
    if (Keep)
        InsertTailList(&Dying, &Device->Link);
    KeReleaseSpinLock(&FilesLock, Irql);
    if (!Keep)
        ExFreePoolWithTag(Device, KERNEL_TAG);
    return Keep;
}

/* A driver goes although files are open: they are closed for it, and its table is its own again. */
VOID FilesCloseAll(DRIVER_OBJECT *DriverObject)
{
    INTERPOSED *Driver = NULL;
    CloseFiles(DriverObject, NULL);
    KIRQL Irql;
    KeAcquireSpinLock(&FilesLock, &Irql);
    for (LIST_ENTRY *Entry = Drivers.Flink; Entry != &Drivers; Entry = Entry->Flink)
    {
        INTERPOSED *Candidate = CONTAINING_RECORD(Entry, INTERPOSED, Link);
        if (Candidate->DriverObject == DriverObject)
            Driver = Candidate;
    }
    if (Driver)
    {
        RemoveEntryList(&Driver->Link);
        RtlCopyMemory(DriverObject->MajorFunction, Driver->Original, sizeof(Driver->Original));
    }
    KeReleaseSpinLock(&FilesLock, Irql);
    if (Driver)
        ExFreePoolWithTag(Driver, KERNEL_TAG);
}
