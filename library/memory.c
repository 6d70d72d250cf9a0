/* SPDX-License-Identifier: MIT */
/*
 * Memory, from the process's heap. Any thread, no locks.
 */
#include "library/library.h"

void *Allocate(SIZE_T Size)
{
    void *Memory = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Size);
    if (Memory == NULL)
        SetLastError(ERROR_NOT_ENOUGH_MEMORY); /* HeapAlloc sets none */
    return Memory;
}

void Free(void *Memory)
{
    DWORD LastError = GetLastError();
    if (Memory != NULL)
        HeapFree(GetProcessHeap(), 0, Memory);
    SetLastError(LastError);
}
