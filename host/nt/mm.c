/* SPDX-License-Identifier: MIT */
/*
 * Memory that two sides share. A section is a memfd; every view and every locked mapping of it is a mapping of its own,
 * so that a use of one that is gone faults. A view in system space is reserved but can never be touched: on Windows it
 * may be trimmed at any time, and only the mapping of locked pages may be used. NtLock guards the list of views.
 */
#include "host/nt/nt.h"
#include <sys/mman.h>
#include <unistd.h>

typedef struct _VIEW
{
    LIST_ENTRY Link;
    PUCHAR Base;
    SIZE_T Size;
    NT_SECTION *Section; /* referenced */
    PEPROCESS Process;   /* NULL: system space, inaccessible */
    volatile LONG Locks; /* MDLs that lock pages of it */
    BOOLEAN Gone;        /* unmapped while they did: the last of them frees it */
    const VOID *Place;
} VIEW;

/* What stands before each MDL that the kernel made. */
typedef struct _MDL_RECORD
{
    ULONG Magic;
    BOOLEAN OwnsPages;   /* of MmAllocatePagesForMdlEx */
    NT_SECTION *Section; /* of the locked pages; NULL: pool, mapped where it is. Referenced unless partial */
    SIZE_T Offset;       /* of the MDL's first byte in it */
    VIEW *View;          /* locked */
    PUCHAR Mapping;
    SIZE_T MappingSize;
    DECLSPEC_ALIGN(16) MDL Mdl;
} MDL_RECORD;

#define MDL_MAGIC 0x3d1

#define RecordOf(MdlPointer) CONTAINING_RECORD(MdlPointer, MDL_RECORD, Mdl)

static LIST_ENTRY Views = {&Views, &Views};
static volatile LONG Mdls, Mappings;

static SIZE_T Pages(_In_ SIZE_T Bytes)
{
    return (Bytes + PAGE_SIZE - 1) & ~(SIZE_T)(PAGE_SIZE - 1);
}

/* ---- Sections */

NTSTATUS NtSectionCreate(SIZE_T Size, NT_SECTION **Section)
{
    int Fd = memfd_create("section", MFD_CLOEXEC);

    if (Fd < 0 || ftruncate(Fd, (off_t)Pages(Size)) != 0)
    {
        if (Fd >= 0)
        {
            close(Fd);
        }
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Section = NtObjectCreate(&NtSectionType, sizeof(**Section));
    (*Section)->Size = Pages(Size);
    (*Section)->Fd = Fd;
    return STATUS_SUCCESS;
}

VOID NtSectionDelete(PVOID Object)
{
    close(((NT_SECTION *)Object)->Fd);
}

/* Maps Size bytes from Offset, both whole pages. NULL: impossible. */
static PUCHAR MapPart(_Inout_ NT_SECTION *Section, _In_ SIZE_T Offset, _In_ SIZE_T Size, _In_ BOOLEAN Own)
{
    PUCHAR Address;

    InterlockedIncrement(&Mappings);
    if (NT_ONE_MAPPING && !Own)
    {
        NtLock();
        if (Section->Sharers++ == 0)
        {
            Section->Whole = mmap(NULL, Section->Size, PROT_READ | PROT_WRITE, MAP_SHARED, Section->Fd, 0);
        }
        Address = Section->Whole + Offset;
        NtUnlock();
        return Address;
    }
    /* A page before and one behind fault, so that an access that goes astray is seen. */
    Address = mmap(NULL, Size + 2 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (Address == MAP_FAILED)
    {
        return NULL;
    }
    Address += PAGE_SIZE;
    if (mmap(Address, Size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, Section->Fd, (off_t)Offset) == MAP_FAILED)
    {
        munmap(Address - PAGE_SIZE, Size + 2 * PAGE_SIZE);
        return NULL;
    }
    return Address;
}

static VOID UnmapPart(_Inout_ NT_SECTION *Section, _In_ PUCHAR Address, _In_ SIZE_T Size)
{
    InterlockedDecrement(&Mappings);
    NtLock();
    if (Section->Whole && Address >= Section->Whole && Address < Section->Whole + Section->Size)
    {
        if (--Section->Sharers == 0)
        {
            munmap(Section->Whole, Section->Size);
            Section->Whole = NULL;
        }
        Size = 0;
    }
    NtUnlock();
    if (Size)
    {
        munmap(Address - PAGE_SIZE, Size + 2 * PAGE_SIZE);
    }
}

/* ---- Views */

static VIEW *AddView(_In_ NT_SECTION *Section, _In_ PUCHAR Base, _In_opt_ PEPROCESS Process, _In_ const VOID *Place)
{
    VIEW *View = malloc(sizeof(*View));

    ObfReferenceObject(Section);
    *View = (VIEW){.Base = Base, .Size = Section->Size, .Section = Section, .Process = Process, .Place = Place};
    NtLock();
    InsertTailList(&Views, &View->Link);
    NtUnlock();
    return View;
}

/* Under NtLock. */
static VIEW *FindView(_In_ const VOID *Address, _In_ SIZE_T Length, _In_opt_ PEPROCESS Process)
{
    for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views; Entry = Entry->Flink)
    {
        VIEW *View = CONTAINING_RECORD(Entry, VIEW, Link);

        if (View->Process == Process && (PUCHAR)Address >= View->Base &&
            Length <= (SIZE_T)(View->Base + View->Size - (PUCHAR)Address) && (PUCHAR)Address < View->Base + View->Size)
        {
            return View;
        }
    }
    return NULL;
}

/* Takes the view that begins at Base out of the list. */
static VIEW *TakeView(_In_ const VOID *Base, _In_opt_ PEPROCESS Process)
{
    VIEW *View;

    NtLock();
    View = FindView(Base, 1, Process);
    if (View && View->Base == Base)
    {
        RemoveEntryList(&View->Link);
    }
    else
    {
        View = NULL;
    }
    NtUnlock();
    return View;
}

static VOID FreeView(_In_ VIEW *View)
{
    if (View->Process)
    {
        UnmapPart(View->Section, View->Base, View->Size);
    }
    else
    {
        munmap(View->Base, View->Size);
    }
    ObfDereferenceObject(View->Section);
    View->Gone = View->Locks != 0;
    if (!View->Gone)
    {
        free(View);
    }
}

NTSTATUS MmMapViewInSystemSpace(PVOID Section, PVOID *MappedBase, PSIZE_T ViewSize)
{
    NT_SECTION *Object = Section;
    PVOID Base;

    NtIrql(APC_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
    {
        return STATUS_NO_MEMORY;
    }
    if (!NtRule("Section", NtObjectType(Section) == &NtSectionType, "%p is no section", Section) ||
        !NtRule("Section", *ViewSize <= Object->Size, "a view of %zu of %zu bytes", *ViewSize, Object->Size))
    {
        return STATUS_INVALID_PARAMETER;
    }
    Base = mmap(NULL, Object->Size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (Base == MAP_FAILED)
    {
        return STATUS_NO_MEMORY;
    }
    AddView(Object, Base, NULL, SIM_PLACE());
    *MappedBase = Base;
    *ViewSize = Object->Size;
    return STATUS_SUCCESS;
}

NTSTATUS MmUnmapViewInSystemSpace(PVOID MappedBase)
{
    VIEW *View = TakeView(MappedBase, NULL);

    NtIrql(APC_LEVEL);
    if (!NtRule("SystemView", View != NULL, "%p is no view", MappedBase))
    {
        return STATUS_NOT_MAPPED_VIEW;
    }
    NtRule("SystemView", View->Locks == 0, "unmapped while %d MDLs lock its pages", (int)View->Locks);
    FreeView(View);
    return STATUS_SUCCESS;
}

NTSTATUS SimMapSection(PEPROCESS Process, HANDLE Section, BOOLEAN Hostile, PVOID *Address, SIZE_T *Size)
{
    PVOID Object;
    NT_SECTION *Mapped;
    NTSTATUS Status = NtHandleReference(Process, Section, SECTION_MAP_READ | SECTION_MAP_WRITE, &NtSectionType,
                                        UserMode, &Object, NULL);

    if (!NT_SUCCESS(Status))
    {
        return Status;
    }
    Mapped = Object;
    *Address = MapPart(Mapped, 0, Mapped->Size, Hostile);
    *Size = Mapped->Size;
    Status = *Address ? STATUS_SUCCESS : STATUS_NO_MEMORY;
    if (*Address)
    {
        AddView(Mapped, *Address, Process, SIM_PLACE());
    }
    ObfDereferenceObject(Mapped);
    return Status;
}

VOID SimUnmapSection(PEPROCESS Process, PVOID Address)
{
    VIEW *View = TakeView(Address, Process);

    if (NtRule("UserView", View != NULL, "%p is no view of the process", Address))
    {
        FreeView(View);
    }
}

PVOID SimUserMemory(PEPROCESS Process, SIZE_T Size)
{
    NT_SECTION *Section;
    PVOID Address = NULL;

    if (NT_SUCCESS(NtSectionCreate(Size, &Section)))
    {
        Address = MapPart(Section, 0, Section->Size, FALSE);
        if (Address)
        {
            AddView(Section, Address, Process, SIM_PLACE());
        }
        ObfDereferenceObject(Section);
    }
    return Address;
}

VOID NtMmProcessGone(PEPROCESS Process)
{
    for (;;)
    {
        VIEW *View = NULL;

        NtLock();
        for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views && !View; Entry = Entry->Flink)
        {
            View = CONTAINING_RECORD(Entry, VIEW, Link);
            View = View->Process == Process ? View : NULL;
        }
        if (View)
        {
            RemoveEntryList(&View->Link);
        }
        NtUnlock();
        if (!View)
        {
            return;
        }
        /* On Windows this is bug check 0x76, PROCESS_HAS_LOCKED_PAGES. */
        NtRule("ProcessHasLockedPages", View->Locks == 0, "a process goes while %d MDLs lock its pages",
               (int)View->Locks);
        FreeView(View);
    }
}

/* ---- MDLs. "Using MDLs". */

SIZE_T MmSizeOfMdl(PVOID Base, SIZE_T Length)
{
    return sizeof(MDL) + sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES(Base, Length);
}

static PMDL NewMdl(_In_opt_ PVOID VirtualAddress, _In_ ULONG Length)
{
    SIZE_T Extra = MmSizeOfMdl(VirtualAddress, Length) - sizeof(MDL);
    MDL_RECORD *Record = calloc(1, sizeof(*Record) + Extra);

    if (!Record)
    {
        return NULL;
    }
    Record->Magic = MDL_MAGIC;
    MmInitializeMdl(&Record->Mdl, VirtualAddress, Length);
    Record->Mdl.Process = NULL;
    InterlockedIncrement(&Mdls);
    return &Record->Mdl;
}

PMDL IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota, PIRP Irp)
{
    PMDL Mdl;

    NtIrql(DISPATCH_LEVEL);
    if (!NtRule("Mdl", Length != 0, "an MDL of 0 bytes") || SimFail(__func__, SIM_PLACE()))
    {
        return NULL;
    }
    Mdl = NewMdl(VirtualAddress, Length);
    if (Mdl && Irp)
    {
        PMDL *Link = &Irp->MdlAddress;

        while (SecondaryBuffer && *Link)
        {
            Link = &(*Link)->Next;
        }
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
        UnmapPart(Record->Section, Record->Mapping, Record->MappingSize);
        Record->Mapping = NULL;
    }
    Record->Mdl.MdlFlags &= ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
}

VOID IoFreeMdl(PMDL Mdl)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());

    NtIrql(DISPATCH_LEVEL);
    NtRule("Mdl", !(Mdl->MdlFlags & MDL_PAGES_LOCKED) || (Mdl->MdlFlags & MDL_PARTIAL), "freed with its pages locked");
    NtRule("Mdl", !Record->OwnsPages, "freed with pages that MmFreePagesFromMdl has not freed");
    if (Mdl->MdlFlags & MDL_PARTIAL)
    {
        UnmapMdl(Record);
    }
    Record->Magic = 0;
    InterlockedDecrement(&Mdls);
    free(Record);
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
    VIEW *View;

    NtRule("Mdl", !(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA)),
           "flags 0x%x", Mdl->MdlFlags);
    NtRule("ProbeInTry", NtThread()->Try != NULL, "called outside __try");
    if (SimFail(__func__, SIM_PLACE()))
    {
        HostRaise(STATUS_INSUFFICIENT_RESOURCES);
    }
    NtLock();
    View = FindView(Address, Mdl->ByteCount, AccessMode == KernelMode ? NULL : NtThread()->Process);
    if (!View && AccessMode == KernelMode)
    {
        View = FindView(Address, Mdl->ByteCount, NtThread()->Process);
    }
    if (View)
    {
        InterlockedIncrement(&View->Locks);
    }
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
    if (Record->Section)
    {
        if (InterlockedDecrement(&Record->View->Locks) == 0 && Record->View->Gone)
        {
            free(Record->View);
        }
        ObfDereferenceObject(Record->Section);
        Record->Section = NULL;
        Record->View = NULL;
    }
    Mdl->MdlFlags &= ~(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION);
}

PVOID MmMapLockedPagesSpecifyCache(PMDL Mdl, KPROCESSOR_MODE AccessMode, MEMORY_CACHING_TYPE CacheType,
                                   PVOID RequestedAddress, ULONG BugCheckOnFailure, ULONG Priority)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());
    SIZE_T First, Size;

    NtRule("Irql", NtThread()->Irql <= (AccessMode == KernelMode ? DISPATCH_LEVEL : APC_LEVEL), "at IRQL %u",
           NtThread()->Irql);
    if (!NtRule("Mdl", Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL), "pages are not locked: flags 0x%x",
                Mdl->MdlFlags) ||
        !NtRule("Mdl", !(Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA), "mapped already") || SimFail(__func__, SIM_PLACE()))
    {
        return NULL;
    }
    if (Record->Section)
    {
        First = Record->Offset & ~(SIZE_T)(PAGE_SIZE - 1);
        Size = Pages(Record->Offset - First + Mdl->ByteCount);
        Record->Mapping = MapPart(Record->Section, First, Size, FALSE);
        if (!Record->Mapping)
        {
            return NULL;
        }
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

VOID MmUnmapLockedPages(PVOID BaseAddress, PMDL Mdl)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());

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
    NtRule("Mdl", !(TargetMdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA), "the target is still mapped");
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
    NT_SECTION *Section;
    MDL_RECORD *Record;
    PMDL Mdl;

    NtIrql(APC_LEVEL);
    if (SimFail(__func__, SIM_PLACE()) || !NT_SUCCESS(NtSectionCreate(TotalBytes, &Section)))
    {
        return NULL;
    }
    Mdl = NewMdl(NULL, (ULONG)Pages(TotalBytes));
    Record = RecordOf(Mdl);
    Record->Section = Section;
    Record->OwnsPages = TRUE;
    Mdl->MdlFlags |= MDL_PAGES_LOCKED;
    return Mdl;
}

VOID MmFreePagesFromMdl(PMDL Mdl)
{
    MDL_RECORD *Record = Checked(Mdl, __func__, SIM_PLACE());

    NtIrql(APC_LEVEL);
    if (NtRule("Mdl", Record->OwnsPages, "not of MmAllocatePagesForMdlEx"))
    {
        NtRule("Mdl", !Record->Mapping, "freed while mapped");
        UnmapMdl(Record);
        ObfDereferenceObject(Record->Section);
        Record->Section = NULL;
        Record->OwnsPages = FALSE;
        Mdl->MdlFlags &= ~MDL_PAGES_LOCKED;
    }
}

VOID NtMmCheckEmpty(PCSTR When)
{
    LONG Left = ReadAcquire(&Mdls), Mapped = ReadAcquire(&Mappings);

    for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views; Entry = Entry->Flink)
    {
        VIEW *View = CONTAINING_RECORD(Entry, VIEW, Link);

        NtRuleBroken("Leak_View", When, View->Place, "a view of %zu bytes in %s space", View->Size,
                     View->Process ? "a program's" : "system");
    }
    if (Left)
    {
        NtRuleBroken("Leak_Mdl", When, NULL, "%d MDLs are left", (int)Left);
    }
    if (Mapped)
    {
        NtRuleBroken("Leak_Mapping", When, NULL, "%d mappings are left", (int)Mapped);
    }
}

NTSTATUS ZwCreateSection(PHANDLE SectionHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                         PLARGE_INTEGER MaximumSize, ULONG PageProtection, ULONG AllocationAttributes,
                         HANDLE FileHandle)
{
    NT_SECTION *Section;
    NTSTATUS Status;

    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
    {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    NtRule("KernelHandle", ObjectAttributes && (ObjectAttributes->Attributes & OBJ_KERNEL_HANDLE),
           "a program could use the section's handle");
    if (!NtRule("Section",
                !FileHandle && MaximumSize && MaximumSize->QuadPart > 0 && AllocationAttributes == SEC_COMMIT &&
                    PageProtection == PAGE_READWRITE,
                "only sections backed by the paging file are known here"))
    {
        return STATUS_NOT_SUPPORTED;
    }
    Status = NtSectionCreate((SIZE_T)MaximumSize->QuadPart, &Section);
    if (NT_SUCCESS(Status))
    {
        Status = NtHandleCreate(NULL, Section, DesiredAccess, SectionHandle);
        ObfDereferenceObject(Section);
    }
    return Status;
}

/* ---- A program's addresses. "ProbeForRead", "ProbeForWrite". */

static VOID Probe(_In_ const volatile VOID *Address, _In_ SIZE_T Length, _In_ ULONG Alignment)
{
    VIEW *View;

    if (!Length)
    {
        return;
    }
    if ((ULONG_PTR)Address % Alignment)
    {
        HostRaise(STATUS_DATATYPE_MISALIGNMENT);
    }
    NtLock();
    View = FindView((const VOID *)Address, Length, NtThread()->Process);
    NtUnlock();
    if (!View || !View->Process)
    {
        HostRaise(STATUS_ACCESS_VIOLATION);
    }
}

VOID ProbeForRead(const volatile VOID *Address, SIZE_T Length, ULONG Alignment)
{
    NtIrql(APC_LEVEL);
    NtRule("ProbeInTry", NtThread()->Try != NULL, "called outside __try");
    Probe(Address, Length, Alignment);
}

VOID ProbeForWrite(volatile VOID *Address, SIZE_T Length, ULONG Alignment)
{
    NtIrql(APC_LEVEL);
    NtRule("ProbeInTry", NtThread()->Try != NULL, "called outside __try");
    Probe(Address, Length, Alignment);
}

/* The process named by a handle that a driver holds; NtCurrentProcess() is the present one. Referenced. */
static NTSTATUS ReferenceProcess(_In_ HANDLE Handle, _Outptr_ PVOID *Process)
{
    if (Handle == NtCurrentProcess())
    {
        *Process = NtThread()->Process;
        if (*Process != NtSystemProcess)
        {
            ObfReferenceObject(*Process);
        }
        return STATUS_SUCCESS;
    }
    return NtHandleReference(NtThread()->Process, Handle, 0, &NtProcessType, KernelMode, Process, NULL);
}

static VOID DereferenceProcess(_In_ PVOID Process)
{
    if (Process != NtSystemProcess)
    {
        ObfDereferenceObject(Process);
    }
}

/* Whole sections only, read and write, at an address of the kernel's choosing. */
NTSTATUS ZwMapViewOfSection(HANDLE SectionHandle, HANDLE ProcessHandle, PVOID *BaseAddress, ULONG_PTR ZeroBits,
                            SIZE_T CommitSize, PLARGE_INTEGER SectionOffset, PSIZE_T ViewSize,
                            SECTION_INHERIT InheritDisposition, ULONG AllocationType, ULONG PageProtection)
{
    PVOID Process, Section;
    NTSTATUS Status;

    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
    {
        return STATUS_NO_MEMORY;
    }
    if (!NtRule("Section",
                !*BaseAddress && (!SectionOffset || !SectionOffset->QuadPart) && PageProtection == PAGE_READWRITE,
                "only whole sections are mapped here, read and write"))
    {
        return STATUS_NOT_SUPPORTED;
    }
    Status = ReferenceProcess(ProcessHandle, &Process);
    if (!NT_SUCCESS(Status))
    {
        return Status;
    }
    Status = NtHandleReference(NtThread()->Process, SectionHandle, SECTION_MAP_READ | SECTION_MAP_WRITE, &NtSectionType,
                               KernelMode, &Section, NULL);
    if (NT_SUCCESS(Status))
    {
        NT_SECTION *Mapped = Section;

        *BaseAddress = MapPart(Mapped, 0, Mapped->Size, FALSE);
        *ViewSize = Mapped->Size;
        AddView(Mapped, *BaseAddress, Process, SIM_PLACE());
        ObfDereferenceObject(Mapped);
    }
    DereferenceProcess(Process);
    return Status;
}

NTSTATUS ZwUnmapViewOfSection(HANDLE ProcessHandle, PVOID BaseAddress)
{
    PVOID Process;
    VIEW *View;
    NTSTATUS Status;

    NtIrql(PASSIVE_LEVEL);
    Status = ReferenceProcess(ProcessHandle, &Process);
    if (!NT_SUCCESS(Status))
    {
        return Status;
    }
    View = TakeView(BaseAddress, Process);
    if (View)
    {
        FreeView(View);
    }
    DereferenceProcess(Process);
    return View ? STATUS_SUCCESS : STATUS_NOT_MAPPED_VIEW;
}
