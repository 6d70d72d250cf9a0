/* SPDX-License-Identifier: MIT */
/*
 * The calls that carry data, for UDP sockets straight to Linux' socket: in Wine each of them goes through wineserver, some
 * 40 us and more. wineserver need not know of a call if the socket has its address already, no event is selected for it (only
 * wineserver tells the next FD_READ), nothing is shut down, and no overlapped call of the same direction waits in Wine (it must
 * not be overtaken). All else is handed on to Wine: what would wait for longer than a millisecond, whatever fails, rare flags.
 * A call of Linux that failed has had no effect, so Wine's may be made after it.
 *
 * Overlapped calls, too, if they succeed at once, and nobody has to hear of it but the event of the call: no completion port,
 * or one that skips such calls, as Go and libuv have it.
 *
 * Datagrams only, any thread; Linux' socket is the lock.
 */
#include "host/wine/ws2_32/direct.h"

#include <string.h>

#define LINUX_SENDMSG  46
#define LINUX_RECVMSG  47
#define LINUX_MSG_PEEK 2
#define LINUX_AF_INET  2
#define LINUX_AF_INET6 10

#define BUFFERS_MAX 16
#define WAIT_MS                                                                                                        \
    1 /* for what Linux' socket does not have yet, before Wine waits for it: an answer is often on its way */
#define PAGE 4096

#define BUFFER_OVERFLOW 0x80000005 /* STATUS_BUFFER_OVERFLOW ("NTSTATUS Values"), which is WSAEMSGSIZE */

#define HAND_ON 1 /* beside 0 and SOCKET_ERROR: Wine shall do it */

int AddressLength(const DIRECT *Direct)
{
    return Direct->Family == AF_INET6 ? sizeof(SOCKADDR_IN6) : sizeof(SOCKADDR_IN);
}

BOOL LinuxAddress(LINUX_ADDRESS *Address, const struct sockaddr *Windows, const DIRECT *Direct)
{
    /* Wine knows what port 0 is on Windows. */
    if (Windows->sa_family != Direct->Family || !((const SOCKADDR_IN *)Windows)->sin_port)
        return FALSE;
    memcpy(Address, Windows, (size_t)AddressLength(Direct));
    Address->Family = Direct->Family == AF_INET6 ? LINUX_AF_INET6 : LINUX_AF_INET;
    return TRUE;
}

/* What a call was given, in Linux' form. The program's memory is touched within __try in a function of its own: a fault beside
 * a call is not seen. */
typedef struct _REQUEST
{
    LINUX_MESSAGE Message;
    LINUX_IOVEC Vector[BUFFERS_MAX];
    LINUX_ADDRESS Address;
    uint64_t Room; /* bytes of all buffers */
} REQUEST;

static BOOL TakeBuffers(REQUEST *Request, const WSABUF *Buffers, DWORD Count)
{
    Request->Room = 0;
    for (DWORD I = 0; I < Count; I++)
    {
        Request->Vector[I] = (LINUX_IOVEC){Buffers[I].buf, Buffers[I].len};
        Request->Room += Buffers[I].len;
    }
    Request->Message = (LINUX_MESSAGE){.Buffers = Request->Vector, .Count = Count};
    return Request->Room != 0;
}

/* Wine finds out by a fault that a page is written to which it watches or has not copied yet. Linux would fail there, and the
 * datagram be gone. */
__attribute__((noinline)) static void Touch(VOID *Data, uint64_t Length)
{
    if (!Length)
        return;
    BYTE *Last = (BYTE *)Data + Length - 1;
    for (BYTE *Byte = Data; Byte < Last; Byte += PAGE)
        __asm__ volatile("lock orb $0, %0" : "+m"(*Byte)); /* of an atomic OR with 0 a compiler makes a read */
    __asm__ volatile("lock orb $0, %0" : "+m"(*Last));
}

BOOL Reachable(VOID *Data, uint64_t Length)
{
    __try
    {
        Touch(Data, Length);
        return TRUE;
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return FALSE;
    }
}

/* 0, HAND_ON, or SOCKET_ERROR for WSAEFAULT: there is no room for the address. */
__attribute__((noinline)) static int TakeReceive(REQUEST *Request, const WSABUF *Buffers, DWORD Count,
                                                 struct sockaddr *From, int *FromLength, int Length)
{
    if (!TakeBuffers(Request, Buffers, Count))
        return HAND_ON;
    if (From && *FromLength < Length)
        return SOCKET_ERROR;
    for (DWORD I = 0; I < Count; I++)
        Touch(Request->Vector[I].Base, Request->Vector[I].Length);
    if (From)
    {
        Touch(From, (uint64_t)Length);
        Touch(FromLength, sizeof(*FromLength));
        Request->Message.Name = &Request->Address;
        Request->Message.NameLength = sizeof(Request->Address);
    }
    return 0;
}

__attribute__((noinline)) static BOOL TakeSend(REQUEST *Request, const WSABUF *Buffers, DWORD Count,
                                               const struct sockaddr *To, const DIRECT *Direct)
{
    if (!TakeBuffers(Request, Buffers, Count))
        return FALSE;
    if (To)
    {
        if (!LinuxAddress(&Request->Address, To, Direct))
            return FALSE;
        Request->Message.Name = &Request->Address;
        Request->Message.NameLength = (uint32_t)AddressLength(Direct);
    }
    return TRUE;
}

static int TryReceive(REQUEST *Request, const WSABUF *Buffers, DWORD Count, struct sockaddr *From, int *FromLength,
                      int Length)
{
    __try
    {
        return TakeReceive(Request, Buffers, Count, From, FromLength, Length);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return SOCKET_ERROR; /* Wine would lose the datagram */
    }
}

static BOOL TrySend(REQUEST *Request, const WSABUF *Buffers, DWORD Count, const struct sockaddr *To,
                    const DIRECT *Direct)
{
    __try
    {
        return TakeSend(Request, Buffers, Count, To, Direct);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return FALSE;
    }
}

/* What becomes of an overlapped call that succeeds at once is for its caller and its event: FALSE, if for others, too. */
static BOOL MayComplete(const DIRECT *Direct, const WSAOVERLAPPED *Overlapped,
                        LPWSAOVERLAPPED_COMPLETION_ROUTINE Routine)
{
    LONG Marks = Direct->Marks;
    ULONG_PTR Event =
        (ULONG_PTR)Overlapped->hEvent; /* its lowest bit: no port shall hear ("GetQueuedCompletionStatus") */
    if (Routine || Marks & SOCKET_SHARED || (Marks & SOCKET_PORT && !(Marks & SOCKET_SKIP) && !(Event & 1)))
        return FALSE;
    return Event & ~(ULONG_PTR)1 ? ResetEvent((HANDLE)(Event & ~(ULONG_PTR)1)) : (Marks & SOCKET_QUIET) != 0;
}

static void Complete(WSAOVERLAPPED *Overlapped, DWORD Status, DWORD Bytes)
{
    HANDLE Event = (HANDLE)((ULONG_PTR)Overlapped->hEvent & ~(ULONG_PTR)1);
    Overlapped->InternalHigh = Bytes;
    *(volatile ULONG_PTR *)&Overlapped->Internal = Status; /* who waits for this may free it */
    if (Event)
        SetEvent(Event);
}

static long long Call(const DIRECT *Direct, int Number, short Events, LINUX_MESSAGE *Message, int Flags, BOOL Wait)
{
    for (int Waited = 0;;)
    {
        long long Result = LinuxCall3(Number, Direct->Fd, Message, Flags | LINUX_MSG_DONTWAIT);
        if (Result == -LINUX_EINTR)
            continue;
        if (Result != -LINUX_EAGAIN || Waited++ || !Wait || Direct->Marks & SOCKET_NO_WAIT)
            return Result;
        LINUX_POLL_FD Poll = {.Fd = Direct->Fd, .Events = Events};
        LinuxCall3(LINUX_POLL, &Poll, 1, WAIT_MS);
    }
}

/* Both ways end here: what became of a call. */
static int Finish(DIRECT *Direct, long long Result, uint64_t Room, DWORD *Bytes, WSAOVERLAPPED *Overlapped)
{
    if (!Leave(Direct) && Result < 0)
        return Fail(WSAEINTR); /* the handle may be another's by now: Wine must not see it again */
    if (Result < 0)
        return HAND_ON;
    *Bytes = (DWORD)((uint64_t)Result < Room ? (uint64_t)Result : Room);
    if (Overlapped)
        Complete(Overlapped, (uint64_t)Result > Room ? BUFFER_OVERFLOW : 0, *Bytes);
    SetLastError((uint64_t)Result > Room ? WSAEMSGSIZE : 0);
    return (uint64_t)Result > Room ? SOCKET_ERROR : 0;
}

static int ReceiveNow(SOCKET Socket, const WSABUF *Buffers, DWORD Count, DWORD Flags, struct sockaddr *From,
                      int *FromLength, DWORD *Bytes, WSAOVERLAPPED *Overlapped,
                      LPWSAOVERLAPPED_COMPLETION_ROUTINE Routine)
{
    if (Flags & ~MSG_PEEK || !Buffers || !Count || Count > BUFFERS_MAX || (From && !FromLength))
        return HAND_ON;
    DIRECT *Direct = Enter(Socket);
    if (!Direct)
        return HAND_ON;
    if (!HasAddress(Direct))
        return Leave(Direct), Fail(WSAEINVAL); /* Wine would wait */
    if (IsPending(&Direct->Receives) || (Overlapped && !MayComplete(Direct, Overlapped, Routine)))
        return Leave(Direct), HAND_ON;
    int Family = Direct->Family, Length = AddressLength(Direct);
    REQUEST Request;
    int Error = TryReceive(&Request, Buffers, Count, From, FromLength, Length);
    if (Error)
        return Leave(Direct), Error == HAND_ON ? HAND_ON : Fail(WSAEFAULT);
    long long Result = Call(Direct, LINUX_RECVMSG, LINUX_POLLIN, &Request.Message,
                            LINUX_MSG_TRUNC | (Flags & MSG_PEEK ? LINUX_MSG_PEEK : 0), !Overlapped);
    if (Result >= 0 && From)
    {
        Request.Address.Family = (uint16_t)Family;
        memcpy(From, &Request.Address, (size_t)Length);
        *FromLength = Length;
    }
    return Finish(Direct, Result, Request.Room, Bytes, Overlapped);
}

static int SendNow(SOCKET Socket, const WSABUF *Buffers, DWORD Count, DWORD Flags, const struct sockaddr *To,
                   int ToLength, DWORD *Bytes, WSAOVERLAPPED *Overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE Routine)
{
    if (Flags || !Buffers || !Count || Count > BUFFERS_MAX)
        return HAND_ON;
    DIRECT *Direct = Enter(Socket);
    if (!Direct)
        return HAND_ON;
    REQUEST Request;
    if (!HasAddress(Direct) || (To && ToLength < AddressLength(Direct)) || IsPending(&Direct->Sends) ||
        (Overlapped && !MayComplete(Direct, Overlapped, Routine)) || !TrySend(&Request, Buffers, Count, To, Direct))
        return Leave(Direct), HAND_ON;
    long long Result = Call(Direct, LINUX_SENDMSG, LINUX_POLLOUT, &Request.Message, LINUX_MSG_NOSIGNAL, !Overlapped);
    return Finish(Direct, Result, MAXDWORD, Bytes, Overlapped);
}

/* --- Windows' calls ------------------------------------------------------------------------------------------------- */

/* "recvfrom function (winsock2.h)" */
int WSAAPI recvfrom(SOCKET Socket, char *Data, int Length, int Flags, struct sockaddr *From, int *FromLength)
{
    DWORD Bytes;
    int Result = ReceiveNow(Socket, &(WSABUF){(ULONG)Length, Data}, Length > 0, (DWORD)Flags, From, FromLength, &Bytes,
                            NULL, NULL);
    if (Result == HAND_ON)
        return WINE(recvfrom)(Socket, Data, Length, Flags, From, FromLength);
    return Result ? Result : (int)Bytes;
}

/* "recv function (winsock2.h)" */
int WSAAPI recv(SOCKET Socket, char *Data, int Length, int Flags)
{
    DWORD Bytes;
    int Result =
        ReceiveNow(Socket, &(WSABUF){(ULONG)Length, Data}, Length > 0, (DWORD)Flags, NULL, NULL, &Bytes, NULL, NULL);
    if (Result == HAND_ON)
        return WINE(recv)(Socket, Data, Length, Flags);
    return Result ? Result : (int)Bytes;
}

/* "sendto function (winsock2.h)" */
int WSAAPI sendto(SOCKET Socket, const char *Data, int Length, int Flags, const struct sockaddr *To, int ToLength)
{
    DWORD Bytes;
    int Result = SendNow(Socket, &(WSABUF){(ULONG)Length, (char *)Data}, Length > 0, (DWORD)Flags, To, ToLength, &Bytes,
                         NULL, NULL);
    if (Result == HAND_ON)
        return WINE(sendto)(Socket, Data, Length, Flags, To, ToLength);
    return Result ? Result : (int)Bytes;
}

/* "send function (winsock2.h)" */
int WSAAPI send(SOCKET Socket, const char *Data, int Length, int Flags)
{
    DWORD Bytes;
    int Result =
        SendNow(Socket, &(WSABUF){(ULONG)Length, (char *)Data}, Length > 0, (DWORD)Flags, NULL, 0, &Bytes, NULL, NULL);
    if (Result == HAND_ON)
        return WINE(send)(Socket, Data, Length, Flags);
    return Result ? Result : (int)Bytes;
}

/* "WSARecvFrom function (winsock2.h)" */
int WSAAPI WSARecvFrom(SOCKET Socket, WSABUF *Buffers, DWORD Count, DWORD *Received, DWORD *Flags,
                       struct sockaddr *From, INT *FromLength, WSAOVERLAPPED *Overlapped,
                       LPWSAOVERLAPPED_COMPLETION_ROUTINE Routine)
{
    int Result = HAND_ON;
    DWORD Bytes;
    if (Flags && (Received || Overlapped))
        Result = ReceiveNow(Socket, Buffers, Count, *Flags, From, FromLength, &Bytes, Overlapped, Routine);
    if (Result == HAND_ON)
    {
        PENDING *Pending = Overlapped ? Expect(Socket, Overlapped, FALSE) : NULL;
        return Expected(
            Pending, Overlapped,
            WINE(WSARecvFrom)(Socket, Buffers, Count, Received, Flags, From, FromLength, Overlapped, Routine));
    }
    if (!Result && Received)
        *Received = Bytes;
    return Result;
}

/* "WSARecv function (winsock2.h)" */
int WSAAPI WSARecv(SOCKET Socket, WSABUF *Buffers, DWORD Count, DWORD *Received, DWORD *Flags,
                   WSAOVERLAPPED *Overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE Routine)
{
    int Result = HAND_ON;
    DWORD Bytes;
    if (Flags && (Received || Overlapped))
        Result = ReceiveNow(Socket, Buffers, Count, *Flags, NULL, NULL, &Bytes, Overlapped, Routine);
    if (Result == HAND_ON)
    {
        PENDING *Pending = Overlapped ? Expect(Socket, Overlapped, FALSE) : NULL;
        return Expected(Pending, Overlapped,
                        WINE(WSARecv)(Socket, Buffers, Count, Received, Flags, Overlapped, Routine));
    }
    if (!Result && Received)
        *Received = Bytes;
    return Result;
}

/* "WSASendTo function (winsock2.h)" */
int WSAAPI WSASendTo(SOCKET Socket, WSABUF *Buffers, DWORD Count, DWORD *SentBytes, DWORD Flags,
                     const struct sockaddr *To, INT ToLength, WSAOVERLAPPED *Overlapped,
                     LPWSAOVERLAPPED_COMPLETION_ROUTINE Routine)
{
    int Result = HAND_ON;
    DWORD Bytes;
    if (SentBytes || Overlapped)
        Result = SendNow(Socket, Buffers, Count, Flags, To, ToLength, &Bytes, Overlapped, Routine);
    if (Result == HAND_ON)
    {
        PENDING *Pending = Overlapped ? Expect(Socket, Overlapped, TRUE) : NULL;
        return Expected(Pending, Overlapped,
                        WINE(WSASendTo)(Socket, Buffers, Count, SentBytes, Flags, To, ToLength, Overlapped, Routine));
    }
    if (!Result && SentBytes)
        *SentBytes = Bytes;
    return Result;
}

/* "WSASend function (winsock2.h)" */
int WSAAPI WSASend(SOCKET Socket, WSABUF *Buffers, DWORD Count, DWORD *SentBytes, DWORD Flags,
                   WSAOVERLAPPED *Overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE Routine)
{
    int Result = HAND_ON;
    DWORD Bytes;
    if (SentBytes || Overlapped)
        Result = SendNow(Socket, Buffers, Count, Flags, NULL, 0, &Bytes, Overlapped, Routine);
    if (Result == HAND_ON)
    {
        PENDING *Pending = Overlapped ? Expect(Socket, Overlapped, TRUE) : NULL;
        return Expected(Pending, Overlapped,
                        WINE(WSASend)(Socket, Buffers, Count, SentBytes, Flags, Overlapped, Routine));
    }
    if (!Result && SentBytes)
        *SentBytes = Bytes;
    return Result;
}
