/* SPDX-License-Identifier: MIT */
/*
 * plaintun selftest: one command by which a person with a Windows shows that all of it works there. Each step is one
 * function, which says in Detail what it saw; a step that the others need ends the test when it fails, as Ctrl-C does, and
 * what was made is removed in any case. Nothing is assumed about the machine but an administrator and one IP version.
 */
#include "tool/flow.h"

#define ROUND_TRIPS  1000 /* datagrams of each IP version */
#define WINDOW       32   /* datagrams on their way */
#define ARRIVAL_MS   5000
#define LOAD_SECONDS 2
#define LOAD_WINDOW  64
#define REPLY        0x80000000u /* marks the number of a datagram that the program sent of itself */

typedef enum _RESULT
{
    RESULT_PASSED,
    RESULT_SKIPPED, /* the system does not have it, and that is no fault */
    RESULT_FAILED,
} RESULT;

static const LPCWSTR ResultNames[] = {L"passed", L"skipped", L"FAILED"};

typedef struct _TEST
{
    BED Bed;
    WCHAR Detail[512];
    BOOL InstalledByUs;
    ULONG64 Received, Sent; /* packets that the program took from the session and gave it, of whatever kind */
} TEST;

#define SAY(Test, ...) Format((Test)->Detail, ARRAYSIZE((Test)->Detail), __VA_ARGS__)

static RESULT FailedCall(TEST *Test, DWORD Error, LPCWSTR What)
{
    WCHAR Cause[400];
    FailureText(Error, Cause, ARRAYSIZE(Cause));
    SAY(Test, L"%ls: %ls", What, Cause);
    return RESULT_FAILED;
}

/* --- making -------------------------------------------------------------------------------------------------------------- */

static RESULT System(TEST *Test)
{
    SYSTEM_FACTS Facts;
    SystemRead(&Facts);
    SAY(Test, L"Windows %ls; %ls, tool %ls; %lu processors", Facts.Windows, Facts.NativeMachine, Facts.ToolMachine,
        Facts.Processors);
    return RESULT_PASSED;
}

static RESULT Driver(TEST *Test)
{
    PLAINTUN_DRIVER_INFO Before, After;
    if (!PlaintunGetDriverInfo(&Before) || !PlaintunInstallDriver() || !PlaintunGetDriverInfo(&After))
        return FailedCall(Test, GetLastError(), L"installing the driver");
    Test->InstalledByUs = Before.InstalledVersion == 0;
    WCHAR Library[VERSION_TEXT];
    VersionText(After.LibraryVersion, Library, ARRAYSIZE(Library));
    WCHAR Installed[VERSION_TEXT];
    VersionText(After.InstalledVersion, Installed, ARRAYSIZE(Installed));
    SAY(Test, L"library %ls, driver %ls%ls", Library, Installed,
        Test->InstalledByUs ? L", installed now" : L", was there");
    return After.InstalledVersion == After.LibraryVersion ? RESULT_PASSED : RESULT_FAILED;
}

static RESULT Create(TEST *Test)
{
    Test->Bed.Adapter = PlaintunCreateAdapter(&(PLAINTUN_ADAPTER_CONFIG){
        .Size = sizeof(PLAINTUN_ADAPTER_CONFIG),
        .Name = BED_NAME,
    });
    if (Test->Bed.Adapter == NULL)
        return FailedCall(Test, GetLastError(), L"creating the adapter");
    if (!PlaintunGetAdapterInfo(Test->Bed.Adapter, &Test->Bed.Info))
        return FailedCall(Test, GetLastError(), L"asking the adapter");
    SAY(Test, L"interface index %lu, MTU %lu, driver %lu.%lu", Test->Bed.Info.InterfaceIndex, Test->Bed.Info.Mtu,
        Test->Bed.Info.DriverVersion >> 16, Test->Bed.Info.DriverVersion & 0xffff);
    return RESULT_PASSED;
}

static RESULT Session(TEST *Test)
{
    Test->Bed.Session = PlaintunStartSession(Test->Bed.Adapter, NULL);
    if (Test->Bed.Session == NULL)
        return FailedCall(Test, GetLastError(), L"starting the session");
    SAY(Test, L"rings of 4 MiB");
    return RESULT_PASSED;
}

static RESULT Address(TEST *Test, DWORD Which)
{
    LPCWSTR Step;
    DWORD Error = BedFlow(&Test->Bed, Which, &Step);
    /* What the pages of CreateUnicastIpAddressEntry and socket name for an IP version that is switched off. */
    if (Error == ERROR_NOT_FOUND || Error == ERROR_NOT_SUPPORTED || Error == WSAEAFNOSUPPORT)
    {
        FailedCall(Test, Error, Step);
        return RESULT_SKIPPED;
    }
    if (Error != NO_ERROR)
        return FailedCall(Test, Error, Step);
    SAY(Test, L"set, and usable");
    return RESULT_PASSED;
}

static RESULT Address4(TEST *Test)
{
    return Address(Test, FLOW_IPV4);
}

static RESULT Address6(TEST *Test)
{
    RESULT Result = Address(Test, FLOW_IPV6);
    if (Result == RESULT_SKIPPED && Test->Bed.Flows[FLOW_IPV4].HeaderSize == 0)
    {
        SAY(Test, L"neither IP version works on the adapter");
        return RESULT_FAILED;
    }
    return Result;
}

/* --- traffic ------------------------------------------------------------------------------------------------------------- */

static BYTE Payload[PLAINTUN_PACKET_MAX]; /* of the sockets' side */

/* Sizes from the smallest to the largest that fit the MTU, in an order without pattern. */
static DWORD PayloadSize(const TEST *Test, const FLOW *Flow, DWORD Number)
{
    DWORD Most = Test->Bed.Info.Mtu - Flow->HeaderSize;
    return Number == 0   ? PAYLOAD_MIN
           : Number == 1 ? Most
                         : PAYLOAD_MIN + Number * 2654435761u % (Most - PAYLOAD_MIN + 1);
}

/* The sockets' side sends the datagrams First to First + WINDOW - 1. */
static BOOL SocketSend(TEST *Test, const FLOW *Flow, DWORD First, DWORD Count)
{
    for (DWORD i = First; i < First + Count; ++i)
    {
        DWORD Size = PayloadSize(Test, Flow, i);
        PayloadFill(Payload, Size, i);
        if (send(Flow->Socket, (const char *)Payload, Size, 0) != (int)Size)
        {
            FailedCall(Test, WSAGetLastError(), L"sending from the socket");
            return FALSE;
        }
    }
    return TRUE;
}

/* Notes that the datagram has come. FALSE: it came twice, or is none of those on their way. */
static BOOL Note(TEST *Test, DWORD *Seen, DWORD First, DWORD Number, DWORD Size, DWORD RightSize, LPCWSTR Where)
{
    DWORD Index = Number - First;
    if (Index >= WINDOW || *Seen >> Index & 1 || Size != RightSize)
    {
        SAY(Test, L"%ls got datagram %lu of %lu bytes, which is none of those on their way (%lu to %lu), or again",
            Where, Number & ~REPLY, Size, First & ~REPLY, (First & ~REPLY) + WINDOW - 1);
        return FALSE;
    }
    *Seen |= 1u << Index;
    return TRUE;
}

static DWORD FirstMissing(DWORD Seen)
{
    DWORD Index = 0;
    while (Seen >> Index & 1)
        ++Index;
    return Index;
}

/* The program takes them. */
static BOOL ProgramReceive(TEST *Test, const FLOW *Flow, DWORD First)
{
    DWORD Seen = 0;
    ULONG64 Deadline = GetTickCount64() + ARRIVAL_MS;
    while (Seen != ~0u)
    {
        PLAINTUN_PACKET Packets[WINDOW];
        DWORD Count = PlaintunReceive(Test->Bed.Session, Packets, WINDOW);
        BOOL Good = TRUE;
        Test->Received += Count;
        for (DWORD i = 0; i < Count && Good; ++i)
        {
            DWORD Number = 0, Size;
            FLOW_PACKET Kind = FlowCheck(Flow, Packets[i].Data, Packets[i].Size, &Number, &Size);
            if (Kind == FLOW_BROKEN)
                SAY(Test, L"a packet of %lu bytes reached the program broken: a checksum or its contents",
                    Packets[i].Size);
            Good = Kind == FLOW_OTHER || (Kind == FLOW_GOOD && Note(Test, &Seen, First, Number, Size,
                                                                    PayloadSize(Test, Flow, Number), L"the program"));
        }
        PlaintunRelease(Test->Bed.Session, Packets, Count);
        if (!Good)
            return FALSE;
        if (Count > 0)
            continue;
        if (GetLastError() != ERROR_NO_MORE_ITEMS)
        {
            FailedCall(Test, GetLastError(), L"receiving");
            return FALSE;
        }
        ULONG64 Now = GetTickCount64();
        if (Now >= Deadline)
        {
            SAY(Test, L"datagram %lu did not reach the program within %u s", First + FirstMissing(Seen),
                ARRIVAL_MS / 1000);
            return FALSE;
        }
        PlaintunWait(Test->Bed.Session, PLAINTUN_WAIT_PACKETS, (DWORD)(Deadline - Now));
    }
    return TRUE;
}

/* The program sends as many, of its own. */
static BOOL ProgramSend(TEST *Test, const FLOW *Flow, DWORD First)
{
    DWORD Numbers[WINDOW], Sizes[WINDOW];
    for (DWORD i = 0; i < WINDOW; ++i)
    {
        Numbers[i] = (First + i) | REPLY;
        Sizes[i] = PayloadSize(Test, Flow, First + i);
    }
    if (!BedSend(&Test->Bed, Flow, Numbers, Sizes, WINDOW))
    {
        FailedCall(Test, GetLastError(), L"sending from the program");
        return FALSE;
    }
    Test->Sent += WINDOW;
    return TRUE;
}

/* The sockets' side takes those. */
static BOOL SocketReceive(TEST *Test, const FLOW *Flow, DWORD First)
{
    for (DWORD Seen = 0; Seen != ~0u;)
    {
        DWORD Number = 0;
        int Size = recv(Flow->Socket, (char *)Payload, sizeof(Payload), 0);
        if (Size < 0 && WSAGetLastError() == WSAETIMEDOUT)
        {
            SAY(Test, L"datagram %lu of the program did not reach the socket within 5 s (a firewall?)",
                First + FirstMissing(Seen));
            return FALSE;
        }
        if (Size < 0)
        {
            FailedCall(Test, WSAGetLastError(), L"receiving from the socket");
            return FALSE;
        }
        if (!PayloadCheck(Payload, Size, &Number))
        {
            SAY(Test, L"a datagram of %d bytes reached the socket broken", Size);
            return FALSE;
        }
        if (!Note(Test, &Seen, First | REPLY, Number, Size, PayloadSize(Test, Flow, Number & ~REPLY), L"the socket"))
            return FALSE;
    }
    return TRUE;
}

static RESULT RoundTrips(TEST *Test, DWORD Which)
{
    const FLOW *Flow = &Test->Bed.Flows[Which];
    DWORD First = 0;
    if (Flow->HeaderSize == 0)
    {
        SAY(Test, L"there is no such address");
        return RESULT_SKIPPED;
    }
    for (; First < ROUND_TRIPS; First += WINDOW)
        if (!SocketSend(Test, Flow, First, WINDOW) || !ProgramReceive(Test, Flow, First) ||
            !ProgramSend(Test, Flow, First) || !SocketReceive(Test, Flow, First))
            return RESULT_FAILED;
    SAY(Test, L"%lu datagrams each way, of %u to %lu bytes: none lost, none twice, none broken", First, PAYLOAD_MIN,
        Test->Bed.Info.Mtu - Flow->HeaderSize);
    return RESULT_PASSED;
}

static RESULT RoundTrips4(TEST *Test)
{
    return RoundTrips(Test, FLOW_IPV4);
}

static RESULT RoundTrips6(TEST *Test)
{
    return RoundTrips(Test, FLOW_IPV6);
}

/* Both sides at once: the program's thread echoes while the sockets' side keeps LOAD_WINDOW datagrams on their way. */
static RESULT Load(TEST *Test)
{
    BED *Bed = &Test->Bed;
    const FLOW *Flow = &Bed->Flows[Bed->Flows[FLOW_IPV4].HeaderSize != 0 ? FLOW_IPV4 : FLOW_IPV6];
    RESULT Result = RESULT_FAILED;
    DWORD Sent = 0, Received = 0;
    ULONG64 Start = Microseconds(), Left = 0;
    if (!BedStart(Bed, FAR_ECHO, Flow, 0))
        return FailedCall(Test, GetLastError(), L"starting a thread");
    while (Received < Sent || Microseconds() - Start < LOAD_SECONDS * 1000000)
    {
        BOOL More = Microseconds() - Start < LOAD_SECONDS * 1000000;
        if (More && Sent - Received <= LOAD_WINDOW / 2)
        {
            if (!SocketSend(Test, Flow, Sent, LOAD_WINDOW / 2))
                goto stop;
            Sent += LOAD_WINDOW / 2;
        }
        int Size = recv(Flow->Socket, (char *)Payload, sizeof(Payload), 0);
        if (Size < 0)
        {
            SAY(Test, L"%lu of %lu datagrams came back, then none for 5 s", Received, Sent);
            goto stop;
        }
        DWORD Number;
        if (!PayloadCheck(Payload, Size, &Number))
        {
            SAY(Test, L"a datagram of %d bytes came back broken", Size);
            goto stop;
        }
        ++Received;
    }
    Left = Microseconds() - Start;
    Result = RESULT_PASSED;
stop:
    BedStop(Bed);
    Test->Received += Bed->Received + Bed->Others + Bed->Broken;
    Test->Sent += Bed->Sent;
    if (Result == RESULT_PASSED && (Bed->Error != NO_ERROR || Bed->Broken != 0))
    {
        SAY(Test, L"%llu packets reached the program broken", Bed->Broken);
        return Bed->Error != NO_ERROR ? FailedCall(Test, Bed->Error, L"the session is over") : RESULT_FAILED;
    }
    if (Result == RESULT_PASSED)
        SAY(Test, L"%lu datagrams there and back, both sides at once: %.0f a second, none lost", Received,
            Received * 1e6 / Left);
    return Result;
}

/* --- counters and removing ------------------------------------------------------------------------------------------------- */

static RESULT Statistics(TEST *Test)
{
    PLAINTUN_PACKET Packet;
    /* The system may send words of its own at any time: what waits in the ring counts as delivered. */
    while (PlaintunReceive(Test->Bed.Session, &Packet, 1) > 0)
    {
        ++Test->Received;
        PlaintunRelease(Test->Bed.Session, &Packet, 1);
    }
    PLAINTUN_STATISTICS Statistics;
    if (!PlaintunGetStatistics(Test->Bed.Adapter, &Statistics))
        return FailedCall(Test, GetLastError(), L"asking for statistics");
    const PLAINTUN_COUNTERS *Counters = &Statistics.Session;
    SAY(Test,
        L"system to program %llu (driver) %llu (program), program to system %llu (driver) %llu (program), dropped %llu",
        Counters->ToAppPackets, Test->Received, Counters->ToStackPackets, Test->Sent,
        Counters->ToAppDropFull + Counters->ToAppDropInvalid + Counters->ToStackDropInvalid);
    return Counters->ToAppPackets - Test->Received <= 8 /* came meanwhile */ &&
                   Counters->ToStackPackets == Test->Sent &&
                   Counters->ToAppDropFull + Counters->ToAppDropInvalid + Counters->ToStackDropInvalid == 0
               ? RESULT_PASSED
               : RESULT_FAILED;
}

/* learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-getifentry2 */
static RESULT Remove(TEST *Test)
{
    MIB_IF_ROW2 Row = {.InterfaceLuid = Test->Bed.Info.Luid};
    PlaintunEndSession(Test->Bed.Session);
    BedClose(&Test->Bed);
    PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunOpenAdapter(BED_NAME);
    if (Adapter != NULL)
    {
        PlaintunCloseAdapter(Adapter);
        SAY(Test, L"the adapter can still be opened");
        return RESULT_FAILED;
    }
    if (GetIfEntry2(&Row) == NO_ERROR && Row.OperStatus == IfOperStatusUp)
    {
        SAY(Test, L"the interface is still up");
        return RESULT_FAILED;
    }
    SAY(Test, L"adapter and interface are gone");
    return RESULT_PASSED;
}

/* Leaves the machine as it was. */
static RESULT Uninstall(TEST *Test)
{
    if (!Test->InstalledByUs)
    {
        SAY(Test, L"the driver was there before the test, and stays");
        return RESULT_SKIPPED;
    }
    PLAINTUN_DRIVER_INFO Info;
    if (!PlaintunDeleteDriver() || !PlaintunGetDriverInfo(&Info))
        return FailedCall(Test, GetLastError(), L"removing the driver");
    SAY(Test, L"the driver is gone again");
    return Info.InstalledVersion == 0 ? RESULT_PASSED : RESULT_FAILED;
}

/* --- the report ------------------------------------------------------------------------------------------------------------ */

static const struct
{
    LPCWSTR Name;
    RESULT (*Run)(TEST *Test);
    BOOL Needed; /* by those after it */
    BOOL Always; /* tidies up: done however the test went */
} Steps[] = {
    {L"system", System, FALSE, FALSE},
    {L"driver", Driver, TRUE, FALSE},
    {L"create", Create, TRUE, FALSE},
    {L"session", Session, TRUE, FALSE},
    {L"address IPv4", Address4, TRUE, FALSE},
    {L"address IPv6", Address6, TRUE, FALSE},
    {L"traffic IPv4", RoundTrips4, FALSE, FALSE},
    {L"traffic IPv6", RoundTrips6, FALSE, FALSE},
    {L"load", Load, FALSE, FALSE},
    {L"statistics", Statistics, FALSE, FALSE},
    {L"remove", Remove, FALSE, TRUE},
    {L"uninstall", Uninstall, FALSE, TRUE},
};

static EXIT_CODE Run(const ARGUMENTS *Arguments)
{
    static TEST Test; /* too large for a stack without probes */
    DWORD Failed = 0;
    BOOL Over = FALSE; /* stopped, or what is left needs a step that failed */
    ULONG64 Begin = Microseconds();
    if (StopEvent() == NULL)
        return FailSystem(GetLastError(), L"cannot watch for Ctrl-C");
    SYSTEMTIME Time;
    GetSystemTime(&Time);
    WCHAR When[64];
    Format(When, ARRAYSIZE(When), L"%04u-%02u-%02uT%02u:%02u:%02uZ", Time.wYear, Time.wMonth, Time.wDay, Time.wHour,
           Time.wMinute, Time.wSecond);
    if (Json)
    {
        JsonBegin(NULL, L'{');
        JsonText(L"tool", TOOL_VERSION);
        JsonText(L"time", When);
        JsonBegin(L"steps", L'[');
    }
    else
        Print(L"%ls selftest %ls, %ls\n\n", TOOL_NAME, TOOL_VERSION, When);
    for (DWORD i = 0; i < ARRAYSIZE(Steps); ++i)
    {
        if (StopWanted() && !Over)
        {
            Over = TRUE;
            ++Failed;
        }
        if (Over && !Steps[i].Always)
            continue;
        ULONG64 Start = Microseconds();
        Test.Detail[0] = 0;
        ProgressBegin(Steps[i].Name);
        RESULT Result = Steps[i].Run(&Test);
        ProgressEnd();
        double Seconds = (Microseconds() - Start) / 1e6;
        Failed += Result == RESULT_FAILED;
        if (Json)
        {
            JsonBegin(NULL, L'{');
            JsonText(L"name", Steps[i].Name);
            JsonText(L"result", Result == RESULT_FAILED ? L"failed" : ResultNames[Result]);
            JsonReal(L"seconds", Seconds);
            JsonText(L"detail", Test.Detail);
            JsonEnd(L'}');
        }
        else
            Print(L"%2lu  %-13ls %-8ls %7.3f s  %ls\n", i + 1, Steps[i].Name, ResultNames[Result], Seconds,
                  Test.Detail);
        Over |= Result == RESULT_FAILED && Steps[i].Needed;
    }
    BedClose(&Test.Bed);
    double Seconds = (Microseconds() - Begin) / 1e6;
    if (Json)
    {
        JsonEnd(L']');
        JsonText(L"result", Failed == 0 ? L"passed" : L"failed");
        JsonReal(L"seconds", Seconds);
        JsonEnd(L'}');
    }
    else
        Print(L"\nselftest: %ls in %.1f s\n", Failed == 0 ? L"passed" : L"FAILED", Seconds);
    return Failed == 0 ? EXIT_OK : EXIT_FAILED;
}

const COMMAND SelftestCommand = {
    .Name = L"selftest",
    .Operands = L"",
    .HasJson = TRUE,
    .Summary = L"tests all of it on this machine and prints a report to send back",
    .Text = L"Installs the driver, creates an adapter (198.18.113.1/24, 2001:2:0:113::1/64), passes numbered and "
            L"checksummed UDP both ways\n"
            L"between the system's own sockets and this program, compares the counters, and removes all of it again.\n"
            L"Takes some seconds and an administrator. The report names no address or name of this machine.\n"
            L"\n"
            L"  " TOOL_NAME L" selftest\n"
            L"  " TOOL_NAME L" selftest --json > report.json\n",
    .Run = Run,
};
