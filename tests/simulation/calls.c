/* SPDX-License-Identifier: MIT */
/*
 * Between the driver and host/ndis (the linker's --wrap): the calls of NDIS that can fail ask the fault runner first.
 * What goes on does so as a tail call, so that host/ndis still sees who called.
 */
#include <ndis.h>
#include "host/nt/sim.h"

#define WRAP(Type, Failure, Name, Parameters, Arguments)                                                               \
    Type __real_##Name Parameters;                                                                                     \
    Type __wrap_##Name Parameters;                                                                                     \
    Type __wrap_##Name Parameters                                                                                      \
    {                                                                                                                  \
        if (SimFail(#Name, SIM_PLACE()))                                                                               \
        {                                                                                                              \
            return Failure;                                                                                            \
        }                                                                                                              \
        __attribute__((musttail)) return __real_##Name Arguments;                                                      \
    }

WRAP(NDIS_STATUS, NDIS_STATUS_RESOURCES, NdisMRegisterMiniportDriver,
     (PDRIVER_OBJECT Driver, PUNICODE_STRING Path, NDIS_HANDLE Context,
      PNDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics, PNDIS_HANDLE Handle),
     (Driver, Path, Context, Characteristics, Handle))
WRAP(NDIS_STATUS, NDIS_STATUS_RESOURCES, NdisMSetMiniportAttributes,
     (NDIS_HANDLE Handle, PNDIS_MINIPORT_ADAPTER_ATTRIBUTES Attributes), (Handle, Attributes))
WRAP(NDIS_STATUS, NDIS_STATUS_RESOURCES, NdisRegisterDeviceEx,
     (NDIS_HANDLE Handle, PNDIS_DEVICE_OBJECT_ATTRIBUTES Attributes, PDEVICE_OBJECT *Device, PNDIS_HANDLE DeviceHandle),
     (Handle, Attributes, Device, DeviceHandle))
WRAP(NDIS_HANDLE, NULL, NdisAllocateNetBufferListPool,
     (NDIS_HANDLE Handle, NET_BUFFER_LIST_POOL_PARAMETERS const *Parameters), (Handle, Parameters))
WRAP(PNET_BUFFER_LIST, NULL, NdisAllocateNetBufferAndNetBufferList,
     (NDIS_HANDLE Pool, USHORT ContextSize, USHORT BackFill, PMDL Mdl, ULONG Offset, SIZE_T Length),
     (Pool, ContextSize, BackFill, Mdl, Offset, Length))
