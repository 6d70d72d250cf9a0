/* SPDX-License-Identifier: MIT */
/*
 * plaintun capture: what passes an adapter, into a pcapng file or pipe. A monitor session looks on beside the adapter's
 * own program, which is neither stopped nor slowed: what this command cannot take in time is dropped for it alone, and
 * counted. A packet has the time at which it was taken from the ring, in which it may have waited for a moment.
 */
#include "tool/pcapng.h"

#define BATCH       64        /* packets */
#define BUFFER_SIZE 0x40000   /* bytes gathered before they are written */
#define CAPACITY    0x2000000 /* bytes of the monitor's ring: a second of 250 Mbit/s */
#define FLUSH_MS    200       /* how long a packet waits in the buffer at most */

typedef struct _COUNTS
{
    ULONG64 Bytes, Packets, Inbound;
} COUNTS;

typedef struct _CAPTURE
{
    HANDLE File;
    BOOL Pipe;                           /* File is standard output */
    DWORD SnapLength;                    /* bytes; 0: whole packets */
    ULONG64 MaxBytes, MaxPackets, Until; /* 0: no limit; Until is GetTickCount64's */
    COUNTS Taken;                        /* with what is in the buffer */
    COUNTS Written;                      /* in the file: whole blocks */
    ULONG64 Time;                        /* of the last packet: they never go back */
    ULONG64 Dropped;
    BOOL Full; /* MaxBytes would be passed */
    BOOL Cut;  /* what is in File ends within a block: nothing may follow it */
    DWORD Buffered;
} CAPTURE;

/* What the packets leave of the file's limit, for the statistics at its end. */
#define END_SIZE 80

static BYTE Buffer[BUFFER_SIZE + PCAPNG_PACKET_MAX];

/* Empties the buffer in any case. What was written of it in part, as when the disk is full, is taken back: a file holds
 * whole blocks, and the end may still find room in it. */
static DWORD Flush(CAPTURE *Capture)
{
    DWORD Written = 0, Done = 0, Error = Capture->Cut ? ERROR_WRITE_FAULT : NO_ERROR;
    for (; Error == NO_ERROR && Done < Capture->Buffered; Done += Written)
        if (!WriteFile(Capture->File, Buffer + Done, Capture->Buffered - Done, &Written, NULL))
        {
            Error = GetLastError();
            Written = 0;
        }
    Capture->Buffered = 0;
    if (Error == NO_ERROR)
        Capture->Written = Capture->Taken;
    else
    {
        Capture->Taken = Capture->Written;
        Capture->Cut |= Done > 0 && (!SetFilePointerEx(Capture->File, (LARGE_INTEGER){.QuadPart = -(LONG64)Done}, NULL,
                                                       FILE_CURRENT) ||
                                     !SetEndOfFile(Capture->File));
    }
    return Error;
}

static DWORD Take(CAPTURE *Capture, const PLAINTUN_PACKET *Packet, ULONG64 Now)
{
    BOOL Inbound = (Packet->Flags & PLAINTUN_PACKET_TO_STACK) != 0;
    DWORD Kept = Capture->SnapLength != 0 && Packet->Size > Capture->SnapLength ? Capture->SnapLength : Packet->Size;
    if (Capture->MaxPackets != 0 && Capture->Taken.Packets == Capture->MaxPackets)
        Capture->Full = TRUE;
    if (Capture->Full)
        return NO_ERROR;
    if (Now > Capture->Time)
        Capture->Time = Now;
    DWORD Size = PcapngPacket(Buffer + Capture->Buffered, Capture->Time, Packet->Data, Kept, Packet->Size, Inbound);
    if (Capture->MaxBytes != 0 && Capture->Taken.Bytes + Size + END_SIZE > Capture->MaxBytes)
    {
        Capture->Full = TRUE;
        return NO_ERROR;
    }
    Capture->Buffered += Size;
    Capture->Taken.Bytes += Size;
    Capture->Taken.Packets++;
    Capture->Taken.Inbound += Inbound;
    return Capture->Buffered < BUFFER_SIZE ? NO_ERROR : Flush(Capture);
}

/* Until Ctrl-C, a limit, or the end of the adapter. Returns NO_ERROR, or why the file cannot be written or the session is
 * over. */
static DWORD TakeAll(CAPTURE *Capture, PLAINTUN_SESSION_HANDLE Session, HANDLE Stop)
{
    ULONG64 Due = 0;
    while (!Capture->Full)
    {
        PLAINTUN_PACKET Packets[BATCH];
        DWORD Count = ReceiveOrStop(Session, Stop, Packets, BATCH, FLUSH_MS), Error = GetLastError();
        DWORD WriteError = NO_ERROR;
        ULONG64 Now = SystemTime();
        for (DWORD i = 0; i < Count && WriteError == NO_ERROR; ++i)
            WriteError = Take(Capture, &Packets[i], Now);
        if (Count > 0)
            PlaintunRelease(Session, Packets, Count);
        if (WriteError == NO_ERROR && GetTickCount64() >= Due)
        {
            WriteError = Flush(Capture);
            Due = GetTickCount64() + FLUSH_MS;
        }
        if (WriteError != NO_ERROR)
            return WriteError;
        if (Count == 0 && Error != ERROR_TIMEOUT)
            return Error == ERROR_CANCELLED ? NO_ERROR : Error;
        if ((Capture->Until != 0 && GetTickCount64() >= Capture->Until) ||
            (Capture->MaxPackets != 0 && Capture->Taken.Packets == Capture->MaxPackets))
            break;
    }
    return NO_ERROR;
}

static void Report(const CAPTURE *Capture)
{
    const COUNTS *Counts = &Capture->Written;
    if (!Json)
    {
        Tell(L"%llu packets (%llu to the system, %llu from it), %llu missed, %llu bytes written", Counts->Packets,
             Counts->Inbound, Counts->Packets - Counts->Inbound, Capture->Dropped, Counts->Bytes);
        return;
    }
    JsonBegin(NULL, L'{');
    JsonNumber(L"packets", Counts->Packets);
    JsonNumber(L"to_stack", Counts->Inbound);
    JsonNumber(L"to_app", Counts->Packets - Counts->Inbound);
    JsonNumber(L"missed", Capture->Dropped);
    JsonNumber(L"bytes", Counts->Bytes);
    JsonEnd(L'}');
}

static EXIT_CODE CaptureSession(CAPTURE *Capture, PLAINTUN_ADAPTER_HANDLE Adapter, PLAINTUN_SESSION_HANDLE Session,
                                LPCWSTR Name, HANDLE Stop)
{
    ULONG64 Start = SystemTime();
    Capture->Time = Start;
    Capture->Buffered = PcapngBegin(Buffer, Name, Capture->SnapLength);
    Capture->Taken.Bytes = Capture->Buffered;
    if (!Capture->Pipe)
        Tell(L"capturing %ls; Ctrl-C ends it", Name);
    DWORD Error = TakeAll(Capture, Session, Stop);
    PLAINTUN_STATISTICS Statistics;
    if (PlaintunGetStatistics(Adapter, &Statistics))
        Capture->Dropped = Statistics.MonitorDrops;

    DWORD WriteError = Flush(Capture);
    Error = Error == NO_ERROR ? WriteError : Error;
    Capture->Buffered =
        PcapngEnd(Buffer, Start, SystemTime(), Capture->Taken.Packets + Capture->Dropped, Capture->Dropped);
    Capture->Taken.Bytes += Capture->Buffered;
    WriteError = Flush(Capture);
    Error = Error == NO_ERROR ? WriteError : Error;
    Report(Capture);
    if (Capture->Pipe && ReaderGone(Error))
        return EXIT_OK;
    if (Error == ERROR_HANDLE_EOF)
    {
        Tell(L"the adapter %ls is gone", Name);
        return EXIT_FAILED;
    }
    return Error == NO_ERROR ? EXIT_OK : FailSystem(Error, L"the capture of %ls has ended early", Name);
}

/* The file is opened when the session is there: an older one is not lost to a capture that cannot begin. */
static EXIT_CODE CaptureAdapter(CAPTURE *Capture, PLAINTUN_ADAPTER_HANDLE Adapter, LPCWSTR Output, HANDLE Stop)
{
    PLAINTUN_ADAPTER_INFO Info;
    if (!PlaintunGetAdapterInfo(Adapter, &Info))
        return FailLibrary(L"the adapter does not answer");
    PLAINTUN_SESSION_HANDLE Session = PlaintunStartSession(
        Adapter, &(PLAINTUN_SESSION_CONFIG){
                     .Size = sizeof(PLAINTUN_SESSION_CONFIG), .Capacity = CAPACITY, .Flags = PLAINTUN_SESSION_MONITOR});
    if (Session == NULL)
        return FailLibrary(L"cannot look on at the adapter %ls", Info.Name);
    Capture->File = Capture->Pipe ? GetStdHandle(STD_OUTPUT_HANDLE)
                                  : CreateFileW(Output, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_ALWAYS, 0, NULL);
    EXIT_CODE Code;
    if (Capture->File == INVALID_HANDLE_VALUE)
        Code = FailSystem(GetLastError(), L"cannot write %ls", Output);
    else
    {
        Code = CaptureSession(Capture, Adapter, Session, Info.Name, Stop);
        if (!Capture->Pipe)
            CloseHandle(Capture->File);
    }
    PlaintunEndSession(Session);
    return Code;
}

static EXIT_CODE Run(const ARGUMENTS *Arguments)
{
    EXIT_CODE Code = EXIT_FAILED;
    CAPTURE Capture = {0};
    ULONG64 SnapLength = 0, Seconds = 0;
    LPCWSTR Output = OptionText(Arguments, L"--output", NULL);
    if (!OptionNumber(Arguments, L"--snap", 20, PLAINTUN_PACKET_MAX, &SnapLength) ||
        !OptionNumber(Arguments, L"--size", 4096, 1ull << 50, &Capture.MaxBytes) ||
        !OptionNumber(Arguments, L"--packets", 1, 1ull << 50, &Capture.MaxPackets) ||
        !OptionNumber(Arguments, L"--seconds", 1, 1000000, &Seconds))
        return EXIT_USAGE;
    Capture.SnapLength = (DWORD)SnapLength;
    Capture.Until = Seconds != 0 ? GetTickCount64() + Seconds * 1000 : 0;
    Capture.Pipe = Output == NULL || (Output[0] == L'-' && Output[1] == 0);
    if (Capture.Pipe && OutputIsConsole())
        return FailUsage(L"capture: say with --output where the packets go, or pipe them into a program");
    if (Capture.Pipe && Json)
        return FailUsage(L"capture: --json prints to standard output, so the packets need an --output");
    HANDLE Stop = StopEvent();
    if (Stop == NULL)
        return FailSystem(GetLastError(), L"cannot watch for Ctrl-C");
    PLAINTUN_ADAPTER_HANDLE Adapter = AdapterOpen(Arguments->Operands[0], &Code);
    if (Adapter == NULL)
        return Code;
    Code = CaptureAdapter(&Capture, Adapter, Output, Stop);
    PlaintunCloseAdapter(Adapter);
    return Code;
}

static const OPTION Options[] = {
    {L"--output", L"FILE", L"where the packets go; otherwise, or with -, standard output"},
    {L"--snap", L"BYTES", L"keeps no more than that of each packet"},
    {L"--size", L"BYTES", L"ends before the file is larger; 100M is 100 MiB"},
    {L"--packets", L"N", L"ends after so many"},
    {L"--seconds", L"N", L"ends by itself"},
    {0},
};

const COMMAND CaptureCommand = {
    .Name = L"capture",
    .Operands = L"NAME|GUID",
    .OperandsMin = 1,
    .OperandsMax = 1,
    .HasJson = TRUE,
    .Summary = L"writes an adapter's packets into a file for Wireshark",
    .Text =
        L"Writes what passes an adapter, both ways, as pcapng: inbound is what the program sends to the system. The\n"
        L"program of the adapter goes on as before; packets that come too fast are missing here, and counted at the\n"
        L"end of the file. One capture of an adapter at a time; it needs no program to be there.\n"
        L"\n"
        L"  " TOOL_NAME L" capture vpn0 --output vpn0.pcapng --size 100M\n"
        L"  " TOOL_NAME L" capture vpn0 --output vpn0.pcapng --snap 96 --seconds 60 --json\n"
        L"  " TOOL_NAME L" capture vpn0 | wireshark -k -i -       not in PowerShell before 7.4, which changes bytes\n",
    .Options = Options,
    .Run = Run,
};
