/* SPDX-License-Identifier: MIT */
/*
 * Rules about what a driver does with programs: their memory and what is mapped into them, the process it attaches to,
 * their tokens, notices of their coming and going. Each case tidies up after itself.
 */
#include "tests/simulation/rules.h"

static PEPROCESS Program;
static PVOID Memory;

static VOID Attach(_Out_ KAPC_STATE *State)
{
    Program = SimProcessCreate(SimUser);
    Memory = SimUserMemory(Program, 8192);
    KeStackAttachProcess(Program, State);
}

static VOID Detach(_In_ KAPC_STATE *State)
{
    KeUnstackDetachProcess(State);
    SimProcessDelete(Program);
}

static MDL *LockMemory(VOID)
{
    MDL *Mdl = IoAllocateMdl(Memory, 8192, FALSE, FALSE, NULL);
    __try
    {
        MmProbeAndLockPages(Mdl, UserMode, IoModifyAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        LabFailed(__FILE__, __LINE__, "lock", "0x%x", (unsigned)GetExceptionCode());
    }
    return Mdl;
}

static PVOID MapForProgram(_In_ MDL *Mdl)
{
    PVOID volatile Address = NULL;
    __try
    {
        Address = MmMapLockedPagesSpecifyCache(Mdl, UserMode, MmCached, NULL, FALSE, NormalPagePriority);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        LabFailed(__FILE__, __LINE__, "map", "0x%x", (unsigned)GetExceptionCode());
    }
    return Address;
}

static VOID FreeMdl(_In_ MDL *Mdl)
{
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
}

static VOID UnmapElsewhere(VOID)
{
    KAPC_STATE State;
    Attach(&State);
    MDL *Mdl = LockMemory();
    PVOID Address = MapForProgram(Mdl);
    KeUnstackDetachProcess(&State);
    MmUnmapLockedPages(Address, Mdl);
    FreeMdl(Mdl);
    SimProcessDelete(Program);
}

static VOID UnlockMapped(VOID)
{
    KAPC_STATE State;
    Attach(&State);
    MDL *Mdl = LockMemory();
    PVOID Address = MapForProgram(Mdl);
    MmUnlockPages(Mdl);
    MmUnmapLockedPages(Address, Mdl);
    IoFreeMdl(Mdl);
    Detach(&State);
}

/* What is mapped into a program must go before it does. */
static VOID ProgramEndsMapped(VOID)
{
    MDL *Mdl = MmAllocatePagesForMdlEx((PHYSICAL_ADDRESS){0}, (PHYSICAL_ADDRESS){.QuadPart = -1}, (PHYSICAL_ADDRESS){0},
                                       4096, MmCached, 0);
    KAPC_STATE State;
    Attach(&State);
    PVOID Address = MapForProgram(Mdl);
    Detach(&State);
    MmUnmapLockedPages(Address, Mdl);
    MmFreePagesFromMdl(Mdl);
    ExFreePool(Mdl);
}

static VOID PagesKept(VOID)
{
    ExFreePool(MmAllocatePagesForMdlEx((PHYSICAL_ADDRESS){0}, (PHYSICAL_ADDRESS){.QuadPart = -1}, (PHYSICAL_ADDRESS){0},
                                       4096, MmCached, 0));
}

static VOID MapOutsideTry(VOID)
{
    KAPC_STATE State;
    Attach(&State);
    MDL *Mdl = LockMemory();
    MmUnmapLockedPages(MmMapLockedPagesSpecifyCache(Mdl, UserMode, MmCached, NULL, FALSE, NormalPagePriority), Mdl);
    FreeMdl(Mdl);
    Detach(&State);
}

static VOID PartTooLarge(VOID)
{
    KAPC_STATE State;
    Attach(&State);
    MDL *Mdl = LockMemory();
    MDL *Part = IoAllocateMdl(Memory, 100, FALSE, FALSE, NULL);
    IoBuildPartialMdl(Mdl, Part, Memory, 8192);
    IoFreeMdl(Part);
    FreeMdl(Mdl);
    Detach(&State);
}

static VOID DetachUnattached(VOID)
{
    KAPC_STATE State = {.Process = PsGetCurrentProcess()};
    KeUnstackDetachProcess(&State);
}

static VOID ReturnAttached(VOID)
{
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    KAPC_STATE State;
    Attach(&State);
    SimGuardEnd(&Guard, "a handler", NULL);
    Detach(&State);
}

static VOID AttachAtDispatch(VOID)
{
    Program = SimProcessCreate(SimUser);
    KIRQL Irql;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    KAPC_STATE State;
    KeStackAttachProcess(Program, &State);
    KeLowerIrql(Irql);
    Detach(&State);
}

static VOID Noticed(HANDLE Parent, HANDLE Process, BOOLEAN Create)
{
    PsSetCreateProcessNotifyRoutine(Noticed, TRUE);
}

static VOID RemoveWithinNotice(VOID)
{
    PsSetCreateProcessNotifyRoutine(Noticed, FALSE);
    SimProcessDelete(SimProcessCreate(SimUser));
}

static VOID ContextUncaptured(VOID)
{
    SECURITY_SUBJECT_CONTEXT Context = {0};
    SeLockSubjectContext(&Context);
}

static VOID ContextReleasedTwice(VOID)
{
    SECURITY_SUBJECT_CONTEXT Context;
    SeCaptureSubjectContext(&Context);
    SeReleaseSubjectContext(&Context);
    SeReleaseSubjectContext(&Context);
}

static VOID ContextKeptLocked(VOID)
{
    SECURITY_SUBJECT_CONTEXT Context;
    SeCaptureSubjectContext(&Context);
    SeLockSubjectContext(&Context);
    SeReleaseSubjectContext(&Context);
}

static VOID ContextUnlockedTwice(VOID)
{
    SECURITY_SUBJECT_CONTEXT Context;
    SeCaptureSubjectContext(&Context);
    SeUnlockSubjectContext(&Context);
    SeReleaseSubjectContext(&Context);
}

static VOID CheckUnlocked(VOID)
{
    UCHAR Room[64];
    memset(Room, 0, sizeof(Room));
    Room[0] = 1; /* a descriptor without a list: all may do all */
    Room[3] = 0x80;
    SECURITY_SUBJECT_CONTEXT Context;
    SeCaptureSubjectContext(&Context);
    ACCESS_MASK Granted;
    NTSTATUS Status;
    SeAccessCheck(Room, &Context, TRUE, GENERIC_READ, 0, NULL, IoGetFileObjectGenericMapping(), UserMode, &Granted,
                  &Status);
    SeReleaseSubjectContext(&Context);
}

static VOID LeakContext(VOID)
{
    SECURITY_SUBJECT_CONTEXT Context;
    SeCaptureSubjectContext(&Context);
    SimCheckEmpty("a leak");
    SeReleaseSubjectContext(&Context);
}

static VOID UnknownInformation(VOID)
{
    ULONG Length;
    ZwQuerySystemInformation(0, NULL, 0, &Length);
}

static VOID SystemRoutineAtDispatch(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"KeSetEvent");
    KIRQL Irql;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    MmGetSystemRoutineAddress(&Name);
    KeLowerIrql(Irql);
}

static VOID PowerOfNothing(VOID)
{
    static DRIVER_OBJECT Nobody;
    DEVICE_OBJECT *Device;
    IoCreateDevice(&Nobody, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    PoRequestPowerIrp(Device, IRP_MN_SET_POWER, (POWER_STATE){.DeviceState = PowerDeviceUnspecified}, NULL, NULL, NULL);
    IoDeleteDevice(Device);
}

/* A driver that keeps a power request from the bus. */
static DEVICE_OBJECT *Upper;

static NTSTATUS RefusePower(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp)
{
    Irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_UNSUCCESSFUL;
}

static NTSTATUS AddUpper(_In_ DRIVER_OBJECT *Driver, _In_ DEVICE_OBJECT *Pdo)
{
    IoCreateDevice(Driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Upper);
    IoAttachDeviceToDeviceStack(Upper, Pdo);
    return STATUS_SUCCESS;
}

static VOID UnloadUpper(_In_ DRIVER_OBJECT *Driver)
{
}

static NTSTATUS EnterUpper(_In_ DRIVER_OBJECT *Driver, _In_ UNICODE_STRING *RegistryPath)
{
    Driver->MajorFunction[IRP_MJ_POWER] = RefusePower;
    Driver->DriverExtension->AddDevice = AddUpper;
    Driver->DriverUnload = UnloadUpper;
    return STATUS_SUCCESS;
}

static VOID PowerRefused(VOID)
{
    DRIVER_OBJECT *Driver;
    SimLoadDriver(EnterUpper, L"upper", &Driver);
    DEVICE_OBJECT *Pdo;
    SimAddDevice(Driver, NULL, 0, &Pdo);
    SimPower(Pdo, PowerSystemWorking);
    IoDetachDevice(Pdo);
    IoDeleteDevice(Upper);
    SimDeleteDevice(Pdo);
    SimUnloadDriver(Driver);
}

static VOID ConvertUnheld(VOID)
{
    EX_SPIN_LOCK Lock = 0;
    KIRQL Irql;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    ExTryConvertSharedSpinLockExclusive(&Lock);
    KeLowerIrql(Irql);
}

static VOID RequestorOfOwn(VOID)
{
    IRP *Irp = IoAllocateIrp(1, FALSE);
    IoIs32bitProcess(Irp);
    IoFreeIrp(Irp);
}

static VOID PriorityAtDispatch(VOID)
{
    KIRQL Irql;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    KeSetPriorityThread(KeGetCurrentThread(), 8);
    KeLowerIrql(Irql);
}

static VOID ResourcePaged(VOID)
{
    ERESOURCE *Resource = ExAllocatePoolWithTag(PagedPool, sizeof(*Resource), WRONG_TAG);
    ExInitializeResourceLite(Resource);
    ExDeleteResourceLite(Resource);
    ExFreePoolWithTag(Resource, WRONG_TAG);
}

static VOID InterfaceOfNoPdo(VOID)
{
    static const GUID Class = {0x12345678, 0, 0, {0}};
    static DRIVER_OBJECT Nobody;
    DEVICE_OBJECT *Device;
    IoCreateDevice(&Nobody, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    UNICODE_STRING Link;
    IoRegisterDeviceInterface(Device, &Class, NULL, &Link);
    IoDeleteDevice(Device);
}

const RULE_CASE RulesPrograms[] = {
    {"UserMapping", UnmapElsewhere},
    {"UserMapping", UnlockMapped},
    {"ProcessHasLockedPages", ProgramEndsMapped},
    {"Mdl", PagesKept},
    {"ProbeInTry", MapOutsideTry},
    {"Mdl", PartTooLarge},
    {"ProcessAttach", DetachUnattached},
    {"ProcessAttach", ReturnAttached},
    {"Irql", AttachAtDispatch},
    {"ProcessNotify", RemoveWithinNotice},
    {"SubjectContext", ContextUncaptured},
    {"SubjectContext", ContextReleasedTwice},
    {"SubjectContext", ContextKeptLocked},
    {"SubjectContext", ContextUnlockedTwice},
    {"SubjectContext", CheckUnlocked},
    {"Leak_SubjectContext", LeakContext},
    {"SystemInformation", UnknownInformation},
    {"Irql", SystemRoutineAtDispatch},
    {"SpinLock", ConvertUnheld},
    {"IrpRequestor", RequestorOfOwn},
    {"Irql", PriorityAtDispatch},
    {"Resource", ResourcePaged},
    {"PowerIrp", PowerOfNothing},
    {"PowerIrp", PowerRefused},
    {"Pdo", InterfaceOfNoPdo},
    {NULL, NULL},
};
