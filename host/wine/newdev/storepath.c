/* SPDX-License-Identifier: MIT */
/* Which package of the driver store an INF in the folder of INFs stands for: for newdev.dll, cfgmgr32.dll, setupapi.dll. */
#include "host/wine/newdev/store.h"

#include <stdio.h>

BOOL StorePackageOf(const WCHAR *OemName, WCHAR Folder[MAX_PATH])
{
    DWORD Length = MAX_PATH * sizeof(WCHAR);
    WCHAR Key[2 * MAX_PATH];
    swprintf(Key, ARRAYSIZE(Key), DRIVER_INF_FILES L"\\%ls", OemName);
    return RegGetValueW(HKEY_LOCAL_MACHINE, Key, L"Active", RRF_RT_REG_SZ, NULL, Folder, &Length) == ERROR_SUCCESS;
}
