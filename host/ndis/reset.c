/* SPDX-License-Identifier: MIT */
/*
 * A miniport that may hang is asked whether it does, and reset when it says so. Only while its adapter runs: the thread
 * that asks is started after a restart and has ended before a pause, so that neither meets a reset. PASSIVE_LEVEL.
 * "Miniport Adapter Check-for-Hang and Reset Operations", "MINIPORT_CHECK_FOR_HANG", "MINIPORT_RESET".
 */
#include "host/ndis/ndishost.h"

static VOID Reset(_Inout_ NDIS_HOST_ADAPTER *Adapter)
{
    MINIPORT_RESET_HANDLER Handler = Adapter->Driver->Characteristics.ResetHandlerEx;
    BOOLEAN Addressing = FALSE;
    DbgPrint("ndis: %s: the miniport says that it hangs, and is reset\n", Adapter->Identity.Name);
    HostPendingBegin(&Adapter->Reset, "MiniportResetEx", Handler);
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportResetEx", 0);
    NDIS_STATUS Status = Handler(Adapter->Context, &Addressing);
    HostGuardEnd(&Guard, Handler);
    if (Status != NDIS_STATUS_PENDING)
        WriteRelease(&Adapter->ResetAddressing, Addressing);
    Status = HostPendingEnd(&Adapter->Reset, Status);
    if (Status != NDIS_STATUS_SUCCESS && Status != NDIS_STATUS_SOFT_ERRORS) /* those it has recovered from */
        DbgPrint("ndis: %s: reset ended with 0x%08x\n", Adapter->Identity.Name, (unsigned)Status);
    else if (ReadAcquire(&Adapter->ResetAddressing))
        HostOidBringUp(Adapter);
}

/* Once. */
VOID HostHangCheck(NDIS_HOST_ADAPTER *Adapter)
{
    MINIPORT_CHECK_FOR_HANG_HANDLER Handler = Adapter->Driver->Characteristics.CheckForHangHandlerEx;
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "MiniportCheckForHangEx", 0);
    BOOLEAN Hangs = Handler(Adapter->Context);
    HostGuardEnd(&Guard, Handler);
    if (Hangs)
        Reset(Adapter);
}

/* NdisMResetComplete: the end of a MiniportResetEx that pends. Up to DISPATCH_LEVEL. */
VOID NdisMResetComplete(NDIS_HANDLE MiniportAdapterHandle, NDIS_STATUS Status, BOOLEAN AddressingReset)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(MiniportAdapterHandle, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", DISPATCH_LEVEL, TRUE);
    if (!Adapter)
        return;
    if (ReadAcquire(&Adapter->Reset.Outstanding))
        WriteRelease(&Adapter->ResetAddressing, AddressingReset);
    NdisRule("Completed_Once", HostPendingComplete(&Adapter->Reset, Status), HostPlace(), "no reset pends");
}

static VOID Watch(PVOID Context)
{
    NDIS_HOST_ADAPTER *Adapter = Context;
    LARGE_INTEGER Interval = {.QuadPart = -10000000ll * Adapter->HangSeconds};
    while (KeWaitForSingleObject(&Adapter->HangEnd, Executive, KernelMode, FALSE, &Interval) == STATUS_TIMEOUT)
        HostHangCheck(Adapter);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* The adapter runs. One that nobody can watch for want of memory runs as well. */
VOID HostHangWatch(NDIS_HOST_ADAPTER *Adapter)
{
    const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Miniport = &Adapter->Driver->Characteristics;
    if (!Miniport->CheckForHangHandlerEx || !Miniport->ResetHandlerEx)
        return;
    KeInitializeEvent(&Adapter->HangEnd, NotificationEvent, FALSE);
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Handle;
    NTSTATUS Status = PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, Watch, Adapter);
    if (NT_SUCCESS(Status))
    {
        Status = ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, NULL, KernelMode, &Adapter->HangThread, NULL);
        if (!NT_SUCCESS(Status))
        {
            KeSetEvent(&Adapter->HangEnd, 0, FALSE);
            ZwWaitForSingleObject(Handle, FALSE, NULL);
            Adapter->HangThread = NULL;
        }
        ZwClose(Handle);
    }
    if (!NT_SUCCESS(Status))
        DbgPrint("ndis: %s: nobody asks whether it hangs: 0x%08x\n", Adapter->Identity.Name, (unsigned)Status);
}

/* The adapter is about to be paused. A reset that is under way ends first. */
VOID HostHangWatchEnd(NDIS_HOST_ADAPTER *Adapter)
{
    if (!Adapter->HangThread)
        return;
    KeSetEvent(&Adapter->HangEnd, 0, FALSE);
    KeWaitForSingleObject(Adapter->HangThread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Adapter->HangThread);
    Adapter->HangThread = NULL;
}
