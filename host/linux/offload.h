/* SPDX-License-Identifier: MIT */
/*
 * TCP in pieces of up to 64 KiB between us and Linux: ring/segment.h makes packets of what Linux hands over as one,
 * library/coalesce.h one of packets that follow each other. Beneath the backend, which knows NDIS; here there are only
 * bytes. No threads, no locks, no allocation: each object is its caller's. The header before each packet of a TUN
 * device with IFF_VNET_HDR is struct virtio_net_hdr: "Virtual I/O Device (VIRTIO)", 5.1.6 Device Operation.
 */
#ifndef HOST_LINUX_OFFLOAD_H
#define HOST_LINUX_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "host/linux/syscall.h"
#include "host/linux/tun.h"
#include "library/coalesce.h"

_Static_assert(sizeof(VNET_HEADER) == TUN_HEADER, "what the TUN device is told");

#define COALESCE_PARTS (2 + COALESCE_SEGMENTS) /* Vnet, headers, payloads; of one packet alone: Vnet, packet */

/* Completes Vnet and Parts, COALESCE_PARTS of them at most: how many to write in one call. There is at least one packet. */
uint32_t CoalesceParts(COALESCER *Coalescer, VNET_HEADER *Vnet, LINUX_IOVEC *Parts);

#endif
