/* SPDX-License-Identifier: MIT */
/*
 * MDLs: descriptions of pages that are locked, and mappings of those. An MDL over pool is mapped where the pool is; one
 * over a section's pages gets a mapping of its own each time, which faults when it is used after it went. Every flag that
 * an MDL must or must not have is checked. Up to DISPATCH_LEVEL; an MDL belongs to one user at a time. "Using MDLs".
 */
#include "host/nt/nt.h"

/* What stands before each MDL that the kernel made. */
typedef struct _MDL_RECORD
{
    ULONG Magic;
    SIZE_T Room;       /* bytes of the MDL with its page numbers; its Size member wraps around */
    BOOLEAN OwnsPages; /* of MmAllocatePagesForMdlEx, until MmFreePagesFromMdl */
    BOOLEAN IsPool;    /* of MmAllocatePagesForMdlEx: ExFreePool frees it */
    struct _MDL_RECORD *NextPool;
    NT_SECTION *Section; /* of the locked pages; NULL: pool, mapped where it is. Referenced unless partial */
    SIZE_T Offset;       /* of the MDL's first byte in it */
    NT_VIEW *View;       /* locked */
    PUCHAR Mapping;      /* in system space */
    SIZE_T MappingSize;
    NT_VIEW *UserView; /* in the program's space */
    DECLSPEC_ALIGN(16) MDL Mdl;
} MDL_RECORD;

#define MDL_MAGIC 0x3d1

#define RecordOf(MdlPointer) CONTAINING_RECORD(MdlPointer, MDL_RECORD, Mdl)

static volatile LONG Mdls;
static MDL_RECORD *PoolMdls; /* NtLock */

SIZE_T MmSizeOfMdl(PVOID Base, SIZE_T Length)
{
    return sizeof(MDL) + sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES(Base, Length);
}

static PMDL NewMdl(_In_opt_ PVOID VirtualAddress, _In_ ULONG Length)
{
    SIZE_T Extra = MmSizeOfMdl(VirtualAddress, Length) - sizeof(MDL);
    MDL_RECORD *Record = calloc(1, sizeof(*Record) + Extra);
    if (!Record)
        return NULL;
    Record->Magic = MDL_MAGIC;
    Record->Room = sizeof(MDL) + Extra;
    MmInitializeMdl(&Record->Mdl, VirtualAddress, Length);
    Record->Mdl.Process = NULL;
    InterlockedIncrement(&Mdls);
    return &Record->Mdl;
}

PMDL IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota, PIRP Irp)
{
    NtIrql(DISPATCH_LEVEL);
    if (!NtRule("Mdl", Length != 0, "an MDL of 0 bytes") || SimFail(__func__, SIM_PLACE()))
        return NULL;
    PMDL Mdl = NewMdl(VirtualAddress, Length);
    if (Mdl && Irp)
    {
        PMDL *Link = &Irp->MdlAddress;
        while (SecondaryBuffer && *Link)
            Link = &(*Link)->Next;
        *Link = Mdl;
    }
    return Mdl;
}

static MDL_RECORD *Checked(_In_ PMDL Mdl, _In_ PCSTR Call, _In_ const VOID *Place)
{
    MDL_RECORD *Record = RecordOf(Mdl);
    if (Record->Magic != MDL_MAGIC)
    {
        NtRuleBroken("Mdl", Call, Place, "%p is no MDL", (void *)Mdl);
        abort();
    }
    return Record;
}

static VOID UnmapMdl(_Inout_ MDL_RECORD *Record)
{
    if (Record->Mapping)
    {
        NtSectionUnmap(Record->Section, Record->Mapping, Record->MappingSize);
        Record->Mapping = NULL;
    }
    Record->Mdl.MdlFlags &= ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
}

static VOID FreeMdl(_In_ MDL_RECORD *Record)
{
    Record->Magic = 0;
    InterlockedDecrement(&Mdls);
    free(Record);
}

VOID IoFreeMdl(PMDL Mdl)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());
    NtIrql(DISPATCH_LEVEL);
    if (!NtRule("Mdl", !Record->IsPool, "an MDL of MmAllocatePagesForMdlEx is freed by ExFreePool"))
        return;
    NtRule("Mdl", !(Mdl->MdlFlags & MDL_PAGES_LOCKED) || (Mdl->MdlFlags & MDL_PARTIAL), "freed with its pages locked");
    if (Mdl->MdlFlags & MDL_PARTIAL)
        UnmapMdl(Record);
    FreeMdl(Record);
}

BOOLEAN NtMdlPoolFree(PVOID Memory, PCSTR Call, const VOID *Place)
{
    NtLock();
    MDL_RECORD *Record;
    for (MDL_RECORD **Link = &PoolMdls; (Record = *Link) != NULL; Link = &Record->NextPool)
    {
        if (&Record->Mdl == Memory)
        {
            *Link = Record->NextPool;
            break;
        }
    }
    NtUnlock();
    if (!Record)
        return FALSE;
    if (Record->OwnsPages)
    {
        NtRuleBroken("Mdl", Call, Place, "freed with pages that MmFreePagesFromMdl has not freed");
        ObfDereferenceObject(Record->Section);
    }
    FreeMdl(Record);
    return TRUE;
}

VOID MmBuildMdlForNonPagedPool(PMDL Mdl)
{
    Checked(Mdl, __func__, SIM_PLACE());
    NtIrql(DISPATCH_LEVEL);
    NtRule("Mdl", !(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA)), "flags 0x%x", Mdl->MdlFlags);
    NtRule("Mdl", NtPoolNonPaged(MmGetMdlVirtualAddress(Mdl), Mdl->ByteCount), "%p, %u bytes: not in nonpaged pool",
           MmGetMdlVirtualAddress(Mdl), Mdl->ByteCount);
    Mdl->MappedSystemVa = MmGetMdlVirtualAddress(Mdl);
    Mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
}

VOID MmProbeAndLockPages(PMDL Mdl, KPROCESSOR_MODE AccessMode, LOCK_OPERATION Operation)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());
    PUCHAR Address = MmGetMdlVirtualAddress(Mdl);
    NtRule("Mdl", !(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA)),
           "flags 0x%x", Mdl->MdlFlags);
    NtRule("ProbeInTry", NtThread()->Try != NULL, "called outside __try");
    if (SimFail(__func__, SIM_PLACE()))
        HostRaise(STATUS_INSUFFICIENT_RESOURCES);
    NtLock();
    NT_VIEW *View = NtViewFind(Address, Mdl->ByteCount, AccessMode == KernelMode ? NULL : NtThread()->Process);
    if (!View && AccessMode == KernelMode)
        View = NtViewFind(Address, Mdl->ByteCount, NtThread()->Process);
    View = View && View->ReadOnly && Operation != IoReadAccess ? NULL : View;
    if (View)
        InterlockedIncrement(&View->Locks);
    NtUnlock();
    if (View)
    {
        NtIrql(APC_LEVEL);
        ObfReferenceObject(View->Section);
        Record->View = View;
        Record->Section = View->Section;
        Record->Offset = (SIZE_T)(Address - View->Base);
        Mdl->Process = View->Process;
    }
    else if (AccessMode != KernelMode || !NtPoolNonPaged(Address, Mdl->ByteCount))
    {
        HostRaise(STATUS_ACCESS_VIOLATION);
    }
    Mdl->MdlFlags |= MDL_PAGES_LOCKED | (Operation != IoReadAccess ? MDL_WRITE_OPERATION : 0);
}

VOID MmUnlockPages(PMDL Mdl)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());
    NtIrql(DISPATCH_LEVEL);
    if (!NtRule("Mdl", (Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL)) == MDL_PAGES_LOCKED, "flags 0x%x",
                Mdl->MdlFlags))
    {
        return;
    }
    UnmapMdl(Record);
    NtRule("UserMapping", !Record->UserView, "the pages are still mapped into a program");
    if (Record->Section)
    {
        if (InterlockedDecrement(&Record->View->Locks) == 0 && Record->View->Gone)
            free(Record->View);
        ObfDereferenceObject(Record->Section);
        Record->Section = NULL;
        Record->View = NULL;
    }
    Mdl->MdlFlags &= ~(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION);
}

/* Into the present process, which must unmap it itself and before it ends. Raises where there is no memory. */
static PVOID MapForProgram(_Inout_ MDL_RECORD *Record, _In_ SIZE_T First, _In_ SIZE_T Size, _In_ const VOID *Place)
{
    PUCHAR Address = Record->Section ? NtSectionMap(Record->Section, First, Size, NtMapUser) : NULL;
    if (!Address)
        HostRaise(STATUS_INSUFFICIENT_RESOURCES); /* pool is no section's here and cannot be mapped again */
    Record->UserView = NtViewAdd(Record->Section, Address, NtThread()->Process, Place);
    Record->UserView->Size = Size;
    Record->UserView->Locks = 1; /* a process that ends with it is bug check 0x76, too */
    return Address + (Record->Offset - First);
}

/* "MmMapLockedPagesSpecifyCache": NULL where there is no memory, for UserMode an exception. */
PVOID MmMapLockedPagesSpecifyCache(PMDL Mdl, KPROCESSOR_MODE AccessMode, MEMORY_CACHING_TYPE CacheType,
                                   PVOID RequestedAddress, ULONG BugCheckOnFailure, ULONG Priority)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());
    SIZE_T First = Record->Offset & ~(SIZE_T)(PAGE_SIZE - 1);
    SIZE_T Size = ROUND_TO_PAGES(Record->Offset - First + Mdl->ByteCount);
    BOOLEAN ForProgram = AccessMode != KernelMode;
    NtIrql(ForProgram ? APC_LEVEL : DISPATCH_LEVEL);
    NtRule("ProbeInTry", !ForProgram || NtThread()->Try != NULL, "called outside __try");
    if (!NtRule("Mdl", Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL), "pages are not locked: flags 0x%x",
                Mdl->MdlFlags) ||
        !NtRule("Mdl", ForProgram ? !Record->UserView : !(Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA), "mapped already") ||
        SimFail(__func__, SIM_PLACE()))
    {
        if (ForProgram)
            HostRaise(STATUS_INSUFFICIENT_RESOURCES);
        return NULL;
    }
    if (ForProgram)
        return MapForProgram(Record, First, Size, SIM_PLACE());
    if (Record->Section)
    {
        Record->Mapping = NtSectionMap(Record->Section, First, Size, NtMapSystem);
        if (!Record->Mapping)
            return NULL;
        Record->MappingSize = Size;
        Mdl->MappedSystemVa = Record->Mapping + (Record->Offset - First);
    }
    else
    {
        Mdl->MappedSystemVa = MmGetMdlVirtualAddress(Mdl);
    }
    Mdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA | (Mdl->MdlFlags & MDL_PARTIAL ? MDL_PARTIAL_HAS_BEEN_MAPPED : 0);
    return Mdl->MappedSystemVa;
}

/* "MmUnmapLockedPages": what a program has is unmapped in its own context only. */
VOID MmUnmapLockedPages(PVOID BaseAddress, PMDL Mdl)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());
    NT_VIEW *View = Record->UserView;
    if (View && (PUCHAR)BaseAddress >= View->Base && (PUCHAR)BaseAddress < View->Base + View->Size)
    {
        NtIrql(APC_LEVEL);
        Record->UserView = NULL;
        View->Locks = 0;
        if (!View->Gone && NtRule("UserMapping", View->Process == NtThread()->Process,
                                  "unmapped in another process than the one that has it"))
        {
            SimUnmapSection(View->Process, View->Base);
        }
        else if (View->Gone)
        {
            free(View);
        }
        return;
    }
    NtIrql(DISPATCH_LEVEL);
    NtRule("Mdl", (Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) && Mdl->MappedSystemVa == BaseAddress, "%p is not mapped",
           BaseAddress);
    UnmapMdl(Record);
}

VOID IoBuildPartialMdl(PMDL SourceMdl, PMDL TargetMdl, PVOID VirtualAddress, ULONG Length)
{
    MDL_RECORD *Source = Checked(SourceMdl, __func__, SIM_PLACE());
    MDL_RECORD *Target = Checked(TargetMdl, __func__, SIM_PLACE());
    SIZE_T Into = (SIZE_T)((PUCHAR)VirtualAddress - (PUCHAR)MmGetMdlVirtualAddress(SourceMdl));
    NtIrql(DISPATCH_LEVEL);
    Length = Length ? Length : SourceMdl->ByteCount - (ULONG)Into;
    NtRule("Mdl", Into + Length <= SourceMdl->ByteCount, "%zu + %u of %u bytes", Into, Length, SourceMdl->ByteCount);
    NtRule("Mdl", SourceMdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL),
           "the source's pages are not locked");
    NtRule("Mdl", !Target->Mapping, "the target is still mapped: MmPrepareMdlForReuse");
    NtRule("Mdl", MmSizeOfMdl(VirtualAddress, Length) <= Target->Room, "the target has room for fewer pages");
    TargetMdl->StartVa = PAGE_ALIGN(VirtualAddress);
    TargetMdl->ByteOffset = BYTE_OFFSET(VirtualAddress);
    TargetMdl->ByteCount = Length;
    TargetMdl->Process = SourceMdl->Process;
    TargetMdl->MdlFlags = MDL_PARTIAL | (SourceMdl->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_PAGES_LOCKED));
    if (SourceMdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))
    {
        TargetMdl->MappedSystemVa = (PUCHAR)SourceMdl->MappedSystemVa + Into;
        TargetMdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA | MDL_PARENT_MAPPED_SYSTEM_VA;
    }
    Target->Section = Source->Section;
    Target->Offset = Source->Offset + Into;
}

PMDL MmAllocatePagesForMdlEx(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress, PHYSICAL_ADDRESS SkipBytes,
                             SIZE_T TotalBytes, MEMORY_CACHING_TYPE CacheType, ULONG Flags)
{
    NtIrql(APC_LEVEL);
    NT_SECTION *Section;
    if (SimFail(__func__, SIM_PLACE()) || !NT_SUCCESS(NtSectionCreate(TotalBytes, &Section)))
        return NULL;
    PMDL Mdl = NewMdl(NULL, (ULONG)ROUND_TO_PAGES(TotalBytes));
    MDL_RECORD *Record = RecordOf(Mdl);
    Record->Section = Section;
    Record->OwnsPages = Record->IsPool = TRUE;
    Mdl->MdlFlags |= MDL_PAGES_LOCKED;
    NtLock();
    Record->NextPool = PoolMdls;
    PoolMdls = Record;
    NtUnlock();
    return Mdl;
}

VOID MmFreePagesFromMdl(PMDL Mdl)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());
    NtIrql(APC_LEVEL);
    if (NtRule("Mdl", Record->OwnsPages, "not of MmAllocatePagesForMdlEx"))
    {
        NtRule("Mdl", !Record->Mapping && !Record->UserView, "freed while mapped");
        UnmapMdl(Record);
        ObfDereferenceObject(Record->Section);
        Record->Section = NULL;
        Record->OwnsPages = FALSE;
        Mdl->MdlFlags &= ~MDL_PAGES_LOCKED;
    }
}

VOID NtMdlCheckEmpty(PCSTR When)
{
    LONG Left = ReadAcquire(&Mdls);
    if (Left)
        NtRuleBroken("Leak_Mdl", When, NULL, "%d MDLs are left", (int)Left);
}
