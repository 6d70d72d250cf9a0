/* SPDX-License-Identifier: MIT */
/*
 * echo: a whole network in one program. Whatever address behind its adapter is asked, it answers ICMP echo requests
 * (ping) over IPv4 and IPv6, and sends UDP packets back to where they came from. Built on wintun.h alone: it loads
 * wintun.dll from its own folder, as programs written for Wintun do. One thread does all the work.
 *
 *   echo.exe [--name NAME] [--address ADDRESS/BITS]... [--seconds N] [--capacity BYTES]
 */
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include "examples/example.h"
#include "wintun.h"

/* How often to look for packets before going to sleep: waking up costs more than this, and packets rarely come alone.
 * After each look other threads may have the processor: one of them may be about to bring the next packet. */
#define SPIN_LOOKS 100

static WINTUN_CREATE_ADAPTER_FUNC *CreateAdapter;
static WINTUN_CLOSE_ADAPTER_FUNC *CloseAdapter;
static WINTUN_GET_ADAPTER_LUID_FUNC *GetAdapterLuid;
static WINTUN_START_SESSION_FUNC *StartSession;
static WINTUN_END_SESSION_FUNC *EndSession;
static WINTUN_GET_READ_WAIT_EVENT_FUNC *GetReadWaitEvent;
static WINTUN_RECEIVE_PACKET_FUNC *ReceivePacket;
static WINTUN_RELEASE_RECEIVE_PACKET_FUNC *ReleaseReceivePacket;
static WINTUN_ALLOCATE_SEND_PACKET_FUNC *AllocateSendPacket;
static WINTUN_SEND_PACKET_FUNC *SendPacket;

static struct
{
    unsigned long long Received, Answered, Ignored, Full;
} Counters; /* packets: Received = Answered + Ignored + Full */

static BOOL LoadWintun(void)
{
    HMODULE Module =
        LoadLibraryExW(L"wintun.dll", NULL, LOAD_LIBRARY_SEARCH_APPLICATION_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (!Module)
        return FALSE;
#define GET(Variable, Name) ((Variable = (void *)GetProcAddress(Module, Name)) != NULL)
    return GET(CreateAdapter, "WintunCreateAdapter") && GET(CloseAdapter, "WintunCloseAdapter") &&
           GET(GetAdapterLuid, "WintunGetAdapterLUID") && GET(StartSession, "WintunStartSession") &&
           GET(EndSession, "WintunEndSession") && GET(GetReadWaitEvent, "WintunGetReadWaitEvent") &&
           GET(ReceivePacket, "WintunReceivePacket") && GET(ReleaseReceivePacket, "WintunReleaseReceivePacket") &&
           GET(AllocateSendPacket, "WintunAllocateSendPacket") && GET(SendPacket, "WintunSendPacket");
#undef GET
}

static void Swap(BYTE *A, BYTE *B, size_t Size)
{
    BYTE Former[16];
    memcpy(Former, A, Size);
    memcpy(A, B, Size);
    memcpy(B, Former, Size);
}

/* Turns an echo request into a reply. Its checksum follows from the one word that changes (RFC 1624). */
static void TurnEcho(BYTE *Icmp, BYTE Request, BYTE Reply)
{
    unsigned Sum = (UINT16) ~(Icmp[2] << 8 | Icmp[3]) + (UINT16) ~(Request << 8) + (Reply << 8);
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Icmp[0] = Reply;
    Icmp[2] = (BYTE)(~Sum >> 8);
    Icmp[3] = (BYTE)~Sum;
}

/*
 * Makes an answer of the packet, in place; FALSE: it gets none. Swapping addresses or ports leaves every checksum as it
 * is. Fragments of IPv4 are answered one by one, only the first has a header behind IP's; IPv6's are not.
 */
static BOOL MakeAnswer(BYTE *Packet, DWORD Size)
{
    BOOL First = TRUE;
    size_t AddressSize;
    BYTE *Source, *Payload, Protocol, Request, Reply;
    if (Size >= 20 && Packet[0] >> 4 == 4)
    {
        Source = Packet + 12;
        AddressSize = 4;
        Protocol = Packet[9] == 1 ? IPPROTO_ICMP : Packet[9];
        Payload = Packet + (Packet[0] & 15) * 4;
        First = ((Packet[6] << 8 | Packet[7]) & 0x1fff) == 0;
        Request = 8;
        Reply = 0;
        if (Packet[16] >= 224) /* multicast and broadcast */
            return FALSE;
    }
    else if (Size >= 40 && Packet[0] >> 4 == 6)
    {
        Source = Packet + 8;
        AddressSize = 16;
        Protocol = Packet[6] == IPPROTO_ICMPV6 ? IPPROTO_ICMP : Packet[6];
        Payload = Packet + 40;
        Request = 128;
        Reply = 129;
        if (Packet[24] == 0xff) /* multicast */
            return FALSE;
    }
    else
        return FALSE;

    if (Protocol != IPPROTO_ICMP && Protocol != IPPROTO_UDP)
        return FALSE;
    if (First && Payload + 8 > Packet + Size)
        return FALSE;
    if (First && Protocol == IPPROTO_ICMP)
    {
        if (Payload[0] != Request)
            return FALSE;
        TurnEcho(Payload, Request, Reply);
    }
    else if (First)
        Swap(Payload, Payload + 2, 2);
    Swap(Source, Source + AddressSize, AddressSize);
    return TRUE;
}

static void Answer(WINTUN_SESSION_HANDLE Session, BYTE *Packet, DWORD Size)
{
    BYTE *Reply = NULL;
    Counters.Received++;
    if (!MakeAnswer(Packet, Size))
        Counters.Ignored++;
    else if (!(Reply = AllocateSendPacket(Session, Size)))
        Counters.Full++;
    else
    {
        memcpy(Reply, Packet, Size);
        Counters.Answered++;
    }
    /* Given back before the answer goes out: then the driver finds room when the next packet follows the answer. */
    ReleaseReceivePacket(Session, Packet);
    if (Reply)
        SendPacket(Session, Reply);
}

/* Answers until the program shall stop or the session dies. Returns NO_ERROR or why the session died. */
static DWORD Run(WINTUN_SESSION_HANDLE Session, HANDLE Stop)
{
    HANDLE Events[] = {Stop, GetReadWaitEvent(Session)};
    for (unsigned Looks = 0; !StopWanted();)
    {
        DWORD Size;
        BYTE *Packet = ReceivePacket(Session, &Size);
        if (Packet)
        {
            Answer(Session, Packet, Size);
            Looks = 0;
            continue;
        }
        if (GetLastError() != ERROR_NO_MORE_ITEMS)
            return GetLastError();
        if (++Looks < SPIN_LOOKS)
            SwitchToThread();
        else if (WaitForMultipleObjects(ARRAYSIZE(Events), Events, FALSE, INFINITE) == WAIT_FAILED)
            return GetLastError();
        else
            Looks = 0;
    }
    return NO_ERROR;
}

static int Fail(const char *What, DWORD Error)
{
    fprintf(stderr, "echo: %s failed: error %lu\n", What, Error);
    return 1;
}

int wmain(int Count, WCHAR **Arguments)
{
    LPCWSTR Name = L"echo";
    DWORD AddressCount = 0, Seconds = 0, Capacity = 0x400000;
    LPCWSTR Addresses[8];
    for (int i = 1; i < Count; i += 2)
    {
        LPCWSTR Value = i + 1 < Count ? Arguments[i + 1] : NULL;
        if (Value && wcscmp(Arguments[i], L"--name") == 0)
            Name = Value;
        else if (Value && wcscmp(Arguments[i], L"--address") == 0 && AddressCount < ARRAYSIZE(Addresses))
            Addresses[AddressCount++] = Value;
        else if (Value && wcscmp(Arguments[i], L"--seconds") == 0)
            Seconds = wcstoul(Value, NULL, 0);
        else if (Value && wcscmp(Arguments[i], L"--capacity") == 0)
            Capacity = wcstoul(Value, NULL, 0);
        else
        {
            fprintf(stderr, "usage: echo [--name NAME] [--address ADDRESS/BITS]... [--seconds N] [--capacity BYTES]\n");
            return 2;
        }
    }

    int Result = 1;
    HANDLE Stop = StopEvent(Seconds);
    if (!Stop)
        return Fail("preparing to stop", GetLastError());
    if (!LoadWintun())
        return Fail("loading wintun.dll", GetLastError());
    WINTUN_ADAPTER_HANDLE Adapter = CreateAdapter(Name, L"Echo", NULL);
    if (!Adapter)
        return Fail("creating the adapter", GetLastError());
    WINTUN_SESSION_HANDLE Session = StartSession(Adapter, Capacity);
    if (!Session)
    {
        Fail("starting the session", GetLastError());
        goto closeAdapter;
    }
    NET_IFINDEX Index = 0;
    NET_LUID Luid;
    GetAdapterLuid(Adapter, &Luid);
    ConvertInterfaceLuidToIndex(&Luid, &Index);
    for (DWORD i = 0; i < AddressCount; i++)
    {
        DWORD Error = SetAddress(&Luid, Addresses[i]);
        if (Error != NO_ERROR)
        {
            Fail("setting an address", Error);
            goto endSession;
        }
    }
    printf("echo: adapter %ls ready, interface index %lu\n", Name, Index);
    fflush(stdout);

    DWORD Error = Run(Session, Stop);
    Result = Error == NO_ERROR ? 0 : Fail("receiving", Error);
    printf("echo: %llu packets received, %llu answered, %llu ignored, %llu dropped because the ring was full\n",
           Counters.Received, Counters.Answered, Counters.Ignored, Counters.Full);
    fflush(stdout);
endSession:
    EndSession(Session);
closeAdapter:
    CloseAdapter(Adapter);
    return Result;
}
