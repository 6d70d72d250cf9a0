/* SPDX-License-Identifier: MIT */
/* The driver store (store.c) and what is installed from it (install.c), for newdev.dll and cfgmgr32.dll. */
#ifndef HOST_WINE_DRIVERSTORE_H
#define HOST_WINE_DRIVERSTORE_H

#include <windows.h>
#include <setupapi.h>

/*
 * Takes the driver package of an INF (full path, of the package or of the store's INF folder) into the store. A package
 * that is there already, byte for byte, is left alone. OemName gets its name in the INF folder ("oem7.inf").
 * ERROR_FILE_NOT_FOUND: the INF or a file that it names is missing. ERROR_INVALID_DATA: not an INF of a driver.
 */
DWORD StoreAdd(const WCHAR *InfPath, WCHAR OemName[MAX_PATH]);

/* The name in the INF folder of the package that this INF (full path) belongs to. ERROR_FILE_NOT_FOUND: not in the store. */
DWORD StoreFind(const WCHAR *InfPath, WCHAR OemName[MAX_PATH]);

/* Takes a package out of the store. */
DWORD StoreRemove(const WCHAR *OemName);

/*
 * The best driver for a device with these lists of hardware and compatible IDs (each may be NULL): the one that names
 * the ID that stands first, and of those the newest. ERROR_NO_COMPAT_DRIVERS: none.
 */
DWORD StoreBestDriver(const WCHAR *HardwareIds, const WCHAR *CompatibleIds, WCHAR InfPath[MAX_PATH]);

/* Whether a package of the store names one of these IDs. */
BOOL StoreServes(const WCHAR *OemName, const WCHAR *HardwareIds, const WCHAR *CompatibleIds);

/* The service that a package of the store makes for its devices; FALSE for none. */
BOOL StoreServiceOf(const WCHAR *OemName, WCHAR Service[MAX_PATH]);

/*
 * Installs the driver of an INF in the INF folder on a device of a device information set: its files, its service, its
 * driver key. The device need not be there yet, and is not started.
 */
DWORD StoreInstallOnDevice(HDEVINFO Set, SP_DEVINFO_DATA *Device, const WCHAR *InfPath);

/* --- what store.c has for install.c ------------------------------------------------------------------------------ */

#define INF_FOLDER L"C:\\windows\\inf"
#define REPOSITORY L"C:\\windows\\System32\\DriverStore\\FileRepository"

/* One key for each oemN.inf, whose value Active is the package's folder. */
#define DRIVER_INF_FILES L"System\\DriverDatabase\\DriverInfFiles"

/* The package's folder in REPOSITORY: Windows notes in the registry which package an oemN.inf stands for. */
BOOL StorePackageOf(const WCHAR *OemName, WCHAR Folder[MAX_PATH]);
/* Puts a file in place by rename, because a driver that is loaded must not change under its process. */
DWORD StorePlaceFile(const WCHAR *From, const WCHAR *To);
/* The folder of a source disk within the package: the fourth field of its line in SourceDisksNames. */
VOID StoreDiskFolder(HINF Inf, const WCHAR *DiskId, WCHAR Folder[MAX_PATH]);

/* --- for all -------------------------------------------------------------------------------------------------------- */

/* One process at a time works on the store and installs drivers. */
HANDLE StoreLock(VOID);
VOID StoreUnlock(HANDLE Lock);

#endif
