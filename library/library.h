/* SPDX-License-Identifier: MIT */
/*
 * What the library's files share, in the order of tests/order.txt: a file calls those whose functions stand above its own.
 * Packets and sessions know the control device and nothing of Plug and Play; devices and their set-up know nothing of
 * sessions and adapters; adapters use both; on top, with no functions for others, stand create.c, driver.c, and what others
 * call: wintun.c (the drop-in names), helper.c, main.c.
 */
#ifndef PLAINTUN_LIBRARY_H
#define PLAINTUN_LIBRARY_H

#ifndef PLAINTUN_API
#define PLAINTUN_API
#endif

#include "include/plaintun.h"
#include "ring/session.h"

struct _TUN_PROPERTY_KEY; /* ring/properties.h */
struct _DEVPROPERTY;      /* wdk/missing.h */

/* --- memory.c ----------------------------------------------------------------------------------------------------- */

void *Allocate(_In_ SIZE_T Size); /* zeroed; NULL with ERROR_NOT_ENOUGH_MEMORY */
void Free(_In_opt_ void *Memory); /* keeps the last error */

/* --- guid.c ------------------------------------------------------------------------------------------------------- */

#define GUID_STRING_LENGTH 38 /* {8-4-4-4-12}, without the ending 0 */

void GuidToString(_In_ const GUID *Guid, _Out_ WCHAR String[GUID_STRING_LENGTH + 1]);
/* FALSE: String is no GUID in braces, and Guid is as it was. */
BOOL GuidFromString(_In_z_ LPCWSTR String, _Out_ GUID *Guid);
/* A random one that nobody can foresee. FALSE: Windows gives no random number. */
BOOL GuidMake(_Out_ GUID *Guid);

/* --- log.c -------------------------------------------------------------------------------------------------------- */

#define LOG_LENGTH 1024 /* UTF-16 units of a message, with the ending 0; the text of a longer one is shortened */

/* Text in Short, with an ellipsis at its end where it has no room for all. Returns Short. */
LPCWSTR ShortText(_In_z_ LPCWSTR Text, _Out_writes_z_(Room) LPWSTR Short, _In_ DWORD Room);

/* Formats as FormatMessageW does (%1 is a string, %1!u! a number) and calls the program's logger. Keep GetLastError(). */
void Log(_In_ PLAINTUN_LOG_LEVEL Level, _In_z_ LPCWSTR Format, ...);

/* The same for a failure: appends "(error <Error>: <the system's text>)", logs it, and keeps it for PlaintunGetMessage.
 * Format names cause and remedy. Sets the last error to Error and returns it. */
DWORD LogError(_In_ DWORD Error, _In_z_ LPCWSTR Format, ...);

/* The same without the log: for failures that programs expect. */
DWORD KeepError(_In_ DWORD Error, _In_z_ LPCWSTR Format, ...);

/* Logs what KeepError kept last in this thread, as an error after all. */
void LogKept(void);

/* For DllMain: FALSE without a thread-local slot; a thread ends; the library is unloaded. */
BOOL LogLoad(void);
void LogThreadEnd(void);
void LogUnload(void);

/* The same with a text that is whole already, another process' own. */
DWORD LogErrorText(_In_ DWORD Error, _In_z_ LPCWSTR Text);

/* A text that is whole already becomes this thread's for PlaintunGetMessage. */
void KeepText(_In_z_ LPCWSTR Text);

/* Through which a thread speaks that works for another one (job.c): that one calls the logger, as if it did the work. */
typedef struct _RELAY
{
    _Atomic(BOOL) Left;       /* nobody listens any more: set by the other one, before Heard for the last time */
    LPCWSTR Message;          /* the speaker's, from Said until Heard */
    PLAINTUN_LOG_LEVEL Level; /* its */
    HANDLE Said, Heard;       /* auto-reset */
    _Atomic(LPCWSTR) Step;    /* a constant text: what the thread is at; NULL: it has not begun */
} RELAY;

/* From now on this thread speaks through Relay. FALSE: no memory. */
BOOL LogThrough(_In_ RELAY *Relay);
/* Says what this thread is at, if it speaks through a relay. Keeps the last error. */
void LogStep(_In_z_ LPCWSTR Step);
/* The other side: calls the logger with the message that waits. */
void LogRelayed(_Inout_ RELAY *Relay);

/* --- process.c ---------------------------------------------------------------------------------------------------- */

#define PROCESS_PATH_LENGTH 512 /* UTF-16 units, with the ending 0 */

/* Whether this thread acts for an administrator, as far as Windows tells. */
BOOL IsAdministrator(void);

BOOL ProcessSelf(_Out_ DWORD *Id, _Out_ FILETIME *Started);
BOOL ProcessLives(_In_ DWORD Id, _In_ const FILETIME *Started);
/* The name of the process's program, without folders, in Path; words where it cannot be had. */
LPCWSTR ProcessName(_In_ DWORD Id, _Out_ WCHAR Path[PROCESS_PATH_LENGTH]);

/* --- cause.c ------------------------------------------------------------------------------------------------------ */

/* What a problem code of a device means, and what to do; whether it may pass by itself. */
LPCWSTR ProblemText(_In_ ULONG Problem);
BOOL ProblemMayPass(_In_ ULONG Problem);

#define STATUS_LENGTH 24 /* UTF-16 units, with the ending 0 */

/* ", status 0xC0000035" into Text: why the device has its problem. Nothing where Windows does not say. */
LPCWSTR StatusText(_In_ LONG Status, _Out_ WCHAR Text[STATUS_LENGTH]);

#define HINT_LENGTH 160 /* UTF-16 units, with the ending 0 */

/* "; the service ... is disabled: ..." where a service that adapters need is, or nothing. Keeps the last error. */
LPCWSTR ServiceHint(_Out_ WCHAR Hint[HINT_LENGTH]);

/* --- wait.c ------------------------------------------------------------------------------------------------------- */

/* The clock of all deadlines, in milliseconds. It stands while the computer sleeps: that is nobody's time-out. */
ULONG64 AwakeMs(void);
DWORD TimeLeft(_In_ ULONG64 Deadline); /* milliseconds */

/* Sets Changed when a device starts or goes, and when an IP interface comes or goes. */
typedef struct _WATCH
{
    HANDLE Changed; /* auto-reset */
    HANDLE Interfaces;
    struct HCMNOTIFICATION__ *Device;
} WATCH;

/* Without notifications a watch still works, four times a second. FALSE: no memory. */
BOOL WatchStart(_Out_ WATCH *Watch, _In_ BOOL Interfaces);
void WatchDevice(_Inout_ WATCH *Watch, _In_z_ LPCWSTR InstanceId); /* this one, in place of a former one */
void WatchWait(_In_ const WATCH *Watch, _In_ ULONG64 Deadline);    /* until something changes, or may have */
void WatchEnd(_Inout_ WATCH *Watch);

/* --- job.c -------------------------------------------------------------------------------------------------------- */

typedef enum _JOB_STATE
{
    JOB_OPEN,
    JOB_DECIDED, /* the result stands, though the thread may have to tidy up */
    JOB_LEFT,    /* nobody waits for the result any more */
} JOB_STATE;

/* Stands first in a structure that is made of zeros but for Work and Free. */
typedef struct _JOB
{
    DWORD (*Work)(struct _JOB *Job); /* on a thread of its own, with the caller's rights: the result, a Windows error */
    void (*Free)(struct _JOB *Job);  /* when neither side needs it any more */
    _Atomic(LONG) References;
    _Atomic(JOB_STATE) State; /* left open once: the thread decides, or the caller leaves */
    HANDLE Done;              /* manual-reset */
    HANDLE Token;             /* of the user for whom the caller acts; NULL: its process' */
    HMODULE Library;          /* kept loaded for the thread */
    RELAY Relay;
    DWORD Result;           /* the thread's until it has decided, as the next */
    WCHAR Text[LOG_LENGTH]; /* for PlaintunGetMessage */
} JOB;

/* FALSE: GetLastError(); Free has been called. */
BOOL JobStart(_Inout_ JOB *Job);
/* FALSE: Work has not ended in time. Meanwhile calls the logger with what the thread says. */
BOOL JobAwait(_Inout_ JOB *Job, _In_ ULONG64 Deadline);
/* From now on the thread is by itself, and calls the logger no more. TRUE: nothing is decided; else there is a result, and its
 * message is this thread's. */
BOOL JobLeave(_Inout_ JOB *Job, _Out_ DWORD *Result);
void JobUnreference(_In_ JOB *Job); /* at the end, always */

/* For the thread: Result and this thread's message stand, before Work ends. FALSE: nobody wants them any more. */
BOOL JobDecide(_Inout_ JOB *Job, _In_ DWORD Result);
BOOL JobIsLeft(_In_ const JOB *Job);

/* --- files.c ------------------------------------------------------------------------------------------------------ */

extern HMODULE LibraryModule; /* DllMain sets it */

/* Makes a folder of a name that nobody can foresee, in which only administrators can write. FALSE: GetLastError(). */
BOOL FolderMake(_Out_ WCHAR Path[MAX_PATH]);
void FilePath(_In_z_ LPCWSTR Folder, _In_z_ LPCWSTR Name, _Out_ WCHAR Path[MAX_PATH]);
/* Writes the resource of that number (library/resource.h) to a new file. FALSE: GetLastError(). */
BOOL FileExtract(_In_z_ LPCWSTR Folder, _In_z_ LPCWSTR Name, _In_ int Resource);
void FileDelete(_In_z_ LPCWSTR Folder, _In_z_ LPCWSTR Name);

/* --- lock.c ------------------------------------------------------------------------------------------------------- */

/* SYSTEM and Administrators. */
#define ACCESS_DEFAULT L"D:P(A;;GA;;;SY)(A;;GA;;;BA)"

typedef enum _LOCK_NAME
{
    LOCK_SETUP,
    LOCK_HELPER, /* the helper's of native.c, which may outlive whom it helps */
} LOCK_NAME;

/* What the owner of a lock tells others, in memory that it shares with them. */
typedef struct _LOCK_NOTE
{
    volatile DWORD ProcessId;
    volatile BOOL Installing; /* the driver */
} LOCK_NOTE;

typedef struct _SETUP_LOCK
{
    LOCK_NAME Name;
    HANDLE Mutex; /* NULL: there is no lock, or it is not taken */
    BOOL Inner;   /* this thread had it before */
    HANDLE Section;
    LOCK_NOTE *Note;
    volatile BOOL DriverCame; /* who had it was installing the driver */
    DWORD OwnerId;            /* the process that did not give it up in time; 0: unknown */
} SETUP_LOCK;

/* Deadlines are values of AwakeMs(); Longer is the one for who waits for an installation of the driver. NO_ERROR, even
 * without a lock where another user keeps it from us; ERROR_TIMEOUT: another program, or thread, is at it. */
DWORD SetupLock(_In_ ULONG64 Deadline, _In_ ULONG64 Longer, _Out_ SETUP_LOCK *Lock);
DWORD SetupTryLock(_In_ ULONG64 Deadline, _Out_ SETUP_LOCK *Lock);    /* the same without a message */
DWORD SetupHelperLock(_In_ ULONG64 Deadline, _Out_ SETUP_LOCK *Lock); /* for native.c's helper, before SetupTryLock */
void SetupUnlock(_Inout_ SETUP_LOCK *Lock);                           /* keeps the last error */

/* For who has the lock: the driver is being installed, or no longer. */
void SetupSayInstalling(_In_ BOOL Installing);
BOOL SetupHelperInstalls(void);

/* --- device.c ----------------------------------------------------------------------------------------------------- */

/* A session's memory as mapped into this process. */
typedef struct _SESSION_MEMORY
{
    void *View;
    RING *ToApp;
    RING *ToStack;  /* NULL: a monitor session, which has none */
    DWORD Offloads; /* TUN_OFFLOADs that the driver grants */
} SESSION_MEMORY;

typedef struct _SESSION_EVENTS
{
    HANDLE ToAppPackets;   /* manual-reset, or auto-reset as SESSION_SIDE says: the program waits */
    HANDLE ToStackSpace;   /* manual-reset: the program waits */
    HANDLE ToStackPackets; /* auto-reset: the driver waits */
} SESSION_EVENTS;

/* Opens the control device of the adapter Guid. INVALID_HANDLE_VALUE with ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED. */
HANDLE DeviceOpen(_In_ const GUID *Guid);

/* What an error of opening or asking the device means. One word for "the adapter is gone", ERROR_HANDLE_EOF: which error
 * Windows reports then depends on how far the removal has got. */
DWORD DeviceError(_In_ DWORD Error);

/*
 * The driver's answers about the adapter Guid. Nothing stays open: a program that keeps a device open keeps its driver
 * from being replaced. DeviceQuery gives the error of DeviceOpen as it is, ERROR_HANDLE_EOF (the adapter is going), or
 * ERROR_REVISION_MISMATCH: then Query says what every version says, 0 else. DeviceStatistics: ERROR_HANDLE_EOF.
 */
DWORD DeviceQuery(_In_ const GUID *Guid, _Out_ TUN_QUERY *Query);
DWORD DeviceStatistics(_In_ const GUID *Guid, _Out_ TUN_STATISTICS *Statistics);

/* Starts a session owned by Device and maps its memory; Flags as in TUN_START_INPUT. The errors of PlaintunStartSession. */
BOOL DeviceStart(_In_ HANDLE Device, _In_ DWORD Capacity, _In_ DWORD Flags, _In_ const SESSION_EVENTS *Events,
                 _Out_ SESSION_MEMORY *Memory);

/* Ends the session that Device owns: from its return on the driver touches neither rings nor events. */
void DeviceEnd(_In_ HANDLE Device);
void DeviceUnmap(_Inout_ SESSION_MEMORY *Memory);

/* --- query.c ------------------------------------------------------------------------------------------------------ */

#define VERSION64(Major, Minor, Patch) ((ULONG64)(Major) << 48 | (ULONG64)(Minor) << 32 | (ULONG64)(Patch) << 16)
#define OUR_VERSION                    VERSION64(PLAINTUN_VERSION_MAJOR, PLAINTUN_VERSION_MINOR, PLAINTUN_VERSION_PATCH)
#define VERSION_TEXT_LENGTH            20 /* UTF-16 units, with the ending 0 */

LPCWSTR VersionText(_In_ ULONG64 Version, _Out_ WCHAR Text[VERSION_TEXT_LENGTH]);

/* Of the driver that answered; 0 where none did. */
ULONG64 QueryVersion(_In_ const TUN_QUERY *Query);

/* Says that library and loaded driver do not understand each other, with both versions: ERROR_REVISION_MISMATCH. */
DWORD SayMismatch(_In_ const GUID *Guid, _In_z_ LPCWSTR Doing);

/* Asks the driver for the adapter's LUID; the errors of DeviceQuery. */
DWORD QueryLuid(_In_ const GUID *Guid, _Out_ NET_LUID *Luid);

/* ERROR_BUSY where a program has a session on the adapter, which is called Name; Doing begins the message. */
DWORD AdapterIdle(_In_ const GUID *Guid, _In_z_ LPCWSTR Name, _In_z_ LPCWSTR Doing);

/* Logs, and keeps for PlaintunGetMessage, why a session of the adapter could not be started. Sets the last error. */
void SayNoSession(_In_ const GUID *Guid, _In_ DWORD Error);

/* --- session.c ---------------------------------------------------------------------------------------------------- */

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
    RING_SIDE Ring;     /* consumer of to_app, producer of to_stack, of which a monitor has none */
    DWORD Held;         /* packets in the program's hands */
    DWORD Idle;         /* looks that found nothing since the last packet or room */
    LONGLONG IdleSince; /* performance counter at the first of them; receiving side */
    BOOL EventShared;   /* the program has Event: it may wait on it without our knowing */
    BOOL SelfReset;     /* Event is auto-reset, for programs written to Wintun: receiving side */
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

/* PlaintunStartSession; SelfReset: with an auto-reset packets event. */
PLAINTUN_SESSION_HANDLE SessionStart(_In_ PLAINTUN_ADAPTER_HANDLE Adapter,
                                     _In_opt_ const PLAINTUN_SESSION_CONFIG *Config, _In_ BOOL SelfReset);

/* The session is dead: wakes every thread that waits on its events, and leaves them set. */
void SessionWakeAll(_In_ const SESSION *Session);

/* A thread found that its session has ended: where the event wakes only one, it wakes the next. */
void SessionWakeNext(_In_ PLAINTUN_SESSION_HANDLE Handle);

/* Drops a reference; the last one unmaps the memory. Call without locks. */
void SessionUnreference(_Inout_ SESSION *Session);

/* The library is being unloaded, the process lives on: closes what ended sessions have left. */
void SessionUnload(void);

/* --- native.c ----------------------------------------------------------------------------------------------------- */

/* This library is for another machine than Windows itself (32-bit on 64-bit, amd64 on arm64): what installs and removes
 * drivers and devices must be done by NativeRun. */
BOOL NativeNeeded(void);
/* Has a process of Windows' own architecture do it: "install" (InstallDriver, for an "adapter" or a "person"; its answer is
 * InstalledInf), "remove" (RemoveDriver) or "uninstall" (UninstallDevice, of the instance ID Argument). Its messages are
 * logged here. The error, which is the last error too; ERROR_SUCCESS_REBOOT_REQUIRED is none. */
DWORD NativeRun(_In_z_ LPCWSTR Verb, _In_z_ LPCWSTR Argument, _Out_writes_opt_(MAX_PATH) LPWSTR Answer,
                _Inout_opt_ volatile BOOL *Installs);
/* The newest version in the driver store, 0: none. A Windows error. */
DWORD NativeSurvey(_Out_ ULONG64 *Version);

/* What is in the folder that NativeRun makes for it and helper.c. */
#define NATIVE_LIBRARY  L"" PLAINTUN_LIBRARY_NAME
#define NATIVE_MESSAGES L"messages"
#define NATIVE_CALLER   L"caller" /* is there as long as the caller waits */
#define NATIVE_ANSWER   L"=" /* begins the line of the messages that is the caller's result: of "install", "survey" */

/* --- devices.c ---------------------------------------------------------------------------------------------------- */

#define INSTANCE_ID_LENGTH 200 /* MAX_DEVICE_ID_LEN of cfgmgr32.h */

/* An adapter that the system knows. What its creator did not set, or what cannot be had, is 0 or empty. */
typedef struct _ADAPTER_DEVICE
{
    GUID Guid;
    BOOL Present;    /* FALSE: only remembered */
    BOOL Started;    /* present, and Windows says that its driver runs */
    ULONG Problem;   /* CM_PROB_... of a present one; 0: none */
    LONG Status;     /* NTSTATUS, why it has the problem; 0: Windows does not say */
    DWORD Flags;     /* TUN_PROPERTY_FLAGS */
    DWORD CreatorId; /* the process that has it; 0: nobody who lives */
    FILETIME CreatorTime;
    WCHAR Name[PLAINTUN_NAME_MAX + 1];
    WCHAR InstanceId[INSTANCE_ID_LENGTH + 1];
} ADAPTER_DEVICE;

extern const struct _DEVPROPKEY FriendlyNameKey; /* DEVPKEY_Device_FriendlyName */

/* FALSE: the system does not know the device, or GetLastError(). */
BOOL DescribeDevice(_In_z_ LPCWSTR InstanceId, _Out_ ADAPTER_DEVICE *Adapter);

/* Reads a property of a device: its length in bytes, 0 where it is not there, of another type, or longer than Size. */
ULONG DeviceProperty(_In_ DWORD Node, _In_ const struct _TUN_PROPERTY_KEY *Key, _In_ ULONG Type, _Out_ void *Value,
                     _In_ ULONG Size);

/* Called for each adapter; FALSE ends the walk, which is no error. Without memory there is one, and it is logged. */
typedef BOOL (*ADAPTER_VISITOR)(_In_ const ADAPTER_DEVICE *Adapter, _In_opt_ void *Context);
DWORD VisitAdapters(_In_ ADAPTER_VISITOR Visitor, _In_opt_ void *Context); /* that are present */
DWORD VisitDevices(_In_ ADAPTER_VISITOR Visitor, _In_opt_ void *Context);  /* those that are only remembered, too */

/* Makes the system forget a device; one that is present is removed. Returns a Windows error; NO_ERROR may leave
 * ERROR_SUCCESS_REBOOT_REQUIRED as the last one. */
DWORD UninstallDevice(_In_z_ LPCWSTR InstanceId);

/* --- store.c ------------------------------------------------------------------------------------------------------ */

#define STORE_PACKAGES_MAX 16

typedef struct _STORED_PACKAGE
{
    WCHAR InfPath[MAX_PATH]; /* C:\\Windows\\INF\\oem7.inf */
    ULONG64 Version;         /* major << 48 | minor << 32 | patch << 16 | build */
    DWORD Date;              /* yyyymmdd */
    BOOL Same;               /* it is, byte for byte, what this library carries */
} STORED_PACKAGE;

typedef struct _STORE
{
    DWORD Count;
    BOOL HasOurs;     /* one of them is Same */
    ULONG64 Newest;   /* of their versions; 0: none */
    DWORD NewestDate; /* its date */
    STORED_PACKAGE Packages[STORE_PACKAGES_MAX];
} STORE;

/* Looks for packages that serve our hardware ID, and reads them back. Returns a Windows error. */
DWORD StoreSurvey(_Out_ STORE *Store);

/* --- install.c ---------------------------------------------------------------------------------------------------- */

/* How the driver is installed: for an adapter that is being created, other programs' adapters are left in peace; a person
 * who asks for it wants this version, or to know why not. */
typedef enum _INSTALL_FOR
{
    INSTALL_FOR_ADAPTER,
    INSTALL_FOR_PERSON
} INSTALL_FOR;

/* Makes sure that the system has our driver. *Installed becomes TRUE if it has not, before it is installed. The caller holds
 * the set-up lock. TRUE may leave ERROR_SUCCESS_REBOOT_REQUIRED. */
BOOL InstallDriver(_In_ INSTALL_FOR For, _Inout_ volatile BOOL *Installed);
/* The INF, in Windows' folder of them, as which InstallDriver last found or put our driver there; empty: it cannot tell. */
LPCWSTR InstalledInf(void);
/* The driver turned out not to be there although InstallDriver once succeeded: look again next time. */
void InstallDriverForget(void);
BOOL RemoveDriver(void);

/* --- software.c --------------------------------------------------------------------------------------------------- */

/* A device whose handle this process has. */
typedef struct _CREATED_DEVICE
{
    struct HSWDEVICE__ *Device;
    HANDLE Enumerated; /* set by the callback */
    HRESULT Result;    /* of the enumeration */
    BOOL Persistent;
    WCHAR InstanceId[INSTANCE_ID_LENGTH + 1];
} CREATED_DEVICE;

#define HARDWARE_IDS PLAINTUN_HARDWARE_ID L"\0"

/* Has a device enumerated, or takes the handle of one that nobody has. Description may be NULL with no properties. Keeps
 * an error, without the log. */
DWORD MakeDevice(_In_ const GUID *Guid, _In_ LPCWSTR HardwareIds, _In_opt_ LPCWSTR Description,
                 _In_opt_ const struct _DEVPROPERTY *Properties, _In_ ULONG Count, _In_ ULONG64 Deadline,
                 _Out_ CREATED_DEVICE **Created);

/* Another name, for people and programs alike. Returns a Windows error, and says nothing. */
DWORD NameDevice(_In_ const CREATED_DEVICE *Created, _In_z_ LPCWSTR Name);

/* Whether the device outlives its handle. */
DWORD SetPersistent(_Inout_ CREATED_DEVICE *Created, _In_ BOOL Persistent);

/* Closes the handle. A device that is not persistent goes, and this returns when it is gone; Forget: for good. */
void ReleaseDevice(_In_ CREATED_DEVICE *Created, _In_ BOOL Forget);

/* Removes a device that nobody has, for good. */
DWORD RetireDevice(_In_ const ADAPTER_DEVICE *Adapter, _In_ ULONG64 Deadline);

/* FALSE: the device is still there at the deadline. */
BOOL AwaitGone(_In_z_ LPCWSTR InstanceId, _In_ WATCH *Watch, _In_ ULONG64 Deadline);

/* --- interface.c -------------------------------------------------------------------------------------------------- */

/* Sets MTU (bytes) and metric (0: automatic) of the IP interfaces that there are. */
DWORD ConfigureInterface(_In_ const NET_LUID *Luid, _In_ DWORD Mtu, _In_ DWORD Metric);

/* --- network.c ---------------------------------------------------------------------------------------------------- */

/* Gives the adapter's network connection a name. ERROR_ALREADY_EXISTS: another has it; other failures go to the log. */
DWORD NameConnection(_In_ const NET_LUID *Luid, _In_z_ LPCWSTR Name, _In_ ULONG64 Deadline);

/* Has Windows use Guid for the network of the device that will be made of it, which it does not know yet; if it can. */
void AnticipateNetwork(_In_ const GUID *Guid, _In_ ULONG64 Deadline);

/* --- names.c ------------------------------------------------------------------------------------------------------ */

#define FAULT_LENGTH 96 /* UTF-16 units, with the ending 0 */

/* What is wrong with a text of 1 to 127 units, or with an adapter's name, as the end of a sentence that begins with its
 * field; maybe in Fault. NULL: nothing. */
LPCWSTR TextFault(_In_opt_ LPCWSTR Text, _Out_ WCHAR Fault[FAULT_LENGTH]);
LPCWSTR NameFault(_In_opt_ LPCWSTR Name, _Out_ WCHAR Fault[FAULT_LENGTH]);
BOOL SameAdapterName(_In_z_ LPCWSTR Left, _In_z_ LPCWSTR Right);
BOOL NameTaken(_In_z_ LPCWSTR Name, _In_opt_ const NET_LUID *Own);
BOOL GuidTaken(_In_ const GUID *Guid);

/* --- adapter.c ---------------------------------------------------------------------------------------------------- */

typedef struct _PLAINTUN_ADAPTER
{
    GUID Guid;
    NET_LUID Luid;
    WCHAR InstanceId[INSTANCE_ID_LENGTH + 1];
    CREATED_DEVICE *Created;         /* NULL: the adapter was opened */
    BOOL Forget;                     /* nobody will come back to this GUID */
    SRWLOCK Lock;                    /* guards Session and Monitor */
    PLAINTUN_SESSION_HANDLE Session; /* the last one started through this handle; may have ended */
    PLAINTUN_SESSION_HANDLE Monitor; /* the last monitor session, likewise */
} PLAINTUN_ADAPTER;

/* --- create.c ----------------------------------------------------------------------------------------------------- */

/* Until when a creation that began at Start waits for the adapter; a program's 0 depends on whether the driver is installed
 * first. */
static inline ULONG64 CreationDeadline(_In_ ULONG64 Start, _In_ DWORD TimeoutMs, _In_ BOOL Installed)
{
    return Start + (TimeoutMs != 0 ? TimeoutMs : Installed ? 60000 : 30000);
}

/* --- start.c ------------------------------------------------------------------------------------------------------ */

/*
 * Waits until the control device of Adapter opens and TCP/IP has taken it up, IPv4 or IPv6; a problem of the device that
 * may pass is waited for until Patience. ERROR_TIMEOUT, ERROR_NOT_READY: *Problem, if it is not 0, does not pass,
 * ERROR_REVISION_MISMATCH, ERROR_ACCESS_DENIED.
 */
DWORD AwaitUsable(_Inout_ PLAINTUN_ADAPTER *Adapter, _In_z_ LPCWSTR InstanceId, _In_ WATCH *Watch,
                  _In_ ULONG64 Patience, _In_ ULONG64 Deadline, _Out_ ULONG *Problem);

#endif
