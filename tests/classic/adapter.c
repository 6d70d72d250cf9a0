/* SPDX-License-Identifier: MIT */
/*
 * The classic miniport's handlers for the life of an adapter and its OIDs. NDIS serialises initialize, pause, restart and
 * halt; OIDs come one at a time. PASSIVE_LEVEL, but for the timer's DPC.
 */
#include "tests/classic/classic.h"

#define TICK_MILLISECONDS 20
#define LINK_SPEED        1000000000

static const NDIS_OID Oids[] = {
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

static VOID Tick(PKDPC Dpc, PVOID Context, PVOID First, PVOID Second)
{
    CLASSIC_ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(First);
    UNREFERENCED_PARAMETER(Second);
    InterlockedIncrement64(&Adapter->Ticks);
}

/* "NdisMSetMiniportAttributes function (ndis.h)". */
static NDIS_STATUS SetAttributes(_Inout_ CLASSIC_ADAPTER *Adapter)
{
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES Registration = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                   .Size = NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
        .MiniportAdapterContext = Adapter,
        .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND | NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK,
        .InterfaceType = NdisInterfaceInternal,
    };
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES General = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1,
                   .Size = NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1},
        .MediaType = NdisMediumIP,
        .PhysicalMediumType = NdisPhysicalMediumUnspecified,
        .MtuSize = CLASSIC_PACKET_LIMIT,
        .MaxXmitLinkSpeed = LINK_SPEED,
        .XmitLinkSpeed = LINK_SPEED,
        .MaxRcvLinkSpeed = LINK_SPEED,
        .RcvLinkSpeed = LINK_SPEED,
        .MediaConnectState = MediaConnectStateConnected,
        .MediaDuplexState = MediaDuplexStateFull,
        .LookaheadSize = CLASSIC_PACKET_LIMIT,
        .MacOptions = NDIS_MAC_OPTION_TRANSFERS_NOT_PEND | NDIS_MAC_OPTION_NO_LOOPBACK,
        .SupportedPacketFilters =
            NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_BROADCAST,
        .AccessType = NET_IF_ACCESS_POINT_TO_POINT,
        .DirectionType = NET_IF_DIRECTION_SENDRECEIVE,
        .ConnectionType = NET_IF_CONNECTION_DEDICATED,
        .IfType = IF_TYPE_PROP_VIRTUAL,
        .SupportedOidList = (NDIS_OID *)Oids,
        .SupportedOidListLength = sizeof(Oids),
    };
    NDIS_STATUS Status = NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&Registration);
    return Status == NDIS_STATUS_SUCCESS
               ? NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&General)
               : Status;
}

/* The keyword Forgetful of the adapter's driver key. "NdisReadConfiguration function (ndis.h)". */
static VOID ReadConfiguration(_Inout_ CLASSIC_ADAPTER *Adapter)
{
    NDIS_CONFIGURATION_OBJECT Object = {.Header = {.Type = NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT,
                                                   .Revision = NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                   .Size = NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                        .NdisHandle = Adapter->Handle};
    NDIS_STRING Keyword = NDIS_STRING_CONST("Forgetful");
    NDIS_HANDLE Configuration;
    if (NdisOpenConfigurationEx(&Object, &Configuration) == NDIS_STATUS_SUCCESS)
    {
        NDIS_CONFIGURATION_PARAMETER *Value;
        NDIS_STATUS Status;
        NdisReadConfiguration(&Status, &Value, Configuration, &Keyword, NdisParameterInteger);
        Adapter->Forgetful = Status == NDIS_STATUS_SUCCESS && Value->ParameterData.IntegerData;
        NdisCloseConfiguration(Configuration);
    }
}

NDIS_STATUS ClassicInitialize(NDIS_HANDLE Handle, NDIS_HANDLE Context, PNDIS_MINIPORT_INIT_PARAMETERS Parameters)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Pool = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                       .Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                       .Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                            .fAllocateNetBuffer = TRUE,
                                            .PoolTag = CLASSIC_TAG};
    LARGE_INTEGER Due = {.QuadPart = -10000 * TICK_MILLISECONDS};
    CLASSIC_ADAPTER *Adapter = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Adapter), CLASSIC_TAG);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Parameters);
    if (!Adapter)
        return NDIS_STATUS_RESOURCES;
    RtlZeroMemory(Adapter, sizeof(*Adapter));
    Adapter->Handle = Handle;
    KeInitializeEvent(&Adapter->Running, NotificationEvent, FALSE);
    ExInitializeRundownProtection(&Adapter->Indications);
    ExWaitForRundownProtectionRelease(&Adapter->Indications); /* none before Restart */
    ReadConfiguration(Adapter);
    NDIS_STATUS Status = SetAttributes(Adapter);
    if (Status != NDIS_STATUS_SUCCESS)
        goto freeAdapter;
    NdisMGetDeviceProperty(Handle, &Adapter->Pdo, &Adapter->Fdo, &Adapter->Next, NULL, NULL);
    Adapter->Pool = NdisAllocateNetBufferListPool(Handle, &Pool);
    if (!Adapter->Pool)
    {
        Status = NDIS_STATUS_RESOURCES;
        goto freeAdapter;
    }
    KeInitializeDpc(&Adapter->Tick, Tick, Adapter);
    KeInitializeTimerEx(&Adapter->Timer, NotificationTimer);
    KeSetTimerEx(&Adapter->Timer, Due, TICK_MILLISECONDS, &Adapter->Tick);
    ClassicAddAdapter(Adapter);
    return NDIS_STATUS_SUCCESS;

freeAdapter:
    ExFreePoolWithTag(Adapter, CLASSIC_TAG);
    return Status;
}

VOID ClassicHalt(NDIS_HANDLE Context, NDIS_HALT_ACTION Action)
{
    CLASSIC_ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Action);
    ClassicRemoveAdapter(Adapter);
    KeCancelTimer(&Adapter->Timer);
    KeFlushQueuedDpcs();
    NdisFreeNetBufferListPool(Adapter->Pool);
    ExFreePoolWithTag(Adapter, CLASSIC_TAG);
}

NDIS_STATUS ClassicPause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    CLASSIC_ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Parameters);
    KeClearEvent(&Adapter->Running);
    ExWaitForRundownProtectionRelease(&Adapter->Indications); /* until the stack has returned all */
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS ClassicRestart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    CLASSIC_ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Parameters);
    ExReInitializeRundownProtection(&Adapter->Indications);
    KeSetEvent(&Adapter->Running, IO_NO_INCREMENT, FALSE);
    return NDIS_STATUS_SUCCESS;
}

/* Copies what an OID asks for, or says how much room it needs. */
static NDIS_STATUS Answer(_Inout_ NDIS_OID_REQUEST *Request, _In_ const VOID *Data, _In_ ULONG Length)
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

static NDIS_STATUS Query(_In_ CLASSIC_ADAPTER *Adapter, _Inout_ NDIS_OID_REQUEST *Request)
{
    ULONG Length = Request->DATA.QUERY_INFORMATION.InformationBufferLength;
    NDIS_OID Oid = Request->DATA.QUERY_INFORMATION.Oid;
    NDIS_STATISTICS_INFO Statistics = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                  .Revision = NDIS_STATISTICS_INFO_REVISION_1,
                                                  .Size = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1}};
    NDIS_INTERRUPT_MODERATION_PARAMETERS Moderation = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1,
                   .Size = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1},
        .InterruptModeration = NdisInterruptModerationNotSupported,
    };
    ULONG64 Count = (ULONG64)ReadNoFence64(Oid == OID_GEN_XMIT_OK ? &Adapter->ToProgram : &Adapter->ToDriver);
    ULONG Value = CLASSIC_PACKET_LIMIT;
    switch (Oid)
    {
    case OID_GEN_STATISTICS:
        return Answer(Request, &Statistics, sizeof(Statistics));
    case OID_GEN_INTERRUPT_MODERATION:
        return Answer(Request, &Moderation, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    case OID_GEN_XMIT_OK:
    case OID_GEN_RCV_OK:
        Request->DATA.QUERY_INFORMATION.BytesNeeded = sizeof(Count);
        return Answer(Request, &Count, Length / sizeof(ULONG) == 1 ? sizeof(ULONG) : sizeof(Count));
    case OID_GEN_VENDOR_DESCRIPTION:
        return Answer(Request, "classic", sizeof("classic"));
    case OID_GEN_MAXIMUM_TOTAL_SIZE:
    case OID_GEN_RECEIVE_BLOCK_SIZE:
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
    case OID_GEN_RECEIVE_BUFFER_SPACE:
    case OID_GEN_TRANSMIT_BUFFER_SPACE:
    case OID_GEN_VENDOR_DRIVER_VERSION:
    case OID_GEN_VENDOR_ID:
        return Answer(Request, &Value, sizeof(Value));
    case OID_PNP_QUERY_POWER:
        return NDIS_STATUS_SUCCESS;
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

NDIS_STATUS ClassicOidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    if (Request->RequestType == NdisRequestQueryInformation || Request->RequestType == NdisRequestQueryStatistics)
        return Query(Context, Request);
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
