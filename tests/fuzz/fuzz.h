/* SPDX-License-Identifier: MIT */
/*
 * What the targets share that fuzz the driver: one input is one life of the driver, from loading it to finding nothing
 * of it left. Everything happens in the fuzzer's thread but the driver's own session thread, which FuzzSettle waits for,
 * so that an input always does the same. A rule that is broken, a check that fails, and a driver that does not come to
 * rest end the process.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "driver/tun.h"
#include "tests/fuzz/input.h"
#include "tests/simulation/lab.h"

/* A target: acts on the open adapter until the input ends, and ends what programs it began. */
VOID FuzzTarget(_Inout_ FUZZ *Input, _Inout_ LAB *Lab);

/* Returns when the session's thread sleeps, with nothing to wake it, or has died of a corrupt ring. */
VOID FuzzSettle(_In_ LAB *Lab);
TUN_ADAPTER *FuzzAdapter(_In_ const LAB *Lab);
/* Gives held lists back first, as a stack does that is told to pause. */
VOID FuzzPause(_In_ LAB *Lab);

/* While Hook is set, it is called, with the address, before each load that the driver's code makes between Begin and End, and once in the
 * middle of each of its copies from there; in the thread that loads. */
VOID FuzzWatch(_In_opt_ const VOID *Begin, _In_ SIZE_T Size, _In_opt_ VOID (*Hook)(const VOID *Address));

/* ---- stack.c: the stack behind host/ndis */

typedef struct _FUZZ_RECEIVED
{
    ULONG64 Packets, Octets;
} FUZZ_RECEIVED;

/* Lists that are indicated stay with the stack from now on, or are given back at once. */
VOID FuzzStackHold(_Inout_ BACKEND *Stack, _In_ BOOLEAN Hold);
/* Gives back up to Count held lists: the oldest, or the newest. */
VOID FuzzStackReturn(_Inout_ BACKEND *Stack, _In_ ULONG Count, _In_ BOOLEAN Newest);
ULONG FuzzStackHeld(_Inout_ BACKEND *Stack);
FUZZ_RECEIVED FuzzStackReceived(_Inout_ BACKEND *Stack);
/* A list of the stack's, without a NET_BUFFER; and one more NET_BUFFER. */
NET_BUFFER_LIST *FuzzStackList(_Inout_ BACKEND *Stack);
NET_BUFFER *FuzzStackBuffer(_Inout_ BACKEND *Stack);
/* Sends a chain, which must have come back when the call returns. */
VOID FuzzStackSend(_Inout_ BACKEND *Stack, _In_ NET_BUFFER_LIST *Chain, _In_ BOOLEAN Dispatch);
/* Sends Count lists of one packet of Length bytes each, IPv4 or IPv6. */
VOID FuzzStackSendPlain(_Inout_ BACKEND *Stack, _In_ ULONG Count, _In_ ULONG Length, _In_ BOOLEAN IsIpv6);

#endif
