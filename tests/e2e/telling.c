/* SPDX-License-Identifier: MIT */
/*
 * tool/output.c with several threads at once, as the library's logger calls it: each line must come out whole, and what
 * goes on is told meanwhile. Prints "t<thread> n<number> <filling> e" to standard error, for test_tool.py to read.
 */
#include "tool/output.c"
#include <stdio.h>

/* Of the universal C runtime, which the tool has and this program has not; nothing here is cut off. */
int __cdecl __stdio_common_vswprintf(unsigned __int64 Options, wchar_t *Buffer, size_t Count, const wchar_t *Pattern,
                                     void *Locale, va_list List)
{
    return _vsnwprintf(Buffer, Count, Pattern, List);
}

#define THREADS 4
#define LINES   300

EXIT_CODE FailSystem(DWORD Error, LPCWSTR Pattern, ...)
{
    return EXIT_FAILED;
}

static DWORD WINAPI Teller(void *Context)
{
    for (unsigned i = 0; i < LINES; ++i)
    {
        WCHAR Filling[900];
        unsigned Length = i * 37 % (ARRAYSIZE(Filling) - 1);
        for (unsigned j = 0; j < Length; ++j)
            Filling[j] = 0xfc;
        Filling[Length] = 0;
        Tell(L"t%u n%u %ls e", (unsigned)(ULONG_PTR)Context, i, Filling);
    }
    return 0;
}

int wmain(void)
{
    ProgressBegin(L"telling");
    HANDLE Threads[THREADS];
    for (ULONG_PTR i = 0; i < THREADS; ++i)
        Threads[i] = CreateThread(NULL, 0, Teller, (void *)i, 0, NULL);
    WaitForMultipleObjects(THREADS, Threads, TRUE, INFINITE);
    Sleep(PROGRESS_FIRST_MS);
    ProgressEnd();
    return 0;
}
