/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of ring/ring.h, on Linux, with cmocka. The first part drives both sides from one thread, as a friend or as
 * an enemy who writes into the shared memory; tests/unit/ring_threads.c does the same with two threads that really
 * sleep. Built three times: plain, with address and undefined sanitizers, with the thread sanitizer.
 *
 * The ring's memory lies between two pages that nobody may touch, and its end is the second one's beginning: an access
 * past either end is a crash in every build.
 */
#include "tests/unit/ring_test.h"

#define CAPACITY RING_CAPACITY_MIN

/* Where both indexes start: at 0, around every place that wraps, and so that 2^32 is passed soon. */
static const uint32_t Starts[] = {
    0u, 16u, CAPACITY - 16u, CAPACITY, 0x7ffffff0u, 0x80000000u, 0u - CAPACITY, 0u - CAPACITY + 16u, 0u - 32u, 0u - 16u,
};

static TEST_RING Test;

static int Setup(void **State)
{
    (void)State;
    TestRingMake(&Test, CAPACITY);
    return 0;
}

static int Teardown(void **State)
{
    (void)State;
    TestRingFree(&Test);
    return 0;
}

static RING_PACKET *Reserve(uint32_t Length)
{
    RING_PACKET *Packet = NULL;
    assert_int_equal(RingReserve(&Test.Producer, Length, &Packet), RING_OK);
    return Packet;
}

/* Reserves and publishes one packet whose bytes are all Fill. */
static bool Produce(uint32_t Length, int Fill)
{
    memset(RingPacketData(Reserve(Length)), Fill, Length);
    return RingPublish(&Test.Producer, Test.Producer.Next);
}

/* Takes the next packet and compares it with what Produce wrote. */
static void Consume(uint32_t Length, int Fill)
{
    static uint8_t Expected[RING_PACKET_MAX];
    RING_PACKET *Packet = NULL;
    uint32_t Found = ~0u;
    assert_int_equal(RingTake(&Test.Consumer, &Packet, &Found), RING_OK);
    assert_int_equal(Found, Length);
    memset(Expected, Fill, Length);
    assert_memory_equal(RingPacketData(Packet), Expected, Length);
}

static bool ReleaseAll(void)
{
    return RingRelease(&Test.Consumer, Test.Consumer.Next);
}

static RING_STATUS TryReserve(uint32_t Length)
{
    RING_PACKET *Packet;
    return RingReserve(&Test.Producer, Length, &Packet);
}

static RING_STATUS TryTake(void)
{
    RING_PACKET *Packet;
    uint32_t Length;
    return RingTake(&Test.Consumer, &Packet, &Length);
}

static void SetHead(uint32_t Head)
{
    atomic_store(&Test.Ring->Head, Head);
}

static void SetTail(uint32_t Tail)
{
    atomic_store(&Test.Ring->Tail, Tail);
}

static uint32_t ConsumerWaiting(void)
{
    return atomic_load(&Test.Ring->ConsumerWaiting);
}

static uint32_t ProducerWaiting(void)
{
    return atomic_load(&Test.Ring->ProducerWaiting);
}

/* --- sizes ------------------------------------------------------------------------------------------------------- */

static void CapacityIsAPowerOfTwoInRange(void **State)
{
    (void)State;
    for (uint32_t Capacity = RING_CAPACITY_MIN; Capacity <= RING_CAPACITY_MAX; Capacity *= 2)
    {
        assert_true(RingCapacityValid(Capacity));
        assert_false(RingCapacityValid(Capacity + 1));
        assert_false(RingCapacityValid(Capacity - 1));
        assert_false(RingCapacityValid(Capacity + Capacity / 2));
    }
    assert_false(RingCapacityValid(0));
    assert_false(RingCapacityValid(RING_CAPACITY_MIN / 2));
    assert_false(RingCapacityValid(RING_CAPACITY_MAX * 2));
    assert_false(RingCapacityValid(0x80000000u));
    assert_false(RingCapacityValid(~0u));
}

static void EntrySizeIsHeaderPlusPacketRoundedUp(void **State)
{
    (void)State;
    for (uint32_t Length = 0; Length <= RING_PACKET_MAX; ++Length)
    {
        uint64_t Size = RingEntrySize(Length);
        assert_true(Size % 16 == 0 && Size >= Length + 16 && Size < Length + 32);
    }
    assert_true(RingEntrySize(0) == 16);
    assert_true(RingEntrySize(RING_PACKET_MAX) == RING_ROOM + 16);
    assert_true(RingEntrySize(0xfffffff0u) == 0x100000000u);
    assert_true(RingEntrySize(~0u) == 0x100000010u);
}

/* A third implementation is written against these numbers: docs/protocol.md states them. */
static void LayoutIsTheDocumentedOne(void **State)
{
    (void)State;
    assert_int_equal(offsetof(RING, Tail), 0);
    assert_int_equal(offsetof(RING, Head), 64);
    assert_int_equal(offsetof(RING, ConsumerWaiting), 128);
    assert_int_equal(offsetof(RING, Closed), 132);
    assert_int_equal(offsetof(RING, ProducerWaiting), 192);
    assert_int_equal(sizeof(RING), 256);
    assert_int_equal(offsetof(RING_PACKET, Length), 0);
    assert_int_equal(offsetof(RING_PACKET, OffloadKind), 6);
    assert_int_equal(offsetof(RING_PACKET, Offload), 8);
    assert_int_equal(offsetof(RING_PACKET, Mark), 4);
    assert_int_equal(sizeof(RING_PACKET), 16);
    assert_int_equal(RingMemorySize(CAPACITY), 256 + CAPACITY + 65536);
}

/* --- packets ----------------------------------------------------------------------------------------------------- */

static void PacketsWrapAtEveryAlignment(void **State)
{
    (void)State;
    static const uint32_t Lengths[] = {0, 1, 15, 16, 17, 1420, RING_PACKET_MAX};
    for (uint32_t Offset = 0; Offset < CAPACITY; Offset += RING_ALIGNMENT)
    {
        /* Away from the end the largest packet is copied at some offsets only: it is the time this test takes. */
        bool Largest = Offset + RingEntrySize(RING_PACKET_MAX) > CAPACITY || Offset % 1024 == 0;
        for (size_t n = 0; n < sizeof(Lengths) / sizeof(*Lengths) - !Largest; ++n)
        {
            int Fill = (int)(Offset / RING_ALIGNMENT + n) & 0xff;
            TestRingStart(&Test, Offset);
            assert_ptr_equal(RingPacketAt(&Test.Producer, Test.Producer.Next),
                             (uint8_t *)Test.Ring + RING_DATA_OFFSET + Offset);
            Produce(Lengths[n], Fill);
            Consume(Lengths[n], Fill);
            assert_int_equal(TryTake(), RING_EMPTY);
            ReleaseAll();
            assert_int_equal(Test.Producer.Next, Offset + RingEntrySize(Lengths[n]));
            assert_int_equal(atomic_load(&Test.Ring->Head), atomic_load(&Test.Ring->Tail));
        }
    }
}

static void LargestPacketEndsWithTheMemory(void **State)
{
    (void)State;
    TestRingStart(&Test, CAPACITY - RING_ALIGNMENT);
    uint8_t *Data = RingPacketData(Reserve(RING_PACKET_MAX));
    assert_ptr_equal(Data + RING_PACKET_MAX + 1, (uint8_t *)Test.Ring + RingMemorySize(CAPACITY));
}

static void ReservingClearsTheHeader(void **State)
{
    (void)State;
    memset((uint8_t *)Test.Ring + RING_DATA_OFFSET, 0xff, CAPACITY);
    RING_PACKET *Packet = Reserve(20);
    assert_int_equal(atomic_load(&Packet->Length), 20);
    assert_int_equal(atomic_load(&Packet->Offload[0]), 0);
    assert_int_equal(atomic_load(&Packet->Offload[1]), 0);
    assert_int_equal(atomic_load(&Packet->OffloadKind), 0);
    assert_int_equal(atomic_load(&Packet->Mark), 0);
}

static void NothingIsSeenBeforeItIsPublished(void **State)
{
    (void)State;
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        TestRingStart(&Test, Starts[n]);
        assert_int_equal(TryTake(), RING_EMPTY);
        uint32_t Begin[4];
        for (uint32_t k = 0; k < 3; ++k)
        {
            Begin[k] = Test.Producer.Next;
            memset(RingPacketData(Reserve(100 + k)), (int)k, 100 + k);
        }
        Begin[3] = Test.Producer.Next;
        assert_int_equal(TryTake(), RING_EMPTY);
        assert_false(RingPublish(&Test.Producer, Begin[0]));
        assert_int_equal(TryTake(), RING_EMPTY);
        assert_false(RingPublish(&Test.Producer, Begin[2]));
        Consume(100, 0);
        Consume(101, 1);
        assert_int_equal(TryTake(), RING_EMPTY);
        RingPublish(&Test.Producer, Begin[3]);
        Consume(102, 2);
        assert_int_equal(TryTake(), RING_EMPTY);
        assert_int_equal(atomic_load(&Test.Ring->Head), Begin[0]);
        assert_false(RingRelease(&Test.Consumer, Begin[0]));
        RingRelease(&Test.Consumer, Begin[2]);
        assert_int_equal(atomic_load(&Test.Ring->Head), Begin[2]);
        RingRelease(&Test.Consumer, Begin[3]);
        assert_int_equal(atomic_load(&Test.Ring->Head), Begin[3]);
    }
}

/* --- full, empty, index wrap ------------------------------------------------------------------------------------- */

static void FullIsCapacityBytesAndNotOneLess(void **State)
{
    (void)State;
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        TestRingStart(&Test, Starts[n]);
        for (uint32_t k = 0; k < CAPACITY / RING_ALIGNMENT; ++k)
            Produce(0, 0);
        assert_int_equal(Test.Producer.Own - Starts[n], CAPACITY);
        assert_int_equal(TryReserve(0), RING_FULL);
        for (uint32_t k = 0; k < CAPACITY / RING_ALIGNMENT; ++k)
            Consume(0, 0);
        assert_int_equal(TryTake(), RING_EMPTY);
        assert_int_equal(TryReserve(0), RING_FULL); /* taken is not released */
        RingRelease(&Test.Consumer, Starts[n] + RING_ALIGNMENT);
        assert_int_equal(TryReserve(1), RING_FULL); /* 32 bytes into 16 */
        Produce(0, 0);
        assert_int_equal(TryReserve(0), RING_FULL);
        ReleaseAll();
        Consume(0, 0);
        assert_int_equal(TryTake(), RING_EMPTY);
        ReleaseAll();
        assert_int_equal(TryTake(), RING_EMPTY);
    }
}

static void RoomIsExact(void **State)
{
    (void)State;
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        TestRingStart(&Test, Starts[n]);
        Produce(RING_PACKET_MAX, 1);
        uint32_t Left = CAPACITY - (uint32_t)RingEntrySize(RING_PACKET_MAX);
        assert_int_equal(TryReserve(RING_PACKET_MAX), RING_FULL);
        assert_int_equal(TryReserve(Left - 15), RING_FULL); /* one byte more than fits */
        assert_int_equal(Test.Producer.Next, Test.Producer.Own);
        Produce(Left - 16, 2);
        assert_int_equal(TryReserve(0), RING_FULL);
        Consume(RING_PACKET_MAX, 1);
        Consume(Left - 16, 2);
        assert_int_equal(TryTake(), RING_EMPTY);
    }
}

/* Many random steps of both sides against the simplest model there is: a list of lengths. */
static void RandomStepsMatchAList(void **State)
{
    (void)State;
    static struct
    {
        uint32_t Length, End;
    } List[CAPACITY / RING_ALIGNMENT + 1];
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        const uint32_t Slots = sizeof(List) / sizeof(*List);
        uint32_t Reserved = 0, Published = 0, Taken = 0, Released = 0, Used = 0;
        uint64_t Seed = 0x9e3779b97f4a7c15u + n;
        TestRingStart(&Test, Starts[n]);
        for (int Step = 0; Step < 40000; ++Step)
        {
            uint32_t Random = TestRandom(&Seed);
            switch (Random % 4)
            {
            case 0:
            {
                uint32_t Length = Random >> 8 & (Random & 0x40 ? 0x1f : 0x1fff);
                uint32_t Size = (Length + 31) / 16 * 16;
                RING_STATUS Status = TryReserve(Length);
                assert_int_equal(Status, Used + Size <= CAPACITY ? RING_OK : RING_FULL);
                if (Status == RING_OK)
                {
                    Used += Size;
                    List[Reserved % Slots].Length = Length;
                    List[Reserved % Slots].End = Test.Producer.Next;
                    ++Reserved;
                }
                break;
            }
            case 1:
                if (Reserved != Published)
                {
                    Published += 1 + (Random >> 8) % (Reserved - Published);
                    assert_false(RingPublish(&Test.Producer, List[(Published - 1) % Slots].End));
                }
                break;
            case 2:
            {
                uint32_t Length = 0;
                RING_PACKET *Packet;
                RING_STATUS Status = RingTake(&Test.Consumer, &Packet, &Length);
                assert_int_equal(Status, Taken != Published ? RING_OK : RING_EMPTY);
                if (Status == RING_OK)
                {
                    assert_int_equal(Length, List[Taken % Slots].Length);
                    assert_int_equal(Test.Consumer.Next, List[Taken % Slots].End);
                    ++Taken;
                }
                break;
            }
            default:
                for (uint32_t Count = Taken == Released ? 0 : 1 + (Random >> 8) % (Taken - Released); Count; --Count)
                {
                    Used -= (List[Released % Slots].Length + 31) / 16 * 16;
                    assert_false(RingRelease(&Test.Consumer, List[Released % Slots].End));
                    ++Released;
                }
            }
        }
        assert_true(Taken > 1000);
    }
}

static void ClosedKeepsItsReason(void **State)
{
    (void)State;
    assert_int_equal(RingClosed(Test.Ring), 0);
    Produce(40, 3);
    RingClose(Test.Ring, 7);
    assert_int_equal(RingClosed(Test.Ring), 7);
    /* What was published before stays readable: closing says why, it does not take packets away. */
    Consume(40, 3);
    ReleaseAll();
    assert_int_equal(RingClosed(Test.Ring), 7);
    assert_int_equal(TryTake(), RING_EMPTY);
}

/* --- a hostile consumer ------------------------------------------------------------------------------------------ */

/* Three packets are published, one is reserved, the producer knows of the first one's release; then Head is changed. */
static void HeadCase(uint32_t Start, uint32_t Head, RING_STATUS Expected)
{
    for (int Call = 0; Call < 2; ++Call)
    {
        TestRingStart(&Test, Start);
        Produce(1000, 0);
        uint32_t First = Test.Producer.Own;
        Produce(RING_PACKET_MAX, 0);
        Produce(0, 0);
        Consume(1000, 0);
        RingRelease(&Test.Consumer, First);
        assert_int_equal(RingReadHead(&Test.Producer), true);
        Reserve(1000);
        RING_SIDE Before = Test.Producer;
        SetHead(Start + Head);
        assert_int_equal(Call == 0 ? TryReserve(RING_PACKET_MAX) : RingStall(&Test.Producer, RING_PACKET_MAX),
                         Expected);
        if (Expected == RING_CORRUPT)
            assert_memory_equal(&Before, &Test.Producer, sizeof(Before));
        else
            assert_int_equal(Test.Producer.Other, Start + Head);
    }
}

static void ImpossibleHeadIsCorrupt(void **State)
{
    (void)State;
    const uint32_t First = 1024, Second = First + 65552, Third = Second + 16, Reserved = Third + 1024;
    assert_int_equal(RingEntrySize(1000), 1024);
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        HeadCase(Starts[n], First, RING_FULL);               /* unchanged */
        HeadCase(Starts[n], First + 16, RING_FULL);          /* within a packet: harms the consumer only */
        HeadCase(Starts[n], Second, RING_OK);                /* released */
        HeadCase(Starts[n], Third, RING_OK);                 /* all that was published */
        HeadCase(Starts[n], Third + 16, RING_CORRUPT);       /* ahead of what was published */
        HeadCase(Starts[n], Reserved, RING_CORRUPT);         /* reserved is not published */
        HeadCase(Starts[n], First - 16, RING_CORRUPT);       /* back */
        HeadCase(Starts[n], 0, RING_CORRUPT);                /* back to the start */
        HeadCase(Starts[n], First + CAPACITY, RING_CORRUPT); /* the same place in the data, a lap on */
        HeadCase(Starts[n], First - CAPACITY, RING_CORRUPT); /* and a lap back */
        HeadCase(Starts[n], First + 0x80000000u,
                 RING_CORRUPT); /* half the index space away: neither behind nor ahead */
        for (uint32_t Off = 1; Off < RING_ALIGNMENT; ++Off)
        {
            HeadCase(Starts[n], Second + Off, RING_CORRUPT);
            HeadCase(Starts[n], First - Off, RING_CORRUPT);
        }
    }
}

static void HeadIsNotReadWhileThereIsRoom(void **State)
{
    (void)State;
    SetHead(5);
    Produce(1000, 0);
    assert_int_equal(Test.Producer.Other, 0);
}

/* --- a hostile producer ------------------------------------------------------------------------------------------ */

/* Two packets are published and taken, one of them released; then Tail is changed. */
static void TailCase(uint32_t Start, uint32_t Tail, RING_STATUS Take, RING_STATUS Sleep)
{
    for (int Call = 0; Call < 2; ++Call)
    {
        TestRingStart(&Test, Start);
        Produce(1000, 0);
        Produce(2000, 0);
        Consume(1000, 0);
        uint32_t First = Test.Consumer.Next;
        Consume(2000, 0);
        RingRelease(&Test.Consumer, First);
        /* A valid length wherever the next packet is looked for. */
        atomic_store(&RingPacketAt(&Test.Consumer, Test.Consumer.Next)->Length, 0);
        RING_SIDE Before = Test.Consumer;
        SetTail(Start + Tail);
        RING_STATUS Expected = Call == 0 ? Take : Sleep;
        assert_int_equal(Call == 0 ? TryTake() : RingSleep(&Test.Consumer), Expected);
        if (Expected == RING_CORRUPT)
            assert_memory_equal(&Before, &Test.Consumer, sizeof(Before));
        else
            assert_int_equal(Test.Consumer.Other, Start + Tail);
    }
}

static void ImpossibleTailIsCorrupt(void **State)
{
    (void)State;
    const uint32_t Own = 1024, Next = Own + 2016;
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        TailCase(Starts[n], Next, RING_EMPTY, RING_EMPTY);
        TailCase(Starts[n], Next + 16, RING_OK, RING_OK);
        TailCase(Starts[n], Own + CAPACITY, RING_OK, RING_OK);                /* full, counted from what was released */
        TailCase(Starts[n], Own + CAPACITY + 16, RING_CORRUPT, RING_CORRUPT); /* more than fits */
        TailCase(Starts[n], Next + CAPACITY, RING_CORRUPT, RING_CORRUPT); /* counted from what was taken: too much */
        TailCase(Starts[n], Next - 16, RING_CORRUPT, RING_CORRUPT);       /* back */
        TailCase(Starts[n], Own, RING_CORRUPT, RING_CORRUPT);
        TailCase(Starts[n], 0, RING_CORRUPT, RING_CORRUPT);
        TailCase(Starts[n], Next - CAPACITY, RING_CORRUPT, RING_CORRUPT);
        TailCase(Starts[n], Next + 0x80000000u, RING_CORRUPT, RING_CORRUPT);
        for (uint32_t Off = 1; Off < RING_ALIGNMENT; ++Off)
        {
            TailCase(Starts[n], Next + Off, RING_CORRUPT, RING_CORRUPT);
            TailCase(Starts[n], Next - Off, RING_CORRUPT, RING_CORRUPT);
            TailCase(Starts[n], Own + CAPACITY - Off, RING_CORRUPT, RING_CORRUPT);
        }
    }
}

/* One packet that claims Length bytes, in a ring of which Published bytes are shown. */
static void LengthCase(uint32_t Start, uint32_t Length, uint32_t Published, RING_STATUS Expected)
{
    TestRingStart(&Test, Start);
    RING_PACKET *Packet = NULL;
    uint32_t Found = 0;
    atomic_store(&RingPacketAt(&Test.Consumer, Start)->Length, Length);
    SetTail(Start + Published);
    assert_int_equal(RingTake(&Test.Consumer, &Packet, &Found), Expected);
    assert_int_equal(Test.Consumer.Next - Start, Expected == RING_CORRUPT ? 0 : RingEntrySize(Length));
}

static void ImpossibleLengthIsCorrupt(void **State)
{
    (void)State;
    static const uint32_t Huge[] = {0x7fffffffu, 0x80000000u, 0xffffffe0u, 0xffffffefu, 0xfffffff0u, 0xffffffffu};
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        uint32_t Start = Starts[n];
        LengthCase(Start, 0, 16, RING_OK);
        LengthCase(Start, 1, 16, RING_CORRUPT); /* nothing but a header is shown */
        LengthCase(Start, 16, 32, RING_OK);
        LengthCase(Start, 17, 32, RING_CORRUPT); /* one byte past what was published */
        LengthCase(Start, 1484, 1504, RING_OK);
        LengthCase(Start, 1500, 1504, RING_CORRUPT);
        LengthCase(Start, RING_PACKET_MAX, RING_ROOM + 16, RING_OK);
        LengthCase(Start, RING_PACKET_MAX, RING_ROOM, RING_CORRUPT);
        LengthCase(Start, RING_PACKET_MAX, CAPACITY, RING_OK);
        LengthCase(Start, CAPACITY - 15, CAPACITY, RING_CORRUPT);
        LengthCase(Start, CAPACITY, CAPACITY, RING_CORRUPT);
        for (size_t k = 0; k < sizeof(Huge) / sizeof(*Huge); ++k)
            LengthCase(Start, Huge[k], CAPACITY, RING_CORRUPT);
    }
}

static void TooLongPacketIsPassedOver(void **State)
{
    (void)State;
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        LengthCase(Starts[n], RING_PACKET_MAX + 1, CAPACITY, RING_TOO_LONG);
        LengthCase(Starts[n], RING_PACKET_MAX + 1, RING_ROOM + 16, RING_TOO_LONG);
        LengthCase(Starts[n], CAPACITY - 16, CAPACITY, RING_TOO_LONG);
        /* And the packet behind it arrives. */
        LengthCase(Starts[n], 100000, 100016 + 32, RING_TOO_LONG);
        atomic_store(&RingPacketAt(&Test.Consumer, Starts[n] + 100016)->Length, 16);
        RING_PACKET *Packet = NULL;
        uint32_t Length = 0;
        assert_int_equal(RingTake(&Test.Consumer, &Packet, &Length), RING_OK);
        assert_int_equal(Length, 16);
        assert_int_equal(TryTake(), RING_EMPTY);
    }
}

/* Each consumer's step on memory that the other side fills at random: whatever comes, indexes stay possible and a
 * packet that is handed out lies within the memory. */
static void GarbageNeverLeadsOutOfTheMemory(void **State)
{
    (void)State;
    uint64_t Seed = 42;
    uint32_t Taken = 0, Corrupt = 0;
    for (int Round = 0; Round < 3000; ++Round)
    {
        TestRingStart(&Test, Starts[(size_t)Round % (sizeof(Starts) / sizeof(*Starts))]);
        RING_STATUS Status = RING_OK;
        for (int Step = 0; Step < 100 && Status != RING_CORRUPT; ++Step)
        {
            uint32_t Random = TestRandom(&Seed);
            uint32_t Forward = (Random >> 8) % (CAPACITY + 64) & (Random & 1 ? ~15u : ~0u);
            SetTail(Random & 6 ? Test.Consumer.Next + (Forward & ~15u) : Test.Consumer.Own + Forward);
            uint32_t Length = TestRandom(&Seed) >> (TestRandom(&Seed) % 32);
            atomic_store(&RingPacketAt(&Test.Consumer, Test.Consumer.Next)->Length, Length);
            RING_PACKET *Packet = NULL;
            Status = RingTake(&Test.Consumer, &Packet, &Length);
            const uint8_t *End = (uint8_t *)Test.Ring + RingMemorySize(CAPACITY);
            if (Status == RING_OK)
            {
                assert_true((uint8_t *)RingPacketData(Packet) + Length <= End);
                memset(RingPacketData(Packet), 0, Length);
                ++Taken;
            }
            Corrupt += Status == RING_CORRUPT;
            assert_true(Test.Consumer.Other - Test.Consumer.Own <= CAPACITY);
            assert_true(Test.Consumer.Next - Test.Consumer.Own <= Test.Consumer.Other - Test.Consumer.Own);
            if (Random & 8)
                ReleaseAll();
        }
    }
    assert_true(Taken > 1000 && Corrupt > 1000);
}

/* --- wake-up, step by step --------------------------------------------------------------------------------------- */

static void SleeperIsWokenOnce(void **State)
{
    (void)State;
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        TestRingStart(&Test, Starts[n]);
        assert_false(Produce(20, 1)); /* nobody sleeps yet */
        Consume(20, 1);
        assert_int_equal(RingSleep(&Test.Consumer), RING_EMPTY);
        assert_int_equal(ConsumerWaiting(), 1);
        assert_false(RingPublish(&Test.Producer, Test.Producer.Next)); /* nothing new: no signal, and the flag stays */
        assert_int_equal(ConsumerWaiting(), 1);
        assert_true(Produce(20, 2));
        assert_int_equal(ConsumerWaiting(), 0);
        assert_false(Produce(20, 3));
        Consume(20, 2);
        Consume(20, 3);
    }
}

static void SleepIsRefusedWhenSomethingCame(void **State)
{
    (void)State;
    assert_int_equal(TryTake(), RING_EMPTY);
    Produce(20, 1);
    assert_int_equal(RingSleep(&Test.Consumer), RING_OK);
    assert_int_equal(ConsumerWaiting(), 0);
    assert_false(Produce(20, 2));
    Consume(20, 1);
    /* A packet seen but not taken yet counts too. */
    assert_int_equal(RingSleep(&Test.Consumer), RING_OK);
    Consume(20, 2);
    assert_int_equal(RingSleep(&Test.Consumer), RING_EMPTY);
}

static void AwakeCallsSleepOff(void **State)
{
    (void)State;
    assert_int_equal(RingSleep(&Test.Consumer), RING_EMPTY);
    RingAwake(&Test.Consumer);
    assert_int_equal(ConsumerWaiting(), 0);
    assert_false(Produce(20, 1));
}

static void StallerIsWokenByEachRelease(void **State)
{
    (void)State;
    for (size_t n = 0; n < sizeof(Starts) / sizeof(*Starts); ++n)
    {
        TestRingStart(&Test, Starts[n]);
        Produce(65520, 1);
        Produce(65504, 2);
        Produce(0, 3);
        assert_int_equal(TryReserve(1000), RING_FULL);
        assert_int_equal(RingStall(&Test.Producer, 1000), RING_FULL);
        assert_int_equal(ProducerWaiting(), 1);
        Consume(65520, 1);
        assert_false(RingRelease(&Test.Consumer, Test.Consumer.Own)); /* nothing new */
        assert_int_equal(ProducerWaiting(), 1);
        assert_true(RingRelease(&Test.Consumer, Starts[n] + 16)); /* part of it: wakes, and is not enough */
        assert_int_equal(ProducerWaiting(), 0);
        assert_int_equal(RingStall(&Test.Producer, 1000), RING_FULL);
        assert_true(ReleaseAll());
        assert_int_equal(TryReserve(1000), RING_OK);
        Consume(65504, 2);
        assert_false(ReleaseAll());
        assert_int_equal(TryReserve(RING_PACKET_MAX), RING_OK);
    }
}

static void StallIsRefusedWhenThereIsRoom(void **State)
{
    (void)State;
    Produce(65520, 1);
    Produce(65520, 2);
    assert_int_equal(TryReserve(65520), RING_FULL);
    Consume(65520, 1);
    assert_false(ReleaseAll());
    assert_int_equal(RingStall(&Test.Producer, 65520), RING_OK);
    assert_int_equal(ProducerWaiting(), 0);
    assert_int_equal(RingStall(&Test.Producer, 65521), RING_FULL);
    assert_int_equal(ProducerWaiting(), 1);
}

int main(void)
{
#define TEST(Name) cmocka_unit_test_setup_teardown(Name, Setup, Teardown)
    const struct CMUnitTest Tests[] = {
        TEST(CapacityIsAPowerOfTwoInRange),
        TEST(EntrySizeIsHeaderPlusPacketRoundedUp),
        TEST(LayoutIsTheDocumentedOne),
        TEST(PacketsWrapAtEveryAlignment),
        TEST(LargestPacketEndsWithTheMemory),
        TEST(ReservingClearsTheHeader),
        TEST(NothingIsSeenBeforeItIsPublished),
        TEST(FullIsCapacityBytesAndNotOneLess),
        TEST(RoomIsExact),
        TEST(RandomStepsMatchAList),
        TEST(ClosedKeepsItsReason),
        TEST(ImpossibleHeadIsCorrupt),
        TEST(HeadIsNotReadWhileThereIsRoom),
        TEST(ImpossibleTailIsCorrupt),
        TEST(ImpossibleLengthIsCorrupt),
        TEST(TooLongPacketIsPassedOver),
        TEST(GarbageNeverLeadsOutOfTheMemory),
        TEST(SleeperIsWokenOnce),
        TEST(SleepIsRefusedWhenSomethingCame),
        TEST(AwakeCallsSleepOff),
        TEST(StallerIsWokenByEachRelease),
        TEST(StallIsRefusedWhenThereIsRoom),
        cmocka_unit_test(StreamArrivesWholeAndInOrder),
        cmocka_unit_test(NoWakeUpIsLost),
    };
    return cmocka_run_group_tests_name("ring", Tests, NULL, NULL);
}
