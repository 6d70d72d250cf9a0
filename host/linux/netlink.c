/* SPDX-License-Identifier: MIT */
/* Linux' rtnetlink by raw system calls: see netlink.h. What changes something; answers and news are in netlink_ask.c. */
#include "host/linux/netlink.h"

#include <string.h>

#include "host/linux/netlink_message.h"
#include "host/linux/syscall.h"

#define AF_NETLINK_   16
#define SOCK_RAW_     (3 | LINUX_O_CLOEXEC)
#define IFLA_IFALIAS_ 20

typedef struct _SOCKET_ADDRESS
{
    uint16_t Family, Pad;
    uint32_t Port, Groups;
} SOCKET_ADDRESS;

void NetlinkBegin(NETLINK_MESSAGE *Message, uint16_t Type, uint16_t Flags, const void *Fixed, uint32_t Length)
{
    NETLINK_HEADER *Header = (NETLINK_HEADER *)Message->Data;
    memset(Message, 0, sizeof(*Message));
    Header->Type = Type;
    Header->Flags = Flags | NETLINK_REQUEST;
    Header->Sequence = 1;
    memcpy(Header + 1, Fixed, Length);
    Message->Length = sizeof(*Header) + NetlinkPadded(Length);
}

void NetlinkAdd(NETLINK_MESSAGE *Message, uint16_t Attribute, const void *Data, uint32_t Length)
{
    uint16_t Head[2] = {(uint16_t)(sizeof(Head) + Length), Attribute};
    if (Message->Length + sizeof(Head) + NetlinkPadded(Length) > sizeof(Message->Data))
        return;
    memcpy(Message->Data + Message->Length, Head, sizeof(Head));
    memcpy(Message->Data + Message->Length + sizeof(Head), Data, Length);
    Message->Length += (uint32_t)sizeof(Head) + NetlinkPadded(Length);
}

int NetlinkOpen(uint32_t Groups)
{
    SOCKET_ADDRESS Address = {.Family = AF_NETLINK_, .Groups = Groups};
    int Socket = (int)LinuxCall3(LINUX_SOCKET, AF_NETLINK_, SOCK_RAW_, 0);
    if (Socket < 0)
        return Socket;
    int Error = (int)LinuxCall3(LINUX_BIND, Socket, &Address, sizeof(Address));
    if (Error >= 0)
        return Socket;
    LinuxClose(Socket);
    return Error;
}

int NetlinkSend(int Socket, NETLINK_MESSAGE *Message)
{
    SOCKET_ADDRESS Kernel = {.Family = AF_NETLINK_};
    ((NETLINK_HEADER *)Message->Data)->Length = Message->Length;
    int Length;
    do
        Length = (int)LinuxCall(LINUX_SENDTO, Socket, (long long)(intptr_t)Message->Data, Message->Length, 0,
                                (long long)(intptr_t)&Kernel, sizeof(Kernel));
    while (Length == -LINUX_EINTR);
    return Length;
}

int NetlinkReceive(int Socket, void *Answer, uint32_t Length)
{
    int Received;
    do
        Received = (int)LinuxCall(LINUX_RECVFROM, Socket, (long long)(intptr_t)Answer, Length, 0, 0, 0);
    while (Received == -LINUX_EINTR);
    return Received;
}

int NetlinkTell(NETLINK_MESSAGE *Message)
{
    int Socket = NetlinkOpen(0);
    if (Socket < 0)
        return Socket;
    ((NETLINK_HEADER *)Message->Data)->Flags |= NETLINK_ACK;
    int Result = NetlinkSend(Socket, Message);
    struct
    {
        NETLINK_HEADER Header;
        int32_t Error;
        uint8_t Rest[1200]; /* the request comes back with it */
    } Answer;
    if (Result >= 0)
        Result = NetlinkReceive(Socket, &Answer, sizeof(Answer));
    if (Result >= 0)
        Result = Answer.Header.Type == NETLINK_ERROR ? Answer.Error : 0;
    LinuxClose(Socket);
    return Result;
}

int NetlinkSetAlias(uint32_t Index, const char *Text)
{
    NETLINK_LINK Link = {.Index = (int32_t)Index};
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, NETLINK_LINK_NEW, 0, &Link, sizeof(Link));
    NetlinkAdd(&Message, IFLA_IFALIAS_, Text, (uint32_t)strlen(Text));
    return NetlinkTell(&Message);
}
