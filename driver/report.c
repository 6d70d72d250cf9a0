/* SPDX-License-Identifier: MIT */
/*
 * What an adapter says of itself: to the stack whether its link is up, to programs what it has counted. Those who change
 * either, and those who are asked, stand above and call here. Any thread.
 */
#include "driver/tun.h"

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
    NDIS_STATUS_INDICATION Indication = {
        .Header = {.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION,
                   .Revision = NDIS_STATUS_INDICATION_REVISION_1,
                   .Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
        .SourceHandle = Adapter->Handle,
        .StatusCode = NDIS_STATUS_LINK_STATE,
        .StatusBuffer = &State,
        .StatusBufferSize = sizeof(State),
    };
    NdisMIndicateStatusEx(Adapter->Handle, &Indication);
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
