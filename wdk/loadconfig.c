/* SPDX-License-Identifier: MIT */
/*
 * The load configuration that makes control-flow guard real: a runtime library would bring it, and driver and DLLs have none. The
 * linker finds _load_config_used by name and fills the tables it names; the loader puts the addresses of its checks
 * into the pointers below, which lie in a read-only section ("Load Configuration Structure" in "PE Format",
 * learn.microsoft.com/windows/win32/debug). Where a loader knows nothing of the guard, the pointers stay as they are.
 */
#include <stdint.h>

/* Placed by the linker: addresses that are numbers. */
extern char __guard_fids_table[], __guard_fids_count[], __guard_flags[];
extern char __guard_iat_table[], __guard_iat_count[];
extern char __guard_longjmp_table[], __guard_longjmp_count[];

void GuardCheckNothing(void);
void GuardDispatchNothing(void);

/* Without a guard: check returns, dispatch goes where the caller wanted to go. */
#if defined(__x86_64__)
__asm__(".text\n.globl GuardCheckNothing\nGuardCheckNothing:\n\tret\n"
        ".globl GuardDispatchNothing\nGuardDispatchNothing:\n\tjmp *%rax\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl GuardCheckNothing\nGuardCheckNothing:\n\tret\n"
        ".globl GuardDispatchNothing\nGuardDispatchNothing:\n\tbr x9\n");
#elif defined(__i386__)
__asm__(".text\n.globl _GuardCheckNothing\n_GuardCheckNothing:\n\tret\n"
        ".globl _GuardDispatchNothing\n_GuardDispatchNothing:\n\tjmp *%eax\n");
#else
#error "which machine?"
#endif

#define GUARD __attribute__((section(".00cfg"), used))

extern void (*const volatile __guard_check_icall_fptr)(void);
extern void (*const volatile __guard_dispatch_icall_fptr)(void);
GUARD void (*const volatile __guard_check_icall_fptr)(void) = GuardCheckNothing;
GUARD void (*const volatile __guard_dispatch_icall_fptr)(void) = GuardDispatchNothing;

/* Up to GuardLongJumpTargetCount, as Size says; later fields are of no use to us. */
typedef struct _LOAD_CONFIG
{
    uint32_t Size, TimeDateStamp;
    uint16_t MajorVersion, MinorVersion;
    uint32_t GlobalFlagsClear, GlobalFlagsSet, CriticalSectionDefaultTimeout;
    uintptr_t DeCommitFreeBlockThreshold, DeCommitTotalFreeThreshold, LockPrefixTable, MaximumAllocationSize,
        VirtualMemoryThreshold;
#if UINTPTR_MAX > UINT32_MAX
    uintptr_t ProcessAffinityMask;
    uint32_t ProcessHeapFlags;
#else
    uint32_t ProcessHeapFlags, ProcessAffinityMask;
#endif
    uint16_t CsdVersion, DependentLoadFlags;
    uintptr_t EditList, SecurityCookie, SafeHandlerTable, SafeHandlerCount;
    const void *GuardCheckFunctionPointer, *GuardDispatchFunctionPointer;
    const void *GuardFunctionTable, *GuardFunctionCount;
    const void *GuardFlags; /* 32 bits and, on 64-bit machines, CodeIntegrity's first words, which are 0 */
    uint32_t CodeIntegrity[sizeof(uintptr_t) == 8 ? 2 : 3];
    const void *GuardAddressTakenIatTable, *GuardAddressTakenIatCount;
    const void *GuardLongJumpTable, *GuardLongJumpCount;
} LOAD_CONFIG;

_Static_assert(sizeof(uintptr_t) != 8 || sizeof(LOAD_CONFIG) == 192, "the documented length up to this field");
_Static_assert(sizeof(uintptr_t) != 4 || sizeof(LOAD_CONFIG) == 120, "likewise, 32-bit");

extern const LOAD_CONFIG _load_config_used;
__attribute__((used)) const LOAD_CONFIG _load_config_used = {
    .Size = sizeof(LOAD_CONFIG),
    .GuardCheckFunctionPointer = (const void *)&__guard_check_icall_fptr,
    .GuardDispatchFunctionPointer = (const void *)&__guard_dispatch_icall_fptr,
    .GuardFunctionTable = __guard_fids_table,
    .GuardFunctionCount = __guard_fids_count,
    .GuardFlags = __guard_flags,
    .GuardAddressTakenIatTable = __guard_iat_table,
    .GuardAddressTakenIatCount = __guard_iat_count,
    .GuardLongJumpTable = __guard_longjmp_table,
    .GuardLongJumpCount = __guard_longjmp_count,
};
