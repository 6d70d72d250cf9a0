/* SPDX-License-Identifier: MIT */
/*
 * Unicast addresses of interfaces, the part of iphlpapi.dll that reads and changes them in Linux. An address is usable as
 * soon as it is there: nobody else can have it on a tunnel, so IPv6 does not look for duplicates. No state; any thread.
 */
#include "host/wine/iphlpapi/iphelper.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <mstcpip.h>

#define IFA_ADDRESS_   1
#define IFA_LOCAL_     2
#define IFA_CACHEINFO_ 6
#define IFA_FLAGS_     8

#define IFA_F_NODAD_      0x02
#define IFA_F_DADFAILED_  0x08
#define IFA_F_DEPRECATED_ 0x20
#define IFA_F_TENTATIVE_  0x40
#define IFA_F_PERMANENT_  0x80

#define INFINITE_LIFETIME 0xffffffffu /* seconds, for Windows and Linux alike */
#define NO_PREFIX_LENGTH  255         /* the address' own length */

typedef struct _CACHE_INFO
{
    ULONG Preferred, Valid, Created, Updated;
} CACHE_INFO;

/* --- addresses as bytes -------------------------------------------------------------------------------------------- */

UCHAR LinuxFamily(ADDRESS_FAMILY Family)
{
    return Family == AF_INET ? LINUX_AF_INET : Family == AF_INET6 ? LINUX_AF_INET6 : 0;
}

ADDRESS_FAMILY WindowsFamily(UCHAR Family)
{
    return Family == LINUX_AF_INET ? AF_INET : Family == LINUX_AF_INET6 ? AF_INET6 : AF_UNSPEC;
}

const BYTE *AddressBytes(const SOCKADDR_INET *Address, ULONG *Length)
{
    *Length = Address->si_family == AF_INET ? 4 : Address->si_family == AF_INET6 ? 16 : 0;
    if (!*Length)
        return NULL;
    return *Length == 4 ? (const BYTE *)&Address->Ipv4.sin_addr : (const BYTE *)&Address->Ipv6.sin6_addr;
}

VOID AddressFromBytes(ADDRESS_FAMILY Family, const VOID *Bytes, SOCKADDR_INET *Address)
{
    memset(Address, 0, sizeof(*Address));
    Address->si_family = Family;
    if (Bytes && Family == AF_INET)
        memcpy(&Address->Ipv4.sin_addr, Bytes, 4);
    else if (Bytes)
        memcpy(&Address->Ipv6.sin6_addr, Bytes, 16);
}

BOOL IsUnspecified(const SOCKADDR_INET *Address)
{
    static const BYTE Zero[16];
    ULONG Length;
    const BYTE *Bytes = AddressBytes(Address, &Length);
    return !Bytes || !memcmp(Bytes, Zero, Length);
}

BOOL SameAddress(const SOCKADDR_INET *A, const SOCKADDR_INET *B)
{
    ULONG LengthA, LengthB;
    const BYTE *BytesA = AddressBytes(A, &LengthA), *BytesB = AddressBytes(B, &LengthB);
    return BytesA && BytesB && LengthA == LengthB && !memcmp(BytesA, BytesB, LengthA);
}

BOOL AddressFromText(const WCHAR *Text, SOCKADDR_INET *Address)
{
    WCHAR *End;
    IN_ADDR Bytes4;
    IN6_ADDR Bytes6;
    if (!RtlIpv4StringToAddressW(Text, TRUE, &End, &Bytes4) && !*End)
        AddressFromBytes(AF_INET, &Bytes4, Address);
    else if (!RtlIpv6StringToAddressW(Text, &End, &Bytes6) && !*End)
        AddressFromBytes(AF_INET6, &Bytes6, Address);
    else
        return FALSE;
    return TRUE;
}

/* A unicast address: not unspecified, not multicast, not IPv4's broadcast. */
static BOOL IsUnicast(const SOCKADDR_INET *Address)
{
    if (IsUnspecified(Address))
        return FALSE;
    if (Address->si_family == AF_INET)
        return Address->Ipv4.sin_addr.S_un.S_un_b.s_b1 < 224;
    return Address->Ipv6.sin6_addr.u.Byte[0] != 0xff;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

BOOL AddressRead(const VOID *FixedPart, const NETLINK_ATTRIBUTES *Attributes, ULONG *Index, SOCKADDR_INET *Address)
{
    const NETLINK_ADDRESS *Fixed = FixedPart;
    const VOID *Bytes = Attributes->Data[IFA_LOCAL_] ? Attributes->Data[IFA_LOCAL_] : Attributes->Data[IFA_ADDRESS_];
    ADDRESS_FAMILY Family = WindowsFamily(Fixed->Family);
    if (!Bytes || Family == AF_UNSPEC)
        return FALSE;
    *Index = Fixed->Index;
    AddressFromBytes(Family, Bytes, Address);
    return TRUE;
}

BOOL AddressRow(const VOID *FixedPart, const NETLINK_ATTRIBUTES *Attributes, MIB_UNICASTIPADDRESS_ROW *Row)
{
    const NETLINK_ADDRESS *Fixed = FixedPart;
    const CACHE_INFO *Cache = Attributes->Data[IFA_CACHEINFO_];
    ULONG Flags = Attributes->Data[IFA_FLAGS_] ? *(const ULONG *)Attributes->Data[IFA_FLAGS_] : Fixed->Flags;
    ADDRESS_FAMILY Family = WindowsFamily(Fixed->Family);
    memset(Row, 0, sizeof(*Row));
    ULONG Index;
    IP_LINK Link;
    if (!AddressRead(Fixed, Attributes, &Index, &Row->Address) || LinkFind(NULL, Index, &Link))
        return FALSE;
    Row->InterfaceLuid = Link.Luid;
    Row->InterfaceIndex = Link.Index;
    Row->OnLinkPrefixLength = Fixed->PrefixLength;
    Row->ValidLifetime = Cache ? Cache->Valid : INFINITE_LIFETIME;
    Row->PreferredLifetime = Cache ? Cache->Preferred : INFINITE_LIFETIME;
    if (Family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&Row->Address.Ipv6.sin6_addr))
    {
        Row->PrefixOrigin = IpPrefixOriginWellKnown;
        Row->SuffixOrigin = IpSuffixOriginLinkLayerAddress;
        Row->ScopeId.Value = Row->Address.Ipv6.sin6_scope_id = Link.Index;
    }
    else
    {
        BOOL Manual = (Flags & IFA_F_PERMANENT_) != 0;
        Row->PrefixOrigin = Manual              ? IpPrefixOriginManual
                            : Family == AF_INET ? IpPrefixOriginDhcp
                                                : IpPrefixOriginRouterAdvertisement;
        Row->SuffixOrigin = Manual              ? IpSuffixOriginManual
                            : Family == AF_INET ? IpSuffixOriginDhcp
                                                : IpSuffixOriginLinkLayerAddress;
    }
    Row->DadState = Flags & IFA_F_DADFAILED_    ? IpDadStateDuplicate
                    : Flags & IFA_F_TENTATIVE_  ? IpDadStateTentative
                    : Flags & IFA_F_DEPRECATED_ ? IpDadStateDeprecated
                                                : IpDadStatePreferred;
    return TRUE;
}

static int AppendAddress(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    MIB_UNICASTIPADDRESS_ROW Row, *To;
    if (Type == NETLINK_ADDRESS_NEW && AddressRow(Fixed, Attributes, &Row) && (To = MibRow(Context)) != NULL)
        *To = Row;
    return 0;
}

/* Family: AF_UNSPEC, AF_INET or AF_INET6. ERROR_INVALID_PARAMETER. "GetUnicastIpAddressTable function (netioapi.h)" */
DWORD WINAPI GetUnicastIpAddressTable(ADDRESS_FAMILY Family, PMIB_UNICASTIPADDRESS_TABLE *Table)
{
    NETLINK_ADDRESS Fixed = {.Family = LinuxFamily(Family)};
    if (!Table || (Family != AF_UNSPEC && !Fixed.Family))
        return ERROR_INVALID_PARAMETER;
    MIB_BUFFER Buffer;
    if (!MibBegin(&Buffer, sizeof(MIB_UNICASTIPADDRESS_ROW), offsetof(MIB_UNICASTIPADDRESS_TABLE, Table)))
        return ERROR_NOT_ENOUGH_MEMORY;
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_ADDRESS_GET, NETLINK_DUMP, &Fixed, sizeof(Fixed));
    return MibEnd(&Buffer, ErrorOfLinux(NetlinkAsk(&Message, AppendAddress, &Buffer)), (VOID **)Table);
}

/* The row of an interface's address. ERROR_NOT_FOUND: the interface has it not. */
static DWORD FindAddress(const IP_LINK *Link, const SOCKADDR_INET *Address, MIB_UNICASTIPADDRESS_ROW *Row)
{
    MIB_UNICASTIPADDRESS_TABLE *Table;
    DWORD Error = GetUnicastIpAddressTable(Address->si_family, &Table);
    if (Error)
        return Error;
    Error = ERROR_NOT_FOUND;
    for (ULONG i = 0; i < Table->NumEntries && Error; i++)
        if (Table->Table[i].InterfaceIndex == Link->Index && SameAddress(&Table->Table[i].Address, Address))
        {
            *Row = Table->Table[i];
            Error = NO_ERROR;
        }
    FreeMibTable(Table);
    return Error;
}

/*
 * ERROR_INVALID_PARAMETER, ERROR_FILE_NOT_FOUND: no such interface. ERROR_NOT_FOUND: it has not this address.
 * "GetUnicastIpAddressEntry function (netioapi.h)"
 */
DWORD WINAPI GetUnicastIpAddressEntry(PMIB_UNICASTIPADDRESS_ROW Row)
{
    if (!Row || !LinuxFamily(Row->Address.si_family))
        return ERROR_INVALID_PARAMETER;
    IP_LINK Link;
    DWORD Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, &Link);
    if (Error)
        return Error == ERROR_NOT_FOUND ? ERROR_FILE_NOT_FOUND : Error;
    return FindAddress(&Link, &Row->Address, Row);
}

/* --- changing ------------------------------------------------------------------------------------------------------ */

/* "InitializeUnicastIpAddressEntry function (netioapi.h)" */
VOID WINAPI InitializeUnicastIpAddressEntry(PMIB_UNICASTIPADDRESS_ROW Row)
{
    memset(Row, 0, sizeof(*Row));
    Row->PrefixOrigin = IpPrefixOriginUnchanged;
    Row->SuffixOrigin = IpSuffixOriginUnchanged;
    Row->OnLinkPrefixLength = NO_PREFIX_LENGTH;
    Row->PreferredLifetime = Row->ValidLifetime = INFINITE_LIFETIME;
}

static DWORD CheckRow(const MIB_UNICASTIPADDRESS_ROW *Row)
{
    ULONG Length;
    if (!Row || !AddressBytes(&Row->Address, &Length) || !IsUnicast(&Row->Address))
        return ERROR_INVALID_PARAMETER;
    if (Row->ValidLifetime < Row->PreferredLifetime || Row->PrefixOrigin > IpPrefixOriginUnchanged ||
        Row->SuffixOrigin > IpSuffixOriginUnchanged ||
        (Row->PrefixOrigin == IpPrefixOriginUnchanged) != (Row->SuffixOrigin == IpSuffixOriginUnchanged))
        return ERROR_INVALID_PARAMETER;
    if (Row->OnLinkPrefixLength > 8 * Length && Row->OnLinkPrefixLength != NO_PREFIX_LENGTH)
        return ERROR_INVALID_PARAMETER;
    return NO_ERROR;
}

static DWORD SendAddress(const IP_LINK *Link, USHORT Type, USHORT Flags, const MIB_UNICASTIPADDRESS_ROW *Row)
{
    ULONG Length, AddressFlags = IFA_F_NODAD_;
    const BYTE *Bytes = AddressBytes(&Row->Address, &Length);
    UCHAR Prefix = Row->OnLinkPrefixLength == NO_PREFIX_LENGTH ? (UCHAR)(8 * Length) : Row->OnLinkPrefixLength;
    NETLINK_ADDRESS Fixed = {
        .Family = LinuxFamily(Row->Address.si_family), .PrefixLength = Prefix, .Index = Link->Index};
    /* To Linux an address that is not for sending from is a deprecated one. */
    CACHE_INFO Cache = {.Preferred = Row->SkipAsSource ? 0 : Row->PreferredLifetime, .Valid = Row->ValidLifetime};
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, Type, Flags, &Fixed, sizeof(Fixed));
    NetlinkAdd(&Message, IFA_LOCAL_, Bytes, Length);
    NetlinkAdd(&Message, IFA_ADDRESS_, Bytes, Length);
    if (Type == NETLINK_ADDRESS_NEW)
    {
        if (Row->Address.si_family == AF_INET6)
            NetlinkAdd(&Message, IFA_FLAGS_, &AddressFlags, sizeof(AddressFlags));
        if (Cache.Preferred != INFINITE_LIFETIME || Cache.Valid != INFINITE_LIFETIME)
            NetlinkAdd(&Message, IFA_CACHEINFO_, &Cache, sizeof(Cache));
    }
    return ErrorOfLinux(NetlinkTell(&Message));
}

/*
 * Gives an interface an address, and brings the Linux interface up. ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND: no such
 * interface, or it has no such family. ERROR_OBJECT_ALREADY_EXISTS, ERROR_ACCESS_DENIED.
 * "CreateUnicastIpAddressEntry function (netioapi.h)"
 */
DWORD WINAPI CreateUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *Row)
{
    DWORD Error = CheckRow(Row);
    IP_LINK Link;
    if (!Error)
        Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, &Link);
    if (!Error && !LinkHasFamily(&Link, Row->Address.si_family))
        Error = ERROR_NOT_FOUND;
    if (Error)
        return Error;
    MIB_UNICASTIPADDRESS_ROW Present;
    /* Linux would take the same address with another prefix for another one. */
    if (FindAddress(&Link, &Row->Address, &Present) == NO_ERROR)
        return ERROR_OBJECT_ALREADY_EXISTS;
    Error = LinkBringUp(&Link);
    if (Error)
        return Error;
    return SendAddress(&Link, NETLINK_ADDRESS_NEW, NETLINK_CREATE | NETLINK_EXCL, Row);
}

/*
 * Changes lifetimes and prefix length of an address. ERROR_NOT_FOUND: no such interface or address.
 * "SetUnicastIpAddressEntry function (netioapi.h)"
 */
DWORD WINAPI SetUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *Row)
{
    DWORD Error = CheckRow(Row);
    IP_LINK Link;
    if (!Error)
        Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, &Link);
    MIB_UNICASTIPADDRESS_ROW Present;
    if (!Error)
        Error = FindAddress(&Link, &Row->Address, &Present);
    if (Error)
        return Error;
    MIB_UNICASTIPADDRESS_ROW New = *Row;
    if (New.OnLinkPrefixLength == NO_PREFIX_LENGTH)
        New.OnLinkPrefixLength = Present.OnLinkPrefixLength;
    if (New.OnLinkPrefixLength != Present.OnLinkPrefixLength)
    {
        Error = SendAddress(&Link, NETLINK_ADDRESS_DEL, 0, &Present);
        if (Error)
            return Error;
    }
    return SendAddress(&Link, NETLINK_ADDRESS_NEW, NETLINK_CREATE | NETLINK_REPLACE, &New);
}

/* ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND. "DeleteUnicastIpAddressEntry function (netioapi.h)" */
DWORD WINAPI DeleteUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *Row)
{
    if (!Row || !LinuxFamily(Row->Address.si_family))
        return ERROR_INVALID_PARAMETER;
    IP_LINK Link;
    DWORD Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, &Link);
    MIB_UNICASTIPADDRESS_ROW Present;
    if (!Error)
        Error = FindAddress(&Link, &Row->Address, &Present);
    return Error ? Error : SendAddress(&Link, NETLINK_ADDRESS_DEL, 0, &Present);
}

/* --- the older calls: IPv4 by index -------------------------------------------------------------------------------- */

/* An NTE context stands for interface and address: there is no table of them, so it is made of a hash kept nowhere. */
ULONG AddressContext(ULONG Index, ULONG Address)
{
    return (Index << 20 | 1) ^ Address;
}

/* "AddIPAddress function (iphlpapi.h)" */
DWORD WINAPI AddIPAddress(IPAddr Address, IPMask Mask, DWORD Index, PULONG Context, PULONG Instance)
{
    ULONG Bits = 0;
    if (!Context || !Instance)
        return ERROR_INVALID_PARAMETER;
    MIB_UNICASTIPADDRESS_ROW Row;
    InitializeUnicastIpAddressEntry(&Row);
    for (ULONG Rest = _byteswap_ulong(Mask); Rest; Rest <<= 1, Bits++)
        if (!(Rest & 0x80000000))
            return ERROR_INVALID_PARAMETER;
    AddressFromBytes(AF_INET, &Address, &Row.Address);
    Row.InterfaceIndex = Index;
    Row.OnLinkPrefixLength = (UINT8)Bits;
    DWORD Error = CreateUnicastIpAddressEntry(&Row);
    if (Error == NO_ERROR)
        *Context = *Instance = AddressContext(Index, Address);
    return Error == ERROR_NOT_FOUND ? ERROR_DEV_NOT_EXIST : Error;
}

/* "DeleteIPAddress function (iphlpapi.h)" */
DWORD WINAPI DeleteIPAddress(ULONG Context)
{
    MIB_UNICASTIPADDRESS_TABLE *Table;
    DWORD Error = GetUnicastIpAddressTable(AF_INET, &Table);
    if (Error)
        return Error;
    Error = ERROR_INVALID_PARAMETER;
    for (ULONG i = 0; i < Table->NumEntries && Error == ERROR_INVALID_PARAMETER; i++)
        if (AddressContext(Table->Table[i].InterfaceIndex, Table->Table[i].Address.Ipv4.sin_addr.S_un.S_addr) ==
            Context)
            Error = DeleteUnicastIpAddressEntry(&Table->Table[i]);
    FreeMibTable(Table);
    return Error;
}
