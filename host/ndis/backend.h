/* SPDX-License-Identifier: MIT */
/*
 * What stands for TCP/IP beneath host/ndis: one BACKEND per adapter, a Linux TUN device (host/linux) or a test's own.
 * NDIS calls the Backend* functions, the backend calls the NdisHost* ones; network buffer lists pass in both
 * directions as they do between NDIS and a protocol driver. Data flows only between BackendStart and BackendStop.
 */
#ifndef HOST_NDIS_BACKEND_H
#define HOST_NDIS_BACKEND_H

#include <ndis.h>

typedef struct _BACKEND BACKEND;
typedef struct _NDIS_HOST_ADAPTER NDIS_HOST_ADAPTER;

#define BACKEND_NAME_LENGTH 64

/* What an adapter would like to be. */
typedef struct _BACKEND_REQUEST
{
    NDIS_HOST_ADAPTER *Adapter;
    PCSTR Name;       /* UTF-8, anything: the backend makes it legal and unique */
    PCSTR InstanceId; /* "{GUID}" in capitals, by which Windows knows the adapter; empty: it has none */
    USHORT IfType;
} BACKEND_REQUEST;

/* What it is in the stack that it joins. */
typedef struct _BACKEND_IDENTITY
{
    ULONG IfIndex;
    NET_LUID NetLuid;
    CHAR Name[BACKEND_NAME_LENGTH]; /* UTF-8, zero-terminated */
} BACKEND_IDENTITY;

typedef struct _BACKEND_LINK
{
    BOOLEAN Connected;
    ULONG64 TransmitSpeed, ReceiveSpeed; /* bits per second */
} BACKEND_LINK;

/* Makes the interface, down and without traffic. PASSIVE_LEVEL. */
NTSTATUS BackendCreate(_In_ const BACKEND_REQUEST *Request, _Out_ BACKEND_IDENTITY *Identity,
                       _Outptr_ BACKEND **Backend);
/* Tells the backend the largest packet, bytes. PASSIVE_LEVEL. */
VOID BackendSetMtu(_Inout_ BACKEND *Backend, _In_ ULONG Mtu);
/* The miniport's link went up or down. Any thread, up to DISPATCH_LEVEL, between create and destroy. */
VOID BackendSetLink(_Inout_ BACKEND *Backend, _In_ const BACKEND_LINK *Link);
/* From here on the backend may call NdisHostSend. PASSIVE_LEVEL. */
NTSTATUS BackendStart(_Inout_ BACKEND *Backend);
/* Returns when no NdisHostSend is running and none will begin; lists that it sent may still be out. PASSIVE_LEVEL. */
VOID BackendStop(_Inout_ BACKEND *Backend);
/* Packets for the stack. Without NDIS_RECEIVE_FLAGS_RESOURCES the backend gives every list back, now or later, by
 * NdisHostReturn; with it the lists are valid during the call only. Any thread, up to DISPATCH_LEVEL. */
VOID BackendReceive(_Inout_ BACKEND *Backend, _In_ NET_BUFFER_LIST *Lists, _In_ ULONG ReceiveFlags);
/* Lists given to NdisHostSend come back. Any thread, up to DISPATCH_LEVEL. */
VOID BackendSendComplete(_Inout_ BACKEND *Backend, _In_ NET_BUFFER_LIST *Lists);
/* Every list is home. The interface goes. Writes what passed and what was dropped to the log. PASSIVE_LEVEL. */
VOID BackendDestroy(_In_ BACKEND *Backend);

/* Hands packets of the stack to the miniport; each list comes back by BackendSendComplete. SendFlags: 0 or
 * NDIS_SEND_FLAGS_DISPATCH_LEVEL when it is called there. Only between BackendStart and BackendStop. */
VOID NdisHostSend(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NET_BUFFER_LIST *Lists, _In_ ULONG SendFlags);
/* What the miniport has on of what it said it could do; a send may ask for that, and for nothing else. Any thread. */
const NDIS_OFFLOAD *NdisHostOffload(_In_ const NDIS_HOST_ADAPTER *Adapter);
/* An administrator switches offloads: OID_TCP_OFFLOAD_PARAMETERS, with Size bytes. PASSIVE_LEVEL. */
NDIS_STATUS NdisHostSetOffload(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OFFLOAD_PARAMETERS *Parameters,
                               _In_ ULONG Size);
/* Gives received lists back to the miniport. Up to DISPATCH_LEVEL. */
VOID NdisHostReturn(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NET_BUFFER_LIST *Lists, _In_ ULONG ReturnFlags);

#endif
