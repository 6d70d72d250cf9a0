/* SPDX-License-Identifier: MIT */
/*
 * The way of a packet from program to stack: one system thread per session takes packets from the ring, copies each into
 * a receive list over memory of our own, and indicates them as one chain. The lists belong to the adapter and outlive a
 * session, because the stack may hold some of them for as long as it likes.
 */
#include "driver/tun.h"

/* How long an empty ring is looked at before the thread sleeps, in microseconds: about what one wake-up costs. Under load
 * the next packet nearly always comes within that time. */
#define SPIN_MICROSECONDS 50

/* References on DataPath that the thread takes for a batch: one for each list, which goes with it to the stack, and one of
 * its own, so that Pause also waits for the indication to return ("MINIPORT_PAUSE callback function"). */
#define BATCH      (TUN_SMALL_BATCH + TUN_LARGE_BATCH)
#define REFERENCES (BATCH + 1)

static VOID Push(_Inout_ TUN_LISTS *Lists, _Inout_ NET_BUFFER_LIST *List)
{
    NET_BUFFER_LIST_NEXT_NBL(List) = Lists->Free;
    Lists->Free = List;
    Lists->FreeCount++;
}

static NET_BUFFER_LIST *Pop(_Inout_ TUN_LISTS *Lists)
{
    NET_BUFFER_LIST *List = Lists->Free;
    if (List)
    {
        Lists->Free = NET_BUFFER_LIST_NEXT_NBL(List);
        Lists->FreeCount--;
    }
    return List;
}

static MDL *MdlOf(_In_ NET_BUFFER_LIST *List)
{
    return NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(List));
}

/* Makes Count receive lists, each over Size bytes of its own. What was made before a failure, FreeLists frees. */
static NTSTATUS MakeLists(_In_ NDIS_HANDLE Pool, _Inout_ TUN_LISTS *Lists, _In_ ULONG Count, _In_ ULONG Size)
{
    Lists->Buffers = ExAllocatePoolWithTag(NonPagedPoolNx, (SIZE_T)Count * Size, TUN_TAG);
    if (!Lists->Buffers)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Lists->Buffers, (SIZE_T)Count * Size); /* the MDLs cover more than any packet fills */
    while (Lists->FreeCount < Count)
    {
        MDL *Mdl = IoAllocateMdl(Lists->Buffers + (SIZE_T)Lists->FreeCount * Size, Size, FALSE, FALSE, NULL);
        if (!Mdl)
            return STATUS_INSUFFICIENT_RESOURCES;
        MmBuildMdlForNonPagedPool(Mdl);
        NET_BUFFER_LIST *List = NdisAllocateNetBufferAndNetBufferList(Pool, 0, 0, Mdl, 0, 0);
        if (!List)
        {
            IoFreeMdl(Mdl);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        Push(Lists, List);
    }
    return STATUS_SUCCESS;
}

static VOID FreeLists(_Inout_ TUN_LISTS *Lists)
{
    NET_BUFFER_LIST *List;
    while ((List = Pop(Lists)) != NULL)
    {
        MDL *Mdl = MdlOf(List);
        NdisFreeNetBufferList(List);
        IoFreeMdl(Mdl);
    }
    if (Lists->Buffers)
        ExFreePoolWithTag(Lists->Buffers, TUN_TAG);
    RtlZeroMemory(Lists, sizeof(*Lists));
}

/* Makes the returned lists free ones. By who uses those. IRQL <= DISPATCH_LEVEL. */
static VOID Reclaim(_Inout_ TUN_ADAPTER *Adapter)
{
    KIRQL Irql;
    KeAcquireSpinLock(&Adapter->FreeLock, &Irql);
    NET_BUFFER_LIST *Chains[] = {Adapter->Small.Returned, Adapter->Large.Returned};
    Adapter->Small.Returned = Adapter->Large.Returned = NULL;
    KeReleaseSpinLock(&Adapter->FreeLock, Irql);
    for (ULONG I = 0; I < RTL_NUMBER_OF(Chains); I++)
        for (NET_BUFFER_LIST *List = Chains[I], *Next; List; List = Next)
        {
            Next = NET_BUFFER_LIST_NEXT_NBL(List);
            Push(I == 0 ? &Adapter->Small : &Adapter->Large, List);
        }
}

/* Makes the adapter's receive lists, if it has none yet. PASSIVE_LEVEL, under SessionLock.
 * "NdisAllocateNetBufferListPool", "NdisAllocateNetBufferAndNetBufferList" (DataSize must be 0). */
_Use_decl_annotations_
NTSTATUS ToStackMakeLists(TUN_ADAPTER *Adapter)
{
    if (Adapter->ListPool)
        return STATUS_SUCCESS;
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   .Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .ProtocolId = NDIS_PROTOCOL_ID_DEFAULT,
        .fAllocateNetBuffer = TRUE,
        .PoolTag = TUN_TAG,
        .DataSize = 0,
    };
    Adapter->ListPool = NdisAllocateNetBufferListPool(Adapter->Handle, &Parameters);
    if (!Adapter->ListPool)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS Status = MakeLists(Adapter->ListPool, &Adapter->Small, TUN_SMALL_COUNT, TUN_SMALL_SIZE);
    if (NT_SUCCESS(Status))
        Status = MakeLists(Adapter->ListPool, &Adapter->Large, TUN_LARGE_COUNT, TUN_LARGE_SIZE);
    if (!NT_SUCCESS(Status))
        ToStackFreeLists(Adapter);
    return Status;
}

/* Undoes ToStackMakeLists; all lists are free: in Halt, after Pause has seen them return. PASSIVE_LEVEL. */
_Use_decl_annotations_
VOID ToStackFreeLists(TUN_ADAPTER *Adapter)
{
    if (!Adapter->ListPool)
        return;
    Reclaim(Adapter);
    FreeLists(&Adapter->Small);
    FreeLists(&Adapter->Large);
    NdisFreeNetBufferListPool(Adapter->ListPool);
    Adapter->ListPool = NULL;
}

/* Puts a chain of lists among the returned ones and returns how many they are. IRQL <= DISPATCH_LEVEL. */
static ULONG Recycle(_Inout_ TUN_ADAPTER *Adapter, _In_opt_ NET_BUFFER_LIST *Chain)
{
    ULONG Count = 0;
    KIRQL Irql;
    KeAcquireSpinLock(&Adapter->FreeLock, &Irql);
    while (Chain)
    {
        NET_BUFFER_LIST *Next = NET_BUFFER_LIST_NEXT_NBL(Chain);
        /* By its address, which nobody has cause to change, and not by a length that others may have. */
        ULONG_PTR Offset = (ULONG_PTR)MmGetMdlVirtualAddress(MdlOf(Chain)) - (ULONG_PTR)Adapter->Small.Buffers;
        TUN_LISTS *Lists = Offset < TUN_SMALL_COUNT * TUN_SMALL_SIZE ? &Adapter->Small : &Adapter->Large;
        NET_BUFFER_LIST_NEXT_NBL(Chain) = Lists->Returned;
        Lists->Returned = Chain;
        Count++;
        Chain = Next;
    }
    KeReleaseSpinLock(&Adapter->FreeLock, Irql);
    return Count;
}

/* Called with lists that the stack has done with. "MINIPORT_RETURN_NET_BUFFER_LISTS callback function". */
_Use_decl_annotations_
VOID ToStackReturn(NDIS_HANDLE MiniportAdapterContext, NET_BUFFER_LIST *NetBufferLists, ULONG ReturnFlags)
{
    TUN_ADAPTER *Adapter = MiniportAdapterContext;
    /* Last: with it the adapter may go. */
    ExReleaseRundownProtectionEx(&Adapter->DataPath, Recycle(Adapter, NetBufferLists));
}

/* All that a list may say of a packet it was received with: "NET_BUFFER_LIST structure", NblFlags. */
#define RECEIVE_FLAGS                                                                                                  \
    (NDIS_NBL_FLAGS_HD_SPLIT | NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_IPV6 | NDIS_NBL_FLAGS_IS_TCP |               \
     NDIS_NBL_FLAGS_IS_UDP | NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_HEADER |                                     \
     NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_PAYLOAD | NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET)

/* Makes a list that held another packet say that it holds this one: Length bytes from its MDL's start. What others left
 * in it is reset, as "NdisAllocateNetBuffer" and "NET_BUFFER_LIST structure" ask of who uses one again. */
static VOID Prepare(_In_ TUN_ADAPTER *Adapter, _Inout_ NET_BUFFER_LIST *List, _In_ ULONG Length, _In_ BOOLEAN IsIpv6)
{
    NET_BUFFER *Packet = NET_BUFFER_LIST_FIRST_NB(List);
    NET_BUFFER_DATA_OFFSET(Packet) = 0;
    NET_BUFFER_CURRENT_MDL(Packet) = NET_BUFFER_FIRST_MDL(Packet);
    NET_BUFFER_CURRENT_MDL_OFFSET(Packet) = 0;
    NET_BUFFER_DATA_LENGTH(Packet) = Length;
    List->SourceHandle = Adapter->Handle;
    NET_BUFFER_LIST_NEXT_NBL(List) = NULL;
    NET_BUFFER_LIST_STATUS(List) = NDIS_STATUS_SUCCESS;
    for (ULONG Slot = 0; Slot < MaxNetBufferListInfo; Slot++)
        List->NetBufferListInfo[Slot] = NULL;
    /* Raw IP: the stack learns the family from the flag and from the frame type, in network order. */
    NdisClearNblFlag(List, RECEIVE_FLAGS);
    NdisSetNblFlag(List, IsIpv6 ? NDIS_NBL_FLAGS_IS_IPV6 : NDIS_NBL_FLAGS_IS_IPV4);
    NET_BUFFER_LIST_INFO(List, NetBufferListFrameType) = (PVOID)(ULONG_PTR)RtlUshortByteSwap(IsIpv6 ? 0x86dd : 0x0800);
}

/* A batch on its way from ring to stack. */
typedef struct _TUN_BATCH
{
    NET_BUFFER_LIST *First, **Last;
    ULONG Count;
    ULONG Tasks;        /* those that hold for it; 0: none */
    BOOLEAN Ipv4, Ipv6; /* which families are in it */
} TUN_BATCH;

/* Counts and traces a packet of Length bytes that is dropped; Head: its first bytes, where they are ours. */
static VOID Drop(_Inout_ TUN_ADAPTER *Adapter, _In_ ULONG Length, _In_opt_ const UCHAR *Head)
{
    CounterAdd(&Adapter->ToStack.DropInvalid, 1);
    if (TraceListens())
        TraceDrop(Adapter, TraceToStackDropInvalid, Length, STATUS_SUCCESS, Head,
                  Head ? min(Length, TRACE_PACKET_MAX) : 0);
}

/* What a program that was granted offloads says of its packet; each word is read once. FALSE: what it may not say.
 * Of others *Vnet stays as it is. */
static BOOLEAN TakeOffload(_In_ const TUN_SESSION *Session, _In_ RING_PACKET *Entry, _Inout_ VNET_HEADER *Vnet)
{
    if (!(Session->Offloads & TUN_OFFLOAD_TO_STACK))
        return TRUE;
    ULONG Kind = atomic_load_explicit(&Entry->OffloadKind, memory_order_relaxed);
    ULONG Sizes = atomic_load_explicit(&Entry->Offload[0], memory_order_relaxed);
    ULONG Checksum = atomic_load_explicit(&Entry->Offload[1], memory_order_relaxed);
    *Vnet = (VNET_HEADER){.Flags = (UCHAR)Kind,
                          .GsoType = (UCHAR)(Kind >> 8),
                          .GsoSize = (USHORT)(Sizes >> 16),
                          .ChecksumStart = (USHORT)Checksum,
                          .ChecksumOffset = (USHORT)(Checksum >> 16)};
    ULONG Needed = Vnet->GsoType == VNET_GSO_UDP ? TUN_OFFLOAD_TO_STACK_UDP : TUN_OFFLOAD_TO_STACK_TCP;
    return (Vnet->Flags & ~(VNET_NEEDS_CHECKSUM | VNET_DATA_VALID)) == 0 &&
           (Vnet->GsoType == VNET_GSO_NONE || (Session->Offloads & Needed));
}

/* How many segments of a super-packet the stack may be given as one, as "Rules for Coalescing TCP/IP Segments" has it: no
 * options but TCP's timestamp, nothing but data and its acknowledgment. IPv4's checksum is then completed. 0: it must be cut. */
static ULONG Coalescible(_In_ ULONG Tasks, _Inout_ SEGMENTER *Cut)
{
    const UCHAR *Tcp = Cut->Header + Cut->Transport;
    ULONG Options = Cut->HeaderLength - Cut->Transport - TCP_HEADER, Left = SegmentsLeft(Cut);
    BOOLEAN May = (Tasks & (Cut->Ipv6 ? TUN_TASK_RSC6 : TUN_TASK_RSC4)) != 0 && !Cut->Udp && Left > 1 &&
                  Cut->Transport == (Cut->Ipv6 ? IPV6_HEADER : IPV4_HEADER) && (Tcp[13] & ~TCP_PSH) == TCP_ACK &&
                  (Options == 0 || (Options == 12 && LoadLong(Tcp + TCP_HEADER) == 0x0101080a));
    if (!May)
        return 0;
    if (!Cut->Ipv6)
    {
        StoreShort(Cut->Header + 10, 0);
        ChecksumStore(Cut->Header + 10, (uint16_t)~ChecksumFold(ChecksumAdd(Cut->Header, IPV4_HEADER, 0)));
    }
    Cut->Next = Cut->Size; /* none is left to be cut */
    return Left;
}

/* Says in a list that it holds such a packet. "Indicating Coalesced Segments". */
static VOID Coalesce(_Inout_ TUN_ADAPTER *Adapter, _Inout_ NET_BUFFER_LIST *List, _In_ ULONG Segments,
                     _In_ const SEGMENTER *Cut)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum = {.Value = NULL};
    Checksum.Receive.IpChecksumSucceeded = Checksum.Receive.TcpChecksumSucceeded = 1; /* "must always set" */
    NET_BUFFER_LIST_INFO(List, TcpIpChecksumNetBufferListInfo) = Checksum.Value;
    NDIS_RSC_NBL_INFO Coalesced = {.Value = NULL};
    Coalesced.Info.CoalescedSegCount = (USHORT)Segments;
    NET_BUFFER_LIST_INFO(List, TcpRecvSegCoalesceInfo) = Coalesced.Value;
    CounterAdd(&Adapter->Coalesced, 1);
    CounterAdd(&Adapter->CoalescedPackets, Segments);
    CounterAdd(&Adapter->CoalescedOctets, Cut->Size - Cut->HeaderLength);
}

/* Fills lists with the next packets from the ring, and with segments of super-packets, as many as a batch takes. FALSE: the
 * ring is corrupt. */
static BOOLEAN Fill(_Inout_ TUN_SESSION *Session, _Inout_ TUN_BATCH *Batch)
{
    TUN_ADAPTER *Adapter = Session->Adapter;
    SEGMENTER *Cut = &Session->Cut;
    ULONG Small = 0, Large = 0;
    for (ULONG Seen = 0; Seen < 4 * BATCH; Seen++) /* bounded also where every packet is dropped */
    {
        uint32_t Length = 0, Next = Session->ToStack.Next;
        RING_PACKET *Entry = NULL;
        VNET_HEADER Vnet = {0};
        ULONG Coalesced = 0;
        if (SegmentsLeft(Cut) == 0)
        {
            RING_STATUS Status = RingTake(&Session->ToStack, &Entry, &Length);
            if (Status == RING_CORRUPT)
                return FALSE;
            if (Status == RING_EMPTY)
                break;
            if (Status == RING_TOO_LONG || !TakeOffload(Session, Entry, &Vnet))
            {
                Drop(Adapter, Length, NULL);
                continue;
            }
            if (Vnet.GsoType != VNET_GSO_NONE)
            {
                if (!SegmentStart(Cut, &Vnet, RingPacketData(Entry), Length, Length, TUN_SEGMENTS_MAX))
                {
                    Drop(Adapter, Length, NULL);
                    continue;
                }
                Session->CutPacket = RingPacketData(Entry);
                Session->CutIndex = Next;
                Coalesced = Coalescible(Batch->Tasks, Cut);
            }
        }
        BOOLEAN IsSegment = SegmentsLeft(Cut) != 0;
        if (IsSegment)
            Length = SegmentSize(Cut);
        BOOLEAN IsSmall = Length <= TUN_SMALL_SIZE;
        if (IsSmall ? Small == TUN_SMALL_BATCH : Large == TUN_LARGE_BATCH)
        {
            if (!IsSegment)
                Session->ToStack.Next = Next; /* for the next batch */
            break;
        }
        /* There is one: a batch leaves enough for the next. */
        TUN_LISTS *Lists = IsSmall ? &Adapter->Small : &Adapter->Large;
        NET_BUFFER_LIST *List = Pop(Lists);
        UCHAR *Data = MmGetSystemAddressForMdlSafe(MdlOf(List), NormalPagePriority | MdlMappingNoExecute);
        if (IsSegment)
            SegmentNext(Cut, Session->CutPacket, Data);
        else
            RtlCopyMemory(Data, RingPacketData(Entry), Length);
        if (Coalesced != 0)
            RtlCopyMemory(Data, Cut->Header, Cut->HeaderLength); /* those that were looked at */
        /* From here on the program can change nothing: what is checked is what the stack gets. */
        BOOLEAN IsIpv6;
        TUN_CAST Cast;
        if (!PacketValid(Data, Length, &IsIpv6, &Cast) ||
            (!IsSegment && (Vnet.Flags & VNET_NEEDS_CHECKSUM) != 0 && !SegmentFill(&Vnet, Data, Length)))
        {
            Drop(Adapter, Length, Data);
            Push(Lists, List);
            continue;
        }
        CounterAdd(&Adapter->ToStack.Packets[Cast], 1);
        CounterAdd(&Adapter->ToStack.Octets[Cast], Length);
        Prepare(Adapter, List, Length, IsIpv6);
        if (Coalesced != 0)
            Coalesce(Adapter, List, Coalesced, Cut);
        *Batch->Last = List;
        Batch->Last = &NET_BUFFER_LIST_NEXT_NBL(List);
        Batch->Count++;
        Batch->Ipv6 |= IsIpv6;
        Batch->Ipv4 |= !IsIpv6;
        if (IsSmall)
            Small++;
        else
            Large++;
    }
    return TRUE;
}

/*
 * Takes one batch from the ring to the stack. The caller holds REFERENCES on DataPath; of these the lists that the stack
 * keeps hold on to one each. TRUE: there was something in the ring, if only corruption.
 */
static BOOLEAN Carry(_Inout_ TUN_SESSION *Session)
{
    TUN_ADAPTER *Adapter = Session->Adapter;
    ULONG Kept = 0;
    TUN_BATCH Batch = {.Last = &Batch.First};
    BOOLEAN Uses = ExAcquireRundownProtection(&Adapter->TaskUse);
    ULONG Tasks = atomic_load_explicit(&Adapter->Tasks, memory_order_relaxed);
    /* Who looks on is shown what goes over a wire; who begins to, while the batch is made, may see some of it whole. */
    if (Uses && (Tasks & TUN_TASK_KNOWN) != 0 && !atomic_load_explicit(&Adapter->Monitor, memory_order_relaxed))
        Batch.Tasks = Tasks;
    if (!Fill(Session, &Batch))
        atomic_store_explicit(&Session->Dead, TUN_CLOSED_CORRUPT_TOSTACK, memory_order_relaxed);
    BOOLEAN Progress = Session->ToStack.Next != Session->ToStack.Own ||
                       atomic_load_explicit(&Session->Dead, memory_order_relaxed) != 0;
    Reclaim(Adapter);
    BOOLEAN Enough = Adapter->Small.FreeCount >= TUN_SMALL_BATCH && Adapter->Large.FreeCount >= TUN_LARGE_BATCH;
    /* What is copied gives its room back to the program before the stack looks at it: all but a super-packet not yet cut. */
    ULONG Done = SegmentsLeft(&Session->Cut) != 0 ? Session->CutIndex : Session->ToStack.Next;
    if (RingRelease(&Session->ToStack, Done))
        KeSetEvent(Session->ToStackSpace, IO_NETWORK_INCREMENT, FALSE);
    if (Batch.First)
    {
        TUN_SESSION *Monitor = AcquireMonitor(Adapter);
        for (NET_BUFFER_LIST *List = Batch.First; Monitor && List; List = NET_BUFFER_LIST_NEXT_NBL(List))
            MonitorCopy(Monitor, NET_BUFFER_LIST_FIRST_NB(List), NULL, RING_FLAG_TO_STACK);
        ReleaseMonitor(Adapter, Monitor);
        ULONG Flags = Batch.Ipv4 && Batch.Ipv6 ? 0 : NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE;
        if (!Enough)
            Flags |= NDIS_RECEIVE_FLAGS_RESOURCES; /* a stack that holds lists must not stop the flow */
        NdisMIndicateReceiveNetBufferLists(Adapter->Handle, Batch.First, NDIS_DEFAULT_PORT_NUMBER, Batch.Count, Flags);
        if (Enough)
            Kept = Batch.Count;
        else
        {
            Recycle(Adapter, Batch.First);
            Reclaim(Adapter); /* with these a full batch is there again */
        }
    }
    if (Uses)
        ExReleaseRundownProtection(&Adapter->TaskUse);
    ExReleaseRundownProtectionEx(&Adapter->DataPath, REFERENCES - Kept); /* its own among them: never 0 */
    return Progress;
}

/* Ends what can be ended of a session whose ring is corrupt: both rings say why, the program wakes, the link goes down.
 * Its memory goes when the program lets go. */
static VOID Die(_Inout_ TUN_SESSION *Session)
{
    ULONG Reason = atomic_load_explicit(&Session->Dead, memory_order_acquire);
    Trace(SessionCorrupt, .NetLuid = Session->Adapter->NetLuid, .ProcessId = Session->ProcessId, .Reason = Reason);
    RingClose(Session->ToApp.Ring, Reason);
    RingClose(Session->ToStack.Ring, Reason);
    KeSetEvent(Session->ToAppPackets, IO_NO_INCREMENT, FALSE);
    KeSetEvent(Session->ToStackSpace, IO_NO_INCREMENT, FALSE);
    ReportLink(Session->Adapter, FALSE);
    Session->LinkUp = FALSE; /* End reads it when this thread is gone */
}

/* Waits until the ring holds something; first by looking, then by sleeping. */
static VOID WaitForPackets(_Inout_ TUN_SESSION *Session)
{
    for (ULONG Spin = 0; Spin < SPIN_MICROSECONDS; Spin++)
    {
        KeStallExecutionProcessor(1); /* "at most 50 microseconds" at a time, says its page */
        if (atomic_load_explicit(&Session->ToStack.Ring->Tail, memory_order_relaxed) != Session->ToStack.Other)
            return;
    }
    VOID *Objects[] = {Session->ToStackPackets, &Session->Stop};
    /* The program chose the event: one that stays set must not keep this thread awake. A signal that this takes away
     * belongs to a packet published before it, which RingSleep sees. */
    KeClearEvent(Session->ToStackPackets);
    if (RingSleep(&Session->ToStack) != RING_EMPTY)
        return; /* a packet, or corruption: Carry finds out which */
    KeWaitForMultipleObjects(RTL_NUMBER_OF(Objects), Objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL);
    RingAwake(&Session->ToStack);
}

/* The session's thread, from SessionStart until the session ends or dies. PASSIVE_LEVEL. */
_Use_decl_annotations_
VOID NTAPI ToStackThread(PVOID StartContext)
{
    TUN_SESSION *Session = StartContext;
    TUN_ADAPTER *Adapter = Session->Adapter;
    VOID *Objects[] = {&Adapter->Running, &Session->Stop};
    while (!atomic_load_explicit(&Session->Stopping, memory_order_relaxed))
    {
        if (atomic_load_explicit(&Session->Dead, memory_order_relaxed) != 0)
        {
            Die(Session);
            break;
        }
        if (!ExAcquireRundownProtectionEx(&Adapter->DataPath, REFERENCES))
            KeWaitForMultipleObjects(RTL_NUMBER_OF(Objects), Objects, WaitAny, Executive, KernelMode, FALSE, NULL,
                                     NULL); /* paused: packets wait in the ring until Restart */
        else if (!Carry(Session))
            WaitForPackets(Session);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}
