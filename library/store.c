/* SPDX-License-Identifier: MIT */
/*
 * What Windows' driver store has of our driver: which packages serve our hardware ID, of which version, and whether they
 * are, byte for byte, the one that this library carries. Nothing found there is trusted for its name or its version alone:
 * it may be left over from an installation that broke off, or be another build. Any thread, no state.
 */
#include "library/library.h"
#include "wdk/missing.h"
#include "library/resource.h"
#include <setupapi.h>

/* {4d36e972-e325-11ce-bfc1-08002be10318}: GUID_DEVCLASS_NET (devguid.h) */
static const GUID NetClass = {0x4d36e972, 0xe325, 0x11ce, {0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18}};

/* Reads a number and goes behind it and the character that ends it. */
static DWORD NextNumber(LPCWSTR *Text)
{
    DWORD Number = 0;
    while (**Text >= L'0' && **Text <= L'9')
        Number = Number * 10 + (*(*Text)++ - L'0');
    if (**Text != 0)
        ++*Text;
    return Number;
}

/* DriverVer = mm/dd/yyyy,w.x.y.z of an INF: "INF DriverVer directive". FALSE where it has none. */
static BOOL ReadVersion(LPCWSTR InfPath, STORED_PACKAGE *Package)
{
    WCHAR Text[64];
    LPCWSTR c = Text;
    HINF Inf = SetupOpenInfFileW(InfPath, NULL, INF_STYLE_WIN4, NULL);
    if (Inf == INVALID_HANDLE_VALUE)
        return FALSE;
    INFCONTEXT Line;
    BOOL Found = SetupFindFirstLineW(Inf, L"Version", L"DriverVer", &Line) &&
                 SetupGetStringFieldW(&Line, 1, Text, ARRAYSIZE(Text), NULL);
    if (Found)
    {
        DWORD Month = NextNumber(&c), Day = NextNumber(&c);
        Package->Date = NextNumber(&c) * 10000 + Month * 100 + Day;
        Found = SetupGetStringFieldW(&Line, 2, Text, ARRAYSIZE(Text), NULL);
    }
    c = Text;
    for (int Shift = 48; Found && Shift >= 0; Shift -= 16)
        Package->Version |= (ULONG64)(NextNumber(&c) & 0xffff) << Shift;
    SetupCloseInfFile(Inf);
    return Found;
}

/* Whether the file holds what the resource of that number does. A resource that the library has not is not compared. */
static BOOL IsResource(LPCWSTR Path, int Resource)
{
    HRSRC Found = FindResourceW(LibraryModule, MAKEINTRESOURCEW(Resource), (LPCWSTR)RT_RCDATA);
    HGLOBAL Loaded = Found != NULL ? LoadResource(LibraryModule, Found) : NULL;
    if (Loaded == NULL)
        return TRUE;
    const BYTE *Wanted = LockResource(Loaded);
    DWORD Left = SizeofResource(LibraryModule, Found);
    BOOL Same = TRUE;
    HANDLE File = CreateFileW(Path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    if (File == INVALID_HANDLE_VALUE)
        return FALSE;
    DWORD Read;
    BYTE Bytes[2048];
    while (Same && ReadFile(File, Bytes, sizeof(Bytes), &Read, NULL) && Read != 0)
    {
        Same = Read <= Left && memcmp(Bytes, Wanted, Read) == 0;
        Left -= Read;
        Wanted += Read;
    }
    CloseHandle(File);
    return Same && Left == 0;
}

/*
 * Reads a package back from the store.
 * https://learn.microsoft.com/windows/win32/api/setupapi/nf-setupapi-setupgetinfdriverstorelocationw
 */
static void Verify(STORED_PACKAGE *Package)
{
    WCHAR Path[MAX_PATH];
    if (!SetupGetInfDriverStoreLocationW(Package->InfPath, NULL, NULL, Path, MAX_PATH, NULL))
    {
        Log(PLAINTUN_LOG_WARN, L"Windows does not tell where the driver store has %1 (%2!u!): going by its version",
            Package->InfPath, GetLastError());
        /* Or else every program would install it anew, and never find it good. */
        Package->Same = Package->Version == OUR_VERSION;
        return;
    }
    int Folder = lstrlenW(Path);
    while (Folder > 0 && Path[Folder - 1] != L'\\')
        --Folder;
    Package->Same = IsResource(Path, RESOURCE_INF);
    lstrcpynW(Path + Folder, PLAINTUN_DRIVER_FILE, MAX_PATH - Folder);
    Package->Same = Package->Same && IsResource(Path, RESOURCE_SYS);
    lstrcpynW(Path + Folder, PLAINTUN_CAT_FILE, MAX_PATH - Folder);
    Package->Same = Package->Same && IsResource(Path, RESOURCE_CAT);
}

static void Add(STORE *Store, LPCWSTR InfPath)
{
    STORED_PACKAGE *Package = &Store->Packages[Store->Count];
    if (Store->Count == STORE_PACKAGES_MAX)
        return;
    *Package = (STORED_PACKAGE){0};
    lstrcpynW(Package->InfPath, InfPath, MAX_PATH);
    BOOL Read = ReadVersion(InfPath, Package);
    Verify(Package);
    if (!Read && Package->Same) /* byte for byte: there is only one version that it can be */
    {
        Package->Version = OUR_VERSION;
        Package->Date = PLAINTUN_DATE;
    }
    else if (!Read)
        Log(PLAINTUN_LOG_WARN, L"the INF %1 in the driver store cannot be read: is it damaged?", InfPath);
    ++Store->Count;
    if (Package->Same)
        Store->HasOurs = TRUE;
    if (Package->Version > Store->Newest)
    {
        Store->Newest = Package->Version;
        Store->NewestDate = Package->Date;
    }
}

/*
 * Asks which drivers would fit a device of ours that is never registered.
 * https://learn.microsoft.com/windows/win32/api/setupapi/nf-setupapi-setupdibuilddriverinfolist
 */
DWORD StoreSurvey(STORE *Store)
{
    static const WCHAR HardwareId[] = PLAINTUN_HARDWARE_ID L"\0";
    struct
    {
        SP_DRVINFO_DETAIL_DATA_W Data;
        WCHAR Ids[512];
    } *Detail = Allocate(sizeof(*Detail));
    DWORD Error = NO_ERROR;
    Store->Count = 0;
    Store->HasOurs = FALSE;
    Store->Newest = 0;
    Store->NewestDate = 0;
    if (Detail == NULL)
        return GetLastError();
    HDEVINFO Devices = SetupDiCreateDeviceInfoList(&NetClass, NULL);
    if (Devices == INVALID_HANDLE_VALUE)
    {
        Error = GetLastError();
        goto freeDetail;
    }
    SP_DEVINFO_DATA Device = {.cbSize = sizeof(Device)};
    SP_DEVINSTALL_PARAMS_W Parameters = {.cbSize = sizeof(Parameters)};
    if (!SetupDiCreateDeviceInfoW(Devices, PLAINTUN_HARDWARE_ID, &NetClass, NULL, NULL, DICD_GENERATE_ID, &Device) ||
        !SetupDiSetDeviceRegistryPropertyW(Devices, &Device, SPDRP_HARDWAREID, (const BYTE *)HardwareId,
                                           sizeof(HardwareId)) ||
        !SetupDiGetDeviceInstallParamsW(Devices, &Device, &Parameters))
    {
        Error = GetLastError();
        goto destroyList;
    }
    Parameters.FlagsEx |= DI_FLAGSEX_ALLOWEXCLUDEDDRVS; /* as the page of SetupDiBuildDriverInfoList demands */
    if (!SetupDiSetDeviceInstallParamsW(Devices, &Device, &Parameters) ||
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
            break;
        Add(Store, Detail->Data.InfFileName);
    }
    if (GetLastError() != ERROR_NO_MORE_ITEMS)
        Error = GetLastError();
    SetupDiDestroyDriverInfoList(Devices, &Device, SPDIT_COMPATDRIVER);

destroyList:
    SetupDiDestroyDeviceInfoList(Devices);
freeDetail:
    Free(Detail);
    return Error;
}
