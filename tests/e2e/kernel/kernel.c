/* SPDX-License-Identifier: MIT */
/*
 * kernel.sys: a small miniport that tries the kernel and the NDIS that it finds itself in, from within. Its hardware ID
 * (kernel.inf) chooses by the keyword `Wrong` what it does wrong on purpose; with none it runs its tests when it is
 * initialised and prints "test NAME ok" or "test NAME FAILED at LINE". It returns what it is sent to the stack.
 */
#include "tests/e2e/kernel/kernel.h"

static NDIS_HANDLE Driver;

DRIVER_INITIALIZE DriverEntry;

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

BOOLEAN Wrong(const ADAPTER *Adapter, PCSTR What)
{
    ULONG I = 0;
    while (What[I] && (WCHAR)What[I] == Adapter->Wrong[I])
        I++;
    return !What[I] && !Adapter->Wrong[I];
}

/* The keyword `Wrong` of the adapter's driver key. */
static VOID ReadWrong(_Inout_ ADAPTER *Adapter)
{
    NDIS_CONFIGURATION_OBJECT Object = {.Header = {.Type = NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT,
                                                   .Revision = NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                   .Size = NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                        .NdisHandle = Adapter->Handle};
    NDIS_STRING Keyword = NDIS_STRING_CONST("Wrong");
    NDIS_HANDLE Configuration;
    if (NdisOpenConfigurationEx(&Object, &Configuration) != NDIS_STATUS_SUCCESS)
        return;
    NDIS_CONFIGURATION_PARAMETER *Value;
    NDIS_STATUS Status;
    NdisReadConfiguration(&Status, &Value, Configuration, &Keyword, NdisParameterString);
    if (Status == NDIS_STATUS_SUCCESS)
    {
        UNICODE_STRING *String = &Value->ParameterData.StringData;
        for (ULONG I = 0; I < String->Length / sizeof(WCHAR) && I < RTL_NUMBER_OF(Adapter->Wrong) - 1; I++)
            Adapter->Wrong[I] = String->Buffer[I];
    }
    if (!Wrong(Adapter, "configuration"))
        NdisCloseConfiguration(Configuration);
}

static NDIS_STATUS SetAttributes(_Inout_ ADAPTER *Adapter)
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
        .MediaType = Wrong(Adapter, "medium") ? NdisMedium802_3 : NdisMediumIP,
        .PhysicalMediumType = NdisPhysicalMediumUnspecified,
        .MtuSize = 1500,
        .MaxXmitLinkSpeed = 1000000000,
        .XmitLinkSpeed = 1000000000,
        .MaxRcvLinkSpeed = 1000000000,
        .RcvLinkSpeed = 1000000000,
        .MediaConnectState = MediaConnectStateConnected,
        .MediaDuplexState = MediaDuplexStateFull,
        .LookaheadSize = 1500,
        .MacOptions = NDIS_MAC_OPTION_TRANSFERS_NOT_PEND | NDIS_MAC_OPTION_NO_LOOPBACK,
        .SupportedPacketFilters =
            NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_BROADCAST,
        .AccessType = NET_IF_ACCESS_POINT_TO_POINT,
        .DirectionType = NET_IF_DIRECTION_SENDRECEIVE,
        .ConnectionType = NET_IF_CONNECTION_DEDICATED,
        .IfType = IF_TYPE_PROP_VIRTUAL,
        .SupportedOidList = (NDIS_OID *)Oids,
        .SupportedOidListLength = Wrong(Adapter, "mandatory") ? sizeof(NDIS_OID) : sizeof(Oids),
    };
    NDIS_STATUS Status = NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&Registration);
    if (Status != NDIS_STATUS_SUCCESS || Wrong(Adapter, "attributes"))
        return Status;
    return NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&General);
}

/* What can be done wrong at any time. */
static VOID Misbehave(_In_ ADAPTER *Adapter)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\KernelWrong");
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\KernelWrong");
    PDRIVER_DISPATCH Dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1] = {NULL};
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = {.Header = {.Type = NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES,
                                                           .Revision = NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1,
                                                           .Size = NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1},
                                                .DeviceName = &Name,
                                                .SymbolicName = &Link,
                                                .MajorFunctions = Dispatch};
    NDIS_STATUS_INDICATION Indication = {.Header = {.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION,
                                                    .Revision = NDIS_STATUS_INDICATION_REVISION_1,
                                                    .Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1}};
    DEVICE_OBJECT *Device;
    if (Wrong(Adapter, "irql"))
    {
        KIRQL Irql;
        KeRaiseIrql(DISPATCH_LEVEL, &Irql);
        NdisMGetDeviceProperty(Adapter->Handle, &Device, NULL, NULL, NULL, NULL);
        KeLowerIrql(Irql);
    }
    else if (Wrong(Adapter, "sddl"))
    {
        NDIS_HANDLE Registration;
        NdisRegisterDeviceEx(Driver, &Attributes, &Device, &Registration);
    }
    else if (Wrong(Adapter, "status"))
    {
        NdisMIndicateStatusEx(Adapter->Handle, &Indication);
    }
    else if (Wrong(Adapter, "mdl"))
    {
        NdisAllocateMdl(Adapter->Handle, Adapter, sizeof(*Adapter));
    }
}

static NDIS_STATUS Initialize(NDIS_HANDLE Handle, NDIS_HANDLE Context, PNDIS_MINIPORT_INIT_PARAMETERS Parameters)
{
    ADAPTER *Adapter = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Adapter), TEST_TAG);
    UNREFERENCED_PARAMETER(Context);
    if (!Adapter)
        return NDIS_STATUS_RESOURCES;
    RtlZeroMemory(Adapter, sizeof(*Adapter));
    Adapter->Handle = Handle;
    Adapter->Driver = Driver;
    ReadWrong(Adapter);
    DbgPrint("kernel: index %u, luid %llx, wrong: %.15ls\n", (unsigned)Parameters->IfIndex,
             (unsigned long long)Parameters->NetLuid.Value, Adapter->Wrong);
    NDIS_STATUS Status = SetAttributes(Adapter);
    if (Status != NDIS_STATUS_SUCCESS || !TestData(Adapter))
    {
        ExFreePoolWithTag(Adapter, TEST_TAG);
        return Status != NDIS_STATUS_SUCCESS ? Status : NDIS_STATUS_RESOURCES;
    }
    Misbehave(Adapter);
    TestKernel(Adapter);
    return NDIS_STATUS_SUCCESS;
}

static VOID Halt(NDIS_HANDLE Context, NDIS_HALT_ACTION Action)
{
    ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Action);
    TestDataEnd(Adapter);
    if (!Wrong(Adapter, "leak"))
        ExFreePoolWithTag(Adapter, TEST_TAG);
}

static NDIS_STATUS Restart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Parameters);
    TestPended(Adapter, NdisMRestartComplete, NULL);
    return NDIS_STATUS_PENDING;
}

static NDIS_STATUS Pause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Parameters);
    if (Wrong(Adapter, "pause"))
        return NDIS_STATUS_FAILURE;
    TestPended(Adapter, NULL, NdisMPauseComplete);
    return NDIS_STATUS_PENDING;
}

/* Copies what an OID asks for, or says how much room it needs. */
static NDIS_STATUS Answer(_Inout_ NDIS_OID_REQUEST *Request, const VOID *Data, ULONG Length)
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

static NDIS_STATUS Query(_In_ ADAPTER *Adapter, _Inout_ NDIS_OID_REQUEST *Request)
{
    ULONG Length = Request->DATA.QUERY_INFORMATION.InformationBufferLength;
    NDIS_STATISTICS_INFO Statistics = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                  .Revision = NDIS_STATISTICS_INFO_REVISION_1,
                                                  .Size = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1}};
    NDIS_INTERRUPT_MODERATION_PARAMETERS Moderation = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1,
                   .Size = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1},
        .InterruptModeration = NdisInterruptModerationNotSupported,
    };
    ULONG64 Count = 0;
    ULONG Value = 1500;
    switch (Request->DATA.QUERY_INFORMATION.Oid)
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
        return Answer(Request, "kernel", sizeof("kernel"));
    case OID_GEN_MAXIMUM_TOTAL_SIZE:
        if (Wrong(Adapter, "oid"))
        {
            Request->DATA.QUERY_INFORMATION.BytesWritten = 4;
            return NDIS_STATUS_SUCCESS; /* with whatever buffer */
        }
        return Answer(Request, &Value, sizeof(Value));
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

static NDIS_STATUS OidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
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

static VOID CancelOid(NDIS_HANDLE Context, PVOID RequestId)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(RequestId);
}

static VOID CancelSend(NDIS_HANDLE Context, PVOID CancelId)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(CancelId);
}

static VOID PnpEvent(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Event);
}

static VOID Shutdown(NDIS_HANDLE Context, NDIS_SHUTDOWN_ACTION Action)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Action);
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    NdisMDeregisterMiniportDriver(Driver);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
                   .Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2,
                   .Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .InitializeHandlerEx = Initialize,
        .HaltHandlerEx = Halt,
        .UnloadHandler = Unload,
        .PauseHandler = Pause,
        .RestartHandler = Restart,
        .OidRequestHandler = OidRequest,
        .SendNetBufferListsHandler = TestSend,
        .ReturnNetBufferListsHandler = TestReturn,
        .CancelSendHandler = CancelSend,
        .DevicePnPEventNotifyHandler = PnpEvent,
        .ShutdownHandlerEx = Shutdown,
        .CancelOidRequestHandler = CancelOid,
    };
    return NdisMRegisterMiniportDriver(DriverObject, RegistryPath, NULL, &Characteristics, &Driver);
}
