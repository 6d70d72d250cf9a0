/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of sessions without traffic: every input that a program can get wrong, many sessions one after the other,
 * and whose a session is.
 */
#include "tests/simulation/lab.h"

SCENARIO BadInputs, ManySessions, OwnersOnly;

static TUN_START_INPUT GoodInput(_In_ const PROGRAM *Program)
{
    return (TUN_START_INPUT){.Protocol = TUN_PROTOCOL,
                             .Capacity = RING_CAPACITY_MIN,
                             .ToAppPackets = (ULONG64)Program->ToAppPackets,
                             .ToStackPackets = (ULONG64)Program->ToStackPackets,
                             .ToStackSpace = (ULONG64)Program->ToStackSpace};
}

static NTSTATUS Start(_In_ PROGRAM *Program, _In_ const TUN_START_INPUT *Input)
{
    LabOperations(1);
    TUN_START_OUTPUT Output;
    return SimIoControl(Program->Process, Program->File, TUN_IOCTL_START, Input, sizeof(*Input), &Output,
                        sizeof(Output), NULL);
}

/* Every size of input and output, for every request there is and some that are not. */
static VOID Sizes(_In_ PROGRAM *Program)
{
    static const ULONG Outputs[] = {sizeof(TUN_QUERY), sizeof(TUN_START_OUTPUT), 0, sizeof(TUN_STATISTICS)};
    TUN_START_INPUT Input = GoodInput(Program);
    UCHAR In[256] = {0}, Out[256];
    ULONG Returned;
    for (ULONG Function = 0; Function < 8; Function++)
    {
        for (ULONG InSize = 0; InSize <= 48; InSize++)
        {
            for (ULONG OutSize = 0; OutSize <= 176; OutSize += OutSize % 8 == 1 ? 6 : 1) /* around each multiple of 8 */
            {
                memcpy(In, &Input, sizeof(Input));
                memset(Out, 0xcc, sizeof(Out));
                NTSTATUS Status = SimIoControl(Program->Process, Program->File, TUN_IOCTL(0x800u + Function), In,
                                               InSize, Out, OutSize, &Returned);
                LabOperations(1);
                NTSTATUS Wanted;
                if (Function > 3)
                    Wanted = STATUS_INVALID_DEVICE_REQUEST;
                else if (Function == 1 && (InSize != sizeof(Input) || OutSize < Outputs[1]))
                    Wanted = STATUS_INVALID_BUFFER_SIZE;
                else
                    Wanted = OutSize < Outputs[Function] ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
                LabEqual(Status, Wanted);
                LabEqual(Returned, NT_SUCCESS(Status) ? Outputs[Function] : 0);
                for (ULONG I = Returned; I < sizeof(Out); I++)
                    LabCheck(Out[I] == 0xcc, "function %u, %u bytes out, byte %u written", Function, OutSize, I);
                if (Function == 1 && NT_SUCCESS(Status))
                {
                    TUN_START_OUTPUT Output;
                    memcpy(&Output, Out, sizeof(Output));
                    ProgramEnd(Program);
                    SimCloseHandle(Program->Process, (HANDLE)Output.Section);
                }
            }
        }
    }
}

static VOID Values(_In_ PROGRAM *Program)
{
    static const uint32_t Capacities[] = {0,       1,         0xfff,     0x10000,   0x1ffff,    0x20001,
                                          0x30000, 0x4000001, 0x8000000, 0x5000000, 0x80000000, 0xffffffff};
    ULONG64 Random = LabSeed();
    TUN_START_INPUT Input;
    for (ULONG I = 0; I < ARRAYSIZE(Capacities); I++)
    {
        Input = GoodInput(Program);
        Input.Capacity = Capacities[I];
        LabEqual(Start(Program, &Input), STATUS_INVALID_PARAMETER);
    }
    for (ULONG Bit = 0; Bit < 64; Bit++)
    {
        Input = GoodInput(Program);
        Input.Flags = 1ull << Bit;
        /* Checksums alone may be asked for; super-packets are tried in SuperAsked. */
        if (Input.Flags != TUN_START_MONITOR && Input.Flags != TUN_OFFLOAD_TO_APP_CHECKSUM &&
            Input.Flags != TUN_OFFLOAD_TO_STACK_CHECKSUM)
            LabEqual(Start(Program, &Input), STATUS_INVALID_PARAMETER);
    }
    for (ULONG Bit = 0; Bit < 32; Bit++)
    {
        Input = GoodInput(Program);
        Input.Protocol ^= 1u << Bit;
        LabEqual(Start(Program, &Input), STATUS_REVISION_MISMATCH);
        TUN_START_OUTPUT Output;
        LabEqual(SimIoControl(Program->Process, Program->File, TUN_IOCTL_START, &Input, 4, &Output, 0, NULL),
                 STATUS_REVISION_MISMATCH);
    }
    for (ULONG I = 0; I < 2000; I++)
    {
        ULONG64 *Words = (ULONG64 *)&Input;
        Input = GoodInput(Program);
        Words[1 + LabRandom(&Random) % 3] = (ULONG64)LabRandom(&Random) << (LabRandom(&Random) % 48) & ~3ull;
        if (NT_SUCCESS(Start(Program, &Input)))
            ProgramEnd(Program); /* it hit another of the process' events */
    }
}

/* Each of the three handles in turn is one that will not do. */
static VOID Handles(_In_ PROGRAM *Program)
{
    HANDLE Weak;
    SimEventCreate(Program->Process, SynchronizationEvent, SYNCHRONIZE, &Weak);
    HANDLE Mute;
    SimEventCreate(Program->Process, SynchronizationEvent, EVENT_MODIFY_STATE, &Mute);
    HANDLE Closed;
    SimEventCreate(Program->Process, SynchronizationEvent, EVENT_ALL_ACCESS, &Closed);
    SimCloseHandle(Program->Process, Closed);
    for (ULONG Which = 0; Which < 3; Which++)
    {
        const struct
        {
            HANDLE Handle;
            NTSTATUS Wanted;
        } Bad[] = {{NULL, STATUS_INVALID_HANDLE},
                   {(HANDLE)-1, STATUS_INVALID_HANDLE},
                   {(HANDLE)-2, STATUS_INVALID_HANDLE},
                   {(HANDLE)0xffffffff80000004, STATUS_INVALID_HANDLE}, /* the kernel's */
                   {(HANDLE)0x7ffffffc, STATUS_INVALID_HANDLE},
                   {Closed, STATUS_INVALID_HANDLE},
                   {Program->File, STATUS_OBJECT_TYPE_MISMATCH},
                   {Weak, STATUS_ACCESS_DENIED},
                   {Mute, STATUS_ACCESS_DENIED}};
        for (ULONG I = 0; I < ARRAYSIZE(Bad); I++)
        {
            TUN_START_INPUT Input = GoodInput(Program);
            (&Input.ToAppPackets)[Which] = (ULONG64)Bad[I].Handle;
            LabEqual(Start(Program, &Input), Bad[I].Wanted);
        }
    }
    SimCloseHandle(Program->Process, Weak);
    SimCloseHandle(Program->Process, Mute);
}

VOID BadInputs(VOID)
{
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    Sizes(&Program);
    Values(&Program);
    Handles(&Program);
    HANDLE ReadOnly;
    LabEqual(SimOpen(Program.Process, Lab.Path, GENERIC_READ, &ReadOnly), STATUS_SUCCESS);
    TUN_QUERY Query;
    LabEqual(SimIoControl(Program.Process, ReadOnly, TUN_IOCTL_QUERY, NULL, 0, &Query, sizeof(Query), NULL),
             STATUS_ACCESS_DENIED);
    LabEqual(ProgramQuery(&Program).SessionActive, 0);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    ProgramClose(&Program);
    LabClose(&Lab);
}

VOID ManySessions(VOID)
{
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimAdministrator), STATUS_SUCCESS);
    for (ULONG I = 0; I < LabScale(60); I++)
    {
        ULONG Capacity = RING_CAPACITY_MIN << I % 4;
        Capacity = I == 7 ? RING_CAPACITY_MAX : Capacity;
        LabCheck(!StackLinkUp(Lab.Stack), "the link is up without a session");
        LabEqual(ProgramStart(&Program, Capacity), STATUS_SUCCESS);
        LabCheck(StackLinkUp(Lab.Stack), "the link is down during a session");
        LabEqual(ProgramQuery(&Program).SessionActive, 1);
        LabEqual(ProgramQuery(&Program).SessionProcessId, PsGetProcessId(Program.Process));
        /* Nobody has sent anything: all there is, is zero. Wholly near the beginning, here and there behind. */
        for (SIZE_T Byte = 0; Byte < Program.Size; Byte += Byte < 4096 ? 1 : 997)
            LabCheck(Program.Memory[Byte] == 0, "byte %zu of a new section is 0x%x", Byte, Program.Memory[Byte]);
        LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
        LabEqual(RingClosed(Program.ToApp.Ring), TUN_CLOSED_ENDED);
        LabEqual(RingClosed(Program.ToStack.Ring), TUN_CLOSED_ENDED);
        LabEqual(SimWait(Program.Process, 1, &Program.ToAppPackets, 0), STATUS_WAIT_0);
        LabEqual(SimWait(Program.Process, 1, &Program.ToStackSpace, 0), STATUS_WAIT_0);
        LabEqual(ProgramEnd(&Program), STATUS_SUCCESS); /* there is none: nothing to end */
        LabEqual(ProgramQuery(&Program).SessionProcessId, 0);
        ProgramForget(&Program);
    }
    ProgramClose(&Program);
    LabClose(&Lab);
}

VOID OwnersOnly(VOID)
{
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM First;
    LabEqual(ProgramOpen(&First, Lab.Path, SimSystem), STATUS_SUCCESS);
    PROGRAM Second;
    LabEqual(ProgramOpen(&Second, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&First, RING_CAPACITY_MIN), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Second, RING_CAPACITY_MIN), STATUS_DEVICE_BUSY);
    LabEqual(ProgramQuery(&Second).SessionProcessId, PsGetProcessId(First.Process));
    LabEqual(ProgramEnd(&Second), STATUS_SUCCESS); /* its own session, of which there is none */
    LabEqual(RingClosed(First.ToApp.Ring), 0);
    HANDLE Again;
    /* Another file of the same process is another owner. */
    LabEqual(SimOpen(First.Process, Lab.Path, GENERIC_ALL, &Again), STATUS_SUCCESS);
    LabEqual(SimCloseHandle(First.Process, Again), STATUS_SUCCESS);
    ProgramClose(&Second);
    LabEqual(RingClosed(First.ToApp.Ring), 0);
    LabEqual(ProgramQuery(&First).SessionActive, 1);
    LabEqual(SimCloseHandle(First.Process, First.File), STATUS_SUCCESS);
    LabEqual(RingClosed(First.ToApp.Ring), TUN_CLOSED_ENDED);
    ProgramClose(&First);
    LabEqual(ProgramOpen(&Second, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Second, RING_CAPACITY_MIN), STATUS_SUCCESS);
    ProgramClose(&Second);
    LabClose(&Lab);
}
