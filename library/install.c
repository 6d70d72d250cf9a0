/* SPDX-License-Identifier: MIT */
/*
 * The driver: carried in the library as resources, put into the driver store on first use, removed on demand. An
 * administrator's work; the caller holds the set-up lock, so that one program at a time is here.
 */
#include "library/library.h"
#include "library/resource.h"
#include "library/missing.h"
#include <setupapi.h>
#include <newdev.h>

#define VERSION64(Major, Minor, Patch) ((DWORDLONG)(Major) << 48 | (DWORDLONG)(Minor) << 32 | (DWORDLONG)(Patch) << 16)

static const DWORDLONG OurVersion = VERSION64(PLAINTUN_VERSION_MAJOR, PLAINTUN_VERSION_MINOR, PLAINTUN_VERSION_PATCH);

/* {4d36e972-e325-11ce-bfc1-08002be10318}: GUID_DEVCLASS_NET (devguid.h) */
static const GUID NetClass = {0x4d36e972, 0xe325, 0x11ce, {0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18}};

static volatile LONG Known; /* 1: InstallDriver has found or put our driver there; saves a search of all INFs */

/* --- what is in the driver store ------------------------------------------------------------------------------------- */

/* DriverVer = mm/dd/yyyy,w.x.y.z of an INF; 0 where it has none. */
static DWORDLONG InfVersion(LPCWSTR InfPath)
{
    DWORDLONG Version = 0;
    WCHAR Text[64];
    INFCONTEXT Line;
    HINF Inf = SetupOpenInfFileW(InfPath, NULL, INF_STYLE_WIN4, NULL);
    if (Inf == INVALID_HANDLE_VALUE)
        return 0;
    if (SetupFindFirstLineW(Inf, L"Version", L"DriverVer", &Line) &&
        SetupGetStringFieldW(&Line, 2, Text, ARRAYSIZE(Text), NULL))
    {
        DWORDLONG Part = 0;
        int Shift = 48;
        for (LPCWSTR c = Text;; ++c)
        {
            if (*c >= L'0' && *c <= L'9')
                Part = (Part * 10 + (*c - L'0')) & 0xffff;
            else if (*c == L'.' || *c == 0)
            {
                Version |= Part << Shift;
                Part = 0;
                Shift -= 16;
                if (*c == 0 || Shift < 0)
                    break;
            }
        }
    }
    SetupCloseInfFile(Inf);
    return Version;
}

/* Called for each INF in the store that serves our hardware ID. FALSE ends the walk. */
typedef BOOL (*INF_VISITOR)(LPCWSTR InfPath, void *Context);

/*
 * Walks the INFs by asking which drivers would fit a device of ours that is never registered.
 * https://learn.microsoft.com/windows/win32/api/setupapi/nf-setupapi-setupdibuilddriverinfolist
 */
static DWORD VisitInfs(INF_VISITOR Visitor, void *Context)
{
    static const WCHAR HardwareId[] = PLAINTUN_HARDWARE_ID L"\0";
    struct
    {
        SP_DRVINFO_DETAIL_DATA_W Data;
        WCHAR Ids[512];
    } *Detail = Allocate(sizeof(*Detail));
    DWORD Error = NO_ERROR;
    if (Detail == NULL)
        return GetLastError();
    HDEVINFO Devices = SetupDiCreateDeviceInfoList(&NetClass, NULL);
    if (Devices == INVALID_HANDLE_VALUE)
    {
        Error = GetLastError();
        goto freeDetail;
    }
    SP_DEVINFO_DATA Device = {.cbSize = sizeof(Device)};
    if (!SetupDiCreateDeviceInfoW(Devices, PLAINTUN_HARDWARE_ID, &NetClass, NULL, NULL, DICD_GENERATE_ID, &Device) ||
        !SetupDiSetDeviceRegistryPropertyW(Devices, &Device, SPDRP_HARDWAREID, (const BYTE *)HardwareId,
                                           sizeof(HardwareId)) ||
        !SetupDiBuildDriverInfoList(Devices, &Device, SPDIT_COMPATDRIVER))
    {
        Error = GetLastError();
        goto destroyList;
    }
    SP_DRVINFO_DATA_W Driver = {.cbSize = sizeof(Driver)};
    for (DWORD i = 0; SetupDiEnumDriverInfoW(Devices, &Device, SPDIT_COMPATDRIVER, i, &Driver); ++i)
    {
        Detail->Data.cbSize = sizeof(Detail->Data);
        /* It writes what fits; the path is in the fixed part. */
        if (!SetupDiGetDriverInfoDetailW(Devices, &Device, &Driver, &Detail->Data, sizeof(*Detail), NULL) &&
            GetLastError() != ERROR_INSUFFICIENT_BUFFER)
            continue;
        if (!Visitor(Detail->Data.InfFileName, Context))
            break;
    }
    SetupDiDestroyDriverInfoList(Devices, &Device, SPDIT_COMPATDRIVER);

destroyList:
    SetupDiDestroyDeviceInfoList(Devices);
freeDetail:
    Free(Detail);
    return Error;
}

static BOOL KeepNewest(LPCWSTR InfPath, void *Context)
{
    DWORDLONG *Newest = Context, Version = InfVersion(InfPath);
    if (Version > *Newest)
        *Newest = Version;
    return TRUE;
}

static BOOL SayPresent(const ADAPTER_DEVICE *Adapter, void *Context)
{
    *(BOOL *)Context = TRUE;
    return FALSE;
}

static BOOL AdaptersPresent(void)
{
    BOOL Present = FALSE;
    VisitAdapters(SayPresent, &Present);
    return Present;
}

/* --- installing ------------------------------------------------------------------------------------------------------ */

/* What an error of DiInstallDriverW means ("Device and Driver Installation Error Messages", "WinVerifyTrust function"). */
static LPCWSTR RefusalText(DWORD Error)
{
    switch (Error)
    {
    case ERROR_ACCESS_DENIED:
        return L"installing it takes an administrator";
    case ERROR_IN_WOW64:
        return L"a 32-bit program cannot install it: let a 64-bit one do it once";
    case (DWORD)TRUST_E_NOSIGNATURE:
    case (DWORD)CERT_E_UNTRUSTEDROOT:
    case ERROR_NO_CATALOG_FOR_OEM_INF:
        return L"it is not signed as this Windows demands: for a test build, switch test signing on and trust its "
               L"certificate";
    case ERROR_AUTHENTICODE_TRUST_NOT_ESTABLISHED:
    case ERROR_AUTHENTICODE_PUBLISHER_NOT_TRUSTED:
        return L"its publisher is not trusted on this Windows: a certificate in Trusted Publishers lets it in";
    case ERROR_DISK_FULL:
        return L"there is no space left on the system's disk";
    default:
        return L"C:\\Windows\\INF\\setupapi.dev.log says why";
    }
}

/* https://learn.microsoft.com/windows/win32/api/newdev/nf-newdev-diinstalldriverw */
static DWORD InstallPackage(void)
{
    WCHAR Folder[MAX_PATH], Inf[MAX_PATH];
    BOOL NeedRestart = FALSE;
    DWORD Error = NO_ERROR;
    if (!FolderMake(Folder))
        return LogError(GetLastError(), L"cannot make a folder for the driver's files");
    if (!FileExtract(Folder, PLAINTUN_DRIVER_FILE, RESOURCE_SYS) ||
        !FileExtract(Folder, PLAINTUN_INF_FILE, RESOURCE_INF) || !FileExtract(Folder, PLAINTUN_CAT_FILE, RESOURCE_CAT))
    {
        Error = LogError(GetLastError(), L"cannot write the driver's files to %1", Folder);
        goto deleteFiles;
    }
    FilePath(Folder, PLAINTUN_INF_FILE, Inf);
    if (!DiInstallDriverW(NULL, Inf, 0, &NeedRestart))
    {
        Error = LogError(GetLastError(), L"Windows refuses the driver: %1", RefusalText(GetLastError()));
    }
    else if (NeedRestart)
        Log(PLAINTUN_LOG_WARN, L"Windows wants a restart before the new driver is used");

deleteFiles:
    FileDelete(Folder, PLAINTUN_DRIVER_FILE);
    FileDelete(Folder, PLAINTUN_INF_FILE);
    FileDelete(Folder, PLAINTUN_CAT_FILE);
    RemoveDirectoryW(Folder);
    return Error;
}

BOOL InstallDriver(BOOL *Installed)
{
    DWORDLONG Newest = 0;
    *Installed = FALSE;
    if (Known)
        return TRUE;
    if (NativeNeeded())
    {
        *Installed = TRUE; /* for all that we know */
        Known = NativeRun(L"install", L"") == NO_ERROR;
        return Known;
    }
    DWORD Error = VisitInfs(KeepNewest, &Newest);
    if (Error != NO_ERROR)
        Log(PLAINTUN_LOG_WARN, L"cannot tell whether the driver is installed (%1!u!): installing it", Error);
    if (Newest > OurVersion)
        Log(PLAINTUN_LOG_INFO, L"a newer driver is installed: using that");
    else if (Newest < OurVersion && Newest != 0 && AdaptersPresent())
        /* Installing would restart other programs' adapters under them. */
        Log(PLAINTUN_LOG_WARN, L"an older driver is in use by other adapters: using that");
    else if (Newest < OurVersion)
    {
        Log(PLAINTUN_LOG_INFO, L"installing the driver");
        Error = InstallPackage();
        if (Error != NO_ERROR)
        {
            SetLastError(Error);
            return FALSE;
        }
        *Installed = TRUE;
    }
    Known = 1;
    return TRUE;
}

void InstallDriverForget(void)
{
    Known = 0;
}

/* --- removing -------------------------------------------------------------------------------------------------------- */

#define INFS_MAX 32

typedef struct _INF_LIST
{
    DWORD Count;
    WCHAR Paths[INFS_MAX][MAX_PATH];
} INF_LIST;

static BOOL ListInf(LPCWSTR InfPath, void *Context)
{
    INF_LIST *List = Context;
    lstrcpynW(List->Paths[List->Count++], InfPath, MAX_PATH);
    return List->Count < INFS_MAX;
}

/* Removes every version of our driver from the store, with the absent devices that remember it. TRUE where none is.
 * https://learn.microsoft.com/windows/win32/api/newdev/nf-newdev-diuninstalldriverw */
BOOL RemoveDriver(void)
{
    BOOL NeedRestart;
    if (NativeNeeded())
    {
        Known = 0;
        return NativeRun(L"remove", L"") == NO_ERROR;
    }
    INF_LIST *List = Allocate(sizeof(*List));
    if (List == NULL)
        return FALSE;
    Known = 0;
    DWORD Error = VisitInfs(ListInf, List);
    for (DWORD i = 0; Error == NO_ERROR && i < List->Count; ++i)
        if (!DiUninstallDriverW(NULL, List->Paths[i], 0, &NeedRestart))
            Error = LogError(GetLastError(), L"Windows refuses to remove the driver %1", List->Paths[i]);
    Free(List);
    SetLastError(Error);
    return Error == NO_ERROR;
}
