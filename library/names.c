/* SPDX-License-Identifier: MIT */
/*
 * Names of adapters: what can be one and what is wrong with others, which two are the same, and whether a network
 * connection has one already, or a GUID. Any thread, no state.
 */
#include "library/library.h"

/* In Pattern %1 is the unit itself, %2 its number. */
static LPCWSTR Say(WCHAR Fault[FAULT_LENGTH], LPCWSTR Pattern, WCHAR Unit)
{
    WCHAR Itself[] = {Unit, 0};
    DWORD_PTR Values[] = {(DWORD_PTR)Itself, Unit};
    FormatMessageW(FORMAT_MESSAGE_FROM_STRING | FORMAT_MESSAGE_ARGUMENT_ARRAY, Pattern, 0, 0, Fault, FAULT_LENGTH,
                   (va_list *)Values);
    return Fault;
}

/* Control characters (both ranges, which ISO 6429 calls C0 and C1) would break lists and messages apart, in consoles worse. */
LPCWSTR TextFault(LPCWSTR Text, WCHAR Fault[FAULT_LENGTH])
{
    if (Text == NULL || Text[0] == 0 || lstrlenW(Text) > PLAINTUN_NAME_MAX)
        return L"must have 1 to 127 units";
    for (; *Text != 0; ++Text)
    {
        if (*Text < L' ' || (*Text >= 0x7f && *Text <= 0x9f))
            return Say(Fault, L"holds the control character U+%2!04X!; leave it out", *Text);
        if (IS_SURROGATE_PAIR(Text[0], Text[1]))
            ++Text;
        else if (*Text >= 0xd800 && *Text <= 0xdfff)
            return Say(Fault, L"holds U+%2!04X!, half of a surrogate pair; name it in whole characters", *Text);
    }
    return NULL;
}

/*
 * An adapter's name is its network connection's too, and that cannot hold each character: "Rename a network connection"
 * (windows.microsoft.com/windows7) names tabs and \ / : * ? < > |, "INetwork::SetName method (netlistmgr.h)" of the network's
 * name the quotation mark besides, and that it cannot be spaces only.
 */
LPCWSTR NameFault(LPCWSTR Name, WCHAR Fault[FAULT_LENGTH])
{
    LPCWSTR Text = TextFault(Name, Fault);
    BOOL Blank = TRUE;
    for (; Text == NULL && *Name != 0; ++Name)
    {
        for (LPCWSTR Forbidden = L"\\/:*?\"<>|"; *Forbidden != 0; ++Forbidden)
            if (*Name == *Forbidden)
                return Say(Fault, L"holds %1, and no network connection's name can hold \\ / : * ? \" < > |", *Name);
        Blank &= *Name == L' ';
    }
    return Text == NULL && Blank ? L"has nothing but spaces" : Text;
}

/* Names compare as file names do. */
BOOL SameAdapterName(LPCWSTR Left, LPCWSTR Right)
{
    return CompareStringOrdinal(Left, -1, Right, -1, TRUE) == CSTR_EQUAL;
}

/* TRUE where a network connection other than Own's has the name.
 * https://learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-convertinterfacealiastoluid */
BOOL NameTaken(LPCWSTR Name, const NET_LUID *Own)
{
    NET_LUID Luid;
    return ConvertInterfaceAliasToLuid(Name, &Luid) == NO_ERROR && (Own == NULL || Luid.Value != Own->Value);
}

/* TRUE where a network interface has the GUID that is there now: a GUID may lead to a LUID that Windows keeps for one that is gone.
 * https://learn.microsoft.com/windows/win32/api/netioapi/nf-netioapi-convertinterfaceguidtoluid, ...nf-netioapi-getifentry2 */
BOOL GuidTaken(const GUID *Guid)
{
    MIB_IF_ROW2 Row = {0};
    return ConvertInterfaceGuidToLuid(Guid, &Row.InterfaceLuid) == NO_ERROR && GetIfEntry2(&Row) == NO_ERROR;
}
