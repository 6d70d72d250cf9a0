/* SPDX-License-Identifier: MIT */
/* What the two files of rtnetlink have of each other. */
#ifndef HOST_LINUX_NETLINK_MESSAGE_H
#define HOST_LINUX_NETLINK_MESSAGE_H

#include <stdint.h>

#include "host/linux/netlink.h"

#define NETLINK_ERROR 2 /* an acknowledgement: an int32, 0 or a negated error number */
#define NETLINK_DONE  3

typedef struct _NETLINK_HEADER
{
    uint32_t Length;
    uint16_t Type, Flags;
    uint32_t Sequence, Port;
} NETLINK_HEADER;

static inline uint32_t NetlinkPadded(uint32_t Length)
{
    return (Length + 3) & ~3u;
}

/* A socket, which hears of the changes in these groups. */
int NetlinkOpen(uint32_t Groups);
/* Both go on after a signal. Bytes, or a negated error number. */
int NetlinkSend(int Socket, NETLINK_MESSAGE *Message);
int NetlinkReceive(int Socket, void *Answer, uint32_t Length);

#endif
