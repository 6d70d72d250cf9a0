/* SPDX-License-Identifier: MIT */
/*
 * Processes and threads. A process is a handle table, an account and a list of memory; threads act for it while they
 * make its calls. System threads are real ones. PASSIVE_LEVEL.
 */
#include "host/nt/nt.h"

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
static PCREATE_PROCESS_NOTIFY_ROUTINE Notify[NOTIFY_ROUTINES]; /* NtLock */

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
    PKTHREAD Thread;
    pthread_attr_t Attributes;
    pthread_t Handle;
    NTSTATUS Status;

    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
    {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    NtRule("KernelHandle", ObjectAttributes && (ObjectAttributes->Attributes & OBJ_KERNEL_HANDLE),
           "a program could close the thread's handle");
    Thread = NtObjectCreate(&NtThreadType, sizeof(*Thread));
    NtThreadInitialize(Thread);
    Thread->Start = StartRoutine;
    Thread->Context = StartContext;
    Status = NtHandleCreate(NULL, Thread, DesiredAccess, ThreadHandle);
    if (!NT_SUCCESS(Status))
    {
        ObfDereferenceObject(Thread);
        return Status;
    }
    if (ClientId)
    {
        *ClientId = (CLIENT_ID){.UniqueProcess = (HANDLE)System.Id, .UniqueThread = (HANDLE)Thread->Id};
    }
    pthread_attr_init(&Attributes);
    pthread_attr_setdetachstate(&Attributes, PTHREAD_CREATE_DETACHED);
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
    {
        return STATUS_INVALID_CID;
    }
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

NTSTATUS PsSetCreateProcessNotifyRoutine(PCREATE_PROCESS_NOTIFY_ROUTINE NotifyRoutine, BOOLEAN Remove)
{
    NTSTATUS Status = STATUS_INVALID_PARAMETER;

    NtIrql(PASSIVE_LEVEL);
    if (!Remove && SimFail(__func__, SIM_PLACE()))
    {
        return STATUS_INVALID_PARAMETER;
    }
    NtLock();
    for (ULONG I = 0; I < NOTIFY_ROUTINES && Status != STATUS_SUCCESS; I++)
    {
        if (Notify[I] == (Remove ? NotifyRoutine : NULL))
        {
            Notify[I] = Remove ? NULL : NotifyRoutine;
            Status = STATUS_SUCCESS;
        }
    }
    NtUnlock();
    return Status;
}

NTSTATUS ZwOpenProcess(PHANDLE ProcessHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                       PCLIENT_ID ClientId)
{
    PEPROCESS Process, Present = NtThread()->Process;
    NTSTATUS Status;

    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
    {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Status = PsLookupProcessByProcessId(ClientId->UniqueProcess, &Process);
    if (NT_SUCCESS(Status))
    {
        Status = NtHandleCreate(ObjectAttributes->Attributes & OBJ_KERNEL_HANDLE ? NULL : Present, Process,
                                DesiredAccess, ProcessHandle);
        ObfDereferenceObject(Process);
    }
    return Status;
}

static VOID CallNotify(_In_ PEPROCESS Process, _In_ BOOLEAN Create)
{
    PCREATE_PROCESS_NOTIFY_ROUTINE Copy[NOTIFY_ROUTINES];
    SIM_GUARD Guard;

    NtLock();
    memcpy(Copy, Notify, sizeof(Copy));
    NtUnlock();
    for (ULONG I = 0; I < NOTIFY_ROUTINES; I++)
    {
        if (Copy[I])
        {
            SimGuardBegin(&Guard);
            Copy[I]((HANDLE)System.Id, (HANDLE)Process->Id, Create);
            SimGuardEnd(&Guard, "process notify routine", (PVOID)Copy[I]);
        }
    }
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

VOID KeStackAttachProcess(PRKPROCESS Process, PRKAPC_STATE ApcState)
{
    NtIrql(DISPATCH_LEVEL);
    ApcState->Process = NtEnter(Process);
}

VOID KeUnstackDetachProcess(PRKAPC_STATE ApcState)
{
    NtIrql(DISPATCH_LEVEL);
    NtLeave(ApcState->Process);
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

VOID SimProcessKill(PEPROCESS Process)
{
    PEPROCESS Previous = NtEnter(Process);

    CallNotify(Process, FALSE);
    NtHandlesCloseAll(Process);
    NtSignal(&Process->Header, 1);
    NtLeave(Previous);
}

VOID SimProcessDelete(PEPROCESS Process)
{
    if (!Process->Dead)
    {
        SimProcessKill(Process);
    }
    NtMmProcessGone(Process);
    NtLock();
    RemoveEntryList(&Process->Link);
    NtUnlock();
    ObfDereferenceObject(Process);
}

VOID NtPsCheckEmpty(PCSTR When)
{
    for (ULONG I = 0; I < NOTIFY_ROUTINES; I++)
    {
        if (Notify[I])
        {
            NtRuleBroken("Leak_Notify", When, (PVOID)Notify[I], "a process notify routine is still set");
        }
    }
}
