/* SPDX-License-Identifier: MIT */
/*
 * A program with a session: what the library does, in the shortest form, over simulated handles. It uses ring/ring.h as
 * the library does. One thread receives and one sends; both may run on after the process is killed, as threads do until
 * they are stopped: from then on they touch only memory.
 */
#include "tests/simulation/lab.h"

NTSTATUS ProgramOpen(PROGRAM *Program, PCWSTR Path, SIM_ACCOUNT Account)
{
    memset(Program, 0, sizeof(*Program));
    Program->Process = SimProcessCreate(Account);
    SimEventCreate(Program->Process, SynchronizationEvent, EVENT_ALL_ACCESS, &Program->ToAppPackets);
    SimEventCreate(Program->Process, SynchronizationEvent, EVENT_ALL_ACCESS, &Program->ToStackPackets);
    SimEventCreate(Program->Process, SynchronizationEvent, EVENT_ALL_ACCESS, &Program->ToStackSpace);
    NTSTATUS Status = SimOpen(Program->Process, Path, GENERIC_READ | GENERIC_WRITE, &Program->File);
    LabOperations(1);
    return Status;
}

NTSTATUS ProgramStart(PROGRAM *Program, ULONG Capacity)
{
    TUN_START_INPUT Input = {.Protocol = TUN_PROTOCOL,
                             .Capacity = Capacity,
                             .ToAppPackets = (ULONG64)Program->ToAppPackets,
                             .ToStackPackets = (ULONG64)Program->ToStackPackets,
                             .ToStackSpace = (ULONG64)Program->ToStackSpace,
                             .Flags = Program->Offloads | (Program->Monitor ? TUN_START_MONITOR : 0)};
    ULONG Bytes;
    NTSTATUS Status = SimIoControl(Program->Process, Program->File, TUN_IOCTL_START, &Input, sizeof(Input),
                                   &Program->Start, sizeof(Program->Start), &Bytes);
    LabOperations(1);
    if (!NT_SUCCESS(Status))
    {
        LabEqual(Bytes, 0);
        return Status;
    }
    LabEqual(Bytes, sizeof(Program->Start));
    Program->Section = (HANDLE)Program->Start.Section;
    PVOID Memory;
    LabEqual(SimMapSection(Program->Process, Program->Section, Program->Hostile, &Memory, &Program->Size),
             STATUS_SUCCESS);
    Program->Memory = Memory;
    LabEqual(Program->Start.SectionSize, Program->Size);
    LabEqual(Program->Start.ToApp, 0);
    LabEqual(Program->Start.ToStack, Program->Monitor ? 0 : TunRingStride(Capacity));
    RingAttach(&Program->ToApp, (RING *)(Program->Memory + Program->Start.ToApp), Capacity);
    RingAttach(&Program->ToStack, (RING *)(Program->Memory + Program->Start.ToStack), Capacity);
    return Status;
}

NTSTATUS ProgramEnd(PROGRAM *Program)
{
    LabOperations(1);
    return SimIoControl(Program->Process, Program->File, TUN_IOCTL_END, NULL, 0, NULL, 0, NULL);
}

VOID ProgramForget(PROGRAM *Program)
{
    SimUnmapSection(Program->Process, Program->Memory);
    LabEqual(SimCloseHandle(Program->Process, Program->Section), STATUS_SUCCESS);
    Program->Memory = NULL;
    Program->Section = NULL;
}

VOID ProgramClose(PROGRAM *Program)
{
    SimProcessDelete(Program->Process);
    Program->Process = NULL;
}

TUN_QUERY ProgramQuery(PROGRAM *Program)
{
    TUN_QUERY Query = {0};
    ULONG Bytes;
    LabEqual(SimIoControl(Program->Process, Program->File, TUN_IOCTL_QUERY, NULL, 0, &Query, sizeof(Query), &Bytes),
             STATUS_SUCCESS);
    LabEqual(Bytes, sizeof(Query));
    LabOperations(1);
    return Query;
}

TUN_STATISTICS ProgramStatistics(PROGRAM *Program)
{
    TUN_STATISTICS Statistics = {0};
    ULONG Bytes;
    LabEqual(SimIoControl(Program->Process, Program->File, TUN_IOCTL_STATISTICS, NULL, 0, &Statistics,
                          sizeof(Statistics), &Bytes),
             STATUS_SUCCESS);
    LabEqual(Bytes, sizeof(Statistics));
    LabOperations(1);
    return Statistics;
}

/* ---- to_app */

ULONG ProgramReceive(PROGRAM *Program)
{
    ULONG Count = 0;
    RING_STATUS Status;
    RING_PACKET *Entry;
    uint32_t Length;
    while ((Status = RingTake(&Program->ToApp, &Entry, &Length)) == RING_OK)
    {
        ULONG Flow;
        ULONG64 Sequence;
        if (!PacketCheck(RingPacketData(Entry), Length, &Flow, &Sequence))
        {
            LabFailed(__FILE__, __LINE__, "packet", "%u bytes, flow %u, number %llu: not as it was sent", Length, Flow,
                      Sequence);
        }
        else if (Flow && Flow < STACK_FLOWS)
        {
            LabCheck(Sequence >= Program->Next[Flow], "flow %u: number %llu after %llu", Flow, Sequence,
                     Program->Next[Flow]);
            Program->Next[Flow] = Sequence + 1;
        }
        uint32_t Flags = atomic_load(&Entry->OffloadKind);
        LabCheck(!Flags || (Program->Monitor && Flags == RING_FLAG_TO_STACK), "flags 0x%x", Flags);
        Program->FromProgram += Flags != 0;
        Program->Received++;
        Program->ReceivedOctets += Length;
        Count++;
        if (Count % 16 == 0)
            RingRelease(&Program->ToApp, Program->ToApp.Next);
    }
    LabCheck(Status == RING_EMPTY, "the driver's side of to_app is wrong: %d", Status);
    RingRelease(&Program->ToApp, Program->ToApp.Next);
    LabOperations(Count);
    return Count;
}

BOOLEAN ProgramWait(PROGRAM *Program, ULONG Milliseconds)
{
    if (RingSleep(&Program->ToApp) != RING_EMPTY)
        return TRUE;
    if (RingClosed(Program->ToApp.Ring) || atomic_load(&Program->Dead))
    {
        RingAwake(&Program->ToApp);
        return FALSE;
    }
    SimWait(Program->Process, 1, &Program->ToAppPackets, Milliseconds);
    RingAwake(&Program->ToApp);
    return !RingClosed(Program->ToApp.Ring);
}

void *ProgramReceiveLoop(void *Context)
{
    PROGRAM *Program = Context;
    while (!atomic_load_explicit(&Program->Stop, memory_order_acquire))
    {
        if (!ProgramReceive(Program) && !ProgramWait(Program, 50) &&
            (RingClosed(Program->ToApp.Ring) || atomic_load(&Program->Dead)))
        {
            break;
        }
    }
    ProgramReceive(Program);
    return NULL;
}

/* ---- to_stack */

static BOOLEAN Over(_In_ PROGRAM *Program)
{
    return RingClosed(Program->ToStack.Ring) || atomic_load(&Program->Stop) || atomic_load(&Program->Dead);
}

static VOID Publish(_Inout_ PROGRAM *Program)
{
    if (RingPublish(&Program->ToStack, Program->ToStack.Next) && !atomic_load(&Program->Dead))
        SimEventSet(Program->Process, Program->ToStackPackets);
}

/* Waits for room; what is reserved is published first. FALSE: it is over. */
static RING_PACKET *Reserve(_Inout_ PROGRAM *Program, _In_ ULONG Length)
{
    RING_PACKET *Entry;
    RING_STATUS Status;
    while ((Status = RingReserve(&Program->ToStack, Length, &Entry)) == RING_FULL)
    {
        Publish(Program);
        if (Over(Program))
            return NULL;
        if (RingStall(&Program->ToStack, Length) == RING_FULL)
            SimWait(Program->Process, 1, &Program->ToStackSpace, 50);
    }
    LabCheck(Status == RING_OK, "the driver's side of to_stack is wrong: %d", Status);
    return Status == RING_OK ? Entry : NULL;
}

BOOLEAN ProgramSend(PROGRAM *Program, ULONG Count, ULONG Length, BOOLEAN IsIpv6, ULONG Flow, ULONG64 *Sequence)
{
    for (ULONG I = 0; I < Count; I++)
    {
        RING_PACKET *Entry = Reserve(Program, Length);
        if (!Entry)
            return FALSE;
        PacketMake(RingPacketData(Entry), Length, IsIpv6, Flow, (*Sequence)++);
        Program->Sent++;
        Program->SentOctets += Length;
    }
    Publish(Program);
    LabOperations(Count);
    return !Over(Program);
}

BOOLEAN ProgramSendBytes(PROGRAM *Program, const UCHAR *Bytes, ULONG Length)
{
    return ProgramSendOffload(Program, &(VNET_HEADER){0}, Bytes, Length);
}

BOOLEAN ProgramSendOffload(PROGRAM *Program, const VNET_HEADER *Vnet, const UCHAR *Bytes, ULONG Length)
{
    RING_PACKET *Entry = Reserve(Program, Length);
    if (!Entry)
        return FALSE;
    memcpy((UCHAR *)RingPacketData(Entry) - sizeof(*Vnet), Vnet, sizeof(*Vnet)); /* right before it: docs/protocol.md */
    memcpy(RingPacketData(Entry), Bytes, Length);
    Program->Sent++;
    Publish(Program);
    LabOperations(1);
    return TRUE;
}
