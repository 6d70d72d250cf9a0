/* SPDX-License-Identifier: MIT */
/*
 * What mingw-w64's headers lack of Windows' user-mode interface, ours, after the documentation: software devices
 * (swdevice.h, swdevicedef.h, devpropdef.h), notifications and properties of devices (cfgmgr32.h), the driver store
 * (setupapi.h, newdev.h). For the library, which calls it, and for host/wine, which supplies it. Nothing else belongs here.
 */
#ifndef PLAINTUN_MISSING_H
#define PLAINTUN_MISSING_H

#include <windows.h>
#include <cfgmgr32.h>
#include <devpropdef.h>

/* "DEVPROPERTY structure (devpropdef.h)" */
typedef enum _DEVPROPSTORE
{
    DEVPROP_STORE_SYSTEM,
    DEVPROP_STORE_USER
} DEVPROPSTORE;

typedef struct _DEVPROPCOMPKEY
{
    DEVPROPKEY Key;
    DEVPROPSTORE Store;
    PCWSTR LocaleName;
} DEVPROPCOMPKEY;

typedef struct _DEVPROPERTY
{
    DEVPROPCOMPKEY CompKey;
    DEVPROPTYPE Type;
    ULONG BufferSize; /* bytes */
    PVOID Buffer;
} DEVPROPERTY;

/* "SW_DEVICE_CREATE_INFO structure (swdevicedef.h)" */
typedef enum _SW_DEVICE_CAPABILITIES
{
    SWDeviceCapabilitiesNone = 0x00000000,
    SWDeviceCapabilitiesRemovable = 0x00000001,
    SWDeviceCapabilitiesSilentInstall = 0x00000002,
    SWDeviceCapabilitiesNoDisplayInUI = 0x00000004,
    SWDeviceCapabilitiesDriverRequired = 0x00000008
} SW_DEVICE_CAPABILITIES;

typedef struct SW_DEVICE_CREATE_INFO
{
    ULONG cbSize;
    PCWSTR pszInstanceId;
    PCZZWSTR pszzHardwareIds;
    PCZZWSTR pszzCompatibleIds;
    const GUID *pContainerId;
    ULONG CapabilityFlags;
    PCWSTR pszDeviceDescription;
    PCWSTR pszDeviceLocation;
    const SECURITY_DESCRIPTOR *pSecurityDescriptor;
} SW_DEVICE_CREATE_INFO;

/* "SwDeviceSetLifetime function (swdevice.h)" */
typedef enum _SW_DEVICE_LIFETIME
{
    SWDeviceLifetimeHandle,
    SWDeviceLifetimeParentPresent,
    SWDeviceLifetimeMax
} SW_DEVICE_LIFETIME;

DECLARE_HANDLE(HSWDEVICE);

typedef VOID(WINAPI *SW_DEVICE_CREATE_CALLBACK)(HSWDEVICE Device, HRESULT CreateResult, PVOID Context,
                                                PCWSTR DeviceInstanceId);

/* "SwDeviceCreate function (swdevice.h)" and its neighbours, Cfgmgr32.dll */
HRESULT WINAPI SwDeviceCreate(PCWSTR Enumerator, PCWSTR ParentDeviceInstance, const SW_DEVICE_CREATE_INFO *CreateInfo,
                              ULONG PropertyCount, const DEVPROPERTY *Properties, SW_DEVICE_CREATE_CALLBACK Callback,
                              PVOID Context, HSWDEVICE *Device);
VOID WINAPI SwDeviceClose(HSWDEVICE Device);
HRESULT WINAPI SwDeviceSetLifetime(HSWDEVICE Device, SW_DEVICE_LIFETIME Lifetime);
HRESULT WINAPI SwDeviceGetLifetime(HSWDEVICE Device, SW_DEVICE_LIFETIME *Lifetime);
HRESULT WINAPI SwDevicePropertySet(HSWDEVICE Device, ULONG PropertyCount, const DEVPROPERTY *Properties);
HRESULT WINAPI SwDeviceInterfaceRegister(HSWDEVICE Device, const GUID *InterfaceClass, PCWSTR ReferenceString,
                                         ULONG PropertyCount, const DEVPROPERTY *Properties, BOOL Enabled,
                                         PWSTR *InterfaceId);
HRESULT WINAPI SwDeviceInterfaceSetState(HSWDEVICE Device, PCWSTR InterfaceId, BOOL Enabled);
HRESULT WINAPI SwDeviceInterfacePropertySet(HSWDEVICE Device, PCWSTR InterfaceId, ULONG PropertyCount,
                                            const DEVPROPERTY *Properties);
VOID WINAPI SwMemFree(PVOID Memory);

/* "CM_Set_DevNode_PropertyW function (cfgmgr32.h)", "CM_MapCrToWin32Err function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Set_DevNode_PropertyW(DEVINST Node, const DEVPROPKEY *Key, DEVPROPTYPE Type, const BYTE *Value,
                                          ULONG Size, ULONG Flags);
DWORD WINAPI CM_MapCrToWin32Err(CONFIGRET Code, DWORD DefaultError);

/* "CM_Register_Notification function (cfgmgr32.h)"; mingw-w64 has its types, and from 12 on these very declarations */
CMAPI CONFIGRET WINAPI CM_Register_Notification(PCM_NOTIFY_FILTER Filter, PVOID Context, PCM_NOTIFY_CALLBACK Callback,
                                                HCMNOTIFICATION *Notification);
CMAPI CONFIGRET WINAPI CM_Unregister_Notification(HCMNOTIFICATION Notification);

/* "SetupGetInfDriverStoreLocationW function (setupapi.h)"; the second and third parameter are reserved */
BOOL WINAPI SetupGetInfDriverStoreLocationW(PCWSTR FileName, PVOID AlternatePlatformInfo, PCWSTR LocaleName,
                                            PWSTR Buffer, DWORD BufferSize, PDWORD RequiredSize);

/* "DiUninstallDriverW function (newdev.h)" */
BOOL WINAPI DiUninstallDriverW(HWND Parent, LPCWSTR InfPath, DWORD Flags, PBOOL NeedReboot);

#endif
