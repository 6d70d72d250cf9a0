/* SPDX-License-Identifier: MIT */
/*
 * sockets.exe: what Windows' pages say of datagram sockets, call by call and under load, for the host's way of them past
 * wineserver (host/wine/ws2_32). sockets.exe PART [ARGUMENTS]: prints "ok" or "FAIL" lines, then "N checks, N failed".
 * test_sockets.py runs the parts. Nothing here knows of plaintun.
 */
#include "host/wine/rio/rio.h"

#include <winsock2.h>
#include <windows.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_MS 30000 /* for what has to come */

static unsigned Checks, Failed;

static BOOL Check(BOOL Right, const char *Format, ...)
{
    DWORD Error = GetLastError();
    va_list Arguments;
    va_start(Arguments, Format);
    printf(Right ? "ok " : "FAIL ");
    vprintf(Format, Arguments);
    printf(" (error %lu)\n", Error);
    va_end(Arguments);
    fflush(stdout);
    Checks++;
    Failed += !Right;
    return Right;
}

static void Set(SOCKET Socket, int Level, int Option, DWORD Value)
{
    setsockopt(Socket, Level, Option, (const char *)&Value, sizeof(Value));
}

typedef union _ADDRESS
{
    struct sockaddr Any;
    SOCKADDR_IN Four;
    SOCKADDR_IN6 Six;
} ADDRESS;

static int LengthOf(int Family)
{
    return Family == AF_INET6 ? sizeof(SOCKADDR_IN6) : sizeof(SOCKADDR_IN);
}

static ADDRESS Loopback(int Family, USHORT Port)
{
    ADDRESS Address = {.Any = {.sa_family = (ADDRESS_FAMILY)Family}};
    Address.Four.sin_port = Port;
    if (Family == AF_INET6)
        Address.Six.sin6_addr.u.Byte[15] = 1;
    else
        Address.Four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return Address;
}

/* A socket at the loopback address; Port 0, in network order: any. What waits for ever fails the test. */
static SOCKET Bound(int Family, USHORT Port)
{
    SOCKET Socket = socket(Family, SOCK_DGRAM, IPPROTO_UDP);
    ADDRESS Address = Loopback(Family, Port);
    if (bind(Socket, &Address.Any, LengthOf(Family)))
    {
        int Error = WSAGetLastError();
        closesocket(Socket);
        WSASetLastError(Error);
        return INVALID_SOCKET;
    }
    Set(Socket, SOL_SOCKET, SO_RCVTIMEO, LONG_MS);
    return Socket;
}

static ADDRESS NameOf(SOCKET Socket)
{
    ADDRESS Address = {0};
    int Length = sizeof(Address);
    getsockname(Socket, &Address.Any, &Length);
    return Address;
}

static int SendTo(SOCKET From, SOCKET To, const char *Text)
{
    ADDRESS Address = NameOf(To);
    return sendto(From, Text, (int)strlen(Text), 0, &Address.Any, LengthOf(Address.Any.sa_family));
}

/* The next datagram's text; "" with the last error set: there was none. */
static const char *Next(SOCKET Socket)
{
    static char Text[64];
    int Length = recv(Socket, Text, sizeof(Text) - 1, 0);
    Text[Length > 0 ? Length : 0] = 0;
    return Text;
}

/* --- without wineserver ---------------------------------------------------------------------------------------------- */

/* Datagrams there and back by each call; the test looks at wineserver before and after. */
static void Quiet(int Count)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    ADDRESS NameA = NameOf(A), NameB = NameOf(B);
    connect(A, &NameB.Any, sizeof(NameB.Four));
    puts("begin");
    fflush(stdout);
    getchar();
    int Right = 0;
    for (int I = 0; I < Count; I++)
    {
        ADDRESS From = {0};
        int FromLength = sizeof(From);
        DWORD Bytes = 0, Flags = 0;
        char Data[64];
        WSABUF Buffer = {sizeof(I), (char *)&I}, Room = {sizeof(Data), Data};
        if (I & 1)
        {
            Right += send(A, (char *)&I, sizeof(I), 0) == sizeof(I) &&
                     recvfrom(B, Data, sizeof(Data), 0, &From.Any, &FromLength) == sizeof(I) &&
                     From.Four.sin_port == NameA.Four.sin_port &&
                     sendto(B, Data, sizeof(I), 0, &From.Any, FromLength) == sizeof(I) &&
                     recv(A, Data, sizeof(Data), 0) == sizeof(I) && !memcmp(Data, &I, sizeof(I));
            continue;
        }
        Right += !WSASend(A, &Buffer, 1, &Bytes, 0, NULL, NULL) && Bytes == sizeof(I) &&
                 !WSARecvFrom(B, &Room, 1, &Bytes, &Flags, &From.Any, &FromLength, NULL, NULL) && Bytes == sizeof(I) &&
                 !WSASendTo(B, &Buffer, 1, &Bytes, 0, &From.Any, FromLength, NULL, NULL) && Bytes == sizeof(I) &&
                 !WSARecv(A, &Room, 1, &Bytes, &Flags, NULL, NULL) && Bytes == sizeof(I) &&
                 !memcmp(Data, &I, sizeof(I));
    }
    Check(Right == Count, "%d of %d went there and back", Right, Count);
    puts("end");
    fflush(stdout);
    getchar();
}

/* The same by overlapped calls with a completion port that skips what succeeds at once; the first receive had to wait. */
static void QuietOverlapped(int Count)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    ADDRESS Name = NameOf(B);
    HANDLE Port = CreateIoCompletionPort((HANDLE)B, NULL, 0, 1);
    CreateIoCompletionPort((HANDLE)A, Port, 0, 1);
    SetFileCompletionNotificationModes((HANDLE)A, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE);
    SetFileCompletionNotificationModes((HANDLE)B, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE);
    WSAOVERLAPPED In = {0}, Out = {0}, *Posted = NULL;
    DWORD Bytes = 0, Flags = 0;
    ULONG_PTR Key = 0;
    char Data[64];
    WSABUF Room = {sizeof(Data), Data};
    Check(WSARecvFrom(B, &Room, 1, NULL, &Flags, NULL, NULL, &In, NULL) == SOCKET_ERROR &&
              WSAGetLastError() == WSA_IO_PENDING && SendTo(A, B, "one") == 3 &&
              GetQueuedCompletionStatus(Port, &Bytes, &Key, &Posted, LONG_MS) && Posted == &In && Bytes == 3,
          "one that waited");
    puts("begin");
    fflush(stdout);
    getchar();
    int Right = 0;
    for (int I = 0; I < Count; I++)
    {
        WSABUF Buffer = {sizeof(I), (char *)&I};
        In = Out = (WSAOVERLAPPED){.Internal = 1};
        Right += !WSASendTo(A, &Buffer, 1, NULL, 0, &Name.Any, sizeof(Name.Four), &Out, NULL) && !Out.Internal &&
                 Out.InternalHigh == sizeof(I) && !WSARecvFrom(B, &Room, 1, NULL, &Flags, NULL, NULL, &In, NULL) &&
                 !In.Internal && In.InternalHigh == sizeof(I) && !memcmp(Data, &I, sizeof(I));
    }
    Check(Right == Count, "%d of %d went", Right, Count);
    puts("end");
    fflush(stdout);
    getchar();
    Check(!GetQueuedCompletionStatus(Port, &Bytes, &Key, &Posted, 0) && GetLastError() == WAIT_TIMEOUT,
          "none was posted");
}

/* --- call by call ----------------------------------------------------------------------------------------------------- */

static void Addresses(int Family)
{
    SOCKET A = Bound(Family, 0), B = Bound(Family, 0);
    SendTo(A, B, "first");
    ADDRESS From;
    memset(&From, 0xee, sizeof(From));
    int FromLength = sizeof(From);
    char Text[16];
    int Length = recvfrom(B, Text, sizeof(Text), 0, &From.Any, &FromLength);
    ADDRESS Expected = NameOf(A);
    Check(Length == 5 && !memcmp(Text, "first", 5), "recvfrom, family %d", Family);
    Check(FromLength == LengthOf(Family) && !memcmp(&From, &Expected, (size_t)FromLength), "who sent it");
    Check(sendto(B, "back", 4, 0, &From.Any, FromLength) == 4 && !strcmp(Next(A), "back"), "the answer");

    SendTo(A, B, "second");
    FromLength = LengthOf(Family) - 1;
    Check(recvfrom(B, Text, sizeof(Text), 0, &From.Any, &FromLength) == SOCKET_ERROR && WSAGetLastError() == WSAEFAULT,
          "no room for the address: WSAEFAULT");
    closesocket(A);
    closesocket(B);
}

static void DualStack(void)
{
    SOCKET Six = socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP), Four = Bound(AF_INET, 0);
    Set(Six, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    Set(Six, SOL_SOCKET, SO_RCVTIMEO, LONG_MS);
    ADDRESS Any = {.Six = {.sin6_family = AF_INET6}};
    Check(!bind(Six, &Any.Any, sizeof(Any.Six)), "a dual-stack socket");
    ADDRESS To = Loopback(AF_INET, NameOf(Six).Six.sin6_port);
    sendto(Four, "mapped", 6, 0, &To.Any, sizeof(To.Four));
    ADDRESS From;
    int FromLength = sizeof(From);
    char Text[16];
    int Length = recvfrom(Six, Text, sizeof(Text), 0, &From.Any, &FromLength);
    static const BYTE Mapped[16] = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1};
    Check(Length == 6 && From.Six.sin6_family == AF_INET6 && !memcmp(&From.Six.sin6_addr, Mapped, sizeof(Mapped)),
          "IPv4's datagram has a mapped address");
    Check(sendto(Six, "back", 4, 0, &From.Any, FromLength) == 4 && !strcmp(Next(Four), "back"),
          "and so has the answer");
    closesocket(Six);
    closesocket(Four);
}

static void Sizes(void)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    SendTo(A, B, "0123456789");
    SendTo(A, B, "next");
    char Text[16] = "";
    Check(recv(B, Text, 4, MSG_PEEK) == SOCKET_ERROR && WSAGetLastError() == WSAEMSGSIZE, "a peek without room");
    Check(recv(B, Text, sizeof(Text), MSG_PEEK) == 10, "a peek takes nothing away");
    memset(Text, 'x', sizeof(Text));
    Check(recv(B, Text, 4, 0) == SOCKET_ERROR && WSAGetLastError() == WSAEMSGSIZE, "a datagram too long: WSAEMSGSIZE");
    Check(!memcmp(Text, "0123xx", 6), "its first part is there, and no more");
    Check(!strcmp(Next(B), "next"), "the rest of it is gone");

    SendTo(A, B, "0123456789");
    WSABUF Parts[] = {{4, Text}, {0, NULL}, {6, Text + 6}};
    DWORD Bytes = 0, Flags = 0;
    memset(Text, 'x', sizeof(Text));
    Check(!WSARecv(B, Parts, 3, &Bytes, &Flags, NULL, NULL) && Bytes == 10 && !memcmp(Text, "0123xx456789", 12),
          "into several buffers");
    ADDRESS To = NameOf(B);
    Check(!WSASendTo(A, Parts, 3, &Bytes, 0, &To.Any, sizeof(To.Four), NULL, NULL) && Bytes == 10 &&
              !strcmp(Next(B), "0123456789"),
          "from several buffers");
    Check(sendto(A, "", 0, 0, &To.Any, sizeof(To.Four)) == 0 && recv(B, Text, sizeof(Text), 0) == 0,
          "an empty datagram");
    static char Large[65508];
    Check(sendto(A, Large, sizeof(Large), 0, &To.Any, sizeof(To.Four)) == SOCKET_ERROR &&
              WSAGetLastError() == WSAEMSGSIZE,
          "larger than any datagram: WSAEMSGSIZE");
    To.Four.sin_addr.s_addr = INADDR_BROADCAST;
    Check(sendto(A, "all", 3, 0, &To.Any, sizeof(To.Four)) == SOCKET_ERROR && WSAGetLastError() == WSAEACCES,
          "a broadcast without SO_BROADCAST: WSAEACCES");
    closesocket(A);
    closesocket(B);
}

/* "VirtualProtect function", "GetWriteWatch function": memory that is no memory, or looks like it to Linux. */
static void Memory(void)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    ADDRESS To = NameOf(B);
    char *None = VirtualAlloc(NULL, 0x10000, MEM_RESERVE, PAGE_NOACCESS);
    SendTo(A, B, "one");
    Check(recv(B, None, 100, 0) == SOCKET_ERROR && WSAGetLastError() == WSAEFAULT,
          "received into no memory: WSAEFAULT");
    Check(sendto(A, None, 100, 0, &To.Any, sizeof(To.Four)) == SOCKET_ERROR && WSAGetLastError() == WSAEFAULT,
          "sent from no memory: WSAEFAULT");
    Check(!strcmp(Next(B), "one"), "the datagram is still there");

    char *Watched = VirtualAlloc(NULL, 0x10000, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
    ResetWriteWatch(Watched, 0x10000);
    SendTo(A, B, "two");
    int Length = recv(B, Watched + 0x2000, 100, 0);
    Check(Length == 3 && !memcmp(Watched + 0x2000, "two", 3), "received into memory that is watched");
    VOID *Pages[16] = {NULL};
    ULONG_PTR Count = ARRAYSIZE(Pages);
    ULONG Size;
    Check(!GetWriteWatch(0, Watched, 0x10000, Pages, &Count, &Size) && Count && Pages[0] == Watched + 0x2000,
          "the watch saw it");

    HANDLE Section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 0x10000, NULL);
    char *Copy = MapViewOfFile(Section, FILE_MAP_COPY, 0, 0, 0),
         *Original = MapViewOfFile(Section, FILE_MAP_READ, 0, 0, 0);
    SendTo(A, B, "three");
    Length = recv(B, Copy, 100, 0);
    Check(Length == 5 && !memcmp(Copy, "three", 5) && !Original[0], "received into memory that is copied when written");
    closesocket(A);
    closesocket(B);
}

static void Waits(void)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    Set(B, SOL_SOCKET, SO_RCVTIMEO, 300);
    ULONGLONG Begin = GetTickCount64();
    char Text[16];
    int Length = recv(B, Text, sizeof(Text), 0);
    Check(Length == SOCKET_ERROR && WSAGetLastError() == WSAETIMEDOUT, "nothing comes: WSAETIMEDOUT");
    Check(GetTickCount64() - Begin >= 280, "not before its time");
    u_long Yes = 1, No = 0;
    ioctlsocket(B, FIONBIO, &Yes);
    Check(recv(B, Text, sizeof(Text), 0) == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK,
          "non-blocking: WSAEWOULDBLOCK");
    SendTo(A, B, "there");
    Check(!strcmp(Next(B), "there"), "non-blocking, with a datagram");
    ioctlsocket(B, FIONBIO, &No);
    Check(recv(B, Text, sizeof(Text), 0) == SOCKET_ERROR && WSAGetLastError() == WSAETIMEDOUT, "blocking again");
    closesocket(A);
    closesocket(B);

    SOCKET Fresh = socket(AF_INET, SOCK_DGRAM, 0);
    Check(recv(Fresh, Text, sizeof(Text), 0) == SOCKET_ERROR && WSAGetLastError() == WSAEINVAL,
          "received without an address: WSAEINVAL");
    B = Bound(AF_INET, 0);
    Check(SendTo(Fresh, B, "hello") == 5 && !strcmp(Next(B), "hello"), "sending gives it one");
    Check(NameOf(Fresh).Four.sin_port != 0, "which it has");
    Check(SendTo(Fresh, B, "again") == 5 && !strcmp(Next(B), "again"), "and the next has the same");
    Check(!shutdown(Fresh, SD_SEND) || WSAGetLastError() == WSAENOTCONN, "shut down for sending");
    closesocket(Fresh);
    Check(recv(Fresh, Text, sizeof(Text), 0) == SOCKET_ERROR && WSAGetLastError() == WSAENOTSOCK,
          "closed: WSAENOTSOCK");
    closesocket(B);
}

/* "SOL_SOCKET Socket Options": as many bytes as were asked for wait until they are received. */
static void Buffers(void)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    Set(B, SOL_SOCKET, SO_RCVBUF, 8 << 20);
    DWORD Value = 0;
    int Length = sizeof(Value);
    Check(!getsockopt(B, SOL_SOCKET, SO_RCVBUF, (char *)&Value, &Length) && Value == 8 << 20, "SO_RCVBUF reads as set");
    ADDRESS To = NameOf(B);
    static char Data[1000];
    int Count = 4000, Came = 0;
    for (int I = 0; I < Count; I++)
        sendto(A, Data, sizeof(Data), 0, &To.Any, sizeof(To.Four));
    Set(B, SOL_SOCKET, SO_RCVTIMEO, 300);
    while (recv(B, Data, sizeof(Data), 0) == sizeof(Data))
        Came++;
    Check(Came == Count, "%d of %d datagrams fit in", Came, Count);
    closesocket(A);
    closesocket(B);
}

/* --- events, overlapped calls ------------------------------------------------------------------------------------------ */

static BOOL Readable(SOCKET Socket)
{
    fd_set Set;
    FD_ZERO(&Set);
    FD_SET(Socket, &Set);
    WSAPOLLFD Poll = {.fd = Socket, .events = POLLRDNORM};
    int Selected = select(0, &Set, NULL, NULL, &(struct timeval){0, 0});
    return Selected == 1 && WSAPoll(&Poll, 1, 0) == 1 && Poll.revents & POLLRDNORM;
}

/* "WSAEventSelect function": FD_READ comes again when a receive leaves something. Through is the handle that selects. */
static void Events(SOCKET A, SOCKET B, SOCKET Through, const char *What)
{
    HANDLE Event = CreateEventW(NULL, FALSE, FALSE, NULL);
    Check(!WSAEventSelect(Through, Event, FD_READ), "%s", What);
    for (int I = 0; I < 20; I++)
    {
        SendTo(A, B, "one");
        SendTo(A, B, "two");
        if (!Check(!WaitForSingleObject(Event, LONG_MS), "FD_READ for the first") ||
            !Check(!strcmp(Next(B), "one"), "it"))
            break;
        if (!Check(!WaitForSingleObject(Event, LONG_MS), "FD_READ for the second") ||
            !Check(!strcmp(Next(B), "two"), "it"))
            break;
        Check(!*Next(B) && WSAGetLastError() == WSAEWOULDBLOCK, "no third");
    }
    CloseHandle(Event);
}

static SOCKET Duplicate(SOCKET Socket, DWORD Options)
{
    HANDLE Handle = NULL;
    DuplicateHandle(GetCurrentProcess(), (HANDLE)Socket, GetCurrentProcess(), &Handle, 0, FALSE,
                    Options | DUPLICATE_SAME_ACCESS);
    return (SOCKET)Handle;
}

static void Beside(void)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    Check(!Readable(B), "select and WSAPoll: nothing");
    SendTo(A, B, "one");
    SendTo(A, B, "two");
    Check(Readable(B) && !strcmp(Next(B), "one") && Readable(B) && !strcmp(Next(B), "two") && !Readable(B),
          "select and WSAPoll between receives");
    Events(A, B, B, "WSAEventSelect");
    closesocket(B);
    B = Bound(AF_INET, 0);
    SendTo(A, B, "zero");
    Next(B);
    SOCKET Other = Duplicate(B, 0);
    Events(A, B, Other, "WSAEventSelect through another handle");
    closesocket(Other);
    closesocket(B);

    B = Bound(AF_INET, 0);
    ADDRESS Name = NameOf(B);
    connect(A, &Name.Any, sizeof(Name.Four));
    int Right = 0;
    for (int I = 0; I < 100; I++)
    {
        WSAOVERLAPPED Overlapped = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
        char Text[16] = "";
        DWORD Flags = 0;
        BOOL Waits = WSARecv(B, &(WSABUF){sizeof(Text), Text}, 1, NULL, &Flags, &Overlapped, NULL) == SOCKET_ERROR &&
                     WSAGetLastError() == WSA_IO_PENDING;
        send(A, "one", 3, 0);
        send(A, "two", 3, 0);
        BOOL Second = !strcmp(Next(B), "two");
        DWORD Bytes = 0;
        Right += Waits && Second && WSAGetOverlappedResult(B, &Overlapped, &Bytes, TRUE, &Flags) && Bytes == 3 &&
                 !memcmp(Text, "one", 3);
        CloseHandle(Overlapped.hEvent);
    }
    Check(Right == 100, "%d of 100 overlapped receives that wait are not overtaken", Right);
    closesocket(A);
    closesocket(B);
}

/* --- overlapped calls ---------------------------------------------------------------------------------------------------- */

/* From a connected socket: no other call comes between. */
static int Say(SOCKET From, const char *Text)
{
    return send(From, Text, (int)strlen(Text), 0);
}

static void Connect(SOCKET From, SOCKET To)
{
    ADDRESS Name = NameOf(To);
    connect(From, &Name.Any, LengthOf(Name.Any.sa_family));
}

/* Who hears of what becomes of a call. */
enum
{
    BY_EVENT, /* the event of the call */
    BY_PORT,
    BY_SKIPPING_PORT, /* FILE_SKIP_COMPLETION_PORT_ON_SUCCESS */
    WAYS
};

typedef struct _CALL
{
    WSAOVERLAPPED Overlapped;
    SOCKET Socket;
    char Text[16];
    ADDRESS From;
    INT FromLength;
    DWORD Bytes, Flags;
} CALL;

/* Begins to receive, into Room bytes: 0 or the error. */
static int Begin(CALL *Call, SOCKET Socket, HANDLE Event, DWORD Room)
{
    *Call = (CALL){
        .Overlapped.hEvent = Event, .Overlapped.Internal = 1, .Socket = Socket, .FromLength = sizeof(Call->From)};
    return WSARecvFrom(Socket, &(WSABUF){Room, Call->Text}, 1, &Call->Bytes, &Call->Flags, &Call->From.Any,
                       &Call->FromLength, &Call->Overlapped, NULL)
               ? WSAGetLastError()
               : 0;
}

/* What is in the port, without waiting; what a call of before has posted is there. */
static int Posted(HANDLE Port)
{
    int Count = 0;
    if (!Port)
        return 0;
    PostQueuedCompletionStatus(Port, 0, 77, NULL);
    for (;; Count++)
    {
        DWORD Bytes = 0;
        ULONG_PTR Key = 0;
        OVERLAPPED *Overlapped = NULL;
        GetQueuedCompletionStatus(Port, &Bytes, &Key, &Overlapped, LONG_MS);
        if (Key == 77 || (!Key && !Overlapped))
            return Count;
    }
}

/* The end of a call that waits, by which it is told: its error, and that it is told once. */
static int End(CALL *Call, HANDLE Port, DWORD *Bytes)
{
    ULONG_PTR Key = 0;
    OVERLAPPED *Which = &Call->Overlapped;
    *Bytes = 0;
    if (!Port)
        return WaitForSingleObject(Call->Overlapped.hEvent, LONG_MS)                        ? ERROR_TIMEOUT
               : GetOverlappedResult((HANDLE)Call->Socket, &Call->Overlapped, Bytes, FALSE) ? 0
                                                                                            : (int)GetLastError();
    int Error = GetQueuedCompletionStatus(Port, Bytes, &Key, &Which, LONG_MS) ? 0 : (int)GetLastError();
    return Which == &Call->Overlapped && Key == 5 ? Error : ERROR_INVALID_DATA;
}

/* What became of a datagram too long for its call: for comparison. */
typedef struct _TOO_LONG
{
    int Error, Posted, Signalled;
    ULONG_PTR Status, Bytes;
} TOO_LONG;

static int RoutineCalls;
static DWORD RoutineError, RoutineBytes;

static void CALLBACK Routine(DWORD Error, DWORD Bytes, WSAOVERLAPPED *Overlapped, DWORD Flags)
{
    RoutineCalls++;
    RoutineError = Error;
    RoutineBytes = Bytes;
}

/* "WSARecvFrom function", "WSASendTo function", "SetFileCompletionNotificationModes function", "CancelIoEx function". OfWine: a
 * socket whose calls all go Wine's way, for comparison. */
static TOO_LONG Overlapped(int Way, BOOL OfWine)
{
    static const char *Names[WAYS] = {"event", "port", "skipping port"};
    printf("%s, %s\n", Names[Way], OfWine ? "Wine's" : "ours");
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    Connect(A, B);
    WSAPROTOCOL_INFOW Info;
    if (OfWine)
        WSADuplicateSocketW(B, GetCurrentProcessId(), &Info);
    HANDLE Port = Way == BY_EVENT ? NULL : CreateIoCompletionPort((HANDLE)B, NULL, 5, 1);
    HANDLE Event = Way == BY_EVENT ? CreateEventW(NULL, TRUE, FALSE, NULL) : NULL;
    SetFileCompletionNotificationModes((HANDLE)B, Way == BY_SKIPPING_PORT ? FILE_SKIP_SET_EVENT_ON_HANDLE |
                                                                                FILE_SKIP_COMPLETION_PORT_ON_SUCCESS
                                                                          : FILE_SKIP_SET_EVENT_ON_HANDLE);
    int AtOnce = Way == BY_PORT; /* a call that succeeds at once is posted */
    CALL First = {0}, Second = {0};
    DWORD Bytes = 0;
    USHORT Sender = NameOf(A).Four.sin_port;

    for (int I = 0; I < 3; I++)
    {
        Say(A, "there");
        if (Event)
            SetEvent(Event);
        Check(!Begin(&First, B, Event, 16) && First.Bytes == 5 && !First.Overlapped.Internal &&
                  First.Overlapped.InternalHigh == 5 && !memcmp(First.Text, "there", 6) &&
                  First.From.Four.sin_port == Sender && First.FromLength == sizeof(First.From.Four),
              "a datagram is there");
        Check(Posted(Port) == AtOnce && (!Event || !WaitForSingleObject(Event, 0)), "so it is told");

        Check(Begin(&First, B, Event, 16) == WSA_IO_PENDING && (!Event || WaitForSingleObject(Event, 0)), "none is");
        Say(A, "one");
        Say(A, "two");
        Check(!strcmp(Next(B), "two"), "a later call has the second");
        Check(!End(&First, Port, &Bytes) && Bytes == 3 && !memcmp(First.Text, "one", 4) && !Posted(Port),
              "the first's end is told once");

        HANDLE Other = Event ? CreateEventW(NULL, TRUE, FALSE, NULL) : NULL;
        Check(Begin(&First, B, Event, 16) == WSA_IO_PENDING && Begin(&Second, B, Other, 16) == WSA_IO_PENDING,
              "two wait");
        Say(A, "1");
        Say(A, "two");
        Check(!End(&First, Port, &Bytes) && Bytes == 1 && First.Text[0] == '1' && !End(&Second, Port, &Bytes) &&
                  Bytes == 3 && !memcmp(Second.Text, "two", 4) && !Posted(Port),
              "they end in their order");
        if (Other)
            CloseHandle(Other);

        Check(Begin(&First, B, Event, 16) == WSA_IO_PENDING && CancelIoEx((HANDLE)B, &First.Overlapped) &&
                  End(&First, Port, &Bytes) == ERROR_OPERATION_ABORTED && !Posted(Port),
              "cancelled");
    }
    WSAOVERLAPPED *Given = VirtualAlloc(NULL, 0x1000, MEM_COMMIT, PAGE_READWRITE);
    DWORD Flags = 0;
    char Text[16] = "";
    Given->hEvent = Event;
    Check(WSARecv(B, &(WSABUF){sizeof(Text), Text}, 1, NULL, &Flags, Given, NULL) == SOCKET_ERROR &&
              WSAGetLastError() == WSA_IO_PENDING && Say(A, "gone") == 4,
          "a call in memory of its own");
    Check(Port ? GetQueuedCompletionStatus(Port, &Bytes, &(ULONG_PTR){0}, &(OVERLAPPED *){NULL}, LONG_MS)
               : !WaitForSingleObject(Event, LONG_MS),
          "it ends");
    VirtualFree(Given, 0, MEM_RELEASE);
    Say(A, "next");
    Check(!strcmp(Next(B), "next"), "its memory is gone");

    WSAOVERLAPPED Out = {.hEvent = Event, .Internal = 1};
    ADDRESS To = NameOf(A);
    Check(!WSASendTo(B, &(WSABUF){4, "sent"}, 1, NULL, 0, &To.Any, sizeof(To.Four), &Out, NULL) && !Out.Internal &&
              Out.InternalHigh == 4 && Posted(Port) == AtOnce && !strcmp(Next(A), "sent"),
          "sent");
    HANDLE Own = CreateEventW(NULL, TRUE, FALSE, NULL);
    Say(A, "there");
    Check(!Begin(&First, B, (HANDLE)((ULONG_PTR)Own | 1), 16) && !Posted(Port) && !WaitForSingleObject(Own, 0),
          "an event whose lowest bit keeps the port out");
    CloseHandle(Own);
    if (Way == BY_EVENT)
    {
        Say(A, "there");
        First = (CALL){0};
        int Result = WSARecv(B, &(WSABUF){16, First.Text}, 1, NULL, &First.Flags, &First.Overlapped, Routine);
        Check((!Result || WSAGetLastError() == WSA_IO_PENDING) && SleepEx(LONG_MS, TRUE) == WAIT_IO_COMPLETION &&
                  RoutineCalls == 1 && !RoutineError && RoutineBytes == 5 && SleepEx(0, TRUE) == 0,
              "a completion routine is called once");
        RoutineCalls = 0;
    }

    TOO_LONG Long = {0};
    Say(A, "0123456789");
    if (Event)
        ResetEvent(Event);
    Long.Error = Begin(&First, B, Event, 4);
    Long.Status = First.Overlapped.Internal;
    Long.Bytes = First.Overlapped.InternalHigh;
    Long.Signalled = Event && !WaitForSingleObject(Event, 0);
    Long.Posted = Posted(Port);
    Check(Long.Error == WSAEMSGSIZE && !memcmp(First.Text, "0123", 5),
          "too long: status %llx, %llu bytes, posted %d, told %d", (unsigned long long)Long.Status,
          (unsigned long long)Long.Bytes, Long.Posted, Long.Signalled);

    BOOL Right = TRUE;
    CALL Many[12];
    for (int I = 0; I < 12; I++)
        Right = Right && Begin(&Many[I], B, Event ? CreateEventW(NULL, TRUE, FALSE, NULL) : NULL, 16) == WSA_IO_PENDING;
    for (int I = 0; I < 12; I++)
        Say(A, &"0123456789ab"[I]);
    for (int I = 0; I < 12; I++)
    {
        Right =
            Right && !End(&Many[I], Port, &Bytes) && Bytes == (DWORD)(12 - I) && Many[I].Text[0] == "0123456789ab"[I];
        if (Event)
            CloseHandle(Many[I].Overlapped.hEvent);
    }
    Check(Right && !Posted(Port), "twelve wait, and end in their order");
    if (!OfWine) /* which has another handle */
    {
        Check(Begin(&First, B, Event, 16) == WSA_IO_PENDING && !closesocket(B), "closed while one waits");
        int Error = End(&First, Port, &Bytes);
        Check(Error && Error != WAIT_TIMEOUT && Error != ERROR_TIMEOUT && !Posted(Port), "it ends with error %d",
              Error);
    }
    closesocket(A);
    return Long;
}

/* What other handles of a socket do counts for it. */
static void OverlappedShared(void)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0), Other = Duplicate(B, 0);
    Connect(A, B);
    HANDLE Port = CreateIoCompletionPort((HANDLE)Other, NULL, 5, 1);
    SetFileCompletionNotificationModes((HANDLE)Other, FILE_SKIP_SET_EVENT_ON_HANDLE);
    Say(A, "there");
    CALL Call;
    Check(!Begin(&Call, B, NULL, 16) && Posted(Port) == 1, "a port given to another handle hears");
    Check(Begin(&Call, Other, NULL, 16) == WSA_IO_PENDING, "a call through another handle waits");
    Say(A, "one");
    Say(A, "two");
    DWORD Bytes;
    Check(!strcmp(Next(B), "two") && !End(&Call, Port, &Bytes) && !memcmp(Call.Text, "one", 4), "and is not overtaken");
    closesocket(Other);
    closesocket(B);
    closesocket(A);
}

/* --- the end of a handle --------------------------------------------------------------------------------------------- */

typedef struct _RECEIVER
{
    SOCKET Socket;
    HANDLE Begins;
} RECEIVER;

static DWORD WINAPI Receive(VOID *Context)
{
    const RECEIVER *Receiver = Context;
    SetEvent(Receiver->Begins);
    char Text[16];
    return recv(Receiver->Socket, Text, sizeof(Text), 0) >= 0 ? 0 : (DWORD)WSAGetLastError();
}

/* A receive begins or waits when its socket is closed, in one of three ways: it ends, and another socket, made before, can have
 * the port at once. */
static void Closing(int Rounds)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    ADDRESS Name = NameOf(B);
    RECEIVER Receiver = {.Begins = CreateEventW(NULL, FALSE, FALSE, NULL)};
    int Ends = 0, Binds = 0, Own = 0;
    for (int I = 0; I < Rounds; I++)
    {
        SOCKET Next = socket(AF_INET, SOCK_DGRAM, 0);
        Set(Next, SOL_SOCKET, SO_RCVTIMEO, LONG_MS);
        Receiver.Socket = B;
        HANDLE Thread = CreateThread(NULL, 0, Receive, &Receiver, 0, NULL);
        WaitForSingleObject(Receiver.Begins, LONG_MS);
        if (I % 4)
            Sleep((DWORD)(I % 4 - 1)); /* it begins, is in Linux, is in wineserver: as it comes */
        if (I % 3 == 0)
            closesocket(B);
        else if (I % 3 == 1)
            CloseHandle((HANDLE)B);
        else
            CloseHandle((HANDLE)Duplicate(B, DUPLICATE_CLOSE_SOURCE));
        Binds += !bind(Next, &Name.Any, sizeof(Name.Four));
        DWORD Code = 0;
        Ends +=
            !WaitForSingleObject(Thread, LONG_MS) && GetExitCodeThread(Thread, &Code) && Code && Code != WSAETIMEDOUT;
        CloseHandle(Thread);
        B = Next;
        SendTo(A, B, "new");
        char Text[16];
        Own += recv(B, Text, sizeof(Text), 0) == 3;
    }
    Check(Ends == Rounds, "%d of %d receives ended with an error", Ends, Rounds);
    Check(Binds == Rounds, "the port was free at once, %d of %d times", Binds, Rounds);
    Check(Own == Rounds, "the next socket had what was sent to it, %d of %d times", Own, Rounds);

    HANDLE Event = NULL;
    SOCKET Old = B;
    closesocket(B);
    for (int I = 0; I < 1000 && (SOCKET)Event != Old; I++)
        Event = CreateEventW(NULL, FALSE, FALSE, NULL);
    char Text[16];
    Check((SOCKET)Event == Old && recv(Old, Text, sizeof(Text), 0) == SOCKET_ERROR && WSAGetLastError() == WSAENOTSOCK,
          "the handle is an event's by now: WSAENOTSOCK");
    closesocket(A);
}

static void Duplicates(void)
{
    SOCKET A = Bound(AF_INET, 0), B = Bound(AF_INET, 0);
    USHORT Port = NameOf(B).Four.sin_port;
    SendTo(A, B, "one");
    SendTo(A, B, "two");
    SOCKET Other = Duplicate(B, 0);
    Check(!strcmp(Next(B), "one") && !strcmp(Next(Other), "two"), "two handles of a socket");
    CloseHandle((HANDLE)B);
    Check(Bound(AF_INET, Port) == INVALID_SOCKET && WSAGetLastError() == WSAEADDRINUSE,
          "the port is taken by the second");
    SendTo(A, Other, "three");
    Check(!strcmp(Next(Other), "three"), "which receives");
    CloseHandle((HANDLE)Other);
    Check((B = Bound(AF_INET, Port)) != INVALID_SOCKET, "free when both are closed");

    WSAPROTOCOL_INFOW Info;
    WSADuplicateSocketW(B, GetCurrentProcessId(), &Info);
    Other = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &Info, 0, WSA_FLAG_OVERLAPPED);
    SendTo(A, B, "one");
    SendTo(A, B, "two");
    Check(!strcmp(Next(Other), "one") && !strcmp(Next(B), "two"), "WSADuplicateSocket");
    closesocket(B);
    Check(Bound(AF_INET, Port) == INVALID_SOCKET, "the port is taken by the second");
    closesocket(Other);
    Check(Bound(AF_INET, Port) != INVALID_SOCKET, "free when both are closed");
}

/* --- children --------------------------------------------------------------------------------------------------------- */

static volatile LONG Stop;

static DWORD WINAPI Busy(VOID *Context)
{
    SOCKET *Sockets = Context;
    while (!Stop)
    {
        SendTo(Sockets[0], Sockets[1], "busy");
        Next(Sockets[1]);
    }
    return 0;
}

static PROCESS_INFORMATION StartChild(const WCHAR *Words, BOOL Inherit)
{
    WCHAR Self[MAX_PATH];
    GetModuleFileNameW(NULL, Self, MAX_PATH);
    WCHAR Line[MAX_PATH + 64];
    _snwprintf(Line, ARRAYSIZE(Line), L"\"%ls\" %ls", Self, Words);
    STARTUPINFOW Startup = {.cb = sizeof(Startup)};
    PROCESS_INFORMATION Child = {0};
    CreateProcessW(NULL, Line, NULL, NULL, Inherit, 0, NULL, NULL, &Startup, &Child);
    return Child;
}

/* A socket with the port of a process that has ended: Linux' ends a little later than Windows'. */
static SOCKET Again(USHORT Port)
{
    ULONGLONG End = GetTickCount64() + LONG_MS;
    SOCKET Socket;
    while ((Socket = Bound(AF_INET, Port)) == INVALID_SOCKET && GetTickCount64() < End)
        Sleep(10);
    return Socket;
}

static void Children(void)
{
    /* A child that lives on holds nothing of a busy socket that it was not given. */
    SOCKET Sockets[2] = {Bound(AF_INET, 0), Bound(AF_INET, 0)};
    USHORT Port = NameOf(Sockets[1]).Four.sin_port;
    HANDLE Thread = CreateThread(NULL, 0, Busy, Sockets, 0, NULL);
    HANDLE Go = CreateEventW(NULL, TRUE, FALSE, L"sockets-go");
    HANDLE Alive[5];
    for (int I = 0; I < 5; I++)
    {
        Alive[I] = StartChild(L"stay", FALSE).hProcess;
        Check(Alive[I] != NULL, "a child");
    }
    Stop = 1;
    WaitForSingleObject(Thread, LONG_MS);
    closesocket(Sockets[1]);
    Check((Sockets[1] = Bound(AF_INET, Port)) != INVALID_SOCKET, "children hold no port of their parent's");
    SOCKET Given = Bound(AF_INET, 0);
    USHORT GivenPort = NameOf(Given).Four.sin_port;
    SendTo(Sockets[0], Given, "not ours");
    HANDLE There = NULL;
    Check(DuplicateHandle(GetCurrentProcess(), (HANDLE)Given, Alive[0], &There, 0, FALSE,
                          DUPLICATE_CLOSE_SOURCE | DUPLICATE_SAME_ACCESS) &&
              !*Next(Given) && WSAGetLastError() == WSAENOTSOCK,
          "a socket is given away");
    Check(Bound(AF_INET, GivenPort) == INVALID_SOCKET, "the child has it");
    SetEvent(Go);
    Check(WaitForMultipleObjects(5, Alive, TRUE, LONG_MS) < WAIT_TIMEOUT, "they ended");
    Check(Again(GivenPort) != INVALID_SOCKET, "and with them what was given away");

    /* One that inherits it receives from it, and has it alone when the parent has closed it. */
    SetHandleInformation((HANDLE)Sockets[1], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    WCHAR Words[64];
    _snwprintf(Words, ARRAYSIZE(Words), L"receive %llu", (unsigned long long)Sockets[1]);
    HANDLE Child = StartChild(Words, TRUE).hProcess;
    closesocket(Sockets[1]);
    ADDRESS To = Loopback(AF_INET, Port);
    sendto(Sockets[0], "hello", 5, 0, &To.Any, sizeof(To.Four));
    DWORD Code = 0;
    Check(!WaitForSingleObject(Child, LONG_MS) && GetExitCodeProcess(Child, &Code) && Code == 5,
          "a child receives from the socket that it inherited");
    Check(Again(Port) != INVALID_SOCKET, "and the port is free");
}

/* --- load --------------------------------------------------------------------------------------------------------------- */

#define LOAD_THREADS 4
#define LOAD_WINDOW  64

static SOCKET LoadIn, LoadOut;
static LONG LoadCount;
static volatile LONG LoadSent, LoadTaken;
static BYTE *LoadSeen;

static DWORD WINAPI LoadSender(VOID *Context)
{
    ADDRESS To = NameOf(LoadIn);
    for (LONG Number; (Number = InterlockedIncrement(&LoadSent) - 1) < LoadCount;)
    {
        while (Number - LoadTaken >= LOAD_WINDOW)
            SwitchToThread();
        sendto(LoadOut, (char *)&Number, sizeof(Number), 0, &To.Any, sizeof(To.Four));
    }
    return 0;
}

/* By an overlapped call if there is an event. */
static BOOL LoadReceive(LONG *Number, HANDLE Event)
{
    if (!Event)
        return recv(LoadIn, (char *)Number, sizeof(*Number), 0) == sizeof(*Number);
    WSAOVERLAPPED Overlapped = {.hEvent = Event};
    DWORD Bytes = 0, Flags = 0;
    return (!WSARecv(LoadIn, &(WSABUF){sizeof(*Number), (char *)Number}, 1, NULL, &Flags, &Overlapped, NULL) ||
            WSAGetLastError() == WSA_IO_PENDING) &&
           WSAGetOverlappedResult(LoadIn, &Overlapped, &Bytes, TRUE, &Flags) && Bytes == sizeof(*Number);
}

static DWORD WINAPI LoadReceiver(VOID *Event)
{
    LONG Number;
    while (LoadReceive(&Number, Event) && Number >= 0)
    {
        LoadSeen[Number]++;
        InterlockedIncrement(&LoadTaken);
    }
    return 0;
}

/* Several threads send through one socket and receive from one: each datagram comes once. Mixed: every second of those that
 * receive does it by overlapped calls. */
static void Load(LONG Count, BOOL Mixed)
{
    LoadIn = Bound(AF_INET, 0), LoadOut = Bound(AF_INET, 0);
    LoadCount = Count;
    LoadSeen = calloc((size_t)Count, 1);
    HANDLE Senders[LOAD_THREADS], Receivers[LOAD_THREADS];
    for (int I = 0; I < LOAD_THREADS; I++)
    {
        Receivers[I] =
            CreateThread(NULL, 0, LoadReceiver, Mixed && I & 1 ? CreateEventW(NULL, TRUE, FALSE, NULL) : NULL, 0, NULL);
        Senders[I] = CreateThread(NULL, 0, LoadSender, NULL, 0, NULL);
    }
    Check(WaitForMultipleObjects(LOAD_THREADS, Senders, TRUE, 120000) < WAIT_TIMEOUT, "all is sent");
    ADDRESS To = NameOf(LoadIn);
    LONG End = -1;
    for (int I = 0; I < LOAD_THREADS; I++)
        sendto(LoadOut, (char *)&End, sizeof(End), 0, &To.Any, sizeof(To.Four));
    Check(WaitForMultipleObjects(LOAD_THREADS, Receivers, TRUE, 120000) < WAIT_TIMEOUT, "all have ended");
    LONG Right = 0;
    for (LONG I = 0; I < Count; I++)
        Right += LoadSeen[I] == 1;
    Check(Right == Count, "%ld of %ld came once", Right, Count);
}

/* --- registered I/O --------------------------------------------------------------------------------------------------- */

#define RIO_BYTES 2048 /* a slice: the address, then the data */
#define RIO_DATA  64   /* where the data begins */

static RIO_EXTENSION_FUNCTION_TABLE Rio;
static BYTE *RioMemory; /* 256 slices */
static RIO_BUFFERID RioBuffer;

/* The functions, and a registered buffer. */
static BOOL RioBegin(void)
{
    SOCKET Socket = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    DWORD Bytes = 0;
    GUID Other = RegisteredIoId;
    Other.Data1++;
    RIO_EXTENSION_FUNCTION_TABLE None;
    BOOL Right = Check(WSAIoctl(Socket, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, &Other, sizeof(Other), &None,
                                sizeof(None), &Bytes, NULL, NULL) == SOCKET_ERROR,
                       "another GUID has no functions") &&
                 Check(!WSAIoctl(Socket, SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER, (VOID *)&RegisteredIoId,
                                 sizeof(GUID), &Rio, sizeof(Rio), &Bytes, NULL, NULL) &&
                           Bytes == sizeof(Rio) && Rio.cbSize == sizeof(Rio),
                       "the functions");
    closesocket(Socket);
    RioMemory = VirtualAlloc(NULL, 256 * RIO_BYTES, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    RioBuffer = Right ? Rio.RIORegisterBuffer((CHAR *)RioMemory, 256 * RIO_BYTES) : RIO_INVALID_BUFFERID;
    return Right && Check(RioBuffer != RIO_INVALID_BUFFERID, "a buffer");
}

static SOCKET RioSocket(int Family)
{
    SOCKET Socket = WSASocketW(Family, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, WSA_FLAG_REGISTERED_IO);
    ADDRESS Address = Loopback(Family, 0);
    bind(Socket, &Address.Any, LengthOf(Family));
    Set(Socket, SOL_SOCKET, SO_RCVBUF, 1 << 20);
    return Socket;
}

static BOOL RioReceive(RIO_RQ Socket, ULONG Slice, ULONG Room, DWORD Flags)
{
    RIO_BUF Data = {RioBuffer, Slice * RIO_BYTES + RIO_DATA, Room},
            Remote = {RioBuffer, Slice * RIO_BYTES, sizeof(SOCKADDR_INET)};
    return Rio.RIOReceiveEx(Socket, &Data, 1, NULL, &Remote, NULL, NULL, Flags, (VOID *)(ULONG_PTR)Slice);
}

static BOOL RioSend(RIO_RQ Socket, ULONG Slice, const char *Text, SOCKET To, DWORD Flags)
{
    ADDRESS Name = NameOf(To);
    memcpy(RioMemory + Slice * RIO_BYTES, &Name, sizeof(Name));
    memcpy(RioMemory + Slice * RIO_BYTES + RIO_DATA, Text, strlen(Text));
    RIO_BUF Data = {RioBuffer, Slice * RIO_BYTES + RIO_DATA, (ULONG)strlen(Text)},
            Remote = {RioBuffer, Slice * RIO_BYTES, sizeof(SOCKADDR_INET)};
    return Rio.RIOSendEx(Socket, &Data, 1, NULL, &Remote, NULL, NULL, Flags, (VOID *)(ULONG_PTR)Slice);
}

/* Looks until something is there. */
static ULONG RioDequeue(RIO_CQ Queue, RIORESULT *Results, ULONG Room)
{
    for (ULONGLONG End = GetTickCount64() + LONG_MS; GetTickCount64() < End;)
    {
        ULONG Count = Rio.RIODequeueCompletion(Queue, Results, Room);
        if (Count)
            return Count;
    }
    return 0;
}

static BOOL RioIs(const RIORESULT *Result, ULONG Slice, LONG Status, const char *Text)
{
    return Result->RequestContext == Slice && Result->SocketContext == 9 && Result->Status == Status &&
           Result->BytesTransferred == strlen(Text) &&
           !memcmp(RioMemory + Slice * RIO_BYTES + RIO_DATA, Text, strlen(Text));
}

/* What the pages of the functions say, with events. */
static void RioCalls(int Family)
{
    SOCKET A = RioSocket(Family), B = RioSocket(Family);
    ADDRESS NameA = NameOf(A);
    HANDLE Event = CreateEventW(NULL, TRUE, TRUE, NULL);
    RIO_NOTIFICATION_COMPLETION Notification = {.Type = RIO_EVENT_COMPLETION, .Event = {Event, TRUE}};
    RIO_CQ In = Rio.RIOCreateCompletionQueue(4, &Notification), Out = Rio.RIOCreateCompletionQueue(4, NULL);
    RIO_RQ SocketA = Rio.RIOCreateRequestQueue(A, 1, 1, 3, 1, Out, Out, (VOID *)9);
    RIO_RQ SocketB = Rio.RIOCreateRequestQueue(B, 3, 1, 1, 1, In, In, (VOID *)9);
    Check(In && Out && SocketA && SocketB, "queues");
    RIORESULT Results[8] = {0};
    ADDRESS *From = (ADDRESS *)(VOID *)RioMemory;

    Check(!Rio.RIODequeueCompletion(In, Results, 8), "an empty queue");
    Check(RioReceive(SocketB, 0, 100, 0) && RioSend(SocketA, 100, "first", B, 0) && RioDequeue(In, Results, 8) == 1 &&
              RioIs(Results, 0, 0, "first") && From->Any.sa_family == Family &&
              From->Four.sin_port == NameA.Four.sin_port,
          "a datagram, and who sent it");
    Check(RioDequeue(Out, Results, 8) == 1 && RioIs(Results, 100, 0, "first"), "it is told that it was sent");

    Check(SendTo(A, B, "before") == 6 && RioReceive(SocketB, 1, 3, 0) && RioDequeue(In, Results, 8) == 1 &&
              RioIs(Results, 1, WSAEMSGSIZE, "bef"),
          "one too long, and there before");
    RIO_BUF Nowhere = {RioBuffer, 255 * RIO_BYTES, RIO_BYTES + 1}, Unknown = {RioBuffer + 1000, 0, 1};
    Check(!Rio.RIOReceive(SocketB, &Nowhere, 1, 0, NULL) && WSAGetLastError() == WSAEINVAL &&
              !Rio.RIOReceive(SocketB, &Unknown, 1, 0, NULL) && WSAGetLastError() == WSAEINVAL &&
              !Rio.RIOReceive(SocketB, (RIO_BUF *)8, 1, 0, NULL) && WSAGetLastError() == WSAEFAULT &&
              !Rio.RIOReceive(SocketB, NULL, 1, 0, NULL) && WSAGetLastError() == WSAEINVAL &&
              !Rio.RIOReceive(77777, NULL, 0, 0, NULL) && WSAGetLastError() == WSAEINVAL,
          "no such part, buffer, memory, count, socket");
    Check(RioReceive(SocketB, 0, 100, 0) && RioReceive(SocketB, 1, 100, 0) && RioReceive(SocketB, 2, 100, 0) &&
              !RioReceive(SocketB, 3, 100, 0) && WSAGetLastError() == WSAENOBUFS,
          "more than its maximum");
    SendTo(A, B, "1"), SendTo(A, B, "22"), SendTo(A, B, "333");
    Check(RioDequeue(In, Results, 1) == 1 && RioIs(Results, 0, 0, "1") && RioDequeue(In, Results, 8) == 2 &&
              RioIs(Results, 1, 0, "22") && RioIs(Results + 1, 2, 0, "333"),
          "in order, as many as there is room for");

    Check(RioSend(SocketA, 100, "a", B, RIO_MSG_DEFER) && RioSend(SocketA, 101, "bb", B, RIO_MSG_DEFER) &&
              !Rio.RIODequeueCompletion(Out, Results, 8),
          "deferred sends are not made");
    Check(Rio.RIOSend(SocketA, NULL, 0, RIO_MSG_COMMIT_ONLY, NULL) && RioDequeue(Out, Results, 8) == 2 &&
              RioIs(Results, 100, 0, "a") && RioIs(Results + 1, 101, 0, "bb"),
          "until they are committed");
    Check(!Rio.RIOSend(SocketA, NULL, 0, RIO_MSG_COMMIT_ONLY | RIO_MSG_DEFER, NULL) && WSAGetLastError() == WSAEINVAL,
          "commits take no other flag");
    char Text[8];
    Check(recv(B, Text, sizeof(Text), 0) == 1 && recv(B, Text, sizeof(Text), 0) == 2, "and came; recv takes them, too");

    Check(RioReceive(SocketB, 0, 100, 0) && !Rio.RIONotify(In) && WaitForSingleObject(Event, 0) == WAIT_TIMEOUT,
          "a notification resets its event");
    Check(Rio.RIONotify(In) == WSAEALREADY && Rio.RIONotify(Out) == WSAEINVAL && Rio.RIONotify(0) == WSAEINVAL,
          "twice, of a queue without, of none");
    SendTo(A, B, "x");
    Check(!WaitForSingleObject(Event, LONG_MS) && Rio.RIODequeueCompletion(In, Results, 8) == 1,
          "what comes later sets it");
    SendTo(A, B, "y");
    Check(RioReceive(SocketB, 0, 100, 0) && !Rio.RIONotify(In) && !WaitForSingleObject(Event, LONG_MS) &&
              Rio.RIODequeueCompletion(In, Results, 8) == 1,
          "and what is there already");
    Check(RioReceive(SocketB, 0, 100, RIO_MSG_DONT_NOTIFY) && RioReceive(SocketB, 1, 100, 0) && !Rio.RIONotify(In) &&
              SendTo(A, B, "x") == 1 && WaitForSingleObject(Event, 300) == WAIT_TIMEOUT && SendTo(A, B, "y") == 1 &&
              !WaitForSingleObject(Event, LONG_MS) && Rio.RIODequeueCompletion(In, Results, 8) == 2,
          "not for a request that is not to");

    Check(!Rio.RIOResizeRequestQueue(SocketB, 4, 1) && WSAGetLastError() == WSAENOBUFS, "no room for a larger one");
    Check(!Rio.RIOResizeCompletionQueue(In, 3) && WSAGetLastError() == WSAETOOMANYREFS &&
              RioReceive(SocketB, 0, 100, 0) && SendTo(A, B, "x") == 1 && Rio.RIOResizeCompletionQueue(In, 9) &&
              Rio.RIOResizeRequestQueue(SocketB, 8, 1) && RioDequeue(In, Results, 8) == 1 && RioIs(Results, 0, 0, "x"),
          "larger queues keep what they have");
    BOOL Right = TRUE;
    for (ULONG I = 0; I < 8; I++)
        Right &= RioReceive(SocketB, I, 100, 0);
    Check(Right && !Rio.RIOResizeRequestQueue(SocketB, 7, 1) && WSAGetLastError() == WSAETOOMANYREFS,
          "a smaller one than there are requests");

    RIO_CQ Third = Rio.RIOCreateCompletionQueue(1, NULL);
    SOCKET C = RioSocket(Family), Plain = socket(Family, SOCK_DGRAM, IPPROTO_UDP), Tcp = socket(Family, SOCK_STREAM, 0);
    Check(!Rio.RIOCreateRequestQueue(C, 1, 1, 1, 1, Third, Third, NULL) && WSAGetLastError() == WSAENOBUFS &&
              !Rio.RIOCreateRequestQueue(C, 1, 1, 1, 1, Third, 0, NULL) && WSAGetLastError() == WSAEINVAL &&
              !Rio.RIOCreateRequestQueue(C, 0, 1, 0, 1, Third, Third, NULL) && WSAGetLastError() == WSAEINVAL &&
              !Rio.RIOCreateRequestQueue(Plain, 1, 1, 0, 1, Third, Third, NULL) && WSAGetLastError() == WSAEOPNOTSUPP &&
              !Rio.RIOCreateRequestQueue(Tcp, 1, 1, 0, 1, Third, Third, NULL) && WSAGetLastError() == WSAEOPNOTSUPP &&
              !Rio.RIOCreateRequestQueue((SOCKET)0x7777770, 1, 1, 0, 1, Third, Third, NULL) &&
              WSAGetLastError() == WSAENOTSOCK,
          "no room, no queue, nothing, not made for it, TCP, no socket");
    Check(!Rio.RIOCreateCompletionQueue(0, NULL) && WSAGetLastError() == WSAEINVAL &&
              Rio.RIORegisterBuffer((CHAR *)RioMemory, 0) == RIO_INVALID_BUFFERID && WSAGetLastError() == WSAEINVAL &&
              Rio.RIORegisterBuffer((CHAR *)8, 8) == RIO_INVALID_BUFFERID && WSAGetLastError() == WSAEFAULT,
          "a queue of nothing, a buffer of nothing, no memory");

    /* B has receives under way and what is not dequeued. */
    USHORT Port = NameOf(B).Four.sin_port;
    SendTo(A, B, "left");
    Rio.RIONotify(In);
    WaitForSingleObject(Event, LONG_MS);
    closesocket(B);
    SOCKET Again = Bound(Family, Port);
    Check(Again != INVALID_SOCKET, "its port is free");
    Check(Rio.RIODequeueCompletion(In, Results, 8) == 1 && RioIs(Results, 0, 0, "left"), "what was complete is told");
    Check(!RioReceive(SocketB, 0, 100, 0) && WSAGetLastError() == WSAEINVAL, "its requests end with it");
    Rio.RIOCloseCompletionQueue(Out);
    Check(!RioSend(SocketA, 100, "x", Again, 0) && Rio.RIODequeueCompletion(Out, Results, 8) == RIO_CORRUPT_CQ,
          "a closed queue takes nothing");
    Rio.RIOCloseCompletionQueue(In);
    Rio.RIOCloseCompletionQueue(Third);
    Rio.RIOCloseCompletionQueue(0);
    closesocket(A), closesocket(Again), closesocket(C), closesocket(Plain), closesocket(Tcp);
}

/* What was sent while receives were posted is there, however late one looks. */
static void RioHolds(void)
{
    SOCKET A = RioSocket(AF_INET), B = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, WSA_FLAG_REGISTERED_IO);
    ADDRESS Address = Loopback(AF_INET, 0);
    bind(B, &Address.Any, sizeof(Address.Four));
    Address = NameOf(B);
    RIO_CQ Queue = Rio.RIOCreateCompletionQueue(256, NULL);
    RIO_RQ Socket = Rio.RIOCreateRequestQueue(B, 250, 1, 1, 1, Queue, Queue, (VOID *)9);
    static char Data[1400];
    int Sent = 0;
    for (ULONG I = 0; I < 250; I++)
        Sent += RioReceive(Socket, I, sizeof(Data), 0);
    for (int I = 0; I < 250; I++)
        Sent += sendto(A, Data, sizeof(Data), 0, &Address.Any, sizeof(Address.Four)) == sizeof(Data);
    ULONG Came = 0;
    RIORESULT Results[256];
    for (ULONG Count; Came < 250 && (Count = RioDequeue(Queue, Results, 256)) != 0;)
        Came += Count;
    Check(Sent == 500 && Came == 250, "of 250 datagrams for 250 receives %lu came", Came);
    closesocket(B);
    Rio.RIOCloseCompletionQueue(Queue);
    closesocket(A);
}

static RIO_CQ RioIn, RioOut;
static RIO_RQ RioFrom, RioTo;
static HANDLE RioPort;
static LONG RioCount;
static volatile LONG RioTaken;

/* Takes one datagram or more, as wireguard-go does: it looks a few times, then asks the port. FALSE: none came, or not the next. */
static BOOL RioTake(void)
{
    ULONG Count = 0;
    RIORESULT Results[16];
    for (int Look = 0; !Count && Look < 15; Look++)
        Count = Rio.RIODequeueCompletion(RioIn, Results, 16);
    if (!Count)
    {
        DWORD Bytes = 0;
        ULONG_PTR Key = 0;
        OVERLAPPED *Overlapped = NULL;
        if (Rio.RIONotify(RioIn) || !GetQueuedCompletionStatus(RioPort, &Bytes, &Key, &Overlapped, LONG_MS) || Key != 3)
            return FALSE;
        Count = Rio.RIODequeueCompletion(RioIn, Results, 16);
    }
    BOOL Right = Count != 0;
    for (ULONG I = 0; I < Count; I++)
    {
        ULONG Slice = (ULONG)Results[I].RequestContext;
        LONG Number = RioTaken + (LONG)I;
        Right &= !Results[I].Status && Results[I].BytesTransferred == sizeof(Number) &&
                 !memcmp(RioMemory + Slice * RIO_BYTES + RIO_DATA, &Number, sizeof(Number)) &&
                 RioReceive(RioTo, Slice, 100, 0);
    }
    InterlockedAdd(&RioTaken, (LONG)Count);
    return Right;
}

static DWORD WINAPI RioTaker(VOID *Context)
{
    while (RioTaken < RioCount && RioTake())
        ;
    return 0;
}

/* Datagrams from one socket to another, of which each comes, in order. With a thread for the receives 64 of them are under way,
 * else one. */
static void RioLoad(LONG Count, BOOL Threads)
{
    SOCKET A = RioSocket(AF_INET), B = RioSocket(AF_INET);
    ADDRESS Name = NameOf(B);
    static OVERLAPPED Overlapped;
    RioCount = Count;
    RioPort = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    RIO_NOTIFICATION_COMPLETION Notification = {.Type = RIO_IOCP_COMPLETION, .Iocp = {RioPort, (VOID *)3, &Overlapped}};
    RioIn = Rio.RIOCreateCompletionQueue(128, &Notification), RioOut = Rio.RIOCreateCompletionQueue(128, NULL);
    RioFrom = Rio.RIOCreateRequestQueue(A, 1, 1, 64, 1, RioOut, RioOut, NULL);
    RioTo = Rio.RIOCreateRequestQueue(B, 64, 1, 1, 1, RioIn, RioIn, NULL);
    for (ULONG I = 0; I < 64; I++)
        RioReceive(RioTo, I, 100, 0);
    puts("begin");
    fflush(stdout);
    if (!Threads)
        getchar();
    HANDLE Thread = Threads ? CreateThread(NULL, 0, RioTaker, NULL, 0, NULL) : NULL;
    LONG Sent = 0, Told = 0;
    for (; Sent < Count; Sent++)
    {
        ULONG Slice = 100 + (ULONG)(Sent % 64);
        BYTE *Memory = RioMemory + Slice * RIO_BYTES;
        memcpy(Memory, &Name, sizeof(Name));
        memcpy(Memory + RIO_DATA, &Sent, sizeof(Sent));
        RIO_BUF Data = {RioBuffer, Slice * RIO_BYTES + RIO_DATA, sizeof(Sent)},
                Remote = {RioBuffer, Slice * RIO_BYTES, sizeof(SOCKADDR_INET)};
        RIORESULT Result = {0};
        if (!Rio.RIOSendEx(RioFrom, &Data, 1, NULL, &Remote, NULL, NULL, 0, NULL))
            break;
        Told += RioDequeue(RioOut, &Result, 1) == 1 && !Result.Status;
        if (!Threads && !RioTake())
            break;
        for (ULONGLONG End = GetTickCount64() + LONG_MS; Sent - RioTaken >= 63 && GetTickCount64() < End;)
            Sleep(0);
    }
    Check(Sent == Count && Told == Count, "%ld were sent, %ld are told", Sent, Told);
    Check(!Threads || !WaitForSingleObject(Thread, LONG_MS), "the receiver has ended");
    Check(RioTaken == Count, "%ld of %ld came in order", RioTaken, Count);
    if (!Threads)
    {
        puts("end");
        fflush(stdout);
        getchar();
    }
    CloseHandle((HANDLE)B);
    Rio.RIOCloseCompletionQueue(RioIn);
    closesocket(A);
    Rio.RIOCloseCompletionQueue(RioOut);
    Rio.RIODeregisterBuffer(RioBuffer);
}

int wmain(int Count, WCHAR **Arguments)
{
    WSADATA Data;
    WSAStartup(MAKEWORD(2, 2), &Data);
    const WCHAR *Part = Count > 1 ? Arguments[1] : L"";
    if (!wcscmp(Part, L"quiet") && Count == 3)
        Quiet(_wtoi(Arguments[2]));
    else if (!wcscmp(Part, L"quiet-overlapped") && Count == 3)
        QuietOverlapped(_wtoi(Arguments[2]));
    else if (!wcscmp(Part, L"overlapped"))
    {
        for (int Way = 0; Way < WAYS; Way++)
        {
            TOO_LONG Ours = Overlapped(Way, FALSE), Wines = Overlapped(Way, TRUE);
            Check(!memcmp(&Ours, &Wines, sizeof(Ours)), "a datagram too long is told alike");
        }
        OverlappedShared();
    }
    else if (!wcscmp(Part, L"calls"))
    {
        Addresses(AF_INET);
        Addresses(AF_INET6);
        DualStack();
        Sizes();
        Memory();
        Waits();
        Buffers();
    }
    else if (!wcscmp(Part, L"beside"))
        Beside();
    else if (!wcscmp(Part, L"closing") && Count == 3)
    {
        Closing(_wtoi(Arguments[2]));
        Duplicates();
    }
    else if (!wcscmp(Part, L"children"))
        Children();
    else if (!wcscmp(Part, L"load") && Count == 3)
        Load(_wtoi(Arguments[2]), FALSE);
    else if (!wcscmp(Part, L"load-mixed") && Count == 3)
        Load(_wtoi(Arguments[2]), TRUE);
    else if (!wcscmp(Part, L"registered"))
    {
        if (RioBegin())
        {
            RioCalls(AF_INET);
            RioCalls(AF_INET6);
            RioHolds();
        }
    }
    else if (!wcscmp(Part, L"quiet-registered") && Count == 3)
    {
        if (RioBegin())
            RioLoad(_wtoi(Arguments[2]), FALSE);
    }
    else if (!wcscmp(Part, L"load-registered") && Count == 3)
    {
        if (RioBegin())
            RioLoad(_wtoi(Arguments[2]), TRUE);
    }
    else if (!wcscmp(Part, L"stay"))
        return (int)WaitForSingleObject(OpenEventW(SYNCHRONIZE, FALSE, L"sockets-go"), INFINITE);
    else if (!wcscmp(Part, L"receive") && Count == 3)
        return (int)strlen(Next((SOCKET)_wtoi64(Arguments[2])));
    else
    {
        fprintf(stderr, "sockets.exe: what is %ls?\n", Part);
        return 2;
    }
    printf("%u checks, %u failed\n", Checks, Failed);
    return Failed != 0;
}
