/* SPDX-License-Identifier: MIT */
/*
 * Which route a packet takes, the part of iphlpapi.dll that makes Linux choose as Windows does: the longest prefix first,
 * and among equals the smallest sum of the route's and the interface's metric ("Metric", TCP/IP settings of Windows'
 * unattended setup). Linux' main table does the first by itself. A route's place among equals is there one number, which is
 * the sum for routes that Windows programs made, and whatever their maker chose for others: a plain default route has 0 in
 * Linux, and nothing can be less. So where a route of a tunnel has the smallest sum and Linux would take another, the tunnel
 * gets a second route beside the first, a shadow, in front of all others. Nobody else's routes are changed, and the shadows
 * go with the tunnel's interface, as all its routes do. They are no rows to Windows.
 *
 * An IPv4 MTU below the interface's is carried by shadows too: Linux has one for each route, but none for IPv4 alone.
 *
 * RoutesSettle works out all shadows anew from what is there: two that do it at a time only do it twice.
 */
#include "host/wine/iphlpapi/iphelper.h"

#include <stdlib.h>
#include <string.h>

/* What the rows of a family are chosen by, of one interface. */
typedef struct _CHOICE_LINK
{
    ULONG Index, Metric, Mtu; /* Mtu: 0 where it is the interface's own */
    BOOL IsTun;
} CHOICE_LINK;

static DWORD ReadLinks(ADDRESS_FAMILY Family, CHOICE_LINK **Links, ULONG *Count)
{
    IP_LINK *All;
    DWORD Error = LinkList(&All, Count);
    if (Error)
        return Error;
    *Links = calloc(*Count + 1, sizeof(**Links));
    for (ULONG i = 0; *Links && i < *Count; i++)
    {
        ULONG Mtu = InterfaceMtu(&All[i], Family);
        (*Links)[i] = (CHOICE_LINK){
            .Index = All[i].Index,
            .Metric = InterfaceMetric(&All[i], Family, NULL),
            .Mtu = Family == AF_INET && Mtu < All[i].Mtu ? Mtu : 0,
            .IsTun = All[i].IsTun,
        };
    }
    free(All);
    return *Links ? NO_ERROR : ERROR_NOT_ENOUGH_MEMORY;
}

static const CHOICE_LINK *LinkOf(const CHOICE_LINK *Links, ULONG Count, const LINUX_ROUTE *Route)
{
    for (ULONG i = 0; i < Count; i++)
        if (Links[i].Index == Route->Index)
            return &Links[i];
    return &Links[Count]; /* one that has come in between: next time */
}

static BOOL SamePrefix(const LINUX_ROUTE *A, const LINUX_ROUTE *B)
{
    return A->Length == B->Length && SameAddress(&A->Destination, &B->Destination);
}

/* The shadow that Routes[At] should have. FALSE: none. */
static BOOL ShadowOf(const LINUX_ROUTE *Routes, ULONG Count, ULONG At, const CHOICE_LINK *Links, ULONG LinkCount,
                     LINUX_ROUTE *Shadow)
{
    const LINUX_ROUTE *Route = &Routes[At];
    const CHOICE_LINK *Link = LinkOf(Links, LinkCount, Route);
    ULONG Sum = RouteMetric(Route, Link->Metric) + Link->Metric, Front = Route->Priority;
    BOOL Best = TRUE, First = TRUE;
    if (Route->Protocol == ROUTE_SHADOW || !Link->IsTun)
        return FALSE;
    for (ULONG i = 0; i < Count && Best; i++)
    {
        const LINUX_ROUTE *Other = &Routes[i];
        if (i == At || Other->Protocol == ROUTE_SHADOW || !SamePrefix(Other, Route))
            continue;
        const CHOICE_LINK *OtherLink = LinkOf(Links, LinkCount, Other);
        ULONG OtherSum = RouteMetric(Other, OtherLink->Metric) + OtherLink->Metric;
        Best = OtherSum > Sum || (OtherSum == Sum && i > At);
        if (i < At) /* a dump is in the order in which Linux looks */
            First = FALSE;
        Front = min(Front, Other->Priority);
    }
    *Shadow = *Route;
    Shadow->Protocol = ROUTE_SHADOW;
    Shadow->Mtu = Link->Mtu;
    if (!Best || First)
        return Link->Mtu != 0;
    Shadow->Priority = Route->Family == AF_INET6 ? Front - 1 : Front;
    return Route->Family == AF_INET || Shadow->Priority;
}

/* An IPv4 shadow that is as it should be still has to stand in front of those of the same priority. */
static BOOL InFront(const LINUX_ROUTE *Routes, ULONG At)
{
    for (ULONG i = 0; i < At; i++)
        if (Routes[i].Protocol != ROUTE_SHADOW && SamePrefix(&Routes[i], &Routes[At]) &&
            Routes[i].Priority >= Routes[At].Priority)
            return FALSE;
    return TRUE;
}

/* The same but for the MTU. */
static BOOL SamePlace(const LINUX_ROUTE *A, const LINUX_ROUTE *B)
{
    return A->Index == B->Index && A->Priority == B->Priority && SamePrefix(A, B) && SameAddress(&A->Hop, &B->Hop);
}

/* Puts a shadow in front of all of its priority; one in its place with another MTU it replaces, so that no packet finds
 * neither. Kept: says which of the present ones are to stay. */
static DWORD PutShadow(const LINUX_ROUTE *Shadow, const LINUX_ROUTE *Routes, ULONG Count, BOOL *Kept)
{
    USHORT Flags = NETLINK_CREATE;
    for (ULONG i = 0; i < Count; i++)
    {
        if (Routes[i].Protocol != ROUTE_SHADOW || !SamePlace(&Routes[i], Shadow))
            continue;
        Kept[i] = TRUE;
        if (!InFront(Routes, i)) /* others came before it: away, and anew */
            TellRoute(NETLINK_ROUTE_DEL, 0, &Routes[i]);
        else if (Routes[i].Mtu == Shadow->Mtu)
            return NO_ERROR;
        else
            Flags |= NETLINK_REPLACE;
    }
    DWORD Error = ErrorOfLinux(TellRoute(NETLINK_ROUTE_NEW, Flags, Shadow));
    return Error == ERROR_OBJECT_ALREADY_EXISTS ? NO_ERROR : Error; /* by another, just now */
}

DWORD RoutesSettle(ADDRESS_FAMILY Family)
{
    LINUX_ROUTE *Routes;
    ULONG Count;
    DWORD Error = ReadRoutes(Family, &Routes, &Count);
    if (Error)
        return Error;
    ULONG LinkCount;
    CHOICE_LINK *Links;
    Error = ReadLinks(Family, &Links, &LinkCount);
    if (Error)
    {
        free(Routes);
        return Error;
    }
    BOOL *Kept = calloc(Count + 1, sizeof(*Kept));
    Error = Kept ? NO_ERROR : ERROR_NOT_ENOUGH_MEMORY;
    LINUX_ROUTE Shadow;
    for (ULONG i = 0; i < Count && !Error; i++)
        if (ShadowOf(Routes, Count, i, Links, LinkCount, &Shadow))
            Error = PutShadow(&Shadow, Routes, Count, Kept);
    for (ULONG i = 0; i < Count && !Error; i++)
        if (Routes[i].Protocol == ROUTE_SHADOW && !Kept[i])
            TellRoute(NETLINK_ROUTE_DEL, 0, &Routes[i]);
    free(Kept);
    free(Links);
    free(Routes);
    return Error;
}

DWORD RoutesFollowMetric(const IP_LINK *Link, ADDRESS_FAMILY Family, ULONG Former)
{
    ULONG Count, Now = InterfaceMetric(Link, Family, NULL);
    LINUX_ROUTE *Routes;
    DWORD Error = ReadRoutes(Family, &Routes, &Count);
    if (Error)
        return Error;
    for (ULONG i = 0; i < Count && !Error; i++)
    {
        LINUX_ROUTE New = Routes[i];
        if (New.Index != Link->Index || New.Protocol != ROUTE_WINDOWS || Now == Former)
            continue;
        New.Priority = RoutePriority(Family, RouteMetric(&Routes[i], Former), Now);
        Error = ErrorOfLinux(TellRoute(NETLINK_ROUTE_NEW, NETLINK_CREATE | NETLINK_APPEND, &New));
        if (!Error)
            TellRoute(NETLINK_ROUTE_DEL, 0, &Routes[i]);
    }
    free(Routes);
    return Error ? Error : RoutesSettle(Family);
}
