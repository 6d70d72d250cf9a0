/* SPDX-License-Identifier: MIT */
/*
 * Failures of Windows, made on purpose, so that a program's answers to them can be seen. The key
 * HKEY_LOCAL_MACHINE\Software\HostFailures holds them, a REG_DWORD each, read anew by every call; without the key nothing
 * fails. `host/wine/run --prefix NAME reg.exe add ...` sets one. What there is:
 *
 *   SwDeviceCreate              its HRESULT
 *   SwDeviceCallback            the HRESULT that its callback gets; 1: the callback never comes
 *   Problem                     a new software device is there, but has this problem code (CM_PROB_...) and does not start
 *   ProblemStatus               with Problem: the NTSTATUS that explains it
 *   ProblemCloses               with Problem: it ends when so many devices have been closed
 *   ProblemMs                   with Problem: it goes away after so many milliseconds, and the device starts
 *   CM_Get_Device_ID_List       its CONFIGRET
 *   CM_Register_Notification    its CONFIGRET
 *   DiInstallDriver             its error; with 259 (ERROR_NO_MORE_ITEMS) the driver is in the store all the same
 *   DiInstallDriverMs           it takes so many milliseconds longer
 *   DiUninstallDriver           its error
 *   SetupGetInfDriverStoreLocation  its error
 *   DiInstallDriverReboot, DiUninstallDriverReboot, DiUninstallDeviceReboot    1: done, but it says that it takes a restart
 *   DiUninstallDeviceGone       its error, though the device is gone: it went by itself meanwhile
 *   NotifyIpInterfaceChange     its error
 *   NoInterface4, NoInterface6  1: TCP/IP has no such interface, whatever the device
 */
#ifndef HOST_WINE_FAILURES_H
#define HOST_WINE_FAILURES_H

#include <windows.h>

/* The value of a failure, 0: none. Any thread. */
DWORD HostFailure(const WCHAR *Name);
/* Whether a service that Windows has and Wine has not is there, and disabled (SERVICE_DISABLED). What it would do is not
 * done then: DeviceInstall, a software device's enumeration; NetSetupSvc, a network device's IP interfaces. */
BOOL HostServiceDisabled(const WCHAR *Name);
/* Takes one off the value; TRUE: that was the last. */
BOOL HostFailureLast(const WCHAR *Name);
/* Ends one. */
VOID HostFailureEnd(const WCHAR *Name);

#endif
