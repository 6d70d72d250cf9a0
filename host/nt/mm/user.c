/* SPDX-License-Identifier: MIT */
/*
 * A program's memory: where its views lie, the memory it allocates itself, the probes that a driver makes, and faults.
 * Programs have a range of addresses of their own, the same one for all, none of which comes back soon: an address that
 * was freed faults, and a fault there inside __try raises STATUS_ACCESS_VIOLATION, as on Windows; any other fault ends the
 * run. Whose memory it is, is asked by the probes; a bare access in the wrong process' context is not seen.
 */
#include "host/nt/nt.h"
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

/* Free in every process that Linux makes, with and without sanitizers: below where mmap begins, above their shadows. */
#define USER_BEGIN ((PUCHAR)0x7ea000000000)
#define USER_BYTES (64ull << 30)
/* 32-bit programs' */
#define LOW_BEGIN ((PUCHAR)0x10000000)
#define LOW_BYTES 0x60000000ull

static _Atomic(ULONG64) Cursor, LowCursor;
static struct sigaction Before;

static BOOLEAN IsUser(_In_ const VOID *Address)
{
    return ((PUCHAR)Address >= USER_BEGIN && (PUCHAR)Address < USER_BEGIN + USER_BYTES) ||
           ((PUCHAR)Address >= LOW_BEGIN && (PUCHAR)Address < LOW_BEGIN + LOW_BYTES);
}

static void Fault(int Signal, siginfo_t *Information, void *Context)
{
    PKTHREAD Thread = NtThread();
    /* At DISPATCH_LEVEL no handler helps: "Managing Hardware Priorities". */
    if (Thread->Try && Thread->Irql < DISPATCH_LEVEL && IsUser(Information->si_addr))
    {
        /* The thread sanitizer blocks all signals in a handler, and this one is not returned from. */
        pthread_sigmask(SIG_SETMASK, &((ucontext_t *)Context)->uc_sigmask, NULL);
        HostRaise(STATUS_ACCESS_VIOLATION);
    }
    sigaction(Signal, &Before, NULL); /* the access is made again, and reported */
}

static void CatchFaults(void)
{
    struct sigaction Action = {.sa_sigaction = Fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &Action, &Before);
}

PUCHAR NtUserReserve(SIZE_T Size, BOOLEAN Low)
{
    static pthread_once_t Once = PTHREAD_ONCE_INIT;
    ULONG64 Bytes = Low ? LOW_BYTES : USER_BYTES;
    pthread_once(&Once, CatchFaults);
    for (ULONG Tries = 0; Tries < 100000; Tries++)
    {
        ULONG64 Offset = atomic_fetch_add_explicit(Low ? &LowCursor : &Cursor, Size, memory_order_relaxed) % Bytes;
        PVOID Address = Offset + Size > Bytes
                            ? MAP_FAILED
                            : mmap((Low ? LOW_BEGIN : USER_BEGIN) + Offset, Size, PROT_NONE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (Address != MAP_FAILED)
            return Address;
    }
    return NULL;
}

/* ---- What programs call: VirtualAlloc, VirtualFree */

PVOID SimUserMemory(PEPROCESS Process, SIZE_T Size)
{
    PVOID Address = NULL;
    NT_SECTION *Section;
    if (NT_SUCCESS(NtSectionCreate(Size, &Section)))
    {
        Address = NtSectionMap(Section, 0, Section->Size, Process->Is32Bit ? NtMapUserLow : NtMapUser);
        if (Address)
            NtViewAdd(Section, Address, Process, SIM_PLACE());
        ObfDereferenceObject(Section);
    }
    return Address;
}

VOID SimUserReadOnly(PEPROCESS Process, PVOID Address)
{
    NtLock();
    NT_VIEW *View = NtViewFind(Address, 1, Process);
    if (View)
    {
        View->ReadOnly = TRUE;
        mprotect(View->Base, View->Size, PROT_READ);
    }
    NtUnlock();
}

VOID SimUserFree(PEPROCESS Process, PVOID Address)
{
    SimUnmapSection(Process, Address);
}

/* ---- What drivers call. "ProbeForRead", "ProbeForWrite": the address is the present process', or they raise. */

static VOID Probe(_In_ const volatile VOID *Address, _In_ SIZE_T Length, _In_ ULONG Alignment, _In_ BOOLEAN Writes)
{
    if (!Length)
        return;
    if ((ULONG_PTR)Address % Alignment)
        HostRaise(STATUS_DATATYPE_MISALIGNMENT);
    NtLock();
    NT_VIEW *View = NtViewFind((const VOID *)Address, Length, NtThread()->Process);
    BOOLEAN Allowed = View && View->Process && !(Writes && View->ReadOnly);
    NtUnlock();
    if (!Allowed)
        HostRaise(STATUS_ACCESS_VIOLATION);
}

VOID ProbeForRead(const volatile VOID *Address, SIZE_T Length, ULONG Alignment)
{
    NtIrql(APC_LEVEL);
    NtRule("ProbeInTry", NtThread()->Try != NULL, "called outside __try");
    Probe(Address, Length, Alignment, FALSE);
}

VOID ProbeForWrite(volatile VOID *Address, SIZE_T Length, ULONG Alignment)
{
    NtIrql(APC_LEVEL);
    NtRule("ProbeInTry", NtThread()->Try != NULL, "called outside __try");
    Probe(Address, Length, Alignment, TRUE);
}
