/* SPDX-License-Identifier: MIT */
/*
 * The Wintun interface, for programs written to it. Load wintun.dll from the folder of your .exe with
 * LoadLibraryExW(L"wintun.dll", NULL, LOAD_LIBRARY_SEARCH_APPLICATION_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32) and get the
 * functions by name; the typedefs below are their types. All set GetLastError() when they fail. New programs are better
 * served by plaintun.h: batches, a "space" event, statistics.
 */
#ifndef WINTUN_H
#define WINTUN_H

#include <winsock2.h>
#include <windows.h>
#include <ws2ipdef.h>
#include <iphlpapi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WINTUN_MIN_RING_CAPACITY  0x20000   /* bytes */
#define WINTUN_MAX_RING_CAPACITY  0x4000000 /* bytes */
#define WINTUN_MAX_IP_PACKET_SIZE 0xFFFF    /* bytes */

typedef struct _WINTUN_ADAPTER *WINTUN_ADAPTER_HANDLE;
typedef struct _TUN_SESSION *WINTUN_SESSION_HANDLE;

typedef enum
{
    WINTUN_LOG_INFO,
    WINTUN_LOG_WARN,
    WINTUN_LOG_ERR
} WINTUN_LOGGER_LEVEL;

/* Timestamp: 100 ns since 1601, UTC. Called from any thread. */
typedef VOID(CALLBACK *WINTUN_LOGGER_CALLBACK)(WINTUN_LOGGER_LEVEL Level, DWORD64 Timestamp, LPCWSTR Message);

/* Name: up to 127 units, none of \ / : * ? " < > |; TunnelType may be empty, RequestedGUID NULL. The adapter goes when it is
 * closed. */
typedef WINTUN_ADAPTER_HANDLE(WINAPI WINTUN_CREATE_ADAPTER_FUNC)(LPCWSTR Name, LPCWSTR TunnelType,
                                                                 const GUID *RequestedGUID);
/* ERROR_NOT_FOUND: there is none of that name. */
typedef WINTUN_ADAPTER_HANDLE(WINAPI WINTUN_OPEN_ADAPTER_FUNC)(LPCWSTR Name);
/* Removes a created adapter; leaves an opened one. NULL is allowed. */
typedef VOID(WINAPI WINTUN_CLOSE_ADAPTER_FUNC)(WINTUN_ADAPTER_HANDLE Adapter);
/* Removes the driver, if no adapter is in use. */
typedef BOOL(WINAPI WINTUN_DELETE_DRIVER_FUNC)(VOID);
typedef VOID(WINAPI WINTUN_GET_ADAPTER_LUID_FUNC)(WINTUN_ADAPTER_HANDLE Adapter, NET_LUID *Luid);
/* (major << 16) | minor, or 0 with ERROR_FILE_NOT_FOUND: not loaded. */
typedef DWORD(WINAPI WINTUN_GET_RUNNING_DRIVER_VERSION_FUNC)(VOID);
/* NULL: no log. */
typedef VOID(WINAPI WINTUN_SET_LOGGER_FUNC)(WINTUN_LOGGER_CALLBACK NewLogger);
/* Capacity: a power of two. ERROR_INVALID_PARAMETER; ERROR_ALREADY_INITIALIZED: the adapter has a session. */
typedef WINTUN_SESSION_HANDLE(WINAPI WINTUN_START_SESSION_FUNC)(WINTUN_ADAPTER_HANDLE Adapter, DWORD Capacity);
typedef VOID(WINAPI WINTUN_END_SESSION_FUNC)(WINTUN_SESSION_HANDLE Session);
/* Owned by the session, auto-reset: set when packets come after a call of WintunReceivePacket, for one thread that waits,
 * and when the session dies, for all. Whom it wakes should read until ERROR_NO_MORE_ITEMS: packets that come together are
 * signalled once. */
typedef HANDLE(WINAPI WINTUN_GET_READ_WAIT_EVENT_FUNC)(WINTUN_SESSION_HANDLE Session);
/* ERROR_NO_MORE_ITEMS: empty; ERROR_HANDLE_EOF: the adapter is going; ERROR_INVALID_DATA: the ring is corrupt. */
typedef BYTE *(WINAPI WINTUN_RECEIVE_PACKET_FUNC)(WINTUN_SESSION_HANDLE Session, DWORD *PacketSize);
typedef VOID(WINAPI WINTUN_RELEASE_RECEIVE_PACKET_FUNC)(WINTUN_SESSION_HANDLE Session, const BYTE *Packet);
/* PacketSize: exact, up to WINTUN_MAX_IP_PACKET_SIZE. ERROR_BUFFER_OVERFLOW: full; ERROR_HANDLE_EOF. The order of these
 * calls is the order of sending. */
typedef BYTE *(WINAPI WINTUN_ALLOCATE_SEND_PACKET_FUNC)(WINTUN_SESSION_HANDLE Session, DWORD PacketSize);
typedef VOID(WINAPI WINTUN_SEND_PACKET_FUNC)(WINTUN_SESSION_HANDLE Session, const BYTE *Packet);

#ifdef __cplusplus
}
#endif

#endif
