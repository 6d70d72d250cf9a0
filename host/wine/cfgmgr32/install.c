/* SPDX-License-Identifier: MIT */
/*
 * The driver of a new software device, which in Windows a service installs; here it is the process that makes the device
 * (software.c), if that is a 64-bit one, or one that install32.c starts for it. Any thread; StoreLock is held.
 */
#define _CFGMGR32_ /* we are the DLL: its functions are not imported */
#include "host/wine/cfgmgr32/cfgmgr32.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/wine/newdev/store.h"

#define IDS_MAX 4096 /* UTF-16 units of a list of hardware or compatible IDs, with both ending 0 */

/* TRUE if the device's driver key names an INF that is still there: nothing is to be installed. */
static BOOL HasDriver(HDEVINFO Set, SP_DEVINFO_DATA *Data)
{
    WCHAR Name[MAX_PATH];
    DWORD Length = sizeof(Name);
    BOOL Found = FALSE;
    HKEY Key = SetupDiOpenDevRegKey(Set, Data, DICS_FLAG_GLOBAL, 0, DIREG_DRV, KEY_READ);
    if (Key == INVALID_HANDLE_VALUE)
        return FALSE;
    if (!RegGetValueW(Key, NULL, L"InfPath", RRF_RT_REG_SZ, NULL, Name, &Length))
    {
        WCHAR Path[MAX_PATH];
        swprintf(Path, MAX_PATH, L"C:\\windows\\inf\\%ls", Name);
        Found = GetFileAttributesW(Path) != INVALID_FILE_ATTRIBUTES;
    }
    RegCloseKey(Key);
    return Found;
}

static VOID InstallFromStore(HDEVINFO Set, SP_DEVINFO_DATA *Data)
{
    WCHAR *Ids = calloc(2 * IDS_MAX, sizeof(WCHAR));
    if (!Ids)
        return;
    SetupDiGetDeviceRegistryPropertyW(Set, Data, SPDRP_HARDWAREID, NULL, (BYTE *)Ids, (IDS_MAX - 2) * sizeof(WCHAR),
                                      NULL);
    SetupDiGetDeviceRegistryPropertyW(Set, Data, SPDRP_COMPATIBLEIDS, NULL, (BYTE *)(Ids + IDS_MAX),
                                      (IDS_MAX - 2) * sizeof(WCHAR), NULL);
    WCHAR InfPath[MAX_PATH];
    if (StoreBestDriver(Ids, Ids + IDS_MAX, InfPath) == ERROR_SUCCESS)
        StoreInstallOnDevice(Set, Data, InfPath);
    free(Ids);
}

VOID InstallBestDriver(const WCHAR *Id)
{
    HANDLE Lock = StoreLock();
    SP_DEVINFO_DATA Data;
    HDEVINFO Set;
    if (OpenDeviceById(Id, &Set, &Data))
    {
        if (!HasDriver(Set, &Data))
            InstallFromStore(Set, &Data);
        SetupDiDestroyDeviceInfoList(Set);
    }
    StoreUnlock(Lock);
}

VOID WINAPI SwInstallBestDriverW(HWND Window, HINSTANCE Rundll32, WCHAR *Id, int Show);

/* What the rundll32.exe of install32.c calls. */
VOID WINAPI SwInstallBestDriverW(HWND Window, HINSTANCE Rundll32, WCHAR *Id, int Show)
{
    InstallBestDriver(Id);
}
