/* SPDX-License-Identifier: MIT */
/*
 * The Software Device API (SwDeviceCreate and its kin), the part of cfgmgr32.dll that makes devices. A device's identity,
 * IDs and properties are written to the registry here, its driver is installed from the driver store (install.c), and
 * then the bus (swdevice.sys) lets it appear. An HSWDEVICE holds a handle of the bus; when that is closed, by
 * SwDeviceClose or by the end of the process, the device goes.
 *
 * Threads: SwDeviceCreate claims the name and writes the properties on the caller's thread; a thread of the pool installs
 * the driver, plugs the device in and calls the caller back. SwDeviceClose waits for that unless called from the callback.
 */
#define _CFGMGR32_ /* we are the DLL: its functions are not imported */
#include "wdk/missing.h"

#include <winioctl.h>
#include <setupapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <initguid.h>
#include <devpkey.h>

#include "host/wine/cfgmgr32/cfgmgr32.h"
#include "host/wine/shared/failures.h"
#include "host/wine/swdevice/swdevice.h"

/* "SetupDiSetDevicePropertyW function (setupapi.h)", which mingw-w64's header lacks */
BOOL WINAPI SetupDiSetDevicePropertyW(HDEVINFO Set, PSP_DEVINFO_DATA Data, const DEVPROPKEY *Key, DEVPROPTYPE Type,
                                      const BYTE *Buffer, DWORD Size, DWORD Flags);

#define IDS_MAX 4096 /* UTF-16 units of a list of hardware or compatible IDs, with both ending 0 */

typedef struct _SW_DEVICE
{
    HANDLE Bus;
    BOOL Existing;   /* the device was there, left by a closed handle */
    PTP_WORK Work;   /* what makes it appear, then the callback */
    DWORD Worker;    /* the thread in the callback */
    LONG References; /* the handle, the work */
    SW_DEVICE_CREATE_CALLBACK Callback;
    PVOID Context;
    WCHAR Id[SWDEVICE_ID_MAX];
    WCHAR HardwareIds[IDS_MAX];
    WCHAR CompatibleIds[IDS_MAX];
    SWDEVICE_PLUG Plug;
} SW_DEVICE;

static VOID Release(SW_DEVICE *Device)
{
    if (InterlockedDecrement(&Device->References))
        return;
    CloseThreadpoolWork(Device->Work);
    CloseHandle(Device->Bus);
    free(Device);
}

/* The program must not be told apart from an administrator: Windows asks for one. */
static BOOL IsAdministrator(VOID)
{
    SID_IDENTIFIER_AUTHORITY Authority = {SECURITY_NT_AUTHORITY};
    BOOL Member = FALSE;
    PSID Administrators;
    if (!AllocateAndInitializeSid(&Authority, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0,
                                  &Administrators))
        return FALSE;
    if (!CheckTokenMembership(NULL, Administrators, &Member))
        Member = FALSE;
    FreeSid(Administrators);
    return Member;
}

static BOOL BusControl(HANDLE Bus, DWORD Code, VOID *Input, DWORD InputLength, ULONG *Output)
{
    DWORD Returned;
    return DeviceIoControl(Bus, Code, Input, InputLength, Output, Output ? sizeof(*Output) : 0, &Returned, NULL);
}

/* --- what stands in the registry ----------------------------------------------------------------------------------- */

/* Units of a list of strings with both its ending zeros; 0 for none or one that is too long. */
static DWORD ListLength(const WCHAR *List)
{
    const WCHAR *End = List;
    if (!List)
        return 0;
    while (*End)
        End += wcslen(End) + 1;
    return End - List + 2 <= IDS_MAX ? (DWORD)(End - List + 1) : 0;
}

/* Wine keeps a property of the device's own apart from the registry property of the same meaning: write both. */
static const struct
{
    const DEVPROPKEY *Key;
    DWORD Property;
} RegistryTwins[] = {
    {&DEVPKEY_Device_FriendlyName, SPDRP_FRIENDLYNAME},
    {&DEVPKEY_Device_LocationInfo, SPDRP_LOCATION_INFORMATION},
    {&DEVPKEY_Device_DeviceDesc, SPDRP_DEVICEDESC},
};

DWORD SetDeviceProperties(HDEVINFO Set, SP_DEVINFO_DATA *Data, ULONG Count, const DEVPROPERTY *Properties)
{
    for (ULONG i = 0; i < Count; i++)
    {
        const DEVPROPERTY *Property = &Properties[i];
        BOOL Delete = Property->Type == DEVPROP_TYPE_EMPTY;
        if (Property->Type == DEVPROP_TYPE_GUID && IsEqualDevPropKey(Property->CompKey.Key, DEVPKEY_Device_ClassGuid))
        {
            /* A device without a driver has the class that its maker gives it: its driver key goes by it. */
            WCHAR Class[40];
            DWORD Units = (DWORD)StringFromGUID2(Property->Buffer, Class, ARRAYSIZE(Class));
            SetupDiSetDeviceRegistryPropertyW(Set, Data, SPDRP_CLASSGUID, (const BYTE *)Class, Units * sizeof(WCHAR));
            continue;
        }
        if (!SetupDiSetDevicePropertyW(Set, Data, &Property->CompKey.Key, Property->Type,
                                       Delete ? NULL : Property->Buffer, Delete ? 0 : Property->BufferSize, 0) &&
            !(Delete && GetLastError() == ERROR_NOT_FOUND))
            return GetLastError();
        for (ULONG k = 0; k < ARRAYSIZE(RegistryTwins); k++)
            if (Property->Type == DEVPROP_TYPE_STRING &&
                IsEqualDevPropKey(Property->CompKey.Key, *RegistryTwins[k].Key))
                SetupDiSetDeviceRegistryPropertyW(Set, Data, RegistryTwins[k].Property, Property->Buffer,
                                                  Property->BufferSize);
    }
    return ERROR_SUCCESS;
}

/*
 * Wine's setupapi marks a device with "Phantom" until it is registered, and neither opens such a one nor makes it again: of a
 * program that died in between it would be in the way for ever. The bus has given this name to our handle alone.
 */
static BOOL OpenOrMake(HDEVINFO Set, const SW_DEVICE *Device, const WCHAR *Description, SP_DEVINFO_DATA *Data)
{
    static const GUID NoClass;
    WCHAR Key[SWDEVICE_ID_MAX + 64];
    swprintf(Key, ARRAYSIZE(Key), L"System\\CurrentControlSet\\Enum\\%ls", Device->Id);
    RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, Key, L"Phantom");
    return SetupDiOpenDeviceInfoW(Set, Device->Id, NULL, 0, Data) ||
           (SetupDiCreateDeviceInfoW(Set, Device->Id, &NoClass, Description, NULL, 0, Data) &&
            SetupDiRegisterDeviceInfo(Set, Data, 0, NULL, NULL, NULL));
}

static DWORD WriteDevice(const SW_DEVICE *Device, const WCHAR *Parent, const SW_DEVICE_CREATE_INFO *Info,
                         ULONG PropertyCount, const DEVPROPERTY *Properties)
{
    SP_DEVINFO_DATA Data = {.cbSize = sizeof(Data)};
    DWORD Error = ERROR_SUCCESS;
    HDEVINFO Set = SetupDiCreateDeviceInfoList(NULL, NULL);
    if (Set == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!OpenOrMake(Set, Device, Info->pszDeviceDescription, &Data))
    {
        Error = GetLastError();
        goto cleanupSet;
    }
    SetupDiSetDeviceRegistryPropertyW(Set, &Data, SPDRP_HARDWAREID, (const BYTE *)Device->HardwareIds,
                                      ListLength(Device->HardwareIds) * sizeof(WCHAR));
    SetupDiSetDeviceRegistryPropertyW(Set, &Data, SPDRP_COMPATIBLEIDS, (const BYTE *)Device->CompatibleIds,
                                      ListLength(Device->CompatibleIds) * sizeof(WCHAR));
    if (Device->Plug.Description[0])
        SetupDiSetDevicePropertyW(Set, &Data, &DEVPKEY_Device_BusReportedDeviceDesc, DEVPROP_TYPE_STRING,
                                  (const BYTE *)Device->Plug.Description,
                                  (DWORD)(wcslen(Device->Plug.Description) + 1) * sizeof(WCHAR), 0);
    if (Info->pszDeviceLocation)
        SetupDiSetDeviceRegistryPropertyW(Set, &Data, SPDRP_LOCATION_INFORMATION, (const BYTE *)Info->pszDeviceLocation,
                                          (DWORD)(wcslen(Info->pszDeviceLocation) + 1) * sizeof(WCHAR));
    SetupDiSetDevicePropertyW(Set, &Data, &DEVPKEY_Device_Parent, DEVPROP_TYPE_STRING, (const BYTE *)Parent,
                              (DWORD)(wcslen(Parent) + 1) * sizeof(WCHAR), 0);
    Error = SetDeviceProperties(Set, &Data, PropertyCount, Properties);
cleanupSet:
    SetupDiDestroyDeviceInfoList(Set);
    return Error;
}

/* --- making it appear ---------------------------------------------------------------------------------------------- */

static HRESULT PlugIn(SW_DEVICE *Device)
{
    if (!HostFailure(L"Problem"))
        InstallBestDriver(Device->Id);
    if (!BusControl(Device->Bus, IOCTL_SWDEVICE_PLUG, &Device->Plug, sizeof(Device->Plug), NULL))
        return HRESULT_FROM_WIN32(GetLastError());
    return S_OK;
}

static VOID CALLBACK Appear(PTP_CALLBACK_INSTANCE Instance, PVOID Parameter, PTP_WORK Work)
{
    SW_DEVICE *Device = Parameter;
    DWORD Failure = HostFailure(L"SwDeviceCallback"), Late = HostFailure(L"ProblemMs");
    HRESULT Result = FAILED((HRESULT)Failure) ? (HRESULT)Failure : S_OK;
    if (HostServiceDisabled(L"DeviceInstall"))
    {
        Release(Device); /* nobody enumerates it, and nobody says so */
        return;
    }
    if (!Device->Existing && !Late && SUCCEEDED(Result))
        Result = PlugIn(Device);
    Device->Worker = GetCurrentThreadId();
    if (Failure != 1)
        Device->Callback((HSWDEVICE)Device, Result, Device->Context, SUCCEEDED(Result) ? Device->Id : NULL);
    Device->Worker = 0;
    if (Late)
    {
        Sleep(Late);
        HostFailureEnd(L"Problem");
        HostFailureEnd(L"ProblemMs");
        PlugIn(Device);
    }
    Release(Device);
}

/* --- the API ------------------------------------------------------------------------------------------------------- */

static BOOL IsIdPart(const WCHAR *Part)
{
    if (!Part || !*Part)
        return FALSE;
    for (; *Part; Part++)
        if (*Part <= L' ' || *Part > 0x7f || *Part == L',' || *Part == L'\\')
            return FALSE;
    return TRUE;
}

static HRESULT CheckParameters(PCWSTR Enumerator, PCWSTR Parent, const SW_DEVICE_CREATE_INFO *Info, ULONG PropertyCount,
                               const DEVPROPERTY *Properties, SW_DEVICE_CREATE_CALLBACK Callback, HSWDEVICE *SwDevice)
{
    if (!Parent || !*Parent || !Info || Info->cbSize != sizeof(*Info) || !Callback || !SwDevice ||
        (PropertyCount && !Properties) || !IsIdPart(Enumerator) || !IsIdPart(Info->pszInstanceId) ||
        Info->CapabilityFlags > 15)
        return E_INVALIDARG;
    if (wcslen(Enumerator) + wcslen(Info->pszInstanceId) + sizeof("SWD\\\\") > SWDEVICE_ID_MAX)
        return E_INVALIDARG;
    if ((Info->pszzHardwareIds && !ListLength(Info->pszzHardwareIds)) ||
        (Info->pszzCompatibleIds && !ListLength(Info->pszzCompatibleIds)))
        return E_INVALIDARG;
    /* "at least one [...] must be filled in": "SW_DEVICE_CREATE_INFO structure" */
    if ((Info->CapabilityFlags & SWDeviceCapabilitiesDriverRequired) && ListLength(Info->pszzHardwareIds) <= 1 &&
        ListLength(Info->pszzCompatibleIds) <= 1)
        return E_INVALIDARG;
    return IsAdministrator() ? S_OK : E_ACCESSDENIED;
}

static VOID FillDevice(SW_DEVICE *Device, const SW_DEVICE_CREATE_INFO *Info)
{
    static const WCHAR Generic[] = L"SWD\\Generic\0";
    DWORD Units = ListLength(Info->pszzCompatibleIds);
    Device->Plug.Capabilities = Info->CapabilityFlags;
    if (Info->pszzHardwareIds)
        memcpy(Device->HardwareIds, Info->pszzHardwareIds, ListLength(Info->pszzHardwareIds) * sizeof(WCHAR));
    if (Units)
        memcpy(Device->CompatibleIds, Info->pszzCompatibleIds, --Units * sizeof(WCHAR));
    if (Units + ARRAYSIZE(Generic) <= IDS_MAX)
        memcpy(Device->CompatibleIds + Units, Generic, sizeof(Generic));
    if (Info->pContainerId)
        StringFromGUID2(Info->pContainerId, Device->Plug.ContainerId, ARRAYSIZE(Device->Plug.ContainerId));
    if (Info->pszDeviceDescription)
        lstrcpynW(Device->Plug.Description, Info->pszDeviceDescription, SWDEVICE_TEXT_MAX);
}

/*
 * Starts making a software device; its outcome comes to Callback, on another thread and maybe before this returns.
 * E_INVALIDARG: a parameter is missing or malformed. E_ACCESSDENIED: not an administrator.
 * HRESULT_FROM_WIN32(ERROR_ALREADY_EXISTS): another handle has the device. Any thread.
 * "SwDeviceCreate function (swdevice.h)"
 */
HRESULT WINAPI SwDeviceCreate(PCWSTR EnumeratorName, PCWSTR ParentDeviceInstance,
                              const SW_DEVICE_CREATE_INFO *CreateInfo, ULONG PropertyCount,
                              const DEVPROPERTY *Properties, SW_DEVICE_CREATE_CALLBACK Callback, PVOID Context,
                              HSWDEVICE *SwDevice)
{
    HRESULT Result = CheckParameters(EnumeratorName, ParentDeviceInstance, CreateInfo, PropertyCount, Properties,
                                     Callback, SwDevice);
    if (FAILED(Result))
        return Result;
    if (HostFailure(L"SwDeviceCreate"))
        return (HRESULT)HostFailure(L"SwDeviceCreate");
    *SwDevice = NULL;
    SW_DEVICE *Device = calloc(1, sizeof(*Device));
    if (!Device)
        return E_OUTOFMEMORY;
    Device->References = 2;
    Device->Callback = Callback;
    Device->Context = Context;
    swprintf(Device->Id, SWDEVICE_ID_MAX, L"SWD\\%ls\\%ls", EnumeratorName, CreateInfo->pszInstanceId);
    FillDevice(Device, CreateInfo);

    Device->Bus = OpenOrStartBus();
    DWORD Error;
    if (Device->Bus == INVALID_HANDLE_VALUE)
    {
        Error = GetLastError();
        goto cleanupDevice;
    }
    ULONG Existing;
    if (!BusControl(Device->Bus, IOCTL_SWDEVICE_RESERVE, Device->Id, (DWORD)(wcslen(Device->Id) + 1) * sizeof(WCHAR),
                    &Existing))
    {
        Error = GetLastError();
        goto cleanupBus;
    }
    Device->Existing = Existing != 0;
    Error = WriteDevice(Device, ParentDeviceInstance, CreateInfo, PropertyCount, Properties);
    if (Error != ERROR_SUCCESS)
        goto cleanupBus;
    Device->Work = CreateThreadpoolWork(Appear, Device, NULL);
    if (!Device->Work)
    {
        Error = GetLastError();
        goto cleanupBus;
    }
    *SwDevice = (HSWDEVICE)Device;
    SubmitThreadpoolWork(Device->Work);
    return S_OK;
cleanupBus:
    CloseHandle(Device->Bus);
cleanupDevice:
    free(Device);
    return HRESULT_FROM_WIN32(Error);
}

/* Closes the handle; the device goes, unless its lifetime says otherwise. "SwDeviceClose function (swdevice.h)" */
VOID WINAPI SwDeviceClose(HSWDEVICE SwDevice)
{
    SW_DEVICE *Device = (SW_DEVICE *)SwDevice;
    if (!Device)
        return;
    if (Device->Worker != GetCurrentThreadId())
        WaitForThreadpoolWorkCallbacks(Device->Work, FALSE);
    Release(Device);
    if (HostFailureLast(L"ProblemCloses"))
        HostFailureEnd(L"Problem");
}

/* E_INVALIDARG: no handle, or not a lifetime. "SwDeviceSetLifetime function (swdevice.h)" */
HRESULT WINAPI SwDeviceSetLifetime(HSWDEVICE SwDevice, SW_DEVICE_LIFETIME Lifetime)
{
    ULONG Value = Lifetime;
    if (!SwDevice || (Lifetime != SWDeviceLifetimeHandle && Lifetime != SWDeviceLifetimeParentPresent))
        return E_INVALIDARG;
    if (!BusControl(((SW_DEVICE *)SwDevice)->Bus, IOCTL_SWDEVICE_SET_LIFETIME, &Value, sizeof(Value), NULL))
        return HRESULT_FROM_WIN32(GetLastError());
    return S_OK;
}

/* "SwDeviceGetLifetime function (swdevice.h)" */
HRESULT WINAPI SwDeviceGetLifetime(HSWDEVICE SwDevice, SW_DEVICE_LIFETIME *Lifetime)
{
    if (!SwDevice || !Lifetime)
        return E_INVALIDARG;
    ULONG Value;
    if (!BusControl(((SW_DEVICE *)SwDevice)->Bus, IOCTL_SWDEVICE_GET_LIFETIME, NULL, 0, &Value))
        return HRESULT_FROM_WIN32(GetLastError());
    *Lifetime = Value;
    return S_OK;
}

/* "SwDevicePropertySet function (swdevice.h)" */
HRESULT WINAPI SwDevicePropertySet(HSWDEVICE SwDevice, ULONG PropertyCount, const DEVPROPERTY *Properties)
{
    if (!SwDevice || !PropertyCount || !Properties)
        return E_INVALIDARG;
    SP_DEVINFO_DATA Data;
    HDEVINFO Set;
    if (!OpenDeviceById(((SW_DEVICE *)SwDevice)->Id, &Set, &Data))
        return HRESULT_FROM_WIN32(GetLastError());
    DWORD Error = SetDeviceProperties(Set, &Data, PropertyCount, Properties);
    SetupDiDestroyDeviceInfoList(Set);
    return Error ? HRESULT_FROM_WIN32(Error) : S_OK;
}

/* Interfaces that a program makes for a device without a driver are not supplied here: E_NOTIMPL. */
HRESULT WINAPI SwDeviceInterfaceRegister(HSWDEVICE SwDevice, const GUID *InterfaceClass, PCWSTR ReferenceString,
                                         ULONG PropertyCount, const DEVPROPERTY *Properties, BOOL Enabled,
                                         PWSTR *InterfaceId)
{
    if (InterfaceId)
        *InterfaceId = NULL;
    return E_NOTIMPL;
}

HRESULT WINAPI SwDeviceInterfaceSetState(HSWDEVICE SwDevice, PCWSTR InterfaceId, BOOL Enabled)
{
    return E_NOTIMPL;
}

HRESULT WINAPI SwDeviceInterfacePropertySet(HSWDEVICE SwDevice, PCWSTR InterfaceId, ULONG PropertyCount,
                                            const DEVPROPERTY *Properties)
{
    return E_NOTIMPL;
}

VOID WINAPI SwMemFree(PVOID Memory)
{
    free(Memory);
}
