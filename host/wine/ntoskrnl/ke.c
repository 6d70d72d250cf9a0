/* SPDX-License-Identifier: MIT */
/*
 * The kernel's locks and IRQL under Wine. Spin locks are words of this process' memory: a driver's threads spin, and
 * yield to Linux when the holder does not run. The IRQL and the number of spin locks held are kept for each thread, so
 * that what a driver may not do at DISPATCH_LEVEL can be noticed, although nothing here is ever interrupted.
 */
#include "host/linux/syscall.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define SPINS_BEFORE_YIELD 200
#define EXCLUSIVE          0x40000000

/* UserReserved of the TEB: 20 bytes at 0xe8 on amd64. The 8 at 0xf0 are ps.c's. */
#define CALL_SLOT  "0xe8" /* PLATFORM_CALL */
#define IRQL_SLOT  "0xf8" /* 16 bits, like the next */
#define LOCKS_SLOT "0xfa"

static inline ULONG ReadIrql(VOID)
{
    ULONG Value;
    __asm__ volatile("movzwl %%gs:" IRQL_SLOT ", %0" : "=r"(Value));
    return Value;
}

static inline VOID WriteIrql(_In_ ULONG Value)
{
    __asm__ volatile("movw %w0, %%gs:" IRQL_SLOT : : "r"(Value));
}

static inline VOID CountLocks(_In_ LONG Change)
{
    __asm__ volatile("addw %w0, %%gs:" LOCKS_SLOT : : "r"(Change));
}

static inline ULONG_PTR ThreadMark(VOID)
{
    ULONG_PTR Teb;
    __asm__("movq %%gs:0x30, %0" : "=r"(Teb));
    return Teb;
}

static VOID Pause(_Inout_ ULONG *Spins)
{
    if (++*Spins % SPINS_BEFORE_YIELD)
        __builtin_ia32_pause();
    else
        LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
}

const PLATFORM_CALL *CallOfThread(VOID)
{
    const PLATFORM_CALL *Call;
    __asm__ volatile("movq %%gs:" CALL_SLOT ", %0" : "=r"(Call));
    return Call;
}

VOID PlatformCallBegin(PLATFORM_CALL *Call)
{
    Call->Outer = CallOfThread();
    __asm__ volatile("movq %0, %%gs:" CALL_SLOT : : "r"(Call) : "memory");
}

VOID PlatformCallEnd(const PLATFORM_CALL *Call)
{
    __asm__ volatile("movq %0, %%gs:" CALL_SLOT : : "r"(Call->Outer));
}

KIRQL KeGetCurrentIrql(VOID)
{
    return (KIRQL)ReadIrql();
}

KIRQL KfRaiseIrql(KIRQL NewIrql)
{
    KIRQL Old = (KIRQL)ReadIrql();
    if (NewIrql < Old)
        PlatformRuleBroken("Irql_Raise", __func__, __builtin_return_address(0), "the IRQL is higher already");
    WriteIrql(NewIrql);
    return Old;
}

VOID KeLowerIrql(KIRQL NewIrql)
{
    if (NewIrql > ReadIrql())
        PlatformRuleBroken("Irql_Lower", __func__, __builtin_return_address(0), "the IRQL is lower already");
    WriteIrql(NewIrql);
}

KIRQL KeRaiseIrqlToDpcLevel(VOID)
{
    return KfRaiseIrql(DISPATCH_LEVEL);
}

/* A thread that stalls waits for another one, which here may need this very processor: so Linux may run that instead. A
 * yield that finds nothing to run takes about a microsecond. */
VOID KeStallExecutionProcessor(ULONG Microseconds)
{
    while (Microseconds--)
        LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
}

/* ---- Spin locks. A held lock contains its holder's TEB. */

static VOID Acquire(_Inout_ PKSPIN_LOCK SpinLock, PVOID Place)
{
    volatile ULONG_PTR *Lock = (volatile ULONG_PTR *)SpinLock;
    ULONG_PTR Self = ThreadMark(), Free = 0;
    ULONG Spins = 0;
    while (!__atomic_compare_exchange_n(Lock, &Free, Self, FALSE, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    {
        if (Free == Self && Spins == 0)
            PlatformRuleBroken("SpinLock", "KeAcquireSpinLock", Place, "the thread holds this lock already");
        Pause(&Spins);
        Free = 0;
    }
    CountLocks(1);
}

static VOID Release(_Inout_ PKSPIN_LOCK SpinLock, PVOID Place)
{
    volatile ULONG_PTR *Lock = (volatile ULONG_PTR *)SpinLock;
    if (*Lock != ThreadMark())
        PlatformRuleBroken("SpinLockRelease", "KeReleaseSpinLock", Place, "the thread does not hold this lock");
    CountLocks(-1);
    __atomic_store_n(Lock, 0, __ATOMIC_RELEASE);
}

KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    KIRQL Old = (KIRQL)ReadIrql();
    WriteIrql(DISPATCH_LEVEL);
    Acquire(SpinLock, __builtin_return_address(0));
    return Old;
}

VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    Release(SpinLock, __builtin_return_address(0));
    WriteIrql(NewIrql);
}

VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    if (ReadIrql() < DISPATCH_LEVEL)
        PlatformRuleBroken("Irql_Synch", __func__, __builtin_return_address(0), "below DISPATCH_LEVEL");
    Acquire(SpinLock, __builtin_return_address(0));
}

VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    Release(SpinLock, __builtin_return_address(0));
}

BOOLEAN KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    ULONG_PTR Free = 0;
    if (!__atomic_compare_exchange_n((volatile ULONG_PTR *)SpinLock, &Free, ThreadMark(), FALSE, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
    {
        return FALSE;
    }
    CountLocks(1);
    return TRUE;
}

/* Queued locks differ from plain ones in fairness only. */
VOID KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE Handle)
{
    Handle->OldIrql = (KIRQL)ReadIrql();
    Handle->LockQueue.Lock = SpinLock;
    WriteIrql(DISPATCH_LEVEL);
    Acquire(SpinLock, __builtin_return_address(0));
}

VOID KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE Handle)
{
    Release(Handle->LockQueue.Lock, __builtin_return_address(0));
    WriteIrql(Handle->OldIrql);
}

VOID KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE Handle)
{
    Handle->LockQueue.Lock = SpinLock;
    Acquire(SpinLock, __builtin_return_address(0));
}

VOID KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE Handle)
{
    Release(Handle->LockQueue.Lock, __builtin_return_address(0));
}

ULONG PlatformSpinLocksHeld(VOID)
{
    ULONG Value;
    __asm__ volatile("movzwl %%gs:" LOCKS_SLOT ", %0" : "=r"(Value));
    return Value;
}

/* ---- Reader-writer spin locks: a count of readers, and EXCLUSIVE when a writer has or wants the lock. */

VOID ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    ULONG Spins = 0;
    for (;;)
    {
        LONG Value = *SpinLock;
        if (!(Value & EXCLUSIVE) && InterlockedCompareExchange(SpinLock, Value + 1, Value) == Value)
            break;
        Pause(&Spins);
    }
    CountLocks(1);
}

VOID ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    CountLocks(-1);
    InterlockedDecrement(SpinLock);
}

VOID ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    ULONG Spins = 0;
    for (;;)
    {
        LONG Value = *SpinLock;
        if (!(Value & EXCLUSIVE) && InterlockedCompareExchange(SpinLock, Value | EXCLUSIVE, Value) == Value)
            break;
        Pause(&Spins);
    }
    while (*SpinLock != EXCLUSIVE)
        Pause(&Spins);
    CountLocks(1);
}

VOID ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    CountLocks(-1);
    InterlockedExchange(SpinLock, 0);
}

LOGICAL ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    return InterlockedCompareExchange(SpinLock, EXCLUSIVE, 1) == 1;
}

KIRQL ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock)
{
    KIRQL Old = (KIRQL)ReadIrql();
    WriteIrql(DISPATCH_LEVEL);
    ExAcquireSpinLockSharedAtDpcLevel(SpinLock);
    return Old;
}

VOID ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    ExReleaseSpinLockSharedFromDpcLevel(SpinLock);
    WriteIrql(OldIrql);
}

KIRQL ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    KIRQL Old = (KIRQL)ReadIrql();
    WriteIrql(DISPATCH_LEVEL);
    ExAcquireSpinLockExclusiveAtDpcLevel(SpinLock);
    return Old;
}

VOID ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    ExReleaseSpinLockExclusiveFromDpcLevel(SpinLock);
    WriteIrql(OldIrql);
}

/* ---- Time and threads. */

VOID KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime)
{
    NtQuerySystemTime(CurrentTime);
}

ULONGLONG KeQueryUnbiasedInterruptTime(VOID)
{
    return LinuxNow();
}

/* KeSetBasePriorityThread: gives the increment before. Linux decides who runs. */
LONG KeSetBasePriorityThread(PKTHREAD Thread, LONG Increment)
{
    UNREFERENCED_PARAMETER(Thread);
    UNREFERENCED_PARAMETER(Increment);
    return 0;
}

/* ZwYieldExecution: Wine's goes through wineserver. */
NTSTATUS ZwYieldExecution(VOID)
{
    LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
    return STATUS_SUCCESS;
}
