/* SPDX-License-Identifier: MIT */
/*
 * Tests of library/session.c and library/packets.c natively: this file stands in for the driver (device.c's functions)
 * with both of its ring sides, and for Windows (windows/windows.h). Built and run with the address and undefined
 * sanitizers and with the thread sanitizer. Threads have deadlines: a wake-up that is lost fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "library/library.h"
#include <cmocka.h>

#define CAPACITY RING_CAPACITY_MIN
#define DEADLINE 60 /* seconds of the whole test */

_Thread_local DWORD TestLastError;
pthread_mutex_t TestEventLock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t TestEventChanged = PTHREAD_COND_INITIALIZER;
int TestObjects;
HANDLE TestInvalid;
void (*TestAfterReset)(void);

/* --- the driver's stand-in ------------------------------------------------------------------------------------------- */

typedef struct _FAKE
{
    RING_SIDE ToApp, ToStack; /* producer, consumer */
    SESSION_EVENTS Events;
    SESSION_MEMORY Memory;
    DWORD Flags;
    BOOL Started, Busy;
} FAKE;

static FAKE Fake;  /* of the session started last */
static int Mapped; /* sessions' memories that are mapped */
static _Atomic(int) LogLines;

void Log(PLAINTUN_LOG_LEVEL Level, LPCWSTR Format, ...)
{
    (void)Level;
    (void)Format;
    ++LogLines;
}

DWORD LogError(DWORD Error, LPCWSTR Format, ...)
{
    (void)Format;
    ++LogLines;
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
    if (Fake.Busy)
    {
        SetLastError(ERROR_ALREADY_INITIALIZED);
        return FALSE;
    }
    size_t Stride = TunRingStride(Capacity);
    BYTE *View = aligned_alloc(4096, 2 * Stride); /* from the heap: the sanitizer sees uses after its end */
    memset(View, 0, 2 * Stride);
    *Memory = (SESSION_MEMORY){.View = View,
                               .ToApp = (RING *)View,
                               .ToStack = Flags & TUN_START_MONITOR ? NULL : (RING *)(View + Stride),
                               .Offloads = Flags & TUN_OFFLOAD_TO_STACK};
    Fake = (FAKE){.Events = *Events, .Memory = *Memory, .Flags = Flags, .Started = TRUE};
    RingAttach(&Fake.ToApp, Memory->ToApp, Capacity);
    RingAttach(&Fake.ToStack, Memory->ToStack, Capacity);
    ++Mapped;
    return TRUE;
}

void DeviceEnd(HANDLE Device)
{
    (void)Device;
    Fake.Started = FALSE;
}

void DeviceUnmap(SESSION_MEMORY *Memory)
{
    free(Memory->View);
    --Mapped;
}

static BOOL FakeOfferFlagged(uint32_t Sequence, DWORD Size, uint32_t Flags)
{
    RING_PACKET *Packet;
    if (RingReserve(&Fake.ToApp, Size, &Packet) != RING_OK)
        return FALSE;
    atomic_store(&Packet->OffloadKind, Flags);
    memset(RingPacketData(Packet), (int)(Sequence & 0xff), Size);
    memcpy(RingPacketData(Packet), &Sequence, sizeof(Sequence));
    if (RingPublish(&Fake.ToApp, Fake.ToApp.Next))
        SetEvent(Fake.Events.ToAppPackets);
    return TRUE;
}

static BOOL FakeOffer(uint32_t Sequence, DWORD Size)
{
    return FakeOfferFlagged(Sequence, Size, 0);
}

static void FakeClose(uint32_t Reason)
{
    RingClose(Fake.Memory.ToApp, Reason);
    if (Fake.Memory.ToStack != NULL)
        RingClose(Fake.Memory.ToStack, Reason);
    SetEvent(Fake.Events.ToAppPackets);
    SetEvent(Fake.Events.ToStackSpace);
}

static uint32_t FakeTake(DWORD *Size)
{
    RING_PACKET *Packet;
    uint32_t Length;
    assert_int_equal(RingTake(&Fake.ToStack, &Packet, &Length), RING_OK);
    uint32_t Sequence;
    memcpy(&Sequence, RingPacketData(Packet), sizeof(Sequence));
    *Size = Length;
    if (RingRelease(&Fake.ToStack, Fake.ToStack.Next))
        SetEvent(Fake.Events.ToStackSpace);
    return Sequence;
}

/* --- helpers --------------------------------------------------------------------------------------------------------- */

static PLAINTUN_ADAPTER Adapter = {.Lock = SRWLOCK_INIT};

static PLAINTUN_SESSION_HANDLE Start(void)
{
    PLAINTUN_SESSION_CONFIG Config = {.Size = sizeof(Config), .Capacity = CAPACITY};
    PLAINTUN_SESSION_HANDLE Session = PlaintunStartSession(&Adapter, &Config);
    assert_non_null(Session);
    return Session;
}

static uint32_t SequenceOf(const PLAINTUN_PACKET *Packet)
{
    uint32_t Sequence;
    memcpy(&Sequence, Packet->Data, sizeof(Sequence));
    return Sequence;
}

static BOOL IsSet(HANDLE Event)
{
    pthread_mutex_lock(&TestEventLock);
    BOOL Set = ((TEST_OBJECT *)Event)->Set;
    pthread_mutex_unlock(&TestEventLock);
    return Set;
}

#define FAILS(Call, Error)                                                                                             \
    do                                                                                                                 \
    {                                                                                                                  \
        SetLastError(NO_ERROR);                                                                                        \
        assert_true((ULONG_PTR)(Call) == 0);                                                                           \
        assert_int_equal(GetLastError(), Error);                                                                       \
    } while (0)

/* --- one thread ------------------------------------------------------------------------------------------------------ */

static void ReceivesInOrderAndReleasesInAny(void **State)
{
    (void)State;
    PLAINTUN_SESSION_HANDLE Session = Start();
    PLAINTUN_PACKET Packets[8];
    FAILS(PlaintunReceive(Session, Packets, 8), ERROR_NO_MORE_ITEMS);
    for (uint32_t i = 0; i < 6; ++i)
        assert_true(FakeOffer(i, 100 + i));
    assert_int_equal(PlaintunReceive(Session, Packets, 4), 4);
    assert_int_equal(PlaintunReceive(Session, Packets + 4, 4), 2);
    for (uint32_t i = 0; i < 6; ++i)
    {
        assert_int_equal(Packets[i].Size, 100 + i);
        assert_int_equal(SequenceOf(&Packets[i]), i);
    }
    PlaintunRelease(Session, Packets + 3, 1);
    PlaintunRelease(Session, Packets + 1, 1);
    assert_int_equal(atomic_load(&Fake.Memory.ToApp->Head), 0);
    PlaintunRelease(Session, Packets, 1);
    assert_int_equal(atomic_load(&Fake.Memory.ToApp->Head), 2 * 128);
    PlaintunRelease(Session, Packets + 2, 1);
    assert_int_equal(atomic_load(&Fake.Memory.ToApp->Head), 4 * 128);
    PlaintunRelease(Session, Packets + 4, 2);
    assert_int_equal(atomic_load(&Fake.Memory.ToApp->Head), atomic_load(&Fake.Memory.ToApp->Tail));
    PlaintunEndSession(Session);
    assert_int_equal(Mapped, 0);
}

static void SendsInOrderOfAllocation(void **State)
{
    (void)State;
    PLAINTUN_PACKET Packets[5] = {{.Size = 20}, {.Size = 1500}, {.Size = 4}, {.Size = 65535}, {.Size = 40}};
    PLAINTUN_SESSION_HANDLE Session = Start();
    assert_int_equal(PlaintunAllocate(Session, Packets, 5), 5);
    for (uint32_t i = 0; i < 5; ++i)
        memcpy(Packets[i].Data, &i, sizeof(i));
    PlaintunSend(Session, Packets + 1, 4);
    assert_int_equal(atomic_load(&Fake.Memory.ToStack->Tail), 0);
    PlaintunSend(Session, Packets, 1);
    for (uint32_t i = 0; i < 5; ++i)
    {
        DWORD Size;
        assert_int_equal(FakeTake(&Size), i);
        assert_int_equal(Size, Packets[i].Size);
    }
    PlaintunEndSession(Session);
}

static void WakesTheDriverOnlyWhenItSleeps(void **State)
{
    (void)State;
    PLAINTUN_PACKET Packet = {.Size = 20};
    PLAINTUN_SESSION_HANDLE Session = Start();
    assert_int_equal(PlaintunAllocate(Session, &Packet, 1), 1);
    PlaintunSend(Session, &Packet, 1);
    assert_false(IsSet(Fake.Events.ToStackPackets));
    DWORD Size;
    FakeTake(&Size);
    assert_int_equal(RingSleep(&Fake.ToStack), RING_EMPTY);
    assert_int_equal(PlaintunAllocate(Session, &Packet, 1), 1);
    PlaintunSend(Session, &Packet, 1);
    assert_true(IsSet(Fake.Events.ToStackPackets));
    PlaintunEndSession(Session);
}

static void FullRingHasASpaceEvent(void **State)
{
    (void)State;
    PLAINTUN_PACKET Packet = {.Size = 1500};
    PLAINTUN_SESSION_HANDLE Session = Start();
    HANDLE Event = PlaintunGetSpaceEvent(Session);
    DWORD Count = 0;
    for (; PlaintunAllocate(Session, &Packet, 1) == 1; ++Count)
        PlaintunSend(Session, &Packet, 1);
    assert_int_equal(GetLastError(), ERROR_BUFFER_OVERFLOW);
    assert_int_equal(Count, CAPACITY / 1520);
    assert_false(IsSet(Event));
    FAILS(PlaintunWait(Session, PLAINTUN_WAIT_SPACE, 0), ERROR_TIMEOUT);
    FAILS(PlaintunWait(Session, PLAINTUN_WAIT_SPACE, 20), ERROR_TIMEOUT);
    DWORD Size;
    FakeTake(&Size);
    assert_true(IsSet(Event));
    assert_int_equal(PlaintunWait(Session, PLAINTUN_WAIT_SPACE | PLAINTUN_WAIT_PACKETS, 1000), PLAINTUN_WAIT_SPACE);
    assert_int_equal(PlaintunAllocate(Session, &Packet, 1), 1);
    PlaintunSend(Session, &Packet, 1);
    PlaintunEndSession(Session);
    assert_int_equal(Mapped, 0);
}

static void EventsAskedForLateAreRight(void **State)
{
    (void)State;
    PLAINTUN_PACKET Packet = {.Size = 1500};
    PLAINTUN_SESSION_HANDLE Session = Start();
    FAILS(PlaintunReceive(Session, &Packet, 1), ERROR_NO_MORE_ITEMS);
    while (PlaintunAllocate(Session, &Packet, 1) == 1)
        PlaintunSend(Session, &Packet, 1);
    HANDLE Packets = PlaintunGetPacketsEvent(Session), Space = PlaintunGetSpaceEvent(Session);
    assert_false(IsSet(Packets));
    assert_false(IsSet(Space));
    FakeOffer(1, 40);
    DWORD Size;
    FakeTake(&Size);
    assert_true(IsSet(Packets));
    assert_true(IsSet(Space));
    PlaintunEndSession(Session);
    Session = Start();
    FakeOffer(1, 40);
    assert_true(IsSet(PlaintunGetPacketsEvent(Session)));
    PlaintunEndSession(Session);
    Session = Start();
    FakeClose(TUN_CLOSED_REMOVED);
    assert_true(IsSet(PlaintunGetPacketsEvent(Session)));
    assert_true(IsSet(PlaintunGetSpaceEvent(Session)));
    PlaintunEndSession(Session);
}

static void RefusesWrongParameters(void **State)
{
    (void)State;
    PLAINTUN_PACKET Packet = {.Size = PLAINTUN_PACKET_MAX + 1};
    PLAINTUN_SESSION_CONFIG Config = {.Size = sizeof(Config), .Capacity = CAPACITY + 1};
    FAILS(PlaintunStartSession(&Adapter, &Config), ERROR_INVALID_PARAMETER);
    Config.Capacity = 2 * RING_CAPACITY_MAX;
    FAILS(PlaintunStartSession(&Adapter, &Config), ERROR_INVALID_PARAMETER);
    FAILS(PlaintunStartSession(NULL, NULL), ERROR_INVALID_PARAMETER);
    Config.Capacity = CAPACITY;
    Config.Flags = PLAINTUN_SESSION_MONITOR << 1;
    FAILS(PlaintunStartSession(&Adapter, &Config), ERROR_INVALID_PARAMETER);
    PLAINTUN_SESSION_HANDLE Session = Start();
    Fake.Busy = TRUE;
    FAILS(PlaintunStartSession(&Adapter, NULL), ERROR_ALREADY_INITIALIZED);
    FAILS(PlaintunAllocate(Session, &Packet, 1), ERROR_INVALID_PARAMETER);
    FAILS(PlaintunWait(Session, 0, 0), ERROR_INVALID_PARAMETER);
    FAILS(PlaintunWait(Session, 4, 0), ERROR_INVALID_PARAMETER);
    Fake.Busy = FALSE;
    PlaintunEndSession(Session);
}

/* What is asked for, what is granted, and that the 10 bytes before a packet are what either side has written there. */
static void OffloadsAreAskedFor(void **State)
{
    (void)State;
    PLAINTUN_SESSION_CONFIG Config = {.Size = sizeof(Config),
                                      .Capacity = TUN_OFFLOAD_CAPACITY_MIN / 2,
                                      .Flags = PLAINTUN_OFFLOAD_SEND_CHECKSUM | PLAINTUN_OFFLOAD_SEND_TCP};
    FAILS(PlaintunStartSession(&Adapter, &Config), ERROR_INVALID_PARAMETER);
    Config.Capacity = TUN_OFFLOAD_CAPACITY_MIN;
    Config.Flags = PLAINTUN_OFFLOAD_SEND_TCP;
    FAILS(PlaintunStartSession(&Adapter, &Config), ERROR_INVALID_PARAMETER);
    PLAINTUN_SESSION_HANDLE Session = Start();
    SetLastError(1);
    assert_int_equal(PlaintunGetOffloads(Session), 0);
    assert_int_equal(GetLastError(), NO_ERROR);
    PlaintunEndSession(Session);
    Config.Flags = TUN_OFFLOAD_TO_APP | TUN_OFFLOAD_TO_STACK;
    Session = PlaintunStartSession(&Adapter, &Config);
    assert_non_null(Session);
    assert_int_equal(Fake.Flags, Config.Flags);
    assert_int_equal(PlaintunGetOffloads(Session), TUN_OFFLOAD_TO_STACK);

    PLAINTUN_PACKET Packet = {.Size = 40};
    assert_int_equal(PlaintunAllocate(Session, &Packet, 1), 1);
    PLAINTUN_OFFLOAD *Offload = PLAINTUN_OFFLOAD_OF(Packet.Data);
    static const BYTE None[10];
    assert_memory_equal(Offload, None, 10);
    *Offload = (PLAINTUN_OFFLOAD){.Flags = 1,
                                  .GsoType = 5,
                                  .HeaderLength = 0x1122,
                                  .GsoSize = 0x3344,
                                  .ChecksumStart = 0x5566,
                                  .ChecksumOffset = 0x7788};
    PlaintunSend(Session, &Packet, 1);
    RING_PACKET *Entry;
    uint32_t Length;
    assert_int_equal(RingTake(&Fake.ToStack, &Entry, &Length), RING_OK);
    assert_int_equal(atomic_load(&Entry->OffloadKind), 0x501);
    assert_int_equal(atomic_load(&Entry->Offload[0]), 0x33441122);
    assert_int_equal(atomic_load(&Entry->Offload[1]), 0x77885566);

    assert_int_equal(RingReserve(&Fake.ToApp, 40, &Entry), RING_OK);
    atomic_store(&Entry->OffloadKind, 0x8101);
    atomic_store(&Entry->Offload[1], 0x00100014);
    RingPublish(&Fake.ToApp, Fake.ToApp.Next);
    assert_int_equal(PlaintunReceive(Session, &Packet, 1), 1);
    Offload = PLAINTUN_OFFLOAD_OF(Packet.Data);
    assert_int_equal(Offload->Flags, PLAINTUN_NEEDS_CHECKSUM);
    assert_int_equal(Offload->GsoType, PLAINTUN_GSO_TCPV4 | PLAINTUN_GSO_CWR);
    assert_int_equal(Offload->ChecksumStart, 20);
    assert_int_equal(Offload->ChecksumOffset, 16);
    PlaintunRelease(Session, &Packet, 1);
    PlaintunEndSession(Session);
    FAILS(PlaintunGetOffloads(Session), ERROR_HANDLE_EOF);
    FAILS(PlaintunGetOffloads(NULL), ERROR_HANDLE_EOF);
}

/* As ring/segment.h cuts, which tests/unit/offload.c tries; here what is the function's own. */
static void PacketsAreSplit(void **State)
{
    (void)State;
    BYTE Super[20 + 8 + 2500] = {0x45, 0, sizeof(Super) >> 8, (BYTE)sizeof(Super), 0, 7, 0, 0, 64, 17};
    Super[24] = (sizeof(Super) - 20) >> 8;
    Super[25] = (BYTE)(sizeof(Super) - 20);
    for (DWORD i = 28; i < sizeof(Super); ++i)
        Super[i] = (BYTE)i;
    PLAINTUN_OFFLOAD Offload = {.Flags = PLAINTUN_NEEDS_CHECKSUM,
                                .GsoType = PLAINTUN_GSO_UDP,
                                .GsoSize = 1000,
                                .ChecksumStart = 20,
                                .ChecksumOffset = 6};
    BYTE *To = malloc(sizeof(Super) + 2 * 28); /* to the byte */
    PLAINTUN_PACKET Packets[3];
    FAILS(PlaintunSplit(&Offload, Super, sizeof(Super), To, sizeof(Super) + 2 * 28 - 1, Packets, 3),
          ERROR_INSUFFICIENT_BUFFER);
    FAILS(PlaintunSplit(&Offload, Super, sizeof(Super), To, sizeof(Super) + 2 * 28, Packets, 2),
          ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(PlaintunSplit(&Offload, Super, sizeof(Super), To, sizeof(Super) + 2 * 28, Packets, 3), 3);
    for (DWORD i = 0; i < 3; ++i)
    {
        assert_ptr_equal(Packets[i].Data, To + i * 1028);
        assert_int_equal(Packets[i].Size, i < 2 ? 1028 : 528);
        assert_int_equal(Packets[i].Data[5], 7 + i);
        assert_memory_equal(Packets[i].Data + 28, Super + 28 + i * 1000, Packets[i].Size - 28);
    }
    Offload.ChecksumStart = 24;
    FAILS(PlaintunSplit(&Offload, Super, sizeof(Super), To, sizeof(Super) + 2 * 28, Packets, 3), ERROR_INVALID_DATA);
    Offload.GsoType = PLAINTUN_GSO_NONE;
    FAILS(PlaintunSplit(&Offload, Super, sizeof(Super), To, sizeof(Super), Packets, 3), ERROR_INVALID_DATA);
    Offload.ChecksumStart = 20;
    FAILS(PlaintunSplit(&Offload, Super, sizeof(Super), To, sizeof(Super) - 1, Packets, 3), ERROR_INSUFFICIENT_BUFFER);
    FAILS(PlaintunSplit(&Offload, Super, sizeof(Super), To, sizeof(Super), Packets, 0), ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(PlaintunSplit(&Offload, Super, sizeof(Super), To, sizeof(Super), Packets, 1), 1);
    assert_int_equal(Packets[0].Size, sizeof(Super));
    assert_true(To[26] != 0 || To[27] != 0); /* the checksum */
    To[26] = To[27] = 0;
    assert_memory_equal(To, Super, sizeof(Super));
    Offload.Flags = 0;
    assert_int_equal(PlaintunSplit(&Offload, Super, 10, To, 10, Packets, 1), 1); /* anything, as it is */
    free(To);
}

/* What PlaintunSplit makes of it is what it was made of; which flows may be joined is for tests/unit/offload.c to say. */
static void Joins(void **State)
{
    (void)State;
    enum
    {
        SEGMENT = 28 + 1000
    };
    BYTE Super[20 + 8 + 2500] = {0x45, 0, sizeof(Super) >> 8, (BYTE)sizeof(Super), 0, 7, 0, 0, 64, 17};
    Super[24] = (sizeof(Super) - 20) >> 8;
    Super[25] = (BYTE)(sizeof(Super) - 20);
    for (DWORD i = 28; i < sizeof(Super); ++i)
        Super[i] = (BYTE)i;
    DWORD Pseudo = 17 + sizeof(Super) - 20; /* from 0.0.0.0 to 0.0.0.0 */
    Super[26] = (BYTE)(Pseudo >> 8);
    Super[27] = (BYTE)Pseudo;
    PLAINTUN_OFFLOAD Offload = {.Flags = PLAINTUN_NEEDS_CHECKSUM,
                                .GsoType = PLAINTUN_GSO_UDP,
                                .HeaderLength = 28,
                                .GsoSize = 1000,
                                .ChecksumStart = 20,
                                .ChecksumOffset = 6};
    BYTE Segments[sizeof(Super) + 2 * 28];
    PLAINTUN_PACKET Packets[4];
    assert_int_equal(PlaintunSplit(&Offload, Super, sizeof(Super), Segments, sizeof(Segments), Packets, 4), 3);
    Packets[3] = Packets[0]; /* longer than the one before it */

    struct
    {
        BYTE Before[6]; /* so that the header is where it is in a ring, right before the packet */
        PLAINTUN_OFFLOAD Offload;
        BYTE Packet[];
    } *To = malloc(sizeof(*To) + sizeof(Super)); /* to the byte */
    DWORD Size = 0;
    memset(&To->Offload, 0xee, sizeof(To->Offload));
    assert_int_equal(PlaintunJoin(Packets, 4, PLAINTUN_OFFLOAD_OF(To->Packet), To->Packet, sizeof(Super), &Size), 3);
    assert_int_equal(Size, sizeof(Super));
    assert_memory_equal(&To->Offload, &Offload, sizeof(Offload));
    /* IPv4's checksum was none of the super-packet's when it was cut. */
    assert_true(To->Packet[10] != 0 || To->Packet[11] != 0);
    To->Packet[10] = To->Packet[11] = 0;
    assert_memory_equal(To->Packet, Super, sizeof(Super));
    /* One byte less than the third needs; room for none but the first. */
    assert_int_equal(PlaintunJoin(Packets, 4, &To->Offload, To->Packet, sizeof(Super) - 1, &Size), 2);
    assert_int_equal(Size, SEGMENT + 1000);
    assert_int_equal(PlaintunJoin(Packets, 4, &To->Offload, To->Packet, SEGMENT, &Size), 1);
    assert_int_equal(Size, SEGMENT);
    assert_int_equal(To->Offload.GsoType, PLAINTUN_GSO_NONE);
    assert_memory_equal(To->Packet, Packets[0].Data, SEGMENT);
    FAILS(PlaintunJoin(Packets, 4, &To->Offload, To->Packet, SEGMENT - 1, &Size), ERROR_INSUFFICIENT_BUFFER);
    FAILS(PlaintunJoin(Packets, 0, &To->Offload, To->Packet, sizeof(Super), &Size), ERROR_INVALID_PARAMETER);
    /* What is not to be joined, IP or not, goes as it is. */
    Packets[1].Data[28] ^= 1;
    assert_int_equal(PlaintunJoin(Packets, 3, &To->Offload, To->Packet, sizeof(Super), &Size), 1);
    assert_int_equal(PlaintunJoin(Packets + 1, 2, &To->Offload, To->Packet, sizeof(Super), &Size), 1);
    assert_int_equal(Size, SEGMENT);
    assert_memory_equal(To->Packet, Packets[1].Data, SEGMENT);
    Packets[1].Size = 3;
    memset(&To->Offload, 0xee, sizeof(To->Offload));
    assert_int_equal(PlaintunJoin(Packets + 1, 2, &To->Offload, To->Packet, 3, &Size), 1);
    assert_int_equal(Size, 3);
    assert_memory_equal(&To->Offload, &(PLAINTUN_OFFLOAD){0}, sizeof(Offload));
    free(To);
}

static void MonitorsReceiveOnly(void **State)
{
    (void)State;
    PLAINTUN_SESSION_CONFIG Config = {.Size = sizeof(Config), .Capacity = CAPACITY, .Flags = PLAINTUN_SESSION_MONITOR};
    PLAINTUN_PACKET Packet = {.Size = 40};
    PLAINTUN_SESSION_HANDLE Session = Start(), Monitor = PlaintunStartSession(&Adapter, &Config);
    assert_non_null(Monitor);
    assert_int_equal(Fake.Flags, TUN_START_MONITOR);
    /* The adapter's handle closes both. */
    assert_ptr_equal(Adapter.Session, Session);
    assert_ptr_equal(Adapter.Monitor, Monitor);
    PLAINTUN_PACKET Packets[3];
    FAILS(PlaintunReceive(Monitor, Packets, 3), ERROR_NO_MORE_ITEMS);
    assert_true(FakeOfferFlagged(0, 40, 0));
    assert_true(FakeOfferFlagged(1, 41, RING_FLAG_TO_STACK));
    assert_true(FakeOfferFlagged(2, 42, RING_FLAG_TO_STACK - 1)); /* virtio-net's flags say nothing of the direction */
    assert_int_equal(PlaintunWait(Monitor, PLAINTUN_WAIT_PACKETS | PLAINTUN_WAIT_SPACE, 1000), PLAINTUN_WAIT_PACKETS);
    assert_int_equal(PlaintunReceive(Monitor, Packets, 3), 3);
    for (uint32_t i = 0; i < 3; ++i)
    {
        assert_int_equal(SequenceOf(&Packets[i]), i);
        assert_int_equal(Packets[i].Flags, i == 1 ? PLAINTUN_PACKET_TO_STACK : 0);
    }
    FAILS(PlaintunAllocate(Monitor, &Packet, 1), ERROR_NOT_SUPPORTED);
    FAILS(PlaintunWait(Monitor, PLAINTUN_WAIT_SPACE, 1000), ERROR_NOT_SUPPORTED);
    PlaintunSend(Monitor, Packets, 3);
    PlaintunRelease(Monitor, Packets, 3);
    assert_int_equal(atomic_load(&Fake.Memory.ToApp->Head), atomic_load(&Fake.Memory.ToApp->Tail));
    HANDLE Space = PlaintunGetSpaceEvent(Monitor);
    assert_false(IsSet(Space));
    FakeClose(TUN_CLOSED_REMOVED);
    assert_true(IsSet(Space));
    FAILS(PlaintunReceive(Monitor, Packets, 3), ERROR_HANDLE_EOF);
    FAILS(PlaintunAllocate(Monitor, &Packet, 1), ERROR_HANDLE_EOF);
    PlaintunEndSession(Monitor);
    PlaintunEndSession(Session);
    assert_int_equal(Mapped, 0);
}

static void IgnoresWhatIsNotHeld(void **State)
{
    (void)State;
    PLAINTUN_SESSION_HANDLE Session = Start();
    int Lines = LogLines;
    FakeOffer(1, 200);
    FakeOffer(2, 200);
    PLAINTUN_PACKET Packets[2];
    assert_int_equal(PlaintunReceive(Session, Packets, 2), 2);
    BYTE Elsewhere[64];
    BYTE *Pointers[] = {NULL,
                        Elsewhere,
                        Packets[0].Data + 1,
                        Packets[0].Data + 16,
                        Packets[1].Data + 216,
                        (BYTE *)Fake.Memory.ToStack + RING_DATA_OFFSET + 16,
                        (BYTE *)(intptr_t)-16};
    for (size_t i = 0; i < sizeof(Pointers) / sizeof(*Pointers); ++i)
    {
        PLAINTUN_PACKET Wrong = {.Data = Pointers[i]};
        PlaintunRelease(Session, &Wrong, 1);
        PlaintunSend(Session, &Wrong, 1);
    }
    PlaintunRelease(Session, Packets + 1, 1);
    PlaintunRelease(Session, Packets + 1, 1);
    assert_int_equal(atomic_load(&Fake.Memory.ToApp->Head), 0);
    assert_int_equal(atomic_load(&Fake.Memory.ToStack->Tail), 0);
    PlaintunRelease(Session, Packets, 1);
    assert_int_equal(atomic_load(&Fake.Memory.ToApp->Head), atomic_load(&Fake.Memory.ToApp->Tail));
    assert_true(LogLines > Lines);
    PlaintunEndSession(Session);
    assert_int_equal(Mapped, 0);
}

static void ClosedRingsSayWhy(void **State)
{
    (void)State;
    static const struct
    {
        uint32_t Reason;
        DWORD Error;
    } Cases[] = {{TUN_CLOSED_ENDED, ERROR_HANDLE_EOF},
                 {TUN_CLOSED_REMOVED, ERROR_HANDLE_EOF},
                 {TUN_CLOSED_CORRUPT_TOAPP, ERROR_INVALID_DATA},
                 {TUN_CLOSED_CORRUPT_TOSTACK, ERROR_INVALID_DATA}};
    for (size_t i = 0; i < 4; ++i)
    {
        PLAINTUN_PACKET Packet = {.Size = 40};
        PLAINTUN_SESSION_HANDLE Session = Start();
        HANDLE Event = PlaintunGetPacketsEvent(Session);
        FakeOffer(1, 40);
        int Lines = LogLines;
        FakeClose(Cases[i].Reason);
        assert_int_equal(PlaintunReceive(Session, &Packet, 1), 1); /* what came before is still delivered */
        PlaintunRelease(Session, &Packet, 1);
        for (int k = 0; k < 3; ++k)
        {
            FAILS(PlaintunReceive(Session, &Packet, 1), Cases[i].Error);
            FAILS(PlaintunAllocate(Session, &Packet, 1), Cases[i].Error);
            FAILS(PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, INFINITE), Cases[i].Error);
            FAILS(PlaintunWait(Session, PLAINTUN_WAIT_SPACE, INFINITE), Cases[i].Error);
            assert_true(IsSet(Event));
        }
        assert_int_equal(LogLines, Lines + 1);
        PlaintunEndSession(Session);
    }
}

static void CorruptRingsEndTheSession(void **State)
{
    (void)State;
    for (int i = 0; i < 4; ++i)
    {
        PLAINTUN_PACKET Packet = {.Size = 40};
        PLAINTUN_SESSION_HANDLE Session = Start();
        HANDLE Space = PlaintunGetSpaceEvent(Session);
        FakeOffer(1, 40);
        switch (i)
        {
        case 0: /* a tail that is not aligned */
            atomic_store(&Fake.Memory.ToApp->Tail, 8);
            break;
        case 1: /* a tail past what fits */
            atomic_store(&Fake.Memory.ToApp->Tail, CAPACITY + 16);
            break;
        case 2: /* a packet that reaches past what was published */
            atomic_store((_Atomic(uint32_t) *)((BYTE *)Fake.Memory.ToApp + RING_DATA_OFFSET), 64);
            break;
        case 3: /* a header overwritten while the packet is held */
            assert_int_equal(PlaintunReceive(Session, &Packet, 1), 1);
            memset(Packet.Data - 16, 0xff, 4);
            PlaintunRelease(Session, &Packet, 1);
            break;
        }
        FAILS(PlaintunReceive(Session, &Packet, 1), ERROR_INVALID_DATA);
        FAILS(PlaintunWait(Session, PLAINTUN_WAIT_SPACE, INFINITE), ERROR_INVALID_DATA);
        assert_true(IsSet(Space));
        PlaintunEndSession(Session);
        assert_int_equal(Mapped, 0);
    }
}

static void PassesOverPacketsThatAreTooLong(void **State)
{
    (void)State;
    PLAINTUN_SESSION_HANDLE Session = Start();
    for (int i = 0; i < 5; ++i) /* more than a ring's worth: their room must come back */
    {
        RING_PACKET *Header = RingPacketAt(&Fake.ToApp, Fake.ToApp.Next);
        atomic_store(&Header->Length, 70000);
        Fake.ToApp.Next += (uint32_t)RingEntrySize(70000);
        RingPublish(&Fake.ToApp, Fake.ToApp.Next);
        PLAINTUN_PACKET Packet;
        FAILS(PlaintunReceive(Session, &Packet, 1), ERROR_NO_MORE_ITEMS);
        assert_true(RingReadHead(&Fake.ToApp));
        assert_int_equal(Fake.ToApp.Other, Fake.ToApp.Next);
    }
    PlaintunEndSession(Session);
}

static void HeldPacketsOutliveTheSession(void **State)
{
    (void)State;
    PLAINTUN_PACKET Out = {.Size = 100};
    PLAINTUN_SESSION_HANDLE Session = Start();
    FakeOffer(7, 100);
    FakeOffer(8, 100);
    PLAINTUN_PACKET In[2];
    assert_int_equal(PlaintunReceive(Session, In, 2), 2);
    assert_int_equal(PlaintunAllocate(Session, &Out, 1), 1);
    PlaintunEndSession(Session);
    PlaintunEndSession(Session);
    assert_int_equal(Mapped, 1);
    assert_int_equal(SequenceOf(&In[1]), 8);
    memset(Out.Data, 1, 100);
    FAILS(PlaintunReceive(Session, In, 1), ERROR_HANDLE_EOF);
    FAILS(PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, INFINITE), ERROR_HANDLE_EOF);
    FAILS(PlaintunGetPacketsEvent(Session), ERROR_HANDLE_EOF);
    PlaintunRelease(Session, In, 1);
    PlaintunSend(Session, &Out, 1);
    assert_int_equal(Mapped, 1);
    PlaintunRelease(Session, In + 1, 1);
    assert_int_equal(Mapped, 0);
    PlaintunRelease(Session, In, 2); /* memory is gone: nothing may be touched */
}

static void StaleHandlesAreErrors(void **State)
{
    (void)State;
    PLAINTUN_PACKET Packet = {.Size = 40};
    PLAINTUN_SESSION_HANDLE Stale = Start();
    PlaintunEndSession(Stale);
    for (int i = 0; i < 300; ++i) /* the table comes round twice */
    {
        PLAINTUN_SESSION_HANDLE Session = Start();
        assert_ptr_not_equal(Session, Stale);
        FakeOffer(1, 40);
        FAILS(PlaintunReceive(Stale, &Packet, 1), ERROR_HANDLE_EOF);
        FAILS(PlaintunAllocate(Stale, &Packet, 1), ERROR_HANDLE_EOF);
        PlaintunEndSession(Stale);
        assert_int_equal(PlaintunReceive(Session, &Packet, 1), 1);
        PlaintunRelease(Stale, &Packet, 1);
        PlaintunRelease(Session, &Packet, 1);
        PlaintunEndSession(Session);
    }
    FAILS(PlaintunReceive(NULL, &Packet, 1), ERROR_HANDLE_EOF);
    FAILS(PlaintunReceive((PLAINTUN_SESSION_HANDLE)(intptr_t)-1, &Packet, 1), ERROR_HANDLE_EOF);
    PlaintunEndSession(NULL);
    assert_int_equal(Mapped, 0);
}

/* The program has closed the event it was given: a wait says so, at once and every time. */
static void ClosedEventsAreErrors(void **State)
{
    (void)State;
    PLAINTUN_SESSION_HANDLE Session = Start();
    HANDLE Event = PlaintunGetPacketsEvent(Session);
    TestInvalid = Event;
    FAILS(PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, INFINITE), ERROR_INVALID_HANDLE);
    FAILS(PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, 50), ERROR_INVALID_HANDLE);
    TestInvalid = NULL;
    FAILS(PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, 1), ERROR_TIMEOUT);
    PlaintunEndSession(Session);
}

/* As many sessions as there may be, and one more. */
static void SessionsHaveALimit(void **State)
{
    (void)State;
    PLAINTUN_SESSION_HANDLE Sessions[PLAINTUN_SESSION_MAX];
    for (int i = 0; i < PLAINTUN_SESSION_MAX; ++i)
        Sessions[i] = Start();
    FAILS(PlaintunStartSession(&Adapter, NULL), ERROR_NO_SYSTEM_RESOURCES);
    PlaintunEndSession(Sessions[5]);
    Sessions[5] = Start();
    for (int i = 0; i < PLAINTUN_SESSION_MAX; ++i)
        PlaintunEndSession(Sessions[i]);
    assert_int_equal(Mapped, 0);
}

/* Packets of ended sessions stay readable, as many sessions as there may be; then those of the oldest go. */
static void LostPacketsDoNotAddUp(void **State)
{
    (void)State;
    PLAINTUN_PACKET Packets[PLAINTUN_SESSION_MAX];
    PLAINTUN_SESSION_HANDLE Sessions[PLAINTUN_SESSION_MAX];
    for (uint32_t i = 0; i < PLAINTUN_SESSION_MAX; ++i)
    {
        Sessions[i] = Start();
        FakeOffer(i, 100);
        assert_int_equal(PlaintunReceive(Sessions[i], &Packets[i], 1), 1);
        PlaintunEndSession(Sessions[i]);
    }
    for (uint32_t i = 0; i < PLAINTUN_SESSION_MAX; ++i)
        assert_int_equal(SequenceOf(&Packets[i]), i);
    for (int i = 0; i < 40; ++i)
    {
        PLAINTUN_SESSION_HANDLE Session = Start();
        PLAINTUN_PACKET Packet = {.Size = 40};
        assert_int_equal(PlaintunAllocate(Session, &Packet, 1), 1);
        PlaintunEndSession(Session);
        assert_int_equal(Mapped, PLAINTUN_SESSION_MAX);
    }
    for (uint32_t i = 40; i < PLAINTUN_SESSION_MAX; ++i)
        assert_int_equal(SequenceOf(&Packets[i]), i);
    for (uint32_t i = 0; i < PLAINTUN_SESSION_MAX; ++i)
        PlaintunRelease(Sessions[i], &Packets[i], 1);
    assert_int_equal(Mapped, 40);
    SessionUnload();
    assert_int_equal(Mapped, 0);
}

static void SharedEventIsArmedOnlyWhenEmpty(void **State)
{
    (void)State;
    PLAINTUN_SESSION_HANDLE Session = Start();
    HANDLE Event = PlaintunGetPacketsEvent(Session);
    assert_false(IsSet(Event));
    PLAINTUN_PACKET Packets[2];
    FAILS(PlaintunReceive(Session, Packets, 1), ERROR_NO_MORE_ITEMS);
    assert_false(IsSet(Event));
    FakeOffer(1, 40);
    FakeOffer(2, 40);
    assert_true(IsSet(Event));
    assert_ptr_equal(PlaintunGetPacketsEvent(Session), Event);
    assert_true(IsSet(Event));
    assert_int_equal(PlaintunReceive(Session, Packets, 1), 1);
    assert_true(IsSet(Event)); /* another thread may come for the second */
    assert_int_equal(PlaintunReceive(Session, Packets + 1, 1), 1);
    /* Under load the next packet comes at once: for a short while the event stays set, and no system call is made. */
    ULONG64 Begin = GetTickCount64();
    do
        FAILS(PlaintunReceive(Session, Packets, 1), ERROR_NO_MORE_ITEMS);
    while (IsSet(Event) && GetTickCount64() - Begin < 1000);
    assert_false(IsSet(Event));
    SetEvent(Event); /* late, from a driver that took the flag before: must not keep a waiting program turning */
    int Looks = 0;
    while (IsSet(Event) && ++Looks < 100)
        FAILS(PlaintunReceive(Session, Packets, 1), ERROR_NO_MORE_ITEMS);
    assert_true(Looks < 4);
    PlaintunRelease(Session, Packets, 2);
    PlaintunEndSession(Session);
}

static void OfferOnce(void)
{
    TestAfterReset = NULL;
    FakeOffer(9, 40);
}

static void RemoveOnce(void)
{
    TestAfterReset = NULL;
    FakeClose(TUN_CLOSED_REMOVED);
}

static void TakeOnce(void)
{
    TestAfterReset = NULL;
    DWORD Size;
    FakeTake(&Size);
}

static void ResetsNoSignalAway(void **State)
{
    (void)State;
    PLAINTUN_PACKET Packet = {.Size = 1500};
    PLAINTUN_SESSION_HANDLE Session = Start();
    HANDLE Packets = PlaintunGetPacketsEvent(Session), Space = PlaintunGetSpaceEvent(Session);
    TestAfterReset = OfferOnce;
    assert_int_equal(PlaintunReceive(Session, &Packet, 1), 1);
    assert_true(IsSet(Packets)); /* for another thread that found nothing before */
    PlaintunRelease(Session, &Packet, 1);
    for (Packet.Size = 1500; PlaintunAllocate(Session, &Packet, 1) == 1;)
        PlaintunSend(Session, &Packet, 1);
    assert_false(IsSet(Space));
    DWORD Size;
    FakeTake(&Size);
    assert_int_equal(PlaintunAllocate(Session, &Packet, 1), 1);
    PlaintunSend(Session, &Packet, 1);
    TestAfterReset = TakeOnce;
    assert_int_equal(PlaintunAllocate(Session, &Packet, 1), 1);
    assert_true(IsSet(Space));
    PlaintunSend(Session, &Packet, 1);
    TestAfterReset = RemoveOnce;
    FAILS(PlaintunAllocate(Session, &Packet, 1), ERROR_BUFFER_OVERFLOW);
    assert_true(IsSet(Space));
    PlaintunEndSession(Session);
    Session = Start();
    Packets = PlaintunGetPacketsEvent(Session);
    TestAfterReset = RemoveOnce;
    FAILS(PlaintunReceive(Session, &Packet, 1), ERROR_NO_MORE_ITEMS);
    assert_true(IsSet(Packets));
    FAILS(PlaintunReceive(Session, &Packet, 1), ERROR_HANDLE_EOF);
    PlaintunEndSession(Session);
}

/* --- the event of programs written to Wintun: auto-reset ------------------------------------------------------------- */

static PLAINTUN_SESSION_HANDLE StartSelfReset(void)
{
    PLAINTUN_ADAPTER Adapter = {0};
    PLAINTUN_SESSION_HANDLE Session = SessionStart(
        &Adapter, &(PLAINTUN_SESSION_CONFIG){.Size = sizeof(PLAINTUN_SESSION_CONFIG), .Capacity = CAPACITY}, TRUE);
    assert_non_null(Session);
    return Session;
}

/* Each wait takes a signal; after each call that receives, the next packet gives one. */
static void SelfResettingEventIsGivenOnce(void **State)
{
    (void)State;
    PLAINTUN_SESSION_HANDLE Session = StartSelfReset();
    HANDLE Event = PlaintunGetPacketsEvent(Session);
    assert_int_equal(WaitForSingleObject(Event, 0), WAIT_TIMEOUT);
    PLAINTUN_PACKET Packets[3];
    for (uint32_t i = 0; i < 100; ++i)
    {
        FakeOffer(i, 40);
        assert_int_equal(WaitForSingleObject(Event, 0), WAIT_OBJECT_0);
        assert_int_equal(WaitForSingleObject(Event, 0), WAIT_TIMEOUT); /* a second thread sleeps on */
        assert_int_equal(PlaintunReceive(Session, Packets, 1), 1);
        PlaintunRelease(Session, Packets, 1);
        assert_int_equal(WaitForSingleObject(Event, 0), WAIT_TIMEOUT);
        if (i % 3 == 0) /* read on, or not */
            FAILS(PlaintunReceive(Session, Packets, 1), ERROR_NO_MORE_ITEMS);
        assert_int_equal(WaitForSingleObject(Event, 0), WAIT_TIMEOUT);
    }
    /* Who takes one of two and waits is woken by the third. */
    FakeOffer(1, 40);
    FakeOffer(2, 40);
    assert_int_equal(WaitForSingleObject(Event, 0), WAIT_OBJECT_0);
    assert_int_equal(PlaintunReceive(Session, Packets, 1), 1);
    assert_int_equal(WaitForSingleObject(Event, 0), WAIT_TIMEOUT);
    FakeOffer(3, 40);
    assert_int_equal(WaitForSingleObject(Event, 0), WAIT_OBJECT_0);
    assert_int_equal(PlaintunReceive(Session, Packets + 1, 2), 2);
    PlaintunRelease(Session, Packets, 3);
    /* One who reads while another waits leaves it asleep. */
    for (int i = 0; i < 1000; ++i)
        FAILS(PlaintunReceive(Session, Packets, 1), ERROR_NO_MORE_ITEMS);
    assert_int_equal(WaitForSingleObject(Event, 0), WAIT_TIMEOUT);
    /* A wait may have taken the end's signal for a packet's: it is given again. */
    FakeOffer(4, 40);
    FakeClose(TUN_CLOSED_REMOVED);
    assert_int_equal(WaitForSingleObject(Event, 0), WAIT_OBJECT_0);
    assert_int_equal(PlaintunReceive(Session, Packets, 1), 1);
    for (int i = 0; i < 3; ++i)
    {
        assert_int_equal(WaitForSingleObject(Event, 0), WAIT_OBJECT_0);
        FAILS(PlaintunReceive(Session, Packets + 1, 1), ERROR_HANDLE_EOF);
    }
    PlaintunRelease(Session, Packets, 1);
    PlaintunEndSession(Session);
    for (int i = 0; i < 3; ++i)
    {
        assert_int_equal(WaitForSingleObject(Event, 0), WAIT_OBJECT_0);
        FAILS(PlaintunReceive(Session, Packets, 1), ERROR_HANDLE_EOF);
    }
}

/* --- several threads ------------------------------------------------------------------------------------------------- */

#define THREADS 3
#define PACKETS 200000u

typedef struct _RUN
{
    PLAINTUN_SESSION_HANDLE Session;
    BOOL OwnWait; /* on the event itself, as Wintun programs do */
    _Atomic(uint32_t) Count;
    _Atomic(DWORD) Error;
    BYTE *Seen;
} RUN;

static void *ReceiveThread(void *Context)
{
    RUN *Run = Context;
    HANDLE Event = Run->OwnWait ? PlaintunGetPacketsEvent(Run->Session) : NULL;
    for (DWORD Turn = 0;; ++Turn)
    {
        PLAINTUN_PACKET Packets[7];
        DWORD Count = PlaintunReceive(Run->Session, Packets, 1 + Turn % 7);
        if (Count == 0 && GetLastError() == ERROR_NO_MORE_ITEMS)
        {
            if (Run->OwnWait)
                WaitForSingleObject(Event, INFINITE);
            else
                PlaintunWait(Run->Session, PLAINTUN_WAIT_PACKETS, INFINITE);
            continue;
        }
        if (Count == 0)
            break;
        for (DWORD i = 0; i < Count; ++i)
            ++Run->Seen[SequenceOf(&Packets[i])];
        for (DWORD i = Count; i-- > 0;)
            PlaintunRelease(Run->Session, &Packets[i], 1);
        Run->Count += Count;
    }
    Run->Error = GetLastError();
    return NULL;
}

static void ReceiversShare(BOOL OwnWait, BOOL SelfReset)
{
    RUN Run = {.OwnWait = OwnWait, .Session = SelfReset ? StartSelfReset() : Start(), .Seen = calloc(PACKETS, 1)};
    pthread_t Threads[THREADS];
    for (int i = 0; i < THREADS; ++i)
        pthread_create(&Threads[i], NULL, ReceiveThread, &Run);
    for (uint32_t i = 0; i < PACKETS; ++i)
    {
        while (!FakeOffer(i, 40 + i % 1400))
            sched_yield();
        if (i % 1000 == 0)
            while (Run.Count < i + 1) /* let them all fall asleep now and then */
                sched_yield();
    }
    while (Run.Count < PACKETS)
        sched_yield();
    PlaintunEndSession(Run.Session);
    for (int i = 0; i < THREADS; ++i)
        pthread_join(Threads[i], NULL);
    for (uint32_t i = 0; i < PACKETS; ++i)
        assert_int_equal(Run.Seen[i], 1);
    assert_int_equal(Run.Error, ERROR_HANDLE_EOF);
    assert_int_equal(Mapped, 0);
    free(Run.Seen);
}

static void ReceiversShareWithWait(void **State)
{
    (void)State;
    ReceiversShare(FALSE, FALSE);
}

static void ReceiversShareWithTheirOwnWait(void **State)
{
    (void)State;
    ReceiversShare(TRUE, FALSE);
}

static void ReceiversShareAnEventThatResetsItself(void **State)
{
    (void)State;
    ReceiversShare(TRUE, TRUE);
}

static void *WaitThread(void *Context)
{
    WaitForSingleObject(*(HANDLE *)Context, INFINITE);
    return NULL;
}

/* The end of a session, or of its adapter, wakes all, also those who do not call again. */
static void EndWakesAllWhoWait(void **State)
{
    (void)State;
    for (int Removed = 0; Removed < 2; ++Removed)
    {
        PLAINTUN_SESSION_HANDLE Session = StartSelfReset();
        HANDLE Event = PlaintunGetPacketsEvent(Session);
        pthread_t Threads[THREADS];
        for (int i = 0; i < THREADS; ++i)
            pthread_create(&Threads[i], NULL, WaitThread, &Event);
        usleep(20000);
        if (Removed)
        {
            FakeClose(TUN_CLOSED_REMOVED);
            PLAINTUN_PACKET Packet;
            FAILS(PlaintunReceive(Session, &Packet, 1), ERROR_HANDLE_EOF);
        }
        else
            PlaintunEndSession(Session);
        for (int i = 0; i < THREADS; ++i)
            pthread_join(Threads[i], NULL);
        PlaintunEndSession(Session);
    }
}

static void *SendThread(void *Context)
{
    RUN *Run = Context;
    for (;;)
    {
        PLAINTUN_PACKET Packets[4] = {{.Size = 40}, {.Size = 1400}, {.Size = 300}, {.Size = 9000}};
        DWORD Count = PlaintunAllocate(Run->Session, Packets, 4);
        if (Count == 0 && GetLastError() == ERROR_BUFFER_OVERFLOW)
        {
            PlaintunWait(Run->Session, PLAINTUN_WAIT_SPACE, INFINITE);
            continue;
        }
        if (Count == 0)
            return NULL;
        for (DWORD i = 0; i < Count; ++i)
            memset(Packets[i].Data, (int)(Packets[i].Size & 0xff), Packets[i].Size);
        PlaintunSend(Run->Session, Packets, Count);
    }
}

static void SendersShare(void **State)
{
    (void)State;
    RUN Run = {.Session = Start()};
    pthread_t Threads[THREADS];
    for (int i = 0; i < THREADS; ++i)
        pthread_create(&Threads[i], NULL, SendThread, &Run);
    for (uint32_t Count = 0; Count < PACKETS / 2;)
    {
        RING_PACKET *Packet;
        uint32_t Length;
        RING_STATUS Status = RingTake(&Fake.ToStack, &Packet, &Length);
        if (Status == RING_EMPTY)
        {
            if (RingSleep(&Fake.ToStack) == RING_EMPTY)
                assert_int_equal(WaitForSingleObject(Fake.Events.ToStackPackets, 1000 * DEADLINE), WAIT_OBJECT_0);
            continue;
        }
        assert_int_equal(Status, RING_OK);
        const BYTE *Data = RingPacketData(Packet);
        assert_true(Data[0] == (Length & 0xff) && Data[Length - 1] == (Length & 0xff));
        if (RingRelease(&Fake.ToStack, Fake.ToStack.Next))
            SetEvent(Fake.Events.ToStackSpace);
        ++Count;
    }
    PlaintunEndSession(Run.Session);
    for (int i = 0; i < THREADS; ++i)
        pthread_join(Threads[i], NULL);
    assert_int_equal(Mapped, 0);
}

static void *EndThread(void *Context)
{
    PlaintunEndSession(Context);
    return NULL;
}

static void EndsUnderEverybodysHands(void **State)
{
    (void)State;
    static BYTE Seen[4];
    for (int i = 0; i < 300; ++i)
    {
        RUN Run = {.Session = Start(), .OwnWait = i % 2, .Seen = Seen};
        pthread_t Receivers[2];
        pthread_create(&Receivers[0], NULL, ReceiveThread, &Run);
        pthread_create(&Receivers[1], NULL, ReceiveThread, &Run);
        pthread_t Sender;
        pthread_create(&Sender, NULL, SendThread, &Run);
        FakeOffer(0, 100);
        FakeOffer(1, 100);
        for (int k = 0; k < i % 10; ++k)
            sched_yield();
        if (i % 3 == 0)
            FakeClose(TUN_CLOSED_REMOVED);
        pthread_t Ender;
        pthread_create(&Ender, NULL, EndThread, Run.Session);
        PlaintunEndSession(Run.Session);
        pthread_join(Receivers[0], NULL);
        pthread_join(Receivers[1], NULL);
        pthread_join(Sender, NULL);
        pthread_join(Ender, NULL);
        assert_int_equal(Mapped, 0);
    }
}

/* What plaintun.h promises of TimeoutMs. */
static void CreationsHaveDeadlines(void **State)
{
    (void)State;
    assert_int_equal(CreationDeadline(1000, 0, FALSE), 1000 + 30000);
    assert_int_equal(CreationDeadline(1000, 0, TRUE), 1000 + 60000);
    assert_int_equal(CreationDeadline(1000, 1, TRUE), 1000 + 1);
    assert_int_equal(CreationDeadline(1ull << 40, 0xffffffff, FALSE), (1ull << 40) + 0xffffffff);
}

static void *Watchdog(void *Context)
{
    struct timespec Time = {.tv_sec = DEADLINE};
    (void)Context;
    nanosleep(&Time, NULL);
    fprintf(stderr, "library: not done after %d s: a wake-up was lost\n", DEADLINE);
    _exit(1);
}

int main(void)
{
    static const struct CMUnitTest Tests[] = {
        cmocka_unit_test(ReceivesInOrderAndReleasesInAny),
        cmocka_unit_test(SendsInOrderOfAllocation),
        cmocka_unit_test(WakesTheDriverOnlyWhenItSleeps),
        cmocka_unit_test(FullRingHasASpaceEvent),
        cmocka_unit_test(EventsAskedForLateAreRight),
        cmocka_unit_test(RefusesWrongParameters),
        cmocka_unit_test(OffloadsAreAskedFor),
        cmocka_unit_test(PacketsAreSplit),
        cmocka_unit_test(Joins),
        cmocka_unit_test(MonitorsReceiveOnly),
        cmocka_unit_test(IgnoresWhatIsNotHeld),
        cmocka_unit_test(ClosedRingsSayWhy),
        cmocka_unit_test(CorruptRingsEndTheSession),
        cmocka_unit_test(PassesOverPacketsThatAreTooLong),
        cmocka_unit_test(HeldPacketsOutliveTheSession),
        cmocka_unit_test(StaleHandlesAreErrors),
        cmocka_unit_test(SharedEventIsArmedOnlyWhenEmpty),
        cmocka_unit_test(ResetsNoSignalAway),
        cmocka_unit_test(ReceiversShareWithWait),
        cmocka_unit_test(ReceiversShareWithTheirOwnWait),
        cmocka_unit_test(ReceiversShareAnEventThatResetsItself),
        cmocka_unit_test(SelfResettingEventIsGivenOnce),
        cmocka_unit_test(EndWakesAllWhoWait),
        cmocka_unit_test(SendersShare),
        cmocka_unit_test(EndsUnderEverybodysHands),
        cmocka_unit_test(ClosedEventsAreErrors),
        cmocka_unit_test(SessionsHaveALimit),
        cmocka_unit_test(CreationsHaveDeadlines),
        cmocka_unit_test(LostPacketsDoNotAddUp), /* last: it unloads */
    };
    pthread_t Thread;
    pthread_create(&Thread, NULL, Watchdog, NULL);
    pthread_detach(Thread);
    return cmocka_run_group_tests(Tests, NULL, NULL);
}
