/* SPDX-License-Identifier: MIT */
/*
 * Rules about what is left behind: pool, MDLs, objects, handles, names, devices, views, requests, timers; and about
 * objects that live longer or shorter than they may. Each case tidies up after itself.
 */
#include "tests/simulation/rules.h"

static VOID LeakPool(VOID)
{
    PVOID Memory = Allocate();
    SimCheckEmpty("a leak");
    ExFreePoolWithTag(Memory, WRONG_TAG);
}

static VOID LeakMdl(VOID)
{
    MDL *Mdl = IoAllocateMdl((PVOID)0x10000, 10, FALSE, FALSE, NULL);
    SimCheckEmpty("a leak");
    IoFreeMdl(Mdl);
}

static VOID LeakLink(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\Leak");
    IoCreateSymbolicLink(&Name, &Name);
    SimCheckEmpty("a leak");
    IoDeleteSymbolicLink(&Name);
}

static VOID LeakObject(VOID)
{
    OBJECT_ATTRIBUTES Attributes = Kernel();
    LARGE_INTEGER Size = {.QuadPart = 4096};
    HANDLE Handle;
    ZwCreateSection(&Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    PVOID Section;
    ObReferenceObjectByHandle(Handle, 0, NULL, KernelMode, &Section, NULL);
    ZwClose(Handle);
    SimCheckEmpty("a leak");
    ObDereferenceObject(Section);
}

static VOID ExpireLate(_In_ PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
}

static VOID LeakTimer(VOID)
{
    static KTIMER Timer;
    static KDPC Dpc;
    KeInitializeTimer(&Timer);
    KeInitializeDpc(&Dpc, ExpireLate, NULL);
    KeSetTimer(&Timer, (LARGE_INTEGER){.QuadPart = -10000000000}, &Dpc);
    SimCheckEmpty("a leak");
    KeCancelTimer(&Timer);
}

static VOID LeakWorkItem(VOID)
{
    PIO_WORKITEM Item = IoAllocateWorkItem(NULL);
    SimCheckEmpty("a leak");
    IoFreeWorkItem(Item);
}

static VOID LeakIrp(VOID)
{
    IRP *Irp = IoAllocateIrp(1, FALSE);
    SimCheckEmpty("a leak");
    IoFreeIrp(Irp);
}

/* A section, mapped in system space. */
static PVOID MapView(_Out_ HANDLE *Handle)
{
    OBJECT_ATTRIBUTES Attributes = Kernel();
    LARGE_INTEGER Size = {.QuadPart = 4096};
    SIZE_T ViewSize = 0;
    PVOID View = NULL;
    ZwCreateSection(Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    PVOID Section;
    ObReferenceObjectByHandle(*Handle, 0, NULL, KernelMode, &Section, NULL);
    MmMapViewInSystemSpace(Section, &View, &ViewSize);
    ObDereferenceObject(Section);
    return View;
}

static MDL *LockView(_In_ PVOID Address, _In_ KPROCESSOR_MODE Mode)
{
    MDL *Mdl = IoAllocateMdl(Address, 100, FALSE, FALSE, NULL);
    __try
    {
        MmProbeAndLockPages(Mdl, Mode, IoModifyAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        LabFailed(__FILE__, __LINE__, "lock", "0x%x", (unsigned)GetExceptionCode());
    }
    return Mdl;
}

static VOID LeakView(VOID)
{
    HANDLE Handle;
    PVOID View = MapView(&Handle);
    ZwClose(Handle);
    SimCheckEmpty("a leak");
    MmUnmapViewInSystemSpace(View);
}

static VOID LeakMapping(VOID)
{
    HANDLE Handle;
    PVOID View = MapView(&Handle);
    MDL *Mdl = LockView(View, KernelMode);
    LabCheck(MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority) != NULL, "no mapping");
    SimCheckEmpty("a leak");
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
    MmUnmapViewInSystemSpace(View);
    ZwClose(Handle);
}

static VOID UnmapLocked(VOID)
{
    HANDLE Handle;
    PVOID View = MapView(&Handle);
    MDL *Mdl = LockView(View, KernelMode);
    MmUnmapViewInSystemSpace(View);
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
    ZwClose(Handle);
}

static VOID LeakHandle(VOID)
{
    OBJECT_ATTRIBUTES Attributes = Kernel();
    LARGE_INTEGER Size = {.QuadPart = 4096};
    HANDLE Handle;
    ZwCreateSection(&Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    HANDLE Again;
    ZwDuplicateObject(NtCurrentProcess(), Handle, NtCurrentProcess(), &Again, 0, OBJ_KERNEL_HANDLE,
                      DUPLICATE_SAME_ACCESS);
    ZwClose(Handle);
    SimCheckEmpty("a leak");
    ZwClose(Again);
}

static VOID ProcessSeen(HANDLE Parent, HANDLE Process, BOOLEAN Create)
{
}

static VOID LeakNotify(VOID)
{
    PsSetCreateProcessNotifyRoutine(ProcessSeen, FALSE);
    SimCheckEmpty("a leak");
    PsSetCreateProcessNotifyRoutine(ProcessSeen, TRUE);
}

static DRIVER_OBJECT Nobody;

static DEVICE_OBJECT *MakeDevice(VOID)
{
    DEVICE_OBJECT *Device;
    IoCreateDevice(&Nobody, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &Device);
    return Device;
}

static VOID LeakDevice(VOID)
{
    DEVICE_OBJECT *Device = MakeDevice();
    SimCheckEmpty("a leak");
    IoDeleteDevice(Device);
}

static VOID DeleteAttached(VOID)
{
    DEVICE_OBJECT *Lower = MakeDevice(), *Upper = MakeDevice();
    IoAttachDeviceToDeviceStack(Upper, Lower);
    IoDeleteDevice(Lower);
    IoDeleteDevice(Upper);
}

static VOID PropertyOfNoPdo(VOID)
{
    DEVICE_OBJECT *Device = MakeDevice();
    DEVPROPKEY Key = {0};
    DEVPROPTYPE Type;
    ULONG Length;
    IoGetDevicePropertyData(Device, &Key, 0, 0, 0, NULL, &Length, &Type);
    IoDeleteDevice(Device);
}

static VOID LockedPagesOfTheDead(VOID)
{
    PEPROCESS Process = SimProcessCreate(SimUser);
    PVOID Memory = SimUserMemory(Process, 4096);
    KAPC_STATE State;
    KeStackAttachProcess(Process, &State);
    MDL *Mdl = LockView(Memory, UserMode);
    KeUnstackDetachProcess(&State);
    SimProcessDelete(Process);
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
}

static VOID FastMutexUnowned(VOID)
{
    FAST_MUTEX Mutex;
    ExInitializeFastMutex(&Mutex);
    Mutex.OldIrql = PASSIVE_LEVEL;
    ExReleaseFastMutex(&Mutex);
}

static VOID KeepRegion(PVOID Context)
{
    KeEnterCriticalRegion();
}

static VOID ThreadKeeps(VOID)
{
    OBJECT_ATTRIBUTES Attributes = Kernel();
    HANDLE Handle;
    PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, KeepRegion, NULL);
    ZwWaitForSingleObject(Handle, FALSE, NULL);
    ZwClose(Handle);
}

static VOID DpcUninitialised(VOID)
{
    KDPC *Dpc = calloc(1, sizeof(*Dpc));
    KeInsertQueueDpc(Dpc, NULL, NULL);
    free(Dpc);
}

static volatile LONG WorkDone;

static VOID Work(_In_ DEVICE_OBJECT *Device, PVOID Context)
{
    InterlockedIncrement(&WorkDone);
}

#define WORK_ROUNDS 50

static volatile LONG WorkRound, WorkQueuedToo;

static VOID QueueToo(PVOID Item)
{
    for (LONG Round = 1; Round <= WORK_ROUNDS; Round++)
    {
        while (ReadAcquire(&WorkRound) < Round)
            ;
        IoQueueWorkItem(Item, Work, DelayedWorkQueue, NULL);
        InterlockedExchange(&WorkQueuedToo, Round);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* Queued by two threads at once: one of them does it before the item has begun. One thread that does it twice may come too
 * late each time. */
static VOID WorkItemQueuedTwice(VOID)
{
    DEVICE_OBJECT *Device = MakeDevice();
    PIO_WORKITEM Item = IoAllocateWorkItem(Device);
    OBJECT_ATTRIBUTES Attributes = Kernel();
    InterlockedExchange(&WorkRound, 0);
    HANDLE Handle;
    PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, QueueToo, Item);
    for (LONG Round = 1; Round <= WORK_ROUNDS; Round++)
    {
        InterlockedExchange(&WorkDone, 0);
        InterlockedExchange(&WorkRound, Round);
        IoQueueWorkItem(Item, Work, DelayedWorkQueue, NULL);
        LabUntil(ReadAcquire(&WorkQueuedToo) == Round && ReadAcquire(&WorkDone) >= 1);
        LabSleep(1000);
    }
    ZwWaitForSingleObject(Handle, FALSE, NULL);
    ZwClose(Handle);
    LabSleep(20000);
    InterlockedExchange(&WorkDone, 0); /* the last round may have run twice: this run comes after both */
    IoQueueWorkItem(Item, Work, DelayedWorkQueue, NULL);
    LabUntil(ReadAcquire(&WorkDone) >= 1);
    IoFreeWorkItem(Item);
    IoDeleteDevice(Device);
}

static VOID StringTooLong(VOID)
{
    WCHAR *Text = malloc(40001 * sizeof(WCHAR));
    for (ULONG I = 0; I < 40001; I++)
        Text[I] = I < 40000 ? 'x' : 0;
    UNICODE_STRING String;
    RtlInitUnicodeString(&String, Text);
    free(Text);
}

static VOID ViewTooLong(VOID)
{
    OBJECT_ATTRIBUTES Attributes = Kernel();
    LARGE_INTEGER Size = {.QuadPart = 4096};
    SIZE_T ViewSize = 8192;
    HANDLE Handle;
    ZwCreateSection(&Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL);
    PVOID Section;
    ObReferenceObjectByHandle(Handle, 0, NULL, KernelMode, &Section, NULL);
    PVOID View;
    MmMapViewInSystemSpace(Section, &View, &ViewSize);
    ObDereferenceObject(Section);
    ZwClose(Handle);
}

static VOID UnmapForeign(VOID)
{
    PEPROCESS Process = SimProcessCreate(SimUser);
    SimUnmapSection(Process, (PVOID)0x10000);
    SimProcessDelete(Process);
}

static VOID UnknownClass(VOID)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"x");
    ULONG Length;
    ZwQueryValueKey((HANDLE)4, &Name, KeyValueFullInformation, NULL, 0, &Length);
}

static VOID PriorityOutside(VOID)
{
    KeSetPriorityThread(KeGetCurrentThread(), HIGH_PRIORITY + 1);
}

static const GUID SomeProvider = {1, 2, 3, {4}};

static VOID LeakProvider(VOID)
{
    REGHANDLE Handle;
    EtwRegister(&SomeProvider, NULL, NULL, &Handle);
    SimCheckEmpty("a leak");
    EtwUnregister(Handle);
}

static VOID UnregisterTwice(VOID)
{
    REGHANDLE Handle;
    EtwRegister(&SomeProvider, NULL, NULL, &Handle);
    EtwUnregister(Handle);
    EtwUnregister(Handle);
}

static VOID RegisterAtDispatch(VOID)
{
    KIRQL Irql;
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    REGHANDLE Handle;
    EtwRegister(&SomeProvider, NULL, NULL, &Handle);
    KeLowerIrql(Irql);
    EtwUnregister(Handle);
}

/* Traits with a size that is not theirs, traits set twice. */
static VOID WrongTraits(VOID)
{
    UCHAR Traits[] = {5, 0, 'a', 0};
    REGHANDLE Handle;
    EtwRegister(&SomeProvider, NULL, NULL, &Handle);
    EtwSetInformation(Handle, EventProviderSetTraits, Traits, sizeof(Traits));
    EtwUnregister(Handle);
}

static VOID TraitsTwice(VOID)
{
    UCHAR Traits[] = {4, 0, 'a', 0};
    REGHANDLE Handle;
    EtwRegister(&SomeProvider, NULL, NULL, &Handle);
    EtwSetInformation(Handle, EventProviderSetTraits, Traits, sizeof(Traits));
    EtwSetInformation(Handle, EventProviderSetTraits, Traits, sizeof(Traits));
    EtwUnregister(Handle);
}

/* The upper 16 bits of a keyword are Microsoft's. */
static VOID ForeignKeyword(VOID)
{
    static const EVENT_DESCRIPTOR Descriptor = {.Keyword = 1ull << 48};
    REGHANDLE Handle;
    EtwRegister(&SomeProvider, NULL, NULL, &Handle);
    EtwWriteTransfer(Handle, &Descriptor, NULL, NULL, 0, NULL);
    EtwUnregister(Handle);
}

static VOID WriteUnregistered(VOID)
{
    static const EVENT_DESCRIPTOR Descriptor = {.Keyword = 1};
    EtwWriteTransfer(0, &Descriptor, NULL, NULL, 0, NULL);
}

const RULE_CASE RulesLeft[] = {
    {"Leak_Event", LeakProvider},
    {"Event", UnregisterTwice},
    {"Irql", RegisterAtDispatch},
    {"Event", WrongTraits},
    {"Event", TraitsTwice},
    {"Event", ForeignKeyword},
    {"Event", WriteUnregistered},
    {"Leak_Pool", LeakPool},
    {"Leak_Mdl", LeakMdl},
    {"Leak_SymbolicLink", LeakLink},
    {"Leak_Object", LeakObject},
    {"Leak_Timer", LeakTimer},
    {"Leak_WorkItem", LeakWorkItem},
    {"Leak_Irp", LeakIrp},
    {"Leak_View,Leak_Object", LeakView},
    {"Leak_Mapping,Leak_Mdl,Leak_View,Leak_Object,Leak_Handle", LeakMapping},
    {"SystemView", UnmapLocked},
    {"Leak_Handle,Leak_Object", LeakHandle},
    {"Leak_Notify", LeakNotify},
    {"Leak_Device,Leak_Object", LeakDevice},
    {"Device", DeleteAttached},
    {"Pdo", PropertyOfNoPdo},
    {"ProcessHasLockedPages", LockedPagesOfTheDead},
    {"FastMutex", FastMutexUnowned},
    {"NothingHeld", ThreadKeeps},
    {"Dpc", DpcUninitialised},
    {"WorkItem", WorkItemQueuedTwice},
    {"String", StringTooLong},
    {"Section", ViewTooLong},
    {"UserView", UnmapForeign},
    {"Registry", UnknownClass},
    {"Priority", PriorityOutside},
    {NULL, NULL},
};
