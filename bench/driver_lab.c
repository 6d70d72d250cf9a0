/* SPDX-License-Identifier: MIT */
/*
 * The driver in the simulator without sanitizers, for bench/driver.c: the kernel is host/nt, NDIS is host/ndis with all
 * of its checks. The stack sends one chain again and again and gives back at once what it receives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/driver.h"
#include "host/ndis/ndishost.h"
#include "host/nt/sim.h"
#include "tests/pools.h"
#include "ring/properties.h"

#define TAG 'hcnB'

DRIVER_INITIALIZE DriverEntry;

struct _BACKEND
{
    NDIS_HOST_ADAPTER *Adapter;
    NDIS_HANDLE Pool;
};

RING_SIDE LabToApp, LabToStack;
NET_BUFFER_LIST *LabLists[LAB_BATCH];
UCHAR *LabPackets[LAB_BATCH];
VOID (*LabReceive)(NET_BUFFER_LIST *Lists);

static BACKEND Stack;
static UCHAR *Memory; /* of all packets that the stack sends */
static DRIVER_OBJECT *Driver;
static DEVICE_OBJECT *Pdo;
static PEPROCESS Process;
static HANDLE ToStackPackets;

static VOID Demand(_In_ BOOLEAN Good, _In_z_ PCSTR What)
{
    if (!Good)
    {
        fprintf(stderr, "bench/driver: %s failed\n", What);
        exit(1);
    }
}

/* ---- What host/ndis asks of its place */

VOID PlatformDriverRegistered(DRIVER_OBJECT *DriverObject)
{
}

VOID PlatformDriverReady(DRIVER_OBJECT *DriverObject)
{
}

VOID PlatformAdaptersGone(DRIVER_OBJECT *DriverObject)
{
}

VOID PlatformDriverUnloading(DRIVER_OBJECT *DriverObject)
{
}

VOID PlatformDriverUnloaded(DRIVER_OBJECT *DriverObject)
{
}

VOID PlatformRuleBroken(PCSTR Rule, PCSTR Call, PVOID Place, PCSTR Text)
{
    SimViolation(Rule, Call, Place, Text);
}

ULONG PlatformSetting(PCSTR Name, ULONG Default)
{
    return Default;
}

ULONG PlatformSpinLocksHeld(VOID)
{
    return SimSpinLocksHeld();
}

/* ---- The stack */

NTSTATUS BackendCreate(const BACKEND_REQUEST *Request, BACKEND_IDENTITY *Identity, BACKEND **Result)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = PoolOfLists(TAG);
    Stack.Adapter = Request->Adapter;
    Stack.Pool = NdisAllocateNetBufferListPool(NULL, &Parameters);
    Memory = ExAllocatePoolWithTag(NonPagedPoolNx, LAB_BATCH * 65536, TAG);
    Demand(Stack.Pool && Memory, "memory");
    memset(Memory, 0, LAB_BATCH * 65536);
    for (ULONG I = 0; I < LAB_BATCH; I++)
    {
        MDL *Mdl = IoAllocateMdl(Memory, 65536 + PAGE_SIZE, FALSE, FALSE, NULL);
        LabLists[I] = NdisAllocateNetBufferAndNetBufferList(Stack.Pool, 0, 0, Mdl, 0, 0);
    }
    *Identity = (BACKEND_IDENTITY){.IfIndex = 1, .Name = "bench"};
    Identity->NetLuid.Info.IfType = Request->IfType;
    *Result = &Stack;
    return STATUS_SUCCESS;
}

VOID BackendDestroy(BACKEND *Backend)
{
    for (ULONG I = 0; I < LAB_BATCH; I++)
    {
        MDL *Mdl = NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(LabLists[I]));
        NdisFreeNetBufferList(LabLists[I]);
        IoFreeMdl(Mdl);
    }
    NdisFreeNetBufferListPool(Stack.Pool);
    ExFreePoolWithTag(Memory, TAG);
}

VOID BackendSetMtu(BACKEND *Backend, ULONG Mtu)
{
}

VOID BackendSetLink(BACKEND *Backend, const BACKEND_LINK *Link)
{
}

NTSTATUS BackendStart(BACKEND *Backend)
{
    return STATUS_SUCCESS;
}

VOID BackendStop(BACKEND *Backend)
{
}

VOID BackendSendComplete(BACKEND *Backend, NET_BUFFER_LIST *Lists)
{
}

VOID BackendReceive(BACKEND *Backend, NET_BUFFER_LIST *Lists, ULONG ReceiveFlags)
{
    LabReceive(Lists);
    if (!(ReceiveFlags & NDIS_RECEIVE_FLAGS_RESOURCES))
        NdisHostReturn(Stack.Adapter, Lists, 0);
}

VOID LabShape(ULONG Packets, ULONG Length)
{
    for (ULONG I = 0; I < Packets; I++)
    {
        NET_BUFFER *Buffer = NET_BUFFER_LIST_FIRST_NB(LabLists[I]);
        MDL *Mdl = NET_BUFFER_FIRST_MDL(Buffer);
        LabPackets[I] = Memory + (SIZE_T)I * ALIGN_UP_BY(Length, 64);
        MmInitializeMdl(Mdl, LabPackets[I], Length);
        MmBuildMdlForNonPagedPool(Mdl);
        NET_BUFFER_CURRENT_MDL(Buffer) = Mdl;
        NET_BUFFER_DATA_OFFSET(Buffer) = NET_BUFFER_CURRENT_MDL_OFFSET(Buffer) = 0;
        NET_BUFFER_DATA_LENGTH(Buffer) = Length;
        NdisSetNblFlag(LabLists[I], NDIS_NBL_FLAGS_IS_IPV4);
        NET_BUFFER_LIST_NEXT_NBL(LabLists[I]) = I + 1 < Packets ? LabLists[I + 1] : NULL;
    }
}

VOID LabSend(VOID)
{
    KIRQL Irql;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    NdisHostSend(Stack.Adapter, LabLists[0], NDIS_SEND_FLAGS_DISPATCH_LEVEL);
    KeLowerIrql(Irql);
}

/* ---- The program */

VOID LabWake(VOID)
{
    SimEventSet(Process, ToStackPackets);
}

static VOID StartSession(VOID)
{
    static const WCHAR Path[] = L"\\\\.\\Global\\" TUN_DEVICE_PREFIX L"{00000001-0002-0003-0405-060708090A0B}";
    TUN_START_INPUT Input = {.Protocol = TUN_PROTOCOL, .Capacity = LAB_CAPACITY};
    Process = SimProcessCreate(SimSystem);
    HANDLE ToAppPackets;
    SimEventCreate(Process, SynchronizationEvent, EVENT_ALL_ACCESS, &ToAppPackets);
    SimEventCreate(Process, SynchronizationEvent, EVENT_ALL_ACCESS, &ToStackPackets);
    HANDLE ToStackSpace;
    SimEventCreate(Process, SynchronizationEvent, EVENT_ALL_ACCESS, &ToStackSpace);
    Input.ToAppPackets = (ULONG64)ToAppPackets;
    Input.ToStackPackets = (ULONG64)ToStackPackets;
    Input.ToStackSpace = (ULONG64)ToStackSpace;
    HANDLE File;
    Demand(NT_SUCCESS(SimOpen(Process, Path, GENERIC_READ | GENERIC_WRITE, &File)), "opening the adapter");
    TUN_START_OUTPUT Output;
    Demand(
        NT_SUCCESS(SimIoControl(Process, File, TUN_IOCTL_START, &Input, sizeof(Input), &Output, sizeof(Output), NULL)),
        "starting a session");
    PVOID Address;
    SIZE_T Size;
    Demand(NT_SUCCESS(SimMapSection(Process, (HANDLE)Output.Section, FALSE, &Address, &Size)), "mapping the rings");
    RingAttach(&LabToApp, (RING *)((UCHAR *)Address + Output.ToApp), LAB_CAPACITY);
    RingAttach(&LabToStack, (RING *)((UCHAR *)Address + Output.ToStack), LAB_CAPACITY);
}

/* ---- Up and down */

VOID LabOpen(VOID)
{
    static const TUN_PROPERTY_KEY Key = TUN_PROPERTY_GUID;
    static const TUN_GUID Guid = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
    SIM_PROPERTY Property = {.Type = TUN_PROPERTY_GUID_TYPE, .Size = sizeof(Guid), .Data = &Guid};
    memcpy(&Property.Key, &Key, sizeof(Key));
    Demand(NT_SUCCESS(SimLoadDriver(DriverEntry, L"plaintun", &Driver)), "loading the driver");
    Demand(NT_SUCCESS(SimAddDevice(Driver, &Property, 1, &Pdo)), "adding the device");
    Demand(NT_SUCCESS(SimPnp(Pdo, IRP_MN_START_DEVICE)), "starting the adapter");
    StartSession();
}

int LabClose(VOID)
{
    SimProcessDelete(Process);
    SimPnp(Pdo, IRP_MN_REMOVE_DEVICE);
    SimDeleteDevice(Pdo);
    Demand(NT_SUCCESS(SimUnloadDriver(Driver)), "unloading the driver");
    SimCheckEmpty("the end");
    return SimViolations() != 0;
}
