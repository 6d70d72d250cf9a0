/* SPDX-License-Identifier: MIT */
/*
 * What programs need to do themselves with packets that have a virtio-net header: ring/segment.h, for them. No session, no
 * state, no locks.
 */
#include "library/library.h"
#include "ring/segment.h"

_Static_assert(sizeof(PLAINTUN_OFFLOAD) == sizeof(VNET_HEADER) && sizeof(VNET_HEADER) == 10 &&
                   sizeof(RING_PACKET) - offsetof(RING_PACKET, OffloadKind) == sizeof(VNET_HEADER),
               "right before the packet");
_Static_assert(PLAINTUN_NEEDS_CHECKSUM == VNET_NEEDS_CHECKSUM && PLAINTUN_DATA_VALID == VNET_DATA_VALID &&
                   PLAINTUN_GSO_TCPV4 == VNET_GSO_TCPV4 && PLAINTUN_GSO_TCPV6 == VNET_GSO_TCPV6 &&
                   PLAINTUN_GSO_UDP == VNET_GSO_UDP && PLAINTUN_GSO_CWR == VNET_GSO_ECN,
               "the same numbers");

static DWORD Fail(DWORD Error)
{
    SetLastError(Error);
    return 0;
}

DWORD WINAPI PlaintunSplit(const PLAINTUN_OFFLOAD *Offload, const BYTE *Packet, DWORD Size, BYTE *To, DWORD Room,
                           PLAINTUN_PACKET *Packets, DWORD Count)
{
    VNET_HEADER Vnet;
    memcpy(&Vnet, Offload, sizeof(Vnet)); /* it may lie in shared memory */
    if (Vnet.GsoType == VNET_GSO_NONE)
    {
        if (Size > Room || Count == 0)
            return Fail(ERROR_INSUFFICIENT_BUFFER);
        memcpy(To, Packet, Size);
        if ((Vnet.Flags & VNET_NEEDS_CHECKSUM) && !SegmentFill(&Vnet, To, Size))
            return Fail(ERROR_INVALID_DATA);
        Packets[0] = (PLAINTUN_PACKET){.Data = To, .Size = Size};
        return 1;
    }
    SEGMENTER Segmenter;
    if (!SegmentStart(&Segmenter, &Vnet, Packet, Size, Size, SEGMENT_SIZE_MAX))
        return Fail(ERROR_INVALID_DATA);
    DWORD Segments = SegmentsLeft(&Segmenter);
    if (Segments > Count || Size + (ULONG64)(Segments - 1) * Segmenter.HeaderLength > Room)
        return Fail(ERROR_INSUFFICIENT_BUFFER);
    for (DWORD i = 0; i < Segments; ++i)
    {
        Packets[i] = (PLAINTUN_PACKET){.Data = To, .Size = SegmentNext(&Segmenter, Packet, To)};
        To += Packets[i].Size;
    }
    return Segments;
}
