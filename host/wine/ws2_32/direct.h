/* SPDX-License-Identifier: MIT */
/*
 * UDP sockets that Windows programs' calls reach without wineserver: which handles they are (table.c), and the calls
 * (data.c). ws2_32.c has what both need of Wine.
 */
#ifndef HOST_WINE_WS2_32_DIRECT_H
#define HOST_WINE_WS2_32_DIRECT_H

#define WINSOCK_API_LINKAGE /* we are the DLL: its functions are not imported */
#include <winsock2.h>
#include <mswsock.h>
#include <ws2ipdef.h>
#include <windows.h>

#include "host/linux/syscall.h"

#define LINUX_SOL_SOCKET     1
#define LINUX_SO_RCVBUFFORCE 33
#define LINUX_MSG_TRUNC      0x20
#define LINUX_MSG_DONTWAIT   0x40
#define LINUX_MSG_NOSIGNAL   0x4000
#define LINUX_POLLOUT        4

typedef struct _LINUX_ADDRESS
{
    uint16_t Family; /* the rest is as in Windows' */
    BYTE Rest[26];
} LINUX_ADDRESS;

typedef struct _LINUX_MESSAGE
{
    LINUX_ADDRESS *Name;
    uint32_t NameLength;
    LINUX_IOVEC *Buffers;
    uint64_t Count;
    void *Control;
    uint64_t ControlLength;
    int32_t Flags;
} LINUX_MESSAGE;

C_ASSERT(sizeof(LINUX_MESSAGE) == 56 && sizeof(LINUX_ADDRESS) == sizeof(SOCKADDR_IN6));

/* --- ws2_32.c --- */

/* Wine's own function; its DLL comes with the first that is handed on. NULL: Wine's DLL cannot be loaded. */
FARPROC Wine(const char *Name);
#define WINE(Function) ((__typeof__(&Function))(VOID *)Wine(#Function))

int Fail(int Error);

/* The Linux descriptor of a socket, to be closed by LinuxClose; negative: it is none. Not to be had for long: a process that
 * is started meanwhile inherits it. */
int OpenSocket(SOCKET Socket);

int LinuxGet(int Fd, int Level, int Option, int *Value);
int LinuxSet(int Fd, int Level, int Option, int Value);

/* --- table.c --- */

#define SOCKET_BOUND      1   /* has a local address */
#define SOCKET_NO_WAIT    2   /* a call may have made it non-blocking */
#define SOCKET_WINE       4   /* wineserver has to see each call */
#define SOCKET_SHARED     8   /* other handles may be the same socket's */
#define SOCKET_PORT       16  /* a completion port hears what becomes of its calls */
#define SOCKET_SKIP       32  /* but not of those that succeed at once */
#define SOCKET_QUIET      64  /* which do not signal the handle either */
#define SOCKET_REGISTERED 128 /* made for registered I/O */

#define PENDING_MAX 8

/* Overlapped calls that Wine was given: while one of them waits, a later call must not go past it. */
typedef struct _PENDING
{
    SRWLOCK Lock;
    volatile LONG Count; /* 0 without the lock, too: none waits */
    WSAOVERLAPPED *Calls[PENDING_MAX];
} PENDING;

typedef struct _DIRECT
{
    volatile LONG State; /* 0: free; else its users, and LIVE until the handle is closed */
    volatile LONG Marks; /* SOCKET_... */
    int Fd;              /* ours alone */
    int Family;          /* Windows' */
    ULONGLONG Inode;     /* the socket's: other handles of it have the same */
    ULONG_PTR Rio;       /* its request queue; 0: none. Guarded in rio.c */
    PENDING Receives, Sends;
} DIRECT;

/* Once, before any other thread calls. Without success no socket is learned, and all calls are Wine's. */
void PrepareTable(void);

/* A socket that a call of ours has just made. */
void Learn(SOCKET Socket);

/* Marks a socket, by whichever of its handles in this process. */
void Mark(SOCKET Socket, LONG Set);

/* The socket if it may be called directly, until Leave; NULL: Wine's way. */
DIRECT *Enter(SOCKET Socket);

/* A socket has a local address: nobody but wineserver gives it one, so wineserver knows. */
BOOL HasAddress(DIRECT *Direct);

/* FALSE: its handle has been closed meanwhile. */
BOOL Leave(DIRECT *Direct);

/* --- data.c --- */

int AddressLength(const DIRECT *Direct);

/* An address of Windows' in Linux' form; FALSE: not of the socket's family, or without a port. May fault. */
BOOL LinuxAddress(LINUX_ADDRESS *Address, const struct sockaddr *Windows, const DIRECT *Direct);

/* The memory is there, and Linux can write to it. */
BOOL Reachable(VOID *Data, uint64_t Length);

/* --- rio.c --- */

/* A socket ends: with it its request queue. */
void CloseRequestQueue(DIRECT *Direct);

/* --- pending.c --- */

void Empty(PENDING *Pending);

/* A call waits in Wine that is to be served first. */
BOOL IsPending(PENDING *Pending);

/* Before Wine gets an overlapped call, and after; Sends or Receives. From NULL on, all calls of the socket are Wine's. */
PENDING *Expect(SOCKET Socket, WSAOVERLAPPED *Overlapped, BOOL Sends);
int Expected(PENDING *Pending, WSAOVERLAPPED *Overlapped, int Result);

#endif
