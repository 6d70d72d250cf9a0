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

/* mingw-w64 lacks it; Level is a MIB_IF_ENTRY_LEVEL. */
DWORD WINAPI GetIfEntry2Ex(int Level, PMIB_IF_ROW2 Row);

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
/* Sets Linux' alias to the interface's GUID and this name (luid.h). ERROR_INVALID_PARAMETER: it is too long for Linux. */
DWORD LinkSetAlias(const IP_LINK *Link, const WCHAR *Name);

/* A Windows error for a negated one of Linux. */
DWORD ErrorOfLinux(int Error);

/* AF_INET or AF_INET6 as Linux has it; 0 for another. */
UCHAR LinuxFamily(ADDRESS_FAMILY Family);
ADDRESS_FAMILY WindowsFamily(UCHAR Family);
/* The bytes of an address, 4 or 16; NULL with Length 0 for another family. */
const BYTE *AddressBytes(const SOCKADDR_INET *Address, ULONG *Length);
VOID AddressFromBytes(ADDRESS_FAMILY Family, const VOID *Bytes, SOCKADDR_INET *Address);
BOOL IsUnspecified(const SOCKADDR_INET *Address);

/* The interface's metric of a family: what was set, or the automatic one. */
ULONG InterfaceMetric(const IP_LINK *Link, ADDRESS_FAMILY Family, BOOL *Automatic);

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

/* An address or a route of a Linux message, as a row; FALSE if Windows would not show it. */
BOOL AddressRow(const VOID *Fixed, const NETLINK_ATTRIBUTES *Attributes, MIB_UNICASTIPADDRESS_ROW *Row);
BOOL RouteRow(const VOID *Fixed, const NETLINK_ATTRIBUTES *Attributes, MIB_IPFORWARD_ROW2 *Row);
VOID InterfaceRow(const IP_LINK *Link, ADDRESS_FAMILY Family, MIB_IPINTERFACE_ROW *Row);
/* FALSE: the interface has no such family (IPv6 switched off). */
BOOL LinkHasFamily(const IP_LINK *Link, ADDRESS_FAMILY Family);

#endif
