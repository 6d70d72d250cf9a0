/* SPDX-License-Identifier: MIT */
/*
 * What the native peers share: opening a TUN interface (no packet information), and the
 * address swap of an echo. The peers use read and write, one packet a call, as most user-space tunnels on Linux do.
 */
#ifndef BENCH_TUN_H
#define BENCH_TUN_H

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PACKET_MAX (10 + 65535) /* with a virtio-net header */

static volatile sig_atomic_t Stopped;

static void OnSignal(int Signal)
{
    Stopped = 1;
}

/* SIGINT and SIGTERM interrupt poll and make loops leave. */
static inline void StopOnSignals(void)
{
    struct sigaction Action = {.sa_handler = OnSignal};
    sigaction(SIGINT, &Action, NULL);
    sigaction(SIGTERM, &Action, NULL);
}

/* Creates the TUN interface Name; it goes when the descriptor is closed. Ends the program when it cannot. Offload: packets have
 * a virtio-net header, and may be TCP super-packets. */
static inline int OpenTun(const char *Name, int Offload)
{
    struct ifreq Request = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | (Offload ? IFF_VNET_HDR : 0))};
    strncpy(Request.ifr_name, Name, IFNAMSIZ - 1);
    int Tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (Tun < 0 || ioctl(Tun, TUNSETIFF, &Request) < 0 ||
        (Offload && ioctl(Tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0))
    {
        perror(Name);
        exit(1);
    }
    return Tun;
}

/* Reads one packet: its size, or 0 when none is ready. */
static inline size_t ReadTun(int Tun, void *Packet)
{
    ssize_t Size = read(Tun, Packet, PACKET_MAX);
    return Size < 0 ? 0 : (size_t)Size;
}

/* Writes one packet; waits if the interface has no room just now. False: it was refused (the interface is down). */
static inline int WriteTun(int Tun, const void *Packet, size_t Size)
{
    while (write(Tun, Packet, Size) < 0)
    {
        if (errno != EAGAIN)
            return 0;
        poll(&(struct pollfd){.fd = Tun, .events = POLLOUT}, 1, 100);
    }
    return 1;
}

#endif
