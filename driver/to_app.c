/* SPDX-License-Identifier: MIT */
/*
 * The way of a packet from stack to program: NDIS hands over chains of NET_BUFFER_LISTs, on any thread and several at
 * once, at up to DISPATCH_LEVEL. Each packet is copied once, into the ring; what does not fit is dropped and counted. The
 * chain is completed before the call returns: nothing is ever queued.
 */
#include "driver/tun.h"

#define HEAD_SIZE 40u /* the longest fixed header, IPv6's: all that PacketValid looks at */

/* Puts one packet into the ring, not yet published, as Large then says of it. Under ToAppLock. */
static NDIS_STATUS Reserve(_Inout_ TUN_SESSION *Session, _In_ NET_BUFFER_LIST *List, _In_ NET_BUFFER *Packet,
                           _Out_ TUN_LARGE *Large)
{
    TUN_TRAFFIC *Traffic = &Session->Adapter->ToApp;
    SIZE_T Length = NET_BUFFER_DATA_LENGTH(Packet);
    UCHAR Head[HEAD_SIZE];
    BOOLEAN IsIpv6;
    TUN_CAST Cast;
    if (Length > RING_PACKET_MAX || !PacketCopyOut(Packet, Head, (ULONG)min(Length, HEAD_SIZE)) ||
        !PacketValid(Head, (ULONG)Length, &IsIpv6, &Cast) || !LargeTake(Session->Adapter, List, Packet, Large))
    {
        CounterAdd(&Traffic->DropInvalid, 1);
        return NDIS_STATUS_INVALID_PACKET;
    }
    TUN_MADE Made;
    RING_STATUS Status = LargePut(Session, Packet, Large, 0, &Made);
    CounterAdd(&Traffic->Packets[Cast], Made.Packets);
    CounterAdd(&Traffic->Octets[Cast], Made.Octets);
    if (Status == RING_OK)
        return NDIS_STATUS_SUCCESS;
    CounterAdd(Status == RING_TOO_LONG ? &Traffic->DropInvalid : &Traffic->DropFull, Made.Lost);
    if (Status == RING_TOO_LONG)
        return NDIS_STATUS_INVALID_PACKET;
    if (Status == RING_FULL)
        return NDIS_STATUS_RESOURCES;
    atomic_store_explicit(&Session->Dead, TUN_CLOSED_CORRUPT_TOAPP, memory_order_release);
    KeSetEvent(&Session->Stop, IO_NO_INCREMENT, FALSE); /* the thread does the rest */
    return NDIS_STATUS_FAILURE;
}

/* Traces a packet that was dropped for Status. Under ToAppLock. */
static VOID TraceRefused(_Inout_ TUN_ADAPTER *Adapter, _In_ NET_BUFFER *Packet, _In_ NDIS_STATUS Status)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Packet), Size = min(Length, TRACE_PACKET_MAX);
    TRACE_KIND Kind = Status == NDIS_STATUS_INVALID_PACKET ? TraceToAppDropInvalid : TraceToAppDropFull;
    UCHAR Head[TRACE_PACKET_MAX];
    TraceDrop(Adapter, Kind, Length, Status, Head, PacketCopyOut(Packet, Head, Size) ? Size : 0);
}

/* Puts a whole chain into the ring, publishes it at once, and wakes the program if it sleeps. SessionUse is held.
 * DISPATCH_LEVEL. */
static VOID Deliver(_Inout_ TUN_SESSION *Session, _Inout_ NET_BUFFER_LIST *Chain)
{
    TUN_ADAPTER *Adapter = Session->Adapter;
    TUN_SESSION *Monitor = AcquireMonitor(Adapter);
    BOOLEAN Wake = FALSE;
    KeAcquireSpinLockAtDpcLevel(&Adapter->ToAppLock);
    for (NET_BUFFER_LIST *List = Chain; List; List = NET_BUFFER_LIST_NEXT_NBL(List))
    {
        NET_BUFFER_LIST_STATUS(List) = NDIS_STATUS_SUCCESS;
        for (NET_BUFFER *Packet = NET_BUFFER_LIST_FIRST_NB(List); Packet; Packet = NET_BUFFER_NEXT_NB(Packet))
        {
            NDIS_STATUS Status = NDIS_STATUS_FAILURE;
            TUN_LARGE Large;
            if (atomic_load_explicit(&Session->Dead, memory_order_relaxed) == 0)
                Status = Reserve(Session, List, Packet, &Large);
            else
                CounterAdd(&Adapter->ToApp.DropFull, 1);
            if (Status != NDIS_STATUS_SUCCESS)
            {
                NET_BUFFER_LIST_STATUS(List) = Status;
                if (TraceListens())
                    TraceRefused(Adapter, Packet, Status);
            }
            else if (Monitor)
                MonitorCopy(Monitor, Packet, &Large, 0); /* here: in the order in which the program sees them */
        }
        LargeComplete(List);
    }
    if (atomic_load_explicit(&Session->Dead, memory_order_relaxed) == 0)
        Wake = RingPublish(&Session->ToApp, Session->ToApp.Next);
    KeReleaseSpinLockFromDpcLevel(&Adapter->ToAppLock);
    ReleaseMonitor(Adapter, Monitor);
    if (Wake)
        KeSetEvent(Session->ToAppPackets, IO_NETWORK_INCREMENT, FALSE);
}

/* Drops a whole chain: gives each list Status and returns how many packets there were. */
static ULONG64 Refuse(_Inout_ NET_BUFFER_LIST *Chain, _In_ NDIS_STATUS Status)
{
    ULONG64 Packets = 0;
    for (NET_BUFFER_LIST *List = Chain; List; List = NET_BUFFER_LIST_NEXT_NBL(List))
    {
        NET_BUFFER_LIST_STATUS(List) = Status;
        LargeComplete(List);
        for (NET_BUFFER *Packet = NET_BUFFER_LIST_FIRST_NB(List); Packet; Packet = NET_BUFFER_NEXT_NB(Packet))
            Packets++;
    }
    return Packets;
}

/* Called with packets for the program. "MINIPORT_SEND_NET_BUFFER_LISTS callback function". */
_Use_decl_annotations_
VOID ToAppSend(NDIS_HANDLE MiniportAdapterContext, NET_BUFFER_LIST *NetBufferLists, NDIS_PORT_NUMBER PortNumber,
               ULONG SendFlags)
{
    TUN_ADAPTER *Adapter = MiniportAdapterContext;
    BOOLEAN AtDispatch = (SendFlags & NDIS_SEND_FLAGS_DISPATCH_LEVEL) != 0;
    KIRQL Irql = DISPATCH_LEVEL;
    /* A thread that is suspended or displaced here would keep Pause, the session's end, or the program that it has taken
     * over to wake, waiting. */
    if (!AtDispatch)
        KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    BOOLEAN Flowing = ExAcquireRundownProtection(&Adapter->DataPath);
    if (Flowing && ExAcquireRundownProtection(&Adapter->SessionUse))
    {
        Deliver(Adapter->Session, NetBufferLists);
        ExReleaseRundownProtection(&Adapter->SessionUse);
    }
    else
    {
        /* After surprise removal: "MINIPORT_DEVICE_PNP_EVENT_NOTIFY callback function". */
        NDIS_STATUS Status = atomic_load_explicit(&Adapter->Removed, memory_order_relaxed) != 0
                                 ? NDIS_STATUS_NOT_ACCEPTED
                                 : NDIS_STATUS_MEDIA_DISCONNECTED;
        if (!Flowing)
            Status = atomic_load_explicit(&Adapter->Asleep, memory_order_relaxed) != 0 ? NDIS_STATUS_LOW_POWER_STATE
                                                                                       : NDIS_STATUS_PAUSED;
        /* Several senders may write these at once, unlike the counters under ToAppLock. */
        atomic_fetch_add_explicit(Flowing ? &Adapter->ToApp.DropNoSession : &Adapter->ToApp.DropPaused,
                                  Refuse(NetBufferLists, Status), memory_order_relaxed);
        if (TraceListens())
            TraceDrop(Adapter, Flowing ? TraceToAppDropNoSession : TraceToAppDropPaused, 0, Status, NULL, 0);
    }
    NdisMSendNetBufferListsComplete(Adapter->Handle, NetBufferLists, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    if (Flowing)
        ExReleaseRundownProtection(&Adapter->DataPath);
    if (!AtDispatch)
        KeLowerIrql(Irql);
}

/* Called to cancel sends that wait: none ever does. "MINIPORT_CANCEL_SEND callback function". */
_Use_decl_annotations_
VOID ToAppCancel(NDIS_HANDLE MiniportAdapterContext, PVOID CancelId)
{
}
