/* SPDX-License-Identifier: MIT */
/*
 * The set-up lock: one program at a time in the whole system looks which adapters there are and changes that, or the
 * driver. Any thread; a thread that has the lock may take it again. Beside each of its two mutexes there is shared memory,
 * in which whoever has it says who that is, so that others can name whom they wait for.
 */
#include "library/library.h"
#include <sddl.h>

#define NAME_LENGTH 80 /* UTF-16 units, with the ending 0 */

static const LPCWSTR Names[] = {PLAINTUN_OBJECTS L"setup", PLAINTUN_OBJECTS L"helper"};

/* Of the locks that this process has. */
static LOCK_NOTE *volatile Held[ARRAYSIZE(Names)];

/* "GetKernelObjectSecurity function (securitybaseapi.h)". Only an administrator can make them an object's owner. */
static BOOL IsAdministrators(HANDLE Object)
{
    _Alignas(8) BYTE Descriptor[256];
    DWORD Needed;
    BOOL Defaulted;
    PSID Owner;
    return GetKernelObjectSecurity(Object, OWNER_SECURITY_INFORMATION, Descriptor, sizeof(Descriptor), &Needed) &&
           GetSecurityDescriptorOwner(Descriptor, &Owner, &Defaulted) && Owner != NULL &&
           IsWellKnownSid(Owner, WinBuiltinAdministratorsSid);
}

/* --- who has it ------------------------------------------------------------------------------------------------------ */

static void NoteName(LOCK_NAME Name, WCHAR Text[NAME_LENGTH])
{
    lstrcpynW(Text, Names[Name], NAME_LENGTH);
    lstrcpynW(Text + lstrlenW(Text), L" owner", 7);
}

/* Maps the note that goes with a lock, before the wait for it: who has the lock calls nothing of Windows to write it. Without
 * one, others are told less. https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-createfilemappingw */
static void NoteOpen(SETUP_LOCK *Lock, SECURITY_ATTRIBUTES *Attributes)
{
    WCHAR Text[NAME_LENGTH];
    NoteName(Lock->Name, Text);
    Lock->Section = CreateFileMappingW(INVALID_HANDLE_VALUE, Attributes, PAGE_READWRITE, 0, sizeof(LOCK_NOTE), Text);
    if (Lock->Section != NULL && IsAdministrators(Lock->Section))
        Lock->Note = MapViewOfFile(Lock->Section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, sizeof(LOCK_NOTE));
}

static void NoteClose(SETUP_LOCK *Lock)
{
    if (Lock->Note != NULL)
        UnmapViewOfFile(Lock->Note);
    if (Lock->Section != NULL)
        CloseHandle(Lock->Section);
    Lock->Note = NULL;
    Lock->Section = NULL;
}

/* What another one says of itself; zeros where it says nothing. */
static LOCK_NOTE NoteRead(LOCK_NAME Name)
{
    LOCK_NOTE Copy = {0};
    WCHAR Text[NAME_LENGTH];
    NoteName(Name, Text);
    HANDLE Section = OpenFileMappingW(FILE_MAP_READ, FALSE, Text);
    if (Section == NULL)
        return Copy;
    const LOCK_NOTE *Note = MapViewOfFile(Section, FILE_MAP_READ, 0, 0, sizeof(*Note));
    if (Note != NULL)
    {
        Copy = *Note;
        UnmapViewOfFile(Note);
    }
    CloseHandle(Section);
    return Copy;
}

void SetupSayInstalling(BOOL Installing)
{
    for (DWORD Name = 0; Name < ARRAYSIZE(Names); ++Name)
        if (Held[Name] != NULL)
            Held[Name]->Installing = Installing;
}

BOOL SetupHelperInstalls(void)
{
    return NoteRead(LOCK_HELPER).Installing;
}

/* --- taking it ------------------------------------------------------------------------------------------------------- */

/* Who has it may be installing the driver, and then has until Longer. */
static DWORD Await(HANDLE Mutex, ULONG64 Deadline, ULONG64 Longer, volatile BOOL *DriverCame)
{
    DWORD Result = WaitForSingleObject(Mutex, 0);
    if (Result == WAIT_TIMEOUT)
    {
        *DriverCame |= NoteRead(LOCK_SETUP).Installing || NoteRead(LOCK_HELPER).Installing;
        Result = WaitForSingleObject(Mutex, TimeLeft(Deadline));
    }
    if (Result == WAIT_TIMEOUT)
    {
        *DriverCame |= NoteRead(LOCK_SETUP).Installing || NoteRead(LOCK_HELPER).Installing;
        if (*DriverCame)
            Result = WaitForSingleObject(Mutex, TimeLeft(Longer));
    }
    return Result;
}

/*
 * Only administrators may hold it, and only they can create adapters. Where another user has taken the name, set-up goes
 * without: the worst is two adapters of one name, and nobody can keep administrators waiting. A holder that died has left
 * nothing half done that we do not look for.
 * https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-createmutexw
 */
static DWORD TryLock(LOCK_NAME Name, ULONG64 Deadline, ULONG64 Longer, SETUP_LOCK *Lock)
{
    SECURITY_ATTRIBUTES Attributes = {.nLength = sizeof(Attributes)};
    DWORD Error = NO_ERROR;
    *Lock = (SETUP_LOCK){.Name = Name};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(L"O:BA" ACCESS_DEFAULT, SDDL_REVISION_1,
                                                              &Attributes.lpSecurityDescriptor, NULL))
        return GetLastError();
    HANDLE Mutex = CreateMutexW(&Attributes, FALSE, Names[Name]);
    if (Mutex == NULL || !IsAdministrators(Mutex))
    {
        Log(PLAINTUN_LOG_WARN, L"going without the set-up lock: it is not the administrators', or not for us (%1!u!)",
            GetLastError());
        goto closeMutex;
    }
    NoteOpen(Lock, &Attributes);
    DWORD Result = Await(Mutex, Deadline, Longer, &Lock->DriverCame);
    if (Result == WAIT_OBJECT_0 || Result == WAIT_ABANDONED)
    {
        Lock->Mutex = Mutex;
        Lock->Inner = Held[Name] != NULL;
        if (Lock->Note != NULL && !Lock->Inner)
        {
            *Lock->Note = (LOCK_NOTE){.ProcessId = GetCurrentProcessId()};
            Held[Name] = Lock->Note;
        }
        goto freeDescriptor;
    }
    Error = Result == WAIT_TIMEOUT ? ERROR_TIMEOUT : GetLastError();
    Lock->OwnerId = Lock->Note != NULL ? Lock->Note->ProcessId : 0;
    NoteClose(Lock);

closeMutex:
    if (Mutex != NULL)
        CloseHandle(Mutex);
freeDescriptor:
    LocalFree(Attributes.lpSecurityDescriptor);
    return Error;
}

/* A holder that died may have left a helper (native.c) at work: that has the second lock, which no helper gets while this
 * one is held by another program than its own. */
static DWORD TryBoth(ULONG64 Deadline, ULONG64 Longer, SETUP_LOCK *Lock)
{
    DWORD Error = TryLock(LOCK_SETUP, Deadline, Longer, Lock);
    if (Error != NO_ERROR || Lock->Mutex == NULL)
        return Error;
    SETUP_LOCK Helper;
    Error = TryLock(LOCK_HELPER, Deadline, Longer, &Helper);
    Lock->DriverCame |= Helper.DriverCame;
    Lock->OwnerId = Helper.OwnerId;
    if (Error == NO_ERROR)
        SetupUnlock(&Helper);
    else
        SetupUnlock(Lock);
    return Error;
}

DWORD SetupTryLock(ULONG64 Deadline, SETUP_LOCK *Lock)
{
    return TryBoth(Deadline, Deadline, Lock);
}

DWORD SetupHelperLock(ULONG64 Deadline, SETUP_LOCK *Lock)
{
    return TryLock(LOCK_HELPER, Deadline, Deadline, Lock);
}

static DWORD SayWaited(DWORD ProcessId)
{
    if (ProcessId == 0)
        return LogError(ERROR_TIMEOUT, L"waiting for another program that creates or removes an adapter: it does not "
                                       L"finish; end it, or give this one more time");
    WCHAR Path[PROCESS_PATH_LENGTH];
    if (ProcessId == GetCurrentProcessId())
        return LogError(ERROR_TIMEOUT,
                        L"waiting for this program itself, process %1!u! (%2): it creates or removes an adapter in "
                        L"another thread, maybe in one that was left behind in a call of Windows that does not return; "
                        L"try again later, or end the program",
                        ProcessId, ProcessName(ProcessId, Path));
    return LogError(ERROR_TIMEOUT,
                    L"waiting for process %1!u! (%2), which creates or removes an adapter: it does not finish; end it, "
                    L"or give this program more time",
                    ProcessId, ProcessName(ProcessId, Path));
}

/* Windows would refuse others, too, but only after some of it is done, and without saying why. */
DWORD SetupLock(ULONG64 Deadline, ULONG64 Longer, SETUP_LOCK *Lock)
{
    if (!IsAdministrator())
        return LogError(ERROR_ACCESS_DENIED,
                        L"making, changing or removing adapters or the driver takes an administrator (run the program "
                        L"elevated, or let a service do it; who may open an adapter, its AccessList says)");
    DWORD Error = TryBoth(Deadline, Longer, Lock);
    if (Error == ERROR_TIMEOUT)
        SayWaited(Lock->OwnerId);
    else if (Error != NO_ERROR)
        LogError(Error, L"waiting for the set-up lock: Windows refuses it");
    return Error;
}

void SetupUnlock(SETUP_LOCK *Lock)
{
    DWORD LastError = GetLastError();
    if (Lock->Mutex != NULL)
    {
        if (!Lock->Inner)
            Held[Lock->Name] = NULL;
        if (Lock->Note != NULL && !Lock->Inner)
            *Lock->Note = (LOCK_NOTE){0};
        ReleaseMutex(Lock->Mutex);
        CloseHandle(Lock->Mutex);
        Lock->Mutex = NULL;
        NoteClose(Lock);
    }
    SetLastError(LastError);
}
