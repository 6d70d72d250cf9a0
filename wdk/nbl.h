/*
 * The packets of NDIS: NET_BUFFER_LIST, NET_BUFFER, their pools, the flags and slots that travel with them, and the
 * functions that make and move them. A list belongs to one owner at a time; who that is, the send, complete,
 * indicate and return calls decide (pages "NET_BUFFER Architecture", "Network Data Structures"). Only NDIS allocates
 * lists: they are longer than declared here, so never take sizeof of one, copy one or put one on a stack.
 */
#ifndef NBL_H
#define NBL_H

#include "ntddk.h"
#include "ntddndis.h"

#ifdef _WIN32
#ifndef NDISAPI
#define NDISAPI __declspec(dllimport)
#endif
#else
#ifndef NDISAPI
#define NDISAPI
#endif
#endif
#define NDIS_EXPORTED_ROUTINE NDISAPI

typedef MDL NDIS_MDL;
typedef struct _NET_BUFFER NET_BUFFER, *PNET_BUFFER;
typedef struct _NET_BUFFER_LIST NET_BUFFER_LIST, *PNET_BUFFER_LIST;
typedef struct _SCATTER_GATHER_LIST SCATTER_GATHER_LIST;

/* Page: "NDIS_OBJECT_HEADER structure". Size: the revision's NDIS_SIZEOF_..., not sizeof. */
typedef struct _NDIS_OBJECT_HEADER
{
    UCHAR Type;
    UCHAR Revision;
    USHORT Size;
} NDIS_OBJECT_HEADER, *PNDIS_OBJECT_HEADER;

/* Page: "NET_BUFFER_SHARED_MEMORY structure". Unconfirmed by a second source. */
typedef struct _NET_BUFFER_SHARED_MEMORY
{
    struct _NET_BUFFER_SHARED_MEMORY *NextSharedMemorySegment;
    ULONG SharedMemoryFlags;
    NDIS_HANDLE SharedMemoryHandle;
    ULONG SharedMemoryOffset;
    ULONG SharedMemoryLength;
} NET_BUFFER_SHARED_MEMORY, *PNET_BUFFER_SHARED_MEMORY;

/* Page: "NET_BUFFER_DATA structure". DataOffset counts from the first MDL, CurrentMdlOffset from the current one. */
typedef union _NET_BUFFER_DATA_LENGTH
{
    ULONG DataLength;
    SIZE_T stDataLength;
} NET_BUFFER_DATA_LENGTH, *PNET_BUFFER_DATA_LENGTH;

typedef struct _NET_BUFFER_DATA
{
    PNET_BUFFER Next;
    PMDL CurrentMdl;
    ULONG CurrentMdlOffset;
    NET_BUFFER_DATA_LENGTH NbDataLength;
    PMDL MdlChain;
    ULONG DataOffset;
} NET_BUFFER_DATA, *PNET_BUFFER_DATA;

/* Unconfirmed by a second source, but forced by NET_BUFFER's own offsets. */
typedef union _NET_BUFFER_HEADER
{
    NET_BUFFER_DATA NetBufferData;
    SLIST_HEADER Link;
} NET_BUFFER_HEADER, *PNET_BUFFER_HEADER;

/* Page: "NET_BUFFER structure". The documentation omits the alignment of the three reserved areas. */
struct _NET_BUFFER
{
    union
    {
        struct
        {
            PNET_BUFFER Next;
            PMDL CurrentMdl;
            ULONG CurrentMdlOffset;
            union
            {
                ULONG DataLength;
                SIZE_T stDataLength;
            };
            PMDL MdlChain;
            ULONG DataOffset;
        };
        SLIST_HEADER Link;
        NET_BUFFER_HEADER NetBufferHeader;
    };
    USHORT ChecksumBias;
    USHORT Reserved;
    NDIS_HANDLE NdisPoolHandle;
    DECLSPEC_ALIGN(16) PVOID NdisReserved[2];
    DECLSPEC_ALIGN(16) PVOID ProtocolReserved[6];
    DECLSPEC_ALIGN(16) PVOID MiniportReserved[4];
    PHYSICAL_ADDRESS DataPhysicalAddress;
    union
    {
        PNET_BUFFER_SHARED_MEMORY SharedMemoryInfo;
        SCATTER_GATHER_LIST *ScatterGatherList;
    };
};

#define NET_BUFFER_NEXT_NB(Nb)            ((Nb)->NetBufferHeader.NetBufferData.Next)
#define NET_BUFFER_FIRST_MDL(Nb)          ((Nb)->NetBufferHeader.NetBufferData.MdlChain)
#define NET_BUFFER_DATA_LENGTH(Nb)        ((Nb)->NetBufferHeader.NetBufferData.NbDataLength.DataLength)
#define NET_BUFFER_DATA_OFFSET(Nb)        ((Nb)->NetBufferHeader.NetBufferData.DataOffset)
#define NET_BUFFER_CURRENT_MDL(Nb)        ((Nb)->NetBufferHeader.NetBufferData.CurrentMdl)
#define NET_BUFFER_CURRENT_MDL_OFFSET(Nb) ((Nb)->NetBufferHeader.NetBufferData.CurrentMdlOffset)
#define NET_BUFFER_PROTOCOL_RESERVED(Nb)  ((Nb)->ProtocolReserved)
#define NET_BUFFER_MINIPORT_RESERVED(Nb)  ((Nb)->MiniportReserved)
#define NET_BUFFER_CHECKSUM_BIAS(Nb)      ((Nb)->ChecksumBias)

/* Page: "NET_BUFFER_LIST_CONTEXT structure". ContextData: aligned though the page does not say so. */
typedef struct _NET_BUFFER_LIST_CONTEXT
{
    struct _NET_BUFFER_LIST_CONTEXT *Next;
    USHORT Size;
    USHORT Offset;
    DECLSPEC_ALIGN(16) UCHAR ContextData[];
} NET_BUFFER_LIST_CONTEXT, *PNET_BUFFER_LIST_CONTEXT;

typedef struct _NET_BUFFER_LIST_DATA
{
    PNET_BUFFER_LIST Next;
    PNET_BUFFER FirstNetBuffer;
} NET_BUFFER_LIST_DATA, *PNET_BUFFER_LIST_DATA;

typedef union _NET_BUFFER_LIST_HEADER
{
    NET_BUFFER_LIST_DATA NetBufferListData;
    SLIST_HEADER Link;
} NET_BUFFER_LIST_HEADER, *PNET_BUFFER_LIST_HEADER;

/* Page: "NET_BUFFER_LIST structure". The slots are those of NDIS 6.80 and later. */
struct _NET_BUFFER_LIST
{
    union
    {
        struct
        {
            PNET_BUFFER_LIST Next;
            PNET_BUFFER FirstNetBuffer;
        };
        SLIST_HEADER Link;
        NET_BUFFER_LIST_HEADER NetBufferListHeader;
    };
    PNET_BUFFER_LIST_CONTEXT Context;
    PNET_BUFFER_LIST ParentNetBufferList;
    NDIS_HANDLE NdisPoolHandle;
    DECLSPEC_ALIGN(16) PVOID NdisReserved[2];
    DECLSPEC_ALIGN(16) PVOID ProtocolReserved[4];
    DECLSPEC_ALIGN(16) PVOID MiniportReserved[2];
    PVOID Scratch;
    NDIS_HANDLE SourceHandle;
    ULONG NblFlags;
    LONG ChildRefCount;
    ULONG Flags;
    union
    {
        NDIS_STATUS Status;
        ULONG NdisReserved2;
    };
    PVOID NetBufferListInfo[MaxNetBufferListInfo];
};

#define NET_BUFFER_LIST_NEXT_NBL(Nbl)           ((Nbl)->NetBufferListHeader.NetBufferListData.Next)
#define NET_BUFFER_LIST_FIRST_NB(Nbl)           ((Nbl)->NetBufferListHeader.NetBufferListData.FirstNetBuffer)
#define NET_BUFFER_LIST_FLAGS(Nbl)              ((Nbl)->Flags)
#define NET_BUFFER_LIST_NBL_FLAGS(Nbl)          ((Nbl)->NblFlags)
#define NET_BUFFER_LIST_PROTOCOL_RESERVED(Nbl)  ((Nbl)->ProtocolReserved)
#define NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)  ((Nbl)->MiniportReserved)
#define NET_BUFFER_LIST_STATUS(Nbl)             ((Nbl)->Status)
#define NET_BUFFER_LIST_CONTEXT_DATA_START(Nbl) ((PUCHAR)((Nbl)->Context + 1) + (Nbl)->Context->Offset)
#define NET_BUFFER_LIST_CONTEXT_DATA_SIZE(Nbl)  ((Nbl)->Context->Size)
#define NET_BUFFER_LIST_INFO(Nbl, Slot)         ((Nbl)->NetBufferListInfo[(Slot)])
/* Page: "NdisSetNblFlag macro": these work on NblFlags, NBL_*_FLAG on Flags. */
#define NdisSetNblFlag(Nbl, Flag)   ((Nbl)->NblFlags |= (Flag))
#define NdisClearNblFlag(Nbl, Flag) ((Nbl)->NblFlags &= ~(Flag))
#define NdisTestNblFlag(Nbl, Flag)  (((Nbl)->NblFlags & (Flag)) != 0)
#define NdisTestNblFlags(Nbl, Flag) (((Nbl)->NblFlags & (Flag)) == (Flag))
#define NBL_SET_FLAG(Nbl, Flag)     ((Nbl)->Flags |= (Flag))
#define NBL_CLEAR_FLAG(Nbl, Flag)   ((Nbl)->Flags &= ~(Flag))
#define NBL_TEST_FLAG(Nbl, Flag)    (((Nbl)->Flags & (Flag)) != 0)

/* ---- Pools. Page: "NET_BUFFER_LIST_POOL_PARAMETERS structure", "NdisAllocateNetBufferPool". */

typedef struct _NET_BUFFER_LIST_POOL_PARAMETERS
{
    NDIS_OBJECT_HEADER Header;
    UCHAR ProtocolId;
    BOOLEAN fAllocateNetBuffer;
    USHORT ContextSize;
    ULONG PoolTag;
    ULONG DataSize;
    ULONG Flags; /* unconfirmed by a second source */
} NET_BUFFER_LIST_POOL_PARAMETERS, *PNET_BUFFER_LIST_POOL_PARAMETERS;
#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1                                                         \
    RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_LIST_POOL_PARAMETERS, DataSize)
#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2                                                         \
    RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_LIST_POOL_PARAMETERS, Flags)

/* As on the page, which knows revision 1; no other source. */
typedef struct _NET_BUFFER_POOL_PARAMETERS
{
    NDIS_OBJECT_HEADER Header;
    ULONG PoolTag;
    ULONG DataSize;
} NET_BUFFER_POOL_PARAMETERS, *PNET_BUFFER_POOL_PARAMETERS;
#define NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_POOL_PARAMETERS, DataSize)

NDISAPI NDIS_HANDLE NTAPI NdisAllocateNetBufferListPool(_In_opt_ NDIS_HANDLE NdisHandle,
                                                        _In_ NET_BUFFER_LIST_POOL_PARAMETERS const *Parameters);
NDISAPI VOID NTAPI NdisFreeNetBufferListPool(_In_ NDIS_HANDLE PoolHandle);
NDISAPI NDIS_HANDLE NTAPI NdisAllocateNetBufferPool(_In_opt_ NDIS_HANDLE NdisHandle,
                                                    _In_ NET_BUFFER_POOL_PARAMETERS const *Parameters);
NDISAPI VOID NTAPI NdisFreeNetBufferPool(_In_ NDIS_HANDLE PoolHandle);

/* ---- Lists and buffers. Pages of these names; all at or below DISPATCH_LEVEL. */

typedef PMDL NTAPI NET_BUFFER_ALLOCATE_MDL(_Inout_ PULONG BufferSize);
typedef VOID NTAPI NET_BUFFER_FREE_MDL(_In_ PMDL Mdl);
typedef NET_BUFFER_ALLOCATE_MDL *NET_BUFFER_ALLOCATE_MDL_HANDLER;
typedef NET_BUFFER_FREE_MDL *NET_BUFFER_FREE_MDL_HANDLER;

_Must_inspect_result_ NDISAPI PNET_BUFFER_LIST NTAPI NdisAllocateNetBufferList(_In_ NDIS_HANDLE PoolHandle,
                                                                               _In_ USHORT ContextSize,
                                                                               _In_ USHORT ContextBackFill);
_Must_inspect_result_ NDISAPI PNET_BUFFER_LIST NTAPI
NdisAllocateNetBufferAndNetBufferList(_In_ NDIS_HANDLE PoolHandle, _In_ USHORT ContextSize, _In_ USHORT ContextBackFill,
                                      _In_opt_ PMDL MdlChain, _In_ ULONG DataOffset, _In_ SIZE_T DataLength);
NDISAPI VOID NTAPI NdisFreeNetBufferList(_In_ PNET_BUFFER_LIST NetBufferList);
_Must_inspect_result_ NDISAPI PNET_BUFFER NTAPI NdisAllocateNetBuffer(_In_ NDIS_HANDLE PoolHandle,
                                                                      _In_opt_ PMDL MdlChain, _In_ ULONG DataOffset,
                                                                      _In_ SIZE_T DataLength);
_Must_inspect_result_ NDISAPI PNET_BUFFER NTAPI NdisAllocateNetBufferMdlAndData(_In_ NDIS_HANDLE PoolHandle);
NDISAPI VOID NTAPI NdisFreeNetBuffer(_In_ PNET_BUFFER NetBuffer);
NDISAPI NDIS_STATUS NTAPI NdisAllocateNetBufferListContext(_In_ PNET_BUFFER_LIST NetBufferList, _In_ USHORT ContextSize,
                                                           _In_ USHORT ContextBackFill, _In_ ULONG PoolTag);
NDISAPI VOID NTAPI NdisFreeNetBufferListContext(_In_ PNET_BUFFER_LIST NetBufferList, _In_ USHORT ContextSize);
NDISAPI NDIS_STATUS NTAPI NdisRetreatNetBufferDataStart(_In_ PNET_BUFFER NetBuffer, _In_ ULONG DataOffsetDelta,
                                                        _In_ ULONG DataBackFill,
                                                        _In_opt_ NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler);
NDISAPI VOID NTAPI NdisAdvanceNetBufferDataStart(_In_ PNET_BUFFER NetBuffer, _In_ ULONG DataOffsetDelta,
                                                 _In_ BOOLEAN FreeMdl,
                                                 _In_opt_ NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
NDISAPI NDIS_STATUS NTAPI NdisRetreatNetBufferListDataStart(_In_ PNET_BUFFER_LIST NetBufferList,
                                                            _In_ ULONG DataOffsetDelta, _In_ ULONG DataBackFill,
                                                            _In_opt_ NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler,
                                                            _In_opt_ NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
NDISAPI VOID NTAPI NdisAdvanceNetBufferListDataStart(_In_ PNET_BUFFER_LIST NetBufferList, _In_ ULONG DataOffsetDelta,
                                                     _In_ BOOLEAN FreeMdl,
                                                     _In_opt_ NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
NDISAPI VOID NTAPI NdisAdjustNetBufferCurrentMdl(_In_ PNET_BUFFER NetBuffer);
/* Returns the bytes in place if they lie contiguously (and aligned as asked), else copied to Storage, else NULL. */
_Must_inspect_result_ NDISAPI PVOID NTAPI NdisGetDataBuffer(_In_ PNET_BUFFER NetBuffer, _In_ ULONG BytesNeeded,
                                                            _Out_writes_bytes_opt_(BytesNeeded) PVOID Storage,
                                                            _In_ ULONG AlignMultiple, _In_ ULONG AlignOffset);
NDISAPI NDIS_STATUS NTAPI NdisCopyFromNetBufferToNetBuffer(_In_ PNET_BUFFER Destination, _In_ ULONG DestinationOffset,
                                                           _In_ ULONG BytesToCopy, _In_ PNET_BUFFER Source,
                                                           _In_ ULONG SourceOffset, _Out_ PULONG BytesCopied);
_Must_inspect_result_ NDISAPI PMDL NTAPI NdisAllocateMdl(_In_ NDIS_HANDLE NdisHandle,
                                                         _In_reads_bytes_(Length) PVOID VirtualAddress,
                                                         _In_ UINT Length);
NDISAPI VOID NTAPI NdisFreeMdl(_In_ PMDL Mdl);

#define NDIS_MDL_LINKAGE(Mdl)        ((Mdl)->Next)
#define NdisGetNextMdl(Mdl, NextMdl) ((VOID)(*(NextMdl) = (Mdl)->Next))
#define NdisQueryMdl(Mdl, VirtualAddress, Length, Priority)                                                            \
    ((VOID)(*(Length) = MmGetMdlByteCount(Mdl),                                                                        \
            *(PVOID *)(VirtualAddress) = MmGetSystemAddressForMdlSafe((Mdl), (Priority))))
#define NdisQueryMdlOffset(Mdl, Offset, Length)                                                                        \
    ((VOID)(*(Offset) = MmGetMdlByteOffset(Mdl), *(Length) = MmGetMdlByteCount(Mdl)))

/* ---- What travels in a list's slots: one pointer-sized union each, read and written through Value. */

/* Page: "NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO structure". Slot TcpIpChecksumNetBufferListInfo. */
typedef struct _NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO
{
    union
    {
        struct
        {
            ULONG IsIPv4 : 1;
            ULONG IsIPv6 : 1;
            ULONG TcpChecksum : 1;
            ULONG UdpChecksum : 1;
            ULONG IpHeaderChecksum : 1;
            ULONG Reserved : 11;
            ULONG TcpHeaderOffset : 10;
        } Transmit;
        struct
        {
            ULONG TcpChecksumFailed : 1;
            ULONG UdpChecksumFailed : 1;
            ULONG IpChecksumFailed : 1;
            ULONG TcpChecksumSucceeded : 1;
            ULONG UdpChecksumSucceeded : 1;
            ULONG IpChecksumSucceeded : 1;
            ULONG Loopback : 1;
            ULONG TcpChecksumValueInvalid : 1;
            ULONG IpChecksumValueInvalid : 1;
        } Receive;
        PVOID Value;
    };
} NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO, *PNDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO;

/* Page: "NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO structure". Slot TcpLargeSendNetBufferListInfo. */
typedef struct _NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO
{
    union
    {
        struct
        {
            ULONG Unused : 30;
            ULONG Type : 1;
            ULONG Reserved2 : 1;
        } Transmit;
        struct
        {
            ULONG MSS : 20;
            ULONG TcpHeaderOffset : 10;
            ULONG Type : 1;
            ULONG Reserved2 : 1;
        } LsoV1Transmit;
        struct
        {
            ULONG TcpPayload : 30;
            ULONG Type : 1;
            ULONG Reserved2 : 1;
        } LsoV1TransmitComplete;
        struct
        {
            ULONG MSS : 20;
            ULONG TcpHeaderOffset : 10;
            ULONG Type : 1;
            ULONG IPVersion : 1;
        } LsoV2Transmit;
        struct
        {
            ULONG Reserved : 30;
            ULONG Type : 1;
            ULONG Reserved2 : 1;
        } LsoV2TransmitComplete;
        PVOID Value;
    };
} NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO, *PNDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO;

/* Page: "NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO". Slot UdpSegmentationOffloadInfo, which it shares with
 * TcpRecvSegCoalesceInfo. */
typedef struct _NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO
{
    union
    {
        struct
        {
            ULONG MSS : 20;
            ULONG UdpHeaderOffset : 10;
            ULONG Reserved : 1;
            ULONG IPVersion : 1;
        } Transmit;
        PVOID Value;
    };
} NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO, *PNDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO;

/* Page: "NDIS_RSC_NBL_INFO union". Slot TcpRecvSegCoalesceInfo. */
typedef union _NDIS_RSC_NBL_INFO
{
    struct
    {
        USHORT CoalescedSegCount;
        USHORT DupAckCount;
    } Info;
    PVOID Value;
} NDIS_RSC_NBL_INFO, *PNDIS_RSC_NBL_INFO;

#endif
