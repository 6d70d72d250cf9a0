/* SPDX-License-Identifier: MIT */
/*
 * The stack of the fuzzers, behind host/ndis: sends what a target has built, and takes what the driver indicates, all of
 * whose bytes it reads. Sends come from the fuzzer's thread, indications from the session's; Lock guards what is held.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/pools.h"

#define STACK_TAG 'kcaB'
#define HELD_MAX  512

struct _BACKEND
{
    NDIS_HOST_ADAPTER *Adapter;
    ULONG Mtu;
    NDIS_HANDLE ListPool, BufferPool;
    pthread_mutex_t Lock;
    BOOLEAN Hold;
    NET_BUFFER_LIST *Held[HELD_MAX];
    ULONG HeldCount;
    FUZZ_RECEIVED Received;
    ULONG Outstanding; /* lists that the driver has */
    UCHAR Copy[65536];
};

static BACKEND *Last;
static ULONG NextIndex;

BACKEND *StackLast(VOID)
{
    return Last;
}

NDIS_HOST_ADAPTER *StackAdapter(BACKEND *Stack)
{
    return Stack->Adapter;
}

VOID FuzzStackHold(BACKEND *Stack, BOOLEAN Hold)
{
    pthread_mutex_lock(&Stack->Lock);
    Stack->Hold = Hold;
    pthread_mutex_unlock(&Stack->Lock);
}

ULONG FuzzStackHeld(BACKEND *Stack)
{
    pthread_mutex_lock(&Stack->Lock);
    ULONG Held = Stack->HeldCount;
    pthread_mutex_unlock(&Stack->Lock);
    return Held;
}

FUZZ_RECEIVED FuzzStackReceived(BACKEND *Stack)
{
    pthread_mutex_lock(&Stack->Lock);
    FUZZ_RECEIVED Received = Stack->Received;
    pthread_mutex_unlock(&Stack->Lock);
    return Received;
}

VOID FuzzStackReturn(BACKEND *Stack, ULONG Count, BOOLEAN Newest)
{
    NET_BUFFER_LIST *Chain = NULL;
    pthread_mutex_lock(&Stack->Lock);
    Count = min(Count, Stack->HeldCount);
    for (ULONG I = 0; I < Count; I++)
    {
        NET_BUFFER_LIST *List = Stack->Held[Newest ? Stack->HeldCount - 1 - I : I];
        List->Next = Chain;
        Chain = List;
    }
    Stack->HeldCount -= Count;
    if (!Newest)
        memmove(Stack->Held, Stack->Held + Count, Stack->HeldCount * sizeof(Stack->Held[0]));
    pthread_mutex_unlock(&Stack->Lock);
    if (Chain)
        NdisHostReturn(Stack->Adapter, Chain, 0);
}

/* ---- What the driver indicates */

/* A packet is whole, and what its list says of it is what its bytes say. */
static VOID Take(_Inout_ BACKEND *Stack, _In_ const NET_BUFFER_LIST *List)
{
    const NET_BUFFER *Buffer = List->FirstNetBuffer;
    ULONG Length = Buffer->DataLength;
    MDL *Mdl = Buffer->CurrentMdl;
    const UCHAR *Packet = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
    LabCheck(Length <= 65535 && !Mdl->Next && Buffer->CurrentMdlOffset + Length <= MmGetMdlByteCount(Mdl),
             "%u bytes in an MDL of %u", Length, MmGetMdlByteCount(Mdl));
    Packet += Buffer->CurrentMdlOffset;
    memcpy(Stack->Copy, Packet, Length); /* so that all of it is read */
    LabCheck(Length >= 20, "%u bytes", Length);
    ULONG Minimum = List->NblFlags & NDIS_NBL_FLAGS_IS_IPV6 ? 40 : (Packet[0] & 15) * 4u;
    LabCheck(Packet[0] >> 4 == (List->NblFlags & NDIS_NBL_FLAGS_IS_IPV6 ? 6 : 4) && Minimum >= 20 && Length >= Minimum,
             "%u bytes that begin with 0x%02x, list flags 0x%x", Length, Packet[0], List->NblFlags);
    Stack->Received.Packets++;
    Stack->Received.Octets += Length;
}

VOID BackendReceive(BACKEND *Stack, NET_BUFFER_LIST *Lists, ULONG ReceiveFlags)
{
    BOOLEAN Lent = (ReceiveFlags & NDIS_RECEIVE_FLAGS_RESOURCES) != 0;
    pthread_mutex_lock(&Stack->Lock);
    BOOLEAN Hold = Stack->Hold;
    for (NET_BUFFER_LIST *List = Lists, *Next; List; List = Next)
    {
        Next = List->Next;
        Take(Stack, List);
        if (Hold && !Lent)
        {
            LabCheck(Stack->HeldCount < HELD_MAX, "more lists than the driver ever had");
            Stack->Held[Stack->HeldCount++] = List;
        }
    }
    pthread_mutex_unlock(&Stack->Lock);
    if (!Hold && !Lent)
        NdisHostReturn(Stack->Adapter, Lists, 0);
}

/* ---- What is sent */

NET_BUFFER_LIST *FuzzStackList(BACKEND *Stack)
{
    NET_BUFFER_LIST *List = NdisAllocateNetBufferList(Stack->ListPool, 0, 0);
    NET_BUFFER_LIST_PROTOCOL_RESERVED(List)[0] = Stack;
    return List;
}

NET_BUFFER *FuzzStackBuffer(BACKEND *Stack)
{
    return NdisAllocateNetBuffer(Stack->BufferPool, NULL, 0, 0);
}

VOID FuzzStackSend(BACKEND *Stack, NET_BUFFER_LIST *Chain, BOOLEAN Dispatch)
{
    KIRQL Irql = KeGetCurrentIrql();
    for (NET_BUFFER_LIST *List = Chain; List; List = List->Next)
        Stack->Outstanding++;
    if (Dispatch)
        KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    NdisHostSend(Stack->Adapter, Chain, Dispatch ? NDIS_SEND_FLAGS_DISPATCH_LEVEL : 0);
    if (Dispatch)
        KeLowerIrql(Irql);
    LabCheck(Stack->Outstanding == 0, "%u lists are with the driver", Stack->Outstanding);
}

VOID FuzzStackSendPlain(BACKEND *Stack, ULONG Count, ULONG Length, BOOLEAN IsIpv6)
{
    PUCHAR Memory = ExAllocatePoolWithTag(NonPagedPoolNx, max(Length, 64), STACK_TAG);
    MDL *Mdl = IoAllocateMdl(Memory, max(Length, 1), FALSE, FALSE, NULL);
    NET_BUFFER_LIST *Chain = NULL;
    PacketMake(Memory, max(Length, 64), IsIpv6, 1, Length);
    MmBuildMdlForNonPagedPool(Mdl);
    for (ULONG I = 0; I < Count; I++)
    {
        NET_BUFFER_LIST *List = FuzzStackList(Stack);
        NET_BUFFER *Buffer = FuzzStackBuffer(Stack);
        Buffer->MdlChain = Buffer->CurrentMdl = Mdl; /* the same for all: nobody writes there */
        Buffer->DataLength = Length;
        List->FirstNetBuffer = Buffer;
        List->Next = Chain;
        Chain = List;
    }
    if (Chain)
        FuzzStackSend(Stack, Chain, Length & 1);
    for (NET_BUFFER_LIST *Next; Chain; Chain = Next)
    {
        Next = Chain->Next;
        NdisFreeNetBuffer(Chain->FirstNetBuffer);
        Chain->FirstNetBuffer = NULL;
        NdisFreeNetBufferList(Chain);
    }
    IoFreeMdl(Mdl);
    ExFreePoolWithTag(Memory, STACK_TAG);
}

VOID BackendSendComplete(BACKEND *Stack, NET_BUFFER_LIST *Lists)
{
    for (NET_BUFFER_LIST *List = Lists; List; List = List->Next)
    {
        LabCheck(NET_BUFFER_LIST_PROTOCOL_RESERVED(List)[0] == Stack && Stack->Outstanding, "a list that was not sent");
        Stack->Outstanding--;
    }
}

/* ---- The adapter's life */

NTSTATUS BackendCreate(const BACKEND_REQUEST *Request, BACKEND_IDENTITY *Identity, BACKEND **Result)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Lists = PoolOfLists(STACK_TAG);
    Lists.fAllocateNetBuffer = FALSE; /* a target hangs any number on a list */
    NET_BUFFER_POOL_PARAMETERS Buffers = PoolOfBuffers(STACK_TAG);
    BACKEND *Stack = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Stack), STACK_TAG);
    memset(Stack, 0, sizeof(*Stack));
    Stack->Adapter = Request->Adapter;
    pthread_mutex_init(&Stack->Lock, NULL);
    Stack->ListPool = NdisAllocateNetBufferListPool(NULL, &Lists);
    Stack->BufferPool = NdisAllocateNetBufferPool(NULL, &Buffers);
    *Identity = LabIdentity(Request, "fuzz", 100 + NextIndex++ % 8);
    Last = *Result = Stack;
    return STATUS_SUCCESS;
}

VOID BackendDestroy(BACKEND *Stack)
{
    LabCheck(!Stack->HeldCount && !Stack->Outstanding, "%u lists are still with the stack, %u with the driver",
             Stack->HeldCount, Stack->Outstanding);
    NdisFreeNetBufferPool(Stack->BufferPool);
    NdisFreeNetBufferListPool(Stack->ListPool);
    pthread_mutex_destroy(&Stack->Lock);
    Last = Last == Stack ? NULL : Last;
    ExFreePoolWithTag(Stack, STACK_TAG);
}

VOID BackendSetMtu(BACKEND *Stack, ULONG Mtu)
{
    Stack->Mtu = Mtu;
}

VOID BackendSetLink(BACKEND *Stack, const BACKEND_LINK *Link)
{
}

NTSTATUS BackendStart(BACKEND *Stack)
{
    return STATUS_SUCCESS;
}

VOID BackendStop(BACKEND *Stack)
{
}
