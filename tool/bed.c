/* SPDX-License-Identifier: MIT */
/*
 * What selftest and bench work on: an adapter whose near side is a pair of ordinary UDP sockets and whose far side is
 * this program. The sockets send first: Windows' firewall lets answers in to who asked, and nothing else to a program
 * that nobody has allowed to receive ("Windows Firewall rules", stateful inspection). The far side has a thread of its
 * own between BedStart and BedStop, and the session to itself for that time.
 */
#include "tool/flow.h"

#define USABLE_MS 10000 /* until an address must be usable */
#define LOOK_MS   50    /* how often the far side looks whether to stop */

/* RFC 2544 and RFC 5180 set these networks aside for tests: nobody's own addresses are hidden. */
static const struct
{
    LPCWSTR System, Program;
} Ends[FLOW_COUNT] = {
    {L"198.18.113.1/24", L"198.18.113.2/24"},
    {L"2001:2:0:113::1/64", L"2001:2:0:113::2/64"},
};

#define PROGRAM_PORT 9 /* discard: no firewall rule or service is about it */

/* --- one flow ------------------------------------------------------------------------------------------------------------ */

/* An address is usable a moment after it was set: until then it cannot be bound to. */
static DWORD BindWhenUsable(SOCKET Socket, const SOCKADDR_INET *Address, int Size)
{
    ULONG64 Deadline = GetTickCount64() + USABLE_MS;
    while (bind(Socket, (const struct sockaddr *)Address, Size) != 0)
    {
        DWORD Error = WSAGetLastError();
        if (Error != WSAEADDRNOTAVAIL || GetTickCount64() > Deadline)
            return Error;
        Sleep(20);
    }
    return NO_ERROR;
}

static void CopyAddress(BYTE *To, const SOCKADDR_INET *From)
{
    if (From->si_family == AF_INET)
        memcpy(To, &From->Ipv4.sin_addr, 4);
    else
        memcpy(To, &From->Ipv6.sin6_addr, 16);
}

DWORD BedFlow(BED *Bed, DWORD Which, LPCWSTR *Step)
{
    FLOW *Flow = &Bed->Flows[Which];
    DWORD Timeout = 5000, Buffer = 1 << 20;
    ADDRESS System;
    AddressRead(Ends[Which].System, &System);
    ADDRESS Program;
    AddressRead(Ends[Which].Program, &Program);
    int Size = System.Address.si_family == AF_INET ? sizeof(System.Address.Ipv4) : sizeof(System.Address.Ipv6);
    *Step = L"setting the address";
    DWORD Error = AddressSet(&Bed->Info.Luid, &System);
    if (Error != NO_ERROR)
        return Error;
    *Step = L"opening a socket";
    WSADATA Data;
    Error = WSAStartup(MAKEWORD(2, 2), &Data);
    if (Error != NO_ERROR)
        return Error;
    SOCKET Socket = socket(System.Address.si_family, SOCK_DGRAM, IPPROTO_UDP);
    if (Socket == INVALID_SOCKET)
        return WSAGetLastError();
    *Step = L"waiting until the address can be used";
    Error = BindWhenUsable(Socket, &System.Address, Size);
    if (Error != NO_ERROR)
        goto closeSocket;
    *Step = L"preparing the socket";
    Program.Address.Ipv4.sin_port = htons(PROGRAM_PORT); /* at the same place in both */
    if (connect(Socket, (struct sockaddr *)&Program.Address, Size) != 0 ||
        getsockname(Socket, (struct sockaddr *)&System.Address, &Size) != 0 ||
        setsockopt(Socket, SOL_SOCKET, SO_RCVTIMEO, (const char *)&Timeout, sizeof(Timeout)) != 0 ||
        setsockopt(Socket, SOL_SOCKET, SO_RCVBUF, (const char *)&Buffer, sizeof(Buffer)) != 0)
    {
        Error = WSAGetLastError();
        goto closeSocket;
    }
    *Flow = (FLOW){
        .AddressSize = System.Address.si_family == AF_INET ? 4 : 16,
        .SystemPort = ntohs(System.Address.Ipv4.sin_port),
        .ProgramPort = PROGRAM_PORT,
        .HeaderSize = System.Address.si_family == AF_INET ? 28 : 48,
        .Socket = Socket,
    };
    CopyAddress(Flow->System, &System.Address);
    CopyAddress(Flow->Program, &Program.Address);
    return NO_ERROR;

closeSocket:
    closesocket(Socket);
    return Error;
}

/* --- the far side -------------------------------------------------------------------------------------------------------- */

BOOL BedSend(const BED *Bed, const FLOW *Flow, const DWORD *Numbers, const DWORD *Sizes, DWORD Count)
{
    PLAINTUN_PACKET Packets[FLOW_BATCH];
    for (DWORD i = 0; i < Count; ++i)
        Packets[i].Size = Flow->HeaderSize + Sizes[i];
    for (DWORD Done = 0; Done < Count;)
    {
        DWORD Room = PlaintunAllocate(Bed->Session, Packets + Done, Count - Done);
        if (Room == 0)
        {
            if (GetLastError() != ERROR_BUFFER_OVERFLOW || (PlaintunWait(Bed->Session, PLAINTUN_WAIT_SPACE, 5000) == 0))
                return FALSE;
            continue;
        }
        for (DWORD i = Done; i < Done + Room; ++i)
            FlowBuild(Flow, Packets[i].Data, Sizes[i], Numbers[i]);
        PlaintunSend(Bed->Session, Packets + Done, Room);
        Done += Room;
    }
    return TRUE;
}

static BOOL FarReceive(BED *Bed)
{
    DWORD Good = 0;
    PLAINTUN_PACKET Packets[FLOW_BATCH];
    DWORD Count = PlaintunReceive(Bed->Session, Packets, FLOW_BATCH);
    if (Count == 0 && GetLastError() == ERROR_NO_MORE_ITEMS)
        return PlaintunWait(Bed->Session, PLAINTUN_WAIT_PACKETS, LOOK_MS) != 0 || GetLastError() == ERROR_TIMEOUT;
    if (Count == 0)
        return FALSE;
    DWORD Numbers[FLOW_BATCH], Sizes[FLOW_BATCH];
    for (DWORD i = 0; i < Count; ++i)
    {
        FLOW_PACKET Kind = FlowCheck(Bed->Flow, Packets[i].Data, Packets[i].Size, &Numbers[Good], &Sizes[Good]);
        Bed->Others += Kind == FLOW_OTHER;
        Bed->Broken += Kind == FLOW_BROKEN;
        if (Kind != FLOW_GOOD)
            continue;
        Bed->Bytes += Sizes[Good];
        ++Good;
    }
    Bed->Received += Good;
    PlaintunRelease(Bed->Session, Packets, Count);
    if (Bed->Side != FAR_ECHO)
        return TRUE;
    Bed->Sent += Good;
    return BedSend(Bed, Bed->Flow, Numbers, Sizes, Good);
}

static BOOL FarSource(BED *Bed)
{
    DWORD Numbers[FLOW_BATCH], Sizes[FLOW_BATCH];
    for (DWORD i = 0; i < FLOW_BATCH; ++i)
    {
        Numbers[i] = (DWORD)Bed->Sent++;
        Sizes[i] = Bed->SourceSize;
        Bed->Bytes += Bed->SourceSize;
    }
    return BedSend(Bed, Bed->Flow, Numbers, Sizes, FLOW_BATCH);
}

static DWORD WINAPI FarSide(void *Context)
{
    BED *Bed = Context;
    while (!Bed->Stopping)
    {
        if (Bed->Side == FAR_SOURCE ? FarSource(Bed) : FarReceive(Bed))
            continue;
        Bed->Error = GetLastError();
        break;
    }
    return 0;
}

BOOL BedStart(BED *Bed, FAR_SIDE Side, const FLOW *Flow, DWORD SourceSize)
{
    Bed->Side = Side;
    Bed->Flow = Flow;
    Bed->SourceSize = SourceSize;
    Bed->Error = NO_ERROR;
    Bed->Received = Bed->Others = Bed->Broken = Bed->Sent = Bed->Bytes = 0;
    Bed->Stopping = FALSE;
    Bed->Thread = CreateThread(NULL, 0, FarSide, Bed, 0, NULL);
    return Bed->Thread != NULL;
}

void BedStop(BED *Bed)
{
    if (Bed->Thread == NULL)
        return;
    Bed->Stopping = TRUE;
    WaitForSingleObject(Bed->Thread, INFINITE);
    CloseHandle(Bed->Thread);
    Bed->Thread = NULL;
}

void BedClose(BED *Bed)
{
    BedStop(Bed);
    for (DWORD i = 0; i < FLOW_COUNT; ++i)
        if (Bed->Flows[i].HeaderSize != 0)
            closesocket(Bed->Flows[i].Socket);
    PlaintunCloseAdapter(Bed->Adapter);
    *Bed = (BED){0};
}
