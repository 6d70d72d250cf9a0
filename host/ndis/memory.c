/* SPDX-License-Identifier: MIT */
/*
 * Memory and generic objects that miniports take from NDIS. Up to DISPATCH_LEVEL, any thread. Nonpaged pool with the
 * caller's tag, so that what a driver leaves behind shows up under its own tag.
 */
#include "host/ndis/ndishost.h"

typedef struct _HOST_GENERIC
{
    NDIS_GENERIC_OBJECT Public; /* first: the handle is its address */
    HOST_MAGIC Magic;
} HOST_GENERIC;

/* NdisAllocateMemoryWithTagPriority: NULL where there is none. Contents undefined. */
PVOID NdisAllocateMemoryWithTagPriority(NDIS_HANDLE NdisHandle, UINT Length, ULONG Tag, EX_POOL_PRIORITY Priority)
{
    NDIS_HOST_ADAPTER *Adapter;

    UNREFERENCED_PARAMETER(Priority);
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    NdisRule("Memory_Tag", Tag != 0, HostPlace(), "no tag");
    return HostOwnerOf(NdisHandle, &Adapter, __func__, HostPlace()) ? ExAllocatePoolWithTag(NonPagedPoolNx, Length, Tag)
                                                                    : NULL;
}

VOID NdisFreeMemory(PVOID VirtualAddress, UINT Length, UINT MemoryFlags)
{
    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(MemoryFlags);
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    ExFreePool(VirtualAddress);
}

/* NdisAllocateGenericObject: gives calls a handle before there is an adapter. */
PNDIS_GENERIC_OBJECT NdisAllocateGenericObject(PDRIVER_OBJECT DriverObject, ULONG Tag, USHORT Size)
{
    HOST_GENERIC *Generic = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Generic) + Size, Tag);

    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    NdisRule("Memory_Tag", Tag != 0, HostPlace(), "no tag");
    if (!Generic)
    {
        return NULL;
    }
    RtlZeroMemory(Generic, sizeof(*Generic) + Size);
    Generic->Public.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Generic->Public.Header.Revision = 1;
    Generic->Public.Header.Size = sizeof(NDIS_GENERIC_OBJECT);
    Generic->Public.DriverObject = DriverObject;
    Generic->Magic = HostMagicGeneric;
    return &Generic->Public;
}

VOID NdisFreeGenericObject(PNDIS_GENERIC_OBJECT NdisObject)
{
    HOST_GENERIC *Generic = CONTAINING_RECORD(NdisObject, HOST_GENERIC, Public);

    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    if (NdisRule("Handle_Generic", NdisObject && Generic->Magic == HostMagicGeneric, HostPlace(),
                 "%p is no generic object", (void *)NdisObject))
    {
        Generic->Magic = HostMagicDead;
        ExFreePool(Generic);
    }
}
