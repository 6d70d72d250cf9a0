/* SPDX-License-Identifier: MIT */
/*
 * ZwQuerySystemInformation: of its classes the two that list every handle of every process, by which drivers find who has
 * an object open. Microsoft documents the call and not these classes; their layout is that of the public phnt headers.
 */
#include "host/nt/nt.h"

#define SYSTEM_HANDLES          16
#define SYSTEM_EXTENDED_HANDLES 64

typedef struct _HANDLE_ENTRY
{
    USHORT Process, BackTrace;
    UCHAR Type, Attributes;
    USHORT Handle;
    PVOID Object;
    ULONG Access;
} HANDLE_ENTRY;

typedef struct _HANDLE_LIST
{
    ULONG Count;
    HANDLE_ENTRY Handles[];
} HANDLE_LIST;

typedef struct _EXTENDED_ENTRY
{
    PVOID Object;
    ULONG_PTR Process, Handle;
    ULONG Access;
    USHORT BackTrace, Type;
    ULONG Attributes, Reserved;
} EXTENDED_ENTRY;

typedef struct _EXTENDED_LIST
{
    ULONG_PTR Count, Reserved;
    EXTENDED_ENTRY Handles[];
} EXTENDED_LIST;

typedef struct _QUERY
{
    PVOID Information;
    BOOLEAN IsExtended;
    ULONG Room, Count; /* handles */
} QUERY;

static VOID Add(_In_ PVOID Context, _In_ const NT_HANDLE_SEEN *Seen)
{
    QUERY *Query = Context;
    ULONG Index = Query->Count++;
    if (Index >= Query->Room)
        return;
    if (Query->IsExtended)
    {
        ((EXTENDED_LIST *)Query->Information)->Handles[Index] = (EXTENDED_ENTRY){.Object = Seen->Object,
                                                                                 .Process = Seen->Process,
                                                                                 .Handle = (ULONG_PTR)Seen->Handle,
                                                                                 .Access = Seen->Access,
                                                                                 .Type = Seen->Type};
    }
    else
    {
        ((HANDLE_LIST *)Query->Information)->Handles[Index] = (HANDLE_ENTRY){.Process = (USHORT)Seen->Process,
                                                                             .Type = (UCHAR)Seen->Type,
                                                                             .Handle = (USHORT)(ULONG_PTR)Seen->Handle,
                                                                             .Object = Seen->Object,
                                                                             .Access = Seen->Access};
    }
}

/* STATUS_INFO_LENGTH_MISMATCH: *ReturnLength bytes would have held all; more handles may come before the next call. */
NTSTATUS ZwQuerySystemInformation(ULONG SystemInformationClass, PVOID Information, ULONG InformationLength,
                                  PULONG ReturnLength)
{
    QUERY Query = {.Information = Information, .IsExtended = SystemInformationClass == SYSTEM_EXTENDED_HANDLES};
    ULONG Header = Query.IsExtended ? sizeof(EXTENDED_LIST) : FIELD_OFFSET(HANDLE_LIST, Handles);
    ULONG Each = Query.IsExtended ? sizeof(EXTENDED_ENTRY) : sizeof(HANDLE_ENTRY);
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!NtRule("SystemInformation", Query.IsExtended || SystemInformationClass == SYSTEM_HANDLES,
                "class %u: only handles are known here", SystemInformationClass))
    {
        return STATUS_INVALID_INFO_CLASS;
    }
    Query.Room = InformationLength >= Header ? (InformationLength - Header) / Each : 0;
    NtHandlesEnumerate(Add, &Query);
    if (ReturnLength)
        *ReturnLength = Header + Query.Count * Each;
    if (InformationLength < Header || Query.Count > Query.Room)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (Query.IsExtended)
    {
        ((EXTENDED_LIST *)Information)->Count = Query.Count;
        ((EXTENDED_LIST *)Information)->Reserved = 0;
    }
    else
    {
        ((HANDLE_LIST *)Information)->Count = Query.Count;
    }
    return STATUS_SUCCESS;
}
