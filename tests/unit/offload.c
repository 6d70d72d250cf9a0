/* SPDX-License-Identifier: MIT */
/*
 * ring/segment.h and host/linux/coalesce.c against a reference that does everything byte by byte, and against each other:
 * whatever is coalesced and segmented again must be what it was. Built with the address and undefined sanitizers; each
 * packet lies in memory of exactly its size. All is random, from a seed that is printed and may be given.
 */
#include "tests/unit/offload_reference.h"

#define STREAM 256 /* packets */

/* --- checksum and segmentation ------------------------------------------------------------------------------------ */

static void TestChecksum(void **State)
{
    for (uint32_t Round = 0; Round < 3000; Round++)
    {
        uint32_t Size = Round < 300 ? Round : Random(65536);
        PACKET Bytes = {.Data = malloc(Size + 1), .Size = Size}, To = {.Data = malloc(Size + 1), .Size = Size};
        RandomBytes(Bytes.Data, Size);
        if (Round % 7 == 0)
            memset(Bytes.Data, 0xff, Size); /* the largest sum there is */
        uint64_t Begin = Random(65536);
        uint16_t Wanted = ChecksumShort(Sum(Bytes.Data, Size, ChecksumShort((uint32_t)Begin)));
        assert_int_equal(ChecksumFold(ChecksumAdd(Bytes.Data, Size, Begin)), Wanted);
        assert_int_equal(ChecksumFold(ChecksumCopy(To.Data, Bytes.Data, Size, Begin)), Wanted);
        assert_memory_equal(To.Data, Bytes.Data, Size);
        uint64_t Parts = Begin;
        for (uint32_t At = 0, Part; At < Size; At += Part) /* of any lengths, odd ones too */
        {
            Part = 1 + Random(Random(2) ? 7 : 3000);
            Part = Part < Size - At ? Part : Size - At;
            Parts = ChecksumJoin(Parts, ChecksumAdd(Bytes.Data + At, Part, 0), At);
        }
        assert_int_equal(ChecksumFold(Parts), Wanted);
        free(Bytes.Data);
        free(To.Data);
    }
}

/* Cuts it: for TCP and UDP, with the headers in memory of their own and nothing else there, or with all of the packet. */
static void TestSegment(void **State)
{
    for (uint32_t Round = 0; Round < 3000; Round++)
    {
        bool Udp = Round % 3 == 0;
        uint32_t SegmentBytes = 1 + Random(Random(2) ? 1460 : 9000), Payload = 1 + Random(Random(2) ? 65500 : 4000);
        uint32_t Transport;
        PACKET Super =
            Udp ? MakeUdp(Round & 1, Payload, &Transport) : MakeTcp(Round & 1, Round & 2, Payload, &Transport);
        if (Super.Size / SegmentBytes > 200)
            SegmentBytes += Super.Size / 100;
        VNET_HEADER Vnet = Offloaded(Super, Transport, SegmentBytes);
        if (!Udp && Random(2))
            Vnet.GsoType |= VNET_GSO_ECN;
        Vnet.HeaderLength = (uint16_t)Random(65536); /* a hint that may be wrong */
        Vnet.Flags |= (uint8_t)(Random(2) * VNET_DATA_VALID);
        PACKET Head = Copy(Super.Data, Super.Size < SEGMENT_HEADERS ? Super.Size : SEGMENT_HEADERS);
        SEGMENTER Segmenter;
        assert_true(SegmentStart(&Segmenter, &Vnet, Head.Data, Head.Size, Super.Size, 300));
        free(Head.Data);
        uint32_t Count = SegmentsLeft(&Segmenter), Index = 0;
        assert_false(Count > 1 && SegmentStart(&(SEGMENTER){0}, &Vnet, Super.Data, Super.Size, Super.Size, Count - 1));
        assert_true(SegmentStart(&(SEGMENTER){0}, &Vnet, Super.Data, Super.Size, Super.Size, Count));
        memset(Super.Data, 0xee, Segmenter.HeaderLength); /* looked at once: what happens to it now changes nothing */
        PACKET Whole = Copy(Super.Data, Super.Size);
        memcpy(Whole.Data, Segmenter.Header, Segmenter.HeaderLength);
        for (; SegmentsLeft(&Segmenter); Index++)
        {
            PACKET Wanted = Reference(Whole, Transport, SegmentBytes, Index, Udp);
            PACKET Segment = {.Data = malloc(Wanted.Size), .Size = Wanted.Size};
            assert_int_equal(SegmentsLeft(&Segmenter), Count - Index);
            assert_int_equal(SegmentSize(&Segmenter), Wanted.Size);
            assert_int_equal(SegmentNext(&Segmenter, Super.Data, Segment.Data), Wanted.Size);
            assert_memory_equal(Segment.Data, Wanted.Data, Wanted.Size);
            assert_true(Wanted.Size - Segmenter.HeaderLength <= SegmentBytes);
            free(Wanted.Data);
            free(Segment.Data);
        }
        assert_int_equal(Index, Count);
        free(Whole.Data);
        free(Super.Data);
    }
}

/* UDP whose sum comes out as 0 is sent as 0xffff, which is the same number and not "none". */
static void TestUdpZero(void **State)
{
    for (uint32_t Round = 0; Round < 200; Round++)
    {
        uint32_t Udp;
        PACKET Super = MakeUdp(Round & 1, 3000, &Udp);
        VNET_HEADER Vnet = Offloaded(Super, Udp, 1000);
        for (uint32_t Index = 0; Index < 3; Index++) /* the last word of each segment's payload makes its sum whole */
        {
            PACKET Segment = Reference(Super, Udp, 1000, Index, true);
            uint8_t *Last = Super.Data + Udp + 8 + 1000 * Index + 998;
            StoreShort(Segment.Data + Segment.Size - 2, 0);
            StoreShort(Segment.Data + Udp + 6, 0);
            uint32_t Length = Segment.Size - Udp;
            StoreShort(Last, (uint16_t)~Sum(Segment.Data + Udp, Length, Pseudo(Segment.Data, Length, 17)));
            free(Segment.Data);
        }
        SEGMENTER Segmenter;
        assert_true(Begin(&Segmenter, &Vnet, Super));
        uint8_t To[1100];
        while (SegmentsLeft(&Segmenter))
        {
            SegmentNext(&Segmenter, Super.Data, To);
            assert_int_equal(LoadShort(To + Udp + 6), 0xffff);
        }
        free(Super.Data);
    }
}

static void TestNoSuperPacket(void **State)
{
    uint32_t Tcp;
    PACKET Super = MakeTcp(false, true, 5000, &Tcp);
    VNET_HEADER Good = Offloaded(Super, Tcp, 1000);
    PACKET Saved = Copy(Super.Data, Super.Size);
    VNET_HEADER Vnet;
    SEGMENTER Segmenter;
#define REFUSED(Change)                                                                                                \
    Vnet = Good;                                                                                                       \
    Change;                                                                                                            \
    assert_false(Begin(&Segmenter, &Vnet, Super));                                                                     \
    memcpy(Super.Data, Saved.Data, Super.Size);                                                                        \
    assert_true(Begin(&Segmenter, &Good, Super))
    REFUSED(Vnet.GsoType = 0);
    REFUSED(Vnet.GsoType = VNET_GSO_ECN);
    REFUSED(Vnet.GsoType = 3); /* UFO */
    REFUSED(Vnet.GsoType = VNET_GSO_TCPV6);
    REFUSED(Vnet.GsoType = VNET_GSO_UDP);
    REFUSED(Vnet.GsoType |= 0x40);
    REFUSED(Vnet.Flags = 0);
    REFUSED(Vnet.Flags = VNET_DATA_VALID);
    REFUSED(Vnet.GsoSize = 0);
    REFUSED(Vnet.GsoSize = 65535);
    REFUSED(Vnet.ChecksumOffset = 6);
    REFUSED(Vnet.ChecksumStart = 0);
    REFUSED(Vnet.ChecksumStart = 24);
    REFUSED(Vnet.ChecksumStart = 65535);
    REFUSED(Super.Data[Tcp + 12] = 0x40);
    REFUSED(Super.Data[0] = 0x65);
    REFUSED(Super.Data[0] = 0x44);
    REFUSED(Super.Data[0] = 0x46);
    REFUSED(Super.Data[9] = 17);
    REFUSED(Super.Data[6] |= 0x20); /* more fragments */
    REFUSED(Super.Data[7] |= 1);    /* a later fragment */
    REFUSED(Super.Data[3] ^= 1);    /* a length of its own */
    assert_false(SegmentStart(&Segmenter, &Good, Super.Data, Super.Size, Super.Size, 4));
    assert_true(SegmentStart(&Segmenter, &Good, Super.Data, Super.Size, Super.Size, 5));
    free(Super.Data);
    free(Saved.Data);
    Super = MakeUdp(true, 5000, &Tcp);
    Saved = Copy(Super.Data, Super.Size);
    Good = Offloaded(Super, Tcp, 1000);
    REFUSED(Vnet.GsoType |= VNET_GSO_ECN);
    REFUSED(Vnet.GsoType = VNET_GSO_TCPV6);
    REFUSED(Vnet.ChecksumOffset = 16);
    REFUSED(Super.Data[6] = 44); /* a fragment */
    REFUSED(Super.Data[6] = 51); /* signed: not ours to change */
    REFUSED(Super.Data[5] ^= 1);
    REFUSED(Super.Data[Tcp + 5] ^= 1);
    free(Super.Data);
    free(Saved.Data);
    /* IPv6's headers end behind what is looked at. */
    Super = (PACKET){.Data = calloc(1, 3000), .Size = 3000};
    Super.Data[0] = 0x60;
    StoreShort(Super.Data + 4, 3000 - 40);
    Super.Data[6] = 60;
    memcpy(Super.Data + 40, (uint8_t[]){6, 24}, 2);
    Super.Data[240 + 12] = 0x50;
    Good = (VNET_HEADER){
        .Flags = 1, .GsoType = VNET_GSO_TCPV6, .GsoSize = 100, .ChecksumStart = 240, .ChecksumOffset = 16};
    assert_false(Begin(&Segmenter, &Good, Super));
    Super.Data[41] = 23;
    Super.Data[232 + 12] = 0x50;
    Good.ChecksumStart = 232;
    assert_true(Begin(&Segmenter, &Good, Super));
    Super.Data[232 + 12] = 0x60; /* options up to the end, and one more behind it */
    assert_true(Begin(&Segmenter, &Good, Super));
    Super.Data[232 + 12] = 0x70;
    assert_false(Begin(&Segmenter, &Good, Super));
    free(Super.Data);
    /* Cut anywhere within its headers, and at their end, where nothing is left to send. */
    for (uint32_t Round = 0; Round < 200; Round++)
    {
        Super = Round % 3 ? MakeTcp(Round & 1, Round & 2, 100, &Tcp) : MakeUdp(Round & 1, 100, &Tcp);
        Good = Offloaded(Super, Tcp, 10);
        uint32_t Header = Super.Size - 100;
        for (uint32_t Size = 1; Size <= Header; Size++)
        {
            PACKET Cut = Copy(Super.Data, Size);
            if (Size > 5)
                StoreShort(Cut.Data + (Round & 1 ? 4 : 2), Size - (Round & 1 ? 40 : 0));
            assert_false(Begin(&Segmenter, &Good, Cut));
            free(Cut.Data);
        }
        free(Super.Data);
    }
}

/* TCP and UDP, IPv4 and IPv6; UDP's 0 is 0xffff, TCP's stays 0. */
static void TestCompleteChecksum(void **State)
{
    for (uint32_t Round = 0; Round < 4000; Round++)
    {
        bool Ipv6 = Round & 1, Udp = Round & 2;
        uint32_t Start = Ipv6 ? 40 : 20, Offset = Udp ? 6 : 16, Size = Start + (Udp ? 8 : 20) + Random(1500);
        PACKET Packet = {.Data = malloc(Size), .Size = Size}, To = {.Data = malloc(Size), .Size = Size};
        RandomBytes(Packet.Data, Size);
        Packet.Data[0] = Ipv6 ? 0x60 : 0x45;
        uint8_t Protocol = Udp ? 17 : 6;
        if (Round % 16 < 4) /* make the sum 0xffff, so that the checksum would be 0 */
        {
            StoreShort(Packet.Data + Start + Offset, 0);
            StoreShort(Packet.Data + Start, 0);
            uint16_t Rest = Sum(Packet.Data + Start, Size - Start, Pseudo(Packet.Data, Size - Start, Protocol));
            StoreShort(Packet.Data + Start, (uint16_t)~Rest);
        }
        StoreShort(Packet.Data + Start + Offset, Pseudo(Packet.Data, Size - Start, Protocol));
        VNET_HEADER Vnet = {.Flags = 1, .ChecksumStart = (uint16_t)Start, .ChecksumOffset = (uint16_t)Offset};
        SegmentComplete(&Vnet, To.Data, Packet.Data, Size);
        if (Round % 16 < 4)
            assert_int_equal(LoadShort(To.Data + Start + Offset), Udp ? 0xffff : 0);
        assert_true(!Udp || LoadShort(To.Data + Start + Offset) != 0);
        assert_int_equal(Sum(To.Data + Start, Size - Start, Pseudo(To.Data, Size - Start, Protocol)), 0xffff);
        memcpy(Packet.Data + Start + Offset, To.Data + Start + Offset, 2);
        assert_memory_equal(To.Data, Packet.Data, Size);
        /* Nothing asked for, or nonsense: copied as it is. */
        VNET_HEADER Other[] = {{.Flags = 2},
                               {.Flags = 1, .ChecksumStart = (uint16_t)Size},
                               {.Flags = 1, .ChecksumStart = (uint16_t)(Size + 1)},
                               {.Flags = 1, .ChecksumStart = 4, .ChecksumOffset = (uint16_t)(Size - 5)},
                               {.Flags = 1, .ChecksumStart = 65535, .ChecksumOffset = 65535}};
        for (size_t I = 0; I < sizeof(Other) / sizeof(Other[0]); I++)
        {
            memset(To.Data, 0, Size);
            SegmentComplete(&Other[I], To.Data, Packet.Data, Size);
            assert_memory_equal(To.Data, Packet.Data, Size);
        }
        free(Packet.Data);
        free(To.Data);
    }
}

/* --- coalescing --------------------------------------------------------------------------------------------------- */

/* What a coalescer would have written: the header, and the parts together. */
static PACKET Written(COALESCER *Coalescer, VNET_HEADER *Vnet)
{
    LINUX_IOVEC Part[COALESCE_PARTS];
    uint32_t Parts = CoalesceParts(Coalescer, Vnet, Part), Size = 0;
    assert_in_range(Parts, 2, COALESCE_PARTS);
    assert_int_equal(Part[0].Length, sizeof(*Vnet));
    assert_ptr_equal(Part[0].Base, Vnet);
    for (uint32_t I = 1; I < Parts; I++)
        Size += (uint32_t)Part[I].Length;
    assert_int_equal(Size, Coalescer->Size);
    PACKET Packet = {.Data = malloc(Size), .Size = 0};
    for (uint32_t I = 1; I < Parts; I++)
    {
        memcpy(Packet.Data + Packet.Size, Part[I].Base, Part[I].Length);
        Packet.Size += (uint32_t)Part[I].Length;
    }
    CoalesceClear(Coalescer, Coalescer->Datagrams);
    return Packet;
}

/* Takes a super-packet apart into In; gives how many. */
static uint32_t Segments(PACKET Super, const VNET_HEADER *Vnet, PACKET *Into, uint32_t Room)
{
    static uint8_t Segment[65536];
    uint32_t Count = 0;
    SEGMENTER Segmenter;
    assert_true(Begin(&Segmenter, Vnet, Super));
    while (SegmentsLeft(&Segmenter))
    {
        assert_in_range(Count, 0, Room - 1);
        uint32_t Size = SegmentNext(&Segmenter, Super.Data, Segment);
        Into[Count++] = Copy(Segment, Size);
    }
    return Count;
}

static void CheckWritten(COALESCER *Coalescer, const PACKET *From, uint32_t *Compared)
{
    uint32_t Count = Coalescer->Count;
    if (!Count)
        return;
    VNET_HEADER Vnet;
    PACKET Out = Written(Coalescer, &Vnet);
    PACKET Again[COALESCE_SEGMENTS];
    if (Count == 1)
    {
        static const VNET_HEADER Nothing;
        assert_memory_equal(&Vnet, &Nothing, sizeof(Vnet));
        Again[0] = Copy(Out.Data, Out.Size);
    }
    else
        assert_int_equal(Segments(Out, &Vnet, Again, COALESCE_SEGMENTS), Count);
    for (uint32_t I = 0; I < Count; I++)
    {
        const PACKET *Was = &From[*Compared + I];
        assert_int_equal(Again[I].Size, Was->Size);
        if (Count > 1 && Was->Data[0] == 0x45 && (Was->Data[6] & 0x40))
        {
            /* The identification of such a packet has no meaning and may change, and the checksum with it. */
            memcpy(Again[I].Data + 4, Was->Data + 4, 2);
            memcpy(Again[I].Data + 10, Was->Data + 10, 2);
            assert_int_equal(Sum(Was->Data, 20, 0), 0xffff);
        }
        assert_memory_equal(Again[I].Data, Was->Data, Was->Size);
    }
    *Compared += Count;
    FreeAll(Again, Count);
    free(Out.Data);
}

/* Sends packets through a coalescer as the backend does, takes apart again what came out, and compares. Gives how many
 * writes it took. */
static uint32_t Roundtrip(const PACKET *Packets, uint32_t Count)
{
    uint32_t Compared = 0, Writes = 0;
    COALESCER Coalescer;
    CoalesceClear(&Coalescer, true);
    for (uint32_t I = 0; I < Count; I++)
    {
        if (CoalesceAdd(&Coalescer, Packets[I].Data, Packets[I].Size))
            continue;
        Writes += Coalescer.Count > 0;
        CheckWritten(&Coalescer, Packets, &Compared);
        if (CoalesceAdd(&Coalescer, Packets[I].Data, Packets[I].Size))
            continue;
        Writes++;
        Compared++; /* written as it is */
    }
    Writes += Coalescer.Count > 0;
    CheckWritten(&Coalescer, Packets, &Compared);
    assert_int_equal(Compared, Count);
    return Writes;
}

static void TestCoalesceSegmented(void **State)
{
    for (uint32_t Round = 0; Round < 1500; Round++)
    {
        uint32_t Tcp, Payload = 2 + Random(65000), SegmentSize = Payload / (1 + Random(COALESCE_SEGMENTS - 1)) + 1;
        PACKET Super = MakeTcp(Round & 1, true, Payload, &Tcp);
        VNET_HEADER Vnet = Offloaded(Super, Tcp, SegmentSize);
        if (SegmentSize + Vnet.HeaderLength >= Super.Size)
        {
            free(Super.Data);
            continue; /* one segment only: nothing to put together */
        }
        PACKET All[COALESCE_SEGMENTS];
        uint32_t Count = Segments(Super, &Vnet, All, COALESCE_SEGMENTS);
        COALESCER Coalescer;
        CoalesceClear(&Coalescer, true);
        for (uint32_t I = 0; I < Count; I++)
            assert_true(CoalesceAdd(&Coalescer, All[I].Data, All[I].Size));
        VNET_HEADER Got;
        PACKET Out = Written(&Coalescer, &Got);
        assert_memory_equal(&Got, &Vnet, sizeof(Vnet));
        assert_int_equal(Out.Size, Super.Size);
        /* The super-packet's own IPv4 checksum counts too. */
        assert_memory_equal(Out.Data, Super.Data, Super.Size);
        FreeAll(All, Count);
        free(Super.Data);
        free(Out.Data);
    }
}

/* Segments of one plain packet, so many of 500 bytes and a last one of 400. */
static uint32_t MakeFlow(bool Ipv6, PACKET *All, uint32_t Count, uint32_t *Tcp)
{
    PACKET Super = MakeTcp(Ipv6, true, 500 * Count - 100, Tcp);
    VNET_HEADER Vnet = Offloaded(Super, *Tcp, 500);
    uint32_t Made = Segments(Super, &Vnet, All, Count);
    assert_int_equal(Made, Count);
    free(Super.Data);
    return Made;
}

static void TestLongFlow(void **State)
{
    for (int Ipv6 = 0; Ipv6 < 2; Ipv6++)
    {
        PACKET All[128];
        uint32_t Tcp;
        MakeFlow(Ipv6, All, 128, &Tcp);
        assert_int_equal(Roundtrip(All, 128), 2);
        FreeAll(All, 128);
    }
}

/* A flow without gaps whose segments are of any size and pushed anywhere, more than one packet holds, with every way of
 * identification: only what segmentation makes again is put together. */
static void TestCut(void **State)
{
    for (uint32_t Round = 0; Round < 3000; Round++)
    {
        uint32_t Tcp, Usual = 1 + Random(Random(2) ? 3000 : 60), Id = Random(65536), Mode = Random(3);
        PACKET First = MakeTcp(Random(2), true, 1, &Tcp);
        uint32_t Header = First.Size - 1, Sequence = LoadLong(First.Data + Tcp + 4);
        PACKET Stream[40];
        for (uint32_t I = 0; I < 40; I++)
        {
            uint32_t Payload = Random(8) ? Usual : 1 + Random(2 * Usual);
            Stream[I] = (PACKET){.Data = malloc(Header + Payload), .Size = Header + Payload};
            uint8_t *P = Stream[I].Data;
            memcpy(P, First.Data, Header);
            RandomBytes(P + Header, Payload);
            if (Tcp == 20 && Mode) /* none, counting up, any */
                StoreShort(P + 4, Mode == 1 ? Id + I : Random(65536));
            StoreLong(P + Tcp + 4, Sequence);
            P[Tcp + 13] = TCP_ACK | (Random(10) ? 0 : TCP_PSH);
            Sequence += Payload;
            Finish(P, Stream[I].Size, Tcp);
        }
        Roundtrip(Stream, 40);
        FreeAll(Stream, 40);
        free(First.Data);
    }
}

/* One packet of four is changed, its checksums made right again where the change is not the checksum itself: nothing
 * may be put together with it on the side where it is different. */
enum
{
    ChangeIpChecksum,
    ChangeTcpChecksum,
    ChangePayload, /* and no checksum */
    ChangeTtl,
    ChangeTos,
    ChangeFragment,
    ChangeReserved,
    ChangeDf,
    ChangeId,
    ChangeSource,
    ChangeDestination,
    ChangePort,
    ChangeSequence,
    ChangeAck,
    ChangeWindow,
    ChangeUrgent,
    ChangeReservedTcp,
    ChangeFin,
    ChangeSyn,
    ChangeRst,
    ChangeNoAck,
    ChangeUrg,
    ChangeEce,
    ChangeCwr,
    ChangeOption,
    ChangeProtocol,
    Changes
};

static void Change(PACKET *Packet, uint32_t What)
{
    uint8_t *P = Packet->Data;
    bool Ipv6 = P[0] >> 4 == 6;
    uint32_t Tcp = Ipv6 ? 40 : 20;
    switch (What)
    {
    case ChangeIpChecksum:
        P[Ipv6 ? Tcp + 17 : 11] ^= 1; /* IPv6 has none: TCP's, then */
        return;
    case ChangeTcpChecksum:
        P[Tcp + 16] ^= 0x10;
        return;
    case ChangePayload:
        P[Packet->Size - 1] ^= 1;
        return;
    case ChangeTtl:
        P[Ipv6 ? 7 : 8]++;
        break;
    case ChangeTos:
        P[1] ^= 0x10;
        break;
    case ChangeFragment:
        P[Ipv6 ? 6 : 7] ^= Ipv6 ? 44 ^ 6 : 3;
        break;
    case ChangeReserved:
        P[Ipv6 ? 3 : 6] ^= 0x80;
        break;
    case ChangeDf:
        P[Ipv6 ? 2 : 6] ^= Ipv6 ? 1 : 0x40;
        break;
    case ChangeId:
        P[Ipv6 ? 1 : 4] ^= 0x08;
        break;
    case ChangeSource:
        P[Ipv6 ? 8 : 12] ^= 1;
        break;
    case ChangeDestination:
        P[Tcp - 1] ^= 1;
        break;
    case ChangePort:
        P[Tcp + Random(4)] ^= 1;
        break;
    case ChangeSequence:
        P[Tcp + 7] ^= (uint8_t)(1 + Random(255));
        break;
    case ChangeAck:
        P[Tcp + 11]++;
        break;
    case ChangeWindow:
        P[Tcp + 14]++;
        break;
    case ChangeUrgent:
        P[Tcp + 19]++;
        break;
    case ChangeReservedTcp:
        P[Tcp + 12] ^= 1;
        break;
    case ChangeFin:
        P[Tcp + 13] ^= 1;
        break;
    case ChangeSyn:
        P[Tcp + 13] ^= 2;
        break;
    case ChangeRst:
        P[Tcp + 13] ^= 4;
        break;
    case ChangeNoAck:
        P[Tcp + 13] ^= 0x10;
        break;
    case ChangeUrg:
        P[Tcp + 13] ^= 0x20;
        break;
    case ChangeEce:
        P[Tcp + 13] ^= 0x40;
        break;
    case ChangeCwr:
        P[Tcp + 13] ^= 0x80;
        break;
    case ChangeOption:
        P[Tcp + 20] ^= 1; /* the payload, where there are no options */
        break;
    case ChangeProtocol:
        P[Ipv6 ? 6 : 9] ^= 1;
        break;
    }
    Finish(P, Packet->Size, Tcp);
}

static void TestOneChanged(void **State)
{
    for (uint32_t Round = 0; Round < 40 * Changes * 4; Round++)
    {
        uint32_t What = Round % Changes, Which = Round / Changes % 4;
        bool Ipv6 = Random(2);
        PACKET All[4];
        uint32_t Tcp;
        MakeFlow(Ipv6, All, 4, &Tcp);
        bool Options = All[0].Data[Tcp + 12] >> 4 > 5;
        Change(&All[Which], What);
        uint32_t Writes = Roundtrip(All, 4);
        /* The changed one is alone, the others are at most two groups. */
        uint32_t Wanted = Which == 0 || Which == 3 ? 2 : 3;
        if (What == ChangeOption && !Options)
            Wanted = 1;
        assert_true(Writes >= Wanted);
        FreeAll(All, 4);
    }
}

/* What may never be put together, even where all packets agree on it. */
static void TestAllChanged(void **State)
{
    static const uint32_t Never[] = {
        ChangeIpChecksum, ChangeTcpChecksum, ChangePayload,  ChangeFragment, ChangeReservedTcp,
        ChangeFin,        ChangeSyn,         ChangeRst,      ChangeNoAck,    ChangeUrg,
        ChangeEce,        ChangeCwr,         ChangeProtocol,
    };
    for (uint32_t Round = 0; Round < 40 * sizeof(Never) / sizeof(Never[0]); Round++)
    {
        PACKET All[4];
        uint32_t Tcp;
        MakeFlow(Round & 1, All, 4, &Tcp);
        for (uint32_t I = 0; I < 4; I++)
            Change(&All[I], Never[Round / 40]);
        assert_int_equal(Roundtrip(All, 4), 4);
        FreeAll(All, 4);
        /* More bytes than the header says; IPv4 options, in which TCP's header would be looked for. */
        MakeFlow(Round & 1, All, 4, &Tcp);
        for (uint32_t I = 0; I < 4; I++)
        {
            StoreShort(All[I].Data + (Tcp == 40 ? 4 : 2), All[I].Size - 1 - (Tcp == 40 ? 40 : 0));
            if (Tcp == 20)
            {
                All[I].Data[0] = Round & 2 ? 0x46 : 0x45;
                StoreShort(All[I].Data + 2, All[I].Size - (Round & 2 ? 0 : 1));
                StoreShort(All[I].Data + 10, 0);
                StoreShort(All[I].Data + 10, (uint16_t)~Sum(All[I].Data, 20, 0));
            }
        }
        assert_int_equal(Roundtrip(All, 4), 4);
        FreeAll(All, 4);
    }
    /* Each bit of IPv4's fragment field, of which only DF leaves a packet whole. */
    for (uint32_t Bit = 0; Bit < 16; Bit++)
    {
        PACKET All[4];
        uint32_t Tcp;
        MakeFlow(false, All, 4, &Tcp);
        for (uint32_t I = 0; I < 4; I++)
        {
            StoreShort(All[I].Data + 6, 1u << Bit);
            Finish(All[I].Data, All[I].Size, Tcp);
        }
        assert_int_equal(Roundtrip(All, 4), Bit == 14 ? 1 : 4);
        FreeAll(All, 4);
    }
}

static void TestOrder(void **State)
{
    PACKET All[6];
    uint32_t Tcp;
    MakeFlow(false, All, 6, &Tcp);
    PACKET Other[6];
    MakeFlow(true, Other, 6, &Tcp);
    assert_int_equal(Roundtrip(All, 6), 1);
    /* A gap; a packet twice; two in the wrong order; the first of all last. */
    assert_int_equal(Roundtrip((PACKET[]){All[0], All[1], All[3], All[4]}, 4), 2);
    assert_int_equal(Roundtrip((PACKET[]){All[0], All[1], All[1], All[2]}, 4), 2);
    assert_int_equal(Roundtrip((PACKET[]){All[0], All[2], All[1], All[3]}, 4), 4);
    assert_int_equal(Roundtrip((PACKET[]){All[1], All[2], All[0]}, 3), 2);
    /* A shorter one ends it, a longer one does not join. */
    assert_int_equal(Roundtrip((PACKET[]){All[5], All[0], All[1]}, 3), 2);
    PACKET Mixed[12];
    /* Two flows in turn: each packet alone, in the order in which they came. */
    for (uint32_t I = 0; I < 12; I++)
        Mixed[I] = I % 2 ? Other[I / 2] : All[I / 2];
    assert_int_equal(Roundtrip(Mixed, 12), 12);
    FreeAll(All, 6);
    FreeAll(Other, 6);
}

/* Streams of a few flows, segments cut at random, with any of the changes, losses, repetitions and plain garbage. */
static void TestStreams(void **State)
{
    uint64_t Packets = 0, Writes = 0;
    for (uint32_t Round = 0; Round < 1500; Round++)
    {
        uint32_t Count = 0, Clean = Random(2);
        PACKET Stream[STREAM];
        while (Count < STREAM - 80)
        {
            uint32_t Tcp, Payload = 1 + Random(30000), Begin = Count;
            PACKET Super = MakeTcp(Random(2), Random(8), Payload, &Tcp);
            VNET_HEADER Vnet = Offloaded(Super, Tcp, Payload / (1 + Random(40)) + 1);
            Count += Segments(Super, &Vnet, Stream + Count, STREAM - Count);
            free(Super.Data);
            for (uint32_t Times = Clean ? 0 : Random(4); Times--;)
            {
                uint32_t I = Begin + Random(Count - Begin), J = Begin + Random(Count - Begin);
                PACKET Swapped = Stream[I];
                if (Swapped.Size == 0)
                    continue; /* cut to nothing before */
                uint32_t Ip = Swapped.Data[0] >> 4 == 6 ? 40 : 20;
                switch (Random(4))
                {
                case 0: /* another place */
                    Stream[I] = Stream[J];
                    Stream[J] = Swapped;
                    break;
                case 1: /* any bit */
                    Stream[I].Data[Random(Stream[I].Size)] ^= (uint8_t)(1 << Random(8));
                    break;
                case 2: /* cut, and in a block of that size */
                    Stream[I] = Copy(Swapped.Data, Random(Swapped.Size));
                    free(Swapped.Data);
                    break;
                default:
                    if (Stream[I].Size > Ip + 20 && (Ip == 40 ? Stream[I].Data[6] == 6 : Stream[I].Data[0] == 0x45))
                        Change(&Stream[I], Random(Changes));
                }
            }
        }
        Packets += Count;
        Writes += Roundtrip(Stream, Count);
        FreeAll(Stream, Count);
    }
    /* It would prove little if hardly any were put together. */
    assert_true(Packets > 4 * Writes);
}

/* Datagrams of one flow, of so many bytes of payload and the last of Last, identified one after the other. */
static uint32_t MakeDatagrams(bool Ipv6, PACKET *All, uint32_t Count, uint32_t Payload, uint32_t Last)
{
    uint32_t Ip = Ipv6 ? 40 : 20, Id = Random(65536);
    uint8_t Header[48];
    RandomBytes(Header, sizeof(Header));
    Header[0] = Ipv6 ? 0x60 : 0x45;
    if (!Ipv6)
        Header[6] = Random(2) ? 0x40 : 0;
    Header[Ipv6 ? 6 : 7] = Ipv6 ? 17 : 0;
    if (!Ipv6)
        Header[9] = 17;
    for (uint32_t I = 0; I < Count; I++)
    {
        All[I].Size = Ip + 8 + (I + 1 < Count ? Payload : Last);
        All[I].Data = malloc(All[I].Size);
        memcpy(All[I].Data, Header, Ip + 8);
        RandomBytes(All[I].Data + Ip + 8, All[I].Size - Ip - 8);
        if (!Ipv6)
            StoreShort(All[I].Data + 4, Id + I);
        FinishUdp(All[I].Data, All[I].Size, Ip);
    }
    return Ip;
}

static void TestDatagrams(void **State)
{
    for (uint32_t Round = 0; Round < 1000; Round++)
    {
        bool Ipv6 = Round & 1;
        uint32_t Payload = 1 + Random(1400), Last = 1 + Random(Payload), Fit = 65487 / Payload;
        uint32_t Count = 2 + Random((Fit < COALESCE_SEGMENTS ? Fit : COALESCE_SEGMENTS) - 1);
        PACKET All[COALESCE_SEGMENTS];
        uint32_t Udp = MakeDatagrams(Ipv6, All, Count, Payload, Last);
        assert_int_equal(Roundtrip(All, Count), 1);
        COALESCER TcpOnly;
        CoalesceClear(&TcpOnly, false);
        assert_false(CoalesceAdd(&TcpOnly, All[0].Data, All[0].Size));
        /* One is changed: it is alone. */
        uint32_t Which = Random(Count), What = Random(7);
        uint8_t *P = All[Which].Data;
        switch (What)
        {
        case 0: /* no checksum */
            StoreShort(P + Udp + 6, 0);
            break;
        case 1: /* a wrong one */
            P[Udp + 6] ^= 0x10;
            break;
        case 2: /* other bytes */
            P[All[Which].Size - 1] ^= 1;
            break;
        case 3:
            P[Udp + Random(4)] ^= 1;
            FinishUdp(P, All[Which].Size, Udp);
            break;
        case 4: /* TTL or hop limit */
            P[Ipv6 ? 7 : 8] ^= 1;
            FinishUdp(P, All[Which].Size, Udp);
            break;
        case 5: /* a length that is not the packet's */
            StoreShort(P + Udp + 4, All[Which].Size - Udp - 1);
            break;
        case 6: /* a destination address */
            P[Udp - 1] ^= 1;
            FinishUdp(P, All[Which].Size, Udp);
            break;
        }
        assert_true(Roundtrip(All, Count) >= (Which == 0 || Which == Count - 1 ? 2 : 3));
        FreeAll(All, Count);
    }
    /* A shorter one ends it; a longer one begins another; more than so many, or than 64 KiB, are not put together. */
    PACKET All[128];
    MakeDatagrams(false, All, 4, 500, 400);
    assert_int_equal(Roundtrip((PACKET[]){All[3], All[0], All[1]}, 3), 2);
    FreeAll(All, 4);
    MakeDatagrams(true, All, 128, 10, 10);
    assert_int_equal(Roundtrip(All, 128), 2);
    FreeAll(All, 128);
    MakeDatagrams(false, All, 48, 1400, 1400);
    assert_int_equal(Roundtrip(All, 48), 2);
    FreeAll(All, 48);
    /* No payload at all; TCP among them. */
    MakeDatagrams(false, All, 2, 1, 0);
    assert_int_equal(Roundtrip(All, 2), 2);
    FreeAll(All, 2);
    PACKET Tcp[2];
    uint32_t Ip;
    MakeFlow(false, Tcp, 2, &Ip);
    MakeDatagrams(false, All, 2, 500, 500);
    assert_int_equal(Roundtrip((PACKET[]){All[0], All[1], Tcp[0], Tcp[1]}, 4), 2);
    assert_int_equal(Roundtrip((PACKET[]){Tcp[0], All[0], Tcp[1], All[1]}, 4), 4);
    FreeAll(Tcp, 2);
    FreeAll(All, 2);
}

/* Bytes without any sense, but for the fields that would make it an eligible packet. */
static void TestGarbage(void **State)
{
    for (uint32_t Round = 0; Round < 60000; Round++)
    {
        uint32_t Size = Random(Random(2) ? 200 : 70);
        PACKET Packet = {.Data = malloc(Size ? Size : 1), .Size = Size};
        RandomBytes(Packet.Data, Size);
        if (Size > 33 && Random(4))
        {
            bool Ipv6 = Random(2);
            Packet.Data[0] = Ipv6 ? 0x60 : 0x45;
            Packet.Data[Ipv6 ? 6 : 9] = Random(2) ? 6 : 17;
            StoreShort(Packet.Data + (Ipv6 ? 4 : 2), Ipv6 ? Size - 40 : Size);
            Packet.Data[7] = 0;
            Packet.Data[33] = TCP_ACK;
        }
        COALESCER Coalescer;
        CoalesceClear(&Coalescer, true);
        if (CoalesceAdd(&Coalescer, Packet.Data, Packet.Size))
            CoalesceAdd(&Coalescer, Packet.Data, Packet.Size);
        VNET_HEADER Vnet;
        RandomBytes((uint8_t *)&Vnet, sizeof(Vnet));
        if (Size && Random(4))
        {
            Vnet.Flags = 1;
            Vnet.GsoType = (uint8_t[]){VNET_GSO_TCPV4, VNET_GSO_TCPV6, VNET_GSO_UDP}[Random(3)];
            Vnet.ChecksumStart = (uint16_t)(Packet.Data[0] >> 4 == 6 ? 40 : (Packet.Data[0] & 15) * 4);
            Vnet.ChecksumOffset = Vnet.GsoType == VNET_GSO_UDP ? 6 : 16;
            if (Vnet.GsoType == VNET_GSO_UDP && Size > 46 && Vnet.ChecksumStart + 8u <= Size)
            {
                Packet.Data[Packet.Data[0] >> 4 == 6 ? 6 : 9] = 17;
                StoreShort(Packet.Data + Vnet.ChecksumStart + 4, Size - Vnet.ChecksumStart);
            }
            Vnet.GsoSize &= 63;
        }
        SEGMENTER Segmenter;
        uint8_t To[300];
        if (Size && Begin(&Segmenter, &Vnet, Packet))
        {
            uint32_t Count = SegmentsLeft(&Segmenter);
            assert_in_range(Count, 1, Size);
            for (; Count; Count--)
                assert_in_range(SegmentNext(&Segmenter, Packet.Data, To), 29, Size);
            assert_int_equal(SegmentsLeft(&Segmenter), 0);
        }
        SegmentComplete(&Vnet, To, Packet.Data, Packet.Size);
        free(Packet.Data);
    }
}

int main(int Count, char **Arguments)
{
    const struct CMUnitTest Tests[] = {
        cmocka_unit_test(TestChecksum),
        cmocka_unit_test(TestSegment),
        cmocka_unit_test(TestUdpZero),
        cmocka_unit_test(TestNoSuperPacket),
        cmocka_unit_test(TestCompleteChecksum),
        cmocka_unit_test(TestCoalesceSegmented),
        cmocka_unit_test(TestLongFlow),
        cmocka_unit_test(TestOneChanged),
        cmocka_unit_test(TestOrder),
        cmocka_unit_test(TestCut),
        cmocka_unit_test(TestAllChanged),
        cmocka_unit_test(TestStreams),
        cmocka_unit_test(TestDatagrams),
        cmocka_unit_test(TestGarbage),
    };
    Seed = Count > 1 ? strtoull(Arguments[1], NULL, 0) : (uint64_t)time(NULL);
    printf("offload: seed %llu\n", (unsigned long long)Seed);
    return cmocka_run_group_tests(Tests, NULL, NULL);
}
