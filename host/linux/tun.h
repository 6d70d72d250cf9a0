/* SPDX-License-Identifier: MIT */
/*
 * A Linux TUN interface: made, named, configured and closed. Knows nothing of NDIS. Each call stands for itself; a
 * TUN_DEVICE is used by one owner, and reads and writes on its descriptor are Linux' to order.
 */
#ifndef HOST_LINUX_TUN_H
#define HOST_LINUX_TUN_H

#include <stdbool.h>
#include <stdint.h>

#define TUN_NAME_LENGTH 16 /* with the ending 0: IFNAMSIZ */
#define TUN_HEADER      10 /* bytes before each packet read or written: VNET_HEADER of offload.h */

typedef struct _TUN_DEVICE
{
    int Fd;      /* /dev/net/tun, non-blocking: TUN_HEADER and one packet a read or write */
    int Control; /* a socket for requests about the interface */
    uint32_t Index;
    char Name[TUN_NAME_LENGTH];
} TUN_DEVICE;

/* Makes an interface called WantedName as far as Linux permits. 0, or a negated error number of Linux. */
int TunOpen(TUN_DEVICE *Tun, const char *WantedName);
void TunClose(TUN_DEVICE *Tun);
/* 0, or a negated error number. */
int TunSetMtu(TUN_DEVICE *Tun, uint32_t Mtu);
/* A text that `ip link` shows beside the interface. */
int TunSetAlias(TUN_DEVICE *Tun, const char *Alias);
/* Packets that Linux dropped because its queue before the reader was full; of a super-packet, one. Below 0: an error. */
int64_t TunDropped(TUN_DEVICE *Tun);
/* From here on Linux leaves checksums to the reader and sends TCP in super-packets: offload.h. 0, or a negated error
 * number: it does not. */
int TunSetOffload(TUN_DEVICE *Tun);
/* How many bytes a super-packet of Linux' may have. 0, or a negated error number. */
int TunSetSuperMax(TUN_DEVICE *Tun, uint32_t Bytes);
int TunSetCarrier(TUN_DEVICE *Tun, bool On);
/* What ethtool shows, and what IP Helper's numbers come from: Mbit/s. */
int TunSetSpeed(TUN_DEVICE *Tun, uint32_t Megabits);

#endif
