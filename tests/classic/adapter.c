/* SPDX-License-Identifier: MIT */
/*
 * The classic miniport's handlers for the life of an adapter and its OIDs. NDIS serialises initialize, pause, restart and
 * halt; OIDs come one at a time. PASSIVE_LEVEL, but for the timer's DPC.
 */
#include "tests/classic/classic.h"
#include "tests/miniport.h"
#include "tests/pools.h"

#define TICK_MILLISECONDS 20

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
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES Registration = MiniportRegistration(Adapter);
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES General = MiniportGeneral(CLASSIC_PACKET_LIMIT);
    NDIS_STATUS Status = NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&Registration);
    return Status == NDIS_STATUS_SUCCESS
               ? NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&General)
               : Status;
}

/* The keyword Forgetful of the adapter's driver key. "NdisReadConfiguration function (ndis.h)". */
static VOID ReadConfiguration(_Inout_ CLASSIC_ADAPTER *Adapter)
{
    NDIS_CONFIGURATION_OBJECT Object = MiniportConfiguration(Adapter->Handle);
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
    NET_BUFFER_LIST_POOL_PARAMETERS Pool = PoolOfLists(CLASSIC_TAG);
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

NDIS_STATUS ClassicOidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    CLASSIC_ADAPTER *Adapter = Context;
    if (Request->RequestType != NdisRequestQueryInformation && Request->RequestType != NdisRequestQueryStatistics)
        return MiniportSet(Request);
    BOOLEAN Sent = Request->DATA.QUERY_INFORMATION.Oid == OID_GEN_XMIT_OK;
    ULONG64 Count = (ULONG64)ReadNoFence64(Sent ? &Adapter->ToProgram : &Adapter->ToDriver);
    return MiniportQuery(Request, CLASSIC_PACKET_LIMIT, Count, "classic", sizeof("classic"));
}
