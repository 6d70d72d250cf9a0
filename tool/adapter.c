/* SPDX-License-Identifier: MIT */
/* Names and addresses of adapters: what several commands do with them. */
#include "tool/tool.h"
#include <wchar.h>

void GuidText(const GUID *Guid, LPWSTR Text)
{
    const BYTE *Last = Guid->Data4;
    Format(Text, GUID_TEXT, L"{%08lX-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", Guid->Data1, Guid->Data2,
           Guid->Data3, Last[0], Last[1], Last[2], Last[3], Last[4], Last[5], Last[6], Last[7]);
}

BOOL GuidRead(LPCWSTR Text, GUID *Guid)
{
    static const BYTE Digits[] = {8, 4, 4, 4, 12};
    DWORD Count = 0;
    BOOL Braces = *Text == L'{';
    Text += Braces;
    BYTE Bytes[16];
    for (DWORD Group = 0; Group < ARRAYSIZE(Digits); ++Group)
    {
        for (DWORD i = 0; i < Digits[Group]; ++i, ++Count, ++Text)
        {
            LPCWSTR Digit = *Text != 0 ? wcschr(L"0123456789abcdefABCDEF", *Text) : NULL;
            if (Digit == NULL)
                return FALSE;
            DWORD Value = (DWORD)(Digit - L"0123456789abcdefABCDEF");
            Value -= Value > 15 ? 6 : 0;
            Bytes[Count / 2] = (BYTE)(Count % 2 == 0 ? Value << 4 : Bytes[Count / 2] | Value);
        }
        if (Group < 4 && *Text++ != L'-')
            return FALSE;
    }
    if (Braces && *Text++ != L'}')
        return FALSE;
    *Guid = (GUID){
        .Data1 = (DWORD)Bytes[0] << 24 | Bytes[1] << 16 | Bytes[2] << 8 | Bytes[3],
        .Data2 = (WORD)(Bytes[4] << 8 | Bytes[5]),
        .Data3 = (WORD)(Bytes[6] << 8 | Bytes[7]),
    };
    memcpy(Guid->Data4, Bytes + 8, 8);
    return *Text == 0;
}

BOOL AdapterList(PLAINTUN_ADAPTER_INFO **Adapters, DWORD *Count, EXIT_CODE *Code)
{
    *Adapters = NULL;
    DWORD Room;
    for (*Count = PlaintunListAdapters(NULL, 0); *Count > 0; *Count = Room)
    {
        Room = *Count + 4; /* some may come meanwhile */
        *Adapters = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Room * sizeof(**Adapters));
        if (*Adapters == NULL)
        {
            *Code = FailSystem(ERROR_NOT_ENOUGH_MEMORY, L"cannot list the adapters");
            return FALSE;
        }
        *Count = PlaintunListAdapters(*Adapters, Room);
        if (*Count <= Room)
            break;
        HeapFree(GetProcessHeap(), 0, *Adapters);
        *Adapters = NULL;
        Room = *Count;
    }
    if (*Count > 0 || GetLastError() == NO_ERROR)
        return TRUE;
    *Code = FailLibrary(L"cannot list the adapters");
    if (*Adapters != NULL)
        HeapFree(GetProcessHeap(), 0, *Adapters);
    *Adapters = NULL;
    return FALSE;
}

LPCWSTR AdapterStateName(PLAINTUN_ADAPTER_STATE State)
{
    static const LPCWSTR Names[] = {L"absent", L"stopped", L"ready", L"connected"};
    return Names[State];
}

LPCWSTR AdapterProblem(const PLAINTUN_ADAPTER_INFO *Adapter)
{
    return Adapter->Problem != 0 ? ProblemText(Adapter->Problem) : L"it is starting, or its driver does not answer";
}

void AdapterJson(const PLAINTUN_ADAPTER_INFO *Adapter)
{
    WCHAR Guid[GUID_TEXT];
    GuidText(&Adapter->Guid, Guid);
    JsonText(L"name", Adapter->Name);
    JsonText(L"guid", Guid);
    JsonNumber(L"luid", Adapter->Luid.Value);
    JsonNumber(L"index", Adapter->InterfaceIndex);
    JsonNumber(L"mtu", Adapter->Mtu);
}

static EXIT_CODE FailNotFound(LPCWSTR Name)
{
    Tell(L"there is no adapter %ls; %ls list names those that exist", Name, TOOL_NAME);
    return EXIT_NOT_FOUND;
}

BOOL AdapterFind(LPCWSTR Name, GUID *Guid, EXIT_CODE *Code)
{
    BOOL Found = FALSE;
    if (GuidRead(Name, Guid))
        return TRUE;
    PLAINTUN_ADAPTER_INFO *Adapters;
    DWORD Count;
    if (!AdapterList(&Adapters, &Count, Code))
        return FALSE;
    for (DWORD i = 0; i < Count && !Found; ++i)
    {
        Found = CompareStringOrdinal(Adapters[i].Name, -1, Name, -1, TRUE) == CSTR_EQUAL;
        if (Found)
            *Guid = Adapters[i].Guid;
    }
    if (!Found)
        *Code = FailNotFound(Name);
    if (Adapters != NULL)
        HeapFree(GetProcessHeap(), 0, Adapters);
    return Found;
}

PLAINTUN_ADAPTER_HANDLE AdapterOpen(LPCWSTR Name, EXIT_CODE *Code)
{
    GUID Guid;
    PLAINTUN_ADAPTER_HANDLE Adapter =
        GuidRead(Name, &Guid) ? PlaintunOpenAdapterByGuid(&Guid) : PlaintunOpenAdapter(Name);
    if (Adapter == NULL && GetLastError() == ERROR_NOT_FOUND)
        *Code = FailNotFound(Name);
    else if (Adapter == NULL)
        *Code = FailLibrary(L"cannot open the adapter %ls", Name);
    return Adapter;
}

/* learn.microsoft.com/windows/win32/api/ws2tcpip/nf-ws2tcpip-inetptonw */
BOOL AddressRead(LPCWSTR Text, ADDRESS *Address)
{
    LPCWSTR Slash = wcschr(Text, L'/');
    *Address = (ADDRESS){0};
    WCHAR Host[64];
    if (Slash == NULL || Slash - Text >= (ptrdiff_t)ARRAYSIZE(Host))
        return FALSE;
    lstrcpynW(Host, Text, (int)(Slash - Text) + 1);
    WCHAR *End;
    DWORD Bits = wcstoul(Slash + 1, &End, 10), Width = 32;
    if (InetPtonW(AF_INET, Host, &Address->Address.Ipv4.sin_addr) == 1)
        Address->Address.si_family = AF_INET;
    else if (InetPtonW(AF_INET6, Host, &Address->Address.Ipv6.sin6_addr) == 1)
    {
        Address->Address.si_family = AF_INET6;
        Width = 128;
    }
    else
        return FALSE;
    Address->PrefixLength = (UINT8)Bits;
    return *End == 0 && Bits > 0 && Bits <= Width;
}

/* learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-createunicastipaddressentry */
DWORD AddressSet(const NET_LUID *Luid, const ADDRESS *Address)
{
    MIB_UNICASTIPADDRESS_ROW Row;
    InitializeUnicastIpAddressEntry(&Row);
    Row.InterfaceLuid = *Luid;
    Row.Address = Address->Address;
    Row.OnLinkPrefixLength = Address->PrefixLength;
    Row.DadState = IpDadStatePreferred; /* nobody else is on this link: do not wait for duplicate detection */
    DWORD Error = CreateUnicastIpAddressEntry(&Row);
    return Error == ERROR_OBJECT_ALREADY_EXISTS ? NO_ERROR : Error;
}

BOOL AddressesRead(const ARGUMENTS *Arguments, ADDRESSES *Addresses, EXIT_CODE *Code)
{
    Addresses->Count = 0;
    LPCWSTR Text;
    for (DWORD Next = 0; (Text = OptionText(Arguments, L"--address", &Next)) != NULL; ++Addresses->Count)
    {
        Addresses->Texts[Addresses->Count] = Text;
        if (!AddressRead(Text, &Addresses->List[Addresses->Count]))
        {
            *Code = FailUsage(L"--address %ls: expected one like 10.6.7.1/24 or fd00:6:7::1/64", Text);
            return FALSE;
        }
    }
    return TRUE;
}

BOOL AddressesSet(const ADDRESSES *Addresses, const NET_LUID *Luid, EXIT_CODE *Code)
{
    for (DWORD i = 0; i < Addresses->Count; ++i)
    {
        DWORD Error = AddressSet(Luid, &Addresses->List[i]);
        if (Error == NO_ERROR)
            continue;
        *Code = FailSystem(Error, L"cannot set the address %ls", Addresses->Texts[i]);
        return FALSE;
    }
    return TRUE;
}

DWORD ReceiveOrStop(PLAINTUN_SESSION_HANDLE Session, HANDLE Stop, PLAINTUN_PACKET *Packets, DWORD Count,
                    DWORD TimeoutMs)
{
    for (;;)
    {
        HANDLE Events[] = {Stop, PlaintunGetPacketsEvent(Session)};
        if (StopWanted()) /* looked at even while packets come without end */
        {
            SetLastError(ERROR_CANCELLED);
            return 0;
        }
        DWORD Received = PlaintunReceive(Session, Packets, Count);
        if (Received > 0 || GetLastError() != ERROR_NO_MORE_ITEMS)
            return Received;
        switch (WaitForMultipleObjects(ARRAYSIZE(Events), Events, FALSE, TimeoutMs))
        {
        case WAIT_OBJECT_0:
            SetLastError(ERROR_CANCELLED);
            return 0;
        case WAIT_TIMEOUT:
            SetLastError(ERROR_TIMEOUT);
            return 0;
        case WAIT_FAILED:
            return 0;
        }
    }
}
