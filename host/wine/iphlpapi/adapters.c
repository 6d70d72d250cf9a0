/* SPDX-License-Identifier: MIT */
/*
 * The older lists of adapters, the part of iphlpapi.dll that lets Wine make them and then puts right what Wine cannot know
 * of a TUN interface (luid.h): its type, LUID and GUID, and that it is up. No state; any thread.
 */
#include "host/wine/iphlpapi/iphelper.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "host/wine/shared/luid.h"

#define GUID_UNITS 38 /* of "{...}" */

static FARPROC WineFunction(const char *Name)
{
    static HMODULE Module;
    if (!Module)
        Module = LoadLibraryW(L"iphlpapi_wine.dll");
    return Module ? GetProcAddress(Module, Name) : NULL;
}

static VOID GuidText(const GUID *G, CHAR Text[GUID_UNITS + 1])
{
    snprintf(Text, GUID_UNITS + 1, "{%08lX-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", G->Data1, G->Data2, G->Data3,
             G->Data4[0], G->Data4[1], G->Data4[2], G->Data4[3], G->Data4[4], G->Data4[5], G->Data4[6], G->Data4[7]);
}

/* TRUE for an interface that Wine describes wrongly. */
static BOOL FindTun(ULONG Index, IP_LINK *Link)
{
    return LinkFind(NULL, Index, Link) == NO_ERROR && Link->IsTun;
}

/* "GetAdaptersAddresses function (iphlpapi.h)" */
ULONG WINAPI GetAdaptersAddresses(ULONG Family, ULONG Flags, PVOID Reserved, PIP_ADAPTER_ADDRESSES Addresses,
                                  PULONG Size)
{
    ULONG(WINAPI * Wine)(ULONG, ULONG, PVOID, PIP_ADAPTER_ADDRESSES, PULONG) =
        (VOID *)WineFunction("GetAdaptersAddresses");
    ULONG Error = Wine ? Wine(Family, Flags, Reserved, Addresses, Size) : ERROR_CALL_NOT_IMPLEMENTED;
    if (Error)
        return Error;
    IP_LINK Link;
    for (PIP_ADAPTER_ADDRESSES Adapter = Addresses; Adapter; Adapter = Adapter->Next)
    {
        if (!FindTun(Adapter->IfIndex ? Adapter->IfIndex : Adapter->Ipv6IfIndex, &Link))
            continue;
        Adapter->IfType = HOST_TUN_IF_TYPE;
        Adapter->OperStatus = Link.Carrier ? IfOperStatusUp : IfOperStatusDown;
        if (strlen(Adapter->AdapterName) == GUID_UNITS)
            GuidText(&Link.Guid, Adapter->AdapterName);
        if (Adapter->Length >= sizeof(IP_ADAPTER_ADDRESSES_LH))
        {
            Adapter->Luid = Link.Luid;
            Adapter->NetworkGuid = Link.Guid;
        }
    }
    return NO_ERROR;
}

/* "GetAdaptersInfo function (iphlpapi.h)" */
DWORD WINAPI GetAdaptersInfo(PIP_ADAPTER_INFO Info, PULONG Size)
{
    DWORD(WINAPI * Wine)(PIP_ADAPTER_INFO, PULONG) = (VOID *)WineFunction("GetAdaptersInfo");
    DWORD Error = Wine ? Wine(Info, Size) : ERROR_CALL_NOT_IMPLEMENTED;
    IP_LINK Link;
    for (PIP_ADAPTER_INFO Adapter = Error ? NULL : Info; Adapter; Adapter = Adapter->Next)
        if (FindTun(Adapter->Index, &Link))
        {
            Adapter->Type = HOST_TUN_IF_TYPE;
            GuidText(&Link.Guid, Adapter->AdapterName);
        }
    return Error;
}

/* The name of an old row or map is "\DEVICE\TCPIP_{GUID}". */
static VOID PutGuid(WCHAR *Name, const GUID *Guid)
{
    WCHAR *Brace = wcschr(Name, L'{');
    if (!Brace || wcslen(Brace) != GUID_UNITS)
        return;
    CHAR Text[GUID_UNITS + 1];
    GuidText(Guid, Text);
    for (int i = 0; i < GUID_UNITS; i++)
        Brace[i] = (WCHAR)Text[i];
}

/* "GetInterfaceInfo function (iphlpapi.h)" */
DWORD WINAPI GetInterfaceInfo(PIP_INTERFACE_INFO Info, PULONG Size)
{
    DWORD(WINAPI * Wine)(PIP_INTERFACE_INFO, PULONG) = (VOID *)WineFunction("GetInterfaceInfo");
    DWORD Error = Wine ? Wine(Info, Size) : ERROR_CALL_NOT_IMPLEMENTED;
    IP_LINK Link;
    for (LONG i = 0; !Error && i < Info->NumAdapters; i++)
        if (FindTun(Info->Adapter[i].Index, &Link))
            PutGuid(Info->Adapter[i].Name, &Link.Guid);
    return Error;
}

static VOID CorrectRow(MIB_IFROW *Row)
{
    IP_LINK Link;
    if (!FindTun(Row->dwIndex, &Link))
        return;
    Row->dwType = HOST_TUN_IF_TYPE;
    Row->dwOperStatus = Link.Carrier ? IF_OPER_STATUS_OPERATIONAL : IF_OPER_STATUS_DISCONNECTED;
    PutGuid(Row->wszName, &Link.Guid);
}

/* "GetIfEntry function (iphlpapi.h)" */
DWORD WINAPI GetIfEntry(PMIB_IFROW Row)
{
    DWORD(WINAPI * Wine)(PMIB_IFROW) = (VOID *)WineFunction("GetIfEntry");
    DWORD Error = Wine ? Wine(Row) : ERROR_CALL_NOT_IMPLEMENTED;
    if (!Error)
        CorrectRow(Row);
    return Error;
}

/* "GetIfTable function (iphlpapi.h)" */
DWORD WINAPI GetIfTable(PMIB_IFTABLE Table, PULONG Size, WINBOOL Order)
{
    DWORD(WINAPI * Wine)(PMIB_IFTABLE, PULONG, WINBOOL) = (VOID *)WineFunction("GetIfTable");
    DWORD Error = Wine ? Wine(Table, Size, Order) : ERROR_CALL_NOT_IMPLEMENTED;
    for (DWORD i = 0; !Error && i < Table->dwNumEntries; i++)
        CorrectRow(&Table->table[i]);
    return Error;
}
