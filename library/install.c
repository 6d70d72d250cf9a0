/* SPDX-License-Identifier: MIT */
/*
 * The driver: carried in the library as resources, put into the driver store on first use or on demand, read back from
 * there (store.c), removed on demand. What is there already is used, replaced by a newer version, or left alone; an older
 * version never replaces it. An administrator's work; the caller holds the set-up lock, so that one program at a time is
 * here. A program that died here may have left anything: what counts is what the store is seen to have.
 */
#include "library/library.h"
#include "library/resource.h"
#include "wdk/missing.h"
#include <setupapi.h>
#include <newdev.h>

#define BACK_MS 30000 /* how long adapters that were stopped may take to come back, all of them */

/* InstallDriver has found or put our driver there, as this INF of C:\Windows\INF, if it could tell: saves a search of all
 * INFs for as long as that is there. Under the set-up lock, except that any thread may forget it. */
static volatile BOOL Known;
static WCHAR KnownInf[MAX_PATH];

/* --- who uses it ------------------------------------------------------------------------------------------------------ */

static BOOL SayPresent(const ADAPTER_DEVICE *Adapter, void *Context)
{
    *(BOOL *)Context = TRUE;
    return FALSE;
}

/* --- installing ------------------------------------------------------------------------------------------------------ */

/* What an error of DiInstallDriverW means ("Device and Driver Installation Error Messages", "WinVerifyTrust function"). */
static LPCWSTR RefusalText(DWORD Error)
{
    switch (Error)
    {
    case ERROR_ACCESS_DENIED:
        return L"installing it takes an administrator";
    case ERROR_IN_WOW64:
        return L"a 32-bit program cannot install it: let a 64-bit one do it once";
    case (DWORD)TRUST_E_NOSIGNATURE:
    case (DWORD)CERT_E_UNTRUSTEDROOT:
    case ERROR_NO_CATALOG_FOR_OEM_INF:
        return L"it is not signed as this Windows demands: for a test build, switch test signing on and trust its "
               L"certificate";
    case ERROR_AUTHENTICODE_TRUST_NOT_ESTABLISHED:
    case ERROR_AUTHENTICODE_PUBLISHER_NOT_TRUSTED:
        return L"its publisher is not trusted on this Windows: a certificate in Trusted Publishers lets it in";
    case ERROR_DISK_FULL:
        return L"there is no space left on the system's disk";
    default:
        return L"C:\\Windows\\INF\\setupapi.dev.log says why";
    }
}

/* https://learn.microsoft.com/windows/win32/api/newdev/nf-newdev-diinstalldriverw */
static DWORD InstallPackage(DWORD Flags, BOOL *NeedRestart)
{
    DWORD Error = NO_ERROR;
    BOOL Restart = FALSE;
    WCHAR Folder[MAX_PATH];
    if (!FolderMake(Folder))
        return LogError(GetLastError(), L"cannot make a folder for the driver's files");
    if (!FileExtract(Folder, PLAINTUN_DRIVER_FILE, RESOURCE_SYS) ||
        !FileExtract(Folder, PLAINTUN_INF_FILE, RESOURCE_INF) || !FileExtract(Folder, PLAINTUN_CAT_FILE, RESOURCE_CAT))
    {
        Error = LogError(GetLastError(), L"cannot write the driver's files to %1", Folder);
        goto deleteFiles;
    }
    WCHAR Inf[MAX_PATH];
    FilePath(Folder, PLAINTUN_INF_FILE, Inf);
    LogStep(L"installing the driver");
    /* ERROR_NO_MORE_ITEMS: no device has got it ("PnPUtil return values"), as there is none on the first installation. What
     * counts is what the store has then, and the caller looks. */
    if (!DiInstallDriverW(NULL, Inf, Flags, &Restart) && GetLastError() != ERROR_NO_MORE_ITEMS)
        Error = LogError(GetLastError(), L"Windows refuses the driver: %1", RefusalText(GetLastError()));
    LogStep(L"looking for the driver");
    *NeedRestart |= Restart;

deleteFiles:
    FileDelete(Folder, PLAINTUN_DRIVER_FILE);
    FileDelete(Folder, PLAINTUN_INF_FILE);
    FileDelete(Folder, PLAINTUN_CAT_FILE);
    RemoveDirectoryW(Folder);
    return Error;
}

static DWORD Survey(STORE *Store, LPCWSTR Doing)
{
    DWORD Error = StoreSurvey(Store);
    if (Error != NO_ERROR)
        LogError(Error, L"%1: Windows does not tell what is in its driver store; try again", Doing);
    return Error;
}

/* --- what is done with what is there --------------------------------------------------------------------------------- */

typedef struct _INSTALLATION
{
    INSTALL_FOR For;
    BOOL Adapters;    /* there are some, which installing stops and starts */
    BOOL NeedRestart; /* of Windows: a program has a device of the old driver open */
    DWORD Error;
    ULONG64 BackDeadline;                      /* until when adapters may come back */
    WCHAR Doing[64 + 2 * VERSION_TEXT_LENGTH]; /* begins messages */
    STORE Store;
} INSTALLATION;

static BOOL AskIdle(const ADAPTER_DEVICE *Adapter, void *Context)
{
    INSTALLATION *Installation = Context;
    Installation->Error = AdapterIdle(&Adapter->Guid, Adapter->Name, Installation->Doing);
    return Installation->Error == NO_ERROR;
}

/* An adapter that was stopped has come back when the new driver answers for it. */
static BOOL AwaitBack(const ADAPTER_DEVICE *Adapter, void *Context)
{
    INSTALLATION *Installation = Context;
    ULONG64 Deadline = Installation->BackDeadline;
    WATCH Watch;
    if (!WatchStart(&Watch, FALSE))
    {
        Installation->Error = LogError(GetLastError(), L"%1: it is done, but cannot be watched", Installation->Doing);
        return FALSE;
    }
    WatchDevice(&Watch, Adapter->InstanceId);
    TUN_QUERY Query;
    ADAPTER_DEVICE Now;
    while (DeviceQuery(&Adapter->Guid, &Query) != NO_ERROR || QueryVersion(&Query) != OUR_VERSION)
    {
        if (TimeLeft(Deadline) == 0)
        {
            if (!DescribeDevice(Adapter->InstanceId, &Now) || !Now.Present)
                break; /* its program has closed it meanwhile */
            Installation->Error = LogError(ERROR_TIMEOUT,
                                           L"%1: the adapter \"%2\" has not come back with the new driver (problem "
                                           L"%3!u!: %4)",
                                           Installation->Doing, Adapter->Name, Now.Problem, ProblemText(Now.Problem));
            break;
        }
        WatchWait(&Watch, Deadline);
    }
    WatchEnd(&Watch);
    return Installation->Error == NO_ERROR;
}

/* Takes packages out of the store that are not the one that this library carries. They do no harm, but nothing is to be
 * left when the driver is removed. https://learn.microsoft.com/windows/win32/api/newdev/nf-newdev-diuninstalldriverw */
static void RemoveOthers(const STORE *Store)
{
    BOOL NeedRestart; /* for what no device uses any more: nobody waits for it */
    for (DWORD i = 0; i < Store->Count; ++i)
        if (!Store->Packages[i].Same && !DiUninstallDriverW(NULL, Store->Packages[i].InfPath, 0, &NeedRestart))
            Log(PLAINTUN_LOG_WARN, L"the former driver %1 stays in the driver store (%2!u!)",
                Store->Packages[i].InfPath, GetLastError());
}

/*
 * Puts ours into the store, beside what is there: that goes only when Windows has accepted ours. Of the same version it is
 * another build, to which Windows has no reason to prefer ours unless it is told to; or it is ours, damaged, which Windows
 * takes for ours and leaves as it is, so that it has to go first.
 */
static DWORD Replace(INSTALLATION *Installation)
{
    STORE *Store = &Installation->Store;
    DWORD Flags = Store->Newest == OUR_VERSION ? DIIRFLAG_FORCE_INF : 0;
    DWORD Error = InstallPackage(Flags, &Installation->NeedRestart);
    if (Error == NO_ERROR)
        Error = Survey(Store, Installation->Doing);
    if (Error != NO_ERROR || Flags == 0 || Store->HasOurs)
        return Error;
    RemoveOthers(Store);
    Error = InstallPackage(0, &Installation->NeedRestart);
    return Error == NO_ERROR ? Survey(Store, Installation->Doing) : Error;
}

static DWORD Install(INSTALLATION *Installation)
{
    STORE *Store = &Installation->Store;
    WCHAR Former[VERSION_TEXT_LENGTH];
    if (Store->Newest != 0 && Store->NewestDate > PLAINTUN_DATE)
        return LogError(ERROR_PRODUCT_VERSION,
                        L"%1: version %2 is installed, and its INF is of a later day, so Windows would go on using it; "
                        L"this library's maker must build it with a later DATE",
                        Installation->Doing, VersionText(Store->Newest, Former));
    DWORD Error = Installation->Adapters ? VisitAdapters(AskIdle, Installation) : NO_ERROR;
    if (Error == NO_ERROR)
        Error = Installation->Error;
    if (Error != NO_ERROR)
        return Error;

    Log(PLAINTUN_LOG_INFO, L"%1", Installation->Doing);
    Error = Replace(Installation);
    if (Error != NO_ERROR)
        return Error;
    if (!Store->HasOurs)
        return LogError(ERROR_FILE_CORRUPT,
                        L"%1: Windows took the driver, but what its driver store has is something else; does another "
                        L"program change it? C:\\Windows\\INF\\setupapi.dev.log says what was installed",
                        Installation->Doing);
    if (Installation->NeedRestart)
        return NO_ERROR;
    RemoveOthers(Store);
    Installation->BackDeadline = AwakeMs() + BACK_MS;
    if (Installation->Adapters)
        Error = VisitAdapters(AwaitBack, Installation);
    return Error != NO_ERROR ? Error : Installation->Error;
}

static DWORD Decide(INSTALLATION *Installation, volatile BOOL *Installed)
{
    STORE *Store = &Installation->Store;
    DWORD Error = StoreSurvey(Store);
    WCHAR Ours[VERSION_TEXT_LENGTH];
    VersionText(OUR_VERSION, Ours);
    WCHAR Theirs[VERSION_TEXT_LENGTH];
    VersionText(Store->Newest, Theirs);
    if (Error != NO_ERROR)
        Log(PLAINTUN_LOG_WARN, L"cannot tell whether the driver is installed (%1!u!): installing it", Error);
    if (Store->Newest > OUR_VERSION && Installation->For == INSTALL_FOR_ADAPTER)
    {
        Log(PLAINTUN_LOG_INFO, L"the driver %1 is installed, newer than this library's %2: using that", Theirs, Ours);
        return NO_ERROR;
    }
    if (Store->Newest > OUR_VERSION)
        return LogError(ERROR_PRODUCT_VERSION,
                        L"installing the driver %1: version %2 is installed, which is newer; use that version's "
                        L"library, or delete the driver first",
                        Ours, Theirs);
    if (Store->HasOurs)
    {
        Log(PLAINTUN_LOG_INFO, L"the driver %1 is installed", Ours);
        return NO_ERROR;
    }
    Error = VisitAdapters(SayPresent, &Installation->Adapters);
    if (Error != NO_ERROR)
        return Error;
    if (Store->Count != 0 && Installation->Adapters && Installation->For == INSTALL_FOR_ADAPTER)
    {
        /* Installing would stop other programs' adapters under them. */
        Log(PLAINTUN_LOG_WARN,
            L"another driver (version %1, this library's is %2) is in use by other adapters: using that", Theirs, Ours);
        return NO_ERROR;
    }
    lstrcpynW(Installation->Doing, L"installing the driver ", ARRAYSIZE(Installation->Doing));
    lstrcpynW(Installation->Doing + lstrlenW(Installation->Doing), Ours, VERSION_TEXT_LENGTH);
    if (Store->Newest != 0)
    {
        lstrcpynW(Installation->Doing + lstrlenW(Installation->Doing), L" in place of ", 14);
        lstrcpynW(Installation->Doing + lstrlenW(Installation->Doing), Theirs, VERSION_TEXT_LENGTH);
    }
    *Installed = TRUE;
    SetupSayInstalling(TRUE);
    Error = Install(Installation);
    SetupSayInstalling(FALSE);
    return Error;
}

BOOL InstallDriver(INSTALL_FOR For, volatile BOOL *Installed)
{
    if (Known && For == INSTALL_FOR_ADAPTER &&
        (KnownInf[0] == 0 || GetFileAttributesW(KnownInf) != INVALID_FILE_ATTRIBUTES))
        return TRUE;
    KnownInf[0] = 0;
    if (NativeNeeded())
    {
        DWORD Error = NativeRun(L"install", For == INSTALL_FOR_PERSON ? L"person" : L"adapter", KnownInf, Installed);
        Known = Error == NO_ERROR || Error == ERROR_SUCCESS_REBOOT_REQUIRED;
        return Known;
    }
    INSTALLATION *Installation = Allocate(sizeof(*Installation));
    if (Installation == NULL)
    {
        LogError(ERROR_NOT_ENOUGH_MEMORY, L"looking for the driver: there is no memory; close programs");
        return FALSE;
    }
    Installation->For = For;
    DWORD Error = Decide(Installation, Installed);
    BOOL NeedRestart = Installation->NeedRestart;
    Known = Error == NO_ERROR;
    for (DWORD i = 0; i < Installation->Store.Count; ++i)
        if (Installation->Store.Packages[i].Same)
            lstrcpynW(KnownInf, Installation->Store.Packages[i].InfPath, MAX_PATH);
    Free(Installation);
    if (NeedRestart)
        Log(PLAINTUN_LOG_WARN, L"a program keeps a device of the former driver open, which therefore stays loaded: "
                               L"restart Windows to use the new one");
    SetLastError(Error == NO_ERROR && NeedRestart ? ERROR_SUCCESS_REBOOT_REQUIRED : Error);
    return Error == NO_ERROR;
}

LPCWSTR InstalledInf(void)
{
    return KnownInf;
}

void InstallDriverForget(void)
{
    Known = FALSE;
}

/* --- removing -------------------------------------------------------------------------------------------------------- */

typedef struct _REMOVAL
{
    DWORD Error;
    BOOL NeedRestart;
    STORE Store;
} REMOVAL;

static BOOL ForgetDevice(const ADAPTER_DEVICE *Adapter, void *Context)
{
    REMOVAL *Removal = Context;
    DWORD Error = UninstallDevice(Adapter->InstanceId);
    if (Error == NO_ERROR)
        Removal->NeedRestart |= GetLastError() == ERROR_SUCCESS_REBOOT_REQUIRED;
    else
        Removal->Error =
            LogError(Error, L"removing the driver: Windows refuses to forget the device %1", Adapter->InstanceId);
    return TRUE;
}

/*
 * The service's entry outlives the package. While its driver is loaded it stays, because a name that is marked for
 * deletion cannot be used again. https://learn.microsoft.com/windows/win32/api/winsvc/nf-winsvc-deleteservice
 */
static void RemoveService(void)
{
    SC_HANDLE Manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE Service = Manager != NULL ? OpenServiceW(Manager, PLAINTUN_SERVICE, SERVICE_QUERY_STATUS | DELETE) : NULL;
    if (Service == NULL && GetLastError() != ERROR_SERVICE_DOES_NOT_EXIST)
        Log(PLAINTUN_LOG_WARN, L"the service " PLAINTUN_SERVICE L" cannot be opened (%1!u!)", GetLastError());
    SERVICE_STATUS Status;
    if (Service != NULL && (!QueryServiceStatus(Service, &Status) || Status.dwCurrentState != SERVICE_STOPPED))
        Log(PLAINTUN_LOG_WARN, L"the driver is still loaded: its service " PLAINTUN_SERVICE L" stays");
    else if (Service != NULL && !DeleteService(Service))
        Log(PLAINTUN_LOG_WARN, L"the service " PLAINTUN_SERVICE L" cannot be deleted (%1!u!)", GetLastError());
    if (Service != NULL)
        CloseServiceHandle(Service);
    if (Manager != NULL)
        CloseServiceHandle(Manager);
}

/* https://learn.microsoft.com/windows/win32/api/newdev/nf-newdev-diuninstalldriverw */
BOOL RemoveDriver(void)
{
    Known = FALSE;
    if (NativeNeeded())
    {
        DWORD NativeError = NativeRun(L"remove", L"", NULL, NULL);
        return NativeError == NO_ERROR || NativeError == ERROR_SUCCESS_REBOOT_REQUIRED;
    }
    REMOVAL *Removal = Allocate(sizeof(*Removal));
    if (Removal == NULL)
    {
        LogError(ERROR_NOT_ENOUGH_MEMORY, L"removing the driver: there is no memory; close programs");
        return FALSE;
    }
    STORE *Store = &Removal->Store;
    DWORD Error = VisitDevices(ForgetDevice, Removal);
    if (Error == NO_ERROR)
        Error = Removal->Error;
    if (Error == NO_ERROR)
        Error = Survey(Store, L"removing the driver");
    BOOL NeedRestart;
    for (DWORD i = 0; Error == NO_ERROR && i < Store->Count; ++i)
        if (!DiUninstallDriverW(NULL, Store->Packages[i].InfPath, 0, &NeedRestart))
            Error = LogError(GetLastError(), L"removing the driver: Windows refuses to remove %1: %2",
                             Store->Packages[i].InfPath,
                             GetLastError() == ERROR_ACCESS_DENIED ? L"it takes an administrator"
                                                                   : L"C:\\Windows\\INF\\setupapi.dev.log says why");
        else
            Removal->NeedRestart |= NeedRestart;
    if (Error == NO_ERROR)
        RemoveService();
    NeedRestart = Removal->NeedRestart;
    if (NeedRestart)
        Log(PLAINTUN_LOG_WARN, L"a program keeps a device of the driver open: it stays loaded until that is closed, or "
                               L"Windows restarted");
    Free(Removal);
    SetLastError(Error == NO_ERROR && NeedRestart ? ERROR_SUCCESS_REBOOT_REQUIRED : Error);
    return Error == NO_ERROR;
}
