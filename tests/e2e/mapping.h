/* SPDX-License-Identifier: MIT */
/*
 * Finds the rings that the library has mapped into this process, as a program gone wrong might stumble over them.
 */
#ifndef E2E_MAPPING_H
#define E2E_MAPPING_H

#include <windows.h>
#include "ring/session.h"

/* The rings of this process' one session of that capacity: to_app comes first in the section (ring/session.h). */
static inline BOOL FindRings(uint32_t Capacity, RING **ToApp, RING **ToStack)
{
    uint64_t Stride = TunRingStride(Capacity);
    MEMORY_BASIC_INFORMATION Region;
    for (BYTE *At = NULL; VirtualQuery(At, &Region, sizeof(Region));
         At = (BYTE *)Region.BaseAddress + Region.RegionSize)
    {
        if (Region.State == MEM_COMMIT && Region.Type == MEM_MAPPED && Region.Protect == PAGE_READWRITE &&
            Region.RegionSize == 2 * Stride)
        {
            *ToApp = Region.BaseAddress;
            *ToStack = (RING *)((BYTE *)Region.BaseAddress + Stride);
            return TRUE;
        }
    }
    return FALSE;
}

#endif
