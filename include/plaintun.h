/* SPDX-License-Identifier: MIT */
/*
 * plaintun: layer 3 adapters whose packets your program reads and writes.
 *
 * Create (or open) an adapter, start a session on it, then receive what the system sends through the adapter and send
 * what the system shall receive from it: whole IPv4 or IPv6 packets. Packets lie in memory shared with the driver: you
 * read and write them in place, in batches, and no system call is made while they flow.
 *
 * All functions may be called from any thread. Handles may be used by several threads at once; a session may be ended
 * while others receive, send or wait on it: their calls fail with ERROR_HANDLE_EOF. A failed call returns NULL, FALSE or
 * 0 and sets GetLastError(); PlaintunGetMessage says why in words. Functions that stand for themselves here say which
 * errors a program should expect; others of the system may come through.
 */
#ifndef PLAINTUN_H
#define PLAINTUN_H

#include <winsock2.h>
#include <windows.h>
#include <ws2ipdef.h>
#include <iphlpapi.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef PLAINTUN_API
#define PLAINTUN_API __declspec(dllimport)
#endif

#define PLAINTUN_NAME_MAX     127       /* UTF-16 units, without the ending 0 */
#define PLAINTUN_CAPACITY_MIN 0x20000   /* bytes of a ring */
#define PLAINTUN_CAPACITY_MAX 0x4000000 /* bytes of a ring */
#define PLAINTUN_PACKET_MAX   65535     /* bytes of a packet */
#define PLAINTUN_MTU_DEFAULT  1500      /* bytes */
#define PLAINTUN_MTU_MIN      1280      /* bytes: IPv6 needs them */
#define PLAINTUN_SESSION_MAX  128       /* of a process, at once */

typedef struct _PLAINTUN_ADAPTER *PLAINTUN_ADAPTER_HANDLE;
typedef struct _PLAINTUN_SESSION *PLAINTUN_SESSION_HANDLE;

/* --- adapters ------------------------------------------------------------------------------------------------------ */

#define PLAINTUN_ADAPTER_PERSISTENT 1u /* outlives its creator, until PlaintunRemoveAdapter */

typedef struct _PLAINTUN_ADAPTER_CONFIG
{
    DWORD Size; /* sizeof(PLAINTUN_ADAPTER_CONFIG) */
    DWORD Mtu;  /* bytes, PLAINTUN_MTU_MIN to PLAINTUN_PACKET_MAX; 0: PLAINTUN_MTU_DEFAULT */
    /* 1 to PLAINTUN_NAME_MAX units, not spaces only: no control characters (to U+001F, U+007F to U+009F), no halves of
     * surrogate pairs, and none of \ / : * ? " < > |, which no network connection's name can hold. */
    LPCWSTR Name;
    LPCWSTR TunnelType; /* part of the device's description, as long; the latter may be in it. NULL or "": "plaintun" */
    const GUID *Guid;   /* the adapter's identity, the same on every run; NULL: a new one */
    /* Who may open the adapter, in SDDL with a list (D:), e.g. L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GRGW;;;LS)"; NULL: SYSTEM
     * and Administrators. */
    LPCWSTR AccessList;
    DWORD TimeoutMs; /* until the adapter must be usable; 0: 30 s, where the driver is installed first 60 s */
    DWORD Flags;     /* PLAINTUN_ADAPTER_PERSISTENT or 0 */
    DWORD Metric;    /* of the interface, IPv4 and IPv6 alike; 0: Windows chooses */
    DWORD Reserved;  /* 0 */
} PLAINTUN_ADAPTER_CONFIG;

typedef enum _PLAINTUN_ADAPTER_STATE
{
    PLAINTUN_ADAPTER_ABSENT,   /* left over: known to the system, not present */
    PLAINTUN_ADAPTER_STOPPED,  /* present, but it does not work: Problem says why, or it is starting */
    PLAINTUN_ADAPTER_READY,    /* works; no program has a session: its link is down */
    PLAINTUN_ADAPTER_CONNECTED /* a program has a session */
} PLAINTUN_ADAPTER_STATE;

/* What is not known, because the adapter is not there or not ours to open, is 0. */
typedef struct _PLAINTUN_ADAPTER_INFO
{
    NET_LUID Luid;
    GUID Guid;
    DWORD InterfaceIndex;
    DWORD Mtu;           /* bytes */
    DWORD DriverVersion; /* (major << 16) | minor; 0 unless READY or CONNECTED */
    PLAINTUN_ADAPTER_STATE State;
    DWORD Problem;          /* Windows' problem code of the device (CM_PROB_...), 0: none */
    DWORD Flags;            /* PLAINTUN_ADAPTER_PERSISTENT */
    DWORD CreatorProcessId; /* who made it; 0: nobody who still lives */
    DWORD SessionProcessId; /* who has its session; 0: nobody, or not ours to know */
    DWORD MonitorProcessId; /* the same of its monitor session, which keeps a driver from being replaced as well */
    DWORD Reserved;         /* 0 */
    WCHAR Name[PLAINTUN_NAME_MAX + 1];
} PLAINTUN_ADAPTER_INFO;

/*
 * Creates an adapter; returns when addresses can be set on it. It goes when it is closed or when this process dies,
 * unless it is persistent. An adapter of the same GUID and name that nobody has any more is taken over: one that is left
 * over or half made is repaired, a persistent one becomes this handle's (and is made anew if its settings differ).
 * It returns within TimeoutMs + 2 s, whatever Windows does: a call of Windows that does not return is left behind, on a
 * thread that keeps the library loaded until it does, and other creations wait for it. Within a DllMain it always fails;
 * while another thread does not come back from one, it may wait for that, as starting a thread and loading a library do.
 * ERROR_INVALID_PARAMETER: the configuration, ERROR_ACCESS_DENIED: not an administrator, ERROR_ALREADY_EXISTS: the name
 * or GUID is taken (the message says by whom), ERROR_TIMEOUT: not usable in time (the message says what was missing, at
 * which step Windows is, or which program is in the way),
 * ERROR_NOT_READY: the device has a problem that does not pass, ERROR_REVISION_MISMATCH: another version of the driver
 * is loaded.
 */
PLAINTUN_API PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunCreateAdapter(_In_ const PLAINTUN_ADAPTER_CONFIG *Config);

/* Opens an adapter that exists. ERROR_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER. */
PLAINTUN_API PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunOpenAdapter(_In_z_ LPCWSTR Name);
PLAINTUN_API PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunOpenAdapterByGuid(_In_ const GUID *Guid);
PLAINTUN_API PLAINTUN_ADAPTER_HANDLE WINAPI PlaintunOpenAdapterByLuid(_In_ const NET_LUID *Luid);

/* Closes the handle and ends its session; an adapter that was created with it is removed, unless it is persistent. NULL
 * is allowed. Close all before the library is unloaded: it takes its sessions along, but an adapter stays until the process
 * ends, for Windows cannot be asked to remove it then. */
PLAINTUN_API void WINAPI PlaintunCloseAdapter(_In_opt_ PLAINTUN_ADAPTER_HANDLE Adapter);

/* ERROR_HANDLE_EOF: the adapter is gone. */
PLAINTUN_API BOOL WINAPI PlaintunGetAdapterInfo(_In_ PLAINTUN_ADAPTER_HANDLE Adapter,
                                                _Out_ PLAINTUN_ADAPTER_INFO *Info);

/*
 * Fills in up to Count adapters of this product, present ones and left-over ones, and returns how many there are: more
 * than Count, where Adapters was too small. Adapters may be NULL with a Count of 0. 0 with NO_ERROR: there are none.
 */
PLAINTUN_API DWORD WINAPI PlaintunListAdapters(_Out_writes_opt_(Count) PLAINTUN_ADAPTER_INFO *Adapters,
                                               _In_ DWORD Count);

/* Gives an adapter another name, at once. ERROR_INVALID_PARAMETER: see Name above, ERROR_ALREADY_EXISTS: it is taken,
 * ERROR_ACCESS_DENIED: not an administrator, ERROR_HANDLE_EOF: the adapter is gone. */
PLAINTUN_API BOOL WINAPI PlaintunRenameAdapter(_In_ PLAINTUN_ADAPTER_HANDLE Adapter, _In_z_ LPCWSTR Name);

/*
 * Removes a persistent, left-over or half-made adapter. ERROR_BUSY: its creator lives, or a program has a session on it;
 * the message names process and program. ERROR_NOT_FOUND, ERROR_ACCESS_DENIED: not an administrator. TRUE with
 * ERROR_SUCCESS_REBOOT_REQUIRED: a program keeps it open, and it goes when Windows is restarted.
 */
PLAINTUN_API BOOL WINAPI PlaintunRemoveAdapter(_In_ const GUID *Guid);

/*
 * Installs the driver that the library carries, which PlaintunCreateAdapter otherwise does when it must: puts it into the
 * driver store and reads it back. Where that version is there already nothing is done; an older one is replaced: all
 * adapters of this product stop and come back. ERROR_ACCESS_DENIED: not an administrator, ERROR_PRODUCT_VERSION: a newer
 * one is installed, ERROR_BUSY: a program has a session on an adapter; the message names process and program,
 * ERROR_FILE_CORRUPT: what the driver store has then is something else. TRUE with
 * ERROR_SUCCESS_REBOOT_REQUIRED: a program keeps the former driver loaded, and Windows uses the new one after a restart.
 */
PLAINTUN_API BOOL WINAPI PlaintunInstallDriver(void);

/*
 * Removes the driver from the system, with its service and all that is left of adapters. ERROR_BUSY: there is an adapter;
 * the message names it and who has it. ERROR_ACCESS_DENIED: not an administrator. TRUE with ERROR_SUCCESS_REBOOT_REQUIRED
 * as above.
 */
PLAINTUN_API BOOL WINAPI PlaintunDeleteDriver(void);

/* Versions: (major << 48) | (minor << 32) | (patch << 16), 0: none. */
typedef struct _PLAINTUN_DRIVER_INFO
{
    ULONG64 LibraryVersion;   /* of this library, and of the driver that it carries */
    ULONG64 InstalledVersion; /* the newest in the driver store */
    ULONG64 LoadedVersion;    /* the one that runs, as long as there are adapters */
} PLAINTUN_DRIVER_INFO;

/* ERROR_INVALID_PARAMETER; ERROR_ACCESS_DENIED: a 32-bit program on a 64-bit Windows, and not an administrator's. */
PLAINTUN_API BOOL WINAPI PlaintunGetDriverInfo(_Out_ PLAINTUN_DRIVER_INFO *Info);

/* (major << 16) | minor of the driver that is loaded; 0 with ERROR_FILE_NOT_FOUND: none is. */
PLAINTUN_API DWORD WINAPI PlaintunGetDriverVersion(void);

/* --- sessions ------------------------------------------------------------------------------------------------------ */

typedef struct _PLAINTUN_SESSION_CONFIG
{
    DWORD Size;     /* sizeof(PLAINTUN_SESSION_CONFIG) */
    DWORD Capacity; /* bytes of each ring: a power of two, PLAINTUN_CAPACITY_MIN to PLAINTUN_CAPACITY_MAX; 0: 4 MiB */
    DWORD Flags;    /* PLAINTUN_SESSION_MONITOR, or the PLAINTUN_OFFLOADs that the program understands; or 0 */
} PLAINTUN_SESSION_CONFIG;

/*
 * A monitor session looks on: it receives a copy of each packet that the adapter's program receives or sends, from the
 * moment when it starts, in order. It needs no session to be there, leaves the link as it is, and nothing can be sent on
 * it. What finds no room in its ring is missing, and counted (PlaintunGetStatistics); the adapter's program never waits
 * for it. One at a time, beside the adapter's session.
 */
#define PLAINTUN_SESSION_MONITOR 1u

/*
 * Offloads: checksums that another one completes, and super-packets, TCP or UDP of up to 64 KiB under one header, that another
 * one cuts. The 10 bytes right before each packet are a virtio-net header, as /dev/net/tun has them with IFF_VNET_HDR;
 * they are 0 before every packet in a session that asks for nothing. Super-packets want the checksums of their direction and
 * rings of 1 MiB at least. What is asked for may be granted in part: PlaintunGetOffloads.
 */
#define PLAINTUN_OFFLOAD_RECEIVE_CHECKSUM 0x100u  /* the program completes checksums of what it receives, */
#define PLAINTUN_OFFLOAD_RECEIVE_TCP      0x200u  /* takes TCP super-packets, */
#define PLAINTUN_OFFLOAD_RECEIVE_TCP_CWR  0x400u  /* also such whose CWR belongs into the first segment only, */
#define PLAINTUN_OFFLOAD_RECEIVE_UDP      0x800u  /* and UDP super-packets, which are not granted yet */
#define PLAINTUN_OFFLOAD_SEND_CHECKSUM    0x1000u /* the driver completes checksums of what the program sends, */
#define PLAINTUN_OFFLOAD_SEND_TCP         0x2000u /* and cuts TCP super-packets */
#define PLAINTUN_OFFLOAD_SEND_UDP         0x4000u /* and UDP super-packets into at most 256 segments each */

/*
 * Starts the adapter's session: its link goes up. Config may be NULL. One at a time.
 * ERROR_INVALID_PARAMETER, ERROR_ALREADY_INITIALIZED: the adapter has a session (a monitor, for who asks for one),
 * ERROR_NO_SYSTEM_RESOURCES: this process has PLAINTUN_SESSION_MAX sessions,
 * ERROR_HANDLE_EOF: the adapter is gone, ERROR_NOT_ENOUGH_MEMORY, ERROR_REVISION_MISMATCH.
 */
PLAINTUN_API PLAINTUN_SESSION_HANDLE WINAPI PlaintunStartSession(_In_ PLAINTUN_ADAPTER_HANDLE Adapter,
                                                                 _In_opt_ const PLAINTUN_SESSION_CONFIG *Config);

/* The offloads that a session was granted. 0 with NO_ERROR: none; with ERROR_HANDLE_EOF: it has ended. */
PLAINTUN_API DWORD WINAPI PlaintunGetOffloads(_In_ PLAINTUN_SESSION_HANDLE Session);

/*
 * Ends a session: its link goes down. Calls of other threads on it return; packets that they still hold stay readable
 * until they are given back. Until then it counts as one of PLAINTUN_SESSION_MAX; when those are all taken and one more is
 * started, the one of them that ended first loses its packets. NULL and a session that has ended are allowed.
 */
PLAINTUN_API void WINAPI PlaintunEndSession(_In_opt_ PLAINTUN_SESSION_HANDLE Session);

/* One packet, in the memory shared with the driver. */
typedef struct _PLAINTUN_PACKET
{
    BYTE *Data;
    DWORD Size;  /* bytes */
    DWORD Flags; /* of a received one: PLAINTUN_PACKET_TO_STACK or 0 */
} PLAINTUN_PACKET;

#define PLAINTUN_PACKET_TO_STACK 1u /* monitor: the program sent it; without, it received it */

/* A virtio-net header: struct virtio_net_hdr of Linux, "Virtual I/O Device (VIRTIO)", 5.1.6. All 0: a packet as it is. What
 * does not agree with its packet is dropped and counted (ToStackDropInvalid). */
typedef struct _PLAINTUN_OFFLOAD
{
    BYTE Flags;                         /* PLAINTUN_NEEDS_CHECKSUM, PLAINTUN_DATA_VALID */
    BYTE GsoType;                       /* PLAINTUN_GSO_NONE or another; with PLAINTUN_GSO_CWR if TCP's CWR is set */
    WORD HeaderLength;                  /* bytes before the payload: a hint, which nobody believes */
    WORD GsoSize;                       /* payload bytes of each segment but the last */
    WORD ChecksumStart, ChecksumOffset; /* where TCP's or UDP's header begins; 16 or 6, where its checksum is in it */
} PLAINTUN_OFFLOAD;

#define PLAINTUN_NEEDS_CHECKSUM                                                                                        \
    1u /* the field holds the sum of the pseudo-header, not complemented, with the whole's length */
#define PLAINTUN_DATA_VALID 2u /* its checksums are right */
#define PLAINTUN_GSO_NONE   0u
#define PLAINTUN_GSO_TCPV4  1u
#define PLAINTUN_GSO_TCPV6  4u
#define PLAINTUN_GSO_UDP    5u
#define PLAINTUN_GSO_CWR    0x80u

/* The header of a packet that was received or allocated. */
#define PLAINTUN_OFFLOAD_OF(Data) ((PLAINTUN_OFFLOAD *)(void *)((BYTE *)(Data) - 10))

/*
 * Makes of a packet with a virtio-net header what goes over a wire: cuts a super-packet, completes a checksum, or copies. The
 * packets are written to To, one behind the other, and Packets says where: returns how many. Needs no session; Packet may lie
 * in one. 0 with ERROR_INVALID_DATA: Offload does not agree with the packet; ERROR_INSUFFICIENT_BUFFER: more than Room bytes
 * or Count packets.
 */
PLAINTUN_API DWORD WINAPI PlaintunSplit(_In_ const PLAINTUN_OFFLOAD *Offload, _In_reads_(Size) const BYTE *Packet,
                                        _In_ DWORD Size, _Out_writes_(Room) BYTE *To, _In_ DWORD Room,
                                        _Out_writes_to_(Count, return) PLAINTUN_PACKET *Packets, _In_ DWORD Count);

/*
 * The reverse: makes one packet, at To, and its virtio-net header of the first packets that follow each other in a TCP or UDP
 * flow, and returns of how many: what a driver that was granted PLAINTUN_OFFLOAD_SEND_TCP or _UDP cuts into just these again
 * (only the identification of IPv4 packets that must not be fragmented may change). At most 64, 65535 bytes and Room bytes; only
 * packets whose checksums are right. 1: the first cannot be joined with the second; it is copied as it is, and Offload is 0.
 * Needs no session; To and Offload may lie in one, the packets may not overlap To. 0 with ERROR_INVALID_PARAMETER: Count is 0;
 * ERROR_INSUFFICIENT_BUFFER: the first has more than Room bytes.
 */
PLAINTUN_API DWORD WINAPI PlaintunJoin(_In_reads_(Count) const PLAINTUN_PACKET *Packets, _In_ DWORD Count,
                                       _Out_ PLAINTUN_OFFLOAD *Offload, _Out_writes_to_(Room, *Size) BYTE *To,
                                       _In_ DWORD Room, _Out_ DWORD *Size);

/*
 * Takes up to Count packets that the system sent through the adapter and returns how many. They may be written to, and
 * are yours until released. 0 with ERROR_NO_MORE_ITEMS: there are none, and the packets event will be set when some
 * come; ERROR_HANDLE_EOF: the adapter is gone or the session has ended; ERROR_INVALID_DATA: the ring is corrupt.
 */
PLAINTUN_API DWORD WINAPI PlaintunReceive(_In_ PLAINTUN_SESSION_HANDLE Session,
                                          _Out_writes_to_(Count, return) PLAINTUN_PACKET *Packets, _In_ DWORD Count);

/* Gives received packets back, in any order. */
PLAINTUN_API void WINAPI PlaintunRelease(_In_ PLAINTUN_SESSION_HANDLE Session,
                                         _In_reads_(Count) const PLAINTUN_PACKET *Packets, _In_ DWORD Count);

/*
 * Reserves room for up to Count packets of the Sizes stated in Packets and returns for how many; the order of these
 * calls is the order of sending. Fill Data, then send. 0 with ERROR_BUFFER_OVERFLOW: the ring is full, and the space
 * event will be set when there is room; ERROR_INVALID_PARAMETER: a Size above PLAINTUN_PACKET_MAX; ERROR_NOT_SUPPORTED:
 * a monitor session; ERROR_HANDLE_EOF; ERROR_INVALID_DATA.
 */
PLAINTUN_API DWORD WINAPI PlaintunAllocate(_In_ PLAINTUN_SESSION_HANDLE Session,
                                           _Inout_updates_(Count) PLAINTUN_PACKET *Packets, _In_ DWORD Count);

/* Sends allocated packets. A packet goes out when all that were allocated before it are sent too. */
PLAINTUN_API void WINAPI PlaintunSend(_In_ PLAINTUN_SESSION_HANDLE Session,
                                      _In_reads_(Count) const PLAINTUN_PACKET *Packets, _In_ DWORD Count);

#define PLAINTUN_WAIT_PACKETS 1
#define PLAINTUN_WAIT_SPACE   2

/*
 * Waits, polling a little first, until there are packets to receive, or room for a packet of the largest size that was
 * last refused, whichever of them Events asks for. Returns the events that hold; 0 with ERROR_TIMEOUT, ERROR_HANDLE_EOF,
 * ERROR_INVALID_DATA, ERROR_NOT_SUPPORTED: room in a monitor session, or ERROR_INVALID_HANDLE: the program has closed an
 * event that is the session's. TimeoutMs may be INFINITE.
 */
PLAINTUN_API DWORD WINAPI PlaintunWait(_In_ PLAINTUN_SESSION_HANDLE Session, _In_ DWORD Events, _In_ DWORD TimeoutMs);

/* For programs with a wait of their own: events owned by the session, set when packets came after ERROR_NO_MORE_ITEMS,
 * when there is room after ERROR_BUFFER_OVERFLOW, and both for good when the session dies. NULL: it has ended. */
PLAINTUN_API HANDLE WINAPI PlaintunGetPacketsEvent(_In_ PLAINTUN_SESSION_HANDLE Session);
PLAINTUN_API HANDLE WINAPI PlaintunGetSpaceEvent(_In_ PLAINTUN_SESSION_HANDLE Session);

/* --- statistics ---------------------------------------------------------------------------------------------------- */

/* In each direction, all that came in = packets + drops. "ToApp": from the system to the program. */
typedef struct _PLAINTUN_COUNTERS
{
    ULONG64 ToAppPackets, ToAppBytes;
    ULONG64 ToAppDropNoSession, ToAppDropFull, ToAppDropInvalid, ToAppDropPaused;
    ULONG64 ToStackPackets, ToStackBytes;
    ULONG64 ToStackDropInvalid;
} PLAINTUN_COUNTERS;

typedef struct _PLAINTUN_STATISTICS
{
    PLAINTUN_COUNTERS Adapter; /* since the adapter started */
    PLAINTUN_COUNTERS Session; /* since its present session, or the last one, started */
    /* Since its present monitor session, or the last one, started: copied to it, and dropped for want of room there. */
    ULONG64 MonitorPackets, MonitorDrops;
} PLAINTUN_STATISTICS;

/* ERROR_HANDLE_EOF: the adapter is gone. */
PLAINTUN_API BOOL WINAPI PlaintunGetStatistics(_In_ PLAINTUN_ADAPTER_HANDLE Adapter,
                                               _Out_ PLAINTUN_STATISTICS *Statistics);

/* --- log ----------------------------------------------------------------------------------------------------------- */

typedef enum _PLAINTUN_LOG_LEVEL
{
    PLAINTUN_LOG_INFO,
    PLAINTUN_LOG_WARN,
    PLAINTUN_LOG_ERROR
} PLAINTUN_LOG_LEVEL;

/* Time: 100 ns since 1601, UTC. Called from any thread that uses the library, in its call. What it calls in the middle of a
 * creation must not create, rename or remove adapters or the driver: that waits for the creation, which waits for it. */
typedef void(CALLBACK *PLAINTUN_LOGGER)(PLAINTUN_LOG_LEVEL Level, DWORD64 Time, LPCWSTR Message);

/* NULL: no log. When it returns, the former logger is not running and will not be called again. */
PLAINTUN_API void WINAPI PlaintunSetLogger(_In_opt_ PLAINTUN_LOGGER Logger);

/*
 * Copies the text of the call of this thread that failed last: cause and remedy, one line. Returns its length in UTF-16
 * units, 0: none. Text ends in 0 and is cut to Count units; it may be NULL with a Count of 0. Calls of a session's packets
 * and waits leave no text: their error codes say all.
 */
PLAINTUN_API DWORD WINAPI PlaintunGetMessage(_Out_writes_opt_z_(Count) LPWSTR Text, _In_ DWORD Count);

#ifdef __cplusplus
}
#endif

#endif
