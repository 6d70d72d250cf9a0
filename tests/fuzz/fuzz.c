/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer's side of the simulator: takes one input, lets the target act it out on a freshly loaded driver, and checks
 * that nothing is left of it. It stands between the driver and two calls of the kernel (the linker's --wrap), to know
 * when the session's thread rests. RestLock guards what says so.
 */
#include "tests/fuzz/fuzz.h"
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#define REST_SECONDS 20 /* until a driver that does not come to rest is taken to hang */

extern const UCHAR __start_driver_code[], __stop_driver_code[];

int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size);

/* ---- What tests/simulation's files ask of their program */

const VOID *LabCodeBegin(VOID)
{
    return __start_driver_code;
}

const VOID *LabCodeEnd(VOID)
{
    return __stop_driver_code;
}

VOID LabOperations(ULONG64 Count)
{
}

VOID LabFailed(PCSTR File, int Line, PCSTR Condition, PCSTR Format, ...)
{
    fprintf(stderr, "VIOLATION: %s:%d: %s: ", File, Line, Condition);
    va_list Arguments;
    va_start(Arguments, Format);
    vfprintf(stderr, Format, Arguments);
    va_end(Arguments);
    fputc('\n', stderr);
    abort();
}

VOID LabCheckEqual(PCSTR File, int Line, PCSTR What, ULONG64 Got, ULONG64 Wanted)
{
    if (Got != Wanted)
        LabFailed(File, Line, What, "0x%llx, not 0x%llx", Got, Wanted);
}

ULONG LabRandom(ULONG64 *State)
{
    *State = *State * 6364136223846793005 + 1442695040888963407;
    return (ULONG)(*State >> 32);
}

/* ---- Reads of memory that others write */

static struct
{
    const UCHAR *Begin;
    SIZE_T Size;
    VOID (*Hook)(const VOID *);
} Watch;

VOID FuzzWatch(const VOID *Begin, SIZE_T Size, VOID (*Hook)(const VOID *))
{
    Watch.Hook = NULL;
    Watch.Begin = Begin;
    Watch.Size = Size;
    Watch.Hook = Hook;
}

static inline VOID Loads(_In_ const VOID *Address)
{
    if (Watch.Hook && (SIZE_T)((const UCHAR *)Address - Watch.Begin) < Watch.Size)
        Watch.Hook(Address);
}

/* The compiler calls these before each load in the driver: -fsanitize-coverage=trace-loads. */
#define LOAD(Name, Type)                                                                                               \
    void Name(Type *Address);                                                                                          \
    void Name(Type *Address)                                                                                           \
    {                                                                                                                  \
        Loads(Address);                                                                                                \
    }
LOAD(__sanitizer_cov_load1, uint8_t)
LOAD(__sanitizer_cov_load2, uint16_t)
LOAD(__sanitizer_cov_load4, uint32_t)
LOAD(__sanitizer_cov_load8, uint64_t)
LOAD(__sanitizer_cov_load16, __int128)

void *FuzzCopy(void *To, const void *From, size_t Length);
void *FuzzCopy(void *To, const void *From, size_t Length)
{
    size_t Half = Length / 2;
    memcpy(To, From, Half);
    Loads(From);
    memcpy((UCHAR *)To + Half, (const UCHAR *)From + Half, Length - Half);
    return To;
}

/* ---- Rest */

static pthread_mutex_t RestLock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t Kick = PTHREAD_COND_INITIALIZER, Rested = PTHREAD_COND_INITIALIZER;
static BOOLEAN Resting;
static ULONG64 Kicks, Seen;

static struct timespec After(_In_ ULONG Milliseconds)
{
    struct timespec At;
    clock_gettime(CLOCK_REALTIME, &At);
    At.tv_nsec += Milliseconds * 1000000L;
    At.tv_sec += At.tv_nsec / 1000000000;
    At.tv_nsec %= 1000000000;
    return At;
}

/* The driver's thread waits: under the lock it looks whether it has to, so that it is known to rest. */
NTSTATUS __wrap_KeWaitForMultipleObjects(ULONG Count, PVOID Objects[], WAIT_TYPE Type, KWAIT_REASON Reason,
                                         KPROCESSOR_MODE Mode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                         PKWAIT_BLOCK Blocks);
NTSTATUS __real_KeWaitForMultipleObjects(ULONG Count, PVOID Objects[], WAIT_TYPE Type, KWAIT_REASON Reason,
                                         KPROCESSOR_MODE Mode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                         PKWAIT_BLOCK Blocks);
NTSTATUS __wrap_KeWaitForMultipleObjects(ULONG Count, PVOID Objects[], WAIT_TYPE Type, KWAIT_REASON Reason,
                                         KPROCESSOR_MODE Mode, BOOLEAN Alertable, PLARGE_INTEGER Timeout,
                                         PKWAIT_BLOCK Blocks)
{
    LARGE_INTEGER Now = {.QuadPart = 0};
    if (Timeout)
        return __real_KeWaitForMultipleObjects(Count, Objects, Type, Reason, Mode, Alertable, Timeout, Blocks);
    pthread_mutex_lock(&RestLock);
    NTSTATUS Status;
    while ((Status = __real_KeWaitForMultipleObjects(Count, Objects, Type, Reason, Mode, Alertable, &Now, Blocks)) ==
           STATUS_TIMEOUT)
    {
        struct timespec Until = After(100);
        Resting = TRUE;
        Seen = Kicks;
        pthread_cond_broadcast(&Rested);
        pthread_cond_timedwait(&Kick, &RestLock, &Until);
    }
    Resting = FALSE;
    pthread_mutex_unlock(&RestLock);
    return Status;
}

static VOID KickThread(VOID)
{
    pthread_mutex_lock(&RestLock);
    Kicks++;
    pthread_cond_broadcast(&Kick);
    pthread_mutex_unlock(&RestLock);
}

LONG __wrap_KeSetEvent(PKEVENT Event, KPRIORITY Increment, BOOLEAN Wait);
LONG __real_KeSetEvent(PKEVENT Event, KPRIORITY Increment, BOOLEAN Wait);
LONG __wrap_KeSetEvent(PKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    LONG Before = __real_KeSetEvent(Event, Increment, Wait);
    KickThread();
    return Before;
}

/* It spins by count, not by the clock. */
VOID __wrap_KeStallExecutionProcessor(ULONG Microseconds);
VOID __wrap_KeStallExecutionProcessor(ULONG Microseconds)
{
}

TUN_ADAPTER *FuzzAdapter(const LAB *Lab)
{
    return StackAdapter(Lab->Stack)->Context;
}

/* The thread ends by itself when a ring is corrupt; its last act is to clear LinkUp. */
static BOOLEAN Died(_In_ TUN_SESSION *Session)
{
    return atomic_load(&Session->Dead) && !*(volatile BOOLEAN *)&Session->LinkUp;
}

VOID FuzzSettle(LAB *Lab)
{
    time_t Begin = time(NULL);
    TUN_SESSION *Session = FuzzAdapter(Lab)->Session;
    if (!Session)
        return;
    pthread_mutex_lock(&RestLock);
    Kicks++;
    pthread_cond_broadcast(&Kick);
    while (!(Resting && Seen == Kicks) && !Died(Session))
    {
        struct timespec Until = After(1);
        pthread_cond_timedwait(&Rested, &RestLock, &Until);
        LabCheck(time(NULL) - Begin < REST_SECONDS, "the session's thread does not come to rest");
    }
    pthread_mutex_unlock(&RestLock);
}

VOID FuzzPause(LAB *Lab)
{
    FuzzStackHold(Lab->Stack, FALSE);
    FuzzStackReturn(Lab->Stack, ~0u, FALSE);
    LabPause(Lab);
}

/* ---- One input */

int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size)
{
    FUZZ Input = {.Next = Data, .End = Data + Size};
    SimFaultCode(__start_driver_code, __stop_driver_code);
    SimFaultArm(0);
    LAB Lab;
    LabOpen(&Lab);
    FuzzTarget(&Input, &Lab);
    FuzzWatch(NULL, 0, NULL);
    SimFaultArm(0);
    if (Lab.Pdo)
    {
        FuzzStackHold(Lab.Stack, FALSE);
        FuzzStackReturn(Lab.Stack, ~0u, FALSE);
        LabUnplug(&Lab, FALSE);
    }
    LabUnload(&Lab);
    SimCheckEmpty("the end of the input");
    if (SimViolations())
        abort();
    return 0;
}
