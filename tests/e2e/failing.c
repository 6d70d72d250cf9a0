/* SPDX-License-Identifier: MIT */
/*
 * What a program hears when Windows fails: sets failures of the host (host/wine/shared/failures.h), creates an adapter, takes
 * the failures away and creates it again. Prints the library's log and a line for each attempt.
 * With the name "delete" it is not an adapter that is created, but the driver that is removed; with "install" the driver is
 * installed, with "remove" a left-over adapter removed, with "info" the driver asked about.
 *   failing.exe NAME NUMBER TIMEOUT_MS [uninstall] [user] [unnamed] [disable:SERVICE] [FAILURE=VALUE ...]
 * "uninstall": the driver is removed first; "user": at first it is not an administrator who asks; "disable": at first there
 * is a service of that name, and disabled; "unnamed": the program wants no particular GUID; NUMBER makes the GUID.
 */
#include "include/plaintun.h"
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

static void CALLBACK Log(PLAINTUN_LOG_LEVEL Level, DWORD64 Time, LPCWSTR Message)
{
    printf("log %d: %ls\n", Level, Message);
    fflush(stdout);
}

/* This thread is a user of this process, but no administrator, as long as that is on. */
static void BeAdministrator(BOOL On)
{
    BYTE Sid[SECURITY_MAX_SID_SIZE];
    DWORD Size = sizeof(Sid);
    SID_AND_ATTRIBUTES Disabled = {.Sid = Sid};
    if (On)
    {
        RevertToSelf();
        return;
    }
    HANDLE Process, Restricted, Token;
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, Sid, &Size) ||
        !OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &Process) ||
        !CreateRestrictedToken(Process, DISABLE_MAX_PRIVILEGE, 1, &Disabled, 0, NULL, 0, NULL, &Restricted) ||
        !DuplicateToken(Restricted, SecurityImpersonation, &Token) || !SetThreadToken(NULL, Token))
        exit(5);
    CloseHandle(Token);
    CloseHandle(Restricted);
    CloseHandle(Process);
}

static void Attempt(const char *Which, const PLAINTUN_ADAPTER_CONFIG *Config)
{
    ULONGLONG Begin = GetTickCount64();
    PLAINTUN_ADAPTER_HANDLE Adapter = NULL;
    PLAINTUN_DRIVER_INFO Info = {0};
    BOOL Done;
    if (wcscmp(Config->Name, L"delete") == 0)
        Done = PlaintunDeleteDriver();
    else if (wcscmp(Config->Name, L"install") == 0)
        Done = PlaintunInstallDriver();
    else if (wcscmp(Config->Name, L"remove") == 0)
        Done = PlaintunRemoveAdapter(Config->Guid);
    else if (wcscmp(Config->Name, L"info") == 0)
        Done = PlaintunGetDriverInfo(&Info);
    else
        Done = (Adapter = PlaintunCreateAdapter(Config)) != NULL;
    DWORD Error = GetLastError();
    printf("%s: error %lu after %llu ms\n", Which, Done ? NO_ERROR : Error, GetTickCount64() - Begin);
    PLAINTUN_ADAPTER_INFO List[64];
    DWORD Listed = PlaintunListAdapters(List, ARRAYSIZE(List)), Known = 0;
    for (DWORD i = 0; i < Listed && i < ARRAYSIZE(List); i++)
        Known += Config->Guid != NULL && IsEqualGUID(&List[i].Guid, Config->Guid);
    printf("%s: known %lu\n", Which, Known);
    PlaintunGetDriverInfo(&Info);
    printf("restart %d, installed %d, adapters %lu\n", Done && Error == ERROR_SUCCESS_REBOOT_REQUIRED,
           Info.InstalledVersion == Info.LibraryVersion, PlaintunListAdapters(NULL, 0));
    fflush(stdout);
    PlaintunCloseAdapter(Adapter);
}

/* The entry of a service that Wine has not. */
static BOOL Disable(LPCWSTR Name)
{
    SC_HANDLE Manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CREATE_SERVICE);
    SC_HANDLE Service =
        CreateServiceW(Manager, Name, NULL, SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS, SERVICE_DISABLED,
                       SERVICE_ERROR_NORMAL, L"C:\\none.exe", NULL, NULL, NULL, NULL, NULL);
    if (Service)
        CloseServiceHandle(Service);
    CloseServiceHandle(Manager);
    return Service != NULL;
}

static void Enable(LPCWSTR Name)
{
    SC_HANDLE Manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE Service = OpenServiceW(Manager, Name, DELETE);
    if (!Service || !DeleteService(Service))
        printf("the service cannot be deleted: %lu\n", GetLastError());
    CloseServiceHandle(Service);
    CloseServiceHandle(Manager);
}

int wmain(int Count, wchar_t **Arguments)
{
    LPCWSTR Disabled = NULL;
    PLAINTUN_ADAPTER_CONFIG Config = {.Size = sizeof(Config)};
    GUID Guid = {0x7b1f2c00, 0x5d1e, 0x4a63, {0x9c}};
    if (Count < 4)
        return 2;
    Guid.Data4[7] = (BYTE)wcstoul(Arguments[2], NULL, 10);
    Config.Name = Arguments[1];
    Config.Guid = &Guid;
    Config.TimeoutMs = wcstoul(Arguments[3], NULL, 10);
    PlaintunSetLogger(Log);
    HKEY Failures;
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, L"Software\\HostFailures", 0, NULL, 0, KEY_ALL_ACCESS | KEY_WOW64_64KEY,
                        NULL, &Failures, NULL))
        return 4;
    if (wcscmp(Config.Name, L"remove") == 0)
        PlaintunCloseAdapter(PlaintunCreateAdapter(&Config));
    for (int i = 4; i < Count; i++)
    {
        wchar_t *Sign = wcschr(Arguments[i], L'=');
        if (wcsncmp(Arguments[i], L"disable:", 8) == 0)
        {
            Disabled = Arguments[i] + 8;
            if (!Disable(Disabled))
                return 6;
            continue;
        }
        if (wcscmp(Arguments[i], L"unnamed") == 0)
        {
            Config.Guid = NULL;
            continue;
        }
        if (wcscmp(Arguments[i], L"user") == 0)
        {
            BeAdministrator(FALSE);
            continue;
        }
        if (!Sign)
        {
            if (!PlaintunDeleteDriver())
                return 3;
            continue;
        }
        DWORD Value = wcstoul(Sign + 1, NULL, 0);
        *Sign = 0;
        if (RegSetKeyValueW(Failures, NULL, Arguments[i], REG_DWORD, &Value, sizeof(Value)))
            return 4;
    }
    Attempt("failing", &Config);
    BeAdministrator(TRUE);
    RegDeleteTreeW(Failures, NULL);
    if (Disabled)
        Enable(Disabled);
    Config.TimeoutMs = 0;
    Attempt("again", &Config);
    return 0;
}
