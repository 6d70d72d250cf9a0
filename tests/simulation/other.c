/* SPDX-License-Identifier: MIT */
/*
 * Another miniport (tests/e2e/kernel, which the end-to-end tests run in Wine) in the simulator: one that pends, completes
 * sends one call late, allocates for every packet, and does wrong on purpose what its registry says. What only fits our
 * own driver would prove nothing about host/ndis and host/nt. Timers, DPCs and work items are tried here, too.
 */
#include "tests/e2e/kernel/kernel.h"
#include "tests/simulation/lab.h"
#include <sys/wait.h>
#include <unistd.h>

SCENARIO OtherMiniport, WrongMiniports, DeferredWork;

DRIVER_INITIALIZE OtherDriverEntry; /* its DriverEntry, as the Makefile renames it */

static BOOLEAN TriesNdis;

VOID TestKernel(ADAPTER *Adapter)
{
    if (TriesNdis)
        LabEqual(TestNdis(Adapter), 0);
}

typedef struct _PENDED
{
    ADAPTER *Adapter;
    VOID (*Restart)(NDIS_HANDLE, NDIS_STATUS);
    VOID (*Pause)(NDIS_HANDLE);
    VOID (*Reset)(NDIS_HANDLE, NDIS_STATUS, BOOLEAN);
} PENDED;

/* Completes what pends, and on pausing first the send that is held. */
static VOID Complete(PVOID Context)
{
    PENDED Pended = *(PENDED *)Context;
    ExFreePoolWithTag(Context, TEST_TAG);
    if (Pended.Restart)
    {
        Pended.Restart(Pended.Adapter->Handle, NDIS_STATUS_SUCCESS);
    }
    else if (Pended.Reset)
    {
        Pended.Reset(Pended.Adapter->Handle, NDIS_STATUS_SUCCESS, TRUE);
    }
    else
    {
        while (ReadAcquire(&Pended.Adapter->Returned) != ReadAcquire(&Pended.Adapter->Received))
            LabSleep(100);
        NET_BUFFER_LIST *Held = Pended.Adapter->Held;
        Pended.Adapter->Held = NULL;
        if (Held && !Wrong(Pended.Adapter, "hold"))
            NdisMSendNetBufferListsComplete(Pended.Adapter->Handle, Held, 0);
        Pended.Pause(Pended.Adapter->Handle);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

VOID TestPended(ADAPTER *Adapter, VOID (*Restart)(NDIS_HANDLE, NDIS_STATUS), VOID (*Pause)(NDIS_HANDLE),
                VOID (*Reset)(NDIS_HANDLE, NDIS_STATUS, BOOLEAN))
{
    PENDED *Pended = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Pended), TEST_TAG);
    *Pended = (PENDED){.Adapter = Adapter, .Restart = Restart, .Pause = Pause, .Reset = Reset};
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Handle;
    LabEqual(PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, Complete, Pended),
             STATUS_SUCCESS);
    ZwClose(Handle);
}

/* ---- */

/* Loads it and plugs in one adapter that does What wrong; empty: nothing. */
static NTSTATUS Plug(_Out_ LAB *Lab, _In_z_ PCSTR What)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"Wrong");
    WCHAR Wide[16] = {0};
    memset(Lab, 0, sizeof(*Lab));
    LabEqual(SimLoadDriver(OtherDriverEntry, L"other", &Lab->Driver), STATUS_SUCCESS);
    LabEqual(SimAddDevice(Lab->Driver, NULL, 0, &Lab->Pdo), STATUS_SUCCESS);
    for (ULONG I = 0; What[I]; I++)
        Wide[I] = (WCHAR)What[I];
    HANDLE Key;
    LabEqual(IoOpenDeviceRegistryKey(Lab->Pdo, PLUGPLAY_REGKEY_DRIVER, KEY_WRITE, &Key), STATUS_SUCCESS);
    LabEqual(ZwSetValueKey(Key, &Name, 0, REG_SZ, Wide, (ULONG)(strlen(What) + 1) * sizeof(WCHAR)), STATUS_SUCCESS);
    ZwClose(Key);
    NTSTATUS Status = SimPnp(Lab->Pdo, IRP_MN_START_DEVICE);
    Lab->Stack = StackLast();
    return Status;
}

static VOID Unplug(_Inout_ LAB *Lab)
{
    SimPnp(Lab->Pdo, IRP_MN_REMOVE_DEVICE);
    SimDeleteDevice(Lab->Pdo);
    LabEqual(SimUnloadDriver(Lab->Driver), STATUS_SUCCESS);
}

static ULONG SendSome(_In_ LAB *Lab, _In_ ULONG Chains, _Inout_ ULONG64 *Sequence, _Inout_ ULONG64 *Random)
{
    ULONG Packets = 0;
    for (ULONG I = 0; I < Chains; I++)
    {
        ULONG Chance = LabRandom(Random), Length = 40 + LabRandom(Random) % 1400;
        STACK_SHAPE Shape = {
            .Lists = 1 + Chance % 8, .Buffers = 1 + (Chance >> 8) % 3, .Dispatch = Chance >> 12 & 1, .Late = TRUE};
        LabCheck(StackSend(Lab->Stack, &Shape, Length, FALSE, 1, Sequence, NULL, Random, NULL), "paused");
        Packets += Shape.Lists * Shape.Buffers;
    }
    return Packets;
}

VOID OtherMiniport(VOID)
{
    ULONG64 Random = LabSeed(), Sequence = 0;
    ULONG Packets = 0;
    TriesNdis = TRUE;
    LAB Lab;
    LabEqual(Plug(&Lab, ""), STATUS_SUCCESS);
    TriesNdis = FALSE;
    LabCheck(StackLinkUp(Lab.Stack), "the link is down");
    for (ULONG Round = 0; Round < LabScale(20); Round++)
    {
        StackHold(Lab.Stack, Round % 2 ? StackReturnsLate : StackReturnsAtOnce);
        Packets += SendSome(&Lab, 100, &Sequence, &Random);
        LabUntil(StackRead(Lab.Stack).Received == Packets); /* it mirrors what it is sent, whole and in order */
        LabUntil(StackHasNone(Lab.Stack));
        if (Round % 3 == 0)
        {
            LabPause(&Lab);
            LabRestart(&Lab);
        }
    }
    ADAPTER *Adapter = StackAdapter(Lab.Stack)->Context;
    LabUntil(ReadAcquire(&Adapter->Reset) == 2); /* it hung once, was reset, and got its settings again */
    Packets += SendSome(&Lab, 100, &Sequence, &Random);
    LabUntil(StackRead(Lab.Stack).Received == Packets);
    LabEqual(StackNext(Lab.Stack, 1), Packets);
    LabUntil(StackHasNone(Lab.Stack));
    Unplug(&Lab);
}

/* ---- */

static const struct
{
    PCSTR What, Rule;
} Breaches[] = {
    {"attributes", "Initialize_Attributes"},
    {"complete", "Send_CompleteOnce"},
    {"configuration", "Halt_ConfigurationClosed"},
    {"count", "Receive_Count"},
    {"frametype", "Receive_FrameType"},
    {"hold", "Pause_SendsCompleted"},
    {"leak", "Leak_Pool"},
    {"lock", "SpinLock_AcrossNdis"},
    {"oid", "Oid_Bytes"},
    {"pause", "Pause_Status"},
    {"pool", "Halt_PoolsFreed"},
    {"source", "Receive_SourceHandle"},
};

static VOID Breach(_In_z_ PCSTR What)
{
    ULONG64 Random = LabSeed(), Sequence = 0;
    LAB Lab;
    if (NT_SUCCESS(Plug(&Lab, What)))
        SendSome(&Lab, 3, &Sequence, &Random);
    Unplug(&Lab);
    SimCheckEmpty("a wrong miniport");
}

/* Each in a process of its own, because what it leaves behind would be found again and again. */
VOID WrongMiniports(VOID)
{
    static CHAR Words[65536];
    for (ULONG I = 0; I < ARRAYSIZE(Breaches) && !__has_feature(thread_sanitizer); I++)
    {
        size_t Used = 0;
        int Pipe[2];
        LabEqual(pipe(Pipe), 0);
        pid_t Child = fork();
        if (Child == 0)
        {
            dup2(Pipe[1], 2);
            alarm(30);
            Breach(Breaches[I].What);
            _exit(0);
        }
        close(Pipe[1]);
        ssize_t Got;
        while ((Got = read(Pipe[0], Words + Used, sizeof(Words) - 1 - Used)) > 0)
            Used += (size_t)Got;
        Words[Used] = 0;
        close(Pipe[0]);
        waitpid(Child, NULL, 0);
        CHAR Rule[64];
        snprintf(Rule, sizeof(Rule), "VIOLATION of %s in ", Breaches[I].Rule);
        LabCheck(strstr(Words, Rule) != NULL, "%s: %s did not fire: %.300s", Breaches[I].What, Breaches[I].Rule, Words);
        LabOperations(1);
    }
}

/* ---- */

typedef struct _DEFERRED
{
    KDPC Dpc;
    KTIMER Timer;
    KEVENT Done;
    volatile LONG Runs, WrongIrql;
    PVOID First, Second;
} DEFERRED;

static VOID Routine(_In_ PKDPC Dpc, PVOID Context, PVOID First, PVOID Second)
{
    DEFERRED *Deferred = Context;
    InterlockedAdd(&Deferred->WrongIrql, KeGetCurrentIrql() != DISPATCH_LEVEL);
    Deferred->First = First;
    Deferred->Second = Second;
    InterlockedIncrement(&Deferred->Runs);
    KeSetEvent(&Deferred->Done, 0, FALSE);
}

static VOID Work(_In_ DEVICE_OBJECT *Device, PVOID Context)
{
    DEFERRED *Deferred = Context;
    InterlockedAdd(&Deferred->WrongIrql, KeGetCurrentIrql() != PASSIVE_LEVEL);
    InterlockedIncrement(&Deferred->Runs);
    KeSetEvent(&Deferred->Done, 0, FALSE);
}

static VOID WaitDone(_Inout_ DEFERRED *Deferred)
{
    LARGE_INTEGER Timeout = {.QuadPart = -100000000};
    LabEqual(KeWaitForSingleObject(&Deferred->Done, Executive, KernelMode, FALSE, &Timeout), STATUS_SUCCESS);
}

VOID DeferredWork(VOID)
{
    static DRIVER_OBJECT Nobody;
    static DEFERRED Deferred;
    LARGE_INTEGER Soon = {.QuadPart = -20000}, Never = {.QuadPart = -100000000000};
    memset(&Deferred, 0, sizeof(Deferred));
    KeInitializeEvent(&Deferred.Done, SynchronizationEvent, FALSE);
    KeInitializeDpc(&Deferred.Dpc, Routine, &Deferred);
    for (ULONG_PTR I = 1; I <= 100; I++)
    {
        LabEqual(KeInsertQueueDpc(&Deferred.Dpc, (PVOID)I, (PVOID)(2 * I)), TRUE);
        WaitDone(&Deferred);
        KeFlushQueuedDpcs();
        LabEqual((ULONG_PTR)Deferred.First, I);
        LabEqual((ULONG_PTR)Deferred.Second, 2 * I);
    }
    LabEqual(Deferred.Runs, 100);

    KeInitializeTimer(&Deferred.Timer);
    LabEqual(KeSetTimer(&Deferred.Timer, Never, &Deferred.Dpc), FALSE);
    LabEqual(KeSetTimer(&Deferred.Timer, Soon, &Deferred.Dpc), TRUE); /* it was set */
    WaitDone(&Deferred);
    LabEqual(KeWaitForSingleObject(&Deferred.Timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    LabEqual(KeCancelTimer(&Deferred.Timer), FALSE); /* it has expired */
    LabEqual(KeSetTimerEx(&Deferred.Timer, Soon, 1, &Deferred.Dpc), FALSE);
    for (ULONG I = 0; I < 5; I++)
        WaitDone(&Deferred);
    LabEqual(KeCancelTimer(&Deferred.Timer), TRUE);
    KeFlushQueuedDpcs();
    LabCheck(Deferred.Runs >= 106, "%d runs", (int)Deferred.Runs);

    KeClearEvent(&Deferred.Done);
    DEVICE_OBJECT *Device;
    LabEqual(IoCreateDevice(&Nobody, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device), STATUS_SUCCESS);
    PIO_WORKITEM Item = IoAllocateWorkItem(Device);
    for (ULONG I = 0; I < 20; I++)
    {
        IoQueueWorkItem(Item, Work, DelayedWorkQueue, &Deferred);
        WaitDone(&Deferred);
    }
    IoFreeWorkItem(Item);
    IoDeleteDevice(Device);
    LabEqual(Deferred.WrongIrql, 0);
    LabOperations(130);
    LabSleep(20000); /* the last work item's thread lets go of the device */
}
