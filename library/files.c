/* SPDX-License-Identifier: MIT */
/*
 * What the library carries as resources, written to files: into a new folder that nobody but administrators can write to,
 * because what lies there becomes a driver, or a program with their rights. Any thread, no state.
 */
#include "library/library.h"
#include <sddl.h>

HMODULE LibraryModule;

static void Append(WCHAR Path[MAX_PATH], LPCWSTR Text)
{
    int Length = lstrlenW(Path);
    lstrcpynW(Path + Length, Text, MAX_PATH - Length);
}

BOOL FolderMake(WCHAR Path[MAX_PATH])
{
    SECURITY_ATTRIBUTES Attributes = {.nLength = sizeof(Attributes)};
    /* Not GetWindowsDirectoryW, which tells some programs of a folder that is their user's own. */
    UINT Length = GetSystemWindowsDirectoryW(Path, MAX_PATH - 80);
    GUID Random;
    if (Length == 0 || Length >= MAX_PATH - 80 || !GuidMake(&Random) ||
        !ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;OICI;GA;;;SY)(A;OICI;GA;;;BA)", SDDL_REVISION_1,
                                                              &Attributes.lpSecurityDescriptor, NULL))
        return FALSE;
    WCHAR Name[GUID_STRING_LENGTH + 1];
    GuidToString(&Random, Name);
    Append(Path, L"\\Temp\\");
    CreateDirectoryW(Path, NULL); /* it is nearly always there */
    Append(Path, Name);
    BOOL Result = CreateDirectoryW(Path, &Attributes);
    DWORD Error = GetLastError();
    LocalFree(Attributes.lpSecurityDescriptor);
    SetLastError(Error);
    return Result;
}

void FilePath(LPCWSTR Folder, LPCWSTR Name, WCHAR Path[MAX_PATH])
{
    lstrcpynW(Path, Folder, MAX_PATH);
    Append(Path, L"\\");
    Append(Path, Name);
}

BOOL FileExtract(LPCWSTR Folder, LPCWSTR Name, int Resource)
{
    HRSRC Found = FindResourceW(LibraryModule, MAKEINTRESOURCEW(Resource), (LPCWSTR)RT_RCDATA);
    HGLOBAL Loaded = Found != NULL ? LoadResource(LibraryModule, Found) : NULL;
    if (Loaded == NULL)
        return FALSE;
    DWORD Size = SizeofResource(LibraryModule, Found);
    WCHAR Path[MAX_PATH];
    FilePath(Folder, Name, Path);
    HANDLE File = CreateFileW(Path, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    if (File == INVALID_HANDLE_VALUE)
        return FALSE;
    DWORD Written;
    BOOL Result = WriteFile(File, LockResource(Loaded), Size, &Written, NULL) && Written == Size;
    DWORD Error = GetLastError();
    CloseHandle(File);
    SetLastError(Error);
    return Result;
}

void FileDelete(LPCWSTR Folder, LPCWSTR Name)
{
    WCHAR Path[MAX_PATH];
    FilePath(Folder, Name, Path);
    DeleteFileW(Path);
}
