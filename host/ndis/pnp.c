/* SPDX-License-Identifier: MIT */
/*
 * Plug and play: NDIS as the function driver of a miniport's devices. AddDevice makes the adapter, START_DEVICE
 * initialises and restarts it, SURPRISE_REMOVAL and REMOVE_DEVICE pause and halt it. PASSIVE_LEVEL; the PnP manager
 * sends one such IRP at a time to a device, so an adapter needs no lock here. Other requests go to the control device
 * that they are for, or are answered as NDIS answers them on an adapter's own device.
 */
#include "host/ndis/ndishost.h"

/* GUID_DEVINTERFACE_NET, "Device Interface Classes". */
static const GUID NetInterface = {0xcac88484, 0x7515, 0x4c03, {0x82, 0xe6, 0x71, 0xa8, 0x7a, 0xba, 0xc3, 0x61}};
NTSTATUS HostCompleteIrp(IRP *Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* The driver that NdisMRegisterMiniportDriver made for DriverObject, or NULL. */
static NDIS_HOST_DRIVER *FindDriver(_In_ DRIVER_OBJECT *DriverObject)
{
    NDIS_HOST_DRIVER *Found = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    for (LIST_ENTRY *Entry = HostDrivers.Flink; Entry != &HostDrivers; Entry = Entry->Flink)
    {
        NDIS_HOST_DRIVER *Driver = CONTAINING_RECORD(Entry, NDIS_HOST_DRIVER, Link);
        if (Driver->DriverObject == DriverObject && !Driver->Deregistered)
            Found = Driver;
    }
    KeReleaseSpinLock(&HostLock, Irql);
    return Found;
}

/* FALSE: the miniport has a MiniportAddDevice, and that failed. */
static BOOLEAN MiniportAddsDevice(_Inout_ NDIS_HOST_ADAPTER *Adapter)
{
    MINIPORT_ADD_DEVICE_HANDLER Handler = Adapter->Driver->Pnp.MiniportAddDeviceHandler;
    if (!Handler)
        return TRUE;
    Adapter->Adding = TRUE;
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportAddDevice", 0);
    NDIS_STATUS Status = Handler(Adapter, Adapter->Driver->Context);
    HostGuardEnd(&Guard, Handler);
    Adapter->Adding = FALSE;
    if (Status != NDIS_STATUS_SUCCESS)
        DbgPrint("ndis: MiniportAddDevice failed with 0x%08x\n", (unsigned)Status);
    return Status == NDIS_STATUS_SUCCESS;
}

/* "MINIPORT_REMOVE_DEVICE callback function": what MiniportAddDevice made goes. */
static VOID MiniportRemovesDevice(_In_ NDIS_HOST_ADAPTER *Adapter)
{
    MINIPORT_REMOVE_DEVICE_HANDLER Handler = Adapter->Driver->Pnp.MiniportRemoveDeviceHandler;
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportRemoveDevice", 0);
    if (Handler)
        Handler(Adapter->AddDeviceContext);
    HostGuardEnd(&Guard, Handler);
}

/* Before MiniportInitializeEx: "MINIPORT_PNP_IRP callback function". */
static NTSTATUS MiniportStartsDevice(_In_ NDIS_HOST_ADAPTER *Adapter, _Inout_ IRP *Irp)
{
    MINIPORT_START_DEVICE_HANDLER Handler = Adapter->Driver->Pnp.MiniportStartDeviceHandler;
    if (!Handler)
        return STATUS_SUCCESS;
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportStartDevice", 0);
    NDIS_STATUS Status = Handler(Adapter->AddDeviceContext, Irp);
    HostGuardEnd(&Guard, Handler);
    return Status == NDIS_STATUS_SUCCESS ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

/* AddDevice: the adapter and its device, attached above the physical device object. "AddDevice routine". */
NTSTATUS HostAddDevice(DRIVER_OBJECT *DriverObject, DEVICE_OBJECT *Pdo)
{
    NDIS_HOST_DRIVER *Driver = FindDriver(DriverObject);
    if (!Driver)
        return STATUS_NO_SUCH_DEVICE;
    if (!Driver->Ready)
    {
        Driver->Ready = TRUE;
        PlatformDriverReady(DriverObject);
    }
    DEVICE_OBJECT *Fdo;
    NTSTATUS Status =
        IoCreateDevice(DriverObject, sizeof(HOST_FDO), NULL, FILE_DEVICE_PHYSICAL_NETCARD, 0, FALSE, &Fdo);
    if (!NT_SUCCESS(Status))
        return Status;
    NDIS_HOST_ADAPTER *Adapter = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Adapter), HOST_TAG);
    if (!Adapter)
    {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto deleteDevice;
    }
    RtlZeroMemory(Adapter, sizeof(*Adapter));
    Adapter->Magic = HostMagicAdapter;
    Adapter->Driver = Driver;
    Adapter->Pdo = Pdo;
    Adapter->Fdo = Fdo;
    Adapter->State = HostHalted;
    KeInitializeEvent(&Adapter->OidIdle, SynchronizationEvent, TRUE);
    Adapter->Lower = IoAttachDeviceToDeviceStack(Fdo, Pdo);
    if (!Adapter->Lower)
    {
        Status = STATUS_NO_SUCH_DEVICE;
        goto freeAdapter;
    }
    HOST_FDO *Extension = Fdo->DeviceExtension;
    Extension->Magic = HostMagicFdo;
    Extension->Adapter = Adapter;
    Status = IoRegisterDeviceInterface(Pdo, &NetInterface, NULL, &Adapter->Interface);
    if (!NT_SUCCESS(Status))
        goto detach;
    if (!MiniportAddsDevice(Adapter))
    {
        Status = STATUS_UNSUCCESSFUL;
        goto forgetInterface;
    }
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    InsertTailList(&Driver->Adapters, &Adapter->Link);
    KeReleaseSpinLock(&HostLock, Irql);
    Fdo->Flags |= DO_DIRECT_IO;
    Fdo->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;

forgetInterface:
    if (Adapter->Interface.Buffer)
        RtlFreeUnicodeString(&Adapter->Interface);
detach:
    IoDetachDevice(Adapter->Lower);
freeAdapter:
    ExFreePoolWithTag(Adapter, HOST_TAG);
deleteDevice:
    IoDeleteDevice(Fdo);
    return Status;
}

NTSTATUS HostPassDown(NDIS_HOST_ADAPTER *Adapter, IRP *Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Adapter->Lower, Irp);
}

static NTSTATUS KeepIrp(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Event)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    if (Irp->PendingReturned)
        KeSetEvent(Event, 0, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* "Passing IRPs down the driver stack": the driver below has done its part when this returns. */
NTSTATUS HostPassDownAndWait(NDIS_HOST_ADAPTER *Adapter, IRP *Irp)
{
    KEVENT Event;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, KeepIrp, &Event, TRUE, TRUE, TRUE);
    NTSTATUS Status = IoCallDriver(Adapter->Lower, Irp);
    if (Status == STATUS_PENDING)
    {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        Status = Irp->IoStatus.Status;
    }
    return Status;
}

/* Once, at whichever removal comes first: "IoSetDeviceInterfaceState function (wdm.h)". */
static VOID DisableInterface(_Inout_ NDIS_HOST_ADAPTER *Adapter)
{
    if (Adapter->InterfaceEnabled)
    {
        Adapter->InterfaceEnabled = FALSE;
        IoSetDeviceInterfaceState(&Adapter->Interface, FALSE);
    }
}

/* IRP_MN_REMOVE_DEVICE: after this neither the adapter nor its device exists. */
static NTSTATUS Remove(_Inout_ NDIS_HOST_ADAPTER *Adapter, _Inout_ IRP *Irp)
{
    DEVICE_OBJECT *Fdo = Adapter->Fdo;
    HostAdapterStop(Adapter, NdisHaltDeviceDisabled);
    MiniportRemovesDevice(Adapter);
    DisableInterface(Adapter);
    if (Adapter->Interface.Buffer)
        RtlFreeUnicodeString(&Adapter->Interface);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    NTSTATUS Status = HostPassDown(Adapter, Irp);
    IoDetachDevice(Adapter->Lower);
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    RemoveEntryList(&Adapter->Link);
    KeReleaseSpinLock(&HostLock, Irql);
    ((HOST_FDO *)Fdo->DeviceExtension)->Adapter = NULL;
    IoDeleteDevice(Fdo);
    Adapter->Magic = HostMagicDead;
    ExFreePoolWithTag(Adapter, HOST_TAG);
    return Status;
}

static NTSTATUS DispatchPnp(_Inout_ NDIS_HOST_ADAPTER *Adapter, _Inout_ IRP *Irp)
{
    UCHAR Minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    NTSTATUS Status;
    switch (Minor)
    {
    case IRP_MN_START_DEVICE:
        /* The bus comes first. A software device has none, and what lies below completes at once. */
        Status = HostPassDownAndWait(Adapter, Irp);
        if (NT_SUCCESS(Status))
            Status = MiniportStartsDevice(Adapter, Irp);
        if (NT_SUCCESS(Status))
            Status = HostAdapterStart(Adapter);
        if (NT_SUCCESS(Status) && Adapter->Interface.Buffer)
            Adapter->InterfaceEnabled = NT_SUCCESS(IoSetDeviceInterfaceState(&Adapter->Interface, TRUE));
        Adapter->StartFailed = !NT_SUCCESS(Status);
        return HostCompleteIrp(Irp, Status);
    case IRP_MN_QUERY_PNP_DEVICE_STATE:
        /* How the system learns of a miniport that did not initialise, and says "problem 10". */
        if (Adapter->StartFailed)
            Irp->IoStatus.Information |= PNP_DEVICE_FAILED;
        break;
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
        HostAdapterPnpEvent(Adapter, Minor == IRP_MN_QUERY_STOP_DEVICE ? NdisDevicePnPEventQueryStopped
                                                                       : NdisDevicePnPEventQueryRemoved);
        break;
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
        break;
    case IRP_MN_STOP_DEVICE:
        HostAdapterStop(Adapter, NdisHaltDeviceStopped);
        break;
    case IRP_MN_SURPRISE_REMOVAL:
        Adapter->SurpriseRemoved = TRUE;
        DisableInterface(Adapter);
        HostAdapterPnpEvent(Adapter, NdisDevicePnPEventSurpriseRemoved);
        HostAdapterStop(Adapter, NdisHaltDeviceSurpriseRemoved);
        break;
    case IRP_MN_REMOVE_DEVICE:
        return Remove(Adapter, Irp);
    default:
        return HostPassDown(Adapter, Irp);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return HostPassDown(Adapter, Irp);
}

/* A miniport's dispatch table leads here, except where the miniport put a routine of its own. */
NTSTATUS HostDispatch(DEVICE_OBJECT *DeviceObject, IRP *Irp)
{
    HOST_MAGIC *Magic = DeviceObject->DeviceExtension;
    IO_STACK_LOCATION *Location = IoGetCurrentIrpStackLocation(Irp);
    UCHAR Major = Location->MajorFunction;
    if (*Magic == HostMagicDevice)
    {
        HOST_DEVICE *Device = DeviceObject->DeviceExtension;
        if (Device->Dispatch[Major])
            return Device->Dispatch[Major](DeviceObject, Irp);
        return HostCompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST);
    }
    if (*Magic == HostMagicFdo)
    {
        NDIS_HOST_ADAPTER *Adapter = ((HOST_FDO *)DeviceObject->DeviceExtension)->Adapter;
        if (Adapter && Major == IRP_MJ_PNP)
            return DispatchPnp(Adapter, Irp);
        if (Adapter && Major == IRP_MJ_POWER)
            return HostDispatchPower(Adapter, Irp);
        if (Adapter && Major == IRP_MJ_SYSTEM_CONTROL)
            return HostPassDown(Adapter, Irp);
        if (Major == IRP_MJ_CREATE || Major == IRP_MJ_CLEANUP || Major == IRP_MJ_CLOSE)
            return HostCompleteIrp(Irp, STATUS_SUCCESS);
    }
    return HostCompleteIrp(Irp, STATUS_INVALID_DEVICE_REQUEST);
}

/* NdisMGetDeviceProperty: each pointer may be NULL. Resources are none: the adapter has no hardware. */
VOID NdisMGetDeviceProperty(NDIS_HANDLE MiniportAdapterHandle, PDEVICE_OBJECT *PhysicalDeviceObject,
                            PDEVICE_OBJECT *FunctionalDeviceObject, PDEVICE_OBJECT *NextDeviceObject,
                            PCM_RESOURCE_LIST *AllocatedResources, PCM_RESOURCE_LIST *AllocatedResourcesTranslated)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(MiniportAdapterHandle, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", PASSIVE_LEVEL, FALSE);
    if (!Adapter)
        return;
    if (PhysicalDeviceObject)
        *PhysicalDeviceObject = Adapter->Pdo;
    if (FunctionalDeviceObject)
        *FunctionalDeviceObject = Adapter->Fdo;
    if (NextDeviceObject)
        *NextDeviceObject = Adapter->Lower;
    if (AllocatedResources)
        *AllocatedResources = NULL;
    if (AllocatedResourcesTranslated)
        *AllocatedResourcesTranslated = NULL;
}
