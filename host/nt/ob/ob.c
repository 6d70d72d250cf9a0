/* SPDX-License-Identifier: MIT */
/*
 * Objects and handles. An object has a header before it with its type and counts; a handle is an index in the table of
 * a process, the kernel's own handles have the high bits set as on Windows. NtLock guards the tables; counts are atomic.
 */
#include "host/nt/nt.h"
#include <time.h>

typedef struct _OBJECT_HEADER
{
    POBJECT_TYPE Type;
    volatile LONG Pointers, Handles;
    ULONG Magic;
} DECLSPEC_ALIGN(16) OBJECT_HEADER;

#define OBJECT_MAGIC  0x0b1ec700
#define KERNEL_HANDLE 0xffffffff80000000ull

#define HeaderOf(Object) ((OBJECT_HEADER *)(Object) - 1)

static VOID NothingToClose(PVOID Object)
{
}

OBJECT_TYPE NtEventType = {.Name = "Event",
                           .Close = NothingToClose,
                           .Delete = NothingToClose,
                           .Waitable = TRUE,
                           .Mapping = {0x20001, 0x20002, 0x120000, EVENT_ALL_ACCESS}};
OBJECT_TYPE NtSectionType = {.Name = "Section",
                             .Close = NothingToClose,
                             .Delete = NtSectionDelete,
                             .Mapping = {0x20005, 0x20002, 0x20008, SECTION_ALL_ACCESS}};
OBJECT_TYPE NtFileType = {.Name = "File",
                          .Close = NtFileClose,
                          .Delete = NtFileDelete,
                          .Mapping = {0x120089, 0x120116, 0x1200a0, FILE_ALL_ACCESS}};
OBJECT_TYPE NtDeviceType = {.Name = "Device",
                            .Close = NothingToClose,
                            .Delete = NtDeviceDelete,
                            .Mapping = {0x120089, 0x120116, 0x1200a0, FILE_ALL_ACCESS}};

static OBJECT_TYPE *EventTypeCell = &NtEventType, *SectionTypeCell = &NtSectionType, *FileTypeCell = &NtFileType,
                   *ProcessTypeCell = &NtProcessType, *ThreadTypeCell = &NtThreadType;
POBJECT_TYPE *ExEventObjectType = &EventTypeCell;
POBJECT_TYPE *MmSectionObjectType = &SectionTypeCell;
POBJECT_TYPE *IoFileObjectType = &FileTypeCell;
POBJECT_TYPE *PsProcessType = &ProcessTypeCell;
POBJECT_TYPE *PsThreadType = &ThreadTypeCell;

static OBJECT_TYPE *const Types[] = {&NtEventType,  &NtSectionType, &NtFileType, &NtProcessType,
                                     &NtThreadType, &NtDeviceType,  &NtKeyType};

static pthread_mutex_t KernelLock = PTHREAD_MUTEX_INITIALIZER;

VOID NtLock(VOID)
{
    pthread_mutex_lock(&KernelLock);
}

VOID NtUnlock(VOID)
{
    pthread_mutex_unlock(&KernelLock);
}

/* ---- Objects */

PVOID NtObjectCreate(POBJECT_TYPE Type, SIZE_T Size)
{
    OBJECT_HEADER *Header = calloc(1, sizeof(*Header) + Size);
    *Header = (OBJECT_HEADER){.Type = Type, .Pointers = 1, .Magic = OBJECT_MAGIC};
    InterlockedIncrement(&Type->Alive);
    return Header + 1;
}

static OBJECT_HEADER *Checked(_In_ PVOID Object, _In_ PCSTR Call, _In_ const VOID *Place)
{
    OBJECT_HEADER *Header = HeaderOf(Object);
    if (!Object || Header->Magic != OBJECT_MAGIC || ReadAcquire(&Header->Pointers) <= 0)
    {
        NtRuleBroken("Object", Call, Place, "%p is no object that anyone references", Object);
        abort();
    }
    return Header;
}

POBJECT_TYPE NtObjectType(PVOID Object)
{
    return HeaderOf(Object)->Type;
}

LONG_PTR ObfReferenceObject(PVOID Object)
{
    NtIrql(DISPATCH_LEVEL);
    return InterlockedIncrement(&Checked(Object, __func__, SIM_PLACE())->Pointers);
}

LONG_PTR ObfDereferenceObject(PVOID Object)
{
    OBJECT_HEADER *Header = Checked(Object, __func__, SIM_PLACE());
    NtIrql(DISPATCH_LEVEL);
    LONG Left = InterlockedDecrement(&Header->Pointers); /* unless it was the last, the object may be gone now */
    if (Left == 0)
    {
        OBJECT_TYPE *Type = Header->Type;
        NtRule("Object", Header->Handles == 0, "the last reference to a %s goes, %d handles are open", Type->Name,
               (int)Header->Handles);
        Type->Delete(Object);
        Header->Magic = 0;
        free(Header);
        InterlockedDecrement(&Type->Alive);
    }
    return Left;
}

/* ---- Handles */

static NT_HANDLES *TableOf(_In_opt_ PEPROCESS Process)
{
    return Process ? &Process->Handles : &NtSystemProcess->Handles;
}

/* Under NtLock. NULL: no such handle. */
static NT_HANDLE *Lookup(_In_ PEPROCESS Process, _In_ HANDLE Handle, _In_ KPROCESSOR_MODE Mode)
{
    ULONG64 Value = (ULONG64)Handle;
    NT_HANDLES *Table = TableOf(Process);
    if (Value >= KERNEL_HANDLE)
    {
        if (Mode != KernelMode)
            return NULL;
        Table = TableOf(NULL);
        Value -= KERNEL_HANDLE;
    }
    else if (Table == TableOf(NULL))
    {
        return NULL;
    }
    ULONG64 Index = Value / 4 - 1;
    return Value >= 4 && Index < Table->Count && Table->Entries[Index].Object ? &Table->Entries[Index] : NULL;
}

NTSTATUS NtHandleCreate(PEPROCESS Process, PVOID Object, ACCESS_MASK Access, HANDLE *Handle)
{
    NT_HANDLES *Table = TableOf(Process);
    Process = Process == NtSystemProcess ? NULL : Process;
    NtLock();
    if (Process && Process->Dead)
    {
        NtUnlock();
        return STATUS_UNSUCCESSFUL;
    }
    if (Table->Open == Table->Count)
    {
        ULONG Count = Table->Count ? 2 * Table->Count : 32;
        Table->Entries = realloc(Table->Entries, Count * sizeof(*Table->Entries));
        memset(Table->Entries + Table->Count, 0, (Count - Table->Count) * sizeof(*Table->Entries));
        Table->Count = Count;
    }
    ULONG Index;
    for (Index = Table->Next; Table->Entries[Index % Table->Count].Object; Index++)
    {
    }
    Index %= Table->Count;
    Table->Next = (Index + 1) % Table->Count;
    Table->Entries[Index] = (NT_HANDLE){.Object = Object, .Access = Access};
    Table->Open++;
    InterlockedIncrement(&HeaderOf(Object)->Handles);
    InterlockedIncrement(&HeaderOf(Object)->Pointers);
    NtUnlock();
    *Handle = (HANDLE)((Index + 1ull) * 4 + (Process ? 0 : KERNEL_HANDLE));
    return STATUS_SUCCESS;
}

NTSTATUS NtHandleReference(PEPROCESS Process, HANDLE Handle, ACCESS_MASK Access, POBJECT_TYPE Type,
                           KPROCESSOR_MODE Mode, PVOID *Object, ACCESS_MASK *Granted)
{
    NTSTATUS Status = STATUS_SUCCESS;
    *Object = NULL;
    NtLock();
    NT_HANDLE *Entry = Lookup(Process, Handle, Mode);
    if (!Entry)
    {
        Status = STATUS_INVALID_HANDLE;
    }
    else if (Type && HeaderOf(Entry->Object)->Type != Type)
    {
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    }
    else if (Mode != KernelMode && (Access & ~Entry->Access))
    {
        Status = STATUS_ACCESS_DENIED;
    }
    else
    {
        *Object = Entry->Object;
        InterlockedIncrement(&HeaderOf(Entry->Object)->Pointers);
        if (Granted)
            *Granted = Entry->Access;
    }
    NtUnlock();
    return Status;
}

/* One handle of an object is gone. */
static VOID HandleGone(_In_ PVOID Object)
{
    if (InterlockedDecrement(&HeaderOf(Object)->Handles) == 0)
        HeaderOf(Object)->Type->Close(Object);
    ObfDereferenceObject(Object);
}

NTSTATUS NtHandleClose(PEPROCESS Process, HANDLE Handle)
{
    PVOID Object = NULL;
    NtLock();
    NT_HANDLE *Entry = Lookup(Process, Handle, KernelMode);
    if (Entry)
    {
        Object = Entry->Object;
        Entry->Object = NULL;
        TableOf((ULONG64)Handle >= KERNEL_HANDLE ? NULL : Process)->Open--;
    }
    NtUnlock();
    if (!Object)
        return STATUS_INVALID_HANDLE;
    HandleGone(Object);
    return STATUS_SUCCESS;
}

VOID NtHandlesCloseAll(PEPROCESS Process)
{
    for (;;)
    {
        PVOID Object = NULL;
        NtLock();
        Process->Dead = TRUE;
        for (ULONG I = 0; I < Process->Handles.Count && !Object; I++)
        {
            Object = Process->Handles.Entries[I].Object;
            Process->Handles.Entries[I].Object = NULL;
        }
        Process->Handles.Open -= Object != NULL;
        NtUnlock();
        if (!Object)
            return;
        HandleGone(Object);
    }
}

/* As in the lists of ZwQuerySystemInformation, from 2 on as on Windows; a driver finds it out from an object it knows. */
static ULONG TypeIndex(_In_ const OBJECT_TYPE *Type)
{
    ULONG Index = 0;
    while (Types[Index] != Type)
        Index++;
    return Index + 2;
}

/* Under NtLock. */
static VOID Enumerate(_In_ PEPROCESS Process, _In_ VOID (*Routine)(PVOID, const NT_HANDLE_SEEN *), _In_ PVOID Context)
{
    ULONG64 Base = Process == NtSystemProcess ? KERNEL_HANDLE : 0;
    for (ULONG I = 0; I < Process->Handles.Count; I++)
    {
        const NT_HANDLE *Entry = &Process->Handles.Entries[I];
        if (Entry->Object)
        {
            NT_HANDLE_SEEN Seen = {.Object = Entry->Object,
                                   .Process = Process->Id,
                                   .Handle = (HANDLE)((I + 1ull) * 4 + Base),
                                   .Access = Entry->Access,
                                   .Type = TypeIndex(HeaderOf(Entry->Object)->Type)};
            Routine(Context, &Seen);
        }
    }
}

VOID NtHandlesEnumerate(VOID (*Routine)(PVOID Context, const NT_HANDLE_SEEN *Seen), PVOID Context)
{
    NtLock();
    Enumerate(NtSystemProcess, Routine, Context);
    for (PEPROCESS Process = NtProcessNext(NULL); Process; Process = NtProcessNext(Process))
        Enumerate(Process, Routine, Context);
    NtUnlock();
}

/* ---- What drivers call */

NTSTATUS ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                   KPROCESSOR_MODE AccessMode, PVOID *Object,
                                   POBJECT_HANDLE_INFORMATION HandleInformation)
{
    ACCESS_MASK Granted = 0;
    NtIrql(PASSIVE_LEVEL);
    NtRule("ObjectType", ObjectType || AccessMode == KernelMode, "a program's handle is taken whatever its type");
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS Status =
        NtHandleReference(NtThread()->Process, Handle, DesiredAccess, ObjectType, AccessMode, Object, &Granted);
    if (NT_SUCCESS(Status) && HandleInformation)
        *HandleInformation = (OBJECT_HANDLE_INFORMATION){.GrantedAccess = Granted};
    return Status;
}

NTSTATUS ObOpenObjectByPointer(PVOID Object, ULONG HandleAttributes, PVOID PassedAccessState, ACCESS_MASK DesiredAccess,
                               POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode, PHANDLE Handle)
{
    OBJECT_HEADER *Header = Checked(Object, __func__, SIM_PLACE());
    ACCESS_MASK Access = DesiredAccess;
    NtIrql(PASSIVE_LEVEL);
    NtRule("ObjectType", ObjectType || AccessMode == KernelMode, "ObjectType is missing");
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    if (ObjectType && Header->Type != ObjectType)
        return STATUS_OBJECT_TYPE_MISMATCH;
    NtMapGeneric(&Access, &Header->Type->Mapping);
    return NtHandleCreate(HandleAttributes & OBJ_KERNEL_HANDLE ? NULL : NtThread()->Process, Object, Access, Handle);
}

NTSTATUS ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode)
{
    NTSTATUS Status = NtHandleClose(NtThread()->Process, Handle);
    NtIrql(PASSIVE_LEVEL);
    NtRule("Handle", NT_SUCCESS(Status), "%p is no handle", Handle);
    return Status;
}

NTSTATUS ZwClose(HANDLE Handle)
{
    NtIrql(PASSIVE_LEVEL);
    NTSTATUS Status = NtHandleClose(NtThread()->Process, Handle);
    NtRule("Handle", NT_SUCCESS(Status), "%p is no handle", Handle);
    return Status;
}

NTSTATUS ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    NtIrql(PASSIVE_LEVEL);
    PVOID Object;
    NTSTATUS Status = NtHandleReference(NtThread()->Process, Handle, SYNCHRONIZE, NULL, KernelMode, &Object, NULL);
    if (!NtRule("Handle", NT_SUCCESS(Status), "%p is no handle", Handle))
        return Status;
    if (NtObjectType(Object)->Waitable)
        Status = NtWait(1, &Object, WaitAny, Timeout);
    else
        Status = STATUS_OBJECT_TYPE_MISMATCH;
    ObfDereferenceObject(Object);
    return Status;
}

/* From one process to another; NtCurrentProcess() is the present one. The copy has the same access. */
NTSTATUS ZwDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle, HANDLE TargetProcessHandle,
                           PHANDLE TargetHandle, ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options)
{
    PEPROCESS Present = NtThread()->Process;
    PVOID Source = NULL, Target = NULL;
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS Status;
    if (SourceProcessHandle != NtCurrentProcess())
    {
        Status = NtHandleReference(Present, SourceProcessHandle, 0, &NtProcessType, KernelMode, &Source, NULL);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    Status = STATUS_SUCCESS;
    if (TargetProcessHandle && TargetProcessHandle != NtCurrentProcess())
        Status = NtHandleReference(Present, TargetProcessHandle, 0, &NtProcessType, KernelMode, &Target, NULL);
    PVOID Object;
    ACCESS_MASK Access;
    if (NT_SUCCESS(Status))
        Status = NtHandleReference(Source ? Source : Present, SourceHandle, 0, NULL, KernelMode, &Object, &Access);
    if (NT_SUCCESS(Status))
    {
        Status = NtHandleCreate(HandleAttributes & OBJ_KERNEL_HANDLE ? NULL
                                : Target                             ? Target
                                                                     : Present,
                                Object, Options & DUPLICATE_SAME_ACCESS ? Access : DesiredAccess, TargetHandle);
        ObfDereferenceObject(Object);
    }
    if (Target)
        ObfDereferenceObject(Target);
    if (Source)
        ObfDereferenceObject(Source);
    return Status;
}

/* ---- What programs call */

NTSTATUS SimCloseHandle(PEPROCESS Process, HANDLE Handle)
{
    if ((ULONG64)Handle >= KERNEL_HANDLE)
        return STATUS_INVALID_HANDLE;
    PEPROCESS Previous = NtEnter(Process);
    NTSTATUS Status = NtHandleClose(Process, Handle);
    NtLeave(Previous);
    return Status;
}

NTSTATUS SimDuplicateHandle(PEPROCESS From, HANDLE Handle, PEPROCESS To, HANDLE *Copy)
{
    PVOID Object;
    ACCESS_MASK Access;
    NTSTATUS Status = NtHandleReference(From, Handle, 0, NULL, UserMode, &Object, &Access);
    if (NT_SUCCESS(Status))
    {
        Status = NtHandleCreate(To, Object, Access, Copy);
        ObfDereferenceObject(Object);
    }
    return Status;
}

NTSTATUS SimEventCreate(PEPROCESS Process, EVENT_TYPE Type, ACCESS_MASK Access, HANDLE *Handle)
{
    KEVENT *Event = NtObjectCreate(&NtEventType, sizeof(*Event));
    KeInitializeEvent(Event, Type, FALSE);
    NTSTATUS Status = NtHandleCreate(Process, Event, Access, Handle);
    ObfDereferenceObject(Event);
    return Status;
}

NTSTATUS SimEventSet(PEPROCESS Process, HANDLE Handle)
{
    PVOID Object;
    NTSTATUS Status = NtHandleReference(Process, Handle, EVENT_MODIFY_STATE, &NtEventType, UserMode, &Object, NULL);
    if (NT_SUCCESS(Status))
    {
        KeSetEvent(Object, 0, FALSE);
        ObfDereferenceObject(Object);
    }
    return Status;
}

NTSTATUS SimWait(PEPROCESS Process, ULONG Count, const HANDLE *Handles, ULONG Milliseconds)
{
    LARGE_INTEGER Timeout = {.QuadPart = -10000ll * Milliseconds};
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Got;
    PVOID Objects[MAXIMUM_WAIT_OBJECTS];
    for (Got = 0; Got < Count; Got++)
    {
        Status = NtHandleReference(Process, Handles[Got], SYNCHRONIZE, NULL, UserMode, &Objects[Got], NULL);
        if (!NT_SUCCESS(Status))
            break;
    }
    if (NT_SUCCESS(Status))
        Status = NtWait(Count, Objects, WaitAny, &Timeout);
    while (Got-- > 0)
        ObfDereferenceObject(Objects[Got]);
    return Status;
}

VOID NtObCheckEmpty(PCSTR When)
{
    /* A thread is waited for until it is signalled; it is gone a moment later. */
    for (ULONG Tries = 0; Tries < 2000 && ReadAcquire(&NtThreadType.Alive); Tries++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    for (ULONG I = 0; I < ARRAYSIZE(Types); I++)
    {
        LONG Alive = ReadAcquire(&Types[I]->Alive);
        if (Alive)
            NtRuleBroken("Leak_Object", When, NULL, "%d objects of type %s are left", (int)Alive, Types[I]->Name);
    }
    if (NtSystemProcess->Handles.Open)
    {
        NtRuleBroken("Leak_Handle", When, NULL, "%u kernel handles are open", NtSystemProcess->Handles.Open);
    }
    else
    {
        free(NtSystemProcess->Handles.Entries);
        NtSystemProcess->Handles = (NT_HANDLES){0};
    }
}
