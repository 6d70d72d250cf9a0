/* SPDX-License-Identifier: MIT */
/*
 * Creating an adapter: who has its name and GUID, what is left of it from before, the driver, the device, its start, its
 * settings. Under the set-up lock from the look at what is there until the device is enumerated; the wait for its start is
 * outside, so that programs create adapters side by side. A device that turns out half made is made anew, once. All of it is
 * a job (job.c), which is left behind where it does not end in time, and then undoes what it has done.
 */
#include "library/library.h"
#include "wdk/missing.h"
#include "ring/properties.h"
#include <sddl.h>

#define LEAVE_MS           1000  /* after the deadline the caller gives the job so long to tidy up, and goes */
#define PATIENCE_MS        10000 /* for a problem that may pass, before the device is made anew; at most half the time */
#define REPAIR_MS          3000  /* with less time than that a device is not made anew */
#define GOING_MS           2000  /* how long an interface that has the name is given to go */
#define DESCRIPTION_LENGTH (PLAINTUN_NAME_MAX + 7) /* UTF-16 units: a tunnel type, and " Tunnel" */
#define LEFTOVERS_MAX      16                      /* that one creation tidies up */

static const TUN_PROPERTY_KEY GuidKey = TUN_PROPERTY_GUID;
static const TUN_PROPERTY_KEY AccessListKey = TUN_PROPERTY_ACCESS_LIST;
static const TUN_PROPERTY_KEY MtuKey = TUN_PROPERTY_MTU;
static const TUN_PROPERTY_KEY NameKey = TUN_PROPERTY_NAME;
static const TUN_PROPERTY_KEY FlagsKey = TUN_PROPERTY_FLAGS;
static const TUN_PROPERTY_KEY CreatorKey = TUN_PROPERTY_CREATOR;
static const TUN_PROPERTY_KEY CreatorTimeKey = TUN_PROPERTY_CREATOR_TIME;
static const TUN_PROPERTY_KEY DescriptionKey = TUN_PROPERTY_DESCRIPTION;

/* One call of PlaintunCreateAdapter, whose caller may have gone: nothing here is its. */
typedef struct _CREATION
{
    JOB Job;
    WCHAR Name[PLAINTUN_NAME_MAX + 1];
    LPWSTR AccessList;
    PLAINTUN_ADAPTER *Adapter; /* NULL: the caller has it */
    UINT32 Mtu;                /* bytes */
    DWORD Metric, TimeoutMs;   /* as in PLAINTUN_ADAPTER_CONFIG */
    DWORD Flags;               /* TUN_PROPERTY_FLAGS */
    PSECURITY_DESCRIPTOR Access;
    ULONG AccessSize;      /* bytes */
    ULONG DescriptionSize; /* bytes, with the ending 0 */
    WCHAR Description[DESCRIPTION_LENGTH + 1];
    ULONG64 Start, Deadline; /* Deadline is the job's */
    volatile BOOL Installed; /* the driver is being installed, or was, by this creation or one that it waited for */
    SETUP_LOCK Lock;
    WATCH Watch;
    BOOL Known;    /* the system knew the device before */
    BOOL Adopted;  /* the device runs, and goes on running */
    BOOL Again;    /* this is the second attempt */
    ULONG Problem; /* of the device, when waiting for it was given up */
    /* What Survey found. */
    BOOL HasMine, HasRival;
    ADAPTER_DEVICE Mine;  /* of the same GUID */
    ADAPTER_DEVICE Rival; /* present, of the same name and another GUID */
    DWORD LeftoverCount;
    WCHAR Leftovers[LEFTOVERS_MAX][INSTANCE_ID_LENGTH + 1];
} CREATION;

/* --- who has the name, who the GUID ---------------------------------------------------------------------------------- */

static BOOL Survey(const ADAPTER_DEVICE *Device, void *Context)
{
    CREATION *Creation = Context;
    if (IsEqualGUID(&Device->Guid, &Creation->Adapter->Guid))
    {
        Creation->HasMine = TRUE;
        Creation->Mine = *Device;
        return TRUE;
    }
    BOOL SameName = SameAdapterName(Device->Name, Creation->Name);
    if (Device->Present && SameName)
    {
        Creation->HasRival = TRUE;
        Creation->Rival = *Device;
    }
    /* What is only remembered has no right to its name, and nobody comes back to a GUID that nobody chose; nor to a device
     * without a name, whose maker died before it had one. */
    else if (!Device->Present && Creation->LeftoverCount < LEFTOVERS_MAX &&
             (SameName || Device->Name[0] == 0 ||
              (Device->Flags & (TUN_FLAG_UNNAMED | PLAINTUN_ADAPTER_PERSISTENT)) == TUN_FLAG_UNNAMED))
        lstrcpynW(Creation->Leftovers[Creation->LeftoverCount++], Device->InstanceId, INSTANCE_ID_LENGTH + 1);
    return TRUE;
}

static DWORD SayTaken(const ADAPTER_DEVICE *Device, LPCWSTR Name)
{
    WCHAR Guid[GUID_STRING_LENGTH + 1];
    GuidToString(&Device->Guid, Guid);
    WCHAR Path[PROCESS_PATH_LENGTH];
    if (Device->CreatorId == GetCurrentProcessId())
        return LogError(
            ERROR_ALREADY_EXISTS,
            L"creating the adapter \"%1\": the adapter \"%2\" %3 is in use by process %4!u! (%5), this program itself: "
            L"close its handle (one of a library that was unloaded stays until the program ends), wait for a creation "
            L"that was left behind, or use another name and GUID",
            Name, Device->Name, Guid, Device->CreatorId, ProcessName(Device->CreatorId, Path));
    if (Device->CreatorId != 0)
        return LogError(
            ERROR_ALREADY_EXISTS,
            L"creating the adapter \"%1\": the adapter \"%2\" %3 is in use by process %4!u! (%5); close that "
            L"program, or use another name and GUID",
            Name, Device->Name, Guid, Device->CreatorId, ProcessName(Device->CreatorId, Path));
    return LogError(
        ERROR_ALREADY_EXISTS,
        L"creating the adapter \"%1\": there is the persistent adapter \"%2\" %3; create it by exactly that "
        L"name and GUID, or remove it first",
        Name, Device->Name, Guid);
}

/* Whether the device runs with what its driver was told then, which it reads only when it starts; and with the same
 * description, because Windows may enumerate anew what SwDeviceCreate describes otherwise ("SwDeviceSetLifetime function"). */
static BOOL SameSettings(const CREATION *Creation)
{
    DEVINST Node;
    if (CM_Locate_DevNodeW(&Node, (DEVINSTID_W)Creation->Mine.InstanceId, CM_LOCATE_DEVNODE_NORMAL) != CR_SUCCESS)
        return FALSE;
    BYTE Access[TUN_ACCESS_LIST_MAX / 2]; /* a longer list is taken for another one */
    WCHAR Description[DESCRIPTION_LENGTH + 1];
    UINT32 Mtu;
    return DeviceProperty(Node, &MtuKey, TUN_PROPERTY_MTU_TYPE, &Mtu, sizeof(Mtu)) == sizeof(Mtu) &&
           Mtu == Creation->Mtu &&
           DeviceProperty(Node, &AccessListKey, TUN_PROPERTY_ACCESS_LIST_TYPE, Access, sizeof(Access)) ==
               Creation->AccessSize &&
           memcmp(Access, Creation->Access, Creation->AccessSize) == 0 &&
           DeviceProperty(Node, &DescriptionKey, TUN_PROPERTY_DESCRIPTION_TYPE, Description, sizeof(Description)) ==
               Creation->DescriptionSize &&
           memcmp(Description, Creation->Description, Creation->DescriptionSize) == 0;
}

/* The device of our GUID is there, its creator is not. */
static DWORD TakeOver(CREATION *Creation)
{
    const ADAPTER_DEVICE *Mine = &Creation->Mine;
    LPCWSTR Name = Creation->Name;
    if ((Mine->Flags & PLAINTUN_ADAPTER_PERSISTENT) == 0)
    {
        /* Its handle went with its creator, and it is on its way out. */
        WatchDevice(&Creation->Watch, Mine->InstanceId);
        if (AwaitGone(Mine->InstanceId, &Creation->Watch, Creation->Deadline))
            return NO_ERROR;
        return LogError(
            ERROR_TIMEOUT,
            L"creating the adapter \"%1\": its device %2 from before is not removed in time; close programs "
            L"that still have it open, or restart Windows",
            Name, Mine->InstanceId);
    }
    if (!SameAdapterName(Mine->Name, Name))
        return SayTaken(Mine, Name);
    if (Mine->Started && Mine->Problem == 0 && SameSettings(Creation))
    {
        Creation->Adopted = TRUE;
        return NO_ERROR;
    }
    DWORD Error = AdapterIdle(&Mine->Guid, Mine->Name, L"creating the adapter with other settings");
    if (Error != NO_ERROR)
        return Error;
    Log(PLAINTUN_LOG_INFO, L"the persistent adapter \"%1\" does not run with these settings: making it anew", Name);
    return RetireDevice(Mine, Creation->Deadline);
}

/* Windows tells interfaces apart by the GUID, and would take the other one for ours. What has the GUID of a device that the
 * system knew before may be that one's own interface, which Windows remembers. */
static BOOL GuidOfAnother(const CREATION *Creation)
{
    return !Creation->Known && GuidTaken(&Creation->Adapter->Guid);
}

/* Looks for what is in the way, and clears away what may be. */
static DWORD Prepare(CREATION *Creation)
{
    LPCWSTR Name = Creation->Name;
    Creation->HasMine = Creation->HasRival = Creation->Adopted = FALSE;
    Creation->LeftoverCount = 0;
    DWORD Error = VisitDevices(Survey, Creation);
    if (Error != NO_ERROR)
        return Error;
    Creation->Known = Creation->HasMine;
    if (Creation->HasMine && Creation->Mine.Present && Creation->Mine.CreatorId != 0)
        return SayTaken(&Creation->Mine, Name);
    if (Creation->HasRival && Creation->Rival.CreatorId == 0 &&
        (Creation->Rival.Flags & PLAINTUN_ADAPTER_PERSISTENT) == 0)
    {
        WatchDevice(&Creation->Watch, Creation->Rival.InstanceId);
        Creation->HasRival = !AwaitGone(Creation->Rival.InstanceId, &Creation->Watch, Creation->Deadline);
    }
    if (Creation->HasRival)
        return SayTaken(&Creation->Rival, Name);
    for (DWORD i = 0; i < Creation->LeftoverCount; ++i)
    {
        Error = UninstallDevice(Creation->Leftovers[i]);
        Log(Error == NO_ERROR ? PLAINTUN_LOG_INFO : PLAINTUN_LOG_WARN,
            L"the left-over device %1 is tidied up (error %2!u!)", Creation->Leftovers[i], Error);
    }
    if (Creation->HasMine && Creation->Mine.Present)
    {
        Error = TakeOver(Creation);
        if (Error != NO_ERROR)
            return Error;
    }
    /* An interface goes a moment after its device. */
    ULONG64 Going = AwakeMs() + GOING_MS, Until = Going < Creation->Deadline ? Going : Creation->Deadline;
    while (!Creation->Adopted && (NameTaken(Name, NULL) || GuidOfAnother(Creation)) && TimeLeft(Until) != 0)
        WatchWait(&Creation->Watch, Until);
    if (!Creation->Adopted && NameTaken(Name, NULL))
        return LogError(ERROR_ALREADY_EXISTS,
                        L"creating the adapter \"%1\": another network connection of this computer has that name; use "
                        L"another name, or rename that connection",
                        Name);
    if (GuidOfAnother(Creation))
        return LogError(
            ERROR_ALREADY_EXISTS,
            L"creating the adapter \"%1\": a network interface that is not one of this product's has its GUID; "
            L"use another GUID",
            Name);
    return NO_ERROR;
}

/* --- making it ------------------------------------------------------------------------------------------------------- */

static DWORD Enumerate(CREATION *Creation)
{
    LPCWSTR Name = Creation->Name;
    PLAINTUN_ADAPTER *Adapter = Creation->Adapter;
    DWORD CreatorId;
    FILETIME CreatorTime;
    if (!ProcessSelf(&CreatorId, &CreatorTime))
        return LogError(GetLastError(), L"creating the adapter \"%1\": Windows does not tell when this process started",
                        Name);

#define PROPERTY(Key, Type, Value, Size)                                                                               \
    {{*(const DEVPROPKEY *)&(Key), DEVPROP_STORE_SYSTEM, NULL}, Type, Size, (PVOID)(Value)}
    /* All are said always: a device that existed before keeps what it was given then. Our name comes last: Survey takes a
     * device without it for one whose making was cut short. */
    ULONG NameSize = (lstrlenW(Name) + 1) * sizeof(WCHAR);
    DEVPROPERTY Properties[] = {
        PROPERTY(FriendlyNameKey, DEVPROP_TYPE_STRING, Name, NameSize),
        PROPERTY(GuidKey, TUN_PROPERTY_GUID_TYPE, &Adapter->Guid, sizeof(GUID)),
        PROPERTY(MtuKey, TUN_PROPERTY_MTU_TYPE, &Creation->Mtu, sizeof(Creation->Mtu)),
        PROPERTY(AccessListKey, TUN_PROPERTY_ACCESS_LIST_TYPE, Creation->Access, Creation->AccessSize),
        PROPERTY(FlagsKey, TUN_PROPERTY_FLAGS_TYPE, &Creation->Flags, sizeof(Creation->Flags)),
        PROPERTY(CreatorKey, TUN_PROPERTY_CREATOR_TYPE, &CreatorId, sizeof(CreatorId)),
        PROPERTY(CreatorTimeKey, TUN_PROPERTY_CREATOR_TIME_TYPE, &CreatorTime, sizeof(CreatorTime)),
        PROPERTY(DescriptionKey, TUN_PROPERTY_DESCRIPTION_TYPE, Creation->Description, Creation->DescriptionSize),
        PROPERTY(NameKey, TUN_PROPERTY_NAME_TYPE, Name, NameSize),
    };
#undef PROPERTY
    DWORD Error = MakeDevice(&Adapter->Guid, HARDWARE_IDS, Creation->Description, Properties, ARRAYSIZE(Properties),
                             Creation->Deadline, &Adapter->Created);
    if (Error != NO_ERROR)
    {
        LogKept();
        return Error;
    }
    Adapter->Created->Persistent = Creation->Adopted;
    lstrcpynW(Adapter->InstanceId, Adapter->Created->InstanceId,
              ARRAYSIZE(Adapter->InstanceId)); /* as Windows writes it */
    return NO_ERROR;
}

/* Until when the device that was just made may have a problem that may pass, before it is made anew; the last time, or
 * with little time left, as long as there is time. */
static ULONG64 Patience(const CREATION *Creation)
{
    DWORD Half = TimeLeft(Creation->Deadline) / 2;
    if (Creation->Again || Half <= REPAIR_MS)
        return Creation->Deadline;
    return AwakeMs() + (Half < PATIENCE_MS ? Half : PATIENCE_MS);
}

/* What did not work is gone and forgotten, so that the next creation begins with nothing; unless another program has taken
 * its GUID in this moment. Under the set-up lock. */
static void Forget(CREATION *Creation)
{
    LPCWSTR InstanceId = Creation->Adapter->InstanceId;
    if (DescribeDevice(InstanceId, &Creation->Mine) && !Creation->Mine.Present)
        UninstallDevice(InstanceId);
}

/* Takes back an attempt that has made, or adopted, a device. */
static void Undo(CREATION *Creation)
{
    PLAINTUN_ADAPTER *Adapter = Creation->Adapter;
    if (Adapter->Created == NULL)
        return;
    LogStep(L"removing what it has made");
    /* One that was there before, and is to stay, stays: others may use it. */
    BOOL Stays = Creation->Adopted && (Creation->Flags & PLAINTUN_ADAPTER_PERSISTENT) != 0;
    if (Adapter->Created->Persistent && !Stays)
        SetPersistent(Adapter->Created, FALSE);
    ReleaseDevice(Adapter->Created, FALSE);
    Adapter->Created = NULL;
    SETUP_LOCK Lock;
    if (SetupTryLock(AwakeMs() + REPAIR_MS, &Lock) != NO_ERROR)
        return;
    Forget(Creation);
    SetupUnlock(&Lock);
}

/* Until when the adapter must be usable, as far as is known now. Both sides ask. */
static ULONG64 DeadlineOf(const CREATION *Creation)
{
    return CreationDeadline(Creation->Start, Creation->TimeoutMs, Creation->Installed || Creation->Lock.DriverCame);
}

/* Under the set-up lock: from the look at what is there to a device. */
static DWORD Make(CREATION *Creation)
{
    Creation->Installed |= Creation->Lock.DriverCame;
    Creation->Deadline = DeadlineOf(Creation);
    LogStep(L"looking for adapters that are there");
    DWORD Error = Prepare(Creation);
    if (Error != NO_ERROR)
        return Error;
    LogStep(L"looking for the driver");
    if (!InstallDriver(INSTALL_FOR_ADAPTER, &Creation->Installed))
        return GetLastError();
    Creation->Deadline = DeadlineOf(Creation);
    if (JobIsLeft(&Creation->Job))
        return ERROR_TIMEOUT; /* nobody hears it */
    LogStep(L"preparing the network's GUID");
    if (!Creation->Known && !Creation->Again && (Creation->Flags & TUN_FLAG_UNNAMED) == 0)
        AnticipateNetwork(&Creation->Adapter->Guid, Creation->Deadline);
    LogStep(L"making the device");
    Error = Enumerate(Creation);
    if (Error != NO_ERROR)
        Forget(Creation);
    return Error;
}

/* One attempt: an adapter that works, or an error; then what there is, is to be undone. */
static DWORD Attempt(CREATION *Creation)
{
    PLAINTUN_ADAPTER *Adapter = Creation->Adapter;
    Creation->Problem = 0;
    LogStep(L"waiting for the set-up lock");
    /* Another program may be installing the driver. */
    DWORD Error =
        SetupLock(Creation->Deadline, CreationDeadline(Creation->Start, Creation->TimeoutMs, TRUE), &Creation->Lock);
    if (Error != NO_ERROR)
        return Error;
    Error = Make(Creation);
    SetupUnlock(&Creation->Lock);
    if (Error != NO_ERROR)
        return Error;

    LogStep(L"waiting for the start of the device");
    WatchDevice(&Creation->Watch, Adapter->InstanceId);
    Error = AwaitUsable(Adapter, Adapter->InstanceId, &Creation->Watch, Patience(Creation), Creation->Deadline,
                        &Creation->Problem);
    if (Error != NO_ERROR)
        return Error;
    LogStep(L"naming the network connection");
    Error = NameConnection(&Adapter->Luid, Creation->Name, Creation->Deadline);
    if (Error != NO_ERROR)
        return Error;
    LogStep(L"setting MTU and metric");
    Error = ConfigureInterface(&Adapter->Luid, Creation->Mtu, Creation->Metric);
    if (Error != NO_ERROR)
        return Error;
    LogStep(L"setting how long the device lives");
    if (Creation->Adopted || (Creation->Flags & PLAINTUN_ADAPTER_PERSISTENT) != 0)
        return SetPersistent(Adapter->Created, (Creation->Flags & PLAINTUN_ADAPTER_PERSISTENT) != 0);
    return NO_ERROR;
}

static DWORD ReadAccessList(CREATION *Creation)
{
    LPCWSTR AccessList = Creation->AccessList != NULL ? Creation->AccessList : ACCESS_DEFAULT;
    LogStep(L"reading the access list");
    WCHAR Short[256];
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(AccessList, SDDL_REVISION_1, &Creation->Access,
                                                              &Creation->AccessSize) ||
        Creation->AccessSize > TUN_ACCESS_LIST_MAX)
        return LogError(ERROR_INVALID_PARAMETER,
                        L"creating the adapter \"%1\": AccessList is not a security descriptor in SDDL of at most 4096 "
                        L"bytes: %2",
                        Creation->Name, ShortText(AccessList, Short, ARRAYSIZE(Short)));
    /* One without a list would let everybody in: "Null DACLs and Empty DACLs". */
    BOOL Present, Defaulted;
    ACL *List;
    if (!GetSecurityDescriptorDacl(Creation->Access, &Present, &List, &Defaulted) || !Present || List == NULL)
        return LogError(
            ERROR_INVALID_PARAMETER,
            L"creating the adapter \"%1\": AccessList \"%2\" has no list of who may open it; begin one with "
            L"D:, as in " ACCESS_DEFAULT,
            Creation->Name, ShortText(AccessList, Short, ARRAYSIZE(Short)));
    return NO_ERROR;
}

/* The job. The caller is told before what did not work is cleared away, which may take longer than there is time. */
static DWORD Create(JOB *Job)
{
    CREATION *Creation = (CREATION *)Job;
    DWORD Error = ReadAccessList(Creation);
    if (Error != NO_ERROR)
        return Error;
    LogStep(L"asking to be told of new interfaces");
    if (!WatchStart(&Creation->Watch, TRUE))
        return LogError(GetLastError(), L"creating the adapter \"%1\": Windows gives no event", Creation->Name);
    Error = Attempt(Creation);
    if (Error != NO_ERROR && TimeLeft(Creation->Deadline) > REPAIR_MS &&
        (Creation->Problem != 0 && (Creation->Known || ProblemMayPass(Creation->Problem))))
    {
        Undo(Creation);
        Log(PLAINTUN_LOG_WARN, L"the device of \"%1\" has problem %2!u!: %3; making it anew", Creation->Name,
            Creation->Problem, ProblemText(Creation->Problem));
        InstallDriverForget();
        Creation->Again = TRUE;
        Error = Attempt(Creation);
    }
    if (Error == ERROR_NOT_READY)
        LogKept();
    if (Error != NO_ERROR && Creation->Problem != 0)
        InstallDriverForget();
    LogStep(L"ending the notifications");
    WatchEnd(&Creation->Watch);
    if (!JobDecide(Job, Error) || Error != NO_ERROR)
        Undo(Creation);
    return Error;
}

/* --- public ---------------------------------------------------------------------------------------------------------- */

/* Wrappers hand an empty one through where they have none. */
static BOOL HasTunnelType(const PLAINTUN_ADAPTER_CONFIG *Config)
{
    return Config->TunnelType != NULL && Config->TunnelType[0] != 0;
}

/* NULL: it is good. Field: which one is not, where Fault says what of it. */
static LPCWSTR ConfigFault(const PLAINTUN_ADAPTER_CONFIG *Config, LPCWSTR *Field, WCHAR Fault[FAULT_LENGTH])
{
    *Field = L"";
    if (Config == NULL)
        return L"there is no configuration";
    if (Config->Size != sizeof(*Config))
        return L"Size is not that of this version's structure; compile the program with its header";
    *Field = L"Name ";
    LPCWSTR Wrong = NameFault(Config->Name, Fault);
    if (Wrong != NULL)
        return Wrong;
    *Field = L"TunnelType ";
    Wrong = HasTunnelType(Config) ? TextFault(Config->TunnelType, Fault) : NULL;
    if (Wrong != NULL)
        return Wrong;
    *Field = L"";
    if (Config->Mtu != 0 && (Config->Mtu < PLAINTUN_MTU_MIN || Config->Mtu > PLAINTUN_PACKET_MAX))
        return L"Mtu must be 1280 to 65535 bytes, or 0";
    if ((Config->Flags & ~PLAINTUN_ADAPTER_PERSISTENT) != 0)
        return L"Flags has bits that this version does not know";
    if (Config->Reserved != 0)
        return L"Reserved must be 0";
    return NULL;
}

static DWORD SayNoMemory(LPCWSTR Name)
{
    return LogError(ERROR_NOT_ENOUGH_MEMORY, L"creating the adapter \"%1\": there is no memory; close programs", Name);
}

/* What the job needs of the caller. */
static DWORD Copy(CREATION *Creation, const PLAINTUN_ADAPTER_CONFIG *Config)
{
    static const WCHAR InstancePrefix[] = L"SWD\\" PLAINTUN_ENUMERATOR L"\\";
    PLAINTUN_ADAPTER *Adapter = Creation->Adapter = Allocate(sizeof(*Adapter));
    if (Adapter == NULL)
        return SayNoMemory(Config->Name);
    Creation->TimeoutMs = Config->TimeoutMs;
    Creation->Metric = Config->Metric;
    Creation->Start = AwakeMs();
    Creation->Deadline = DeadlineOf(Creation);
    Creation->Mtu = Config->Mtu != 0 ? Config->Mtu : PLAINTUN_MTU_DEFAULT;
    Creation->Flags = Config->Flags | (Config->Guid == NULL ? TUN_FLAG_UNNAMED : 0);
    lstrcpynW(Creation->Name, Config->Name, ARRAYSIZE(Creation->Name));
    lstrcpynW(Creation->Description, HasTunnelType(Config) ? Config->TunnelType : PLAINTUN_TUNNEL_TYPE,
              PLAINTUN_NAME_MAX + 1);
    lstrcpynW(Creation->Description + lstrlenW(Creation->Description), L" Tunnel", 8);
    Creation->DescriptionSize = (lstrlenW(Creation->Description) + 1) * sizeof(WCHAR);
    if (Config->AccessList != NULL)
    {
        int Length = lstrlenW(Config->AccessList) + 1;
        Creation->AccessList = Allocate((SIZE_T)Length * sizeof(WCHAR));
        if (Creation->AccessList == NULL)
            return SayNoMemory(Config->Name);
        lstrcpynW(Creation->AccessList, Config->AccessList, Length);
    }
    Adapter->Forget = Config->Guid == NULL;
    if (Config->Guid != NULL)
        Adapter->Guid = *Config->Guid;
    else if (!GuidMake(&Adapter->Guid))
        return LogError(ERROR_GEN_FAILURE, L"creating the adapter \"%1\": Windows gives no random number",
                        Config->Name);
    lstrcpynW(Adapter->InstanceId, InstancePrefix, ARRAYSIZE(Adapter->InstanceId));
    GuidToString(&Adapter->Guid, Adapter->InstanceId + ARRAYSIZE(InstancePrefix) - 1);
    return NO_ERROR;
}

static void FreeCreation(JOB *Job)
{
    CREATION *Creation = (CREATION *)Job;
    if (Creation->Access != NULL)
        LocalFree(Creation->Access);
    Free(Creation->AccessList);
    Free(Creation->Adapter);
    Free(Creation);
}

static DWORD SayLeft(LPCWSTR Step, LPCWSTR Name)
{
    if (Step == NULL)
        return LogError(
            ERROR_TIMEOUT,
            L"creating the adapter \"%1\": the thread that is to do it does not come to run; adapters cannot "
            L"be created within a DllMain, nor while another thread does not come back from one",
            Name);
    return LogError(
        ERROR_TIMEOUT,
        L"creating the adapter \"%1\": Windows does not come back in time from %2; what this program has left "
        L"there may keep other creations waiting, until Windows comes back or this program ends",
        Name, Step);
}

PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunCreateAdapter(const PLAINTUN_ADAPTER_CONFIG *Config)
{
    WCHAR Text[FAULT_LENGTH];
    LPCWSTR Field, Fault = ConfigFault(Config, &Field, Text);
    if (Fault != NULL)
    {
        LogError(ERROR_INVALID_PARAMETER, L"creating an adapter: %1%2", Field, Fault);
        return NULL;
    }
    CREATION *Creation = Allocate(sizeof(*Creation));
    PLAINTUN_ADAPTER *Adapter = NULL;
    DWORD Error = Creation != NULL ? Copy(Creation, Config) : SayNoMemory(Config->Name);
    if (Error != NO_ERROR)
    {
        if (Creation != NULL)
            FreeCreation(&Creation->Job);
        goto end;
    }
    Creation->Job.Work = Create;
    Creation->Job.Free = FreeCreation;
    if (!JobStart(&Creation->Job))
    {
        Error = LogError(GetLastError(), L"creating the adapter \"%1\": Windows gives no thread for it", Config->Name);
        goto end;
    }
    ULONG64 Deadline;
    do
        Deadline = DeadlineOf(Creation);
    while (!JobAwait(&Creation->Job, Deadline + LEAVE_MS) && DeadlineOf(Creation) != Deadline);
    if (JobLeave(&Creation->Job, &Error))
        Error = SayLeft(Creation->Job.Relay.Step, Config->Name);
    else if (Error == NO_ERROR)
    {
        Adapter = Creation->Adapter;
        Creation->Adapter = NULL;
        Log(PLAINTUN_LOG_INFO, L"the adapter \"%1\" is there after %2!u! ms", Config->Name,
            (DWORD)(AwakeMs() - Creation->Start));
    }
    JobUnreference(&Creation->Job);

end:
    SetLastError(Error);
    return Adapter;
}
