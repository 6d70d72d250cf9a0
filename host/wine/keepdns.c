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
#include <stdio.h>
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

static ULONG MetricOf(NET_LUID Luid)
{
    MIB_IPINTERFACE_ROW Row;
    InitializeIpInterfaceEntry(&Row);
    Row.Family = AF_INET;
    Row.InterfaceLuid = Luid;
    return GetIpInterfaceEntry(&Row) ? MAXLONG : Row.Metric;
}

static void Apply(const WCHAR *Path)
{
    static char Text[TEXT_MAX];
    *Text = 0;
    MIB_IF_TABLE2 *Table;
    if (GetIfTable2(&Table))
        return;
    for (ULONG Turn = 0; Turn < Table->NumEntries; Turn++)
    {
        /* the one with the lowest metric of those that are left */
        MIB_IF_ROW2 *Best = NULL;
        ULONG BestMetric = 0;
        for (ULONG I = 0; I < Table->NumEntries; I++)
        {
            ULONG Metric = Table->Table[I].Type ? MetricOf(Table->Table[I].InterfaceLuid) : 0;
            if (Table->Table[I].Type && (!Best || Metric < BestMetric))
            {
                Best = &Table->Table[I];
                BestMetric = Metric;
            }
        }
        if (!Best)
            break;
        Best->Type = 0;
        for (int I = 0; I < 2; I++)
        {
            WCHAR List[DNS_SERVERS_MAX];
            DnsGetServers(&Best->InterfaceGuid, I ? AF_INET6 : AF_INET, List);
            AppendWords(Text, "nameserver", List);
            DnsGetValue(&Best->InterfaceGuid, I ? AF_INET6 : AF_INET, L"SearchList", List);
            AppendWords(Text, "search", List);
        }
    }
    FreeMibTable(Table);
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
    RegCreateKeyExW(HKEY_LOCAL_MACHINE, Name, 0, NULL, 0, KEY_NOTIFY, NULL, &Key, NULL);
    return Key;
}

static DWORD WINAPI Run(VOID *Context)
{
    static const WCHAR *const Names[] = {L"System\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces",
                                         L"System\\CurrentControlSet\\Services\\Tcpip6\\Parameters\\Interfaces"};
    WCHAR Path[MAX_PATH];
    DWORD Length = GetEnvironmentVariableW(L"HOST_RESOLV_CONF", Path, ARRAYSIZE(Path));
    HKEY Keys[2] = {Watched(Names[0]), Watched(Names[1])};
    if (!Length || Length >= ARRAYSIZE(Path) || !Keys[0] || !Keys[1] || !ReadAll(Path, Original))
        return 0;
    strcpy(Last, Original);
    HANDLE Interfaces;
    NotifyIpInterfaceChange(AF_UNSPEC, OnInterface, NULL, FALSE, &Interfaces);
    for (;;)
    {
        for (int I = 0; I < 2; I++)
            RegNotifyChangeKeyValue(Keys[I], TRUE, REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET, Changed, TRUE);
        Apply(Path);
        WaitForSingleObject(Changed, INFINITE);
    }
}

void ApplyNameServers(void)
{
    Changed = CreateEventW(NULL, FALSE, FALSE, NULL);
    CloseHandle(CreateThread(NULL, 0, Run, NULL, 0, NULL));
}
