/* SPDX-License-Identifier: MIT */
/*
 * Target library: library/session.c and library/packets.c against a driver that writes into the rings what it likes,
 * before any load that the library makes there, while a program takes, gives back, allocates and sends, rightly and
 * wrongly, and ends sessions with packets out. Every packet that the program is given lies in its ring whole; all memory
 * and every event are back in the end. Native, on tests/unit/windows; one thread, so that an input always does the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include "library/library.h"
#include "tests/fuzz/input.h"

#define CAPACITY    RING_CAPACITY_MIN
#define ACTIONS_MAX 96
#define HELD_MAX    64
#define SESSIONS    2

_Thread_local DWORD TestLastError;
pthread_mutex_t TestEventLock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t TestEventChanged = PTHREAD_COND_INITIALIZER;
int TestObjects;
HANDLE TestInvalid;
void (*TestAfterReset)(void);

int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size);

#define CHECK(Condition, ...)                                                                                          \
    do                                                                                                                 \
    {                                                                                                                  \
        if (!(Condition))                                                                                              \
        {                                                                                                              \
            fprintf(stderr, "VIOLATION: %s:%d: %s: ", __FILE__, __LINE__, #Condition);                                 \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* --- the driver ------------------------------------------------------------------------------------------------------ */

typedef struct _PEER
{
    SESSION_MEMORY Memory;
    SESSION_EVENTS Events;
    BYTE *Begin, *End;
    RING_SIDE ToApp, ToStack; /* as an honest driver has them */
} PEER;

static PEER *Starting; /* whose session DeviceStart makes */
static BOOL RefuseStart;
static int Mapped;
static PEER Peers[SESSIONS];

/* The rest of what the driver does while the library runs, and the loads until it does the next thing. */
static FUZZ Script;
static uint32_t Loads;

HMODULE LibraryModule;

void Log(PLAINTUN_LOG_LEVEL Level, LPCWSTR Format, ...)
{
    (void)Level;
    (void)Format;
}

DWORD LogError(DWORD Error, LPCWSTR Format, ...)
{
    (void)Format;
    SetLastError(Error);
    return Error;
}

void SayNoSession(const GUID *Guid, DWORD Error)
{
    (void)Guid;
    LogError(Error, L"");
}

HANDLE DeviceOpen(const GUID *Guid)
{
    (void)Guid;
    return TestObjectMake(FALSE, FALSE, FALSE);
}

DWORD DeviceError(DWORD Error)
{
    return Error;
}

BOOL DeviceStart(HANDLE Device, DWORD Capacity, DWORD Flags, const SESSION_EVENTS *Events, SESSION_MEMORY *Memory)
{
    (void)Device;
    (void)Flags;
    if (RefuseStart)
    {
        SetLastError(ERROR_ALREADY_INITIALIZED);
        return FALSE;
    }
    size_t Size = RingMemorySize(Capacity);
    BYTE *View = aligned_alloc(64, 2 * Size);
    memset(View, 0, 2 * Size);
    *Memory = (SESSION_MEMORY){.View = View, .ToApp = (RING *)View, .ToStack = (RING *)(View + Size)};
    if (Starting != NULL)
    {
        *Starting = (PEER){.Memory = *Memory, .Events = *Events, .Begin = View, .End = View + 2 * Size};
        RingAttach(&Starting->ToApp, Memory->ToApp, Capacity);
        RingAttach(&Starting->ToStack, Memory->ToStack, Capacity);
    }
    ++Mapped;
    return TRUE;
}

void DeviceEnd(HANDLE Device)
{
    (void)Device;
}

void DeviceUnmap(SESSION_MEMORY *Memory)
{
    for (int i = 0; i < SESSIONS; ++i)
        if (Peers[i].Memory.View == Memory->View)
            Peers[i] = (PEER){0};
    free(Memory->View);
    --Mapped;
}

/* Writes one word into a ring. */
static void Write(FUZZ *Input)
{
    uint32_t Where = FuzzByte(Input), How = FuzzByte(Input);
    PEER *Peer = &Peers[Where >> 7];
    if (Peer->Memory.View == NULL)
        return;
    RING *ToApp = Peer->Memory.ToApp, *ToStack = Peer->Memory.ToStack, *Ring = Where & 64 ? ToStack : ToApp;
    _Atomic(uint32_t) *Indices[] = {&ToApp->Tail, &ToApp->Head, &ToStack->Tail, &ToStack->Head}, *Word;
    BYTE *Data = (BYTE *)Ring + RING_DATA_OFFSET;
    size_t Last = CAPACITY + RING_ROOM - 4;
    switch (Where & 15)
    {
    case 0:
    case 1:
    case 2:
        Word = &ToApp->Tail;
        break;
    case 3:
    case 4:
        Word = &ToStack->Head;
        break;
    case 5:
        Word = Where & 16 ? &ToApp->Head : &ToStack->Tail;
        break;
    case 6: /* one header behind Head or Tail: a length, or a mark */
    case 7:
    case 8:
        Word = (_Atomic(uint32_t) *)(Data + (atomic_load(Where & 16 ? &Ring->Head : &Ring->Tail) & (CAPACITY - 16)) +
                                     (Where & 32 ? 12 : 0));
        break;
    case 9:
    case 10:
        Word = (_Atomic(uint32_t) *)(Data + (size_t)FuzzByte(Input) * 16 + (Where & 32 ? 12 : 0));
        break;
    case 11:
        Word = &Ring->ConsumerWaiting;
        break;
    case 12:
        Word = &Ring->ProducerWaiting;
        break;
    case 13:
        Word = &Ring->Closed;
        break;
    default:
        Word = (_Atomic(uint32_t) *)(Data + FuzzLong(Input) % Last / 4 * 4);
    }
    uint32_t Value;
    switch (How & 7)
    {
    case 0:
        Value = FuzzLong(Input);
        break;
    case 1:
        Value = atomic_load(Word) + (uint32_t)(int8_t)FuzzByte(Input) * 16;
        break;
    case 2:
        Value = atomic_load(Word) + (uint32_t)(int16_t)FuzzWord(Input);
        break;
    case 3:
        Value =
            atomic_load(Indices[How >> 3 & 3]) + (How & 32 ? CAPACITY : 0) + (How & 64 ? 16 : 0) - (How & 128 ? 16 : 0);
        break;
    case 4:
        Value = FuzzLength(Input);
        break;
    case 5: /* a mark: held, or done */
        Value = (How & 8 ? 0x5a17u : 0xa5e8u) << 16;
        break;
    default:
        Value = How >> 3 & 7;
    }
    atomic_store(Word, Value);
}

/* The library is about to load from Address. */
static inline void LoadFrom(const void *Address)
{
    if (!FuzzMore(&Script))
        return;
    for (int i = 0; i < SESSIONS; ++i)
        if ((const BYTE *)Address >= Peers[i].Begin && (const BYTE *)Address < Peers[i].End && Loads-- == 0)
        {
            Write(&Script);
            Loads = FuzzByte(&Script) % 32;
            return;
        }
}

#define LOAD(Name, Type)                                                                                               \
    void Name(Type *Address);                                                                                          \
    void Name(Type *Address)                                                                                           \
    {                                                                                                                  \
        LoadFrom(Address);                                                                                             \
    }
LOAD(__sanitizer_cov_load1, uint8_t)
LOAD(__sanitizer_cov_load2, uint16_t)
LOAD(__sanitizer_cov_load4, uint32_t)
LOAD(__sanitizer_cov_load8, uint64_t)
LOAD(__sanitizer_cov_load16, __int128)

/* Sends packets as an honest driver would, if the ring's words let it; or longer ones than there may be. */
static void Offer(FUZZ *Input, PEER *Peer)
{
    uint32_t How = FuzzByte(Input), Count = 1 + How % 16, Length = FuzzLength(Input) * (1 + (How >> 6 & 1));
    RING_SIDE *Side = &Peer->ToApp;
    RING_PACKET *Packet = NULL;
    if (Peer->Memory.View == NULL)
        return;
    Side->Own = Side->Next = atomic_load(&Side->Ring->Tail) & ~(RING_ALIGNMENT - 1);
    Side->Other = atomic_load(&Side->Ring->Head) & ~(RING_ALIGNMENT - 1);
    if (Side->Own - Side->Other > CAPACITY)
        return;
    while (Count-- > 0 && RingReserve(Side, Length, &Packet) == RING_OK)
        memset(RingPacketData(Packet), 0x45, Length < RING_PACKET_MAX ? Length : RING_PACKET_MAX);
    if (How & 128 && Packet != NULL && Side->Next != Side->Own) /* the last one lies about its length */
        atomic_store(&Packet->Length, Length + (uint32_t)(int8_t)FuzzByte(Input));
    if (RingPublish(Side, Side->Next))
        SetEvent(Peer->Events.ToAppPackets);
}

static void Accept(PEER *Peer)
{
    RING_SIDE *Side = &Peer->ToStack;
    if (Peer->Memory.View == NULL)
        return;
    Side->Own = Side->Next = Side->Other = atomic_load(&Side->Ring->Head) & ~(RING_ALIGNMENT - 1);
    RING_PACKET *Packet;
    uint32_t Length;
    while (RingTake(Side, &Packet, &Length) == RING_OK)
        ;
    if (RingRelease(Side, Side->Next))
        SetEvent(Peer->Events.ToStackSpace);
}

/* --- the program ----------------------------------------------------------------------------------------------------- */

typedef struct _PROGRAM
{
    PLAINTUN_SESSION_HANDLE Handle;
    PEER *Peer;
    PLAINTUN_PACKET Received[HELD_MAX], Allocated[HELD_MAX];
    DWORD ReceivedCount, AllocatedCount;
    BOOL Ended;
} PROGRAM;

static PLAINTUN_ADAPTER Adapter = {.Lock = SRWLOCK_INIT};

static void Start(PROGRAM *Program, PEER *Peer)
{
    PLAINTUN_SESSION_CONFIG Config = {.Size = sizeof(Config), .Capacity = CAPACITY};
    *Peer = (PEER){0};
    Starting = Peer;
    *Program = (PROGRAM){.Handle = PlaintunStartSession(&Adapter, &Config), .Peer = Peer};
    Starting = NULL;
    CHECK((Program->Handle == NULL) == RefuseStart, "handle %p, error %u", Program->Handle, GetLastError());
}

/* Uses packets as a program may: every byte read and written. */
static void Touch(const RING *Ring, const PLAINTUN_PACKET *Packets, DWORD Count)
{
    const BYTE *Data = (const BYTE *)Ring + RING_DATA_OFFSET, *End = Data + CAPACITY + RING_ROOM;
    for (DWORD i = 0; i < Count; ++i)
    {
        CHECK(Packets[i].Size <= RING_PACKET_MAX && Packets[i].Data >= Data + sizeof(RING_PACKET) &&
                  Packets[i].Data + Packets[i].Size <= End && (ULONG_PTR)Packets[i].Data % RING_ALIGNMENT == 0,
              "%u bytes at %td of the ring's data", Packets[i].Size, Packets[i].Data - Data);
        for (DWORD j = 0; j < Packets[i].Size; ++j)
            Packets[i].Data[j] ^= 0x3c;
    }
}

static void ReceiveSome(FUZZ *Input, PROGRAM *Program)
{
    PLAINTUN_PACKET *Packets = Program->Received + Program->ReceivedCount;
    DWORD Count = FuzzByte(Input) % (HELD_MAX - Program->ReceivedCount + 1);
    SetLastError(NO_ERROR);
    DWORD Taken = PlaintunReceive(Program->Handle, Packets, Count);
    DWORD Error = GetLastError();
    CHECK(Taken <= Count, "%u packets of %u", Taken, Count);
    if (Taken == 0)
        CHECK(Count == 0 || Error == ERROR_NO_MORE_ITEMS || Error == ERROR_HANDLE_EOF || Error == ERROR_INVALID_DATA,
              "error %u", Error);
    CHECK(Taken == 0 || !Program->Ended, "%u packets from a session that has ended", Taken);
    if (Taken > 0)
        Touch(Program->Peer->Memory.ToApp, Packets, Taken);
    Program->ReceivedCount += Taken;
}

static void AllocateSome(FUZZ *Input, PROGRAM *Program)
{
    PLAINTUN_PACKET *Packets = Program->Allocated + Program->AllocatedCount;
    DWORD Count = FuzzByte(Input) % (HELD_MAX - Program->AllocatedCount + 1), Size = FuzzLength(Input);
    for (DWORD i = 0; i < Count; ++i)
        Packets[i] = (PLAINTUN_PACKET){.Size = Size > PLAINTUN_PACKET_MAX ? Size : (Size + i * 7) % 65536};
    SetLastError(NO_ERROR);
    DWORD Given = PlaintunAllocate(Program->Handle, Packets, Count);
    DWORD Error = GetLastError();
    CHECK(Given <= Count, "%u packets of %u", Given, Count);
    if (Given == 0)
        CHECK(Count == 0 || Error == ERROR_BUFFER_OVERFLOW || Error == ERROR_HANDLE_EOF ||
                  Error == ERROR_INVALID_DATA || (Error == ERROR_INVALID_PARAMETER && Size > PLAINTUN_PACKET_MAX),
              "error %u", Error);
    CHECK(Given == 0 || !Program->Ended, "%u packets in a session that has ended", Given);
    if (Given > 0)
        Touch(Program->Peer->Memory.ToStack, Packets, Given);
    Program->AllocatedCount += Given;
}

/* Gives back some, in any order, and now and then what is not the program's. */
static void GiveBack(FUZZ *Input, PROGRAM *Program, BOOL Send)
{
    PLAINTUN_PACKET *Held = Send ? Program->Allocated : Program->Received;
    DWORD *Count = Send ? &Program->AllocatedCount : &Program->ReceivedCount, Chosen = 0;
    uint32_t How = FuzzByte(Input);
    PLAINTUN_PACKET Some[8];
    for (uint32_t i = 0; i < 1 + How % 8; ++i)
    {
        if (How >= 240)
        {
            static BYTE Foreign[64];
            uint32_t Kind = FuzzByte(Input);
            BYTE *Base = Kind & 1 || Program->Peer->Memory.View == NULL ? Foreign : (BYTE *)Program->Peer->Memory.View;
            Some[Chosen++] = (PLAINTUN_PACKET){.Data = Kind & 2 ? NULL : Base + FuzzLong(Input) % (4 * CAPACITY)};
        }
        else if (*Count > 0)
        {
            uint32_t Which = (How < 128 ? 0 : FuzzByte(Input)) % *Count;
            Some[Chosen++] = Held[Which];
            memmove(Held + Which, Held + Which + 1, (*Count - Which - 1) * sizeof(*Held));
            --*Count;
        }
    }
    if (Send)
        PlaintunSend(Program->Handle, Some, Chosen);
    else
        PlaintunRelease(Program->Handle, Some, Chosen);
}

/* Ends a session, and all that it left behind. */
static void Finish(PROGRAM *Program)
{
    PlaintunEndSession(Program->Handle);
    PlaintunRelease(Program->Handle, Program->Received, Program->ReceivedCount);
    PlaintunSend(Program->Handle, Program->Allocated, Program->AllocatedCount);
    Program->ReceivedCount = Program->AllocatedCount = 0;
    Program->Ended = TRUE;
}

/* What the library knows of its rings stays possible, whatever stands in them. */
static void CheckRings(const PROGRAM *Program)
{
    const SESSION *Session = SessionEntry(Program->Handle);
    if (Program->Ended)
        return;
    const RING_SIDE *Receive = &Session->Receive.Ring, *Send = &Session->Send.Ring;
    CHECK(Receive->Other - Receive->Own <= CAPACITY && Receive->Next - Receive->Own <= Receive->Other - Receive->Own,
          "to_app: released 0x%x, taken 0x%x, seen 0x%x", Receive->Own, Receive->Next, Receive->Other);
    CHECK(Send->Next - Send->Other <= CAPACITY && Send->Own - Send->Other <= Send->Next - Send->Other,
          "to_stack: published 0x%x, reserved 0x%x, seen 0x%x", Send->Own, Send->Next, Send->Other);
}

int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size)
{
    FUZZ Input = {.Next = Data, .End = Data + Size};
    Script = (FUZZ){0};
    RefuseStart = FALSE;
    PROGRAM Programs[SESSIONS];
    for (int i = 0; i < SESSIONS; ++i)
        Start(&Programs[i], &Peers[i]);
    for (int Action = 0; FuzzMore(&Input) && Action < ACTIONS_MAX; ++Action)
    {
        uint32_t What = FuzzByte(&Input);
        PROGRAM *Program = &Programs[What >> 7];
        uint32_t Part;
        switch (What & 15)
        {
        case 0:
        case 1:
            Offer(&Input, Program->Peer);
            break;
        case 2:
        case 3:
            ReceiveSome(&Input, Program);
            break;
        case 4:
        case 5:
            GiveBack(&Input, Program, What & 1);
            break;
        case 6:
            AllocateSome(&Input, Program);
            break;
        case 7:
            GiveBack(&Input, Program, TRUE);
            break;
        case 8:
            Accept(Program->Peer);
            break;
        case 9:
        case 10:
            Write(&Input);
            break;
        case 11:
        case 12:
            Part = 4 + (What >> 4 & 7) * 4;
            Script = FuzzPart(&Input, Part);
            Loads = FuzzByte(&Script) % 32;
            break;
        case 13:
            if (What & 16)
                PlaintunGetPacketsEvent(Program->Handle);
            if (What & 32)
                PlaintunGetSpaceEvent(Program->Handle);
            PlaintunWait(Program->Handle, What >> 5 & 3, What & 16 && What & 64);
            break;
        case 14:
            PlaintunEndSession(Program->Handle);
            Program->Ended = TRUE;
            break;
        default:
            RefuseStart = What >> 6 & 1;
            Finish(Program);
            Start(Program, Program->Peer);
            Program->Ended = RefuseStart;
            RefuseStart = FALSE;
        }
        for (int i = 0; i < SESSIONS; ++i)
            CheckRings(&Programs[i]);
    }
    Script = (FUZZ){0};
    for (int i = 0; i < SESSIONS; ++i)
        Finish(&Programs[i]);
    SessionUnload(); /* and with it sessions whose headers the driver spoilt, so that packets cannot be given back */
    CHECK(Mapped == 0, "%d sessions' memories are left", Mapped);
    CHECK(TestObjects == 0, "%d events and devices are left", TestObjects);
    return 0;
}
