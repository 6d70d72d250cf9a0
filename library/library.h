/* SPDX-License-Identifier: MIT */
/*
 * What the library's files share. A call runs: wintun.c (the drop-in names) -> adapter.c, session.c, packets.c (what
 * plaintun.h promises) -> device.c (the control device), install.c (the driver). log.c serves all.
 */
#ifndef PLAINTUN_LIBRARY_H
#define PLAINTUN_LIBRARY_H

#ifndef PLAINTUN_API
#define PLAINTUN_API
#endif

#include "include/plaintun.h"
#include "ring/session.h"

/* --- log.c --------------------------------------------------------------------------------------------------------- */

/* Formats as FormatMessageW does (%1 is a string, %1!u! a number) and calls the program's logger. Keep GetLastError(). */
void Log(_In_ PLAINTUN_LOG_LEVEL Level, _In_z_ LPCWSTR Format, ...);

/* The same with a cause: ": <the system's text for Error> (<Error>)". Sets the last error to Error and returns it. */
DWORD LogError(_In_ DWORD Error, _In_z_ LPCWSTR Format, ...);

/* --- main.c -------------------------------------------------------------------------------------------------------- */

extern HMODULE LibraryModule;

void *Allocate(_In_ SIZE_T Size); /* zeroed; NULL with ERROR_NOT_ENOUGH_MEMORY */
void Free(_In_opt_ void *Memory); /* keeps the last error */

#define GUID_STRING_LENGTH 38 /* {8-4-4-4-12}, without the ending 0 */
void GuidToString(_In_ const GUID *Guid, _Out_ WCHAR String[GUID_STRING_LENGTH + 1]);

/* --- device.c ------------------------------------------------------------------------------------------------------ */

/* A session's memory as mapped into this process. */
typedef struct _SESSION_MEMORY
{
    void *View;
    RING *ToApp;
    RING *ToStack;
} SESSION_MEMORY;

typedef struct _SESSION_EVENTS
{
    HANDLE ToAppPackets;   /* manual-reset: the program waits */
    HANDLE ToStackSpace;   /* manual-reset: the program waits */
    HANDLE ToStackPackets; /* auto-reset: the driver waits */
} SESSION_EVENTS;

/* Opens the control device of the adapter Guid. INVALID_HANDLE_VALUE with ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED. */
HANDLE DeviceOpen(_In_ const GUID *Guid);

/* What an error of opening or asking the device means. One word for "the adapter is gone", ERROR_HANDLE_EOF: which error
 * Windows reports then depends on how far the removal has got. */
DWORD DeviceError(_In_ DWORD Error);

/* The driver's answers; FALSE with ERROR_HANDLE_EOF (the adapter is gone) or ERROR_REVISION_MISMATCH. */
BOOL DeviceQuery(_In_ HANDLE Device, _Out_ TUN_QUERY *Query);
BOOL DeviceStatistics(_In_ HANDLE Device, _Out_ TUN_STATISTICS *Statistics);

/* Starts a session owned by Device and maps its memory; the errors of PlaintunStartSession. */
BOOL DeviceStart(_In_ HANDLE Device, _In_ DWORD Capacity, _In_ const SESSION_EVENTS *Events,
                 _Out_ SESSION_MEMORY *Memory);

/* Ends the session that Device owns: from its return on the driver touches neither rings nor events. */
void DeviceEnd(_In_ HANDLE Device);
void DeviceUnmap(_Inout_ SESSION_MEMORY *Memory);

/* --- devices.c ----------------------------------------------------------------------------------------------------- */

/* An adapter that is present. What its creator did not set is empty. */
typedef struct _ADAPTER_DEVICE
{
    GUID Guid;
    WCHAR Name[PLAINTUN_NAME_MAX + 1];
} ADAPTER_DEVICE;

/* Called for each adapter; FALSE ends the walk. */
typedef BOOL (*ADAPTER_VISITOR)(_In_ const ADAPTER_DEVICE *Adapter, _In_opt_ void *Context);
void VisitAdapters(_In_ ADAPTER_VISITOR Visitor, _In_opt_ void *Context);

/* --- install.c ----------------------------------------------------------------------------------------------------- */

/* Makes sure that the system has our driver. *Installed: it had not. The caller holds the set-up lock. */
BOOL InstallDriver(_Out_ BOOL *Installed);
/* The driver turned out not to be there although InstallDriver once succeeded: look again next time. */
void InstallDriverForget(void);
BOOL RemoveDriver(void);

/* --- adapter.c ----------------------------------------------------------------------------------------------------- */

typedef struct _PLAINTUN_ADAPTER
{
    HANDLE Device; /* for queries; each session has one of its own */
    GUID Guid;
    NET_LUID Luid;
    struct _CREATED_DEVICE *Created; /* NULL: the adapter was opened */
    SRWLOCK Lock;                    /* guards Session */
    PLAINTUN_SESSION_HANDLE Session; /* the last one started through this handle; may have ended */
} PLAINTUN_ADAPTER;

/* --- session.c ----------------------------------------------------------------------------------------------------- */

typedef enum _SESSION_STATE
{
    SESSION_FREE,
    SESSION_STARTING,
    SESSION_OPEN,
    SESSION_ENDED, /* no call works any more, but packets are still to be given back or threads are on their way out */
} SESSION_STATE;

/* One direction of a session. */
typedef struct _SESSION_SIDE
{
    SRWLOCK Lock;
    RING_SIDE Ring;     /* consumer of to_app, producer of to_stack */
    DWORD Held;         /* packets in the program's hands */
    DWORD Idle;         /* looks that found nothing since the last packet or room */
    LONGLONG IdleSince; /* performance counter at the first of them; receiving side */
    BOOL EventShared;   /* the program has Event: it may wait on it without our knowing */
    HANDLE Event;       /* ToAppPackets or ToStackSpace */
} SESSION_SIDE;

/*
 * Sessions lie in a static table, so that a handle that has ended can still be looked at. An entry's State and Generation
 * change only under both its locks; each side's fields under that side's.
 */
typedef struct _SESSION
{
    SESSION_SIDE Receive;
    SESSION_SIDE Send;
    DWORD Wanted; /* bytes of the largest packet refused for want of space; guarded by Send.Lock */
    _Atomic(SESSION_STATE) State;
    DWORD Generation;        /* 24 bits, part of the handle */
    _Atomic(DWORD) Error;    /* why the rings can no longer be used, once found: ERROR_HANDLE_EOF, ERROR_INVALID_DATA */
    _Atomic(DWORD) Unlogged; /* Error, until the log has it */
    /* One while open; after that one for each side with Held packets; one for each thread that waits or wakes the driver. */
    _Atomic(LONG) References;
    _Atomic(DWORD) SpinBudget; /* microseconds of polling before a wait is prepared */
    ULONG64 Order;             /* when the entry was last ended or freed: the oldest goes first; guarded by TableLock */
    HANDLE Device;
    SESSION_EVENTS Events;
    SESSION_MEMORY Memory;
} SESSION;

/* The entry that a handle names, or NULL; it may be another session's by now: packets.c's Enter compares under a lock. */
SESSION *SessionEntry(_In_opt_ PLAINTUN_SESSION_HANDLE Handle);
DWORD SessionGeneration(_In_ PLAINTUN_SESSION_HANDLE Handle);
PLAINTUN_SESSION_HANDLE SessionHandle(_In_ const SESSION *Session);

/* Drops a reference; the last one unmaps the memory. Call without locks. */
void SessionUnreference(_Inout_ SESSION *Session);

/* The library is being unloaded, the process lives on: closes what ended sessions have left. */
void SessionUnload(void);

#endif
