/* SPDX-License-Identifier: MIT */
/*
 * Adapters: creating, opening, closing, asking. An adapter is a software device SWD\plaintun\{GUID}, which lives as long
 * as the handle that SwDeviceCreate gave; its name, GUID and settings are properties of the device. Creating returns
 * when the adapter can be used and addresses can be set on it: the driver's control device opens, and TCP/IP knows the
 * interface. The callback of SwDeviceCreate only tells that the device was enumerated.
 * Any thread. Creation from the check of the name to the callback is one at a time in the whole system (SetupMutex).
 */
#include "library/library.h"
#include "library/missing.h"
#include "ring/properties.h"
#include <cfgmgr32.h>
#include <sddl.h>

#define TIMEOUT_DEFAULT_MS 30000
#define TIMEOUT_INSTALL_MS 60000
#define REMOVAL_MS         5000 /* how long closing waits for the device to be gone */
#define LOOK_AGAIN_MS      250  /* where a notification does not come: not everything we wait for has one */
#define INSTANCE_ID_LENGTH 200  /* MAX_DEVICE_ID_LEN of cfgmgr32.h */
#define SETUP_MUTEX        PLAINTUN_OBJECTS L"setup"
#define ACCESS_DEFAULT     L"D:P(A;;GA;;;SY)(A;;GA;;;BA)"

/* DEVPKEY_Device_FriendlyName (devpkey.h): the name that Device Manager shows. */
static const DEVPROPKEY FriendlyNameKey = {
    {0xa45c254e, 0xdf1c, 0x4efd, {0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}}, 14};
static const TUN_PROPERTY_KEY GuidKey = TUN_PROPERTY_GUID;
static const TUN_PROPERTY_KEY AccessListKey = TUN_PROPERTY_ACCESS_LIST;
static const TUN_PROPERTY_KEY MtuKey = TUN_PROPERTY_MTU;
static const TUN_PROPERTY_KEY NameKey = TUN_PROPERTY_NAME;

_Static_assert(sizeof(TUN_PROPERTY_KEY) == sizeof(DEVPROPKEY), "read as one");

/* The random generator of the system: "RtlGenRandom function (ntsecapi.h)", exported under this name. */
BOOLEAN WINAPI SystemFunction036(PVOID Buffer, ULONG Size);

/* A device that this process created. Shared with the callback, which may come after its creator has given up. */
typedef struct _CREATED_DEVICE
{
    HSWDEVICE Device;
    HANDLE Enumerated; /* set by the callback */
    HRESULT Result;    /* of the enumeration */
    volatile LONG References;
    WCHAR InstanceId[INSTANCE_ID_LENGTH + 1];
} CREATED_DEVICE;

/* --- time ------------------------------------------------------------------------------------------------------------ */

static DWORD Left(ULONG64 Deadline)
{
    ULONG64 Now = GetTickCount64();
    return Now < Deadline ? (DWORD)(Deadline - Now) : 0;
}

static DWORD LeftAtMost(ULONG64 Deadline, DWORD Milliseconds)
{
    DWORD Remaining = Left(Deadline);
    return Remaining < Milliseconds ? Remaining : Milliseconds;
}

/* --- being told of changes --------------------------------------------------------------------------------------------- */

/* Sets Changed when a device starts or goes, and when an IP interface comes or goes. */
typedef struct _WATCH
{
    HANDLE Changed; /* auto-reset */
    HANDLE Interfaces;
    HCMNOTIFICATION Device;
} WATCH;

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

/* Without a notification the watch still works, four times a second. FALSE: no memory.
 * https://learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-notifyipinterfacechange */
static BOOL WatchStart(WATCH *Watch)
{
    *Watch = (WATCH){.Changed = CreateEventW(NULL, FALSE, FALSE, NULL)};
    if (Watch->Changed == NULL)
        return FALSE;
    DWORD Error = NotifyIpInterfaceChange(AF_UNSPEC, InterfaceChanged, Watch->Changed, FALSE, &Watch->Interfaces);
    if (Error != NO_ERROR)
    {
        Watch->Interfaces = NULL;
        Log(PLAINTUN_LOG_WARN, L"no notification of new interfaces (%1!u!): looking for them instead", Error);
    }
    return TRUE;
}

/* Watches a device, too. https://learn.microsoft.com/windows/win32/api/cfgmgr32/nf-cfgmgr32-cm_register_notification */
static void WatchDevice(WATCH *Watch, LPCWSTR InstanceId)
{
    CM_NOTIFY_FILTER Filter = {.cbSize = sizeof(Filter), .FilterType = CM_NOTIFY_FILTER_TYPE_DEVICEINSTANCE};
    lstrcpynW(Filter.u.DeviceInstance.InstanceId, InstanceId, ARRAYSIZE(Filter.u.DeviceInstance.InstanceId));
    CONFIGRET Result = CM_Register_Notification(&Filter, Watch->Changed, DeviceChanged, &Watch->Device);
    if (Result != CR_SUCCESS)
    {
        Watch->Device = NULL;
        Log(PLAINTUN_LOG_WARN, L"no notification of the device (%1!u!): looking at it instead", Result);
    }
}

/* Both calls return when no callback runs any more. */
static void WatchEnd(WATCH *Watch)
{
    DWORD LastError = GetLastError();
    if (Watch->Device != NULL)
        CM_Unregister_Notification(Watch->Device);
    if (Watch->Interfaces != NULL)
        CancelMibChangeNotify2(Watch->Interfaces);
    CloseHandle(Watch->Changed);
    SetLastError(LastError);
}

/* --- devices that exist ---------------------------------------------------------------------------------------------- */

/* What is looked for: a name (names compare as file names do) or a GUID; either may be NULL. */
typedef struct _SEARCH
{
    LPCWSTR Name;
    const GUID *Guid;
    BOOL Found;
    GUID FoundGuid;
} SEARCH;

static BOOL IsSought(const ADAPTER_DEVICE *Device, void *Context)
{
    SEARCH *Search = Context;
    if ((Search->Guid == NULL || !IsEqualGUID(Search->Guid, &Device->Guid)) &&
        (Search->Name == NULL || CompareStringOrdinal(Search->Name, -1, Device->Name, -1, TRUE) != CSTR_EQUAL))
        return TRUE;
    Search->Found = TRUE;
    Search->FoundGuid = Device->Guid;
    return FALSE;
}

/* --- waiting until it can be used ------------------------------------------------------------------------------------ */

/* What a device's problem means to someone who wants it to work ("Device Manager Error Messages"). */
static LPCWSTR ProblemText(ULONG Problem)
{
    switch (Problem)
    {
    case CM_PROB_NOT_CONFIGURED:
    case CM_PROB_FAILED_INSTALL:
        return L"no driver was installed for it: see C:\\Windows\\INF\\setupapi.dev.log";
    case CM_PROB_FAILED_START:
        return L"the driver refused to start: see the System event log";
    case 32: /* CM_PROB_DISABLED_SERVICE */
        return L"the driver's service is disabled: enable it (sc config " PLAINTUN_PRODUCT " start= demand)";
    case CM_PROB_REINSTALL:
        return L"Windows wants its driver installed again: remove the driver, then create the adapter again";
    case CM_PROB_DISABLED:
        return L"it is disabled: enable it in Device Manager";
    case CM_PROB_NEED_RESTART:
        return L"Windows must be restarted first: an older driver is still in use";
    case CM_PROB_FAILED_ADD:
        return L"the driver could not be loaded: is another version still loaded?";
    case 39: /* CM_PROB_DRIVER_FAILED_LOAD */
        return L"the driver file is missing, damaged or for another processor";
    case 48: /* CM_PROB_DRIVER_BLOCKED */
        return L"Windows blocks this driver";
    case 52: /* CM_PROB_UNSIGNED_DRIVER */
        return L"the driver is not signed as this Windows demands: for a test build, switch test signing on";
    default:
        return L"see Device Manager";
    }
}

/* Problems that pass while a device is being installed. */
static BOOL ProblemMayPass(ULONG Problem)
{
    return Problem == CM_PROB_NOT_CONFIGURED || Problem == CM_PROB_FAILED_INSTALL || Problem == CM_PROB_REINSTALL ||
           Problem == CM_PROB_NEED_RESTART;
}

static ULONG DeviceProblem(LPCWSTR InstanceId)
{
    DEVINST Node;
    ULONG Status, Problem;
    if (CM_Locate_DevNodeW(&Node, (DEVINSTID_W)InstanceId, CM_LOCATE_DEVNODE_NORMAL) != CR_SUCCESS ||
        CM_Get_DevNode_Status(&Status, &Problem, Node, 0) != CR_SUCCESS || (Status & DN_HAS_PROBLEM) == 0)
        return 0;
    return Problem;
}

static BOOL HasInterface(const NET_LUID *Luid, ADDRESS_FAMILY Family)
{
    MIB_IPINTERFACE_ROW Row = {.Family = Family, .InterfaceLuid = *Luid};
    return GetIpInterfaceEntry(&Row) == NO_ERROR;
}

/* IPv4 or IPv6 will do: either may be switched off on this system. */
static BOOL IsConfigurable(const NET_LUID *Luid)
{
    return HasInterface(Luid, AF_INET) || HasInterface(Luid, AF_INET6);
}

/* Opens the control device and asks it for the adapter's LUID. */
static DWORD OpenControl(PLAINTUN_ADAPTER *Adapter)
{
    TUN_QUERY Query;
    DWORD Error;
    HANDLE Device = DeviceOpen(&Adapter->Guid);
    if (Device == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!DeviceQuery(Device, &Query))
    {
        Error = GetLastError();
        CloseHandle(Device);
        return Error;
    }
    Adapter->Device = Device;
    Adapter->Luid.Value = Query.NetLuid;
    return NO_ERROR;
}

static DWORD AwaitUsable(PLAINTUN_ADAPTER *Adapter, WATCH *Watch, ULONG64 Deadline)
{
    DWORD Error = ERROR_FILE_NOT_FOUND;
    for (;;)
    {
        if (Error != NO_ERROR)
            Error = OpenControl(Adapter);
        if (Error == NO_ERROR && IsConfigurable(&Adapter->Luid))
            return NO_ERROR;
        if (Error == ERROR_REVISION_MISMATCH)
            return LogError(Error, L"the loaded driver is of another version: close the programs that use it");

        ULONG Problem = Error != NO_ERROR ? DeviceProblem(Adapter->Created->InstanceId) : 0;
        BOOL Expired = Left(Deadline) == 0;
        if (Problem != 0 && (Expired || !ProblemMayPass(Problem)))
        {
            InstallDriverForget();
            Error = Expired ? ERROR_TIMEOUT : ERROR_NOT_READY;
            return LogError(Error, L"the device %1 has problem %2!u!: %3", Adapter->Created->InstanceId, Problem,
                            ProblemText(Problem));
        }
        if (Expired && Error != NO_ERROR)
            return LogError(ERROR_TIMEOUT, L"the driver of %1 has not started (its control device: error %2!u!)",
                            Adapter->Created->InstanceId, Error);
        if (Expired)
            return LogError(ERROR_TIMEOUT, L"TCP/IP has not taken up %1: are both IPv4 and IPv6 switched off?",
                            Adapter->Created->InstanceId);
        WaitForSingleObject(Watch->Changed, LeftAtMost(Deadline, LOOK_AGAIN_MS));
    }
}

/* --- creating and removing the device -------------------------------------------------------------------------------- */

static void CreatedUnreference(CREATED_DEVICE *Created)
{
    if (InterlockedDecrement(&Created->References) != 0)
        return;
    CloseHandle(Created->Enumerated);
    Free(Created);
}

static VOID WINAPI DeviceEnumerated(HSWDEVICE Device, HRESULT Result, PVOID Context, PCWSTR InstanceId)
{
    CREATED_DEVICE *Created = Context;
    Created->Result = Result;
    if (InstanceId != NULL)
        lstrcpynW(Created->InstanceId, InstanceId, ARRAYSIZE(Created->InstanceId));
    SetEvent(Created->Enumerated);
    CreatedUnreference(Created);
}

static DWORD ErrorOfResult(HRESULT Result)
{
    return HRESULT_FACILITY(Result) == FACILITY_WIN32 ? (DWORD)HRESULT_CODE(Result) : (DWORD)Result;
}

/* Why Windows makes no device, where its own words do not tell. */
static LPCWSTR RefusalText(DWORD Error)
{
    switch (Error)
    {
    case ERROR_ACCESS_DENIED:
        return L"making an adapter takes an administrator";
    case ERROR_ALREADY_EXISTS:
        return L"it is in use by another program, or by another handle of this one";
    default:
        return L"is the service DeviceInstall well?";
    }
}

/*
 * Has the device enumerated. *Created is the handle that keeps it.
 * https://learn.microsoft.com/windows/win32/api/swdevice/nf-swdevice-swdevicecreate
 */
static DWORD CreateDevice(const PLAINTUN_ADAPTER_CONFIG *Config, const GUID *Guid, ULONG64 Deadline,
                          CREATED_DEVICE **Created)
{
    DWORD Error;
    UINT32 Mtu = Config->Mtu != 0 ? Config->Mtu : PLAINTUN_MTU_DEFAULT;
    PSECURITY_DESCRIPTOR Access = NULL;
    ULONG AccessSize = 0;
    WCHAR Instance[GUID_STRING_LENGTH + 1], Description[PLAINTUN_NAME_MAX + 16];
    GuidToString(Guid, Instance);
    lstrcpynW(Description, Config->TunnelType != NULL ? Config->TunnelType : PLAINTUN_TUNNEL_TYPE,
              PLAINTUN_NAME_MAX + 1);
    lstrcpynW(Description + lstrlenW(Description), L" Tunnel", 8);
    /* Always said: a device that existed before keeps what it was given then. */
    LPCWSTR AccessList = Config->AccessList != NULL ? Config->AccessList : ACCESS_DEFAULT;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(AccessList, SDDL_REVISION_1, &Access, &AccessSize) ||
        AccessSize > TUN_ACCESS_LIST_MAX)
    {
        Error = LogError(ERROR_INVALID_PARAMETER, L"the access list cannot be used: %1", AccessList);
        goto freeAccess;
    }

    CREATED_DEVICE *New = Allocate(sizeof(*New));
    if (New == NULL)
    {
        Error = GetLastError();
        goto freeAccess;
    }
    New->References = 2; /* ours and the callback's */
    New->Enumerated = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (New->Enumerated == NULL)
    {
        Error = GetLastError();
        Free(New);
        goto freeAccess;
    }

    ULONG NameSize = (lstrlenW(Config->Name) + 1) * sizeof(WCHAR);
    DEVPROPERTY Properties[] = {
        {{FriendlyNameKey, DEVPROP_STORE_SYSTEM, NULL}, DEVPROP_TYPE_STRING, NameSize, (PVOID)Config->Name},
        {{*(DEVPROPKEY *)&NameKey, DEVPROP_STORE_SYSTEM, NULL}, TUN_PROPERTY_NAME_TYPE, NameSize, (PVOID)Config->Name},
        {{*(DEVPROPKEY *)&GuidKey, DEVPROP_STORE_SYSTEM, NULL}, TUN_PROPERTY_GUID_TYPE, sizeof(*Guid), (PVOID)Guid},
        {{*(DEVPROPKEY *)&MtuKey, DEVPROP_STORE_SYSTEM, NULL}, TUN_PROPERTY_MTU_TYPE, sizeof(Mtu), &Mtu},
        {{*(DEVPROPKEY *)&AccessListKey, DEVPROP_STORE_SYSTEM, NULL},
         TUN_PROPERTY_ACCESS_LIST_TYPE,
         AccessSize,
         Access},
    };
    SW_DEVICE_CREATE_INFO Info = {
        .cbSize = sizeof(Info),
        .pszInstanceId = Instance,
        .pszzHardwareIds = PLAINTUN_HARDWARE_ID L"\0",
        .CapabilityFlags = SWDeviceCapabilitiesSilentInstall | SWDeviceCapabilitiesDriverRequired,
        .pszDeviceDescription = Description,
    };
    HRESULT Result = SwDeviceCreate(PLAINTUN_ENUMERATOR, L"HTREE\\ROOT\\0", &Info, ARRAYSIZE(Properties), Properties,
                                    DeviceEnumerated, New, &New->Device);
    if (FAILED(Result))
    {
        Error = ErrorOfResult(Result);
        LogError(Error, L"Windows refuses to make the device %1: %2", Instance, RefusalText(Error));
        New->References = 1; /* the callback will not come */
        goto unreference;
    }
    if (WaitForSingleObject(New->Enumerated, Left(Deadline)) != WAIT_OBJECT_0)
    {
        Error = LogError(ERROR_TIMEOUT, L"Windows has not enumerated the device %1: is the service DeviceInstall well?",
                         Instance);
        goto closeDevice;
    }
    if (FAILED(New->Result))
    {
        Error = ErrorOfResult(New->Result);
        LogError(Error, L"Windows could not enumerate the device %1: %2", Instance, RefusalText(Error));
        goto closeDevice;
    }
    LocalFree(Access);
    *Created = New;
    return NO_ERROR;

closeDevice:
    SwDeviceClose(New->Device);
unreference:
    CreatedUnreference(New);
freeAccess:
    if (Access != NULL)
        LocalFree(Access);
    return Error;
}

/* Removes the device and waits until it is gone, so that the same adapter can be created again at once. */
static void RemoveDevice(CREATED_DEVICE *Created)
{
    WATCH Watch;
    DEVINST Node;
    ULONG64 Deadline = GetTickCount64() + REMOVAL_MS;
    BOOL Watching = WatchStart(&Watch);
    if (Watching)
        WatchDevice(&Watch, Created->InstanceId);
    SwDeviceClose(Created->Device);
    while (Watching && CM_Locate_DevNodeW(&Node, Created->InstanceId, CM_LOCATE_DEVNODE_NORMAL) == CR_SUCCESS)
    {
        if (Left(Deadline) == 0)
        {
            Log(PLAINTUN_LOG_WARN, L"the device %1 is still being removed", Created->InstanceId);
            break;
        }
        WaitForSingleObject(Watch.Changed, LeftAtMost(Deadline, LOOK_AGAIN_MS));
    }
    if (Watching)
        WatchEnd(&Watch);
    CreatedUnreference(Created);
}

/* --- the set-up lock ------------------------------------------------------------------------------------------------- */

/* Only administrators may hold it, and only they can create adapters. NULL: another user has taken the name, or time is
 * over; then it goes without, and the worst is two adapters of one name. */
static HANDLE SetupLock(ULONG64 Deadline)
{
    SECURITY_ATTRIBUTES Attributes = {.nLength = sizeof(Attributes)};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(ACCESS_DEFAULT, SDDL_REVISION_1,
                                                              &Attributes.lpSecurityDescriptor, NULL))
        return NULL;
    HANDLE Mutex = CreateMutexW(&Attributes, FALSE, SETUP_MUTEX);
    LocalFree(Attributes.lpSecurityDescriptor);
    if (Mutex == NULL)
        return NULL;
    DWORD Result = WaitForSingleObject(Mutex, Left(Deadline));
    if (Result == WAIT_OBJECT_0 || Result == WAIT_ABANDONED)
        return Mutex;
    CloseHandle(Mutex);
    return NULL;
}

static void SetupUnlock(HANDLE Mutex)
{
    DWORD LastError = GetLastError();
    if (Mutex != NULL)
    {
        ReleaseMutex(Mutex);
        CloseHandle(Mutex);
    }
    SetLastError(LastError);
}

/* --- public ---------------------------------------------------------------------------------------------------------- */

static BOOL NameValid(LPCWSTR Name)
{
    return Name != NULL && Name[0] != 0 && lstrlenW(Name) <= PLAINTUN_NAME_MAX;
}

static BOOL ConfigValid(const PLAINTUN_ADAPTER_CONFIG *Config)
{
    return Config != NULL && Config->Size == sizeof(*Config) && Config->Reserved == 0 && NameValid(Config->Name) &&
           (Config->TunnelType == NULL || NameValid(Config->TunnelType)) &&
           (Config->Mtu == 0 || (Config->Mtu >= PLAINTUN_MTU_MIN && Config->Mtu <= PLAINTUN_PACKET_MAX));
}

static BOOL NewGuid(GUID *Guid)
{
    if (!SystemFunction036(Guid, sizeof(*Guid)))
        return FALSE;
    Guid->Data3 = (Guid->Data3 & 0x0fff) | 0x4000; /* RFC 4122: version 4, random */
    Guid->Data4[0] = (Guid->Data4[0] & 0x3f) | 0x80;
    return TRUE;
}

PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunCreateAdapter(const PLAINTUN_ADAPTER_CONFIG *Config)
{
    if (!ConfigValid(Config))
    {
        LogError(ERROR_INVALID_PARAMETER, L"cannot create an adapter");
        return NULL;
    }
    DWORD Error;
    BOOL Installed = FALSE;
    WATCH Watch;
    ULONG64 Start = GetTickCount64();
    ULONG64 Deadline = Start + (Config->TimeoutMs != 0 ? Config->TimeoutMs : TIMEOUT_DEFAULT_MS);
    PLAINTUN_ADAPTER *Adapter = Allocate(sizeof(*Adapter));
    if (Adapter == NULL)
        return NULL;
    if (Config->Guid != NULL)
        Adapter->Guid = *Config->Guid;
    else if (!NewGuid(&Adapter->Guid))
    {
        Error = ERROR_GEN_FAILURE;
        goto freeAdapter;
    }
    if (!WatchStart(&Watch))
    {
        Error = GetLastError();
        goto freeAdapter;
    }

    HANDLE Lock = SetupLock(Deadline);
    SEARCH Search = {.Name = Config->Name, .Guid = &Adapter->Guid};
    VisitAdapters(IsSought, &Search);
    if (Search.Found)
    {
        Error = LogError(ERROR_ALREADY_EXISTS, L"cannot create the adapter %1: its name or its GUID is taken",
                         Config->Name);
        goto unlock;
    }
    if (!InstallDriver(&Installed))
    {
        Error = GetLastError();
        goto unlock;
    }
    if (Installed && Config->TimeoutMs == 0)
        Deadline = Start + TIMEOUT_INSTALL_MS;
    Error = CreateDevice(Config, &Adapter->Guid, Deadline, &Adapter->Created);
    if (Error != NO_ERROR)
        goto unlock;
    SetupUnlock(Lock);

    WatchDevice(&Watch, Adapter->Created->InstanceId);
    Error = AwaitUsable(Adapter, &Watch, Deadline);
    WatchEnd(&Watch);
    if (Error != NO_ERROR)
    {
        PlaintunCloseAdapter(Adapter);
        SetLastError(Error);
        return NULL;
    }
    Log(PLAINTUN_LOG_INFO, L"the adapter %1 is there after %2!u! ms", Config->Name, (DWORD)(GetTickCount64() - Start));
    return Adapter;

unlock:
    SetupUnlock(Lock);
    WatchEnd(&Watch);
freeAdapter:
    Free(Adapter);
    SetLastError(Error);
    return NULL;
}

PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunOpenAdapter(LPCWSTR Name)
{
    if (!NameValid(Name))
    {
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    PLAINTUN_ADAPTER *Adapter = Allocate(sizeof(*Adapter));
    if (Adapter == NULL)
        return NULL;
    DWORD Error = ERROR_NOT_FOUND;
    SEARCH Search = {.Name = Name};
    VisitAdapters(IsSought, &Search);
    if (Search.Found)
    {
        Adapter->Guid = Search.FoundGuid;
        Error = OpenControl(Adapter);
        if (Error == NO_ERROR)
            return Adapter;
        if (DeviceError(Error) == ERROR_HANDLE_EOF)
            Error = ERROR_NOT_FOUND; /* it is going, or not there yet */
    }
    if (Error != ERROR_NOT_FOUND) /* programs often look before they create */
        LogError(Error, L"cannot open the adapter %1", Name);
    Free(Adapter);
    SetLastError(Error);
    return NULL;
}

void WINAPI PlaintunCloseAdapter(PLAINTUN_ADAPTER_HANDLE Adapter)
{
    if (Adapter == NULL)
        return;
    DWORD LastError = GetLastError();
    PlaintunEndSession(Adapter->Session);
    if (Adapter->Device != NULL)
        CloseHandle(Adapter->Device);
    if (Adapter->Created != NULL)
        RemoveDevice(Adapter->Created);
    Free(Adapter);
    SetLastError(LastError);
}

BOOL WINAPI PlaintunGetAdapterInfo(PLAINTUN_ADAPTER_HANDLE Adapter, PLAINTUN_ADAPTER_INFO *Info)
{
    TUN_QUERY Query;
    if (Adapter == NULL || Info == NULL)
    {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    if (!DeviceQuery(Adapter->Device, &Query))
        return FALSE;
    *Info = (PLAINTUN_ADAPTER_INFO){
        .Luid = {.Value = Query.NetLuid},
        .Guid = *(const GUID *)&Query.Guid,
        .InterfaceIndex = Query.IfIndex,
        .Mtu = Query.Mtu,
        .DriverVersion = Query.DriverVersion,
        .SessionActive = Query.SessionActive != 0,
    };
    return TRUE;
}

#define SAME_FIELD(Field) (offsetof(PLAINTUN_COUNTERS, Field) == offsetof(TUN_COUNTERS, Field))
_Static_assert(sizeof(PLAINTUN_STATISTICS) == sizeof(TUN_STATISTICS) && SAME_FIELD(ToAppPackets) &&
                   SAME_FIELD(ToAppBytes) && SAME_FIELD(ToAppDropNoSession) && SAME_FIELD(ToAppDropFull) &&
                   SAME_FIELD(ToAppDropInvalid) && SAME_FIELD(ToAppDropPaused) && SAME_FIELD(ToStackPackets) &&
                   SAME_FIELD(ToStackBytes) && SAME_FIELD(ToStackDropInvalid),
               "the driver's counters are handed out as they are");

BOOL WINAPI PlaintunGetStatistics(PLAINTUN_ADAPTER_HANDLE Adapter, PLAINTUN_STATISTICS *Statistics)
{
    if (Adapter == NULL || Statistics == NULL)
    {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    return DeviceStatistics(Adapter->Device, (TUN_STATISTICS *)Statistics);
}

static BOOL AskVersion(const ADAPTER_DEVICE *Adapter, void *Context)
{
    DWORD *Version = Context;
    TUN_QUERY Query = {0};
    HANDLE Device = DeviceOpen(&Adapter->Guid);
    if (Device == INVALID_HANDLE_VALUE)
        return TRUE;
    /* The first two words stand in every protocol. */
    if (DeviceQuery(Device, &Query) || GetLastError() == ERROR_REVISION_MISMATCH)
        *Version = Query.DriverVersion;
    CloseHandle(Device);
    return *Version == 0;
}

DWORD WINAPI PlaintunGetDriverVersion(void)
{
    DWORD Version = 0;
    VisitAdapters(AskVersion, &Version);
    if (Version == 0)
        SetLastError(ERROR_FILE_NOT_FOUND);
    return Version;
}

static BOOL SayInUse(const ADAPTER_DEVICE *Adapter, void *Context)
{
    *(DWORD *)Context = LogError(ERROR_BUSY, L"the driver is in use by the adapter %1", Adapter->Name);
    return FALSE;
}

BOOL WINAPI PlaintunDeleteDriver(void)
{
    DWORD Error = NO_ERROR;
    HANDLE Lock = SetupLock(GetTickCount64() + TIMEOUT_DEFAULT_MS);
    VisitAdapters(SayInUse, &Error);
    if (Error == NO_ERROR && !RemoveDriver())
        Error = GetLastError();
    SetupUnlock(Lock);
    SetLastError(Error);
    return Error == NO_ERROR;
}
