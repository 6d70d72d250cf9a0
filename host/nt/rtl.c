/* SPDX-License-Identifier: MIT */
/*
 * Strings and the log. No state but the log's switch: SIM_VERBOSE=1 in the environment shows what drivers print.
 */
#include "host/nt/nt.h"

#define STRING_TAG 'rtsU'

/* The kernel exports it; wdk/ does not declare it. */
int _vsnprintf(PCHAR Buffer, SIZE_T Size, PCSTR Format, va_list Arguments);

VOID RtlInitUnicodeString(PUNICODE_STRING Destination, PCWSTR Source)
{
    SIZE_T Length = 0;
    while (Source && Source[Length])
        Length++;
    NtRule("String", Length < 0x7fff, "%zu characters", Length);
    *Destination = (UNICODE_STRING){.Length = (USHORT)(Length * sizeof(WCHAR)),
                                    .MaximumLength = (USHORT)(Source ? (Length + 1) * sizeof(WCHAR) : 0),
                                    .Buffer = (PWCH)Source};
}

VOID RtlCopyUnicodeString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    USHORT Length = Source ? min(Source->Length, Destination->MaximumLength) : 0;
    if (Length)
        memmove(Destination->Buffer, Source->Buffer, Length);
    Destination->Length = Length;
}

NTSTATUS RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    if (Source->Length > Destination->MaximumLength - Destination->Length)
        return STATUS_BUFFER_TOO_SMALL;
    if (Source->Length)
        memmove((PUCHAR)Destination->Buffer + Destination->Length, Source->Buffer, Source->Length);
    Destination->Length += Source->Length;
    if (Destination->MaximumLength - Destination->Length >= (int)sizeof(WCHAR))
        Destination->Buffer[Destination->Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

NTSTATUS RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    UNICODE_STRING String;
    RtlInitUnicodeString(&String, Source);
    return RtlAppendUnicodeStringToString(Destination, &String);
}

NTSTATUS RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String)
{
    WCHAR Digits[33], *First = Digits + 32;
    *First = 0;
    Base = Base ? Base : 10;
    do
    {
        *--First = (WCHAR) "0123456789ABCDEF"[Value % Base];
        Value /= Base;
    } while (Value);
    String->Length = 0;
    return RtlAppendUnicodeToString(String, First) == STATUS_SUCCESS ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

static WCHAR Upper(_In_ WCHAR Character)
{
    return Character >= 'a' && Character <= 'z' ? (WCHAR)(Character - 32) : Character;
}

BOOLEAN RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInsensitive)
{
    if (String1->Length != String2->Length)
        return FALSE;
    for (ULONG I = 0; I < String1->Length / sizeof(WCHAR); I++)
    {
        WCHAR A = String1->Buffer[I], B = String2->Buffer[I];
        if (CaseInsensitive ? Upper(A) != Upper(B) : A != B)
            return FALSE;
    }
    return TRUE;
}

BOOLEAN NtStringsEqual(const UNICODE_STRING *A, const UNICODE_STRING *B)
{
    return RtlEqualUnicodeString(A, B, TRUE);
}

VOID RtlFreeUnicodeString(PUNICODE_STRING String)
{
    if (String->Buffer)
        ExFreePoolWithTag(String->Buffer, STRING_TAG);
    *String = (UNICODE_STRING){0};
}

NTSTATUS RtlStringFromGUID(const GUID *Guid, PUNICODE_STRING String)
{
    CHAR Text[40];
    int Length = snprintf(Text, sizeof(Text), "{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", Guid->Data1,
                          Guid->Data2, Guid->Data3, Guid->Data4[0], Guid->Data4[1], Guid->Data4[2], Guid->Data4[3],
                          Guid->Data4[4], Guid->Data4[5], Guid->Data4[6], Guid->Data4[7]);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_NO_MEMORY;
    String->Length = (USHORT)(Length * 2);
    String->MaximumLength = (USHORT)(Length * 2 + 2);
    String->Buffer = NtPoolAllocate(String->MaximumLength, STRING_TAG, SIM_PLACE());
    for (int I = 0; I <= Length; I++)
        String->Buffer[I] = (WCHAR)Text[I];
    return STATUS_SUCCESS;
}

NTSTATUS RtlGUIDFromString(PCUNICODE_STRING String, GUID *Guid)
{
    CHAR Text[40] = {0};
    for (ULONG I = 0; I < String->Length / sizeof(WCHAR) && I < sizeof(Text) - 1; I++)
        Text[I] = (CHAR)String->Buffer[I];
    unsigned Parts[11];
    if (String->Length != 38 * sizeof(WCHAR) ||
        sscanf(Text, "{%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}", &Parts[0], &Parts[1], &Parts[2], &Parts[3], &Parts[4],
               &Parts[5], &Parts[6], &Parts[7], &Parts[8], &Parts[9], &Parts[10]) != 11)
    {
        return STATUS_INVALID_PARAMETER;
    }
    *Guid = (GUID){.Data1 = Parts[0], .Data2 = (USHORT)Parts[1], .Data3 = (USHORT)Parts[2]};
    for (ULONG I = 0; I < 8; I++)
        Guid->Data4[I] = (UCHAR)Parts[3 + I];
    return STATUS_SUCCESS;
}

SIZE_T RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    const UCHAR *A = Source1, *B = Source2;
    SIZE_T Equal = 0;
    while (Equal < Length && A[Equal] == B[Equal])
        Equal++;
    return Equal;
}

int _vsnprintf(PCHAR Buffer, SIZE_T Size, PCSTR Format, va_list Arguments)
{
    return vsnprintf(Buffer, Size, Format, Arguments);
}

ULONG DbgPrint(PCSTR Format, ...)
{
    static volatile LONG Verbose = -1;
    if (ReadNoFence(&Verbose) < 0)
    {
        PCSTR Setting = getenv("SIM_VERBOSE");
        WriteNoFence(&Verbose, Setting && Setting[0] == '1');
    }
    if (ReadNoFence(&Verbose) > 0)
    {
        va_list Arguments;
        va_start(Arguments, Format);
        vfprintf(stderr, Format, Arguments);
        va_end(Arguments);
    }
    return 0;
}
