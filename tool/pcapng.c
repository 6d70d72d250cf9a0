/* SPDX-License-Identifier: MIT */
/* pcapng blocks, in this machine's byte order, which the section header tells. No state; any thread. */
#include "tool/pcapng.h"
#include <wchar.h>

#define SECTION_HEADER        0x0A0D0D0A
#define INTERFACE_DESCRIPTION 1
#define INTERFACE_STATISTICS  5
#define ENHANCED_PACKET       6
#define LINKTYPE_RAW          101                   /* packets begin with an IP header: tcpdump.org/linktypes.html */
#define TIME_DIGITS           7                     /* behind the point of a second: 100 ns */
#define UNIX_EPOCH            116444736000000000ull /* 1970 in 100 ns since 1601 */

/* Options of a block: their code within it. */
#define OPTION_END        0
#define SECTION_USERAPPL  4
#define INTERFACE_NAME    2
#define INTERFACE_TSRESOL 9
#define PACKET_FLAGS      2
#define STATISTICS_START  2
#define STATISTICS_END    3
#define STATISTICS_RECV   4
#define STATISTICS_DROP   5

typedef struct _WRITER
{
    BYTE *Block;
    DWORD Size;
} WRITER;

static void Put(WRITER *Writer, const void *Bytes, DWORD Size)
{
    memcpy(Writer->Block + Writer->Size, Bytes, Size);
    Writer->Size += Size;
    while (Writer->Size % 4 != 0)
        Writer->Block[Writer->Size++] = 0;
}

static void Put32(WRITER *Writer, UINT32 Value)
{
    Put(Writer, &Value, sizeof(Value));
}

static void Put16(WRITER *Writer, UINT16 First, UINT16 Second)
{
    Put32(Writer, First | (UINT32)Second << 16);
}

/* The halves of a time, the high one first. */
static void PutTime(WRITER *Writer, ULONG64 Time)
{
    Put32(Writer, (UINT32)((Time - UNIX_EPOCH) >> 32));
    Put32(Writer, (UINT32)(Time - UNIX_EPOCH));
}

static void PutOption(WRITER *Writer, UINT16 Code, const void *Bytes, DWORD Size)
{
    Put16(Writer, Code, (UINT16)Size);
    Put(Writer, Bytes, Size);
}

static void PutText(WRITER *Writer, UINT16 Code, LPCWSTR Text)
{
    char Bytes[4 * (PLAINTUN_NAME_MAX + 1)];
    int Size = WideCharToMultiByte(CP_UTF8, 0, Text, (int)wcslen(Text), Bytes, sizeof(Bytes), NULL, NULL);
    PutOption(Writer, Code, Bytes, Size);
}

static void BeginBlock(WRITER *Writer, BYTE *Block, UINT32 Type)
{
    *Writer = (WRITER){.Block = Block};
    Put32(Writer, Type);
    Put32(Writer, 0); /* the length, when it is known */
}

static DWORD EndBlock(WRITER *Writer)
{
    UINT32 Length = Writer->Size + sizeof(Length);
    memcpy(Writer->Block + 4, &Length, sizeof(Length));
    Put32(Writer, Length);
    return Writer->Size;
}

DWORD PcapngBegin(BYTE *Block, LPCWSTR InterfaceName, DWORD SnapLength)
{
    BYTE Resolution = TIME_DIGITS;
    WRITER Writer;
    BeginBlock(&Writer, Block, SECTION_HEADER);
    Put32(&Writer, 0x1A2B3C4D); /* tells the byte order */
    Put16(&Writer, 1, 0);       /* version */
    Put32(&Writer, ~0u);        /* the section's length: not told */
    Put32(&Writer, ~0u);
    PutText(&Writer, SECTION_USERAPPL, TOOL_NAME L" " TOOL_VERSION);
    Put32(&Writer, OPTION_END);
    DWORD Size = EndBlock(&Writer);

    BeginBlock(&Writer, Block + Size, INTERFACE_DESCRIPTION);
    Put16(&Writer, LINKTYPE_RAW, 0);
    Put32(&Writer, SnapLength);
    PutText(&Writer, INTERFACE_NAME, InterfaceName);
    PutOption(&Writer, INTERFACE_TSRESOL, &Resolution, sizeof(Resolution));
    Put32(&Writer, OPTION_END);
    return Size + EndBlock(&Writer);
}

DWORD PcapngPacket(BYTE *Block, ULONG64 Time, const BYTE *Packet, DWORD Kept, DWORD Size, BOOL Inbound)
{
    UINT32 Flags = Inbound ? 1 : 2; /* direction: the two lowest bits */
    WRITER Writer;
    BeginBlock(&Writer, Block, ENHANCED_PACKET);
    Put32(&Writer, 0); /* the interface */
    PutTime(&Writer, Time);
    Put32(&Writer, Kept);
    Put32(&Writer, Size);
    Put(&Writer, Packet, Kept);
    PutOption(&Writer, PACKET_FLAGS, &Flags, sizeof(Flags));
    Put32(&Writer, OPTION_END);
    return EndBlock(&Writer);
}

/* A time in an option's value. */
static void PutTimeOption(WRITER *Writer, UINT16 Code, ULONG64 Time)
{
    Put16(Writer, Code, 8);
    PutTime(Writer, Time);
}

DWORD PcapngEnd(BYTE *Block, ULONG64 Start, ULONG64 End, ULONG64 Received, ULONG64 Dropped)
{
    WRITER Writer;
    BeginBlock(&Writer, Block, INTERFACE_STATISTICS);
    Put32(&Writer, 0); /* the interface */
    PutTime(&Writer, End);
    PutTimeOption(&Writer, STATISTICS_START, Start);
    PutTimeOption(&Writer, STATISTICS_END, End);
    PutOption(&Writer, STATISTICS_RECV, &Received, sizeof(Received));
    PutOption(&Writer, STATISTICS_DROP, &Dropped, sizeof(Dropped));
    Put32(&Writer, OPTION_END);
    return EndBlock(&Writer);
}
