/* SPDX-License-Identifier: MIT */
/*
 * TCP in pieces of up to 64 KiB between us and Linux: segment.c makes packets of what Linux hands over as one,
 * coalesce.c makes one of packets that follow each other. Beneath the backend, which knows NDIS; here there are only
 * bytes. No threads, no locks, no allocation: each object is its caller's. The header before each packet of a TUN
 * device with IFF_VNET_HDR is struct virtio_net_hdr: "Virtual I/O Device (VIRTIO)", 5.1.6 Device Operation.
 */
#ifndef HOST_LINUX_OFFLOAD_H
#define HOST_LINUX_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "host/linux/syscall.h"
#include "host/linux/tun.h"

#define VNET_NEEDS_CHECKSUM 1
#define VNET_GSO_NONE       0
#define VNET_GSO_TCPV4      1
#define VNET_GSO_TCPV6      4

#define IPV4_HEADER       20
#define IPV6_HEADER       40
#define TCP_HEADER        20
#define TCP_HEADER_MAX    60
#define TCP_FIN           0x01
#define TCP_PSH           0x08
#define TCP_ACK           0x10
#define TCP_CWR           0x80
#define IP_PROTOCOL_TCP   6
#define OFFLOAD_MAX       65535 /* bytes of an IP packet, super-packet or not */
#define COALESCE_SEGMENTS 64

/* All in the machine's byte order, which is little-endian. */
typedef struct _VNET_HEADER
{
    uint8_t Flags, GsoType;
    uint16_t HeaderLength;                  /* bytes of headers before the payload: a hint */
    uint16_t GsoSize;                       /* payload bytes of each segment but the last */
    uint16_t ChecksumStart, ChecksumOffset; /* sum from here to the end; its complement goes this far behind there */
} VNET_HEADER;

_Static_assert(sizeof(VNET_HEADER) == TUN_HEADER, "what the TUN device is told");

/* A super-packet that is being taken apart. */
typedef struct _SEGMENTER
{
    const uint8_t *Packet;
    uint32_t TcpOffset, HeaderLength, Size; /* HeaderLength: IP's and TCP's together */
    uint32_t SegmentSize, Next, Index;      /* Next: where the next segment's payload begins; Size: none is left */
    bool Ipv6;
} SEGMENTER;

/* Packets that are becoming one; CoalesceClear begins. */
typedef struct _COALESCER
{
    uint32_t Count; /* segments */
    uint32_t Size;  /* bytes of the packet that they make */
    uint32_t HeaderLength, SegmentSize, NextSequence;
    bool Ipv6, Verified, Closed; /* Verified: the first one's checksums; Closed: nothing may follow */
    VNET_HEADER Vnet;
    uint8_t Header[IPV6_HEADER + TCP_HEADER_MAX];
    LINUX_IOVEC Parts[2 + COALESCE_SEGMENTS]; /* Vnet, Header, payloads; of one segment alone: Vnet, packet */
} COALESCER;

/* Begins with a super-packet, which must stay as it is until its last segment is taken. False: it is none of TCP. */
bool SegmentStart(SEGMENTER *Segmenter, const VNET_HEADER *Vnet, const uint8_t *Packet, uint32_t Size);
/* How many segments are left. */
uint32_t SegmentsLeft(const SEGMENTER *Segmenter);
/* Writes the next segment, a whole IP packet with right checksums: its size, at most HeaderLength + SegmentSize bytes.
 * One must be left. */
uint32_t SegmentNext(SEGMENTER *Segmenter, uint8_t *To);
/* Copies a packet that is no super-packet and completes the checksum that the header asks for, of any protocol. A
 * header that makes no sense is not obeyed. */
void CompleteChecksum(const VNET_HEADER *Vnet, uint8_t *To, const uint8_t *Packet, uint32_t Size);

/* True: the packet is one of them now, and must stay until CoalesceFinish's parts are written. False: it is not, the
 * coalescer is as before. Only packets whose IP and TCP checksums are right are put together, and only such as
 * SegmentNext would make again of the whole, but for the identification of a packet that may not be fragmented. */
bool CoalesceAdd(COALESCER *Coalescer, const uint8_t *Packet, uint32_t Size);
/* No packets yet. */
static inline void CoalesceClear(COALESCER *Coalescer)
{
    Coalescer->Count = 0;
    Coalescer->Closed = false;
}

/* Completes Vnet, Header and Parts: how many Parts to write in one call. There is at least one segment. */
uint32_t CoalesceFinish(COALESCER *Coalescer);

static inline uint16_t SwapShort(uint16_t Value)
{
    return __builtin_bswap16(Value);
}

/* Numbers of a packet, in network order, at any address. */
static inline uint16_t LoadShort(const uint8_t *From)
{
    return (uint16_t)(From[0] << 8 | From[1]);
}

static inline uint32_t LoadLong(const uint8_t *From)
{
    return (uint32_t)From[0] << 24 | (uint32_t)From[1] << 16 | (uint32_t)From[2] << 8 | From[3];
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

/* A folded sum, which lies in memory as it is in the register. */
static inline void StoreSum(uint8_t *To, uint16_t Sum)
{
    __builtin_memcpy(To, &Sum, sizeof(Sum));
}

#endif
