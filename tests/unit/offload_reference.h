/* SPDX-License-Identifier: MIT */
/*
 * Packets for tests/unit/offload.c: made at random, and a reference that sums, checks and segments byte by byte.
 */
#ifndef TESTS_UNIT_OFFLOAD_REFERENCE_H
#define TESTS_UNIT_OFFLOAD_REFERENCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "host/linux/offload.h"

typedef struct _PACKET
{
    uint8_t *Data;
    uint32_t Size;
} PACKET;

static uint64_t Seed;

static uint32_t Random(uint32_t Below)
{
    Seed = Seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((Seed >> 33) % Below);
}

static void RandomBytes(uint8_t *To, uint32_t Size)
{
    for (uint32_t I = 0; I < Size; I++)
        To[I] = (uint8_t)Random(256);
}

static PACKET Copy(const uint8_t *Data, uint32_t Size)
{
    PACKET Packet = {.Data = malloc(Size ? Size : 1), .Size = Size};
    memcpy(Packet.Data, Data, Size);
    return Packet;
}

static void FreeAll(PACKET *Packets, uint32_t Count)
{
    for (uint32_t I = 0; I < Count; I++)
        free(Packets[I].Data);
}

/* --- the reference ------------------------------------------------------------------------------------------------ */

/* RFC 1071 as it stands there: the sum, not its complement, as a number. */
static uint16_t Sum(const uint8_t *Data, uint32_t Size, uint32_t Begin)
{
    uint32_t Total = Begin;
    for (uint32_t I = 0; I < Size; I++)
    {
        Total += I % 2 ? Data[I] : (uint32_t)Data[I] << 8;
        Total = (Total & 0xffff) + (Total >> 16);
    }
    return (uint16_t)Total;
}

static uint16_t Pseudo(const uint8_t *Packet, uint32_t Length, uint8_t Protocol)
{
    bool Ipv6 = Packet[0] >> 4 == 6;
    uint8_t Rest[4] = {0, Protocol, (uint8_t)(Length >> 8), (uint8_t)Length};
    return Sum(Rest, 4, Sum(Packet + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8, 0));
}

/* Sets lengths and IPv4's checksum of a packet whose TCP or UDP begins at Transport. */
static void FinishIp(uint8_t *Packet, uint32_t Size, uint32_t Transport)
{
    if (Packet[0] >> 4 == 6)
        StoreShort(Packet + 4, Size - 40);
    else
    {
        StoreShort(Packet + 2, Size);
        StoreShort(Packet + 10, 0);
        StoreShort(Packet + 10, (uint16_t)~Sum(Packet, Transport, 0));
    }
}

/* The same and TCP's checksum. */
static void Finish(uint8_t *Packet, uint32_t Size, uint32_t Tcp)
{
    FinishIp(Packet, Size, Tcp);
    StoreShort(Packet + Tcp + 16, 0);
    StoreShort(Packet + Tcp + 16, (uint16_t)~Sum(Packet + Tcp, Size - Tcp, Pseudo(Packet, Size - Tcp, 6)));
}

static void FinishUdp(uint8_t *Packet, uint32_t Size, uint32_t Udp)
{
    FinishIp(Packet, Size, Udp);
    StoreShort(Packet + Udp + 4, Size - Udp);
    StoreShort(Packet + Udp + 6, 0);
    uint16_t Checksum = (uint16_t)~Sum(Packet + Udp, Size - Udp, Pseudo(Packet, Size - Udp, 17));
    StoreShort(Packet + Udp + 6, Checksum ? Checksum : 0xffff);
}

/* A whole TCP packet with right checksums, as a sender without offload would send it if its MTU were large enough.
 * Plain: nothing in it that keeps it from being coalesced. */
static PACKET MakeTcp(bool Ipv6, bool Plain, uint32_t Payload, uint32_t *Tcp)
{
    uint32_t Ip = Ipv6 ? 40 : 20, Options = Random(3) ? 4 * Random(11) : 12;
    if (!Plain)
        Ip += Ipv6 ? 8 * Random(3) : 4 * Random(11);
    if (Payload + Ip + 20 + Options > 65535)
        Payload = 65535 - Ip - 20 - Options;
    uint32_t Size = Ip + 20 + Options + Payload;
    PACKET Packet = {.Data = malloc(Size), .Size = Size};
    uint8_t *P = Packet.Data;
    RandomBytes(P, Size);
    if (Ipv6)
    {
        P[0] = 0x60 | (P[0] & 15);
        P[6] = Ip == 40 ? 6 : 60; /* destination options */
        for (uint32_t At = 40; At < Ip; At += 8)
            memcpy(P + At, (uint8_t[]){At + 8 < Ip ? 60 : 6, 0, 1, 4, 0, 0, 0, 0}, 8);
    }
    else
    {
        P[0] = (uint8_t)(0x40 | Ip / 4);
        P[6] = Random(2) ? 0x40 : 0;
        P[7] = 0;
        P[9] = 6;
    }
    P[Ip + 12] = (uint8_t)((20 + Options) / 4 << 4);
    P[Ip + 13] = Plain ? TCP_ACK | (Random(2) ? TCP_PSH : 0) : P[Ip + 13];
    Finish(P, Size, Ip);
    *Tcp = Ip;
    return Packet;
}

/* A UDP datagram, the same way. */
static PACKET MakeUdp(bool Ipv6, uint32_t Payload, uint32_t *Udp)
{
    uint32_t Tcp;
    PACKET Packet = MakeTcp(Ipv6, false, Payload + 60, &Tcp);
    uint8_t *P = Packet.Data;
    if (Packet.Size > Tcp + 8 + Payload)
        Packet.Size = Tcp + 8 + Payload;
    if (!Ipv6)
        P[9] = 17;
    else if (Tcp == 40)
        P[6] = 17;
    else
        P[Tcp - 8] = 17;
    StoreShort(P + Tcp + 4, Packet.Size - Tcp);
    FinishUdp(P, Packet.Size, Tcp);
    *Udp = Tcp;
    return Packet;
}

/* Where SegmentStart is given all of a packet, and no bound. */
static inline bool Begin(SEGMENTER *Segmenter, const VNET_HEADER *Vnet, PACKET Packet)
{
    return SegmentStart(Segmenter, Vnet, Packet.Data, Packet.Size, Packet.Size, 65535);
}

/* What Linux makes of it for a device with offloads. */
static VNET_HEADER Offloaded(PACKET Packet, uint32_t Transport, uint32_t SegmentSize)
{
    uint8_t Type = Packet.Data[0] >> 4 == 6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
    uint8_t Protocol = Packet.Data[0] >> 4 == 4 ? Packet.Data[9] : Packet.Data[Transport == 40 ? 6 : Transport - 8];
    bool Udp = Protocol == 17;
    StoreShort(Packet.Data + Transport + (Udp ? 6 : 16), Pseudo(Packet.Data, Packet.Size - Transport, Protocol));
    return (VNET_HEADER){
        .Flags = VNET_NEEDS_CHECKSUM,
        .GsoType = Udp ? VNET_GSO_UDP : Type,
        .HeaderLength = (uint16_t)(Transport + (Udp ? 8 : (Packet.Data[Transport + 12] >> 4) * 4)),
        .GsoSize = (uint16_t)SegmentSize,
        .ChecksumStart = (uint16_t)Transport,
        .ChecksumOffset = Udp ? 6 : 16,
    };
}

/* Segment number Index of a super-packet, made anew from its parts. */
static PACKET Reference(PACKET Super, uint32_t At, uint32_t SegmentSize, uint32_t Index, bool Udp)
{
    uint32_t Header = At + (Udp ? 8 : (Super.Data[At + 12] >> 4) * 4u), Offset = Index * SegmentSize;
    uint32_t Left = Super.Size - Header - Offset, Payload = Left < SegmentSize ? Left : SegmentSize;
    PACKET Packet = {.Data = malloc(Header + Payload), .Size = Header + Payload};
    uint8_t *P = Packet.Data;
    memcpy(P, Super.Data, Header);
    memcpy(P + Header, Super.Data + Header + Offset, Payload);
    if (P[0] >> 4 == 4)
        StoreShort(P + 4, (uint16_t)(LoadShort(Super.Data + 4) + Index));
    if (Udp)
        FinishUdp(P, Packet.Size, At);
    else
    {
        StoreLong(P + At + 4, LoadLong(Super.Data + At + 4) + Offset);
        P[At + 13] &= (uint8_t)~((Index ? TCP_CWR : 0) | (Payload < Left ? TCP_FIN | TCP_PSH : 0));
        Finish(P, Packet.Size, At);
    }
    return Packet;
}

#endif
