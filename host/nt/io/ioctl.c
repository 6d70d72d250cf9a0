/* SPDX-License-Identifier: MIT */
/*
 * What the I/O manager does between DeviceIoControl and IRP_MJ_DEVICE_CONTROL: the program's two buffers, handed to the
 * driver in the way that the code's method says. "Buffer Descriptions for I/O Control Codes". In the program's thread.
 */
#include "host/nt/nt.h"

#define BUFFER_TAG 'fuBI'

typedef struct _CONTROL
{
    ULONG Code;
    const VOID *Input;
    ULONG InputLength;
    VOID *Output;
    ULONG OutputLength;
} CONTROL;

/* Of programs' memory, which may be gone by now, or never was. */
static NTSTATUS CopyGuarded(_Out_writes_bytes_(Length) VOID *To, _In_reads_bytes_(Length) const VOID *From,
                            _In_ SIZE_T Length)
{
    if (!Length)
        return STATUS_SUCCESS;
    __try
    {
        memcpy(To, From, Length);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

/* One kernel buffer of Size bytes, full of rubbish behind the input. */
static NTSTATUS MakeSystemBuffer(_Inout_ IRP *Irp, _In_ const CONTROL *Control, _In_ ULONG Size)
{
    if (!Size)
        return STATUS_SUCCESS;
    Irp->AssociatedIrp.SystemBuffer = NtPoolAllocate(Size, BUFFER_TAG, SIM_PLACE());
    return CopyGuarded(Irp->AssociatedIrp.SystemBuffer, Control->Input, Control->InputLength);
}

/* METHOD_IN_DIRECT: the driver reads the second buffer. METHOD_OUT_DIRECT: it writes it. The pages stay locked until the
 * request is complete. */
static NTSTATUS LockOutput(_Inout_ IRP *Irp, _In_ const CONTROL *Control)
{
    if (!Control->OutputLength)
        return STATUS_SUCCESS;
    MDL *Mdl = IoAllocateMdl(Control->Output, Control->OutputLength, FALSE, FALSE, NULL);
    __try
    {
        MmProbeAndLockPages(Mdl, UserMode,
                            METHOD_FROM_CTL_CODE(Control->Code) == METHOD_IN_DIRECT ? IoReadAccess : IoWriteAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        IoFreeMdl(Mdl);
        return GetExceptionCode();
    }
    Irp->MdlAddress = Mdl;
    return STATUS_SUCCESS;
}

static NTSTATUS Prepare(_Inout_ IRP *Irp, _Inout_ IO_STACK_LOCATION *Stack, _In_ const CONTROL *Control)
{
    NTSTATUS Status;
    switch (METHOD_FROM_CTL_CODE(Control->Code))
    {
    case METHOD_BUFFERED:
        Irp->UserBuffer = Control->Output;
        return MakeSystemBuffer(Irp, Control, max(Control->InputLength, Control->OutputLength));
    case METHOD_NEITHER:
        Stack->Parameters.DeviceIoControl.Type3InputBuffer = (PVOID)Control->Input;
        Irp->UserBuffer = Control->Output;
        return STATUS_SUCCESS;
    default:
        Status = MakeSystemBuffer(Irp, Control, Control->InputLength);
        return NT_SUCCESS(Status) ? LockOutput(Irp, Control) : Status;
    }
}

static NTSTATUS Send(_In_ FILE_OBJECT *File, _In_ const CONTROL *Control, _Out_ ULONG *Returned)
{
    DEVICE_OBJECT *Device = NtDeviceTop(File->DeviceObject);
    IRP *Irp = NtIrpAllocate(Device->StackSize, UserMode);
    IO_STACK_LOCATION *Stack = IoGetNextIrpStackLocation(Irp);
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Stack->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    Stack->FileObject = File;
    Stack->Parameters.DeviceIoControl.IoControlCode = Control->Code;
    Stack->Parameters.DeviceIoControl.InputBufferLength = Control->InputLength;
    Stack->Parameters.DeviceIoControl.OutputBufferLength = Control->OutputLength;
    NTSTATUS Status = Prepare(Irp, Stack, Control);
    PVOID Buffer = Irp->AssociatedIrp.SystemBuffer;
    if (NT_SUCCESS(Status))
    {
        Status = NtCallAndWait(Device, Irp, "IRP_MJ_DEVICE_CONTROL");
        *Returned = (ULONG)Irp->IoStatus.Information;
        if (!NtRule("IrpInformation", NT_ERROR(Status) || Irp->IoStatus.Information <= Control->OutputLength,
                    "code 0x%x: %lu bytes of %u", Control->Code, Irp->IoStatus.Information, Control->OutputLength))
        {
            *Returned = 0;
        }
        if (!NT_ERROR(Status) && *Returned && METHOD_FROM_CTL_CODE(Control->Code) == METHOD_BUFFERED)
        {
            NTSTATUS Copied = CopyGuarded(Control->Output, Buffer, *Returned);
            Status = NT_SUCCESS(Copied) ? Status : Copied;
        }
    }
    NtIrpFree(Irp);
    if (Buffer)
        ExFreePoolWithTag(Buffer, BUFFER_TAG);
    return Status;
}

NTSTATUS SimIoControl(PEPROCESS Process, HANDLE Handle, ULONG Code, const VOID *Input, ULONG InputLength, VOID *Output,
                      ULONG OutputLength, ULONG *Returned)
{
    CONTROL Control = {
        .Code = Code, .Input = Input, .InputLength = InputLength, .Output = Output, .OutputLength = OutputLength};
    /* The code's own demand: bits 14 and 15 are FILE_READ_DATA and FILE_WRITE_DATA. */
    ACCESS_MASK Access = Code >> 14 & 3;
    PEPROCESS Previous = NtEnter(Process);
    ULONG Bytes = 0;
    PVOID File;
    NTSTATUS Status = NtHandleReference(Process, Handle, Access, &NtFileType, UserMode, &File, NULL);
    if (NT_SUCCESS(Status))
    {
        Status = Send(File, &Control, &Bytes);
        ObfDereferenceObject(File);
    }
    if (Returned)
        *Returned = Bytes;
    NtLeave(Previous);
    return Status;
}
