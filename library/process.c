/* SPDX-License-Identifier: MIT */
/*
 * Other processes, as far as messages and the question "does its creator still live" need them, and what this one may do.
 * A process is its number and the time it started: numbers are used again. Any thread, no state.
 */
#include "library/library.h"

/* https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getprocesstimes */
static BOOL StartTime(HANDLE Process, FILETIME *Time)
{
    FILETIME Exit, Kernel, User;
    return GetProcessTimes(Process, Time, &Exit, &Kernel, &User);
}

BOOL ProcessSelf(DWORD *Id, FILETIME *Started)
{
    *Id = GetCurrentProcessId();
    return StartTime(GetCurrentProcess(), Started);
}

/* "OpenProcess function (processthreadsapi.h)" */
BOOL ProcessLives(DWORD Id, const FILETIME *Started)
{
    if (Id == 0)
        return FALSE;
    HANDLE Process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, Id);
    /* It is there, another user's, and we cannot tell whether it is the same. Counting it in is the smaller mistake: a device
     * that is there and not persistent has a living creator, and to take a persistent one from its living creator is worse
     * than a refusal that names the process. Protection does not keep us out ("Process Security and Access Rights"). */
    if (Process == NULL)
        return GetLastError() == ERROR_ACCESS_DENIED;
    FILETIME Time;
    /* A process that ended is there for as long as somebody has a handle of it. */
    BOOL Lives = WaitForSingleObject(Process, 0) == WAIT_TIMEOUT &&
                 (!StartTime(Process, &Time) ||
                  (Time.dwLowDateTime == Started->dwLowDateTime && Time.dwHighDateTime == Started->dwHighDateTime));
    CloseHandle(Process);
    return Lives;
}

/* https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-queryfullprocessimagenamew */
LPCWSTR ProcessName(DWORD Id, WCHAR Path[PROCESS_PATH_LENGTH])
{
    DWORD Length = PROCESS_PATH_LENGTH;
    LPCWSTR Name = Path;
    HANDLE Process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, Id);
    if (Process == NULL || !QueryFullProcessImageNameW(Process, 0, Path, &Length))
        lstrcpynW(Path, L"a program that has ended or is not ours to see", PROCESS_PATH_LENGTH);
    if (Process != NULL)
        CloseHandle(Process);
    for (LPCWSTR c = Path; *c != 0; ++c)
        if (*c == L'\\')
            Name = c + 1;
    return Name;
}

/* https://learn.microsoft.com/windows/win32/api/securitybaseapi/nf-securitybaseapi-checktokenmembership */
BOOL IsAdministrator(void)
{
    BYTE Sid[SECURITY_MAX_SID_SIZE];
    DWORD Size = sizeof(Sid);
    BOOL Member;
    return !CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, Sid, &Size) ||
           !CheckTokenMembership(NULL, Sid, &Member) || Member;
}
