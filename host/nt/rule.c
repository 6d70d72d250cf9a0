/* SPDX-License-Identifier: MIT */
/*
 * Rules: how a broken one is reported, what a call into a driver must leave as it was, and what must be gone in the end.
 * Any thread, any IRQL. A violation names the rule, the kernel function in which it was found, and the code that called.
 */
#include "host/nt/nt.h"

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
void __sanitizer_symbolize_pc(void *Pc, const char *Format, char *Out, size_t Size);
void __sanitizer_print_stack_trace(void);
#define STACK_TRACE() __sanitizer_print_stack_trace()
#else
#define STACK_TRACE() ((void)0)
#endif

static volatile LONG Violations, Expected;
static const char *volatile ExpectedRule;

VOID SimDescribe(const VOID *Place, PCHAR Text, SIZE_T Size)
{
    if (!Place)
    {
        snprintf(Text, Size, "?");
        return;
    }
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    /* A return address belongs to the instruction after the call. */
    __sanitizer_symbolize_pc((PUCHAR)Place - 1, "%f %s:%l", Text, Size);
#else
    snprintf(Text, Size, "%p", Place);
#endif
}

/* Rule is one of those in the list, which commas separate. */
static BOOLEAN Lists(_In_ PCSTR List, _In_ PCSTR Rule)
{
    SIZE_T Length = strlen(Rule);
    for (PCSTR At = List; At; At = strchr(At, ',') ? strchr(At, ',') + 1 : NULL)
        if (strncmp(At, Rule, Length) == 0 && (At[Length] == ',' || !At[Length]))
            return TRUE;
    return FALSE;
}

VOID SimViolation(PCSTR Rule, PCSTR Call, const VOID *Place, PCSTR Text)
{
    PCSTR Awaited = ExpectedRule;
    if (Awaited && Lists(Awaited, Rule))
    {
        InterlockedAdd(&Expected, strncmp(Awaited, Rule, strlen(Rule)) == 0);
        return;
    }
    InterlockedIncrement(&Violations);
    CHAR Where[256];
    SimDescribe(Place, Where, sizeof(Where));
    fprintf(stderr, "VIOLATION of %s in %s, called by %s: %s\n", Rule, Call, Where, Text);
    if (Place && strncmp(Rule, "Leak", 4) != 0)
        STACK_TRACE();
    if (Violations > 50)
    {
        fprintf(stderr, "too many violations\n");
        _Exit(1);
    }
}

ULONG SimViolations(VOID)
{
    return (ULONG)ReadAcquire(&Violations);
}

ULONG SimExpect(PCSTR Rule)
{
    ULONG Before = (ULONG)InterlockedExchange(&Expected, 0);
    ExpectedRule = Rule;
    return Before;
}

BOOLEAN NtRuleBroken(PCSTR Rule, PCSTR Call, const VOID *Place, PCSTR Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    CHAR Text[256];
    vsnprintf(Text, sizeof(Text), Format, Arguments);
    va_end(Arguments);
    SimViolation(Rule, Call, Place, Text);
    return FALSE;
}

VOID SimGuardBegin(SIM_GUARD *Guard)
{
    PKTHREAD Thread = NtThread();
    *Guard = (SIM_GUARD){.Irql = Thread->Irql,
                         .SpinLocks = Thread->SpinLocks,
                         .Resources = Thread->Resources,
                         .Critical = Thread->Critical,
                         .Attached = Thread->Attached};
}

VOID SimGuardEnd(const SIM_GUARD *Guard, PCSTR Call, const VOID *Place)
{
    PKTHREAD Thread = NtThread();
    if (Thread->Irql != Guard->Irql)
    {
        NtRuleBroken("IrqlReturn", Call, Place, "called at IRQL %u, returned at %u", Guard->Irql, Thread->Irql);
        Thread->Irql = Guard->Irql;
    }
    if (Thread->SpinLocks != Guard->SpinLocks)
    {
        NtRuleBroken("SpinLockRelease", Call, Place, "%u spin locks held before, %u after", Guard->SpinLocks,
                     Thread->SpinLocks);
    }
    if (Thread->Resources != Guard->Resources)
    {
        NtRuleBroken("ResourceRelease", Call, Place, "%u resources held before, %u after", Guard->Resources,
                     Thread->Resources);
    }
    if (Thread->Critical != Guard->Critical)
    {
        NtRuleBroken("CriticalRegions", Call, Place, "%u critical regions before, %u after", Guard->Critical,
                     Thread->Critical);
    }
    if (Thread->Attached != Guard->Attached)
    {
        NtRuleBroken("ProcessAttach", Call, Place, "attached to %u processes before, to %u after", Guard->Attached,
                     Thread->Attached);
    }
}

ULONG SimSpinLocksHeld(VOID)
{
    return NtThread()->SpinLocks;
}

VOID NtCheckNothingHeld(PKTHREAD Thread, PCSTR Call, const VOID *Place)
{
    if (Thread->Irql != PASSIVE_LEVEL || Thread->SpinLocks || Thread->Resources || Thread->Critical || Thread->Attached)
    {
        NtRuleBroken("NothingHeld", Call, Place,
                     "IRQL %u, %u spin locks, %u resources, %u critical regions, attached to %u processes",
                     Thread->Irql, Thread->SpinLocks, Thread->Resources, Thread->Critical, Thread->Attached);
    }
}

VOID SimCheckEmpty(PCSTR When)
{
    NtDpcCheckEmpty(When);
    NtIrpCheckEmpty(When);
    NtIoCheckEmpty(When);
    NtPsCheckEmpty(When);
    NtSeCheckEmpty(When);
    NtKeysForget();
    NtObCheckEmpty(When);
    NtMmCheckEmpty(When);
    NtPoolCheckEmpty(When);
    NtEtwCheckEmpty(When);
}
