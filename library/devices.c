/* SPDX-License-Identifier: MIT */
/*
 * The adapters that the system knows, whoever made them: the devices below SWD\<our enumerator>, present ones and those
 * that are only remembered, with what their creators gave them as properties. Any thread, no locks; what is seen here may
 * have changed the next moment.
 */
#include "library/library.h"
#include "wdk/missing.h"
#include "ring/properties.h"
#include <setupapi.h>
#include <newdev.h>

#define LIST_ATTEMPTS 5

_Static_assert(sizeof(TUN_PROPERTY_KEY) == sizeof(DEVPROPKEY), "read as one");

/* devpkey.h */
const DEVPROPKEY FriendlyNameKey = {{0xa45c254e, 0xdf1c, 0x4efd, {0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}}, 14};

/* DEVPKEY_Device_ProblemStatus (devpkey.h) */
static const DEVPROPKEY StatusKey = {{0x4340a6c5, 0x93fa, 0x4706, {0x97, 0x2c, 0x7b, 0x64, 0x80, 0x08, 0xa5, 0xa7}},
                                     12};

static const TUN_PROPERTY_KEY GuidKey = TUN_PROPERTY_GUID;
static const TUN_PROPERTY_KEY NameKey = TUN_PROPERTY_NAME;
static const TUN_PROPERTY_KEY FlagsKey = TUN_PROPERTY_FLAGS;
static const TUN_PROPERTY_KEY CreatorKey = TUN_PROPERTY_CREATOR;
static const TUN_PROPERTY_KEY CreatorTimeKey = TUN_PROPERTY_CREATOR_TIME;

/* --- one device ------------------------------------------------------------------------------------------------------ */

/* https://learn.microsoft.com/windows/win32/api/cfgmgr32/nf-cfgmgr32-cm_get_devnode_propertyw */
ULONG DeviceProperty(DEVINST Node, const TUN_PROPERTY_KEY *Key, ULONG Type, void *Value, ULONG Size)
{
    ULONG Length = Size;
    DEVPROPTYPE FoundType;
    CONFIGRET Result = CM_Get_DevNode_PropertyW(Node, (const DEVPROPKEY *)Key, &FoundType, Value, &Length, 0);
    return Result == CR_SUCCESS && FoundType == Type ? Length : 0;
}

/* The GUID that ends an instance ID: a device whose making was cut short may have no properties. */
static BOOL GuidOfInstance(LPCWSTR InstanceId, GUID *Guid)
{
    int Length = lstrlenW(InstanceId);
    return Length >= GUID_STRING_LENGTH && GuidFromString(InstanceId + Length - GUID_STRING_LENGTH, Guid);
}

/* "CM_Locate_DevNodeW function (cfgmgr32.h)", "CM_Get_DevNode_Status function (cfgmgr32.h)" */
BOOL DescribeDevice(LPCWSTR InstanceId, ADAPTER_DEVICE *Adapter)
{
    ULONG Status = 0;
    *Adapter = (ADAPTER_DEVICE){0};
    DEVINST Node;
    CONFIGRET Result = CM_Locate_DevNodeW(&Node, (DEVINSTID_W)InstanceId, CM_LOCATE_DEVNODE_PHANTOM);
    if (Result != CR_SUCCESS)
    {
        SetLastError(CM_MapCrToWin32Err(Result, ERROR_FILE_NOT_FOUND));
        return FALSE;
    }
    lstrcpynW(Adapter->InstanceId, InstanceId, ARRAYSIZE(Adapter->InstanceId));
    /* It fails for a device that is only remembered. */
    Adapter->Present = CM_Get_DevNode_Status(&Status, &Adapter->Problem, Node, 0) == CR_SUCCESS;
    Adapter->Started = Adapter->Present && (Status & DN_STARTED) != 0;
    if (!Adapter->Present || (Status & DN_HAS_PROBLEM) == 0)
        Adapter->Problem = 0;
    if (Adapter->Problem == 0 || DeviceProperty(Node, (const TUN_PROPERTY_KEY *)&StatusKey, DEVPROP_TYPE_NTSTATUS,
                                                &Adapter->Status, sizeof(LONG)) != sizeof(LONG))
        Adapter->Status = 0;
    if (DeviceProperty(Node, &GuidKey, TUN_PROPERTY_GUID_TYPE, &Adapter->Guid, sizeof(GUID)) != sizeof(GUID) &&
        !GuidOfInstance(InstanceId, &Adapter->Guid))
        Adapter->Guid = (GUID){0};
    if (DeviceProperty(Node, &NameKey, TUN_PROPERTY_NAME_TYPE, Adapter->Name, sizeof(Adapter->Name)) == 0)
        Adapter->Name[0] = 0;
    Adapter->Name[PLAINTUN_NAME_MAX] = 0;
    if (DeviceProperty(Node, &FlagsKey, TUN_PROPERTY_FLAGS_TYPE, &Adapter->Flags, sizeof(DWORD)) != sizeof(DWORD))
        Adapter->Flags = 0;
    if (DeviceProperty(Node, &CreatorKey, TUN_PROPERTY_CREATOR_TYPE, &Adapter->CreatorId, sizeof(DWORD)) !=
            sizeof(DWORD) ||
        DeviceProperty(Node, &CreatorTimeKey, TUN_PROPERTY_CREATOR_TIME_TYPE, &Adapter->CreatorTime,
                       sizeof(FILETIME)) != sizeof(FILETIME) ||
        !ProcessLives(Adapter->CreatorId, &Adapter->CreatorTime))
        Adapter->CreatorId = 0;
    return TRUE;
}

/* --- all of them ----------------------------------------------------------------------------------------------------- */

/* The IDs of all software devices, each ending in 0, with another 0 after the last; to be freed. Not only of ours: which
 * error there is for an enumerator's device ID that never was, no page tells, and software devices there always are.
 * "CM_Get_Device_ID_ListW function (cfgmgr32.h)" */
static LPWSTR ListIds(CONFIGRET *Result)
{
    static const WCHAR Filter[] = L"SWD";
    *Result = CR_BUFFER_SMALL;
    for (int i = 0; i < LIST_ATTEMPTS && *Result == CR_BUFFER_SMALL; ++i) /* it may grow from one call to the other */
    {
        ULONG Length;
        *Result = CM_Get_Device_ID_List_SizeW(&Length, Filter, CM_GETIDLIST_FILTER_ENUMERATOR);
        if (*Result != CR_SUCCESS || Length <= 1)
            return NULL;
        LPWSTR List = Allocate(Length * sizeof(WCHAR));
        *Result = List != NULL ? CM_Get_Device_ID_ListW(Filter, List, Length, CM_GETIDLIST_FILTER_ENUMERATOR)
                               : CR_OUT_OF_MEMORY;
        if (*Result == CR_SUCCESS)
            return List;
        Free(List);
    }
    return NULL;
}

static BOOL IsOurs(LPCWSTR InstanceId)
{
    static const WCHAR Prefix[] = L"SWD\\" PLAINTUN_ENUMERATOR L"\\";
    WCHAR Start[ARRAYSIZE(Prefix)];
    lstrcpynW(Start, InstanceId, ARRAYSIZE(Start));
    return CompareStringOrdinal(Start, -1, Prefix, -1, TRUE) == CSTR_EQUAL;
}

DWORD VisitDevices(ADAPTER_VISITOR Visitor, void *Context)
{
    CONFIGRET Result;
    LPWSTR List = ListIds(&Result);
    ADAPTER_DEVICE *Adapter = Allocate(sizeof(*Adapter));
    DWORD Error = NO_ERROR;
    if (Result != CR_SUCCESS)
        Error = LogError(CM_MapCrToWin32Err(Result, ERROR_GEN_FAILURE),
                         L"looking for adapters: Windows does not list its devices");
    else if (Adapter == NULL)
        Error = LogError(ERROR_NOT_ENOUGH_MEMORY, L"looking for adapters: there is no memory; close programs");
    for (LPCWSTR Id = List; Error == NO_ERROR && Id != NULL && *Id != 0; Id += lstrlenW(Id) + 1)
    {
        if (!IsOurs(Id))
            continue;
        if (DescribeDevice(Id, Adapter))
        {
            if (!Visitor(Adapter, Context))
                break;
        }
        else if (GetLastError() == ERROR_NOT_ENOUGH_MEMORY) /* it has not gone meanwhile */
            Error =
                LogError(ERROR_NOT_ENOUGH_MEMORY, L"looking for adapters: Windows does not tell of the device %1", Id);
    }
    Free(Adapter);
    Free(List);
    return Error;
}

typedef struct _PRESENT_VISIT
{
    ADAPTER_VISITOR Visitor;
    void *Context;
} PRESENT_VISIT;

static BOOL VisitIfPresent(const ADAPTER_DEVICE *Adapter, void *Context)
{
    const PRESENT_VISIT *Visit = Context;
    return Adapter->Present ? Visit->Visitor(Adapter, Visit->Context) : TRUE;
}

DWORD VisitAdapters(ADAPTER_VISITOR Visitor, void *Context)
{
    return VisitDevices(VisitIfPresent, &(PRESENT_VISIT){Visitor, Context});
}

/* --- forgetting one -------------------------------------------------------------------------------------------------- */

/* https://learn.microsoft.com/windows/win32/api/newdev/nf-newdev-diuninstalldevice */
DWORD UninstallDevice(LPCWSTR InstanceId)
{
    BOOL NeedRestart = FALSE;
    DWORD Error = NO_ERROR;
    if (NativeNeeded())
    {
        Error = NativeRun(L"uninstall", InstanceId, NULL, NULL);
        return Error == ERROR_SUCCESS_REBOOT_REQUIRED ? NO_ERROR : Error;
    }
    SP_DEVINFO_DATA Data = {.cbSize = sizeof(Data)};
    HDEVINFO Devices = SetupDiCreateDeviceInfoList(NULL, NULL);
    if (Devices == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!SetupDiOpenDeviceInfoW(Devices, InstanceId, NULL, 0, &Data) ||
        !DiUninstallDevice(NULL, Devices, &Data, 0, &NeedRestart))
        Error = GetLastError();
    /* Its program has closed it meanwhile: what has gone is what was wanted ("System Error Codes (1000-1299)"; the first is of
     * setupapi.h). */
    if (Error == ERROR_NO_SUCH_DEVINST || Error == ERROR_KEY_DELETED)
        Error = NO_ERROR;
    SetupDiDestroyDeviceInfoList(Devices);
    if (NeedRestart)
        Log(PLAINTUN_LOG_WARN, L"a program keeps the device %1 open: it goes when Windows is restarted", InstanceId);
    SetLastError(Error == NO_ERROR && NeedRestart ? ERROR_SUCCESS_REBOOT_REQUIRED : Error);
    return Error;
}
