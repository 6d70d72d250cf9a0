/* SPDX-License-Identifier: MIT */
/*
 * What a session shares with its program: the memory of its rings, and the program's events. All at PASSIVE_LEVEL under the
 * adapter's SessionLock. The driver makes the memory, so that it need not trust an address of the program's, and touches
 * only pages that it has locked; the program gets a handle and maps it where it likes.
 */
#include "driver/tun.h"

/*
 * Makes Size bytes of zeroed memory that can be handed to the program and touched at any IRQL: a section backed by the
 * paging file, mapped in system space, its pages locked and mapped once more through an MDL. Only that last mapping is
 * used: a system view's own address may be trimmed from the working set, locked pages or not.
 * "ZwCreateSection", "MmMapViewInSystemSpace", "MmProbeAndLockPages", "MmGetSystemAddressForMdlSafe".
 */
static NTSTATUS MakeMemory(_Inout_ TUN_SESSION *Session, _In_ SIZE_T Size)
{
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    LARGE_INTEGER MaximumSize = {.QuadPart = (LONGLONG)Size};
    SIZE_T ViewSize = 0;
    HANDLE Section;
    NTSTATUS Status =
        ZwCreateSection(&Section, SECTION_ALL_ACCESS, &Attributes, &MaximumSize, PAGE_READWRITE, SEC_COMMIT, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObReferenceObjectByHandle(Section, SECTION_MAP_READ | SECTION_MAP_WRITE, NULL, KernelMode,
                                       &Session->SectionObject, NULL);
    ZwClose(Section);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = MmMapViewInSystemSpace(Session->SectionObject, &Session->View, &ViewSize);
    if (!NT_SUCCESS(Status))
        goto dereferenceSection;
    Session->Mdl = IoAllocateMdl(Session->View, (ULONG)Size, FALSE, FALSE, NULL);
    if (!Session->Mdl)
    {
        Status = STATUS_INSUFFICIENT_RESOURCES;
        goto unmapView;
    }
    __try
    {
        MmProbeAndLockPages(Session->Mdl, KernelMode, IoModifyAccess);
    }
    __except (EXCEPTION_EXECUTE_HANDLER)
    {
        Status = GetExceptionCode();
    }
    if (!NT_SUCCESS(Status))
        goto freeMdl;
    Session->Memory = MmGetSystemAddressForMdlSafe(Session->Mdl, NormalPagePriority | MdlMappingNoExecute);
    if (Session->Memory)
        return STATUS_SUCCESS;
    Status = STATUS_INSUFFICIENT_RESOURCES;

    MmUnlockPages(Session->Mdl);
freeMdl:
    IoFreeMdl(Session->Mdl);
unmapView:
    MmUnmapViewInSystemSpace(Session->View);
dereferenceSection:
    ObDereferenceObject(Session->SectionObject);
    return Status;
}

static VOID FreeMemory(_Inout_ TUN_SESSION *Session)
{
    MmUnlockPages(Session->Mdl); /* and with it the mapping that Memory is */
    IoFreeMdl(Session->Mdl);
    MmUnmapViewInSystemSpace(Session->View);
    ObDereferenceObject(Session->SectionObject);
}

/*
 * Makes a session's memory of one ring or two, and takes its program's events: all but putting it to use. The lock is held.
 */
_Use_decl_annotations_
NTSTATUS SessionMake(TUN_ADAPTER *Adapter, FILE_OBJECT *Owner, const TUN_START_INPUT *Input, ULONG Rings,
                     TUN_SESSION **Made)
{
    TUN_SESSION *Session = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Session), TUN_TAG);
    if (!Session)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Session, sizeof(*Session));
    Session->Adapter = Adapter;
    Session->Owner = Owner;
    Session->ProcessId = (ULONG)(ULONG_PTR)PsGetCurrentProcessId();
    /* No UDP to the program yet: the stack cuts it, for no NDIS that knows better is registered for. */
    Session->Offloads =
        (ULONG)Input->Flags & (TUN_OFFLOAD_TO_APP | TUN_OFFLOAD_TO_STACK) & ~(ULONG)TUN_OFFLOAD_TO_APP_UDP;
    KeInitializeEvent(&Session->Stop, NotificationEvent, FALSE);

    const ULONG64 Handles[] = {Input->ToAppPackets, Input->ToStackPackets, Input->ToStackSpace};
    KEVENT **Events[] = {&Session->ToAppPackets, &Session->ToStackPackets, &Session->ToStackSpace};
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG Referenced = 0;
    for (; Referenced < RTL_NUMBER_OF(Events); Referenced++)
    {
        /* Handles of the program's: UserMode, so that they must be ones that the program itself could use. */
        Status = ObReferenceObjectByHandle((HANDLE)(ULONG_PTR)Handles[Referenced], EVENT_MODIFY_STATE | SYNCHRONIZE,
                                           *ExEventObjectType, UserMode, (VOID **)Events[Referenced], NULL);
        if (!NT_SUCCESS(Status))
            goto dereferenceEvents;
    }
    ULONG64 Stride = TunRingStride(Input->Capacity);
    Status = MakeMemory(Session, (SIZE_T)(Rings * Stride));
    if (!NT_SUCCESS(Status))
        goto dereferenceEvents;
    RingAttach(&Session->ToApp, (RING *)Session->Memory, Input->Capacity);
    if (Rings == 2)
        RingAttach(&Session->ToStack, (RING *)(Session->Memory + Stride), Input->Capacity);
    *Made = Session;
    return STATUS_SUCCESS;

dereferenceEvents:
    while (Referenced != 0)
        ObDereferenceObject(*Events[--Referenced]);
    ExFreePoolWithTag(Session, TUN_TAG);
    return Status;
}

/* Undoes SessionMake. */
_Use_decl_annotations_
VOID SessionFree(TUN_SESSION *Session)
{
    FreeMemory(Session);
    ObDereferenceObject(Session->ToStackSpace);
    ObDereferenceObject(Session->ToStackPackets);
    ObDereferenceObject(Session->ToAppPackets);
    ExFreePoolWithTag(Session, TUN_TAG);
}

/* Gives the program, in whose thread this runs, its handle of the memory; Rings as in SessionMake. Nothing undoes it. */
_Use_decl_annotations_
NTSTATUS SessionGrant(const TUN_SESSION *Session, ULONG Rings, TUN_START_OUTPUT *Output)
{
    ULONG64 Stride = TunRingStride(Session->ToApp.Capacity);
    HANDLE Section;
    /* The program's own handle, in the process that asks, which is the present one: so no OBJ_KERNEL_HANDLE, whose page
     * demands it only lest a process get at a handle that is not meant for it. KernelMode because the device has already
     * judged who may have it, and a section has no list of its own for the accounts that the device lets in. */
    NTSTATUS Status = ObOpenObjectByPointer(Session->SectionObject, 0, NULL, SECTION_MAP_READ | SECTION_MAP_WRITE, NULL,
                                            KernelMode, &Section);
    if (!NT_SUCCESS(Status))
        return Status;
    *Output = (TUN_START_OUTPUT){.Section = (ULONG64)(ULONG_PTR)Section,
                                 .SectionSize = Rings * Stride,
                                 .ToApp = 0,
                                 .ToStack = (Rings - 1) * Stride,
                                 .Offloads = Session->Offloads};
    return STATUS_SUCCESS;
}
