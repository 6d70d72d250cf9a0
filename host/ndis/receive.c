/* SPDX-License-Identifier: MIT */
/*
 * From the miniport to the stack: receive indications and their return. Up to DISPATCH_LEVEL, any thread, nothing
 * allocated and no lock taken; as for sends, a list's owner is what finds a list that is indicated or returned twice.
 */
#include "host/ndis/ndishost.h"

static const CHAR Indicate[] = "NdisMIndicateReceiveNetBufferLists";

/* What a raw IP list must say of itself: "NDIS_NBL_FLAGS", "NET_BUFFER_LIST_INFO: NetBufferListFrameType". */
static BOOLEAN CheckList(_In_ NDIS_HOST_ADAPTER *Adapter, _In_ const NET_BUFFER_LIST *List, PVOID Place)
{
    ULONG_PTR FrameType = (ULONG_PTR)List->NetBufferListInfo[NetBufferListFrameType];
    ULONG Flags = List->NblFlags & (NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_IPV6);
    NDIS_RSC_NBL_INFO Coalesced = {.Value = List->NetBufferListInfo[TcpRecvSegCoalesceInfo]};
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum = {.Value =
                                                              List->NetBufferListInfo[TcpIpChecksumNetBufferListInfo]};
    const NDIS_TCP_RECV_SEG_COALESCE_OFFLOAD *Rsc = &Adapter->Offload.Rsc;
    BOOLEAN Enabled = Flags == NDIS_NBL_FLAGS_IS_IPV6 ? Rsc->IPv6.Enabled : Rsc->IPv4.Enabled;
    /* "Indicating Coalesced Segments", "NDIS_RSC_NBL_INFO union"; duplicate ACKs would make NDIS switch it off. */
    HandlerRule(Indicate, "Receive_Coalesced",
                !Coalesced.Value ||
                    (Enabled && Coalesced.Info.CoalescedSegCount > 1 && Coalesced.Info.DupAckCount == 0 &&
                     Checksum.Receive.IpChecksumSucceeded && Checksum.Receive.TcpChecksumSucceeded),
                Place, "%u segments, %u duplicate ACKs, checksums 0x%llx%s", Coalesced.Info.CoalescedSegCount,
                Coalesced.Info.DupAckCount, (unsigned long long)(ULONG_PTR)Checksum.Value,
                Enabled ? "" : ", which is not switched on");
    return HandlerRule(Indicate, "Receive_Buffers", List->FirstNetBuffer && !List->FirstNetBuffer->Next, Place,
                       "a received list has exactly one NET_BUFFER") &&
           HandlerRule(Indicate, "Receive_SourceHandle", List->SourceHandle == Adapter, Place, "SourceHandle is %p",
                       List->SourceHandle) &&
           HandlerRule(Indicate, "Receive_FrameType",
                       (FrameType == RtlUshortByteSwap(0x0800) && Flags == NDIS_NBL_FLAGS_IS_IPV4) ||
                           (FrameType == RtlUshortByteSwap(0x86dd) && Flags == NDIS_NBL_FLAGS_IS_IPV6),
                       Place, "frame type 0x%llx, flags 0x%x", (unsigned long long)FrameType, (unsigned)List->NblFlags);
}

/*
 * NdisMIndicateReceiveNetBufferLists: packets for the stack. Without NDIS_RECEIVE_FLAGS_RESOURCES they come back by
 * MiniportReturnNetBufferLists, perhaps within this call; with it they are the miniport's when this returns.
 * "NdisMIndicateReceiveNetBufferLists function (ndis.h)".
 */
VOID NdisMIndicateReceiveNetBufferLists(NDIS_HANDLE MiniportAdapterHandle, PNET_BUFFER_LIST NetBufferLists,
                                        NDIS_PORT_NUMBER PortNumber, ULONG NumberOfNetBufferLists, ULONG ReceiveFlags)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(MiniportAdapterHandle, __func__, HostPlace());
    PVOID Place = HostPlace();
    BOOLEAN Resources = (ReceiveFlags & NDIS_RECEIVE_FLAGS_RESOURCES) != 0;
    LONG State = Adapter ? ReadAcquire(&Adapter->State) : HostHalted;
    ULONG Count = 0;
    HostEnter(__func__, Place, "Irql_SendRcv", DISPATCH_LEVEL, TRUE);
    NdisRule("Flags_Irql", !(ReceiveFlags & NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL) || KeGetCurrentIrql() == DISPATCH_LEVEL,
             Place, "DISPATCH_LEVEL is claimed at IRQL %u", KeGetCurrentIrql());
    if (!Adapter || !NdisRule("Receive_Lists", NetBufferLists != NULL, Place, "no lists") ||
        /* From the moment that restarting begins: "NdisMRestartComplete function (ndis.h)". */
        !NdisRule("State_Receive", State == HostRunning || State == HostPausing || State == HostRestarting, Place,
                  "in state %s", HostStateName(State)))
    {
        return;
    }
    NdisRule("Receive_Port", PortNumber == NDIS_DEFAULT_PORT_NUMBER, Place, "port %u", (unsigned)PortNumber);
    PVOID FirstType = NetBufferLists->NetBufferListInfo[NetBufferListFrameType];
    for (NET_BUFFER_LIST *List = NetBufferLists; List; List = List->Next)
    {
        HOST_LIST *Host = HostListOf(List);
        if (!NdisRule("Receive_Lists", Host->Magic == HostMagicList, Place, "%p is no NET_BUFFER_LIST of a pool",
                      (void *)List) ||
            !NdisRule("Receive_IndicateOnce",
                      InterlockedCompareExchange(&Host->Owner, HostOwnerIndicated, HostOwnerAllocator) ==
                          HostOwnerAllocator,
                      Place, "a list that the miniport does not have is indicated"))
        {
            return;
        }
        Host->User = Adapter;
        HostReservedKeep(Host);
        CheckList(Adapter, List, Place);
        NdisRule("Receive_SingleEtherType",
                 !(ReceiveFlags & NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE) ||
                     List->NetBufferListInfo[NetBufferListFrameType] == FirstType,
                 Place, "a chain of more than one frame type");
        Count++;
    }
    NdisRule("Receive_Count", Count == NumberOfNetBufferLists, Place, "%u lists, said to be %u", (unsigned)Count,
             (unsigned)NumberOfNetBufferLists);
    if (!Resources)
        InterlockedAdd64(&Adapter->ReceivesOut, Count);
    BackendReceive(Adapter->Backend, NetBufferLists, ReceiveFlags);
    if (Resources)
        for (NET_BUFFER_LIST *List = NetBufferLists; List; List = List->Next)
            InterlockedExchange(&HostListOf(List)->Owner, HostOwnerAllocator);
}

VOID NdisHostReturn(NDIS_HOST_ADAPTER *Adapter, NET_BUFFER_LIST *Lists, ULONG ReturnFlags)
{
    MINIPORT_RETURN_NET_BUFFER_LISTS_HANDLER Handler = Adapter->Driver->Characteristics.ReturnNetBufferListsHandler;
    LONG64 Count = 0;
    for (NET_BUFFER_LIST *List = Lists; List; List = List->Next)
    {
        HOST_LIST *Host = HostListOf(List);
        if (!NdisRule("Backend_Return",
                      Host->User == Adapter && InterlockedCompareExchange(&Host->Owner, HostOwnerAllocator,
                                                                          HostOwnerIndicated) == HostOwnerIndicated,
                      HostPlace(), "the stack returns a list that it does not have"))
        {
            return;
        }
        HandlerRule("MiniportReturnNetBufferLists", "MiniportReserved", HostReservedKept(Host), (PVOID)Handler,
                    "the miniport changed a list that the stack had");
        Count++;
    }
    /* First: the handler may find that these were the last, and complete a pause. */
    InterlockedAdd64(&Adapter->ReceivesOut, -Count);
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportReturnNetBufferLists", 0);
    Handler(Adapter->Context, Lists, ReturnFlags);
    HostGuardEnd(&Guard, (PVOID)Handler);
}
