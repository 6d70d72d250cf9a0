/* SPDX-License-Identifier: MIT */
/*
 * Dispatcher objects and waiting. One lock of its own guards all of them; a thread sleeps on its own condition variable,
 * and whoever signals an object wakes the threads in its list, which then look again. Up to DISPATCH_LEVEL to signal.
 */
#include "host/nt/nt.h"
#include <errno.h>
#include <time.h>

#define HEADER_MAGIC 0x6b /* in Reserved1: initialised */

static pthread_mutex_t Dispatcher = PTHREAD_MUTEX_INITIALIZER;

static VOID Lock(VOID)
{
    NT_QUIET_BEGIN();
    pthread_mutex_lock(&Dispatcher);
}

static VOID Unlock(VOID)
{
    pthread_mutex_unlock(&Dispatcher);
    NT_QUIET_END();
}

VOID NtHeaderInitialize(DISPATCHER_HEADER *Header, NT_DISPATCHER Type, LONG State)
{
    NT_QUIET_BEGIN();
    Header->Type = (UCHAR)Type;
    Header->Signalling = 0;
    Header->Size = 0;
    Header->Reserved1 = HEADER_MAGIC;
    Header->SignalState = State;
    InitializeListHead(&Header->WaitListHead);
    NT_QUIET_END();
}

static BOOLEAN Check(_In_ const DISPATCHER_HEADER *Header, _In_ PCSTR Call, _In_ const VOID *Place)
{
    NT_QUIET_BEGIN();
    BOOLEAN Valid = Header->Reserved1 == HEADER_MAGIC;
    NT_QUIET_END();
    return Valid || NtRuleBroken("Dispatcher", Call, Place, "%p is no initialised dispatcher object", (void *)Header);
}

/* Under the lock. */
static VOID WakeWaiters(_In_ DISPATCHER_HEADER *Header)
{
    for (LIST_ENTRY *Entry = Header->WaitListHead.Flink; Entry != &Header->WaitListHead; Entry = Entry->Flink)
        pthread_cond_signal(&CONTAINING_RECORD(Entry, KWAIT_BLOCK, WaitListEntry)->Thread->Wake);
}

LONG NtSignal(DISPATCHER_HEADER *Header, LONG State)
{
    NT_SIGNALS(Header);
    Lock();
    LONG Before = Header->SignalState;
    Header->SignalState = State;
    if (!Before)
        WakeWaiters(Header);
    Unlock();
    return Before;
}

/* ---- Events */

VOID KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    NtHeaderInitialize(&Event->Header, (NT_DISPATCHER)Type, State != FALSE);
}

LONG KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    NtRule("Irql", NtThread()->Irql <= (Wait ? APC_LEVEL : DISPATCH_LEVEL), "at IRQL %u", NtThread()->Irql);
    NtRule("Dispatcher", !Wait, "Wait is TRUE: nothing here uses it");
    return Check(&Event->Header, __func__, SIM_PLACE()) ? NtSignal(&Event->Header, 1) : 0;
}

LONG KeResetEvent(PRKEVENT Event)
{
    LONG Before = 0;
    NtIrql(DISPATCH_LEVEL);
    if (Check(&Event->Header, __func__, SIM_PLACE()))
    {
        Lock();
        Before = Event->Header.SignalState;
        Event->Header.SignalState = 0;
        Unlock();
    }
    return Before;
}

VOID KeClearEvent(PRKEVENT Event)
{
    KeResetEvent(Event);
}

LONG KeReadStateEvent(PRKEVENT Event)
{
    NtIrql(DISPATCH_LEVEL);
    Lock();
    LONG State = Event->Header.SignalState;
    Unlock();
    return State;
}

/* ---- Semaphores and mutexes */

VOID KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    NtHeaderInitialize(&Semaphore->Header, NtSemaphore, Count);
    Semaphore->Limit = Limit;
}

LONG KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment, BOOLEAN Wait)
{
    NtIrql(DISPATCH_LEVEL);
    NT_SIGNALS(Semaphore);
    Lock();
    LONG Before = Semaphore->Header.SignalState;
    BOOLEAN Fits = Adjustment > 0 && Adjustment <= Semaphore->Limit - Before;
    if (Fits)
    {
        Semaphore->Header.SignalState += Adjustment;
        WakeWaiters(&Semaphore->Header);
    }
    Unlock();
    NtRule("Semaphore", Fits, "%d + %d is more than the limit", (int)Before, (int)Adjustment);
    return Before;
}

/* A mutant's SignalState is 1 while it is free. */
VOID KeInitializeMutex(PRKMUTEX Mutex, ULONG Level)
{
    NtHeaderInitialize(&Mutex->Header, NtMutant, 1);
    Mutex->OwnerThread = NULL;
    Mutex->Abandoned = FALSE;
}

LONG KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait)
{
    NtIrql(DISPATCH_LEVEL);
    NT_SIGNALS(Mutex);
    Lock();
    LONG Before = Mutex->Header.SignalState;
    BOOLEAN Owned = Mutex->OwnerThread == NtThread();
    if (Owned && ++Mutex->Header.SignalState == 1)
    {
        Mutex->OwnerThread = NULL;
        WakeWaiters(&Mutex->Header);
    }
    Unlock();
    NtRule("Mutex", Owned, "released by a thread that does not own it");
    return Before;
}

/* ---- Waiting */

static BOOLEAN Signalled(_In_ const DISPATCHER_HEADER *Header, _In_ PKTHREAD Thread)
{
    return Header->SignalState > 0 || (Header->Type == NtMutant && ((const KMUTANT *)Header)->OwnerThread == Thread);
}

/* A wait for Header is satisfied: what that changes in it. */
static VOID Consume(_Inout_ DISPATCHER_HEADER *Header, _In_ PKTHREAD Thread)
{
    switch (Header->Type)
    {
    case NtSynchronizationEvent:
    case NtSynchronizationTimer:
        Header->SignalState = 0;
        break;
    case NtSemaphore:
        Header->SignalState--;
        break;
    case NtMutant:
        Header->SignalState--;
        ((KMUTANT *)Header)->OwnerThread = Thread;
        break;
    default:
        break;
    }
}

/* Whether the wait is over, and with which object (WaitAll: 0). */
static BOOLEAN Satisfied(_In_ ULONG Count, _In_ PVOID *Objects, _In_ WAIT_TYPE Type, _In_ PKTHREAD Thread,
                         _Out_ ULONG *Index)
{
    ULONG Ready = 0;
    for (ULONG I = 0; I < Count; I++)
    {
        if (Signalled(Objects[I], Thread))
        {
            Ready++;
            if (Type == WaitAny)
            {
                *Index = I;
                Consume(Objects[I], Thread);
                return TRUE;
            }
        }
    }
    *Index = 0;
    if (Type == WaitAll && Ready == Count)
    {
        for (ULONG I = 0; I < Count; I++)
            Consume(Objects[I], Thread);
        return TRUE;
    }
    return FALSE;
}

/* The moment of the monotonic clock at which Timeout is over. Absolute times are system times. */
static struct timespec Deadline(_In_ LARGE_INTEGER Timeout)
{
    LONGLONG Left = -Timeout.QuadPart;
    if (Timeout.QuadPart > 0)
    {
        LARGE_INTEGER Now;
        KeQuerySystemTimePrecise(&Now);
        Left = Timeout.QuadPart - Now.QuadPart;
    }
    struct timespec At;
    clock_gettime(CLOCK_MONOTONIC, &At);
    Left = max(Left, 0) + At.tv_nsec / 100;
    At.tv_sec += Left / 10000000;
    At.tv_nsec = Left % 10000000 * 100;
    return At;
}

NTSTATUS NtWait(ULONG Count, PVOID *Objects, WAIT_TYPE Type, PLARGE_INTEGER Timeout)
{
    PKTHREAD Thread = NtThread();
    struct timespec Until = {0};
    BOOLEAN Late = Timeout && Timeout->QuadPart == 0;
    if (Timeout && !Late)
        Until = Deadline(*Timeout);
    Lock();
    KWAIT_BLOCK Blocks[MAXIMUM_WAIT_OBJECTS];
    for (ULONG I = 0; I < Count; I++)
    {
        Blocks[I].Thread = Thread;
        InsertTailList(&((DISPATCHER_HEADER *)Objects[I])->WaitListHead, &Blocks[I].WaitListEntry);
    }
    BOOLEAN Done;
    ULONG Index;
    for (;;)
    {
        Done = Satisfied(Count, Objects, Type, Thread, &Index);
        if (Done || Late)
            break;
        if (Timeout)
            Late = pthread_cond_timedwait(&Thread->Wake, &Dispatcher, &Until) == ETIMEDOUT;
        else
            pthread_cond_wait(&Thread->Wake, &Dispatcher);
    }
    for (ULONG I = 0; I < Count; I++)
        RemoveEntryList(&Blocks[I].WaitListEntry);
    Unlock();
    if (!Done)
        return STATUS_TIMEOUT;
    for (ULONG I = 0; I < Count; I++)
        if (Type == WaitAll || I == Index)
            NT_SEES(Objects[I]);
    return STATUS_WAIT_0 + (NTSTATUS)Index;
}

static BOOLEAN MayWait(_In_opt_ const LARGE_INTEGER *Timeout, _In_ PCSTR Call, _In_ const VOID *Place)
{
    PKTHREAD Thread = NtThread();
    KIRQL Highest = Timeout && Timeout->QuadPart == 0 ? DISPATCH_LEVEL : APC_LEVEL;
    return Thread->Irql <= Highest ||
           NtRuleBroken("Irql", Call, Place, "waits at IRQL %u, at most %u is allowed", Thread->Irql, Highest);
}

NTSTATUS KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
                               PLARGE_INTEGER Timeout)
{
    if (!MayWait(Timeout, __func__, SIM_PLACE()) || !Check(Object, __func__, SIM_PLACE()))
        return STATUS_TIMEOUT;
    return NtWait(1, &Object, WaitAny, Timeout);
}

NTSTATUS KeWaitForMultipleObjects(ULONG Count, PVOID Objects[], WAIT_TYPE WaitType, KWAIT_REASON WaitReason,
                                  KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                  PKWAIT_BLOCK WaitBlockArray)
{
    BOOLEAN Valid = MayWait(Timeout, __func__, SIM_PLACE());
    Valid &= NtRule("Wait", Count >= 1 && Count <= MAXIMUM_WAIT_OBJECTS, "%u objects", Count) &&
             NtRule("Wait", Count <= THREAD_WAIT_OBJECTS || WaitBlockArray, "%u objects and no WaitBlockArray", Count);
    for (ULONG I = 0; Valid && I < Count; I++)
        Valid = Check(Objects[I], __func__, SIM_PLACE());
    return Valid ? NtWait(Count, Objects, WaitType, Timeout) : STATUS_TIMEOUT;
}

NTSTATUS KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Interval)
{
    KEVENT Never;
    PVOID Object = &Never;
    NtIrql(APC_LEVEL);
    KeInitializeEvent(&Never, NotificationEvent, FALSE);
    NtWait(1, &Object, WaitAny, Interval);
    return STATUS_SUCCESS;
}
