/* SPDX-License-Identifier: MIT */
/*
 * Memory and generic objects that miniports take from NDIS. Up to DISPATCH_LEVEL, any thread. Nonpaged pool with the
 * caller's tag, so that what a driver leaves behind shows up under its own tag.
 */
#include "host/ndis/ndishost.h"

/* Nonpaged memory that the driver has to give back with NdisFreeMemory. NULL: there is none. */
PVOID HostMemory(SIZE_T Length, ULONG Tag, NDIS_HOST_DRIVER *Driver, NDIS_HOST_ADAPTER *Adapter, PVOID Place)
{
    PVOID Memory = ExAllocatePoolWithTag(NonPagedPoolNx, Length, Tag);
    if (Memory && !HostOwn(Memory, HostKindMemory, Driver->DriverObject, Adapter, Place))
    {
        ExFreePool(Memory);
        Memory = NULL;
    }
    return Memory;
}

/* NdisAllocateMemoryWithTagPriority: NULL where there is none. Contents undefined. */
PVOID NdisAllocateMemoryWithTagPriority(NDIS_HANDLE NdisHandle, UINT Length, ULONG Tag, EX_POOL_PRIORITY Priority)
{
    NDIS_HOST_ADAPTER *Adapter;
    NDIS_HOST_DRIVER *Driver = HostOwnerOf(NdisHandle, &Adapter, __func__, HostPlace());
    UNREFERENCED_PARAMETER(Priority);
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    NdisRule("Memory_Tag", Tag != 0, HostPlace(), "no tag");
    return Driver ? HostMemory(Length, Tag, Driver, Adapter, HostPlace()) : NULL;
}

VOID NdisFreeMemory(PVOID VirtualAddress, UINT Length, UINT MemoryFlags)
{
    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(MemoryFlags);
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    if (NdisRule("Handle_Memory", HostDisown(VirtualAddress, HostKindMemory), HostPlace(),
                 "%p is no memory that NDIS gave", VirtualAddress))
    {
        ExFreePool(VirtualAddress);
    }
}

/* NdisAllocateGenericObject: gives calls a handle before there is an adapter. NULL: no memory. */
PNDIS_GENERIC_OBJECT NdisAllocateGenericObject(PDRIVER_OBJECT DriverObject, ULONG Tag, USHORT Size)
{
    NDIS_GENERIC_OBJECT *Generic = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Generic) + Size, Tag);
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    NdisRule("Memory_Tag", Tag != 0, HostPlace(), "no tag");
    if (!Generic)
        return NULL;
    RtlZeroMemory(Generic, sizeof(*Generic) + Size);
    Generic->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Generic->Header.Revision = 1;
    Generic->Header.Size = sizeof(NDIS_GENERIC_OBJECT);
    Generic->DriverObject = DriverObject;
    if (!HostOwn(Generic, HostKindGeneric, DriverObject, NULL, HostPlace()))
    {
        ExFreePool(Generic);
        Generic = NULL;
    }
    return Generic;
}

VOID NdisFreeGenericObject(PNDIS_GENERIC_OBJECT NdisObject)
{
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    if (NdisRule("Handle_Generic", HostDisown(NdisObject, HostKindGeneric), HostPlace(), "%p is no generic object",
                 (void *)NdisObject))
    {
        ExFreePool(NdisObject);
    }
}
