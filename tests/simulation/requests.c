/* SPDX-License-Identifier: MIT */
/*
 * What drivers of the older manner ask of the kernel, tried with a small one of the test's own: requests of all four
 * methods on a program's own memory, pages locked and mapped both ways, memory that is freed meanwhile, programs that end
 * with a request pending, a device opened by its interface, and who has it open. What it must not do: rules_programs.c.
 */
#include "tests/simulation/lab.h"

SCENARIO RequestMethods, ProgramMemory, PendingAtDeath, OpenedByInterface, DescriptorStrings, WhoHasItOpen,
    SystemRoutines, ReadersAndWriters;

#define CODE(Function, Method) CTL_CODE(FILE_DEVICE_NETWORK, 0x800 + (Function), Method, FILE_ANY_ACCESS)

#define CODE_BUFFERED  CODE(1, METHOD_BUFFERED)
#define CODE_IN        CODE(1, METHOD_IN_DIRECT)
#define CODE_OUT       CODE(1, METHOD_OUT_DIRECT)
#define CODE_NEITHER   CODE(1, METHOD_NEITHER)
#define CODE_MAP       CODE(2, METHOD_NEITHER)
#define CODE_UNMAP     CODE(3, METHOD_NEITHER)
#define CODE_PEND      CODE(4, METHOD_BUFFERED)
#define CODE_IS_32_BIT CODE(5, METHOD_BUFFERED)
#define BYTES          10000

static const GUID Class = {0x5a1d0c77, 0x1f2e, 0x4c11, {1, 2, 3, 4, 5, 6, 7, 8}};

/* ---- The driver */

typedef struct _FDO
{
    DEVICE_OBJECT *Lower;
    UNICODE_STRING Link;
} FDO;

static MDL *Locked; /* CODE_MAP: pages of the program's */
static PUCHAR Mapped;
static PVOID MappedBack; /* the same pages, in the program again */
static volatile LONG Pended, Cancelled;

static NTSTATUS Complete(_Inout_ IRP *Irp, _In_ NTSTATUS Status, _In_ ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

/* What comes in goes out, each byte plus one. */
static VOID Copy(_Out_ PUCHAR To, _In_ const UCHAR *From, _In_ ULONG Length)
{
    for (ULONG I = 0; I < Length; I++)
        To[I] = (UCHAR)(From[I] + 1);
}

static NTSTATUS CopyNeither(_In_ IRP *Irp, _In_ const IO_STACK_LOCATION *Stack, _In_ ULONG Length)
{
    __try
    {
        ProbeForRead(Stack->Parameters.DeviceIoControl.Type3InputBuffer, Length, 1);
        ProbeForWrite(Irp->UserBuffer, Length, 1);
        Copy(Irp->UserBuffer, Stack->Parameters.DeviceIoControl.Type3InputBuffer, Length);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

/* Locks the program's output, maps it here, and into the program a second time. */
static NTSTATUS Map(_In_ IRP *Irp, _In_ ULONG Length)
{
    MDL *Mdl = IoAllocateMdl(Irp->UserBuffer, Length, FALSE, FALSE, NULL);
    __try
    {
        MmProbeAndLockPages(Mdl, UserMode, IoModifyAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        IoFreeMdl(Mdl);
        return GetExceptionCode();
    }
    Locked = Mdl;
    Mapped = MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    __try
    {
        MappedBack = MmMapLockedPagesSpecifyCache(Mdl, UserMode, MmCached, NULL, FALSE, NormalPagePriority);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

static VOID Unmap(VOID)
{
    MmUnmapLockedPages(MappedBack, Locked);
    MmUnlockPages(Locked);
    IoFreeMdl(Locked);
    Locked = NULL;
}

static VOID Cancel(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    InterlockedIncrement(&Cancelled);
    Complete(Irp, STATUS_CANCELLED, 0);
}

static NTSTATUS DispatchControl(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    IO_STACK_LOCATION *Stack = IoGetCurrentIrpStackLocation(Irp);
    ULONG Out = Stack->Parameters.DeviceIoControl.OutputBufferLength;
    ULONG Length = min(Out, Stack->Parameters.DeviceIoControl.InputBufferLength);
    PUCHAR System = Irp->AssociatedIrp.SystemBuffer, Second;
    NTSTATUS Status;
    ULONG Code;
    switch (Code = Stack->Parameters.DeviceIoControl.IoControlCode)
    {
    case CODE_BUFFERED:
        Copy(System, System, Length);
        return Complete(Irp, STATUS_SUCCESS, Length);
    case CODE_IN:
    case CODE_OUT:
        Second = Irp->MdlAddress ? MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority) : NULL;
        if (!Second)
            return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES, 0);
        Copy(Code == CODE_IN ? System : Second, Code == CODE_IN ? Second : System, Length);
        return Complete(Irp, STATUS_SUCCESS, Code == CODE_IN ? System[Length - 1] : Length);
    case CODE_NEITHER:
        Status = CopyNeither(Irp, Stack, Length);
        return Complete(Irp, Status, NT_SUCCESS(Status) ? Length : 0);
    case CODE_MAP:
        return Complete(Irp, Map(Irp, Out), 0);
    case CODE_UNMAP:
        Unmap();
        return Complete(Irp, STATUS_SUCCESS, 0);
    case CODE_PEND:
        IoMarkIrpPending(Irp);
        IoSetCancelRoutine(Irp, Cancel);
        InterlockedIncrement(&Pended);
        return STATUS_PENDING;
    case CODE_IS_32_BIT:
        return Complete(Irp, IoIs32bitProcess(Irp) ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED, 0);
    default:
        return Complete(Irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

static NTSTATUS DispatchFile(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    return Complete(Irp, STATUS_SUCCESS, 0);
}

static NTSTATUS DispatchPnp(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    FDO *Fdo = Device->DeviceExtension;
    UCHAR Minor = IoGetCurrentIrpStackLocation(Irp)->MinorFunction;
    if (Minor == IRP_MN_START_DEVICE || Minor == IRP_MN_SURPRISE_REMOVAL)
        IoSetDeviceInterfaceState(&Fdo->Link, Minor == IRP_MN_START_DEVICE);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoSkipCurrentIrpStackLocation(Irp);
    NTSTATUS Status = IoCallDriver(Fdo->Lower, Irp);
    if (Minor == IRP_MN_REMOVE_DEVICE)
    {
        IoDetachDevice(Fdo->Lower);
        RtlFreeUnicodeString(&Fdo->Link);
        IoDeleteDevice(Device);
    }
    return Status;
}

static NTSTATUS AddDevice(_In_ DRIVER_OBJECT *Driver, _In_ DEVICE_OBJECT *Pdo)
{
    DEVICE_OBJECT *Device;
    LabEqual(IoCreateDevice(Driver, sizeof(FDO), NULL, FILE_DEVICE_NETWORK, 0, FALSE, &Device), STATUS_SUCCESS);
    FDO *Fdo = Device->DeviceExtension;
    Fdo->Lower = IoAttachDeviceToDeviceStack(Device, Pdo);
    LabEqual(IoRegisterDeviceInterface(Pdo, &Class, NULL, &Fdo->Link), STATUS_SUCCESS);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID Unload(_In_ DRIVER_OBJECT *Driver)
{
}

static NTSTATUS Entry(_In_ DRIVER_OBJECT *Driver, _In_ UNICODE_STRING *RegistryPath)
{
    Driver->MajorFunction[IRP_MJ_CREATE] = Driver->MajorFunction[IRP_MJ_CLEANUP] = Driver->MajorFunction[IRP_MJ_CLOSE] =
        DispatchFile;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = DispatchControl;
    Driver->MajorFunction[IRP_MJ_PNP] = DispatchPnp;
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    return STATUS_SUCCESS;
}

/* ---- The program */

typedef struct _OLDER
{
    DRIVER_OBJECT *Driver;
    DEVICE_OBJECT *Pdo;
    PEPROCESS Process;
    HANDLE File;
    WCHAR Path[80];
} OLDER;

static VOID Begin(_Out_ OLDER *Older)
{
    memset(Older, 0, sizeof(*Older));
    LabEqual(SimLoadDriver(Entry, L"older", &Older->Driver), STATUS_SUCCESS);
    LabEqual(SimAddDevice(Older->Driver, NULL, 0, &Older->Pdo), STATUS_SUCCESS);
    LabEqual(SimDeviceInterface(Older->Pdo, &Class, Older->Path), STATUS_OBJECT_NAME_NOT_FOUND); /* not enabled yet */
    LabEqual(SimPnp(Older->Pdo, IRP_MN_START_DEVICE), STATUS_SUCCESS);
    LabEqual(SimDeviceInterface(Older->Pdo, &Class, Older->Path), STATUS_SUCCESS);
    Older->Process = SimProcessCreate(SimAdministrator);
    LabEqual(SimOpen(Older->Process, Older->Path, GENERIC_READ | GENERIC_WRITE, &Older->File), STATUS_SUCCESS);
}

static VOID End(_Inout_ OLDER *Older)
{
    SimProcessDelete(Older->Process);
    LabEqual(SimPnp(Older->Pdo, IRP_MN_REMOVE_DEVICE), STATUS_SUCCESS);
    SimDeleteDevice(Older->Pdo);
    LabEqual(SimUnloadDriver(Older->Driver), STATUS_SUCCESS);
}

static NTSTATUS Ask(_In_ OLDER *Older, _In_ ULONG Code, _In_opt_ PVOID Input, _In_opt_ PVOID Output, _In_ ULONG Length,
                    _Out_opt_ ULONG *Returned)
{
    LabOperations(1);
    return SimIoControl(Older->Process, Older->File, Code, Input, Input ? Length : 0, Output, Output ? Length : 0,
                        Returned);
}

VOID RequestMethods(VOID)
{
    static const ULONG Codes[] = {CODE_BUFFERED, CODE_OUT, CODE_NEITHER};
    OLDER Older;
    Begin(&Older);
    PUCHAR Input = SimUserMemory(Older.Process, BYTES);
    PUCHAR Output = SimUserMemory(Older.Process, BYTES);
    ULONG Returned;
    for (ULONG I = 0; I < ARRAYSIZE(Codes); I++)
    {
        for (ULONG Length = 1; Length <= BYTES; Length += 1 + Length / 3)
        {
            memset(Output, 0, BYTES);
            for (ULONG J = 0; J < Length; J++)
                Input[J] = (UCHAR)(J * 7 + Length);
            LabEqual(Ask(&Older, Codes[I], Input, Output, Length, &Returned), STATUS_SUCCESS);
            LabEqual(Returned, Length);
            for (ULONG J = 0; J < BYTES; J++)
                LabEqual(Output[J], J < Length ? (UCHAR)(Input[J] + 1) : 0);
        }
    }
    Output[9] = 4; /* METHOD_IN_DIRECT: the second buffer is what the driver reads */
    LabEqual(Ask(&Older, CODE_IN, Input, Output, 10, &Returned), STATUS_SUCCESS);
    LabEqual(Returned, 5);
    End(&Older);
}

/* No method may be fooled by memory that is freed, never was, or is another program's. */
VOID ProgramMemory(VOID)
{
    PEPROCESS Other = SimProcessCreate(SimUser);
    PUCHAR Theirs = SimUserMemory(Other, BYTES);
    static UCHAR Kernel[BYTES];
    OLDER Older;
    Begin(&Older);
    PUCHAR Input = SimUserMemory(Older.Process, BYTES);
    PUCHAR Freed = SimUserMemory(Older.Process, BYTES);
    SimUserFree(Older.Process, Freed);
    for (ULONG I = 0; I < 3; I++)
    {
        PVOID Bad = I == 0 ? (PVOID)Freed : I == 1 ? (PVOID)Theirs : (PVOID)Kernel;
        LabEqual(Ask(&Older, CODE_OUT, Input, Bad, 100, NULL), STATUS_ACCESS_VIOLATION);
        LabEqual(Ask(&Older, CODE_IN, Input, Bad, 100, NULL), STATUS_ACCESS_VIOLATION);
        LabEqual(Ask(&Older, CODE_NEITHER, Input, Bad, 100, NULL), STATUS_ACCESS_VIOLATION);
        LabEqual(Ask(&Older, CODE_NEITHER, Bad, Input, 100, NULL), STATUS_ACCESS_VIOLATION);
        LabEqual(Ask(&Older, CODE_MAP, NULL, Bad, 100, NULL), STATUS_ACCESS_VIOLATION);
    }
    LabEqual(Ask(&Older, CODE_BUFFERED, Freed, Input, 100, NULL), STATUS_ACCESS_VIOLATION);
    LabEqual(Ask(&Older, CODE_BUFFERED, Input, Freed, 100, NULL), STATUS_ACCESS_VIOLATION);
    /* Longer than it is: the last page is not its own. */
    LabEqual(Ask(&Older, CODE_OUT, Input, Input, 3 * PAGE_SIZE + 1, NULL), STATUS_ACCESS_VIOLATION);

    /* What it may only read, a driver may not be made to write. */
    PUCHAR Output = SimUserMemory(Older.Process, BYTES);
    SimUserReadOnly(Older.Process, Output);
    LabEqual(Ask(&Older, CODE_OUT, Input, Output, 100, NULL), STATUS_ACCESS_VIOLATION);
    LabEqual(Ask(&Older, CODE_NEITHER, Input, Output, 100, NULL), STATUS_ACCESS_VIOLATION);
    LabEqual(Ask(&Older, CODE_MAP, NULL, Output, 100, NULL), STATUS_ACCESS_VIOLATION);
    LabEqual(Ask(&Older, CODE_BUFFERED, Input, Output, 100, NULL), STATUS_ACCESS_VIOLATION);
    LabEqual(Ask(&Older, CODE_BUFFERED, Output, Input, 100, NULL), STATUS_SUCCESS);
    LabEqual(Ask(&Older, CODE_IN, Input, Output, 100, NULL), STATUS_SUCCESS);

    /* Both sides see what the other writes; pages that are freed stay until they are unlocked. */
    Output = SimUserMemory(Older.Process, BYTES);
    LabEqual(Ask(&Older, CODE_MAP, NULL, Output + 100, BYTES - 100, NULL), STATUS_SUCCESS);
    Output[100] = 1;
    LabEqual(Mapped[0], 1);
    Mapped[BYTES - 101] = 2;
    LabEqual(Output[BYTES - 1], 2);
    LabEqual(((PUCHAR)MappedBack)[BYTES - 101], 2);
    SimUserFree(Older.Process, Output);
    LabEqual(Mapped[BYTES - 101], 2);
    LabEqual(Ask(&Older, CODE_UNMAP, NULL, NULL, 0, NULL), STATUS_SUCCESS);

    LabEqual(Ask(&Older, CODE_IS_32_BIT, NULL, NULL, 0, NULL), STATUS_NOT_SUPPORTED);
    SimProcessMake32Bit(Older.Process);
    LabEqual(Ask(&Older, CODE_IS_32_BIT, NULL, NULL, 0, NULL), STATUS_SUCCESS);
    SimProcessDelete(Other);
    End(&Older);
}

static void *Pend(void *Context)
{
    LabEqual(Ask(Context, CODE_PEND, NULL, NULL, 0, NULL), STATUS_CANCELLED);
    return NULL;
}

VOID PendingAtDeath(VOID)
{
    OLDER Older;
    Begin(&Older);
    InterlockedExchange(&Pended, 0);
    InterlockedExchange(&Cancelled, 0);
    LAB_THREAD Threads[3];
    for (ULONG I = 0; I < ARRAYSIZE(Threads); I++)
        Threads[I] = LabStart(Pend, &Older);
    LabUntil(ReadAcquire(&Pended) == ARRAYSIZE(Threads));
    LabEqual(SimPnp(Older.Pdo, IRP_MN_REMOVE_DEVICE), STATUS_DEVICE_BUSY); /* it is open */
    SimProcessKill(Older.Process);
    for (ULONG I = 0; I < ARRAYSIZE(Threads); I++)
        LabJoin(Threads[I]);
    LabEqual(ReadAcquire(&Cancelled), ARRAYSIZE(Threads));
    End(&Older);
}

/* Who may open it is said by the device's own descriptor, and by default SYSTEM and administrators may. */
VOID OpenedByInterface(VOID)
{
    static const SIM_ACCOUNT Accounts[] = {SimSystem, SimAdministrator, SimUser};
    OLDER Older;
    Begin(&Older);
    HANDLE File;
    for (ULONG I = 0; I < ARRAYSIZE(Accounts); I++)
    {
        PEPROCESS Process = SimProcessCreate(Accounts[I]);
        LabEqual(SimOpen(Process, Older.Path, GENERIC_READ, &File),
                 Accounts[I] == SimUser ? STATUS_ACCESS_DENIED : STATUS_SUCCESS);
        SimProcessDelete(Process);
    }
    LabEqual(SimCloseHandle(Older.Process, Older.File), STATUS_SUCCESS);
    LabEqual(SimPnp(Older.Pdo, IRP_MN_SURPRISE_REMOVAL), STATUS_SUCCESS);
    LabEqual(SimOpen(Older.Process, Older.Path, GENERIC_READ, &File), STATUS_OBJECT_NAME_NOT_FOUND);
    End(&Older);
}

/* What NdisRegisterDeviceEx makes of a string, asked for reading and for writing: who gets in. */
static const struct
{
    PCWSTR Text;
    BOOLEAN Valid, Reads[3], Writes[3]; /* SYSTEM, administrator, user */
} Strings[] = {
    {L"D:P(A;;GA;;;SY)(A;;GA;;;BA)", TRUE, {TRUE, TRUE, FALSE}, {TRUE, TRUE, FALSE}},
    {L"D:P(A;;GA;;;SY)", TRUE, {TRUE, FALSE, FALSE}, {TRUE, FALSE, FALSE}},
    {L"D:(A;;GR;;;WD)", TRUE, {TRUE, TRUE, TRUE}, {FALSE, FALSE, FALSE}},
    {L"D:(D;;0x2;;;BA)(A;;GRGW;;;AU)", TRUE, {TRUE, TRUE, TRUE}, {FALSE, FALSE, TRUE}},
    {L"D:P(A;;0x12019f;;;S-1-5-21-1-2-3-1001)", TRUE, {FALSE, FALSE, TRUE}, {FALSE, FALSE, TRUE}},
    {L"D:P", TRUE, {FALSE, FALSE, FALSE}, {FALSE, FALSE, FALSE}},
    {.Text = L""},
    {.Text = L"D:P(A;;GA;;;SY"},
    {.Text = L"D:P(A;;GA;;;SY)x"},
    {.Text = L"D:P(A;;;;;SY)"},
    {.Text = L"D:P(A;;GA;;;XX)"},
    {.Text = L"D:P(A;OI;GA;;;SY)"},
    {.Text = L"O:SYD:P(A;;GA;;;SY)"},
    {.Text = L"D:P(A;;GA;;;S-1-5-)"},
    {.Text = L"D:P(A;;GA;;;S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16)"},
    {.Text = L"D:P(A;;0x1ffffffff;;;SY)"},
};

VOID DescriptorStrings(VOID)
{
    static const SIM_ACCOUNT Accounts[] = {SimSystem, SimAdministrator, SimUser};
    OLDER Older;
    Begin(&Older);
    HANDLE File;
    for (ULONG I = 0; I < ARRAYSIZE(Strings); I++)
    {
        UNICODE_STRING Text;
        RtlInitUnicodeString(&Text, Strings[I].Text);
        LabEqual(HostSddlValid(&Text), Strings[I].Valid);
        LabEqual(HostSddlApply(Older.Pdo, &Text), Strings[I].Valid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER);
        for (ULONG J = 0; J < ARRAYSIZE(Accounts) && Strings[I].Valid; J++)
        {
            PEPROCESS Process = SimProcessCreate(Accounts[J]);
            LabEqual(NT_SUCCESS(SimOpen(Process, Older.Path, GENERIC_READ, &File)), Strings[I].Reads[J]);
            LabEqual(NT_SUCCESS(SimOpen(Process, Older.Path, GENERIC_WRITE, &File)), Strings[I].Writes[J]);
            SimProcessDelete(Process);
        }
        LabOperations(1);
    }
    End(&Older);
}

/* As a driver finds out who has its device open: the handles of all processes, and those whose object is its file. */
VOID WhoHasItOpen(VOID)
{
    ULONG Found = 0;
    OLDER Older;
    Begin(&Older);
    ULONG Needed;
    LabEqual(ZwQuerySystemInformation(64, NULL, 0, &Needed), STATUS_INFO_LENGTH_MISMATCH);
    PEPROCESS Process;
    PVOID Object;
    struct
    {
        ULONG_PTR Count, Reserved;
        struct
        {
            PVOID Object;
            ULONG_PTR Process, Handle;
            ULONG Access;
            USHORT BackTrace, Type;
            ULONG Attributes, Reserved;
        } Handles[64];
    } List;
    LabCheck(Needed > 16 && Needed <= sizeof(List), "%u bytes", Needed);
    LabEqual(ZwQuerySystemInformation(64, &List, sizeof(List), NULL), STATUS_SUCCESS);
    for (ULONG I = 0; I < List.Count; I++)
    {
        FILE_OBJECT *File = List.Handles[I].Object;
        if (List.Handles[I].Process != (ULONG_PTR)PsGetProcessId(Older.Process))
            continue;
        LabEqual(List.Handles[I].Handle, (ULONG_PTR)Older.File);
        LabCheck(File->DeviceObject == Older.Pdo, "another device");
        LabEqual(PsLookupProcessByProcessId((HANDLE)List.Handles[I].Process, &Process), STATUS_SUCCESS);
        KAPC_STATE State;
        KeStackAttachProcess(Process, &State);
        LabEqual(ObReferenceObjectByHandle(Older.File, 0, *IoFileObjectType, UserMode, &Object, NULL), STATUS_SUCCESS);
        LabEqual(ObCloseHandle(Older.File, UserMode), STATUS_SUCCESS); /* it takes the program's handle away */
        KeUnstackDetachProcess(&State);
        ObDereferenceObject(Process);
        LabCheck(Object == File, "another object");
        ObDereferenceObject(Object);
        Found++;
    }
    LabEqual(Found, 1);
    LabEqual(Ask(&Older, CODE_BUFFERED, NULL, NULL, 0, NULL), STATUS_INVALID_HANDLE);
    End(&Older);
}

VOID SystemRoutines(VOID)
{
    UNICODE_STRING Known = RTL_CONSTANT_STRING(L"KeSetEvent"), Unknown = RTL_CONSTANT_STRING(L"KeSetEvents");
    LUID Debug = {.LowPart = 20}, ChangeNotify = {.LowPart = 23};
    PEPROCESS User = SimProcessCreate(SimUser);
    LARGE_INTEGER Frequency, Before = KeQueryPerformanceCounter(&Frequency);
    LabCheck(MmGetSystemRoutineAddress(&Known) == (PVOID)KeSetEvent, "another function");
    LabCheck(MmGetSystemRoutineAddress(&Unknown) == NULL, "a function that is not there");
    LabEqual(SeSinglePrivilegeCheck(Debug, UserMode), TRUE);
    KAPC_STATE State;
    KeStackAttachProcess(User, &State);
    LabEqual(SeSinglePrivilegeCheck(Debug, UserMode), FALSE);
    LabEqual(SeSinglePrivilegeCheck(ChangeNotify, UserMode), TRUE);
    KeUnstackDetachProcess(&State);
    SimProcessDelete(User);
    LabEqual(KeSetPriorityThread(KeGetCurrentThread(), 10), 8);
    LabEqual(KeSetPriorityThread(KeGetCurrentThread(), 8), 10);
    ZwYieldExecution();
    LabCheck(KeQueryPerformanceCounter(NULL).QuadPart >= Before.QuadPart && Frequency.QuadPart > 0, "time goes back");
}

/* ---- Locks that readers share: none of them sees a writer's work half done, and starving readers pass a writer. */

#define LOCK_THREADS 3

static struct
{
    ERESOURCE Resource;
    EX_SPIN_LOCK Spin;
    KSPIN_LOCK Queued;
    ULONG64 Pair[2], SpinPair[2], QueuedPair[2];
    volatile LONG Torn;
} *Shared;

static VOID Write(_Inout_ ULONG64 *Pair)
{
    Pair[0]++;
    Pair[1]++;
}

static void *UseLocks(void *Context)
{
    ULONG64 Random = LabSeed() + (ULONG_PTR)Context;
    for (ULONG I = 0; I < 2000; I++)
    {
        ULONG Chance = LabRandom(&Random) % 3;
        KeEnterCriticalRegion();
        if (Chance == 0)
        {
            ExAcquireResourceExclusiveLite(&Shared->Resource, TRUE);
            Write(Shared->Pair);
        }
        else
        {
            Chance == 1 ? ExAcquireResourceSharedLite(&Shared->Resource, TRUE)
                        : ExAcquireSharedStarveExclusive(&Shared->Resource, TRUE);
            InterlockedAdd(&Shared->Torn, Shared->Pair[0] != Shared->Pair[1]);
        }
        ExReleaseResourceLite(&Shared->Resource);
        KeLeaveCriticalRegion();
        KIRQL Irql = Chance == 0 ? ExAcquireSpinLockExclusive(&Shared->Spin) : ExAcquireSpinLockShared(&Shared->Spin);
        if (Chance == 0)
        {
            Write(Shared->SpinPair);
            ExReleaseSpinLockExclusive(&Shared->Spin, Irql);
        }
        else
        {
            InterlockedAdd(&Shared->Torn, Shared->SpinPair[0] != Shared->SpinPair[1]);
            ExReleaseSpinLockShared(&Shared->Spin, Irql);
        }
        KLOCK_QUEUE_HANDLE Handle;
        KeAcquireInStackQueuedSpinLock(&Shared->Queued, &Handle);
        Write(Shared->QueuedPair);
        KeReleaseInStackQueuedSpinLock(&Handle);
    }
    LabOperations(6000);
    return NULL;
}

static void *WaitToWrite(void *Context)
{
    KeEnterCriticalRegion();
    ExAcquireResourceExclusiveLite(&Shared->Resource, TRUE);
    ExReleaseResourceLite(&Shared->Resource);
    KeLeaveCriticalRegion();
    return NULL;
}

static void *ReadPastWriter(void *Context)
{
    KeEnterCriticalRegion();
    LabEqual(ExAcquireResourceExclusiveLite(&Shared->Resource, FALSE), FALSE);
    LabUntil(!ExAcquireResourceSharedLite(&Shared->Resource, FALSE) ||
             (ExReleaseResourceLite(&Shared->Resource), FALSE));
    LabEqual(ExAcquireSharedStarveExclusive(&Shared->Resource, TRUE), TRUE);
    ExReleaseResourceLite(&Shared->Resource);
    KeLeaveCriticalRegion();
    return NULL;
}

VOID ReadersAndWriters(VOID)
{
    Shared = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Shared), 'derS');
    memset(Shared, 0, sizeof(*Shared));
    LabEqual(ExInitializeResourceLite(&Shared->Resource), STATUS_SUCCESS);
    LAB_THREAD Threads[LOCK_THREADS];
    for (ULONG_PTR I = 0; I < LOCK_THREADS; I++)
        Threads[I] = LabStart(UseLocks, (void *)I);
    for (ULONG I = 0; I < LOCK_THREADS; I++)
        LabJoin(Threads[I]);
    LabEqual(Shared->Torn, 0);
    LabEqual(Shared->QueuedPair[0], LOCK_THREADS * 2000);
    LabEqual(Shared->QueuedPair[1], LOCK_THREADS * 2000);

    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&Shared->Resource, TRUE);
    LAB_THREAD Writer = LabStart(WaitToWrite, NULL); /* from here on readers wait, but those that starve it */
    LabJoin(LabStart(ReadPastWriter, NULL));
    LabEqual(ExIsResourceAcquiredSharedLite(&Shared->Resource), 1);
    ExReleaseResourceLite(&Shared->Resource);
    KeLeaveCriticalRegion();
    LabJoin(Writer);
    ExDeleteResourceLite(&Shared->Resource);
    ExFreePoolWithTag(Shared, 'derS');
}
