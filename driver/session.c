/* SPDX-License-Identifier: MIT */
/*
 * Sessions: the memory that driver and program share, from its making to its end. All at PASSIVE_LEVEL under the
 * adapter's SessionLock. The driver makes the memory, so that it need not trust an address of the program's, and touches
 * only pages that it has locked; the program gets a handle and maps it where it likes.
 */
#include "driver/tun.h"

static VOID Lock(_Inout_ TUN_ADAPTER *Adapter)
{
    /* "ExAcquireResourceExclusiveLite": normal kernel APCs must be off, so that its owner cannot be suspended. */
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&Adapter->SessionLock, TRUE);
}

static VOID Unlock(_Inout_ TUN_ADAPTER *Adapter)
{
    ExReleaseResourceLite(&Adapter->SessionLock);
    KeLeaveCriticalRegion();
}

static NTSTATUS ReferenceEvent(_In_ ULONG64 Handle, _Out_ KEVENT **Event)
{
    /* A handle of the program's: UserMode, so that it must be one that the program itself could use. */
    return ObReferenceObjectByHandle((HANDLE)(ULONG_PTR)Handle, EVENT_MODIFY_STATE | SYNCHRONIZE, *ExEventObjectType,
                                     UserMode, (VOID **)Event, NULL);
}

/*
 * Makes Size bytes of zeroed memory that can be handed to the program and touched at any IRQL: a section backed by the
 * paging file, mapped in system space, its pages locked and mapped once more through an MDL. Only that last mapping is
 * used: a system view's own address may be trimmed from the working set, locked pages or not.
 * "ZwCreateSection", "MmMapViewInSystemSpace", "MmProbeAndLockPages", "MmGetSystemAddressForMdlSafe".
 */
static NTSTATUS MakeMemory(_Inout_ TUN_SESSION *Session, _In_ SIZE_T Size)
{
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    LARGE_INTEGER MaximumSize = {.QuadPart = (LONGLONG)Size};
    SIZE_T ViewSize = 0;
    NTSTATUS Status = ZwCreateSection(&Session->Section, SECTION_ALL_ACCESS, &Attributes, &MaximumSize, PAGE_READWRITE,
                                      SEC_COMMIT, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObReferenceObjectByHandle(Session->Section, SECTION_MAP_READ | SECTION_MAP_WRITE, NULL, KernelMode,
                                       &Session->SectionObject, NULL);
    if (!NT_SUCCESS(Status))
        goto closeSection;
    Status = MmMapViewInSystemSpace(Session->SectionObject, &Session->View, &ViewSize);
    if (!NT_SUCCESS(Status))
        goto dereferenceSection;
    Session->Mdl = IoAllocateMdl(Session->View, (ULONG)Size, FALSE, FALSE, NULL);
    if (!Session->Mdl)
    {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto unmapView;
    }
    __try
    {
        MmProbeAndLockPages(Session->Mdl, KernelMode, IoModifyAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        Status = GetExceptionCode();
    }
    if (!NT_SUCCESS(Status))
        goto freeMdl;
    Session->Memory = MmGetSystemAddressForMdlSafe(Session->Mdl, NormalPagePriority | MdlMappingNoExecute);
    if (Session->Memory)
        return STATUS_SUCCESS;
    Status = STATUS_INSUFFICIENT_RESOURCES;

    MmUnlockPages(Session->Mdl);
freeMdl:
    IoFreeMdl(Session->Mdl);
unmapView:
    MmUnmapViewInSystemSpace(Session->View);
dereferenceSection:
    ObDereferenceObject(Session->SectionObject);
closeSection:
    ZwClose(Session->Section);
    return Status;
}

static VOID FreeMemory(_Inout_ TUN_SESSION *Session)
{
    MmUnlockPages(Session->Mdl); /* and with it the mapping that Memory is */
    IoFreeMdl(Session->Mdl);
    MmUnmapViewInSystemSpace(Session->View);
    ObDereferenceObject(Session->SectionObject);
    ZwClose(Session->Section);
}

static NTSTATUS StartThread(_Inout_ TUN_SESSION *Session)
{
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    return PsCreateSystemThread(&Session->Thread, SYNCHRONIZE, &Attributes, NULL, NULL, ToStackThread, Session);
}

static VOID StopThread(_Inout_ TUN_SESSION *Session)
{
    atomic_store_explicit(&Session->Stopping, 1, memory_order_relaxed);
    KeSetEvent(&Session->Stop, IO_NO_INCREMENT, FALSE);
    ZwWaitForSingleObject(Session->Thread, FALSE, NULL);
    ZwClose(Session->Thread);
}

/*
 * Makes a session's memory of one ring or two, and takes its program's events: all but putting it to use. The lock is held.
 */
_Use_decl_annotations_
NTSTATUS SessionMake(TUN_ADAPTER *Adapter, FILE_OBJECT *Owner, const TUN_START_INPUT *Input, ULONG Rings,
                     TUN_SESSION **Made)
{
    TUN_SESSION *Session = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Session), TUN_TAG);
    if (!Session)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Session, sizeof(*Session));
    Session->Adapter = Adapter;
    Session->Owner = Owner;
    Session->ProcessId = (ULONG)(ULONG_PTR)PsGetCurrentProcessId();
    KeInitializeEvent(&Session->Stop, NotificationEvent, FALSE);

    NTSTATUS Status = ReferenceEvent(Input->ToAppPackets, &Session->ToAppPackets);
    if (!NT_SUCCESS(Status))
        goto freeSession;
    Status = ReferenceEvent(Input->ToStackPackets, &Session->ToStackPackets);
    if (!NT_SUCCESS(Status))
        goto dereferenceToAppPackets;
    Status = ReferenceEvent(Input->ToStackSpace, &Session->ToStackSpace);
    if (!NT_SUCCESS(Status))
        goto dereferenceToStackPackets;
    ULONG64 Stride = TunRingStride(Input->Capacity);
    Status = MakeMemory(Session, (SIZE_T)(Rings * Stride));
    if (!NT_SUCCESS(Status))
        goto dereferenceToStackSpace;
    RingAttach(&Session->ToApp, (RING *)Session->Memory, Input->Capacity);
    if (Rings == 2)
        RingAttach(&Session->ToStack, (RING *)(Session->Memory + Stride), Input->Capacity);
    *Made = Session;
    return STATUS_SUCCESS;

dereferenceToStackSpace:
    ObDereferenceObject(Session->ToStackSpace);
dereferenceToStackPackets:
    ObDereferenceObject(Session->ToStackPackets);
dereferenceToAppPackets:
    ObDereferenceObject(Session->ToAppPackets);
freeSession:
    ExFreePoolWithTag(Session, TUN_TAG);
    return Status;
}

/* Undoes SessionMake. */
_Use_decl_annotations_
VOID SessionFree(TUN_SESSION *Session)
{
    FreeMemory(Session);
    ObDereferenceObject(Session->ToStackSpace);
    ObDereferenceObject(Session->ToStackPackets);
    ObDereferenceObject(Session->ToAppPackets);
    ExFreePoolWithTag(Session, TUN_TAG);
}

/* Gives the program, in whose thread this runs, its handle of the memory; Rings as in SessionMake. Nothing undoes it. */
_Use_decl_annotations_
NTSTATUS SessionGrant(const TUN_SESSION *Session, ULONG Rings, TUN_START_OUTPUT *Output)
{
    ULONG64 Stride = TunRingStride(Session->ToApp.Capacity);
    HANDLE Section;
    /* The program's own handle, in the process that asks, which is the present one: so no OBJ_KERNEL_HANDLE, whose page
     * demands it only lest a process get at a handle that is not meant for it. KernelMode because the device has already
     * judged who may have it, and a section has no list of its own for the accounts that the device lets in. */
    NTSTATUS Status = ObOpenObjectByPointer(Session->SectionObject, 0, NULL, SECTION_MAP_READ | SECTION_MAP_WRITE, NULL,
                                            KernelMode, &Section);
    if (!NT_SUCCESS(Status))
        return Status;
    *Output = (TUN_START_OUTPUT){.Section = (ULONG64)(ULONG_PTR)Section,
                                 .SectionSize = Rings * Stride,
                                 .ToApp = 0,
                                 .ToStack = (Rings - 1) * Stride};
    return STATUS_SUCCESS;
}

/* SessionStart, the lock held and the input checked. */
static NTSTATUS Start(_Inout_ TUN_ADAPTER *Adapter, _In_ FILE_OBJECT *Owner, _In_ const TUN_START_INPUT *Input,
                      _Out_ TUN_START_OUTPUT *Output)
{
    TUN_SESSION *Session;
    if (Adapter->Removed)
        return STATUS_DEVICE_REMOVED;
    if (Input->Flags & TUN_START_MONITOR)
        return MonitorStart(Adapter, Owner, Input, Output);
    if (Adapter->Session)
        return STATUS_DEVICE_BUSY;
    NTSTATUS Status = ToStackMakeLists(Adapter);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = SessionMake(Adapter, Owner, Input, 2, &Session);
    if (!NT_SUCCESS(Status))
        return Status;

    ReportCounters(Adapter, &Adapter->SessionBase);
    Adapter->Session = Session;
    ExReInitializeRundownProtection(&Adapter->SessionUse);
    /* After the way is open, because the stack sends at once; before the thread is there, which may take it down. */
    Session->LinkUp = TRUE;
    ReportLink(Adapter, TRUE);
    Status = StartThread(Session);
    if (!NT_SUCCESS(Status))
        goto linkDown;
    Status = SessionGrant(Session, 2, Output);
    if (!NT_SUCCESS(Status))
        goto stopThread;
    return STATUS_SUCCESS;

stopThread:
    StopThread(Session);
linkDown:
    ReportLink(Adapter, FALSE); /* still up: nothing of the program is in the rings yet */
    ExWaitForRundownProtectionRelease(&Adapter->SessionUse);
    Adapter->Session = NULL;
    SessionFree(Session);
    return Status;
}

/*
 * Starts the adapter's session, or its monitor session, for the program that opened Owner, in that program's thread. Errors as TUN_IOCTL_START
 * names them. PASSIVE_LEVEL.
 */
_Use_decl_annotations_
NTSTATUS SessionStart(TUN_ADAPTER *Adapter, FILE_OBJECT *Owner, const TUN_START_INPUT *Input, TUN_START_OUTPUT *Output)
{
    if (!RingCapacityValid(Input->Capacity) || (Input->Flags & ~(ULONG64)TUN_START_MONITOR) != 0)
        return STATUS_INVALID_PARAMETER;
    Lock(Adapter);
    NTSTATUS Status = Start(Adapter, Owner, Input, Output);
    Unlock(Adapter);
    return Status;
}

/* Ends the session, the lock held. Mirrors Start. */
static VOID End(_Inout_ TUN_ADAPTER *Adapter, _In_ ULONG Reason)
{
    TUN_SESSION *Session = Adapter->Session;
    ExWaitForRundownProtectionRelease(&Adapter->SessionUse);
    StopThread(Session);
    Adapter->Session = NULL;
    if (Session->LinkUp) /* not if the thread has done all this in Die */
    {
        ULONG Dead = atomic_load_explicit(&Session->Dead, memory_order_relaxed);
        RingClose(Session->ToApp.Ring, Dead ? Dead : Reason);
        RingClose(Session->ToStack.Ring, Dead ? Dead : Reason);
        ReportLink(Adapter, FALSE);
    }
    KeSetEvent(Session->ToAppPackets, IO_NO_INCREMENT, FALSE);
    KeSetEvent(Session->ToStackSpace, IO_NO_INCREMENT, FALSE);
    SessionFree(Session);
}

/* Ends the session and the monitor session that Owner started, if any, and tells the program Reason. When it returns others
 * can be started. PASSIVE_LEVEL, any process. */
_Use_decl_annotations_
VOID SessionEnd(TUN_ADAPTER *Adapter, FILE_OBJECT *Owner, ULONG Reason)
{
    Lock(Adapter);
    if (Adapter->Session && Adapter->Session->Owner == Owner)
        End(Adapter, Reason);
    TUN_SESSION *Monitor = Adapter->Monitor;
    if (Monitor && Monitor->Owner == Owner)
        MonitorEnd(Adapter, Reason);
    Unlock(Adapter);
}

/* Ends whatever sessions there are, because the adapter goes, and lets no other start. PASSIVE_LEVEL. */
_Use_decl_annotations_
VOID SessionRemove(TUN_ADAPTER *Adapter)
{
    Lock(Adapter);
    atomic_store_explicit(&Adapter->Removed, TRUE, memory_order_relaxed);
    if (Adapter->Session)
        End(Adapter, TUN_CLOSED_REMOVED);
    if (Adapter->Monitor)
        MonitorEnd(Adapter, TUN_CLOSED_REMOVED);
    Unlock(Adapter);
}
