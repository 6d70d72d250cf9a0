/* SPDX-License-Identifier: MIT */
/*
 * Adapters that exist: opening, closing, asking, listing, renaming, removing. An adapter is a software device
 * SWD\<our enumerator>\{GUID}; its name, GUID and settings are properties of the device, and its driver's control device
 * answers for it while it runs. create.c makes them. Any thread; what changes the system is under the set-up lock.
 */
#include "library/library.h"
#include "wdk/missing.h"
#include "ring/properties.h"

#define SETUP_MS 30000 /* for removing, renaming, deleting the driver */

/* --- finding --------------------------------------------------------------------------------------------------------- */

/* What is looked for, of the three whichever is not NULL, and the last that was found: a present one before others. */
typedef struct _SEARCH
{
    LPCWSTR Name;
    const GUID *Guid;
    const NET_LUID *Luid;
    BOOL Found;
    ADAPTER_DEVICE Device;
} SEARCH;

static BOOL HasLuid(const ADAPTER_DEVICE *Device, const NET_LUID *Luid)
{
    TUN_QUERY Query = {0};
    return Device->Present && DeviceQuery(&Device->Guid, &Query) == NO_ERROR && Query.NetLuid == Luid->Value;
}

static BOOL IsSought(const ADAPTER_DEVICE *Device, void *Context)
{
    SEARCH *Search = Context;
    if ((Search->Name != NULL && !SameAdapterName(Search->Name, Device->Name)) ||
        (Search->Guid != NULL && !IsEqualGUID(Search->Guid, &Device->Guid)) ||
        (Search->Luid != NULL && !HasLuid(Device, Search->Luid)))
        return TRUE;
    Search->Found = TRUE;
    Search->Device = *Device;
    return !Device->Present;
}

/* --- opening and closing --------------------------------------------------------------------------------------------- */

static DWORD SayCannotOpen(DWORD Error, const ADAPTER_DEVICE *Device)
{
    if (Error == ERROR_ACCESS_DENIED)
        return LogError(Error,
                        L"opening the adapter \"%1\": its access list does not let this program in; run it as "
                        L"administrator, or have its creator name the account in AccessList",
                        Device->Name);
    if (Error == ERROR_REVISION_MISMATCH)
        return SayMismatch(&Device->Guid, L"opening the adapter");
    if (DeviceError(Error) != ERROR_HANDLE_EOF)
        return LogError(Error, L"opening the adapter \"%1\"", Device->Name);
    WCHAR Status[STATUS_LENGTH];
    /* To programs it is not there: it is going, or not there yet. */
    if (Device->Problem != 0)
        return KeepError(ERROR_NOT_FOUND, L"opening the adapter \"%1\": it has problem %2!u!%3: %4", Device->Name,
                         Device->Problem, StatusText(Device->Status, Status), ProblemText(Device->Problem));
    return KeepError(ERROR_NOT_FOUND, L"opening the adapter \"%1\": it is %2", Device->Name,
                     Device->Present ? L"just starting or being removed; try again"
                                     : L"left over from a program that has ended; create it again");
}

static PLAINTUN_ADAPTER *Open(SEARCH *Search, LPCWSTR What)
{
    PLAINTUN_ADAPTER *Adapter = NULL;
    DWORD Error = VisitDevices(IsSought, Search);
    if (Error != NO_ERROR)
        goto end;
    if (!Search->Found)
    {
        Error = KeepError(ERROR_NOT_FOUND, L"opening the adapter %1: there is none; create it first", What);
        goto end;
    }
    Adapter = Allocate(sizeof(*Adapter));
    if (Adapter == NULL)
    {
        Error = LogError(ERROR_NOT_ENOUGH_MEMORY, L"opening the adapter %1: there is no memory; close programs", What);
        goto end;
    }
    Adapter->Guid = Search->Device.Guid;
    lstrcpynW(Adapter->InstanceId, Search->Device.InstanceId, ARRAYSIZE(Adapter->InstanceId));
    Error = Search->Device.Present ? QueryLuid(&Adapter->Guid, &Adapter->Luid) : ERROR_FILE_NOT_FOUND;
    if (Error == NO_ERROR)
        return Adapter;
    Error = SayCannotOpen(Error, &Search->Device);
    Free(Adapter);
end:
    SetLastError(Error);
    return NULL;
}

PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunOpenAdapter(LPCWSTR Name)
{
    WCHAR Text[FAULT_LENGTH];
    LPCWSTR Fault = TextFault(Name, Text);
    if (Fault != NULL)
    {
        KeepError(ERROR_INVALID_PARAMETER, L"opening an adapter: its name %1", Fault);
        return NULL;
    }
    SEARCH Search = {.Name = Name};
    return Open(&Search, Name);
}

PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunOpenAdapterByGuid(const GUID *Guid)
{
    if (Guid == NULL)
    {
        KeepError(ERROR_INVALID_PARAMETER, L"opening an adapter: there is no GUID");
        return NULL;
    }
    SEARCH Search = {.Guid = Guid};
    WCHAR Text[GUID_STRING_LENGTH + 1];
    GuidToString(Guid, Text);
    return Open(&Search, Text);
}

PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunOpenAdapterByLuid(const NET_LUID *Luid)
{
    if (Luid == NULL)
    {
        KeepError(ERROR_INVALID_PARAMETER, L"opening an adapter: there is no LUID");
        return NULL;
    }
    SEARCH Search = {.Luid = Luid};
    return Open(&Search, L"of that LUID");
}

void WINAPI PlaintunCloseAdapter(PLAINTUN_ADAPTER_HANDLE Adapter)
{
    if (Adapter == NULL)
        return;
    DWORD LastError = GetLastError();
    PlaintunEndSession(Adapter->Session);
    PlaintunEndSession(Adapter->Monitor);
    if (Adapter->Created != NULL)
        ReleaseDevice(Adapter->Created, Adapter->Forget);
    Free(Adapter);
    SetLastError(LastError);
}

/* --- asking ---------------------------------------------------------------------------------------------------------- */

static void FillInfo(const ADAPTER_DEVICE *Device, const TUN_QUERY *Query, PLAINTUN_ADAPTER_INFO *Info)
{
    *Info = (PLAINTUN_ADAPTER_INFO){
        .Guid = Device->Guid,
        .State = Device->Present ? PLAINTUN_ADAPTER_STOPPED : PLAINTUN_ADAPTER_ABSENT,
        .Problem = Device->Problem,
        .Flags = Device->Flags & PLAINTUN_ADAPTER_PERSISTENT,
        .CreatorProcessId = Device->Present ? Device->CreatorId : 0,
    };
    lstrcpynW(Info->Name, Device->Name, ARRAYSIZE(Info->Name));
    if (Query != NULL)
    {
        Info->Luid.Value = Query->NetLuid;
        Info->InterfaceIndex = Query->IfIndex;
        Info->Mtu = Query->Mtu;
        Info->DriverVersion = Query->DriverVersion;
        Info->State = Query->SessionActive ? PLAINTUN_ADAPTER_CONNECTED : PLAINTUN_ADAPTER_READY;
        Info->SessionProcessId = Query->SessionProcessId;
        Info->MonitorProcessId = Query->MonitorProcessId;
    }
}

BOOL WINAPI PlaintunGetAdapterInfo(PLAINTUN_ADAPTER_HANDLE Adapter, PLAINTUN_ADAPTER_INFO *Info)
{
    if (Adapter == NULL || Info == NULL)
    {
        KeepError(ERROR_INVALID_PARAMETER, L"asking about an adapter: the adapter or the structure is NULL");
        return FALSE;
    }
    TUN_QUERY Query;
    DWORD Error = DeviceQuery(&Adapter->Guid, &Query);
    if (Error != NO_ERROR)
    {
        KeepError(DeviceError(Error), L"asking about an adapter: it is gone; create it again");
        return FALSE;
    }
    ADAPTER_DEVICE Device;
    if (!DescribeDevice(Adapter->InstanceId, &Device))
        Device = (ADAPTER_DEVICE){.Present = TRUE};
    Device.Guid = *(const GUID *)&Query.Guid;
    FillInfo(&Device, &Query, Info);
    return TRUE;
}

typedef struct _LISTING
{
    PLAINTUN_ADAPTER_INFO *Adapters;
    DWORD Room, Count;
} LISTING;

static BOOL ListOne(const ADAPTER_DEVICE *Device, void *Context)
{
    LISTING *Listing = Context;
    TUN_QUERY Query = {0};
    if (Listing->Count++ >= Listing->Room)
        return TRUE;
    DWORD Error = Device->Present ? DeviceQuery(&Device->Guid, &Query) : ERROR_FILE_NOT_FOUND;
    PLAINTUN_ADAPTER_INFO *Info = &Listing->Adapters[Listing->Count - 1];
    FillInfo(Device, Error == NO_ERROR ? &Query : NULL, Info);
    if (Error == ERROR_ACCESS_DENIED &&
        Device->Started) /* it works, and may have a session: that is not ours to know */
        Info->State = PLAINTUN_ADAPTER_READY;
    return TRUE;
}

DWORD WINAPI PlaintunListAdapters(PLAINTUN_ADAPTER_INFO *Adapters, DWORD Count)
{
    LISTING Listing = {.Adapters = Adapters, .Room = Adapters != NULL ? Count : 0};
    DWORD Error = VisitDevices(ListOne, &Listing);
    SetLastError(Error);
    return Error == NO_ERROR ? Listing.Count : 0;
}

/* --- changing -------------------------------------------------------------------------------------------------------- */

static DWORD Remove(const ADAPTER_DEVICE *Device, ULONG64 Deadline)
{
    if (!Device->Present)
        return RetireDevice(Device, Deadline);
    WCHAR Path[PROCESS_PATH_LENGTH];
    if (Device->CreatorId != 0)
        return LogError(ERROR_BUSY,
                        L"removing the adapter \"%1\": it is in use by process %2!u! (%3), which created it; "
                        L"close that program",
                        Device->Name, Device->CreatorId, ProcessName(Device->CreatorId, Path));
    DWORD Error = AdapterIdle(&Device->Guid, Device->Name, L"removing the adapter");
    if (Error != NO_ERROR || (Device->Flags & PLAINTUN_ADAPTER_PERSISTENT) != 0)
        return Error != NO_ERROR ? Error : RetireDevice(Device, Deadline);

    WATCH Watch;
    /* Its creator is dead, and it on its way out. */
    if (!WatchStart(&Watch, FALSE))
        return GetLastError();
    WatchDevice(&Watch, Device->InstanceId);
    BOOL Gone = AwaitGone(Device->InstanceId, &Watch, Deadline);
    WatchEnd(&Watch);
    Error = UninstallDevice(Device->InstanceId);
    if (Error != NO_ERROR)
        return LogError(Error, L"removing the adapter \"%1\": its device %2 %3", Device->Name, Device->InstanceId,
                        Gone ? L"is gone, but Windows refuses to forget it"
                             : L"does not go; close programs that have it open, or restart Windows");
    return NO_ERROR;
}

BOOL WINAPI PlaintunRemoveAdapter(const GUID *Guid)
{
    if (Guid == NULL)
    {
        KeepError(ERROR_INVALID_PARAMETER, L"removing an adapter: there is no GUID");
        return FALSE;
    }
    ULONG64 Deadline = AwakeMs() + SETUP_MS;
    SETUP_LOCK Lock;
    DWORD Error = SetupLock(Deadline, Deadline, &Lock);
    if (Error != NO_ERROR)
        return FALSE;
    SEARCH Search = {.Guid = Guid};
    WCHAR Text[GUID_STRING_LENGTH + 1];
    GuidToString(Guid, Text);
    Error = VisitDevices(IsSought, &Search);
    SetLastError(NO_ERROR);
    if (Error == NO_ERROR && Search.Found)
        Error = Remove(&Search.Device, Deadline);
    else if (Error == NO_ERROR)
        Error = KeepError(ERROR_NOT_FOUND, L"removing the adapter %1: there is none", Text);
    BOOL NeedRestart = GetLastError() == ERROR_SUCCESS_REBOOT_REQUIRED;
    SetupUnlock(&Lock);
    SetLastError(Error == NO_ERROR && NeedRestart ? ERROR_SUCCESS_REBOOT_REQUIRED : Error);
    return Error == NO_ERROR;
}

/* "CM_Set_DevNode_PropertyW function (cfgmgr32.h)" */
static CONFIGRET SetText(DEVINST Node, const void *Key, LPCWSTR Text)
{
    return CM_Set_DevNode_PropertyW(Node, Key, DEVPROP_TYPE_STRING, (const BYTE *)Text,
                                    (lstrlenW(Text) + 1) * sizeof(WCHAR), 0);
}

/* Of a device whose creator holds it Windows has the properties in memory, too, and writes those again where it enumerates
 * the device anew ("SwDevicePropertySet function (swdevice.h)"): the creator changes both. */
static DWORD WriteName(const PLAINTUN_ADAPTER *Adapter, DEVINST Node, LPCWSTR Name)
{
    static const TUN_PROPERTY_KEY NameKey = TUN_PROPERTY_NAME;
    if (Adapter->Created != NULL)
        return NameDevice(Adapter->Created, Name);
    CONFIGRET Result = SetText(Node, &NameKey, Name);
    if (Result == CR_SUCCESS)
        Result = SetText(Node, &FriendlyNameKey, Name);
    return Result == CR_SUCCESS ? NO_ERROR : CM_MapCrToWin32Err(Result, ERROR_GEN_FAILURE);
}

static DWORD Rename(PLAINTUN_ADAPTER *Adapter, LPCWSTR Name, ULONG64 Deadline)
{
    SEARCH Search = {.Name = Name};
    DWORD Error = VisitDevices(IsSought, &Search);
    if (Error != NO_ERROR)
        return Error;
    BOOL Own = Search.Found && IsEqualGUID(&Search.Device.Guid, &Adapter->Guid);
    if (Search.Found && Search.Device.Present && !Own)
        return LogError(ERROR_ALREADY_EXISTS, L"renaming an adapter: there is another adapter \"%1\"; use another name",
                        Name);
    if (NameTaken(Name, &Adapter->Luid))
        return LogError(ERROR_ALREADY_EXISTS,
                        L"renaming an adapter: another network connection of this computer has the "
                        L"name \"%1\"; use another name",
                        Name);
    DEVINST Node;
    ADAPTER_DEVICE Device;
    if (CM_Locate_DevNodeW(&Node, Adapter->InstanceId, CM_LOCATE_DEVNODE_NORMAL) != CR_SUCCESS ||
        !DescribeDevice(Adapter->InstanceId, &Device))
        return KeepError(ERROR_HANDLE_EOF, L"renaming an adapter to \"%1\": it is gone; create it again", Name);
    Error = WriteName(Adapter, Node, Name);
    if (Error != NO_ERROR)
        LogError(Error, L"renaming an adapter to \"%1\": Windows refuses it%2", Name,
                 Error == ERROR_ACCESS_DENIED ? L"; it takes an administrator" : L"");
    else
        Error = NameConnection(&Adapter->Luid, Name, Deadline);
    if (Error != NO_ERROR)
        WriteName(Adapter, Node, Device.Name); /* all of it, or nothing */
    return Error;
}

BOOL WINAPI PlaintunRenameAdapter(PLAINTUN_ADAPTER_HANDLE Adapter, LPCWSTR Name)
{
    WCHAR Text[FAULT_LENGTH];
    LPCWSTR Fault = NameFault(Name, Text);
    if (Adapter == NULL || Fault != NULL)
    {
        KeepError(ERROR_INVALID_PARAMETER, L"renaming an adapter: %1 %2",
                  Adapter == NULL ? L"the adapter" : L"its new name", Adapter == NULL ? L"is NULL" : Fault);
        return FALSE;
    }
    ULONG64 Deadline = AwakeMs() + SETUP_MS;
    SETUP_LOCK Lock;
    DWORD Error = SetupLock(Deadline, Deadline, &Lock);
    if (Error != NO_ERROR)
        return FALSE;
    Error = Rename(Adapter, Name, Deadline);
    SetupUnlock(&Lock);
    SetLastError(Error);
    return Error == NO_ERROR;
}

/* --- statistics ------------------------------------------------------------------------------------------------------ */

#define SAME_FIELD(Field) (offsetof(PLAINTUN_COUNTERS, Field) == offsetof(TUN_COUNTERS, Field))
_Static_assert(sizeof(PLAINTUN_STATISTICS) == sizeof(TUN_STATISTICS) && SAME_FIELD(ToAppPackets) &&
                   SAME_FIELD(ToAppBytes) && SAME_FIELD(ToAppDropNoSession) && SAME_FIELD(ToAppDropFull) &&
                   SAME_FIELD(ToAppDropInvalid) && SAME_FIELD(ToAppDropPaused) && SAME_FIELD(ToStackPackets) &&
                   SAME_FIELD(ToStackBytes) && SAME_FIELD(ToStackDropInvalid) &&
                   offsetof(PLAINTUN_STATISTICS, MonitorPackets) == offsetof(TUN_STATISTICS, MonitorPackets),
               "the driver's counters are handed out as they are");

BOOL WINAPI PlaintunGetStatistics(PLAINTUN_ADAPTER_HANDLE Adapter, PLAINTUN_STATISTICS *Statistics)
{
    if (Adapter == NULL || Statistics == NULL)
    {
        KeepError(ERROR_INVALID_PARAMETER, L"asking for statistics: the adapter or the structure is NULL");
        return FALSE;
    }
    DWORD Error = DeviceStatistics(&Adapter->Guid, (TUN_STATISTICS *)Statistics);
    if (Error == NO_ERROR)
        return TRUE;
    KeepError(Error, L"asking for statistics: the adapter is gone; create it again");
    return FALSE;
}
