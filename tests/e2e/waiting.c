/* SPDX-License-Identifier: MIT */
/*
 * waiting: a Windows program for test_waiting.py, written to Wintun: it waits on the read-wait event in each way that
 * programs do, and counts. It makes an adapter and a session, says "ok index=N", and reads commands:
 *
 *   polled      one thread reads without waiting, two wait beside it and read nothing
 *   registered  a wait of the thread pool's, whose callback reads until there is nothing
 *   single      a thread that takes one packet for each wait
 *   count       "ok wakes=N packets=N", of waits that ended and packets that were taken
 *   stop        ends the threads of the last of these
 *   end         three threads wait, the session ends: "ok woken=N"
 */
#include <stdio.h>
#include <string.h>
#include "examples/example.h"
#include "wintun.h"

static WINTUN_SESSION_HANDLE Session;
static WINTUN_GET_READ_WAIT_EVENT_FUNC *GetReadWaitEvent;
static WINTUN_RECEIVE_PACKET_FUNC *Receive;
static WINTUN_RELEASE_RECEIVE_PACKET_FUNC *Release;
static volatile LONG Wakes, Packets, Stop;
static HANDLE Event, Registered, Threads[3];

static BOOL TakeOne(void)
{
    DWORD Size;
    BYTE *Packet = Receive(Session, &Size);
    if (!Packet)
        return FALSE;
    Release(Session, Packet);
    InterlockedIncrement(&Packets);
    return TRUE;
}

static DWORD WINAPI Poll(void *Context)
{
    while (!Stop)
        if (!TakeOne())
            Sleep(1);
    return 0;
}

static DWORD WINAPI WaitOnly(void *Context)
{
    while (!Stop)
        if (WaitForSingleObject(Event, 100) == WAIT_OBJECT_0)
            InterlockedIncrement(&Wakes);
    return 0;
}

static DWORD WINAPI TakeOneEachWait(void *Context)
{
    while (!Stop)
        if (WaitForSingleObject(Event, 100) == WAIT_OBJECT_0)
        {
            InterlockedIncrement(&Wakes);
            TakeOne();
        }
    return 0;
}

static DWORD WINAPI WaitForTheEnd(void *Context)
{
    while (TakeOne())
        ;
    if (WaitForSingleObject(Event, 20000) == WAIT_OBJECT_0)
        InterlockedIncrement(&Wakes);
    return 0;
}

static VOID CALLBACK ReadAll(void *Context, BOOLEAN TimedOut)
{
    InterlockedIncrement(&Wakes);
    while (TakeOne())
        ;
}

static void Start(int Count, LPTHREAD_START_ROUTINE Function, LPTHREAD_START_ROUTINE First)
{
    Stop = 0;
    Wakes = Packets = 0;
    for (int i = 0; i < Count; i++)
        Threads[i] = CreateThread(NULL, 0, i == 0 ? First : Function, NULL, 0, NULL);
}

static void Join(void)
{
    Stop = 1;
    if (Registered)
        UnregisterWaitEx(Registered, INVALID_HANDLE_VALUE);
    Registered = NULL;
    for (int i = 0; i < 3; i++)
        if (Threads[i])
        {
            WaitForSingleObject(Threads[i], INFINITE);
            CloseHandle(Threads[i]);
            Threads[i] = NULL;
        }
}

int wmain(void)
{
    HMODULE Dll =
        LoadLibraryExW(L"wintun.dll", NULL, LOAD_LIBRARY_SEARCH_APPLICATION_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
#define GET(Name, Type) Type *Name = (Type *)(void *)GetProcAddress(Dll, #Name)
    GET(WintunCreateAdapter, WINTUN_CREATE_ADAPTER_FUNC);
    GET(WintunCloseAdapter, WINTUN_CLOSE_ADAPTER_FUNC);
    GET(WintunGetAdapterLUID, WINTUN_GET_ADAPTER_LUID_FUNC);
    GET(WintunStartSession, WINTUN_START_SESSION_FUNC);
    GET(WintunEndSession, WINTUN_END_SESSION_FUNC);
#undef GET
    GetReadWaitEvent = (WINTUN_GET_READ_WAIT_EVENT_FUNC *)(void *)GetProcAddress(Dll, "WintunGetReadWaitEvent");
    Receive = (WINTUN_RECEIVE_PACKET_FUNC *)(void *)GetProcAddress(Dll, "WintunReceivePacket");
    Release = (WINTUN_RELEASE_RECEIVE_PACKET_FUNC *)(void *)GetProcAddress(Dll, "WintunReleaseReceivePacket");
    WINTUN_ADAPTER_HANDLE Adapter = WintunCreateAdapter(L"waiting", L"", NULL);
    if (!Adapter)
    {
        printf("error %lu\n", GetLastError());
        return 1;
    }
    NET_LUID Luid;
    WintunGetAdapterLUID(Adapter, &Luid);
    Session = WintunStartSession(Adapter, 0x400000);
    NET_IFINDEX Index;
    if (!Session || ConvertInterfaceLuidToIndex(&Luid, &Index) != NO_ERROR)
        return 1;
    Event = GetReadWaitEvent(Session);
    printf("ok index=%lu\n", Index);
    fflush(stdout);
    char Line[64];
    while (fgets(Line, sizeof(Line), stdin) && strncmp(Line, "quit", 4) != 0)
    {
        if (strncmp(Line, "polled", 6) == 0)
            Start(3, WaitOnly, Poll);
        else if (strncmp(Line, "registered", 10) == 0)
        {
            Start(0, NULL, NULL);
            while (TakeOne())
                ;
            RegisterWaitForSingleObject(&Registered, Event, ReadAll, NULL, INFINITE, WT_EXECUTEDEFAULT);
        }
        else if (strncmp(Line, "single", 6) == 0)
            Start(1, NULL, TakeOneEachWait);
        else if (strncmp(Line, "stop", 4) == 0)
            Join();
        else if (strncmp(Line, "end", 3) == 0)
        {
            Start(3, WaitForTheEnd, WaitForTheEnd);
            Sleep(500);
            Wakes = 0;
            WintunEndSession(Session);
            Join();
        }
        printf("ok wakes=%ld packets=%ld\n", Wakes, Packets);
        fflush(stdout);
    }
    WintunCloseAdapter(Adapter);
    return 0;
}
