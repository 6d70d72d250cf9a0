/* SPDX-License-Identifier: MIT */
/*
 * The tests that kernel.sys runs in the kernel: each prints its name and "ok", or the line at which it failed. They run
 * one after another in the thread that initialises the adapter, with helper threads of their own. PASSIVE_LEVEL.
 */
#include "tests/e2e/kernel/kernel.h"

#define ROUNDS 2000

typedef struct _HELPER
{
    KEVENT Ping, Pong, Quit;
    EX_RUNDOWN_REF Rundown;
    KSPIN_LOCK SpinLock;
    EX_SPIN_LOCK SharedLock;
    FAST_MUTEX Mutex;
    ERESOURCE Resource;
    volatile LONG Counter, Done;
    LONG Guarded[4];
} HELPER;

static HELPER Helper;

static NTSTATUS WaitMs(PVOID Object, LONG Milliseconds)
{
    LARGE_INTEGER Timeout = {.QuadPart = -10000ll * Milliseconds};
    return KeWaitForSingleObject(Object, Executive, KernelMode, FALSE, &Timeout);
}

static ULONG TestEventStates(ADAPTER *Adapter)
{
    KEVENT Notification;
    KeInitializeEvent(&Notification, NotificationEvent, FALSE);
    KEVENT Synchronization;
    KeInitializeEvent(&Synchronization, SynchronizationEvent, TRUE);
    EXPECT(KeReadStateEvent(&Notification) == 0 && KeReadStateEvent(&Synchronization) != 0);
    EXPECT(WaitMs(&Notification, 0) == STATUS_TIMEOUT);
    EXPECT(WaitMs(&Notification, 20) == STATUS_TIMEOUT);
    EXPECT(WaitMs(&Synchronization, 0) == STATUS_SUCCESS);
    EXPECT(WaitMs(&Synchronization, 0) == STATUS_TIMEOUT);
    EXPECT(KeSetEvent(&Notification, 0, FALSE) == 0 && KeSetEvent(&Notification, 0, FALSE) != 0);
    EXPECT(WaitMs(&Notification, 0) == STATUS_SUCCESS && WaitMs(&Notification, 0) == STATUS_SUCCESS);
    EXPECT(KeResetEvent(&Notification) != 0 && WaitMs(&Notification, 0) == STATUS_TIMEOUT);
    KeSetEvent(&Notification, 0, FALSE);
    KeClearEvent(&Notification);
    EXPECT(KeReadStateEvent(&Notification) == 0);
    return 0;
}

static VOID PongThread(PVOID Context)
{
    HELPER *H = Context;
    for (ULONG I = 0; I < ROUNDS; I++)
    {
        KeWaitForSingleObject(&H->Ping, Executive, KernelMode, FALSE, NULL);
        KeSetEvent(&H->Pong, 0, FALSE);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static ULONG TestEventPingPong(ADAPTER *Adapter)
{
    KeInitializeEvent(&Helper.Ping, SynchronizationEvent, FALSE);
    KeInitializeEvent(&Helper.Pong, SynchronizationEvent, FALSE);
    PVOID Thread;
    EXPECT(NT_SUCCESS(TestThread(PongThread, &Helper, &Thread)));
    for (ULONG I = 0; I < ROUNDS; I++)
    {
        KeSetEvent(&Helper.Ping, 0, FALSE);
        EXPECT(WaitMs(&Helper.Pong, 5000) == STATUS_SUCCESS);
    }
    TestJoin(Thread);
    return 0;
}

/* Waits for one of two events; they begin as futexes and become wineserver's while the other side sets them. */
static VOID AnyThread(PVOID Context)
{
    HELPER *H = Context;
    PVOID Objects[] = {&H->Quit, &H->Ping};
    while (KeWaitForMultipleObjects(2, Objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL) == STATUS_WAIT_0 + 1)
    {
        InterlockedIncrement(&H->Counter);
        KeSetEvent(&H->Pong, 0, FALSE);
    }
    InterlockedExchange(&H->Done, 1);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static ULONG TestEventsTogether(ADAPTER *Adapter)
{
    LARGE_INTEGER Zero = {.QuadPart = 0};
    PVOID Both[] = {&Helper.Ping, &Helper.Quit};
    for (ULONG Round = 0; Round < 20; Round++)
    {
        KeInitializeEvent(&Helper.Ping, SynchronizationEvent, Round & 1);
        KeInitializeEvent(&Helper.Pong, SynchronizationEvent, FALSE);
        KeInitializeEvent(&Helper.Quit, NotificationEvent, FALSE);
        Helper.Counter = Helper.Done = 0;
        PVOID Thread;
        EXPECT(NT_SUCCESS(TestThread(AnyThread, &Helper, &Thread)));
        if (Round & 1)
            EXPECT(WaitMs(&Helper.Pong, 5000) == STATUS_SUCCESS);
        for (ULONG I = 0; I < 20; I++)
        {
            KeSetEvent(&Helper.Ping, 0, FALSE);
            EXPECT(WaitMs(&Helper.Pong, 5000) == STATUS_SUCCESS);
        }
        KeSetEvent(&Helper.Quit, 0, FALSE);
        TestJoin(Thread);
        EXPECT(Helper.Done && Helper.Counter == (LONG)(20 + (Round & 1)));
    }
    /* Upgraded events go on as events. */
    EXPECT(WaitMs(&Helper.Ping, 0) == STATUS_TIMEOUT && KeReadStateEvent(&Helper.Quit) != 0);
    EXPECT(KeWaitForMultipleObjects(2, Both, WaitAll, Executive, KernelMode, FALSE, &Zero, NULL) == STATUS_TIMEOUT);
    KeSetEvent(&Helper.Ping, 0, FALSE);
    EXPECT(KeReadStateEvent(&Helper.Ping) != 0);
    EXPECT(KeWaitForMultipleObjects(2, Both, WaitAll, Executive, KernelMode, FALSE, &Zero, NULL) == STATUS_WAIT_0);
    EXPECT(KeReadStateEvent(&Helper.Ping) == 0 && WaitMs(&Helper.Ping, 10) == STATUS_TIMEOUT);
    EXPECT(KeSetEvent(&Helper.Ping, 0, FALSE) == 0 && WaitMs(&Helper.Ping, 0) == STATUS_SUCCESS);
    return 0;
}

static VOID CountThread(PVOID Context)
{
    HELPER *H = Context;
    for (ULONG I = 0; I < ROUNDS; I++)
    {
        KIRQL Irql;
        KeAcquireSpinLock(&H->SpinLock, &Irql);
        H->Guarded[0]++;
        KeReleaseSpinLock(&H->SpinLock, Irql);
        KLOCK_QUEUE_HANDLE Queue;
        KeAcquireInStackQueuedSpinLock(&H->SpinLock, &Queue);
        H->Guarded[0]++;
        KeReleaseInStackQueuedSpinLock(&Queue);
        Irql = ExAcquireSpinLockExclusive(&H->SharedLock);
        H->Guarded[1]++;
        ExReleaseSpinLockExclusive(&H->SharedLock, Irql);
        Irql = ExAcquireSpinLockShared(&H->SharedLock);
        ExReleaseSpinLockShared(&H->SharedLock, Irql);
        ExAcquireFastMutex(&H->Mutex);
        H->Guarded[2]++;
        ExReleaseFastMutex(&H->Mutex);
        KeEnterCriticalRegion();
        ExAcquireResourceExclusiveLite(&H->Resource, TRUE);
        H->Guarded[3]++;
        ExReleaseResourceLite(&H->Resource);
        KeLeaveCriticalRegion();
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static ULONG TestLocks(ADAPTER *Adapter)
{
    RtlZeroMemory(Helper.Guarded, sizeof(Helper.Guarded));
    KeInitializeSpinLock(&Helper.SpinLock);
    Helper.SharedLock = 0;
    ExInitializeFastMutex(&Helper.Mutex);
    EXPECT(NT_SUCCESS(ExInitializeResourceLite(&Helper.Resource)));
    PVOID First;
    EXPECT(NT_SUCCESS(TestThread(CountThread, &Helper, &First)));
    PVOID Second;
    EXPECT(NT_SUCCESS(TestThread(CountThread, &Helper, &Second)));
    TestJoin(First);
    TestJoin(Second);
    ExDeleteResourceLite(&Helper.Resource);
    EXPECT(Helper.Guarded[0] == 4 * ROUNDS && Helper.Guarded[1] == 2 * ROUNDS);
    EXPECT(Helper.Guarded[2] == 2 * ROUNDS && Helper.Guarded[3] == 2 * ROUNDS);
    EXPECT(KeGetCurrentIrql() == PASSIVE_LEVEL);
    return 0;
}

static VOID RundownThread(PVOID Context)
{
    HELPER *H = Context;
    ExWaitForRundownProtectionRelease(&H->Rundown);
    InterlockedExchange(&H->Done, 1);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static ULONG TestRundown(ADAPTER *Adapter)
{
    LARGE_INTEGER Short = {.QuadPart = -200000};
    Helper.Done = 0;
    ExInitializeRundownProtection(&Helper.Rundown);
    EXPECT(ExAcquireRundownProtection(&Helper.Rundown) && ExAcquireRundownProtectionEx(&Helper.Rundown, 2));
    PVOID Thread;
    EXPECT(NT_SUCCESS(TestThread(RundownThread, &Helper, &Thread)));
    while (ExAcquireRundownProtection(&Helper.Rundown)) /* until the thread has begun to wait */
        ExReleaseRundownProtection(&Helper.Rundown);
    ExReleaseRundownProtectionEx(&Helper.Rundown, 2);
    KeDelayExecutionThread(KernelMode, FALSE, &Short);
    EXPECT(!Helper.Done);
    ExReleaseRundownProtection(&Helper.Rundown);
    TestJoin(Thread);
    EXPECT(Helper.Done && !ExAcquireRundownProtection(&Helper.Rundown));
    ExReInitializeRundownProtection(&Helper.Rundown);
    EXPECT(ExAcquireRundownProtection(&Helper.Rundown));
    ExReleaseRundownProtection(&Helper.Rundown);
    ExWaitForRundownProtectionRelease(&Helper.Rundown);
    return 0;
}

static ULONG TestExceptions(ADAPTER *Adapter)
{
    volatile ULONG Seen = 0, Finally = 0;
    volatile UCHAR *Nothing = (UCHAR *)0x10;
    __try
    {
        ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        Seen = (ULONG)GetExceptionCode();
    }
    EXPECT(Seen == (ULONG)STATUS_INSUFFICIENT_RESOURCES);
    __try
    {
        __try
        {
            ExRaiseStatus(STATUS_DEVICE_BUSY);
        }
        __finally
        {
            Finally++;
        }
    }
    __except (GetExceptionCode() == STATUS_DEVICE_BUSY ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH)
    {
        Finally += 10;
    }
    EXPECT(Finally == 11);
    MDL *Mdl = IoAllocateMdl((PVOID)Nothing, 64, FALSE, FALSE, NULL);
    EXPECT(Mdl);
    __try
    {
        MmProbeAndLockPages(Mdl, KernelMode, IoModifyAccess);
        Seen = 0;
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        Seen = (ULONG)GetExceptionCode();
    }
    IoFreeMdl(Mdl);
    EXPECT(Seen == (ULONG)STATUS_ACCESS_VIOLATION);
    return 0;
}

static ULONG TestSection(ADAPTER *Adapter)
{
    LARGE_INTEGER Size = {.QuadPart = 300000};
    SIZE_T ViewSize = 0;
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Handle;
    EXPECT(
        NT_SUCCESS(ZwCreateSection(&Handle, SECTION_ALL_ACCESS, &Attributes, &Size, PAGE_READWRITE, SEC_COMMIT, NULL)));
    PVOID Section;
    EXPECT(ObReferenceObjectByHandle(Handle, SECTION_ALL_ACCESS, *ExEventObjectType, KernelMode, &Section, NULL) ==
           STATUS_OBJECT_TYPE_MISMATCH);
    EXPECT(NT_SUCCESS(ObReferenceObjectByHandle(Handle, SECTION_ALL_ACCESS, NULL, KernelMode, &Section, NULL)));
    PVOID View;
    EXPECT(NT_SUCCESS(MmMapViewInSystemSpace(Section, &View, &ViewSize)) && ViewSize >= 300000);
    MDL *Mdl = IoAllocateMdl((PUCHAR)View + 100000, 150000, FALSE, FALSE, NULL);
    EXPECT(Mdl);
    MmProbeAndLockPages(Mdl, KernelMode, IoModifyAccess);
    volatile ULONG *Locked = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
    EXPECT(Locked && Locked == MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority));
    Locked[5] = 0x12345678;
    EXPECT(((volatile ULONG *)((PUCHAR)View + 100000))[5] == 0x12345678);
    MmUnlockPages(Mdl);
    IoFreeMdl(Mdl);
    EXPECT(NT_SUCCESS(MmUnmapViewInSystemSpace(View)));
    HANDLE Other;
    EXPECT(NT_SUCCESS(
        ObOpenObjectByPointer(Section, OBJ_KERNEL_HANDLE, NULL, SECTION_MAP_READ, NULL, KernelMode, &Other)));
    EXPECT(NT_SUCCESS(ZwClose(Other)));
    ViewSize = 0;
    EXPECT(NT_SUCCESS(MmMapViewInSystemSpace(Section, &View, &ViewSize)));
    EXPECT(((volatile ULONG *)((PUCHAR)View + 100000))[5] == 0x12345678);
    EXPECT(NT_SUCCESS(MmUnmapViewInSystemSpace(View)));
    ObDereferenceObject(Section);
    ZwClose(Handle);
    /* Nobody's: the number of one that was just closed may be another thread's by now. */
    EXPECT(ObReferenceObjectByHandle((HANDLE)0x7ffffff0, 0, *ExEventObjectType, KernelMode, &Section, NULL) ==
           STATUS_INVALID_HANDLE);
    return 0;
}

static ULONG TestPool(ADAPTER *Adapter)
{
    for (SIZE_T Size = 1; Size < 100000; Size = Size * 3 + 1)
    {
        PUCHAR Block = ExAllocatePoolWithTag(NonPagedPoolNx, Size, TEST_TAG);
        EXPECT(Block);
        EXPECT(((ULONG_PTR)Block & 15) == 0 && (Size < PAGE_SIZE || ((ULONG_PTR)Block & (PAGE_SIZE - 1)) == 0));
        RtlFillMemory(Block, Size, 0x5a);
        ExFreePoolWithTag(Block, TEST_TAG);
    }
    return 0;
}

/* Data that begins in the middle of one MDL and ends in the middle of another. */
static ULONG TestBuffers(ADAPTER *Adapter)
{
    static UCHAR Memory[3][100];
    MDL *Mdl[3];
    for (ULONG I = 0; I < 3; I++)
    {
        for (ULONG J = 0; J < 100; J++)
            Memory[I][J] = (UCHAR)(100 * I + J);
        Mdl[I] = NdisAllocateMdl(Adapter->Handle, Memory[I], 100);
        EXPECT(Mdl[I]);
    }
    Mdl[0]->Next = Mdl[1];
    Mdl[1]->Next = Mdl[2];
    NET_BUFFER_LIST *List = NdisAllocateNetBufferAndNetBufferList(Adapter->Pool, 0, 0, Mdl[0], 130, 120);
    EXPECT(List);
    NET_BUFFER *Buffer = NET_BUFFER_LIST_FIRST_NB(List);
    EXPECT(NET_BUFFER_CURRENT_MDL(Buffer) == Mdl[1] && NET_BUFFER_CURRENT_MDL_OFFSET(Buffer) == 30);
    UCHAR *Data = NdisGetDataBuffer(Buffer, 70, NULL, 1, 0);
    EXPECT(Data == Memory[1] + 30);
    UCHAR Storage[200];
    EXPECT(!NdisGetDataBuffer(Buffer, 71, NULL, 1, 0) && !NdisGetDataBuffer(Buffer, 121, Storage, 1, 0));
    Data = NdisGetDataBuffer(Buffer, 120, Storage, 1, 0);
    EXPECT(Data == Storage && Data[0] == 130 && Data[69] == 199 && Data[70] == 200 && Data[119] == 249);
    NdisAdvanceNetBufferDataStart(Buffer, 80, FALSE, NULL);
    EXPECT(NET_BUFFER_CURRENT_MDL(Buffer) == Mdl[2] && NET_BUFFER_DATA_LENGTH(Buffer) == 40);
    EXPECT(NdisRetreatNetBufferDataStart(Buffer, 200, 0, NULL) == NDIS_STATUS_SUCCESS);
    EXPECT(NET_BUFFER_CURRENT_MDL(Buffer) == Mdl[0] && NET_BUFFER_CURRENT_MDL_OFFSET(Buffer) == 10);
    EXPECT(NdisRetreatNetBufferDataStart(Buffer, 50, 16, NULL) == NDIS_STATUS_SUCCESS);
    EXPECT(NET_BUFFER_FIRST_MDL(Buffer) != Mdl[0] && NET_BUFFER_DATA_LENGTH(Buffer) == 290);
    NdisAdvanceNetBufferDataStart(Buffer, 50, TRUE, NULL);
    EXPECT(NET_BUFFER_FIRST_MDL(Buffer) == Mdl[0] && NET_BUFFER_DATA_OFFSET(Buffer) == 10);
    NdisFreeNetBufferList(List);
    for (ULONG I = 0; I < 3; I++)
        NdisFreeMdl(Mdl[I]);
    return 0;
}

static ULONG TestDeviceObjects(ADAPTER *Adapter)
{
    static const DEVPROPKEY FriendlyName = {
        {0xa45c254e, 0xdf1c, 0x4efd, {0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}}, 14};
    static const DEVPROPKEY Unknown = {{0xa45c254e, 0xdf1c, 0x4efd, {0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}},
                                       4000};
    DEVICE_OBJECT *Pdo = NULL, *Fdo = NULL, *Next = NULL;
    ULONG Length = 0;
    NdisMGetDeviceProperty(Adapter->Handle, &Pdo, &Fdo, &Next, NULL, NULL);
    EXPECT(Pdo && Fdo && Next && Pdo != Fdo);
    WCHAR Name[128];
    DEVPROPTYPE Type;
    EXPECT(IoGetDevicePropertyData(Pdo, &Unknown, 0, 0, sizeof(Name), Name, &Length, &Type) ==
           STATUS_OBJECT_NAME_NOT_FOUND);
    NTSTATUS Status = IoGetDevicePropertyData(Pdo, &FriendlyName, 0, 0, 0, NULL, &Length, &Type);
    if (Status != STATUS_OBJECT_NAME_NOT_FOUND) /* not every device has one */
        EXPECT(Status == STATUS_BUFFER_TOO_SMALL && Length >= 2 && Type == DEVPROP_TYPE_STRING);
    return 0;
}

static NTSTATUS DeviceRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

/* A control device under the same name, again and again, with an access list for everyone. */
static ULONG TestControlDevice(ADAPTER *Adapter)
{
    /* A self-relative descriptor: O: and G: none, D:(A;;GA;;;WD). */
    static const struct
    {
        UCHAR Revision, Padding;
        USHORT Control;
        ULONG Owner, Group, Sacl, Dacl;
        UCHAR AclRevision, AclPadding;
        USHORT AclSize, AceCount, AclPadding2;
        UCHAR AceType, AceFlags;
        USHORT AceSize;
        ULONG Mask;
        UCHAR SidRevision, SubAuthorities, Authority[6];
        ULONG SubAuthority;
    } Everyone = {1, 0, 0x8004, 0, 0, 0, 20, 2, 0, 28, 1, 0, 0, 0, 20, GENERIC_ALL, 1, 1, {0, 0, 0, 0, 0, 1}, 0};
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Device\\KernelTest");
    UNICODE_STRING Link = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\KernelTest");
    UNICODE_STRING Sddl = RTL_CONSTANT_STRING(L"D:P(A;;GA;;;SY)(A;;GA;;;BA)");
    PDRIVER_DISPATCH Dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1] = {
        [IRP_MJ_CREATE] = DeviceRequest, [IRP_MJ_CLEANUP] = DeviceRequest, [IRP_MJ_CLOSE] = DeviceRequest};
    NDIS_DEVICE_OBJECT_ATTRIBUTES Attributes = {.Header = {.Type = NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES,
                                                           .Revision = NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1,
                                                           .Size = NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1},
                                                .DeviceName = &Name,
                                                .SymbolicName = &Link,
                                                .MajorFunctions = Dispatch,
                                                .ExtensionSize = 24,
                                                .DefaultSDDLString = &Sddl};
    for (ULONG Round = 0; Round < 3; Round++)
    {
        DEVICE_OBJECT *Device;
        NDIS_HANDLE Registration;
        EXPECT(NdisRegisterDeviceEx(Adapter->Driver, &Attributes, &Device, &Registration) == NDIS_STATUS_SUCCESS);
        DEVICE_OBJECT *Second;
        NDIS_HANDLE Other;
        EXPECT(NdisRegisterDeviceEx(Adapter->Driver, &Attributes, &Second, &Other) != NDIS_STATUS_SUCCESS);
        PUCHAR Extension = NdisGetDeviceReservedExtension(Device);
        EXPECT(Extension && Extension[0] == 0 && Extension[23] == 0);
        EXPECT(RtlValidRelativeSecurityDescriptor((PSECURITY_DESCRIPTOR)&Everyone, sizeof(Everyone),
                                                  DACL_SECURITY_INFORMATION));
        EXPECT(!RtlValidRelativeSecurityDescriptor((PSECURITY_DESCRIPTOR)&Everyone, sizeof(Everyone) - 4,
                                                   DACL_SECURITY_INFORMATION)); /* cut off in its list */
        HANDLE Handle;
        EXPECT(
            NT_SUCCESS(ObOpenObjectByPointer(Device, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, NULL, KernelMode, &Handle)));
        EXPECT(NT_SUCCESS(ZwSetSecurityObject(Handle, DACL_SECURITY_INFORMATION, (PSECURITY_DESCRIPTOR)&Everyone)));
        ZwClose(Handle);
        NdisDeregisterDeviceEx(Registration);
    }
    return 0;
}

/* ---- What older drivers use besides. */

typedef struct _OWNERS
{
    ERESOURCE Resource;
    KEVENT Have, Let;
    volatile LONG Waits, Got;
} OWNERS;

static OWNERS Owners;

static VOID SharedThread(PVOID Context)
{
    OWNERS *O = Context;
    KeEnterCriticalRegion();
    ExAcquireResourceSharedLite(&O->Resource, TRUE);
    KeSetEvent(&O->Have, 0, FALSE);
    KeWaitForSingleObject(&O->Let, Executive, KernelMode, FALSE, NULL);
    ExReleaseResourceLite(&O->Resource);
    KeLeaveCriticalRegion();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static VOID ExclusiveThread(PVOID Context)
{
    OWNERS *O = Context;
    KeEnterCriticalRegion();
    InterlockedExchange(&O->Waits, 1);
    ExAcquireResourceExclusiveLite(&O->Resource, TRUE);
    InterlockedExchange(&O->Got, 1);
    ExReleaseResourceLite(&O->Resource);
    KeLeaveCriticalRegion();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* One shares, one waits to have it alone: who shares in the common way waits behind that one, who starves it does not. */
static ULONG TestResource(ADAPTER *Adapter)
{
    LARGE_INTEGER Moment = {.QuadPart = -500000};
    RtlZeroMemory(&Owners, sizeof(Owners));
    KeInitializeEvent(&Owners.Have, NotificationEvent, FALSE);
    KeInitializeEvent(&Owners.Let, NotificationEvent, FALSE);
    EXPECT(NT_SUCCESS(ExInitializeResourceLite(&Owners.Resource)));
    KeEnterCriticalRegion();
    EXPECT(ExAcquireResourceExclusiveLite(&Owners.Resource, FALSE));
    EXPECT(ExAcquireResourceExclusiveLite(&Owners.Resource, FALSE)); /* again, by the same thread */
    EXPECT(ExAcquireResourceSharedLite(&Owners.Resource, FALSE));
    EXPECT(ExIsResourceAcquiredExclusiveLite(&Owners.Resource));
    for (ULONG I = 0; I < 3; I++)
        ExReleaseResourceLite(&Owners.Resource);
    EXPECT(!ExIsResourceAcquiredExclusiveLite(&Owners.Resource) && !ExIsResourceAcquiredSharedLite(&Owners.Resource));
    PVOID Shared;
    EXPECT(NT_SUCCESS(TestThread(SharedThread, &Owners, &Shared)));
    EXPECT(WaitMs(&Owners.Have, 5000) == STATUS_SUCCESS);
    EXPECT(!ExAcquireResourceExclusiveLite(&Owners.Resource, FALSE));
    PVOID Exclusive;
    EXPECT(NT_SUCCESS(TestThread(ExclusiveThread, &Owners, &Exclusive)));
    while (!Owners.Waits)
        ZwYieldExecution();
    KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    EXPECT(!Owners.Got);
    EXPECT(!ExAcquireResourceSharedLite(&Owners.Resource, FALSE));
    EXPECT(ExAcquireSharedStarveExclusive(&Owners.Resource, FALSE));
    EXPECT(ExIsResourceAcquiredSharedLite(&Owners.Resource));
    KeSetEvent(&Owners.Let, 0, FALSE);
    TestJoin(Shared);
    KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    EXPECT(!Owners.Got);
    ExReleaseResourceLite(&Owners.Resource);
    KeLeaveCriticalRegion();
    TestJoin(Exclusive);
    EXPECT(Owners.Got && NT_SUCCESS(ExDeleteResourceLite(&Owners.Resource)));
    return 0;
}

typedef struct _DEFERRED
{
    KDPC Dpc;
    KTIMER Timer;
    KEVENT Ran;
    volatile LONG Runs, WrongIrql;
    PVOID First, Second;
} DEFERRED;

static DEFERRED Deferred;

static VOID DpcRoutine(PKDPC Dpc, PVOID Context, PVOID First, PVOID Second)
{
    DEFERRED *D = Context;
    D->WrongIrql |= KeGetCurrentIrql() != DISPATCH_LEVEL || Dpc != &D->Dpc;
    D->First = First;
    D->Second = Second;
    InterlockedIncrement(&D->Runs);
    KeSetEvent(&D->Ran, 0, FALSE);
}

static ULONG TestDpc(ADAPTER *Adapter)
{
    LARGE_INTEGER Soon = {.QuadPart = -50000}, Never = {.QuadPart = -100000000000};
    RtlZeroMemory(&Deferred, sizeof(Deferred));
    KeInitializeEvent(&Deferred.Ran, SynchronizationEvent, FALSE);
    KeInitializeDpc(&Deferred.Dpc, DpcRoutine, &Deferred);
    for (ULONG_PTR I = 1; I <= 50; I++)
    {
        EXPECT(KeInsertQueueDpc(&Deferred.Dpc, (PVOID)I, (PVOID)(2 * I)));
        KeFlushQueuedDpcs();
        EXPECT(Deferred.Runs == (LONG)I && Deferred.First == (PVOID)I && Deferred.Second == (PVOID)(2 * I));
        EXPECT(!KeRemoveQueueDpc(&Deferred.Dpc));
    }
    KeInitializeTimer(&Deferred.Timer);
    EXPECT(!KeSetTimer(&Deferred.Timer, Never, &Deferred.Dpc) && KeSetTimer(&Deferred.Timer, Soon, &Deferred.Dpc));
    EXPECT(WaitMs(&Deferred.Timer, 5000) == STATUS_SUCCESS && WaitMs(&Deferred.Timer, 0) == STATUS_SUCCESS);
    KeFlushQueuedDpcs();
    EXPECT(Deferred.Runs == 51 && !KeCancelTimer(&Deferred.Timer));
    KeInitializeTimerEx(&Deferred.Timer, SynchronizationTimer);
    EXPECT(!KeSetTimerEx(&Deferred.Timer, Soon, 3, &Deferred.Dpc));
    for (ULONG I = 0; I < 5; I++)
        EXPECT(WaitMs(&Deferred.Timer, 5000) == STATUS_SUCCESS);
    EXPECT(KeCancelTimer(&Deferred.Timer));
    KeFlushQueuedDpcs();
    WaitMs(&Deferred.Timer, 0);
    EXPECT(WaitMs(&Deferred.Timer, 20) == STATUS_TIMEOUT && Deferred.Runs >= 56 && !Deferred.WrongIrql);
    return 0;
}

static ULONG TestPartialMdl(ADAPTER *Adapter)
{
    static UCHAR Memory[3 * PAGE_SIZE];
    MDL *Whole = IoAllocateMdl(Memory, sizeof(Memory), FALSE, FALSE, NULL);
    MDL *Part = IoAllocateMdl(Memory, sizeof(Memory), FALSE, FALSE, NULL);
    EXPECT(Whole && Part && MmSizeOfMdl(Memory, sizeof(Memory)) >= sizeof(MDL) + 3 * sizeof(PFN_NUMBER));
    MmBuildMdlForNonPagedPool(Whole);
    for (ULONG Offset = 0; Offset < sizeof(Memory) - 100; Offset += 777)
    {
        IoBuildPartialMdl(Whole, Part, Memory + Offset, 100);
        EXPECT(MmGetMdlByteCount(Part) == 100 && MmGetMdlVirtualAddress(Part) == Memory + Offset);
        EXPECT(MmGetSystemAddressForMdlSafe(Part, NormalPagePriority) == Memory + Offset);
        MmPrepareMdlForReuse(Part);
    }
    IoBuildPartialMdl(Whole, Part, Memory + 5000, 0); /* 0: to the end */
    EXPECT(MmGetMdlByteCount(Part) == sizeof(Memory) - 5000);
    IoFreeMdl(Part);
    IoFreeMdl(Whole);
    return 0;
}

/* Pages of the kernel's own: zeroed, the same behind each mapping of them, and mapped only as long as is said. */
static ULONG TestPages(ADAPTER *Adapter)
{
    PHYSICAL_ADDRESS None = {0}, All = {.QuadPart = -1};
    MDL *Mdl = MmAllocatePagesForMdlEx(None, All, None, 5 * PAGE_SIZE - 100, MmCached, MM_ALLOCATE_FULLY_REQUIRED);
    EXPECT(Mdl && MmGetMdlByteCount(Mdl) == 5 * PAGE_SIZE && MmGetMdlByteOffset(Mdl) == 0);
    PULONG Numbers = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);
    EXPECT(Numbers && Numbers == MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute));
    for (ULONG I = 0; I < 5 * PAGE_SIZE / sizeof(*Numbers); I++)
    {
        EXPECT(Numbers[I] == 0);
        Numbers[I] = I + 1;
    }
    MmUnmapLockedPages(Numbers, Mdl);
    Numbers = MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority);
    EXPECT(Numbers != NULL);
    for (ULONG I = 0; I < 5 * PAGE_SIZE / sizeof(*Numbers); I++)
        EXPECT(Numbers[I] == I + 1);
    MmFreePagesFromMdl(Mdl);
    EXPECT(!(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA)));
    ExFreePool(Mdl);
    return 0;
}

typedef struct _POWER_RESULT
{
    DEVICE_OBJECT *Device;
    UCHAR Minor;
    POWER_STATE State;
    NTSTATUS Status;
    KEVENT Done;
} POWER_RESULT;

static VOID PowerDone(PDEVICE_OBJECT DeviceObject, UCHAR MinorFunction, POWER_STATE PowerState, PVOID Context,
                      PIO_STATUS_BLOCK IoStatus)
{
    POWER_RESULT *Result = Context;
    Result->Device = DeviceObject;
    Result->Minor = MinorFunction;
    Result->State = PowerState;
    Result->Status = IoStatus->Status;
    KeSetEvent(&Result->Done, 0, FALSE);
}

/* Asked of either device object of the stack, a request goes through all of it; whoever asked is told how it ended. */
static ULONG TestPowerRequests(ADAPTER *Adapter)
{
    DEVICE_OBJECT *Devices[2];
    NdisMGetDeviceProperty(Adapter->Handle, &Devices[0], &Devices[1], NULL, NULL, NULL);
    POWER_STATE State = {.DeviceState = PowerDeviceD0};
    POWER_RESULT Result = {0};
    KeInitializeEvent(&Result.Done, SynchronizationEvent, FALSE);
    for (ULONG I = 0; I < 2; I++)
    {
        EXPECT(PoRequestPowerIrp(Devices[I], IRP_MN_QUERY_POWER, State, PowerDone, &Result, NULL) == STATUS_PENDING);
        EXPECT(WaitMs(&Result.Done, 5000) == STATUS_SUCCESS && Result.Status == STATUS_SUCCESS);
        EXPECT(Result.Device == Devices[I] && Result.Minor == IRP_MN_QUERY_POWER);
        EXPECT(Result.State.DeviceState == PowerDeviceD0);
    }
    EXPECT(PoRequestPowerIrp(Devices[0], 0x7f, State, PowerDone, &Result, NULL) == STATUS_INVALID_PARAMETER_2);
    EXPECT(WaitMs(&Result.Done, 0) == STATUS_TIMEOUT);
    return 0;
}

/* This runs while the device starts, so in a process of the system's: the tests/classic miniport does it with others. */
static ULONG TestProcess(ADAPTER *Adapter)
{
    PEPROCESS Self = IoGetCurrentProcess();
    HANDLE Id = PsGetCurrentProcessId();
    EXPECT(Self && PsGetProcessId(Self) == Id);
    PEPROCESS Process;
    EXPECT(NT_SUCCESS(PsLookupProcessByProcessId(Id, &Process)) && Process == Self);
    KAPC_STATE Outer;
    KeStackAttachProcess((PRKPROCESS)Process, &Outer);
    KAPC_STATE Inner;
    KeStackAttachProcess((PRKPROCESS)Process, &Inner);
    EXPECT(PsGetCurrentProcessId() == Id);
    KeUnstackDetachProcess(&Inner);
    KeUnstackDetachProcess(&Outer);
    EXPECT(IoGetCurrentProcess() == Self);
    ObDereferenceObject(Process);
    EXPECT(!NT_SUCCESS(PsLookupProcessByProcessId((HANDLE)0x7ffffff0, &Process)));
    SECURITY_SUBJECT_CONTEXT Subject;
    SeCaptureSubjectContext(&Subject);
    EXPECT(Subject.PrimaryToken && !Subject.ClientToken);
    SeReleaseSubjectContext(&Subject);
    return 0;
}

static ULONG TestOddments(ADAPTER *Adapter)
{
    UNICODE_STRING There = RTL_CONSTANT_STRING(L"KeSetEvent"), Absent = RTL_CONSTANT_STRING(L"KeNoSuchRoutine");
    LONG(NTAPI * Set)(PRKEVENT, KPRIORITY, BOOLEAN) = (PVOID)MmGetSystemRoutineAddress(&There);
    LARGE_INTEGER Frequency, Before = KeQueryPerformanceCounter(&Frequency);
    LARGE_INTEGER Moment = {.QuadPart = -200000};
    ULONGLONG Interrupt = KeQueryUnbiasedInterruptTime();
    EXPECT(Set && !MmGetSystemRoutineAddress(&Absent));
    KEVENT Event;
    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    EXPECT(Set(&Event, 0, FALSE) == 0 && KeReadStateEvent(&Event));
    KeDelayExecutionThread(KernelMode, FALSE, &Moment);
    EXPECT((KeQueryPerformanceCounter(NULL).QuadPart - Before.QuadPart) * 1000 / Frequency.QuadPart >= 15);
    EXPECT(KeQueryUnbiasedInterruptTime() - Interrupt >= 150000);
    LARGE_INTEGER Time;
    KeQuerySystemTimePrecise(&Time);
    EXPECT(Time.QuadPart > 0x01d000000000000); /* 2014 */
    KIRQL Irql = KeRaiseIrqlToDpcLevel();
    EXPECT(Irql == PASSIVE_LEVEL && KeGetCurrentIrql() == DISPATCH_LEVEL);
    KeLowerIrql(Irql);
    return 0;
}

static const TEST_CASE Tests[] = {
    {"event-states", TestEventStates},
    {"event-ping-pong", TestEventPingPong},
    {"events-together", TestEventsTogether},
    {"locks", TestLocks},
    {"rundown", TestRundown},
    {"exceptions", TestExceptions},
    {"section", TestSection},
    {"pool", TestPool},
    {"buffers", TestBuffers},
    {"device", TestDeviceObjects},
    {"control-device", TestControlDevice},
    {"resource", TestResource},
    {"dpc", TestDpc},
    {"partial-mdl", TestPartialMdl},
    {"pages", TestPages},
    {"power-requests", TestPowerRequests},
    {"process", TestProcess},
    {"oddments", TestOddments},
};

/* ---- What the host must notice. */

static VOID HoldingRoutine(PKDPC Dpc, PVOID Context, PVOID First, PVOID Second)
{
    KIRQL Irql;
    KeAcquireSpinLock(Context, &Irql);
}

static VOID ProcessRoutine(HANDLE ParentId, HANDLE ProcessId, BOOLEAN Create)
{
}

static VOID Misuse(ADAPTER *Adapter)
{
    static UCHAR Memory[2 * PAGE_SIZE];
    LARGE_INTEGER Never = {.QuadPart = -100000000000};
    KTIMER *Timer = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Timer), TEST_TAG);
    MDL *Whole = IoAllocateMdl(Memory, PAGE_SIZE, FALSE, FALSE, NULL);
    MDL *Part = IoAllocateMdl(Memory, PAGE_SIZE, FALSE, FALSE, NULL);
    ERESOURCE *Resource = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Resource), TEST_TAG);
    KeInitializeTimer(Timer);
    KeSetTimer(Timer, Never, NULL);
    ExFreePoolWithTag(Timer, TEST_TAG);

    ExInitializeResourceLite(Resource);
    KeEnterCriticalRegion();
    ExReleaseResourceLite(Resource);
    KIRQL Irql = KeRaiseIrqlToDpcLevel();
    ExAcquireResourceExclusiveLite(Resource, TRUE);
    KeLowerIrql(Irql);
    ExDeleteResourceLite(Resource);
    KeLeaveCriticalRegion();
    ExFreePoolWithTag(Resource, TEST_TAG);

    MmBuildMdlForNonPagedPool(Whole);
    IoBuildPartialMdl(Whole, Part, Memory + 100, PAGE_SIZE);
    IoFreeMdl(Part);
    IoFreeMdl(Whole);

    Irql = KeRaiseIrqlToDpcLevel();
    KAPC_STATE State;
    KeStackAttachProcess((PRKPROCESS)IoGetCurrentProcess(), &State);
    KeUnstackDetachProcess(&State);
    KeFlushQueuedDpcs();
    KeLowerIrql(Irql);

    KeInitializeSpinLock(&Helper.SpinLock);
    KeInitializeDpc(&Deferred.Dpc, HoldingRoutine, &Helper.SpinLock);
    KeInsertQueueDpc(&Deferred.Dpc, NULL, NULL);
    KeFlushQueuedDpcs();

    PsSetCreateProcessNotifyRoutine(ProcessRoutine, FALSE); /* for ever */
}

VOID TestKernel(ADAPTER *Adapter)
{
    if (Wrong(Adapter, "misuse"))
        Misuse(Adapter);
    if (!Adapter->Wrong[0])
    {
        TestRun(Adapter, Tests, RTL_NUMBER_OF(Tests));
        TestNdis(Adapter);
    }
    DbgPrint("tests done\n");
}

/* ---- Handlers that pend. */

typedef struct _PENDED
{
    ADAPTER *Adapter;
    VOID (*Restart)(NDIS_HANDLE, NDIS_STATUS);
    VOID (*Pause)(NDIS_HANDLE);
    VOID (*Reset)(NDIS_HANDLE, NDIS_STATUS, BOOLEAN);
} PENDED;

static VOID PendedThread(PVOID Context)
{
    PENDED Pended = *(PENDED *)Context;
    ExFreePoolWithTag(Context, TEST_TAG);
    Fault(Pended.Adapter, "stack", 0);
    if (Pended.Restart)
    {
        Pended.Restart(Pended.Adapter->Handle, NDIS_STATUS_SUCCESS);
    }
    else if (Pended.Reset)
    {
        Pended.Reset(Pended.Adapter->Handle, NDIS_STATUS_SUCCESS, TRUE);
    }
    else
    {
        LARGE_INTEGER Millisecond = {.QuadPart = -10000};
        while (ReadAcquire(&Pended.Adapter->Returned) != ReadAcquire(&Pended.Adapter->Received))
            KeDelayExecutionThread(KernelMode, FALSE, &Millisecond);
        NET_BUFFER_LIST *Held = Pended.Adapter->Held;
        Pended.Adapter->Held = NULL; /* nothing is sent while it pauses */
        if (Held && !Wrong(Pended.Adapter, "hold"))
        {
            NdisMSendNetBufferListsComplete(Pended.Adapter->Handle, Held,
                                            Wrong(Pended.Adapter, "flags") ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL
                                                                           : 0);
        }
        Pended.Pause(Pended.Adapter->Handle);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

VOID TestPended(ADAPTER *Adapter, VOID (*Restart)(NDIS_HANDLE, NDIS_STATUS), VOID (*Pause)(NDIS_HANDLE),
                VOID (*Reset)(NDIS_HANDLE, NDIS_STATUS, BOOLEAN))
{
    PENDED *Pended = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Pended), TEST_TAG);
    if (!Pended)
        return;
    *Pended = (PENDED){.Adapter = Adapter, .Restart = Restart, .Pause = Pause, .Reset = Reset};
    PVOID Thread;
    if (NT_SUCCESS(TestThread(PendedThread, Pended, &Thread)))
        ObDereferenceObject(Thread);
}
