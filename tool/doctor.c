/* SPDX-License-Identifier: MIT */
/*
 * plaintun doctor: looks for what keeps adapters from working, and says what to do. Each examination is one function; it
 * only looks. A finding is good, a note (worth knowing) or a fault (adapters cannot work until it is mended).
 */
#include "tool/tool.h"
#include <winternl.h>

#define BUILD_MIN 17763 /* Windows 10, version 1809 */

typedef enum _VERDICT
{
    VERDICT_GOOD,
    VERDICT_NOTE,
    VERDICT_FAULT,
} VERDICT;

static const LPCWSTR VerdictNames[] = {L"good", L"note", L"FAULT"};
static DWORD Faults;
static BOOL Administrator, DriverReady; /* what making an adapter takes, if nothing is to be changed by it */

static void Find(VERDICT Verdict, LPCWSTR Subject, LPCWSTR Pattern, ...)
{
    va_list List;
    va_start(List, Pattern);
    WCHAR Text[TEXT_MAX];
    FormatList(Text, ARRAYSIZE(Text), Pattern, List);
    va_end(List);
    Faults += Verdict == VERDICT_FAULT;
    if (!Json)
    {
        Print(L"%-5ls  %-13ls %ls\n", VerdictNames[Verdict], Subject, Text);
        return;
    }
    JsonBegin(NULL, L'{');
    JsonText(L"verdict", Verdict == VERDICT_FAULT ? L"fault" : VerdictNames[Verdict]);
    JsonText(L"subject", Subject);
    JsonText(L"text", Text);
    JsonEnd(L'}');
}

/* --- the machine --------------------------------------------------------------------------------------------------------- */

static void ExamineSystem(void)
{
    SYSTEM_FACTS Facts;
    SystemRead(&Facts);
    if (Facts.Build >= BUILD_MIN)
        Find(VERDICT_GOOD, L"Windows", L"%ls", Facts.Windows);
    else
        Find(VERDICT_NOTE, L"Windows", L"%ls: the driver is made for build %u (Windows 10 1809) and later",
             Facts.Windows, BUILD_MIN);
    if (Facts.NativeMachine == Facts.ToolMachine)
        Find(VERDICT_GOOD, L"machine", L"%ls, and so is this program", Facts.NativeMachine);
    else
        Find(VERDICT_NOTE, L"machine", L"%ls, this program is for %ls: take the files for %ls where you can",
             Facts.NativeMachine, Facts.ToolMachine, Facts.NativeMachine);
}

/* learn.microsoft.com/windows/win32/api/securitybaseapi/nf-securitybaseapi-checktokenmembership */
static void ExamineUser(void)
{
    BYTE Sid[SECURITY_MAX_SID_SIZE];
    DWORD Size = sizeof(Sid);
    BOOL Member = FALSE;
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, Sid, &Size) || !CheckTokenMembership(NULL, Sid, &Member))
        Find(VERDICT_NOTE, L"user", L"cannot be told whether this is an administrator (error %lu)", GetLastError());
    else if ((Administrator = Member))
        Find(VERDICT_GOOD, L"user", L"an administrator");
    else
        Find(VERDICT_NOTE, L"user", L"no administrator: run %ls as one to install drivers and to create adapters",
             TOOL_NAME);
}

/* "NtQuerySystemInformation function (winternl.h)", SystemCodeIntegrityInformation: class and flags are from its page. */
#define CODE_INTEGRITY_CLASS   103
#define CODE_INTEGRITY_ENABLED 0x1
#define CODE_INTEGRITY_TEST    0x2
#define CODE_INTEGRITY_HVCI    0x400

static void ExamineSignatures(void)
{
    struct
    {
        ULONG Length, Options;
    } Information = {.Length = sizeof(Information)};
    if (NtQuerySystemInformation((SYSTEM_INFORMATION_CLASS)CODE_INTEGRITY_CLASS, &Information, sizeof(Information),
                                 NULL) < 0)
    {
        Find(VERDICT_NOTE, L"signatures", L"Windows does not tell which drivers it accepts");
        return;
    }
    LPCWSTR Memory = Information.Options & CODE_INTEGRITY_HVCI ? L"; memory integrity is on" : L"";
    if (!(Information.Options & CODE_INTEGRITY_ENABLED))
        Find(VERDICT_NOTE, L"signatures", L"drivers' signatures are not enforced on this machine%ls", Memory);
    else if (Information.Options & CODE_INTEGRITY_TEST)
        Find(VERDICT_NOTE, L"signatures", L"test signing is on: drivers signed with a trusted test certificate load%ls",
             Memory);
    else
        Find(VERDICT_GOOD, L"signatures", L"only drivers that Microsoft has signed load (test signing is off)%ls",
             Memory);
}

/* --- services ------------------------------------------------------------------------------------------------------------ */

/* learn.microsoft.com/windows/win32/api/winsvc/nf-winsvc-queryserviceconfigw. FALSE: GetLastError(). */
static BOOL ReadStartType(LPCWSTR Name, DWORD *StartType)
{
    static BYTE Buffer[8192]; /* what the page says is enough */
    QUERY_SERVICE_CONFIGW *Config = (QUERY_SERVICE_CONFIGW *)Buffer;
    DWORD Error = NO_ERROR;
    SC_HANDLE Service = NULL, Manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    DWORD Needed;
    if (Manager == NULL || (Service = OpenServiceW(Manager, Name, SERVICE_QUERY_CONFIG)) == NULL ||
        !QueryServiceConfigW(Service, Config, sizeof(Buffer), &Needed))
        Error = GetLastError();
    else
        *StartType = Config->dwStartType;
    if (Service != NULL)
        CloseServiceHandle(Service);
    if (Manager != NULL)
        CloseServiceHandle(Manager);
    SetLastError(Error);
    return Error == NO_ERROR;
}

static void ExamineServices(void)
{
    static const struct
    {
        LPCWSTR Name, Purpose, Start; /* as sc.exe calls its usual start */
    } Services[] = {
        {L"DeviceInstall", L"installs devices", L"demand"},
        {L"NetSetupSvc", L"makes network interfaces", L"demand"},
        {PLAINTUN_SERVICE, L"the driver", L"demand"},
    };
    for (DWORD i = 0; i < ARRAYSIZE(Services); ++i)
    {
        BOOL Ours = i == ARRAYSIZE(Services) - 1;
        DWORD StartType;
        if (!ReadStartType(Services[i].Name, &StartType))
        {
            DWORD Error = GetLastError();
            WCHAR Cause[200];
            SystemText(Error, Cause, ARRAYSIZE(Cause));
            if (Error != ERROR_SERVICE_DOES_NOT_EXIST)
                Find(VERDICT_NOTE, L"service", L"%ls (%ls): %ls", Services[i].Name, Services[i].Purpose, Cause);
            else if (Ours)
                Find(VERDICT_GOOD, L"service",
                     L"%ls (%ls) does not exist: no adapter was ever made, or all of it was removed", Services[i].Name,
                     Services[i].Purpose);
            else
                Find(VERDICT_NOTE, L"service", L"%ls (%ls) does not exist, which a usual Windows has", Services[i].Name,
                     Services[i].Purpose);
        }
        else if (StartType == SERVICE_DISABLED)
            Find(VERDICT_FAULT, L"service", L"%ls (%ls) is disabled: run  sc.exe config %ls start= %ls",
                 Services[i].Name, Services[i].Purpose, Services[i].Name, Services[i].Start);
        else
            Find(VERDICT_GOOD, L"service", L"%ls (%ls) is not disabled", Services[i].Name, Services[i].Purpose);
    }
}

/* --- driver and adapters ------------------------------------------------------------------------------------------------- */

static void ExamineDriver(void)
{
    PLAINTUN_DRIVER_INFO Info;
    if (!PlaintunGetDriverInfo(&Info))
    {
        WCHAR Cause[400];
        FailureText(GetLastError(), Cause, ARRAYSIZE(Cause));
        Find(VERDICT_NOTE, L"driver", L"%ls", Cause);
        return;
    }
    DriverReady = Info.InstalledVersion >= Info.LibraryVersion;
    WCHAR Library[VERSION_TEXT];
    VersionText(Info.LibraryVersion, Library, ARRAYSIZE(Library));
    WCHAR Installed[VERSION_TEXT];
    VersionText(Info.InstalledVersion, Installed, ARRAYSIZE(Installed));
    WCHAR Loaded[VERSION_TEXT];
    VersionText(Info.LoadedVersion, Loaded, ARRAYSIZE(Loaded));
    if (Info.LoadedVersion != 0 && Info.LoadedVersion != Info.InstalledVersion)
        Find(VERDICT_FAULT, L"driver", L"%ls is loaded, %ls is installed: close all programs with adapters, or restart",
             Loaded, Installed);
    else if (Info.InstalledVersion == 0)
        Find(VERDICT_GOOD, L"driver", L"none is installed; the first adapter brings %ls", Library);
    else if (Info.InstalledVersion < Info.LibraryVersion)
        Find(VERDICT_NOTE, L"driver", L"%ls is installed, %ls is in this library: %ls install", Installed, Library,
             TOOL_NAME);
    else if (Info.InstalledVersion > Info.LibraryVersion)
        Find(VERDICT_NOTE, L"driver", L"%ls is installed, newer than this library, %ls, which uses it", Installed,
             Library);
    else
        Find(VERDICT_GOOD, L"driver", L"%ls is installed, loaded: %ls", Installed, Loaded);
}

static void ExamineAdapters(void)
{
    PLAINTUN_ADAPTER_INFO *Adapters;
    DWORD Count;
    EXIT_CODE Code;
    if (!AdapterList(&Adapters, &Count, &Code))
    {
        Find(VERDICT_FAULT, L"adapters", L"Windows does not list them");
        return;
    }
    if (Count == 0)
        Find(VERDICT_GOOD, L"adapters", L"there are none");
    for (DWORD i = 0; i < Count; ++i)
    {
        const PLAINTUN_ADAPTER_INFO *Adapter = &Adapters[i];
        WCHAR Guid[GUID_TEXT];
        GuidText(&Adapter->Guid, Guid);
        Guid[GUID_TEXT - 2] = 0; /* without braces, which PowerShell takes for a block of code */
        if (Adapter->State == PLAINTUN_ADAPTER_STOPPED)
            Find(VERDICT_FAULT, L"adapter", L"%ls does not work, problem %lu: %ls", Adapter->Name, Adapter->Problem,
                 AdapterProblem(Adapter));
        else if (Adapter->State == PLAINTUN_ADAPTER_ABSENT)
            Find(VERDICT_NOTE, L"adapter", L"%ls is left over; if its program does not come back:  %ls remove %ls",
                 Adapter->Name, TOOL_NAME, Guid + 1);
        else
            Find(VERDICT_GOOD, L"adapter", L"%ls is %ls", Adapter->Name, AdapterStateName(Adapter->State));
    }
    if (Adapters != NULL)
        HeapFree(GetProcessHeap(), 0, Adapters);
}

/* What no look tells, an attempt does: an adapter is made, and taken away again; for itself, whatever other doctors make. */
static void ExamineCreation(void)
{
    LPCWSTR Without = Faults != 0      ? L"because of what was found"
                      : !Administrator ? L"because it takes an administrator"
                      : !DriverReady   ? L"because that would install the driver"
                                       : NULL;
    if (Without != NULL)
    {
        Find(VERDICT_NOTE, L"creation", L"not tried, %ls", Without);
        return;
    }
    WCHAR Name[PLAINTUN_NAME_MAX + 1];
    Format(Name, ARRAYSIZE(Name), TOOL_NAME L" doctor %lu", GetCurrentProcessId());
    PLAINTUN_ADAPTER_CONFIG Config = {.Size = sizeof(Config), .Name = Name};
    PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunCreateAdapter(&Config);
    if (Adapter != NULL)
    {
        PlaintunCloseAdapter(Adapter);
        Find(VERDICT_GOOD, L"creation", L"an adapter was made, and taken away again");
        return;
    }
    WCHAR Cause[TEXT_MAX];
    FailureText(GetLastError(), Cause, ARRAYSIZE(Cause));
    Find(VERDICT_FAULT, L"creation", L"%ls", Cause);
}

static EXIT_CODE Run(const ARGUMENTS *Arguments)
{
    if (Json)
    {
        JsonBegin(NULL, L'{');
        JsonText(L"tool", TOOL_VERSION);
        JsonBegin(L"findings", L'[');
    }
    ProgressBegin(L"looking");
    ExamineSystem();
    ExamineUser();
    ExamineSignatures();
    ExamineServices();
    ExamineDriver();
    ExamineAdapters();
    ExamineCreation();
    ProgressEnd();
    if (Json)
    {
        JsonEnd(L']');
        JsonNumber(L"faults", Faults);
        JsonEnd(L'}');
    }
    else if (Faults == 0)
        Print(L"\nNo fault was found.\n");
    else
        Print(L"\nFaults: %lu. Where that does not help: C:\\Windows\\INF\\setupapi.dev.log says what Windows did.\n",
              Faults);
    return Faults == 0 ? EXIT_OK : EXIT_FAILED;
}

const COMMAND DoctorCommand = {
    .Name = L"doctor",
    .Operands = L"",
    .HasJson = TRUE,
    .Summary = L"finds what keeps adapters from working, and says what to do",
    .Text =
        L"Looks at Windows' version, the services that make devices and interfaces, which drivers' signatures are\n"
        L"accepted, the versions of library and driver, and the adapters. Where it finds no fault and the driver is\n"
        L"installed, an administrator's doctor makes an adapter, for up to 30 s, and takes it away again. Changes "
        L"nothing\n"
        L"else. Ends with 1 where there is a fault.\n"
        L"\n"
        L"  " TOOL_NAME L" doctor\n"
        L"  " TOOL_NAME L" doctor --json\n",
    .Run = Run,
};
