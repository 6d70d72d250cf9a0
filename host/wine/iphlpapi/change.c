/* SPDX-License-Identifier: MIT */
/*
 * The older news, the part of iphlpapi.dll that says once that something of IPv4's addresses or routes has changed:
 * NotifyAddrChange and NotifyRouteChange. Each table has one registration of notify.c, made at the first request and kept
 * until the process ends, and a list of requests, which the next change completes. Lock guards both.
 */
#include "host/wine/iphlpapi/iphelper.h"

#include <stdlib.h>

#define STATUS_SUCCESS_   ((ULONG_PTR)0x00000000)
#define STATUS_PENDING_   ((ULONG_PTR)0x00000103)
#define STATUS_CANCELLED_ ((ULONG_PTR)0xC0000120)

typedef struct _REQUEST
{
    struct _REQUEST *Next;
    OVERLAPPED *Overlapped;
} REQUEST;

typedef struct _CHANGES
{
    HANDLE News;
    HANDLE
    Event; /* what callers get as "a file handle": set with each change, for who waits without an event of his own */
    REQUEST *First;
} CHANGES;

static SRWLOCK Lock = SRWLOCK_INIT;
static CHANGES Addresses, Routes;

static VOID Complete(REQUEST *Request, ULONG_PTR Status)
{
    HANDLE Event = (HANDLE)((ULONG_PTR)Request->Overlapped->hEvent & ~(ULONG_PTR)1); /* "GetQueuedCompletionStatus" */
    Request->Overlapped->InternalHigh = 0;
    Request->Overlapped->Internal = Status; /* the last: from here on it is the caller's again */
    if (Event)
        SetEvent(Event);
    free(Request);
}

static VOID CompleteAll(CHANGES *Changes)
{
    AcquireSRWLockExclusive(&Lock);
    for (REQUEST *Request; (Request = Changes->First) != NULL;)
    {
        Changes->First = Request->Next;
        Complete(Request, STATUS_SUCCESS_);
    }
    SetEvent(Changes->Event);
    ReleaseSRWLockExclusive(&Lock);
}

static VOID NETIOAPI_API_ OnAddress(PVOID Context, PMIB_UNICASTIPADDRESS_ROW Row, MIB_NOTIFICATION_TYPE Type)
{
    CompleteAll(&Addresses);
}

static VOID NETIOAPI_API_ OnRoute(PVOID Context, PMIB_IPFORWARD_ROW2 Row, MIB_NOTIFICATION_TYPE Type)
{
    CompleteAll(&Routes);
}

static DWORD Begin(CHANGES *Changes)
{
    if (Changes->News)
        return NO_ERROR;
    if (!Changes->Event)
        Changes->Event = CreateEventW(NULL, TRUE, FALSE, NULL);
    HMODULE Self;
    /* The registration's thread stays: so must this file. */
    if (!Changes->Event || !GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                                               (const WCHAR *)Changes, &Self))
        return ERROR_NOT_ENOUGH_MEMORY;
    return Changes == &Addresses ? NotifyUnicastIpAddressChange(AF_INET, OnAddress, NULL, FALSE, &Changes->News)
                                 : NotifyRouteChange2(AF_INET, OnRoute, NULL, FALSE, &Changes->News);
}

/* ERROR_IO_PENDING: it is in the list. ERROR_INVALID_PARAMETER: this OVERLAPPED is there already. */
static DWORD Ask(CHANGES *Changes, OVERLAPPED *Overlapped)
{
    REQUEST *New = malloc(sizeof(*New));
    if (!New)
        return ERROR_NOT_ENOUGH_MEMORY;
    AcquireSRWLockExclusive(&Lock);
    DWORD Error = Begin(Changes);
    for (const REQUEST *Request = Changes->First; Request; Request = Request->Next)
        if (Request->Overlapped == Overlapped)
            Error = ERROR_INVALID_PARAMETER;
    if (!Error)
    {
        *New = (REQUEST){Changes->First, Overlapped};
        Changes->First = New;
        Overlapped->Internal = STATUS_PENDING_;
        ResetEvent(Changes->Event);
        if ((ULONG_PTR)Overlapped->hEvent & ~(ULONG_PTR)1)
            ResetEvent((HANDLE)((ULONG_PTR)Overlapped->hEvent & ~(ULONG_PTR)1));
    }
    ReleaseSRWLockExclusive(&Lock);
    if (Error)
        free(New);
    return Error ? Error : ERROR_IO_PENDING;
}

static DWORD Notify(CHANGES *Changes, HANDLE *Handle, OVERLAPPED *Overlapped)
{
    DWORD Error;
    if (Handle && Overlapped)
    {
        Error = Ask(Changes, Overlapped);
        if (Error == ERROR_IO_PENDING)
            *Handle = Changes->Event;
        return Error;
    }
    OVERLAPPED Own = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    if (!Own.hEvent)
        return ERROR_NOT_ENOUGH_MEMORY;
    Error = Ask(Changes, &Own);
    if (Error == ERROR_IO_PENDING)
    {
        WaitForSingleObject(Own.hEvent, INFINITE);
        AcquireSRWLockExclusive(&Lock); /* Complete has done with it */
        ReleaseSRWLockExclusive(&Lock);
        Error = NO_ERROR;
    }
    CloseHandle(Own.hEvent);
    return Error;
}

/*
 * With Handle and Overlapped: ERROR_IO_PENDING, and the next change completes Overlapped; Handle is for GetOverlappedResult
 * and not to be closed. Without: returns NO_ERROR at the next change. ERROR_INVALID_PARAMETER: the OVERLAPPED is in use.
 * ERROR_NOT_ENOUGH_MEMORY. "NotifyAddrChange function (iphlpapi.h)"
 */
DWORD WINAPI NotifyAddrChange(PHANDLE Handle, LPOVERLAPPED Overlapped)
{
    return Notify(&Addresses, Handle, Overlapped);
}

/* The same for routes. "NotifyRouteChange function (iphlpapi.h)" */
DWORD WINAPI NotifyRouteChange(PHANDLE Handle, LPOVERLAPPED Overlapped)
{
    return Notify(&Routes, Handle, Overlapped);
}

/* FALSE with ERROR_INVALID_PARAMETER: no request has this OVERLAPPED. "CancelIPChangeNotify function (iphlpapi.h)" */
BOOL WINAPI CancelIPChangeNotify(LPOVERLAPPED Overlapped)
{
    CHANGES *const Tables[] = {&Addresses, &Routes};
    BOOL Found = FALSE;
    AcquireSRWLockExclusive(&Lock);
    for (ULONG i = 0; i < ARRAYSIZE(Tables); i++)
        for (REQUEST **Link = &Tables[i]->First; *Link && !Found;)
        {
            REQUEST *Request = *Link;
            Found = Request->Overlapped == Overlapped;
            if (!Found)
            {
                Link = &Request->Next;
                continue;
            }
            *Link = Request->Next;
            Complete(Request, STATUS_CANCELLED_);
        }
    ReleaseSRWLockExclusive(&Lock);
    if (!Found)
        SetLastError(ERROR_INVALID_PARAMETER);
    return Found;
}
