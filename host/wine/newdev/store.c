/* SPDX-License-Identifier: MIT */
/*
 * The driver store, which Wine lacks, as far as programs can see it: a package lies in
 * C:\windows\System32\DriverStore\FileRepository\<inf>_amd64_<hash>, its INF as oemN.inf in C:\windows\inf, where Wine's
 * SetupAPI looks for drivers. The oemN.inf is not the very INF: it is written so that Wine 8 understands it (see
 * TranslateInf). Callers hold StoreLock; no other state.
 *
 * Documentation: "Driver Store", "How Windows Selects Drivers", "INF SourceDisksFiles Section".
 */
#include "host/wine/newdev/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define LOCK_NAME     L"Global\\DriverStore"
#define FILES_MAX     64        /* of a package */
#define INF_BYTES_MAX (1 << 20) /* of an INF file */

typedef struct _PACKAGE
{
    WCHAR Folder[MAX_PATH]; /* where the files come from */
    WCHAR InfName[MAX_PATH];
    ULONG FileCount;                  /* the INF itself is the first */
    WCHAR Files[FILES_MAX][MAX_PATH]; /* relative to Folder */
    ULONG64 Hash;
    WCHAR StoreFolder[MAX_PATH];
} PACKAGE;

HANDLE StoreLock(VOID)
{
    HANDLE Lock = CreateMutexW(NULL, FALSE, LOCK_NAME);
    if (Lock)
        WaitForSingleObject(Lock, INFINITE);
    return Lock;
}

VOID StoreUnlock(HANDLE Lock)
{
    if (!Lock)
        return;
    ReleaseMutex(Lock);
    CloseHandle(Lock);
}

/* --- files --------------------------------------------------------------------------------------------------------- */

/* The whole of a file, with two zero bytes behind it; NULL and the last error if it cannot be had. */
static BYTE *ReadWhole(const WCHAR *Path, DWORD *Length)
{
    BYTE *Data = NULL;
    HANDLE File = CreateFileW(Path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);
    if (File == INVALID_HANDLE_VALUE)
        return NULL;
    LARGE_INTEGER Size;
    if (GetFileSizeEx(File, &Size) && Size.QuadPart < 0x40000000)
        Data = calloc(1, (size_t)Size.QuadPart + 2);
    if (Data && (!ReadFile(File, Data, (DWORD)Size.QuadPart, Length, NULL) || *Length != (DWORD)Size.QuadPart))
    {
        free(Data);
        Data = NULL;
        SetLastError(ERROR_READ_FAULT);
    }
    CloseHandle(File);
    return Data;
}

static DWORD WriteWhole(const WCHAR *Path, const VOID *Data, DWORD Length)
{
    DWORD Error = ERROR_SUCCESS;
    HANDLE File = CreateFileW(Path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    if (File == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD Written;
    if (!WriteFile(File, Data, Length, &Written, NULL))
        Error = GetLastError();
    CloseHandle(File);
    return Error;
}

static BOOL SameContent(const WCHAR *A, const WCHAR *B)
{
    DWORD LengthA = 0, LengthB = 0;
    BYTE *DataA = ReadWhole(A, &LengthA), *DataB = ReadWhole(B, &LengthB);
    BOOL Same = DataA && DataB && LengthA == LengthB && !memcmp(DataA, DataB, LengthA);
    free(DataA);
    free(DataB);
    return Same;
}

DWORD StorePlaceFile(const WCHAR *From, const WCHAR *To)
{
    if (SameContent(From, To))
        return ERROR_SUCCESS;
    WCHAR New[MAX_PATH];
    swprintf(New, MAX_PATH, L"%ls.%lx.new", To, GetCurrentProcessId());
    if (!CopyFileW(From, New, FALSE))
        return GetLastError();
    SetFileAttributesW(New, FILE_ATTRIBUTE_NORMAL);
    if (MoveFileExW(New, To, MOVEFILE_REPLACE_EXISTING))
        return ERROR_SUCCESS;
    WCHAR Old[MAX_PATH];
    swprintf(Old, MAX_PATH, L"%ls.%lx.old", To, GetTickCount());
    if (MoveFileExW(To, Old, 0) && MoveFileExW(New, To, 0))
        return ERROR_SUCCESS;
    DWORD Error = GetLastError();
    DeleteFileW(New);
    return Error;
}

static VOID MakeFolders(const WCHAR *Path)
{
    for (const WCHAR *Slash = wcschr(Path + 3, L'\\'); Slash; Slash = wcschr(Slash + 1, L'\\'))
    {
        WCHAR Part[MAX_PATH];
        swprintf(Part, MAX_PATH, L"%.*ls", (int)(Slash - Path), Path);
        CreateDirectoryW(Part, NULL);
    }
    CreateDirectoryW(Path, NULL);
}

static VOID RemoveFolder(const WCHAR *Path)
{
    WCHAR Name[MAX_PATH];
    swprintf(Name, MAX_PATH, L"%ls\\*", Path);
    WIN32_FIND_DATAW Found;
    HANDLE Search = FindFirstFileW(Name, &Found);
    if (Search == INVALID_HANDLE_VALUE)
        return;
    do
    {
        if (!wcscmp(Found.cFileName, L".") || !wcscmp(Found.cFileName, L".."))
            continue;
        swprintf(Name, MAX_PATH, L"%ls\\%ls", Path, Found.cFileName);
        if (Found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
            RemoveFolder(Name);
        else
            DeleteFileW(Name);
    } while (FindNextFileW(Search, &Found));
    FindClose(Search);
    RemoveDirectoryW(Path);
}

/* --- what a package consists of ------------------------------------------------------------------------------------ */

static DWORD AddFile(PACKAGE *Package, const WCHAR *Name)
{
    if (Package->FileCount == FILES_MAX)
        return ERROR_INVALID_DATA;
    for (ULONG i = 0; i < Package->FileCount; i++)
        if (!_wcsicmp(Package->Files[i], Name))
            return ERROR_SUCCESS;
    lstrcpynW(Package->Files[Package->FileCount++], Name, MAX_PATH);
    return ERROR_SUCCESS;
}

VOID StoreDiskFolder(HINF Inf, const WCHAR *DiskId, WCHAR Folder[MAX_PATH])
{
    Folder[0] = 0;
    INFCONTEXT Line;
    if (SetupFindFirstLineW(Inf, L"SourceDisksNames.amd64", DiskId, &Line) ||
        SetupFindFirstLineW(Inf, L"SourceDisksNames", DiskId, &Line))
        SetupGetStringFieldW(&Line, 4, Folder, MAX_PATH, NULL);
}

static DWORD AddSourceFiles(PACKAGE *Package, HINF Inf, const WCHAR *Section)
{
    DWORD Error = ERROR_SUCCESS;
    INFCONTEXT Line;
    if (!SetupFindFirstLineW(Inf, Section, NULL, &Line))
        return ERROR_SUCCESS;
    WCHAR DiskId[32], Folder[MAX_PATH];
    do
    {
        WCHAR Name[MAX_PATH];
        if (!SetupGetStringFieldW(&Line, 0, Name, MAX_PATH, NULL))
            continue;
        DiskId[0] = Folder[0] = 0;
        SetupGetStringFieldW(&Line, 1, DiskId, ARRAYSIZE(DiskId), NULL);
        SetupGetStringFieldW(&Line, 2, Folder, MAX_PATH, NULL);
        WCHAR Disk[MAX_PATH];
        StoreDiskFolder(Inf, DiskId, Disk);
        WCHAR Path[3 * MAX_PATH];
        swprintf(Path, ARRAYSIZE(Path), L"%ls%ls%ls%ls%ls", Disk, Disk[0] ? L"\\" : L"", Folder,
                 Folder[0] ? L"\\" : L"", Name);
        Error = wcslen(Path) < MAX_PATH ? AddFile(Package, Path) : ERROR_INVALID_DATA;
    } while (Error == ERROR_SUCCESS && SetupFindNextLine(&Line, &Line));
    return Error;
}

/* FNV-1a over names and contents: the same package gets the same folder. */
static DWORD HashFiles(PACKAGE *Package)
{
    Package->Hash = 0xcbf29ce484222325;
    for (ULONG i = 0; i < Package->FileCount; i++)
    {
        WCHAR Path[2 * MAX_PATH];
        swprintf(Path, ARRAYSIZE(Path), L"%ls\\%ls", Package->Folder, Package->Files[i]);
        DWORD Length;
        BYTE *Data = ReadWhole(Path, &Length);
        if (!Data)
            return ERROR_FILE_NOT_FOUND;
        for (DWORD k = 0; k < Length; k++)
            Package->Hash = (Package->Hash ^ Data[k]) * 0x100000001b3;
        free(Data);
    }
    return ERROR_SUCCESS;
}

static DWORD DescribePackage(const WCHAR *InfPath, PACKAGE *Package)
{
    const WCHAR *Slash = wcsrchr(InfPath, L'\\');
    if (!Slash || wcslen(InfPath) >= MAX_PATH || GetFileAttributesW(InfPath) == INVALID_FILE_ATTRIBUTES)
        return ERROR_FILE_NOT_FOUND;
    HINF Inf = SetupOpenInfFileW(InfPath, NULL, INF_STYLE_WIN4, NULL);
    if (Inf == INVALID_HANDLE_VALUE)
        return GetLastError() ? GetLastError() : ERROR_INVALID_DATA;
    memset(Package, 0, sizeof(*Package));
    lstrcpynW(Package->Folder, InfPath, (int)(Slash - InfPath) + 1);
    lstrcpynW(Package->InfName, Slash + 1, MAX_PATH);
    AddFile(Package, Package->InfName);
    INFCONTEXT Line;
    if (SetupFindFirstLineW(Inf, L"Version", L"CatalogFile.NTamd64", &Line) ||
        SetupFindFirstLineW(Inf, L"Version", L"CatalogFile", &Line))
    {
        WCHAR Catalog[MAX_PATH];
        /* No catalog is asked for here, where nobody checks signatures; one that is there belongs to the package. */
        if (SetupGetStringFieldW(&Line, 1, Catalog, MAX_PATH, NULL))
        {
            WCHAR Path[2 * MAX_PATH];
            swprintf(Path, ARRAYSIZE(Path), L"%ls\\%ls", Package->Folder, Catalog);
            if (GetFileAttributesW(Path) != INVALID_FILE_ATTRIBUTES)
                AddFile(Package, Catalog);
        }
    }
    DWORD Error = SetupFindFirstLineW(Inf, L"Manufacturer", NULL, &Line) ? ERROR_SUCCESS : ERROR_INVALID_DATA;
    if (Error == ERROR_SUCCESS)
        Error = AddSourceFiles(Package, Inf, L"SourceDisksFiles.amd64");
    if (Error == ERROR_SUCCESS)
        Error = AddSourceFiles(Package, Inf, L"SourceDisksFiles");
    SetupCloseInfFile(Inf);
    if (Error == ERROR_SUCCESS)
        Error = HashFiles(Package);
    swprintf(Package->StoreFolder, MAX_PATH, L"%ls\\%ls_amd64_%016llx", REPOSITORY, Package->InfName, Package->Hash);
    return Error;
}

/* --- the INF that Wine reads --------------------------------------------------------------------------------------- */

static WCHAR *DecodeInf(const BYTE *Data, DWORD Length)
{
    UINT CodePage = CP_ACP;
    if (Length >= 2 && Data[0] == 0xff && Data[1] == 0xfe)
        return _wcsdup((const WCHAR *)(Data + 2));
    if (Length >= 3 && Data[0] == 0xef && Data[1] == 0xbb && Data[2] == 0xbf)
    {
        CodePage = CP_UTF8;
        Data += 3;
        Length -= 3;
    }
    WCHAR *Text = calloc(Length + 1, sizeof(WCHAR));
    int Units =
        Text && Length ? MultiByteToWideChar(CodePage, 0, (const char *)Data, (int)Length, Text, (int)Length) : 0;
    if (Text)
        Text[Units] = 0;
    return Text;
}

/*
 * Two things in a present-day INF are beyond Wine 8: an operating system version behind the architecture in the name of a
 * section (NTamd64.10.0...17763), and %13%, the package's folder in the store. Both are written in the way it knows.
 */
static WCHAR *TranslateInf(const WCHAR *Text, const WCHAR *StoreFolder)
{
    WCHAR *New = calloc(wcslen(Text) * 2 + 64 * MAX_PATH, sizeof(WCHAR)), *To = New;
    ULONG Left = 64;
    if (!New)
        return NULL;
    while (*Text)
    {
        if (!_wcsnicmp(Text, L"NTamd64.", 8) && (iswdigit(Text[8]) || Text[8] == L'.'))
        {
            memcpy(To, Text, 7 * sizeof(WCHAR));
            To += 7;
            Text += 7;
            while (iswdigit(*Text) || (*Text == L'.' && (iswdigit(Text[1]) || Text[1] == L'.')))
                Text++;
        }
        else if (!wcsncmp(Text, L"%13%", 4) && Left)
        {
            To += swprintf(To, MAX_PATH, L"%ls", StoreFolder);
            Text += 4;
            Left--;
        }
        else
            *To++ = *Text++;
    }
    return New;
}

static DWORD WriteOemInf(const PACKAGE *Package, const WCHAR *Target)
{
    WCHAR *Text = NULL, *New = NULL;
    DWORD Error = ERROR_NOT_ENOUGH_MEMORY;
    WCHAR Path[2 * MAX_PATH];
    swprintf(Path, ARRAYSIZE(Path), L"%ls\\%ls", Package->StoreFolder, Package->InfName);
    DWORD Length;
    BYTE *Data = ReadWhole(Path, &Length);
    if (!Data)
        return GetLastError();
    if (Length <= INF_BYTES_MAX)
        Text = DecodeInf(Data, Length);
    if (Text)
        New = TranslateInf(Text, Package->StoreFolder);
    if (New)
    {
        DWORD Units = (DWORD)wcslen(New);
        memmove(New + 1, New, Units * sizeof(WCHAR));
        New[0] = 0xfeff;
        Error = WriteWhole(Target, New, (Units + 1) * sizeof(WCHAR));
    }
    free(New);
    free(Text);
    free(Data);
    return Error;
}

/* --- the store ----------------------------------------------------------------------------------------------------- */

static DWORD FindByFolder(const WCHAR *Folder, WCHAR OemName[MAX_PATH])
{
    DWORD Error = ERROR_FILE_NOT_FOUND;
    HKEY Key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, DRIVER_INF_FILES, 0, KEY_READ, &Key))
        return ERROR_FILE_NOT_FOUND;
    WCHAR Found[MAX_PATH];
    for (DWORD i = 0; RegEnumKeyW(Key, i, OemName, MAX_PATH) == ERROR_SUCCESS; i++)
        if (StorePackageOf(OemName, Found) && !_wcsicmp(Found, Folder))
        {
            Error = ERROR_SUCCESS;
            break;
        }
    RegCloseKey(Key);
    return Error;
}

DWORD StoreFind(const WCHAR *InfPath, WCHAR OemName[MAX_PATH])
{
    const WCHAR *Slash = wcsrchr(InfPath, L'\\');
    if (GetFileAttributesW(InfPath) == INVALID_FILE_ATTRIBUTES)
        return ERROR_FILE_NOT_FOUND;
    if (Slash && Slash - InfPath == wcslen(INF_FOLDER) && !_wcsnicmp(InfPath, INF_FOLDER, wcslen(INF_FOLDER)))
    {
        lstrcpynW(OemName, Slash + 1, MAX_PATH);
        WCHAR Folder[MAX_PATH];
        return StorePackageOf(OemName, Folder) ? ERROR_SUCCESS : ERROR_FILE_NOT_FOUND;
    }
    PACKAGE *Package = malloc(sizeof(*Package));
    if (!Package)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD Error = DescribePackage(InfPath, Package);
    if (Error == ERROR_SUCCESS)
        Error = FindByFolder(wcsrchr(Package->StoreFolder, L'\\') + 1, OemName);
    free(Package);
    return Error;
}

static DWORD CopyPackage(const PACKAGE *Package)
{
    MakeFolders(Package->StoreFolder);
    for (ULONG i = 0; i < Package->FileCount; i++)
    {
        WCHAR From[2 * MAX_PATH];
        swprintf(From, ARRAYSIZE(From), L"%ls\\%ls", Package->Folder, Package->Files[i]);
        WCHAR To[2 * MAX_PATH];
        swprintf(To, ARRAYSIZE(To), L"%ls\\%ls", Package->StoreFolder, Package->Files[i]);
        WCHAR *Slash = wcsrchr(To, L'\\');
        *Slash = 0;
        MakeFolders(To);
        *Slash = L'\\';
        DWORD Error = StorePlaceFile(From, To); /* a driver that was uninstalled may still be loaded from here */
        if (Error != ERROR_SUCCESS)
            return Error;
    }
    return ERROR_SUCCESS;
}

DWORD StoreAdd(const WCHAR *InfPath, WCHAR OemName[MAX_PATH])
{
    PACKAGE *Package = malloc(sizeof(*Package));
    if (!Package)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD Error = DescribePackage(InfPath, Package);
    if (Error != ERROR_SUCCESS)
        goto cleanupPackage;
    const WCHAR *Name = wcsrchr(Package->StoreFolder, L'\\') + 1;
    if (FindByFolder(Name, OemName) == ERROR_SUCCESS)
        goto cleanupPackage;
    Error = CopyPackage(Package);
    if (Error != ERROR_SUCCESS)
        goto cleanupFolder;
    WCHAR Path[MAX_PATH];
    for (ULONG i = 0;; i++)
    {
        swprintf(OemName, MAX_PATH, L"oem%lu.inf", i);
        swprintf(Path, MAX_PATH, L"%ls\\%ls", INF_FOLDER, OemName);
        if (GetFileAttributesW(Path) == INVALID_FILE_ATTRIBUTES)
            break;
    }
    Error = WriteOemInf(Package, Path);
    if (Error != ERROR_SUCCESS)
        goto cleanupFolder;
    WCHAR Key[2 * MAX_PATH];
    swprintf(Key, ARRAYSIZE(Key), DRIVER_INF_FILES L"\\%ls", OemName);
    Error = (DWORD)RegSetKeyValueW(HKEY_LOCAL_MACHINE, Key, L"Active", REG_SZ, Name,
                                   (DWORD)(wcslen(Name) + 1) * sizeof(WCHAR));
    if (Error == ERROR_SUCCESS)
        goto cleanupPackage;
    DeleteFileW(Path);
cleanupFolder:
    RemoveFolder(Package->StoreFolder);
cleanupPackage:
    free(Package);
    return Error;
}

DWORD StoreRemove(const WCHAR *OemName)
{
    WCHAR Folder[MAX_PATH];
    if (!StorePackageOf(OemName, Folder))
        return ERROR_FILE_NOT_FOUND;
    WCHAR Path[2 * MAX_PATH];
    swprintf(Path, ARRAYSIZE(Path), L"%ls\\%ls", REPOSITORY, Folder);
    RemoveFolder(Path);
    swprintf(Path, ARRAYSIZE(Path), L"%ls\\%ls", INF_FOLDER, OemName);
    DeleteFileW(Path);
    wcscpy(wcsrchr(Path, L'.'), L".pnf");
    DeleteFileW(Path);
    swprintf(Path, ARRAYSIZE(Path), DRIVER_INF_FILES L"\\%ls", OemName);
    return (DWORD)RegDeleteTreeW(HKEY_LOCAL_MACHINE, Path);
}
