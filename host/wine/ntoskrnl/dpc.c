/* SPDX-License-Identifier: MIT */
/*
 * Deferred procedure calls and timers under Wine. One thread stands for the processor's DPC queue: it runs the routines
 * one after another at DISPATCH_LEVEL, and queues those of timers that expire. A timer's header is an event of event.c,
 * so that a timer can be waited for. Any thread, up to DISPATCH_LEVEL; one spin lock guards both queues.
 */
#include "host/linux/syscall.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

static LIST_ENTRY Dpcs = {&Dpcs, &Dpcs}, Timers = {&Timers, &Timers};
static KSPIN_LOCK DpcLock;
static volatile LONG Started;
static volatile int32_t Work; /* grows with each thing to do: the thread's futex */
static PKDPC Running;

static VOID DpcThread(PVOID Context);

static VOID Wake(VOID)
{
    __atomic_add_fetch(&Work, 1, __ATOMIC_SEQ_CST);
    LinuxFutexWake(&Work, 1);
}

/* The thread begins with the first timer or DPC that is initialised, which drivers do at PASSIVE_LEVEL, and stays. */
static VOID Start(VOID)
{
    if (InterlockedCompareExchange(&Started, 1, 0))
        return;
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Thread;
    if (NT_SUCCESS(PsCreateSystemThread(&Thread, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, DpcThread, NULL)))
        NtClose(Thread);
    else
        InterlockedExchange(&Started, 0);
}

VOID KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    RtlZeroMemory(Dpc, sizeof(*Dpc));
    Dpc->DeferredRoutine = DeferredRoutine;
    Dpc->DeferredContext = DeferredContext;
    Start();
}

/* With DpcLock held. DpcData is not NULL while the DPC is queued. */
static BOOLEAN Queue(_Inout_ PRKDPC Dpc, _In_opt_ PVOID First, _In_opt_ PVOID Second)
{
    if (Dpc->DpcData)
        return FALSE;
    Dpc->SystemArgument1 = First;
    Dpc->SystemArgument2 = Second;
    Dpc->DpcData = Dpc;
    InsertTailList(&Dpcs, &Dpc->DpcListEntry);
    return TRUE;
}

/* FALSE: it is queued already. */
BOOLEAN KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    KIRQL Irql;
    KeAcquireSpinLock(&DpcLock, &Irql);
    BOOLEAN Queued = Queue(Dpc, SystemArgument1, SystemArgument2);
    KeReleaseSpinLock(&DpcLock, Irql);
    if (Queued)
        Wake();
    return Queued;
}

/* FALSE: it is not queued; it may be running. */
BOOLEAN KeRemoveQueueDpc(PRKDPC Dpc)
{
    KIRQL Irql;
    KeAcquireSpinLock(&DpcLock, &Irql);
    BOOLEAN Queued = Dpc->DpcData != NULL;
    if (Queued)
    {
        RemoveEntryList(&Dpc->DpcListEntry);
        Dpc->DpcData = NULL;
    }
    KeReleaseSpinLock(&DpcLock, Irql);
    return Queued;
}

/* Returns when what is queued now has run. */
VOID KeFlushQueuedDpcs(VOID)
{
    if (KeGetCurrentIrql() > PASSIVE_LEVEL)
        PlatformRuleBroken("Irql_Dpc", __func__, __builtin_return_address(0), "above PASSIVE_LEVEL");
    BOOLEAN Idle;
    do
    {
        KIRQL Irql;
        KeAcquireSpinLock(&DpcLock, &Irql);
        Idle = IsListEmpty(&Dpcs) && !Running;
        KeReleaseSpinLock(&DpcLock, Irql);
        if (!Idle)
            LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
    } while (!Idle);
}

/* ---- Timers. One that is set is in Timers; DueTime is on the clock of LinuxNow(). */

VOID KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    RtlZeroMemory(Timer, sizeof(*Timer));
    KeInitializeEvent((PRKEVENT)&Timer->Header, Type == SynchronizationTimer ? SynchronizationEvent : NotificationEvent,
                      FALSE);
    Start();
}

VOID KeInitializeTimer(PKTIMER Timer)
{
    KeInitializeTimerEx(Timer, NotificationTimer);
}

/* With DpcLock held. */
static BOOLEAN Unset(_Inout_ PKTIMER Timer)
{
    if (!Timer->TimerListEntry.Flink)
        return FALSE;
    RemoveEntryList(&Timer->TimerListEntry);
    Timer->TimerListEntry.Flink = NULL;
    return TRUE;
}

/* DueTime: negative from now, otherwise since 1601, in 100 ns. Period: milliseconds, 0: once. TRUE: it was set. */
BOOLEAN KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    LONG64 Delay = -DueTime.QuadPart;
    if (DueTime.QuadPart >= 0)
    {
        LARGE_INTEGER Time;
        NtQuerySystemTime(&Time);
        Delay = max(DueTime.QuadPart - Time.QuadPart, 0);
    }
    KIRQL Irql;
    KeAcquireSpinLock(&DpcLock, &Irql);
    BOOLEAN Was = Unset(Timer);
    Timer->DueTime.QuadPart = LinuxNow() + (ULONG64)Delay;
    Timer->Period = (ULONG)Period;
    Timer->Dpc = Dpc;
    InsertTailList(&Timers, &Timer->TimerListEntry);
    KeReleaseSpinLock(&DpcLock, Irql);
    KeClearEvent((PRKEVENT)&Timer->Header);
    Wake();
    return Was;
}

BOOLEAN KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    return KeSetTimerEx(Timer, DueTime, 0, Dpc);
}

/* TRUE: it was set. Its DPC may be queued or running. */
BOOLEAN KeCancelTimer(PKTIMER Timer)
{
    KIRQL Irql;
    KeAcquireSpinLock(&DpcLock, &Irql);
    BOOLEAN Was = Unset(Timer);
    KeReleaseSpinLock(&DpcLock, Irql);
    return Was;
}

/* Memory is freed: a timer that is set there, or a DPC that is queued, would be used afterwards. */
BOOLEAN DpcIsIn(PVOID Address, SIZE_T Size)
{
    BOOLEAN Found = FALSE;
    if (!Started)
        return FALSE;
    KIRQL Irql;
    KeAcquireSpinLock(&DpcLock, &Irql);
    for (LIST_ENTRY *Entry = Timers.Flink; Entry != &Timers && !Found; Entry = Entry->Flink)
    {
        PKTIMER Timer = CONTAINING_RECORD(Entry, KTIMER, TimerListEntry);
        Found = (ULONG_PTR)Timer - (ULONG_PTR)Address < Size;
        if (Found)
        {
            Entry = Entry->Blink;
            Unset(Timer);
        }
    }
    for (LIST_ENTRY *Entry = Dpcs.Flink; Entry != &Dpcs && !Found; Entry = Entry->Flink)
    {
        PKDPC Dpc = CONTAINING_RECORD(Entry, KDPC, DpcListEntry);
        Found = (ULONG_PTR)Dpc - (ULONG_PTR)Address < Size;
        if (Found)
        {
            RemoveEntryList(&Dpc->DpcListEntry);
            break;
        }
    }
    KeReleaseSpinLock(&DpcLock, Irql);
    return Found;
}

/* With DpcLock held: timers that are due are signalled and their DPCs queued. Gives the 100 ns until the next one. */
static ULONG64 Expire(VOID)
{
    ULONG64 Time = LinuxNow(), Next = ~0ull;
    LIST_ENTRY *Entry = Timers.Flink;
    while (Entry != &Timers)
    {
        PKTIMER Timer = CONTAINING_RECORD(Entry, KTIMER, TimerListEntry);
        Entry = Entry->Flink;
        if (Timer->DueTime.QuadPart <= Time)
        {
            KeSetEvent((PRKEVENT)&Timer->Header, 0, FALSE);
            if (Timer->Dpc)
                Queue(Timer->Dpc, NULL, NULL);
            if (!Timer->Period)
            {
                Unset(Timer);
                continue;
            }
            Timer->DueTime.QuadPart += (ULONG64)Timer->Period * 10000;
        }
        Next = min(Next, Timer->DueTime.QuadPart > Time ? Timer->DueTime.QuadPart - Time : 0);
    }
    return Next;
}

static VOID Run(_In_ PKDPC Dpc, _In_ PVOID First, _In_ PVOID Second)
{
    KIRQL Irql;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    PLATFORM_CALL Call = {.Name = "a DPC"};
    PlatformCallBegin(&Call);
    Dpc->DeferredRoutine(Dpc, Dpc->DeferredContext, First, Second);
    PlatformCallEnd(&Call);
    if (KeGetCurrentIrql() != DISPATCH_LEVEL || PlatformSpinLocksHeld())
    {
        PlatformRuleBroken("Dpc_Returns", "KeInsertQueueDpc", (PVOID)(ULONG_PTR)Dpc->DeferredRoutine,
                           "the routine changed the IRQL, or holds a spin lock");
    }
    KeLowerIrql(Irql);
}

static VOID DpcThread(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    for (;;)
    {
        int32_t Seen = __atomic_load_n(&Work, __ATOMIC_SEQ_CST);
        PVOID First = NULL, Second = NULL;
        PKDPC Dpc = NULL;
        KIRQL Irql;
        KeAcquireSpinLock(&DpcLock, &Irql);
        ULONG64 Next = Expire();
        if (!IsListEmpty(&Dpcs))
        {
            Dpc = CONTAINING_RECORD(RemoveHeadList(&Dpcs), KDPC, DpcListEntry);
            First = Dpc->SystemArgument1;
            Second = Dpc->SystemArgument2;
            Dpc->DpcData = NULL; /* it may be queued anew while it runs */
        }
        Running = Dpc;
        KeReleaseSpinLock(&DpcLock, Irql);
        if (Dpc)
        {
            Run(Dpc, First, Second);
            KeAcquireSpinLock(&DpcLock, &Irql);
            Running = NULL;
            KeReleaseSpinLock(&DpcLock, Irql);
            continue;
        }
        LINUX_TIMESPEC Timeout = {.Seconds = (int64_t)(Next / 10000000),
                                  .Nanoseconds = (int64_t)(Next % 10000000) * 100};
        LinuxFutexWait(&Work, Seen, Next == ~0ull ? NULL : &Timeout);
    }
}
