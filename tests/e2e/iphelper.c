/* SPDX-License-Identifier: MIT */
/*
 * iphelper.exe GUID: uses IP Helper on the interface with that GUID as a Windows program uses it on its own adapter, and
 * checks each answer and each error against what the documentation says. A line for each check that fails; the last line
 * is "N checks, N failed". The interface must have no addresses when it begins.
 */
#include <winsock2.h>
#include <windows.h>
#include <ws2ipdef.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <objbase.h>
#include <stdio.h>
#include <string.h>

static int Checks, Failed;

static VOID Check(BOOL Good, const char *What, ULONG64 Value)
{
    Checks++;
    if (Good)
        return;
    Failed++;
    printf("FAILED %s (%llu)\n", What, Value);
}

#define EXPECT(Call, Wanted)                                                                                           \
    do                                                                                                                 \
    {                                                                                                                  \
        DWORD Got_ = (Call);                                                                                           \
        Check(Got_ == (Wanted), #Call " -> " #Wanted, Got_);                                                           \
    } while (0)
#define THAT(Condition, Value) Check(Condition, #Condition, (ULONG64)(Value))

static SOCKADDR_INET Address4(BYTE A, BYTE B, BYTE C, BYTE D)
{
    SOCKADDR_INET Address = {.si_family = AF_INET};
    BYTE Bytes[4] = {A, B, C, D};
    memcpy(&Address.Ipv4.sin_addr, Bytes, 4);
    return Address;
}

static SOCKADDR_INET Address6(BYTE Last)
{
    SOCKADDR_INET Address = {.si_family = AF_INET6};
    Address.Ipv6.sin6_addr.u.Byte[0] = 0xfd;
    Address.Ipv6.sin6_addr.u.Byte[15] = Last;
    return Address;
}

/* --- notifications ------------------------------------------------------------------------------------------------- */

static HANDLE AddressNews, InterfaceNews, RouteNews;
static volatile LONG InitialNews;

static VOID NETIOAPI_API_ OnAddress(PVOID Context, PMIB_UNICASTIPADDRESS_ROW Row, MIB_NOTIFICATION_TYPE Type)
{
    if (Type == MibInitialNotification)
        InterlockedIncrement(&InitialNews);
    else if (Type == MibAddInstance && Row->InterfaceLuid.Value == ((NET_LUID *)Context)->Value)
        SetEvent(AddressNews);
}

static VOID NETIOAPI_API_ OnInterface(PVOID Context, PMIB_IPINTERFACE_ROW Row, MIB_NOTIFICATION_TYPE Type)
{
    if (Type == MibInitialNotification)
        InterlockedIncrement(&InitialNews);
    else if (Type == MibParameterNotification && Row->InterfaceLuid.Value == ((NET_LUID *)Context)->Value)
        SetEvent(InterfaceNews);
}

static VOID NETIOAPI_API_ OnRoute(PVOID Context, PMIB_IPFORWARD_ROW2 Row, MIB_NOTIFICATION_TYPE Type)
{
    if (Type == MibInitialNotification)
        InterlockedIncrement(&InitialNews);
    else if (Type == MibAddInstance && Row->InterfaceLuid.Value == ((NET_LUID *)Context)->Value)
        SetEvent(RouteNews);
}

/* --- what is checked ----------------------------------------------------------------------------------------------- */

static VOID TestNames(const GUID *Guid, NET_LUID *Luid)
{
    static const GUID Unknown = {0xdeadbeef, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}};
    NET_LUID Other = {0};
    NET_IFINDEX Index = 0;
    MIB_IF_ROW2 Row = {0};
    EXPECT(ConvertInterfaceGuidToLuid(Guid, Luid), NO_ERROR);
    EXPECT(ConvertInterfaceGuidToLuid(&Unknown, &Other), ERROR_FILE_NOT_FOUND);
    EXPECT(ConvertInterfaceGuidToLuid(NULL, &Other), ERROR_INVALID_PARAMETER);
    THAT(Luid->Info.IfType == IF_TYPE_PROP_VIRTUAL, Luid->Info.IfType);
    EXPECT(ConvertInterfaceLuidToIndex(Luid, &Index), NO_ERROR);
    THAT(Index == Luid->Info.NetLuidIndex, Index);
    EXPECT(ConvertInterfaceIndexToLuid(Index, &Other), NO_ERROR);
    THAT(Other.Value == Luid->Value, Other.Value);
    EXPECT(ConvertInterfaceIndexToLuid(0xfffff, &Other), ERROR_FILE_NOT_FOUND);
    GUID Back;
    EXPECT(ConvertInterfaceLuidToGuid(Luid, &Back), NO_ERROR);
    THAT(IsEqualGUID(Guid, &Back), Back.Data1);
    WCHAR Alias[IF_MAX_STRING_SIZE + 1];
    EXPECT(ConvertInterfaceLuidToAlias(Luid, Alias, ARRAYSIZE(Alias)), NO_ERROR);
    EXPECT(ConvertInterfaceLuidToAlias(Luid, Alias, 1), ERROR_NOT_ENOUGH_MEMORY);
    EXPECT(ConvertInterfaceLuidToAlias(Luid, Alias, ARRAYSIZE(Alias)), NO_ERROR);
    EXPECT(ConvertInterfaceAliasToLuid(Alias, &Other), NO_ERROR);
    THAT(Other.Value == Luid->Value, Other.Value);
    EXPECT(ConvertInterfaceAliasToLuid(L"no such interface", &Other), ERROR_INVALID_PARAMETER);

    EXPECT(GetIfEntry2(&Row), ERROR_INVALID_PARAMETER);
    Row.InterfaceIndex = 0xfffff;
    EXPECT(GetIfEntry2(&Row), ERROR_FILE_NOT_FOUND);
    Row.InterfaceLuid = *Luid;
    EXPECT(GetIfEntry2(&Row), NO_ERROR);
    THAT(Row.InterfaceIndex == Index && Row.Type == IF_TYPE_PROP_VIRTUAL && IsEqualGUID(&Row.InterfaceGuid, Guid),
         Row.Type);
    THAT(Row.MediaType == NdisMediumIP, Row.MediaType);
    THAT(Row.AdminStatus == NET_IF_ADMIN_STATUS_UP, Row.AdminStatus);
}

static VOID TestAdapters(const GUID *Guid, const NET_LUID *Luid)
{
    static BYTE Buffer[65536];
    IP_ADAPTER_ADDRESSES *Adapter = (VOID *)Buffer;
    ULONG Size = sizeof(Buffer);
    BOOL Found = FALSE;
    WCHAR Wide[64];
    StringFromGUID2(Guid, Wide, 64);
    CHAR Text[64];
    WideCharToMultiByte(CP_ACP, 0, Wide, -1, Text, 64, NULL, NULL);
    EXPECT(GetAdaptersAddresses(AF_UNSPEC, 0, NULL, Adapter, &Size), NO_ERROR);
    for (; Adapter && !Found; Adapter = Adapter->Next)
        Found = !strcmp(Adapter->AdapterName, Text) && Adapter->Luid.Value == Luid->Value &&
                Adapter->IfType == IF_TYPE_PROP_VIRTUAL;
    Check(Found, "GetAdaptersAddresses knows it", 0);
    MIB_IF_TABLE2 *Table;
    EXPECT(GetIfTable2(&Table), NO_ERROR);
    Found = FALSE;
    for (ULONG i = 0; i < Table->NumEntries; i++)
        Found |= Table->Table[i].InterfaceLuid.Value == Luid->Value;
    Check(Found, "GetIfTable2 knows it", 0);
    FreeMibTable(Table);
}

static ULONG CountAddresses(ADDRESS_FAMILY Family, const NET_LUID *Luid)
{
    ULONG Count = 0;
    MIB_UNICASTIPADDRESS_TABLE *Table;
    EXPECT(GetUnicastIpAddressTable(Family, &Table), NO_ERROR);
    for (ULONG i = 0; i < Table->NumEntries; i++)
        Count += Table->Table[i].InterfaceLuid.Value == Luid->Value;
    FreeMibTable(Table);
    return Count;
}

static VOID TestAddresses(const NET_LUID *Luid)
{
    MIB_UNICASTIPADDRESS_ROW Row, Read = {0};
    InitializeUnicastIpAddressEntry(&Row);
    THAT(Row.OnLinkPrefixLength == 255 && Row.PrefixOrigin == IpPrefixOriginUnchanged, Row.OnLinkPrefixLength);
    EXPECT(CreateUnicastIpAddressEntry(NULL), ERROR_INVALID_PARAMETER);
    EXPECT(CreateUnicastIpAddressEntry(&Row), ERROR_INVALID_PARAMETER);
    Row.Address = Address4(10, 77, 0, 2);
    EXPECT(CreateUnicastIpAddressEntry(&Row), ERROR_INVALID_PARAMETER); /* on no interface */
    Row.InterfaceIndex = 0xfffff;
    EXPECT(CreateUnicastIpAddressEntry(&Row), ERROR_NOT_FOUND);
    Row.InterfaceLuid = *Luid;
    Row.OnLinkPrefixLength = 33;
    EXPECT(CreateUnicastIpAddressEntry(&Row), ERROR_INVALID_PARAMETER);
    Row.OnLinkPrefixLength = 24;
    Row.ValidLifetime = 1;
    EXPECT(CreateUnicastIpAddressEntry(&Row), ERROR_INVALID_PARAMETER);
    Row.ValidLifetime = 0xffffffff;
    Row.Address = Address4(224, 0, 0, 1);
    EXPECT(CreateUnicastIpAddressEntry(&Row), ERROR_INVALID_PARAMETER);
    Row.Address = Address4(10, 77, 0, 2);
    EXPECT(CreateUnicastIpAddressEntry(&Row), NO_ERROR);
    EXPECT(CreateUnicastIpAddressEntry(&Row), ERROR_OBJECT_ALREADY_EXISTS);
    THAT(WaitForSingleObject(AddressNews, 5000) == WAIT_OBJECT_0, 0);
    THAT(WaitForSingleObject(InterfaceNews, 5000) == WAIT_OBJECT_0, 0);

    Read.Address = Row.Address;
    EXPECT(GetUnicastIpAddressEntry(&Read), ERROR_INVALID_PARAMETER);
    Read.InterfaceLuid = *Luid;
    EXPECT(GetUnicastIpAddressEntry(&Read), NO_ERROR);
    THAT(Read.OnLinkPrefixLength == 24 && Read.DadState == IpDadStatePreferred, Read.DadState);
    Row.OnLinkPrefixLength = 16;
    EXPECT(SetUnicastIpAddressEntry(&Row), NO_ERROR);
    EXPECT(GetUnicastIpAddressEntry(&Read), NO_ERROR);
    THAT(Read.OnLinkPrefixLength == 16, Read.OnLinkPrefixLength);
    THAT(CountAddresses(AF_INET, Luid) == 1, 0);

    Row.Address = Address6(2);
    Row.OnLinkPrefixLength = 64;
    EXPECT(CreateUnicastIpAddressEntry(&Row), NO_ERROR);
    EXPECT(CreateUnicastIpAddressEntry(&Row), ERROR_OBJECT_ALREADY_EXISTS);
    Read.Address = Row.Address;
    EXPECT(GetUnicastIpAddressEntry(&Read), NO_ERROR);
    THAT(Read.DadState == IpDadStatePreferred && Read.OnLinkPrefixLength == 64, Read.DadState);
    Row.Address = Address4(10, 77, 9, 9);
    Row.OnLinkPrefixLength = 32;
    EXPECT(DeleteUnicastIpAddressEntry(&Row), ERROR_NOT_FOUND);
    EXPECT(SetUnicastIpAddressEntry(&Row), ERROR_NOT_FOUND);
    EXPECT(CreateUnicastIpAddressEntry(&Row), NO_ERROR);
    EXPECT(DeleteUnicastIpAddressEntry(&Row), NO_ERROR);
    THAT(CountAddresses(AF_INET, Luid) == 1, 0);
}

static VOID TestRoutes(const NET_LUID *Luid)
{
    SOCKADDR_INET To = Address4(192, 0, 2, 77);
    MIB_IPFORWARD_ROW2 Row;
    InitializeIpForwardEntry(&Row);
    EXPECT(CreateIpForwardEntry2(NULL), ERROR_INVALID_PARAMETER);
    EXPECT(CreateIpForwardEntry2(&Row), ERROR_INVALID_PARAMETER);
    Row.DestinationPrefix.Prefix = Address4(192, 0, 2, 0);
    Row.DestinationPrefix.PrefixLength = 24;
    Row.NextHop = Address4(0, 0, 0, 0);
    Row.Metric = 7;
    EXPECT(CreateIpForwardEntry2(&Row), ERROR_INVALID_PARAMETER);
    Row.InterfaceIndex = 0xfffff;
    EXPECT(CreateIpForwardEntry2(&Row), ERROR_NOT_FOUND);
    Row.InterfaceLuid = *Luid;
    EXPECT(CreateIpForwardEntry2(&Row), NO_ERROR);
    EXPECT(CreateIpForwardEntry2(&Row), ERROR_OBJECT_ALREADY_EXISTS);
    THAT(WaitForSingleObject(RouteNews, 5000) == WAIT_OBJECT_0, 0);
    MIB_IPFORWARD_ROW2 Read = Row;
    Read.Metric = 0;
    EXPECT(GetIpForwardEntry2(&Read), NO_ERROR);
    THAT(Read.Metric == 7, Read.Metric);
    MIB_IPFORWARD_ROW2 Best;
    SOCKADDR_INET Source;
    EXPECT(GetBestRoute2(NULL, 0, NULL, &To, 0, &Best, &Source), NO_ERROR);
    THAT(Best.InterfaceLuid.Value == Luid->Value && Best.DestinationPrefix.PrefixLength == 24, Best.InterfaceIndex);
    THAT(Source.Ipv4.sin_addr.S_un.S_un_b.s_b2 == 77, Source.Ipv4.sin_addr.S_un.S_un_b.s_b2);
    Row.Metric = 20;
    EXPECT(SetIpForwardEntry2(&Row), NO_ERROR);
    EXPECT(GetIpForwardEntry2(&Read), NO_ERROR);
    THAT(Read.Metric == 20, Read.Metric);
    EXPECT(DeleteIpForwardEntry2(&Row), NO_ERROR);
    EXPECT(DeleteIpForwardEntry2(&Row), ERROR_NOT_FOUND);

    /* By a gateway that no other route leads to, and by the interface's own address, as programs write "on this link". */
    Row.NextHop = Address4(198, 51, 100, 1);
    EXPECT(CreateIpForwardEntry2(&Row), NO_ERROR);
    EXPECT(DeleteIpForwardEntry2(&Row), NO_ERROR);
    Row.NextHop = Address4(10, 77, 0, 2);
    EXPECT(CreateIpForwardEntry2(&Row), NO_ERROR);
    EXPECT(DeleteIpForwardEntry2(&Row), NO_ERROR);
    /* The default routes, which are what a VPN sets. */
    Row.DestinationPrefix.Prefix = Address4(0, 0, 0, 0);
    Row.DestinationPrefix.PrefixLength = 0;
    Row.NextHop = Address4(0, 0, 0, 0);
    Row.Metric = 0;
    EXPECT(CreateIpForwardEntry2(&Row), NO_ERROR);
    EXPECT(DeleteIpForwardEntry2(&Row), NO_ERROR);
    memset(&Row.DestinationPrefix, 0, sizeof(Row.DestinationPrefix));
    memset(&Row.NextHop, 0, sizeof(Row.NextHop));
    Row.DestinationPrefix.Prefix.si_family = Row.NextHop.si_family = AF_INET6;
    EXPECT(CreateIpForwardEntry2(&Row), NO_ERROR);
    EXPECT(CreateIpForwardEntry2(&Row), ERROR_OBJECT_ALREADY_EXISTS);
    EXPECT(DeleteIpForwardEntry2(&Row), NO_ERROR);
}

static VOID TestInterface(const NET_LUID *Luid)
{
    MIB_IPINTERFACE_ROW Row;
    InitializeIpInterfaceEntry(&Row);
    EXPECT(GetIpInterfaceEntry(&Row), ERROR_INVALID_PARAMETER);
    Row.Family = AF_INET;
    EXPECT(GetIpInterfaceEntry(&Row), ERROR_INVALID_PARAMETER);
    Row.InterfaceIndex = 0xfffff;
    EXPECT(GetIpInterfaceEntry(&Row), ERROR_FILE_NOT_FOUND);
    Row.InterfaceLuid = *Luid;
    EXPECT(GetIpInterfaceEntry(&Row), NO_ERROR);
    THAT(Row.UseAutomaticMetric == TRUE, Row.UseAutomaticMetric);
    ULONG Whole = Row.NlMtu;
    Row.SitePrefixLength = 0;
    Row.NlMtu = 1420;
    Row.UseAutomaticMetric = FALSE;
    Row.Metric = 3;
    EXPECT(SetIpInterfaceEntry(&Row), NO_ERROR);
    EXPECT(GetIpInterfaceEntry(&Row), NO_ERROR);
    THAT(Row.NlMtu == 1420 && Row.Metric == 3 && !Row.UseAutomaticMetric, Row.NlMtu);
    Row.SitePrefixLength = 0;
    Row.NlMtu = 100;
    EXPECT(SetIpInterfaceEntry(&Row), ERROR_INVALID_PARAMETER);
    Row.Family = AF_INET6;
    EXPECT(GetIpInterfaceEntry(&Row), NO_ERROR);
    THAT(Row.NlMtu == Whole, Row.NlMtu);
    Row.NlMtu = 1280;
    EXPECT(SetIpInterfaceEntry(&Row), NO_ERROR);
    EXPECT(GetIpInterfaceEntry(&Row), NO_ERROR);
    THAT(Row.NlMtu == 1280, Row.NlMtu);
    MIB_IPINTERFACE_TABLE *Table;
    EXPECT(GetIpInterfaceTable(AF_UNSPEC, &Table), NO_ERROR);
    THAT(Table->NumEntries >= 2, Table->NumEntries);
    FreeMibTable(Table);
}

int wmain(int ArgumentCount, WCHAR **Arguments)
{
    HANDLE Address = NULL, Interface = NULL, Route = NULL;
    NET_LUID Luid = {0};
    setvbuf(stdout, NULL, _IONBF, 0);
    GUID Guid;
    if (ArgumentCount != 2 || CLSIDFromString(Arguments[1], &Guid))
    {
        fputs("iphelper {GUID}\n", stderr);
        return 2;
    }
    AddressNews = CreateEventW(NULL, FALSE, FALSE, NULL);
    InterfaceNews = CreateEventW(NULL, FALSE, FALSE, NULL);
    RouteNews = CreateEventW(NULL, FALSE, FALSE, NULL);
    TestNames(&Guid, &Luid);
    EXPECT(NotifyUnicastIpAddressChange(AF_UNSPEC, OnAddress, &Luid, TRUE, &Address), NO_ERROR);
    EXPECT(NotifyIpInterfaceChange(AF_INET, OnInterface, &Luid, TRUE, &Interface), NO_ERROR);
    EXPECT(NotifyRouteChange2(AF_INET, OnRoute, &Luid, TRUE, &Route), NO_ERROR);
    EXPECT(NotifyIpInterfaceChange(77, OnInterface, &Luid, TRUE, &Interface), ERROR_INVALID_PARAMETER);
    EXPECT(NotifyIpInterfaceChange(AF_INET, NULL, &Luid, TRUE, &Interface), ERROR_INVALID_PARAMETER);
    EXPECT(NotifyIpInterfaceChange(AF_INET, OnInterface, &Luid, FALSE, &Interface), NO_ERROR);
    TestAddresses(&Luid);
    TestAdapters(&Guid, &Luid);
    TestRoutes(&Luid);
    TestInterface(&Luid);
    THAT(InitialNews == 3, InitialNews);
    EXPECT(CancelMibChangeNotify2(Address), NO_ERROR);
    EXPECT(CancelMibChangeNotify2(Interface), NO_ERROR);
    EXPECT(CancelMibChangeNotify2(Route), NO_ERROR);
    printf("%d checks, %d failed\n", Checks, Failed);
    return Failed != 0;
}
