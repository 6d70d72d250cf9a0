/* SPDX-License-Identifier: MIT */
/*
 * From the miniport to Linux: TCP segments that follow each other in one chain become one super-packet, which costs
 * Linux as much as one of them. The rules are those of Linux' own GRO, and stricter: what would be made of the whole
 * by segmentation is what came. Pure functions on the caller's memory.
 */
#include "host/linux/offload.h"

static uint32_t IpHeader(bool Ipv6)
{
    return Ipv6 ? IPV6_HEADER : IPV4_HEADER;
}

/* Sum of the TCP pseudo-header: RFC 9293 3.1, RFC 8200 8.1. */
static uint64_t PseudoSum(const uint8_t *Packet, bool Ipv6, uint32_t TcpLength)
{
    return ChecksumAdd(Packet + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8, 0) + ChecksumShort(IP_PROTOCOL_TCP) +
           ChecksumShort(TcpLength);
}

static bool ChecksumsRight(const uint8_t *Packet, uint32_t Size, bool Ipv6)
{
    uint32_t Ip = IpHeader(Ipv6);
    return (Ipv6 || ChecksumFold(ChecksumAdd(Packet, Ip, 0)) == 0xffff) &&
           ChecksumFold(ChecksumAdd(Packet + Ip, Size - Ip, PseudoSum(Packet, Ipv6, Size - Ip))) == 0xffff;
}

/* The length of the headers of a packet that may be put together with others; 0: it may not. */
static uint32_t Mergeable(const uint8_t *Packet, uint32_t Size)
{
    bool Ipv6 = Size && Packet[0] >> 4 == 6;
    uint32_t Ip = IpHeader(Ipv6);
    if (Size < Ip + TCP_HEADER || Size > SEGMENT_SIZE_MAX)
        return 0;
    if (Ipv6 ? Packet[6] != IP_PROTOCOL_TCP || LoadShort(Packet + 4) != Size - IPV6_HEADER
             : Packet[0] != 0x45 || Packet[9] != IP_PROTOCOL_TCP || LoadShort(Packet + 2) != Size ||
                   (LoadShort(Packet + 6) & ~0x4000)) /* a fragment, or the reserved bit */
    {
        return 0;
    }
    uint32_t Header = Ip + (Packet[Ip + 12] >> 4) * 4u;
    /* Only ACK and PSH, none of the four reserved bits; something to carry. */
    if (Header < Ip + TCP_HEADER || Header >= Size || (Packet[Ip + 12] & 15) || (Packet[Ip + 13] & ~TCP_PSH) != TCP_ACK)
        return 0;
    return Header;
}

static bool Same(const uint8_t *One, const uint8_t *Other, uint32_t From, uint32_t To)
{
    uint8_t Difference = 0;
    for (uint32_t I = From; I < To; I++)
        Difference |= One[I] ^ Other[I];
    return !Difference;
}

/* Whether the headers are those of the next segment of First's flow. Both are Mergeable and of the same length. */
static bool Follows(const COALESCER *Coalescer, const uint8_t *Packet)
{
    const uint8_t *First = Coalescer->Header;
    uint32_t Ip = IpHeader(Coalescer->Ipv6);
    if (LoadLong(Packet + Ip + 4) != Coalescer->NextSequence ||
        !(Coalescer->Ipv6 ? Same(First, Packet, 0, 4) && Same(First, Packet, 6, Ip) /* all but the length */
                          /* all but length, identification and checksum */
                          : Same(First, Packet, 0, 2) && Same(First, Packet, 6, 10) && Same(First, Packet, 12, Ip)))
    {
        return false;
    }
    /* The identification counts up, or means nothing: RFC 6864 4. */
    if (!Coalescer->Ipv6 && LoadShort(Packet + 4) != (uint16_t)(LoadShort(First + 4) + Coalescer->Count) &&
        !(LoadShort(Packet + 4) == LoadShort(First + 4) && (First[6] & 0x40)))
    {
        return false;
    }
    /* Ports; acknowledgment and data offset; then, behind the flags, window; urgent pointer and options. */
    return Same(First, Packet, Ip, Ip + 4) && Same(First, Packet, Ip + 8, Ip + 13) &&
           Same(First, Packet, Ip + 14, Ip + 16) && Same(First, Packet, Ip + 18, Coalescer->HeaderLength);
}

bool CoalesceAdd(COALESCER *Coalescer, const uint8_t *Packet, uint32_t Size)
{
    if (Coalescer->Closed)
        return false;
    uint32_t Header = Mergeable(Packet, Size);
    if (!Header)
        return false;
    uint32_t Payload = Size - Header;
    uint32_t Ip;
    if (!Coalescer->Count)
    {
        Coalescer->Ipv6 = Packet[0] >> 4 == 6;
        Ip = IpHeader(Coalescer->Ipv6);
        Coalescer->Size = Size;
        Coalescer->HeaderLength = Header;
        Coalescer->SegmentSize = Payload;
        Coalescer->NextSequence = LoadLong(Packet + Ip + 4) + Payload;
        Coalescer->Verified = false;
        __builtin_memcpy(Coalescer->Header, Packet, Header);
        Coalescer->Parts[1] = (LINUX_IOVEC){.Base = (void *)(uintptr_t)Packet, .Length = Size};
    }
    else
    {
        Ip = IpHeader(Coalescer->Ipv6);
        if (Coalescer->Count == COALESCE_SEGMENTS || Header != Coalescer->HeaderLength ||
            Payload > Coalescer->SegmentSize || Coalescer->Size + Payload > SEGMENT_SIZE_MAX ||
            !Follows(Coalescer, Packet) || !ChecksumsRight(Packet, Size, Coalescer->Ipv6))
        {
            return false;
        }
        /* The first one's checksum is looked at only when there is a second: most packets have none. */
        if (!Coalescer->Verified)
        {
            const LINUX_IOVEC *First = &Coalescer->Parts[1];
            if (!ChecksumsRight(First->Base, (uint32_t)First->Length, Coalescer->Ipv6))
            {
                Coalescer->Closed = true;
                return false;
            }
            Coalescer->Verified = true;
            Coalescer->Parts[2] =
                (LINUX_IOVEC){.Base = (uint8_t *)First->Base + Header, .Length = Coalescer->SegmentSize};
        }
        Coalescer->Size += Payload;
        Coalescer->NextSequence += Payload;
        Coalescer->Header[Ip + 13] |= Packet[Ip + 13] & TCP_PSH;
        Coalescer->Parts[2 + Coalescer->Count] =
            (LINUX_IOVEC){.Base = (void *)(uintptr_t)(Packet + Header), .Length = Payload};
    }
    Coalescer->Count++;
    /* Behind a pushed or a short one, segmentation would put no other. */
    Coalescer->Closed = (Packet[Ip + 13] & TCP_PSH) || Payload < Coalescer->SegmentSize;
    return true;
}

uint32_t CoalesceFinish(COALESCER *Coalescer)
{
    uint8_t *Header = Coalescer->Header;
    uint32_t Ip = IpHeader(Coalescer->Ipv6);
    Coalescer->Vnet = (VNET_HEADER){.GsoType = VNET_GSO_NONE};
    Coalescer->Parts[0] = (LINUX_IOVEC){.Base = &Coalescer->Vnet, .Length = sizeof(Coalescer->Vnet)};
    if (Coalescer->Count == 1)
        return 2;
    Coalescer->Vnet = (VNET_HEADER){
        .Flags = VNET_NEEDS_CHECKSUM,
        .GsoType = Coalescer->Ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4,
        .HeaderLength = (uint16_t)Coalescer->HeaderLength,
        .GsoSize = (uint16_t)Coalescer->SegmentSize,
        .ChecksumStart = (uint16_t)Ip,
        .ChecksumOffset = 16,
    };
    if (Coalescer->Ipv6)
    {
        StoreShort(Header + 4, Coalescer->Size - IPV6_HEADER);
    }
    else
    {
        StoreShort(Header + 2, Coalescer->Size);
        StoreShort(Header + 10, 0);
        ChecksumStore(Header + 10, (uint16_t)~ChecksumFold(ChecksumAdd(Header, Ip, 0)));
    }
    ChecksumStore(Header + Ip + 16, ChecksumFold(PseudoSum(Header, Coalescer->Ipv6, Coalescer->Size - Ip)));
    Coalescer->Parts[1] = (LINUX_IOVEC){.Base = Header, .Length = Coalescer->HeaderLength};
    return 2 + Coalescer->Count;
}
