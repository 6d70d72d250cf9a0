/* SPDX-License-Identifier: MIT */
/*
 * A program that loads plaintun.dll itself, at times when a library is not at its best:
 *   loading.exe inside     creates an adapter under the loader's lock, as in a DllMain (here it is a callback of thread-local
 *                          storage, "PE Format", which comes before the program begins), and again from wmain
 *   loading.exe unload     unloads the library with an adapter and a session open, loads it again and creates that adapter,
 *                          and opens the one that is there
 *   loading.exe rename NAME NEW    renames a network connection, whoever has it (netcon.h)
 */
#define COBJMACROS
#include "include/plaintun.h"
#include <netcon.h>
#include <stdio.h>
#include <wchar.h>

#define TIMEOUT_MS 3000

static const GUID Guid = {0x7b1f2c00, 0x5d1e, 0x4a63, {0x9c, 0xfa, 0, 0, 0, 0, 0, 2}};

static __typeof__(PlaintunCreateAdapter) *Create;
static __typeof__(PlaintunOpenAdapter) *Open;
static __typeof__(PlaintunCloseAdapter) *Close;
static __typeof__(PlaintunStartSession) *Start;
static __typeof__(PlaintunGetMessage) *Message;

static HMODULE Load(void)
{
    HMODULE Library = LoadLibraryW(L"plaintun.dll");
    if (Library == NULL)
        return NULL;
    Create = (__typeof__(Create))(void *)GetProcAddress(Library, "PlaintunCreateAdapter");
    Open = (__typeof__(Open))(void *)GetProcAddress(Library, "PlaintunOpenAdapter");
    Close = (__typeof__(Close))(void *)GetProcAddress(Library, "PlaintunCloseAdapter");
    Start = (__typeof__(Start))(void *)GetProcAddress(Library, "PlaintunStartSession");
    Message = (__typeof__(Message))(void *)GetProcAddress(Library, "PlaintunGetMessage");
    return Library;
}

/* One attempt. */
static DWORD Error;
static ULONGLONG TookMs;
static WCHAR Text[1024];

static PLAINTUN_ADAPTER_HANDLE Attempt(DWORD TimeoutMs)
{
    PLAINTUN_ADAPTER_CONFIG Config = {
        .Size = sizeof(Config), .Name = L"loading", .Guid = &Guid, .TimeoutMs = TimeoutMs};
    ULONGLONG Begin = GetTickCount64();
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(&Config);
    Error = Adapter != NULL ? NO_ERROR : GetLastError();
    TookMs = GetTickCount64() - Begin;
    if (Adapter == NULL)
        Message(Text, ARRAYSIZE(Text));
    return Adapter;
}

static void Say(const char *What)
{
    printf("%s: error %lu after %llu ms: %ls\n", What, Error, TookMs, Error != NO_ERROR ? Text : L"");
    fflush(stdout);
}

/* Nothing of the C library works yet. */
static void NTAPI Inside(PVOID Module, DWORD Reason, PVOID Reserved)
{
    if (Reason == DLL_PROCESS_ATTACH && wcsstr(GetCommandLineW(), L" inside") != NULL && Load() != NULL)
        Close(Attempt(TIMEOUT_MS));
}

__attribute__((section(".CRT$XLY"), used)) static const PIMAGE_TLS_CALLBACK Callback = Inside;

static int Unload(void)
{
    HMODULE Library = Load();
    PLAINTUN_ADAPTER_HANDLE Adapter = Attempt(4 * TIMEOUT_MS);
    Say("first");
    if (Adapter == NULL || Start(Adapter, NULL) == NULL)
        return 1;
    FreeLibrary(Library);
    /* A thread of the library may still be on its way out. */
    for (int i = 0; i < 500 && GetModuleHandleW(L"plaintun.dll") != NULL; i++)
        Sleep(10);
    if (GetModuleHandleW(L"plaintun.dll") != NULL)
        return printf("it is not unloaded\n"), 1;
    if (Load() == NULL)
        return 1;
    Close(Attempt(4 * TIMEOUT_MS));
    Say("again");
    Adapter = Open(L"loading");
    Error = Adapter != NULL && Start(Adapter, NULL) != NULL ? NO_ERROR : GetLastError();
    Say("session");
    return 0;
}

/* As library/network.c does it. */
static int Rename(LPCWSTR Name, LPCWSTR New)
{
    static const CLSID Class = {0xba126ad1, 0x2166, 0x11d1, {0xb1, 0xd0, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};
    static const IID Interface = {0xc08956a2, 0x1cd3, 0x11d1, {0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};
    HMODULE Ole = LoadLibraryW(L"ole32.dll");
    HRESULT(WINAPI * Initialize)(LPVOID) = (HRESULT(WINAPI *)(LPVOID))(void *)GetProcAddress(Ole, "CoInitialize");
    HRESULT(WINAPI * Instance)(REFCLSID, LPUNKNOWN, DWORD, REFIID, LPVOID *) =
        (HRESULT(WINAPI *)(REFCLSID, LPUNKNOWN, DWORD, REFIID, LPVOID *))(void *)GetProcAddress(Ole,
                                                                                                "CoCreateInstance");
    INetConnectionManager *Manager;
    IEnumNetConnection *List;
    if (Initialize(NULL) != S_OK ||
        Instance(&Class, NULL, CLSCTX_INPROC_SERVER, &Interface, (void **)&Manager) != S_OK ||
        INetConnectionManager_EnumConnections(Manager, NCME_DEFAULT, &List) != S_OK)
        return 1;
    INetConnection *Connection;
    NETCON_PROPERTIES *Properties;
    ULONG Got;
    while (IEnumNetConnection_Next(List, 1, &Connection, &Got) == S_OK && Got == 1)
        if (INetConnection_GetProperties(Connection, &Properties) == S_OK && wcscmp(Properties->pszwName, Name) == 0)
            printf("renamed: 0x%08lx\n", INetConnection_Rename(Connection, New));
    return 0;
}

int wmain(int Count, WCHAR **Arguments)
{
    if (Count == 4 && wcscmp(Arguments[1], L"rename") == 0)
        return Rename(Arguments[2], Arguments[3]);
    if (Count != 2)
        return 2;
    if (wcscmp(Arguments[1], L"unload") == 0)
        return Unload();
    if (Create == NULL)
        return 1;
    Say("inside");
    Close(Attempt(4 * TIMEOUT_MS));
    Say("outside");
    return 0;
}
