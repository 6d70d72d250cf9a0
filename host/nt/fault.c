/* SPDX-License-Identifier: MIT */
/*
 * Faults: each fallible call of the kernel, and of NDIS, asks here whether it is to fail this time. Calls are numbered
 * as they come, those of the code under test only, so that a run can be repeated with each one failing in turn.
 */
#include "host/nt/nt.h"

static const UCHAR *CodeBegin, *CodeEnd;
static _Atomic(ULONG64) Seen, Target;
static const char *_Atomic FiredCall;
static const void *_Atomic FiredPlace;

VOID SimFaultCode(const VOID *Begin, const VOID *End)
{
    CodeBegin = Begin;
    CodeEnd = End;
}

VOID SimFaultArm(ULONG64 Number)
{
    atomic_store(&FiredCall, NULL);
    atomic_store(&FiredPlace, NULL);
    atomic_store(&Seen, 0);
    atomic_store(&Target, Number);
}

ULONG64 SimFaultSeen(VOID)
{
    return atomic_load(&Seen);
}

BOOLEAN SimFaultFired(PCSTR *Call, const VOID **Place)
{
    *Call = atomic_load(&FiredCall);
    *Place = atomic_load(&FiredPlace);
    return *Call != NULL;
}

BOOLEAN SimFail(PCSTR Call, const VOID *Place)
{
    if ((const UCHAR *)Place < CodeBegin || (const UCHAR *)Place >= CodeEnd)
        return FALSE;
    /* Relaxed: the counters must not order threads that are otherwise unordered. */
    if (atomic_fetch_add_explicit(&Seen, 1, memory_order_relaxed) + 1 !=
        atomic_load_explicit(&Target, memory_order_relaxed))
    {
        return FALSE;
    }
    atomic_store_explicit(&FiredPlace, Place, memory_order_relaxed);
    atomic_store_explicit(&FiredCall, Call, memory_order_relaxed);
    return TRUE;
}
