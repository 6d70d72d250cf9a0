/* SPDX-License-Identifier: MIT */
/*
 * TCP in pieces of up to 64 KiB between us and Linux: ring/segment.h makes packets of what Linux hands over as one,
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
#include "ring/segment.h"

#define COALESCE_SEGMENTS 64

_Static_assert(sizeof(VNET_HEADER) == TUN_HEADER, "what the TUN device is told");

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

#endif
