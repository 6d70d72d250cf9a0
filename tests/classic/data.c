/* SPDX-License-Identifier: MIT */
/*
 * Packets of the classic miniport. To the program: each is copied into a slot of its ring, in the sending thread, at or
 * below DISPATCH_LEVEL. To the driver: the session's thread describes the packets where they lie, in the program's
 * memory, by partial MDLs, and indicates them; a slot is the program's again when the stack has returned its list and
 * all older ones, which it does in an order of its own. The program may write to a packet that the stack reads: this
 * manner's weakness, which plaintun's driver pays a copy to avoid.
 */
#include "tests/classic/classic.h"

#define BATCH             32
#define SPIN_MICROSECONDS 50

static CLASSIC_PACKET *SlotOf(_In_ const CLASSIC_MAPPED *Mapped, _In_ ULONG Position)
{
    return (CLASSIC_PACKET *)((PUCHAR)Mapped->Ring + CLASSIC_HEADER + (Position & (Mapped->Slots - 1)) * CLASSIC_SLOT);
}

static ULONG ReadPosition(_In_ volatile ULONG *Position)
{
    return (ULONG)ReadAcquire((volatile LONG *)Position);
}

/* Waiting: nothing is ordered by it alone. */
static BOOLEAN ReadWaiting(_In_ CLASSIC_RING *Ring)
{
    return ReadNoFence((volatile LONG *)&Ring->Waiting) != 0;
}

static VOID WriteWaiting(_In_ CLASSIC_RING *Ring, _In_ LONG Value)
{
    WriteNoFence((volatile LONG *)&Ring->Waiting, Value);
}

static VOID WritePosition(_In_ volatile ULONG *Position, _In_ ULONG Value)
{
    WriteRelease((volatile LONG *)Position, (LONG)Value);
}

/* One packet into the ring, with SendLock held. FALSE: there is no room, or it is none of IP's. */
static BOOLEAN SendOne(_Inout_ CLASSIC_SESSION *Session, _In_ NET_BUFFER *Buffer)
{
    CLASSIC_PACKET *Slot = SlotOf(&Session->ToProgram, Session->SendTail);
    ULONG Length = NET_BUFFER_DATA_LENGTH(Buffer);
    if (Session->SendTail - ReadPosition(&Session->ToProgram.Ring->Head) >= Session->ToProgram.Slots || !Length ||
        Length > CLASSIC_PACKET_LIMIT)
    {
        return FALSE;
    }
    PUCHAR Data = NdisGetDataBuffer(Buffer, Length, Slot->Data, 1, 0);
    if (!Data)
        return FALSE;
    if (Data != Slot->Data)
        RtlCopyMemory(Slot->Data, Data, Length);
    Slot->Length = Length;
    Session->SendTail++;
    return TRUE;
}

/* All packets of a chain, and the program is told once. With SessionLock held, shared. */
static VOID SendAll(_Inout_ CLASSIC_ADAPTER *Adapter, _Inout_ CLASSIC_SESSION *Session, _In_ NET_BUFFER_LIST *Lists)
{
    CLASSIC_RING *Ring = Session->ToProgram.Ring;
    LONG64 Sent = 0, Dropped = 0;
    KLOCK_QUEUE_HANDLE Queue;
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&Session->SendLock, &Queue);
    for (NET_BUFFER_LIST *List = Lists; List; List = List->Next)
    {
        for (NET_BUFFER *Buffer = List->FirstNetBuffer; Buffer; Buffer = Buffer->Next)
            if (SendOne(Session, Buffer))
                Sent++;
            else
                Dropped++;
    }
    WritePosition(&Ring->Tail, Session->SendTail);
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&Queue);
    KeMemoryBarrier(); /* Tail before Waiting; the program has the mirror image */
    if (ReadWaiting(Ring))
        KeSetEvent(Session->ToProgram.Event, IO_NETWORK_INCREMENT, FALSE);
    InterlockedAdd64(&Adapter->ToProgram, Sent);
    InterlockedAdd64(&Adapter->Dropped, Dropped);
}

/* MiniportSendNetBufferLists: what no program is there for is dropped, and is no failure. */
VOID ClassicSend(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, NDIS_PORT_NUMBER Port, ULONG Flags)
{
    CLASSIC_ADAPTER *Adapter = Context;
    KIRQL Irql = ExAcquireSpinLockShared(&Adapter->SessionLock);
    UNREFERENCED_PARAMETER(Port);
    if (Adapter->Session)
        SendAll(Adapter, Adapter->Session, Lists);
    ExReleaseSpinLockShared(&Adapter->SessionLock, Irql);
    for (NET_BUFFER_LIST *List = Lists; List; List = List->Next)
        NET_BUFFER_LIST_STATUS(List) = NDIS_STATUS_SUCCESS;
    NdisMSendNetBufferListsComplete(
        Adapter->Handle, Lists, Flags & NDIS_SEND_FLAGS_DISPATCH_LEVEL ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

/* ---- */

/* The slot is the program's again once all before it are. */
static VOID GiveBack(_Inout_ CLASSIC_SESSION *Session, _In_ ULONG Position)
{
    ULONG Mask = Session->ToDriver.Slots - 1;
    KLOCK_QUEUE_HANDLE Queue;
    KeAcquireInStackQueuedSpinLock(&Session->ReturnLock, &Queue);
    if (Position != Session->Head)
        InterlockedIncrement64(&Session->Adapter->OutOfOrder);
    Session->Done[Position & Mask] = TRUE;
    for (Position = Session->Head; Session->Done[Position & Mask]; Position++)
        Session->Done[Position & Mask] = FALSE;
    WritePosition(&Session->Head, Position); /* the thread reads it without the lock */
    WritePosition(&Session->ToDriver.Ring->Head, Position);
    KeReleaseInStackQueuedSpinLock(&Queue);
}

/* A list over the packet in the slot at Position, where it lies. NULL: it is not one, or there is no memory. */
static NET_BUFFER_LIST *MakeList(_Inout_ CLASSIC_SESSION *Session, _In_ ULONG Position)
{
    ULONG Index = Position & (Session->ToDriver.Slots - 1);
    CLASSIC_PACKET *Slot = SlotOf(&Session->ToDriver, Position);
    ULONG Length = *(volatile ULONG *)&Slot->Length;
    UCHAR First = *(volatile UCHAR *)&Slot->Data[0];
    BOOLEAN Ipv6 = (First & 0xf0) == 0x60;
    MDL *Ring = Session->ToDriver.Mdl, *Mdl = Session->SlotMdls[Index];
    if (Length < 20 || Length > CLASSIC_PACKET_LIMIT || (!Ipv6 && (First & 0xf0) != 0x40))
        return NULL;
    IoBuildPartialMdl(Ring, Mdl,
                      (PUCHAR)MmGetMdlVirtualAddress(Ring) + ((PUCHAR)Slot->Data - (PUCHAR)Session->ToDriver.Ring),
                      Length);
    NET_BUFFER_LIST *List = NdisAllocateNetBufferAndNetBufferList(Session->Adapter->Pool, 0, 0, Mdl, 0, Length);
    if (!List)
    {
        MmPrepareMdlForReuse(Mdl);
        return NULL;
    }
    List->SourceHandle = Session->Adapter->Handle;
    NET_BUFFER_LIST_MINIPORT_RESERVED(List)[0] = Session;
    NET_BUFFER_LIST_MINIPORT_RESERVED(List)[1] = (PVOID)(ULONG_PTR)Position;
    NdisSetNblFlag(List, Ipv6 ? NDIS_NBL_FLAGS_IS_IPV6 : NDIS_NBL_FLAGS_IS_IPV4);
    NET_BUFFER_LIST_INFO(List, NetBufferListFrameType) =
        (PVOID)(ULONG_PTR)(Ipv6 ? RtlUshortByteSwap(0x86dd) : RtlUshortByteSwap(0x0800));
    return List;
}

/* MiniportReturnNetBufferLists: at or below DISPATCH_LEVEL, any thread, in any order. */
VOID ClassicReturn(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, ULONG Flags)
{
    CLASSIC_ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Flags);
    while (Lists)
    {
        NET_BUFFER_LIST *List = Lists;
        CLASSIC_SESSION *Session = NET_BUFFER_LIST_MINIPORT_RESERVED(List)[0];
        ULONG Position = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_MINIPORT_RESERVED(List)[1];
        Lists = List->Next;
        List->Next = NULL;
        MmPrepareMdlForReuse(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(List)));
        NdisFreeNetBufferList(List);
        InterlockedIncrement64(&Adapter->Returned);
        GiveBack(Session, Position);
        ExReleaseRundownProtection(&Session->Lists); /* the session may be gone now */
        ExReleaseRundownProtection(&Adapter->Indications);
    }
}

/* Indicates up to BATCH packets. Gives how many slots it took; 0: the ring is empty, or the adapter is paused. */
static ULONG Receive(_Inout_ CLASSIC_SESSION *Session)
{
    CLASSIC_ADAPTER *Adapter = Session->Adapter;
    ULONG Ready = ReadPosition(&Session->ToDriver.Ring->Tail) - Session->Next, Taken = 0, Count = 0;
    ULONG Free = Session->ToDriver.Slots - (Session->Next - ReadPosition(&Session->Head)); /* once: min reads twice */
    NET_BUFFER_LIST *First = NULL, **Last = &First;
    /* More than there are slots free is not what a producer can have filled. */
    Ready = min(Ready, Free);
    Ready = min(Ready, BATCH);
    if (!Ready || !ExAcquireRundownProtectionEx(&Adapter->Indications, Ready))
        return 0;
    ExAcquireRundownProtectionEx(&Session->Lists, Ready);
    for (; Taken < Ready; Taken++)
    {
        ULONG Position = Session->Next++;
        NET_BUFFER_LIST *List = MakeList(Session, Position);
        if (List)
        {
            *Last = List;
            Last = &List->Next;
            Count++;
        }
        else
        {
            InterlockedIncrement64(&Adapter->Dropped);
            GiveBack(Session, Position);
            ExReleaseRundownProtection(&Session->Lists);
            ExReleaseRundownProtection(&Adapter->Indications);
        }
    }
    InterlockedAdd64(&Adapter->ToDriver, Count);
    if (Count)
        NdisMIndicateReceiveNetBufferLists(Adapter->Handle, First, NDIS_DEFAULT_PORT_NUMBER, Count, 0);
    return Taken;
}

static BOOLEAN IsEmpty(_In_ const CLASSIC_SESSION *Session)
{
    return ReadPosition(&Session->ToDriver.Ring->Tail) == Session->Next;
}

/* Looks at an empty ring for a while, as the next packet may be near. */
static BOOLEAN SpinWhileEmpty(_In_ const CLASSIC_SESSION *Session)
{
    LARGE_INTEGER Frequency, Begin = KeQueryPerformanceCounter(&Frequency);
    while (IsEmpty(Session))
    {
        if ((KeQueryPerformanceCounter(NULL).QuadPart - Begin.QuadPart) * 1000000 / Frequency.QuadPart >
            SPIN_MICROSECONDS)
        {
            return FALSE;
        }
        ZwYieldExecution();
    }
    return TRUE;
}

/* Sleeps until the program has sent, or the session ends: FALSE. */
static BOOLEAN WaitForProgram(_Inout_ CLASSIC_SESSION *Session)
{
    PVOID Objects[] = {&Session->Stop, Session->ToDriver.Event};
    NTSTATUS Status = STATUS_WAIT_0 + 1;
    WriteWaiting(Session->ToDriver.Ring, 1);
    KeMemoryBarrier(); /* Waiting before Tail; the program has the mirror image */
    if (IsEmpty(Session))
        Status = KeWaitForMultipleObjects(2, Objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL);
    WriteWaiting(Session->ToDriver.Ring, 0);
    return Status == STATUS_WAIT_0 + 1;
}

/* Packets that cannot be indicated now: the adapter is paused, or the stack has not returned any list yet. */
static BOOLEAN WaitForStack(_Inout_ CLASSIC_SESSION *Session)
{
    PVOID Objects[] = {&Session->Stop, &Session->Adapter->Running};
    LARGE_INTEGER Soon = {.QuadPart = -10000};
    if (KeWaitForMultipleObjects(2, Objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL) != STATUS_WAIT_0 + 1)
        return FALSE;
    return KeWaitForSingleObject(&Session->Stop, Executive, KernelMode, FALSE, &Soon) == STATUS_TIMEOUT;
}

VOID ClassicReceiveThread(PVOID Context)
{
    CLASSIC_SESSION *Session = Context;
    BOOLEAN Go = TRUE;
    KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
    while (Go && !KeReadStateEvent(&Session->Stop))
    {
        if (Receive(Session))
            continue;
        if (!IsEmpty(Session))
            Go = WaitForStack(Session);
        else if (!SpinWhileEmpty(Session))
            Go = WaitForProgram(Session);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}
