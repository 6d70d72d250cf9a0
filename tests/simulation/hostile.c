/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of a program that does not keep to the rules of its rings: every index and length that it may write wrong,
 * one at a time, and then anything at any time. The session ends with a reason or goes on; nothing else happens.
 */
#include "tests/simulation/lab.h"

SCENARIO CorruptToApp, CorruptToStack, HostileWriter;

static const STACK_SHAPE Eight = {.Lists = 8, .Buffers = 1, .Parts = 1, .Dispatch = TRUE};

static VOID Open(_Out_ PROGRAM *Program, _In_ LAB *Lab)
{
    LabEqual(ProgramOpen(Program, Lab->Path, SimSystem), STATUS_SUCCESS);
    Program->Hostile = TRUE;
    LabEqual(ProgramStart(Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
}

/* The session is dead for Reason, the program is told so, and the adapter is as good as new. */
static VOID ExpectDeath(_In_ LAB *Lab, _Inout_ PROGRAM *Program, _In_ ULONG Reason, _In_ ULONG Case)
{
    LabUntil(RingClosed(Program->ToApp.Ring) && RingClosed(Program->ToStack.Ring));
    LabCheck(RingClosed(Program->ToApp.Ring) == Reason, "case %u", Case);
    LabEqual(RingClosed(Program->ToApp.Ring), Reason);
    LabEqual(RingClosed(Program->ToStack.Ring), Reason);
    LabEqual(SimWait(Program->Process, 1, &Program->ToAppPackets, 10000), STATUS_WAIT_0);
    LabEqual(SimWait(Program->Process, 1, &Program->ToStackSpace, 10000), STATUS_WAIT_0);
    LabUntil(!StackLinkUp(Lab->Stack));
    PROGRAM Other;
    LabEqual(ProgramOpen(&Other, Lab->Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Other, RING_CAPACITY_MIN), STATUS_DEVICE_BUSY); /* until the program lets go */
    ProgramClose(Program);
    LabEqual(ProgramStart(&Other, RING_CAPACITY_MIN), STATUS_SUCCESS);
    LabCheck(StackLinkUp(Lab->Stack), "the link stays down");
    LabEqual(RingClosed(Other.ToApp.Ring), 0);
    ProgramClose(&Other);
}

VOID CorruptToApp(VOID)
{
    /* Added to the Head that would be right. A little ahead and aligned cannot be told from right. */
    static const uint32_t Wrong[] = {1,          8,          15,         RING_CAPACITY_MIN, 0x7ffffff0,
                                     0x80000000, 0xfffdfff0, 0xffffffff, 0x00100000};
    ULONG64 Random = LabSeed(), Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    for (ULONG I = 0; I < ARRAYSIZE(Wrong); I++)
    {
        PROGRAM Program;
        Open(&Program, &Lab);
        RING *Ring = Program.ToApp.Ring;
        /* Half full, half of that released: then a Head that is wrong shows when the driver needs room. */
        StackSend(Lab.Stack, &Eight, 4000, FALSE, 1, &Sequence, NULL, &Random, NULL);
        StackSend(Lab.Stack, &Eight, 4000, FALSE, 1, &Sequence, NULL, &Random, NULL);
        ProgramReceive(&Program);
        uint32_t Tail = atomic_load(&Ring->Tail);
        uint32_t Head = atomic_load(&Ring->Head);
        LabEqual(Head, Tail);
        atomic_store(&Ring->Head, Head + Wrong[I]);
        for (ULONG J = 0; J < 8; J++)
            StackSend(Lab.Stack, &Eight, 4000, FALSE, 1, &Sequence, NULL, &Random, NULL);
        ExpectDeath(&Lab, &Program, TUN_CLOSED_CORRUPT_TOAPP, I);
    }
    LabClose(&Lab);
}

VOID CorruptToStack(VOID)
{
    static const uint32_t Tails[] = {1, 8, 15, RING_CAPACITY_MIN + 16, 0x7ffffff0, 0x80000000, 0xfffffff0, 0xffffffff};
    static const uint32_t Lengths[] = {1000 - 16 + 1, 1000,       65535,      65536,     0x1fff0,
                                       0x7fffffff,    0x80000000, 0xfffffff0, 0xffffffff};
    ULONG64 Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    for (ULONG I = 0; I < ARRAYSIZE(Tails); I++)
    {
        Open(&Program, &Lab);
        LabCheck(ProgramSend(&Program, 3, 100, FALSE, 1, &Sequence), "closed");
        LabUntil(atomic_load(&Program.ToStack.Ring->Head) == Program.ToStack.Own);
        atomic_store(&Program.ToStack.Ring->Tail, Program.ToStack.Own + Tails[I]);
        SimEventSet(Program.Process, Program.ToStackPackets);
        ExpectDeath(&Lab, &Program, TUN_CLOSED_CORRUPT_TOSTACK, I);
    }
    for (ULONG I = 0; I < ARRAYSIZE(Lengths); I++)
    {
        /* A packet that says it is longer than what was published. */
        Open(&Program, &Lab);
        RING_PACKET *Entry;
        LabEqual(RingReserve(&Program.ToStack, 1000 - 16, &Entry), RING_OK);
        memset(RingPacketData(Entry), 0x45, 1000 - 16);
        atomic_store(&Entry->Length, Lengths[I]);
        RingPublish(&Program.ToStack, Program.ToStack.Next);
        SimEventSet(Program.Process, Program.ToStackPackets);
        if (RingEntrySize(Lengths[I]) <= RingEntrySize(1000 - 16))
        {
            LabUntil(atomic_load(&Program.ToStack.Ring->Head) != 0 || RingClosed(Program.ToStack.Ring));
            ProgramClose(&Program);
            continue;
        }
        ExpectDeath(&Lab, &Program, TUN_CLOSED_CORRUPT_TOSTACK, I);
    }
    /* Longer than a packet may be, and published as such: passed over, no more. */
    Open(&Program, &Lab);
    for (ULONG I = 0; I < 3; I++)
    {
        uint32_t Length = 65536 + I * 16384;
        RING_PACKET *Entry = RingPacketAt(&Program.ToStack, Program.ToStack.Next);
        LabUntil(atomic_load(&Program.ToStack.Ring->Head) == Program.ToStack.Own);
        atomic_store(&Entry->Length, Length);
        Program.ToStack.Next += (uint32_t)RingEntrySize(Length);
        Program.ToStack.Other = Program.ToStack.Own;
        RingPublish(&Program.ToStack, Program.ToStack.Next);
        SimEventSet(Program.Process, Program.ToStackPackets);
    }
    LabUntil(ProgramStatistics(&Program).Session.ToStackDropInvalid == 3);
    LabEqual(RingClosed(Program.ToStack.Ring), 0);
    ProgramClose(&Program);
    LabClose(&Lab);
}

/* ---- Anything at any time */

typedef struct _WRITER
{
    UCHAR *Memory;
    SIZE_T Size, ToStack;
    ULONG64 Random;
    _Atomic(ULONG) Stop;
} WRITER;

static void *Writes(void *Context)
{
    WRITER *Writer = Context;
    while (!atomic_load(&Writer->Stop))
    {
        ULONG Chance = LabRandom(&Writer->Random);
        SIZE_T Base = Chance & 1 ? Writer->ToStack : 0;
        /* Half of it into the ring's header, the rest near the data's beginning, where packets are. */
        SIZE_T Offset = Base + (Chance & 2 ? LabRandom(&Writer->Random) % RING_DATA_OFFSET
                                           : RING_DATA_OFFSET + LabRandom(&Writer->Random) % 0x20000);
        uint32_t Value = LabRandom(&Writer->Random) >> (LabRandom(&Writer->Random) % 32);
        Value = Chance & 4 ? Value & ~15u : Value;
        atomic_store_explicit((_Atomic(uint32_t) *)(Writer->Memory + (Offset & ~(SIZE_T)3)), Value,
                              memory_order_relaxed);
        if (Chance >> 24 == 0)
            LabSleep(50);
    }
    LabOperations(1);
    return NULL;
}

static void *SendsForEver(void *Context)
{
    WRITER *Writer = Context;
    BACKEND *Stack = (BACKEND *)Writer->Memory;
    ULONG64 Sequence = 0;
    while (!atomic_load(&Writer->Stop))
    {
        StackSend(Stack, &Eight, 20 + LabRandom(&Writer->Random) % 2000, FALSE, STACK_FLOWS, &Sequence, NULL,
                  &Writer->Random, NULL);
    }
    return NULL;
}

VOID HostileWriter(VOID)
{
    ULONG64 Random = LabSeed();
    LAB Lab;
    LabOpen(&Lab);
    StackHold(Lab.Stack, StackReturnsLate);
    StackDistrust(Lab.Stack, TRUE);
    WRITER Sender = {.Memory = (UCHAR *)Lab.Stack, .Random = Random};
    LAB_THREAD Sending = LabStart(SendsForEver, &Sender);
    WRITER Writers[2];
    LAB_THREAD Writing[2];
    for (ULONG Round = 0; Round < LabScale(100); Round++)
    {
        ULONG64 Sequence = 0;
        PROGRAM Program;
        Open(&Program, &Lab);
        if (Round % 2)
            ProgramSend(&Program, 40, 300, FALSE, STACK_FLOWS, &Sequence); /* something to begin with */
        for (ULONG I = 0; I < 2; I++)
        {
            Writers[I] = (WRITER){.Memory = Program.Memory,
                                  .Size = Program.Size,
                                  .ToStack = Program.Start.ToStack,
                                  .Random = Random + Round * 2 + I};
            Writing[I] = LabStart(Writes, &Writers[I]);
        }
        for (ULONG I = 0; I < 20; I++)
        {
            SimEventSet(Program.Process, Program.ToStackPackets);
            LabSleep(100);
        }
        if (Round % 3 == 0)
            ProgramEnd(&Program);
        SimProcessKill(Program.Process); /* while the writers go on */
        for (ULONG I = 0; I < 2; I++)
        {
            atomic_store(&Writers[I].Stop, 1);
            LabJoin(Writing[I]);
        }
        ProgramClose(&Program);
    }
    atomic_store(&Sender.Stop, 1);
    LabJoin(Sending);
    StackHold(Lab.Stack, StackReturnsAtOnce);
    LabClose(&Lab);
}
