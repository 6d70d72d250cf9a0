/* SPDX-License-Identifier: MIT */
/*
 * Target ioctl: programs that open the control device and ask it for anything: requests known and unknown, of any method
 * and access, with any length and content, and with handles that are theirs, another's, of another kind, closed, or no
 * handles at all; from several processes that share, close and die as they like, while the adapter pauses, loses its
 * device, comes back, or runs out of resources. A session that is granted must be a right one, and no answer may hold
 * bytes of the kernel's that nobody wrote.
 */
#include "tests/fuzz/fuzz.h"

#define ACTIONS_MAX 64
#define PROCESSES   3
#define HANDLES     16
#define BUFFER_MAX  512

static const SIM_ACCOUNT Accounts[PROCESSES] = {SimSystem, SimAdministrator, SimUser};

static struct
{
    PEPROCESS Processes[PROCESSES];
    struct
    {
        HANDLE Value;
        ULONG Process;
        BOOLEAN Serves; /* an event, with the rights that a session needs */
    } Handles[HANDLES]; /* that once were: some are closed by now */
    ULONG Next;
} State;

static VOID Remember(_In_ ULONG Process, _In_ HANDLE Value, _In_ BOOLEAN Serves)
{
    ULONG Place = State.Next++ % HANDLES;
    State.Handles[Place].Value = Value;
    State.Handles[Place].Process = Process;
    State.Handles[Place].Serves = Serves;
}

/* FALSE: what a program gave for an event is none of its, or not one that it may both wait for and set. */
static BOOLEAN Serves(_In_ ULONG Process, _In_ ULONG64 Value)
{
    BOOLEAN Found = State.Next > HANDLES; /* some are forgotten */
    for (ULONG I = 0; I < HANDLES; I++)
    {
        Found |= State.Handles[I].Serves && State.Handles[I].Process == Process &&
                 ((ULONG64)State.Handles[I].Value & ~3ull) == (Value & ~3ull);
    }
    return Found;
}

static VOID MakeEvents(_In_ ULONG Process)
{
    for (ULONG I = 0; I < 3; I++)
    {
        HANDLE Event;
        SimEventCreate(State.Processes[Process], SynchronizationEvent, EVENT_ALL_ACCESS, &Event);
        Remember(Process, Event, TRUE);
    }
}

static HANDLE ChooseHandle(_Inout_ FUZZ *Input)
{
    ULONG Which = FuzzByte(Input);
    return Which < 224   ? State.Handles[Which % HANDLES].Value
           : Which < 240 ? (HANDLE)(ULONG_PTR)(Which % 16 * 4)
           : Which < 248 ? (HANDLE)(ULONG_PTR)(FuzzLong(Input) | (ULONG64)FuzzLong(Input) << 32)
                         : (HANDLE)(LONG_PTR)(int8_t)Which;
}

static VOID Open(_Inout_ FUZZ *Input, _In_ const LAB *Lab)
{
    static const ACCESS_MASK Accesses[] = {GENERIC_READ | GENERIC_WRITE,
                                           GENERIC_READ,
                                           GENERIC_WRITE,
                                           GENERIC_ALL,
                                           SYNCHRONIZE,
                                           0,
                                           MAXIMUM_ALLOWED,
                                           WRITE_DAC};
    ULONG Process = FuzzByte(Input), Kind = FuzzByte(Input);
    ULONG Length = 0;
    WCHAR Path[96];
    while (Lab->Path[Length])
    {
        Path[Length] = Lab->Path[Length];
        Length++;
    }
    if (Kind >= 224) /* a name behind the device's, or another one */
    {
        Path[Length++] = Kind & 1 ? L'\\' : L'x';
        Path[Length++] = (WCHAR)(1 + FuzzByte(Input));
    }
    Path[Length] = 0;
    HANDLE File;
    if (NT_SUCCESS(SimOpen(State.Processes[Process % PROCESSES], Path, Accesses[Kind % ARRAYSIZE(Accesses)], &File)))
    {
        LabCheck(Kind < 224, "a name behind the device's was opened");
        Remember(Process % PROCESSES, File, FALSE);
    }
}

static ULONG ChooseCode(_Inout_ FUZZ *Input)
{
    static const ULONG Known[] = {TUN_IOCTL_START, TUN_IOCTL_QUERY, TUN_IOCTL_STATISTICS, TUN_IOCTL_END};
    ULONG Which = FuzzByte(Input);
    return Which < 208   ? Known[Which % 4]
           : Which < 232 ? TUN_IOCTL(0x800u + Which % 8)
           : Which < 240 ? Known[Which % 4] & ~(3u << 14) /* demands no access */
           : Which < 248 ? Known[Which % 4] ^ (1u << (FuzzByte(Input) % 32))
                         : FuzzLong(Input);
}

/* Fills Buffer with the input of a request; nearly that of a START, or anything. Returns its length. */
static ULONG ChooseInput(_Inout_ FUZZ *Input, _Out_ UCHAR *Buffer)
{
    static const ULONG Capacities[] = {RING_CAPACITY_MIN,
                                       2 * RING_CAPACITY_MIN,
                                       RING_CAPACITY_MIN / 2,
                                       0,
                                       RING_CAPACITY_MIN + 1,
                                       2 * RING_CAPACITY_MAX,
                                       0x80000000,
                                       3 * RING_CAPACITY_MIN};
    ULONG Kind = FuzzByte(Input), Length = FuzzByte(Input);
    TUN_START_INPUT Start = {.Protocol = TUN_PROTOCOL, .Capacity = RING_CAPACITY_MIN};
    if (Kind >= 224)
    {
        Length = Length < 250 ? Length : FuzzWord(Input) % BUFFER_MAX;
        FuzzFill(Input, Buffer, Length);
        return Length;
    }
    Start.ToAppPackets = (ULONG64)ChooseHandle(Input);
    Start.ToStackPackets = (ULONG64)ChooseHandle(Input);
    Start.ToStackSpace = (ULONG64)ChooseHandle(Input);
    if (Kind >= 160)
        Start.Capacity = Capacities[Kind % ARRAYSIZE(Capacities)];
    else if (Kind >= 144)
        Start.Protocol = FuzzLong(Input);
    else if (Kind >= 136)
    {
        Start.Flags = FuzzByte(Input) & 64 ? (ULONG64)FuzzByte(Input) << 8 : 1ull << Kind % 64;
        Start.Capacity = Kind & 1 ? RING_CAPACITY_MIN : TUN_OFFLOAD_CAPACITY_MIN;
    }
    else if (Kind >= 96)
        Start.Flags = TUN_START_MONITOR;
    memset(Buffer, 0, BUFFER_MAX);
    memcpy(Buffer, &Start, sizeof(Start));
    return Length < 200 ? sizeof(Start) : Length - 200;
}

/* Pool that nobody wrote to is full of 0xa5 (host/nt/ex/ex.c). */
static VOID CheckAnswer(_In_ ULONG Code, _In_ const UCHAR *Answer, _In_ ULONG Length)
{
    ULONG Run = 0;
    for (ULONG I = 0; I < Length; I++)
    {
        Run = Answer[I] == 0xa5 ? Run + 1 : 0;
        LabCheck(Run < 4, "code 0x%x: bytes %u to %u of the answer are the kernel's", Code, I - 3, I);
    }
}

/* A granted session: what its program was told must be so. */
static VOID CheckStart(_In_ const LAB *Lab, _In_ ULONG Process, _In_ const TUN_START_INPUT *Input,
                       _In_ const TUN_START_OUTPUT *Output)
{
    PEPROCESS Program = State.Processes[Process];
    BOOLEAN Monitor = Input->Flags & TUN_START_MONITOR;
    LabCheck(Input->Protocol == TUN_PROTOCOL && TunStartValid(Input->Capacity, Input->Flags) &&
                 Output->Offloads == (Input->Flags & TUN_OFFLOAD_TO_STACK),
             "protocol %u, capacity %u, flags 0x%llx", Input->Protocol, Input->Capacity, (ULONG64)Input->Flags);
    LabCheck(Serves(Process, Input->ToAppPackets) && Serves(Process, Input->ToStackPackets) &&
                 Serves(Process, Input->ToStackSpace),
             "an event that the program may not use was taken");
    Remember(Process, (HANDLE)Output->Section, FALSE);
    SIZE_T Size;
    PVOID Memory;
    LabEqual(SimMapSection(Program, (HANDLE)Output->Section, TRUE, &Memory, &Size), STATUS_SUCCESS);
    LabCheck(Size >= Output->SectionSize && Output->ToApp + RingMemorySize(Input->Capacity) <= Output->SectionSize &&
                 (Monitor ? Output->ToStack == 0
                          : Output->ToApp + RingMemorySize(Input->Capacity) <= Output->ToStack &&
                                Output->ToStack + RingMemorySize(Input->Capacity) <= Output->SectionSize),
             "rings of %u at %llu and %llu of %zu bytes", Input->Capacity, (ULONG64)Output->ToApp,
             (ULONG64)Output->ToStack, Size);
    RING *Ring = Memory;
    LabEqual(Ring->Tail | Ring->Head | Ring->Closed, 0);
    SimUnmapSection(Program, Memory);
}

static VOID Control(_Inout_ FUZZ *Input, _In_ const LAB *Lab)
{
    ULONG Which = FuzzByte(Input), Process = Which / HANDLES % PROCESSES, Code = ChooseCode(Input), Returned = ~0u;
    HANDLE File = State.Handles[Which % HANDLES].Value;
    UCHAR Content[BUFFER_MAX];
    ULONG InputLength = ChooseInput(Input, Content), OutputLength = FuzzByte(Input);
    if (Which < 208) /* mostly the handle's own process */
        Process = State.Handles[Which % HANDLES].Process;
    OutputLength = OutputLength < 192   ? sizeof(TUN_STATISTICS)
                   : OutputLength < 250 ? OutputLength - 192
                                        : FuzzWord(Input) % BUFFER_MAX;
    PUCHAR Output = malloc(OutputLength);
    memset(Output, 0x11, OutputLength);
    NTSTATUS Status = SimIoControl(State.Processes[Process], File, Code, InputLength ? Content : NULL, InputLength,
                                   OutputLength ? Output : NULL, OutputLength, &Returned);
    LabCheck(Returned <= OutputLength, "code 0x%x: %u bytes of %u", Code, Returned, OutputLength);
    if (!NT_SUCCESS(Status))
    {
        LabCheck(Returned == 0, "code 0x%x fails with 0x%x and returns %u bytes", Code, (unsigned)Status, Returned);
    }
    else
    {
        LabCheck(Code == TUN_IOCTL_START || Code == TUN_IOCTL_QUERY || Code == TUN_IOCTL_STATISTICS ||
                     Code == TUN_IOCTL_END,
                 "code 0x%x succeeds", Code);
        LabEqual(Returned, Code == TUN_IOCTL_START   ? sizeof(TUN_START_OUTPUT)
                           : Code == TUN_IOCTL_QUERY ? sizeof(TUN_QUERY)
                           : Code == TUN_IOCTL_END   ? 0
                                                     : sizeof(TUN_STATISTICS));
        CheckAnswer(Code, Output, Returned);
        if (Code == TUN_IOCTL_START)
        {
            LabEqual(InputLength, sizeof(TUN_START_INPUT));
            CheckStart(Lab, Process, (const TUN_START_INPUT *)Content, (const TUN_START_OUTPUT *)Output);
        }
    }
    free(Output);
}

static VOID KillProcess(_In_ ULONG Process)
{
    SimProcessKill(State.Processes[Process]);
    SimProcessDelete(State.Processes[Process]);
    State.Processes[Process] = SimProcessCreate(Accounts[Process]);
}

/* The device goes, by surprise or not, and comes back; programs keep their handles to the one that is gone. */
static VOID Replug(_Inout_ LAB *Lab, _In_ BOOLEAN Surprise, _Inout_ FUZZ *Input)
{
    FuzzStackHold(Lab->Stack, FALSE);
    FuzzStackReturn(Lab->Stack, ~0u, FALSE);
    if (Surprise)
    {
        LabEqual(SimPnp(Lab->Pdo, IRP_MN_SURPRISE_REMOVAL), STATUS_SUCCESS);
        Control(Input, Lab);
    }
    LabEqual(SimPnp(Lab->Pdo, IRP_MN_REMOVE_DEVICE), STATUS_SUCCESS);
    Control(Input, Lab);
    SimDeleteDevice(Lab->Pdo);
    LabPlug(Lab, 1);
}

VOID FuzzTarget(FUZZ *Input, LAB *Lab)
{
    BOOLEAN Paused = FALSE;
    ULONG Replugs = 0, Sends = 0;
    memset(&State, 0, sizeof(State));
    for (ULONG I = 0; I < PROCESSES; I++)
        State.Processes[I] = SimProcessCreate(Accounts[I]);
    MakeEvents(0);
    HANDLE Handle;
    LabEqual(SimOpen(State.Processes[0], Lab->Path, GENERIC_READ | GENERIC_WRITE, &Handle), STATUS_SUCCESS);
    Remember(0, Handle, FALSE);
    for (ULONG I = 0; FuzzMore(Input) && I < ACTIONS_MAX; I++)
    {
        ULONG Action = FuzzByte(Input), Which = Action >> 4, Process;
        switch (Action % 16)
        {
        case 7:
            Open(Input, Lab);
            break;
        case 8:
            MakeEvents(Which % PROCESSES);
            break;
        case 9: /* events that may be waited for only, or set only */
            SimEventCreate(State.Processes[Which % PROCESSES], NotificationEvent,
                           Which & 8 ? SYNCHRONIZE : EVENT_MODIFY_STATE, &Handle);
            Remember(Which % PROCESSES, Handle, FALSE);
            break;
        case 10:
            SimCloseHandle(State.Processes[State.Handles[Which].Process], State.Handles[Which].Value);
            break;
        case 11:
            Process = FuzzByte(Input) % PROCESSES;
            if (NT_SUCCESS(SimDuplicateHandle(State.Processes[State.Handles[Which].Process], State.Handles[Which].Value,
                                              State.Processes[Process], &Handle)))
            {
                Remember(Process, Handle, State.Handles[Which].Serves);
            }
            break;
        case 12:
            KillProcess(Which % PROCESSES);
            break;
        case 13:
            if (Paused)
                LabRestart(Lab);
            else
                FuzzPause(Lab);
            Paused = !Paused;
            break;
        case 14:
            if (!Paused && Replugs++ < 2)
            {
                SimFaultArm(0);
                Replug(Lab, Which & 1, Input);
            }
            break;
        case 15:
            if (Which & 1)
                SimFaultArm(FuzzWord(Input) % 640); /* one of the next calls fails, if so many are made */
            else if (!Paused && Sends++ < 8)
                FuzzStackSendPlain(Lab->Stack, 1 + Which, FuzzLength(Input), FALSE);
            break;
        default:
            Control(Input, Lab);
        }
        FuzzSettle(Lab);
    }
    SimFaultArm(0);
    if (Paused)
        LabRestart(Lab);
    for (ULONG I = 0; I < PROCESSES; I++)
        SimProcessDelete(State.Processes[I]);
}
