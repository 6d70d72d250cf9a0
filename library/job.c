/* SPDX-License-Identifier: MIT */
/*
 * Work that its caller waits for no longer than a deadline, whatever the calls of Windows do that it makes: it has a thread
 * of its own. A thread that is left behind goes on when Windows lets it. Until then it keeps the library loaded and the
 * locks that it has, and nobody ends it from outside: what it holds in Windows would never come free ("TerminateThread
 * function (processthreadsapi.h)"). What the waiting side calls itself are memory, events and threads, which wait for
 * nobody. Under the loader's lock a new thread does not come to run ("Dynamic-Link Library Best Practices"): there the
 * deadline passes, and the work is never begun.
 */
#include "library/library.h"

static void CloseIfOpen(HANDLE Handle)
{
    if (Handle != NULL)
        CloseHandle(Handle);
}

void JobUnreference(JOB *Job)
{
    if (--Job->References != 0)
        return;
    CloseIfOpen(Job->Done);
    CloseIfOpen(Job->Token);
    CloseIfOpen(Job->Relay.Said);
    CloseIfOpen(Job->Relay.Heard);
    Job->Free(Job);
}

BOOL JobDecide(JOB *Job, DWORD Result)
{
    if (Job->State == JOB_DECIDED)
        return TRUE;
    Job->Result = Result;
    PlaintunGetMessage(Job->Text, LOG_LENGTH);
    JOB_STATE State = JOB_OPEN;
    return atomic_compare_exchange_strong(&Job->State, &State, JOB_DECIDED);
}

BOOL JobIsLeft(const JOB *Job)
{
    return Job->State == JOB_LEFT;
}

/* https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-setthreadtoken,
 * https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-freelibraryandexitthread */
static DWORD WINAPI JobThread(void *Context)
{
    JOB *Job = Context;
    HMODULE Library = Job->Library;
    DWORD Result = NO_ERROR;
    if (!LogThrough(&Job->Relay))
        Result = ERROR_NOT_ENOUGH_MEMORY;
    else if (Job->Token != NULL && !SetThreadToken(NULL, Job->Token))
        Result =
            LogError(GetLastError(), L"acting for the user for whom this program's thread acts: Windows refuses it");
    else if (!JobIsLeft(Job))
        Result = Job->Work(Job);
    JobDecide(Job, Result);
    SetEvent(Job->Done);
    JobUnreference(Job);
    FreeLibraryAndExitThread(Library, 0);
}

/* What both sides need. FALSE: GetLastError().
 * https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-getmodulehandleexw,
 * https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openthreadtoken */
static BOOL Equip(JOB *Job)
{
    if ((Job->Done = CreateEventW(NULL, TRUE, FALSE, NULL)) == NULL ||
        (Job->Relay.Said = CreateEventW(NULL, FALSE, FALSE, NULL)) == NULL ||
        (Job->Relay.Heard = CreateEventW(NULL, FALSE, FALSE, NULL)) == NULL)
        return FALSE;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_IMPERSONATE, TRUE, &Job->Token))
    {
        Job->Token = NULL;
        if (GetLastError() != ERROR_NO_TOKEN) /* the usual: it acts for nobody but its process */
            return FALSE;
    }
    return GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)(void *)JobThread, &Job->Library);
}

BOOL JobStart(JOB *Job)
{
    Job->References = 2;
    HANDLE Thread = Equip(Job) ? CreateThread(NULL, 0, JobThread, Job, 0, NULL) : NULL;
    if (Thread != NULL)
    {
        CloseHandle(Thread);
        return TRUE;
    }
    DWORD Error = GetLastError();
    if (Job->Library != NULL)
        FreeLibrary(Job->Library);
    Job->References = 1;
    JobUnreference(Job);
    SetLastError(Error);
    return FALSE;
}

BOOL JobAwait(JOB *Job, ULONG64 Deadline)
{
    HANDLE Handles[] = {Job->Relay.Said, Job->Done};
    for (;;)
    {
        DWORD Result = WaitForMultipleObjects(ARRAYSIZE(Handles), Handles, FALSE, TimeLeft(Deadline));
        if (Result != WAIT_OBJECT_0)
            return Result == WAIT_OBJECT_0 + 1;
        LogRelayed(&Job->Relay);
    }
}

BOOL JobLeave(JOB *Job, DWORD *Result)
{
    Job->Relay.Left = TRUE;
    SetEvent(Job->Relay.Heard);
    JOB_STATE State = JOB_OPEN;
    if (atomic_compare_exchange_strong(&Job->State, &State, JOB_LEFT))
        return TRUE;
    *Result = Job->Result;
    if (*Result != NO_ERROR && Job->Text[0] != 0)
        KeepText(Job->Text);
    else if (*Result != NO_ERROR) /* it had no memory even for a text */
        LogError(*Result, L"working for another thread: there is no memory; close programs");
    return FALSE;
}
