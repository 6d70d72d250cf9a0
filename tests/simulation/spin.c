/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, by chance: threads that send as the stack does, programs that fight for the session, start it, end
 * it and die in it, one that looks on as a monitor, in the same manner, and one thread that pauses, puts to sleep, asks OIDs, makes the stack slow and takes the device away.
 * It goes in epochs; at the end of each, when all is still, the books must balance to the packet. Where the device was
 * taken away, its counters with it, they balance between what the stack was told of each send, and what programs found.
 * SIM_SPIN in the environment is the number of actions. The seed replays what each thread chooses, not how they meet.
 */
#include "tests/simulation/lab.h"

SCENARIO Spin;

#define STACK_ACTORS   2
#define PROGRAM_ACTORS 2
#define ACTORS         (STACK_ACTORS + PROGRAM_ACTORS + 1) /* and the monitor */
#define PROGRAM_FLOW   8                                   /* and the next */
#define EPOCH          20000                               /* actions */

typedef struct _SPIN
{
    LAB Lab;
    _Atomic(ULONG) Stop;
    _Atomic(ULONG) Removed;
    ULONG Buffers;            /* in a list, at most; 1: each packet has a status of its own */
    _Atomic(ULONG64) Actions; /* in this epoch */
    _Atomic(ULONG64) Received, ReceivedOctets, Sent, Left, Junk, Sessions, Deaths, Refused; /* Junk: sent and taken */
} SPIN;

typedef struct _ACTOR
{
    SPIN *Spin;
    BACKEND *Stack; /* kept */
    ULONG Number;
    ULONG64 Random, Sequence;
} ACTOR;

static const UCHAR Junk[65536]; /* no packet: version 0 */

static VOID Act(_Inout_ SPIN *Spin)
{
    atomic_fetch_add_explicit(&Spin->Actions, 1, memory_order_relaxed);
}

static BOOLEAN Stopping(_In_ SPIN *Spin)
{
    return atomic_load_explicit(&Spin->Stop, memory_order_relaxed) != 0;
}

/* ---- The stack sends */

static void *StackActor(void *Context)
{
    ACTOR *Actor = Context;
    while (!Stopping(Actor->Spin))
    {
        ULONG Chance = LabRandom(&Actor->Random), Length = LabSizes[Chance % (LAB_SIZES - 1)];
        BOOLEAN Unmapped = Chance >> 24 == 0, IsJunk = Chance >> 24 == 1;
        STACK_SHAPE Shape = {.Lists = Unmapped ? 1 : 1 + (Chance >> 8) % 8,
                             .Buffers = Unmapped ? 1 : 1 + (Chance >> 12) % Actor->Spin->Buffers,
                             .Dispatch = Chance >> 16 & 1,
                             .Unmapped = Unmapped};
        if (!StackSend(Actor->Stack, &Shape, Length, Length >= 40 && (Chance >> 17 & 1), 1 + Actor->Number,
                       &Actor->Sequence, IsJunk ? Junk : NULL, &Actor->Random, NULL))
        {
            LabSleep(50);
        }
        Act(Actor->Spin);
    }
    return NULL;
}

/* ---- Programs */

/* Counts what the driver had not taken out of the ring when the session was over, and how much of it was junk. */
static ULONG64 LeftBehind(_In_ PROGRAM *Program, _Out_ ULONG64 *JunkLeft)
{
    RING_SIDE Side = Program->ToStack;
    uint32_t Index = atomic_load(&Side.Ring->Head);
    ULONG64 Count = 0;
    *JunkLeft = 0;
    while (Index != Side.Own)
    {
        RING_PACKET *Packet = RingPacketAt(&Side, Index);
        *JunkLeft += *(UCHAR *)RingPacketData(Packet) == 0;
        Index += (uint32_t)RingEntrySize(atomic_load(&Packet->Length));
        Count++;
    }
    return Count;
}

/* The middle of a session: sends, asks, idles. Returns how much junk it sent. */
static ULONG64 Use(_Inout_ ACTOR *Actor, _Inout_ PROGRAM *Program)
{
    ULONG64 JunkSent = 0;
    for (ULONG Rounds = LabRandom(&Actor->Random) % 200; Rounds && !Stopping(Actor->Spin); Rounds--)
    {
        ULONG Chance = LabRandom(&Actor->Random), Length = LabSizes[(Chance >> 8) % (LAB_SIZES - 1)];
        Act(Actor->Spin);
        TUN_STATISTICS Statistics;
        switch (Chance % 16)
        {
        case 0:
            LabSleep(Chance >> 20 & 255);
            break;
        case 1:
            /* STATUS_DEVICE_REMOVED, once it is. */
            SimIoControl(Program->Process, Program->File, TUN_IOCTL_STATISTICS, NULL, 0, &Statistics,
                         sizeof(Statistics), NULL);
            break;
        case 2:
            JunkSent += ProgramSendBytes(Program, Junk, 1 + (Chance >> 12) % 3000);
            break;
        default:
            if (!ProgramSend(Program, 1 + (Chance >> 12) % 24, Length, Length >= 40 && (Chance >> 31),
                             PROGRAM_FLOW + Actor->Number, &Actor->Sequence))
            {
                return JunkSent;
            }
        }
    }
    return JunkSent;
}

static VOID Session(_Inout_ ACTOR *Actor, _Inout_ PROGRAM *Program)
{
    SPIN *Spin = Actor->Spin;
    ULONG Chance = LabRandom(&Actor->Random);
    NTSTATUS Status = ProgramStart(Program, RING_CAPACITY_MIN << Chance % 3);
    Act(Spin);
    if (!NT_SUCCESS(Status))
    {
        LabCheck(Status == STATUS_DEVICE_BUSY || Status == STATUS_DEVICE_REMOVED, "start: 0x%x", (unsigned)Status);
        atomic_fetch_add(&Spin->Refused, 1);
        LabSleep(Chance >> 8 & 511);
        return;
    }
    LAB_THREAD Receiver = LabStart(ProgramReceiveLoop, Program);
    ULONG64 JunkSent = Use(Actor, Program);
    switch (Chance >> 4 & 3)
    {
    case 0:
        SimProcessKill(Program->Process); /* while the receiver goes on */
        atomic_store(&Program->Dead, 1);
        atomic_fetch_add(&Spin->Deaths, 1);
        break;
    case 1:
        SimCloseHandle(Program->Process, Program->File);
        break;
    default:
        ProgramEnd(Program);
    }
    LabCheck(RingClosed(Program->ToApp.Ring) && RingClosed(Program->ToStack.Ring), "a ring outlives its session");
    atomic_store(&Program->Stop, 1);
    LabJoin(Receiver);
    ProgramReceive(Program); /* what the ring still holds */
    atomic_fetch_add(&Spin->Received, Program->Received);
    atomic_fetch_add(&Spin->ReceivedOctets, Program->ReceivedOctets);
    atomic_fetch_add(&Spin->Sent, Program->Sent);
    ULONG64 JunkLeft;
    atomic_fetch_add(&Spin->Left, LeftBehind(Program, &JunkLeft));
    atomic_fetch_add(&Spin->Junk, JunkSent - JunkLeft);
    atomic_fetch_add(&Spin->Sessions, 1);
}

static void *ProgramActor(void *Context)
{
    ACTOR *Actor = Context;
    while (!Stopping(Actor->Spin))
    {
        PROGRAM Program;
        NTSTATUS Status = ProgramOpen(&Program, Actor->Spin->Lab.Path, SimAdministrator);
        Act(Actor->Spin);
        if (NT_SUCCESS(Status))
        {
            Session(Actor, &Program);
        }
        else
        {
            LabCheck(atomic_load(&Actor->Spin->Removed), "open: 0x%x", (unsigned)Status);
            LabSleep(200);
        }
        ProgramClose(&Program);
    }
    return NULL;
}

/* A monitor session: reads, or does not, and sometimes spoils its ring. What it finds is what the driver counted. */
static VOID Look(_Inout_ ACTOR *Actor, _Inout_ PROGRAM *Monitor)
{
    ULONG Chance = LabRandom(&Actor->Random);
    NTSTATUS Status = ProgramStart(Monitor, RING_CAPACITY_MIN << Chance % 4);
    if (!NT_SUCCESS(Status))
    {
        LabEqual(Status, STATUS_DEVICE_REMOVED); /* no other monitor is there */
        LabSleep(200);
        return;
    }
    for (ULONG Rounds = Chance >> 8 & 63; Rounds && !Stopping(Actor->Spin); Rounds--)
    {
        Act(Actor->Spin);
        if (LabRandom(&Actor->Random) % 4 == 0)
            LabSleep(LabRandom(&Actor->Random) % 1000);
        else if (!ProgramReceive(Monitor) && !ProgramWait(Monitor, 5) && RingClosed(Monitor->ToApp.Ring))
            break;
    }
    if (Chance >> 4 & 1)
    {
        atomic_fetch_add(&Monitor->ToApp.Ring->Head, LabRandom(&Actor->Random));
        LabSleep(LabRandom(&Actor->Random) % 500);
    }
    TUN_STATISTICS Statistics;
    switch (Chance >> 5 & 3)
    {
    case 0:
        SimProcessKill(Monitor->Process);
        break;
    case 1:
        SimCloseHandle(Monitor->Process, Monitor->File);
        break;
    default:
        ProgramEnd(Monitor);
        ProgramReceive(Monitor);
        if (NT_SUCCESS(SimIoControl(Monitor->Process, Monitor->File, TUN_IOCTL_STATISTICS, NULL, 0, &Statistics,
                                    sizeof(Statistics), NULL)))
        {
            LabEqual(Statistics.MonitorPackets, Monitor->Received);
        }
    }
    LabCheck(RingClosed(Monitor->ToApp.Ring), "a monitor's ring outlives its session");
}

static void *MonitorActor(void *Context)
{
    ACTOR *Actor = Context;
    while (!Stopping(Actor->Spin))
    {
        PROGRAM Monitor;
        NTSTATUS Status = ProgramOpen(&Monitor, Actor->Spin->Lab.Path, SimAdministrator);
        Act(Actor->Spin);
        Monitor.Monitor = TRUE;
        if (NT_SUCCESS(Status))
        {
            Look(Actor, &Monitor);
        }
        else
        {
            LabCheck(atomic_load(&Actor->Spin->Removed), "open: 0x%x", (unsigned)Status);
            LabSleep(200);
        }
        ProgramClose(&Monitor);
    }
    return NULL;
}

/* ---- The system around */

static VOID AskOid(_Inout_ ACTOR *Actor)
{
    NDIS_HOST_ADAPTER *Adapter = StackAdapter(Actor->Stack);
    NDIS_OID Oid = Adapter->SupportedOids[LabRandom(&Actor->Random) % Adapter->SupportedOidCount];
    UCHAR Buffer[256];
    memset(Buffer, 0, sizeof(Buffer));
    if (Oid != OID_PNP_SET_POWER)
    {
        ULONG Done, Needed;
        HostOid(Adapter, LabRandom(&Actor->Random) % 4 ? NdisRequestQueryInformation : NdisRequestSetInformation, Oid,
                Buffer, LabRandom(&Actor->Random) % sizeof(Buffer), &Done, &Needed);
    }
}

/* Until the epoch's actions are done. Leaves the adapter running, or gone. */
static VOID SystemActor(_Inout_ ACTOR *Actor, _In_ BOOLEAN Remove)
{
    SPIN *Spin = Actor->Spin;
    while (atomic_load_explicit(&Spin->Actions, memory_order_relaxed) < EPOCH)
    {
        ULONG Chance = LabRandom(&Actor->Random);
        Act(Spin);
        LabSleep(Chance >> 16 & 1023);
        switch (Chance % 8)
        {
        case 0:
        case 1:
            LabPause(&Spin->Lab);
            LabSleep(Chance >> 8 & 255);
            LabRestart(&Spin->Lab);
            break;
        case 2:
            LabPause(&Spin->Lab);
            LabEqual(LabSetPower(&Spin->Lab, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
            LabSleep(Chance >> 8 & 255);
            LabEqual(LabSetPower(&Spin->Lab, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
            LabRestart(&Spin->Lab);
            break;
        case 3:
            StackHold(Actor->Stack, StackHoldsAll);
            LabSleep(Chance >> 8 & 1023);
            StackHold(Actor->Stack, StackReturnsLate);
            break;
        case 4:
            StackHold(Actor->Stack, Chance >> 8 & 1 ? StackReturnsLate : StackReturnsAtOnce);
            break;
        default:
            AskOid(Actor);
        }
    }
    if (Remove)
    {
        atomic_store(&Spin->Removed, 1);
        LabUnplug(&Spin->Lab, LabRandom(&Actor->Random) % 2);
    }
    else
    {
        StackHold(Actor->Stack, StackReturnsAtOnce);
    }
}

/* The books without the driver's counters: what it told the stack is true, and the stack got what it took in. */
static VOID BooksOutside(_In_ SPIN *Spin, _In_ const STACK_COUNTERS *Stack)
{
    if (Spin->Buffers == 1)
        LabEqual(Stack->Sent - Stack->Refused, Spin->Received);
    LabEqual(Stack->Received + Spin->Left + Spin->Junk, Spin->Sent);
}

static VOID Books(_In_ SPIN *Spin)
{
    LabUntil(StackHasNone(Spin->Lab.Stack));
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Spin->Lab.Path, SimSystem), STATUS_SUCCESS);
    TUN_COUNTERS Counters = ProgramStatistics(&Program).Adapter;
    STACK_COUNTERS Stack = StackRead(Spin->Lab.Stack);
    LabEqual(Counters.ToAppPackets, Spin->Received);
    LabEqual(Counters.ToAppBytes, Spin->ReceivedOctets);
    LabEqual(Counters.ToAppPackets + Counters.ToAppDropNoSession + Counters.ToAppDropFull + Counters.ToAppDropInvalid +
                 Counters.ToAppDropPaused,
             Stack.Sent);
    LabEqual(Counters.ToStackPackets, Stack.Received);
    LabEqual(Counters.ToStackBytes, Stack.ReceivedOctets);
    LabEqual(Counters.ToStackDropInvalid, Spin->Junk);
    BooksOutside(Spin, &Stack);
    ProgramClose(&Program);
}

VOID Spin(VOID)
{
    PCSTR Given = getenv("SIM_SPIN");
    ULONG64 Wanted = Given ? strtoull(Given, NULL, 0) : LabScale(__has_feature(thread_sanitizer) ? 200000 : 850000);
    ULONG64 Done = 0, Sessions = 0, Deaths = 0, Random = LabSeed();
    ULONG64 StackSequence[STACK_ACTORS] = {0}, ProgramSequence[PROGRAM_ACTORS] = {0};
    ULONG Epochs;
    for (Epochs = 0; Done < Wanted; Epochs++)
    {
        static SPIN Spinning;
        BOOLEAN Remove = Epochs % 3 == 2;
        memset(&Spinning, 0, sizeof(Spinning));
        Spinning.Buffers = Epochs % 2 || Remove ? 1 : 3;
        LabOpen(&Spinning.Lab);
        ACTOR Actors[ACTORS + 1]; /* the last is the system */
        LAB_THREAD Threads[ACTORS];
        for (ULONG I = 0; I < ARRAYSIZE(Actors); I++)
        {
            BOOLEAN IsStack = I < STACK_ACTORS, IsProgram = !IsStack && I < STACK_ACTORS + PROGRAM_ACTORS;
            ULONG Number = IsStack ? I : I - STACK_ACTORS;
            Actors[I] = (ACTOR){.Spin = &Spinning, .Stack = Spinning.Lab.Stack, .Number = Number};
            Actors[I].Random = (ULONG64)LabRandom(&Random) << 32 | I;
            StackKeep(Actors[I].Stack);
            if (I < ARRAYSIZE(Threads))
            {
                Actors[I].Sequence = IsStack ? StackSequence[Number] : IsProgram ? ProgramSequence[Number] : 0;
                Threads[I] = LabStart(IsStack ? StackActor : IsProgram ? ProgramActor : MonitorActor, &Actors[I]);
            }
        }
        SystemActor(&Actors[ARRAYSIZE(Threads)], Remove);
        atomic_store(&Spinning.Stop, 1);
        for (ULONG I = 0; I < ARRAYSIZE(Threads); I++)
        {
            LabJoin(Threads[I]);
            if (I < STACK_ACTORS + PROGRAM_ACTORS)
                *(I < STACK_ACTORS ? &StackSequence[I] : &ProgramSequence[I - STACK_ACTORS]) = Actors[I].Sequence;
        }
        if (!Remove)
        {
            Books(&Spinning);
            LabUnplug(&Spinning.Lab, FALSE);
        }
        else
        {
            STACK_COUNTERS Stack = StackRead(Actors[0].Stack);
            BooksOutside(&Spinning, &Stack);
        }
        for (ULONG I = 0; I < ARRAYSIZE(Actors); I++)
            StackDrop(Actors[I].Stack);
        LabUnload(&Spinning.Lab);
        SimCheckEmpty("Spin, end of an epoch");
        Done += Spinning.Actions;
        Sessions += Spinning.Sessions;
        Deaths += Spinning.Deaths;
    }
    printf("spin: %llu actions, %u epochs, %llu sessions, %llu deaths\n", Done, Epochs, Sessions, Deaths);
}
