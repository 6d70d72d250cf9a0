/* SPDX-License-Identifier: MIT */
/*
 * OID requests: one at a time for an adapter, as NDIS serialises them, each checked for what it says of lengths; what
 * TCP/IP sets and asks when it binds; and a trial of every OID that a miniport must answer, with buffers of several
 * lengths. PASSIVE_LEVEL; a request that pends is waited for.
 */
#include "host/ndis/ndishost.h"

#define CANARY       0xc5
#define CANARY_BYTES 16

/*
 * Sends one request. Length: bytes of Buffer. *BytesDone: written (query) or read (set); *BytesNeeded: when the
 * buffer is too short. Gives the miniport's status. "MiniportOidRequest", "NDIS_OID_REQUEST".
 */
NDIS_STATUS HostOid(NDIS_HOST_ADAPTER *Adapter, NDIS_REQUEST_TYPE Type, NDIS_OID Oid, PVOID Buffer, ULONG Length,
                    ULONG *BytesDone, ULONG *BytesNeeded)
{
    BOOLEAN Query = Type != NdisRequestSetInformation;
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    NDIS_OID_REQUEST Request;
    HOST_GUARD Guard;
    NDIS_STATUS Status;

    RtlZeroMemory(&Request, sizeof(Request));
    Request.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
    Request.Header.Revision = NDIS_OID_REQUEST_REVISION_1;
    Request.Header.Size = NDIS_SIZEOF_OID_REQUEST_REVISION_1;
    Request.RequestType = Type;
    Request.PortNumber = NDIS_DEFAULT_PORT_NUMBER;
    Request.RequestHandle = Adapter;
    if (Query)
    {
        Request.DATA.QUERY_INFORMATION.Oid = Oid;
        Request.DATA.QUERY_INFORMATION.InformationBuffer = Length ? Buffer : NULL;
        Request.DATA.QUERY_INFORMATION.InformationBufferLength = Length;
    }
    else
    {
        Request.DATA.SET_INFORMATION.Oid = Oid;
        Request.DATA.SET_INFORMATION.InformationBuffer = Length ? Buffer : NULL;
        Request.DATA.SET_INFORMATION.InformationBufferLength = Length;
    }
    KeWaitForSingleObject(&Adapter->OidIdle, Executive, KernelMode, FALSE, NULL);
    Request.RequestId = (PVOID)(ULONG_PTR)++Adapter->NextRequestId;
    Adapter->OidRequest = &Request;
    HostPendingBegin(&Adapter->Oid, "MiniportOidRequest", Place);
    Guard = HostGuardBegin();
    Status = Adapter->Driver->Characteristics.OidRequestHandler(Adapter->Context, &Request);
    HostGuardEnd(&Guard, "MiniportOidRequest", Place);
    Status = HostPendingEnd(&Adapter->Oid, Status);
    Adapter->OidRequest = NULL;
    KeSetEvent(&Adapter->OidIdle, 0, FALSE);

    *BytesDone = Query ? Request.DATA.QUERY_INFORMATION.BytesWritten : Request.DATA.SET_INFORMATION.BytesRead;
    *BytesNeeded = Query ? Request.DATA.QUERY_INFORMATION.BytesNeeded : Request.DATA.SET_INFORMATION.BytesNeeded;
    HandlerRule("MiniportOidRequest", "Oid_Bytes", *BytesDone <= Length, Place,
                "OID 0x%08x: %u bytes done of a buffer of %u", (unsigned)Oid, (unsigned)*BytesDone, (unsigned)Length);
    if (Status == NDIS_STATUS_BUFFER_TOO_SHORT || Status == NDIS_STATUS_INVALID_LENGTH ||
        Status == NDIS_STATUS_BUFFER_OVERFLOW)
    {
        HandlerRule("MiniportOidRequest", "Oid_BytesNeeded", *BytesNeeded > Length || (!Query && *BytesNeeded), Place,
                    "OID 0x%08x: buffer of %u too short, BytesNeeded %u", (unsigned)Oid, (unsigned)Length,
                    (unsigned)*BytesNeeded);
    }
    return Status;
}

/* NdisMOidRequestComplete: a request that pended is done. "NdisMOidRequestComplete function (ndis.h)". */
VOID NdisMOidRequestComplete(NDIS_HANDLE MiniportAdapterHandle, PNDIS_OID_REQUEST Request, NDIS_STATUS Status)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(MiniportAdapterHandle, __func__, HostPlace());

    HostEnter(__func__, HostPlace(), "Irql_OID", DISPATCH_LEVEL, TRUE);
    if (Adapter && NdisRule("Oid_CompleteOnce", Adapter->OidRequest && Adapter->OidRequest == Request, HostPlace(),
                            "%p is not the request that pends", (void *)Request))
    {
        NdisRule("Oid_CompleteOnce", HostPendingComplete(&Adapter->Oid, Status), HostPlace(), "completed twice");
    }
}

typedef struct _OID_TRIAL
{
    NDIS_OID Oid;
    ULONG Full; /* bytes of the whole answer, 0: it varies */
} OID_TRIAL;

/* "Mandatory OIDs for miniport drivers": those that are queried, and how long an answer is. */
static const OID_TRIAL Mandatory[] = {
    {OID_GEN_INTERRUPT_MODERATION, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1},
    {OID_GEN_MAXIMUM_TOTAL_SIZE, sizeof(ULONG)},
    {OID_GEN_RCV_OK, sizeof(ULONG64)},
    {OID_GEN_XMIT_OK, sizeof(ULONG64)},
    {OID_GEN_RECEIVE_BLOCK_SIZE, sizeof(ULONG)},
    {OID_GEN_TRANSMIT_BLOCK_SIZE, sizeof(ULONG)},
    {OID_GEN_RECEIVE_BUFFER_SPACE, sizeof(ULONG)},
    {OID_GEN_TRANSMIT_BUFFER_SPACE, sizeof(ULONG)},
    {OID_GEN_STATISTICS, NDIS_SIZEOF_STATISTICS_INFO_REVISION_1},
    {OID_GEN_VENDOR_DESCRIPTION, 0},
    {OID_GEN_VENDOR_DRIVER_VERSION, sizeof(ULONG)},
    {OID_GEN_VENDOR_ID, sizeof(ULONG)},
};

/* One query with a buffer of Length bytes in front of a canary. */
static NDIS_STATUS TryQuery(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OID Oid, _In_ ULONG Length, _Out_ ULONG *Done)
{
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    UCHAR Buffer[512] __attribute__((aligned(16)));
    ULONG Needed, Touched = 0;
    NDIS_STATUS Status;

    RtlFillMemory(Buffer, sizeof(Buffer), CANARY);
    Status = HostOid(Adapter, NdisRequestQueryInformation, Oid, Buffer, Length, Done, &Needed);
    for (ULONG I = Length; I < Length + CANARY_BYTES; I++)
    {
        Touched += Buffer[I] != CANARY;
    }
    HandlerRule("MiniportOidRequest", "Oid_Overrun", Touched == 0, Place,
                "OID 0x%08x writes behind a buffer of %u bytes", (unsigned)Oid, (unsigned)Length);
    HandlerRule("MiniportOidRequest", "Oid_Status",
                Status == NDIS_STATUS_SUCCESS || Status == NDIS_STATUS_BUFFER_TOO_SHORT ||
                    Status == NDIS_STATUS_INVALID_LENGTH || Status == NDIS_STATUS_NOT_SUPPORTED ||
                    Status == NDIS_STATUS_BUFFER_OVERFLOW,
                Place, "OID 0x%08x with %u bytes: status 0x%08x", (unsigned)Oid, (unsigned)Length, (unsigned)Status);
    return Status;
}

/* Asks every mandatory OID with no buffer, a short one and a whole one. In state Paused. */
VOID HostOidCheckMandatory(NDIS_HOST_ADAPTER *Adapter)
{
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    ULONG Done;

    for (ULONG I = 0; I < sizeof(Mandatory) / sizeof(Mandatory[0]); I++)
    {
        NDIS_OID Oid = Mandatory[I].Oid;
        ULONG Full = Mandatory[I].Full ? Mandatory[I].Full : 256;
        NDIS_STATUS Status = TryQuery(Adapter, Oid, Full, &Done);

        HandlerRule("MiniportOidRequest", "Oid_Mandatory", Status == NDIS_STATUS_SUCCESS, Place,
                    "OID 0x%08x: status 0x%08x", (unsigned)Oid, (unsigned)Status);
        HandlerRule("MiniportOidRequest", "Oid_Bytes",
                    Status != NDIS_STATUS_SUCCESS || !Mandatory[I].Full || Done == Full, Place,
                    "OID 0x%08x: %u bytes written of %u", (unsigned)Oid, (unsigned)Done, (unsigned)Full);
        Status = TryQuery(Adapter, Oid, 0, &Done);
        HandlerRule("MiniportOidRequest", "Oid_Status", Status != NDIS_STATUS_SUCCESS, Place,
                    "OID 0x%08x succeeds without a buffer", (unsigned)Oid);
        if (Oid == OID_GEN_RCV_OK || Oid == OID_GEN_XMIT_OK)
        {
            Status = TryQuery(Adapter, Oid, sizeof(ULONG), &Done); /* a 32-bit counter is an answer too */
            HandlerRule("MiniportOidRequest", "Oid_Bytes", Status == NDIS_STATUS_SUCCESS && Done == sizeof(ULONG),
                        Place, "OID 0x%08x with 4 bytes: status 0x%08x, %u bytes", (unsigned)Oid, (unsigned)Status,
                        (unsigned)Done);
        }
        else if (Mandatory[I].Full > 1)
        {
            Status = TryQuery(Adapter, Oid, Mandatory[I].Full - 1, &Done);
            HandlerRule("MiniportOidRequest", "Oid_Status", Status != NDIS_STATUS_SUCCESS, Place,
                        "OID 0x%08x succeeds with %u of %u bytes", (unsigned)Oid, (unsigned)(Mandatory[I].Full - 1),
                        (unsigned)Mandatory[I].Full);
        }
    }
    /* An OID that nobody knows: NDIS itself asks such ones of older miniports. */
    HandlerRule("MiniportOidRequest", "Oid_Status",
                TryQuery(Adapter, 0xff00fe01, sizeof(ULONG), &Done) == NDIS_STATUS_NOT_SUPPORTED, Place,
                "an unknown OID must be NDIS_STATUS_NOT_SUPPORTED");
}

static VOID SetUlong(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OID Oid, _In_ ULONG Value)
{
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    ULONG Done, Needed;
    NDIS_STATUS Status = HostOid(Adapter, NdisRequestSetInformation, Oid, &Value, sizeof(Value), &Done, &Needed);

    HandlerRule("MiniportOidRequest", "Oid_Mandatory", Status == NDIS_STATUS_SUCCESS, Place,
                "set of OID 0x%08x: status 0x%08x", (unsigned)Oid, (unsigned)Status);
    HandlerRule("MiniportOidRequest", "Oid_Bytes", Status != NDIS_STATUS_SUCCESS || Done == sizeof(Value), Place,
                "set of OID 0x%08x: %u bytes read of %u", (unsigned)Oid, (unsigned)Done, (unsigned)sizeof(Value));
    Status = HostOid(Adapter, NdisRequestSetInformation, Oid, &Value, sizeof(Value) - 1, &Done, &Needed);
    HandlerRule("MiniportOidRequest", "Oid_Status", Status != NDIS_STATUS_SUCCESS, Place,
                "set of OID 0x%08x succeeds with 3 bytes", (unsigned)Oid);
}

/* What a protocol sets when it has bound to a running adapter. */
VOID HostOidBringUp(NDIS_HOST_ADAPTER *Adapter)
{
    SetUlong(Adapter, OID_GEN_CURRENT_LOOKAHEAD, Adapter->RestartGeneral.LookaheadSize);
    SetUlong(Adapter, OID_GEN_CURRENT_PACKET_FILTER,
             Adapter->RestartGeneral.SupportedPacketFilters &
                 (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST |
                  NDIS_PACKET_TYPE_BROADCAST));
}
