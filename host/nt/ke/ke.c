/* SPDX-License-Identifier: MIT */
/*
 * Threads' own state: IRQL, spin locks, critical regions, exception frames, and time. A thread's IRQL is a number that
 * every call checks; nothing interrupts, but what is forbidden at an IRQL is reported. A spin lock's word holds its
 * owner, so that recursion, release by another thread and a wrong IRQL are found where they happen.
 */
#include "host/nt/nt.h"
#include <sched.h>
#include <time.h>
#include <unistd.h>

static __thread PKTHREAD Current;
static __thread struct _KTHREAD Adopted; /* for threads that the test made itself */
static _Atomic(ULONG64) NextThreadId = 4;

VOID NtThreadInitialize(PKTHREAD Thread)
{
    NtHeaderInitialize(&Thread->Header, NtThreadObject, 0);
    pthread_condattr_t Attributes;
    pthread_condattr_init(&Attributes);
    pthread_condattr_setclock(&Attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&Thread->Wake, &Attributes);
    pthread_condattr_destroy(&Attributes);
    Thread->Process = NtSystemProcess;
    Thread->Priority = 8;
    Thread->Id = atomic_fetch_add_explicit(&NextThreadId, 4, memory_order_relaxed);
}

VOID NtThreadAdopt(PKTHREAD Thread)
{
    Current = Thread;
}

PKTHREAD NtThread(VOID)
{
    if (!Current)
    {
        NtThreadInitialize(&Adopted);
        Current = &Adopted;
    }
    return Current;
}

PKTHREAD KeGetCurrentThread(VOID)
{
    return NtThread();
}

/* ---- IRQL */

KIRQL KeGetCurrentIrql(VOID)
{
    return NtThread()->Irql;
}

KIRQL KfRaiseIrql(KIRQL NewIrql)
{
    PKTHREAD Thread = NtThread();
    KIRQL Old = Thread->Irql;
    NtRule("Irql", NewIrql >= Old, "raised from %u to %u", Old, NewIrql);
    Thread->Irql = NewIrql;
    return Old;
}

KIRQL KeRaiseIrqlToDpcLevel(VOID)
{
    return KfRaiseIrql(DISPATCH_LEVEL);
}

VOID KeLowerIrql(KIRQL NewIrql)
{
    PKTHREAD Thread = NtThread();
    NtRule("Irql", NewIrql <= Thread->Irql, "lowered from %u to %u", Thread->Irql, NewIrql);
    NtRule("SpinLock", NewIrql >= DISPATCH_LEVEL || Thread->SpinLocks == 0,
           "IRQL lowered to %u with %u spin locks held", NewIrql, Thread->SpinLocks);
    Thread->Irql = NewIrql;
}

/* ---- Spin locks */

VOID NtLockHeld(PKTHREAD Thread, const volatile VOID *Lock)
{
    if (Thread->SpinLocks < NT_HELD_LOCKS)
        Thread->Held[Thread->SpinLocks] = Lock;
    Thread->SpinLocks++;
}

VOID NtLockLeft(PKTHREAD Thread, const volatile VOID *Lock, PCSTR Call, const VOID *Place)
{
    if (Thread->SpinLocks && Thread->SpinLocks <= NT_HELD_LOCKS && Thread->Held[Thread->SpinLocks - 1] != Lock)
        NtRuleBroken("SpinLockOrder", Call, Place, "released before a lock that was acquired later");
    Thread->SpinLocks -= Thread->SpinLocks != 0;
}

static BOOLEAN TryAcquire(_Inout_ PKSPIN_LOCK SpinLock, _In_ PKTHREAD Thread)
{
    ULONG_PTR Free = 0;
    return __atomic_compare_exchange_n(SpinLock, &Free, (ULONG_PTR)Thread, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static VOID Acquire(_Inout_ PKSPIN_LOCK SpinLock, _In_ PCSTR Call, _In_ const VOID *Place)
{
    PKTHREAD Thread = NtThread();
    if (__atomic_load_n(SpinLock, __ATOMIC_RELAXED) == (ULONG_PTR)Thread)
    {
        NtRuleBroken("SpinLock", Call, Place, "this thread holds the lock already: it would spin for ever");
        abort();
    }
    while (!TryAcquire(SpinLock, Thread))
        sched_yield();
    NtLockHeld(Thread, SpinLock);
}

static VOID Release(_Inout_ PKSPIN_LOCK SpinLock, _In_ PCSTR Call, _In_ const VOID *Place)
{
    PKTHREAD Thread = NtThread();
    if (__atomic_load_n(SpinLock, __ATOMIC_RELAXED) != (ULONG_PTR)Thread)
    {
        NtRuleBroken("SpinLockRelease", Call, Place, "this thread does not hold the lock");
        return;
    }
    NtLockLeft(Thread, SpinLock, Call, Place);
    __atomic_store_n(SpinLock, 0, __ATOMIC_RELEASE);
}

KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    KIRQL Old = NtThread()->Irql;
    NtIrql(DISPATCH_LEVEL);
    NtThread()->Irql = DISPATCH_LEVEL;
    Acquire(SpinLock, __func__, SIM_PLACE());
    return Old;
}

VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    PKTHREAD Thread = NtThread();
    NtRule("Irql", Thread->Irql == DISPATCH_LEVEL && NewIrql <= DISPATCH_LEVEL, "at IRQL %u, to %u", Thread->Irql,
           NewIrql);
    Release(SpinLock, __func__, SIM_PLACE());
    NtRule("SpinLock", NewIrql == DISPATCH_LEVEL || Thread->SpinLocks == 0, "IRQL lowered with %u spin locks held",
           Thread->SpinLocks);
    Thread->Irql = NewIrql;
}

VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "called at IRQL %u", NtThread()->Irql);
    Acquire(SpinLock, __func__, SIM_PLACE());
}

VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "called at IRQL %u", NtThread()->Irql);
    Release(SpinLock, __func__, SIM_PLACE());
}

BOOLEAN KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    PKTHREAD Thread = NtThread();
    NtRule("Irql", Thread->Irql == DISPATCH_LEVEL, "called at IRQL %u", Thread->Irql);
    if (!TryAcquire(SpinLock, Thread))
        return FALSE;
    NtLockHeld(Thread, SpinLock);
    return TRUE;
}

VOID KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE Handle)
{
    NtIrql(DISPATCH_LEVEL);
    Handle->OldIrql = NtThread()->Irql;
    Handle->LockQueue.Lock = SpinLock;
    NtThread()->Irql = DISPATCH_LEVEL;
    Acquire(SpinLock, __func__, SIM_PLACE());
}

VOID KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE Handle)
{
    PKTHREAD Thread = NtThread();
    Release(Handle->LockQueue.Lock, __func__, SIM_PLACE());
    NtRule("SpinLock", Handle->OldIrql == DISPATCH_LEVEL || Thread->SpinLocks == 0,
           "IRQL lowered with %u spin locks held", Thread->SpinLocks);
    Thread->Irql = Handle->OldIrql;
}

VOID KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE Handle)
{
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "called at IRQL %u", NtThread()->Irql);
    Handle->OldIrql = DISPATCH_LEVEL;
    Handle->LockQueue.Lock = SpinLock;
    Acquire(SpinLock, __func__, SIM_PLACE());
}

VOID KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE Handle)
{
    NtRule("Irql", NtThread()->Irql == DISPATCH_LEVEL, "called at IRQL %u", NtThread()->Irql);
    Release(Handle->LockQueue.Lock, __func__, SIM_PLACE());
}

/* ---- Critical regions: normal kernel APCs off */

VOID KeEnterCriticalRegion(VOID)
{
    NtIrql(APC_LEVEL);
    NtThread()->Critical++;
}

VOID KeLeaveCriticalRegion(VOID)
{
    PKTHREAD Thread = NtThread();
    NtIrql(APC_LEVEL);
    if (NtRule("CriticalRegions", Thread->Critical, "left without having been entered"))
    {
        Thread->Critical--;
        NtRule("CriticalRegions", Thread->Critical || !Thread->Resources, "left with %u resources held",
               Thread->Resources);
    }
}

VOID KeEnterGuardedRegion(VOID)
{
    KeEnterCriticalRegion();
}

VOID KeLeaveGuardedRegion(VOID)
{
    KeLeaveCriticalRegion();
}

/* ---- Exceptions: the frames behind __try (ntdef.h) */

HOST_TRY *HostTryEnter(HOST_TRY *Frame)
{
    PKTHREAD Thread = NtThread();
    Frame->Outer = Thread->Try;
    Frame->Code = STATUS_SUCCESS;
    Thread->Try = Frame;
    return Frame;
}

void HostTryLeave(HOST_TRY *Frame)
{
    PKTHREAD Thread = NtThread();
    if (Thread->Try == Frame)
        Thread->Try = Frame->Outer;
}

void HostRaise(NTSTATUS Code)
{
    PKTHREAD Thread = NtThread();
    HOST_TRY *Frame = Thread->Try;
    if (!Frame)
    {
        NtRuleBroken("Exception", __func__, SIM_PLACE(), "exception 0x%08x is handled by nobody", (unsigned)Code);
        abort();
    }
    Thread->Try = Frame->Outer;
    Frame->Code = Code;
    longjmp(Frame->Jump, 1);
}

void ExRaiseStatus(NTSTATUS Status)
{
    NtIrql(APC_LEVEL);
    HostRaise(Status);
}

void KeBugCheckEx(ULONG Code, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3, ULONG_PTR P4)
{
    NtRuleBroken("BugCheck", __func__, SIM_PLACE(), "0x%x (0x%lx, 0x%lx, 0x%lx, 0x%lx)", Code, P1, P2, P3, P4);
    abort();
}

/* ---- Time and processors */

LARGE_INTEGER KeQueryPerformanceCounter(PLARGE_INTEGER Frequency)
{
    struct timespec Now;
    clock_gettime(CLOCK_MONOTONIC, &Now);
    if (Frequency)
        Frequency->QuadPart = 10000000;
    return (LARGE_INTEGER){.QuadPart = Now.tv_sec * 10000000ll + Now.tv_nsec / 100};
}

ULONGLONG KeQueryUnbiasedInterruptTime(VOID)
{
    return (ULONGLONG)KeQueryPerformanceCounter(NULL).QuadPart;
}

ULONG KeQueryTimeIncrement(VOID)
{
    return 156250;
}

/* 100 ns since 1601. */
VOID KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime)
{
    struct timespec Now;
    clock_gettime(CLOCK_REALTIME, &Now);
    CurrentTime->QuadPart = (Now.tv_sec + 11644473600ll) * 10000000 + Now.tv_nsec / 100;
}

VOID KeStallExecutionProcessor(ULONG Microseconds)
{
    LONGLONG End = KeQueryPerformanceCounter(NULL).QuadPart + Microseconds * 10ll;
    while (KeQueryPerformanceCounter(NULL).QuadPart < End)
        YieldProcessor();
}

ULONG KeQueryActiveProcessorCountEx(USHORT Group)
{
    return (ULONG)sysconf(_SC_NPROCESSORS_ONLN);
}

ULONG KeQueryMaximumProcessorCountEx(USHORT Group)
{
    return (ULONG)sysconf(_SC_NPROCESSORS_CONF);
}

ULONG KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER Number)
{
    ULONG Processor = (ULONG)sched_getcpu();
    if (Number)
        *Number = (PROCESSOR_NUMBER){.Number = (UCHAR)Processor};
    return Processor;
}

/* Priorities change nothing here; a thread of the simulator's runs when Linux lets it. */
KPRIORITY KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    NtIrql(PASSIVE_LEVEL);
    NtRule("Priority", Priority > 0 && Priority <= HIGH_PRIORITY, "priority %d", (int)Priority);
    return __atomic_exchange_n(&Thread->Priority, Priority, __ATOMIC_RELAXED);
}

LONG KeSetBasePriorityThread(PKTHREAD Thread, LONG Increment)
{
    return 0;
}

NTSTATUS ZwYieldExecution(VOID)
{
    NtIrql(PASSIVE_LEVEL);
    sched_yield();
    return STATUS_SUCCESS;
}
