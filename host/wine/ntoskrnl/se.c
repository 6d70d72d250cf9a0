/* SPDX-License-Identifier: MIT */
/*
 * Who may what, under Wine: the token of the program whose request it is, or of the one that its thread stands in for,
 * and wineserver's access check with it. A subject context holds handles where Windows has pointers to tokens. No
 * state. PASSIVE_LEVEL.
 */
#include "host/ndis/descriptor.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define TOKEN_ACCESS        0x000a /* TOKEN_DUPLICATE | TOKEN_QUERY */
#define TOKEN_IMPERSONATION 2
#define THREAD_QUERY        0x0040
#define DESCRIPTOR_LIMIT    1024
#define SID_SIZE            12 /* of SYSTEM's */

__declspec(dllimport) NTSTATUS NtOpenThread(HANDLE *Thread, ACCESS_MASK Access, OBJECT_ATTRIBUTES *Attributes,
                                            CLIENT_ID *Id);
__declspec(dllimport) NTSTATUS NtOpenThreadToken(HANDLE Thread, ACCESS_MASK Access, BOOLEAN AsSelf, HANDLE *Token);
__declspec(dllimport) NTSTATUS NtOpenProcessToken(HANDLE Process, ACCESS_MASK Access, HANDLE *Token);
__declspec(dllimport) NTSTATUS NtDuplicateToken(HANDLE Token, ACCESS_MASK Access, OBJECT_ATTRIBUTES *Attributes,
                                                BOOLEAN EffectiveOnly, ULONG Type, HANDLE *New);
__declspec(dllimport) NTSTATUS NtAccessCheck(PSECURITY_DESCRIPTOR Descriptor, HANDLE Token, ACCESS_MASK Desired,
                                             GENERIC_MAPPING *Mapping, PVOID Privileges, ULONG *PrivilegesLength,
                                             ACCESS_MASK *Granted, NTSTATUS *Status);

/* SeCaptureSubjectContext: the thread's token if it stands in for somebody, and the process' own. */
VOID SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    CLIENT_ID Id = {.UniqueThread = PsGetCurrentThreadId()};
    HANDLE Token = NULL;
    RtlZeroMemory(SubjectContext, sizeof(*SubjectContext));
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    HANDLE Thread;
    if (NT_SUCCESS(NtOpenThread(&Thread, THREAD_QUERY, &Attributes, &Id)))
    {
        if (NT_SUCCESS(NtOpenThreadToken(Thread, TOKEN_ACCESS, TRUE, &Token)))
        {
            SubjectContext->ClientToken = Token;
            SubjectContext->ImpersonationLevel = SecurityImpersonation;
        }
        NtClose(Thread);
    }
    HANDLE Process;
    if (NT_SUCCESS(ObjectOpenCaller(&Process)))
    {
        if (NT_SUCCESS(NtOpenProcessToken(Process ? Process : NtCurrentProcess(), TOKEN_ACCESS, &Token)))
            SubjectContext->PrimaryToken = Token;
        if (Process)
            NtClose(Process);
    }
    SubjectContext->ProcessAuditId = PsGetCurrentProcessId();
}

/* A token's rights are not changed by anybody here: nothing to lock. */
VOID SeLockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    UNREFERENCED_PARAMETER(SubjectContext);
}

VOID SeUnlockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    UNREFERENCED_PARAMETER(SubjectContext);
}

VOID SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    if (SubjectContext->ClientToken)
        NtClose(SubjectContext->ClientToken);
    if (SubjectContext->PrimaryToken)
        NtClose(SubjectContext->PrimaryToken);
    RtlZeroMemory(SubjectContext, sizeof(*SubjectContext));
}

/* A self-relative descriptor as NtAccessCheck wants it, which refuses one without owner and group: both are then SYSTEM. */
static PSECURITY_DESCRIPTOR WithOwner(_In_ PSECURITY_DESCRIPTOR Descriptor, _Out_writes_(DESCRIPTOR_LIMIT) PUCHAR Room)
{
    static const UCHAR System[SID_SIZE] = {1, 1, 0, 0, 0, 0, 0, 5, 18};
    ULONG Length = RtlLengthSecurityDescriptor(Descriptor);
    ULONG *Offsets = (ULONG *)(Room + 4); /* of owner, group, SACL and DACL */
    if (!(((USHORT *)Descriptor)[1] & SE_SELF_RELATIVE) || Length + SID_SIZE > DESCRIPTOR_LIMIT)
        return Descriptor;
    RtlCopyMemory(Room, Descriptor, Length);
    RtlCopyMemory(Room + Length, System, SID_SIZE);
    Offsets[0] = Offsets[0] ? Offsets[0] : Length;
    Offsets[1] = Offsets[1] ? Offsets[1] : Length;
    return Room;
}

/* SeAccessCheck: TRUE and *GrantedAccess, or FALSE and why not in *AccessStatus. Privileges are not given back. */
BOOLEAN SeAccessCheck(PSECURITY_DESCRIPTOR SecurityDescriptor, PSECURITY_SUBJECT_CONTEXT SubjectContext,
                      BOOLEAN SubjectContextLocked, ACCESS_MASK DesiredAccess, ACCESS_MASK PreviouslyGrantedAccess,
                      PVOID *Privileges, PGENERIC_MAPPING GenericMapping, KPROCESSOR_MODE AccessMode,
                      ACCESS_MASK *GrantedAccess, PNTSTATUS AccessStatus)
{
    struct
    {
        ULONG Length;
        SECURITY_IMPERSONATION_LEVEL Level;
        UCHAR Tracking, EffectiveOnly;
    } Quality = {sizeof(Quality), SecurityImpersonation, 0, 0};
    HANDLE Token = SubjectContext->ClientToken ? SubjectContext->ClientToken : SubjectContext->PrimaryToken;
    UCHAR PrivilegeRoom[256];
    ULONG PrivilegeLength = sizeof(PrivilegeRoom);
    UNREFERENCED_PARAMETER(SubjectContextLocked);
    if (Privileges)
        *Privileges = NULL;
    *GrantedAccess = PreviouslyGrantedAccess;
    if (AccessMode == KernelMode || !DesiredAccess)
    {
        *GrantedAccess |= DesiredAccess;
        *AccessStatus = *GrantedAccess ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
        return *GrantedAccess != 0;
    }
    if (!SecurityDescriptor || !Token)
    {
        *AccessStatus = STATUS_ACCESS_DENIED;
        return FALSE;
    }
    OBJECT_ATTRIBUTES Attributes;
    /* The check takes only tokens of somebody who is stood in for. */
    InitializeObjectAttributes(&Attributes, NULL, 0, NULL, NULL);
    Attributes.SecurityQualityOfService = &Quality;
    HANDLE Copy;
    NTSTATUS Status = NtDuplicateToken(Token, TOKEN_ACCESS, &Attributes, FALSE, TOKEN_IMPERSONATION, &Copy);
    if (NT_SUCCESS(Status))
    {
        UCHAR Room[DESCRIPTOR_LIMIT];
        Status = NtAccessCheck(WithOwner(SecurityDescriptor, Room), Copy, DesiredAccess, GenericMapping, PrivilegeRoom,
                               &PrivilegeLength, GrantedAccess, AccessStatus);
        NtClose(Copy);
    }
    if (!NT_SUCCESS(Status))
        *AccessStatus = Status;
    if (!NT_SUCCESS(*AccessStatus))
    {
        *GrantedAccess = 0;
        return FALSE;
    }
    *GrantedAccess |= PreviouslyGrantedAccess;
    return TRUE;
}

/* What the generic rights mean for files: "File Security and Access Rights". */
PGENERIC_MAPPING IoGetFileObjectGenericMapping(VOID)
{
    static GENERIC_MAPPING Mapping = {
        .GenericRead = 0x120089, .GenericWrite = 0x120116, .GenericExecute = 0x1200a0, .GenericAll = FILE_ALL_ACCESS};
    return &Mapping;
}

/* Wine 8's looks at the first byte only; Wine 10's says the opposite of what it found. */
BOOLEAN RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length,
                                           SECURITY_INFORMATION RequiredInformation)
{
    return DescriptorValid(SecurityDescriptor, Length, RequiredInformation);
}
