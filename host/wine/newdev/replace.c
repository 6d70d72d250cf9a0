/* SPDX-License-Identifier: MIT */
/*
 * What Windows does with devices that are there while their driver is replaced or removed: they are stopped, the driver is
 * unloaded, and they start with what they then have. The bus (swdevice.sys) stops, starts and unloads. No state; callers
 * hold StoreLock.
 */
#include "host/wine/newdev/replace.h"

#include <winioctl.h>
#include <wchar.h>

#include "host/wine/swdevice/swdevice.h"

#define GOING_MS 10000 /* how long a device may take to go */
#define OPEN_MS  1000  /* how long programs may take to close a device that has gone */

static BOOL Ask(HANDLE Bus, DWORD Code, const WCHAR *Name, ULONG *Value)
{
    DWORD Returned;
    return DeviceIoControl(Bus, Code, (VOID *)Name, (DWORD)(wcslen(Name) + 1) * sizeof(WCHAR), Value,
                           Value ? sizeof(*Value) : 0, &Returned, NULL);
}

static HANDLE OpenBus(VOID)
{
    return CreateFileW(SWDEVICE_BUS_PATH, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
}

VOID ReplaceBegin(REPLACEMENT *Replacement)
{
    Replacement->DeviceCount = Replacement->ServiceCount = 0;
    Replacement->Bus = OpenBus();
}

static VOID RememberService(REPLACEMENT *Replacement, const WCHAR *Service)
{
    for (ULONG i = 0; i < Replacement->ServiceCount; i++)
        if (!_wcsicmp(Replacement->Services[i], Service))
            return;
    if (Replacement->ServiceCount < REPLACE_MAX)
        lstrcpynW(Replacement->Services[Replacement->ServiceCount++], Service, ARRAYSIZE(Replacement->Services[0]));
}

VOID ReplaceStop(REPLACEMENT *Replacement, HDEVINFO Set, SP_DEVINFO_DATA *Device)
{
    WCHAR *Id = Replacement->Devices[Replacement->DeviceCount];
    ULONG Leaving;
    if (Replacement->Bus == INVALID_HANDLE_VALUE || Replacement->DeviceCount == REPLACE_MAX ||
        !SetupDiGetDeviceInstanceIdW(Set, Device, Id, ARRAYSIZE(Replacement->Devices[0]), NULL) ||
        !Ask(Replacement->Bus, IOCTL_SWDEVICE_STOP, Id, &Leaving))
        return;
    Replacement->DeviceCount++;
    WCHAR Service[64];
    if (SetupDiGetDeviceRegistryPropertyW(Set, Device, SPDRP_SERVICE, NULL, (BYTE *)Service, sizeof(Service), NULL))
        RememberService(Replacement, Service);
}

static DWORD Unload(HANDLE Bus, const WCHAR *Service, DWORD Milliseconds)
{
    for (ULONGLONG Deadline = GetTickCount64() + Milliseconds;; Sleep(10))
    {
        if (Ask(Bus, IOCTL_SWDEVICE_UNLOAD, Service, NULL))
            return ERROR_SUCCESS;
        if (GetLastError() != ERROR_BUSY || GetTickCount64() > Deadline)
            return GetLastError();
    }
}

DWORD ReplaceUnload(REPLACEMENT *Replacement)
{
    ULONGLONG Deadline = GetTickCount64() + GOING_MS;
    DWORD Result = ERROR_SUCCESS;
    ULONG Leaving;
    for (ULONG i = 0; i < Replacement->DeviceCount; i++)
        while (Ask(Replacement->Bus, IOCTL_SWDEVICE_STOP, Replacement->Devices[i], &Leaving) && Leaving &&
               GetTickCount64() < Deadline)
            Sleep(5);
    DWORD Error;
    for (ULONG i = 0; i < Replacement->ServiceCount; i++)
        if ((Error = Unload(Replacement->Bus, Replacement->Services[i], OPEN_MS)) != ERROR_SUCCESS)
            Result = Error;
    return Result;
}

VOID ReplaceEnd(REPLACEMENT *Replacement)
{
    if (Replacement->Bus != INVALID_HANDLE_VALUE)
        CloseHandle(Replacement->Bus);
}

DWORD ReplaceUnloadIdle(const WCHAR *Service, BOOL Wait)
{
    HANDLE Bus = OpenBus();
    if (Bus == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD Error = Unload(Bus, Service, Wait ? OPEN_MS : 0);
    CloseHandle(Bus);
    return Error;
}
