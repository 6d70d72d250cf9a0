/* SPDX-License-Identifier: MIT */
/*
 * What travels in the tests' packets: a flow, a sequence number, and a checksum over a filling that differs from packet
 * to packet, so that a packet cut short, mixed up with another, or delivered twice is seen. Used by traffic.c (Linux)
 * and peer.c (Windows). One thread per TEST_FLOW.
 */
#ifndef E2E_PACKET_H
#define E2E_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#define TEST_MAGIC    0x504c5400u /* "PLT", then the flow's number */
#define TEST_PROTOCOL 253         /* of packets that are a header only; RFC 3692's number for experiments */
#define TEST_PORT     7
#define TEST_FLOWS    256

typedef struct _TEST_PAYLOAD
{
    uint32_t Flow; /* TEST_MAGIC | number */
    uint32_t Sequence;
    uint64_t Sum;
    uint64_t Fill[];
} TEST_PAYLOAD;

/* What one receiver has seen of a flow. */
typedef struct _TEST_FLOW
{
    uint64_t Received, Corrupt, Reordered; /* packets */
    uint32_t Next;                         /* the sequence number that is due */
} TEST_FLOW;

/* Four sums side by side, because one would wait for its own multiplication at every word. */
static inline uint64_t TestSum(const TEST_PAYLOAD *Payload, size_t Size)
{
    uint64_t Sums[4] = {Payload->Sequence, Payload->Flow, Size, 1}, Tail = 0;
    size_t Words = (Size - sizeof(*Payload)) / 8, Rest = (Size - sizeof(*Payload)) % 8;
    for (size_t i = 0; i < Words; i++)
        Sums[i % 4] = (Sums[i % 4] ^ Payload->Fill[i]) * 0x9e3779b97f4a7c15u;
    memcpy(&Tail, &Payload->Fill[Words], Rest);
    return (Sums[0] ^ Sums[1] >> 7 ^ Sums[2] >> 13 ^ Sums[3] >> 19) * 0x9e3779b97f4a7c15u + Tail;
}

/* Size: bytes, at least sizeof(TEST_PAYLOAD). */
static inline void TestFill(TEST_PAYLOAD *Payload, size_t Size, uint32_t Flow, uint32_t Sequence)
{
    Payload->Flow = TEST_MAGIC | Flow;
    Payload->Sequence = Sequence;
    size_t Words = (Size - sizeof(*Payload)) / 8;
    for (size_t i = 0; i < Words; i++)
        Payload->Fill[i] = (Sequence + i) * 0xff51afd7ed558ccdu;
    memset(&Payload->Fill[Words], (int)Sequence, (Size - sizeof(*Payload)) % 8);
    Payload->Sum = TestSum(Payload, Size);
}

static inline bool TestIsOurs(const TEST_PAYLOAD *Payload, size_t Size)
{
    return Size >= sizeof(*Payload) && (Payload->Flow & 0xffffff00u) == TEST_MAGIC;
}

/* Checks a payload for which TestIsOurs holds. A gap is no fault of order: who sends knows how many must arrive. */
static inline void TestCheck(TEST_FLOW *Flow, const TEST_PAYLOAD *Payload, size_t Size)
{
    Flow->Received++;
    if (Payload->Sum != TestSum(Payload, Size))
        Flow->Corrupt++;
    else if (Payload->Sequence < Flow->Next)
        Flow->Reordered++;
    else
        Flow->Next = Payload->Sequence + 1;
}

#endif
