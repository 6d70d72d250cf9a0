/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON (RFC 8259) to standard output, one value a line, so that a stream of them can be read line by line. All of
 * it is ASCII: a shell that takes what it reads for text in the console's code page, as PowerShell does, breaks nothing.
 */
#include "tool/tool.h"

static DWORD Depth;
static BOOL First = TRUE; /* nothing stands yet in the object or array that is open */

static void PutString(LPCWSTR Text)
{
    DWORD Length = 0;
    WCHAR Part[128];
    Part[Length++] = L'"';
    for (; *Text != 0; ++Text)
    {
        if (Length > ARRAYSIZE(Part) - 10)
        {
            Part[Length] = 0;
            PrintText(Part);
            Length = 0;
        }
        if (*Text < 0x20 || *Text > 0x7e)
        {
            Format(Part + Length, ARRAYSIZE(Part) - Length, L"\\u%04x", *Text);
            Length += 6;
            continue;
        }
        if (*Text == L'"' || *Text == L'\\')
            Part[Length++] = L'\\';
        Part[Length++] = *Text;
    }
    Part[Length++] = L'"';
    Part[Length] = 0;
    PrintText(Part);
}

static void PutKey(LPCWSTR Key)
{
    if (!First)
        PrintText(L", ");
    First = FALSE;
    if (Key != NULL)
    {
        PutString(Key);
        PrintText(L": ");
    }
}

static void PutEnd(void)
{
    if (Depth == 0)
    {
        PrintText(L"\n");
        First = TRUE;
    }
}

void JsonBegin(LPCWSTR Key, WCHAR Bracket)
{
    PutKey(Key);
    Print(L"%lc", Bracket);
    ++Depth;
    First = TRUE;
}

void JsonEnd(WCHAR Bracket)
{
    Print(L"%lc", Bracket);
    --Depth;
    First = FALSE;
    PutEnd();
}

void JsonText(LPCWSTR Key, LPCWSTR Value)
{
    PutKey(Key);
    if (Value != NULL)
        PutString(Value);
    else
        PrintText(L"null");
    PutEnd();
}

void JsonNumber(LPCWSTR Key, ULONG64 Value)
{
    PutKey(Key);
    Print(L"%llu", Value);
    PutEnd();
}

void JsonReal(LPCWSTR Key, double Value)
{
    PutKey(Key);
    Print(L"%.3f", Value);
    PutEnd();
}

void JsonFlag(LPCWSTR Key, BOOL Value)
{
    PutKey(Key);
    PrintText(Value ? L"true" : L"false");
    PutEnd();
}
