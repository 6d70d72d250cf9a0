/* SPDX-License-Identifier: MIT */
/*
 * News of interfaces, addresses and routes, the part of iphlpapi.dll that tells programs of changes in Linux. Each
 * registration has a thread that waits on a socket of rtnetlink and calls the program; CancelMibChangeNotify2 waits for it,
 * and for that reason must not be called from the callback, as its page says.
 */
#include "host/wine/iphlpapi/iphelper.h"
#include "host/wine/shared/failures.h"

#include <stdlib.h>
#include <string.h>

#include "host/linux/syscall.h"

typedef enum _NEWS
{
    NewsInterface,
    NewsAddress,
    NewsRoute
} NEWS;

/* An interface, an address or a route that a registration has told of, or that was there when it began. */
typedef struct _KNOWN
{
    ULONG Index;    /* the interface */
    ULONG Priority; /* a route's, in Linux */
    union
    {
        MIB_UNICASTIPADDRESS_ROW Address;
        MIB_IPFORWARD_ROW2 Route;
    };
} KNOWN;

typedef struct _REGISTRATION
{
    struct _REGISTRATION *Next; /* Lock */
    NEWS About;
    ADDRESS_FAMILY Family;
    BOOL Initial;
    VOID *Callback, *Context;
    int Socket, StopEvent;
    HANDLE Thread;
    KNOWN *Known; /* written by the thread, under Lock: others look in WaitForParts */
    ULONG KnownCount, KnownCapacity;
} REGISTRATION;

static SRWLOCK Lock = SRWLOCK_INIT;
static CONDITION_VARIABLE Fewer = CONDITION_VARIABLE_INIT; /* something is not known any more */
static REGISTRATION *Registrations;                        /* Lock */

#define PARTS_TIMEOUT 1000 /* ms: a callback that does not return holds up nobody else's for longer */

/* --- what is known ------------------------------------------------------------------------------------------------- */

static BOOL SameKnown(NEWS About, const KNOWN *A, const KNOWN *B)
{
    if (A->Index != B->Index)
        return FALSE;
    if (About == NewsAddress)
        return SameAddress(&A->Address.Address, &B->Address.Address);
    return About == NewsInterface ||
           (A->Route.DestinationPrefix.PrefixLength == B->Route.DestinationPrefix.PrefixLength &&
            SameAddress(&A->Route.DestinationPrefix.Prefix, &B->Route.DestinationPrefix.Prefix) &&
            SameAddress(&A->Route.NextHop, &B->Route.NextHop));
}

static KNOWN *FindKnown(const REGISTRATION *Registration, const KNOWN *Wanted)
{
    for (ULONG i = 0; i < Registration->KnownCount; i++)
        if (SameKnown(Registration->About, &Registration->Known[i], Wanted))
            return &Registration->Known[i];
    return NULL;
}

/* Without memory it is told of as one that is new each time, and not when it goes. */
static VOID AddKnown(REGISTRATION *Registration, const KNOWN *New)
{
    AcquireSRWLockExclusive(&Lock);
    if (Registration->KnownCount == Registration->KnownCapacity)
    {
        ULONG Capacity = 2 * Registration->KnownCapacity + 16;
        KNOWN *Larger = realloc(Registration->Known, Capacity * sizeof(*Larger));
        if (Larger)
        {
            Registration->Known = Larger;
            Registration->KnownCapacity = Capacity;
        }
    }
    if (Registration->KnownCount < Registration->KnownCapacity)
        Registration->Known[Registration->KnownCount++] = *New;
    ReleaseSRWLockExclusive(&Lock);
}

static VOID RemoveKnown(REGISTRATION *Registration, KNOWN *Known)
{
    AcquireSRWLockExclusive(&Lock);
    *Known = Registration->Known[--Registration->KnownCount];
    ReleaseSRWLockExclusive(&Lock);
    WakeAllConditionVariable(&Fewer);
}

static BOOL HasParts(ULONG Index)
{
    for (const REGISTRATION *Registration = Registrations; Registration; Registration = Registration->Next)
        for (ULONG i = 0; i < Registration->KnownCount; i++)
            if (Registration->About != NewsInterface && Registration->Known[i].Index == Index)
                return TRUE;
    return FALSE;
}

/* An interface's addresses and routes are told of as gone before it is: by other threads, for which this one waits. */
static VOID WaitForParts(ULONG Index)
{
    ULONGLONG Deadline = GetTickCount64() + PARTS_TIMEOUT;
    AcquireSRWLockExclusive(&Lock);
    for (ULONGLONG Now = GetTickCount64(); HasParts(Index) && Now < Deadline; Now = GetTickCount64())
        SleepConditionVariableSRW(&Fewer, &Lock, (DWORD)(Deadline - Now), 0);
    ReleaseSRWLockExclusive(&Lock);
}

/* --- telling ------------------------------------------------------------------------------------------------------- */

static BOOL IsAskedFor(const REGISTRATION *Registration, ADDRESS_FAMILY Family)
{
    return Registration->Family == AF_UNSPEC || Registration->Family == Family;
}

static VOID TellInterface(REGISTRATION *Registration, const IP_LINK *Link, MIB_NOTIFICATION_TYPE Type)
{
    static const ADDRESS_FAMILY Families[] = {AF_INET, AF_INET6};
    PIPINTERFACE_CHANGE_CALLBACK Callback = (PIPINTERFACE_CHANGE_CALLBACK)Registration->Callback;
    for (ULONG i = 0; i < ARRAYSIZE(Families); i++)
    {
        MIB_IPINTERFACE_ROW Row = {.Family = Families[i], .InterfaceLuid = Link->Luid, .InterfaceIndex = Link->Index};
        if (!IsAskedFor(Registration, Families[i]))
            continue;
        if (Type != MibDeleteInstance && !LinkHasFamily(Link, Families[i]))
            continue;
        Callback(Registration->Context, &Row, Type);
    }
}

/* Of an address or a route. The callback gets a copy of the row. */
static VOID TellPart(const REGISTRATION *Registration, KNOWN Part, MIB_NOTIFICATION_TYPE Type)
{
    if (Registration->About == NewsAddress)
        ((PUNICAST_IPADDRESS_CHANGE_CALLBACK)Registration->Callback)(Registration->Context, &Part.Address, Type);
    else
        ((PIPFORWARD_CHANGE_CALLBACK)Registration->Callback)(Registration->Context, &Part.Route, Type);
}

static VOID PartIsThere(REGISTRATION *Registration, const KNOWN *Part)
{
    KNOWN *Known = FindKnown(Registration, Part);
    if (!Known)
    {
        AddKnown(Registration, Part);
        TellPart(Registration, *Part, MibAddInstance);
        return;
    }
    BOOL Changed = Registration->About == NewsAddress ? memcmp(&Known->Address, &Part->Address, sizeof(Part->Address))
                                                      : memcmp(&Known->Route, &Part->Route, sizeof(Part->Route));
    *Known = *Part;
    if (Changed)
        TellPart(Registration, *Part, MibParameterNotification);
}

static VOID PartIsGone(REGISTRATION *Registration, KNOWN *Known)
{
    TellPart(Registration, *Known, MibDeleteInstance);
    RemoveKnown(Registration, Known);
}

/* --- interfaces, addresses and routes ------------------------------------------------------------------------------ */

static VOID HearInterface(REGISTRATION *Registration, uint16_t Type, const NETLINK_LINK *Fixed,
                          const NETLINK_ATTRIBUTES *Attributes)
{
    KNOWN Interface = {.Index = (ULONG)Fixed->Index}, *Known = FindKnown(Registration, &Interface);
    IP_LINK Link;
    if (Type == NETLINK_LINK_NEW && LinkFind(NULL, Interface.Index, &Link) == NO_ERROR)
    {
        if (!Known)
            AddKnown(Registration, &Interface);
        TellInterface(Registration, &Link, Known ? MibParameterNotification : MibAddInstance);
    }
    else if (Type == NETLINK_LINK_DEL && Known)
    {
        WaitForParts(Interface.Index);
        RemoveKnown(Registration, Known);
        LinkRead(Fixed, Attributes, &Link);
        TellInterface(Registration, &Link, MibDeleteInstance);
    }
}

static VOID HearAddress(REGISTRATION *Registration, uint16_t Type, const VOID *Fixed,
                        const NETLINK_ATTRIBUTES *Attributes)
{
    KNOWN Address = {0};
    if (!AddressRead(Fixed, Attributes, &Address.Index, &Address.Address.Address) ||
        !IsAskedFor(Registration, Address.Address.Address.si_family))
        return;
    KNOWN *Known = FindKnown(Registration, &Address);
    if (Type == NETLINK_ADDRESS_NEW && AddressRow(Fixed, Attributes, &Address.Address))
        PartIsThere(Registration, &Address);
    else if (Type == NETLINK_ADDRESS_DEL && Known)
        PartIsGone(Registration, Known);
}

/* FALSE: the route is none to Windows, or its interface is gone. */
static BOOL KnowRoute(const LINUX_ROUTE *Route, KNOWN *Known)
{
    memset(Known, 0, sizeof(*Known));
    Known->Index = Route->Index;
    Known->Priority = Route->Priority;
    return RouteRow(Route, &Known->Route);
}

static VOID HearRoute(REGISTRATION *Registration, uint16_t Type, const VOID *Fixed,
                      const NETLINK_ATTRIBUTES *Attributes)
{
    LINUX_ROUTE Route;
    if (!RouteRead(Fixed, Attributes, &Route) || !IsAskedFor(Registration, Route.Family) ||
        Route.Protocol == ROUTE_SHADOW)
        return;
    KNOWN Row;
    if (Type == NETLINK_ROUTE_NEW)
    {
        if (KnowRoute(&Route, &Row))
            PartIsThere(Registration, &Row);
        return;
    }
    Row = (KNOWN){.Index = Route.Index};
    Row.Route.DestinationPrefix.Prefix = Route.Destination;
    Row.Route.DestinationPrefix.PrefixLength = Route.Length;
    Row.Route.NextHop = Route.Hop;
    KNOWN *Known = FindKnown(Registration, &Row);
    /* A metric is changed by a new route beside the former one, which goes then: it is the same to Windows. */
    if (Known && Known->Priority == Route.Priority)
        PartIsGone(Registration, Known);
}

static DWORD AllRoutes(ADDRESS_FAMILY Family, LINUX_ROUTE **Routes, ULONG *Count)
{
    ULONG Count4 = 0, Count6 = 0;
    LINUX_ROUTE *Routes4 = NULL, *Routes6 = NULL;
    DWORD Error = Family == AF_INET6 ? NO_ERROR : ReadRoutes(AF_INET, &Routes4, &Count4);
    if (!Error && Family != AF_INET)
        Error = ReadRoutes(AF_INET6, &Routes6, &Count6);
    *Routes = Error ? NULL : calloc(Count4 + Count6 + 1, sizeof(**Routes));
    if (*Routes)
    {
        memcpy(*Routes, Routes4, Count4 * sizeof(*Routes4));
        memcpy(*Routes + Count4, Routes6, Count6 * sizeof(*Routes6));
    }
    *Count = Count4 + Count6;
    free(Routes4);
    free(Routes6);
    return Error || *Routes ? Error : ERROR_NOT_ENOUGH_MEMORY;
}

/* Linux says nothing of the IPv4 routes that go with an interface or with an address: looks which are not there. */
static VOID LookForRoutes(REGISTRATION *Registration)
{
    ULONG Count;
    LINUX_ROUTE *Routes;
    if (AllRoutes(Registration->Family, &Routes, &Count))
        return;
    for (ULONG k = Registration->KnownCount; k--;)
    {
        KNOWN *Known = &Registration->Known[k];
        const MIB_IPFORWARD_ROW2 *Row = &Known->Route;
        BOOL Found = FALSE;
        for (ULONG i = 0; i < Count && !Found; i++)
            Found = Routes[i].Index == Known->Index && Routes[i].Length == Row->DestinationPrefix.PrefixLength &&
                    SameAddress(&Routes[i].Destination, &Row->DestinationPrefix.Prefix) &&
                    SameAddress(&Routes[i].Hop, &Row->NextHop) && Routes[i].Protocol != ROUTE_SHADOW;
        if (!Found)
            PartIsGone(Registration, Known);
    }
    free(Routes);
}

static int Hear(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    REGISTRATION *Registration = Context;
    BOOL IsLink = Type == NETLINK_LINK_NEW || Type == NETLINK_LINK_DEL;
    if (Registration->About == NewsInterface && IsLink)
        HearInterface(Registration, Type, Fixed, Attributes);
    else if (Registration->About == NewsAddress && (Type == NETLINK_ADDRESS_NEW || Type == NETLINK_ADDRESS_DEL))
        HearAddress(Registration, Type, Fixed, Attributes);
    else if (Registration->About == NewsRoute && (Type == NETLINK_ROUTE_NEW || Type == NETLINK_ROUTE_DEL))
        HearRoute(Registration, Type, Fixed, Attributes);
    else if (Registration->About == NewsRoute && (Type == NETLINK_LINK_DEL || Type == NETLINK_ADDRESS_DEL ||
                                                  (IsLink && !(((const NETLINK_LINK *)Fixed)->Flags & LINUX_IFF_UP))))
        LookForRoutes(Registration);
    return 0;
}

/* --- registrations ------------------------------------------------------------------------------------------------- */

/* The first notification carries no row: it says that from here on changes are told. */
static VOID TellInitial(const REGISTRATION *Registration)
{
    if (!Registration->Initial)
        return;
    if (Registration->About == NewsInterface)
        ((PIPINTERFACE_CHANGE_CALLBACK)Registration->Callback)(Registration->Context, NULL, MibInitialNotification);
    else if (Registration->About == NewsAddress)
        ((PUNICAST_IPADDRESS_CHANGE_CALLBACK)Registration->Callback)(Registration->Context, NULL,
                                                                     MibInitialNotification);
    else
        ((PIPFORWARD_CHANGE_CALLBACK)Registration->Callback)(Registration->Context, NULL, MibInitialNotification);
}

static DWORD WINAPI Listen(PVOID Parameter)
{
    REGISTRATION *Registration = Parameter;
    TellInitial(Registration);
    while (!NetlinkHear(Registration->Socket, Registration->StopEvent, Hear, Registration))
        ;
    return 0;
}

static DWORD KnowWhatIsThere(REGISTRATION *Registration)
{
    KNOWN New = {0};
    ULONG Count;
    DWORD Error;
    if (Registration->About == NewsInterface)
    {
        IP_LINK *Links;
        Error = LinkList(&Links, &Count);
        for (ULONG i = 0; !Error && i < Count; i++)
        {
            New.Index = Links[i].Index;
            AddKnown(Registration, &New);
        }
        if (!Error)
            free(Links);
        return Error;
    }
    if (Registration->About == NewsAddress)
    {
        MIB_UNICASTIPADDRESS_TABLE *Table;
        Error = GetUnicastIpAddressTable(Registration->Family, &Table);
        for (ULONG i = 0; !Error && i < Table->NumEntries; i++)
        {
            New.Index = Table->Table[i].InterfaceIndex;
            New.Address = Table->Table[i];
            AddKnown(Registration, &New);
        }
        if (!Error)
            FreeMibTable(Table);
        return Error;
    }
    LINUX_ROUTE *Routes;
    Error = AllRoutes(Registration->Family, &Routes, &Count);
    for (ULONG i = 0; !Error && i < Count; i++)
        if (KnowRoute(&Routes[i], &New) && !FindKnown(Registration, &New)) /* the first is the one that Linux takes */
            AddKnown(Registration, &New);
    if (!Error)
        free(Routes);
    return Error;
}

static VOID FreeRegistration(REGISTRATION *Registration)
{
    AcquireSRWLockExclusive(&Lock);
    REGISTRATION **Link = &Registrations;
    while (*Link && *Link != Registration)
        Link = &(*Link)->Next;
    if (*Link)
        *Link = Registration->Next;
    ReleaseSRWLockExclusive(&Lock);
    WakeAllConditionVariable(&Fewer);
    if (Registration->Socket >= 0)
        LinuxClose(Registration->Socket);
    if (Registration->StopEvent >= 0)
        LinuxClose(Registration->StopEvent);
    free(Registration->Known);
    free(Registration);
}

static DWORD Register(NEWS About, ULONG Groups, ADDRESS_FAMILY Family, VOID *Callback, VOID *Context, BOOLEAN Initial,
                      HANDLE *Handle)
{
    if (!Callback || !Handle || (Family != AF_UNSPEC && !LinuxFamily(Family)))
        return ERROR_INVALID_PARAMETER;
    *Handle = NULL;
    REGISTRATION *Registration = calloc(1, sizeof(*Registration));
    if (!Registration)
        return ERROR_NOT_ENOUGH_MEMORY;
    *Registration =
        (REGISTRATION){.About = About, .Family = Family, .Initial = Initial, .Callback = Callback, .Context = Context};
    Registration->StopEvent = (int)LinuxCall3(LINUX_EVENTFD2, 0, LINUX_O_CLOEXEC, 0);
    Registration->Socket = NetlinkListen(Groups);
    DWORD Error = Registration->Socket < 0 || Registration->StopEvent < 0 ? ERROR_NO_SYSTEM_RESOURCES : NO_ERROR;
    if (!Error)
        Error = KnowWhatIsThere(Registration);
    if (!Error)
    {
        AcquireSRWLockExclusive(&Lock);
        Registration->Next = Registrations;
        Registrations = Registration;
        ReleaseSRWLockExclusive(&Lock);
        /* Before the thread: its first callback may use the handle. */
        *Handle = Registration;
        Registration->Thread = CreateThread(NULL, 0, Listen, Registration, 0, NULL);
        if (!Registration->Thread)
            Error = ERROR_NOT_ENOUGH_MEMORY;
    }
    if (!Error)
        return NO_ERROR;
    *Handle = NULL;
    FreeRegistration(Registration);
    return Error;
}

/* ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY. "NotifyIpInterfaceChange function (netioapi.h)" */
DWORD WINAPI NotifyIpInterfaceChange(ADDRESS_FAMILY Family, PIPINTERFACE_CHANGE_CALLBACK Callback, PVOID Context,
                                     BOOLEAN InitialNotification, HANDLE *Handle)
{
    if (HostFailure(L"NotifyIpInterfaceChange"))
        return HostFailure(L"NotifyIpInterfaceChange");
    return Register(NewsInterface, NETLINK_GROUP_LINK, Family, (VOID *)Callback, Context, InitialNotification, Handle);
}

/* "NotifyUnicastIpAddressChange function (netioapi.h)" */
DWORD WINAPI NotifyUnicastIpAddressChange(ADDRESS_FAMILY Family, PUNICAST_IPADDRESS_CHANGE_CALLBACK Callback,
                                          PVOID Context, BOOLEAN InitialNotification, HANDLE *Handle)
{
    return Register(NewsAddress, NETLINK_GROUP_ADDRESS4 | NETLINK_GROUP_ADDRESS6, Family, (VOID *)Callback, Context,
                    InitialNotification, Handle);
}

/* "NotifyRouteChange2 function (netioapi.h)" */
DWORD WINAPI NotifyRouteChange2(ADDRESS_FAMILY Family, PIPFORWARD_CHANGE_CALLBACK Callback, PVOID Context,
                                BOOLEAN InitialNotification, HANDLE *Handle)
{
    return Register(NewsRoute,
                    NETLINK_GROUP_ROUTE4 | NETLINK_GROUP_ROUTE6 | NETLINK_GROUP_LINK | NETLINK_GROUP_ADDRESS4, Family,
                    (VOID *)Callback, Context, InitialNotification, Handle);
}

/* No callback runs when this returns. ERROR_INVALID_PARAMETER. "CancelMibChangeNotify2 function (netioapi.h)" */
DWORD WINAPI CancelMibChangeNotify2(HANDLE Handle)
{
    REGISTRATION *Registration = Handle;
    ULONG64 One = 1;
    if (!Registration)
        return ERROR_INVALID_PARAMETER;
    LinuxWrite(Registration->StopEvent, &One, sizeof(One));
    WaitForSingleObject(Registration->Thread, INFINITE);
    CloseHandle(Registration->Thread);
    FreeRegistration(Registration);
    return NO_ERROR;
}
