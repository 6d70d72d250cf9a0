/* SPDX-License-Identifier: MIT */
/*
 * The Software Device API and the device notifications of cfgmgr32 as Microsoft documents them (swdevice.h,
 * swdevicedef.h, cfgmgr32.h): mingw-w64's headers lack them. For cfgmgr32.dll itself and for the tests.
 */
#ifndef HOST_WINE_SWDEVICEAPI_H
#define HOST_WINE_SWDEVICEAPI_H

#include <windows.h>
#include <devpropdef.h>
#include <cfgmgr32.h>

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

DECLARE_HANDLE(HSWDEVICE);

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

typedef enum _SW_DEVICE_LIFETIME
{
    SWDeviceLifetimeHandle,
    SWDeviceLifetimeParentPresent,
    SWDeviceLifetimeMax
} SW_DEVICE_LIFETIME;

typedef VOID(WINAPI *SW_DEVICE_CREATE_CALLBACK)(HSWDEVICE Device, HRESULT CreateResult, PVOID Context,
                                                PCWSTR DeviceInstanceId);

HRESULT WINAPI SwDeviceCreate(PCWSTR EnumeratorName, PCWSTR ParentDeviceInstance,
                              const SW_DEVICE_CREATE_INFO *CreateInfo, ULONG PropertyCount,
                              const DEVPROPERTY *Properties, SW_DEVICE_CREATE_CALLBACK Callback, PVOID Context,
                              HSWDEVICE *SwDevice);
VOID WINAPI SwDeviceClose(HSWDEVICE SwDevice);
HRESULT WINAPI SwDeviceSetLifetime(HSWDEVICE SwDevice, SW_DEVICE_LIFETIME Lifetime);
HRESULT WINAPI SwDeviceGetLifetime(HSWDEVICE SwDevice, SW_DEVICE_LIFETIME *Lifetime);
HRESULT WINAPI SwDevicePropertySet(HSWDEVICE SwDevice, ULONG PropertyCount, const DEVPROPERTY *Properties);
HRESULT WINAPI SwDeviceInterfaceRegister(HSWDEVICE SwDevice, const GUID *InterfaceClass, PCWSTR ReferenceString,
                                         ULONG PropertyCount, const DEVPROPERTY *Properties, BOOL Enabled,
                                         PWSTR *InterfaceId);
HRESULT WINAPI SwDeviceInterfaceSetState(HSWDEVICE SwDevice, PCWSTR InterfaceId, BOOL Enabled);
HRESULT WINAPI SwDeviceInterfacePropertySet(HSWDEVICE SwDevice, PCWSTR InterfaceId, ULONG PropertyCount,
                                            const DEVPROPERTY *Properties);
VOID WINAPI SwMemFree(PVOID Memory);

CONFIGRET WINAPI CM_Register_Notification(PCM_NOTIFY_FILTER Filter, PVOID Context, PCM_NOTIFY_CALLBACK Callback,
                                          PHCMNOTIFICATION NotifyContext);
CONFIGRET WINAPI CM_Unregister_Notification(HCMNOTIFICATION NotifyContext);
CONFIGRET WINAPI CM_Set_DevNode_PropertyW(DEVINST Instance, const DEVPROPKEY *Key, DEVPROPTYPE Type, const BYTE *Buffer,
                                          ULONG Size, ULONG Flags);
DWORD WINAPI CM_MapCrToWin32Err(CONFIGRET Code, DWORD DefaultError);

#endif
