/* SPDX-License-Identifier: MIT */
/*
 * Self-relative security descriptors, byte by byte: what they consist of and whether they are whole. For the kernels that
 * the driver meets here, the simulator's and Wine's. Any thread, no state. Pages: "SECURITY_DESCRIPTOR", [MS-DTYP] 2.4.
 */
#ifndef HOST_NDIS_DESCRIPTOR_H
#define HOST_NDIS_DESCRIPTOR_H

#include <ntddk.h>

#define SE_SACL_PRESENT  0x0010
#define SE_SELF_RELATIVE 0x8000

typedef struct _DESCRIPTOR
{
    UCHAR Revision, Sbz1;
    USHORT Control;
    ULONG Owner, Group, Sacl, Dacl; /* offsets */
} DESCRIPTOR;

typedef struct _ACL_HEADER
{
    UCHAR Revision, Sbz1;
    USHORT Size, Count, Sbz2;
} ACL_HEADER;

typedef struct _ACE
{
    UCHAR Type, Flags;
    USHORT Size;
    ACCESS_MASK Mask;
    UCHAR Sid[];
} ACE;

#define ACE_ALLOWED 0
#define ACE_DENIED  1

/* Bytes of the SID at Sid, of which at most Room are there; 0: none. */
static ULONG SidLength(_In_ const UCHAR *Sid, _In_ ULONG Room)
{
    ULONG Length = Room >= 8 ? 8 + 4 * Sid[1] : 0;
    return Length && Sid[0] == 1 && Sid[1] <= 15 && Length <= Room ? Length : 0;
}

static BOOLEAN AclValid(_In_ const UCHAR *Acl, _In_ ULONG Room)
{
    const ACL_HEADER *Header = (const ACL_HEADER *)Acl;
    ULONG Offset = sizeof(*Header);
    if (Room < sizeof(*Header) || Header->Size > Room || Header->Size < sizeof(*Header) || Header->Revision < 2 ||
        Header->Revision > 4 || Header->Size % 4)
    {
        return FALSE;
    }
    for (ULONG I = 0; I < Header->Count; I++)
    {
        const ACE *Entry = (const ACE *)(Acl + Offset);
        if (Header->Size - Offset < sizeof(*Entry) || Entry->Size < sizeof(*Entry) || Entry->Size % 4 ||
            Entry->Size > Header->Size - Offset ||
            (Entry->Type <= ACE_DENIED && !SidLength(Entry->Sid, Entry->Size - (ULONG)sizeof(*Entry))))
        {
            return FALSE;
        }
        Offset += Entry->Size;
    }
    return TRUE;
}

static BOOLEAN PartValid(_In_ ULONG Offset, _In_ ULONG Length)
{
    return Offset % 4 == 0 && Offset >= sizeof(DESCRIPTOR) && Offset < Length;
}

/* What RtlValidRelativeSecurityDescriptor answers. "RtlValidRelativeSecurityDescriptor function (ntddk.h)" */
static BOOLEAN DescriptorValid(_In_ PSECURITY_DESCRIPTOR Descriptor, _In_ ULONG Length,
                               _In_ SECURITY_INFORMATION RequiredInformation)
{
    const UCHAR *Bytes = Descriptor;
    const DESCRIPTOR *Header = Descriptor;
    if (Length < sizeof(*Header) || Header->Revision != 1 || !(Header->Control & SE_SELF_RELATIVE))
        return FALSE;
    if (Header->Owner ? !PartValid(Header->Owner, Length) || !SidLength(Bytes + Header->Owner, Length - Header->Owner)
                      : (RequiredInformation & OWNER_SECURITY_INFORMATION) != 0)
    {
        return FALSE;
    }
    if (Header->Group ? !PartValid(Header->Group, Length) || !SidLength(Bytes + Header->Group, Length - Header->Group)
                      : (RequiredInformation & GROUP_SECURITY_INFORMATION) != 0)
    {
        return FALSE;
    }
    if (Header->Control & SE_DACL_PRESENT)
    {
        if (Header->Dacl &&
            (!PartValid(Header->Dacl, Length) || !AclValid(Bytes + Header->Dacl, Length - Header->Dacl)))
        {
            return FALSE;
        }
    }
    else if (RequiredInformation & DACL_SECURITY_INFORMATION)
    {
        return FALSE;
    }
    return !(Header->Control & SE_SACL_PRESENT) || !Header->Sacl ||
           (PartValid(Header->Sacl, Length) && AclValid(Bytes + Header->Sacl, Length - Header->Sacl));
}

#endif
