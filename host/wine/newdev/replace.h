/* SPDX-License-Identifier: MIT */
/* Taking drivers from devices that are there (replace.c), for newdev.dll. */
#ifndef HOST_WINE_REPLACE_H
#define HOST_WINE_REPLACE_H

#include <windows.h>
#include <setupapi.h>

#define REPLACE_MAX 64 /* devices, and services */

typedef struct _REPLACEMENT
{
    HANDLE Bus; /* what it has stopped starts again when it is closed */
    ULONG DeviceCount, ServiceCount;
    WCHAR Devices[REPLACE_MAX][200]; /* instance IDs */
    WCHAR Services[REPLACE_MAX][64];
} REPLACEMENT;

VOID ReplaceBegin(REPLACEMENT *Replacement);
/* Stops a software device that is there; others are left alone. */
VOID ReplaceStop(REPLACEMENT *Replacement, HDEVINFO Set, SP_DEVINFO_DATA *Device);
/* Unloads the drivers of the stopped devices. ERROR_BUSY: one has a device that a program keeps open. */
DWORD ReplaceUnload(REPLACEMENT *Replacement);
/* The devices start again, each with the driver that it has now. */
VOID ReplaceEnd(REPLACEMENT *Replacement);

/* Unloads the driver of a service that has no device any more; waits a moment for one that is just going. */
DWORD ReplaceUnloadIdle(const WCHAR *Service, BOOL Wait);

#endif
