/* SPDX-License-Identifier: MIT */
/*
 * contract: provokes every error that plaintun.h and wintun.h promise, and what they say about threads and about the
 * end of sessions and adapters. Prints "ok NAME" or "FAIL NAME: what happened" a check, and "done" as its last line.
 * Runs as one program in a pristine Windows, from top to bottom; test_contract.py reads it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include "examples/example.h"
#include <winioctl.h>
#include "plaintun.h"
#include "wintun.h"
#include "ring/session.h"
#include "tests/e2e/mapping.h"

#define CAPACITY PLAINTUN_CAPACITY_MIN

/* What the last call left behind, kept apart from what printing may leave. */
#define FAILS_WITH(Name, Call, Expected)                                                                               \
    do                                                                                                                 \
    {                                                                                                                  \
        SetLastError(0xdead);                                                                                          \
        unsigned long long Value = (unsigned long long)(Call);                                                         \
        DWORD Last = GetLastError();                                                                                   \
        Report(Value == 0 && Last == (Expected), Name, "returned %llu, error %lu, not 0 and %lu", Value, Last,         \
               (DWORD)(Expected));                                                                                     \
    } while (0)

#define HOLDS(Name, Condition)                                                                                         \
    do                                                                                                                 \
    {                                                                                                                  \
        BOOL Holds = (Condition);                                                                                      \
        Report(Holds, Name, "%s is false (error %lu)", #Condition, GetLastError());                                    \
    } while (0)

static struct
{
    WINTUN_CREATE_ADAPTER_FUNC *CreateAdapter;
    WINTUN_OPEN_ADAPTER_FUNC *OpenAdapter;
    WINTUN_CLOSE_ADAPTER_FUNC *CloseAdapter;
    WINTUN_DELETE_DRIVER_FUNC *DeleteDriver;
    WINTUN_GET_ADAPTER_LUID_FUNC *GetAdapterLuid;
    WINTUN_GET_RUNNING_DRIVER_VERSION_FUNC *GetRunningDriverVersion;
    WINTUN_SET_LOGGER_FUNC *SetLogger;
    WINTUN_START_SESSION_FUNC *StartSession;
    WINTUN_END_SESSION_FUNC *EndSession;
    WINTUN_GET_READ_WAIT_EVENT_FUNC *GetReadWaitEvent;
    WINTUN_RECEIVE_PACKET_FUNC *ReceivePacket;
    WINTUN_RELEASE_RECEIVE_PACKET_FUNC *ReleaseReceivePacket;
    WINTUN_ALLOCATE_SEND_PACKET_FUNC *AllocateSendPacket;
    WINTUN_SEND_PACKET_FUNC *SendPacket;
} Wintun;

static void Report(BOOL Good, const char *Name, const char *Format, ...)
{
    if (Good)
        printf("ok %s\n", Name);
    else
    {
        printf("FAIL %s: ", Name);
        va_list Arguments;
        va_start(Arguments, Format);
        vprintf(Format, Arguments);
        va_end(Arguments);
        printf("\n");
    }
    fflush(stdout);
}

static BOOL LoadWintun(void)
{
    static const char *const Names[] = {"CreateAdapter",      "OpenAdapter",    "CloseAdapter",
                                        "DeleteDriver",       "GetAdapterLUID", "GetRunningDriverVersion",
                                        "SetLogger",          "StartSession",   "EndSession",
                                        "GetReadWaitEvent",   "ReceivePacket",  "ReleaseReceivePacket",
                                        "AllocateSendPacket", "SendPacket"};
    _Static_assert(sizeof(Wintun) == sizeof(Names), "one name a function");
    HMODULE Module =
        LoadLibraryExW(L"wintun.dll", NULL, LOAD_LIBRARY_SEARCH_APPLICATION_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
    for (size_t i = 0; Module && i < ARRAYSIZE(Names); i++)
    {
        char Name[64];
        snprintf(Name, sizeof(Name), "Wintun%s", Names[i]);
        FARPROC Function = GetProcAddress(Module, Name);
        if (!Function)
            return FALSE;
        memcpy((char *)&Wintun + i * sizeof(Function), &Function, sizeof(Function));
    }
    return Module != NULL;
}

/* --- helpers -------------------------------------------------------------------------------------------------------- */

static PLAINTUN_ADAPTER_HANDLE Create(LPCWSTR Name)
{
    return PlaintunCreateAdapter(
        &(PLAINTUN_ADAPTER_CONFIG){.Size = sizeof(PLAINTUN_ADAPTER_CONFIG), .Name = Name, .TunnelType = L"Contract"});
}

static PLAINTUN_SESSION_HANDLE Start(PLAINTUN_ADAPTER_HANDLE Adapter, DWORD Capacity)
{
    return PlaintunStartSession(
        Adapter, &(PLAINTUN_SESSION_CONFIG){.Size = sizeof(PLAINTUN_SESSION_CONFIG), .Capacity = Capacity});
}

static BOOL Eventually(BOOL (*Condition)(void *), void *Context)
{
    for (ULONGLONG End = GetTickCount64() + 5000; GetTickCount64() < End;)
    {
        if (Condition(Context))
            return TRUE;
        SwitchToThread();
    }
    return FALSE;
}

/* --- names, configurations, versions ------------------------------------------------------------------------------- */

static void TestNothingYet(void)
{
    FAILS_WITH("version without driver", PlaintunGetDriverVersion(), ERROR_FILE_NOT_FOUND);
    FAILS_WITH("wintun version without driver", Wintun.GetRunningDriverVersion(), ERROR_FILE_NOT_FOUND);
    FAILS_WITH("open unknown", PlaintunOpenAdapter(L"unknown"), ERROR_NOT_FOUND);
    FAILS_WITH("wintun open unknown", Wintun.OpenAdapter(L"unknown"), ERROR_NOT_FOUND);
    PlaintunCloseAdapter(NULL);
    PlaintunEndSession(NULL);
    Wintun.CloseAdapter(NULL);
    HOLDS("NULL handles may be closed", TRUE);
}

static void TestConfiguration(void)
{
    WCHAR Long[PLAINTUN_NAME_MAX + 2];
    wmemset(Long, L'x', PLAINTUN_NAME_MAX + 1);
    Long[PLAINTUN_NAME_MAX + 1] = 0;
    const PLAINTUN_ADAPTER_CONFIG Good = {.Size = sizeof(Good), .Name = L"config"};
    PLAINTUN_ADAPTER_CONFIG Bad;
#define BAD(Name, Change)                                                                                              \
    Bad = Good;                                                                                                        \
    Bad.Change;                                                                                                        \
    FAILS_WITH("create with " Name, PlaintunCreateAdapter(&Bad), ERROR_INVALID_PARAMETER)
    FAILS_WITH("create without configuration", PlaintunCreateAdapter(NULL), ERROR_INVALID_PARAMETER);
    BAD("a wrong size", Size = 4);
    BAD("a reserved field set", Reserved = 1);
    BAD("too small an MTU", Mtu = PLAINTUN_MTU_MIN - 1);
    BAD("too large an MTU", Mtu = PLAINTUN_PACKET_MAX + 1);
    BAD("no name", Name = NULL);
    BAD("an empty name", Name = L"");
    BAD("too long a name", Name = Long);
    BAD("a line's end in the name", Name = L"two\nlines");
    BAD("an escape sequence in the tunnel type", TunnelType = L"\x1b[2J");
    BAD("too long a tunnel type", TunnelType = Long);
    BAD("a wrong access list", AccessList = L"nonsense");
#undef BAD
    FAILS_WITH("open without name", PlaintunOpenAdapter(NULL), ERROR_INVALID_PARAMETER);
    FAILS_WITH("open with an empty name", PlaintunOpenAdapter(L""), ERROR_INVALID_PARAMETER);
    FAILS_WITH("open with too long a name", PlaintunOpenAdapter(Long), ERROR_INVALID_PARAMETER);
    FAILS_WITH("wintun create without name", Wintun.CreateAdapter(NULL, L"x", NULL), ERROR_INVALID_PARAMETER);
    FAILS_WITH("wintun create with too long a name", Wintun.CreateAdapter(Long, L"x", NULL), ERROR_INVALID_PARAMETER);
    FAILS_WITH("wintun open without name", Wintun.OpenAdapter(NULL), ERROR_INVALID_PARAMETER);

    Bad = Good;
    Bad.TimeoutMs = 1;
    FAILS_WITH("create in a millisecond", PlaintunCreateAdapter(&Bad), ERROR_TIMEOUT);

    Long[PLAINTUN_NAME_MAX] = 0;
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(Long);
    HOLDS("the longest name", Adapter != NULL);
    PLAINTUN_ADAPTER_HANDLE Opened = PlaintunOpenAdapter(Long);
    HOLDS("the longest name is found", Opened != NULL);
    PlaintunCloseAdapter(Opened);
    PlaintunCloseAdapter(Adapter);
}

static void TestIdentity(void)
{
    static const GUID Guid = {0x0d15ea5e, 0x1234, 0x4321, {1, 2, 3, 4, 5, 6, 7, 8}};
    PLAINTUN_ADAPTER_CONFIG Config = {.Size = sizeof(Config), .Name = L"identity", .Guid = &Guid, .Mtu = 1420};
    PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunCreateAdapter(&Config);
    HOLDS("create with a GUID", Adapter != NULL);
    PLAINTUN_ADAPTER_INFO Info = {0};
    HOLDS("info", PlaintunGetAdapterInfo(Adapter, &Info));
    HOLDS("info: GUID", memcmp(&Info.Guid, &Guid, sizeof(Guid)) == 0);
    HOLDS("info: MTU", Info.Mtu == 1420);
    HOLDS("info: version", Info.DriverVersion != 0 && Info.DriverVersion == PlaintunGetDriverVersion() &&
                               Info.DriverVersion == Wintun.GetRunningDriverVersion());
    HOLDS("info: no session", Info.State == PLAINTUN_ADAPTER_READY);

    NET_LUID Luid = {0};
    NET_IFINDEX Index = 0;
    GUID Told = {0};
    HOLDS("IP Helper: LUID of the index",
          ConvertInterfaceIndexToLuid(Info.InterfaceIndex, &Luid) == NO_ERROR && Luid.Value == Info.Luid.Value);
    HOLDS("IP Helper: index of the LUID",
          ConvertInterfaceLuidToIndex(&Info.Luid, &Index) == NO_ERROR && Index == Info.InterfaceIndex);
    HOLDS("IP Helper: GUID of the LUID",
          ConvertInterfaceLuidToGuid(&Info.Luid, &Told) == NO_ERROR && memcmp(&Told, &Guid, sizeof(Guid)) == 0);

    FAILS_WITH("create the same name", Create(L"identity"), ERROR_ALREADY_EXISTS);
    FAILS_WITH("create the same name, other case", Create(L"IDENTITY"), ERROR_ALREADY_EXISTS);
    HOLDS("wintun create the same name", !Wintun.CreateAdapter(L"identity", L"x", NULL));
    Config.Name = L"other";
    FAILS_WITH("create the same GUID", PlaintunCreateAdapter(&Config), ERROR_ALREADY_EXISTS);

    PLAINTUN_ADAPTER_HANDLE Opened = PlaintunOpenAdapter(L"Identity");
    PLAINTUN_ADAPTER_INFO Again = {0};
    HOLDS("open by name in another case",
          Opened && PlaintunGetAdapterInfo(Opened, &Again) && Again.Luid.Value == Info.Luid.Value);
    WINTUN_ADAPTER_HANDLE Third = Wintun.OpenAdapter(L"identity");
    Wintun.GetAdapterLuid(Third, &Luid);
    HOLDS("wintun open, LUID", Third && Luid.Value == Info.Luid.Value);
    FAILS_WITH("delete driver in use", PlaintunDeleteDriver(), ERROR_BUSY);
    HOLDS("wintun delete driver in use", !Wintun.DeleteDriver());
    Wintun.CloseAdapter(Third);
    PlaintunCloseAdapter(Opened);
    HOLDS("closing an opened one leaves it", PlaintunGetAdapterInfo(Adapter, &Again));
    PlaintunCloseAdapter(Adapter);
    FAILS_WITH("open after it was closed", PlaintunOpenAdapter(L"identity"), ERROR_NOT_FOUND);
    Config.Name = L"identity";
    Adapter = PlaintunCreateAdapter(&Config);
    HOLDS("create the same name and GUID again", Adapter != NULL);
    PlaintunCloseAdapter(Adapter);
}

/* --- sessions ------------------------------------------------------------------------------------------------------- */

static void TestStart(void)
{
    static const DWORD Wrong[] = {1, 0x10000, 0x20001, 0x30000, 0x4000001, 0x8000000, 0xffffffff};
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(L"start"), Opened = PlaintunOpenAdapter(L"start");
    WINTUN_ADAPTER_HANDLE Third = Wintun.OpenAdapter(L"start");
    for (size_t i = 0; i < ARRAYSIZE(Wrong); i++)
    {
        FAILS_WITH("start with a wrong capacity", Start(Adapter, Wrong[i]), ERROR_INVALID_PARAMETER);
        FAILS_WITH("wintun start with a wrong capacity", Wintun.StartSession(Third, Wrong[i]), ERROR_INVALID_PARAMETER);
    }
    FAILS_WITH("wintun start without a capacity", Wintun.StartSession(Third, 0), ERROR_INVALID_PARAMETER);
    FAILS_WITH("start with a wrong size", PlaintunStartSession(Adapter, &(PLAINTUN_SESSION_CONFIG){.Size = 1}),
               ERROR_INVALID_PARAMETER);
    for (DWORD Capacity = PLAINTUN_CAPACITY_MIN; Capacity <= PLAINTUN_CAPACITY_MAX; Capacity *= 2)
    {
        PLAINTUN_SESSION_HANDLE Session = Start(Adapter, Capacity);
        HOLDS("start with each capacity", Session != NULL);
        PlaintunEndSession(Session);
    }
    PLAINTUN_SESSION_HANDLE Session = PlaintunStartSession(Adapter, NULL);
    HOLDS("start without configuration", Session != NULL);
    PLAINTUN_ADAPTER_INFO Info;
    HOLDS("info: session", PlaintunGetAdapterInfo(Adapter, &Info) && Info.State == PLAINTUN_ADAPTER_CONNECTED);
    FAILS_WITH("second session, same handle", Start(Adapter, CAPACITY), ERROR_ALREADY_INITIALIZED);
    FAILS_WITH("second session, other handle", Start(Opened, CAPACITY), ERROR_ALREADY_INITIALIZED);
    FAILS_WITH("second session, wintun", Wintun.StartSession(Third, CAPACITY), ERROR_ALREADY_INITIALIZED);
    PlaintunEndSession(Session);
    PlaintunEndSession(Session);
    HOLDS("info: session over", PlaintunGetAdapterInfo(Adapter, &Info) && Info.State == PLAINTUN_ADAPTER_READY);
    WINTUN_SESSION_HANDLE Other = Wintun.StartSession(Third, CAPACITY);
    HOLDS("session after the first one ended", Other != NULL);
    FAILS_WITH("second session, wintun has it", Start(Adapter, CAPACITY), ERROR_ALREADY_INITIALIZED);
    Wintun.EndSession(Other);
    Wintun.CloseAdapter(Third);
    PlaintunCloseAdapter(Opened);
    PlaintunCloseAdapter(Adapter);
}

static void TestMonitor(void)
{
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(L"monitor"), Opened = PlaintunOpenAdapter(L"monitor");
    PLAINTUN_SESSION_CONFIG Config = {.Size = sizeof(Config), .Capacity = CAPACITY, .Flags = 2};
    PLAINTUN_PACKET Packet = {.Size = 40};
    FAILS_WITH("start with unknown flags", PlaintunStartSession(Adapter, &Config), ERROR_INVALID_PARAMETER);
    Config.Flags = PLAINTUN_SESSION_MONITOR;
    PLAINTUN_SESSION_HANDLE Monitor = PlaintunStartSession(Opened, &Config), Session = Start(Adapter, CAPACITY);
    HOLDS("a monitor beside a session", Monitor != NULL && Session != NULL);
    FAILS_WITH("a second monitor", PlaintunStartSession(Adapter, &Config), ERROR_ALREADY_INITIALIZED);
    FAILS_WITH("allocate on a monitor", PlaintunAllocate(Monitor, &Packet, 1), ERROR_NOT_SUPPORTED);
    FAILS_WITH("wait for room on a monitor", PlaintunWait(Monitor, PLAINTUN_WAIT_SPACE, 10000), ERROR_NOT_SUPPORTED);
    PlaintunEndSession(Session);
    PLAINTUN_ADAPTER_INFO Info;
    HOLDS("info: a monitor is no session",
          PlaintunGetAdapterInfo(Adapter, &Info) && Info.State == PLAINTUN_ADAPTER_READY);
    PlaintunCloseAdapter(Opened);
    FAILS_WITH("receive when its adapter's handle is closed", PlaintunReceive(Monitor, &Packet, 1), ERROR_HANDLE_EOF);
    Monitor = PlaintunStartSession(Adapter, &Config);
    HOLDS("a monitor after the first one ended", Monitor != NULL);
    PlaintunEndSession(Monitor);
    PlaintunCloseAdapter(Adapter);
}

static void TestPackets(void)
{
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(L"packets");
    PLAINTUN_SESSION_HANDLE Session = Start(Adapter, CAPACITY);
    static PLAINTUN_PACKET Packets[8192];
    PLAINTUN_PACKET Packet;
    while (PlaintunReceive(Session, &Packet, 1))
        PlaintunRelease(Session, &Packet, 1);
    HOLDS("receive from an empty ring", GetLastError() == ERROR_NO_MORE_ITEMS);
    /* Linux may send something of its own accord; then the wait ends early. */
    BOOL TimedOut = FALSE;
    for (int i = 0; i < 20 && !TimedOut; i++)
    {
        TimedOut = !PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, 50) && GetLastError() == ERROR_TIMEOUT;
        while (PlaintunReceive(Session, &Packet, 1))
            PlaintunRelease(Session, &Packet, 1);
    }
    HOLDS("wait in vain", TimedOut);
    Packet = (PLAINTUN_PACKET){.Size = PLAINTUN_PACKET_MAX + 1};
    FAILS_WITH("allocate too much", PlaintunAllocate(Session, &Packet, 1), ERROR_INVALID_PARAMETER);

    DWORD Count = 0;
    for (; Count < ARRAYSIZE(Packets); Count++)
    {
        Packets[Count].Size = 64;
        if (!PlaintunAllocate(Session, &Packets[Count], 1))
            break;
        memset(Packets[Count].Data, 0, 64);
    }
    HOLDS("allocate until full", GetLastError() == ERROR_BUFFER_OVERFLOW);
    HOLDS("a ring takes as much as it says", Count == CAPACITY / 80);
    Packet = (PLAINTUN_PACKET){.Size = 64};
    FAILS_WITH("wait for space in vain", PlaintunWait(Session, PLAINTUN_WAIT_SPACE, 50), ERROR_TIMEOUT);
    PlaintunSend(Session, Packets, Count);
    HOLDS("wait for space", PlaintunWait(Session, PLAINTUN_WAIT_SPACE, 5000) == PLAINTUN_WAIT_SPACE);
    PLAINTUN_STATISTICS Statistics;
    HOLDS("statistics", PlaintunGetStatistics(Adapter, &Statistics));

    PlaintunEndSession(Session);
    FAILS_WITH("receive after the end", PlaintunReceive(Session, &Packet, 1), ERROR_HANDLE_EOF);
    FAILS_WITH("allocate after the end", PlaintunAllocate(Session, &Packet, 1), ERROR_HANDLE_EOF);
    FAILS_WITH("wait after the end", PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, 1000), ERROR_HANDLE_EOF);
    HOLDS("no packets event after the end", PlaintunGetPacketsEvent(Session) == NULL);
    HOLDS("no space event after the end", PlaintunGetSpaceEvent(Session) == NULL);
    PlaintunRelease(Session, &Packet, 1);
    PlaintunSend(Session, &Packet, 1);
    HOLDS("release and send after the end do nothing", TRUE);
    PlaintunCloseAdapter(Adapter);
}

static void TestWintunPackets(void)
{
    WINTUN_ADAPTER_HANDLE Adapter = Wintun.CreateAdapter(L"wintun", L"Contract", NULL);
    HOLDS("wintun create", Adapter != NULL);
    WINTUN_SESSION_HANDLE Session = Wintun.StartSession(Adapter, CAPACITY);
    HOLDS("wintun start", Session != NULL);
    HOLDS("wintun read event", Wintun.GetReadWaitEvent(Session) != NULL);
    DWORD Size;
    BYTE *Data;
    while ((Data = Wintun.ReceivePacket(Session, &Size)) != NULL)
        Wintun.ReleaseReceivePacket(Session, Data);
    HOLDS("wintun receive from an empty ring", GetLastError() == ERROR_NO_MORE_ITEMS);
    BYTE *First = Wintun.AllocateSendPacket(Session, 64), *Last = NULL;
    HOLDS("wintun allocate", First != NULL);
    memset(First, 0, 64);
    while ((Data = Wintun.AllocateSendPacket(Session, 0xffff)) != NULL)
    {
        memset(Data, 0, 0xffff);
        Wintun.SendPacket(Session, Data);
        Last = Data;
    }
    HOLDS("wintun allocate until full", GetLastError() == ERROR_BUFFER_OVERFLOW && Last != NULL);
    Wintun.SendPacket(Session, First);
    RING *ToApp, *ToStack;
    HOLDS("the rings are where the protocol says", FindRings(CAPACITY, &ToApp, &ToStack));
    atomic_fetch_add(&ToApp->Tail, 7);
    FAILS_WITH("wintun receive from a corrupt ring", Wintun.ReceivePacket(Session, &Size), ERROR_INVALID_DATA);
    Wintun.EndSession(Session);
    Session = Wintun.StartSession(Adapter, CAPACITY);
    HOLDS("wintun start after a corrupt ring", Session != NULL);
    Wintun.CloseAdapter(Adapter);
    FAILS_WITH("wintun receive after the adapter was closed", Wintun.ReceivePacket(Session, &Size), ERROR_HANDLE_EOF);
    FAILS_WITH("wintun allocate after the adapter was closed", Wintun.AllocateSendPacket(Session, 64),
               ERROR_HANDLE_EOF);
    Wintun.EndSession(Session);
}

/* --- ends ----------------------------------------------------------------------------------------------------------- */

typedef struct _WAITER
{
    PLAINTUN_SESSION_HANDLE Session;
    WINTUN_SESSION_HANDLE WintunSession;
    HANDLE Event;
    atomic_bool Busy;
    DWORD Error;
} WAITER;

static DWORD WINAPI WaitPackets(void *Context)
{
    WAITER *Waiter = Context;
    atomic_store(&Waiter->Busy, TRUE);
    while (PlaintunWait(Waiter->Session, PLAINTUN_WAIT_PACKETS, INFINITE))
    {
        PLAINTUN_PACKET Packet;
        if (PlaintunReceive(Waiter->Session, &Packet, 1))
            PlaintunRelease(Waiter->Session, &Packet, 1);
    }
    Waiter->Error = GetLastError();
    return 0;
}

static DWORD WINAPI ReceiveAlways(void *Context)
{
    WAITER *Waiter = Context;
    do
    {
        PLAINTUN_PACKET Packet;
        if (PlaintunReceive(Waiter->Session, &Packet, 1))
            PlaintunRelease(Waiter->Session, &Packet, 1);
        atomic_store(&Waiter->Busy, TRUE);
    } while (GetLastError() != ERROR_HANDLE_EOF);
    Waiter->Error = GetLastError();
    return 0;
}

static DWORD WINAPI SendAlways(void *Context)
{
    WAITER *Waiter = Context;
    for (;;)
    {
        PLAINTUN_PACKET Packets[16];
        for (size_t i = 0; i < ARRAYSIZE(Packets); i++)
            Packets[i].Size = 100;
        DWORD Count = PlaintunAllocate(Waiter->Session, Packets, ARRAYSIZE(Packets));
        if (Count == 0 && GetLastError() == ERROR_HANDLE_EOF)
            break;
        for (DWORD i = 0; i < Count; i++)
            memset(Packets[i].Data, 0, 100);
        PlaintunSend(Waiter->Session, Packets, Count);
        atomic_store(&Waiter->Busy, TRUE);
    }
    Waiter->Error = GetLastError();
    return 0;
}

/* As programs written for Wintun do it. */
static DWORD WINAPI WaitForWintun(void *Context)
{
    WAITER *Waiter = Context;
    for (;;)
    {
        DWORD Size;
        BYTE *Data = Wintun.ReceivePacket(Waiter->WintunSession, &Size);
        if (Data)
            Wintun.ReleaseReceivePacket(Waiter->WintunSession, Data);
        else if (GetLastError() != ERROR_NO_MORE_ITEMS)
            break;
        else
        {
            atomic_store(&Waiter->Busy, TRUE);
            WaitForSingleObject(Waiter->Event, INFINITE);
        }
    }
    Waiter->Error = GetLastError();
    return 0;
}

static BOOL IsBusy(void *Context)
{
    return atomic_load(&((WAITER *)Context)->Busy);
}

static void TestEndUnderThreads(void)
{
    static const struct
    {
        const char *Name;
        LPTHREAD_START_ROUTINE Run;
    } Kinds[] = {{"end while another thread waits", WaitPackets},
                 {"end while another thread receives", ReceiveAlways},
                 {"end while another thread sends", SendAlways},
                 {"end while another thread waits on wintun's event", WaitForWintun}};
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(L"end");
    WINTUN_ADAPTER_HANDLE Opened = Wintun.OpenAdapter(L"end");
    for (size_t i = 0; i < ARRAYSIZE(Kinds); i++)
    {
        int Good = 0;
        DWORD Last = 0;
        for (int Round = 0; Round < 20; Round++)
        {
            WAITER Waiter = {0};
            BOOL IsWintun = Kinds[i].Run == WaitForWintun;
            if (IsWintun)
            {
                Waiter.WintunSession = Wintun.StartSession(Opened, CAPACITY);
                Waiter.Event = Wintun.GetReadWaitEvent(Waiter.WintunSession);
            }
            else
                Waiter.Session = Start(Adapter, CAPACITY);
            HANDLE Threads[3];
            for (size_t t = 0; t < ARRAYSIZE(Threads); t++)
                Threads[t] = CreateThread(NULL, 0, Kinds[i].Run, &Waiter, 0, NULL);
            Eventually(IsBusy, &Waiter);
            if (IsWintun)
                Wintun.EndSession(Waiter.WintunSession);
            else
                PlaintunEndSession(Waiter.Session);
            if (WaitForMultipleObjects(ARRAYSIZE(Threads), Threads, TRUE, 5000) == WAIT_OBJECT_0 &&
                Waiter.Error == ERROR_HANDLE_EOF)
                Good++;
            else
                Last = Waiter.Error;
            for (size_t t = 0; t < ARRAYSIZE(Threads); t++)
                CloseHandle(Threads[t]);
        }
        Report(Good == 20, Kinds[i].Name, "%d of 20 times well, last error %lu", Good, Last);
    }
    Wintun.CloseAdapter(Opened);
    PlaintunCloseAdapter(Adapter);
}

/* Has Linux send a packet into the adapter: its own UDP, from the adapter's address to a neighbour. */
static BOOL ProvokePacket(const NET_LUID *Luid)
{
    WSADATA Data;
    if (SetAddress(Luid, L"10.99.7.1/24") != NO_ERROR || WSAStartup(0x202, &Data) != 0)
        return FALSE;
    SOCKET Socket = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in To = {.sin_family = AF_INET, .sin_port = 0x0900, .sin_addr.S_un.S_addr = 0x0207630a};
    BOOL Sent = sendto(Socket, "plaintun", 8, 0, (struct sockaddr *)&To, sizeof(To)) == 8;
    closesocket(Socket);
    return Sent;
}

static void TestHeldPacket(void)
{
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(L"held");
    PLAINTUN_SESSION_HANDLE Session = Start(Adapter, CAPACITY);
    PLAINTUN_ADAPTER_INFO Info;
    PlaintunGetAdapterInfo(Adapter, &Info);
    HOLDS("a Windows program sends through its own adapter", ProvokePacket(&Info.Luid));
    for (;;)
    {
        PLAINTUN_PACKET Packet;
        if (!PlaintunReceive(Session, &Packet, 1))
        {
            if (PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, 5000))
                continue;
            HOLDS("its packet comes", FALSE);
            break;
        }
        if (Packet.Size == 36 && memcmp(Packet.Data + 28, "plaintun", 8) == 0)
        {
            HOLDS("its packet comes", TRUE);
            PLAINTUN_PACKET Unsent = {.Size = 100};
            HOLDS("allocate before the end", PlaintunAllocate(Session, &Unsent, 1) == 1);
            PlaintunEndSession(Session);
            HOLDS("a held packet stays readable after the end", memcmp(Packet.Data + 28, "plaintun", 8) == 0);
            memset(Unsent.Data, 1, Unsent.Size);
            PlaintunSend(Session, &Unsent, 1);
            PlaintunRelease(Session, &Packet, 1);
            break;
        }
        PlaintunRelease(Session, &Packet, 1);
    }
    Session = Start(Adapter, CAPACITY);
    HOLDS("start after a held packet was given back", Session != NULL);
    PlaintunCloseAdapter(Adapter);
}

static BOOL IsGone(void *Context)
{
    PLAINTUN_ADAPTER_INFO Info;
    return !PlaintunGetAdapterInfo(Context, &Info) && GetLastError() == ERROR_HANDLE_EOF;
}

static void TestRemoval(void)
{
    PLAINTUN_ADAPTER_HANDLE Creator = Create(L"removal"), Adapter = PlaintunOpenAdapter(L"removal");
    WAITER Waiter = {.Session = Start(Adapter, CAPACITY)};
    PLAINTUN_PACKET Packet = {.Size = 64};
    HANDLE Thread = CreateThread(NULL, 0, WaitPackets, &Waiter, 0, NULL);
    Eventually(IsBusy, &Waiter);
    PlaintunCloseAdapter(Creator);
    HOLDS("a waiting thread learns that the adapter is gone",
          WaitForSingleObject(Thread, 5000) == WAIT_OBJECT_0 && Waiter.Error == ERROR_HANDLE_EOF);
    CloseHandle(Thread);
    FAILS_WITH("receive from a removed adapter", PlaintunReceive(Waiter.Session, &Packet, 1), ERROR_HANDLE_EOF);
    FAILS_WITH("allocate on a removed adapter", PlaintunAllocate(Waiter.Session, &Packet, 1), ERROR_HANDLE_EOF);
    FAILS_WITH("wait on a removed adapter", PlaintunWait(Waiter.Session, PLAINTUN_WAIT_PACKETS, 1000),
               ERROR_HANDLE_EOF);
    /* The session ends before the device goes. */
    HOLDS("info of a removed adapter", Eventually(IsGone, Adapter));
    PLAINTUN_STATISTICS Statistics;
    FAILS_WITH("statistics of a removed adapter", PlaintunGetStatistics(Adapter, &Statistics), ERROR_HANDLE_EOF);
    PlaintunEndSession(Waiter.Session);
    FAILS_WITH("start on a removed adapter", Start(Adapter, CAPACITY), ERROR_HANDLE_EOF);
    PlaintunCloseAdapter(Adapter);
}

static BOOL IsClosed(void *Context)
{
    return RingClosed(Context) != 0;
}

static void TestCorruptRing(void)
{
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(L"corrupt");
    PLAINTUN_PACKET Packet = {.Size = 64};
    PLAINTUN_SESSION_HANDLE Session = Start(Adapter, CAPACITY);
    RING *ToApp, *ToStack;
    HOLDS("rings of a corrupt session", FindRings(CAPACITY, &ToApp, &ToStack));
    atomic_fetch_add(&ToApp->Tail, 7);
    FAILS_WITH("receive from a corrupt ring", PlaintunReceive(Session, &Packet, 1), ERROR_INVALID_DATA);
    FAILS_WITH("wait on a corrupt ring", PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, 1000), ERROR_INVALID_DATA);
    PlaintunEndSession(Session);

    Session = Start(Adapter, CAPACITY);
    HOLDS("start after a corrupt ring", Session && FindRings(CAPACITY, &ToApp, &ToStack));
    for (ULONGLONG End = GetTickCount64() + 5000; !RingClosed(ToStack) && GetTickCount64() < End;)
    {
        /* The library writes a right index, and wakes the driver; a wrong one goes over it. */
        if (PlaintunAllocate(Session, &Packet, 1))
        {
            memset(Packet.Data, 0, 64);
            PlaintunSend(Session, &Packet, 1);
        }
        atomic_fetch_or(&ToStack->Tail, 5);
    }
    HOLDS("the driver closes a corrupt ring", RingClosed(ToStack) != 0);
    HOLDS("and says why", RingClosed(ToStack) == TUN_CLOSED_CORRUPT_TOSTACK);
    FAILS_WITH("wait on a ring closed as corrupt", PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, 5000),
               ERROR_INVALID_DATA);
    PlaintunEndSession(Session);
    Session = Start(Adapter, CAPACITY);
    HOLDS("start after the driver closed a ring", Session != NULL);
    PlaintunCloseAdapter(Adapter);
}

/* --- the control device, without the library ------------------------------------------------------------------------- */

static HANDLE OpenDevice(const GUID *G, LPCWSTR Behind)
{
    WCHAR Path[160];
    _snwprintf(Path, ARRAYSIZE(Path),
               L"\\\\.\\Global\\" TUN_DEVICE_PREFIX L"{%08lX-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}%ls", G->Data1,
               G->Data2, G->Data3, G->Data4[0], G->Data4[1], G->Data4[2], G->Data4[3], G->Data4[4], G->Data4[5],
               G->Data4[6], G->Data4[7], Behind);
    return CreateFileW(Path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0,
                       NULL);
}

static BOOL StartRaw(HANDLE Device, TUN_START_INPUT Input, TUN_START_OUTPUT *Output)
{
    DWORD Got;
    return DeviceIoControl(Device, TUN_IOCTL_START, &Input, sizeof(Input), Output, sizeof(*Output), &Got, NULL);
}

/* A program that speaks to the driver without the library and lies: each lie closes both rings, with the reason. */
static void TestLies(const GUID *Guid)
{
    static const struct
    {
        const char *Name;
        uint32_t Tail, Length, Head;
        uint32_t Reason;
    } Lies[] = {
        {"lie: a packet longer than what is published", 64, 0x7fffffff, 0, TUN_CLOSED_CORRUPT_TOSTACK},
        {"lie: a packet of four gigabytes", 64, 0xffffffff, 0, TUN_CLOSED_CORRUPT_TOSTACK},
        {"lie: a packet that ends beyond the tail", 32, 64, 0, TUN_CLOSED_CORRUPT_TOSTACK},
        {"lie: a tail beyond the ring", CAPACITY + 16, 64, 0, TUN_CLOSED_CORRUPT_TOSTACK},
        {"lie: a tail that went back", 0u - 16, 64, 0, TUN_CLOSED_CORRUPT_TOSTACK},
        {"lie: a tail that is not aligned", 81, 64, 0, TUN_CLOSED_CORRUPT_TOSTACK},
    };
    HANDLE Events[3];
    for (int i = 0; i < 3; i++)
        Events[i] = CreateEventW(NULL, i < 2, FALSE, NULL);
    for (size_t i = 0; i < ARRAYSIZE(Lies); i++)
    {
        HANDLE Device = OpenDevice(Guid, L"");
        TUN_START_OUTPUT Output = {0};
        BOOL Started = StartRaw(Device,
                                (TUN_START_INPUT){.Protocol = TUN_PROTOCOL,
                                                  .Capacity = CAPACITY,
                                                  .ToAppPackets = (UINT64)(ULONG_PTR)Events[0],
                                                  .ToStackSpace = (UINT64)(ULONG_PTR)Events[1],
                                                  .ToStackPackets = (UINT64)(ULONG_PTR)Events[2]},
                                &Output);
        HANDLE Section = (HANDLE)(ULONG_PTR)Output.Section;
        BYTE *Memory = Started ? MapViewOfFile(Section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0) : NULL;
        HOLDS("a session without the library", Memory != NULL);
        if (Memory)
        {
            RING *ToApp = (RING *)(Memory + Output.ToApp), *ToStack = (RING *)(Memory + Output.ToStack);
            RING_PACKET *Packet = (RING_PACKET *)((BYTE *)ToStack + RING_DATA_OFFSET);
            atomic_store(&Packet->Length, Lies[i].Length);
            atomic_store(&ToStack->Tail, Lies[i].Tail);
            SetEvent(Events[2]);
            BOOL Closed = Eventually(IsClosed, ToStack);
            Report(Closed && RingClosed(ToStack) == Lies[i].Reason && RingClosed(ToApp) == Lies[i].Reason, Lies[i].Name,
                   "the rings say %u and %u, not %u", RingClosed(ToStack), RingClosed(ToApp), Lies[i].Reason);
            HOLDS("a lie wakes the liar", WaitForSingleObject(Events[0], 5000) == WAIT_OBJECT_0 &&
                                              WaitForSingleObject(Events[1], 5000) == WAIT_OBJECT_0);
            UnmapViewOfFile(Memory);
            CloseHandle(Section);
        }
        CloseHandle(Device);
        ResetEvent(Events[0]);
        ResetEvent(Events[1]);
    }
    for (int i = 0; i < 3; i++)
        CloseHandle(Events[i]);
}

static void TestDevice(void)
{
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(L"device");
    PLAINTUN_ADAPTER_INFO Info;
    PlaintunGetAdapterInfo(Adapter, &Info);
    HANDLE Device = OpenDevice(&Info.Guid, L"");
    HOLDS("open the device", Device != INVALID_HANDLE_VALUE);
    HOLDS("no file behind the device", OpenDevice(&Info.Guid, L"\\file") == INVALID_HANDLE_VALUE);
    HANDLE Event = CreateEventW(NULL, TRUE, FALSE, NULL);
    HANDLE Mutex = CreateMutexW(NULL, FALSE, NULL);
    UINT64 E = (UINT64)(ULONG_PTR)Event;
    const TUN_START_INPUT Good = {
        .Protocol = TUN_PROTOCOL, .Capacity = CAPACITY, .ToAppPackets = E, .ToStackPackets = E, .ToStackSpace = E};
    DWORD Got;
    TUN_QUERY Query;
    HOLDS("query", DeviceIoControl(Device, TUN_IOCTL_QUERY, NULL, 0, &Query, sizeof(Query), &Got, NULL) &&
                       Got == sizeof(Query) && Query.Protocol == TUN_PROTOCOL && Query.Running == 1);
    HOLDS("query into a short buffer",
          !DeviceIoControl(Device, TUN_IOCTL_QUERY, NULL, 0, &Query, sizeof(Query) - 1, &Got, NULL));
    FAILS_WITH("an unknown request", DeviceIoControl(Device, TUN_IOCTL(0x8ff), NULL, 0, NULL, 0, &Got, NULL),
               ERROR_INVALID_FUNCTION);
    TUN_START_OUTPUT Output;
    HOLDS("start with a short buffer",
          !DeviceIoControl(Device, TUN_IOCTL_START, (void *)&Good, 8, &Output, sizeof(Output), &Got, NULL));
    TUN_START_INPUT Bad = Good;
    Bad.Protocol++;
    FAILS_WITH("start with another protocol", StartRaw(Device, Bad, &Output), ERROR_REVISION_MISMATCH);
    Bad = Good;
    Bad.Flags = TUN_START_MONITOR << 1;
    FAILS_WITH("start with unknown flags", StartRaw(Device, Bad, &Output), ERROR_INVALID_PARAMETER);
    Bad = Good;
    Bad.Capacity = 12345;
    FAILS_WITH("start with a wrong capacity, raw", StartRaw(Device, Bad, &Output), ERROR_INVALID_PARAMETER);
    Bad = Good;
    Bad.ToStackSpace = 0x7ff0;
    FAILS_WITH("start with no event", StartRaw(Device, Bad, &Output), ERROR_INVALID_HANDLE);
    Bad.ToStackSpace = (UINT64)(ULONG_PTR)Mutex;
    HOLDS("start with a mutex for an event", !StartRaw(Device, Bad, &Output));
    HOLDS("start", StartRaw(Device, Good, &Output) && Output.SectionSize == 2 * TunRingStride(CAPACITY));
    HOLDS("whose the session is",
          DeviceIoControl(Device, TUN_IOCTL_QUERY, NULL, 0, &Query, sizeof(Query), &Got, NULL) &&
              Query.SessionProcessId == GetCurrentProcessId());
    FAILS_WITH("start twice", StartRaw(Device, Good, &Output), ERROR_BUSY);
    CloseHandle((HANDLE)(ULONG_PTR)Output.Section);
    HANDLE Second = OpenDevice(&Info.Guid, L"");
    HOLDS("ending another's session does nothing",
          Second != INVALID_HANDLE_VALUE &&
              (DeviceIoControl(Second, TUN_IOCTL_END, NULL, 0, NULL, 0, &Got, NULL), TRUE) &&
              PlaintunGetAdapterInfo(Adapter, &Info) && Info.State == PLAINTUN_ADAPTER_CONNECTED);
    CloseHandle(Second);
    CloseHandle(Device);
    HOLDS("closing the device ends its session",
          PlaintunGetAdapterInfo(Adapter, &Info) && Info.State == PLAINTUN_ADAPTER_READY);
    TestLies(&Info.Guid);
    Device = OpenDevice(&Info.Guid, L"");
    PlaintunCloseAdapter(Adapter);
    HOLDS("a query after the adapter went",
          !DeviceIoControl(Device, TUN_IOCTL_QUERY, NULL, 0, &Query, sizeof(Query), &Got, NULL));
    HOLDS("closing after the adapter went", CloseHandle(Device));
    CloseHandle(Event);
    CloseHandle(Mutex);
}

/* --- log ------------------------------------------------------------------------------------------------------------ */

static atomic_int LogLines, WintunLogLines;
static DWORD64 LogTime;

static void CALLBACK Log(PLAINTUN_LOG_LEVEL Level, DWORD64 Time, LPCWSTR Message)
{
    LogTime = Time;
    char Line[512];
    int Size = snprintf(Line, sizeof(Line) - 1, "log %d: %ls", Level, Message);
    Size = Size < 0 || Size > (int)sizeof(Line) - 2 ? (int)sizeof(Line) - 2 : Size;
    Line[Size++] = '\n';
    DWORD Written;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), Line, Size, &Written, NULL);
    atomic_fetch_add(&LogLines, 1);
}

static void CALLBACK WintunLog(WINTUN_LOGGER_LEVEL Level, DWORD64 Time, LPCWSTR Message)
{
    atomic_fetch_add(&WintunLogLines, 1);
}

static void TestLog(void)
{
    FILETIME Now;
    GetSystemTimeAsFileTime(&Now);
    DWORD64 Time = (DWORD64)Now.dwHighDateTime << 32 | Now.dwLowDateTime;
    HOLDS("failures were logged", atomic_load(&LogLines) > 0);
    HOLDS("with the time", LogTime <= Time && Time - LogTime < 600ull * 10000000);
    HOLDS("wintun's failures were logged", atomic_load(&WintunLogLines) > 0);
    PlaintunSetLogger(NULL);
    int Before = atomic_load(&LogLines);
    PlaintunCreateAdapter(NULL);
    HOLDS("no log when it is off", atomic_load(&LogLines) == Before);
}

int wmain(int Count, WCHAR **Arguments)
{
    HOLDS("load wintun.dll and its 14 functions", LoadWintun());
    PlaintunSetLogger(Log);
    Wintun.SetLogger(WintunLog);
    TestNothingYet();
    TestConfiguration();
    TestIdentity();
    TestStart();
    TestMonitor();
    TestPackets();
    TestWintunPackets();
    TestEndUnderThreads();
    TestHeldPacket();
    TestRemoval();
    TestCorruptRing();
    TestDevice();
    TestLog();
    HOLDS("delete driver", PlaintunDeleteDriver());
    FAILS_WITH("version after the driver was deleted", PlaintunGetDriverVersion(), ERROR_FILE_NOT_FOUND);
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(L"again");
    HOLDS("create after the driver was deleted", Adapter != NULL);
    PlaintunCloseAdapter(Adapter);
    puts("done");
    fflush(stdout);
    return 0;
}
