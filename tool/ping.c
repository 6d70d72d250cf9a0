/* SPDX-License-Identifier: MIT */
/*
 * plaintun ping: the first thing to try. An adapter behind which every address answers echo requests, so that the
 * system's own ping shows that driver, library and network stack work together.
 */
#include "tool/tool.h"

#define BATCH          64 /* packets */
#define LINES_A_SECOND 10

/* RFC 2544 and RFC 5180 set these networks aside for tests: nobody's own addresses are hidden. */
static const LPCWSTR DefaultAddresses[] = {L"198.18.113.1/24", L"2001:2:0:113::1/64"};

typedef struct _PING
{
    ULONG64 Received, Answered, Others, Full; /* packets: Received = Answered + Others + Full */
    ULONG64 Second;                           /* in which Lines were printed */
    DWORD Lines;
} PING;

/* A person's ping is shown, a flood is not. The packet is the answer already. */
static void Show(PING *Ping, const BYTE *Packet, DWORD Size)
{
    ULONG64 Second = GetTickCount64() / 1000;
    if (Second != Ping->Second)
        Ping->Lines = 0;
    Ping->Second = Second;
    if (Json || Ping->Lines++ >= LINES_A_SECOND)
        return;
    WCHAR Text[128];
    PacketDescribe(Packet, Size, Text, ARRAYSIZE(Text));
    Print(L"answered for %ls, %lu bytes\n", Text, Size);
}

static void Answer(PING *Ping, PLAINTUN_SESSION_HANDLE Session, const PLAINTUN_PACKET *Packet)
{
    PLAINTUN_PACKET Reply = {.Size = Packet->Size};
    Ping->Received++;
    if (!PacketAnswerEcho(Packet->Data, Packet->Size))
        Ping->Others++;
    else if (PlaintunAllocate(Session, &Reply, 1) == 0)
        Ping->Full++;
    else
    {
        memcpy(Reply.Data, Packet->Data, Packet->Size);
        PlaintunSend(Session, &Reply, 1);
        Ping->Answered++;
        Show(Ping, Packet->Data, Packet->Size);
    }
}

/* Until Ctrl-C, until Seconds (0: never) are over, or until the session is. */
static DWORD AnswerAll(PING *Ping, PLAINTUN_SESSION_HANDLE Session, HANDLE Stop, ULONG64 Seconds)
{
    ULONG64 Deadline = GetTickCount64() + Seconds * 1000;
    for (;;)
    {
        ULONG64 Now = GetTickCount64();
        if (Seconds != 0 && Now >= Deadline)
            return NO_ERROR;
        PLAINTUN_PACKET Packets[BATCH];
        DWORD Count = ReceiveOrStop(Session, Stop, Packets, BATCH, Seconds != 0 ? (DWORD)(Deadline - Now) : INFINITE);
        if (Count == 0)
            return GetLastError() == ERROR_CANCELLED || GetLastError() == ERROR_TIMEOUT ? NO_ERROR : GetLastError();
        for (DWORD i = 0; i < Count; ++i)
            Answer(Ping, Session, &Packets[i]);
        PlaintunRelease(Session, Packets, Count);
    }
}

static BOOL SetDefaultAddresses(const NET_LUID *Luid)
{
    BOOL Set = FALSE;
    for (DWORD i = 0; i < ARRAYSIZE(DefaultAddresses); ++i)
    {
        ADDRESS Address;
        AddressRead(DefaultAddresses[i], &Address);
        DWORD Error = AddressSet(Luid, &Address);
        if (Error == NO_ERROR)
            Set = TRUE;
        else /* one IP version may be switched off */
            FailSystem(Error, L"cannot set the address %ls", DefaultAddresses[i]);
    }
    return Set;
}

static void Report(const PING *Ping)
{
    if (!Json)
    {
        Print(L"%llu packets received: %llu answered, %llu others, %llu dropped because the ring was full\n",
              Ping->Received, Ping->Answered, Ping->Others, Ping->Full);
        return;
    }
    JsonBegin(NULL, L'{');
    JsonNumber(L"received", Ping->Received);
    JsonNumber(L"answered", Ping->Answered);
    JsonNumber(L"others", Ping->Others);
    JsonNumber(L"full", Ping->Full);
    JsonEnd(L'}');
}

static EXIT_CODE Run(const ARGUMENTS *Arguments)
{
    EXIT_CODE Code = EXIT_FAILED;
    PING Ping = {0};
    ULONG64 Seconds = 0;
    LPCWSTR Name = Arguments->OperandCount > 0 ? Arguments->Operands[0] : TOOL_NAME L" ping";
    if (!OptionNumber(Arguments, L"--seconds", 1, 1000000, &Seconds))
        return EXIT_USAGE;
    static ADDRESSES Addresses; /* too large for a stack without probes */
    if (!AddressesRead(Arguments, &Addresses, &Code))
        return Code;
    HANDLE Stop = StopEvent();
    if (Stop == NULL)
        return FailSystem(GetLastError(), L"cannot watch for Ctrl-C");
    PLAINTUN_ADAPTER_HANDLE Adapter = AdapterCreate(Name, Arguments, 0, &Code);
    if (Adapter == NULL)
        return Code;
    PLAINTUN_SESSION_HANDLE Session = PlaintunStartSession(Adapter, NULL);
    PLAINTUN_ADAPTER_INFO Info;
    if (Session == NULL || !PlaintunGetAdapterInfo(Adapter, &Info))
    {
        Code = FailLibrary(L"cannot start a session on the adapter %ls", Name);
        goto closeAdapter;
    }
    if (Addresses.Count > 0)
    {
        if (!AddressesSet(&Addresses, &Info.Luid, &Code))
            goto closeAdapter;
    }
    else if (!SetDefaultAddresses(&Info.Luid))
        goto closeAdapter;
    else if (!Json)
        Print(L"Now try, in another window:  ping 198.18.113.2   ping 2001:2:0:113::2\n");
    if (!Json)
        Print(L"The adapter %ls answers; Ctrl-C ends it.\n", Name);

    DWORD Error = AnswerAll(&Ping, Session, Stop, Seconds);
    SetLastError(Error);
    Code = Error == NO_ERROR ? EXIT_OK : FailLibrary(L"the session of the adapter %ls is over", Name);
    Report(&Ping);

closeAdapter:
    ProgressBegin(L"removing the adapter");
    PlaintunCloseAdapter(Adapter);
    ProgressEnd();
    return Code;
}

static const OPTION Options[] = {
    {L"--address", L"A/BITS", L"the adapter's address instead of 198.18.113.1/24 and 2001:2:0:113::1/64; several"},
    {L"--seconds", L"N", L"ends by itself"},
    ADAPTER_OPTIONS,
    {0},
};

const COMMAND PingCommand = {
    .Name = L"ping",
    .Operands = L"[NAME]",
    .OperandsMax = 1,
    .HasJson = TRUE,
    .Summary = L"an adapter behind which every address answers ping: for a first test",
    .Text =
        L"Creates an adapter (\"" TOOL_NAME L" ping\") and answers the echo requests that the system sends into it,\n"
        L"until Ctrl-C. With --json the counts come at the end.\n"
        L"\n"
        L"  " TOOL_NAME L" ping\n"
        L"  ping 198.18.113.2                         in another window\n"
        L"  " TOOL_NAME L" ping test --address 10.9.0.1/24 --seconds 60\n",
    .Options = Options,
    .Run = Run,
};
