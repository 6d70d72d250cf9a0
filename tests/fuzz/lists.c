/* SPDX-License-Identifier: MIT */
/*
 * Target lists: chains of NET_BUFFER_LISTs of any shape: none or many buffers in a list, packets of no or many MDLs cut
 * anywhere, some empty, some not mapped yet and some that cannot be mapped; data that begin in any of them, and lengths
 * that are right, too long, or absurd. Each part lies in memory of its own that is no longer than it. What has to become
 * of every packet is worked out here as well, in the simplest way, and compared: the lists' status, the ring, the counts.
 */
#include "tests/fuzz/fuzz.h"

#define SENDS_MAX   24
#define LISTS_MAX   12
#define BUFFERS_MAX 12
#define PARTS_MAX   10
#define PACKETS_MAX 96           /* in one chain */
#define BYTES_MAX   (512 * 1024) /* of parts in one input */
#define WAITING_MAX 16384        /* packets in the ring */
#define RUBBISH     65552        /* bytes, no fewer than any part has */
#define LISTS_TAG   'tsiL'

typedef struct _PART
{
    MDL *Mdl;
    PUCHAR Memory; /* the bytes that it describes, as the test sees them */
    ULONG Size;
    BOOLEAN User;   /* locked pages of a program's, not mapped when they are sent */
    BOOLEAN Mapped; /* by what is known here */
} PART;

typedef struct _PACKET
{
    NET_BUFFER *Buffer;
    PART Parts[PARTS_MAX];
    ULONG Count, Current, Offset, Length;
} PACKET;

static struct
{
    PACKET Packets[PACKETS_MAX];
    ULONG Count;
    ULONG Bytes; /* of all parts so far */
    ULONG Maps, FailingMap;
    PEPROCESS Owner; /* of user memory */
    ULONG64 Random;
} Chain;

/* What is in the ring, oldest first. */
static struct
{
    PUCHAR Bytes[WAITING_MAX];
    ULONG Length[WAITING_MAX];
    ULONG First, Last, Used; /* Used: bytes of the ring */
} Waiting;

static TUN_COUNTERS Expected;

/* ---- Building */

static VOID MakePart(_Inout_ FUZZ *Input, _Out_ PART *Part, _In_ ULONG Size, _In_ BOOLEAN User)
{
    *Part = (PART){.Size = Size, .User = User && Size};
    Chain.Bytes += Size;
    if (!Part->User)
    {
        Part->Memory = ExAllocatePoolWithTag(NonPagedPoolNx, max(Size, 1), LISTS_TAG);
        Part->Mdl = IoAllocateMdl(Part->Memory, max(Size, 1), FALSE, FALSE, NULL);
        MmBuildMdlForNonPagedPool(Part->Mdl);
        Part->Mdl->ByteCount = Size;
        return;
    }
    ULONG Into = FuzzByte(Input) * 16;

    KAPC_STATE State;
    KeStackAttachProcess(Chain.Owner, &State);
    Part->Memory = (PUCHAR)SimUserMemory(Chain.Owner, Into + Size) + Into;
    Part->Mdl = IoAllocateMdl(Part->Memory, Size, FALSE, FALSE, NULL);
    __try
    {
        MmProbeAndLockPages(Part->Mdl, UserMode, IoReadAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        LabFailed(__FILE__, __LINE__, "lock", "0x%x", (unsigned)GetExceptionCode());
    }
    KeUnstackDetachProcess(&State);
}

/* 128 KiB by chance, of which any 64 KiB serve. */
static const UCHAR *Rubbish(VOID)
{
    static UCHAR Bytes[2 * RUBBISH];
    for (ULONG I = 0; !Bytes[0] && I < sizeof(Bytes); I++)
        Bytes[sizeof(Bytes) - 1 - I] = (UCHAR)LabRandom(&Chain.Random) | 1;
    return Bytes;
}

/* The packet's bytes: rubbish, and a header that is right, nearly right, or whatever the input says. */
static VOID FillPacket(_Inout_ FUZZ *Input, _Inout_ PACKET *Packet)
{
    ULONG Kind = FuzzByte(Input), At = 0;
    UCHAR Head[60];
    memset(Head, 0, sizeof(Head));
    Head[0] = Kind & 1 ? 0x60 : 0x45;
    Head[16] = Kind & 2 ? 0xe0 : 10;
    Head[24] = Kind & 2 ? 0xff : 0xfd;
    if (Kind & 4)
        memset(Head + 16, 0xff, 4);
    if (Kind & 32)
        Head[0] = (UCHAR)(0x40 | FuzzByte(Input) % 16); /* a header of that many words */
    if (Kind >= 192)
        FuzzFill(Input, Head, Kind & 24 ? 1 : 44);
    for (ULONG I = 0; I < Packet->Count; I++)
    {
        PART *Part = &Packet->Parts[I];
        ULONG Before = I < Packet->Current ? Part->Size : I == Packet->Current ? Packet->Offset : 0;
        ULONG Here = min(Part->Size - Before, (ULONG)sizeof(Head) - At);
        memcpy(Part->Memory, Rubbish() + LabRandom(&Chain.Random) % RUBBISH, Part->Size);
        memcpy(Part->Memory + Before, Head + At, Here);
        At += Here;
    }
}

static VOID MakePacket(_Inout_ FUZZ *Input, _In_ LAB *Lab, _Inout_ PACKET *Packet)
{
    ULONG Shape = FuzzByte(Input), Room = 0;
    *Packet = (PACKET){.Buffer = FuzzStackBuffer(Lab->Stack), .Count = min(Shape & 15, PARTS_MAX)};
    for (ULONG I = 0; I < Packet->Count; I++)
    {
        ULONG Size = FuzzLength(Input);
        Size = Chain.Bytes + Size > BYTES_MAX ? 0 : Size;
        MakePart(Input, &Packet->Parts[I], Size, Shape & 16 && I % 2 == (Shape >> 5 & 1));
        if (I)
            Packet->Parts[I - 1].Mdl->Next = Packet->Parts[I].Mdl;
    }
    if (Packet->Count)
    {
        Packet->Current = Shape & 64 ? FuzzByte(Input) % Packet->Count : 0;
        Packet->Offset = Shape & 128 ? FuzzLength(Input) : 0;
        Packet->Offset = min(Packet->Offset, Packet->Parts[Packet->Current].Size);
    }
    for (ULONG I = Packet->Current; I < Packet->Count; I++)
        Room += Packet->Parts[I].Size;
    Room -= Packet->Offset;
    ULONG Slack = FuzzByte(Input);
    Packet->Length = Slack < 160   ? Room
                     : Slack < 208 ? Room - min(Room, Slack - 160)
                     : Slack < 240 ? Room + Slack - 208
                                   : FuzzLong(Input);
    FillPacket(Input, Packet);
    Packet->Buffer->MdlChain = Packet->Count ? Packet->Parts[0].Mdl : NULL;
    Packet->Buffer->CurrentMdl = Packet->Count ? Packet->Parts[Packet->Current].Mdl : NULL;
    Packet->Buffer->CurrentMdlOffset = Packet->Offset;
    Packet->Buffer->DataOffset = Packet->Offset;
    for (ULONG I = 0; I < Packet->Current; I++)
        Packet->Buffer->DataOffset += Packet->Parts[I].Size;
    Packet->Buffer->DataLength = Packet->Length;
}

static VOID FreePacket(_Inout_ PACKET *Packet)
{
    NdisFreeNetBuffer(Packet->Buffer);
    for (ULONG I = 0; I < Packet->Count; I++)
    {
        PART *Part = &Packet->Parts[I];
        if (Part->User)
            MmUnlockPages(Part->Mdl);
        IoFreeMdl(Part->Mdl);
        if (!Part->User)
            ExFreePoolWithTag(Part->Memory, LISTS_TAG);
    }
}

/* ---- What has to happen */

/* The first Size bytes of a packet, mapping what it touches. FALSE: there are not so many, or one part cannot be mapped. */
static BOOLEAN Gather(_Inout_ PACKET *Packet, _Out_ PUCHAR To, _In_ ULONG Size)
{
    ULONG Offset = Packet->Offset;
    for (ULONG I = Packet->Current; Size; I++)
    {
        PART *Part = &Packet->Parts[I];
        if (I >= Packet->Count)
            return FALSE;
        ULONG Here = min(Part->Size - Offset, Size);
        if (Here && Part->User && !Part->Mapped)
        {
            if (++Chain.Maps == Chain.FailingMap)
                return FALSE;
            Part->Mapped = TRUE;
        }
        memcpy(To, Part->Memory + Offset, Here);
        To += Here;
        Size -= Here;
        Offset = 0;
    }
    return TRUE;
}

static NDIS_STATUS Foresee(_Inout_ PACKET *Packet)
{
    static UCHAR Head[64];
    ULONG Length = Packet->Length, Taken = (Length + 16 + 15) / 16 * 16;
    if (Length > 65535 || !Gather(Packet, Head, min(Length, 40)))
    {
        Expected.ToAppDropInvalid++;
        return NDIS_STATUS_INVALID_PACKET;
    }
    BOOLEAN Valid = Length >= 20 && (Head[0] >> 4 == 6   ? Length >= 40
                                     : Head[0] >> 4 == 4 ? (Head[0] & 15) >= 5 && (Head[0] & 15) * 4u <= Length
                                                         : FALSE);
    if (!Valid)
    {
        Expected.ToAppDropInvalid++;
        return NDIS_STATUS_INVALID_PACKET;
    }
    if (Waiting.Used + Taken > RING_CAPACITY_MIN)
    {
        Expected.ToAppDropFull++;
        return NDIS_STATUS_RESOURCES;
    }
    PUCHAR Bytes = malloc(Length);
    if (!Gather(Packet, Bytes, Length))
    {
        free(Bytes);
        Expected.ToAppDropInvalid++;
        return NDIS_STATUS_INVALID_PACKET;
    }
    LabCheck(Waiting.Last < WAITING_MAX, "the test has no room for so many packets");
    Waiting.Bytes[Waiting.Last] = Bytes;
    Waiting.Length[Waiting.Last++] = Length;
    Waiting.Used += Taken;
    Expected.ToAppPackets++;
    Expected.ToAppBytes += Length;
    return NDIS_STATUS_SUCCESS;
}

/* ---- Acting */

static VOID SendChain(_Inout_ FUZZ *Input, _In_ LAB *Lab, _In_ BOOLEAN Session)
{
    ULONG Lists = 1 + FuzzByte(Input) % LISTS_MAX, Failing = FuzzByte(Input);
    Chain.Count = Chain.Maps = 0;
    Chain.FailingMap = Failing >= 240 ? Failing - 239 : 0;
    NET_BUFFER_LIST *List[LISTS_MAX];
    NDIS_STATUS Wanted[LISTS_MAX];
    for (ULONG I = 0; I < Lists; I++)
    {
        ULONG Buffers = FuzzByte(Input), First = Chain.Count;
        List[I] = FuzzStackList(Lab->Stack);
        NET_BUFFER **Link = &List[I]->FirstNetBuffer;
        Buffers = Buffers < 128 ? 1 : Buffers % BUFFERS_MAX;
        for (ULONG J = 0; J < Buffers && Chain.Count < PACKETS_MAX; J++)
        {
            PACKET *Packet = &Chain.Packets[Chain.Count++];
            MakePacket(Input, Lab, Packet);
            *Link = Packet->Buffer;
            Link = &Packet->Buffer->Next;
        }
        *Link = NULL;
        Wanted[I] = Session ? NDIS_STATUS_SUCCESS : NDIS_STATUS_MEDIA_DISCONNECTED;
        for (ULONG J = First; J < Chain.Count; J++)
        {
            NDIS_STATUS Status = Session ? Foresee(&Chain.Packets[J]) : NDIS_STATUS_MEDIA_DISCONNECTED;
            Wanted[I] = Status != NDIS_STATUS_SUCCESS ? Status : Wanted[I];
            Expected.ToAppDropNoSession += !Session;
        }
    }
    for (ULONG I = 0; I < Lists; I++)
    {
        List[I]->Next = I + 1 < Lists ? List[I + 1] : NULL;
        List[I]->Status = (NDIS_STATUS)0x5c5c5c5c;
    }
    SimFaultArm(Chain.FailingMap);
    FuzzStackSend(Lab->Stack, List[0], Failing & 1);
    SimFaultArm(0);
    for (ULONG I = 0; I < Lists; I++)
    {
        LabCheck(List[I]->Status == Wanted[I], "list %u of %u: status 0x%x, not 0x%x", I, Lists,
                 (unsigned)List[I]->Status, (unsigned)Wanted[I]);
        List[I]->FirstNetBuffer = NULL;
        NdisFreeNetBufferList(List[I]);
    }
    for (ULONG I = 0; I < Chain.Count; I++)
        FreePacket(&Chain.Packets[I]);
}

/* Takes up to Count packets from the ring, which must be those that were foreseen. */
static VOID Receive(_Inout_ PROGRAM *Program, _In_ ULONG Count)
{
    RING_PACKET *Entry;
    uint32_t Length;
    while (Count-- && Waiting.First < Waiting.Last)
    {
        RING_STATUS Status = RingTake(&Program->ToApp, &Entry, &Length);
        LabCheck(Status == RING_OK, "%u packets should be in the ring: %d", Waiting.Last - Waiting.First, Status);
        LabCheck(Length == Waiting.Length[Waiting.First] &&
                     memcmp(RingPacketData(Entry), Waiting.Bytes[Waiting.First], Length) == 0,
                 "a packet of %u bytes in the place of one of %u, or other bytes", Length,
                 Waiting.Length[Waiting.First]);
        Waiting.Used -= (ULONG)RingEntrySize(Length);
        free(Waiting.Bytes[Waiting.First++]);
    }
    if (Waiting.First == Waiting.Last)
    {
        LabEqual(RingTake(&Program->ToApp, &Entry, &Length), RING_EMPTY);
        LabEqual(Waiting.Used, 0);
        Waiting.First = Waiting.Last = 0;
    }
    RingRelease(&Program->ToApp, Program->ToApp.Next);
}

VOID FuzzTarget(FUZZ *Input, LAB *Lab)
{
    BOOLEAN Session = FALSE;
    Chain.Bytes = 0;
    Chain.Random = 1;
    Chain.Owner = SimProcessCreate(SimUser);
    memset(&Expected, 0, sizeof(Expected));
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab->Path, SimSystem), STATUS_SUCCESS);
    for (ULONG I = 0; FuzzMore(Input) && I < SENDS_MAX; I++)
    {
        ULONG Action = FuzzByte(Input);
        if ((Action < 8) == Session)
        {
            if (Session)
            {
                Receive(&Program, ~0u);
                LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
                ProgramForget(&Program);
            }
            else
            {
                LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
            }
            Session = !Session;
        }
        if (Action < 176)
            SendChain(Input, Lab, Session);
        else if (Session)
            Receive(&Program, Action >= 250 ? ~0u : Action - 176);
    }
    if (Session)
        Receive(&Program, ~0u);
    TUN_COUNTERS Counters;
    ReportCounters(FuzzAdapter(Lab), &Counters);
    LabCheck(memcmp(&Counters, &Expected, sizeof(Counters)) == 0,
             "%llu packets, %llu bytes, dropped %llu invalid, %llu full, %llu without a session; should be %llu, %llu, "
             "%llu, %llu, %llu",
             (ULONG64)Counters.ToAppPackets, (ULONG64)Counters.ToAppBytes, (ULONG64)Counters.ToAppDropInvalid,
             (ULONG64)Counters.ToAppDropFull, (ULONG64)Counters.ToAppDropNoSession, (ULONG64)Expected.ToAppPackets,
             (ULONG64)Expected.ToAppBytes, (ULONG64)Expected.ToAppDropInvalid, (ULONG64)Expected.ToAppDropFull,
             (ULONG64)Expected.ToAppDropNoSession);
    SimProcessDelete(Chain.Owner);
    ProgramClose(&Program);
}
