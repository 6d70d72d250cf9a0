/* SPDX-License-Identifier: MIT */
/*
 * The life of a miniport adapter as NDIS runs it: Halted, Initializing, Paused, Restarting, Running, Pausing and back
 * ("Miniport Adapter States and Operations"). PASSIVE_LEVEL, in the thread that delivers PnP IRPs, one at a time for
 * an adapter. Handlers that pend are waited for here: a PnP IRP is never left pending.
 */
#include "host/ndis/ndishost.h"

static VOID SetState(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ HOST_STATE State)
{
    InterlockedExchange(&Adapter->State, State);
}

/* Seconds after which a handler is called hung: "NdisTimedOidComplete rule (ndis)". */
static ULONG HandlerSeconds(VOID)
{
    return PlatformSetting("HOST_NDIS_HANDLER_SECONDS", 12);
}

/* The handler is about to be called. */
VOID HostPendingBegin(HOST_PENDING *Pending, PCSTR Call, PVOID Place)
{
    Pending->Call = Call;
    Pending->Place = Place;
    Pending->Begin = KeQueryPerformanceCounter(NULL).QuadPart;
    KeInitializeEvent(&Pending->Done, NotificationEvent, FALSE);
    Pending->Status = NDIS_STATUS_SUCCESS;
    InterlockedExchange(&Pending->Outstanding, 1);
}

/* After the handler has returned Status: waits for its completion if it pends, and gives the final status. */
NDIS_STATUS HostPendingEnd(HOST_PENDING *Pending, NDIS_STATUS Status)
{
    LARGE_INTEGER Frequency, Now = KeQueryPerformanceCounter(&Frequency);
    LONGLONG Seconds = (Now.QuadPart - Pending->Begin) / Frequency.QuadPart;
    HandlerRule(Pending->Call, "Handler_Time", Seconds < 1 || Seconds < HandlerSeconds(), Pending->Place,
                "the handler took %lld s", (long long)Seconds);
    if (Status != NDIS_STATUS_PENDING)
    {
        HandlerRule(Pending->Call, "Completed_Once", InterlockedExchange(&Pending->Outstanding, 0) == 1, Pending->Place,
                    "the handler completed and did not return NDIS_STATUS_PENDING");
        return Status;
    }
    LARGE_INTEGER Deadline;
    Deadline.QuadPart = -10000000ll * HandlerSeconds();
    if (KeWaitForSingleObject(&Pending->Done, Executive, KernelMode, FALSE, &Deadline) == STATUS_TIMEOUT)
    {
        HostRuleBroken("Handler_Time", Pending->Call, Pending->Place, "the handler pends for %u s",
                       (unsigned)HandlerSeconds());
        KeWaitForSingleObject(&Pending->Done, Executive, KernelMode, FALSE, NULL);
    }
    return Pending->Status;
}

/* The miniport completes. FALSE: nothing was outstanding. */
BOOLEAN HostPendingComplete(HOST_PENDING *Pending, NDIS_STATUS Status)
{
    if (InterlockedCompareExchange(&Pending->Outstanding, 0, 1) != 1)
        return FALSE;
    Pending->Status = Status;
    KeSetEvent(&Pending->Done, 0, FALSE);
    return TRUE;
}

/* MiniportInitializeEx; leaves the adapter Paused or Halted. */
static NDIS_STATUS Initialize(_Inout_ NDIS_HOST_ADAPTER *Adapter)
{
    const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Miniport = &Adapter->Driver->Characteristics;
    NDIS_MINIPORT_INIT_PARAMETERS Parameters = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS,
                   .Revision = NDIS_MINIPORT_INIT_PARAMETERS_REVISION_1,
                   .Size = sizeof(NDIS_MINIPORT_INIT_PARAMETERS)},
        .IfIndex = Adapter->Identity.IfIndex,
        .NetLuid = Adapter->Identity.NetLuid,
    };
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportInitializeEx", 0);
    SetState(Adapter, HostInitializing);
    Adapter->InitializeThread = KeGetCurrentThread();
    NDIS_STATUS Status = Miniport->InitializeHandlerEx(Adapter, Adapter->Driver->Context, &Parameters);
    HostGuardEnd(&Guard, Miniport->InitializeHandlerEx);
    Adapter->InitializeThread = NULL;
    HandlerRule("MiniportInitializeEx", "Initialize_Status", Status != NDIS_STATUS_PENDING,
                Miniport->InitializeHandlerEx, "MiniportInitializeEx must not pend");
    if (Status == NDIS_STATUS_SUCCESS &&
        !HandlerRule("MiniportInitializeEx", "Initialize_Attributes", Adapter->RegistrationSet && Adapter->GeneralSet,
                     Miniport->InitializeHandlerEx, "registration or general attributes were not set"))
    {
        Miniport->HaltHandlerEx(Adapter->Context, NdisHaltDeviceInitializationFailed);
        Status = NDIS_STATUS_FAILURE;
    }
    SetState(Adapter, Status == NDIS_STATUS_SUCCESS ? HostPaused : HostHalted);
    return Status;
}

/*
 * From Paused to Running: "MiniportRestart", with the general restart attributes that NDIS offers for changing.
 */
NDIS_STATUS HostAdapterRestart(NDIS_HOST_ADAPTER *Adapter)
{
    UCHAR Room[FIELD_OFFSET(NDIS_RESTART_ATTRIBUTES, Data) + sizeof(NDIS_RESTART_GENERAL_ATTRIBUTES)]
        __attribute__((aligned(16))) = {0};
    NDIS_RESTART_ATTRIBUTES *Attributes = (NDIS_RESTART_ATTRIBUTES *)Room;
    NDIS_MINIPORT_RESTART_PARAMETERS Parameters = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_MINIPORT_RESTART_PARAMETERS_REVISION_1,
                   .Size = sizeof(NDIS_MINIPORT_RESTART_PARAMETERS)},
        .RestartAttributes = Attributes,
    };
    Attributes->Oid = OID_GEN_MINIPORT_RESTART_ATTRIBUTES;
    Attributes->DataLength = sizeof(NDIS_RESTART_GENERAL_ATTRIBUTES);
    RtlCopyMemory(Attributes->Data, &Adapter->RestartGeneral, sizeof(Adapter->RestartGeneral));
    SetState(Adapter, HostRestarting);
    WriteRelease(&Adapter->PauseReturned, FALSE);
    HostPendingBegin(&Adapter->Restart, "MiniportRestart", Adapter->Driver->Characteristics.RestartHandler);
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportRestart", 0);
    NDIS_STATUS Status = Adapter->Driver->Characteristics.RestartHandler(Adapter->Context, &Parameters);
    HostGuardEnd(&Guard, Adapter->Driver->Characteristics.RestartHandler);
    Status = HostPendingEnd(&Adapter->Restart, Status);
    if (Status != NDIS_STATUS_SUCCESS)
    {
        DbgPrint("ndis: %s: restart failed with 0x%08x\n", Adapter->Identity.Name, (unsigned)Status);
        SetState(Adapter, HostPaused);
        return Status;
    }
    SetState(Adapter, HostRunning);
    Adapter->Flowing = TRUE;
    if (!NT_SUCCESS(BackendStart(Adapter->Backend)))
    {
        Adapter->Flowing = FALSE;
        HostAdapterPause(Adapter, NDIS_PAUSE_NDIS_INTERNAL);
        return NDIS_STATUS_RESOURCES;
    }
    HostHangWatch(Adapter);
    return NDIS_STATUS_SUCCESS;
}

/* MiniportRestart's completion. "NdisMRestartComplete function (ndis.h)". */
VOID NdisMRestartComplete(NDIS_HANDLE NdisMiniportHandle, NDIS_STATUS Status)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(NdisMiniportHandle, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", DISPATCH_LEVEL, TRUE);
    if (Adapter)
        NdisRule("Completed_Once", HostPendingComplete(&Adapter->Restart, Status), HostPlace(), "no restart pends");
}

/* When a miniport says that it has paused, all lists are home. */
static VOID CheckPaused(_In_ NDIS_HOST_ADAPTER *Adapter, _In_z_ PCSTR Call, _In_opt_ PVOID Place)
{
    LONG64 Sends = ReadAcquire64(&Adapter->SendsOut), Receives = ReadAcquire64(&Adapter->ReceivesOut);
    HandlerRule(Call, "Pause_SendsCompleted", Sends == 0, Place, "%lld lists not completed", (long long)Sends);
    HandlerRule(Call, "Pause_ReceivesReturned", Receives == 0, Place, "%lld lists are still with the stack",
                (long long)Receives);
}

/* From Running to Paused: "MiniportPause". The stack stops sending first; then the miniport finishes what it has. */
VOID HostAdapterPause(NDIS_HOST_ADAPTER *Adapter, ULONG Reason)
{
    NDIS_MINIPORT_PAUSE_PARAMETERS Parameters = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_MINIPORT_PAUSE_PARAMETERS_REVISION_1,
                   .Size = sizeof(NDIS_MINIPORT_PAUSE_PARAMETERS)},
        .PauseReason = Reason,
    };
    PVOID Place = Adapter->Driver->Characteristics.PauseHandler;
    if (Adapter->State != HostRunning)
        return;
    HostHangWatchEnd(Adapter);
    if (Adapter->Flowing)
    {
        BackendStop(Adapter->Backend);
        Adapter->Flowing = FALSE;
    }
    SetState(Adapter, HostPausing);
    HostPendingBegin(&Adapter->Pause, "MiniportPause", Place);
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportPause", 0);
    NDIS_STATUS Status = Adapter->Driver->Characteristics.PauseHandler(Adapter->Context, &Parameters);
    HostGuardEnd(&Guard, Place);
    WriteRelease(&Adapter->PauseReturned, TRUE);
    if (Status != NDIS_STATUS_PENDING)
        CheckPaused(Adapter, "MiniportPause", Place);
    Status = HostPendingEnd(&Adapter->Pause, Status);
    HandlerRule("MiniportPause", "Pause_Status", Status == NDIS_STATUS_SUCCESS, Place,
                "MiniportPause may only succeed or pend, not 0x%08x", (unsigned)Status);
    SetState(Adapter, HostPaused);
}

/* MiniportPause's completion. "NdisMPauseComplete function (ndis.h)". */
VOID NdisMPauseComplete(NDIS_HANDLE NdisMiniportHandle)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(NdisMiniportHandle, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", DISPATCH_LEVEL, TRUE);
    if (Adapter)
    {
        if (ReadAcquire(&Adapter->Pause.Outstanding))
            CheckPaused(Adapter, __func__, HostPlace());
        NdisRule("Completed_Once", HostPendingComplete(&Adapter->Pause, NDIS_STATUS_SUCCESS), HostPlace(),
                 "no pause pends");
    }
}

/* Asks whether it can go to sleep; there is one answer. "OID_PNP_QUERY_POWER". */
VOID HostAdapterQueryPower(NDIS_HOST_ADAPTER *Adapter)
{
    NDIS_DEVICE_POWER_STATE State = NdisDeviceStateD3;
    if (Adapter->Asleep || Adapter->PowerQueried || Adapter->State == HostHalted ||
        !(Adapter->AttributeFlags & NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND))
    {
        return;
    }
    Adapter->PowerQueried = TRUE;
    ULONG Done, Needed;
    NDIS_STATUS Status =
        HostOid(Adapter, NdisRequestQueryInformation, OID_PNP_QUERY_POWER, &State, sizeof(State), &Done, &Needed);
    HandlerRule("MiniportOidRequest", "Oid_QueryPower", Status == NDIS_STATUS_SUCCESS,
                Adapter->Driver->Characteristics.OidRequestHandler, "status 0x%08x", (unsigned)Status);
}

/*
 * The adapter goes to sleep (Awake FALSE) or wakes up: "Power management (NDIS)". A miniport with
 * NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND is paused and told of the new state; another is halted, and initialised
 * anew.
 */
NTSTATUS HostAdapterSetPower(NDIS_HOST_ADAPTER *Adapter, BOOLEAN Awake)
{
    NDIS_DEVICE_POWER_STATE State = Awake ? NdisDeviceStateD0 : NdisDeviceStateD3;
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    if (Awake == !Adapter->Asleep)
        return STATUS_SUCCESS;
    if (!(Adapter->AttributeFlags & NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND))
    {
        Adapter->Asleep = !Awake;
        if (Awake)
            return HostAdapterStart(Adapter);
        HostAdapterStop(Adapter, NdisHaltDevicePoweredDown);
        return STATUS_SUCCESS;
    }
    if (Adapter->State == HostHalted)
        return STATUS_SUCCESS;
    if (!Awake)
    {
        HostAdapterQueryPower(Adapter);
        HostAdapterPause(Adapter, NDIS_PAUSE_LOW_POWER);
    }
    ULONG Done, Needed;
    NDIS_STATUS Status =
        HostOid(Adapter, NdisRequestSetInformation, OID_PNP_SET_POWER, &State, sizeof(State), &Done, &Needed);
    HandlerRule("MiniportOidRequest", "Oid_SetPower",
                Status == NDIS_STATUS_SUCCESS || (Awake && Status == NDIS_STATUS_HARD_ERRORS), Place,
                "to D%u: status 0x%08x", Awake ? 0 : 3, (unsigned)Status);
    Adapter->PowerQueried = FALSE;
    Adapter->Asleep = !Awake;
    return !Awake || HostAdapterRestart(Adapter) == NDIS_STATUS_SUCCESS ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

/* Tells the miniport of a plug and play event. "MiniportDevicePnPEventNotify". */
VOID HostAdapterPnpEvent(NDIS_HOST_ADAPTER *Adapter, NDIS_DEVICE_PNP_EVENT Event)
{
    NET_DEVICE_PNP_EVENT Notice = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NET_DEVICE_PNP_EVENT_REVISION_1,
                   .Size = sizeof(NET_DEVICE_PNP_EVENT)},
        .DevicePnPEvent = Event,
    };
    if (Adapter->State != HostHalted)
    {
        HOST_GUARD Guard;
        HostGuardBegin(&Guard, "MiniportDevicePnPEventNotify", 0);
        Adapter->Driver->Characteristics.DevicePnPEventNotifyHandler(Adapter->Context, &Notice);
        HostGuardEnd(&Guard, Adapter->Driver->Characteristics.DevicePnPEventNotifyHandler);
    }
}

/* No other adapter of the driver is in use. */
static BOOLEAN IsLast(_In_ const NDIS_HOST_ADAPTER *Adapter)
{
    BOOLEAN Last = TRUE;
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    for (LIST_ENTRY *Entry = Adapter->Driver->Adapters.Flink; Entry != &Adapter->Driver->Adapters; Entry = Entry->Flink)
        Last &= CONTAINING_RECORD(Entry, NDIS_HOST_ADAPTER, Link)->State == HostHalted;
    KeReleaseSpinLock(&HostLock, Irql);
    return Last;
}

/* A halted adapter, or one whose initialising failed, has left nothing behind, and nothing is left of it. */
static VOID Forget(_Inout_ NDIS_HOST_ADAPTER *Adapter)
{
    SetState(Adapter, HostHalted);
    HostDevicesCheckGone(Adapter->Driver, Adapter, "MiniportHaltEx");
    HostPoolsCheckGone(Adapter->Driver, Adapter, "MiniportHaltEx");
    HostOwnedCheckGone(Adapter->Driver, Adapter, "MiniportHaltEx");
    HandlerRule("MiniportHaltEx", "Halt_ConfigurationClosed", Adapter->Configurations == 0,
                (PVOID)Adapter->Driver->Characteristics.HaltHandlerEx, "%ld configurations left open",
                (long)Adapter->Configurations);
    if (IsLast(Adapter))
        PlatformAdaptersGone(Adapter->Driver->DriverObject);
    BackendDestroy(Adapter->Backend);
    Adapter->Backend = NULL;
    if (Adapter->SupportedOids)
    {
        ExFreePoolWithTag(Adapter->SupportedOids, HOST_TAG);
        Adapter->SupportedOids = NULL;
    }
    Adapter->RegistrationSet = Adapter->GeneralSet = FALSE;
}

/*
 * IRP_MN_START_DEVICE: interface, initialise, restart, and then what TCP/IP asks when it binds.
 */
NTSTATUS HostAdapterStart(NDIS_HOST_ADAPTER *Adapter)
{
    CHAR Name[128], InstanceId[64];
    BACKEND_REQUEST Request = {
        .Adapter = Adapter, .Name = Name, .InstanceId = InstanceId, .IfType = IF_TYPE_PROP_VIRTUAL};
    HostDeviceName(Adapter->Pdo, Name, sizeof(Name));
    HostInstanceId(Adapter->Pdo, InstanceId, sizeof(InstanceId));
    NTSTATUS Result = BackendCreate(&Request, &Adapter->Identity, &Adapter->Backend);
    if (!NT_SUCCESS(Result))
    {
        DbgPrint("ndis: no interface for adapter \"%s\": 0x%08x\n", Name, (unsigned)Result);
        return Result;
    }
    NDIS_STATUS Status = Initialize(Adapter);
    if (Status != NDIS_STATUS_SUCCESS)
    {
        DbgPrint("ndis: %s: initialise failed with 0x%08x\n", Adapter->Identity.Name, (unsigned)Status);
        Result = STATUS_UNSUCCESSFUL;
        goto forget;
    }
    BackendSetMtu(Adapter->Backend, Adapter->Mtu);
    HostLinkToBackend(Adapter, &Adapter->LinkState);
    HostOidCheckMandatory(Adapter);
    Status = HostAdapterRestart(Adapter);
    if (Status != NDIS_STATUS_SUCCESS)
    {
        Result = STATUS_UNSUCCESSFUL;
        goto halt;
    }
    HostOidBringUp(Adapter);
    DbgPrint("ndis: %s: running, \"%s\", index %u, mtu %u\n", Adapter->Identity.Name, Name,
             (unsigned)Adapter->Identity.IfIndex, (unsigned)Adapter->Mtu);
    return STATUS_SUCCESS;

halt:
    HostAdapterStop(Adapter, NdisHaltDeviceInitializationFailed);
    return Result;
forget:
    Forget(Adapter);
    return Result;
}

/* Pause if need be, then MiniportHaltEx; nothing of the adapter may be left after it. */
VOID HostAdapterStop(NDIS_HOST_ADAPTER *Adapter, NDIS_HALT_ACTION Action)
{
    if (Adapter->State == HostHalted)
        return;
    HostAdapterPause(Adapter, NDIS_PAUSE_NDIS_INTERNAL);
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportHaltEx", 0);
    Adapter->Driver->Characteristics.HaltHandlerEx(Adapter->Context, Action);
    HostGuardEnd(&Guard, Adapter->Driver->Characteristics.HaltHandlerEx);
    Forget(Adapter);
}
