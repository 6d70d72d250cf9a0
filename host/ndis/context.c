/* SPDX-License-Identifier: MIT */
/*
 * The space that drivers keep with a NET_BUFFER_LIST while they have it: taken from the top of what is unused of the
 * list's newest context, or else from a new context before that. Whoever has the list is alone with it, so nothing is
 * locked. Up to DISPATCH_LEVEL. "NET_BUFFER_LIST_CONTEXT structure".
 */
#include "host/ndis/ndishost.h"

static BOOLEAN IsList(_In_ const HOST_LIST *Host, _In_z_ PCSTR Call, _In_opt_ PVOID Place)
{
    return HandlerRule(Call, "Handle_List", Host->Magic == HostMagicList, Place, "%p is no NET_BUFFER_LIST of a pool",
                       (const VOID *)&Host->List);
}

static VOID FreeNewest(_Inout_ HOST_LIST *Host)
{
    NET_BUFFER_LIST_CONTEXT *Context = Host->List.Context;
    Host->List.Context = Context->Next;
    ExFreePool(Context);
}

/*
 * NdisAllocateNetBufferListContext: ContextSize bytes, a multiple of a pointer's size, with ContextBackFill more behind
 * them for others where memory has to be taken. NDIS_STATUS_SUCCESS, _RESOURCES, or _FAILURE for sizes that are none.
 */
NDIS_STATUS NdisAllocateNetBufferListContext(PNET_BUFFER_LIST NetBufferList, USHORT ContextSize, USHORT ContextBackFill,
                                             ULONG PoolTag)
{
    HOST_LIST *Host = HostListOf(NetBufferList);
    NET_BUFFER_LIST_CONTEXT *Newest = NetBufferList->Context;
    ULONG Size = (ULONG)ContextSize + ContextBackFill;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    NdisRule("Memory_Tag", PoolTag != 0, HostPlace(), "no tag");
    if (!IsList(Host, __func__, HostPlace()) ||
        !NdisRule("List_Context", (ContextSize | ContextBackFill) % sizeof(PVOID) == 0 && Size <= MAXUSHORT,
                  HostPlace(), "%u and %u bytes", ContextSize, ContextBackFill))
    {
        return NDIS_STATUS_FAILURE;
    }
    if (Newest && Newest->Offset >= ContextSize)
    {
        Newest->Offset -= ContextSize;
        return NDIS_STATUS_SUCCESS;
    }
    NET_BUFFER_LIST_CONTEXT *Context =
        ExAllocatePoolWithTag(NonPagedPoolNx, FIELD_OFFSET(NET_BUFFER_LIST_CONTEXT, ContextData) + Size, PoolTag);
    if (!Context)
        return NDIS_STATUS_RESOURCES;
    Context->Next = Newest;
    Context->Size = (USHORT)Size;
    Context->Offset = ContextBackFill;
    NetBufferList->Context = Context;
    return NDIS_STATUS_SUCCESS;
}

/* NdisFreeNetBufferListContext: the last ContextSize bytes that were taken; a context that is all unused then goes. */
VOID NdisFreeNetBufferListContext(PNET_BUFFER_LIST NetBufferList, USHORT ContextSize)
{
    HOST_LIST *Host = HostListOf(NetBufferList);
    NET_BUFFER_LIST_CONTEXT *Newest = NetBufferList->Context;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (!IsList(Host, __func__, HostPlace()) ||
        !NdisRule("List_Context", Newest && ContextSize <= Newest->Size - Newest->Offset, HostPlace(),
                  "%u bytes, %u are in use", ContextSize, Newest ? Newest->Size - Newest->Offset : 0))
    {
        return;
    }
    Newest->Offset += ContextSize;
    if (Newest->Offset == Newest->Size && Newest != Host->Context)
        FreeNewest(Host);
}

VOID HostContextsCheckGone(HOST_LIST *Host, PCSTR Call, PVOID Place)
{
    for (; Host->List.Context != Host->Context; FreeNewest(Host))
    {
        HandlerRule(Call, "List_Context", FALSE, Place, "%u bytes of NdisAllocateNetBufferListContext are left",
                    Host->List.Context->Size - Host->List.Context->Offset);
    }
}
