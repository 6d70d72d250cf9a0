/* SPDX-License-Identifier: MIT */
/*
 * What every scenario stands on: the driver loaded, adapters plugged in, the stack behind them (backend.c), programs
 * with their rings (program.c), threads, numbers by chance, and checks that name what was wrong and where.
 */
#ifndef SIMULATION_LAB_H
#define SIMULATION_LAB_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ndis.h>
#include "host/ndis/ndishost.h"
#include "host/nt/sim.h"
#include "ring/properties.h"
#include "ring/segment.h"
#include "ring/session.h"
#include "tests/simulation/packet.h"

/* ---- simulate.c */

typedef VOID SCENARIO(VOID);

/* Counted in the last line: requests, packets, and all else that is done to the driver. */
VOID LabOperations(_In_ ULONG64 Count);
/* A scenario's own finding; it goes on. */
#define LabCheck(Condition, ...) ((Condition) ? (void)0 : LabFailed(__FILE__, __LINE__, #Condition, __VA_ARGS__))
#define LabEqual(Got, Wanted)    LabCheckEqual(__FILE__, __LINE__, #Got, (ULONG64)(Got), (ULONG64)(Wanted))
VOID LabFailed(_In_ PCSTR File, _In_ int Line, _In_ PCSTR Condition, _In_ PCSTR Format, ...)
    __attribute__((format(printf, 4, 5)));
VOID LabCheckEqual(_In_ PCSTR File, _In_ int Line, _In_ PCSTR What, _In_ ULONG64 Got, _In_ ULONG64 Wanted);
ULONG LabRandom(_Inout_ ULONG64 *State); /* each thread its own state */
ULONG64 LabSeed(VOID);
VOID LabSleep(_In_ ULONG Microseconds);
/* Larger figures when the machine has time: SIM_SCALE in the environment, 1 by default. */
ULONG LabScale(_In_ ULONG Count);

const VOID *LabCodeBegin(VOID); /* the driver's code */
const VOID *LabCodeEnd(VOID);

typedef pthread_t LAB_THREAD;
LAB_THREAD LabStart(_In_ void *(*Routine)(void *), _In_ void *Context);
VOID LabJoin(_In_ LAB_THREAD Thread);

/* ---- told.c */

/* This thread is in a handler that a flag tells of its IRQL. Returns whether it was. */
BOOLEAN LabTold(_In_ BOOLEAN IsTold);

/* ---- platform.c */

/* Who is told of rules of host/ndis that are broken from now on; NULL: they are violations. */
typedef VOID LAB_WATCH(_In_z_ PCSTR Rule, _In_z_ PCSTR Call, _In_opt_ const VOID *Place, _In_z_ PCSTR Text);
VOID LabWatch(_In_opt_ LAB_WATCH *Watch);

/* ---- The stacks behind host/ndis: backend.c, and that of the fuzzers */

/* What an adapter is in such a stack: an interface "sim7" or the like. */
static inline BACKEND_IDENTITY LabIdentity(_In_ const BACKEND_REQUEST *Request, _In_z_ PCSTR Kind, _In_ ULONG Index)
{
    BACKEND_IDENTITY Identity = {.IfIndex = Index};
    Identity.NetLuid.Info.IfType = Request->IfType;
    Identity.NetLuid.Info.NetLuidIndex = Index;
    snprintf(Identity.Name, sizeof(Identity.Name), "%s%u", Kind, Index);
    return Identity;
}

/* ---- adapter.c */

typedef struct _LAB
{
    DRIVER_OBJECT *Driver;
    DEVICE_OBJECT *Pdo;
    BACKEND *Stack;
    WCHAR Path[80];
} LAB;

/* An adapter's properties; a NULL leaves one out. Number makes its GUID. */
NTSTATUS LabAddDevice(_In_ DRIVER_OBJECT *Driver, _In_reads_(Count) const SIM_PROPERTY *Properties, _In_ ULONG Count,
                      _Outptr_ DEVICE_OBJECT **Pdo);
TUN_GUID LabGuid(_In_ ULONG Number);
VOID LabPath(_In_ const TUN_GUID *Guid, _Out_ WCHAR *Path);
SIM_PROPERTY LabGuidProperty(_In_ const TUN_GUID *Guid);
SIM_PROPERTY LabMtuProperty(_In_ const uint32_t *Mtu);
SIM_PROPERTY LabAccessProperty(_In_ const VOID *Descriptor, _In_ ULONG Size);
VOID LabLoad(_Out_ LAB *Lab);
VOID LabPlug(_Inout_ LAB *Lab, _In_ ULONG Number);
VOID LabUnplug(_Inout_ LAB *Lab, _In_ BOOLEAN Surprise);
VOID LabUnload(_Inout_ LAB *Lab);
/* Load and plug in; unplug and unload. */
VOID LabOpen(_Out_ LAB *Lab);
VOID LabClose(_Inout_ LAB *Lab);
/* NDIS stops and lets go on the flow, as when a filter comes or goes. */
VOID LabPause(_In_ LAB *Lab);
VOID LabRestart(_In_ LAB *Lab);
NDIS_STATUS LabSetPower(_In_ LAB *Lab, _In_ ULONG State);

/* ---- backend.c: the stack */

#define STACK_FLOWS 16

typedef enum _STACK_HOLD
{
    StackReturnsAtOnce,
    StackReturnsLate, /* another thread gives the lists back, in any order */
    StackHoldsAll     /* until StackHold says otherwise */
} STACK_HOLD;

/* How a packet is cut: all chosen by chance from what is allowed. */
typedef struct _STACK_SHAPE
{
    ULONG Lists, Buffers;  /* lists in the chain, buffers in each */
    ULONG Parts;           /* MDLs of a packet, at most 8; 0: by chance */
    BOOLEAN Dispatch;      /* sent at DISPATCH_LEVEL */
    BOOLEAN Unmapped;      /* MDLs that the miniport must map itself */
    BOOLEAN Late;          /* StackSend does not wait until they are completed; not with Unmapped, not with Status */
    ULONG Missing;         /* bytes at a packet's end that its MDLs do not hold */
    PVOID Checksum, Large; /* what is asked for each list: TcpIpChecksum- and TcpLargeSendNetBufferListInfo */
} STACK_SHAPE;

typedef struct _STACK_COUNTERS
{
    ULONG64 Sent, Refused; /* packets */
    ULONG64 Received, ReceivedOctets;
    ULONG64 Resources; /* of the received: lists lent for the call only */
} STACK_COUNTERS;

BACKEND *StackLast(VOID); /* of the adapter that was started last; NULL: none */
/* Its memory stays until it is dropped; StackSend fails once the adapter is gone. */
VOID StackKeep(_Inout_ BACKEND *Stack);
VOID StackDrop(_In_ BACKEND *Stack);
NDIS_HOST_ADAPTER *StackAdapter(_In_ BACKEND *Stack);
VOID StackHold(_Inout_ BACKEND *Stack, _In_ STACK_HOLD Hold);
/* Whether the program may send any bytes, so that flows and numbers mean nothing. */
VOID StackDistrust(_Inout_ BACKEND *Stack, _In_ BOOLEAN Distrusts);
/* Seen is called with each packet that is received, one at a time; NULL: nobody is. */
typedef VOID STACK_SEEN(_In_ const UCHAR *Packet, _In_ ULONG Length,
                        _In_ ULONG Segments); /* Segments 0: not coalesced */
VOID StackWatch(_Inout_ BACKEND *Stack, _In_opt_ STACK_SEEN *Seen);
BOOLEAN StackLinkUp(_In_ BACKEND *Stack);
ULONG StackMtu(_In_ BACKEND *Stack);
STACK_COUNTERS StackRead(_Inout_ BACKEND *Stack);
/* How many lists it holds, and whether there is none, nor one that the miniport is being given back. */
ULONG StackHeld(_Inout_ BACKEND *Stack);
BOOLEAN StackHasNone(_Inout_ BACKEND *Stack);
/*
 * Sends Shape->Lists * Shape->Buffers packets of Length bytes, numbered from *Sequence on, as one chain. FALSE: the
 * adapter is paused. Bytes not NULL: these instead, Length of them, and no numbers. *Status: of the last list.
 */
BOOLEAN StackSend(_Inout_ BACKEND *Stack, _In_ const STACK_SHAPE *Shape, _In_ ULONG Length, _In_ BOOLEAN IsIpv6,
                  _In_ ULONG Flow, _Inout_ ULONG64 *Sequence, _In_opt_ const UCHAR *Bytes, _Inout_ ULONG64 *Random,
                  _Out_opt_ NDIS_STATUS *Status);
/* As above although the adapter is pausing: a send that was under way. */
VOID StackSendLate(_Inout_ BACKEND *Stack, _Inout_ ULONG64 *Random, _Out_ NDIS_STATUS *Status);
/* The highest sequence number received of a flow, + 1. */
ULONG64 StackNext(_Inout_ BACKEND *Stack, _In_ ULONG Flow);
/* Another program sends: its flows begin anew. */
VOID StackNewFlows(_Inout_ BACKEND *Stack);

/* ---- program.c */

typedef struct _PROGRAM
{
    PEPROCESS Process;
    HANDLE File, ToAppPackets, ToStackPackets, ToStackSpace, Section;
    TUN_START_OUTPUT Start;
    UCHAR *Memory;
    SIZE_T Size;
    RING_SIDE ToApp, ToStack;
    BOOLEAN Hostile;
    ULONG Offloads;  /* TUN_OFFLOADs that it asks for */
    BOOLEAN Monitor; /* it starts monitor sessions; its ToStack is its ToApp */
    /* to_app, written by one thread at a time */
    ULONG64 Received, ReceivedOctets, Next[STACK_FLOWS];
    ULONG64 FromProgram; /* of the received: a monitor's, from program to stack */
    /* to_stack */
    ULONG64 Sent, SentOctets;
    _Atomic(ULONG) Stop; /* asks Receive and Send loops to end */
    _Atomic(ULONG) Dead; /* the process is killed: touch nothing but memory */
} PROGRAM;

NTSTATUS ProgramOpen(_Out_ PROGRAM *Program, _In_z_ PCWSTR Path, _In_ SIM_ACCOUNT Account);
NTSTATUS ProgramStart(_Inout_ PROGRAM *Program, _In_ ULONG Capacity);
NTSTATUS ProgramEnd(_Inout_ PROGRAM *Program);
/* Unmaps and closes the section; after ProgramEnd. */
VOID ProgramForget(_Inout_ PROGRAM *Program);
VOID ProgramClose(_Inout_ PROGRAM *Program);
TUN_QUERY ProgramQuery(_Inout_ PROGRAM *Program);
TUN_STATISTICS ProgramStatistics(_Inout_ PROGRAM *Program);
/* Takes what is in the ring and checks it. Returns the packets taken. */
ULONG ProgramReceive(_Inout_ PROGRAM *Program);
/* Waits for packets; FALSE: none within that time, or the ring is closed. */
BOOLEAN ProgramWait(_Inout_ PROGRAM *Program, _In_ ULONG Milliseconds);
/* Sends Count packets as one batch, waiting for space where there is none. FALSE: closed, stopped. */
BOOLEAN ProgramSend(_Inout_ PROGRAM *Program, _In_ ULONG Count, _In_ ULONG Length, _In_ BOOLEAN IsIpv6, _In_ ULONG Flow,
                    _Inout_ ULONG64 *Sequence);
/* One packet of any bytes. */
BOOLEAN ProgramSendBytes(_Inout_ PROGRAM *Program, _In_ const UCHAR *Bytes, _In_ ULONG Length);
/* The same with a virtio-net header. */
BOOLEAN ProgramSendOffload(_Inout_ PROGRAM *Program, _In_ const VNET_HEADER *Vnet, _In_ const UCHAR *Bytes,
                           _In_ ULONG Length);
/* Until Program->Stop: receives, waits, receives. */
void *ProgramReceiveLoop(void *Program);

/* ---- super.c */

/* Writes a packet whose checksum is left to others, with Payload bytes; what Linux would say of it. Kind: 1 IPv6, 2 UDP,
 * SUPER_EXTENDED with IPv6: with extension headers. */
#define SUPER_EXTENDED  0x100u
#define SUPER_EXTENSION 48u /* bytes: options for each hop, a route that has been gone, options for the destination */
VNET_HEADER SuperMake(_Out_ UCHAR *Packet, _Out_ ULONG *Length, _In_ ULONG Kind, _In_ ULONG Payload,
                      _In_ ULONG SegmentBytes, _Inout_ ULONG64 *Random);
/* Changes the first two of its bytes so that its checksum is 0, which UDP writes as 65535: RFC 768. */
VOID SuperSumNothing(_Inout_ UCHAR *Packet, _In_ ULONG Length, _In_ const VNET_HEADER *Vnet, _In_ ULONG Payload);

/* ---- trace.c */

/* All events are recorded, but nobody looks at them. */
VOID TraceAll(_In_ BOOLEAN On);

/* ---- load.c */

#define LAB_SIZES 12
extern const ULONG LabSizes[LAB_SIZES]; /* of packets, bytes; the last is the largest there is */

#define LAB_SENDERS 3

typedef struct _LAB_SENDER
{
    BACKEND *Stack; /* kept */
    PROGRAM *Program;
    ULONG Flow;
    ULONG64 Packets; /* 0: until Stop */
    _Atomic(ULONG) Stop;
} LAB_SENDER;

typedef struct _LAB_LOAD
{
    LAB_SENDER Stack[LAB_SENDERS], App;
    LAB_THREAD Senders[LAB_SENDERS], Sender, Receiver;
} LAB_LOAD;

/* Flows 1 to LAB_SENDERS go to the program, flow 9 to the stack. Packets of each; 0: until told to stop. */
VOID LabLoadStart(_Out_ LAB_LOAD *Load, _In_ LAB *Lab, _In_ PROGRAM *Program, _In_ ULONG64 Packets);
/* Ends the senders, waits until all that was sent has arrived, and ends the receiver. */
VOID LabLoadStop(_Inout_ LAB_LOAD *Load, _In_ LAB *Lab, _In_ PROGRAM *Program);
/* Ends all threads at once; the adapter or the program may be gone. */
VOID LabLoadAbandon(_Inout_ LAB_LOAD *Load, _In_ PROGRAM *Program);
/* What the stack sent is what the program got and the driver says it dropped, and the same the other way. */
VOID LabBalance(_In_ LAB *Lab, _In_ PROGRAM *Program);

/* Waits until Condition holds, at most ten seconds. */
#define LabUntil(Condition)                                                                                            \
    do                                                                                                                 \
    {                                                                                                                  \
        for (ULONG Tries = 0; !(Condition) && Tries < 50000; Tries++)                                                  \
            LabSleep(200);                                                                                             \
        LabCheck(Condition, "not within ten seconds");                                                                 \
    } while (0)

#endif
