/* SPDX-License-Identifier: MIT */
/*
 * What both ways of a packet, and the monitor beside them, know of one: whether it is IP, whom it is for, and how its bytes
 * are copied out of NDIS' buffers. Knows no adapter and no session; inline, because each packet passes here.
 */
#ifndef PLAINTUN_PACKET_H
#define PLAINTUN_PACKET_H

#include <ntddk.h>
#include <ndis.h>
#include "ring/checksum.h"

typedef enum _TUN_CAST
{
    TUN_UNICAST,
    TUN_MULTICAST,
    TUN_BROADCAST,
    TUN_CASTS
} TUN_CAST;

/*
 * Looks at the first bytes of a packet, of which Length are there: FALSE unless it is IPv4 or IPv6 and no shorter than
 * its header. Destination addresses: RFC 791 and 1112 (224/4, 255.255.255.255), RFC 4291 (ff00::/8). Any IRQL.
 */
static inline BOOLEAN PacketValid(_In_ const UCHAR *Head, _In_ ULONG Length, _Out_ BOOLEAN *IsIpv6,
                                  _Out_ TUN_CAST *Cast)
{
    if (Length >= 20 && Head[0] >> 4 == 4)
    {
        ULONG HeaderLength = (Head[0] & 15) * 4u;
        *IsIpv6 = FALSE;
        *Cast = (Head[16] & Head[17] & Head[18] & Head[19]) == 255 ? TUN_BROADCAST
                : Head[16] >> 4 == 14                              ? TUN_MULTICAST
                                                                   : TUN_UNICAST;
        return HeaderLength >= 20 && HeaderLength <= Length;
    }
    if (Length >= 40 && Head[0] >> 4 == 6)
    {
        *IsIpv6 = TRUE;
        *Cast = Head[24] == 255 ? TUN_MULTICAST : TUN_UNICAST;
        return TRUE;
    }
    return FALSE;
}

/*
 * Copies Size bytes of a packet from its byte Skip on, whose MDLs may be cut anywhere and be empty, and adds them to Sum, where
 * it is asked for. FALSE: they hold less, or one could not be mapped. IRQL <= DISPATCH_LEVEL. "NET_BUFFER structure",
 * "MmGetSystemAddressForMdlSafe".
 */
static inline BOOLEAN PacketCopySum(_In_ NET_BUFFER *Packet, _In_ ULONG Skip, _Out_ UCHAR *To, _In_ ULONG Size,
                                    _Inout_opt_ uint64_t *Sum)
{
    ULONG Offset = NET_BUFFER_CURRENT_MDL_OFFSET(Packet) + Skip, Done = 0;
    for (MDL *Mdl = NET_BUFFER_CURRENT_MDL(Packet); Size != 0; Mdl = Mdl->Next)
    {
        if (!Mdl)
            return FALSE;
        ULONG Part = MmGetMdlByteCount(Mdl);
        if (Offset >= Part)
        {
            Offset -= Part; /* an empty part, or an offset that is this part's whole */
            continue;
        }
        const UCHAR *From = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
        if (!From)
            return FALSE;
        Part = min(Part - Offset, Size);
        if (Sum)
            *Sum = ChecksumJoin(*Sum, ChecksumCopy(To, From + Offset, Part, 0), Done);
        else
            RtlCopyMemory(To, From + Offset, Part);
        Done += Part;
        To += Part;
        Size -= Part;
        Offset = 0;
    }
    return TRUE;
}

/* The first Size bytes. */
static inline BOOLEAN PacketCopyOut(_In_ NET_BUFFER *Packet, _Out_ UCHAR *To, _In_ ULONG Size)
{
    return PacketCopySum(Packet, 0, To, Size, NULL);
}

#endif
