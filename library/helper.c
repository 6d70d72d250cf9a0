/* SPDX-License-Identifier: MIT */
/*
 * The other side of native.c: in a process of Windows' own machine, this library does what a program for another machine
 * asks, and answers. It stands on top, because it may be asked for all that set-up can do. One thread; a helper holds a
 * lock of its own, because it may outlive its caller.
 */
#include "library/library.h"

#define LOCK_MS 60000 /* for the locks of the helper, which are free unless its caller is dead */

static HANDLE Messages; /* the helper has one thread */

static void Put(LPCWSTR Text)
{
    DWORD Written;
    WriteFile(Messages, Text, (DWORD)lstrlenW(Text) * sizeof(WCHAR), &Written, NULL);
}

static void CALLBACK KeepMessage(PLAINTUN_LOG_LEVEL Level, DWORD64 Time, LPCWSTR Message)
{
    WCHAR Digit[] = {(WCHAR)(L'0' + Level), 0};
    Put(Digit);
    Put(Message);
    Put(L"\n");
}

static void PutAnswer(LPCWSTR Text)
{
    Put(NATIVE_ANSWER);
    Put(Text);
    Put(L"\n");
}

/* The newest version in the driver store, in 16 hexadecimal digits. */
static DWORD Survey(void)
{
    WCHAR Digits[17] = {0};
    STORE *Store = Allocate(sizeof(*Store));
    if (Store == NULL)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD Error = StoreSurvey(Store);
    for (int i = 0; i < 16; ++i)
        Digits[i] = L"0123456789abcdef"[Store->Newest >> (60 - 4 * i) & 15];
    PutAnswer(Digits);
    Free(Store);
    return Error;
}

/* Leaves ERROR_SUCCESS_REBOOT_REQUIRED where that applies, as RemoveDriver does. */
static DWORD Install(INSTALL_FOR For)
{
    BOOL Installed = FALSE;
    InstallDriver(For, &Installed);
    DWORD Error = GetLastError();
    PutAnswer(InstalledInf());
    return Error;
}

static DWORD Obey(LPCWSTR Verb, LPCWSTR Argument)
{
    INSTALL_FOR For = CompareStringOrdinal(Argument, -1, L"person", -1, FALSE) == CSTR_EQUAL ? INSTALL_FOR_PERSON
                                                                                             : INSTALL_FOR_ADAPTER;
    if (CompareStringOrdinal(Verb, -1, L"install", -1, FALSE) == CSTR_EQUAL)
        return Install(For);
    if (CompareStringOrdinal(Verb, -1, L"remove", -1, FALSE) == CSTR_EQUAL)
        return RemoveDriver(), GetLastError();
    if (CompareStringOrdinal(Verb, -1, L"uninstall", -1, FALSE) == CSTR_EQUAL)
        return UninstallDevice(Argument), GetLastError();
    return ERROR_INVALID_PARAMETER;
}

/* Where nobody waits for this process, to tidy up behind it, Windows shall.
 * https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-movefileexw */
static void LeaveToRestart(LPCWSTR Folder)
{
    static const LPCWSTR Names[] = {NATIVE_LIBRARY, NATIVE_MESSAGES};
    WCHAR Path[MAX_PATH];
    FilePath(Folder, NATIVE_CALLER, Path);
    if (GetFileAttributesW(Path) != INVALID_FILE_ATTRIBUTES)
        return;
    for (int i = 0; i < (int)ARRAYSIZE(Names); ++i)
    {
        FilePath(Folder, Names[i], Path);
        MoveFileExW(Path, NULL, MOVEFILE_DELAY_UNTIL_REBOOT);
    }
    MoveFileExW(Folder, NULL, MOVEFILE_DELAY_UNTIL_REBOOT);
}

void CALLBACK PlaintunNativeW(HWND Window, HINSTANCE Rundll32, LPWSTR Command, int Show);

/* What rundll32.exe calls as PlaintunNative, with the rest of its command line. No function for programs. */
void CALLBACK PlaintunNativeW(HWND Window, HINSTANCE Rundll32, LPWSTR Command, int Show)
{
    WCHAR Folder[MAX_PATH];
    DWORD Length = GetModuleFileNameW(LibraryModule, Folder, ARRAYSIZE(Folder));
    if (Length == 0 || Length == ARRAYSIZE(Folder))
        ExitProcess(ERROR_BUFFER_OVERFLOW);
    while (Folder[Length - 1] != L'\\')
        --Length;
    Folder[Length - 1] = 0;
    WCHAR Path[MAX_PATH];
    FilePath(Folder, NATIVE_MESSAGES, Path);
    Messages = CreateFileW(Path, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    if (Messages == INVALID_HANDLE_VALUE)
        ExitProcess(GetLastError());
    PlaintunSetLogger(KeepMessage);
    LPWSTR Argument = Command;
    while (*Argument != 0 && *Argument != L' ')
        ++Argument;
    if (*Argument != 0)
        *Argument++ = 0;
    DWORD Error;
    SETUP_LOCK Lock;
    if (CompareStringOrdinal(Command, -1, L"survey", -1, FALSE) == CSTR_EQUAL)
        Error = Survey();
    else if ((Error = SetupHelperLock(AwakeMs() + LOCK_MS, &Lock)) == NO_ERROR)
    {
        SETUP_LOCK Setup;
        SetupTryLock(0, &Setup); /* whoever started this has it, or is dead by now */
        Error = Obey(Command, Argument);
        SetupUnlock(&Setup);
        SetupUnlock(&Lock);
    }
    CloseHandle(Messages);
    LeaveToRestart(Folder);
    ExitProcess(Error);
}
