/* SPDX-License-Identifier: MIT */
/* How a token of LocalSystem is known, for who gives it (keep.exe) and who looks (answers.c): by its default DACL, all for
 * LocalSystem and Administrators. Wine's own tokens name their user in it. */
#ifndef HOST_WINE_SYSTEM_H
#define HOST_WINE_SYSTEM_H

#define WIN32_NO_STATUS
#include <windows.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>

typedef struct _SID_2
{
    BYTE Revision, SubAuthorityCount;
    SID_IDENTIFIER_AUTHORITY IdentifierAuthority;
    DWORD SubAuthority[2];
} SID_2;

typedef struct _SYSTEM_DACL
{
    ACL Acl;
    ACE_HEADER SystemAce;
    ACCESS_MASK SystemMask;
    SID System;
    ACE_HEADER AdministratorsAce;
    ACCESS_MASK AdministratorsMask;
    SID_2 Administrators;
} SYSTEM_DACL;

static inline void SystemDacl(SYSTEM_DACL *Dacl)
{
    *Dacl = (SYSTEM_DACL){
        .Acl = {.AclRevision = ACL_REVISION, .AclSize = sizeof(*Dacl), .AceCount = 2},
        .SystemAce = {.AceType = ACCESS_ALLOWED_ACE_TYPE, .AceSize = 8 + sizeof(SID)},
        .SystemMask = GENERIC_ALL,
        .System = {SID_REVISION, 1, {SECURITY_NT_AUTHORITY}, {SECURITY_LOCAL_SYSTEM_RID}},
        .AdministratorsAce = {.AceType = ACCESS_ALLOWED_ACE_TYPE, .AceSize = 8 + sizeof(SID_2)},
        .AdministratorsMask = GENERIC_ALL,
        .Administrators = {
            SID_REVISION, 2, {SECURITY_NT_AUTHORITY}, {SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS}}};
}

#endif
