/* SPDX-License-Identifier: MIT */
/*
 * newdev.dll: DiInstallDriver and DiUninstallDriver on the driver store, DiUninstallDevice on software devices; all else
 * of it is forwarded to Wine's own, kept as newdev_wine.dll. One installation at a time in the whole system (StoreLock).
 */
#include <windows.h>
#include <winioctl.h>
#include <setupapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "host/wine/newdev/store.h"
#include "host/wine/shared/failures.h"
#include "host/wine/newdev/newdev.h"
#include "host/wine/newdev/replace.h"
#include "host/wine/swdevice/swdevice.h"

static BOOL Return(DWORD Error)
{
    SetLastError(Error);
    return Error == ERROR_SUCCESS;
}

/* The INF that a device was installed from ("oem0.inf"); FALSE without a driver. */
static BOOL InfOfDevice(HDEVINFO Set, SP_DEVINFO_DATA *Device, WCHAR Name[MAX_PATH])
{
    DWORD Length = MAX_PATH * sizeof(WCHAR);
    HKEY Key = SetupDiOpenDevRegKey(Set, Device, DICS_FLAG_GLOBAL, 0, DIREG_DRV, KEY_READ);
    if (Key == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL Found = !RegGetValueW(Key, NULL, L"InfPath", RRF_RT_REG_SZ, NULL, Name, &Length);
    RegCloseKey(Key);
    return Found;
}

static BOOL ReadIds(HDEVINFO Set, SP_DEVINFO_DATA *Device, DWORD Property, WCHAR *Ids, DWORD Units)
{
    memset(Ids, 0, Units * sizeof(WCHAR));
    return SetupDiGetDeviceRegistryPropertyW(Set, Device, Property, NULL, (BYTE *)Ids, (Units - 2) * sizeof(WCHAR),
                                             NULL);
}

/* What is done with the devices that a driver is for, or has. Devices that are there are stopped meanwhile. */
typedef BOOL (*DEVICE_TEST)(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *OemName, BOOL Force);
typedef VOID (*DEVICE_CHANGE)(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *OemName);

static DWORD ChangeDevices(const WCHAR *OemName, BOOL Force, DEVICE_TEST Test, DEVICE_CHANGE Change, PBOOL NeedReboot)
{
    SP_DEVINFO_DATA Device = {.cbSize = sizeof(Device)};
    HDEVINFO Set = SetupDiGetClassDevsW(NULL, NULL, NULL, DIGCF_ALLCLASSES);
    if (Set == INVALID_HANDLE_VALUE)
        return GetLastError();
    REPLACEMENT Replacement;
    ReplaceBegin(&Replacement);
    for (DWORD i = 0; SetupDiEnumDeviceInfo(Set, i, &Device); i++)
        if (Test(Set, &Device, OemName, Force))
            ReplaceStop(&Replacement, Set, &Device);
    DWORD Error = ReplaceUnload(&Replacement);
    if (Error == ERROR_BUSY && NeedReboot)
        *NeedReboot = TRUE;
    for (DWORD i = 0; SetupDiEnumDeviceInfo(Set, i, &Device); i++)
        if (Test(Set, &Device, OemName, Force))
            Change(Set, &Device, OemName);
    ReplaceEnd(&Replacement);
    SetupDiDestroyDeviceInfoList(Set);
    return Error;
}

/* This package is the best driver for the device, which has none or another. */
static BOOL IsToGet(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *OemName, BOOL Force)
{
    WCHAR *Ids = malloc(2 * 4096 * sizeof(WCHAR));
    BOOL Get = FALSE;
    WCHAR Current[MAX_PATH];
    if (Ids && !(InfOfDevice(Set, Device, Current) && !_wcsicmp(Current, OemName)))
    {
        ReadIds(Set, Device, SPDRP_HARDWAREID, Ids, 4096);
        ReadIds(Set, Device, SPDRP_COMPATIBLEIDS, Ids + 4096, 4096);
        WCHAR Best[MAX_PATH], *Name;
        Get = StoreBestDriver(Ids, Ids + 4096, Best) == ERROR_SUCCESS && (Name = wcsrchr(Best, L'\\')) != NULL &&
              (!_wcsicmp(Name + 1, OemName) || (Force && StoreServes(OemName, Ids, Ids + 4096)));
    }
    free(Ids);
    return Get;
}

static VOID Give(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *OemName)
{
    WCHAR Path[MAX_PATH];
    swprintf(Path, MAX_PATH, L"C:\\windows\\inf\\%ls", OemName);
    StoreInstallOnDevice(Set, Device, Path);
}

/*
 * Takes a driver package into the store and gives it to the devices that it suits. FALSE with ERROR_INVALID_FLAGS,
 * ERROR_INVALID_PARAMETER, ERROR_FILE_NOT_FOUND (the INF or a file that it names), ERROR_INVALID_DATA (no driver's INF).
 * "DiInstallDriverW function (newdev.h)"
 */
BOOL WINAPI DiInstallDriverW(HWND Parent, LPCWSTR InfPath, DWORD Flags, PBOOL NeedReboot)
{
    if (NeedReboot)
        *NeedReboot = HostFailure(L"DiInstallDriverReboot") != 0;
    if (Flags & ~DIIRFLAG_FORCE_INF)
        return Return(ERROR_INVALID_FLAGS);
    if (!InfPath || !*InfPath)
        return Return(ERROR_INVALID_PARAMETER);
    WCHAR Path[MAX_PATH];
    if (!GetFullPathNameW(InfPath, MAX_PATH, Path, NULL) || GetFileAttributesW(Path) == INVALID_FILE_ATTRIBUTES)
        return Return(ERROR_FILE_NOT_FOUND);
    DWORD Failure = HostFailure(L"DiInstallDriver");
    Sleep(HostFailure(L"DiInstallDriverMs"));
    if (Failure && Failure != ERROR_NO_MORE_ITEMS)
        return Return(Failure);
    HANDLE Lock = StoreLock();
    WCHAR OemName[MAX_PATH];
    DWORD Error = StoreAdd(Path, OemName);
    if (Error == ERROR_SUCCESS)
        ChangeDevices(OemName, (Flags & DIIRFLAG_FORCE_INF) != 0, IsToGet, Give, NeedReboot);
    StoreUnlock(Lock);
    return Return(Error == ERROR_SUCCESS ? Failure : Error);
}

/* The network connection that the device's driver was (install.c), with all that was set on it. */
static VOID ForgetConnection(const WCHAR *DriverKey)
{
    static const WCHAR *const Places[] = {
        L"System\\CurrentControlSet\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}\\%ls",
        L"System\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces\\%ls",
        L"System\\CurrentControlSet\\Services\\Tcpip6\\Parameters\\Interfaces\\%ls"};
    WCHAR Guid[64];
    DWORD Length = sizeof(Guid);
    if (RegGetValueW(HKEY_LOCAL_MACHINE, DriverKey, L"NetCfgInstanceId", RRF_RT_REG_SZ, NULL, Guid, &Length) || !*Guid)
        return;
    WCHAR Path[160];
    for (ULONG i = 0; i < ARRAYSIZE(Places); i++)
    {
        swprintf(Path, ARRAYSIZE(Path), Places[i], Guid);
        RegDeleteTreeW(HKEY_LOCAL_MACHINE, Path);
    }
}

/* What a device keeps of its driver: the driver key, and the values that lead to it. SetupAPI in Wine deletes no value. */
static VOID ForgetDriver(HDEVINFO Set, SP_DEVINFO_DATA *Device)
{
    static const WCHAR *const Values[] = {L"Driver", L"Service"};
    WCHAR Path[320], Driver[128];
    /* SetupDiDeleteDevRegKey would leave a driver key that has keys below it. */
    if (SetupDiGetDeviceRegistryPropertyW(Set, Device, SPDRP_DRIVER, NULL, (BYTE *)Driver, sizeof(Driver), NULL))
    {
        swprintf(Path, ARRAYSIZE(Path), L"System\\CurrentControlSet\\Control\\Class\\%ls", Driver);
        ForgetConnection(Path);
        RegDeleteTreeW(HKEY_LOCAL_MACHINE, Path);
    }
    WCHAR Id[256];
    if (!SetupDiGetDeviceInstanceIdW(Set, Device, Id, ARRAYSIZE(Id), NULL))
        return;
    swprintf(Path, ARRAYSIZE(Path), L"System\\CurrentControlSet\\Enum\\%ls", Id);
    for (ULONG i = 0; i < ARRAYSIZE(Values); i++)
        RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, Path, Values[i]);
}

static BOOL IsToLose(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *OemName, BOOL Force)
{
    WCHAR Current[MAX_PATH];
    return InfOfDevice(Set, Device, Current) && !_wcsicmp(Current, OemName);
}

/* Another package has made a service of the same name its own. */
static BOOL HasDevices(const WCHAR *Service)
{
    SP_DEVINFO_DATA Device = {.cbSize = sizeof(Device)};
    BOOL Found = FALSE;
    HDEVINFO Set = SetupDiGetClassDevsW(NULL, NULL, NULL, DIGCF_ALLCLASSES);
    WCHAR Own[MAX_PATH];
    for (DWORD i = 0; Set != INVALID_HANDLE_VALUE && !Found && SetupDiEnumDeviceInfo(Set, i, &Device); i++)
        Found = SetupDiGetDeviceRegistryPropertyW(Set, &Device, SPDRP_SERVICE, NULL, (BYTE *)Own, sizeof(Own), NULL) &&
                !_wcsicmp(Own, Service);
    if (Set != INVALID_HANDLE_VALUE)
        SetupDiDestroyDeviceInfoList(Set);
    return Found;
}

static VOID Take(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *OemName)
{
    ForgetDriver(Set, Device);
}

/*
 * Takes a driver from the devices that have it, and its package out of the store. Where a program has one of its devices
 * open it stays loaded; NeedReboot says so. FALSE with ERROR_INVALID_FLAGS, ERROR_INVALID_PARAMETER, ERROR_FILE_NOT_FOUND (no such INF, or not in
 * the store). "DiUninstallDriverW function (newdev.h)"
 */
BOOL WINAPI DiUninstallDriverW(HWND Parent, LPCWSTR InfPath, DWORD Flags, PBOOL NeedReboot)
{
    if (NeedReboot)
        *NeedReboot = HostFailure(L"DiUninstallDriverReboot") != 0;
    if (Flags & ~DIURFLAG_NO_REMOVE_INF)
        return Return(ERROR_INVALID_FLAGS);
    if (!InfPath || !*InfPath)
        return Return(ERROR_INVALID_PARAMETER);
    WCHAR Path[MAX_PATH];
    if (!GetFullPathNameW(InfPath, MAX_PATH, Path, NULL))
        return Return(ERROR_FILE_NOT_FOUND);
    if (HostFailure(L"DiUninstallDriver"))
        return Return(HostFailure(L"DiUninstallDriver"));
    HANDLE Lock = StoreLock();
    WCHAR OemName[MAX_PATH];
    DWORD Error = StoreFind(Path, OemName);
    if (Error != ERROR_SUCCESS)
        goto cleanupLock;
    ChangeDevices(OemName, FALSE, IsToLose, Take, NeedReboot);
    WCHAR Service[MAX_PATH];
    if (StoreServiceOf(OemName, Service))
    {
        BOOL Others = HasDevices(Service);
        if (ReplaceUnloadIdle(Service, !Others) == ERROR_BUSY && !Others && NeedReboot)
            *NeedReboot = TRUE;
    }
    if (!(Flags & DIURFLAG_NO_REMOVE_INF))
        Error = StoreRemove(OemName);
cleanupLock:
    StoreUnlock(Lock);
    return Return(Error);
}

/* The device's interfaces of one class: keys ##?#<instance ID with # for \>#{class}. */
static VOID ForgetInterfaces(const WCHAR *Class, const WCHAR *Id)
{
    WCHAR Start[SWDEVICE_ID_MAX + 8];
    swprintf(Start, ARRAYSIZE(Start), L"##?#%ls#", Id);
    for (WCHAR *c = Start; *c; c++)
        if (*c == L'\\')
            *c = L'#';
    WCHAR Path[320];
    swprintf(Path, ARRAYSIZE(Path), L"System\\CurrentControlSet\\Control\\DeviceClasses\\%ls", Class);
    HKEY Key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, Path, 0, KEY_ALL_ACCESS, &Key))
        return;
    WCHAR Name[320];
    for (DWORD i = 0; RegEnumKeyW(Key, i, Name, ARRAYSIZE(Name)) == ERROR_SUCCESS;)
        if (_wcsnicmp(Name, Start, wcslen(Start)) || RegDeleteTreeW(Key, Name))
            i++;
    RegCloseKey(Key);
}

/* The device's entry, with all keys below it. */
static DWORD ForgetDevice(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *Id)
{
    ForgetInterfaces(L"{CAC88484-7515-4C03-82E6-71A87ABAC361}", Id); /* GUID_DEVINTERFACE_NET */
    ForgetDriver(Set, Device);
    WCHAR Path[320];
    swprintf(Path, ARRAYSIZE(Path), L"System\\CurrentControlSet\\Enum\\%ls", Id);
    return (DWORD)RegDeleteTreeW(HKEY_LOCAL_MACHINE, Path);
}

/* Takes a software device from its bus, and waits until it is gone: as long as Windows waits for a device's removal. */
static BOOL UnplugDevice(const WCHAR *Id, DEVINST Instance)
{
    HANDLE Bus = CreateFileW(SWDEVICE_BUS_PATH, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (Bus == INVALID_HANDLE_VALUE)
        return FALSE;
    DWORD Returned;
    DeviceIoControl(Bus, IOCTL_SWDEVICE_UNPLUG, (VOID *)Id, (DWORD)(wcslen(Id) + 1) * sizeof(WCHAR), NULL, 0, &Returned,
                    NULL);
    CloseHandle(Bus);
    ULONG Status, Problem;
    for (int i = 0; i < 1000; i++, Sleep(10))
        if (CM_Get_DevNode_Status(&Status, &Problem, Instance, 0) != CR_SUCCESS)
            return TRUE;
    return FALSE;
}

/*
 * Removes a software device, if it is there, and what the system remembers of it; other devices are Wine's affair.
 * FALSE with ERROR_INVALID_FLAGS, ERROR_NO_SUCH_DEVINST. "DiUninstallDevice function (newdev.h)"
 */
BOOL WINAPI DiUninstallDevice(HWND Parent, HDEVINFO Set, PSP_DEVINFO_DATA Device, DWORD Flags, PBOOL NeedReboot)
{
    if (NeedReboot)
        *NeedReboot = HostFailure(L"DiUninstallDeviceReboot") != 0;
    if (Flags)
        return Return(ERROR_INVALID_FLAGS);
    WCHAR Id[SWDEVICE_ID_MAX];
    if (!SetupDiGetDeviceInstanceIdW(Set, Device, Id, ARRAYSIZE(Id), NULL))
        return Return(ERROR_NO_SUCH_DEVINST);
    if (_wcsnicmp(Id, L"SWD\\", 4))
        return SetupDiRemoveDevice(Set, Device);
    ULONG Status, Problem;
    if (CM_Get_DevNode_Status(&Status, &Problem, Device->DevInst, 0) == CR_SUCCESS &&
        !UnplugDevice(Id, Device->DevInst) && NeedReboot)
        *NeedReboot = TRUE;
    DWORD Error = ForgetDevice(Set, Device, Id);
    /* The enumerator's key goes with its last device: one that has others is not deleted. */
    *wcsrchr(Id, L'\\') = 0;
    WCHAR Path[SWDEVICE_ID_MAX + 64];
    swprintf(Path, ARRAYSIZE(Path), L"System\\CurrentControlSet\\Enum\\%ls", Id);
    RegDeleteKeyW(HKEY_LOCAL_MACHINE, Path);
    DWORD Gone = HostFailure(L"DiUninstallDeviceGone");
    if (Gone)
        return Return(Gone);
    return Return(Error == ERROR_FILE_NOT_FOUND ? ERROR_NO_SUCH_DEVINST : Error);
}

BOOL WINAPI DiInstallDriverA(HWND Parent, LPCSTR InfPath, DWORD Flags, PBOOL NeedReboot)
{
    WCHAR Path[MAX_PATH];
    if (!InfPath || !MultiByteToWideChar(CP_ACP, 0, InfPath, -1, Path, MAX_PATH))
        return Return(ERROR_INVALID_PARAMETER);
    return DiInstallDriverW(Parent, Path, Flags, NeedReboot);
}

BOOL WINAPI DiUninstallDriverA(HWND Parent, LPCSTR InfPath, DWORD Flags, PBOOL NeedReboot)
{
    WCHAR Path[MAX_PATH];
    if (!InfPath || !MultiByteToWideChar(CP_ACP, 0, InfPath, -1, Path, MAX_PATH))
        return Return(ERROR_INVALID_PARAMETER);
    return DiUninstallDriverW(Parent, Path, Flags, NeedReboot);
}
