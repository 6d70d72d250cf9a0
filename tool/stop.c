/* SPDX-License-Identifier: MIT */
/* When a command ends that has no end of its own: Ctrl-C, or a console that is closed. Time, too. */
#include "tool/tool.h"

static HANDLE Stop;
static volatile LONG Wishes;

/* Runs in a thread that the system makes for it: "HandlerRoutine callback function", learn.microsoft.com/windows/console/
 * handlerroutine. The second Ctrl-C is left to the system, which ends the program. When the console is closed or the user
 * signs out, the program would end as soon as this returns: the main thread gets the seconds that the system grants. */
static BOOL WINAPI OnConsoleEvent(DWORD Event)
{
    LONG Count = InterlockedIncrement(&Wishes);
    SetEvent(Stop);
    if (Event != CTRL_C_EVENT && Event != CTRL_BREAK_EVENT)
        Sleep(INFINITE);
    return Count == 1;
}

HANDLE StopEvent(void)
{
    Stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    return Stop != NULL && SetConsoleCtrlHandler(OnConsoleEvent, TRUE) ? Stop : NULL;
}

BOOL StopWanted(void)
{
    return Wishes > 0 || OutputLost();
}

ULONG64 Microseconds(void)
{
    static LARGE_INTEGER Frequency;
    if (Frequency.QuadPart == 0)
        QueryPerformanceFrequency(&Frequency);
    LARGE_INTEGER Now;
    QueryPerformanceCounter(&Now);
    /* In two parts, so that the product stays within 64 bits. */
    return Now.QuadPart / Frequency.QuadPart * 1000000 +
           Now.QuadPart % Frequency.QuadPart * 1000000 / Frequency.QuadPart;
}

ULONG64 SystemTime(void)
{
    FILETIME Time;
    GetSystemTimePreciseAsFileTime(&Time);
    return (ULONG64)Time.dwHighDateTime << 32 | Time.dwLowDateTime;
}
