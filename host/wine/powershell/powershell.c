/* SPDX-License-Identifier: MIT */
/*
 * powershell.exe, in the place of Wine's, which does nothing and ends with 0: a program that has it set an address would take
 * it for done. Here is no PowerShell, and this says so. Needed for Wine 8 to 10.
 */
#include <windows.h>
#include <stdio.h>

int wmain(int Count, WCHAR **Arguments)
{
    fputs("powershell.exe: this Windows has no PowerShell (docs/host.md); nothing was done of:", stderr);
    for (int I = 1; I < Count; I++)
        fprintf(stderr, " %ls", Arguments[I]);
    fputc('\n', stderr);
    return 1;
}
