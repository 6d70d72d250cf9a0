/* SPDX-License-Identifier: MIT */
/*
 * GUIDs: as text, from text, and new ones. Any thread, no state.
 */
#include "library/library.h"

static WCHAR *PutHex(WCHAR *String, ULONG Value, int Digits)
{
    for (int Shift = (Digits - 1) * 4; Shift >= 0; Shift -= 4)
        *String++ = L"0123456789ABCDEF"[Value >> Shift & 15];
    return String;
}

void GuidToString(const GUID *Guid, WCHAR String[GUID_STRING_LENGTH + 1])
{
    *String++ = L'{';
    String = PutHex(String, Guid->Data1, 8);
    *String++ = L'-';
    String = PutHex(String, Guid->Data2, 4);
    *String++ = L'-';
    String = PutHex(String, Guid->Data3, 4);
    *String++ = L'-';
    for (int i = 0; i < 8; ++i)
    {
        if (i == 2)
            *String++ = L'-';
        String = PutHex(String, Guid->Data4[i], 2);
    }
    *String++ = L'}';
    *String = 0;
}

static int HexDigit(WCHAR Unit)
{
    if (Unit >= L'0' && Unit <= L'9')
        return Unit - L'0';
    Unit |= 0x20;
    return Unit >= L'a' && Unit <= L'f' ? Unit - L'a' + 10 : -1;
}

BOOL GuidFromString(LPCWSTR String, GUID *Guid)
{
    static const BYTE Places[16] = {1, 3, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 29, 31, 33, 35};
    if (lstrlenW(String) != GUID_STRING_LENGTH || String[0] != L'{' || String[GUID_STRING_LENGTH - 1] != L'}')
        return FALSE;
    BYTE Bytes[16];
    for (int i = 0; i < 16; ++i)
    {
        int High = HexDigit(String[Places[i]]), Low = HexDigit(String[Places[i] + 1]);
        if (High < 0 || Low < 0)
            return FALSE;
        Bytes[i] = (BYTE)(High << 4 | Low);
    }
    *Guid = (GUID){.Data1 = (ULONG)Bytes[0] << 24 | Bytes[1] << 16 | Bytes[2] << 8 | Bytes[3],
                   .Data2 = (USHORT)(Bytes[4] << 8 | Bytes[5]),
                   .Data3 = (USHORT)(Bytes[6] << 8 | Bytes[7])};
    for (int i = 0; i < 8; ++i)
        Guid->Data4[i] = Bytes[8 + i];
    return TRUE;
}

/* The random generator of the system: "RtlGenRandom function (ntsecapi.h)", exported under this name. */
BOOLEAN WINAPI SystemFunction036(PVOID Buffer, ULONG Size);

BOOL GuidMake(GUID *Guid)
{
    if (!SystemFunction036(Guid, sizeof(*Guid)))
        return FALSE;
    Guid->Data3 = (Guid->Data3 & 0x0fff) | 0x4000; /* RFC 4122: version 4, random */
    Guid->Data4[0] = (Guid->Data4[0] & 0x3f) | 0x80;
    return TRUE;
}
