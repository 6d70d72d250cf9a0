/* SPDX-License-Identifier: MIT */
/*
 * Drivers' images: which there are, and the completion of their import tables. A function that Wine's ntoskrnl lacks,
 * or does not do as documented, is replaced there by ours, so that the driver's file stays the shipped one. Filled by
 * the loader (one thread at a time), read by anyone; entries are never moved.
 */
#include "host/wine/ntoskrnl/kernel.h"

#define IMAGE_LIMIT 64
#define NAME_LIMIT  32
#define RW_PAGE     0x04

typedef struct _IMAGE
{
    volatile ULONG_PTR Base; /* 0: free */
    ULONG_PTR Size;
    CHAR Name[NAME_LIMIT];
} IMAGE;

typedef struct _REPLACEMENT
{
    PCSTR Name;
    PVOID Function;
} REPLACEMENT;

static IMAGE Images[IMAGE_LIMIT];

/* Functions whose names the compiler may know take their address through a cast only here. */
int __C_specific_handler(PVOID Record, PVOID Frame, PVOID Context, PVOID Dispatch);

#define OURS(Name) {#Name, (PVOID)Name}
static const REPLACEMENT Replacements[] = {
    OURS(__C_specific_handler),
    OURS(DbgPrint),
    OURS(EtwRegister),
    OURS(EtwSetInformation),
    OURS(EtwUnregister),
    OURS(EtwWriteTransfer),
    OURS(ExAcquireFastMutex),
    OURS(ExAcquireResourceExclusiveLite),
    OURS(ExAcquireResourceSharedLite),
    OURS(ExAcquireRundownProtection),
    OURS(ExAcquireRundownProtectionEx),
    OURS(ExAcquireSharedStarveExclusive),
    OURS(ExAcquireSpinLockExclusive),
    OURS(ExAcquireSpinLockExclusiveAtDpcLevel),
    OURS(ExAcquireSpinLockShared),
    OURS(ExAcquireSpinLockSharedAtDpcLevel),
    OURS(ExAllocatePoolWithTag),
    OURS(ExDeleteResourceLite),
    OURS(ExFreePool),
    OURS(ExFreePoolWithTag),
    OURS(ExInitializeResourceLite),
    OURS(ExInitializeRundownProtection),
    OURS(ExIsResourceAcquiredExclusiveLite),
    OURS(ExIsResourceAcquiredSharedLite),
    OURS(ExRaiseStatus),
    OURS(ExReInitializeRundownProtection),
    OURS(ExReleaseFastMutex),
    OURS(ExReleaseResourceLite),
    OURS(ExReleaseRundownProtection),
    OURS(ExReleaseRundownProtectionEx),
    OURS(ExReleaseSpinLockExclusive),
    OURS(ExReleaseSpinLockExclusiveFromDpcLevel),
    OURS(ExReleaseSpinLockShared),
    OURS(ExReleaseSpinLockSharedFromDpcLevel),
    OURS(ExRundownCompleted),
    OURS(ExTryConvertSharedSpinLockExclusive),
    OURS(ExWaitForRundownProtectionRelease),
    OURS(IoAllocateMdl),
    OURS(IoBuildPartialMdl),
    OURS(IoDeleteDevice),
    OURS(IoFreeMdl),
    OURS(IoGetCurrentProcess),
    OURS(IoGetDevicePropertyData),
    OURS(IoGetFileObjectGenericMapping),
    OURS(IoGetRequestorProcessId),
    OURS(IoIs32bitProcess),
    OURS(KeAcquireInStackQueuedSpinLock),
    OURS(KeAcquireInStackQueuedSpinLockAtDpcLevel),
    OURS(KeAcquireSpinLockAtDpcLevel),
    OURS(KeAcquireSpinLockRaiseToDpc),
    OURS(KeCancelTimer),
    OURS(KeClearEvent),
    OURS(KeFlushQueuedDpcs),
    OURS(KeGetCurrentIrql),
    OURS(KeInitializeDpc),
    OURS(KeInitializeEvent),
    OURS(KeInitializeTimer),
    OURS(KeInitializeTimerEx),
    OURS(KeInsertQueueDpc),
    OURS(KeLowerIrql),
    OURS(KeQuerySystemTimePrecise),
    OURS(KeQueryUnbiasedInterruptTime),
    OURS(KeRaiseIrqlToDpcLevel),
    OURS(KeReadStateEvent),
    OURS(KeReleaseInStackQueuedSpinLock),
    OURS(KeReleaseInStackQueuedSpinLockFromDpcLevel),
    OURS(KeReleaseSpinLock),
    OURS(KeReleaseSpinLockFromDpcLevel),
    OURS(KeRemoveQueueDpc),
    OURS(KeResetEvent),
    OURS(KeSetBasePriorityThread),
    OURS(KeSetEvent),
    OURS(KeSetTimer),
    OURS(KeSetTimerEx),
    OURS(KeStackAttachProcess),
    OURS(KeStallExecutionProcessor),
    OURS(KeTryToAcquireSpinLockAtDpcLevel),
    OURS(KeUnstackDetachProcess),
    OURS(KeWaitForMultipleObjects),
    OURS(KeWaitForSingleObject),
    OURS(KfRaiseIrql),
    OURS(MmBuildMdlForNonPagedPool),
    OURS(MmGetSystemRoutineAddress),
    OURS(MmMapLockedPagesSpecifyCache),
    OURS(MmMapViewInSystemSpace),
    OURS(MmProbeAndLockPages),
    {"MmSectionObjectType", (PVOID)&HostSectionType},
    OURS(MmSizeOfMdl),
    OURS(MmUnlockPages),
    OURS(MmUnmapLockedPages),
    OURS(MmUnmapViewInSystemSpace),
    OURS(ObCloseHandle),
    OURS(ObfDereferenceObject),
    OURS(ObfReferenceObject),
    OURS(ObOpenObjectByPointer),
    OURS(ObReferenceObjectByHandle),
    OURS(PsGetCurrentProcessId),
    OURS(PsGetCurrentThreadId),
    OURS(PsSetCreateProcessNotifyRoutine),
    OURS(RtlValidRelativeSecurityDescriptor),
    OURS(SeAccessCheck),
    OURS(SeCaptureSubjectContext),
    OURS(SeLockSubjectContext),
    OURS(SeReleaseSubjectContext),
    OURS(SeUnlockSubjectContext),
    OURS(ZwQuerySystemInformation),
    OURS(ZwSetSecurityObject),
    OURS(ZwYieldExecution),
};

static BOOLEAN Same(_In_z_ PCSTR A, _In_z_ PCSTR B, _In_ CHAR Fold)
{
    while (*A && (*A | Fold) == (*B | Fold))
    {
        A++;
        B++;
    }
    return *A == *B;
}

static IMAGE *FindImage(_In_ ULONG_PTR Address)
{
    for (ULONG I = 0; I < IMAGE_LIMIT; I++)
        if (Images[I].Base && Address - Images[I].Base < Images[I].Size)
            return &Images[I];
    return NULL;
}

PVOID ImageBaseOf(PVOID Address)
{
    IMAGE *Image = FindImage((ULONG_PTR)Address);
    return Image ? (PVOID)Image->Base : NULL;
}

PCSTR ImageOf(PVOID Address, ULONG_PTR *Offset)
{
    IMAGE *Image = FindImage((ULONG_PTR)Address);
    *Offset = (ULONG_PTR)Address - (Image ? Image->Base : 0);
    return Image ? Image->Name : "?";
}

VOID ImageSetName(PVOID Base, const UNICODE_STRING *Name)
{
    IMAGE *Image = FindImage((ULONG_PTR)Base);
    ULONG Length = 0;
    for (; Image && Length < Name->Length / sizeof(WCHAR) && Length < NAME_LIMIT - 1; Length++)
    {
        Image->Name[Length] = (CHAR)Name->Buffer[Length];
        Image->Name[Length + 1] = 0;
    }
}

VOID ImageForget(PVOID Base)
{
    IMAGE *Image = FindImage((ULONG_PTR)Base);
    if (Image)
        Image->Base = 0;
}

PVOID ImageFindReplacement(PCSTR Name)
{
    for (ULONG I = 0; I < RTL_NUMBER_OF(Replacements); I++)
        if (Same(Name, Replacements[I].Name, 0))
            return Replacements[I].Function;
    return NULL;
}

/* MmGetSystemRoutineAddress: what an import of that name would be, or NULL. */
PVOID MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    ULONG Length = SystemRoutineName->Length / sizeof(WCHAR);
    PVOID Function = NULL;
    CHAR Name[64];
    if (Length < sizeof(Name))
    {
        for (ULONG I = 0; I < Length; I++)
            Name[I] = (CHAR)SystemRoutineName->Buffer[I];
        Name[Length] = 0;
        Function = ImageFindReplacement(Name);
    }
    return Function ? Function : WineKernel.MmGetSystemRoutineAddress(SystemRoutineName);
}

/* Completes the imports of an image that imports ndis.sys; others are left alone. Doing it twice changes nothing. */
VOID ImagePatch(PVOID Base)
{
    PUCHAR Image = Base;
    PUCHAR Header = Image + *(ULONG *)(Image + 0x3c);
    ULONG Imports = *(ULONG *)(Header + 24 + 112 + 8), Patched = 0;
    BOOLEAN Miniport = FALSE;
    if (!Imports || *(USHORT *)(Header + 24) != 0x20b)
        return;
    for (ULONG *Entry = (ULONG *)(Image + Imports); Entry[3]; Entry += 5)
        Miniport |= Same((PCSTR)Image + Entry[3], "ndis.sys", 0x20);
    if (!Miniport)
        return;
    if (!FindImage((ULONG_PTR)Base))
    {
        for (ULONG I = 0; I < IMAGE_LIMIT; I++)
        {
            if (!Images[I].Base)
            {
                Images[I].Size = *(ULONG *)(Header + 24 + 56);
                Images[I].Base = (ULONG_PTR)Base;
                break;
            }
        }
    }
    for (ULONG *Entry = (ULONG *)(Image + Imports); Entry[3]; Entry += 5)
    {
        PCSTR Module = (PCSTR)Image + Entry[3];
        ULONG_PTR *Name = (ULONG_PTR *)(Image + (Entry[0] ? Entry[0] : Entry[4]));
        ULONG_PTR *Slot = (ULONG_PTR *)(Image + Entry[4]);
        if (!Same(Module, "ntoskrnl.exe", 0x20) && !Same(Module, "hal.dll", 0x20))
            continue;
        for (; *Name; Name++, Slot++)
        {
            PVOID Function = (LONG_PTR)*Name < 0 ? NULL : ImageFindReplacement((PCSTR)Image + *Name + 2);
            PVOID Page = Slot;
            SIZE_T Size = sizeof(*Slot);
            ULONG Old;
            if (Function && *Slot != (ULONG_PTR)Function &&
                NT_SUCCESS(NtProtectVirtualMemory(NtCurrentProcess(), &Page, &Size, RW_PAGE, &Old)))
            {
                *Slot = (ULONG_PTR)Function;
                NtProtectVirtualMemory(NtCurrentProcess(), &Page, &Size, Old, &Old);
                Patched++;
            }
        }
    }
    if (Patched)
        DbgPrint("wine: %lu imports of image %p completed\n", (unsigned long)Patched, Base);
}
