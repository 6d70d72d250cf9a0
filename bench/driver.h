/* SPDX-License-Identifier: MIT */
/*
 * Between bench/driver.c, which measures, and bench/driver_lab.c, which brings the driver up in the simulator: one adapter
 * with one session, the stack behind it and the program before it, both as thin as they can be.
 */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <ndis.h>
#include "host/ndis/backend.h"
#include "ring/session.h"

#define LAB_CAPACITY 0x800000u /* of each ring, bytes: what VPN programs ask for */
#define LAB_BATCH    64u       /* packets in a chain of the stack's, at most */

/* The program's two sides, and the stack's packets: LAB_BATCH lists, each over RING_PACKET_MAX bytes of Packets. */
extern RING_SIDE LabToApp, LabToStack;
extern NET_BUFFER_LIST *LabLists[LAB_BATCH];
extern UCHAR *LabPackets[LAB_BATCH];

/* Loads the driver, starts an adapter and a session on it. Ends the process with a message where that fails. */
VOID LabOpen(VOID);
/* Undoes it; 0: nothing was left and no rule was broken. */
int LabClose(VOID);
/* Makes a chain of the first Count lists, a packet of Length bytes in each, side by side in memory. */
VOID LabShape(_In_ ULONG Count, _In_ ULONG Length);
/* Hands the chain to the driver, as a stack does that is at DISPATCH_LEVEL already; it is complete when this returns. */
VOID LabSend(VOID);
/* Wakes the driver's thread when RingPublish says so. */
VOID LabWake(VOID);
/* Called with what the driver indicates, in the driver's thread; the lists go back to it right afterwards. */
extern VOID (*LabReceive)(_In_ NET_BUFFER_LIST *Lists);

#endif
