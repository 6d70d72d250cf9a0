/* SPDX-License-Identifier: MIT */
/*
 * The Internet checksum (RFC 1071). Sums are of 16-bit words as they lie in memory, so that they may be added up in any
 * width and order and are stored without swapping bytes: 32-bit words into 64 bits, which cannot overflow within a
 * packet and which compilers turn into vector instructions. Pure functions.
 */
#ifndef PLAINTUN_CHECKSUM_H
#define PLAINTUN_CHECKSUM_H

#include <stdint.h>

/* Adds Size bytes to Sum. What precedes them in the same sum has an even length. */
static inline uint64_t ChecksumAdd(const void *Data, uint32_t Size, uint64_t Sum)
{
    const uint8_t *Bytes = Data;
    uint32_t Word = 0;
    for (; Size >= 4; Size -= 4, Bytes += 4)
    {
        __builtin_memcpy(&Word, Bytes, 4);
        Sum += Word;
    }
    Word = 0;
    for (uint32_t I = 0; I < Size; I++)
        Word |= (uint32_t)Bytes[I] << (8 * I);
    return Sum + Word;
}

/* The same, and copies the bytes in the same pass. */
static inline uint64_t ChecksumCopy(void *restrict To, const void *restrict From, uint32_t Size, uint64_t Sum)
{
    const uint8_t *Bytes = From;
    uint8_t *Copy = To;
    uint32_t Word;
    for (; Size >= 4; Size -= 4, Bytes += 4, Copy += 4)
    {
        __builtin_memcpy(&Word, Bytes, 4);
        __builtin_memcpy(Copy, &Word, 4);
        Sum += Word;
    }
    Word = 0;
    for (uint32_t I = 0; I < Size; I++)
    {
        Word |= (uint32_t)Bytes[I] << (8 * I);
        Copy[I] = Bytes[I];
    }
    return Sum + Word;
}

/* The sum in 16 bits, as it lies in memory. Its complement is what a header carries; over a header that carries it,
 * the sum is 0xffff. */
static inline uint16_t ChecksumFold(uint64_t Sum)
{
    Sum = (Sum & 0xffffffff) + (Sum >> 32);
    Sum = (Sum & 0xffffffff) + (Sum >> 32);
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Sum = (Sum & 0xffff) + (Sum >> 16);
    return (uint16_t)Sum;
}

/* Adds the sum of a part that was begun at 0 and lies Offset bytes behind the beginning: at an odd one its bytes are the
 * other halves of the words. */
static inline uint64_t ChecksumJoin(uint64_t Sum, uint64_t Part, uint32_t Offset)
{
    return Sum + (Offset & 1 ? __builtin_bswap16(ChecksumFold(Part)) : Part);
}

/* A number of 16 bits as a word of a sum. */
static inline uint16_t ChecksumShort(uint32_t Value)
{
    return __builtin_bswap16((uint16_t)Value);
}

/* A folded sum lies in memory as it is in the register. */
static inline void ChecksumStore(uint8_t *To, uint16_t Sum)
{
    __builtin_memcpy(To, &Sum, sizeof(Sum));
}

#endif
