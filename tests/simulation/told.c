/* SPDX-License-Identifier: MIT */
/*
 * A handler that its flags tell of the IRQL must not ask for it: "Flags_Irql rule (ndis)". Between drivers and host/nt (the
 * linker's --wrap); the stack (backend.c) says when a thread is in such a handler.
 */
#include "tests/simulation/lab.h"

extern const UCHAR __start_wrong_code[] __attribute__((weak)), __stop_wrong_code[] __attribute__((weak));
static __thread BOOLEAN Told;

BOOLEAN LabTold(BOOLEAN IsTold)
{
    BOOLEAN Before = Told;
    Told = IsTold;
    return Before;
}

static BOOLEAN Within(_In_ const VOID *Place, _In_opt_ const VOID *Begin, _In_opt_ const VOID *End)
{
    return (ULONG_PTR)Place >= (ULONG_PTR)Begin && (ULONG_PTR)Place < (ULONG_PTR)End;
}

KIRQL __real_KeGetCurrentIrql(VOID);
KIRQL __wrap_KeGetCurrentIrql(VOID);
KIRQL __wrap_KeGetCurrentIrql(VOID)
{
    PVOID Place = SIM_PLACE();
    if (Told && (Within(Place, LabCodeBegin(), LabCodeEnd()) || Within(Place, __start_wrong_code, __stop_wrong_code)))
        PlatformRuleBroken("Flags_Irql", "KeGetCurrentIrql", Place, "in a handler that its flags tell of the IRQL");
    return __real_KeGetCurrentIrql();
}
