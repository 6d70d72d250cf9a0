/* SPDX-License-Identifier: MIT */
/*
 * client.exe: what Windows tunnel programs ask of the system before and beside their adapter, in the order in which they do.
 * client.exe PART [ARGUMENTS]: each part checks one thing of docs/host.md and prints "ok" or "FAIL" lines, then
 * "N checks, N failed". test_client.py runs them.
 */
#define COBJMACROS
#include <winsock2.h>
#include <windows.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <initguid.h>
#include <objbase.h>
#include <netlistmgr.h>
#include <winternl.h>
#include <tlhelp32.h>
#include <sddl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIO_UDP_NETRESET _WSAIOW(IOC_VENDOR, 15)
#define IPV6_UNICAST_IF  31
#define TCP_KEEPIDLE     3
#define TCP_KEEPCNT      16
#define TCP_KEEPINTVL    17

static unsigned Checks, Failed;

static BOOL Check(BOOL Right, const char *Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    printf(Right ? "ok " : "FAIL ");
    vprintf(Format, Arguments);
    printf(" (error %lu)\n", GetLastError());
    va_end(Arguments);
    fflush(stdout);
    Checks++;
    Failed += !Right;
    return Right;
}

static FARPROC Function(const WCHAR *Dll, const char *Name)
{
    HMODULE Module = LoadLibraryExW(Dll, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32); /* as Go and Rust load system DLLs */
    return Module ? GetProcAddress(Module, Name) : NULL;
}

/* --- what runtimes load by name ------------------------------------------------------------------------------------- */

static void Runtime(void)
{
    /* Go: runtime/os_windows.go's and golang.org/x/sys/windows' documentation; Rust: the platform notes of its std. Without
     * these a program ends at its start; others are asked for and done without. */
    static const struct
    {
        const WCHAR *Dll;
        const char *Name;
    } Needed[] = {
        {L"bcryptprimitives.dll", "ProcessPrng"},
        {L"ntdll.dll", "RtlGetCurrentPeb"},
        {L"ntdll.dll", "RtlGetVersion"},
        {L"ntdll.dll", "RtlGetNtVersionNumbers"},
        {L"ntdll.dll", "NtWaitForSingleObject"},
        {L"ntdll.dll", "NtCreateFile"},
        {L"ntdll.dll", "NtCreateKeyedEvent"},
        {L"ntdll.dll", "NtCancelIoFileEx"},
        {L"winmm.dll", "timeBeginPeriod"},
        {L"winmm.dll", "timeEndPeriod"},
        {L"ws2_32.dll", "WSAGetOverlappedResult"},
        {L"ws2_32.dll", "GetHostNameW"},
        {L"powrprof.dll", "PowerRegisterSuspendResumeNotification"},
        {L"kernel32.dll", "AddVectoredContinueHandler"},
        {L"kernel32.dll", "SetThreadDescription"},
        {L"kernel32.dll", "GetSystemTimePreciseAsFileTime"},
        {L"kernel32.dll", "GetQueuedCompletionStatusEx"},
        {L"kernel32.dll", "SetFileInformationByHandle"},
        {L"kernel32.dll", "CreateWaitableTimerExW"},
        {L"kernel32.dll", "InitializeProcThreadAttributeList"},
        {L"api-ms-win-core-synch-l1-2-0.dll", "WaitOnAddress"},
        {L"api-ms-win-core-synch-l1-2-0.dll", "WakeByAddressSingle"},
        {L"userenv.dll", "GetUserProfileDirectoryW"},
        {L"bcrypt.dll", "BCryptGenRandom"},
        {L"combase.dll", "RoOriginateErrorW"},
    };
    for (ULONG I = 0; I < ARRAYSIZE(Needed); I++)
        Check(Function(Needed[I].Dll, Needed[I].Name) != NULL, "%ls!%s", Needed[I].Dll, Needed[I].Name);

    typedef BOOL(WINAPI * PROCESS_PRNG)(BYTE *, SIZE_T);
    PROCESS_PRNG Prng = (PROCESS_PRNG)(VOID *)Function(L"bcryptprimitives.dll", "ProcessPrng");
    BYTE Once[1000] = {0}, Again[1000] = {0};
    ULONG Seen[256] = {0}, Values = 0;
    Check(Prng && Prng(Once, sizeof(Once)) == TRUE && Prng(Again, sizeof(Again)) == TRUE, "ProcessPrng gives TRUE");
    for (ULONG I = 0; I < sizeof(Once); I++)
        Values += !Seen[Once[I]]++;
    Check(Values > 200 && memcmp(Once, Again, sizeof(Once)), "1,000 bytes are random: %lu values", Values);
}

/* --- version -------------------------------------------------------------------------------------------------------- */

typedef LONG(NTAPI *RTL_GET_VERSION)(OSVERSIONINFOEXW *);
typedef LONG(NTAPI *RTL_VERIFY)(OSVERSIONINFOEXW *, DWORD, DWORDLONG);
typedef void(NTAPI *RTL_NUMBERS)(DWORD *, DWORD *, DWORD *);

static DWORD RegistryNumber(const WCHAR *Name)
{
    DWORD Number = 0, Length = sizeof(Number);
    RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", Name, RRF_RT_REG_DWORD, NULL,
                 &Number, &Length);
    return Number;
}

static void Version(void)
{
    OSVERSIONINFOEXW Info = {.dwOSVersionInfoSize = sizeof(Info)};
    ((RTL_GET_VERSION)(VOID *)Function(L"ntdll.dll", "RtlGetVersion"))(&Info);
    Check(Info.dwMajorVersion == 10 && !Info.dwMinorVersion && Info.dwBuildNumber >= 17763,
          "RtlGetVersion: %lu.%lu.%lu", Info.dwMajorVersion, Info.dwMinorVersion, Info.dwBuildNumber);

    DWORD Major, Minor, Build;
    ((RTL_NUMBERS)(VOID *)Function(L"ntdll.dll", "RtlGetNtVersionNumbers"))(&Major, &Minor, &Build);
    Check(Major == 10 && !Minor && (Build & 0xffff) == Info.dwBuildNumber, "RtlGetNtVersionNumbers: %lu.%lu.%lu", Major,
          Minor, Build & 0xffff);

    OSVERSIONINFOEXW Wanted = {.dwOSVersionInfoSize = sizeof(Wanted), .dwMajorVersion = 10, .dwBuildNumber = 17763};
    DWORDLONG Mask = VerSetConditionMask(0, VER_MAJORVERSION, VER_GREATER_EQUAL);
    Mask = VerSetConditionMask(Mask, VER_MINORVERSION, VER_GREATER_EQUAL);
    Mask = VerSetConditionMask(Mask, VER_BUILDNUMBER, VER_GREATER_EQUAL);
    LONG Status = ((RTL_VERIFY)(VOID *)Function(L"ntdll.dll", "RtlVerifyVersionInfo"))(
        &Wanted, VER_MAJORVERSION | VER_MINORVERSION | VER_BUILDNUMBER, Mask);
    Check(!Status, "RtlVerifyVersionInfo: 10.0.17763 or later: 0x%08lx", Status);
    Wanted.dwMajorVersion = 11;
    Check(((RTL_VERIFY)(VOID *)Function(L"ntdll.dll", "RtlVerifyVersionInfo"))(&Wanted, VER_MAJORVERSION, Mask) != 0,
          "RtlVerifyVersionInfo: not 11");

    const BYTE *Shared = (const BYTE *)0x7ffe0000; /* KUSER_SHARED_DATA: NtMajorVersion at 0x26c, NtMinorVersion */
    Check(*(const ULONG *)(Shared + 0x26c) == 10 && !*(const ULONG *)(Shared + 0x270), "KUSER_SHARED_DATA: %lu.%lu",
          *(const ULONG *)(Shared + 0x26c), *(const ULONG *)(Shared + 0x270));

    WCHAR Number[32] = L"";
    DWORD Length = sizeof(Number);
    RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", L"CurrentBuildNumber",
                 RRF_RT_REG_SZ, NULL, Number, &Length);
    Check(RegistryNumber(L"CurrentMajorVersionNumber") == 10 && (DWORD)_wtoi(Number) == Info.dwBuildNumber,
          "registry: %lu, build %ls", RegistryNumber(L"CurrentMajorVersionNumber"), Number);
    printf("build %lu\n", Info.dwBuildNumber);
}

/* --- sockets -------------------------------------------------------------------------------------------------------- */

static int Ioctl(SOCKET Socket, DWORD Code)
{
    DWORD Off = 0, Returned = 0;
    return WSAIoctl(Socket, Code, &Off, sizeof(Off), NULL, 0, &Returned, NULL, NULL) ? WSAGetLastError() : 0;
}

static int SetOption(SOCKET Socket, int Level, int Option, DWORD Value)
{
    return setsockopt(Socket, Level, Option, (const char *)&Value, sizeof(Value)) ? WSAGetLastError() : 0;
}

static DWORD GetOption(SOCKET Socket, int Level, int Option)
{
    DWORD Value = 0xdeadbeef;
    int Length = sizeof(Value);
    return getsockopt(Socket, Level, Option, (char *)&Value, &Length) ? 0xdead0000 | (DWORD)WSAGetLastError() : Value;
}

static SOCKET Open(int Family, int Type)
{
    return WSASocketW(Family, Type, 0, NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

/* An index in network order. */
static void Sockets(DWORD Interface)
{
    for (int I = 0; I < 2; I++)
    {
        int Family = I ? AF_INET6 : AF_INET;
        SOCKET Udp = Open(Family, SOCK_DGRAM), Tcp = Open(Family, SOCK_STREAM);
        Check(Udp != INVALID_SOCKET && Tcp != INVALID_SOCKET, "sockets of family %d", Family);
        Check(Ioctl(Udp, SIO_UDP_CONNRESET) == 0, "SIO_UDP_CONNRESET");
        Check(Ioctl(Udp, SIO_UDP_NETRESET) == 0, "SIO_UDP_NETRESET");
        Check(Ioctl(Tcp, SIO_UDP_NETRESET) == WSAEOPNOTSUPP, "SIO_UDP_NETRESET is for UDP");
        Check(Ioctl((SOCKET)0x12345, SIO_UDP_NETRESET) == WSAENOTSOCK, "SIO_UDP_NETRESET is for sockets");

        Check(!SetOption(Tcp, SOL_SOCKET, SO_KEEPALIVE, 1), "SO_KEEPALIVE");
        static const struct
        {
            int Option;
            DWORD Value;
        } KeepAlive[] = {{TCP_KEEPIDLE, 15}, {TCP_KEEPINTVL, 7}, {TCP_KEEPCNT, 9}};
        for (ULONG J = 0; J < ARRAYSIZE(KeepAlive); J++)
        {
            Check(!SetOption(Tcp, IPPROTO_TCP, KeepAlive[J].Option, KeepAlive[J].Value), "TCP option %d",
                  KeepAlive[J].Option);
            Check(GetOption(Tcp, IPPROTO_TCP, KeepAlive[J].Option) == KeepAlive[J].Value, "is read back");
            Check(SetOption(Tcp, IPPROTO_TCP, KeepAlive[J].Option, 0) == WSAEINVAL, "0 is no value for it");
        }
        Check(!SetOption(Tcp, IPPROTO_TCP, TCP_KEEPCNT, 255), "TCP_KEEPCNT takes 255");

        SOCKET Both[] = {Udp, Tcp};
        for (ULONG J = 0; J < ARRAYSIZE(Both); J++)
        {
            int Level = I ? IPPROTO_IPV6 : IPPROTO_IP, Option = I ? IPV6_UNICAST_IF : IP_UNICAST_IF;
            DWORD Index = I ? Interface : htonl(Interface), None = I ? 99999 : htonl(99999);
            Check(GetOption(Both[J], Level, Option) == 0, "UNICAST_IF is 0 at first");
            Check(!SetOption(Both[J], Level, Option, Index), "UNICAST_IF of socket %lu", J);
            Check(GetOption(Both[J], Level, Option) == Index, "is read back");
            Check(SetOption(Both[J], Level, Option, None) != 0, "there is no interface 99999");
            Check(!SetOption(Both[J], Level, Option, 0), "0 takes it off");
            Check(GetOption(Both[J], Level, Option) == 0, "and is read back");
        }
        Check(setsockopt(Udp, IPPROTO_IP, IP_UNICAST_IF, NULL, 4) && WSAGetLastError() == WSAEFAULT, "no value");
        closesocket(Udp);
        closesocket(Tcp);
    }

    /* A socket that may accept is open to all interfaces. */
    SOCKET Listener = Open(AF_INET, SOCK_STREAM), Client = Open(AF_INET, SOCK_STREAM);
    struct sockaddr_in Address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int Length = sizeof(Address);
    Check(!SetOption(Listener, IPPROTO_IP, IP_UNICAST_IF, htonl(Interface)) &&
              !bind(Listener, (struct sockaddr *)&Address, sizeof(Address)) && !listen(Listener, 1) &&
              !getsockname(Listener, (struct sockaddr *)&Address, &Length) &&
              !connect(Client, (struct sockaddr *)&Address, sizeof(Address)),
          "a listener with IP_UNICAST_IF accepts from another interface");
    closesocket(Listener);
    closesocket(Client);
}

/* Says what a server there answers over TCP and UDP: "tcp TEXT", "udp TEXT". Interface 0: as routes say. */
static void Ask(const char *Host, const char *Port, DWORD Interface)
{
    struct addrinfo *Found, Hints = {.ai_flags = AI_NUMERICHOST};
    Check(!getaddrinfo(Host, Port, &Hints, &Found), "address %s", Host);
    for (int I = 0; I < 2; I++)
    {
        SOCKET Socket = Open(Found->ai_family, I ? SOCK_DGRAM : SOCK_STREAM);
        DWORD Ms = 5000;
        setsockopt(Socket, SOL_SOCKET, SO_RCVTIMEO, (const char *)&Ms, sizeof(Ms));
        if (Interface)
            Check(Found->ai_family == AF_INET ? !SetOption(Socket, IPPROTO_IP, IP_UNICAST_IF, htonl(Interface))
                                              : !SetOption(Socket, IPPROTO_IPV6, IPV6_UNICAST_IF, Interface),
                  "UNICAST_IF");
        char Text[64] = "";
        if (Check(!connect(Socket, Found->ai_addr, (int)Found->ai_addrlen), "connect") && send(Socket, "?", 1, 0) == 1)
            recv(Socket, Text, sizeof(Text) - 1, 0);
        printf("%s %s\n", I ? "udp" : "tcp", Text);
        closesocket(Socket);
    }
    freeaddrinfo(Found);
}

/* --- users and sessions --------------------------------------------------------------------------------------------- */

/* The process of that name; 0: there is none. */
static DWORD FindProcess(const WCHAR *Name)
{
    PROCESSENTRY32W Entry = {.dwSize = sizeof(Entry)};
    HANDLE Snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    DWORD Id = 0;
    for (BOOL More = Process32FirstW(Snapshot, &Entry); More && !Id; More = Process32NextW(Snapshot, &Entry))
        if (!_wcsicmp(Entry.szExeFile, Name))
            Id = Entry.th32ProcessID;
    CloseHandle(Snapshot);
    return Id;
}

static BOOL IsSystem(HANDLE Token)
{
    BYTE Data[256];
    DWORD Length;
    return GetTokenInformation(Token, TokenUser, Data, sizeof(Data), &Length) &&
           IsWellKnownSid(((TOKEN_USER *)Data)->User.Sid, WinLocalSystemSid);
}

static BOOL HasPrivilege(HANDLE Token, const WCHAR *Name)
{
    TOKEN_PRIVILEGES Privileges = {.PrivilegeCount = 1, .Privileges[0].Attributes = SE_PRIVILEGE_ENABLED};
    return LookupPrivilegeValueW(NULL, Name, &Privileges.Privileges[0].Luid) &&
           AdjustTokenPrivileges(Token, FALSE, &Privileges, 0, NULL, NULL) && GetLastError() == ERROR_SUCCESS;
}

static void System(void)
{
    HANDLE Token = NULL, Impersonation = NULL, Thread = NULL;
    DWORD Id = FindProcess(L"winlogon.exe"), Session = 99;
    HANDLE Own;
    OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &Own);
    Check(!IsSystem(Own), "this program is not LocalSystem");
    if (!Check(Id != 0, "winlogon.exe: %lu", Id))
        return;
    Check(ProcessIdToSessionId(Id, &Session) && Session == 1, "winlogon.exe is in session %lu", Session);
    Check(ProcessIdToSessionId(GetCurrentProcessId(), &Session) && Session == 1, "this program is in session %lu",
          Session);
    HANDLE Process = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, Id);
    Check(Process && OpenProcessToken(Process, TOKEN_DUPLICATE | TOKEN_QUERY, &Token), "its token");
    Check(IsSystem(Token), "its user is S-1-5-18");
    Check(DuplicateTokenEx(Token, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation, TokenImpersonation, &Impersonation),
          "its duplicate");
    Check(IsSystem(Impersonation), "the duplicate's user");
    static const WCHAR *const Privileges[] = {SE_TCB_NAME,         SE_DEBUG_NAME,   SE_ASSIGNPRIMARYTOKEN_NAME,
                                              SE_SECURITY_NAME,    SE_BACKUP_NAME,  SE_IMPERSONATE_NAME,
                                              SE_LOAD_DRIVER_NAME, SE_RESTORE_NAME, SE_TAKE_OWNERSHIP_NAME};
    for (ULONG I = 0; I < ARRAYSIZE(Privileges); I++)
        Check(HasPrivilege(Impersonation, Privileges[I]), "it has %ls", Privileges[I]);
    Check(IsSystem(Impersonation), "it still is the system's");
    BYTE Data[256];
    DWORD Length;
    Check(GetTokenInformation(Impersonation, TokenStatistics, Data, sizeof(Data), &Length) &&
              ((TOKEN_STATISTICS *)Data)->AuthenticationId.LowPart == 0x3e7,
          "its logon is the system's");
    Check(GetTokenInformation(Impersonation, TokenIntegrityLevel, Data, sizeof(Data), &Length) &&
              *GetSidSubAuthority(((TOKEN_MANDATORY_LABEL *)Data)->Label.Sid, 0) == SECURITY_MANDATORY_SYSTEM_RID,
          "its integrity level");
    Check(!GetTokenInformation(Impersonation, TokenUser, NULL, 0, &Length) &&
              GetLastError() == ERROR_INSUFFICIENT_BUFFER && Length >= sizeof(TOKEN_USER) + 12,
          "its user's length: %lu", Length);
    Check(SetThreadToken(NULL, Impersonation), "impersonated");
    Check(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &Thread) && IsSystem(Thread),
          "the thread is the system");
    Check(RevertToSelf() && !IsSystem(Own), "reverted");
    HKEY Key;
    Check(!RegOpenCurrentUser(KEY_READ, &Key), "HKEY_CURRENT_USER");
    CloseHandle(Process);
}

/* As .NET's and Go's libraries find out whether they run as a service: the parent is services.exe, in session 0. */
static BOOL IsService(void)
{
    ULONG Length = 1 << 20;
    BYTE *List = malloc(Length);
    BOOL Service = FALSE;
    PROCESS_BASIC_INFORMATION Basic;
    if (!List || NtQueryInformationProcess(GetCurrentProcess(), ProcessBasicInformation, &Basic, sizeof(Basic), NULL) ||
        NtQuerySystemInformation(SystemProcessInformation, List, Length, &Length))
    {
        free(List);
        return FALSE;
    }
    for (BYTE *Entry = List;; Entry += *(ULONG *)Entry)
    {
        const SYSTEM_PROCESS_INFORMATION *Process = (const SYSTEM_PROCESS_INFORMATION *)Entry;
        if (Process->UniqueProcessId == (HANDLE)Basic.InheritedFromUniqueProcessId)
            Service = *(ULONG *)(Entry + 0x64) == 0 && !_wcsicmp(Process->ImageName.Buffer, L"services.exe");
        if (!*(ULONG *)Entry)
            break;
    }
    free(List);
    return Service;
}

static SERVICE_STATUS_HANDLE ServiceHandle;
static HANDLE ServiceStop;
static FILE *ServiceFile;

static void Tell(DWORD State)
{
    SERVICE_STATUS Status = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS, .dwCurrentState = State, .dwControlsAccepted = SERVICE_ACCEPT_STOP};
    SetServiceStatus(ServiceHandle, &Status);
}

static DWORD WINAPI OnControl(DWORD Control, DWORD Type, VOID *Data, VOID *Context)
{
    if (Control == SERVICE_CONTROL_STOP)
        SetEvent(ServiceStop);
    return NO_ERROR;
}

static void WINAPI ServiceMain(DWORD Count, WCHAR **Arguments)
{
    DWORD Session = 99;
    ServiceHandle = RegisterServiceCtrlHandlerExW(L"client", OnControl, NULL);
    ServiceStop = CreateEventW(NULL, TRUE, FALSE, NULL);
    ProcessIdToSessionId(GetCurrentProcessId(), &Session);
    HANDLE Token;
    OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &Token);
    fprintf(ServiceFile, "session %lu system %d\n", Session, IsSystem(Token));
    fflush(ServiceFile);
    Tell(SERVICE_RUNNING);
    WaitForSingleObject(ServiceStop, INFINITE);
    fprintf(ServiceFile, "stopped\n");
    fclose(ServiceFile);
    Tell(SERVICE_STOPPED);
}

/* The program started by `services`: a service if it finds itself to be one, else it goes on like any program. */
static void AsService(const WCHAR *Path)
{
    ServiceFile = _wfopen(Path, L"w");
    BOOL Service = IsService();
    fprintf(ServiceFile, "service %d\n", Service);
    fflush(ServiceFile);
    SERVICE_TABLE_ENTRYW Table[] = {{(WCHAR *)L"client", ServiceMain}, {NULL, NULL}};
    if (Service)
        StartServiceCtrlDispatcherW(Table);
    else
        Sleep(INFINITE);
}

static void Services(const WCHAR *Path)
{
    WCHAR Self[MAX_PATH];
    GetModuleFileNameW(NULL, Self, ARRAYSIZE(Self));
    WCHAR Command[3 * MAX_PATH];
    swprintf(Command, ARRAYSIZE(Command), L"\"%ls\" service \"%ls\"", Self, Path);
    Check(!IsService(), "a program is no service");
    SC_HANDLE Manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS);
    SC_HANDLE Service =
        CreateServiceW(Manager, L"client", L"client", SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                       SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, Command, NULL, NULL, NULL, NULL, NULL);
    Check(Service != NULL, "CreateService");
    ULONGLONG Begin = GetTickCount64();
    Check(StartServiceW(Service, 0, NULL), "StartService, %llu ms", GetTickCount64() - Begin);
    SERVICE_STATUS Status = {0};
    for (ULONG I = 0; I < 100 && Status.dwCurrentState != SERVICE_RUNNING; I++)
    {
        QueryServiceStatus(Service, &Status);
        Sleep(50);
    }
    Check(Status.dwCurrentState == SERVICE_RUNNING, "runs: state %lu", Status.dwCurrentState);
    DWORD Session = 99, Id = FindProcess(L"services.exe");
    Check(ProcessIdToSessionId(Id, &Session) && Session == 0, "services.exe is in session %lu", Session);
    Check(ControlService(Service, SERVICE_CONTROL_STOP, &Status), "ControlService");
    for (ULONG I = 0; I < 100 && Status.dwCurrentState != SERVICE_STOPPED; I++)
    {
        QueryServiceStatus(Service, &Status);
        Sleep(50);
    }
    Check(Status.dwCurrentState == SERVICE_STOPPED, "stopped: state %lu", Status.dwCurrentState);
    Check(DeleteService(Service), "DeleteService");
    CloseServiceHandle(Service);
    CloseServiceHandle(Manager);
}

/* --- functions that are missing ------------------------------------------------------------------------------------- */

/* Imported of iphlpapi.dll, which nobody's has (build.mk). */
__declspec(dllimport) void WINAPI AskTheOracle(void);
__declspec(dllimport) void WINAPI AskTheOracleAgain(void);

#define WINE_STUB 0x80000100 /* what Wine raises in the place of a function that is missing */

static LONG CALLBACK EndThread(EXCEPTION_POINTERS *Pointers)
{
    if (Pointers->ExceptionRecord->ExceptionCode == WINE_STUB)
        ExitThread(WINE_STUB);
    return EXCEPTION_CONTINUE_SEARCH;
}

static DWORD WINAPI CallMissing(VOID *Parameter)
{
    if (Parameter)
        AskTheOracleAgain();
    else
        AskTheOracle();
    return 0;
}

/* Each of two, by turns; each call ends a thread of its own. */
static void Missing(void)
{
    AddVectoredExceptionHandler(FALSE, EndThread);
    for (ULONG I = 0; I < 6; I++)
    {
        HANDLE Thread = CreateThread(NULL, 0, CallMissing, I % 2 ? &Thread : NULL, 0, NULL);
        DWORD Code = 0;
        Check(WaitForSingleObject(Thread, 30000) == WAIT_OBJECT_0 && GetExitCodeThread(Thread, &Code) &&
                  Code == WINE_STUB,
              "call %lu ends its thread with %lx", I, Code);
        CloseHandle(Thread);
    }
    Check(!Function(L"iphlpapi.dll", "AskTheOracle"), "who asks for it by name finds none");
}

/* --- the category of a network ---------------------------------------------------------------------------------------- */

/* The network of an adapter, whose GUID is its ID in Wine, from a list of its own, which has to stay as long (in Wine 8 a
 * network's end looks at its list's). NULL: there is none. */
static INetwork *FindNetwork(const GUID *Id)
{
    INetworkListManager *Manager = NULL;
    IEnumNetworks *List = NULL;
    INetwork *Network = NULL, *Found = NULL;
    Check(!CoCreateInstance(&CLSID_NetworkListManager, NULL, CLSCTX_INPROC_SERVER, &IID_INetworkListManager,
                            (void **)&Manager) &&
              !INetworkListManager_GetNetworks(Manager, NLM_ENUM_NETWORK_ALL, &List),
          "the list of networks");
    while (List && !Found && IEnumNetworks_Next(List, 1, &Network, NULL) == S_OK)
    {
        GUID Its;
        if (!INetwork_GetNetworkId(Network, &Its) && IsEqualGUID(&Its, Id))
            Found = Network;
        else
            INetwork_Release(Network);
    }
    if (List)
        IEnumNetworks_Release(List);
    return Found;
}

/* Says what it finds, and sets it to the other. */
static void Category(ULONG Index)
{
    DWORD(WINAPI * IndexToLuid)(ULONG, ULONG64 *) = (VOID *)Function(L"iphlpapi.dll", "ConvertInterfaceIndexToLuid");
    DWORD(WINAPI * LuidToGuid)(const ULONG64 *, GUID *) =
        (VOID *)Function(L"iphlpapi.dll", "ConvertInterfaceLuidToGuid");
    ULONG64 Luid;
    GUID Guid;
    Check(!IndexToLuid(Index, &Luid) && !LuidToGuid(&Luid, &Guid), "the interface's GUID");
    CoInitializeEx(NULL, COINIT_MULTITHREADED);
    INetwork *Network = FindNetwork(&Guid), *Again = FindNetwork(&Guid);
    if (!Check(Network && Again, "its network"))
        return;
    NLM_NETWORK_CATEGORY Is = 77;
    Check(!INetwork_GetCategory(Network, &Is), "GetCategory");
    printf("category %d\n", Is);
    HRESULT Result = INetwork_SetCategory(Network, 1 - Is);
    Check(!Result, "SetCategory: %lx", Result);
    NLM_NETWORK_CATEGORY Other = 77;
    Check(!INetwork_GetCategory(Network, &Other) && Other == 1 - Is, "is read back: %d", Other);
    Check(!INetwork_GetCategory(Again, &Other) && Other == 1 - Is, "and of another object: %d", Other);
    Check(INetwork_SetCategory(Network, NLM_NETWORK_CATEGORY_DOMAIN_AUTHENTICATED) == E_INVALIDARG, "nobody sets that");
    Check(INetwork_SetCategory(Network, 9) == E_INVALIDARG, "is no category");
    Check(INetwork_GetCategory(Network, NULL) == E_POINTER, "nowhere to put it");
    Check(!INetwork_GetCategory(Network, &Other) && Other == 1 - Is, "stays: %d", Other);
    INetwork_Release(Network);
    INetwork_Release(Again);
}

/* --- name servers --------------------------------------------------------------------------------------------------- */

/* "DNS_INTERFACE_SETTINGS structure (netioapi.h)" */
typedef struct _DNS_SETTINGS
{
    ULONG Version;
    ULONG64 Flags;
    WCHAR *Domain, *NameServer, *SearchList;
    ULONG RegistrationEnabled, RegisterAdapterName, EnableLLMNR, QueryAdapterName;
    WCHAR *ProfileNameServer;
} DNS_SETTINGS;

typedef DWORD(WINAPI *SET_DNS)(GUID, const DNS_SETTINGS *);
typedef DWORD(WINAPI *GET_DNS)(GUID, DNS_SETTINGS *);
typedef void(WINAPI *FREE_DNS)(DNS_SETTINGS *);

#define DNS_IPV6       1
#define DNS_NAMESERVER 2
#define DNS_SEARCHLIST 4

static void Dns(ULONG Index)
{
    SET_DNS Set = (SET_DNS)(VOID *)Function(L"iphlpapi.dll", "SetInterfaceDnsSettings");
    GET_DNS Get = (GET_DNS)(VOID *)Function(L"iphlpapi.dll", "GetInterfaceDnsSettings");
    FREE_DNS Free = (FREE_DNS)(VOID *)Function(L"iphlpapi.dll", "FreeInterfaceDnsSettings");
    if (!Check(Set && Get && Free, "SetInterfaceDnsSettings, GetInterfaceDnsSettings, FreeInterfaceDnsSettings"))
        return;
    DWORD(WINAPI * IndexToLuid)(ULONG, ULONG64 *) = (VOID *)Function(L"iphlpapi.dll", "ConvertInterfaceIndexToLuid");
    DWORD(WINAPI * LuidToGuid)(const ULONG64 *, GUID *) =
        (VOID *)Function(L"iphlpapi.dll", "ConvertInterfaceLuidToGuid");
    GUID Guid, None = {.Data1 = 1};
    ULONG64 Luid;
    Check(!IndexToLuid(Index, &Luid) && !LuidToGuid(&Luid, &Guid), "the interface's GUID");
    static const struct
    {
        ULONG64 Flags;
        const WCHAR *Servers, *Search;
    } Families[] = {{0, L"192.0.2.53,192.0.2.54", L"tunnel.example"}, {DNS_IPV6, L"2001:db8::53", L"six.example"}};
    for (ULONG I = 0; I < ARRAYSIZE(Families); I++)
    {
        DNS_SETTINGS Settings = {.Version = 1,
                                 .Flags = Families[I].Flags | DNS_NAMESERVER | DNS_SEARCHLIST,
                                 .NameServer = (WCHAR *)Families[I].Servers,
                                 .SearchList = (WCHAR *)Families[I].Search};
        Check(!Set(Guid, &Settings), "set, family %lu", I);
        Check(Set(None, &Settings) == ERROR_FILE_NOT_FOUND, "there is no such interface");
        Settings.NameServer = (WCHAR *)L"none";
        Check(Set(Guid, &Settings) == ERROR_INVALID_PARAMETER, "is no address");
        Settings.Version = 7;
        Check(Set(Guid, &Settings) == ERROR_INVALID_PARAMETER, "is no version");
        Settings = (DNS_SETTINGS){.Version = 1, .Flags = Families[I].Flags};
        Check(!Get(Guid, &Settings) && Settings.NameServer && Settings.SearchList &&
                  !wcscmp(Settings.NameServer, Families[I].Servers) && !wcscmp(Settings.SearchList, Families[I].Search),
              "is read back: %ls, %ls", Settings.NameServer, Settings.SearchList);
        Free(&Settings);
    }
}

int wmain(int Count, WCHAR **Arguments)
{
    WSADATA Data;
    WSAStartup(MAKEWORD(2, 2), &Data);
    const WCHAR *Part = Count > 1 ? Arguments[1] : L"";
    if (!wcscmp(Part, L"runtime"))
        Runtime();
    else if (!wcscmp(Part, L"version"))
        Version();
    else if (!wcscmp(Part, L"sockets") && Count == 3)
        Sockets((DWORD)_wtoi(Arguments[2]));
    else if (!wcscmp(Part, L"ask") && Count == 5)
    {
        char Host[64];
        snprintf(Host, sizeof(Host), "%ls", Arguments[2]);
        char Port[16];
        snprintf(Port, sizeof(Port), "%ls", Arguments[3]);
        Ask(Host, Port, (DWORD)_wtoi(Arguments[4]));
    }
    else if (!wcscmp(Part, L"system"))
        System();
    else if (!wcscmp(Part, L"category") && Count == 3)
        Category((ULONG)_wtoi(Arguments[2]));
    else if (!wcscmp(Part, L"missing"))
        Missing();
    else if (!wcscmp(Part, L"dns") && Count == 3)
        Dns((ULONG)_wtoi(Arguments[2]));
    else if (!wcscmp(Part, L"service") && Count == 3)
        AsService(Arguments[2]);
    else if (!wcscmp(Part, L"services") && Count == 3)
        Services(Arguments[2]);
    else
    {
        fprintf(stderr, "client.exe: what is %ls?\n", Part);
        return 2;
    }
    printf("%u checks, %u failed\n", Checks, Failed);
    return Failed != 0;
}
