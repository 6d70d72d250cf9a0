/* SPDX-License-Identifier: MIT */
/*
 * Sessions: starting, ending, and the table of handles. A handle is an index into a static table and a generation, so
 * that a call with a handle that has ended is an error and never a crash, whatever other threads do.
 *
 * Locks, in this order: TableLock (taking and freeing entries), Receive.Lock, Send.Lock. No system call is made under
 * the side locks but setting and resetting the events. The memory goes when the session has ended, the last packet that
 * a thread holds has come back and no thread is left in a wait (References).
 */
#include "library/library.h"

#define GENERATION_MASK   0xffffffu
#define CAPACITY_DEFAULT  0x400000 /* bytes */
#define SPIN_BUDGET_START 50       /* microseconds */

static SRWLOCK TableLock = SRWLOCK_INIT;
static SESSION Table[PLAINTUN_SESSION_MAX];
static ULONG64 TableOrder; /* guarded by TableLock */

_Static_assert(PLAINTUN_SESSION_MAX < 256, "the index takes 8 bits of a handle, of which 0 is no session");

SESSION *SessionEntry(PLAINTUN_SESSION_HANDLE Handle)
{
    ULONG_PTR Index = ((ULONG_PTR)Handle & 0xff) - 1;
    return Index < PLAINTUN_SESSION_MAX ? &Table[Index] : NULL;
}

DWORD SessionGeneration(PLAINTUN_SESSION_HANDLE Handle)
{
    return (DWORD)((ULONG_PTR)Handle >> 8) & GENERATION_MASK;
}

PLAINTUN_SESSION_HANDLE SessionHandle(const SESSION *Session)
{
    ULONG_PTR Index = (ULONG_PTR)(Session - Table) + 1;
    return (PLAINTUN_SESSION_HANDLE)((ULONG_PTR)Session->Generation << 8 | Index);
}

static void LockSides(SESSION *Session)
{
    AcquireSRWLockExclusive(&Session->Receive.Lock);
    AcquireSRWLockExclusive(&Session->Send.Lock);
}

static void UnlockSides(SESSION *Session)
{
    ReleaseSRWLockExclusive(&Session->Send.Lock);
    ReleaseSRWLockExclusive(&Session->Receive.Lock);
}

static void CloseEvents(SESSION_EVENTS *Events)
{
    if (Events->ToAppPackets != NULL)
        CloseHandle(Events->ToAppPackets);
    if (Events->ToStackSpace != NULL)
        CloseHandle(Events->ToStackSpace);
    if (Events->ToStackPackets != NULL)
        CloseHandle(Events->ToStackPackets);
    *Events = (SESSION_EVENTS){0};
}

static BOOL CreateEvents(SESSION_EVENTS *Events, BOOL SelfReset)
{
    /* Manual-reset, so that each of several waiting threads is woken, and all of them when the session dies. */
    Events->ToAppPackets = CreateEventW(NULL, !SelfReset, FALSE, NULL);
    Events->ToStackSpace = CreateEventW(NULL, TRUE, FALSE, NULL);
    Events->ToStackPackets = CreateEventW(NULL, FALSE, FALSE, NULL);
    return Events->ToAppPackets != NULL && Events->ToStackSpace != NULL && Events->ToStackPackets != NULL;
}

#define WAITERS_MAX 1024 /* threads that are woken one by one */

/* "SetEvent function (synchapi.h)": an auto-reset event that is set releases one thread and is no longer set; where none
 * waits it stays set, and so can be taken back. */
void SessionWakeAll(const SESSION *Session)
{
    HANDLE Event = Session->Receive.Event;
    SetEvent(Session->Send.Event);
    SetEvent(Event);
    for (DWORD i = 0; Session->Receive.SelfReset && i < WAITERS_MAX; ++i)
    {
        BOOL Left = WaitForSingleObject(Event, 0) != WAIT_TIMEOUT;
        SetEvent(Event);
        if (Left)
            break;
    }
}

void SessionWakeNext(PLAINTUN_SESSION_HANDLE Handle)
{
    SESSION *Session = SessionEntry(Handle);
    DWORD Generation = SessionGeneration(Handle);
    if (Session == NULL)
        return;
    AcquireSRWLockExclusive(&Session->Receive.Lock);
    /* Its events are open until the entry is taken anew. */
    if (Session->State == SESSION_FREE)
        Generation = (Generation + 1) & GENERATION_MASK;
    if (Session->Receive.SelfReset && Session->Generation == Generation &&
        (Session->State == SESSION_FREE || Session->State == SESSION_ENDED))
        SetEvent(Session->Receive.Event);
    ReleaseSRWLockExclusive(&Session->Receive.Lock);
}

static void FreeEntry(SESSION *Session)
{
    AcquireSRWLockExclusive(&TableLock);
    LockSides(Session);
    Session->State = SESSION_FREE;
    Session->Generation = (Session->Generation + 1) & GENERATION_MASK;
    Session->Order = ++TableOrder;
    UnlockSides(Session);
    ReleaseSRWLockExclusive(&TableLock);
}

/* The free entry that has been free for longest. Its former session's events are closed only now: a thread that was
 * about to wait on one when that session ended found it set, and not closed or another object's. */
static SESSION *TakeEntry(void)
{
    SESSION *Session = NULL;
    AcquireSRWLockExclusive(&TableLock);
    for (DWORD i = 0; i < PLAINTUN_SESSION_MAX; ++i)
        if (Table[i].State == SESSION_FREE && (Session == NULL || Table[i].Order < Session->Order))
            Session = &Table[i];
    if (Session != NULL)
    {
        LockSides(Session);
        Session->State = SESSION_STARTING;
        UnlockSides(Session);
    }
    ReleaseSRWLockExclusive(&TableLock);
    if (Session == NULL)
        SetLastError(ERROR_NO_SYSTEM_RESOURCES);
    else
        CloseEvents(&Session->Events);
    return Session;
}

void SessionUnreference(SESSION *Session)
{
    if (atomic_fetch_sub(&Session->References, 1) != 1)
        return;
    DWORD LastError = GetLastError();
    DeviceUnmap(&Session->Memory);
    FreeEntry(Session);
    SetLastError(LastError);
}

/* Takes the packets that are still out as lost. */
static void ForgetPackets(SESSION *Session, DWORD Generation)
{
    LONG References = 0;
    LockSides(Session);
    if (Session->State == SESSION_ENDED && Session->Generation == Generation)
    {
        References = (Session->Receive.Held > 0) + (Session->Send.Held > 0);
        Session->Receive.Held = 0;
        Session->Send.Held = 0;
    }
    UnlockSides(Session);
    while (References-- > 0)
        SessionUnreference(Session);
}

/* All places are taken: the session that has waited longest for its packets, of those that have ended, gives its place up.
 * FALSE: all are open. */
static BOOL ForgetOldest(void)
{
    DWORD Generation = 0;
    SESSION *Oldest = NULL;
    AcquireSRWLockShared(&TableLock);
    for (DWORD i = 0; i < PLAINTUN_SESSION_MAX; ++i)
        if (Table[i].State == SESSION_ENDED && (Oldest == NULL || Table[i].Order < Oldest->Order))
            Oldest = &Table[i];
    if (Oldest != NULL)
        Generation = Oldest->Generation;
    ReleaseSRWLockShared(&TableLock);
    if (Oldest == NULL)
        return FALSE;
    Log(PLAINTUN_LOG_WARN,
        L"this program has %1!u! sessions, some ended with packets that were never given back; the "
        L"oldest of these loses them",
        PLAINTUN_SESSION_MAX);
    ForgetPackets(Oldest, Generation);
    return TRUE;
}

/* https://learn.microsoft.com/windows/win32/api/ioapiset/nf-ioapiset-deviceiocontrol; the protocol is ring/session.h. */
_Static_assert(PLAINTUN_SESSION_MONITOR == TUN_START_MONITOR &&
                   PLAINTUN_OFFLOAD_RECEIVE_CHECKSUM == TUN_OFFLOAD_TO_APP_CHECKSUM &&
                   PLAINTUN_OFFLOAD_RECEIVE_TCP == TUN_OFFLOAD_TO_APP_TCP &&
                   PLAINTUN_OFFLOAD_RECEIVE_TCP_CWR == TUN_OFFLOAD_TO_APP_TCP_CWR &&
                   PLAINTUN_OFFLOAD_RECEIVE_UDP == TUN_OFFLOAD_TO_APP_UDP &&
                   PLAINTUN_OFFLOAD_SEND_CHECKSUM == TUN_OFFLOAD_TO_STACK_CHECKSUM &&
                   PLAINTUN_OFFLOAD_SEND_TCP == TUN_OFFLOAD_TO_STACK_TCP &&
                   PLAINTUN_OFFLOAD_SEND_UDP == TUN_OFFLOAD_TO_STACK_UDP,
               "handed on as they are");

PLAINTUN_SESSION_HANDLE SessionStart(PLAINTUN_ADAPTER_HANDLE Adapter, const PLAINTUN_SESSION_CONFIG *Config,
                                     BOOL SelfReset)
{
    DWORD Capacity = Config != NULL && Config->Capacity != 0 ? Config->Capacity : CAPACITY_DEFAULT;
    DWORD Flags = Config != NULL ? Config->Flags : 0;
    if (Adapter == NULL || (Config != NULL && Config->Size != sizeof(*Config)) || !TunStartValid(Capacity, Flags))
    {
        LogError(
            ERROR_INVALID_PARAMETER,
            L"starting a session: the configuration is wrong; rings of %1!u! bytes must be a power of two, 128 KiB to "
            L"64 MiB (at least 1 MiB for super-packets), and Size and Flags as in this version's header",
            Capacity);
        return NULL;
    }

    SESSION *Session = TakeEntry();
    if (Session == NULL && ForgetOldest())
        Session = TakeEntry();
    if (Session == NULL)
    {
        LogError(GetLastError(), L"starting a session: this program has %1!u! already; end some", PLAINTUN_SESSION_MAX);
        return NULL;
    }
    DWORD Error;
    if (!CreateEvents(&Session->Events, SelfReset))
    {
        Error = GetLastError();
        goto freeEntry;
    }
    Session->Device = DeviceOpen(&Adapter->Guid);
    if (Session->Device == INVALID_HANDLE_VALUE)
    {
        Error = DeviceError(GetLastError()); /* it was there once: not found means gone */
        goto freeEntry;
    }
    if (!DeviceStart(Session->Device, Capacity, Flags, &Session->Events, &Session->Memory))
    {
        Error = GetLastError();
        goto closeDevice;
    }

    LockSides(Session);
    Session->Receive.Held = Session->Send.Held = 0;
    Session->Receive.Idle = Session->Send.Idle = 0;
    Session->Receive.EventShared = Session->Send.EventShared = FALSE;
    Session->Receive.SelfReset = SelfReset;
    Session->Receive.Event = Session->Events.ToAppPackets;
    Session->Send.Event = Session->Events.ToStackSpace;
    RingAttach(&Session->Receive.Ring, Session->Memory.ToApp, Capacity);
    RingAttach(&Session->Send.Ring, Session->Memory.ToStack, Capacity);
    Session->Wanted = 0;
    atomic_store(&Session->Error, NO_ERROR);
    atomic_store(&Session->Unlogged, NO_ERROR);
    atomic_store(&Session->References, 1);
    atomic_store(&Session->SpinBudget, SPIN_BUDGET_START);
    atomic_store(&Session->State, SESSION_OPEN);
    PLAINTUN_SESSION_HANDLE Handle = SessionHandle(Session);
    UnlockSides(Session);

    AcquireSRWLockExclusive(&Adapter->Lock);
    *(Flags & PLAINTUN_SESSION_MONITOR ? &Adapter->Monitor : &Adapter->Session) = Handle;
    ReleaseSRWLockExclusive(&Adapter->Lock);
    return Handle;

closeDevice:
    CloseHandle(Session->Device);
freeEntry:
    FreeEntry(Session);
    SayNoSession(&Adapter->Guid, Error);
    return NULL;
}

PLAINTUN_SESSION_HANDLE WINAPI PlaintunStartSession(PLAINTUN_ADAPTER_HANDLE Adapter,
                                                    const PLAINTUN_SESSION_CONFIG *Config)
{
    return SessionStart(Adapter, Config, FALSE);
}

void WINAPI PlaintunEndSession(PLAINTUN_SESSION_HANDLE Handle)
{
    DWORD Generation = SessionGeneration(Handle);
    SESSION *Session = SessionEntry(Handle);
    if (Session == NULL)
        return;

    AcquireSRWLockExclusive(&TableLock);
    LockSides(Session);
    BOOL Open = Session->State == SESSION_OPEN && Session->Generation == Generation;
    if (Open)
    {
        Session->State = SESSION_ENDED;
        Session->Order = ++TableOrder;
        atomic_fetch_add(&Session->References, (Session->Receive.Held > 0) + (Session->Send.Held > 0));
        SessionWakeAll(Session); /* nobody resets the events any more */
    }
    UnlockSides(Session);
    ReleaseSRWLockExclusive(&TableLock);
    if (!Open)
        return;

    DeviceEnd(Session->Device);
    CloseHandle(Session->Device);
    SessionUnreference(Session);
}

/* What is a session's goes, as far as no other thread can be in it: calls of the kernel alone, for the loader's lock is held. */
void SessionUnload(void)
{
    for (DWORD i = 0; i < PLAINTUN_SESSION_MAX; ++i)
    {
        SESSION *Session = &Table[i];
        if (Session->State == SESSION_OPEN)
        {
            DeviceEnd(Session->Device);
            CloseHandle(Session->Device);
        }
        if (Session->State == SESSION_OPEN || Session->State == SESSION_ENDED)
            DeviceUnmap(&Session->Memory);
        CloseEvents(&Session->Events);
        Session->State = SESSION_FREE;
    }
}
