/* SPDX-License-Identifier: MIT */
/*
 * Routes, the part of iphlpapi.dll that reads and changes Linux' main table. The metric of a Linux route is what Windows
 * calls the complete one: the route's own plus its interface's. No state; any thread.
 */
#include "host/wine/iphlpapi/iphelper.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RTA_DST_      1
#define RTA_OIF_      4
#define RTA_GATEWAY_  5
#define RTA_PRIORITY_ 6
#define RTA_PREFSRC_  7
#define RTA_METRICS_  8
#define RTA_TABLE_    15
#define RTAX_MTU_     2

#define TABLE_MAIN        254
#define PROTOCOL_KERNEL   2
#define SCOPE_UNIVERSE    0
#define SCOPE_LINK        253
#define SCOPE_NOWHERE     255
#define TYPE_UNICAST      1
#define ROUTE_ON_LINK     4      /* RTNH_F_ONLINK: the gateway needs no route of its own */
#define ROUTE_FIB_MATCH   0x2000 /* RTM_F_FIB_MATCH: show the route, not what became of it */
#define INFINITE_LIFETIME 0xffffffffu

/* --- Linux' routes --------------------------------------------------------------------------------------------------- */

BOOL RouteRead(const VOID *FixedPart, const NETLINK_ATTRIBUTES *Attributes, LINUX_ROUTE *Route)
{
    const NETLINK_ROUTE *Fixed = FixedPart;
    ULONG Table = Attributes->Data[RTA_TABLE_] ? *(const ULONG *)Attributes->Data[RTA_TABLE_] : Fixed->Table;
    ADDRESS_FAMILY Family = WindowsFamily(Fixed->Family);
    if (Family == AF_UNSPEC || Table != TABLE_MAIN || Fixed->Type != TYPE_UNICAST || !Attributes->Data[RTA_OIF_])
        return FALSE;
    *Route = (LINUX_ROUTE){
        .Family = Family,
        .Length = Fixed->DestinationLength,
        .Protocol = Fixed->Protocol,
        .Scope = Fixed->Scope,
        .Index = *(const ULONG *)Attributes->Data[RTA_OIF_],
        .Priority = Attributes->Data[RTA_PRIORITY_] ? *(const ULONG *)Attributes->Data[RTA_PRIORITY_] : 0,
    };
    if (Attributes->Data[RTA_METRICS_])
    {
        NETLINK_ATTRIBUTES Metrics;
        NetlinkParse(Attributes->Data[RTA_METRICS_], Attributes->Length[RTA_METRICS_], &Metrics);
        Route->Mtu = Metrics.Data[RTAX_MTU_] ? *(const ULONG *)Metrics.Data[RTAX_MTU_] : 0;
    }
    AddressFromBytes(Family, Attributes->Data[RTA_DST_], &Route->Destination);
    AddressFromBytes(Family, Attributes->Data[RTA_GATEWAY_], &Route->Hop);
    AddressFromBytes(Family, Attributes->Data[RTA_PREFSRC_], &Route->Source);
    return TRUE;
}

typedef struct _ROUTE_LIST
{
    LINUX_ROUTE *Routes;
    ULONG Count, Capacity;
} ROUTE_LIST;

static int ListRoute(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    ROUTE_LIST *List = Context;
    LINUX_ROUTE Route;
    if (Type != NETLINK_ROUTE_NEW || !RouteRead(Fixed, Attributes, &Route))
        return 0;
    if (List->Count == List->Capacity)
    {
        LINUX_ROUTE *Larger = realloc(List->Routes, (2 * List->Capacity + 16) * sizeof(*Larger));
        if (!Larger)
            return -12; /* ENOMEM */
        List->Routes = Larger;
        List->Capacity = 2 * List->Capacity + 16;
    }
    List->Routes[List->Count++] = Route;
    return 0;
}

DWORD ReadRoutes(ADDRESS_FAMILY Family, LINUX_ROUTE **Routes, ULONG *Count)
{
    NETLINK_ROUTE Fixed = {.Family = LinuxFamily(Family)};
    ROUTE_LIST List = {0};
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_ROUTE_GET, NETLINK_DUMP, &Fixed, sizeof(Fixed));
    int Error = NetlinkAsk(&Message, ListRoute, &List);
    if (Error < 0)
    {
        free(List.Routes);
        return ErrorOfLinux(Error);
    }
    *Routes = List.Routes;
    *Count = List.Count;
    return NO_ERROR;
}

int TellRoute(USHORT Type, USHORT Flags, const LINUX_ROUTE *Route)
{
    BOOL HasHop = !IsUnspecified(&Route->Hop), Delete = Type == NETLINK_ROUTE_DEL;
    NETLINK_ROUTE Fixed = {
        .Family = LinuxFamily(Route->Family),
        .DestinationLength = Route->Length,
        .Table = TABLE_MAIN,
        .Protocol = Route->Protocol,
        .Scope = Delete ? SCOPE_NOWHERE : Route->Scope,
        .Type = Delete ? 0 : TYPE_UNICAST,
        .Flags = HasHop && !Delete ? ROUTE_ON_LINK : 0,
    };
    ULONG Length;
    const BYTE *Bytes = AddressBytes(&Route->Destination, &Length);
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, Type, Flags, &Fixed, sizeof(Fixed));
    if (Route->Length)
        NetlinkAdd(&Message, RTA_DST_, Bytes, Length);
    NetlinkAdd(&Message, RTA_OIF_, &Route->Index, sizeof(Route->Index));
    if (HasHop)
        NetlinkAdd(&Message, RTA_GATEWAY_, AddressBytes(&Route->Hop, &Length), Length);
    if (!IsUnspecified(&Route->Source) && !Delete)
        NetlinkAdd(&Message, RTA_PREFSRC_, AddressBytes(&Route->Source, &Length), Length);
    NetlinkAdd(&Message, RTA_PRIORITY_, &Route->Priority, sizeof(Route->Priority));
    if (Route->Mtu)
    {
        struct
        {
            USHORT Size, Number;
            ULONG Value;
        } Mtu = {sizeof(Mtu), RTAX_MTU_, Route->Mtu};
        NetlinkAdd(&Message, RTA_METRICS_, &Mtu, sizeof(Mtu));
    }
    return NetlinkTell(&Message);
}

/* Linux takes an IPv6 route of 0 for one that names no number. */
ULONG RoutePriority(ADDRESS_FAMILY Family, ULONG Metric, ULONG InterfacePart)
{
    return Metric + InterfacePart + (Family == AF_INET6);
}

ULONG RouteMetric(const LINUX_ROUTE *Route, ULONG InterfacePart)
{
    ULONG Added = InterfacePart + (Route->Protocol == ROUTE_WINDOWS && Route->Family == AF_INET6);
    return Route->Priority > Added ? Route->Priority - Added : 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

BOOL RouteRow(const LINUX_ROUTE *Route, MIB_IPFORWARD_ROW2 *Row)
{
    memset(Row, 0, sizeof(*Row));
    IP_LINK Link;
    if (Route->Protocol == ROUTE_SHADOW || LinkFind(NULL, Route->Index, &Link))
        return FALSE;
    Row->InterfaceLuid = Link.Luid;
    Row->InterfaceIndex = Link.Index;
    Row->DestinationPrefix.Prefix = Route->Destination;
    Row->DestinationPrefix.PrefixLength = Route->Length;
    Row->NextHop = Route->Hop;
    Row->ValidLifetime = Row->PreferredLifetime = INFINITE_LIFETIME;
    Row->Metric = RouteMetric(Route, InterfaceMetric(&Link, Route->Family, NULL));
    Row->Protocol = Route->Protocol == PROTOCOL_KERNEL ? MIB_IPPROTO_LOCAL : MIB_IPPROTO_NETMGMT;
    Row->Loopback = (Link.Flags & LINUX_IFF_LOOPBACK) != 0;
    Row->Immortal = TRUE;
    Row->Origin = NlroManual;
    return TRUE;
}

static int AppendRoute(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    LINUX_ROUTE Route;
    MIB_IPFORWARD_ROW2 Row, *To;
    if (Type == NETLINK_ROUTE_NEW && RouteRead(Fixed, Attributes, &Route) && RouteRow(&Route, &Row) &&
        (To = MibRow(Context)) != NULL)
        *To = Row;
    return 0;
}

/* Family: AF_UNSPEC, AF_INET or AF_INET6. ERROR_INVALID_PARAMETER. "GetIpForwardTable2 function (netioapi.h)" */
DWORD WINAPI GetIpForwardTable2(ADDRESS_FAMILY Family, PMIB_IPFORWARD_TABLE2 *Table)
{
    NETLINK_ROUTE Fixed = {.Family = LinuxFamily(Family)};
    if (!Table || (Family != AF_UNSPEC && !Fixed.Family))
        return ERROR_INVALID_PARAMETER;
    MIB_BUFFER Buffer;
    if (!MibBegin(&Buffer, sizeof(MIB_IPFORWARD_ROW2), offsetof(MIB_IPFORWARD_TABLE2, Table)))
        return ERROR_NOT_ENOUGH_MEMORY;
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_ROUTE_GET, NETLINK_DUMP, &Fixed, sizeof(Fixed));
    return MibEnd(&Buffer, ErrorOfLinux(NetlinkAsk(&Message, AppendRoute, &Buffer)), (VOID **)Table);
}

/* Windows knows a route by its destination, next hop and interface. */
static DWORD FindRoute(const IP_LINK *Link, const MIB_IPFORWARD_ROW2 *Wanted, MIB_IPFORWARD_ROW2 *Found)
{
    MIB_IPFORWARD_TABLE2 *Table;
    DWORD Error = GetIpForwardTable2(Wanted->DestinationPrefix.Prefix.si_family, &Table);
    if (Error)
        return Error;
    Error = ERROR_NOT_FOUND;
    for (ULONG i = 0; i < Table->NumEntries && Error; i++)
    {
        const MIB_IPFORWARD_ROW2 *Row = &Table->Table[i];
        if (Row->InterfaceIndex == Link->Index &&
            Row->DestinationPrefix.PrefixLength == Wanted->DestinationPrefix.PrefixLength &&
            SameAddress(&Row->DestinationPrefix.Prefix, &Wanted->DestinationPrefix.Prefix) &&
            SameAddress(&Row->NextHop, &Wanted->NextHop))
        {
            *Found = *Row;
            Error = NO_ERROR;
        }
    }
    FreeMibTable(Table);
    return Error;
}

/* --- changing ------------------------------------------------------------------------------------------------------ */

/* Metric, protocol and site prefix get values that no route can have. "InitializeIpForwardEntry function (netioapi.h)" */
VOID WINAPI InitializeIpForwardEntry(PMIB_IPFORWARD_ROW2 Row)
{
    memset(Row, 0, sizeof(*Row));
    Row->ValidLifetime = Row->PreferredLifetime = INFINITE_LIFETIME;
    Row->SitePrefixLength = 255;
    Row->Metric = ~0u;
    Row->Protocol = ~0u;
    Row->Loopback = Row->AutoconfigureAddress = Row->Publish = Row->Immortal = TRUE;
}

/*
 * The row as Linux and Windows agree on it: host bits of the destination cleared, a next hop that is the interface's own
 * address (an older way to say "on this link") made unspecified.
 */
static DWORD Normalise(const MIB_IPFORWARD_ROW2 *Row, MIB_IPFORWARD_ROW2 *Normal, IP_LINK *Link)
{
    MIB_UNICASTIPADDRESS_ROW Own = {0};
    if (!Row)
        return ERROR_INVALID_PARAMETER;
    *Normal = *Row;
    ULONG Length;
    BYTE *Bytes = (BYTE *)AddressBytes(&Normal->DestinationPrefix.Prefix, &Length);
    ULONG HopLength;
    if (!Bytes || !AddressBytes(&Normal->NextHop, &HopLength) || HopLength != Length ||
        Normal->DestinationPrefix.PrefixLength > 8 * Length || Normal->PreferredLifetime > Normal->ValidLifetime ||
        (Normal->SitePrefixLength > Normal->DestinationPrefix.PrefixLength && Normal->SitePrefixLength != 255))
        return ERROR_INVALID_PARAMETER;
    DWORD Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, Link);
    if (Error)
        return Error;
    for (ULONG Bit = Normal->DestinationPrefix.PrefixLength; Bit < 8 * Length; Bit++)
        Bytes[Bit / 8] &= (BYTE) ~(0x80 >> Bit % 8);
    Own.Address = Normal->NextHop;
    Own.InterfaceIndex = Link->Index;
    if (!IsUnspecified(&Normal->NextHop) && GetUnicastIpAddressEntry(&Own) == NO_ERROR)
        AddressFromBytes(Normal->NextHop.si_family, NULL, &Normal->NextHop);
    return NO_ERROR;
}

static LINUX_ROUTE MakeRoute(const IP_LINK *Link, const MIB_IPFORWARD_ROW2 *Row)
{
    ADDRESS_FAMILY Family = Row->DestinationPrefix.Prefix.si_family;
    BOOL Universe = Family == AF_INET6 || !IsUnspecified(&Row->NextHop);
    ULONG Metric = Row->Metric == ~0u ? 0 : Row->Metric;
    return (LINUX_ROUTE){
        .Family = Family,
        .Length = Row->DestinationPrefix.PrefixLength,
        .Protocol = ROUTE_WINDOWS,
        .Scope = Universe ? SCOPE_UNIVERSE : SCOPE_LINK,
        .Index = Link->Index,
        .Priority = RoutePriority(Family, Metric, InterfaceMetric(Link, Family, NULL)),
        .Destination = Row->DestinationPrefix.Prefix,
        .Hop = Row->NextHop,
    };
}

/* Deletes all that are this row but those with the priority Except. */
static DWORD DeleteRoute(const IP_LINK *Link, const MIB_IPFORWARD_ROW2 *Row, const ULONG *Except)
{
    LINUX_ROUTE *Routes;
    ULONG Count;
    DWORD Error = ReadRoutes(Row->DestinationPrefix.Prefix.si_family, &Routes, &Count);
    if (Error)
        return Error;
    Error = ERROR_NOT_FOUND;
    for (ULONG i = 0; i < Count && (Error == NO_ERROR || Error == ERROR_NOT_FOUND); i++)
        if (Routes[i].Protocol != ROUTE_SHADOW && Routes[i].Index == Link->Index &&
            Routes[i].Length == Row->DestinationPrefix.PrefixLength && !(Except && Routes[i].Priority == *Except) &&
            SameAddress(&Routes[i].Destination, &Row->DestinationPrefix.Prefix) &&
            SameAddress(&Routes[i].Hop, &Row->NextHop))
            Error = ErrorOfLinux(TellRoute(NETLINK_ROUTE_DEL, 0, &Routes[i]));
    free(Routes);
    return Error;
}

/*
 * Adds a route and brings the Linux interface up. ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND: no such interface, or it has no
 * such family. ERROR_OBJECT_ALREADY_EXISTS, ERROR_ACCESS_DENIED. "CreateIpForwardEntry2 function (netioapi.h)"
 */
DWORD WINAPI CreateIpForwardEntry2(const MIB_IPFORWARD_ROW2 *Row)
{
    MIB_IPFORWARD_ROW2 New;
    IP_LINK Link;
    DWORD Error = Normalise(Row, &New, &Link);
    if (!Error && !LinkHasFamily(&Link, New.NextHop.si_family))
        Error = ERROR_NOT_FOUND;
    MIB_IPFORWARD_ROW2 Present;
    if (!Error && FindRoute(&Link, &New, &Present) == NO_ERROR)
        Error = ERROR_OBJECT_ALREADY_EXISTS;
    if (!Error)
        Error = LinkBringUp(&Link);
    if (Error)
        return Error;
    LINUX_ROUTE Route = MakeRoute(&Link, &New);
    int Result = TellRoute(NETLINK_ROUTE_NEW, NETLINK_CREATE | NETLINK_EXCL, &Route);
    /* Another interface's route of the same metric is no duplicate to Windows. */
    if (Result == -LINUX_EEXIST)
        Result = TellRoute(NETLINK_ROUTE_NEW, NETLINK_CREATE | NETLINK_APPEND, &Route);
    return Result < 0 ? ErrorOfLinux(Result) : RoutesSettle(Route.Family);
}

/* ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND: no such interface or route. "SetIpForwardEntry2 function (netioapi.h)" */
DWORD WINAPI SetIpForwardEntry2(const MIB_IPFORWARD_ROW2 *Row)
{
    MIB_IPFORWARD_ROW2 New;
    IP_LINK Link;
    DWORD Error = Normalise(Row, &New, &Link);
    MIB_IPFORWARD_ROW2 Present;
    if (!Error)
        Error = FindRoute(&Link, &New, &Present);
    if (Error || New.Metric == ~0u || New.Metric == Present.Metric)
        return Error;
    LINUX_ROUTE Route = MakeRoute(&Link, &New);
    Error = ErrorOfLinux(TellRoute(NETLINK_ROUTE_NEW, NETLINK_CREATE | NETLINK_APPEND, &Route));
    if (!Error)
        Error = DeleteRoute(&Link, &New, &Route.Priority);
    return Error ? Error : RoutesSettle(Route.Family);
}

/* ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND: no such interface or route. "DeleteIpForwardEntry2 function (netioapi.h)" */
DWORD WINAPI DeleteIpForwardEntry2(const MIB_IPFORWARD_ROW2 *Row)
{
    MIB_IPFORWARD_ROW2 Old;
    IP_LINK Link;
    DWORD Error = Normalise(Row, &Old, &Link);
    if (!Error)
        Error = DeleteRoute(&Link, &Old, NULL);
    return Error ? Error : RoutesSettle(Old.NextHop.si_family);
}

/* ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND. "GetIpForwardEntry2 function (netioapi.h)" */
DWORD WINAPI GetIpForwardEntry2(PMIB_IPFORWARD_ROW2 Row)
{
    if (!Row)
        return ERROR_INVALID_PARAMETER;
    MIB_IPFORWARD_ROW2 Wanted = *Row;
    Wanted.PreferredLifetime = Wanted.ValidLifetime = INFINITE_LIFETIME;
    Wanted.SitePrefixLength = 0;
    IP_LINK Link;
    DWORD Error = Normalise(&Wanted, &Wanted, &Link);
    return Error ? Error : FindRoute(&Link, &Wanted, Row);
}

/* --- which way a packet goes --------------------------------------------------------------------------------------- */

static int TakeSource(void *Context, uint16_t Type, const void *FixedPart, const NETLINK_ATTRIBUTES *Attributes)
{
    const NETLINK_ROUTE *Fixed = FixedPart;
    if (Type == NETLINK_ROUTE_NEW && Attributes->Data[RTA_PREFSRC_])
        AddressFromBytes(WindowsFamily(Fixed->Family), Attributes->Data[RTA_PREFSRC_], Context);
    return 0;
}

typedef struct _ROUTE_FOUND
{
    MIB_IPFORWARD_ROW2 Row;
    BOOL Found;
} ROUTE_FOUND;

static int TakeRoute(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    ROUTE_FOUND *Best = Context;
    LINUX_ROUTE Route;
    if (Type != NETLINK_ROUTE_NEW || !RouteRead(Fixed, Attributes, &Route))
        return 0;
    if (Route.Protocol == ROUTE_SHADOW) /* the one whose shadow it is has this destination, hop and interface */
        Route.Protocol = ROUTE_WINDOWS;
    Best->Found = RouteRow(&Route, &Best->Row);
    return 0;
}

static int AskRoute(const IP_LINK *Link, const SOCKADDR_INET *To, ULONG Flags, NETLINK_VISITOR Visitor, VOID *Context)
{
    ULONG Length;
    const BYTE *Bytes = AddressBytes(To, &Length);
    NETLINK_ROUTE Fixed = {
        .Family = LinuxFamily(To->si_family), .DestinationLength = (UCHAR)(8 * Length), .Flags = Flags};
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_ROUTE_GET, 0, &Fixed, sizeof(Fixed));
    NetlinkAdd(&Message, RTA_DST_, Bytes, Length);
    if (Link)
        NetlinkAdd(&Message, RTA_OIF_, &Link->Index, sizeof(Link->Index));
    return NetlinkAsk(&Message, Visitor, Context);
}

/*
 * InterfaceLuid (if not NULL), else InterfaceIndex (if not 0), restricts the search. SourceAddress and options are not
 * looked at. ERROR_INVALID_PARAMETER, ERROR_FILE_NOT_FOUND: no such interface. ERROR_NOT_FOUND: a way without a route of
 * the table, as to the machine itself. ERROR_NETWORK_UNREACHABLE. "GetBestRoute2 function (netioapi.h)"
 */
DWORD WINAPI GetBestRoute2(NET_LUID *InterfaceLuid, NET_IFINDEX InterfaceIndex, const SOCKADDR_INET *SourceAddress,
                           const SOCKADDR_INET *DestinationAddress, ULONG AddressSortOptions,
                           PMIB_IPFORWARD_ROW2 BestRoute, SOCKADDR_INET *BestSourceAddress)
{
    ROUTE_FOUND Best = {.Found = FALSE};
    IP_LINK *Only = NULL;
    if (!DestinationAddress || !BestRoute || !BestSourceAddress || !LinuxFamily(DestinationAddress->si_family))
        return ERROR_INVALID_PARAMETER;
    memset(BestSourceAddress, 0, sizeof(*BestSourceAddress));
    IP_LINK Link;
    DWORD Error;
    if ((InterfaceLuid && InterfaceLuid->Value) || InterfaceIndex)
    {
        Error = LinkFind(InterfaceLuid, InterfaceIndex, &Link);
        if (Error)
            return Error == ERROR_NOT_FOUND ? ERROR_FILE_NOT_FOUND : Error;
        Only = &Link;
    }
    Error = ErrorOfLinux(AskRoute(Only, DestinationAddress, 0, TakeSource, BestSourceAddress));
    if (!Error)
        Error = ErrorOfLinux(AskRoute(Only, DestinationAddress, ROUTE_FIB_MATCH, TakeRoute, &Best));
    if (!Error && !Best.Found)
        Error = ERROR_NOT_FOUND;
    if (!Error)
    {
        LinkFind(NULL, Best.Row.InterfaceIndex, &Link);
        if (FindRoute(&Link, &Best.Row, BestRoute))
            *BestRoute = Best.Row;
    }
    return Error;
}

/* --- the older calls: IPv4 by index -------------------------------------------------------------------------------- */

static DWORD FromOldRow(const MIB_IPFORWARDROW *Old, MIB_IPFORWARD_ROW2 *Row)
{
    ULONG Bits = 0;
    if (!Old)
        return ERROR_INVALID_PARAMETER;
    for (ULONG Rest = _byteswap_ulong(Old->dwForwardMask); Rest; Rest <<= 1, Bits++)
        if (!(Rest & 0x80000000))
            return ERROR_INVALID_PARAMETER;
    InitializeIpForwardEntry(Row);
    Row->InterfaceIndex = Old->dwForwardIfIndex;
    AddressFromBytes(AF_INET, &Old->dwForwardDest, &Row->DestinationPrefix.Prefix);
    Row->DestinationPrefix.PrefixLength = (UINT8)Bits;
    AddressFromBytes(AF_INET, &Old->dwForwardNextHop, &Row->NextHop);
    return NO_ERROR;
}

/* Its metric is the complete one. ERROR_INVALID_PARAMETER too where it is below the interface's. "CreateIpForwardEntry" */
DWORD WINAPI CreateIpForwardEntry(PMIB_IPFORWARDROW Old)
{
    MIB_IPFORWARD_ROW2 Row;
    DWORD Error = FromOldRow(Old, &Row);
    IP_LINK Link;
    if (!Error)
        Error = LinkFind(NULL, Row.InterfaceIndex, &Link);
    if (Error)
        return Error;
    ULONG InterfacePart = InterfaceMetric(&Link, AF_INET, NULL);
    if (Old->dwForwardMetric1 < InterfacePart)
        return ERROR_INVALID_PARAMETER;
    Row.Metric = Old->dwForwardMetric1 - InterfacePart;
    return CreateIpForwardEntry2(&Row);
}

DWORD WINAPI DeleteIpForwardEntry(PMIB_IPFORWARDROW Old)
{
    MIB_IPFORWARD_ROW2 Row;
    DWORD Error = FromOldRow(Old, &Row);
    return Error ? Error : DeleteIpForwardEntry2(&Row);
}
