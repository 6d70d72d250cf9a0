/* SPDX-License-Identifier: MIT */
/*
 * Waiting until an adapter can be used, on notifications: its device starts, TCP/IP takes it up. Says what is missing when
 * it takes too long. Any thread; a WATCH belongs to one.
 */
#include "library/library.h"
#include "library/missing.h"

#define LOOK_AGAIN_MS 250 /* where a notification does not come: not everything we wait for has one */
#define OTHER_FAMILY_MS                                                                                                \
    1000 /* how long IPv6 is waited for once IPv4 is there, and the reverse: it may be switched off */

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

/* --- until it can be used -------------------------------------------------------------------------------------------- */

static BOOL HasInterface(const NET_LUID *Luid, ADDRESS_FAMILY Family)
{
    MIB_IPINTERFACE_ROW Row = {.Family = Family, .InterfaceLuid = *Luid};
    return GetIpInterfaceEntry(&Row) == NO_ERROR;
}

static DWORD SayMissing(DWORD ControlError, LPCWSTR InstanceId, const ADAPTER_DEVICE *Device)
{
    WCHAR Hint[HINT_LENGTH], Status[STATUS_LENGTH];
    if (Device->Problem != 0)
        return LogError(ERROR_TIMEOUT, L"starting the device %1: in time it still had problem %2!u!%3: %4%5",
                        InstanceId, Device->Problem, StatusText(Device->Status, Status), ProblemText(Device->Problem),
                        ServiceHint(Hint));
    if (!Device->Present)
        return LogError(ERROR_TIMEOUT, L"starting the device %1: Windows has removed it%2", InstanceId,
                        ServiceHint(Hint));
    if (ControlError != NO_ERROR)
        return LogError(ERROR_TIMEOUT,
                        L"starting the device %1: its driver has not started in time (opening it: error %2!u!)%3",
                        InstanceId, ControlError, ServiceHint(Hint));
    return LogError(
        ERROR_TIMEOUT,
        L"waiting for TCP/IP: it has not taken up the device %1 in time; is the adapter's binding to both IPv4 "
        L"and IPv6 switched off?%2",
        InstanceId, ServiceHint(Hint));
}

DWORD AwaitUsable(PLAINTUN_ADAPTER *Adapter, LPCWSTR InstanceId, WATCH *Watch, ULONG64 Patience, ULONG64 Deadline,
                  ULONG *Problem)
{
    WCHAR Hint[HINT_LENGTH], Status[STATUS_LENGTH];
    ULONG64 Grace = 0; /* when one family alone will do */
    ADAPTER_DEVICE Device;
    DWORD Error = ERROR_FILE_NOT_FOUND;
    *Problem = 0;
    for (;;)
    {
        if (Error != NO_ERROR)
            Error = QueryLuid(&Adapter->Guid, &Adapter->Luid);
        if (Error == NO_ERROR)
        {
            BOOL V4 = HasInterface(&Adapter->Luid, AF_INET), V6 = HasInterface(&Adapter->Luid, AF_INET6);
            if (V4 && V6)
                return NO_ERROR;
            if ((V4 || V6) && Grace == 0)
                Grace = AwakeMs() + OTHER_FAMILY_MS;
            if ((V4 || V6) && (TimeLeft(Grace) == 0 || TimeLeft(Deadline) == 0))
            {
                Log(PLAINTUN_LOG_INFO, L"the device %1 has no %2: it seems to be switched off", InstanceId,
                    V4 ? L"IPv6" : L"IPv4");
                return NO_ERROR;
            }
        }
        if (Error == ERROR_REVISION_MISMATCH)
            return SayMismatch(&Adapter->Guid, L"starting the adapter");
        if (Error == ERROR_ACCESS_DENIED)
            return LogError(Error, L"opening the device %1: its access list does not let this program in", InstanceId);

        if (!DescribeDevice(InstanceId, &Device))
            Device = (ADAPTER_DEVICE){0};
        BOOL Expired = TimeLeft(Deadline) == 0;
        if (Error != NO_ERROR && Device.Problem != 0 && !Expired &&
            (!ProblemMayPass(Device.Problem) || TimeLeft(Patience) == 0))
        {
            *Problem = Device.Problem;
            /* Whoever waits decides what this means. */
            return KeepError(ERROR_NOT_READY, L"starting the device %1: it has problem %2!u!%3: %4%5", InstanceId,
                             Device.Problem, StatusText(Device.Status, Status), ProblemText(Device.Problem),
                             ServiceHint(Hint));
        }
        if (Expired)
        {
            *Problem = Error != NO_ERROR ? Device.Problem : 0;
            return SayMissing(Error, InstanceId, &Device);
        }
        ULONG64 Next = Grace != 0 && Grace < Deadline ? Grace : Deadline;
        WatchWait(Watch, Next);
    }
}
