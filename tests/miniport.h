/* SPDX-License-Identifier: MIT */
/*
 * What the tests' miniports (tests/e2e/kernel, tests/classic, tests/simulation/wrong_miniport.c) have in common: what any
 * small layer 3 miniport says of itself, and answers when it is asked nothing special. Each changes what it is there to
 * try. "NdisMSetMiniportAttributes function (ndis.h)", "NDIS_MINIPORT_DRIVER_CHARACTERISTICS structure (ndis.h)".
 */
#ifndef TESTS_MINIPORT_H
#define TESTS_MINIPORT_H

#include <ndis.h>

#define MINIPORT_LINK_SPEED 1000000000

/* "Mandatory OIDs for Miniport Drivers". */
static NDIS_OID MiniportOids[] = {
    OID_GEN_CURRENT_LOOKAHEAD,
    OID_GEN_CURRENT_PACKET_FILTER,
    OID_GEN_INTERRUPT_MODERATION,
    OID_GEN_LINK_PARAMETERS,
    OID_GEN_MAXIMUM_TOTAL_SIZE,
    OID_GEN_RCV_OK,
    OID_GEN_XMIT_OK,
    OID_GEN_RECEIVE_BLOCK_SIZE,
    OID_GEN_TRANSMIT_BLOCK_SIZE,
    OID_GEN_RECEIVE_BUFFER_SPACE,
    OID_GEN_TRANSMIT_BUFFER_SPACE,
    OID_GEN_STATISTICS,
    OID_GEN_VENDOR_DESCRIPTION,
    OID_GEN_VENDOR_DRIVER_VERSION,
    OID_GEN_VENDOR_ID,
    OID_PNP_SET_POWER,
    OID_PNP_QUERY_POWER,
};

static inline NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES MiniportRegistration(_In_ PVOID Context)
{
    return (NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES){
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                   .Size = NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
        .MiniportAdapterContext = Context,
        .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND | NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK,
        .InterfaceType = NdisInterfaceInternal,
    };
}

/* Mtu: bytes. */
static inline NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES MiniportGeneral(_In_ ULONG Mtu)
{
    return (NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES){
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1,
                   .Size = NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1},
        .MediaType = NdisMediumIP,
        .PhysicalMediumType = NdisPhysicalMediumUnspecified,
        .MtuSize = Mtu,
        .MaxXmitLinkSpeed = MINIPORT_LINK_SPEED,
        .XmitLinkSpeed = MINIPORT_LINK_SPEED,
        .MaxRcvLinkSpeed = MINIPORT_LINK_SPEED,
        .RcvLinkSpeed = MINIPORT_LINK_SPEED,
        .MediaConnectState = MediaConnectStateConnected,
        .MediaDuplexState = MediaDuplexStateFull,
        .LookaheadSize = Mtu,
        .MacOptions = NDIS_MAC_OPTION_TRANSFERS_NOT_PEND | NDIS_MAC_OPTION_NO_LOOPBACK,
        .SupportedPacketFilters =
            NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_BROADCAST,
        .AccessType = NET_IF_ACCESS_POINT_TO_POINT,
        .DirectionType = NET_IF_DIRECTION_SENDRECEIVE,
        .ConnectionType = NET_IF_CONNECTION_DEDICATED,
        .IfType = IF_TYPE_PROP_VIRTUAL,
        .SupportedOidList = MiniportOids,
        .SupportedOidListLength = sizeof(MiniportOids),
    };
}

/* What opens the adapter's driver key. "NdisOpenConfigurationEx function (ndis.h)" */
static inline NDIS_CONFIGURATION_OBJECT MiniportConfiguration(_In_ NDIS_HANDLE Adapter)
{
    return (NDIS_CONFIGURATION_OBJECT){.Header = {.Type = NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT,
                                                  .Revision = NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                  .Size = NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                       .NdisHandle = Adapter};
}

/* Copies what an OID asks for, or says how much room it needs. */
static inline NDIS_STATUS MiniportAnswer(_Inout_ NDIS_OID_REQUEST *Request, _In_ const VOID *Data, _In_ ULONG Length)
{
    if (Request->DATA.QUERY_INFORMATION.InformationBufferLength < Length)
    {
        Request->DATA.QUERY_INFORMATION.BytesNeeded = Length;
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    RtlCopyMemory(Request->DATA.QUERY_INFORMATION.InformationBuffer, Data, Length);
    Request->DATA.QUERY_INFORMATION.BytesWritten = Length;
    return NDIS_STATUS_SUCCESS;
}

/* Value answers what is asked for in 32 bits, Count OID_GEN_XMIT_OK and OID_GEN_RCV_OK, Name the vendor's description. */
static inline NDIS_STATUS MiniportQuery(_Inout_ NDIS_OID_REQUEST *Request, _In_ ULONG Value, _In_ ULONG64 Count,
                                        _In_ PCSTR Name, _In_ ULONG NameSize)
{
    NDIS_STATISTICS_INFO Statistics = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                  .Revision = NDIS_STATISTICS_INFO_REVISION_1,
                                                  .Size = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1}};
    NDIS_INTERRUPT_MODERATION_PARAMETERS Moderation = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1,
                   .Size = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1},
        .InterruptModeration = NdisInterruptModerationNotSupported,
    };
    ULONG Room = Request->DATA.QUERY_INFORMATION.InformationBufferLength;
    switch (Request->DATA.QUERY_INFORMATION.Oid)
    {
    case OID_GEN_STATISTICS:
        return MiniportAnswer(Request, &Statistics, sizeof(Statistics));
    case OID_GEN_INTERRUPT_MODERATION:
        return MiniportAnswer(Request, &Moderation, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    case OID_GEN_XMIT_OK:
    case OID_GEN_RCV_OK:
        Request->DATA.QUERY_INFORMATION.BytesNeeded = sizeof(Count);
        return MiniportAnswer(Request, &Count, Room / sizeof(ULONG) == 1 ? sizeof(ULONG) : sizeof(Count));
    case OID_GEN_VENDOR_DESCRIPTION:
        return MiniportAnswer(Request, Name, NameSize);
    case OID_GEN_MAXIMUM_TOTAL_SIZE:
    case OID_GEN_RECEIVE_BLOCK_SIZE:
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
    case OID_GEN_RECEIVE_BUFFER_SPACE:
    case OID_GEN_TRANSMIT_BUFFER_SPACE:
    case OID_GEN_VENDOR_DRIVER_VERSION:
    case OID_GEN_VENDOR_ID:
        return MiniportAnswer(Request, &Value, sizeof(Value));
    case OID_PNP_QUERY_POWER:
        return NDIS_STATUS_SUCCESS;
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

/* Takes what the stack sets, and keeps nothing of it. */
static inline NDIS_STATUS MiniportSet(_Inout_ NDIS_OID_REQUEST *Request)
{
    switch (Request->DATA.SET_INFORMATION.Oid)
    {
    case OID_GEN_CURRENT_LOOKAHEAD:
    case OID_GEN_CURRENT_PACKET_FILTER:
        if (Request->DATA.SET_INFORMATION.InformationBufferLength < sizeof(ULONG))
        {
            Request->DATA.SET_INFORMATION.BytesNeeded = sizeof(ULONG);
            return NDIS_STATUS_INVALID_LENGTH;
        }
        Request->DATA.SET_INFORMATION.BytesRead = sizeof(ULONG);
        return NDIS_STATUS_SUCCESS;
    case OID_PNP_SET_POWER:
        return NDIS_STATUS_SUCCESS;
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

static VOID MiniportCancel(NDIS_HANDLE Context, PVOID Id)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Id);
}

static VOID MiniportPnpEvent(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Event);
}

static VOID MiniportShutdown(NDIS_HANDLE Context, NDIS_SHUTDOWN_ACTION Action)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Action);
}

/* An NDIS 6.30 driver with handlers that do nothing where nothing need be done; the caller sets the others. */
static inline NDIS_MINIPORT_DRIVER_CHARACTERISTICS MiniportCharacteristics(VOID)
{
    return (NDIS_MINIPORT_DRIVER_CHARACTERISTICS){
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
                   .Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2,
                   .Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .CancelSendHandler = MiniportCancel,
        .DevicePnPEventNotifyHandler = MiniportPnpEvent,
        .ShutdownHandlerEx = MiniportShutdown,
        .CancelOidRequestHandler = MiniportCancel,
    };
}

#endif
