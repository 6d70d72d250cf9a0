/* SPDX-License-Identifier: MIT */
/*
 * keep.exe: the program that host/wine/run starts first in every prefix. Wine stops its services, and with them the
 * drivers, when the last program has gone; this one stays. It reports when the software device bus answers, so that
 * whoever waits for its line finds a Windows that is ready. It also brings up the desktop: otherwise the first program
 * whose libraries touch it would, and Wine's explorer.exe would hold that program's output open long after its end.
 */
#include <windows.h>
#include <stdio.h>

#define READY_TIMEOUT_MS 30000

static DWORD WINAPI BringUpDesktop(void *Context)
{
    GetDesktopWindow();
    return 0;
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
    puts(BusExpected && Bus == INVALID_HANDLE_VALUE ? "no software device bus" : "ready");
    fflush(stdout);
    if (Bus != INVALID_HANDLE_VALUE)
        CloseHandle(Bus);
    Sleep(INFINITE);
    return 0;
}
