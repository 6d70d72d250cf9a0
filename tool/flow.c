/* SPDX-License-Identifier: MIT */
/* Numbered datagrams whose every byte is known, and the packets that carry them. No state; any thread. */
#include "tool/flow.h"

/* A payload: number, size, sum of what follows, then bytes that a generator makes from the number. Little-endian. */
typedef struct _PAYLOAD
{
    UINT32 Number, Size, Sum;
} PAYLOAD;

static UINT32 Next(UINT32 State)
{
    State ^= State << 13; /* George Marsaglia's xorshift: never 0 unless it was */
    State ^= State >> 17;
    return State ^ State << 5;
}

static UINT32 Sum(const BYTE *Bytes, DWORD Size)
{
    UINT32 Value = 2166136261u; /* FNV-1a */
    while (Size-- > 0)
        Value = (Value ^ *Bytes++) * 16777619u;
    return Value;
}

void PayloadFill(BYTE *Payload, DWORD Size, DWORD Number)
{
    UINT32 State = Number * 2654435761u | 1;
    for (DWORD i = sizeof(PAYLOAD); i < Size; ++i)
    {
        State = Next(State);
        Payload[i] = (BYTE)State;
    }
    PAYLOAD Head = {Number, Size, Sum(Payload + sizeof(PAYLOAD), Size - sizeof(PAYLOAD))};
    memcpy(Payload, &Head, sizeof(Head));
}

BOOL PayloadCheck(const BYTE *Payload, DWORD Size, DWORD *Number)
{
    PAYLOAD Head = {0};
    if (Size < PAYLOAD_MIN)
        return FALSE;
    memcpy(&Head, Payload, sizeof(Head));
    *Number = Head.Number;
    UINT32 State = Head.Number * 2654435761u | 1;
    for (DWORD i = sizeof(PAYLOAD); i < Size; ++i)
    {
        State = Next(State);
        if (Payload[i] != (BYTE)State)
            return FALSE;
    }
    return Head.Size == Size && Head.Sum == Sum(Payload + sizeof(PAYLOAD), Size - sizeof(PAYLOAD));
}

/* --- packets ------------------------------------------------------------------------------------------------------------- */

static void Put16(BYTE *To, DWORD Value)
{
    To[0] = (BYTE)(Value >> 8);
    To[1] = (BYTE)Value;
}

static DWORD Get16(const BYTE *From)
{
    return (DWORD)From[0] << 8 | From[1];
}

/* The sum of 16-bit words that the Internet checksum is made of: RFC 1071. */
static DWORD Words(const BYTE *Bytes, DWORD Size, DWORD Start)
{
    ULONG64 Value = Start;
    for (; Size > 1; Size -= 2, Bytes += 2)
        Value += Get16(Bytes);
    if (Size == 1)
        Value += (DWORD)Bytes[0] << 8;
    while (Value >> 16 != 0)
        Value = (Value & 0xffff) + (Value >> 16);
    return (DWORD)Value;
}

/* UDP's checksum counts addresses, protocol and length too: RFC 768, RFC 8200. */
static DWORD UdpWords(const FLOW *Flow, const BYTE *Udp, DWORD Size)
{
    DWORD Start = Words(Flow->System, Flow->AddressSize, IPPROTO_UDP + Size);
    return Words(Udp, Size, Words(Flow->Program, Flow->AddressSize, Start));
}

void FlowBuild(const FLOW *Flow, BYTE *Packet, DWORD PayloadSize, DWORD Number)
{
    DWORD UdpSize = 8 + PayloadSize, IpSize = Flow->HeaderSize - 8;
    BYTE *Udp = Packet + IpSize;
    memset(Packet, 0, Flow->HeaderSize);
    if (Flow->AddressSize == 4)
    {
        Packet[0] = 0x45;
        Put16(Packet + 2, IpSize + UdpSize);
        Put16(Packet + 4, Number); /* identification */
        Packet[8] = 64;            /* time to live */
        Packet[9] = IPPROTO_UDP;
        memcpy(Packet + 12, Flow->Program, 4);
        memcpy(Packet + 16, Flow->System, 4);
        Put16(Packet + 10, ~Words(Packet, IpSize, 0));
    }
    else
    {
        Packet[0] = 0x60;
        Put16(Packet + 4, UdpSize);
        Packet[6] = IPPROTO_UDP;
        Packet[7] = 64; /* hop limit */
        memcpy(Packet + 8, Flow->Program, 16);
        memcpy(Packet + 24, Flow->System, 16);
    }
    Put16(Udp, Flow->ProgramPort);
    Put16(Udp + 2, Flow->SystemPort);
    Put16(Udp + 4, UdpSize);
    PayloadFill(Udp + 8, PayloadSize, Number);
    DWORD Checksum = ~UdpWords(Flow, Udp, UdpSize) & 0xffff;
    Put16(Udp + 6, Checksum != 0 ? Checksum : 0xffff);
}

FLOW_PACKET FlowCheck(const FLOW *Flow, const BYTE *Packet, DWORD Size, DWORD *Number, DWORD *PayloadSize)
{
    BOOL Four = Flow->AddressSize == 4;
    DWORD IpSize = Flow->HeaderSize - 8, Addresses = Four ? 12 : 8;
    const BYTE *Udp = Packet + IpSize;
    if (Size < Flow->HeaderSize || (Four ? Packet[0] != 0x45 : Packet[0] >> 4 != 6) ||
        Packet[Four ? 9 : 6] != IPPROTO_UDP || memcmp(Packet + Addresses, Flow->System, Flow->AddressSize) != 0 ||
        memcmp(Packet + Addresses + Flow->AddressSize, Flow->Program, Flow->AddressSize) != 0 ||
        Get16(Udp) != Flow->SystemPort || Get16(Udp + 2) != Flow->ProgramPort)
        return FLOW_OTHER;
    DWORD UdpSize = Size - IpSize;
    *PayloadSize = UdpSize - 8;
    if (Four ? Get16(Packet + 2) != Size || Words(Packet, IpSize, 0) != 0xffff : Get16(Packet + 4) != UdpSize)
        return FLOW_BROKEN;
    if (Get16(Udp + 4) != UdpSize || Get16(Udp + 6) == 0 || UdpWords(Flow, Udp, UdpSize) != 0xffff)
        return FLOW_BROKEN;
    return PayloadCheck(Udp + 8, *PayloadSize, Number) ? FLOW_GOOD : FLOW_BROKEN;
}
