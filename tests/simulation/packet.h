/* SPDX-License-Identifier: MIT */
/*
 * Packets that can be told apart and checked: an IP header, then flow and sequence number, then bytes that follow from
 * both, so that a single wrong, torn or mixed-up byte shows. Nothing here has state.
 */
#ifndef SIMULATION_PACKET_H
#define SIMULATION_PACKET_H

#include <ntddk.h>

#define PACKET_STAMP  16u /* bytes: flow, length, sequence number */
#define PACKET_V4_MIN 20u
#define PACKET_V6_MIN 40u

static inline UCHAR PacketByte(_In_ ULONG Flow, _In_ ULONG64 Sequence, _In_ ULONG Offset)
{
    return (UCHAR)(Flow * 151 + Sequence * 31 + Offset * 7 + (Offset >> 8));
}

static inline VOID PacketMake(_Out_ UCHAR *Packet, _In_ ULONG Length, _In_ BOOLEAN IsIpv6, _In_ ULONG Flow,
                              _In_ ULONG64 Sequence)
{
    ULONG Header = IsIpv6 ? PACKET_V6_MIN : PACKET_V4_MIN,
          Stamp[4] = {Flow, Length, (ULONG)Sequence, (ULONG)(Sequence >> 32)};
    memset(Packet, 0, Header);
    Packet[0] = IsIpv6 ? 0x60 : 0x45;
    if (IsIpv6)
    {
        Packet[24] = 0xfd;
    }
    else
    {
        Packet[2] = (UCHAR)(Length >> 8);
        Packet[3] = (UCHAR)Length;
        Packet[16] = 10;
    }
    if (Length >= Header + PACKET_STAMP)
    {
        memcpy(Packet + Header, Stamp, PACKET_STAMP);
        for (ULONG I = Header + PACKET_STAMP; I < Length; I++)
            Packet[I] = PacketByte(Flow, Sequence, I);
    }
}

/* FALSE: not as PacketMake made it. *Flow is 0 where there is no room for a stamp. */
static inline BOOLEAN PacketCheck(_In_ const UCHAR *Packet, _In_ ULONG Length, _Out_ ULONG *Flow,
                                  _Out_ ULONG64 *Sequence)
{
    ULONG Header = Packet[0] == 0x60 ? PACKET_V6_MIN : PACKET_V4_MIN;
    *Flow = 0;
    *Sequence = 0;
    if ((Packet[0] != 0x60 && Packet[0] != 0x45) || Length < Header)
        return FALSE;
    if (Length < Header + PACKET_STAMP)
        return TRUE;
    ULONG Stamp[4];
    memcpy(Stamp, Packet + Header, PACKET_STAMP);
    *Flow = Stamp[0];
    *Sequence = Stamp[2] | (ULONG64)Stamp[3] << 32;
    if (Stamp[1] != Length)
        return FALSE;
    for (ULONG I = Header + PACKET_STAMP; I < Length; I++)
        if (Packet[I] != PacketByte(*Flow, *Sequence, I))
            return FALSE;
    return TRUE;
}

#endif
