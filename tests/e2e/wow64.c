/* SPDX-License-Identifier: MIT */
/*
 * A 32-bit program on a 64-bit Windows: prints what it is told of that, and the error of each function that must refuse
 * it ("Device Installations on 64-Bit Systems").
 */
#include "host/wine/newdev/newdev.h"
#include <stdio.h>

BOOL WINAPI UpdateDriverForPlugAndPlayDevicesW(HWND Parent, LPCWSTR HardwareId, LPCWSTR InfPath, DWORD Flags,
                                               PBOOL NeedReboot);

static void Say(const char *Function, BOOL Result)
{
    printf("%s: %s, error 0x%lx\n", Function, Result ? "done" : "refused", Result ? 0 : GetLastError());
}

int wmain(void)
{
    static const WCHAR Inf[] = L"C:\\windows\\inf\\oem0.inf";
    SP_DEVINFO_DATA Device = {.cbSize = sizeof(Device)};
    HDEVINFO Set = SetupDiCreateDeviceInfoList(NULL, NULL);
    USHORT Process, Windows;
    if (!IsWow64Process2(GetCurrentProcess(), &Process, &Windows))
        return 1;
    printf("machines: 0x%x on 0x%x\n", Process, Windows);
    Say("DiInstallDriverW", DiInstallDriverW(NULL, Inf, 0, NULL));
    Say("DiUninstallDriverW", DiUninstallDriverW(NULL, Inf, 0, NULL));
    Say("DiUninstallDevice", DiUninstallDevice(NULL, Set, &Device, 0, NULL));
    Say("UpdateDriverForPlugAndPlayDevicesW", UpdateDriverForPlugAndPlayDevicesW(NULL, L"plaintun", Inf, 0, NULL));
    Say("SetupDiCallClassInstaller", SetupDiCallClassInstaller(DIF_REMOVE, Set, &Device));
    return 0;
}
