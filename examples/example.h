/* SPDX-License-Identifier: MIT */
/*
 * What the examples share and what is not about packets: when to stop (stop.c) and an adapter's addresses (addresses.c).
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <winsock2.h>
#include <windows.h>
#include <ws2ipdef.h>
#include <iphlpapi.h>

/*
 * Makes Ctrl-C, closing the console, the line "quit" on standard input and, unless Seconds is 0, the end of that time
 * stop the program. Returns a manual-reset event that is set when the program shall stop; NULL with GetLastError().
 */
HANDLE StopEvent(DWORD Seconds);

/* TRUE as soon as the program shall stop: for loops that have no reason to wait. Any thread. */
BOOL StopWanted(void);

/*
 * Gives the interface an address, written as L"10.6.7.1/24" or L"fd00:6:7::1/64". Setting it again is no error.
 * Returns NO_ERROR, ERROR_INVALID_PARAMETER (the text) or what CreateUnicastIpAddressEntry returned.
 */
DWORD SetAddress(const NET_LUID *Luid, LPCWSTR Address);

#endif
