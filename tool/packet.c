/* SPDX-License-Identifier: MIT */
/* IP packets as bytes: reading, answering. Lengths are checked before anything is read. */
#include "tool/tool.h"

#define ICMP4_REQUEST 8
#define ICMP4_REPLY   0
#define ICMP6_REQUEST 128
#define ICMP6_REPLY   129

static void Swap(BYTE *Left, BYTE *Right, DWORD Size)
{
    BYTE Former[16];
    memcpy(Former, Left, Size);
    memcpy(Left, Right, Size);
    memcpy(Right, Former, Size);
}

/* The ICMP message of a packet that has one in whole, or at its beginning; NULL: it has none. */
static BYTE *FindIcmp(BYTE *Packet, DWORD Size)
{
    DWORD Header = 0;
    if (Size >= 20 && Packet[0] >> 4 == 4 && Packet[9] == IPPROTO_ICMP && ((Packet[6] & 0x1f) | Packet[7]) == 0)
        Header = (Packet[0] & 15) * 4;
    else if (Size >= 40 && Packet[0] >> 4 == 6 && Packet[6] == IPPROTO_ICMPV6)
        Header = 40;
    return Header >= 20 && Header + 8 <= Size ? Packet + Header : NULL;
}

BOOL PacketAnswerEcho(BYTE *Packet, DWORD Size)
{
    BYTE *Icmp = FindIcmp(Packet, Size);
    if (Icmp == NULL)
        return FALSE;
    BOOL Six = Packet[0] >> 4 == 6;
    BYTE Request = Six ? ICMP6_REQUEST : ICMP4_REQUEST, Reply = Six ? ICMP6_REPLY : ICMP4_REPLY;
    BOOL Multicast = Six ? Packet[24] == 0xff : Packet[16] >= 224;
    if (Icmp[0] != Request || Multicast)
        return FALSE;
    /* The checksum follows from the one word that changes: RFC 1624. Swapping addresses leaves it as it is. */
    DWORD Sum = (UINT16) ~(Icmp[2] << 8 | Icmp[3]) + (UINT16) ~(Request << 8) + (Reply << 8);
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Icmp[0] = Reply;
    Icmp[2] = (BYTE)(~Sum >> 8);
    Icmp[3] = (BYTE)~Sum;
    if (Six)
        Swap(Packet + 8, Packet + 24, 16);
    else
        Swap(Packet + 12, Packet + 16, 4);
    return TRUE;
}

void PacketDescribe(const BYTE *Packet, DWORD Size, LPWSTR Text, DWORD Count)
{
    WCHAR Address[64] = L"?";
    const BYTE *Icmp = FindIcmp((BYTE *)Packet, Size);
    if (Size >= 20 && Packet[0] >> 4 == 4)
        InetNtopW(AF_INET, Packet + 12, Address, ARRAYSIZE(Address));
    else if (Size >= 40 && Packet[0] >> 4 == 6)
        InetNtopW(AF_INET6, Packet + 8, Address, ARRAYSIZE(Address));
    if (Icmp != NULL)
        Format(Text, Count, L"%ls, number %u", Address, Icmp[6] << 8 | Icmp[7]);
    else
        Format(Text, Count, L"%ls", Address);
}
