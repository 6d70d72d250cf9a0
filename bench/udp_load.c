/* SPDX-License-Identifier: MIT */
/*
 * udp_load: asks a UDP echo as fast as it answers, with a fixed number of packets in flight, and checks every answer:
 * sequence number, checksum, order. One thread, one packet a system call; it waits when all packets are in flight.
 *
 *   udp_load ADDRESS BYTES IN-FLIGHT SECONDS
 *
 * Prints one line of JSON: sent, received, lost, reordered, corrupt, seconds, rate (answers a second).
 * Lost: no answer when, a second after the last one, nothing came any more. Reordered: an answer that came after a
 * later one's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUIET_MS 1000 /* after so long without an answer, those in flight are lost */

struct Message
{
    uint64_t Sequence;
    uint64_t Sum;
    uint8_t Fill[65507 - 16];
};

static double Now(void)
{
    struct timespec Time;
    clock_gettime(CLOCK_MONOTONIC, &Time);
    return (double)Time.tv_sec + (double)Time.tv_nsec / 1e9;
}

/* Over the sequence number and the rest, eight bytes at a time. */
static uint64_t Sum(const struct Message *Message, size_t Size)
{
    uint64_t Result = Message->Sequence * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i + 8 <= Size - 16; i += 8)
    {
        uint64_t Word;
        memcpy(&Word, Message->Fill + i, 8);
        Result = (Result ^ Word) * 0x100000001b3u;
    }
    return Result;
}

int main(int Count, char **Arguments)
{
    static struct Message Question, Answer;
    if (Count != 5)
    {
        fprintf(stderr, "usage: udp_load ADDRESS BYTES IN-FLIGHT SECONDS\n");
        return 2;
    }
    struct sockaddr_in To = {.sin_family = AF_INET, .sin_port = htons(7)};
    size_t Size = strtoul(Arguments[2], NULL, 10);
    uint64_t Window = strtoul(Arguments[3], NULL, 10);
    double Seconds = strtod(Arguments[4], NULL);
    int Buffer = 8 << 20;
    int Socket = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(Socket, SOL_SOCKET, SO_RCVBUFFORCE, &Buffer, sizeof(Buffer));
    setsockopt(Socket, SOL_SOCKET, SO_SNDBUFFORCE, &Buffer, sizeof(Buffer));
    if (Size < 24 || Size > sizeof(Question) || Window == 0 || inet_pton(AF_INET, Arguments[1], &To.sin_addr) != 1 ||
        connect(Socket, (struct sockaddr *)&To, sizeof(To)) != 0)
    {
        fprintf(stderr, "udp_load: bad argument\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(Question.Fill); i++)
        Question.Fill[i] = (uint8_t)(i * 167);

    uint64_t Sent = 0, Received = 0, Reordered = 0, Corrupt = 0, Next = 0, InFlight = 0;
    double Begin = Now(), End = Begin + Seconds, Last = Begin;
    for (int Sending = 1; Sending || InFlight;)
    {
        while (Sending && InFlight < Window)
        {
            Question.Sequence = Sent;
            Question.Sum = Sum(&Question, Size);
            if (send(Socket, &Question, Size, 0) != (ssize_t)Size)
            {
                perror("udp_load: send");
                return 1;
            }
            Sent++;
            InFlight++;
        }
        if (poll(&(struct pollfd){.fd = Socket, .events = POLLIN}, 1, QUIET_MS) == 0)
            InFlight = 0;
        ssize_t Got;
        while ((Got = recv(Socket, &Answer, sizeof(Answer), MSG_DONTWAIT)) >= 0)
        {
            if (Got != (ssize_t)Size || Answer.Sum != Sum(&Answer, Size) || Answer.Sequence >= Sent)
                Corrupt++;
            else if (Answer.Sequence < Next)
                Reordered++;
            else
                Next = Answer.Sequence + 1;
            Received++;
            InFlight -= InFlight != 0;
            Last = Now();
        }
        if (errno != EAGAIN)
        {
            perror("udp_load: recv");
            return 1;
        }
        Sending = Sending && Now() < End;
    }
    double Time = Last - Begin;
    printf("{\"sent\": %llu, \"received\": %llu, \"lost\": %llu, \"reordered\": %llu, \"corrupt\": %llu, "
           "\"seconds\": %.3f, \"rate\": %.1f}\n",
           (unsigned long long)Sent, (unsigned long long)Received, (unsigned long long)(Sent - Received),
           (unsigned long long)Reordered, (unsigned long long)Corrupt, Time, Time > 0 ? (double)Received / Time : 0.0);
    return 0;
}
