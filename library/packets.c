/* SPDX-License-Identifier: MIT */
/*
 * The way of packets through the library: taking and giving back, allocating and sending, and waiting for either. Any
 * number of threads; each direction has one lock, held for a few instructions a packet and never while the program works
 * on one. System calls are made only to wait, to make a wait possible, and to wake a driver that sleeps.
 *
 * While a packet is in the program's hands its Mark is MARK_HELD, afterwards MARK_DONE. Packets come back in any order;
 * the ring's index moves over all marked ones up to the first that is still held. What lies in the rings is not believed
 * (ring.h), so that neither the driver nor a program that writes past its packet can make these functions go astray.
 *
 * Events are manual-reset and shared by all threads that wait. They are reset only here, under the side's lock, when the
 * ring was found empty (full), and set again when it then turns out not to be: no thread's signal is lost to another.
 * The packets event of wintun.c's sessions (SelfReset) is auto-reset: a wait takes its signal, for good. There each call
 * that receives leaves the event set or the waiting flag set, whatever it found, so that the next packet is signalled, too.
 */
#include "library/library.h"

#define MARK_HELD 0x5a17u
#define MARK_DONE 0xa5e8u

#define SPIN_BURST 32  /* looks between two offers of the processor to others */
#define SPIN_MIN   5   /* microseconds that a wait polls when polling has not paid off lately */
#define SPIN_MAX   200 /* microseconds that it polls when it has: about the cost of a sleep and a wake-up */
#define SPIN_ROUND 2   /* microseconds, about, of one burst and one offer that nobody takes */

/* --- shared by both directions -------------------------------------------------------------------------------------- */

/* Makes Error the session's end and wakes everybody. One side's lock is held; setting the other side's event needs none:
 * who resets it looks at Error afterwards. */
static void Fail(SESSION *Session, DWORD Error)
{
    DWORD None = NO_ERROR;
    if (atomic_compare_exchange_strong(&Session->Error, &None, Error))
        atomic_store(&Session->Unlogged, Error);
    SessionWakeAll(Session);
}

/* Why this side cannot be used, or NO_ERROR. Its lock is held. */
static DWORD Closed(SESSION *Session, SESSION_SIDE *Side)
{
    if (Session->Error != NO_ERROR)
        return Session->Error;
    if (Side->Ring.Ring == NULL)
        return ERROR_NOT_SUPPORTED; /* a monitor session's sending side */
    uint32_t Reason = RingClosed(Side->Ring.Ring);
    if (Reason == 0)
        return NO_ERROR;
    Fail(Session, Reason == TUN_CLOSED_ENDED || Reason == TUN_CLOSED_REMOVED ? ERROR_HANDLE_EOF : ERROR_INVALID_DATA);
    return Session->Error;
}

/* Locks a side of the session that Handle names. FALSE, unlocked: it has ended. AnyState: an ended one will do, as long
 * as packets are out. */
static BOOL Enter(PLAINTUN_SESSION_HANDLE Handle, SESSION *Session, SESSION_SIDE *Side, BOOL AnyState)
{
    AcquireSRWLockExclusive(&Side->Lock);
    if (Session->Generation == SessionGeneration(Handle) &&
        (Session->State == SESSION_OPEN || (AnyState && Session->State == SESSION_ENDED && Side->Held > 0)))
        return TRUE;
    ReleaseSRWLockExclusive(&Side->Lock);
    return FALSE;
}

/* Logs what Fail could not: a logger may call the library, and so is called without locks. */
static void Leave(SESSION *Session, SESSION_SIDE *Side)
{
    ReleaseSRWLockExclusive(&Side->Lock);
    if (atomic_load_explicit(&Session->Unlogged, memory_order_relaxed) == NO_ERROR)
        return;
    DWORD Error = atomic_exchange(&Session->Unlogged, NO_ERROR);
    if (Error == ERROR_INVALID_DATA)
        Log(PLAINTUN_LOG_ERROR, L"a ring is corrupt: the session cannot go on");
    else if (Error != NO_ERROR)
        Log(PLAINTUN_LOG_INFO, L"the adapter has gone, and its session with it");
}

static uint32_t RingIndexOf(const RING_SIDE *Ring, const RING_PACKET *Packet)
{
    uint32_t Offset = (uint32_t)((const BYTE *)Packet - (const BYTE *)Ring->Ring - RING_DATA_OFFSET);
    return Ring->Own + ((Offset - Ring->Own) & (Ring->Capacity - 1));
}

/* Marks a packet as done. FALSE: Data is not a packet that the program holds. */
static BOOL GiveBack(SESSION_SIDE *Side, const BYTE *Data)
{
    const RING_SIDE *Ring = &Side->Ring;
    ULONG_PTR First = (ULONG_PTR)Ring->Ring + RING_DATA_OFFSET;
    ULONG_PTR Offset = (ULONG_PTR)Data - sizeof(RING_PACKET) - First;
    if (Side->Held == 0 || Offset >= Ring->Capacity || Offset % RING_ALIGNMENT != 0)
        return FALSE;
    RING_PACKET *Packet = (RING_PACKET *)(First + Offset);
    if (RingIndexOf(Ring, Packet) - Ring->Own >= Ring->Next - Ring->Own ||
        atomic_load_explicit(&Packet->Mark, memory_order_relaxed) != MARK_HELD)
        return FALSE;
    atomic_store_explicit(&Packet->Mark, MARK_DONE, memory_order_relaxed);
    --Side->Held;
    return TRUE;
}

/* How far the ring's index may move: to the first packet that is still held. FALSE: a header has been overwritten. */
static BOOL DoneUpTo(const RING_SIDE *Ring, uint32_t *Index)
{
    for (*Index = Ring->Own; *Index != Ring->Next;)
    {
        RING_PACKET *Packet = RingPacketAt(Ring, *Index);
        if (atomic_load_explicit(&Packet->Mark, memory_order_relaxed) != MARK_DONE)
            return TRUE;
        uint64_t Size = RingEntrySize(atomic_load_explicit(&Packet->Length, memory_order_relaxed));
        if (Size > Ring->Next - *Index)
            return FALSE;
        *Index += (uint32_t)Size;
    }
    return TRUE;
}

/* Gives packets back on either side: to_app's are released, to_stack's published. */
static void GiveBackAll(PLAINTUN_SESSION_HANDLE Handle, SESSION *Session, SESSION_SIDE *Side,
                        const PLAINTUN_PACKET *Packets, DWORD Count)
{
    DWORD Wrong = 0;
    BOOL Wake = FALSE, Unreference = FALSE;
    if (!Enter(Handle, Session, Side, TRUE))
        return;
    for (DWORD i = 0; i < Count; ++i)
        if (!GiveBack(Side, Packets[i].Data))
            ++Wrong;
    uint32_t Index;
    if (Session->State == SESSION_ENDED)
        Unreference = Side->Held == 0;
    else if (Session->Error != NO_ERROR)
        ;
    else if (!DoneUpTo(&Side->Ring, &Index))
        Fail(Session, ERROR_INVALID_DATA);
    else if (Side == &Session->Receive)
        RingRelease(&Side->Ring, Index); /* the driver drops what finds no room and never waits for it */
    else if (RingPublish(&Side->Ring, Index))
    {
        Wake = Unreference = TRUE;
        atomic_fetch_add(&Session->References, 1);
    }
    Leave(Session, Side);
    if (Wake)
        SetEvent(Session->Events.ToStackPackets);
    if (Unreference)
        SessionUnreference(Session);
    if (Wrong > 0)
        Log(PLAINTUN_LOG_ERROR, L"%1!u! of %2!u! packets given back are not in the program's hands; they are ignored",
            Wrong, Count);
}

DWORD WINAPI PlaintunGetOffloads(PLAINTUN_SESSION_HANDLE Handle)
{
    SESSION *Session = SessionEntry(Handle);
    if (Session == NULL || !Enter(Handle, Session, &Session->Receive, FALSE))
    {
        SetLastError(ERROR_HANDLE_EOF);
        return 0;
    }
    DWORD Offloads = Session->Memory.Offloads;
    Leave(Session, &Session->Receive);
    SetLastError(NO_ERROR);
    return Offloads;
}

/* --- from the system to the program --------------------------------------------------------------------------------- */

/* The time that polling may take doubles each time that it found something and halves each time that it did not, so that
 * a busy session is served without sleeping and an idle one costs next to nothing. */
static void SpinPaid(SESSION *Session, BOOL Paid)
{
    DWORD Budget = atomic_load_explicit(&Session->SpinBudget, memory_order_relaxed);
    Budget = Paid ? Budget * 2 : Budget / 2;
    Budget = Budget < SPIN_MIN ? SPIN_MIN : Budget > SPIN_MAX ? SPIN_MAX : Budget;
    atomic_store_explicit(&Session->SpinBudget, Budget, memory_order_relaxed);
}

/* Performance counter units in so many microseconds. 32 bits will do: the counter runs at some MHz. */
static LONGLONG PerformanceUnits(DWORD Microseconds)
{
    LARGE_INTEGER Frequency;
    QueryPerformanceFrequency(&Frequency);
    return (DWORD)Frequency.QuadPart / 1000 * Microseconds / 1000;
}

/*
 * The ring is empty, the program has its event, and the driver has taken the waiting flag, so that the event is set or
 * about to be. Preparing a wait now costs a system call here and another one in the driver when the next packet comes,
 * which under load is at once: so for some microseconds nothing is prepared. A program that polls finds the packet; one
 * that waits does not sleep, as the event is set, and looks again. TRUE: nothing is to be prepared yet.
 */
static BOOL Linger(SESSION *Session)
{
    SESSION_SIDE *Side = &Session->Receive;
    if (atomic_load_explicit(&Side->Ring.Ring->ConsumerWaiting, memory_order_relaxed) != 0)
        return FALSE;
    LARGE_INTEGER Now;
    QueryPerformanceCounter(&Now);
    if (Side->Idle == 0)
    {
        Side->Idle = 1;
        Side->IdleSince = Now.QuadPart;
    }
    if (Now.QuadPart - Side->IdleSince <
        PerformanceUnits(atomic_load_explicit(&Session->SpinBudget, memory_order_relaxed)))
        return TRUE;
    SpinPaid(Session, FALSE);
    return FALSE;
}

/*
 * The ring was found empty: makes sure that the event will be set when a packet comes. Woken: the caller was woken by
 * the event and so knows it to be set. Returns RING_EMPTY, RING_OK (something came) or RING_CORRUPT.
 *
 * Where the waiting flag is still set from last time the driver has not touched the event since, and resetting it again
 * would cost a program that polls a system call each time. But a driver that took the flag long ago may set the event as
 * late as it likes, after our reset: the event then stays set though there is nothing. So it is reset again after 2, 4,
 * 8, ... vain looks.
 *
 * An event that resets itself is not reset here. Where its flag is still set the driver signals what comes; a flag that we
 * only still see set has been taken by a driver that signals yet.
 */
static RING_STATUS ArmReceive(SESSION *Session, BOOL Woken)
{
    SESSION_SIDE *Side = &Session->Receive;
    DWORD Idle = ++Side->Idle;
    if ((Side->SelfReset || (!Woken && (Idle & (Idle - 1)) != 0)) &&
        atomic_load_explicit(&Side->Ring.Ring->ConsumerWaiting, memory_order_relaxed) != 0)
        return RING_EMPTY;
    if (!Side->SelfReset)
        ResetEvent(Side->Event);
    RING_STATUS Status = RingSleep(&Side->Ring);
    /* Other threads may be about to wait; or the ring was closed, or found corrupt, and the event set, before our reset. */
    if (Status != RING_EMPTY || RingClosed(Side->Ring.Ring) != 0 || Session->Error != NO_ERROR)
        SetEvent(Side->Event);
    return Status;
}

/*
 * Packets were taken, and the event resets itself: the thread that took them may wait without another look, or others may
 * have waited before it. What comes now shall be signalled, and so shall the end be, whose signal may have been ours. What is
 * known to be left was signalled when it came.
 */
static void KeepArmed(SESSION *Session)
{
    SESSION_SIDE *Side = &Session->Receive;
    _Atomic(uint32_t) *Waiting = &Side->Ring.Ring->ConsumerWaiting;
    if (RingClosed(Side->Ring.Ring) != 0)
        SetEvent(Side->Event);
    else if (Side->Ring.Next == Side->Ring.Other)
        ArmReceive(Session, FALSE);
    else if (atomic_load_explicit(Waiting, memory_order_relaxed) == 0)
    {
        atomic_store_explicit(Waiting, 1, memory_order_relaxed);
        /* The flag is out before a later call looks: ArmReceive takes it to be. Pairs with [fence-tail] of ring.h. */
        atomic_thread_fence(memory_order_seq_cst);
    }
}

DWORD WINAPI PlaintunReceive(PLAINTUN_SESSION_HANDLE Handle, PLAINTUN_PACKET *Packets, DWORD Count)
{
    DWORD Taken = 0, Error = NO_ERROR;
    SESSION *Session = SessionEntry(Handle);
    if (Session == NULL || !Enter(Handle, Session, &Session->Receive, FALSE))
    {
        SessionWakeNext(Handle);
        SetLastError(ERROR_HANDLE_EOF);
        return 0;
    }

    SESSION_SIDE *Side = &Session->Receive;
    if (Session->Error != NO_ERROR)
    {
        Error = Session->Error;
        if (Side->SelfReset)
            SetEvent(Side->Event); /* for the next thread, where ours was the one that it woke */
    }
    while (Taken < Count && Error == NO_ERROR)
    {
        RING_PACKET *Packet;
        uint32_t Length;
        RING_STATUS Status = RingTake(&Side->Ring, &Packet, &Length);
        if (Status == RING_EMPTY)
        {
            if (Taken > 0)
                break;
            Error = Closed(Session, Side);
            if (Error != NO_ERROR)
                break;
            if (Side->EventShared && (Side->SelfReset || !Linger(Session)))
                Status = ArmReceive(Session, FALSE);
            if (Status == RING_EMPTY)
                Error = ERROR_NO_MORE_ITEMS;
        }
        else if (Status == RING_OK)
        {
            atomic_store_explicit(&Packet->Mark, MARK_HELD, memory_order_relaxed);
            uint32_t Offload = atomic_load_explicit(&Packet->OffloadKind, memory_order_relaxed);
            Packets[Taken++] = (PLAINTUN_PACKET){.Data = RingPacketData(Packet),
                                                 .Size = Length,
                                                 .Flags = Offload & RING_FLAG_TO_STACK ? PLAINTUN_PACKET_TO_STACK : 0};
        }
        else if (Status == RING_TOO_LONG)
        {
            atomic_store_explicit(&Packet->Mark, MARK_DONE, memory_order_relaxed);
            uint32_t Index;
            if (DoneUpTo(&Side->Ring, &Index))
                RingRelease(&Side->Ring, Index);
            else
                Status = RING_CORRUPT;
        }
        if (Status == RING_CORRUPT)
        {
            Fail(Session, ERROR_INVALID_DATA);
            Error = ERROR_INVALID_DATA;
        }
    }
    Side->Held += Taken;
    if (Taken > 0)
    {
        if (Side->EventShared && Side->Idle > 0 &&
            atomic_load_explicit(&Side->Ring.Ring->ConsumerWaiting, memory_order_relaxed) == 0)
            SpinPaid(Session, TRUE);
        if (Side->EventShared && Side->SelfReset)
            KeepArmed(Session);
        Side->Idle = 0;
    }
    Leave(Session, Side);
    if (Taken == 0)
        SetLastError(Error);
    return Taken;
}

void WINAPI PlaintunRelease(PLAINTUN_SESSION_HANDLE Handle, const PLAINTUN_PACKET *Packets, DWORD Count)
{
    SESSION *Session = SessionEntry(Handle);
    if (Session != NULL)
        GiveBackAll(Handle, Session, &Session->Receive, Packets, Count);
}

/* --- from the program to the system --------------------------------------------------------------------------------- */

/* The ring was found too full for Wanted bytes: as ArmReceive. RING_FULL, RING_OK or RING_CORRUPT. */
static RING_STATUS ArmSend(SESSION *Session, BOOL Woken)
{
    SESSION_SIDE *Side = &Session->Send;
    DWORD Idle = ++Side->Idle;
    if (!Woken && (Idle & (Idle - 1)) != 0 &&
        atomic_load_explicit(&Side->Ring.Ring->ProducerWaiting, memory_order_relaxed) != 0)
        return RING_FULL;
    ResetEvent(Side->Event);
    RING_STATUS Status = RingStall(&Side->Ring, Session->Wanted);
    if (Status != RING_FULL || RingClosed(Side->Ring.Ring) != 0 || Session->Error != NO_ERROR)
        SetEvent(Side->Event);
    return Status;
}

DWORD WINAPI PlaintunAllocate(PLAINTUN_SESSION_HANDLE Handle, PLAINTUN_PACKET *Packets, DWORD Count)
{
    DWORD Allocated = 0;
    for (DWORD i = 0; i < Count; ++i)
        if (Packets[i].Size > PLAINTUN_PACKET_MAX)
        {
            SetLastError(ERROR_INVALID_PARAMETER);
            return 0;
        }
    SESSION *Session = SessionEntry(Handle);
    if (Session == NULL || !Enter(Handle, Session, &Session->Send, FALSE))
    {
        SetLastError(ERROR_HANDLE_EOF);
        return 0;
    }

    SESSION_SIDE *Side = &Session->Send;
    DWORD Error = Closed(Session, Side);
    while (Allocated < Count && Error == NO_ERROR)
    {
        DWORD Size = Packets[Allocated].Size;
        RING_PACKET *Packet;
        RING_STATUS Status = RingReserve(&Side->Ring, Size, &Packet);
        if (Status == RING_FULL)
        {
            if (Size > Session->Wanted)
                Session->Wanted = Size;
            if (Allocated > 0)
                break;
            if (Side->EventShared)
                Status = ArmSend(Session, FALSE);
            if (Status == RING_FULL)
                Error = ERROR_BUFFER_OVERFLOW;
        }
        else if (Status == RING_OK)
        {
            atomic_store_explicit(&Packet->Mark, MARK_HELD, memory_order_relaxed);
            Packets[Allocated++].Data = RingPacketData(Packet);
            if (Size >= Session->Wanted)
                Session->Wanted = 0;
        }
        if (Status == RING_CORRUPT)
        {
            Fail(Session, ERROR_INVALID_DATA);
            Error = ERROR_INVALID_DATA;
        }
    }
    Side->Held += Allocated;
    if (Allocated > 0)
        Side->Idle = 0;
    Leave(Session, Side);
    if (Allocated == 0)
        SetLastError(Error);
    return Allocated;
}

void WINAPI PlaintunSend(PLAINTUN_SESSION_HANDLE Handle, const PLAINTUN_PACKET *Packets, DWORD Count)
{
    SESSION *Session = SessionEntry(Handle);
    if (Session != NULL)
        GiveBackAll(Handle, Session, &Session->Send, Packets, Count);
}

/* --- events for programs with a wait of their own -------------------------------------------------------------------- */

static HANDLE ShareEvent(PLAINTUN_SESSION_HANDLE Handle, BOOL Send)
{
    SESSION *Session = SessionEntry(Handle);
    SESSION_SIDE *Side = Session == NULL ? NULL : Send ? &Session->Send : &Session->Receive;
    if (Session == NULL || !Enter(Handle, Session, Side, FALSE))
    {
        SetLastError(ERROR_HANDLE_EOF);
        return NULL;
    }
    HANDLE Event = Side->Event;
    BOOL First = !Side->EventShared;
    /* From now on looks that find nothing arm the event. One that found nothing before did not. */
    Side->EventShared = TRUE;
    if (First && Closed(Session, Side) == NO_ERROR)
    {
        if (!Send)
            ArmReceive(Session, TRUE);
        else if (Session->Wanted != 0)
            ArmSend(Session, TRUE);
    }
    Leave(Session, Side);
    return Event;
}

HANDLE WINAPI PlaintunGetPacketsEvent(PLAINTUN_SESSION_HANDLE Handle)
{
    return ShareEvent(Handle, FALSE);
}

HANDLE WINAPI PlaintunGetSpaceEvent(PLAINTUN_SESSION_HANDLE Handle)
{
    return ShareEvent(Handle, TRUE);
}

/* --- waiting -------------------------------------------------------------------------------------------------------- */

/* What a look saw: a poll need only find one of the words changed. */
typedef struct _SIGHT
{
    uint32_t Tail; /* of to_app: all that was published has been taken */
    uint32_t Head; /* of to_stack */
} SIGHT;

static DWORD LookReceive(PLAINTUN_SESSION_HANDLE Handle, SESSION *Session, BOOL Arm, BOOL Woken, SIGHT *Sight,
                         DWORD *Error)
{
    DWORD Ready = 0;
    SESSION_SIDE *Side = &Session->Receive;
    if (!Enter(Handle, Session, Side, FALSE))
    {
        *Error = ERROR_HANDLE_EOF;
        return 0;
    }
    RING_STATUS Status = RING_OK;
    if (Session->Error != NO_ERROR)
        *Error = Session->Error;
    else if (Side->Ring.Next == Side->Ring.Other && !RingReadTail(&Side->Ring))
        Status = RING_CORRUPT;
    else if (Side->Ring.Next == Side->Ring.Other)
    {
        *Error = Closed(Session, Side);
        Status = RING_EMPTY;
        if (*Error == NO_ERROR && Arm)
            Status = ArmReceive(Session, Woken);
    }
    if (Status == RING_CORRUPT)
    {
        Fail(Session, ERROR_INVALID_DATA);
        *Error = ERROR_INVALID_DATA;
    }
    if (Status == RING_OK && *Error == NO_ERROR)
        Ready = PLAINTUN_WAIT_PACKETS;
    Sight->Tail = Side->Ring.Other;
    Leave(Session, Side);
    return Ready;
}

static DWORD LookSend(PLAINTUN_SESSION_HANDLE Handle, SESSION *Session, BOOL Arm, BOOL Woken, SIGHT *Sight,
                      DWORD *Error)
{
    DWORD Ready = 0;
    SESSION_SIDE *Side = &Session->Send;
    if (!Enter(Handle, Session, Side, FALSE))
    {
        *Error = ERROR_HANDLE_EOF;
        return 0;
    }
    RING_STATUS Status = RING_OK;
    *Error = Closed(Session, Side);
    if (*Error == NO_ERROR && !RingHasRoom(&Side->Ring, Session->Wanted))
    {
        if (!RingReadHead(&Side->Ring))
            Status = RING_CORRUPT;
        else if (!RingHasRoom(&Side->Ring, Session->Wanted))
            Status = Arm ? ArmSend(Session, Woken) : RING_FULL;
    }
    if (Status == RING_CORRUPT)
    {
        Fail(Session, ERROR_INVALID_DATA);
        *Error = ERROR_INVALID_DATA;
    }
    if (Status == RING_OK && *Error == NO_ERROR)
    {
        Ready = PLAINTUN_WAIT_SPACE;
        Session->Wanted = 0;
    }
    Sight->Head = Side->Ring.Other;
    Leave(Session, Side);
    return Ready;
}

/* Looks at what Events asks for. Woken: the events whose waits were satisfied. */
static DWORD Look(PLAINTUN_SESSION_HANDLE Handle, SESSION *Session, DWORD Events, BOOL Arm, DWORD Woken, SIGHT *Sight,
                  DWORD *Error)
{
    DWORD Ready = 0;
    if (Events & PLAINTUN_WAIT_PACKETS)
        Ready |= LookReceive(Handle, Session, Arm, (Woken & PLAINTUN_WAIT_PACKETS) != 0, Sight, Error);
    if (*Error == NO_ERROR && (Events & PLAINTUN_WAIT_SPACE))
        Ready |= LookSend(Handle, Session, Arm && Ready == 0, (Woken & PLAINTUN_WAIT_SPACE) != 0, Sight, Error);
    return Ready;
}

/* Something may have changed since Sight. Reads shared words only: no lock, no system call. */
static BOOL Changed(SESSION *Session, DWORD Events, const SIGHT *Sight)
{
    RING *ToApp = Session->Memory.ToApp, *ToStack = Session->Memory.ToStack;
    if ((Events & PLAINTUN_WAIT_PACKETS) &&
        (atomic_load_explicit(&ToApp->Tail, memory_order_relaxed) != Sight->Tail || RingClosed(ToApp) != 0))
        return TRUE;
    if ((Events & PLAINTUN_WAIT_SPACE) &&
        (atomic_load_explicit(&ToStack->Head, memory_order_relaxed) != Sight->Head || RingClosed(ToStack) != 0))
        return TRUE;
    return atomic_load_explicit(&Session->State, memory_order_relaxed) != SESSION_OPEN;
}

/* Polls for a while. Between bursts other threads get the processor: on a small machine one of them may be the one we
 * wait for. So it is rounds that are counted, not time, of which others may have taken the most. */
static BOOL Spin(SESSION *Session, DWORD Events, const SIGHT *Sight)
{
    DWORD Rounds = atomic_load_explicit(&Session->SpinBudget, memory_order_relaxed) / SPIN_ROUND;
    for (DWORD Round = 0; Round <= Rounds; ++Round)
    {
        for (int i = 0; i < SPIN_BURST; ++i)
        {
            if (Changed(Session, Events, Sight))
            {
                SpinPaid(Session, TRUE);
                return TRUE;
            }
            YieldProcessor();
        }
        SwitchToThread();
    }
    SpinPaid(Session, FALSE);
    return FALSE;
}

/* Sleeps until an event is set; which ones, or 0 when TimeoutMs is over, or with an error where Windows cannot wait. */
static DWORD AwaitEvents(const SESSION *Session, DWORD Events, DWORD TimeoutMs, DWORD *Error)
{
    DWORD Meaning[2], Count = 0;
    HANDLE Handles[2];
    if (Events & PLAINTUN_WAIT_PACKETS)
    {
        Handles[Count] = Session->Receive.Event;
        Meaning[Count++] = PLAINTUN_WAIT_PACKETS;
    }
    if (Events & PLAINTUN_WAIT_SPACE)
    {
        Handles[Count] = Session->Send.Event;
        Meaning[Count++] = PLAINTUN_WAIT_SPACE;
    }
    DWORD Result = WaitForMultipleObjects(Count, Handles, FALSE, TimeoutMs);
    if (Result == WAIT_FAILED)
        *Error = GetLastError();
    return Result < Count ? Meaning[Result] : 0;
}

DWORD WINAPI PlaintunWait(PLAINTUN_SESSION_HANDLE Handle, DWORD Events, DWORD TimeoutMs)
{
    if (Events == 0 || (Events & ~(DWORD)(PLAINTUN_WAIT_PACKETS | PLAINTUN_WAIT_SPACE)) != 0)
    {
        SetLastError(ERROR_INVALID_PARAMETER);
        return 0;
    }
    SESSION *Session = SessionEntry(Handle);
    if (Session == NULL || !Enter(Handle, Session, &Session->Receive, FALSE))
    {
        SetLastError(ERROR_HANDLE_EOF);
        return 0;
    }
    atomic_fetch_add(&Session->References, 1); /* memory and events stay until we are out */
    Leave(Session, &Session->Receive);

    ULONG64 End = TimeoutMs == INFINITE ? 0 : GetTickCount64() + TimeoutMs;
    DWORD Error = NO_ERROR, Woken = 0;
    BOOL Expired = FALSE;
    DWORD Ready;
    for (;;)
    {
        SIGHT Sight;
        Ready = Look(Handle, Session, Events, FALSE, 0, &Sight, &Error);
        if (Ready != 0 || Error != NO_ERROR)
            break;
        if (Expired || TimeoutMs == 0)
        {
            Error = ERROR_TIMEOUT;
            break;
        }
        if (Woken == 0 && Spin(Session, Events, &Sight))
        {
            /* Another thread may have been quicker, again and again. */
            Expired = TimeoutMs != INFINITE && GetTickCount64() >= End;
            continue;
        }
        Ready = Look(Handle, Session, Events, TRUE, Woken, &Sight, &Error);
        if (Ready != 0 || Error != NO_ERROR)
            break;
        DWORD Left = INFINITE;
        if (TimeoutMs != INFINITE)
        {
            ULONG64 Now = GetTickCount64();
            Left = Now < End ? (DWORD)(End - Now) : 0;
        }
        LARGE_INTEGER Asleep;
        QueryPerformanceCounter(&Asleep);
        Woken = AwaitEvents(Session, Events, Left, &Error);
        if (Error != NO_ERROR)
            break;
        LARGE_INTEGER Awake;
        QueryPerformanceCounter(&Awake);
        if (Awake.QuadPart - Asleep.QuadPart < PerformanceUnits(SPIN_MAX))
            SpinPaid(Session, TRUE); /* it would have: a little longer, and there had been no need to sleep */
        Expired = Woken == 0;
    }
    SessionUnreference(Session);
    if (Ready == 0)
        SetLastError(Error);
    return Ready;
}
