/* SPDX-License-Identifier: MIT */
/*
 * Names of adapters: what can be one, which two are the same, and whether a network connection has one already. Any thread,
 * no state.
 */
#include "library/library.h"

/* Control characters would break lists and messages apart, in consoles worse. */
BOOL AdapterNameValid(LPCWSTR Name)
{
    if (Name == NULL || Name[0] == 0 || lstrlenW(Name) > PLAINTUN_NAME_MAX)
        return FALSE;
    for (; *Name != 0; ++Name)
        if (*Name < L' ' || *Name == 0x7f)
            return FALSE;
    return TRUE;
}

/* Names compare as file names do. */
BOOL SameAdapterName(LPCWSTR Left, LPCWSTR Right)
{
    return CompareStringOrdinal(Left, -1, Right, -1, TRUE) == CSTR_EQUAL;
}

/* TRUE where a network connection other than Own's has the name.
 * https://learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-convertinterfacealiastoluid */
BOOL NameTaken(LPCWSTR Name, const NET_LUID *Own)
{
    NET_LUID Luid;
    return ConvertInterfaceAliasToLuid(Name, &Luid) == NO_ERROR && (Own == NULL || Luid.Value != Own->Value);
}
