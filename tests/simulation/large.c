/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of offloads from stack to program: packets without checksums and large sends, with whatever the stack may have put
 * into the fields that are not its own. What must come out is made here, segment by segment, from the packet as Linux would
 * hand it over; a program gets that, or, if it was granted it, the packet itself with its virtio-net header.
 */
#include "driver/tun.h"
#include "library/coalesce.h"
#include "tests/simulation/lab.h"

SCENARIO LargeSends, LargeRefused, LargeSwitched;

#define PACKET_MAX 65535u
#define CHECKSUM   TUN_OFFLOAD_TO_APP_CHECKSUM
#define TCP        (TUN_OFFLOAD_TO_APP_CHECKSUM | TUN_OFFLOAD_TO_APP_TCP)
#define CWR        (TCP | TUN_OFFLOAD_TO_APP_TCP_CWR)

/* A packet that the stack leaves to us, and what is asked for it. */
typedef struct _LARGE
{
    UCHAR Packet[PACKET_MAX], Sent[PACKET_MAX]; /* as Linux has it; as NDIS has it */
    ULONG Length;
    VNET_HEADER Vnet;
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum;
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Send;
} LARGE;

/* Kind as SuperMake has it; 4: what the stack puts into fields is not what its pages say. Mss 0: only checksums. */
static VOID Make(_Out_ LARGE *Large, _In_ ULONG Kind, _In_ ULONG Payload, _In_ ULONG Mss, _Inout_ ULONG64 *Random)
{
    BOOLEAN Ipv6 = Kind & 1, Udp = (Kind & 2) != 0, Wrong = (Kind & 4) != 0;
    Large->Vnet = SuperMake(Large->Packet, &Large->Length, Kind & (3 | SUPER_EXTENDED), Payload,
                            Mss && Mss < Payload ? Mss : 0, Random);
    ULONG At = Large->Vnet.ChecksumStart;
    Large->Vnet.HeaderLength = (USHORT)(Large->Length - Payload);
    if (!Udp)
    {
        Large->Packet[At + 13] = (UCHAR)(TCP_ACK | (LabRandom(Random) & (TCP_FIN | TCP_PSH | TCP_CWR)));
        if (Large->Vnet.GsoType != VNET_GSO_NONE && Large->Packet[At + 13] & TCP_CWR)
            Large->Vnet.GsoType |= VNET_GSO_ECN;
    }
    memcpy(Large->Sent, Large->Packet, Large->Length);
    UCHAR *Field = Large->Sent + At + (Udp ? 6 : 16);
    Large->Checksum.Value = Large->Send.Value = NULL;
    Large->Checksum.Transmit.IsIPv4 = !Ipv6;
    Large->Checksum.Transmit.IsIPv6 = Ipv6;
    Large->Checksum.Transmit.TcpChecksum = !Udp;
    Large->Checksum.Transmit.UdpChecksum = Udp;
    Large->Checksum.Transmit.IpHeaderChecksum = !Ipv6;
    Large->Checksum.Transmit.TcpHeaderOffset = Wrong ? 14 + At : At;
    if (!Ipv6)
        StoreShort(Large->Sent + 10, Wrong ? 0xbeef : 0);
    if (Mss)
    {
        Large->Send.LsoV2Transmit.MSS = Mss;
        Large->Send.LsoV2Transmit.TcpHeaderOffset = Wrong ? 0 : At;
        Large->Send.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        Large->Send.LsoV2Transmit.IPVersion = Ipv6;
        if (!Wrong)
        {
            /* The length is NET_BUFFER's alone, and not in the pseudo-header's sum either. */
            StoreShort(Large->Sent + (Ipv6 ? 4 : 2), 0);
            uint64_t Sum = ChecksumAdd(Large->Sent + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8, ChecksumShort(IP_PROTOCOL_TCP));
            ChecksumStore(Field, ChecksumFold(Sum));
            if (Kind & 8)
                Large->Checksum.Value = NULL; /* implied */
        }
    }
    if (Wrong)
        StoreShort(Field, LabRandom(Random));
}

/* Of an IPv4 packet's two checksums only one is left to us: the other is the stack's own. */
static VOID LeaveOne(_Inout_ LARGE *Large, _In_ BOOLEAN Transport)
{
    if (Transport)
    {
        Large->Checksum.Transmit.IpHeaderChecksum = 0;
        memcpy(Large->Sent + 10, Large->Packet + 10, 2);
        return;
    }
    Large->Checksum.Transmit.TcpChecksum = Large->Checksum.Transmit.UdpChecksum = 0;
    memcpy(Large->Packet + 20, Large->Sent + 20, Large->Length - 20);
    Large->Vnet = (VNET_HEADER){0};
}

static NDIS_STATUS Send(_In_ LAB *Lab, _In_ const LARGE *Large, _Inout_ ULONG64 *Random)
{
    STACK_SHAPE Shape = {.Lists = 1,
                         .Buffers = 1,
                         .Dispatch = LabRandom(Random) & 1,
                         .Checksum = Large->Checksum.Value,
                         .Large = Large->Send.Value};
    ULONG64 Sequence = 0;
    NDIS_STATUS Status = NDIS_STATUS_PENDING;
    LabCheck(StackSend(Lab->Stack, &Shape, Large->Length, (Large->Sent[0] & 0xf0) == 0x60, 0, &Sequence, Large->Sent,
                       Random, &Status),
             "the adapter is paused");
    return Status;
}

/* The next entry is these bytes under this header. */
static VOID Came(_Inout_ PROGRAM *Program, _In_ const VNET_HEADER *Vnet, _In_ const UCHAR *Packet, _In_ ULONG Length)
{
    uint32_t Size = 0;
    RING_PACKET *Entry;
    LabEqual(RingTake(&Program->ToApp, &Entry, &Size), RING_OK);
    if (Size != Length)
    {
        LabEqual(Size, Length);
        return;
    }
    LabCheck(memcmp(RingPacketData(Entry), Packet, Length) == 0, "the packet of %u bytes is another", Length);
    LabCheck(memcmp((UCHAR *)RingPacketData(Entry) - sizeof(*Vnet), Vnet, sizeof(*Vnet)) == 0,
             "its header is another: type %u, not %u", atomic_load(&Entry->OffloadKind) >> 8, Vnet->GsoType);
    RingRelease(&Program->ToApp, Program->ToApp.Next);
}

/* All that must come of one has come: how many entries. */
static ULONG Arrived(_Inout_ PROGRAM *Program, _In_ const LARGE *Large)
{
    static const VNET_HEADER None;
    static UCHAR Segment[PACKET_MAX];
    ULONG Needed = CHECKSUM, Count = 0;
    Needed |= Large->Vnet.GsoType != VNET_GSO_NONE ? TCP : 0;
    Needed |= Large->Vnet.GsoType & VNET_GSO_ECN ? CWR : 0;
    if ((Program->Start.Offloads & Needed) == Needed)
    {
        Came(Program, &Large->Vnet, Large->Packet, Large->Length);
        return 1;
    }
    if (Large->Vnet.GsoType == VNET_GSO_NONE)
    {
        SegmentComplete(&Large->Vnet, Segment, Large->Packet, Large->Length);
        Came(Program, &None, Segment, Large->Length);
        return 1;
    }
    SEGMENTER Segmenter;
    LabCheck(SegmentStart(&Segmenter, &Large->Vnet, Large->Packet, Large->Length, Large->Length, TUN_SEGMENTS_MAX),
             "no super-packet");
    for (; SegmentsLeft(&Segmenter); Count++)
    {
        ULONG Size = SegmentNext(&Segmenter, Large->Packet, Segment);
        Came(Program, &None, Segment, Size);
    }
    return Count;
}

static VOID Open(_Inout_ LAB *Lab, _Out_ PROGRAM *Program, _In_ ULONG Offloads, _In_ BOOLEAN Monitor)
{
    LabEqual(ProgramOpen(Program, Lab->Path, SimSystem), STATUS_SUCCESS);
    Program->Offloads = Offloads;
    Program->Monitor = Monitor;
    LabEqual(ProgramStart(Program, TUN_OFFLOAD_CAPACITY_MIN), STATUS_SUCCESS);
    LabEqual(Program->Start.Offloads, Offloads);
}

/* All kinds and sizes, for a program and a monitor that were granted all, nothing, or something between. */
VOID LargeSends(VOID)
{
    static const ULONG Asked[] = {0, CHECKSUM, TCP, CWR};
    static LARGE Large;
    ULONG64 Random = LabSeed();
    setenv("HOST_NDIS_ENCAPSULATION", Random & 1 ? "2" : "1", TRUE); /* IEEE 802.3 with its 14 bytes, or none */
    LAB Lab;
    LabOpen(&Lab);
    unsetenv("HOST_NDIS_ENCAPSULATION");
    for (ULONG Who = 0; Who < 16; Who++)
    {
        PROGRAM Program;
        Open(&Lab, &Program, Asked[Who % 4], FALSE);
        PROGRAM Monitor;
        Open(&Lab, &Monitor, Asked[Who / 4], TRUE);
        ULONG64 Packets = 0, Before = ProgramStatistics(&Program).Adapter.ToAppPackets;
        for (ULONG Kind = 0; Kind < 4; Kind++)
        {
            Make(&Large, Kind, 2, 0, &Random);
            SuperSumNothing(Large.Packet, Large.Length, &Large.Vnet, 2);
            memcpy(Large.Sent + Large.Length - 2, Large.Packet + Large.Length - 2, 2);
            LabEqual(Send(&Lab, &Large, &Random), NDIS_STATUS_SUCCESS);
            Packets += Arrived(&Program, &Large);
            Arrived(&Monitor, &Large);
        }
        for (ULONG Round = 0; Round < LabScale(400); Round++)
        {
            ULONG Chance = LabRandom(&Random), Kind = Chance & (15 | SUPER_EXTENDED);
            ULONG Payload =
                Chance & 16 ? LabRandom(&Random) % 3 : 1 + LabRandom(&Random) % (Chance & 32 ? 63000 : 4000);
            ULONG Mss = Kind & 2 || Chance & 64 ? 0 : 1 + LabRandom(&Random) % 9000;
            if (Mss)
                Mss = max(Mss, (Payload + TUN_SEGMENTS_MAX - 1) / TUN_SEGMENTS_MAX);
            Make(&Large, Kind, Payload, Mss, &Random);
            if (!(Kind & 1) && !Mss && Chance & 128)
                LeaveOne(&Large, (Chance & 512) != 0);
            LabEqual(Send(&Lab, &Large, &Random), NDIS_STATUS_SUCCESS);
            Packets += Arrived(&Program, &Large);
            Arrived(&Monitor, &Large);
        }
        TUN_STATISTICS Statistics = ProgramStatistics(&Program);
        LabEqual(Statistics.Adapter.ToAppPackets - Before, Packets);
        LabEqual(Statistics.MonitorDrops, 0);
        ProgramClose(&Monitor);
        ProgramClose(&Program);
    }
    LabClose(&Lab);
}

/* What cannot be done is refused and counted, and what finds no room is counted segment by segment. */
VOID LargeRefused(VOID)
{
    static LARGE Large;
    ULONG64 Random = LabSeed();
    LAB Lab;
    LabOpen(&Lab);
    TraceAll(TRUE);
    PROGRAM Program;
    Open(&Lab, &Program, CWR, FALSE);
    ULONG Refused = 0;
#define REFUSED(Kind, Payload, Mss, Change)                                                                            \
    Make(&Large, Kind, Payload, Mss, &Random);                                                                         \
    Change;                                                                                                            \
    LabEqual(Send(&Lab, &Large, &Random), NDIS_STATUS_INVALID_PACKET);                                                 \
    LabEqual(ProgramStatistics(&Program).Adapter.ToAppDropInvalid, ++Refused);                                         \
    LabEqual(RingTake(&Program.ToApp, &(RING_PACKET *){NULL}, &(uint32_t){0}), RING_EMPTY)
    for (ULONG Kind = 0; Kind < 4; Kind++)
    {
        ULONG At = Kind & 1 ? 40 : 20;
        REFUSED(Kind, 3000, 0, Large.Sent[Kind & 1 ? 6 : 9] = 1);       /* ICMP */
        REFUSED(Kind, 3000, 0, Large.Sent[Kind & 1 ? 6 : 9] ^= 6 ^ 17); /* the other one of TCP and UDP */
        REFUSED(Kind, 3000, 0,
                Large.Sent[Kind & 1 ? 5 : 3] ^= 1); /* IP's length, where nobody said that it means nothing */
        REFUSED(Kind, 3000, 0, Large.Length = At + 4);
        REFUSED(Kind, 3000, 0, Large.Length = At + 4; /* no room for TCP's header or UDP's, and IP says the same */
                StoreShort(Large.Sent + (Kind & 1 ? 4 : 2), Kind & 1 ? 4 : At + 4));
        if (Kind & 2)
        {
            REFUSED(Kind, 3000, 0, Large.Sent[At + 5] ^= 1); /* UDP's length */
        }
        else
        {
            REFUSED(Kind, 3000, 0, Large.Sent[At + 12] = 0x40); /* TCP's header, shorter than it can be */
            REFUSED(Kind, 3000, 1000, Large.Sent[At + 12] = 0x40);
            REFUSED(Kind, 257, 1, ;); /* one segment too many */
            REFUSED(Kind, 3000, 1000, Large.Sent[Kind & 1 ? 6 : 9] = 17);
            REFUSED(Kind, 20, 10, Large.Length = At + 20; Large.Sent[At + 12] = 0xf0); /* longer than the packet */
        }
        if (!(Kind & 1))
            REFUSED(Kind, 3000, 0, Large.Sent[6] |= 0x20); /* a fragment */
        for (ULONG Mss = 0; Kind & 1 && Mss <= (Kind & 2 ? 0 : 1000); Mss += 1000)
        {
            REFUSED(Kind | SUPER_EXTENDED, 3000, Mss, Large.Sent[51] = 1);  /* a route that is still to be gone */
            REFUSED(Kind | SUPER_EXTENDED, 3000, Mss, Large.Sent[41] = 31); /* more headers than are looked at */
            REFUSED(Kind | SUPER_EXTENDED, 3000, Mss, Large.Sent[48] = 44); /* a fragment */
        }
    }
    /* Buffers that hold less than their length says. */
    Make(&Large, 0, 100, 0, &Random);
    STACK_SHAPE Short = {.Lists = 1, .Buffers = 1, .Parts = 1, .Missing = 1, .Checksum = Large.Checksum.Value};
    NDIS_STATUS Cut;
    StackSend(Lab.Stack, &Short, Large.Length, FALSE, 0, &(ULONG64){0}, Large.Sent, &Random, &Cut);
    LabEqual(Cut, NDIS_STATUS_INVALID_PACKET);
    LabEqual(ProgramStatistics(&Program).Adapter.ToAppDropInvalid, ++Refused);
    Short.Missing = 100; /* not even what a trace shows is there */
    StackSend(Lab.Stack, &Short, 30, FALSE, 0, &(ULONG64){0}, Large.Sent, &Random, &Cut);
    LabEqual(Cut, NDIS_STATUS_INVALID_PACKET);
    LabEqual(ProgramStatistics(&Program).Adapter.ToAppDropInvalid, ++Refused);
    TraceAll(FALSE);
    ProgramClose(&Program);
    /* Segments that find no room. */
    Open(&Lab, &Program, 0, FALSE);
    for (ULONG Sent = 0; Sent < 40; Sent++)
    {
        TUN_STATISTICS Before = ProgramStatistics(&Program);
        Make(&Large, Sent & 1, 60000, 1000, &Random);
        NDIS_STATUS Status = Send(&Lab, &Large, &Random);
        TUN_STATISTICS After = ProgramStatistics(&Program);
        ULONG64 Full = After.Adapter.ToAppDropFull - Before.Adapter.ToAppDropFull;
        LabEqual(After.Adapter.ToAppPackets - Before.Adapter.ToAppPackets + Full, 60);
        LabEqual(Status, Full ? NDIS_STATUS_RESOURCES : NDIS_STATUS_SUCCESS);
        LabEqual(Full == 0, Sent < 16);
    }
    ProgramClose(&Program);
    /* A list that is refused says what NDIS wants to hear, too: host/ndis looks. */
    LabEqual(Send(&Lab, &Large, &Random), NDIS_STATUS_MEDIA_DISCONNECTED);
    LabClose(&Lab);
}

/* What has been switched off: large sends are refused, checksums are completed, for what was under way; and on again. */
VOID LargeSwitched(VOID)
{
    static LARGE Large;
    ULONG64 Random = LabSeed();
    LAB Lab;
    LabOpen(&Lab);
    NDIS_HOST_ADAPTER *Adapter = StackAdapter(Lab.Stack);
    const NDIS_OFFLOAD *On = NdisHostOffload(Adapter);
    PROGRAM Program;
    Open(&Lab, &Program, TCP, FALSE);
    NDIS_OFFLOAD_PARAMETERS Nothing = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                  .Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_1,
                                                  .Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1}};
#define SET(Changes, Wanted)                                                                                           \
    do                                                                                                                 \
    {                                                                                                                  \
        NDIS_OFFLOAD_PARAMETERS Set = Nothing;                                                                         \
        Changes;                                                                                                       \
        LabEqual(NdisHostSetOffload(Adapter, &Set, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1), Wanted);                \
    } while (0)
#define IS_ON(Ip4, Tcp4, Udp4, Tcp6, Udp6, Lso4, Lso6)                                                                 \
    LabEqual(On->Checksum.IPv4Transmit.IpChecksum, Ip4);                                                               \
    LabEqual(On->Checksum.IPv4Transmit.TcpChecksum, Tcp4);                                                             \
    LabEqual(On->Checksum.IPv4Transmit.UdpChecksum, Udp4);                                                             \
    LabEqual(On->Checksum.IPv6Transmit.TcpChecksum, Tcp6);                                                             \
    LabEqual(On->Checksum.IPv6Transmit.UdpChecksum, Udp6);                                                             \
    LabEqual(On->LsoV2.IPv4.MaxOffLoadSize != 0, Lso4);                                                                \
    LabEqual(On->LsoV2.IPv6.MaxOffLoadSize != 0, Lso6)
    IS_ON(1, 1, 1, 1, 1, 1, 1);
    SET(;, NDIS_STATUS_SUCCESS);
    IS_ON(1, 1, 1, 1, 1, 1, 1);
    for (ULONG Ipv6 = 0; Ipv6 < 2; Ipv6++)
    {
        ULONG64 Dropped = ProgramStatistics(&Program).Adapter.ToAppDropInvalid;
        SET(*(Ipv6 ? &Set.LsoV2IPv6 : &Set.LsoV2IPv4) = NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED, NDIS_STATUS_SUCCESS);
        IS_ON(1, 1, 1, 1, 1, Ipv6, !Ipv6);
        Make(&Large, Ipv6, 3000, 1000, &Random);
        LabEqual(Send(&Lab, &Large, &Random), NDIS_STATUS_INVALID_PACKET);
        LabEqual(ProgramStatistics(&Program).Adapter.ToAppDropInvalid, Dropped + 1);
        Make(&Large, !Ipv6, 3000, 1000, &Random);
        LabEqual(Send(&Lab, &Large, &Random), NDIS_STATUS_SUCCESS);
        Arrived(&Program, &Large);
        SET(Set.LsoV2IPv4 = Set.LsoV2IPv6 = NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED, NDIS_STATUS_SUCCESS);
        IS_ON(1, 1, 1, 1, 1, 1, 1);
        Make(&Large, Ipv6, 3000, 1000, &Random);
        LabEqual(Send(&Lab, &Large, &Random), NDIS_STATUS_SUCCESS);
        Arrived(&Program, &Large);
    }
    /* Checksums: what receives is not ours; what large sends imply takes them along. */
    SET(Set.UDPIPv4Checksum = NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED, NDIS_STATUS_SUCCESS);
    SET(Set.UDPIPv6Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED, NDIS_STATUS_SUCCESS);
    IS_ON(1, 1, 0, 1, 0, 1, 1);
    Make(&Large, 2, 3000, 0, &Random);
    LabEqual(Send(&Lab, &Large, &Random), NDIS_STATUS_SUCCESS);
    Arrived(&Program, &Large);
    SET(Set.TCPIPv6Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED, NDIS_STATUS_SUCCESS);
    IS_ON(1, 1, 0, 0, 0, 1, 0);
    SET(Set.IPv4Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED, NDIS_STATUS_SUCCESS);
    IS_ON(0, 1, 0, 0, 0, 0, 0);
    SET(Set.IPv4Checksum = Set.UDPIPv4Checksum = Set.UDPIPv6Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED;
        Set.TCPIPv6Checksum = NDIS_OFFLOAD_PARAMETERS_TX_ENABLED_RX_DISABLED;
        Set.LsoV2IPv4 = Set.LsoV2IPv6 = NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED, NDIS_STATUS_SUCCESS);
    IS_ON(1, 1, 1, 1, 1, 1, 1);
    /* What makes no sense, and what we do not have, changes nothing. */
    SET(Set.IPv4Checksum = 1; Set.UDPIPv6Checksum = 5, NDIS_STATUS_INVALID_DATA);
    SET(Set.LsoV2IPv4 = 3, NDIS_STATUS_INVALID_DATA);
    SET(Set.IPv4Checksum = 1; Set.LsoV1 = NDIS_OFFLOAD_PARAMETERS_LSOV1_ENABLED, NDIS_STATUS_NOT_SUPPORTED);
    SET(Set.TcpConnectionIPv6 = NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_ENABLED, NDIS_STATUS_NOT_SUPPORTED);
    SET(Set.LsoV1 = NDIS_OFFLOAD_PARAMETERS_LSOV1_DISABLED, NDIS_STATUS_SUCCESS);
    SET(Set.Header.Type = 0x11, NDIS_STATUS_INVALID_DATA);
    SET(Set.Header.Revision = 0, NDIS_STATUS_INVALID_DATA);
    SET(Set.Header.Size--, NDIS_STATUS_INVALID_DATA);
    LabEqual(NdisHostSetOffload(Adapter, &Nothing, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1 - 1),
             NDIS_STATUS_INVALID_LENGTH);
    IS_ON(1, 1, 1, 1, 1, 1, 1);
    ProgramClose(&Program);
    LabClose(&Lab);
    /* A stack that never uses offloads, whatever is said to it of them. */
    setenv("HOST_NDIS_OFFLOAD", "0", TRUE);
    LabOpen(&Lab);
    unsetenv("HOST_NDIS_OFFLOAD");
    Adapter = StackAdapter(Lab.Stack);
    On = NdisHostOffload(Adapter);
    IS_ON(0, 0, 0, 0, 0, 0, 0);
    SET(Set.LsoV2IPv4 = NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED, NDIS_STATUS_SUCCESS);
    IS_ON(0, 0, 0, 0, 0, 0, 0);
    LabClose(&Lab);
}
