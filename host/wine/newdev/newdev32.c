/* SPDX-License-Identifier: MIT */
/*
 * newdev.dll for 32-bit programs: a 64-bit Windows lets none of them install or remove drivers and devices. All else of it is
 * forwarded to Wine's own, kept as newdev_wine.dll. Any thread, no state.
 * "Device Installations on 64-Bit Systems"; ERROR_IN_WOW64 on each function's page (newdev.h)
 */
#include "host/wine/newdev/newdev.h"

BOOL WINAPI DiInstallDevice(HWND Parent, HDEVINFO Set, PSP_DEVINFO_DATA Device, PSP_DRVINFO_DATA_W Driver, DWORD Flags,
                            PBOOL NeedReboot);
BOOL WINAPI UpdateDriverForPlugAndPlayDevicesW(HWND Parent, LPCWSTR HardwareId, LPCWSTR InfPath, DWORD Flags,
                                               PBOOL NeedReboot);
BOOL WINAPI UpdateDriverForPlugAndPlayDevicesA(HWND Parent, LPCSTR HardwareId, LPCSTR InfPath, DWORD Flags,
                                               PBOOL NeedReboot);

static BOOL Refuse(VOID)
{
    SetLastError(ERROR_IN_WOW64);
    return FALSE;
}

BOOL WINAPI DiInstallDriverW(HWND Parent, LPCWSTR InfPath, DWORD Flags, PBOOL NeedReboot)
{
    return Refuse();
}

BOOL WINAPI DiInstallDriverA(HWND Parent, LPCSTR InfPath, DWORD Flags, PBOOL NeedReboot)
{
    return Refuse();
}

BOOL WINAPI DiUninstallDriverW(HWND Parent, LPCWSTR InfPath, DWORD Flags, PBOOL NeedReboot)
{
    return Refuse();
}

BOOL WINAPI DiUninstallDriverA(HWND Parent, LPCSTR InfPath, DWORD Flags, PBOOL NeedReboot)
{
    return Refuse();
}

BOOL WINAPI DiInstallDevice(HWND Parent, HDEVINFO Set, PSP_DEVINFO_DATA Device, PSP_DRVINFO_DATA_W Driver, DWORD Flags,
                            PBOOL NeedReboot)
{
    return Refuse();
}

/* Its page does not say so, but that it does what SetupDiCallClassInstaller does with DIF_REMOVE, whose page does. */
BOOL WINAPI DiUninstallDevice(HWND Parent, HDEVINFO Set, PSP_DEVINFO_DATA Device, DWORD Flags, PBOOL NeedReboot)
{
    return Refuse();
}

BOOL WINAPI UpdateDriverForPlugAndPlayDevicesW(HWND Parent, LPCWSTR HardwareId, LPCWSTR InfPath, DWORD Flags,
                                               PBOOL NeedReboot)
{
    return Refuse();
}

BOOL WINAPI UpdateDriverForPlugAndPlayDevicesA(HWND Parent, LPCSTR HardwareId, LPCSTR InfPath, DWORD Flags,
                                               PBOOL NeedReboot)
{
    return Refuse();
}
