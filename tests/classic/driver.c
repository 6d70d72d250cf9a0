/* SPDX-License-Identifier: MIT */
/*
 * Entry of the classic miniport, the dispatch routines with which it replaces NDIS's, and the list of its adapters. The
 * list, and who has which adapter, are under ClassicLock, an ERESOURCE; it is never taken while packets move.
 * PASSIVE_LEVEL. "NdisMRegisterMiniportDriver function (ndis.h)", "PsSetCreateProcessNotifyRoutine function (ntddk.h)".
 */
#include "tests/classic/classic.h"
#include "tests/miniport.h"

NDIS_HANDLE ClassicDriver;

static ERESOURCE ClassicLock;
static LIST_ENTRY Adapters;
static PDRIVER_DISPATCH NdisDeviceControl, NdisClose, NdisPnp;
static volatile LONG64 Born, Died;

DRIVER_INITIALIZE DriverEntry;

static VOID LockExclusive(VOID)
{
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&ClassicLock, TRUE);
}

static VOID Unlock(VOID)
{
    ExReleaseResourceLite(&ClassicLock);
    KeLeaveCriticalRegion();
}

/* With the lock held. NULL: the device is none of an adapter's. */
static CLASSIC_ADAPTER *Find(_In_ const DEVICE_OBJECT *Device)
{
    for (LIST_ENTRY *Entry = Adapters.Flink; Entry != &Adapters; Entry = Entry->Flink)
    {
        CLASSIC_ADAPTER *Adapter = CONTAINING_RECORD(Entry, CLASSIC_ADAPTER, Link);
        if (Adapter->Fdo == Device)
            return Adapter;
    }
    return NULL;
}

VOID ClassicAddAdapter(CLASSIC_ADAPTER *Adapter)
{
    LockExclusive();
    InsertTailList(&Adapters, &Adapter->Link);
    Unlock();
}

VOID ClassicRemoveAdapter(CLASSIC_ADAPTER *Adapter)
{
    LockExclusive();
    ClassicEnd(Adapter);
    RemoveEntryList(&Adapter->Link);
    Unlock();
}

static NTSTATUS Complete(_Inout_ IRP *Irp, _In_ NTSTATUS Status, _In_ ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* Takes the request from the program's memory, once; a 32-bit program's pointers are widened. */
static NTSTATUS CopyStart(_Inout_ IRP *Irp, _Out_ CLASSIC_START *Start)
{
    IO_STACK_LOCATION *Location = IoGetCurrentIrpStackLocation(Irp);
    PVOID Buffer = Location->Parameters.DeviceIoControl.Type3InputBuffer;
    ULONG Length = Location->Parameters.DeviceIoControl.InputBufferLength;
    BOOLEAN Narrow = IoIs32bitProcess(Irp);
    CLASSIC_START32 Small;
    if (Length != (Narrow ? sizeof(Small) : sizeof(*Start)))
        return STATUS_INVALID_PARAMETER;
    __try
    {
        ProbeForRead(Buffer, Length, Narrow ? sizeof(ULONG) : sizeof(PVOID));
        RtlCopyMemory(Narrow ? (PVOID)&Small : (PVOID)Start, Buffer, Length);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return GetExceptionCode();
    }
    if (Narrow)
    {
        *Start = (CLASSIC_START){.ToProgram = {.Ring = (PVOID)(ULONG_PTR)Small.ToProgram.Ring,
                                               .Event = (HANDLE)(ULONG_PTR)Small.ToProgram.Event,
                                               .Slots = Small.ToProgram.Slots},
                                 .ToDriver = {.Ring = (PVOID)(ULONG_PTR)Small.ToDriver.Ring,
                                              .Event = (HANDLE)(ULONG_PTR)Small.ToDriver.Event,
                                              .Slots = Small.ToDriver.Slots}};
    }
    return STATUS_SUCCESS;
}

static NTSTATUS OnStart(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    NTSTATUS Status = ClassicCheckCaller();
    CLASSIC_START Start;
    if (NT_SUCCESS(Status))
        Status = CopyStart(Irp, &Start);
    if (!NT_SUCCESS(Status))
        return Complete(Irp, Status, 0);
    LockExclusive();
    CLASSIC_ADAPTER *Adapter = Find(Device);
    Status =
        Adapter ? ClassicStart(Adapter, IoGetCurrentIrpStackLocation(Irp)->FileObject, &Start) : STATUS_NO_SUCH_DEVICE;
    Unlock();
    return Complete(Irp, Status, 0);
}

typedef VOID NTAPI SYSTEM_TIME(_Out_ PLARGE_INTEGER Time);

/* The time as exactly as this Windows has it: the better routine came with Windows 8. */
static ULONG64 SystemTime(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"KeQuerySystemTimePrecise");
    SYSTEM_TIME *Routine = (SYSTEM_TIME *)(ULONG_PTR)MmGetSystemRoutineAddress(&Name);
    LARGE_INTEGER Time = {.QuadPart = 0};
    if (Routine)
        Routine(&Time);
    return (ULONG64)Time.QuadPart;
}

static NTSTATUS OnState(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    IO_STACK_LOCATION *Location = IoGetCurrentIrpStackLocation(Irp);
    CLASSIC_STATE *State;
    if (Location->Parameters.DeviceIoControl.OutputBufferLength < sizeof(*State) || !Irp->MdlAddress)
        return Complete(Irp, STATUS_BUFFER_TOO_SMALL, 0);
    State = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority | MdlMappingNoExecute);
    if (!State)
        return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
    LARGE_INTEGER Frequency;
    LARGE_INTEGER Counter = KeQueryPerformanceCounter(&Frequency);
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&ClassicLock, TRUE);
    CLASSIC_ADAPTER *Adapter = Find(Device);
    if (Adapter)
    {
        *State = (CLASSIC_STATE){
            .ToProgram = (ULONG64)ReadNoFence64(&Adapter->ToProgram),
            .ToDriver = (ULONG64)ReadNoFence64(&Adapter->ToDriver),
            .Dropped = (ULONG64)ReadNoFence64(&Adapter->Dropped),
            .Returned = (ULONG64)ReadNoFence64(&Adapter->Returned),
            .OutOfOrder = (ULONG64)ReadNoFence64(&Adapter->OutOfOrder),
            .Ticks = (ULONG64)ReadNoFence64(&Adapter->Ticks),
            .Born = (ULONG64)ReadNoFence64(&Born),
            .Died = (ULONG64)ReadNoFence64(&Died),
            .Sessions = (ULONG64)ReadNoFence64(&Adapter->Sessions),
            .Deaths = (ULONG64)ReadNoFence64(&Adapter->Deaths),
            .Counter = (ULONG64)Counter.QuadPart,
            .Frequency = (ULONG64)Frequency.QuadPart,
            .SystemTime = SystemTime(),
        };
    }
    Unlock();
    return Adapter ? Complete(Irp, STATUS_SUCCESS, sizeof(*State)) : Complete(Irp, STATUS_NO_SUCH_DEVICE, 0);
}

static NTSTATUS OnDeviceControl(DEVICE_OBJECT *Device, IRP *Irp)
{
    switch (IoGetCurrentIrpStackLocation(Irp)->Parameters.DeviceIoControl.IoControlCode)
    {
    case IOCTL_CLASSIC_START:
        return OnStart(Device, Irp);
    case IOCTL_CLASSIC_STATE:
        return OnState(Device, Irp);
    default:
        return NdisDeviceControl(Device, Irp);
    }
}

static NTSTATUS OnClose(DEVICE_OBJECT *Device, IRP *Irp)
{
    FILE_OBJECT *FileObject = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    LockExclusive();
    CLASSIC_ADAPTER *Adapter = Find(Device);
    if (Adapter && Adapter->Session && Adapter->Session->FileObject == FileObject && !Adapter->Forgetful)
        ClassicEnd(Adapter);
    Unlock();
    return NdisClose(Device, Irp);
}

/* Before the device goes, the program's handles go, so that nothing keeps the driver. */
static NTSTATUS OnPnp(DEVICE_OBJECT *Device, IRP *Irp)
{
    UCHAR Minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    FILE_OBJECT *FileObject = NULL;
    if (Minor == IRP_MN_QUERY_REMOVE_DEVICE || Minor == IRP_MN_SURPRISE_REMOVAL)
    {
        LockExclusive();
        CLASSIC_ADAPTER *Adapter = Find(Device);
        if (Adapter)
            FileObject = ClassicEnd(Adapter);
        Unlock();
        if (FileObject)
            ClassicCloseHandles(FileObject);
    }
    return NdisPnp(Device, Irp);
}

/* At a birth in the creator's context, at a death in that of the dying process, before its memory goes. */
static VOID OnProcess(HANDLE ParentId, HANDLE ProcessId, BOOLEAN Create)
{
    BOOLEAN Owner = FALSE;
    UNREFERENCED_PARAMETER(ParentId);
    InterlockedIncrement64(Create ? &Born : &Died);
    if (Create)
        return;
    /* Most processes have nothing to do with us: their end shall not wait for whoever waits to change something. */
    KeEnterCriticalRegion();
    ExAcquireSharedStarveExclusive(&ClassicLock, TRUE);
    for (LIST_ENTRY *Entry = Adapters.Flink; Entry != &Adapters; Entry = Entry->Flink)
    {
        CLASSIC_SESSION *Session = CONTAINING_RECORD(Entry, CLASSIC_ADAPTER, Link)->Session;
        Owner |= Session && Session->ProcessId == ProcessId;
    }
    Unlock();
    if (!Owner)
        return;
    LockExclusive();
    for (LIST_ENTRY *Entry = Adapters.Flink; Entry != &Adapters; Entry = Entry->Flink)
    {
        CLASSIC_ADAPTER *Adapter = CONTAINING_RECORD(Entry, CLASSIC_ADAPTER, Link);
        if (Adapter->Session && Adapter->Session->ProcessId == ProcessId && !Adapter->Forgetful)
        {
            ClassicEnd(Adapter);
            InterlockedIncrement64(&Adapter->Deaths);
        }
    }
    Unlock();
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    PsSetCreateProcessNotifyRoutine(OnProcess, TRUE);
    NdisMDeregisterMiniportDriver(ClassicDriver);
    ExDeleteResourceLite(&ClassicLock);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics = MiniportCharacteristics();
    Characteristics.InitializeHandlerEx = ClassicInitialize;
    Characteristics.HaltHandlerEx = ClassicHalt;
    Characteristics.UnloadHandler = Unload;
    Characteristics.PauseHandler = ClassicPause;
    Characteristics.RestartHandler = ClassicRestart;
    Characteristics.OidRequestHandler = ClassicOidRequest;
    Characteristics.SendNetBufferListsHandler = ClassicSend;
    Characteristics.ReturnNetBufferListsHandler = ClassicReturn;
    InitializeListHead(&Adapters);
    NTSTATUS Status = ExInitializeResourceLite(&ClassicLock);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = PsSetCreateProcessNotifyRoutine(OnProcess, FALSE);
    if (!NT_SUCCESS(Status))
        goto deleteResource;
    Status = NdisMRegisterMiniportDriver(DriverObject, RegistryPath, NULL, &Characteristics, &ClassicDriver);
    if (Status != NDIS_STATUS_SUCCESS)
        goto removeRoutine;
    NdisDeviceControl = DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL];
    NdisClose = DriverObject->MajorFunction[IRP_MJ_CLOSE];
    NdisPnp = DriverObject->MajorFunction[IRP_MJ_PNP];
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = OnDeviceControl;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = OnClose;
    DriverObject->MajorFunction[IRP_MJ_PNP] = OnPnp;
    return STATUS_SUCCESS;

removeRoutine:
    PsSetCreateProcessNotifyRoutine(OnProcess, TRUE);
deleteResource:
    ExDeleteResourceLite(&ClassicLock);
    return Status;
}
