/* SPDX-License-Identifier: MIT */
/*
 * The library's entry point. It runs under the loader's lock and therefore does next to nothing.
 */
#include "library/library.h"

BOOL WINAPI DllMain(HINSTANCE Module, DWORD Reason, LPVOID Reserved);

/* https://learn.microsoft.com/windows/win32/dlls/dllmain */
BOOL WINAPI DllMain(HINSTANCE Module, DWORD Reason, LPVOID Reserved)
{
    switch (Reason)
    {
    case DLL_PROCESS_ATTACH:
        LibraryModule = Module;
        return LogLoad();
    case DLL_THREAD_DETACH:
        LogThreadEnd();
        break;
    case DLL_PROCESS_DETACH:
        /* When the process ends the system closes everything, and other threads died we know not where. */
        if (Reserved != NULL)
            break;
        SessionUnload();
        LogUnload();
        break;
    }
    return TRUE;
}
