/* SPDX-License-Identifier: MIT */
/*
 * What an adapter says of itself: to the stack whether its link is up, to programs what it has counted. Those who change
 * either, and those who are asked, stand above and call here. Any thread.
 */
#include "driver/tun.h"

static VOID Indicate(_In_ TUN_ADAPTER *Adapter, _In_ NDIS_STATUS Code, _In_ VOID *Data, _In_ ULONG Size)
{
    NDIS_STATUS_INDICATION Indication = {
        .Header = {.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION,
                   .Revision = NDIS_STATUS_INDICATION_REVISION_1,
                   .Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
        .SourceHandle = Adapter->Handle,
        .StatusCode = Code,
        .StatusBuffer = Data,
        .StatusBufferSize = Size,
    };
    NdisMIndicateStatusEx(Adapter->Handle, &Indication);
}

/* Tells the stack that the link is up or down. IRQL <= DISPATCH_LEVEL. "NDIS_STATUS_LINK_STATE". */
_Use_decl_annotations_
VOID ReportLink(TUN_ADAPTER *Adapter, BOOLEAN Up)
{
    NDIS_LINK_STATE State = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_LINK_STATE_REVISION_1,
                   .Size = NDIS_SIZEOF_LINK_STATE_REVISION_1},
        .MediaConnectState = Up ? MediaConnectStateConnected : MediaConnectStateDisconnected,
        .MediaDuplexState = MediaDuplexStateFull,
        .XmitLinkSpeed = TUN_LINK_SPEED,
        .RcvLinkSpeed = TUN_LINK_SPEED,
        .PauseFunctions = NdisPauseFunctionsUnsupported,
    };
    Indicate(Adapter, NDIS_STATUS_LINK_STATE, &State, sizeof(State));
}

/* Tasks in NDIS' words. Nobody says which encapsulation a raw IP link has: that without a header, and the one which every
 * page on offloads demands. Revision 5 is NDIS 6.82's: "NDIS_OFFLOAD structure". Any IRQL. */
_Use_decl_annotations_
VOID ReportDescribe(ULONG Tasks, NDIS_OFFLOAD *Offload)
{
    ULONG Encapsulation = NDIS_ENCAPSULATION_NULL | NDIS_ENCAPSULATION_IEEE_802_3;
    ULONG Lso4 = (Tasks & TUN_TASK_LSO4) != 0, Lso6 = (Tasks & TUN_TASK_LSO6) != 0;
    *Offload = (NDIS_OFFLOAD){
        .Header = {.Type = NDIS_OBJECT_TYPE_OFFLOAD,
                   .Revision = NDIS_OFFLOAD_REVISION_5,
                   .Size = NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_5},
        .Checksum = {.IPv4Transmit = {Encapsulation, NDIS_OFFLOAD_SUPPORTED, NDIS_OFFLOAD_SUPPORTED,
                                      .TcpChecksum = (Tasks & TUN_TASK_TCP4) != 0,
                                      .UdpChecksum = (Tasks & TUN_TASK_UDP4) != 0,
                                      .IpChecksum = (Tasks & TUN_TASK_IP4) != 0},
                     .IPv6Transmit = {Encapsulation, NDIS_OFFLOAD_SUPPORTED, NDIS_OFFLOAD_SUPPORTED,
                                      .TcpChecksum = (Tasks & TUN_TASK_TCP6) != 0,
                                      .UdpChecksum = (Tasks & TUN_TASK_UDP6) != 0}},
        .LsoV2 = {.IPv4 = {Lso4 * Encapsulation, Lso4 * TUN_LARGE_MAX, Lso4 * TUN_LARGE_LEAST},
                  .IPv6 = {Lso6 * Encapsulation, Lso6 * TUN_LARGE_MAX, Lso6 * TUN_LARGE_LEAST, Lso6, Lso6}},
        .Rsc = {.IPv4 = {(Tasks & TUN_TASK_RSC4) != 0}, .IPv6 = {(Tasks & TUN_TASK_RSC6) != 0}},
    };
}

/* Tells the stack which Tasks it may leave to us now. In an OID request. "NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG". */
_Use_decl_annotations_
VOID ReportTasks(TUN_ADAPTER *Adapter)
{
    NDIS_OFFLOAD Offload;
    ReportDescribe(atomic_load_explicit(&Adapter->Tasks, memory_order_relaxed), &Offload);
    Indicate(Adapter, NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG, &Offload, Offload.Header.Size);
}

/* The adapter's counters since Initialize, as programs see them. Any IRQL, any thread. */
_Use_decl_annotations_
VOID ReportCounters(TUN_ADAPTER *Adapter, TUN_COUNTERS *Counters)
{
    *Counters = (TUN_COUNTERS){
        .ToAppPackets = CounterSum(Adapter->ToApp.Packets),
        .ToAppBytes = CounterSum(Adapter->ToApp.Octets),
        .ToAppDropNoSession = CounterRead(&Adapter->ToApp.DropNoSession),
        .ToAppDropFull = CounterRead(&Adapter->ToApp.DropFull),
        .ToAppDropInvalid = CounterRead(&Adapter->ToApp.DropInvalid),
        .ToAppDropPaused = CounterRead(&Adapter->ToApp.DropPaused),
        .ToStackPackets = CounterSum(Adapter->ToStack.Packets),
        .ToStackBytes = CounterSum(Adapter->ToStack.Octets),
        .ToStackDropInvalid = CounterRead(&Adapter->ToStack.DropInvalid),
    };
}
