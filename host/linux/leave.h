/* SPDX-License-Identifier: MIT */
#ifndef HOST_LINUX_LEAVE_H
#define HOST_LINUX_LEAVE_H

#include <ndis.h>
#include "ring/segment.h"

/*
 * Asks of the miniport, in List and in the packet itself, what Linux left to us of it, if On says that the miniport does that:
 * the packet then is as NDIS wants it. How many segments it stands for, or 0: nothing is changed, it is ours to complete.
 */
ULONG Leave(_In_ const NDIS_OFFLOAD *On, _In_ const VNET_HEADER *Vnet, _Inout_updates_(Length) PUCHAR Packet,
            _In_ ULONG Length, _Inout_ NET_BUFFER_LIST *List);

/*
 * The reverse, of a packet that the miniport indicates, of which the first Have bytes are at Packet: what Linux need not look at, or
 * is to cut, in *Vnet; the headers that go with it are written to Headers, and returned is their length: 0, none are to be
 * exchanged.
 */
ULONG Take(_In_ const NET_BUFFER_LIST *List, _In_reads_(Have) const UCHAR *Packet, _In_ ULONG Have, _In_ ULONG Length,
           _Out_ VNET_HEADER *Vnet, _Out_writes_(SEGMENT_HEADERS) PUCHAR Headers);

#endif
