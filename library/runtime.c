/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls on its own: the library is linked without a C runtime, which Debian has for no Windows on
 * arm64. Any thread, no state.
 */
#include <stddef.h>

void *memcpy(void *restrict Destination, const void *restrict Source, size_t Size);
void *memmove(void *Destination, const void *Source, size_t Size);
void *memset(void *Destination, int Value, size_t Size);
int memcmp(const void *Left, const void *Right, size_t Size);

/* -fno-builtin on this file (Makefile): the loops must not become calls of themselves. */

void *memcpy(void *restrict Destination, const void *restrict Source, size_t Size)
{
    for (size_t i = 0; i < Size; ++i)
        ((unsigned char *)Destination)[i] = ((const unsigned char *)Source)[i];
    return Destination;
}

void *memmove(void *Destination, const void *Source, size_t Size)
{
    if ((size_t)((unsigned char *)Destination - (unsigned char *)Source) >= Size)
        return memcpy(Destination, Source, Size);
    while (Size-- > 0)
        ((unsigned char *)Destination)[Size] = ((const unsigned char *)Source)[Size];
    return Destination;
}

void *memset(void *Destination, int Value, size_t Size)
{
    for (size_t i = 0; i < Size; ++i)
        ((unsigned char *)Destination)[i] = (unsigned char)Value;
    return Destination;
}

int memcmp(const void *Left, const void *Right, size_t Size)
{
    for (size_t i = 0; i < Size; ++i)
    {
        int Difference = ((const unsigned char *)Left)[i] - ((const unsigned char *)Right)[i];
        if (Difference != 0)
            return Difference;
    }
    return 0;
}
