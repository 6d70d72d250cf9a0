/* SPDX-License-Identifier: MIT */
/*
 * netsh.exe, in the place of Wine's, which does nothing and ends with 0. Needed for Wine 8 to 10. The commands that programs
 * call for their adapter are here, over IP Helper's functions; any other fails and says so, as does a parameter that has no
 * counterpart here. "netsh interface" (Windows Commands) describes them: parameters stand in their order, or anywhere as
 * name=value. The exit code is 0 or 1.
 */
#include <winsock2.h>
#include <windows.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "host/wine/shared/dnssettings.h"

#define PARAMETERS_MAX 24

/* Names: the command's parameters in their order; Values: those that were given. */
typedef struct _CALL
{
    ADDRESS_FAMILY Family;
    const WCHAR *Verb; /* add, set or delete */
    WCHAR Names[PARAMETERS_MAX][32];
    const WCHAR *Values[PARAMETERS_MAX];
} CALL;

static const WCHAR BadSyntax[] = L"The syntax supplied for this command is not valid.";

static int Fail(const WCHAR *Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    vfwprintf(stdout, Format, Arguments); /* netsh's own messages are part of its output */
    va_end(Arguments);
    wprintf(L"\n");
    return 1;
}

static int Done(DWORD Error)
{
    WCHAR Text[512] = L"";
    if (Error == ERROR_SUCCESS)
        return 0;
    FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, Error, 0, Text, ARRAYSIZE(Text),
                   NULL);
    return Fail(L"error %lu: %ls", Error, Text);
}

static const WCHAR *Value(const CALL *Call, const WCHAR *Name)
{
    for (int I = 0; I < PARAMETERS_MAX; I++)
        if (!wcscmp(Call->Names[I], Name))
            return Call->Values[I];
    return NULL;
}

static BOOL IsTrue(const WCHAR *Text, const WCHAR *Word)
{
    return Text && !_wcsicmp(Text, Word);
}

/* --- values --------------------------------------------------------------------------------------------------------- */

/* A parameter that is a number; left alone where it is not given. FALSE, and said: it is none. */
static BOOL ReadNumber(const CALL *Call, const WCHAR *Name, ULONG *Number)
{
    const WCHAR *Text = Value(Call, Name);
    if (!Text)
        return TRUE;
    WCHAR *End;
    ULONG Read = IsTrue(Text, L"infinite") ? (End = L"", INFINITE) : wcstoul(Text, &End, 10);
    if (!*Text || *End)
        return !Fail(L"%ls=%ls is no number.", Name, Text);
    *Number = Read;
    return TRUE;
}

/* An interface by its name or index. */
static BOOL FindInterface(const WCHAR *Name, NET_LUID *Luid)
{
    if (!Name)
        return FALSE;
    WCHAR *End;
    ULONG Index = wcstoul(Name, &End, 10);
    if (End != Name && !*End && !ConvertInterfaceIndexToLuid(Index, Luid))
        return TRUE;
    return !ConvertInterfaceAliasToLuid(Name, Luid);
}

/* An address, with or without /LENGTH. */
static BOOL ReadAddress(ADDRESS_FAMILY Family, const WCHAR *Text, SOCKADDR_INET *Address, UCHAR *Length)
{
    WCHAR Copy[80];
    if (!Text || wcslen(Text) >= ARRAYSIZE(Copy))
        return FALSE;
    wcscpy(Copy, Text);
    WCHAR *Slash = wcschr(Copy, L'/');
    ULONG Most = Family == AF_INET ? 32 : 128, Given = Most;
    if (Slash)
    {
        *Slash = 0;
        WCHAR *End;
        Given = wcstoul(Slash + 1, &End, 10);
        if (End == Slash + 1 || *End || Given > Most)
            return FALSE;
    }
    *Length = (UCHAR)Given;
    ZeroMemory(Address, sizeof(*Address));
    Address->si_family = Family;
    VOID *Bytes = Family == AF_INET ? (VOID *)&Address->Ipv4.sin_addr : (VOID *)&Address->Ipv6.sin6_addr;
    return InetPtonW(Family, Copy, Bytes) == 1;
}

/* A mask such as 255.255.255.0 as a length. */
static BOOL ReadMask(const WCHAR *Text, UCHAR *Length)
{
    SOCKADDR_INET Mask;
    UCHAR Ignored;
    if (!ReadAddress(AF_INET, Text, &Mask, &Ignored))
        return FALSE;
    ULONG Bits = ntohl(Mask.Ipv4.sin_addr.s_addr);
    if (Bits & (~Bits >> 1)) /* a one behind a zero */
        return FALSE;
    for (*Length = 0; Bits; Bits <<= 1)
        ++*Length;
    return TRUE;
}

/* --- addresses ------------------------------------------------------------------------------------------------------ */

/* The default route that an address may bring along. FALSE, and said: there is one, and it is none. */
static BOOL ReadGateway(const CALL *Call, NET_LUID Luid, MIB_IPFORWARD_ROW2 *Row)
{
    const WCHAR *Gateway = Value(Call, L"gateway");
    InitializeIpForwardEntry(Row);
    Row->InterfaceLuid = Luid;
    Row->Metric = 0;
    if (!Gateway || IsTrue(Gateway, L"none"))
        return TRUE;
    Row->DestinationPrefix.Prefix.si_family = Call->Family;
    UCHAR Length;
    if (!ReadAddress(Call->Family, Gateway, &Row->NextHop, &Length))
        return !Fail(L"%ls is no address.", Gateway);
    return ReadNumber(Call, L"gwmetric", &Row->Metric);
}

/* Takes an interface's addresses of a family off; `set address` replaces them. */
static DWORD DeleteAddresses(ADDRESS_FAMILY Family, NET_LUID Luid)
{
    MIB_UNICASTIPADDRESS_TABLE *Table;
    DWORD Error = GetUnicastIpAddressTable(Family, &Table);
    if (Error)
        return Error == ERROR_NOT_FOUND ? ERROR_SUCCESS : Error;
    for (ULONG I = 0; I < Table->NumEntries && !Error; I++)
    {
        MIB_UNICASTIPADDRESS_ROW *Row = &Table->Table[I];
        BOOL LinkLocal = Family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&Row->Address.Ipv6.sin6_addr);
        if (Row->InterfaceLuid.Value == Luid.Value && !LinkLocal)
            Error = DeleteUnicastIpAddressEntry(Row);
    }
    FreeMibTable(Table);
    return Error;
}

static int Address(const CALL *Call)
{
    MIB_UNICASTIPADDRESS_ROW Row;
    InitializeUnicastIpAddressEntry(&Row);
    if (!FindInterface(Value(Call, L"name"), &Row.InterfaceLuid))
        return Fail(L"There is no interface %ls.", Value(Call, L"name"));
    BOOL Set = !wcscmp(Call->Verb, L"set");
    const WCHAR *Text = Value(Call, L"address"), *Source = Value(Call, L"source");
    if (IsTrue(Source, L"dhcp"))
        return Fail(L"This Windows has no DHCP client.");
    if (!Text || (Source && !IsTrue(Source, L"static")))
        return Fail(BadSyntax);
    if (!ReadAddress(Call->Family, Text, &Row.Address, &Row.OnLinkPrefixLength))
        return Fail(L"%ls is no address.", Text);
    if (Call->Family == AF_INET && Value(Call, L"mask") && !ReadMask(Value(Call, L"mask"), &Row.OnLinkPrefixLength))
        return Fail(L"%ls is no mask.", Value(Call, L"mask"));
    if (Call->Family == AF_INET6 && !wcschr(Text, L'/'))
        Row.OnLinkPrefixLength = 64; /* as the page says */
    if (!wcscmp(Call->Verb, L"delete"))
        return Done(DeleteUnicastIpAddressEntry(&Row));
    MIB_IPFORWARD_ROW2 Gateway;
    if (!ReadNumber(Call, L"validlifetime", &Row.ValidLifetime) ||
        !ReadNumber(Call, L"preferredlifetime", &Row.PreferredLifetime) ||
        !ReadGateway(Call, Row.InterfaceLuid, &Gateway))
        return 1;
    Row.SkipAsSource = IsTrue(Value(Call, L"skipassource"), L"true");
    DWORD Error = Set && Call->Family == AF_INET ? DeleteAddresses(Call->Family, Row.InterfaceLuid) : ERROR_SUCCESS;
    if (!Error)
        Error = CreateUnicastIpAddressEntry(&Row);
    if (Set && Error == ERROR_OBJECT_ALREADY_EXISTS)
        Error = SetUnicastIpAddressEntry(&Row);
    if (!Error && Gateway.DestinationPrefix.Prefix.si_family)
        Error = CreateIpForwardEntry2(&Gateway);
    return Done(Error == ERROR_OBJECT_ALREADY_EXISTS && Gateway.DestinationPrefix.Prefix.si_family ? ERROR_SUCCESS
                                                                                                   : Error);
}

/* --- interfaces ----------------------------------------------------------------------------------------------------- */

static int Interface(const CALL *Call)
{
    MIB_IPINTERFACE_ROW Row;
    InitializeIpInterfaceEntry(&Row);
    Row.Family = Call->Family;
    if (!FindInterface(Value(Call, L"interface"), &Row.InterfaceLuid))
        return Fail(L"There is no interface %ls.", Value(Call, L"interface"));
    DWORD Error = GetIpInterfaceEntry(&Row);
    if (Error)
        return Done(Error);
    const WCHAR *Metric = Value(Call, L"metric"), *Forwarding = Value(Call, L"forwarding");
    Row.UseAutomaticMetric = IsTrue(Metric, L"automatic") || (!Metric && Row.UseAutomaticMetric);
    if (!ReadNumber(Call, L"mtu", &Row.NlMtu) || !ReadNumber(Call, L"dadtransmits", &Row.DadTransmits) ||
        (!Row.UseAutomaticMetric && !ReadNumber(Call, L"metric", &Row.Metric)))
        return 1;
    if (Forwarding)
        Row.ForwardingEnabled = IsTrue(Forwarding, L"enabled");
    if (Call->Family == AF_INET)
        Row.SitePrefixLength = 0; /* "SetIpInterfaceEntry function (netioapi.h)" */
    return Done(SetIpInterfaceEntry(&Row));
}

/* --- routes --------------------------------------------------------------------------------------------------------- */

static int Route(const CALL *Call)
{
    MIB_IPFORWARD_ROW2 Row;
    InitializeIpForwardEntry(&Row);
    if (!FindInterface(Value(Call, L"interface"), &Row.InterfaceLuid))
        return Fail(L"There is no interface %ls.", Value(Call, L"interface"));
    const WCHAR *Hop = Value(Call, L"nexthop");
    if (!ReadAddress(Call->Family, Value(Call, L"prefix"), &Row.DestinationPrefix.Prefix,
                     &Row.DestinationPrefix.PrefixLength))
        return Fail(L"%ls is no prefix.", Value(Call, L"prefix"));
    UCHAR Length;
    if (!ReadAddress(Call->Family, Hop ? Hop : Call->Family == AF_INET ? L"0.0.0.0" : L"::", &Row.NextHop, &Length))
        return Fail(L"%ls is no address.", Hop);
    Row.Metric = 0;
    if (!ReadNumber(Call, L"metric", &Row.Metric))
        return 1;
    return Done(!wcscmp(Call->Verb, L"add")   ? CreateIpForwardEntry2(&Row)
                : !wcscmp(Call->Verb, L"set") ? SetIpForwardEntry2(&Row)
                                              : DeleteIpForwardEntry2(&Row));
}

/* --- name servers --------------------------------------------------------------------------------------------------- */

static int NameServers(const CALL *Call)
{
    NET_LUID Luid;
    GUID Guid;
    if (!FindInterface(Value(Call, L"name"), &Luid) || ConvertInterfaceLuidToGuid(&Luid, &Guid))
        return Fail(L"There is no interface %ls.", Value(Call, L"name"));
    const WCHAR *Text = Value(Call, L"address");
    BOOL None = !Text || IsTrue(Text, L"none") || IsTrue(Text, L"all");
    UCHAR Length;
    SOCKADDR_INET Address;
    if (!None && !ReadAddress(Call->Family, Text, &Address, &Length))
        return Fail(L"%ls is no address.", Text);
    if (None && !wcscmp(Call->Verb, L"add"))
        return Fail(L"An address is missing.");

    WCHAR Servers[DNS_SERVERS_MAX] = L"", Left[DNS_SERVERS_MAX] = L"";
    DnsGetServers(&Guid, Call->Family, Servers);
    if (!wcscmp(Call->Verb, L"set"))
        wcscpy(Left, None ? L"" : Text);
    else if (!None)
    {
        /* the list without this one; then, to add it, with it at its place */
        ULONG Index = MAXLONG, Count = 0;
        if (!ReadNumber(Call, L"index", &Index))
            return 1;
        BOOL Add = !wcscmp(Call->Verb, L"add"), Found = FALSE;
        WCHAR *Next;
        for (WCHAR *Server = wcstok_s(Servers, L",; ", &Next); Server || Add;
             Server = Server ? wcstok_s(NULL, L",; ", &Next) : NULL)
        {
            if (Add && (!Server || ++Count >= Index))
            {
                if (wcslen(Left) + wcslen(Text) + 2 > ARRAYSIZE(Left))
                    return Done(ERROR_INSUFFICIENT_BUFFER);
                swprintf(Left + wcslen(Left), ARRAYSIZE(Left) - wcslen(Left), L"%ls%ls", *Left ? L"," : L"", Text);
                Add = FALSE;
            }
            if (!Server)
                break;
            if (!_wcsicmp(Server, Text))
                Found = TRUE;
            else
                swprintf(Left + wcslen(Left), ARRAYSIZE(Left) - wcslen(Left), L"%ls%ls", *Left ? L"," : L"", Server);
        }
        if (!wcscmp(Call->Verb, L"delete") && !Found)
            return Done(ERROR_NOT_FOUND);
    }
    return Done(DnsSetServers(&Guid, Call->Family, Left));
}

/* --- the command line ----------------------------------------------------------------------------------------------- */

/* Parameters in their order: a | before another name of the same; - before one that is taken and has no effect, because
 * nothing here is kept over a restart, registered or looked up; ! before one that there is not. Family 0: both. */
static const struct
{
    ADDRESS_FAMILY Family;
    const WCHAR *Object, *Verbs;
    int (*Function)(const CALL *);
    const WCHAR *Parameters;
} Commands[] = {
    {AF_INET, L"address", L"add", Address,
     L"name|interface address|addr mask !type gateway gwmetric validlifetime preferredlifetime -subinterface -store "
     L"skipassource"},
    {AF_INET, L"address", L"set", Address,
     L"name|interface source address|addr mask gateway gwmetric !type -subinterface -store"},
    {AF_INET, L"address", L"delete", Address, L"name|interface address|addr !gateway -store"},
    {AF_INET6, L"address", L"add set", Address,
     L"name|interface address|addr !type validlifetime preferredlifetime -store skipassource"},
    {AF_INET6, L"address", L"delete", Address, L"name|interface address|addr -store"},
    {0, L"subinterface", L"set", Interface, L"interface|name mtu -subinterface -store"},
    {0, L"interface", L"set", Interface,
     L"interface|name forwarding !advertise mtu !siteprefixlength !nud !basereachabletime !retransmittime dadtransmits "
     L"metric -store"},
    {0, L"route", L"add set", Route,
     L"prefix interface|name nexthop !siteprefixlength metric !publish !validlifetime !preferredlifetime -store"},
    {0, L"route", L"delete", Route, L"prefix interface|name nexthop -store"},
    {0, L"dnsservers", L"set", NameServers, L"name|interface source address|addr -register -validate"},
    {0, L"dnsservers", L"add", NameServers, L"name|interface address|addr index -validate"},
    {0, L"dnsservers", L"delete", NameServers, L"name|interface address|addr -validate"},
};

static BOOL HasWord(const WCHAR *Words, const WCHAR *Word, WCHAR Between)
{
    size_t Length = wcslen(Word);
    for (; Words; Words = wcschr(Words, Between), Words = Words ? Words + 1 : NULL)
        if (!_wcsnicmp(Words, Word, Length) && (!Words[Length] || Words[Length] == Between))
            return TRUE;
    return FALSE;
}

/* Words may be cut: "netsh int ip set addr". */
static BOOL Abbreviates(const WCHAR *Text, const WCHAR *Word)
{
    return wcslen(Text) >= 3 && !_wcsnicmp(Word, Text, wcslen(Text));
}

/* Sorts what follows a command into its parameters. FALSE, and said: it does not fit. */
static BOOL ReadParameters(const WCHAR *Parameters, int Count, WCHAR **Arguments, CALL *Call)
{
    int Known = 0;
    WCHAR All[PARAMETERS_MAX][48];
    for (const WCHAR *P = Parameters; *P; P += wcscspn(P, L" "), P += *P != 0, Known++)
    {
        swprintf(All[Known], ARRAYSIZE(All[0]), L"%.*ls", (int)wcscspn(P, L" "), P);
        const WCHAR *Name = All[Known] + wcsspn(All[Known], L"-!");
        swprintf(Call->Names[Known], ARRAYSIZE(Call->Names[0]), L"%.*ls", (int)wcscspn(Name, L"|"), Name);
    }
    for (int I = 0, Next = 0; I < Count; I++, Next++)
    {
        WCHAR *Equals = wcschr(Arguments[I], L'=');
        if (Equals)
        {
            *Equals = 0;
            for (Next = 0; Next < Known; Next++)
                if (HasWord(All[Next] + wcsspn(All[Next], L"-!"), Arguments[I], L'|'))
                    break;
        }
        if (Next >= Known)
            return !Fail(BadSyntax);
        if (All[Next][0] == L'!')
            return !Fail(L"%ls cannot be given here (docs/host.md).", Call->Names[Next]);
        Call->Values[Next] = Equals ? Equals + 1 : Arguments[I];
    }
    return TRUE;
}

int wmain(int Count, WCHAR **Arguments)
{
    WSADATA Data;
    WSAStartup(MAKEWORD(2, 2), &Data);
    static const WCHAR *const Contexts[] = {L"ipv4", L"ip", L"ipv6"};
    CALL Call = {.Family = AF_UNSPEC};
    if (Count > 4 && Abbreviates(Arguments[1], L"interface"))
        for (int I = 0; I < (int)ARRAYSIZE(Contexts); I++)
            if (!_wcsicmp(Arguments[2], Contexts[I]))
                Call.Family = I == 2 ? AF_INET6 : AF_INET;
    for (int I = 0; I < (int)ARRAYSIZE(Commands) && Call.Family; I++)
    {
        if (!HasWord(Commands[I].Verbs, Arguments[3], L' ') || !Abbreviates(Arguments[4], Commands[I].Object) ||
            (Commands[I].Family && Commands[I].Family != Call.Family))
            continue;
        Call.Verb = _wcslwr(Arguments[3]);
        return ReadParameters(Commands[I].Parameters, Count - 5, Arguments + 5, &Call) ? Commands[I].Function(&Call)
                                                                                       : 1;
    }
    fputs("netsh.exe: this Windows does not have the command (docs/host.md); nothing was done:", stderr);
    for (int I = 1; I < Count; I++)
        fprintf(stderr, " %ls", Arguments[I]);
    fputc('\n', stderr);
    return 1;
}
