/* SPDX-License-Identifier: MIT */
/*
 * socket_echo: a UDP echo on port 7 by the plainest of calls, the same source for Windows and Linux: what sockets alone
 * cost, without any TUN. Any tunnel has such a socket at its outer end.
 *
 *   socket_echo               recvfrom and sendto, blocking
 *   socket_echo overlapped    Windows only: WSARecvFrom and WSASendTo with a completion port that hears only of what did not
 *                             succeed at once, as Go does it for TCP and libuv for all; one operation each way
 *
 *   socket_echo registered    Windows only: registered I/O, as wireguard-go uses it: it looks a few times for what has come, then
 *                             asks for a notification
 *
 * Prints "ready"; until it is killed. One thread.
 */
#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include "host/wine/rio/rio.h"
typedef int socklen_t;
#else
#include <netinet/in.h>
#include <sys/socket.h>
typedef int SOCKET;
#define SOCKET_ERROR   (-1)
#define INVALID_SOCKET (-1)
#endif

#define BUFFER_BYTES (4 << 20)

static char Data[65536];

#ifdef _WIN32
/* Bytes of an operation that has been started; negative: it failed. */
static int Finish(HANDLE Port, SOCKET Socket, int Result, WSAOVERLAPPED *Overlapped)
{
    if (Result == SOCKET_ERROR)
    {
        if (WSAGetLastError() != WSA_IO_PENDING)
            return -1;
        GetQueuedCompletionStatus(Port, &(DWORD){0}, &(ULONG_PTR){0}, &(LPOVERLAPPED){NULL}, INFINITE);
    }
    DWORD Bytes, Flags;
    return WSAGetOverlappedResult(Socket, Overlapped, &Bytes, FALSE, &Flags) ? (int)Bytes : -1;
}

static int EchoOverlapped(SOCKET Socket)
{
    HANDLE Port = CreateIoCompletionPort((HANDLE)Socket, NULL, 0, 1);
    if (!Port || !SetFileCompletionNotificationModes((HANDLE)Socket, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                                                                         FILE_SKIP_SET_EVENT_ON_HANDLE))
        return 1;
    for (;;)
    {
        static WSAOVERLAPPED In, Out;
        static struct sockaddr_in From;
        static INT FromLength;
        DWORD Flags = 0;
        FromLength = sizeof(From);
        int Length = Finish(Port, Socket,
                            WSARecvFrom(Socket, &(WSABUF){sizeof(Data), Data}, 1, NULL, &Flags,
                                        (struct sockaddr *)&From, &FromLength, &In, NULL),
                            &In);
        if (Length >= 0)
            Finish(Port, Socket,
                   WSASendTo(Socket, &(WSABUF){(ULONG)Length, Data}, 1, NULL, 0, (struct sockaddr *)&From, FromLength,
                             &Out, NULL),
                   &Out);
    }
}

#define SLICES       128 /* of memory: receives, and as many sends */
#define SLICE        2048
#define ADDRESS_ROOM 64 /* of a slice; the rest is data */
#define LOOKS        15

static char Slices[2 * SLICES * SLICE];

static int EchoRegistered(SOCKET Socket)
{
    RIO_EXTENSION_FUNCTION_TABLE Rio;
    DWORD Bytes;
    if (WSAIoctl(Socket, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, (VOID *)&RegisteredIoId, sizeof(GUID), &Rio,
                 sizeof(Rio), &Bytes, NULL, NULL))
    {
        fprintf(stderr, "socket_echo: this Windows has no registered I/O\n");
        return 1;
    }
    HANDLE Event = CreateEventW(NULL, FALSE, FALSE, NULL);
    RIO_NOTIFICATION_COMPLETION Notification = {.Type = RIO_EVENT_COMPLETION, .Event = {Event, FALSE}};
    RIO_CQ In = Rio.RIOCreateCompletionQueue(SLICES, &Notification), Out = Rio.RIOCreateCompletionQueue(SLICES, NULL);
    RIO_RQ Queue = Rio.RIOCreateRequestQueue(Socket, SLICES, 1, SLICES, 1, In, Out, NULL);
    RIO_BUFFERID Memory = Rio.RIORegisterBuffer(Slices, sizeof(Slices));
    for (ULONG I = 0; I < SLICES; I++)
    {
        RIO_BUF Part = {Memory, I * SLICE + ADDRESS_ROOM, SLICE - ADDRESS_ROOM};
        RIO_BUF From = {Memory, I * SLICE, sizeof(SOCKADDR_INET)};
        if (!Rio.RIOReceiveEx(Queue, &Part, 1, NULL, &From, NULL, NULL, 0, (VOID *)(ULONG_PTR)I))
            return 1;
    }
    for (;;)
    {
        ULONG Count = 0;
        RIORESULT Results[SLICES];
        for (int Look = 0; !Count && Look < LOOKS; Look++)
            Count = Rio.RIODequeueCompletion(In, Results, SLICES);
        if (!Count)
        {
            Rio.RIONotify(In);
            WaitForSingleObject(Event, INFINITE);
            continue;
        }
        for (ULONG I = 0; I < Count; I++)
        {
            ULONG Slice = (ULONG)Results[I].RequestContext, Copy = Slice + SLICES;
            memcpy(Slices + Copy * SLICE, Slices + Slice * SLICE, ADDRESS_ROOM + Results[I].BytesTransferred);
            RIO_BUF Answer = {Memory, Copy * SLICE + ADDRESS_ROOM, Results[I].BytesTransferred};
            RIO_BUF To = {Memory, Copy * SLICE, sizeof(SOCKADDR_INET)};
            Rio.RIOSendEx(Queue, &Answer, 1, NULL, &To, NULL, NULL, I + 1 < Count ? RIO_MSG_DEFER : 0, NULL);
            RIO_BUF Part = {Memory, Slice * SLICE + ADDRESS_ROOM, SLICE - ADDRESS_ROOM};
            RIO_BUF From = {Memory, Slice * SLICE, sizeof(SOCKADDR_INET)};
            Rio.RIOReceiveEx(Queue, &Part, 1, NULL, &From, NULL, NULL, 0, (VOID *)(ULONG_PTR)Slice);
        }
        RIORESULT Sent[SLICES];
        Rio.RIODequeueCompletion(Out, Sent, SLICES);
    }
}
#endif

int main(int Count, char **Arguments)
{
#ifdef _WIN32
    WSADATA Winsock;
    if (WSAStartup(MAKEWORD(2, 2), &Winsock))
        return 1;
#endif
#ifdef _WIN32
    int IsRegistered = Count > 1 && !strcmp(Arguments[1], "registered");
    SOCKET Socket =
        WSASocketW(AF_INET, SOCK_DGRAM, 0, NULL, 0, IsRegistered ? WSA_FLAG_REGISTERED_IO : WSA_FLAG_OVERLAPPED);
#else
    SOCKET Socket = socket(AF_INET, SOCK_DGRAM, 0);
#endif
    struct sockaddr_in Address = {.sin_family = AF_INET, .sin_port = htons(7)};
    int Buffer = BUFFER_BYTES;
    if (Socket == INVALID_SOCKET || bind(Socket, (struct sockaddr *)&Address, sizeof(Address)) == SOCKET_ERROR)
    {
        fprintf(stderr, "socket_echo: UDP port 7 cannot be had: is another echo running here?\n");
        return 1;
    }
    setsockopt(Socket, SOL_SOCKET, SO_RCVBUF, (const char *)&Buffer, sizeof(Buffer));
    setsockopt(Socket, SOL_SOCKET, SO_SNDBUF, (const char *)&Buffer, sizeof(Buffer));
    printf("ready\n");
    fflush(stdout);
#ifdef _WIN32
    if (IsRegistered)
        return EchoRegistered(Socket);
    if (Count > 1 && !strcmp(Arguments[1], "overlapped"))
        return EchoOverlapped(Socket);
#endif
    for (;;)
    {
        struct sockaddr_in From;
        socklen_t FromLength = sizeof(From);
        int Length = (int)recvfrom(Socket, Data, sizeof(Data), 0, (struct sockaddr *)&From, &FromLength);
        if (Length >= 0)
            sendto(Socket, Data, Length, 0, (struct sockaddr *)&From, FromLength);
    }
}
