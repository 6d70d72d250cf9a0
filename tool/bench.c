/* SPDX-License-Identifier: MIT */
/*
 * plaintun bench: how fast this machine creates adapters and passes packets. The system's side is an ordinary UDP socket
 * in this program, so that what is measured includes the system's whole stack, and each datagram is made and checked
 * byte by byte: these are figures to compare machines and versions by, not the driver's limits.
 */
#include "tool/flow.h"
#include <stdlib.h>

#define CREATIONS   5
#define SAMPLES_MAX 50000
#define ON_THE_WAY  64 /* datagrams of "there and back" */

typedef struct _BENCH
{
    BED Bed;
    const FLOW *Flow;
    DWORD Size;           /* bytes of payload */
    ULONG64 Microseconds; /* of each measurement */
} BENCH;

static BYTE Payload[PLAINTUN_PACKET_MAX];

/* --- times --------------------------------------------------------------------------------------------------------------- */

static DWORD Samples[SAMPLES_MAX]; /* microseconds */
static DWORD SampleCount;

static int __cdecl Compare(const void *Left, const void *Right)
{
    DWORD A = *(const DWORD *)Left, B = *(const DWORD *)Right;
    return (A > B) - (A < B);
}

static void ReportTimes(LPCWSTR Key, LPCWSTR Title)
{
    if (SampleCount == 0)
        return;
    qsort(Samples, SampleCount, sizeof(Samples[0]), Compare);
    DWORD Median = Samples[SampleCount / 2], Tail = Samples[SampleCount - 1 - SampleCount / 100];
    DWORD Worst = Samples[SampleCount - 1];
    if (Json)
    {
        JsonBegin(Key, L'{');
        JsonNumber(L"count", SampleCount);
        JsonNumber(L"median_us", Median);
        JsonNumber(L"percentile_99_us", Tail);
        JsonNumber(L"worst_us", Worst);
        JsonEnd(L'}');
    }
    else
        Print(L"%-18ls %8lu times   median %.3f ms, 99 %% within %.3f ms, worst %.3f ms\n", Title, SampleCount,
              Median / 1e3, Tail / 1e3, Worst / 1e3);
}

static EXIT_CODE Creations(void)
{
    SampleCount = 0;
    for (DWORD i = 0; i < CREATIONS && !StopWanted(); ++i)
    {
        ULONG64 Start = Microseconds();
        PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunCreateAdapter(&(PLAINTUN_ADAPTER_CONFIG){
            .Size = sizeof(PLAINTUN_ADAPTER_CONFIG),
            .Name = BED_NAME,
        });
        if (Adapter == NULL)
            return FailLibrary(L"cannot create the adapter %ls", BED_NAME);
        Samples[SampleCount++] = (DWORD)(Microseconds() - Start);
        PlaintunCloseAdapter(Adapter);
    }
    ReportTimes(L"create", L"create");
    return EXIT_OK;
}

static BOOL Continues(const BENCH *Bench, ULONG64 Start)
{
    return Microseconds() - Start < Bench->Microseconds && !StopWanted();
}

/* --- traffic ------------------------------------------------------------------------------------------------------------- */

static BOOL SocketSend(const BENCH *Bench, DWORD Number)
{
    PayloadFill(Payload, Bench->Size, Number);
    return send(Bench->Flow->Socket, (const char *)Payload, Bench->Size, 0) == (int)Bench->Size;
}

/* FALSE: nothing came within the socket's 5 s, or something broken did. */
static BOOL SocketReceive(const BENCH *Bench, DWORD *Number)
{
    int Size = recv(Bench->Flow->Socket, (char *)Payload, sizeof(Payload), 0);
    if (Size < 0)
        return FALSE;
    if (PayloadCheck(Payload, Size, Number) && Size == (int)Bench->Size)
        return TRUE;
    WSASetLastError(ERROR_INVALID_DATA);
    return FALSE;
}

static EXIT_CODE FailTraffic(BENCH *Bench, LPCWSTR What)
{
    DWORD Error = WSAGetLastError();
    BedStop(&Bench->Bed);
    return FailSystem(Error, L"%ls", What);
}

static EXIT_CODE RoundTrips(BENCH *Bench)
{
    SampleCount = 0;
    if (!BedStart(&Bench->Bed, FAR_ECHO, Bench->Flow, 0))
        return FailTraffic(Bench, L"cannot start a thread");
    for (ULONG64 Begin = Microseconds(); Continues(Bench, Begin) && SampleCount < SAMPLES_MAX;)
    {
        ULONG64 Start = Microseconds();
        DWORD Number;
        if (!SocketSend(Bench, SampleCount) || !SocketReceive(Bench, &Number))
            return FailTraffic(Bench, L"a datagram did not come back");
        Samples[SampleCount++] = (DWORD)(Microseconds() - Start);
    }
    BedStop(&Bench->Bed);
    ReportTimes(L"round_trip", L"round trip");
    return EXIT_OK;
}

static void ReportRate(const BENCH *Bench, LPCWSTR Key, LPCWSTR Title, ULONG64 Sent, ULONG64 Received, ULONG64 Time)
{
    double Rate = Received * 1e6 / Time, Megabits = Rate * (Bench->Size + Bench->Flow->HeaderSize) * 8 / 1e6;
    double Lost = Sent > Received ? (Sent - Received) * 100.0 / Sent : 0;
    if (Json)
    {
        JsonBegin(Key, L'{');
        JsonNumber(L"sent", Sent);
        JsonNumber(L"received", Received);
        JsonReal(L"seconds", Time / 1e6);
        JsonReal(L"packets_per_second", Rate);
        JsonReal(L"megabits_per_second", Megabits);
        JsonEnd(L'}');
    }
    else
        Print(L"%-18ls %8.0f a second  %.1f Mbit/s, %.1f %% lost\n", Title, Rate, Megabits, Lost);
}

static EXIT_CODE ThereAndBack(BENCH *Bench)
{
    DWORD Sent = 0, Received = 0;
    if (!BedStart(&Bench->Bed, FAR_ECHO, Bench->Flow, 0))
        return FailTraffic(Bench, L"cannot start a thread");
    ULONG64 Start = Microseconds();
    for (BOOL More = TRUE; More || Received < Sent;)
    {
        More = Continues(Bench, Start);
        for (; More && Sent - Received < ON_THE_WAY; ++Sent)
            if (!SocketSend(Bench, Sent))
                return FailTraffic(Bench, L"cannot send");
        DWORD Number;
        if (!SocketReceive(Bench, &Number))
            return FailTraffic(Bench, L"datagrams did not come back");
        ++Received;
    }
    ULONG64 Time = Microseconds() - Start;
    BedStop(&Bench->Bed);
    ReportRate(Bench, L"there_and_back", L"there and back", Sent, Received, Time);
    return EXIT_OK;
}

static EXIT_CODE ToStack(BENCH *Bench)
{
    ULONG64 Received = 0;
    if (!BedStart(&Bench->Bed, FAR_SOURCE, Bench->Flow, Bench->Size))
        return FailTraffic(Bench, L"cannot start a thread");
    ULONG64 Start = Microseconds();
    DWORD Number;
    for (; Continues(Bench, Start); ++Received)
        if (!SocketReceive(Bench, &Number))
            return FailTraffic(Bench, L"the program's datagrams do not come");
    ULONG64 Time = Microseconds() - Start;
    BedStop(&Bench->Bed);
    /* What still waits in the socket was not lost. */
    ULONG64 Late = 0;
    DWORD Timeout = 100;
    setsockopt(Bench->Flow->Socket, SOL_SOCKET, SO_RCVTIMEO, (const char *)&Timeout, sizeof(Timeout));
    while (SocketReceive(Bench, &Number))
        ++Late;
    Timeout = 5000;
    setsockopt(Bench->Flow->Socket, SOL_SOCKET, SO_RCVTIMEO, (const char *)&Timeout, sizeof(Timeout));
    ReportRate(Bench, L"program_to_system", L"program to system", Bench->Bed.Sent - Late, Received, Time);
    return EXIT_OK;
}

static EXIT_CODE ToApp(BENCH *Bench)
{
    DWORD Sent = 0;
    if (!BedStart(&Bench->Bed, FAR_SINK, Bench->Flow, 0))
        return FailTraffic(Bench, L"cannot start a thread");
    ULONG64 Start = Microseconds();
    for (; Continues(Bench, Start); ++Sent)
        if (!SocketSend(Bench, Sent))
            return FailTraffic(Bench, L"cannot send");
    ULONG64 Time = Microseconds() - Start;
    Sleep(100); /* until the last ones have come */
    BedStop(&Bench->Bed);
    ReportRate(Bench, L"system_to_program", L"system to program", Sent, Bench->Bed.Received, Time);
    return EXIT_OK;
}

/* --- all of it ----------------------------------------------------------------------------------------------------------- */

static EXIT_CODE Prepare(BENCH *Bench)
{
    Bench->Bed.Adapter = PlaintunCreateAdapter(&(PLAINTUN_ADAPTER_CONFIG){
        .Size = sizeof(PLAINTUN_ADAPTER_CONFIG),
        .Name = BED_NAME,
    });
    if (Bench->Bed.Adapter == NULL)
        return FailLibrary(L"cannot create the adapter %ls", BED_NAME);
    Bench->Bed.Session = PlaintunStartSession(Bench->Bed.Adapter, NULL);
    if (Bench->Bed.Session == NULL || !PlaintunGetAdapterInfo(Bench->Bed.Adapter, &Bench->Bed.Info))
        return FailLibrary(L"cannot start a session");
    LPCWSTR Step;
    DWORD Error = BedFlow(&Bench->Bed, FLOW_IPV4, &Step);
    Bench->Flow = &Bench->Bed.Flows[FLOW_IPV4];
    return Error == NO_ERROR ? EXIT_OK : FailSystem(Error, L"%ls", Step);
}

static const struct
{
    LPCWSTR Name;
    EXIT_CODE (*Run)(BENCH *Bench);
} Measurements[] = {
    {L"round trips", RoundTrips},
    {L"there and back", ThereAndBack},
    {L"program to system", ToStack},
    {L"system to program", ToApp},
};

static EXIT_CODE Run(const ARGUMENTS *Arguments)
{
    static BENCH Bench; /* too large for a stack without probes */
    ULONG64 Seconds = 2, Size = 1400;
    if (!OptionNumber(Arguments, L"--seconds", 1, 3600, &Seconds) ||
        !OptionNumber(Arguments, L"--size", PAYLOAD_MIN, PLAINTUN_MTU_DEFAULT - 28, &Size))
        return EXIT_USAGE;
    if (StopEvent() == NULL)
        return FailSystem(GetLastError(), L"cannot watch for Ctrl-C");
    Bench.Microseconds = Seconds * 1000000;
    Bench.Size = (DWORD)Size;
    if (Json)
    {
        JsonBegin(NULL, L'{');
        JsonNumber(L"payload_bytes", Size);
    }
    else
        Print(L"UDP over IPv4, %llu bytes of payload, %llu s each\n", Size, Seconds);
    ProgressBegin(L"creating adapters");
    EXIT_CODE Code = Creations();
    if (Code == EXIT_OK)
        Code = Prepare(&Bench);
    for (DWORD i = 0; i < ARRAYSIZE(Measurements) && Code == EXIT_OK && !StopWanted(); ++i)
    {
        ProgressBegin(Measurements[i].Name);
        Code = Measurements[i].Run(&Bench);
    }
    ProgressBegin(L"removing the adapter");
    BedClose(&Bench.Bed);
    ProgressEnd();
    if (Json)
        JsonEnd(L'}');
    return Code;
}

static const OPTION Options[] = {
    {L"--seconds", L"N", L"of each measurement; otherwise 2"},
    {L"--size", L"BYTES", L"of payload; otherwise 1400"},
    {0},
};

const COMMAND BenchCommand = {
    .Name = L"bench",
    .Operands = L"",
    .HasJson = TRUE,
    .Summary = L"how fast adapters are made and packets pass on this machine",
    .Text =
        L"Measures with an adapter of its own (198.18.113.1/24): creation, the time of a round trip, and packets a\n"
        L"second in each direction, between a UDP socket and this program. The sender of a direction does not wait: "
        L"what\n"
        L"is lost says how much faster it is than who receives. Takes about 10 s and an administrator.\n"
        L"\n"
        L"  " TOOL_NAME L" bench\n"
        L"  " TOOL_NAME L" bench --size 64 --seconds 5 --json\n",
    .Options = Options,
    .Run = Run,
};
