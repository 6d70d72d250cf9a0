/* SPDX-License-Identifier: MIT */
/*
 * Waiting until an adapter can be used: its device starts, TCP/IP takes it up. Says what is missing when it takes too long.
 * Any thread.
 */
#include "library/library.h"

/* How long IPv6 is waited for once IPv4 is there, and the reverse: it may be switched off. */
#define OTHER_FAMILY_MS 1000

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
    ULONG64 Grace = 0; /* when one family alone will do */
    DWORD Error = ERROR_FILE_NOT_FOUND;
    *Problem = 0;
    WCHAR Hint[HINT_LENGTH], Status[STATUS_LENGTH];
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

        ADAPTER_DEVICE Device;
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
