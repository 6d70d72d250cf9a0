/* SPDX-License-Identifier: MIT */
/*
 * What the tool's files share. main.c reads the command line and calls one COMMAND's Run, in the main thread; commands
 * print with output.c and json.c, end with one of the exit codes, and say what failed on standard error in one line.
 * Everything runs in the main thread but where a file says otherwise.
 */
#ifndef PLAINTUN_TOOL_H
#define PLAINTUN_TOOL_H

#include <winsock2.h>
#include <windows.h>
#include <ws2tcpip.h>
#include <stddef.h>
#include "identity.h"
#include "include/plaintun.h"

#define TOOL_NAME    L"" PLAINTUN_FILE
#define TOOL_VERSION L"" PLAINTUN_VERSION_TEXT

/* Documented in `plaintun help exit`. Scripts rely on them: they never change their meaning. */
typedef enum _EXIT_CODE
{
    EXIT_OK,
    EXIT_FAILED,
    EXIT_USAGE,
    EXIT_NOT_FOUND,
    EXIT_IN_USE,
    EXIT_ACCESS,
    EXIT_TIME,
} EXIT_CODE;

/* --- main.c: commands and their arguments --------------------------------------------------------------------------- */

typedef struct _OPTION
{
    LPCWSTR Name;  /* L"--mtu" */
    LPCWSTR Value; /* what stands behind it, in capitals; NULL: nothing does */
    LPCWSTR Text;  /* for the help */
} OPTION;

#define OPERANDS_MAX 2
#define GIVEN_MAX    32

typedef struct _ARGUMENTS
{
    LPCWSTR Operands[OPERANDS_MAX];
    DWORD OperandCount;
    struct
    {
        const OPTION *Option;
        LPCWSTR Value;
    } Given[GIVEN_MAX]; /* in the order of the command line */
    DWORD GivenCount;
} ARGUMENTS;

typedef struct _COMMAND
{
    LPCWSTR Name;
    LPCWSTR Operands; /* L"NAME" */
    DWORD OperandsMin, OperandsMax;
    BOOL HasJson;          /* knows --json */
    LPCWSTR Summary;       /* half a line */
    LPCWSTR Text;          /* what it does, and examples; lines end with \n */
    const OPTION *Options; /* up to one without a Name; may be NULL */
    EXIT_CODE (*Run)(_In_ const ARGUMENTS *Arguments);
} COMMAND;

extern BOOL Json; /* --json was given: data goes to standard output as JSON and as nothing else */

/* The value of an option, L"" for one that has none; NULL: not given. *Next, 0 at first, finds the further ones. */
LPCWSTR OptionText(_In_ const ARGUMENTS *Arguments, _In_z_ LPCWSTR Name, _Inout_opt_ DWORD *Next);

/* A number of at most Maximum, in *Number; a K, M or G behind it multiplies by 1024. Left alone when the option was not
 * given. FALSE: it is none or not between Minimum and Maximum, and the user has been told. */
BOOL OptionNumber(_In_ const ARGUMENTS *Arguments, _In_z_ LPCWSTR Name, _In_ ULONG64 Minimum, _In_ ULONG64 Maximum,
                  _Inout_ ULONG64 *Number);

extern const COMMAND InstallCommand, UninstallCommand, ListCommand, CreateCommand, RemoveCommand, RenameCommand,
    ShowCommand, WatchCommand, CaptureCommand, PingCommand, BenchCommand, SelftestCommand, DoctorCommand;

/* --- output.c: text to the user; UTF-8, or UTF-16 where it is a console --------------------------------------------- */

#define TEXT_MAX 1024 /* UTF-16 units that one call can format; more is cut */

void Format(_Out_writes_z_(Count) LPWSTR Text, _In_ SIZE_T Count, _In_z_ LPCWSTR Pattern, ...); /* as swprintf; %ls */
void FormatList(_Out_writes_z_(Count) LPWSTR Text, _In_ SIZE_T Count, _In_z_ LPCWSTR Pattern, _In_ va_list List);
void Print(_In_z_ LPCWSTR Pattern, ...); /* to standard output */
void PrintText(_In_z_ LPCWSTR Text);     /* likewise, of any length */
void Tell(_In_z_ LPCWSTR Pattern,
          ...); /* a line to standard error: "plaintun: ..."; any thread, keeps GetLastError() */
BOOL OutputIsConsole(void);
BOOL OutputLost(void);             /* standard output takes no more: an endless command ends */
BOOL ReaderGone(_In_ DWORD Error); /* of a pipe: its reader has had enough, which is no failure */
/* How the program ends that would have ended with Code: if standard output was lost otherwise, the user is told. */
EXIT_CODE OutputEnd(_In_ EXIT_CODE Code);

/* Says on standard error what goes on, once it has gone on for a second. One at a time; a thread of its own waits. To be
 * called by the main thread. */
void ProgressBegin(_In_z_ LPCWSTR What);
void ProgressEnd(void);

/* --- failure.c: what went wrong ------------------------------------------------------------------------------------- */

void FailureStart(BOOL Verbose); /* listens to the library's log; Verbose: shows it */
void SystemText(_In_ DWORD Error, _Out_writes_z_(Count) LPWSTR Text, _In_ DWORD Count); /* "Access is denied (5)" */
EXIT_CODE ExitCodeOf(_In_ DWORD Error);
/* After a failed call of the library: tells its message, or else What and the system's text for GetLastError(). */
EXIT_CODE FailLibrary(_In_z_ LPCWSTR Pattern, ...);
/* Tells What and the system's text for Error. */
EXIT_CODE FailSystem(_In_ DWORD Error, _In_z_ LPCWSTR Pattern, ...);
EXIT_CODE FailUsage(_In_z_ LPCWSTR Pattern, ...);
/* The library's message for its last failure in this thread, or the system's text for Error. */
void FailureText(_In_ DWORD Error, _Out_writes_z_(Count) LPWSTR Text, _In_ DWORD Count);

/* --- json.c: a value at a time; Key is NULL within an array; a whole value ends with a new line ----------------------- */

void JsonBegin(_In_opt_z_ LPCWSTR Key, _In_ WCHAR Bracket);      /* L'{' or L'[' */
void JsonEnd(_In_ WCHAR Bracket);                                /* L'}' or L']' */
void JsonText(_In_opt_z_ LPCWSTR Key, _In_opt_z_ LPCWSTR Value); /* NULL: null */
void JsonNumber(_In_opt_z_ LPCWSTR Key, _In_ ULONG64 Value);
void JsonReal(_In_opt_z_ LPCWSTR Key, _In_ double Value); /* three digits behind the point */
void JsonFlag(_In_opt_z_ LPCWSTR Key, _In_ BOOL Value);

/* --- stop.c: Ctrl-C, for commands that run until it comes -------------------------------------------------------------- */

/* From now on Ctrl-C sets an event (manual-reset), which is returned, and a second one ends the program. NULL: failed. */
HANDLE StopEvent(void);
BOOL StopWanted(void);

/* Two clocks. */

ULONG64 Microseconds(void); /* since some moment */
ULONG64 SystemTime(void);   /* 100 ns since 1601, UTC */

/* --- adapter.c: names, addresses --------------------------------------------------------------------------------------- */

#define GUID_TEXT 39 /* {8-4-4-4-12} with the ending 0 */
void GuidText(_In_ const GUID *Guid, _Out_writes_z_(GUID_TEXT) LPWSTR Text);
BOOL GuidRead(_In_z_ LPCWSTR Text, _Out_ GUID *Guid); /* with or without braces */

/* All adapters of this product, in *Adapters (free it with HeapFree); NULL where there are none. FALSE: the user has been
 * told, *Code says how to end. */
BOOL AdapterList(_Out_ PLAINTUN_ADAPTER_INFO **Adapters, _Out_ DWORD *Count, _Out_ EXIT_CODE *Code);

/* Opens an adapter, finds the GUID of one, by its name or GUID. NULL, FALSE: the user has been told, *Code says how to
 * end. */
PLAINTUN_ADAPTER_HANDLE AdapterOpen(_In_z_ LPCWSTR Name, _Out_ EXIT_CODE *Code);
BOOL AdapterFind(_In_z_ LPCWSTR Name, _Out_ GUID *Guid, _Out_ EXIT_CODE *Code);
LPCWSTR AdapterStateName(_In_ PLAINTUN_ADAPTER_STATE State); /* L"ready" */

/* Who and where an adapter is, as the first members of a JSON object that has begun. */
void AdapterJson(_In_ const PLAINTUN_ADAPTER_INFO *Adapter);

/* What one of Windows' device problem codes means, and what to do: library/cause.c, which is linked into the tool too. */
LPCWSTR ProblemText(_In_ ULONG Problem);
LPCWSTR AdapterProblem(_In_ const PLAINTUN_ADAPTER_INFO *Adapter); /* of a stopped one */

typedef struct _ADDRESS
{
    SOCKADDR_INET Address;
    UINT8 PrefixLength;
} ADDRESS;

BOOL AddressRead(_In_z_ LPCWSTR Text, _Out_ ADDRESS *Address); /* "10.6.7.1/24", "fd00:6:7::1/64" */
/* Gives the interface an address; one it has already is no error. */
DWORD AddressSet(_In_ const NET_LUID *Luid, _In_ const ADDRESS *Address);

/* The --address options of a command line, read before anything is made and set when there is an interface. FALSE: the
 * user has been told, *Code says how to end. */
typedef struct _ADDRESSES
{
    DWORD Count;
    ADDRESS List[GIVEN_MAX];
    LPCWSTR Texts[GIVEN_MAX];
} ADDRESSES;

BOOL AddressesRead(_In_ const ARGUMENTS *Arguments, _Out_ ADDRESSES *Addresses, _Out_ EXIT_CODE *Code);
BOOL AddressesSet(_In_ const ADDRESSES *Addresses, _In_ const NET_LUID *Luid, _Out_ EXIT_CODE *Code);

/* Creates an adapter from the command line's --guid, --mtu, --metric, --type, --access and --timeout, which
 * ADAPTER_OPTIONS lists. NULL: the user has been told, *Code says how to end. */
#define ADAPTER_OPTIONS                                                                                                \
    {L"--guid", L"GUID", L"the adapter's identity, the same on every run"},                                            \
        {L"--mtu", L"BYTES", L"1280 to 65535; otherwise 1500"},                                                        \
        {L"--metric", L"N", L"of the interface, IPv4 and IPv6 alike; otherwise Windows chooses"},                      \
        {L"--type", L"TEXT", L"part of the device's description"},                                                     \
        {L"--access", L"SDDL", L"who may open it; otherwise SYSTEM and Administrators"},                               \
        {L"--timeout", L"SECONDS", L"until it must work; otherwise 30, 60 where the driver must be installed first"}
PLAINTUN_ADAPTER_HANDLE AdapterCreate(_In_z_ LPCWSTR Name, _In_ const ARGUMENTS *Arguments, _In_ DWORD Flags,
                                      _Out_ EXIT_CODE *Code);

/* Receives up to Count packets, waiting for them until Stop is set or for TimeoutMs. 0 with ERROR_CANCELLED,
 * ERROR_TIMEOUT, or why the session is over. */
DWORD ReceiveOrStop(_In_ PLAINTUN_SESSION_HANDLE Session, _In_ HANDLE Stop,
                    _Out_writes_(Count) PLAINTUN_PACKET *Packets, _In_ DWORD Count, _In_ DWORD TimeoutMs);

/* --- install.c --- */

#define VERSION_TEXT 24
/* "1.2.3", or "none": of a version as PLAINTUN_DRIVER_INFO has it. */
void VersionText(_In_ ULONG64 Version, _Out_writes_z_(Count) LPWSTR Text, _In_ DWORD Count);

/* --- system.c ------------------------------------------------------------------------------------------------------------ */

typedef struct _SYSTEM_FACTS
{
    WCHAR Windows[160]; /* version, build and, where the system says them, its names */
    DWORD Build;
    LPCWSTR NativeMachine, ToolMachine; /* L"amd64" */
    DWORD Processors;
} SYSTEM_FACTS;

void SystemRead(_Out_ SYSTEM_FACTS *Facts);

/* --- packet.c: IP packets ------------------------------------------------------------------------------------------------ */

/* Turns an ICMP echo request of either IP version into its answer, in place. FALSE: it is none. */
BOOL PacketAnswerEcho(_Inout_updates_(Size) BYTE *Packet, _In_ DWORD Size);
/* Source address and, for an echo message, number of the packet, as text; for people. */
void PacketDescribe(_In_reads_(Size) const BYTE *Packet, _In_ DWORD Size, _Out_writes_z_(Count) LPWSTR Text,
                    _In_ DWORD Count);

#endif
