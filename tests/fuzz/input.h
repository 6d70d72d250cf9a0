/* SPDX-License-Identifier: MIT */
/*
 * An input of the fuzzer, read from its beginning: a target takes from it what to do next and with which values. Where
 * it ends, zeros follow. No state but the reader's own; plain C, for the targets with and without a kernel.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct _FUZZ
{
    const uint8_t *Next, *End;
} FUZZ;

static inline int FuzzMore(const FUZZ *Input)
{
    return Input->Next < Input->End;
}

static inline uint32_t FuzzByte(FUZZ *Input)
{
    return FuzzMore(Input) ? *Input->Next++ : 0;
}

static inline uint32_t FuzzWord(FUZZ *Input)
{
    uint32_t Low = FuzzByte(Input);
    return Low | FuzzByte(Input) << 8;
}

static inline uint32_t FuzzLong(FUZZ *Input)
{
    uint32_t Low = FuzzWord(Input);
    return Low | FuzzWord(Input) << 16;
}

/* The next Length bytes, or as many as there are, are Part's and no longer Input's. */
static inline FUZZ FuzzPart(FUZZ *Input, size_t Length)
{
    FUZZ Part = *Input;
    if (Length < (size_t)(Input->End - Input->Next))
        Part.End = Input->Next + Length;
    Input->Next = Part.End;
    return Part;
}

static inline void FuzzFill(FUZZ *Input, void *To, size_t Length)
{
    FUZZ Part = FuzzPart(Input, Length);
    size_t There = (size_t)(Part.End - Part.Next);
    if (There)
        memcpy(To, Part.Next, There);
    memset((uint8_t *)To + There, 0, Length - There);
}

/* A length in bytes: small ones, those about a boundary, and any up to 64 KiB. */
static inline uint32_t FuzzLength(FUZZ *Input)
{
    static const uint16_t Edges[] = {0, 1, 15, 16, 17, 19, 20, 21, 39, 40, 41, 64, 1420, 2047, 2048, 2049};
    uint32_t Kind = FuzzByte(Input);
    return Kind < 96 ? Kind : Kind < 112 ? Edges[Kind - 96] : Kind < 240 ? FuzzWord(Input) : 65535 + 16 - (Kind - 224);
}

#endif
