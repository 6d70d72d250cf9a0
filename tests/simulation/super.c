/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of offloads from program to stack: super-packets and packets without checksums, which the driver makes into
 * packets that a wire could carry. What must come out is made here, packet by packet, before it is sent; its checksums are
 * summed up anew when the stack has it.
 */
#include "driver/tun.h"
#include "library/coalesce.h"
#include "tests/simulation/lab.h"

SCENARIO SuperPackets, SuperRefused, SuperUnasked, SuperAsked, SuperEnds, SuperCoalesced;

#define CAPACITY   TUN_OFFLOAD_CAPACITY_MIN
#define TO_STACK   TUN_OFFLOAD_TO_STACK
#define PACKET_MAX 65535u

/* What the stack must get, in this order; a ring of packets. */
#define EXPECTED_MAX 8192u
static struct
{
    pthread_mutex_t Lock;
    UCHAR *Packets[EXPECTED_MAX];
    ULONG Lengths[EXPECTED_MAX];
    ULONG Segments[EXPECTED_MAX]; /* that it is made of; 0: it is not coalesced */
    ULONG Entries[EXPECTED_MAX];  /* where in the ring it comes from */
    ULONG64 Added, Seen, Octets;
    const PROGRAM *Program; /* who sends */
    RING *Ring;             /* its ring, where it surely lives as long as it is watched; or NULL */
} Expected = {.Lock = PTHREAD_MUTEX_INITIALIZER};

static VOID Expect(_In_ const UCHAR *Packet, _In_ ULONG Length, _In_ ULONG Segments)
{
    pthread_mutex_lock(&Expected.Lock);
    while (Expected.Added - Expected.Seen == EXPECTED_MAX)
    {
        pthread_mutex_unlock(&Expected.Lock);
        LabSleep(200);
        pthread_mutex_lock(&Expected.Lock);
    }
    ULONG At = Expected.Added++ % EXPECTED_MAX;
    Expected.Packets[At] = malloc(Length);
    memcpy(Expected.Packets[At], Packet, Length);
    Expected.Lengths[At] = Length;
    Expected.Segments[At] = Segments;
    Expected.Entries[At] = Expected.Program->ToStack.Next;
    Expected.Octets += Length;
    pthread_mutex_unlock(&Expected.Lock);
}

static VOID Seen(_In_ const UCHAR *Packet, _In_ ULONG Length, _In_ ULONG Segments)
{
    pthread_mutex_lock(&Expected.Lock);
    if (Expected.Seen == Expected.Added)
    {
        LabFailed(__FILE__, __LINE__, "a packet too many", "%u bytes", Length);
    }
    else
    {
        ULONG At = Expected.Seen++ % EXPECTED_MAX;
        LabCheck(Length == Expected.Lengths[At] && memcmp(Packet, Expected.Packets[At], Length) == 0,
                 "packet %llu of %u bytes is not the one of %u bytes that must come", Expected.Seen - 1, Length,
                 Expected.Lengths[At]);
        LabEqual(Segments, Expected.Segments[At]);
        free(Expected.Packets[At]);
        /* What comes a batch later has not been copied yet, and its entry is still the driver's. */
        ULONG64 Later = Expected.Seen + TUN_SMALL_BATCH + TUN_LARGE_BATCH;
        ULONG Head = Expected.Ring ? atomic_load(&Expected.Ring->Head) : 0;
        LabCheck(!Expected.Ring || Later >= Expected.Added ||
                     (LONG)(Head - Expected.Entries[Later % EXPECTED_MAX]) <= 0,
                 "the program has the room back of what is not cut yet");
    }
    pthread_mutex_unlock(&Expected.Lock);
    UCHAR Protocol = 0;
    ULONG Transport = SegmentTransport(Packet, Length, Length, &Protocol), Ip = Packet[0] >> 4 == 6 ? 8 : 12;
    if (!Transport || (Protocol != IP_PROTOCOL_TCP && Protocol != IP_PROTOCOL_UDP))
        return;
    ULONG64 Sum =
        ChecksumAdd(Packet + Ip, Ip == 8 ? 32 : 8, ChecksumShort(Length - Transport) + ChecksumShort(Protocol));
    LabCheck(ChecksumFold(ChecksumAdd(Packet + Transport, Length - Transport, Sum)) == 0xffff, "a wrong checksum");
    LabCheck(Ip == 8 || ChecksumFold(ChecksumAdd(Packet, Transport, 0)) == 0xffff, "a wrong header checksum");
}

static ULONG64 Left(VOID)
{
    pthread_mutex_lock(&Expected.Lock);
    ULONG64 Count = Expected.Added - Expected.Seen;
    pthread_mutex_unlock(&Expected.Lock);
    return Count;
}

static VOID Forget(VOID)
{
    for (; Expected.Seen < Expected.Added; Expected.Seen++)
        free(Expected.Packets[Expected.Seen % EXPECTED_MAX]);
    Expected.Added = Expected.Seen = Expected.Octets = 0;
}

VNET_HEADER SuperMake(_Out_ UCHAR *Packet, _Out_ ULONG *Length, _In_ ULONG Kind, _In_ ULONG Payload,
                      _In_ ULONG SegmentBytes, _Inout_ ULONG64 *Random)
{
    BOOLEAN Ipv6 = Kind & 1, Udp = (Kind & 2) != 0;
    ULONG Extension = Ipv6 && Kind & SUPER_EXTENDED ? SUPER_EXTENSION : 0;
    ULONG At = Ipv6 ? 40 + Extension : 20, Headers = At + (Udp ? 8 : 32);
    *Length = Headers + Payload;
    for (ULONG I = 0; I < *Length; I++)
        Packet[I] = (UCHAR)(I * 7 + (I >> 8) + *Random);
    LabRandom(Random);
    if (Ipv6)
    {
        memset(Packet, 0, 8);
        Packet[0] = 0x60;
        StoreShort(Packet + 4, *Length - 40);
        Packet[6] = Udp ? 17 : 6;
        if (Extension)
        {
            Packet[40] = 43;
            Packet[48] = 60;
            Packet[72] = Packet[6];
            Packet[6] = Packet[41] = Packet[51] = 0;
            Packet[49] = 2;
            Packet[73] = 1;
        }
    }
    else
    {
        Packet[0] = 0x45;
        StoreShort(Packet + 2, *Length);
        StoreShort(Packet + 6, 0x4000);
        Packet[9] = Udp ? 17 : 6;
        Packet[16] = 10;
        StoreShort(Packet + 10, 0);
        ChecksumStore(Packet + 10, (uint16_t)~ChecksumFold(ChecksumAdd(Packet, 20, 0)));
    }
    Packet[24] = Ipv6 ? 0xfd : Packet[24];
    if (Udp)
        StoreShort(Packet + At + 4, *Length - At);
    else
        Packet[At + 12] = 0x80;
    ULONG64 Sum =
        ChecksumAdd(Packet + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8, ChecksumShort(*Length - At) + ChecksumShort(Udp ? 17 : 6));
    ChecksumStore(Packet + At + (Udp ? 6 : 16), ChecksumFold(Sum));
    return (VNET_HEADER){.Flags = VNET_NEEDS_CHECKSUM,
                         .GsoType = !SegmentBytes ? VNET_GSO_NONE
                                    : Udp         ? VNET_GSO_UDP
                                    : Ipv6        ? VNET_GSO_TCPV6
                                                  : VNET_GSO_TCPV4,
                         .HeaderLength = (USHORT)*Random, /* a hint that may be wrong */
                         .GsoSize = (USHORT)SegmentBytes,
                         .ChecksumStart = (USHORT)At,
                         .ChecksumOffset = Udp ? 6 : 16};
}

/* Sends one, and expects what it must become. */
static VOID Send(_Inout_ PROGRAM *Program, _In_ const VNET_HEADER *Vnet, _In_ const UCHAR *Packet, _In_ ULONG Length)
{
    static UCHAR Segment[PACKET_MAX];
    SEGMENTER Segmenter;
    if (Vnet->GsoType == VNET_GSO_NONE)
    {
        SegmentComplete(Vnet, Segment, Packet, Length);
        Expect(Segment, Length, 0);
    }
    else if (!SegmentStart(&Segmenter, Vnet, Packet, Length, Length, TUN_SEGMENTS_MAX))
    {
        LabFailed(__FILE__, __LINE__, "a super-packet", "of %u bytes is none", Length);
        return;
    }
    else
    {
        while (SegmentsLeft(&Segmenter))
        {
            ULONG Size = SegmentNext(&Segmenter, Packet, Segment);
            Expect(Segment, Size, 0);
        }
    }
    ProgramSendOffload(Program, Vnet, Packet, Length);
}

VOID SuperSumNothing(UCHAR *Packet, ULONG Length, const VNET_HEADER *Vnet, ULONG Payload)
{
    static UCHAR Whole[PACKET_MAX];
    memset(Packet + Length - Payload, 0, 2);
    SegmentComplete(Vnet, Whole, Packet, Length);
    memcpy(Packet + Length - Payload, Whole + Vnet->ChecksumStart + Vnet->ChecksumOffset, 2);
}

static VOID SendAny(_Inout_ PROGRAM *Program, _Inout_ ULONG64 *Random)
{
    static UCHAR Packet[PACKET_MAX];
    ULONG Chance = LabRandom(Random), Payload = 1 + LabRandom(Random) % (Chance & 64 ? 65000 : 5000);
    ULONG SegmentBytes = 1 + LabRandom(Random) % (Chance & 16 ? 1400 : 9000);
    SegmentBytes = max(SegmentBytes, (Payload + TUN_SEGMENTS_MAX - 1) / TUN_SEGMENTS_MAX);
    ULONG Length;
    VNET_HEADER Vnet = SuperMake(Packet, &Length, Chance, Payload, Chance & 12 ? SegmentBytes : 0, Random);
    if ((Chance & 0x2c) == 0x20) /* completed already, and said to be right */
    {
        static UCHAR Whole[PACKET_MAX];
        SegmentComplete(&Vnet, Whole, Packet, Length);
        Send(Program, &(VNET_HEADER){.Flags = Chance & 128 ? VNET_DATA_VALID : 0}, Whole, Length);
        return;
    }
    Send(Program, &Vnet, Packet, Length);
}

static VOID Open(_Out_ LAB *Lab, _Out_ PROGRAM *Program, _In_ ULONG Offloads)
{
    LabOpen(Lab);
    LabEqual(ProgramOpen(Program, Lab->Path, SimSystem), STATUS_SUCCESS);
    Program->Offloads = Offloads;
    LabEqual(ProgramStart(Program, CAPACITY), STATUS_SUCCESS);
    LabEqual(Program->Start.Offloads, Offloads & ~TUN_OFFLOAD_TO_APP_UDP);
    Expected.Program = Program;
    Expected.Ring = Program->ToStack.Ring;
    StackDistrust(Lab->Stack, TRUE);
    StackWatch(Lab->Stack, Seen);
}

static VOID Close(_Inout_ LAB *Lab, _Inout_ PROGRAM *Program)
{
    LabUntil(Left() == 0);
    StackHold(Lab->Stack, StackReturnsAtOnce);
    TUN_STATISTICS Statistics = ProgramStatistics(Program);
    LabEqual(Statistics.Adapter.ToStackPackets, Expected.Added);
    LabEqual(Statistics.Adapter.ToStackBytes, Expected.Octets);
    Expected.Ring = NULL;
    ProgramClose(Program);
    LabClose(Lab);
    Forget();
}

/* All kinds and sizes, more than one batch and one ring hold, while the stack keeps lists and NDIS pauses now and then; a
 * monitor sees the segments. */
VOID SuperPackets(VOID)
{
    ULONG64 Random = LabSeed();
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, TUN_OFFLOAD_TO_APP | TO_STACK);
    PROGRAM Monitor;
    LabEqual(ProgramOpen(&Monitor, Lab.Path, SimSystem), STATUS_SUCCESS);
    Monitor.Monitor = TRUE;
    Monitor.Offloads = TUN_OFFLOAD_TO_APP;
    LabEqual(ProgramStart(&Monitor, RING_CAPACITY_MAX), STATUS_SUCCESS);
    LabEqual(Monitor.Start.Offloads, TUN_OFFLOAD_TO_APP & ~TUN_OFFLOAD_TO_APP_UDP);
    for (ULONG Kind = 0; Kind < 4; Kind++)
    {
        static UCHAR Packet[PACKET_MAX];
        ULONG Length;
        VNET_HEADER Vnet = SuperMake(Packet, &Length, Kind, 2, 0, &Random);
        SuperSumNothing(Packet, Length, &Vnet, 2);
        Send(&Program, &Vnet, Packet, Length);
    }
    for (ULONG Round = 0; Round < LabScale(400); Round++)
    {
        ULONG Chance = LabRandom(&Random);
        StackHold(Lab.Stack, Round % 3 == 0 ? StackReturnsLate : StackReturnsAtOnce);
        for (ULONG Count = Chance % 5; Count; Count--)
            SendAny(&Program, &Random);
        if (Chance % 32 == 0) /* what waits in the ring, waits, be it cut in half */
        {
            LabPause(&Lab);
            LabSleep(100);
            LabRestart(&Lab);
        }
    }
    LabUntil(Left() == 0);
    TUN_STATISTICS Statistics = ProgramStatistics(&Program);
    LabEqual(Statistics.Adapter.ToStackDropInvalid, 0);
    LabEqual(Statistics.MonitorPackets + Statistics.MonitorDrops, Expected.Added);
    LabCheck(Statistics.MonitorPackets != 0, "the monitor saw nothing");
    ProgramClose(&Monitor);
    Close(&Lab, &Program);
}

/* Makes of a TCP packet of SuperMake's one that may be coalesced, or, by one thing of it, may not. */
static BOOLEAN Ordinary(_Inout_ UCHAR *Packet, _Inout_ ULONG64 *Random)
{
    static const UCHAR Timestamp[] = {1, 1, 8, 10};
    ULONG Chance = LabRandom(Random), At = Packet[0] >> 4 == 6 ? 40 : 20;
    BOOLEAN Spoiled = Chance % 4 == 0;
    Packet[At + 12] = Chance & 8 ? 0x80 : 0x50;
    memcpy(Packet + At + 20, Timestamp, sizeof(Timestamp));
    Packet[At + 13] = (UCHAR)(TCP_ACK | (Chance & 16 ? TCP_PSH : 0));
    if (Spoiled && Chance & 32)
        Packet[At + 13] ^= (Chance >> 8) % 8 == 3 ? 0x40 : (UCHAR)(1 << (Chance >> 8) % 8); /* any but PSH */
    else if (Spoiled && Chance & 8)
        Packet[At + 20 + (Chance >> 8) % 4] ^= 4;
    else if (Spoiled)
        Packet[At + 12] = 0x60; /* options of another length */
    return Spoiled;
}

static VOID SwitchCoalescing(_In_ LAB *Lab, _In_ UCHAR Ipv4, _In_ UCHAR Ipv6)
{
    NDIS_OFFLOAD_PARAMETERS Set = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                              .Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3,
                                              .Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3},
                                   .RscIPv4 = Ipv4,
                                   .RscIPv6 = Ipv6};
    LabEqual(NdisHostSetOffload(StackAdapter(Lab->Stack), &Set, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3),
             NDIS_STATUS_SUCCESS);
}

static _Atomic(ULONG64) Pieces, Coalesced;

static VOID CountPieces(_In_ const UCHAR *Packet, _In_ ULONG Length, _In_ ULONG Segments)
{
    atomic_fetch_add(&Pieces, Segments ? Segments : 1);
    atomic_fetch_add(&Coalesced, Segments != 0);
}

/* What may be is given to the stack as one, while it has that on for the family; all else is cut. Switched in mid-flow, host/ndis
 * sees to it that none comes when it is off, and here that nothing is missing. */
VOID SuperCoalesced(VOID)
{
    static UCHAR Packet[PACKET_MAX], Whole[PACKET_MAX];
    ULONG64 Random = LabSeed();
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, TO_STACK);
    Expected.Ring = NULL;
    ULONG64 Units = 0, Segments = 0, Octets = 0;
    UCHAR On[2] = {2, 2};
    for (ULONG Round = 0; Round < LabScale(600); Round++)
    {
        ULONG Chance = LabRandom(&Random), Kind = Chance & 1;
        ULONG Payload = 20 + LabRandom(&Random) % (Chance & 64 ? 65000 : 5000);
        ULONG Size = 1 + LabRandom(&Random) % 9000;
        Size = max(Size, (Payload + 12 + TUN_SEGMENTS_MAX - 1) / TUN_SEGMENTS_MAX);
        ULONG Length;
        VNET_HEADER Vnet = SuperMake(Packet, &Length, Kind, Payload, Size, &Random);
        BOOLEAN Spoiled = Ordinary(Packet, &Random);
        if (!Kind)
            Packet[10] = (UCHAR)Chance; /* nor need a program care for this sum */
        StackHold(Lab.Stack, Round % 3 == 0 ? StackReturnsLate : StackReturnsAtOnce);
        ULONG Headers = Vnet.ChecksumStart + (Packet[Vnet.ChecksumStart + 12] >> 4) * 4u;
        ULONG Count = (Length - Headers + Size - 1) / Size;
        if (Spoiled || On[Kind] != 2 || Count == 1)
        {
            Send(&Program, &Vnet, Packet, Length);
        }
        else
        {
            SegmentComplete(&Vnet, Whole, Packet, Length);
            if (!Kind)
            {
                StoreShort(Whole + 10, 0);
                ChecksumStore(Whole + 10, (uint16_t)~ChecksumFold(ChecksumAdd(Whole, 20, 0)));
            }
            Expect(Whole, Length, Count);
            ProgramSendOffload(&Program, &Vnet, Packet, Length);
            Units++;
            Segments += Count;
            Octets += Length - Headers;
        }
        if (Round % 16 == 15)
        {
            LabUntil(Left() == 0);
            On[0] = (UCHAR)(1 + (Chance >> 8) % 2);
            On[1] = (UCHAR)(1 + (Chance >> 9) % 2);
            SwitchCoalescing(&Lab, On[0], On[1]);
        }
    }
    LabUntil(Left() == 0);
    NDIS_RSC_STATISTICS_INFO Info;
    ULONG Done, Needed;
    LabEqual(HostOid(StackAdapter(Lab.Stack), NdisRequestQueryInformation, OID_TCP_RSC_STATISTICS, &Info, sizeof(Info),
                     &Done, &Needed),
             NDIS_STATUS_SUCCESS);
    LabCheck(Units != 0, "none was given as one");
    LabEqual(Info.CoalesceEvents, Units);
    LabEqual(Info.CoalescedPkts, Segments);
    LabEqual(Info.CoalescedOctets, Octets);
    LabEqual(Info.Aborts, 0);

    /* In mid-flow; and with one who looks on, who sees segments. */
    StackWatch(Lab.Stack, CountPieces);
    atomic_store(&Pieces, 0);
    atomic_store(&Coalesced, 0);
    ULONG64 Sent = 0;
    for (ULONG Round = 0; Round < LabScale(300); Round++)
    {
        ULONG Length;
        VNET_HEADER Vnet = SuperMake(Packet, &Length, Round & 1, 14000, 1400, &Random);
        ULONG At = Vnet.ChecksumStart;
        Packet[At + 12] = 0x50;
        Packet[At + 13] = TCP_ACK;
        ProgramSendOffload(&Program, &Vnet, Packet, Length);
        Sent += 11;
        if (Round % 4 == 0)
            SwitchCoalescing(&Lab, (UCHAR)(1 + LabRandom(&Random) % 2), (UCHAR)(1 + LabRandom(&Random) % 2));
    }
    LabUntil(atomic_load(&Pieces) == Sent);
    LabCheck(atomic_load(&Coalesced) != 0, "none was given as one in mid-flow");
    SwitchCoalescing(&Lab, 2, 2);
    PROGRAM Monitor;
    LabEqual(ProgramOpen(&Monitor, Lab.Path, SimSystem), STATUS_SUCCESS);
    Monitor.Monitor = TRUE;
    LabEqual(ProgramStart(&Monitor, RING_CAPACITY_MAX), STATUS_SUCCESS);
    atomic_store(&Coalesced, 0);
    ULONG Length;
    VNET_HEADER Vnet = SuperMake(Packet, &Length, 0, 14000, 1400, &Random);
    Packet[32] = 0x50;
    Packet[33] = TCP_ACK;
    ProgramSendOffload(&Program, &Vnet, Packet, Length);
    LabUntil(atomic_load(&Pieces) == Sent + 11);
    LabEqual(atomic_load(&Coalesced), 0);
    LabEqual(ProgramStatistics(&Program).MonitorPackets, 11);
    ProgramClose(&Monitor);
    LabEqual(ProgramStatistics(&Program).Adapter.ToStackDropInvalid, 0);
    ProgramClose(&Program);
    LabClose(&Lab);
    Forget();
}

/* Cuts off what is behind Length, and IP says so. */
static VOID Shorten(_Inout_ UCHAR *Packet, _Out_ ULONG *Length, _In_ ULONG Wanted)
{
    BOOLEAN Ipv6 = Packet[0] >> 4 == 6;
    *Length = Wanted;
    StoreShort(Packet + (Ipv6 ? 4 : 2), Ipv6 ? Wanted - 40 : Wanted);
}

/* Each thing that may be wrong, between two that are right. */
VOID SuperRefused(VOID)
{
    static UCHAR Packet[PACKET_MAX], Good[PACKET_MAX];
    ULONG64 Random = LabSeed();
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, TO_STACK);
    TraceAll(TRUE); /* what is refused can be told, too */
    ULONG GoodLength;
    VNET_HEADER GoodVnet = SuperMake(Good, &GoodLength, 0, 3000, 1000, &Random);
    ULONG Refused = 0;
    VNET_HEADER Vnet;
    ULONG Length;
#define REFUSED(Kind, Payload, Segment, Change)                                                                        \
    Vnet = SuperMake(Packet, &Length, Kind, Payload, Segment, &Random);                                                \
    Change;                                                                                                            \
    ProgramSendOffload(&Program, &Vnet, Packet, Length);                                                               \
    Refused++;                                                                                                         \
    Send(&Program, &GoodVnet, Good, GoodLength);                                                                       \
    LabUntil(Left() == 0);                                                                                             \
    LabEqual(ProgramStatistics(&Program).Adapter.ToStackDropInvalid, Refused)
    for (ULONG Kind = 0; Kind < 4; Kind++)
    {
        ULONG At = Kind & 1 ? 40 : 20;
        REFUSED(Kind, 3000, 1000, Vnet.GsoType = 3); /* fragments of UDP */
        REFUSED(Kind, 3000, 1000,
                Vnet.GsoType = Kind & 2 ? VNET_GSO_TCPV4 : Vnet.GsoType ^ 5); /* another protocol, or family */
        REFUSED(Kind, 3000, 1000, Vnet.GsoType |= 0x40);
        REFUSED(Kind, 3000, 1000, Vnet.Flags = 0);
        REFUSED(Kind, 3000, 1000, Vnet.Flags = VNET_DATA_VALID);
        REFUSED(Kind, 3000, 1000, Vnet.Flags |= 4);
        REFUSED(Kind, 3000, 0, Vnet.Flags |= RING_FLAG_TO_STACK);
        REFUSED(Kind, 3000, 1000, Vnet.GsoSize = 0);
        REFUSED(Kind, 257, 1, ;); /* one segment too many */
        REFUSED(Kind, 60000, 1, ;);
        REFUSED(Kind, 3000, 1000, Vnet.ChecksumStart ^= 2);
        REFUSED(Kind, 3000, 0, Vnet.ChecksumStart ^= 2);
        REFUSED(Kind, 3000, 0, Vnet.ChecksumStart = 65535);
        REFUSED(Kind, 3000, 1000, Vnet.ChecksumOffset ^= 2);
        REFUSED(Kind, 3000, 0, Vnet.ChecksumOffset = 65535);
        REFUSED(Kind, 3000, 1000, Packet[Kind & 1 ? 5 : 3] ^= 1); /* IP's length */
        REFUSED(Kind, 3000, 0, Packet[Kind & 1 ? 5 : 3] ^= 1);
        REFUSED(Kind, 3000, 1000, Packet[Kind & 1 ? 6 : 9] = 1); /* ICMP */
        REFUSED(Kind, 3000, 0, Packet[Kind & 1 ? 6 : 9] = 1);
        REFUSED(Kind, 3000, 1000, Packet[0] ^= 0x20);
        REFUSED(Kind, 3000, 1000, Packet[0] = 0);
        REFUSED(Kind, 3000, 0, Packet[0] = 0);
        REFUSED(Kind, 3000, 1000, Length = At);
        REFUSED(Kind, 3000, 0, Length = At + 4);
        REFUSED(Kind, 3000, 1000, Length = 16);
        REFUSED(Kind, 3000, 0,
                Shorten(Packet, &Length, At + 4)); /* no room for TCP's header or UDP's, as IP says too */
        REFUSED(Kind, 3000, 1000, Shorten(Packet, &Length, At + 4));
        REFUSED(Kind, 0, 1000, ;); /* nothing to cut */
        REFUSED(Kind, 3000, 65535, ;);
        if (Kind & 1)
        {
            REFUSED(Kind | SUPER_EXTENDED, 3000, 1000, Packet[41] = 31); /* more headers than are looked at */
            REFUSED(Kind | SUPER_EXTENDED, 3000, 0, Packet[73] = 31);
            REFUSED(Kind | SUPER_EXTENDED, 3000, 0, Packet[48] = 44); /* a fragment */
        }
        if (Kind & 2)
        {
            REFUSED(Kind, 3000, 1000, Packet[At + 5] ^= 1); /* UDP's length */
            REFUSED(Kind, 3000, 0, Packet[At + 5] ^= 1);
        }
        else
        {
            REFUSED(Kind, 3000, 1000, Packet[At + 12] = 0x40); /* TCP's header */
            REFUSED(Kind, 3000, 1000, Shorten(Packet, &Length, At + 24); Packet[At + 12] = 0xf0);
        }
        if (!(Kind & 1))
        {
            REFUSED(Kind, 3000, 1000, Packet[6] |= 0x20); /* a fragment */
            REFUSED(Kind, 3000, 0, Packet[7] |= 1);
        }
    }
    /* More at once than a batch looks at. */
    LabPause(&Lab);
    Vnet = SuperMake(Packet, &Length, 0, 100, 0, &Random);
    Vnet.Flags |= 4;
    for (ULONG End = Refused + 5 * (TUN_SMALL_BATCH + TUN_LARGE_BATCH); Refused < End; Refused++)
        ProgramSendOffload(&Program, &Vnet, Packet, Length);
    LabRestart(&Lab);
    LabUntil(ProgramStatistics(&Program).Adapter.ToStackDropInvalid == Refused);
    Close(&Lab, &Program);
    TraceAll(FALSE);
}

/* Who asked for nothing may write there what it likes, as ever; and who asked for less has no more. */
VOID SuperUnasked(VOID)
{
    static UCHAR Packet[PACKET_MAX], Part[PACKET_MAX];
    static const ULONG Asked[] = {0, TUN_OFFLOAD_TO_APP_CHECKSUM, TUN_OFFLOAD_TO_STACK_CHECKSUM,
                                  TUN_OFFLOAD_TO_STACK_CHECKSUM | TUN_OFFLOAD_TO_STACK_TCP,
                                  TUN_OFFLOAD_TO_STACK_CHECKSUM | TUN_OFFLOAD_TO_STACK_UDP};
    ULONG64 Random = LabSeed();
    for (ULONG I = 0; I < ARRAYSIZE(Asked); I++)
    {
        PROGRAM Program;
        LAB Lab;
        Open(&Lab, &Program, Asked[I]);
        ULONG Refused = 0;
        for (ULONG Kind = 0; Kind < 4; Kind++)
        {
            ULONG Length;
            VNET_HEADER Vnet = SuperMake(Packet, &Length, Kind, 3000, 1000, &Random);
            if (Kind & 2 ? Asked[I] & TUN_OFFLOAD_TO_STACK_UDP : Asked[I] & TUN_OFFLOAD_TO_STACK_TCP)
            {
                Send(&Program, &Vnet, Packet, Length);
            }
            else
            {
                if (!(Asked[I] & TO_STACK))
                {
                    /* As it is: its checksum is right, and the header says that it is not. */
                    memcpy(Part, Packet, Length);
                    SegmentComplete(&Vnet, Packet, Part, Length);
                    Expect(Packet, Length, 0);
                }
                else
                    Refused++;
                ProgramSendOffload(&Program, &Vnet, Packet, Length);
            }
        }
        LabUntil(Left() == 0);
        LabUntil(ProgramStatistics(&Program).Adapter.ToStackDropInvalid == Refused);
        Close(&Lab, &Program);
    }
}

/* What may be asked for, and what is granted. */
VOID SuperAsked(VOID)
{
    static const struct
    {
        ULONG Flags, Capacity;
        BOOLEAN Granted;
    } Cases[] = {
        {0x100, RING_CAPACITY_MIN, TRUE},  {0x1000, RING_CAPACITY_MIN, TRUE},  {0x1100, RING_CAPACITY_MIN, TRUE},
        {0x300, RING_CAPACITY_MIN, FALSE}, {0x3000, RING_CAPACITY_MIN, FALSE}, {0x5000, RING_CAPACITY_MIN, FALSE},
        {0x300, CAPACITY / 2, FALSE},      {0x3000, CAPACITY / 2, FALSE},      {0x300, CAPACITY, TRUE},
        {0x3000, CAPACITY, TRUE},          {0x5000, CAPACITY, TRUE},           {0x7000, CAPACITY, TRUE},
        {0x900, CAPACITY, TRUE},           {0x7f00, CAPACITY, TRUE},           {0x700, CAPACITY, TRUE},
        {0x500, CAPACITY, FALSE},          {0x200, CAPACITY, FALSE},           {0x800, CAPACITY, FALSE},
        {0x2000, CAPACITY, FALSE},         {0x4000, CAPACITY, FALSE},          {0x6000, CAPACITY, FALSE},
        {0xf000, CAPACITY, FALSE},         {0x7f02, CAPACITY, FALSE},          {0x101, RING_CAPACITY_MIN, TRUE},
        {0xf01, CAPACITY, TRUE},           {0x1001, CAPACITY, FALSE},          {0x7001, CAPACITY, FALSE},
        {0x7f01, CAPACITY, FALSE}};
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    for (ULONG I = 0; I < ARRAYSIZE(Cases); I++)
    {
        Program.Monitor = Cases[I].Flags & TUN_START_MONITOR;
        Program.Offloads = Cases[I].Flags & ~TUN_START_MONITOR;
        NTSTATUS Status = ProgramStart(&Program, Cases[I].Capacity);
        LabEqual(Status, Cases[I].Granted ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
        if (!NT_SUCCESS(Status))
            continue;
        LabEqual(Program.Start.Offloads, Cases[I].Flags & ~(TUN_OFFLOAD_TO_APP_UDP | TUN_START_MONITOR));
        LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
        ProgramForget(&Program);
    }
    ProgramClose(&Program);
    LabClose(&Lab);
}

/* Sessions end and programs die in the midst of super-packets; the next one begins with its own. */
VOID SuperEnds(VOID)
{
    static UCHAR Packet[PACKET_MAX];
    ULONG64 Random = LabSeed();
    LAB Lab;
    LabOpen(&Lab);
    StackDistrust(Lab.Stack, TRUE);
    for (ULONG Round = 0; Round < LabScale(60); Round++)
    {
        PROGRAM Program;
        LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
        Program.Offloads = TO_STACK;
        LabEqual(ProgramStart(&Program, CAPACITY), STATUS_SUCCESS);
        Expected.Program = &Program;
        StackWatch(Lab.Stack, Seen);
        StackHold(Lab.Stack, Round & 1 ? StackReturnsLate : StackHoldsAll);
        for (ULONG Count = 8; Count; Count--)
        {
            ULONG Length;
            VNET_HEADER Vnet = SuperMake(Packet, &Length, Count, 60000, 300, &Random);
            Send(&Program, &Vnet, Packet, Length);
        }
        LabSleep(LabRandom(&Random) % 500);
        if (Round & 2)
            LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
        ProgramClose(&Program);
        StackWatch(Lab.Stack, NULL);
        Forget();
    }
    StackHold(Lab.Stack, StackReturnsAtOnce);
    LabClose(&Lab);
}
