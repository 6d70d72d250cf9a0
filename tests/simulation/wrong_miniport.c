/* SPDX-License-Identifier: MIT */
/*
 * The miniport of scenario NdisRulesFire: a right one, small, that calls every function of host/ndis and pends wherever it
 * may. A case changes what it says of itself, or takes over at one moment (wrong.h). Its code lies in a section of its own,
 * by which a report's place is known to be its.
 */
#include "tests/simulation/wrong.h"

#pragma clang section text = "wrong_code"
#include "tests/miniport.h"
#include "tests/pools.h"

NET_BUFFER_LIST_POOL_PARAMETERS MiniListParameters(VOID)
{
    return PoolOfLists(MINI_TAG);
}

NET_BUFFER_POOL_PARAMETERS MiniBufferParameters(VOID)
{
    return PoolOfBuffers(MINI_TAG);
}

NDIS_STATUS MiniOpenConfiguration(NDIS_HANDLE *Configuration)
{
    NDIS_CONFIGURATION_OBJECT Object = MiniportConfiguration(Mini.Adapter);
    NDIS_STATUS Status;
    MAKE("NdisOpenConfigurationEx", Status = NdisOpenConfigurationEx(&Object, Configuration));
    return Status;
}

static NTSTATUS Request(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

NDIS_DEVICE_OBJECT_ATTRIBUTES MiniDeviceAttributes(VOID)
{
    static UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\WrongMiniport");
    static UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\WrongMiniport");
    static UNICODE_STRING Sddl = RTL_CONSTANT_STRING(L"D:P(A;;GA;;;SY)");
    static PDRIVER_DISPATCH Dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1] = {
        [IRP_MJ_CREATE] = Request, [IRP_MJ_CLEANUP] = Request, [IRP_MJ_CLOSE] = Request};
    return (NDIS_DEVICE_OBJECT_ATTRIBUTES){.Header = {.Type = NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES,
                                                      .Revision = NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1,
                                                      .Size = NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1},
                                           .DeviceName = &Name,
                                           .SymbolicName = &Link,
                                           .MajorFunctions = Dispatch,
                                           .ExtensionSize = 8,
                                           .DefaultSDDLString = &Sddl};
}

NDIS_STATUS MiniRegisterDevice(NDIS_HANDLE *Registration, DEVICE_OBJECT **Device)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = MiniDeviceAttributes();
    NDIS_STATUS Status;
    MAKE("NdisRegisterDeviceEx", Status = NdisRegisterDeviceEx(Mini.Driver, &Attributes, Device, Registration));
    return Status;
}

/* The kept memory lies in front of the packet, so that there is room to retreat into. */
#define ROOM 32

NET_BUFFER_LIST *MiniList(VOID)
{
    PUCHAR Data = ExAllocatePoolWithTag(NonPagedPoolNx, ROOM + 100, MINI_TAG);
    PacketMake(Data + ROOM, 100, FALSE, 0, 0);
    MDL *Mdl;
    MAKE("NdisAllocateMdl", Mdl = NdisAllocateMdl(Mini.Adapter, Data, ROOM + 100));
    NET_BUFFER_LIST *List;
    MAKE("NdisAllocateNetBufferAndNetBufferList",
         List = NdisAllocateNetBufferAndNetBufferList(Mini.ListPool, 0, 0, Mdl, ROOM, 100));
    List->SourceHandle = Mini.Adapter;
    NdisSetNblFlag(List, NDIS_NBL_FLAGS_IS_IPV4);
    NET_BUFFER_LIST_INFO(List, NetBufferListFrameType) = (PVOID)(ULONG_PTR)RtlUshortByteSwap(0x0800);
    return List;
}

VOID MiniFreeList(NET_BUFFER_LIST *List)
{
    MDL *Mdl = List->FirstNetBuffer->MdlChain;
    PVOID Data = MmGetMdlVirtualAddress(Mdl);
    MAKE("NdisFreeNetBufferList", NdisFreeNetBufferList(List));
    MAKE("NdisFreeMdl", NdisFreeMdl(Mdl));
    ExFreePoolWithTag(Data, MINI_TAG);
}

VOID MiniIndicate(NET_BUFFER_LIST *Lists, ULONG Count, ULONG Flags)
{
    MAKE("NdisMIndicateReceiveNetBufferLists",
         NdisMIndicateReceiveNetBufferLists(Mini.Adapter, Lists, NDIS_DEFAULT_PORT_NUMBER, Count, Flags));
}

NDIS_STATUS_INDICATION MiniLinkState(const NDIS_LINK_STATE *State)
{
    return (NDIS_STATUS_INDICATION){.Header = {.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION,
                                               .Revision = NDIS_STATUS_INDICATION_REVISION_1,
                                               .Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
                                    .SourceHandle = Mini.Adapter,
                                    .StatusCode = NDIS_STATUS_LINK_STATE,
                                    .StatusBuffer = (PVOID)State,
                                    .StatusBufferSize = sizeof(*State)};
}

static VOID Configuration(VOID)
{
    NDIS_STRING Keyword = NDIS_STRING_CONST("Number");
    NDIS_CONFIGURATION_PARAMETER Number = {.ParameterType = NdisParameterInteger, .ParameterData.IntegerData = 7},
                                 *Read = NULL;
    NDIS_HANDLE Handle;
    LabEqual(MiniOpenConfiguration(&Handle), NDIS_STATUS_SUCCESS);
    NDIS_STATUS Status;
    MAKE("NdisWriteConfiguration", NdisWriteConfiguration(&Status, Handle, &Keyword, &Number));
    LabEqual(Status, NDIS_STATUS_SUCCESS);
    MAKE("NdisReadConfiguration", NdisReadConfiguration(&Status, &Read, Handle, &Keyword, NdisParameterInteger));
    LabEqual(Status, NDIS_STATUS_SUCCESS);
    LabEqual(Read->ParameterData.IntegerData, 7);
    MAKE("NdisCloseConfiguration", NdisCloseConfiguration(Handle));
}

static VOID NTAPI Ticks(PVOID Dpc, PVOID Context, PVOID First, PVOID Second)
{
    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(First);
    UNREFERENCED_PARAMETER(Second);
    KeSetEvent(Context, 0, FALSE);
    MiniLeave("NetTimerCallback");
}

static VOID Timers(VOID)
{
    KEVENT Ticked;
    NDIS_TIMER_CHARACTERISTICS Characteristics = {.Header = {.Type = NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
                                                             .Revision = NDIS_TIMER_CHARACTERISTICS_REVISION_1,
                                                             .Size = NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1},
                                                  .AllocationTag = MINI_TAG,
                                                  .TimerFunction = Ticks,
                                                  .FunctionContext = &Ticked};
    KeInitializeEvent(&Ticked, NotificationEvent, FALSE);
    NDIS_STATUS Status;
    NDIS_HANDLE Timer;
    MAKE("NdisAllocateTimerObject", Status = NdisAllocateTimerObject(Mini.Adapter, &Characteristics, &Timer));
    LabEqual(Status, NDIS_STATUS_SUCCESS);
    MAKE("NdisSetTimerObject", NdisSetTimerObject(Timer, (LARGE_INTEGER){.QuadPart = -1}, 1, NULL));
    KeWaitForSingleObject(&Ticked, Executive, KernelMode, FALSE, NULL);
    MAKE("NdisCancelTimerObject", NdisCancelTimerObject(Timer));
    KeFlushQueuedDpcs();
    MAKE("NdisFreeTimerObject", NdisFreeTimerObject(Timer));
}

static VOID Buffers(VOID)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = MiniListParameters();
    NET_BUFFER_LIST *List = MiniList();
    NET_BUFFER *Buffer = List->FirstNetBuffer;
    MAKE("NdisRetreatNetBufferDataStart", NdisRetreatNetBufferDataStart(Buffer, 8, 0, NULL));
    MAKE("NdisAdvanceNetBufferDataStart", NdisAdvanceNetBufferDataStart(Buffer, 8, FALSE, NULL));
    MAKE("NdisRetreatNetBufferListDataStart", NdisRetreatNetBufferListDataStart(List, 8, 0, NULL, NULL));
    MAKE("NdisAdvanceNetBufferListDataStart", NdisAdvanceNetBufferListDataStart(List, 8, FALSE, NULL));
    MAKE("NdisAdjustNetBufferCurrentMdl", NdisAdjustNetBufferCurrentMdl(Buffer));
    PVOID Data;
    MAKE("NdisGetDataBuffer", Data = NdisGetDataBuffer(Buffer, 20, NULL, 1, 0));
    LabCheck(Data != NULL, "no data");
    MiniFreeList(List);
    NET_BUFFER *Single;
    MAKE("NdisAllocateNetBuffer", Single = NdisAllocateNetBuffer(Mini.BufferPool, NULL, 0, 0));
    MAKE("NdisFreeNetBuffer", NdisFreeNetBuffer(Single));
    NET_BUFFER_POOL_PARAMETERS BufferParameters = MiniBufferParameters();
    BufferParameters.DataSize = 64;
    NDIS_HANDLE DataPool = NdisAllocateNetBufferPool(Mini.Adapter, &BufferParameters);
    MAKE("NdisAllocateNetBufferMdlAndData", Single = NdisAllocateNetBufferMdlAndData(DataPool));
    ULONG Copied;
    MAKE("NdisCopyFromNetBufferToNetBuffer", NdisCopyFromNetBufferToNetBuffer(Single, 0, 1, Single, 0, &Copied));
    NdisFreeNetBuffer(Single);
    NdisFreeNetBufferPool(DataPool);
    Parameters.DataSize = 64;
    NDIS_HANDLE Pool = NdisAllocateNetBufferListPool(Mini.Adapter, &Parameters);
    MAKE("NdisAllocateNetBufferList", List = NdisAllocateNetBufferList(Pool, 0, 0));
    MAKE("NdisAllocateNetBufferListContext", NdisAllocateNetBufferListContext(List, 16, 0, MINI_TAG));
    MAKE("NdisFreeNetBufferListContext", NdisFreeNetBufferListContext(List, 16));
    NdisFreeNetBufferList(List);
    NdisFreeNetBufferListPool(Pool);
}

/* A little of everything. */
VOID MiniWork(VOID)
{
    NDIS_LINK_STATE State = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                        .Revision = NDIS_LINK_STATE_REVISION_1,
                                        .Size = NDIS_SIZEOF_LINK_STATE_REVISION_1},
                             .MediaConnectState = MediaConnectStateConnected};
    NDIS_STATUS_INDICATION Indication = MiniLinkState(&State);
    DEVICE_OBJECT *Pdo;
    MAKE("NdisMGetDeviceProperty", NdisMGetDeviceProperty(Mini.Adapter, &Pdo, NULL, NULL, NULL, NULL));
    MAKE("NdisMIndicateStatusEx", NdisMIndicateStatusEx(Mini.Adapter, &Indication));
    NDIS_STRING Name;
    MAKE("NdisMQueryAdapterInstanceName", NdisMQueryAdapterInstanceName(&Name, Mini.Adapter));
    NdisFreeMemory(Name.Buffer, 0, 0);
    PVOID Memory;
    MAKE("NdisAllocateMemoryWithTagPriority",
         Memory = NdisAllocateMemoryWithTagPriority(Mini.Adapter, 100, MINI_TAG, NormalPoolPriority));
    MAKE("NdisFreeMemory", NdisFreeMemory(Memory, 100, 0));
    NDIS_GENERIC_OBJECT *Generic;
    MAKE("NdisAllocateGenericObject", Generic = NdisAllocateGenericObject(Mini.DriverObject, MINI_TAG, 8));
    MAKE("NdisFreeGenericObject", NdisFreeGenericObject(Generic));
    NDIS_EVENT Event;
    NdisInitializeEvent(&Event);
    MAKE("NdisSetEvent", NdisSetEvent(&Event));
    MAKE("NdisWaitEvent", NdisWaitEvent(&Event, 1000));
    MAKE("NdisResetEvent", NdisResetEvent(&Event));
    MAKE("NdisMSleep", NdisMSleep(100));
    DEVICE_OBJECT *Device;
    NDIS_HANDLE Registration;
    LabEqual(MiniRegisterDevice(&Registration, &Device), NDIS_STATUS_SUCCESS);
    LabCheck(NdisGetDeviceReservedExtension(Device) != NULL, "no extension");
    MAKE("NdisDeregisterDeviceEx", NdisDeregisterDeviceEx(Registration));
    Configuration();
    Timers();
    Buffers();
    ULONG Before = Mini.FiltersSet;
    HostHangCheck(Mini.Adapter);
    LabCheck(Mini.FiltersSet > Before, "the packet filter is not set again");
    MiniIndicate(MiniList(), 1, 0);
}

/* ---- Its handlers */

static NDIS_STATUS SetAttributes(_In_ PVOID Attributes)
{
    NDIS_STATUS Status;
    MAKE("NdisMSetMiniportAttributes", Status = NdisMSetMiniportAttributes(Mini.Adapter, Attributes));
    return Status;
}

NDIS_OFFLOAD MiniOffload(VOID)
{
    return (NDIS_OFFLOAD){.Header = {.Type = NDIS_OBJECT_TYPE_OFFLOAD,
                                     .Revision = NDIS_OFFLOAD_REVISION_1,
                                     .Size = NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1}};
}

static NDIS_STATUS SetAllAttributes(VOID)
{
    Mini.Registration = MiniportRegistration(&Mini);
    Mini.Registration.CheckForHangTimeInSeconds = 3600; /* MiniWork asks */
    Mini.General = MiniportGeneral(1500);
    MiniReach(AtRegistration);
    NDIS_STATUS Status = Mini.Handled ? NDIS_STATUS_SUCCESS : SetAttributes(&Mini.Registration);
    MiniReach(AtGeneral);
    if (Status == NDIS_STATUS_SUCCESS && !Mini.Handled)
        Status = SetAttributes(&Mini.General);
    NDIS_OFFLOAD Offload = MiniOffload();
    NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES Attributes = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1,
                   .Size = NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1},
        .DefaultOffloadConfiguration = &Offload,
        .HardwareOffloadCapabilities = &Offload};
    if (Status == NDIS_STATUS_SUCCESS && !Mini.Handled)
        Status = SetAttributes(&Attributes);
    Mini.Handled = FALSE;
    return Status;
}

/* What MiniportSetOptions does; a driver may do it anew. */
static VOID SetOptionalHandlers(VOID)
{
    NDIS_MINIPORT_PNP_CHARACTERISTICS Pnp = MiniPnpCharacteristics();
    NDIS_STATUS Status;
    MAKE("NdisSetOptionalHandlers", Status = NdisSetOptionalHandlers(Mini.Driver, &Pnp.Header));
    LabEqual(Status, NDIS_STATUS_SUCCESS);
}

static NDIS_STATUS SetOptions(NDIS_HANDLE Handle, NDIS_HANDLE Context)
{
    NDIS_OBJECT_HEADER Other = {.Type = NDIS_OBJECT_TYPE_MINIPORT_SS_CHARACTERISTICS, .Revision = 1, .Size = 100};
    if (KeGetCurrentIrql() != PASSIVE_LEVEL)
        return NDIS_STATUS_SUCCESS; /* the case is that it registers so: one rule is broken, not two */
    Mini.Driver = Handle;
    LabEqual(NdisSetOptionalHandlers(Handle, &Other), NDIS_STATUS_SUCCESS);
    Other.Type = NDIS_OBJECT_TYPE_DEFAULT;
    LabEqual(NdisSetOptionalHandlers(Handle, &Other), NDIS_STATUS_FAILURE);
    SetOptionalHandlers();
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS AddDevice(NDIS_HANDLE Handle, NDIS_HANDLE Context)
{
    Mini.Adapter = Handle;
    Mini.AddDevice = (NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES){
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1,
                   .Size = NDIS_SIZEOF_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1},
        .MiniportAddDeviceContext = &Mini.AddDevice};
    MiniReach(AtAddDevice);
    SetAttributes(&Mini.AddDevice);
    MiniLeave("MiniportAddDevice");
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS StartDevice(NDIS_HANDLE Context, PIRP Irp)
{
    LabCheck(!Context || Context == &Mini.AddDevice, "another context");
    LabEqual(IoGetCurrentIrpStackLocation(Irp)->MinorFunction, IRP_MN_START_DEVICE);
    MiniLeave("MiniportStartDevice");
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS FilterResourceRequirements(NDIS_HANDLE Context, PIRP Irp)
{
    LabCheck(FALSE, "nobody has resources");
    return NDIS_STATUS_SUCCESS;
}

static VOID RemoveDevice(NDIS_HANDLE Context)
{
    LabCheck(!Context || Context == &Mini.AddDevice, "another context");
    MiniLeave("MiniportRemoveDevice");
}

NDIS_MINIPORT_PNP_CHARACTERISTICS MiniPnpCharacteristics(VOID)
{
    return (NDIS_MINIPORT_PNP_CHARACTERISTICS){.Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS,
                                                          .Revision = NDIS_MINIPORT_PNP_CHARACTERISTICS_REVISION_1,
                                                          .Size = NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1},
                                               .MiniportAddDeviceHandler = AddDevice,
                                               .MiniportRemoveDeviceHandler = RemoveDevice,
                                               .MiniportFilterResourceRequirementsHandler = FilterResourceRequirements,
                                               .MiniportStartDeviceHandler = StartDevice};
}

/* Pends, completes at once, and wants its settings again. */
static NDIS_STATUS Reset(NDIS_HANDLE Context, PBOOLEAN AddressingReset)
{
    *AddressingReset = FALSE;
    MAKE("NdisMResetComplete", NdisMResetComplete(Mini.Adapter, NDIS_STATUS_SUCCESS, TRUE));
    MiniLeave("MiniportResetEx");
    return NDIS_STATUS_PENDING;
}

static BOOLEAN CheckForHang(NDIS_HANDLE Context)
{
    MiniLeave("MiniportCheckForHangEx");
    return TRUE;
}

static NDIS_STATUS Initialize(NDIS_HANDLE Handle, NDIS_HANDLE Context, PNDIS_MINIPORT_INIT_PARAMETERS Parameters)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Lists = MiniListParameters();
    NET_BUFFER_POOL_PARAMETERS Buffers = MiniBufferParameters();
    Mini.Adapter = Handle;
    Mini.Status = SetAllAttributes();
    MAKE("NdisAllocateNetBufferListPool", Mini.ListPool = NdisAllocateNetBufferListPool(Handle, &Lists));
    MAKE("NdisAllocateNetBufferPool", Mini.BufferPool = NdisAllocateNetBufferPool(Handle, &Buffers));
    MiniReach(AtInitialized);
    if (Mini.Status != NDIS_STATUS_SUCCESS)
    {
        NdisFreeNetBufferPool(Mini.BufferPool);
        NdisFreeNetBufferListPool(Mini.ListPool);
    }
    MiniLeave("MiniportInitializeEx");
    return Mini.Status;
}

static VOID Halt(NDIS_HANDLE Context, NDIS_HALT_ACTION Action)
{
    MiniReach(AtHalt);
    MAKE("NdisFreeNetBufferPool", NdisFreeNetBufferPool(Mini.BufferPool));
    if (Mini.ListPool)
        MAKE("NdisFreeNetBufferListPool", NdisFreeNetBufferListPool(Mini.ListPool));
    MiniLeave("MiniportHaltEx");
}

/* Pends, and completes at once: both are allowed. */
static NDIS_STATUS Restart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    Mini.Status = NDIS_STATUS_PENDING;
    MiniReach(AtRestart);
    if (!Mini.Handled)
        MAKE("NdisMRestartComplete", NdisMRestartComplete(Mini.Adapter, NDIS_STATUS_SUCCESS));
    Mini.Handled = FALSE;
    MiniLeave("MiniportRestart");
    return Mini.Status;
}

static NDIS_STATUS Pause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    Mini.Status = NDIS_STATUS_PENDING;
    MiniReach(AtPause);
    if (Mini.Succeed)
        Mini.Status = NDIS_STATUS_SUCCESS;
    else if (!Mini.Handled)
        MAKE("NdisMPauseComplete", NdisMPauseComplete(Mini.Adapter));
    Mini.Handled = FALSE;
    MiniLeave("MiniportPause");
    return Mini.Status;
}

static ULONG AnswerLength(_In_ NDIS_OID Oid, _In_ ULONG Room)
{
    switch (Oid)
    {
    case OID_GEN_STATISTICS:
        return NDIS_SIZEOF_STATISTICS_INFO_REVISION_1;
    case OID_GEN_INTERRUPT_MODERATION:
        return NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    case OID_GEN_XMIT_OK:
    case OID_GEN_RCV_OK:
        return Room >= sizeof(ULONG) && Room < sizeof(ULONG64) ? sizeof(ULONG) : sizeof(ULONG64);
    case OID_GEN_CURRENT_LOOKAHEAD:
    case OID_GEN_CURRENT_PACKET_FILTER:
    case OID_GEN_MAXIMUM_TOTAL_SIZE:
    case OID_GEN_RECEIVE_BLOCK_SIZE:
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
    case OID_GEN_RECEIVE_BUFFER_SPACE:
    case OID_GEN_TRANSMIT_BUFFER_SPACE:
    case OID_GEN_VENDOR_DESCRIPTION:
    case OID_GEN_VENDOR_DRIVER_VERSION:
    case OID_GEN_VENDOR_ID:
    case OID_PNP_SET_POWER:
        return sizeof(ULONG);
    case OID_GEN_LINK_PARAMETERS:
        return NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1;
    default:
        return 0;
    }
}

static NDIS_STATUS Answer(_Inout_ NDIS_OID_REQUEST *Request)
{
    BOOLEAN Set = Request->RequestType == NdisRequestSetInformation;
    NDIS_OID Oid = Request->DATA.QUERY_INFORMATION.Oid; /* lies where a set's does, as do buffer and length */
    ULONG Room = Request->DATA.QUERY_INFORMATION.InformationBufferLength, Length = AnswerLength(Oid, Room);
    if (Oid == OID_PNP_QUERY_POWER)
        return NDIS_STATUS_SUCCESS;
    if (!Length)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (Oid == OID_GEN_XMIT_OK || Oid == OID_GEN_RCV_OK)
        Request->DATA.QUERY_INFORMATION.BytesNeeded = sizeof(ULONG64);
    if (Room < Length)
    {
        *(Set ? &Request->DATA.SET_INFORMATION.BytesNeeded : &Request->DATA.QUERY_INFORMATION.BytesNeeded) = Length;
        return NDIS_STATUS_INVALID_LENGTH;
    }
    if (Set)
    {
        Request->DATA.SET_INFORMATION.BytesRead = Length;
        return NDIS_STATUS_SUCCESS;
    }
    memset(Request->DATA.QUERY_INFORMATION.InformationBuffer, 0, Length);
    Request->DATA.QUERY_INFORMATION.BytesWritten = Length;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS OidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    Mini.Request = Request;
    Mini.Status = Answer(Request);
    if (Request->DATA.SET_INFORMATION.Oid == OID_GEN_CURRENT_PACKET_FILTER &&
        Request->RequestType == NdisRequestSetInformation && Mini.Status == NDIS_STATUS_SUCCESS)
        Mini.FiltersSet++;
    MiniReach(AtOid);
    if (!Mini.Handled)
    {
        MAKE("NdisMOidRequestComplete", NdisMOidRequestComplete(Mini.Adapter, Request, Mini.Status));
        Mini.Status = NDIS_STATUS_PENDING;
    }
    Mini.Handled = FALSE;
    MiniLeave("MiniportOidRequest");
    return Mini.Status;
}

static VOID Send(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, NDIS_PORT_NUMBER Port, ULONG Flags)
{
    Mini.Lists = Lists;
    if (Mini.Hold)
    {
        Mini.Kept = Lists;
        return;
    }
    MiniReach(AtSend);
    if (!Mini.Handled)
        MAKE("NdisMSendNetBufferListsComplete", NdisMSendNetBufferListsComplete(Mini.Adapter, Lists, 0));
    Mini.Handled = FALSE;
    MiniLeave("MiniportSendNetBufferLists");
}

static VOID Return(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, ULONG Flags)
{
    Mini.Lists = Lists;
    MiniReach(AtReturn);
    while (Lists && !Mini.Handled)
    {
        NET_BUFFER_LIST *Next = Lists->Next;
        MiniFreeList(Lists);
        Lists = Next;
    }
    Mini.Handled = FALSE;
    MiniLeave("MiniportReturnNetBufferLists");
}

static VOID PnpEvent(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    MiniLeave("MiniportDevicePnPEventNotify");
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    MiniReach(AtUnload);
    if (!Mini.Handled)
        MAKE("NdisMDeregisterMiniportDriver", NdisMDeregisterMiniportDriver(Mini.Driver));
    Mini.Handled = FALSE;
    MiniLeave("MiniportDriverUnload");
}

NTSTATUS MiniEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    Mini.DriverObject = DriverObject;
    Mini.Characteristics = MiniportCharacteristics();
    Mini.Characteristics.SetOptionsHandler = SetOptions;
    Mini.Characteristics.CheckForHangHandlerEx = CheckForHang;
    Mini.Characteristics.ResetHandlerEx = Reset;
    Mini.Characteristics.InitializeHandlerEx = Initialize;
    Mini.Characteristics.HaltHandlerEx = Halt;
    Mini.Characteristics.UnloadHandler = Unload;
    Mini.Characteristics.PauseHandler = Pause;
    Mini.Characteristics.RestartHandler = Restart;
    Mini.Characteristics.OidRequestHandler = OidRequest;
    Mini.Characteristics.SendNetBufferListsHandler = Send;
    Mini.Characteristics.ReturnNetBufferListsHandler = Return;
    Mini.Characteristics.DevicePnPEventNotifyHandler = PnpEvent;
    MiniReach(AtRegister);
    NTSTATUS Status;
    MAKE("NdisMRegisterMiniportDriver",
         Status = NdisMRegisterMiniportDriver(DriverObject, RegistryPath, NULL, &Mini.Characteristics, &Mini.Driver));
    return Status;
}
