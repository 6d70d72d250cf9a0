/* SPDX-License-Identifier: MIT */
/*
 * The stack of the simulator, behind host/ndis: sends chains of lists cut in any shape, at either IRQL, from any number
 * of threads; takes what the miniport indicates, checks every byte and the order of every flow, and gives the lists back
 * at once, late and in any order, or not until it is told to. One mutex guards what it counts and holds; no call into
 * NDIS is made under it.
 */
#include "tests/simulation/lab.h"
#include "tests/pools.h"

#define BACKEND_TAG   'kcaB'
#define CARRIERS      6
#define CARRIER_BYTES (1024 * 1024)
#define LISTS_MAX     16
#define BUFFERS_MAX   4
#define PARTS_MAX     8
#define PACKETS_MAX   (LISTS_MAX * BUFFERS_MAX)
#define GAP           64 /* bytes between the parts of a packet, which nobody may read */
#define HELD_MAX      1024

#define UNMAPPED_OFFSET 100 /* bytes from where a program's memory begins */

/* One chain that can be sent, with memory of its own. */
typedef struct _CARRIER
{
    BOOLEAN Busy;
    PUCHAR Memory;
    NET_BUFFER_LIST *Lists[LISTS_MAX];
    NET_BUFFER *Buffers[LISTS_MAX][BUFFERS_MAX]; /* the first of each came with its list */
    MDL *Mdls[PACKETS_MAX][PARTS_MAX];
    volatile LONG Outstanding; /* lists with the miniport */
    BOOLEAN Late;              /* nobody waits for them */
    KEVENT Complete;
} CARRIER;

struct _BACKEND
{
    NDIS_HOST_ADAPTER *Adapter;
    ULONG Mtu;
    BOOLEAN LinkUp;
    NDIS_HANDLE ListPool, BufferPool;
    CARRIER Carriers[CARRIERS];
    PEPROCESS Sender;     /* whose memory unmapped packets are in */
    EX_RUNDOWN_REF Sends; /* run down while the adapter is not started */
    pthread_mutex_t Lock;
    pthread_cond_t Changed;
    STACK_COUNTERS Counters;
    ULONG64 Next[STACK_FLOWS];
    STACK_HOLD Hold;
    STACK_SEEN *Seen;
    BOOLEAN Distrusts;
    NET_BUFFER_LIST *Held[HELD_MAX];
    ULONG HeldCount;
    ULONG Returning; /* lists that the returner is giving back: the miniport's handler may still run */
    BOOLEAN Ending;
    volatile LONG References;
    LAB_THREAD Returner;
    UCHAR Copy[65536]; /* Lock: a received packet in several parts */
};

static BACKEND *Last;
static ULONG NextIndex = 100;

/* ---- What scenarios ask */

BACKEND *StackLast(VOID)
{
    return Last;
}

VOID StackKeep(BACKEND *Stack)
{
    InterlockedIncrement(&Stack->References);
}

VOID StackDrop(BACKEND *Stack)
{
    if (InterlockedDecrement(&Stack->References) == 0)
    {
        pthread_cond_destroy(&Stack->Changed);
        pthread_mutex_destroy(&Stack->Lock);
        ExFreePoolWithTag(Stack, BACKEND_TAG);
    }
}

NDIS_HOST_ADAPTER *StackAdapter(BACKEND *Stack)
{
    return Stack->Adapter;
}

ULONG StackMtu(BACKEND *Stack)
{
    return Stack->Mtu;
}

VOID StackWatch(BACKEND *Stack, STACK_SEEN *Seen)
{
    pthread_mutex_lock(&Stack->Lock);
    Stack->Seen = Seen;
    pthread_mutex_unlock(&Stack->Lock);
}

BOOLEAN StackLinkUp(BACKEND *Stack)
{
    pthread_mutex_lock(&Stack->Lock);
    BOOLEAN Up = Stack->LinkUp;
    pthread_mutex_unlock(&Stack->Lock);
    return Up;
}

STACK_COUNTERS StackRead(BACKEND *Stack)
{
    pthread_mutex_lock(&Stack->Lock);
    STACK_COUNTERS Counters = Stack->Counters;
    pthread_mutex_unlock(&Stack->Lock);
    return Counters;
}

ULONG64 StackNext(BACKEND *Stack, ULONG Flow)
{
    pthread_mutex_lock(&Stack->Lock);
    ULONG64 Next = Stack->Next[Flow];
    pthread_mutex_unlock(&Stack->Lock);
    return Next;
}

VOID StackNewFlows(BACKEND *Stack)
{
    pthread_mutex_lock(&Stack->Lock);
    memset(Stack->Next, 0, sizeof(Stack->Next));
    pthread_mutex_unlock(&Stack->Lock);
}

VOID StackHold(BACKEND *Stack, STACK_HOLD Hold)
{
    pthread_mutex_lock(&Stack->Lock);
    Stack->Hold = Hold;
    pthread_cond_broadcast(&Stack->Changed);
    pthread_mutex_unlock(&Stack->Lock);
}

VOID StackDistrust(BACKEND *Stack, BOOLEAN Distrusts)
{
    pthread_mutex_lock(&Stack->Lock);
    Stack->Distrusts = Distrusts;
    pthread_mutex_unlock(&Stack->Lock);
}

ULONG StackHeld(BACKEND *Stack)
{
    pthread_mutex_lock(&Stack->Lock);
    ULONG Held = Stack->HeldCount;
    pthread_mutex_unlock(&Stack->Lock);
    return Held;
}

BOOLEAN StackHasNone(BACKEND *Stack)
{
    pthread_mutex_lock(&Stack->Lock);
    BOOLEAN None = Stack->HeldCount + Stack->Returning == 0;
    pthread_mutex_unlock(&Stack->Lock);
    return None;
}

/* ---- Receiving */

/* Gives a chain back at an IRQL chosen by chance. */
static VOID Return(_In_ BACKEND *Stack, _In_ NET_BUFFER_LIST *Lists, _In_ ULONG Chance)
{
    KIRQL Irql = KeGetCurrentIrql();
    if (Chance & 1)
        KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    BOOLEAN Told = LabTold(TRUE);
    NdisHostReturn(Stack->Adapter, Lists, (Chance & 3) == 3 ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0);
    LabTold(Told);
    SimGuardEnd(&Guard, "MiniportReturnNetBufferLists", NULL);
    if (Chance & 1)
        KeLowerIrql(Irql);
}

/* Under the lock: the packet's bytes in one piece. NULL: its MDLs hold less than it says. */
static const UCHAR *Bytes(_In_ BACKEND *Stack, _In_ const NET_BUFFER *Buffer)
{
    ULONG Offset = Buffer->CurrentMdlOffset, Used = 0, Length = (ULONG)Buffer->DataLength;
    for (MDL *Mdl = Buffer->CurrentMdl; Mdl && Used < Length; Mdl = Mdl->Next)
    {
        PUCHAR Part = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
        ULONG Here = min(MmGetMdlByteCount(Mdl) - Offset, Length - Used);
        if (!Part)
            return NULL;
        if (!Used && Here == Length)
            return Part + Offset;
        memcpy(Stack->Copy + Used, Part + Offset, Here);
        Used += Here;
        Offset = 0;
    }
    return Used == Length ? Stack->Copy : NULL;
}

/* Under the lock: what the stack holds is still as it came. Nobody may write there until it is returned. */
static VOID CheckHeld(_In_ BACKEND *Stack, _In_ const NET_BUFFER_LIST *List)
{
    const NET_BUFFER *Buffer = List->FirstNetBuffer;
    const UCHAR *Packet = Bytes(Stack, Buffer);
    ULONG64 Sequence;
    ULONG Flow;
    if (!Stack->Distrusts && Packet && (Packet[0] == 0x45 || Packet[0] == 0x60) &&
        !PacketCheck(Packet, (ULONG)Buffer->DataLength, &Flow, &Sequence))
    {
        LabCheck(Flow >= STACK_FLOWS, "flow %u, number %llu was written to while the stack had it", Flow, Sequence);
    }
}

/* Gives held lists back, some at a time, the order shuffled. */
static void *Returner(void *Context)
{
    BACKEND *Stack = Context;
    ULONG64 Random = LabSeed() ^ 0x7e7;
    pthread_mutex_lock(&Stack->Lock);
    while (!Stack->Ending)
    {
        NET_BUFFER_LIST *Chain = NULL;
        ULONG Chance = LabRandom(&Random);
        if (Stack->Hold == StackHoldsAll || !Stack->HeldCount)
        {
            pthread_cond_wait(&Stack->Changed, &Stack->Lock);
            continue;
        }
        for (ULONG Count = 1 + Chance % min(Stack->HeldCount, 40); Count; Count--)
        {
            ULONG Which = LabRandom(&Random) % Stack->HeldCount;
            CheckHeld(Stack, Stack->Held[Which]);
            Stack->Held[Which]->Next = Chain;
            Chain = Stack->Held[Which];
            Stack->Held[Which] = Stack->Held[--Stack->HeldCount];
            Stack->Returning++;
        }
        pthread_mutex_unlock(&Stack->Lock);
        Return(Stack, Chain, Chance >> 8);
        if (Chance & 64)
            LabSleep(Chance >> 16 & 127);
        pthread_mutex_lock(&Stack->Lock);
        Stack->Returning = 0;
    }
    pthread_mutex_unlock(&Stack->Lock);
    return NULL;
}

static VOID Take(_Inout_ BACKEND *Stack, _In_ const NET_BUFFER_LIST *List)
{
    const NET_BUFFER *Buffer = List->FirstNetBuffer;
    ULONG Length = (ULONG)Buffer->DataLength;
    BOOLEAN IsIpv6 = (List->NblFlags & NDIS_NBL_FLAGS_IS_IPV6) != 0;
    const UCHAR *Packet = Buffer->DataLength <= 65535 ? Bytes(Stack, Buffer) : NULL;
    Stack->Counters.Received++;
    Stack->Counters.ReceivedOctets += Length;
    if (!Packet)
    {
        LabFailed(__FILE__, __LINE__, "whole packet", "%u bytes", Length);
        return;
    }
    LabCheck(Packet[0] >> 4 == (IsIpv6 ? 6 : 4), "first byte 0x%02x, list says IPv%d", Packet[0], IsIpv6 ? 6 : 4);
    if (Stack->Seen)
        Stack->Seen(
            Packet, Length,
            ((NDIS_RSC_NBL_INFO){.Value = List->NetBufferListInfo[TcpRecvSegCoalesceInfo]}).Info.CoalescedSegCount);
    if (Stack->Distrusts || (Packet[0] != 0x45 && Packet[0] != 0x60))
        return; /* from a hostile program: any bytes, but an IP header */
    ULONG Flow;
    ULONG64 Sequence;
    if (!PacketCheck(Packet, Length, &Flow, &Sequence))
    {
        LabCheck(Flow >= STACK_FLOWS, "packet of %u bytes, flow %u, number %llu is not as it was sent", Length, Flow,
                 Sequence);
    }
    else if (Flow && Flow < STACK_FLOWS)
    {
        LabCheck(Sequence >= Stack->Next[Flow], "flow %u: number %llu after %llu", Flow, Sequence, Stack->Next[Flow]);
        Stack->Next[Flow] = Sequence + 1;
    }
}

VOID BackendReceive(BACKEND *Stack, NET_BUFFER_LIST *Lists, ULONG ReceiveFlags)
{
    BOOLEAN Lent = (ReceiveFlags & NDIS_RECEIVE_FLAGS_RESOURCES) != 0;
    ULONG Count = 0;
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    pthread_mutex_lock(&Stack->Lock);
    for (NET_BUFFER_LIST *List = Lists, *Next; List; List = Next)
    {
        Next = List->Next;
        Take(Stack, List);
        Stack->Counters.Resources += Lent;
        Count++;
    }
    BOOLEAN AtOnce = Stack->Hold == StackReturnsAtOnce;
    for (NET_BUFFER_LIST *List = Lists, *Next; List && !Lent && !AtOnce; List = Next)
    {
        Next = List->Next;
        LabCheck(Stack->HeldCount < HELD_MAX, "more lists than the driver ever had");
        Stack->Held[Stack->HeldCount++] = List;
    }
    pthread_cond_broadcast(&Stack->Changed);
    pthread_mutex_unlock(&Stack->Lock);
    LabOperations(Count);
    if (!Lent && AtOnce)
        Return(Stack, Lists, Count);
    SimGuardEnd(&Guard, "BackendReceive", NULL);
}

/* ---- Sending */

static CARRIER *Claim(_Inout_ BACKEND *Stack)
{
    CARRIER *Carrier = NULL;
    pthread_mutex_lock(&Stack->Lock);
    while (!Carrier)
    {
        for (ULONG I = 0; I < CARRIERS && !Carrier; I++)
            Carrier = Stack->Carriers[I].Busy ? NULL : &Stack->Carriers[I];
        if (!Carrier)
            pthread_cond_wait(&Stack->Changed, &Stack->Lock);
    }
    Carrier->Busy = TRUE;
    pthread_mutex_unlock(&Stack->Lock);
    return Carrier;
}

static VOID Unclaim(_Inout_ BACKEND *Stack, _Inout_ CARRIER *Carrier)
{
    pthread_mutex_lock(&Stack->Lock);
    Carrier->Busy = FALSE;
    pthread_cond_broadcast(&Stack->Changed);
    pthread_mutex_unlock(&Stack->Lock);
}

/* Cuts Length bytes of Packet into Parts MDLs in Memory, the first after Lead bytes of something else; some empty. */
static ULONG Cut(_Inout_ CARRIER *Carrier, _In_ ULONG Index, _In_ const UCHAR *Packet, _In_ ULONG Length,
                 _In_ ULONG Parts, _In_ PUCHAR Memory, _In_ NET_BUFFER *Buffer, _Inout_ ULONG64 *Random)
{
    ULONG Used = 0, Lead = LabRandom(Random) % 48, Room = 0;
    for (ULONG Part = 0; Part < Parts; Part++)
    {
        MDL *Mdl = Carrier->Mdls[Index][Part];
        ULONG Left = Length - Used, Before = Part ? 0 : Lead;
        ULONG Here = Part == Parts - 1            ? Left
                     : LabRandom(Random) % 4 == 0 ? 0
                     : Left                       ? LabRandom(Random) % (Left + 1)
                                                  : 0;
        /* A part that holds the data's beginning must not be empty: "NET_BUFFER structure". */
        Here = Part == 0 && !Here && Left && !Before ? 1 : Here;
        MmInitializeMdl(Mdl, Memory + Room, max(Before + Here, 1));
        MmBuildMdlForNonPagedPool(Mdl);
        Mdl->ByteCount = Before + Here;
        Mdl->Next = Part == Parts - 1 ? NULL : Carrier->Mdls[Index][Part + 1];
        memset(Memory + Room, 0xee, Before);
        memcpy(Memory + Room + Before, Packet + Used, Here);
        memset(Memory + Room + Before + Here, 0xee, GAP);
        Room += Before + Here + GAP;
        Used += Here;
    }
    Buffer->MdlChain = Buffer->CurrentMdl = Carrier->Mdls[Index][0];
    Buffer->DataOffset = Buffer->CurrentMdlOffset = Lead;
    Buffer->DataLength = Length;
    return Room;
}

/* Fills a carrier. Returns its packets. */
static ULONG Fill(_Inout_ CARRIER *Carrier, _In_ const STACK_SHAPE *Shape, _In_ ULONG Length, _In_ BOOLEAN IsIpv6,
                  _In_ ULONG Flow, _Inout_ ULONG64 *Sequence, _In_opt_ const UCHAR *Given, _Inout_ ULONG64 *Random)
{
    UCHAR *Packet = malloc(Length + 64);
    ULONG Used = 0, Index = 0;
    for (ULONG I = 0; I < Shape->Lists; I++)
    {
        NET_BUFFER_LIST *List = Carrier->Lists[I];
        List->Next = I + 1 < Shape->Lists ? Carrier->Lists[I + 1] : NULL;
        List->NblFlags = IsIpv6 ? NDIS_NBL_FLAGS_IS_IPV6 : NDIS_NBL_FLAGS_IS_IPV4;
        NET_BUFFER_LIST_INFO(List, NetBufferListFrameType) =
            (PVOID)(ULONG_PTR)RtlUshortByteSwap(IsIpv6 ? 0x86dd : 0x0800);
        NET_BUFFER_LIST_INFO(List, TcpIpChecksumNetBufferListInfo) = Shape->Checksum;
        NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) = Shape->Large;
        List->FirstNetBuffer = Carrier->Buffers[I][0];
        for (ULONG J = 0; J < Shape->Buffers; J++, Index++)
        {
            ULONG Parts = Shape->Parts ? Shape->Parts : 1 + LabRandom(Random) % PARTS_MAX;
            NET_BUFFER *Buffer = Carrier->Buffers[I][J];
            if (!Given)
                PacketMake(Packet, Length, IsIpv6, Flow, (*Sequence)++);
            Buffer->Next = J + 1 < Shape->Buffers ? Carrier->Buffers[I][J + 1] : NULL;
            LabCheck(Used + Length + PARTS_MAX * (GAP + 64) <= CARRIER_BYTES, "the chain is too long for the test");
            Used += Cut(Carrier, Index, Given ? Given : Packet, Length, Parts, Carrier->Memory + Used, Buffer, Random);
            Buffer->DataLength += Shape->Missing;
        }
    }
    free(Packet);
    return Index;
}

/* Puts the bytes of the carrier's packet in a program's memory, whose pages are locked and not mapped. */
static VOID Unmap(_Inout_ BACKEND *Stack, _In_ NET_BUFFER *Buffer, _Out_ MDL **Locked)
{
    ULONG Count = 0;
    KAPC_STATE State;
    KeStackAttachProcess(Stack->Sender, &State);
    for (MDL *Mdl = Buffer->MdlChain, **Link = &Buffer->MdlChain; Mdl; Mdl = Mdl->Next)
    {
        SIZE_T Length = Mdl->ByteCount;
        if (!Length)
            continue; /* an empty part stays out */
        PUCHAR Memory = SimUserMemory(Stack->Sender, Length + PAGE_SIZE);
        memcpy(Memory + UNMAPPED_OFFSET, Mdl->MappedSystemVa, Length);
        MDL *User = IoAllocateMdl(Memory + UNMAPPED_OFFSET, (ULONG)Length, FALSE, FALSE, NULL);
        __try
        {
            MmProbeAndLockPages(User, UserMode, IoReadAccess);
        }
        __except (EXCEPTION_EXECUTE_HANDLER)
        {
            LabFailed(__FILE__, __LINE__, "lock", "0x%x", (unsigned)GetExceptionCode());
        }
        User->Next = NULL;
        Locked[Count++] = *Link = User;
        Link = &User->Next;
    }
    Locked[Count] = NULL;
    Buffer->CurrentMdl = Buffer->MdlChain;
    KeUnstackDetachProcess(&State);
}

static VOID SendCarrier(_Inout_ BACKEND *Stack, _Inout_ CARRIER *Carrier, _In_ const STACK_SHAPE *Shape)
{
    /* "NdisTimedDataHang rule (ndis)" */
    LARGE_INTEGER Limit = {.QuadPart = -10000000ll * PlatformSetting("HOST_NDIS_SEND_SECONDS", 22)};
    PVOID Complete = &Carrier->Complete;
    KIRQL Irql = KeGetCurrentIrql();
    KeClearEvent(&Carrier->Complete);
    Carrier->Late = Shape->Late;
    InterlockedExchange(&Carrier->Outstanding, (LONG)Shape->Lists);
    if (Shape->Dispatch)
        KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    BOOLEAN Told = LabTold(TRUE);
    NdisHostSend(Stack->Adapter, Carrier->Lists[0], Shape->Dispatch ? NDIS_SEND_FLAGS_DISPATCH_LEVEL : 0);
    LabTold(Told);
    SimGuardEnd(&Guard, "MiniportSendNetBufferLists", NULL);
    if (Shape->Dispatch)
        KeLowerIrql(Irql);
    if (!Shape->Late && KeWaitForSingleObject(Complete, Executive, KernelMode, FALSE, &Limit) == STATUS_TIMEOUT)
    {
        PlatformRuleBroken("NdisTimedDataHang", "MiniportSendNetBufferLists",
                           (PVOID)Stack->Adapter->Driver->Characteristics.SendNetBufferListsHandler,
                           "lists are not completed in time");
        KeWaitForSingleObject(Complete, Executive, KernelMode, FALSE, NULL);
    }
}

BOOLEAN StackSend(BACKEND *Stack, const STACK_SHAPE *Shape, ULONG Length, BOOLEAN IsIpv6, ULONG Flow, ULONG64 *Sequence,
                  const UCHAR *Given, ULONG64 *Random, NDIS_STATUS *Status)
{
    MDL *Locked[PARTS_MAX + 1] = {NULL};
    if (!ExAcquireRundownProtection(&Stack->Sends))
        return FALSE;
    CARRIER *Carrier = Claim(Stack);
    ULONG Packets = Fill(Carrier, Shape, Length, IsIpv6, Flow, Sequence, Given, Random);
    if (Shape->Unmapped)
        Unmap(Stack, Carrier->Buffers[0][0], Locked);
    SendCarrier(Stack, Carrier, Shape);
    if (Shape->Late) /* the carrier is BackendSendComplete's, and may be on its next way already */
    {
        pthread_mutex_lock(&Stack->Lock);
        Stack->Counters.Sent += Packets;
        pthread_mutex_unlock(&Stack->Lock);
        ExReleaseRundownProtection(&Stack->Sends);
        LabOperations(Packets);
        return TRUE;
    }
    for (ULONG I = 0; Locked[I]; I++)
    {
        PUCHAR Memory = (PUCHAR)MmGetMdlVirtualAddress(Locked[I]) - UNMAPPED_OFFSET;
        MmUnlockPages(Locked[I]);
        IoFreeMdl(Locked[I]);
        SimUserFree(Stack->Sender, Memory);
    }
    pthread_mutex_lock(&Stack->Lock);
    Stack->Counters.Sent += Packets;
    for (ULONG I = 0; I < Shape->Lists; I++)
        Stack->Counters.Refused += Carrier->Lists[I]->Status != NDIS_STATUS_SUCCESS ? Shape->Buffers : 0;
    pthread_mutex_unlock(&Stack->Lock);
    if (Status)
        *Status = Carrier->Lists[Shape->Lists - 1]->Status;
    Unclaim(Stack, Carrier);
    ExReleaseRundownProtection(&Stack->Sends);
    LabOperations(Packets);
    return TRUE;
}

VOID StackSendLate(BACKEND *Stack, ULONG64 *Random, NDIS_STATUS *Status)
{
    static const STACK_SHAPE One = {.Lists = 1, .Buffers = 1, .Parts = 1};
    CARRIER *Carrier = Claim(Stack);
    ULONG64 Sequence = 0;
    Fill(Carrier, &One, 100, FALSE, 0, &Sequence, NULL, Random);
    SendCarrier(Stack, Carrier, &One);
    pthread_mutex_lock(&Stack->Lock);
    Stack->Counters.Sent++;
    pthread_mutex_unlock(&Stack->Lock);
    *Status = Carrier->Lists[0]->Status;
    Unclaim(Stack, Carrier);
    LabOperations(1);
}

VOID BackendSendComplete(BACKEND *Stack, NET_BUFFER_LIST *Lists)
{
    for (NET_BUFFER_LIST *List = Lists, *Next; List; List = Next)
    {
        CARRIER *Carrier = NET_BUFFER_LIST_PROTOCOL_RESERVED(List)[0];
        Next = List->Next;
        if (InterlockedDecrement(&Carrier->Outstanding) == 0)
        {
            if (Carrier->Late)
                Unclaim(Stack, Carrier);
            else
                KeSetEvent(&Carrier->Complete, 0, FALSE);
        }
    }
}

/* ---- The adapter's life */

static VOID MakeCarrier(_In_ BACKEND *Stack, _Out_ CARRIER *Carrier)
{
    Carrier->Memory = ExAllocatePoolWithTag(NonPagedPoolNx, CARRIER_BYTES, BACKEND_TAG);
    KeInitializeEvent(&Carrier->Complete, NotificationEvent, FALSE);
    for (ULONG I = 0; I < PACKETS_MAX; I++)
        for (ULONG J = 0; J < PARTS_MAX; J++)
            Carrier->Mdls[I][J] = IoAllocateMdl(Carrier->Memory, 65536 + PAGE_SIZE, FALSE, FALSE, NULL);
    for (ULONG I = 0; I < LISTS_MAX; I++)
    {
        Carrier->Lists[I] = NdisAllocateNetBufferAndNetBufferList(Stack->ListPool, 0, 0, Carrier->Mdls[I][0], 0, 0);
        NET_BUFFER_LIST_PROTOCOL_RESERVED(Carrier->Lists[I])[0] = Carrier;
        Carrier->Buffers[I][0] = Carrier->Lists[I]->FirstNetBuffer;
        for (ULONG J = 1; J < BUFFERS_MAX; J++)
            Carrier->Buffers[I][J] = NdisAllocateNetBuffer(Stack->BufferPool, Carrier->Mdls[I][0], 0, 0);
    }
}

static VOID FreeCarrier(_In_ CARRIER *Carrier)
{
    for (ULONG I = 0; I < LISTS_MAX; I++)
    {
        for (ULONG J = 1; J < BUFFERS_MAX; J++)
            NdisFreeNetBuffer(Carrier->Buffers[I][J]);
        NdisFreeNetBufferList(Carrier->Lists[I]);
    }
    for (ULONG I = 0; I < PACKETS_MAX; I++)
        for (ULONG J = 0; J < PARTS_MAX; J++)
            IoFreeMdl(Carrier->Mdls[I][J]);
    ExFreePoolWithTag(Carrier->Memory, BACKEND_TAG);
}

NTSTATUS BackendCreate(const BACKEND_REQUEST *Request, BACKEND_IDENTITY *Identity, BACKEND **Result)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Lists = PoolOfLists(BACKEND_TAG);
    NET_BUFFER_POOL_PARAMETERS Buffers = PoolOfBuffers(BACKEND_TAG);
    BACKEND *Stack = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Stack), BACKEND_TAG);
    memset(Stack, 0, sizeof(*Stack));
    Stack->References = 1;
    Stack->Adapter = Request->Adapter;
    pthread_mutex_init(&Stack->Lock, NULL);
    pthread_cond_init(&Stack->Changed, NULL);
    ExInitializeRundownProtection(&Stack->Sends);
    ExWaitForRundownProtectionRelease(&Stack->Sends);
    Stack->ListPool = NdisAllocateNetBufferListPool(NULL, &Lists);
    Stack->BufferPool = NdisAllocateNetBufferPool(NULL, &Buffers);
    Stack->Sender = SimProcessCreate(SimUser);
    for (ULONG I = 0; I < CARRIERS; I++)
        MakeCarrier(Stack, &Stack->Carriers[I]);
    Stack->Returner = LabStart(Returner, Stack);
    *Identity = LabIdentity(Request, "sim", NextIndex++);
    Last = *Result = Stack;
    return STATUS_SUCCESS;
}

VOID BackendDestroy(BACKEND *Stack)
{
    pthread_mutex_lock(&Stack->Lock);
    LabCheck(!Stack->HeldCount, "%u lists are still with the stack", Stack->HeldCount);
    Stack->Ending = TRUE;
    pthread_cond_broadcast(&Stack->Changed);
    pthread_mutex_unlock(&Stack->Lock);
    LabJoin(Stack->Returner);
    for (ULONG I = 0; I < CARRIERS; I++)
        FreeCarrier(&Stack->Carriers[I]);
    NdisFreeNetBufferPool(Stack->BufferPool);
    NdisFreeNetBufferListPool(Stack->ListPool);
    SimProcessDelete(Stack->Sender);
    Last = Last == Stack ? NULL : Last;
    StackDrop(Stack);
}

VOID BackendSetMtu(BACKEND *Stack, ULONG Mtu)
{
    Stack->Mtu = Mtu;
}

VOID BackendSetLink(BACKEND *Stack, const BACKEND_LINK *Link)
{
    pthread_mutex_lock(&Stack->Lock);
    Stack->LinkUp = Link->Connected;
    pthread_mutex_unlock(&Stack->Lock);
}

NTSTATUS BackendStart(BACKEND *Stack)
{
    ExReInitializeRundownProtection(&Stack->Sends);
    return STATUS_SUCCESS;
}

VOID BackendStop(BACKEND *Stack)
{
    ExWaitForRundownProtectionRelease(&Stack->Sends);
}
