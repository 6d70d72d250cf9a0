/* SPDX-License-Identifier: MIT */
/*
 * Resources (ERESOURCE) under Wine. Wine has them, but it knows an owner by the thread of the program whose request it
 * is, and when that program is dead by nothing: two such owners, or one and nobody, are then the same to it. Here an
 * owner is the thread that runs. The spin lock in the resource guards it; who waits sleeps on a Linux futex that each
 * release moves on. PASSIVE_LEVEL or APC_LEVEL.
 *
 * Members used: OwnerEntry has it exclusively; OwnerTable shares it, TABLE_SIZE entries, free ones with OwnerThread 0;
 * ActiveEntries counts the threads that have it; ContentionCount is the futex.
 */
#include "host/linux/syscall.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define TABLE_SIZE 64 /* threads that share a resource at a time; more wait */

static ULONG_PTR Self(VOID)
{
    ULONG_PTR Teb;
    __asm__("movq %%gs:0x30, %0" : "=r"(Teb));
    return Teb;
}

NTSTATUS ExInitializeResourceLite(PERESOURCE Resource)
{
    SIZE_T Size = TABLE_SIZE * sizeof(OWNER_ENTRY);
    RtlZeroMemory(Resource, sizeof(*Resource));
    KeInitializeSpinLock(&Resource->SpinLock);
    Resource->OwnerTable = ExAllocatePoolWithTag(NonPagedPoolNx, Size, KERNEL_TAG);
    if (!Resource->OwnerTable)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Resource->OwnerTable, Size);
    return STATUS_SUCCESS;
}

NTSTATUS ExDeleteResourceLite(PERESOURCE Resource)
{
    if (Resource->ActiveEntries)
        PlatformRuleBroken("Resource_Delete", __func__, __builtin_return_address(0), "somebody has it");
    ExFreePoolWithTag(Resource->OwnerTable, KERNEL_TAG);
    Resource->OwnerTable = NULL;
    return STATUS_SUCCESS;
}

/* With the spin lock held: a thread's entry of those who share, or NULL. Owner 0 finds a free one. */
static OWNER_ENTRY *FindEntry(_In_ const ERESOURCE *Resource, _In_ ULONG_PTR Owner)
{
    for (ULONG I = 0; I < TABLE_SIZE; I++)
        if (Resource->OwnerTable[I].OwnerThread == Owner)
            return &Resource->OwnerTable[I];
    return NULL;
}

/* With the spin lock held. */
static BOOLEAN TryExclusive(_Inout_ PERESOURCE Resource)
{
    if (Resource->OwnerEntry.OwnerThread != Self())
    {
        if (Resource->ActiveEntries)
            return FALSE;
        Resource->OwnerEntry.OwnerThread = Self();
        Resource->ActiveEntries = 1;
    }
    Resource->OwnerEntry.OwnerCount++;
    return TRUE;
}

/* With the spin lock held. Who has it already gets it again, whoever waits. */
static BOOLEAN TryShared(_Inout_ PERESOURCE Resource, _In_ BOOLEAN Starve)
{
    OWNER_ENTRY *Entry = FindEntry(Resource, Self());
    if (Resource->OwnerEntry.OwnerThread == Self())
    {
        Resource->OwnerEntry.OwnerCount++;
        return TRUE;
    }
    if (!Entry)
    {
        Entry = FindEntry(Resource, 0);
        if (!Entry || Resource->OwnerEntry.OwnerThread || (Resource->NumberOfExclusiveWaiters && !Starve))
            return FALSE;
        Entry->OwnerThread = Self();
        Resource->ActiveEntries++;
    }
    Entry->OwnerCount++;
    return TRUE;
}

typedef enum _MANNER
{
    Exclusive,
    Shared,
    SharedStarve
} MANNER;

static BOOLEAN Acquire(_Inout_ PERESOURCE Resource, _In_ MANNER Manner, _In_ BOOLEAN Wait, PVOID Place)
{
    ULONG *Waiters = Manner == Exclusive ? &Resource->NumberOfExclusiveWaiters : &Resource->NumberOfSharedWaiters;
    BOOLEAN Waiting = FALSE;
    if (KeGetCurrentIrql() > APC_LEVEL)
        PlatformRuleBroken("Irql_Resource", "ExAcquireResourceExclusiveLite", Place, "at DISPATCH_LEVEL");
    for (;;)
    {
        KIRQL Irql;
        KeAcquireSpinLock(&Resource->SpinLock, &Irql);
        *Waiters -= Waiting;
        int32_t Seen = (int32_t)Resource->ContentionCount;
        BOOLEAN Got = Manner == Exclusive ? TryExclusive(Resource) : TryShared(Resource, Manner == SharedStarve);
        Waiting = !Got && Wait;
        *Waiters += Waiting;
        KeReleaseSpinLock(&Resource->SpinLock, Irql);
        if (!Waiting)
            return Got;
        LinuxFutexWait((volatile int32_t *)&Resource->ContentionCount, Seen, NULL);
    }
}

BOOLEAN ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return Acquire(Resource, Exclusive, Wait, __builtin_return_address(0));
}

/* Behind who waits to have it exclusively. */
BOOLEAN ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait)
{
    return Acquire(Resource, Shared, Wait, __builtin_return_address(0));
}

/* Before who waits to have it exclusively. */
BOOLEAN ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait)
{
    return Acquire(Resource, SharedStarve, Wait, __builtin_return_address(0));
}

VOID ExReleaseResourceLite(PERESOURCE Resource)
{
    BOOLEAN Free = FALSE;
    KIRQL Irql;
    KeAcquireSpinLock(&Resource->SpinLock, &Irql);
    OWNER_ENTRY *Entry =
        Resource->OwnerEntry.OwnerThread == Self() ? &Resource->OwnerEntry : FindEntry(Resource, Self());
    if (Entry && --Entry->OwnerCount == 0)
    {
        Entry->OwnerThread = 0;
        Resource->ActiveEntries--;
        Resource->ContentionCount++;
        Free = Resource->NumberOfExclusiveWaiters || Resource->NumberOfSharedWaiters;
    }
    KeReleaseSpinLock(&Resource->SpinLock, Irql);
    if (!Entry)
        PlatformRuleBroken("Resource_Release", __func__, __builtin_return_address(0), "the thread does not have it");
    if (Free)
        LinuxFutexWake((volatile int32_t *)&Resource->ContentionCount, 0x7fffffff);
}

BOOLEAN ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource)
{
    return Resource->OwnerEntry.OwnerThread == Self();
}

/* How often the thread has it, in whichever way. */
ULONG ExIsResourceAcquiredSharedLite(PERESOURCE Resource)
{
    ULONG Count = 0;
    KIRQL Irql;
    KeAcquireSpinLock(&Resource->SpinLock, &Irql);
    OWNER_ENTRY *Entry =
        Resource->OwnerEntry.OwnerThread == Self() ? &Resource->OwnerEntry : FindEntry(Resource, Self());
    Count = Entry ? (ULONG)Entry->OwnerCount : 0;
    KeReleaseSpinLock(&Resource->SpinLock, Irql);
    return Count;
}
