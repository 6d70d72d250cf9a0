/* SPDX-License-Identifier: MIT */
/*
 * Which driver of the store a device gets, and its installation: the files, the service, the driver key with what Windows'
 * network class installer writes into it. Callers hold StoreLock; no state.
 *
 * Documentation: "How Windows Selects Drivers", "INF CopyFiles Directive", "INF DDInstall Section".
 */
#include "host/wine/newdev/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

/* --- which driver for which device --------------------------------------------------------------------------------- */

/* Where in its lists a device has this ID; ~0 if it has not. Hardware IDs go before compatible ones. */
static ULONG RankOf(const WCHAR *Id, const WCHAR *HardwareIds, const WCHAR *CompatibleIds)
{
    ULONG Rank = 0;
    for (const WCHAR *Own = HardwareIds; Own && *Own; Own += wcslen(Own) + 1, Rank++)
        if (!_wcsicmp(Own, Id))
            return Rank;
    Rank = 0x2000;
    for (const WCHAR *Own = CompatibleIds; Own && *Own; Own += wcslen(Own) + 1, Rank++)
        if (!_wcsicmp(Own, Id))
            return Rank;
    return ~0u;
}

static ULONG RankOfInf(HINF Inf, const WCHAR *HardwareIds, const WCHAR *CompatibleIds)
{
    ULONG Best = ~0u;
    INFCONTEXT Maker;
    if (!SetupFindFirstLineW(Inf, L"Manufacturer", NULL, &Maker))
        return Best;
    INFCONTEXT Model;
    WCHAR Section[MAX_PATH], Id[MAX_PATH];
    do
    {
        WCHAR Models[MAX_PATH];
        if (!SetupGetStringFieldW(&Maker, 1, Models, MAX_PATH, NULL) ||
            !SetupDiGetActualSectionToInstallW(Inf, Models, Section, MAX_PATH, NULL, NULL) ||
            !SetupFindFirstLineW(Inf, Section, NULL, &Model))
            continue;
        do
        {
            for (DWORD Field = 2; SetupGetStringFieldW(&Model, Field, Id, MAX_PATH, NULL); Field++)
                Best = min(Best, RankOf(Id, HardwareIds, CompatibleIds));
        } while (SetupFindNextLine(&Model, &Model));
    } while (SetupFindNextLine(&Maker, &Maker));
    return Best;
}

static HINF OpenOemInf(const WCHAR *OemName)
{
    WCHAR Path[2 * MAX_PATH];
    swprintf(Path, ARRAYSIZE(Path), L"%ls\\%ls", INF_FOLDER, OemName);
    return SetupOpenInfFileW(Path, NULL, INF_STYLE_WIN4, NULL);
}

BOOL StoreServes(const WCHAR *OemName, const WCHAR *HardwareIds, const WCHAR *CompatibleIds)
{
    HINF Inf = OpenOemInf(OemName);
    if (Inf == INVALID_HANDLE_VALUE)
        return FALSE;
    BOOL Serves = RankOfInf(Inf, HardwareIds, CompatibleIds) != ~0u;
    SetupCloseInfFile(Inf);
    return Serves;
}

/* [Manufacturer] leads to the models, the first of them to its install section, and that to [<section>.Services]. */
BOOL StoreServiceOf(const WCHAR *OemName, WCHAR Service[MAX_PATH])
{
    HINF Inf = OpenOemInf(OemName);
    if (Inf == INVALID_HANDLE_VALUE)
        return FALSE;
    INFCONTEXT Line;
    WCHAR Name[MAX_PATH], Actual[MAX_PATH];
    BOOL Found = SetupFindFirstLineW(Inf, L"Manufacturer", NULL, &Line) &&
                 SetupGetStringFieldW(&Line, 1, Name, MAX_PATH, NULL) &&
                 SetupDiGetActualSectionToInstallW(Inf, Name, Actual, MAX_PATH, NULL, NULL) &&
                 SetupFindFirstLineW(Inf, Actual, NULL, &Line) &&
                 SetupGetStringFieldW(&Line, 1, Name, MAX_PATH, NULL) &&
                 SetupDiGetActualSectionToInstallW(Inf, Name, Actual, MAX_PATH - 9, NULL, NULL) &&
                 SetupFindFirstLineW(Inf, lstrcatW(Actual, L".Services"), L"AddService", &Line) &&
                 SetupGetStringFieldW(&Line, 1, Service, MAX_PATH, NULL);
    SetupCloseInfFile(Inf);
    return Found;
}

/* DriverVer = mm/dd/yyyy,w.x.y.z as numbers that compare as Windows compares them: date first. */
static VOID VersionOfInf(HINF Inf, ULONG64 Version[2])
{
    unsigned Month = 0, Day = 0, Year = 0, V[4] = {0};
    Version[0] = Version[1] = 0;
    INFCONTEXT Line;
    if (!SetupFindFirstLineW(Inf, L"Version", L"DriverVer", &Line))
        return;
    WCHAR Field[64];
    if (SetupGetStringFieldW(&Line, 1, Field, ARRAYSIZE(Field), NULL) &&
        swscanf(Field, L"%u%*1[-/]%u%*1[-/]%u", &Month, &Day, &Year) == 3)
        Version[0] = Year * 10000ull + Month * 100 + Day;
    if (SetupGetStringFieldW(&Line, 2, Field, ARRAYSIZE(Field), NULL) &&
        swscanf(Field, L"%u.%u.%u.%u", &V[0], &V[1], &V[2], &V[3]) > 0)
        Version[1] = (ULONG64)V[0] << 48 | (ULONG64)V[1] << 32 | (ULONG64)V[2] << 16 | V[3];
}

DWORD StoreBestDriver(const WCHAR *HardwareIds, const WCHAR *CompatibleIds, WCHAR InfPath[MAX_PATH])
{
    ULONG BestRank = ~0u;
    ULONG64 BestVersion[2] = {0};
    WIN32_FIND_DATAW Found;
    HANDLE Search = FindFirstFileW(INF_FOLDER L"\\*.inf", &Found);
    if (Search == INVALID_HANDLE_VALUE)
        return ERROR_NO_COMPAT_DRIVERS;
    do
    {
        WCHAR Path[2 * MAX_PATH];
        swprintf(Path, ARRAYSIZE(Path), L"%ls\\%ls", INF_FOLDER, Found.cFileName);
        HINF Inf = SetupOpenInfFileW(Path, NULL, INF_STYLE_WIN4, NULL);
        if (Inf == INVALID_HANDLE_VALUE)
            continue;
        ULONG Rank = RankOfInf(Inf, HardwareIds, CompatibleIds);
        ULONG64 Version[2];
        VersionOfInf(Inf, Version);
        SetupCloseInfFile(Inf);
        if (Rank < BestRank ||
            (Rank == BestRank && Rank != ~0u &&
             (Version[0] > BestVersion[0] || (Version[0] == BestVersion[0] && Version[1] > BestVersion[1]))))
        {
            BestRank = Rank;
            memcpy(BestVersion, Version, sizeof(Version));
            lstrcpynW(InfPath, Path, MAX_PATH);
        }
    } while (FindNextFileW(Search, &Found));
    FindClose(Search);
    return BestRank == ~0u ? ERROR_NO_COMPAT_DRIVERS : ERROR_SUCCESS;
}

/* --- installing on a device ---------------------------------------------------------------------------------------- */

/* The folder that a file section's files go to; FALSE for those that stay in the store (directory 13). */
static BOOL TargetFolder(HINF Inf, const WCHAR *Section, WCHAR Folder[MAX_PATH])
{
    INT Id = 0;
    WCHAR Sub[MAX_PATH] = L"";
    INFCONTEXT Line;
    if (SetupFindFirstLineW(Inf, L"DestinationDirs", Section, &Line) ||
        SetupFindFirstLineW(Inf, L"DestinationDirs", L"DefaultDestDir", &Line))
    {
        SetupGetIntField(&Line, 1, &Id);
        SetupGetStringFieldW(&Line, 2, Sub, MAX_PATH, NULL);
    }
    const WCHAR *Base = Id == 12   ? L"C:\\windows\\System32\\drivers"
                        : Id == 11 ? L"C:\\windows\\System32"
                        : Id == 10 ? L"C:\\windows"
                                   : NULL;
    if (!Base)
        return FALSE;
    return swprintf(Folder, MAX_PATH, L"%ls%ls%ls", Base, Sub[0] ? L"\\" : L"", Sub) > 0;
}

/* The store's path of a file that a CopyFiles section names. */
static BOOL SourceFile(HINF Inf, const WCHAR *Package, const WCHAR *Name, WCHAR Path[2 * MAX_PATH])
{
    WCHAR DiskId[32] = L"", Folder[MAX_PATH] = L"";
    INFCONTEXT Line;
    if (!SetupFindFirstLineW(Inf, L"SourceDisksFiles.amd64", Name, &Line) &&
        !SetupFindFirstLineW(Inf, L"SourceDisksFiles", Name, &Line))
        return FALSE;
    SetupGetStringFieldW(&Line, 1, DiskId, ARRAYSIZE(DiskId), NULL);
    SetupGetStringFieldW(&Line, 2, Folder, MAX_PATH, NULL);
    WCHAR Disk[MAX_PATH];
    StoreDiskFolder(Inf, DiskId, Disk);
    return swprintf(Path, 2 * MAX_PATH, L"%ls\\%ls\\%ls%ls%ls%ls%ls", REPOSITORY, Package, Disk, Disk[0] ? L"\\" : L"",
                    Folder, Folder[0] ? L"\\" : L"", Name) > 0;
}

static DWORD CopyFile1(HINF Inf, const WCHAR *Package, const WCHAR *Folder, const WCHAR *To, const WCHAR *From)
{
    WCHAR Source[2 * MAX_PATH];
    if (!SourceFile(Inf, Package, From, Source))
        return ERROR_INVALID_DATA;
    WCHAR Target[2 * MAX_PATH];
    swprintf(Target, ARRAYSIZE(Target), L"%ls\\%ls", Folder, To);
    return StorePlaceFile(Source, Target);
}

static DWORD CopySection(HINF Inf, const WCHAR *Package, const WCHAR *Section)
{
    DWORD Error = ERROR_SUCCESS;
    WCHAR Folder[MAX_PATH];
    if (!TargetFolder(Inf, Section[0] == L'@' ? L"DefaultDestDir" : Section, Folder))
        return ERROR_SUCCESS;
    if (Section[0] == L'@')
        return CopyFile1(Inf, Package, Folder, Section + 1, Section + 1);
    INFCONTEXT Line;
    if (!SetupFindFirstLineW(Inf, Section, NULL, &Line))
        return ERROR_SUCCESS;
    do
    {
        WCHAR To[MAX_PATH];
        if (!SetupGetStringFieldW(&Line, 1, To, MAX_PATH, NULL))
            continue;
        WCHAR From[MAX_PATH];
        if (!SetupGetStringFieldW(&Line, 2, From, MAX_PATH, NULL) || !From[0])
            lstrcpynW(From, To, MAX_PATH);
        Error = CopyFile1(Inf, Package, Folder, To, From);
    } while (Error == ERROR_SUCCESS && SetupFindNextLine(&Line, &Line));
    return Error;
}

/* All files of an install section, from the store to where the INF wants them. */
static DWORD CopyDriverFiles(const WCHAR *InfPath, const WCHAR *InstallSection)
{
    DWORD Error = ERROR_SUCCESS;
    WCHAR Package[MAX_PATH];
    if (!StorePackageOf(wcsrchr(InfPath, L'\\') + 1, Package))
        return ERROR_SUCCESS; /* one of Wine's own INFs: its files are in place */
    HINF Inf = SetupOpenInfFileW(InfPath, NULL, INF_STYLE_WIN4, NULL);
    if (Inf == INVALID_HANDLE_VALUE)
        return GetLastError();
    WCHAR Actual[MAX_PATH], Section[MAX_PATH];
    INFCONTEXT Line;
    if (SetupDiGetActualSectionToInstallW(Inf, InstallSection, Actual, MAX_PATH, NULL, NULL) &&
        SetupFindFirstLineW(Inf, Actual, L"CopyFiles", &Line))
        do
        {
            for (DWORD Field = 1; Error == ERROR_SUCCESS && SetupGetStringFieldW(&Line, Field, Section, MAX_PATH, NULL);
                 Field++)
                Error = CopySection(Inf, Package, Section);
        } while (Error == ERROR_SUCCESS && SetupFindNextMatchLineW(&Line, L"CopyFiles", &Line));
    SetupCloseInfFile(Inf);
    return Error;
}

/* A number in the INF's install section, as a REG_DWORD of the same name. */
static VOID CopyDirective(HINF Inf, const WCHAR *Section, const WCHAR *Name, HKEY Key)
{
    INFCONTEXT Line;
    INT Value;
    if (SetupFindFirstLineW(Inf, Section, Name, &Line) && SetupGetIntField(&Line, 1, &Value))
        RegSetValueExW(Key, Name, 0, REG_DWORD, (const BYTE *)&Value, sizeof(Value));
}

/* A software device whose creator calls it by a GUID has that for its network's GUID too: any will do, and this one is the
 * same on every run. */
static BOOL GuidOfInstance(HDEVINFO Set, SP_DEVINFO_DATA *Device, GUID *Guid)
{
    WCHAR Instance[MAX_PATH];
    if (!SetupDiGetDeviceInstanceIdW(Set, Device, Instance, MAX_PATH, NULL))
        return FALSE;
    WCHAR *Last = wcsrchr(Instance, L'\\');
    size_t Length = Last ? wcslen(Last) : 0;
    if (Length != 39 || Last[1] != L'{' || Last[38] != L'}')
        return FALSE;
    Last[38] = 0;
    return UuidFromStringW((RPC_WSTR)(Last + 2), Guid) == RPC_S_OK;
}

/* Windows lists network connections by their GUIDs, with the device behind each: that is where iphlpapi.dll finds what an
 * adapter is called. */
static VOID KeepConnection(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *Guid)
{
    WCHAR Instance[MAX_PATH];
    if (!SetupDiGetDeviceInstanceIdW(Set, Device, Instance, MAX_PATH, NULL))
        return;
    WCHAR Key[200];
    swprintf(Key, ARRAYSIZE(Key),
             L"System\\CurrentControlSet\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}\\%ls\\Connection",
             Guid);
    RegSetKeyValueW(HKEY_LOCAL_MACHINE, Key, L"PnpInstanceID", REG_SZ, Instance,
                    (DWORD)((wcslen(Instance) + 1) * sizeof(WCHAR)));
}

/*
 * What Windows' class installer for network adapters adds to a device's driver key: the interface's GUID, kept over
 * re-installs, and the adapter's kind as the INF's install section states it.
 */
static VOID AddNetworkValues(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *InfPath, const WCHAR *InstallSection)
{
    static const GUID NetClass = {0x4d36e972, 0xe325, 0x11ce, {0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18}};
    static const WCHAR *const Directives[] = {
        L"Characteristics",    L"BusType", L"*IfType",  L"*MediaType", L"*PhysicalMediaType",
        L"IfConnectorPresent", L"IfType",  L"MediaType"};
    WCHAR Text[64];
    DWORD Length = sizeof(Text);
    if (!IsEqualGUID(&Device->ClassGuid, &NetClass))
        return;
    HKEY Key = SetupDiOpenDevRegKey(Set, Device, DICS_FLAG_GLOBAL, 0, DIREG_DRV, KEY_ALL_ACCESS);
    if (Key == INVALID_HANDLE_VALUE)
        return;
    GUID Guid;
    if (RegGetValueW(Key, NULL, L"NetCfgInstanceId", RRF_RT_REG_SZ, NULL, Text, &Length) &&
        (GuidOfInstance(Set, Device, &Guid) || !UuidCreate(&Guid)))
    {
        swprintf(Text, ARRAYSIZE(Text), L"{%08lX-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", Guid.Data1, Guid.Data2,
                 Guid.Data3, Guid.Data4[0], Guid.Data4[1], Guid.Data4[2], Guid.Data4[3], Guid.Data4[4], Guid.Data4[5],
                 Guid.Data4[6], Guid.Data4[7]);
        RegSetValueExW(Key, L"NetCfgInstanceId", 0, REG_SZ, (BYTE *)Text, (DWORD)(wcslen(Text) + 1) * sizeof(WCHAR));
    }
    KeepConnection(Set, Device, Text);
    HINF Inf = SetupOpenInfFileW(InfPath, NULL, INF_STYLE_WIN4, NULL);
    if (Inf != INVALID_HANDLE_VALUE)
    {
        WCHAR Actual[MAX_PATH];
        if (SetupDiGetActualSectionToInstallW(Inf, InstallSection, Actual, MAX_PATH, NULL, NULL))
            for (ULONG i = 0; i < ARRAYSIZE(Directives); i++)
                CopyDirective(Inf, Actual, Directives[i], Key);
        SetupCloseInfFile(Inf);
    }
    RegCloseKey(Key);
}

/* The service that the section makes the device's own. "INF AddService Directive": flag SPSVCINST_ASSOCSERVICE */
static VOID AddServiceValue(HDEVINFO Set, SP_DEVINFO_DATA *Device, HINF Inf, const WCHAR *Section)
{
    INFCONTEXT Line;
    if (!SetupFindFirstLineW(Inf, Section, L"AddService", &Line))
        return;
    do
    {
        INT Flags;
        WCHAR Service[MAX_PATH];
        if (SetupGetIntField(&Line, 2, &Flags) && (Flags & SPSVCINST_ASSOCSERVICE) &&
            SetupGetStringFieldW(&Line, 1, Service, MAX_PATH, NULL))
            SetupDiSetDeviceRegistryPropertyW(Set, Device, SPDRP_SERVICE, (const BYTE *)Service,
                                              (DWORD)(wcslen(Service) + 1) * sizeof(WCHAR));
    } while (SetupFindNextMatchLineW(&Line, L"AddService", &Line));
}

static VOID SetText(HKEY Key, const WCHAR *Name, const WCHAR *Text)
{
    RegSetValueExW(Key, Name, 0, REG_SZ, (const BYTE *)Text, (DWORD)(wcslen(Text) + 1) * sizeof(WCHAR));
}

/* The registry's part of a section and of its .HW, and the services of its .Services. Keys: the driver's, the device's. */
static DWORD ApplySection(HINF Inf, const WCHAR *Section, HKEY Driver, HKEY Hardware)
{
    WCHAR Part[MAX_PATH + 16];
    swprintf(Part, ARRAYSIZE(Part), L"%ls.HW", Section);
    if (!SetupInstallFromInfSectionW(NULL, Inf, Section, SPINST_REGISTRY | SPINST_BITREG, Driver, NULL, 0, NULL, NULL,
                                     NULL, NULL) ||
        !SetupInstallFromInfSectionW(NULL, Inf, Part, SPINST_REGISTRY | SPINST_BITREG, Hardware, NULL, 0, NULL, NULL,
                                     NULL, NULL))
        return GetLastError();
    swprintf(Part, ARRAYSIZE(Part), L"%ls.Services", Section);
    if (SetupInstallServicesFromInfSectionW(Inf, Part, 0) || GetLastError() == ERROR_SECTION_NOT_FOUND)
        return ERROR_SUCCESS;
    return GetLastError();
}

/*
 * What SetupDiInstallDevice does by its page, step by step, and not by a call of it: Wine's ends with SetupCopyOEMInf, and
 * in Wine 10 that is a driver store of its own, which looks for a package's catalog and .sys beside the oemN.inf, where they
 * never are in Windows, and asks for them again without an end. The store here has them already.
 * "SetupDiInstallDevice function (setupapi.h)", "INF DDInstall Section"
 */
static DWORD InstallFromInf(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *InfPath,
                            const SP_DRVINFO_DETAIL_DATA_W *Detail)
{
    static const DWORD NoFlags = 0;
    HINF Inf = SetupOpenInfFileW(InfPath, NULL, INF_STYLE_WIN4, NULL);
    if (Inf == INVALID_HANDLE_VALUE)
        return GetLastError();
    HKEY Driver = SetupDiCreateDevRegKeyW(Set, Device, DICS_FLAG_GLOBAL, 0, DIREG_DRV, NULL, NULL);
    HKEY Hardware = SetupDiCreateDevRegKeyW(Set, Device, DICS_FLAG_GLOBAL, 0, DIREG_DEV, NULL, NULL);
    WCHAR Section[MAX_PATH], *Extension = NULL;
    DWORD Error;
    if (Driver == INVALID_HANDLE_VALUE || Hardware == INVALID_HANDLE_VALUE ||
        !SetupDiGetActualSectionToInstallW(Inf, Detail->SectionName, Section, MAX_PATH, NULL, &Extension) ||
        !SetupDiSetDeviceRegistryPropertyW(Set, Device, SPDRP_DEVICEDESC, (const BYTE *)Detail->DrvDescription,
                                           (DWORD)(wcslen(Detail->DrvDescription) + 1) * sizeof(WCHAR)) ||
        !SetupDiSetDeviceRegistryPropertyW(Set, Device, SPDRP_CONFIGFLAGS, (const BYTE *)&NoFlags, sizeof(NoFlags)))
        Error = GetLastError();
    else
        Error = ApplySection(Inf, Section, Driver, Hardware);
    if (Error == ERROR_SUCCESS)
    {
        WCHAR Services[MAX_PATH + 16];
        swprintf(Services, ARRAYSIZE(Services), L"%ls.Services", Section);
        AddServiceValue(Set, Device, Inf, Services);
        SetText(Driver, L"InfPath", wcsrchr(InfPath, L'\\') + 1);
        SetText(Driver, L"InfSection", Detail->SectionName);
        if (Extension)
            SetText(Driver, L"InfSectionExt", Extension);
    }
    if (Driver != INVALID_HANDLE_VALUE)
        RegCloseKey(Driver);
    if (Hardware != INVALID_HANDLE_VALUE)
        RegCloseKey(Hardware);
    SetupCloseInfFile(Inf);
    return Error;
}

DWORD StoreInstallOnDevice(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *InfPath)
{
    SP_DEVINSTALL_PARAMS_W Params = {.cbSize = sizeof(Params)};
    SP_DRVINFO_DATA_W Driver = {.cbSize = sizeof(Driver)};
    if (!SetupDiGetDeviceInstallParamsW(Set, Device, &Params))
        return GetLastError();
    Params.Flags |= DI_ENUMSINGLEINF;
    lstrcpynW(Params.DriverPath, InfPath, MAX_PATH);
    if (!SetupDiSetDeviceInstallParamsW(Set, Device, &Params) ||
        !SetupDiBuildDriverInfoList(Set, Device, SPDIT_COMPATDRIVER) || !SetupDiSelectBestCompatDrv(Set, Device) ||
        !SetupDiGetSelectedDriverW(Set, Device, &Driver))
        return GetLastError();
    SP_DRVINFO_DETAIL_DATA_W *Detail = calloc(1, sizeof(*Detail) + 0x4000);
    if (!Detail)
        return ERROR_NOT_ENOUGH_MEMORY;
    Detail->cbSize = sizeof(*Detail);
    DWORD Error;
    if (!SetupDiGetDriverInfoDetailW(Set, Device, &Driver, Detail, sizeof(*Detail) + 0x4000, NULL))
        Error = GetLastError();
    else
        Error = CopyDriverFiles(InfPath, Detail->SectionName);
    if (Error == ERROR_SUCCESS)
        Error = InstallFromInf(Set, Device, InfPath, Detail);
    if (Error == ERROR_SUCCESS)
        AddNetworkValues(Set, Device, InfPath, Detail->SectionName);
    free(Detail);
    return Error;
}
