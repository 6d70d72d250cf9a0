/* SPDX-License-Identifier: MIT */
/*
 * Status indications of a miniport, of which the link's state matters to the stack. Any thread, up to DISPATCH_LEVEL;
 * no lock: a miniport orders its own indications.
 */
#include "host/ndis/ndishost.h"

VOID HostLinkToBackend(NDIS_HOST_ADAPTER *Adapter, const NDIS_LINK_STATE *State)
{
    BACKEND_LINK Link = {
        .Connected = State->MediaConnectState == MediaConnectStateConnected,
        .TransmitSpeed = State->XmitLinkSpeed,
        .ReceiveSpeed = State->RcvLinkSpeed,
    };
    BackendSetLink(Adapter->Backend, &Link);
}

/*
 * NdisMIndicateStatusEx: the link's state goes on to the stack; other statuses are accepted and change nothing here.
 * "NdisMIndicateStatusEx function (ndis.h)", "NDIS_STATUS_LINK_STATE".
 */
VOID NdisMIndicateStatusEx(NDIS_HANDLE MiniportAdapterHandle, PNDIS_STATUS_INDICATION StatusIndication)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(MiniportAdapterHandle, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_StatusIndication", DISPATCH_LEVEL, TRUE);
    if (!Adapter ||
        !HostHeaderValid(&StatusIndication->Header, NDIS_OBJECT_TYPE_STATUS_INDICATION,
                         NDIS_STATUS_INDICATION_REVISION_1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1,
                         "NDIS_STATUS_INDICATION", __func__, HostPlace()) ||
        !NdisRule("State_StatusAfterHalt", ReadAcquire(&Adapter->State) != HostHalted && Adapter->Backend, HostPlace(),
                  "status 0x%08x in state %s", (unsigned)StatusIndication->StatusCode,
                  HostStateName(ReadAcquire(&Adapter->State))))
    {
        return;
    }
    NdisRule("Status_SourceHandle", StatusIndication->SourceHandle == MiniportAdapterHandle, HostPlace(),
             "SourceHandle is %p", StatusIndication->SourceHandle);
    if (StatusIndication->StatusCode == NDIS_STATUS_LINK_STATE)
    {
        const NDIS_LINK_STATE *State = StatusIndication->StatusBuffer;
        if (!NdisRule("Status_LinkState",
                      State && StatusIndication->StatusBufferSize >= NDIS_SIZEOF_LINK_STATE_REVISION_1 &&
                          State->Header.Revision >= NDIS_LINK_STATE_REVISION_1 &&
                          State->Header.Size >= NDIS_SIZEOF_LINK_STATE_REVISION_1,
                      HostPlace(), "a link state of %u bytes", (unsigned)StatusIndication->StatusBufferSize))
        {
            return;
        }
        Adapter->LinkState = *State;
        HostLinkToBackend(Adapter, State);
    }
    if (StatusIndication->StatusCode == NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG)
    {
        const NDIS_OFFLOAD *Offload = StatusIndication->StatusBuffer;
        if (!NdisRule("Status_Offload",
                      StatusIndication->StatusBufferSize >= NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1 &&
                          HostOffloadValid(Offload) && StatusIndication->StatusBufferSize >= Offload->Header.Size,
                      HostPlace(), "an NDIS_OFFLOAD of %u bytes", (unsigned)StatusIndication->StatusBufferSize))
            return;
        if (Adapter->OffloadSet)
            HostOffloadKeep(Adapter, Offload);
        InterlockedIncrement(&Adapter->OffloadIndications);
    }
}
