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

typedef struct _REGISTRATION
{
    NEWS About;
    ADDRESS_FAMILY Family;
    BOOL Initial;
    VOID *Callback, *Context;
    int Socket, StopEvent;
    HANDLE Thread;
    /* The interfaces that were there, so that a change of one is told from its arrival. */
    ULONG *Known;
    ULONG KnownCount, KnownCapacity;
} REGISTRATION;

/* --- interfaces ---------------------------------------------------------------------------------------------------- */

static VOID TellInterface(REGISTRATION *Registration, const IP_LINK *Link, MIB_NOTIFICATION_TYPE Type)
{
    static const ADDRESS_FAMILY Families[] = {AF_INET, AF_INET6};
    PIPINTERFACE_CHANGE_CALLBACK Callback = (PIPINTERFACE_CHANGE_CALLBACK)Registration->Callback;
    for (ULONG i = 0; i < ARRAYSIZE(Families); i++)
    {
        MIB_IPINTERFACE_ROW Row = {.Family = Families[i], .InterfaceLuid = Link->Luid, .InterfaceIndex = Link->Index};
        if (Registration->Family != AF_UNSPEC && Registration->Family != Families[i])
            continue;
        if (Type != MibDeleteInstance && !LinkHasFamily(Link, Families[i]))
            continue;
        Callback(Registration->Context, &Row, Type);
    }
}

static ULONG KnownAt(const REGISTRATION *Registration, ULONG Index)
{
    ULONG i = 0;
    while (i < Registration->KnownCount && Registration->Known[i] != Index)
        i++;
    return i;
}

static VOID AddKnown(REGISTRATION *Registration, ULONG Index)
{
    if (Registration->KnownCount == Registration->KnownCapacity)
    {
        ULONG Capacity = 2 * Registration->KnownCapacity + 16;
        ULONG *Known = realloc(Registration->Known, Capacity * sizeof(*Known));
        if (!Known)
            return;
        Registration->Known = Known;
        Registration->KnownCapacity = Capacity;
    }
    Registration->Known[Registration->KnownCount++] = Index;
}

static VOID HearInterface(REGISTRATION *Registration, uint16_t Type, const NETLINK_LINK *Fixed,
                          const NETLINK_ATTRIBUTES *Attributes)
{
    ULONG At = KnownAt(Registration, (ULONG)Fixed->Index);
    BOOL Known = At < Registration->KnownCount;
    IP_LINK Link;
    if (Type == NETLINK_LINK_NEW && LinkFind(NULL, (ULONG)Fixed->Index, &Link) == NO_ERROR)
    {
        if (!Known)
            AddKnown(Registration, Link.Index);
        TellInterface(Registration, &Link, Known ? MibParameterNotification : MibAddInstance);
    }
    else if (Type == NETLINK_LINK_DEL && Known)
    {
        Registration->Known[At] = Registration->Known[--Registration->KnownCount];
        LinkRead(Fixed, Attributes, &Link);
        TellInterface(Registration, &Link, MibDeleteInstance);
    }
}

/* --- addresses and routes ------------------------------------------------------------------------------------------ */

static VOID HearAddress(REGISTRATION *Registration, uint16_t Type, const void *Fixed,
                        const NETLINK_ATTRIBUTES *Attributes)
{
    MIB_UNICASTIPADDRESS_ROW Row;
    if (AddressRow(Fixed, Attributes, &Row) &&
        (Registration->Family == AF_UNSPEC || Registration->Family == Row.Address.si_family))
        ((PUNICAST_IPADDRESS_CHANGE_CALLBACK)Registration->Callback)(
            Registration->Context, &Row, Type == NETLINK_ADDRESS_NEW ? MibAddInstance : MibDeleteInstance);
}

static VOID HearRoute(REGISTRATION *Registration, uint16_t Type, const void *Fixed,
                      const NETLINK_ATTRIBUTES *Attributes)
{
    MIB_IPFORWARD_ROW2 Row;
    if (RouteRow(Fixed, Attributes, &Row) &&
        (Registration->Family == AF_UNSPEC || Registration->Family == Row.NextHop.si_family))
        ((PIPFORWARD_CHANGE_CALLBACK)Registration->Callback)(
            Registration->Context, &Row, Type == NETLINK_ROUTE_NEW ? MibAddInstance : MibDeleteInstance);
}

static int Hear(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    REGISTRATION *Registration = Context;
    if (Registration->About == NewsInterface && (Type == NETLINK_LINK_NEW || Type == NETLINK_LINK_DEL))
        HearInterface(Registration, Type, Fixed, Attributes);
    if (Registration->About == NewsAddress && (Type == NETLINK_ADDRESS_NEW || Type == NETLINK_ADDRESS_DEL))
        HearAddress(Registration, Type, Fixed, Attributes);
    if (Registration->About == NewsRoute && (Type == NETLINK_ROUTE_NEW || Type == NETLINK_ROUTE_DEL))
        HearRoute(Registration, Type, Fixed, Attributes);
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

static VOID FreeRegistration(REGISTRATION *Registration)
{
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
    IP_LINK *Links;
    ULONG Count;
    if (!Error)
        Error = LinkList(&Links, &Count);
    if (!Error)
    {
        for (ULONG i = 0; i < Count; i++)
            AddKnown(Registration, Links[i].Index);
        free(Links);
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
    return Register(NewsRoute, NETLINK_GROUP_ROUTE4 | NETLINK_GROUP_ROUTE6, Family, (VOID *)Callback, Context,
                    InitialNotification, Handle);
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
