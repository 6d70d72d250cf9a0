/* SPDX-License-Identifier: MIT */
/*
 * ws2_32.dll, a front before Wine's: the calls named here have what Wine 8 to 10 lack of them, and hand on the rest. All that
 * is not named here or in data.c stays Wine's, and so does the whole file for 32-bit programs.
 *
 *   WSAIoctl     SIO_UDP_NETRESET, which today's Go sets on each UDP socket; registered I/O (host/wine/rio)
 *   setsockopt,  IP_UNICAST_IF and IPV6_UNICAST_IF, for TCP too; TCP_KEEPIDLE (3, as TCP_KEEPALIVE), TCP_KEEPCNT and
 *   getsockopt   TCP_KEEPINTVL
 *   setsockopt   SO_RCVBUF and SO_SNDBUF beyond Linux' limits
 *   listen       takes the interface off a socket that is to accept: IP_UNICAST_IF is about sending
 *   socket, WSASocket, WSADuplicateSocket, shutdown, ioctlsocket, WSAEventSelect, WSAAsyncSelect tell table.c which sockets data.c may serve
 *
 * A socket's Linux descriptor is asked of Wine for each call and closed after it. Any thread, no state.
 */
#include "host/wine/ws2_32/direct.h"
#include "host/wine/rio/rio.h"

#include <string.h>

/* "Winsock IOCTLs"; mingw-w64 lacks it. */
#define SIO_UDP_NETRESET _WSAIOW(IOC_VENDOR, 15)

/* "IPPROTO_IPV6 Socket Options", "IPPROTO_TCP Socket Options" */
#define OPTION_IPV6_UNICAST_IF 31
#define OPTION_TCP_KEEPIDLE    3
#define OPTION_TCP_KEEPCNT     16
#define OPTION_TCP_KEEPINTVL   17

#define LINUX_IPPROTO_IP       0
#define LINUX_IPPROTO_TCP      6
#define LINUX_IPPROTO_IPV6     41
#define LINUX_SO_SNDBUFFORCE   32
#define LINUX_SO_PROTOCOL      38
#define LINUX_SO_BINDTOIFINDEX 62
#define LINUX_IP_UNICAST_IF    50
#define LINUX_IPV6_UNICAST_IF  76
#define LINUX_TCP_KEEPIDLE     4
#define LINUX_TCP_KEEPINTVL    5
#define LINUX_TCP_KEEPCNT      6
#define LINUX_IPPROTO_UDP      17
#define LINUX_TCP_KEEP_MAX     32767 /* seconds */
#define LINUX_TCP_KEEPCNT_MAX  127
#define LINUX_ENODEV           19
#define LINUX_ENOPROTOOPT      92
#define LINUX_EADDRNOTAVAIL    99

FARPROC Wine(const char *Name)
{
    HMODULE Dll = GetModuleHandleW(L"ws2_32_wine.dll");
    if (!Dll)
        Dll = LoadLibraryW(L"ws2_32_wine.dll");
    return Dll ? GetProcAddress(Dll, Name) : NULL;
}

/* Between the host's order and the network's. */
static ULONG Swapped(ULONG Number)
{
    return __builtin_bswap32(Number);
}

int Fail(int Error)
{
    SetLastError((DWORD)Error); /* is WSASetLastError */
    return SOCKET_ERROR;
}

/* --- the socket behind a handle ------------------------------------------------------------------------------------- */

int OpenSocket(SOCKET Socket)
{
    typedef NTSTATUS(CDECL * TO_FD)(HANDLE, ACCESS_MASK, int *, unsigned *);
    TO_FD ToFd = (TO_FD)(VOID *)GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_server_handle_to_fd");
    int Fd;
    if (!ToFd || ToFd((HANDLE)Socket, 0, &Fd, NULL))
        return -1;
    return Fd;
}

int LinuxSet(int Fd, int Level, int Option, int Value)
{
    return (int)LinuxCall(LINUX_SETSOCKOPT, Fd, Level, Option, (long long)(intptr_t)&Value, sizeof(Value), 0);
}

int LinuxGet(int Fd, int Level, int Option, int *Value)
{
    int Length = sizeof(*Value);
    return (int)LinuxCall(LINUX_GETSOCKOPT, Fd, Level, Option, (long long)(intptr_t)Value, (long long)(intptr_t)&Length,
                          0);
}

/* The protocol of a socket; negative: not a socket. */
static int ProtocolOf(int Fd)
{
    int Protocol;
    int Error = Fd < 0 ? -1 : LinuxGet(Fd, LINUX_SOL_SOCKET, LINUX_SO_PROTOCOL, &Protocol);
    return Error < 0 ? -1 : Protocol;
}

static int ErrorOfLinux(int Error)
{
    switch (-Error)
    {
    case LINUX_ENODEV:
    case LINUX_EADDRNOTAVAIL:
        return WSAEADDRNOTAVAIL; /* no interface of that index */
    case LINUX_ENOPROTOOPT:
        return WSAENOPROTOOPT;
    }
    return WSAEINVAL;
}

/* --- options -------------------------------------------------------------------------------------------------------- */

/* The interface that a socket sends through; 0: as routes say. Linux' option of the same name does that for datagrams. It
 * knows none for TCP but one that binds both ways, which listen() takes off again. */
static int SetInterface(int Fd, int Protocol, int Level, ULONG Index)
{
    int Error = Level == IPPROTO_IP ? LinuxSet(Fd, LINUX_IPPROTO_IP, LINUX_IP_UNICAST_IF, (int)Swapped(Index))
                                    : LinuxSet(Fd, LINUX_IPPROTO_IPV6, LINUX_IPV6_UNICAST_IF, (int)Swapped(Index));
    if (Error >= 0 && Protocol == LINUX_IPPROTO_TCP)
        Error = LinuxSet(Fd, LINUX_SOL_SOCKET, LINUX_SO_BINDTOIFINDEX, (int)Index);
    return Error;
}

static int SetKeepAlive(int Fd, int Option, ULONG Value)
{
    ULONG Most =
        Option == OPTION_TCP_KEEPCNT ? LINUX_TCP_KEEPCNT_MAX : LINUX_TCP_KEEP_MAX; /* more is cut to what Linux takes */
    int LinuxOption = Option == OPTION_TCP_KEEPCNT    ? LINUX_TCP_KEEPCNT
                      : Option == OPTION_TCP_KEEPIDLE ? LINUX_TCP_KEEPIDLE
                                                      : LINUX_TCP_KEEPINTVL;
    return LinuxSet(Fd, LINUX_IPPROTO_TCP, LinuxOption, (int)(Value < Most ? Value : Most));
}

/* Linux cuts a socket's buffers to rmem_max and wmem_max, but not for root. The last error is Wine's. */
static void SetBuffer(SOCKET Socket, int Option, int Bytes)
{
    DWORD Error = GetLastError();
    int Fd = OpenSocket(Socket);
    if (Fd >= 0)
    {
        LinuxSet(Fd, LINUX_SOL_SOCKET, Option == SO_RCVBUF ? LINUX_SO_RCVBUFFORCE : LINUX_SO_SNDBUFFORCE, Bytes);
        LinuxClose(Fd);
    }
    SetLastError(Error);
}

static BOOL IsUnicastIf(int Level, int Option)
{
    return (Level == IPPROTO_IP && Option == IP_UNICAST_IF) ||
           (Level == IPPROTO_IPV6 && Option == OPTION_IPV6_UNICAST_IF);
}

static BOOL IsKeepAlive(int Level, int Option)
{
    return Level == IPPROTO_TCP &&
           (Option == OPTION_TCP_KEEPIDLE || Option == OPTION_TCP_KEEPCNT || Option == OPTION_TCP_KEEPINTVL);
}

/* "setsockopt function (winsock2.h)". IP_UNICAST_IF has its index in network order, IPV6_UNICAST_IF in the host's. */
int WSAAPI setsockopt(SOCKET Socket, int Level, int Option, const char *Value, int Length)
{
    if (!IsUnicastIf(Level, Option) && !IsKeepAlive(Level, Option))
    {
        int Result = WINE(setsockopt)(Socket, Level, Option, Value, Length);
        if (!Result && Level == SOL_SOCKET && (Option == SO_RCVBUF || Option == SO_SNDBUF))
            SetBuffer(Socket, Option, *(const UNALIGNED int *)Value);
        return Result;
    }
    int Fd = OpenSocket(Socket), Protocol = ProtocolOf(Fd), Error;
    if (Protocol < 0)
        Error = WSAENOTSOCK;
    else if (!Value || Length < (int)sizeof(DWORD))
        Error = WSAEFAULT;
    else
    {
        ULONG Number = *(const UNALIGNED ULONG *)Value;
        int Result = IsKeepAlive(Level, Option)
                         ? SetKeepAlive(Fd, Option, Number)
                         : SetInterface(Fd, Protocol, Level, Level == IPPROTO_IP ? Swapped(Number) : Number);
        Error = Result < 0 ? ErrorOfLinux(Result) : 0;
    }
    if (Fd >= 0)
        LinuxClose(Fd);
    return Error ? Fail(Error) : 0;
}

/* "getsockopt function (winsock2.h)" */
int WSAAPI getsockopt(SOCKET Socket, int Level, int Option, char *Value, int *Length)
{
    if (!IsUnicastIf(Level, Option) && !IsKeepAlive(Level, Option))
        return WINE(getsockopt)(Socket, Level, Option, Value, Length);
    int Fd = OpenSocket(Socket), Error = 0;
    if (ProtocolOf(Fd) < 0)
        Error = WSAENOTSOCK;
    else if (!Value || !Length || *Length < (int)sizeof(DWORD))
        Error = WSAEFAULT;
    else
    {
        int Number = 0;
        int Result = IsKeepAlive(Level, Option) ? LinuxGet(Fd, LINUX_IPPROTO_TCP,
                                                           Option == OPTION_TCP_KEEPCNT    ? LINUX_TCP_KEEPCNT
                                                           : Option == OPTION_TCP_KEEPIDLE ? LINUX_TCP_KEEPIDLE
                                                                                           : LINUX_TCP_KEEPINTVL,
                                                           &Number)
                     : Level == IPPROTO_IP      ? LinuxGet(Fd, LINUX_IPPROTO_IP, LINUX_IP_UNICAST_IF, &Number)
                                                : LinuxGet(Fd, LINUX_IPPROTO_IPV6, LINUX_IPV6_UNICAST_IF, &Number);
        if (Result < 0)
            Error = ErrorOfLinux(Result);
        else
        {
            *(UNALIGNED ULONG *)Value = Level == IPPROTO_IPV6 ? Swapped((ULONG)Number) : (ULONG)Number;
            *Length = sizeof(DWORD);
        }
    }
    if (Fd >= 0)
        LinuxClose(Fd);
    return Error ? Fail(Error) : 0;
}

/* "listen function (winsock2.h)" */
int WSAAPI listen(SOCKET Socket, int Backlog)
{
    int Fd = OpenSocket(Socket), Index;
    if (ProtocolOf(Fd) == LINUX_IPPROTO_TCP && LinuxGet(Fd, LINUX_SOL_SOCKET, LINUX_SO_BINDTOIFINDEX, &Index) >= 0 &&
        Index)
        LinuxSet(Fd, LINUX_SOL_SOCKET, LINUX_SO_BINDTOIFINDEX, 0);
    if (Fd >= 0)
        LinuxClose(Fd);
    return WINE(listen)(Socket, Backlog);
}

/* "WSAIoctl function (winsock2.h)". SIO_UDP_NETRESET says whether a receive fails where an earlier datagram's time to live
 * ran out or its network was not reached. Linux tells that to no UDP socket that has not asked, so either value is what
 * there is already. Wine's answer to SIO_UDP_CONNRESET, which it takes and leaves at that, is ours: with its completion. */
int WSAAPI WSAIoctl(SOCKET Socket, DWORD Code, VOID *In, DWORD InLength, VOID *Out, DWORD OutLength, DWORD *Returned,
                    WSAOVERLAPPED *Overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE Routine)
{
    if (Code == SIO_UDP_NETRESET)
    {
        int Fd = OpenSocket(Socket), Protocol = ProtocolOf(Fd);
        if (Fd >= 0)
            LinuxClose(Fd);
        if (Protocol < 0)
            return Fail(WSAENOTSOCK);
        if (Protocol != LINUX_IPPROTO_UDP)
            return Fail(WSAEOPNOTSUPP);
        if (!In || InLength < sizeof(BOOL))
            return Fail(WSAEFAULT);
        Code = SIO_UDP_CONNRESET;
    }
    if (Code == SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER && In && InLength >= sizeof(GUID) &&
        !memcmp(In, &RegisteredIoId, sizeof(GUID)))
    {
        if (!Out || OutLength < sizeof(RegisteredIo) || !Returned)
            return Fail(WSAEFAULT);
        memcpy(Out, &RegisteredIo, sizeof(RegisteredIo));
        *Returned = sizeof(RegisteredIo);
        return 0;
    }
    if (Code == (DWORD)FIONBIO)
        Mark(Socket, SOCKET_NO_WAIT);
    return WINE(WSAIoctl)(Socket, Code, In, InLength, Out, OutLength, Returned, Overlapped, Routine);
}

/* --- what data.c has to know of a socket ---------------------------------------------------------------------------- */

/* "socket function (winsock2.h)" */
SOCKET WSAAPI socket(int Family, int Type, int Protocol)
{
    SOCKET Socket = WINE(socket)(Family, Type, Protocol);
    if (Socket != INVALID_SOCKET)
        Learn(Socket);
    return Socket;
}

/* Wine does not know registered I/O. Its sockets are overlapped ones, too ("Winsock Registered I/O"). */
static DWORD OfWine(DWORD Flags)
{
    return Flags & WSA_FLAG_REGISTERED_IO ? (Flags & ~(DWORD)WSA_FLAG_REGISTERED_IO) | WSA_FLAG_OVERLAPPED : Flags;
}

static void LearnFor(SOCKET Socket, DWORD Flags)
{
    Learn(Socket);
    if (Flags & WSA_FLAG_REGISTERED_IO)
        Mark(Socket, SOCKET_REGISTERED);
}

/* "WSASocketW function (winsock2.h)". One that comes of another process' or another handle's is not ours alone. */
SOCKET WSAAPI WSASocketW(int Family, int Type, int Protocol, WSAPROTOCOL_INFOW *Info, GROUP Group, DWORD Flags)
{
    SOCKET Socket = WINE(WSASocketW)(Family, Type, Protocol, Info, Group, OfWine(Flags));
    if (Socket != INVALID_SOCKET && !Info)
        LearnFor(Socket, Flags);
    return Socket;
}

SOCKET WSAAPI WSASocketA(int Family, int Type, int Protocol, WSAPROTOCOL_INFOA *Info, GROUP Group, DWORD Flags)
{
    SOCKET Socket = WINE(WSASocketA)(Family, Type, Protocol, Info, Group, OfWine(Flags));
    if (Socket != INVALID_SOCKET && !Info)
        LearnFor(Socket, Flags);
    return Socket;
}

/* "WSADuplicateSocketW function (winsock2.h)". What the other process does with it is not seen here. */
int WSAAPI WSADuplicateSocketW(SOCKET Socket, DWORD Process, WSAPROTOCOL_INFOW *Info)
{
    Mark(Socket, SOCKET_WINE);
    return WINE(WSADuplicateSocketW)(Socket, Process, Info);
}

int WSAAPI WSADuplicateSocketA(SOCKET Socket, DWORD Process, WSAPROTOCOL_INFOA *Info)
{
    Mark(Socket, SOCKET_WINE);
    return WINE(WSADuplicateSocketA)(Socket, Process, Info);
}

/* "shutdown function (winsock2.h)" */
int WSAAPI shutdown(SOCKET Socket, int How)
{
    Mark(Socket, SOCKET_WINE);
    return WINE(shutdown)(Socket, How);
}

/* "ioctlsocket function (winsock2.h)" */
int WSAAPI ioctlsocket(SOCKET Socket, long Command, u_long *Value)
{
    if ((DWORD)Command == (DWORD)FIONBIO)
        Mark(Socket, SOCKET_NO_WAIT);
    return WINE(ioctlsocket)(Socket, Command, Value);
}

/* "WSAEventSelect function (winsock2.h)" */
int WSAAPI WSAEventSelect(SOCKET Socket, WSAEVENT Event, long Events)
{
    Mark(Socket, SOCKET_WINE);
    return WINE(WSAEventSelect)(Socket, Event, Events);
}

/* "WSAAsyncSelect function (winsock2.h)" */
int WSAAPI WSAAsyncSelect(SOCKET Socket, HWND Window, u_int Message, long Events)
{
    Mark(Socket, SOCKET_WINE);
    return WINE(WSAAsyncSelect)(Socket, Window, Message, Events);
}

BOOL WINAPI DllMain(HINSTANCE Instance, DWORD Reason, VOID *Reserved)
{
    HMODULE Pinned;
    /* ntdll.dll leads here from now on, so this DLL stays. */
    if (Reason == DLL_PROCESS_ATTACH &&
        GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                           (const WCHAR *)Instance, &Pinned))
        PrepareTable();
    return TRUE;
}
