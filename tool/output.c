/* SPDX-License-Identifier: MIT */
/*
 * Text to the user. A console gets UTF-16 (WriteConsoleW: its code page is then of no matter), a file or pipe UTF-8.
 * Progress has a thread of its own, which writes to standard error only, by the same way as Tell; both may write at
 * once, a whole line at a time.
 */
#include "tool/tool.h"
#include <wchar.h>

#define PROGRESS_FIRST_MS 1000
#define PROGRESS_MS       5000 /* in a file; a console is told each second */

static volatile BOOL Lost;

/* --- formatting ---------------------------------------------------------------------------------------------------------- */

/* What stdio.h's vswprintf is made of: the universal C runtime's header defines it as a call of this function. */
int __cdecl __stdio_common_vswprintf(unsigned __int64 Options, wchar_t *Buffer, size_t Count, const wchar_t *Format,
                                     void *Locale, va_list List);
#define STANDARD_SNPRINTF_BEHAVIOR 2 /* cut off, and end with 0 */

void FormatList(LPWSTR Text, SIZE_T Count, LPCWSTR Pattern, va_list List)
{
    if (__stdio_common_vswprintf(STANDARD_SNPRINTF_BEHAVIOR, Text, Count, Pattern, NULL, List) < 0)
        Text[0] = 0;
    Text[Count - 1] = 0;
}

void Format(LPWSTR Text, SIZE_T Count, LPCWSTR Pattern, ...)
{
    va_list List;
    va_start(List, Pattern);
    FormatList(Text, Count, Pattern, List);
    va_end(List);
}

/* --- writing ------------------------------------------------------------------------------------------------------------- */

static BOOL WriteAll(HANDLE File, const void *Bytes, SIZE_T Size)
{
    const BYTE *From = Bytes;
    while (Size > 0)
    {
        DWORD Written;
        if (!WriteFile(File, From, Size > 0x10000 ? 0x10000 : (DWORD)Size, &Written, NULL))
            return FALSE;
        From += Written;
        Size -= Written;
    }
    return TRUE;
}

static BOOL IsConsole(HANDLE File)
{
    DWORD Mode;
    return GetConsoleMode(File, &Mode);
}

/* A character takes one UTF-16 unit and three bytes of UTF-8 at most, or two and four. */
static BOOL WriteWide(HANDLE File, LPCWSTR Text, DWORD Length)
{
    static const DWORD Part = 512;
    BOOL Console = IsConsole(File);
    while (Length > 0)
    {
        DWORD Units = Length < Part ? Length : Part, Written;
        if (Units < Length && IS_HIGH_SURROGATE(Text[Units - 1]))
            --Units; /* a pair stays together */
        if (Console)
        {
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

void PrintText(LPCWSTR Text)
{
    if (!Lost && !WriteWide(GetStdHandle(STD_OUTPUT_HANDLE), Text, (DWORD)wcslen(Text)))
        Lost = TRUE;
}

void PrintBytes(const void *Bytes, SIZE_T Size)
{
    if (!Lost && !WriteAll(GetStdHandle(STD_OUTPUT_HANDLE), Bytes, Size))
        Lost = TRUE;
}

void Print(LPCWSTR Pattern, ...)
{
    WCHAR Text[TEXT_MAX];
    va_list List;
    va_start(List, Pattern);
    FormatList(Text, ARRAYSIZE(Text), Pattern, List);
    va_end(List);
    PrintText(Text);
}

void Tell(LPCWSTR Pattern, ...)
{
    WCHAR Text[TEXT_MAX + 2];
    va_list List;
    SIZE_T Start = wcslen(TOOL_NAME) + 2;
    ProgressEnd();
    Format(Text, TEXT_MAX, L"%ls: ", TOOL_NAME);
    va_start(List, Pattern);
    FormatList(Text + Start, TEXT_MAX - Start, Pattern, List);
    va_end(List);
    wcscpy(Text + wcslen(Text), L"\n");
    WriteWide(GetStdHandle(STD_ERROR_HANDLE), Text, (DWORD)wcslen(Text));
}

BOOL OutputIsConsole(void)
{
    return IsConsole(GetStdHandle(STD_OUTPUT_HANDLE));
}

BOOL OutputLost(void)
{
    return Lost;
}

/* --- progress ------------------------------------------------------------------------------------------------------------ */

static struct
{
    HANDLE Thread, Done; /* NULL: nothing goes on */
    LPCWSTR What;
} Progress;

static DWORD WINAPI ShowProgress(void *Context)
{
    HANDLE File = GetStdHandle(STD_ERROR_HANDLE);
    BOOL Console = IsConsole(File), Shown = FALSE;
    ULONG64 Start = GetTickCount64();
    DWORD Wait = PROGRESS_FIRST_MS;
    WCHAR Line[256];
    while (WaitForSingleObject(Progress.Done, Wait) == WAIT_TIMEOUT)
    {
        Format(Line, ARRAYSIZE(Line), Console ? L"\r%ls: %ls (%llu s) " : L"%ls: %ls (%llu s)\n", TOOL_NAME,
               Progress.What, (GetTickCount64() - Start) / 1000);
        WriteWide(File, Line, (DWORD)wcslen(Line));
        Wait = Console ? 1000 : PROGRESS_MS;
        Shown = TRUE;
    }
    if (Shown && Console)
    {
        Format(Line, ARRAYSIZE(Line), L"\r%*ls\r",
               (int)wcslen(TOOL_NAME L": "
                                     L" (999 s) ") +
                   (int)wcslen(Progress.What),
               L"");
        WriteWide(File, Line, (DWORD)wcslen(Line));
    }
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
