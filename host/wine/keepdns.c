/* SPDX-License-Identifier: MIT */
/*
 * The part of keep.exe that applies name servers. What the registry has of interfaces' name servers and search lists
 * (dnssettings.h) goes into the resolv.conf that host/wine/run has put over the machine's for this Windows alone: first those
 * of the interface with the lowest metric, then those that the machine had. One thread; it looks again when the registry or an
 * interface changes.
 */
#include <winsock2.h>
#include <windows.h>
#include <ws2ipdef.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <objbase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/wine/keep.h"
#include "host/wine/shared/dnssettings.h"

#define TEXT_MAX 16384

static char Original[TEXT_MAX], Last[TEXT_MAX];
static HANDLE Changed;

static BOOL ReadAll(const WCHAR *Path, char *Text)
{
    HANDLE File = CreateFileW(Path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    DWORD Length = 0;
    BOOL Done = File != INVALID_HANDLE_VALUE && ReadFile(File, Text, TEXT_MAX - 1, &Length, NULL);
    if (File != INVALID_HANDLE_VALUE)
        CloseHandle(File);
    Text[Length] = 0;
    return Done;
}

/* Over the same file: it is mounted, and cannot be replaced. */
static void WriteAll(const WCHAR *Path, const char *Text)
{
    HANDLE File =
        CreateFileW(Path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, TRUNCATE_EXISTING, 0, NULL);
    if (File == INVALID_HANDLE_VALUE)
        return;
    DWORD Length;
    WriteFile(File, Text, (DWORD)strlen(Text), &Length, NULL);
    CloseHandle(File);
}

/* Appends a line for each word of a list. */
static void AppendWords(char *Text, const char *Keyword, WCHAR *List)
{
    WCHAR *Next;
    for (WCHAR *Word = wcstok_s(List, L",; ", &Next); Word; Word = wcstok_s(NULL, L",; ", &Next))
        snprintf(Text + strlen(Text), TEXT_MAX - strlen(Text), "%s %ls\n", Keyword, Word);
}

/* What is set for one family of one interface. */
typedef struct
{
    GUID Guid;
    ADDRESS_FAMILY Family;
    ULONG64 Interface; /* its LUID; 0: it is not there at present */
    ULONG Metric;
    WCHAR Servers[DNS_SERVERS_MAX], Search[DNS_SERVERS_MAX];
} SETTING;

static SETTING *Settings;
static ULONG SettingCount;

static void AddSetting(const WCHAR *Name, ADDRESS_FAMILY Family)
{
    SETTING *New = realloc(Settings, (SettingCount + 1) * sizeof(*Settings));
    if (!New)
        return;
    Settings = New;
    New = &Settings[SettingCount];
    *New = (SETTING){.Family = Family};
    if (CLSIDFromString(Name, &New->Guid))
        return;
    DnsGetServers(&New->Guid, Family, New->Servers);
    DnsGetValue(&New->Guid, Family, L"SearchList", New->Search);
    SettingCount += *New->Servers || *New->Search;
}

/* Reads all that is set: most interfaces have nothing. */
static void ReadSettings(const HKEY Keys[2])
{
    SettingCount = 0;
    WCHAR Name[MAX_PATH];
    for (int I = 0; I < 2; I++)
        for (DWORD J = 0, Length = ARRAYSIZE(Name); !RegEnumKeyExW(Keys[I], J, Name, &Length, NULL, NULL, NULL, NULL);
             J++, Length = ARRAYSIZE(Name))
            AddSetting(Name, I ? AF_INET6 : AF_INET);
}

static int InOrder(const void *A, const void *B)
{
    const SETTING *One = A, *Two = B;
    if (One->Metric != Two->Metric)
        return One->Metric < Two->Metric ? -1 : 1;
    if (One->Interface != Two->Interface)
        return One->Interface < Two->Interface ? -1 : 1;
    return One->Family == AF_INET ? -1 : 1;
}

/* Asks of the interfaces for which something is set, and of no others: whatever comes and goes beside them costs nothing. */
static void Apply(const WCHAR *Path)
{
    static char Text[TEXT_MAX];
    *Text = 0;
    for (ULONG I = 0; I < SettingCount; I++)
    {
        MIB_IPINTERFACE_ROW Row;
        InitializeIpInterfaceEntry(&Row);
        Row.Family = AF_INET;
        if (ConvertInterfaceGuidToLuid(&Settings[I].Guid, &Row.InterfaceLuid))
            Row.InterfaceLuid.Value = 0;
        Settings[I].Interface = Row.InterfaceLuid.Value;
        Settings[I].Metric = !Settings[I].Interface || GetIpInterfaceEntry(&Row) ? MAXLONG : Row.Metric;
    }
    qsort(Settings, SettingCount, sizeof(*Settings), InOrder);
    for (ULONG I = 0; I < SettingCount; I++)
        if (Settings[I].Interface)
        {
            AppendWords(Text, "nameserver", Settings[I].Servers);
            AppendWords(Text, "search", Settings[I].Search);
        }
    snprintf(Text + strlen(Text), sizeof(Text) - strlen(Text), "%s", Original);
    if (strcmp(Text, Last))
        WriteAll(Path, Text);
    strcpy(Last, Text);
}

static VOID WINAPI OnInterface(VOID *Context, MIB_IPINTERFACE_ROW *Row, MIB_NOTIFICATION_TYPE Type)
{
    SetEvent(Changed);
}

static HKEY Watched(const WCHAR *Name)
{
    HKEY Key = NULL;
    RegCreateKeyExW(HKEY_LOCAL_MACHINE, Name, 0, NULL, 0, KEY_NOTIFY | KEY_ENUMERATE_SUB_KEYS, NULL, &Key, NULL);
    return Key;
}

static DWORD WINAPI Run(VOID *Context)
{
    static const WCHAR *const Names[] = {L"System\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces",
                                         L"System\\CurrentControlSet\\Services\\Tcpip6\\Parameters\\Interfaces"};
    WCHAR Path[MAX_PATH];
    DWORD Length = GetEnvironmentVariableW(L"HOST_RESOLV_CONF", Path, ARRAYSIZE(Path));
    HKEY Keys[2] = {Watched(Names[0]), Watched(Names[1])};
    /* An event for each key: Wine resets it when it is asked to tell of a key again, and with it what another key had to tell. */
    HANDLE Events[3] = {CreateEventW(NULL, FALSE, TRUE, NULL), CreateEventW(NULL, FALSE, TRUE, NULL), Changed};
    if (!Length || Length >= ARRAYSIZE(Path) || !Keys[0] || !Keys[1] || !Events[0] || !Events[1] ||
        !ReadAll(Path, Original))
        return 0;
    strcpy(Last, Original);
    HANDLE Interfaces;
    NotifyIpInterfaceChange(AF_UNSPEC, OnInterface, NULL, FALSE, &Interfaces);
    for (;;)
    {
        DWORD Which = WaitForMultipleObjects(3, Events, FALSE, INFINITE);
        if (Which < 2)
        {
            RegNotifyChangeKeyValue(Keys[Which], TRUE, REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET,
                                    Events[Which], TRUE);
            ReadSettings(Keys);
        }
        Apply(Path);
    }
}

void ApplyNameServers(void)
{
    Changed = CreateEventW(NULL, FALSE, FALSE, NULL);
    CloseHandle(CreateThread(NULL, 0, Run, NULL, 0, NULL));
}
