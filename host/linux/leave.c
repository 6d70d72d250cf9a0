/* SPDX-License-Identifier: MIT */
/*
 * From Linux to a miniport that has offloads on: what Linux leaves to the reader of its interface goes on in NDIS' words, as
 * TCP/IP says it. "Using NBL Information to Communicate Checksum Information", "Offloading the Segmentation of Large TCP
 * Packets". And from a miniport to Linux: "Indicating Coalesced Segments". Pure functions on the caller's memory.
 */
#include "host/linux/leave.h"

/* TCP's default of RFC 9293 3.7.1, 536 bytes, less the most options. What has smaller segments gains nothing, but could be so
 * many that a miniport has cause to refuse them: they are cut here. */
#define SEGMENT_LEAST 496u

/* What the miniport has on for one family. */
typedef struct _LEFT
{
    ULONG Ip, Tcp, Udp, Most, Least;
} LEFT;

static LEFT LeftOf(_In_ const NDIS_OFFLOAD *On, _In_ BOOLEAN Ipv6)
{
    if (Ipv6)
        return (LEFT){.Tcp = On->Checksum.IPv6Transmit.TcpChecksum,
                      .Udp = On->Checksum.IPv6Transmit.UdpChecksum,
                      .Most = On->LsoV2.IPv6.MaxOffLoadSize,
                      .Least = On->LsoV2.IPv6.MinSegmentCount};
    return (LEFT){.Ip = On->Checksum.IPv4Transmit.IpChecksum,
                  .Tcp = On->Checksum.IPv4Transmit.TcpChecksum,
                  .Udp = On->Checksum.IPv4Transmit.UdpChecksum,
                  .Most = On->LsoV2.IPv4.MaxOffLoadSize,
                  .Least = On->LsoV2.IPv4.MinSegmentCount};
}

ULONG Leave(const NDIS_OFFLOAD *On, const VNET_HEADER *Vnet, PUCHAR Packet, ULONG Length, NET_BUFFER_LIST *List)
{
    UCHAR Protocol = 0;
    ULONG At = SegmentTransport(Packet, min(Length, SEGMENT_HEADERS), Length, &Protocol), Segments = 1;
    BOOLEAN Ipv6 = Packet[0] >> 4 == 6, Udp = Protocol == IP_PROTOCOL_UDP;
    LEFT Left = LeftOf(On, Ipv6);
    /* TCP/IP does not leave packets with a routing header, of whose address the sum would be: none with any extension here. */
    if (!(Vnet->Flags & VNET_NEEDS_CHECKSUM) || !At || (Ipv6 && At != IPV6_HEADER) || At != Vnet->ChecksumStart ||
        Vnet->ChecksumOffset != (Udp ? 6 : 16) || !(Udp ? Left.Udp : Protocol == IP_PROTOCOL_TCP && Left.Tcp))
        return 0;
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum = {.Value = NULL};
    Checksum.Transmit.IsIPv4 = !Ipv6;
    Checksum.Transmit.IsIPv6 = Ipv6;
    Checksum.Transmit.TcpChecksum = !Udp;
    Checksum.Transmit.UdpChecksum = Udp;
    Checksum.Transmit.TcpHeaderOffset = Udp ? 0 : At;
    if (Vnet->GsoType != VNET_GSO_NONE)
    {
        ULONG Payload = Length - min(Length, At + (Packet[At + 12] >> 4) * 4u), Mss = Vnet->GsoSize;
        if (Udp || Mss < SEGMENT_LEAST || Payload > Left.Most || Payload <= (Left.Least - 1) * Mss)
            return 0;
        Segments = (Payload + Mss - 1) / Mss;
        NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Send = {.Value = NULL};
        Send.LsoV2Transmit.MSS = Mss;
        Send.LsoV2Transmit.TcpHeaderOffset = At;
        Send.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        Send.LsoV2Transmit.IPVersion = Ipv6 ? NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6 : NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4;
        NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) = Send.Value;
        /* IP's length is NET_BUFFER's, and not in the pseudo-header's sum either. */
        StoreShort(Packet + (Ipv6 ? 4 : 2), 0);
        ChecksumStore(Packet + At + 16, ChecksumFold(ChecksumAdd(Packet + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8,
                                                                 ChecksumShort(IP_PROTOCOL_TCP))));
    }
    if (Left.Ip)
    {
        Checksum.Transmit.IpHeaderChecksum = 1;
        StoreShort(Packet + 10, 0);
    }
    NET_BUFFER_LIST_INFO(List, TcpIpChecksumNetBufferListInfo) = Checksum.Value;
    return Segments;
}

ULONG Take(const NET_BUFFER_LIST *List, const UCHAR *Packet, ULONG Have, ULONG Length, VNET_HEADER *Vnet,
           PUCHAR Headers)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum = {
        .Value = NET_BUFFER_LIST_INFO(List, TcpIpChecksumNetBufferListInfo)};
    NDIS_RSC_NBL_INFO Coalesced = {.Value = NET_BUFFER_LIST_INFO(List, TcpRecvSegCoalesceInfo)};
    ULONG Segments = Coalesced.Info.CoalescedSegCount;
    *Vnet = (VNET_HEADER){.GsoType = VNET_GSO_NONE};
    if (Checksum.Receive.TcpChecksumSucceeded || Checksum.Receive.UdpChecksumSucceeded)
        Vnet->Flags = VNET_DATA_VALID;
    UCHAR Protocol = 0;
    ULONG At = Segments ? SegmentTransport(Packet, min(Have, SEGMENT_HEADERS), Length, &Protocol) : 0;
    if (!At || Protocol != IP_PROTOCOL_TCP || At + TCP_HEADER > Have)
        return 0;
    BOOLEAN Ipv6 = Packet[0] >> 4 == 6;
    ULONG Size = At + (Packet[At + 12] >> 4) * 4u;
    if (Size > min(Have, SEGMENT_HEADERS) || Size >= Length)
        return 0;
    RtlCopyMemory(Headers, Packet, Size);
    /* How long a segment was is not told; all but the last were of one length. */
    *Vnet = (VNET_HEADER){.Flags = VNET_NEEDS_CHECKSUM,
                          .GsoType = Ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4,
                          .HeaderLength = (USHORT)Size,
                          .GsoSize = (USHORT)((Length - Size + Segments - 1) / Segments),
                          .ChecksumStart = (USHORT)At,
                          .ChecksumOffset = 16};
    ULONG64 Pseudo = ChecksumAdd(Headers + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8, ChecksumShort(IP_PROTOCOL_TCP));
    ChecksumStore(Headers + At + 16, ChecksumFold(Pseudo + ChecksumShort(Length - At)));
    return Size;
}
