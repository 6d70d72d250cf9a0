/* SPDX-License-Identifier: MIT */
/*
 * native_wire: what examples/wire does, as a Linux program on /dev/net/tun: the peer of tcp_wire and udp_wire. Two
 * threads, one a direction, as wire has; each reads until nothing is left, and waits only then. With --offload the interfaces
 * leave checksums and the cutting of TCP to each other (IFF_VNET_HDR): a packet passes with its virtio-net header.
 *
 *   native_wire LEFT RIGHT [--offload]       until SIGINT or SIGTERM; prints "ready", and at the end its counters
 */
#include <pthread.h>
#include "bench/tun.h"

struct Direction
{
    int From, To;
    unsigned long long Packets, Refused;
    uint8_t Packet[PACKET_MAX];
};

static void *Carry(void *Context)
{
    struct Direction *Direction = Context;
    while (!Stopped)
    {
        size_t Size = ReadTun(Direction->From, Direction->Packet);
        if (Size == 0)
            poll(&(struct pollfd){.fd = Direction->From, .events = POLLIN}, 1, 200);
        else if (WriteTun(Direction->To, Direction->Packet, Size))
            Direction->Packets++;
        else
            Direction->Refused++;
    }
    return NULL;
}

int main(int Count, char **Arguments)
{
    static struct Direction There, Back;
    int Offload = Count == 4 && strcmp(Arguments[3], "--offload") == 0;
    if (Count != 3 + Offload)
    {
        fprintf(stderr, "usage: native_wire LEFT RIGHT [--offload]\n");
        return 2;
    }
    StopOnSignals();
    There.From = Back.To = OpenTun(Arguments[1], Offload);
    There.To = Back.From = OpenTun(Arguments[2], Offload);
    pthread_t Thread;
    if (pthread_create(&Thread, NULL, Carry, &Back))
        return 1;
    printf("ready\n");
    fflush(stdout);
    Carry(&There);
    pthread_join(Thread, NULL);
    printf("native_wire: %llu packets there, %llu back, %llu refused\n", There.Packets, Back.Packets,
           There.Refused + Back.Refused);
    return 0;
}
