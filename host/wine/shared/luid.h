/* SPDX-License-Identifier: MIT */
/*
 * One interface, one identity: what ndis.sys tells a miniport and what iphlpapi.dll tells programs about it must be the
 * same. All follows from the Linux interface:
 *
 *   index   the Linux interface index.
 *   LUID    IfType 53 (IF_TYPE_PROP_VIRTUAL) for a TUN interface, NetLuidIndex = the index. Wine 8 by itself would give
 *           IfType 1 to a TUN interface; iphlpapi.dll puts that right wherever it shows.
 *   GUID    the adapter's NetCfgInstanceId, a string in its driver key that is written before the device starts. ndis.sys
 *           makes it known by setting it, "{...}" in capitals, as the alias of the Linux interface (`ip link` shows it), so
 *           that it lives and dies with the interface. An interface without such an alias has the GUID that Wine gives it:
 *           Data1 = the index, Data2 and Data3 0, Data4 = 00 00 "NetDev".
 */
#ifndef HOST_WINE_LUID_H
#define HOST_WINE_LUID_H

#include <stdint.h>

#define HOST_TUN_IF_TYPE 53 /* IF_TYPE_PROP_VIRTUAL */

/* NET_LUID.Value: Reserved 24 bits, NetLuidIndex 24, IfType 16, from the lowest. */
static inline uint64_t HostLuid(uint32_t Index, uint16_t IfType)
{
    return (uint64_t)(Index & 0xffffff) << 24 | (uint64_t)IfType << 48;
}

/* The 16 bytes of the GUID of an interface without an alias. */
static inline void HostGuidOfIndex(uint32_t Index, unsigned char Guid[16])
{
    static const unsigned char Tail[12] = {0, 0, 0, 0, 0, 0, 'N', 'e', 't', 'D', 'e', 'v'};
    for (int i = 0; i < 4; i++)
        Guid[i] = (unsigned char)(Index >> 8 * i);
    for (int i = 0; i < 12; i++)
        Guid[4 + i] = Tail[i];
}

#endif
