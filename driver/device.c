/* SPDX-License-Identifier: MIT */
/*
 * The control device of an adapter: what a program opens, and the requests it makes there. Dispatch routines run at
 * PASSIVE_LEVEL in the thread of the program that asks, CLEANUP and CLOSE in any. Nothing is allocated per open; whose a
 * session is tells its FILE_OBJECT. A device may be asked after its adapter is gone, while handles are still open.
 */
#include "driver/tun.h"

static DRIVER_DISPATCH DispatchCreate, DispatchCleanup, DispatchControl;

TUN_DRIVER Driver; /* here, because it is mainly the table by which a device finds its adapter; DriverEntry fills it */

static NTSTATUS Complete(_Inout_ IRP *Irp, _In_ NTSTATUS Status, _In_ ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Finds the adapter of a device and keeps it from going until ReleaseAdapter. NULL: it is gone, or going. */
static TUN_ADAPTER *ReferenceAdapter(_In_ const DEVICE_OBJECT *DeviceObject)
{
    TUN_ADAPTER *Found = NULL;
    /* A program's thread that is suspended, by a normal kernel APC, must not keep Halt waiting: "KeEnterCriticalRegion". */
    KeEnterCriticalRegion();
    KIRQL Irql;
    KeAcquireSpinLock(&Driver.AdaptersLock, &Irql);
    for (LIST_ENTRY *Entry = Driver.Adapters.Flink; Entry != &Driver.Adapters; Entry = Entry->Flink)
    {
        TUN_ADAPTER *Adapter = CONTAINING_RECORD(Entry, TUN_ADAPTER, Entry);
        if (Adapter->DeviceObject != DeviceObject)
            continue;
        if (ExAcquireRundownProtection(&Adapter->Requests))
            Found = Adapter;
        break;
    }
    KeReleaseSpinLock(&Driver.AdaptersLock, Irql);
    if (!Found)
        KeLeaveCriticalRegion();
    return Found;
}

static VOID ReleaseAdapter(_Inout_ TUN_ADAPTER *Adapter)
{
    ExReleaseRundownProtection(&Adapter->Requests);
    KeLeaveCriticalRegion();
}

/* Writes Value in hexadecimal, Digits capitals wide, and returns the place behind it. */
static WCHAR *AppendHex(_Out_ WCHAR *Out, _In_ ULONG Value, _In_ ULONG Digits)
{
    for (ULONG Digit = Digits; Digit-- > 0; Value >>= 4)
        Out[Digit] = L"0123456789ABCDEF"[Value & 15];
    return Out + Digits;
}

static WCHAR *AppendString(_Out_ WCHAR *Out, _In_ const WCHAR *String)
{
    while (*String)
        *Out++ = *String++;
    return Out;
}

/* Gives the device the access list that the adapter's creator wants, in place of the default. */
static NTSTATUS SetAccessList(_In_ DEVICE_OBJECT *DeviceObject, _In_ PSECURITY_DESCRIPTOR AccessList)
{
    HANDLE Handle;
    /* "ObOpenObjectByPointer function (ntifs.h)": the type may be left out where AccessMode is KernelMode. */
    NTSTATUS Status =
        ObOpenObjectByPointer(DeviceObject, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, NULL, KernelMode, &Handle);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ZwSetSecurityObject(Handle, DACL_SECURITY_INFORMATION, AccessList);
    ZwClose(Handle);
    return Status;
}

/*
 * Makes the adapter's control device; from its last statement on, programs use it. Called last in Initialize.
 * PASSIVE_LEVEL. "NdisRegisterDeviceEx function (ndis.h)", "Securing Device Objects".
 */
_Use_decl_annotations_
NTSTATUS DeviceCreate(TUN_ADAPTER *Adapter, PSECURITY_DESCRIPTOR AccessList)
{
    WCHAR Name[64];
    WCHAR *End = AppendString(Name, L"\\Device\\" TUN_DEVICE_PREFIX);
    End = AppendHex(End, atomic_fetch_add_explicit(&Driver.DeviceCounter, 1, memory_order_relaxed), 8);
    *End = 0;

    const TUN_GUID *Guid = &Adapter->Guid;
    WCHAR Link[96];
    End = AppendString(Link, L"\\DosDevices\\Global\\" TUN_DEVICE_PREFIX L"{");
    End = AppendString(AppendHex(End, Guid->Data1, 8), L"-");
    End = AppendString(AppendHex(End, Guid->Data2, 4), L"-");
    End = AppendString(AppendHex(End, Guid->Data3, 4), L"-");
    for (ULONG Byte = 0; Byte < 8; Byte++)
        End = AppendString(AppendHex(End, Guid->Data4[Byte], 2), Byte == 1 ? L"-" : L"");
    *AppendString(End, L"}") = 0;

    UNICODE_STRING NameString, Sddl = RTL_CONSTANT_STRING(L"D:P(A;;GA;;;SY)(A;;GA;;;BA)");
    RtlInitUnicodeString(&NameString, Name);
    UNICODE_STRING LinkString;
    RtlInitUnicodeString(&LinkString, Link);
    PDRIVER_DISPATCH Dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1] = {
        [IRP_MJ_CREATE] = DispatchCreate,
        [IRP_MJ_CLEANUP] = DispatchCleanup,
        [IRP_MJ_CLOSE] = DispatchCleanup,
        [IRP_MJ_DEVICE_CONTROL] = DispatchControl,
    };
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES,
                   .Revision = NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1,
                   .Size = NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1},
        .DeviceName = &NameString,
        .SymbolicName = &LinkString,
        .MajorFunctions = Dispatch,
        .DefaultSDDLString = &Sddl,
    };
    NDIS_STATUS Status =
        NdisRegisterDeviceEx(Driver.Handle, &Attributes, &Adapter->DeviceObject, &Adapter->DeviceHandle);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    if (AccessList)
    {
        Status = SetAccessList(Adapter->DeviceObject, AccessList);
        if (!NT_SUCCESS(Status))
        {
            NdisDeregisterDeviceEx(Adapter->DeviceHandle);
            return Status;
        }
    }
    KIRQL Irql;
    KeAcquireSpinLock(&Driver.AdaptersLock, &Irql);
    InsertTailList(&Driver.Adapters, &Adapter->Entry);
    KeReleaseSpinLock(&Driver.AdaptersLock, Irql);
    return STATUS_SUCCESS;
}

/* Undoes DeviceCreate: when it returns no request is or comes in. PASSIVE_LEVEL, first thing in Halt after the session's
 * end. "NdisDeregisterDeviceEx function (ndis.h)". */
_Use_decl_annotations_
VOID DeviceDelete(TUN_ADAPTER *Adapter)
{
    KIRQL Irql;
    KeAcquireSpinLock(&Driver.AdaptersLock, &Irql);
    RemoveEntryList(&Adapter->Entry);
    KeReleaseSpinLock(&Driver.AdaptersLock, Irql);
    ExWaitForRundownProtectionRelease(&Adapter->Requests);
    NdisDeregisterDeviceEx(Adapter->DeviceHandle);
}

/* Called when a program opens the device. There is nothing behind it: a name after the device's own is refused, and so is
 * an open relative to another file. "Controlling Device Namespace Access". */
_Use_decl_annotations_
static NTSTATUS DispatchCreate(DEVICE_OBJECT *DeviceObject, IRP *Irp)
{
    IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    if (Stack->FileObject->FileName.Length != 0 || Stack->FileObject->RelatedFileObject != NULL)
        return Complete(Irp, STATUS_OBJECT_NAME_INVALID, 0);
    TUN_ADAPTER *Adapter = ReferenceAdapter(DeviceObject);
    if (!Adapter)
        return Complete(Irp, STATUS_DEVICE_NOT_READY, 0);
    ReleaseAdapter(Adapter);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

/* Called when the last handle to an open file is closed, in whichever process that is: its session ends. And again when the
 * file's last reference goes, and its last request with it: a START that was under way meanwhile may have left a session.
 * "Errors in Handling Cleanup and Close Operations". */
_Use_decl_annotations_
static NTSTATUS DispatchCleanup(DEVICE_OBJECT *DeviceObject, IRP *Irp)
{
    TUN_ADAPTER *Adapter = ReferenceAdapter(DeviceObject);
    if (Adapter)
    {
        SessionEnd(Adapter, IoGetCurrentIrpStackLocation(Irp)->FileObject, TUN_CLOSED_ENDED);
        ReleaseAdapter(Adapter);
    }
    return Complete(Irp, STATUS_SUCCESS, 0);
}

/* ReferenceAdapter has entered the critical region that the lock wants. */
static VOID AnswerQuery(_Inout_ TUN_ADAPTER *Adapter, _Out_ TUN_QUERY *Query)
{
    ExAcquireResourceExclusiveLite(&Adapter->SessionLock, TRUE);
    const TUN_SESSION *Session = Adapter->Session, *Monitor = Adapter->Monitor;
    *Query = (TUN_QUERY){
        .Protocol = TUN_PROTOCOL,
        .DriverVersion = TUN_VERSION,
        .DriverPatch = PLAINTUN_VERSION_PATCH,
        .NetLuid = Adapter->NetLuid,
        .IfIndex = Adapter->IfIndex,
        .Mtu = Adapter->Mtu,
        .Guid = Adapter->Guid,
        .SessionActive = Session != NULL,
        .Running = KeReadStateEvent(&Adapter->Running) != 0,
        .SessionProcessId = Session ? Session->ProcessId : 0,
        .MonitorProcessId = Monitor ? Monitor->ProcessId : 0,
    };
    ExReleaseResourceLite(&Adapter->SessionLock);
}

static VOID AnswerStatistics(_Inout_ TUN_ADAPTER *Adapter, _Out_ TUN_STATISTICS *Statistics)
{
    ExAcquireResourceExclusiveLite(&Adapter->SessionLock, TRUE);
    ReportCounters(Adapter, &Statistics->Adapter);
    const uint64_t *Now = &Statistics->Adapter.ToAppPackets, *Base = &Adapter->SessionBase.ToAppPackets;
    for (ULONG I = 0; I < sizeof(TUN_COUNTERS) / sizeof(*Now); I++) /* nothing but counters, all of one type */
        (&Statistics->Session.ToAppPackets)[I] = Now[I] - Base[I];
    Statistics->MonitorPackets = CounterRead(&Adapter->MonitorPackets);
    Statistics->MonitorDrops = CounterRead(&Adapter->MonitorDrops);
    ExReleaseResourceLite(&Adapter->SessionLock);
}

/* Called for a program's requests (session.h). METHOD_BUFFERED: input and output share one kernel buffer, so input is
 * taken out before output is written. "Buffer Descriptions for I/O Control Codes". */
_Use_decl_annotations_
static NTSTATUS DispatchControl(DEVICE_OBJECT *DeviceObject, IRP *Irp)
{
    IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    VOID *Buffer = Irp->AssociatedIrp.SystemBuffer;
    ULONG InputSize = Stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG OutputSize = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG_PTR Written = 0;
    TUN_ADAPTER *Adapter = ReferenceAdapter(DeviceObject);
    if (!Adapter)
        return Complete(Irp, STATUS_DEVICE_REMOVED, 0);
    switch (Stack->Parameters.DeviceIoControl.IoControlCode)
    {
    case TUN_IOCTL_QUERY:
        if (OutputSize < sizeof(TUN_QUERY))
        {
            Status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        AnswerQuery(Adapter, Buffer);
        Written = sizeof(TUN_QUERY);
        break;
    case TUN_IOCTL_STATISTICS:
        if (OutputSize < sizeof(TUN_STATISTICS))
        {
            Status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        AnswerStatistics(Adapter, Buffer);
        Written = sizeof(TUN_STATISTICS);
        break;
    case TUN_IOCTL_START:
    {
        /* The protocol first: the rest of another one's input may have any size. */
        if (InputSize >= sizeof(ULONG) && *(ULONG *)Buffer != TUN_PROTOCOL)
        {
            Status = STATUS_REVISION_MISMATCH;
            break;
        }
        TUN_START_INPUT Input;
        if (InputSize != sizeof(Input) || OutputSize < sizeof(TUN_START_OUTPUT))
        {
            Status = STATUS_INVALID_BUFFER_SIZE;
            break;
        }
        RtlCopyMemory(&Input, Buffer, sizeof(Input));
        RtlZeroMemory(Buffer, sizeof(TUN_START_OUTPUT));
        Status = SessionStart(Adapter, Stack->FileObject, &Input, Buffer);
        if (NT_SUCCESS(Status))
            Written = sizeof(TUN_START_OUTPUT);
        break;
    }
    case TUN_IOCTL_END:
        SessionEnd(Adapter, Stack->FileObject, TUN_CLOSED_ENDED);
        break;
    default:
        Status = STATUS_INVALID_DEVICE_REQUEST;
    }
    ReleaseAdapter(Adapter);
    return Complete(Irp, Status, Written);
}
