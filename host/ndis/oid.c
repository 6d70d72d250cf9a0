/* SPDX-License-Identifier: MIT */
/*
 * OID requests: one at a time for an adapter, as NDIS serialises them, each checked for what it says of lengths; what
 * TCP/IP sets and asks when it binds; and a trial of every OID that a miniport must answer, with buffers of several
 * lengths. PASSIVE_LEVEL; a request that pends is waited for.
 */
#include "host/ndis/ndishost.h"

#define CANARY       0xc5
#define CANARY_BYTES 16
#define ROOM         512 /* bytes: more than any answer that is tried */

#define OidRule(Rule, Condition, Place, ...) HandlerRule("MiniportOidRequest", Rule, Condition, Place, __VA_ARGS__)

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
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, Adapter->OidTrial ? "MiniportOidRequest (HOST_NDIS_TRIAL)" : "MiniportOidRequest", Oid);
    NDIS_STATUS Status = Adapter->Driver->Characteristics.OidRequestHandler(Adapter->Context, &Request);
    HostGuardEnd(&Guard, Place);
    Status = HostPendingEnd(&Adapter->Oid, Status);
    Adapter->OidRequest = NULL;
    KeSetEvent(&Adapter->OidIdle, 0, FALSE);

    *BytesDone = Query ? Request.DATA.QUERY_INFORMATION.BytesWritten : Request.DATA.SET_INFORMATION.BytesRead;
    *BytesNeeded = Query ? Request.DATA.QUERY_INFORMATION.BytesNeeded : Request.DATA.SET_INFORMATION.BytesNeeded;
    OidRule("Oid_Bytes", *BytesDone <= Length, Place, "OID 0x%08x: %u bytes done of a buffer of %u", (unsigned)Oid,
            (unsigned)*BytesDone, (unsigned)Length);
    if (Status == NDIS_STATUS_BUFFER_TOO_SHORT || Status == NDIS_STATUS_INVALID_LENGTH ||
        Status == NDIS_STATUS_BUFFER_OVERFLOW)
    {
        OidRule("Oid_BytesNeeded", *BytesNeeded > Length || (!Query && *BytesNeeded), Place,
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

typedef struct _OID_ANSWER
{
    NDIS_STATUS Status;
    ULONG Written, Needed;
    UCHAR Buffer[ROOM] __attribute__((aligned(16)));
} OID_ANSWER;

/* One query with a buffer of Length bytes, which is full of Fill and lies in front of a canary. */
static NDIS_STATUS TryQuery(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OID Oid, _In_ ULONG Length, _In_ UCHAR Fill,
                            _Out_ OID_ANSWER *Answer)
{
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    ULONG Touched = 0;
    RtlFillMemory(Answer->Buffer, Length, Fill);
    RtlFillMemory(Answer->Buffer + Length, CANARY_BYTES, CANARY);
    NDIS_STATUS Status =
        HostOid(Adapter, NdisRequestQueryInformation, Oid, Answer->Buffer, Length, &Answer->Written, &Answer->Needed);
    for (ULONG I = Length; I < Length + CANARY_BYTES; I++)
        Touched += Answer->Buffer[I] != CANARY;
    OidRule("Oid_Overrun", Touched == 0, Place, "OID 0x%08x writes behind a buffer of %u bytes", (unsigned)Oid,
            (unsigned)Length);
    OidRule("Oid_Status",
            Status == NDIS_STATUS_SUCCESS || Status == NDIS_STATUS_BUFFER_TOO_SHORT ||
                Status == NDIS_STATUS_INVALID_LENGTH || Status == NDIS_STATUS_NOT_SUPPORTED ||
                Status == NDIS_STATUS_BUFFER_OVERFLOW,
            Place, "OID 0x%08x with %u bytes: status 0x%08x", (unsigned)Oid, (unsigned)Length, (unsigned)Status);
    Answer->Status = Status;
    return Status;
}

/* A whole buffer, twice with other contents before: what is answered does not hang on them. In state Paused, in which
 * nothing is counted meanwhile. Full: bytes of the answer, 0: it varies. FALSE: it is not answered. */
static BOOLEAN TryWhole(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OID Oid, _In_ ULONG Full)
{
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    ULONG Length = Full ? Full : ROOM / 2;
    OID_ANSWER First;
    TryQuery(Adapter, Oid, Length, 0x00, &First);
    OID_ANSWER Second;
    TryQuery(Adapter, Oid, Length, 0xff, &Second);
    OidRule("Oid_Mandatory", First.Status == NDIS_STATUS_SUCCESS, Place, "OID 0x%08x: status 0x%08x", (unsigned)Oid,
            (unsigned)First.Status);
    OidRule("Oid_Bytes", First.Status != NDIS_STATUS_SUCCESS || !Full || First.Written == Full, Place,
            "OID 0x%08x: %u bytes written of %u", (unsigned)Oid, (unsigned)First.Written, (unsigned)Full);
    OidRule("Oid_OutputRead",
            First.Status == Second.Status && First.Written == Second.Written && First.Written <= Length &&
                RtlCompareMemory(First.Buffer, Second.Buffer, First.Written) == First.Written,
            Place, "OID 0x%08x: the answer depends on what was in the buffer, or was not written whole", (unsigned)Oid);
    return First.Status == NDIS_STATUS_SUCCESS;
}

/* Whether drivers are asked with buffers that are too short, which no protocol does: some do not look, and fault. */
static BOOLEAN Trial(VOID)
{
    return PlatformSetting("HOST_NDIS_TRIAL", 0) != 0;
}

/* A buffer that is too short by any number of bytes. A counter of 64 bits is answered in 32 where there is no more room:
 * "[NdisStudio] OidRequestTest - OID_GEN_XMIT_OK and OID_GEN_RCV_OK verification". */
static VOID TryShort(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OID Oid, _In_ ULONG Full)
{
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    BOOLEAN Counter = Oid == OID_GEN_RCV_OK || Oid == OID_GEN_XMIT_OK;
    Adapter->OidTrial = TRUE;
    for (ULONG Length = 0; Length < Full; Length++)
    {
        OID_ANSWER Answer;
        TryQuery(Adapter, Oid, Length, 0, &Answer);
        if (Counter && Length >= sizeof(ULONG))
        {
            OidRule("Oid_Bytes", Answer.Status == NDIS_STATUS_SUCCESS && Answer.Written == sizeof(ULONG), Place,
                    "OID 0x%08x with 32 bits: status 0x%08x, %u bytes", (unsigned)Oid, (unsigned)Answer.Status,
                    (unsigned)Answer.Written);
        }
        else
        {
            OidRule("Oid_Status", Answer.Status != NDIS_STATUS_SUCCESS, Place,
                    "OID 0x%08x succeeds with %u of %u bytes", (unsigned)Oid, (unsigned)Length, (unsigned)Full);
            OidRule("Oid_Bytes", Answer.Written == 0, Place, "OID 0x%08x fails and has written %u bytes", (unsigned)Oid,
                    (unsigned)Answer.Written);
        }
        OidRule("Oid_BytesNeeded", Answer.Needed == Full, Place, "OID 0x%08x with %u bytes: BytesNeeded %u, not %u",
                (unsigned)Oid, (unsigned)Length, (unsigned)Answer.Needed, (unsigned)Full);
    }
    Adapter->OidTrial = FALSE;
}

/* "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES": SupportedOidList names what the miniport answers. */
static VOID CheckListed(_In_ const NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OID Oid)
{
    BOOLEAN Listed = FALSE;
    for (ULONG I = 0; I < Adapter->SupportedOidCount; I++)
        Listed |= Adapter->SupportedOids[I] == Oid;
    HandlerRule("MiniportInitializeEx", "Oid_Mandatory", Listed,
                (PVOID)Adapter->Driver->Characteristics.InitializeHandlerEx, "OID 0x%08x is not in SupportedOidList",
                (unsigned)Oid);
}

/* Asks every mandatory OID, in a trial with buffers of every length up to the whole. In state Paused. */
VOID HostOidCheckMandatory(NDIS_HOST_ADAPTER *Adapter)
{
    static const NDIS_OID AlsoListed[] = {OID_GEN_CURRENT_LOOKAHEAD, OID_GEN_CURRENT_PACKET_FILTER,
                                          OID_GEN_LINK_PARAMETERS, OID_PNP_SET_POWER, OID_PNP_QUERY_POWER};
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    for (ULONG I = 0; I < sizeof(Mandatory) / sizeof(Mandatory[0]); I++)
    {
        if (TryWhole(Adapter, Mandatory[I].Oid, Mandatory[I].Full) && Trial())
            TryShort(Adapter, Mandatory[I].Oid, Mandatory[I].Full);
        CheckListed(Adapter, Mandatory[I].Oid);
    }
    for (ULONG I = 0; I < sizeof(AlsoListed) / sizeof(AlsoListed[0]); I++)
        CheckListed(Adapter, AlsoListed[I]);
    if (Adapter->Offload.Rsc.IPv4.Enabled || Adapter->Offload.Rsc.IPv6.Enabled) /* "OID_TCP_RSC_STATISTICS" */
    {
        if (TryWhole(Adapter, OID_TCP_RSC_STATISTICS, NDIS_SIZEOF_RSC_STATISTICS_REVISION_1) && Trial())
            TryShort(Adapter, OID_TCP_RSC_STATISTICS, NDIS_SIZEOF_RSC_STATISTICS_REVISION_1);
        CheckListed(Adapter, OID_TCP_RSC_STATISTICS);
    }
    OID_ANSWER Answer;
    /* An OID that nobody knows: NDIS itself asks such ones of older miniports. */
    OidRule("Oid_Status", TryQuery(Adapter, 0xff00fe01, sizeof(ULONG), 0, &Answer) == NDIS_STATUS_NOT_SUPPORTED, Place,
            "an unknown OID must be NDIS_STATUS_NOT_SUPPORTED");
}

static VOID SetUlong(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OID Oid, _In_ ULONG Value)
{
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    ULONG Done, Needed;
    NDIS_STATUS Status = HostOid(Adapter, NdisRequestSetInformation, Oid, &Value, sizeof(Value), &Done, &Needed);
    OidRule("Oid_Mandatory", Status == NDIS_STATUS_SUCCESS, Place, "set of OID 0x%08x: status 0x%08x", (unsigned)Oid,
            (unsigned)Status);
    OidRule("Oid_Bytes", Status != NDIS_STATUS_SUCCESS || Done == sizeof(Value), Place,
            "set of OID 0x%08x: %u bytes read of %u", (unsigned)Oid, (unsigned)Done, (unsigned)sizeof(Value));
    Adapter->OidTrial = Status == NDIS_STATUS_SUCCESS && Trial();
    for (ULONG Length = 0; Adapter->OidTrial && Length < sizeof(Value); Length++)
    {
        Status = HostOid(Adapter, NdisRequestSetInformation, Oid, &Value, Length, &Done, &Needed);
        OidRule("Oid_Status", Status != NDIS_STATUS_SUCCESS, Place, "set of OID 0x%08x succeeds with %u bytes",
                (unsigned)Oid, (unsigned)Length);
    }
    Adapter->OidTrial = FALSE;
}

/* A set of offloads is followed by what is on now, before it is completed: "OID_TCP_OFFLOAD_PARAMETERS",
 * "OID_OFFLOAD_ENCAPSULATION". */
static NDIS_STATUS SetOffloads(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_OID Oid, _In_ PVOID Data, _In_ ULONG Size)
{
    PVOID Place = Adapter->Driver->Characteristics.OidRequestHandler;
    LONG Before = ReadAcquire(&Adapter->OffloadIndications);
    ULONG Done, Needed;
    NDIS_STATUS Status = HostOid(Adapter, NdisRequestSetInformation, Oid, Data, Size, &Done, &Needed);
    OidRule("Oid_OffloadIndicated", Status != NDIS_STATUS_SUCCESS || ReadAcquire(&Adapter->OffloadIndications) > Before,
            Place, "set of OID 0x%08x: NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG is not indicated", (unsigned)Oid);
    return Status;
}

NDIS_STATUS NdisHostSetOffload(NDIS_HOST_ADAPTER *Adapter, NDIS_OFFLOAD_PARAMETERS *Parameters, ULONG Size)
{
    return SetOffloads(Adapter, OID_TCP_OFFLOAD_PARAMETERS, Parameters, Size);
}

const NDIS_OFFLOAD *NdisHostOffload(const NDIS_HOST_ADAPTER *Adapter)
{
    return &Adapter->Offload;
}

/* TCP/IP says which headers it puts before a packet: nobody knows what it says of a raw IP link. "OID_OFFLOAD_ENCAPSULATION". */
static VOID SetEncapsulation(_Inout_ NDIS_HOST_ADAPTER *Adapter)
{
    ULONG Type = PlatformSetting("HOST_NDIS_ENCAPSULATION", NDIS_ENCAPSULATION_NULL);
    NDIS_OFFLOAD_ENCAPSULATION Encapsulation = {
        .Header = {.Type = NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION,
                   .Revision = NDIS_OFFLOAD_ENCAPSULATION_REVISION_1,
                   .Size = NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1},
        .IPv4 = {.Enabled = NDIS_OFFLOAD_SET_ON,
                 .EncapsulationType = Type,
                 .HeaderSize = Type == NDIS_ENCAPSULATION_NULL ? 0 : 14},
    };
    Encapsulation.IPv6.Enabled = Encapsulation.IPv4.Enabled;
    Encapsulation.IPv6.EncapsulationType = Encapsulation.IPv4.EncapsulationType;
    Encapsulation.IPv6.HeaderSize = Encapsulation.IPv4.HeaderSize;
    NDIS_STATUS Status =
        SetOffloads(Adapter, OID_OFFLOAD_ENCAPSULATION, &Encapsulation, NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1);
    if (Status != NDIS_STATUS_SUCCESS) /* "the protocol must not use any offload" */
        RtlZeroMemory(&Adapter->Offload, sizeof(Adapter->Offload));
}

/* HOST_NDIS_RSC 0: no coalesced segments for this stack, as where packets are forwarded or a filter cannot cope with them. */
static VOID SwitchCoalescingOff(_Inout_ NDIS_HOST_ADAPTER *Adapter)
{
    NDIS_OFFLOAD_PARAMETERS Parameters = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                     .Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3,
                                                     .Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3},
                                          .RscIPv4 = NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED,
                                          .RscIPv6 = NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED};
    NdisHostSetOffload(Adapter, &Parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3);
}

/* What a protocol sets when it has bound to a running adapter. */
VOID HostOidBringUp(NDIS_HOST_ADAPTER *Adapter)
{
    if (Adapter->OffloadSet)
        SetEncapsulation(Adapter);
    if (Adapter->OffloadSet && !PlatformSetting("HOST_NDIS_RSC", 1))
        SwitchCoalescingOff(Adapter);
    SetUlong(Adapter, OID_GEN_CURRENT_LOOKAHEAD, Adapter->RestartGeneral.LookaheadSize);
    SetUlong(Adapter, OID_GEN_CURRENT_PACKET_FILTER,
             Adapter->RestartGeneral.SupportedPacketFilters &
                 (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST |
                  NDIS_PACKET_TYPE_BROADCAST));
}
