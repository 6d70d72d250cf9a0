/* SPDX-License-Identifier: MIT */
/*
 * Processes and threads. A process is a handle table, an account and a list of memory; threads act for it while they
 * make its calls. System threads are real ones. PASSIVE_LEVEL.
 */
#include "host/nt/nt.h"
#include <unistd.h>

#define NOTIFY_ROUTINES 8

static VOID DeleteProcess(_In_ PVOID Object)
{
    free(((PEPROCESS)Object)->Handles.Entries);
}

static VOID DeleteThread(_In_ PVOID Object)
{
    pthread_cond_destroy(&((PKTHREAD)Object)->Wake);
}

static VOID NothingToClose(PVOID Object)
{
}

OBJECT_TYPE NtProcessType = {.Name = "Process",
                             .Close = NothingToClose,
                             .Delete = DeleteProcess,
                             .Waitable = TRUE,
                             .Mapping = {0x20410, 0x20bea, 0x121001, PROCESS_ALL_ACCESS}};
OBJECT_TYPE NtThreadType = {.Name = "Thread",
                            .Close = NothingToClose,
                            .Delete = DeleteThread,
                            .Waitable = TRUE,
                            .Mapping = {0x20048, 0x20037, 0x120800, THREAD_ALL_ACCESS}};

/* Not in the list and never deleted: its handles are the kernel's. */
static struct _KPROCESS System = {.Id = 4, .Account = SimSystem};
PEPROCESS NtSystemProcess = &System;

static LIST_ENTRY Processes = {&Processes, &Processes}; /* NtLock */
static ULONG64 NextProcessId = 1000;

static struct
{
    PCREATE_PROCESS_NOTIFY_ROUTINE Routine;
    ULONG Running;
} Notify[NOTIFY_ROUTINES]; /* NtLock */

/* ---- Threads */

static VOID EndThread(VOID)
{
    PKTHREAD Thread = NtThread();
    NtCheckNothingHeld(Thread, __func__, (PVOID)Thread->Start);
    NtSignal(&Thread->Header, 1);
    ObfDereferenceObject(Thread);
}

static void *RunThread(void *Argument)
{
    PKTHREAD Thread = Argument;
    NtThreadAdopt(Thread);
    Thread->Start(Thread->Context);
    EndThread();
    return NULL;
}

NTSTATUS PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                              HANDLE ProcessHandle, PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine,
                              PVOID StartContext)
{
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    NtRule("KernelHandle", ObjectAttributes && (ObjectAttributes->Attributes & OBJ_KERNEL_HANDLE),
           "a program could close the thread's handle");
    PKTHREAD Thread = NtObjectCreate(&NtThreadType, sizeof(*Thread));
    NtThreadInitialize(Thread);
    Thread->Start = StartRoutine;
    Thread->Context = StartContext;
    NTSTATUS Status = NtHandleCreate(NULL, Thread, DesiredAccess, ThreadHandle);
    if (!NT_SUCCESS(Status))
    {
        ObfDereferenceObject(Thread);
        return Status;
    }
    if (ClientId)
        *ClientId = (CLIENT_ID){.UniqueProcess = (HANDLE)System.Id, .UniqueThread = (HANDLE)Thread->Id};
    pthread_attr_t Attributes;
    pthread_attr_init(&Attributes);
    pthread_attr_setdetachstate(&Attributes, PTHREAD_CREATE_DETACHED);
    pthread_t Handle;
    /* The reference from NtObjectCreate is the running thread's. */
    if (pthread_create(&Handle, &Attributes, RunThread, Thread) != 0)
    {
        NtHandleClose(NtSystemProcess, *ThreadHandle);
        ObfDereferenceObject(Thread);
        Status = STATUS_INSUFFICIENT_RESOURCES;
    }
    pthread_attr_destroy(&Attributes);
    return Status;
}

NTSTATUS PsTerminateSystemThread(NTSTATUS ExitStatus)
{
    NtIrql(PASSIVE_LEVEL);
    NtRule("SystemThread", NtThread()->Start != NULL, "called by a thread that is not a system thread");
    EndThread();
    pthread_exit(NULL);
}

HANDLE PsGetCurrentThreadId(VOID)
{
    return (HANDLE)NtThread()->Id;
}

/* ---- Processes */

PEPROCESS IoGetCurrentProcess(VOID)
{
    return NtThread()->Process;
}

HANDLE PsGetCurrentProcessId(VOID)
{
    return (HANDLE)NtThread()->Process->Id;
}

HANDLE PsGetProcessId(PEPROCESS Process)
{
    return (HANDLE)Process->Id;
}

NTSTATUS PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS *Process)
{
    NTSTATUS Status = STATUS_INVALID_CID;
    NtIrql(APC_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INVALID_CID;
    NtLock();
    for (LIST_ENTRY *Entry = Processes.Flink; Entry != &Processes; Entry = Entry->Flink)
    {
        PEPROCESS Candidate = CONTAINING_RECORD(Entry, struct _KPROCESS, Link);
        if ((HANDLE)Candidate->Id == ProcessId)
        {
            ObfReferenceObject(Candidate);
            *Process = Candidate;
            Status = STATUS_SUCCESS;
        }
    }
    NtUnlock();
    return Status;
}

PEPROCESS NtProcessNext(PEPROCESS Process)
{
    LIST_ENTRY *Entry = Process ? Process->Link.Flink : Processes.Flink;
    return Entry == &Processes ? NULL : CONTAINING_RECORD(Entry, struct _KPROCESS, Link);
}

/* Once removed, a routine does not run any more, nor does it still: "PsSetCreateProcessNotifyRoutineEx" says so. */
NTSTATUS PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE NotifyRoutine, BOOLEAN Remove)
{
    NTSTATUS Status = STATUS_INVALID_PARAMETER;
    LONG Free = -1, Known = -1;
    NtIrql(PASSIVE_LEVEL);
    NtRule("ProcessNotify", !NtThread()->Notifying, "called by a process notify routine, which it would wait for");
    if (!Remove && SimFail(__func__, SIM_PLACE()))
        return STATUS_INVALID_PARAMETER;
    NtLock();
    for (LONG I = NOTIFY_ROUTINES - 1; I >= 0; I--)
    {
        Known = Notify[I].Routine == NotifyRoutine ? I : Known;
        Free = !Notify[I].Routine && !Notify[I].Running ? I : Free;
    }
    if (Remove && Known >= 0)
    {
        Notify[Known].Routine = NULL;
        while (Notify[Known].Running && !NtThread()->Notifying)
        {
            NtUnlock();
            usleep(50);
            NtLock();
        }
        Status = STATUS_SUCCESS;
    }
    else if (!Remove && Known < 0 && Free >= 0)
    {
        Notify[Free].Routine = NotifyRoutine;
        Status = STATUS_SUCCESS;
    }
    NtUnlock();
    return Status;
}

NTSTATUS ZwOpenProcess(PHANDLE ProcessHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                       PCLIENT_ID ClientId)
{
    PEPROCESS Present = NtThread()->Process;
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    PEPROCESS Process;
    NTSTATUS Status = PsLookupProcessByProcessId(ClientId->UniqueProcess, &Process);
    if (NT_SUCCESS(Status))
    {
        Status = NtHandleCreate(ObjectAttributes->Attributes & OBJ_KERNEL_HANDLE ? NULL : Present, Process,
                                DesiredAccess, ProcessHandle);
        ObfDereferenceObject(Process);
    }
    return Status;
}

/* In a critical region at PASSIVE_LEVEL: "PCREATE_PROCESS_NOTIFY_ROUTINE". */
static VOID CallNotify(_In_ PEPROCESS Process, _In_ BOOLEAN Create)
{
    KeEnterCriticalRegion();
    NtThread()->Notifying = TRUE;
    SIM_GUARD Guard;
    for (ULONG I = 0; I < NOTIFY_ROUTINES; I++)
    {
        NtLock();
        PCREATE_PROCESS_NOTIFY_ROUTINE Routine = Notify[I].Routine;
        Notify[I].Running += Routine != NULL;
        NtUnlock();
        if (Routine)
        {
            SimGuardBegin(&Guard);
            Routine((HANDLE)System.Id, (HANDLE)Process->Id, Create);
            SimGuardEnd(&Guard, "process notify routine", (PVOID)Routine);
            NtLock();
            Notify[I].Running--;
            NtUnlock();
        }
    }
    NtThread()->Notifying = FALSE;
    KeLeaveCriticalRegion();
}

PEPROCESS NtEnter(PEPROCESS Process)
{
    PKTHREAD Thread = NtThread();
    PEPROCESS Previous = Thread->Process;
    Thread->Process = Process;
    return Previous;
}

VOID NtLeave(PEPROCESS Previous)
{
    NtThread()->Process = Previous;
}

/* Below DISPATCH_LEVEL, and undone by the same thread before it returns: "KeStackAttachProcess". */
VOID KeStackAttachProcess(PRKPROCESS Process, PRKAPC_STATE ApcState)
{
    NtIrql(APC_LEVEL);
    NtThread()->Attached++;
    ApcState->Process = NtEnter(Process);
}

VOID KeUnstackDetachProcess(PRKAPC_STATE ApcState)
{
    PKTHREAD Thread = NtThread();
    NtIrql(APC_LEVEL);
    if (NtRule("ProcessAttach", Thread->Attached, "this thread is not attached to a process"))
    {
        Thread->Attached--;
        NtLeave(ApcState->Process);
    }
}

PEPROCESS SimProcessCreate(SIM_ACCOUNT Account)
{
    PEPROCESS Process = NtObjectCreate(&NtProcessType, sizeof(*Process));
    NtHeaderInitialize(&Process->Header, NtProcessObject, 0);
    Process->Account = Account;
    NtLock();
    Process->Id = NextProcessId;
    NextProcessId += 4;
    InsertTailList(&Processes, &Process->Link);
    NtUnlock();
    CallNotify(Process, TRUE);
    return Process;
}

VOID SimProcessMake32Bit(PEPROCESS Process)
{
    Process->Is32Bit = TRUE;
}

VOID SimProcessKill(PEPROCESS Process)
{
    PEPROCESS Previous = NtEnter(Process);
    NtIrpCancelAll(Process); /* as its threads end, and then there is none */
    CallNotify(Process, FALSE);
    NtHandlesCloseAll(Process);
    NtSignal(&Process->Header, 1);
    NtLeave(Previous);
}

VOID SimProcessDelete(PEPROCESS Process)
{
    if (!Process->Dead)
        SimProcessKill(Process);
    NtMmProcessGone(Process);
    NtLock();
    RemoveEntryList(&Process->Link);
    NtUnlock();
    ObfDereferenceObject(Process);
}

VOID NtPsCheckEmpty(PCSTR When)
{
    for (ULONG I = 0; I < NOTIFY_ROUTINES; I++)
        if (Notify[I].Routine)
            NtRuleBroken("Leak_Notify", When, (PVOID)Notify[I].Routine, "a process notify routine is still set");
}
