/* SPDX-License-Identifier: MIT */
/* Linux' rtnetlink by raw system calls: see netlink.h. Answers and news; for user-mode code, as its frames are large. */
#include "host/linux/netlink.h"

#include <string.h>

#include "host/linux/netlink_message.h"
#include "host/linux/syscall.h"

#define ANSWER_BYTES 16384 /* Linux sends no larger part of an answer to one who asks with this */

void NetlinkParse(const uint8_t *Data, uint32_t Length, NETLINK_ATTRIBUTES *Attributes)
{
    memset(Attributes, 0, sizeof(*Attributes));
    while (Length >= 4)
    {
        uint16_t Size = *(const uint16_t *)Data, Number = *(const uint16_t *)(Data + 2) & 0x3fff;
        if (Size < 4 || Size > Length)
            return;
        if (Number < NETLINK_ATTRIBUTE_MAX)
        {
            Attributes->Data[Number] = Data + 4;
            Attributes->Length[Number] = Size - 4;
        }
        if (NetlinkPadded(Size) >= Length)
            return;
        Data += NetlinkPadded(Size);
        Length -= NetlinkPadded(Size);
    }
}

static uint32_t FixedLength(uint16_t Type)
{
    if (Type >= NETLINK_ROUTE_NEW && Type <= NETLINK_RULE_GET)
        return sizeof(NETLINK_ROUTE);
    if (Type >= NETLINK_ADDRESS_NEW && Type <= NETLINK_ADDRESS_GET)
        return sizeof(NETLINK_ADDRESS);
    return sizeof(NETLINK_LINK);
}

/* Works off one datagram. 0: there may be more; 1: the answer is complete; below 0: an error. */
static int VisitDatagram(const uint8_t *Data, uint32_t Length, NETLINK_VISITOR Visitor, void *Context, int *Outcome)
{
    while (Length >= sizeof(NETLINK_HEADER))
    {
        const NETLINK_HEADER *Header = (const NETLINK_HEADER *)Data;
        uint32_t Fixed = FixedLength(Header->Type);
        if (Header->Length < sizeof(*Header) || Header->Length > Length)
            return 1;
        if (Header->Type == NETLINK_DONE)
            return 1;
        if (Header->Type == NETLINK_ERROR)
        {
            *Outcome = *(const int32_t *)(Header + 1);
            return 1;
        }
        if (Visitor && !*Outcome && Header->Length >= sizeof(*Header) + Fixed)
        {
            NETLINK_ATTRIBUTES Attributes;
            NetlinkParse(Data + sizeof(*Header) + NetlinkPadded(Fixed),
                         Header->Length - (uint32_t)sizeof(*Header) - NetlinkPadded(Fixed), &Attributes);
            *Outcome = Visitor(Context, Header->Type, Header + 1, &Attributes);
        }
        if (NetlinkPadded(Header->Length) >= Length)
            break;
        Length -= NetlinkPadded(Header->Length);
        Data += NetlinkPadded(Header->Length);
    }
    return 0;
}

int NetlinkAsk(NETLINK_MESSAGE *Message, NETLINK_VISITOR Visitor, void *Context)
{
    int Socket = NetlinkOpen(0), Outcome = 0, Done = 0;
    if (Socket < 0)
        return Socket;
    if ((((NETLINK_HEADER *)Message->Data)->Flags & NETLINK_DUMP) != NETLINK_DUMP)
        ((NETLINK_HEADER *)Message->Data)->Flags |= NETLINK_ACK;
    int Length = NetlinkSend(Socket, Message);
    while (Length >= 0 && !Done)
    {
        _Alignas(8) uint8_t Answer[ANSWER_BYTES];
        Length = NetlinkReceive(Socket, Answer, sizeof(Answer));
        if (Length >= 0)
            Done = VisitDatagram(Answer, (uint32_t)Length, Visitor, Context, &Outcome);
    }
    LinuxClose(Socket);
    return Length < 0 ? Length : Outcome;
}

int NetlinkListen(uint32_t Groups)
{
    return NetlinkOpen(Groups);
}

int NetlinkHear(int Socket, int StopEvent, NETLINK_VISITOR Visitor, void *Context)
{
    LINUX_POLL_FD Wait[2] = {{.Fd = Socket, .Events = LINUX_POLLIN}, {.Fd = StopEvent, .Events = LINUX_POLLIN}};
    int Outcome = 0;
    if (LinuxCall3(LINUX_POLL, Wait, 2, -1) < 0)
        return 0;
    if (Wait[1].Revents)
        return 1;
    _Alignas(8) uint8_t News[ANSWER_BYTES];
    int Length = NetlinkReceive(Socket, News, sizeof(News));
    if (Length > 0)
        VisitDatagram(News, (uint32_t)Length, Visitor, Context, &Outcome);
    return 0;
}
