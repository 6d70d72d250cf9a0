/* SPDX-License-Identifier: MIT */
/*
 * IP interfaces (one for each family of an interface), the part of iphlpapi.dll that reads and changes their MTU, metric
 * and the switches under /proc/sys/net. The metric is Windows' own notion; it is kept in the registry where Windows keeps
 * it, by the interface's GUID. No other state; any thread.
 */
#include "host/wine/iphlpapi/iphelper.h"
#include "host/wine/shared/failures.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "host/linux/syscall.h"

#define AUTOMATIC_METRIC 5 /* what Windows gives to an interface of 2 Gbit/s and more */
#define LOOPBACK_METRIC  75
#define MTU_MIN_IPV4     576 /* bytes */
#define MTU_MIN_IPV6     1280
#define UNCHANGED        0xff /* of a BOOLEAN: InitializeIpInterfaceEntry */

/* --- /proc/sys/net ------------------------------------------------------------------------------------------------- */

static VOID SwitchPath(const IP_LINK *Link, ADDRESS_FAMILY Family, const char *Name, char Path[128])
{
    snprintf(Path, 128, "/proc/sys/net/%s/conf/%s/%s", Family == AF_INET ? "ipv4" : "ipv6", Link->Name, Name);
}

/* Fallback where Linux has no such switch. */
static ULONG ReadSwitch(const IP_LINK *Link, ADDRESS_FAMILY Family, const char *Name, ULONG Fallback)
{
    char Path[128];
    SwitchPath(Link, Family, Name, Path);
    int File = LinuxOpen(Path, LINUX_O_RDONLY | LINUX_O_CLOEXEC, 0);
    if (File < 0)
        return Fallback;
    char Text[32];
    long long Length = LinuxRead(File, Text, sizeof(Text) - 1);
    LinuxClose(File);
    if (Length <= 0)
        return Fallback;
    Text[Length] = 0;
    return strtoul(Text, NULL, 10);
}

static DWORD WriteSwitch(const IP_LINK *Link, ADDRESS_FAMILY Family, const char *Name, ULONG Value)
{
    char Path[128];
    SwitchPath(Link, Family, Name, Path);
    int File = LinuxOpen(Path, LINUX_O_WRONLY | LINUX_O_CLOEXEC, 0);
    if (File < 0)
        return ErrorOfLinux(File);
    char Text[32];
    long long Result = LinuxWrite(File, Text, (unsigned long long)snprintf(Text, sizeof(Text), "%lu", Value));
    LinuxClose(File);
    return Result < 0 ? ErrorOfLinux((int)Result) : NO_ERROR;
}

BOOL LinkHasFamily(const IP_LINK *Link, ADDRESS_FAMILY Family)
{
    if (HostFailure(Family == AF_INET ? L"NoInterface4" : L"NoInterface6") || HostServiceDisabled(L"NetSetupSvc"))
        return FALSE;
    return Family == AF_INET || ReadSwitch(Link, AF_INET6, "disable_ipv6", 1) == 0;
}

/* --- the metric ---------------------------------------------------------------------------------------------------- */

static VOID MetricKey(const IP_LINK *Link, ADDRESS_FAMILY Family, WCHAR Path[160])
{
    const GUID *G = &Link->Guid;
    swprintf(Path, 160,
             L"System\\CurrentControlSet\\Services\\%ls\\Parameters\\Interfaces\\"
             L"{%08lX-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}",
             Family == AF_INET ? L"Tcpip" : L"Tcpip6", G->Data1, G->Data2, G->Data3, G->Data4[0], G->Data4[1],
             G->Data4[2], G->Data4[3], G->Data4[4], G->Data4[5], G->Data4[6], G->Data4[7]);
}

ULONG InterfaceMetric(const IP_LINK *Link, ADDRESS_FAMILY Family, BOOL *Automatic)
{
    DWORD Value = 0, Length = sizeof(Value);
    WCHAR Path[160];
    MetricKey(Link, Family, Path);
    BOOL Set = !RegGetValueW(HKEY_LOCAL_MACHINE, Path, L"InterfaceMetric", RRF_RT_REG_DWORD, NULL, &Value, &Length);
    if (Automatic)
        *Automatic = !Set;
    return Set ? Value : Link->Flags & LINUX_IFF_LOOPBACK ? LOOPBACK_METRIC : AUTOMATIC_METRIC;
}

static DWORD SetMetric(const IP_LINK *Link, ADDRESS_FAMILY Family, BOOL Automatic, DWORD Value)
{
    WCHAR Path[160];
    MetricKey(Link, Family, Path);
    if (!Automatic)
        return (DWORD)RegSetKeyValueW(HKEY_LOCAL_MACHINE, Path, L"InterfaceMetric", REG_DWORD, &Value, sizeof(Value));
    LSTATUS Error = RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, Path, L"InterfaceMetric");
    return Error == ERROR_FILE_NOT_FOUND ? NO_ERROR : (DWORD)Error;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

VOID InterfaceRow(const IP_LINK *Link, ADDRESS_FAMILY Family, MIB_IPINTERFACE_ROW *Row)
{
    BOOL IsV6 = Family == AF_INET6;
    memset(Row, 0, sizeof(*Row));
    Row->Family = Family;
    Row->InterfaceLuid = Link->Luid;
    Row->InterfaceIndex = Link->Index;
    Row->MaxReassemblySize = 65535;
    Row->MinRouterAdvertisementInterval = 200;
    Row->MaxRouterAdvertisementInterval = 600;
    Row->ForwardingEnabled = ReadSwitch(Link, Family, "forwarding", 0) != 0;
    BOOL Automatic;
    Row->Metric = InterfaceMetric(Link, Family, &Automatic);
    Row->UseAutomaticMetric = (BOOLEAN)Automatic;
    Row->UseNeighborUnreachabilityDetection = !Link->IsTun;
    Row->RouterDiscoveryBehavior = IsV6 && ReadSwitch(Link, Family, "accept_ra", 0) ? RouterDiscoveryEnabled
                                   : IsV6                                           ? RouterDiscoveryDisabled
                                                                                    : RouterDiscoveryDhcp;
    Row->DadTransmits = IsV6 ? ReadSwitch(Link, Family, "dad_transmits", 1) : Link->IsTun ? 0 : 3;
    Row->BaseReachableTime = Row->ReachableTime = 30000;
    Row->RetransmitTime = 1000;
    Row->PathMtuDiscoveryTimeout = 600000;
    Row->LinkLocalAddressBehavior = IsV6 ? LinkLocalAlwaysOn : LinkLocalDelayed;
    Row->LinkLocalAddressTimeout = 6500;
    for (int Scope = ScopeLevelInterface; Scope < ScopeLevelCount; Scope++)
        Row->ZoneIndices[Scope] = Scope <= ScopeLevelLink ? Link->Index : 1;
    Row->SitePrefixLength = IsV6 ? 64 : 0;
    Row->NlMtu = IsV6 ? ReadSwitch(Link, Family, "mtu", Link->Mtu) : Link->Mtu;
    Row->Connected = Link->Carrier && (Link->IsTun || (Link->Flags & LINUX_IFF_UP));
    Row->SupportsNeighborDiscovery = IsV6 && !Link->IsTun;
    Row->SupportsRouterDiscovery = IsV6 && !Link->IsTun;
}

static DWORD FindInterface(const MIB_IPINTERFACE_ROW *Row, IP_LINK *Link)
{
    if (!Row || !LinuxFamily(Row->Family))
        return ERROR_INVALID_PARAMETER;
    DWORD Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, Link);
    if (Error)
        return Error == ERROR_NOT_FOUND ? ERROR_FILE_NOT_FOUND : Error;
    return LinkHasFamily(Link, Row->Family) ? NO_ERROR : ERROR_NOT_FOUND;
}

/*
 * ERROR_INVALID_PARAMETER, ERROR_FILE_NOT_FOUND: no such interface. ERROR_NOT_FOUND: it has no such family.
 * "GetIpInterfaceEntry function (netioapi.h)"
 */
DWORD WINAPI GetIpInterfaceEntry(PMIB_IPINTERFACE_ROW Row)
{
    IP_LINK Link;
    DWORD Error = FindInterface(Row, &Link);
    if (!Error)
        InterfaceRow(&Link, Row->Family, Row);
    return Error;
}

/* Family: AF_UNSPEC, AF_INET or AF_INET6. ERROR_INVALID_PARAMETER. "GetIpInterfaceTable function (netioapi.h)" */
DWORD WINAPI GetIpInterfaceTable(ADDRESS_FAMILY Family, PMIB_IPINTERFACE_TABLE *Table)
{
    static const ADDRESS_FAMILY Families[] = {AF_INET, AF_INET6};
    if (!Table || (Family != AF_UNSPEC && !LinuxFamily(Family)))
        return ERROR_INVALID_PARAMETER;
    IP_LINK *Links;
    ULONG Count;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    MIB_BUFFER Buffer;
    if (!MibBegin(&Buffer, sizeof(MIB_IPINTERFACE_ROW), offsetof(MIB_IPINTERFACE_TABLE, Table)))
    {
        free(Links);
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    for (ULONG f = 0; f < ARRAYSIZE(Families); f++)
        for (ULONG i = 0; i < Count; i++)
            if ((Family == AF_UNSPEC || Family == Families[f]) && LinkHasFamily(&Links[i], Families[f]))
            {
                MIB_IPINTERFACE_ROW *Row = MibRow(&Buffer);
                if (Row)
                    InterfaceRow(&Links[i], Families[f], Row);
            }
    free(Links);
    return MibEnd(&Buffer, NO_ERROR, (VOID **)Table);
}

/* --- changing ------------------------------------------------------------------------------------------------------ */

/* Every value that can be set is one that stands for "as it is". "InitializeIpInterfaceEntry function (netioapi.h)" */
VOID WINAPI InitializeIpInterfaceEntry(PMIB_IPINTERFACE_ROW Row)
{
    memset(Row, 0, sizeof(*Row));
    Row->AdvertisingEnabled = Row->ForwardingEnabled = Row->WeakHostSend = Row->WeakHostReceive = UNCHANGED;
    Row->UseAutomaticMetric = Row->UseNeighborUnreachabilityDetection = UNCHANGED;
    Row->ManagedAddressConfigurationSupported = Row->OtherStatefulConfigurationSupported = UNCHANGED;
    Row->AdvertiseDefaultRoute = Row->DisableDefaultRoutes = UNCHANGED;
    Row->RouterDiscoveryBehavior = RouterDiscoveryUnchanged;
    Row->LinkLocalAddressBehavior = LinkLocalUnchanged;
    Row->DadTransmits = Row->BaseReachableTime = Row->RetransmitTime = Row->PathMtuDiscoveryTimeout = ~0u;
    Row->LinkLocalAddressTimeout = Row->SitePrefixLength = Row->Metric = Row->NlMtu = ~0u;
}

static DWORD SetMtu(const IP_LINK *Link, ADDRESS_FAMILY Family, ULONG Mtu)
{
    DWORD Error = NO_ERROR;
    if (Mtu < (Family == AF_INET ? MTU_MIN_IPV4 : MTU_MIN_IPV6))
        return ERROR_INVALID_PARAMETER;
    if (Family == AF_INET)
        return Mtu == Link->Mtu ? NO_ERROR : LinkSetMtu(Link, Mtu);
    if (Mtu > Link->Mtu)
        Error = LinkSetMtu(Link, Mtu);
    return Error ? Error : WriteSwitch(Link, AF_INET6, "mtu", Mtu);
}

/*
 * Takes over NlMtu (0 and ~0: as it is), the metric, forwarding, router discovery and the number of duplicate address
 * probes; what else is in the row has no counterpart here and is let pass. ERROR_INVALID_PARAMETER: also for an MTU that
 * the family or the interface does not allow, and for an IPv4 row with a site prefix. ERROR_FILE_NOT_FOUND,
 * ERROR_NOT_FOUND, ERROR_ACCESS_DENIED. "SetIpInterfaceEntry function (netioapi.h)"
 */
DWORD WINAPI SetIpInterfaceEntry(PMIB_IPINTERFACE_ROW Row)
{
    IP_LINK Link;
    DWORD Error = FindInterface(Row, &Link);
    if (Error)
        return Error;
    if (Row->Family == AF_INET && Row->SitePrefixLength && Row->SitePrefixLength != ~0u)
        return ERROR_INVALID_PARAMETER;
    Row->InterfaceLuid = Link.Luid;
    if (Row->NlMtu && Row->NlMtu != ~0u)
        Error = SetMtu(&Link, Row->Family, Row->NlMtu);
    if (!Error && Row->UseAutomaticMetric == TRUE)
        Error = SetMetric(&Link, Row->Family, TRUE, 0);
    else if (!Error && Row->Metric != ~0u)
        Error = SetMetric(&Link, Row->Family, FALSE, Row->Metric);
    if (!Error && Row->ForwardingEnabled <= TRUE &&
        Row->ForwardingEnabled != (ReadSwitch(&Link, Row->Family, "forwarding", 0) != 0))
        Error = WriteSwitch(&Link, Row->Family, "forwarding", Row->ForwardingEnabled);
    if (!Error && Row->Family == AF_INET6 && (int)Row->RouterDiscoveryBehavior >= 0)
        Error = WriteSwitch(&Link, AF_INET6, "accept_ra", Row->RouterDiscoveryBehavior == RouterDiscoveryEnabled);
    if (!Error && Row->Family == AF_INET6 && Row->DadTransmits != ~0u)
        Error = WriteSwitch(&Link, AF_INET6, "dad_transmits", Row->DadTransmits);
    return Error;
}
