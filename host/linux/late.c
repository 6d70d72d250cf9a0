/* SPDX-License-Identifier: MIT */
/*
 * Windows' TCP/IP keeps received lists for as long as it needs their data, and returns them in the order in which it is
 * done with them; Linux has copied a packet when it has been written, so backend.c returns at once. With the setting
 * HOST_TUN_RETURN_LATE (milliseconds) it does as Windows does, so that a miniport can be seen to bear that: lists are
 * kept, and returned by a timer's DPC, the youngest first. A spin lock guards what is kept.
 */
#include "host/linux/late.h"

#define LATE_TAG 'etaL'

struct _LATE
{
    NDIS_HOST_ADAPTER *Adapter;
    KSPIN_LOCK Lock;
    NET_BUFFER_LIST *Kept; /* the youngest first */
    KTIMER Timer;
    KDPC Dpc;
};

static VOID Return(PKDPC Dpc, PVOID Context, PVOID First, PVOID Second)
{
    LATE *Late = Context;
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(First);
    UNREFERENCED_PARAMETER(Second);
    KeAcquireSpinLockAtDpcLevel(&Late->Lock);
    NET_BUFFER_LIST *Lists = Late->Kept;
    Late->Kept = NULL;
    KeReleaseSpinLockFromDpcLevel(&Late->Lock);
    if (Lists)
        NdisHostReturn(Late->Adapter, Lists, NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
}

LATE *LateCreate(NDIS_HOST_ADAPTER *Adapter, ULONG Milliseconds)
{
    LARGE_INTEGER Due = {.QuadPart = -10000 * (LONG64)Milliseconds};
    LATE *Late = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Late), LATE_TAG);
    if (!Late)
        return NULL;
    RtlZeroMemory(Late, sizeof(*Late));
    Late->Adapter = Adapter;
    KeInitializeSpinLock(&Late->Lock);
    KeInitializeDpc(&Late->Dpc, Return, Late);
    KeInitializeTimerEx(&Late->Timer, NotificationTimer);
    KeSetTimerEx(&Late->Timer, Due, (LONG)Milliseconds, &Late->Dpc);
    return Late;
}

VOID LateKeep(LATE *Late, NET_BUFFER_LIST *Lists)
{
    KIRQL Irql;
    KeAcquireSpinLock(&Late->Lock, &Irql);
    while (Lists)
    {
        NET_BUFFER_LIST *Next = Lists->Next;
        Lists->Next = Late->Kept;
        Late->Kept = Lists;
        Lists = Next;
    }
    KeReleaseSpinLock(&Late->Lock, Irql);
}

VOID LateDestroy(LATE *Late)
{
    KeCancelTimer(&Late->Timer);
    KeFlushQueuedDpcs();
    ExFreePoolWithTag(Late, LATE_TAG);
}
