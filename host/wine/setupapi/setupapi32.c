/* SPDX-License-Identifier: MIT */
/* setupapi.dll for 32-bit programs: what a 64-bit Windows does not let them do. Any thread, no state. */
#define _SETUPAPI_ /* we are the DLL: its functions are not imported */
#include <windows.h>
#include <setupapi.h>

/* ERROR_IN_WOW64, whatever is asked. "SetupDiCallClassInstaller function (setupapi.h)" */
BOOL WINAPI SetupDiCallClassInstaller(DI_FUNCTION Function, HDEVINFO Set, PSP_DEVINFO_DATA Device)
{
    SetLastError(ERROR_IN_WOW64);
    return FALSE;
}
