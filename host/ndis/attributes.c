/* SPDX-License-Identifier: MIT */
/*
 * NdisMSetMiniportAttributes: what a miniport says of itself in MiniportInitializeEx. PASSIVE_LEVEL, in the thread
 * that initialises the adapter; nothing is locked because nothing else runs for the adapter yet.
 */
#include "host/ndis/ndishost.h"

#define HOST_MTU_LIMIT 65535 /* bytes: what a length of IP can say */

static const CHAR SetAttributes[] = "NdisMSetMiniportAttributes";

static BOOLEAN IsWhole(_In_ const NDIS_OBJECT_HEADER *Header, _In_ USHORT Size, _In_z_ PCSTR What, PVOID Place)
{
    return HandlerRule(SetAttributes, "Header_Valid", Header->Revision >= 1 && Header->Size >= Size, Place,
                       "%s attributes: revision %u size %u", What, Header->Revision, Header->Size);
}

static NDIS_STATUS SetRegistration(_Inout_ NDIS_HOST_ADAPTER *Adapter,
                                   _In_ const NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *Attributes, PVOID Place)
{
    if (!IsWhole(&Attributes->Header, NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1, "registration",
                 Place))
        return NDIS_STATUS_INVALID_PARAMETER;
    Adapter->Context = Attributes->MiniportAdapterContext;
    Adapter->AttributeFlags = Attributes->AttributeFlags;
    Adapter->HangSeconds = Attributes->CheckForHangTimeInSeconds ? Attributes->CheckForHangTimeInSeconds : 2;
    Adapter->RegistrationSet = TRUE;
    return NDIS_STATUS_SUCCESS;
}

/* "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES": kept are the MTU, the link, and the OIDs the miniport answers. */
static NDIS_STATUS SetGeneral(_Inout_ NDIS_HOST_ADAPTER *Adapter,
                              _In_ const NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *Attributes, PVOID Place)
{
    ULONG Length = Attributes->SupportedOidListLength;
    if (!IsWhole(&Attributes->Header, NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1, "general", Place) ||
        !HandlerRule(SetAttributes, "Initialize_Attributes", Adapter->RegistrationSet, Place,
                     "registration attributes come first") ||
        !HandlerRule(SetAttributes, "Initialize_Attributes", Attributes->MtuSize >= 68, Place, "an MTU of %u",
                     (unsigned)Attributes->MtuSize) ||
        !HandlerRule(SetAttributes, "RawIp_Medium", Attributes->MediaType == NdisMediumIP, Place,
                     "medium %u: only raw IP has a stack here", (unsigned)Attributes->MediaType) ||
        !HandlerRule(SetAttributes, "Initialize_Attributes",
                     Attributes->MacAddressLength <= NDIS_MAX_PHYS_ADDRESS_LENGTH, Place, "an address of %u bytes",
                     Attributes->MacAddressLength) ||
        !HandlerRule(SetAttributes, "Initialize_Attributes",
                     Attributes->SupportedOidList && Length && Length % sizeof(NDIS_OID) == 0, Place,
                     "a list of OIDs of %u bytes", (unsigned)Length))
    {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    Adapter->SupportedOids = ExAllocatePoolWithTag(NonPagedPoolNx, Length, HOST_TAG);
    if (!Adapter->SupportedOids)
        return NDIS_STATUS_RESOURCES;
    RtlCopyMemory(Adapter->SupportedOids, Attributes->SupportedOidList, Length);
    Adapter->SupportedOidCount = Length / sizeof(NDIS_OID);
    Adapter->Mtu = min(Attributes->MtuSize, HOST_MTU_LIMIT);
    if (Adapter->Mtu != Attributes->MtuSize)
        DbgPrint("ndis: an MTU of %u is more than an interface has here: it is %u\n", (unsigned)Attributes->MtuSize,
                 (unsigned)Adapter->Mtu);
    Adapter->LinkState = (NDIS_LINK_STATE){
        .MediaConnectState = Attributes->MediaConnectState,
        .MediaDuplexState = Attributes->MediaDuplexState,
        .XmitLinkSpeed = Attributes->XmitLinkSpeed,
        .RcvLinkSpeed = Attributes->RcvLinkSpeed,
    };
    Adapter->RestartGeneral = (NDIS_RESTART_GENERAL_ATTRIBUTES){
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_RESTART_GENERAL_ATTRIBUTES_REVISION_1,
                   .Size = sizeof(NDIS_RESTART_GENERAL_ATTRIBUTES)},
        .MtuSize = Adapter->Mtu,
        .MaxXmitLinkSpeed = Attributes->MaxXmitLinkSpeed,
        .MaxRcvLinkSpeed = Attributes->MaxRcvLinkSpeed,
        .LookaheadSize = Attributes->LookaheadSize,
        .MacOptions = Attributes->MacOptions,
        .SupportedPacketFilters = Attributes->SupportedPacketFilters,
        .MaxMulticastListSize = Attributes->MaxMulticastListSize,
        .RecvScaleCapabilities = NULL,
        .AccessType = Attributes->AccessType,
        .Flags = 0,
        .ConnectionType = Attributes->ConnectionType,
        .SupportedStatistics = Attributes->SupportedStatistics,
        .DataBackFillSize = Attributes->DataBackFillSize,
        .ContextBackFillSize = Attributes->ContextBackFillSize,
        .SupportedOidList = Adapter->SupportedOids,
        .SupportedOidListLength = Length,
    };
    Adapter->GeneralSet = TRUE;
    return NDIS_STATUS_SUCCESS;
}

/* In MiniportAddDevice only. "NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES". */
static NDIS_STATUS SetAddDevice(_Inout_ NDIS_HOST_ADAPTER *Adapter,
                                _In_ const NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES *Attributes, PVOID Place)
{
    if (!IsWhole(&Attributes->Header, NDIS_SIZEOF_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1,
                 "MiniportAddDevice", Place))
        return NDIS_STATUS_INVALID_PARAMETER;
    Adapter->AddDeviceContext = Attributes->MiniportAddDeviceContext;
    return NDIS_STATUS_SUCCESS;
}

BOOLEAN HostOffloadValid(const NDIS_OFFLOAD *Offload)
{
    return Offload && Offload->Header.Type == NDIS_OBJECT_TYPE_OFFLOAD &&
           Offload->Header.Revision >= NDIS_OFFLOAD_REVISION_1 &&
           Offload->Header.Size >= NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1;
}

/* "NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES structure": kept is what is on. */
static NDIS_STATUS SetOffload(_Inout_ NDIS_HOST_ADAPTER *Adapter,
                              _In_ const NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES *Attributes, PVOID Place)
{
    if (!HandlerRule(SetAttributes, "Header_Valid",
                     Attributes->Header.Revision >= 1 &&
                         Attributes->Header.Size >= NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1,
                     Place, "offload attributes: revision %u size %u", Attributes->Header.Revision,
                     Attributes->Header.Size) ||
        !HandlerRule(SetAttributes, "Offload_Attributes",
                     HostOffloadValid(Attributes->DefaultOffloadConfiguration) &&
                         HostOffloadValid(Attributes->HardwareOffloadCapabilities),
                     Place, "NDIS_OFFLOAD is missing, or of a wrong type or size"))
        return NDIS_STATUS_INVALID_PARAMETER;
    /* 0: a stack that never uses offloads, and says nothing of them. */
    Adapter->OffloadSet = PlatformSetting("HOST_NDIS_OFFLOAD", 1) != 0;
    if (Adapter->OffloadSet)
        HostOffloadKeep(Adapter, Attributes->DefaultOffloadConfiguration);
    return NDIS_STATUS_SUCCESS;
}

/* What of it the stack may use. A miniport that says less in a shorter structure has not what it leaves out. */
VOID HostOffloadKeep(NDIS_HOST_ADAPTER *Adapter, const NDIS_OFFLOAD *Offload)
{
    NDIS_OFFLOAD Now;
    RtlZeroMemory(&Now, sizeof(Now));
    RtlCopyMemory(&Now, Offload, min(Offload->Header.Size, sizeof(Now)));
    if (RtlCompareMemory(&Adapter->Offload, &Now, sizeof(Now)) != sizeof(Now)) /* others may look at what stays so */
        Adapter->Offload = Now;
}

/*
 * NdisMSetMiniportAttributes: registration attributes first, then general, then others. Gives NDIS_STATUS_SUCCESS,
 * _INVALID_PARAMETER, _RESOURCES, or _NOT_SUPPORTED for attributes that this NDIS has no use for.
 */
NDIS_STATUS NdisMSetMiniportAttributes(NDIS_HANDLE NdisMiniportHandle,
                                       PNDIS_MINIPORT_ADAPTER_ATTRIBUTES MiniportAttributes)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(NdisMiniportHandle, __func__, HostPlace());
    PVOID Place = HostPlace();
    HostEnter(__func__, Place, "Irql_Miniport_Driver", PASSIVE_LEVEL, FALSE);
    if (!Adapter)
        return NDIS_STATUS_INVALID_PARAMETER;
    UCHAR Type = MiniportAttributes->RegistrationAttributes.Header.Type;
    BOOLEAN AddDevice = Type == NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES;
    if (!NdisRule("State_SetAttributes", AddDevice ? Adapter->Adding : Adapter->State == HostInitializing, Place,
                  "in state %s", HostStateName(Adapter->State)))
    {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    switch (Type)
    {
    case NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES:
        return SetAddDevice(Adapter, &MiniportAttributes->AddDeviceRegistrationAttributes, Place);
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES:
        return SetRegistration(Adapter, &MiniportAttributes->RegistrationAttributes, Place);
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES:
        return SetGeneral(Adapter, &MiniportAttributes->GeneralAttributes, Place);
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES:
        return SetOffload(Adapter, &MiniportAttributes->OffloadAttributes, Place);
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}
