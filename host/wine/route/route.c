/* SPDX-License-Identifier: MIT */
/*
 * route.exe, which Wine 8 to 10 lack: "route" (Windows Commands), over IP Helper's functions. The exit code is 0 or 1.
 *
 *   route [-f] [-p] [-4 | -6] print | add | change | delete [DESTINATION [mask MASK] [GATEWAY] [metric N] [if INDEX]]
 *
 * -p changes nothing: no route outlives its Windows here, but in the kept registry. DESTINATION may have /LENGTH.
 */
#include <winsock2.h>
#include <windows.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

static int Fail(const WCHAR *What, const WCHAR *Text)
{
    wprintf(L"%ls%ls\n", What, Text);
    return 1;
}

static int Done(const WCHAR *Verb, DWORD Error)
{
    WCHAR Text[512] = L"";
    if (Error == ERROR_SUCCESS)
    {
        wprintf(L" OK!\n");
        return 0;
    }
    FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, Error, 0, Text, ARRAYSIZE(Text),
                   NULL);
    wprintf(L"The route %ls failed: error %lu: %ls\n", Verb, Error, Text);
    return 1;
}

static VOID *Bytes(SOCKADDR_INET *Address)
{
    return Address->si_family == AF_INET ? (VOID *)&Address->Ipv4.sin_addr : (VOID *)&Address->Ipv6.sin6_addr;
}

/* An address; its family is the text's. */
static BOOL ReadAddress(const WCHAR *Text, SOCKADDR_INET *Address)
{
    ZeroMemory(Address, sizeof(*Address));
    Address->si_family = wcschr(Text, L':') ? AF_INET6 : AF_INET;
    return InetPtonW(Address->si_family, Text, Bytes(Address)) == 1;
}

static BOOL ReadPrefix(const WCHAR *Text, IP_ADDRESS_PREFIX *Prefix)
{
    if (!_wcsicmp(Text, L"default"))
        Text = L"0.0.0.0/0";
    WCHAR Copy[80];
    if (wcslen(Text) >= ARRAYSIZE(Copy))
        return FALSE;
    wcscpy(Copy, Text);
    WCHAR *Slash = wcschr(Copy, L'/');
    if (Slash)
        *Slash = 0;
    if (!ReadAddress(Copy, &Prefix->Prefix))
        return FALSE;
    ULONG Most = Prefix->Prefix.si_family == AF_INET ? 32 : 128, Length = Most;
    WCHAR *End;
    if (Slash)
    {
        Length = wcstoul(Slash + 1, &End, 10);
        if (*End || Length > Most)
            return FALSE;
    }
    else if (Most == 32 && !Prefix->Prefix.Ipv4.sin_addr.s_addr)
        Length = 0;
    Prefix->PrefixLength = (UCHAR)Length;
    return TRUE;
}

static BOOL ReadMask(const WCHAR *Text, UCHAR *Length)
{
    SOCKADDR_INET Mask;
    if (!ReadAddress(Text, &Mask) || Mask.si_family != AF_INET)
        return FALSE;
    ULONG Bits = ntohl(Mask.Ipv4.sin_addr.s_addr);
    if (Bits & (~Bits >> 1))
        return FALSE;
    for (*Length = 0; Bits; Bits <<= 1)
        ++*Length;
    return TRUE;
}

/* The interface behind which the gateway lies. */
static DWORD FindInterface(MIB_IPFORWARD_ROW2 *Row)
{
    MIB_IPFORWARD_ROW2 Best;
    SOCKADDR_INET Source;
    DWORD Error = GetBestRoute2(NULL, 0, NULL, &Row->NextHop, 0, &Best, &Source);
    Row->InterfaceLuid = Best.InterfaceLuid;
    return Error;
}

static int Print(ADDRESS_FAMILY Family)
{
    MIB_IPFORWARD_TABLE2 *Table;
    DWORD Error = GetIpForwardTable2(Family, &Table);
    if (Error)
        return Done(L"print", Error);
    wprintf(L"%-44ls %-40ls %9ls %9ls\n", L"Network Destination", L"Gateway", L"Interface", L"Metric");
    for (ULONG I = 0; I < Table->NumEntries; I++)
    {
        MIB_IPFORWARD_ROW2 *Row = &Table->Table[I];
        MIB_IPINTERFACE_ROW Interface;
        InitializeIpInterfaceEntry(&Interface);
        Interface.Family = Row->DestinationPrefix.Prefix.si_family;
        Interface.InterfaceLuid = Row->InterfaceLuid;
        ULONG Metric = GetIpInterfaceEntry(&Interface) ? 0 : Interface.Metric;
        WCHAR Text[64];
        InetNtopW(Row->DestinationPrefix.Prefix.si_family, Bytes(&Row->DestinationPrefix.Prefix), Text,
                  ARRAYSIZE(Text));
        WCHAR Prefix[64];
        swprintf(Prefix, ARRAYSIZE(Prefix), L"%ls/%u", Text, Row->DestinationPrefix.PrefixLength);
        WCHAR Gateway[64];
        InetNtopW(Row->NextHop.si_family, Bytes(&Row->NextHop), Gateway, ARRAYSIZE(Gateway));
        BOOL OnLink = !wcscmp(Gateway, L"0.0.0.0") || !wcscmp(Gateway, L"::");
        wprintf(L"%-44ls %-40ls %9lu %9lu\n", Prefix, OnLink ? L"On-link" : Gateway, Row->InterfaceIndex,
                Row->Metric + Metric);
    }
    FreeMibTable(Table);
    return 0;
}

int wmain(int Count, WCHAR **Arguments)
{
    WSADATA Data;
    WSAStartup(MAKEWORD(2, 2), &Data);
    ADDRESS_FAMILY Family = AF_UNSPEC;
    int I = 1;
    for (; I < Count && Arguments[I][0] == L'-'; I++)
        if (Arguments[I][1] == L'4')
            Family = AF_INET;
        else if (Arguments[I][1] == L'6')
            Family = AF_INET6;
        else if (_wcsicmp(Arguments[I], L"-p"))
            return Fail(L"route.exe: this Windows does not have (docs/host.md): ", Arguments[I]);
    const WCHAR *Verb = I < Count ? _wcslwr(Arguments[I++]) : L"";
    if (!wcscmp(Verb, L"print"))
        return Print(Family);
    if ((wcscmp(Verb, L"add") && wcscmp(Verb, L"change") && wcscmp(Verb, L"delete")) || I >= Count)
        return Fail(
            L"route.exe: ROUTE [-p] [-4|-6] print|add|change|delete DESTINATION [mask MASK] GATEWAY [metric N] [if N]",
            L"");

    MIB_IPFORWARD_ROW2 Row;
    InitializeIpForwardEntry(&Row);
    if (!ReadPrefix(Arguments[I], &Row.DestinationPrefix))
        return Fail(L"route: bad destination address ", Arguments[I]);
    Row.NextHop.si_family = Row.DestinationPrefix.Prefix.si_family;
    Row.Metric = 0;
    BOOL HasGateway = FALSE;
    for (I++; I < Count; I++)
    {
        if (I + 1 < Count && !_wcsicmp(Arguments[I], L"mask"))
        {
            if (!ReadMask(Arguments[++I], &Row.DestinationPrefix.PrefixLength))
                return Fail(L"route: bad mask ", Arguments[I]);
        }
        else if (I + 1 < Count && !_wcsicmp(Arguments[I], L"metric"))
            Row.Metric = wcstoul(Arguments[++I], NULL, 10);
        else if (I + 1 < Count && !_wcsicmp(Arguments[I], L"if"))
            Row.InterfaceIndex = wcstoul(Arguments[++I], NULL, 0);
        else if (!HasGateway && ReadAddress(Arguments[I], &Row.NextHop) &&
                 Row.NextHop.si_family == Row.DestinationPrefix.Prefix.si_family)
            HasGateway = TRUE;
        else
            return Fail(L"route: bad argument ", Arguments[I]);
    }
    DWORD Error = ERROR_SUCCESS;
    if (!wcscmp(Verb, L"delete"))
    {
        /* without gateway and interface: each route to the destination */
        MIB_IPFORWARD_TABLE2 *Table;
        Error = GetIpForwardTable2(Row.DestinationPrefix.Prefix.si_family, &Table);
        if (Error)
            return Done(L"deletion", Error);
        BOOL Found = FALSE;
        for (ULONG J = 0; J < Table->NumEntries && !Error; J++)
        {
            MIB_IPFORWARD_ROW2 *Other = &Table->Table[J];
            if (Other->DestinationPrefix.PrefixLength != Row.DestinationPrefix.PrefixLength ||
                memcmp(Bytes(&Other->DestinationPrefix.Prefix), Bytes(&Row.DestinationPrefix.Prefix),
                       Row.DestinationPrefix.Prefix.si_family == AF_INET ? 4 : 16) ||
                (Row.InterfaceIndex && Row.InterfaceIndex != Other->InterfaceIndex) ||
                (HasGateway &&
                 memcmp(Bytes(&Other->NextHop), Bytes(&Row.NextHop), Row.NextHop.si_family == AF_INET ? 4 : 16)))
                continue;
            Found = TRUE;
            Error = DeleteIpForwardEntry2(Other);
        }
        FreeMibTable(Table);
        return Done(L"deletion", Error ? Error : Found ? ERROR_SUCCESS : ERROR_NOT_FOUND);
    }
    if (!HasGateway && !Row.InterfaceIndex)
        return Fail(L"route: a gateway or an interface is needed", L"");
    if (!Row.InterfaceIndex)
        Error = FindInterface(&Row);
    if (!Error)
        Error = !wcscmp(Verb, L"add") ? CreateIpForwardEntry2(&Row) : SetIpForwardEntry2(&Row);
    return Done(!wcscmp(Verb, L"add") ? L"addition" : L"change", Error);
}
