/* SPDX-License-Identifier: MIT */
/*
 * Super-packets: TCP or UDP of up to 64 KiB under one header, with a virtio-net header that says how it is to be cut, and
 * packets whose checksum is left to who sends them. Freestanding, on the caller's memory, without threads or locks: driver,
 * library and host cut with the same code. "Virtual I/O Device (VIRTIO)", 5.1.6 Device Operation; Linux' tun.rst.
 *
 * The fields and the packet may be a program's, and hostile: SegmentStart looks at a private copy of either, refuses what
 * does not agree with itself, and from there on only payload is read from outside.
 */
#ifndef PLAINTUN_SEGMENT_H
#define PLAINTUN_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include "ring/checksum.h"

#define VNET_NEEDS_CHECKSUM 1 /* Flags */
#define VNET_DATA_VALID     2
#define VNET_GSO_NONE       0 /* GsoType */
#define VNET_GSO_TCPV4      1
#define VNET_GSO_TCPV6      4
#define VNET_GSO_UDP        5    /* VIRTIO_NET_HDR_GSO_UDP_L4: datagrams, not fragments */
#define VNET_GSO_ECN        0x80 /* with TCP: CWR is set, and belongs into the first segment only */

#define IPV4_HEADER      20
#define IPV6_HEADER      40
#define UDP_HEADER       8
#define TCP_HEADER       20
#define TCP_HEADER_MAX   60
#define TCP_FIN          0x01
#define TCP_PSH          0x08
#define TCP_ACK          0x10
#define TCP_CWR          0x80
#define IP_PROTOCOL_TCP  6
#define IP_PROTOCOL_UDP  17
#define SEGMENT_HEADERS  256u /* bytes of IP's and TCP's or UDP's headers that are looked at: what has more is refused */
#define SEGMENT_SIZE_MAX 65535u /* bytes of an IP packet, super-packet or not */

/* In the machine's byte order, which is little-endian. */
typedef struct _VNET_HEADER
{
    uint8_t Flags, GsoType;
    uint16_t HeaderLength;                  /* bytes of headers before the payload: a hint, never believed */
    uint16_t GsoSize;                       /* payload bytes of each segment but the last */
    uint16_t ChecksumStart, ChecksumOffset; /* sum from here to the end; its complement goes this far behind there */
} VNET_HEADER;

/* A super-packet that is being cut. */
typedef struct _SEGMENTER
{
    uint32_t Transport, HeaderLength, Size; /* bytes: IP's headers; all headers; the whole */
    uint32_t SegmentSize, Next, Index;      /* Next: where the next segment's payload begins; Size: none is left */
    bool Ipv6, Udp;
    uint8_t Header[SEGMENT_HEADERS];
} SEGMENTER;

/* Numbers of a packet, in network order, at any address. */
static inline uint16_t LoadShort(const uint8_t *From)
{
    return (uint16_t)(From[0] << 8 | From[1]);
}

static inline uint32_t LoadLong(const uint8_t *From)
{
    return (uint32_t)LoadShort(From) << 16 | LoadShort(From + 2);
}

static inline void StoreShort(uint8_t *To, uint32_t Value)
{
    To[0] = (uint8_t)(Value >> 8);
    To[1] = (uint8_t)Value;
}

static inline void StoreLong(uint8_t *To, uint32_t Value)
{
    StoreShort(To, Value >> 16);
    StoreShort(To + 2, Value);
}

/* Where TCP or UDP begins in a packet of Size bytes, of which the first Have are at Head; 0: it is neither, a fragment, has
 * headers that we do not know, or a length of its own that is not Size. *Protocol says which of the two it is. */
static inline uint32_t SegmentTransport(const uint8_t *Head, uint32_t Have, uint32_t Size, uint8_t *Protocol)
{
    if (Have >= IPV4_HEADER && Head[0] >> 4 == 4)
    {
        uint32_t At = (Head[0] & 15) * 4u;
        *Protocol = Head[9];
        return At >= IPV4_HEADER && LoadShort(Head + 2) == Size && !(LoadShort(Head + 6) & 0x3fff) ? At : 0;
    }
    if (Have < IPV6_HEADER || Head[0] >> 4 != 6 || LoadShort(Head + 4) != Size - IPV6_HEADER)
        return 0;
    *Protocol = Head[6];
    uint32_t At = IPV6_HEADER;
    /* Hop-by-hop options, routing, destination options: RFC 8200 4. */
    while ((*Protocol == 0 || *Protocol == 43 || *Protocol == 60) && At + 8 <= Have)
    {
        *Protocol = Head[At];
        At += (Head[At + 1] + 1u) * 8;
    }
    return At;
}

/* Looks at the headers of a packet of Size bytes, whose first Have are in Header, and begins with it as one segment. False: it
 * is no TCP or UDP that we know all headers of, or they do not agree with each other. */
static inline bool SegmentParse(SEGMENTER *Segmenter, uint32_t Have, uint32_t Size)
{
    const uint8_t *Header = Segmenter->Header;
    uint8_t Protocol = 0;
    uint32_t At = Size <= SEGMENT_SIZE_MAX ? SegmentTransport(Header, Have, Size, &Protocol) : 0;
    bool Udp = Protocol == IP_PROTOCOL_UDP;
    uint32_t Least = Udp ? UDP_HEADER : TCP_HEADER;
    if (!At || At + Least > Have || (Udp ? LoadShort(Header + At + 4) != Size - At : Protocol != IP_PROTOCOL_TCP))
        return false;
    uint32_t Length = Udp ? UDP_HEADER : (Header[At + 12] >> 4) * 4u;
    if (Length < Least || At + Length > Have)
        return false;
    Segmenter->Transport = At;
    Segmenter->HeaderLength = Segmenter->Next = At + Length;
    Segmenter->Size = Size;
    Segmenter->SegmentSize = Size - Segmenter->HeaderLength;
    Segmenter->Index = 0;
    Segmenter->Ipv6 = Header[0] >> 4 == 6;
    Segmenter->Udp = Udp;
    return true;
}

/*
 * Begins with a super-packet of Size bytes, of which the first Have are at Head: all, or at least SEGMENT_HEADERS. It may
 * become Most segments. False: it is no super-packet, or what Vnet says of it is not so. Its checksum field must hold the sum
 * of the pseudo-header, not complemented, with the whole's length in it, as Linux has it; a wrong one makes wrong segments.
 */
static inline bool SegmentStart(SEGMENTER *Segmenter, const VNET_HEADER *Vnet, const uint8_t *Head, uint32_t Have,
                                uint32_t Size, uint32_t Most)
{
    if (Have > SEGMENT_HEADERS)
        Have = SEGMENT_HEADERS;
    SEGMENTER Found;
    __builtin_memcpy(Found.Header, Head, Have);
    if (!SegmentParse(&Found, Have, Size))
        return false;
    uint8_t Type = Found.Udp ? VNET_GSO_UDP : Found.Ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
    uint32_t Payload = Found.SegmentSize;
    Found.SegmentSize = Vnet->GsoSize;
    if ((Vnet->GsoType & (Found.Udp ? 0xff : ~VNET_GSO_ECN)) != Type || !(Vnet->Flags & VNET_NEEDS_CHECKSUM) ||
        Vnet->ChecksumStart != Found.Transport || Vnet->ChecksumOffset != (Found.Udp ? 6 : 16) || !Payload ||
        !Found.SegmentSize || Found.HeaderLength + Found.SegmentSize > SEGMENT_SIZE_MAX ||
        (Payload + Found.SegmentSize - 1) / Found.SegmentSize > Most)
        return false;
    *Segmenter = Found;
    return true;
}

/* How many segments are left. */
static inline uint32_t SegmentsLeft(const SEGMENTER *Segmenter)
{
    uint32_t Left = Segmenter->Size - Segmenter->Next;
    return Left ? (Left + Segmenter->SegmentSize - 1) / Segmenter->SegmentSize : 0; /* 0 also before the first began */
}

/* Bytes of the next segment, headers and all. One must be left. */
static inline uint32_t SegmentSize(const SEGMENTER *Segmenter)
{
    uint32_t Left = Segmenter->Size - Segmenter->Next;
    return Segmenter->HeaderLength + (Left < Segmenter->SegmentSize ? Left : Segmenter->SegmentSize);
}

/*
 * Writes the next segment's headers to To, HeaderLength bytes. The caller puts the payload behind them: SegmentSize less
 * HeaderLength bytes, from Next of the super-packet on. What it returns is the sum to which the payload is added, with
 * ChecksumCopy or in parts, for SegmentFinish. To is only written: others may be able to change it.
 */
static inline uint64_t SegmentHeader(const SEGMENTER *Segmenter, uint8_t *To)
{
    uint32_t At = Segmenter->Transport, Length = Segmenter->HeaderLength, Size = SegmentSize(Segmenter);
    uint8_t Header[SEGMENT_HEADERS], *Transport = Header + At;
    __builtin_memcpy(Header, Segmenter->Header, Length);
    if (Segmenter->Ipv6)
        StoreShort(Header + 4, Size - IPV6_HEADER);
    else
    {
        StoreShort(Header + 2, Size);
        StoreShort(Header + 4, LoadShort(Header + 4) + Segmenter->Index);
        StoreShort(Header + 10, 0);
        ChecksumStore(Header + 10, (uint16_t)~ChecksumFold(ChecksumAdd(Header, At, 0)));
    }
    uint8_t *Field = Transport + (Segmenter->Udp ? 6 : 16);
    uint16_t Pseudo;
    __builtin_memcpy(&Pseudo, Field, sizeof(Pseudo));
    StoreShort(Field, 0);
    if (Segmenter->Udp)
        StoreShort(Transport + 4, Size - At);
    else
    {
        StoreLong(Transport + 4, LoadLong(Transport + 4) + (Segmenter->Next - Length));
        /* What concerns the first or the last segment only: RFC 9293 3.1, RFC 3168 6.1.2. */
        if (Segmenter->Index)
            Transport[13] &= (uint8_t)~TCP_CWR;
        if (Segmenter->Next + Size - Length < Segmenter->Size)
            Transport[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
    }
    __builtin_memcpy(To, Header, Length);
    /* In the pseudo-header's sum the whole's length is exchanged for the segment's. Addresses that a routing header names
     * instead of IPv6's own are in it already. */
    return ChecksumAdd(Transport, Length - At,
                       (uint64_t)Pseudo + (uint16_t)~ChecksumShort(Segmenter->Size - At) + ChecksumShort(Size - At));
}

/* Completes the segment at To with the sum over all of it, and goes on to the next: its size. */
static inline uint32_t SegmentFinish(SEGMENTER *Segmenter, uint8_t *To, uint64_t Sum)
{
    uint32_t Size = SegmentSize(Segmenter);
    uint16_t Checksum = (uint16_t)~ChecksumFold(Sum);
    /* 0 would mean "none" in UDP: RFC 768. */
    ChecksumStore(To + Segmenter->Transport + (Segmenter->Udp ? 6 : 16),
                  Segmenter->Udp && !Checksum ? 0xffff : Checksum);
    Segmenter->Next += Size - Segmenter->HeaderLength;
    Segmenter->Index++;
    return Size;
}

/* Writes the next segment of a super-packet that lies in one piece: its size. To has room for SegmentSize bytes. */
static inline uint32_t SegmentNext(SEGMENTER *Segmenter, const uint8_t *Packet, uint8_t *To)
{
    uint32_t Payload = SegmentSize(Segmenter) - Segmenter->HeaderLength;
    uint64_t Sum = SegmentHeader(Segmenter, To);
    Sum = ChecksumCopy(To + Segmenter->HeaderLength, Packet + Segmenter->Next, Payload, Sum);
    return SegmentFinish(Segmenter, To, Sum);
}

/* Completes, in place, the checksum of a packet that is no super-packet, in memory that nobody else changes. False: Vnet does
 * not say where TCP's or UDP's is. */
static inline bool SegmentFill(const VNET_HEADER *Vnet, uint8_t *Packet, uint32_t Size)
{
    uint8_t Protocol = 0;
    uint32_t At = SegmentTransport(Packet, Size < SEGMENT_HEADERS ? Size : SEGMENT_HEADERS, Size, &Protocol);
    bool Udp = Protocol == IP_PROTOCOL_UDP;
    if (!At || At + (Udp ? UDP_HEADER : TCP_HEADER) > Size || (!Udp && Protocol != IP_PROTOCOL_TCP) ||
        Vnet->ChecksumStart != At || Vnet->ChecksumOffset != (Udp ? 6 : 16) ||
        (Udp && LoadShort(Packet + At + 4) != Size - At))
        return false;
    uint16_t Checksum = (uint16_t)~ChecksumFold(ChecksumAdd(Packet + At, Size - At, 0));
    ChecksumStore(Packet + At + Vnet->ChecksumOffset, Udp && !Checksum ? 0xffff : Checksum);
    return true;
}

#endif
