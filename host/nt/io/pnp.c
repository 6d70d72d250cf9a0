/* SPDX-License-Identifier: MIT */
/*
 * The plug and play manager and its bus: loads drivers, makes devices with the properties that their creator gave them,
 * and tells their drivers of start, surprise and removal. PASSIVE_LEVEL; one request at a time for a device, which
 * whoever calls sees to.
 */
#include "host/nt/nt.h"

/* The extension of a bus' device. */
typedef struct _PDO
{
    ULONG Number;
    volatile LONG Power;     /* DEVICE_POWER_STATE */
    volatile LONG PowerSeen; /* set-power requests */
    ULONG Count;
    SIM_PROPERTY *Properties;
} PDO;

static NTSTATUS BusDispatch(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp);

static DRIVER_OBJECT Bus = {
    .MajorFunction = {[IRP_MJ_PNP] = BusDispatch, [IRP_MJ_POWER] = BusDispatch, [IRP_MJ_SYSTEM_CONTROL] = BusDispatch}};
static volatile LONG NextNumber;

/* A software device has no hardware: the bus agrees to all that concerns it. */
static NTSTATUS BusDispatch(DEVICE_OBJECT *Device, IRP *Irp)
{
    IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    NTSTATUS Status = Irp->IoStatus.Status;
    if (Stack->MajorFunction == IRP_MJ_POWER)
    {
        Status = STATUS_SUCCESS;
        if (Stack->MinorFunction == IRP_MN_SET_POWER)
        {
            PDO *Pdo = Device->DeviceExtension;
            InterlockedIncrement(&Pdo->PowerSeen);
            if (Stack->Parameters.Power.Type == DevicePowerState)
                InterlockedExchange(&Pdo->Power, (LONG)Stack->Parameters.Power.State.DeviceState);
        }
    }
    if (Stack->MajorFunction == IRP_MJ_PNP)
    {
        switch (Stack->MinorFunction)
        {
        case IRP_MN_START_DEVICE:
        case IRP_MN_STOP_DEVICE:
        case IRP_MN_QUERY_STOP_DEVICE:
        case IRP_MN_CANCEL_STOP_DEVICE:
        case IRP_MN_QUERY_REMOVE_DEVICE:
        case IRP_MN_CANCEL_REMOVE_DEVICE:
        case IRP_MN_SURPRISE_REMOVAL:
        case IRP_MN_REMOVE_DEVICE:
            Status = STATUS_SUCCESS;
            break;
        default:
            break;
        }
    }
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* ---- Drivers */

typedef struct _DRIVER
{
    DRIVER_OBJECT Object;
    DRIVER_EXTENSION Extension;
    WCHAR Path[128];
} DRIVER;

static NTSTATUS NoSuchRequest(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    Irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

NTSTATUS SimLoadDriver(PDRIVER_INITIALIZE Entry, PCWSTR Name, DRIVER_OBJECT **Driver)
{
    static const WCHAR Services[] = L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\";
    DRIVER *New = calloc(1, sizeof(*New));
    UNICODE_STRING RegistryPath = {.Buffer = New->Path, .MaximumLength = sizeof(New->Path)};
    RtlAppendUnicodeToString(&RegistryPath, Services);
    RtlAppendUnicodeToString(&RegistryPath, Name);
    New->Object.Size = sizeof(New->Object);
    New->Object.DriverExtension = &New->Extension;
    New->Object.DriverInit = Entry;
    New->Extension.DriverObject = &New->Object;
    for (ULONG Major = 0; Major <= IRP_MJ_MAXIMUM_FUNCTION; Major++)
        New->Object.MajorFunction[Major] = NoSuchRequest;
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    NTSTATUS Status = Entry(&New->Object, &RegistryPath);
    SimGuardEnd(&Guard, "DriverEntry", (PVOID)Entry);
    if (!NT_SUCCESS(Status))
    {
        NtRule("Device", !New->Object.DeviceObject, "DriverEntry fails and leaves a device");
        free(New);
        return Status;
    }
    *Driver = &New->Object;
    return Status;
}

NTSTATUS SimUnloadDriver(DRIVER_OBJECT *Driver)
{
    NtLock();
    BOOLEAN Busy = Driver->DeviceObject != NULL;
    NtUnlock();
    if (Busy)
        return STATUS_DEVICE_BUSY;
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    Driver->DriverUnload(Driver);
    SimGuardEnd(&Guard, "DriverUnload", (PVOID)Driver->DriverUnload);
    free(Driver);
    return STATUS_SUCCESS;
}

/* ---- Devices */

static PDO *PdoOf(_In_ DEVICE_OBJECT *Device)
{
    return Device->DeviceExtension;
}

DEVICE_POWER_STATE SimDevicePower(DEVICE_OBJECT *Pdo)
{
    return (DEVICE_POWER_STATE)ReadAcquire(&PdoOf(Pdo)->Power);
}

ULONG NtPdoPowerSeen(DEVICE_OBJECT *Device)
{
    return (ULONG)ReadAcquire(&PdoOf(Device)->PowerSeen);
}

ULONG NtPdoNumber(DEVICE_OBJECT *Device)
{
    return PdoOf(Device)->Number;
}

BOOLEAN NtIsPdo(DEVICE_OBJECT *Device)
{
    return Device->DriverObject == &Bus;
}

static VOID SetProperty(_Inout_ PDO *Pdo, _In_ const SIM_PROPERTY *Property)
{
    PVOID Data = malloc(Property->Size ? Property->Size : 1);
    SIM_PROPERTY *Slot = NULL;
    memcpy(Data, Property->Data, Property->Size);
    for (ULONG I = 0; I < Pdo->Count; I++)
    {
        if (memcmp(&Pdo->Properties[I].Key, &Property->Key, sizeof(DEVPROPKEY)) == 0)
        {
            Slot = &Pdo->Properties[I];
            free((PVOID)Slot->Data);
        }
    }
    if (!Slot)
    {
        Pdo->Properties = realloc(Pdo->Properties, (Pdo->Count + 1) * sizeof(*Pdo->Properties));
        Slot = &Pdo->Properties[Pdo->Count++];
    }
    *Slot = *Property;
    Slot->Data = Data;
}

/* DEVPKEY_Device_Security, "Unified Device Property Model": what an INF says of who may open the device. */
static VOID Secure(_In_ DEVICE_OBJECT *Device)
{
    static const DEVPROPKEY Security = {{0xa45c254e, 0xdf1c, 0x4efd, {0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}},
                                        25};
    const SIM_PROPERTY *Property = NtDeviceProperty(Device, &Security);
    if (Property)
        NtDeviceSecure(Device, (PSECURITY_DESCRIPTOR)Property->Data);
}

NTSTATUS SimAddDevice(DRIVER_OBJECT *Driver, const SIM_PROPERTY *Properties, ULONG Count, DEVICE_OBJECT **Pdo)
{
    DEVICE_OBJECT *Device = NtDeviceCreate(&Bus, sizeof(PDO), FILE_DEVICE_UNKNOWN);
    WCHAR Number[12];
    UNICODE_STRING Digits = {.Buffer = Number, .MaximumLength = sizeof(Number)};
    WCHAR Path[32];
    UNICODE_STRING Name = {.Buffer = Path, .MaximumLength = sizeof(Path)};
    PdoOf(Device)->Power = PowerDeviceD0;
    PdoOf(Device)->Number = (ULONG)InterlockedIncrement(&NextNumber);
    RtlIntegerToUnicodeString(PdoOf(Device)->Number, 10, &Digits);
    RtlAppendUnicodeToString(&Name, L"\\Device\\Sim");
    RtlAppendUnicodeStringToString(&Name, &Digits);
    NtDeviceName(Device, &Name);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    for (ULONG I = 0; I < Count; I++)
        SetProperty(PdoOf(Device), &Properties[I]);
    Secure(Device);
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    NTSTATUS Status = Driver->DriverExtension->AddDevice(Driver, Device);
    SimGuardEnd(&Guard, "AddDevice", (PVOID)Driver->DriverExtension->AddDevice);
    if (!NT_SUCCESS(Status))
    {
        SimDeleteDevice(Device);
        return Status;
    }
    *Pdo = Device;
    return Status;
}

static NTSTATUS SendPnp(_In_ DEVICE_OBJECT *Pdo, _In_ UCHAR Minor)
{
    DEVICE_OBJECT *Top = NtDeviceTop(Pdo);
    IRP *Irp = NtIrpAllocate(Top->StackSize, KernelMode);
    IO_STACK_LOCATION *Stack = IoGetNextIrpStackLocation(Irp);
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED; /* what every PnP request begins with */
    Stack->MajorFunction = IRP_MJ_PNP;
    Stack->MinorFunction = Minor;
    NTSTATUS Status = NtCallAndWait(Top, Irp, "IRP_MJ_PNP");
    NtIrpFree(Irp);
    return Status;
}

NTSTATUS SimPnp(DEVICE_OBJECT *Pdo, UCHAR Minor)
{
    if (Minor == IRP_MN_REMOVE_DEVICE && NtDeviceIsOpen(Pdo))
        return STATUS_DEVICE_BUSY;
    NTSTATUS Status = SendPnp(Pdo, Minor);
    if (Minor == IRP_MN_QUERY_REMOVE_DEVICE && NT_SUCCESS(Status) && NtDeviceIsOpen(Pdo))
    {
        SendPnp(Pdo, IRP_MN_CANCEL_REMOVE_DEVICE);
        return STATUS_DEVICE_BUSY;
    }
    return Status;
}

VOID SimDeleteDevice(DEVICE_OBJECT *Pdo)
{
    PDO *Extension = PdoOf(Pdo);
    for (ULONG I = 0; I < Extension->Count; I++)
        free((PVOID)Extension->Properties[I].Data);
    free(Extension->Properties);
    NtInterfacesForget(Pdo);
    IoDeleteDevice(Pdo);
}

/* ---- What drivers ask of a device */

const SIM_PROPERTY *NtDeviceProperty(DEVICE_OBJECT *Device, const DEVPROPKEY *Key)
{
    PDO *Pdo = PdoOf(Device);
    for (ULONG I = 0; I < Pdo->Count; I++)
        if (memcmp(&Pdo->Properties[I].Key, Key, sizeof(*Key)) == 0)
            return &Pdo->Properties[I];
    return NULL;
}

NTSTATUS IoGetDevicePropertyData(PDEVICE_OBJECT Pdo, const DEVPROPKEY *PropertyKey, LCID Lcid, ULONG Flags, ULONG Size,
                                 PVOID Data, PULONG RequiredSize, PDEVPROPTYPE Type)
{
    NtIrql(APC_LEVEL);
    if (!NtRule("Pdo", NtIsPdo(Pdo), "%p is no physical device object", (void *)Pdo))
        return STATUS_INVALID_DEVICE_REQUEST;
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    const SIM_PROPERTY *Property = NtDeviceProperty(Pdo, PropertyKey);
    if (!Property)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    *RequiredSize = Property->Size;
    *Type = Property->Type;
    if (Size < Property->Size)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(Data, Property->Data, Property->Size);
    return STATUS_SUCCESS;
}

NTSTATUS IoSetDevicePropertyData(PDEVICE_OBJECT Pdo, const DEVPROPKEY *PropertyKey, LCID Lcid, ULONG Flags,
                                 DEVPROPTYPE Type, ULONG Size, PVOID Data)
{
    SIM_PROPERTY Property = {.Key = *PropertyKey, .Type = Type, .Size = Size, .Data = Data};
    NtIrql(APC_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    SetProperty(PdoOf(Pdo), &Property);
    return STATUS_SUCCESS;
}

/* The older properties: none of a simulated device has any. */
NTSTATUS IoGetDeviceProperty(PDEVICE_OBJECT DeviceObject, DEVICE_REGISTRY_PROPERTY DeviceProperty, ULONG BufferLength,
                             PVOID PropertyBuffer, PULONG ResultLength)
{
    NtIrql(PASSIVE_LEVEL);
    *ResultLength = 0;
    return STATUS_OBJECT_NAME_NOT_FOUND;
}
