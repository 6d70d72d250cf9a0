/* SPDX-License-Identifier: MIT */
/*
 * What the driver's files share: the adapter, its session, and who may touch which of their fields when.
 *
 * Locks, in the order in which they may nest; none is held across a call into NDIS but SessionLock, at PASSIVE_LEVEL:
 *   Adapter->SessionLock   starting and ending a session, link state, removal. A resource: PASSIVE_LEVEL throughout.
 *   Driver.AdaptersLock    the table of adapters by device object. Spin lock.
 *   Adapter->ToAppLock     the to_app ring's producer side and its counters. Spin lock; taken while a session runs only.
 *   Adapter->MonitorLock   the monitor's ring's producer side and its counters. Spin lock; taken while there is one only.
 *   Adapter->FreeLock      the receive lists that the stack has returned. Spin lock.
 * Rundown protection, where someone must wait until others are out, and no one new comes in:
 *   Adapter->Requests      held by each request of the control device; run down by Halt.
 *   Adapter->DataPath      held by each send call, and by each receive list while the stack has it; run down by Pause.
 *   Adapter->SessionUse    held by each send call that uses the session; run down when the session ends.
 *   Adapter->TaskUse       held by each batch for the stack that is made by Tasks; run down while they change.
 *   Adapter->MonitorUse    held by each send call and each batch that is copied to the monitor; run down when that ends.
 */
#ifndef PLAINTUN_TUN_H
#define PLAINTUN_TUN_H

#include <ntddk.h>
#include <ndis.h>
#include "ring/session.h"
#include "ring/properties.h"
#include "ring/segment.h"
#include "driver/packet.h"
#include "driver/trace.h"

#define TUN_TAG 'nuTP'

#define TUN_VERSION (PLAINTUN_VERSION_MAJOR << 16 | PLAINTUN_VERSION_MINOR)

/* Packets from program to stack are copied into receive lists of two sizes. A batch takes at most so many of a size, and
 * as many must be left after it is indicated, or else it is indicated so that the lists come back at once. */
#define TUN_SMALL_SIZE  2048u /* bytes */
#define TUN_SMALL_COUNT 256u
#define TUN_SMALL_BATCH 64u
#define TUN_LARGE_SIZE  65536u /* bytes */
#define TUN_LARGE_COUNT 16u
#define TUN_LARGE_BATCH 8u

/* What a raw IP link of ours claims to run at, in bits per second: memory has no line rate. */
#define TUN_LINK_SPEED 100000000000ull

/* Counters of one direction. Written with relaxed atomics, so that anyone may read them at any time. */
typedef struct _TUN_TRAFFIC
{
    _Atomic(ULONG64) Packets[TUN_CASTS];
    _Atomic(ULONG64) Octets[TUN_CASTS];
    _Atomic(ULONG64) DropNoSession;
    _Atomic(ULONG64) DropFull;
    _Atomic(ULONG64) DropInvalid;
    _Atomic(ULONG64) DropPaused;
} TUN_TRAFFIC;

/* A kind of receive list: which are free. */
typedef struct _TUN_LISTS
{
    NET_BUFFER_LIST *Free;     /* the session's thread only, or nobody's while there is none */
    ULONG FreeCount;           /* the same */
    NET_BUFFER_LIST *Returned; /* FreeLock: by the stack, since that thread last looked */
    UCHAR *Buffers;
} TUN_LISTS;

/* What the stack may leave to us of what it sends, and takes of us: bits of Tasks, by the places that NDIS_OFFLOAD_PARAMETERS
 * has for them. */
#define TUN_TASK_IP4  0x01u /* IPv4's checksum */
#define TUN_TASK_TCP4 0x02u
#define TUN_TASK_UDP4 0x04u
#define TUN_TASK_TCP6 0x08u
#define TUN_TASK_UDP6 0x10u
#define TUN_TASK_LSO4 0x80u /* to cut TCP */
#define TUN_TASK_LSO6 0x100u
#define TUN_TASK_RSC4 0x40000u /* receives super-packets of TCP */
#define TUN_TASK_RSC6 0x80000u
#define TUN_TASK_KNOWN                                                                                                 \
    0x100000u /* the stack has set an encapsulation: it knows of offloads, and is given them from then on */
#define TUN_TASKS       0xc019fu
#define TUN_LARGE_MAX   0xf800u /* bytes of a large send's payload: with any headers it fits into an IP packet */
#define TUN_LARGE_LEAST 2u      /* segments */

/* What it left to us of one packet (large.c). */
typedef struct _TUN_LARGE
{
    VNET_HEADER Vnet; /* what a program gets that takes it whole, */
    ULONG Needed;     /* and which TUN_OFFLOADs that takes */
    ULONG Patched;    /* bytes of Cut.Header that take the place of the packet's own */
    SEGMENTER Cut;    /* for others: one segment, where only a checksum is missing */
} TUN_LARGE;

/* What has become of it: entries of a ring, those that found no room. */
typedef struct _TUN_MADE
{
    ULONG Packets, Lost;
    ULONG64 Octets;
} TUN_MADE;

struct _TUN_ADAPTER;

/* A session, from TUN_IOCTL_START to its end. Made and freed under SessionLock. A monitor session (monitor.c) has no
 * thread, no to_stack ring and no link: of the fields for these it uses none. */
typedef struct _TUN_SESSION
{
    struct _TUN_ADAPTER *Adapter;
    FILE_OBJECT *Owner;     /* compared only; valid until its CLOSE, which ends the session */
    ULONG ProcessId;        /* of the process that started it; others may hold the file by now */
    RING_SIDE ToApp;        /* ToAppLock, and SessionUse held; the monitor's: MonitorLock, and MonitorUse held */
    RING_SIDE ToStack;      /* the session's thread only, and so the next three */
    SEGMENTER Cut;          /* the super-packet that is being cut, over as many batches as it takes */
    const UCHAR *CutPacket; /* while segments of it are left: where it lies in the ring, */
    ULONG CutIndex;         /* and where its entry begins, which stays ours */
    ULONG Offloads;         /* TUN_OFFLOADs that the program was granted */
    BOOLEAN LinkUp; /* Start sets it before the thread is there, the thread clears it in Die, End reads it after */
    _Atomic(ULONG)
        Dead; /* the reason, once a ring is corrupt: senders then drop, the thread closes the rings and exits */
    KEVENT *ToAppPackets, *ToStackPackets, *ToStackSpace; /* the program's, referenced */
    KEVENT Stop;                                          /* wakes the thread when the session ends or is Dead */
    _Atomic(ULONG) Stopping;                              /* set before Stop when the session ends: the thread exits */
    HANDLE Thread;
    VOID *SectionObject;
    VOID *View; /* mapped in system space; never touched: Memory is the same pages, locked and mapped again */
    MDL *Mdl;
    UCHAR *Memory;
} TUN_SESSION;

typedef struct _TUN_ADAPTER
{
    LIST_ENTRY Entry; /* AdaptersLock */
    NDIS_HANDLE Handle;
    NDIS_HANDLE DeviceHandle;
    DEVICE_OBJECT *DeviceObject;
    EX_RUNDOWN_REF Requests;

    TUN_GUID Guid;
    ULONG64 NetLuid;
    ULONG IfIndex;
    ULONG Mtu;
    ULONG PacketFilter, Lookahead; /* OID requests, which NDIS serialises */
    _Atomic(ULONG) Tasks;          /* the same; senders read it, and the session's thread */
    EX_RUNDOWN_REF TaskUse;
    _Atomic(ULONG64) Coalesced, CoalescedPackets,
        CoalescedOctets; /* the session's thread: super-packets that it received */

    ERESOURCE SessionLock;
    TUN_SESSION *Session;     /* written under SessionLock; read there, or with SessionUse held */
    TUN_COUNTERS SessionBase; /* SessionLock: the counters when the present or last session started */
    _Atomic(ULONG) Removed;   /* written under SessionLock: no session may start any more */

    EX_RUNDOWN_REF DataPath;
    KEVENT Running; /* set while not paused: the session's thread waits on it */
    _Atomic(ULONG) Asleep;

    EX_RUNDOWN_REF SessionUse;
    KSPIN_LOCK ToAppLock;
    TUN_TRAFFIC ToApp;

    EX_RUNDOWN_REF MonitorUse;
    KSPIN_LOCK MonitorLock;
    _Atomic(TUN_SESSION *) Monitor; /* as Session, with MonitorUse; that there is none may be read at any time */
    _Atomic(ULONG64) MonitorPackets, MonitorDrops; /* MonitorLock: since the present or last monitor started */

    TUN_TRAFFIC ToStack;
    NDIS_HANDLE ListPool;
    KSPIN_LOCK FreeLock;
    TUN_LISTS Small, Large; /* made under SessionLock by the first session, freed by Halt */

    _Atomic(ULONG64) TraceNext[TraceKinds]; /* when each kind of drop may be traced again */
} TUN_ADAPTER;

typedef struct _TUN_DRIVER
{
    NDIS_HANDLE Handle;
    KSPIN_LOCK AdaptersLock;
    LIST_ENTRY Adapters;
    _Atomic(ULONG) DeviceCounter;
} TUN_DRIVER;

/* The functions, in the order of tests/order.txt: a file calls only those whose functions stand above its own. */

/* trace.c; Trace is in trace.h */
VOID TraceOpen(VOID);
VOID TraceClose(VOID);
VOID TraceCounters(_In_ const TUN_ADAPTER *Adapter, _In_ const TUN_COUNTERS *Counters);
VOID TraceDrop(_Inout_ TUN_ADAPTER *Adapter, _In_ TRACE_KIND Kind, _In_ ULONG Length, _In_ NTSTATUS Status,
               _In_opt_ const VOID *Head, _In_ ULONG HeadSize);

/* report.c */
VOID ReportDescribe(_In_ ULONG Tasks, _Out_ NDIS_OFFLOAD *Offload);
VOID ReportTasks(_In_ TUN_ADAPTER *Adapter);
VOID ReportLink(_In_ TUN_ADAPTER *Adapter, _In_ BOOLEAN Up);
VOID ReportCounters(_In_ TUN_ADAPTER *Adapter, _Out_ TUN_COUNTERS *Counters);

/* memory.c */
NTSTATUS SessionMake(_Inout_ TUN_ADAPTER *Adapter, _In_ FILE_OBJECT *Owner, _In_ const TUN_START_INPUT *Input,
                     _In_ ULONG Rings, _Outptr_ TUN_SESSION **Made);
NTSTATUS SessionGrant(_In_ const TUN_SESSION *Session, _In_ ULONG Rings, _Out_ TUN_START_OUTPUT *Output);
VOID SessionFree(_Inout_ TUN_SESSION *Session);

/* large.c */
BOOLEAN LargeTake(_In_ TUN_ADAPTER *Adapter, _In_ NET_BUFFER_LIST *List, _In_ NET_BUFFER *Packet,
                  _Out_ TUN_LARGE *Large);
RING_STATUS LargePut(_Inout_ TUN_SESSION *Session, _In_ NET_BUFFER *Packet, _In_opt_ const TUN_LARGE *Large,
                     _In_ ULONG Flags, _Out_ TUN_MADE *Made);
VOID LargeComplete(_Inout_ NET_BUFFER_LIST *List);

/* monitor.c */
NTSTATUS MonitorStart(_Inout_ TUN_ADAPTER *Adapter, _In_ FILE_OBJECT *Owner, _In_ const TUN_START_INPUT *Input,
                      _Out_ TUN_START_OUTPUT *Output);
VOID MonitorEnd(_Inout_ TUN_ADAPTER *Adapter, _In_ ULONG Reason);
VOID MonitorCopy(_Inout_ TUN_SESSION *Monitor, _In_ NET_BUFFER *Packet, _In_opt_ const TUN_LARGE *Large,
                 _In_ ULONG Flags);

/* to_app.c */
MINIPORT_SEND_NET_BUFFER_LISTS ToAppSend;
MINIPORT_CANCEL_SEND ToAppCancel;

/* to_stack.c */
MINIPORT_RETURN_NET_BUFFER_LISTS ToStackReturn;
KSTART_ROUTINE ToStackThread;
NTSTATUS ToStackMakeLists(_Inout_ TUN_ADAPTER *Adapter);
VOID ToStackFreeLists(_Inout_ TUN_ADAPTER *Adapter);

/* session.c */
NTSTATUS SessionStart(_Inout_ TUN_ADAPTER *Adapter, _In_ FILE_OBJECT *Owner, _In_ const TUN_START_INPUT *Input,
                      _Out_ TUN_START_OUTPUT *Output);
VOID SessionEnd(_Inout_ TUN_ADAPTER *Adapter, _In_opt_ FILE_OBJECT *Owner, _In_ ULONG Reason);

/* device.c */
extern TUN_DRIVER Driver;
NTSTATUS DeviceCreate(_Inout_ TUN_ADAPTER *Adapter, _In_opt_ PSECURITY_DESCRIPTOR AccessList);
VOID DeviceDelete(_Inout_ TUN_ADAPTER *Adapter);

/* oid.c */
MINIPORT_OID_REQUEST OidRequest;
MINIPORT_CANCEL_OID_REQUEST OidCancel;
extern NDIS_OID OidSupported[];
extern const ULONG OidSupportedSize; /* bytes */

/* adapter.c */
MINIPORT_INITIALIZE AdapterInitialize;
MINIPORT_HALT AdapterHalt;
MINIPORT_PAUSE AdapterPause;
MINIPORT_RESTART AdapterRestart;
MINIPORT_SHUTDOWN AdapterShutdown;
MINIPORT_DEVICE_PNP_EVENT_NOTIFY AdapterPnpEvent;

/* The monitor session, held until ReleaseMonitor; NULL: there is none, which costs the one load. IRQL <= DISPATCH_LEVEL. */
static inline TUN_SESSION *AcquireMonitor(_Inout_ TUN_ADAPTER *Adapter)
{
    if (atomic_load_explicit(&Adapter->Monitor, memory_order_relaxed) == NULL ||
        !ExAcquireRundownProtection(&Adapter->MonitorUse))
        return NULL;
    return atomic_load_explicit(&Adapter->Monitor, memory_order_relaxed); /* it may be another one by now */
}

static inline VOID ReleaseMonitor(_Inout_ TUN_ADAPTER *Adapter, _In_opt_ const TUN_SESSION *Monitor)
{
    if (Monitor)
        ExReleaseRundownProtection(&Adapter->MonitorUse);
}

/* Adds to a counter that one thread at a time writes (a lock, or the only thread): no locked instruction. */
static inline VOID CounterAdd(_Inout_ _Atomic(ULONG64) *Counter, _In_ ULONG64 Value)
{
    atomic_store_explicit(Counter, atomic_load_explicit(Counter, memory_order_relaxed) + Value, memory_order_relaxed);
}

/* A counter as it is at this moment, and the sum over the kinds of addresses. Any thread, any IRQL. */
static inline ULONG64 CounterRead(_In_ _Atomic(ULONG64) *Counter)
{
    return atomic_load_explicit(Counter, memory_order_relaxed);
}

static inline ULONG64 CounterSum(_In_ _Atomic(ULONG64) Casts[TUN_CASTS])
{
    return CounterRead(&Casts[TUN_UNICAST]) + CounterRead(&Casts[TUN_MULTICAST]) + CounterRead(&Casts[TUN_BROADCAST]);
}

#endif
