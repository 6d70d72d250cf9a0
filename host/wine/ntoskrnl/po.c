/* SPDX-License-Identifier: MIT */
/*
 * Power requests that a device's power policy owner asks for. Wine has no power manager: nobody else sends any. Up to
 * DISPATCH_LEVEL. "PoRequestPowerIrp function (wdm.h)".
 */
#include "host/wine/ntoskrnl/kernel.h"

typedef struct _POWER_REQUEST
{
    DEVICE_OBJECT *Device;
    UCHAR Minor;
    POWER_STATE State;
    PREQUEST_POWER_COMPLETE Routine;
    PVOID Context;
} POWER_REQUEST;

static NTSTATUS RequestIsOver(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    POWER_REQUEST *Request = Context;
    UNREFERENCED_PARAMETER(DeviceObject);
    if (Request->Routine)
        Request->Routine(Request->Device, Request->Minor, Request->State, Request->Context, &Irp->IoStatus);
    ExFreePoolWithTag(Request, KERNEL_TAG);
    IoFreeIrp(Irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/*
 * PoRequestPowerIrp: sends the request to the top of the device's stack. STATUS_PENDING: sent, and the routine is called
 * whatever became of it; _INVALID_PARAMETER_2: no such request; _INSUFFICIENT_RESOURCES.
 */
NTSTATUS PoRequestPowerIrp(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction, POWER_STATE PowerState,
                           PREQUEST_POWER_COMPLETE CompletionFunction, PVOID Context, PIRP *Irp)
{
    if (MinorFunction != IRP_MN_QUERY_POWER && MinorFunction != IRP_MN_SET_POWER && MinorFunction != IRP_MN_WAIT_WAKE)
        return STATUS_INVALID_PARAMETER_2;
    DEVICE_OBJECT *Top = DeviceObject;
    while (Top->AttachedDevice)
        Top = Top->AttachedDevice;
    POWER_REQUEST *Request = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Request), KERNEL_TAG);
    IRP *New = Request ? IoAllocateIrp(Top->StackSize, FALSE) : NULL;
    if (!New)
    {
        if (Request)
            ExFreePoolWithTag(Request, KERNEL_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *Request = (POWER_REQUEST){DeviceObject, MinorFunction, PowerState, CompletionFunction, Context};
    New->IoStatus.Status = STATUS_NOT_SUPPORTED; /* "Rules for Handling Power IRPs" */
    IO_STACK_LOCATION *Stack = IoGetNextIrpStackLocation(New);
    Stack->MajorFunction = IRP_MJ_POWER;
    Stack->MinorFunction = MinorFunction;
    if (MinorFunction == IRP_MN_WAIT_WAKE)
    {
        Stack->Parameters.Others.Argument1 =
            (PVOID)(ULONG_PTR)PowerState.SystemState; /* Parameters.WaitWake.PowerState */
    }
    else
    {
        Stack->Parameters.Power.Type = DevicePowerState;
        Stack->Parameters.Power.State = PowerState;
    }
    IoSetCompletionRoutine(New, RequestIsOver, Request, TRUE, TRUE, TRUE);
    if (MinorFunction == IRP_MN_WAIT_WAKE && Irp)
        *Irp = New; /* the one that its owner may cancel */
    IoCallDriver(Top, New);
    return STATUS_PENDING;
}
