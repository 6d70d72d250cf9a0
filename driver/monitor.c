/* SPDX-License-Identifier: MIT */
/*
 * The monitor session: a ring into which every packet that passes the adapter is copied, for a program that looks on. It
 * stands beside the adapter's own session, has no thread, no way to the stack and no say in the link's state. Both ways
 * copy into it: senders at DISPATCH_LEVEL under ToAppLock, the session's thread at PASSIVE_LEVEL. They never wait for the
 * program that looks on: what does not fit is dropped, and counted for the monitor alone.
 */
#include "driver/tun.h"

/* Starts the monitor session, SessionLock held. PASSIVE_LEVEL. */
_Use_decl_annotations_
NTSTATUS MonitorStart(TUN_ADAPTER *Adapter, FILE_OBJECT *Owner, const TUN_START_INPUT *Input, TUN_START_OUTPUT *Output)
{
    if (Adapter->Monitor)
        return STATUS_DEVICE_BUSY;
    TUN_SESSION *Monitor;
    NTSTATUS Status = SessionMake(Adapter, Owner, Input, 1, &Monitor);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = SessionGrant(Monitor, 1, Output);
    if (!NT_SUCCESS(Status))
    {
        SessionFree(Monitor);
        return Status;
    }
    atomic_store_explicit(&Adapter->MonitorPackets, 0, memory_order_relaxed);
    atomic_store_explicit(&Adapter->MonitorDrops, 0, memory_order_relaxed);
    atomic_store_explicit(&Adapter->Monitor, Monitor, memory_order_relaxed);
    ExReInitializeRundownProtection(&Adapter->MonitorUse);
    return STATUS_SUCCESS;
}

/* Ends it and tells its program Reason; SessionLock held. PASSIVE_LEVEL. */
_Use_decl_annotations_
VOID MonitorEnd(TUN_ADAPTER *Adapter, ULONG Reason)
{
    TUN_SESSION *Monitor = Adapter->Monitor;
    ExWaitForRundownProtectionRelease(&Adapter->MonitorUse);
    atomic_store_explicit(&Adapter->Monitor, NULL, memory_order_relaxed);
    ULONG Dead = atomic_load_explicit(&Monitor->Dead, memory_order_relaxed);
    if (Dead)
        Reason = Dead;
    else
        RingClose(Monitor->ToApp.Ring, Reason);
    Trace(SessionEnd, .NetLuid = Adapter->NetLuid, .ProcessId = Monitor->ProcessId, .Flags = TUN_START_MONITOR,
          .Reason = Reason);
    KeSetEvent(Monitor->ToAppPackets, IO_NO_INCREMENT, FALSE);
    SessionFree(Monitor);
}

/* Copies a packet that passes into the monitor's ring; Flags: its direction. MonitorUse is held. IRQL <= DISPATCH_LEVEL. */
_Use_decl_annotations_
VOID MonitorCopy(TUN_SESSION *Monitor, NET_BUFFER *Packet, const TUN_LARGE *Large, ULONG Flags)
{
    TUN_ADAPTER *Adapter = Monitor->Adapter;
    RING_SIDE *Ring = &Monitor->ToApp;
    ULONG Length = NET_BUFFER_DATA_LENGTH(Packet);
    RING_STATUS Status = RING_FULL;
    BOOLEAN Wake = FALSE;
    KIRQL Irql;
    KeAcquireSpinLock(&Adapter->MonitorLock, &Irql);
    TUN_MADE Made;
    if (atomic_load_explicit(&Monitor->Dead, memory_order_relaxed) == 0)
        Status = LargePut(Monitor, Packet, Large, Flags, &Made);
    if (Status == RING_OK)
    {
        CounterAdd(&Adapter->MonitorPackets, Made.Packets);
        Wake = RingPublish(Ring, Ring->Next);
    }
    else
    {
        Ring->Next = Ring->Own; /* what was reserved is never published */
        CounterAdd(&Adapter->MonitorDrops, 1);
        if (TraceListens())
            TraceDrop(Adapter, TraceMonitorDrops, Length, STATUS_SUCCESS, NULL, 0);
        if (Status == RING_CORRUPT)
        {
            /* That is the end of this session only: its program hears of it, and the memory goes when it lets go. */
            atomic_store_explicit(&Monitor->Dead, TUN_CLOSED_CORRUPT_TOAPP, memory_order_relaxed);
            RingClose(Ring->Ring, TUN_CLOSED_CORRUPT_TOAPP);
            Trace(SessionCorrupt, .NetLuid = Adapter->NetLuid, .ProcessId = Monitor->ProcessId,
                  .Reason = TUN_CLOSED_CORRUPT_TOAPP);
            Wake = TRUE;
        }
    }
    KeReleaseSpinLock(&Adapter->MonitorLock, Irql);
    if (Wake)
        KeSetEvent(Monitor->ToAppPackets, IO_NETWORK_INCREMENT, FALSE);
}
