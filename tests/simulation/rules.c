/* SPDX-License-Identifier: MIT */
/*
 * A rule that nobody has seen fire does not count: here each rule of host/nt is broken on purpose, and must be named. The
 * wrong code is the least that breaks it; what a wrong driver does in its requests comes through a device of its own.
 * What cannot go on (a lock taken twice, memory that may not be touched) is tried in a process of its own.
 */
#include "tests/simulation/rules.h"
#include <sys/wait.h>
#include <unistd.h>

SCENARIO RulesFire;

static KIRQL Old;
static KSPIN_LOCK First, Second;
static KEVENT Event;
static EX_RUNDOWN_REF Rundown;
static PEPROCESS Program;

static VOID Raise(VOID)
{
    KeRaiseIrql(DISPATCH_LEVEL, &Old);
}

static VOID Lower(VOID)
{
    KeLowerIrql(Old);
}

/* ---- IRQL */

static VOID WaitAtDispatch(VOID)
{
    LARGE_INTEGER Timeout = {.QuadPart = -10};
    Raise();
    KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, &Timeout);
    Lower();
}

static VOID HandleAtDispatch(VOID)
{
    Raise();
    PVOID Object;
    ObReferenceObjectByHandle((HANDLE)4, 0, NULL, KernelMode, &Object, NULL);
    Lower();
}

static VOID RundownAtDispatch(VOID)
{
    EX_RUNDOWN_REF Own;
    ExInitializeRundownProtection(&Own);
    Raise();
    ExWaitForRundownProtectionRelease(&Own);
    Lower();
}

static VOID PagedPoolAtDispatch(VOID)
{
    Raise();
    ExFreePoolWithTag(ExAllocatePoolWithTag(PagedPool, 10, WRONG_TAG), WRONG_TAG);
    Lower();
}

static VOID ViewAtDispatch(VOID)
{
    OBJECT_ATTRIBUTES Attributes = Kernel();
    LARGE_INTEGER Size = {.QuadPart = 4096};
    SIZE_T ViewSize = 0;
    HANDLE Handle;
    ZwCreateSection(&Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    PVOID Section;
    ObReferenceObjectByHandle(Handle, 0, NULL, KernelMode, &Section, NULL);
    Raise();
    PVOID View;
    MmMapViewInSystemSpace(Section, &View, &ViewSize);
    Lower();
    MmUnmapViewInSystemSpace(View);
    ObDereferenceObject(Section);
    ZwClose(Handle);
}

static VOID LowerUpwards(VOID)
{
    KeLowerIrql(DISPATCH_LEVEL);
    KeLowerIrql(PASSIVE_LEVEL);
}

static VOID AtDpcLevelBelow(VOID)
{
    KeAcquireSpinLockAtDpcLevel(&First);
    Raise();
    KeReleaseSpinLockFromDpcLevel(&First);
    Lower();
}

static VOID ReturnRaised(VOID)
{
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    Raise();
    SimGuardEnd(&Guard, "a handler", NULL);
}

/* ---- Locks */

static VOID LowerWithLock(VOID)
{
    KeAcquireSpinLock(&First, &Old);
    KeLowerIrql(PASSIVE_LEVEL);
    Raise();
    KeReleaseSpinLock(&First, PASSIVE_LEVEL);
}

static VOID ReleaseFree(VOID)
{
    Raise();
    KeReleaseSpinLock(&First, PASSIVE_LEVEL);
}

static VOID ReleaseCrossed(VOID)
{
    Raise();
    KeAcquireSpinLockAtDpcLevel(&First);
    KeAcquireSpinLockAtDpcLevel(&Second);
    KeReleaseSpinLockFromDpcLevel(&First);
    KeReleaseSpinLockFromDpcLevel(&Second);
    Lower();
}

static VOID TakeTwice(VOID)
{
    KeAcquireSpinLock(&First, &Old);
    KeAcquireSpinLockAtDpcLevel(&First);
}

static VOID TakeTwiceShared(VOID)
{
    static EX_SPIN_LOCK Lock;
    ExAcquireSpinLockShared(&Lock);
    ExAcquireSpinLockExclusiveAtDpcLevel(&Lock);
}

static ERESOURCE *MakeResource(VOID)
{
    ERESOURCE *Resource = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Resource), WRONG_TAG);
    ExInitializeResourceLite(Resource);
    return Resource;
}

static VOID FreeResource(_In_ ERESOURCE *Resource)
{
    ExDeleteResourceLite(Resource);
    ExFreePoolWithTag(Resource, WRONG_TAG);
}

static VOID ResourceOutside(VOID)
{
    ERESOURCE *Resource = MakeResource();
    ExAcquireResourceExclusiveLite(Resource, TRUE);
    ExReleaseResourceLite(Resource);
    FreeResource(Resource);
}

static VOID ResourceNotHeld(VOID)
{
    ERESOURCE *Resource = MakeResource();
    ExReleaseResourceLite(Resource);
    FreeResource(Resource);
}

static VOID ResourceKept(VOID)
{
    ERESOURCE *Resource = MakeResource();
    KeEnterCriticalRegion();
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    ExAcquireResourceExclusiveLite(Resource, TRUE);
    SimGuardEnd(&Guard, "a handler", NULL);
    ExReleaseResourceLite(Resource);
    KeLeaveCriticalRegion();
    FreeResource(Resource);
}

static VOID LeaveUnentered(VOID)
{
    KeLeaveCriticalRegion();
}

static VOID RundownUnheld(VOID)
{
    ExInitializeRundownProtection(&Rundown);
    ExReleaseRundownProtection(&Rundown);
}

static VOID RundownNotDown(VOID)
{
    ExInitializeRundownProtection(&Rundown);
    ExReInitializeRundownProtection(&Rundown);
}

static VOID SemaphoreOver(VOID)
{
    KSEMAPHORE Semaphore;
    KeInitializeSemaphore(&Semaphore, 1, 1);
    KeReleaseSemaphore(&Semaphore, 0, 1, FALSE);
}

static VOID MutexUnowned(VOID)
{
    KMUTEX Mutex;
    KeInitializeMutex(&Mutex, 0);
    KeReleaseMutex(&Mutex, FALSE);
}

/* ---- Objects */

static VOID EventUninitialised(VOID)
{
    KEVENT *Never = calloc(1, sizeof(*Never));
    KeSetEvent(Never, 0, FALSE);
    free(Never);
}

static VOID WaitTooMany(VOID)
{
    PVOID Objects[] = {&Event, &Event, &Event, &Event};
    KeWaitForMultipleObjects(4, Objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL);
}

static VOID CloseNothing(VOID)
{
    ZwClose((HANDLE)0x7ff0);
}

static VOID CloseTwice(VOID)
{
    OBJECT_ATTRIBUTES Attributes = Kernel();
    LARGE_INTEGER Size = {.QuadPart = 4096};
    HANDLE Handle;
    ZwCreateSection(&Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    ZwClose(Handle);
    ZwClose(Handle);
}

static VOID HandleForPrograms(VOID)
{
    LARGE_INTEGER Size = {.QuadPart = 4096};
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    HANDLE Handle;
    ZwCreateSection(&Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    ZwClose(Handle);
}

static VOID AnyType(VOID)
{
    PVOID Object;
    ObReferenceObjectByHandle((HANDLE)4, 0, NULL, UserMode, &Object, NULL);
}

/* ---- Pool and MDLs */

static VOID FreeTwice(VOID)
{
    PVOID Memory = Allocate();
    ExFreePoolWithTag(Memory, WRONG_TAG);
    ExFreePoolWithTag(Memory, WRONG_TAG);
}

static VOID FreeOtherTag(VOID)
{
    ExFreePoolWithTag(Allocate(), 'rehO');
}

static VOID NoTag(VOID)
{
    ExFreePool(ExAllocatePoolWithTag(NonPagedPoolNx, 10, 0));
}

static VOID NoBytes(VOID)
{
    ExAllocatePoolWithTag(NonPagedPoolNx, 0, WRONG_TAG);
}

static VOID Executable(VOID)
{
    ExFreePool(ExAllocatePoolWithTag(NonPagedPool, 10, WRONG_TAG));
}

static VOID MdlOfStack(VOID)
{
    UCHAR Bytes[10];
    MDL *Mdl = IoAllocateMdl(Bytes, sizeof(Bytes), FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(Mdl);
    IoFreeMdl(Mdl);
}

static VOID MapUnlocked(VOID)
{
    MDL *Mdl = IoAllocateMdl((PVOID)0x10000, 10, FALSE, FALSE, NULL);
    LabCheck(!MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority), "pages that are not locked are mapped");
    IoFreeMdl(Mdl);
}

static VOID UnlockUnlocked(VOID)
{
    MDL *Mdl = IoAllocateMdl((PVOID)0x10000, 10, FALSE, FALSE, NULL);
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
}

static MDL *LockPool(_In_ PVOID Memory)
{
    MDL *Mdl = IoAllocateMdl(Memory, 100, FALSE, FALSE, NULL);
    __try
    {
        MmProbeAndLockPages(Mdl, KernelMode, IoModifyAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        LabFailed(__FILE__, __LINE__, "lock", "0x%x", (unsigned)GetExceptionCode());
    }
    return Mdl;
}

static VOID LockOutsideTry(VOID)
{
    PVOID Memory = Allocate();
    MDL *Mdl = IoAllocateMdl(Memory, 100, FALSE, FALSE, NULL);
    MmProbeAndLockPages(Mdl, KernelMode, IoModifyAccess);
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
    ExFreePoolWithTag(Memory, WRONG_TAG);
}

static VOID MapTwice(VOID)
{
    PVOID Memory = Allocate();
    MDL *Mdl = LockPool(Memory);
    MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
    ExFreePoolWithTag(Memory, WRONG_TAG);
}

static VOID UnmapNothing(VOID)
{
    MmUnmapViewInSystemSpace((PVOID)0x10000);
}

static VOID TouchView(VOID)
{
    OBJECT_ATTRIBUTES Attributes = Kernel();
    LARGE_INTEGER Size = {.QuadPart = 4096};
    SIZE_T ViewSize = 0;
    HANDLE Handle;
    ZwCreateSection(&Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    PVOID Section;
    ObReferenceObjectByHandle(Handle, 0, NULL, KernelMode, &Section, NULL);
    PVOID View;
    MmMapViewInSystemSpace(Section, &View, &ViewSize);
    *(volatile UCHAR *)View = 1;
}

/* Outside __try, and where no __try helps. */
static VOID TouchFreed(VOID)
{
    PEPROCESS Process = SimProcessCreate(SimUser);
    volatile UCHAR *Memory = SimUserMemory(Process, 4096);
    SimUserFree(Process, (PVOID)Memory);
    Memory[0] = 1;
}

static VOID TouchAtDispatch(VOID)
{
    PEPROCESS Process = SimProcessCreate(SimUser);
    volatile UCHAR *Memory = SimUserMemory(Process, 4096);
    SimUserFree(Process, (PVOID)Memory);
    Raise();
    __try
    {
        Memory[0] = 1;
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
    }
}

static VOID RaiseUnhandled(VOID)
{
    ExRaiseStatus(STATUS_ACCESS_VIOLATION);
}

static VOID BugCheck(VOID)
{
    KeBugCheckEx(1, 2, 3, 4, 5);
}

static VOID DereferenceNothing(VOID)
{
    UCHAR *Memory = calloc(1, 4096);
    ObDereferenceObject(Memory + 1024);
}

static VOID EndForeignThread(VOID)
{
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID ResourceUninitialised(VOID)
{
    ERESOURCE Resource = {0};
    ExReleaseResourceLite(&Resource);
}

static VOID NoStackLeft(VOID)
{
    IRP *Irp = IoAllocateIrp(1, FALSE);
    IoSetNextIrpStackLocation(Irp);
    IoCallDriver(NULL, Irp);
}

/* ---- Requests: the function in the code says what the driver does wrong. */

#define WRONG_CODE(Function) CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (Function), METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef enum _WRONG_REQUEST
{
    RequestNotCompleted,
    RequestCompletedTwice,
    RequestStatusDiffers,
    RequestTooMuch,
    RequestPendingCompleted,
    RequestLockKept,
    RequestCancelKept
} WRONG_REQUEST;

static VOID Cancel(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
}

static NTSTATUS WrongDispatch(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG Function = (Stack->Parameters.DeviceIoControl.IoControlCode >> 2 & 0xfff) - 0x800;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    if (Stack->MajorFunction == IRP_MJ_DEVICE_CONTROL)
    {
        switch (Function)
        {
        case RequestNotCompleted:
            return STATUS_SUCCESS;
        case RequestCompletedTwice:
            IoCompleteRequest(Irp, 0);
            break;
        case RequestStatusDiffers:
            IoCompleteRequest(Irp, 0);
            return STATUS_UNSUCCESSFUL;
        case RequestTooMuch:
            Irp->IoStatus.Information = 1000;
            break;
        case RequestPendingCompleted:
            IoMarkIrpPending(Irp);
            break;
        case RequestLockKept:
            KeEnterCriticalRegion();
            break;
        case RequestCancelKept:
            IoSetCancelRoutine(Irp, Cancel);
            break;
        default:
            break;
        }
    }
    IoCompleteRequest(Irp, 0);
    return STATUS_SUCCESS;
}

static VOID WrongUnload(_In_ DRIVER_OBJECT *Driver)
{
}

static NTSTATUS WrongEntry(_In_ DRIVER_OBJECT *Driver, _In_ UNICODE_STRING *RegistryPath)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\Wrong");
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\Wrong");
    DEVICE_OBJECT *Device;
    NTSTATUS Status = IoCreateDevice(Driver, 0, &Name, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    if (!NT_SUCCESS(Status))
        return Status;
    for (ULONG Major = 0; Major <= IRP_MJ_MAXIMUM_FUNCTION; Major++)
        Driver->MajorFunction[Major] = WrongDispatch;
    Driver->DriverUnload = WrongUnload;
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return IoCreateSymbolicLink(&Link, &Name);
}

static HANDLE WrongFile;

static VOID Request(_In_ ULONG Function)
{
    SimIoControl(Program, WrongFile, WRONG_CODE(Function), NULL, 0, NULL, 0, NULL);
}

static VOID NotCompleted(VOID)
{
    Request(RequestNotCompleted);
}

static VOID CompletedTwice(VOID)
{
    Request(RequestCompletedTwice);
}

static VOID StatusDiffers(VOID)
{
    Request(RequestStatusDiffers);
}

static VOID TooMuch(VOID)
{
    Request(RequestTooMuch);
}

static VOID PendingCompleted(VOID)
{
    Request(RequestPendingCompleted);
}

static VOID CancelKept(VOID)
{
    Request(RequestCancelKept);
}

static VOID RegionKept(VOID)
{
    Request(RequestLockKept);
    KeLeaveCriticalRegion();
}

/* ---- */

static const RULE_CASE Cases[] = {
    {"Irql", WaitAtDispatch},
    {"Irql", HandleAtDispatch},
    {"Irql", RundownAtDispatch},
    {"Irql", PagedPoolAtDispatch},
    {"Irql", ViewAtDispatch},
    {"Irql", LowerUpwards},
    {"Irql", AtDpcLevelBelow},
    {"IrqlReturn", ReturnRaised},
    {"SpinLock", LowerWithLock},
    {"SpinLockRelease", ReleaseFree},
    {"SpinLockOrder", ReleaseCrossed},
    {"CriticalRegions", ResourceOutside},
    {"CriticalRegions", LeaveUnentered},
    {"CriticalRegions", RegionKept},
    {"Resource", ResourceNotHeld},
    {"ResourceRelease", ResourceKept},
    {"Rundown", RundownUnheld},
    {"Rundown", RundownNotDown},
    {"Semaphore", SemaphoreOver},
    {"Mutex", MutexUnowned},
    {"Dispatcher", EventUninitialised},
    {"Wait", WaitTooMany},
    {"Handle", CloseNothing},
    {"Handle", CloseTwice},
    {"KernelHandle", HandleForPrograms},
    {"ObjectType", AnyType},
    {"PoolFree", FreeTwice},
    {"PoolTag", FreeOtherTag},
    {"PoolTag", NoTag},
    {"PoolSize", NoBytes},
    {"PoolNx", Executable},
    {"Mdl", MdlOfStack},
    {"Mdl", MapUnlocked},
    {"Mdl", UnlockUnlocked},
    {"Mdl", MapTwice},
    {"ProbeInTry", LockOutsideTry},
    {"SystemView", UnmapNothing},
    {"IrpCompletion", NotCompleted},
    {"DoubleCompletion", CompletedTwice},
    {"IrpStatus", StatusDiffers},
    {"IrpInformation", TooMuch},
    {"PendedCompleted", PendingCompleted},
    {"IrpCancel", CancelKept},
};

static const RULE_CASE Fatal[] = {
    {"SpinLock", TakeTwice},
    {"SpinLock", TakeTwiceShared},
    {"SEGV", TouchView}, /* the sanitizer's word */
    {"Exception", RaiseUnhandled},
    {"BugCheck", BugCheck},
    {"Object", DereferenceNothing},
    {"SystemThread", EndForeignThread},
    {"Resource", ResourceUninitialised},
    {"IrpStack", NoStackLeft},
    {"SEGV", TouchFreed},
    {"SEGV", TouchAtDispatch},
};

static VOID Try(_In_ const RULE_CASE *Case)
{
    SimExpect(Case->Rule);
    Case->Break();
    ULONG Fired = SimExpect(NULL);
    LabCheck(Fired > 0, "rule %s did not fire", Case->Rule);
    LabOperations(1);
}

/* The child's last words must name the rule. */
static VOID TryApart(_In_ const RULE_CASE *Case)
{
    CHAR Words[4096] = "";
    int Status = 0;
    ssize_t Used = 0;
    int Pipe[2];
    LabEqual(pipe(Pipe), 0);
    pid_t Child = fork();
    if (Child == 0)
    {
        alarm(20);
        dup2(Pipe[1], 2);
        Case->Break();
        _exit(0);
    }
    close(Pipe[1]);
    ssize_t Got;
    while ((Got = read(Pipe[0], Words + Used, sizeof(Words) - 8 - (size_t)Used)) > 0)
        Used += Got;
    close(Pipe[0]);
    waitpid(Child, &Status, 0);
    Words[Used] = 0;
    if (WIFSIGNALED(Status) && WTERMSIG(Status) == SIGSEGV)
        strcat(Words, "SEGV"); /* built without sanitizers, it has no words */
    LabCheck(!WIFEXITED(Status) || WEXITSTATUS(Status) != 0, "%s went unnoticed", Case->Rule);
    LabCheck(strstr(Words, Case->Rule) != NULL, "%s is not named in: %.200s", Case->Rule, Words);
    LabOperations(1);
}

VOID RulesFire(VOID)
{
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\Wrong");
    SIZE_T Count = ARRAYSIZE(Cases) + ARRAYSIZE(Fatal);
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    for (const RULE_CASE *Case = RulesLeft; Case->Rule; Case++)
    {
        Try(Case);
        Count++;
    }
    for (const RULE_CASE *Case = RulesPrograms; Case->Rule; Case++)
    {
        Try(Case);
        Count++;
    }
    for (ULONG I = 0; I < ARRAYSIZE(Fatal); I++)
        TryApart(&Fatal[I]);
    DRIVER_OBJECT *Driver;
    LabEqual(SimLoadDriver(WrongEntry, L"wrong", &Driver), STATUS_SUCCESS);
    Program = SimProcessCreate(SimSystem);
    LabEqual(SimOpen(Program, L"\\\\.\\Wrong", GENERIC_ALL, &WrongFile), STATUS_SUCCESS);
    for (ULONG I = 0; I < ARRAYSIZE(Cases); I++)
        Try(&Cases[I]);
    SimProcessDelete(Program);
    IoDeleteSymbolicLink(&Link);
    IoDeleteDevice(Driver->DeviceObject);
    LabEqual(SimUnloadDriver(Driver), STATUS_SUCCESS);
    printf("rules: %zu ways to break a rule of the kernel's, all named\n", Count);
}
