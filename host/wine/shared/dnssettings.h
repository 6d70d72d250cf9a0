/* SPDX-License-Identifier: MIT */
/*
 * An interface's name servers: where Windows keeps them, as text, comma between them, in the value NameServer of
 * Tcpip\Parameters\Interfaces\{GUID}, and of Tcpip6 for IPv6. keep.exe has them applied when they change. Any thread.
 */
#ifndef HOST_WINE_DNSSETTINGS_H
#define HOST_WINE_DNSSETTINGS_H

#include <winsock2.h>
#include <windows.h>
#include <wchar.h>

#define DNS_SERVERS_MAX 1024 /* UTF-16 units */

static inline void DnsKeyName(const GUID *Guid, ADDRESS_FAMILY Family, WCHAR *Name, size_t Length)
{
    swprintf(Name, Length,
             L"System\\CurrentControlSet\\Services\\%ls\\Parameters\\Interfaces\\"
             L"{%08lX-%04hX-%04hX-%02hX%02hX-%02hX%02hX%02hX%02hX%02hX%02hX}",
             Family == AF_INET ? L"Tcpip" : L"Tcpip6", Guid->Data1, Guid->Data2, Guid->Data3, Guid->Data4[0],
             Guid->Data4[1], Guid->Data4[2], Guid->Data4[3], Guid->Data4[4], Guid->Data4[5], Guid->Data4[6],
             Guid->Data4[7]);
}

/* A value of the interface's key; empty where there is none. */
static inline void DnsGetValue(const GUID *Guid, ADDRESS_FAMILY Family, const WCHAR *Value, WCHAR Text[DNS_SERVERS_MAX])
{
    DWORD Length = DNS_SERVERS_MAX * sizeof(WCHAR);
    WCHAR Name[160];
    DnsKeyName(Guid, Family, Name, ARRAYSIZE(Name));
    if (RegGetValueW(HKEY_LOCAL_MACHINE, Name, Value, RRF_RT_REG_SZ, NULL, Text, &Length))
        *Text = 0;
}

static inline DWORD DnsSetValue(const GUID *Guid, ADDRESS_FAMILY Family, const WCHAR *Value, const WCHAR *Text)
{
    WCHAR Name[160];
    DnsKeyName(Guid, Family, Name, ARRAYSIZE(Name));
    return (DWORD)RegSetKeyValueW(HKEY_LOCAL_MACHINE, Name, Value, REG_SZ, Text,
                                  (DWORD)(wcslen(Text) + 1) * sizeof(WCHAR));
}

static inline void DnsGetServers(const GUID *Guid, ADDRESS_FAMILY Family, WCHAR Text[DNS_SERVERS_MAX])
{
    DnsGetValue(Guid, Family, L"NameServer", Text);
}

static inline DWORD DnsSetServers(const GUID *Guid, ADDRESS_FAMILY Family, const WCHAR *Text)
{
    return DnsSetValue(Guid, Family, L"NameServer", Text);
}

#endif
