/* SPDX-License-Identifier: MIT */
/*
 * Waiting, on notifications, for what Windows does with devices and IP interfaces, and the clock by which that ends. Any
 * thread; a WATCH belongs to one.
 */
#include "library/library.h"
#include "wdk/missing.h"

#define LOOK_AGAIN_MS 250 /* where a notification does not come: not everything we wait for has one */

/* https://learn.microsoft.com/windows/win32/api/realtimeapiset/nf-realtimeapiset-queryunbiasedinterrupttime */
ULONG64 AwakeMs(void)
{
    ULONGLONG Time; /* 100 ns */
    QueryUnbiasedInterruptTime(&Time);
    return Time / 10000;
}

DWORD TimeLeft(ULONG64 Deadline)
{
    ULONG64 Now = AwakeMs();
    return Now < Deadline ? (DWORD)(Deadline - Now) : 0;
}

/* --- being told of changes --------------------------------------------------------------------------------------------- */

static VOID NETIOAPI_API_ InterfaceChanged(PVOID Context, PMIB_IPINTERFACE_ROW Row, MIB_NOTIFICATION_TYPE Type)
{
    SetEvent(Context);
}

static DWORD CALLBACK DeviceChanged(HCMNOTIFICATION Notification, PVOID Context, CM_NOTIFY_ACTION Action,
                                    PCM_NOTIFY_EVENT_DATA Data, DWORD Size)
{
    SetEvent(Context);
    return ERROR_SUCCESS;
}

/* https://learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-notifyipinterfacechange */
BOOL WatchStart(WATCH *Watch, BOOL Interfaces)
{
    *Watch = (WATCH){.Changed = CreateEventW(NULL, FALSE, FALSE, NULL)};
    if (Watch->Changed == NULL)
        return FALSE;
    if (!Interfaces)
        return TRUE;
    DWORD Error = NotifyIpInterfaceChange(AF_UNSPEC, InterfaceChanged, Watch->Changed, FALSE, &Watch->Interfaces);
    if (Error != NO_ERROR)
    {
        Watch->Interfaces = NULL;
        Log(PLAINTUN_LOG_WARN, L"no notification of new interfaces (%1!u!): looking for them instead", Error);
    }
    return TRUE;
}

/* https://learn.microsoft.com/windows/win32/api/cfgmgr32/nf-cfgmgr32-cm_register_notification */
void WatchDevice(WATCH *Watch, LPCWSTR InstanceId)
{
    CM_NOTIFY_FILTER Filter = {.cbSize = sizeof(Filter), .FilterType = CM_NOTIFY_FILTER_TYPE_DEVICEINSTANCE};
    if (Watch->Device != NULL)
        CM_Unregister_Notification(Watch->Device);
    lstrcpynW(Filter.u.DeviceInstance.InstanceId, InstanceId, ARRAYSIZE(Filter.u.DeviceInstance.InstanceId));
    CONFIGRET Result = CM_Register_Notification(&Filter, Watch->Changed, DeviceChanged, &Watch->Device);
    if (Result != CR_SUCCESS)
    {
        Watch->Device = NULL;
        Log(PLAINTUN_LOG_WARN, L"no notification of the device (%1!u!): looking at it instead", Result);
    }
}

void WatchWait(const WATCH *Watch, ULONG64 Deadline)
{
    DWORD Left = TimeLeft(Deadline);
    WaitForSingleObject(Watch->Changed, Left < LOOK_AGAIN_MS ? Left : LOOK_AGAIN_MS);
}

/* Both calls return when no callback runs any more. */
void WatchEnd(WATCH *Watch)
{
    DWORD LastError = GetLastError();
    if (Watch->Device != NULL)
        CM_Unregister_Notification(Watch->Device);
    if (Watch->Interfaces != NULL)
        CancelMibChangeNotify2(Watch->Interfaces);
    CloseHandle(Watch->Changed);
    SetLastError(LastError);
}
