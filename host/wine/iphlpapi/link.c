/* SPDX-License-Identifier: MIT */
/*
 * Interfaces, the part of iphlpapi.dll that the others stand on: what Linux says of its links, their LUIDs and GUIDs
 * (luid.h), GetIfTable2 and its kin, and the Convert functions. No state; any thread.
 */
#include "host/wine/iphlpapi/iphelper.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "host/linux/syscall.h"
#include "host/wine/shared/luid.h"

#define IFLA_ADDRESS_  1
#define IFLA_IFNAME_   3
#define IFLA_MTU_      4
#define IFLA_LINKINFO_ 18
#define IFLA_ALIAS_    20
#define IFLA_STATS64_  23
#define IFLA_CARRIER_  33
#define INFO_KIND_     1

#define ARPHRD_ETHER_    1
#define ARPHRD_PPP_      512
#define ARPHRD_LOOPBACK_ 772

#define MEGABIT       1000000ull
#define TUN_SPEED     (100000 * MEGABIT) /* bits per second, where nobody has given a TUN interface one */
#define UNKNOWN_SPEED (1000 * MEGABIT)

#define ALIAS_BYTES 255 /* with the ending 0; Linux refuses a name of IFALIASZ, 256, with it */

/* Where Windows keeps the name and the device of each network connection, by its GUID. */
#define CONNECTION_KEY                                                                                                 \
    L"System\\CurrentControlSet\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}\\%hs\\Connection"
#define CONNECTION_KEY_LENGTH 160

DWORD ErrorOfLinux(int Error)
{
    switch (-Error)
    {
    case 0:
        return NO_ERROR;
    case LINUX_EPERM:
    case LINUX_EACCES:
        return ERROR_ACCESS_DENIED;
    case LINUX_EEXIST:
        return ERROR_OBJECT_ALREADY_EXISTS;
    case LINUX_ENOENT:
    case LINUX_ESRCH:
    case LINUX_ENODEV:
    case LINUX_EADDRNOTAVAIL:
        return ERROR_NOT_FOUND;
    case LINUX_EAFNOSUPPORT:
    case LINUX_EOPNOTSUPP:
        return ERROR_NOT_SUPPORTED;
    case LINUX_ENETUNREACH:
    case LINUX_EHOSTUNREACH:
        return ERROR_NETWORK_UNREACHABLE;
    case 22: /* EINVAL */
    case 34: /* ERANGE */
        return ERROR_INVALID_PARAMETER;
    default:
        return ERROR_GEN_FAILURE;
    }
}

/* --- names and numbers --------------------------------------------------------------------------------------------- */

VOID GuidText(const GUID *G, CHAR Text[GUID_TEXT_LENGTH])
{
    snprintf(Text, GUID_TEXT_LENGTH, "{%08lX-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", G->Data1, G->Data2,
             G->Data3, G->Data4[0], G->Data4[1], G->Data4[2], G->Data4[3], G->Data4[4], G->Data4[5], G->Data4[6],
             G->Data4[7]);
}

VOID DeviceName(const GUID *Guid, WCHAR Text[MAX_INTERFACE_NAME_LEN])
{
    CHAR Narrow[GUID_TEXT_LENGTH];
    GuidText(Guid, Narrow);
    swprintf(Text, MAX_INTERFACE_NAME_LEN, L"\\DEVICE\\TCPIP_%hs", Narrow);
}

static VOID ConnectionKey(const GUID *Guid, WCHAR Key[CONNECTION_KEY_LENGTH])
{
    CHAR Narrow[GUID_TEXT_LENGTH];
    GuidText(Guid, Narrow);
    swprintf(Key, CONNECTION_KEY_LENGTH, CONNECTION_KEY, Narrow);
}

BOOL LinkUp(const IP_LINK *Link)
{
    return Link->Carrier && (Link->IsTun || (Link->Flags & LINUX_IFF_UP));
}

/* ethtool's ETHTOOL_GSET: struct ethtool_cmd. */
typedef struct _LINUX_LINK_SETTINGS
{
    ULONG Command, Supported, Advertising;
    USHORT Speed; /* Mbit/s, with SpeedHigh; all ones: unknown */
    BYTE Duplex, Port, PhyAddress, Transceiver, Autonegotiation, Mdio;
    ULONG MaxTransmit, MaxReceive;
    USHORT SpeedHigh;
    BYTE Mdix, MdixControl;
    ULONG PartnerAdvertising, Reserved[2];
} LINUX_LINK_SETTINGS;

ULONG64 LinkSpeed(const IP_LINK *Link)
{
    LINUX_LINK_SETTINGS Settings = {.Command = 1};
    struct
    {
        char Name[16];
        VOID *Data;
        BYTE Room[16];
    } Request = {.Data = &Settings};
    memcpy(Request.Name, Link->Name, sizeof(Request.Name));
    int Socket = (int)LinuxCall3(LINUX_SOCKET, LINUX_AF_INET, 2 | LINUX_O_CLOEXEC, 0);
    int Result = Socket < 0 ? Socket : LinuxIoctl(Socket, 0x8946, &Request); /* SIOCETHTOOL */
    if (Socket >= 0)
        LinuxClose(Socket);
    ULONG Megabits = Result < 0 ? 0 : (ULONG)Settings.SpeedHigh << 16 | Settings.Speed;
    /* Linux calls a TUN interface that nobody has given a speed one of 10 Mbit/s. */
    if (Link->IsTun && Megabits <= 10)
        return TUN_SPEED;
    return !Megabits || Megabits == ~0u || Megabits == 0xffff ? UNKNOWN_SPEED : Megabits * MEGABIT;
}

/* "DEVPKEY_Device_DeviceDesc", by way of the device's instance ID beside the connection's name. */
VOID LinkDescription(const IP_LINK *Link, WCHAR Text[IF_MAX_STRING_SIZE + 1])
{
    WCHAR Id[200];
    DWORD Size = sizeof(Id);
    WCHAR Key[CONNECTION_KEY_LENGTH];
    ConnectionKey(&Link->Guid, Key);
    WCHAR Device[240];
    if (Link->IsTun && !RegGetValueW(HKEY_LOCAL_MACHINE, Key, L"PnpInstanceID", RRF_RT_REG_SZ, NULL, Id, &Size))
    {
        swprintf(Device, ARRAYSIZE(Device), L"System\\CurrentControlSet\\Enum\\%ls", Id);
        Size = (IF_MAX_STRING_SIZE + 1) * sizeof(WCHAR);
        if (!RegGetValueW(HKEY_LOCAL_MACHINE, Device, L"DeviceDesc", RRF_RT_REG_SZ, NULL, Text, &Size))
            return;
    }
    MultiByteToWideChar(CP_UTF8, 0, Link->Name, -1, Text, IF_MAX_STRING_SIZE + 1);
}

/* --- Linux' links -------------------------------------------------------------------------------------------------- */

/* A name that Linux' alias has no room for is kept in the registry alone; the alias has what fits. */
static VOID ReadLongName(IP_LINK *Link)
{
    WCHAR Name[IF_MAX_STRING_SIZE + 1];
    DWORD Size = sizeof(Name);
    SIZE_T Length = wcslen(Link->Alias);
    WCHAR Key[CONNECTION_KEY_LENGTH];
    ConnectionKey(&Link->Guid, Key);
    if (!RegGetValueW(HKEY_LOCAL_MACHINE, Key, L"Name", RRF_RT_REG_SZ, NULL, Name, &Size) &&
        !wcsncmp(Name, Link->Alias, Length))
        wcscpy(Link->Alias, Name);
}

/* "{GUID}" or "{GUID} name" in an interface's alias (luid.h). FALSE: the alias is somebody else's. */
static BOOL ParseAlias(const CHAR *Text, ULONG Length, IP_LINK *Link)
{
    int Used = 0;
    CHAR Copy[ALIAS_BYTES];
    Length = min(Length, sizeof(Copy) - 1);
    memcpy(Copy, Text, Length);
    Copy[Length] = 0;
    unsigned Data[11];
    if (sscanf(Copy, "{%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}%n", &Data[0], &Data[1], &Data[2], &Data[3], &Data[4],
               &Data[5], &Data[6], &Data[7], &Data[8], &Data[9], &Data[10], &Used) != 11 ||
        Used != 38)
        return FALSE;
    Link->Guid.Data1 = Data[0];
    Link->Guid.Data2 = (WORD)Data[1];
    Link->Guid.Data3 = (WORD)Data[2];
    for (int i = 0; i < 8; i++)
        Link->Guid.Data4[i] = (BYTE)Data[3 + i];
    if (Copy[Used] == ' ' && Copy[Used + 1])
    {
        MultiByteToWideChar(CP_UTF8, 0, Copy + Used + 1, -1, Link->Alias, IF_MAX_STRING_SIZE + 1);
        if (strlen(Copy) >= ALIAS_BYTES - 4) /* a character of UTF-8 has up to 4 */
            ReadLongName(Link);
    }
    return TRUE;
}

static USHORT TypeOfArp(USHORT Arp)
{
    switch (Arp)
    {
    case ARPHRD_ETHER_:
        return IF_TYPE_ETHERNET_CSMACD;
    case ARPHRD_PPP_:
        return IF_TYPE_PPP;
    case ARPHRD_LOOPBACK_:
        return IF_TYPE_SOFTWARE_LOOPBACK;
    default:
        return IF_TYPE_OTHER; /* as Wine has it */
    }
}

VOID LinkRead(const NETLINK_LINK *Fixed, const NETLINK_ATTRIBUTES *Attributes, IP_LINK *Link)
{
    memset(Link, 0, sizeof(*Link));
    Link->Index = (ULONG)Fixed->Index;
    Link->Flags = Fixed->Flags;
    if (Attributes->Data[IFLA_IFNAME_])
        snprintf(Link->Name, sizeof(Link->Name), "%s", (const char *)Attributes->Data[IFLA_IFNAME_]);
    if (Attributes->Data[IFLA_MTU_])
        Link->Mtu = *(const ULONG *)Attributes->Data[IFLA_MTU_];
    Link->Carrier = !Attributes->Data[IFLA_CARRIER_] || *(const BYTE *)Attributes->Data[IFLA_CARRIER_];
    if (Attributes->Data[IFLA_ADDRESS_])
    {
        Link->AddressLength = min(Attributes->Length[IFLA_ADDRESS_], IF_MAX_PHYS_ADDRESS_LENGTH);
        memcpy(Link->Address, Attributes->Data[IFLA_ADDRESS_], Link->AddressLength);
    }
    if (Attributes->Data[IFLA_STATS64_] && Attributes->Length[IFLA_STATS64_] >= sizeof(Link->Statistics))
        memcpy(Link->Statistics, Attributes->Data[IFLA_STATS64_], sizeof(Link->Statistics));
    if (Attributes->Data[IFLA_LINKINFO_])
    {
        NETLINK_ATTRIBUTES Info;
        NetlinkParse(Attributes->Data[IFLA_LINKINFO_], Attributes->Length[IFLA_LINKINFO_], &Info);
        Link->IsTun = Info.Data[INFO_KIND_] && !strncmp(Info.Data[INFO_KIND_], "tun", Info.Length[INFO_KIND_]) &&
                      Fixed->Type != ARPHRD_ETHER_;
    }
    Link->Luid.Value = HostLuid(Link->Index, Link->IsTun ? HOST_TUN_IF_TYPE : TypeOfArp(Fixed->Type));
    MultiByteToWideChar(CP_UTF8, 0, Link->Name, -1, Link->Alias, IF_MAX_STRING_SIZE);
    HostGuidOfIndex(Link->Index, (unsigned char *)&Link->Guid);
    if (Attributes->Data[IFLA_ALIAS_])
        Link->HasGuid = ParseAlias(Attributes->Data[IFLA_ALIAS_], Attributes->Length[IFLA_ALIAS_], Link);
}

typedef struct _LINK_LIST
{
    IP_LINK *Links;
    ULONG Count, Capacity;
} LINK_LIST;

static int AppendLink(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    LINK_LIST *List = Context;
    if (Type != NETLINK_LINK_NEW)
        return 0;
    if (List->Count == List->Capacity)
    {
        ULONG Capacity = List->Capacity * 2 + 16;
        IP_LINK *Links = realloc(List->Links, Capacity * sizeof(*Links));
        if (!Links)
            return -12; /* ENOMEM */
        List->Links = Links;
        List->Capacity = Capacity;
    }
    LinkRead(Fixed, Attributes, &List->Links[List->Count++]);
    return 0;
}

DWORD LinkList(IP_LINK **Links, ULONG *Count)
{
    NETLINK_LINK Fixed = {0};
    LINK_LIST List = {0};
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_LINK_GET, NETLINK_DUMP, &Fixed, sizeof(Fixed));
    int Error = NetlinkAsk(&Message, AppendLink, &List);
    if (Error < 0)
    {
        free(List.Links);
        return ErrorOfLinux(Error);
    }
    *Links = List.Links;
    *Count = List.Count;
    return NO_ERROR;
}

static int TakeLink(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    if (Type == NETLINK_LINK_NEW)
        LinkRead(Fixed, Attributes, Context);
    return 0;
}

DWORD LinkFind(const NET_LUID *Luid, ULONG Index, IP_LINK *Link)
{
    NETLINK_LINK Fixed = {0};
    Link->Index = 0;
    if (Luid && Luid->Value)
        Index = (ULONG)Luid->Info.NetLuidIndex;
    else if (!Index)
        return ERROR_INVALID_PARAMETER;
    if (!Index)
        return ERROR_NOT_FOUND;
    Fixed.Index = (int32_t)Index;
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_LINK_GET, 0, &Fixed, sizeof(Fixed));
    int Error = NetlinkAsk(&Message, TakeLink, Link);
    if (Error < 0)
        return ErrorOfLinux(Error);
    if (!Link->Index || (Luid && Luid->Value && Luid->Value != Link->Luid.Value))
        return ERROR_NOT_FOUND;
    return NO_ERROR;
}

DWORD LinkBringUp(const IP_LINK *Link)
{
    NETLINK_LINK Fixed = {.Index = (int32_t)Link->Index, .Flags = LINUX_IFF_UP, .Change = LINUX_IFF_UP};
    if (Link->Flags & LINUX_IFF_UP)
        return NO_ERROR;
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_LINK_NEW, 0, &Fixed, sizeof(Fixed));
    return ErrorOfLinux(NetlinkTell(&Message));
}

DWORD LinkSetMtu(const IP_LINK *Link, ULONG Mtu)
{
    NETLINK_LINK Fixed = {.Index = (int32_t)Link->Index};
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_LINK_NEW, 0, &Fixed, sizeof(Fixed));
    NetlinkAdd(&Message, IFLA_MTU_, &Mtu, sizeof(Mtu));
    return ErrorOfLinux(NetlinkTell(&Message));
}

static DWORD TellAlias(const IP_LINK *Link, const CHAR *Text, ULONG Length)
{
    NETLINK_LINK Fixed = {.Index = (int32_t)Link->Index};
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_LINK_NEW, 0, &Fixed, sizeof(Fixed));
    NetlinkAdd(&Message, IFLA_ALIAS_, Text, Length);
    return ErrorOfLinux(NetlinkTell(&Message));
}

DWORD LinkSetAlias(const IP_LINK *Link, const WCHAR *Name)
{
    CHAR Guid[GUID_TEXT_LENGTH];
    GuidText(&Link->Guid, Guid);
    CHAR Narrow[3 * IF_MAX_STRING_SIZE + 1];
    int Length = WideCharToMultiByte(CP_UTF8, 0, Name, -1, Narrow, sizeof(Narrow), NULL, NULL);
    if (!Length)
        return ERROR_INVALID_PARAMETER;
    /* First: who reads an alias that is full finds the rest. */
    WCHAR Key[CONNECTION_KEY_LENGTH];
    ConnectionKey(&Link->Guid, Key);
    LSTATUS Error =
        RegSetKeyValueW(HKEY_LOCAL_MACHINE, Key, L"Name", REG_SZ, Name, (DWORD)((wcslen(Name) + 1) * sizeof(WCHAR)));
    if (Error)
        return (DWORD)Error;
    CHAR Text[ALIAS_BYTES];
    snprintf(Text, sizeof(Text), "%s %s", Guid, Narrow);
    SIZE_T End = strlen(Text);
    if (End < strlen(Guid) + (SIZE_T)Length) /* cut: not within a character */
    {
        while (((BYTE)Narrow[End - strlen(Guid) - 1] & 0xc0) == 0x80)
            End--;
        Text[End] = 0;
    }
    return TellAlias(Link, Text, (ULONG)End + 1);
}

static int TakeAlias(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    if (Type == NETLINK_LINK_NEW && Attributes->Data[IFLA_ALIAS_])
        snprintf(Context, ALIAS_BYTES, "%.*s", Attributes->Length[IFLA_ALIAS_],
                 (const char *)Attributes->Data[IFLA_ALIAS_]);
    return 0;
}

/* Linux tells of an alias that is set, whatever it was. */
VOID LinkTouch(const IP_LINK *Link)
{
    NETLINK_LINK Fixed = {.Index = (int32_t)Link->Index};
    CHAR Text[ALIAS_BYTES] = "";
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_LINK_GET, 0, &Fixed, sizeof(Fixed));
    if (NetlinkAsk(&Message, TakeAlias, Text) >= 0)
        TellAlias(Link, Text, (ULONG)strlen(Text) + 1);
}

/* --- tables -------------------------------------------------------------------------------------------------------- */

BOOL MibBegin(MIB_BUFFER *Buffer, SIZE_T RowSize, SIZE_T Offset)
{
    *Buffer = (MIB_BUFFER){.RowSize = RowSize, .Offset = Offset, .Capacity = 16};
    Buffer->Table = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Offset + 16 * RowSize);
    return Buffer->Table != NULL;
}

VOID *MibRow(MIB_BUFFER *Buffer)
{
    ULONG *Count = Buffer->Table;
    if (*Count == Buffer->Capacity)
    {
        VOID *Larger = HeapReAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Buffer->Table,
                                   Buffer->Offset + 2 * Buffer->Capacity * Buffer->RowSize);
        if (!Larger)
        {
            Buffer->Failed = TRUE;
            return NULL;
        }
        Buffer->Table = Larger;
        Buffer->Capacity *= 2;
        Count = Larger;
    }
    return (BYTE *)Buffer->Table + Buffer->Offset + (*Count)++ * Buffer->RowSize;
}

DWORD MibEnd(MIB_BUFFER *Buffer, DWORD Error, VOID **Table)
{
    if (!Error && Buffer->Failed)
        Error = ERROR_NOT_ENOUGH_MEMORY;
    if (Error)
        HeapFree(GetProcessHeap(), 0, Buffer->Table);
    *Table = Error ? NULL : Buffer->Table;
    return Error;
}

/* Frees a table that a function of IP Helper gave out; Wine's own lie in the same heap. "FreeMibTable function" */
VOID WINAPI FreeMibTable(PVOID Memory)
{
    HeapFree(GetProcessHeap(), 0, Memory);
}

/* --- MIB_IF_ROW2 --------------------------------------------------------------------------------------------------- */

static VOID FillIfRow(const IP_LINK *Link, MIB_IF_ROW2 *Row)
{
    BOOL Loopback = (Link->Flags & LINUX_IFF_LOOPBACK) != 0;
    memset(Row, 0, sizeof(*Row));
    Row->InterfaceLuid = Link->Luid;
    Row->InterfaceIndex = Link->Index;
    Row->InterfaceGuid = Link->Guid;
    wcscpy(Row->Alias, Link->Alias);
    LinkDescription(Link, Row->Description);
    Row->PhysicalAddressLength = Link->AddressLength;
    memcpy(Row->PhysicalAddress, Link->Address, sizeof(Row->PhysicalAddress));
    memcpy(Row->PermanentPhysicalAddress, Link->Address, sizeof(Row->PermanentPhysicalAddress));
    Row->Mtu = Link->Mtu;
    Row->Type = (IFTYPE)Link->Luid.Info.IfType;
    Row->TunnelType = TUNNEL_TYPE_NONE;
    Row->MediaType = Link->IsTun ? NdisMediumIP : Loopback ? NdisMediumLoopback : NdisMedium802_3;
    Row->PhysicalMediumType = NdisPhysicalMediumUnspecified;
    Row->AccessType = Link->IsTun                     ? NET_IF_ACCESS_POINT_TO_POINT
                      : Loopback                      ? NET_IF_ACCESS_LOOPBACK
                      : Link->Flags & LINUX_IFF_POINT ? NET_IF_ACCESS_POINT_TO_POINT
                                                      : NET_IF_ACCESS_BROADCAST;
    Row->DirectionType = NET_IF_DIRECTION_SENDRECEIVE;
    Row->InterfaceAndOperStatusFlags.HardwareInterface = !Loopback && !Link->IsTun;
    Row->InterfaceAndOperStatusFlags.ConnectorPresent = !Loopback && !Link->IsTun;
    Row->InterfaceAndOperStatusFlags.NotMediaConnected = !Link->Carrier;
    Row->OperStatus = LinkUp(Link) ? IfOperStatusUp : IfOperStatusDown;
    Row->AdminStatus = Link->IsTun || (Link->Flags & LINUX_IFF_UP) ? NET_IF_ADMIN_STATUS_UP : NET_IF_ADMIN_STATUS_DOWN;
    Row->MediaConnectState = Link->Carrier ? MediaConnectStateConnected : MediaConnectStateDisconnected;
    Row->NetworkGuid = Link->Guid;
    Row->ConnectionType = NET_IF_CONNECTION_DEDICATED;
    Row->TransmitLinkSpeed = Row->ReceiveLinkSpeed = LinkSpeed(Link);
    Row->InUcastPkts = Link->Statistics[0];
    Row->OutUcastPkts = Link->Statistics[1];
    Row->InOctets = Row->InUcastOctets = Link->Statistics[2];
    Row->OutOctets = Row->OutUcastOctets = Link->Statistics[3];
    Row->InErrors = Link->Statistics[4];
    Row->OutErrors = Link->Statistics[5];
    Row->InDiscards = Link->Statistics[6];
    Row->OutDiscards = Link->Statistics[7];
    Row->InNUcastPkts = Link->Statistics[8];
}

/* ERROR_INVALID_PARAMETER, ERROR_FILE_NOT_FOUND: no such interface. "GetIfEntry2 function (netioapi.h)" */
DWORD WINAPI GetIfEntry2(PMIB_IF_ROW2 Row)
{
    if (!Row)
        return ERROR_INVALID_PARAMETER;
    IP_LINK Link;
    DWORD Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, &Link);
    if (Error == ERROR_NOT_FOUND)
        return ERROR_FILE_NOT_FOUND;
    if (Error == NO_ERROR)
        FillIfRow(&Link, Row);
    return Error;
}

/* "GetIfEntry2Ex function (netioapi.h)"; the levels differ in what is filled in, and here all is. */
DWORD WINAPI GetIfEntry2Ex(int Level, PMIB_IF_ROW2 Row)
{
    return GetIfEntry2(Row);
}

/* "GetIfTable2Ex function (netioapi.h)"; the levels differ in what filter drivers add, and here are none. */
DWORD WINAPI GetIfTable2Ex(MIB_IF_TABLE_LEVEL Level, PMIB_IF_TABLE2 *Table)
{
    if (!Table)
        return ERROR_INVALID_PARAMETER;
    IP_LINK *Links;
    ULONG Count;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    MIB_BUFFER Buffer;
    if (!MibBegin(&Buffer, sizeof(MIB_IF_ROW2), offsetof(MIB_IF_TABLE2, Table)))
        Error = ERROR_NOT_ENOUGH_MEMORY;
    for (ULONG i = 0; !Error && i < Count; i++)
    {
        MIB_IF_ROW2 *Row = MibRow(&Buffer);
        if (Row)
            FillIfRow(&Links[i], Row);
    }
    free(Links);
    return Buffer.Table ? MibEnd(&Buffer, Error, (VOID **)Table) : Error;
}

DWORD WINAPI GetIfTable2(PMIB_IF_TABLE2 *Table)
{
    return GetIfTable2Ex(MibIfTableNormal, Table);
}

/* --- one name of an interface for another -------------------------------------------------------------------------- */

/* The pages promise ERROR_INVALID_PARAMETER for what is missing and ERROR_FILE_NOT_FOUND for what is unknown. */
static DWORD FileNotFound(DWORD Error)
{
    return Error == ERROR_NOT_FOUND ? ERROR_FILE_NOT_FOUND : Error;
}

DWORD WINAPI ConvertInterfaceLuidToIndex(const NET_LUID *Luid, PNET_IFINDEX Index)
{
    if (!Luid || !Index)
        return ERROR_INVALID_PARAMETER;
    *Index = 0;
    IP_LINK Link;
    DWORD Error = LinkFind(Luid, 0, &Link);
    if (!Error)
        *Index = Link.Index;
    return FileNotFound(Error);
}

DWORD WINAPI ConvertInterfaceIndexToLuid(NET_IFINDEX Index, PNET_LUID Luid)
{
    if (!Luid)
        return ERROR_INVALID_PARAMETER;
    Luid->Value = 0;
    IP_LINK Link;
    DWORD Error = Index ? LinkFind(NULL, Index, &Link) : ERROR_NOT_FOUND;
    if (!Error)
        *Luid = Link.Luid;
    return FileNotFound(Error);
}

DWORD WINAPI ConvertInterfaceLuidToGuid(const NET_LUID *Luid, GUID *Guid)
{
    if (!Luid || !Guid)
        return ERROR_INVALID_PARAMETER;
    memset(Guid, 0, sizeof(*Guid));
    IP_LINK Link;
    DWORD Error = LinkFind(Luid, 0, &Link);
    if (!Error)
        *Guid = Link.Guid;
    return FileNotFound(Error);
}

DWORD WINAPI ConvertInterfaceGuidToLuid(const GUID *Guid, PNET_LUID Luid)
{
    if (!Guid || !Luid)
        return ERROR_INVALID_PARAMETER;
    Luid->Value = 0;
    IP_LINK *Links;
    ULONG Count;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    Error = ERROR_FILE_NOT_FOUND;
    for (ULONG i = 0; i < Count && Error; i++)
        if (IsEqualGUID(&Links[i].Guid, Guid))
        {
            *Luid = Links[i].Luid;
            Error = NO_ERROR;
        }
    free(Links);
    return Error;
}

/* Length: units, with the ending 0. ERROR_NOT_ENOUGH_MEMORY: too few of them. */
DWORD WINAPI ConvertInterfaceLuidToAlias(const NET_LUID *Luid, PWSTR Alias, SIZE_T Length)
{
    if (!Luid || !Alias || !Length)
        return ERROR_INVALID_PARAMETER;
    IP_LINK Link;
    DWORD Error = LinkFind(Luid, 0, &Link);
    if (Error)
        return ERROR_INVALID_PARAMETER;
    if (wcslen(Link.Alias) >= Length)
        return ERROR_NOT_ENOUGH_MEMORY;
    wcscpy(Alias, Link.Alias);
    return NO_ERROR;
}

DWORD WINAPI ConvertInterfaceAliasToLuid(const WCHAR *Alias, PNET_LUID Luid)
{
    if (!Alias || !*Alias || !Luid)
        return ERROR_INVALID_PARAMETER;
    Luid->Value = 0;
    IP_LINK *Links;
    ULONG Count;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    Error = ERROR_INVALID_PARAMETER;
    for (ULONG i = 0; i < Count && Error; i++)
        if (!_wcsicmp(Links[i].Alias, Alias))
        {
            *Luid = Links[i].Luid;
            Error = NO_ERROR;
        }
    free(Links);
    return Error;
}
