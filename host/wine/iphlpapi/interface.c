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
#include <mstcpip.h>

#include "host/linux/syscall.h"

#define LOOPBACK_METRIC 75
#define MTU_MIN_IPV4    576 /* bytes */
#define MTU_MIN_IPV6    1280
#define UNCHANGED       0xff /* of a BOOLEAN: InitializeIpInterfaceEntry */

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

VOID InterfaceKey(const IP_LINK *Link, ADDRESS_FAMILY Family, WCHAR Key[INTERFACE_KEY_LENGTH])
{
    CHAR Guid[GUID_TEXT_LENGTH];
    GuidText(&Link->Guid, Guid);
    swprintf(Key, INTERFACE_KEY_LENGTH, L"System\\CurrentControlSet\\Services\\%ls\\Parameters\\Interfaces\\%hs",
             Family == AF_INET ? L"Tcpip" : L"Tcpip6", Guid);
}

/* "An explanation of the Automatic Metric feature for IPv4 routes", for what is not wireless. */
static ULONG AutomaticMetric(const IP_LINK *Link)
{
    static const struct
    {
        ULONG Megabits, Metric;
    } Steps[] = {{100000, 5}, {40000, 10}, {10000, 15}, {2000, 20}, {200, 25}, {80, 35}, {20, 45}, {4, 55}};
    ULONG64 Megabits = LinkSpeed(Link) / 1000000;
    if (Link->Flags & LINUX_IFF_LOOPBACK)
        return LOOPBACK_METRIC;
    for (ULONG i = 0; i < ARRAYSIZE(Steps); i++)
        if (Megabits >= Steps[i].Megabits)
            return Steps[i].Metric;
    return 65;
}

ULONG InterfaceMetric(const IP_LINK *Link, ADDRESS_FAMILY Family, BOOL *Automatic)
{
    DWORD Value = 0, Length = sizeof(Value);
    WCHAR Key[INTERFACE_KEY_LENGTH];
    InterfaceKey(Link, Family, Key);
    BOOL Set = !RegGetValueW(HKEY_LOCAL_MACHINE, Key, L"InterfaceMetric", RRF_RT_REG_DWORD, NULL, &Value, &Length);
    if (Automatic)
        *Automatic = !Set;
    return Set ? Value : AutomaticMetric(Link);
}

/* Routes follow at once: their places in Linux' table are the sums. */
static DWORD SetMetric(const IP_LINK *Link, ADDRESS_FAMILY Family, BOOL Automatic, DWORD Value)
{
    ULONG Former = InterfaceMetric(Link, Family, NULL);
    WCHAR Key[INTERFACE_KEY_LENGTH];
    InterfaceKey(Link, Family, Key);
    LSTATUS Error =
        Automatic ? RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, Key, L"InterfaceMetric")
                  : RegSetKeyValueW(HKEY_LOCAL_MACHINE, Key, L"InterfaceMetric", REG_DWORD, &Value, sizeof(Value));
    if (Error && Error != ERROR_FILE_NOT_FOUND)
        return (DWORD)Error;
    return RoutesFollowMetric(Link, Family, Former);
}

/* --- the MTU of a family --------------------------------------------------------------------------------------------- */

/* IPv6 has its own in Linux, up to the interface's. IPv4 has not: where it is below the interface's it is kept here, for
 * as long as the interface lives, and routes carry it (choice.c). */
typedef struct _OWN_MTU
{
    ULONG Index, Mtu;
} OWN_MTU;

ULONG InterfaceMtu(const IP_LINK *Link, ADDRESS_FAMILY Family)
{
    OWN_MTU Own;
    DWORD Size = sizeof(Own);
    if (Family == AF_INET6)
        return min(ReadSwitch(Link, AF_INET6, "mtu", Link->Mtu), Link->Mtu);
    WCHAR Key[INTERFACE_KEY_LENGTH];
    InterfaceKey(Link, AF_INET, Key);
    if (RegGetValueW(HKEY_LOCAL_MACHINE, Key, L"HostMtu", RRF_RT_REG_BINARY, NULL, &Own, &Size) ||
        Size != sizeof(Own) || Own.Index != Link->Index)
        return Link->Mtu;
    return min(Own.Mtu, Link->Mtu);
}

/* Linux' interface gets the larger of the two, and is never below what IPv6 needs: IPv6 and its addresses would be gone. */
static DWORD SetMtu(const IP_LINK *Link, ADDRESS_FAMILY Family, ULONG Mtu)
{
    if (Mtu < (Family == AF_INET ? MTU_MIN_IPV4 : MTU_MIN_IPV6))
        return ERROR_INVALID_PARAMETER;
    BOOL Has6 = LinkHasFamily(Link, AF_INET6);
    OWN_MTU Own = {Link->Index, Family == AF_INET ? Mtu : InterfaceMtu(Link, AF_INET)};
    ULONG Mtu6 = Family == AF_INET6 ? Mtu : InterfaceMtu(Link, AF_INET6), Whole = Has6 ? max(Own.Mtu, Mtu6) : Own.Mtu;
    WCHAR Key[INTERFACE_KEY_LENGTH];
    InterfaceKey(Link, AF_INET, Key);
    /* First, so that IPv4 has it at any moment. */
    LSTATUS Kept = RegSetKeyValueW(HKEY_LOCAL_MACHINE, Key, L"HostMtu", REG_BINARY, &Own, sizeof(Own));
    DWORD Error = Kept ? (DWORD)Kept : Whole == Link->Mtu ? NO_ERROR : LinkSetMtu(Link, Whole);
    if (!Error && Has6) /* it has followed the interface's */
        Error = WriteSwitch(Link, AF_INET6, "mtu", Mtu6);
    return Error ? Error : RoutesSettle(AF_INET);
}

/* --- link-local addresses -------------------------------------------------------------------------------------------- */

/* addr_gen_mode: Linux gives an interface its own as Windows does, or not. No switch takes away those that are there. */
#define ADDRESS_BY_LINUX 0
#define ADDRESS_BY_NONE  1

static BOOL LinkLocalIsOff(const IP_LINK *Link)
{
    return ReadSwitch(Link, AF_INET6, "addr_gen_mode", ADDRESS_BY_LINUX) == ADDRESS_BY_NONE;
}

static DWORD SetLinkLocal(const IP_LINK *Link, BOOL Off)
{
    if (Off == LinkLocalIsOff(Link))
        return NO_ERROR;
    DWORD Error = WriteSwitch(Link, AF_INET6, "addr_gen_mode", Off ? ADDRESS_BY_NONE : ADDRESS_BY_LINUX);
    MIB_UNICASTIPADDRESS_TABLE *Table;
    if (!Error)
        Error = GetUnicastIpAddressTable(AF_INET6, &Table);
    if (Error)
        return Error;
    for (ULONG i = 0; i < Table->NumEntries && Off && !Error; i++)
        if (Table->Table[i].InterfaceIndex == Link->Index &&
            IN6_IS_ADDR_LINKLOCAL(&Table->Table[i].Address.Ipv6.sin6_addr))
            Error = DeleteUnicastIpAddressEntry(&Table->Table[i]);
    FreeMibTable(Table);
    return Error;
}

/* --- the machine's name servers ------------------------------------------------------------------------------------ */

VOID MachineNameServers(WCHAR *Text, ULONG Length)
{
    static const char Word[] = "nameserver";
    char File[4096], *Line = File;
    Text[0] = 0;
    int Fd = LinuxOpen("/etc/resolv.conf", LINUX_O_RDONLY | LINUX_O_CLOEXEC, 0);
    if (Fd < 0)
        return;
    long long Read = LinuxRead(Fd, File, sizeof(File) - 1);
    LinuxClose(Fd);
    File[max(Read, 0)] = 0;
    while (*Line)
    {
        SIZE_T End = strcspn(Line, "\n");
        int Used = (int)wcslen(Text);
        if (!strncmp(Line, Word, strlen(Word)))
            swprintf(Text + Used, Length - (ULONG)Used, L" %.*hs", (int)(End - strlen(Word)), Line + strlen(Word));
        Line += End + (Line[End] != 0);
    }
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
    Row->LinkLocalAddressBehavior = !IsV6                  ? LinkLocalDelayed
                                    : LinkLocalIsOff(Link) ? LinkLocalAlwaysOff
                                                           : LinkLocalAlwaysOn;
    Row->LinkLocalAddressTimeout = 6500;
    for (int Scope = ScopeLevelInterface; Scope < ScopeLevelCount; Scope++)
        Row->ZoneIndices[Scope] = Scope <= ScopeLevelLink ? Link->Index : 1;
    Row->SitePrefixLength = 64; /* of IPv4 too, which does not let it be written */
    Row->NlMtu = InterfaceMtu(Link, Family);
    Row->Connected = LinkUp(Link);
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

/*
 * Takes over NlMtu (0 and ~0: as it is), the metric, forwarding, router discovery, the number of duplicate address
 * probes and whether there is a link-local address; what else is in the row has no counterpart here and is let pass.
 * ERROR_INVALID_PARAMETER: also for an MTU that the family or the interface does not allow, and for an IPv4 row with a
 * site prefix. ERROR_FILE_NOT_FOUND,
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
    if (!Error && Row->Family == AF_INET6 &&
        (Row->LinkLocalAddressBehavior == LinkLocalAlwaysOff || Row->LinkLocalAddressBehavior == LinkLocalAlwaysOn))
        Error = SetLinkLocal(&Link, Row->LinkLocalAddressBehavior == LinkLocalAlwaysOff);
    LinkTouch(&Link);
    return Error;
}
