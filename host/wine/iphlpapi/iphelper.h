/* SPDX-License-Identifier: MIT */
/* What the files of iphlpapi.dll have of each other. Results are Windows errors unless said otherwise. */
#ifndef HOST_WINE_IPHELPER_H
#define HOST_WINE_IPHELPER_H

#include <winsock2.h>
#include <windows.h>
#include <ws2ipdef.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include <netioapi.h>

#include "host/linux/netlink.h"

/* mingw-w64 lacks them; Level is a MIB_IF_ENTRY_LEVEL. */
DWORD WINAPI GetIfEntry2Ex(int Level, PMIB_IF_ROW2 Row);
LONG NTAPI RtlIpv6StringToAddressW(PCWSTR Text, PWSTR *End, IN6_ADDR *Address);

#define LINUX_IFF_UP       0x1
#define LINUX_IFF_LOOPBACK 0x8
#define LINUX_IFF_POINT    0x10
#define LINUX_IFF_RUNNING  0x40

/* One interface, as Linux has it and as Windows shall see it. */
typedef struct _IP_LINK
{
    ULONG Index;
    ULONG Flags; /* LINUX_IFF_ */
    BOOL IsTun;
    BOOL HasGuid; /* of its own, behind which stands Alias: an adapter of the host's */
    BOOL Carrier;
    ULONG Mtu;
    NET_LUID Luid;
    GUID Guid;
    CHAR Name[16];
    WCHAR Alias[IF_MAX_STRING_SIZE + 1];
    UCHAR Address[IF_MAX_PHYS_ADDRESS_LENGTH];
    ULONG AddressLength;
    ULONG64
    Statistics[10]; /* rtnl_link_stats64: packets rx, tx, bytes rx, tx, errors rx, tx, dropped rx, tx, multicast */
} IP_LINK;

/* All interfaces, in Linux' order, to be freed by free(). */
DWORD LinkList(IP_LINK **Links, ULONG *Count);
/* The interface that a row names: by its LUID if that is not 0, else by its index. ERROR_INVALID_PARAMETER: by neither.
 * ERROR_NOT_FOUND: there is none. */
DWORD LinkFind(const NET_LUID *Luid, ULONG Index, IP_LINK *Link);
/* The interface of a message of Linux. */
VOID LinkRead(const NETLINK_LINK *Fixed, const NETLINK_ATTRIBUTES *Attributes, IP_LINK *Link);
/* Sets Linux' IFF_UP where it is not set: an interface of Windows is never down by itself. */
DWORD LinkBringUp(const IP_LINK *Link);
DWORD LinkSetMtu(const IP_LINK *Link, ULONG Mtu);
/* Gives an interface its name: kept in the registry where Windows keeps it, and as far as Linux has room for it in the
 * interface's alias, behind the GUID (luid.h). */
DWORD LinkSetAlias(const IP_LINK *Link, const WCHAR *Name);
/* Lets everybody who listens hear that something of an interface has changed that Linux does not know of. */
VOID LinkTouch(const IP_LINK *Link);
/* TRUE: packets can go. Windows has no interface that is switched off and there; of a TUN interface its carrier tells. */
BOOL LinkUp(const IP_LINK *Link);
/* Bits per second. */
ULONG64 LinkSpeed(const IP_LINK *Link);
/* What the device's description says; of an interface that is none of Windows' devices, Linux' name. */
VOID LinkDescription(const IP_LINK *Link, WCHAR Text[IF_MAX_STRING_SIZE + 1]);

#define GUID_TEXT_LENGTH 39 /* "{...}" in capitals, with the ending 0 */

VOID GuidText(const GUID *Guid, CHAR Text[GUID_TEXT_LENGTH]);
/* "\DEVICE\TCPIP_{GUID}", by which the older calls know an interface. */
VOID DeviceName(const GUID *Guid, WCHAR Text[MAX_INTERFACE_NAME_LEN]);

/* A Windows error for a negated one of Linux. */
DWORD ErrorOfLinux(int Error);

/* AF_INET or AF_INET6 as Linux has it; 0 for another. */
UCHAR LinuxFamily(ADDRESS_FAMILY Family);
ADDRESS_FAMILY WindowsFamily(UCHAR Family);
/* The bytes of an address, 4 or 16; NULL with Length 0 for another family. */
const BYTE *AddressBytes(const SOCKADDR_INET *Address, ULONG *Length);
VOID AddressFromBytes(ADDRESS_FAMILY Family, const VOID *Bytes, SOCKADDR_INET *Address);
BOOL IsUnspecified(const SOCKADDR_INET *Address);
BOOL SameAddress(const SOCKADDR_INET *A, const SOCKADDR_INET *B);
/* FALSE: the text is no address. */
BOOL AddressFromText(const WCHAR *Text, SOCKADDR_INET *Address);
/* What AddIPAddress and GetAdaptersInfo call an IPv4 address of an interface. */
ULONG AddressContext(ULONG Index, ULONG Address);

/* The interface's metric of a family: what was set, or the automatic one. */
ULONG InterfaceMetric(const IP_LINK *Link, ADDRESS_FAMILY Family, BOOL *Automatic);
/* The largest packet of a family, bytes. */
ULONG InterfaceMtu(const IP_LINK *Link, ADDRESS_FAMILY Family);

#define INTERFACE_KEY_LENGTH 160

/* The key under HKEY_LOCAL_MACHINE where Windows keeps the settings of an interface's family. */
VOID InterfaceKey(const IP_LINK *Link, ADDRESS_FAMILY Family, WCHAR Key[INTERFACE_KEY_LENGTH]);
/* The name servers of the machine, with blanks between them; empty where it has none. */
VOID MachineNameServers(WCHAR *Text, ULONG Length);

/* A route of Linux' main table. Protocol tells who made it. */
typedef struct _LINUX_ROUTE
{
    ADDRESS_FAMILY Family;
    UCHAR Length, Protocol, Scope;
    ULONG Index, Priority, Mtu; /* Mtu: bytes, 0: the interface's */
    SOCKADDR_INET Destination, Hop, Source;
} LINUX_ROUTE;

#define ROUTE_WINDOWS 119 /* a Windows program: Priority is RoutePriority */
#define ROUTE_SHADOW  120 /* choice.c */

/* FALSE: Windows would not show it, for example because it stands in another table. */
BOOL RouteRead(const VOID *Fixed, const NETLINK_ATTRIBUTES *Attributes, LINUX_ROUTE *Route);
/* All of a family, in the order in which Linux looks at those of one destination; to be freed by free(). */
DWORD ReadRoutes(ADDRESS_FAMILY Family, LINUX_ROUTE **Routes, ULONG *Count);
/* Makes or deletes exactly this one. 0, or a negated error number of Linux. */
int TellRoute(USHORT Type, USHORT Flags, const LINUX_ROUTE *Route);
/* Linux' number for the two metrics of Windows, and the route's own of such a number. */
ULONG RoutePriority(ADDRESS_FAMILY Family, ULONG Metric, ULONG InterfacePart);
ULONG RouteMetric(const LINUX_ROUTE *Route, ULONG InterfacePart);
/* Rewrites an interface's routes after its metric was changed from Former. */
DWORD RoutesFollowMetric(const IP_LINK *Link, ADDRESS_FAMILY Family, ULONG Former);
/* Makes Linux choose among routes as Windows does (choice.c). To be called when routes or metrics have changed. */
DWORD RoutesSettle(ADDRESS_FAMILY Family);

/* A growing table for FreeMibTable: NumEntries, then rows. */
typedef struct _MIB_BUFFER
{
    VOID *Table;
    SIZE_T RowSize, Offset; /* Offset: of the first row */
    ULONG Capacity;
    BOOL Failed;
} MIB_BUFFER;

BOOL MibBegin(MIB_BUFFER *Buffer, SIZE_T RowSize, SIZE_T Offset);
/* A new row, zeroed; NULL without memory. */
VOID *MibRow(MIB_BUFFER *Buffer);
/* Hands out the table, or frees it if a row was lost or Error is set. */
DWORD MibEnd(MIB_BUFFER *Buffer, DWORD Error, VOID **Table);

/* The address of a Linux message, and the number of its interface, which may be gone. FALSE: there is none. */
BOOL AddressRead(const VOID *Fixed, const NETLINK_ATTRIBUTES *Attributes, ULONG *Index, SOCKADDR_INET *Address);
/* An address of a Linux message, or a route, as a row; FALSE if Windows would not show it, or its interface is gone. */
BOOL AddressRow(const VOID *Fixed, const NETLINK_ATTRIBUTES *Attributes, MIB_UNICASTIPADDRESS_ROW *Row);
BOOL RouteRow(const LINUX_ROUTE *Route, MIB_IPFORWARD_ROW2 *Row);
VOID InterfaceRow(const IP_LINK *Link, ADDRESS_FAMILY Family, MIB_IPINTERFACE_ROW *Row);
/* FALSE: the interface has no such family (IPv6 switched off). */
BOOL LinkHasFamily(const IP_LINK *Link, ADDRESS_FAMILY Family);

#endif
