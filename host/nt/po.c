/* SPDX-License-Identifier: MIT */
/*
 * The power manager: asks the stack of a device whether the system may sleep, tells it that it does and that it wakes up,
 * and sends the device requests that its power policy owner asks for. PASSIVE_LEVEL; one system request at a time for a
 * device. "Handling Power IRPs".
 */
#include "host/nt/nt.h"

/* Every set-power request gets down to the bus: "Rules for Handling Power IRPs". */
static NTSTATUS Send(_In_ DEVICE_OBJECT *Pdo, _In_ UCHAR Minor, _In_ POWER_STATE_TYPE Type, _In_ POWER_STATE State,
                     _In_ const VOID *Place)
{
    DEVICE_OBJECT *Top = NtDeviceTop(Pdo);
    IRP *Irp = NtIrpAllocate(Top->StackSize, KernelMode);
    IO_STACK_LOCATION *Stack = IoGetNextIrpStackLocation(Irp);
    ULONG Seen = NtPdoPowerSeen(Pdo);
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Stack->MajorFunction = IRP_MJ_POWER;
    Stack->MinorFunction = Minor;
    Stack->Parameters.Power.Type = Type;
    Stack->Parameters.Power.State = State;
    NTSTATUS Status = NtCallAndWait(Top, Irp, "IRP_MJ_POWER");
    NtIrpFree(Irp);
    if (Minor == IRP_MN_SET_POWER && (NtPdoPowerSeen(Pdo) == Seen || !NT_SUCCESS(Status)))
    {
        NtRuleBroken("PowerIrp", __func__, Place, "a set-power request failed (0x%08x), or did not reach the bus",
                     (unsigned)Status);
    }
    return Status;
}

/* The request goes to the top of the stack; here it is over when this returns. */
NTSTATUS PoRequestPowerIrp(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction, POWER_STATE PowerState,
                           PREQUEST_POWER_COMPLETE CompletionFunction, PVOID Context, PIRP *Irp)
{
    IO_STATUS_BLOCK Block = {0};
    NtIrql(DISPATCH_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!NtRule("PowerIrp",
                (MinorFunction == IRP_MN_SET_POWER || MinorFunction == IRP_MN_QUERY_POWER) &&
                    PowerState.DeviceState >= PowerDeviceD0 && PowerState.DeviceState <= PowerDeviceD3,
                "minor function 0x%x to state %u", MinorFunction, PowerState.DeviceState))
    {
        return STATUS_INVALID_PARAMETER_2;
    }
    Block.Status = Send(NtDevicePdo(DeviceObject), MinorFunction, DevicePowerState, PowerState, SIM_PLACE());
    if (CompletionFunction)
        CompletionFunction(DeviceObject, MinorFunction, PowerState, Context, &Block);
    return STATUS_PENDING;
}

NTSTATUS SimPower(DEVICE_OBJECT *Pdo, SYSTEM_POWER_STATE System)
{
    POWER_STATE State = {.SystemState = System};
    NTSTATUS Status = STATUS_SUCCESS;
    if (System > PowerSystemWorking)
        Status = Send(Pdo, IRP_MN_QUERY_POWER, SystemPowerState, State, SIM_PLACE());
    return NT_SUCCESS(Status) ? Send(Pdo, IRP_MN_SET_POWER, SystemPowerState, State, SIM_PLACE()) : Status;
}
