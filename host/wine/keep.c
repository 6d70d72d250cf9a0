/* SPDX-License-Identifier: MIT */
/*
 * keep.exe: the program that host/wine/run starts first in every prefix. Wine stops its services, and with them the
 * drivers, when the last program has gone; this one stays. It reports when the software device bus answers, so that
 * whoever waits for its line finds a Windows that is ready. It also brings up the desktop: otherwise the first program
 * whose libraries touch it would, and Wine's explorer.exe would hold that program's output open long after its end.
 *
 * It runs as winlogon.exe: programs that act as the system look for that name and take its token. Last of all it makes that
 * token LocalSystem's, and that of services.exe, which all services inherit.
 */
#include "host/wine/ntdll/system.h"
#include "host/wine/keep.h"

#include <tlhelp32.h>
#include <stdio.h>
#include <wchar.h>

#define READY_TIMEOUT_MS 30000

static DWORD WINAPI BringUpDesktop(void *Context)
{
    GetDesktopWindow();
    return 0;
}

/* Marks a process' token as LocalSystem's (system.h). */
static BOOL MakeSystem(HANDLE Process)
{
    HANDLE Token;
    if (!OpenProcessToken(Process, TOKEN_ADJUST_DEFAULT, &Token))
        return FALSE;
    SYSTEM_DACL Dacl;
    SystemDacl(&Dacl);
    BOOL Done =
        SetTokenInformation(Token, TokenDefaultDacl, &(TOKEN_DEFAULT_DACL){&Dacl.Acl}, sizeof(TOKEN_DEFAULT_DACL));
    CloseHandle(Token);
    return Done;
}

static BOOL MakeServicesSystem(void)
{
    PROCESSENTRY32W Entry = {.dwSize = sizeof(Entry)};
    HANDLE Snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    BOOL Done = FALSE;
    for (BOOL More = Process32FirstW(Snapshot, &Entry); More && !Done; More = Process32NextW(Snapshot, &Entry))
        if (!_wcsicmp(Entry.szExeFile, L"services.exe"))
        {
            HANDLE Process = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, Entry.th32ProcessID);
            Done = Process && MakeSystem(Process);
            if (Process)
                CloseHandle(Process);
        }
    CloseHandle(Snapshot);
    return Done;
}

int main(int ArgumentCount, char **Arguments)
{
    ULONGLONG Deadline = GetTickCount64() + READY_TIMEOUT_MS;
    BOOL BusExpected = GetFileAttributesW(L"C:\\windows\\system32\\drivers\\swdevice.sys") != INVALID_FILE_ATTRIBUTES;
    HANDLE Bus = INVALID_HANDLE_VALUE, Desktop = CreateThread(NULL, 0, BringUpDesktop, NULL, 0, NULL);
    while (BusExpected && Bus == INVALID_HANDLE_VALUE && GetTickCount64() < Deadline)
    {
        Bus = CreateFileW(L"\\\\.\\SwDevice", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
        if (Bus == INVALID_HANDLE_VALUE)
            Sleep(10);
    }
    WaitForSingleObject(Desktop, READY_TIMEOUT_MS);
    ApplyNameServers();
    BOOL System = MakeServicesSystem() && MakeSystem(GetCurrentProcess());
    puts(BusExpected && Bus == INVALID_HANDLE_VALUE ? "no software device bus"
         : System                                   ? "ready"
                                                    : "no token of LocalSystem");
    fflush(stdout);
    if (Bus != INVALID_HANDLE_VALUE)
        CloseHandle(Bus);
    Sleep(INFINITE);
    return 0;
}
