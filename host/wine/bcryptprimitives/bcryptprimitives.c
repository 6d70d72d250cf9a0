/* SPDX-License-Identifier: MIT */
/*
 * bcryptprimitives.dll, which the runtimes of Go (1.24 and later) and Rust (1.78 and later) load at their start for one
 * function. Needed for Wine 8; Wine has the file itself since 9, and that is taken where it is. Any thread, no state.
 */
#include <windows.h>
#include <ntsecapi.h>

BOOL WINAPI ProcessPrng(BYTE *Data, SIZE_T Length);

/* Fills Data with random bytes. "ProcessPrng function": it always gives TRUE. A program that went on without random numbers
 * would not be safe, so it ends where there are none. */
BOOL WINAPI ProcessPrng(BYTE *Data, SIZE_T Length)
{
    while (Length)
    {
        ULONG Part = Length > MAXLONG ? MAXLONG : (ULONG)Length;
        if (!RtlGenRandom(Data, Part))
            RaiseException(ERROR_GEN_FAILURE, EXCEPTION_NONCONTINUABLE, 0, NULL);
        Data += Part;
        Length -= Part;
    }
    return TRUE;
}
