/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of sudden ends under load: the device is taken away, the program is killed, the file lives on in another
 * process; and two adapters at once, of which one may go while the other works.
 */
#include "tests/simulation/lab.h"

SCENARIO SurpriseRemoval, ProgramDies, HandleInTwoProcesses, TwoAdapters;

VOID SurpriseRemoval(VOID)
{
    ULONG64 Random = LabSeed();
    LAB Lab;
    LabLoad(&Lab);
    for (ULONG I = 0; I < LabScale(30); I++)
    {
        LabPlug(&Lab, 1);
        StackHold(Lab.Stack, I % 2 ? StackReturnsLate : StackReturnsAtOnce);
        PROGRAM Program;
        LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
        LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
        LAB_LOAD Load;
        LabLoadStart(&Load, &Lab, &Program, 0);
        LabSleep(LabRandom(&Random) % 10000);
        LabUnplug(&Lab, I % 3 != 0);
        LabUntil(RingClosed(Program.ToApp.Ring) && RingClosed(Program.ToStack.Ring));
        LabEqual(RingClosed(Program.ToApp.Ring), TUN_CLOSED_REMOVED);
        LabEqual(RingClosed(Program.ToStack.Ring), TUN_CLOSED_REMOVED);
        LabLoadAbandon(&Load, &Program);
        ProgramClose(&Program);
    }
    LabUnload(&Lab);
}

VOID ProgramDies(VOID)
{
    ULONG64 Random = LabSeed();
    LAB Lab;
    LabOpen(&Lab);
    StackHold(Lab.Stack, StackReturnsLate);
    for (ULONG I = 0; I < LabScale(100); I++)
    {
        PROGRAM Program;
        LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
        LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN << I % 3), STATUS_SUCCESS);
        LAB_LOAD Load;
        LabLoadStart(&Load, &Lab, &Program, 0);
        LabSleep(LabRandom(&Random) % 5000);
        SimProcessKill(Program.Process);
        atomic_store(&Program.Dead, 1);
        LabLoadAbandon(&Load, &Program);
        LabEqual(RingClosed(Program.ToApp.Ring), TUN_CLOSED_ENDED);
        ProgramClose(&Program);
        LabCheck(!StackLinkUp(Lab.Stack), "the link is up without a program");
    }
    StackHold(Lab.Stack, StackReturnsAtOnce);
    LabClose(&Lab);
}

VOID HandleInTwoProcesses(VOID)
{
    ULONG64 Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    LabCheck(ProgramSend(&Program, 10, 100, FALSE, 1, &Sequence), "closed");
    PEPROCESS Heir = SimProcessCreate(SimUser);
    HANDLE Copy;
    LabEqual(SimDuplicateHandle(Program.Process, Program.File, Heir, &Copy), STATUS_SUCCESS);
    SimProcessKill(Program.Process);
    /* The file is open still: so is the session, without anyone to use it. */
    LabEqual(RingClosed(Program.ToApp.Ring), 0);
    LabUntil(StackNext(Lab.Stack, 1) == 10);
    LabCheck(StackLinkUp(Lab.Stack), "the link is down");
    LabEqual(SimIoControl(Heir, Copy, TUN_IOCTL_END, NULL, 0, NULL, 0, NULL), STATUS_SUCCESS);
    LabEqual(RingClosed(Program.ToApp.Ring), TUN_CLOSED_ENDED);
    ProgramClose(&Program);
    SimProcessDelete(Heir);
    LabClose(&Lab);
}

VOID TwoAdapters(VOID)
{
    LAB First;
    LabLoad(&First);
    LAB Second = First;
    LabPlug(&First, 1);
    LabPlug(&Second, 2);
    PROGRAM FirstProgram;
    LabEqual(ProgramOpen(&FirstProgram, First.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&FirstProgram, 4 * RING_CAPACITY_MIN), STATUS_SUCCESS);
    LAB_LOAD FirstLoad;
    LabLoadStart(&FirstLoad, &First, &FirstProgram, 0);
    for (ULONG I = 0; I < LabScale(10); I++)
    {
        PROGRAM SecondProgram;
        LabEqual(ProgramOpen(&SecondProgram, Second.Path, SimSystem), STATUS_SUCCESS);
        LabEqual(ProgramStart(&SecondProgram, 4 * RING_CAPACITY_MIN), STATUS_SUCCESS);
        LAB_LOAD SecondLoad;
        LabLoadStart(&SecondLoad, &Second, &SecondProgram, 1000);
        LabLoadStop(&SecondLoad, &Second, &SecondProgram);
        LabBalance(&Second, &SecondProgram);
        ProgramClose(&SecondProgram);
        LabUnplug(&Second, I % 2 == 0);
        LabPlug(&Second, 2);
    }
    LabUnplug(&Second, FALSE);
    LabLoadStop(&FirstLoad, &First, &FirstProgram);
    LabBalance(&First, &FirstProgram);
    ProgramClose(&FirstProgram);
    LabClose(&First);
}
