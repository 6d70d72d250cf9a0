/* SPDX-License-Identifier: MIT */
/*
 * What creation sets of the interface beside its name: MTU and metric, of each IP family that there is. Any thread.
 */
#include "library/library.h"

/* https://learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-setipinterfaceentry */
static DWORD Configure(MIB_IPINTERFACE_ROW *Row, DWORD Mtu, DWORD Metric)
{
    BOOL Automatic = Metric == 0;
    if (Row->NlMtu == Mtu && !Row->UseAutomaticMetric == !Automatic && (Automatic || Row->Metric == Metric))
        return NO_ERROR;
    Row->NlMtu = Mtu;
    Row->UseAutomaticMetric = (BOOLEAN)Automatic;
    if (!Automatic)
        Row->Metric = Metric;
    if (Row->Family == AF_INET)
        Row->SitePrefixLength = 0; /* must be, says the page */
    return SetIpInterfaceEntry(Row);
}

DWORD ConfigureInterface(const NET_LUID *Luid, DWORD Mtu, DWORD Metric)
{
    static const ADDRESS_FAMILY Families[] = {AF_INET, AF_INET6};
    for (DWORD i = 0; i < ARRAYSIZE(Families); ++i)
    {
        MIB_IPINTERFACE_ROW Row = {.Family = Families[i], .InterfaceLuid = *Luid};
        if (GetIpInterfaceEntry(&Row) != NO_ERROR)
            continue; /* switched off */
        DWORD Error = Configure(&Row, Mtu, Metric);
        if (Error != NO_ERROR)
            return LogError(Error,
                            L"setting the interface's MTU to %1!u! bytes and its metric to %2!u!: TCP/IP refuses it "
                            L"for %3; use other values",
                            Mtu, Metric, Families[i] == AF_INET ? L"IPv4" : L"IPv6");
    }
    return NO_ERROR;
}
