/* SPDX-License-Identifier: MIT */
/*
 * A session of the classic miniport: who may have one, the program's rings locked and mapped, the thread that takes
 * from them, and their release. Also how handles are closed that programs would otherwise keep open. PASSIVE_LEVEL;
 * ClassicLock is held by the callers where classic.h says so.
 */
#include "tests/classic/classic.h"

#define SYSTEM_EXTENDED_HANDLE_INFORMATION 64
#define HANDLES_ATTEMPTS                   8

/* What ZwQuerySystemInformation gives for that class. Microsoft documents the call but not this class; its layout has
 * been the same since Windows XP. */
typedef struct _HANDLE_ENTRY
{
    PVOID Object;
    ULONG_PTR ProcessId;
    ULONG_PTR Handle;
    ULONG GrantedAccess;
    USHORT CreatorBackTraceIndex;
    USHORT ObjectTypeIndex;
    ULONG Attributes;
    ULONG Reserved;
} HANDLE_ENTRY;

typedef struct _HANDLE_LIST
{
    ULONG_PTR Count, Reserved;
    HANDLE_ENTRY Entries[1];
} HANDLE_LIST;

/* "D:(A;;GA;;;SY)(A;;GA;;;BA)", self-relative. */
static const struct
{
    UCHAR Revision, Padding;
    USHORT Control;
    ULONG Owner, Group, Sacl, Dacl;
    UCHAR AclRevision, AclPadding;
    USHORT AclSize, AceCount, AclPadding2;
    struct
    {
        UCHAR Type, Flags;
        USHORT Size;
        ULONG Mask;
        UCHAR SidRevision, SubAuthorities, Authority[6];
        ULONG SubAuthority[1];
    } System;
    struct
    {
        UCHAR Type, Flags;
        USHORT Size;
        ULONG Mask;
        UCHAR SidRevision, SubAuthorities, Authority[6];
        ULONG SubAuthority[2];
    } Administrators;
} Permitted = {.Revision = 1,
               .Control = 0x8000 | SE_DACL_PRESENT, /* self-relative */
               .Dacl = 20,
               .AclRevision = 2,
               .AclSize = 8 + 20 + 24,
               .AceCount = 2,
               .System = {.Size = 20,
                          .Mask = GENERIC_ALL,
                          .SidRevision = 1,
                          .SubAuthorities = 1,
                          .Authority = {0, 0, 0, 0, 0, 5},
                          .SubAuthority = {18}},
               .Administrators = {.Size = 24,
                                  .Mask = GENERIC_ALL,
                                  .SidRevision = 1,
                                  .SubAuthorities = 2,
                                  .Authority = {0, 0, 0, 0, 0, 5},
                                  .SubAuthority = {32, 544}}};

NTSTATUS ClassicCheckCaller(VOID)
{
    NTSTATUS Status = STATUS_ACCESS_DENIED;
    SECURITY_SUBJECT_CONTEXT Subject;
    SeCaptureSubjectContext(&Subject);
    SeLockSubjectContext(&Subject);
    ACCESS_MASK Granted;
    BOOLEAN Allowed = SeAccessCheck((PSECURITY_DESCRIPTOR)&Permitted, &Subject, TRUE, FILE_READ_DATA | FILE_WRITE_DATA,
                                    0, NULL, IoGetFileObjectGenericMapping(), UserMode, &Granted, &Status);
    SeUnlockSubjectContext(&Subject);
    SeReleaseSubjectContext(&Subject);
    return Allowed ? STATUS_SUCCESS : Status;
}

/* All handles of the system. NULL: none to be had. */
static HANDLE_LIST *TakeHandles(VOID)
{
    for (ULONG I = 0; I < HANDLES_ATTEMPTS; I++)
    {
        ULONG Size = 0;
        NTSTATUS Status = ZwQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION, NULL, 0, &Size);
        if (Status != STATUS_INFO_LENGTH_MISMATCH || Size < FIELD_OFFSET(HANDLE_LIST, Entries))
            return NULL;
        Size += 64 * sizeof(HANDLE_ENTRY); /* there may be more by the next time */
        HANDLE_LIST *List = ExAllocatePoolWithTag(PagedPool, Size, CLASSIC_TAG);
        if (!List)
            return NULL;
        Status = ZwQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION, List, Size, NULL);
        if (NT_SUCCESS(Status))
            return List;
        ExFreePoolWithTag(List, CLASSIC_TAG);
        if (Status != STATUS_INFO_LENGTH_MISMATCH)
            return NULL;
    }
    return NULL;
}

/* Closes a handle of a process if it still leads to the file. */
static VOID CloseIn(_In_ HANDLE ProcessId, _In_ HANDLE Handle, _In_ const FILE_OBJECT *FileObject)
{
    PEPROCESS Process;
    if (!NT_SUCCESS(PsLookupProcessByProcessId(ProcessId, &Process)))
        return;
    KAPC_STATE State;
    KeStackAttachProcess(Process, &State);
    PVOID Object;
    if (NT_SUCCESS(ObReferenceObjectByHandle(Handle, 0, *IoFileObjectType, UserMode, &Object, NULL)))
    {
        BOOLEAN Same = Object == FileObject;
        ObDereferenceObject(Object);
        if (Same)
            ObCloseHandle(Handle, UserMode);
    }
    KeUnstackDetachProcess(&State);
    ObDereferenceObject(Process);
}

VOID ClassicCloseHandles(const FILE_OBJECT *FileObject)
{
    HANDLE_LIST *List = TakeHandles();
    for (ULONG_PTR I = 0; List && I < List->Count; I++)
        if (List->Entries[I].Object == FileObject)
            CloseIn((HANDLE)List->Entries[I].ProcessId, (HANDLE)List->Entries[I].Handle, FileObject);
    if (List)
        ExFreePoolWithTag(List, CLASSIC_TAG);
}

/* ---- */

static VOID Unmap(_Inout_ CLASSIC_MAPPED *Mapped)
{
    MmUnlockPages(Mapped->Mdl);
    IoFreeMdl(Mapped->Mdl);
    ObDereferenceObject(Mapped->Event);
}

/* Locks one of the program's rings and maps it, with its event. */
static NTSTATUS Map(_In_ const CLASSIC_SIDE *Side, _Out_ CLASSIC_MAPPED *Mapped)
{
    if (Side->Slots < CLASSIC_SLOTS_MIN || Side->Slots > CLASSIC_SLOTS_MAX || (Side->Slots & (Side->Slots - 1)) ||
        ((ULONG_PTR)Side->Ring & (PAGE_SIZE - 1)))
    {
        return STATUS_INVALID_PARAMETER;
    }
    NTSTATUS Status = ObReferenceObjectByHandle(Side->Event, EVENT_MODIFY_STATE | SYNCHRONIZE, *ExEventObjectType,
                                                UserMode, (PVOID *)&Mapped->Event, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Mapped->Slots = Side->Slots;
    Mapped->Mdl = IoAllocateMdl(Side->Ring, CLASSIC_RING_SIZE(Side->Slots), FALSE, FALSE, NULL);
    if (!Mapped->Mdl)
    {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto dereferenceEvent;
    }
    __try
    {
        MmProbeAndLockPages(Mapped->Mdl, UserMode, IoModifyAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        Status = GetExceptionCode();
        goto freeMdl;
    }
    Mapped->Ring = MmMapLockedPagesSpecifyCache(Mapped->Mdl, KernelMode, MmCached, NULL, FALSE,
                                                NormalPagePriority | MdlMappingNoExecute);
    if (!Mapped->Ring)
    {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto unlock;
    }
    return STATUS_SUCCESS;

unlock:
    MmUnlockPages(Mapped->Mdl);
freeMdl:
    IoFreeMdl(Mapped->Mdl);
dereferenceEvent:
    ObDereferenceObject(Mapped->Event);
    return Status;
}

static VOID FreeSlots(_Inout_ CLASSIC_SESSION *Session)
{
    for (ULONG I = 0; I < Session->ToDriver.Slots; I++)
        if (Session->SlotMdls[I])
            IoFreeMdl(Session->SlotMdls[I]);
    ExFreePoolWithTag(Session->SlotMdls, CLASSIC_TAG);
}

/* An MDL for each slot of the ring to the driver, and room for its state. */
static BOOLEAN MakeSlots(_Inout_ CLASSIC_SESSION *Session)
{
    ULONG Slots = Session->ToDriver.Slots;
    SIZE_T Size = Slots * (sizeof(*Session->SlotMdls) + sizeof(*Session->Done));
    PUCHAR Base = MmGetMdlVirtualAddress(Session->ToDriver.Mdl);
    Session->SlotMdls = ExAllocatePoolWithTag(NonPagedPoolNx, Size, CLASSIC_TAG);
    if (!Session->SlotMdls)
        return FALSE;
    RtlZeroMemory(Session->SlotMdls, Size);
    Session->Done = (BOOLEAN *)&Session->SlotMdls[Slots];
    for (ULONG I = 0; I < Slots; I++)
    {
        Session->SlotMdls[I] =
            IoAllocateMdl(Base + CLASSIC_HEADER + I * CLASSIC_SLOT, CLASSIC_SLOT, FALSE, FALSE, NULL);
        if (!Session->SlotMdls[I])
        {
            FreeSlots(Session);
            return FALSE;
        }
    }
    return TRUE;
}

static NTSTATUS StartThread(_Inout_ CLASSIC_SESSION *Session)
{
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Handle;
    NTSTATUS Status =
        PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, ClassicReceiveThread, Session);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, NULL, KernelMode, (PVOID *)&Session->Thread, NULL);
    if (!NT_SUCCESS(Status))
    {
        KeSetEvent(&Session->Stop, IO_NO_INCREMENT, FALSE);
        ZwWaitForSingleObject(Handle, FALSE, NULL);
    }
    ZwClose(Handle);
    return Status;
}

static VOID SetSession(_Inout_ CLASSIC_ADAPTER *Adapter, _In_opt_ CLASSIC_SESSION *Session)
{
    KIRQL Irql = ExAcquireSpinLockExclusive(&Adapter->SessionLock);
    Adapter->Session = Session;
    ExReleaseSpinLockExclusive(&Adapter->SessionLock, Irql);
}

NTSTATUS ClassicStart(CLASSIC_ADAPTER *Adapter, FILE_OBJECT *FileObject, const CLASSIC_START *Start)
{
    if (Adapter->Session)
        return STATUS_DEVICE_BUSY;
    CLASSIC_SESSION *Session = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Session), CLASSIC_TAG);
    if (!Session)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Session, sizeof(*Session));
    Session->Adapter = Adapter;
    Session->FileObject = FileObject;
    Session->ProcessId = PsGetCurrentProcessId();
    KeInitializeSpinLock(&Session->SendLock);
    KeInitializeSpinLock(&Session->ReturnLock);
    KeInitializeEvent(&Session->Stop, NotificationEvent, FALSE);
    ExInitializeRundownProtection(&Session->Lists);
    NTSTATUS Status = Map(&Start->ToProgram, &Session->ToProgram);
    if (!NT_SUCCESS(Status))
        goto freeSession;
    Status = Map(&Start->ToDriver, &Session->ToDriver);
    if (!NT_SUCCESS(Status))
        goto unmapToProgram;
    Session->SendTail = Session->ToProgram.Ring->Tail;
    Session->Next = Session->Head = Session->ToDriver.Ring->Head;
    if (!MakeSlots(Session))
    {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto unmapToDriver;
    }
    Status = StartThread(Session);
    if (!NT_SUCCESS(Status))
        goto freeSlots;
    SetSession(Adapter, Session);
    InterlockedIncrement64(&Adapter->Sessions);
    return STATUS_SUCCESS;

freeSlots:
    FreeSlots(Session);
unmapToDriver:
    Unmap(&Session->ToDriver);
unmapToProgram:
    Unmap(&Session->ToProgram);
freeSession:
    ExFreePoolWithTag(Session, CLASSIC_TAG);
    return Status;
}

FILE_OBJECT *ClassicEnd(CLASSIC_ADAPTER *Adapter)
{
    CLASSIC_SESSION *Session = Adapter->Session;
    if (!Session)
        return NULL;
    FILE_OBJECT *FileObject = Session->FileObject;
    SetSession(Adapter, NULL);
    KeSetEvent(&Session->Stop, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(Session->Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Session->Thread);
    ExWaitForRundownProtectionRelease(&Session->Lists);
    FreeSlots(Session);
    Unmap(&Session->ToDriver);
    Unmap(&Session->ToProgram);
    ExFreePoolWithTag(Session, CLASSIC_TAG);
    return FileObject;
}
