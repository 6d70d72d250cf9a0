/* SPDX-License-Identifier: MIT */
/*
 * From the stack to the miniport: sends and their completion. Up to DISPATCH_LEVEL, any thread, nothing allocated and
 * no lock taken: each list's owner changes by one atomic exchange, which is also what finds a second completion.
 */
#include "host/ndis/ndishost.h"

VOID NdisHostSend(NDIS_HOST_ADAPTER *Adapter, NET_BUFFER_LIST *Lists, ULONG SendFlags)
{
    MINIPORT_SEND_NET_BUFFER_LISTS_HANDLER Handler = Adapter->Driver->Characteristics.SendNetBufferListsHandler;
    LONG64 Count = 0;
    for (NET_BUFFER_LIST *List = Lists; List; List = List->Next)
    {
        HOST_LIST *Host = HostListOf(List);
        if (!NdisRule("Backend_Send",
                      InterlockedCompareExchange(&Host->Owner, HostOwnerSent, HostOwnerAllocator) == HostOwnerAllocator,
                      HostPlace(), "the stack sends a list that it does not have"))
        {
            return;
        }
        HandlerRule("MiniportSendNetBufferLists", "MiniportReserved", HostReservedKept(Host), (PVOID)Handler,
                    "the miniport changed a list that it had completed");
        Host->User = Adapter;
        Host->LargeSend = NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) != NULL;
        Host->Refuse = ReadAcquire(&Adapter->PauseReturned) != 0;
        List->Status = NDIS_STATUS_SUCCESS;
        Count++;
    }
    InterlockedAdd64(&Adapter->SendsOut, Count);
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportSendNetBufferLists", 0);
    Handler(Adapter->Context, Lists, NDIS_DEFAULT_PORT_NUMBER, SendFlags);
    HostGuardEnd(&Guard, (PVOID)Handler);
}

/*
 * NdisMSendNetBufferListsComplete: the miniport gives lists back, in any order and number, each with its Status.
 * "NdisMSendNetBufferListsComplete function (ndis.h)".
 */
VOID NdisMSendNetBufferListsComplete(NDIS_HANDLE MiniportAdapterHandle, PNET_BUFFER_LIST NetBufferLists,
                                     ULONG SendCompleteFlags)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(MiniportAdapterHandle, __func__, HostPlace());
    PVOID Place = HostPlace();
    LONG State = Adapter ? ReadAcquire(&Adapter->State) : HostHalted;
    LONG64 Count = 0;
    HostEnter(__func__, Place, "Irql_SendRcv", DISPATCH_LEVEL, TRUE);
    if (!Adapter || !NdisRule("Send_Complete", NetBufferLists != NULL, Place, "no lists"))
        return;
    NdisRule("Send_Flags", (SendCompleteFlags & ~(ULONG)NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL) == 0, Place,
             "flags 0x%x", (unsigned)SendCompleteFlags);
    NdisRule("Flags_Irql",
             !(SendCompleteFlags & NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL) || KeGetCurrentIrql() == DISPATCH_LEVEL,
             Place, "DISPATCH_LEVEL is claimed at IRQL %u", KeGetCurrentIrql());
    for (NET_BUFFER_LIST *List = NetBufferLists; List; List = List->Next)
    {
        HOST_LIST *Host = HostListOf(List);
        if (!NdisRule("Send_Complete", Host->Magic == HostMagicList, Place, "%p is no NET_BUFFER_LIST", (void *)List) ||
            !NdisRule("Send_Complete", Host->Owner != HostOwnerSent || Host->User == Adapter, Place,
                      "a list of another adapter is completed") ||
            !NdisRule("Send_CompleteOnce",
                      InterlockedCompareExchange(&Host->Owner, HostOwnerAllocator, HostOwnerSent) == HostOwnerSent,
                      Place, "a list that the miniport does not have is completed"))
        {
            return;
        }
        NdisRule("Send_Refused",
                 !Host->Refuse || List->Status == NDIS_STATUS_PAUSED || List->Status == NDIS_STATUS_LOW_POWER_STATE,
                 Place, "status 0x%08x for a list that came while pausing", (unsigned)List->Status);
        NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Large = {
            .Value = NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo)};
        NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Wanted = {.Value = NULL};
        Wanted.LsoV2TransmitComplete.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        /* "NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO structure", LsoV2TransmitComplete */
        NdisRule("Send_LargeCompleted", !Host->LargeSend || Large.Value == Wanted.Value, Place,
                 "a large send is completed with %p, not with its type alone", Large.Value);
        HostReservedKeep(Host);
        Count++;
    }
    InterlockedAdd64(&Adapter->SendsOut, -Count);
    NdisRule("State_SendComplete", State == HostRunning || State == HostPausing, Place, "in state %s",
             HostStateName(State));
    BackendSendComplete(Adapter->Backend, NetBufferLists);
}
