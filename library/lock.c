/* SPDX-License-Identifier: MIT */
/*
 * The set-up lock: one program at a time in the whole system looks which adapters there are and changes that, or the
 * driver. Any thread; a thread that has the lock may take it again.
 */
#include "library/library.h"
#include <sddl.h>

#define SETUP_MUTEX  PLAINTUN_OBJECTS L"setup"
#define HELPER_MUTEX PLAINTUN_OBJECTS L"helper"

/* "GetKernelObjectSecurity function (securitybaseapi.h)". Only an administrator can make them an object's owner. */
static BOOL IsAdministrators(HANDLE Mutex)
{
    _Alignas(8) BYTE Descriptor[256];
    DWORD Needed;
    BOOL Defaulted;
    PSID Owner;
    return GetKernelObjectSecurity(Mutex, OWNER_SECURITY_INFORMATION, Descriptor, sizeof(Descriptor), &Needed) &&
           GetSecurityDescriptorOwner(Descriptor, &Owner, &Defaulted) && Owner != NULL &&
           IsWellKnownSid(Owner, WinBuiltinAdministratorsSid);
}

/*
 * Only administrators may hold it, and only they can create adapters. Where another user has taken the name, set-up goes
 * without: the worst is two adapters of one name, and nobody can keep administrators waiting. A holder that died has left
 * nothing half done that we do not look for.
 * https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-createmutexw
 */
static DWORD TryLock(LPCWSTR Name, ULONG64 Deadline, HANDLE *Lock)
{
    SECURITY_ATTRIBUTES Attributes = {.nLength = sizeof(Attributes)};
    *Lock = NULL;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(L"O:BA" ACCESS_DEFAULT, SDDL_REVISION_1,
                                                              &Attributes.lpSecurityDescriptor, NULL))
        return GetLastError();
    HANDLE Mutex = CreateMutexW(&Attributes, FALSE, Name);
    LocalFree(Attributes.lpSecurityDescriptor);
    if (Mutex == NULL || !IsAdministrators(Mutex))
    {
        Log(PLAINTUN_LOG_WARN, L"going without the set-up lock: it is not the administrators', or not for us (%1!u!)",
            GetLastError());
        if (Mutex != NULL)
            CloseHandle(Mutex);
        return NO_ERROR;
    }
    DWORD Result = WaitForSingleObject(Mutex, TimeLeft(Deadline));
    if (Result == WAIT_OBJECT_0 || Result == WAIT_ABANDONED)
    {
        *Lock = Mutex;
        return NO_ERROR;
    }
    DWORD Error = Result == WAIT_TIMEOUT ? ERROR_TIMEOUT : GetLastError();
    CloseHandle(Mutex);
    return Error;
}

/* A holder that died may have left a helper (native.c) at work: that has the second lock, which no helper gets while this
 * one is held by another program than its own. */
DWORD SetupTryLock(ULONG64 Deadline, HANDLE *Lock)
{
    DWORD Error = TryLock(SETUP_MUTEX, Deadline, Lock);
    if (Error != NO_ERROR || *Lock == NULL)
        return Error;
    HANDLE Helper;
    Error = TryLock(HELPER_MUTEX, Deadline, &Helper);
    SetupUnlock(Error == NO_ERROR ? Helper : *Lock);
    if (Error != NO_ERROR)
        *Lock = NULL;
    return Error;
}

DWORD SetupHelperLock(ULONG64 Deadline, HANDLE *Lock)
{
    return TryLock(HELPER_MUTEX, Deadline, Lock);
}

/* Windows would refuse others, too, but only after some of it is done, and without saying why. */
DWORD SetupLock(ULONG64 Deadline, HANDLE *Lock)
{
    if (!IsAdministrator())
        return LogError(ERROR_ACCESS_DENIED,
                        L"making, changing or removing adapters or the driver takes an administrator (run the program "
                        L"elevated, or let a service do it; who may open an adapter, its AccessList says)");
    DWORD Error = SetupTryLock(Deadline, Lock);
    if (Error == ERROR_TIMEOUT)
        LogError(Error, L"waiting for another program that creates or removes an adapter: it does not finish; "
                        L"end it, or give this one more time");
    else if (Error != NO_ERROR)
        LogError(Error, L"waiting for the set-up lock: Windows refuses it");
    return Error;
}

void SetupUnlock(HANDLE Lock)
{
    DWORD LastError = GetLastError();
    if (Lock != NULL)
    {
        ReleaseMutex(Lock);
        CloseHandle(Lock);
    }
    SetLastError(LastError);
}
