/* SPDX-License-Identifier: MIT */
/*
 * How long the driver itself takes for a packet, in each direction, beside memcpy of the same bytes:
 *   driver [MILLISECONDS of each measurement [NAME that a row must begin with]]
 * It is the driver as in the simulator, compiled as for Windows, over host/ndis with all its checks, without sanitizers.
 * Many short rounds alternate between driver and floor, and the medians count. Rounds are printed as JSON, a row a line.
 *
 * The floor copies the same packets between places of the same kind and size, a second ring's data among them, so that
 * both find the caches alike. One thread: a round first fills one side, then times the other: for to_app the send
 * calls (the program reads afterwards); for to_stack the driver's thread from the first packet to the last, where the
 * stack's part of that thread publishes the next batch. Two threads (_t2): producer and consumer at once, from the first
 * packet to the last; in the floor they share nothing but two indices.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/driver.h"

#define ROUNDS_MAX    4096
#define ROUND_BYTES   0x40000u  /* a round with one thread: as much as stays in a core's cache */
#define STREAM_BYTES  0x400000u /* a round with two */
#define STAMP         24u       /* where in a packet its number is: behind the IPv4 header, aligned */
#define RECEIVE_BYTES 0x20000u  /* the floor's receive buffers: 64 small ones, as the driver's batch has */

typedef double MEASURE(_In_ BOOLEAN Floor); /* one round: nanoseconds per packet */

static ULONG Length, Batch, Packets;                  /* of the measurement; Packets of a round, whole batches */
static uint32_t Entry;                                /* bytes that a packet takes in the ring */
static ULONG64 Sent, Seen, Expected, Lost, Reordered; /* Expected: the next number */
static double Ours[ROUNDS_MAX], Floors[ROUNDS_MAX];
static UCHAR *FloorRing, *FloorBuffers;

static ULONG64 Now(VOID)
{
    struct timespec Time;
    clock_gettime(CLOCK_MONOTONIC, &Time);
    return (ULONG64)Time.tv_sec * 1000000000 + (ULONG64)Time.tv_nsec;
}

static double PerPacket(_In_ ULONG64 Begin, _In_ ULONG64 Count)
{
    return (double)(Now() - Begin) / (double)Count;
}

/* Where a packet of the floor's is that begins at Index, as RingPacketAt has it. */
static UCHAR *FloorAt(_In_ uint32_t Index)
{
    return FloorRing + (Index & (LAB_CAPACITY - 1)) + sizeof(RING_PACKET);
}

/* ---- Numbers in packets */

static VOID Number(_Inout_ UCHAR *Packet, _In_ ULONG64 Value)
{
    memcpy(Packet + STAMP, &Value, sizeof(Value));
}

static VOID Check(_In_ const UCHAR *Packet)
{
    ULONG64 Value;
    memcpy(&Value, Packet + STAMP, sizeof(Value));
    if (Value < Expected)
    {
        Reordered++;
    }
    else
    {
        Lost += Value - Expected;
        Expected = Value + 1;
    }
    Seen++;
}

static VOID NumberChain(_Inout_ ULONG64 *Value)
{
    for (ULONG I = 0; I < Batch; I++)
        Number(LabPackets[I], (*Value)++);
}

/* ---- To the program, one thread */

static VOID Drain(VOID)
{
    RING_PACKET *Packet;
    uint32_t Bytes;
    while (RingTake(&LabToApp, &Packet, &Bytes) == RING_OK)
        Check(RingPacketData(Packet));
    RingRelease(&LabToApp, LabToApp.Next);
}

static double ToApp(BOOLEAN Floor)
{
    static uint32_t Index;
    ULONG64 Value = 0, Begin = Now();
    for (ULONG Done = 0; Done < Packets; Done += Batch)
    {
        NumberChain(Floor ? &Value : &Sent);
        for (ULONG I = 0; Floor && I < Batch; I++, Index += Entry)
            memcpy(FloorAt(Index), LabPackets[I], Length);
        if (!Floor)
            LabSend();
    }
    double Result = PerPacket(Begin, Packets);
    Drain();
    return Result;
}

/* ---- To the stack, one thread: all of it happens in the driver's, in what it calls to indicate packets */

static struct
{
    ULONG Rounds;
    ULONG64 Begin, End; /* of this round; when no more shall begin */
    ULONG64 Due, Last;  /* Seen when all that is published has come; when the round is over */
    uint32_t Publish;
    BOOLEAN Running;
    _Atomic(ULONG) Over;
} One;

static UCHAR *Buffer(_In_ ULONG Number)
{
    ULONG Each = Length <= 2048 ? 2048 : 65536, Count = RECEIVE_BYTES * (Length <= 2048 ? 1 : 4) / Each;
    return FloorBuffers + (SIZE_T)(Number % Count) * Each;
}

static double CopyFloor(_In_ uint32_t Index)
{
    ULONG64 Begin = Now();
    volatile ULONG64 Value; /* as Check reads it */
    for (ULONG I = 0; I < Packets; I++, Index += Entry)
    {
        UCHAR *To = Buffer(I);
        memcpy(To, FloorAt(Index), Length);
        Value = *(ULONG64 *)(To + STAMP);
    }
    (void)Value;
    return PerPacket(Begin, Packets);
}

/* Writes a round's packets, reserved in the ring, and the same for the floor. Returns where the latter begin. */
static uint32_t Write(VOID)
{
    static uint32_t Index;
    uint32_t Begin = Index;
    for (ULONG I = 0; I < Packets; I++, Index += Entry)
    {
        RING_PACKET *Packet;
        if (RingReserve(&LabToStack, Length, &Packet) != RING_OK)
            abort();
        memcpy(RingPacketData(Packet), LabPackets[0], Length);
        Number(RingPacketData(Packet), Sent++);
        memcpy(FloorAt(Index), LabPackets[0], Length);
    }
    return Begin;
}

static VOID PublishBatch(VOID)
{
    One.Due += Batch;
    One.Publish += Batch * Entry;
    if (RingPublish(&LabToStack, One.Publish))
        LabWake();
}

static VOID ReceiveOne(NET_BUFFER_LIST *Lists)
{
    static uint32_t Floor;
    for (NET_BUFFER_LIST *List = Lists; List; List = NET_BUFFER_LIST_NEXT_NBL(List))
        Check(NET_BUFFER_LIST_FIRST_NB(List)->CurrentMdl->MappedSystemVa);
    if (Seen < One.Due)
        return;
    if (Seen < One.Last)
    {
        PublishBatch();
        return;
    }
    if (One.Running)
    {
        Ours[One.Rounds] = PerPacket(One.Begin, Packets);
        if (One.Rounds % 2)
            Floors[One.Rounds] = CopyFloor(Floor);
        One.Rounds++;
    }
    One.Running = One.Rounds < ROUNDS_MAX && (One.Rounds < 8 || Now() < One.End);
    if (!One.Running)
    {
        atomic_store(&One.Over, 1);
        return;
    }
    One.Publish = LabToStack.Own;
    One.Last = Seen + Packets;
    Floor = Write();
    if (One.Rounds % 2 == 0)
        Floors[One.Rounds] = CopyFloor(Floor);
    One.Begin = Now();
    PublishBatch();
}

static ULONG ToStackRounds(_In_ ULONG64 End)
{
    memset(&One, 0, sizeof(One));
    One.End = End;
    One.Due = One.Last = Seen + 1;
    LabReceive = ReceiveOne;
    RING_PACKET *Packet;
    if (RingReserve(&LabToStack, Length, &Packet) != RING_OK)
        abort();
    memcpy(RingPacketData(Packet), LabPackets[0], Length);
    Number(RingPacketData(Packet), Sent++);
    if (RingPublish(&LabToStack, LabToStack.Next))
        LabWake();
    while (!atomic_load(&One.Over))
        sched_yield();
    return One.Rounds;
}

/* ---- Two threads */

static _Atomic(uint32_t) FloorTail, FloorHead;
static _Atomic(ULONG) Ready, SenderDone;
static _Atomic(ULONG64) Came;

/* Looks again; on a busy machine others may run meanwhile. */
static VOID Pause(_Inout_ ULONG *Spins)
{
    if (++*Spins % 64 == 0)
        sched_yield();
    else
        YieldProcessor();
}

static VOID WaitForRoom(_In_ const _Atomic(uint32_t) *Head, _In_ uint32_t Index)
{
    ULONG Spins = 0;
    while (Index + Batch * Entry - atomic_load_explicit(Head, memory_order_acquire) > LAB_CAPACITY)
        Pause(&Spins);
}

/* The floor's consumer. Copies: the packets into receive buffers, as for the stack. */
static void *FloorConsumer(void *Copies)
{
    uint32_t Head = 0;
    ULONG Spins = 0, Number = 0;
    atomic_store(&Ready, 1);
    volatile ULONG64 Value;
    while (Number < Packets)
    {
        uint32_t Tail = atomic_load_explicit(&FloorTail, memory_order_acquire);
        for (; Head != Tail; Head += Entry, Number++)
        {
            UCHAR *Packet = FloorAt(Head);
            if (Copies)
            {
                memcpy(Buffer(Number), Packet, Length);
                Packet = Buffer(Number);
            }
            Value = *(ULONG64 *)(Packet + STAMP);
        }
        atomic_store_explicit(&FloorHead, Head, memory_order_release);
        Pause(&Spins);
    }
    (void)Value;
    return NULL;
}

static void *ToAppConsumer(void *Unused)
{
    ULONG Spins = 0;
    atomic_store(&Ready, 1);
    BOOLEAN Last;
    do
    {
        Last = atomic_load(&SenderDone) != 0;
        Drain();
        Pause(&Spins);
    } while (!Last);
    return NULL;
}

static VOID ReceiveMany(NET_BUFFER_LIST *Lists)
{
    for (NET_BUFFER_LIST *List = Lists; List; List = NET_BUFFER_LIST_NEXT_NBL(List))
        Check(NET_BUFFER_LIST_FIRST_NB(List)->CurrentMdl->MappedSystemVa);
    atomic_store_explicit(&Came, Seen, memory_order_release);
}

static VOID WriteBatch(_Inout_ RING_SIDE *Side)
{
    for (ULONG I = 0; I < Batch; I++)
    {
        RING_PACKET *Packet;
        if (RingReserve(Side, Length, &Packet) != RING_OK)
            abort();
        memcpy(RingPacketData(Packet), LabPackets[I], Length);
        Number(RingPacketData(Packet), Sent++);
    }
    if (RingPublish(Side, Side->Next))
        LabWake();
}

static double FloorTwo(_In_ BOOLEAN Copies)
{
    uint32_t Index = 0;
    ULONG64 Value = 0;
    atomic_store(&FloorTail, 0);
    atomic_store(&FloorHead, 0);
    atomic_store(&Ready, 0);
    pthread_t Thread;
    pthread_create(&Thread, NULL, FloorConsumer, Copies ? &FloorRing : NULL);
    while (!atomic_load(&Ready))
        sched_yield();
    ULONG64 Begin = Now();
    for (ULONG Done = 0; Done < Packets; Done += Batch)
    {
        WaitForRoom(&FloorHead, Index);
        for (ULONG I = 0; I < Batch; I++, Index += Entry)
        {
            memcpy(FloorAt(Index), LabPackets[I], Length);
            Number(FloorAt(Index), Value++);
        }
        atomic_store_explicit(&FloorTail, Index, memory_order_release);
    }
    pthread_join(Thread, NULL);
    return PerPacket(Begin, Packets);
}

static double ToAppTwo(BOOLEAN Floor)
{
    uint32_t Index = LabToApp.Next;
    if (Floor)
        return FloorTwo(FALSE);
    atomic_store(&Ready, 0);
    atomic_store(&SenderDone, 0);
    pthread_t Thread;
    pthread_create(&Thread, NULL, ToAppConsumer, NULL);
    while (!atomic_load(&Ready))
        sched_yield();
    ULONG64 Begin = Now();
    for (ULONG Done = 0; Done < Packets; Done += Batch, Index += Batch * Entry)
    {
        WaitForRoom(&LabToApp.Ring->Head, Index);
        NumberChain(&Sent);
        LabSend();
    }
    atomic_store(&SenderDone, 1);
    pthread_join(Thread, NULL);
    return PerPacket(Begin, Packets);
}

static double ToStackTwo(BOOLEAN Floor)
{
    ULONG64 Wanted = Sent + Packets;
    ULONG Spins = 0;
    if (Floor)
        return FloorTwo(TRUE);
    LabReceive = ReceiveMany;
    ULONG64 Begin = Now();
    for (ULONG Done = 0; Done < Packets; Done += Batch)
    {
        WaitForRoom(&LabToStack.Ring->Head, LabToStack.Next);
        WriteBatch(&LabToStack);
    }
    while (atomic_load_explicit(&Came, memory_order_acquire) < Wanted)
        Pause(&Spins);
    return PerPacket(Begin, Packets);
}

/* ---- Rows */

static ULONG Rounds(_In_ MEASURE *Measure, _In_ ULONG64 End)
{
    ULONG Round = 0;
    for (; Round < ROUNDS_MAX && (Round < 8 || Now() < End); Round++)
    {
        BOOLEAN FloorFirst = Round % 2 == 0;
        double First = Measure(FloorFirst), Second = Measure(!FloorFirst);
        Floors[Round] = FloorFirst ? First : Second;
        Ours[Round] = FloorFirst ? Second : First;
    }
    return Round;
}

static int Compare(const void *Left, const void *Right)
{
    double A = *(const double *)Left, B = *(const double *)Right;
    return (A > B) - (A < B);
}

static double Median(_Inout_ double *Values, _In_ ULONG Count)
{
    qsort(Values, Count, sizeof(*Values), Compare);
    return Values[Count / 2];
}

static VOID Row(_In_ BOOLEAN ToTheApp, _In_ ULONG Threads, _In_ ULONG Milliseconds, _In_z_ PCSTR Prefix)
{
    ULONG64 End = Now() + Milliseconds * 1000000ull;
    CHAR Name[64];
    snprintf(Name, sizeof(Name), "driver_%s_%u_b%u%s", ToTheApp ? "to_app" : "to_stack", Length, Batch,
             Threads == 2 ? "_t2" : "");
    if (strncmp(Name, Prefix, strlen(Prefix)) != 0)
        return;
    alarm(60 + Milliseconds / 1000); /* it hangs */
    Entry = (uint32_t)RingEntrySize(Length);
    Packets = max(Batch, (Threads == 2 ? STREAM_BYTES : ROUND_BYTES) / Entry / Batch * Batch);
    LabShape(Batch, Length);
    for (ULONG I = 0; I < Batch; I++)
    {
        LabPackets[I][0] = 0x45;
        LabPackets[I][16] = 10;
    }
    Sent = Seen = Expected = Lost = Reordered = 0;
    atomic_store(&Came, 0);
    ULONG Count = Threads == 1 && !ToTheApp ? ToStackRounds(End)
                  : Threads == 1            ? Rounds(ToApp, End)
                                            : Rounds(ToTheApp ? ToAppTwo : ToStackTwo, End);
    Lost += Sent - Expected; /* at the end of the last round */
    double Mine = Median(Ours, Count);
    double Floor = Median(Floors, Count);
    printf("{\"name\": \"%s\", \"ours\": %.1f, \"native\": %.1f, \"unit\": \"ns\", \"ratio\": %.3f, \"lost\": %llu, "
           "\"reordered\": %llu}\n",
           Name, Mine, Floor, Floor / Mine, Lost, Reordered);
    fflush(stdout);
}

int main(int Count, char **Arguments)
{
    static const ULONG Sizes[] = {64, 576, 1420, 9000, 65535}, Batches[] = {1, 8, 64};
    ULONG Milliseconds = Count > 1 ? (ULONG)atoi(Arguments[1]) : 300;
    /* Shared, as a section is: pages of the same size. */
    FloorRing = mmap(NULL, LAB_CAPACITY + RING_ROOM + RING_ALIGNMENT, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FloorBuffers = aligned_alloc(4096, 4 * RECEIVE_BYTES);
    memset(FloorRing, 0, LAB_CAPACITY + RING_ROOM);
    memset(FloorBuffers, 0, 4 * RECEIVE_BYTES);
    LabOpen();
    for (ULONG Direction = 0; Direction < 2; Direction++)
    {
        for (ULONG Size = 0; Size < ARRAYSIZE(Sizes); Size++)
        {
            for (ULONG Each = 0; Each < ARRAYSIZE(Batches); Each++)
            {
                for (ULONG Threads = 1; Threads <= 2; Threads++)
                {
                    Length = Sizes[Size];
                    Batch = Batches[Each];
                    Row(Direction == 0, Threads, Milliseconds, Count > 2 ? Arguments[2] : "");
                }
            }
        }
    }
    return LabClose();
}
