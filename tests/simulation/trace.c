/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of the driver's events: each is written when it should be, with the values that it should have, and is taken
 * apart here as a recording tool does, by nothing but the bytes that describe it. A flood of drops stays a trickle of
 * events, bytes of packets show only to who asks for them, and while nobody records nothing is written at all.
 */
#include "tests/simulation/lab.h"

SCENARIO TraceLife, TraceDrops, TraceFlood, TraceQuiet;

static const STACK_SHAPE One = {.Lists = 1, .Buffers = 1, .Parts = 1};
static const GUID Provider = {0x23b0b600, 0x8284, 0x5a1d, {0xce, 0xcc, 0xc8, 0x60, 0xe3, 0x21, 0xdd, 0x79}};
#define LIFE    1
#define OFFLOAD 2
#define DROP    4
#define PACKET  8

#define ADAPTER "NetLuid:HexInt64"
#define HEADER  ADAPTER " Type:UInt8 Revision:UInt8 Size:UInt16"
#define DROPPED ADAPTER " Total:UInt64 Length:UInt32 Status:HexInt32 Packet:Binary"

/* Every event there is: what a recording shows of it, told apart from the driver's own lists. */
static const struct
{
    PCSTR Name, Fields;
    UCHAR Level;
    ULONG Keyword;
} Known[] = {
    {"DriverStart", "Version:HexInt32 NdisVersion:HexInt32 Status:HexInt32", 4, LIFE},
    {"DriverStop", "Version:HexInt32", 4, LIFE},
    {"AdapterStart", ADAPTER " IfIndex:UInt32 Mtu:UInt32 Guid:GUID Status:HexInt32", 4, LIFE},
    {"AdapterRestart", ADAPTER, 4, LIFE},
    {"AdapterPause", ADAPTER, 4, LIFE},
    {"AdapterPower", ADAPTER " State:UInt32", 4, LIFE},
    {"AdapterRemoved", ADAPTER, 4, LIFE},
    {"AdapterHalt", ADAPTER, 4, LIFE},
    {"SessionStart", ADAPTER " ProcessId:UInt32 Flags:HexInt64 Capacity:UInt32 Status:HexInt32", 4, LIFE},
    {"SessionCorrupt", ADAPTER " ProcessId:UInt32 Reason:UInt32", 2, LIFE},
    {"SessionEnd", ADAPTER " ProcessId:UInt32 Flags:HexInt64 Reason:UInt32", 4, LIFE},
    {"Counters",
     ADAPTER " ToAppPackets:UInt64 ToAppBytes:UInt64 ToAppDropNoSession:UInt64 ToAppDropFull:UInt64 "
             "ToAppDropInvalid:UInt64 ToAppDropPaused:UInt64 ToStackPackets:UInt64 ToStackBytes:UInt64 "
             "ToStackDropInvalid:UInt64",
     4, LIFE | DROP},
    {"OffloadEncapsulation",
     HEADER " Ipv4Enabled:UInt32 Ipv4EncapsulationType:HexInt32 Ipv4HeaderSize:UInt32 Ipv6Enabled:UInt32 "
            "Ipv6EncapsulationType:HexInt32 Ipv6HeaderSize:UInt32",
     4, OFFLOAD},
    {"OffloadParameters",
     HEADER " IPv4Checksum:UInt8 TCPIPv4Checksum:UInt8 UDPIPv4Checksum:UInt8 TCPIPv6Checksum:UInt8 "
            "UDPIPv6Checksum:UInt8 LsoV1:UInt8 IPsecV1:UInt8 LsoV2IPv4:UInt8 LsoV2IPv6:UInt8 TcpConnectionIPv4:UInt8 "
            "TcpConnectionIPv6:UInt8 Padding:UInt8 Flags:HexInt32 IPsecV2:UInt8 IPsecV2IPv4:UInt8 RscIPv4:UInt8 "
            "RscIPv6:UInt8 EncapsulatedPacketTaskOffload:UInt8 EncapsulationTypes:UInt8 Padding2:UInt16 "
            "EncapsulationProtocolParameters:HexInt32 UdpSegmentationIPv4:UInt8 UdpSegmentationIPv6:UInt8 UdpRsc:UInt8 "
            "Padding3:UInt8",
     4, OFFLOAD},
    {"ToAppDropNoSession", DROPPED, 5, DROP},
    {"ToAppDropFull", DROPPED, 5, DROP},
    {"ToAppDropInvalid", DROPPED, 5, DROP},
    {"ToAppDropPaused", DROPPED, 5, DROP},
    {"ToStackDropInvalid", DROPPED, 5, DROP},
    {"MonitorDrops", DROPPED, 5, DROP},
};

static BOOLEAN Seen[ARRAYSIZE(Known)]; /* the scenarios that look at each must see each */

/* TraceLogging's types by their numbers: what they are called, and how many bytes they take (Binary: as many as it says). */
static const struct
{
    UCHAR Number;
    PCSTR Name;
    ULONG Size;
} Types[] = {{4, "UInt8", 1},   {6, "UInt16", 2}, {8, "UInt32", 4},    {10, "UInt64", 8},
             {14, "Binary", 0}, {15, "GUID", 16}, {20, "HexInt32", 4}, {21, "HexInt64", 8}};

/* An event, taken apart. */
typedef struct _DECODED
{
    CHAR Name[64], Fields[1024];
    struct
    {
        CHAR Name[64];
        ULONG64 Value; /* of a number */
        const UCHAR *Bytes;
        ULONG Size;
    } Field[32];
    ULONG Count;
    SIM_EVENT *Event;
} DECODED;

/* A name in what describes an event: its bytes up to a NUL. Returns the place behind it. */
static ULONG Name(_In_ const SIM_EVENT *Event, _In_ ULONG At, _Out_ CHAR *To, _In_ ULONG Size)
{
    ULONG Length = (ULONG)strnlen((PCSTR)Event->Metadata + At, Event->MetadataSize - At);
    LabCheck(Length > 0 && At + Length < Event->MetadataSize && Length < Size, "a name without an end, at %u", At);
    snprintf(To, Size, "%s", (PCSTR)Event->Metadata + At);
    return At + Length + 1;
}

/* Metadata: its size, tags, the event's name, then each field's name and type. Data: the fields' bytes, one after another. */
static VOID Decode(_In_ SIM_EVENT *Event, _Out_ DECODED *To)
{
    ULONG At = 2, Data = 0;
    memset(To, 0, sizeof(*To));
    To->Event = Event;
    LabEqual(Event->Descriptor.Channel, 11);
    LabEqual(Event->Descriptor.Id | Event->Descriptor.Version | Event->Descriptor.Opcode | Event->Descriptor.Task, 0);
    LabEqual(Event->TraitsSize, 2 + sizeof("plaintun"));
    LabEqual(Event->Traits[0] | Event->Traits[1] << 8, Event->TraitsSize);
    LabCheck(memcmp(Event->Traits + 2, "plaintun", sizeof("plaintun")) == 0, "another provider's name");
    LabCheck(Event->MetadataSize > 4, "no description");
    LabEqual(Event->Metadata[0] | Event->Metadata[1] << 8, Event->MetadataSize);
    while (Event->Metadata[At++] & 0x80) /* tags */
        ;
    At = Name(Event, At, To->Name, sizeof(To->Name));
    while (At < Event->MetadataSize && To->Count < ARRAYSIZE(To->Field))
    {
        ULONG I = To->Count++, Type = 0;
        At = Name(Event, At, To->Field[I].Name, sizeof(To->Field[I].Name));
        LabCheck(At < Event->MetadataSize, "a field without a type");
        while (Type < ARRAYSIZE(Types) && Types[Type].Number != Event->Metadata[At])
            Type++;
        LabCheck(Type < ARRAYSIZE(Types), "%s: unknown type %u", To->Field[I].Name, Event->Metadata[At]);
        At++;
        ULONG Size = Types[Type].Size;
        if (!Size)
        {
            LabCheck(Data + 2 <= Event->DataSize, "%s: no length", To->Name);
            Size = Event->Data[Data] | Event->Data[Data + 1] << 8;
            Data += 2;
        }
        LabCheck(Data + Size <= Event->DataSize, "%s: %s is not all there", To->Name, To->Field[I].Name);
        To->Field[I].Bytes = Event->Data + Data;
        To->Field[I].Size = Size;
        if (Size <= 8)
            memcpy(&To->Field[I].Value, Event->Data + Data, Size);
        Data += Size;
        snprintf(To->Fields + strlen(To->Fields), sizeof(To->Fields) - strlen(To->Fields), "%s%s:%s", I ? " " : "",
                 To->Field[I].Name, Types[Type].Name);
    }
    LabEqual(Data, Event->DataSize);
    for (ULONG I = 0; I < ARRAYSIZE(Known); I++)
    {
        if (strcmp(Known[I].Name, To->Name))
            continue;
        LabCheck(strcmp(Known[I].Fields, To->Fields) == 0, "%s has fields %s", To->Name, To->Fields);
        LabEqual(Event->Descriptor.Level, Known[I].Level);
        LabEqual(Event->Descriptor.Keyword, Known[I].Keyword);
        Seen[I] = TRUE;
        return;
    }
    LabFailed(__FILE__, __LINE__, "Known", "event %s is in no list", To->Name);
}

static ULONG64 Value(_In_ const DECODED *Event, _In_ PCSTR Field)
{
    for (ULONG I = 0; I < Event->Count; I++)
        if (strcmp(Event->Field[I].Name, Field) == 0)
            return Event->Field[I].Value;
    LabFailed(__FILE__, __LINE__, Field, "%s has no such field", Event->Name);
    return 0;
}

#define FIELD(Event, Field, Wanted) LabCheckEqual(__FILE__, __LINE__, #Field, Value(Event, #Field), (ULONG64)(Wanted))

/* The next event, which must be this one, of this adapter unless NetLuid is 0. Valid until the next call. What another thread
 * counts it writes an event of a moment later: that is waited for. */
static const DECODED *Next(_In_ PCSTR Wanted, _In_ ULONG64 NetLuid)
{
    static DECODED Event;
    SIM_EVENT *Taken = SimTraceTake();
    for (ULONG I = 0; !Taken && I < 5000; I++)
    {
        LabSleep(1000);
        Taken = SimTraceTake();
    }
    SimTraceFree(Event.Event);
    Event.Event = NULL;
    if (!Taken)
    {
        LabFailed(__FILE__, __LINE__, Wanted, "no event is left");
        return &Event;
    }
    Decode(Taken, &Event);
    LabCheck(strcmp(Event.Name, Wanted) == 0, "%s comes in the place of %s", Event.Name, Wanted);
    if (NetLuid)
        FIELD(&Event, NetLuid, NetLuid);
    return &Event;
}

static VOID NoneLeft(VOID)
{
    SIM_EVENT *Event = SimTraceTake();
    LabCheck(!Event, "events are left");
    while (Event)
    {
        SimTraceFree(Event);
        Event = SimTraceTake();
    }
}

static NDIS_STATUS SetOid(_In_ LAB *Lab, _In_ NDIS_OID Oid, _In_ PVOID Data, _In_ ULONG Length)
{
    ULONG Done, Needed;
    return HostOid(StackAdapter(Lab->Stack), NdisRequestSetInformation, Oid, Data, Length, &Done, &Needed);
}

/* A driver's life under a recorder that was there first, from its start to its end. */
VOID TraceLife(VOID)
{
    NDIS_OFFLOAD_ENCAPSULATION Encapsulation = {
        .Header = {.Type = NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, .Revision = 1, .Size = sizeof(Encapsulation)},
        .IPv4 = {1, NDIS_ENCAPSULATION_IEEE_802_3, 14},
        .IPv6 = {2, NDIS_ENCAPSULATION_NULL, 0}};
    NDIS_OFFLOAD_PARAMETERS Parameters = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT, .Revision = 5, .Size = 34},
                                          .IPv4Checksum = 1,
                                          .UDPIPv6Checksum = 4,
                                          .LsoV2IPv4 = 2,
                                          .Flags = 1,
                                          .RscIPv6 = 2,
                                          .UdpSegmentation = {1, 2},
                                          .UdpRsc = {2}};
    SimTraceStart(&Provider, 5, LIFE | OFFLOAD | DROP);
    LAB Lab;
    LabLoad(&Lab);
    const DECODED *Event = Next("DriverStart", 0);
    FIELD(Event, Version, PLAINTUN_VERSION_MAJOR << 16 | PLAINTUN_VERSION_MINOR);
    FIELD(Event, NdisVersion, NdisGetVersion());
    FIELD(Event, Status, NDIS_STATUS_SUCCESS);

    LabPlug(&Lab, 7);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    TUN_QUERY Query = ProgramQuery(&Program);
    TUN_GUID Guid = LabGuid(7);
    Event = Next("AdapterStart", Query.NetLuid);
    FIELD(Event, IfIndex, Query.IfIndex);
    FIELD(Event, Mtu, Query.Mtu);
    FIELD(Event, Status, STATUS_SUCCESS);
    LabCheck(Event->Field[3].Size == sizeof(Guid) && memcmp(Event->Field[3].Bytes, &Guid, sizeof(Guid)) == 0,
             "another GUID");
    Next("AdapterRestart", Query.NetLuid);
    Next("OffloadEncapsulation", Query.NetLuid);

    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    ULONG Own = ProgramQuery(&Program).SessionProcessId;
    Event = Next("SessionStart", Query.NetLuid);
    FIELD(Event, ProcessId, Own);
    FIELD(Event, Capacity, RING_CAPACITY_MIN);
    FIELD(Event, Flags, 0);
    FIELD(Event, Status, STATUS_SUCCESS);
    PROGRAM Other;
    LabEqual(ProgramOpen(&Other, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Other, 2 * RING_CAPACITY_MIN), STATUS_DEVICE_BUSY);
    Event = Next("SessionStart", Query.NetLuid);
    ULONG Others = (ULONG)Value(Event, "ProcessId");
    LabCheck(Others != Own, "the other's process");
    FIELD(Event, Capacity, 2 * RING_CAPACITY_MIN);
    FIELD(Event, Status, (ULONG)STATUS_DEVICE_BUSY);
    PROGRAM Monitor;
    LabEqual(ProgramOpen(&Monitor, Lab.Path, SimSystem), STATUS_SUCCESS);
    Monitor.Monitor = TRUE;
    LabEqual(ProgramStart(&Monitor, RING_CAPACITY_MIN), STATUS_SUCCESS);
    ULONG Monitors = ProgramQuery(&Monitor).MonitorProcessId;
    Event = Next("SessionStart", Query.NetLuid);
    FIELD(Event, ProcessId, Monitors);
    FIELD(Event, Flags, TUN_START_MONITOR);

    LabPause(&Lab);
    Next("AdapterPause", Query.NetLuid);
    LabEqual(LabSetPower(&Lab, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    FIELD(Next("AdapterPower", Query.NetLuid), State, NdisDeviceStateD3);
    LabEqual(LabSetPower(&Lab, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    FIELD(Next("AdapterPower", Query.NetLuid), State, NdisDeviceStateD0);
    LabRestart(&Lab);
    Next("AdapterRestart", Query.NetLuid);

    /* The fact that nobody has: with which encapsulation Windows asks. */
    SetOid(&Lab, OID_OFFLOAD_ENCAPSULATION, &Encapsulation, sizeof(Encapsulation));
    Event = Next("OffloadEncapsulation", Query.NetLuid);
    FIELD(Event, Revision, 1);
    FIELD(Event, Ipv4Enabled, 1);
    FIELD(Event, Ipv4EncapsulationType, NDIS_ENCAPSULATION_IEEE_802_3);
    FIELD(Event, Ipv4HeaderSize, 14);
    FIELD(Event, Ipv6Enabled, 2);
    FIELD(Event, Ipv6EncapsulationType, NDIS_ENCAPSULATION_NULL);
    FIELD(Event, Ipv6HeaderSize, 0);
    SetOid(&Lab, OID_TCP_OFFLOAD_PARAMETERS, &Parameters, sizeof(Parameters));
    Event = Next("OffloadParameters", Query.NetLuid);
    FIELD(Event, Size, 34);
    FIELD(Event, IPv4Checksum, 1);
    FIELD(Event, TCPIPv4Checksum, 0);
    FIELD(Event, UDPIPv6Checksum, 4);
    FIELD(Event, LsoV2IPv4, 2);
    FIELD(Event, Flags, 1);
    FIELD(Event, RscIPv4, 0);
    FIELD(Event, RscIPv6, 2);
    FIELD(Event, UdpSegmentationIPv4, 1);
    FIELD(Event, UdpSegmentationIPv6, 2);
    FIELD(Event, UdpRsc, 2);
    for (ULONG Length = 0; Length < 20; Length += 12) /* too short to be taken: nothing is read of it */
    {
        UCHAR *Short = malloc(Length + 1);
        memcpy(Short, &Parameters, Length);
        SetOid(&Lab, OID_TCP_OFFLOAD_PARAMETERS, Short, Length);
        Event = Next("OffloadParameters", Query.NetLuid);
        FIELD(Event, Revision, 0);
        FIELD(Event, UDPIPv6Checksum, 0);
        FIELD(Event, Flags, 0);
        FIELD(Event, UdpRsc, 0);
        free(Short);
    }

    /* Each side corrupts its ring: it is told at once, and once more at the end. */
    atomic_store(&Program.ToStack.Ring->Tail, 3);
    LabEqual(SimEventSet(Program.Process, Program.ToStackPackets), STATUS_SUCCESS);
    LabUntil(atomic_load(&Program.ToStack.Ring->Closed) != 0);
    Event = Next("SessionCorrupt", Query.NetLuid);
    FIELD(Event, ProcessId, Own);
    FIELD(Event, Reason, TUN_CLOSED_CORRUPT_TOSTACK);
    ProgramClose(&Program);
    Event = Next("SessionEnd", Query.NetLuid);
    FIELD(Event, ProcessId, Own);
    FIELD(Event, Flags, 0);
    FIELD(Event, Reason, TUN_CLOSED_CORRUPT_TOSTACK);
    Next("Counters", Query.NetLuid);
    ProgramClose(&Other);
    ProgramClose(&Monitor);
    Event = Next("SessionEnd", Query.NetLuid);
    FIELD(Event, ProcessId, Monitors);
    FIELD(Event, Flags, TUN_START_MONITOR);
    FIELD(Event, Reason, TUN_CLOSED_ENDED);

    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    FIELD(Next("SessionStart", Query.NetLuid), Status, STATUS_SUCCESS);
    LabEqual(SimPnp(Lab.Pdo, IRP_MN_SURPRISE_REMOVAL), STATUS_SUCCESS);
    Next("AdapterRemoved", Query.NetLuid);
    FIELD(Next("SessionEnd", Query.NetLuid), Reason, TUN_CLOSED_REMOVED);
    Next("Counters", Query.NetLuid);
    ProgramClose(&Program);
    LabEqual(SimPnp(Lab.Pdo, IRP_MN_REMOVE_DEVICE), STATUS_SUCCESS);
    SimDeleteDevice(Lab.Pdo);
    Next("AdapterPause", Query.NetLuid);
    Next("AdapterHalt", Query.NetLuid);
    LabUnload(&Lab);
    Next("DriverStop", 0);
    NoneLeft();
    SimTraceStop(&Provider);
    for (ULONG I = 0; I < ARRAYSIZE(Known); I++)
        LabCheck(Seen[I] || Known[I].Keyword == DROP, "%s was never seen", Known[I].Name);
}

VOID TraceAll(BOOLEAN On)
{
    if (On)
    {
        SimTraceStart(&Provider, 0, 0);
        return;
    }
    SimTraceStop(&Provider);
    for (SIM_EVENT *Event = SimTraceTake(); Event; Event = SimTraceTake())
        SimTraceFree(Event);
}

/* The next event, a drop's. Its counter in the structure that programs get has the same name. */
static const DECODED *NextDrop(_In_ PCSTR Kind, _In_ const TUN_QUERY *Query, _In_ ULONG64 Total, _In_ ULONG Length,
                               _In_ ULONG Status)
{
    const DECODED *Event = Next(Kind, Query->NetLuid);
    FIELD(Event, Total, Total);
    FIELD(Event, Length, Length);
    FIELD(Event, Status, Status);
    return Event;
}

static void *Pauses(void *Lab)
{
    LabPause(Lab);
    return NULL;
}

/* One packet of each kind that is dropped; Packets: whether its bytes are to show. */
static VOID DropEach(_In_ BOOLEAN Packets)
{
    UCHAR Bad[64];
    for (ULONG I = 0; I < sizeof(Bad); I++)
        Bad[I] = (UCHAR)(0x20 + I); /* version 2 */
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    TUN_QUERY Query = ProgramQuery(&Program);
    ULONG64 Random = LabSeed(), Sequence = 0, ToStack = 0;
    StackSend(Lab.Stack, &(STACK_SHAPE){.Lists = 3, .Buffers = 2}, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
    const DECODED *Event = NextDrop("ToAppDropNoSession", &Query, 6, 0, (ULONG)NDIS_STATUS_MEDIA_DISCONNECTED);
    LabEqual(Event->Event->Irql, DISPATCH_LEVEL);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);

    StackSend(Lab.Stack, &One, sizeof(Bad), FALSE, 1, &Sequence, Bad, &Random, NULL);
    Event = NextDrop("ToAppDropInvalid", &Query, 1, sizeof(Bad), (ULONG)NDIS_STATUS_INVALID_PACKET);
    LabEqual(Event->Field[4].Size, Packets ? 40 : 0);
    LabCheck(memcmp(Event->Field[4].Bytes, Bad, Event->Field[4].Size) == 0, "other bytes");
    LabCheck(ProgramSendBytes(&Program, Bad, 24), "closed");
    LabUntil(ProgramStatistics(&Program).Adapter.ToStackDropInvalid == 1);
    Event = NextDrop("ToStackDropInvalid", &Query, 1, 24, 0);
    LabEqual(Event->Field[4].Size, Packets ? 24 : 0);
    LabCheck(memcmp(Event->Field[4].Bytes, Bad, Event->Field[4].Size) == 0, "other bytes");

    NDIS_STATUS Status;
    do
        StackSend(Lab.Stack, &One, 60000, FALSE, 1, &Sequence, NULL, &Random, &Status);
    while (Status == NDIS_STATUS_SUCCESS);
    Event = NextDrop("ToAppDropFull", &Query, 1, 60000, (ULONG)NDIS_STATUS_RESOURCES);
    LabEqual(Event->Field[4].Size, Packets ? 40 : 0);
    LabCheck(!Packets || Event->Field[4].Bytes[0] == 0x45, "other bytes");
    ProgramReceive(&Program);

    PROGRAM Monitor;
    LabEqual(ProgramOpen(&Monitor, Lab.Path, SimSystem), STATUS_SUCCESS);
    Monitor.Monitor = TRUE;
    LabEqual(ProgramStart(&Monitor, RING_CAPACITY_MIN), STATUS_SUCCESS);
    while (ProgramStatistics(&Monitor).MonitorDrops == 0)
    {
        StackSend(Lab.Stack, &One, 60000, FALSE, 1, &Sequence, NULL, &Random, NULL);
        ProgramReceive(&Program);
    }
    NextDrop("MonitorDrops", &Query, 1, 60000, 0);
    ProgramClose(&Monitor);

    /* A list with the stack keeps the pause from completing, so that a send can be late. */
    StackHold(Lab.Stack, StackHoldsAll);
    LabCheck(ProgramSend(&Program, 1, 100, FALSE, 1, &ToStack), "closed");
    LabUntil(StackHeld(Lab.Stack) == 1);
    LAB_THREAD Pausing = LabStart(Pauses, &Lab);
    LabUntil(ProgramQuery(&Program).Running == 0);
    do
    {
        StackSendLate(Lab.Stack, &Random, &Status);
        ProgramReceive(&Program);
    } while (Status == NDIS_STATUS_SUCCESS);
    NextDrop("ToAppDropPaused", &Query, 1, 0, (ULONG)NDIS_STATUS_PAUSED);
    StackHold(Lab.Stack, StackReturnsAtOnce);
    LabJoin(Pausing);
    LabRestart(&Lab);

    /* At the session's end the counters are told, drops that no event was written of among them. */
    StackSend(Lab.Stack, &(STACK_SHAPE){.Lists = 9, .Buffers = 1}, sizeof(Bad), FALSE, 1, &Sequence, Bad, &Random,
              NULL);
    TUN_COUNTERS Counters = ProgramStatistics(&Program).Adapter;
    LabEqual(Counters.ToAppDropInvalid, 10);
    ProgramClose(&Program);
    SIM_EVENT *More = SimTraceTake();
    while (More && More->Descriptor.Level == 5) /* on a slow machine a second has passed */
    {
        SimTraceFree(More);
        More = SimTraceTake();
    }
    LabCheck(More != NULL, "no counters");
    if (More)
    {
        DECODED Last;
        Decode(More, &Last);
        LabCheck(strcmp(Last.Name, "Counters") == 0, "%s", Last.Name);
        LabEqual(Last.Count, 1 + sizeof(Counters) / sizeof(ULONG64));
        LabCheck(memcmp(Last.Field[1].Bytes, &Counters, sizeof(Counters)) == 0, "other counters");
    }
    SimTraceFree(More);
    LabClose(&Lab);
    NoneLeft();
}

/* A keyword mask of 0 records everything, but is nobody's word for wanting to see packets. */
static VOID DropUnasked(VOID)
{
    static const UCHAR Bad[64];
    SimTraceStart(&Provider, 0, 0);
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    ULONG64 Random = LabSeed(), Sequence = 0;
    StackSend(Lab.Stack, &One, sizeof(Bad), FALSE, 1, &Sequence, Bad, &Random, NULL);
    ProgramClose(&Program);
    LabClose(&Lab);
    ULONG Drops = 0;
    for (SIM_EVENT *Event = SimTraceTake(); Event; Event = SimTraceTake())
    {
        DECODED Decoded;
        Decode(Event, &Decoded);
        if (strcmp(Decoded.Name, "ToAppDropInvalid") == 0)
        {
            LabEqual(Decoded.Field[4].Size, 0);
            Drops++;
        }
        SimTraceFree(Event);
    }
    LabEqual(Drops, 1);
    SimTraceStop(&Provider);
}

VOID TraceDrops(VOID)
{
    SimTraceStart(&Provider, 5, DROP | PACKET);
    DropEach(TRUE);
    SimTraceStart(&Provider, 5, DROP); /* who records changes while nothing is loaded */
    DropEach(FALSE);
    SimTraceStop(&Provider);
    DropUnasked();
    for (ULONG I = 0; I < ARRAYSIZE(Known); I++)
        LabCheck(Seen[I] || Known[I].Keyword != DROP, "%s was never seen", Known[I].Name);
}

static BACKEND *FloodStack;
static _Atomic(ULONG64) FloodSent;

static void *Flood(void *Context)
{
    ULONG64 Random = LabSeed() + (ULONG_PTR)Context, Sequence = 0;
    for (ULONG I = 0; I < 3000; I++)
        if (StackSend(FloodStack, &(STACK_SHAPE){.Lists = 8, .Buffers = 1}, 100, FALSE, 1, &Sequence, NULL, &Random,
                      NULL))
            atomic_fetch_add(&FloodSent, 8);
    return NULL;
}

/* Four senders, each of whose packets is dropped, while recording begins and ends: an event a second, whose totals grow. */
VOID TraceFlood(VOID)
{
    LAB Lab;
    LabOpen(&Lab);
    FloodStack = Lab.Stack;
    FloodSent = 0;
    SimTraceStart(&Provider, 0, 0);
    ULONG64 Begin = KeQueryUnbiasedInterruptTime();
    LAB_THREAD Threads[4];
    for (ULONG_PTR I = 0; I < ARRAYSIZE(Threads); I++)
        Threads[I] = LabStart(Flood, (void *)I);
    LabSleep(1100000); /* more than a second: there is a second event, if the flood lasts that long */
    SimTraceStop(&Provider);
    SimTraceStart(&Provider, 0, 0);
    for (ULONG I = 0; I < ARRAYSIZE(Threads); I++)
        LabJoin(Threads[I]);
    LabSleep(1100000);
    Flood(NULL);
    ULONG64 End = KeQueryUnbiasedInterruptTime();
    ULONG64 Total = 0;
    ULONG Events = 0;
    for (SIM_EVENT *Event = SimTraceTake(); Event; Event = SimTraceTake())
    {
        DECODED Decoded;
        Decode(Event, &Decoded);
        LabCheck(strcmp(Decoded.Name, "ToAppDropNoSession") == 0, "%s", Decoded.Name);
        LabCheck(Value(&Decoded, "Total") > Total, "the total does not grow");
        Total = Value(&Decoded, "Total");
        Events++;
        SimTraceFree(Event);
    }
    SimTraceStop(&Provider);
    LabCheck(Events >= 2 && Events <= (End - Begin) / 10000000 + 1, "%u events in %llu ms", Events,
             (End - Begin) / 10000);
    LabCheck(Total <= FloodSent, "%llu of %llu", Total, (ULONG64)FloodSent);
    LabClose(&Lab);
    NoneLeft();
}

/* Nobody records, or somebody records another provider, or has ended: the driver does not even ask ETW. Who records less gets
 * less. */
VOID TraceQuiet(VOID)
{
    static const GUID Another = {0x23b0b600, 0x8284, 0x5a1d, {0xce, 0xcc, 0xc8, 0x60, 0xe3, 0x21, 0xdd, 0x7a}};
    static const UCHAR Bad[64];
    ULONG64 Random = LabSeed(), Sequence = 0, Before = SimTraceWritten();
    SimTraceStart(&Another, 5, ~0ull >> 16);
    for (ULONG Round = 0; Round < 2; Round++)
    {
        LAB Lab;
        LabOpen(&Lab);
        SimTraceStop(&Provider); /* in the second round: who records while the driver starts, and ends it */
        ULONG64 Started = SimTraceWritten();
        LabEqual(Started > Before, Round == 1);
        StackSend(Lab.Stack, &One, sizeof(Bad), FALSE, 1, &Sequence, Bad, &Random, NULL);
        PROGRAM Program;
        LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
        LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
        StackSend(Lab.Stack, &One, sizeof(Bad), FALSE, 1, &Sequence, Bad, &Random, NULL);
        LabCheck(ProgramSendBytes(&Program, Bad, 24), "closed");
        LabUntil(ProgramStatistics(&Program).Adapter.ToStackDropInvalid == 1);
        ProgramClose(&Program);
        LabClose(&Lab);
        LabEqual(SimTraceWritten(), Started);
        SimTraceStart(&Provider, 2, LIFE); /* errors only: there are none */
        LabEqual(SimTraceTake() != NULL, FALSE);
    }
    LAB Lab;
    LabOpen(&Lab);
    LabClose(&Lab);
    SimTraceStop(&Provider);
    NoneLeft();
}
