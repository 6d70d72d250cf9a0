/* SPDX-License-Identifier: MIT */
/*
 * How a Windows program gives its adapter an address: IP Helper's CreateUnicastIpAddressEntry with the adapter's LUID.
 * learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-createunicastipaddressentry
 */
#include "examples/example.h"
#include <mstcpip.h>
#include <wchar.h>

DWORD SetAddress(const NET_LUID *Luid, LPCWSTR Address)
{
    MIB_UNICASTIPADDRESS_ROW Row;
    InitializeUnicastIpAddressEntry(&Row);
    Row.InterfaceLuid = *Luid;
    Row.DadState = IpDadStatePreferred; /* nobody else is on this link: do not wait for duplicate detection */

    LPCWSTR Slash = wcschr(Address, L'/');
    WCHAR Host[64];
    if (!Slash || (size_t)(Slash - Address) >= ARRAYSIZE(Host))
        return ERROR_INVALID_PARAMETER;
    wmemcpy(Host, Address, Slash - Address);
    Host[Slash - Address] = 0;
    unsigned long Bits = wcstoul(Slash + 1, NULL, 10), Width;
    ULONG Scope;
    USHORT Port;
    if (RtlIpv4StringToAddressExW(Host, TRUE, &Row.Address.Ipv4.sin_addr, &Port) == 0)
    {
        Row.Address.si_family = AF_INET;
        Width = 32;
    }
    else if (RtlIpv6StringToAddressExW(Host, &Row.Address.Ipv6.sin6_addr, &Scope, &Port) == 0)
    {
        Row.Address.si_family = AF_INET6;
        Width = 128;
    }
    else
        return ERROR_INVALID_PARAMETER;
    if (Bits == 0 || Bits > Width)
        return ERROR_INVALID_PARAMETER;
    Row.OnLinkPrefixLength = (UINT8)Bits;

    DWORD Error = CreateUnicastIpAddressEntry(&Row);
    return Error == ERROR_OBJECT_ALREADY_EXISTS ? NO_ERROR : Error;
}
