/* SPDX-License-Identifier: MIT */
/*
 * wire: joins two adapters. What the system sends into one comes out of the other, unchanged and in order. Built on
 * plaintun.h, in batches; one thread a direction. A program that encrypts would do it where memcpy stands.
 * When the far side is full the thread waits for space, so that packets are dropped (and counted) at one place only:
 * in the driver, where they come in.
 * TCP passes in super-packets of up to 64 KiB and without checksums, which the far adapter's driver makes what goes over a
 * wire: a packet's virtio-net header goes with it. A program that sends packets to a machine far away would do the same there
 * (PlaintunSplit, or a socket that does), and PlaintunJoin on the way back.
 *
 *   wire.exe [--names LEFT RIGHT] [--address-left A/BITS] [--address-right A/BITS] [--mtu BYTES] [--seconds N]
 *            [--capacity BYTES] [--plain]
 *
 * --plain asks for no offloads: each packet passes by itself, complete.
 */
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include "examples/example.h"
#include "plaintun.h"

#define BATCH 64 /* packets */

/* What comes in at one end may have to go out at the other: it is the same both ways. */
#define TAKE  (PLAINTUN_OFFLOAD_RECEIVE_CHECKSUM | PLAINTUN_OFFLOAD_RECEIVE_TCP | PLAINTUN_OFFLOAD_RECEIVE_TCP_CWR)
#define LEAVE (PLAINTUN_OFFLOAD_SEND_CHECKSUM | PLAINTUN_OFFLOAD_SEND_TCP)

typedef struct _END
{
    LPCWSTR Name, Address;
    PLAINTUN_ADAPTER_HANDLE Adapter;
    PLAINTUN_SESSION_HANDLE Session;
} END;

typedef struct _DIRECTION
{
    END *From, *To;
    HANDLE Thread;
    unsigned long long Packets, Supers, Batches;
    DWORD Error; /* NO_ERROR, or why it stopped */
} DIRECTION;

/* Sends all of the packets. FALSE with GetLastError() when the far session is over. */
static BOOL Forward(PLAINTUN_SESSION_HANDLE To, const PLAINTUN_PACKET *Packets, DWORD Count)
{
    PLAINTUN_PACKET Copies[BATCH];
    for (DWORD i = 0; i < Count; i++)
        Copies[i].Size = Packets[i].Size;
    for (DWORD Done = 0; Done < Count;)
    {
        DWORD Room = PlaintunAllocate(To, Copies + Done, Count - Done);
        if (Room == 0)
        {
            if (GetLastError() != ERROR_BUFFER_OVERFLOW || !PlaintunWait(To, PLAINTUN_WAIT_SPACE, INFINITE))
                return FALSE;
            continue;
        }
        for (DWORD i = Done; i < Done + Room; i++)
        {
            memcpy(Copies[i].Data, Packets[i].Data, Packets[i].Size);
            *PLAINTUN_OFFLOAD_OF(Copies[i].Data) = *PLAINTUN_OFFLOAD_OF(Packets[i].Data);
        }
        PlaintunSend(To, Copies + Done, Room);
        Done += Room;
    }
    return TRUE;
}

/* Runs until one of the two sessions ends. */
static DWORD WINAPI Carry(void *Context)
{
    DIRECTION *Direction = Context;
    PLAINTUN_SESSION_HANDLE From = Direction->From->Session, To = Direction->To->Session;
    for (;;)
    {
        PLAINTUN_PACKET Packets[BATCH];
        DWORD Count = PlaintunReceive(From, Packets, BATCH);
        if (Count == 0)
        {
            if (GetLastError() != ERROR_NO_MORE_ITEMS || !PlaintunWait(From, PLAINTUN_WAIT_PACKETS, INFINITE))
                break;
            continue;
        }
        for (DWORD i = 0; i < Count; i++)
            Direction->Supers += PLAINTUN_OFFLOAD_OF(Packets[i].Data)->GsoType != PLAINTUN_GSO_NONE;
        BOOL Sent = Forward(To, Packets, Count);
        DWORD Error = GetLastError();
        PlaintunRelease(From, Packets, Count);
        SetLastError(Error);
        if (!Sent)
            break;
        Direction->Packets += Count;
        Direction->Batches++;
    }
    Direction->Error = GetLastError();
    return 0;
}

static BOOL Fail(const char *What, LPCWSTR Name, DWORD Error)
{
    fprintf(stderr, "wire: %s failed for adapter %ls: error %lu\n", What, Name, Error);
    return FALSE;
}

static BOOL OpenEnd(END *End, DWORD Mtu, DWORD Capacity, DWORD Offloads)
{
    End->Adapter = PlaintunCreateAdapter(&(PLAINTUN_ADAPTER_CONFIG){
        .Size = sizeof(PLAINTUN_ADAPTER_CONFIG),
        .Mtu = Mtu,
        .Name = End->Name,
        .TunnelType = L"Wire",
    });
    if (!End->Adapter)
        return Fail("creating it", End->Name, GetLastError());
    End->Session = PlaintunStartSession(
        End->Adapter,
        &(PLAINTUN_SESSION_CONFIG){.Size = sizeof(PLAINTUN_SESSION_CONFIG), .Capacity = Capacity, .Flags = Offloads});
    if (!End->Session)
        return Fail("starting its session", End->Name, GetLastError());
    if (PlaintunGetOffloads(End->Session) != Offloads)
        return Fail("asking for offloads (--plain does without)", End->Name, ERROR_NOT_SUPPORTED);
    PLAINTUN_ADAPTER_INFO Info;
    if (!PlaintunGetAdapterInfo(End->Adapter, &Info))
        return Fail("asking for its index", End->Name, GetLastError());
    DWORD Error = End->Address ? SetAddress(&Info.Luid, End->Address) : NO_ERROR;
    if (Error != NO_ERROR)
        return Fail("setting its address", End->Name, Error);
    printf("wire: adapter %ls ready, interface index %lu, %s\n", End->Name, Info.InterfaceIndex,
           Offloads ? "with super-packets and checksums left to it" : "without offloads");
    fflush(stdout);
    return TRUE;
}

/* In = packets + drops, in either direction: nothing gets lost unseen. */
static void PrintCounters(const END *End)
{
    PLAINTUN_STATISTICS Statistics;
    if (!PlaintunGetStatistics(End->Adapter, &Statistics))
        return;
    const PLAINTUN_COUNTERS *S = &Statistics.Session;
    printf("wire: adapter %ls: from the system %llu packets, dropped: %llu ring full, %llu no session, %llu invalid, "
           "%llu paused; to the system %llu packets, dropped: %llu invalid\n",
           End->Name, S->ToAppPackets, S->ToAppDropFull, S->ToAppDropNoSession, S->ToAppDropInvalid, S->ToAppDropPaused,
           S->ToStackPackets, S->ToStackDropInvalid);
}

int wmain(int Count, WCHAR **Arguments)
{
    END Left = {.Name = L"left"}, Right = {.Name = L"right"};
    DWORD Mtu = 0, Seconds = 0, Capacity = 0, Offloads = TAKE | LEAVE;
    for (int i = 1; i < Count; i++)
    {
        LPCWSTR Option = Arguments[i], Value = i + 1 < Count ? Arguments[i + 1] : NULL;
        if (wcscmp(Option, L"--plain") == 0)
        {
            Offloads = 0;
            continue;
        }
        i++;
        if (wcscmp(Option, L"--names") == 0 && i + 1 < Count)
        {
            Left.Name = Value;
            Right.Name = Arguments[++i];
        }
        else if (Value && wcscmp(Option, L"--address-left") == 0)
            Left.Address = Value;
        else if (Value && wcscmp(Option, L"--address-right") == 0)
            Right.Address = Value;
        else if (Value && wcscmp(Option, L"--mtu") == 0)
            Mtu = wcstoul(Value, NULL, 0);
        else if (Value && wcscmp(Option, L"--seconds") == 0)
            Seconds = wcstoul(Value, NULL, 0);
        else if (Value && wcscmp(Option, L"--capacity") == 0)
            Capacity = wcstoul(Value, NULL, 0);
        else
        {
            fprintf(stderr, "usage: wire [--names LEFT RIGHT] [--address-left A/BITS] [--address-right A/BITS] "
                            "[--mtu BYTES] [--seconds N] [--capacity BYTES] [--plain]\n");
            return 2;
        }
    }

    int Result = 1;
    HANDLE Stop = StopEvent(Seconds);
    if (!Stop || !OpenEnd(&Left, Mtu, Capacity, Offloads) || !OpenEnd(&Right, Mtu, Capacity, Offloads))
        goto closeAdapters;
    DIRECTION Directions[] = {{.From = &Left, .To = &Right}, {.From = &Right, .To = &Left}};
    HANDLE Ends[] = {Stop, NULL, NULL};
    for (int i = 0; i < 2; i++)
    {
        Ends[1 + i] = Directions[i].Thread = CreateThread(NULL, 0, Carry, &Directions[i], 0, NULL);
        if (!Directions[i].Thread)
            goto closeAdapters;
    }
    printf("wire: %ls and %ls are joined\n", Left.Name, Right.Name);
    fflush(stdout);

    /* Both threads leave when the sessions end under them: that is safe, and the only way that needs no flag. */
    Result = WaitForMultipleObjects(ARRAYSIZE(Ends), Ends, FALSE, INFINITE) == WAIT_OBJECT_0 ? 0 : 1;
    PrintCounters(&Left);
    PrintCounters(&Right);
    PlaintunEndSession(Left.Session);
    PlaintunEndSession(Right.Session);
    WaitForMultipleObjects(2, Ends + 1, TRUE, INFINITE);
    for (int i = 0; i < 2; i++)
        printf("wire: %ls to %ls: %llu packets (%llu super-packets) in %llu batches, ended with error %lu\n",
               Directions[i].From->Name, Directions[i].To->Name, Directions[i].Packets, Directions[i].Supers,
               Directions[i].Batches, Directions[i].Error);
    fflush(stdout);
closeAdapters:
    PlaintunCloseAdapter(Left.Adapter);
    PlaintunCloseAdapter(Right.Adapter);
    return Result;
}
