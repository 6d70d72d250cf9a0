/* SPDX-License-Identifier: MIT */
/*
 * Messages to the program's logger, and the text of each thread's last failure. Calls of the logger are made one at a
 * time, under a lock that its owner may enter again: a logger may call the library, and even PlaintunSetLogger. Nothing
 * on the way of packets logs more than once a session, or leaves a text. Any thread. Each thread that ever failed has its
 * text in a thread-local slot and on one list (TextsLock), so that the library can be unloaded from under it.
 */
#include "library/library.h"

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

/* --- the text of a thread's last failure ----------------------------------------------------------------------------- */

typedef struct _THREAD_TEXT
{
    struct _THREAD_TEXT *Next, **Link;
    RELAY *Relay; /* through which this thread speaks; NULL: for itself */
    WCHAR Text[LOG_LENGTH];
} THREAD_TEXT;

static SRWLOCK TextsLock = SRWLOCK_INIT;
static THREAD_TEXT *Texts;                  /* guarded by TextsLock */
static DWORD TextSlot = TLS_OUT_OF_INDEXES; /* set before any thread comes here, kept until none can */

static THREAD_TEXT *ThreadText(void)
{
    THREAD_TEXT *Thread = TlsGetValue(TextSlot);
    if (Thread != NULL)
        return Thread;
    Thread = Allocate(sizeof(*Thread));
    if (Thread == NULL)
        return NULL;
    if (!TlsSetValue(TextSlot, Thread))
    {
        Free(Thread);
        return NULL;
    }
    AcquireSRWLockExclusive(&TextsLock);
    Thread->Next = Texts;
    Thread->Link = &Texts;
    if (Texts != NULL)
        Texts->Link = &Thread->Next;
    Texts = Thread;
    ReleaseSRWLockExclusive(&TextsLock);
    return Thread;
}

/* https://learn.microsoft.com/windows/win32/dlls/using-thread-local-storage-in-a-dynamic-link-library */
BOOL LogLoad(void)
{
    TextSlot = TlsAlloc();
    return TextSlot != TLS_OUT_OF_INDEXES;
}

void LogThreadEnd(void)
{
    THREAD_TEXT *Thread = TlsGetValue(TextSlot);
    if (Thread == NULL)
        return;
    TlsSetValue(TextSlot, NULL);
    AcquireSRWLockExclusive(&TextsLock);
    *Thread->Link = Thread->Next;
    if (Thread->Next != NULL)
        Thread->Next->Link = Thread->Link;
    ReleaseSRWLockExclusive(&TextsLock);
    Free(Thread);
}

void LogUnload(void)
{
    while (Texts != NULL)
    {
        THREAD_TEXT *Thread = Texts;
        Texts = Thread->Next;
        Free(Thread);
    }
    TlsFree(TextSlot);
}

void KeepText(LPCWSTR Text)
{
    THREAD_TEXT *Thread = ThreadText();
    if (Thread != NULL)
        lstrcpynW(Thread->Text, Text, LOG_LENGTH);
}

LPCWSTR ShortText(LPCWSTR Text, LPWSTR Short, DWORD Room)
{
    lstrcpynW(Short, Text, (int)Room);
    if ((DWORD)lstrlenW(Text) < Room)
        return Short;
    DWORD End = Room - 2;
    if (IS_HIGH_SURROGATE(Short[End - 1]))
        --End; /* no half of a pair */
    Short[End] = L'\x2026';
    Short[End + 1] = 0;
    return Short;
}

#define WHOLE_LENGTH 0x7fff /* FormatMessageW makes nothing longer than 64 KB */

/* Where the buffer is too small FormatMessageW leaves nothing in it. */
static void FormatText(LPCWSTR Format, va_list *Arguments, WCHAR *Text, DWORD Room)
{
    va_list Again;
    va_copy(Again, *Arguments);
    if (FormatMessageW(FORMAT_MESSAGE_FROM_STRING, Format, 0, 0, Text, Room, Arguments) == 0)
    {
        LPWSTR Whole = Allocate(WHOLE_LENGTH * sizeof(WCHAR));
        if (Whole != NULL && FormatMessageW(FORMAT_MESSAGE_FROM_STRING, Format, 0, 0, Whole, WHOLE_LENGTH, &Again) != 0)
            ShortText(Whole, Text, Room);
        else
            lstrcpynW(Text, Format, (int)Room);
        Free(Whole);
    }
    va_end(Again);
}

#define CAUSE_LENGTH 256 /* UTF-16 units of the system's text, and of what stands around it */

/* "<text> (error 5: Access is denied)" into Message, and into the thread's slot. */
static void Compose(DWORD Error, LPCWSTR Format, va_list *Arguments, WCHAR Message[LOG_LENGTH])
{
    WCHAR Text[LOG_LENGTH - CAUSE_LENGTH], Cause[CAUSE_LENGTH - 32] = L"unknown";
    FormatText(Format, Arguments, Text, ARRAYSIZE(Text));
    DWORD Length =
        FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL,
                       Error, 0, Cause, ARRAYSIZE(Cause), NULL);
    while (Length > 0 && (Cause[Length - 1] == L' ' || Cause[Length - 1] == L'.'))
        Cause[--Length] = 0;
    /* An HRESULT or a CONFIGRET of the system is known by its hexadecimal digits. */
    LPCWSTR Whole = (LONG)Error < 0 ? L"%1 (error 0x%2!08x!: %3)" : L"%1 (error %2!u!: %3)";
    DWORD_PTR Parts[] = {(DWORD_PTR)Text, Error, (DWORD_PTR)Cause};
    if (FormatMessageW(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY, Whole, 0, 0, Message, LOG_LENGTH,
                       (va_list *)Parts) == 0)
        lstrcpynW(Message, Text, LOG_LENGTH);
    KeepText(Message);
}

/* --- messages -------------------------------------------------------------------------------------------------------- */

/* Has whoever waits for this thread call the logger, and waits until that is done, or nobody listens any more. */
static void HandOver(RELAY *Relay, PLAINTUN_LOG_LEVEL Level, LPCWSTR Message)
{
    if (Relay->Left)
        return;
    Relay->Level = Level;
    Relay->Message = Message;
    SetEvent(Relay->Said);
    WaitForSingleObject(Relay->Heard, INFINITE);
}

/* The logger may call the library: what fails there is not what the program asked for, and leaves no text. */
static void Deliver(PLAINTUN_LOG_LEVEL Level, LPCWSTR Message)
{
    const THREAD_TEXT *Thread = TlsGetValue(TextSlot);
    if (Thread != NULL && Thread->Relay != NULL)
    {
        HandOver(Thread->Relay, Level, Message);
        return;
    }
    FILETIME Time;
    GetSystemTimePreciseAsFileTime(&Time);
    DWORD64 Now = (DWORD64)Time.dwHighDateTime << 32 | Time.dwLowDateTime;
    WCHAR Kept[LOG_LENGTH];
    PlaintunGetMessage(Kept, LOG_LENGTH);
    BOOL Entered = LoggerEnter();
    if (Logger != NULL)
        Logger(Level, Now, Message);
    LoggerLeave(Entered);
    if (TlsGetValue(TextSlot) != NULL)
        KeepText(Kept);
}

void Log(PLAINTUN_LOG_LEVEL Level, LPCWSTR Format, ...)
{
    if (Logger == NULL) /* looked at without the lock: a message on the brink of SetLogger may be lost */
        return;
    DWORD LastError = GetLastError();
    va_list Arguments;
    va_start(Arguments, Format);
    WCHAR Message[LOG_LENGTH];
    FormatText(Format, &Arguments, Message, LOG_LENGTH);
    va_end(Arguments);
    Deliver(Level, Message);
    SetLastError(LastError);
}

DWORD LogError(DWORD Error, LPCWSTR Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    WCHAR Message[LOG_LENGTH];
    Compose(Error, Format, &Arguments, Message);
    va_end(Arguments);
    if (Logger != NULL)
        Deliver(PLAINTUN_LOG_ERROR, Message);
    SetLastError(Error);
    return Error;
}

DWORD LogErrorText(DWORD Error, LPCWSTR Text)
{
    KeepText(Text);
    Deliver(PLAINTUN_LOG_ERROR, Text);
    SetLastError(Error);
    return Error;
}

DWORD KeepError(DWORD Error, LPCWSTR Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    WCHAR Message[LOG_LENGTH];
    Compose(Error, Format, &Arguments, Message);
    va_end(Arguments);
    SetLastError(Error);
    return Error;
}

void LogKept(void)
{
    DWORD LastError = GetLastError();
    WCHAR Message[LOG_LENGTH]; /* the logger may have the text change */
    if (PlaintunGetMessage(Message, LOG_LENGTH) != 0 && Logger != NULL)
        Deliver(PLAINTUN_LOG_ERROR, Message);
    SetLastError(LastError);
}

DWORD WINAPI PlaintunGetMessage(LPWSTR Text, DWORD Count)
{
    DWORD LastError = GetLastError();
    const THREAD_TEXT *Thread = TlsGetValue(TextSlot); /* sets the last error, even to 0 */
    LPCWSTR Message = Thread != NULL ? Thread->Text : L"";
    if (Text != NULL && Count > 0)
        lstrcpynW(Text, Message, (int)Count);
    SetLastError(LastError);
    return (DWORD)lstrlenW(Message);
}

/* --- a thread that works for another ---------------------------------------------------------------------------------- */

BOOL LogThrough(RELAY *Relay)
{
    THREAD_TEXT *Thread = ThreadText();
    if (Thread != NULL)
        Thread->Relay = Relay;
    return Thread != NULL;
}

void LogStep(LPCWSTR Step)
{
    DWORD LastError = GetLastError();
    const THREAD_TEXT *Thread = TlsGetValue(TextSlot);
    if (Thread != NULL && Thread->Relay != NULL)
        Thread->Relay->Step = Step;
    SetLastError(LastError);
}

void LogRelayed(RELAY *Relay)
{
    Deliver(Relay->Level, Relay->Message);
    SetEvent(Relay->Heard);
}

/* --- the logger ------------------------------------------------------------------------------------------------------ */

void WINAPI PlaintunSetLogger(PLAINTUN_LOGGER NewLogger)
{
    BOOL Entered = LoggerEnter();
    Logger = NewLogger;
    LoggerLeave(Entered);
}
