/* SPDX-License-Identifier: MIT */
/*
 * Security: self-relative descriptors are checked byte by byte and their access lists are followed, for three accounts.
 * There are no privileges, no impersonation, no audit and no integrity levels. Pages: "SECURITY_DESCRIPTOR",
 * [MS-DTYP] 2.4. Nothing here has state; any thread.
 */
#include "host/ndis/descriptor.h"
#include "host/nt/nt.h"

#define ACE_INHERIT_ONLY 0x08

typedef struct _SID_BYTES
{
    UCHAR Length;
    UCHAR Bytes[28];
} SID_BYTES;

static const SID_BYTES Everyone = {12, {1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}};
static const SID_BYTES Authenticated = {12, {1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0}};
static const SID_BYTES LocalSystem = {12, {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0}};
static const SID_BYTES Administrators = {16, {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0}};
static const SID_BYTES User = {
    28, {1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xe9, 3, 0, 0}};

/* D:P(A;;GA;;;SY)(A;;GA;;;BA) */
const UCHAR NtDefaultDescriptor[] __attribute__((aligned(8))) = {
    1, 0, 0x04, 0x90, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0,                 /* the header */
    2, 0, 52,   0,    2, 0, 0, 0,                                                         /* the list */
    0, 0, 20,   0,    0, 0, 0, 0x10, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,                 /* SYSTEM */
    0, 0, 24,   0,    0, 0, 0, 0x10, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0}; /* Administrators */

static volatile LONG Contexts; /* captured and not released */

const GENERIC_MAPPING NtFileMapping = {0x120089, 0x120116, 0x1200a0, FILE_ALL_ACCESS};

VOID NtMapGeneric(ACCESS_MASK *Access, const GENERIC_MAPPING *Mapping)
{
    *Access |=
        (*Access & GENERIC_READ ? Mapping->GenericRead : 0) | (*Access & GENERIC_WRITE ? Mapping->GenericWrite : 0) |
        (*Access & GENERIC_EXECUTE ? Mapping->GenericExecute : 0) | (*Access & GENERIC_ALL ? Mapping->GenericAll : 0);
    *Access &= ~(ACCESS_MASK)(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}

BOOLEAN RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor, ULONG Length,
                                           SECURITY_INFORMATION RequiredInformation)
{
    NtIrql(APC_LEVEL);
    return !SimFail(__func__, SIM_PLACE()) && DescriptorValid(SecurityDescriptor, Length, RequiredInformation);
}

/* Of a valid descriptor: bytes up to the end of its last part. 0: not self-relative. */
ULONG NtDescriptorLength(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    const UCHAR *Bytes = SecurityDescriptor;
    const DESCRIPTOR *Header = SecurityDescriptor;
    ULONG Length = sizeof(*Header);
    if (Header->Revision != 1 || !(Header->Control & SE_SELF_RELATIVE))
        return 0;
    if (Header->Owner)
        Length = max(Length, Header->Owner + 8 + 4u * Bytes[Header->Owner + 1]);
    if (Header->Group)
        Length = max(Length, Header->Group + 8 + 4u * Bytes[Header->Group + 1]);
    if ((Header->Control & SE_DACL_PRESENT) && Header->Dacl)
        Length = max(Length, Header->Dacl + ((const ACL_HEADER *)(Bytes + Header->Dacl))->Size);
    if ((Header->Control & SE_SACL_PRESENT) && Header->Sacl)
        Length = max(Length, Header->Sacl + ((const ACL_HEADER *)(Bytes + Header->Sacl))->Size);
    return Length;
}

ULONG RtlLengthSecurityDescriptor(PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    return NtDescriptorLength(SecurityDescriptor);
}

static BOOLEAN Same(_In_ const UCHAR *Sid, _In_ const SID_BYTES *Known)
{
    return 8 + 4 * Sid[1] == Known->Length && memcmp(Sid, Known->Bytes, Known->Length) == 0;
}

static BOOLEAN Has(_In_ SIM_ACCOUNT Account, _In_ const UCHAR *Sid)
{
    return Same(Sid, &Everyone) || Same(Sid, &Authenticated) ||
           (Account == SimSystem && (Same(Sid, &LocalSystem) || Same(Sid, &Administrators))) ||
           (Account == SimAdministrator && Same(Sid, &Administrators)) || (Account == SimUser && Same(Sid, &User));
}

ACCESS_MASK NtAccessAllowed(PSECURITY_DESCRIPTOR Descriptor, SIM_ACCOUNT Account, const GENERIC_MAPPING *Mapping)
{
    const UCHAR *Bytes = Descriptor ? Descriptor : NtDefaultDescriptor;
    const DESCRIPTOR *Header = (const DESCRIPTOR *)Bytes;
    ACCESS_MASK Allowed = 0, Denied = 0;
    if (!(Header->Control & SE_DACL_PRESENT) || !Header->Dacl)
        return Mapping->GenericAll; /* no list: everyone everything */
    const ACL_HEADER *Acl = (const ACL_HEADER *)(Bytes + Header->Dacl);
    ULONG Offset = Header->Dacl + sizeof(*Acl);
    for (ULONG I = 0; I < Acl->Count; I++)
    {
        const ACE *Entry = (const ACE *)(Bytes + Offset);
        ACCESS_MASK Mask = Entry->Mask;
        NtMapGeneric(&Mask, Mapping);
        if (Entry->Type <= ACE_DENIED && !(Entry->Flags & ACE_INHERIT_ONLY) && Has(Account, Entry->Sid))
        {
            if (Entry->Type == ACE_ALLOWED)
                Allowed |= Mask & ~Denied;
            else
                Denied |= Mask & ~Allowed;
        }
        Offset += Entry->Size;
    }
    return Allowed;
}

/* ---- Subject contexts. A token is its process here, referenced; ProcessAuditId counts the locks. PASSIVE_LEVEL. */

static BOOLEAN Captured(_In_ const SECURITY_SUBJECT_CONTEXT *Context, _In_ PCSTR Call, _In_ const VOID *Place)
{
    return Context->PrimaryToken ? TRUE
                                 : NtRuleBroken("SubjectContext", Call, Place, "not captured, or released already");
}

VOID SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    NtIrql(PASSIVE_LEVEL);
    *SubjectContext = (SECURITY_SUBJECT_CONTEXT){.PrimaryToken = IoGetCurrentProcess()};
    if (SubjectContext->PrimaryToken != NtSystemProcess)
        ObfReferenceObject(SubjectContext->PrimaryToken);
    InterlockedIncrement(&Contexts);
}

VOID SeLockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    NtIrql(PASSIVE_LEVEL);
    if (Captured(SubjectContext, __func__, SIM_PLACE()))
        SubjectContext->ProcessAuditId = (PVOID)((ULONG_PTR)SubjectContext->ProcessAuditId + 1);
}

VOID SeUnlockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    NtIrql(PASSIVE_LEVEL);
    if (Captured(SubjectContext, __func__, SIM_PLACE()) &&
        NtRule("SubjectContext", SubjectContext->ProcessAuditId != NULL, "unlocked without having been locked"))
    {
        SubjectContext->ProcessAuditId = (PVOID)((ULONG_PTR)SubjectContext->ProcessAuditId - 1);
    }
}

VOID SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    NtIrql(PASSIVE_LEVEL);
    if (!Captured(SubjectContext, __func__, SIM_PLACE()))
        return;
    NtRule("SubjectContext", !SubjectContext->ProcessAuditId, "released while it is locked");
    if (SubjectContext->PrimaryToken != NtSystemProcess)
        ObfDereferenceObject(SubjectContext->PrimaryToken);
    *SubjectContext = (SECURITY_SUBJECT_CONTEXT){0};
    InterlockedDecrement(&Contexts);
}

BOOLEAN SeAccessCheck(PSECURITY_DESCRIPTOR SecurityDescriptor, PSECURITY_SUBJECT_CONTEXT SubjectContext,
                      BOOLEAN SubjectContextLocked, ACCESS_MASK DesiredAccess, ACCESS_MASK PreviouslyGrantedAccess,
                      PVOID *Privileges, PGENERIC_MAPPING GenericMapping, KPROCESSOR_MODE AccessMode,
                      ACCESS_MASK *GrantedAccess, PNTSTATUS AccessStatus)
{
    ACCESS_MASK Wanted = DesiredAccess & ~(ACCESS_MASK)MAXIMUM_ALLOWED;
    NtIrql(PASSIVE_LEVEL);
    if (!Captured(SubjectContext, __func__, SIM_PLACE()) || SimFail(__func__, SIM_PLACE()))
    {
        *GrantedAccess = 0;
        *AccessStatus = STATUS_ACCESS_DENIED;
        return FALSE;
    }
    NtRule("SubjectContext", !SubjectContextLocked || SubjectContext->ProcessAuditId, "said to be locked, and is not");
    NtMapGeneric(&Wanted, GenericMapping);
    ACCESS_MASK Allowed =
        AccessMode == KernelMode
            ? GenericMapping->GenericAll
            : NtAccessAllowed(SecurityDescriptor, ((PEPROCESS)SubjectContext->PrimaryToken)->Account, GenericMapping);
    Allowed |= PreviouslyGrantedAccess;
    *GrantedAccess = DesiredAccess & MAXIMUM_ALLOWED ? Allowed : Wanted;
    *AccessStatus = Wanted & ~Allowed ? STATUS_ACCESS_DENIED : STATUS_SUCCESS;
    if (Wanted & ~Allowed)
        *GrantedAccess = 0;
    return NT_SUCCESS(*AccessStatus);
}

/* SYSTEM and administrators have every privilege here, all others SeChangeNotifyPrivilege only. */
BOOLEAN SeSinglePrivilegeCheck(LUID PrivilegeValue, KPROCESSOR_MODE PreviousMode)
{
    NtIrql(PASSIVE_LEVEL);
    return PreviousMode == KernelMode || IoGetCurrentProcess()->Account != SimUser ||
           (PrivilegeValue.HighPart == 0 && PrivilegeValue.LowPart == 23);
}

VOID NtSeCheckEmpty(PCSTR When)
{
    LONG Left = ReadAcquire(&Contexts);
    if (Left)
        NtRuleBroken("Leak_SubjectContext", When, NULL, "%d subject contexts are not released", (int)Left);
}

PGENERIC_MAPPING IoGetFileObjectGenericMapping(VOID)
{
    return (PGENERIC_MAPPING)&NtFileMapping;
}
