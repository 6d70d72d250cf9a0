/* SPDX-License-Identifier: MIT */
/*
 * hostnt.dll: what ntdll.dll shall answer otherwise than Wine's does. Wine (8 to 10) has one session and one user for all
 * processes; Windows has the service control manager, and what it started, in session 0 as LocalSystem, and winlogon.exe in
 * session 1 as LocalSystem ("Session 0 Isolation", "LocalSystem Account"). Programs look: "am I a service" is answered by
 * the parent's name and session, "act as the system" takes winlogon.exe's token. So four calls are stood before:
 *
 *   NtQuerySystemInformation   the list of processes has session 0 for services.exe and its descendants
 *   NtQueryInformationProcess  the session of one process; so does ProcessIdToSessionId
 *   NtQueryInformationToken    the user, owner, integrity level, logon session and privileges of LocalSystem's tokens
 *   NtAdjustPrivilegesToken    these privileges can be enabled
 *
 * ntdll.dll cannot be replaced in Wine, so the calls' first instructions are. They are compared with what Wine 8 to 10 have;
 * where they are others the program goes on with Wine's answers, and a line on standard error says so. 64-bit programs only.
 *
 * A token is LocalSystem's if its default DACL is the one below: keep.exe gives it to its own process (that is winlogon.exe)
 * and to services.exe; duplicates and child processes inherit it.
 *
 * It also names functions that are missing, as Wine's own words for it are silenced together with its debug messages.
 *
 * It comes with each DLL of the host's that a program loads for sockets, random numbers, tokens or services. Any thread;
 * all is set up in DllMain and read only from then on.
 */
#include "host/wine/ntdll/system.h"

#include <winternl.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#define CALL_LENGTH                 32 /* of Wine's instructions for a call */
#define EXCEPTION_WINE_STUB         0x80000100
#define PROCESS_SESSION_INFORMATION 24 /* ProcessSessionInformation: a ULONG */
#define SYSTEM_EXTENDED_PROCESS     57 /* SystemExtendedProcessInformation: the same list, with more of the threads */
#define DEPTH_MAX                   32
#define LOCAL_SYSTEM_LOGON          0x3e7 /* "Logon Session": LocalSystem's LUID */
#define LIST_BYTES_MORE             0x4000

/* An entry of the list; "NtQuerySystemInformation function" names most of the fields. */
typedef struct _PROCESS_ENTRY
{
    ULONG Next, Threads;
    BYTE Times[48];
    UNICODE_STRING Name;
    LONG Priority;
    ULONG_PTR Id, Parent;
    ULONG Handles, Session;
} PROCESS_ENTRY;

C_ASSERT(FIELD_OFFSET(PROCESS_ENTRY, Name) == 0x38 && FIELD_OFFSET(PROCESS_ENTRY, Session) == 0x64);

typedef NTSTATUS(NTAPI *QUERY_SYSTEM)(ULONG, VOID *, ULONG, ULONG *);
typedef NTSTATUS(NTAPI *QUERY_OBJECT)(HANDLE, ULONG, VOID *, ULONG, ULONG *);
typedef NTSTATUS(NTAPI *ADJUST)(HANDLE, BOOLEAN, TOKEN_PRIVILEGES *, ULONG, TOKEN_PRIVILEGES *, ULONG *);

static QUERY_SYSTEM QuerySystem;
static QUERY_OBJECT QueryProcess, QueryToken;
static ADJUST AdjustToken;
static ULONG_PTR NtdllBegin, NtdllEnd;

/* ntdll's own questions get Wine's answers: it opens HKEY_CURRENT_USER by them. */
static BOOL FromNtdll(ULONG_PTR Caller)
{
    return Caller >= NtdllBegin && Caller < NtdllEnd;
}

/* --- sessions ------------------------------------------------------------------------------------------------------ */

static PROCESS_ENTRY *NextEntry(PROCESS_ENTRY *Entry)
{
    return Entry->Next ? (PROCESS_ENTRY *)((BYTE *)Entry + Entry->Next) : NULL;
}

static PROCESS_ENTRY *FindEntry(PROCESS_ENTRY *List, ULONG_PTR Id)
{
    while (List && List->Id != Id)
        List = NextEntry(List);
    return List;
}

static BOOL IsServices(const PROCESS_ENTRY *Entry)
{
    static const WCHAR Name[] = L"services.exe";
    return Entry->Name.Length == sizeof(Name) - sizeof(WCHAR) &&
           !_wcsnicmp(Entry->Name.Buffer, Name, ARRAYSIZE(Name) - 1);
}

static BOOL InSessionZero(PROCESS_ENTRY *List, PROCESS_ENTRY *Entry)
{
    for (ULONG Depth = 0; Entry && Depth < DEPTH_MAX; Depth++)
    {
        if (IsServices(Entry))
            return TRUE;
        Entry = Entry->Parent ? FindEntry(List, Entry->Parent) : NULL;
    }
    return FALSE;
}

static NTSTATUS NTAPI OnQuerySystem(ULONG Class, VOID *Data, ULONG Length, ULONG *Needed)
{
    NTSTATUS Status = QuerySystem(Class, Data, Length, Needed);
    if (Status || (Class != SystemProcessInformation && Class != SYSTEM_EXTENDED_PROCESS))
        return Status;
    for (PROCESS_ENTRY *Entry = Data; Entry; Entry = NextEntry(Entry))
        if (InSessionZero(Data, Entry))
            Entry->Session = 0;
    return Status;
}

/* 0 or 1: what a process' session is. Wine's answer where the list cannot be had. */
static ULONG SessionOf(HANDLE Process, ULONG Session)
{
    PROCESS_BASIC_INFORMATION Basic;
    if (QueryProcess(Process, ProcessBasicInformation, &Basic, sizeof(Basic), NULL))
        return Session;
    ULONG Length = 0;
    PROCESS_ENTRY *List = NULL;
    NTSTATUS Status;
    do
    {
        Length += LIST_BYTES_MORE; /* there may be more of them the next time */
        if (List)
            RtlFreeHeap(GetProcessHeap(), 0, List);
        List = RtlAllocateHeap(GetProcessHeap(), 0, Length);
        if (!List)
            return Session;
        Status = QuerySystem(SystemProcessInformation, List, Length, &Length);
    } while (Status == STATUS_INFO_LENGTH_MISMATCH);
    if (!Status && InSessionZero(List, FindEntry(List, Basic.UniqueProcessId)))
        Session = 0;
    RtlFreeHeap(GetProcessHeap(), 0, List);
    return Session;
}

static NTSTATUS NTAPI OnQueryProcess(HANDLE Process, ULONG Class, VOID *Data, ULONG Length, ULONG *Needed)
{
    NTSTATUS Status = QueryProcess(Process, Class, Data, Length, Needed);
    if (!Status && Class == PROCESS_SESSION_INFORMATION && Length >= sizeof(ULONG))
        *(ULONG *)Data = SessionOf(Process, *(ULONG *)Data);
    return Status;
}

/* "ProcessIdToSessionId function (processthreadsapi.h)". Wine reads the caller's own session where it also finds out where
 * named objects and window stations lie. All programs share those here, so it is not changed there. */
static BOOL WINAPI OnProcessIdToSessionId(DWORD Id, DWORD *Session)
{
    HANDLE Process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, Id);
    if (!Process)
        return FALSE;
    *Session = SessionOf(Process, 1);
    CloseHandle(Process);
    return TRUE;
}

/* --- LocalSystem ---------------------------------------------------------------------------------------------------- */

static BOOL IsLocalSystem(HANDLE Token)
{
    _Alignas(8) BYTE Data[sizeof(TOKEN_DEFAULT_DACL) + 256];
    ULONG Needed;
    if (QueryToken(Token, TokenDefaultDacl, Data, sizeof(Data), &Needed))
        return FALSE;
    const ACL *Dacl = ((TOKEN_DEFAULT_DACL *)Data)->DefaultDacl;
    SYSTEM_DACL Expected;
    SystemDacl(&Expected);
    return Dacl && Dacl->AclSize == Expected.Acl.AclSize && !memcmp(Dacl, &Expected, Expected.Acl.AclSize);
}

/* A structure that is, or begins with, the address of a SID which lies behind it. */
static NTSTATUS GiveSid(const VOID *Sid, ULONG SidLength, ULONG Head, VOID *Data, ULONG Length, ULONG *Needed)
{
    if (Needed)
        *Needed = Head + SidLength;
    if (Length < Head + SidLength)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy((BYTE *)Data + Head, Sid, SidLength);
    *(VOID **)Data = (BYTE *)Data + Head;
    return STATUS_SUCCESS;
}

/* Wine's tokens have most of LocalSystem's privileges, and check none; "LocalSystem Account" lists these (SE_..._PRIVILEGE). */
static const BYTE SystemPrivileges[] = {3,  4,  5,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
                                        18, 19, 20, 21, 22, 23, 25, 28, 29, 30, 33, 34, 35};

static BOOL IsSystemPrivilege(const LUID *Privilege)
{
    return !Privilege->HighPart && Privilege->LowPart <= MAXBYTE &&
           memchr(SystemPrivileges, (int)Privilege->LowPart, sizeof(SystemPrivileges));
}

static NTSTATUS GivePrivileges(TOKEN_PRIVILEGES *Data, ULONG Length, ULONG *Needed)
{
    ULONG Size = FIELD_OFFSET(TOKEN_PRIVILEGES, Privileges[sizeof(SystemPrivileges)]);
    if (Needed)
        *Needed = Size;
    if (Length < Size)
        return STATUS_BUFFER_TOO_SMALL;
    Data->PrivilegeCount = sizeof(SystemPrivileges);
    for (ULONG I = 0; I < sizeof(SystemPrivileges); I++)
        Data->Privileges[I] =
            (LUID_AND_ATTRIBUTES){{SystemPrivileges[I], 0}, SE_PRIVILEGE_ENABLED | SE_PRIVILEGE_ENABLED_BY_DEFAULT};
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI OnAdjustToken(HANDLE Token, BOOLEAN DisableAll, TOKEN_PRIVILEGES *New, ULONG Length,
                                    TOKEN_PRIVILEGES *Old, ULONG *Needed)
{
    NTSTATUS Status = AdjustToken(Token, DisableAll, New, Length, Old, Needed);
    if (Status != STATUS_NOT_ALL_ASSIGNED || !New || !IsLocalSystem(Token))
        return Status;
    for (ULONG I = 0; I < New->PrivilegeCount; I++)
        if (!IsSystemPrivilege(&New->Privileges[I].Luid))
            return Status;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI OnQueryToken(HANDLE Token, ULONG Class, VOID *Data, ULONG Length, ULONG *Needed)
{
    static const SID System = {SID_REVISION, 1, {SECURITY_NT_AUTHORITY}, {SECURITY_LOCAL_SYSTEM_RID}};
    static const SID SystemLevel = {
        SID_REVISION, 1, {SECURITY_MANDATORY_LABEL_AUTHORITY}, {SECURITY_MANDATORY_SYSTEM_RID}};
    static const SID_2 Administrators = {
        SID_REVISION, 2, {SECURITY_NT_AUTHORITY}, {SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS}};

    NTSTATUS Status = QueryToken(Token, Class, Data, Length, Needed);
    if ((Status && Status != STATUS_BUFFER_TOO_SMALL) || FromNtdll((ULONG_PTR)__builtin_return_address(0)) ||
        !IsLocalSystem(Token))
        return Status;
    switch (Class)
    {
    case TokenUser:
        Status = GiveSid(&System, sizeof(System), sizeof(TOKEN_USER), Data, Length, Needed);
        if (!Status)
            ((TOKEN_USER *)Data)->User.Attributes = 0;
        break;
    case TokenOwner:
        Status = GiveSid(&Administrators, sizeof(Administrators), sizeof(TOKEN_OWNER), Data, Length, Needed);
        break;
    case TokenIntegrityLevel:
        Status = GiveSid(&SystemLevel, sizeof(SystemLevel), sizeof(TOKEN_MANDATORY_LABEL), Data, Length, Needed);
        if (!Status)
            ((TOKEN_MANDATORY_LABEL *)Data)->Label.Attributes = SE_GROUP_INTEGRITY | SE_GROUP_INTEGRITY_ENABLED;
        break;
    case TokenPrivileges:
        Status = GivePrivileges(Data, Length, Needed);
        break;
    case TokenStatistics:
        if (!Status)
            ((TOKEN_STATISTICS *)Data)->AuthenticationId = (LUID){.LowPart = LOCAL_SYSTEM_LOGON};
        break;
    }
    return Status;
}

/* --- functions that are missing ------------------------------------------------------------------------------------- */

static void SayLine(const char *Format, const char *First, const char *Second)
{
    WCHAR Path[MAX_PATH] = L"";
    GetModuleFileNameW(NULL, Path, ARRAYSIZE(Path) - 1);
    const WCHAR *Name = wcsrchr(Path, L'\\');
    char Program[MAX_PATH];
    WideCharToMultiByte(CP_UTF8, 0, Name ? Name + 1 : Path, -1, Program, sizeof(Program), NULL, NULL);
    Program[sizeof(Program) - 1] = 0;
    char Line[512];
    int Length = snprintf(Line, sizeof(Line), Format, Program, First, Second);
    if (Length > 0)
        WriteFile(GetStdHandle(STD_ERROR_HANDLE), Line,
                  Length < (int)sizeof(Line) ? (DWORD)Length : (DWORD)sizeof(Line) - 1, &(DWORD){0}, NULL);
}

/* TRUE, once for each name: its text has the same place each time. Of a program that calls more than 64, all are new. */
static BOOL IsNew(const char *Function)
{
    static VOID *volatile Said[64];
    for (ULONG I = 0; I < ARRAYSIZE(Said); I++)
    {
        VOID *Former = InterlockedCompareExchangePointer(&Said[I], (VOID *)Function, NULL);
        if (!Former || Former == Function)
            return !Former;
    }
    return TRUE;
}

/* Wine raises this exception in the place of a function that it does not have. */
static LONG CALLBACK OnException(EXCEPTION_POINTERS *Pointers)
{
    const EXCEPTION_RECORD *Record = Pointers->ExceptionRecord;
    if (Record->ExceptionCode != EXCEPTION_WINE_STUB || Record->NumberParameters < 2)
        return EXCEPTION_CONTINUE_SEARCH;
    const char *Dll = (const char *)Record->ExceptionInformation[0],
               *Function = (const char *)Record->ExceptionInformation[1];
    if ((ULONG_PTR)Function < 0x10000 || !IsNew(Function))
        return EXCEPTION_CONTINUE_SEARCH;
    SayLine("%s: the function %s!%s is missing in this Windows (docs/host.md)\n", Dll, Function);
    return EXCEPTION_CONTINUE_SEARCH;
}

/* --- standing before ------------------------------------------------------------------------------------------------ */

/* What a call begins with in Wine: mov r10, rcx; mov eax, number; test byte ptr [0x7ffe0308], 1. */
static BOOL IsExpected(const BYTE *Code)
{
    static const BYTE Begin[] = {0x4c, 0x8b, 0xd1, 0xb8}, Test[] = {0xf6, 0x04, 0x25, 0x08, 0x03, 0xfe, 0x7f, 0x01};
    return !memcmp(Code, Begin, sizeof(Begin)) && !memcmp(Code + 8, Test, sizeof(Test));
}

static BOOL LeadTo(BYTE *Code, VOID *Ours)
{
    static const BYTE Jump[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp [next 8 bytes] */
    DWORD Old;
    if (!VirtualProtect(Code, CALL_LENGTH, PAGE_EXECUTE_READWRITE, &Old))
        return FALSE;
    memcpy(Code, Jump, sizeof(Jump));
    memcpy(Code + sizeof(Jump), &Ours, sizeof(Ours));
    return VirtualProtect(Code, CALL_LENGTH, Old, &Old);
}

/* Leads a call of ntdll to ours. Its own instructions, which lie anywhere, are copied to Copy. */
static BOOL StandBefore(HMODULE Ntdll, const char *Name, VOID *Ours, BYTE *Copy)
{
    BYTE *Code = (BYTE *)GetProcAddress(Ntdll, Name);
    if (!Code || !IsExpected(Code))
        return FALSE;
    memcpy(Copy, Code, CALL_LENGTH);
    return LeadTo(Code, Ours);
}

/* For a DLL that stays loaded: leads a call of ntdll.dll to Ours, once. *Call: the call itself, there before the first that Ours
 * gets, for a DLL may be loaded while other threads run. FALSE: its instructions are not those known, or no memory is left. */
__declspec(dllexport) BOOL HostNtStandBefore(const char *Name, VOID *Ours, VOID **Call);

BOOL HostNtStandBefore(const char *Name, VOID *Ours, VOID **Call)
{
    *Call = VirtualAlloc(NULL, CALL_LENGTH, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
    if (!*Call)
        return FALSE;
    if (StandBefore(GetModuleHandleW(L"ntdll.dll"), Name, Ours, *Call))
        return TRUE;
    VirtualFree(*Call, 0, MEM_RELEASE);
    return FALSE;
}

/* Does nothing: who imports it has this DLL loaded (comes.c). */
__declspec(dllexport) void HostNt(void);

void HostNt(void)
{
}

BOOL WINAPI DllMain(HINSTANCE Instance, DWORD Reason, VOID *Reserved)
{
    if (Reason != DLL_PROCESS_ATTACH)
        return TRUE;
    HMODULE Ntdll = GetModuleHandleW(L"ntdll.dll");
    typedef const char *(CDECL * WINE_VERSION)(void);
    WINE_VERSION Version = (WINE_VERSION)(VOID *)GetProcAddress(Ntdll, "wine_get_version");
    BYTE *Copies = VirtualAlloc(NULL, 4 * CALL_LENGTH, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
    NtdllBegin = (ULONG_PTR)Ntdll;
    NtdllEnd = NtdllBegin +
               ((IMAGE_NT_HEADERS *)(NtdllBegin + ((IMAGE_DOS_HEADER *)Ntdll)->e_lfanew))->OptionalHeader.SizeOfImage;
    if (Copies)
    {
        QuerySystem = (QUERY_SYSTEM)Copies;
        QueryProcess = (QUERY_OBJECT)(Copies + CALL_LENGTH);
        QueryToken = (QUERY_OBJECT)(Copies + 2 * CALL_LENGTH);
        AdjustToken = (ADJUST)(Copies + 3 * CALL_LENGTH);
    }
    if (!Copies || !StandBefore(Ntdll, "NtQuerySystemInformation", OnQuerySystem, (BYTE *)QuerySystem) ||
        !StandBefore(Ntdll, "NtQueryInformationProcess", OnQueryProcess, (BYTE *)QueryProcess) ||
        !StandBefore(Ntdll, "NtQueryInformationToken", OnQueryToken, (BYTE *)QueryToken) ||
        !StandBefore(Ntdll, "NtAdjustPrivilegesToken", OnAdjustToken, (BYTE *)AdjustToken))
    {
        SayLine("%s: %s: services are not in session 0: the calls of this Wine are not those known of 8 to 10\n",
                Version ? Version() : "Wine", "");
    }
    else
        LeadTo((BYTE *)GetProcAddress(GetModuleHandleW(L"kernelbase.dll"), "ProcessIdToSessionId"),
               OnProcessIdToSessionId);
    AddVectoredExceptionHandler(TRUE, OnException);
    return TRUE;
}
