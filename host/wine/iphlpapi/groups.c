/* SPDX-License-Identifier: MIT */
/*
 * Multicast and anycast addresses of interfaces, the part of iphlpapi.dll that reads them: Linux lists the groups that an
 * interface has joined in /proc/net/igmp and igmp6. No state; any thread.
 */
#include "host/wine/iphlpapi/iphelper.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/linux/syscall.h"

/* A whole file, with an ending 0, to be freed by free(); NULL: there is none, or no memory. */
static char *ReadFileWhole(const char *Path)
{
    int File = LinuxOpen(Path, LINUX_O_RDONLY | LINUX_O_CLOEXEC, 0);
    SIZE_T Used = 0, Size = 0;
    long long Got = File < 0 ? -1 : 1;
    char *Text = NULL;
    while (Got > 0)
    {
        if (Size - Used < 4096)
        {
            char *Larger = realloc(Text, Size += 16384);
            Got = Larger ? Got : -1;
            Text = Larger ? Larger : Text;
        }
        if (Got > 0 && (Got = LinuxRead(File, Text + Used, Size - Used - 1)) > 0)
            Used += (SIZE_T)Got;
    }
    if (File >= 0)
        LinuxClose(File);
    if (Got < 0)
    {
        free(Text);
        return NULL;
    }
    Text[Used] = 0;
    return Text;
}

static VOID AddGroup(MIB_BUFFER *Buffer, const IP_LINK *Links, ULONG Count, ULONG Index, const SOCKADDR_INET *Group)
{
    for (ULONG i = 0; i < Count; i++)
    {
        MIB_MULTICASTIPADDRESS_ROW *Row = Links[i].Index == Index ? MibRow(Buffer) : NULL;
        if (!Row)
            continue;
        Row->Address = *Group;
        Row->InterfaceIndex = Index;
        Row->InterfaceLuid = Links[i].Luid;
        if (Group->si_family == AF_INET6)
            Row->ScopeId.Value = Index;
        return;
    }
}

/* An interface's line begins with its number, its groups are on the lines below, as numbers of the machine's order. */
static VOID ReadGroups4(MIB_BUFFER *Buffer, const IP_LINK *Links, ULONG Count)
{
    char *Text = ReadFileWhole("/proc/net/igmp");
    ULONG Index = 0, Bytes;
    for (char *Line = Text; Line && *Line; Line += strcspn(Line, "\n") + 1)
    {
        if (*Line != '\t' && *Line != ' ')
            Index = strtoul(Line, NULL, 10);
        else if (Index && sscanf(Line, " %8lx", &Bytes) == 1)
        {
            SOCKADDR_INET Group;
            AddressFromBytes(AF_INET, &Bytes, &Group);
            AddGroup(Buffer, Links, Count, Index, &Group);
        }
        if (!strchr(Line, '\n'))
            break;
    }
    free(Text);
}

static VOID ReadGroups6(MIB_BUFFER *Buffer, const IP_LINK *Links, ULONG Count)
{
    char *Text = ReadFileWhole("/proc/net/igmp6");
    for (char *Line = Text; Line && *Line; Line += strcspn(Line, "\n") + 1)
    {
        ULONG Index;
        char Digits[33];
        if (sscanf(Line, "%lu %*s %32[0-9a-f]", &Index, Digits) == 2 && strlen(Digits) == 32)
        {
            BYTE Bytes[16];
            for (int i = 0; i < 16; i++)
            {
                char Pair[3] = {Digits[2 * i], Digits[2 * i + 1], 0};
                Bytes[i] = (BYTE)strtoul(Pair, NULL, 16);
            }
            SOCKADDR_INET Group;
            AddressFromBytes(AF_INET6, Bytes, &Group);
            AddGroup(Buffer, Links, Count, Index, &Group);
        }
        if (!strchr(Line, '\n'))
            break;
    }
    free(Text);
}

/* ERROR_INVALID_PARAMETER, ERROR_NOT_FOUND: no group. "GetMulticastIpAddressTable function (netioapi.h)" */
DWORD WINAPI GetMulticastIpAddressTable(ADDRESS_FAMILY Family, PMIB_MULTICASTIPADDRESS_TABLE *Table)
{
    if (!Table || (Family != AF_UNSPEC && !LinuxFamily(Family)))
        return ERROR_INVALID_PARAMETER;
    ULONG Count;
    IP_LINK *Links;
    DWORD Error = LinkList(&Links, &Count);
    if (Error)
        return Error;
    MIB_BUFFER Buffer;
    if (!MibBegin(&Buffer, sizeof(MIB_MULTICASTIPADDRESS_ROW), offsetof(MIB_MULTICASTIPADDRESS_TABLE, Table)))
    {
        free(Links);
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    if (Family != AF_INET6)
        ReadGroups4(&Buffer, Links, Count);
    if (Family != AF_INET)
        ReadGroups6(&Buffer, Links, Count);
    free(Links);
    return MibEnd(&Buffer, *(ULONG *)Buffer.Table || Buffer.Failed ? NO_ERROR : ERROR_NOT_FOUND, (VOID **)Table);
}

/* ERROR_INVALID_PARAMETER, ERROR_FILE_NOT_FOUND: no such interface. ERROR_NOT_FOUND: it is not in this group.
 * "GetMulticastIpAddressEntry function (netioapi.h)" */
DWORD WINAPI GetMulticastIpAddressEntry(PMIB_MULTICASTIPADDRESS_ROW Row)
{
    if (!Row || !LinuxFamily(Row->Address.si_family))
        return ERROR_INVALID_PARAMETER;
    IP_LINK Link;
    DWORD Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, &Link);
    if (Error)
        return Error == ERROR_NOT_FOUND ? ERROR_FILE_NOT_FOUND : Error;
    MIB_MULTICASTIPADDRESS_TABLE *Table;
    Error = GetMulticastIpAddressTable(Row->Address.si_family, &Table);
    if (Error)
        return Error;
    Error = ERROR_NOT_FOUND;
    for (ULONG i = 0; i < Table->NumEntries && Error; i++)
        if (Table->Table[i].InterfaceIndex == Link.Index && SameAddress(&Table->Table[i].Address, &Row->Address))
        {
            *Row = Table->Table[i];
            Error = NO_ERROR;
        }
    FreeMibTable(Table);
    return Error;
}

/* --- anycast: no interface has such an address, and none can be given one ---------------------------------------------- */

/* "GetAnycastIpAddressTable function (netioapi.h)" */
DWORD WINAPI GetAnycastIpAddressTable(ADDRESS_FAMILY Family, PMIB_ANYCASTIPADDRESS_TABLE *Table)
{
    if (!Table || (Family != AF_UNSPEC && !LinuxFamily(Family)))
        return ERROR_INVALID_PARAMETER;
    *Table = NULL;
    return ERROR_NOT_FOUND;
}

static DWORD CheckAnycast(const MIB_ANYCASTIPADDRESS_ROW *Row, DWORD NoInterface, DWORD Otherwise)
{
    if (!Row || !LinuxFamily(Row->Address.si_family) || IsUnspecified(&Row->Address))
        return ERROR_INVALID_PARAMETER;
    IP_LINK Link;
    DWORD Error = LinkFind(&Row->InterfaceLuid, Row->InterfaceIndex, &Link);
    return !Error ? Otherwise : Error == ERROR_NOT_FOUND ? NoInterface : Error;
}

/* "GetAnycastIpAddressEntry function (netioapi.h)" */
DWORD WINAPI GetAnycastIpAddressEntry(PMIB_ANYCASTIPADDRESS_ROW Row)
{
    return CheckAnycast(Row, ERROR_FILE_NOT_FOUND, ERROR_NOT_FOUND);
}

/* "CreateAnycastIpAddressEntry function (netioapi.h)" */
DWORD WINAPI CreateAnycastIpAddressEntry(const MIB_ANYCASTIPADDRESS_ROW *Row)
{
    return CheckAnycast(Row, ERROR_NOT_FOUND, ERROR_NOT_SUPPORTED);
}

/* "DeleteAnycastIpAddressEntry function (netioapi.h)" */
DWORD WINAPI DeleteAnycastIpAddressEntry(const MIB_ANYCASTIPADDRESS_ROW *Row)
{
    return CheckAnycast(Row, ERROR_NOT_FOUND, ERROR_NOT_FOUND);
}
