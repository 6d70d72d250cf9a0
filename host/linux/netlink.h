/* SPDX-License-Identifier: MIT */
/*
 * Linux' rtnetlink, for asking and changing interfaces, addresses and routes: requests, dumps, and news of changes. The
 * network namespace is that of the calling thread. Results below 0 are negated error numbers. Each call has a socket of
 * its own; any thread. Numbers and structures are those of linux/netlink.h and linux/rtnetlink.h.
 */
#ifndef HOST_LINUX_NETLINK_H
#define HOST_LINUX_NETLINK_H

#include <stdint.h>

#define NETLINK_REQUEST 0x001
#define NETLINK_ACK     0x004
#define NETLINK_DUMP    0x300
#define NETLINK_REPLACE 0x100
#define NETLINK_EXCL    0x200
#define NETLINK_CREATE  0x400
#define NETLINK_APPEND  0x800

#define NETLINK_LINK_NEW    16
#define NETLINK_LINK_DEL    17
#define NETLINK_LINK_GET    18
#define NETLINK_ADDRESS_NEW 20
#define NETLINK_ADDRESS_DEL 21
#define NETLINK_ADDRESS_GET 22
#define NETLINK_ROUTE_NEW   24
#define NETLINK_ROUTE_DEL   25
#define NETLINK_ROUTE_GET   26
#define NETLINK_RULE_NEW    32 /* its fixed part is laid out as a route's, its action where that has its type */
#define NETLINK_RULE_DEL    33
#define NETLINK_RULE_GET    34

#define NETLINK_GROUP_LINK     0x001
#define NETLINK_GROUP_ADDRESS4 0x010
#define NETLINK_GROUP_ROUTE4   0x040
#define NETLINK_GROUP_ADDRESS6 0x100
#define NETLINK_GROUP_ROUTE6   0x400

#define LINUX_AF_INET  2
#define LINUX_AF_INET6 10

#define LINUX_EPERM         1
#define LINUX_ENOENT        2
#define LINUX_ESRCH         3
#define LINUX_EACCES        13
#define LINUX_EEXIST        17
#define LINUX_ENODEV        19
#define LINUX_EOPNOTSUPP    95
#define LINUX_EAFNOSUPPORT  97
#define LINUX_EADDRNOTAVAIL 99
#define LINUX_ENETDOWN      100
#define LINUX_ENETUNREACH   101
#define LINUX_EHOSTUNREACH  113

/* The fixed parts that follow a message's header. */
typedef struct _NETLINK_LINK
{
    uint8_t Family, Pad;
    uint16_t Type; /* ARPHRD_ */
    int32_t Index;
    uint32_t Flags, Change; /* IFF_ */
} NETLINK_LINK;

typedef struct _NETLINK_ADDRESS
{
    uint8_t Family, PrefixLength, Flags, Scope;
    uint32_t Index;
} NETLINK_ADDRESS;

typedef struct _NETLINK_ROUTE
{
    uint8_t Family, DestinationLength, SourceLength, Tos, Table, Protocol, Scope, Type;
    uint32_t Flags;
} NETLINK_ROUTE;

#define NETLINK_ATTRIBUTE_MAX 64

/* The attributes of a message by their number; Length 0 with Data NULL: absent. */
typedef struct _NETLINK_ATTRIBUTES
{
    const void *Data[NETLINK_ATTRIBUTE_MAX];
    uint16_t Length[NETLINK_ATTRIBUTE_MAX];
} NETLINK_ATTRIBUTES;

typedef struct _NETLINK_MESSAGE
{
    uint32_t Length;
    _Alignas(8) uint8_t Data[1024];
} NETLINK_MESSAGE;

/* Builds a request: the fixed part, then attributes. Callers stay within the 1024 bytes. */
void NetlinkBegin(NETLINK_MESSAGE *Message, uint16_t Type, uint16_t Flags, const void *Fixed, uint32_t Length);
void NetlinkAdd(NETLINK_MESSAGE *Message, uint16_t Attribute, const void *Data, uint32_t Length);

/* Called for each message of an answer; a result other than 0 ends it and becomes that of the call. */
typedef int (*NETLINK_VISITOR)(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes);

/* Sends a request that changes something. 0, or a negated error number. */
int NetlinkTell(NETLINK_MESSAGE *Message);
/* Sends a question and works off its answer to the acknowledgement or the end of the dump. */
int NetlinkAsk(NETLINK_MESSAGE *Message, NETLINK_VISITOR Visitor, void *Context);

/* A socket that hears of changes (NETLINK_GROUP_), to be closed by LinuxClose. */
int NetlinkListen(uint32_t Groups);
/* Waits for news or StopEvent (an eventfd), and visits them. 0: look again; 1: StopEvent is set. */
int NetlinkHear(int Socket, int StopEvent, NETLINK_VISITOR Visitor, void *Context);

void NetlinkParse(const uint8_t *Data, uint32_t Length, NETLINK_ATTRIBUTES *Attributes);

/* Sets the alias of an interface, which `ip link` shows: up to 255 bytes of text. */
int NetlinkSetAlias(uint32_t Index, const char *Text);

#endif
