/* SPDX-License-Identifier: MIT */
/*
 * The stack beneath host/ndis on Linux: one TUN interface for each adapter. One thread an adapter reads the interface
 * until it is empty or a batch is full and sends the batch to the miniport as one chain; what the miniport indicates
 * is written to the interface in the indicating thread. TCP crosses the interface in super-packets: those from Linux go to
 * a miniport that has large sends on as they are (leave.h), for others they are cut; those for Linux are put together here
 * (offload.h). No locks and no allocation while packets flow: a batch is the reader's until it is sent and again when its
 * last list is complete, counted by one atomic; the frame and the segmenter are the reader's alone.
 */
#include "host/linux/late.h"
#include "host/linux/leave.h"
#include "host/linux/offload.h"
#include "host/linux/syscall.h"
#include "host/linux/tun.h"
#include "host/ndis/backend.h"
#include "host/ndis/platform.h"
#include "host/wine/shared/luid.h"

#define BACKEND_TAG   'kcaB'
#define BATCH_PACKETS 64
#define BATCH_BYTES   (512 * 1024) /* 64 packets of usual size; fewer of the largest */
#define BATCHES       4            /* out with a miniport that completes late */
#define PACKET_LIMIT  65536        /* room for one more packet: Linux sends 65535 bytes at most */
#define GATHER_PARTS  32
#define IDLE_YIELDS   40 /* looks at an empty interface before the reader sleeps, each after others have run */

typedef struct _BACKEND_BATCH
{
    volatile LONG Outstanding; /* lists that the miniport still has */
    ULONG Used;                /* bytes of Memory */
    PUCHAR Memory;
    NET_BUFFER_LIST *Lists[BATCH_PACKETS];
    MDL *Mdls[BATCH_PACKETS];
} BACKEND_BATCH;

/* One direction's counters: packets as the miniport sees them, of which Segments crossed the interface in Supers; of the
 * supers, Whole are packets of the miniport's, too, which would have been Parts segments. They only grow; each is written by
 * atomics once a batch. */
typedef struct _BACKEND_COUNTERS
{
    volatile LONG64 Packets, Bytes, Segments, Supers, Whole, Parts, Dropped;
} BACKEND_COUNTERS;

/* What one batch adds to the counters. */
typedef struct _BACKEND_TALLY
{
    LONG64 Packets, Bytes, Segments, Supers, Whole, Parts, Dropped, Down, Invalid;
} BACKEND_TALLY;

struct _BACKEND
{
    NDIS_HOST_ADAPTER *Adapter;
    TUN_DEVICE Tun;
    int StopEvent; /* readable: the reader shall end */
    NDIS_HANDLE Pool;
    BACKEND_BATCH Batches[BATCHES];
    PUCHAR Frame; /* what was read last, if the miniport does not get it as it is; its segments are taken from there */
    SEGMENTER Segmenter;
    KEVENT BatchFree;
    volatile LONG ReaderWaits, Stopping;
    PVOID Thread; /* referenced */
    BOOLEAN CarrierFailed, Offload;
    LATE *Late; /* NULL: received lists are returned at once */
    DECLSPEC_CACHEALIGN BACKEND_COUNTERS ToMiniport;
    volatile LONG64 Refused; /* completed by the miniport with a failure */
    DECLSPEC_CACHEALIGN BACKEND_COUNTERS FromMiniport;
    volatile LONG64 DroppedDown,
        DroppedInvalid;                        /* of FromMiniport.Dropped: interface down; refused by Linux as wrong */
    DECLSPEC_CACHEALIGN KSPIN_LOCK BounceLock; /* Bounce: for packets in more parts than one write takes */
    PUCHAR Bounce;
};

static VOID FreeBatch(_Inout_ BACKEND_BATCH *Batch)
{
    for (ULONG I = 0; I < BATCH_PACKETS; I++)
    {
        if (Batch->Lists[I])
            NdisFreeNetBufferList(Batch->Lists[I]);
        if (Batch->Mdls[I])
            IoFreeMdl(Batch->Mdls[I]);
    }
    if (Batch->Memory)
        ExFreePoolWithTag(Batch->Memory, BACKEND_TAG);
}

static BOOLEAN MakeBatch(_Inout_ BACKEND *Backend, _Out_ BACKEND_BATCH *Batch)
{
    RtlZeroMemory(Batch, sizeof(*Batch));
    Batch->Memory = ExAllocatePoolWithTag(NonPagedPoolNx, BATCH_BYTES, BACKEND_TAG);
    if (!Batch->Memory)
        return FALSE;
    for (ULONG I = 0; I < BATCH_PACKETS; I++)
    {
        /* Room for the largest packet at any offset; FillBatch sets the part that a packet takes. */
        Batch->Mdls[I] = IoAllocateMdl(Batch->Memory, PACKET_LIMIT + PAGE_SIZE, FALSE, FALSE, NULL);
        if (!Batch->Mdls[I])
            return FALSE;
        Batch->Lists[I] = NdisAllocateNetBufferAndNetBufferList(Backend->Pool, 0, 0, Batch->Mdls[I], 0, 0);
        if (!Batch->Lists[I])
            return FALSE;
    }
    return TRUE;
}

NTSTATUS BackendCreate(const BACKEND_REQUEST *Request, BACKEND_IDENTITY *Identity, BACKEND **Result)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   .Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = BACKEND_TAG,
    };
    BACKEND *Backend = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Backend), BACKEND_TAG);
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;
    if (!Backend)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Backend, sizeof(*Backend));
    Backend->Adapter = Request->Adapter;
    KeInitializeSpinLock(&Backend->BounceLock);
    KeInitializeEvent(&Backend->BatchFree, SynchronizationEvent, FALSE);
    Backend->Frame = ExAllocatePoolWithTag(NonPagedPoolNx, PACKET_LIMIT, BACKEND_TAG);
    if (!Backend->Frame)
        goto freeBackend;
    Backend->Bounce = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(VNET_HEADER) + PACKET_LIMIT, BACKEND_TAG);
    if (!Backend->Bounce)
        goto freeFrame;
    Backend->Pool = NdisAllocateNetBufferListPool(NULL, &Parameters);
    if (!Backend->Pool)
        goto freeBounce;
    for (ULONG I = 0; I < BATCHES; I++)
        if (!MakeBatch(Backend, &Backend->Batches[I]))
            goto freeBatches;
    Backend->StopEvent = (int)LinuxCall3(LINUX_EVENTFD2, 0, LINUX_O_CLOEXEC | LINUX_O_NONBLOCK, 0);
    if (Backend->StopEvent < 0)
        goto freeBatches;
    if (PlatformSetting("HOST_TUN_RETURN_LATE", 0))
        Backend->Late = LateCreate(Backend->Adapter, PlatformSetting("HOST_TUN_RETURN_LATE", 0));
    int Error = TunOpen(&Backend->Tun, Request->Name);
    if (Error < 0)
    {
        DbgPrint("linux: no TUN interface: error %d\n", -Error);
        Status = STATUS_UNSUCCESSFUL;
        goto destroyLate;
    }
    /* Off, each packet crosses to Linux alone: for comparison with programs that do the same. */
    Backend->Offload = PlatformSetting("HOST_TUN_OFFLOAD", 1) != 0;
    Error = Backend->Offload ? TunSetOffload(&Backend->Tun) : 0;
    if (Error < 0)
        DbgPrint("linux: %s: no offload, error %d: each packet will cross alone\n", Backend->Tun.Name, -Error);
    /* The alias is where programs' IP Helper finds the adapter's GUID: host/wine/shared/luid.h. */
    if (Request->InstanceId[0] && (Error = TunSetAlias(&Backend->Tun, Request->InstanceId)) < 0)
        DbgPrint("linux: %s: no alias, error %d\n", Backend->Tun.Name, -Error);
    RtlZeroMemory(Identity, sizeof(*Identity));
    Identity->IfIndex = Backend->Tun.Index;
    Identity->NetLuid.Value = HostLuid(Backend->Tun.Index, Request->IfType);
    RtlCopyMemory(Identity->Name, Backend->Tun.Name, TUN_NAME_LENGTH);
    *Result = Backend;
    return STATUS_SUCCESS;

destroyLate:
    if (Backend->Late)
        LateDestroy(Backend->Late);
    LinuxClose(Backend->StopEvent);
freeBatches:
    for (ULONG I = 0; I < BATCHES; I++)
        FreeBatch(&Backend->Batches[I]);
    NdisFreeNetBufferListPool(Backend->Pool);
freeBounce:
    ExFreePoolWithTag(Backend->Bounce, BACKEND_TAG);
freeFrame:
    ExFreePoolWithTag(Backend->Frame, BACKEND_TAG);
freeBackend:
    ExFreePoolWithTag(Backend, BACKEND_TAG);
    return Status;
}

VOID BackendSetMtu(BACKEND *Backend, ULONG Mtu)
{
    int Error = TunSetMtu(&Backend->Tun, Mtu);
    if (Error < 0)
        DbgPrint("linux: %s: MTU %u refused, error %d\n", Backend->Tun.Name, (unsigned)Mtu, -Error);
}

VOID BackendSetLink(BACKEND *Backend, const BACKEND_LINK *Link)
{
    TunSetSpeed(&Backend->Tun, (ULONG)(Link->TransmitSpeed / 1000000)); /* refused: it shows none */
    int Error = TunSetCarrier(&Backend->Tun, Link->Connected);
    if (Error < 0 && !Backend->CarrierFailed)
    {
        Backend->CarrierFailed = TRUE;
        DbgPrint("linux: %s: carrier cannot be set, error %d: the interface will not show the link's state\n",
                 Backend->Tun.Name, -Error);
    }
}

/* Adds a batch's to one direction's. */
static VOID Add(_Inout_ BACKEND_COUNTERS *Counters, _In_ const BACKEND_TALLY *Tally)
{
    if (Tally->Packets)
    {
        InterlockedAdd64(&Counters->Packets, Tally->Packets);
        InterlockedAdd64(&Counters->Bytes, Tally->Bytes);
    }
    if (Tally->Supers || Tally->Segments)
    {
        InterlockedAdd64(&Counters->Segments, Tally->Segments);
        InterlockedAdd64(&Counters->Supers, Tally->Supers);
        InterlockedAdd64(&Counters->Whole, Tally->Whole);
        InterlockedAdd64(&Counters->Parts, Tally->Parts);
    }
    if (Tally->Dropped)
        InterlockedAdd64(&Counters->Dropped, Tally->Dropped);
}

/* Puts the next packet to To, where PACKET_LIMIT bytes are free, and what the miniport shall do with it into List; NULL: it
 * shall do nothing. Gives its length; 0: the interface is empty. */
static ULONG TakePacket(_Inout_ BACKEND *Backend, _Out_ PUCHAR To, _Inout_opt_ NET_BUFFER_LIST *List,
                        _Inout_ BACKEND_TALLY *Tally)
{
    const NDIS_OFFLOAD *On = NdisHostOffload(Backend->Adapter);
    PUCHAR Frame = Backend->Frame;
    while (Backend->Segmenter.Next == Backend->Segmenter.Size)
    {
        BOOLEAN Leaves = List && On->Header.Size; /* 0: it never said that it does anything */
        VNET_HEADER Vnet;
        LINUX_IOVEC Parts[] = {{.Base = &Vnet, .Length = sizeof(Vnet)},
                               {.Base = Leaves ? To : Frame, .Length = PACKET_LIMIT}};
        long long Length = LinuxCall3(LINUX_READV, Backend->Tun.Fd, Parts, 2) - (long long)sizeof(Vnet);
        if (Length <= 0)
            return 0;
        BOOLEAN Super = Vnet.GsoType != VNET_GSO_NONE;
        Tally->Supers += Super;
        ULONG Whole = Leaves ? Leave(On, &Vnet, To, (ULONG)Length, List) : 0;
        if (Super && Whole)
        {
            Tally->Whole++;
            Tally->Parts += Whole;
        }
        if (Whole || (Leaves && !Super && !(Vnet.Flags & VNET_NEEDS_CHECKSUM)))
            return (ULONG)Length;
        if (Leaves)
            RtlCopyMemory(Frame, To, (SIZE_T)Length);
        if (!Super)
        {
            SegmentComplete(&Vnet, To, Frame, (ULONG)Length);
            return (ULONG)Length;
        }
        if (!SegmentStart(&Backend->Segmenter, &Vnet, Frame, (ULONG)Length, (ULONG)Length, SEGMENT_SIZE_MAX))
        {
            /* Linux sends none that was not asked for. */
            Tally->Dropped += Vnet.GsoSize ? 1 + (Length - 1) / Vnet.GsoSize : 1;
        }
    }
    Tally->Segments++;
    return SegmentNext(&Backend->Segmenter, Frame, To);
}

/* Takes packets from the interface until there is none or the batch is full. Gives their number. Of a super-packet the
 * segments that find no room stay for the next batch. */
static ULONG FillBatch(_Inout_ BACKEND *Backend, _Inout_ BACKEND_BATCH *Batch)
{
    ULONG Count = 0;
    BACKEND_TALLY Tally = {.Packets = 0};
    Batch->Used = 0;
    while (Count < BATCH_PACKETS && Batch->Used + PACKET_LIMIT <= BATCH_BYTES)
    {
        PUCHAR Packet = Batch->Memory + Batch->Used;
        NET_BUFFER_LIST *List = Batch->Lists[Count];
        NET_BUFFER *Buffer = List->FirstNetBuffer;
        MDL *Mdl = Batch->Mdls[Count];
        NET_BUFFER_LIST_INFO(List, TcpIpChecksumNetBufferListInfo) = NULL;
        NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) = NULL;
        ULONG Length = TakePacket(Backend, Packet, List, &Tally);
        if (!Length)
            break;
        BOOLEAN Ipv6 = (Packet[0] & 0xf0) == 0x60;
        MmInitializeMdl(Mdl, Packet, Length);
        MmBuildMdlForNonPagedPool(Mdl);
        Buffer->CurrentMdl = Buffer->MdlChain = Mdl;
        Buffer->CurrentMdlOffset = Buffer->DataOffset = 0;
        Buffer->DataLength = Length;
        List->NblFlags = Ipv6 ? NDIS_NBL_FLAGS_IS_IPV6 : NDIS_NBL_FLAGS_IS_IPV4;
        List->NetBufferListInfo[NetBufferListFrameType] =
            (PVOID)(ULONG_PTR)(Ipv6 ? RtlUshortByteSwap(0x86dd) : RtlUshortByteSwap(0x0800));
        List->Next = NULL;
        if (Count)
            Batch->Lists[Count - 1]->Next = List;
        Batch->Used += (Length + 63) & ~63u;
        Tally.Bytes += Length;
        Count++;
    }
    Tally.Packets = Count;
    Add(&Backend->ToMiniport, &Tally);
    return Count;
}

/* A batch that the miniport has none of; waits for one. NULL: the reader shall end. */
static BACKEND_BATCH *FreeBatchOf(_Inout_ BACKEND *Backend)
{
    while (!Backend->Stopping)
    {
        for (ULONG I = 0; I < BATCHES; I++)
            if (__atomic_load_n(&Backend->Batches[I].Outstanding, __ATOMIC_ACQUIRE) == 0)
                return &Backend->Batches[I];
        /* Orders ReaderWaits before the second look; BackendSendComplete has the mirror image. */
        if (InterlockedExchange(&Backend->ReaderWaits, 1))
            KeWaitForSingleObject(&Backend->BatchFree, Executive, KernelMode, FALSE, NULL);
    }
    return NULL;
}

/* The adapter's reader: from BackendStart to BackendStop. */
static VOID Reader(_In_ PVOID Context)
{
    BACKEND *Backend = Context;
    BACKEND_BATCH *Batch = NULL;
    ULONG Idle = 0;
    while (!Backend->Stopping)
    {
        if (!Batch)
        {
            Batch = FreeBatchOf(Backend);
            continue;
        }
        ULONG Count = FillBatch(Backend, Batch);
        if (Count)
        {
            Batch->Outstanding = (LONG)Count;
            KIRQL Irql;
            /* TCP/IP sends at either level; the stricter one finds more. */
            KeRaiseIrql(DISPATCH_LEVEL, &Irql);
            NdisHostSend(Backend->Adapter, Batch->Lists[0], NDIS_SEND_FLAGS_DISPATCH_LEVEL);
            KeLowerIrql(Irql);
            Batch = NULL;
            Idle = 0;
        }
        else if (Idle++ < IDLE_YIELDS)
        {
            /* Under load the next packet is near, and to be woken costs its sender more than looking costs us; who else
             * is ready, the program for one, runs first, and so packets gather into batches. */
            LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
        }
        else
        {
            LINUX_POLL_FD Fds[2] = {{.Fd = Backend->Tun.Fd, .Events = LINUX_POLLIN},
                                    {.Fd = Backend->StopEvent, .Events = LINUX_POLLIN}};
            LinuxCall3(LINUX_POLL, Fds, 2, -1);
        }
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID Stop(_Inout_ BACKEND *Backend)
{
    uint64_t One = 1;
    InterlockedExchange(&Backend->Stopping, 1);
    LinuxWrite(Backend->StopEvent, &One, sizeof(One));
    KeSetEvent(&Backend->BatchFree, 0, FALSE);
}

/* Tells Linux how large a super-packet the miniport takes: larger ones are cut before, packet by packet. */
static VOID LimitSupers(_Inout_ BACKEND *Backend)
{
    const NDIS_OFFLOAD *On = NdisHostOffload(Backend->Adapter);
    ULONG Most4 = On->LsoV2.IPv4.MaxOffLoadSize, Most6 = On->LsoV2.IPv6.MaxOffLoadSize;
    ULONG Most = Most4 && Most6 ? min(Most4, Most6) : max(Most4, Most6);
    int Error = Backend->Offload && Most ? TunSetSuperMax(&Backend->Tun, Most) : 0;
    if (Error < 0)
        DbgPrint("linux: %s: super-packets of at most %u bytes are not to be had, error %d: larger ones will be cut\n",
                 Backend->Tun.Name, (unsigned)Most, -Error);
}

NTSTATUS BackendStart(BACKEND *Backend)
{
    Backend->Stopping = 0;
    LimitSupers(Backend);
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Handle;
    NTSTATUS Status = PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, Reader, Backend);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, NULL, KernelMode, &Backend->Thread, NULL);
    if (!NT_SUCCESS(Status))
    {
        Stop(Backend);
        ZwWaitForSingleObject(Handle, FALSE, NULL);
    }
    ZwClose(Handle);
    return Status;
}

VOID BackendStop(BACKEND *Backend)
{
    Stop(Backend);
    KeWaitForSingleObject(Backend->Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Backend->Thread);
    Backend->Thread = NULL;
    uint64_t Count;
    LinuxRead(Backend->StopEvent, &Count, sizeof(Count));
    KeClearEvent(&Backend->BatchFree);
}

/* One packet in more parts than a gathering write takes: copied together first, behind its header. */
static long long WriteBounced(_Inout_ BACKEND *Backend, _In_ const NET_BUFFER *Buffer, _In_ const VNET_HEADER *Vnet)
{
    ULONG Offset = Buffer->CurrentMdlOffset, Left = (ULONG)Buffer->DataLength, Used = sizeof(VNET_HEADER);
    if (Buffer->DataLength > PACKET_LIMIT)
        return -LINUX_EINVAL;
    KIRQL Irql;
    KeAcquireSpinLock(&Backend->BounceLock, &Irql);
    RtlCopyMemory(Backend->Bounce, Vnet, sizeof(*Vnet));
    for (MDL *Mdl = Buffer->CurrentMdl; Mdl && Left; Mdl = Mdl->Next)
    {
        ULONG Here = min(MmGetMdlByteCount(Mdl) - Offset, Left);
        RtlCopyMemory(Backend->Bounce + Used, (PUCHAR)MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority) + Offset,
                      Here);
        Used += Here;
        Left -= Here;
        Offset = 0;
    }
    long long Result = LinuxWrite(Backend->Tun.Fd, Backend->Bounce, Used);
    KeReleaseSpinLock(&Backend->BounceLock, Irql);
    return Result;
}

/* One packet. Vnet: its header; Headers: Exchanged bytes that take the place of its first ones, which lie in its first part. */
static long long WritePacket(_Inout_ BACKEND *Backend, _In_ const NET_BUFFER *Buffer, _In_ VNET_HEADER *Vnet,
                             _In_reads_(Exchanged) PUCHAR Headers, _In_ ULONG Exchanged)
{
    LINUX_IOVEC Parts[GATHER_PARTS] = {{.Base = Vnet, .Length = sizeof(*Vnet)}, {.Base = Headers, .Length = Exchanged}};
    ULONG Count = 2, Offset = Buffer->CurrentMdlOffset + Exchanged;
    SIZE_T Left = Buffer->DataLength - Exchanged;
    for (MDL *Mdl = Buffer->CurrentMdl; Left && Mdl; Mdl = Mdl->Next)
    {
        SIZE_T Here = min((SIZE_T)(MmGetMdlByteCount(Mdl) - Offset), Left);
        PUCHAR Address = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
        if (!Address)
            return -LINUX_EINVAL;
        if (Count == GATHER_PARTS)
            return Exchanged ? -LINUX_EINVAL : WriteBounced(Backend, Buffer, Vnet);
        if (Here)
            Parts[Count++] = (LINUX_IOVEC){.Base = Address + Offset, .Length = Here};
        Left -= Here;
        Offset = 0;
    }
    if (Left || Count == 2)
        return -LINUX_EINVAL;
    return LinuxCall3(LINUX_WRITEV, Backend->Tun.Fd, Parts, Count);
}

/* Notes what became of a write of so many packets; Parts: segments of the one, if that is a super-packet. */
static VOID Tally(_Inout_ BACKEND_TALLY *Tally, _In_ long long Result, _In_ ULONG Packets, _In_ SIZE_T Bytes,
                  _In_ ULONG Parts)
{
    if (Result < 0)
    {
        Tally->Dropped += Packets;
        Tally->Down += Result == -LINUX_EIO ? Packets : 0;
        Tally->Invalid += Result == -LINUX_EINVAL ? Packets : 0;
        return;
    }
    Tally->Packets += Packets;
    Tally->Bytes += (LONG64)Bytes;
    if (Packets > 1)
    {
        Tally->Segments += Packets;
        Tally->Supers++;
    }
    if (Parts)
    {
        Tally->Supers++;
        Tally->Whole++;
        Tally->Parts += Parts;
    }
}

/* Writes what has been put together, if anything, and begins anew. */
static VOID WriteCoalesced(_Inout_ BACKEND *Backend, _Inout_ COALESCER *Coalescer, _Inout_ BACKEND_TALLY *Counts)
{
    if (!Coalescer->Count)
        return;
    VNET_HEADER Vnet;
    LINUX_IOVEC Parts[COALESCE_PARTS];
    ULONG Count = CoalesceParts(Coalescer, &Vnet, Parts);
    long long Result;
    do
    {
        Result = LinuxCall3(LINUX_WRITEV, Backend->Tun.Fd, Parts, Count);
    } while (Result == -LINUX_EINTR);
    Tally(Counts, Result, Coalescer->Count, Coalescer->Size + (SIZE_T)(Coalescer->Count - 1) * Coalescer->HeaderLength,
          0);
    CoalesceClear(Coalescer, FALSE);
}

/* A packet's bytes, if they lie together. */
static PUCHAR FlatPacket(_In_ const NET_BUFFER *Buffer)
{
    MDL *Mdl = Buffer->CurrentMdl;
    if (!Mdl || Buffer->DataLength > (SIZE_T)MmGetMdlByteCount(Mdl) - Buffer->CurrentMdlOffset)
        return NULL;
    PUCHAR Address = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
    return Address ? Address + Buffer->CurrentMdlOffset : NULL;
}

VOID BackendReceive(BACKEND *Backend, NET_BUFFER_LIST *Lists, ULONG ReceiveFlags)
{
    BACKEND_TALLY Counts = {.Packets = 0};
    COALESCER Coalescer;
    CoalesceClear(&Coalescer, FALSE);
    for (NET_BUFFER_LIST *List = Lists; List; List = List->Next)
    {
        for (NET_BUFFER *Buffer = List->FirstNetBuffer; Buffer; Buffer = Buffer->Next)
        {
            PUCHAR Packet = FlatPacket(Buffer);
            ULONG Size = (ULONG)Buffer->DataLength;
            /* What is one packet already can have no others with it. */
            BOOLEAN May = Packet && Backend->Offload && !NET_BUFFER_LIST_INFO(List, TcpRecvSegCoalesceInfo);
            if (May && CoalesceAdd(&Coalescer, Packet, Size))
                continue;
            /* Only neighbours are put together: nothing overtakes anything. */
            WriteCoalesced(Backend, &Coalescer, &Counts);
            if (May && CoalesceAdd(&Coalescer, Packet, Size))
                continue;
            VNET_HEADER Vnet;
            UCHAR Headers[SEGMENT_HEADERS];
            ULONG Exchanged = Take(List, Packet, Packet ? Size : 0, Size, &Vnet, Headers);
            long long Result;
            do
            {
                Result = WritePacket(Backend, Buffer, &Vnet, Headers, Exchanged);
            } while (Result == -LINUX_EINTR);
            Tally(&Counts, Result, 1, Size, Vnet.GsoSize ? (Size - Exchanged + Vnet.GsoSize - 1) / Vnet.GsoSize : 0);
        }
    }
    WriteCoalesced(Backend, &Coalescer, &Counts);
    Add(&Backend->FromMiniport, &Counts);
    if (Counts.Dropped)
    {
        InterlockedAdd64(&Backend->DroppedDown, Counts.Down);
        InterlockedAdd64(&Backend->DroppedInvalid, Counts.Invalid);
    }
    if (!(ReceiveFlags & NDIS_RECEIVE_FLAGS_RESOURCES) && Backend->Late)
    {
        LateKeep(Backend->Late, Lists);
    }
    else if (!(ReceiveFlags & NDIS_RECEIVE_FLAGS_RESOURCES))
    {
        NdisHostReturn(Backend->Adapter, Lists,
                       ReceiveFlags & NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0);
    }
}

/* The batch that a list belongs to. */
static BACKEND_BATCH *BatchOf(_In_ BACKEND *Backend, _In_ const NET_BUFFER_LIST *List)
{
    PUCHAR Packet = MmGetMdlVirtualAddress(List->FirstNetBuffer->MdlChain);
    for (ULONG I = 0; I < BATCHES; I++)
        if (Packet >= Backend->Batches[I].Memory && Packet < Backend->Batches[I].Memory + BATCH_BYTES)
            return &Backend->Batches[I];
    return NULL;
}

VOID BackendSendComplete(BACKEND *Backend, NET_BUFFER_LIST *Lists)
{
    LONG64 Refused = 0;
    for (NET_BUFFER_LIST *List = Lists; List;)
    {
        BACKEND_BATCH *Batch = BatchOf(Backend, List);
        LONG Count = 0;
        /* A run of lists of one batch is counted at once. After that the batch may be refilled: no look back. */
        for (; List && BatchOf(Backend, List) == Batch; List = List->Next)
        {
            Refused += List->Status != NDIS_STATUS_SUCCESS;
            Count++;
        }
        if (InterlockedAdd(&Batch->Outstanding, -Count) == 0 && InterlockedExchange(&Backend->ReaderWaits, 0))
            KeSetEvent(&Backend->BatchFree, 0, FALSE);
    }
    if (Refused)
        InterlockedAdd64(&Backend->Refused, Refused);
}

/* "To miniport" + its "dropped" is all that Linux sent into the interface, and what Linux counts as one is a super. */
VOID BackendDestroy(BACKEND *Backend)
{
    const BACKEND_COUNTERS *To = &Backend->ToMiniport, *From = &Backend->FromMiniport;
    /* What the reader left: of a super-packet, and in Linux' queue, into which nothing comes any more; and what that had no
     * room for. */
    TunSetCarrier(&Backend->Tun, false);
    BACKEND_TALLY Left = {.Packets = 0};
    while (TakePacket(Backend, Backend->Bounce, NULL, &Left))
        Left.Dropped++;
    Left.Segments = 0; /* none of them reached the miniport */
    Add(&Backend->ToMiniport, &Left);
    int64_t Dropped = TunDropped(&Backend->Tun);
    if (Dropped < 0)
        DbgPrint("linux: %s: what Linux dropped is not known, error %d\n", Backend->Tun.Name, (int)-Dropped);
    else
        Backend->ToMiniport.Dropped += Dropped;
    DbgPrint(
        "linux: %s: to miniport %lld packets %lld bytes (%lld segments of %lld super-packets; %lld whole for %lld), "
        "refused %lld, dropped %lld; from miniport %lld packets %lld bytes (%lld segments in %lld super-packets; %lld "
        "whole for %lld), "
        "dropped %lld (down %lld, invalid %lld)\n",
        Backend->Tun.Name, (long long)To->Packets, (long long)To->Bytes, (long long)To->Segments, (long long)To->Supers,
        (long long)To->Whole, (long long)To->Parts, (long long)Backend->Refused, (long long)To->Dropped,
        (long long)From->Packets, (long long)From->Bytes, (long long)From->Segments, (long long)From->Supers,
        (long long)From->Whole, (long long)From->Parts, (long long)From->Dropped, (long long)Backend->DroppedDown,
        (long long)Backend->DroppedInvalid);
    if (Backend->Late)
        LateDestroy(Backend->Late);
    TunClose(&Backend->Tun);
    LinuxClose(Backend->StopEvent);
    for (ULONG I = 0; I < BATCHES; I++)
        FreeBatch(&Backend->Batches[I]);
    NdisFreeNetBufferListPool(Backend->Pool);
    ExFreePoolWithTag(Backend->Bounce, BACKEND_TAG);
    ExFreePoolWithTag(Backend->Frame, BACKEND_TAG);
    ExFreePoolWithTag(Backend, BACKEND_TAG);
}
