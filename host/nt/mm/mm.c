/* SPDX-License-Identifier: MIT */
/*
 * Memory that two sides share. A section is a memfd; every view and every locked mapping of it is a mapping of its own,
 * so that a use of one that is gone faults. A view in system space is reserved but can never be touched: on Windows it
 * may be trimmed at any time, and only the mapping of locked pages may be used. NtLock guards the list of views.
 */
#include "host/nt/nt.h"
#include <sys/mman.h>
#include <unistd.h>

static LIST_ENTRY Views = {&Views, &Views};
static volatile LONG Mappings;

/* ---- Sections */

NTSTATUS NtSectionCreate(SIZE_T Size, NT_SECTION **Section)
{
    int Fd = memfd_create("section", MFD_CLOEXEC);
    if (Fd < 0 || ftruncate(Fd, (off_t)ROUND_TO_PAGES(Size)) != 0)
    {
        if (Fd >= 0)
            close(Fd);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Section = NtObjectCreate(&NtSectionType, sizeof(**Section));
    (*Section)->Size = ROUND_TO_PAGES(Size);
    (*Section)->Fd = Fd;
    return STATUS_SUCCESS;
}

VOID NtSectionDelete(PVOID Object)
{
    close(((NT_SECTION *)Object)->Fd);
}

/* A page before and one behind fault, so that an access that goes astray is seen. */
static PUCHAR MapAt(_In_opt_ PUCHAR Room, _In_ const NT_SECTION *Section, _In_ SIZE_T Offset, _In_ SIZE_T Size)
{
    if (Room && mmap(Room + PAGE_SIZE, Size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, Section->Fd,
                     (off_t)Offset) == MAP_FAILED)
    {
        munmap(Room, Size + 2 * PAGE_SIZE);
        Room = NULL;
    }
    return Room ? Room + PAGE_SIZE : NULL;
}

PUCHAR NtSectionMap(NT_SECTION *Section, SIZE_T Offset, SIZE_T Size, NT_MAP Map)
{
    SIZE_T Room = Size + 2 * PAGE_SIZE;
    InterlockedIncrement(&Mappings);
    PUCHAR Address;
    if (NT_ONE_MAPPING && Map != NtMapHostile)
    {
        NtLock();
        if (Section->Sharers++ == 0)
        {
            Section->Whole =
                MapAt(NtUserReserve(Section->Size + 2 * PAGE_SIZE, Map == NtMapUserLow), Section, 0, Section->Size);
        }
        Address = Section->Whole + Offset;
        NtUnlock();
        return Address;
    }
    if (Map != NtMapSystem)
        return MapAt(NtUserReserve(Room, Map == NtMapUserLow), Section, Offset, Size);
    Address = mmap(NULL, Room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return MapAt(Address == MAP_FAILED ? NULL : Address, Section, Offset, Size);
}

VOID NtSectionUnmap(NT_SECTION *Section, PUCHAR Address, SIZE_T Size)
{
    InterlockedDecrement(&Mappings);
    NtLock();
    if (Section->Whole && Address >= Section->Whole && Address < Section->Whole + Section->Size)
    {
        if (--Section->Sharers == 0)
        {
            munmap(Section->Whole - PAGE_SIZE, Section->Size + 2 * PAGE_SIZE);
            Section->Whole = NULL;
        }
        Size = 0;
    }
    NtUnlock();
    if (Size)
        munmap(Address - PAGE_SIZE, Size + 2 * PAGE_SIZE);
}

/* ---- Views */

NT_VIEW *NtViewAdd(NT_SECTION *Section, PUCHAR Base, PEPROCESS Process, const VOID *Place)
{
    NT_VIEW *View = malloc(sizeof(*View));
    ObfReferenceObject(Section);
    *View = (NT_VIEW){.Base = Base, .Size = Section->Size, .Section = Section, .Process = Process, .Place = Place};
    NtLock();
    InsertTailList(&Views, &View->Link);
    NtUnlock();
    return View;
}

/* Under NtLock. */
NT_VIEW *NtViewFind(const VOID *Address, SIZE_T Length, PEPROCESS Process)
{
    for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views; Entry = Entry->Flink)
    {
        NT_VIEW *View = CONTAINING_RECORD(Entry, NT_VIEW, Link);
        if (View->Process == Process && (PUCHAR)Address >= View->Base &&
            Length <= (SIZE_T)(View->Base + View->Size - (PUCHAR)Address) && (PUCHAR)Address < View->Base + View->Size)
        {
            return View;
        }
    }
    return NULL;
}

/* Takes the view that begins at Base out of the list. */
static NT_VIEW *TakeView(_In_ const VOID *Base, _In_opt_ PEPROCESS Process)
{
    NtLock();
    NT_VIEW *View = NtViewFind(Base, 1, Process);
    if (View && View->Base == Base)
        RemoveEntryList(&View->Link);
    else
        View = NULL;
    NtUnlock();
    return View;
}

static VOID FreeView(_In_ NT_VIEW *View)
{
    if (View->Process)
        NtSectionUnmap(View->Section, View->Base, View->Size);
    else
        munmap(View->Base, View->Size);
    ObfDereferenceObject(View->Section);
    View->Gone = View->Locks != 0;
    if (!View->Gone)
        free(View);
}

NTSTATUS MmMapViewInSystemSpace(PVOID Section, PVOID *MappedBase, PSIZE_T ViewSize)
{
    NT_SECTION *Object = Section;
    NtIrql(APC_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_NO_MEMORY;
    if (!NtRule("Section", NtObjectType(Section) == &NtSectionType, "%p is no section", Section) ||
        !NtRule("Section", *ViewSize <= Object->Size, "a view of %zu of %zu bytes", *ViewSize, Object->Size))
    {
        return STATUS_INVALID_PARAMETER;
    }
    PVOID Base = mmap(NULL, Object->Size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (Base == MAP_FAILED)
        return STATUS_NO_MEMORY;
    NtViewAdd(Object, Base, NULL, SIM_PLACE());
    *MappedBase = Base;
    *ViewSize = Object->Size;
    return STATUS_SUCCESS;
}

NTSTATUS MmUnmapViewInSystemSpace(PVOID MappedBase)
{
    NT_VIEW *View = TakeView(MappedBase, NULL);
    NtIrql(APC_LEVEL);
    if (!NtRule("SystemView", View != NULL, "%p is no view", MappedBase))
        return STATUS_NOT_MAPPED_VIEW;
    NtRule("SystemView", View->Locks == 0, "unmapped while %d MDLs lock its pages", (int)View->Locks);
    FreeView(View);
    return STATUS_SUCCESS;
}

NTSTATUS SimMapSection(PEPROCESS Process, HANDLE Section, BOOLEAN Hostile, PVOID *Address, SIZE_T *Size)
{
    PVOID Object;
    NTSTATUS Status = NtHandleReference(Process, Section, SECTION_MAP_READ | SECTION_MAP_WRITE, &NtSectionType,
                                        UserMode, &Object, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    NT_SECTION *Mapped = Object;
    *Address = NtSectionMap(Mapped, 0, Mapped->Size, Hostile ? NtMapHostile : NtMapUser);
    *Size = Mapped->Size;
    Status = *Address ? STATUS_SUCCESS : STATUS_NO_MEMORY;
    if (*Address)
        NtViewAdd(Mapped, *Address, Process, SIM_PLACE());
    ObfDereferenceObject(Mapped);
    return Status;
}

VOID SimUnmapSection(PEPROCESS Process, PVOID Address)
{
    NT_VIEW *View = TakeView(Address, Process);
    if (NtRule("UserView", View != NULL, "%p is no view of the process", Address))
        FreeView(View);
}

VOID NtMmProcessGone(PEPROCESS Process)
{
    for (;;)
    {
        NT_VIEW *View = NULL;
        NtLock();
        for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views && !View; Entry = Entry->Flink)
        {
            View = CONTAINING_RECORD(Entry, NT_VIEW, Link);
            View = View->Process == Process ? View : NULL;
        }
        if (View)
            RemoveEntryList(&View->Link);
        NtUnlock();
        if (!View)
            return;
        /* On Windows this is bug check 0x76, PROCESS_HAS_LOCKED_PAGES. */
        NtRule("ProcessHasLockedPages", View->Locks == 0, "a process goes while %d MDLs lock its pages",
               (int)View->Locks);
        FreeView(View);
    }
}

VOID NtMmCheckEmpty(PCSTR When)
{
    LONG Mapped = ReadAcquire(&Mappings);
    for (LIST_ENTRY *Entry = Views.Flink; Entry != &Views; Entry = Entry->Flink)
    {
        NT_VIEW *View = CONTAINING_RECORD(Entry, NT_VIEW, Link);
        NtRuleBroken("Leak_View", When, View->Place, "a view of %zu bytes in %s space", View->Size,
                     View->Process ? "a program's" : "system");
    }
    NtMdlCheckEmpty(When);
    if (Mapped)
        NtRuleBroken("Leak_Mapping", When, NULL, "%d mappings are left", (int)Mapped);
}

NTSTATUS ZwCreateSection(PHANDLE SectionHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                         PLARGE_INTEGER MaximumSize, ULONG PageProtection, ULONG AllocationAttributes,
                         HANDLE FileHandle)
{
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    NtRule("KernelHandle", ObjectAttributes && (ObjectAttributes->Attributes & OBJ_KERNEL_HANDLE),
           "a program could use the section's handle");
    if (!NtRule("Section",
                !FileHandle && MaximumSize && MaximumSize->QuadPart > 0 && AllocationAttributes == SEC_COMMIT &&
                    PageProtection == PAGE_READWRITE,
                "only sections backed by the paging file are known here"))
    {
        return STATUS_NOT_SUPPORTED;
    }
    NT_SECTION *Section;
    NTSTATUS Status = NtSectionCreate((SIZE_T)MaximumSize->QuadPart, &Section);
    if (NT_SUCCESS(Status))
    {
        Status = NtHandleCreate(NULL, Section, DesiredAccess, SectionHandle);
        ObfDereferenceObject(Section);
    }
    return Status;
}

/* The process named by a handle that a driver holds; NtCurrentProcess() is the present one. Referenced. */
static NTSTATUS ReferenceProcess(_In_ HANDLE Handle, _Outptr_ PVOID *Process)
{
    if (Handle == NtCurrentProcess())
    {
        *Process = NtThread()->Process;
        if (*Process != NtSystemProcess)
            ObfReferenceObject(*Process);
        return STATUS_SUCCESS;
    }
    return NtHandleReference(NtThread()->Process, Handle, 0, &NtProcessType, KernelMode, Process, NULL);
}

static VOID DereferenceProcess(_In_ PVOID Process)
{
    if (Process != NtSystemProcess)
        ObfDereferenceObject(Process);
}

/* Whole sections only, read and write, at an address of the kernel's choosing. */
NTSTATUS ZwMapViewOfSection(HANDLE SectionHandle, HANDLE ProcessHandle, PVOID *BaseAddress, ULONG_PTR ZeroBits,
                            SIZE_T CommitSize, PLARGE_INTEGER SectionOffset, PSIZE_T ViewSize,
                            SECTION_INHERIT InheritDisposition, ULONG AllocationType, ULONG PageProtection)
{
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_NO_MEMORY;
    if (!NtRule("Section",
                !*BaseAddress && (!SectionOffset || !SectionOffset->QuadPart) && PageProtection == PAGE_READWRITE,
                "only whole sections are mapped here, read and write"))
    {
        return STATUS_NOT_SUPPORTED;
    }
    PVOID Process;
    NTSTATUS Status = ReferenceProcess(ProcessHandle, &Process);
    if (!NT_SUCCESS(Status))
        return Status;
    PVOID Section;
    Status = NtHandleReference(NtThread()->Process, SectionHandle, SECTION_MAP_READ | SECTION_MAP_WRITE, &NtSectionType,
                               KernelMode, &Section, NULL);
    if (NT_SUCCESS(Status))
    {
        NT_SECTION *Mapped = Section;
        *BaseAddress = NtSectionMap(Mapped, 0, Mapped->Size, NtMapUser);
        *ViewSize = Mapped->Size;
        NtViewAdd(Mapped, *BaseAddress, Process, SIM_PLACE());
        ObfDereferenceObject(Mapped);
    }
    DereferenceProcess(Process);
    return Status;
}

NTSTATUS ZwUnmapViewOfSection(HANDLE ProcessHandle, PVOID BaseAddress)
{
    NtIrql(PASSIVE_LEVEL);
    PVOID Process;
    NTSTATUS Status = ReferenceProcess(ProcessHandle, &Process);
    if (!NT_SUCCESS(Status))
        return Status;
    NT_VIEW *View = TakeView(BaseAddress, Process);
    if (View)
        FreeView(View);
    DereferenceProcess(Process);
    return View ? STATUS_SUCCESS : STATUS_NOT_MAPPED_VIEW;
}
