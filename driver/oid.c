/* SPDX-License-Identifier: MIT */
/*
 * OID requests: what the stack asks of, and tells, an adapter. NDIS hands them over one at a time, at PASSIVE_LEVEL up to
 * DISPATCH_LEVEL, and every one is answered before the handler returns. "Mandatory OIDs for Miniport Drivers",
 * "MINIPORT_OID_REQUEST callback function".
 */
#include "driver/tun.h"

NDIS_OID OidSupported[] = {
    OID_GEN_CURRENT_LOOKAHEAD,
    OID_GEN_CURRENT_PACKET_FILTER,
    OID_GEN_INTERRUPT_MODERATION,
    OID_GEN_LINK_PARAMETERS,
    OID_GEN_MAXIMUM_TOTAL_SIZE,
    OID_GEN_RCV_OK,
    OID_GEN_RECEIVE_BLOCK_SIZE,
    OID_GEN_RECEIVE_BUFFER_SPACE,
    OID_GEN_STATISTICS,
    OID_GEN_TRANSMIT_BLOCK_SIZE,
    OID_GEN_TRANSMIT_BUFFER_SPACE,
    OID_GEN_VENDOR_DESCRIPTION,
    OID_GEN_VENDOR_DRIVER_VERSION,
    OID_GEN_VENDOR_ID,
    OID_GEN_XMIT_OK,
    OID_OFFLOAD_ENCAPSULATION,
    OID_PNP_QUERY_POWER,
    OID_PNP_SET_POWER,
    OID_TCP_OFFLOAD_PARAMETERS,
    OID_TCP_RSC_STATISTICS,
};
const ULONG OidSupportedSize = sizeof(OidSupported);

static const CHAR VendorDescription[] = PLAINTUN_PRODUCT;

/* Answers a query with Size bytes at Data, whole or not at all. */
static NDIS_STATUS Answer(_Inout_ NDIS_OID_REQUEST *Request, _In_ const VOID *Data, _In_ ULONG Size)
{
    Request->DATA.QUERY_INFORMATION.BytesWritten = 0;
    Request->DATA.QUERY_INFORMATION.BytesNeeded = 0;
    if (Request->DATA.QUERY_INFORMATION.InformationBufferLength < Size)
    {
        Request->DATA.QUERY_INFORMATION.BytesNeeded = Size;
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    RtlCopyMemory(Request->DATA.QUERY_INFORMATION.InformationBuffer, Data, Size);
    Request->DATA.QUERY_INFORMATION.BytesWritten = Size;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS AnswerUlong(_Inout_ NDIS_OID_REQUEST *Request, _In_ ULONG Value)
{
    return Answer(Request, &Value, sizeof(Value));
}

/* A 64-bit counter that may also be asked for in 32 bits: then BytesNeeded says that there is more.
 * "OID_GEN_XMIT_OK", "OID_GEN_RCV_OK". */
static NDIS_STATUS AnswerCounter(_Inout_ NDIS_OID_REQUEST *Request, _In_ ULONG64 Value)
{
    ULONG Length = Request->DATA.QUERY_INFORMATION.InformationBufferLength;
    if (Length < sizeof(ULONG) || Length >= sizeof(ULONG64))
        return Answer(Request, &Value, sizeof(Value));
    NDIS_STATUS Status = AnswerUlong(Request, (ULONG)Value);
    Request->DATA.QUERY_INFORMATION.BytesNeeded = sizeof(Value);
    return Status;
}

/* "In" is what the stack receives (to_stack), "out" what it sends (to_app). Malformed packets are errors, those for which
 * there was no session or no room are discards. "NDIS_STATISTICS_INFO structure". */
static NDIS_STATUS AnswerStatistics(_In_ TUN_ADAPTER *Adapter, _Inout_ NDIS_OID_REQUEST *Request)
{
    TUN_TRAFFIC *In = &Adapter->ToStack, *Out = &Adapter->ToApp;
    NDIS_STATISTICS_INFO Info = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_STATISTICS_INFO_REVISION_1,
                   .Size = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1},
        .SupportedStatistics =
            NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV |
            NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV |
            NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS | NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR |
            NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT |
            NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT |
            NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR | NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS |
            NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV |
            NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT |
            NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT,
        .ifInDiscards = 0, /* what the stack does not take stays in the ring until it does */
        .ifInErrors = CounterRead(&In->DropInvalid),
        .ifHCInOctets = CounterSum(In->Octets),
        .ifHCInUcastPkts = CounterRead(&In->Packets[TUN_UNICAST]),
        .ifHCInMulticastPkts = CounterRead(&In->Packets[TUN_MULTICAST]),
        .ifHCInBroadcastPkts = CounterRead(&In->Packets[TUN_BROADCAST]),
        .ifHCOutOctets = CounterSum(Out->Octets),
        .ifHCOutUcastPkts = CounterRead(&Out->Packets[TUN_UNICAST]),
        .ifHCOutMulticastPkts = CounterRead(&Out->Packets[TUN_MULTICAST]),
        .ifHCOutBroadcastPkts = CounterRead(&Out->Packets[TUN_BROADCAST]),
        .ifOutErrors = CounterRead(&Out->DropInvalid),
        .ifOutDiscards = CounterRead(&Out->DropNoSession) + CounterRead(&Out->DropFull) + CounterRead(&Out->DropPaused),
        .ifHCInUcastOctets = CounterRead(&In->Octets[TUN_UNICAST]),
        .ifHCInMulticastOctets = CounterRead(&In->Octets[TUN_MULTICAST]),
        .ifHCInBroadcastOctets = CounterRead(&In->Octets[TUN_BROADCAST]),
        .ifHCOutUcastOctets = CounterRead(&Out->Octets[TUN_UNICAST]),
        .ifHCOutMulticastOctets = CounterRead(&Out->Octets[TUN_MULTICAST]),
        .ifHCOutBroadcastOctets = CounterRead(&Out->Octets[TUN_BROADCAST]),
    };
    return Answer(Request, &Info, NDIS_SIZEOF_STATISTICS_INFO_REVISION_1);
}

static NDIS_STATUS Query(_In_ TUN_ADAPTER *Adapter, _Inout_ NDIS_OID_REQUEST *Request)
{
    NDIS_INTERRUPT_MODERATION_PARAMETERS Moderation = {
        .Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                   .Revision = NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1,
                   .Size = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1},
        .InterruptModeration = NdisInterruptModerationNotSupported,
    };
    NDIS_RSC_STATISTICS_INFO Coalesced;
    RtlZeroMemory(&Coalesced, sizeof(Coalesced)); /* and the gap behind the header */
    Coalesced.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_DEFAULT, NDIS_RSC_STATISTICS_REVISION_1,
                                            NDIS_SIZEOF_RSC_STATISTICS_REVISION_1};
    Coalesced.CoalescedPkts = CounterRead(&Adapter->CoalescedPackets);
    Coalesced.CoalescedOctets = CounterRead(&Adapter->CoalescedOctets);
    Coalesced.CoalesceEvents = CounterRead(&Adapter->Coalesced); /* whole they come, so none is ever broken off */
    switch (Request->DATA.QUERY_INFORMATION.Oid)
    {
    case OID_GEN_MAXIMUM_TOTAL_SIZE: /* a raw IP packet has no header before it: the MTU is all */
    case OID_GEN_RECEIVE_BLOCK_SIZE:
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
        return AnswerUlong(Request, Adapter->Mtu);
    case OID_GEN_RECEIVE_BUFFER_SPACE:
        return AnswerUlong(Request, TUN_SMALL_COUNT * TUN_SMALL_SIZE + TUN_LARGE_COUNT * TUN_LARGE_SIZE);
    case OID_GEN_TRANSMIT_BUFFER_SPACE: /* what any session has at the least; it is the program that chooses */
        return AnswerUlong(Request, RING_CAPACITY_MIN);
    case OID_GEN_CURRENT_LOOKAHEAD:
        return AnswerUlong(Request, Adapter->Lookahead);
    case OID_GEN_CURRENT_PACKET_FILTER:
        return AnswerUlong(Request, Adapter->PacketFilter);
    case OID_GEN_VENDOR_ID: /* no IEEE number: "OID_GEN_VENDOR_ID" says 0xFFFFFF then */
        return AnswerUlong(Request, 0xFFFFFF);
    case OID_GEN_VENDOR_DESCRIPTION:
        return Answer(Request, VendorDescription, sizeof(VendorDescription));
    case OID_GEN_VENDOR_DRIVER_VERSION:
        return AnswerUlong(Request, TUN_VERSION);
    case OID_GEN_XMIT_OK:
        return AnswerCounter(Request, CounterSum(Adapter->ToApp.Packets));
    case OID_GEN_RCV_OK:
        return AnswerCounter(Request, CounterSum(Adapter->ToStack.Packets));
    case OID_GEN_STATISTICS:
        return AnswerStatistics(Adapter, Request);
    case OID_TCP_RSC_STATISTICS:
        return Answer(Request, &Coalesced, NDIS_SIZEOF_RSC_STATISTICS_REVISION_1);
    case OID_GEN_INTERRUPT_MODERATION:
        return Answer(Request, &Moderation, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    case OID_PNP_QUERY_POWER: /* nothing keeps us from any power state; nothing is written */
        Request->DATA.QUERY_INFORMATION.BytesWritten = 0;
        Request->DATA.QUERY_INFORMATION.BytesNeeded = 0;
        return NDIS_STATUS_SUCCESS;
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

/* Takes Size bytes at most, of which Least must be there, from a set request, whose buffer may lie at any address. */
static NDIS_STATUS Take(_Inout_ NDIS_OID_REQUEST *Request, _Out_writes_bytes_(Size) VOID *Value, _In_ ULONG Least,
                        _In_ ULONG Size)
{
    ULONG Length = min(Request->DATA.SET_INFORMATION.InformationBufferLength, Size);
    BOOLEAN Whole = Length >= Least;
    Request->DATA.SET_INFORMATION.BytesRead = Whole ? Length : 0;
    Request->DATA.SET_INFORMATION.BytesNeeded = Whole ? 0 : Least;
    if (Whole)
        RtlCopyMemory(Value, Request->DATA.SET_INFORMATION.InformationBuffer, Length);
    return Whole ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_LENGTH;
}

/* Switches Tasks as NDIS_OFFLOAD_PARAMETERS says, in which zeros follow what was there. Checksums of what the stack receives
 * we do not have, and "both ways" is taken as what there is of it; other offloads may only be left as they are, or off. Large
 * sends hang on the checksums that they imply: "Combining Types of Task Offloads". */
static NDIS_STATUS SetTasks(_Inout_ TUN_ADAPTER *Adapter, _In_ const NDIS_OFFLOAD_PARAMETERS *Parameters)
{
    /* IPv4Checksum to TcpConnectionIPv6; padding and Flags, which ask for nothing; IPsecV2 to RscIPv6 */
    static const UCHAR Most[] = {4, 4, 4, 4, 4, 1, 1, 2, 2, 1, 1, 255, 255, 255, 255, 255, 1, 1, 2, 2};
    const UCHAR *Values = (const UCHAR *)Parameters + FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, IPv4Checksum);
    ULONG Tasks = atomic_load_explicit(&Adapter->Tasks, memory_order_relaxed);
    if (Parameters->Header.Type != NDIS_OBJECT_TYPE_DEFAULT || Parameters->Header.Revision == 0 ||
        Parameters->Header.Size < NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1)
        return NDIS_STATUS_INVALID_DATA;
    BOOLEAN Later = Parameters->Header.Revision >= NDIS_OFFLOAD_PARAMETERS_REVISION_3 &&
                    Parameters->Header.Size >= NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
    for (ULONG I = 0; I < (Later ? sizeof(Most) : 11u); I++)
    {
        if (Values[I] > Most[I])
            return Most[I] == 1 ? NDIS_STATUS_NOT_SUPPORTED : NDIS_STATUS_INVALID_DATA;
        ULONG Task = 1u << I & TUN_TASKS;
        if (Values[I] != NDIS_OFFLOAD_PARAMETERS_NO_CHANGE)
            Tasks = Values[I] % 2 == 0 ? Tasks | Task : Tasks & ~Task; /* of 2 and 4 sending is on */
    }
    if ((Tasks & (TUN_TASK_IP4 | TUN_TASK_TCP4)) != (TUN_TASK_IP4 | TUN_TASK_TCP4))
        Tasks &= ~TUN_TASK_LSO4;
    if ((Tasks & TUN_TASK_TCP6) == 0)
        Tasks &= ~TUN_TASK_LSO6;
    /* What the session's thread has made by the old ones is with the stack when this returns, as it demands; a batch that it makes
     * meanwhile goes without. */
    ExWaitForRundownProtectionRelease(&Adapter->TaskUse);
    atomic_store_explicit(&Adapter->Tasks, Tasks, memory_order_relaxed);
    ReportTasks(Adapter);
    ExReInitializeRundownProtection(&Adapter->TaskUse);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS Set(_Inout_ TUN_ADAPTER *Adapter, _Inout_ NDIS_OID_REQUEST *Request)
{
    NDIS_OFFLOAD_ENCAPSULATION Encapsulation = {.IPv4.Enabled = 0};
    NDIS_OFFLOAD_PARAMETERS Parameters = {.Flags = 0};
    NDIS_LINK_PARAMETERS Link;
    ULONG Value;
    NDIS_STATUS Status;
    switch (Request->DATA.SET_INFORMATION.Oid)
    {
    case OID_GEN_CURRENT_PACKET_FILTER: /* kept for who asks; every packet is for the stack or it would not be sent */
        return Take(Request, &Adapter->PacketFilter, sizeof(ULONG), sizeof(ULONG));
    case OID_GEN_CURRENT_LOOKAHEAD: /* a packet is always indicated whole */
        return Take(Request, &Adapter->Lookahead, sizeof(ULONG), sizeof(ULONG));
    case OID_GEN_LINK_PARAMETERS: /* there is no duplex and no speed to set: taken, and without effect */
        return Take(Request, &Link, NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1, sizeof(Link));
    case OID_GEN_INTERRUPT_MODERATION: /* "must return NDIS_STATUS_INVALID_DATA if it does not support it" */
        Request->DATA.SET_INFORMATION.BytesRead = 0;
        Request->DATA.SET_INFORMATION.BytesNeeded = 0;
        return NDIS_STATUS_INVALID_DATA;
    case OID_PNP_SET_POWER: /* NDIS has paused us before it; all there is to know is how to refuse sends meanwhile */
        Status = Take(Request, &Value, sizeof(Value), sizeof(Value));
        if (Status == NDIS_STATUS_SUCCESS)
        {
            Trace(AdapterPower, .NetLuid = Adapter->NetLuid, .State = Value);
            atomic_store_explicit(&Adapter->Asleep, Value != NdisDeviceStateD0, memory_order_relaxed);
        }
        return Status;
    case OID_OFFLOAD_ENCAPSULATION: /* whichever it is: nothing here hangs on that, but it is worth knowing */
        Status = Take(Request, &Encapsulation, NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1, sizeof(Encapsulation));
        if (TraceListens())
            TraceWrite(&TraceEventOffloadEncapsulation, &Adapter->NetLuid, sizeof(Adapter->NetLuid), &Encapsulation,
                       sizeof(Encapsulation));
        if (Status != NDIS_STATUS_SUCCESS)
            return Status;
        atomic_fetch_or_explicit(&Adapter->Tasks, TUN_TASK_KNOWN, memory_order_relaxed);
        ReportTasks(Adapter);
        return NDIS_STATUS_SUCCESS;
    case OID_TCP_OFFLOAD_PARAMETERS:
        Status = Take(Request, &Parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1, sizeof(Parameters));
        if (TraceListens())
            TraceWrite(&TraceEventOffloadParameters, &Adapter->NetLuid, sizeof(Adapter->NetLuid), &Parameters,
                       sizeof(Parameters));
        if (Status == NDIS_STATUS_SUCCESS)
            Status = SetTasks(Adapter, &Parameters);
        if (Status != NDIS_STATUS_SUCCESS)
            Request->DATA.SET_INFORMATION.BytesRead = 0;
        return Status;
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

/* Called for each request. "MINIPORT_OID_REQUEST callback function". */
_Use_decl_annotations_
NDIS_STATUS OidRequest(NDIS_HANDLE MiniportAdapterContext, NDIS_OID_REQUEST *Request)
{
    switch (Request->RequestType)
    {
    case NdisRequestQueryInformation:
    case NdisRequestQueryStatistics:
        return Query(MiniportAdapterContext, Request);
    case NdisRequestSetInformation:
        return Set(MiniportAdapterContext, Request);
    default: /* there is no method request that we support */
        return NDIS_STATUS_INVALID_OID;
    }
}

/* Called to cancel a request that is pending: none ever is. "MINIPORT_CANCEL_OID_REQUEST callback function". */
_Use_decl_annotations_
VOID OidCancel(NDIS_HANDLE MiniportAdapterContext, PVOID RequestId)
{
}
