/* SPDX-License-Identifier: MIT */
/* Reads failures made on purpose from the registry: failures.h. Any thread, no locks. */
#include "host/wine/shared/failures.h"

#define FAILURES L"Software\\HostFailures"

/* A 32-bit program has a HKEY_LOCAL_MACHINE\Software of its own, unless it asks for the other. */
static HKEY OpenFailures(REGSAM Access)
{
    HKEY Key = NULL;
    return RegOpenKeyExW(HKEY_LOCAL_MACHINE, FAILURES, 0, Access | KEY_WOW64_64KEY, &Key) == ERROR_SUCCESS ? Key : NULL;
}

DWORD HostFailure(const WCHAR *Name)
{
    DWORD Value = 0, Size = sizeof(Value);
    HKEY Key = OpenFailures(KEY_QUERY_VALUE);
    if (!Key)
        return 0;
    RegGetValueW(Key, NULL, Name, RRF_RT_REG_DWORD, NULL, &Value, &Size);
    RegCloseKey(Key);
    return Value;
}

BOOL HostServiceDisabled(const WCHAR *Name)
{
    WCHAR Path[128] = L"System\\CurrentControlSet\\Services\\";
    DWORD Value = 0, Size = sizeof(Value);
    lstrcatW(Path, Name);
    RegGetValueW(HKEY_LOCAL_MACHINE, Path, L"Start", RRF_RT_REG_DWORD, NULL, &Value, &Size);
    return Value == SERVICE_DISABLED;
}

BOOL HostFailureLast(const WCHAR *Name)
{
    DWORD Value = HostFailure(Name) - 1;
    HKEY Key = OpenFailures(KEY_SET_VALUE);
    if (!Key)
        return FALSE;
    if (Value != ~0u)
        RegSetKeyValueW(Key, NULL, Name, REG_DWORD, &Value, sizeof(Value));
    RegCloseKey(Key);
    return Value == 0;
}

VOID HostFailureEnd(const WCHAR *Name)
{
    HKEY Key = OpenFailures(KEY_SET_VALUE);
    if (!Key)
        return;
    RegDeleteValueW(Key, Name);
    RegCloseKey(Key);
}
