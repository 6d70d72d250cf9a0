/* SPDX-License-Identifier: MIT */
/*
 * Requests: made, sent down a stack of devices, cancelled, completed, each exactly once. Whoever sends one here waits
 * for it. IoCompleteRequest up to DISPATCH_LEVEL, in any thread. "Handling IRPs", "Completing IRPs".
 */
#include "host/nt/nt.h"

typedef struct _IRP_RECORD
{
    ULONG Magic;
    LIST_ENTRY Link;   /* RequestsLock */
    PEPROCESS Process; /* whose it is */
    BOOLEAN IsDrivers; /* of IoAllocateIrp */
    KEVENT Done;
    volatile LONG Completions;
    volatile LONG References; /* the maker's, and who cancels it */
    DECLSPEC_ALIGN(16) IRP Irp;
} IRP_RECORD;

#define IRP_MAGIC 0x1f9

#define RecordOf(IrpPointer) CONTAINING_RECORD(IrpPointer, IRP_RECORD, Irp)

static pthread_mutex_t RequestsLock = PTHREAD_MUTEX_INITIALIZER;
static LIST_ENTRY Requests = {&Requests, &Requests};
static KSPIN_LOCK CancelLock;

PIRP NtIrpAllocate(CCHAR StackSize, KPROCESSOR_MODE Mode)
{
    IRP_RECORD *Record = calloc(1, sizeof(*Record) + (SIZE_T)StackSize * sizeof(IO_STACK_LOCATION));
    IO_STACK_LOCATION *Stack = (IO_STACK_LOCATION *)(Record + 1);
    Record->Magic = IRP_MAGIC;
    Record->References = 1;
    Record->Irp.RequestorMode = Mode;
    Record->Process = NtThread()->Process;
    KeInitializeEvent(&Record->Done, NotificationEvent, FALSE);
    Record->Irp.Size = (USHORT)(sizeof(IRP) + (SIZE_T)StackSize * sizeof(*Stack));
    Record->Irp.StackCount = StackSize;
    Record->Irp.CurrentLocation = (CHAR)(StackSize + 1);
    Record->Irp.Tail.Overlay.CurrentStackLocation = Stack + StackSize;
    Record->Irp.Tail.Overlay.Thread = PsGetCurrentThread();
    pthread_mutex_lock(&RequestsLock);
    InsertTailList(&Requests, &Record->Link);
    pthread_mutex_unlock(&RequestsLock);
    return &Record->Irp;
}

static VOID Release(_In_ IRP_RECORD *Record)
{
    if (InterlockedDecrement(&Record->References) == 0)
        free(Record);
}

VOID NtIrpFree(PIRP Irp)
{
    IRP_RECORD *Record = RecordOf(Irp);
    pthread_mutex_lock(&RequestsLock);
    RemoveEntryList(&Record->Link);
    pthread_mutex_unlock(&RequestsLock);
    Record->Magic = 0;
    Release(Record);
}

PIRP IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
    PIRP Irp = SimFail(__func__, SIM_PLACE()) ? NULL : NtIrpAllocate(StackSize, KernelMode);
    NtIrql(DISPATCH_LEVEL);
    if (Irp)
        RecordOf(Irp)->IsDrivers = TRUE;
    return Irp;
}

VOID IoFreeIrp(PIRP Irp)
{
    NtIrql(DISPATCH_LEVEL);
    NtIrpFree(Irp);
}

VOID NtIrpCheckEmpty(PCSTR When)
{
    if (!IsListEmpty(&Requests))
        NtRuleBroken("Leak_Irp", When, NULL, "requests are left");
}

NTSTATUS IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    NtIrql(DISPATCH_LEVEL);
    if (Irp->CurrentLocation <= 1)
    {
        NtRuleBroken("IrpStack", __func__, SIM_PLACE(), "no stack location is left for the next driver");
        abort();
    }
    IoSetNextIrpStackLocation(Irp);
    IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    Stack->DeviceObject = DeviceObject;
    return DeviceObject->DriverObject->MajorFunction[Stack->MajorFunction](DeviceObject, Irp);
}

/* The memory of a direct request is the program's again: "IoCompleteRequest", "Using Direct I/O". */
static VOID FreeMdls(_Inout_ IRP *Irp)
{
    for (MDL *Mdl = Irp->MdlAddress, *Next; Mdl; Mdl = Next)
    {
        Next = Mdl->Next;
        if (Mdl->MdlFlags & MDL_PAGES_LOCKED && !(Mdl->MdlFlags & MDL_PARTIAL))
            MmUnlockPages(Mdl);
        IoFreeMdl(Mdl);
    }
    Irp->MdlAddress = NULL;
}

VOID IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    IRP_RECORD *Record = RecordOf(Irp);
    NtIrql(DISPATCH_LEVEL);
    if (Record->Magic != IRP_MAGIC || Irp->CurrentLocation > Irp->StackCount + 1)
    {
        NtRuleBroken("DoubleCompletion", __func__, SIM_PLACE(), "the request is complete already");
        return;
    }
    NtRule("IrpStatus", Irp->IoStatus.Status != STATUS_PENDING, "completed with STATUS_PENDING");
    NtRule("IrpCancel", !Irp->CancelRoutine, "completed with a cancel routine set");
    NtRule("SpinLock", NtThread()->SpinLocks == 0, "completed with %u spin locks held", NtThread()->SpinLocks);
    while (Irp->CurrentLocation <= Irp->StackCount)
    {
        IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
        PIO_COMPLETION_ROUTINE Routine = Stack->CompletionRoutine;
        UCHAR When = NT_SUCCESS(Irp->IoStatus.Status) ? SL_INVOKE_ON_SUCCESS : SL_INVOKE_ON_ERROR;
        PVOID Context = Stack->Context;
        Irp->PendingReturned = (Stack->Control & SL_PENDING_RETURNED) != 0;
        When |= __atomic_load_n(&Irp->Cancel, __ATOMIC_RELAXED) ? SL_INVOKE_ON_CANCEL : 0;
        IoSkipCurrentIrpStackLocation(Irp);
        if (Routine && (Stack->Control & When))
        {
            DEVICE_OBJECT *Device =
                Irp->CurrentLocation <= Irp->StackCount ? IoGetCurrentIrpStackLocation(Irp)->DeviceObject : NULL;
            if (Routine(Device, Irp, Context) == STATUS_MORE_PROCESSING_REQUIRED)
                return;
        }
        else if (Irp->PendingReturned && Irp->CurrentLocation <= Irp->StackCount)
        {
            IoMarkIrpPending(Irp);
        }
    }
    FreeMdls(Irp);
    Irp->CurrentLocation++; /* past the end: a second completion shows */
    InterlockedIncrement(&Record->Completions);
    KeSetEvent(&Record->Done, 0, FALSE);
}

NTSTATUS NtCallAndWait(DEVICE_OBJECT *Device, IRP *Irp, PCSTR Call)
{
    IRP_RECORD *Record = RecordOf(Irp);
    IO_STACK_LOCATION *Stack = IoGetNextIrpStackLocation(Irp);
    const VOID *Place = (PVOID)Device->DriverObject->MajorFunction[Stack->MajorFunction];
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    NTSTATUS Status = IoCallDriver(Device, Irp);
    SimGuardEnd(&Guard, Call, Place);
    if (Status == STATUS_PENDING)
    {
        PVOID Done = &Record->Done;
        NtWait(1, &Done, WaitAny, NULL);
        return Irp->IoStatus.Status;
    }
    if (!Record->Completions)
    {
        NtRuleBroken("IrpCompletion", Call, Place, "returned 0x%08x without completing the request", (unsigned)Status);
        return Status;
    }
    if (Irp->PendingReturned)
        NtRuleBroken("PendedCompleted", Call, Place, "marked pending and not returned as pending");
    if (Status != Irp->IoStatus.Status)
    {
        NtRuleBroken("IrpStatus", Call, Place, "returned 0x%08x, completed with 0x%08x", (unsigned)Status,
                     (unsigned)Irp->IoStatus.Status);
    }
    return Irp->IoStatus.Status;
}

/* ---- Cancelling */

VOID IoAcquireCancelSpinLock(PKIRQL Irql)
{
    *Irql = KeAcquireSpinLockRaiseToDpc(&CancelLock);
}

VOID IoReleaseCancelSpinLock(KIRQL Irql)
{
    KeReleaseSpinLock(&CancelLock, Irql);
}

/* The routine releases the cancel spin lock itself. "IoCancelIrp". */
BOOLEAN IoCancelIrp(PIRP Irp)
{
    KIRQL Irql;
    IoAcquireCancelSpinLock(&Irql);
    __atomic_store_n(&Irp->Cancel, TRUE, __ATOMIC_RELAXED);
    PDRIVER_CANCEL Routine = IoSetCancelRoutine(Irp, NULL);
    if (!Routine)
    {
        IoReleaseCancelSpinLock(Irql);
        return FALSE;
    }
    Irp->CancelIrql = Irql;
    Routine(IoGetCurrentIrpStackLocation(Irp)->DeviceObject, Irp);
    return TRUE;
}

VOID NtIrpCancelAll(PEPROCESS Process)
{
    for (BOOLEAN Found = TRUE; Found;)
    {
        IRP_RECORD *Record = NULL;
        Found = FALSE;
        pthread_mutex_lock(&RequestsLock);
        for (LIST_ENTRY *Entry = Requests.Flink; Entry != &Requests && !Found; Entry = Entry->Flink)
        {
            Record = CONTAINING_RECORD(Entry, IRP_RECORD, Link);
            Found = Record->Process == Process && Record->Irp.RequestorMode == UserMode &&
                    !__atomic_load_n(&Record->Irp.Cancel, __ATOMIC_RELAXED);
        }
        if (Found)
            InterlockedIncrement(&Record->References);
        pthread_mutex_unlock(&RequestsLock);
        if (Found)
        {
            IoCancelIrp(&Record->Irp);
            Release(Record);
        }
    }
}

PEPROCESS IoGetRequestorProcess(PIRP Irp)
{
    return RecordOf(Irp)->Process;
}

ULONG IoGetRequestorProcessId(PIRP Irp)
{
    return (ULONG)(ULONG_PTR)PsGetProcessId(RecordOf(Irp)->Process);
}

BOOLEAN IoIs32bitProcess(PIRP Irp)
{
    NtIrql(DISPATCH_LEVEL);
    NtRule("IrpRequestor", !Irp || !RecordOf(Irp)->IsDrivers, "asked of a request that a driver made");
    return (Irp ? RecordOf(Irp)->Process : IoGetCurrentProcess())->Is32Bit;
}
