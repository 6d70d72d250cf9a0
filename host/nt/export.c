/* SPDX-License-Identifier: MIT */
/*
 * What the kernel exports: each name of wdk/ntoskrnl.def and wdk/hal.def, from which the Makefile makes exports.h, so that
 * a name there for which host/nt has nothing does not link. No state; any thread.
 */
#include "host/nt/nt.h"

static const struct
{
    PCSTR Name;
    PVOID Address;
} Exports[] = {
#define EXPORT(Name) {#Name, (PVOID)Name},
#include "exports.h"
};

/* NULL: there is no such routine. "MmGetSystemRoutineAddress". */
PVOID MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    NtIrql(PASSIVE_LEVEL);
    for (ULONG I = 0; I < ARRAYSIZE(Exports); I++)
    {
        ULONG Length = 0;
        while (Exports[I].Name[Length] && Length < SystemRoutineName->Length / sizeof(WCHAR) &&
               SystemRoutineName->Buffer[Length] == (WCHAR)Exports[I].Name[Length])
        {
            Length++;
        }
        if (!Exports[I].Name[Length] && Length == SystemRoutineName->Length / sizeof(WCHAR))
            return SimFail(__func__, SIM_PLACE()) ? NULL : Exports[I].Address;
    }
    return NULL;
}
