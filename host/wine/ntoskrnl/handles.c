/* SPDX-License-Identifier: MIT */
/*
 * The system's handles, as a driver asks for them: Wine's list has no objects in it. A handle that leads to a file which
 * a program has open on a miniport's device is given that file's object; of the others only drivers of other devices
 * would know the objects. A few hundred trips to wineserver, so some 10 ms. PASSIVE_LEVEL, no state.
 */
#include "host/wine/ntoskrnl/kernel.h"

#define EXTENDED_HANDLES 64 /* SystemExtendedHandleInformation; ntdoc, as Microsoft has no page for it */
#define DUPLICATE_SAME   2

typedef struct _HANDLE_ENTRY
{
    PVOID Object;
    HANDLE ProcessId;
    HANDLE Handle;
    ULONG GrantedAccess;
    USHORT BackTrace, TypeIndex;
    ULONG Attributes, Reserved;
} HANDLE_ENTRY;

typedef struct _HANDLE_LIST
{
    ULONG_PTR Count, Reserved;
    HANDLE_ENTRY Entries[1];
} HANDLE_LIST;

__declspec(dllimport) NTSTATUS NtQuerySystemInformation(ULONG Class, PVOID Data, ULONG Length, ULONG *Done);

/* The file object behind a process' handle; NULL: it is none of a miniport's devices'. */
static PVOID FileOf(_In_ HANDLE Process, _In_ HANDLE Handle)
{
    PVOID Object = NULL;
    HANDLE Own;
    if (!NT_SUCCESS(NtDuplicateObject(Process, Handle, NtCurrentProcess(), &Own, 0, 0, DUPLICATE_SAME)))
        return NULL;
    if (NT_SUCCESS(WineKernel.ObReferenceObjectByHandle(Own, 0, *WineKernel.FileType, KernelMode, &Object, NULL)))
    {
        WineKernel.ObfDereferenceObject(Object);
        Object = FilesKnow(Object) ? Object : NULL;
    }
    NtClose(Own);
    return Object;
}

static VOID FillObjects(_Inout_ HANDLE_LIST *List)
{
    HANDLE Process = NULL, ProcessId = NULL;
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    for (ULONG_PTR I = 0; I < List->Count; I++)
    {
        HANDLE_ENTRY *Entry = &List->Entries[I];
        if (Entry->ProcessId != ProcessId)
        {
            CLIENT_ID Id = {.UniqueProcess = Entry->ProcessId};
            if (Process)
                NtClose(Process);
            ProcessId = Entry->ProcessId;
            Process = NULL;
            NtOpenProcess(&Process, PROCESS_DUP_HANDLE, &Attributes, &Id);
        }
        if (Process)
            Entry->Object = FileOf(Process, Entry->Handle);
    }
    if (Process)
        NtClose(Process);
}

/* Wine tells no size of a list of handles for which there is no room at all: 0 stays 0 however often one asks. */
static ULONG ListSize(VOID)
{
    for (ULONG Size = 0x10000;; Size *= 2)
    {
        HANDLE_LIST *List = ExAllocatePoolWithTag(PagedPool, Size, KERNEL_TAG);
        if (!List)
            return Size;
        NTSTATUS Status = NtQuerySystemInformation(EXTENDED_HANDLES, List, Size, NULL);
        ULONG Needed = NT_SUCCESS(Status)
                           ? (ULONG)(FIELD_OFFSET(HANDLE_LIST, Entries) + List->Count * sizeof(HANDLE_ENTRY))
                           : Size;
        ExFreePoolWithTag(List, KERNEL_TAG);
        if (Status != STATUS_INFO_LENGTH_MISMATCH)
            return Needed;
    }
}

NTSTATUS ZwQuerySystemInformation(ULONG SystemInformationClass, PVOID Information, ULONG InformationLength,
                                  PULONG ReturnLength)
{
    NTSTATUS Status = NtQuerySystemInformation(SystemInformationClass, Information, InformationLength, ReturnLength);
    if (SystemInformationClass != EXTENDED_HANDLES)
        return Status;
    if (NT_SUCCESS(Status) && FilesAny())
        FillObjects(Information);
    if (Status == STATUS_INFO_LENGTH_MISMATCH && ReturnLength)
        *ReturnLength = ListSize();
    return Status;
}
