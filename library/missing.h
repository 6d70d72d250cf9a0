/* SPDX-License-Identifier: MIT */
/*
 * Declarations of Windows that mingw-w64 10 lacks, ours, after the documentation: software devices (swdevice.h,
 * swdevicedef.h, devpropdef.h), notifications of devices (cfgmgr32.h) and DiUninstallDriverW (newdev.h). Nothing else
 * belongs here.
 */
#ifndef PLAINTUN_MISSING_H
#define PLAINTUN_MISSING_H

#include <windows.h>
#include <cfgmgr32.h>
#include <devpropdef.h>

extern const DEVPROPKEY
    FriendlyNameKey; /* DEVPKEY_Device_FriendlyName (devpkey.h) needs initguid.h; devices.c has it */

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
#define SWDeviceCapabilitiesSilentInstall  0x00000002
#define SWDeviceCapabilitiesNoDisplayInUI  0x00000004
#define SWDeviceCapabilitiesDriverRequired 0x00000008

typedef struct _SW_DEVICE_CREATE_INFO
{
    ULONG cbSize;
    PCWSTR pszInstanceId;
    PCWSTR pszzHardwareIds;
    PCWSTR pszzCompatibleIds;
    const GUID *pContainerId;
    ULONG CapabilityFlags;
    PCWSTR pszDeviceDescription;
    PCWSTR pszDeviceLocation;
    const SECURITY_DESCRIPTOR *pSecurityDescriptor;
} SW_DEVICE_CREATE_INFO;

DECLARE_HANDLE(HSWDEVICE);

typedef VOID(WINAPI *SW_DEVICE_CREATE_CALLBACK)(HSWDEVICE Device, HRESULT CreateResult, PVOID Context,
                                                PCWSTR DeviceInstanceId);

/* "SwDeviceCreate function (swdevice.h)", Cfgmgr32.dll */
HRESULT WINAPI SwDeviceCreate(PCWSTR Enumerator, PCWSTR ParentDeviceInstance, const SW_DEVICE_CREATE_INFO *CreateInfo,
                              ULONG PropertyCount, const DEVPROPERTY *Properties, SW_DEVICE_CREATE_CALLBACK Callback,
                              PVOID Context, HSWDEVICE *Device);
VOID WINAPI SwDeviceClose(HSWDEVICE Device);

/* "SwDeviceSetLifetime function (swdevice.h)" */
typedef enum _SW_DEVICE_LIFETIME
{
    SWDeviceLifetimeHandle,
    SWDeviceLifetimeParentPresent
} SW_DEVICE_LIFETIME;

HRESULT WINAPI SwDeviceSetLifetime(HSWDEVICE Device, SW_DEVICE_LIFETIME Lifetime);

/* "SwDevicePropertySet function (swdevice.h)" */
HRESULT WINAPI SwDevicePropertySet(HSWDEVICE Device, ULONG PropertyCount, const DEVPROPERTY *Properties);

/* "CM_Set_DevNode_PropertyW function (cfgmgr32.h)", "CM_MapCrToWin32Err function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Set_DevNode_PropertyW(DEVINST Node, const DEVPROPKEY *Key, DEVPROPTYPE Type, const BYTE *Value,
                                          ULONG Size, ULONG Flags);
DWORD WINAPI CM_MapCrToWin32Err(CONFIGRET Code, DWORD DefaultError);

/* "CM_Register_Notification function (cfgmgr32.h)"; mingw-w64 has its types */
CONFIGRET WINAPI CM_Register_Notification(PCM_NOTIFY_FILTER Filter, PVOID Context, PCM_NOTIFY_CALLBACK Callback,
                                          HCMNOTIFICATION *Notification);
CONFIGRET WINAPI CM_Unregister_Notification(HCMNOTIFICATION Notification);

/* "SetupGetInfDriverStoreLocationW function (setupapi.h)"; the second and third parameter are reserved */
BOOL WINAPI SetupGetInfDriverStoreLocationW(LPCWSTR FileName, void *AlternatePlatformInfo, LPCWSTR LocaleName,
                                            LPWSTR ReturnBuffer, DWORD ReturnBufferSize, DWORD *RequiredSize);

/* "DiUninstallDriverW function (newdev.h)" */
BOOL WINAPI DiUninstallDriverW(HWND Parent, LPCWSTR InfPath, DWORD Flags, PBOOL NeedReboot);

#endif
