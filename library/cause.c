/* SPDX-License-Identifier: MIT */
/*
 * Why a device does not work, in words that say what to do: Windows' problem codes, and services that somebody has
 * disabled. Any thread, no state.
 */
#include "library/library.h"
#include "wdk/missing.h"

/* "Device Manager Error Messages", learn.microsoft.com/windows-hardware/drivers/install. MayPass: while a device is being
 * installed, or when what it waits for comes. */
static const struct
{
    ULONG Problem;
    BOOL MayPass;
    LPCWSTR Text;
} Problems[] = {
    {1, TRUE, L"no driver was installed for it; C:\\Windows\\INF\\setupapi.dev.log says why"},
    {3, FALSE, L"Windows has too little memory; close programs, or restart Windows"},
    {10, FALSE, L"the driver refused to start; see the System event log, and try again after a restart of Windows"},
    {14, TRUE, L"Windows must be restarted first: another version of the driver is still in use"},
    {18, TRUE, L"Windows wants its driver installed again; remove the driver, then create the adapter again"},
    {19, FALSE, L"what the registry says of it is damaged; remove the adapter and the driver, then create it again"},
    {21, TRUE, L"Windows is removing it; try again when that is done"},
    {22, FALSE, L"it is disabled; enable it in Device Manager"},
    {24, FALSE, L"the driver says that it is not there; remove the driver, then create the adapter again"},
    {28, TRUE, L"no driver was installed for it; C:\\Windows\\INF\\setupapi.dev.log says why"},
    {29, FALSE, L"it is disabled; enable it in Device Manager"},
    {31, FALSE, L"the driver could not be loaded for it; if another version is still loaded, restart Windows"},
    {32, FALSE, L"the driver's service is disabled; enable it (sc.exe config " PLAINTUN_SERVICE L" start= demand)"},
    {37, FALSE, L"the driver could not initialize; remove the driver, then create the adapter again"},
    {38, FALSE, L"a former version of the driver is still in memory; restart Windows"},
    {39, FALSE, L"the driver's file is missing, damaged or for another processor; install the driver again"},
    {40, FALSE, L"the driver's service is damaged in the registry; remove the driver, then create the adapter again"},
    {47, TRUE, L"it is held for removal; restart Windows"},
    {48, FALSE, L"Windows blocks this driver; install a newer one"},
    {49, FALSE, L"the registry is full; remove devices that are no longer used"},
    {51, TRUE, L"it waits for another device to start"},
    {52, FALSE,
     L"the driver is not signed as this Windows demands; for a test build, switch test signing on and restart"},
    {54, TRUE, L"it is being reset"},
    {56, TRUE, L"Windows has not configured it as a network adapter yet"},
};

LPCWSTR ProblemText(ULONG Problem)
{
    for (DWORD i = 0; i < ARRAYSIZE(Problems); ++i)
        if (Problems[i].Problem == Problem)
            return Problems[i].Text;
    return L"Device Manager says what that means";
}

BOOL ProblemMayPass(ULONG Problem)
{
    for (DWORD i = 0; i < ARRAYSIZE(Problems); ++i)
        if (Problems[i].Problem == Problem)
            return Problems[i].MayPass;
    return FALSE;
}

LPCWSTR StatusText(LONG Status, WCHAR Text[STATUS_LENGTH])
{
    DWORD_PTR Number = (ULONG)Status;
    Text[0] = 0;
    if (Status != 0)
        FormatMessageW(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY, L", status 0x%1!08X!", 0, 0, Text,
                       STATUS_LENGTH, (va_list *)&Number);
    return Text;
}

/* https://learn.microsoft.com/windows/win32/api/winsvc/nf-winsvc-queryserviceconfigw */
static BOOL ServiceDisabled(SC_HANDLE Manager, LPCWSTR Name)
{
    _Alignas(8) BYTE Buffer[2048]; /* what does not fit is no service that we know */
    QUERY_SERVICE_CONFIGW *Config = (QUERY_SERVICE_CONFIGW *)Buffer;
    SC_HANDLE Service = OpenServiceW(Manager, Name, SERVICE_QUERY_CONFIG);
    if (Service == NULL)
        return FALSE;
    DWORD Needed;
    BOOL Disabled =
        QueryServiceConfigW(Service, Config, sizeof(Buffer), &Needed) && Config->dwStartType == SERVICE_DISABLED;
    CloseServiceHandle(Service);
    return Disabled;
}

LPCWSTR ServiceHint(WCHAR Hint[HINT_LENGTH])
{
    static const LPCWSTR Services[] = {L"DeviceInstall", L"NetSetupSvc", PLAINTUN_SERVICE};
    DWORD LastError = GetLastError();
    Hint[0] = 0;
    SC_HANDLE Manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    for (DWORD i = 0; Manager != NULL && i < ARRAYSIZE(Services); ++i)
    {
        if (!ServiceDisabled(Manager, Services[i]))
            continue;
        DWORD_PTR Name = (DWORD_PTR)Services[i];
        FormatMessageW(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY,
                       L"; the service %1 is disabled: enable it (sc.exe config %1 start= demand)", 0, 0, Hint,
                       HINT_LENGTH, (va_list *)&Name);
        break;
    }
    if (Manager != NULL)
        CloseServiceHandle(Manager);
    SetLastError(LastError);
    return Hint;
}
