/* SPDX-License-Identifier: MIT */
/*
 * The security descriptor strings of control devices, as far as devices may have them: an access list of allowing and
 * denying entries ("SDDL for Device Objects"), and its being put on a device. PASSIVE_LEVEL, no state.
 */
#include "host/ndis/ndishost.h"

#define SELF_RELATIVE    0x8000
#define DACL_PROTECTED   0x1000
#define HEADER_BYTES     20
#define LIST_BYTES       8
#define DESCRIPTOR_BYTES 1024
#define SID_PARTS_MAX    15

typedef struct _SDDL
{
    const WCHAR *At, *End;
    ULONG Used;
    DECLSPEC_ALIGN(8) UCHAR Bytes[DESCRIPTOR_BYTES];
} SDDL;

static const struct
{
    CHAR Name[3];
    ACCESS_MASK Mask;
} Rights[] = {{"GA", GENERIC_ALL},  {"GR", GENERIC_READ}, {"GW", GENERIC_WRITE}, {"GX", GENERIC_EXECUTE},
              {"RC", READ_CONTROL}, {"SD", DELETE},       {"WD", WRITE_DAC},     {"WO", WRITE_OWNER}};

static const struct
{
    CHAR Name[3];
    UCHAR Authority, Parts;
    ULONG Values[2];
} Accounts[] = {{"WD", 1, 1, {0}},  {"NU", 5, 1, {2}},  {"IU", 5, 1, {4}},       {"SU", 5, 1, {6}},
                {"AN", 5, 1, {7}},  {"AU", 5, 1, {11}}, {"RC", 5, 1, {12}},      {"SY", 5, 1, {18}},
                {"LS", 5, 1, {19}}, {"NS", 5, 1, {20}}, {"BA", 5, 2, {32, 544}}, {"BU", 5, 2, {32, 545}}};

static BOOLEAN Skip(_Inout_ SDDL *Sddl, _In_z_ PCSTR Text)
{
    const WCHAR *At = Sddl->At;
    for (; *Text; Text++, At++)
        if (At >= Sddl->End || *At != (WCHAR)*Text)
            return FALSE;
    Sddl->At = At;
    return TRUE;
}

static VOID Put(_Inout_ SDDL *Sddl, _In_ ULONG Value, _In_ ULONG Bytes)
{
    for (ULONG I = 0; I < Bytes && Sddl->Used < DESCRIPTOR_BYTES; I++)
        Sddl->Bytes[Sddl->Used++] = (UCHAR)(Value >> 8 * I);
}

/* Decimal, or hexadecimal after 0x. FALSE: no digit, or more than 32 bits. */
static BOOLEAN Number(_Inout_ SDDL *Sddl, _Out_ ULONG *Value)
{
    ULONG Base = Skip(Sddl, "0x") ? 16 : 10;
    const WCHAR *Begin = Sddl->At;
    ULONG64 Sum = 0;
    for (; Sddl->At < Sddl->End && Sum <= 0xffffffff; Sddl->At++)
    {
        WCHAR Digit = *Sddl->At;
        ULONG Here = Digit >= '0' && Digit <= '9'   ? (ULONG)(Digit - '0')
                     : Digit >= 'a' && Digit <= 'f' ? (ULONG)(Digit - 'a' + 10)
                     : Digit >= 'A' && Digit <= 'F' ? (ULONG)(Digit - 'A' + 10)
                                                    : 16;
        if (Here >= Base)
            break;
        Sum = Sum * Base + Here;
    }
    *Value = (ULONG)Sum;
    return Sddl->At != Begin && Sum <= 0xffffffff;
}

static BOOLEAN Mask(_Inout_ SDDL *Sddl)
{
    ACCESS_MASK Sum = 0;
    if (Sddl->At < Sddl->End && *Sddl->At == '0')
    {
        if (!Number(Sddl, &Sum))
            return FALSE;
        Put(Sddl, Sum, 4);
        return TRUE;
    }
    ACCESS_MASK Before;
    do
    {
        Before = Sum;
        for (ULONG I = 0; I < sizeof(Rights) / sizeof(Rights[0]); I++)
            Sum |= Skip(Sddl, Rights[I].Name) ? Rights[I].Mask : 0;
    } while (Sum != Before);
    Put(Sddl, Sum, 4);
    return Sum != 0;
}

static BOOLEAN Sid(_Inout_ SDDL *Sddl)
{
    for (ULONG I = 0; I < sizeof(Accounts) / sizeof(Accounts[0]); I++)
    {
        if (Skip(Sddl, Accounts[I].Name))
        {
            Put(Sddl, 1u | (ULONG)Accounts[I].Parts << 8, 4);
            Put(Sddl, (ULONG)Accounts[I].Authority << 24, 4);
            for (ULONG J = 0; J < Accounts[I].Parts; J++)
                Put(Sddl, Accounts[I].Values[J], 4);
            return TRUE;
        }
    }
    ULONG Count = Sddl->Used + 1;
    ULONG Authority;
    if (!Skip(Sddl, "S-1-") || !Number(Sddl, &Authority) || Authority > 255)
        return FALSE;
    Put(Sddl, 1, 4);
    Put(Sddl, Authority << 24, 4);
    while (Skip(Sddl, "-"))
    {
        ULONG Value;
        if (!Number(Sddl, &Value) || Sddl->Used + 4 > DESCRIPTOR_BYTES || ++Sddl->Bytes[Count] > SID_PARTS_MAX)
            return FALSE;
        Put(Sddl, Value, 4);
    }
    return TRUE;
}

/* "A;;GA;;;SY)": flags and objects an entry of a device's has none. */
static BOOLEAN Entry(_Inout_ SDDL *Sddl)
{
    ULONG Begin = Sddl->Used;
    BOOLEAN Denies = Skip(Sddl, "D;;");
    if (!Denies && !Skip(Sddl, "A;;"))
        return FALSE;
    Put(Sddl, Denies, 4);
    if (!Mask(Sddl) || !Skip(Sddl, ";;;") || !Sid(Sddl) || !Skip(Sddl, ")") || Sddl->Used >= DESCRIPTOR_BYTES)
        return FALSE;
    Sddl->Bytes[Begin + 2] = (UCHAR)(Sddl->Used - Begin); /* at most 8 + 8 + 15 * 4 bytes */
    return TRUE;
}

static BOOLEAN Parse(_Inout_ SDDL *Sddl, _In_ const UNICODE_STRING *Text)
{
    ULONG Count = 0;
    *Sddl = (SDDL){.At = Text->Buffer, .End = Text->Buffer + Text->Length / sizeof(WCHAR)};
    if (!Skip(Sddl, "D:"))
        return FALSE;
    BOOLEAN Protected = Skip(Sddl, "P");
    Put(Sddl, 1u | (ULONG)(SELF_RELATIVE | SE_DACL_PRESENT | (Protected ? DACL_PROTECTED : 0)) << 16, 4);
    Sddl->Used = HEADER_BYTES + LIST_BYTES;
    for (; Skip(Sddl, "("); Count++)
        if (!Entry(Sddl))
            return FALSE;
    Sddl->Bytes[HEADER_BYTES - 4] = HEADER_BYTES;
    Sddl->Bytes[HEADER_BYTES] = 2; /* ACL_REVISION */
    Sddl->Bytes[HEADER_BYTES + 2] = (UCHAR)(Sddl->Used - HEADER_BYTES);
    Sddl->Bytes[HEADER_BYTES + 3] = (UCHAR)((Sddl->Used - HEADER_BYTES) >> 8);
    Sddl->Bytes[HEADER_BYTES + 4] = (UCHAR)Count;
    return Sddl->At == Sddl->End;
}

BOOLEAN HostSddlValid(const UNICODE_STRING *Text)
{
    SDDL Sddl;
    return Parse(&Sddl, Text);
}

NTSTATUS HostSddlApply(DEVICE_OBJECT *Device, const UNICODE_STRING *Text)
{
    SDDL Sddl;
    if (!Parse(&Sddl, Text))
        return STATUS_INVALID_PARAMETER;
    HANDLE Handle;
    NTSTATUS Status = ObOpenObjectByPointer(Device, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, NULL, KernelMode, &Handle);
    if (NT_SUCCESS(Status))
    {
        Status = ZwSetSecurityObject(Handle, DACL_SECURITY_INFORMATION, Sddl.Bytes);
        ZwClose(Handle);
    }
    return Status;
}
