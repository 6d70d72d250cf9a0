/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of what seldom happens: packets to many, packets shorter than their lists say, opens that no ordinary program
 * makes, a removal that a program overtakes, a session that ends while it dies, and handlers that have nothing to do.
 */
#include "tests/simulation/lab.h"

SCENARIO Casts, ShortChains, OddOpens, NoLists, OvertakenRemoval, EndWhileDying, IdleHandlers, DropStatistics,
    OthersComeAndGo;

typedef enum _CAST
{
    UNICAST,
    MULTICAST,
    BROADCAST,
    CASTS
} CAST;

static NDIS_STATISTICS_INFO Statistics(_In_ LAB *Lab)
{
    NDIS_STATISTICS_INFO Info = {0};
    ULONG Done, Needed;
    LabEqual(HostOid(StackAdapter(Lab->Stack), NdisRequestQueryInformation, OID_GEN_STATISTICS, &Info, sizeof(Info),
                     &Done, &Needed),
             NDIS_STATUS_SUCCESS);
    return Info;
}

VOID Casts(VOID)
{
    static const STACK_SHAPE One = {.Lists = 1, .Buffers = 1, .Parts = 1};
    /* The destination's first byte, those between, and the last. */
    static const struct
    {
        UCHAR Version, First, Middle, Last;
        CAST Cast;
    } Cases[] = {{4, 10, 0, 1, UNICAST},        {4, 223, 255, 255, UNICAST}, {4, 224, 0, 0, MULTICAST},
                 {4, 239, 255, 255, MULTICAST}, {4, 240, 0, 0, UNICAST},     {4, 255, 255, 254, UNICAST},
                 {4, 255, 255, 255, BROADCAST}, {4, 254, 255, 255, UNICAST}, {4, 255, 254, 255, UNICAST},
                 {6, 0xff, 0, 1, MULTICAST},    {6, 0xfe, 0x80, 1, UNICAST}, {6, 0xff, 0xff, 0xff, MULTICAST},
                 {6, 0x20, 0xff, 0xff, UNICAST}};
    ULONG64 Random = LabSeed(), Sequence = 0, Packets[CASTS] = {0}, Octets[CASTS] = {0};
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    NDIS_STATISTICS_INFO Info;
    for (ULONG I = 0; I < ARRAYSIZE(Cases); I++)
    {
        UCHAR Packet[128] = {0};
        BOOLEAN IsIpv6 = Cases[I].Version == 6;
        ULONG Length = IsIpv6 ? PACKET_V6_MIN : PACKET_V4_MIN, Size = IsIpv6 ? 16 : 4;
        UCHAR *Destination = Packet + (IsIpv6 ? 24 : 16);
        Packet[0] = IsIpv6 ? 0x60 : 0x45;
        memset(Destination, Cases[I].Middle, Size);
        Destination[0] = Cases[I].First;
        Destination[Size - 1] = Cases[I].Last;
        LabCheck(StackSend(Lab.Stack, &One, Length, IsIpv6, 0, &Sequence, Packet, &Random, NULL), "paused");
        LabEqual(ProgramReceive(&Program), 1);
        LabCheck(ProgramSendBytes(&Program, Packet, Length), "closed");
        LabUntil(StackRead(Lab.Stack).Received == I + 1);
        Packets[Cases[I].Cast]++;
        Octets[Cases[I].Cast] += Length;
        Info = Statistics(&Lab);
        LabCheck(Info.ifHCOutUcastPkts == Packets[UNICAST] && Info.ifHCOutMulticastPkts == Packets[MULTICAST] &&
                     Info.ifHCOutBroadcastPkts == Packets[BROADCAST],
                 "case %u", I);
    }
    Info = Statistics(&Lab);
    LabEqual(Info.ifHCOutUcastOctets, Octets[UNICAST]);
    LabEqual(Info.ifHCOutMulticastOctets, Octets[MULTICAST]);
    LabEqual(Info.ifHCOutBroadcastOctets, Octets[BROADCAST]);
    LabEqual(Info.ifHCInUcastPkts, Packets[UNICAST]);
    LabEqual(Info.ifHCInMulticastPkts, Packets[MULTICAST]);
    LabEqual(Info.ifHCInBroadcastPkts, Packets[BROADCAST]);
    LabEqual(Info.ifHCInUcastOctets, Octets[UNICAST]);
    LabEqual(Info.ifHCInMulticastOctets, Octets[MULTICAST]);
    LabEqual(Info.ifHCInBroadcastOctets, Octets[BROADCAST]);
    LabEqual(Info.ifHCInOctets, Program.ReceivedOctets);
    LabEqual(Info.ifHCOutOctets, Program.ReceivedOctets);
    LabEqual(Info.ifInErrors + Info.ifOutErrors + Info.ifInDiscards + Info.ifOutDiscards, 0);
    LabBalance(&Lab, &Program);
    ProgramClose(&Program);
    LabClose(&Lab);
}

VOID ShortChains(VOID)
{
    static const STACK_SHAPE Good = {.Lists = 1, .Buffers = 1, .Parts = 1};
    static const ULONG Lengths[] = {20, 39, 40, 41, 100, 3000};
    ULONG64 Random = LabSeed(), Sequence = 0;
    ULONG Bad = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    for (ULONG I = 0; I < ARRAYSIZE(Lengths); I++)
    {
        for (ULONG Parts = 1; Parts < 4; Parts++)
        {
            STACK_SHAPE Short = {.Lists = 2, .Buffers = 1, .Parts = Parts, .Missing = 1 + LabRandom(&Random) % 60};
            uint32_t Next = Program.ToApp.Own;
            NDIS_STATUS Status;
            StackSend(Lab.Stack, &Short, Lengths[I], FALSE, 0, &Sequence, NULL, &Random, &Status);
            LabEqual(Status, NDIS_STATUS_INVALID_PACKET);
            LabEqual(ProgramReceive(&Program), 0);
            LabEqual(atomic_load(&Program.ToApp.Ring->Tail), Next);
            Bad += 2;
            StackSend(Lab.Stack, &Good, Lengths[I], FALSE, 1, &Sequence, NULL, &Random, &Status);
            LabEqual(Status, NDIS_STATUS_SUCCESS);
            LabEqual(ProgramReceive(&Program), 1);
        }
    }
    LabEqual(ProgramStatistics(&Program).Session.ToAppDropInvalid, Bad);
    LabEqual(Statistics(&Lab).ifOutErrors, Bad);
    LabBalance(&Lab, &Program);
    ProgramClose(&Program);
    LabClose(&Lab);
}

/* Sends a create request straight to the device that Program has open. */
static NTSTATUS Create(_In_ const PROGRAM *Program, _In_ BOOLEAN Relative)
{
    KAPC_STATE State;
    KeStackAttachProcess(Program->Process, &State);
    VOID *Object;
    LabEqual(ObReferenceObjectByHandle(Program->File, 0, *IoFileObjectType, KernelMode, &Object, NULL), STATUS_SUCCESS);
    KeUnstackDetachProcess(&State);
    FILE_OBJECT *Open = Object;
    DEVICE_OBJECT *Device = Open->DeviceObject;
    FILE_OBJECT File = {.DeviceObject = Device, .RelatedFileObject = Relative ? Open : NULL};
    IRP *Irp = IoAllocateIrp(Device->StackSize, FALSE);
    *IoGetNextIrpStackLocation(Irp) = (IO_STACK_LOCATION){.MajorFunction = IRP_MJ_CREATE, .FileObject = &File};
    NTSTATUS Status = IoCallDriver(Device, Irp);
    LabEqual(Irp->IoStatus.Status, Status);
    LabEqual(Irp->IoStatus.Information, 0);
    IoFreeIrp(Irp);
    ObDereferenceObject(Open);
    LabOperations(1);
    return Status;
}

VOID OddOpens(VOID)
{
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(Create(&Program, FALSE), STATUS_SUCCESS);
    LabEqual(Create(&Program, TRUE), STATUS_OBJECT_NAME_INVALID);
    LabUnplug(&Lab, TRUE);
    /* An open that was under way when the adapter went. */
    LabEqual(Create(&Program, FALSE), STATUS_DEVICE_NOT_READY);
    ProgramClose(&Program);
    LabUnload(&Lab);
}

/* Descriptors that Windows finds valid, and that would let everybody in. */
VOID NoLists(VOID)
{
    static const UCHAR Descriptors[][20] = {{1, 0, 0x04, 0x80}, {1, 0, 0x00, 0x80}};
    TUN_GUID Guid = LabGuid(7);
    LAB Lab;
    LabLoad(&Lab);
    for (ULONG I = 0; I < ARRAYSIZE(Descriptors); I++)
    {
        SIM_PROPERTY Properties[] = {LabGuidProperty(&Guid), LabAccessProperty(Descriptors[I], sizeof(Descriptors[I]))};
        DEVICE_OBJECT *Pdo;
        LabCheck(!NT_SUCCESS(LabAddDevice(Lab.Driver, Properties, ARRAYSIZE(Properties), &Pdo)), "case %u starts", I);
    }
    LabUnload(&Lab);
}

VOID OvertakenRemoval(VOID)
{
    static const STACK_SHAPE Shape = {.Lists = 2, .Buffers = 3};
    ULONG64 Random = LabSeed(), Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    NDIS_STATUS Status;
    StackSend(Lab.Stack, &Shape, 100, FALSE, 1, &Sequence, NULL, &Random, &Status);
    LabEqual(Status, NDIS_STATUS_MEDIA_DISCONNECTED);
    LabEqual(ProgramStatistics(&Program).Adapter.ToAppDropNoSession, 6);
    /* An event that means nothing to us. */
    HostAdapterPnpEvent(StackAdapter(Lab.Stack), NdisDevicePnPEventPowerProfileChanged);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    HostAdapterPnpEvent(StackAdapter(Lab.Stack), NdisDevicePnPEventPowerProfileChanged);
    LabEqual(RingClosed(Program.ToApp.Ring), 0);
    /* The device has gone; NDIS has not paused and halted the adapter yet. */
    HostAdapterPnpEvent(StackAdapter(Lab.Stack), NdisDevicePnPEventSurpriseRemoved);
    LabEqual(RingClosed(Program.ToApp.Ring), TUN_CLOSED_REMOVED);
    LabEqual(RingClosed(Program.ToStack.Ring), TUN_CLOSED_REMOVED);
    LabEqual(ProgramQuery(&Program).SessionActive, 0);
    StackSend(Lab.Stack, &Shape, 100, FALSE, 1, &Sequence, NULL, &Random, &Status);
    LabEqual(Status, NDIS_STATUS_NOT_ACCEPTED);
    LabEqual(ProgramStatistics(&Program).Adapter.ToAppDropNoSession, 12);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_DEVICE_REMOVED);
    LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
    ProgramClose(&Program);
    LabUnplug(&Lab, TRUE);
    LabUnload(&Lab);
}

/* The stack finds the ring corrupt and the program ends the session at once: whichever comes first, the reason given is
 * that of the one, the link goes down once, and nothing is left. */
VOID EndWhileDying(VOID)
{
    static const STACK_SHAPE Shape = {.Lists = 8, .Buffers = 1, .Parts = 1};
    ULONG64 Random = LabSeed(), Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    Program.Hostile = TRUE;
    for (ULONG I = 0; I < LabScale(60); I++)
    {
        LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
        atomic_store(&Program.ToApp.Ring->Head, 8);
        for (ULONG J = 0; J < 2; J++)
            StackSend(Lab.Stack, &Shape, 9000, FALSE, 1, &Sequence, NULL, &Random, NULL);
        if (I % 3 == 0)
            LabSleep(LabRandom(&Random) % 200);
        LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
        LabEqual(RingClosed(Program.ToApp.Ring), TUN_CLOSED_CORRUPT_TOAPP);
        LabEqual(RingClosed(Program.ToStack.Ring), TUN_CLOSED_CORRUPT_TOAPP);
        LabCheck(!StackLinkUp(Lab.Stack), "the link stays up");
        ProgramForget(&Program);
    }
    ProgramClose(&Program);
    LabClose(&Lab);
}

/* NDIS may call them at any time; there is never anything that waits, or any hardware. */
VOID IdleHandlers(VOID)
{
    ULONG Value = 0;
    LAB Lab;
    LabOpen(&Lab);
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Handlers = &StackAdapter(Lab.Stack)->Driver->Characteristics;
    NDIS_HANDLE Context = StackAdapter(Lab.Stack)->Context;
    Handlers->CancelSendHandler(Context, NULL);
    Handlers->CancelOidRequestHandler(Context, NULL);
    for (ULONG Length = 0; Length < sizeof(Value); Length++)
    {
        ULONG Done, Needed;
        LabEqual(HostOid(StackAdapter(Lab.Stack), NdisRequestSetInformation, OID_PNP_SET_POWER, &Value, Length, &Done,
                         &Needed),
                 NDIS_STATUS_INVALID_LENGTH);
        LabEqual(Needed, sizeof(Value));
    }
    LabClose(&Lab);
    LabOpen(&Lab);
    Handlers = &StackAdapter(Lab.Stack)->Driver->Characteristics;
    Handlers->ShutdownHandlerEx(StackAdapter(Lab.Stack)->Context, NdisShutdownPowerOff);
    LabClose(&Lab);
}

VOID DropStatistics(VOID)
{
    static const STACK_SHAPE Shape = {.Lists = 8, .Buffers = 2};
    ULONG64 Random = LabSeed(), Sequence = 0;
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    StackSend(Lab.Stack, &Shape, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
    LabEqual(Statistics(&Lab).ifOutDiscards, 16);
    LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
    for (ULONG I = 0; I < 8; I++)
        StackSend(Lab.Stack, &Shape, 2000, FALSE, 1, &Sequence, NULL, &Random, NULL);
    TUN_COUNTERS Counters = ProgramStatistics(&Program).Adapter;
    ULONG64 Dropped = Counters.ToAppDropNoSession + Counters.ToAppDropFull;
    LabCheck(Counters.ToAppDropFull > 0, "the ring is not full");
    LabEqual(Dropped + Counters.ToAppPackets, StackRead(Lab.Stack).Sent);
    LabEqual(Statistics(&Lab).ifOutDiscards, Dropped);
    LabEqual(ProgramReceive(&Program), Counters.ToAppPackets);
    LabBalance(&Lab, &Program);
    ProgramClose(&Program);
    LabClose(&Lab);
}

typedef struct _ASKER
{
    PROGRAM Old, New; /* the adapter of the one has gone, that of the other stays */
    _Atomic(ULONG) Stop;
} ASKER;

static void *Asks(void *Context)
{
    ASKER *Asker = Context;
    while (!atomic_load(&Asker->Stop))
    {
        TUN_QUERY Query;
        LabEqual(
            SimIoControl(Asker->Old.Process, Asker->Old.File, TUN_IOCTL_QUERY, NULL, 0, &Query, sizeof(Query), NULL),
            STATUS_DEVICE_REMOVED);
        LabEqual(ProgramQuery(&Asker->New).Mtu, TUN_MTU_DEFAULT);
    }
    return NULL;
}

/* Adapters come and go while programs ask others. */
VOID OthersComeAndGo(VOID)
{
    ASKER Asker = {0};
    LAB Lab;
    LabLoad(&Lab);
    LAB Other = Lab;
    LabPlug(&Other, 3);
    LabEqual(ProgramOpen(&Asker.Old, Other.Path, SimSystem), STATUS_SUCCESS);
    LabUnplug(&Other, TRUE);
    LabPlug(&Lab, 1);
    LabEqual(ProgramOpen(&Asker.New, Lab.Path, SimSystem), STATUS_SUCCESS);
    LAB_THREAD Asking = LabStart(Asks, &Asker);
    for (ULONG I = 0; I < 40; I++)
    {
        LabPlug(&Other, 2);
        LabUnplug(&Other, I % 2);
    }
    atomic_store(&Asker.Stop, 1);
    LabJoin(Asking);
    ProgramClose(&Asker.Old);
    ProgramClose(&Asker.New);
    LabClose(&Lab);
}
