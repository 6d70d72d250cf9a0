/* SPDX-License-Identifier: MIT */
/*
 * The tests of NDIS that kernel.sys runs while its adapter initialises, in Wine and in the simulator: what calls do that
 * the data path does not make. Each prints its name and "ok", or the line at which it failed. PASSIVE_LEVEL.
 */
#include "tests/e2e/kernel/kernel.h"

ULONG TestRun(ADAPTER *Adapter, const TEST_CASE *Tests, ULONG Count)
{
    ULONG Failed = 0;
    for (ULONG I = 0; I < Count; I++)
    {
        ULONG Line = Tests[I].Run(Adapter);
        if (Line)
            DbgPrint("test %s FAILED at line %u\n", Tests[I].Name, (unsigned)Line);
        else
            DbgPrint("test %s ok\n", Tests[I].Name);
        Failed += Line != 0;
    }
    return Failed;
}

NTSTATUS TestThread(PKSTART_ROUTINE Routine, PVOID Context, PVOID *Thread)
{
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Handle;
    NTSTATUS Status = PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, Routine, Context);
    if (NT_SUCCESS(Status))
    {
        Status = ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, NULL, KernelMode, Thread, NULL);
        ZwClose(Handle);
    }
    return Status;
}

VOID TestJoin(PVOID Thread)
{
    KeWaitForSingleObject(Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Thread);
}

static VOID SetLaterThread(PVOID Context)
{
    NdisMSleep(20000);
    NdisSetEvent(Context);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static ULONG TestNdisEvents(ADAPTER *Adapter)
{
    NDIS_EVENT Event;
    NdisInitializeEvent(&Event);
    ULONG64 Begin = KeQueryUnbiasedInterruptTime();
    EXPECT(!NdisWaitEvent(&Event, 20));
    EXPECT(KeQueryUnbiasedInterruptTime() - Begin >= 190000);
    PVOID Thread;
    EXPECT(NT_SUCCESS(TestThread(SetLaterThread, &Event, &Thread)));
    EXPECT(NdisWaitEvent(&Event, 0) && NdisWaitEvent(&Event, 1)); /* for ever; set for all who ask until it is reset */
    TestJoin(Thread);
    NdisResetEvent(&Event);
    EXPECT(!NdisWaitEvent(&Event, 1));
    Begin = KeQueryUnbiasedInterruptTime();
    NdisMSleep(30000);
    EXPECT(KeQueryUnbiasedInterruptTime() - Begin >= 290000);
    return 0;
}

static volatile LONG Ticks;

static VOID NTAPI Tick(PVOID Dpc, PVOID Context, PVOID First, PVOID Second)
{
    NDIS_EVENT *Event = Context;
    if (KeGetCurrentIrql() == DISPATCH_LEVEL)
        InterlockedIncrement(&Ticks);
    NdisSetEvent(Event);
}

static ULONG TestNdisTimers(ADAPTER *Adapter)
{
    WriteRelease(&Ticks, 0);
    NDIS_EVENT Event;
    NdisInitializeEvent(&Event);
    NDIS_TIMER_CHARACTERISTICS Characteristics = {.Header = {.Type = NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
                                                             .Revision = NDIS_TIMER_CHARACTERISTICS_REVISION_1,
                                                             .Size = NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1},
                                                  .AllocationTag = TEST_TAG,
                                                  .TimerFunction = Tick,
                                                  .FunctionContext = &Event};
    LARGE_INTEGER Soon = {.QuadPart = -200000}, Late = {.QuadPart = -10000000000};
    NDIS_HANDLE Timer;
    EXPECT(NdisAllocateTimerObject(Adapter->Handle, &Characteristics, &Timer) == NDIS_STATUS_SUCCESS);
    ULONG64 Begin = KeQueryUnbiasedInterruptTime();
    EXPECT(!NdisSetTimerObject(Timer, Soon, 0, NULL) && NdisWaitEvent(&Event, 10000));
    EXPECT(KeQueryUnbiasedInterruptTime() - Begin >= 190000 && ReadAcquire(&Ticks) == 1);
    /* Set again before it is due, with a context of that time. */
    NDIS_EVENT Other;
    NdisInitializeEvent(&Other);
    EXPECT(!NdisSetTimerObject(Timer, Late, 0, NULL) && NdisSetTimerObject(Timer, Soon, 0, &Other));
    EXPECT(NdisWaitEvent(&Other, 10000) && ReadAcquire(&Ticks) == 2);
    EXPECT(!NdisCancelTimerObject(Timer));
    EXPECT(!NdisSetTimerObject(Timer, Late, 0, NULL) && NdisCancelTimerObject(Timer));
    /* A periodic one goes on until it is cancelled. */
    EXPECT(!NdisSetTimerObject(Timer, Soon, 5, NULL));
    for (ULONG I = 0; ReadAcquire(&Ticks) < 6 && I < 1000; I++)
        NdisMSleep(10000);
    EXPECT(ReadAcquire(&Ticks) >= 6);
    NdisCancelTimerObject(Timer);
    KeFlushQueuedDpcs();
    LONG After = ReadAcquire(&Ticks);
    NdisMSleep(30000);
    EXPECT(ReadAcquire(&Ticks) == After);
    NdisFreeTimerObject(Timer);
    return 0;
}

/* What lies in a list's contexts, the newest first, and what becomes of the space between. */
static ULONG TestListContexts(ADAPTER *Adapter)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   .Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .PoolTag = TEST_TAG};
    NDIS_HANDLE Pool = NdisAllocateNetBufferListPool(Adapter->Handle, &Parameters);
    NET_BUFFER_LIST *List = NdisAllocateNetBufferList(Pool, 32, 32), *Bare = NdisAllocateNetBufferList(Pool, 0, 0);
    EXPECT(Pool && List && Bare && !Bare->Context);
    NET_BUFFER_LIST_CONTEXT *First = List->Context;
    EXPECT(First && First->Size == 64 && First->Offset == 32);
    RtlFillMemory(NET_BUFFER_LIST_CONTEXT_DATA_START(List), 32, 1);
    EXPECT(NdisAllocateNetBufferListContext(List, 32, 0, TEST_TAG) ==
           NDIS_STATUS_SUCCESS); /* what is unused suffices */
    EXPECT(List->Context == First && First->Offset == 0);
    RtlFillMemory(NET_BUFFER_LIST_CONTEXT_DATA_START(List), 32, 2);
    EXPECT(NdisAllocateNetBufferListContext(List, 48, 16, TEST_TAG) == NDIS_STATUS_SUCCESS); /* now it does not */
    EXPECT(List->Context != First && List->Context->Next == First && List->Context->Size == 64);
    RtlFillMemory(NET_BUFFER_LIST_CONTEXT_DATA_START(List), 48, 3);
    EXPECT(NdisAllocateNetBufferListContext(List, 16, 0, TEST_TAG) == NDIS_STATUS_SUCCESS);
    EXPECT(List->Context->Offset == 0 && List->Context->ContextData[16] == 3 && List->Context->ContextData[63] == 3);
    NdisFreeNetBufferListContext(List, 16);
    EXPECT(List->Context != First);
    NdisFreeNetBufferListContext(List, 48);
    EXPECT(List->Context == First && First->Offset == 0 && First->ContextData[31] == 2 && First->ContextData[32] == 1);
    NdisFreeNetBufferListContext(List, 32);
    EXPECT(NET_BUFFER_LIST_CONTEXT_DATA_START(List)[0] == 1);
    EXPECT(NdisAllocateNetBufferListContext(Bare, 8, 0, TEST_TAG) == NDIS_STATUS_SUCCESS && Bare->Context);
    NdisFreeNetBufferListContext(Bare, 8);
    EXPECT(!Bare->Context);
    NdisFreeNetBufferList(Bare);
    NdisFreeNetBufferList(List);
    NdisFreeNetBufferListPool(Pool);
    return 0;
}

/* Copies between buffers that lie in one piece and in pieces, from and to everywhere. */
static ULONG TestBufferCopies(ADAPTER *Adapter)
{
    NET_BUFFER_POOL_PARAMETERS Parameters = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                        .Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                                                        .Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
                                             .PoolTag = TEST_TAG,
                                             .DataSize = 100};
    NDIS_HANDLE Whole = NdisAllocateNetBufferPool(Adapter->Handle, &Parameters);
    Parameters.DataSize = 0;
    NDIS_HANDLE Pieces = NdisAllocateNetBufferPool(Adapter->Handle, &Parameters);
    NET_BUFFER *Source = NdisAllocateNetBufferMdlAndData(Whole);
    EXPECT(Whole && Pieces && Source && Source->DataLength == 0 && Source->DataOffset == 100);
    EXPECT(NdisRetreatNetBufferDataStart(Source, 90, 0, NULL) == NDIS_STATUS_SUCCESS && Source->DataLength == 90);
    PUCHAR Data = NdisGetDataBuffer(Source, 90, NULL, 1, 0);
    EXPECT(Data != NULL);
    for (UCHAR I = 0; I < 90; I++)
        Data[I] = I + 1;
    PUCHAR Memory = NdisAllocateMemoryWithTagPriority(Adapter->Handle, 120, TEST_TAG, NormalPoolPriority);
    EXPECT(Memory != NULL);
    MDL *Mdls[3];
    for (ULONG I = 0; I < 3; I++)
    {
        Mdls[I] = NdisAllocateMdl(Adapter->Handle, Memory + 40 * I, 40);
        EXPECT(Mdls[I] != NULL);
    }
    Mdls[0]->Next = Mdls[1];
    Mdls[1]->Next = Mdls[2];
    NET_BUFFER *Destination = NdisAllocateNetBuffer(Pieces, Mdls[0], 5, 10);
    EXPECT(Destination != NULL);
    for (ULONG Offset = 0; Offset < 120; Offset++)
    {
        for (ULONG From = 0; From <= 91; From += 13)
        {
            RtlFillMemory(Memory, 120, 0);
            ULONG Copied = 1000, Room = Offset < 115 ? 115 - Offset : 0, Left = From < 90 ? 90 - From : 0;
            EXPECT(NdisCopyFromNetBufferToNetBuffer(Destination, Offset, 70, Source, From, &Copied) ==
                   NDIS_STATUS_SUCCESS);
            EXPECT(Copied == min(70, min(Room, Left)));
            for (ULONG I = 0; I < 120; I++)
                EXPECT(Memory[I] == (I >= Offset + 5 && I < Offset + 5 + Copied ? I - Offset - 5 + From + 1 : 0));
        }
    }
    EXPECT(Destination->DataLength == 10 && Destination->DataOffset == 5 && Destination->CurrentMdl == Mdls[0]);
    NdisFreeNetBuffer(Destination);
    for (ULONG I = 0; I < 3; I++)
        NdisFreeMdl(Mdls[I]);
    NdisFreeMemory(Memory, 120, 0);
    NdisFreeNetBuffer(Source);
    NdisFreeNetBufferPool(Pieces);
    NdisFreeNetBufferPool(Whole);
    return 0;
}

/* What NDIS says and what the I/O manager says. */
static ULONG TestInstanceName(ADAPTER *Adapter)
{
    NDIS_STRING Name;
    EXPECT(NdisMQueryAdapterInstanceName(&Name, Adapter->Handle) == NDIS_STATUS_SUCCESS);
    EXPECT(Name.Length >= 2 && Name.Length % 2 == 0 && Name.MaximumLength == Name.Length + 2);
    EXPECT(Name.Buffer[0] && !Name.Buffer[Name.Length / 2]);
    DEVICE_OBJECT *Pdo;
    NdisMGetDeviceProperty(Adapter->Handle, &Pdo, NULL, NULL, NULL, NULL);
    WCHAR Property[256];
    ULONG Length;
    if (NT_SUCCESS(IoGetDeviceProperty(Pdo, DevicePropertyFriendlyName, sizeof(Property), Property, &Length)) ||
        NT_SUCCESS(IoGetDeviceProperty(Pdo, DevicePropertyDeviceDescription, sizeof(Property), Property, &Length)))
        EXPECT(Length == Name.Length + 2 && RtlCompareMemory(Property, Name.Buffer, Length) == Length);
    NdisFreeMemory(Name.Buffer, 0, 0);
    return 0;
}

/* Drivers pass sizeof a structure of later revisions: it is longer than the page of the revision says. */
static ULONG TestLongerHeaders(ADAPTER *Adapter)
{
    struct
    {
        NET_BUFFER_LIST_POOL_PARAMETERS Parameters;
        ULONG64 Later;
    } Lists = {.Parameters = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                         .Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                         .Size = sizeof(Lists)},
                              .PoolTag = TEST_TAG}};
    for (ULONG I = 0; I < 2; I++)
    {
        NDIS_HANDLE Pool = NdisAllocateNetBufferListPool(Adapter->Handle, &Lists.Parameters);
        EXPECT(Pool != NULL);
        NdisFreeNetBufferListPool(Pool);
    }
    return 0;
}

static const TEST_CASE Tests[] = {
    {"ndis-events", TestNdisEvents},     {"ndis-timers", TestNdisTimers},     {"list-contexts", TestListContexts},
    {"buffer-copies", TestBufferCopies}, {"instance-name", TestInstanceName}, {"longer-headers", TestLongerHeaders},
};

ULONG TestNdis(ADAPTER *Adapter)
{
    return TestRun(Adapter, Tests, RTL_NUMBER_OF(Tests));
}
