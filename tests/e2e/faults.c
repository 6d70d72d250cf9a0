/* SPDX-License-Identifier: MIT */
/*
 * Each call of Windows that the library makes is made to fail, one at a time, at each place that it is made from: what was
 * asked for then fails with an error and a message of its own, or works all the same; the next attempt works; and all that
 * the library took of Windows it has given back. For that the imports of the loaded plaintun.dll lead through Hook below.
 *   faults.exe SCENARIO [once|always|denied] [FIRST [LAST]]     a line a place; "always": the place fails until the end of
 * a run; "denied": for want of rights, where it is Windows' last error that says so, and not for want of memory; "hang":
 * the place does not return until it is let go, and a creation keeps its deadline all the same ("hang-first": of each call
 * the first place only). Instead of FIRST: names of calls with commas between them
 */
#include "include/plaintun.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define SITES_MAX  1024
#define CALLS_MAX  256
#define NESTED_MAX 64
#define SETTLE_MS  3000 /* how long a thread of the library may take to end */
#define WRONG_MAX  3    /* enough is enough */
#define TIMEOUT_MS 4000 /* of a creation */
#define HANG_MS    1000 /* of one that a call keeps from ending */
#define LATE_MS    2000 /* how much later it may return, as plaintun.h promises */
#define FREE_MS    8000 /* when a call that keeps even the program's own thread is let go */

/* What a call returns when it fails. */
typedef enum _FAILURE
{
    NEVER, /* it cannot, or nobody can do anything about it */
    ZERO,
    MINUS,  /* INVALID_HANDLE_VALUE, WAIT_FAILED */
    CONFIG, /* CONFIGRET */
    RESULT, /* HRESULT */
    CODE    /* a Windows error */
} FAILURE;

/* Takes: +, gives back: -, of what. */
static const struct
{
    const char *Name;
    FAILURE Failure;
    int Change;
    const char *What;
} Known[] = {
    {"AcquireSRWLockExclusive", NEVER, 0, NULL},
    {"AcquireSRWLockShared", NEVER, 0, NULL},
    {"CM_Get_DevNode_PropertyW", CONFIG, 0, NULL},
    {"CM_Get_DevNode_Status", CONFIG, 0, NULL},
    {"CM_Get_Device_ID_ListW", CONFIG, 0, NULL},
    {"CM_Get_Device_ID_List_SizeW", CONFIG, 0, NULL},
    {"CM_Locate_DevNodeW", CONFIG, 0, NULL},
    {"CM_MapCrToWin32Err", NEVER, 0, NULL},
    {"CM_Open_DevNode_Key", CONFIG, 1, "key"},
    {"CM_Register_Notification", CONFIG, 1, "notification"},
    {"CM_Set_DevNode_PropertyW", CONFIG, 0, NULL},
    {"CM_Unregister_Notification", NEVER, -1, "notification"},
    {"CancelMibChangeNotify2", NEVER, -1, "IP notification"},
    {"CheckTokenMembership", ZERO, 0, NULL},
    {"CloseHandle", NEVER, -1, "handle"},
    {"CloseServiceHandle", NEVER, -1, "service handle"},
    {"CoCreateInstance", RESULT, 0, NULL},
    {"CoInitializeEx", RESULT, 1, "COM"},
    {"CoSetProxyBlanket", RESULT, 0, NULL},
    {"CoUninitialize", NEVER, -1, "COM"},
    {"CompareStringOrdinal", NEVER, 0, NULL},
    {"ConvertInterfaceAliasToLuid", CODE, 0, NULL},
    {"ConvertInterfaceGuidToLuid", CODE, 0, NULL},
    {"ConvertInterfaceLuidToGuid", CODE, 0, NULL},
    {"ConvertStringSecurityDescriptorToSecurityDescriptorW", ZERO, 1, "local memory"},
    {"CreateDirectoryW", ZERO, 1, "folder"},
    {"CreateEventW", ZERO, 1, "handle"},
    {"CreateFileMappingW", ZERO, 1, "handle"},
    {"CreateFileW", MINUS, 1, "handle"},
    {"CreateMutexW", ZERO, 1, "handle"},
    {"CreateProcessW", ZERO, 2, "handle"},
    {"CreateThread", ZERO, 1, "handle"},
    {"CreateWellKnownSid", ZERO, 0, NULL},
    {"DeleteFileW", NEVER, 0, NULL},
    {"DeleteProcThreadAttributeList", NEVER, 0, NULL},
    {"DeleteService", ZERO, 0, NULL},
    {"DeviceIoControl", ZERO, 0, NULL},
    {"DiInstallDriverW", ZERO, 0, NULL},
    {"DiUninstallDevice", ZERO, 0, NULL},
    {"DiUninstallDriverW", ZERO, 0, NULL},
    {"ExitProcess", NEVER, 0, NULL},
    {"FindResourceW", ZERO, 0, NULL},
    {"FormatMessageW", ZERO, 0, NULL},
    {"FreeLibrary", NEVER, -1, "library"},
    {"FreeLibraryAndExitThread", NEVER, -1, "library"},
    {"GetCurrentProcess", NEVER, 0, NULL},
    {"GetCurrentProcessId", NEVER, 0, NULL},
    {"GetCurrentThread", NEVER, 0, NULL},
    {"GetCurrentThreadId", NEVER, 0, NULL},
    {"GetExitCodeProcess", ZERO, 0, NULL},
    {"GetFileAttributesW", MINUS, 0, NULL},
    {"GetIfEntry2", CODE, 0, NULL},
    {"GetIpInterfaceEntry", CODE, 0, NULL},
    {"GetKernelObjectSecurity", ZERO, 0, NULL},
    {"GetLastError", NEVER, 0, NULL},
    {"GetModuleFileNameW", ZERO, 0, NULL},
    {"GetModuleHandleExW", ZERO, 1, "library"},
    {"GetProcAddress", ZERO, 0, NULL},
    {"GetProcessHeap", NEVER, 0, NULL},
    {"GetProcessTimes", ZERO, 0, NULL},
    {"GetSecurityDescriptorDacl", ZERO, 0, NULL},
    {"GetSecurityDescriptorOwner", ZERO, 0, NULL},
    {"GetSystemTimePreciseAsFileTime", NEVER, 0, NULL},
    {"GetSystemWindowsDirectoryW", ZERO, 0, NULL},
    {"GetTickCount64", NEVER, 0, NULL},
    {"HeapAlloc", ZERO, 1, "heap"},
    {"HeapFree", NEVER, -1, "heap"},
    {"InitializeProcThreadAttributeList", ZERO, 0, NULL},
    {"IsWellKnownSid", ZERO, 0, NULL},
    {"IsWow64Process2", ZERO, 0, NULL},
    {"LoadLibraryExW", ZERO, 1, "library"},
    {"LoadResource", ZERO, 0, NULL},
    {"LocalFree", NEVER, -1, "local memory"},
    {"LockResource", NEVER, 0, NULL},
    {"MapViewOfFile", ZERO, 1, "view"},
    {"MoveFileExW", ZERO, 0, NULL},
    {"NotifyIpInterfaceChange", CODE, 1, "IP notification"},
    {"OpenFileMappingW", ZERO, 1, "handle"},
    {"OpenProcess", ZERO, 1, "handle"},
    {"OpenSCManagerW", ZERO, 1, "service handle"},
    {"OpenServiceW", ZERO, 1, "service handle"},
    {"OpenThreadToken", ZERO, 1, "handle"},
    {"QueryFullProcessImageNameW", ZERO, 0, NULL},
    {"QueryPerformanceCounter", NEVER, 0, NULL},
    {"QueryPerformanceFrequency", NEVER, 0, NULL},
    {"QueryUnbiasedInterruptTime", NEVER, 0, NULL},
    {"QueryServiceConfigW", ZERO, 0, NULL},
    {"QueryServiceStatus", ZERO, 0, NULL},
    {"ReadFile", ZERO, 0, NULL},
    {"RegCloseKey", NEVER, -1, "key"},
    {"RegSetValueExW", CODE, 0, NULL},
    {"ReleaseMutex", NEVER, 0, NULL},
    {"ReleaseSRWLockExclusive", NEVER, 0, NULL},
    {"ReleaseSRWLockShared", NEVER, 0, NULL},
    {"RemoveDirectoryW", NEVER, -1, "folder"},
    {"ResetEvent", NEVER, 0, NULL},
    {"SetEvent", NEVER, 0, NULL},
    {"SetIpInterfaceEntry", CODE, 0, NULL},
    {"SetLastError", NEVER, 0, NULL},
    {"SetThreadToken", ZERO, 0, NULL},
    {"SetupCloseInfFile", NEVER, -1, "INF"},
    {"SetupDiBuildDriverInfoList", ZERO, 1, "driver list"},
    {"SetupDiCreateDeviceInfoList", MINUS, 1, "device list"},
    {"SetupDiCreateDeviceInfoW", ZERO, 0, NULL},
    {"SetupDiDestroyDeviceInfoList", NEVER, -1, "device list"},
    {"SetupDiDestroyDriverInfoList", NEVER, -1, "driver list"},
    {"SetupDiEnumDriverInfoW", ZERO, 0, NULL},
    {"SetupDiGetDeviceInstallParamsW", ZERO, 0, NULL},
    {"SetupDiGetDriverInfoDetailW", ZERO, 0, NULL},
    {"SetupDiOpenDeviceInfoW", ZERO, 0, NULL},
    {"SetupDiSetDeviceRegistryPropertyW", ZERO, 0, NULL},
    {"SetupDiSetDeviceInstallParamsW", ZERO, 0, NULL},
    {"SetupFindFirstLineW", ZERO, 0, NULL},
    {"SetupGetInfDriverStoreLocationW", ZERO, 0, NULL},
    {"SetupGetStringFieldW", ZERO, 0, NULL},
    {"SetupOpenInfFileW", MINUS, 1, "INF"},
    {"SizeofResource", NEVER, 0, NULL},
    {"Sleep", NEVER, 0, NULL},
    {"SwDeviceClose", NEVER, -1, "software device"},
    {"SwDeviceCreate", RESULT, 1, "software device"},
    {"SwDevicePropertySet", RESULT, 0, NULL},
    {"SwDeviceSetLifetime", RESULT, 0, NULL},
    {"SwitchToThread", NEVER, 0, NULL},
    {"SystemFunction036", ZERO, 0, NULL},
    {"TlsAlloc", NEVER, 0, NULL},
    {"TlsFree", NEVER, 0, NULL},
    {"TlsGetValue", NEVER, 0, NULL},
    {"TlsSetValue", ZERO, 0, NULL},
    {"UnmapViewOfFile", NEVER, -1, "view"},
    {"UpdateProcThreadAttribute", ZERO, 0, NULL},
    {"WaitForMultipleObjects", MINUS, 0, NULL},
    {"WaitForSingleObject", MINUS, 0, NULL},
    {"WriteFile", ZERO, 0, NULL},
    {"lstrcpynW", NEVER, 0, NULL},
    {"lstrlenW", NEVER, 0, NULL},
};

/* --- the hook -------------------------------------------------------------------------------------------------------- */

static BYTE *Library;
static struct
{
    ULONG_PTR Original;
    int Known;    /* what it is in Known */
    BOOL Reached; /* at a place that was made to fail */
} Calls[CALLS_MAX];
static int CallCount;

/* Guarded by Lock, all of it. */
static SRWLOCK Lock = SRWLOCK_INIT;
static struct
{
    int Call;
    ULONG_PTR Place; /* where the call returns to */
    int Occurrence;  /* in a run; others than the first count only for allocations, which are made at one place */
} Sites[SITES_MAX];
static int SiteCount, Armed = -1, Hits, Allocations, Balance[ARRAYSIZE(Known)];
static BOOL Always, Denied, Counting, Hanging, FirstOnly;
static DWORD Main;   /* the program's thread */
static HANDLE LetGo; /* manual-reset: who hangs goes on */
static struct
{
    DWORD Thread;
    int Call;
    ULONG_PTR Return;
} Nested[NESTED_MAX]; /* calls under way whose result is wanted */
static int NestedCount;

static ULONG_PTR FailZero(void)
{
    SetLastError(Denied ? ERROR_ACCESS_DENIED : ERROR_NOT_ENOUGH_MEMORY);
    return 0;
}

static ULONG_PTR FailMinus(void)
{
    SetLastError(Denied ? ERROR_ACCESS_DENIED : ERROR_NOT_ENOUGH_MEMORY);
    return ~(ULONG_PTR)0;
}

static ULONG_PTR FailConfig(void)
{
    return 2; /* CR_OUT_OF_MEMORY */
}

static ULONG_PTR FailResult(void)
{
    return (DWORD)E_OUTOFMEMORY;
}

static ULONG_PTR FailCode(void)
{
    return ERROR_NOT_ENOUGH_MEMORY;
}

static ULONG_PTR (*const Fail[])(void) = {NULL, FailZero, FailMinus, FailConfig, FailResult, FailCode};

static BOOL Succeeded(FAILURE Failure, ULONG_PTR Value)
{
    switch (Failure)
    {
    case ZERO:
        return (DWORD)Value != 0 || Value >> 32 != 0;
    case MINUS:
        return Value != ~(ULONG_PTR)0;
    case RESULT:
        return (LONG)Value >= 0;
    default:
        return (DWORD)Value == 0;
    }
}

/* What the thread that waits for a creation calls itself: memory, events, threads. They wait for nobody. */
static BOOL Harmless(const char *Name)
{
    static const char *const Harmless[] = {
        "CloseHandle", "CreateEventW", "CreateThread",    "FormatMessageW",    "FreeLibrary", "GetModuleHandleExW",
        "HeapFree",    "LocalFree",    "OpenThreadToken", "SystemFunction036", "TlsSetValue", "WaitForMultipleObjects",
    };
    if (strcmp(Name, "HeapAlloc") == 0 || strcmp(Name, "HeapFree") == 0)
        return TRUE;
    /* Its other places are in DllMain: whoever does not come back from there has the loader's lock, which a creation needs for
     * a moment to keep the library loaded (plaintun.h). */
    if (!FirstOnly && strcmp(Name, "TlsSetValue") == 0)
        return TRUE;
    for (int i = 0; GetCurrentThreadId() == Main && i < (int)ARRAYSIZE(Harmless); i++)
        if (strcmp(Name, Harmless[i]) == 0)
            return TRUE;
    return FALSE;
}

void Returned(void);

/* A call begins: where it goes. The one place whose turn it is fails. */
__attribute__((used)) static ULONG_PTR Before(int Call, ULONG_PTR *Return)
{
    ULONG_PTR Target = Calls[Call].Original;
    int Known_ = Calls[Call].Known, Site = 0;
    if (Known[Known_].Failure == NEVER && Known[Known_].Change == 0)
        return Target;
    AcquireSRWLockExclusive(&Lock);
    if ((Hanging ? !Harmless(Known[Known_].Name) : Known[Known_].Failure != NEVER) && Counting)
    {
        int Occurrence = strcmp(Known[Known_].Name, "HeapAlloc") == 0 && !Always ? Allocations++ : 0;
        while (Site < SiteCount && (Sites[Site].Call != Call || (Sites[Site].Place != *Return && !FirstOnly) ||
                                    Sites[Site].Occurrence != Occurrence))
            Site++;
        if (Site == SiteCount && SiteCount < SITES_MAX)
        {
            Sites[SiteCount].Call = Call;
            Sites[SiteCount].Occurrence = Occurrence;
            Sites[SiteCount++].Place = *Return;
        }
        if (Site == Armed && (Hits == 0 || Always))
        {
            Hits++;
            if (Hanging)
            {
                ReleaseSRWLockExclusive(&Lock);
                WaitForSingleObject(LetGo, INFINITE);
                AcquireSRWLockExclusive(&Lock);
                goto count;
            }
            Target = (ULONG_PTR)Fail[Known[Known_].Failure];
            goto unlock;
        }
    }
count:
    if (Known[Known_].Change < 0)
        Balance[Known_]--;
    else if (Known[Known_].Change > 0 && NestedCount < NESTED_MAX)
    {
        Nested[NestedCount].Thread = GetCurrentThreadId();
        Nested[NestedCount].Call = Call;
        Nested[NestedCount++].Return = *Return;
        *Return = (ULONG_PTR)Returned;
    }
unlock:
    ReleaseSRWLockExclusive(&Lock);
    return Target;
}

/* A call that takes something has returned Value: where to. */
__attribute__((used)) static ULONG_PTR After(ULONG_PTR Value)
{
    AcquireSRWLockExclusive(&Lock);
    int Last;
    for (Last = NestedCount - 1; Nested[Last].Thread != GetCurrentThreadId();)
        Last--;
    int Known_ = Calls[Nested[Last].Call].Known;
    ULONG_PTR Return = Nested[Last].Return;
    memmove(&Nested[Last], &Nested[Last + 1], (--NestedCount - Last) * sizeof(Nested[0]));
    Balance[Known_] += Succeeded(Known[Known_].Failure, Value) ? Known[Known_].Change : 0;
    ReleaseSRWLockExclusive(&Lock);
    return Return;
}

/* Every import leads here, with its number in eax, and from here to where Before says; all arguments are kept. */
void Hook(void);
__asm__(".globl Hook\n"
        "Hook:\n"
        "    pushq %rcx\n    pushq %rdx\n    pushq %r8\n    pushq %r9\n"
        "    subq $0x28, %rsp\n"
        "    movl %eax, %ecx\n"
        "    leaq 0x48(%rsp), %rdx\n"
        "    call Before\n"
        "    addq $0x28, %rsp\n"
        "    popq %r9\n    popq %r8\n    popq %rdx\n    popq %rcx\n"
        "    jmpq *%rax\n"
        ".globl Returned\n"
        "Returned:\n"
        "    subq $0x30, %rsp\n"
        "    movq %rax, 0x20(%rsp)\n"
        "    movq %rax, %rcx\n"
        "    call After\n"
        "    movq %rax, %r11\n"
        "    movq 0x20(%rsp), %rax\n"
        "    addq $0x30, %rsp\n"
        "    jmpq *%r11\n");

static ULONG_PTR Stub(BYTE *Room, int Call)
{
    static const BYTE Code[] = {0xb8, 0, 0, 0, 0, 0xff, 0x25, 0, 0, 0, 0}; /* mov eax, Call; jmp [rip] */
    ULONG_PTR Target = (ULONG_PTR)Hook;
    memcpy(Room, Code, sizeof(Code));
    memcpy(Room + 1, &Call, sizeof(Call));
    memcpy(Room + sizeof(Code), &Target, sizeof(Target));
    return (ULONG_PTR)Room;
}

static BOOL HookImport(ULONG_PTR *Slot, const char *Name, BYTE *Room)
{
    int Index = 0;
    while (Index < (int)ARRAYSIZE(Known) && strcmp(Known[Index].Name, Name) != 0)
        Index++;
    if (Index == ARRAYSIZE(Known) || CallCount == CALLS_MAX)
    {
        printf("wrong: how %s fails is not in the list\n", Name);
        return FALSE;
    }
    DWORD Protection;
    if (!VirtualProtect(Slot, sizeof(*Slot), PAGE_READWRITE, &Protection))
        return FALSE;
    Calls[CallCount].Original = *Slot;
    Calls[CallCount].Known = Index;
    *Slot = Stub(Room, CallCount++);
    return VirtualProtect(Slot, sizeof(*Slot), Protection, &Protection);
}

static BOOL HookImports(void)
{
    Library = (BYTE *)GetModuleHandleW(L"plaintun.dll");
    BYTE *Room = VirtualAlloc(NULL, CALLS_MAX * 32, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
    if (Library == NULL || Room == NULL)
        return FALSE;
    const IMAGE_NT_HEADERS *Headers = (IMAGE_NT_HEADERS *)(Library + ((IMAGE_DOS_HEADER *)Library)->e_lfanew);
    const IMAGE_IMPORT_DESCRIPTOR *Import =
        (IMAGE_IMPORT_DESCRIPTOR *)(Library +
                                    Headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress);
    for (; Import->Name != 0; Import++)
    {
        const ULONG_PTR *Names = (ULONG_PTR *)(Library + Import->OriginalFirstThunk);
        ULONG_PTR *Slots = (ULONG_PTR *)(Library + Import->FirstThunk);
        for (; *Names != 0; Names++, Slots++, Room += 32)
            if (!HookImport(Slots, (const char *)((IMAGE_IMPORT_BY_NAME *)(Library + *Names))->Name, Room))
                return FALSE;
    }
    return TRUE;
}

/* --- what is asked of the library ------------------------------------------------------------------------------------ */

static int Wrong;
static DWORD LastError; /* of the run's first failure, and its message */
static WCHAR LastText[1024];
static const GUID Guid = {0x7b1f2c00, 0x5d1e, 0x4a63, {0x9c, 0xfa, 0, 0, 0, 0, 0, 1}};

static void Complain(const char *What)
{
    printf("wrong: %s\n", What);
    Wrong++;
}

/* Each failure has an error, and a message that is its own. */
static BOOL Check(const char *What, BOOL Done, const WCHAR *Former)
{
    DWORD Error = GetLastError();
    WCHAR Text[1024] = L"";
    if (Done)
        return TRUE;
    PlaintunGetMessage(Text, ARRAYSIZE(Text));
    if (Error == NO_ERROR || Text[0] == 0 || wcscmp(Text, Former) == 0)
    {
        printf("wrong: %s: error %lu without a message\n", What, Error);
        Wrong++;
    }
    if (LastError == NO_ERROR)
    {
        LastError = Error;
        wcscpy(LastText, Text);
    }
    return FALSE;
}

/* A message that no call in question leaves. */
static const WCHAR *Former(void)
{
    static WCHAR Text[1024];
    PlaintunOpenAdapterByLuid(NULL);
    PlaintunGetMessage(Text, ARRAYSIZE(Text));
    return Text;
}

static const WCHAR *Old; /* the message before the call */
#define TRY(What, Call) (Old = Former(), Check(What, (Call) != 0, Old))

static PLAINTUN_ADAPTER_HANDLE Create(DWORD Mtu, DWORD Flags)
{
    return PlaintunCreateAdapter(&(PLAINTUN_ADAPTER_CONFIG){.Size = sizeof(PLAINTUN_ADAPTER_CONFIG),
                                                            .Name = L"faults",
                                                            .Guid = &Guid,
                                                            .Mtu = Mtu,
                                                            .Flags = Flags,
                                                            .TimeoutMs = TIMEOUT_MS});
}

/* Whole, or not at all: by the creator's handle, and by another. */
static BOOL Rename(PLAINTUN_ADAPTER_HANDLE Adapter, const WCHAR *Before, const WCHAR *Name)
{
    BOOL Good = TRY("rename", PlaintunRenameAdapter(Adapter, Name));
    PLAINTUN_ADAPTER_INFO Info;
    /* What cannot be read is empty. */
    if (PlaintunGetAdapterInfo(Adapter, &Info) && Info.Name[0] != 0 && wcscmp(Info.Name, Good ? Name : Before) != 0)
        Complain("the name is not what the renaming says");
    return Good;
}

static BOOL RunCreate(void)
{
    PLAINTUN_ADAPTER_HANDLE Adapter = NULL, Opened = NULL;
    BOOL Good = TRY("create", Adapter = Create(1400, 0));
    if (Good)
        Good = TRY("list", PlaintunListAdapters(NULL, 0) == 1);
    if (Good)
        Good = Rename(Adapter, L"faults", L"faults 2") && TRY("open", Opened = PlaintunOpenAdapter(L"faults 2"));
    if (Good)
        Good = Rename(Opened, L"faults 2", L"faults");
    PlaintunCloseAdapter(Opened);
    PlaintunCloseAdapter(Adapter);
    return Good;
}

/* Only the opening of an adapter that is there. */
static BOOL RunOpen(void)
{
    Counting = FALSE;
    PLAINTUN_ADAPTER_HANDLE Opened = NULL, Adapter = Create(1400, 0);
    if (Adapter == NULL)
        Complain("there is no adapter to open");
    Counting = TRUE;
    BOOL Good = TRY("open", Opened = PlaintunOpenAdapter(L"faults"));
    PLAINTUN_ADAPTER_INFO Info;
    if (Good)
        Good = TRY("info", PlaintunGetAdapterInfo(Opened, &Info));
    Counting = FALSE;
    PlaintunCloseAdapter(Opened);
    PlaintunCloseAdapter(Adapter);
    return Good;
}

/* A persistent adapter is opened, renamed, listed, made anew and removed. */
static BOOL RunPersistent(void)
{
    PLAINTUN_ADAPTER_HANDLE Adapter = NULL, Opened = NULL;
    BOOL Good = TRY("create", Adapter = Create(1400, PLAINTUN_ADAPTER_PERSISTENT));
    if (Good)
        Good &= TRY("rename", PlaintunRenameAdapter(Adapter, L"faults renamed"));
    if (Good)
        Good &= TRY("open", Opened = PlaintunOpenAdapter(L"faults renamed"));
    PLAINTUN_ADAPTER_INFO Info;
    if (Good)
        Good &= TRY("info", PlaintunGetAdapterInfo(Opened, &Info));
    PlaintunCloseAdapter(Adapter);
    if (Good)
        Good &= TRY("rename by another", PlaintunRenameAdapter(Opened, L"faults"));
    PlaintunCloseAdapter(Opened);
    if (Good)
        Good &= TRY("list", PlaintunListAdapters(&Info, 1) == 1);
    if (Good && wcscmp(Info.Name, L"faults") != 0)
        Complain("the list has another name");
    if (Good)
        Good &= TRY("create with other settings", Adapter = Create(1500, PLAINTUN_ADAPTER_PERSISTENT));
    else
        Adapter = NULL;
    PlaintunCloseAdapter(Good ? Adapter : NULL);
    if (Good)
        Good &= TRY("remove", PlaintunRemoveAdapter(&Guid));
    return Good;
}

static BOOL RunDriver(void)
{
    BOOL Good = TRY("delete driver", PlaintunDeleteDriver());
    PLAINTUN_DRIVER_INFO Info;
    if (Good && PlaintunGetDriverInfo(&Info) && Info.InstalledVersion != 0)
        Complain("the driver is deleted, and there");
    if (Good)
        Good &= TRY("install driver", PlaintunInstallDriver());
    Good &= TRY("driver info", PlaintunGetDriverInfo(&Info));
    if (Good && Info.InstalledVersion != Info.LibraryVersion)
        Complain("the driver is installed, and not there");
    return Good;
}

/* Without failures: takes away what a run has left. */
static void TidyUp(void)
{
    ULONGLONG Deadline = GetTickCount64() + 5000;
    while (PlaintunListAdapters(NULL, 0) != 0 && GetTickCount64() < Deadline)
        if (!PlaintunRemoveAdapter(&Guid))
            Sleep(20);
    if (PlaintunListAdapters(NULL, 0) != 0)
        Complain("an adapter is left");
}

/* What was taken is given back, by threads that are still ending too. */
static void CheckBalance(void)
{
    ULONGLONG Deadline = GetTickCount64() + SETTLE_MS;
    for (int i = 0; i < (int)ARRAYSIZE(Known); i++)
    {
        int Sum = 0;
        if (Known[i].What == NULL)
            continue;
        AcquireSRWLockExclusive(&Lock);
        for (int k = 0; k < (int)ARRAYSIZE(Known); k++)
            Sum += Known[k].What != NULL && strcmp(Known[k].What, Known[i].What) == 0 ? Balance[k] : 0;
        ReleaseSRWLockExclusive(&Lock);
        if (Sum == 0)
            continue;
        if (GetTickCount64() < Deadline)
        {
            Sleep(5);
            i = -1;
            continue;
        }
        printf("wrong: %s: %d not given back\n", Known[i].What, Sum);
        Wrong++;
        memset(Balance, 0, sizeof(Balance));
        return;
    }
}

/* --- calls that do not return ---------------------------------------------------------------------------------------- */

static PLAINTUN_ADAPTER_HANDLE CreateInTime(DWORD TimeoutMs, ULONGLONG *TookMs)
{
    ULONGLONG Begin = GetTickCount64();
    PLAINTUN_ADAPTER_HANDLE Adapter =
        PlaintunCreateAdapter(&(PLAINTUN_ADAPTER_CONFIG){.Size = sizeof(PLAINTUN_ADAPTER_CONFIG),
                                                         .Name = L"faults",
                                                         .Guid = &Guid,
                                                         .Mtu = 1400,
                                                         .TimeoutMs = TimeoutMs});
    DWORD Error = GetLastError();
    *TookMs = GetTickCount64() - Begin;
    SetLastError(Error);
    return Adapter;
}

/* Nothing of a creation hangs, but it is seen what it calls. */
static BOOL RunDeadline(void)
{
    const WCHAR *Old = Former();
    PLAINTUN_ADAPTER_HANDLE Adapter = Create(1400, 0);
    BOOL Good = Check("create", Adapter != NULL, Old);
    PlaintunCloseAdapter(Adapter);
    return Good;
}

static DWORD WINAPI Free(void *Context)
{
    if (WaitForSingleObject(LetGo, FREE_MS) == WAIT_TIMEOUT)
        SetEvent(LetGo);
    return 0;
}

static void Hang(int Site)
{
    WCHAR Text[1024] = L"", Process[32];
    swprintf(Process, ARRAYSIZE(Process), L"process %lu", GetCurrentProcessId());
    ResetEvent(LetGo);
    HANDLE Watchdog = CreateThread(NULL, 0, Free, NULL, 0, NULL);
    Hits = 0;
    Armed = Site;
    Counting = TRUE;
    ULONGLONG TookMs;
    PLAINTUN_ADAPTER_HANDLE Adapter = CreateInTime(HANG_MS, &TookMs);
    DWORD Error = GetLastError();
    BOOL Begun = Hits > 0;
    Armed = -1;
    Counting = FALSE;
    if (Adapter == NULL)
        PlaintunGetMessage(Text, ARRAYSIZE(Text));
    printf("%s +%llx, %s, %llu ms: ", Known[Calls[Sites[Site].Call].Known].Name,
           (unsigned long long)(Sites[Site].Place - (ULONG_PTR)Library), Begun ? "hangs" : "not called", TookMs);
    if (Adapter != NULL)
        printf("works\n");
    else
        printf("error %lu: %ls\n", Error, Text);
    if (TookMs > HANG_MS + LATE_MS)
        Complain("the deadline is not kept");
    if (Adapter == NULL && (Error != ERROR_TIMEOUT || (Begun && wcsstr(Text, L" from ") == NULL)))
        Complain("the step is not named");
    PlaintunCloseAdapter(Adapter);

    /* As long as it hangs: another creation works, or says who is in the way. */
    Text[0] = 0;
    for (DWORD TimeoutMs = 2 * HANG_MS; wcsstr(Text, Process) == NULL; TimeoutMs = TIMEOUT_MS)
    {
        Adapter = CreateInTime(TimeoutMs, &TookMs);
        Error = GetLastError();
        if (TookMs > TimeoutMs + LATE_MS)
            Complain("the next deadline is not kept");
        if (Adapter != NULL)
            break;
        PlaintunGetMessage(Text, ARRAYSIZE(Text));
        printf("    another, %llu ms: error %lu: %ls\n", TookMs, Error, Text);
        if (TimeoutMs == TIMEOUT_MS && wcsstr(Text, Process) == NULL)
        {
            Complain("who is in the way is not named");
            break;
        }
    }
    PlaintunCloseAdapter(Adapter);

    SetEvent(LetGo);
    WaitForSingleObject(Watchdog, INFINITE);
    CloseHandle(Watchdog);
    ULONGLONG Begin = GetTickCount64();
    do
        Adapter = CreateInTime(TIMEOUT_MS, &TookMs);
    while (Adapter == NULL && GetTickCount64() - Begin < 5 * TIMEOUT_MS);
    if (Adapter == NULL)
    {
        PlaintunGetMessage(Text, ARRAYSIZE(Text));
        printf("wrong: when it goes on, no adapter is made: %ls\n", Text), Wrong++;
    }
    PlaintunCloseAdapter(Adapter);
    TidyUp();
    CheckBalance();
    fflush(stdout);
}

static const struct
{
    const WCHAR *Name;
    BOOL (*Run)(void);
} Scenarios[] = {{L"create", RunCreate},
                 {L"open", RunOpen},
                 {L"persistent", RunPersistent},
                 {L"driver", RunDriver},
                 {L"deadline", RunDeadline}};

static void Run(BOOL (*Scenario)(void), int Site)
{
    LastError = NO_ERROR;
    Hits = Allocations = 0;
    Counting = TRUE;
    Armed = Site;
    ULONGLONG Begin = GetTickCount64();
    BOOL Good = Scenario();
    Counting = FALSE;
    if (Site >= 0)
    {
        printf("%s +%llx, %d times, %llu ms: %s", Known[Calls[Sites[Site].Call].Known].Name,
               (unsigned long long)(Sites[Site].Place - (ULONG_PTR)Library), Hits, GetTickCount64() - Begin,
               Good ? "works\n" : "");
        if (!Good)
            printf("error %lu: %ls\n", LastError, LastText);
        Calls[Sites[Site].Call].Reached |= Hits > 0;
        LastError = NO_ERROR;
        if (!Good)
        {
            TidyUp();
            if (!Scenario())
                printf("wrong: the next attempt fails, too: error %lu: %ls\n", LastError, LastText), Wrong++;
        }
    }
    else if (!Good)
        printf("wrong: without a failure: error %lu: %ls\n", LastError, LastText), Wrong++;
    TidyUp();
    CheckBalance();
    fflush(stdout);
}

/* A logger that calls the library, which fails: the program's own failure keeps its message. */
static void CALLBACK Log(PLAINTUN_LOG_LEVEL Level, DWORD64 Time, LPCWSTR Message)
{
    PlaintunOpenAdapterByLuid(NULL);
}

/* Whether a list of names has the call of the place; a list that is none has all. */
static BOOL Named(LPCWSTR List, int Site)
{
    WCHAR Name[64];
    swprintf(Name, ARRAYSIZE(Name), L"%hs", Known[Calls[Sites[Site].Call].Known].Name);
    size_t Length = wcslen(Name);
    if (List == NULL || !iswalpha(List[0]))
        return TRUE;
    for (LPCWSTR At = List; (At = wcsstr(At, Name)) != NULL; At += Length)
        if ((At == List || At[-1] == L',') && (At[Length] == 0 || At[Length] == L','))
            return TRUE;
    return FALSE;
}

int wmain(int Count, WCHAR **Arguments)
{
    int Places = 0, First = Count > 3 ? _wtoi(Arguments[3]) : 0, Last = Count > 4 ? _wtoi(Arguments[4]) : SITES_MAX;
    BOOL (*Scenario)(void) = NULL;
    for (int i = 0; Count > 1 && i < (int)ARRAYSIZE(Scenarios); i++)
        if (wcscmp(Arguments[1], Scenarios[i].Name) == 0)
            Scenario = Scenarios[i].Run;
    Main = GetCurrentThreadId();
    LetGo = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (Scenario == NULL || LetGo == NULL || !HookImports())
        return 2;
    Hanging = Count > 2 && wcsncmp(Arguments[2], L"hang", 4) == 0;
    FirstOnly = Count > 2 && wcscmp(Arguments[2], L"hang-first") == 0;
    Always = Count > 2 && wcscmp(Arguments[2], L"always") == 0;
    Denied = Count > 2 && wcscmp(Arguments[2], L"denied") == 0;
    if (!PlaintunInstallDriver())
        Complain("the driver is not installed");
    PlaintunSetLogger(Log);
    Former(); /* the thread has room for its text from now on */
    memset(Balance, 0, sizeof(Balance));
    Run(Scenario, -1);
    for (int i = First; i < SiteCount && i < Last && Wrong < WRONG_MAX; i++)
    {
        if (!Named(Count > 3 ? Arguments[3] : NULL, i))
            continue;
        Places++;
        if (Hanging)
            Hang(i);
        else
            Run(Scenario, i);
    }
    printf("faults: %d places of %d, %d wrong\n", Places, SiteCount, Wrong);
    return Wrong != 0;
}
