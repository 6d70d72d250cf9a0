/* SPDX-License-Identifier: MIT */
/*
 * As much of Windows as library/session.c and library/packets.c use, on pthreads, so that they can be tested natively
 * under the sanitizers. Compiled with -fshort-wchar. Events and devices are TEST_OBJECTs; one global lock guards events.
 */
#ifndef TESTS_UNIT_WINDOWS_H
#define TESTS_UNIT_WINDOWS_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WINAPI
#define CALLBACK
#define __declspec(x)
#define VOID     void
#define CONST    const
#define TRUE     1
#define FALSE    0
#define INFINITE 0xffffffffu
#define MAX_PATH 260
#define _In_
#define _In_z_
#define _In_opt_
#define _Inout_
#define _Inout_opt_
#define _Out_
#define _Out_writes_(Size)
#define _Out_writes_to_(Size, Count)
#define _Out_writes_opt_(Size)
#define _Out_writes_opt_z_(Size)
#define _Out_writes_z_(Size)
#define _In_reads_(Size)
#define _Inout_updates_(Size)

typedef uint8_t BYTE;
typedef uint16_t WORD;
typedef uint32_t DWORD, ULONG, UINT32;
typedef int32_t LONG, BOOL, HRESULT;
typedef uint64_t ULONG64, DWORD64;
typedef int64_t LONGLONG;
typedef uintptr_t ULONG_PTR;
typedef size_t SIZE_T;
typedef void *HANDLE, *HMODULE, *PVOID;
typedef wchar_t WCHAR, *LPWSTR;
typedef const wchar_t *LPCWSTR;
typedef struct _GUID
{
    DWORD Data1;
    WORD Data2, Data3;
    BYTE Data4[8];
} GUID;
typedef struct _FILETIME
{
    DWORD dwLowDateTime, dwHighDateTime;
} FILETIME;
typedef struct _NET_LUID
{
    ULONG64 Value;
} NET_LUID;
typedef union _LARGE_INTEGER
{
    LONGLONG QuadPart;
} LARGE_INTEGER;

#define INVALID_HANDLE_VALUE      ((HANDLE)(intptr_t)-1)
#define WAIT_OBJECT_0             0u
#define WAIT_TIMEOUT              258u
#define WAIT_FAILED               0xffffffffu
#define NO_ERROR                  0u
#define ERROR_NOT_ENOUGH_MEMORY   8u
#define ERROR_INSUFFICIENT_BUFFER 122
#define ERROR_INVALID_HANDLE      6u
#define ERROR_INVALID_DATA        13u
#define ERROR_HANDLE_EOF          38u
#define ERROR_NOT_SUPPORTED       50u
#define ERROR_INVALID_PARAMETER   87u
#define ERROR_BUFFER_OVERFLOW     111u
#define ERROR_NO_MORE_ITEMS       259u
#define ERROR_ALREADY_INITIALIZED 1247u
#define ERROR_NO_SYSTEM_RESOURCES 1450u
#define ERROR_TIMEOUT             1460u

extern _Thread_local DWORD TestLastError;

static inline DWORD GetLastError(void)
{
    return TestLastError;
}

static inline void SetLastError(DWORD Error)
{
    TestLastError = Error;
}

/* --- locks ----------------------------------------------------------------------------------------------------------- */

typedef pthread_rwlock_t SRWLOCK;
#define SRWLOCK_INIT PTHREAD_RWLOCK_INITIALIZER

static inline void AcquireSRWLockExclusive(SRWLOCK *Lock)
{
    pthread_rwlock_wrlock(Lock);
}

static inline void ReleaseSRWLockExclusive(SRWLOCK *Lock)
{
    pthread_rwlock_unlock(Lock);
}

static inline void AcquireSRWLockShared(SRWLOCK *Lock)
{
    pthread_rwlock_rdlock(Lock);
}

static inline void ReleaseSRWLockShared(SRWLOCK *Lock)
{
    pthread_rwlock_unlock(Lock);
}

/* --- events ---------------------------------------------------------------------------------------------------------- */

typedef struct _TEST_OBJECT
{
    BOOL IsEvent, Manual, Set, Closed;
    int Waiting, Given; /* auto-reset: threads that wait, and for how many of them a signal is on its way */
} TEST_OBJECT;

extern pthread_mutex_t TestEventLock;
extern pthread_cond_t TestEventChanged;
extern int TestObjects;    /* alive; guarded by TestEventLock */
extern HANDLE TestInvalid; /* waits on it fail: as if the program had closed it */

static inline TEST_OBJECT *TestObjectMake(BOOL IsEvent, BOOL Manual, BOOL Set)
{
    TEST_OBJECT *Object = calloc(1, sizeof(*Object));
    *Object = (TEST_OBJECT){.IsEvent = IsEvent, .Manual = Manual, .Set = Set};
    pthread_mutex_lock(&TestEventLock);
    ++TestObjects;
    pthread_mutex_unlock(&TestEventLock);
    return Object;
}

static inline HANDLE CreateEventW(void *Attributes, BOOL Manual, BOOL Set, LPCWSTR Name)
{
    (void)Attributes;
    (void)Name;
    return TestObjectMake(TRUE, Manual, Set);
}

static inline BOOL CloseHandle(HANDLE Handle)
{
    pthread_mutex_lock(&TestEventLock);
    --TestObjects;
    pthread_mutex_unlock(&TestEventLock);
    free(Handle);
    return TRUE;
}

static inline BOOL SetEvent(HANDLE Handle)
{
    pthread_mutex_lock(&TestEventLock);
    TEST_OBJECT *Object = Handle;
    /* Who waits has an auto-reset event's signal at once, as in Windows, and nobody after it can take it. */
    if (!Object->Manual && Object->Waiting > Object->Given)
        ++Object->Given;
    else
        Object->Set = TRUE;
    pthread_cond_broadcast(&TestEventChanged);
    pthread_mutex_unlock(&TestEventLock);
    return TRUE;
}

extern void (*TestAfterReset)(void); /* what the other side does right after an event was reset; NULL: nothing */

static inline BOOL ResetEvent(HANDLE Handle)
{
    pthread_mutex_lock(&TestEventLock);
    ((TEST_OBJECT *)Handle)->Set = FALSE;
    pthread_mutex_unlock(&TestEventLock);
    if (TestAfterReset != NULL)
        TestAfterReset();
    return TRUE;
}

static inline DWORD WaitForMultipleObjects(DWORD Count, const HANDLE *Handles, BOOL All, DWORD Milliseconds)
{
    DWORD Result = WAIT_TIMEOUT;
    (void)All;
    for (DWORD i = 0; i < Count; ++i)
        if (Handles[i] == TestInvalid)
        {
            SetLastError(ERROR_INVALID_HANDLE);
            return WAIT_FAILED;
        }
    struct timespec End;
    clock_gettime(CLOCK_REALTIME, &End);
    if (Milliseconds != INFINITE)
    {
        End.tv_sec += Milliseconds / 1000;
        End.tv_nsec += Milliseconds % 1000 * 1000000L;
        if (End.tv_nsec >= 1000000000L)
        {
            End.tv_nsec -= 1000000000L;
            ++End.tv_sec;
        }
    }
    pthread_mutex_lock(&TestEventLock);
    for (int Error = 0, Waits = 0; Result == WAIT_TIMEOUT; Waits = 1)
    {
        for (DWORD i = 0; i < Count; ++i)
        {
            TEST_OBJECT *Object = Handles[i];
            Object->Waiting -= Waits;
            if (Result != WAIT_TIMEOUT)
                continue;
            if (Waits && Object->Given > 0)
                --Object->Given;
            else if (Object->Set)
                Object->Set = Object->Manual;
            else
                continue;
            Result = WAIT_OBJECT_0 + i;
        }
        if (Result != WAIT_TIMEOUT || Error == ETIMEDOUT || Milliseconds == 0)
            break;
        for (DWORD i = 0; i < Count; ++i)
            ++((TEST_OBJECT *)Handles[i])->Waiting;
        Error = Milliseconds == INFINITE ? pthread_cond_wait(&TestEventChanged, &TestEventLock)
                                         : pthread_cond_timedwait(&TestEventChanged, &TestEventLock, &End);
    }
    pthread_mutex_unlock(&TestEventLock);
    return Result;
}

static inline DWORD WaitForSingleObject(HANDLE Handle, DWORD Milliseconds)
{
    return WaitForMultipleObjects(1, &Handle, FALSE, Milliseconds);
}

/* --- time and processors --------------------------------------------------------------------------------------------- */

static inline void QueryPerformanceFrequency(LARGE_INTEGER *Frequency)
{
    Frequency->QuadPart = 1000000000;
}

static inline void QueryPerformanceCounter(LARGE_INTEGER *Now)
{
    struct timespec Time;
    clock_gettime(CLOCK_MONOTONIC, &Time);
    Now->QuadPart = Time.tv_sec * 1000000000LL + Time.tv_nsec;
}

static inline ULONG64 GetTickCount64(void)
{
    LARGE_INTEGER Now;
    QueryPerformanceCounter(&Now);
    return (ULONG64)Now.QuadPart / 1000000;
}

static inline void YieldProcessor(void)
{
#ifdef __aarch64__
    __builtin_arm_yield();
#else
    __builtin_ia32_pause();
#endif
}

static inline BOOL SwitchToThread(void)
{
    return sched_yield() == 0;
}

#endif
