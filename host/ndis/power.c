/* SPDX-License-Identifier: MIT */
/*
 * Power requests to an adapter's device, whose power policy NDIS owns: a system request becomes a device request, and that
 * OID_PNP_SET_POWER to the miniport, before the bus takes the power away and after it has given it back. PASSIVE_LEVEL, one
 * at a time. "Handling Power IRPs", "OID_PNP_SET_POWER".
 */
#include "host/ndis/ndishost.h"

static VOID DeviceIsSet(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction, POWER_STATE PowerState, PVOID Context,
                        PIO_STATUS_BLOCK IoStatus)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(MinorFunction);
    UNREFERENCED_PARAMETER(PowerState);
    UNREFERENCED_PARAMETER(IoStatus);
    KeSetEvent(Context, 0, FALSE);
}

/* Wakes up in its own time; falls asleep before the system does. */
static VOID RequestDevice(_In_ NDIS_HOST_ADAPTER *Adapter, _In_ BOOLEAN Awake)
{
    POWER_STATE State = {.DeviceState = Awake ? PowerDeviceD0 : PowerDeviceD3};
    KEVENT Event;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    if (NT_SUCCESS(
            PoRequestPowerIrp(Adapter->Pdo, IRP_MN_SET_POWER, State, Awake ? NULL : DeviceIsSet, &Event, NULL)) &&
        !Awake)
    {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    }
}

NTSTATUS HostDispatchPower(NDIS_HOST_ADAPTER *Adapter, IRP *Irp)
{
    IO_STACK_LOCATION *Location = IoGetCurrentIrpStackLocation(Irp);
    BOOLEAN IsDevice = Location->Parameters.Power.Type == DevicePowerState;
    BOOLEAN Awake = IsDevice ? Location->Parameters.Power.State.DeviceState == PowerDeviceD0
                             : Location->Parameters.Power.State.SystemState == PowerSystemWorking;
    if (Location->MinorFunction == IRP_MN_QUERY_POWER && !Awake)
    {
        HostAdapterQueryPower(Adapter);
    }
    else if (Location->MinorFunction == IRP_MN_SET_POWER)
    {
        NTSTATUS Status = Awake ? HostPassDownAndWait(Adapter, Irp) : STATUS_SUCCESS;
        if (IsDevice)
            HostAdapterSetPower(Adapter, Awake);
        else
            RequestDevice(Adapter, Awake);
        if (Awake)
            return HostCompleteIrp(Irp, Status);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return HostPassDown(Adapter, Irp);
}
