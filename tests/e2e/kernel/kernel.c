/* SPDX-License-Identifier: MIT */
/*
 * kernel.sys: a small miniport that tries the kernel and the NDIS that it finds itself in, from within. Its hardware ID
 * (kernel.inf) chooses by the keyword `Wrong` what it does wrong on purpose; with none it runs its tests when it is
 * initialised and prints "test NAME ok" or "test NAME FAILED at LINE". It returns what it is sent to the stack.
 */
#include "tests/e2e/kernel/kernel.h"
#include "tests/miniport.h"

static NDIS_HANDLE Driver;

DRIVER_INITIALIZE DriverEntry;

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
    NDIS_CONFIGURATION_OBJECT Object = MiniportConfiguration(Adapter->Handle);
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
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES Registration = MiniportRegistration(Adapter);
    Registration.CheckForHangTimeInSeconds = 1;
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES General = MiniportGeneral(Wrong(Adapter, "mtu") ? 100000 : TEST_MTU);
    if (Wrong(Adapter, "medium"))
        General.MediaType = NdisMedium802_3;
    if (Wrong(Adapter, "mandatory"))
        General.SupportedOidListLength = sizeof(NDIS_OID);
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

/* A fault that ends the driver's process: "null", "short", "wild", "stack". Each frame is needed after the next. */
ULONG Fault(const ADAPTER *Adapter, PCSTR How, ULONG Depth)
{
    volatile CHAR Frame[512];
    Frame[Depth % sizeof(Frame)] = 1;
    if (!Wrong(Adapter, How))
        return 0;
    if (Wrong(Adapter, "null") || Wrong(Adapter, "short"))
        *(volatile ULONG *)0x10 = 1;
    else if (Wrong(Adapter, "wild"))
        ((VOID(*)(VOID))0x123456789a)();
    return Fault(Adapter, How, Depth + 1) + (ULONG)Frame[Depth % sizeof(Frame)];
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
    TestPended(Adapter, NdisMRestartComplete, NULL, NULL);
    return NDIS_STATUS_PENDING;
}

static NDIS_STATUS Pause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Parameters);
    if (Wrong(Adapter, "pause"))
        return NDIS_STATUS_FAILURE;
    TestPended(Adapter, NULL, NdisMPauseComplete, NULL);
    return NDIS_STATUS_PENDING;
}

static BOOLEAN CheckForHang(NDIS_HANDLE Context)
{
    ADAPTER *Adapter = Context;
    return InterlockedIncrement(&Adapter->Asked) == 1;
}

static NDIS_STATUS Reset(NDIS_HANDLE Context, PBOOLEAN AddressingReset)
{
    ADAPTER *Adapter = Context;
    *AddressingReset = FALSE; /* what the completion says counts */
    WriteRelease(&Adapter->Reset, 1);
    TestPended(Adapter, NULL, NULL, NdisMResetComplete);
    return NDIS_STATUS_PENDING;
}

static NDIS_STATUS OidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    ADAPTER *Adapter = Context;
    if (Request->DATA.QUERY_INFORMATION.Oid == OID_GEN_VENDOR_ID)
        Fault(Adapter, "null", 0);
    if (Request->DATA.QUERY_INFORMATION.InformationBufferLength == 0)
        Fault(Adapter, "short", 0);
    if (Request->RequestType == NdisRequestSetInformation &&
        Request->DATA.SET_INFORMATION.Oid == OID_GEN_CURRENT_PACKET_FILTER &&
        InterlockedCompareExchange(&Adapter->Reset, 2, 1) == 1)
        DbgPrint("kernel: set again after a reset\n");
    if (Request->RequestType != NdisRequestQueryInformation && Request->RequestType != NdisRequestQueryStatistics)
        return MiniportSet(Request);
    if (Request->DATA.QUERY_INFORMATION.Oid == OID_GEN_MAXIMUM_TOTAL_SIZE && Wrong(Context, "oid"))
    {
        Request->DATA.QUERY_INFORMATION.BytesWritten = 4;
        return NDIS_STATUS_SUCCESS; /* with whatever buffer */
    }
    return MiniportQuery(Request, TEST_MTU, 0, "kernel", sizeof("kernel"));
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    NdisMDeregisterMiniportDriver(Driver);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics = MiniportCharacteristics();
    Characteristics.CheckForHangHandlerEx = CheckForHang;
    Characteristics.ResetHandlerEx = Reset;
    Characteristics.InitializeHandlerEx = Initialize;
    Characteristics.HaltHandlerEx = Halt;
    Characteristics.UnloadHandler = Unload;
    Characteristics.PauseHandler = Pause;
    Characteristics.RestartHandler = Restart;
    Characteristics.OidRequestHandler = OidRequest;
    Characteristics.SendNetBufferListsHandler = TestSend;
    Characteristics.ReturnNetBufferListsHandler = TestReturn;
    return NdisMRegisterMiniportDriver(DriverObject, RegistryPath, NULL, &Characteristics, &Driver);
}
