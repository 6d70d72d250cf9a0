/* SPDX-License-Identifier: MIT */
/*
 * Target memory: a program that owns the memory it shares with the driver and writes there what it likes, when it likes:
 * between any two of the driver's loads from it, and in the middle of any of its copies. The session may die of it, with
 * a reason; the driver's own idea of its rings stays possible, no receive list is lost, and nothing else happens. Or it
 * owns a monitor's memory, beside another program's session.
 */
#include "tests/fuzz/fuzz.h"

#define ACTIONS_MAX 48
#define SENDS_MAX   600 /* packets from the stack for one input */

/* What the hook does: the program's view, and the rest of its writes. The session's thread or the sender's runs it, under
 * the lock. */
static struct
{
    pthread_mutex_t Lock;
    FUZZ Script;
    ULONG Loads;        /* until the next write */
    const UCHAR *Begin; /* of the driver's view */
    PROGRAM *Program;
} Hostile = {.Lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic(uint32_t) *WordAt(_In_ const PROGRAM *Program, _In_ SIZE_T Offset)
{
    return (_Atomic(uint32_t) *)(Program->Memory + Offset % Program->Size / 4 * 4);
}

/* Writes one word: which, and what, the input says, the latter mostly by what stands there or elsewhere. Loaded: the one
 * that the driver is about to load, perhaps again. */
static VOID Write(_In_ const PROGRAM *Program, _Inout_ FUZZ *Script, _In_opt_ _Atomic(uint32_t) *Loaded)
{
    RING *ToApp = Program->ToApp.Ring, *ToStack = Program->ToStack.Ring;
    _Atomic(uint32_t) *Indices[] = {&ToStack->Tail, &ToStack->Head, &ToApp->Head, &ToApp->Tail};
    uint32_t Where = FuzzByte(Script), How = FuzzByte(Script);
    ULONG Mask = Program->ToStack.Capacity - 1;
    SIZE_T Entry = Program->Start.ToStack + RING_DATA_OFFSET + (atomic_load(&ToStack->Head) & Mask);
    _Atomic(uint32_t) *Word;

    switch (Where % 16)
    {
    case 0:
    case 1:
    case 2:
        Word = &ToStack->Tail;
        break;
    case 3:
    case 4:
        Word = &ToApp->Head;
        break;
    case 5:
        Word = &ToStack->Head;
        break;
    case 6:
        Word = &ToApp->Tail;
        break;
    case 7:
    case 8:
    case 9:
    case 10: /* the packet that the driver takes next: its length, its first bytes, the one after */
        Word = WordAt(Program, Entry + (Where >> 4) * 4);
        break;
    case 11:
        Word = Loaded ? Loaded : WordAt(Program, Entry + FuzzWord(Script));
        break;
    case 12:
        Word = Where & 16 ? &ToStack->ConsumerWaiting : &ToStack->ProducerWaiting;
        break;
    case 13:
        Word = Where & 16 ? &ToApp->ConsumerWaiting : &ToApp->ProducerWaiting;
        break;
    case 14:
        Word = Where & 16 ? &ToApp->Closed : &ToStack->Closed;
        break;
    default:
        Word = WordAt(Program, FuzzLong(Script));
    }
    uint32_t Value;
    switch (How % 8)
    {
    case 0:
        Value = FuzzLong(Script);
        break;
    case 1: /* a little on, or back */
        Value = atomic_load(Word) + (uint32_t)(int8_t)FuzzByte(Script) * 16;
        break;
    case 2:
        Value = atomic_load(Word) + (uint32_t)(int16_t)FuzzWord(Script);
        break;
    case 3: /* where another index is, and about a ring's size from there */
        Value =
            atomic_load(Indices[How >> 3 & 3]) + (How & 32 ? Mask + 1 : 0) + (How & 64 ? 16 : 0) - (How & 128 ? 16 : 0);
        break;
    case 4:
        Value = FuzzLength(Script);
        break;
    case 5:
        Value = 0x45 | FuzzByte(Script) << 8;
        break;
    default:
        Value = How >> 3 & 1;
    }
    atomic_store(Word, Value);
}

/* Before a load of the driver's from the shared memory. */
static VOID Interfere(_In_ const VOID *Address)
{
    pthread_mutex_lock(&Hostile.Lock);
    if (FuzzMore(&Hostile.Script) && Hostile.Loads-- == 0)
    {
        Write(Hostile.Program, &Hostile.Script,
              WordAt(Hostile.Program, (SIZE_T)((const UCHAR *)Address - Hostile.Begin)));
        Hostile.Loads = FuzzByte(&Hostile.Script) % 64;
    }
    pthread_mutex_unlock(&Hostile.Lock);
}

static VOID Arm(_Inout_ PROGRAM *Program, FUZZ Script)
{
    pthread_mutex_lock(&Hostile.Lock);
    Hostile.Program = Program;
    Hostile.Loads = FuzzByte(&Script) % 64;
    Hostile.Script = Script;
    pthread_mutex_unlock(&Hostile.Lock);
}

/* ---- The program */

/* Says in the virtio-net header of a packet what the input says, mostly something that makes sense. */
static VOID Offer(_Inout_ FUZZ *Input, _Inout_ UCHAR *Packet, _In_ ULONG Length)
{
    ULONG Kind = FuzzByte(Input), At = Kind & 1 ? IPV6_HEADER : IPV4_HEADER;
    BOOLEAN Udp = (Kind & 2) != 0;
    VNET_HEADER Vnet;
    if (Kind >= 224 || Length < At + TCP_HEADER)
    {
        FuzzFill(Input, &Vnet, sizeof(Vnet));
    }
    else
    {
        Packet[0] = Kind & 1 ? 0x60 : 0x45;
        StoreShort(Packet + (Kind & 1 ? 4 : 2), Kind & 1 ? Length - IPV6_HEADER : Length);
        StoreShort(Packet + 6, Kind & 1 ? (Udp ? 0x1100 : 0x600) : 0);
        if (!(Kind & 1))
            Packet[9] = Udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP;
        if (Udp)
            StoreShort(Packet + At + 4, Length - At);
        else
            Packet[At + 12] = 0x50;
        Vnet = (VNET_HEADER){.Flags = Kind & 128 && Kind & 4 ? VNET_DATA_VALID : VNET_NEEDS_CHECKSUM,
                             .GsoType = Kind & 4   ? VNET_GSO_NONE
                                        : Udp      ? VNET_GSO_UDP
                                        : Kind & 1 ? VNET_GSO_TCPV6
                                                   : VNET_GSO_TCPV4,
                             .GsoSize = (USHORT)(Kind & 8 ? FuzzWord(Input) : 1 + 8 * FuzzByte(Input)),
                             .ChecksumStart = (USHORT)At,
                             .ChecksumOffset = Udp ? 6 : 16};
    }
    memcpy(Packet - sizeof(Vnet), &Vnet, sizeof(Vnet));
}

/* Sends as honest programs do, from where the ring's words now say that it stands. */
static VOID SendSome(_Inout_ PROGRAM *Program, _Inout_ FUZZ *Input)
{
    ULONG Count = 1 + FuzzByte(Input) % 96, Length = FuzzLength(Input), First = FuzzByte(Input);
    RING_SIDE *Side = &Program->ToStack;
    RING_PACKET *Entry = NULL;
    Side->Own = Side->Next = atomic_load(&Side->Ring->Tail) & ~(RING_ALIGNMENT - 1);
    Side->Other = atomic_load(&Side->Ring->Head) & ~(RING_ALIGNMENT - 1);
    if (Side->Own - Side->Other > Side->Capacity)
        return;
    Count = Length > 4096 ? min(Count, 12) : Count;
    Length *= 1 + (First >> 6 & 1); /* longer than a packet may be, too */
    while (Count-- && RingReserve(Side, Length, &Entry) == RING_OK)
    {
        memset(RingPacketData(Entry), 0x11, min(Length, RING_PACKET_MAX));
        if (Length)
            *(UCHAR *)RingPacketData(Entry) = (UCHAR)(First & 1 && Count & 1 ? 0x60 : First & 2 ? First : 0x45);
        if (Length > 24)
        {
            ((UCHAR *)RingPacketData(Entry))[16] = (UCHAR)(First & 4 ? 0xff : First);
            ((UCHAR *)RingPacketData(Entry))[24] = (UCHAR)(First & 8 ? 0xff : 0);
        }
        if (Program->Offloads && Length && Length <= RING_PACKET_MAX)
            Offer(Input, RingPacketData(Entry), Length);
    }
    if (First & 48 && Side->Next != Side->Own) /* the last one lies about its length: a little, or by anything */
        atomic_store(&Entry->Length, First & 16 ? Length + (uint32_t)(int8_t)FuzzByte(Input) : FuzzLong(Input));
    RingPublish(Side, Side->Next);
    SimEventSet(Program->Process, Program->ToStackPackets);
}

static VOID ReceiveSome(_Inout_ PROGRAM *Program)
{
    RING_SIDE *Side = &Program->ToApp;
    Side->Own = Side->Next = Side->Other = atomic_load(&Side->Ring->Head) & ~(RING_ALIGNMENT - 1);
    RING_PACKET *Entry;
    uint32_t Length;
    while (RingTake(Side, &Entry, &Length) == RING_OK)
    {
    }
    RingRelease(Side, Side->Next);
}

/* What the driver knows of its rings while it rests, whatever stands in them. */
static VOID CheckDriver(_In_ LAB *Lab)
{
    TUN_ADAPTER *Adapter = FuzzAdapter(Lab);
    TUN_SESSION *Session = Adapter->Session, *Monitor = Adapter->Monitor;
    ULONG Home = Adapter->Small.FreeCount + Adapter->Large.FreeCount, Held = FuzzStackHeld(Lab->Stack);
    for (const NET_BUFFER_LIST *List = Adapter->Small.Returned; List; List = List->Next)
        Home++;
    for (const NET_BUFFER_LIST *List = Adapter->Large.Returned; List; List = List->Next)
        Home++;
    LabCheck(Home + Held == TUN_SMALL_COUNT + TUN_LARGE_COUNT, "%u lists free, %u with the stack", Home, Held);
    if (Monitor)
    {
        LabCheck(Monitor->ToApp.Next - Monitor->ToApp.Other <= Monitor->ToApp.Capacity &&
                     Monitor->ToApp.Next == Monitor->ToApp.Own,
                 "monitor: published 0x%x, reserved 0x%x, seen 0x%x", Monitor->ToApp.Own, Monitor->ToApp.Next,
                 Monitor->ToApp.Other);
    }
    LabCheck(Session->ToStack.Other - Session->ToStack.Own <= Session->ToStack.Capacity &&
                 Session->ToStack.Next == Session->ToStack.Own,
             "to_stack: released 0x%x, taken 0x%x, seen 0x%x", Session->ToStack.Own, Session->ToStack.Next,
             Session->ToStack.Other);
    if (atomic_load(&Session->Dead))
        return; /* what was reserved is not published any more */
    LabCheck(Session->ToApp.Next - Session->ToApp.Other <= Session->ToApp.Capacity &&
                 Session->ToApp.Next == Session->ToApp.Own,
             "to_app: published 0x%x, reserved 0x%x, seen 0x%x", Session->ToApp.Own, Session->ToApp.Next,
             Session->ToApp.Other);
}

static VOID Start(_Inout_ PROGRAM *Program, _In_ LAB *Lab, _In_ ULONG Capacity)
{
    LabEqual(ProgramStart(Program, Capacity), STATUS_SUCCESS);
    TUN_SESSION *Session = Program->Monitor ? FuzzAdapter(Lab)->Monitor : FuzzAdapter(Lab)->Session;
    Arm(Program, (FUZZ){0});
    Hostile.Begin = Session->Memory;
    FuzzWatch(Session->Memory, Program->Size, Interfere);
}

static VOID Stop(_Inout_ PROGRAM *Program, _In_ BOOLEAN Ask)
{
    if (Ask)
        LabEqual(ProgramEnd(Program), STATUS_SUCCESS);
    else
        SimProcessKill(Program->Process);
    FuzzWatch(NULL, 0, NULL);
    Arm(NULL, (FUZZ){0});
}

VOID FuzzTarget(FUZZ *Input, LAB *Lab)
{
    ULONG Shape = FuzzByte(Input), Left = SENDS_MAX;
    BOOLEAN Paused = FALSE;
    PROGRAM Program, Other, *Carrier = Shape & 16 ? &Other : &Program; /* whose session carries packets */
    LabEqual(ProgramOpen(&Program, Lab->Path, SimSystem), STATUS_SUCCESS);
    Program.Hostile = TRUE;
    if (Carrier != &Program)
    {
        Program.Monitor = TRUE;
        LabEqual(ProgramOpen(&Other, Lab->Path, SimSystem), STATUS_SUCCESS);
    }
    ULONG Capacity = RING_CAPACITY_MIN;
    if (Shape & 32) /* super-packets; a monitor asks as well, and is granted none */
    {
        Carrier->Offloads = TUN_OFFLOAD_TO_STACK;
        Program.Offloads |= Shape & 16 ? TUN_OFFLOAD_TO_APP : 0;
        Capacity = TUN_OFFLOAD_CAPACITY_MIN;
    }
    if (Carrier != &Program)
        LabEqual(ProgramStart(&Other, Capacity), STATUS_SUCCESS);
    Start(&Program, Lab, Capacity << (Shape & 1));
    for (ULONG I = 0; FuzzMore(Input) && I < ACTIONS_MAX; I++)
    {
        ULONG Action = FuzzByte(Input), Count;
        switch (Action % 16)
        {
        case 0:
        case 1:
        case 2:
            SendSome(Carrier, Input);
            break;
        case 3:
        case 4:
        case 5:
            for (Count = 0; Count <= Action >> 4; Count++)
                Write(&Program, Input, NULL);
            break;
        case 6:
        case 7:
        case 8:
            Arm(&Program, FuzzPart(Input, 4 + (Action >> 4) * 4));
            continue; /* the thread still sleeps: its looks at an empty ring must not use the writes up */
        case 9:
        case 10:
            Count = min(1 + FuzzByte(Input) % 64, Left);
            Left -= Count;
            if (!Paused)
                FuzzStackSendPlain(Lab->Stack, Count, FuzzLength(Input), Action >> 7);
            break;
        case 11:
            ReceiveSome(Action & 16 ? Carrier : &Program);
            break;
        case 12:
            FuzzStackHold(Lab->Stack, !Paused && Action & 16);
            FuzzStackReturn(Lab->Stack, FuzzByte(Input), Action & 32);
            break;
        case 13:
            if (!Paused)
                FuzzPause(Lab);
            else
                LabRestart(Lab);
            Paused = !Paused;
            break;
        case 14:
            if (Action & 16)
            {
                ProgramStatistics(&Program);
                break;
            }
            Stop(&Program, TRUE);
            ProgramForget(&Program);
            Start(&Program, Lab, Capacity << (Action >> 5 & 1));
            break;
        default:
            break; /* the event alone */
        }
        SimEventSet(Carrier->Process, Carrier->ToStackPackets);
        FuzzSettle(Lab);
        if (!Paused)
            CheckDriver(Lab);
    }
    if (Paused)
        LabRestart(Lab);
    if (Shape & 2) /* the device goes under the program */
    {
        FuzzStackHold(Lab->Stack, FALSE);
        FuzzStackReturn(Lab->Stack, ~0u, TRUE);
        LabUnplug(Lab, Shape & 4);
        FuzzWatch(NULL, 0, NULL);
        Arm(NULL, (FUZZ){0});
    }
    else
    {
        Stop(&Program, Shape & 8);
    }
    ProgramClose(&Program);
    if (Carrier != &Program)
        ProgramClose(&Other);
}
