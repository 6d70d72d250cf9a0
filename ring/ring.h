/* SPDX-License-Identifier: MIT */
/*
 * The ring: one direction of packets between driver and program, in memory that both map. Layout and operations stand
 * here once, for the driver, the library and every test. docs/protocol.md tells the same to someone who writes a third.
 *
 * Layout. A RING header of four cache lines, then Capacity bytes of data, then RING_ROOM bytes into which the last
 * packet before the end may run on, so that every packet is contiguous. Capacity is a power of two. Head and Tail
 * count bytes, run freely through 2^32 and are multiples of RING_ALIGNMENT; (index & (Capacity - 1)) is the offset in
 * the data. Empty is Head == Tail, full is Tail - Head == Capacity: the two differ without a spare byte.
 * A packet takes RingEntrySize(Length) bytes: a RING_PACKET header, then Length bytes of IP packet.
 *
 * Who writes what:
 *   Tail             producer only; the consumer reads it
 *   Head             consumer only; the producer reads it
 *   ConsumerWaiting  the consumer sets and clears it; the producer clears it, by exchange
 *   ProducerWaiting  the producer sets and clears it; the consumer clears it, by exchange
 *   Closed           the driver only: 0 while open, then for good a reason (session.h)
 *   packets          from reservation to publish the producer's, from there to release the consumer's
 * The other side is never believed: each keeps its own index (and the other's last one) in memory of its own, reads
 * each shared word once by an atomic load, and checks it before use. An index that goes back, runs ahead or is not
 * aligned, and a packet that reaches past what was published, are RING_CORRUPT.
 *
 * Order. Each label below names one publish, acquire or fence; the comment at its place in the code carries the label.
 *   [publish-tail]  packet bytes, then Tail (release)        pairs with [acquire-tail]
 *   [acquire-tail]  Tail (acquire), then packet bytes        a packet seen is a packet whole
 *   [publish-head]  last read of a packet, then Head (release)   pairs with [acquire-head]
 *   [acquire-head]  Head (acquire), then writing over it     a packet is not overwritten while it is read
 *   [fence-tail]    producer: store Tail | load ConsumerWaiting    pairs with [fence-sleep]
 *   [fence-sleep]   consumer: store ConsumerWaiting | load Tail    one of the two sees the other: no lost wake-up
 *   [fence-head]    consumer: store Head | load ProducerWaiting    pairs with [fence-stall]
 *   [fence-stall]   producer: store ProducerWaiting | load Head    the same for "space available"
 * A load may not pass an earlier store to another word on any of the machines that we run on unless a full fence stands
 * between them, x86 included: that is why these four are seq_cst fences and not acquire or release.
 *
 * Threads: one producer and one consumer at a time; whoever has several threads on one side locks around the calls.
 * Nothing here waits or allocates: any IRQL.
 */
#ifndef PLAINTUN_RING_H
#define PLAINTUN_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_CAPACITY_MIN 0x20000u   /* 128 KiB */
#define RING_CAPACITY_MAX 0x4000000u /* 64 MiB */
#define RING_ALIGNMENT    16u
#define RING_PACKET_MAX   65535u   /* bytes of an IP packet */
#define RING_ROOM         0x10000u /* from the last place an entry can begin, Capacity - 16, the largest one ends here */
#define RING_DATA_OFFSET  256u

/* In OffloadKind of a monitor's copies: from program to stack. No flag of virtio-net's. */
#define RING_FLAG_TO_STACK 0x80u

/* What stands before each packet. The 10 bytes right before it are a virtio-net header, all 0 unless the session was granted
 * offloads. Words, because a side that is not believed is read word by word, once. */
typedef struct _RING_PACKET
{
    _Atomic(uint32_t) Length;      /* bytes of the packet that follows */
    _Atomic(uint16_t) Mark;        /* the program's own note while the packet is in its hands; the driver ignores it */
    _Atomic(uint16_t) OffloadKind; /* flags:8 gso_type:8 */
    _Atomic(uint32_t) Offload[2];  /* hdr_len:16 gso_size:16, csum_start:16 csum_offset:16 */
} RING_PACKET;

typedef struct _RING
{
    _Alignas(64) _Atomic(uint32_t) Tail;
    _Alignas(64) _Atomic(uint32_t) Head;
    /* Seldom written, read after every publish: on lines of their own they stay in both sides' caches. */
    _Alignas(64) _Atomic(uint32_t) ConsumerWaiting;
    _Atomic(uint32_t) Closed;
    _Alignas(64) _Atomic(uint32_t) ProducerWaiting;
} RING;

_Static_assert(sizeof(RING_PACKET) == RING_ALIGNMENT, "a packet's header is one alignment unit");
_Static_assert(sizeof(RING) == RING_DATA_OFFSET, "the data begin right behind the header");
_Static_assert(RING_ROOM == ((sizeof(RING_PACKET) + RING_PACKET_MAX + RING_ALIGNMENT - 1) & ~(RING_ALIGNMENT - 1)) -
                                RING_ALIGNMENT,
               "the largest packet fits behind the end");

typedef enum _RING_STATUS
{
    RING_OK,
    RING_EMPTY,    /* consumer: nothing published that has not been taken */
    RING_FULL,     /* producer: no room for this packet until the consumer releases some */
    RING_TOO_LONG, /* consumer: a packet of more than RING_PACKET_MAX bytes, passed over; its bytes must not be touched */
    RING_CORRUPT, /* the other side wrote an impossible index or length; the ring must not be used any more */
} RING_STATUS;

/* One side's own memory of a ring. Taken (consumer) or reserved (producer) up to Next, told the other up to Own. */
typedef struct _RING_SIDE
{
    RING *Ring;
    uint32_t Capacity; /* bytes */
    uint32_t Own;      /* producer: the Tail it published; consumer: the Head it published */
    uint32_t Next;     /* producer: where the next packet is reserved; consumer: where the next one is taken */
    uint32_t Other;    /* the other side's index as last read and found possible */
} RING_SIDE;

/* Bytes of memory that a ring of Capacity bytes takes. */
static inline size_t RingMemorySize(uint32_t Capacity)
{
    return (size_t)RING_DATA_OFFSET + Capacity + RING_ROOM;
}

static inline bool RingCapacityValid(uint32_t Capacity)
{
    return Capacity >= RING_CAPACITY_MIN && Capacity <= RING_CAPACITY_MAX && (Capacity & (Capacity - 1)) == 0;
}

/* Bytes of the ring that a packet of Length bytes takes. 64 bits: Length may be any value that the other side wrote. */
static inline uint64_t RingEntrySize(uint32_t Length)
{
    return ((uint64_t)Length + sizeof(RING_PACKET) + RING_ALIGNMENT - 1) & ~(uint64_t)(RING_ALIGNMENT - 1);
}

static inline RING_PACKET *RingPacketAt(const RING_SIDE *Side, uint32_t Index)
{
    return (RING_PACKET *)((uint8_t *)Side->Ring + RING_DATA_OFFSET + (Index & (Side->Capacity - 1)));
}

static inline void *RingPacketData(RING_PACKET *Packet)
{
    return Packet + 1;
}

/* Attaches one side to a ring that is empty and has not moved yet (its memory is zeroed before both sides attach). */
static inline void RingAttach(RING_SIDE *Side, RING *Ring, uint32_t Capacity)
{
    *Side = (RING_SIDE){.Ring = Ring, .Capacity = Capacity};
}

static inline uint32_t RingClosed(const RING *Ring)
{
    return atomic_load_explicit(&((RING *)Ring)->Closed, memory_order_acquire);
}

/* Driver: closes the ring for good. The caller then signals the program's events, whatever the waiting flags say. */
static inline void RingClose(RING *Ring, uint32_t Reason)
{
    atomic_store_explicit(&Ring->Closed, Reason, memory_order_release);
}

/* Tells whether a side is asleep on Waiting and, if so, takes over the duty to wake it. A load first: it is nearly
 * always 0, and an exchange on every publish would take the line from the other side. */
static inline bool RingTakeWaiting(_Atomic(uint32_t) *Waiting)
{
    return atomic_load_explicit(Waiting, memory_order_relaxed) != 0 &&
           atomic_exchange_explicit(Waiting, 0, memory_order_relaxed) != 0;
}

/* --- producer ---------------------------------------------------------------------------------------------------- */

/* Reads the consumer's Head: it may only go forward, and not past what was published. */
static inline bool RingReadHead(RING_SIDE *Producer)
{
    /* [acquire-head] the consumer's last reads of a packet come before our writes over it */
    uint32_t Head = atomic_load_explicit(&Producer->Ring->Head, memory_order_acquire);
    if (Head % RING_ALIGNMENT != 0 || Head - Producer->Other > Producer->Own - Producer->Other)
        return false;
    Producer->Other = Head;
    return true;
}

static inline bool RingHasRoom(const RING_SIDE *Producer, uint32_t Length)
{
    return RingEntrySize(Length) <= Producer->Capacity - (Producer->Next - Producer->Other);
}

/*
 * Reserves room for a packet of Length bytes, at most RING_PACKET_MAX, and fills its header. Several packets may be
 * reserved before one publish. The caller writes Length bytes at RingPacketData(*Packet).
 * Returns RING_OK, RING_FULL or RING_CORRUPT.
 */
static inline RING_STATUS RingReserve(RING_SIDE *Producer, uint32_t Length, RING_PACKET **Packet)
{
    if (!RingHasRoom(Producer, Length))
    {
        if (!RingReadHead(Producer))
            return RING_CORRUPT;
        if (!RingHasRoom(Producer, Length))
            return RING_FULL;
    }
    *Packet = RingPacketAt(Producer, Producer->Next);
    atomic_store_explicit(&(*Packet)->Length, Length, memory_order_relaxed);
    atomic_store_explicit(&(*Packet)->Mark, 0, memory_order_relaxed);
    atomic_store_explicit(&(*Packet)->OffloadKind, 0, memory_order_relaxed);
    atomic_store_explicit(&(*Packet)->Offload[0], 0, memory_order_relaxed);
    atomic_store_explicit(&(*Packet)->Offload[1], 0, memory_order_relaxed);
    Producer->Next += (uint32_t)RingEntrySize(Length);
    return RING_OK;
}

/*
 * Publishes the packets before Index, which lies between what was published and what is reserved. Returns true when the
 * consumer sleeps and the caller must now signal its event.
 */
static inline bool RingPublish(RING_SIDE *Producer, uint32_t Index)
{
    if (Index == Producer->Own)
        return false;
    Producer->Own = Index;
    /* [publish-tail] the packets' bytes come before the index that shows them */
    atomic_store_explicit(&Producer->Ring->Tail, Index, memory_order_release);
    /* [fence-tail] Tail is out before we look whether the consumer went to sleep over the old one */
    atomic_thread_fence(memory_order_seq_cst);
    return RingTakeWaiting(&Producer->Ring->ConsumerWaiting);
}

/*
 * Producer, after RING_FULL: announces that it will wait for room for Length bytes. RING_FULL: wait on the space event;
 * RING_OK: there is room by now, do not wait; RING_CORRUPT.
 */
static inline RING_STATUS RingStall(RING_SIDE *Producer, uint32_t Length)
{
    atomic_store_explicit(&Producer->Ring->ProducerWaiting, 1, memory_order_relaxed);
    /* [fence-stall] the flag is out before we look a last time: a release after that look sees the flag */
    atomic_thread_fence(memory_order_seq_cst);
    if (!RingReadHead(Producer))
        return RING_CORRUPT;
    if (!RingHasRoom(Producer, Length))
        return RING_FULL;
    atomic_store_explicit(&Producer->Ring->ProducerWaiting, 0, memory_order_relaxed);
    return RING_OK;
}

/* --- consumer ---------------------------------------------------------------------------------------------------- */

/* Reads the producer's Tail: it may only go forward, and not past what fits. */
static inline bool RingReadTail(RING_SIDE *Consumer)
{
    /* [acquire-tail] the index comes before the packets' bytes that it shows */
    uint32_t Tail = atomic_load_explicit(&Consumer->Ring->Tail, memory_order_acquire);
    if (Tail % RING_ALIGNMENT != 0 || Tail - Consumer->Other > Consumer->Capacity - (Consumer->Other - Consumer->Own))
        return false;
    Consumer->Other = Tail;
    return true;
}

/*
 * Takes the next packet. It stays in the ring until RingRelease passes it. *Length is the length as read once: use it,
 * never the one in the packet. Returns RING_OK, RING_EMPTY, RING_TOO_LONG or RING_CORRUPT.
 */
static inline RING_STATUS RingTake(RING_SIDE *Consumer, RING_PACKET **Packet, uint32_t *Length)
{
    if (Consumer->Next == Consumer->Other)
    {
        if (!RingReadTail(Consumer))
            return RING_CORRUPT;
        if (Consumer->Next == Consumer->Other)
            return RING_EMPTY;
    }
    *Packet = RingPacketAt(Consumer, Consumer->Next);
    *Length = atomic_load_explicit(&(*Packet)->Length, memory_order_relaxed);
    uint64_t Size = RingEntrySize(*Length);
    if (Size > Consumer->Other - Consumer->Next)
        return RING_CORRUPT;
    Consumer->Next += (uint32_t)Size;
    return *Length <= RING_PACKET_MAX ? RING_OK : RING_TOO_LONG;
}

/*
 * Gives the room of the packets before Index, which lies between what was released and what was taken, back to the
 * producer. Returns true when the producer waits for room and the caller must now signal its event.
 */
static inline bool RingRelease(RING_SIDE *Consumer, uint32_t Index)
{
    if (Index == Consumer->Own)
        return false;
    Consumer->Own = Index;
    /* [publish-head] our reads of the packets come before the index that gives them away */
    atomic_store_explicit(&Consumer->Ring->Head, Index, memory_order_release);
    /* [fence-head] Head is out before we look whether the producer waits for it */
    atomic_thread_fence(memory_order_seq_cst);
    return RingTakeWaiting(&Consumer->Ring->ProducerWaiting);
}

/*
 * Consumer, after RING_EMPTY: announces that it will sleep. RING_EMPTY: wait on the packets event; RING_OK: something
 * came, do not wait; RING_CORRUPT.
 */
static inline RING_STATUS RingSleep(RING_SIDE *Consumer)
{
    atomic_store_explicit(&Consumer->Ring->ConsumerWaiting, 1, memory_order_relaxed);
    /* [fence-sleep] the flag is out before we look a last time: a publish after that look sees the flag */
    atomic_thread_fence(memory_order_seq_cst);
    if (!RingReadTail(Consumer))
        return RING_CORRUPT;
    if (Consumer->Next == Consumer->Other)
        return RING_EMPTY;
    atomic_store_explicit(&Consumer->Ring->ConsumerWaiting, 0, memory_order_relaxed);
    return RING_OK;
}

/* Consumer, when it looks again without having slept (it was woken by something else, or it polls): calls RingSleep off,
 * so that the producer does not signal an event that nobody waits on. */
static inline void RingAwake(RING_SIDE *Consumer)
{
    atomic_store_explicit(&Consumer->Ring->ConsumerWaiting, 0, memory_order_relaxed);
}

#endif
