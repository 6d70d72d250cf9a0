/* SPDX-License-Identifier: MIT */
/*
 * snprintf and sscanf for the 32-bit DLLs, which are linked with ucrtbase.dll alone: there they are one function each with
 * options ("Upgrade your code to the Universal CRT"). Any thread, no state.
 */
#include <stdarg.h>
#include <stdio.h>

int snprintf(char *restrict Text, size_t Size, const char *restrict Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    int Length =
        __stdio_common_vsprintf(_CRT_INTERNAL_PRINTF_STANDARD_SNPRINTF_BEHAVIOR, Text, Size, Format, NULL, Arguments);
    va_end(Arguments);
    return Length;
}

int sscanf(const char *restrict Text, const char *restrict Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    int Count = __stdio_common_vsscanf(0, Text, (size_t)-1, Format, NULL, Arguments);
    va_end(Arguments);
    return Count;
}
