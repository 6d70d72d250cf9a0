/* SPDX-License-Identifier: MIT */
/*
 * Which handles are UDP sockets that this DLL made, and a Linux descriptor of our own for each: Wine's is not to be had
 * without a duplicate for each call, which children would inherit.
 *
 * A handle's value is used again as soon as it is closed, by whichever call. So the two calls of ntdll.dll that close one are
 * stood before (hostnt.dll): a descriptor is closed before its handle is, and with it the socket, as its owner expects. Where
 * they cannot be, no handle is remembered. Not seen is a handle that another process closes (DUPLICATE_CLOSE_SOURCE), which
 * "WSADuplicateSocketW function" forbids; what is remembered of it ends when its value is made anew here.
 *
 * A handle that came otherwise (inherited, duplicated) is not in the table, and its calls are Wine's. Marks go to all of a
 * socket's handles in this process, found by its inode. A third call of ntdll.dll tells which sockets have completion ports.
 *
 * Any thread. Nothing waits but a close for calls that are within a socket, which takes 2 ms at most.
 */
#include "host/wine/ws2_32/direct.h"

#include <winternl.h>

#define SLOTS 16384 /* handles are multiples of 4; what is above is Wine's */
#define LIVE  0x40000000

#define LINUX_FSTAT           5
#define LINUX_NANOSLEEP       35
#define LINUX_GETSOCKNAME     51
#define LINUX_FCNTL           72
#define LINUX_DUP3            292
#define LINUX_F_DUPFD_CLOEXEC 1030
#define LINUX_SO_TYPE         3
#define LINUX_SO_PROTOCOL     38
#define LINUX_SO_DOMAIN       39
#define LINUX_SOCK_DGRAM      2
#define LINUX_AF_INET         2
#define LINUX_AF_INET6        10

/* FILE_INFORMATION_CLASS */
#define FILE_COMPLETION_INFORMATION_CLASS         30
#define FILE_IO_COMPLETION_NOTIFICATION_CLASS     41
#define FILE_REPLACE_COMPLETION_INFORMATION_CLASS 61

#define CLOSE_WAITS   100 /* of 1 ms: a thread that was ended or suspended within a call is not waited for any longer */
#define CLOSE_WAIT_NS 1000000

typedef struct _LINUX_STAT
{
    uint64_t Device, Inode, Rest[16];
} LINUX_STAT;

static DIRECT Table[SLOTS];
static volatile LONG Highest; /* no slot above it was ever used */
static volatile LONG Shared;  /* a socket of the table has been duplicated */
static BOOL Prepared;

static NTSTATUS(NTAPI *Close)(HANDLE);
static NTSTATUS(NTAPI *SetInformation)(HANDLE, IO_STATUS_BLOCK *, VOID *, ULONG, ULONG);
static NTSTATUS(NTAPI *Duplicate)(HANDLE, HANDLE, HANDLE, HANDLE *, ACCESS_MASK, ULONG, ULONG);

static DIRECT *SlotOf(SOCKET Socket)
{
    return !(Socket & 3) && Socket / 4 < SLOTS ? &Table[Socket / 4] : NULL;
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

static void Forget(HANDLE Handle)
{
    DIRECT *Direct = SlotOf((SOCKET)Handle);
    if (!Direct || !(Direct->State & LIVE) || !(InterlockedAnd(&Direct->State, ~LIVE) & LIVE))
        return;
    for (int Waits = 0; Direct->State && Waits < CLOSE_WAITS; Waits++)
        LinuxCall3(LINUX_NANOSLEEP, &((LINUX_TIMESPEC){0, CLOSE_WAIT_NS}), 0, 0);
    if (Direct->Rio)
        CloseRequestQueue(Direct);
    if (!Direct->State)
    {
        LinuxClose(Direct->Fd);
        return;
    }
    /* The slot stays taken, and its descriptor becomes one that is no socket. */
    int Null = LinuxOpen("/dev/null", LINUX_O_RDONLY | LINUX_O_CLOEXEC, 0);
    LinuxCall3(LINUX_DUP3, Null, Direct->Fd, LINUX_O_CLOEXEC);
    LinuxClose(Null);
}

static NTSTATUS NTAPI OnClose(HANDLE Handle)
{
    Forget(Handle);
    return Close(Handle);
}

static NTSTATUS NTAPI OnDuplicate(HANDLE FromProcess, HANDLE From, HANDLE ToProcess, HANDLE *To, ACCESS_MASK Access,
                                  ULONG Attributes, ULONG Options)
{
    if (Options & DUPLICATE_CLOSE_SOURCE)
        Forget(From); /* of whichever process: at worst a socket of ours becomes slow */
    DIRECT *Direct = SlotOf((SOCKET)From);
    if (Direct && Direct->State & LIVE)
    {
        InterlockedOr(&Direct->Marks, SOCKET_SHARED);
        InterlockedExchange(&Shared, TRUE);
    }
    return Duplicate(FromProcess, From, ToProcess, To, Access, Attributes, Options);
}

/* "CreateIoCompletionPort function", "SetFileCompletionNotificationModes function": neither is taken back but by closing. */
static NTSTATUS NTAPI OnSetInformation(HANDLE Handle, IO_STATUS_BLOCK *Block, VOID *Data, ULONG Length, ULONG Class)
{
    NTSTATUS Status = SetInformation(Handle, Block, Data, Length, Class);
    if (Status < 0)
        return Status;
    if (Class == FILE_COMPLETION_INFORMATION_CLASS || Class == FILE_REPLACE_COMPLETION_INFORMATION_CLASS)
        Mark((SOCKET)Handle, SOCKET_PORT);
    else if (Class == FILE_IO_COMPLETION_NOTIFICATION_CLASS)
    {
        ULONG Modes = *(const ULONG *)Data;
        Mark((SOCKET)Handle, (Modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS ? SOCKET_SKIP : 0) |
                                 (Modes & FILE_SKIP_SET_EVENT_ON_HANDLE ? SOCKET_QUIET : 0));
    }
    return Status;
}

__declspec(dllimport) BOOL HostNtStandBefore(const char *Name, VOID *Ours, VOID **Call);

void PrepareTable(void)
{
    Prepared = HostNtStandBefore("NtClose", OnClose, (VOID **)&Close) &&
               HostNtStandBefore("NtDuplicateObject", OnDuplicate, (VOID **)&Duplicate) &&
               HostNtStandBefore("NtSetInformationFile", OnSetInformation, (VOID **)&SetInformation);
}

/* --- the beginning ------------------------------------------------------------------------------------------------- */

static BOOL IsUdp(int Fd, int *Family)
{
    int Type, Protocol, Domain;
    if (LinuxGet(Fd, LINUX_SOL_SOCKET, LINUX_SO_TYPE, &Type) < 0 ||
        LinuxGet(Fd, LINUX_SOL_SOCKET, LINUX_SO_PROTOCOL, &Protocol) < 0 ||
        LinuxGet(Fd, LINUX_SOL_SOCKET, LINUX_SO_DOMAIN, &Domain) < 0)
        return FALSE;
    *Family = Domain == LINUX_AF_INET6 ? AF_INET6 : AF_INET;
    return Type == LINUX_SOCK_DGRAM && Protocol == IPPROTO_UDP && (Domain == LINUX_AF_INET || Domain == LINUX_AF_INET6);
}

static ULONGLONG InodeOf(int Fd)
{
    LINUX_STAT Stat;
    return (int)LinuxCall3(LINUX_FSTAT, Fd, &Stat, 0) < 0 ? 0 : Stat.Inode;
}

void Learn(SOCKET Socket)
{
    DIRECT *Direct = SlotOf(Socket);
    if (!Prepared || !Direct)
        return;
    Forget((HANDLE)Socket);
    if (Direct->State)
        return;
    int Shared = OpenSocket(Socket), Family;
    if (Shared >= 0 && IsUdp(Shared, &Family))
    {
        int Fd = (int)LinuxCall3(LINUX_FCNTL, Shared, LINUX_F_DUPFD_CLOEXEC, 0);
        if (Fd >= 0)
        {
            LONG Slot = (LONG)(Direct - Table);
            for (LONG Old = Highest; Old < Slot; Old = Highest)
                InterlockedCompareExchange(&Highest, Slot, Old);
            Direct->Fd = Fd;
            Direct->Family = Family;
            Direct->Inode = InodeOf(Fd);
            Direct->Marks = 0;
            Empty(&Direct->Receives);
            Empty(&Direct->Sends);
            InterlockedExchange(&Direct->State, LIVE);
        }
    }
    if (Shared >= 0)
        LinuxClose(Shared);
}

/* --- between -------------------------------------------------------------------------------------------------------- */

void Mark(SOCKET Socket, LONG Set)
{
    /* Asking wineserver which socket it is would cost each overlapped call as much again. */
    DIRECT *Own = SlotOf(Socket);
    if (Own && Own->State & LIVE)
    {
        InterlockedOr(&Own->Marks, Set);
        if (!(Own->Marks & SOCKET_SHARED))
            return;
    }
    else if (!Shared)
        return;
    int Fd = Prepared ? OpenSocket(Socket) : -1;
    if (Fd < 0)
        return;
    ULONGLONG Inode = InodeOf(Fd);
    LinuxClose(Fd);
    for (LONG Slot = 0; Inode && Slot <= Highest; Slot++)
        if (Table[Slot].State & LIVE && Table[Slot].Inode == Inode)
            InterlockedOr(&Table[Slot].Marks, Set);
}

DIRECT *Enter(SOCKET Socket)
{
    DIRECT *Direct = SlotOf(Socket);
    if (!Direct)
        return NULL;
    LONG State = Direct->State;
    while (State & LIVE)
    {
        LONG Was = InterlockedCompareExchange(&Direct->State, State + 1, State);
        if (Was == State)
        {
            if (!(Direct->Marks & SOCKET_WINE))
                return Direct;
            Leave(Direct);
            return NULL;
        }
        State = Was;
    }
    return NULL;
}

BOOL HasAddress(DIRECT *Direct)
{
    USHORT Name[14] = {0}; /* a sockaddr_in6: family, port, ... */
    if (Direct->Marks & SOCKET_BOUND)
        return TRUE;
    int Length = sizeof(Name);
    if ((int)LinuxCall3(LINUX_GETSOCKNAME, Direct->Fd, Name, &Length) < 0 || !Name[1])
        return FALSE;
    InterlockedOr(&Direct->Marks, SOCKET_BOUND);
    return TRUE;
}

BOOL Leave(DIRECT *Direct)
{
    return InterlockedDecrement(&Direct->State) & LIVE;
}
