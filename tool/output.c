/* SPDX-License-Identifier: MIT */
/*
 * Text to the user. A console gets UTF-16 (WriteConsoleW: its code page is then of no matter), a file or pipe UTF-8.
 * Any thread may write: the library's logger does, and progress, which has a thread of its own. One writes at a time,
 * under Lock, and first takes away what a console shows of progress. A name may be anybody's: what could steer a terminal is
 * shown as its number, \u202e; but for the end of a line where it is ours.
 */
#include "tool/tool.h"
#include <wchar.h>

#define PROGRESS_FIRST_MS 1000
#define PROGRESS_MS       5000 /* in a file; a console is told each second */

static SRWLOCK Lock = SRWLOCK_INIT;
static volatile DWORD LostError; /* why standard output takes no more; NO_ERROR: it does */

static struct
{
    HANDLE Thread, Done; /* NULL: nothing goes on; the main thread's */
    LPCWSTR What;
    DWORD Width;     /* what a console shows of it, in UTF-16 units; under Lock */
    BOOL Unfinished; /* the console's line holds something else: progress waits for the next; under Lock */
} Progress;

/* --- formatting ---------------------------------------------------------------------------------------------------------- */

/* What stdio.h's vswprintf is made of: the universal C runtime's header defines it as a call of this function. */
int __cdecl __stdio_common_vswprintf(unsigned __int64 Options, wchar_t *Buffer, size_t Count, const wchar_t *Format,
                                     void *Locale, va_list List);
#define STANDARD_SNPRINTF_BEHAVIOR 2 /* cut off, and end with 0 */

/* https://learn.microsoft.com/cpp/c-runtime-library/reference/vsnprintf-vsnprintf-vsnprintf-l-vsnwprintf-vsnwprintf-l: how long
 * the whole text is, in units. */
void FormatList(LPWSTR Text, SIZE_T Count, LPCWSTR Pattern, va_list List)
{
    int Length = __stdio_common_vswprintf(STANDARD_SNPRINTF_BEHAVIOR, Text, Count, Pattern, NULL, List);
    if (Length < 0)
        Text[0] = 0;
    Text[Count - 1] = 0;
    if (Length < (int)Count || Count < 3)
        return;
    SIZE_T End = Count - 2;
    if (IS_HIGH_SURROGATE(Text[End - 1]))
        --End; /* a pair goes as a whole */
    Text[End] = L'\x2026';
    Text[End + 1] = 0;
}

void Format(LPWSTR Text, SIZE_T Count, LPCWSTR Pattern, ...)
{
    va_list List;
    va_start(List, Pattern);
    FormatList(Text, Count, Pattern, List);
    va_end(List);
}

/* --- writing ------------------------------------------------------------------------------------------------------------- */

static BOOL WriteAll(HANDLE File, const char *Bytes, DWORD Size)
{
    for (DWORD Done = 0, Written; Done < Size; Done += Written)
        if (!WriteFile(File, Bytes + Done, Size - Done, &Written, NULL))
            return FALSE;
    return TRUE;
}

static BOOL IsConsole(HANDLE File)
{
    DWORD Mode;
    return GetConsoleMode(File, &Mode);
}

/* A character takes one UTF-16 unit and three bytes of UTF-8 at most, or two and four. Without a place to write to, as
 * in a service, there is nobody to miss it. */
static BOOL WriteWide(HANDLE File, LPCWSTR Text)
{
    static const DWORD Part = 512;
    BOOL Console = IsConsole(File);
    for (DWORD Length = (DWORD)wcslen(Text); Length > 0 && File != NULL && File != INVALID_HANDLE_VALUE;)
    {
        DWORD Units = Length < Part ? Length : Part;
        if (Units < Length && IS_HIGH_SURROGATE(Text[Units - 1]))
            --Units; /* a pair stays together */
        if (Console)
        {
            DWORD Written;
            if (!WriteConsoleW(File, Text, Units, &Written, NULL))
                return FALSE;
        }
        else
        {
            char Bytes[512 * 3];
            int Size = WideCharToMultiByte(CP_UTF8, 0, Text, (int)Units, Bytes, sizeof(Bytes), NULL, NULL);
            if (!WriteAll(File, Bytes, Size))
                return FALSE;
        }
        Text += Units;
        Length -= Units;
    }
    return TRUE;
}

/* Under Lock. */
static void HideProgress(void)
{
    if (Progress.Width == 0)
        return;
    WCHAR Blank[256];
    Format(Blank, ARRAYSIZE(Blank), L"\r%*ls\r", Progress.Width, L"");
    WriteWide(GetStdHandle(STD_ERROR_HANDLE), Blank);
    Progress.Width = 0;
}

/* Control characters, what turns the direction of writing, and ends of lines: "Control Characters", "Layout and Format
 * Control Characters" and "Bidirectional Ordering" of the Unicode Standard's chapter 23. */
static BOOL Steers(WCHAR Unit)
{
    return Unit < L' ' || (Unit >= 0x7f && Unit <= 0x9f) || Unit == 0x61c || Unit == 0x200e || Unit == 0x200f ||
           (Unit >= 0x2028 && Unit <= 0x202e) || (Unit >= 0x2066 && Unit <= 0x206f);
}

/* OneLine: only its last unit may end the line. Under Lock. */
static BOOL WriteShown(HANDLE File, LPCWSTR Text, BOOL OneLine)
{
    WCHAR Shown[256];
    for (SIZE_T Length = 0; *Text != 0; ++Text)
    {
        BOOL Pair = IS_SURROGATE_PAIR(Text[0], Text[1]);
        BOOL Alone = !Pair && *Text >= 0xd800 && *Text <= 0xdfff;
        BOOL Ends = *Text == L'\n' && (!OneLine || Text[1] == 0);
        if (Alone || (Steers(*Text) && !Ends))
            Format(Shown + Length, 7, L"\\u%04x", *Text);
        else
            lstrcpynW(Shown + Length, Text, Pair ? 3 : 2);
        Text += Pair;
        Length += wcslen(Shown + Length);
        if (Length < ARRAYSIZE(Shown) - 8 && Text[1] != 0)
            continue;
        if (!WriteWide(File, Shown))
            return FALSE;
        Length = 0;
    }
    return TRUE;
}

static BOOL Put(DWORD Where, LPCWSTR Text, BOOL OneLine)
{
    AcquireSRWLockExclusive(&Lock);
    HideProgress();
    BOOL Written = WriteShown(GetStdHandle(Where), Text, OneLine);
    DWORD Error = GetLastError();
    if (Text[0] != 0 && IsConsole(GetStdHandle(Where)))
        Progress.Unfinished = Text[wcslen(Text) - 1] != L'\n';
    ReleaseSRWLockExclusive(&Lock);
    SetLastError(Error);
    return Written;
}

void PrintText(LPCWSTR Text)
{
    if (LostError == NO_ERROR && !Put(STD_OUTPUT_HANDLE, Text, FALSE))
        LostError = GetLastError();
}

void Print(LPCWSTR Pattern, ...)
{
    va_list List;
    va_start(List, Pattern);
    WCHAR Text[TEXT_MAX];
    FormatList(Text, ARRAYSIZE(Text), Pattern, List);
    va_end(List);
    PrintText(Text);
}

void Tell(LPCWSTR Pattern, ...)
{
    DWORD LastError = GetLastError();
    static const WCHAR Start[] = TOOL_NAME L": ";
    WCHAR Text[TEXT_MAX + ARRAYSIZE(Start)];
    wcscpy(Text, Start);
    va_list List;
    va_start(List, Pattern);
    FormatList(Text + ARRAYSIZE(Start) - 1, TEXT_MAX, Pattern, List);
    va_end(List);
    wcscpy(Text + wcslen(Text), L"\n");
    Put(STD_ERROR_HANDLE, Text, TRUE);
    SetLastError(LastError);
}

BOOL OutputIsConsole(void)
{
    return IsConsole(GetStdHandle(STD_OUTPUT_HANDLE));
}

BOOL OutputLost(void)
{
    return LostError != NO_ERROR;
}

BOOL ReaderGone(DWORD Error)
{
    return Error == ERROR_NO_DATA || Error == ERROR_BROKEN_PIPE || Error == ERROR_PIPE_NOT_CONNECTED;
}

EXIT_CODE OutputEnd(EXIT_CODE Code)
{
    if (LostError == NO_ERROR || ReaderGone(LostError))
        return Code;
    FailSystem(LostError, L"standard output cannot be written");
    return Code == EXIT_OK ? EXIT_FAILED : Code;
}

/* --- progress ------------------------------------------------------------------------------------------------------------ */

static DWORD WINAPI ShowProgress(void *Context)
{
    HANDLE File = GetStdHandle(STD_ERROR_HANDLE);
    BOOL Console = IsConsole(File);
    ULONG64 Start = GetTickCount64();
    DWORD Wait = PROGRESS_FIRST_MS;
    while (WaitForSingleObject(Progress.Done, Wait) == WAIT_TIMEOUT)
    {
        WCHAR Line[128];
        Format(Line, ARRAYSIZE(Line), Console ? L"\r%ls: %ls (%llu s) " : L"%ls: %ls (%llu s)\n", TOOL_NAME,
               Progress.What, (GetTickCount64() - Start) / 1000);
        AcquireSRWLockExclusive(&Lock);
        if (!Console || !Progress.Unfinished)
        {
            WriteWide(File, Line);
            Progress.Width = Console ? (DWORD)wcslen(Line) - 1 : 0;
        }
        ReleaseSRWLockExclusive(&Lock);
        Wait = Console ? 1000 : PROGRESS_MS;
    }
    AcquireSRWLockExclusive(&Lock);
    HideProgress();
    ReleaseSRWLockExclusive(&Lock);
    return 0;
}

void ProgressBegin(LPCWSTR What)
{
    ProgressEnd();
    Progress.What = What;
    Progress.Done = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (Progress.Done == NULL)
        return; /* it only goes without */
    Progress.Thread = CreateThread(NULL, 0, ShowProgress, NULL, 0, NULL);
    if (Progress.Thread != NULL)
        return;
    CloseHandle(Progress.Done);
    Progress.Done = NULL;
}

void ProgressEnd(void)
{
    if (Progress.Thread == NULL)
        return;
    DWORD LastError = GetLastError();
    SetEvent(Progress.Done);
    WaitForSingleObject(Progress.Thread, INFINITE);
    CloseHandle(Progress.Thread);
    CloseHandle(Progress.Done);
    Progress.Thread = Progress.Done = NULL;
    SetLastError(LastError);
}
