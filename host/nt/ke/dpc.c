/* SPDX-License-Identifier: MIT */
/*
 * Deferred work: DPCs and timers, which one thread runs at DISPATCH_LEVEL, one after the other; and work items, each in
 * a thread of its own at PASSIVE_LEVEL. ClockLock guards the queues; it is free while a driver's routine runs. What is
 * queued may be used again as soon as its routine begins, as on Windows.
 */
#include "host/nt/nt.h"
#include <errno.h>
#include <time.h>

static pthread_mutex_t ClockLock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ClockChanged, ClockIdle = PTHREAD_COND_INITIALIZER;
static LIST_ENTRY Dpcs = {&Dpcs, &Dpcs}, Timers = {&Timers, &Timers};
static pthread_t ClockThread;
static BOOLEAN ClockRuns, ClockEnds, DpcRuns;
static volatile LONG WorkItems;
static volatile LONG WorkRuns; /* routines that are queued or run */

#define TIMER_QUEUED(Timer) ((Timer)->TimerListEntry.Flink != NULL)

static ULONGLONG Now(VOID)
{
    return (ULONGLONG)KeQueryPerformanceCounter(NULL).QuadPart;
}

/* Under ClockLock. FALSE: it is queued already. */
static BOOLEAN QueueDpc(_Inout_ PRKDPC Dpc, _In_opt_ PVOID First, _In_opt_ PVOID Second)
{
    if (Dpc->DpcData)
        return FALSE;
    Dpc->DpcData = &Dpcs;
    Dpc->SystemArgument1 = First;
    Dpc->SystemArgument2 = Second;
    InsertTailList(&Dpcs, &Dpc->DpcListEntry);
    return TRUE;
}

/* Under ClockLock: what is due is signalled, its DPC queued. Returns when the next one is due; 0: none. */
static ULONGLONG ExpireTimers(VOID)
{
    ULONGLONG Next = 0, Time = Now();
    for (LIST_ENTRY *Entry = Timers.Flink, *After; Entry != &Timers; Entry = After)
    {
        KTIMER *Timer = CONTAINING_RECORD(Entry, KTIMER, TimerListEntry);
        After = Entry->Flink;
        if (Timer->DueTime.QuadPart <= Time)
        {
            if (Timer->Period)
            {
                Timer->DueTime.QuadPart = Time + Timer->Period * 10000ull;
            }
            else
            {
                RemoveEntryList(Entry);
                Entry->Flink = NULL;
            }
            NtSignal(&Timer->Header, 1);
            if (Timer->Dpc)
                QueueDpc(Timer->Dpc, NULL, NULL);
        }
        if (TIMER_QUEUED(Timer) && (!Next || Timer->DueTime.QuadPart < Next))
            Next = Timer->DueTime.QuadPart;
    }
    return Next;
}

/* Under ClockLock, which is let go while the routine runs. */
static VOID RunDpc(VOID)
{
    KDPC *Dpc = CONTAINING_RECORD(RemoveHeadList(&Dpcs), KDPC, DpcListEntry);
    PKDEFERRED_ROUTINE Routine = Dpc->DeferredRoutine;
    PVOID Context = Dpc->DeferredContext, First = Dpc->SystemArgument1, Second = Dpc->SystemArgument2;
    Dpc->DpcData = NULL;
    DpcRuns = TRUE;
    pthread_mutex_unlock(&ClockLock);
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    Routine(Dpc, Context, First, Second);
    SimGuardEnd(&Guard, "DPC", (PVOID)Routine);
    pthread_mutex_lock(&ClockLock);
    DpcRuns = FALSE;
    pthread_cond_broadcast(&ClockIdle);
}

static void *RunClock(void *Argument)
{
    NtThread()->Irql = DISPATCH_LEVEL;
    pthread_mutex_lock(&ClockLock);
    while (!ClockEnds)
    {
        ULONGLONG Next = ExpireTimers();
        if (!IsListEmpty(&Dpcs))
        {
            RunDpc();
        }
        else if (Next)
        {
            struct timespec Until = {.tv_sec = (time_t)(Next / 10000000), .tv_nsec = (long)(Next % 10000000 * 100)};
            pthread_cond_timedwait(&ClockChanged, &ClockLock, &Until);
        }
        else
        {
            pthread_cond_wait(&ClockChanged, &ClockLock);
        }
    }
    pthread_mutex_unlock(&ClockLock);
    return NULL;
}

/* Under ClockLock: the thread looks again, and there is one. */
static VOID WakeClock(VOID)
{
    if (!ClockRuns)
    {
        pthread_condattr_t Attributes;
        pthread_condattr_init(&Attributes);
        pthread_condattr_setclock(&Attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&ClockChanged, &Attributes);
        pthread_condattr_destroy(&Attributes);
        ClockEnds = FALSE;
        ClockRuns = pthread_create(&ClockThread, NULL, RunClock, NULL) == 0;
        NtRule("Clock", ClockRuns, "no thread for DPCs");
    }
    pthread_cond_signal(&ClockChanged);
}

/* ---- DPCs */

VOID KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    *Dpc = (KDPC){.DeferredRoutine = DeferredRoutine, .DeferredContext = DeferredContext};
}

BOOLEAN KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    if (!NtRule("Dpc", Dpc->DeferredRoutine != NULL, "%p is no initialised DPC", (void *)Dpc))
        return FALSE;
    pthread_mutex_lock(&ClockLock);
    BOOLEAN Queued = QueueDpc(Dpc, SystemArgument1, SystemArgument2);
    WakeClock();
    pthread_mutex_unlock(&ClockLock);
    return Queued;
}

BOOLEAN KeRemoveQueueDpc(PRKDPC Dpc)
{
    pthread_mutex_lock(&ClockLock);
    BOOLEAN Queued = Dpc->DpcData != NULL;
    if (Queued)
    {
        RemoveEntryList(&Dpc->DpcListEntry);
        Dpc->DpcData = NULL;
    }
    pthread_mutex_unlock(&ClockLock);
    return Queued;
}

VOID KeFlushQueuedDpcs(VOID)
{
    NtIrql(PASSIVE_LEVEL);
    pthread_mutex_lock(&ClockLock);
    while (DpcRuns || !IsListEmpty(&Dpcs))
        pthread_cond_wait(&ClockIdle, &ClockLock);
    pthread_mutex_unlock(&ClockLock);
}

/* ---- Timers */

VOID KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
    memset(Timer, 0, sizeof(*Timer));
    NtHeaderInitialize(&Timer->Header, Type == NotificationTimer ? NtNotificationTimer : NtSynchronizationTimer, 0);
}

VOID KeInitializeTimer(PKTIMER Timer)
{
    KeInitializeTimerEx(Timer, NotificationTimer);
}

/* Under ClockLock. */
static BOOLEAN Unqueue(_Inout_ PKTIMER Timer)
{
    BOOLEAN Queued = TIMER_QUEUED(Timer);
    if (Queued)
    {
        RemoveEntryList(&Timer->TimerListEntry);
        Timer->TimerListEntry.Flink = NULL;
    }
    return Queued;
}

/* DueTime: 100 ns, negative from now on, else since 1601. Period: milliseconds, 0: once. */
BOOLEAN KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
    LONGLONG Left = -DueTime.QuadPart;
    NtIrql(DISPATCH_LEVEL);
    if (DueTime.QuadPart > 0)
    {
        LARGE_INTEGER SystemTime;
        KeQuerySystemTimePrecise(&SystemTime);
        Left = DueTime.QuadPart - SystemTime.QuadPart;
    }
    pthread_mutex_lock(&ClockLock);
    BOOLEAN Queued = Unqueue(Timer);
    NtSignal(&Timer->Header, 0);
    Timer->DueTime.QuadPart = Now() + (ULONGLONG)max(Left, 0);
    Timer->Period = (ULONG)Period;
    Timer->Dpc = Dpc;
    InsertTailList(&Timers, &Timer->TimerListEntry);
    WakeClock();
    pthread_mutex_unlock(&ClockLock);
    return Queued;
}

BOOLEAN KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
    return KeSetTimerEx(Timer, DueTime, 0, Dpc);
}

/* Its DPC may be queued, or running, still: "KeFlushQueuedDpcs". */
BOOLEAN KeCancelTimer(PKTIMER Timer)
{
    NtIrql(DISPATCH_LEVEL);
    pthread_mutex_lock(&ClockLock);
    BOOLEAN Queued = Unqueue(Timer);
    pthread_mutex_unlock(&ClockLock);
    return Queued;
}

/* ---- Work items */

struct _IO_WORKITEM
{
    PDEVICE_OBJECT Device;
    PIO_WORKITEM_ROUTINE Routine;
    PVOID Context;
    volatile LONG Queued;
};

PIO_WORKITEM IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
    NtIrql(DISPATCH_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return NULL;
    PIO_WORKITEM Item = calloc(1, sizeof(*Item));
    Item->Device = DeviceObject;
    InterlockedIncrement(&WorkItems);
    return Item;
}

VOID IoFreeWorkItem(PIO_WORKITEM WorkItem)
{
    NtIrql(DISPATCH_LEVEL);
    NtRule("WorkItem", !WorkItem->Queued, "freed while it is queued");
    InterlockedDecrement(&WorkItems);
    free(WorkItem);
}

static void *RunWorkItem(void *Argument)
{
    PIO_WORKITEM Item = Argument;
    PDEVICE_OBJECT Device = Item->Device;
    PIO_WORKITEM_ROUTINE Routine = Item->Routine;
    PVOID Context = Item->Context;
    InterlockedExchange(&Item->Queued, 0); /* from here on the routine may queue it again, or free it */
    Routine(Device, Context);
    NtCheckNothingHeld(NtThread(), "work item", (PVOID)Routine);
    ObfDereferenceObject(Device);
    InterlockedDecrement(&WorkRuns);
    return NULL;
}

VOID IoQueueWorkItem(PIO_WORKITEM WorkItem, PIO_WORKITEM_ROUTINE Routine, WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    NtIrql(DISPATCH_LEVEL);
    if (!NtRule("WorkItem", InterlockedExchange(&WorkItem->Queued, 1) == 0, "queued twice"))
        return;
    WorkItem->Routine = Routine;
    WorkItem->Context = Context;
    ObfReferenceObject(WorkItem->Device);
    InterlockedIncrement(&WorkRuns);
    pthread_attr_t Attributes;
    pthread_attr_init(&Attributes);
    pthread_attr_setdetachstate(&Attributes, PTHREAD_CREATE_DETACHED);
    pthread_t Thread;
    NtRule("WorkItem", pthread_create(&Thread, &Attributes, RunWorkItem, WorkItem) == 0, "no thread");
    pthread_attr_destroy(&Attributes);
}

VOID NtDpcCheckEmpty(PCSTR When)
{
    pthread_mutex_lock(&ClockLock);
    BOOLEAN Left = !IsListEmpty(&Dpcs) || !IsListEmpty(&Timers);
    ClockEnds = TRUE;
    if (ClockRuns)
        pthread_cond_signal(&ClockChanged);
    pthread_mutex_unlock(&ClockLock);
    if (ClockRuns)
    {
        pthread_join(ClockThread, NULL);
        pthread_cond_destroy(&ClockChanged);
        ClockRuns = FALSE;
    }
    if (Left)
        NtRuleBroken("Leak_Timer", When, NULL, "DPCs or timers are queued still");
    /* A routine that has run gives its device back a moment later. */
    for (ULONG Tries = 0; Tries < 2000 && ReadAcquire(&WorkRuns); Tries++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (WorkItems || WorkRuns)
        NtRuleBroken("Leak_WorkItem", When, NULL, "%d work items are left, %d run", (int)WorkItems, (int)WorkRuns);
}
