/* SPDX-License-Identifier: MIT */
/*
 * swdevice.sys: the bus of software devices, which Wine lacks. A control device takes requests from cfgmgr32.dll; each
 * software device is a PDO that the plug and play manager enumerates below this bus, so that its driver gets AddDevice,
 * START_DEVICE, SURPRISE_REMOVAL and REMOVE_DEVICE as it would in Windows.
 *
 * Threads: requests of programs arrive on one thread, those of the plug and play manager on another. One spin lock
 * guards the list of devices and their state; no call leaves the driver under it. A device is changed by the request
 * thread only until it is plugged, and freed only by the plug and play thread once it has been reported.
 */
#include <ntddk.h>
#include "host/wine/swdevice/swdevice.h"

#define SWDEVICE_TAG 'vDwS'

typedef enum _DEVICE_STAGE
{
    StageReserved, /* a handle has the name */
    StageWaiting,  /* to be plugged when its predecessor of the same name has gone */
    StageStopped,  /* the same, and when its Stopper has gone, too */
    StagePlugged,  /* reported to the plug and play manager */
    StageUnplugged /* no longer reported; its REMOVE_DEVICE is on the way */
} DEVICE_STAGE;

typedef struct _SOFTWARE_DEVICE
{
    LIST_ENTRY Link;
    DEVICE_STAGE Stage;
    PFILE_OBJECT Owner;   /* the handle, NULL when the device has outlived it */
    PFILE_OBJECT Stopper; /* the handle that stopped it */
    PDEVICE_OBJECT Pdo;
    ULONG Lifetime;
    ULONG Flags;      /* SWDEVICE_ENUMERATED and on */
    BOOLEAN Reported; /* the plug and play manager has seen it */
    WCHAR Id[SWDEVICE_ID_MAX];
    SWDEVICE_PLUG Plug;
} SOFTWARE_DEVICE, *PSOFTWARE_DEVICE;

/* The extension of every device object here; the bus has no Device. */
typedef struct _DEVICE_EXTENSION
{
    PSOFTWARE_DEVICE Device;
} DEVICE_EXTENSION, *PDEVICE_EXTENSION;

static PDEVICE_OBJECT Bus;
static LIST_ENTRY Devices;
static KSPIN_LOCK Lock;

DRIVER_INITIALIZE DriverEntry;

/* Of Wine's ntoskrnl.exe; mingw-w64's headers have neither. */
extern POBJECT_TYPE *IoDriverObjectType;
NTSTATUS NTAPI ObReferenceObjectByName(UNICODE_STRING *Name, ULONG Attributes, ACCESS_STATE *State, ACCESS_MASK Access,
                                       POBJECT_TYPE Type, KPROCESSOR_MODE Mode, void *Context, void **Object);

static PSOFTWARE_DEVICE DeviceOf(PDEVICE_OBJECT DeviceObject)
{
    return ((PDEVICE_EXTENSION)DeviceObject->DeviceExtension)->Device;
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static WCHAR Upper(WCHAR Unit)
{
    return Unit >= L'a' && Unit <= L'z' ? (WCHAR)(Unit - L'a' + L'A') : Unit;
}

static BOOLEAN SameId(const WCHAR *A, const WCHAR *B)
{
    while (*A && Upper(*A) == Upper(*B))
    {
        A++;
        B++;
    }
    return Upper(*A) == Upper(*B);
}

/* The device of that name that is not on its way out. Under the lock. */
static PSOFTWARE_DEVICE FindDevice(const WCHAR *Id)
{
    for (PLIST_ENTRY Entry = Devices.Flink; Entry != &Devices; Entry = Entry->Flink)
    {
        PSOFTWARE_DEVICE Device = CONTAINING_RECORD(Entry, SOFTWARE_DEVICE, Link);
        if (Device->Stage != StageUnplugged && SameId(Device->Id, Id))
            return Device;
    }
    return NULL;
}

/* The device whose handle this is. Under the lock. */
static PSOFTWARE_DEVICE FindOwned(PFILE_OBJECT Owner)
{
    for (PLIST_ENTRY Entry = Devices.Flink; Entry != &Devices; Entry = Entry->Flink)
    {
        PSOFTWARE_DEVICE Device = CONTAINING_RECORD(Entry, SOFTWARE_DEVICE, Link);
        if (Device->Owner == Owner)
            return Device;
    }
    return NULL;
}

static BOOLEAN IsLeaving(const WCHAR *Id)
{
    for (PLIST_ENTRY Entry = Devices.Flink; Entry != &Devices; Entry = Entry->Flink)
    {
        PSOFTWARE_DEVICE Device = CONTAINING_RECORD(Entry, SOFTWARE_DEVICE, Link);
        if (Device->Stage == StageUnplugged && SameId(Device->Id, Id))
            return TRUE;
    }
    return FALSE;
}

/*
 * Asks the plug and play manager to look at the bus twice: it works these off one after the other, so the second look
 * comes when the first has done all it does for a new device (MarkEnumerated).
 */
static VOID Invalidate(VOID)
{
    IoInvalidateDeviceRelations(Bus, BusRelations);
    IoInvalidateDeviceRelations(Bus, BusRelations);
}

/* --- requests of programs ------------------------------------------------------------------------------------------ */

static NTSTATUS Reserve(PFILE_OBJECT File, const WCHAR *Id, PULONG Existing)
{
    NTSTATUS Status = STATUS_SUCCESS;
    PSOFTWARE_DEVICE New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), SWDEVICE_TAG);
    if (!New)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(New, sizeof(*New));
    New->Stage = StageReserved;
    New->Owner = File;
    RtlCopyMemory(New->Id, Id, wcslen(Id) * sizeof(WCHAR));

    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    *Existing = 0;
    PSOFTWARE_DEVICE Device;
    if (FindOwned(File))
        Status = STATUS_INVALID_DEVICE_STATE;
    else if ((Device = FindDevice(Id)) != NULL && Device->Owner)
        Status = STATUS_OBJECT_NAME_COLLISION;
    else if (Device)
    {
        Device->Owner = File;
        *Existing = 1;
    }
    else
    {
        InsertTailList(&Devices, &New->Link);
        New = NULL;
    }
    KeReleaseSpinLock(&Lock, Irql);
    if (New)
        ExFreePoolWithTag(New, SWDEVICE_TAG);
    return Status;
}

static NTSTATUS CreatePdo(PDEVICE_OBJECT *Pdo)
{
    return IoCreateDevice(Bus->DriverObject, sizeof(DEVICE_EXTENSION), NULL, FILE_DEVICE_UNKNOWN,
                          FILE_AUTOGENERATED_DEVICE_NAME | FILE_DEVICE_SECURE_OPEN, FALSE, Pdo);
}

static NTSTATUS Plug(PFILE_OBJECT File, const SWDEVICE_PLUG *Input)
{
    BOOLEAN Now = FALSE;
    PDEVICE_OBJECT Pdo;
    NTSTATUS Status = CreatePdo(&Pdo);
    if (!NT_SUCCESS(Status))
        return Status;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    PSOFTWARE_DEVICE Device = FindOwned(File);
    if (!Device || Device->Stage != StageReserved)
        Status = STATUS_INVALID_DEVICE_STATE;
    else
    {
        Device->Plug = *Input;
        Device->Plug.ContainerId[RTL_NUMBER_OF(Device->Plug.ContainerId) - 1] = 0;
        Device->Plug.Description[SWDEVICE_TEXT_MAX - 1] = 0;
        Device->Flags = (Input->Capabilities & 8 ? SWDEVICE_NEEDS_DRIVER : 0) |
                        (Input->Capabilities & 1 ? SWDEVICE_IS_REMOVABLE : 0);
        Device->Pdo = Pdo;
        ((PDEVICE_EXTENSION)Pdo->DeviceExtension)->Device = Device;
        Pdo->Flags &= ~DO_DEVICE_INITIALIZING;
        Now = !IsLeaving(Device->Id);
        Device->Stage = Now ? StagePlugged : StageWaiting;
        Pdo = NULL;
    }
    KeReleaseSpinLock(&Lock, Irql);
    if (Pdo)
        IoDeleteDevice(Pdo);
    if (Now)
        Invalidate();
    return Status;
}

/* Takes a device out of the bus's children; a device that they never were is freed here. Under the lock. */
static PSOFTWARE_DEVICE Unplug(PSOFTWARE_DEVICE Device)
{
    Device->Owner = NULL;
    if (Device->Stage == StagePlugged && Device->Reported)
    {
        Device->Stage = StageUnplugged;
        return NULL;
    }
    RemoveEntryList(&Device->Link);
    return Device;
}

static VOID FreeDevice(PSOFTWARE_DEVICE Device)
{
    if (Device->Pdo)
        IoDeleteDevice(Device->Pdo);
    ExFreePoolWithTag(Device, SWDEVICE_TAG);
}

static NTSTATUS UnplugById(const WCHAR *Id)
{
    PSOFTWARE_DEVICE Gone = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    PSOFTWARE_DEVICE Device = FindDevice(Id);
    if (Device)
        Gone = Unplug(Device);
    KeReleaseSpinLock(&Lock, Irql);
    if (Gone)
        FreeDevice(Gone);
    if (!Device)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    Invalidate();
    return STATUS_SUCCESS;
}

/* A second record takes the place of the device, which leaves. */
static NTSTATUS Stop(PFILE_OBJECT Stopper, const WCHAR *Id, PULONG Leaving)
{
    PSOFTWARE_DEVICE Gone = NULL, New = ExAllocatePoolWithTag(NonPagedPool, sizeof(*New), SWDEVICE_TAG);
    PDEVICE_OBJECT Pdo = NULL;
    NTSTATUS Status = STATUS_SUCCESS;
    if (!New)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = CreatePdo(&Pdo);
    if (!NT_SUCCESS(Status))
        goto cleanupNew;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    PSOFTWARE_DEVICE Device = FindDevice(Id);
    if (!Device)
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    else if (Device->Stage == StagePlugged)
    {
        *New = *Device;
        New->Stage = StageStopped;
        New->Stopper = Stopper;
        New->Reported = FALSE;
        New->Flags &= SWDEVICE_NEEDS_DRIVER | SWDEVICE_IS_REMOVABLE;
        New->Pdo = Pdo;
        ((PDEVICE_EXTENSION)Pdo->DeviceExtension)->Device = New;
        Pdo->Flags &= ~DO_DEVICE_INITIALIZING;
        Gone = Unplug(Device);
        InsertTailList(&Devices, &New->Link);
        New = NULL;
        Pdo = NULL;
    }
    *Leaving = IsLeaving(Id);
    KeReleaseSpinLock(&Lock, Irql);
    if (Gone)
        FreeDevice(Gone);
    if (!New)
        Invalidate();
    if (Pdo)
        IoDeleteDevice(Pdo);
cleanupNew:
    if (New)
        ExFreePoolWithTag(New, SWDEVICE_TAG);
    return Status;
}

/* What this handle has stopped may start again. */
static VOID Resume(PFILE_OBJECT Stopper)
{
    BOOLEAN Any = FALSE;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    for (PLIST_ENTRY Entry = Devices.Flink; Entry != &Devices; Entry = Entry->Flink)
    {
        PSOFTWARE_DEVICE Device = CONTAINING_RECORD(Entry, SOFTWARE_DEVICE, Link);
        if (Device->Stage != StageStopped || Device->Stopper != Stopper)
            continue;
        Device->Stage = IsLeaving(Device->Id) ? StageWaiting : StagePlugged;
        Any = TRUE;
    }
    KeReleaseSpinLock(&Lock, Irql);
    if (Any)
        Invalidate();
}

static NTSTATUS UnloadService(const WCHAR *Name)
{
    static const WCHAR Prefix[] = L"\\Driver\\", Key[] = L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\";
    WCHAR Text[RTL_NUMBER_OF(Key) + SWDEVICE_ID_MAX];
    wcscpy(Text, Prefix);
    wcscat(Text, Name);
    UNICODE_STRING String;
    RtlInitUnicodeString(&String, Text);
    PDRIVER_OBJECT Driver;
    NTSTATUS Status =
        ObReferenceObjectByName(&String, 0, NULL, 0, *IoDriverObjectType, KernelMode, NULL, (PVOID *)&Driver);
    if (!NT_SUCCESS(Status))
        return STATUS_SUCCESS; /* it is not loaded */
    BOOLEAN Idle = Driver->DeviceObject == NULL;
    ObDereferenceObject(Driver);
    if (!Idle)
        return STATUS_DEVICE_BUSY;
    wcscpy(Text, Key);
    wcscat(Text, Name);
    RtlInitUnicodeString(&String, Text);
    return ZwUnloadDriver(&String);
}

static ULONG QueryFlags(const WCHAR *Id)
{
    ULONG Flags = 0;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    PSOFTWARE_DEVICE Device = FindDevice(Id);
    if (Device && Device->Stage != StageReserved)
        Flags = Device->Flags | SWDEVICE_PRESENT | (Device->Pdo->AttachedDevice ? SWDEVICE_ATTACHED : 0);
    KeReleaseSpinLock(&Lock, Irql);
    return Flags;
}

static NTSTATUS Lifetime(PFILE_OBJECT File, BOOLEAN Set, PULONG Value)
{
    if (Set && *Value > SWDEVICE_PARENT_PRESENT)
        return STATUS_INVALID_PARAMETER;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    PSOFTWARE_DEVICE Device = FindOwned(File);
    if (Device && Set)
        Device->Lifetime = *Value;
    else if (Device)
        *Value = Device->Lifetime;
    KeReleaseSpinLock(&Lock, Irql);
    return Device ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_STATE;
}

static NTSTATUS DispatchCreate(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    return Complete(Irp, DeviceOf(DeviceObject) ? STATUS_INVALID_DEVICE_REQUEST : STATUS_SUCCESS, 0);
}

static NTSTATUS DispatchClose(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PFILE_OBJECT File = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    PSOFTWARE_DEVICE Gone = NULL;
    Resume(File);
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    PSOFTWARE_DEVICE Device = File ? FindOwned(File) : NULL;
    if (Device && Device->Lifetime == SWDEVICE_PARENT_PRESENT && Device->Stage != StageReserved)
    {
        Device->Owner = NULL;
        Device = NULL;
    }
    else if (Device)
        Gone = Unplug(Device);
    KeReleaseSpinLock(&Lock, Irql);
    if (Gone)
        FreeDevice(Gone);
    else if (Device)
        Invalidate();
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS DispatchControl(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG InputLength = Stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG OutputLength = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    ULONG Code = Stack->Parameters.DeviceIoControl.IoControlCode, Value = 0;
    PVOID Buffer = Irp->AssociatedIrp.SystemBuffer;
    BOOLEAN TakesId = Code == IOCTL_SWDEVICE_RESERVE || Code == IOCTL_SWDEVICE_QUERY || Code == IOCTL_SWDEVICE_UNPLUG ||
                      Code == IOCTL_SWDEVICE_STOP || Code == IOCTL_SWDEVICE_UNLOAD;
    BOOLEAN GivesValue = Code == IOCTL_SWDEVICE_RESERVE || Code == IOCTL_SWDEVICE_QUERY ||
                         Code == IOCTL_SWDEVICE_GET_LIFETIME || Code == IOCTL_SWDEVICE_STOP;
    if (DeviceOf(DeviceObject))
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    if (TakesId && (InputLength < 2 * sizeof(WCHAR) || InputLength > SWDEVICE_ID_MAX * sizeof(WCHAR) ||
                    ((WCHAR *)Buffer)[InputLength / sizeof(WCHAR) - 1]))
        return Complete(Irp, STATUS_INVALID_PARAMETER, 0);
    if (GivesValue && OutputLength < sizeof(Value))
        return Complete(Irp, STATUS_BUFFER_TOO_SMALL, 0);

    NTSTATUS Status;
    switch (Code)
    {
    case IOCTL_SWDEVICE_RESERVE:
        Status = Reserve(Stack->FileObject, Buffer, &Value);
        break;
    case IOCTL_SWDEVICE_PLUG:
        Status = InputLength == sizeof(SWDEVICE_PLUG) ? Plug(Stack->FileObject, Buffer) : STATUS_INVALID_PARAMETER;
        break;
    case IOCTL_SWDEVICE_SET_LIFETIME:
        Status = InputLength == sizeof(ULONG) ? Lifetime(Stack->FileObject, TRUE, Buffer) : STATUS_INVALID_PARAMETER;
        break;
    case IOCTL_SWDEVICE_GET_LIFETIME:
        Status = Lifetime(Stack->FileObject, FALSE, &Value);
        break;
    case IOCTL_SWDEVICE_QUERY:
        Value = QueryFlags(Buffer);
        Status = STATUS_SUCCESS;
        break;
    case IOCTL_SWDEVICE_UNPLUG:
        Status = UnplugById(Buffer);
        break;
    case IOCTL_SWDEVICE_STOP:
        Status = Stop(Stack->FileObject, Buffer, &Value);
        break;
    case IOCTL_SWDEVICE_UNLOAD:
        Status = UnloadService(Buffer);
        break;
    default:
        Status = STATUS_INVALID_DEVICE_REQUEST;
        break;
    }
    if (!GivesValue || !NT_SUCCESS(Status))
        return Complete(Irp, Status, 0);
    *(PULONG)Buffer = Value;
    return Complete(Irp, Status, sizeof(Value));
}

/* --- the bus, as the plug and play manager sees it ----------------------------------------------------------------- */

/* Asks a device's driver whether it works (IRP_MN_QUERY_PNP_DEVICE_STATE). Called without the lock. */
static BOOLEAN HasFailed(PDEVICE_OBJECT Pdo)
{
    PDEVICE_OBJECT Top = IoGetAttachedDevice(Pdo);
    IO_STATUS_BLOCK Result = {0};
    if (Top == Pdo)
        return FALSE;
    KEVENT Done;
    KeInitializeEvent(&Done, NotificationEvent, FALSE);
    PIRP Irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Top, NULL, 0, NULL, &Done, &Result);
    if (!Irp)
        return FALSE;
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    IoGetNextIrpStackLocation(Irp)->MinorFunction = IRP_MN_QUERY_PNP_DEVICE_STATE;
    if (IoCallDriver(Top, Irp) == STATUS_PENDING)
        KeWaitForSingleObject(&Done, Executive, KernelMode, FALSE, NULL);
    return NT_SUCCESS(Result.Status) && (Result.Information & PNP_DEVICE_FAILED);
}

/* One device that was reported at an earlier look, with a reference to it, or NULL: what is to come to it has come. */
static PDEVICE_OBJECT NextToMark(VOID)
{
    PDEVICE_OBJECT Pdo = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    for (PLIST_ENTRY Entry = Devices.Flink; Entry != &Devices && !Pdo; Entry = Entry->Flink)
    {
        PSOFTWARE_DEVICE Device = CONTAINING_RECORD(Entry, SOFTWARE_DEVICE, Link);
        if (Device->Stage == StagePlugged && Device->Reported && !(Device->Flags & SWDEVICE_ENUMERATED))
            Pdo = Device->Pdo;
    }
    if (Pdo)
        ObReferenceObject(Pdo);
    KeReleaseSpinLock(&Lock, Irql);
    return Pdo;
}

static VOID MarkEnumerated(VOID)
{
    PDEVICE_OBJECT Pdo;
    while ((Pdo = NextToMark()) != NULL)
    {
        /* Only this thread frees a reported device, so the device is still there. */
        BOOLEAN Failed = HasFailed(Pdo);
        KIRQL Irql;
        KeAcquireSpinLock(&Lock, &Irql);
        DeviceOf(Pdo)->Flags |= SWDEVICE_ENUMERATED | (Failed ? SWDEVICE_FAILED : 0);
        KeReleaseSpinLock(&Lock, Irql);
        ObDereferenceObject(Pdo);
    }
}

static NTSTATUS QueryChildren(PIRP Irp)
{
    ULONG Count = 0, Capacity = 0;
    MarkEnumerated();
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    for (PLIST_ENTRY Entry = Devices.Flink; Entry != &Devices; Entry = Entry->Flink)
        Capacity++;
    KeReleaseSpinLock(&Lock, Irql);
    PDEVICE_RELATIONS Relations =
        ExAllocatePoolWithTag(PagedPool, sizeof(*Relations) + Capacity * sizeof(PDEVICE_OBJECT), SWDEVICE_TAG);
    if (!Relations)
        return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    KeAcquireSpinLock(&Lock, &Irql);
    for (PLIST_ENTRY Entry = Devices.Flink; Entry != &Devices && Count < Capacity; Entry = Entry->Flink)
    {
        PSOFTWARE_DEVICE Device = CONTAINING_RECORD(Entry, SOFTWARE_DEVICE, Link);
        if (Device->Stage != StagePlugged)
            continue;
        Device->Reported = TRUE;
        ObReferenceObject(Device->Pdo);
        Relations->Objects[Count++] = Device->Pdo;
    }
    KeReleaseSpinLock(&Lock, Irql);
    Relations->Count = Count;
    return Complete(Irp, STATUS_SUCCESS, (ULONG_PTR)Relations);
}

/* --- one device, as the plug and play manager sees it -------------------------------------------------------------- */

static NTSTATUS ReturnString(PIRP Irp, const WCHAR *String, SIZE_T Units)
{
    WCHAR *Copy = ExAllocatePoolWithTag(PagedPool, (Units + 2) * sizeof(WCHAR), SWDEVICE_TAG);
    if (!Copy)
        return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    RtlCopyMemory(Copy, String, Units * sizeof(WCHAR));
    Copy[Units] = Copy[Units + 1] = 0;
    return Complete(Irp, STATUS_SUCCESS, (ULONG_PTR)Copy);
}

static NTSTATUS QueryId(PSOFTWARE_DEVICE Device, PIRP Irp, BUS_QUERY_ID_TYPE Type)
{
    const WCHAR *Instance = wcsrchr(Device->Id, L'\\');
    switch (Type)
    {
    case BusQueryDeviceID:
        return ReturnString(Irp, Device->Id, (SIZE_T)(Instance - Device->Id));
    case BusQueryInstanceID:
        return ReturnString(Irp, Instance + 1, wcslen(Instance + 1));
    case BusQueryHardwareIDs:
    case BusQueryCompatibleIDs:
        /* Wine asks only in order to install a driver by itself. cfgmgr32 has done that, or there is none; and Wine, which
         * knows no driver store, would look for the files beside the INF and never give up. */
        return Complete(Irp, STATUS_NOT_SUPPORTED, 0);
    case BusQueryContainerID:
        if (Device->Plug.ContainerId[0])
            return ReturnString(Irp, Device->Plug.ContainerId, wcslen(Device->Plug.ContainerId));
        break;
    default:
        break;
    }
    return Complete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

/* The last that a device hears. A successor of the same name has waited for it. */
static VOID Removed(PSOFTWARE_DEVICE Device)
{
    KIRQL Irql;
    KeAcquireSpinLock(&Lock, &Irql);
    RemoveEntryList(&Device->Link);
    PSOFTWARE_DEVICE Successor = FindDevice(Device->Id);
    if (Successor && Successor->Stage == StageWaiting && !IsLeaving(Device->Id))
        Successor->Stage = StagePlugged;
    else
        Successor = NULL;
    KeReleaseSpinLock(&Lock, Irql);
    FreeDevice(Device);
    if (Successor)
        Invalidate();
}

static NTSTATUS DispatchDevicePnp(PSOFTWARE_DEVICE Device, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    PDEVICE_CAPABILITIES Capabilities;
    NTSTATUS Status;
    switch (Stack->MinorFunction)
    {
    case IRP_MN_START_DEVICE:
        Device->Flags |= SWDEVICE_STARTED;
        return Complete(Irp, STATUS_SUCCESS, 0);
    case IRP_MN_QUERY_ID:
        return QueryId(Device, Irp, Stack->Parameters.QueryId.IdType);
    case IRP_MN_QUERY_DEVICE_TEXT:
        if (Stack->Parameters.QueryDeviceText.DeviceTextType == DeviceTextDescription && Device->Plug.Description[0])
            return ReturnString(Irp, Device->Plug.Description, wcslen(Device->Plug.Description));
        break;
    case IRP_MN_QUERY_CAPABILITIES:
        Capabilities = Stack->Parameters.DeviceCapabilities.Capabilities;
        Capabilities->RawDeviceOK = !(Device->Flags & SWDEVICE_NEEDS_DRIVER);
        Capabilities->Removable = (Device->Flags & SWDEVICE_IS_REMOVABLE) != 0;
        Capabilities->SilentInstall = (Device->Plug.Capabilities & 2) != 0;
        Capabilities->NoDisplayInUI = (Device->Plug.Capabilities & 4) != 0;
        Capabilities->SurpriseRemovalOK = 1;
        Capabilities->UniqueID = 1;
        return Complete(Irp, STATUS_SUCCESS, 0);
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        return Complete(Irp, STATUS_SUCCESS, Irp->IoStatus.Information);
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        return Complete(Irp, STATUS_SUCCESS, 0);
    case IRP_MN_REMOVE_DEVICE:
        Device->Flags &= ~(ULONG)SWDEVICE_STARTED;
        Status = Complete(Irp, STATUS_SUCCESS, 0);
        if (Device->Stage == StageUnplugged)
            Removed(Device);
        return Status;
    default:
        break;
    }
    return Complete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

static NTSTATUS DispatchPnp(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION Stack = IoGetCurrentIrpStackLocation(Irp);
    if (DeviceOf(DeviceObject))
        return DispatchDevicePnp(DeviceOf(DeviceObject), Irp);
    if (Stack->MinorFunction == IRP_MN_QUERY_DEVICE_RELATIONS &&
        Stack->Parameters.QueryDeviceRelations.Type == BusRelations)
        return QueryChildren(Irp);
    return Complete(Irp, Irp->IoStatus.Status, Irp->IoStatus.Information);
}

/* The bus succeeds every power request but one to wake the system, which nothing here can: "Rules for Handling Power IRPs". */
static NTSTATUS DispatchPower(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UCHAR Minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    BOOLEAN Power = Minor == IRP_MN_SET_POWER || Minor == IRP_MN_QUERY_POWER;
    return Complete(Irp, Power ? STATUS_SUCCESS : Irp->IoStatus.Status, 0);
}

/* --- the driver ---------------------------------------------------------------------------------------------------- */

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\DosDevices\\SwDevice");
    IoDeleteSymbolicLink(&Link);
    IoDeleteDevice(Bus);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\SwDevice"),
                   Link = RTL_CONSTANT_STRING(L"\\DosDevices\\SwDevice");
    InitializeListHead(&Devices);
    KeInitializeSpinLock(&Lock);
    DriverObject->DriverUnload = Unload;
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DispatchCreate;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = DispatchClose;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchControl;
    DriverObject->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    DriverObject->MajorFunction[IRP_MJ_POWER] = DispatchPower;
    NTSTATUS Status =
        IoCreateDevice(DriverObject, sizeof(DEVICE_EXTENSION), &Name, FILE_DEVICE_BUS_EXTENDER, 0, FALSE, &Bus);
    if (!NT_SUCCESS(Status))
        return Status;
    IoDeleteSymbolicLink(&Link); /* in Wine it outlives a process that is killed */
    Status = IoCreateSymbolicLink(&Link, &Name);
    if (!NT_SUCCESS(Status))
        IoDeleteDevice(Bus);
    else
        Bus->Flags &= ~DO_DEVICE_INITIALIZING;
    return Status;
}
