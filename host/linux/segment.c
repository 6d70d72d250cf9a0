/* SPDX-License-Identifier: MIT */
/*
 * From Linux to the miniport: a TCP super-packet becomes the segments that Linux would have sent, and a checksum that
 * was left to the device is completed. Pure functions on the caller's memory.
 */
#include "host/linux/checksum.h"
#include "host/linux/offload.h"

bool SegmentStart(SEGMENTER *Segmenter, const VNET_HEADER *Vnet, const uint8_t *Packet, uint32_t Size)
{
    uint32_t Tcp = Vnet->ChecksumStart;
    bool Ipv6 = Vnet->GsoType == VNET_GSO_TCPV6;
    /* Linux tells where TCP begins, whatever IPv6 headers precede it. */
    if ((!Ipv6 && Vnet->GsoType != VNET_GSO_TCPV4) || !(Vnet->Flags & VNET_NEEDS_CHECKSUM) ||
        Vnet->ChecksumOffset != 16 || !Vnet->GsoSize || Size > OFFLOAD_MAX ||
        Tcp < (Ipv6 ? IPV6_HEADER : IPV4_HEADER) || Tcp + TCP_HEADER > Size || Packet[0] >> 4 != (Ipv6 ? 6 : 4))
    {
        return false;
    }
    uint32_t Header = Tcp + (Packet[Tcp + 12] >> 4) * 4u;
    if (Header < Tcp + TCP_HEADER || Header >= Size || Header + Vnet->GsoSize > OFFLOAD_MAX ||
        (!Ipv6 && Tcp != (Packet[0] & 15) * 4u))
    {
        return false;
    }
    *Segmenter = (SEGMENTER){
        .Packet = Packet,
        .TcpOffset = Tcp,
        .HeaderLength = Header,
        .Size = Size,
        .SegmentSize = Vnet->GsoSize,
        .Next = Header,
        .Ipv6 = Ipv6,
    };
    return true;
}

uint32_t SegmentsLeft(const SEGMENTER *Segmenter)
{
    uint32_t Left = Segmenter->Size - Segmenter->Next;
    return Left ? (Left + Segmenter->SegmentSize - 1) / Segmenter->SegmentSize : 0;
}

uint32_t SegmentNext(SEGMENTER *Segmenter, uint8_t *To)
{
    const uint8_t *Packet = Segmenter->Packet;
    uint32_t Offset = Segmenter->Next, Left = Segmenter->Size - Offset, Header = Segmenter->HeaderLength;
    uint32_t Payload = Left < Segmenter->SegmentSize ? Left : Segmenter->SegmentSize, Size = Header + Payload;
    uint8_t *Tcp = To + Segmenter->TcpOffset;
    __builtin_memcpy(To, Packet, Header);
    if (Segmenter->Ipv6)
    {
        StoreShort(To + 4, Size - IPV6_HEADER);
    }
    else
    {
        StoreShort(To + 2, Size);
        StoreShort(To + 4, LoadShort(Packet + 4) + Segmenter->Index);
        StoreShort(To + 10, 0);
        StoreSum(To + 10, (uint16_t)~ChecksumFold(ChecksumAdd(To, Segmenter->TcpOffset, 0)));
    }
    StoreLong(Tcp + 4, LoadLong(Tcp + 4) + (Offset - Header));
    /* What concerns the first or the last segment only: RFC 9293 3.1, RFC 3168 6.1.2. */
    if (Segmenter->Index)
        Tcp[13] &= (uint8_t)~TCP_CWR;
    if (Payload < Left)
        Tcp[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
    uint16_t Pseudo;
    /* The checksum field holds the sum of the pseudo-header, in which the whole's length stands: it is exchanged for
     * the segment's. Addresses that a routing header names instead of IPv6's own are in it already. */
    __builtin_memcpy(&Pseudo, Packet + Segmenter->TcpOffset + 16, 2);
    StoreShort(Tcp + 16, 0);
    uint64_t Sum = (uint64_t)Pseudo + (uint16_t)~SwapShort((uint16_t)(Segmenter->Size - Segmenter->TcpOffset)) +
                   SwapShort((uint16_t)(Size - Segmenter->TcpOffset));
    Sum = ChecksumAdd(Tcp, Header - Segmenter->TcpOffset, Sum);
    StoreSum(Tcp + 16, (uint16_t)~ChecksumFold(ChecksumCopy(To + Header, Packet + Offset, Payload, Sum)));
    Segmenter->Next += Payload;
    Segmenter->Index++;
    return Size;
}

void CompleteChecksum(const VNET_HEADER *Vnet, uint8_t *To, const uint8_t *Packet, uint32_t Size)
{
    uint32_t Start = Vnet->ChecksumStart, Field = Start + Vnet->ChecksumOffset;
    if (!(Vnet->Flags & VNET_NEEDS_CHECKSUM) || Start > Size || Field + 2 > Size)
    {
        __builtin_memcpy(To, Packet, Size);
        return;
    }
    /* The field holds the sum of the pseudo-header. */
    __builtin_memcpy(To, Packet, Start);
    uint16_t Sum = (uint16_t)~ChecksumFold(ChecksumCopy(To + Start, Packet + Start, Size - Start, 0));
    StoreSum(To + Field, Sum ? Sum : 0xffff); /* 0 would mean "none" in UDP: RFC 768 */
}
