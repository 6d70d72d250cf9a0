/* SPDX-License-Identifier: MIT */
/*
 * What the driver's answer about an adapter means, and the words for it: which version it is, where the adapter is in the
 * network, who uses it, why it starts no session. Knows an adapter by its GUID alone. Any thread, no state.
 */
#include "library/library.h"

/* --- versions -------------------------------------------------------------------------------------------------------- */

LPCWSTR VersionText(ULONG64 Version, WCHAR Text[VERSION_TEXT_LENGTH])
{
    DWORD Length = 0;
    WCHAR Digits[8];
    for (int Shift = 48; Shift > 0; Shift -= 16)
    {
        DWORD Number = (DWORD)(Version >> Shift) & 0xffff, Count = 0;
        do
            Digits[Count++] = (WCHAR)(L'0' + Number % 10);
        while ((Number /= 10) != 0);
        while (Count != 0)
            Text[Length++] = Digits[--Count];
        Text[Length++] = L'.';
    }
    Text[Length - 1] = 0;
    return Text;
}

ULONG64 QueryVersion(const TUN_QUERY *Query)
{
    return VERSION64(Query->DriverVersion >> 16, Query->DriverVersion & 0xffff, Query->DriverPatch);
}

DWORD SayMismatch(const GUID *Guid, LPCWSTR Doing)
{
    TUN_QUERY Query;
    DeviceQuery(Guid, &Query);
    /* Of another protocol only the first two words are known. */
    Query.DriverPatch = Query.Protocol == TUN_PROTOCOL ? Query.DriverPatch : 0;
    WCHAR Driver[VERSION_TEXT_LENGTH], Library[VERSION_TEXT_LENGTH];
    return LogError(
        ERROR_REVISION_MISMATCH,
        L"%1: the driver that is loaded is version %2 and speaks protocol %3!u!, this library is version %4 "
        L"and speaks protocol %5!u!; close the programs that use the driver and install this library's, or "
        L"use the library that came with the driver",
        Doing, VersionText(QueryVersion(&Query), Driver), Query.Protocol, VersionText(OUR_VERSION, Library),
        TUN_PROTOCOL);
}

/* --- the adapter ----------------------------------------------------------------------------------------------------- */

DWORD QueryLuid(const GUID *Guid, NET_LUID *Luid)
{
    TUN_QUERY Query;
    DWORD Error = DeviceQuery(Guid, &Query);
    Luid->Value = Query.NetLuid;
    return Error;
}

DWORD AdapterIdle(const GUID *Guid, LPCWSTR Name, LPCWSTR Doing)
{
    TUN_QUERY Query = {0};
    if (DeviceQuery(Guid, &Query) != NO_ERROR)
        return NO_ERROR;
    DWORD Process = Query.SessionActive ? Query.SessionProcessId : Query.MonitorProcessId;
    if (!Query.SessionActive && Process == 0)
        return NO_ERROR;
    WCHAR Path[PROCESS_PATH_LENGTH];
    return LogError(ERROR_BUSY, L"%1: the adapter \"%2\" is in use by process %3!u! (%4), which %5; end that first",
                    Doing, Name, Process, ProcessName(Process, Path),
                    Query.SessionActive ? L"has a session on it" : L"monitors it, as a capture does");
}

void SayNoSession(const GUID *Guid, DWORD Error)
{
    TUN_QUERY Query = {0};
    WCHAR Path[PROCESS_PATH_LENGTH];
    if (Error == ERROR_ALREADY_INITIALIZED && DeviceQuery(Guid, &Query) == NO_ERROR && Query.SessionProcessId != 0)
        LogError(Error,
                 L"starting a session: the adapter has one of process %1!u! (%2), or its monitor has; end that first",
                 Query.SessionProcessId, ProcessName(Query.SessionProcessId, Path));
    else if (Error == ERROR_HANDLE_EOF)
        LogError(Error, L"starting a session: the adapter is gone; create it again");
    else if (Error == ERROR_REVISION_MISMATCH)
        SayMismatch(Guid, L"starting a session");
    else if (Error == ERROR_NOT_ENOUGH_MEMORY)
        LogError(Error, L"starting a session: there is too little memory that can be locked; use smaller rings");
    else
        LogError(Error, L"starting a session: the driver refuses it");
}
