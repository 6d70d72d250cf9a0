/* SPDX-License-Identifier: MIT */
/*
 * Software devices: having one enumerated, keeping it, letting it go. A device SWD\<our enumerator>\{GUID} is there for as
 * long as the one handle that SwDeviceCreate gave out for it, or, once it is persistent, until it is taken back: handle
 * lifetime, then closed. The callback of SwDeviceCreate only tells that the device was enumerated, not that it works.
 * Any thread; whoever makes or takes devices holds the set-up lock.
 */
#include "library/library.h"
#include "wdk/missing.h"
#include "ring/properties.h"

#define REMOVAL_MS 5000 /* how long closing waits for the device to be gone */

static void CreatedFree(CREATED_DEVICE *Created)
{
    CloseHandle(Created->Enumerated);
    Free(Created);
}

/* It runs or comes no more once SwDeviceClose has returned: "SwDeviceClose function (swdevice.h)". */
static VOID WINAPI DeviceEnumerated(HSWDEVICE Device, HRESULT Result, PVOID Context, PCWSTR InstanceId)
{
    CREATED_DEVICE *Created = Context;
    Created->Result = Result;
    if (InstanceId != NULL)
        lstrcpynW(Created->InstanceId, InstanceId, ARRAYSIZE(Created->InstanceId));
    SetEvent(Created->Enumerated);
}

static DWORD ErrorOfResult(HRESULT Result)
{
    return HRESULT_FACILITY(Result) == FACILITY_WIN32 ? (DWORD)HRESULT_CODE(Result) : (DWORD)Result;
}

static DWORD SayRefused(HRESULT Result, LPCWSTR Instance)
{
    DWORD Error = ErrorOfResult(Result);
    if (Error == ERROR_ACCESS_DENIED)
        return KeepError(Error,
                         L"making the device %1: it takes an administrator (run the program elevated, or let a "
                         L"service make the adapter and open it)",
                         Instance);
    if (Error == ERROR_ALREADY_EXISTS)
        return KeepError(Error, L"making the device %1: it is in use by another program; close that", Instance);
    WCHAR Hint[HINT_LENGTH];
    return KeepError(Error, L"making the device %1: Windows refuses it; is the service DeviceInstall well?%2", Instance,
                     ServiceHint(Hint));
}

/* https://learn.microsoft.com/windows/win32/api/swdevice/nf-swdevice-swdevicecreate */
DWORD MakeDevice(const GUID *Guid, LPCWSTR HardwareIds, LPCWSTR Description, const DEVPROPERTY *Properties, ULONG Count,
                 ULONG64 Deadline, CREATED_DEVICE **Created)
{
    WCHAR Instance[GUID_STRING_LENGTH + 1];
    GuidToString(Guid, Instance);
    CREATED_DEVICE *New = Allocate(sizeof(*New));
    if (New == NULL)
        return KeepError(ERROR_NOT_ENOUGH_MEMORY, L"making the device %1: there is no memory; close programs",
                         Instance);
    New->Enumerated = CreateEventW(NULL, TRUE, FALSE, NULL);
    DWORD Error;
    if (New->Enumerated == NULL)
    {
        Error = KeepError(GetLastError(), L"making the device %1: Windows gives no event", Instance);
        Free(New);
        return Error;
    }
    SW_DEVICE_CREATE_INFO Info = {
        .cbSize = sizeof(Info),
        .pszInstanceId = Instance,
        .pszzHardwareIds = HardwareIds,
        .CapabilityFlags = SWDeviceCapabilitiesSilentInstall | SWDeviceCapabilitiesDriverRequired,
        .pszDeviceDescription = Description,
    };
    HRESULT Result = SwDeviceCreate(PLAINTUN_ENUMERATOR, L"HTREE\\ROOT\\0", &Info, Count, Properties, DeviceEnumerated,
                                    New, &New->Device);
    if (FAILED(Result))
    {
        Error = SayRefused(Result, Instance);
        goto freeNew;
    }
    if (WaitForSingleObject(New->Enumerated, TimeLeft(Deadline)) != WAIT_OBJECT_0)
    {
        WCHAR Hint[HINT_LENGTH];
        Error = KeepError(
            ERROR_TIMEOUT,
            L"making the device %1: Windows has not enumerated it in time; is the service DeviceInstall well?%2",
            Instance, ServiceHint(Hint));
        goto closeDevice;
    }
    if (FAILED(New->Result))
    {
        Error = SayRefused(New->Result, Instance);
        goto closeDevice;
    }
    *Created = New;
    return NO_ERROR;

closeDevice:
    SwDeviceClose(New->Device);
freeNew:
    CreatedFree(New);
    return Error;
}

/* https://learn.microsoft.com/windows/win32/api/swdevice/nf-swdevice-swdevicesetlifetime */
DWORD SetPersistent(CREATED_DEVICE *Created, BOOL Persistent)
{
    HRESULT Result =
        SwDeviceSetLifetime(Created->Device, Persistent ? SWDeviceLifetimeParentPresent : SWDeviceLifetimeHandle);
    if (FAILED(Result))
        return LogError(ErrorOfResult(Result), L"making the device %1 %2: Windows refuses it", Created->InstanceId,
                        Persistent ? L"persistent" : L"temporary");
    Created->Persistent = Persistent;
    return NO_ERROR;
}

BOOL AwaitGone(LPCWSTR InstanceId, WATCH *Watch, ULONG64 Deadline)
{
    DEVINST Node;
    while (CM_Locate_DevNodeW(&Node, (DEVINSTID_W)InstanceId, CM_LOCATE_DEVNODE_NORMAL) == CR_SUCCESS)
    {
        if (TimeLeft(Deadline) == 0)
            return FALSE;
        WatchWait(Watch, Deadline);
    }
    return TRUE;
}

/* https://learn.microsoft.com/windows/win32/api/swdevice/nf-swdevice-swdevicepropertyset */
DWORD NameDevice(const CREATED_DEVICE *Created, LPCWSTR Name)
{
    static const TUN_PROPERTY_KEY NameKey = TUN_PROPERTY_NAME;
    ULONG Size = (lstrlenW(Name) + 1) * sizeof(WCHAR);
    DEVPROPERTY Properties[] = {
        {{*(const DEVPROPKEY *)&NameKey, DEVPROP_STORE_SYSTEM, NULL}, TUN_PROPERTY_NAME_TYPE, Size, (PVOID)Name},
        {{FriendlyNameKey, DEVPROP_STORE_SYSTEM, NULL}, DEVPROP_TYPE_STRING, Size, (PVOID)Name},
    };
    HRESULT Result = SwDevicePropertySet(Created->Device, ARRAYSIZE(Properties), Properties);
    return FAILED(Result) ? ErrorOfResult(Result) : NO_ERROR;
}

/* The same function. */
static void GiveUp(CREATED_DEVICE *Created)
{
    static const TUN_PROPERTY_KEY CreatorKey = TUN_PROPERTY_CREATOR;
    DWORD Nobody = 0;
    DEVPROPERTY Property = {{*(const DEVPROPKEY *)&CreatorKey, DEVPROP_STORE_SYSTEM, NULL},
                            TUN_PROPERTY_CREATOR_TYPE,
                            sizeof(Nobody),
                            &Nobody};
    HRESULT Result = SwDevicePropertySet(Created->Device, 1, &Property);
    DEVINST Node;
    /* An administrator has this way, too: "CM_Set_DevNode_PropertyW function (cfgmgr32.h)". */
    if (FAILED(Result) && (CM_Locate_DevNodeW(&Node, Created->InstanceId, CM_LOCATE_DEVNODE_NORMAL) != CR_SUCCESS ||
                           CM_Set_DevNode_PropertyW(Node, &Property.CompKey.Key, Property.Type, Property.Buffer,
                                                    sizeof(Nobody), 0) != CR_SUCCESS))
        Log(PLAINTUN_LOG_WARN,
            L"the device %1 keeps this process's number (0x%2!08x!): others can take it when the "
            L"process has ended",
            Created->InstanceId, Result);
}

/* The name and GUID can be used again as soon as this returns. */
void ReleaseDevice(CREATED_DEVICE *Created, BOOL Forget)
{
    WATCH Watch;
    BOOL Watching = !Created->Persistent && WatchStart(&Watch, FALSE);
    GiveUp(
        Created); /* others wait for a device that is going and nobody's, and give up on one that a living process has */
    if (Watching)
        WatchDevice(&Watch, Created->InstanceId);
    SwDeviceClose(Created->Device);
    if (Watching)
    {
        if (!AwaitGone(Created->InstanceId, &Watch, AwakeMs() + REMOVAL_MS))
            Log(PLAINTUN_LOG_WARN, L"the device %1 is still being removed", Created->InstanceId);
        else if (Forget)
            UninstallDevice(Created->InstanceId);
        WatchEnd(&Watch);
    }
    CreatedFree(Created);
}

/* "To uninstall a software device whose lifetime is ParentPresent, first set it back to Handle": SwDeviceSetLifetime. */
DWORD RetireDevice(const ADAPTER_DEVICE *Adapter, ULONG64 Deadline)
{
    if (Adapter->Present)
    {
        CREATED_DEVICE *Taken;
        DWORD Error = MakeDevice(&Adapter->Guid, HARDWARE_IDS, NULL, NULL, 0, Deadline, &Taken);
        if (Error != NO_ERROR)
        {
            LogKept();
            return Error;
        }
        Taken->Persistent = TRUE;
        Error = SetPersistent(Taken, FALSE);
        ReleaseDevice(Taken, TRUE);
        return Error;
    }
    DWORD Error = UninstallDevice(Adapter->InstanceId);
    if (Error != NO_ERROR)
        LogError(Error, L"removing the device %1: Windows refuses it", Adapter->InstanceId);
    return Error;
}
