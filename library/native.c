/* SPDX-License-Identifier: MIT */
/*
 * What a program for another machine than Windows' own may not do itself: install and remove drivers and devices. Windows
 * refuses with ERROR_IN_WOW64 ("DiInstallDriverW function", "SetupDiCallClassInstaller function"), searches the driver
 * store for that other machine, and says what to do: start a process of its own architecture ("Device Installations on
 * 64-Bit Systems"). So a library carries the one for Windows' own machine, writes it into a folder that only administrators can
 * write to, and has Windows' own rundll32.exe call its PlaintunNative (helper.c) with this process' rights. Messages come
 * back through a file in that folder, the error as exit code. Any thread; the caller holds the set-up lock (NativeSurvey:
 * nobody).
 */
#include "library/library.h"
#include "library/resource.h"

#define HELPER_MS     (5 * 60 * 1000) /* Windows itself may take minutes over a driver; a creation does not wait for it */
#define LOOK_AGAIN_MS 100             /* whether the helper is installing the driver */

#define LINE_LENGTH (LOG_LENGTH + 1) /* UTF-16 units of a message, its level before it */

#if defined(OUR_MACHINE) /* a test's */
#elif defined(__x86_64__)
#define OUR_MACHINE IMAGE_FILE_MACHINE_AMD64
#elif defined(__aarch64__)
#define OUR_MACHINE IMAGE_FILE_MACHINE_ARM64
#elif defined(__i386__)
#define OUR_MACHINE IMAGE_FILE_MACHINE_I386
#endif

#ifndef PROC_THREAD_ATTRIBUTE_MACHINE_TYPE /* "UpdateProcThreadAttribute function"; winbase.h */
#define PROC_THREAD_ATTRIBUTE_MACHINE_TYPE 0x00020019
#endif

/* https://learn.microsoft.com/windows/win32/api/wow64apiset/nf-wow64apiset-iswow64process2 */
static USHORT WindowsMachine(void)
{
    USHORT Process, Windows;
    return IsWow64Process2(GetCurrentProcess(), &Process, &Windows) ? Windows : OUR_MACHINE;
}

BOOL NativeNeeded(void)
{
    USHORT Windows = WindowsMachine();
    return Windows != OUR_MACHINE || Windows == IMAGE_FILE_MACHINE_I386; /* there is no driver for a 32-bit Windows */
}

static BOOL Succeeded(DWORD Error)
{
    return Error == NO_ERROR || Error == ERROR_SUCCESS_REBOOT_REQUIRED;
}

/* Passes on what the helper logged: lines of a digit, the level, and the text. The helper's error; logged, if *Said. */
static DWORD PassMessages(LPCWSTR Folder, DWORD Error, LPWSTR Answer, BOOL *Said)
{
    DWORD Length = 0;
    *Said = FALSE;
    WCHAR Path[MAX_PATH];
    FilePath(Folder, NATIVE_MESSAGES, Path);
    HANDLE File = CreateFileW(Path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    if (File == INVALID_HANDLE_VALUE) /* it never came to our library, whatever rundll32.exe says of that */
        return Error != NO_ERROR ? Error : ERROR_FUNCTION_FAILED;
    WCHAR Line[LINE_LENGTH];
    DWORD Read;
    while (ReadFile(File, &Line[Length], sizeof(WCHAR), &Read, NULL) && Read == sizeof(WCHAR))
    {
        if (Line[Length] != L'\n')
        {
            if (Length < LINE_LENGTH - 1)
                ++Length;
            continue;
        }
        Line[Length] = 0;
        if (Length > 0 && Line[0] == NATIVE_ANSWER[0])
        {
            if (Answer != NULL)
                lstrcpynW(Answer, Line + 1, MAX_PATH);
        }
        else if (Length > 0 && Line[0] == L'0' + PLAINTUN_LOG_ERROR && !Succeeded(Error))
        {
            LogErrorText(Error, Line + 1);
            *Said = TRUE;
        }
        else if (Length > 0)
            Log((PLAINTUN_LOG_LEVEL)(Line[0] - L'0'), L"%1", Line + 1);
        Length = 0;
    }
    CloseHandle(File);
    return Error;
}

/* A 32-bit process finds Windows' own programs in Sysnative ("File System Redirector"). On arm64 some of them run as
 * their starter does, unless asked otherwise; a Windows that does not know the question runs no amd64 programs either. */
static DWORD RunHelper(LPWSTR Command, LPCWSTR Program, USHORT Machine, volatile BOOL *Installs)
{
    STARTUPINFOEXW Start = {.StartupInfo = {.cb = sizeof(Start.StartupInfo)}};
    BYTE Space[256];
    SIZE_T Size = sizeof(Space);
    DWORD Error = NO_ERROR, Flags = 0;
    if (Machine == IMAGE_FILE_MACHINE_ARM64 &&
        InitializeProcThreadAttributeList((LPPROC_THREAD_ATTRIBUTE_LIST)Space, 1, 0, &Size))
    {
        Start.lpAttributeList = (LPPROC_THREAD_ATTRIBUTE_LIST)Space;
        if (UpdateProcThreadAttribute(Start.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_MACHINE_TYPE, &Machine,
                                      sizeof(Machine), NULL, NULL))
        {
            Start.StartupInfo.cb = sizeof(Start);
            Flags = EXTENDED_STARTUPINFO_PRESENT;
        }
    }
    PROCESS_INFORMATION Process;
    if (!CreateProcessW(Program, Command, NULL, NULL, FALSE, Flags, NULL, NULL, &Start.StartupInfo, &Process))
        Error = GetLastError();
    if (Start.lpAttributeList != NULL)
        DeleteProcThreadAttributeList(Start.lpAttributeList);
    if (Error != NO_ERROR)
        return Error;
    ULONG64 Deadline = AwakeMs() + HELPER_MS;
    while ((Error = WaitForSingleObject(Process.hProcess, LOOK_AGAIN_MS)) == WAIT_TIMEOUT && TimeLeft(Deadline) != 0)
        if (Installs != NULL && SetupHelperInstalls())
        {
            *Installs = TRUE;
            LogStep(L"installing the driver");
        }
    if (Error != WAIT_OBJECT_0)
        Error = WAIT_TIMEOUT;
    else if (!GetExitCodeProcess(Process.hProcess, &Error))
        Error = GetLastError();
    CloseHandle(Process.hThread);
    CloseHandle(Process.hProcess);
    return Error;
}

typedef struct _HELPER
{
    WCHAR Folder[MAX_PATH], Caller[MAX_PATH], Windows[MAX_PATH], Program[MAX_PATH];
    WCHAR Command[2 * MAX_PATH + INSTANCE_ID_LENGTH];
} HELPER;

DWORD NativeRun(LPCWSTR Verb, LPCWSTR Argument, LPWSTR Answer, volatile BOOL *Installs)
{
    USHORT Machine = WindowsMachine();
    int Resource = Machine == IMAGE_FILE_MACHINE_AMD64   ? RESOURCE_LIBRARY_AMD64
                   : Machine == IMAGE_FILE_MACHINE_ARM64 ? RESOURCE_LIBRARY_ARM64
                                                         : 0;
    if (Answer != NULL)
        Answer[0] = 0;
    if (Resource == 0)
        return LogError(ERROR_NOT_SUPPORTED,
                        L"there is no driver for this Windows (machine 0x%1!04x!): it takes one for amd64 or arm64",
                        Machine);
    HELPER *Helper = Allocate(sizeof(*Helper));
    if (Helper == NULL)
        return LogError(ERROR_NOT_ENOUGH_MEMORY, L"cannot start Windows' own version of this library");
    DWORD Error = NO_ERROR;
    if (!FolderMake(Helper->Folder))
    {
        Error = LogError(GetLastError(), L"cannot make a folder for Windows' own version of this library");
        goto freeHelper;
    }
    if (!FileExtract(Helper->Folder, NATIVE_LIBRARY, Resource) ||
        GetSystemWindowsDirectoryW(Helper->Windows, MAX_PATH) == 0)
    {
        Error = LogError(GetLastError(), L"cannot write Windows' own version of this library to %1", Helper->Folder);
        goto deleteFiles;
    }
    FilePath(Helper->Folder, NATIVE_CALLER, Helper->Caller);
    HANDLE Caller = CreateFileW(Helper->Caller, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE, NULL);
    FilePath(Helper->Windows, sizeof(void *) == 4 ? L"Sysnative\\rundll32.exe" : L"System32\\rundll32.exe",
             Helper->Program);
    DWORD_PTR Parts[] = {(DWORD_PTR)Helper->Program, (DWORD_PTR)Helper->Folder, (DWORD_PTR)Verb, (DWORD_PTR)Argument};
    if (FormatMessageW(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY,
                       L"\"%1\" \"%2\\" NATIVE_LIBRARY L"\",PlaintunNative %3 %4", 0, 0, Helper->Command,
                       ARRAYSIZE(Helper->Command), (va_list *)Parts) == 0)
        Error = GetLastError();
    else
        Error = RunHelper(Helper->Command, Helper->Program, Machine, Installs);
    CloseHandle(Caller);
    if (Error == WAIT_TIMEOUT)
    {
        Error = LogError(ERROR_TIMEOUT,
                         L"%1: %2, which does it for this program, is still at it after %3!u! minutes; other programs "
                         L"wait for it",
                         Verb, Helper->Program, HELPER_MS / 60000);
        goto deleteFiles;
    }
    BOOL Said;
    Error = PassMessages(Helper->Folder, Error, Answer, &Said);
    if (!Succeeded(Error) && !Said)
        LogError(Error, L"%1, done by %2 for this program, failed", Verb, Helper->Program);

deleteFiles:
    FileDelete(Helper->Folder, NATIVE_LIBRARY);
    FileDelete(Helper->Folder, NATIVE_MESSAGES);
    RemoveDirectoryW(Helper->Folder);
freeHelper:
    Free(Helper);
    SetLastError(Error);
    return Error;
}

DWORD NativeSurvey(ULONG64 *Version)
{
    *Version = 0;
    if (!IsAdministrator())
        return LogError(ERROR_ACCESS_DENIED,
                        L"a program for another machine than Windows' own must be an administrator's "
                        L"to be told what is in the driver store: use the files for this Windows");
    WCHAR Answer[MAX_PATH];
    DWORD Error = NativeRun(L"survey", L"", Answer, NULL);
    for (LPCWSTR c = Answer; *c != 0; ++c)
        *Version = *Version << 4 | (ULONG64)(*c <= L'9' ? *c - L'0' : *c - L'a' + 10);
    return Error;
}
