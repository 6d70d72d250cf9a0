/* SPDX-License-Identifier: MIT */
/*
 * The way to the bus of software devices (swdevice.sys). Its process, winedevice.exe, is a program like others here and may
 * be killed; on Windows it is the kernel. Whoever makes a device starts it again. Any thread, no state.
 */
#include "host/wine/cfgmgr32/cfgmgr32.h"

#include "host/wine/swdevice/swdevice.h"

#define START_TIMEOUT_MS 15000

HANDLE OpenBus(void)
{
    return CreateFileW(SWDEVICE_BUS_PATH, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
}

static DWORD StartBus(void)
{
    DWORD Error = ERROR_SUCCESS;
    SC_HANDLE Manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (!Manager)
        return GetLastError();
    SC_HANDLE Service = OpenServiceW(Manager, L"swdevice", SERVICE_START);
    if (!Service || !StartServiceW(Service, 0, NULL))
        Error = GetLastError();
    if (Error == ERROR_SERVICE_ALREADY_RUNNING)
        Error = ERROR_SUCCESS; /* another program was faster */
    if (Service)
        CloseServiceHandle(Service);
    CloseServiceHandle(Manager);
    return Error;
}

HANDLE OpenOrStartBus(void)
{
    HANDLE Bus = OpenBus();
    DWORD Error = GetLastError();
    if (Bus != INVALID_HANDLE_VALUE || (Error != ERROR_FILE_NOT_FOUND && Error != ERROR_PATH_NOT_FOUND))
        return Bus;
    Error = StartBus();
    for (ULONGLONG End = GetTickCount64() + START_TIMEOUT_MS; !Error && GetTickCount64() < End; Sleep(20))
    {
        Bus = OpenBus();
        if (Bus != INVALID_HANDLE_VALUE)
            return Bus;
    }
    SetLastError(Error ? Error : ERROR_SERVICE_REQUEST_TIMEOUT);
    return INVALID_HANDLE_VALUE;
}
