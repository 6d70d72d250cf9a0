/* SPDX-License-Identifier: MIT */
/*
 * traffic: the Linux end of the tests' packets. One thread.
 *
 *   traffic echo ADDRESS SIZE COUNT FLOW     sends COUNT packets of SIZE bytes (IP header included) and checks that
 *                                            all come back, whole and in order. SIZE 20 (IPv4) or 40 (IPv6): packets
 *                                            that are a header only, which can but be counted
 *   traffic blast ADDRESS SIZE SECONDS       sends as fast as the interface takes them and awaits nothing
 *
 * Prints a line of JSON: sent, received, lost, reordered, corrupt, seconds. Needs root for raw sockets and big buffers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "tests/e2e/packet.h"

#define IN_FLIGHT_PACKETS 128
#define IN_FLIGHT_BYTES   (1 << 20)
#define QUIET_MS          3000 /* after so long without an answer, those in flight are lost */

static union
{
    TEST_PAYLOAD Payload;
    uint8_t Bytes[65536];
} Out, In;

static double Now(void)
{
    struct timespec Time;
    clock_gettime(CLOCK_MONOTONIC, &Time);
    return (double)Time.tv_sec + (double)Time.tv_nsec / 1e9;
}

static int Connect(const char *Address, size_t Size, size_t *PayloadSize)
{
    struct sockaddr_in V4 = {.sin_family = AF_INET, .sin_port = htons(TEST_PORT)};
    struct sockaddr_in6 V6 = {.sin6_family = AF_INET6, .sin6_port = htons(TEST_PORT)};
    int Family = inet_pton(AF_INET, Address, &V4.sin_addr) == 1     ? AF_INET
                 : inet_pton(AF_INET6, Address, &V6.sin6_addr) == 1 ? AF_INET6
                                                                    : -1;
    size_t Header = Family == AF_INET ? 20 : 40;
    bool Bare = Size == Header;
    if (Family < 0 || Size > 65535 || (!Bare && Size < Header + 8 + sizeof(TEST_PAYLOAD)))
    {
        fprintf(stderr, "traffic: bad address or size\n");
        exit(2);
    }
    if (Bare)
        V4.sin_port = V6.sin6_port = 0;
    *PayloadSize = Bare ? 0 : Size - Header - 8;
    int Socket = Bare ? socket(Family, SOCK_RAW, TEST_PROTOCOL) : socket(Family, SOCK_DGRAM, 0);
    int Buffer = 64 << 20;
    if (Socket < 0 || setsockopt(Socket, SOL_SOCKET, SO_RCVBUFFORCE, &Buffer, sizeof(Buffer)) ||
        connect(Socket, Family == AF_INET ? (struct sockaddr *)&V4 : (struct sockaddr *)&V6,
                Family == AF_INET ? sizeof(V4) : sizeof(V6)))
    {
        perror("traffic");
        exit(1);
    }
    return Socket;
}

static int Send(int Socket, size_t Size)
{
    while (send(Socket, Out.Bytes, Size, 0) < 0)
    {
        if (errno != ENOBUFS && errno != EAGAIN)
            return 0;
        poll(NULL, 0, 1);
    }
    return 1;
}

static int Echo(const char *Address, size_t Size, uint64_t Total, uint32_t FlowNumber)
{
    size_t PayloadSize;
    int Socket = Connect(Address, Size, &PayloadSize);
    uint64_t Window = IN_FLIGHT_BYTES / Size, Sent = 0, InFlight = 0;
    TEST_FLOW Flow = {0};
    double Begin = Now();
    if (Window > IN_FLIGHT_PACKETS)
        Window = IN_FLIGHT_PACKETS;
    while (Flow.Received < Total)
    {
        while (Sent < Total && InFlight < Window)
        {
            if (PayloadSize)
                TestFill(&Out.Payload, PayloadSize, FlowNumber, (uint32_t)Sent);
            if (!Send(Socket, PayloadSize))
            {
                perror("traffic: send");
                return 1;
            }
            Sent++;
            InFlight++;
        }
        if (poll(&(struct pollfd){.fd = Socket, .events = POLLIN}, 1, QUIET_MS) == 0)
            break;
        ssize_t Got;
        while ((Got = recv(Socket, In.Bytes, sizeof(In.Bytes), MSG_DONTWAIT)) >= 0)
        {
            if (!PayloadSize)
                Flow.Received++;
            else if (TestIsOurs(&In.Payload, (size_t)Got))
            {
                Flow.Corrupt += (size_t)Got != PayloadSize;
                TestCheck(&Flow, &In.Payload, (size_t)Got);
            }
            InFlight -= InFlight != 0;
        }
        if (errno != EAGAIN)
        {
            perror("traffic: recv");
            return 1;
        }
    }
    printf("{\"sent\": %llu, \"received\": %llu, \"lost\": %lld, \"reordered\": %llu, \"corrupt\": %llu, "
           "\"seconds\": %.2f}\n",
           (unsigned long long)Sent, (unsigned long long)Flow.Received, (long long)(Sent - Flow.Received),
           (unsigned long long)Flow.Reordered, (unsigned long long)Flow.Corrupt, Now() - Begin);
    return 0;
}

static int Blast(const char *Address, size_t Size, double Seconds)
{
    size_t PayloadSize;
    int Socket = Connect(Address, Size, &PayloadSize);
    uint64_t Sent = 0;
    double Begin = Now(), End = Begin + Seconds;
    while (Now() < End)
    {
        if (PayloadSize)
            TestFill(&Out.Payload, PayloadSize, 0, (uint32_t)Sent);
        /* The interface may be without a carrier for a while: that is what some tests are about. */
        if (Send(Socket, PayloadSize))
            Sent++;
        else
            poll(NULL, 0, 1);
    }
    printf("{\"sent\": %llu, \"seconds\": %.2f}\n", (unsigned long long)Sent, Now() - Begin);
    return 0;
}

int main(int Count, char **Arguments)
{
    if (Count == 6 && strcmp(Arguments[1], "echo") == 0)
        return Echo(Arguments[2], strtoul(Arguments[3], NULL, 10), strtoull(Arguments[4], NULL, 10),
                    (uint32_t)strtoul(Arguments[5], NULL, 10) % TEST_FLOWS);
    if (Count == 5 && strcmp(Arguments[1], "blast") == 0)
        return Blast(Arguments[2], strtoul(Arguments[3], NULL, 10), strtod(Arguments[4], NULL));
    fprintf(stderr, "usage: traffic echo ADDRESS SIZE COUNT FLOW | traffic blast ADDRESS SIZE SECONDS\n");
    return 2;
}
