/* SPDX-License-Identifier: MIT */
/*
 * Sessions: starting one over memory that memory.c makes, with its thread and its link, and ending it. All at
 * PASSIVE_LEVEL under the adapter's SessionLock.
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

/* SessionStart, the lock held and the input checked. */
static NTSTATUS Start(_Inout_ TUN_ADAPTER *Adapter, _In_ FILE_OBJECT *Owner, _In_ const TUN_START_INPUT *Input,
                      _Out_ TUN_START_OUTPUT *Output)
{
    if (Adapter->Removed)
        return STATUS_DEVICE_REMOVED;
    if (Input->Flags & TUN_START_MONITOR)
        return MonitorStart(Adapter, Owner, Input, Output);
    if (Adapter->Session)
        return STATUS_DEVICE_BUSY;
    NTSTATUS Status = ToStackMakeLists(Adapter);
    if (!NT_SUCCESS(Status))
        return Status;
    TUN_SESSION *Session;
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
    if (!TunStartValid(Input->Capacity, Input->Flags))
        return STATUS_INVALID_PARAMETER;
    Lock(Adapter);
    NTSTATUS Status = Start(Adapter, Owner, Input, Output);
    Trace(SessionStart, .NetLuid = Adapter->NetLuid, .ProcessId = (ULONG)(ULONG_PTR)PsGetCurrentProcessId(),
          .Flags = Input->Flags, .Capacity = Input->Capacity, .Status = (ULONG)Status);
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
    ULONG Dead = atomic_load_explicit(&Session->Dead, memory_order_relaxed);
    if (Dead)
        Reason = Dead;
    if (Session->LinkUp) /* not if the thread has done all this in Die */
    {
        RingClose(Session->ToApp.Ring, Reason);
        RingClose(Session->ToStack.Ring, Reason);
        ReportLink(Adapter, FALSE);
    }
    Trace(SessionEnd, .NetLuid = Adapter->NetLuid, .ProcessId = Session->ProcessId, .Reason = Reason);
    if (TraceListens())
    {
        TUN_COUNTERS Counters;
        ReportCounters(Adapter, &Counters);
        TraceCounters(Adapter, &Counters);
    }
    KeSetEvent(Session->ToAppPackets, IO_NO_INCREMENT, FALSE);
    KeSetEvent(Session->ToStackSpace, IO_NO_INCREMENT, FALSE);
    SessionFree(Session);
}

/* Ends the session and the monitor session that Owner started, if any, and tells the program Reason. When it returns others
 * can be started. Owner NULL: ends any, because the adapter goes, and lets no other start. PASSIVE_LEVEL, any process. */
_Use_decl_annotations_
VOID SessionEnd(TUN_ADAPTER *Adapter, FILE_OBJECT *Owner, ULONG Reason)
{
    Lock(Adapter);
    if (!Owner)
        atomic_store_explicit(&Adapter->Removed, TRUE, memory_order_relaxed);
    if (Adapter->Session && (!Owner || Adapter->Session->Owner == Owner))
        End(Adapter, Reason);
    TUN_SESSION *Monitor = Adapter->Monitor;
    if (Monitor && (!Owner || Monitor->Owner == Owner))
        MonitorEnd(Adapter, Reason);
    Unlock(Adapter);
}
