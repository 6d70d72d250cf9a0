/* SPDX-License-Identifier: MIT */
/*
 * An adapter's life, as NDIS tells it: Initialize, Restart, Pause, Halt, and what may come between. NDIS calls these one
 * at a time for an adapter, at PASSIVE_LEVEL (Shutdown excepted). "Miniport Adapter States and Operations".
 */
#include "driver/tun.h"

/*
 * Reads one property that the adapter's creator set: exactly (or, where Variable, at most) Size bytes of Type.
 * *Length is 0 when it is not there. "IoGetDevicePropertyData function (wdm.h)".
 */
static NTSTATUS ReadProperty(_In_ DEVICE_OBJECT *Pdo, _In_ const TUN_PROPERTY_KEY *Key, _In_ ULONG Type,
                             _In_ BOOLEAN Variable, _Out_ VOID *Data, _In_ ULONG Size, _Out_ ULONG *Length)
{
    *Length = 0;
    DEVPROPTYPE FoundType;
    NTSTATUS Status =
        IoGetDevicePropertyData(Pdo, (const DEVPROPKEY *)Key, LOCALE_NEUTRAL, 0, Size, Data, Length, &FoundType);
    if (Status == STATUS_OBJECT_NAME_NOT_FOUND)
    {
        *Length = 0;
        return STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(Status))
        return Status;
    return FoundType == Type && (Variable ? *Length <= Size : *Length == Size) ? STATUS_SUCCESS
                                                                               : STATUS_INVALID_PARAMETER;
}

/* A valid self-relative descriptor without a list lets everybody in: that is never what is meant. The fields' places are
 * the SECURITY_DESCRIPTOR_RELATIVE's: "SECURITY_DESCRIPTOR" in [MS-DTYP] 2.4.6. */
static BOOLEAN HasDacl(_In_ PSECURITY_DESCRIPTOR Descriptor)
{
    USHORT Control;
    RtlCopyMemory(&Control, (UCHAR *)Descriptor + 2, sizeof(Control));
    ULONG DaclOffset;
    RtlCopyMemory(&DaclOffset, (UCHAR *)Descriptor + 16, sizeof(DaclOffset));
    return (Control & SE_DACL_PRESENT) != 0 && DaclOffset != 0;
}

/*
 * Reads and checks what the creator wants: identity, MTU, who may open. *AccessList is NULL, or a descriptor that the
 * caller frees. An adapter without identity cannot be found by any program: it is refused.
 */
static NTSTATUS ReadSettings(_Inout_ TUN_ADAPTER *Adapter, _Out_ PSECURITY_DESCRIPTOR *AccessList)
{
    static const TUN_PROPERTY_KEY GuidKey = TUN_PROPERTY_GUID, MtuKey = TUN_PROPERTY_MTU,
                                  AccessListKey = TUN_PROPERTY_ACCESS_LIST;
    *AccessList = NULL;
    DEVICE_OBJECT *Pdo;
    /* "NdisMGetDeviceProperty function (ndis.h)": all but the PDO may be left out. */
    NdisMGetDeviceProperty(Adapter->Handle, &Pdo, NULL, NULL, NULL, NULL);

    ULONG Length;
    NTSTATUS Status =
        ReadProperty(Pdo, &GuidKey, TUN_PROPERTY_GUID_TYPE, FALSE, &Adapter->Guid, sizeof(Adapter->Guid), &Length);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Length == 0)
        return STATUS_OBJECT_NAME_NOT_FOUND;

    Status = ReadProperty(Pdo, &MtuKey, TUN_PROPERTY_MTU_TYPE, FALSE, &Adapter->Mtu, sizeof(Adapter->Mtu), &Length);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Length == 0)
        Adapter->Mtu = TUN_MTU_DEFAULT;
    if (Adapter->Mtu < TUN_MTU_MIN || Adapter->Mtu > TUN_MTU_MAX)
        return STATUS_INVALID_PARAMETER;

    PSECURITY_DESCRIPTOR Descriptor = ExAllocatePoolWithTag(NonPagedPoolNx, TUN_ACCESS_LIST_MAX, TUN_TAG);
    if (!Descriptor)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = ReadProperty(Pdo, &AccessListKey, TUN_PROPERTY_ACCESS_LIST_TYPE, TRUE, Descriptor, TUN_ACCESS_LIST_MAX,
                          &Length);
    if (NT_SUCCESS(Status) && Length != 0 &&
        (!RtlValidRelativeSecurityDescriptor(Descriptor, Length, DACL_SECURITY_INFORMATION) || !HasDacl(Descriptor)))
        Status = STATUS_INVALID_SECURITY_DESCR;
    if (!NT_SUCCESS(Status) || Length == 0)
        ExFreePoolWithTag(Descriptor, TUN_TAG);
    else
        *AccessList = Descriptor;
    return Status;
}

/* Tells NDIS what the adapter is. "NdisMSetMiniportAttributes function (ndis.h)". */
static NDIS_STATUS SetRegistrationAttributes(_In_ TUN_ADAPTER *Adapter)
{
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES Registration = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_2,
                   .Size = NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_2},
        .MiniportAdapterContext = Adapter,
        /* A session outlives sleep, and a device without hardware can always be taken away. */
        .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND | NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK,
        .InterfaceType = NdisInterfaceInternal,
    };
    return NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&Registration);
}

static NDIS_STATUS SetGeneralAttributes(_In_ TUN_ADAPTER *Adapter)
{
    NDIS_PM_CAPABILITIES Power = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_PM_CAPABILITIES_REVISION_2,
                   .Size = NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_2},
        .MinMagicPacketWakeUp = NdisDeviceStateUnspecified,
        .MinPatternWakeUp = NdisDeviceStateUnspecified,
        .MinLinkChangeWakeUp = NdisDeviceStateUnspecified,
    };
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES General = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2,
                   .Size = NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2},
        .MediaType = NdisMediumIP,
        .PhysicalMediumType = NdisPhysicalMediumUnspecified,
        .MtuSize = Adapter->Mtu,
        .MaxXmitLinkSpeed = TUN_LINK_SPEED,
        .XmitLinkSpeed = TUN_LINK_SPEED,
        .MaxRcvLinkSpeed = TUN_LINK_SPEED,
        .RcvLinkSpeed = TUN_LINK_SPEED,
        .MediaConnectState = MediaConnectStateDisconnected,
        .MediaDuplexState = MediaDuplexStateFull,
        .LookaheadSize = Adapter->Mtu,
        .MacOptions =
            NDIS_MAC_OPTION_TRANSFERS_NOT_PEND | NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA | NDIS_MAC_OPTION_NO_LOOPBACK |
            NDIS_MAC_OPTION_8021P_PRIORITY, /* "must set", says "OID_GEN_MAC_OPTIONS"; a raw IP link has no use for it */
        .SupportedPacketFilters = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST |
                                  NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_BROADCAST |
                                  NDIS_PACKET_TYPE_ALL_LOCAL | NDIS_PACKET_TYPE_ALL_FUNCTIONAL,
        .AccessType = NET_IF_ACCESS_BROADCAST,
        .DirectionType = NET_IF_DIRECTION_SENDRECEIVE,
        .ConnectionType = NET_IF_CONNECTION_DEDICATED,
        .IfType = IF_TYPE_PROP_VIRTUAL,
        .IfConnectorPresent = FALSE,
        .SupportedStatistics =
            NDIS_STATISTICS_XMIT_OK_SUPPORTED | NDIS_STATISTICS_RCV_OK_SUPPORTED |
            NDIS_STATISTICS_DIRECTED_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_DIRECTED_FRAMES_XMIT_SUPPORTED |
            NDIS_STATISTICS_MULTICAST_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_MULTICAST_FRAMES_XMIT_SUPPORTED |
            NDIS_STATISTICS_BROADCAST_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_BROADCAST_FRAMES_XMIT_SUPPORTED |
            NDIS_STATISTICS_DIRECTED_BYTES_RCV_SUPPORTED | NDIS_STATISTICS_DIRECTED_FRAMES_RCV_SUPPORTED |
            NDIS_STATISTICS_MULTICAST_BYTES_RCV_SUPPORTED | NDIS_STATISTICS_MULTICAST_FRAMES_RCV_SUPPORTED |
            NDIS_STATISTICS_BROADCAST_BYTES_RCV_SUPPORTED | NDIS_STATISTICS_BROADCAST_FRAMES_RCV_SUPPORTED |
            NDIS_STATISTICS_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_BYTES_RCV_SUPPORTED |
            NDIS_STATISTICS_XMIT_ERROR_SUPPORTED | NDIS_STATISTICS_RCV_ERROR_SUPPORTED |
            NDIS_STATISTICS_XMIT_DISCARDS_SUPPORTED | NDIS_STATISTICS_RCV_DISCARDS_SUPPORTED,
        .SupportedOidList = OidSupported,
        .SupportedOidListLength = OidSupportedSize,
        .PowerManagementCapabilitiesEx = &Power,
    };
    return NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&General);
}

/* What the stack may leave to us: all from the start, whatever a session asks for, so that nothing is under way by other rules.
 * "NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES structure". */
static NDIS_STATUS SetOffloadAttributes(_Inout_ TUN_ADAPTER *Adapter)
{
    NDIS_OFFLOAD Offload;
    ReportDescribe(TUN_TASKS, &Offload);
    NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES Attributes = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                   .Revision = NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1,
                   .Size = NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1},
        .DefaultOffloadConfiguration = &Offload,
        .HardwareOffloadCapabilities = &Offload,
    };
    atomic_store_explicit(&Adapter->Tasks, TUN_TASKS, memory_order_relaxed);
    return NdisMSetMiniportAttributes(Adapter->Handle, (NDIS_MINIPORT_ADAPTER_ATTRIBUTES *)&Attributes);
}

/* Called when the device starts. Leaves the adapter paused. "MINIPORT_INITIALIZE callback function". */
_Use_decl_annotations_
NDIS_STATUS AdapterInitialize(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE MiniportDriverContext,
                              NDIS_MINIPORT_INIT_PARAMETERS *Parameters)
{
    PSECURITY_DESCRIPTOR AccessList = NULL;
    TUN_ADAPTER *Adapter = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Adapter), TUN_TAG);
    if (!Adapter)
        return NDIS_STATUS_RESOURCES;
    RtlZeroMemory(Adapter, sizeof(*Adapter));
    Adapter->Handle = MiniportAdapterHandle;
    Adapter->NetLuid = Parameters->NetLuid.Value;
    Adapter->IfIndex = Parameters->IfIndex;
    KeInitializeSpinLock(&Adapter->ToAppLock);
    KeInitializeSpinLock(&Adapter->FreeLock);
    KeInitializeSpinLock(&Adapter->MonitorLock);
    KeInitializeEvent(&Adapter->Running, NotificationEvent, FALSE);
    ExInitializeRundownProtection(&Adapter->Requests);
    ExInitializeRundownProtection(&Adapter->TaskUse);
    /* Paused, and without a session: both run down from the start, until Restart and SessionStart open them. */
    ExInitializeRundownProtection(&Adapter->DataPath);
    ExWaitForRundownProtectionRelease(&Adapter->DataPath);
    ExInitializeRundownProtection(&Adapter->SessionUse);
    ExWaitForRundownProtectionRelease(&Adapter->SessionUse);
    ExInitializeRundownProtection(&Adapter->MonitorUse);
    ExWaitForRundownProtectionRelease(&Adapter->MonitorUse);

    NTSTATUS Status = ExInitializeResourceLite(&Adapter->SessionLock);
    if (!NT_SUCCESS(Status))
        goto freeAdapter;
    Status = SetRegistrationAttributes(Adapter);
    if (Status != NDIS_STATUS_SUCCESS)
        goto deleteResource;
    Status = ReadSettings(Adapter, &AccessList);
    if (!NT_SUCCESS(Status))
        goto deleteResource;
    Adapter->Lookahead = Adapter->Mtu;
    Status = SetGeneralAttributes(Adapter);
    if (Status != NDIS_STATUS_SUCCESS)
        goto freeAccessList;
    Status = SetOffloadAttributes(Adapter);
    if (Status != NDIS_STATUS_SUCCESS)
        goto freeAccessList;
    Status = DeviceCreate(Adapter, AccessList);

freeAccessList:
    if (AccessList)
        ExFreePoolWithTag(AccessList, TUN_TAG);
deleteResource:
    Trace(AdapterStart, .NetLuid = Adapter->NetLuid, .IfIndex = Adapter->IfIndex, .Mtu = Adapter->Mtu,
          .Guid = Adapter->Guid, .Status = (ULONG)Status);
    if (Status != STATUS_SUCCESS)
        ExDeleteResourceLite(&Adapter->SessionLock);
freeAdapter:
    if (Status != STATUS_SUCCESS)
        ExFreePoolWithTag(Adapter, TUN_TAG);
    return Status;
}

/* Called when the device stops; the adapter is paused. Undoes Initialize. "MINIPORT_HALT callback function". */
_Use_decl_annotations_
VOID AdapterHalt(NDIS_HANDLE MiniportAdapterContext, NDIS_HALT_ACTION HaltAction)
{
    TUN_ADAPTER *Adapter = MiniportAdapterContext;
    SessionEnd(Adapter, NULL, TUN_CLOSED_REMOVED);
    DeviceDelete(Adapter);
    ToStackFreeLists(Adapter);
    Trace(AdapterHalt, .NetLuid = Adapter->NetLuid);
    ExDeleteResourceLite(&Adapter->SessionLock);
    ExFreePoolWithTag(Adapter, TUN_TAG);
}

/* Called to let packets flow. "MINIPORT_RESTART callback function". */
_Use_decl_annotations_
NDIS_STATUS AdapterRestart(NDIS_HANDLE MiniportAdapterContext, NDIS_MINIPORT_RESTART_PARAMETERS *Parameters)
{
    TUN_ADAPTER *Adapter = MiniportAdapterContext;
    Trace(AdapterRestart, .NetLuid = Adapter->NetLuid);
    ExReInitializeRundownProtection(&Adapter->DataPath);
    KeSetEvent(&Adapter->Running, IO_NO_INCREMENT, FALSE);
    return NDIS_STATUS_SUCCESS;
}

/*
 * Called to stop the flow. Returns when no send call is in the driver and the stack has returned every receive list;
 * the session and what is in its rings stay. "MINIPORT_PAUSE callback function".
 */
_Use_decl_annotations_
NDIS_STATUS AdapterPause(NDIS_HANDLE MiniportAdapterContext, NDIS_MINIPORT_PAUSE_PARAMETERS *Parameters)
{
    TUN_ADAPTER *Adapter = MiniportAdapterContext;
    KeClearEvent(&Adapter->Running);
    ExWaitForRundownProtectionRelease(&Adapter->DataPath);
    Trace(AdapterPause, .NetLuid = Adapter->NetLuid);
    return NDIS_STATUS_SUCCESS;
}

/* Called when the system goes down, at any IRQL: there is no hardware to quieten. "MINIPORT_SHUTDOWN". */
_Use_decl_annotations_
VOID AdapterShutdown(NDIS_HANDLE MiniportAdapterContext, NDIS_SHUTDOWN_ACTION ShutdownAction)
{
}

/* Called for PnP events: when the device is gone, the program hears of it at once, not only at Halt. */
_Use_decl_annotations_
VOID AdapterPnpEvent(NDIS_HANDLE MiniportAdapterContext, NET_DEVICE_PNP_EVENT *Event)
{
    TUN_ADAPTER *Adapter = MiniportAdapterContext;
    if (Event->DevicePnPEvent != NdisDevicePnPEventSurpriseRemoved)
        return;
    Trace(AdapterRemoved, .NetLuid = Adapter->NetLuid);
    SessionEnd(Adapter, NULL, TUN_CLOSED_REMOVED);
}
