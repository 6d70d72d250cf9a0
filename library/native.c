/* SPDX-License-Identifier: MIT */
/*
 * What a program for another machine than Windows' own may not do itself: install and remove drivers and devices. Windows
 * refuses with ERROR_IN_WOW64 ("DiInstallDriverW function", "DiUninstallDevice function"), searches the driver store
 * for that other machine, and says what to do: start a process of its own architecture ("Device Installations on 64-Bit
 * Systems"). So a library carries the one for Windows' own machine, writes it into a folder that only administrators can
 * write to, and has Windows' own rundll32.exe call its PlaintunNative, below, with this process' rights. Messages come back
 * through a file in that folder, the error as exit code. Any thread; the caller holds the set-up lock.
 */
#include "library/library.h"
#include "library/resource.h"

#define HELPER_MS (5 * 60 * 1000) /* Windows itself may take minutes over a driver on its first installation */

#define LIBRARY_FILE  L"" PLAINTUN_LIBRARY_NAME
#define MESSAGES_FILE L"messages"
#define LINE_LENGTH   1024 /* UTF-16 units of a message, as in log.c */

#if defined(__x86_64__)
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

/* --- in the program: start the helper -------------------------------------------------------------------------------- */

/* Passes on what the helper logged: lines of a digit, the level, and the text. The helper's error; logged, if *Said. */
static DWORD PassMessages(LPCWSTR Folder, DWORD Error, BOOL *Said)
{
    WCHAR Path[MAX_PATH], Line[LINE_LENGTH];
    DWORD Length = 0, Read;
    *Said = FALSE;
    FilePath(Folder, MESSAGES_FILE, Path);
    HANDLE File = CreateFileW(Path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    if (File == INVALID_HANDLE_VALUE) /* it never came to our library, whatever rundll32.exe says of that */
        return Error != NO_ERROR ? Error : ERROR_FUNCTION_FAILED;
    while (ReadFile(File, &Line[Length], sizeof(WCHAR), &Read, NULL) && Read == sizeof(WCHAR))
    {
        if (Line[Length] != L'\n')
        {
            if (Length < LINE_LENGTH - 1)
                ++Length;
            continue;
        }
        Line[Length] = 0;
        if (Length > 0 && Line[0] == L'0' + PLAINTUN_LOG_ERROR && Error != NO_ERROR)
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
static DWORD RunHelper(LPWSTR Command, LPCWSTR Program, USHORT Machine)
{
    BYTE Space[256];
    STARTUPINFOEXW Start = {.StartupInfo = {.cb = sizeof(Start.StartupInfo)}};
    PROCESS_INFORMATION Process;
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
    if (!CreateProcessW(Program, Command, NULL, NULL, FALSE, Flags, NULL, NULL, &Start.StartupInfo, &Process))
        Error = GetLastError();
    if (Start.lpAttributeList != NULL)
        DeleteProcThreadAttributeList(Start.lpAttributeList);
    if (Error != NO_ERROR)
        return Error;
    if (WaitForSingleObject(Process.hProcess, HELPER_MS) != WAIT_OBJECT_0)
        Error = ERROR_TIMEOUT;
    else if (!GetExitCodeProcess(Process.hProcess, &Error))
        Error = GetLastError();
    CloseHandle(Process.hThread);
    CloseHandle(Process.hProcess);
    return Error;
}

typedef struct _HELPER
{
    WCHAR Folder[MAX_PATH], Windows[MAX_PATH], Program[MAX_PATH], Command[2 * MAX_PATH + INSTANCE_ID_LENGTH];
} HELPER;

DWORD NativeRun(LPCWSTR Verb, LPCWSTR Argument)
{
    USHORT Machine = WindowsMachine();
    int Resource = Machine == IMAGE_FILE_MACHINE_AMD64   ? RESOURCE_LIBRARY_AMD64
                   : Machine == IMAGE_FILE_MACHINE_ARM64 ? RESOURCE_LIBRARY_ARM64
                                                         : 0;
    if (Resource == 0)
        return LogError(ERROR_NOT_SUPPORTED,
                        L"there is no driver for this Windows (machine 0x%1!04x!): it takes one for amd64 or arm64",
                        Machine);
    HELPER *Helper = Allocate(sizeof(*Helper));
    if (Helper == NULL)
        return LogError(ERROR_NOT_ENOUGH_MEMORY, L"cannot start Windows' own version of this library");
    DWORD Error = NO_ERROR;
    BOOL Said;
    if (!FolderMake(Helper->Folder))
    {
        Error = LogError(GetLastError(), L"cannot make a folder for Windows' own version of this library");
        goto freeHelper;
    }
    if (!FileExtract(Helper->Folder, LIBRARY_FILE, Resource) ||
        GetSystemWindowsDirectoryW(Helper->Windows, MAX_PATH) == 0)
    {
        Error = LogError(GetLastError(), L"cannot write Windows' own version of this library to %1", Helper->Folder);
        goto deleteFiles;
    }
    FilePath(Helper->Windows, sizeof(void *) == 4 ? L"Sysnative\\rundll32.exe" : L"System32\\rundll32.exe",
             Helper->Program);
    DWORD_PTR Parts[] = {(DWORD_PTR)Helper->Program, (DWORD_PTR)Helper->Folder, (DWORD_PTR)Verb, (DWORD_PTR)Argument};
    if (FormatMessageW(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY,
                       L"\"%1\" %2\\" LIBRARY_FILE L",PlaintunNative %3 %4", 0, 0, Helper->Command,
                       ARRAYSIZE(Helper->Command), (va_list *)Parts) == 0)
        Error = GetLastError();
    else
        Error = RunHelper(Helper->Command, Helper->Program, Machine);
    Error = PassMessages(Helper->Folder, Error, &Said);
    if (Error != NO_ERROR && !Said)
        LogError(Error, L"%1, done by %2 for this program, failed", Verb, Helper->Program);

deleteFiles:
    FileDelete(Helper->Folder, LIBRARY_FILE);
    FileDelete(Helper->Folder, MESSAGES_FILE);
    RemoveDirectoryW(Helper->Folder);
freeHelper:
    Free(Helper);
    SetLastError(Error);
    return Error;
}

/* --- in the helper ---------------------------------------------------------------------------------------------------- */

static HANDLE Messages; /* the helper has one thread */

static void CALLBACK KeepMessage(PLAINTUN_LOG_LEVEL Level, DWORD64 Time, LPCWSTR Message)
{
    WCHAR Digit = (WCHAR)(L'0' + Level);
    DWORD Written;
    WriteFile(Messages, &Digit, sizeof(Digit), &Written, NULL);
    WriteFile(Messages, Message, (DWORD)lstrlenW(Message) * sizeof(WCHAR), &Written, NULL);
    WriteFile(Messages, L"\n", sizeof(WCHAR), &Written, NULL);
}

void CALLBACK PlaintunNativeW(HWND Window, HINSTANCE Rundll32, LPWSTR Command, int Show);

/* What rundll32.exe calls as PlaintunNative, with the rest of its command line. No function for programs. */
void CALLBACK PlaintunNativeW(HWND Window, HINSTANCE Rundll32, LPWSTR Command, int Show)
{
    WCHAR Path[MAX_PATH];
    BOOL Installed;
    DWORD Error = ERROR_INVALID_PARAMETER, Length = GetModuleFileNameW(LibraryModule, Path, ARRAYSIZE(Path));
    if (Length == 0 || Length == ARRAYSIZE(Path))
        ExitProcess(ERROR_BUFFER_OVERFLOW);
    while (Path[Length - 1] != L'\\')
        --Length;
    lstrcpynW(Path + Length, MESSAGES_FILE, (int)(ARRAYSIZE(Path) - Length));
    Messages = CreateFileW(Path, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    if (Messages == INVALID_HANDLE_VALUE)
        ExitProcess(GetLastError());
    PlaintunSetLogger(KeepMessage);
    LPWSTR Argument = Command;
    while (*Argument != 0 && *Argument != L' ')
        ++Argument;
    if (*Argument != 0)
        *Argument++ = 0;
    if (CompareStringOrdinal(Command, -1, L"install", -1, FALSE) == CSTR_EQUAL)
        Error =
            InstallDriver(CompareStringOrdinal(Argument, -1, L"person", -1, FALSE) == CSTR_EQUAL ? INSTALL_FOR_PERSON
                                                                                                 : INSTALL_FOR_ADAPTER,
                          &Installed)
                ? NO_ERROR
                : GetLastError();
    else if (CompareStringOrdinal(Command, -1, L"remove", -1, FALSE) == CSTR_EQUAL)
        Error = RemoveDriver() ? NO_ERROR : GetLastError();
    else if (CompareStringOrdinal(Command, -1, L"uninstall", -1, FALSE) == CSTR_EQUAL)
        Error = UninstallDevice(Argument);
    CloseHandle(Messages);
    ExitProcess(Error);
}
