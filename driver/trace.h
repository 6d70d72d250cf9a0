/* SPDX-License-Identifier: MIT */
/*
 * The events that the driver writes for whoever records them (ETW; docs/windows.md says how). They describe themselves, as
 * TraceLogging's do: each carries its own name and the names and types of its fields, so that a recording is read without
 * any file of ours. Events stand below as lists; from a list come the C structure of what an event carries and the bytes
 * that describe it. While nobody records, an event costs one look at TraceState. Any thread, any IRQL.
 */
#ifndef PLAINTUN_TRACE_H
#define PLAINTUN_TRACE_H

#include <ntddk.h>
#include "ring/session.h"

/* Levels, and keywords for who wants only some. TRACE_PACKET alone shows bytes of packets. docs/windows.md lists them. */
#define TRACE_ERROR   2
#define TRACE_INFO    4
#define TRACE_VERBOSE 5
#define TRACE_LIFE    0x1u
#define TRACE_OFFLOAD 0x2u
#define TRACE_DROP    0x4u
#define TRACE_PACKET  0x8u

/* E(name, level, keyword). */
#define TRACE_EVENTS(E)                                                                                                \
    E(DriverStart, TRACE_INFO, TRACE_LIFE)                                                                             \
    E(DriverStop, TRACE_INFO, TRACE_LIFE)                                                                              \
    E(AdapterStart, TRACE_INFO, TRACE_LIFE)                                                                            \
    E(AdapterRestart, TRACE_INFO, TRACE_LIFE)                                                                          \
    E(AdapterPause, TRACE_INFO, TRACE_LIFE)                                                                            \
    E(AdapterPower, TRACE_INFO, TRACE_LIFE)                                                                            \
    E(AdapterRemoved, TRACE_INFO, TRACE_LIFE)                                                                          \
    E(AdapterHalt, TRACE_INFO, TRACE_LIFE)                                                                             \
    E(SessionStart, TRACE_INFO, TRACE_LIFE)                                                                            \
    E(SessionCorrupt, TRACE_ERROR, TRACE_LIFE)                                                                         \
    E(SessionEnd, TRACE_INFO, TRACE_LIFE)                                                                              \
    E(Counters, TRACE_INFO, TRACE_LIFE | TRACE_DROP)                                                                   \
    E(OffloadEncapsulation, TRACE_INFO, TRACE_OFFLOAD)                                                                 \
    E(OffloadParameters, TRACE_INFO, TRACE_OFFLOAD)

/* F(type, name) of each event, in the order in which they are written. */
#define TRACE_ADAPTER(F)        F(HexInt64, NetLuid)
#define TRACE_DriverStart(F)    F(HexInt32, Version) F(HexInt32, NdisVersion) F(HexInt32, Status)
#define TRACE_DriverStop(F)     F(HexInt32, Version)
#define TRACE_AdapterStart(F)   TRACE_ADAPTER(F) F(UInt32, IfIndex) F(UInt32, Mtu) F(Guid, Guid) F(HexInt32, Status)
#define TRACE_AdapterRestart(F) TRACE_ADAPTER(F)
#define TRACE_AdapterPause(F)   TRACE_ADAPTER(F)
#define TRACE_AdapterPower(F)   TRACE_ADAPTER(F) F(UInt32, State) /* NDIS_DEVICE_POWER_STATE: 1 is D0 */
#define TRACE_AdapterRemoved(F) TRACE_ADAPTER(F)
#define TRACE_AdapterHalt(F)    TRACE_ADAPTER(F)
#define TRACE_SessionStart(F)                                                                                          \
    TRACE_ADAPTER(F) F(UInt32, ProcessId) F(HexInt64, Flags) F(UInt32, Capacity) F(HexInt32, Status)
#define TRACE_SessionCorrupt(F) TRACE_ADAPTER(F) F(UInt32, ProcessId) F(UInt32, Reason) /* TUN_CLOSED_ */
#define TRACE_SessionEnd(F)     TRACE_ADAPTER(F) F(UInt32, ProcessId) F(HexInt64, Flags) F(UInt32, Reason)
#define TRACE_Counters(                                                                                                \
    F) /* TUN_COUNTERS as they are at the end of a session: what drops counted since the last event */                 \
    TRACE_ADAPTER(F)                                                                                                   \
    F(UInt64, ToAppPackets)                                                                                            \
    F(UInt64, ToAppBytes)                                                                                              \
    F(UInt64, ToAppDropNoSession)                                                                                      \
    F(UInt64, ToAppDropFull)                                                                                           \
    F(UInt64, ToAppDropInvalid)                                                                                        \
    F(UInt64, ToAppDropPaused)                                                                                         \
    F(UInt64, ToStackPackets)                                                                                          \
    F(UInt64, ToStackBytes)                                                                                            \
    F(UInt64, ToStackDropInvalid)
#define TRACE_HEADER(F)               TRACE_ADAPTER(F) F(UInt8, Type) F(UInt8, Revision) F(UInt16, Size)
#define TRACE_OffloadEncapsulation(F) /* NDIS_OFFLOAD_ENCAPSULATION as it came */                                      \
    TRACE_HEADER(F)                                                                                                    \
    F(UInt32, Ipv4Enabled)                                                                                             \
    F(HexInt32, Ipv4EncapsulationType)                                                                                 \
    F(UInt32, Ipv4HeaderSize)                                                                                          \
    F(UInt32, Ipv6Enabled)                                                                                             \
    F(HexInt32, Ipv6EncapsulationType)                                                                                 \
    F(UInt32, Ipv6HeaderSize)
#define TRACE_OffloadParameters(F) /* NDIS_OFFLOAD_PARAMETERS as it came, to revision 6; zeros behind its end */       \
    TRACE_HEADER(F)                                                                                                    \
    F(UInt8, IPv4Checksum)                                                                                             \
    F(UInt8, TCPIPv4Checksum)                                                                                          \
    F(UInt8, UDPIPv4Checksum)                                                                                          \
    F(UInt8, TCPIPv6Checksum)                                                                                          \
    F(UInt8, UDPIPv6Checksum)                                                                                          \
    F(UInt8, LsoV1)                                                                                                    \
    F(UInt8, IPsecV1)                                                                                                  \
    F(UInt8, LsoV2IPv4)                                                                                                \
    F(UInt8, LsoV2IPv6)                                                                                                \
    F(UInt8, TcpConnectionIPv4)                                                                                        \
    F(UInt8, TcpConnectionIPv6)                                                                                        \
    F(UInt8, Padding)                                                                                                  \
    F(HexInt32, Flags)                                                                                                 \
    F(UInt8, IPsecV2)                                                                                                  \
    F(UInt8, IPsecV2IPv4)                                                                                              \
    F(UInt8, RscIPv4)                                                                                                  \
    F(UInt8, RscIPv6)                                                                                                  \
    F(UInt8, EncapsulatedPacketTaskOffload)                                                                            \
    F(UInt8, EncapsulationTypes)                                                                                       \
    F(UInt16, Padding2)                                                                                                \
    F(HexInt32, EncapsulationProtocolParameters)                                                                       \
    F(UInt8, UdpSegmentationIPv4)                                                                                      \
    F(UInt8, UdpSegmentationIPv6)                                                                                      \
    F(UInt8, UdpRsc)                                                                                                   \
    F(UInt8, Padding3)

/* D(name, counter in TUN_ADAPTER): packets that are dropped, an event each kind of drop, called as programs know its counter.
 * At most one a second is written of each: a flood of bad packets must not become a flood of events. Total tells how many
 * there were; Length, Status (what the stack is told of a packet of its own) and Packet, if asked for, are this one's. */
#define TRACE_DROPS(D)                                                                                                 \
    D(ToAppDropNoSession, ToApp.DropNoSession)                                                                         \
    D(ToAppDropFull, ToApp.DropFull)                                                                                   \
    D(ToAppDropInvalid, ToApp.DropInvalid)                                                                             \
    D(ToAppDropPaused, ToApp.DropPaused)                                                                               \
    D(ToStackDropInvalid, ToStack.DropInvalid)                                                                         \
    D(MonitorDrops, MonitorDrops)
#define TRACE_DROP_FIELDS(F) TRACE_ADAPTER(F) F(UInt64, Total) F(UInt32, Length) F(HexInt32, Status) F(Binary, Packet)
#define TRACE_DROP_INTERVAL  10000000u /* 100 ns: a second */
#define TRACE_PACKET_MAX     40u       /* bytes: IPv6's header, or IPv4's and TCP's */

/* How a type is stored; a Binary is its length, the bytes follow. */
#define TRACE_C_UInt8    UCHAR
#define TRACE_C_UInt16   USHORT
#define TRACE_C_UInt32   ULONG
#define TRACE_C_HexInt32 ULONG
#define TRACE_C_UInt64   ULONG64
#define TRACE_C_HexInt64 ULONG64
#define TRACE_C_Guid     TUN_GUID
#define TRACE_C_Binary   USHORT

#pragma pack(push, 1)
#define TRACE_MEMBER(Type, Name) TRACE_C_##Type Name;
#define TRACE_STRUCT(Name, Level, Keyword)                                                                             \
    typedef struct _TRACE_DATA_##Name                                                                                  \
    {                                                                                                                  \
        TRACE_##Name(TRACE_MEMBER)                                                                                     \
    } TRACE_DATA_##Name;
TRACE_EVENTS(TRACE_STRUCT)
typedef struct _TRACE_DATA_DROP
{
    TRACE_DROP_FIELDS(TRACE_MEMBER)
} TRACE_DATA_DROP;
#pragma pack(pop)

/* An event as ETW takes it. */
typedef struct _TRACE_EVENT
{
    EVENT_DESCRIPTOR Descriptor;
    const USHORT *Metadata; /* its first word: how many bytes it has, with this word */
} TRACE_EVENT;

#define TRACE_DECLARE(Name, Level, Keyword) extern const TRACE_EVENT TraceEvent##Name;
TRACE_EVENTS(TRACE_DECLARE)

typedef enum _TRACE_KIND
{
#define TRACE_ENUMERATE(Name, Counter) Trace##Name,
    TRACE_DROPS(TRACE_ENUMERATE) TraceKinds
} TRACE_KIND;

/* 0: nobody records. Else TRACE_ON, with TRACE_PACKET if somebody asks for bytes of packets. */
extern _Atomic(ULONG) TraceState;
#define TRACE_ON 0x80000000u

static inline BOOLEAN TraceListens(VOID)
{
    return __builtin_expect(atomic_load_explicit(&TraceState, memory_order_relaxed) != 0, 0);
}

/* Writes Event, if anyone records: the rest are its fields, as designated initialisers. */
#define Trace(Event, ...)                                                                                              \
    do                                                                                                                 \
    {                                                                                                                  \
        if (TraceListens())                                                                                            \
        {                                                                                                              \
            const TRACE_DATA_##Event TraceData = {__VA_ARGS__};                                                        \
            TraceWrite(&TraceEvent##Event, &TraceData, sizeof(TraceData), NULL, 0);                                    \
        }                                                                                                              \
    } while (0)

VOID TraceWrite(_In_ const TRACE_EVENT *Event, _In_ const VOID *Data, _In_ ULONG Size, _In_opt_ const VOID *Rest,
                _In_ ULONG RestSize);

#endif
