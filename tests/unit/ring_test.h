/* SPDX-License-Identifier: MIT */
/*
 * What ring.c (one thread) and ring_threads.c (two) share: a ring in guarded memory with both its sides.
 */
#ifndef TESTS_UNIT_RING_TEST_H
#define TESTS_UNIT_RING_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "ring/ring.h"

#define TEST_PAGE 4096u

typedef struct _TEST_RING
{
    uint8_t *Mapping;
    size_t MappingSize;
    uint32_t Capacity;
    RING *Ring;
    RING_SIDE Producer, Consumer;
} TEST_RING;

/* Maps a ring whose memory ends where a page begins that nobody may touch; another such page stands before it. */
static inline void TestRingMake(TEST_RING *Test, uint32_t Capacity)
{
    size_t Pages = (RingMemorySize(Capacity) + TEST_PAGE - 1) / TEST_PAGE * TEST_PAGE;
    Test->Capacity = Capacity;
    Test->MappingSize = Pages + 2 * TEST_PAGE;
    Test->Mapping = mmap(NULL, Test->MappingSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (Test->Mapping == MAP_FAILED || mprotect(Test->Mapping + TEST_PAGE, Pages, PROT_READ | PROT_WRITE) != 0)
        abort();
    Test->Ring = (RING *)(void *)(Test->Mapping + TEST_PAGE + Pages - RingMemorySize(Capacity));
    RingAttach(&Test->Producer, Test->Ring, Capacity);
    RingAttach(&Test->Consumer, Test->Ring, Capacity);
}

static inline void TestRingFree(TEST_RING *Test)
{
    munmap(Test->Mapping, Test->MappingSize);
}

/* Empties the ring and lets both sides begin at Start, as if they had come there by themselves. */
static inline void TestRingStart(TEST_RING *Test, uint32_t Start)
{
    RING_SIDE Side = {.Ring = Test->Ring, .Capacity = Test->Capacity, .Own = Start, .Next = Start, .Other = Start};
    memset(Test->Ring, 0, sizeof(*Test->Ring));
    atomic_store(&Test->Ring->Tail, Start);
    atomic_store(&Test->Ring->Head, Start);
    Test->Producer = Test->Consumer = Side;
}

/* xorshift64*: the same numbers on every run. */
static inline uint32_t TestRandom(uint64_t *Seed)
{
    *Seed ^= *Seed >> 12;
    *Seed ^= *Seed << 25;
    *Seed ^= *Seed >> 27;
    return (uint32_t)(*Seed * 0x2545f4914f6cdd1du >> 32);
}

void StreamArrivesWholeAndInOrder(void **State);
void NoWakeUpIsLost(void **State);

#endif
