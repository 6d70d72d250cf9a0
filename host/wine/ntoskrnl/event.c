/* SPDX-License-Identifier: MIT */
/*
 * Events and waits under Wine. A driver's own KEVENT is a Linux futex: setting and waiting for it costs a system call
 * and not a trip to wineserver. Once it is waited for together with an object that only wineserver knows (a program's
 * event), it gets an event of wineserver's as well, which from then on holds its state. Any thread; a byte in each
 * event is its lock, held for a few instructions.
 */
#include "host/linux/syscall.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define EVENT_MARK     0x5a17e7e75a17e7e7ull
#define UPGRADED_LIMIT 256
#define WAIT_LIMIT     64

/* Events that have a handle of wineserver's: the handle outlives a KEVENT in memory that is freed or used anew. */
static struct
{
    KEVENT *Event;
    HANDLE Handle;
} Upgraded[UPGRADED_LIMIT];
static KSPIN_LOCK UpgradedLock;
static volatile LONG UpgradedCount;

/* How Header is used: Type as documented, SignalState is the futex, Signalling the lock, Flink a mark that the event
 * was initialised at this address, Blink the handle of an upgraded one. */
static inline BOOLEAN IsFutexEvent(_In_ const KEVENT *Event)
{
    return (ULONG_PTR)Event->Header.WaitListHead.Flink == ((ULONG_PTR)Event ^ EVENT_MARK);
}

static inline VOID LockEvent(_Inout_ KEVENT *Event)
{
    while (__atomic_exchange_n(&Event->Header.Signalling, 1, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause();
}

static inline VOID UnlockEvent(_Inout_ KEVENT *Event)
{
    __atomic_store_n(&Event->Header.Signalling, 0, __ATOMIC_RELEASE);
}

static inline HANDLE UpgradedHandle(_In_ const KEVENT *Event)
{
    return __atomic_load_n((HANDLE *)&Event->Header.WaitListHead.Blink, __ATOMIC_ACQUIRE);
}

/* Memory that held events is freed or used anew. Most memory never did, and that is found without a lock. */
VOID EventForget(PVOID Address, SIZE_T Size)
{
    if (!UpgradedCount)
        return;
    HANDLE Handles[8];
    ULONG Count;
    do
    {
        Count = 0;
        KIRQL Irql;
        KeAcquireSpinLock(&UpgradedLock, &Irql);
        for (ULONG I = 0; I < UPGRADED_LIMIT && Count < RTL_NUMBER_OF(Handles); I++)
        {
            if (Upgraded[I].Event && (ULONG_PTR)Upgraded[I].Event - (ULONG_PTR)Address < Size)
            {
                Handles[Count++] = Upgraded[I].Handle;
                Upgraded[I].Event = NULL;
                InterlockedDecrement(&UpgradedCount);
            }
        }
        KeReleaseSpinLock(&UpgradedLock, Irql);
        for (ULONG I = 0; I < Count; I++)
            NtClose(Handles[I]);
    } while (Count == RTL_NUMBER_OF(Handles));
}

/* Gives a futex event a handle that wineserver can wait for. NULL: wineserver has none to give. */
static HANDLE Upgrade(_Inout_ KEVENT *Event)
{
    HANDLE Handle = UpgradedHandle(Event);
    BOOLEAN Kept = FALSE;
    if (Handle || !NT_SUCCESS(NtCreateEvent(&Handle, EVENT_ALL_ACCESS, NULL, Event->Header.Type, FALSE)))
        return Handle;
    KIRQL Irql;
    KeAcquireSpinLock(&UpgradedLock, &Irql);
    for (ULONG I = 0; I < UPGRADED_LIMIT && !Kept; I++)
    {
        if (!Upgraded[I].Event)
        {
            Upgraded[I].Event = Event;
            Upgraded[I].Handle = Handle;
            InterlockedIncrement(&UpgradedCount);
            Kept = TRUE;
        }
    }
    KeReleaseSpinLock(&UpgradedLock, Irql);
    if (!Kept)
    {
        NtClose(Handle);
        return NULL;
    }
    LockEvent(Event);
    if (UpgradedHandle(Event)) /* another thread was faster */
    {
        UnlockEvent(Event);
        KeAcquireSpinLock(&UpgradedLock, &Irql);
        for (ULONG I = 0; I < UPGRADED_LIMIT; I++)
        {
            if (Upgraded[I].Handle == Handle && Upgraded[I].Event == Event)
            {
                Upgraded[I].Event = NULL;
                InterlockedDecrement(&UpgradedCount);
            }
        }
        KeReleaseSpinLock(&UpgradedLock, Irql);
        NtClose(Handle);
        return UpgradedHandle(Event);
    }
    LONG State = Event->Header.SignalState;
    __atomic_store_n((HANDLE *)&Event->Header.WaitListHead.Blink, Handle, __ATOMIC_RELEASE);
    UnlockEvent(Event);
    if (State)
        NtSetEvent(Handle, NULL);
    /* Who sleeps on the futex shall sleep on the handle. */
    LinuxFutexWake((volatile int32_t *)&Event->Header.SignalState, 0x7fffffff);
    return Handle;
}

VOID KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    EventForget(Event, sizeof(*Event));
    RtlZeroMemory(Event, sizeof(*Event));
    Event->Header.Type = (UCHAR)Type;
    Event->Header.Size = sizeof(*Event) / sizeof(LONG);
    Event->Header.SignalState = State;
    Event->Header.WaitListHead.Flink = (LIST_ENTRY *)((ULONG_PTR)Event ^ EVENT_MARK);
}

/* The handle behind an object that wineserver knows, or NULL for one of Wine's own that has none kept. */
HANDLE EventHandle(PVOID Object)
{
    return IsFutexEvent(Object) ? Upgrade(Object) : ObjectKind(Object) == ObjectEvent ? ObjectHandle(Object) : NULL;
}

static LONG QueryState(_In_ HANDLE Handle)
{
    struct
    {
        ULONG Type;
        LONG State;
    } Information = {0, 0};
    NtQueryEvent(Handle, 0, &Information, sizeof(Information), NULL);
    return Information.State;
}

/* KeSetEvent: gives the state before. Up to DISPATCH_LEVEL with Wait FALSE. */
LONG KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    UNREFERENCED_PARAMETER(Increment);
    UNREFERENCED_PARAMETER(Wait);
    HANDLE Handle;
    LONG Old;
    if (!IsFutexEvent(Event))
    {
        Handle = ObjectHandle(Event);
        Old = 0;
        if (Handle)
            NtSetEvent(Handle, &Old);
        return Old;
    }
    LockEvent(Event);
    Handle = UpgradedHandle(Event);
    Old = __atomic_exchange_n(&Event->Header.SignalState, 1, __ATOMIC_SEQ_CST);
    UnlockEvent(Event);
    if (Handle)
    {
        NtSetEvent(Handle, &Old);
    }
    else if (!Old)
    {
        LinuxFutexWake((volatile int32_t *)&Event->Header.SignalState,
                       Event->Header.Type == SynchronizationEvent ? 1 : 0x7fffffff);
    }
    return Old;
}

LONG KeResetEvent(PRKEVENT Event)
{
    LONG Old = 0;
    HANDLE Handle;
    if (!IsFutexEvent(Event))
    {
        Handle = ObjectHandle(Event);
        if (Handle)
            NtResetEvent(Handle, &Old);
        return Old;
    }
    LockEvent(Event);
    Handle = UpgradedHandle(Event);
    Old = __atomic_exchange_n(&Event->Header.SignalState, 0, __ATOMIC_SEQ_CST);
    UnlockEvent(Event);
    if (Handle)
        NtResetEvent(Handle, &Old);
    return Old;
}

VOID KeClearEvent(PRKEVENT Event)
{
    KeResetEvent(Event);
}

LONG KeReadStateEvent(PRKEVENT Event)
{
    HANDLE Handle = IsFutexEvent(Event) ? UpgradedHandle(Event) : ObjectHandle(Event);
    return Handle ? QueryState(Handle) : Event->Header.SignalState;
}

/* 100 ns until Timeout (negative: from now; positive: a time since 1601), at least 0. */
static LONG64 Remaining(_In_ const LARGE_INTEGER *Timeout)
{
    if (Timeout->QuadPart <= 0)
        return -Timeout->QuadPart;
    LARGE_INTEGER Now;
    NtQuerySystemTime(&Now);
    return Timeout->QuadPart > Now.QuadPart ? Timeout->QuadPart - Now.QuadPart : 0;
}

/* Waits on the futex. A limit that is met by a wake-up for nothing begins anew, which only makes it longer. */
static NTSTATUS WaitFutex(_Inout_ KEVENT *Event, _In_ BOOLEAN Alertable, _In_opt_ LARGE_INTEGER *Timeout)
{
    BOOLEAN Limited = Timeout != NULL;
    LARGE_INTEGER Deadline = {.QuadPart = 0};
    if (Limited && Timeout->QuadPart)
    {
        NtQuerySystemTime(&Deadline);
        Deadline.QuadPart += Remaining(Timeout);
    }
    for (;;)
    {
        HANDLE Handle = UpgradedHandle(Event);
        LINUX_TIMESPEC Limit = {0, 0};
        if (Handle)
            return NtWaitForSingleObject(Handle, Alertable, Deadline.QuadPart ? &Deadline : Timeout);
        LockEvent(Event); /* an upgrade takes the state along: it is here or there, never in both places */
        BOOLEAN Signalled = !UpgradedHandle(Event) && Event->Header.SignalState;
        if (Signalled && Event->Header.Type == SynchronizationEvent)
            Event->Header.SignalState = 0;
        UnlockEvent(Event);
        if (Signalled)
            return STATUS_SUCCESS;
        if (Limited)
        {
            LONG64 Left = Deadline.QuadPart ? Remaining(&Deadline) : 0;
            if (!Left)
                return STATUS_TIMEOUT;
            Limit.Seconds = Left / 10000000;
            Limit.Nanoseconds = Left % 10000000 * 100;
        }
        LinuxFutexWait((volatile int32_t *)&Event->Header.SignalState, 0, Limited ? &Limit : NULL);
    }
}

static VOID CheckMayWait(_In_opt_ const LARGE_INTEGER *Timeout, _In_z_ PCSTR Call, PVOID Place)
{
    if (KeGetCurrentIrql() >= DISPATCH_LEVEL && (!Timeout || Timeout->QuadPart))
        PlatformRuleBroken("Irql_Synch", Call, Place, "a wait at DISPATCH_LEVEL");
}

NTSTATUS KeWaitForSingleObject(PVOID Object, KWAIT_REASON Reason, KPROCESSOR_MODE Mode, BOOLEAN Alertable,
                               PLARGE_INTEGER Timeout)
{
    CheckMayWait(Timeout, __func__, __builtin_return_address(0));
    if (IsFutexEvent(Object))
        return WaitFutex(Object, Alertable, Timeout);
    if (ObjectKind(Object) == ObjectEvent)
        return NtWaitForSingleObject(ObjectHandle(Object), Alertable, Timeout);
    return WineKernel.KeWaitForSingleObject(Object, Reason, Mode, Alertable, Timeout);
}

NTSTATUS KeWaitForMultipleObjects(ULONG Count, PVOID Objects[], WAIT_TYPE Type, KWAIT_REASON Reason,
                                  KPROCESSOR_MODE Mode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                  PKWAIT_BLOCK WaitBlocks)
{
    NTSTATUS Status = STATUS_INVALID_PARAMETER;
    ULONG OpenedCount = 0;
    UNREFERENCED_PARAMETER(Reason);
    UNREFERENCED_PARAMETER(Mode);
    UNREFERENCED_PARAMETER(WaitBlocks);
    CheckMayWait(Timeout, __func__, __builtin_return_address(0));
    if (Count > WAIT_LIMIT)
        return STATUS_INVALID_PARAMETER;
    HANDLE Handles[WAIT_LIMIT], Opened[WAIT_LIMIT];
    for (ULONG I = 0; I < Count; I++)
    {
        Handles[I] = EventHandle(Objects[I]);
        if (!Handles[I])
        {
            Status = WineKernel.ObOpenObjectByPointer(Objects[I], 0, NULL, SYNCHRONIZE, NULL, KernelMode, &Handles[I]);
            if (!NT_SUCCESS(Status))
                goto closeOpened;
            Opened[OpenedCount++] = Handles[I];
        }
    }
    Status = NtWaitForMultipleObjects(Count, Handles, Type, Alertable, Timeout);
    for (ULONG I = 0; I < Count; I++)
    {
        KEVENT *Event = Objects[I];
        /* The state that QueryState does not need, kept for who looks at it in a debugger. */
        if (IsFutexEvent(Event) && Event->Header.Type == SynchronizationEvent &&
            (Status == (NTSTATUS)(STATUS_WAIT_0 + I) || (Type == WaitAll && Status == STATUS_WAIT_0)))
        {
            Event->Header.SignalState = 0;
        }
    }

closeOpened:
    while (OpenedCount)
        NtClose(Opened[--OpenedCount]);
    return Status;
}
