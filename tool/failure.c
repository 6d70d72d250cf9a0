/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in one line: cause and remedy. The library says it for its own calls; for the system's calls there is
 * the system's text. The logger may be called from any thread that uses the library.
 */
#include "tool/tool.h"
#include <wchar.h>

static void CALLBACK ShowLog(PLAINTUN_LOG_LEVEL Level, DWORD64 Time, LPCWSTR Message)
{
    static const LPCWSTR Words[] = {L"info", L"warning", L"error"};
    Tell(L"%ls: %ls", Words[Level], Message);
}

void FailureStart(BOOL ShowAll)
{
    if (ShowAll)
        PlaintunSetLogger(ShowLog);
}

void SystemText(DWORD Error, LPWSTR Text, DWORD Count)
{
    DWORD Length =
        FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL,
                       Error, 0, Text, Count - 16, NULL);
    while (Length > 0 && (Text[Length - 1] == L' ' || Text[Length - 1] == L'.'))
        --Length;
    if (Length == 0)
        Format(Text, Count, L"error %lu", Error);
    else
        Format(Text + Length, Count - Length, L" (%lu)", Error);
}

EXIT_CODE ExitCodeOf(DWORD Error)
{
    switch (Error)
    {
    case NO_ERROR:
        return EXIT_OK;
    case ERROR_INVALID_PARAMETER:
        return EXIT_USAGE;
    case ERROR_NOT_FOUND:
    case ERROR_FILE_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case ERROR_ALREADY_EXISTS:
    case ERROR_ALREADY_INITIALIZED:
    case ERROR_BUSY:
        return EXIT_IN_USE;
    case ERROR_ACCESS_DENIED:
        return EXIT_ACCESS;
    case ERROR_TIMEOUT:
        return EXIT_TIME;
    default:
        return EXIT_FAILED;
    }
}

/* The library's text ends with the error it is about; calls of a session leave none, and then it is an older one's. */
static BOOL IsAbout(LPCWSTR Text, DWORD Error)
{
    WCHAR Mark[32];
    Format(Mark, ARRAYSIZE(Mark), (LONG)Error < 0 ? L"(error 0x%08lx:" : L"(error %lu:", Error);
    return wcsstr(Text, Mark) != NULL;
}

void FailureText(DWORD Error, LPWSTR Text, DWORD Count)
{
    if (PlaintunGetMessage(Text, Count) == 0 || !IsAbout(Text, Error))
        SystemText(Error, Text, Count);
}

EXIT_CODE FailLibrary(LPCWSTR Pattern, ...)
{
    DWORD Error = GetLastError();
    WCHAR Text[TEXT_MAX];
    if (PlaintunGetMessage(Text, ARRAYSIZE(Text)) != 0 && IsAbout(Text, Error))
    {
        Tell(L"%ls", Text); /* also when the log has it: failures that programs expect are not logged */
        return ExitCodeOf(Error);
    }
    va_list List;
    va_start(List, Pattern);
    FormatList(Text, 256, Pattern, List);
    va_end(List);
    return FailSystem(Error, L"%ls", Text);
}

EXIT_CODE FailSystem(DWORD Error, LPCWSTR Pattern, ...)
{
    va_list List;
    va_start(List, Pattern);
    WCHAR What[256];
    FormatList(What, ARRAYSIZE(What), Pattern, List);
    va_end(List);
    WCHAR Cause[512];
    SystemText(Error, Cause, ARRAYSIZE(Cause));
    Tell(L"%ls: %ls", What, Cause);
    return ExitCodeOf(Error);
}

EXIT_CODE FailUsage(LPCWSTR Pattern, ...)
{
    va_list List;
    va_start(List, Pattern);
    WCHAR Text[512];
    FormatList(Text, ARRAYSIZE(Text), Pattern, List);
    va_end(List);
    Tell(L"%ls", Text);
    return EXIT_USAGE;
}
