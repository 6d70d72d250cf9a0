/* SPDX-License-Identifier: MIT */
/*
 * The executive under Wine: pool with tags and an account of who allocated what, run-down protection, fast mutexes,
 * raising a status. Any thread. One spin lock guards the list of blocks; run-down protection is one atomic word and a
 * Linux futex.
 */
#include "host/linux/syscall.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

/* ---- Pool. A block: the header, the caller's bytes, a canary. Blocks of a page and more begin on a page. */

#define POOL_MAGIC  0x4c4f4f50
#define POOL_FREED  0x45455246
#define POOL_CANARY 0xab
#define CANARY_SIZE 16
#define POISON_SIZE 256
#define POISON      0xdd

typedef struct _POOL_HEADER
{
    LIST_ENTRY Link; /* in Blocks */
    PVOID Raw;       /* what the heap gave */
    PVOID Image;     /* base of the miniport that allocated it, NULL: the host */
    PVOID Place;     /* the allocating code */
    SIZE_T Size;
    ULONG Tag, Magic;
    ULONG64 Early; /* allocated before the driver had an adapter */
} POOL_HEADER;

_Static_assert(sizeof(POOL_HEADER) == 64, "blocks keep the heap's alignment of 16");

static LIST_ENTRY Blocks = {&Blocks, &Blocks};
static KSPIN_LOCK BlocksLock;

__declspec(dllimport) PVOID RtlAllocateHeap(PVOID Heap, ULONG Flags, SIZE_T Size);
__declspec(dllimport) BOOLEAN RtlFreeHeap(PVOID Heap, ULONG Flags, PVOID Memory);

static PVOID ProcessHeap(VOID)
{
    PUCHAR Peb;
    __asm__("movq %%gs:0x60, %0" : "=r"(Peb));
    return *(PVOID *)(Peb + 0x30);
}

static PVOID Allocate(_In_ SIZE_T Size, _In_ ULONG Tag, PVOID Place)
{
    SIZE_T Alignment = Size >= PAGE_SIZE ? PAGE_SIZE : 16;
    SIZE_T Room = sizeof(POOL_HEADER) + Size + CANARY_SIZE + (Alignment > 16 ? Alignment : 0);
    PUCHAR Raw;
    if (Room < Size || !(Raw = RtlAllocateHeap(ProcessHeap(), 0, Room)))
        return NULL;
    PUCHAR Data = (PUCHAR)(((ULONG_PTR)Raw + sizeof(POOL_HEADER) + Alignment - 1) & ~(Alignment - 1));
    POOL_HEADER *Header = (POOL_HEADER *)Data - 1;
    *Header = (POOL_HEADER){
        .Raw = Raw,
        .Image = ImageBaseOf(Place),
        .Place = Place,
        .Size = Size,
        .Tag = Tag,
        .Magic = POOL_MAGIC,
    };
    RtlFillMemory(Data + Size, CANARY_SIZE, POOL_CANARY);
    KIRQL Irql;
    KeAcquireSpinLock(&BlocksLock, &Irql);
    InsertTailList(&Blocks, &Header->Link);
    KeReleaseSpinLock(&BlocksLock, Irql);
    return Data;
}

/* ExAllocatePoolWithTag: NULL where there is none. Contents undefined. Up to DISPATCH_LEVEL for nonpaged pool. */
PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    PVOID Place = __builtin_return_address(0);
    if (!Tag || !NumberOfBytes)
        PlatformRuleBroken("Pool_Tag", __func__, Place, "no tag, or no bytes");
    if (PoolType == PagedPool && KeGetCurrentIrql() >= DISPATCH_LEVEL)
        PlatformRuleBroken("Irql_Pool", __func__, Place, "paged pool at DISPATCH_LEVEL");
    return Allocate(NumberOfBytes, Tag, Place);
}

static VOID Free(_In_ PVOID Memory, _In_ ULONG Tag, PVOID Place)
{
    POOL_HEADER *Header = (POOL_HEADER *)Memory - 1;
    if (((ULONG_PTR)Memory & 15) || Header->Magic != POOL_MAGIC)
    {
        if (Header->Magic == POOL_FREED)
        {
            PlatformRuleBroken("Pool_FreeOnce", "ExFreePoolWithTag", Place, "the block is free already");
            return;
        }
        WineKernel.ExFreePoolWithTag(Memory, Tag); /* Wine's own, such as a string that it allocated */
        return;
    }
    if (Tag && Tag != Header->Tag)
        PlatformRuleBroken("Pool_Tag", "ExFreePoolWithTag", Place, "another tag than it was allocated with");
    PUCHAR Canary = (PUCHAR)Memory + Header->Size;
    for (ULONG I = 0; I < CANARY_SIZE; I++)
    {
        if (Canary[I] != POOL_CANARY)
        {
            PlatformRuleBroken("Pool_Overrun", "ExFreePoolWithTag", Place, "written behind the block's end");
            break;
        }
    }
    EventForget(Memory, Header->Size);
    if (DpcIsIn(Memory, Header->Size))
        PlatformRuleBroken("Pool_TimerSet", "ExFreePoolWithTag", Place, "a timer is set, or a DPC queued, in it");
    KIRQL Irql;
    KeAcquireSpinLock(&BlocksLock, &Irql);
    RemoveEntryList(&Header->Link);
    KeReleaseSpinLock(&BlocksLock, Irql);
    Header->Magic = POOL_FREED;
    RtlFillMemory(Memory, Header->Size < POISON_SIZE ? Header->Size : POISON_SIZE, POISON);
    RtlFreeHeap(ProcessHeap(), 0, Header->Raw);
}

VOID ExFreePoolWithTag(PVOID Memory, ULONG Tag)
{
    Free(Memory, Tag, __builtin_return_address(0));
}

VOID ExFreePool(PVOID Memory)
{
    Free(Memory, 0, __builtin_return_address(0));
}

/* What a driver's image has allocated by now, it may keep while it has no adapter. */
VOID PoolMarkEarly(PVOID ImageBase)
{
    KIRQL Irql;
    KeAcquireSpinLock(&BlocksLock, &Irql);
    for (LIST_ENTRY *Entry = Blocks.Flink; Entry != &Blocks; Entry = Entry->Flink)
    {
        POOL_HEADER *Header = CONTAINING_RECORD(Entry, POOL_HEADER, Link);
        Header->Early |= Header->Image == ImageBase;
    }
    KeReleaseSpinLock(&BlocksLock, Irql);
}

/* What a driver's image allocated and left behind, by tag and place: all of it, or what is not early. */
VOID PoolReportLeaks(PVOID ImageBase, PCSTR Rule, BOOLEAN All)
{
    KIRQL Irql;
    KeAcquireSpinLock(&BlocksLock, &Irql);
    for (LIST_ENTRY *Entry = Blocks.Flink; Entry != &Blocks; Entry = Entry->Flink)
    {
        POOL_HEADER *Header = CONTAINING_RECORD(Entry, POOL_HEADER, Link);
        if (Header->Image == ImageBase && (All || !Header->Early))
        {
            DbgPrint("wine: %llu bytes of pool left, tag %.4s\n", (unsigned long long)Header->Size,
                     (const char *)&Header->Tag);
            PlatformRuleBroken(Rule, "ExAllocatePoolWithTag", Header->Place, "never freed");
            Header->Image = NULL; /* reported once */
        }
    }
    KeReleaseSpinLock(&BlocksLock, Irql);
}

/* ---- Run-down protection: bit 0 says that run-down has begun, the rest is twice the number of holders. */

VOID ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    __atomic_store_n(&RunRef->Count, 0, __ATOMIC_SEQ_CST);
}

VOID ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    if (RunRef->Count != 1)
        PlatformRuleBroken("Rundown_ReInitialize", __func__, __builtin_return_address(0), "not run down");
    __atomic_store_n(&RunRef->Count, 0, __ATOMIC_SEQ_CST);
}

VOID ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
    __atomic_store_n(&RunRef->Count, 1, __ATOMIC_SEQ_CST);
}

BOOLEAN ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    ULONG_PTR Value = RunRef->Count;
    do
    {
        if (Value & 1)
            return FALSE;
    } while (!__atomic_compare_exchange_n(&RunRef->Count, &Value, Value + 2 * (ULONG_PTR)Count, FALSE, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return TRUE;
}

BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    return ExAcquireRundownProtectionEx(RunRef, 1);
}

VOID ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    ULONG_PTR Left = __atomic_sub_fetch(&RunRef->Count, 2 * (ULONG_PTR)Count, __ATOMIC_RELEASE);
    if (Left > (ULONG_PTR) - (LONG_PTR)(2 * (ULONG_PTR)Count) - 2)
        PlatformRuleBroken("Rundown_Release", __func__, __builtin_return_address(0), "released more than acquired");
    if (Left == 1)
    {
        /* The futex is the low half of the count; its memory may be gone after the last release, which Linux bears. */
        LinuxFutexWake((volatile int32_t *)&RunRef->Count, 1);
    }
}

VOID ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    ExReleaseRundownProtectionEx(RunRef, 1);
}

VOID ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    ULONG_PTR Value = __atomic_or_fetch(&RunRef->Count, 1, __ATOMIC_SEQ_CST);
    if (Value != 1 && KeGetCurrentIrql() >= DISPATCH_LEVEL)
        PlatformRuleBroken("Irql_Synch", __func__, __builtin_return_address(0), "a wait at DISPATCH_LEVEL");
    while (Value != 1)
    {
        LinuxFutexWait((volatile int32_t *)&RunRef->Count, (int32_t)Value, NULL);
        Value = __atomic_load_n(&RunRef->Count, __ATOMIC_ACQUIRE);
    }
}

/* ---- Fast mutexes, on the events of this host. */

VOID ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL Irql;
    KeRaiseIrql(APC_LEVEL, &Irql);
    if (InterlockedDecrement(&FastMutex->Count) < 0)
    {
        FastMutex->Contention++;
        KeWaitForSingleObject(&FastMutex->Event, Executive, KernelMode, FALSE, NULL);
    }
    FastMutex->Owner = KeGetCurrentThread();
    FastMutex->OldIrql = Irql;
}

VOID ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    KIRQL Irql = (KIRQL)FastMutex->OldIrql;
    FastMutex->Owner = NULL;
    if (InterlockedIncrement(&FastMutex->Count) <= 0)
        KeSetEvent(&FastMutex->Event, 0, FALSE);
    KeLowerIrql(Irql);
}

VOID ExRaiseStatus(NTSTATUS Status)
{
    RtlRaiseStatus(Status);
}
