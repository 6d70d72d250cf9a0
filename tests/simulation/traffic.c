/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of traffic, both ways: sizes, shapes, bad packets, full rings, a stack that is slow to give lists back, and
 * pause, restart and sleep in the middle of it. Every packet is checked byte by byte, every flow for its order, and in
 * the end the books must balance: in = out + counted drops.
 */
#include "tests/simulation/lab.h"

SCENARIO ToApp, ToStack, BothWays, Shapes, InvalidPackets, FullRing, SlowStack, PauseUnderTraffic, RefusedWhilePausing,
    Sleep;

static VOID Open(_Out_ LAB *Lab, _Out_ PROGRAM *Program, _In_ ULONG Capacity)
{
    LabOpen(Lab);
    LabEqual(ProgramOpen(Program, Lab->Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(Program, Capacity), STATUS_SUCCESS);
}

static VOID Close(_Inout_ LAB *Lab, _Inout_ PROGRAM *Program)
{
    LabBalance(Lab, Program);
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
        for (ULONG I = 0; I < LAB_SIZES; I++)
        {
            BOOLEAN IsIpv6 = LabSizes[I] >= PACKET_V6_MIN && Round % 2;
            NDIS_STATUS Status;
            LabCheck(StackSend(Lab.Stack, &Shape, LabSizes[I], IsIpv6, 1, &Sequence, NULL, &Random, &Status), "paused");
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
        for (ULONG I = 0; I < LAB_SIZES; I++)
        {
            for (ULONG J = 0; J < ARRAYSIZE(Batches); J++)
            {
                BOOLEAN IsIpv6 = LabSizes[I] >= PACKET_V6_MIN && Round % 2;
                LabCheck(ProgramSend(&Program, Batches[J], LabSizes[I], IsIpv6, 1, &Sequence), "closed");
            }
        }
    }
    LabUntil(StackRead(Lab.Stack).Received == Program.Sent);
    LabEqual(StackRead(Lab.Stack).Refused, 0);
    Close(&Lab, &Program);
}

VOID BothWays(VOID)
{
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, 16 * RING_CAPACITY_MIN);
    LAB_LOAD Running;
    LabLoadStart(&Running, &Lab, &Program, LabScale(6000));
    LabLoadStop(&Running, &Lab, &Program);
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
    } Cases[] = {{0x45, 19, FALSE}, {0x45, 20, TRUE},    {0x45, 1, FALSE},  {0x44, 20, FALSE}, {0x46, 23, FALSE},
                 {0x46, 24, TRUE},  {0x4f, 59, FALSE},   {0x4f, 60, TRUE},  {0x60, 39, FALSE}, {0x60, 40, TRUE},
                 {0x00, 64, FALSE}, {0x50, 64, FALSE},   {0xff, 64, FALSE}, {0x05, 20, FALSE}, {0x40, 100, FALSE},
                 {0x6f, 40, TRUE},  {0x10, 65535, FALSE}};
    ULONG64 Random = LabSeed(), Sequence = 0;
    UCHAR *Packet = calloc(1, 65536 + 64);
    ULONG Good = 0, Bad = 0;
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    for (ULONG I = 0; I < ARRAYSIZE(Cases); I++)
    {
        Packet[0] = Cases[I].First;
        NDIS_STATUS Status;
        StackSend(Lab.Stack, &One, Cases[I].Length, Cases[I].First >> 4 == 6, 0, &Sequence, Packet, &Random, &Status);
        LabEqual(Status == NDIS_STATUS_SUCCESS, Cases[I].Valid);
        RING_PACKET *Entry;
        uint32_t Length;
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
    LabUntil(ProgramStatistics(&Program).Adapter.ToStackDropInvalid == Bad);
    LabUntil(StackRead(Lab.Stack).Received == Good);
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
    ULONG64 Sequence = 0;
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    StackHold(Lab.Stack, StackReturnsLate);
    LAB_LOAD Running;
    LabLoadStart(&Running, &Lab, &Program, LabScale(4000));
    LabLoadStop(&Running, &Lab, &Program);
    /* A stack that gives nothing back at all: the flow goes on, with lists that are lent for the call only. */
    StackHold(Lab.Stack, StackHoldsAll);
    atomic_store(&Program.Stop, 0);
    for (ULONG I = 0; I < 20; I++)
    {
        LabCheck(ProgramSend(&Program, 60, 500, FALSE, 8, &Sequence), "closed");
        LabCheck(ProgramSend(&Program, 3, 9000, FALSE, 8, &Sequence), "closed");
    }
    LabUntil(StackRead(Lab.Stack).Received == Program.Sent);
    LabCheck(StackRead(Lab.Stack).Resources > 0, "no list was lent");
    LabCheck(StackHeld(Lab.Stack) > 0, "no list was kept");
    StackHold(Lab.Stack, StackReturnsAtOnce);
    LabUntil(StackHasNone(Lab.Stack));
    Close(&Lab, &Program);
}

VOID PauseUnderTraffic(VOID)
{
    ULONG64 Random = LabSeed();
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    StackHold(Lab.Stack, StackReturnsLate);
    LAB_LOAD Running;
    LabLoadStart(&Running, &Lab, &Program, 0);
    for (ULONG I = 0; I < LabScale(60); I++)
    {
        LabSleep(LabRandom(&Random) % 8000);
        LabPause(&Lab);
        LabSleep(LabRandom(&Random) % 2000);
        LabRestart(&Lab);
    }
    LabLoadStop(&Running, &Lab, &Program);
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
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, RING_CAPACITY_MIN);
    NDIS_STATUS Status;
    for (ULONG Round = 0; Round < 2; Round++)
    {
        /* A list with the stack keeps the pause from completing. */
        StackHold(Lab.Stack, StackHoldsAll);
        LabCheck(ProgramSend(&Program, 1, 100, FALSE, 1, &Sequence), "closed");
        LabUntil(StackHeld(Lab.Stack) == 1);
        LAB_THREAD Pausing = LabStart(Pauses, &Lab);
        LabUntil(ReadAcquire(&StackAdapter(Lab.Stack)->State) == HostPausing);
        LabUntil(ProgramQuery(&Program).Running == 0);
        if (Round)
            LabEqual(LabSetPower(&Lab, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
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
    PROGRAM Program;
    LAB Lab;
    Open(&Lab, &Program, 8 * RING_CAPACITY_MIN);
    LAB_LOAD Running;
    LabLoadStart(&Running, &Lab, &Program, 0);
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
    LabLoadStop(&Running, &Lab, &Program);
    Close(&Lab, &Program);
}
