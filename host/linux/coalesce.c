/* SPDX-License-Identifier: MIT */
/*
 * From the miniport to Linux: what library/coalesce.h has put together, as parts of one write, which costs Linux as much as
 * one of the packets. Pure functions on the caller's memory.
 */
#include "host/linux/offload.h"

uint32_t CoalesceParts(COALESCER *Coalescer, VNET_HEADER *Vnet, LINUX_IOVEC *Parts)
{
    *Vnet = (VNET_HEADER){.GsoType = VNET_GSO_NONE};
    Parts[0] = (LINUX_IOVEC){.Base = Vnet, .Length = sizeof(*Vnet)};
    if (Coalescer->Count == 1)
    {
        Parts[1] = (LINUX_IOVEC){.Base = (void *)(uintptr_t)Coalescer->Packets[0], .Length = Coalescer->Size};
        return 2;
    }
    *Vnet = CoalesceFinish(Coalescer);
    Parts[1] = (LINUX_IOVEC){.Base = Coalescer->Header, .Length = Coalescer->HeaderLength};
    for (uint32_t I = 0; I < Coalescer->Count; I++)
        Parts[2 + I] = (LINUX_IOVEC){.Base = (void *)(uintptr_t)(Coalescer->Packets[I] + Coalescer->HeaderLength),
                                     .Length = CoalescePayload(Coalescer, I)};
    return 2 + Coalescer->Count;
}
