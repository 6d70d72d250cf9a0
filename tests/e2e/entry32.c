/* SPDX-License-Identifier: MIT */
/*
 * What the test programs and examples need of a C runtime when built for x86, for which nothing but the system's ucrtbase.dll
 * is linked (Makefile: e2e): the start, and printf's kin, which that DLL has as one function with options. Any thread.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

int wmain(int Count, wchar_t **Arguments);
void Entry(void);
int _configure_wide_argv(int Mode);

/* "Upgrade your code to the Universal CRT"; 1: arguments as they are */
void Entry(void)
{
    _configure_wide_argv(1);
    exit(wmain(*__p___argc(), *__p___wargv()));
}

static int Print(FILE *To, const char *Format, va_list Arguments)
{
    return __stdio_common_vfprintf(0, To, Format, NULL, Arguments);
}

int vprintf(const char *restrict Format, va_list Arguments)
{
    return Print(stdout, Format, Arguments);
}

int printf(const char *restrict Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    int Length = Print(stdout, Format, Arguments);
    va_end(Arguments);
    return Length;
}

int fprintf(FILE *restrict To, const char *restrict Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    int Length = Print(To, Format, Arguments);
    va_end(Arguments);
    return Length;
}
