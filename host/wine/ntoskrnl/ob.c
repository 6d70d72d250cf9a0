/* SPDX-License-Identifier: MIT */
/*
 * Objects behind handles under Wine: a program's events, and sections, which Wine's kernel does not know as objects.
 * An object of ours holds a handle of this process for as long as it is referenced. PASSIVE_LEVEL for handles,
 * references at any level; counts are atomic and nothing is locked. Everything else goes on to Wine.
 */
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define OBJECT_MARK     0xb7ec7b7ec7000000ull
#define DUPLICATE_CLOSE 1
#define DUPLICATE_SAME  2

typedef struct _HOST_OBJECT
{
    KEVENT Event; /* for its header only: the mark lies where an event's initialised mark does */
    OBJECT_KIND Kind;
    volatile LONG References;
    HANDLE Handle;
} HOST_OBJECT;

/* MmSectionObjectType of the miniport's imports points here: Wine exports a stub for it. */
POBJECT_TYPE HostSectionType = (POBJECT_TYPE)&HostSectionType;

OBJECT_KIND ObjectKind(PVOID Object)
{
    HOST_OBJECT *Host = Object;
    return (ULONG_PTR)Host->Event.Header.WaitListHead.Flink == ((ULONG_PTR)Host ^ OBJECT_MARK) ? Host->Kind
                                                                                               : ObjectNone;
}

HANDLE ObjectHandle(PVOID Object)
{
    return ObjectKind(Object) != ObjectNone ? ((HOST_OBJECT *)Object)->Handle : NULL;
}

/* Compares the name of a handle's type, such as "Event". */
static BOOLEAN HandleIs(_In_ HANDLE Handle, _In_z_ PCSTR TypeName)
{
    ULONG I = 0;
    struct
    {
        UNICODE_STRING Name;
        UCHAR Rest[512];
    } Type;
    if (!NT_SUCCESS(NtQueryObject(Handle, 2 /* ObjectTypeInformation */, &Type, sizeof(Type), NULL)))
        return FALSE;
    for (; TypeName[I] && I < Type.Name.Length / sizeof(WCHAR); I++)
        if (Type.Name.Buffer[I] != (WCHAR)TypeName[I])
            return FALSE;
    return !TypeName[I] && I == Type.Name.Length / sizeof(WCHAR);
}

static ACCESS_MASK GrantedAccess(_In_ HANDLE Handle)
{
    ULONG Basic[14] = {0}; /* OBJECT_BASIC_INFORMATION: attributes, access, ... */
    NtQueryObject(Handle, 0, Basic, sizeof(Basic), NULL);
    return Basic[1];
}

NTSTATUS ObjectOpenCaller(HANDLE *Process)
{
    CLIENT_ID Id = {.UniqueProcess = PsGetCurrentProcessId()};
    HANDLE Own;
    __asm__("movq %%gs:0x40, %0" : "=r"(Own));
    *Process = NULL;
    if (Id.UniqueProcess == Own)
        return STATUS_SUCCESS;
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    return NtOpenProcess(Process, PROCESS_ALL_ACCESS, &Attributes, &Id);
}

/* A handle of this process' for what Handle is in the calling one. */
static NTSTATUS TakeFromCaller(_In_ HANDLE Handle, _In_ ACCESS_MASK DesiredAccess, _Out_ HANDLE *Taken)
{
    if ((LONG_PTR)Handle <= 0)
        return STATUS_INVALID_HANDLE; /* pseudo handles and the kernel's own are not for programs to pass */
    HANDLE Process;
    NTSTATUS Status = ObjectOpenCaller(&Process);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = NtDuplicateObject(Process ? Process : NtCurrentProcess(), Handle, NtCurrentProcess(), Taken, 0, 0,
                               DUPLICATE_SAME);
    if (Process)
        NtClose(Process);
    if (NT_SUCCESS(Status) && (GrantedAccess(*Taken) & DesiredAccess) != DesiredAccess)
    {
        NtClose(*Taken);
        return STATUS_ACCESS_DENIED;
    }
    return Status;
}

static NTSTATUS NewObject(_In_ OBJECT_KIND Kind, _In_ HANDLE Handle, _Outptr_ PVOID *Object)
{
    HOST_OBJECT *Host = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Host), KERNEL_TAG);
    if (!Host)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Host, sizeof(*Host));
    Host->Event.Header.WaitListHead.Flink = (LIST_ENTRY *)((ULONG_PTR)Host ^ OBJECT_MARK);
    Host->Kind = Kind;
    Host->References = 1;
    Host->Handle = Handle;
    *Object = Host;
    return STATUS_SUCCESS;
}

/*
 * ObReferenceObjectByHandle: UserMode means a handle of the calling program, with a check of access; KernelMode one of
 * this process. STATUS_INVALID_HANDLE, _OBJECT_TYPE_MISMATCH, _ACCESS_DENIED, _INSUFFICIENT_RESOURCES.
 */
NTSTATUS ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
                                   KPROCESSOR_MODE AccessMode, PVOID *Object,
                                   POBJECT_HANDLE_INFORMATION HandleInformation)
{
    OBJECT_KIND Kind = ObjectNone;
    HANDLE Own = Handle;
    *Object = NULL;
    if (KeGetCurrentIrql() > PASSIVE_LEVEL)
        PlatformRuleBroken("Irql_Object", __func__, __builtin_return_address(0), "above PASSIVE_LEVEL");
    NTSTATUS Status;
    if (AccessMode == UserMode)
    {
        Status = TakeFromCaller(Handle, DesiredAccess, &Own);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    /* Wine's own handling of events and sections is what stands aside here; the rest is Wine's. */
    if (HandleIs(Own, "Event"))
    {
        Kind = ObjectEvent;
        Status = ObjectType && ObjectType != *WineKernel.EventType ? STATUS_OBJECT_TYPE_MISMATCH : STATUS_SUCCESS;
    }
    else if (HandleIs(Own, "Section"))
    {
        Kind = ObjectSection;
        Status = ObjectType && ObjectType != HostSectionType ? STATUS_OBJECT_TYPE_MISMATCH : STATUS_SUCCESS;
    }
    else if (ObjectType && (ObjectType == HostSectionType || ObjectType == *WineKernel.EventType))
    {
        ULONG Basic[14];
        Status = NtQueryObject(Own, 0, Basic, sizeof(Basic), NULL); /* STATUS_INVALID_HANDLE, if that is what it is */
        Status = NT_SUCCESS(Status) ? STATUS_OBJECT_TYPE_MISMATCH : Status;
    }
    else
    {
        Status =
            WineKernel.ObReferenceObjectByHandle(Own, DesiredAccess, ObjectType, KernelMode, Object, HandleInformation);
        goto closeOwn;
    }
    if (NT_SUCCESS(Status) && HandleInformation)
        *HandleInformation = (OBJECT_HANDLE_INFORMATION){.GrantedAccess = GrantedAccess(Own)};
    if (NT_SUCCESS(Status) && AccessMode == KernelMode)
    {
        /* The caller keeps and closes its handle; the object needs one of its own. */
        Status = NtDuplicateObject(NtCurrentProcess(), Handle, NtCurrentProcess(), &Own, 0, 0, DUPLICATE_SAME);
        AccessMode = UserMode;
    }
    if (NT_SUCCESS(Status))
    {
        Status = NewObject(Kind, Own, Object);
        if (NT_SUCCESS(Status))
            return Status;
    }

closeOwn:
    if (AccessMode == UserMode && Own != Handle)
        NtClose(Own);
    return Status;
}

LONG_PTR ObfReferenceObject(PVOID Object)
{
    return ObjectKind(Object) != ObjectNone ? InterlockedIncrement(&((HOST_OBJECT *)Object)->References)
                                            : WineKernel.ObfReferenceObject(Object);
}

LONG_PTR ObfDereferenceObject(PVOID Object)
{
    HOST_OBJECT *Host = Object;
    if (ObjectKind(Object) == ObjectNone)
        return WineKernel.ObfDereferenceObject(Object);
    LONG Left = InterlockedDecrement(&Host->References);
    if (!Left)
    {
        NtClose(Host->Handle);
        ExFreePoolWithTag(Host, KERNEL_TAG);
    }
    return Left;
}

/*
 * ObOpenObjectByPointer: without OBJ_KERNEL_HANDLE the handle is one of the process that the present request comes
 * from, as in Windows. For objects of ours; Wine does the others, in this process.
 */
NTSTATUS ObOpenObjectByPointer(PVOID Object, ULONG HandleAttributes, PVOID PassedAccessState, ACCESS_MASK DesiredAccess,
                               POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode, PHANDLE Handle)
{
    OBJECT_KIND Kind = ObjectKind(Object);
    HANDLE Process = NULL;
    if (Kind == ObjectNone)
    {
        return WineKernel.ObOpenObjectByPointer(Object, HandleAttributes, PassedAccessState, DesiredAccess, ObjectType,
                                                AccessMode, Handle);
    }
    *Handle = NULL;
    if (ObjectType && ObjectType != (Kind == ObjectEvent ? *WineKernel.EventType : HostSectionType))
        return STATUS_OBJECT_TYPE_MISMATCH;
    NTSTATUS Status;
    if (!(HandleAttributes & OBJ_KERNEL_HANDLE))
    {
        Status = ObjectOpenCaller(&Process);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    Status = NtDuplicateObject(NtCurrentProcess(), ObjectHandle(Object), Process ? Process : NtCurrentProcess(), Handle,
                               DesiredAccess, HandleAttributes & OBJ_INHERIT, 0);
    if (Process)
        NtClose(Process);
    return Status;
}

/* ObCloseHandle: UserMode closes a handle of the calling program. */
NTSTATUS ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode)
{
    HANDLE Process = NULL;
    NTSTATUS Status = PreviousMode == UserMode ? ObjectOpenCaller(&Process) : STATUS_SUCCESS;
    if (!Process)
        return NT_SUCCESS(Status) ? NtClose(Handle) : Status;
    HANDLE Moved;
    /* Wine closes a handle of another process only if it has a place to move it to. */
    Status = NtDuplicateObject(Process, Handle, NtCurrentProcess(), &Moved, 0, 0, DUPLICATE_SAME | DUPLICATE_CLOSE);
    NtClose(Process);
    if (NT_SUCCESS(Status))
        NtClose(Moved);
    return Status;
}

/* ZwSetSecurityObject: on a handle of a kernel object that wineserver keeps no descriptor for (a device), accepted. */
NTSTATUS ZwSetSecurityObject(HANDLE Handle, SECURITY_INFORMATION SecurityInformation,
                             PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    return NtSetSecurityObject(Handle, SecurityInformation, SecurityDescriptor);
}
