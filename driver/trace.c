/* SPDX-License-Identifier: MIT */
/*
 * Writes the events that trace.h lists. The bytes that describe an event are made by the compiler: "Provider Traits" and,
 * for events, TraceLoggingDynamic.h of github.com/microsoft/tracelogging say how they are laid out. All of it, and the
 * stacks that events are made on, is nonpaged, as "EtwWriteTransfer" demands above APC_LEVEL.
 */
#include "driver/tun.h"

_Atomic(ULONG) TraceState;
static REGHANDLE Handle; /* written by DriverEntry before any other thread is there */

/* A field is described by its name, NUL, and the type's number. */
#define IN_UInt8                "\x04"
#define IN_UInt16               "\x06"
#define IN_UInt32               "\x08"
#define IN_UInt64               "\x0a"
#define IN_Binary               "\x0e"
#define IN_Guid                 "\x0f"
#define IN_HexInt32             "\x14"
#define IN_HexInt64             "\x15"
#define DESCRIBE(Type, Name)    #Name "\0" IN_##Type
#define DESCRIPTION(Name, Text) "\0" /* no tags */ Name "\0" Text

/* Size of the whole and text without the NUL that C puts behind it. */
#define BLOB(Variable, Text)                                                                                           \
    static const struct                                                                                                \
    {                                                                                                                  \
        USHORT Size;                                                                                                   \
        CHAR Bytes[sizeof(Text) - 1];                                                                                  \
    } Variable = {sizeof(USHORT) + sizeof(Text) - 1, Text};

/* Channel 11 is TraceLogging's; Id and Version stay 0: the name is what tells events apart. */
#define DEFINE(Linkage, Variable, Called, TheLevel, TheKeyword, Text)                                                  \
    BLOB(Variable##Blob, DESCRIPTION(Called, Text))                                                                    \
    Linkage const TRACE_EVENT Variable = {.Descriptor = {.Channel = 11, .Level = TheLevel, .Keyword = TheKeyword},     \
                                          .Metadata = &Variable##Blob.Size};

BLOB(Provider, PLAINTUN_TRACE_NAME "\0")
#define DEFINE_EVENT(Name, Level, Keyword) DEFINE(, TraceEvent##Name, #Name, Level, Keyword, TRACE_##Name(DESCRIBE))
TRACE_EVENTS(DEFINE_EVENT)
#define DEFINE_DROP(Name, Counter)                                                                                     \
    DEFINE(static, Drop##Name, #Name, TRACE_VERBOSE, TRACE_DROP, TRACE_DROP_FIELDS(DESCRIBE))
TRACE_DROPS(DEFINE_DROP)

_Static_assert(sizeof(TRACE_DATA_Counters) == sizeof(ULONG64) + sizeof(TUN_COUNTERS) &&
                   sizeof(TRACE_DATA_OffloadEncapsulation) == sizeof(ULONG64) + sizeof(NDIS_OFFLOAD_ENCAPSULATION) &&
                   sizeof(TRACE_DATA_OffloadParameters) == sizeof(ULONG64) + sizeof(NDIS_OFFLOAD_PARAMETERS),
               "these are written as they came");

/* Called when somebody begins or ends recording; what is told is of all who record together. "ETWENABLECALLBACK". A keyword
 * mask of 0 means every event, but is nobody's word for wanting to see packets. */
static VOID NTAPI Enable(_In_ LPCGUID SourceId, _In_ ULONG ControlCode, _In_ UCHAR Level,
                         _In_ ULONGLONG MatchAnyKeyword, _In_ ULONGLONG MatchAllKeyword,
                         _In_opt_ PEVENT_FILTER_DESCRIPTOR FilterData, _Inout_opt_ PVOID CallbackContext)
{
    if (ControlCode == EVENT_CONTROL_CODE_ENABLE_PROVIDER)
        atomic_store_explicit(&TraceState, TRACE_ON | (ULONG)(MatchAnyKeyword & TRACE_PACKET), memory_order_relaxed);
    else if (ControlCode == EVENT_CONTROL_CODE_DISABLE_PROVIDER)
        atomic_store_explicit(&TraceState, 0, memory_order_relaxed);
}

/* Called first in DriverEntry, PASSIVE_LEVEL. A driver that cannot be traced works all the same. "EtwRegister",
 * "EtwSetInformation": with traits, ETW knows the provider's name and looks at the descriptors' types. */
_Use_decl_annotations_
VOID TraceOpen(VOID)
{
    static const GUID ProviderId = PLAINTUN_TRACE_GUID;
    if (NT_SUCCESS(EtwRegister(&ProviderId, Enable, NULL, &Handle)))
        EtwSetInformation(Handle, EventProviderSetTraits, (VOID *)&Provider, Provider.Size);
    else
        Handle = 0;
}

/* Undoes TraceOpen; nothing may be traced any more. PASSIVE_LEVEL. */
_Use_decl_annotations_
VOID TraceClose(VOID)
{
    if (Handle)
        EtwUnregister(Handle);
    atomic_store_explicit(&TraceState, 0, memory_order_relaxed);
}

/* Writes an event: Size bytes of fixed fields, and what belongs behind them. Who records only some is ETW's affair, and so is
 * an event for which there is no room. */
_Use_decl_annotations_
VOID TraceWrite(const TRACE_EVENT *Event, const VOID *Data, ULONG Size, const VOID *Rest, ULONG RestSize)
{
    EVENT_DATA_DESCRIPTOR Parts[] = {
        {(ULONG_PTR)&Provider, Provider.Size, {.Type = EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA}},
        {(ULONG_PTR)Event->Metadata, *Event->Metadata, {.Type = EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA}},
        {(ULONG_PTR)Data, Size, {0}},
        {(ULONG_PTR)Rest, RestSize, {0}},
    };
    EtwWriteTransfer(Handle, &Event->Descriptor, NULL, NULL, RTL_NUMBER_OF(Parts) - (RestSize == 0), Parts);
}

/* Writes what an adapter has counted. */
_Use_decl_annotations_
VOID TraceCounters(const TUN_ADAPTER *Adapter, const TUN_COUNTERS *Counters)
{
    TraceWrite(&TraceEventCounters, &Adapter->NetLuid, sizeof(Adapter->NetLuid), Counters, sizeof(*Counters));
}

/* Writes the event of a packet that was dropped and counted, unless this kind had one within the last second. The packet has
 * Length bytes, of which Head are the first HeadSize, at most 65535. Called if TraceListens. Any thread, any IRQL. */
_Use_decl_annotations_
VOID TraceDrop(TUN_ADAPTER *Adapter, TRACE_KIND Kind, ULONG Length, NTSTATUS Status, const VOID *Head, ULONG HeadSize)
{
#define LIST(Name, Counter) [Trace##Name] = {&Drop##Name, &Adapter->Counter},
    const struct
    {
        const TRACE_EVENT *Event;
        _Atomic(ULONG64) *Counter;
    } Kinds[] = {TRACE_DROPS(LIST)};
    _Atomic(ULONG64) *Next = &Adapter->TraceNext[Kind];
    ULONG64 Now = KeQueryUnbiasedInterruptTime(), Then = atomic_load_explicit(Next, memory_order_relaxed);
    if (Now < Then || !atomic_compare_exchange_strong_explicit(Next, &Then, Now + TRACE_DROP_INTERVAL,
                                                               memory_order_relaxed, memory_order_relaxed))
        return;
    if ((atomic_load_explicit(&TraceState, memory_order_relaxed) & TRACE_PACKET) == 0)
        HeadSize = 0;
    TRACE_DATA_DROP Data = {.NetLuid = Adapter->NetLuid,
                            .Total = CounterRead(Kinds[Kind].Counter),
                            .Length = Length,
                            .Status = (ULONG)Status,
                            .Packet = (USHORT)HeadSize};
    TraceWrite(Kinds[Kind].Event, &Data, sizeof(Data), Head, HeadSize);
}
