/* SPDX-License-Identifier: MIT */
/*
 * The executive's locks: rundown protection, resources, reader/writer spin locks and fast mutexes, each with the rules
 * that its pages state. Rundown protection and reader/writer spin locks are single words, as on Windows, and may lie in
 * memory that is freed as soon as they are free; a resource has its record here until it is deleted.
 */
#include "host/nt/nt.h"
#include <sched.h>

/* ---- Rundown protection. Bit 0: run down, or being run down; the rest counts references. "Run-Down Protection". */

static pthread_mutex_t RundownLock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t RundownReleased = PTHREAD_COND_INITIALIZER;

VOID ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    __atomic_store_n(&RunRef->Count, 0, __ATOMIC_RELAXED);
}

VOID ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    ULONG_PTR Before = __atomic_exchange_n(&RunRef->Count, 0, __ATOMIC_ACQ_REL);
    NtRule("Rundown", Before == 1, "not run down: 0x%lx", Before);
}

VOID ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
    ULONG_PTR Before = __atomic_exchange_n(&RunRef->Count, 1, __ATOMIC_ACQ_REL);
    NtRule("Rundown", Before <= 1, "%lu references are held", Before >> 1);
}

BOOLEAN ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    ULONG_PTR Value = __atomic_load_n(&RunRef->Count, __ATOMIC_RELAXED);
    NtIrql(DISPATCH_LEVEL);
    do
    {
        if (Value & 1)
            return FALSE;
    } while (!__atomic_compare_exchange_n(&RunRef->Count, &Value, Value + 2ul * Count, 0, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return TRUE;
}

BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    return ExAcquireRundownProtectionEx(RunRef, 1);
}

static VOID ReleaseRundown(_Inout_ PEX_RUNDOWN_REF RunRef, _In_ ULONG Count, _In_ PCSTR Call, _In_ const VOID *Place)
{
    ULONG_PTR Before = __atomic_fetch_sub(&RunRef->Count, 2ul * Count, __ATOMIC_RELEASE);
    /* From here on whoever waits may free RunRef: only Before is looked at. */
    if (Before >> 1 < Count)
        NtRuleBroken("Rundown", Call, Place, "%u references released, %lu were held", Count, Before >> 1);
    if (Before == 2ul * Count + 1)
    {
        NT_QUIET_BEGIN();
        pthread_mutex_lock(&RundownLock);
        pthread_cond_broadcast(&RundownReleased);
        pthread_mutex_unlock(&RundownLock);
        NT_QUIET_END();
    }
}

VOID ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    NtIrql(DISPATCH_LEVEL);
    ReleaseRundown(RunRef, Count, __func__, SIM_PLACE());
}

VOID ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    NtIrql(DISPATCH_LEVEL);
    ReleaseRundown(RunRef, 1, __func__, SIM_PLACE());
}

VOID ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    NtIrql(APC_LEVEL);
    __atomic_fetch_or(&RunRef->Count, 1, __ATOMIC_ACQ_REL);
    NT_QUIET_BEGIN();
    pthread_mutex_lock(&RundownLock);
    while (__atomic_load_n(&RunRef->Count, __ATOMIC_ACQUIRE) >> 1)
        pthread_cond_wait(&RundownReleased, &RundownLock);
    pthread_mutex_unlock(&RundownLock);
    NT_QUIET_END();
    __atomic_load_n(&RunRef->Count, __ATOMIC_ACQUIRE); /* where the thread sanitizer sees it */
}

/* ---- Resources. "Introduction to ERESOURCE Routines". */

typedef struct _RESOURCE_OWNER
{
    struct _RESOURCE_OWNER *Next;
    PKTHREAD Thread;
    ULONG Count;
} RESOURCE_OWNER;

typedef struct _RESOURCE
{
    pthread_mutex_t Lock;
    pthread_cond_t Changed;
    PKTHREAD Exclusive;
    ULONG Depth;            /* how often Exclusive has it */
    RESOURCE_OWNER *Shared; /* who has it shared */
    ULONG WaitingExclusive;
} RESOURCE;

static RESOURCE *RecordOf(_In_ PERESOURCE Resource, _In_ PCSTR Call, _In_ const VOID *Place)
{
    if (Resource->Address != Resource || !Resource->Reserved2)
    {
        NtRuleBroken("Resource", Call, Place, "%p is no initialised resource", (void *)Resource);
        abort();
    }
    return Resource->Reserved2;
}

NTSTATUS ExInitializeResourceLite(PERESOURCE Resource)
{
    NtIrql(DISPATCH_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    NtRule("Resource", NtPoolNonPaged(Resource, sizeof(*Resource)) || NtInImage(Resource), "in memory that is paged");
    memset(Resource, 0, sizeof(*Resource));
    RESOURCE *Record = NtPoolAllocate(sizeof(*Record), 'lseR', SIM_PLACE());
    memset(Record, 0, sizeof(*Record));
    pthread_mutex_init(&Record->Lock, NULL);
    pthread_cond_init(&Record->Changed, NULL);
    Resource->Reserved2 = Record;
    Resource->Address = Resource;
    return STATUS_SUCCESS;
}

NTSTATUS ExDeleteResourceLite(PERESOURCE Resource)
{
    RESOURCE *Record = RecordOf(Resource, __func__, SIM_PLACE());
    NtIrql(DISPATCH_LEVEL);
    NtRule("Resource", !Record->Exclusive && !Record->Shared && !Record->WaitingExclusive, "deleted while in use");
    pthread_cond_destroy(&Record->Changed);
    pthread_mutex_destroy(&Record->Lock);
    ExFreePoolWithTag(Record, 'lseR');
    memset(Resource, 0, sizeof(*Resource));
    return STATUS_SUCCESS;
}

static RESOURCE_OWNER **SharedOwner(_In_ RESOURCE *Record, _In_ PKTHREAD Thread)
{
    RESOURCE_OWNER **Link = &Record->Shared;
    while (*Link && (*Link)->Thread != Thread)
        Link = &(*Link)->Next;
    return Link;
}

/* "Normal kernel APC delivery must be disabled": otherwise a thread that holds it can be suspended. */
static VOID CheckAcquire(_In_ PKTHREAD Thread, _In_ PCSTR Call, _In_ const VOID *Place)
{
    if (Thread->Irql > APC_LEVEL)
        NtRuleBroken("Irql", Call, Place, "at IRQL %u", Thread->Irql);
    if (!Thread->Critical && Thread->Irql < APC_LEVEL)
        NtRuleBroken("CriticalRegions", Call, Place, "a resource is acquired outside a critical region");
}

BOOLEAN ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait)
{
    RESOURCE *Record = RecordOf(Resource, __func__, SIM_PLACE());
    PKTHREAD Thread = NtThread();
    CheckAcquire(Thread, __func__, SIM_PLACE());
    pthread_mutex_lock(&Record->Lock);
    if (Wait && *SharedOwner(Record, Thread))
    {
        NtRuleBroken("Resource", __func__, SIM_PLACE(), "held shared by this thread: it would wait for ever");
        abort();
    }
    Record->WaitingExclusive++;
    while (Wait && Record->Exclusive != Thread && (Record->Exclusive || Record->Shared))
        pthread_cond_wait(&Record->Changed, &Record->Lock);
    Record->WaitingExclusive--;
    BOOLEAN Acquired = Record->Exclusive == Thread || (!Record->Exclusive && !Record->Shared);
    if (Acquired)
    {
        Record->Exclusive = Thread;
        Record->Depth++;
        Thread->Resources++;
    }
    pthread_mutex_unlock(&Record->Lock);
    return Acquired;
}

/* Starve: shared even if others wait for it exclusively. */
static BOOLEAN AcquireShared(_In_ RESOURCE *Record, _In_ BOOLEAN Wait, _In_ BOOLEAN Starve, _In_ PCSTR Call,
                             _In_ const VOID *Place)
{
    PKTHREAD Thread = NtThread();
    BOOLEAN Acquired = TRUE;
    CheckAcquire(Thread, Call, Place);
    pthread_mutex_lock(&Record->Lock);
    RESOURCE_OWNER **Link = SharedOwner(Record, Thread);
    if (Record->Exclusive == Thread)
    {
        Record->Depth++;
    }
    else if (*Link)
    {
        (*Link)->Count++;
    }
    else
    {
        while (Wait && (Record->Exclusive || (Record->WaitingExclusive && !Starve)))
            pthread_cond_wait(&Record->Changed, &Record->Lock);
        Acquired = !Record->Exclusive && (Starve || !Record->WaitingExclusive);
        if (Acquired)
        {
            RESOURCE_OWNER *Owner = malloc(sizeof(*Owner));
            *Owner = (RESOURCE_OWNER){.Next = Record->Shared, .Thread = Thread, .Count = 1};
            Record->Shared = Owner;
        }
    }
    Thread->Resources += Acquired;
    pthread_mutex_unlock(&Record->Lock);
    return Acquired;
}

BOOLEAN ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireShared(RecordOf(Resource, __func__, SIM_PLACE()), Wait, FALSE, __func__, SIM_PLACE());
}

BOOLEAN ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return AcquireShared(RecordOf(Resource, __func__, SIM_PLACE()), Wait, TRUE, __func__, SIM_PLACE());
}

VOID ExReleaseResourceLite(PERESOURCE Resource)
{
    RESOURCE *Record = RecordOf(Resource, __func__, SIM_PLACE());
    PKTHREAD Thread = NtThread();
    BOOLEAN Held = TRUE;
    NtIrql(DISPATCH_LEVEL);
    pthread_mutex_lock(&Record->Lock);
    RESOURCE_OWNER **Link = SharedOwner(Record, Thread);
    RESOURCE_OWNER *Owner = *Link;
    if (Record->Exclusive == Thread)
    {
        if (--Record->Depth == 0)
        {
            Record->Exclusive = NULL;
            pthread_cond_broadcast(&Record->Changed);
        }
    }
    else if (Owner)
    {
        if (--Owner->Count == 0)
        {
            *Link = Owner->Next;
            free(Owner);
            pthread_cond_broadcast(&Record->Changed);
        }
    }
    else
    {
        Held = FALSE;
    }
    Thread->Resources -= Held;
    pthread_mutex_unlock(&Record->Lock);
    NtRule("Resource", Held, "released by a thread that does not hold it");
}

BOOLEAN ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource)
{
    RESOURCE *Record = RecordOf(Resource, __func__, SIM_PLACE());
    NtIrql(DISPATCH_LEVEL);
    pthread_mutex_lock(&Record->Lock);
    BOOLEAN Held = Record->Exclusive == NtThread();
    pthread_mutex_unlock(&Record->Lock);
    return Held;
}

ULONG ExIsResourceAcquiredSharedLite(PERESOURCE Resource)
{
    RESOURCE *Record = RecordOf(Resource, __func__, SIM_PLACE());
    NtIrql(DISPATCH_LEVEL);
    pthread_mutex_lock(&Record->Lock);
    RESOURCE_OWNER *Owner = *SharedOwner(Record, NtThread());
    ULONG Count = Record->Exclusive == NtThread() ? Record->Depth : Owner ? Owner->Count : 0;
    pthread_mutex_unlock(&Record->Lock);
    return Count;
}

/* ---- Reader/writer spin locks: the number of readers, or WRITER. */

#define WRITER 0x40000000

static BOOLEAN Holds(_In_ PKTHREAD Thread, _In_ PEX_SPIN_LOCK SpinLock)
{
    for (ULONG I = 0; I < min(Thread->SpinLocks, NT_HELD_LOCKS); I++)
        if (Thread->Held[I] == SpinLock)
            return TRUE;
    return FALSE;
}

static VOID AcquireSpin(_Inout_ PEX_SPIN_LOCK SpinLock, _In_ BOOLEAN Exclusive, _In_ PCSTR Call, _In_ const VOID *Place)
{
    PKTHREAD Thread = NtThread();
    /* A reader, too: it may wait for a writer who waits for this thread. "Reader-Writer Spin Locks". */
    if (Holds(Thread, SpinLock))
    {
        NtRuleBroken("SpinLock", Call, Place, "this thread holds the lock already: it may spin for ever");
        abort();
    }
    for (;;)
    {
        LONG Value = __atomic_load_n(SpinLock, __ATOMIC_RELAXED);
        if ((Exclusive ? Value == 0 : !(Value & WRITER)) &&
            __atomic_compare_exchange_n(SpinLock, &Value, Exclusive ? WRITER : Value + 1, 0, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
        {
            NtLockHeld(Thread, SpinLock);
            return;
        }
        sched_yield();
    }
}

static VOID ReleaseSpin(_Inout_ PEX_SPIN_LOCK SpinLock, _In_ BOOLEAN Exclusive, _In_ PCSTR Call, _In_ const VOID *Place)
{
    NtLockLeft(NtThread(), SpinLock, Call, Place);
    LONG Value = __atomic_fetch_sub(SpinLock, Exclusive ? WRITER : 1, __ATOMIC_RELEASE);
    if (Exclusive ? Value != WRITER : Value <= 0 || (Value & WRITER))
        NtRuleBroken("SpinLockRelease", Call, Place, "not held: 0x%x", (unsigned)Value);
}

static KIRQL RaiseForSpin(_In_ PCSTR Call, _In_ const VOID *Place)
{
    PKTHREAD Thread = NtThread();
    KIRQL Old = Thread->Irql;
    if (Old > DISPATCH_LEVEL)
        NtRuleBroken("Irql", Call, Place, "at IRQL %u", Old);
    Thread->Irql = DISPATCH_LEVEL;
    return Old;
}

KIRQL ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock)
{
    KIRQL Old = RaiseForSpin(__func__, SIM_PLACE());
    AcquireSpin(SpinLock, FALSE, __func__, SIM_PLACE());
    return Old;
}

KIRQL ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    KIRQL Old = RaiseForSpin(__func__, SIM_PLACE());
    AcquireSpin(SpinLock, TRUE, __func__, SIM_PLACE());
    return Old;
}

VOID ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    ReleaseSpin(SpinLock, FALSE, __func__, SIM_PLACE());
    KeLowerIrql(OldIrql);
}

VOID ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    ReleaseSpin(SpinLock, TRUE, __func__, SIM_PLACE());
    KeLowerIrql(OldIrql);
}

VOID ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "at IRQL %u", NtThread()->Irql);
    AcquireSpin(SpinLock, FALSE, __func__, SIM_PLACE());
}

VOID ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "at IRQL %u", NtThread()->Irql);
    ReleaseSpin(SpinLock, FALSE, __func__, SIM_PLACE());
}

VOID ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "at IRQL %u", NtThread()->Irql);
    AcquireSpin(SpinLock, TRUE, __func__, SIM_PLACE());
}

VOID ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "at IRQL %u", NtThread()->Irql);
    ReleaseSpin(SpinLock, TRUE, __func__, SIM_PLACE());
}

/* FALSE: there are other readers. Of a lock that this thread holds shared. */
LOGICAL ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    LONG One = 1;
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "at IRQL %u", NtThread()->Irql);
    return NtRule("SpinLock", Holds(NtThread(), SpinLock), "this thread does not hold the lock") &&
           __atomic_compare_exchange_n(SpinLock, &One, WRITER, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* ---- Fast mutexes: their holder runs at APC_LEVEL. */

VOID ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    PVOID Event = &FastMutex->Event;
    NtIrql(APC_LEVEL);
    KIRQL Old = KfRaiseIrql(APC_LEVEL);
    if (InterlockedDecrement(&FastMutex->Count) != 0)
    {
        NtRule("FastMutex", FastMutex->Owner != NtThread(), "acquired twice by one thread");
        NtWait(1, &Event, WaitAny, NULL);
    }
    FastMutex->Owner = NtThread();
    FastMutex->OldIrql = Old;
}

VOID ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL Old = (KIRQL)FastMutex->OldIrql;
    NtRule("FastMutex", FastMutex->Owner == NtThread(), "released by a thread that does not own it");
    FastMutex->Owner = NULL;
    if (InterlockedIncrement(&FastMutex->Count) <= 0)
        KeSetEvent(&FastMutex->Event, 0, FALSE);
    KeLowerIrql(Old);
}
