/* SPDX-License-Identifier: MIT */
/*
 * An interface's DNS settings: SetInterfaceDnsSettings, GetInterfaceDnsSettings, FreeInterfaceDnsSettings ("netioapi.h").
 * They are kept where Windows keeps them, in the registry's Tcpip and Tcpip6 (dnssettings.h), and name servers and search
 * lists are applied from there, whoever wrote them, by keep.exe. The rest is kept and read back. Any thread.
 */
#include "host/wine/iphlpapi/iphelper.h"
#include "host/wine/shared/dnssettings.h"

#include <mstcpip.h>

/* mingw-w64 lacks it. "RtlIpv6StringToAddressW function (ip2string.h)" */
LONG NTAPI RtlIpv6StringToAddressW(PCWSTR Text, PWSTR *End, IN6_ADDR *Address);

/* "DNS_INTERFACE_SETTINGS structure (netioapi.h)", and version 3 of it ("DNS_INTERFACE_SETTINGS3"). */
typedef struct _HOST_DNS_SETTINGS
{
    ULONG Version;
    ULONG64 Flags;
    WCHAR *Domain, *NameServer, *SearchList;
    ULONG RegistrationEnabled, RegisterAdapterName, EnableLLMNR, QueryAdapterName;
    WCHAR *ProfileNameServer;
    ULONG DisableUnconstrainedQueries; /* from here on: version 3 */
    WCHAR *SupplementalSearchList;
    ULONG ServerProperties;
    VOID *Servers;
    ULONG ProfileServerProperties;
    VOID *ProfileServers;
} HOST_DNS_SETTINGS;

#define SETTINGS_IPV6        0x0001
#define SETTINGS_NAMESERVER  0x0002
#define SETTINGS_VERSIONS(v) ((v) == 1 || (v) == 3)

/* What is text in the registry, and what is a number: with its flag, and where it stands. */
static const struct
{
    ULONG Flag, Version;
    const WCHAR *Value;
    LONG Offset;
    BOOL IsText;
} Settings[] = {
    {0x0002, 1, L"NameServer", FIELD_OFFSET(HOST_DNS_SETTINGS, NameServer), TRUE},
    {0x0004, 1, L"SearchList", FIELD_OFFSET(HOST_DNS_SETTINGS, SearchList), TRUE},
    {0x0008, 1, L"RegistrationEnabled", FIELD_OFFSET(HOST_DNS_SETTINGS, RegistrationEnabled), FALSE},
    {0x0010, 1, L"RegisterAdapterName", FIELD_OFFSET(HOST_DNS_SETTINGS, RegisterAdapterName), FALSE},
    {0x0020, 1, L"Domain", FIELD_OFFSET(HOST_DNS_SETTINGS, Domain), TRUE},
    {0x0080, 1, L"EnableMulticast", FIELD_OFFSET(HOST_DNS_SETTINGS, EnableLLMNR), FALSE},
    {0x0100, 1, L"QueryAdapterName", FIELD_OFFSET(HOST_DNS_SETTINGS, QueryAdapterName), FALSE},
    {0x0200, 1, L"ProfileNameServer", FIELD_OFFSET(HOST_DNS_SETTINGS, ProfileNameServer), TRUE},
    {0x0400, 3, L"DisableUnconstrainedQueries", FIELD_OFFSET(HOST_DNS_SETTINGS, DisableUnconstrainedQueries), FALSE},
    {0x0800, 3, L"SupplementalSearchList", FIELD_OFFSET(HOST_DNS_SETTINGS, SupplementalSearchList), TRUE},
};

#define SETTINGS_KNOWN 0x0fbf /* these, and the family */

DWORD WINAPI SetInterfaceDnsSettings(GUID Interface, const HOST_DNS_SETTINGS *Given);
DWORD WINAPI GetInterfaceDnsSettings(GUID Interface, HOST_DNS_SETTINGS *Given);
VOID WINAPI FreeInterfaceDnsSettings(HOST_DNS_SETTINGS *Given);

static ADDRESS_FAMILY FamilyOf(const HOST_DNS_SETTINGS *Given)
{
    return Given->Flags & SETTINGS_IPV6 ? AF_INET6 : AF_INET;
}

static DWORD CheckInterface(const GUID *Interface)
{
    NET_LUID Luid;
    return ConvertInterfaceGuidToLuid(Interface, &Luid) ? ERROR_FILE_NOT_FOUND : ERROR_SUCCESS;
}

/* A list of addresses of the family, commas or spaces between them. */
static BOOL AreAddresses(ADDRESS_FAMILY Family, const WCHAR *Text)
{
    while (*Text)
    {
        size_t Length = wcscspn(Text, L",; ");
        WCHAR One[64];
        if (Length >= ARRAYSIZE(One))
            return FALSE;
        memcpy(One, Text, Length * sizeof(WCHAR));
        One[Length] = 0;
        WCHAR *End;
        BYTE Address[sizeof(IN6_ADDR)];
        if (Length && (Family == AF_INET ? RtlIpv4StringToAddressW(One, TRUE, &End, (IN_ADDR *)Address)
                                         : RtlIpv6StringToAddressW(One, &End, (IN6_ADDR *)Address)))
            return FALSE;
        if (Length && *End && *End != L'%')
            return FALSE;
        Text += Length + (Text[Length] != 0);
    }
    return TRUE;
}

/* ERROR_INVALID_PARAMETER: a version or flag that is not known, or a name server that is no address of the family.
 * ERROR_FILE_NOT_FOUND: there is no such interface. */
DWORD WINAPI SetInterfaceDnsSettings(GUID Interface, const HOST_DNS_SETTINGS *Given)
{
    if (!Given || !SETTINGS_VERSIONS(Given->Version) || (Given->Flags & ~(ULONG64)SETTINGS_KNOWN))
        return ERROR_INVALID_PARAMETER;
    ADDRESS_FAMILY Family = FamilyOf(Given);
    if ((Given->Flags & SETTINGS_NAMESERVER) && Given->NameServer && !AreAddresses(Family, Given->NameServer))
        return ERROR_INVALID_PARAMETER;
    DWORD Error = CheckInterface(&Interface);
    for (ULONG I = 0; I < ARRAYSIZE(Settings) && !Error; I++)
    {
        const VOID *Place = (const BYTE *)Given + Settings[I].Offset;
        if (!(Given->Flags & Settings[I].Flag) || Given->Version < Settings[I].Version)
            continue;
        WCHAR Number[16];
        const WCHAR *Text = Settings[I].IsText ? *(WCHAR *const *)Place : _ultow(*(const ULONG *)Place, Number, 10);
        if (Text && wcslen(Text) >= DNS_SERVERS_MAX)
            Error = ERROR_INVALID_PARAMETER;
        else
            Error = DnsSetValue(&Interface, Family, Settings[I].Value, Text ? Text : L"");
    }
    return Error;
}

/* Version and, for IPv6, the flag are the caller's; the strings are for FreeInterfaceDnsSettings. */
DWORD WINAPI GetInterfaceDnsSettings(GUID Interface, HOST_DNS_SETTINGS *Given)
{
    if (!Given || !SETTINGS_VERSIONS(Given->Version))
        return ERROR_INVALID_PARAMETER;
    DWORD Error = CheckInterface(&Interface);
    if (Error)
        return Error;
    ADDRESS_FAMILY Family = FamilyOf(Given);
    ULONG64 Flags = Given->Flags & SETTINGS_IPV6;
    for (ULONG I = 0; I < ARRAYSIZE(Settings); I++)
    {
        VOID *Place = (BYTE *)Given + Settings[I].Offset;
        if (Given->Version < Settings[I].Version)
            continue;
        WCHAR Text[DNS_SERVERS_MAX];
        DnsGetValue(&Interface, Family, Settings[I].Value, Text);
        if (!Settings[I].IsText)
            *(ULONG *)Place = wcstoul(Text, NULL, 10);
        else
        {
            SIZE_T Length = (wcslen(Text) + 1) * sizeof(WCHAR);
            WCHAR *Copy = *Text ? HeapAlloc(GetProcessHeap(), 0, Length) : NULL;
            if (Copy)
                memcpy(Copy, Text, Length);
            *(WCHAR **)Place = Copy;
        }
        if (*Text)
            Flags |= Settings[I].Flag;
    }
    if (Given->Version >= 3)
    {
        Given->ServerProperties = Given->ProfileServerProperties = 0;
        Given->Servers = Given->ProfileServers = NULL;
    }
    Given->Flags = Flags;
    return ERROR_SUCCESS;
}

VOID WINAPI FreeInterfaceDnsSettings(HOST_DNS_SETTINGS *Given)
{
    for (ULONG I = 0; Given && I < ARRAYSIZE(Settings); I++)
    {
        VOID **Place = (VOID **)((BYTE *)Given + Settings[I].Offset);
        if (!Settings[I].IsText || Given->Version < Settings[I].Version)
            continue;
        HeapFree(GetProcessHeap(), 0, *Place);
        *Place = NULL;
    }
}
