/* SPDX-License-Identifier: MIT */
/*
 * The older-manner miniport of tests/classic (which the end-to-end tests run in Wine) in the simulator, with a program of
 * its own: numbered packets both ways, lists returned late and in any order, programs that die and adapters that go under
 * load, programs that may not, requests that are wrong. One thread of the program's sends, one receives.
 */
#include "tests/simulation/lab.h"
#include "tests/classic/request.h"

SCENARIO ClassicTraffic, ClassicRefusals, ClassicDeaths, ClassicRemovals, ClassicTwo;

DRIVER_INITIALIZE ClassicDriverEntry; /* its DriverEntry, as the Makefile renames it */

#define SLOTS    64
#define FLOW_IN  1 /* from the stack */
#define FLOW_OUT 9 /* from the program */

/* GUID_DEVINTERFACE_NET, "Device Interface Classes". */
static const GUID NetInterface = {0xcac88484, 0x7515, 0x4c03, {0x82, 0xe6, 0x71, 0xa8, 0x7a, 0xba, 0xc3, 0x61}};

typedef struct _OLD_PROGRAM
{
    BACKEND *Stack; /* kept */
    PEPROCESS Process;
    HANDLE File, Received, Sent; /* events: packets are there for the program, for the driver */
    CLASSIC_RING *In, *Out;
    CLASSIC_START *Start;
    CLASSIC_STATE *State;
    ULONG Head, Tail;
    ULONG64 InCount, OutCount, InNext, OutNext;
    LAB_THREAD Threads[3];
    _Atomic(ULONG) Ready, Stop;
} OLD_PROGRAM;

static CLASSIC_PACKET *SlotOf(_In_ CLASSIC_RING *Ring, _In_ ULONG Position)
{
    return (CLASSIC_PACKET *)((PUCHAR)Ring + CLASSIC_HEADER + Position % SLOTS * CLASSIC_SLOT);
}

static ULONG Read(_In_ volatile ULONG *Position)
{
    return (ULONG)ReadAcquire((volatile LONG *)Position);
}

static VOID Publish(_In_ volatile ULONG *Position, _In_ ULONG Value)
{
    WriteRelease((volatile LONG *)Position, (LONG)Value);
}

/* ---- The program's threads */

static VOID TakeAll(_Inout_ OLD_PROGRAM *Program)
{
    ULONG Tail = Read(&Program->In->Tail);
    for (; Program->Head != Tail; Program->Head++)
    {
        const CLASSIC_PACKET *Slot = SlotOf(Program->In, Program->Head);
        ULONG64 Sequence = 0;
        ULONG Flow;
        LabCheck(Slot->Length <= sizeof(Slot->Data) && PacketCheck(Slot->Data, Slot->Length, &Flow, &Sequence),
                 "%u bytes are not as they were sent", Slot->Length);
        LabCheck(Sequence >= Program->InNext, "number %llu after %llu", Sequence, Program->InNext);
        Program->InNext = Sequence + 1;
        Program->InCount++;
    }
    Publish(&Program->In->Head, Program->Head);
}

static void *Receive(void *Context)
{
    OLD_PROGRAM *Program = Context;
    atomic_fetch_add(&Program->Ready, 1);
    while (!atomic_load(&Program->Stop))
    {
        TakeAll(Program);
        WriteNoFence((volatile LONG *)&Program->In->Waiting, 1);
        KeMemoryBarrier();
        if (Read(&Program->In->Tail) == Program->Head)
            SimWait(Program->Process, 1, &Program->Received, 20);
        WriteNoFence((volatile LONG *)&Program->In->Waiting, 0);
    }
    return NULL;
}

static void *Send(void *Context)
{
    OLD_PROGRAM *Program = Context;
    ULONG64 Random = LabSeed() + 9;
    atomic_fetch_add(&Program->Ready, 1);
    while (!atomic_load(&Program->Stop))
    {
        ULONG Chance = LabRandom(&Random), Free = SLOTS - (Program->Tail - Read(&Program->Out->Head));
        for (ULONG I = min(Free, 1 + Chance % 16); I > 0; I--)
        {
            CLASSIC_PACKET *Slot = SlotOf(Program->Out, Program->Tail++);
            Slot->Length = LabSizes[4 + LabRandom(&Random) % 4];
            PacketMake(Slot->Data, Slot->Length, Chance >> 8 & 1, FLOW_OUT, Program->OutNext++);
            Program->OutCount++;
        }
        Publish(&Program->Out->Tail, Program->Tail);
        KeMemoryBarrier();
        if (ReadNoFence((volatile LONG *)&Program->Out->Waiting))
            SimEventSet(Program->Process, Program->Sent);
        if (!Free)
            LabSleep(50);
    }
    return NULL;
}

static void *StackSends(void *Context)
{
    OLD_PROGRAM *Program = Context;
    ULONG64 Random = LabSeed() + 1, Sequence = 0;
    atomic_fetch_add(&Program->Ready, 1);
    while (!atomic_load(&Program->Stop))
    {
        ULONG Chance = LabRandom(&Random);
        STACK_SHAPE Shape = {.Lists = 1 + Chance % 8, .Buffers = 1 + (Chance >> 8) % 3, .Dispatch = Chance >> 12 & 1};
        if (!StackSend(Program->Stack, &Shape, LabSizes[4 + (Chance >> 16) % 4], Chance >> 13 & 1, FLOW_IN, &Sequence,
                       NULL, &Random, NULL))
        {
            LabSleep(100);
        }
    }
    return NULL;
}

/* ---- Its life */

static NTSTATUS OpenAs(_Out_ OLD_PROGRAM *Program, _In_ LAB *Lab, _In_ SIM_ACCOUNT Account, _In_ BOOLEAN Is32Bit)
{
    memset(Program, 0, sizeof(*Program));
    WCHAR Path[80];
    LabEqual(SimDeviceInterface(Lab->Pdo, &NetInterface, Path), STATUS_SUCCESS);
    Program->Process = SimProcessCreate(Account);
    if (Is32Bit)
        SimProcessMake32Bit(Program->Process);
    Program->In = SimUserMemory(Program->Process, CLASSIC_RING_SIZE(SLOTS));
    Program->Out = SimUserMemory(Program->Process, CLASSIC_RING_SIZE(SLOTS));
    Program->Start = SimUserMemory(Program->Process, sizeof(*Program->Start));
    Program->State = SimUserMemory(Program->Process, sizeof(*Program->State));
    SimEventCreate(Program->Process, SynchronizationEvent, EVENT_ALL_ACCESS, &Program->Received);
    SimEventCreate(Program->Process, SynchronizationEvent, EVENT_ALL_ACCESS, &Program->Sent);
    *Program->Start = (CLASSIC_START){.ToProgram = {Program->In, Program->Received, SLOTS},
                                      .ToDriver = {Program->Out, Program->Sent, SLOTS}};
    Program->Stack = Lab->Stack;
    StackKeep(Program->Stack);
    return SimOpen(Program->Process, Path, GENERIC_READ | GENERIC_WRITE, &Program->File);
}

static NTSTATUS Open(_Out_ OLD_PROGRAM *Program, _In_ LAB *Lab, _In_ SIM_ACCOUNT Account)
{
    return OpenAs(Program, Lab, Account, FALSE);
}

/* As a 32-bit program lays it out. */
static NTSTATUS Start32(_Inout_ OLD_PROGRAM *Program)
{
    CLASSIC_START Wide = *Program->Start;
    CLASSIC_START32 *Narrow = (CLASSIC_START32 *)Program->Start;
    *Narrow = (CLASSIC_START32){
        .ToProgram = {(ULONG)(ULONG_PTR)Wide.ToProgram.Ring, (ULONG)(ULONG_PTR)Wide.ToProgram.Event, SLOTS},
        .ToDriver = {(ULONG)(ULONG_PTR)Wide.ToDriver.Ring, (ULONG)(ULONG_PTR)Wide.ToDriver.Event, SLOTS}};
    return SimIoControl(Program->Process, Program->File, IOCTL_CLASSIC_START, Narrow, sizeof(*Narrow), NULL, 0, NULL);
}

static NTSTATUS Start(_Inout_ OLD_PROGRAM *Program)
{
    LabOperations(1);
    return SimIoControl(Program->Process, Program->File, IOCTL_CLASSIC_START, Program->Start, sizeof(*Program->Start),
                        NULL, 0, NULL);
}

static CLASSIC_STATE State(_Inout_ OLD_PROGRAM *Program)
{
    ULONG Returned = 0;
    LabEqual(SimIoControl(Program->Process, Program->File, IOCTL_CLASSIC_STATE, NULL, 0, Program->State,
                          sizeof(*Program->State), &Returned),
             STATUS_SUCCESS);
    LabEqual(Returned, sizeof(*Program->State));
    return *Program->State;
}

static VOID Load(_Inout_ OLD_PROGRAM *Program)
{
    StackNewFlows(Program->Stack);
    Program->Threads[0] = LabStart(Receive, Program);
    Program->Threads[1] = LabStart(Send, Program);
    Program->Threads[2] = LabStart(StackSends, Program);
    LabUntil(atomic_load(&Program->Ready) == ARRAYSIZE(Program->Threads));
}

static VOID Unload(_Inout_ OLD_PROGRAM *Program)
{
    atomic_store(&Program->Stop, 1);
    for (ULONG I = 0; I < ARRAYSIZE(Program->Threads); I++)
        LabJoin(Program->Threads[I]);
    LabOperations(Program->InCount + Program->OutCount);
}

static VOID Close(_Inout_ OLD_PROGRAM *Program)
{
    SimProcessDelete(Program->Process);
    StackDrop(Program->Stack);
}

/* What is needed for a user to open the device at all; NULL: as it is by default. */
static VOID Plug(_Out_ LAB *Lab, _In_opt_ const SIM_PROPERTY *Security)
{
    memset(Lab, 0, sizeof(*Lab));
    LabEqual(SimLoadDriver(ClassicDriverEntry, L"classic", &Lab->Driver), STATUS_SUCCESS);
    LabEqual(SimAddDevice(Lab->Driver, Security, Security != NULL, &Lab->Pdo), STATUS_SUCCESS);
    LabEqual(SimPnp(Lab->Pdo, IRP_MN_START_DEVICE), STATUS_SUCCESS);
    Lab->Stack = StackLast();
}

/* The driver takes the program's handles away, so that neither kind of removal waits for the program. */
static VOID Unplug(_Inout_ LAB *Lab, _In_ BOOLEAN Surprise)
{
    LabEqual(SimPnp(Lab->Pdo, Surprise ? IRP_MN_SURPRISE_REMOVAL : IRP_MN_QUERY_REMOVE_DEVICE), STATUS_SUCCESS);
    WCHAR Path[80];
    LabEqual(SimDeviceInterface(Lab->Pdo, &NetInterface, Path),
             Surprise ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_SUCCESS);
    LabEqual(SimPnp(Lab->Pdo, IRP_MN_REMOVE_DEVICE), STATUS_SUCCESS);
    SimDeleteDevice(Lab->Pdo);
    LabEqual(SimUnloadDriver(Lab->Driver), STATUS_SUCCESS);
}

/* ---- */

VOID ClassicTraffic(VOID)
{
    static const STACK_HOLD Holds[] = {StackReturnsAtOnce, StackReturnsLate, StackHoldsAll};
    LAB Lab;
    Plug(&Lab, NULL);
    OLD_PROGRAM Program;
    LabEqual(Open(&Program, &Lab, SimAdministrator), STATUS_SUCCESS);
    LabEqual(Start(&Program), STATUS_SUCCESS);
    Load(&Program);
    for (ULONG Round = 0; Round < LabScale(30); Round++)
    {
        StackHold(Lab.Stack, Holds[Round % ARRAYSIZE(Holds)]);
        LabSleep(10000);
        if (Round % 5 == 4)
        {
            StackHold(Lab.Stack, StackReturnsLate); /* pausing waits for all lists */
            LabPause(&Lab);
            LabRestart(&Lab);
        }
    }
    StackHold(Lab.Stack, StackReturnsLate);
    Unload(&Program);
    LabUntil(StackRead(Lab.Stack).Received == Program.OutCount);
    LabUntil(State(&Program).Returned == Program.OutCount);
    TakeAll(&Program);
    CLASSIC_STATE Now = State(&Program);
    STACK_COUNTERS Stack = StackRead(Lab.Stack);
    LabEqual(Now.ToDriver, Program.OutCount);
    LabEqual(Now.ToProgram, Program.InCount);
    LabEqual(Now.ToProgram + Now.Dropped, Stack.Sent);
    LabEqual(StackNext(Lab.Stack, FLOW_OUT), Program.OutCount);
    LabCheck(Program.InCount > 100 && Program.OutCount > 100, "%llu in, %llu out", Program.InCount, Program.OutCount);
    LabCheck(Now.OutOfOrder > 0, "no list came back before an older one");
    LabCheck(Now.Ticks > 0 && Now.SystemTime > 0 && Now.Frequency > 0, "no time");
    LabEqual(SimCloseHandle(Program.Process, Program.File), STATUS_SUCCESS);
    Close(&Program);
    Unplug(&Lab, FALSE);
}

/* The device's descriptor lets users open it here; then the driver asks who they are. */
VOID ClassicRefusals(VOID)
{
    static const UCHAR Anyone[] = {1, 0, 0x04, 0x80, 0, 0, 0,  0, 0, 0, 0, 0,    0, 0, 0, 0, 20, 0, 0, 0, 2, 0, 28, 0,
                                   1, 0, 0,    0,    0, 0, 20, 0, 0, 0, 0, 0x10, 1, 1, 0, 0, 0,  0, 0, 1, 0, 0, 0,  0};
    static const SIM_PROPERTY Security = {
        .Key = {{0xa45c254e, 0xdf1c, 0x4efd, {0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}}, 25},
        .Type = DEVPROP_TYPE_SECURITY_DESCRIPTOR,
        .Size = sizeof(Anyone),
        .Data = Anyone};
    LAB Lab;
    Plug(&Lab, NULL);
    OLD_PROGRAM User;
    LabEqual(Open(&User, &Lab, SimUser), STATUS_ACCESS_DENIED);
    Close(&User);
    Unplug(&Lab, FALSE);

    Plug(&Lab, &Security);
    LabEqual(Open(&User, &Lab, SimUser), STATUS_SUCCESS);
    LabEqual(Start(&User), STATUS_ACCESS_DENIED);
    Close(&User);
    OLD_PROGRAM First;
    LabEqual(Open(&First, &Lab, SimAdministrator), STATUS_SUCCESS);
    CLASSIC_START Good = *First.Start;
    First.Start->ToProgram.Slots = 63;
    LabEqual(Start(&First), STATUS_INVALID_PARAMETER);
    *First.Start = Good;
    First.Start->ToDriver.Event = (HANDLE)0x7770;
    LabEqual(Start(&First), STATUS_INVALID_HANDLE);
    *First.Start = Good;
    First.Start->ToDriver.Slots = 2 * SLOTS; /* longer than the memory is */
    LabEqual(Start(&First), STATUS_ACCESS_VIOLATION);
    *First.Start = Good;
    LabEqual(SimIoControl(First.Process, First.File, IOCTL_CLASSIC_START, (PVOID)0x10000, sizeof(Good), NULL, 0, NULL),
             STATUS_ACCESS_VIOLATION);
    LabEqual(SimIoControl(First.Process, First.File, IOCTL_CLASSIC_START, First.Start, 1, NULL, 0, NULL),
             STATUS_INVALID_PARAMETER);
    LabEqual(SimIoControl(First.Process, First.File, IOCTL_CLASSIC_STATE, NULL, 0, (PVOID)0x10000,
                          sizeof(CLASSIC_STATE), NULL),
             STATUS_ACCESS_VIOLATION);
    LabEqual(Start(&First), STATUS_SUCCESS);
    OLD_PROGRAM Second;
    LabEqual(Open(&Second, &Lab, SimSystem), STATUS_SUCCESS);
    LabEqual(Start(&Second), STATUS_DEVICE_BUSY);
    LabEqual(SimCloseHandle(First.Process, First.File), STATUS_SUCCESS);
    LabEqual(Start(&Second), STATUS_SUCCESS);
    Close(&First);
    Close(&Second);
    Unplug(&Lab, FALSE);
}

VOID ClassicDeaths(VOID)
{
    ULONG Deaths = LabScale(20);
    LAB Lab;
    Plug(&Lab, NULL);
    StackHold(Lab.Stack, StackReturnsLate);
    OLD_PROGRAM Program;
    for (ULONG Death = 0; Death < Deaths; Death++)
    {
        ULONG64 Received = StackRead(Lab.Stack).Received;
        LabEqual(OpenAs(&Program, &Lab, SimSystem, Death % 4 == 3), STATUS_SUCCESS);
        LabEqual(Death % 4 == 3 ? Start32(&Program) : Start(&Program), STATUS_SUCCESS);
        Load(&Program);
        LabSleep(2000 + Death * 137 % 5000);
        LabUntil(StackRead(Lab.Stack).Received > Received);
        SimProcessKill(Program.Process);
        Unload(&Program);
        Close(&Program);
    }
    LabEqual(Open(&Program, &Lab, SimSystem), STATUS_SUCCESS);
    CLASSIC_STATE Now = State(&Program);
    LabEqual(Now.Deaths, Deaths);
    LabEqual(Now.Sessions, Deaths);
    LabCheck(Now.Born >= Now.Died && Now.Died >= Deaths, "%llu born, %llu died", Now.Born, Now.Died);
    LabUntil(State(&Program).Returned == State(&Program).ToDriver);
    Close(&Program);
    Unplug(&Lab, FALSE);
}

VOID ClassicRemovals(VOID)
{
    for (ULONG Round = 0; Round < LabScale(10); Round++)
    {
        LAB Lab;
        Plug(&Lab, NULL);
        StackHold(Lab.Stack, StackReturnsLate);
        OLD_PROGRAM Program;
        LabEqual(Open(&Program, &Lab, SimSystem), STATUS_SUCCESS);
        LabEqual(Start(&Program), STATUS_SUCCESS);
        Load(&Program);
        LabSleep(2000 + Round * 137 % 5000);
        Unplug(&Lab, Round % 2 != 0);
        LabEqual(Start(&Program), STATUS_INVALID_HANDLE); /* it was taken away */
        Unload(&Program);
        Close(&Program);
    }
}

/* Two adapters of one driver, each with a program: one comes and goes under load, and the other does not notice. */
VOID ClassicTwo(VOID)
{
    LAB Lab;
    Plug(&Lab, NULL);
    OLD_PROGRAM Stays;
    LabEqual(Open(&Stays, &Lab, SimSystem), STATUS_SUCCESS);
    LabEqual(Start(&Stays), STATUS_SUCCESS);
    StackHold(Lab.Stack, StackReturnsLate);
    Load(&Stays);
    for (ULONG Round = 0; Round < LabScale(6); Round++)
    {
        ULONG64 Received = StackRead(Lab.Stack).Received;
        LAB Second = Lab;
        LabEqual(SimAddDevice(Lab.Driver, NULL, 0, &Second.Pdo), STATUS_SUCCESS);
        LabEqual(SimPnp(Second.Pdo, IRP_MN_START_DEVICE), STATUS_SUCCESS);
        Second.Stack = StackLast();
        OLD_PROGRAM Goes;
        LabEqual(Open(&Goes, &Second, SimSystem), STATUS_SUCCESS);
        LabEqual(Start(&Goes), STATUS_SUCCESS);
        Load(&Goes);
        LabSleep(3000);
        if (Round % 2)
            SimProcessKill(Goes.Process);
        LabEqual(SimPnp(Second.Pdo, Round % 3 ? IRP_MN_SURPRISE_REMOVAL : IRP_MN_QUERY_REMOVE_DEVICE), STATUS_SUCCESS);
        LabEqual(SimPnp(Second.Pdo, IRP_MN_REMOVE_DEVICE), STATUS_SUCCESS);
        SimDeleteDevice(Second.Pdo);
        Unload(&Goes);
        Close(&Goes);
        LabUntil(StackRead(Lab.Stack).Received > Received);
    }
    Unload(&Stays);
    LabUntil(StackRead(Lab.Stack).Received == Stays.OutCount);
    LabUntil(State(&Stays).Returned == Stays.OutCount);
    LabEqual(StackNext(Lab.Stack, FLOW_OUT), Stays.OutCount);
    LabEqual(State(&Stays).ToProgram + State(&Stays).Dropped, StackRead(Lab.Stack).Sent);
    Close(&Stays);
    Unplug(&Lab, FALSE);
}
