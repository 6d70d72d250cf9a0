/* SPDX-License-Identifier: MIT */
/*
 * Numbered, checksummed UDP between a socket of the system's and this program, through an adapter: what selftest and
 * bench have in common. flow.c makes and checks the datagrams, bed.c has adapter, addresses, sockets and a thread that
 * plays the far side.
 */
#ifndef PLAINTUN_TOOL_FLOW_H
#define PLAINTUN_TOOL_FLOW_H

#include "tool/tool.h"

#define PAYLOAD_MIN 16 /* bytes: number, length, sum, and one word to spare */
#define FLOW_BATCH  64 /* packets */

/* --- flow.c -------------------------------------------------------------------------------------------------------------- */

/* One flow; addresses in network order, of 4 or 16 bytes; ports in host order. */
typedef struct _FLOW
{
    DWORD AddressSize;
    BYTE System[16], Program[16];
    UINT16 SystemPort, ProgramPort;
    DWORD HeaderSize; /* bytes of the headers of IP and UDP; 0: there is no such flow */
    SOCKET Socket;    /* bound to the system's end and connected to the program's */
} FLOW;

/* The datagram's contents follow from number and size, so that each byte can be checked. Size is at least PAYLOAD_MIN. */
void PayloadFill(_Out_writes_(Size) BYTE *Payload, _In_ DWORD Size, _In_ DWORD Number);
BOOL PayloadCheck(_In_reads_(Size) const BYTE *Payload, _In_ DWORD Size, _Out_ DWORD *Number);

/* Makes the packet of HeaderSize + PayloadSize bytes that carries a datagram from program to system. */
void FlowBuild(_In_ const FLOW *Flow, _Out_ BYTE *Packet, _In_ DWORD PayloadSize, _In_ DWORD Number);

typedef enum _FLOW_PACKET
{
    FLOW_OTHER, /* not of this flow: the system has words of its own to say on a new interface */
    FLOW_GOOD,
    FLOW_BROKEN, /* a header's sum or length, or the contents */
} FLOW_PACKET;

/* Looks at a packet that the system sent. *Number and *PayloadSize of a good one. */
FLOW_PACKET FlowCheck(_In_ const FLOW *Flow, _In_reads_(Size) const BYTE *Packet, _In_ DWORD Size, _Out_ DWORD *Number,
                      _Out_ DWORD *PayloadSize);

/* --- bed.c --------------------------------------------------------------------------------------------------------------- */

enum
{
    FLOW_IPV4,
    FLOW_IPV6,
    FLOW_COUNT,
};

typedef enum _FAR_SIDE
{
    FAR_ECHO, /* sends each good datagram back */
    FAR_SINK,
    FAR_SOURCE, /* sends datagrams of SourceSize as fast as they go */
} FAR_SIDE;

typedef struct _BED
{
    PLAINTUN_ADAPTER_HANDLE Adapter;
    PLAINTUN_SESSION_HANDLE Session;
    PLAINTUN_ADAPTER_INFO Info;
    FLOW Flows[FLOW_COUNT];

    /* The far side's thread; what it counts is read when it has ended. */
    HANDLE Thread;
    volatile BOOL Stopping;
    FAR_SIDE Side;
    const FLOW *Flow;
    DWORD SourceSize;                              /* bytes of payload */
    DWORD Error;                                   /* NO_ERROR, or why the session is over */
    ULONG64 Received, Others, Broken, Sent, Bytes; /* packets, payload bytes of the good received or sent ones */
} BED;

#define BED_NAME L"" PLAINTUN_FILE L" test"

/* Opens the sockets of one flow: sets the adapter's address and waits until the system lets it be used. Returns NO_ERROR
 * or the error of the step that is named in *Step. */
DWORD BedFlow(_Inout_ BED *Bed, _In_ DWORD Which, _Out_ LPCWSTR *Step);

/* Starts, ends the far side. FALSE: GetLastError(). */
BOOL BedStart(_Inout_ BED *Bed, _In_ FAR_SIDE Side, _In_ const FLOW *Flow, _In_ DWORD SourceSize);
void BedStop(_Inout_ BED *Bed);

/* Sends packets of the program, waiting for room. FALSE: the session is over, GetLastError(). */
BOOL BedSend(_In_ const BED *Bed, _In_ const FLOW *Flow, _In_reads_(Count) const DWORD *Numbers,
             _In_reads_(Count) const DWORD *Sizes, _In_ DWORD Count);

/* Closes whatever is open. */
void BedClose(_Inout_ BED *Bed);

#endif
