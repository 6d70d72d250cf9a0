/* SPDX-License-Identifier: MIT */
/*
 * Processes under Wine: in whose context a thread is (its request's, or that of the process it is attached to), and
 * routines that are told of births and deaths. Wine tells nobody of those: while there are routines a thread looks at
 * the list of processes 50 times a second, which no process of Wine's outruns (its start takes longer), and waits
 * for the handles of those that it knows, so that a death is seen at once. PASSIVE_LEVEL.
 */
#include "host/linux/syscall.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define ROUTINES_MAX      64 /* Windows' own limit */
#define PROCESSES_MAX     256
#define WAITED_MAX        63 /* with Changed these are all that one wait takes */
#define LOOK_MILLISECONDS 20
#define LIST_SIZE         (256 * 1024)
#define DEAD_MAX          64
#define DEAD_FOR          20000000 /* 100 ns: after so long a dead process' files have been closed */

/* SYSTEM_PROCESS_INFORMATION, amd64: where its members are that are read here. */
#define NEXT_ENTRY 0x00
#define PROCESS_ID 0x50
#define PARENT_ID  0x58

/* The id of a process and of a thread that are not there. */
#define NOBODY ((HANDLE)(ULONG_PTR)0x7ffffffc)

/* In the rest of the TEB's UserReserved, behind those of ke.c: the process that the thread is attached to. */
#define ATTACHED_SLOT "0xf0"

typedef struct _PROCESS
{
    HANDLE Id, ParentId, Handle; /* Handle NULL: free */
    BOOLEAN There;
} PROCESS;

__declspec(dllimport) NTSTATUS NtQuerySystemInformation(ULONG Class, PVOID Data, ULONG Length, ULONG *Done);

static PCREATE_PROCESS_NOTIFY_ROUTINE Routines[ROUTINES_MAX];
static PROCESS Processes[PROCESSES_MAX];
static volatile LONG Busy; /* Routines and Processes are used: routines are called while it is held */
static struct
{
    HANDLE Id;
    ULONG64 Since;
} Dead[DEAD_MAX];             /* whose locked pages are still to be looked for */
static volatile LONG Wanted;  /* routines, and locks of programs' pages: while there are any, the thread watches */
static volatile LONG Current; /* it knows who is there: who comes from now on is born */
static HANDLE Changed;        /* event: Wanted is 0 no more */

static PEPROCESS Attached(VOID)
{
    PEPROCESS Process;
    __asm__ volatile("movq %%gs:" ATTACHED_SLOT ", %0" : "=r"(Process));
    return Process;
}

static VOID Attach(_In_opt_ PEPROCESS Process)
{
    __asm__ volatile("movq %0, %%gs:" ATTACHED_SLOT : : "r"(Process));
}

/* Wine has no thread for a request whose program is dead by now, and would look into it all the same. */
HANDLE PsGetCurrentProcessId(VOID)
{
    if (Attached())
        return PsGetProcessId(Attached());
    return KeGetCurrentThread() ? WineKernel.PsGetCurrentProcessId() : NOBODY;
}

HANDLE PsGetCurrentThreadId(VOID)
{
    return KeGetCurrentThread() ? WineKernel.PsGetCurrentThreadId() : NOBODY;
}

PEPROCESS IoGetCurrentProcess(VOID)
{
    static PEPROCESS System;
    if (Attached() || KeGetCurrentThread())
        return Attached() ? Attached() : WineKernel.IoGetCurrentProcess();
    if (!System)
    {
        HANDLE Own;
        __asm__("movq %%gs:0x40, %0" : "=r"(Own));
        PsLookupProcessByProcessId(Own, &System);
    }
    return System;
}

/*
 * KeStackAttachProcess: the process' handles, and memory that is locked, are those of Process until KeUnstackDetachProcess.
 * What cannot be had here is a pointer into its memory that the driver follows itself.
 */
VOID KeStackAttachProcess(PRKPROCESS Process, PRKAPC_STATE ApcState)
{
    if (KeGetCurrentIrql() >= DISPATCH_LEVEL)
        PlatformRuleBroken("Irql_Process", __func__, __builtin_return_address(0), "at DISPATCH_LEVEL");
    RtlZeroMemory(ApcState, sizeof(*ApcState));
    ApcState->Process = (PKPROCESS)Attached();
    Attach((PEPROCESS)Process);
}

VOID KeUnstackDetachProcess(PRKAPC_STATE ApcState)
{
    Attach((PEPROCESS)ApcState->Process);
}

/* ---- Births and deaths. */

/* A routine may take long, and may wait for others: no spin lock. */
static VOID Lock(VOID)
{
    while (InterlockedExchange(&Busy, 1))
        LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
}

static VOID Unlock(VOID)
{
    InterlockedExchange(&Busy, 0);
}

/* In the context of the process, or for a birth of its parent, as far as that can still be had. Locked. */
static VOID Tell(_In_ const PROCESS *Process, _In_ BOOLEAN Create)
{
    PEPROCESS Context = NULL;
    PVOID Object;
    if (Create && Process->ParentId)
    {
        PsLookupProcessByProcessId(Process->ParentId, &Context);
    }
    else if (NT_SUCCESS(WineKernel.ObReferenceObjectByHandle(Process->Handle, 0, *WineKernel.ProcessType, KernelMode,
                                                             &Object, NULL)))
    {
        Context = Object;
    }
    KAPC_STATE State;
    if (Context)
        KeStackAttachProcess((PRKPROCESS)Context, &State);
    for (ULONG I = 0; I < ROUTINES_MAX; I++)
        if (Routines[I])
            Routines[I](Process->ParentId, Process->Id, Create);
    if (Context)
    {
        KeUnstackDetachProcess(&State);
        WineKernel.ObfDereferenceObject(Context);
    }
}

static PROCESS *FindProcess(_In_opt_ HANDLE Id)
{
    for (ULONG I = 0; I < PROCESSES_MAX; I++)
        if (Processes[I].Handle ? Processes[I].Id == Id : !Id)
            return &Processes[I];
    return NULL;
}

static VOID Born(_In_ HANDLE Id, _In_ HANDLE ParentId, _In_ BOOLEAN Silent)
{
    CLIENT_ID Client = {.UniqueProcess = Id};
    PROCESS *Process = FindProcess(NULL);
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    HANDLE Handle;
    if (!Process || !NT_SUCCESS(NtOpenProcess(&Handle, PROCESS_ALL_ACCESS, &Attributes, &Client)))
        return;
    *Process = (PROCESS){.Id = Id, .ParentId = ParentId, .Handle = Handle, .There = TRUE};
    if (!Silent)
        Tell(Process, TRUE);
}

static VOID Died(_Inout_ PROCESS *Process)
{
    Tell(Process, FALSE);
    NtClose(Process->Handle);
    Process->Handle = NULL;
    for (ULONG I = 0; I < DEAD_MAX; I++)
    {
        if (!Dead[I].Id)
        {
            Dead[I].Id = Process->Id;
            Dead[I].Since = LinuxNow();
            break;
        }
    }
}

/* Pages that are locked still when a process' files have all been closed: bug check 0x76, "PROCESS_HAS_LOCKED_PAGES". */
static VOID LookForLockedPages(VOID)
{
    for (ULONG I = 0; I < DEAD_MAX; I++)
    {
        if (Dead[I].Id && LinuxNow() - Dead[I].Since > DEAD_FOR)
        {
            MapReportDead(Dead[I].Id);
            Dead[I].Id = NULL;
        }
    }
}

static VOID DiedIfDead(_Inout_ PROCESS *Process)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    if (Process->Handle && NtWaitForSingleObject(Process->Handle, FALSE, &Zero) == STATUS_SUCCESS)
        Died(Process);
}

/* In Windows a process' routines run before its handles are closed; here wineserver closes them first. */
VOID ProcessClosesFiles(HANDLE Id)
{
    if (Current)
    {
        Lock();
        PROCESS *Process = FindProcess(Id);
        if (Process)
            DiedIfDead(Process);
        Unlock();
    }
}

/* Looks who is there. Silent: who is there already is not born now. */
static VOID Look(_In_ PUCHAR List, _In_ BOOLEAN Silent)
{
    ULONG Offset = 0;
    if (!NT_SUCCESS(NtQuerySystemInformation(5 /* SystemProcessInformation */, List, LIST_SIZE, NULL)))
        return;
    for (ULONG I = 0; I < PROCESSES_MAX; I++)
        Processes[I].There = FALSE;
    do
    {
        List += Offset;
        Offset = *(ULONG *)(List + NEXT_ENTRY);
        HANDLE Id = *(HANDLE *)(List + PROCESS_ID);
        HANDLE ParentId = *(HANDLE *)(List + PARENT_ID);
        PROCESS *Process = Id ? FindProcess(Id) : NULL;
        if (Process)
            Process->There = TRUE;
        else if (Id)
            Born(Id, ParentId, Silent);
    } while (Offset);
    for (ULONG I = 0; I < PROCESSES_MAX; I++)
        if (Processes[I].Handle && !Processes[I].There)
            DiedIfDead(&Processes[I]);
}

/* Sleeps until it is time to look again, or a process has died. Not locked: a handle may be closed meanwhile, and even
 * be another's, which at worst ends the wait. */
static VOID Wait(VOID)
{
    LARGE_INTEGER Timeout = {.QuadPart = -10000 * LOOK_MILLISECONDS};
    HANDLE Handles[WAITED_MAX + 1] = {Changed};
    ULONG Count = 1;
    for (ULONG I = 0; I < PROCESSES_MAX && Count <= WAITED_MAX; I++)
        if (Processes[I].Handle)
            Handles[Count++] = Processes[I].Handle;
    if (!NT_SUCCESS(NtWaitForMultipleObjects(Count, Handles, WaitAny, FALSE, &Timeout)))
        LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
}

static VOID Watcher(PVOID List)
{
    for (;;)
    {
        if (!Wanted)
            InterlockedExchange(&Current, 0);
        if (!Current)
        {
            NtWaitForSingleObject(Changed, FALSE, NULL);
            Lock();
            for (ULONG I = 0; I < PROCESSES_MAX; I++)
            {
                if (Processes[I].Handle)
                {
                    NtClose(Processes[I].Handle);
                    Processes[I].Handle = NULL;
                }
            }
            Look(List, TRUE);
            Unlock();
            InterlockedExchange(&Current, 1);
        }
        Wait();
        Lock();
        Look(List, FALSE);
        LookForLockedPages();
        Unlock();
    }
}

/* With Lock held: the thread is started by the first who wants to be told, and stays. */
static NTSTATUS StartWatcher(VOID)
{
    if (Changed)
        return STATUS_SUCCESS;
    PVOID List = ExAllocatePoolWithTag(NonPagedPoolNx, LIST_SIZE, KERNEL_TAG);
    if (!List)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS Status = NtCreateEvent(&Changed, EVENT_ALL_ACCESS, NULL, SynchronizationEvent, FALSE);
    if (!NT_SUCCESS(Status))
        goto freeList;
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Thread;
    Status = PsCreateSystemThread(&Thread, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, Watcher, List);
    if (!NT_SUCCESS(Status))
        goto closeEvent;
    NtClose(Thread);
    return STATUS_SUCCESS;

closeEvent:
    NtClose(Changed);
    Changed = NULL;
freeList:
    ExFreePoolWithTag(List, KERNEL_TAG);
    return Status;
}

NTSTATUS ProcessWatch(BOOLEAN Watch)
{
    if (!Watch)
    {
        InterlockedDecrement(&Wanted);
        return STATUS_SUCCESS;
    }
    /* A routine may lock pages, and then there is no need of Lock, which its caller has. */
    if (InterlockedIncrement(&Wanted) > 1 && Current)
        return STATUS_SUCCESS;
    Lock();
    NTSTATUS Status = StartWatcher();
    Unlock();
    if (!NT_SUCCESS(Status))
    {
        InterlockedDecrement(&Wanted);
        return Status;
    }
    NtSetEvent(Changed, NULL);
    while (!Current)
        LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
    return STATUS_SUCCESS;
}

/* STATUS_SUCCESS; STATUS_INVALID_PARAMETER: is there already, is not there, or there are too many. When a routine has
 * been removed it does not run any more. */
NTSTATUS PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE NotifyRoutine, BOOLEAN Remove)
{
    PCREATE_PROCESS_NOTIFY_ROUTINE *Place = NULL;
    BOOLEAN There = FALSE;
    NTSTATUS Status = Remove ? STATUS_SUCCESS : ProcessWatch(TRUE);
    if (!NT_SUCCESS(Status))
        return Status;
    Lock();
    for (ULONG I = 0; I < ROUTINES_MAX; I++)
    {
        There |= Routines[I] == NotifyRoutine;
        if (Routines[I] == (Remove ? NotifyRoutine : NULL))
            Place = &Routines[I];
    }
    Status = Place && There == Remove ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    if (NT_SUCCESS(Status))
        *Place = Remove ? NULL : NotifyRoutine;
    Unlock();
    if (NT_SUCCESS(Status) == Remove)
        ProcessWatch(FALSE);
    return Status;
}

/* Routines that a driver's image leaves behind would be called when it is gone. */
VOID ProcessReportLeaks(PVOID ImageBase, PCSTR Rule)
{
    for (ULONG I = 0; I < ROUTINES_MAX; I++)
    {
        PVOID Place = (PVOID)(ULONG_PTR)Routines[I];
        if (Place && ImageBaseOf(Place) == ImageBase)
        {
            PlatformRuleBroken(Rule, "PsSetCreateProcessNotifyRoutine", Place, "never removed");
            PsSetCreateProcessNotifyRoutine(Routines[I], TRUE);
        }
    }
}
