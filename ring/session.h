/* SPDX-License-Identifier: MIT */
/*
 * How a program and the driver agree on a session: the control device's requests and their structures. Used by both
 * sides; docs/protocol.md explains it. All requests are METHOD_BUFFERED and demand read and write access. Handles and
 * offsets are 64 bits wide, so that a 32-bit program needs nothing special; outputs are zeroed before they are filled.
 */
#ifndef PLAINTUN_SESSION_H
#define PLAINTUN_SESSION_H

#include <stdint.h>
#include "identity.h"
#include "ring/ring.h"

/* Changes whenever a structure here or the ring's layout does. Library and driver must agree on it exactly. */
#ifndef TUN_PROTOCOL /* a test builds a library that speaks another one */
#define TUN_PROTOCOL 3u
#endif

/* Device type FILE_DEVICE_NETWORK (0x12), functions from 0x800 (a vendor's), METHOD_BUFFERED, FILE_READ_DATA |
 * FILE_WRITE_DATA: "Defining I/O Control Codes", learn.microsoft.com/windows-hardware/drivers/kernel. */
#define TUN_IOCTL(Function) ((0x12u << 16) | (3u << 14) | ((Function) << 2))

#define TUN_IOCTL_QUERY TUN_IOCTL(0x800u) /* in: -, out: TUN_QUERY */
/* in: TUN_START_INPUT, out: TUN_START_OUTPUT. STATUS_REVISION_MISMATCH: another protocol, STATUS_INVALID_BUFFER_SIZE,
 * STATUS_INVALID_PARAMETER: not TunStartValid, STATUS_INVALID_HANDLE and STATUS_OBJECT_TYPE_MISMATCH: the events,
 * STATUS_ACCESS_DENIED: events without the rights named below, STATUS_DEVICE_BUSY: the adapter has a session
 * (of the kind that was asked for), STATUS_DEVICE_REMOVED: it is going, STATUS_INSUFFICIENT_RESOURCES and the system's
 * other words for too little memory. */
#define TUN_IOCTL_START      TUN_IOCTL(0x801u)
#define TUN_IOCTL_END        TUN_IOCTL(0x802u) /* in: -, out: -; returns when the session is over */
#define TUN_IOCTL_STATISTICS TUN_IOCTL(0x803u) /* in: -, out: TUN_STATISTICS */

/* A control device is called \\.\Global\<TUN_DEVICE_PREFIX>{GUID of the adapter}, GUID in capitals: identity.h. */

typedef struct _TUN_GUID
{
    uint32_t Data1;
    uint16_t Data2, Data3;
    uint8_t Data4[8];
} TUN_GUID;

typedef struct _TUN_QUERY
{
    uint32_t Protocol;      /* TUN_PROTOCOL of the driver: the first word in every version to come */
    uint32_t DriverVersion; /* (major << 16) | minor */
    uint64_t NetLuid;       /* NET_LUID's value */
    uint32_t IfIndex;
    uint32_t Mtu; /* bytes */
    TUN_GUID Guid;
    uint32_t SessionActive;    /* 1 while some program has a session; a monitor is none */
    uint32_t Running;          /* 0 while NDIS has the adapter paused or asleep */
    uint32_t SessionProcessId; /* of the process that started the session; 0: there is none */
    uint32_t MonitorProcessId; /* the same of the monitor session */
    uint32_t DriverPatch;      /* the third part of the driver's version */
    uint32_t Reserved;         /* 0 */
} TUN_QUERY;

typedef struct _TUN_START_INPUT
{
    uint32_t Protocol;       /* TUN_PROTOCOL of the library; another one: STATUS_REVISION_MISMATCH */
    uint32_t Capacity;       /* of each ring, bytes */
    uint64_t ToAppPackets;   /* event handles of the calling process, with EVENT_MODIFY_STATE and SYNCHRONIZE access: */
    uint64_t ToStackPackets; /*   set when packets come to a program that sleeps; by the program when it sends some; */
    uint64_t ToStackSpace;   /*   when there is room again for a program that waits for it */
    uint64_t Flags;          /* TUN_START_MONITOR, or the TUN_OFFLOADs that the program understands */
} TUN_START_INPUT;

/* A monitor session, one at a time beside the adapter's own session: its to_app ring receives a copy of every packet that
 * the adapter's program receives or sends (RING_FLAG_TO_STACK tells them apart), and it has no to_stack ring. */
#define TUN_START_MONITOR 1u

/* What a program understands of its packets' virtio-net headers, and what of it the driver does. */
#define TUN_OFFLOAD_TO_APP_CHECKSUM   0x100u
#define TUN_OFFLOAD_TO_APP_TCP        0x200u
#define TUN_OFFLOAD_TO_APP_TCP_CWR    0x400u
#define TUN_OFFLOAD_TO_APP_UDP        0x800u
#define TUN_OFFLOAD_TO_STACK_CHECKSUM 0x1000u
#define TUN_OFFLOAD_TO_STACK_TCP      0x2000u
#define TUN_OFFLOAD_TO_STACK_UDP      0x4000u
#define TUN_OFFLOAD_TO_APP            0xf00u
#define TUN_OFFLOAD_TO_STACK          0x7000u
#define TUN_OFFLOAD_CAPACITY_MIN      0x100000u /* of each ring, with super-packets: one is an entry */
#define TUN_SEGMENTS_MAX              256u      /* that a super-packet may become */

/* Whether a session may be asked for so. */
static inline bool TunStartValid(uint32_t Capacity, uint64_t Flags)
{
    uint64_t ToApp = Flags & TUN_OFFLOAD_TO_APP, ToStack = Flags & TUN_OFFLOAD_TO_STACK;
    bool Large =
        (ToApp & ~(uint64_t)TUN_OFFLOAD_TO_APP_CHECKSUM) || (ToStack & ~(uint64_t)TUN_OFFLOAD_TO_STACK_CHECKSUM);
    return RingCapacityValid(Capacity) && (!Large || Capacity >= TUN_OFFLOAD_CAPACITY_MIN) &&
           (Flags & ~(uint64_t)(TUN_START_MONITOR | TUN_OFFLOAD_TO_APP | TUN_OFFLOAD_TO_STACK)) == 0 &&
           !(ToStack && (Flags & TUN_START_MONITOR)) && (!ToApp || (ToApp & TUN_OFFLOAD_TO_APP_CHECKSUM)) &&
           (!ToStack || (ToStack & TUN_OFFLOAD_TO_STACK_CHECKSUM)) &&
           (!(ToApp & TUN_OFFLOAD_TO_APP_TCP_CWR) || (ToApp & TUN_OFFLOAD_TO_APP_TCP));
}

/* The section handle belongs to the calling process, which maps it whole, read and write, and closes it. */
typedef struct _TUN_START_OUTPUT
{
    uint64_t Section;
    uint64_t SectionSize; /* bytes */
    uint64_t ToApp;       /* offsets of the two RINGs in the section, bytes */
    uint64_t ToStack;     /* a monitor's: 0 */
    uint64_t Offloads;    /* of those asked for, the TUN_OFFLOADs that the driver does */
} TUN_START_OUTPUT;

/* Why a ring is closed. */
#define TUN_CLOSED_ENDED           1u /* by the program that started it, or by its death */
#define TUN_CLOSED_REMOVED         2u /* the adapter goes: removed, disabled, or its driver is being replaced */
#define TUN_CLOSED_CORRUPT_TOAPP   3u /* the program wrote an impossible Head into the to_app ring */
#define TUN_CLOSED_CORRUPT_TOSTACK 4u /* the program wrote an impossible Tail or length into the to_stack ring */

/* Counters only grow. In each direction: in = Packets + all Drops of that direction. */
typedef struct _TUN_COUNTERS
{
    uint64_t ToAppPackets, ToAppBytes;
    uint64_t ToAppDropNoSession; /* the stack sent while no program had a session */
    uint64_t ToAppDropFull;      /* the program did not keep up */
    uint64_t ToAppDropInvalid;   /* not IPv4 or IPv6, shorter than its header, longer than 65535 bytes, unreadable */
    uint64_t ToAppDropPaused;    /* the stack sent while the adapter was paused or asleep */
    uint64_t ToStackPackets, ToStackBytes;
    uint64_t ToStackDropInvalid; /* as above, or with a virtio-net header that does not agree with the packet */
} TUN_COUNTERS;

typedef struct _TUN_STATISTICS
{
    TUN_COUNTERS Adapter; /* since the adapter started */
    TUN_COUNTERS Session; /* since its present session, or the last one, started */
    /* Since its present monitor session, or the last one, started: copied to it, and dropped for want of room there. */
    uint64_t MonitorPackets, MonitorDrops;
} TUN_STATISTICS;

/* Bytes from a session's first ring to its second; both begin on a page of their own. */
static inline uint64_t TunRingStride(uint32_t Capacity)
{
    return (RingMemorySize(Capacity) + 0xfff) & ~(uint64_t)0xfff;
}

_Static_assert(sizeof(TUN_QUERY) == 64 && sizeof(TUN_START_INPUT) == 40 && sizeof(TUN_START_OUTPUT) == 40 &&
                   sizeof(TUN_COUNTERS) == 72 && sizeof(TUN_STATISTICS) == 160,
               "the same on every architecture");

#endif
