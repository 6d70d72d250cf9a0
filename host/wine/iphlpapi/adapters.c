/* SPDX-License-Identifier: MIT */
/*
 * The lists of adapters, the part of iphlpapi.dll that says for each interface all that there is to say: its names,
 * addresses, name servers, gateways and numbers. Wine has such lists, but keeps interfaces that are gone, and fails for
 * want of a name server. Made anew by every call from what Linux says then. No state; any thread.
 */
#include "host/wine/iphlpapi/iphelper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define NAME_SERVERS 16 /* of one interface and family; Windows' tools take fewer */

/* --- an answer in the caller's memory -------------------------------------------------------------------------------- */

/* Parts are cut from the caller's buffer one after the other. When it is full they are only counted, and the caller learns
 * how much he needs. */
typedef struct _ROOM
{
    BYTE *Memory;
    SIZE_T Size, Used;
} ROOM;

/* A zeroed part; NULL where there is no room. */
static VOID *Part(ROOM *Room, SIZE_T Size)
{
    SIZE_T At = Room->Used;
    Room->Used += (Size + 7) & ~(SIZE_T)7;
    if (!Room->Memory || Room->Used > Room->Size)
        return NULL;
    return memset(Room->Memory + At, 0, Size);
}

static WCHAR *PartText(ROOM *Room, const WCHAR *Text)
{
    SIZE_T Size = (wcslen(Text) + 1) * sizeof(WCHAR);
    WCHAR *Copy = Part(Room, Size);
    return Copy ? memcpy(Copy, Text, Size) : NULL;
}

/* Fills in an address of an item of one of the lists; Item may be NULL. */
static VOID PartAddress(ROOM *Room, const SOCKADDR_INET *Address, SOCKET_ADDRESS *Item)
{
    INT Length = Address->si_family == AF_INET ? sizeof(Address->Ipv4) : sizeof(Address->Ipv6);
    VOID *Copy = Part(Room, (SIZE_T)Length);
    if (!Copy || !Item)
        return;
    memcpy(Copy, Address, (SIZE_T)Length);
    *Item = (SOCKET_ADDRESS){Copy, Length};
}

/* What all lists have alike: Length (and zeroes) first, Next behind it, then the address. */
typedef struct _ITEM
{
    ULONGLONG Length;
    struct _ITEM *Next;
    SOCKET_ADDRESS Address;
} ITEM;

static VOID *AddItem(ROOM *Room, ITEM ***Tail, SIZE_T Size, const SOCKADDR_INET *Address)
{
    ITEM *Item = Part(Room, Size);
    PartAddress(Room, Address, Item ? &Item->Address : NULL);
    if (!Item)
        return NULL;
    Item->Length = Size;
    if (*Tail)
        **Tail = Item;
    *Tail = &Item->Next;
    return Item;
}

/* --- name servers ---------------------------------------------------------------------------------------------------- */

static ULONG ParseServers(const WCHAR *Text, ADDRESS_FAMILY Family, SOCKADDR_INET Servers[NAME_SERVERS])
{
    ULONG Count = 0;
    while (*Text && Count < NAME_SERVERS)
    {
        SIZE_T Length = wcscspn(Text, L" ,;\t\r\n");
        WCHAR Word[64];
        if (Length && Length < ARRAYSIZE(Word))
        {
            wmemcpy(Word, Text, Length);
            Word[Length] = 0;
            if (AddressFromText(Word, &Servers[Count]) && Servers[Count].si_family == Family)
                Count++;
        }
        Text += Length + (Text[Length] != 0);
    }
    return Count;
}

/* An interface's own, which Windows keeps in the registry; else for an interface of the machine's those of the machine. */
static ULONG NameServers(const IP_LINK *Link, ADDRESS_FAMILY Family, SOCKADDR_INET Servers[NAME_SERVERS])
{
    static const WCHAR *const Values[] = {L"NameServer", L"DhcpNameServer"};
    WCHAR Key[INTERFACE_KEY_LENGTH];
    InterfaceKey(Link, Family, Key);
    WCHAR Text[1024];
    for (ULONG i = 0; i < ARRAYSIZE(Values); i++)
    {
        DWORD Size = sizeof(Text);
        if (!RegGetValueW(HKEY_LOCAL_MACHINE, Key, Values[i], RRF_RT_REG_SZ, NULL, Text, &Size) && Text[0])
            return ParseServers(Text, Family, Servers);
    }
    if (Link->IsTun || (Link->Flags & LINUX_IFF_LOOPBACK))
        return 0;
    MachineNameServers(Text, ARRAYSIZE(Text));
    return ParseServers(Text, Family, Servers);
}

/* --- GetAdaptersAddresses -------------------------------------------------------------------------------------------- */

typedef struct _KNOWLEDGE
{
    IP_LINK *Links;
    ULONG Count;
    MIB_UNICASTIPADDRESS_TABLE *Addresses;
    MIB_MULTICASTIPADDRESS_TABLE *Groups;
    MIB_IPFORWARD_TABLE2 *Routes;
} KNOWLEDGE;

static VOID Forget(KNOWLEDGE *Knowledge)
{
    free(Knowledge->Links);
    FreeMibTable(Knowledge->Addresses);
    FreeMibTable(Knowledge->Groups);
    FreeMibTable(Knowledge->Routes);
}

static DWORD Learn(ADDRESS_FAMILY Family, KNOWLEDGE *Knowledge)
{
    memset(Knowledge, 0, sizeof(*Knowledge));
    DWORD Error = LinkList(&Knowledge->Links, &Knowledge->Count);
    if (!Error)
        Error = GetUnicastIpAddressTable(Family, &Knowledge->Addresses);
    if (!Error)
        Error = GetMulticastIpAddressTable(Family, &Knowledge->Groups);
    if (!Error || Error == ERROR_NOT_FOUND)
        Error = GetIpForwardTable2(Family, &Knowledge->Routes);
    if (Error)
        Forget(Knowledge);
    return Error;
}

static IP_ADAPTER_UNICAST_ADDRESS *PutUnicast(ROOM *Room, const KNOWLEDGE *Knowledge, const IP_LINK *Link)
{
    IP_ADAPTER_UNICAST_ADDRESS *First = NULL;
    ITEM **Tail = (ITEM **)&First;
    for (ULONG i = 0; i < Knowledge->Addresses->NumEntries; i++)
    {
        const MIB_UNICASTIPADDRESS_ROW *Row = &Knowledge->Addresses->Table[i];
        if (Row->InterfaceIndex != Link->Index)
            continue;
        IP_ADAPTER_UNICAST_ADDRESS_LH *Item = AddItem(Room, &Tail, sizeof(*Item), &Row->Address);
        if (!Item)
            continue;
        BOOL LinkLocal = Row->Address.si_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&Row->Address.Ipv6.sin6_addr);
        Item->Flags = LinkLocal || Row->SkipAsSource ? 0 : IP_ADAPTER_ADDRESS_DNS_ELIGIBLE;
        Item->PrefixOrigin = (IP_PREFIX_ORIGIN)Row->PrefixOrigin;
        Item->SuffixOrigin = (IP_SUFFIX_ORIGIN)Row->SuffixOrigin;
        Item->DadState = (IP_DAD_STATE)Row->DadState;
        Item->ValidLifetime = Item->LeaseLifetime = Row->ValidLifetime;
        Item->PreferredLifetime = Row->PreferredLifetime;
        Item->OnLinkPrefixLength = Row->OnLinkPrefixLength;
    }
    return First;
}

static IP_ADAPTER_MULTICAST_ADDRESS *PutMulticast(ROOM *Room, const KNOWLEDGE *Knowledge, const IP_LINK *Link)
{
    IP_ADAPTER_MULTICAST_ADDRESS *First = NULL;
    ITEM **Tail = (ITEM **)&First;
    for (ULONG i = 0; Knowledge->Groups && i < Knowledge->Groups->NumEntries; i++)
        if (Knowledge->Groups->Table[i].InterfaceIndex == Link->Index)
            AddItem(Room, &Tail, sizeof(*First), &Knowledge->Groups->Table[i].Address);
    return First;
}

static IP_ADAPTER_DNS_SERVER_ADDRESS *PutNameServers(ROOM *Room, ADDRESS_FAMILY Family, const IP_LINK *Link)
{
    static const ADDRESS_FAMILY Families[] = {AF_INET, AF_INET6};
    IP_ADAPTER_DNS_SERVER_ADDRESS *First = NULL;
    ITEM **Tail = (ITEM **)&First;
    SOCKADDR_INET Servers[NAME_SERVERS];
    for (ULONG f = 0; f < ARRAYSIZE(Families); f++)
        if (Family == AF_UNSPEC || Family == Families[f])
        {
            ULONG Count = NameServers(Link, Families[f], Servers);
            for (ULONG i = 0; i < Count; i++)
                AddItem(Room, &Tail, sizeof(*First), &Servers[i]);
        }
    return First;
}

/* A prefix for each route on the link, and one for each address, as long as the address. */
static IP_ADAPTER_PREFIX *PutPrefixes(ROOM *Room, const KNOWLEDGE *Knowledge, const IP_LINK *Link)
{
    IP_ADAPTER_PREFIX *First = NULL;
    ITEM **Tail = (ITEM **)&First;
    for (ULONG i = 0; i < Knowledge->Routes->NumEntries; i++)
    {
        const MIB_IPFORWARD_ROW2 *Row = &Knowledge->Routes->Table[i];
        if (Row->InterfaceIndex != Link->Index || !IsUnspecified(&Row->NextHop))
            continue;
        IP_ADAPTER_PREFIX *Item = AddItem(Room, &Tail, sizeof(*Item), &Row->DestinationPrefix.Prefix);
        if (Item)
            Item->PrefixLength = Row->DestinationPrefix.PrefixLength;
    }
    for (ULONG i = 0; i < Knowledge->Addresses->NumEntries; i++)
    {
        const MIB_UNICASTIPADDRESS_ROW *Row = &Knowledge->Addresses->Table[i];
        if (Row->InterfaceIndex != Link->Index)
            continue;
        IP_ADAPTER_PREFIX *Item = AddItem(Room, &Tail, sizeof(*Item), &Row->Address);
        if (Item)
            Item->PrefixLength = Row->Address.si_family == AF_INET ? 32 : 128;
    }
    return First;
}

static IP_ADAPTER_GATEWAY_ADDRESS_LH *PutGateways(ROOM *Room, const KNOWLEDGE *Knowledge, const IP_LINK *Link)
{
    IP_ADAPTER_GATEWAY_ADDRESS_LH *First = NULL;
    ITEM **Tail = (ITEM **)&First;
    for (ULONG i = 0; i < Knowledge->Routes->NumEntries; i++)
    {
        const MIB_IPFORWARD_ROW2 *Row = &Knowledge->Routes->Table[i];
        if (Row->InterfaceIndex == Link->Index && !Row->DestinationPrefix.PrefixLength && !IsUnspecified(&Row->NextHop))
            AddItem(Room, &Tail, sizeof(*First), &Row->NextHop);
    }
    return First;
}

static VOID PutAdapter(ROOM *Room, ADDRESS_FAMILY Family, ULONG Flags, const KNOWLEDGE *Knowledge, const IP_LINK *Link,
                       IP_ADAPTER_ADDRESSES_LH *Adapter)
{
    BOOL Has4 = LinkHasFamily(Link, AF_INET), Has6 = LinkHasFamily(Link, AF_INET6);
    CHAR *Guid = Part(Room, GUID_TEXT_LENGTH);
    WCHAR Description[IF_MAX_STRING_SIZE + 1];
    LinkDescription(Link, Description);
    IP_ADAPTER_ADDRESSES_LH Filled = {
        .Length = sizeof(*Adapter),
        .IfIndex = Has4 ? Link->Index : 0,
        .Ipv6IfIndex = Has6 ? Link->Index : 0,
        .AdapterName = Guid,
        .DnsSuffix = PartText(Room, L""),
        .Description = PartText(Room, Description),
        .FriendlyName = Flags & GAA_FLAG_SKIP_FRIENDLY_NAME ? NULL : PartText(Room, Link->Alias),
        .PhysicalAddressLength = min(Link->AddressLength, MAX_ADAPTER_ADDRESS_LENGTH),
        .Mtu = Has4 && Family != AF_INET6 ? InterfaceMtu(Link, AF_INET) : InterfaceMtu(Link, AF_INET6),
        .IfType = Link->Luid.Info.IfType,
        .OperStatus = LinkUp(Link) ? IfOperStatusUp : IfOperStatusDown,
        .TransmitLinkSpeed = LinkSpeed(Link),
        .ReceiveLinkSpeed = LinkSpeed(Link),
        .Ipv4Metric = Has4 ? InterfaceMetric(Link, AF_INET, NULL) : 0,
        .Ipv6Metric = Has6 ? InterfaceMetric(Link, AF_INET6, NULL) : 0,
        .Luid = Link->Luid,
        .CompartmentId = 1, /* the one that there is */
        .NetworkGuid = Link->Guid,
        .ConnectionType = NET_IF_CONNECTION_DEDICATED,
        .TunnelType = TUNNEL_TYPE_NONE,
    };
    if (Guid)
        GuidText(&Link->Guid, Guid);
    memcpy(Filled.PhysicalAddress, Link->Address, Filled.PhysicalAddressLength);
    Filled.Flags = (Has4 ? IP_ADAPTER_IPV4_ENABLED : 0) | (Has6 ? IP_ADAPTER_IPV6_ENABLED : 0);
    for (int Scope = ScopeLevelInterface; Scope < ScopeLevelCount; Scope++)
        Filled.ZoneIndices[Scope] = Scope <= ScopeLevelLink ? Link->Index : 1;
    if (!(Flags & GAA_FLAG_SKIP_UNICAST))
        Filled.FirstUnicastAddress = PutUnicast(Room, Knowledge, Link);
    if (!(Flags & GAA_FLAG_SKIP_MULTICAST))
        Filled.FirstMulticastAddress = PutMulticast(Room, Knowledge, Link);
    if (!(Flags & GAA_FLAG_SKIP_DNS_SERVER))
        Filled.FirstDnsServerAddress = PutNameServers(Room, Family, Link);
    if (Flags & GAA_FLAG_INCLUDE_PREFIX)
        Filled.FirstPrefix = PutPrefixes(Room, Knowledge, Link);
    if (Flags & GAA_FLAG_INCLUDE_GATEWAYS)
        Filled.FirstGatewayAddress = PutGateways(Room, Knowledge, Link);
    if (Adapter)
    {
        Filled.Next = Adapter->Next;
        *Adapter = Filled;
    }
}

/*
 * Size: bytes; on return with ERROR_BUFFER_OVERFLOW what it takes now. An interface without the family that is asked for is
 * left out. Nothing here has anycast addresses or WINS servers. ERROR_INVALID_PARAMETER, ERROR_NO_DATA: no interface.
 * "GetAdaptersAddresses function (iphlpapi.h)", "IP_ADAPTER_ADDRESSES_LH (iptypes.h)"
 */
ULONG WINAPI GetAdaptersAddresses(ULONG Family, ULONG Flags, PVOID Reserved, PIP_ADAPTER_ADDRESSES Addresses,
                                  PULONG Size)
{
    if (!Size || (Family != AF_UNSPEC && !LinuxFamily((ADDRESS_FAMILY)Family)))
        return ERROR_INVALID_PARAMETER;
    ROOM Room = {(BYTE *)Addresses, Addresses ? *Size : 0, 0};
    KNOWLEDGE Knowledge;
    DWORD Error = Learn((ADDRESS_FAMILY)Family, &Knowledge);
    if (Error)
        return Error;
    IP_ADAPTER_ADDRESSES_LH *Last = NULL;
    ULONG Listed = 0;
    for (ULONG i = 0; i < Knowledge.Count; i++)
    {
        const IP_LINK *Link = &Knowledge.Links[i];
        if (!(Family != AF_INET6 && LinkHasFamily(Link, AF_INET)) &&
            !(Family != AF_INET && LinkHasFamily(Link, AF_INET6)))
            continue;
        Listed++;
        IP_ADAPTER_ADDRESSES_LH *Adapter = Part(&Room, sizeof(*Adapter));
        PutAdapter(&Room, (ADDRESS_FAMILY)Family, Flags, &Knowledge, Link, Adapter);
        if (Last)
            Last->Next = (VOID *)Adapter;
        Last = Adapter;
    }
    Forget(&Knowledge);
    if (!Listed)
        return ERROR_NO_DATA;
    if (Room.Used <= Room.Size)
        return NO_ERROR;
    *Size = (ULONG)Room.Used;
    return ERROR_BUFFER_OVERFLOW;
}

/* --- the older lists: IPv4 only -------------------------------------------------------------------------------------- */

static VOID AddressText(const SOCKADDR_INET *Address, CHAR Text[16])
{
    const BYTE *Byte = (const BYTE *)&Address->Ipv4.sin_addr;
    snprintf(Text, 16, "%u.%u.%u.%u", Byte[0], Byte[1], Byte[2], Byte[3]);
}

static VOID MaskText(ULONG PrefixLength, CHAR Text[16])
{
    SOCKADDR_INET Mask = {.si_family = AF_INET};
    ULONG Value = _byteswap_ulong(PrefixLength ? ~0u << (32 - PrefixLength) : 0);
    memcpy(&Mask.Ipv4.sin_addr, &Value, sizeof(Value));
    AddressText(&Mask, Text);
}

/* The next of a list whose first item lies in the row itself. */
static IP_ADDR_STRING *NextString(ROOM *Room, IP_ADDR_STRING *First, IP_ADDR_STRING **Last)
{
    if (!*Last)
        return *Last = First;
    IP_ADDR_STRING *Item = Part(Room, sizeof(*Item));
    if (!Item)
        return NULL;
    (*Last)->Next = Item;
    return *Last = Item;
}

static VOID PutInfo(ROOM *Room, const KNOWLEDGE *Knowledge, const IP_LINK *Link, IP_ADAPTER_INFO *Info)
{
    IP_ADDR_STRING *LastAddress = NULL, *LastGateway = NULL;
    IP_ADAPTER_INFO Lost; /* stands for one that has no room, so that the rest is counted */
    if (!Info)
        Info = &Lost;
    memset(Info, 0, sizeof(*Info));
    Info->ComboIndex = Info->Index = Link->Index;
    Info->Type = Link->Luid.Info.IfType;
    GuidText(&Link->Guid, Info->AdapterName);
    WCHAR Description[IF_MAX_STRING_SIZE + 1];
    LinkDescription(Link, Description);
    WideCharToMultiByte(CP_ACP, 0, Description, -1, Info->Description, MAX_ADAPTER_DESCRIPTION_LENGTH, NULL, NULL);
    Info->AddressLength = min(Link->AddressLength, MAX_ADAPTER_ADDRESS_LENGTH);
    memcpy(Info->Address, Link->Address, Info->AddressLength);
    strcpy(Info->IpAddressList.IpAddress.String, "0.0.0.0");
    strcpy(Info->IpAddressList.IpMask.String, "0.0.0.0");
    strcpy(Info->GatewayList.IpAddress.String, "0.0.0.0");
    strcpy(Info->GatewayList.IpMask.String, "255.255.255.255");
    for (ULONG i = 0; i < Knowledge->Addresses->NumEntries; i++)
    {
        const MIB_UNICASTIPADDRESS_ROW *Row = &Knowledge->Addresses->Table[i];
        if (Row->InterfaceIndex != Link->Index)
            continue;
        IP_ADDR_STRING *Item = NextString(Room, &Info->IpAddressList, &LastAddress);
        if (!Item)
            continue;
        AddressText(&Row->Address, Item->IpAddress.String);
        MaskText(Row->OnLinkPrefixLength, Item->IpMask.String);
        Item->Context = AddressContext(Link->Index, Row->Address.Ipv4.sin_addr.S_un.S_addr);
    }
    for (ULONG i = 0; i < Knowledge->Routes->NumEntries; i++)
    {
        const MIB_IPFORWARD_ROW2 *Row = &Knowledge->Routes->Table[i];
        if (Row->InterfaceIndex != Link->Index || Row->DestinationPrefix.PrefixLength || IsUnspecified(&Row->NextHop))
            continue;
        IP_ADDR_STRING *Item = NextString(Room, &Info->GatewayList, &LastGateway);
        if (!Item)
            continue;
        AddressText(&Row->NextHop, Item->IpAddress.String);
        strcpy(Item->IpMask.String, "255.255.255.255");
    }
}

/* Without the loopback interface. ERROR_BUFFER_OVERFLOW, ERROR_NO_DATA. "GetAdaptersInfo function (iphlpapi.h)" */
DWORD WINAPI GetAdaptersInfo(PIP_ADAPTER_INFO Info, PULONG Size)
{
    if (!Size)
        return ERROR_INVALID_PARAMETER;
    ROOM Room = {(BYTE *)Info, Info ? *Size : 0, 0};
    KNOWLEDGE Knowledge;
    DWORD Error = Learn(AF_INET, &Knowledge);
    if (Error)
        return Error;
    IP_ADAPTER_INFO *Last = NULL;
    for (ULONG i = 0; i < Knowledge.Count; i++)
    {
        const IP_LINK *Link = &Knowledge.Links[i];
        if ((Link->Flags & LINUX_IFF_LOOPBACK) || !LinkHasFamily(Link, AF_INET))
            continue;
        IP_ADAPTER_INFO *Adapter = Part(&Room, sizeof(*Adapter));
        PutInfo(&Room, &Knowledge, Link, Adapter);
        if (Last)
            Last->Next = Adapter;
        Last = Adapter;
    }
    Forget(&Knowledge);
    if (!Room.Used)
        return ERROR_NO_DATA;
    if (Room.Used <= Room.Size)
        return NO_ERROR;
    *Size = (ULONG)Room.Used;
    return ERROR_BUFFER_OVERFLOW;
}

/* Without the loopback interface. ERROR_INSUFFICIENT_BUFFER, ERROR_NO_DATA. "GetInterfaceInfo function (iphlpapi.h)" */
DWORD WINAPI GetInterfaceInfo(PIP_INTERFACE_INFO Info, PULONG Size)
{
    ULONG Listed = 0;
    if (!Size)
        return ERROR_INVALID_PARAMETER;
    IP_LINK *Links;
    ULONG Count;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    for (ULONG i = 0; i < Count; i++)
        if (!(Links[i].Flags & LINUX_IFF_LOOPBACK) && LinkHasFamily(&Links[i], AF_INET))
            Links[Listed++] = Links[i];
    ULONG Needed = FIELD_OFFSET(IP_INTERFACE_INFO, Adapter) + max(Listed, 1) * sizeof(IP_ADAPTER_INDEX_MAP);
    Error = !Listed ? ERROR_NO_DATA : !Info || *Size < Needed ? ERROR_INSUFFICIENT_BUFFER : NO_ERROR;
    if (!Error)
    {
        Info->NumAdapters = (LONG)Listed;
        for (ULONG i = 0; i < Listed; i++)
        {
            Info->Adapter[i].Index = Links[i].Index;
            DeviceName(&Links[i].Guid, Info->Adapter[i].Name);
        }
    }
    free(Links);
    *Size = Needed;
    return Error;
}

static VOID FillOldRow(const IP_LINK *Link, MIB_IFROW *Row)
{
    memset(Row, 0, sizeof(*Row));
    DeviceName(&Link->Guid, Row->wszName);
    Row->dwIndex = Link->Index;
    Row->dwType = Link->Luid.Info.IfType;
    Row->dwMtu = Link->Mtu;
    Row->dwSpeed = (DWORD)min(LinkSpeed(Link), 0xffffffffull);
    Row->dwPhysAddrLen = min(Link->AddressLength, MAXLEN_PHYSADDR);
    memcpy(Row->bPhysAddr, Link->Address, Row->dwPhysAddrLen);
    Row->dwAdminStatus = TRUE;
    Row->dwOperStatus = LinkUp(Link) ? IF_OPER_STATUS_OPERATIONAL : IF_OPER_STATUS_DISCONNECTED;
    Row->dwInUcastPkts = (DWORD)Link->Statistics[0];
    Row->dwOutUcastPkts = (DWORD)Link->Statistics[1];
    Row->dwInOctets = (DWORD)Link->Statistics[2];
    Row->dwOutOctets = (DWORD)Link->Statistics[3];
    Row->dwInErrors = (DWORD)Link->Statistics[4];
    Row->dwOutErrors = (DWORD)Link->Statistics[5];
    Row->dwInDiscards = (DWORD)Link->Statistics[6];
    Row->dwOutDiscards = (DWORD)Link->Statistics[7];
    Row->dwInNUcastPkts = (DWORD)Link->Statistics[8];
    WCHAR Description[IF_MAX_STRING_SIZE + 1];
    LinkDescription(Link, Description);
    WideCharToMultiByte(CP_ACP, 0, Description, -1, (CHAR *)Row->bDescr, MAXLEN_IFDESCR, NULL, NULL);
    Row->bDescr[MAXLEN_IFDESCR - 1] = 0;
    Row->dwDescrLen = (DWORD)strlen((CHAR *)Row->bDescr);
}

/* ERROR_INVALID_PARAMETER, ERROR_INVALID_DATA: no such index. "GetIfEntry function (iphlpapi.h)" */
DWORD WINAPI GetIfEntry(PMIB_IFROW Row)
{
    if (!Row)
        return ERROR_INVALID_PARAMETER;
    IP_LINK Link;
    DWORD Error = LinkFind(NULL, Row->dwIndex, &Link);
    if (Error)
        return Error == ERROR_NOT_FOUND || Error == ERROR_INVALID_PARAMETER ? ERROR_INVALID_DATA : Error;
    FillOldRow(&Link, Row);
    return NO_ERROR;
}

static int ByIndex(const void *A, const void *B)
{
    return ((const IP_LINK *)A)->Index < ((const IP_LINK *)B)->Index ? -1 : 1;
}

/* Order: by index. ERROR_INSUFFICIENT_BUFFER, ERROR_NO_DATA. "GetIfTable function (iphlpapi.h)" */
DWORD WINAPI GetIfTable(PMIB_IFTABLE Table, PULONG Size, WINBOOL Order)
{
    if (!Size)
        return ERROR_INVALID_PARAMETER;
    ULONG Count;
    IP_LINK *Links;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    ULONG Needed = FIELD_OFFSET(MIB_IFTABLE, table) + Count * sizeof(MIB_IFROW);
    Error = !Count ? ERROR_NO_DATA : !Table || *Size < Needed ? ERROR_INSUFFICIENT_BUFFER : NO_ERROR;
    if (Error)
        *Size = Needed;
    else
    {
        if (Order)
            qsort(Links, Count, sizeof(*Links), ByIndex);
        Table->dwNumEntries = Count;
        for (ULONG i = 0; i < Count; i++)
            FillOldRow(&Links[i], &Table->table[i]);
    }
    free(Links);
    return Error;
}

/* With the loopback interface. "GetNumberOfInterfaces function (iphlpapi.h)" */
DWORD WINAPI GetNumberOfInterfaces(PDWORD Number)
{
    if (!Number)
        return ERROR_INVALID_PARAMETER;
    ULONG Count;
    IP_LINK *Links;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    free(Links);
    *Number = Count;
    return NO_ERROR;
}

/* Name: as in GetInterfaceInfo. ERROR_INVALID_PARAMETER, ERROR_FILE_NOT_FOUND: there is none of it; ERROR_NO_DATA.
 * "GetAdapterIndex function (iphlpapi.h)" */
DWORD WINAPI GetAdapterIndex(LPWSTR Name, PULONG Index)
{
    if (!Name || !Index)
        return ERROR_INVALID_PARAMETER;
    ULONG Count;
    IP_LINK *Links;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    Error = ERROR_FILE_NOT_FOUND;
    WCHAR Own[MAX_INTERFACE_NAME_LEN];
    for (ULONG i = 0; i < Count && Error; i++)
    {
        DeviceName(&Links[i].Guid, Own);
        if (!_wcsicmp(Own, Name))
        {
            *Index = Links[i].Index;
            Error = NO_ERROR;
        }
    }
    free(Links);
    return Error;
}
