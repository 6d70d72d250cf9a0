/* SPDX-License-Identifier: MIT */
/*
 * Registered I/O, which Wine lacks, for the UDP sockets of table.c: requests and completions are in the process' own memory,
 * and Linux moves several datagrams a call. wineserver hears of one thing, a notification that RIONotify asked for.
 *
 * Sends are made at once, receives when their completion queue is looked at. What the socket does not take or have yet is
 * waited for by one thread (Waiter), which also notifies. A program that looks into an empty queue again and again is waiting:
 * from the second look on it is let wait here, for WAIT_NS a look, instead of keeping a processor from who sends to it.
 *
 * "RIOReceiveEx"'s local address and control data are not there: WSAEOPNOTSUPP.
 *
 * Any thread, and more of them at a time than Windows allows. Registry holds what handles mean, exclusively where one is made or
 * ended; each completion queue's lock, within, holds all that ends there: its entries and the requests of its lines.
 */
#include "host/wine/ws2_32/direct.h"
#include "host/wine/rio/rio.h"

#include <string.h>

#define LINUX_EPOLL_WAIT    232
#define LINUX_EPOLL_CTL     233
#define LINUX_PPOLL         271
#define LINUX_EPOLL_CREATE1 291
#define LINUX_RECVMMSG      299
#define LINUX_SENDMMSG      307
#define LINUX_SO_RCVBUF     8
#define LINUX_EPOLL_ADD     1
#define LINUX_EPOLL_DEL     2
#define LINUX_EPOLL_MOD     3
#define LINUX_EPOLLONESHOT  (1u << 30)

#define HANDLES    65536
#define DATAGRAM   2304
#define BUFFER_MAX (16 << 20)
#define BATCH      32     /* datagrams moved by a call of Linux */
#define WAIT_NS    100000 /* a look into an empty queue, from the second on */
#define FDS        8      /* sockets that such a look waits for */

enum
{
    FREE,
    BUFFER,
    QUEUE,
    SOCKETS
};

typedef struct _MEMORY
{
    BYTE *Base;
    ULONG Length;
} MEMORY;

typedef struct _RIO_REQUEST
{
    LINUX_IOVEC Data;
    LINUX_ADDRESS Address;
    BOOL HasAddress;
    BYTE *Remote; /* where a receive leaves it */
    ULONG *Flags;
    ULONGLONG Context;
    BOOL Quiet; /* RIO_MSG_DONT_NOTIFY */
} REQUEST;

struct _CQ;

/* One way of a socket: its requests, oldest first. */
typedef struct _LINE
{
    struct _CQ *Queue;  /* NULL: closed */
    struct _LINE *Next; /* of the queue */
    struct _RQ *Socket;
    REQUEST *Requests;
    DWORD Size, Head, Count;
    DWORD Committed;   /* of Count: not deferred any more */
    DWORD Outstanding; /* Count, and what is complete but not dequeued */
    BOOL Sends;
} LINE;

typedef struct _RQ
{
    DIRECT *Direct;
    SOCKET Handle;
    ULONGLONG Context;
    LINE Receives, Sends;
    SRWLOCK Lock; /* innermost: of Wanted */
    short Wanted; /* what Waiter is asked for; it forgets that when it comes */
} RQ;

typedef struct _ENTRY
{
    RIORESULT Result;
    LINE *Line; /* NULL: its socket is closed */
    BOOL Quiet;
} ENTRY;

typedef struct _CQ
{
    SRWLOCK Lock;
    LINE *Lines;
    ENTRY *Entries;
    DWORD Size, Head, Count;
    DWORD Reserved; /* by all lines */
    DWORD Loud;     /* entries that are to be notified */
    BOOL Armed, Corrupt;
    RIO_NOTIFICATION_COMPLETION Notification;
} CQ;

typedef struct _LINUX_MMSG
{
    LINUX_MESSAGE Message;
    uint32_t Length, Unused;
} LINUX_MMSG;

typedef struct __attribute__((packed)) _LINUX_EPOLL_EVENT
{
    uint32_t Events;
    uint64_t Data;
} LINUX_EPOLL_EVENT;

static SRWLOCK Registry;
static VOID *Objects[HANDLES];
static BYTE Kinds[HANDLES];
static LONG Epoll;      /* 0: not there yet */
static DWORD LastEmpty; /* TLS: the queue in which the thread found nothing last */

/* --- handles -------------------------------------------------------------------------------------------------------- */

static VOID *Find(ULONG_PTR Handle, BYTE Kind)
{
    return Handle && Handle < HANDLES && Kinds[Handle] == Kind ? Objects[Handle] : NULL;
}

static VOID *Take(SIZE_T Bytes)
{
    return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Bytes);
}

static void Drop(VOID *Memory)
{
    HeapFree(GetProcessHeap(), 0, Memory);
}

/* 0: no more. */
static ULONG_PTR Name(VOID *Object, BYTE Kind)
{
    for (ULONG_PTR Handle = 1; Object && Handle < HANDLES; Handle++)
        if (Kinds[Handle] == FREE)
        {
            Objects[Handle] = Object;
            Kinds[Handle] = Kind;
            return Handle;
        }
    SetLastError(WSAENOBUFS);
    return 0;
}

static BOOL No(int Error)
{
    SetLastError((DWORD)Error);
    return FALSE;
}

/* A ring of another size, with what is in it at its beginning; NULL: no memory. */
static VOID *Resized(const VOID *Ring, SIZE_T Each, DWORD Size, DWORD Head, DWORD Count, DWORD NewSize)
{
    BYTE *New = Take(Each * (NewSize ? NewSize : 1));
    for (DWORD I = 0; New && I < Count; I++)
        memcpy(New + I * Each, (const BYTE *)Ring + (Head + I) % Size * Each, Each);
    return New;
}

/* --- moving datagrams: within the queue's lock ---------------------------------------------------------------------- */

static int ErrorOf(long long Error)
{
    static const struct
    {
        int Linux, Windows;
    } Errors[] = {{13, WSAEACCES},    {14, WSAEFAULT},       {89, WSAENOTCONN},
                  {90, WSAEMSGSIZE},  {101, WSAENETUNREACH}, {105, WSAENOBUFS},
                  {107, WSAENOTCONN}, {111, WSAECONNRESET},  {113, WSAEHOSTUNREACH}};
    for (unsigned I = 0; I < sizeof(Errors) / sizeof(*Errors); I++)
        if (Errors[I].Linux == -Error)
            return Errors[I].Windows;
    return WSAEINVAL;
}

/* The oldest request of a line is complete. */
static void Finish(LINE *Line, int Status, ULONG Bytes)
{
    CQ *Queue = Line->Queue;
    REQUEST *Request = &Line->Requests[Line->Head];
    if (Queue->Count == Queue->Size)
        Queue->Corrupt = TRUE; /* it was left entries of closed sockets */
    else
    {
        Queue->Entries[(Queue->Head + Queue->Count++) % Queue->Size] =
            (ENTRY){{Status, Bytes, Line->Socket->Context, Request->Context}, Line, Request->Quiet};
        Queue->Loud += !Request->Quiet;
    }
    Line->Head = (Line->Head + 1) % Line->Size;
    Line->Count--;
    Line->Committed--;
}

/* A datagram has been moved for the oldest request. */
static void Moved(LINE *Line, const LINUX_MMSG *Message)
{
    REQUEST *Request = &Line->Requests[Line->Head];
    ULONG Bytes = Message->Length;
    BOOL TooLong = !Line->Sends && Bytes > Request->Data.Length;
    if (TooLong)
        Bytes = (ULONG)Request->Data.Length;
    if (!Line->Sends && Request->Remote)
    {
        Request->Address.Family = (USHORT)Line->Socket->Direct->Family;
        memcpy(Request->Remote, &Request->Address, sizeof(Request->Address));
    }
    if (Request->Flags)
        *Request->Flags = TooLong ? MSG_PARTIAL : 0;
    Finish(Line, TooLong && Request->Data.Base ? WSAEMSGSIZE : 0, Bytes); /* who wants no data misses none */
}

static void Move(LINE *Line)
{
    while (Line->Committed)
    {
        DWORD Count = Line->Committed < BATCH ? Line->Committed : BATCH;
        LINUX_MMSG Messages[BATCH];
        for (DWORD I = 0; I < Count; I++)
        {
            REQUEST *Request = &Line->Requests[(Line->Head + I) % Line->Size];
            Messages[I] = (LINUX_MMSG){{.Buffers = &Request->Data, .Count = 1}, 0, 0};
            if (Request->HasAddress)
            {
                Messages[I].Message.Name = &Request->Address;
                Messages[I].Message.NameLength =
                    Line->Sends ? (uint32_t)AddressLength(Line->Socket->Direct) : sizeof(Request->Address);
            }
        }
        long long Result = LinuxCall(Line->Sends ? LINUX_SENDMMSG : LINUX_RECVMMSG, Line->Socket->Direct->Fd,
                                     (long long)(intptr_t)Messages, Count,
                                     LINUX_MSG_DONTWAIT | (Line->Sends ? LINUX_MSG_NOSIGNAL : LINUX_MSG_TRUNC), 0, 0);
        if (Result == -LINUX_EAGAIN)
            return;
        if (Result < 0 && Result != -LINUX_EINTR)
            Finish(Line, ErrorOf(Result), 0);
        for (long long I = 0; I < Result; I++)
            Moved(Line, &Messages[I]);
        if (!Line->Sends && Result >= 0 && Result < Count)
            return;
    }
}

static void MoveAll(CQ *Queue)
{
    for (LINE *Line = Queue->Lines; Line; Line = Line->Next)
        Move(Line);
}

/* --- waiting -------------------------------------------------------------------------------------------------------- */

static void NotifyIfDue(CQ *Queue)
{
    if (!Queue->Armed || !Queue->Loud)
        return;
    Queue->Armed = FALSE;
    if (Queue->Notification.Type == RIO_EVENT_COMPLETION)
        SetEvent(Queue->Notification.Event.EventHandle);
    else
        PostQueuedCompletionStatus(Queue->Notification.Iocp.IocpHandle, 0,
                                   (ULONG_PTR)Queue->Notification.Iocp.CompletionKey,
                                   Queue->Notification.Iocp.Overlapped);
}

static void Await(LINE *Line)
{
    RQ *Socket = Line->Socket;
    short Wanted = Line->Sends ? LINUX_POLLOUT : LINUX_POLLIN;
    AcquireSRWLockExclusive(&Socket->Lock);
    if (!(Socket->Wanted & Wanted))
    {
        Socket->Wanted |= Wanted;
        LINUX_EPOLL_EVENT Event = {(uint32_t)Socket->Wanted | LINUX_EPOLLONESHOT, Socket->Direct->Rio};
        LinuxCall(LINUX_EPOLL_CTL, Epoll, LINUX_EPOLL_MOD, Socket->Direct->Fd, (long long)(intptr_t)&Event, 0, 0);
    }
    ReleaseSRWLockExclusive(&Socket->Lock);
}

/* Waiter is asked for what remains: a receive only matters to who is to be notified. */
static void AwaitRest(LINE *Line)
{
    if (Line->Committed && (Line->Sends || Line->Queue->Armed))
        Await(Line);
}

static void Serve(LINE *Line)
{
    CQ *Queue = Line->Queue;
    if (!Queue)
        return;
    AcquireSRWLockExclusive(&Queue->Lock);
    Move(Line);
    NotifyIfDue(Queue);
    AwaitRest(Line);
    ReleaseSRWLockExclusive(&Queue->Lock);
}

static DWORD WINAPI Waiter(VOID *Context)
{
    (void)Context;
    for (;;)
    {
        LINUX_EPOLL_EVENT Events[BATCH];
        long long Count = LinuxCall(LINUX_EPOLL_WAIT, Epoll, (long long)(intptr_t)Events, BATCH, -1, 0, 0);
        AcquireSRWLockShared(&Registry);
        for (long long I = 0; I < Count; I++)
        {
            RQ *Socket = Find((ULONG_PTR)Events[I].Data, SOCKETS);
            if (!Socket)
                continue;
            AcquireSRWLockExclusive(&Socket->Lock);
            Socket->Wanted = 0;
            ReleaseSRWLockExclusive(&Socket->Lock);
            Serve(&Socket->Receives);
            Serve(&Socket->Sends);
        }
        ReleaseSRWLockShared(&Registry);
    }
    return 0;
}

/* Within Registry, exclusively. */
static BOOL StartWaiter(void)
{
    if (Epoll)
        return TRUE;
    int Fd = (int)LinuxCall3(LINUX_EPOLL_CREATE1, LINUX_O_CLOEXEC, 0, 0);
    if (Fd < 0)
        return FALSE;
    Epoll = Fd;
    LastEmpty = TlsAlloc();
    HANDLE Thread = CreateThread(NULL, 0, Waiter, NULL, 0, NULL);
    if (!Thread)
    {
        TlsFree(LastEmpty);
        LinuxClose(Fd);
        Epoll = 0;
        return FALSE;
    }
    CloseHandle(Thread);
    return TRUE;
}

/* For a moment, within Registry only. */
static void AwaitAMoment(CQ *Queue)
{
    AcquireSRWLockExclusive(&Queue->Lock);
    int Count = 0;
    LINUX_POLL_FD Fds[FDS];
    for (LINE *Line = Queue->Lines; Line && Count < FDS; Line = Line->Next)
        if (Line->Committed)
            Fds[Count++] =
                (LINUX_POLL_FD){.Fd = Line->Socket->Direct->Fd, .Events = Line->Sends ? LINUX_POLLOUT : LINUX_POLLIN};
    ReleaseSRWLockExclusive(&Queue->Lock);
    LINUX_TIMESPEC Time = {0, WAIT_NS};
    if (Count)
        LinuxCall(LINUX_PPOLL, (long long)(intptr_t)Fds, Count, (long long)(intptr_t)&Time, 0, 0, 0);
}

/* --- buffers -------------------------------------------------------------------------------------------------------- */

static RIO_BUFFERID WINAPI RioRegisterBuffer(CHAR *Data, DWORD Length)
{
    if (!Length || !Reachable(Data, Length))
        return SetLastError(Length ? WSAEFAULT : WSAEINVAL), RIO_INVALID_BUFFERID;
    MEMORY *Memory = Take(sizeof(*Memory));
    if (Memory)
        *Memory = (MEMORY){(BYTE *)Data, Length};
    AcquireSRWLockExclusive(&Registry);
    RIO_BUFFERID Handle = Name(Memory, BUFFER);
    ReleaseSRWLockExclusive(&Registry);
    if (!Handle)
        Drop(Memory);
    return Handle ? Handle : RIO_INVALID_BUFFERID;
}

static VOID WINAPI RioDeregisterBuffer(RIO_BUFFERID Handle)
{
    AcquireSRWLockExclusive(&Registry);
    MEMORY *Memory = Find(Handle, BUFFER);
    if (Memory)
        Kinds[Handle] = FREE;
    ReleaseSRWLockExclusive(&Registry);
    Drop(Memory);
}

/* --- completion queues ---------------------------------------------------------------------------------------------- */

static RIO_CQ WINAPI RioCreateCompletionQueue(DWORD Size, RIO_NOTIFICATION_COMPLETION *Notification)
{
    if (!Size || Size > RIO_MAX_CQ_SIZE ||
        (Notification && Notification->Type != RIO_EVENT_COMPLETION &&
         (Notification->Type != RIO_IOCP_COMPLETION || !Notification->Iocp.Overlapped)))
        return SetLastError(WSAEINVAL), RIO_INVALID_CQ;
    CQ *Queue = Take(sizeof(*Queue));
    ENTRY *Entries = Take(Size * sizeof(*Entries));
    AcquireSRWLockExclusive(&Registry);
    RIO_CQ Handle = StartWaiter() ? Name(Entries ? Queue : NULL, QUEUE) : No(WSAENOBUFS);
    if (Handle)
    {
        Queue->Entries = Entries;
        Queue->Size = Size;
        if (Notification)
            Queue->Notification = *Notification;
    }
    ReleaseSRWLockExclusive(&Registry);
    if (!Handle)
    {
        Drop(Entries);
        Drop(Queue);
    }
    return Handle;
}

static VOID WINAPI RioCloseCompletionQueue(RIO_CQ Handle)
{
    AcquireSRWLockExclusive(&Registry);
    CQ *Queue = Find(Handle, QUEUE);
    if (Queue)
    {
        Kinds[Handle] = FREE;
        for (LINE *Line = Queue->Lines; Line; Line = Line->Next)
            Line->Queue = NULL;
        Drop(Queue->Entries);
    }
    ReleaseSRWLockExclusive(&Registry);
    Drop(Queue);
}

static BOOL WINAPI RioResizeCompletionQueue(RIO_CQ Handle, DWORD Size)
{
    int Error = 0;
    AcquireSRWLockExclusive(&Registry);
    CQ *Queue = Find(Handle, QUEUE);
    if (!Queue || !Size || Size > RIO_MAX_CQ_SIZE)
        Error = WSAEINVAL;
    else if (Size < Queue->Reserved || Size < Queue->Count)
        Error = WSAETOOMANYREFS;
    else
    {
        ENTRY *Entries = Resized(Queue->Entries, sizeof(*Entries), Queue->Size, Queue->Head, Queue->Count, Size);
        if (Entries)
        {
            Drop(Queue->Entries);
            Queue->Entries = Entries;
            Queue->Size = Size;
            Queue->Head = 0;
        }
        else
            Error = WSAENOBUFS;
    }
    ReleaseSRWLockExclusive(&Registry);
    return Error ? No(Error) : TRUE;
}

static ULONG WINAPI RioDequeueCompletion(RIO_CQ Handle, RIORESULT *Results, ULONG Room)
{
    ULONG Count = 0;
    AcquireSRWLockShared(&Registry);
    CQ *Queue = Find(Handle, QUEUE);
    if (!Queue)
    {
        ReleaseSRWLockShared(&Registry);
        return RIO_CORRUPT_CQ;
    }
    if (!Queue->Count && TlsGetValue(LastEmpty) == Queue)
        AwaitAMoment(Queue);
    AcquireSRWLockExclusive(&Queue->Lock);
    if (Queue->Count < Room)
        MoveAll(Queue);
    for (; Count < Room && Queue->Count; Count++)
    {
        ENTRY *Entry = &Queue->Entries[Queue->Head];
        Results[Count] = Entry->Result;
        if (Entry->Line)
            Entry->Line->Outstanding--;
        Queue->Loud -= !Entry->Quiet;
        Queue->Head = (Queue->Head + 1) % Queue->Size;
        Queue->Count--;
    }
    BOOL Corrupt = Queue->Corrupt;
    ReleaseSRWLockExclusive(&Queue->Lock);
    TlsSetValue(LastEmpty, Count ? NULL : Queue);
    ReleaseSRWLockShared(&Registry);
    return Corrupt ? RIO_CORRUPT_CQ : Count;
}

static INT WINAPI RioNotify(RIO_CQ Handle)
{
    INT Error = 0;
    AcquireSRWLockShared(&Registry);
    CQ *Queue = Find(Handle, QUEUE);
    if (!Queue || !Queue->Notification.Type)
        Error = WSAEINVAL;
    else
    {
        AcquireSRWLockExclusive(&Queue->Lock);
        if (Queue->Armed)
            Error = WSAEALREADY;
        else
        {
            if (Queue->Notification.Type == RIO_EVENT_COMPLETION && Queue->Notification.Event.NotifyReset)
                ResetEvent(Queue->Notification.Event.EventHandle);
            Queue->Armed = TRUE;
            MoveAll(Queue);
            NotifyIfDue(Queue);
            for (LINE *Line = Queue->Lines; Line; Line = Line->Next)
                AwaitRest(Line);
        }
        ReleaseSRWLockExclusive(&Queue->Lock);
    }
    ReleaseSRWLockShared(&Registry);
    return Error;
}

/* --- request queues ------------------------------------------------------------------------------------------------- */

/* Within Registry, exclusively. */
static void Attach(LINE *Line, RQ *Socket, BOOL Sends, CQ *Queue, REQUEST *Requests, DWORD Size)
{
    *Line = (LINE){
        .Queue = Queue, .Next = Queue->Lines, .Socket = Socket, .Requests = Requests, .Size = Size, .Sends = Sends};
    Queue->Lines = Line;
    Queue->Reserved += Size;
}

static void Detach(LINE *Line)
{
    CQ *Queue = Line->Queue;
    if (Queue)
    {
        for (DWORD I = 0; I < Queue->Count; I++)
        {
            ENTRY *Entry = &Queue->Entries[(Queue->Head + I) % Queue->Size];
            if (Entry->Line == Line)
                Entry->Line = NULL;
        }
        LINE **Link = &Queue->Lines;
        while (*Link != Line)
            Link = &(*Link)->Next;
        *Link = Line->Next;
        Queue->Reserved -= Line->Size;
    }
    Drop(Line->Requests);
}

/* The queue has room for so many completions more. */
static BOOL HasRoom(const CQ *Queue, ULONGLONG More)
{
    return Queue->Reserved + More <= Queue->Size;
}

/* Receives take nothing before their queue is looked at: until then Linux' socket holds what they would. Datagrams of DATAGRAM
 * bytes; Linux doubles that for what it needs itself. */
static void HoldReceives(const DIRECT *Direct, ULONG Receives)
{
    int Now = 0, Bytes = Receives < BUFFER_MAX / DATAGRAM ? (int)Receives * DATAGRAM : BUFFER_MAX;
    if (LinuxGet(Direct->Fd, LINUX_SOL_SOCKET, LINUX_SO_RCVBUF, &Now) >= 0 && Now / 2 < Bytes)
        LinuxSet(Direct->Fd, LINUX_SOL_SOCKET, LINUX_SO_RCVBUFFORCE, Bytes);
}

static RIO_RQ WINAPI RioCreateRequestQueue(SOCKET Handle, ULONG Receives, ULONG ReceiveBuffers, ULONG Sends,
                                           ULONG SendBuffers, RIO_CQ ReceiveQueue, RIO_CQ SendQueue, VOID *Context)
{
    if (ReceiveBuffers > 1 || SendBuffers > 1 || (!Receives && !Sends))
        return No(WSAEINVAL);
    DIRECT *Direct = Enter(Handle);
    if (!Direct || !(Direct->Marks & SOCKET_REGISTERED))
    {
        if (Direct)
            Leave(Direct);
        int Type, Length = sizeof(Type); /* not ours: no socket, or none of this kind */
        return WINE(getsockopt)(Handle, SOL_SOCKET, SO_TYPE, (char *)&Type, &Length) ? 0 : (RIO_RQ)No(WSAEOPNOTSUPP);
    }
    RQ *Socket = Take(sizeof(*Socket));
    REQUEST *In = Resized(NULL, sizeof(*In), 1, 0, 0, Receives), *Out = Resized(NULL, sizeof(*Out), 1, 0, 0, Sends);
    AcquireSRWLockExclusive(&Registry);
    CQ *InQueue = Find(ReceiveQueue, QUEUE), *OutQueue = Find(SendQueue, QUEUE);
    RIO_RQ Made = 0;
    if (!InQueue || !OutQueue || Direct->Rio)
        SetLastError(WSAEINVAL);
    else if (!Socket || !In || !Out || !HasRoom(InQueue, Receives + (InQueue == OutQueue ? (ULONGLONG)Sends : 0)) ||
             !HasRoom(OutQueue, Sends))
        SetLastError(WSAENOBUFS);
    else if ((Made = Name(Socket, SOCKETS)) != 0)
    {
        Socket->Direct = Direct;
        Socket->Handle = Handle;
        Socket->Context = (ULONGLONG)(ULONG_PTR)Context;
        Attach(&Socket->Receives, Socket, FALSE, InQueue, In, Receives);
        Attach(&Socket->Sends, Socket, TRUE, OutQueue, Out, Sends);
        Direct->Rio = Made;
        HoldReceives(Direct, Receives);
        LINUX_EPOLL_EVENT Event = {LINUX_EPOLLONESHOT, Made};
        LinuxCall(LINUX_EPOLL_CTL, Epoll, LINUX_EPOLL_ADD, Direct->Fd, (long long)(intptr_t)&Event, 0, 0);
    }
    ReleaseSRWLockExclusive(&Registry);
    Leave(Direct);
    if (!Made)
    {
        Drop(In);
        Drop(Out);
        Drop(Socket);
    }
    return Made;
}

void CloseRequestQueue(DIRECT *Direct)
{
    AcquireSRWLockExclusive(&Registry);
    RQ *Socket = Find(Direct->Rio, SOCKETS);
    if (Socket)
    {
        Kinds[Direct->Rio] = FREE;
        Direct->Rio = 0;
        LinuxCall3(LINUX_EPOLL_CTL, Epoll, LINUX_EPOLL_DEL, Direct->Fd);
        Detach(&Socket->Receives);
        Detach(&Socket->Sends);
    }
    ReleaseSRWLockExclusive(&Registry);
    Drop(Socket);
}

/* Within Registry, exclusively. */
static int ResizeLine(LINE *Line, DWORD Size)
{
    CQ *Queue = Line->Queue;
    if (!Queue)
        return WSAEINVAL;
    if (Size < Line->Outstanding)
        return WSAETOOMANYREFS;
    if (Size > Line->Size && !HasRoom(Queue, Size - Line->Size))
        return WSAENOBUFS;
    REQUEST *Requests = Resized(Line->Requests, sizeof(*Requests), Line->Size, Line->Head, Line->Count, Size);
    if (!Requests)
        return WSAENOBUFS;
    Drop(Line->Requests);
    Queue->Reserved += Size - Line->Size;
    Line->Requests = Requests;
    Line->Size = Size;
    Line->Head = 0;
    return 0;
}

static BOOL WINAPI RioResizeRequestQueue(RIO_RQ Handle, DWORD Receives, DWORD Sends)
{
    AcquireSRWLockExclusive(&Registry);
    RQ *Socket = Find(Handle, SOCKETS);
    int Error = Socket && (Receives || Sends) ? ResizeLine(&Socket->Receives, Receives) : WSAEINVAL;
    if (!Error)
        Error = ResizeLine(&Socket->Sends, Sends);
    ReleaseSRWLockExclusive(&Registry);
    return Error ? No(Error) : TRUE;
}

/* --- requests ------------------------------------------------------------------------------------------------------- */

/* What a request was given. */
typedef struct _GIVEN
{
    const RIO_BUF *Data, *Local, *Remote, *Control, *FlagsOut;
    ULONG Count;
} GIVEN;

/* NULL: not a part of a registered buffer, or smaller than that. */
static BYTE *Part(const RIO_BUF *Buffer, ULONG Least)
{
    const MEMORY *Memory = Find(Buffer->BufferId, BUFFER);
    if (!Memory || Buffer->Length < Least || (ULONGLONG)Buffer->Offset + Buffer->Length > Memory->Length)
        return NULL;
    return Memory->Base + Buffer->Offset;
}

/* The program's memory is touched within __try in a function of its own, as in data.c. */
__attribute__((noinline)) static int Fill(REQUEST *Request, const RQ *Socket, BOOL Sends, const GIVEN *Given)
{
    if (Given->Data)
    {
        Request->Data = (LINUX_IOVEC){Part(Given->Data, 0), Given->Data->Length};
        if (!Request->Data.Base)
            return WSAEINVAL;
    }
    if (Given->FlagsOut && !(Request->Flags = (ULONG *)(VOID *)Part(Given->FlagsOut, sizeof(ULONG))))
        return WSAEINVAL;
    if (!Given->Remote)
        return 0;
    BYTE *Remote = Part(Given->Remote, sizeof(SOCKADDR_INET));
    if (!Remote)
        return WSAEINVAL;
    Request->HasAddress = TRUE;
    Request->Remote = Remote;
    return Sends && !LinuxAddress(&Request->Address, (const struct sockaddr *)Remote, Socket->Direct) ? WSAEINVAL : 0;
}

static int TryFill(REQUEST *Request, const RQ *Socket, BOOL Sends, const GIVEN *Given)
{
    __try
    {
        return Fill(Request, Socket, Sends, Given);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return WSAEFAULT;
    }
}

/* A send from a socket without an address gives it one ("RIOSend": of a bound socket; "sendto function": implicitly). */
static BOOL Bind(const RQ *Socket)
{
    SOCKADDR_IN6 Any = {.sin6_family = (USHORT)Socket->Direct->Family};
    return HasAddress(Socket->Direct) ||
           !WINE(bind)(Socket->Handle, (struct sockaddr *)&Any, AddressLength(Socket->Direct));
}

static BOOL Submit(RIO_RQ Handle, BOOL Sends, const GIVEN *Given, DWORD Flags, VOID *Context)
{
    REQUEST Request = {.Context = (ULONGLONG)(ULONG_PTR)Context, .Quiet = (Flags & RIO_MSG_DONT_NOTIFY) != 0};
    BOOL Commits = Flags == RIO_MSG_COMMIT_ONLY;
    int Error = 0;
    AcquireSRWLockShared(&Registry);
    RQ *Socket = Find(Handle, SOCKETS);
    LINE *Line = !Socket ? NULL : Sends ? &Socket->Sends : &Socket->Receives;
    if (!Line || !Line->Queue || Given->Count != (Given->Data != NULL) ||
        (Commits ? Given->Data || Context : (Flags & ~(DWORD)(RIO_MSG_DONT_NOTIFY | RIO_MSG_DEFER | RIO_MSG_WAITALL))))
        Error = WSAEINVAL;
    else if (Given->Local || Given->Control || Flags & RIO_MSG_WAITALL) /* the last is for streams */
        Error = WSAEOPNOTSUPP;
    else if (!Commits && !(Sends ? Bind(Socket) : HasAddress(Socket->Direct)))
        Error = WSAEINVAL;
    else if (!Commits)
        Error = TryFill(&Request, Socket, Sends, Given);
    if (!Error)
    {
        CQ *Queue = Line->Queue;
        AcquireSRWLockExclusive(&Queue->Lock);
        if (Commits)
            Line->Committed = Line->Count;
        else if (Line->Outstanding == Line->Size)
            Error = WSAENOBUFS;
        else
        {
            Line->Requests[(Line->Head + Line->Count++) % Line->Size] = Request;
            Line->Outstanding++;
            if (!(Flags & RIO_MSG_DEFER))
                Line->Committed = Line->Count;
        }
        if (Sends)
        {
            Move(Line);
            NotifyIfDue(Queue);
        }
        AwaitRest(Line);
        ReleaseSRWLockExclusive(&Queue->Lock);
    }
    ReleaseSRWLockShared(&Registry);
    return Error ? No(Error) : TRUE;
}

static BOOL WINAPI RioReceiveEx(RIO_RQ Socket, RIO_BUF *Data, ULONG Count, RIO_BUF *Local, RIO_BUF *Remote,
                                RIO_BUF *Control, RIO_BUF *FlagsOut, DWORD Flags, VOID *Context)
{
    return Submit(Socket, FALSE, &(GIVEN){Data, Local, Remote, Control, FlagsOut, Count}, Flags, Context);
}

static BOOL WINAPI RioReceive(RIO_RQ Socket, RIO_BUF *Data, ULONG Count, DWORD Flags, VOID *Context)
{
    return Submit(Socket, FALSE, &(GIVEN){.Data = Data, .Count = Count}, Flags, Context);
}

static BOOL WINAPI RioSendEx(RIO_RQ Socket, RIO_BUF *Data, ULONG Count, RIO_BUF *Local, RIO_BUF *Remote,
                             RIO_BUF *Control, RIO_BUF *FlagsOut, DWORD Flags, VOID *Context)
{
    return Submit(Socket, TRUE, &(GIVEN){Data, Local, Remote, Control, FlagsOut, Count}, Flags, Context);
}

static BOOL WINAPI RioSend(RIO_RQ Socket, RIO_BUF *Data, ULONG Count, DWORD Flags, VOID *Context)
{
    return Submit(Socket, TRUE, &(GIVEN){.Data = Data, .Count = Count}, Flags, Context);
}

const RIO_EXTENSION_FUNCTION_TABLE RegisteredIo = {.cbSize = sizeof(RegisteredIo),
                                                   .RIOReceive = RioReceive,
                                                   .RIOReceiveEx = RioReceiveEx,
                                                   .RIOSend = RioSend,
                                                   .RIOSendEx = RioSendEx,
                                                   .RIOCloseCompletionQueue = RioCloseCompletionQueue,
                                                   .RIOCreateCompletionQueue = RioCreateCompletionQueue,
                                                   .RIOCreateRequestQueue = RioCreateRequestQueue,
                                                   .RIODequeueCompletion = RioDequeueCompletion,
                                                   .RIODeregisterBuffer = RioDeregisterBuffer,
                                                   .RIONotify = RioNotify,
                                                   .RIORegisterBuffer = RioRegisterBuffer,
                                                   .RIOResizeCompletionQueue = RioResizeCompletionQueue,
                                                   .RIOResizeRequestQueue = RioResizeRequestQueue};
