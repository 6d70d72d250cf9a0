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
    OURS(IoCreateSymbolicLink),
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
    OURS(MmAllocatePagesForMdlEx),
    OURS(MmBuildMdlForNonPagedPool),
    OURS(MmFreePagesFromMdl),
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
    OURS(PoRequestPowerIrp),
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

static VOID SetName(_In_ PVOID Base, _In_ const UNICODE_STRING *Name)
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

/* A function that Wine has by name only begins with code that raises an exception of this name (so do Wine 8's and 10's). */
static BOOLEAN IsStub(_In_ const UCHAR *Code, _In_z_ PCSTR Name)
{
    static const UCHAR Stub[] = {0x48, 0x83, 0xec, 0x28, 0x48, 0x8d, 0x0d, 0, 0,   0,
                                 0,    0x48, 0x8d, 0x15, 0,    0,    0,    0, 0xe8};
    for (ULONG I = 0; I < sizeof(Stub); I++)
        if (Stub[I] && Code[I] != Stub[I])
            return FALSE;
    LONG Offset;
    RtlCopyMemory(&Offset, Code + 14, sizeof(Offset));
    return Same((PCSTR)Code + 18 + Offset, Name, 0);
}

/* MmGetSystemRoutineAddress: what an import of that name would be, or NULL. */
PVOID MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    ULONG Length = SystemRoutineName->Length / sizeof(WCHAR);
    CHAR Name[64];
    if (Length >= sizeof(Name))
        return NULL; /* nothing is called so */
    for (ULONG I = 0; I < Length; I++)
        Name[I] = (CHAR)SystemRoutineName->Buffer[I];
    Name[Length] = 0;
    PVOID Function = ImageFindReplacement(Name);
    if (!Function)
        Function = WineKernel.MmGetSystemRoutineAddress(SystemRoutineName);
    return Function && !IsStub(Function, Name) ? Function : NULL;
}

/* ---- What cannot be loaded. */

#define STATUS_DRIVER_ENTRYPOINT_NOT_FOUND ((NTSTATUS)0xc0000263)
#define REG_OPTION_VOLATILE                1
#define MEM_IMAGE_TYPE                     0x1000000

/* What is at an address of the image, changed. */
static VOID Write(_In_ PVOID Address, _In_ const VOID *Data, _In_ ULONG Length)
{
    PVOID Page = Address;
    SIZE_T Size = Length;
    ULONG Old;
    if (!NT_SUCCESS(NtProtectVirtualMemory(NtCurrentProcess(), &Page, &Size, RW_PAGE, &Old)))
        return;
    RtlCopyMemory(Address, Data, Length);
    NtProtectVirtualMemory(NtCurrentProcess(), &Page, &Size, Old, &Old);
}

/*
 * The DriverEntry of a driver that lacks an import: it fails with the status that Windows gives ("NTSTATUS Values",
 * MS-ERREF), so that its devices have CM_PROB_DRIVER_FAILED_LOAD, which the page of that name gives such a driver. The status is
 * noted at the service until this Windows ends, for DEVPKEY_Device_ProblemStatus: host/wine/cfgmgr32.
 */
static NTSTATUS EntryRefused(_In_ PDRIVER_OBJECT Driver, _In_ PUNICODE_STRING RegistryPath)
{
    static const WCHAR Under[] = L"\\HostLoad";
    static WCHAR Value[] = L"Status";
    UNICODE_STRING ValueName = {sizeof(Value) - sizeof(WCHAR), sizeof(Value), Value};
    ULONG Status = (ULONG)STATUS_DRIVER_ENTRYPOINT_NOT_FOUND;
    UNREFERENCED_PARAMETER(Driver);
    WCHAR Path[256];
    if (RegistryPath->Length + sizeof(Under) <= sizeof(Path))
    {
        UNICODE_STRING Name = {(USHORT)(RegistryPath->Length + sizeof(Under) - sizeof(WCHAR)), sizeof(Path), Path};
        RtlCopyMemory(Path, RegistryPath->Buffer, RegistryPath->Length);
        RtlCopyMemory((PUCHAR)Path + RegistryPath->Length, Under, sizeof(Under));
        OBJECT_ATTRIBUTES Attributes;
        InitializeObjectAttributes(&Attributes, &Name, OBJ_CASE_INSENSITIVE, NULL, NULL);
        HANDLE Key;
        if (NT_SUCCESS(ZwCreateKey(&Key, KEY_SET_VALUE, &Attributes, 0, NULL, REG_OPTION_VOLATILE, NULL)))
        {
            ZwSetValueKey(Key, &ValueName, 0, REG_DWORD, &Status, sizeof(Status));
            ZwClose(Key);
        }
    }
    return STATUS_DRIVER_ENTRYPOINT_NOT_FOUND;
}

/* From now on the image's entry point leads to EntryRefused. */
static VOID Refuse(_In_ PUCHAR Image, _In_ PUCHAR Header)
{
    struct
    {
        UCHAR Move[2]; /* mov rax, Target */
        UCHAR Target[8];
        UCHAR Jump[2]; /* jmp rax */
    } Code = {{0x48, 0xb8}, {0}, {0xff, 0xe0}};
    PVOID Target = (PVOID)EntryRefused;
    RtlCopyMemory(Code.Target, &Target, sizeof(Target));
    Write(Image + *(ULONG *)(Header + 24 + 16), &Code, sizeof(Code));
}

/* Why an import cannot be used, or NULL. Wine's loader binds what no module exports to code of its own making, outside of all
 * modules. */
static PCSTR Lacks(_In_ ULONG_PTR Bound, _In_z_ PCSTR Name)
{
    HOST_MEMORY_INFORMATION Memory;
    SIZE_T Done;
    if (!NT_SUCCESS(NtQueryVirtualMemory(NtCurrentProcess(), (PVOID)Bound, 0 /* MemoryBasicInformation */, &Memory,
                                         sizeof(Memory), &Done)) ||
        Memory.Type != MEM_IMAGE_TYPE)
    {
        return "is not there";
    }
    return IsStub((PUCHAR)Bound, Name) ? "does nothing in this Wine" : NULL;
}

/*
 * Completes the imports of an image that imports ndis.sys; others are left alone. Doing it twice changes nothing. If one is
 * not to be had, the driver does not start: on Windows it would not be loaded either.
 */
VOID ImagePatch(PVOID Base, const UNICODE_STRING *FileName)
{
    PUCHAR Image = Base;
    PUCHAR Header = Image + *(ULONG *)(Image + 0x3c);
    ULONG Imports = *(ULONG *)(Header + 24 + 112 + 8), Patched = 0, Lacking = 0;
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
    if (FileName)
        SetName(Base, FileName);
    for (ULONG *Entry = (ULONG *)(Image + Imports); Entry[3]; Entry += 5)
    {
        PCSTR Module = (PCSTR)Image + Entry[3];
        ULONG_PTR *Name = (ULONG_PTR *)(Image + (Entry[0] ? Entry[0] : Entry[4]));
        ULONG_PTR *Slot = (ULONG_PTR *)(Image + Entry[4]);
        BOOLEAN Kernel = Same(Module, "ntoskrnl.exe", 0x20) || Same(Module, "hal.dll", 0x20);
        for (; *Name; Name++, Slot++)
        {
            if ((LONG_PTR)*Name < 0) /* by its number: nothing of the kernel's is */
                continue;
            PCSTR Import = (PCSTR)Image + *Name + 2;
            PVOID Function = Kernel ? ImageFindReplacement(Import) : NULL;
            PCSTR Why = Function ? NULL : Lacks(*Slot, Import);
            if (Why)
            {
                ULONG_PTR Offset;
                DbgPrint("wine: %s cannot be loaded: %s of %s %s\n", ImageOf(Base, &Offset), Import, Module, Why);
                Lacking++;
            }
            else if (Function && *Slot != (ULONG_PTR)Function)
            {
                Write(Slot, &Function, sizeof(Function));
                Patched++;
            }
        }
    }
    if (Lacking)
        Refuse(Image, Header);
    else if (Patched)
        DbgPrint("wine: %lu imports of image %p completed\n", (unsigned long)Patched, Base);
}
