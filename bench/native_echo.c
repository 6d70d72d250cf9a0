/* SPDX-License-Identifier: MIT */
/*
 * native_echo: what examples/echo does, as a Linux program on /dev/net/tun: the peer that udp_echo and ping_rtt are
 * measured against. One thread; reads until nothing is left, and waits only then.
 *
 *   native_echo INTERFACE        until SIGINT or SIGTERM; prints "ready", and at the end its counters
 */
#include "bench/tun.h"

static void Swap(uint8_t *A, uint8_t *B, size_t Size)
{
    uint8_t Former[16];
    memcpy(Former, A, Size);
    memcpy(A, B, Size);
    memcpy(B, Former, Size);
}

/* Turns an echo request into a reply and corrects its checksum by the word that changes. */
static void TurnEcho(uint8_t *Icmp, uint8_t Request, uint8_t Reply)
{
    uint32_t Former = (uint32_t)Icmp[2] << 8 | Icmp[3];
    uint32_t Sum = (~Former & 0xffff) + (~((uint32_t)Request << 8) & 0xffff) + ((uint32_t)Reply << 8);
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Icmp[0] = Reply;
    Icmp[2] = (uint8_t)(~Sum >> 8);
    Icmp[3] = (uint8_t)~Sum;
}

static int MakeAnswer(uint8_t *Packet, size_t Size)
{
    if (Size >= 28 && Packet[0] == 0x45 && Packet[16] < 224)
    {
        uint8_t *Payload = Packet + 20;
        if (Packet[9] == 1 && Payload[0] == 8)
            TurnEcho(Payload, 8, 0);
        else if (Packet[9] == 17)
            Swap(Payload, Payload + 2, 2);
        else
            return 0;
        Swap(Packet + 12, Packet + 16, 4);
        return 1;
    }
    if (Size >= 48 && Packet[0] >> 4 == 6 && Packet[24] != 0xff)
    {
        uint8_t *Payload = Packet + 40;
        if (Packet[6] == 58 && Payload[0] == 128)
            TurnEcho(Payload, 128, 129);
        else if (Packet[6] == 17)
            Swap(Payload, Payload + 2, 2);
        else
            return 0;
        Swap(Packet + 8, Packet + 24, 16);
        return 1;
    }
    return 0;
}

int main(int Count, char **Arguments)
{
    static uint8_t Packet[PACKET_MAX];
    unsigned long long Received = 0, Answered = 0, Ignored = 0, Refused = 0;
    if (Count != 2)
    {
        fprintf(stderr, "usage: native_echo INTERFACE\n");
        return 2;
    }
    StopOnSignals();
    int Tun = OpenTun(Arguments[1], 0);
    printf("ready\n");
    fflush(stdout);
    while (!Stopped)
    {
        size_t Size = ReadTun(Tun, Packet);
        if (Size == 0)
        {
            poll(&(struct pollfd){.fd = Tun, .events = POLLIN}, 1, -1);
            continue;
        }
        Received++;
        if (!MakeAnswer(Packet, Size))
            Ignored++;
        else if (WriteTun(Tun, Packet, Size))
            Answered++;
        else
            Refused++;
    }
    printf("native_echo: %llu packets received, %llu answered, %llu ignored, %llu refused\n", Received, Answered,
           Ignored, Refused);
    return 0;
}
