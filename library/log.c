/* SPDX-License-Identifier: MIT */
/*
 * Messages to the program's logger. Calls of the logger are made one at a time, under a lock that its owner may enter
 * again: a logger may call the library, and even PlaintunSetLogger. Nothing on the way of packets logs more than once a
 * session. Any thread.
 */
#include "library/library.h"

#define LOG_LENGTH 1024 /* UTF-16 units of a message; longer ones are cut by FormatMessageW, which then gives nothing */

static SRWLOCK LoggerLock = SRWLOCK_INIT;
static PLAINTUN_LOGGER Logger;     /* guarded by LoggerLock */
static volatile LONG LoggerThread; /* which thread is in the logger; only that thread can find its own id here */

/* Returns FALSE when this thread is in the logger already and so has the lock. */
static BOOL LoggerEnter(void)
{
    LONG Thread = (LONG)GetCurrentThreadId();
    if (LoggerThread == Thread)
        return FALSE;
    AcquireSRWLockExclusive(&LoggerLock);
    LoggerThread = Thread;
    return TRUE;
}

static void LoggerLeave(BOOL Entered)
{
    if (!Entered)
        return;
    LoggerThread = 0;
    ReleaseSRWLockExclusive(&LoggerLock);
}

static void Deliver(PLAINTUN_LOG_LEVEL Level, LPCWSTR Message)
{
    FILETIME Time;
    GetSystemTimePreciseAsFileTime(&Time);
    DWORD64 Now = (DWORD64)Time.dwHighDateTime << 32 | Time.dwLowDateTime;
    BOOL Entered = LoggerEnter();
    if (Logger != NULL)
        Logger(Level, Now, Message);
    LoggerLeave(Entered);
}

void Log(PLAINTUN_LOG_LEVEL Level, LPCWSTR Format, ...)
{
    if (Logger == NULL) /* looked at without the lock: a message on the brink of SetLogger may be lost */
        return;
    DWORD LastError = GetLastError();
    WCHAR Message[LOG_LENGTH];
    va_list Arguments;
    va_start(Arguments, Format);
    if (FormatMessageW(FORMAT_MESSAGE_FROM_STRING, Format, 0, 0, Message, LOG_LENGTH, &Arguments) == 0)
        lstrcpynW(Message, Format, LOG_LENGTH);
    va_end(Arguments);
    Deliver(Level, Message);
    SetLastError(LastError);
}

DWORD LogError(DWORD Error, LPCWSTR Format, ...)
{
    if (Logger != NULL)
    {
        WCHAR Message[LOG_LENGTH], Cause[256] = L"unknown error";
        va_list Arguments;
        va_start(Arguments, Format);
        if (FormatMessageW(FORMAT_MESSAGE_FROM_STRING, Format, 0, 0, Message, LOG_LENGTH, &Arguments) == 0)
            lstrcpynW(Message, Format, LOG_LENGTH);
        va_end(Arguments);
        DWORD Length =
            FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
                           NULL, Error, 0, Cause, ARRAYSIZE(Cause), NULL);
        while (Length > 0 && (Cause[Length - 1] == L' ' || Cause[Length - 1] == L'.'))
            Cause[--Length] = 0;
        Log(PLAINTUN_LOG_ERROR, L"%1: %2 (%3!u!)", Message, Cause, Error);
    }
    SetLastError(Error);
    return Error;
}

void WINAPI PlaintunSetLogger(PLAINTUN_LOGGER NewLogger)
{
    BOOL Entered = LoggerEnter();
    Logger = NewLogger;
    LoggerLeave(Entered);
}
