/* SPDX-License-Identifier: MIT */
/*
 * A pcapng file of one raw-IP interface, block by block in memory ("PCAP Next Generation (pcapng) Capture File Format",
 * draft-ietf-opsawg-pcapng): what Wireshark, tcpdump and others read. pcapng.c writes nothing itself: each function puts
 * a whole block into the buffer and returns its bytes.
 */
#ifndef PLAINTUN_TOOL_PCAPNG_H
#define PLAINTUN_TOOL_PCAPNG_H

#include "tool/tool.h"

#define PCAPNG_HEADER_MAX (4 * (PLAINTUN_NAME_MAX + 1) + 512) /* bytes of any block but a packet's */
#define PCAPNG_PACKET_MAX (PLAINTUN_PACKET_MAX + 64)          /* bytes of a packet's block */

/* Times: 100 ns since 1601, UTC. */

/* Section header and interface description. SnapLength: bytes of a packet that are kept at most, 0: all. */
DWORD PcapngBegin(_Out_writes_(2 * PCAPNG_HEADER_MAX) BYTE *Block, _In_z_ LPCWSTR InterfaceName, _In_ DWORD SnapLength);
/* A packet of Size bytes, of which Kept are there. Inbound: the system received it. */
DWORD PcapngPacket(_Out_writes_(PCAPNG_PACKET_MAX) BYTE *Block, _In_ ULONG64 Time, _In_reads_(Kept) const BYTE *Packet,
                   _In_ DWORD Kept, _In_ DWORD Size, _In_ BOOL Inbound);
/* The interface's statistics, at the end. Dropped: packets that the capture missed. */
DWORD PcapngEnd(_Out_writes_(PCAPNG_HEADER_MAX) BYTE *Block, _In_ ULONG64 Start, _In_ ULONG64 End,
                _In_ ULONG64 Received, _In_ ULONG64 Dropped);

#endif
