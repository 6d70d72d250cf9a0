/* SPDX-License-Identifier: MIT */
/* ring/segment.h as a library for tests/unit/segment.py. */
#include "ring/segment.h"

int Cut(const VNET_HEADER *Vnet, const uint8_t *Packet, uint32_t Size, uint8_t *To, uint32_t *Sizes);

/* Cuts a super-packet into segments, one behind the other at To: how many, -1: it is none. */
int Cut(const VNET_HEADER *Vnet, const uint8_t *Packet, uint32_t Size, uint8_t *To, uint32_t *Sizes)
{
    SEGMENTER Segmenter;
    if (!SegmentStart(&Segmenter, Vnet, Packet, Size, Size, 65535))
        return -1;
    int Count = 0;
    for (; SegmentsLeft(&Segmenter); Count++)
    {
        Sizes[Count] = SegmentNext(&Segmenter, Packet, To);
        To += Sizes[Count];
    }
    return Count;
}
