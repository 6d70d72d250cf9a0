/* SPDX-License-Identifier: MIT */
/*
 * Overlapped calls that Wine was given and that wait there: a later call must not go past them, but once they are over the
 * socket is served past wineserver again. Whether one is over stands in the program's own OVERLAPPED ("OVERLAPPED structure
 * (minwinbase.h)": Internal). A socket with more of them at a time than there is room for is Wine's from then on, and so is one
 * with other handles.
 *
 * Any thread; each PENDING has its lock, within which nothing waits.
 */
#include "host/wine/ws2_32/direct.h"

#include <string.h>

/* A fault within is the program's memory that went with what it once had there: the call is over. */
__attribute__((noinline)) static BOOL Waits(const volatile WSAOVERLAPPED *Overlapped)
{
    return Overlapped->Internal == (DWORD)STATUS_PENDING;
}

static BOOL StillWaits(const WSAOVERLAPPED *Overlapped)
{
    __try
    {
        return Waits(Overlapped);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return FALSE;
    }
}

/* Forgets what is over, within the lock. Wine writes the result where the program looks for it when the data has been moved,
 * and tells the event or port after that. */
static void Sweep(PENDING *Pending)
{
    for (int I = 0; I < PENDING_MAX; I++)
        if (Pending->Calls[I] && !StillWaits(Pending->Calls[I]))
        {
            Pending->Calls[I] = NULL;
            Pending->Count--;
        }
}

BOOL IsPending(PENDING *Pending)
{
    if (!Pending->Count)
        return FALSE;
    AcquireSRWLockExclusive(&Pending->Lock);
    Sweep(Pending);
    BOOL Result = Pending->Count != 0;
    ReleaseSRWLockExclusive(&Pending->Lock);
    return Result;
}

void Empty(PENDING *Pending)
{
    AcquireSRWLockExclusive(&Pending->Lock);
    memset(Pending->Calls, 0, sizeof(Pending->Calls));
    Pending->Count = 0;
    ReleaseSRWLockExclusive(&Pending->Lock);
}

PENDING *Expect(SOCKET Socket, WSAOVERLAPPED *Overlapped, BOOL Sends)
{
    Overlapped->Internal = (DWORD)STATUS_PENDING; /* as Wine will: else it would look over at once */
    DIRECT *Direct = Enter(Socket);
    PENDING *Found = NULL;
    if (Direct && !(Direct->Marks & SOCKET_SHARED))
    {
        PENDING *Pending = Sends ? &Direct->Sends : &Direct->Receives;
        AcquireSRWLockExclusive(&Pending->Lock);
        Sweep(Pending);
        for (int I = 0; I < PENDING_MAX && !Found; I++)
            if (!Pending->Calls[I])
            {
                Pending->Calls[I] = Overlapped;
                Pending->Count++;
                Found = Pending;
            }
        ReleaseSRWLockExclusive(&Pending->Lock);
    }
    if (Direct)
        Leave(Direct);
    if (!Found)
        Mark(Socket, SOCKET_WINE);
    return Found;
}

int Expected(PENDING *Pending, WSAOVERLAPPED *Overlapped, int Result)
{
    if (!Pending || (Result == SOCKET_ERROR && GetLastError() == WSA_IO_PENDING))
        return Result;
    AcquireSRWLockExclusive(&Pending->Lock);
    for (int I = 0; I < PENDING_MAX; I++)
        if (Pending->Calls[I] == Overlapped)
        {
            Pending->Calls[I] = NULL;
            Pending->Count--;
            break;
        }
    ReleaseSRWLockExclusive(&Pending->Lock);
    return Result;
}
