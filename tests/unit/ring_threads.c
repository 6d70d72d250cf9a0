/* SPDX-License-Identifier: MIT */
/*
 * The ring between two threads, each of which sleeps on an event that the other sets when the ring says so. The thread
 * sanitizer sees here whether a packet's bytes are ordered by [publish-*] and [acquire-*] alone (it does not understand
 * fences, so that nothing can lean on them); a wait that outlasts its deadline is a lost wake-up. Threads never call
 * cmocka (it jumps): they note the first failure, and the test's own thread asserts.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "tests/unit/ring_test.h"

#define DEADLINE_MS  30000
#define STREAM_COUNT 2000000u
#define STREAM_MS    60000
#define WAITS_MIN    100u
#define PATTERN_SIZE (1u << 17)
#define ALTERNATIONS 2000000u
#define ALTERNATE_MS 8000
#define POLLS        16u

/* What a side sleeps on: an eventfd, as in life, or (Fd -1) a word that it watches: a wake-up a hundred times as fast,
 * and so a hundred times as many of them in a second. */
typedef struct _EVENT
{
    int Fd;
    _Atomic(uint32_t) Set;
} EVENT;

typedef struct _RUN
{
    TEST_RING Test;
    EVENT Packets, Space; /* set for a consumer that sleeps, for a producer that stalls */
    const char *_Atomic Failure;
    _Atomic(uint32_t) Sleeps, Stalls; /* counted by the thread that does them */
    _Atomic(uint32_t) Last;           /* of a stream: the number of its last packet, known before that is published */
} RUN;

static uint8_t Pattern[PATTERN_SIZE + RING_PACKET_MAX];

static void Fail(RUN *Run, const char *Failure)
{
    const char *None = NULL;
    atomic_compare_exchange_strong(&Run->Failure, &None, Failure);
}

static bool Failed(RUN *Run)
{
    return atomic_load_explicit(&Run->Failure, memory_order_relaxed) != NULL;
}

static void Pause(uint32_t Times)
{
    while (Times-- != 0)
    {
#ifdef __aarch64__
        __builtin_arm_yield();
#else
        __builtin_ia32_pause();
#endif
    }
}

static int64_t NowMs(void)
{
    struct timespec Now;
    clock_gettime(CLOCK_MONOTONIC, &Now);
    return Now.tv_sec * 1000 + Now.tv_nsec / 1000000;
}

static void Signal(RUN *Run, EVENT *Event)
{
    if (Event->Fd == -1)
        atomic_store_explicit(&Event->Set, 1, memory_order_release);
    else if (eventfd_write(Event->Fd, 1) != 0)
        Fail(Run, "eventfd_write");
}

static void Wait(RUN *Run, EVENT *Event, const char *Lost)
{
    if (Event->Fd != -1)
    {
        struct pollfd Poll = {.fd = Event->Fd, .events = POLLIN};
        eventfd_t Count;
        if (poll(&Poll, 1, DEADLINE_MS) != 1 || eventfd_read(Event->Fd, &Count) != 0)
            Fail(Run, Lost);
        return;
    }
    int64_t Deadline = NowMs() + DEADLINE_MS;
    for (uint32_t Look = 1; atomic_exchange_explicit(&Event->Set, 0, memory_order_acquire) == 0; ++Look)
    {
        Pause(1);
        if (Look % 256 != 0)
            continue;
        sched_yield();
        if (NowMs() > Deadline)
        {
            Fail(Run, Lost);
            return;
        }
    }
}

/* Reserves Length bytes; looks for room Polls times more, then waits for it. NULL after a failure. */
static RING_PACKET *ReserveOrWait(RUN *Run, uint32_t Length, uint32_t Polls)
{
    for (;;)
    {
        RING_PACKET *Packet;
        RING_STATUS Status = RingReserve(&Run->Test.Producer, Length, &Packet);
        if (Status == RING_OK)
            return Packet;
        if (Status == RING_FULL && Polls != 0)
        {
            --Polls;
            Pause(1);
            continue;
        }
        /* What is reserved must be seen before anybody waits for the consumer. */
        if (RingPublish(&Run->Test.Producer, Run->Test.Producer.Next))
            Signal(Run, &Run->Packets);
        if (Status == RING_FULL)
            Status = RingStall(&Run->Test.Producer, Length);
        if (Status == RING_FULL)
        {
            atomic_fetch_add_explicit(&Run->Stalls, 1, memory_order_relaxed);
            Wait(Run, &Run->Space, "the producer waited for space in vain: a wake-up was lost");
        }
        else if (Status == RING_CORRUPT)
            Fail(Run, "the producer found an impossible Head");
        if (Failed(Run))
            return NULL;
    }
}

/* Takes a packet; looks for one Polls times more, then waits for it. NULL after a failure. */
static RING_PACKET *TakeOrWait(RUN *Run, uint32_t *Length, uint32_t Polls)
{
    for (;;)
    {
        RING_PACKET *Packet;
        RING_STATUS Status = RingTake(&Run->Test.Consumer, &Packet, Length);
        if (Status == RING_OK)
            return Packet;
        if (Status == RING_EMPTY && Polls != 0)
        {
            --Polls;
            Pause(1);
            continue;
        }
        if (RingRelease(&Run->Test.Consumer, Run->Test.Consumer.Next))
            Signal(Run, &Run->Space);
        if (Status == RING_EMPTY)
            Status = RingSleep(&Run->Test.Consumer);
        if (Status == RING_EMPTY)
        {
            atomic_fetch_add_explicit(&Run->Sleeps, 1, memory_order_relaxed);
            Wait(Run, &Run->Packets, "the consumer waited for packets in vain: a wake-up was lost");
        }
        else if (Status != RING_OK)
            Fail(Run, "the consumer found an impossible Tail or length");
        if (Failed(Run))
            return NULL;
    }
}

/* A run in which nobody slept has shown nothing. */
static bool BothWaited(RUN *Run)
{
    return atomic_load_explicit(&Run->Sleeps, memory_order_relaxed) > WAITS_MIN &&
           atomic_load_explicit(&Run->Stalls, memory_order_relaxed) > WAITS_MIN;
}

static void RunThreads(RUN *Run, uint32_t Start, void *(*Producer)(void *), void *(*Consumer)(void *))
{
    TestRingMake(&Run->Test, RING_CAPACITY_MIN);
    TestRingStart(&Run->Test, Start);
    pthread_t Threads[2];
    assert_int_equal(pthread_create(&Threads[0], NULL, Producer, Run), 0);
    assert_int_equal(pthread_create(&Threads[1], NULL, Consumer, Run), 0);
    pthread_join(Threads[0], NULL);
    pthread_join(Threads[1], NULL);
    TestRingFree(&Run->Test);
    printf("             %u sleeps, %u stalls\n", Run->Sleeps, Run->Stalls);
    if (Run->Failure != NULL)
        fail_msg("%s", Run->Failure);
    assert_true(BothWaited(Run));
}

/* --- a stream ---------------------------------------------------------------------------------------------------- */

/* Both threads compute packet number Sequence's length and bytes, so that a packet that is missing, doubled, out of
 * order or torn differs. Mostly small packets, now and then the largest. */
static uint32_t StreamLength(uint64_t *Seed, uint32_t Sequence)
{
    uint32_t Random = TestRandom(Seed);
    return Sequence % 4001 == 0 ? RING_PACKET_MAX : Random >> 8 & (Random % 16 == 0 ? 0xfff : 0x7f);
}

static const uint8_t *StreamBytes(uint32_t Sequence)
{
    return Pattern + Sequence * 13u % PATTERN_SIZE;
}

/* By turns one side is the slower one, so that the ring runs full and empty alike. How often that makes the other side
 * wait is the machine's business: the stream goes on until both did often enough. */
static void Handicap(uint32_t Sequence, uint32_t Turn)
{
    if ((Sequence >> 12 & 3) == Turn)
        Pause(Sequence & 63);
}

static bool StreamEnds(RUN *Run, uint32_t Sequence, int64_t Deadline)
{
    return Sequence >= STREAM_COUNT && Sequence % 4096 == 0 && (BothWaited(Run) || NowMs() > Deadline);
}

static void *StreamProducer(void *Context)
{
    RUN *Run = Context;
    uint64_t Seed = 1, Own = 2;
    uint32_t Batch = 0;
    int64_t Deadline = NowMs() + STREAM_MS;
    bool Last = false;
    for (uint32_t Sequence = 0; !Last; ++Sequence)
    {
        uint32_t Length = StreamLength(&Seed, Sequence);
        RING_PACKET *Packet = ReserveOrWait(Run, Length, 0);
        if (Packet == NULL)
            return NULL;
        memcpy(RingPacketData(Packet), StreamBytes(Sequence), Length);
        Handicap(Sequence, 1);
        Last = StreamEnds(Run, Sequence, Deadline);
        if (Last)
            atomic_store_explicit(&Run->Last, Sequence, memory_order_relaxed);
        if (Batch-- == 0 || Last)
        {
            Batch = TestRandom(&Own) % 32;
            if (RingPublish(&Run->Test.Producer, Run->Test.Producer.Next))
                Signal(Run, &Run->Packets);
        }
    }
    return NULL;
}

static void *StreamConsumer(void *Context)
{
    RUN *Run = Context;
    uint64_t Seed = 1, Own = 3;
    uint32_t Batch = 0;
    for (uint32_t Sequence = 0; Sequence <= atomic_load_explicit(&Run->Last, memory_order_relaxed); ++Sequence)
    {
        uint32_t Length;
        RING_PACKET *Packet = TakeOrWait(Run, &Length, 0);
        if (Packet == NULL)
            return NULL;
        if (Length != StreamLength(&Seed, Sequence))
            Fail(Run, "a packet has another length than its sequence number demands");
        else if (memcmp(RingPacketData(Packet), StreamBytes(Sequence), Length) != 0)
            Fail(Run, "a packet has other bytes than its sequence number demands");
        Handicap(Sequence, 3);
        if (Batch-- == 0)
        {
            Batch = TestRandom(&Own) % 32;
            if (RingRelease(&Run->Test.Consumer, Run->Test.Consumer.Next))
                Signal(Run, &Run->Space);
        }
    }
    return NULL;
}

void StreamArrivesWholeAndInOrder(void **State)
{
    (void)State;
    RUN Run = {.Packets.Fd = eventfd(0, EFD_CLOEXEC), .Space.Fd = eventfd(0, EFD_CLOEXEC), .Last = UINT32_MAX};
    uint64_t Seed = 4;
    for (size_t n = 0; n < sizeof(Pattern); ++n)
        Pattern[n] = (uint8_t)TestRandom(&Seed);
    RunThreads(&Run, 0u - 100 * RING_CAPACITY_MIN, StreamProducer, StreamConsumer);
    close(Run.Packets.Fd);
    close(Run.Space.Fd);
}

/* --- wake-ups ---------------------------------------------------------------------------------------------------- */

/* Two of the largest packets do not fit at once: each publish must be answered by a release before the next one, and a
 * single wake-up that is lost leaves both asleep. A random number of looks before each sleep moves it over the other
 * side's publish. A busy machine may not get through all alternations: the time is bounded, the last packet shorter. */
static void *AlternateProducer(void *Context)
{
    RUN *Run = Context;
    uint64_t Seed = 5;
    int64_t Deadline = NowMs() + ALTERNATE_MS;
    bool Last = false;
    for (uint32_t Sequence = 0; !Last; ++Sequence)
    {
        Last = Sequence == ALTERNATIONS || (Sequence % 1024 == 0 && NowMs() > Deadline);
        uint32_t Length = Last ? RING_PACKET_MAX - 1 : RING_PACKET_MAX;
        RING_PACKET *Packet = ReserveOrWait(Run, Length, TestRandom(&Seed) % POLLS);
        if (Packet == NULL)
            return NULL;
        memcpy(RingPacketData(Packet), &Sequence, sizeof(Sequence));
        if (RingPublish(&Run->Test.Producer, Run->Test.Producer.Next))
            Signal(Run, &Run->Packets);
    }
    return NULL;
}

static void *AlternateConsumer(void *Context)
{
    RUN *Run = Context;
    uint64_t Seed = 6;
    bool Last = false;
    for (uint32_t Sequence = 0; !Last; ++Sequence)
    {
        uint32_t Length;
        RING_PACKET *Packet = TakeOrWait(Run, &Length, TestRandom(&Seed) % POLLS);
        if (Packet == NULL)
            return NULL;
        uint32_t Found;
        memcpy(&Found, RingPacketData(Packet), sizeof(Found));
        Last = Length == RING_PACKET_MAX - 1;
        if (Found != Sequence || (Length != RING_PACKET_MAX && !Last))
            Fail(Run, "a packet is out of order");
        if (RingRelease(&Run->Test.Consumer, Run->Test.Consumer.Next))
            Signal(Run, &Run->Space);
    }
    return NULL;
}

void NoWakeUpIsLost(void **State)
{
    (void)State;
    RUN Run = {.Packets.Fd = -1, .Space.Fd = -1};
    RunThreads(&Run, 0, AlternateProducer, AlternateConsumer);
}
