/* SPDX-License-Identifier: MIT */
/*
 * The ring of ring.h as a model for Spin, which tries every order in which producer, consumer, memory and a closing
 * driver can act. `make model` verifies each configuration and then shows that each mutation is found.
 *
 * What is modelled: the operations of ring.h, in steps of at most one access to shared memory, and what driver and
 * library do around them.
 *   TO_APP    The driver produces: it drops what finds no room and never waits. The program consumes: it holds
 *             several packets, writes into them, gives them back bit by bit, and sleeps on a manual-reset event.
 *             With SELF_RESET the event is auto-reset, as a program written to Wintun has it.
 *             SELF_RESET: on an auto-reset event, as a program written to Wintun.
 *   TO_STACK  The program produces: it publishes a part of what it has reserved and waits for room on a manual-reset
 *             event. The driver consumes in batches and sleeps on an auto-reset event, and may pause for good.
 *   CLOSING   Another processor closes the ring at some time: RingClose, then the signal, whatever the flags say.
 * The program's side arms as library/packets.c does: reset the event, set the flag, fence, look again; set the event
 * again if there is something or the ring is closed. Whether it then waits is left open, and so is whether it arms at
 * all, which is more than the library makes use of; the event is set at first. Signals to the packets event are given
 * outside the producer's lock: up to two are under way while the ring moves on, and arrive at any time.
 * With SELF_RESET nobody resets the event but the end of a wait. The program may wait after any call that receives, also
 * after one that found something: each arms unless it finds the flag set. Where a call leaves packets behind that it knows
 * of, it sets the flag and a fence, and does not look; that is tried at any time.
 *
 * What is abstracted, and why nothing is lost by it:
 *   - A packet is one unit long and has one word: its index. Each word of a packet is written between reservation and
 *     publish and read between take and release, so what holds for one word holds for each, and a reader that finds
 *     another value than the index has read a packet that is torn, overwritten or misplaced. Lengths, and the checks
 *     against a hostile side, concern one side alone: unit tests and fuzzers see to them.
 *   - An index counts modulo INDEXES, a multiple of CAPACITY and at least twice as much, as 2^32 is of the real one.
 *     The loops have no end, so that any number of wraps is covered.
 *   - Taking is local: the consumer takes all that it has seen (ring.h's Next is Other). A packet is read at one
 *     moment between take and release; which one is left open, so it is also the one at which a fault would show.
 *   - A side's threads lock around the calls: a side is one process.
 *   - A producer, and the consumer of TO_STACK, may stop for good between two operations: a wake-up that only a later
 *     packet would make up for counts as lost.
 *
 * Memory. A store goes into the storing processor's buffer and from there into memory at some later time; its own
 * loads see it at once. An exchange acts on memory. A full fence waits until the buffer is empty.
 *   TSO (x86)  The buffer is a queue. A load reads memory when it is executed. An exchange waits for an empty buffer.
 *   WEAK (C11's orders, for ARM)  Stores to different words leave the buffer in any order, but a release store only
 *     after all that were before it. Loads may be executed early: each processor has a view of each word that it
 *     loads, which is brought up to date at any time, one word at a time; a load reads the view. What an acquire load
 *     means is that later loads are not earlier: bringing its word up to date brings all words up to date. A full
 *     fence does so too. An exchange orders nothing but itself. A release store waits for the loads before it, an
 *     acquire load holds up the stores after it; where a mutation takes that away, both orders are tried. A load of a
 *     waiting flag may in truth also be late, up to the next fence or release; that is a processor that looks late,
 *     which is tried. All this is weaker than ARMv8, which is multi-copy atomic as well, but keeps dependencies
 *     besides: here a branch or an address that depends on a load orders nothing, because in C it does not. So
 *     [acquire-head], which ARM's processors would forgive because a branch stands between it and the stores, counts
 *     as C counts it.
 * Events are the kernel's. A signal comes after all earlier stores, the end of a wait before all later loads (so
 * Microsoft documents it); a reset is taken to order nothing. Closed is taken to be loaded and stored relaxed, less
 * than ring.h asks for: what matters is that the signal comes after it.
 *
 * What is asserted: each packet read is whole and the right one (no torn publish, order kept); no slot is written
 * before it was released (no overrun); when nothing moves any more, no consumer sleeps over a published packet, no
 * producer over room, no program over a closed ring (no lost wake-up). That nothing else ever gets stuck is Spin's
 * own check.
 *
 * Labels in brackets are those of ring.h, each at its place. MUTATE_<LABEL> takes that label's order away; the other
 * mutations are named in ring/model/run. MUTATION stands beside each of them.
 */
#ifndef CAPACITY
#define CAPACITY 3 /* packets */
#endif
#ifndef INDEXES
#define INDEXES (2 * CAPACITY)
#endif
#define BUFFER 4 /* stores under way; without a mutation never too few, which is asserted */

/* Words in shared memory. */
#define NONE             0
#define TAIL             1
#define HEAD             2
#define CONSUMER_WAITING 3
#define PRODUCER_WAITING 4
#define CLOSED           5
#define SLOT             6
#define WORDS            (SLOT + CAPACITY)

#define Add(Index, Count)  (((Index) + (Count)) % INDEXES)
#define Distance(From, To) (((To) + INDEXES - (From)) % INDEXES)
#define SlotOf(Index)      (SLOT + (Index) % CAPACITY)
#define Packet(Index)      ((Index) + 1) /* the packet written at Index; 0 is none */
#define SCRIBBLE           (INDEXES + 1)

#define PRODUCER 0
#define CONSUMER 1

typedef PROCESSOR
{
    byte Count;       /* stores in the buffer, the oldest first */
    byte Word[BUFFER];
    byte Value[BUFFER];
#ifdef WEAK
    byte View[WORDS]; /* of the words that this processor loads */
#endif
}

/* RING_SIDE of ring.h. */
typedef SIDE
{
    byte Own;
    byte Next;
    byte Other; /* the producer's; the consumer's is its Next */
    bit Asleep; /* waits for its event */
}

byte Mem[WORDS];
PROCESSOR Cpu[2];
SIDE Producer, Consumer;
#ifdef TO_STACK
bit PacketsEvent;
bit SpaceEvent = 1; /* the program's event is set when the program first gets it */
#else
bit PacketsEvent = 1;
#endif
byte Signals; /* to PacketsEvent: decided on, not yet given */
byte k;       /* 0 between uses */

#if defined(MUTATE_ACQUIRE_HEAD) && defined(WEAK)
/* The producer has written a packet ahead of its look at Head. Only if that look finds room has all this happened, and
 * is a fault a fault. */
bit Ahead, Wrong;
#define Must(Condition) Wrong = Wrong || !(Condition); assert(!Wrong || Ahead)
#define VOID            Ahead /* such a path is none */
#else
#define Must(Condition) assert(Condition)
#define VOID            false
#endif

/* --- memory ------------------------------------------------------------------------------------------------------- */

#ifdef MUTATE_PUBLISH_TAIL
#define TAIL_IS_RELEASE false
#else
#define TAIL_IS_RELEASE true
#endif
#ifdef MUTATE_PUBLISH_HEAD
#define HEAD_IS_RELEASE false
#else
#define HEAD_IS_RELEASE true
#endif
#define IsRelease(W) ((TAIL_IS_RELEASE && (W) == TAIL) || (HEAD_IS_RELEASE && (W) == HEAD))

#ifdef MUTATE_ACQUIRE_TAIL
#define TAIL_IS_ACQUIRE false
#else
#define TAIL_IS_ACQUIRE true
#endif
#ifdef MUTATE_ACQUIRE_HEAD
#define HEAD_IS_ACQUIRE false
#else
#define HEAD_IS_ACQUIRE true
#endif

#ifdef TO_STACK
#define ProducerLoads(W) ((W) == HEAD || (W) == CONSUMER_WAITING || (W) == CLOSED)
#define ConsumerLoads(W) ((W) == TAIL || (W) == PRODUCER_WAITING || (W) >= SLOT)
#else
#define ProducerLoads(W) ((W) == HEAD || (W) == CONSUMER_WAITING)
#ifdef SELF_RESET
#define ConsumerLoads(W) ((W) == TAIL || (W) == CONSUMER_WAITING || (W) == CLOSED || (W) >= SLOT)
#else
#define ConsumerLoads(W) ((W) == TAIL || (W) == CLOSED || (W) >= SLOT)
#endif
#endif
#define Loads(P, W)      ((P == PRODUCER && ProducerLoads(W)) || (P == CONSUMER && ConsumerLoads(W)))

#ifdef WEAK
#define Seen(P, W) Cpu[P].View[W]
#else
#define Seen(P, W) Mem[W]
#endif
#define Load(P, W)                                                                                                     \
    (Cpu[P].Word[3] == (W) -> Cpu[P].Value[3] : (Cpu[P].Word[2] == (W) -> Cpu[P].Value[2] :                            \
    (Cpu[P].Word[1] == (W) -> Cpu[P].Value[1] : (Cpu[P].Word[0] == (W) -> Cpu[P].Value[0] : Seen(P, W)))))

inline Store(P, W, V)
{
    d_step {
#ifdef MUTATION
        Cpu[P].Count < BUFFER ->
#endif
        assert(Cpu[P].Count < BUFFER);
        printf("side %d stores word %d %d\n", P, W, V);
        Cpu[P].Word[Cpu[P].Count] = W;
        Cpu[P].Value[Cpu[P].Count] = V;
        Cpu[P].Count++
    }
}

inline UpdateViews(P)
{
#ifdef WEAK
    for (k : TAIL .. WORDS - 1) {
        if
        :: Loads(P, k) -> Cpu[P].View[k] = Mem[k]
        :: else
        fi
    }
#endif
    k = 0
}

inline Fence(P)
{
    d_step { Cpu[P].Count == 0 -> UpdateViews(P); printf("side %d fence\n", P) }
}

/* A store goes from the buffer into memory. */
inline Leave(P, I)
{
    if
    :: P == PRODUCER && Cpu[P].Word[I] >= SLOT ->
        /* No overrun: the packet that was here before has been released. */
        Must(Distance(Consumer.Own, Cpu[P].Value[I] - 1) < CAPACITY)
    :: else
    fi;
    printf("\t\t\tmemory: side %d word %d %d\n", P, Cpu[P].Word[I], Cpu[P].Value[I]);
    Mem[Cpu[P].Word[I]] = Cpu[P].Value[I];
#ifdef WEAK
    if
    :: Loads(P, Cpu[P].Word[I]) -> Cpu[P].View[Cpu[P].Word[I]] = Cpu[P].Value[I]
    :: else
    fi;
#endif
    for (k : I .. BUFFER - 2) {
        Cpu[P].Word[k] = Cpu[P].Word[k + 1];
        Cpu[P].Value[k] = Cpu[P].Value[k + 1]
    }
    Cpu[P].Word[BUFFER - 1] = NONE;
    Cpu[P].Value[BUFFER - 1] = 0;
    Cpu[P].Count--;
    k = 0
}

/* A store that is not the oldest may go now. */
#define MayPass(P, I)                                                                                                  \
    (Cpu[P].Count > I && !IsRelease(Cpu[P].Word[I]) && Cpu[P].Word[I] != Cpu[P].Word[0] &&                             \
     (I < 2 || Cpu[P].Word[I] != Cpu[P].Word[1]) && (I < 3 || Cpu[P].Word[I] != Cpu[P].Word[2]))
#define IsOld(P, W) (Cpu[P].View[W] != Mem[W])

active proctype Memory()
{
end:
    do
    :: d_step { Cpu[PRODUCER].Count > 0 -> Leave(PRODUCER, 0) }
    :: d_step { Cpu[CONSUMER].Count > 0 -> Leave(CONSUMER, 0) }
    :: d_step { Signals > 0 -> Signals--; PacketsEvent = 1; printf("\t\t\tpackets event set\n") }
#ifdef WEAK
    :: d_step { MayPass(PRODUCER, 1) -> Leave(PRODUCER, 1) }
    :: d_step { MayPass(PRODUCER, 2) -> Leave(PRODUCER, 2) }
    :: d_step { MayPass(PRODUCER, 3) -> Leave(PRODUCER, 3) }
    :: d_step { MayPass(CONSUMER, 1) -> Leave(CONSUMER, 1) }
#ifdef TO_APP
    :: d_step { MayPass(CONSUMER, 2) -> Leave(CONSUMER, 2) }
    :: d_step { MayPass(CONSUMER, 3) -> Leave(CONSUMER, 3) }
#endif
    /* A load that comes later in the program is executed now. */
    :: d_step { IsOld(PRODUCER, HEAD) && HEAD_IS_ACQUIRE -> UpdateViews(PRODUCER) }
    :: d_step { IsOld(CONSUMER, TAIL) && TAIL_IS_ACQUIRE -> UpdateViews(CONSUMER) }
#ifdef MUTATE_ACQUIRE_HEAD
    :: d_step { IsOld(PRODUCER, HEAD) -> Cpu[PRODUCER].View[HEAD] = Mem[HEAD] }
#endif
#ifdef MUTATE_ACQUIRE_TAIL
    :: d_step { IsOld(CONSUMER, TAIL) -> Cpu[CONSUMER].View[TAIL] = Mem[TAIL] }
#endif
    :: d_step { IsOld(PRODUCER, CONSUMER_WAITING) -> Cpu[PRODUCER].View[CONSUMER_WAITING] = Mem[CONSUMER_WAITING] }
#ifdef TO_STACK
    :: d_step { IsOld(CONSUMER, PRODUCER_WAITING) -> Cpu[CONSUMER].View[PRODUCER_WAITING] = Mem[PRODUCER_WAITING] }
#endif
#ifdef SELF_RESET
    :: d_step { IsOld(CONSUMER, CONSUMER_WAITING) -> Cpu[CONSUMER].View[CONSUMER_WAITING] = Mem[CONSUMER_WAITING] }
#endif
#if defined(CLOSING) && defined(TO_STACK)
    :: d_step { IsOld(PRODUCER, CLOSED) -> Cpu[PRODUCER].View[CLOSED] = Mem[CLOSED] }
#elif defined(CLOSING)
    :: d_step { IsOld(CONSUMER, CLOSED) -> Cpu[CONSUMER].View[CLOSED] = Mem[CLOSED] }
#endif
    :: d_step { IsOld(CONSUMER, SLOT) -> Cpu[CONSUMER].View[SLOT] = Mem[SLOT] }
    :: d_step { IsOld(CONSUMER, SLOT + 1) -> Cpu[CONSUMER].View[SLOT + 1] = Mem[SLOT + 1] }
#if CAPACITY > 2
    :: d_step { IsOld(CONSUMER, SLOT + 2) -> Cpu[CONSUMER].View[SLOT + 2] = Mem[SLOT + 2] }
#endif
#endif
    od
}

/* --- shared by both sides ----------------------------------------------------------------------------------------- */

/* A relaxed exchange waits for its own word's stores only; x86's is locked and waits for them all. */
#ifdef WEAK
#define MayExchange(P, W)                                                                                              \
    (Cpu[P].Word[0] != W && Cpu[P].Word[1] != W && Cpu[P].Word[2] != W && Cpu[P].Word[3] != W)
#else
#define MayExchange(P, W) (Cpu[P].Count == 0)
#endif

/* RingTakeWaiting once its load has found the flag set. */
inline TakeWaiting(P, W)
{
    d_step {
        MayExchange(P, W) ->
        printf("side %d exchanges word %d %d\n", P, W, Mem[W]);
        Wake = Mem[W];
        Mem[W] = 0;
#ifdef WEAK
        Cpu[P].View[W] = 0
#endif
    }
}

/* SetEvent, KeSetEvent: all that was stored before is in memory. */
inline Signal(P, Event)
{
    d_step { Cpu[P].Count == 0 -> Event = 1; printf("side %d signals\n", P) }
}

/* Having armed its event a side need not wait. */
inline SleepOrNot(Side)
{
    if
    :: true -> goto again
    :: true -> Side.Asleep = 1; printf("the program sleeps\n"); goto end_asleep
    fi
}

/* --- producer ----------------------------------------------------------------------------------------------------- */

#ifdef MUTATE_ROOM
#define HasRoom() (Distance(Producer.Other, Producer.Next) <= CAPACITY)
#else
#define HasRoom() (Distance(Producer.Other, Producer.Next) < CAPACITY)
#endif

/* RingReserve's and its caller's stores into the packet. */
inline Write()
{
#ifndef MUTATE_ORDER_TAIL
    Store(PRODUCER, SlotOf(Producer.Next), Packet(Producer.Next));
#endif
    Producer.Next = Add(Producer.Next, 1)
}

inline StoreTail()
{
    Store(PRODUCER, TAIL, Index); /* [publish-tail] */
#ifdef MUTATE_ORDER_TAIL
    Store(PRODUCER, SlotOf(Producer.Own), Packet(Producer.Own));
#endif
    Producer.Own = Index;
    Index = 0
}

/* RingPublish up to Index, which is chosen in one step with the store. */
inline RingPublish()
{
#ifdef MUTATE_ORDER_TAIL_LOOK
    if
    :: Load(PRODUCER, CONSUMER_WAITING) == 0
    :: Load(PRODUCER, CONSUMER_WAITING) != 0 -> TakeWaiting(PRODUCER, CONSUMER_WAITING)
    fi;
#endif
    atomic {
        Index = Add(Producer.Own, 1);
#if defined(MUTATE_ORDER_TAIL)
        skip;
#elif defined(TO_APP)
        Index = Producer.Next;
#else
        do
        :: Index != Producer.Next -> Index = Add(Index, 1)
        :: true -> break
        od;
#endif
        StoreTail()
    }
#ifndef MUTATE_FENCE_TAIL
    Fence(PRODUCER); /* [fence-tail] */
#endif
    if
#ifdef MUTATE_ORDER_TAIL_LOOK
    :: !Wake
    :: Wake ->
#else
    :: Load(PRODUCER, CONSUMER_WAITING) == 0
    :: Load(PRODUCER, CONSUMER_WAITING) != 0 ->
#ifdef MUTATE_ORDER_SIGNAL
        d_step { Cpu[PRODUCER].Count == 0 && Signals < 2 -> Signals++ }
#endif
        TakeWaiting(PRODUCER, CONSUMER_WAITING);
#ifdef MUTATE_ORDER_SIGNAL
        Wake = 0;
#endif
#endif
        /* The lock is left now, and the thread that signals may be late: Memory does it. */
        if
        :: Wake -> d_step { Cpu[PRODUCER].Count == 0 && Signals < 2 -> Signals++; Wake = 0 }
        :: else
        fi
    fi
}

/* RingReadHead */
#define HEAD_LOADED                                                                                                    \
    Producer.Other = Load(PRODUCER, HEAD); /* [acquire-head] */                                                        \
    printf("side 0 loads word %d %d\n", HEAD, Producer.Other)

active proctype ProducerSide()
{
    byte Index;
    bit Wake;
again:
    do
    :: atomic { HasRoom() -> Write() }
    :: Producer.Own != Producer.Next -> RingPublish()
#if defined(MUTATE_ACQUIRE_HEAD) && defined(WEAK)
    :: atomic { !HasRoom() -> Ahead = 1; Write() };
        if
        :: d_step { Distance(Load(PRODUCER, HEAD), Producer.Next) <= CAPACITY -> HEAD_LOADED; Ahead = 0; Must(true) }
        :: Distance(Load(PRODUCER, HEAD), Producer.Next) > CAPACITY -> break
        fi
#endif
#ifdef TO_APP
    :: atomic { !HasRoom() && Producer.Other != Load(PRODUCER, HEAD) -> HEAD_LOADED }
#else
    :: !HasRoom() ->
#ifdef CLOSING
        if
        :: Load(PRODUCER, CLOSED) == 0
        :: Load(PRODUCER, CLOSED) != 0 -> break
        fi;
#endif
        atomic {
            HEAD_LOADED;
            if
            :: HasRoom() -> goto again
            :: else
            fi
        }
        /* ArmSend of library/packets.c around RingStall */
        if
        :: atomic { true -> SleepOrNot(Producer) } /* armed or signalled since last time */
        :: atomic { true ->
#ifndef MUTATE_ORDER_RESET_SPACE
            SpaceEvent = 0;
#endif
            Store(PRODUCER, PRODUCER_WAITING, 1)
        }
        fi;
#ifndef MUTATE_FENCE_STALL
        Fence(PRODUCER); /* [fence-stall] */
#endif
        atomic {
#ifndef MUTATE_ORDER_STALL
            HEAD_LOADED;
#endif
            if
            :: HasRoom() -> Store(PRODUCER, PRODUCER_WAITING, 0)
            :: else
#if !defined(CLOSING) && !defined(MUTATE_ORDER_RESET_SPACE)
                -> SleepOrNot(Producer)
#endif
            fi
        }
#ifdef MUTATE_ORDER_RESET_SPACE
        SpaceEvent = 0;
#endif
        if
        :: HasRoom() -> Signal(PRODUCER, SpaceEvent)
#ifdef CLOSING
        :: !HasRoom() && Load(PRODUCER, CLOSED) != 0 ->
#ifndef MUTATE_SET_AGAIN
            Signal(PRODUCER, SpaceEvent);
#endif
            atomic { true -> SleepOrNot(Producer) }
        :: atomic { !HasRoom() && Load(PRODUCER, CLOSED) == 0 -> SleepOrNot(Producer) }
#elif defined(MUTATE_ORDER_RESET_SPACE)
        :: atomic { !HasRoom() -> SleepOrNot(Producer) }
#endif
        fi
#endif
    :: break
    od;
    goto stopped;
#ifdef TO_STACK
end_asleep:
    atomic { SpaceEvent -> d_step { Producer.Asleep = 0; UpdateViews(PRODUCER) } }
    goto again;
#endif
stopped:
    skip
}

/* --- consumer ----------------------------------------------------------------------------------------------------- */

/* RingReadTail, and taking what it shows. */
#define TAIL_LOADED                                                                                                    \
    Consumer.Next = Load(CONSUMER, TAIL); /* [acquire-tail] */                                                         \
    printf("side 1 loads word %d %d\n", TAIL, Consumer.Next)

#define IsRight(Count)                                                                                                 \
    (Distance(First, Index) <= Count ||                                                                                \
     Load(CONSUMER, SlotOf(Add(First, Count))) == Packet(Add(First, Count)))

/* Chooses which packets are given back: from First to Index. */
inline Choose()
{
    First = Consumer.Own;
    Index = Add(First, 1);
    do
    :: Index != Consumer.Next -> Index = Add(Index, 1)
    :: true -> break
    od
}

/* Each of them is whole and the right one. */
inline Read()
{
    d_step {
        printf("side 1 reads packets %d to %d\n", First, Index);
        Must(IsRight(0) && IsRight(1) && IsRight(2))
    }
}

/* The program may write into its packets before it gives them back; the driver does not. */
inline Scribble()
{
    Written = First;
    do
    :: atomic { Written != Index -> Store(CONSUMER, SlotOf(Written), SCRIBBLE); Written = Add(Written, 1) }
    :: Written == Index -> Written = 0; break
    od
}

inline StoreHead()
{
    Store(CONSUMER, HEAD, Index); /* [publish-head] */
    Consumer.Own = Index
}

inline RingRelease()
{
#ifdef MUTATE_ORDER_HEAD_LOOK
    if
    :: Load(CONSUMER, PRODUCER_WAITING) == 0
    :: Load(CONSUMER, PRODUCER_WAITING) != 0 -> TakeWaiting(CONSUMER, PRODUCER_WAITING)
    fi;
#endif
#ifdef MUTATE_ORDER_HEAD
    atomic { Choose(); StoreHead() }
    Read();
#else
    if
    :: atomic { true -> Choose(); Read() };
#ifdef TO_APP
        if
        :: atomic { true -> StoreHead() }
        :: Scribble(); atomic { true -> StoreHead() }
        fi
#else
        atomic { true -> StoreHead() }
#endif
#if defined(MUTATE_PUBLISH_HEAD) && defined(WEAK)
    :: atomic { true -> Choose(); StoreHead() }; Read()
#endif
    fi;
#endif
    d_step { First = 0; Index = 0 }
#ifndef MUTATE_FENCE_HEAD
    Fence(CONSUMER); /* [fence-head] */
#endif
#ifdef TO_STACK /* in TO_APP nobody waits for room */
    if
#ifdef MUTATE_ORDER_HEAD_LOOK
    :: !Wake
    :: Wake ->
#else
    :: Load(CONSUMER, PRODUCER_WAITING) == 0
    :: Load(CONSUMER, PRODUCER_WAITING) != 0 ->
        TakeWaiting(CONSUMER, PRODUCER_WAITING);
#endif
        if
        :: Wake -> d_step { Cpu[CONSUMER].Count == 0 -> SpaceEvent = 1; Wake = 0; printf("side 1 signals\n") }
        :: else
        fi
    fi
#endif
}

/* RingSleep between the flag and the last look. */
inline FenceSleep()
{
#ifdef MUTATE_FENCE_SLEEP
    skip
#else
    Fence(CONSUMER) /* [fence-sleep] */
#endif
}

/* RingSleep's last look. */
#ifdef MUTATE_ORDER_SLEEP
#define CAME false
#else
#define CAME (Consumer.Next != Load(CONSUMER, TAIL))
#endif

#ifdef SELF_RESET
#ifdef MUTATE_SELF_LINGER
#define ARMED true
#else
#define ARMED (Load(CONSUMER, CONSUMER_WAITING) != 0)
#endif
/* ArmReceive of library/packets.c, and RingSleep in it. What came need not be taken before the wait. */
inline ArmSelfReset()
{
    if
    :: atomic { ARMED -> SleepOrNot(Consumer) }
    :: atomic { Load(CONSUMER, CONSUMER_WAITING) == 0 -> Store(CONSUMER, CONSUMER_WAITING, 1) }
    fi;
    FenceSleep();
    if
    :: atomic { CAME -> Store(CONSUMER, CONSUMER_WAITING, 0) };
#ifndef MUTATE_SELF_SET_AGAIN
        Signal(CONSUMER, PacketsEvent);
#endif
        atomic { true -> SleepOrNot(Consumer) }
#ifdef CLOSING
    :: !CAME ->
        if
        :: Load(CONSUMER, CLOSED) != 0 -> Signal(CONSUMER, PacketsEvent); atomic { true -> SleepOrNot(Consumer) }
        :: atomic { Load(CONSUMER, CLOSED) == 0 -> SleepOrNot(Consumer) }
        fi
#else
    :: atomic { !CAME -> SleepOrNot(Consumer) }
#endif
    fi
}
#endif

active proctype ConsumerSide()
{
    byte First, Index;
#ifdef TO_APP
    byte Written;
#else
    bit Wake;
#endif
again:
    do
    :: Consumer.Own != Consumer.Next -> RingRelease()
#ifdef SELF_RESET
    :: atomic { Consumer.Next != Load(CONSUMER, TAIL) -> TAIL_LOADED };
#ifdef MUTATE_SELF_TAKE
        SleepOrNot(Consumer)
#else /* KeepArmed, the last one taken */
#ifdef CLOSING
        if
        :: Load(CONSUMER, CLOSED) == 0
        :: Load(CONSUMER, CLOSED) != 0 ->
#ifndef MUTATE_SELF_TAKE_CLOSE
            Signal(CONSUMER, PacketsEvent);
#endif
            atomic { true -> SleepOrNot(Consumer) }
        fi;
#endif
        ArmSelfReset()
#endif
    :: atomic { Load(CONSUMER, CONSUMER_WAITING) == 0 -> Store(CONSUMER, CONSUMER_WAITING, 1) }; /* others left */
#ifndef MUTATE_SELF_FENCE
        Fence(CONSUMER)
#else
        skip
#endif
    :: Consumer.Next == Load(CONSUMER, TAIL) ->
#ifdef CLOSING
        if
        :: Load(CONSUMER, CLOSED) == 0
        :: Load(CONSUMER, CLOSED) != 0 -> goto stopped
        fi;
#endif
        ArmSelfReset()
#else
    :: atomic { Consumer.Next != Load(CONSUMER, TAIL) -> TAIL_LOADED }
#endif
#if defined(TO_APP) && !defined(SELF_RESET)
    :: Consumer.Next == Load(CONSUMER, TAIL) ->
#ifdef CLOSING
        if
        :: Load(CONSUMER, CLOSED) == 0
        :: Load(CONSUMER, CLOSED) != 0 -> goto stopped
        fi;
#endif
        /* ArmReceive of library/packets.c around RingSleep */
        if
        :: atomic { true -> SleepOrNot(Consumer) } /* armed or signalled since last time */
        :: atomic { true ->
#ifndef MUTATE_ORDER_RESET_PACKETS
            PacketsEvent = 0;
#endif
            Store(CONSUMER, CONSUMER_WAITING, 1)
        }
        fi;
        FenceSleep();
        if
        :: atomic { CAME -> TAIL_LOADED; Store(CONSUMER, CONSUMER_WAITING, 0) };
            Signal(CONSUMER, PacketsEvent)
#if defined(CLOSING) || defined(MUTATE_ORDER_RESET_PACKETS)
        :: !CAME ->
#ifdef MUTATE_ORDER_RESET_PACKETS
            PacketsEvent = 0;
#endif
            if
#ifdef CLOSING
            :: Load(CONSUMER, CLOSED) != 0 ->
#ifndef MUTATE_SET_AGAIN
                Signal(CONSUMER, PacketsEvent);
#endif
                atomic { true -> SleepOrNot(Consumer) }
#endif
            :: atomic { Load(CONSUMER, CLOSED) == 0 -> SleepOrNot(Consumer) }
            fi
#else
        :: atomic { !CAME -> SleepOrNot(Consumer) }
#endif
        fi
#endif
#ifdef TO_STACK
    /* WaitForPackets of driver/to_stack.c around RingSleep */
    :: atomic { Consumer.Own == Consumer.Next && Consumer.Next == Load(CONSUMER, TAIL) ->
            Store(CONSUMER, CONSUMER_WAITING, 1)
        };
        FenceSleep();
        if
        :: atomic { CAME -> TAIL_LOADED; Store(CONSUMER, CONSUMER_WAITING, 0) }
        :: atomic { !CAME -> Consumer.Asleep = 1; printf("side 1 sleeps\n") };
end_asleep: atomic { PacketsEvent -> d_step { PacketsEvent = 0; Consumer.Asleep = 0; UpdateViews(CONSUMER) } };
            Store(CONSUMER, CONSUMER_WAITING, 0) /* RingAwake */
        fi
    :: goto stopped
#endif
    od;
#ifdef TO_APP
end_asleep:
#ifdef SELF_RESET
    atomic { PacketsEvent -> d_step { PacketsEvent = 0; Consumer.Asleep = 0; UpdateViews(CONSUMER) } }
#else
    atomic { PacketsEvent -> d_step { Consumer.Asleep = 0; UpdateViews(CONSUMER) } }
#endif
    goto again;
#endif
stopped:
    skip
}

/* --- closing, and what must hold ---------------------------------------------------------------------------------- */

#ifdef TO_STACK
#define ProgramEvent SpaceEvent
#define Program      Producer
#else
#define ProgramEvent PacketsEvent
#define Program      Consumer
#endif

#ifdef CLOSING
active proctype Closer()
{
#ifdef MUTATE_ORDER_CLOSE
    ProgramEvent = 1;
    Mem[CLOSED] = 1
#else
    Mem[CLOSED] = 1; /* RingClose; the signal comes after it */
    ProgramEvent = 1
#endif
}
#endif

/* Nothing moves any more. */
active proctype Monitor()
{
end:
    timeout ->
    assert(VOID || !Consumer.Asleep || Consumer.Next == Mem[TAIL]);                     /* no packet slept over */
    assert(VOID || !Producer.Asleep || Distance(Mem[HEAD], Producer.Next) == CAPACITY); /* no room slept over */
#ifdef CLOSING
    assert(VOID || !Program.Asleep) /* closing wakes */
#endif
}
