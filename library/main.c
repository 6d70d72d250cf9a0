/* SPDX-License-Identifier: MIT */
/*
 * The library's entry point, and the few helpers that a C runtime would have brought. Any thread, no locks; DllMain runs
 * under the loader's lock and therefore does next to nothing.
 */
#include "library/library.h"

HMODULE LibraryModule;

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

void *Allocate(SIZE_T Size)
{
    void *Memory = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Size);
    if (Memory == NULL)
        SetLastError(ERROR_NOT_ENOUGH_MEMORY); /* HeapAlloc sets none */
    return Memory;
}

void Free(void *Memory)
{
    DWORD LastError = GetLastError();
    if (Memory != NULL)
        HeapFree(GetProcessHeap(), 0, Memory);
    SetLastError(LastError);
}

static WCHAR *PutHex(WCHAR *String, ULONG Value, int Digits)
{
    for (int Shift = (Digits - 1) * 4; Shift >= 0; Shift -= 4)
        *String++ = L"0123456789ABCDEF"[Value >> Shift & 15];
    return String;
}

void GuidToString(const GUID *Guid, WCHAR String[GUID_STRING_LENGTH + 1])
{
    *String++ = L'{';
    String = PutHex(String, Guid->Data1, 8);
    *String++ = L'-';
    String = PutHex(String, Guid->Data2, 4);
    *String++ = L'-';
    String = PutHex(String, Guid->Data3, 4);
    *String++ = L'-';
    for (int i = 0; i < 8; ++i)
    {
        if (i == 2)
            *String++ = L'-';
        String = PutHex(String, Guid->Data4[i], 2);
    }
    *String++ = L'}';
    *String = 0;
}
