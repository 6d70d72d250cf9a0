/* SPDX-License-Identifier: MIT */
/*
 * Packets that follow each other in a flow become one super-packet: the reverse of ring/segment.h, for programs that send
 * (join.c), and for the host, which hands them to Linux. The rules are those of Linux' own GRO, and stricter: what would be
 * made of the whole by segmentation is what came. Freestanding, on the caller's memory, without threads or locks.
 */
#ifndef PLAINTUN_COALESCE_H
#define PLAINTUN_COALESCE_H

#include "ring/segment.h"

#define COALESCE_SEGMENTS 64u /* what every Linux takes of UDP; of TCP with usual MTUs 64 KiB are fewer */

/* Packets that are becoming one; CoalesceClear begins. */
typedef struct _COALESCER
{
    uint32_t Count; /* segments */
    uint32_t Size;  /* bytes of the packet that they make */
    uint32_t HeaderLength, SegmentSize, NextSequence;
    bool Datagrams;                   /* UDP, too, and not TCP alone */
    bool Ipv6, Udp, Verified, Closed; /* Verified: the first one's checksums; Closed: nothing may follow */
    uint8_t Header[IPV6_HEADER + TCP_HEADER_MAX];
    const uint8_t *Packets[COALESCE_SEGMENTS]; /* headers and all; the payload of each but the last is SegmentSize */
} COALESCER;

/* No packets yet. Datagrams: UDP is put together, too. */
static inline void CoalesceClear(COALESCER *Coalescer, bool Datagrams)
{
    Coalescer->Datagrams = Datagrams;
    Coalescer->Count = 0;
    Coalescer->Closed = false;
}

static inline uint32_t CoalesceIp(bool Ipv6)
{
    return Ipv6 ? IPV6_HEADER : IPV4_HEADER;
}

/* Sum of the pseudo-header: RFC 9293 3.1, RFC 768, RFC 8200 8.1. */
static inline uint64_t CoalescePseudo(const uint8_t *Packet, bool Ipv6, bool Udp, uint32_t Length)
{
    return ChecksumAdd(Packet + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8, 0) +
           ChecksumShort(Udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP) + ChecksumShort(Length);
}

static inline bool CoalesceRight(const COALESCER *Coalescer, const uint8_t *Packet, uint32_t Size)
{
    uint32_t Ip = CoalesceIp(Coalescer->Ipv6);
    return (Coalescer->Ipv6 || ChecksumFold(ChecksumAdd(Packet, Ip, 0)) == 0xffff) &&
           ChecksumFold(ChecksumAdd(Packet + Ip, Size - Ip,
                                    CoalescePseudo(Packet, Coalescer->Ipv6, Coalescer->Udp, Size - Ip))) == 0xffff;
}

/* The length of the headers of a packet that may be put together with others; 0: it may not. */
static inline uint32_t CoalesceMergeable(const uint8_t *Packet, uint32_t Size)
{
    if (Size < IPV4_HEADER + UDP_HEADER || Size > SEGMENT_SIZE_MAX)
        return 0;
    bool Ipv6 = Packet[0] >> 4 == 6, Udp = Packet[Ipv6 ? 6 : 9] == IP_PROTOCOL_UDP;
    uint32_t Ip = CoalesceIp(Ipv6);
    if (Ipv6 ? LoadShort(Packet + 4) != Size - IPV6_HEADER
             : Packet[0] != 0x45 || LoadShort(Packet + 2) != Size ||
                   (LoadShort(Packet + 6) & ~0x4000)) /* a fragment, or the reserved bit */
        return 0;
    if (Udp) /* a checksum of 0 is none: RFC 768 */
        return Size > Ip + UDP_HEADER && LoadShort(Packet + Ip + 4) == Size - Ip && LoadShort(Packet + Ip + 6)
                   ? Ip + UDP_HEADER
                   : 0;
    if (Packet[Ipv6 ? 6 : 9] != IP_PROTOCOL_TCP || Size < Ip + TCP_HEADER)
        return 0;
    uint32_t Header = Ip + (Packet[Ip + 12] >> 4) * 4u;
    /* Only ACK and PSH, none of the four reserved bits; something to carry. */
    if (Header < Ip + TCP_HEADER || Header >= Size || (Packet[Ip + 12] & 15) || (Packet[Ip + 13] & ~TCP_PSH) != TCP_ACK)
        return 0;
    return Header;
}

static inline bool CoalesceSame(const uint8_t *One, const uint8_t *Other, uint32_t From, uint32_t To)
{
    uint8_t Difference = 0;
    for (uint32_t I = From; I < To; I++)
        Difference |= One[I] ^ Other[I];
    return !Difference;
}

/* Whether the headers are those of the next segment of the flow. Packet is mergeable, its headers as long as the first one's. */
static inline bool CoalesceFollows(const COALESCER *Coalescer, const uint8_t *Packet)
{
    const uint8_t *First = Coalescer->Header;
    uint32_t Ip = CoalesceIp(Coalescer->Ipv6);
    if (!(Coalescer->Ipv6 ? CoalesceSame(First, Packet, 0, 4) && CoalesceSame(First, Packet, 6, Ip) /* but the length */
                          /* all but length, identification and checksum */
                          : CoalesceSame(First, Packet, 0, 2) && CoalesceSame(First, Packet, 6, 10) &&
                                CoalesceSame(First, Packet, 12, Ip)))
        return false;
    /* The identification counts up, or means nothing: RFC 6864 4. */
    if (!Coalescer->Ipv6 && LoadShort(Packet + 4) != (uint16_t)(LoadShort(First + 4) + Coalescer->Count) &&
        !(LoadShort(Packet + 4) == LoadShort(First + 4) && (First[6] & 0x40)))
        return false;
    /* Ports; acknowledgment and data offset; then, behind the flags, window; urgent pointer and options. */
    return CoalesceSame(First, Packet, Ip, Ip + 4) &&
           (Coalescer->Udp ||
            (LoadLong(Packet + Ip + 4) == Coalescer->NextSequence && CoalesceSame(First, Packet, Ip + 8, Ip + 13) &&
             CoalesceSame(First, Packet, Ip + 14, Ip + 16) &&
             CoalesceSame(First, Packet, Ip + 18, Coalescer->HeaderLength)));
}

/*
 * True: the packet is one of them now, and must stay until the whole is written. False: it is not, the coalescer is as before,
 * but that Closed may be set. Only packets whose IP and TCP or UDP checksums are right are put together, and only such as
 * SegmentNext would make again of the whole, but for the identification of a packet that may not be fragmented.
 */
static inline bool CoalesceAdd(COALESCER *Coalescer, const uint8_t *Packet, uint32_t Size)
{
    uint32_t Header = Coalescer->Closed ? 0 : CoalesceMergeable(Packet, Size);
    if (!Header)
        return false;
    uint32_t Payload = Size - Header;
    bool Ipv6 = Packet[0] >> 4 == 6, Udp = Packet[Ipv6 ? 6 : 9] == IP_PROTOCOL_UDP;
    uint32_t Ip = CoalesceIp(Ipv6);
    if (Udp && !Coalescer->Datagrams)
        return false;
    if (!Coalescer->Count)
    {
        Coalescer->Ipv6 = Ipv6;
        Coalescer->Udp = Udp;
        Coalescer->Size = Header;
        Coalescer->HeaderLength = Header;
        Coalescer->SegmentSize = Payload;
        Coalescer->NextSequence = Udp ? 0 : LoadLong(Packet + Ip + 4);
        Coalescer->Verified = false;
        __builtin_memcpy(Coalescer->Header, Packet, Header);
    }
    else
    {
        if (Coalescer->Count == COALESCE_SEGMENTS || Ipv6 != Coalescer->Ipv6 || Udp != Coalescer->Udp ||
            Header != Coalescer->HeaderLength || Payload > Coalescer->SegmentSize ||
            Coalescer->Size + Payload > SEGMENT_SIZE_MAX || !CoalesceFollows(Coalescer, Packet) ||
            !CoalesceRight(Coalescer, Packet, Size))
            return false;
        /* The first one's checksum is looked at only when there is a second: most packets have none. */
        if (!Coalescer->Verified && !CoalesceRight(Coalescer, Coalescer->Packets[0], Coalescer->Size))
        {
            Coalescer->Closed = true;
            return false;
        }
        Coalescer->Verified = true;
        if (!Udp)
            Coalescer->Header[Ip + 13] |= Packet[Ip + 13] & TCP_PSH;
    }
    Coalescer->Packets[Coalescer->Count++] = Packet;
    Coalescer->Size += Payload;
    Coalescer->NextSequence += Payload;
    /* Behind a pushed or a short one, segmentation would put no other. */
    Coalescer->Closed = (!Udp && (Packet[Ip + 13] & TCP_PSH)) || Payload < Coalescer->SegmentSize;
    return true;
}

/* How many bytes of payload packet Index has. */
static inline uint32_t CoalescePayload(const COALESCER *Coalescer, uint32_t Index)
{
    uint32_t Before = Coalescer->HeaderLength + Index * Coalescer->SegmentSize;
    return Index + 1 < Coalescer->Count ? Coalescer->SegmentSize : Coalescer->Size - Before;
}

/* Completes Header, behind which the payloads belong: its virtio-net header. There are at least two packets. */
static inline VNET_HEADER CoalesceFinish(COALESCER *Coalescer)
{
    uint8_t *Header = Coalescer->Header;
    uint32_t Ip = CoalesceIp(Coalescer->Ipv6), Length = Coalescer->Size - Ip, Field = Coalescer->Udp ? 6 : 16;
    if (Coalescer->Ipv6)
        StoreShort(Header + 4, Coalescer->Size - IPV6_HEADER);
    else
    {
        StoreShort(Header + 2, Coalescer->Size);
        StoreShort(Header + 10, 0);
        ChecksumStore(Header + 10, (uint16_t)~ChecksumFold(ChecksumAdd(Header, Ip, 0)));
    }
    if (Coalescer->Udp)
        StoreShort(Header + Ip + 4, Length);
    ChecksumStore(Header + Ip + Field, ChecksumFold(CoalescePseudo(Header, Coalescer->Ipv6, Coalescer->Udp, Length)));
    return (VNET_HEADER){
        .Flags = VNET_NEEDS_CHECKSUM,
        .GsoType = Coalescer->Udp    ? VNET_GSO_UDP
                   : Coalescer->Ipv6 ? VNET_GSO_TCPV6
                                     : VNET_GSO_TCPV4,
        .HeaderLength = (uint16_t)Coalescer->HeaderLength,
        .GsoSize = (uint16_t)Coalescer->SegmentSize,
        .ChecksumStart = (uint16_t)Ip,
        .ChecksumOffset = (uint16_t)Field,
    };
}

/* Copies a packet that is no super-packet and completes the checksum that Vnet asks for, of any protocol. A header that makes
 * no sense is not obeyed. */
static inline void SegmentComplete(const VNET_HEADER *Vnet, uint8_t *To, const uint8_t *Packet, uint32_t Size)
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
    /* 0 would mean "none" in UDP, whose field lies there: RFC 768. In others it is a sum like any. */
    ChecksumStore(To + Field, !Sum && Vnet->ChecksumOffset == 6 ? 0xffff : Sum);
}

#endif
