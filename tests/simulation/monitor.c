/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of the monitor session: that it sees what passes, all of it and in order, and that nobody else sees anything
 * of it, whatever it does: not reading, corrupting its ring, dying, coming and going under load.
 */
#include "tests/simulation/lab.h"

SCENARIO MonitorSees, MonitorFull, MonitorAlone, MonitorOwners, MonitorCorrupts, MonitorsUnderLoad, MonitorRemoved;

static const STACK_SHAPE One = {.Lists = 1, .Buffers = 1, .Parts = 1};

static VOID Open(_Out_ PROGRAM *Program, _In_ LAB *Lab, _In_ BOOLEAN Monitor, _In_ ULONG Capacity)
{
    LabEqual(ProgramOpen(Program, Lab->Path, SimSystem), STATUS_SUCCESS);
    Program->Monitor = Monitor;
    LabEqual(ProgramStart(Program, Capacity), STATUS_SUCCESS);
}

static TUN_STATISTICS Expect(_Inout_ PROGRAM *Program, _In_ ULONG64 Packets, _In_ ULONG64 Drops)
{
    TUN_STATISTICS Statistics = ProgramStatistics(Program);
    LabEqual(Statistics.MonitorPackets, Packets);
    LabEqual(Statistics.MonitorDrops, Drops);
    return Statistics;
}

/* The next packet in the monitor's ring is this one. */
static VOID Next(_Inout_ PROGRAM *Monitor, _In_ ULONG Flow, _In_ ULONG64 Sequence, _In_ ULONG Length, _In_ ULONG Flags)
{
    RING_PACKET *Entry;
    uint32_t Found;
    LabEqual(RingTake(&Monitor->ToApp, &Entry, &Found), RING_OK);
    LabEqual(Found, Length);
    ULONG FoundFlow;
    ULONG64 FoundSequence;
    LabCheck(PacketCheck(RingPacketData(Entry), Found, &FoundFlow, &FoundSequence), "not as it was sent");
    LabEqual(FoundFlow, Flow);
    LabEqual(FoundSequence, Sequence);
    LabEqual(atomic_load(&Entry->OffloadKind), Flags);
    LabEqual(atomic_load(&Entry->Offload[1]), 0);
    RingRelease(&Monitor->ToApp, Monitor->ToApp.Next);
}

static VOID ExpectEmpty(_Inout_ PROGRAM *Monitor)
{
    RING_PACKET *Entry;
    uint32_t Length;
    LabEqual(RingTake(&Monitor->ToApp, &Entry, &Length), RING_EMPTY);
}

/* Packets of each size in each direction, one after the other: the monitor finds them in this order, and bad ones not. */
VOID MonitorSees(VOID)
{
    static const UCHAR Bad[64]; /* version 0 */
    ULONG64 Random = LabSeed(), ToApp = 0, ToStack = 0;
    ULONG64 Packets = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    Open(&Program, &Lab, FALSE, 8 * RING_CAPACITY_MIN);
    PROGRAM Monitor;
    Open(&Monitor, &Lab, TRUE, 16 * RING_CAPACITY_MIN);
    for (ULONG I = 4; I < LAB_SIZES; I++) /* from where there is room for a flow and a number */
    {
        for (ULONG Round = 0; Round < 10; Round++)
        {
            STACK_SHAPE Shape = {.Lists = 1 + Round % 3, .Buffers = 1 + Round % 2};
            ULONG Sent = Shape.Lists * Shape.Buffers, Count = 1 + LabRandom(&Random) % 12;
            BOOLEAN IsIpv6 = LabSizes[I] >= 56 && Round % 2;
            StackSend(Lab.Stack, &Shape, LabSizes[I], IsIpv6, 1, &ToApp, NULL, &Random, NULL);
            StackSend(Lab.Stack, &One, sizeof(Bad), FALSE, 1, &ToApp, Bad, &Random, NULL);
            for (ULONG J = 0; J < Sent; J++)
                Next(&Monitor, 1, ToApp - Sent + J, LabSizes[I], 0); /* before the program has taken any */
            LabEqual(ProgramReceive(&Program), Sent);
            LabCheck(ProgramSendBytes(&Program, Bad, sizeof(Bad)), "closed");
            LabCheck(ProgramSend(&Program, Count, LabSizes[I], IsIpv6, 2, &ToStack), "closed");
            LabUntil(StackNext(Lab.Stack, 2) == ToStack);
            for (ULONG J = 0; J < Count; J++)
                Next(&Monitor, 2, ToStack - Count + J, LabSizes[I], RING_FLAG_TO_STACK);
            ExpectEmpty(&Monitor);
            Packets += Sent + Count;
        }
    }
    Expect(&Monitor, Packets, 0);
    LabBalance(&Lab, &Program);
    ProgramClose(&Monitor);
    ProgramClose(&Program);
    LabClose(&Lab);
}

/* A monitor that does not read: what does not fit is its loss alone. Then it sleeps, and is woken, from either side. */
VOID MonitorFull(VOID)
{
    ULONG64 Random = LabSeed(), ToApp = 0, ToStack = 0, Fit = RING_CAPACITY_MIN / 1024;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    Open(&Program, &Lab, FALSE, 8 * RING_CAPACITY_MIN);
    PROGRAM Monitor;
    Open(&Monitor, &Lab, TRUE, RING_CAPACITY_MIN);
    for (ULONG I = 0; I < Fit; I++)
    {
        StackSend(Lab.Stack, &One, 1024 - 16, FALSE, 1, &ToApp, NULL, &Random, NULL);
        LabEqual(ProgramReceive(&Program), 1);
        LabCheck(ProgramSend(&Program, 1, 1024 - 16, FALSE, 2, &ToStack), "closed");
        LabUntil(StackNext(Lab.Stack, 2) == ToStack);
    }
    Expect(&Program, Fit, Fit);
    LabEqual(ProgramStatistics(&Program).Adapter.ToAppDropFull, 0);
    LabEqual(ProgramReceive(&Monitor), Fit);
    LabEqual(Monitor.FromProgram, Fit / 2);
    LabEqual(RingSleep(&Monitor.ToApp), RING_EMPTY);
    StackSend(Lab.Stack, &One, 100, FALSE, 1, &ToApp, NULL, &Random, NULL);
    LabEqual(SimWait(Monitor.Process, 1, &Monitor.ToAppPackets, 10000), STATUS_WAIT_0);
    LabEqual(ProgramReceive(&Monitor), 1);
    LabEqual(RingSleep(&Monitor.ToApp), RING_EMPTY);
    LabCheck(ProgramSend(&Program, 1, 100, FALSE, 2, &ToStack), "closed");
    LabEqual(SimWait(Monitor.Process, 1, &Monitor.ToAppPackets, 10000), STATUS_WAIT_0);
    LabEqual(ProgramReceive(&Monitor), 1);
    Expect(&Program, Fit + 2, Fit);
    ProgramReceive(&Program);
    LabUntil(StackRead(Lab.Stack).Received == Program.Sent);
    LabBalance(&Lab, &Program);
    ProgramClose(&Monitor);
    /* Another one begins with nothing. */
    Open(&Monitor, &Lab, TRUE, RING_CAPACITY_MIN);
    ExpectEmpty(&Monitor);
    Expect(&Program, 0, 0);
    ProgramClose(&Monitor);
    ProgramClose(&Program);
    LabClose(&Lab);
}

/* A monitor without a session: the link is down, and it gets nothing; with the first session it does; pause and sleep
 * leave it as it is. */
VOID MonitorAlone(VOID)
{
    ULONG64 Random = LabSeed(), Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Monitor;
    Open(&Monitor, &Lab, TRUE, RING_CAPACITY_MIN);
    LabCheck(!StackLinkUp(Lab.Stack), "a monitor takes the link up");
    StackSend(Lab.Stack, &One, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
    ExpectEmpty(&Monitor);
    LabEqual(Expect(&Monitor, 0, 0).Adapter.ToAppDropNoSession, 1);
    TUN_QUERY Query = ProgramQuery(&Monitor);
    LabEqual(Query.SessionActive, 0);
    LabEqual(Query.SessionProcessId, 0);
    LabEqual(Query.MonitorProcessId, PsGetProcessId(Monitor.Process));
    for (ULONG Round = 0; Round < 2; Round++)
    {
        PROGRAM Program;
        Open(&Program, &Lab, FALSE, RING_CAPACITY_MIN);
        LabPause(&Lab);
        LabEqual(LabSetPower(&Lab, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
        LabEqual(LabSetPower(&Lab, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
        LabRestart(&Lab);
        StackSend(Lab.Stack, &One, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
        Next(&Monitor, 1, Sequence - 1, 100, 0);
        Query = ProgramQuery(&Monitor);
        LabEqual(Query.SessionProcessId, PsGetProcessId(Program.Process));
        LabEqual(Query.MonitorProcessId, PsGetProcessId(Monitor.Process));
        ProgramClose(&Program);
        LabCheck(!StackLinkUp(Lab.Stack), "a monitor keeps the link up");
        LabEqual(RingClosed(Monitor.ToApp.Ring), 0);
    }
    ProgramClose(&Monitor);
    LabClose(&Lab);
}

VOID MonitorOwners(VOID)
{
    ULONG64 Random = LabSeed(), Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Monitor;
    Open(&Monitor, &Lab, TRUE, RING_CAPACITY_MIN);
    PROGRAM Other;
    LabEqual(ProgramOpen(&Other, Lab.Path, SimSystem), STATUS_SUCCESS);
    Other.Monitor = TRUE;
    LabEqual(ProgramStart(&Other, RING_CAPACITY_MIN), STATUS_DEVICE_BUSY);
    LabEqual(ProgramEnd(&Other), STATUS_SUCCESS); /* its own, of which there is none */
    LabEqual(RingClosed(Monitor.ToApp.Ring), 0);
    PROGRAM Program;
    Open(&Program, &Lab, FALSE, RING_CAPACITY_MIN);
    LabEqual(ProgramEnd(&Monitor), STATUS_SUCCESS);
    LabEqual(RingClosed(Monitor.ToApp.Ring), TUN_CLOSED_ENDED);
    LabEqual(SimWait(Monitor.Process, 1, &Monitor.ToAppPackets, 0), STATUS_WAIT_0);
    LabEqual(RingClosed(Program.ToApp.Ring), 0);
    LabEqual(ProgramQuery(&Program).MonitorProcessId, 0);
    ProgramForget(&Monitor);
    LabEqual(ProgramStart(&Other, RING_CAPACITY_MIN), STATUS_SUCCESS);
    /* The session goes, and the monitor stays; the death of its process is its end. */
    LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
    ProgramForget(&Program);
    LabEqual(RingClosed(Other.ToApp.Ring), 0);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    SimProcessKill(Other.Process);
    LabEqual(RingClosed(Other.ToApp.Ring), TUN_CLOSED_ENDED);
    ProgramClose(&Other);
    StackSend(Lab.Stack, &One, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
    LabEqual(ProgramReceive(&Program), 1);
    ProgramClose(&Program);
    ProgramClose(&Monitor);
    LabClose(&Lab);
}

/* A Head that is wrong ends the monitor and nothing else. */
VOID MonitorCorrupts(VOID)
{
    static const uint32_t Wrong[] = {1, 8, RING_CAPACITY_MIN, 0x80000000, 0xffffffff};
    ULONG64 Random = LabSeed(), ToApp = 0, ToStack = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    Open(&Program, &Lab, FALSE, 8 * RING_CAPACITY_MIN);
    for (ULONG I = 0; I < ARRAYSIZE(Wrong); I++)
    {
        PROGRAM Monitor;
        LabEqual(ProgramOpen(&Monitor, Lab.Path, SimSystem), STATUS_SUCCESS);
        Monitor.Monitor = Monitor.Hostile = TRUE;
        LabEqual(ProgramStart(&Monitor, RING_CAPACITY_MIN), STATUS_SUCCESS);
        ProgramSend(&Program, 4, 4000, FALSE, 2, &ToStack);
        LabUntil(StackNext(Lab.Stack, 2) == ToStack);
        LabEqual(ProgramReceive(&Monitor), 4);
        atomic_store(&Monitor.ToApp.Ring->Head, Monitor.ToApp.Own + Wrong[I]);
        for (ULONG J = 0; J < 40; J++)
            if (I % 2)
                StackSend(Lab.Stack, &One, 4000, FALSE, 1, &ToApp, NULL, &Random, NULL);
            else
                ProgramSend(&Program, 1, 4000, FALSE, 2, &ToStack);
        LabUntil(StackNext(Lab.Stack, 2) == ToStack);
        ProgramReceive(&Program);
        LabEqual(RingClosed(Monitor.ToApp.Ring), TUN_CLOSED_CORRUPT_TOAPP);
        LabEqual(SimWait(Monitor.Process, 1, &Monitor.ToAppPackets, 10000), STATUS_WAIT_0);
        LabEqual(Expect(&Program, 32, 12).Session.ToAppDropFull, 0);
        LabCheck(StackLinkUp(Lab.Stack), "the link is down");
        LabEqual(RingClosed(Program.ToApp.Ring), 0);
        /* Until it lets go it stands in the next one's way. Setting its Head right again is too late. */
        atomic_store(&Monitor.ToApp.Ring->Head, Monitor.ToApp.Own);
        PROGRAM Other;
        LabEqual(ProgramOpen(&Other, Lab.Path, SimSystem), STATUS_SUCCESS);
        Other.Monitor = TRUE;
        LabEqual(ProgramStart(&Other, RING_CAPACITY_MIN), STATUS_DEVICE_BUSY);
        ProgramSend(&Program, 1, 100, FALSE, 2, &ToStack);
        LabUntil(StackNext(Lab.Stack, 2) == ToStack);
        Expect(&Program, 32, 13);
        ProgramClose(&Monitor);
        LabEqual(ProgramStart(&Other, RING_CAPACITY_MIN), STATUS_SUCCESS);
        ProgramSend(&Program, 1, 100, FALSE, 2, &ToStack);
        LabUntil(StackNext(Lab.Stack, 2) == ToStack);
        LabEqual(ProgramReceive(&Other), 1);
        ProgramClose(&Other);
    }
    LabBalance(&Lab, &Program);
    ProgramClose(&Program);
    LabClose(&Lab);
}

/* Monitors come and go in every way under load both ways, of which nothing may be lost or changed. One of them stays until
 * all is still: then its books must balance. */
VOID MonitorsUnderLoad(VOID)
{
    ULONG64 Random = LabSeed();
    LAB Lab;
    LabOpen(&Lab);
    StackHold(Lab.Stack, StackReturnsLate);
    PROGRAM Program;
    Open(&Program, &Lab, FALSE, 16 * RING_CAPACITY_MIN);
    LAB_LOAD Load;
    LabLoadStart(&Load, &Lab, &Program, 0);
    TUN_STATISTICS Statistics;
    PROGRAM Monitor;
    LAB_THREAD Receiver;
    for (ULONG I = 0; I < LabScale(60); I++)
    {
        Open(&Monitor, &Lab, TRUE, RING_CAPACITY_MIN << I % 4);
        Receiver = LabStart(ProgramReceiveLoop, &Monitor);
        LabSleep(LabRandom(&Random) % 5000);
        switch (I % 3)
        {
        case 0:
            SimProcessKill(Monitor.Process); /* while the receiver goes on */
            atomic_store(&Monitor.Dead, 1);
            break;
        case 1:
            SimCloseHandle(Monitor.Process, Monitor.File);
            break;
        default:
            ProgramEnd(&Monitor);
        }
        LabEqual(RingClosed(Monitor.ToApp.Ring), TUN_CLOSED_ENDED);
        atomic_store(&Monitor.Stop, 1);
        LabJoin(Receiver);
        ProgramReceive(&Monitor);
        Statistics = ProgramStatistics(&Program); /* of the last monitor: it is over, and they stand still */
        LabEqual(Statistics.MonitorPackets, Monitor.Received);
        ProgramClose(&Monitor);
    }
    LabLoadStop(&Load, &Lab, &Program);
    LabBalance(&Lab, &Program);
    /* A fixed load from the beginning to the end. */
    Statistics = ProgramStatistics(&Program);
    ULONG64 Before = Statistics.Adapter.ToAppPackets + Statistics.Adapter.ToStackPackets;
    atomic_store(&Program.Stop, 0);
    memset(Program.Next, 0, sizeof(Program.Next));
    Open(&Monitor, &Lab, TRUE, 4 * RING_CAPACITY_MIN);
    Receiver = LabStart(ProgramReceiveLoop, &Monitor);
    LabLoadStart(&Load, &Lab, &Program, LabScale(2000));
    LabLoadStop(&Load, &Lab, &Program);
    Statistics = ProgramStatistics(&Program);
    atomic_store(&Monitor.Stop, 1);
    LabJoin(Receiver);
    LabEqual(Statistics.MonitorPackets + Statistics.MonitorDrops,
             Statistics.Adapter.ToAppPackets + Statistics.Adapter.ToStackPackets - Before);
    LabEqual(Monitor.Received, Statistics.MonitorPackets);
    /* Of a receiver that had no time the ring may have been full throughout one direction's share. */
    LabCheck(Statistics.MonitorDrops || (Monitor.FromProgram && Monitor.FromProgram < Monitor.Received), "%llu of %llu",
             Monitor.FromProgram, Monitor.Received);
    LabBalance(&Lab, &Program);
    ProgramClose(&Monitor);
    ProgramClose(&Program);
    StackHold(Lab.Stack, StackReturnsAtOnce);
    LabClose(&Lab);
}

VOID MonitorRemoved(VOID)
{
    ULONG64 Random = LabSeed();
    LAB Lab;
    LabLoad(&Lab);
    for (ULONG I = 0; I < LabScale(15); I++)
    {
        LabPlug(&Lab, 1);
        PROGRAM Program;
        Open(&Program, &Lab, FALSE, RING_CAPACITY_MIN);
        PROGRAM Monitor;
        Open(&Monitor, &Lab, TRUE, RING_CAPACITY_MIN);
        LAB_LOAD Load;
        LabLoadStart(&Load, &Lab, &Program, 0);
        LAB_THREAD Receiver = LabStart(ProgramReceiveLoop, &Monitor);
        LabSleep(LabRandom(&Random) % 5000);
        LabUnplug(&Lab, I % 3 != 0);
        LabUntil(RingClosed(Monitor.ToApp.Ring) && RingClosed(Program.ToApp.Ring));
        LabEqual(RingClosed(Monitor.ToApp.Ring), TUN_CLOSED_REMOVED);
        LabJoin(Receiver); /* it hears of it */
        LabLoadAbandon(&Load, &Program);
        LabEqual(SimCloseHandle(Monitor.Process, Monitor.File), STATUS_SUCCESS);
        ProgramClose(&Monitor);
        ProgramClose(&Program);
    }
    LabUnload(&Lab);
}
