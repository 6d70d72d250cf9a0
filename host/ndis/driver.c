/* SPDX-License-Identifier: MIT */
/*
 * Miniport drivers: registration, deregistration, unloading, and the version of NDIS they see. PASSIVE_LEVEL; the list
 * of drivers is guarded by HostLock. A driver's record lives from NdisMRegisterMiniportDriver until its unload routine
 * has returned, so that what it leaves behind can be told.
 */
#include "host/ndis/ndishost.h"

KSPIN_LOCK HostLock;
LIST_ENTRY HostDrivers = {&HostDrivers, &HostDrivers};

/* The version in (major << 16) | minor that this NDIS claims: by default that of Windows 10 1809. */
ULONG HostVersion(VOID)
{
    static volatile LONG Version;
    if (!Version)
        InterlockedExchange(&Version, (LONG)PlatformSetting("HOST_NDIS_VERSION", 0x60052));
    return (ULONG)Version;
}

/* NdisGetVersion: any IRQL. "NdisGetVersion macro/function (ndis.h)". */
UINT NdisGetVersion(VOID)
{
    return HostVersion();
}

/* Miniports unload through here, so that leaks are found when the driver has done all it will. */
static VOID HostUnload(_In_ DRIVER_OBJECT *DriverObject)
{
    NDIS_HOST_DRIVER *Driver = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    for (LIST_ENTRY *Entry = HostDrivers.Flink; Entry != &HostDrivers; Entry = Entry->Flink)
    {
        NDIS_HOST_DRIVER *Candidate = CONTAINING_RECORD(Entry, NDIS_HOST_DRIVER, Link);
        if (Candidate->DriverObject == DriverObject)
            Driver = Candidate;
    }
    KeReleaseSpinLock(&HostLock, Irql);
    if (!Driver)
        return;
    PlatformDriverUnloading(DriverObject);
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportDriverUnload", 0);
    Driver->Characteristics.UnloadHandler(DriverObject);
    HostGuardEnd(&Guard, (PVOID)Driver->Characteristics.UnloadHandler);
    HandlerRule("MiniportDriverUnload", "Unload_Deregister", Driver->Deregistered,
                Driver->Characteristics.UnloadHandler, "MiniportDriverUnload without NdisMDeregisterMiniportDriver");
    HostDevicesCheckGone(Driver, NULL, "MiniportDriverUnload");
    HostPoolsCheckGone(Driver, NULL, "MiniportDriverUnload");
    HostOwnedCheckGone(Driver, NULL, "MiniportDriverUnload");
    HandlerRule("MiniportDriverUnload", "Unload_Configuration", Driver->Configurations == 0,
                (PVOID)Driver->Characteristics.UnloadHandler, "%ld configurations left open",
                (long)Driver->Configurations);
    PlatformDriverUnloaded(DriverObject);

    KeAcquireSpinLock(&HostLock, &Irql);
    RemoveEntryList(&Driver->Link);
    KeReleaseSpinLock(&HostLock, Irql);
    Driver->Magic = HostMagicDead;
    if (Driver->RegistryPath.Buffer)
        ExFreePoolWithTag(Driver->RegistryPath.Buffer, HOST_TAG);
    ExFreePoolWithTag(Driver, HOST_TAG);
}

static const CHAR Register[] = "NdisMRegisterMiniportDriver";

/* What a miniport must bring along: "NDIS_MINIPORT_DRIVER_CHARACTERISTICS". */
static NDIS_STATUS CheckCharacteristics(_In_ const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Miniport, _In_opt_ PVOID Place)
{
    UCHAR Revision = Miniport->Header.Revision;
    if (!HandlerRule(Register, "Header_Valid",
                     Miniport->Header.Type == NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS && Revision >= 1 &&
                         Miniport->Header.Size >= NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1,
                     Place, "NDIS_MINIPORT_DRIVER_CHARACTERISTICS: type 0x%x revision %u size %u",
                     Miniport->Header.Type, Revision, Miniport->Header.Size))
    {
        return NDIS_STATUS_BAD_CHARACTERISTICS;
    }
    if (Miniport->MajorNdisVersion != 6 || Miniport->MinorNdisVersion > (HostVersion() & 0xffff))
    {
        DbgPrint("ndis: driver wants NDIS %u.%u, this is 6.%u\n", Miniport->MajorNdisVersion,
                 Miniport->MinorNdisVersion, (unsigned)(HostVersion() & 0xffff));
        return NDIS_STATUS_BAD_VERSION;
    }
    if (!HandlerRule(Register, "Characteristics_Mandatory",
                     Miniport->InitializeHandlerEx && Miniport->HaltHandlerEx && Miniport->UnloadHandler &&
                         Miniport->PauseHandler && Miniport->RestartHandler && Miniport->OidRequestHandler &&
                         Miniport->SendNetBufferListsHandler && Miniport->ReturnNetBufferListsHandler &&
                         Miniport->CancelSendHandler && Miniport->DevicePnPEventNotifyHandler &&
                         Miniport->ShutdownHandlerEx && Miniport->CancelOidRequestHandler,
                     Place, "a mandatory handler is missing"))
    {
        return NDIS_STATUS_BAD_CHARACTERISTICS;
    }
    return NDIS_STATUS_SUCCESS;
}

/*
 * NdisMRegisterMiniportDriver: makes the driver known and takes over its AddDevice, unload and dispatch routines.
 * Gives NDIS_STATUS_SUCCESS, _BAD_CHARACTERISTICS, _BAD_VERSION or _RESOURCES. From DriverEntry, PASSIVE_LEVEL.
 */
NDIS_STATUS NdisMRegisterMiniportDriver(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath,
                                        NDIS_HANDLE MiniportDriverContext,
                                        PNDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics,
                                        PNDIS_HANDLE NdisMiniportDriverHandle)
{
    NDIS_HOST_DRIVER *Driver;
    SIZE_T Size = min(Characteristics->Header.Size, sizeof(Driver->Characteristics));
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", PASSIVE_LEVEL, TRUE);
    PlatformDriverRegistered(DriverObject);
    NDIS_STATUS Status = CheckCharacteristics(Characteristics, HostPlace());
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    Driver = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Driver), HOST_TAG);
    if (!Driver)
        return NDIS_STATUS_RESOURCES;
    RtlZeroMemory(Driver, sizeof(*Driver));
    Driver->Magic = HostMagicDriver;
    Driver->DriverObject = DriverObject;
    Driver->Context = MiniportDriverContext;
    RtlCopyMemory(&Driver->Characteristics, Characteristics, Size);
    InitializeListHead(&Driver->Adapters);
    InitializeListHead(&Driver->Devices);
    InitializeListHead(&Driver->Pools);
    if (RegistryPath && RegistryPath->Length)
    {
        Driver->RegistryPath.Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, RegistryPath->Length, HOST_TAG);
        if (!Driver->RegistryPath.Buffer)
        {
            ExFreePoolWithTag(Driver, HOST_TAG);
            return NDIS_STATUS_RESOURCES;
        }
        Driver->RegistryPath.Length = Driver->RegistryPath.MaximumLength = RegistryPath->Length;
        RtlCopyMemory(Driver->RegistryPath.Buffer, RegistryPath->Buffer, RegistryPath->Length);
    }
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    InsertTailList(&HostDrivers, &Driver->Link);
    KeReleaseSpinLock(&HostLock, Irql);

    DriverObject->DriverExtension->AddDevice = HostAddDevice;
    DriverObject->DriverUnload = HostUnload;
    for (ULONG Major = 0; Major <= IRP_MJ_MAXIMUM_FUNCTION; Major++)
        DriverObject->MajorFunction[Major] = HostDispatch;
    *NdisMiniportDriverHandle = Driver;
    if (Driver->Characteristics.SetOptionsHandler)
        Status = Driver->Characteristics.SetOptionsHandler(Driver, MiniportDriverContext);
    return Status;
}

/*
 * NdisSetOptionalHandlers: from MiniportSetOptions, with the driver's handle. Handlers of plug and play are called;
 * MiniportFilterResourceRequirements is not, adapters here have no resources. Those of selective suspend are taken, and
 * no adapter is ever idle enough for them. NDIS_STATUS_FAILURE for any other services: the host has none.
 */
NDIS_STATUS NdisSetOptionalHandlers(NDIS_HANDLE NdisHandle, PNDIS_OBJECT_HEADER OptionalHandlers)
{
    NDIS_HOST_DRIVER *Driver = HostDriverOf(NdisHandle, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", PASSIVE_LEVEL, FALSE);
    if (!Driver)
        return NDIS_STATUS_FAILURE;
    if (OptionalHandlers->Type == NDIS_OBJECT_TYPE_MINIPORT_SS_CHARACTERISTICS)
        return NDIS_STATUS_SUCCESS;
    if (OptionalHandlers->Type != NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS)
    {
        DbgPrint("ndis: a driver has optional handlers of type 0x%x, which no part of this NDIS calls\n",
                 OptionalHandlers->Type);
        return NDIS_STATUS_FAILURE;
    }
    if (!HostHeaderValid(OptionalHandlers, NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS,
                         NDIS_MINIPORT_PNP_CHARACTERISTICS_REVISION_1,
                         NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1, "NDIS_MINIPORT_PNP_CHARACTERISTICS",
                         __func__, HostPlace()))
    {
        return NDIS_STATUS_FAILURE;
    }
    RtlCopyMemory(&Driver->Pnp, OptionalHandlers, NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1);
    return NDIS_STATUS_SUCCESS;
}

/*
 * NdisMDeregisterMiniportDriver: from MiniportDriverUnload, or from DriverEntry when it fails after registering. All
 * adapters are halted by then. PASSIVE_LEVEL.
 */
VOID NdisMDeregisterMiniportDriver(NDIS_HANDLE NdisMiniportDriverHandle)
{
    NDIS_HOST_DRIVER *Driver = HostDriverOf(NdisMiniportDriverHandle, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", PASSIVE_LEVEL, TRUE);
    if (!Driver)
        return;
    NdisRule("Deregister_Once", !Driver->Deregistered, HostPlace(), "the driver is deregistered already");
    NdisRule("Deregister_NoAdapters", IsListEmpty(&Driver->Adapters), HostPlace(), "adapters are left");
    Driver->Deregistered = TRUE;
}
