/* SPDX-License-Identifier: MIT */
/*
 * classic.exe: a program for the classic miniport. It opens the adapter by its network interface class, gives the driver
 * rings of its own memory, and echoes what arrives: ICMP echo requests are answered, of other IPv4 packets source and
 * destination are exchanged, ports too. Commands come from standard input, one line of answer each:
 *
 *   open | close           the adapter's device
 *   start                  gives the rings; an echoing thread runs until quit
 *   wrong WHAT             tries to start with what must be refused: unaligned, free, readonly, partly (one page is
 *                          read-only), event, slots, restricted
 *   overlap                starts with one ring within the other, and sees that the driver takes a packet from it
 *   state                  the driver's counters
 *   handle                 does the system still know our handle?
 *   quit
 */
#include <windows.h>
#include <initguid.h>
#include <winioctl.h>
#include <setupapi.h>
#include <cfgmgr32.h>
#include <stdio.h>
#include <string.h>

#include "tests/classic/request.h"

#define SLOTS 256

DEFINE_GUID(NetInterface, 0xcac88484, 0x7515, 0x4c03, 0x82, 0xe6, 0x71, 0xa8, 0x7a, 0xba, 0xc3, 0x61);

static HANDLE Device = INVALID_HANDLE_VALUE;
static CLASSIC_START Rings;
static CLASSIC_RING *In, *Out;

static CLASSIC_PACKET *SlotOf(CLASSIC_RING *Ring, ULONG Position)
{
    return (CLASSIC_PACKET *)((BYTE *)Ring + CLASSIC_HEADER + Position % SLOTS * CLASSIC_SLOT);
}

static VOID Swap(BYTE *A, BYTE *B, ULONG Size)
{
    for (ULONG I = 0; I < Size; I++)
    {
        BYTE Byte = A[I];
        A[I] = B[I];
        B[I] = Byte;
    }
}

/* None of it changes a checksum but the request that becomes an answer. */
static BOOL Echo(BYTE *Packet, ULONG Length)
{
    ULONG Header = (Packet[0] & 15) * 4u;
    if (Packet[0] >> 4 != 4 || Length < Header + 8)
        return FALSE;
    Swap(Packet + 12, Packet + 16, 4);
    if (Packet[9] == 1 && Packet[Header] == 8)
    {
        ULONG Sum = Packet[Header + 2] << 8 | Packet[Header + 3];
        Packet[Header] = 0;
        Sum += 0x800; /* RFC 1624: what was taken from the sum of words is added to its complement */
        Sum = (Sum & 0xffff) + (Sum >> 16);
        Packet[Header + 2] = (BYTE)(Sum >> 8);
        Packet[Header + 3] = (BYTE)Sum;
    }
    else if (Packet[9] == 17)
    {
        Swap(Packet + Header, Packet + Header + 2, 2);
    }
    return TRUE;
}

static VOID SendPacket(const CLASSIC_PACKET *Packet)
{
    ULONG Tail = Out->Tail;
    CLASSIC_PACKET *Slot = SlotOf(Out, Tail);
    while (Tail - __atomic_load_n(&Out->Head, __ATOMIC_ACQUIRE) >= SLOTS)
        Sleep(0); /* until the stack has returned some */
    memcpy(Slot->Data, Packet->Data, Packet->Length);
    if (!Echo(Slot->Data, Packet->Length))
        return;
    Slot->Length = Packet->Length;
    __atomic_store_n(&Out->Tail, Tail + 1, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* Tail before Waiting */
    if (Out->Waiting)
        SetEvent(Rings.ToDriver.Event);
}

static DWORD WINAPI EchoThread(VOID *Context)
{
    (VOID) Context;
    for (;;)
    {
        ULONG Head = In->Head;
        if (Head == __atomic_load_n(&In->Tail, __ATOMIC_ACQUIRE))
        {
            In->Waiting = 1;
            __atomic_thread_fence(__ATOMIC_SEQ_CST); /* Waiting before Tail */
            if (Head == In->Tail)
                WaitForSingleObject(Rings.ToProgram.Event, INFINITE);
            In->Waiting = 0;
            continue;
        }
        SendPacket(SlotOf(In, Head));
        __atomic_store_n(&In->Head, Head + 1, __ATOMIC_RELEASE);
    }
}

/* Both ways of asking for interfaces must give the same. */
static BOOL IsListed(const WCHAR *Path)
{
    WCHAR List[4096];
    if (CM_Get_Device_Interface_ListW((GUID *)&NetInterface, NULL, List, ARRAYSIZE(List),
                                      CM_GET_DEVICE_INTERFACE_LIST_PRESENT) != CR_SUCCESS)
    {
        return FALSE;
    }
    for (const WCHAR *Listed = List; *Listed; Listed += wcslen(Listed) + 1)
        if (!_wcsicmp(Listed, Path))
            return TRUE;
    return FALSE;
}

/* The first network adapter there is: the test has no other. */
static DWORD Open(VOID)
{
    HDEVINFO Set = SetupDiGetClassDevsW(&NetInterface, NULL, NULL, DIGCF_PRESENT | DIGCF_DEVICEINTERFACE);
    SP_DEVICE_INTERFACE_DATA Interface = {.cbSize = sizeof(Interface)};
    union
    {
        SP_DEVICE_INTERFACE_DETAIL_DATA_W Detail;
        BYTE Room[2048];
    } Path = {.Detail.cbSize = sizeof(Path.Detail)};
    DWORD Error = ERROR_SUCCESS;
    if (!SetupDiEnumDeviceInterfaces(Set, NULL, &NetInterface, 0, &Interface) ||
        !SetupDiGetDeviceInterfaceDetailW(Set, &Interface, &Path.Detail, sizeof(Path), NULL, NULL))
    {
        Error = GetLastError();
    }
    SetupDiDestroyDeviceInfoList(Set);
    if (Error || !IsListed(Path.Detail.DevicePath))
        return Error ? Error : ERROR_INVALID_DATA;
    Device = CreateFileW(Path.Detail.DevicePath, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                         OPEN_EXISTING, 0, NULL);
    return Device == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
}

static DWORD Control(DWORD Code, VOID *Input, DWORD InputSize, VOID *Output, DWORD OutputSize)
{
    DWORD Done;
    return DeviceIoControl(Device, Code, Input, InputSize, Output, OutputSize, &Done, NULL) ? ERROR_SUCCESS
                                                                                            : GetLastError();
}

static CLASSIC_RING *NewRing(DWORD Protect)
{
    return VirtualAlloc(NULL, CLASSIC_RING_SIZE(SLOTS), MEM_COMMIT | MEM_RESERVE, Protect);
}

static VOID MakeRings(VOID)
{
    In = NewRing(PAGE_READWRITE);
    Out = NewRing(PAGE_READWRITE);
    Rings = (CLASSIC_START){
        .ToProgram = {.Ring = In, .Event = CreateEventW(NULL, FALSE, FALSE, NULL), .Slots = SLOTS},
        .ToDriver = {.Ring = Out, .Event = CreateEventW(NULL, FALSE, FALSE, NULL), .Slots = SLOTS},
    };
    /* What is written before the pages are locked must be there afterwards. */
    for (ULONG I = 0; I < SLOTS; I++)
    {
        SlotOf(In, I)->Reserved[0] = I;
        SlotOf(Out, I)->Reserved[0] = ~I;
    }
}

static BOOL Intact(VOID)
{
    for (ULONG I = 0; I < SLOTS; I++)
        if (SlotOf(In, I)->Reserved[0] != I || SlotOf(Out, I)->Reserved[0] != ~I)
            return FALSE;
    return TRUE;
}

static DWORD Start(VOID)
{
    static HANDLE Thread;
    DWORD Error = Control(IOCTL_CLASSIC_START, &Rings, sizeof(Rings), NULL, 0);
    if (Error == ERROR_SUCCESS && !Thread)
        Thread = CreateThread(NULL, 0, EchoThread, NULL, 0, NULL);
    return Error ? Error : Intact() ? ERROR_SUCCESS : ERROR_INVALID_DATA;
}

/* Start under the name of somebody who is no administrator. */
static DWORD StartRestricted(VOID)
{
    SID_IDENTIFIER_AUTHORITY Authority = SECURITY_NT_AUTHORITY;
    SID_AND_ATTRIBUTES Administrators[2] = {{.Attributes = 0}};
    DWORD Error = ERROR_SUCCESS;
    HANDLE Token, Restricted, Impersonation;
    if (!AllocateAndInitializeSid(&Authority, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0,
                                  &Administrators[0].Sid) ||
        !OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &Token) ||
        !CreateRestrictedToken(Token, DISABLE_MAX_PRIVILEGE, 1, Administrators, 0, NULL, 0, NULL, &Restricted) ||
        !DuplicateToken(Restricted, SecurityImpersonation, &Impersonation) || !SetThreadToken(NULL, Impersonation))
    {
        printf("restricted: %lu\n", GetLastError());
        return ERROR_SUCCESS;
    }
    Error = Control(IOCTL_CLASSIC_START, &Rings, sizeof(Rings), NULL, 0);
    RevertToSelf();
    CloseHandle(Impersonation);
    CloseHandle(Restricted);
    CloseHandle(Token);
    FreeSid(Administrators[0].Sid);
    return Error;
}

static DWORD StartWrong(const char *What)
{
    CLASSIC_START Wrong = Rings;
    if (!strcmp(What, "restricted"))
        return StartRestricted();
    if (!strcmp(What, "unaligned"))
    {
        Wrong.ToDriver.Ring = (BYTE *)Out + 16;
    }
    else if (!strcmp(What, "free"))
    {
        Wrong.ToDriver.Ring = NewRing(PAGE_READWRITE);
        VirtualFree(Wrong.ToDriver.Ring, 0, MEM_RELEASE);
    }
    else if (!strcmp(What, "readonly"))
    {
        Wrong.ToDriver.Ring = NewRing(PAGE_READONLY);
    }
    else if (!strcmp(What, "partly"))
    {
        Wrong.ToDriver.Ring = NewRing(PAGE_READWRITE);
        DWORD Old;
        VirtualProtect((BYTE *)Wrong.ToDriver.Ring + 5 * 4096, 4096, PAGE_READONLY, &Old);
    }
    else if (!strcmp(What, "event"))
    {
        Wrong.ToDriver.Event = GetCurrentProcess();
    }
    else if (!strcmp(What, "slots"))
    {
        Wrong.ToDriver.Slots = SLOTS - 1;
    }
    DWORD Error = Control(IOCTL_CLASSIC_START, &Wrong, sizeof(Wrong), NULL, 0);
    return Error;
}

/* The same page is locked twice then, and must be one page. */
static DWORD StartOverlapping(VOID)
{
    CLASSIC_RING *Inner = (CLASSIC_RING *)((BYTE *)In + CLASSIC_HEADER + SLOTS / 2 * CLASSIC_SLOT);
    CLASSIC_PACKET *Packet = (CLASSIC_PACKET *)((BYTE *)Inner + CLASSIC_HEADER);
    CLASSIC_START Overlapping = Rings;
    memset(Inner, 0, CLASSIC_HEADER);
    Overlapping.ToDriver.Ring = Inner;
    Overlapping.ToDriver.Slots = CLASSIC_SLOTS_MIN;
    DWORD Error = Control(IOCTL_CLASSIC_START, &Overlapping, sizeof(Overlapping), NULL, 0);
    if (Error != ERROR_SUCCESS)
        return Error;
    Packet->Length = 20;
    memset(Packet->Data, 0, 20);
    Packet->Data[0] = 0x45;
    __atomic_store_n(&Inner->Tail, 1, __ATOMIC_SEQ_CST);
    SetEvent(Rings.ToDriver.Event);
    for (ULONG I = 0; I < 500 && __atomic_load_n(&Inner->Head, __ATOMIC_ACQUIRE) != 1; I++)
        Sleep(10);
    return Inner->Head == 1 ? ERROR_SUCCESS : ERROR_TIMEOUT;
}

static VOID State(VOID)
{
    CLASSIC_STATE State = {.ToProgram = 0};
    DWORD Error = Control(IOCTL_CLASSIC_STATE, NULL, 0, &State, sizeof(State));
    printf("state error=%lu to_program=%llu to_driver=%llu dropped=%llu returned=%llu out_of_order=%llu ticks=%llu "
           "born=%llu died=%llu sessions=%llu deaths=%llu counter=%llu frequency=%llu time=%llu\n",
           Error, State.ToProgram, State.ToDriver, State.Dropped, State.Returned, State.OutOfOrder, State.Ticks,
           State.Born, State.Died, State.Sessions, State.Deaths, State.Counter, State.Frequency, State.SystemTime);
}

int wmain(int Count, WCHAR **Arguments)
{
    (VOID) Count;
    (VOID) Arguments;
    setvbuf(stdout, NULL, _IONBF, 0);
    MakeRings();
    printf("ready\n");
    char Line[256];
    while (fgets(Line, sizeof(Line), stdin))
    {
        Line[strcspn(Line, "\r\n")] = 0;
        DWORD Flags;
        if (!strcmp(Line, "open"))
            printf("open %lu\n", Open());
        else if (!strcmp(Line, "close"))
            printf("close %lu\n", CloseHandle(Device) ? ERROR_SUCCESS : GetLastError());
        else if (!strcmp(Line, "start"))
            printf("start %lu\n", Start());
        else if (!strcmp(Line, "overlap"))
            printf("overlap %lu\n", StartOverlapping());
        else if (!strncmp(Line, "wrong ", 6))
            printf("wrong %lu\n", StartWrong(Line + 6));
        else if (!strcmp(Line, "state"))
            State();
        else if (!strcmp(Line, "handle"))
            printf("handle %lu\n", GetHandleInformation(Device, &Flags) ? ERROR_SUCCESS : GetLastError());
        else if (!strcmp(Line, "quit"))
            return 0;
    }
    return 0;
}
