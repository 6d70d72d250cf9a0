/* SPDX-License-Identifier: MIT */
/*
 * The ways to break a rule of host/ndis, first part: handles, what a miniport says of itself, devices, memory, pools and
 * lists. Each is the least that a miniport can do wrong at a moment of its life, and a line in the table at the end.
 * tests/simulation/wrong.py asks for a case for every demand that host/ndis makes.
 */
#include "tests/simulation/wrong.h"

#pragma clang section text = "wrong_code"

HOST_LIST Nothing;

/* ---- Handles */

static VOID AttributesOfNothing(VOID)
{
    NdisMSetMiniportAttributes(&Nothing, (PVOID)&Mini.Registration);
}

static VOID RestartOfNothing(VOID)
{
    NdisMRestartComplete(&Nothing, NDIS_STATUS_SUCCESS);
}

static VOID PauseOfNothing(VOID)
{
    NdisMPauseComplete(&Nothing);
}

static VOID ResetOfNothing(VOID)
{
    NdisMResetComplete(&Nothing, NDIS_STATUS_SUCCESS, FALSE);
}

static VOID HandlersOfNothing(VOID)
{
    NDIS_MINIPORT_PNP_CHARACTERISTICS Pnp = MiniPnpCharacteristics();
    NdisSetOptionalHandlers(&Nothing, &Pnp.Header);
}

static VOID OidOfNothing(VOID)
{
    NdisMOidRequestComplete(NULL, Mini.Request, NDIS_STATUS_SUCCESS);
}

static VOID PropertyOfNothing(VOID)
{
    NdisMGetDeviceProperty(&Nothing, NULL, NULL, NULL, NULL, NULL);
}

static VOID IndicateForNothing(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisMIndicateReceiveNetBufferLists(&Nothing, List, NDIS_DEFAULT_PORT_NUMBER, 1, 0);
    MiniFreeList(List);
}

static VOID CompleteForNothing(VOID)
{
    NdisMSendNetBufferListsComplete(&Nothing, Mini.Lists, 0);
}

static VOID StatusOfNothing(VOID)
{
    NDIS_STATUS_INDICATION Indication = MiniLinkState(NULL);
    NdisMIndicateStatusEx(&Nothing, &Indication);
}

static VOID DeviceOfNothing(VOID)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = MiniDeviceAttributes();
    DEVICE_OBJECT *Device;
    NDIS_HANDLE Registration;
    NdisRegisterDeviceEx(&Nothing, &Attributes, &Device, &Registration);
}

static VOID DeregisterNothing(VOID)
{
    NdisMDeregisterMiniportDriver(&Nothing);
}

static VOID ConfigurationOfNothing(VOID)
{
    NDIS_HANDLE Adapter = Mini.Adapter;
    Mini.Adapter = &Nothing;
    NDIS_HANDLE Configuration;
    MiniOpenConfiguration(&Configuration);
    Mini.Adapter = Adapter;
}

static VOID ShortConfiguration(VOID)
{
    NDIS_CONFIGURATION_OBJECT Object = {.Header = {.Type = NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, .Revision = 1},
                                        .NdisHandle = Mini.Adapter};
    NDIS_HANDLE Configuration;
    NdisOpenConfigurationEx(&Object, &Configuration);
}

static VOID MdlForNothing(VOID)
{
    NdisAllocateMdl(&Nothing, &Nothing, 10);
}

static VOID MemoryForNothing(VOID)
{
    NdisAllocateMemoryWithTagPriority(&Nothing, 10, MINI_TAG, NormalPoolPriority);
}

static VOID ListPoolForNothing(VOID)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = MiniListParameters();
    NdisFreeNetBufferListPool(NdisAllocateNetBufferListPool(&Nothing, &Parameters));
}

static VOID BufferPoolForNothing(VOID)
{
    NET_BUFFER_POOL_PARAMETERS Parameters = MiniBufferParameters();
    NdisFreeNetBufferPool(NdisAllocateNetBufferPool(&Nothing, &Parameters));
}

static VOID CloseNothing(VOID)
{
    NdisCloseConfiguration(&Nothing);
}

static VOID ReadNothing(VOID)
{
    NDIS_STRING Keyword = NDIS_STRING_CONST("Number");
    NDIS_CONFIGURATION_PARAMETER *Value;
    NDIS_STATUS Status;
    NdisReadConfiguration(&Status, &Value, &Nothing, &Keyword, NdisParameterInteger);
}

static VOID WriteNothing(VOID)
{
    NDIS_STRING Keyword = NDIS_STRING_CONST("Number");
    NDIS_CONFIGURATION_PARAMETER Value = {.ParameterType = NdisParameterInteger};
    NDIS_STATUS Status;
    NdisWriteConfiguration(&Status, &Nothing, &Keyword, &Value);
}

static VOID DeregisterNoDevice(VOID)
{
    NdisDeregisterDeviceEx(&Nothing);
}

static VOID ExtensionOfNoDevice(VOID)
{
    DEVICE_OBJECT Device = {.DeviceExtension = &Nothing};
    NdisGetDeviceReservedExtension(&Device);
}

static VOID FreeNoGeneric(VOID)
{
    NdisFreeGenericObject((PVOID)&Nothing);
}

static VOID FreeNoMdl(VOID)
{
    NdisFreeMdl(IoAllocateMdl(&Nothing, 10, FALSE, FALSE, NULL));
}

static VOID FreeNoMemory(VOID)
{
    NdisFreeMemory(&Nothing, 10, 0);
}

static VOID FreeNoListPool(VOID)
{
    NdisFreeNetBufferListPool(Mini.BufferPool);
}

static VOID FreeNoBufferPool(VOID)
{
    NdisFreeNetBufferPool(Mini.ListPool);
}

static VOID ListAndBufferFromNoPool(VOID)
{
    NdisAllocateNetBufferAndNetBufferList(&Nothing, 0, 0, NULL, 0, 0);
}

static VOID ListFromNoPool(VOID)
{
    NdisAllocateNetBufferList(&Nothing, 0, 0);
}

static VOID BufferFromNoPool(VOID)
{
    NdisAllocateNetBuffer(Mini.ListPool, NULL, 0, 0);
}

static VOID BufferWithDataFromNoPool(VOID)
{
    NdisAllocateNetBufferMdlAndData(Mini.ListPool);
}

static VOID ContextOfNoList(VOID)
{
    NdisAllocateNetBufferListContext(&Nothing.List, 16, 0, MINI_TAG);
}

static VOID FreeContextOfNoList(VOID)
{
    NdisFreeNetBufferListContext(&Nothing.List, 16);
}

static VOID NameOfNothing(VOID)
{
    NDIS_STRING Name;
    NdisMQueryAdapterInstanceName(&Name, &Nothing);
}

static VOID FreeNoList(VOID)
{
    NdisFreeNetBufferList(&Nothing.List);
}

static VOID FreeNoBuffer(VOID)
{
    NdisFreeNetBuffer(&Nothing.Embedded.Buffer);
}

/* ---- Registering, and what a miniport says of itself */

static VOID ShortHandlers(VOID)
{
    NDIS_MINIPORT_PNP_CHARACTERISTICS Pnp = MiniPnpCharacteristics();
    Pnp.Header.Size = 8;
    NdisSetOptionalHandlers(Mini.Driver, &Pnp.Header);
}

static VOID ShortAddDevice(VOID)
{
    Mini.AddDevice.Header.Size = 8;
}

static VOID AddDeviceLate(VOID)
{
    NdisMSetMiniportAttributes(Mini.Adapter, (PVOID)&Mini.AddDevice);
}

static VOID ShortCharacteristics(VOID)
{
    Mini.Characteristics.Header.Size = 8;
}

static VOID NoPauseHandler(VOID)
{
    Mini.Characteristics.PauseHandler = NULL;
}

static VOID ShortRegistration(VOID)
{
    Mini.Registration.Header.Size = 8;
}

static VOID OfferOffload(_In_opt_ NDIS_OFFLOAD *Hardware, _In_ USHORT Less)
{
    NDIS_OFFLOAD Offload = MiniOffload();
    NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES Attributes = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1,
                   .Size = (USHORT)(NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1 - Less)},
        .DefaultOffloadConfiguration = &Offload,
        .HardwareOffloadCapabilities = Hardware};
    NDIS_STATUS Status = NdisMSetMiniportAttributes(Mini.Adapter, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&Attributes);
    LabEqual(Status, NDIS_STATUS_INVALID_PARAMETER);
}

static VOID ShortOffloadAttributes(VOID)
{
    NDIS_OFFLOAD Offload = MiniOffload();
    OfferOffload(&Offload, 1);
}

static VOID NoOffload(VOID)
{
    OfferOffload(NULL, 0);
}

static VOID ShortOffload(VOID)
{
    NDIS_OFFLOAD Offload = MiniOffload();
    Offload.Header.Size = NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1 - 1;
    OfferOffload(&Offload, 0);
}

static VOID ShortGeneral(VOID)
{
    Mini.General.Header.Size = 8;
}

static VOID GeneralFirst(VOID)
{
    NdisMSetMiniportAttributes(Mini.Adapter, (PVOID)&Mini.General);
}

static VOID SmallMtu(VOID)
{
    Mini.General.MtuSize = 20;
}

static VOID Ethernet(VOID)
{
    Mini.General.MediaType = NdisMedium802_3;
}

static VOID ListsLess(VOID)
{
    Mini.General.SupportedOidList += 3;
    Mini.General.SupportedOidListLength -= 3 * sizeof(NDIS_OID);
}

static VOID LongAddress(VOID)
{
    Mini.General.MacAddressLength = NDIS_MAX_PHYS_ADDRESS_LENGTH + 1;
}

static VOID NoOidList(VOID)
{
    Mini.General.SupportedOidList = NULL;
}

static VOID NoAttributes(VOID)
{
    Mini.Handled = TRUE;
}

static VOID InitializePends(VOID)
{
    Mini.Status = NDIS_STATUS_PENDING;
}

static VOID AttributesLate(VOID)
{
    NdisMSetMiniportAttributes(Mini.Adapter, (PVOID)&Mini.Registration);
}

/* ---- Control devices */

static VOID Register(_In_ const NDIS_DEVICE_OBJECT_ATTRIBUTES *Attributes)
{
    DEVICE_OBJECT *Device;
    NdisRegisterDeviceEx(Mini.Driver, (PVOID)Attributes, &Device, &Mini.Kept);
}

static VOID ShortDevice(VOID)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = MiniDeviceAttributes();
    Attributes.Header.Size = 8;
    Register(&Attributes);
}

static VOID NamelessDevice(VOID)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = MiniDeviceAttributes();
    Attributes.DeviceName = NULL;
    Register(&Attributes);
}

static VOID DeviceWithPnp(VOID)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = MiniDeviceAttributes();
    PDRIVER_DISPATCH Dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1];
    memcpy(Dispatch, Attributes.MajorFunctions, sizeof(Dispatch));
    Dispatch[IRP_MJ_PNP] = Dispatch[IRP_MJ_CREATE];
    Attributes.MajorFunctions = Dispatch;
    Register(&Attributes);
}

static VOID OpenDevice(VOID)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = MiniDeviceAttributes();
    Attributes.DefaultSDDLString = NULL;
    Register(&Attributes);
}

static VOID KeepDevice(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\KeptDevice");
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\KeptDevice");
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = MiniDeviceAttributes();
    Attributes.DeviceName = &Name;
    Attributes.SymbolicName = &Link;
    Register(&Attributes);
}

static VOID DropDevice(VOID)
{
    NdisDeregisterDeviceEx(Mini.Kept);
}

/* ---- Memory, pools, lists, buffers */

static VOID MemoryWithoutTag(VOID)
{
    NdisFreeMemory(NdisAllocateMemoryWithTagPriority(Mini.Adapter, 10, 0, NormalPoolPriority), 10, 0);
}

static NDIS_HANDLE Timer(_In_ NDIS_HANDLE Handle, _In_ ULONG Tag, _In_ USHORT Size,
                         _In_opt_ PNDIS_TIMER_FUNCTION Function)
{
    NDIS_TIMER_CHARACTERISTICS Characteristics = {.Header = {.Type = NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
                                                             .Revision = NDIS_TIMER_CHARACTERISTICS_REVISION_1,
                                                             .Size = Size},
                                                  .AllocationTag = Tag,
                                                  .TimerFunction = Function};
    NDIS_HANDLE Object;
    NdisAllocateTimerObject(Handle, &Characteristics, &Object);
    return Object;
}

static VOID NTAPI TimerRuns(PVOID First, PVOID Context, PVOID Second, PVOID Third)
{
    UNREFERENCED_PARAMETER(First);
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Second);
    UNREFERENCED_PARAMETER(Third);
}

#define TIMER_SIZE NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1

static VOID TimerForNothing(VOID)
{
    Timer(&Nothing, MINI_TAG, TIMER_SIZE, TimerRuns);
}

static VOID ShortTimer(VOID)
{
    Timer(Mini.Adapter, MINI_TAG, 4, TimerRuns);
}

static VOID TimerWithoutFunction(VOID)
{
    Timer(Mini.Adapter, MINI_TAG, TIMER_SIZE, NULL);
}

static VOID TimerWithoutTag(VOID)
{
    NdisFreeTimerObject(Timer(Mini.Adapter, 0, TIMER_SIZE, TimerRuns));
}

static VOID SetNoTimer(VOID)
{
    NdisSetTimerObject(&Nothing, (LARGE_INTEGER){.QuadPart = -1}, 0, NULL);
}

static VOID CancelNoTimer(VOID)
{
    NdisCancelTimerObject(&Nothing);
}

static VOID FreeNoTimer(VOID)
{
    NdisFreeTimerObject(&Nothing);
}

static VOID FreeSetTimer(VOID)
{
    NDIS_HANDLE Object = Timer(Mini.Adapter, MINI_TAG, TIMER_SIZE, TimerRuns);
    NdisSetTimerObject(Object, (LARGE_INTEGER){.QuadPart = -10000000000}, 0, NULL);
    NdisFreeTimerObject(Object);
}

static VOID KeepTimer(VOID)
{
    Mini.Kept = Timer(Mini.Adapter, MINI_TAG, TIMER_SIZE, TimerRuns);
}

static VOID KeepTimerOfDriver(VOID)
{
    Mini.Kept = Timer(Mini.Driver, MINI_TAG, TIMER_SIZE, TimerRuns);
}

static VOID DropTimer(VOID)
{
    NdisFreeTimerObject(Mini.Kept);
}

static VOID SleepLong(VOID)
{
    NdisMSleep(30000001);
}

static VOID GenericWithoutTag(VOID)
{
    NdisFreeGenericObject(NdisAllocateGenericObject(Mini.DriverObject, 0, 0));
}

static VOID KeepMdl(VOID)
{
    Mini.Kept = NdisAllocateMdl(Mini.Adapter, Mini.ListPool, 10);
}

static VOID KeepMdlOfDriver(VOID)
{
    static PVOID Page;
    Page = ExAllocatePoolWithTag(NonPagedPoolNx, 10, MINI_TAG);
    Mini.Kept = NdisAllocateMdl(Mini.Driver, Page, 10);
    ExFreePoolWithTag(Page, MINI_TAG);
}

static VOID DropMdl(VOID)
{
    NdisFreeMdl(Mini.Kept);
}

static VOID KeepMemory(VOID)
{
    Mini.Kept = NdisAllocateMemoryWithTagPriority(Mini.Adapter, 10, MINI_TAG, NormalPoolPriority);
}

static VOID KeepMemoryOfDriver(VOID)
{
    Mini.Kept = NdisAllocateMemoryWithTagPriority(Mini.Driver, 10, MINI_TAG, NormalPoolPriority);
}

static VOID DropMemory(VOID)
{
    NdisFreeMemory(Mini.Kept, 10, 0);
}

static VOID KeepGeneric(VOID)
{
    Mini.Kept = NdisAllocateGenericObject(Mini.DriverObject, MINI_TAG, 0);
}

static VOID DropGeneric(VOID)
{
    NdisFreeGenericObject(Mini.Kept);
}

static VOID ListPool(_In_ const NET_BUFFER_LIST_POOL_PARAMETERS *Parameters)
{
    NDIS_HANDLE Pool = NdisAllocateNetBufferListPool(Mini.Adapter, Parameters);
    if (Pool)
        NdisFreeNetBufferListPool(Pool);
}

static VOID ShortListPool(VOID)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = MiniListParameters();
    Parameters.Header.Size = 4;
    ListPool(&Parameters);
}

static VOID ListPoolWithoutTag(VOID)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = MiniListParameters();
    Parameters.PoolTag = 0;
    ListPool(&Parameters);
}

static VOID DataWithoutBuffer(VOID)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = MiniListParameters();
    Parameters.fAllocateNetBuffer = FALSE;
    Parameters.DataSize = 100;
    ListPool(&Parameters);
}

static VOID OddContext(VOID)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = MiniListParameters();
    Parameters.ContextSize = 7;
    ListPool(&Parameters);
}

static VOID BufferPool(_In_ const NET_BUFFER_POOL_PARAMETERS *Parameters)
{
    NDIS_HANDLE Pool = NdisAllocateNetBufferPool(Mini.Adapter, Parameters);
    if (Pool)
        NdisFreeNetBufferPool(Pool);
}

static VOID ShortBufferPool(VOID)
{
    NET_BUFFER_POOL_PARAMETERS Parameters = MiniBufferParameters();
    Parameters.Header.Size = 4;
    BufferPool(&Parameters);
}

static VOID BufferPoolWithoutTag(VOID)
{
    NET_BUFFER_POOL_PARAMETERS Parameters = MiniBufferParameters();
    Parameters.PoolTag = 0;
    BufferPool(&Parameters);
}

static VOID FreePoolOfLists(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisFreeNetBufferListPool(Mini.ListPool);
    MiniFreeList(List);
}

static VOID FreePoolOfBuffers(VOID)
{
    NET_BUFFER *Buffer = NdisAllocateNetBuffer(Mini.BufferPool, NULL, 0, 0);
    NdisFreeNetBufferPool(Mini.BufferPool);
    NdisFreeNetBuffer(Buffer);
}

static VOID KeepPool(VOID)
{
    Mini.Kept = Mini.ListPool;
    Mini.ListPool = NULL;
}

static VOID KeepPoolOfDriver(VOID)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = MiniListParameters();
    Mini.Kept = NdisAllocateNetBufferListPool(Mini.Driver, &Parameters);
}

static VOID DropPool(VOID)
{
    NdisFreeNetBufferListPool(Mini.Kept);
}

static VOID ListAloneFromPoolWithBuffers(VOID)
{
    NdisAllocateNetBufferList(Mini.ListPool, 0, 0);
}

static VOID BothFromPoolWithData(VOID)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = MiniListParameters();
    Parameters.DataSize = 100;
    NDIS_HANDLE Pool = NdisAllocateNetBufferListPool(Mini.Adapter, &Parameters);
    NdisAllocateNetBufferAndNetBufferList(Pool, 0, 0, NULL, 0, 0);
    NdisFreeNetBufferListPool(Pool);
}

static VOID OddContextOfList(VOID)
{
    NdisAllocateNetBufferAndNetBufferList(Mini.ListPool, 3, 0, NULL, 0, 0);
}

static VOID BufferAloneFromPoolWithData(VOID)
{
    NET_BUFFER_POOL_PARAMETERS Parameters = MiniBufferParameters();
    Parameters.DataSize = 100;
    NDIS_HANDLE Pool = NdisAllocateNetBufferPool(Mini.Adapter, &Parameters);
    NdisAllocateNetBuffer(Pool, NULL, 0, 0);
    NdisFreeNetBufferPool(Pool);
}

static VOID DataFromPoolWithout(VOID)
{
    NdisAllocateNetBufferMdlAndData(Mini.BufferPool);
}

static VOID OddListContext(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisAllocateNetBufferListContext(List, 4, 0, MINI_TAG);
    MiniFreeList(List);
}

static VOID LargeContext(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisAllocateNetBufferListContext(List, 0x8000, 0x8000, MINI_TAG);
    MiniFreeList(List);
}

static VOID ContextWithoutTag(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisAllocateNetBufferListContext(List, 16, 0, 0);
    NdisFreeNetBufferListContext(List, 16);
    MiniFreeList(List);
}

static VOID FreeContextTwice(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisAllocateNetBufferListContext(List, 16, 16, MINI_TAG);
    NdisFreeNetBufferListContext(List, 16);
    NdisFreeNetBufferListContext(List, 16);
    MiniFreeList(List);
}

static VOID KeepContext(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisAllocateNetBufferListContext(List, 16, 0, MINI_TAG);
    MiniFreeList(List);
}

static VOID AdvanceTooFar(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisAdvanceNetBufferDataStart(List->FirstNetBuffer, 101, FALSE, NULL);
    MiniFreeList(List);
}

VOID MiniLetGo(VOID)
{
    StackHold(Mini.Stack, StackReturnsAtOnce);
    LabUntil(StackHasNone(Mini.Stack) && ReadAcquire64(&StackAdapter(Mini.Stack)->ReceivesOut) == 0);
}

static VOID FreeIndicated(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    StackHold(Mini.Stack, StackHoldsAll);
    MiniIndicate(List, 1, 0);
    NdisFreeNetBufferList(List);
    MiniLetGo();
}

static VOID FreeSent(VOID)
{
    NdisFreeNetBufferList(Mini.Lists);
}

/* ---- Rule, call, when, what; what else is reported; when it is set right, and how. */

#pragma clang diagnostic ignored "-Wmissing-field-initializers"

const WRONG_CASE WrongThings[] = {
    {"Handle_Adapter", "NdisMSetMiniportAttributes", AtRunning, AttributesOfNothing},
    {"Handle_Adapter", "NdisMRestartComplete", AtRunning, RestartOfNothing},
    {"Handle_Adapter", "NdisMPauseComplete", AtRunning, PauseOfNothing},
    {"Handle_Adapter", "NdisMResetComplete", AtRunning, ResetOfNothing},
    {"Handle_Driver", "NdisSetOptionalHandlers", AtRunning, HandlersOfNothing},
    {"Handle_Adapter", "NdisMOidRequestComplete", AtOid, OidOfNothing},
    {"Handle_Adapter", "NdisMGetDeviceProperty", AtRunning, PropertyOfNothing},
    {"Handle_Adapter", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateForNothing},
    {"Handle_Adapter", "NdisMSendNetBufferListsComplete", AtSend, CompleteForNothing},
    {"Handle_Adapter", "NdisMIndicateStatusEx", AtRunning, StatusOfNothing},
    {"Handle_Driver", "NdisRegisterDeviceEx", AtRunning, DeviceOfNothing},
    {"Handle_Driver", "NdisMDeregisterMiniportDriver", AtRunning, DeregisterNothing},
    {"Handle_Driver", "NdisOpenConfigurationEx", AtRunning, ConfigurationOfNothing},
    {"Handle_Driver", "NdisAllocateMdl", AtRunning, MdlForNothing},
    {"Handle_Driver", "NdisAllocateMemoryWithTagPriority", AtRunning, MemoryForNothing},
    {"Handle_Driver", "NdisAllocateNetBufferListPool", AtRunning, ListPoolForNothing},
    {"Handle_Driver", "NdisAllocateNetBufferPool", AtRunning, BufferPoolForNothing},
    {"Handle_Configuration", "NdisCloseConfiguration", AtRunning, CloseNothing},
    {"Handle_Configuration", "NdisReadConfiguration", AtRunning, ReadNothing},
    {"Handle_Configuration", "NdisWriteConfiguration", AtRunning, WriteNothing},
    {"Handle_Device", "NdisDeregisterDeviceEx", AtRunning, DeregisterNoDevice},
    {"Handle_Device", "NdisGetDeviceReservedExtension", AtRunning, ExtensionOfNoDevice},
    {"Handle_Mdl", "NdisFreeMdl", AtRunning, FreeNoMdl},
    {"Handle_Memory", "NdisFreeMemory", AtRunning, FreeNoMemory},
    {"Handle_Generic", "NdisFreeGenericObject", AtRunning, FreeNoGeneric},
    {"Handle_Pool", "NdisFreeNetBufferListPool", AtRunning, FreeNoListPool},
    {"Handle_Pool", "NdisFreeNetBufferPool", AtRunning, FreeNoBufferPool},
    {"Handle_Pool", "NdisAllocateNetBufferAndNetBufferList", AtRunning, ListAndBufferFromNoPool},
    {"Handle_Pool", "NdisAllocateNetBufferList", AtRunning, ListFromNoPool},
    {"Handle_Pool", "NdisAllocateNetBuffer", AtRunning, BufferFromNoPool},
    {"Handle_Pool", "NdisAllocateNetBufferMdlAndData", AtRunning, BufferWithDataFromNoPool},
    {"Handle_Adapter", "NdisMQueryAdapterInstanceName", AtRunning, NameOfNothing},
    {"Handle_List", "NdisAllocateNetBufferListContext", AtRunning, ContextOfNoList},
    {"Handle_List", "NdisFreeNetBufferListContext", AtRunning, FreeContextOfNoList},
    {"Handle_List", "NdisFreeNetBufferList", AtRunning, FreeNoList},
    {"Handle_Buffer", "NdisFreeNetBuffer", AtRunning, FreeNoBuffer},

    {"Header_Valid", "NdisMRegisterMiniportDriver", AtRegister, ShortCharacteristics},
    {"Header_Valid", "NdisSetOptionalHandlers", AtRunning, ShortHandlers},
    {"Header_Valid", "NdisMSetMiniportAttributes", AtAddDevice, ShortAddDevice},
    {"State_SetAttributes", "NdisMSetMiniportAttributes", AtRunning, AddDeviceLate},
    {"Characteristics_Mandatory", "NdisMRegisterMiniportDriver", AtRegister, NoPauseHandler},
    {"Header_Valid", "NdisMSetMiniportAttributes", AtRegistration, ShortRegistration},
    {"Header_Valid", "NdisMSetMiniportAttributes", AtGeneral, ShortGeneral},
    {"Header_Valid", "NdisMSetMiniportAttributes", AtInitialized, ShortOffloadAttributes},
    {"Offload_Attributes", "NdisMSetMiniportAttributes", AtInitialized, NoOffload},
    {"Offload_Attributes", "NdisMSetMiniportAttributes", AtInitialized, ShortOffload},
    {"Initialize_Attributes", "NdisMSetMiniportAttributes", AtRegistration, GeneralFirst},
    {"Initialize_Attributes", "NdisMSetMiniportAttributes", AtGeneral, SmallMtu},
    {"RawIp_Medium", "NdisMSetMiniportAttributes", AtGeneral, Ethernet},
    {"Oid_Mandatory", "MiniportInitializeEx", AtGeneral, ListsLess},
    {"Initialize_Attributes", "NdisMSetMiniportAttributes", AtGeneral, LongAddress},
    {"Initialize_Attributes", "NdisMSetMiniportAttributes", AtGeneral, NoOidList},
    {"Initialize_Attributes", "MiniportInitializeEx", AtRegistration, NoAttributes},
    {"Initialize_Status", "MiniportInitializeEx", AtInitialized, InitializePends},
    {"State_SetAttributes", "NdisMSetMiniportAttributes", AtRunning, AttributesLate},

    {"Header_Valid", "NdisOpenConfigurationEx", AtRunning, ShortConfiguration},
    {"Header_Valid", "NdisRegisterDeviceEx", AtRunning, ShortDevice},
    {"Device_Attributes", "NdisRegisterDeviceEx", AtRunning, NamelessDevice},
    {"Device_NoPnpHandlers", "NdisRegisterDeviceEx", AtRunning, DeviceWithPnp},
    {"Device_Sddl", "NdisRegisterDeviceEx", AtRunning, OpenDevice},
    {"Halt_DevicesDeregistered", "MiniportHaltEx", AtInitialized, KeepDevice, NULL, AtReport, DropDevice},
    {"Halt_DevicesDeregistered", "MiniportDriverUnload", AtUnload, KeepDevice, NULL, AtReport, DropDevice},

    {"Memory_Tag", "NdisAllocateMemoryWithTagPriority", AtRunning, MemoryWithoutTag, "PoolTag"},
    {"Sleep_Longest", "NdisMSleep", AtRunning, SleepLong},
    {"Handle_Driver", "NdisAllocateTimerObject", AtRunning, TimerForNothing},
    {"Header_Valid", "NdisAllocateTimerObject", AtRunning, ShortTimer},
    {"Timer_Function", "NdisAllocateTimerObject", AtRunning, TimerWithoutFunction},
    {"Memory_Tag", "NdisAllocateTimerObject", AtRunning, TimerWithoutTag},
    {"Handle_Timer", "NdisSetTimerObject", AtRunning, SetNoTimer},
    {"Handle_Timer", "NdisCancelTimerObject", AtRunning, CancelNoTimer},
    {"Handle_Timer", "NdisFreeTimerObject", AtRunning, FreeNoTimer},
    {"Timer_Set", "NdisFreeTimerObject", AtRunning, FreeSetTimer},
    {"NdisAllocateTimerObject", "MiniportHaltEx", AtRunning, KeepTimer, NULL, AtReport, DropTimer},
    {"NdisAllocateTimerObject", "MiniportDriverUnload", AtUnload, KeepTimerOfDriver, NULL, AtReport, DropTimer},
    {"Memory_Tag", "NdisAllocateGenericObject", AtRunning, GenericWithoutTag, "PoolTag"},
    {"NdisAllocateMdl", "MiniportHaltEx", AtRunning, KeepMdl, NULL, AtReport, DropMdl},
    {"NdisAllocateMdl", "MiniportDriverUnload", AtUnload, KeepMdlOfDriver, NULL, AtReport, DropMdl},
    {"NdisAllocateMemory", "MiniportHaltEx", AtRunning, KeepMemory, NULL, AtReport, DropMemory},
    {"NdisAllocateMemory", "MiniportDriverUnload", AtUnload, KeepMemoryOfDriver, NULL, AtReport, DropMemory},
    {"NdisAllocateGenericObject", "MiniportDriverUnload", AtRegister, KeepGeneric, NULL, AtReport, DropGeneric},
    {"Header_Valid", "NdisAllocateNetBufferListPool", AtRunning, ShortListPool},
    {"Header_Valid", "NdisAllocateNetBufferPool", AtRunning, ShortBufferPool},
    {"Pool_Tag", "NdisAllocateNetBufferListPool", AtRunning, ListPoolWithoutTag},
    {"Pool_Tag", "NdisAllocateNetBufferPool", AtRunning, BufferPoolWithoutTag},
    {"Pool_Parameters", "NdisAllocateNetBufferListPool", AtRunning, DataWithoutBuffer},
    {"Pool_Parameters", "NdisAllocateNetBufferListPool", AtRunning, OddContext},
    {"Pool_Use", "NdisAllocateNetBufferList", AtRunning, ListAloneFromPoolWithBuffers},
    {"Pool_Use", "NdisAllocateNetBufferAndNetBufferList", AtRunning, BothFromPoolWithData},
    {"Pool_Use", "NdisAllocateNetBufferAndNetBufferList", AtRunning, OddContextOfList},
    {"NdisAllocateNetBuffer", "NdisFreeNetBufferListPool", AtRunning, FreePoolOfLists},
    {"NdisAllocateNetBuffer", "NdisFreeNetBufferPool", AtRunning, FreePoolOfBuffers},
    {"NdisAllocateNetBuffer", "NdisFreeNetBufferList", AtRunning, FreeIndicated},
    {"NdisAllocateNetBuffer", "NdisFreeNetBufferList", AtSend, FreeSent},
    {"Halt_PoolsFreed", "MiniportHaltEx", AtHalt, KeepPool, NULL, AtReport, DropPool},
    {"Halt_PoolsFreed", "MiniportDriverUnload", AtUnload, KeepPoolOfDriver, NULL, AtReport, DropPool},
    {"Advance_Length", "NdisAdvanceNetBufferDataStart", AtRunning, AdvanceTooFar},
    {"Pool_Use", "NdisAllocateNetBuffer", AtRunning, BufferAloneFromPoolWithData},
    {"Pool_Use", "NdisAllocateNetBufferMdlAndData", AtRunning, DataFromPoolWithout},
    {"List_Context", "NdisAllocateNetBufferListContext", AtRunning, OddListContext},
    {"List_Context", "NdisAllocateNetBufferListContext", AtRunning, LargeContext},
    {"Memory_Tag", "NdisAllocateNetBufferListContext", AtRunning, ContextWithoutTag, "PoolTag"},
    {"List_Context", "NdisFreeNetBufferListContext", AtRunning, FreeContextTwice},
    {"List_Context", "NdisFreeNetBufferList", AtRunning, KeepContext},
    {NULL},
};

const WRONG_CALL WrongCalls[] = {
    {"NdisMRegisterMiniportDriver", "Irql_Miniport_Driver", PASSIVE_LEVEL, TRUE},
    {"NdisMDeregisterMiniportDriver", "Irql_Miniport_Driver", PASSIVE_LEVEL, TRUE},
    {"NdisMSetMiniportAttributes", "Irql_Miniport_Driver", PASSIVE_LEVEL, FALSE},
    {"NdisMGetDeviceProperty", "Irql_Miniport_Driver", PASSIVE_LEVEL, FALSE},
    {"NdisRegisterDeviceEx", "Irql_Miniport_Driver", PASSIVE_LEVEL, TRUE},
    {"NdisDeregisterDeviceEx", "Irql_Miniport_Driver", PASSIVE_LEVEL, TRUE},
    {"NdisMRestartComplete", "Irql_Miniport_Driver", DISPATCH_LEVEL, TRUE},
    {"NdisMPauseComplete", "Irql_Miniport_Driver", DISPATCH_LEVEL, TRUE},
    {"NdisMOidRequestComplete", "Irql_OID", DISPATCH_LEVEL, TRUE},
    {"NdisMIndicateStatusEx", "Irql_StatusIndication", DISPATCH_LEVEL, TRUE},
    {"NdisMIndicateReceiveNetBufferLists", "Irql_SendRcv", DISPATCH_LEVEL, TRUE},
    {"NdisMSendNetBufferListsComplete", "Irql_SendRcv", DISPATCH_LEVEL, TRUE},
    {"NdisOpenConfigurationEx", "Irql_Miscellaneous", PASSIVE_LEVEL, TRUE},
    {"NdisReadConfiguration", "Irql_Miscellaneous", PASSIVE_LEVEL, TRUE},
    {"NdisWriteConfiguration", "Irql_Miscellaneous", PASSIVE_LEVEL, TRUE},
    {"NdisCloseConfiguration", "Irql_Miscellaneous", PASSIVE_LEVEL, TRUE},
    {"NdisAllocateMemoryWithTagPriority", "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE},
    {"NdisFreeMemory", "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE},
    {"NdisAllocateGenericObject", "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE},
    {"NdisFreeGenericObject", "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE},
    {"NdisSetEvent", "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE},
    {"NdisResetEvent", "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE},
    {"NdisWaitEvent", "Irql_Miscellaneous", PASSIVE_LEVEL, FALSE},
    {"NdisMSleep", "Irql_Miniport_Driver", APC_LEVEL, FALSE},
    {"NdisAllocateTimerObject", "Irql_Timer", DISPATCH_LEVEL, FALSE},
    {"NdisSetTimerObject", "Irql_Timer", DISPATCH_LEVEL, FALSE},
    {"NdisCancelTimerObject", "Irql_Timer", PASSIVE_LEVEL, FALSE},
    {"NdisFreeTimerObject", "Irql_Timer", DISPATCH_LEVEL, FALSE},
    {"NdisAllocateNetBufferListPool", "Irql_NetBuffer", PASSIVE_LEVEL, FALSE},
    {"NdisFreeNetBufferListPool", "Irql_NetBuffer", PASSIVE_LEVEL, FALSE},
    {"NdisAllocateNetBufferPool", "Irql_NetBuffer", PASSIVE_LEVEL, FALSE},
    {"NdisFreeNetBufferPool", "Irql_NetBuffer", PASSIVE_LEVEL, FALSE},
    {"NdisAllocateNetBufferAndNetBufferList", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisAllocateNetBufferList", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisFreeNetBufferList", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisAllocateNetBuffer", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisFreeNetBuffer", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisAllocateNetBufferMdlAndData", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisCopyFromNetBufferToNetBuffer", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisAllocateNetBufferListContext", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisFreeNetBufferListContext", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisMQueryAdapterInstanceName", "Irql_Miniport_Driver", PASSIVE_LEVEL, FALSE},
    {"NdisSetOptionalHandlers", "Irql_Miniport_Driver", PASSIVE_LEVEL, FALSE},
    {"NdisMResetComplete", "Irql_Miniport_Driver", DISPATCH_LEVEL, TRUE},
    {"NdisAllocateMdl", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisFreeMdl", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisAdjustNetBufferCurrentMdl", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisRetreatNetBufferDataStart", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisAdvanceNetBufferDataStart", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisRetreatNetBufferListDataStart", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisAdvanceNetBufferListDataStart", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {"NdisGetDataBuffer", "Irql_NetBuffer", DISPATCH_LEVEL, FALSE},
    {NULL},
};
