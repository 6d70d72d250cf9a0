/* SPDX-License-Identifier: MIT */
/*
 * Moving about in a NET_BUFFER: advance, retreat, contiguous access; and MDLs over nonpaged memory. Up to
 * DISPATCH_LEVEL; the caller owns the buffer, so nothing is locked.
 */
#include "host/ndis/ndishost.h"

static MDL *MakeMdl(_In_ PVOID VirtualAddress, _In_ ULONG Length)
{
    MDL *Mdl = IoAllocateMdl(VirtualAddress, Length, FALSE, FALSE, NULL);
    if (Mdl)
        MmBuildMdlForNonPagedPool(Mdl);
    return Mdl;
}

/* NdisAllocateMdl: describes Length bytes of nonpaged memory. NULL: no memory, or a wrong handle. */
PMDL NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, UINT Length)
{
    NDIS_HOST_ADAPTER *Adapter;
    NDIS_HOST_DRIVER *Driver = HostOwnerOf(NdisHandle, &Adapter, __func__, HostPlace());
    MDL *Mdl = Driver ? MakeMdl(VirtualAddress, Length) : NULL;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (Mdl && !HostOwn(Mdl, HostKindMdl, Driver->DriverObject, Adapter, HostPlace()))
    {
        IoFreeMdl(Mdl);
        Mdl = NULL;
    }
    return Mdl;
}

VOID NdisFreeMdl(PMDL Mdl)
{
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    NdisRule("Handle_Mdl", HostDisown(Mdl, HostKindMdl), HostPlace(), "%p is no MDL of NdisAllocateMdl", (void *)Mdl);
    IoFreeMdl(Mdl);
}

/* Finds the MDL in which byte Buffer->DataOffset lies. An offset at the very end stays in the last MDL. */
static VOID FindCurrent(_Inout_ NET_BUFFER *Buffer)
{
    MDL *Mdl = Buffer->MdlChain;
    ULONG Offset = Buffer->DataOffset;
    while (Mdl && Mdl->Next && Offset >= MmGetMdlByteCount(Mdl))
    {
        Offset -= MmGetMdlByteCount(Mdl);
        Mdl = Mdl->Next;
    }
    Buffer->CurrentMdl = Mdl;
    Buffer->CurrentMdlOffset = Offset;
}

/* NdisAdjustNetBufferCurrentMdl: after the caller has changed DataOffset or the chain. */
VOID NdisAdjustNetBufferCurrentMdl(PNET_BUFFER NetBuffer)
{
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    FindCurrent(NetBuffer);
}

/*
 * NdisRetreatNetBufferDataStart: DataOffsetDelta bytes more in front of the data, from unused space before it, or
 * from a new MDL with DataBackFill further bytes. NDIS_STATUS_SUCCESS or _RESOURCES.
 */
static NDIS_STATUS Retreat(_Inout_ NET_BUFFER *NetBuffer, _In_ ULONG DataOffsetDelta, _In_ ULONG DataBackFill,
                           _In_opt_ NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler)
{
    if (NetBuffer->DataOffset >= DataOffsetDelta)
    {
        NetBuffer->DataOffset -= DataOffsetDelta;
        NetBuffer->DataLength += DataOffsetDelta;
        FindCurrent(NetBuffer);
        return NDIS_STATUS_SUCCESS;
    }
    ULONG Size = DataOffsetDelta - NetBuffer->DataOffset + DataBackFill;
    MDL *Mdl;
    if (AllocateMdlHandler)
    {
        Mdl = AllocateMdlHandler(&Size);
    }
    else
    {
        PVOID Data = ExAllocatePoolWithTag(NonPagedPoolNx, Size, HOST_TAG);
        Mdl = Data ? MakeMdl(Data, Size) : NULL;
        if (!Mdl && Data)
            ExFreePoolWithTag(Data, HOST_TAG);
    }
    if (!Mdl)
        return NDIS_STATUS_RESOURCES;
    Mdl->Next = NetBuffer->MdlChain;
    NetBuffer->MdlChain = Mdl;
    NetBuffer->DataOffset = NetBuffer->DataOffset + MmGetMdlByteCount(Mdl) - DataOffsetDelta;
    NetBuffer->DataLength += DataOffsetDelta;
    FindCurrent(NetBuffer);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NdisRetreatNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, ULONG DataBackFill,
                                          NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler)
{
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    return Retreat(NetBuffer, DataOffsetDelta, DataBackFill, AllocateMdlHandler);
}

/* NdisAdvanceNetBufferDataStart: DataOffsetDelta bytes fewer; FreeMdl frees MDLs that hold none of the data now. */
static VOID Advance(_Inout_ NET_BUFFER *NetBuffer, _In_ ULONG DataOffsetDelta, _In_ BOOLEAN FreeMdl,
                    _In_opt_ NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler, _In_z_ PCSTR Call, PVOID Place)
{
    if (!HandlerRule(Call, "Advance_Length", DataOffsetDelta <= NetBuffer->DataLength, Place, "%u bytes of %llu",
                     (unsigned)DataOffsetDelta, (unsigned long long)NetBuffer->DataLength))
    {
        return;
    }
    NetBuffer->DataOffset += DataOffsetDelta;
    NetBuffer->DataLength -= DataOffsetDelta;
    while (FreeMdl && NetBuffer->MdlChain && NetBuffer->MdlChain->Next &&
           NetBuffer->DataOffset >= MmGetMdlByteCount(NetBuffer->MdlChain))
    {
        MDL *Mdl = NetBuffer->MdlChain;
        NetBuffer->MdlChain = Mdl->Next;
        NetBuffer->DataOffset -= MmGetMdlByteCount(Mdl);
        if (FreeMdlHandler)
        {
            FreeMdlHandler(Mdl);
        }
        else
        {
            ExFreePoolWithTag(MmGetMdlVirtualAddress(Mdl), HOST_TAG);
            IoFreeMdl(Mdl);
        }
    }
    FindCurrent(NetBuffer);
}

VOID NdisAdvanceNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
                                   NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    Advance(NetBuffer, DataOffsetDelta, FreeMdl, FreeMdlHandler, __func__, HostPlace());
}

NDIS_STATUS NdisRetreatNetBufferListDataStart(PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, ULONG DataBackFill,
                                              NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler,
                                              NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    for (NET_BUFFER *Buffer = NetBufferList->FirstNetBuffer; Buffer; Buffer = Buffer->Next)
    {
        NDIS_STATUS Status = Retreat(Buffer, DataOffsetDelta, DataBackFill, AllocateMdlHandler);
        if (Status != NDIS_STATUS_SUCCESS)
        {
            for (NET_BUFFER *Undo = NetBufferList->FirstNetBuffer; Undo != Buffer; Undo = Undo->Next)
                Advance(Undo, DataOffsetDelta, TRUE, FreeMdlHandler, __func__, HostPlace());
            return Status;
        }
    }
    return NDIS_STATUS_SUCCESS;
}

VOID NdisAdvanceNetBufferListDataStart(PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
                                       NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    for (NET_BUFFER *Buffer = NetBufferList->FirstNetBuffer; Buffer; Buffer = Buffer->Next)
        Advance(Buffer, DataOffsetDelta, FreeMdl, FreeMdlHandler, __func__, HostPlace());
}

/*
 * NdisGetDataBuffer: the first BytesNeeded bytes in one piece: where they lie if that is one piece and aligned, else
 * copied to Storage. NULL: fewer bytes than needed, not in one piece and no Storage, or an MDL cannot be mapped.
 */
PVOID NdisGetDataBuffer(PNET_BUFFER NetBuffer, ULONG BytesNeeded, PVOID Storage, ULONG AlignMultiple, ULONG AlignOffset)
{
    MDL *Mdl = NetBuffer->CurrentMdl;
    ULONG Offset = NetBuffer->CurrentMdlOffset, Copied = 0;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (!BytesNeeded || BytesNeeded > NetBuffer->DataLength || !Mdl)
        return NULL;
    if (MmGetMdlByteCount(Mdl) - Offset >= BytesNeeded)
    {
        PUCHAR Address = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
        if (!Address)
            return NULL;
        if (AlignMultiple <= 1 || ((ULONG_PTR)(Address + Offset) - AlignOffset) % AlignMultiple == 0)
            return Address + Offset;
    }
    if (!Storage)
        return NULL;
    while (Copied < BytesNeeded && Mdl)
    {
        ULONG Here = min(MmGetMdlByteCount(Mdl) - Offset, BytesNeeded - Copied);
        if (Here)
        {
            PUCHAR Address = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
            if (!Address)
                return NULL;
            RtlCopyMemory((PUCHAR)Storage + Copied, Address + Offset, Here);
        }
        Copied += Here;
        Offset = 0;
        Mdl = Mdl->Next;
    }
    return Copied == BytesNeeded ? Storage : NULL;
}

/* The MDL in which the byte Offset bytes behind the beginning of Mdl lies, and where in it. NULL: none. */
static MDL *Seek(_In_opt_ MDL *Mdl, _Inout_ ULONG64 *Offset)
{
    for (; Mdl && *Offset >= MmGetMdlByteCount(Mdl); Mdl = Mdl->Next)
        *Offset -= MmGetMdlByteCount(Mdl);
    return Mdl;
}

/*
 * NdisCopyFromNetBufferToNetBuffer: offsets count from the beginning of either buffer's data. Ends before BytesToCopy
 * where the source has no more data or the destination's MDLs no more room; *BytesCopied tells, and nothing else of the
 * destination is changed. NDIS_STATUS_SUCCESS, or _RESOURCES where an MDL cannot be mapped.
 */
NDIS_STATUS NdisCopyFromNetBufferToNetBuffer(PNET_BUFFER Destination, ULONG DestinationOffset, ULONG BytesToCopy,
                                             PNET_BUFFER Source, ULONG SourceOffset, PULONG BytesCopied)
{
    ULONG64 To = (ULONG64)Destination->CurrentMdlOffset + DestinationOffset;
    ULONG64 From = (ULONG64)Source->CurrentMdlOffset + SourceOffset;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    *BytesCopied = 0;
    if (SourceOffset >= Source->DataLength)
        return NDIS_STATUS_SUCCESS;
    BytesToCopy = (ULONG)min((ULONG64)BytesToCopy, Source->DataLength - SourceOffset);
    MDL *ToMdl = Seek(Destination->CurrentMdl, &To), *FromMdl = Seek(Source->CurrentMdl, &From);
    while (*BytesCopied < BytesToCopy && ToMdl && FromMdl)
    {
        ULONG ToLeft = MmGetMdlByteCount(ToMdl) - (ULONG)To, FromLeft = MmGetMdlByteCount(FromMdl) - (ULONG)From;
        ULONG Here = min(min(ToLeft, FromLeft), BytesToCopy - *BytesCopied);
        PUCHAR ToAddress = MmGetSystemAddressForMdlSafe(ToMdl, NormalPagePriority | MdlMappingNoExecute);
        PUCHAR FromAddress = MmGetSystemAddressForMdlSafe(FromMdl, NormalPagePriority | MdlMappingNoExecute);
        if (!ToAddress || !FromAddress)
            return NDIS_STATUS_RESOURCES;
        RtlMoveMemory(ToAddress + To, FromAddress + From, Here);
        *BytesCopied += Here;
        To += Here;
        From += Here;
        ToMdl = Seek(ToMdl, &To);
        FromMdl = Seek(FromMdl, &From);
    }
    return NDIS_STATUS_SUCCESS;
}
