/* SPDX-License-Identifier: MIT */
/*
 * Device instances and device interfaces, the part of cfgmgr32.dll that programs ask about devices with. Wine 8 cannot
 * find a device by its name, knows no status and no interface lists. Whether a software device is there and runs is known
 * by its bus (swdevice.sys); all else stands in the registry and is read through SetupAPI. Any thread; the one lock guards
 * the numbers that stand for devices.
 */
#define _CFGMGR32_ /* we are the DLL: its functions are not imported */
#include "wdk/missing.h"

#include <winioctl.h>
#include <setupapi.h>
#include <cfg.h>
#include <stdlib.h>
#include <wchar.h>
#include <initguid.h>
#include <devpkey.h>

#include "host/wine/cfgmgr32/cfgmgr32.h"
#include "host/wine/shared/failures.h"
#include "host/wine/swdevice/swdevice.h"

/* --- device instances ---------------------------------------------------------------------------------------------- */

/*
 * A DEVINST is a number that a process has for an instance ID. Wine 8 has them for the devices of an open device
 * information set only and cannot look one up, so those that CM_Locate_DevNode gives out are numbered here, from
 * FIRST_INSTANCE on. A device that is gone from the registry loses its place, not its number: the next one in that place
 * has another. Each new device looks at two places, so that there are at most about twice as many as devices.
 */
#define FIRST_INSTANCE 0x40000000u
#define INSTANCES_MAX  4096
#define PLACE_USES     (FIRST_INSTANCE / INSTANCES_MAX) /* then a place begins again with its first number */

static SRWLOCK InstanceLock = SRWLOCK_INIT;
static struct
{
    WCHAR *Id; /* NULL: the place is free */
    ULONG Use;
} Instances[INSTANCES_MAX];
static ULONG InstanceCount; /* places that were ever used */
static ULONG NextLook, Asked;

/* The root of all devices, which is not in Wine's registry. "CM_Locate_DevNodeW function (cfgmgr32.h)" */
static const WCHAR RootId[] = L"HTREE\\ROOT\\0";

static BOOL IsInRegistry(const WCHAR *Id)
{
    if (!_wcsicmp(Id, RootId))
        return TRUE;
    WCHAR Path[SWDEVICE_ID_MAX + 64];
    swprintf(Path, ARRAYSIZE(Path), L"System\\CurrentControlSet\\Enum\\%ls", Id);
    HKEY Key;
    LONG Error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, Path, 0, KEY_QUERY_VALUE, &Key);
    if (!Error)
        RegCloseKey(Key);
    return Error != ERROR_FILE_NOT_FOUND;
}

/* The registry is asked without the lock: what somebody asks for meanwhile may be that device, there again. */
static VOID ForgetOneIfGone(VOID)
{
    WCHAR Id[SWDEVICE_ID_MAX] = L"";
    AcquireSRWLockExclusive(&InstanceLock);
    ULONG Index = NextLook++ % InstanceCount, AskedBefore = Asked;
    if (Instances[Index].Id)
        lstrcpynW(Id, Instances[Index].Id, SWDEVICE_ID_MAX);
    ReleaseSRWLockExclusive(&InstanceLock);
    if (!*Id || IsInRegistry(Id))
        return;
    AcquireSRWLockExclusive(&InstanceLock);
    if (Asked == AskedBefore && Instances[Index].Id && !wcscmp(Instances[Index].Id, Id))
    {
        free(Instances[Index].Id);
        Instances[Index].Id = NULL;
        Instances[Index].Use = (Instances[Index].Use + 1) % PLACE_USES;
    }
    ReleaseSRWLockExclusive(&InstanceLock);
}

static CONFIGRET InstanceOfId(const WCHAR *Id, DEVINST *Instance)
{
    CONFIGRET Result = CR_SUCCESS;
    AcquireSRWLockExclusive(&InstanceLock);
    Asked++;
    ULONG Index, Free = InstanceCount;
    for (Index = 0; Index < InstanceCount; Index++)
        if (!Instances[Index].Id)
            Free = Index;
        else if (!_wcsicmp(Instances[Index].Id, Id))
            break;
    BOOL IsNew = Index == InstanceCount;
    WCHAR *Copy = IsNew && Free < INSTANCES_MAX ? _wcsdup(Id) : NULL;
    if (Copy)
    {
        Index = Free;
        Instances[Index].Id = Copy;
        InstanceCount = max(InstanceCount, Index + 1);
    }
    else if (IsNew)
        Result = CR_OUT_OF_MEMORY;
    if (Result == CR_SUCCESS)
        *Instance = FIRST_INSTANCE + Instances[Index].Use * INSTANCES_MAX + Index;
    ReleaseSRWLockExclusive(&InstanceLock);
    for (int i = 0; i < 2 && IsNew; i++)
        ForgetOneIfGone();
    return Result;
}

static CONFIGRET IdOfInstance(DEVINST Instance, WCHAR Id[SWDEVICE_ID_MAX])
{
    static CONFIGRET(WINAPI * GetId)(DEVINST, PWSTR, ULONG, ULONG);
    CONFIGRET Result = CR_NO_SUCH_DEVINST;
    if (Instance >= FIRST_INSTANCE)
    {
        AcquireSRWLockShared(&InstanceLock);
        ULONG Index = Instance % INSTANCES_MAX;
        if (Instances[Index].Id && Instance == FIRST_INSTANCE + Instances[Index].Use * INSTANCES_MAX + Index)
        {
            lstrcpynW(Id, Instances[Index].Id, SWDEVICE_ID_MAX);
            Result = CR_SUCCESS;
        }
        ReleaseSRWLockShared(&InstanceLock);
        return Result;
    }
    if (!GetId)
        GetId = (VOID *)GetProcAddress(LoadLibraryW(L"setupapi.dll"), "CM_Get_Device_IDW");
    return GetId ? GetId(Instance, Id, SWDEVICE_ID_MAX, 0) : CR_FAILURE;
}

static BOOL IsSoftwareDevice(const WCHAR *Id)
{
    return !_wcsnicmp(Id, L"SWD\\", 4);
}

ULONG QuerySoftwareDevice(const WCHAR *Id)
{
    ULONG Flags = 0;
    HANDLE Bus = OpenBus();
    if (Bus == INVALID_HANDLE_VALUE)
        return 0;
    DWORD Returned;
    if (!DeviceIoControl(Bus, IOCTL_SWDEVICE_QUERY, (VOID *)Id, (DWORD)(wcslen(Id) + 1) * sizeof(WCHAR), &Flags,
                         sizeof(Flags), &Returned, NULL))
        Flags = 0;
    CloseHandle(Bus);
    if (!Flags && HostFailure(L"ProblemMs"))
        Flags = SWDEVICE_PRESENT | SWDEVICE_ENUMERATED;
    return Flags;
}

/* The device's entry in the registry, by SetupAPI. */
BOOL OpenDeviceById(const WCHAR *Id, HDEVINFO *Set, SP_DEVINFO_DATA *Data)
{
    *Data = (SP_DEVINFO_DATA){.cbSize = sizeof(*Data)};
    *Set = SetupDiCreateDeviceInfoList(NULL, NULL);
    if (*Set == INVALID_HANDLE_VALUE)
        return FALSE;
    if (SetupDiOpenDeviceInfoW(*Set, Id, NULL, 0, Data))
        return TRUE;
    SetupDiDestroyDeviceInfoList(*Set);
    return FALSE;
}

static CONFIGRET OpenInstance(DEVINST Instance, HDEVINFO *Set, SP_DEVINFO_DATA *Data)
{
    WCHAR Id[SWDEVICE_ID_MAX];
    CONFIGRET Result = IdOfInstance(Instance, Id);
    if (Result != CR_SUCCESS)
        return Result;
    return OpenDeviceById(Id, Set, Data) ? CR_SUCCESS : CR_NO_SUCH_DEVINST;
}

/*
 * CR_INVALID_POINTER, CR_INVALID_FLAG, CR_INVALID_DEVICE_ID. CR_NO_SUCH_DEVNODE: unknown; or not there now and not asked for
 * by CM_LOCATE_DEVNODE_PHANTOM. No Id, or an empty one: the root of all devices.
 * "CM_Locate_DevNodeW function (cfgmgr32.h)"
 */
CONFIGRET WINAPI CM_Locate_DevNodeW(PDEVINST Instance, DEVINSTID_W Id, ULONG Flags)
{
    if (!Instance)
        return CR_INVALID_POINTER;
    if (Flags & ~(CM_LOCATE_DEVNODE_PHANTOM | CM_LOCATE_DEVNODE_CANCELREMOVE | CM_LOCATE_DEVNODE_NOVALIDATION))
        return CR_INVALID_FLAG;
    if (!Id || !*Id || !_wcsicmp(Id, RootId))
        return InstanceOfId(RootId, Instance);
    if (wcslen(Id) >= SWDEVICE_ID_MAX)
        return CR_INVALID_DEVICE_ID;
    if (!IsInRegistry(Id))
        return CR_NO_SUCH_DEVNODE;
    if (IsSoftwareDevice(Id) && !(Flags & CM_LOCATE_DEVNODE_PHANTOM) && !(QuerySoftwareDevice(Id) & SWDEVICE_PRESENT))
        return CR_NO_SUCH_DEVNODE;
    return InstanceOfId(Id, Instance);
}

CONFIGRET WINAPI CM_Locate_DevNodeA(PDEVINST Instance, DEVINSTID_A Id, ULONG Flags)
{
    WCHAR Wide[SWDEVICE_ID_MAX];
    if (Id && !MultiByteToWideChar(CP_ACP, 0, Id, -1, Wide, SWDEVICE_ID_MAX))
        return CR_INVALID_DEVICE_ID;
    return CM_Locate_DevNodeW(Instance, Id ? Wide : NULL, Flags);
}

/* "CM_Get_Device_ID_Size function (cfgmgr32.h)": units without the ending 0; 0 for a device that is unknown. */
CONFIGRET WINAPI CM_Get_Device_ID_Size(PULONG Length, DEVINST Instance, ULONG Flags)
{
    if (!Length)
        return CR_INVALID_POINTER;
    WCHAR Id[SWDEVICE_ID_MAX];
    CONFIGRET Result = IdOfInstance(Instance, Id);
    *Length = Result == CR_SUCCESS ? (ULONG)wcslen(Id) : 0;
    return Result;
}

/* CR_BUFFER_SMALL: Length units do not hold it with its ending 0. "CM_Get_Device_IDW function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Get_Device_IDW(DEVINST Instance, PWSTR Buffer, ULONG Length, ULONG Flags)
{
    if (!Buffer)
        return CR_INVALID_POINTER;
    WCHAR Id[SWDEVICE_ID_MAX];
    CONFIGRET Result = IdOfInstance(Instance, Id);
    if (Result != CR_SUCCESS)
        return Result;
    if (wcslen(Id) >= Length)
        return CR_BUFFER_SMALL;
    wcscpy(Buffer, Id);
    return CR_SUCCESS;
}

CONFIGRET WINAPI CM_Get_Device_IDA(DEVINST Instance, PSTR Buffer, ULONG Length, ULONG Flags)
{
    if (!Buffer)
        return CR_INVALID_POINTER;
    WCHAR Id[SWDEVICE_ID_MAX];
    CONFIGRET Result = IdOfInstance(Instance, Id);
    if (Result != CR_SUCCESS)
        return Result;
    return WideCharToMultiByte(CP_ACP, 0, Id, -1, Buffer, (int)Length, NULL, NULL) ? CR_SUCCESS : CR_BUFFER_SMALL;
}

/* --- status -------------------------------------------------------------------------------------------------------- */

#define SERVICE_MAX 257 /* UTF-16 units with the 0: "CreateServiceW", lpServiceName */

static BOOL ServiceOf(const WCHAR *Id, WCHAR Service[SERVICE_MAX])
{
    SP_DEVINFO_DATA Data;
    HDEVINFO Set;
    if (!OpenDeviceById(Id, &Set, &Data))
        return FALSE;
    BOOL Found = SetupDiGetDeviceRegistryPropertyW(Set, &Data, SPDRP_SERVICE, NULL, (BYTE *)Service,
                                                   SERVICE_MAX * sizeof(WCHAR), NULL);
    SetupDiDestroyDeviceInfoList(Set);
    return Found;
}

/* Why the driver of a device could not be loaded: host/wine/ndis/image.c notes it. 0: nothing is known. */
static LONG LoadStatus(const WCHAR *Id)
{
    WCHAR Service[SERVICE_MAX];
    if (!ServiceOf(Id, Service))
        return 0;
    DWORD Status = 0, Size = sizeof(Status);
    WCHAR Key[SERVICE_MAX + 64];
    swprintf(Key, sizeof(Key) / sizeof(Key[0]), L"System\\CurrentControlSet\\Services\\%ls\\HostLoad", Service);
    RegGetValueW(HKEY_LOCAL_MACHINE, Key, L"Status", RRF_RT_REG_DWORD, NULL, &Status, &Size);
    return (LONG)Status;
}

static VOID StatusOfFlags(const WCHAR *Id, ULONG Flags, ULONG *Status, ULONG *Problem)
{
    *Problem = 0;
    *Status = DN_NT_ENUMERATOR | DN_NT_DRIVER | DN_DISABLEABLE;
    if (Flags & SWDEVICE_IS_REMOVABLE)
        *Status |= DN_REMOVABLE;
    if (!(Flags & SWDEVICE_ENUMERATED))
        return;
    WCHAR Service[SERVICE_MAX];
    if (Flags & SWDEVICE_FAILED)
        *Problem = CM_PROB_FAILED_START;
    else if (!(Flags & SWDEVICE_ATTACHED) && ServiceOf(Id, Service))
        *Problem = CM_PROB_DRIVER_FAILED_LOAD;
    else if (!(Flags & SWDEVICE_ATTACHED) && (Flags & SWDEVICE_NEEDS_DRIVER))
        *Problem = CM_PROB_FAILED_INSTALL;
    else if (!(Flags & SWDEVICE_STARTED))
        *Problem = CM_PROB_FAILED_START;
    if (!(Flags & SWDEVICE_STARTED) && HostFailure(L"Problem"))
        *Problem = HostFailure(L"Problem");
    if (*Problem)
        *Status |= DN_HAS_PROBLEM;
    else
        *Status |= DN_STARTED | DN_DRIVER_LOADED;
}

/*
 * CR_INVALID_POINTER, CR_INVALID_FLAG, CR_NO_SUCH_DEVINST: the device is not there (any more). What is no software device
 * was started by Wine, which knows no other state. "CM_Get_DevNode_Status function (cfgmgr32.h)"
 */
CONFIGRET WINAPI CM_Get_DevNode_Status(PULONG Status, PULONG ProblemNumber, DEVINST Instance, ULONG Flags)
{
    if (!Status || !ProblemNumber)
        return CR_INVALID_POINTER;
    if (Flags)
        return CR_INVALID_FLAG;
    WCHAR Id[SWDEVICE_ID_MAX];
    CONFIGRET Result = IdOfInstance(Instance, Id);
    if (Result != CR_SUCCESS)
        return Result;
    if (!IsSoftwareDevice(Id))
    {
        *Status = DN_NT_ENUMERATOR | DN_NT_DRIVER | DN_STARTED | DN_DRIVER_LOADED;
        *ProblemNumber = 0;
        return CR_SUCCESS;
    }
    ULONG State = QuerySoftwareDevice(Id);
    if (!(State & SWDEVICE_PRESENT))
        return CR_NO_SUCH_DEVINST;
    StatusOfFlags(Id, State, Status, ProblemNumber);
    return CR_SUCCESS;
}

/* --- properties ---------------------------------------------------------------------------------------------------- */

static CONFIGRET FromError(DWORD Error)
{
    switch (Error)
    {
    case ERROR_SUCCESS:
        return CR_SUCCESS;
    case ERROR_INSUFFICIENT_BUFFER:
        return CR_BUFFER_SMALL;
    case ERROR_NOT_FOUND:
    case ERROR_FILE_NOT_FOUND:
    case ERROR_INVALID_DATA:
        return CR_NO_SUCH_VALUE;
    case ERROR_INVALID_FLAGS:
        return CR_INVALID_FLAG;
    case ERROR_INVALID_USER_BUFFER:
        return CR_INVALID_POINTER;
    case ERROR_ACCESS_DENIED:
        return CR_ACCESS_DENIED;
    default:
        return CR_FAILURE;
    }
}

static CONFIGRET GiveProperty(const VOID *Value, ULONG Length, DEVPROPTYPE Given, DEVPROPTYPE *Type, BYTE *Buffer,
                              ULONG *Size)
{
    BOOL Fits = Buffer && *Size >= Length;
    *Type = Given;
    if (Fits)
        memcpy(Buffer, Value, Length);
    *Size = Length;
    return Fits ? CR_SUCCESS : CR_BUFFER_SMALL;
}

/* Properties that Windows makes up when asked: of the device as it is now. */
static CONFIGRET LiveProperty(const WCHAR *Id, DEVINST Instance, const DEVPROPKEY *Key, DEVPROPTYPE *Type, BYTE *Buffer,
                              ULONG *Size)
{
    if (IsEqualDevPropKey(*Key, DEVPKEY_Device_InstanceId))
        return GiveProperty(Id, (ULONG)(wcslen(Id) + 1) * sizeof(WCHAR), DEVPROP_TYPE_STRING, Type, Buffer, Size);
    static const DEVPROPKEY *const OfStatus[] = {&DEVPKEY_Device_IsPresent, &DEVPKEY_Device_DevNodeStatus,
                                                 &DEVPKEY_Device_ProblemCode, &DEVPKEY_Device_ProblemStatus};
    ULONG Index = 0;
    while (Index < ARRAYSIZE(OfStatus) && !IsEqualDevPropKey(*Key, *OfStatus[Index]))
        Index++;
    if (Index == ARRAYSIZE(OfStatus))
        return CR_NO_SUCH_VALUE; /* without asking the bus */
    ULONG Status, Problem;
    CONFIGRET Result = CM_Get_DevNode_Status(&Status, &Problem, Instance, 0);
    if (IsEqualDevPropKey(*Key, DEVPKEY_Device_IsPresent))
    {
        DEVPROP_BOOLEAN Present = Result == CR_SUCCESS ? DEVPROP_TRUE : DEVPROP_FALSE;
        return GiveProperty(&Present, sizeof(Present), DEVPROP_TYPE_BOOLEAN, Type, Buffer, Size);
    }
    if (Result == CR_SUCCESS && IsEqualDevPropKey(*Key, DEVPKEY_Device_DevNodeStatus))
        return GiveProperty(&Status, sizeof(Status), DEVPROP_TYPE_UINT32, Type, Buffer, Size);
    if (Result == CR_SUCCESS && IsEqualDevPropKey(*Key, DEVPKEY_Device_ProblemCode))
        return GiveProperty(&Problem, sizeof(Problem), DEVPROP_TYPE_UINT32, Type, Buffer, Size);
    if (Result == CR_SUCCESS && IsEqualDevPropKey(*Key, DEVPKEY_Device_ProblemStatus))
    {
        LONG Reason = Problem ? (LONG)HostFailure(L"ProblemStatus") : 0;
        if (!Reason && Problem == CM_PROB_DRIVER_FAILED_LOAD)
            Reason = LoadStatus(Id);
        return GiveProperty(&Reason, sizeof(Reason), DEVPROP_TYPE_NTSTATUS, Type, Buffer, Size);
    }
    return CR_NO_SUCH_VALUE;
}

/* The keys of the category of DEVPKEY_Device_DeviceDesc number the SPDRP_ values, from 2. */
static CONFIGRET RegistryTwin(HDEVINFO Set, SP_DEVINFO_DATA *Data, const DEVPROPKEY *Key, DEVPROPTYPE *Type,
                              BYTE *Buffer, ULONG *Size)
{
    BYTE Value[8192];
    DWORD RegistryType, Length;
    if (!IsEqualGUID(&Key->fmtid, &DEVPKEY_Device_DeviceDesc.fmtid) || Key->pid < 2 ||
        !SetupDiGetDeviceRegistryPropertyW(Set, Data, Key->pid - 2, &RegistryType, Value, sizeof(Value), &Length))
        return CR_NO_SUCH_VALUE;
    GUID Guid;
    if (Key->pid - 2 == SPDRP_CLASSGUID && !CLSIDFromString((WCHAR *)Value, &Guid))
        return GiveProperty(&Guid, sizeof(Guid), DEVPROP_TYPE_GUID, Type, Buffer, Size);
    return GiveProperty(Value, Length,
                        RegistryType == REG_SZ         ? DEVPROP_TYPE_STRING
                        : RegistryType == REG_MULTI_SZ ? DEVPROP_TYPE_STRING_LIST
                        : RegistryType == REG_DWORD    ? DEVPROP_TYPE_UINT32
                                                       : DEVPROP_TYPE_BINARY,
                        Type, Buffer, Size);
}

/* What SetupAPI has kept of a property, where it keeps it: three requests to wineserver, and SetupAPI makes a hundred, as it
 * opens the device. A library asks for some of each device that there is. FALSE: SetupAPI is to be asked. */
static BOOL KeptProperty(const WCHAR *Id, const DEVPROPKEY *Key, DEVPROPTYPE *Type, BYTE *Buffer, ULONG *Size,
                         CONFIGRET *Result)
{
    WCHAR Category[40];
    if (!StringFromGUID2(&Key->fmtid, Category, ARRAYSIZE(Category)))
        return FALSE;
    WCHAR Path[SWDEVICE_ID_MAX + 128];
    swprintf(Path, ARRAYSIZE(Path), L"System\\CurrentControlSet\\Enum\\%ls\\Properties\\%ls\\%04X", Id, Category,
             Key->pid);
    HKEY Value;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, Path, 0, KEY_QUERY_VALUE, &Value))
        return FALSE;
    DWORD Given = 0, Length = *Size; /* RegGetValue refuses types that are no registry's */
    LSTATUS Error = RegQueryValueExW(Value, NULL, NULL, &Given, Buffer, &Length);
    RegCloseKey(Value);
    if ((Error && Error != ERROR_MORE_DATA) || Given >> 16 != 0xffff) /* the mark of a property's type */
        return FALSE;
    *Type = Given & 0xffff;
    *Result = Buffer && !Error ? CR_SUCCESS : CR_BUFFER_SMALL;
    *Size = Length;
    return TRUE;
}

/*
 * CR_BUFFER_SMALL: Size is set to what is needed. CR_NO_SUCH_VALUE, CR_NO_SUCH_DEVINST, CR_INVALID_POINTER, CR_INVALID_FLAG.
 * "CM_Get_DevNode_PropertyW function (cfgmgr32.h)"
 */
CONFIGRET WINAPI CM_Get_DevNode_PropertyW(DEVINST Instance, const DEVPROPKEY *Key, DEVPROPTYPE *Type, PBYTE Buffer,
                                          PULONG Size, ULONG Flags)
{
    DWORD Needed = 0;
    if (!Key || !Type || !Size || (*Size && !Buffer))
        return CR_INVALID_POINTER;
    if (Flags)
        return CR_INVALID_FLAG;
    WCHAR Id[SWDEVICE_ID_MAX];
    CONFIGRET Result = IdOfInstance(Instance, Id);
    if (Result != CR_SUCCESS)
        return Result;
    Result = LiveProperty(Id, Instance, Key, Type, Buffer, Size);
    if (Result != CR_NO_SUCH_VALUE || KeptProperty(Id, Key, Type, Buffer, Size, &Result))
        return Result;
    SP_DEVINFO_DATA Data;
    HDEVINFO Set;
    if (!OpenDeviceById(Id, &Set, &Data))
        return CR_NO_SUCH_DEVINST;
    Result = RegistryTwin(Set, &Data, Key, Type, Buffer, Size);
    if (Result == CR_NO_SUCH_VALUE)
    {
        BOOL Done = SetupDiGetDevicePropertyW(Set, &Data, Key, Type, Buffer, *Size, &Needed, 0);
        Result = FromError(Done ? ERROR_SUCCESS : GetLastError());
        if (Result == CR_SUCCESS || Result == CR_BUFFER_SMALL)
            *Size = Needed;
    }
    SetupDiDestroyDeviceInfoList(Set);
    return Result;
}

/* "CM_Set_DevNode_PropertyW function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Set_DevNode_PropertyW(DEVINST Instance, const DEVPROPKEY *Key, DEVPROPTYPE Type, const BYTE *Buffer,
                                          ULONG Size, ULONG Flags)
{
    DEVPROPERTY Property = {.Type = Type, .BufferSize = Size, .Buffer = (VOID *)Buffer};
    if (!Key || (Size && !Buffer))
        return CR_INVALID_POINTER;
    if (Flags)
        return CR_INVALID_FLAG;
    Property.CompKey.Key = *Key;
    SP_DEVINFO_DATA Data;
    HDEVINFO Set;
    CONFIGRET Result = OpenInstance(Instance, &Set, &Data);
    if (Result != CR_SUCCESS)
        return Result;
    Result = FromError(SetDeviceProperties(Set, &Data, 1, &Property));
    SetupDiDestroyDeviceInfoList(Set);
    return Result;
}

/* "CM_Get_DevNode_Registry_PropertyW function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Get_DevNode_Registry_PropertyW(DEVINST Instance, ULONG Property, PULONG Type, PVOID Buffer,
                                                   PULONG Length, ULONG Flags)
{
    DWORD Needed = 0, Given = 0;
    if (!Length || Property < CM_DRP_MIN)
        return Length ? CR_INVALID_PROPERTY : CR_INVALID_POINTER;
    SP_DEVINFO_DATA Data;
    HDEVINFO Set;
    CONFIGRET Result = OpenInstance(Instance, &Set, &Data);
    if (Result != CR_SUCCESS)
        return Result;
    Result = FromError(SetupDiGetDeviceRegistryPropertyW(Set, &Data, Property - CM_DRP_MIN, &Given, Buffer,
                                                         Buffer ? *Length : 0, &Needed)
                           ? ERROR_SUCCESS
                           : GetLastError());
    if (Type)
        *Type = Given;
    if (Result == CR_SUCCESS || Result == CR_BUFFER_SMALL)
        *Length = Needed;
    SetupDiDestroyDeviceInfoList(Set);
    return Result;
}

/* CM_REGISTRY_HARDWARE or CM_REGISTRY_SOFTWARE, no hardware profiles. "CM_Open_DevNode_Key function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Open_DevNode_Key(DEVINST Instance, REGSAM Access, ULONG Profile, REGDISPOSITION Disposition,
                                     PHKEY Key, ULONG Flags)
{
    DWORD KeyType = Flags & CM_REGISTRY_SOFTWARE ? DIREG_DRV : DIREG_DEV;
    if (!Key)
        return CR_INVALID_POINTER;
    *Key = NULL;
    if (Flags & ~CM_REGISTRY_SOFTWARE)
        return CR_INVALID_FLAG;
    SP_DEVINFO_DATA Data;
    HDEVINFO Set;
    CONFIGRET Result = OpenInstance(Instance, &Set, &Data);
    if (Result != CR_SUCCESS)
        return Result;
    *Key = SetupDiOpenDevRegKey(Set, &Data, DICS_FLAG_GLOBAL, 0, KeyType, Access);
    if (*Key == INVALID_HANDLE_VALUE && Disposition == RegDisposition_OpenAlways)
        *Key = SetupDiCreateDevRegKeyW(Set, &Data, DICS_FLAG_GLOBAL, 0, KeyType, NULL, NULL);
    SetupDiDestroyDeviceInfoList(Set);
    if (*Key != INVALID_HANDLE_VALUE)
        return CR_SUCCESS;
    *Key = NULL;
    return CR_NO_SUCH_REGISTRY_KEY;
}

/* --- lists of devices ---------------------------------------------------------------------------------------------- */

typedef struct _ID_LIST
{
    ULONG Flags;
    WCHAR *Units; /* NULL: they are counted */
    ULONG Capacity, Length;
    CONFIGRET Result;
} ID_LIST;

static BOOL IsPresent(const WCHAR *Id)
{
    return !IsSoftwareDevice(Id) || (QuerySoftwareDevice(Id) & SWDEVICE_PRESENT);
}

static VOID AppendDevice(ID_LIST *List, const WCHAR *Id)
{
    if ((List->Flags & CM_GETIDLIST_FILTER_PRESENT) && !IsPresent(Id))
        return;
    ULONG Units = (ULONG)wcslen(Id) + 1;
    if (List->Units && List->Length + Units > List->Capacity)
        List->Result = CR_BUFFER_SMALL;
    else if (List->Units)
        memcpy(List->Units + List->Length - 1, Id, Units * sizeof(WCHAR));
    List->Length += Units;
}

/* The registry's Enum has enumerators, their devices, and instances of these: so many levels lie below Key. What has no class
 * is on its way there, or away. (SetupAPI would open each device, with a hundred requests.) */
static VOID AppendBelow(ID_LIST *List, HKEY Key, const WCHAR *Id, int Levels)
{
    WCHAR Name[SWDEVICE_ID_MAX];
    DWORD Length = ARRAYSIZE(Name);
    for (DWORD i = 0; List->Result == CR_SUCCESS && !RegEnumKeyExW(Key, i, Name, &Length, NULL, NULL, NULL, NULL);
         i++, Length = ARRAYSIZE(Name))
    {
        WCHAR Below[SWDEVICE_ID_MAX];
        if (swprintf(Below, ARRAYSIZE(Below), L"%ls%ls%ls", Id, *Id ? L"\\" : L"", Name) < 0)
            continue;
        HKEY Next;
        if (Levels == 1 && !RegGetValueW(Key, Name, L"ClassGUID", RRF_RT_REG_SZ, NULL, NULL, NULL))
            AppendDevice(List, Below);
        else if (Levels > 1 && !RegOpenKeyExW(Key, Name, 0, KEY_ENUMERATE_SUB_KEYS, &Next))
        {
            AppendBelow(List, Next, Below, Levels - 1);
            RegCloseKey(Next);
        }
    }
}

/* Appends the IDs of an enumerator's devices, of one device's instances, or all, and counts their units with the ending zeros;
 * a NULL list is counted. Other filters are not there. */
static CONFIGRET ListDevices(const WCHAR *Filter, ULONG Flags, WCHAR *Units, ULONG Capacity, ULONG *Length)
{
    ID_LIST List = {Flags, Units, Capacity, 1, CR_SUCCESS};
    if (Flags & ~(CM_GETIDLIST_FILTER_ENUMERATOR | CM_GETIDLIST_FILTER_PRESENT))
        return CR_CALL_NOT_IMPLEMENTED;
    if ((Flags & CM_GETIDLIST_FILTER_ENUMERATOR) && (!Filter || !*Filter))
        return CR_INVALID_POINTER;
    if (HostFailure(L"CM_Get_Device_ID_List"))
        return HostFailure(L"CM_Get_Device_ID_List");
    if (!(Flags & CM_GETIDLIST_FILTER_ENUMERATOR))
        Filter = L"";
    *Length = 1;
    if (wcslen(Filter) >= SWDEVICE_ID_MAX)
        return CR_INVALID_DATA;
    WCHAR Path[SWDEVICE_ID_MAX + 64];
    swprintf(Path, ARRAYSIZE(Path), L"System\\CurrentControlSet\\Enum%ls%ls", *Filter ? L"\\" : L"", Filter);
    HKEY Key;
    LSTATUS Error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, Path, 0, KEY_ENUMERATE_SUB_KEYS, &Key);
    if (Error && Error != ERROR_FILE_NOT_FOUND)
        return CR_FAILURE;
    if (!Error)
    {
        AppendBelow(&List, Key, Filter, !*Filter ? 3 : !wcschr(Filter, L'\\') ? 2 : 1);
        RegCloseKey(Key);
    }
    if (Units && List.Result == CR_SUCCESS)
        Units[List.Length - 1] = 0;
    *Length = List.Length;
    return List.Result;
}

/* "CM_Get_Device_ID_List_SizeW function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Get_Device_ID_List_SizeW(PULONG Length, PCWSTR Filter, ULONG Flags)
{
    return Length ? ListDevices(Filter, Flags, NULL, 0, Length) : CR_INVALID_POINTER;
}

/* CR_BUFFER_SMALL: Length units do not hold the list. "CM_Get_Device_ID_ListW function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Get_Device_ID_ListW(PCWSTR Filter, PZZWSTR List, ULONG Length, ULONG Flags)
{
    if (!List || !Length)
        return CR_INVALID_POINTER;
    List[0] = 0;
    ULONG Needed;
    return ListDevices(Filter, Flags, List, Length, &Needed);
}

/* --- interfaces ---------------------------------------------------------------------------------------------------- */

/* Appends the class's interface paths to a list, and counts its units with the ending zeros; a NULL list is counted. */
static CONFIGRET ListInterfaces(const GUID *Class, const WCHAR *Id, ULONG Flags, WCHAR *List, ULONG Capacity,
                                ULONG *Length)
{
    BYTE Buffer[sizeof(SP_DEVICE_INTERFACE_DETAIL_DATA_W) + 1024];
    SP_DEVICE_INTERFACE_DETAIL_DATA_W *Detail = (VOID *)Buffer;
    SP_DEVICE_INTERFACE_DATA Interface = {.cbSize = sizeof(Interface)};
    SP_DEVINFO_DATA Device = {.cbSize = sizeof(Device)};
    BOOL PresentOnly = !(Flags & CM_GET_DEVICE_INTERFACE_LIST_ALL_DEVICES);
    CONFIGRET Result = CR_SUCCESS;
    HDEVINFO Set = SetupDiGetClassDevsW(Class, NULL, NULL, DIGCF_DEVICEINTERFACE);
    *Length = 1;
    if (Set == INVALID_HANDLE_VALUE)
        return CR_FAILURE;
    WCHAR Owner[SWDEVICE_ID_MAX];
    for (DWORD i = 0; SetupDiEnumDeviceInterfaces(Set, NULL, Class, i, &Interface); i++)
    {
        Detail->cbSize = sizeof(*Detail);
        if (PresentOnly && !(Interface.Flags & SPINT_ACTIVE))
            continue;
        if (!SetupDiGetDeviceInterfaceDetailW(Set, &Interface, Detail, sizeof(Buffer), NULL, &Device) ||
            !SetupDiGetDeviceInstanceIdW(Set, &Device, Owner, SWDEVICE_ID_MAX, NULL))
            continue;
        if (Id && *Id && _wcsicmp(Id, Owner))
            continue;
        if (PresentOnly && IsSoftwareDevice(Owner) && !(QuerySoftwareDevice(Owner) & SWDEVICE_PRESENT))
            continue;
        ULONG Units = (ULONG)wcslen(Detail->DevicePath) + 1;
        if (List && *Length + Units > Capacity)
        {
            Result = CR_BUFFER_SMALL;
            break;
        }
        if (List)
            memcpy(List + *Length - 1, Detail->DevicePath, Units * sizeof(WCHAR));
        *Length += Units;
    }
    if (List)
        List[*Length - 1] = 0;
    SetupDiDestroyDeviceInfoList(Set);
    return Result;
}

/* "CM_Get_Device_Interface_List_SizeW function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Get_Device_Interface_List_SizeW(PULONG Length, LPGUID Class, DEVINSTID_W Id, ULONG Flags)
{
    if (!Length || !Class)
        return CR_INVALID_POINTER;
    if (Flags > CM_GET_DEVICE_INTERFACE_LIST_BITS)
        return CR_INVALID_FLAG;
    return ListInterfaces(Class, Id, Flags, NULL, 0, Length);
}

/* CR_BUFFER_SMALL: Length units do not hold the list. "CM_Get_Device_Interface_ListW function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Get_Device_Interface_ListW(LPGUID Class, DEVINSTID_W Id, PZZWSTR List, ULONG Length, ULONG Flags)
{
    if (!Class || !List || !Length)
        return CR_INVALID_POINTER;
    if (Flags > CM_GET_DEVICE_INTERFACE_LIST_BITS)
        return CR_INVALID_FLAG;
    List[0] = 0;
    ULONG Needed;
    return ListInterfaces(Class, Id, Flags, List, Length, &Needed);
}

/* An ANSI list is never longer than its wide twin here: paths are ASCII. */
CONFIGRET WINAPI CM_Get_Device_Interface_List_SizeA(PULONG Length, LPGUID Class, DEVINSTID_A Id, ULONG Flags)
{
    WCHAR Wide[SWDEVICE_ID_MAX] = L"";
    if (Id)
        MultiByteToWideChar(CP_ACP, 0, Id, -1, Wide, SWDEVICE_ID_MAX);
    return CM_Get_Device_Interface_List_SizeW(Length, Class, Wide, Flags);
}

CONFIGRET WINAPI CM_Get_Device_Interface_ListA(LPGUID Class, DEVINSTID_A Id, PZZSTR List, ULONG Length, ULONG Flags)
{
    WCHAR Wide[SWDEVICE_ID_MAX] = L"";
    if (!Class || !List || !Length)
        return CR_INVALID_POINTER;
    if (Id)
        MultiByteToWideChar(CP_ACP, 0, Id, -1, Wide, SWDEVICE_ID_MAX);
    WCHAR *WideList = calloc(Length, sizeof(WCHAR));
    if (!WideList)
        return CR_OUT_OF_MEMORY;
    CONFIGRET Result = CM_Get_Device_Interface_ListW(Class, Wide, WideList, Length, Flags);
    for (ULONG Units = 0; Units < Length && Result == CR_SUCCESS; Units++)
        List[Units] = (CHAR)WideList[Units];
    free(WideList);
    return Result;
}

/* --- errors -------------------------------------------------------------------------------------------------------- */

/* The Windows error that says the same, or DefaultError. "CM_MapCrToWin32Err function (cfgmgr32.h)" */
DWORD WINAPI CM_MapCrToWin32Err(CONFIGRET Code, DWORD DefaultError)
{
    static const struct
    {
        CONFIGRET Code;
        DWORD Error;
    } Table[] = {
        {CR_SUCCESS, ERROR_SUCCESS},
        {CR_OUT_OF_MEMORY, ERROR_NOT_ENOUGH_MEMORY},
        {CR_INVALID_POINTER, ERROR_INVALID_USER_BUFFER},
        {CR_INVALID_FLAG, ERROR_INVALID_FLAGS},
        {CR_INVALID_DEVNODE, ERROR_INVALID_HANDLE},
        {CR_NO_SUCH_DEVNODE, ERROR_NO_SUCH_DEVINST},
        {CR_ALREADY_SUCH_DEVNODE, ERROR_ALREADY_EXISTS},
        {CR_INVALID_DEVICE_ID, ERROR_INVALID_NAME},
        {CR_BUFFER_SMALL, ERROR_INSUFFICIENT_BUFFER},
        {CR_INVALID_DATA, ERROR_INVALID_DATA},
        {CR_NO_SUCH_VALUE, ERROR_NOT_FOUND},
        {CR_NO_SUCH_REGISTRY_KEY, ERROR_FILE_NOT_FOUND},
        {CR_ACCESS_DENIED, ERROR_ACCESS_DENIED},
        {CR_CALL_NOT_IMPLEMENTED, ERROR_CALL_NOT_IMPLEMENTED},
        {CR_NO_SUCH_DEVICE_INTERFACE, ERROR_NO_SUCH_DEVICE_INTERFACE},
        {CR_INVALID_REFERENCE_STRING, ERROR_INVALID_REFERENCE_STRING},
    };
    for (ULONG i = 0; i < ARRAYSIZE(Table); i++)
        if (Table[i].Code == Code)
            return Table[i].Error;
    return DefaultError;
}
