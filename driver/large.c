/* SPDX-License-Identifier: MIT */
/*
 * What the stack leaves to us of a packet for the program: checksums, and to cut large sends. A program that was granted that gets
 * the packet whole, with a virtio-net header; for others it is done here, with one copy into the ring for each segment.
 * "Using NBL Information to Communicate Checksum Information ...", "Offloading the Segmentation of Large TCP Packets".
 * Lengths, checksum fields and offsets of the stack's are not believed, but made of the packet anew. There are at most
 * TUN_SEGMENTS_MAX segments: at DISPATCH_LEVEL no packet takes longer than to copy and to sum 64 KiB.
 */
#include "driver/tun.h"

/* Notes in Large what the stack asks for one packet of List: at least its fixed header is there, and right. FALSE: what is not
 * possible, or has been switched off. IRQL <= DISPATCH_LEVEL. */
_Use_decl_annotations_
BOOLEAN LargeTake(TUN_ADAPTER *Adapter, NET_BUFFER_LIST *List, NET_BUFFER *Packet, TUN_LARGE *Large)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum = {
        .Value = NET_BUFFER_LIST_INFO(List, TcpIpChecksumNetBufferListInfo)};
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Send = {
        .Value = NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo)};
    Large->Patched = Large->Needed = 0;
    Large->Vnet = (VNET_HEADER){0};
    if (!Send.Value && !Checksum.Transmit.IsIPv4 && !Checksum.Transmit.IsIPv6)
        return TRUE;
    SEGMENTER *Cut = &Large->Cut;
    UCHAR *Head = Cut->Header;
    ULONG Length = NET_BUFFER_DATA_LENGTH(Packet), Have = min(Length, SEGMENT_HEADERS);
    if (!PacketCopyOut(Packet, Head, Have))
        return FALSE;
    BOOLEAN Ipv6 = Head[0] >> 4 == 6;
    ULONG Tasks = atomic_load_explicit(&Adapter->Tasks, memory_order_relaxed);
    if (Send.Value && !(Tasks & (Ipv6 ? TUN_TASK_LSO6 : TUN_TASK_LSO4)))
        return FALSE; /* it has been switched off since */
    if (Send.Value)
        StoreShort(Head + (Ipv6 ? 4 : 2), Ipv6 ? Length - IPV6_HEADER : Length);
    if (!Ipv6 && (Send.Value || Checksum.Transmit.IpHeaderChecksum))
    {
        Large->Patched = min((Head[0] & 15) * 4u, Have); /* the bytes may have changed since they were looked at */
        StoreShort(Head + 10, 0);
        ChecksumStore(Head + 10, (uint16_t)~ChecksumFold(ChecksumAdd(Head, Large->Patched, 0)));
    }
    if (!Send.Value && !Checksum.Transmit.TcpChecksum && !Checksum.Transmit.UdpChecksum)
        return TRUE;
    if (!SegmentParse(Cut, Have, Length) ||
        (Cut->Udp ? Send.Value || !Checksum.Transmit.UdpChecksum : !Send.Value && !Checksum.Transmit.TcpChecksum))
        return FALSE;
    ULONG At = Cut->Transport, Field = Cut->Udp ? 6 : 16;
    for (ULONG I = IPV6_HEADER, Kind = Head[6]; Ipv6 && I < At; Kind = Head[I], I += (Head[I + 1] + 1u) * 8)
        if (Kind == 43 && Head[I + 3] != 0)
            return FALSE; /* the sum wants the address at the route's end: RFC 8200 8.1 */
    ULONG Payload = Cut->SegmentSize, Mss = Send.Value ? Send.LsoV2Transmit.MSS : 0;
    if (Mss != 0 && Mss < Payload) /* else also a large send is a packet like others */
        Cut->SegmentSize = Mss;
    if (Payload > Cut->SegmentSize * TUN_SEGMENTS_MAX)
        return FALSE;
    uint64_t Pseudo = ChecksumAdd(Head + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8, ChecksumShort(Length - At));
    Pseudo += ChecksumShort(Cut->Udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP);
    ChecksumStore(Head + At + Field, ChecksumFold(Pseudo));
    Large->Patched = Cut->HeaderLength;
    Large->Needed = TUN_OFFLOAD_TO_APP_CHECKSUM;
    Large->Vnet = (VNET_HEADER){.Flags = VNET_NEEDS_CHECKSUM,
                                .HeaderLength = (USHORT)Cut->HeaderLength,
                                .ChecksumStart = (USHORT)At,
                                .ChecksumOffset = (USHORT)Field};
    if (Cut->SegmentSize < Payload)
    {
        Large->Vnet.GsoSize = (USHORT)Mss;
        ULONG Cwr = (Head[At + 13] & TCP_CWR) != 0;
        Large->Vnet.GsoType = (UCHAR)((Ipv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4) | Cwr * VNET_GSO_ECN);
        Large->Needed |= TUN_OFFLOAD_TO_APP_TCP | Cwr * TUN_OFFLOAD_TO_APP_TCP_CWR;
    }
    return TRUE;
}

/* Puts a packet into a session's to_app ring, not yet published, whole or in segments, with Flags. Large: LargeTake's; NULL: as it
 * is. Made counts, also if some found no room. RING_TOO_LONG: bytes are missing. As its producer, IRQL <= DISPATCH_LEVEL. */
_Use_decl_annotations_
RING_STATUS LargePut(TUN_SESSION *Session, NET_BUFFER *Packet, const TUN_LARGE *Large, ULONG Flags, TUN_MADE *Made)
{
    RING_SIDE *Ring = &Session->ToApp;
    BOOLEAN Whole = !Large || (Session->Offloads & Large->Needed) == Large->Needed;
    *Made = (TUN_MADE){0};
    SEGMENTER Cut;
    if (!Whole)
        Cut = Large->Cut;
    RING_STATUS Status;
    do
    {
        ULONG Next = Ring->Next, Size = Whole ? (ULONG)NET_BUFFER_DATA_LENGTH(Packet) : SegmentSize(&Cut);
        RING_PACKET *Entry;
        Status = RingReserve(Ring, Size, &Entry);
        if (Status != RING_OK)
            break;
        UCHAR *To = RingPacketData(Entry);
        ULONG Headers = Whole ? 0 : Cut.HeaderLength;
        uint64_t Sum = Whole ? 0 : SegmentHeader(&Cut, To);
        if (!PacketCopySum(Packet, Whole ? 0 : Cut.Next, To + Headers, Size - Headers, Whole ? NULL : &Sum))
        {
            Ring->Next = Next; /* never published: the next packet takes its place */
            Status = RING_TOO_LONG;
            break;
        }
        if (!Whole)
            SegmentFinish(&Cut, To, Sum);
        else if (Large)
        {
            const VNET_HEADER *Vnet = &Large->Vnet;
            RtlCopyMemory(To, Large->Cut.Header, Large->Patched);
            Flags |= Vnet->Flags | (ULONG)Vnet->GsoType << 8;
            atomic_store_explicit(&Entry->Offload[0], Vnet->HeaderLength | (ULONG)Vnet->GsoSize << 16,
                                  memory_order_relaxed);
            atomic_store_explicit(&Entry->Offload[1], Vnet->ChecksumStart | (ULONG)Vnet->ChecksumOffset << 16,
                                  memory_order_relaxed);
        }
        atomic_store_explicit(&Entry->OffloadKind, (uint16_t)Flags, memory_order_relaxed);
        Made->Packets++;
        Made->Octets += Size;
    } while (!Whole && SegmentsLeft(&Cut) != 0);
    Made->Lost = Whole ? 1 : max(SegmentsLeft(&Cut), 1); /* if any */
    return Status;
}

/* Says in a list that is about to be completed what NDIS wants to hear of a large send, whatever became of it:
 * "NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO structure". */
_Use_decl_annotations_
VOID LargeComplete(NET_BUFFER_LIST *List)
{
    if (NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) == NULL)
        return;
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Complete = {.Value = NULL};
    Complete.LsoV2TransmitComplete.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) = Complete.Value;
}
