/* SPDX-License-Identifier: MIT */
/*
 * Pools of NET_BUFFER_LISTs and NET_BUFFERs: what a packet travels in. Up to DISPATCH_LEVEL, any thread; lists come
 * from nonpaged pool one by one, because whoever cares for speed keeps them and a pool need only count. Each list
 * knows its pool and its present owner, so that a list freed, indicated or completed twice is caught.
 */
#include "host/ndis/ndishost.h"

static HOST_POOL *NewPool(_In_ HOST_MAGIC Magic, _In_opt_ NDIS_HANDLE Handle, _In_ ULONG Tag, _In_ PCSTR Call,
                          PVOID Place)
{
    HOST_POOL *Pool = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Pool), HOST_TAG);
    HandlerRule(Call, "Pool_Tag", Tag != 0, Place, "no tag");
    if (!Pool)
        return NULL;
    RtlZeroMemory(Pool, sizeof(*Pool));
    Pool->Magic = Magic;
    Pool->Tag = Tag;
    Pool->Place = Place;
    if (Handle) /* the backend's pools belong to no miniport */
        Pool->Driver = HostOwnerOf(Handle, &Pool->Adapter, Call, Place);
    if (Pool->Driver)
    {
        KIRQL Irql;
        KeAcquireSpinLock(&HostLock, &Irql);
        InsertTailList(&Pool->Driver->Pools, &Pool->Link);
        KeReleaseSpinLock(&HostLock, Irql);
    }
    return Pool;
}

static VOID DeletePool(_In_ HOST_POOL *Pool, _In_ PCSTR Call, PVOID Place)
{
    if (!HandlerRule(Call, "NdisAllocateNetBuffer", Pool->Outstanding == 0, Place,
                     "a pool is freed with %ld lists or buffers of it in use", (long)Pool->Outstanding))
    {
        return; /* they still need it */
    }
    if (Pool->Driver)
    {
        KIRQL Irql;
        KeAcquireSpinLock(&HostLock, &Irql);
        RemoveEntryList(&Pool->Link);
        KeReleaseSpinLock(&HostLock, Irql);
    }
    Pool->Magic = HostMagicDead;
    ExFreePoolWithTag(Pool, HOST_TAG);
}

/* At an adapter's halt (pools made with its handle) and at a driver's unloading (Adapter NULL: all). */
VOID HostPoolsCheckGone(NDIS_HOST_DRIVER *Driver, NDIS_HOST_ADAPTER *Adapter, PCSTR Call)
{
    ULONG Left = 0;
    LONG Lists = 0;
    PVOID Place = NULL;
    KIRQL Irql;
    KeAcquireSpinLock(&HostLock, &Irql);
    for (LIST_ENTRY *Entry = Driver->Pools.Flink; Entry != &Driver->Pools; Entry = Entry->Flink)
    {
        HOST_POOL *Pool = CONTAINING_RECORD(Entry, HOST_POOL, Link);
        if (!Adapter || Pool->Adapter == Adapter)
        {
            Left++;
            Lists += Pool->Outstanding;
            Place = Pool->Place;
            Pool->Adapter = NULL; /* reported once */
        }
    }
    KeReleaseSpinLock(&HostLock, Irql);
    HandlerRule(Call, "Halt_PoolsFreed", Left == 0, Place, "%u pools with %ld lists are left", (unsigned)Left,
                (long)Lists);
}

/* NdisAllocateNetBufferListPool: NdisHandle of an adapter or a driver; NULL: no memory, or wrong parameters. */
NDIS_HANDLE NdisAllocateNetBufferListPool(NDIS_HANDLE NdisHandle, NET_BUFFER_LIST_POOL_PARAMETERS const *Parameters)
{
    PVOID Place = HostPlace();
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", PASSIVE_LEVEL, FALSE);
    if (!HostHeaderValid(&Parameters->Header, NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                         NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1, "NET_BUFFER_LIST_POOL_PARAMETERS",
                         __func__, Place) ||
        !NdisRule("Pool_Parameters", Parameters->fAllocateNetBuffer || Parameters->DataSize == 0, Place,
                  "DataSize without fAllocateNetBuffer") ||
        !NdisRule("Pool_Parameters", Parameters->ContextSize % MEMORY_ALLOCATION_ALIGNMENT == 0, Place,
                  "ContextSize %u", Parameters->ContextSize))
    {
        return NULL;
    }
    HOST_POOL *Pool = NewPool(HostMagicListPool, NdisHandle, Parameters->PoolTag, __func__, Place);
    if (Pool)
    {
        Pool->DataSize = Parameters->DataSize;
        Pool->ContextSize = Parameters->ContextSize;
        Pool->AllocateBuffer = Parameters->fAllocateNetBuffer;
    }
    return Pool;
}

VOID NdisFreeNetBufferListPool(NDIS_HANDLE PoolHandle)
{
    HOST_POOL *Pool = PoolHandle;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", PASSIVE_LEVEL, FALSE);
    if (NdisRule("Handle_Pool", Pool && Pool->Magic == HostMagicListPool, HostPlace(), "%p is no list pool",
                 PoolHandle))
    {
        DeletePool(Pool, __func__, HostPlace());
    }
}

NDIS_HANDLE NdisAllocateNetBufferPool(NDIS_HANDLE NdisHandle, NET_BUFFER_POOL_PARAMETERS const *Parameters)
{
    PVOID Place = HostPlace();
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", PASSIVE_LEVEL, FALSE);
    if (!HostHeaderValid(&Parameters->Header, NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                         NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1, "NET_BUFFER_POOL_PARAMETERS", __func__,
                         Place))
    {
        return NULL;
    }
    HOST_POOL *Pool = NewPool(HostMagicBufferPool, NdisHandle, Parameters->PoolTag, __func__, Place);
    if (Pool)
        Pool->DataSize = Parameters->DataSize;
    return Pool;
}

VOID NdisFreeNetBufferPool(NDIS_HANDLE PoolHandle)
{
    HOST_POOL *Pool = PoolHandle;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", PASSIVE_LEVEL, FALSE);
    if (NdisRule("Handle_Pool", Pool && Pool->Magic == HostMagicBufferPool, HostPlace(), "%p is no buffer pool",
                 PoolHandle))
    {
        DeletePool(Pool, __func__, HostPlace());
    }
}

/* A NET_BUFFER over Mdl, DataLength bytes from DataOffset; CurrentMdl is the MDL in which the data begins. */
static VOID InitializeBuffer(_Out_ HOST_BUFFER *Host, _In_ HOST_POOL *Pool, _In_opt_ MDL *Mdl, _In_ ULONG DataOffset,
                             _In_ SIZE_T DataLength)
{
    ULONG Offset = DataOffset;
    RtlZeroMemory(Host, sizeof(*Host));
    Host->Magic = HostMagicBuffer;
    Host->Pool = Pool;
    Host->Buffer.MdlChain = Mdl;
    Host->Buffer.DataOffset = DataOffset;
    Host->Buffer.DataLength = DataLength;
    while (Mdl && Offset >= MmGetMdlByteCount(Mdl) && Mdl->Next)
    {
        Offset -= MmGetMdlByteCount(Mdl);
        Mdl = Mdl->Next;
    }
    Host->Buffer.CurrentMdl = Mdl;
    Host->Buffer.CurrentMdlOffset = Offset;
}

/* Gives a buffer the memory that its pool promises. */
static BOOLEAN AttachData(_Inout_ HOST_BUFFER *Host, _In_ ULONG Size)
{
    PVOID Data = ExAllocatePoolWithTag(NonPagedPoolNx, Size, HOST_TAG);
    if (!Data)
        return FALSE;
    MDL *Mdl = IoAllocateMdl(Data, Size, FALSE, FALSE, NULL);
    if (!Mdl)
    {
        ExFreePoolWithTag(Data, HOST_TAG);
        return FALSE;
    }
    MmBuildMdlForNonPagedPool(Mdl);
    Host->Data = Data;
    Host->Buffer.MdlChain = Host->Buffer.CurrentMdl = Mdl;
    Host->Buffer.DataOffset = Host->Buffer.CurrentMdlOffset = Size;
    return TRUE;
}

static VOID ReleaseData(_Inout_ HOST_BUFFER *Host)
{
    if (Host->Data)
    {
        IoFreeMdl(Host->Buffer.MdlChain);
        ExFreePoolWithTag(Host->Data, HOST_TAG);
        Host->Data = NULL;
    }
    Host->Magic = HostMagicDead;
}

static HOST_LIST *NewList(_In_ HOST_POOL *Pool, _In_ ULONG ContextSize, _In_ ULONG ContextBackFill)
{
    ULONG Room = ContextSize + ContextBackFill;
    SIZE_T Size = sizeof(HOST_LIST) + (Room ? FIELD_OFFSET(NET_BUFFER_LIST_CONTEXT, ContextData) + Room + 16 : 0);
    HOST_LIST *Host = ExAllocatePoolWithTag(NonPagedPoolNx, Size, HOST_TAG);
    if (!Host)
        return NULL;
    RtlZeroMemory(Host, Size);
    Host->Magic = HostMagicList;
    Host->Owner = HostOwnerAllocator;
    Host->Pool = Pool;
    Host->List.NdisPoolHandle = Pool;
    if (Room)
    {
        NET_BUFFER_LIST_CONTEXT *Context = (PVOID)(((ULONG_PTR)(Host + 1) + 15) & ~(ULONG_PTR)15);
        Context->Size = (USHORT)Room;
        Context->Offset = (USHORT)ContextBackFill;
        Host->Context = Host->List.Context = Context;
    }
    InterlockedIncrement(&Pool->Outstanding);
    return Host;
}

/*
 * NdisAllocateNetBufferAndNetBufferList: a list with one buffer over the caller's MDLs, from a pool with
 * fAllocateNetBuffer and no DataSize. ContextSize and ContextBackFill in bytes, multiples of 16. NULL: no memory.
 */
PNET_BUFFER_LIST NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize,
                                                       USHORT ContextBackFill, PMDL MdlChain, ULONG DataOffset,
                                                       SIZE_T DataLength)
{
    HOST_POOL *Pool = PoolHandle;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (!NdisRule("Handle_Pool", Pool && Pool->Magic == HostMagicListPool, HostPlace(), "%p is no list pool",
                  PoolHandle) ||
        !NdisRule("Pool_Use", Pool->AllocateBuffer && Pool->DataSize == 0, HostPlace(),
                  "the pool must have fAllocateNetBuffer and no DataSize") ||
        !NdisRule("Pool_Use", (ContextSize | ContextBackFill) % MEMORY_ALLOCATION_ALIGNMENT == 0, HostPlace(),
                  "context of %u and %u bytes", ContextSize, ContextBackFill))
    {
        return NULL;
    }
    HOST_LIST *Host = NewList(Pool, Pool->ContextSize + ContextSize, ContextBackFill);
    if (!Host)
        return NULL;
    InitializeBuffer(&Host->Embedded, Pool, MdlChain, DataOffset, DataLength);
    Host->HasBuffer = TRUE;
    Host->List.FirstNetBuffer = &Host->Embedded.Buffer;
    return &Host->List;
}

/* NdisAllocateNetBufferList: a list, with a buffer and its memory if the pool has a DataSize. NULL: no memory. */
PNET_BUFFER_LIST NdisAllocateNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill)
{
    HOST_POOL *Pool = PoolHandle;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (!NdisRule("Handle_Pool", Pool && Pool->Magic == HostMagicListPool, HostPlace(), "%p is no list pool",
                  PoolHandle) ||
        !NdisRule("Pool_Use", !Pool->AllocateBuffer || Pool->DataSize, HostPlace(),
                  "a pool with fAllocateNetBuffer and no DataSize needs NdisAllocateNetBufferAndNetBufferList"))
    {
        return NULL;
    }
    HOST_LIST *Host = NewList(Pool, Pool->ContextSize + ContextSize, ContextBackFill);
    if (!Host || !Pool->AllocateBuffer)
        return Host ? &Host->List : NULL;
    InitializeBuffer(&Host->Embedded, Pool, NULL, 0, 0);
    if (!AttachData(&Host->Embedded, Pool->DataSize))
    {
        InterlockedDecrement(&Pool->Outstanding);
        ExFreePoolWithTag(Host, HOST_TAG);
        return NULL;
    }
    Host->HasBuffer = TRUE;
    Host->List.FirstNetBuffer = &Host->Embedded.Buffer;
    return &Host->List;
}

/* NdisFreeNetBufferList: the list and the buffer that came with it. Only its allocator may, and once. */
VOID NdisFreeNetBufferList(PNET_BUFFER_LIST NetBufferList)
{
    HOST_LIST *Host = HostListOf(NetBufferList);
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (!NdisRule("Handle_List", Host->Magic == HostMagicList, HostPlace(), "%p is no NET_BUFFER_LIST of a pool",
                  (void *)NetBufferList))
    {
        return;
    }
    LONG Owner = InterlockedCompareExchange(&Host->Owner, HostOwnerFreed, HostOwnerAllocator);
    if (!NdisRule("NdisAllocateNetBuffer", Owner == HostOwnerAllocator, HostPlace(), "freed while %s",
                  Owner == HostOwnerIndicated ? "the stack has it"
                  : Owner == HostOwnerSent    ? "the miniport has it to send"
                                              : "free"))
    {
        return;
    }
    HostContextsCheckGone(Host, __func__, HostPlace());
    if (Host->HasBuffer)
        ReleaseData(&Host->Embedded);
    InterlockedDecrement(&Host->Pool->Outstanding);
    Host->Magic = HostMagicDead;
    ExFreePoolWithTag(Host, HOST_TAG);
}

static NET_BUFFER *NewBuffer(_In_ HOST_POOL *Pool, _In_opt_ MDL *MdlChain, _In_ ULONG DataOffset,
                             _In_ SIZE_T DataLength)
{
    HOST_BUFFER *Host = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Host), HOST_TAG);
    if (!Host)
        return NULL;
    InitializeBuffer(Host, Pool, MdlChain, DataOffset, DataLength);
    if (Pool->DataSize && !AttachData(Host, Pool->DataSize))
    {
        ExFreePoolWithTag(Host, HOST_TAG);
        return NULL;
    }
    InterlockedIncrement(&Pool->Outstanding);
    return &Host->Buffer;
}

/* NdisAllocateNetBuffer: over the caller's MDLs, from a pool without DataSize. NULL: no memory, or a wrong pool. */
PNET_BUFFER NdisAllocateNetBuffer(NDIS_HANDLE PoolHandle, PMDL MdlChain, ULONG DataOffset, SIZE_T DataLength)
{
    HOST_POOL *Pool = PoolHandle;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (!NdisRule("Handle_Pool", Pool && Pool->Magic == HostMagicBufferPool, HostPlace(), "%p is no buffer pool",
                  PoolHandle) ||
        !NdisRule("Pool_Use", Pool->DataSize == 0, HostPlace(),
                  "a pool with DataSize needs NdisAllocateNetBufferMdlAndData"))
    {
        return NULL;
    }
    return NewBuffer(Pool, MdlChain, DataOffset, DataLength);
}

/* NdisAllocateNetBufferMdlAndData: with memory of its own, all of it before the data, of which there is none yet. */
PNET_BUFFER NdisAllocateNetBufferMdlAndData(NDIS_HANDLE PoolHandle)
{
    HOST_POOL *Pool = PoolHandle;
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (!NdisRule("Handle_Pool", Pool && Pool->Magic == HostMagicBufferPool, HostPlace(), "%p is no buffer pool",
                  PoolHandle) ||
        !NdisRule("Pool_Use", Pool->DataSize != 0, HostPlace(), "the pool has no DataSize"))
    {
        return NULL;
    }
    return NewBuffer(Pool, NULL, 0, 0);
}

VOID NdisFreeNetBuffer(PNET_BUFFER NetBuffer)
{
    HOST_BUFFER *Host = HostBufferOf(NetBuffer);
    HostEnter(__func__, HostPlace(), "Irql_NetBuffer", DISPATCH_LEVEL, FALSE);
    if (NdisRule("Handle_Buffer", Host->Magic == HostMagicBuffer && Host->Pool->Magic == HostMagicBufferPool,
                 HostPlace(), "%p is no NET_BUFFER of a buffer pool", (void *)NetBuffer))
    {
        InterlockedDecrement(&Host->Pool->Outstanding);
        ReleaseData(Host);
        ExFreePoolWithTag(Host, HOST_TAG);
    }
}
