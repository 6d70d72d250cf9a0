/* SPDX-License-Identifier: MIT */
/*
 * The load configuration that makes control-flow guard real: it tells Windows where the linker put the table of
 * functions that may be called through a pointer, and where the compiler's checks take their target from. Windows
 * overwrites the two pointers when guard is on; until then they lead to functions that check nothing.
 * "Load Configuration Directory" in the PE format's page; the fields' names are IMAGE_LOAD_CONFIG_DIRECTORY64's.
 */
#include <ntddk.h>

/* Made by the linker under /guard:cf. */
extern const VOID *const __guard_fids_table[];
extern const VOID *const __guard_fids_count[];
extern const VOID *const __guard_flags[];

typedef struct _LOAD_CONFIG
{
    ULONG Size;
    ULONG TimeDateStamp;
    USHORT MajorVersion, MinorVersion;
    ULONG GlobalFlagsClear, GlobalFlagsSet, CriticalSectionDefaultTimeout;
    ULONG64 DeCommitFreeBlockThreshold, DeCommitTotalFreeThreshold;
    const VOID *LockPrefixTable;
    ULONG64 MaximumAllocationSize, VirtualMemoryThreshold, ProcessAffinityMask;
    ULONG ProcessHeapFlags;
    USHORT CsdVersion, DependentLoadFlags;
    const VOID *EditList, *SecurityCookie, *SeHandlerTable;
    ULONG64 SeHandlerCount;
    const VOID *GuardCfCheckFunctionPointer, *GuardCfDispatchFunctionPointer, *GuardCfFunctionTable;
    const VOID *GuardCfFunctionCount;
    const VOID *GuardFlags; /* 32 bits; the other 32 are CodeIntegrity's first two fields, 0 */
} LOAD_CONFIG;

C_ASSERT(FIELD_OFFSET(LOAD_CONFIG, GuardCfCheckFunctionPointer) == 112);
C_ASSERT(FIELD_OFFSET(LOAD_CONFIG, GuardFlags) == 144);

static VOID CheckNothing(VOID)
{
}

/* The target is in RAX (amd64) or X15 (arm64, where the check returns to its caller). */
__attribute__((naked)) static VOID DispatchToTarget(VOID)
{
#ifdef _M_AMD64
    __asm__ volatile("jmpq *%rax");
#else
    __asm__ volatile("br x15");
#endif
}

/* A section that ends up read-only: who could write these pointers could call anything. */
#pragma section(".00cfg", read)
__declspec(allocate(".00cfg")) const VOID *const __guard_check_icall_fptr = (const VOID *)CheckNothing;
__declspec(allocate(".00cfg")) const VOID *const __guard_dispatch_icall_fptr = (const VOID *)DispatchToTarget;

extern const LOAD_CONFIG _load_config_used;
const LOAD_CONFIG _load_config_used = {
    .Size = sizeof(LOAD_CONFIG),
    .GuardCfCheckFunctionPointer = &__guard_check_icall_fptr,
    .GuardCfDispatchFunctionPointer = &__guard_dispatch_icall_fptr,
    .GuardCfFunctionTable = __guard_fids_table,
    .GuardCfFunctionCount = __guard_fids_count,
    .GuardFlags = __guard_flags,
};
