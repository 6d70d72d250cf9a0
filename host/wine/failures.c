/* SPDX-License-Identifier: MIT */
/* Reads failures made on purpose from the registry: failures.h. Any thread, no locks. */
#include "host/wine/failures.h"

#define FAILURES L"Software\\HostFailures"

DWORD HostFailure(const WCHAR *Name)
{
    DWORD Value = 0, Size = sizeof(Value);
    RegGetValueW(HKEY_LOCAL_MACHINE, FAILURES, Name, RRF_RT_REG_DWORD, NULL, &Value, &Size);
    return Value;
}

VOID HostFailureEnd(const WCHAR *Name)
{
    RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, FAILURES, Name);
}
