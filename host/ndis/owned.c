/* SPDX-License-Identifier: MIT */
/*
 * Who took what from NDIS, for things that carry no room to say so: MDLs, memory, timers, generic objects. So that what is left when
 * an adapter halts or a driver goes is told with the place that took it. Any thread, up to DISPATCH_LEVEL; OwnedLock guards
 * the table.
 */
#include "host/ndis/ndishost.h"

#define BUCKETS 256

typedef struct _HOST_OWNED
{
    struct _HOST_OWNED *Next;
    const VOID *Thing;
    HOST_KIND Kind;
    DRIVER_OBJECT *Driver;
    NDIS_HOST_ADAPTER *Adapter; /* NULL: with the driver's handle, or none */
    PVOID Place;
} HOST_OWNED;

static KSPIN_LOCK OwnedLock;
static HOST_OWNED *Buckets[BUCKETS];

static HOST_OWNED **BucketOf(_In_ const VOID *Thing)
{
    return &Buckets[((ULONG_PTR)Thing >> 4 ^ (ULONG_PTR)Thing >> 12) % BUCKETS];
}

BOOLEAN HostOwn(const VOID *Thing, HOST_KIND Kind, DRIVER_OBJECT *Driver, NDIS_HOST_ADAPTER *Adapter, PVOID Place)
{
    HOST_OWNED *Owned = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Owned), HOST_TAG);
    if (!Owned)
        return FALSE;
    *Owned = (HOST_OWNED){.Thing = Thing, .Kind = Kind, .Driver = Driver, .Adapter = Adapter, .Place = Place};
    KIRQL Irql;
    KeAcquireSpinLock(&OwnedLock, &Irql);
    Owned->Next = *BucketOf(Thing);
    *BucketOf(Thing) = Owned;
    KeReleaseSpinLock(&OwnedLock, Irql);
    return TRUE;
}

BOOLEAN HostDisown(const VOID *Thing, HOST_KIND Kind)
{
    KIRQL Irql;
    KeAcquireSpinLock(&OwnedLock, &Irql);
    HOST_OWNED **Link;
    for (Link = BucketOf(Thing); *Link && ((*Link)->Thing != Thing || (*Link)->Kind != Kind); Link = &(*Link)->Next)
    {
    }
    HOST_OWNED *Owned = *Link;
    if (Owned)
        *Link = Owned->Next;
    KeReleaseSpinLock(&OwnedLock, Irql);
    if (Owned)
        ExFreePoolWithTag(Owned, HOST_TAG);
    return Owned != NULL;
}

/* The place of one that is left, and how many there are; they are no adapter's from now on, so that it is said once. */
static ULONG CountLeft(_In_ HOST_KIND Kind, _In_ const NDIS_HOST_DRIVER *Driver, _In_opt_ NDIS_HOST_ADAPTER *Adapter,
                       _Out_ PVOID *Place)
{
    ULONG Left = 0;
    *Place = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&OwnedLock, &Irql);
    for (ULONG I = 0; I < BUCKETS; I++)
    {
        for (HOST_OWNED *Owned = Buckets[I]; Owned; Owned = Owned->Next)
        {
            if (Owned->Kind == Kind && Owned->Driver == Driver->DriverObject && (!Adapter || Owned->Adapter == Adapter))
            {
                Left++;
                *Place = Owned->Place;
                Owned->Adapter = NULL;
            }
        }
    }
    KeReleaseSpinLock(&OwnedLock, Irql);
    return Left;
}

VOID HostOwnedCheckGone(NDIS_HOST_DRIVER *Driver, NDIS_HOST_ADAPTER *Adapter, PCSTR Call)
{
    PVOID Place;
    ULONG Left = CountLeft(HostKindMdl, Driver, Adapter, &Place);
    HandlerRule(Call, "NdisAllocateMdl", Left == 0, Place, "%u MDLs are left", (unsigned)Left);
    Left = CountLeft(HostKindMemory, Driver, Adapter, &Place);
    HandlerRule(Call, "NdisAllocateMemory", Left == 0, Place, "%u blocks of memory are left", (unsigned)Left);
    Left = CountLeft(HostKindTimer, Driver, Adapter, &Place);
    HandlerRule(Call, "NdisAllocateTimerObject", Left == 0, Place, "%u timer objects are left", (unsigned)Left);
    if (!Adapter)
    {
        Left = CountLeft(HostKindGeneric, Driver, NULL, &Place);
        HandlerRule(Call, "NdisAllocateGenericObject", Left == 0, Place, "%u generic objects are left", (unsigned)Left);
    }
}
