/* SPDX-License-Identifier: MIT */
/*
 * ipcalls.exe: calls of IP Helper by command, for test_iphelper.py. Reads commands from standard input; answers each with
 * lines and, last, "done ERROR", the call's result. Families are 0, 2 and 23, as Windows counts them.
 *
 *   adapters FAMILY FLAGS                 GetAdaptersAddresses: a line each, then its parts
 *   old                                   GetAdaptersInfo, GetInterfaceInfo, GetIfTable, GetNumberOfInterfaces: the indexes
 *   row INDEX                             GetIfEntry2
 *   interface FAMILY INDEX                GetIpInterfaceEntry
 *   set FAMILY INDEX WHAT VALUE           SetIpInterfaceEntry: metric (-1: automatic), mtu, linklocal
 *   again FAMILY INDEX                    SetIpInterfaceEntry of the row as it was read
 *   address add|delete INDEX ADDRESS BITS
 *   route add|set|delete|get INDEX PREFIX BITS HOP METRIC
 *   routes FAMILY                         GetIpForwardTable2
 *   best ADDRESS [SOURCE]                 GetBestRoute2
 *   send udp|tcp SOURCE ADDRESS PORT      of a socket that is bound to SOURCE: a datagram that says the port, or a connection that
 *                                         is only begun
 *   groups FAMILY                         GetMulticastIpAddressTable
 *   group INDEX ADDRESS                   GetMulticastIpAddressEntry
 *   anycast add|delete|get|table INDEX ADDRESS
 *   watch                                 NotifyIpInterfaceChange and its kin: from here on lines "news ..."
 *   unwatch                               CancelMibChangeNotify2 and CancelIPChangeNotify, the last twice
 *   rename INDEX NAME                     INetConnection::Rename; NAME in UTF-8
 *   find NAME                             ConvertInterfaceAliasToLuid
 *   quit
 */
#define COBJMACROS
#define _WIN32_WINNT 0x0A00
#include <winsock2.h>
#include <windows.h>
#include <ws2ipdef.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <initguid.h>
#include <objbase.h>
#include <netcon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

DEFINE_GUID(ManagerClass, 0xba126ad1, 0x2166, 0x11d1, 0xb1, 0xd0, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e);
DEFINE_GUID(ManagerInterface, 0xc08956a2, 0x1cd3, 0x11d1, 0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e);

static CRITICAL_SECTION Printing;

static VOID Say(const char *Format, ...) __attribute__((format(printf, 1, 2)));

static VOID Say(const char *Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    EnterCriticalSection(&Printing);
    vprintf(Format, Arguments);
    putchar('\n');
    fflush(stdout);
    LeaveCriticalSection(&Printing);
    va_end(Arguments);
}

static const char *Narrow(const WCHAR *Text)
{
    static char Result[1024];
    if (!Text)
        return "";
    WideCharToMultiByte(CP_UTF8, 0, Text, -1, Result, sizeof(Result), NULL, NULL);
    return Result;
}

static const char *Text(const void *Address)
{
    static char Results[64][64]; /* of all threads that tell news */
    static volatile LONG Next;
    const SOCKADDR_INET *Inet = Address;
    char *Result = Results[InterlockedIncrement(&Next) % 64];
    Result[0] = 0;
    inet_ntop(Inet->si_family, Inet->si_family == AF_INET ? (void *)&Inet->Ipv4.sin_addr : &Inet->Ipv6.sin6_addr,
              Result, 64);
    return Result;
}

static SOCKADDR_INET Parse(const char *Text)
{
    SOCKADDR_INET Address = {.si_family = strchr(Text, ':') ? AF_INET6 : AF_INET};
    inet_pton(Address.si_family, Text,
              Address.si_family == AF_INET ? (void *)&Address.Ipv4.sin_addr : &Address.Ipv6.sin6_addr);
    return Address;
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static DWORD Adapters(ULONG Family, ULONG Flags)
{
    ULONG Size = 0;
    DWORD Error = GetAdaptersAddresses(Family, Flags, NULL, NULL, &Size);
    if (Error != ERROR_BUFFER_OVERFLOW)
        return Error;
    IP_ADAPTER_ADDRESSES_LH *First = malloc(Size);
    memset(First, 0xcc, Size);
    Error = GetAdaptersAddresses(Family, Flags, NULL, (VOID *)First, &Size);
    for (IP_ADAPTER_ADDRESSES_LH *Adapter = Error ? NULL : First; Adapter; Adapter = Adapter->Next)
    {
        Say("adapter index=%lu index6=%lu guid=%s type=%lu status=%d mtu=%lu metric4=%lu metric6=%lu speed=%llu",
            Adapter->IfIndex, Adapter->Ipv6IfIndex, Adapter->AdapterName, Adapter->IfType, Adapter->OperStatus,
            Adapter->Mtu, Adapter->Ipv4Metric, Adapter->Ipv6Metric, Adapter->TransmitLinkSpeed);
        Say("friendly %lu %s", Adapter->Ipv6IfIndex, Narrow(Adapter->FriendlyName));
        Say("description %lu %s", Adapter->Ipv6IfIndex, Narrow(Adapter->Description));
        for (IP_ADAPTER_UNICAST_ADDRESS_LH *Item = Adapter->FirstUnicastAddress; Item; Item = Item->Next)
            Say("unicast %lu %s/%u", Adapter->Ipv6IfIndex, Text(Item->Address.lpSockaddr), Item->OnLinkPrefixLength);
        for (IP_ADAPTER_PREFIX *Item = Adapter->FirstPrefix; Item; Item = Item->Next)
            Say("prefix %lu %s/%lu", Adapter->Ipv6IfIndex, Text(Item->Address.lpSockaddr), Item->PrefixLength);
        for (IP_ADAPTER_DNS_SERVER_ADDRESS *Item = Adapter->FirstDnsServerAddress; Item; Item = Item->Next)
            Say("server %lu %s", Adapter->Ipv6IfIndex, Text(Item->Address.lpSockaddr));
        for (IP_ADAPTER_GATEWAY_ADDRESS_LH *Item = Adapter->FirstGatewayAddress; Item; Item = Item->Next)
            Say("gateway %lu %s", Adapter->Ipv6IfIndex, Text(Item->Address.lpSockaddr));
        for (IP_ADAPTER_MULTICAST_ADDRESS *Item = Adapter->FirstMulticastAddress; Item; Item = Item->Next)
            Say("multicast %lu %s", Adapter->Ipv6IfIndex, Text(Item->Address.lpSockaddr));
    }
    free(First);
    return Error;
}

static DWORD Old(VOID)
{
    static BYTE Buffer[262144];
    ULONG Size = sizeof(Buffer);
    DWORD Error = GetAdaptersInfo((VOID *)Buffer, &Size);
    for (IP_ADAPTER_INFO *Info = Error ? NULL : (VOID *)Buffer; Info; Info = Info->Next)
        Say("info %lu %s %s/%s gateway %s", Info->Index, Info->AdapterName, Info->IpAddressList.IpAddress.String,
            Info->IpAddressList.IpMask.String, Info->GatewayList.IpAddress.String);
    Size = sizeof(Buffer);
    IP_INTERFACE_INFO *Map = (VOID *)Buffer;
    if (!GetInterfaceInfo(Map, &Size))
        for (LONG i = 0; i < Map->NumAdapters; i++)
        {
            ULONG Index = 0;
            Say("map %lu %s", Map->Adapter[i].Index, Narrow(Map->Adapter[i].Name));
            if (GetAdapterIndex(Map->Adapter[i].Name, &Index) || Index != Map->Adapter[i].Index)
                Say("wrong GetAdapterIndex %lu", Index);
        }
    Size = sizeof(Buffer);
    MIB_IFTABLE *Table = (VOID *)Buffer;
    if (!GetIfTable(Table, &Size, TRUE))
        for (DWORD i = 0; i < Table->dwNumEntries; i++)
            Say("table %lu %s", Table->table[i].dwIndex, Table->table[i].bDescr);
    DWORD Number;
    if (!GetNumberOfInterfaces(&Number))
        Say("number %lu", Number);
    return Error;
}

static DWORD Row(ULONG Index)
{
    MIB_IF_ROW2 Row = {.InterfaceIndex = Index};
    DWORD Error = GetIfEntry2(&Row);
    if (Error)
        return Error;
    Say("row mtu=%lu speed=%llu", Row.Mtu, Row.TransmitLinkSpeed);
    Say("alias %s", Narrow(Row.Alias));
    Say("description %s", Narrow(Row.Description));
    return Error;
}

static DWORD Interface(ULONG Family, ULONG Index)
{
    MIB_IPINTERFACE_ROW Row = {.Family = (ADDRESS_FAMILY)Family, .InterfaceIndex = Index};
    DWORD Error = GetIpInterfaceEntry(&Row);
    if (!Error)
        Say("interface metric=%lu automatic=%d mtu=%lu site=%lu linklocal=%d routers=%d", Row.Metric,
            Row.UseAutomaticMetric, Row.NlMtu, Row.SitePrefixLength, Row.LinkLocalAddressBehavior,
            Row.RouterDiscoveryBehavior);
    return Error;
}

static DWORD SetInterface(ULONG Family, ULONG Index, const char *What, LONG Value)
{
    MIB_IPINTERFACE_ROW Row;
    InitializeIpInterfaceEntry(&Row);
    Row.Family = (ADDRESS_FAMILY)Family;
    Row.InterfaceIndex = Index;
    DWORD Error = GetIpInterfaceEntry(&Row);
    if (Error)
        return Error;
    if (strcmp(What, "again") != 0 && Family == AF_INET)
        Row.SitePrefixLength = 0;
    if (!strcmp(What, "mtu"))
        Row.NlMtu = (ULONG)Value;
    if (!strcmp(What, "linklocal"))
        Row.LinkLocalAddressBehavior = (NL_LINK_LOCAL_ADDRESS_BEHAVIOR)Value;
    if (!strcmp(What, "metric"))
    {
        Row.UseAutomaticMetric = Value < 0;
        Row.Metric = Value < 0 ? 0 : (ULONG)Value;
    }
    return SetIpInterfaceEntry(&Row);
}

/* --- changing ---------------------------------------------------------------------------------------------------------- */

static DWORD Address(const char *What, ULONG Index, const char *Address, ULONG Bits)
{
    MIB_UNICASTIPADDRESS_ROW Row;
    InitializeUnicastIpAddressEntry(&Row);
    Row.InterfaceIndex = Index;
    Row.Address = Parse(Address);
    Row.OnLinkPrefixLength = (UINT8)Bits;
    return !strcmp(What, "add") ? CreateUnicastIpAddressEntry(&Row) : DeleteUnicastIpAddressEntry(&Row);
}

static DWORD Route(const char *What, ULONG Index, const char *Prefix, ULONG Bits, const char *Hop, ULONG Metric)
{
    MIB_IPFORWARD_ROW2 Row;
    InitializeIpForwardEntry(&Row);
    Row.InterfaceIndex = Index;
    Row.DestinationPrefix.Prefix = Parse(Prefix);
    Row.DestinationPrefix.PrefixLength = (UINT8)Bits;
    Row.NextHop = Parse(Hop);
    Row.Metric = Metric;
    if (!strcmp(What, "add"))
        return CreateIpForwardEntry2(&Row);
    if (!strcmp(What, "delete"))
        return DeleteIpForwardEntry2(&Row);
    if (!strcmp(What, "set"))
        return SetIpForwardEntry2(&Row);
    DWORD Error = GetIpForwardEntry2(&Row);
    if (!Error)
        Say("metric %lu", Row.Metric);
    return Error;
}

static DWORD Routes(ULONG Family)
{
    MIB_IPFORWARD_TABLE2 *Table;
    DWORD Error = GetIpForwardTable2((ADDRESS_FAMILY)Family, &Table);
    if (Error)
        return Error;
    for (ULONG i = 0; i < Table->NumEntries; i++)
        Say("route %s/%u via %s index %lu metric %lu", Text(&Table->Table[i].DestinationPrefix.Prefix),
            Table->Table[i].DestinationPrefix.PrefixLength, Text(&Table->Table[i].NextHop),
            Table->Table[i].InterfaceIndex, Table->Table[i].Metric);
    FreeMibTable(Table);
    return NO_ERROR;
}

static DWORD Best(const char *To, const char *From)
{
    SOCKADDR_INET Destination = Parse(To), Own;
    if (From)
        Own = Parse(From);
    MIB_IPFORWARD_ROW2 Row;
    SOCKADDR_INET Source;
    DWORD Error = GetBestRoute2(NULL, 0, From ? &Own : NULL, &Destination, 0, &Row, &Source);
    if (!Error)
        Say("best index=%lu metric=%lu source=%s", Row.InterfaceIndex, Row.Metric, Text(&Source));
    return Error;
}

/* --- groups and anycast addresses ------------------------------------------------------------------------------------- */

static DWORD Send(const char *How, const char *From, const char *To, USHORT Port)
{
    SOCKADDR_INET Source = Parse(From), Target = Parse(To);
    BOOL IsTcp = !strcmp(How, "tcp");
    SOCKET Socket = socket(Source.si_family, IsTcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    USHORT Text = Target.Ipv4.sin_port = htons(Port);
    int Length = Source.si_family == AF_INET6 ? sizeof(Source.Ipv6) : sizeof(Source.Ipv4);
    BOOL Failed = bind(Socket, (const struct sockaddr *)&Source, Length) || ioctlsocket(Socket, FIONBIO, &(u_long){1});
    if (!Failed && IsTcp)
        Failed = connect(Socket, (const struct sockaddr *)&Target, Length) && WSAGetLastError() != WSAEWOULDBLOCK;
    else if (!Failed)
        Failed = sendto(Socket, (const char *)&Text, sizeof(Text), 0, (const struct sockaddr *)&Target, Length) < 0;
    DWORD Error = Failed ? (DWORD)WSAGetLastError() : NO_ERROR;
    closesocket(Socket);
    return Error;
}

static DWORD Groups(ULONG Family)
{
    MIB_MULTICASTIPADDRESS_TABLE *Table;
    DWORD Error = GetMulticastIpAddressTable((ADDRESS_FAMILY)Family, &Table);
    if (Error)
        return Error;
    for (ULONG i = 0; i < Table->NumEntries; i++)
        Say("group %lu %s scope %lu", Table->Table[i].InterfaceIndex, Text(&Table->Table[i].Address),
            Table->Table[i].ScopeId.Value);
    FreeMibTable(Table);
    return NO_ERROR;
}

static DWORD Group(ULONG Index, const char *Address)
{
    MIB_MULTICASTIPADDRESS_ROW Row = {.InterfaceIndex = Index, .Address = Parse(Address)};
    DWORD Error = GetMulticastIpAddressEntry(&Row);
    if (!Error)
        Say("group %lu %s", (ULONG)Row.InterfaceLuid.Info.NetLuidIndex, Text(&Row.Address));
    return Error;
}

static DWORD Anycast(const char *What, ULONG Index, const char *Address)
{
    MIB_ANYCASTIPADDRESS_ROW Row = {.InterfaceIndex = Index, .Address = Parse(Address)};
    MIB_ANYCASTIPADDRESS_TABLE *Table = (VOID *)&Row;
    if (!strcmp(What, "add"))
        return CreateAnycastIpAddressEntry(&Row);
    if (!strcmp(What, "delete"))
        return DeleteAnycastIpAddressEntry(&Row);
    if (!strcmp(What, "get"))
        return GetAnycastIpAddressEntry(&Row);
    DWORD Error = GetAnycastIpAddressTable(Row.Address.si_family, &Table);
    return Error == ERROR_NOT_FOUND && Table ? ERROR_INVALID_DATA : Error;
}

static DWORD Rename(ULONG Index, const char *Name)
{
    HRESULT Result = E_FAIL;
    WCHAR Wide[512];
    MultiByteToWideChar(CP_UTF8, 0, Name, -1, Wide, ARRAYSIZE(Wide));
    NET_LUID Luid;
    ConvertInterfaceIndexToLuid(Index, &Luid);
    GUID Guid;
    ConvertInterfaceLuidToGuid(&Luid, &Guid);
    CoInitialize(NULL);
    INetConnectionManager *Manager;
    if (FAILED(CoCreateInstance(&ManagerClass, NULL, CLSCTX_INPROC_SERVER, &ManagerInterface, (void **)&Manager)))
        return (DWORD)E_FAIL;
    ULONG Got;
    INetConnection *Connection;
    IEnumNetConnection *List;
    if (SUCCEEDED(INetConnectionManager_EnumConnections(Manager, NCME_DEFAULT, &List)))
    {
        while (IEnumNetConnection_Next(List, 1, &Connection, &Got) == S_OK)
        {
            NETCON_PROPERTIES *Properties;
            if (INetConnection_GetProperties(Connection, &Properties) == S_OK &&
                IsEqualGUID(&Properties->guidId, &Guid))
                Result = INetConnection_Rename(Connection, Wide);
            INetConnection_Release(Connection);
        }
        IEnumNetConnection_Release(List);
    }
    INetConnectionManager_Release(Manager);
    return (DWORD)Result;
}

/* --- news -------------------------------------------------------------------------------------------------------------- */

static const char *const Kinds[] = {"parameter", "add", "delete", "initial"};

static VOID NETIOAPI_API_ OnInterface(PVOID Context, PMIB_IPINTERFACE_ROW Row, MIB_NOTIFICATION_TYPE Type)
{
    Say("news interface %s %lu %u", Kinds[Type], Row ? Row->InterfaceIndex : 0, Row ? Row->Family : 0);
}

static VOID NETIOAPI_API_ OnAddress(PVOID Context, PMIB_UNICASTIPADDRESS_ROW Row, MIB_NOTIFICATION_TYPE Type)
{
    Say("news address %s %lu %s", Kinds[Type], Row ? Row->InterfaceIndex : 0, Row ? Text(&Row->Address) : "");
}

static VOID NETIOAPI_API_ OnRoute(PVOID Context, PMIB_IPFORWARD_ROW2 Row, MIB_NOTIFICATION_TYPE Type)
{
    Say("news route %s %lu %s/%u", Kinds[Type], Row ? Row->InterfaceIndex : 0,
        Row ? Text(&Row->DestinationPrefix.Prefix) : "", Row ? Row->DestinationPrefix.PrefixLength : 0);
}

static OVERLAPPED RouteRequest;

/* Without an OVERLAPPED it returns at the next change. */
static DWORD WINAPI AddressChanges(VOID *Context)
{
    DWORD Error;
    while ((Error = NotifyAddrChange(NULL, NULL)) == NO_ERROR)
        Say("news any-address");
    Say("news any-address failed %lu", Error);
    return 0;
}

/* The first request has no event, the others have one. */
static DWORD WINAPI RouteChanges(VOID *Context)
{
    HANDLE Handle;
    DWORD Error, Count;
    while ((Error = NotifyRouteChange(&Handle, &RouteRequest)) == ERROR_IO_PENDING &&
           GetOverlappedResult(Handle, &RouteRequest, &Count, TRUE))
    {
        Say("news any-route");
        if (!RouteRequest.hEvent)
            RouteRequest.hEvent = CreateEventW(NULL, FALSE, FALSE, NULL);
    }
    Say("news any-route ended %lu", Error == ERROR_IO_PENDING ? GetLastError() : Error);
    return 0;
}

static HANDLE Watches[3], Watchers[2];

static DWORD Watch(VOID)
{
    DWORD Error = NotifyIpInterfaceChange(AF_UNSPEC, OnInterface, NULL, FALSE, &Watches[0]);
    if (!Error)
        Error = NotifyUnicastIpAddressChange(AF_UNSPEC, OnAddress, NULL, FALSE, &Watches[1]);
    if (!Error)
        Error = NotifyRouteChange2(AF_UNSPEC, OnRoute, NULL, FALSE, &Watches[2]);
    Watchers[0] = CreateThread(NULL, 0, AddressChanges, NULL, 0, NULL);
    Watchers[1] = CreateThread(NULL, 0, RouteChanges, NULL, 0, NULL);
    return Error;
}

static DWORD Unwatch(VOID)
{
    DWORD Error = NO_ERROR;
    for (ULONG i = 0; i < ARRAYSIZE(Watches) && !Error; i++)
        Error = CancelMibChangeNotify2(Watches[i]);
    if (!Error && !CancelIPChangeNotify(&RouteRequest))
        Error = GetLastError();
    if (!Error && WaitForSingleObject(Watchers[1], 10000) != WAIT_OBJECT_0)
        Error = ERROR_TIMEOUT;
    return Error || CancelIPChangeNotify(&RouteRequest) ? Error : GetLastError();
}

/* --- commands ---------------------------------------------------------------------------------------------------------- */

static DWORD Find(const char *Name)
{
    NET_LUID Luid = {0};
    WCHAR Wide[512];
    MultiByteToWideChar(CP_UTF8, 0, Name, -1, Wide, ARRAYSIZE(Wide));
    DWORD Error = ConvertInterfaceAliasToLuid(Wide, &Luid);
    if (!Error)
        Say("luid %lu", (ULONG)Luid.Info.NetLuidIndex);
    return Error;
}

static DWORD Do(char *Line)
{
    char *Words[12] = {0};
    int Count = 0;
    char *Rest = Line;
    while (Count < 2 && (Words[Count] = strtok(Count ? NULL : Line, " ")) != NULL)
        Count++;
    if (Count == 2 && !strcmp(Words[0], "find"))
    {
        Rest = Words[1] + strlen(Words[1]);
        char *More = strtok(NULL, "");
        if (More)
            *Rest = ' ';
        return Find(Words[1]);
    }
    if (Count == 2 && !strcmp(Words[0], "rename"))
        return Rename(strtoul(Words[1], NULL, 10), strtok(NULL, ""));
    while (Count && Count < 11 && (Words[Count] = strtok(NULL, " ")) != NULL)
        Count++;
    ULONG Numbers[12];
    for (int i = 0; i < 12; i++)
        Numbers[i] = i < Count ? strtoul(Words[i], NULL, 0) : 0;
#define IS(Name, Arguments) (Count == 1 + (Arguments) && !strcmp(Words[0], Name))
    if (IS("adapters", 2))
        return Adapters(Numbers[1], Numbers[2]);
    if (IS("old", 0))
        return Old();
    if (IS("row", 1))
        return Row(Numbers[1]);
    if (IS("interface", 2))
        return Interface(Numbers[1], Numbers[2]);
    if (IS("set", 4))
        return SetInterface(Numbers[1], Numbers[2], Words[3], atol(Words[4]));
    if (IS("again", 2))
        return SetInterface(Numbers[1], Numbers[2], "again", 0);
    if (IS("address", 4))
        return Address(Words[1], Numbers[2], Words[3], Numbers[4]);
    if (IS("route", 6))
        return Route(Words[1], Numbers[2], Words[3], Numbers[4], Words[5], Numbers[6]);
    if (IS("routes", 1))
        return Routes(Numbers[1]);
    if (IS("best", 1) || IS("best", 2))
        return Best(Words[1], Words[2]);
    if (IS("send", 4))
        return Send(Words[1], Words[2], Words[3], (USHORT)Numbers[4]);
    if (IS("groups", 1))
        return Groups(Numbers[1]);
    if (IS("group", 2))
        return Group(Numbers[1], Words[2]);
    if (IS("anycast", 3))
        return Anycast(Words[1], Numbers[2], Words[3]);
    if (IS("watch", 0))
        return Watch();
    if (IS("unwatch", 0))
        return Unwatch();
    return ERROR_INVALID_FUNCTION;
}

int main(int ArgumentCount, char **Arguments)
{
    static char Line[4096];
    InitializeCriticalSection(&Printing);
    WSADATA Data;
    WSAStartup(MAKEWORD(2, 2), &Data);
    Say("ready");
    while (fgets(Line, sizeof(Line), stdin))
    {
        Line[strcspn(Line, "\r\n")] = 0;
        if (!strcmp(Line, "quit"))
        {
            EnterCriticalSection(&Printing); /* no thread of news is ended with a lock of the C library */
            return 0;
        }
        Say("done %lu", Do(Line));
    }
    return 0;
}
