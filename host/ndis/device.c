/* SPDX-License-Identifier: MIT */
/*
 * Control devices: NdisRegisterDeviceEx and its undoing. PASSIVE_LEVEL; HostLock guards a driver's list of devices.
 * The HOST_DEVICE lies in the device object's extension and so lives as long as the object: with a handle still open
 * that is longer than the registration, and requests on such a handle still reach the miniport's dispatch routines.
 */
#include "host/ndis/ndishost.h"

static NTSTATUS CopyString(_Out_ UNICODE_STRING *To, _In_opt_ const UNICODE_STRING *From)
{
    RtlZeroMemory(To, sizeof(*To));
    if (!From || !From->Length)
        return STATUS_SUCCESS;
    To->Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, From->Length, HOST_TAG);
    if (!To->Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    To->Length = To->MaximumLength = From->Length;
    RtlCopyMemory(To->Buffer, From->Buffer, From->Length);
    return STATUS_SUCCESS;
}

static VOID FreeString(_Inout_ UNICODE_STRING *String)
{
    if (String->Buffer)
    {
        ExFreePoolWithTag(String->Buffer, HOST_TAG);
        String->Buffer = NULL;
    }
}

/* The adapter whose MiniportInitializeEx this thread runs, or NULL: it is the one that must deregister the device. */
static NDIS_HOST_ADAPTER *InitializingAdapter(_In_ NDIS_HOST_DRIVER *Driver)
{
    NDIS_HOST_ADAPTER *Found = NULL;
    PKTHREAD Thread = KeGetCurrentThread();
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    for (LIST_ENTRY *Entry = Driver->Adapters.Flink; Entry != &Driver->Adapters; Entry = Entry->Flink)
    {
        NDIS_HOST_ADAPTER *Adapter = CONTAINING_RECORD(Entry, NDIS_HOST_ADAPTER, Link);
        if (Adapter->InitializeThread == Thread)
            Found = Adapter;
    }
    KeReleaseSpinLock(&HostLock, Irql);
    return Found;
}

/*
 * NdisRegisterDeviceEx: a named device with a symbolic link and the miniport's own dispatch routines. NdisHandle: of
 * NdisMRegisterMiniportDriver. Gives NDIS_STATUS_SUCCESS, _NOT_SUPPORTED (bad attributes), _RESOURCES, or what
 * IoCreateDevice or IoCreateSymbolicLink says. "NdisRegisterDeviceEx function (ndis.h)".
 */
NDIS_STATUS NdisRegisterDeviceEx(NDIS_HANDLE NdisHandle, PNDIS_DEVICE_OBJECT_ATTRIBUTES DeviceObjectAttributes,
                                 PDEVICE_OBJECT *DeviceObject, PNDIS_HANDLE NdisDeviceHandle)
{
    NDIS_HOST_DRIVER *Driver = HostDriverOf(NdisHandle, __func__, HostPlace());
    const NDIS_DEVICE_OBJECT_ATTRIBUTES *Attributes = DeviceObjectAttributes;
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", PASSIVE_LEVEL, TRUE);
    if (!Driver ||
        !HostHeaderValid(&Attributes->Header, NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES,
                         NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1,
                         "NDIS_DEVICE_OBJECT_ATTRIBUTES", __func__, HostPlace()) ||
        !NdisRule("Device_Attributes", Attributes->DeviceName && Attributes->SymbolicName && Attributes->MajorFunctions,
                  HostPlace(), "a device needs a name, a symbolic name and dispatch routines") ||
        !NdisRule("Device_NoPnpHandlers",
                  !Attributes->MajorFunctions[IRP_MJ_PNP] && !Attributes->MajorFunctions[IRP_MJ_POWER], HostPlace(),
                  "a control device gets no PnP or power requests") ||
        !NdisRule("Device_Sddl", Attributes->DefaultSDDLString && HostSddlValid(Attributes->DefaultSDDLString),
                  HostPlace(), "a device needs a security descriptor, one of an access list alone"))
    {
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    DEVICE_OBJECT *Object;
    NTSTATUS Status =
        IoCreateDevice(Driver->DriverObject, (ULONG)sizeof(HOST_DEVICE) + Attributes->ExtensionSize,
                       Attributes->DeviceName, FILE_DEVICE_NETWORK, FILE_DEVICE_SECURE_OPEN, FALSE, &Object);
    if (!NT_SUCCESS(Status))
        return Status;
    HOST_DEVICE *Device = Object->DeviceExtension;
    RtlZeroMemory(Device, sizeof(*Device) + Attributes->ExtensionSize);
    Device->Magic = HostMagicDevice;
    Device->Driver = Driver;
    Device->DeviceObject = Object;
    Device->ExtensionSize = Attributes->ExtensionSize;
    for (ULONG Major = 0; Major <= IRP_MJ_MAXIMUM_FUNCTION; Major++)
        Device->Dispatch[Major] = Attributes->MajorFunctions[Major];
    Status = HostSddlApply(Object, Attributes->DefaultSDDLString);
    if (!NT_SUCCESS(Status))
        goto deleteDevice;
    Status = CopyString(&Device->SymbolicName, Attributes->SymbolicName);
    if (!NT_SUCCESS(Status))
        goto deleteDevice;
    Status = IoCreateSymbolicLink(&Device->SymbolicName, Attributes->DeviceName);
    if (!NT_SUCCESS(Status))
        goto freeName;
    Device->Adapter = InitializingAdapter(Driver);
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    InsertTailList(&Driver->Devices, &Device->Link);
    KeReleaseSpinLock(&HostLock, Irql);
    *DeviceObject = Object;
    *NdisDeviceHandle = Device;
    Object->Flags &= ~DO_DEVICE_INITIALIZING;
    return NDIS_STATUS_SUCCESS;

freeName:
    FreeString(&Device->SymbolicName);
deleteDevice:
    IoDeleteDevice(Object);
    return Status == STATUS_INSUFFICIENT_RESOURCES ? NDIS_STATUS_RESOURCES : Status;
}

/* NdisDeregisterDeviceEx: the name goes at once, the device when its last handle is closed. */
VOID NdisDeregisterDeviceEx(NDIS_HANDLE NdisDeviceHandle)
{
    HOST_DEVICE *Device = NdisDeviceHandle;
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", PASSIVE_LEVEL, TRUE);
    if (!NdisRule("Handle_Device", Device && Device->Magic == HostMagicDevice && Device->SymbolicName.Buffer,
                  HostPlace(), "%p is no registered device", NdisDeviceHandle))
    {
        return;
    }
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    RemoveEntryList(&Device->Link);
    KeReleaseSpinLock(&HostLock, Irql);
    IoDeleteSymbolicLink(&Device->SymbolicName);
    FreeString(&Device->SymbolicName);
    IoDeleteDevice(Device->DeviceObject);
}

/* NdisGetDeviceReservedExtension: the ExtensionSize bytes of the registration, or NULL. Any IRQL. */
PVOID NdisGetDeviceReservedExtension(PDEVICE_OBJECT DeviceObject)
{
    HOST_DEVICE *Device = DeviceObject->DeviceExtension;
    return NdisRule("Handle_Device", Device && Device->Magic == HostMagicDevice, HostPlace(),
                    "%p is no device of NdisRegisterDeviceEx", (void *)DeviceObject) &&
                   Device->ExtensionSize
               ? Device->Extension
               : NULL;
}

/* At an adapter's halt (its own devices) and at a driver's unloading (Adapter NULL: all). */
VOID HostDevicesCheckGone(NDIS_HOST_DRIVER *Driver, NDIS_HOST_ADAPTER *Adapter, PCSTR Call)
{
    ULONG Left = 0;
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    for (LIST_ENTRY *Entry = Driver->Devices.Flink; Entry != &Driver->Devices; Entry = Entry->Flink)
    {
        HOST_DEVICE *Device = CONTAINING_RECORD(Entry, HOST_DEVICE, Link);
        if (!Adapter || Device->Adapter == Adapter)
        {
            Left++;
            Device->Adapter = NULL;
        }
    }
    KeReleaseSpinLock(&HostLock, Irql);
    HandlerRule(Call, "Halt_DevicesDeregistered", Left == 0,
                Adapter ? (PVOID)Driver->Characteristics.HaltHandlerEx : (PVOID)Driver->Characteristics.UnloadHandler,
                "%u control devices are still registered", (unsigned)Left);
}
