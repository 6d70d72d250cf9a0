/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of wake-ups, one at a time and under a clock: who sleeps is woken by what it sleeps for, who does not sleep
 * is left alone, and a signal that comes in the moment before the sleep is not lost.
 */
#include "tests/simulation/lab.h"
#include <time.h>

SCENARIO ProgramIsWoken, DriverIsWoken, SpaceIsTold;

static const STACK_SHAPE One = {.Lists = 1, .Buffers = 1, .Parts = 1};

VOID ProgramIsWoken(VOID)
{
    ULONG64 Random = LabSeed(), Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    for (ULONG I = 0; I < 50; I++)
    {
        /* Awake: it is left alone. Asleep: it is woken, once. */
        StackSend(Lab.Stack, &One, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
        LabEqual(SimWait(Program.Process, 1, &Program.ToAppPackets, 0), STATUS_TIMEOUT);
        LabEqual(ProgramReceive(&Program), 1);
        LabEqual(RingSleep(&Program.ToApp), RING_EMPTY);
        StackSend(Lab.Stack, &One, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
        LabEqual(SimWait(Program.Process, 1, &Program.ToAppPackets, 0), STATUS_WAIT_0);
        StackSend(Lab.Stack, &One, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
        LabEqual(SimWait(Program.Process, 1, &Program.ToAppPackets, 0), STATUS_TIMEOUT);
        LabEqual(ProgramReceive(&Program), 2);
    }
    LabBalance(&Lab, &Program);
    ProgramClose(&Program);
    LabClose(&Lab);
}

static ULONG64 Nanoseconds(VOID)
{
    struct timespec Now;
    clock_gettime(CLOCK_MONOTONIC, &Now);
    return (ULONG64)Now.tv_sec * 1000000000 + (ULONG64)Now.tv_nsec;
}

/* One packet after the other, each at a moment by chance around that in which the driver's thread goes to sleep, which
 * may be held up at each step. */
VOID DriverIsWoken(VOID)
{
    ULONG64 Random = LabSeed(), Sequence = 0, End = Nanoseconds() + 20000000000;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    SimDisturb(8);
    for (ULONG I = 1; I <= LabScale(1500) && Nanoseconds() < End && !RingClosed(Program.ToStack.Ring); I++)
    {
        ULONG64 Give = Nanoseconds() + 10000000000;
        LabCheck(ProgramSend(&Program, 1, 100, FALSE, 1, &Sequence), "closed");
        while (atomic_load(&Program.ToStack.Ring->Head) != Program.ToStack.Own && Nanoseconds() < Give)
            sched_yield();
        if (atomic_load(&Program.ToStack.Ring->Head) != Program.ToStack.Own)
        {
            LabFailed(__FILE__, __LINE__, "wake-up", "packet %u lies in the ring: a wake-up was lost", I);
            break;
        }
        /* By turns right after the driver said that it will sleep, and at any time. */
        ULONG64 Until = Nanoseconds() + (I % 2 ? 1000000 : LabRandom(&Random) % 200000);
        while (Nanoseconds() < Until && !(I % 2 && atomic_load(&Program.ToStack.Ring->ConsumerWaiting)))
        {
        }
    }
    SimDisturb(0);
    ProgramClose(&Program);
    LabClose(&Lab);
}

/* While the adapter is paused the ring fills up. */
VOID SpaceIsTold(VOID)
{
    ULONG64 Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    for (ULONG I = 0; I < 10; I++)
    {
        LabPause(&Lab);
        LabCheck(ProgramSend(&Program, 60, 2000, FALSE, 1, &Sequence), "closed");
        RING_PACKET *Entry;
        LabEqual(RingReserve(&Program.ToStack, 16384, &Entry), RING_FULL);
        LabEqual(RingStall(&Program.ToStack, 16384), RING_FULL);
        LabEqual(SimWait(Program.Process, 1, &Program.ToStackSpace, 0), STATUS_TIMEOUT);
        LabRestart(&Lab);
        LabEqual(SimWait(Program.Process, 1, &Program.ToStackSpace, 10000), STATUS_WAIT_0);
        LabUntil(StackRead(Lab.Stack).Received == Program.Sent);
    }
    LabBalance(&Lab, &Program);
    ProgramClose(&Program);
    LabClose(&Lab);
}
