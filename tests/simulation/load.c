/* SPDX-License-Identifier: MIT */
/*
 * Load: several threads of the stack's that send, a program that sends and receives, sizes and shapes by chance, until a
 * number of packets or until told to stop; and the books, which must balance when all is still.
 */
#include "tests/simulation/lab.h"

const ULONG LabSizes[LAB_SIZES] = {20, 36, 37, 40, 56, 64, 576, 1420, 2048, 2049, 9000, 65535};

static void *StackSends(void *Context)
{
    LAB_SENDER *Load = Context;
    ULONG64 Random = LabSeed() + Load->Flow, Sequence = 0;
    while (!atomic_load(&Load->Stop) && (!Load->Packets || Sequence < Load->Packets))
    {
        ULONG Chance = LabRandom(&Random), Length = LabSizes[Chance % (LAB_SIZES - 1)];
        STACK_SHAPE Shape = {.Lists = 1 + (Chance >> 8) % 8,
                             .Buffers = 1 + (Chance >> 12) % 2,
                             .Parts = Chance >> 16 & 3,
                             .Dispatch = Chance >> 20 & 1};
        if (!StackSend(Load->Stack, &Shape, Length, Length >= 40 && (Chance >> 21 & 1), Load->Flow, &Sequence, NULL,
                       &Random, NULL))
        {
            LabSleep(100);
        }
    }
    return NULL;
}

static void *ProgramSends(void *Context)
{
    LAB_SENDER *Load = Context;
    ULONG64 Random = LabSeed() + 77 * Load->Flow, Sequence = 0;
    while (!atomic_load(&Load->Stop) && (!Load->Packets || Sequence < Load->Packets))
    {
        ULONG Chance = LabRandom(&Random);
        ULONG Length = Chance % 16 == 0 ? 2000 + (Chance >> 8) % 10000 : LabSizes[(Chance >> 8) % 8];
        if (!ProgramSend(Load->Program, 1 + (Chance >> 16) % 32, Length, Length >= 40 && (Chance >> 30 & 1), Load->Flow,
                         &Sequence))
        {
            break;
        }
    }
    return NULL;
}

VOID LabLoadStart(LAB_LOAD *Running, LAB *Lab, PROGRAM *Program, ULONG64 Packets)
{
    memset(Running, 0, sizeof(*Running));
    StackNewFlows(Lab->Stack);
    for (ULONG I = 0; I < LAB_SENDERS; I++)
    {
        Running->Stack[I] = (LAB_SENDER){.Stack = Lab->Stack, .Flow = 1 + I, .Packets = Packets};
        StackKeep(Lab->Stack);
        Running->Senders[I] = LabStart(StackSends, &Running->Stack[I]);
    }
    Running->App = (LAB_SENDER){.Program = Program, .Flow = 9, .Packets = Packets};
    Running->Sender = LabStart(ProgramSends, &Running->App);
    Running->Receiver = LabStart(ProgramReceiveLoop, Program);
}

VOID LabLoadAbandon(LAB_LOAD *Running, PROGRAM *Program)
{
    atomic_store(&Program->Stop, 1);
    for (ULONG I = 0; I < LAB_SENDERS; I++)
    {
        atomic_store(&Running->Stack[I].Stop, 1);
        LabJoin(Running->Senders[I]);
        StackDrop(Running->Stack[I].Stack);
    }
    LabJoin(Running->Sender);
    LabJoin(Running->Receiver);
}

VOID LabLoadStop(LAB_LOAD *Running, LAB *Lab, PROGRAM *Program)
{
    for (ULONG I = 0; I < LAB_SENDERS; I++)
    {
        if (!Running->Stack[I].Packets)
            atomic_store(&Running->Stack[I].Stop, 1);
        LabJoin(Running->Senders[I]);
        StackDrop(Running->Stack[I].Stack);
    }
    if (!Running->App.Packets)
        atomic_store(&Running->App.Stop, 1);
    LabJoin(Running->Sender);
    LabUntil(StackRead(Lab->Stack).Received + ProgramStatistics(Program).Adapter.ToStackDropInvalid == Program->Sent);
    atomic_store_explicit(&Program->Stop, 1, memory_order_release);
    LabJoin(Running->Receiver);
}

VOID LabBalance(LAB *Lab, PROGRAM *Program)
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
