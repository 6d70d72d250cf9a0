/* SPDX-License-Identifier: MIT */
/*
 * Target segment: ring/segment.h with a virtio-net header and a packet that say what they like, the packet in memory of exactly
 * its size, of which only the beginning may have been given. Its headers may change at any time: they are copied, and but for
 * the copy never looked at. What is cut is what it was, in segments of which each is a packet whose checksums are right. One
 * thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include "library/coalesce.h"
#include "tests/fuzz/input.h"

#define CHECK(Condition)                                                                                               \
    do                                                                                                                 \
    {                                                                                                                  \
        if (!(Condition))                                                                                              \
        {                                                                                                              \
            fprintf(stderr, "VIOLATION: %s:%d: %s\n", __FILE__, __LINE__, #Condition);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size);

static const uint8_t *Head, *HeadEnd; /* what must be copied only */

/* Before each load, but for those of a copy: "SanitizerCoverage", Tracing loads and stores. */
#define LOAD(Name, Type)                                                                                               \
    void Name(Type *Address);                                                                                          \
    __attribute__((no_sanitize("coverage"))) void Name(Type *Address)                                                  \
    {                                                                                                                  \
        CHECK((const uint8_t *)Address < Head || (const uint8_t *)Address >= HeadEnd);                                 \
    }
LOAD(__sanitizer_cov_load1, uint8_t)
LOAD(__sanitizer_cov_load2, uint16_t)
LOAD(__sanitizer_cov_load4, uint32_t)
LOAD(__sanitizer_cov_load8, uint64_t)
LOAD(__sanitizer_cov_load16, __int128)

/* The sum of the pseudo-header of Length bytes from Transport on, a word as it lies in memory. */
static uint64_t Pseudo(const uint8_t *Packet, uint32_t Length, uint8_t Protocol)
{
    int Ipv6 = Packet[0] >> 4 == 6;
    return ChecksumAdd(Packet + (Ipv6 ? 8 : 12), Ipv6 ? 32 : 8, 0) + ChecksumShort(Length) + ChecksumShort(Protocol);
}

/* Makes a packet that is nearly right, so that more than its first byte is looked at. */
static void Plausible(uint8_t *Packet, uint32_t Size, VNET_HEADER *Vnet, FUZZ *Input)
{
    uint32_t Kind = FuzzByte(Input);
    uint32_t At = Kind & 1 ? IPV6_HEADER : IPV4_HEADER;
    int Udp = Kind >> 1 & 1;
    if (Size < At + TCP_HEADER)
        return;
    uint8_t Protocol = Udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP;
    if (Kind & 1)
    {
        Packet[0] = 0x60;
        StoreShort(Packet + 4, Size - IPV6_HEADER);
        Packet[6] = Protocol;
        if (Kind & 4 &&
            Size >= SEGMENT_HEADERS + TCP_HEADER) /* a header before it, which may be longer than what is looked at */
        {
            static const uint8_t Types[] = {0, 43, 60, 44};
            Packet[6] = Types[FuzzByte(Input) & 3];
            Packet[At] = Kind & 8 ? Packet[6] : Protocol;
            Packet[At + 1] = FuzzByte(Input) & 31;
            At += (Packet[At + 1] + 1u) * 8;
            if (At + TCP_HEADER > Size)
                return;
        }
    }
    else
    {
        Packet[0] = 0x45;
        StoreShort(Packet + 2, Size);
        Packet[6] = Packet[7] = 0;
        Packet[9] = Protocol;
        if (Kind & 4 && Size >= 60 + TCP_HEADER)
        {
            Packet[0] = 0x4f;
            At = 60;
        }
    }
    if (Udp)
        StoreShort(Packet + At + 4, Size - At);
    else
        Packet[At + 12] = (uint8_t)((5 + FuzzByte(Input) % 11) << 4);
    StoreShort(Packet + At + (Udp ? 6 : 16), ChecksumShort(ChecksumFold(Pseudo(Packet, Size - At, Protocol))));
    *Vnet = (VNET_HEADER){.Flags = VNET_NEEDS_CHECKSUM,
                          .GsoType = Udp        ? VNET_GSO_UDP
                                     : Kind & 1 ? VNET_GSO_TCPV6
                                                : VNET_GSO_TCPV4,
                          .GsoSize = (uint16_t)(1 + FuzzWord(Input)),
                          .ChecksumStart = (uint16_t)At,
                          .ChecksumOffset = Udp ? 6 : 16};
}

static void Cut(const VNET_HEADER *Vnet, uint8_t *Packet, uint32_t Size, uint32_t Most, int Change)
{
    /* No more of the headers than who cuts is said to look at. */
    uint32_t Have = Size < SEGMENT_HEADERS ? Size : SEGMENT_HEADERS;
    uint8_t *Beginning = malloc(Have ? Have : 1);
    if (Have)
        memcpy(Beginning, Packet, Have);
    Head = Beginning;
    HeadEnd = Beginning + Have;
    SEGMENTER *Segmenter = malloc(sizeof(*Segmenter)); /* so that what lies behind it is watched */
    bool Started = SegmentStart(Segmenter, Vnet, Beginning, Have, Size, Most);
    Head = HeadEnd = NULL;
    free(Beginning);
    if (!Started)
    {
        free(Segmenter);
        return;
    }
    uint32_t Length = Segmenter->HeaderLength, At = Segmenter->Transport, Done = Length,
             Field = At + Vnet->ChecksumOffset;
    uint8_t Protocol = Segmenter->Udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP;
    uint16_t Given;
    memcpy(&Given, Segmenter->Header + Field, 2);
    /* Does the field hold what it should? Then what comes out is right; one that lies makes segments that are wrong. */
    bool Honest = ChecksumFold(Pseudo(Segmenter->Header, Size - At, Protocol)) == Given;
    if (Change)
        memset(Packet, 0xee, Length);
    CHECK(Length < Size && SegmentsLeft(Segmenter) >= 1 && SegmentsLeft(Segmenter) <= Most);
    for (uint32_t Left = SegmentsLeft(Segmenter); Left; Left--)
    {
        CHECK(SegmentsLeft(Segmenter) == Left);
        uint32_t Bytes = SegmentSize(Segmenter), Payload = Bytes - Length;
        CHECK(Bytes > Length && Payload <= Vnet->GsoSize && (Left == 1 || Payload == Vnet->GsoSize));
        uint8_t *Segment = malloc(Bytes);
        CHECK(SegmentNext(Segmenter, Packet, Segment) == Bytes);
        CHECK(memcmp(Segment + Length, Packet + Done, Payload) == 0);
        uint8_t Seen;
        CHECK(SegmentTransport(Segment, Bytes, Bytes, &Seen) == At && Seen == Protocol);
        CHECK(Segmenter->Ipv6 || ChecksumFold(ChecksumAdd(Segment, At, 0)) == 0xffff);
        CHECK(!Honest ||
              ChecksumFold(ChecksumAdd(Segment + At, Bytes - At, Pseudo(Segment, Bytes - At, Protocol))) == 0xffff);
        Done += Payload;
        free(Segment);
    }
    CHECK(Done == Size && SegmentsLeft(Segmenter) == 0);
    free(Segmenter);
}

int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size)
{
    FUZZ Input = {Data, Data + Size};
    uint32_t How = FuzzByte(&Input), Length = How & 1 ? FuzzLength(&Input) : FuzzWord(&Input) % 6000, Most = 1;
    Most += How & 2 ? FuzzByte(&Input) : 255;
    uint8_t *Packet = malloc(Length ? Length : 1), *To = malloc(Length ? Length : 1);
    memset(Packet, 0x5a, Length);
    VNET_HEADER Vnet = {0};
    if (How & 4)
        Plausible(Packet, Length, &Vnet, &Input);
    else
        FuzzFill(&Input, &Vnet, sizeof(Vnet));
    if (How & 8) /* one byte of the header is something else */
        ((uint8_t *)&Vnet)[FuzzByte(&Input) % sizeof(Vnet)] = (uint8_t)FuzzByte(&Input);
    if (How & 16 && Length) /* some bytes of the packet are */
        for (uint32_t Count = 1 + FuzzByte(&Input) % 4; Count; Count--)
            Packet[FuzzByte(&Input) % Length] = (uint8_t)FuzzByte(&Input);
    for (uint32_t At = How & 32 ? FuzzByte(&Input) : Length; At < Length && FuzzMore(&Input); At++)
        Packet[At] = (uint8_t)FuzzByte(&Input);
    SegmentComplete(&Vnet, To, Packet, Length);
    Cut(&Vnet, Packet, Length, Most, How & 64);
    free(Packet);
    free(To);
    return 0;
}
