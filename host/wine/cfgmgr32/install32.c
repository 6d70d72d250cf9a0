/* SPDX-License-Identifier: MIT */
/*
 * For a 32-bit process: the driver of a new software device. SetupAPI's sections, folders and file names would be those of
 * a 32-bit Windows, so a 64-bit rundll32.exe does it (install.c). Any thread, no state.
 */
#define _CFGMGR32_ /* we are the DLL: its functions are not imported */
#include "host/wine/cfgmgr32/cfgmgr32.h"

#include <stdio.h>

VOID InstallBestDriver(const WCHAR *Id)
{
    STARTUPINFOW Start = {.cb = sizeof(Start)};
    WCHAR Command[2 * MAX_PATH];
    swprintf(Command, ARRAYSIZE(Command), L"rundll32.exe cfgmgr32.dll,SwInstallBestDriver %ls", Id);
    PROCESS_INFORMATION Process;
    if (!CreateProcessW(L"C:\\windows\\Sysnative\\rundll32.exe", Command, NULL, NULL, FALSE, 0, NULL, NULL, &Start,
                        &Process))
        return; /* the device appears without a driver, and says so */
    WaitForSingleObject(Process.hProcess, INFINITE);
    CloseHandle(Process.hThread);
    CloseHandle(Process.hProcess);
}
