/* SPDX-License-Identifier: MIT */
/* What the files of cfgmgr32.dll have of each other. */
#ifndef HOST_WINE_CFGMGR32_H
#define HOST_WINE_CFGMGR32_H

#include <windows.h>
#include <setupapi.h>

#include "wdk/missing.h"

/* The bus's flags (swdevice.h) of a software device; 0 if it is not there. */
ULONG QuerySoftwareDevice(const WCHAR *Id);

/* The device's entry in the registry, in a set of its own. FALSE: there is none. */
BOOL OpenDeviceById(const WCHAR *Id, HDEVINFO *Set, SP_DEVINFO_DATA *Data);

/* Writes properties of a device; Wine keeps some of them twice (software.c). Returns a Windows error. */
DWORD SetDeviceProperties(HDEVINFO Set, SP_DEVINFO_DATA *Data, ULONG Count, const DEVPROPERTY *Properties);

/*
 * Installs the best driver of the driver store on a device that has none. The plug and play manager of Wine would look for
 * one itself, but knows neither the store nor the values that a network adapter's driver key must have before it starts. A
 * device for which there is none appears without.
 */
VOID InstallBestDriver(const WCHAR *Id);

/* A handle of the bus of software devices, as CreateFile gives it; the second starts the bus where it is gone. */
HANDLE OpenBus(void);
HANDLE OpenOrStartBus(void);

#endif
