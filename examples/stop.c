/* SPDX-License-Identifier: MIT */
/*
 * When an example stops: Ctrl-C, "quit" on standard input, or a time limit. All three end in one event, so that the
 * program's own loop leaves in order: sessions ended, adapters closed, counters printed.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "examples/example.h"

static HANDLE Stop;
static atomic_bool Wanted;

static void RequestStop(void)
{
    atomic_store_explicit(&Wanted, TRUE, memory_order_relaxed);
    SetEvent(Stop);
}

/* Runs in a thread that the system makes for it. */
static BOOL WINAPI OnConsoleEvent(DWORD Event)
{
    RequestStop();
    return TRUE;
}

/* The end of the input is no wish to stop: a program in the background has none. */
static DWORD WINAPI ReadInput(void *Context)
{
    char Line[16];
    while (fgets(Line, sizeof(Line), stdin))
        if (strncmp(Line, "quit", 4) == 0)
            RequestStop();
    return 0;
}

static void CALLBACK OnTime(void *Context, BOOLEAN TimerFired)
{
    RequestStop();
}

HANDLE StopEvent(DWORD Seconds)
{
    Stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!Stop || !SetConsoleCtrlHandler(OnConsoleEvent, TRUE))
        return NULL;
    HANDLE Reader = CreateThread(NULL, 0, ReadInput, NULL, 0, NULL);
    if (!Reader)
        return NULL;
    CloseHandle(Reader);
    HANDLE Timer;
    if (Seconds && !CreateTimerQueueTimer(&Timer, NULL, OnTime, NULL, Seconds * 1000, 0, WT_EXECUTEONLYONCE))
        return NULL;
    return Stop;
}

BOOL StopWanted(void)
{
    return atomic_load_explicit(&Wanted, memory_order_relaxed);
}
