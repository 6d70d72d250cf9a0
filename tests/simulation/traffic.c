/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of traffic, both ways: sizes, shapes, bad packets, full rings, a stack that is slow to give lists back, and
 * pause, restart and sleep in the middle of it. Every packet is checked byte by byte, every flow for its order, and in
 * the end the books must balance: in = out + counted drops.
 */
#include "tests/simulation/lab.h"

SCENARIO ToApp, ToStack, BothWays, Shapes, InvalidPackets, FullRing, SlowStack, PauseUnderTraffic, RefusedWhilePausing,
    Sleep;

static const ULONG Sizes[] = {20, 36, 37, 40, 56, 64, 576, 1420, 2048, 2049, 9000, 65535};

/* Waits until Condition holds, at most ten seconds. */
#define Until(Condition)                                                                                               \
    do                                                                                                                 \
    {                                                                                                                  \
        for (ULONG Tries = 0; !(Condition) && Tries < 50000; Tries++)                                                  \
            LabSleep(200);                                                                                             \
        LabCheck(Condition, "not within ten seconds");                                                                 \
    } while (0)

/* What the stack sent is what the program got and the driver says it dropped. */
static VOID Balance(_In_ LAB *Lab, _In_ PROGRAM *Program)
{
    TUN_COUNTERS Counters = ProgramStatistics(Program).Adapter;
    STACK_COUNTERS Stack = StackRead(Lab->Stack);

    LabEqual(Counters.ToAppPackets, Program->Received);
    LabEqual(Counters.ToAppBytes, Program->ReceivedOctets);
    LabEqual(Counters.ToAppPackets + Counters.ToAppDropNoSession + Counters.ToAppDropFull + Counters.ToAppDropInvalid +
                 Counters.ToAppDropPaused,
             Stack.Sent);
    LabEqual(Counters.ToStackPackets, Stack.Received);
    LabEqual(Counters.ToStackBytes, Stack.ReceivedOctets);
    LabEqual(Counters.ToStackPackets + Counters.ToStackDropInvalid, Program->Sent);
}

static VOID Open(_Out_ LAB *Lab, _Out_ PROGRAM *Program, _In_ ULONG Capacity)
{
    LabOpen(Lab);
    LabEqual(ProgramOpen(Program, Lab->Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(Program, Capacity), STATUS_SUCCESS);
}

static VOID Close(_Inout_ LAB *Lab, _Inout_ PROGRAM *Program)
{
    Balance(Lab, Program);
    ProgramClose(Program);
    LabClose(Lab);
}

VOID ToApp(VOID)
{
    static const STACK_SHAPE Shape = {.Lists = 4, .Buffers = 2, .Parts = 1, .Dispatch = TRUE};
    ULONG64 Random = LabSeed(), Sequence = 0;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    for (ULONG Round = 0; Round < LabScale(40); Round++)
    {
        for (ULONG I = 0; I < ARRAYSIZE(Sizes); I++)
        {
            NDIS_STATUS Status;
            BOOLEAN IsIpv6 = Sizes[I] >= PACKET_V6_MIN && Round % 2;

            LabCheck(StackSend(Lab.Stack, &Shape, Sizes[I], IsIpv6, 1, &Sequence, NULL, &Random, &Status), "paused");
            LabEqual(Status, NDIS_STATUS_SUCCESS);
            LabEqual(ProgramReceive(&Program), 8);
        }
    }
    LabEqual(ProgramStatistics(&Program).Adapter.ToAppPackets, StackRead(Lab.Stack).Sent);
    Close(&Lab, &Program);
}

VOID ToStack(VOID)
{
    static const ULONG Batches[] = {1, 2, 8, 64, 72, 300};
    ULONG64 Sequence = 0;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    for (ULONG Round = 0; Round < LabScale(4); Round++)
    {
        for (ULONG I = 0; I < ARRAYSIZE(Sizes); I++)
        {
            for (ULONG J = 0; J < ARRAYSIZE(Batches); J++)
            {
                BOOLEAN IsIpv6 = Sizes[I] >= PACKET_V6_MIN && Round % 2;

                LabCheck(ProgramSend(&Program, Batches[J], Sizes[I], IsIpv6, 1, &Sequence), "closed");
            }
        }
    }
    Until(StackRead(Lab.Stack).Received == Program.Sent);
    LabEqual(StackRead(Lab.Stack).Refused, 0);
    Close(&Lab, &Program);
}

/* ---- Load: senders of the stack's, a program that receives and sends, until they are told to stop. */

typedef struct _LOAD
{
    LAB *Lab;
    PROGRAM *Program;
    ULONG Flow;
    ULONG64 Packets; /* 0: until Stop */
    _Atomic(ULONG) Stop;
} LOAD;

static void *StackSends(void *Context)
{
    LOAD *Load = Context;
    ULONG64 Random = LabSeed() + Load->Flow, Sequence = 0;

    while (!atomic_load(&Load->Stop) && (!Load->Packets || Sequence < Load->Packets))
    {
        ULONG Chance = LabRandom(&Random), Length = Sizes[Chance % (ARRAYSIZE(Sizes) - 1)];
        STACK_SHAPE Shape = {.Lists = 1 + (Chance >> 8) % 8,
                             .Buffers = 1 + (Chance >> 12) % 2,
                             .Parts = Chance >> 16 & 3,
                             .Dispatch = Chance >> 20 & 1};

        if (!StackSend(Load->Lab->Stack, &Shape, Length, Length >= 40 && (Chance >> 21 & 1), Load->Flow, &Sequence,
                       NULL, &Random, NULL))
        {
            LabSleep(100);
        }
    }
    return NULL;
}

static void *ProgramSends(void *Context)
{
    LOAD *Load = Context;
    ULONG64 Random = LabSeed() + 77 * Load->Flow, Sequence = 0;

    while (!atomic_load(&Load->Stop) && (!Load->Packets || Sequence < Load->Packets))
    {
        ULONG Chance = LabRandom(&Random);
        ULONG Length = Chance % 16 == 0 ? 2000 + (Chance >> 8) % 10000 : Sizes[(Chance >> 8) % 8];

        if (!ProgramSend(Load->Program, 1 + (Chance >> 16) % 32, Length, Length >= 40 && (Chance >> 30 & 1), Load->Flow,
                         &Sequence))
        {
            break;
        }
    }
    return NULL;
}

#define LOAD_SENDERS 3

typedef struct _RUNNING
{
    LOAD Stack[LOAD_SENDERS], App;
    LAB_THREAD Senders[LOAD_SENDERS], Sender, Receiver;
} RUNNING;

static VOID StartLoad(_Out_ RUNNING *Running, _In_ LAB *Lab, _In_ PROGRAM *Program, _In_ ULONG64 Packets)
{
    memset(Running, 0, sizeof(*Running));
    for (ULONG I = 0; I < LOAD_SENDERS; I++)
    {
        Running->Stack[I] = (LOAD){.Lab = Lab, .Flow = 1 + I, .Packets = Packets};
        Running->Senders[I] = LabStart(StackSends, &Running->Stack[I]);
    }
    Running->App = (LOAD){.Program = Program, .Flow = 9, .Packets = Packets};
    Running->Sender = LabStart(ProgramSends, &Running->App);
    Running->Receiver = LabStart(ProgramReceiveLoop, Program);
}

/* Ends the senders, waits until all that was sent has arrived, and ends the receiver. */
static VOID StopLoad(_Inout_ RUNNING *Running, _In_ LAB *Lab, _In_ PROGRAM *Program)
{
    for (ULONG I = 0; I < LOAD_SENDERS; I++)
    {
        if (!Running->Stack[I].Packets)
        {
            atomic_store(&Running->Stack[I].Stop, 1);
        }
        LabJoin(Running->Senders[I]);
    }
    if (!Running->App.Packets)
    {
        atomic_store(&Running->App.Stop, 1);
    }
    LabJoin(Running->Sender);
    Until(StackRead(Lab->Stack).Received + ProgramStatistics(Program).Adapter.ToStackDropInvalid == Program->Sent);
    atomic_store_explicit(&Program->Stop, 1, memory_order_release);
    LabJoin(Running->Receiver);
}

VOID BothWays(VOID)
{
    RUNNING Running;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, 16 * RING_CAPACITY_MIN);
    StartLoad(&Running, &Lab, &Program, LabScale(6000));
    StopLoad(&Running, &Lab, &Program);
    Close(&Lab, &Program);
}

VOID Shapes(VOID)
{
    ULONG64 Random = LabSeed(), Sequence = 0;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    for (ULONG I = 0; I < LabScale(3000); I++)
    {
        ULONG Chance = LabRandom(&Random), Length = 20 + LabRandom(&Random) % (Chance & 1 ? 100 : 4000);
        BOOLEAN Unmapped = Chance % 8 == 0;
        STACK_SHAPE Shape = {.Lists = Unmapped ? 1 : 1 + (Chance >> 4) % 16,
                             .Buffers = Unmapped ? 1 : 1 + (Chance >> 8) % 4,
                             .Dispatch = Chance >> 12 & 1,
                             .Unmapped = Unmapped};
        NDIS_STATUS Status;

        StackSend(Lab.Stack, &Shape, Length, Length >= 40 && (Chance >> 13 & 1), 1, &Sequence, NULL, &Random, &Status);
        LabEqual(Status, NDIS_STATUS_SUCCESS);
        LabEqual(ProgramReceive(&Program), Shape.Lists * Shape.Buffers);
    }
    Close(&Lab, &Program);
}

VOID InvalidPackets(VOID)
{
    static const STACK_SHAPE One = {.Lists = 1, .Buffers = 1}, Few = {.Lists = 3, .Buffers = 2};
    static const struct
    {
        UCHAR First;
        ULONG Length;
        BOOLEAN Valid;
    } Cases[] = {{0x45, 19, FALSE}, {0x45, 20, TRUE},  {0x45, 1, FALSE},   {0x44, 20, FALSE}, {0x46, 23, FALSE},
                 {0x46, 24, TRUE},  {0x4f, 59, FALSE}, {0x4f, 60, TRUE},   {0x60, 39, FALSE}, {0x60, 40, TRUE},
                 {0x00, 64, FALSE}, {0x50, 64, FALSE}, {0xff, 64, FALSE},  {0x05, 20, FALSE}, {0x40, 100, FALSE},
                 {0x6f, 40, TRUE},  {0x10, 65535, FALSE}};
    ULONG64 Random = LabSeed(), Sequence = 0;
    UCHAR *Packet = calloc(1, 65536 + 64);
    ULONG Good = 0, Bad = 0;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    for (ULONG I = 0; I < ARRAYSIZE(Cases); I++)
    {
        RING_PACKET *Entry;
        uint32_t Length;
        NDIS_STATUS Status;

        Packet[0] = Cases[I].First;
        StackSend(Lab.Stack, &One, Cases[I].Length, Cases[I].First >> 4 == 6, 0, &Sequence, Packet, &Random, &Status);
        LabEqual(Status == NDIS_STATUS_SUCCESS, Cases[I].Valid);
        LabEqual(RingTake(&Program.ToApp, &Entry, &Length), Cases[I].Valid ? RING_OK : RING_EMPTY);
        if (Cases[I].Valid)
        {
            LabEqual(Length, Cases[I].Length);
            LabEqual(memcmp(RingPacketData(Entry), Packet, Length), 0);
            RingRelease(&Program.ToApp, Program.ToApp.Next);
            Program.Received++;
            Program.ReceivedOctets += Length;
        }
        LabCheck(ProgramSendBytes(&Program, Packet, Cases[I].Length), "closed");
        Good += Cases[I].Valid;
        Bad += !Cases[I].Valid;
    }
    /* Longer than any IP packet. */
    Packet[0] = 0x45;
    for (ULONG Length = 65536; Length < 65540; Length++)
    {
        NDIS_STATUS Status;

        StackSend(Lab.Stack, &Few, Length, FALSE, 0, &Sequence, Packet, &Random, &Status);
        LabCheck(Status != NDIS_STATUS_SUCCESS, "%u bytes are taken", Length);
        LabEqual(ProgramReceive(&Program), 0);
    }
    Until(ProgramStatistics(&Program).Adapter.ToStackDropInvalid == Bad);
    Until(StackRead(Lab.Stack).Received == Good);
    LabEqual(ProgramQuery(&Program).SessionActive, 1);
    LabEqual(ProgramStatistics(&Program).Session.ToAppDropInvalid, Bad + 4 * 6);
    free(Packet);
    Close(&Lab, &Program);
}

VOID FullRing(VOID)
{
    static const STACK_SHAPE Shape = {.Lists = 8, .Buffers = 1, .Parts = 1};
    ULONG64 Random = LabSeed(), Sequence = 0, Dropped = 0;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, RING_CAPACITY_MIN);
    for (ULONG Round = 0; Round < 20; Round++)
    {
        for (ULONG I = 0; I < 100; I++)
        {
            NDIS_STATUS Status;

            StackSend(Lab.Stack, &Shape, 700 + Round, FALSE, 1, &Sequence, NULL, &Random, &Status);
            Dropped += Status == NDIS_STATUS_RESOURCES;
        }
        LabCheck(ProgramReceive(&Program) > 100, "few packets fit into a ring");
    }
    LabCheck(Dropped > 0, "nothing was dropped");
    LabCheck(ProgramStatistics(&Program).Adapter.ToAppDropFull >= Dropped, "drops are not counted");
    Close(&Lab, &Program);
}

VOID SlowStack(VOID)
{
    RUNNING Running;
    PROGRAM Program;
    LAB Lab;
    ULONG64 Sequence = 0;

    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    StackHold(Lab.Stack, StackReturnsLate);
    StartLoad(&Running, &Lab, &Program, LabScale(4000));
    StopLoad(&Running, &Lab, &Program);
    /* A stack that gives nothing back at all: the flow goes on, with lists that are lent for the call only. */
    StackHold(Lab.Stack, StackHoldsAll);
    atomic_store(&Program.Stop, 0);
    for (ULONG I = 0; I < 20; I++)
    {
        LabCheck(ProgramSend(&Program, 60, 500, FALSE, 8, &Sequence), "closed");
        LabCheck(ProgramSend(&Program, 3, 9000, FALSE, 8, &Sequence), "closed");
    }
    Until(StackRead(Lab.Stack).Received == Program.Sent);
    LabCheck(StackRead(Lab.Stack).Resources > 0, "no list was lent");
    LabCheck(StackHeld(Lab.Stack) > 0, "no list was kept");
    StackHold(Lab.Stack, StackReturnsAtOnce);
    Until(StackHeld(Lab.Stack) == 0);
    Close(&Lab, &Program);
}

VOID PauseUnderTraffic(VOID)
{
    ULONG64 Random = LabSeed();
    RUNNING Running;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    StackHold(Lab.Stack, StackReturnsLate);
    StartLoad(&Running, &Lab, &Program, 0);
    for (ULONG I = 0; I < LabScale(60); I++)
    {
        LabSleep(LabRandom(&Random) % 8000);
        LabPause(&Lab);
        LabSleep(LabRandom(&Random) % 2000);
        LabRestart(&Lab);
    }
    StopLoad(&Running, &Lab, &Program);
    Close(&Lab, &Program);
}

static void *Pauses(void *Context)
{
    LabPause(Context);
    return NULL;
}

VOID RefusedWhilePausing(VOID)
{
    ULONG64 Random = LabSeed(), Sequence = 0;
    NDIS_STATUS Status;
    LAB_THREAD Pausing;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, RING_CAPACITY_MIN);
    for (ULONG Round = 0; Round < 2; Round++)
    {
        /* A list with the stack keeps the pause from completing. */
        StackHold(Lab.Stack, StackHoldsAll);
        LabCheck(ProgramSend(&Program, 1, 100, FALSE, 1, &Sequence), "closed");
        Until(StackHeld(Lab.Stack) == 1);
        Pausing = LabStart(Pauses, &Lab);
        Until(ReadAcquire(&StackAdapter(Lab.Stack)->State) == HostPausing);
        Until(ProgramQuery(&Program).Running == 0);
        if (Round)
        {
            LabEqual(LabSetPower(&Lab, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
        }
        /* The flag goes down a moment before the way is shut. */
        do
        {
            StackSendLate(Lab.Stack, &Random, &Status);
            ProgramReceive(&Program);
        } while (Status == NDIS_STATUS_SUCCESS);
        LabEqual(Status, Round ? NDIS_STATUS_LOW_POWER_STATE : NDIS_STATUS_PAUSED);
        LabCheck(ProgramStatistics(&Program).Adapter.ToAppDropPaused > Round, "not counted");
        StackHold(Lab.Stack, StackReturnsAtOnce);
        LabJoin(Pausing);
        LabEqual(LabSetPower(&Lab, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
        LabRestart(&Lab);
    }
    Close(&Lab, &Program);
}

VOID Sleep(VOID)
{
    RUNNING Running;
    PROGRAM Program;
    LAB Lab;

    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    StartLoad(&Running, &Lab, &Program, 0);
    for (ULONG I = 0; I < LabScale(20); I++)
    {
        LabSleep(3000);
        LabPause(&Lab);
        LabEqual(LabSetPower(&Lab, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
        LabSleep(1000);
        LabEqual(LabSetPower(&Lab, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
        LabRestart(&Lab);
    }
    LabEqual(ProgramQuery(&Program).SessionActive, 1);
    StopLoad(&Running, &Lab, &Program);
    Close(&Lab, &Program);
}
