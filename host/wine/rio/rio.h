/* SPDX-License-Identifier: MIT */
/*
 * Registered I/O as programs see it ("RIO_EXTENSION_FUNCTION_TABLE structure (mswsock.h)" and the pages it leads to);
 * mingw-w64 lacks it.
 */
#ifndef HOST_WINE_RIO_RIO_H
#define HOST_WINE_RIO_RIO_H

#include <winsock2.h>
#include <windows.h>

#define SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER _WSAIORW(IOC_WS2, 36)
#define WSA_FLAG_REGISTERED_IO                      0x100

#define RIO_MSG_DONT_NOTIFY 1
#define RIO_MSG_DEFER       2
#define RIO_MSG_WAITALL     4
#define RIO_MSG_COMMIT_ONLY 8

#define RIO_CORRUPT_CQ       0xffffffff
#define RIO_MAX_CQ_SIZE      0x8000000
#define RIO_INVALID_BUFFERID 0xffffffff
#define RIO_INVALID_CQ       0
#define RIO_INVALID_RQ       0

#define RIO_EVENT_COMPLETION 1
#define RIO_IOCP_COMPLETION  2

typedef ULONG_PTR RIO_BUFFERID, RIO_CQ, RIO_RQ; /* opaque */

typedef struct _RIO_BUF
{
    RIO_BUFFERID BufferId;
    ULONG Offset, Length; /* bytes */
} RIO_BUF;

typedef struct _RIORESULT
{
    LONG Status; /* 0, WSAE... */
    ULONG BytesTransferred;
    ULONGLONG SocketContext, RequestContext;
} RIORESULT;

typedef struct _RIO_NOTIFICATION_COMPLETION
{
    int Type;
    union
    {
        struct
        {
            HANDLE EventHandle;
            BOOL NotifyReset;
        } Event;
        struct
        {
            HANDLE IocpHandle;
            VOID *CompletionKey, *Overlapped;
        } Iocp;
    };
} RIO_NOTIFICATION_COMPLETION;

typedef struct _RIO_EXTENSION_FUNCTION_TABLE
{
    DWORD cbSize;
    BOOL(WINAPI *RIOReceive)(RIO_RQ, RIO_BUF *, ULONG, DWORD, VOID *);
    BOOL(WINAPI *RIOReceiveEx)(RIO_RQ, RIO_BUF *, ULONG, RIO_BUF *, RIO_BUF *, RIO_BUF *, RIO_BUF *, DWORD, VOID *);
    BOOL(WINAPI *RIOSend)(RIO_RQ, RIO_BUF *, ULONG, DWORD, VOID *);
    BOOL(WINAPI *RIOSendEx)(RIO_RQ, RIO_BUF *, ULONG, RIO_BUF *, RIO_BUF *, RIO_BUF *, RIO_BUF *, DWORD, VOID *);
    VOID(WINAPI *RIOCloseCompletionQueue)(RIO_CQ);
    RIO_CQ(WINAPI *RIOCreateCompletionQueue)(DWORD, RIO_NOTIFICATION_COMPLETION *);
    RIO_RQ(WINAPI *RIOCreateRequestQueue)(SOCKET, ULONG, ULONG, ULONG, ULONG, RIO_CQ, RIO_CQ, VOID *);
    ULONG(WINAPI *RIODequeueCompletion)(RIO_CQ, RIORESULT *, ULONG);
    VOID(WINAPI *RIODeregisterBuffer)(RIO_BUFFERID);
    INT(WINAPI *RIONotify)(RIO_CQ);
    RIO_BUFFERID(WINAPI *RIORegisterBuffer)(CHAR *, DWORD);
    BOOL(WINAPI *RIOResizeCompletionQueue)(RIO_CQ, DWORD);
    BOOL(WINAPI *RIOResizeRequestQueue)(RIO_RQ, DWORD, DWORD);
} RIO_EXTENSION_FUNCTION_TABLE;

extern const RIO_EXTENSION_FUNCTION_TABLE RegisteredIo;

/* WSAID_MULTIPLE_RIO */
static const GUID RegisteredIoId = {0x8509e081, 0x96dd, 0x4005, {0xb1, 0x65, 0x9e, 0x2e, 0xe8, 0xc7, 0x9e, 0x3f}};

#endif
