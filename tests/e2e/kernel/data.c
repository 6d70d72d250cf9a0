/* SPDX-License-Identifier: MIT */
/*
 * The data path of kernel.sys, in a manner that plaintun's is not: one list and one buffer allocated for each packet,
 * the data in two MDLs, sends completed one packet late, receives returned to a handler that frees them. At or below
 * DISPATCH_LEVEL; Lock guards the send that is held.
 */
#include "tests/e2e/kernel/kernel.h"
#include "tests/pools.h"

BOOLEAN TestData(ADAPTER *Adapter)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters = PoolOfLists(TEST_TAG);
    KeInitializeSpinLock(&Adapter->Lock);
    Adapter->Pool = NdisAllocateNetBufferListPool(Adapter->Handle, &Parameters);
    return Adapter->Pool != NULL;
}

VOID TestDataEnd(ADAPTER *Adapter)
{
    if (!Wrong(Adapter, "pool"))
        NdisFreeNetBufferListPool(Adapter->Pool);
}

static VOID FreeList(_In_ NET_BUFFER_LIST *List)
{
    MDL *Mdl = List->FirstNetBuffer->MdlChain;
    NdisFreeNetBufferList(List);
    while (Mdl)
    {
        MDL *Next = Mdl->Next;
        ExFreePoolWithTag(MmGetMdlVirtualAddress(Mdl), TEST_TAG);
        NdisFreeMdl(Mdl);
        Mdl = Next;
    }
}

VOID TestReturn(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, ULONG Flags)
{
    ADAPTER *Adapter = Context;
    UNREFERENCED_PARAMETER(Flags);
    while (Lists)
    {
        NET_BUFFER_LIST *Next = Lists->Next;
        FreeList(Lists);
        InterlockedIncrement(&Adapter->Returned);
        Lists = Next;
    }
}

/* An MDL over Length bytes of new memory, in front of Next. */
static MDL *NewMdl(_In_ ADAPTER *Adapter, _In_ const UCHAR *Data, _In_ ULONG Length, _In_opt_ MDL *Next)
{
    PVOID Copy = ExAllocatePoolWithTag(NonPagedPoolNx, Length, TEST_TAG);
    MDL *Mdl = Copy ? NdisAllocateMdl(Adapter->Handle, Copy, Length) : NULL;
    if (Mdl)
    {
        RtlCopyMemory(Copy, Data, Length);
        Mdl->Next = Next;
    }
    else if (Copy)
    {
        ExFreePoolWithTag(Copy, TEST_TAG);
    }
    return Mdl;
}

/* Gives the packet back to the stack: source and destination exchanged, which leaves every checksum right. */
static NET_BUFFER_LIST *Mirror(_In_ ADAPTER *Adapter, _In_ NET_BUFFER *Buffer, _In_ const NET_BUFFER_LIST *Sent)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Buffer), Cut = Length > 33 ? 33 : Length / 2;
    PUCHAR Room = ExAllocatePoolWithTag(NonPagedPoolNx, Length, TEST_TAG);
    PUCHAR Data = Room ? NdisGetDataBuffer(Buffer, Length, Room, 1, 0) : NULL;
    NET_BUFFER_LIST *List = NULL;
    MDL *Second = NULL, *First = NULL;
    UCHAR Packet[2048];
    if (Data && Length >= 21 && Length <= sizeof(Packet) && (Data[0] >> 4) == 4)
    {
        RtlCopyMemory(Packet, Data, Length);
        RtlCopyMemory(Packet + 12, Data + 16, 4);
        RtlCopyMemory(Packet + 16, Data + 12, 4);
        Second = NewMdl(Adapter, Packet + Cut, Length - Cut, NULL);
        First = Second ? NewMdl(Adapter, Packet, Cut, Second) : NULL;
        List = First ? NdisAllocateNetBufferAndNetBufferList(Adapter->Pool, 0, 0, First, 0, Length) : NULL;
    }
    if (List)
    {
        List->SourceHandle = Wrong(Adapter, "source") ? NULL : Adapter->Handle;
        NdisSetNblFlag(List, NDIS_NBL_FLAGS_IS_IPV4);
        NET_BUFFER_LIST_INFO(List, NetBufferListFrameType) =
            Wrong(Adapter, "frametype") ? NULL : NET_BUFFER_LIST_INFO((NET_BUFFER_LIST *)Sent, NetBufferListFrameType);
    }
    if (Room)
        ExFreePoolWithTag(Room, TEST_TAG);
    return List;
}

VOID TestSend(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, NDIS_PORT_NUMBER Port, ULONG Flags)
{
    ADAPTER *Adapter = Context;
    Fault(Adapter, "wild", 0);
    ULONG Dispatch = Flags & NDIS_SEND_FLAGS_DISPATCH_LEVEL;
    KIRQL Irql;
    for (NET_BUFFER_LIST *List = Lists; List; List = List->Next)
    {
        for (NET_BUFFER *Buffer = List->FirstNetBuffer; Buffer; Buffer = Buffer->Next)
        {
            NET_BUFFER_LIST *Answer = Mirror(Adapter, Buffer, List);
            if (!Answer)
                continue;
            InterlockedIncrement(&Adapter->Received);
            if (Wrong(Adapter, "lock"))
                KeAcquireSpinLock(&Adapter->Lock, &Irql);
            NdisMIndicateReceiveNetBufferLists(Adapter->Handle, Answer, Port, Wrong(Adapter, "count") ? 2 : 1,
                                               Dispatch ? NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL : 0);
            if (Wrong(Adapter, "lock"))
                KeReleaseSpinLock(&Adapter->Lock, Irql);
        }
        List->Status = NDIS_STATUS_SUCCESS;
    }
    /* The last of the chain stays here until more comes, if a pause does not come first. */
    KeAcquireSpinLock(&Adapter->Lock, &Irql);
    NET_BUFFER_LIST *Held = Adapter->Held;
    Adapter->Held = NULL;
    KeReleaseSpinLock(&Adapter->Lock, Irql);
    if (Held)
    {
        NdisMSendNetBufferListsComplete(Adapter->Handle, Held, Dispatch ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
        if (Wrong(Adapter, "complete"))
            NdisMSendNetBufferListsComplete(Adapter->Handle, Held, 0);
    }
    KeAcquireSpinLock(&Adapter->Lock, &Irql);
    Adapter->Held = Lists;
    KeReleaseSpinLock(&Adapter->Lock, Irql);
}
