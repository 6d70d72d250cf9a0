/* SPDX-License-Identifier: MIT */
/*
 * The driver as programs ask for it: installing and removing it, and the versions of library, installed and loaded driver.
 * What is done is in install.c; here is who may, and what is said. Any thread.
 */
#include "library/library.h"

#define INSTALL_MS 60000 /* how long installing waits for another program that is at it */
#define DELETE_MS  30000

/* --- versions -------------------------------------------------------------------------------------------------------- */

static BOOL AskVersion(const ADAPTER_DEVICE *Adapter, void *Context)
{
    TUN_QUERY Query;
    DWORD Error = DeviceQuery(&Adapter->Guid, &Query);
    if (Error == ERROR_REVISION_MISMATCH)
        Query.DriverPatch = 0;
    else if (Error != NO_ERROR)
        return TRUE;
    *(ULONG64 *)Context = QueryVersion(&Query);
    return FALSE;
}

DWORD WINAPI PlaintunGetDriverVersion(void)
{
    ULONG64 Version = 0;
    if (VisitAdapters(AskVersion, &Version) == NO_ERROR && Version == 0)
        KeepError(ERROR_FILE_NOT_FOUND, L"asking for the driver's version: it is not loaded; create an adapter first");
    return (DWORD)(Version >> 32);
}

BOOL WINAPI PlaintunGetDriverInfo(PLAINTUN_DRIVER_INFO *Info)
{
    STORE *Store = Info != NULL ? Allocate(sizeof(*Store)) : NULL;
    if (Store == NULL)
    {
        KeepError(Info != NULL ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_PARAMETER,
                  L"asking about the driver: the structure is NULL, or there is no memory");
        return FALSE;
    }
    *Info = (PLAINTUN_DRIVER_INFO){.LibraryVersion = OUR_VERSION};
    DWORD Error;
    if (NativeNeeded())
        Error = NativeSurvey(&Store->Newest);
    else if ((Error = StoreSurvey(Store)) != NO_ERROR)
        LogError(Error, L"asking about the driver: Windows does not tell what is in its driver store");
    Info->InstalledVersion = Store->Newest;
    Free(Store);
    DWORD Visited = VisitAdapters(AskVersion, &Info->LoadedVersion);
    Error = Error != NO_ERROR ? Error : Visited;
    SetLastError(Error);
    return Error == NO_ERROR;
}

/* --- installing and removing ------------------------------------------------------------------------------------------ */

BOOL WINAPI PlaintunInstallDriver(void)
{
    ULONG64 Deadline = AwakeMs() + INSTALL_MS;
    SETUP_LOCK Lock;
    DWORD Error = SetupLock(Deadline, Deadline, &Lock);
    if (Error != NO_ERROR)
        return FALSE;
    BOOL Installed = FALSE;
    BOOL Result = InstallDriver(INSTALL_FOR_PERSON, &Installed);
    SetupUnlock(&Lock);
    return Result;
}

static BOOL SayInUse(const ADAPTER_DEVICE *Adapter, void *Context)
{
    DWORD *Error = Context;
    *Error = AdapterIdle(&Adapter->Guid, Adapter->Name, L"removing the driver");
    WCHAR Path[PROCESS_PATH_LENGTH];
    if (*Error == NO_ERROR && Adapter->CreatorId != 0)
        *Error = LogError(ERROR_BUSY,
                          L"removing the driver: the adapter \"%1\" is in use by process %2!u! (%3), which created it; "
                          L"close that program first",
                          Adapter->Name, Adapter->CreatorId, ProcessName(Adapter->CreatorId, Path));
    else if (*Error == NO_ERROR)
        *Error =
            LogError(ERROR_BUSY, L"removing the driver: there is the adapter \"%1\"; remove it first", Adapter->Name);
    return FALSE;
}

BOOL WINAPI PlaintunDeleteDriver(void)
{
    ULONG64 Deadline = AwakeMs() + DELETE_MS;
    SETUP_LOCK Lock;
    DWORD Error = SetupLock(Deadline, Deadline, &Lock);
    if (Error != NO_ERROR)
        return FALSE;
    DWORD Visited = VisitAdapters(SayInUse, &Error);
    Error = Error != NO_ERROR ? Error : Visited;
    SetLastError(Error);
    BOOL Result = Error == NO_ERROR && RemoveDriver();
    SetupUnlock(&Lock);
    return Result;
}
