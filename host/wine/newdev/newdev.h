/* SPDX-License-Identifier: MIT */
/* What newdev.dll supplies, as newdev.h documents it; mingw-w64's header lacks half of it. */
#ifndef HOST_WINE_NEWDEV_H
#define HOST_WINE_NEWDEV_H

#include <windows.h>
#include <setupapi.h>
#include <cfgmgr32.h>

#include "wdk/missing.h"

#define DIIRFLAG_FORCE_INF     0x00000002
#define DIURFLAG_NO_REMOVE_INF 0x00000001

BOOL WINAPI DiInstallDriverW(HWND Parent, LPCWSTR InfPath, DWORD Flags, PBOOL NeedReboot);
BOOL WINAPI DiInstallDriverA(HWND Parent, LPCSTR InfPath, DWORD Flags, PBOOL NeedReboot);
BOOL WINAPI DiUninstallDriverA(HWND Parent, LPCSTR InfPath, DWORD Flags, PBOOL NeedReboot);
BOOL WINAPI DiUninstallDevice(HWND Parent, HDEVINFO Set, PSP_DEVINFO_DATA Device, DWORD Flags, PBOOL NeedReboot);

#endif
