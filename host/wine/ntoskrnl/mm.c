/* SPDX-License-Identifier: MIT */
/*
 * Memory descriptor lists and views of sections under Wine. "System space" is this process. A locked MDL over a view or
 * over a program's memory (usermem.c) gets a mapping of its own, as in Windows, so that an address used after
 * MmUnlockPages faults here too. PASSIVE_LEVEL but for building MDLs over nonpaged memory; one spin lock guards the
 * lists of views and locks.
 */
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define GRANULARITY 0x10000

/* A view that MmMapViewInSystemSpace made. */
typedef struct _VIEW
{
    LIST_ENTRY Link;
    PUCHAR Base;
    SIZE_T Size;
    HANDLE Section;
    PVOID Place;
} VIEW;

/* An MDL whose pages are locked. */
typedef struct _LOCKED
{
    LIST_ENTRY Link;
    MDL *Mdl;
    PVOID Alias; /* base of a mapping of its own, or NULL */
    PVOID Place;
    BOOLEAN User;   /* a program's pages: the MDL has page frame numbers */
    HANDLE Section; /* pages of MmAllocatePagesForMdlEx, or NULL */
    HANDLE ProcessId;
} LOCKED;

static LIST_ENTRY Views = {&Views, &Views}, Locks = {&Locks, &Locks};
static KSPIN_LOCK MmLock;

static SIZE_T MdlPages(_In_ const MDL *Mdl)
{
    return ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(Mdl), MmGetMdlByteCount(Mdl));
}

static LOCKED *FindLocked(_In_ const MDL *Mdl)
{
    LOCKED *Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    for (LIST_ENTRY *Entry = Locks.Flink; Entry != &Locks; Entry = Entry->Flink)
    {
        LOCKED *Locked = CONTAINING_RECORD(Entry, LOCKED, Link);
        if (Locked->Mdl == Mdl)
            Found = Locked;
    }
    KeReleaseSpinLock(&MmLock, Irql);
    return Found;
}

static VOID ForgetLocked(_Inout_ LOCKED *Locked)
{
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    RemoveEntryList(&Locked->Link);
    KeReleaseSpinLock(&MmLock, Irql);
}

/* MmMapViewInSystemSpace: *ViewSize 0 is the whole section. Section: of ObReferenceObjectByHandle. */
NTSTATUS MmMapViewInSystemSpace(PVOID Section, PVOID *MappedBase, PSIZE_T ViewSize)
{
    PVOID Base = NULL;
    SIZE_T Size = *ViewSize;
    if (ObjectKind(Section) != ObjectSection)
        return STATUS_INVALID_PARAMETER_1;
    VIEW *View = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*View), KERNEL_TAG);
    if (!View)
        return STATUS_INSUFFICIENT_RESOURCES;
    *View = (VIEW){.Place = __builtin_return_address(0)};
    NTSTATUS Status =
        NtDuplicateObject(NtCurrentProcess(), ObjectHandle(Section), NtCurrentProcess(), &View->Section, 0, 0, 2);
    if (!NT_SUCCESS(Status))
        goto freeView;
    Status =
        NtMapViewOfSection(View->Section, NtCurrentProcess(), &Base, 0, 0, NULL, &Size, ViewUnmap, 0, PAGE_READWRITE);
    if (!NT_SUCCESS(Status))
        goto closeSection;
    View->Base = *MappedBase = Base;
    View->Size = *ViewSize = Size;
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    InsertTailList(&Views, &View->Link);
    KeReleaseSpinLock(&MmLock, Irql);
    return STATUS_SUCCESS;

closeSection:
    NtClose(View->Section);
freeView:
    ExFreePoolWithTag(View, KERNEL_TAG);
    return Status;
}

NTSTATUS MmUnmapViewInSystemSpace(PVOID MappedBase)
{
    VIEW *Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views && !Found; Entry = Entry->Flink)
    {
        VIEW *View = CONTAINING_RECORD(Entry, VIEW, Link);
        if (View->Base == MappedBase)
        {
            Found = View;
            RemoveEntryList(Entry);
        }
    }
    KeReleaseSpinLock(&MmLock, Irql);
    if (!Found)
    {
        PlatformRuleBroken("View_UnmapOnce", __func__, __builtin_return_address(0), "no such view");
        return STATUS_NOT_MAPPED_VIEW;
    }
    NTSTATUS Status = NtUnmapViewOfSection(NtCurrentProcess(), MappedBase);
    NtClose(Found->Section);
    ExFreePoolWithTag(Found, KERNEL_TAG);
    return Status;
}

/* IoAllocateMdl: with room for the pages; Irp and SecondaryBuffer are for the caller's IRP, as documented. */
PMDL IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota, PIRP Irp)
{
    SIZE_T Pages = (((ULONG_PTR)VirtualAddress & (PAGE_SIZE - 1)) + (SIZE_T)Length + PAGE_SIZE - 1) / PAGE_SIZE;
    SIZE_T Size = sizeof(MDL) + Pages * sizeof(PFN_NUMBER);
    UNREFERENCED_PARAMETER(ChargeQuota);
    /* What the MDL's 16-bit Size can say is its own limit in Windows, too; 64 MiB and more still get an MDL there. */
    MDL *Mdl = ExAllocatePoolWithTag(NonPagedPoolNx, Size, KERNEL_TAG);
    if (!Mdl)
        return NULL;
    RtlZeroMemory(Mdl, sizeof(*Mdl));
    MmInitializeMdl(Mdl, VirtualAddress, Length);
    if (Irp && SecondaryBuffer)
    {
        MDL *Last = Irp->MdlAddress;
        while (Last && Last->Next)
            Last = Last->Next;
        if (Last)
            Last->Next = Mdl;
    }
    else if (Irp)
    {
        Irp->MdlAddress = Mdl;
    }
    return Mdl;
}

SIZE_T MmSizeOfMdl(PVOID Base, SIZE_T Length)
{
    return sizeof(MDL) + ADDRESS_AND_SIZE_TO_SPAN_PAGES(Base, Length) * sizeof(PFN_NUMBER);
}

VOID IoFreeMdl(PMDL Mdl)
{
    if (Mdl->MdlFlags & MDL_PAGES_LOCKED)
        PlatformRuleBroken("Mdl_Free", __func__, __builtin_return_address(0), "its pages are locked");
    ExFreePoolWithTag(Mdl, KERNEL_TAG);
}

VOID MmBuildMdlForNonPagedPool(PMDL Mdl)
{
    Mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
    Mdl->MappedSystemVa = MmGetMdlVirtualAddress(Mdl);
}

/* IoBuildPartialMdl: the pages, and the mapping if there is one, are the source's. */
VOID IoBuildPartialMdl(PMDL SourceMdl, PMDL TargetMdl, PVOID VirtualAddress, ULONG Length)
{
    PUCHAR Start = MmGetMdlVirtualAddress(SourceMdl);
    ULONG Offset = (ULONG)((PUCHAR)VirtualAddress - Start);
    SIZE_T FirstPage = (SIZE_T)((PUCHAR)VirtualAddress - (PUCHAR)SourceMdl->StartVa) >> PAGE_SHIFT;
    Length = Length ? Length : MmGetMdlByteCount(SourceMdl) - Offset;
    if ((PUCHAR)VirtualAddress < Start || Offset + (ULONG64)Length > MmGetMdlByteCount(SourceMdl) ||
        (TargetMdl->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED))
    {
        PlatformRuleBroken("Mdl_Partial", __func__, __builtin_return_address(0),
                           TargetMdl->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED ? "MmPrepareMdlForReuse was not called"
                                                                             : "not within the source");
    }
    MmInitializeMdl(TargetMdl, VirtualAddress, Length);
    TargetMdl->MdlFlags =
        (CSHORT)(MDL_PARTIAL | (SourceMdl->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA)));
    TargetMdl->Process = SourceMdl->Process;
    if (SourceMdl->Process)
    {
        RtlCopyMemory(MmGetMdlPfnArray(TargetMdl), MmGetMdlPfnArray(SourceMdl) + FirstPage,
                      MdlPages(TargetMdl) * sizeof(PFN_NUMBER));
    }
    if (TargetMdl->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA))
        TargetMdl->MappedSystemVa = (PUCHAR)SourceMdl->MappedSystemVa + Offset;
}

/* This process' own memory is always there; only that it is committed needs a look. */
static BOOLEAN OwnMemoryIsThere(_In_ const MDL *Mdl)
{
    PUCHAR Address = MmGetMdlVirtualAddress(Mdl), End = Address + MmGetMdlByteCount(Mdl);
    while (Address < End)
    {
        HOST_MEMORY_INFORMATION Memory;
        SIZE_T Done;
        if (!NT_SUCCESS(NtQueryVirtualMemory(NtCurrentProcess(), Address, 0, &Memory, sizeof(Memory), &Done)) ||
            Memory.State != MEM_COMMIT_STATE)
        {
            return FALSE;
        }
        Address = (PUCHAR)Memory.BaseAddress + Memory.RegionSize;
    }
    return TRUE;
}

/* Pages of the process in whose context the thread is. What a request passes by METHOD_NEITHER is a copy here. */
static NTSTATUS LockUserPages(_Inout_ MDL *Mdl, _In_ BOOLEAN Write, _Out_ BOOLEAN *User)
{
    HANDLE Process = NULL;
    NTSTATUS Status = STATUS_SUCCESS;
    if (!FilesIsCopy(MmGetMdlVirtualAddress(Mdl), MmGetMdlByteCount(Mdl)))
        Status = ObjectOpenCaller(&Process);
    *User = Process != NULL;
    if (!NT_SUCCESS(Status))
        return Status;
    if (!Process)
        return OwnMemoryIsThere(Mdl) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
    Status = ProcessWatch(TRUE);
    if (NT_SUCCESS(Status))
    {
        Status =
            UserPagesLock(Process, PsGetCurrentProcessId(), Mdl->StartVa, MdlPages(Mdl), Write, MmGetMdlPfnArray(Mdl));
        if (!NT_SUCCESS(Status))
            ProcessWatch(FALSE);
    }
    NtClose(Process);
    return Status;
}

/*
 * MmProbeAndLockPages: raises STATUS_ACCESS_VIOLATION where a page is not there or may not be written. UserMode: memory
 * of the process in whose context the thread is (of 64-bit programs).
 */
VOID MmProbeAndLockPages(PMDL Mdl, KPROCESSOR_MODE AccessMode, LOCK_OPERATION Operation)
{
    NTSTATUS Status = STATUS_SUCCESS;
    if (KeGetCurrentIrql() >= DISPATCH_LEVEL)
        PlatformRuleBroken("Irql_Mdl", __func__, __builtin_return_address(0), "at DISPATCH_LEVEL");
    if (FindLocked(Mdl))
    {
        PlatformRuleBroken("Mdl_Lock", __func__, __builtin_return_address(0), "locked already");
        ExRaiseStatus(STATUS_ACCESS_VIOLATION);
    }
    LOCKED *Locked = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Locked), KERNEL_TAG);
    if (!Locked)
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    *Locked = (LOCKED){.Mdl = Mdl, .Place = __builtin_return_address(0), .ProcessId = PsGetCurrentProcessId()};
    if (AccessMode == UserMode)
        Status = LockUserPages(Mdl, Operation != IoReadAccess, &Locked->User);
    else if (!OwnMemoryIsThere(Mdl))
        Status = STATUS_ACCESS_VIOLATION;
    if (!NT_SUCCESS(Status))
    {
        ExFreePoolWithTag(Locked, KERNEL_TAG);
        ExRaiseStatus(Status);
    }
    Mdl->Process = Locked->User ? IoGetCurrentProcess() : NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    InsertTailList(&Locks, &Locked->Link);
    KeReleaseSpinLock(&MmLock, Irql);
    Mdl->MdlFlags |= MDL_PAGES_LOCKED;
}

/*
 * MmAllocatePagesForMdlEx: pages that are nowhere in memory until they are mapped, all of them or none, always zeroed.
 * Physical addresses and caching are not the host's to choose. Below DISPATCH_LEVEL. NULL: there is no memory.
 */
PMDL MmAllocatePagesForMdlEx(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress, PHYSICAL_ADDRESS SkipBytes,
                             SIZE_T TotalBytes, MEMORY_CACHING_TYPE CacheType, ULONG Flags)
{
    LARGE_INTEGER Size = {.QuadPart = (LONG64)ROUND_TO_PAGES(TotalBytes)};
    UNREFERENCED_PARAMETER(LowAddress);
    UNREFERENCED_PARAMETER(HighAddress);
    UNREFERENCED_PARAMETER(SkipBytes);
    UNREFERENCED_PARAMETER(CacheType);
    UNREFERENCED_PARAMETER(Flags);
    if (KeGetCurrentIrql() >= DISPATCH_LEVEL)
        PlatformRuleBroken("Irql_Mdl", __func__, __builtin_return_address(0), "at DISPATCH_LEVEL");
    if (TotalBytes == 0 || TotalBytes > MAXLONG)
        return NULL;
    LOCKED *Locked = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Locked), KERNEL_TAG);
    MDL *Mdl = IoAllocateMdl(NULL, (ULONG)Size.QuadPart, FALSE, FALSE, NULL);
    HANDLE Section;
    if (!Locked || !Mdl ||
        !NT_SUCCESS(ZwCreateSection(&Section, SECTION_ALL_ACCESS, NULL, &Size, PAGE_READWRITE, SEC_COMMIT, NULL)))
    {
        if (Mdl)
            IoFreeMdl(Mdl);
        if (Locked)
            ExFreePoolWithTag(Locked, KERNEL_TAG);
        return NULL;
    }
    *Locked = (LOCKED){.Mdl = Mdl, .Place = __builtin_return_address(0), .Section = Section};
    Mdl->Process = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    InsertTailList(&Locks, &Locked->Link);
    KeReleaseSpinLock(&MmLock, Irql);
    Mdl->MdlFlags |= MDL_PAGES_LOCKED;
    return Mdl;
}

/* MmFreePagesFromMdl: drops the mapping, too. The MDL itself is its owner's to give to ExFreePool. */
VOID MmFreePagesFromMdl(PMDL Mdl)
{
    LOCKED *Locked = FindLocked(Mdl);
    if (!Locked || !Locked->Section)
    {
        PlatformRuleBroken("Mdl_Pages", __func__, __builtin_return_address(0), "not of MmAllocatePagesForMdlEx");
        return;
    }
    if (Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
        MmUnmapLockedPages(Mdl->MappedSystemVa, Mdl);
    ForgetLocked(Locked);
    NtClose(Locked->Section);
    ExFreePoolWithTag(Locked, KERNEL_TAG);
    Mdl->MdlFlags &= (CSHORT)~MDL_PAGES_LOCKED;
}

/* A mapping of its own of the part of a view that Mdl describes; NULL: the memory is no view. */
static PVOID MapAlias(_In_ const MDL *Mdl, _Out_ PVOID *Alias)
{
    PUCHAR Address = (PUCHAR)Mdl->StartVa + Mdl->ByteOffset;
    HANDLE Section = NULL;
    LARGE_INTEGER Offset = {.QuadPart = 0};
    SIZE_T Within = 0;
    *Alias = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views; Entry = Entry->Flink)
    {
        VIEW *View = CONTAINING_RECORD(Entry, VIEW, Link);
        if (Address >= View->Base && Address + Mdl->ByteCount <= View->Base + View->Size)
        {
            Section = View->Section;
            Within = (SIZE_T)(Address - View->Base);
        }
    }
    KeReleaseSpinLock(&MmLock, Irql);
    if (!Section)
        return Address;
    Offset.QuadPart = (LONG64)(Within & ~(SIZE_T)(GRANULARITY - 1));
    Within &= GRANULARITY - 1;
    SIZE_T Size = Within + Mdl->ByteCount;
    if (!NT_SUCCESS(
            NtMapViewOfSection(Section, NtCurrentProcess(), Alias, 0, 0, &Offset, &Size, ViewUnmap, 0, PAGE_READWRITE)))
    {
        return NULL;
    }
    return (PUCHAR)*Alias + Within;
}

/*
 * MmMapLockedPagesSpecifyCache: for MmGetSystemAddressForMdlSafe. NULL: cannot be mapped. KernelMode only. A partial MDL
 * of a program's pages may be mapped, too; MmPrepareMdlForReuse drops that.
 */
PVOID MmMapLockedPagesSpecifyCache(PMDL Mdl, KPROCESSOR_MODE AccessMode, MEMORY_CACHING_TYPE CacheType,
                                   PVOID RequestedAddress, ULONG BugCheckOnFailure, ULONG Priority)
{
    LOCKED *Locked = FindLocked(Mdl);
    BOOLEAN Partial = (Mdl->MdlFlags & MDL_PARTIAL) && Mdl->Process;
    PVOID Alias = NULL;
    UNREFERENCED_PARAMETER(CacheType);
    UNREFERENCED_PARAMETER(RequestedAddress);
    UNREFERENCED_PARAMETER(BugCheckOnFailure);
    UNREFERENCED_PARAMETER(Priority);
    if (Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))
        return Mdl->MappedSystemVa;
    if ((!Locked && !Partial) || AccessMode != KernelMode)
    {
        PlatformRuleBroken("Mdl_Map", __func__, __builtin_return_address(0),
                           AccessMode != KernelMode ? "only for the kernel here" : "its pages are not locked");
        return NULL;
    }
    PUCHAR Address;
    if (Mdl->Process)
    {
        Alias = UserPagesMap(MmGetMdlPfnArray(Mdl), MdlPages(Mdl));
        Address = Alias ? (PUCHAR)Alias + MmGetMdlByteOffset(Mdl) : NULL;
    }
    else if (Locked->Section)
    {
        SIZE_T Size = 0;
        Address = NT_SUCCESS(NtMapViewOfSection(Locked->Section, NtCurrentProcess(), &Alias, 0, 0, NULL, &Size,
                                                ViewUnmap, 0, PAGE_READWRITE))
                      ? Alias
                      : NULL;
    }
    else
    {
        Address = MapAlias(Mdl, &Alias);
    }
    if (Address)
    {
        Mdl->MappedSystemVa = Address;
        Mdl->MdlFlags |= (CSHORT)(MDL_MAPPED_TO_SYSTEM_VA | (Locked ? 0 : MDL_PARTIAL_HAS_BEEN_MAPPED));
    }
    if (Locked)
        Locked->Alias = Alias;
    return Address;
}

VOID MmUnmapLockedPages(PVOID BaseAddress, PMDL Mdl)
{
    LOCKED *Locked = FindLocked(Mdl);
    if (Mdl->Process && (Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) &&
        (Locked || (Mdl->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED)))
    {
        UserPagesUnmap((PUCHAR)BaseAddress - MmGetMdlByteOffset(Mdl), MdlPages(Mdl));
    }
    else if (Locked && Locked->Alias)
    {
        NtUnmapViewOfSection(NtCurrentProcess(), Locked->Alias);
    }
    if (Locked)
        Locked->Alias = NULL;
    Mdl->MdlFlags &= (CSHORT) ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
    Mdl->MappedSystemVa = NULL;
}

/* MmUnlockPages: drops the mapping, too. */
VOID MmUnlockPages(PMDL Mdl)
{
    LOCKED *Locked = FindLocked(Mdl);
    if (!Locked || Locked->Section)
    {
        PlatformRuleBroken("Mdl_UnlockOnce", __func__, __builtin_return_address(0), "its pages are not locked");
        return;
    }
    if (Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
        MmUnmapLockedPages(Mdl->MappedSystemVa, Mdl);
    ForgetLocked(Locked);
    if (Locked->User)
    {
        UserPagesUnlock(MmGetMdlPfnArray(Mdl), MdlPages(Mdl));
        ProcessWatch(FALSE);
        Mdl->Process = NULL;
    }
    ExFreePoolWithTag(Locked, KERNEL_TAG);
    Mdl->MdlFlags &= (CSHORT)~MDL_PAGES_LOCKED;
}

VOID MapReportDead(HANDLE ProcessId)
{
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    for (LIST_ENTRY *Entry = Locks.Flink; Entry != &Locks; Entry = Entry->Flink)
    {
        LOCKED *Locked = CONTAINING_RECORD(Entry, LOCKED, Link);
        if (Locked->User && Locked->ProcessId == ProcessId)
        {
            PlatformRuleBroken("Process_LockedPages", "MmProbeAndLockPages", Locked->Place,
                               "still locked when their process was dead and its files closed: bug check 0x76");
        }
    }
    KeReleaseSpinLock(&MmLock, Irql);
}

/* Views and locks that a driver's image leaves behind. */
VOID MapReportLeaks(PVOID ImageBase, PCSTR ViewRule, PCSTR LockRule)
{
    KIRQL Irql;
    KeAcquireSpinLock(&MmLock, &Irql);
    for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views; Entry = Entry->Flink)
    {
        VIEW *View = CONTAINING_RECORD(Entry, VIEW, Link);
        if (ImageBaseOf(View->Place) == ImageBase)
            PlatformRuleBroken(ViewRule, "MmMapViewInSystemSpace", View->Place, "never unmapped");
    }
    for (LIST_ENTRY *Entry = Locks.Flink; Entry != &Locks; Entry = Entry->Flink)
    {
        LOCKED *Locked = CONTAINING_RECORD(Entry, LOCKED, Link);
        if (ImageBaseOf(Locked->Place) == ImageBase)
        {
            PlatformRuleBroken(LockRule, Locked->Section ? "MmAllocatePagesForMdlEx" : "MmProbeAndLockPages",
                               Locked->Place, Locked->Section ? "never freed" : "never unlocked");
        }
    }
    KeReleaseSpinLock(&MmLock, Irql);
}
