/* SPDX-License-Identifier: MIT */
/*
 * Disturbance: threads are held up now and then at the kernel's calls, as on a busy machine, so that what can happen only
 * in a moment between two of them happens often. Any thread, any IRQL: whoever is held up may hold a lock.
 */
#include "host/nt/nt.h"
#include <unistd.h>

_Atomic(ULONG) NtDisturbing;

VOID SimDisturb(ULONG OneIn)
{
    atomic_store_explicit(&NtDisturbing, OneIn, memory_order_relaxed);
}

VOID NtDisturb(VOID)
{
    static _Thread_local ULONG Chance;
    ULONG OneIn = atomic_load_explicit(&NtDisturbing, memory_order_relaxed);
    Chance = Chance * 1664525 + 1013904223 + (ULONG)(ULONG_PTR)&Chance;
    if (OneIn && (Chance >> 8) % OneIn == 0)
        usleep(20 + (Chance >> 20) % 64);
}
