/* SPDX-License-Identifier: MIT */
/*
 * setupapi.dll: where the driver store has a package, which Wine's does not tell; all else of it is forwarded to Wine's own,
 * kept as setupapi_wine.dll. Any thread, no state.
 */
#define _SETUPAPI_ /* we are the DLL: its functions are not imported */
#include "host/wine/shared/failures.h"
#include "host/wine/newdev/store.h"
#include "wdk/missing.h"

#include <stdio.h>
#include <wchar.h>

/*
 * The full path, in the driver store, of the INF that is FileName ("oem7.inf", with or without the folder of INFs) in the
 * folder of INFs. FALSE with ERROR_FILE_NOT_FOUND (no package of the store), ERROR_INVALID_PARAMETER,
 * ERROR_INSUFFICIENT_BUFFER. "SetupGetInfDriverStoreLocationW function (setupapi.h)"
 */
BOOL WINAPI SetupGetInfDriverStoreLocationW(PCWSTR FileName, PVOID Reserved, PCWSTR LocaleName, PWSTR Buffer,
                                            DWORD BufferSize, PDWORD RequiredSize)
{
    if (!FileName || !*FileName)
    {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    if (HostFailure(L"SetupGetInfDriverStoreLocation"))
    {
        SetLastError(HostFailure(L"SetupGetInfDriverStoreLocation"));
        return FALSE;
    }
    const WCHAR *Name = wcsrchr(FileName, L'\\') ? wcsrchr(FileName, L'\\') + 1 : FileName;
    WCHAR Folder[MAX_PATH];
    const WCHAR *End;
    if (!StorePackageOf(Name, Folder) || (End = wcsstr(Folder, L"_amd64_")) == NULL)
    {
        SetLastError(ERROR_FILE_NOT_FOUND);
        return FALSE;
    }
    WCHAR Path[3 * MAX_PATH];
    DWORD Needed =
        (DWORD)swprintf(Path, ARRAYSIZE(Path), L"%ls\\%ls\\%.*ls", REPOSITORY, Folder, (int)(End - Folder), Folder) + 1;
    if (RequiredSize)
        *RequiredSize = Needed;
    if (!Buffer || BufferSize < Needed)
    {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return FALSE;
    }
    wcscpy(Buffer, Path);
    return TRUE;
}
