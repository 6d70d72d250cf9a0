/* SPDX-License-Identifier: MIT */
/*
 * The driver as a whole: its entry, its exit, and the handlers that NDIS calls. All at PASSIVE_LEVEL. What is per adapter
 * is in adapter.c, what is per session in session.c.
 */
#include "driver/tun.h"

DRIVER_INITIALIZE DriverEntry;
static MINIPORT_UNLOAD DriverUnload;

/* Called when the driver is loaded. "DriverEntry of NDIS Miniport Drivers", "NdisMRegisterMiniportDriver". */
_Use_decl_annotations_
NTSTATUS NTAPI DriverEntry(DRIVER_OBJECT *DriverObject, UNICODE_STRING *RegistryPath)
{
    TraceOpen();
    KeInitializeSpinLock(&Driver.AdaptersLock);
    InitializeListHead(&Driver.Adapters);

    /* NDIS 6.82 is what Windows 10 1809, the oldest we run on, has: "Overview of NDIS versions". */
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics = {
        .Header = {.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
                   .Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3,
                   .Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 82,
        .MajorDriverVersion = PLAINTUN_VERSION_MAJOR,
        .MinorDriverVersion = PLAINTUN_VERSION_MINOR,
        .InitializeHandlerEx = AdapterInitialize,
        .HaltHandlerEx = AdapterHalt,
        .UnloadHandler = DriverUnload,
        .PauseHandler = AdapterPause,
        .RestartHandler = AdapterRestart,
        .OidRequestHandler = OidRequest,
        .CancelOidRequestHandler = OidCancel,
        .SendNetBufferListsHandler = ToAppSend,
        .CancelSendHandler = ToAppCancel,
        .ReturnNetBufferListsHandler = ToStackReturn,
        .DevicePnPEventNotifyHandler = AdapterPnpEvent,
        .ShutdownHandlerEx = AdapterShutdown,
    };
    NDIS_STATUS Status =
        NdisMRegisterMiniportDriver(DriverObject, RegistryPath, NULL, &Characteristics, &Driver.Handle);
    Trace(DriverStart, .Version = TUN_VERSION, .NdisVersion = NdisGetVersion(), .Status = (ULONG)Status);
    if (Status != NDIS_STATUS_SUCCESS)
        TraceClose();
    return Status;
}

/* Called when the last adapter and the last open handle are gone. "MINIPORT_UNLOAD callback function". */
_Use_decl_annotations_
static VOID DriverUnload(DRIVER_OBJECT *DriverObject)
{
    NdisMDeregisterMiniportDriver(Driver.Handle);
    Trace(DriverStop, .Version = TUN_VERSION);
    TraceClose();
}
