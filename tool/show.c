/* SPDX-License-Identifier: MIT */
/* plaintun show and watch: an adapter's statistics, once or as rates of each second. */
#include "tool/tool.h"

#define HEADING_LINES 20 /* of watch, between two headings */

static const struct
{
    LPCWSTR Name, Text;
    SIZE_T Offset;
} Counters[] = {
#define COUNTER(Field, Name, Text) {Name, Text, offsetof(PLAINTUN_COUNTERS, Field)}
    COUNTER(ToAppPackets, L"to_app_packets", L"system to program: packets"),
    COUNTER(ToAppBytes, L"to_app_bytes", L"                   bytes"),
    COUNTER(ToAppDropNoSession, L"to_app_drop_no_session", L"                   dropped: no session"),
    COUNTER(ToAppDropFull, L"to_app_drop_full", L"                   dropped: ring full"),
    COUNTER(ToAppDropInvalid, L"to_app_drop_invalid", L"                   dropped: invalid"),
    COUNTER(ToAppDropPaused, L"to_app_drop_paused", L"                   dropped: paused"),
    COUNTER(ToStackPackets, L"to_stack_packets", L"program to system: packets"),
    COUNTER(ToStackBytes, L"to_stack_bytes", L"                   bytes"),
    COUNTER(ToStackDropInvalid, L"to_stack_drop_invalid", L"                   dropped: invalid"),
#undef COUNTER
};

static ULONG64 Count(const PLAINTUN_COUNTERS *From, DWORD Which)
{
    return *(const ULONG64 *)((const BYTE *)From + Counters[Which].Offset);
}

static void PutCounters(LPCWSTR Key, const PLAINTUN_COUNTERS *Values)
{
    JsonBegin(Key, L'{');
    for (DWORD i = 0; i < ARRAYSIZE(Counters); ++i)
        JsonNumber(Counters[i].Name, Count(Values, i));
    JsonEnd(L'}');
}

static EXIT_CODE Show(const ARGUMENTS *Arguments)
{
    EXIT_CODE Code = EXIT_OK;
    LPCWSTR Name = Arguments->Operands[0];
    PLAINTUN_ADAPTER_HANDLE Adapter = AdapterOpen(Name, &Code);
    if (Adapter == NULL)
        return Code;
    PLAINTUN_ADAPTER_INFO Info;
    PLAINTUN_STATISTICS Statistics;
    if (!PlaintunGetAdapterInfo(Adapter, &Info) || !PlaintunGetStatistics(Adapter, &Statistics))
    {
        Code = FailLibrary(L"the adapter %ls does not answer", Name);
        goto closeAdapter;
    }
    if (Json)
    {
        JsonBegin(NULL, L'{');
        AdapterJson(&Info);
        JsonText(L"state", AdapterStateName(Info.State));
        JsonNumber(L"session_process", Info.SessionProcessId);
        JsonNumber(L"monitor_process", Info.MonitorProcessId);
        PutCounters(L"adapter", &Statistics.Adapter);
        PutCounters(L"session", &Statistics.Session);
        JsonNumber(L"monitor_packets", Statistics.MonitorPackets);
        JsonNumber(L"monitor_drops", Statistics.MonitorDrops);
        JsonEnd(L'}');
        goto closeAdapter;
    }
    WCHAR Guid[GUID_TEXT];
    GuidText(&Info.Guid, Guid);
    Print(L"%ls, %ls\nGUID %ls, interface index %lu, MTU %lu, session of process %lu\n\n", Info.Name,
          AdapterStateName(Info.State), Guid, Info.InterfaceIndex, Info.Mtu, Info.SessionProcessId);
    Print(L"%-40ls %15ls %15ls\n", L"", L"adapter", L"session");
    for (DWORD i = 0; i < ARRAYSIZE(Counters); ++i)
        Print(L"%-40ls %15llu %15llu\n", Counters[i].Text, Count(&Statistics.Adapter, i),
              Count(&Statistics.Session, i));
    Print(L"%-40ls %15ls %15llu\n", L"copied to the monitor: packets", L"", Statistics.MonitorPackets);
    Print(L"%-40ls %15ls %15llu\n", L"                   dropped: ring full", L"", Statistics.MonitorDrops);
closeAdapter:
    PlaintunCloseAdapter(Adapter);
    return Code;
}

/* --- watch --------------------------------------------------------------------------------------------------------------- */

static ULONG64 Drops(const PLAINTUN_COUNTERS *Values)
{
    return Values->ToAppDropNoSession + Values->ToAppDropFull + Values->ToAppDropInvalid + Values->ToAppDropPaused +
           Values->ToStackDropInvalid;
}

static void ShowRates(const PLAINTUN_COUNTERS *Before, const PLAINTUN_COUNTERS *Now, double Seconds, DWORD Line)
{
    double ToApp = (Now->ToAppPackets - Before->ToAppPackets) / Seconds;
    double ToAppBits = (Now->ToAppBytes - Before->ToAppBytes) * 8 / Seconds;
    double ToStack = (Now->ToStackPackets - Before->ToStackPackets) / Seconds;
    double ToStackBits = (Now->ToStackBytes - Before->ToStackBytes) * 8 / Seconds;
    double Dropped = (Drops(Now) - Drops(Before)) / Seconds;
    if (Json)
    {
        JsonBegin(NULL, L'{');
        JsonReal(L"seconds", Seconds);
        JsonReal(L"to_app_packets_per_second", ToApp);
        JsonReal(L"to_app_bits_per_second", ToAppBits);
        JsonReal(L"to_stack_packets_per_second", ToStack);
        JsonReal(L"to_stack_bits_per_second", ToStackBits);
        JsonReal(L"drops_per_second", Dropped);
        JsonEnd(L'}');
        return;
    }
    if (Line % HEADING_LINES == 0)
        Print(L"%-25ls %-25ls %12ls\n%12ls %12ls %12ls %12ls %12ls\n", L"   system to program", L"   program to system",
              L"dropped", L"packets/s", L"Mbit/s", L"packets/s", L"Mbit/s", L"packets/s");
    Print(L"%12.0f %12.3f %12.0f %12.3f %12.0f\n", ToApp, ToAppBits / 1e6, ToStack, ToStackBits / 1e6, Dropped);
}

static EXIT_CODE Watch(const ARGUMENTS *Arguments)
{
    EXIT_CODE Code = EXIT_OK;
    LPCWSTR Name = Arguments->Operands[0];
    ULONG64 Seconds = 0;
    if (!OptionNumber(Arguments, L"--seconds", 1, 1000000, &Seconds))
        return EXIT_USAGE;
    HANDLE Stop = StopEvent();
    if (Stop == NULL)
        return FailSystem(GetLastError(), L"cannot watch for Ctrl-C");
    PLAINTUN_ADAPTER_HANDLE Adapter = AdapterOpen(Name, &Code);
    if (Adapter == NULL)
        return Code;
    ULONG64 Due = Microseconds(), Last = Due;
    PLAINTUN_STATISTICS Before;
    BOOL Answers = PlaintunGetStatistics(Adapter, &Before);
    for (DWORD Line = 0; Answers && !StopWanted() && (Seconds == 0 || Line < Seconds); ++Line)
    {
        /* Each look has its time from the start, so that the seconds do not drift, unless the machine slept. */
        ULONG64 Time = Microseconds();
        Due = Due + 1000000 > Time ? Due + 1000000 : Time + 1000000;
        if (WaitForSingleObject(Stop, Due > Time ? (DWORD)((Due - Time + 999) / 1000) : 0) == WAIT_OBJECT_0)
            break;
        PLAINTUN_STATISTICS Now;
        Answers = PlaintunGetStatistics(Adapter, &Now);
        if (!Answers)
            break;
        Time = Microseconds();
        for (DWORD i = 0; i < ARRAYSIZE(Counters); ++i)
            if (Count(&Now.Adapter, i) < Count(&Before.Adapter, i))
                Before = (PLAINTUN_STATISTICS){0}; /* the adapter was disabled and enabled meanwhile: it counts anew */
        ShowRates(&Before.Adapter, &Now.Adapter, (Time - Last) / 1e6, Line);
        Before = Now;
        Last = Time;
    }
    if (!Answers)
        Code = FailLibrary(L"the adapter %ls is gone", Name);
    PlaintunCloseAdapter(Adapter);
    return Code;
}

static const OPTION WatchOptions[] = {
    {L"--seconds", L"N", L"ends after so many lines"},
    {0},
};

const COMMAND ShowCommand = {
    .Name = L"show",
    .Operands = L"NAME|GUID",
    .OperandsMin = 1,
    .OperandsMax = 1,
    .HasJson = TRUE,
    .Summary = L"an adapter's statistics",
    .Text = L"Shows what has passed an adapter since it started, and since its present (or last) session did. In each\n"
            L"direction all that came is packets + dropped.\n"
            L"\n"
            L"  " TOOL_NAME L" show vpn0\n"
            L"  " TOOL_NAME L" show vpn0 --json\n",
    .Run = Show,
};

const COMMAND WatchCommand = {
    .Name = L"watch",
    .Operands = L"NAME|GUID",
    .OperandsMin = 1,
    .OperandsMax = 1,
    .HasJson = TRUE,
    .Summary = L"an adapter's traffic, a line each second",
    .Text = L"Shows the rates of each second until Ctrl-C. With --json each line is an object.\n"
            L"\n"
            L"  " TOOL_NAME L" watch vpn0\n"
            L"  " TOOL_NAME L" watch vpn0 --seconds 10 --json > rates.txt\n",
    .Options = WatchOptions,
    .Run = Watch,
};
