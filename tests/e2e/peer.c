/* SPDX-License-Identifier: MIT */
/*
 * peer: a Windows program that the tests drive. It reads commands from standard input and answers each with one line,
 * "ok key=value ..." or "error NUMBER" (GetLastError()). An adapter sits in a slot, 0 to 7; a worker thread a slot
 * does traffic while commands go on. Built on plaintun.h.
 *
 *   create SLOT MTU NAME      open SLOT NAME         close SLOT            address SLOT ADDRESS/BITS
 *   start SLOT CAPACITY [OFFLOADS]                   asks for these of plaintun.h, and says which are granted
 *   end SLOT                  info SLOT              statistics SLOT
 *   monitor SLOT CAPACITY     starts a monitor session
 *   work SLOT echo            checks test packets (packet.h) and sends them back; counts header-only ones and sends
 *                             those back too; passes over what else comes
 *   work SLOT flood SIZE      sends packets of SIZE bytes to the stack as fast as it can, and drops what it receives
 *   work SLOT sink            drops what it receives; of a monitor's, "sent" counts what the adapter's program sent
 *   state SLOT                what the worker has done and whether it has ended, with which error
 *   stop SLOT                 ends the worker, leaves the session
 *   send SLOT HEX             one packet
 *   super SLOT HEX            one packet, with its virtio-net header before it
 *   receive SLOT MILLISECONDS     one packet, and its virtio-net header, as hex
 *   fill SLOT SIZE            allocates until the ring is full, asks for the space event, then sends all and waits for it
 *   corrupt SLOT CAPACITY WHICH    writes garbage into the ring: head, tail or length (what a broken program might do)
 *   version                   delete-driver        quit
 *   memory                    what is allocated in all heaps of this process: blocks, bytes
 *   install-driver            driver-info          message: of the last failure, UTF-16 in hexadecimal
 *
 *   peer.exe [WORD]           the word is for finding the process
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/example.h"
#include "plaintun.h"
#include "ring/session.h"
#include "tests/e2e/mapping.h"
#include "tests/e2e/packet.h"

#define SLOTS 8
#define BATCH 64

typedef struct _SLOT SLOT;

struct _SLOT
{
    PLAINTUN_ADAPTER_HANDLE Adapter;
    PLAINTUN_SESSION_HANDLE Session;
    HANDLE Worker;
    void (*Work)(SLOT *Slot);
    DWORD Size;
    volatile LONG Stop;
    DWORD Error; /* of the worker's end, once it has ended */
    unsigned long long Received, Bytes, Bare, Other, Sent, Full;
    TEST_FLOW Flows[TEST_FLOWS];
    _Alignas(16) BYTE Aligned[65536]; /* a payload that is being checked */
};

static SLOT Slots[SLOTS];

/* --- packets -------------------------------------------------------------------------------------------------------- */

static void Swap(BYTE *A, BYTE *B, size_t Size)
{
    BYTE Former[16];
    memcpy(Former, A, Size);
    memcpy(A, B, Size);
    memcpy(B, Former, Size);
}

/* Checks and counts one packet; TRUE: it is ours and shall go back. */
static BOOL Inspect(SLOT *Slot, const PLAINTUN_PACKET *Packet)
{
    const BYTE *Data = Packet->Data;
    BOOL V4 = Packet->Size >= 20 && Data[0] == 0x45, V6 = Packet->Size >= 40 && Data[0] >> 4 == 6;
    DWORD Header = V4 ? 20 : 40;
    BYTE Protocol = V4 ? Data[9] : Data[6];
    BOOL Answer = (Packet->Flags & PLAINTUN_PACKET_TO_STACK) != 0;
    Slot->Received++;
    Slot->Sent += Answer;
    Slot->Bytes += Packet->Size;
    if ((V4 || V6) && Protocol == TEST_PROTOCOL && Packet->Size == Header)
    {
        Slot->Bare++;
        return TRUE;
    }
    if ((V4 || V6) && Protocol == IPPROTO_UDP && Packet->Size >= Header + 8)
    {
        /* Headers are multiples of 4 long, the payload of 8 only by chance: copy what is to be read as words. */
        size_t Size = Packet->Size - Header - 8;
        memcpy(Slot->Aligned, Data + Header + 8, Size);
        const TEST_PAYLOAD *Payload = (const TEST_PAYLOAD *)Slot->Aligned;
        if (TestIsOurs(Payload, Size))
        {
            TEST_FLOW *Flow = &Slot->Flows[Payload->Flow % TEST_FLOWS];
            TEST_FLOW *Answers = &Slot->Flows[(Payload->Flow + TEST_FLOWS / 2) % TEST_FLOWS];
            TestCheck(Answer ? Answers : Flow, Payload, Size);
            if (Answer && Payload->Sequence >= Flow->Next)
                Answers->Reordered++; /* before what it answers */
            return TRUE;
        }
    }
    Slot->Other++;
    return FALSE;
}

static void TurnRound(BYTE *Data)
{
    BOOL V4 = Data[0] >> 4 == 4;
    BYTE *Ports = Data + (V4 ? 20 : 40);
    if ((V4 ? Data[9] : Data[6]) == IPPROTO_UDP)
        Swap(Ports, Ports + 2, 2);
    Swap(Data + (V4 ? 12 : 8), Data + (V4 ? 16 : 24), V4 ? 4 : 16);
}

/* Sends copies of the packets, waiting for space; FALSE: the session is over. */
static BOOL SendBack(SLOT *Slot, const PLAINTUN_PACKET *Packets, DWORD Count)
{
    PLAINTUN_PACKET Copies[BATCH];
    for (DWORD i = 0; i < Count; i++)
        Copies[i].Size = Packets[i].Size;
    for (DWORD Done = 0; Done < Count;)
    {
        DWORD Room = PlaintunAllocate(Slot->Session, Copies + Done, Count - Done);
        if (Room == 0)
        {
            if (GetLastError() != ERROR_BUFFER_OVERFLOW)
                return FALSE;
            Slot->Full++;
            if (!PlaintunWait(Slot->Session, PLAINTUN_WAIT_SPACE, INFINITE))
                return FALSE;
            continue;
        }
        for (DWORD i = Done; i < Done + Room; i++)
        {
            memcpy(Copies[i].Data, Packets[i].Data, Packets[i].Size);
            TurnRound(Copies[i].Data);
        }
        PlaintunSend(Slot->Session, Copies + Done, Room);
        Slot->Sent += Room;
        Done += Room;
    }
    return TRUE;
}

static void WorkEcho(SLOT *Slot)
{
    while (!Slot->Stop)
    {
        PLAINTUN_PACKET Packets[BATCH];
        DWORD Count = PlaintunReceive(Slot->Session, Packets, BATCH), OurCount = 0;
        if (Count == 0)
        {
            if (GetLastError() != ERROR_NO_MORE_ITEMS)
                return;
            if (!PlaintunWait(Slot->Session, PLAINTUN_WAIT_PACKETS, 100) && GetLastError() != ERROR_TIMEOUT)
                return;
            continue;
        }
        PLAINTUN_PACKET Ours[BATCH];
        for (DWORD i = 0; i < Count; i++)
            if (Inspect(Slot, &Packets[i]))
                Ours[OurCount++] = Packets[i];
        BOOL Sent = SendBack(Slot, Ours, OurCount);
        DWORD Error = GetLastError();
        PlaintunRelease(Slot->Session, Packets, Count);
        SetLastError(Error);
        if (!Sent)
            return;
    }
    SetLastError(NO_ERROR);
}

/* Takes and drops all that has come. FALSE: the session is over. */
static BOOL Drain(SLOT *Slot)
{
    PLAINTUN_PACKET Packets[BATCH];
    DWORD Count;
    while ((Count = PlaintunReceive(Slot->Session, Packets, BATCH)) != 0)
    {
        for (DWORD i = 0; i < Count; i++)
            Inspect(Slot, &Packets[i]);
        PlaintunRelease(Slot->Session, Packets, Count);
    }
    return GetLastError() == ERROR_NO_MORE_ITEMS;
}

static void WorkSink(SLOT *Slot)
{
    while (!Slot->Stop)
    {
        if (!Drain(Slot))
            return;
        if (!PlaintunWait(Slot->Session, PLAINTUN_WAIT_PACKETS, 100) && GetLastError() != ERROR_TIMEOUT)
            return;
    }
    SetLastError(NO_ERROR);
}

/* IPv4 from 192.0.2.1 to 192.0.2.2, UDP without a checksum: the stack takes it in and throws it away. */
static void WriteFloodPacket(BYTE *Data, DWORD Size)
{
    const BYTE Header[28] = {0x45,
                             0,
                             (BYTE)(Size >> 8),
                             (BYTE)Size,
                             0,
                             0,
                             0,
                             0,
                             64,
                             17,
                             0,
                             0,
                             192,
                             0,
                             2,
                             1,
                             192,
                             0,
                             2,
                             2,
                             0,
                             9,
                             0,
                             9,
                             (BYTE)((Size - 20) >> 8),
                             (BYTE)(Size - 20),
                             0,
                             0};
    memset(Data, 0x5a, Size);
    memcpy(Data, Header, sizeof(Header));
    unsigned Sum = 0;
    for (int i = 0; i < 20; i += 2)
        Sum += Data[i] << 8 | Data[i + 1];
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Sum = ~(Sum + (Sum >> 16));
    Data[10] = (BYTE)(Sum >> 8);
    Data[11] = (BYTE)Sum;
}

static void WorkFlood(SLOT *Slot)
{
    while (!Slot->Stop)
    {
        PLAINTUN_PACKET Packets[BATCH];
        for (DWORD i = 0; i < BATCH; i++)
            Packets[i].Size = Slot->Size;
        DWORD Room = PlaintunAllocate(Slot->Session, Packets, BATCH);
        if (Room == 0)
        {
            if (GetLastError() != ERROR_BUFFER_OVERFLOW)
                return;
            Slot->Full++;
            if (!PlaintunWait(Slot->Session, PLAINTUN_WAIT_SPACE, 100) && GetLastError() != ERROR_TIMEOUT)
                return;
        }
        for (DWORD i = 0; i < Room; i++)
            WriteFloodPacket(Packets[i].Data, Packets[i].Size);
        PlaintunSend(Slot->Session, Packets, Room);
        Slot->Sent += Room;
        if (!Drain(Slot))
            return;
    }
    SetLastError(NO_ERROR);
}

static DWORD WINAPI RunWorker(void *Context)
{
    SLOT *Slot = Context;
    Slot->Work(Slot);
    Slot->Error = GetLastError();
    return 0;
}

/* --- answers -------------------------------------------------------------------------------------------------------- */

static void Ok(void)
{
    puts("ok");
}

static void Error(DWORD Number)
{
    printf("error %lu\n", Number);
}

/* Answers ok or, with GetLastError(), error. */
static void Result(BOOL Good)
{
    if (Good)
        Ok();
    else
        Error(GetLastError());
}

static void PrintCounters(const char *Prefix, const PLAINTUN_COUNTERS *C)
{
    printf(" %sto_app=%llu %sto_app_bytes=%llu %sno_session=%llu %sfull=%llu %sinvalid=%llu %spaused=%llu "
           "%sto_stack=%llu %sto_stack_bytes=%llu %sto_stack_invalid=%llu",
           Prefix, C->ToAppPackets, Prefix, C->ToAppBytes, Prefix, C->ToAppDropNoSession, Prefix, C->ToAppDropFull,
           Prefix, C->ToAppDropInvalid, Prefix, C->ToAppDropPaused, Prefix, C->ToStackPackets, Prefix, C->ToStackBytes,
           Prefix, C->ToStackDropInvalid);
}

static void PrintInfo(SLOT *Slot)
{
    PLAINTUN_ADAPTER_INFO Info;
    if (!PlaintunGetAdapterInfo(Slot->Adapter, &Info))
    {
        Error(GetLastError());
        return;
    }
    const GUID *G = &Info.Guid;
    printf("ok luid=%llu index=%lu mtu=%lu version=%lu active=%d "
           "guid=%08lX-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X\n",
           Info.Luid.Value, Info.InterfaceIndex, Info.Mtu, Info.DriverVersion, Info.State == PLAINTUN_ADAPTER_CONNECTED,
           G->Data1, G->Data2, G->Data3, G->Data4[0], G->Data4[1], G->Data4[2], G->Data4[3], G->Data4[4], G->Data4[5],
           G->Data4[6], G->Data4[7]);
}

static void PrintState(SLOT *Slot)
{
    TEST_FLOW Total = {0};
    for (int i = 0; i < TEST_FLOWS; i++)
    {
        Total.Received += Slot->Flows[i].Received;
        Total.Corrupt += Slot->Flows[i].Corrupt;
        Total.Reordered += Slot->Flows[i].Reordered;
    }
    BOOL Ended = Slot->Worker && WaitForSingleObject(Slot->Worker, 0) == WAIT_OBJECT_0;
    printf("ok ended=%d error=%lu received=%llu bytes=%llu bare=%llu other=%llu whole=%llu corrupt=%llu reordered=%llu "
           "sent=%llu full=%llu\n",
           Ended, Ended ? Slot->Error : 0, Slot->Received, Slot->Bytes, Slot->Bare, Slot->Other,
           (unsigned long long)(Total.Received - Total.Corrupt), (unsigned long long)Total.Corrupt,
           (unsigned long long)Total.Reordered, Slot->Sent, Slot->Full);
}

/* --- commands ------------------------------------------------------------------------------------------------------- */

static void StopWorker(SLOT *Slot)
{
    if (!Slot->Worker)
        return;
    InterlockedExchange(&Slot->Stop, 1);
    WaitForSingleObject(Slot->Worker, INFINITE);
    CloseHandle(Slot->Worker);
    Slot->Worker = NULL;
}

static void StartWorker(SLOT *Slot, const char *Mode, DWORD Size)
{
    Slot->Work = strcmp(Mode, "echo") == 0    ? WorkEcho
                 : strcmp(Mode, "flood") == 0 ? WorkFlood
                 : strcmp(Mode, "sink") == 0  ? WorkSink
                                              : NULL;
    if (Slot->Worker || !Slot->Work)
    {
        Error(ERROR_INVALID_PARAMETER);
        return;
    }
    memset(Slot->Flows, 0, sizeof(Slot->Flows));
    Slot->Received = Slot->Bytes = Slot->Bare = Slot->Other = Slot->Sent = Slot->Full = 0;
    Slot->Size = Size;
    Slot->Stop = 0;
    Slot->Worker = CreateThread(NULL, 0, RunWorker, Slot, 0, NULL);
    Result(Slot->Worker != NULL);
}

/* Sends what Hex says; of its bytes, so many belong right before the packet. */
static void SendHex(SLOT *Slot, const char *Hex, DWORD Before)
{
    PLAINTUN_PACKET Packet = {.Size = (DWORD)strlen(Hex) / 2 - Before};
    if (!PlaintunAllocate(Slot->Session, &Packet, 1))
    {
        Error(GetLastError());
        return;
    }
    for (DWORD i = 0; i < Packet.Size + Before; i++)
        (Packet.Data - Before)[i] = (BYTE)strtoul((char[]){Hex[2 * i], Hex[2 * i + 1], 0}, NULL, 16);
    PlaintunSend(Slot->Session, &Packet, 1);
    Ok();
}

static void ReceiveHex(SLOT *Slot, DWORD Milliseconds)
{
    PLAINTUN_PACKET Packet;
    while (!PlaintunReceive(Slot->Session, &Packet, 1))
    {
        if (GetLastError() != ERROR_NO_MORE_ITEMS || !PlaintunWait(Slot->Session, PLAINTUN_WAIT_PACKETS, Milliseconds))
        {
            Error(GetLastError());
            return;
        }
    }
    printf("ok vnet=");
    for (DWORD i = 0; i < sizeof(PLAINTUN_OFFLOAD); i++)
        printf("%02x", ((const BYTE *)PLAINTUN_OFFLOAD_OF(Packet.Data))[i]);
    printf(" hex=");
    for (DWORD i = 0; i < Packet.Size; i++)
        printf("%02x", Packet.Data[i]);
    printf("\n");
    PlaintunRelease(Slot->Session, &Packet, 1);
}

/*
 * Fills the ring towards the stack by holding back all that it allocates, which no driver can drain. Then sends all and
 * waits for the space event.
 */
static void FillRing(SLOT *Slot, DWORD Size)
{
    static PLAINTUN_PACKET Packets[1 << 16];
    DWORD Count = 0, Late = 0;
    HANDLE Space = PlaintunGetSpaceEvent(Slot->Session);
    for (; Count < ARRAYSIZE(Packets); Count++)
    {
        Packets[Count].Size = Size;
        if (!PlaintunAllocate(Slot->Session, &Packets[Count], 1))
            break;
        WriteFloodPacket(Packets[Count].Data, Size);
    }
    DWORD Refusal = GetLastError();
    DWORD Early = WaitForSingleObject(Space, 0);
    /* Backwards: nothing may go out before the first one is sent. */
    for (DWORD i = Count; i-- > 0;)
        PlaintunSend(Slot->Session, &Packets[i], 1);
    Late = WaitForSingleObject(Space, 5000);
    PLAINTUN_PACKET Again = {.Size = Size};
    BOOL Room = PlaintunAllocate(Slot->Session, &Again, 1) == 1;
    if (Room)
    {
        WriteFloodPacket(Again.Data, Size);
        PlaintunSend(Slot->Session, &Again, 1);
    }
    printf("ok count=%lu refusal=%lu early=%lu late=%lu room=%d\n", Count, Refusal, Early, Late, Room);
}

/* Sends a small packet, which wakes the driver if it sleeps. */
static void Poke(SLOT *Slot)
{
    PLAINTUN_PACKET Packet = {.Size = 64};
    if (PlaintunAllocate(Slot->Session, &Packet, 1))
    {
        WriteFloodPacket(Packet.Data, 64);
        PlaintunSend(Slot->Session, &Packet, 1);
    }
}

/* Writes garbage until the side that has to notice does: library and driver go on writing their own words meanwhile. */
static void Corrupt(SLOT *Slot, DWORD Capacity, const char *Which)
{
    RING *ToApp, *ToStack;
    if (!FindRings(Capacity, &ToApp, &ToStack))
    {
        Error(ERROR_NOT_FOUND);
        return;
    }
    ULONGLONG End = GetTickCount64() + 5000;
    if (strcmp(Which, "head") == 0 || strcmp(Which, "head-unaligned") == 0)
    {
        /* The driver looks at Head when the ring seems full: the test sends meanwhile, and nobody receives. */
        uint32_t Much = strcmp(Which, "head") == 0 ? 4 * Capacity : 4 * Capacity + 5;
        while (!RingClosed(ToApp) && GetTickCount64() < End)
        {
            atomic_store(&ToApp->Head, atomic_load(&ToApp->Tail) + Much);
            SwitchToThread();
        }
    }
    else if (strcmp(Which, "length") == 0)
    {
        /* A packet that reaches past what is published: its length is changed after the library wrote it. */
        PLAINTUN_PACKET Packet = {.Size = 64};
        if (PlaintunAllocate(Slot->Session, &Packet, 1))
        {
            memset(Packet.Data, 0, 64);
            atomic_store(&((RING_PACKET *)Packet.Data - 1)->Length, 0x7fffffff);
            PlaintunSend(Slot->Session, &Packet, 1);
        }
    }
    else if (strcmp(Which, "driver-tail") == 0) /* as if the driver were the broken one */
    {
        do
        {
            atomic_fetch_or(&ToApp->Tail, 7);
            PLAINTUN_PACKET Packet;
            if (PlaintunReceive(Slot->Session, &Packet, 1))
                PlaintunRelease(Slot->Session, &Packet, 1);
        } while (GetLastError() != ERROR_INVALID_DATA);
    }
    else if (strcmp(Which, "tail") == 0 || strcmp(Which, "tail-unaligned") == 0)
    {
        uint32_t Much = strcmp(Which, "tail") == 0 ? 2 * Capacity : 3;
        while (!RingClosed(ToStack) && GetTickCount64() < End)
        {
            Poke(Slot);
            atomic_store(&ToStack->Tail, atomic_load(&ToStack->Head) + Much);
            SwitchToThread();
        }
    }
    else
    {
        Error(ERROR_INVALID_PARAMETER);
        return;
    }
    Ok();
}

static void CloseSlot(SLOT *Slot)
{
    PlaintunCloseAdapter(Slot->Adapter);
    Slot->Adapter = NULL;
    StopWorker(Slot);
    Slot->Session = NULL;
}

static LPCWSTR Wide(const char *Text)
{
    static WCHAR Buffer[512];
    MultiByteToWideChar(CP_UTF8, 0, Text, -1, Buffer, ARRAYSIZE(Buffer));
    return Buffer;
}

static void OpenSlot(SLOT *Slot, BOOL Create, DWORD Mtu, const char *Name)
{
    if (Slot->Adapter)
        CloseSlot(Slot);
    Slot->Adapter = Create ? PlaintunCreateAdapter(&(PLAINTUN_ADAPTER_CONFIG){
                                 .Size = sizeof(PLAINTUN_ADAPTER_CONFIG), .Mtu = Mtu, .Name = Wide(Name)})
                           : PlaintunOpenAdapter(Wide(Name));
    if (Slot->Adapter)
        PrintInfo(Slot);
    else
        Error(GetLastError());
}

static void Memory(void)
{
    HANDLE Heaps[64];
    DWORD Count = GetProcessHeaps(ARRAYSIZE(Heaps), Heaps);
    unsigned long long Blocks = 0, Bytes = 0;
    for (DWORD i = 0; i < Count && i < ARRAYSIZE(Heaps); i++)
    {
        HeapLock(Heaps[i]);
        PROCESS_HEAP_ENTRY Entry = {0};
        while (HeapWalk(Heaps[i], &Entry))
            if (Entry.wFlags & PROCESS_HEAP_ENTRY_BUSY)
            {
                Blocks++;
                Bytes += Entry.cbData;
            }
        HeapUnlock(Heaps[i]);
    }
    printf("ok blocks=%llu bytes=%llu\n", Blocks, Bytes);
}

static void Execute(char *Line)
{
    char Command[32] = "", Rest[256] = "";
    static char Long[140000];
    unsigned Index = 0;
    DWORD Number = 0, Offloads = 0;
    sscanf(Line, "%31s %u", Command, &Index);
    SLOT *Slot = &Slots[Index % SLOTS];
    if (strcmp(Command, "create") == 0 && sscanf(Line, "%*s %*u %lu %255[^\n]", &Number, Rest) == 2)
        OpenSlot(Slot, TRUE, Number, Rest);
    else if (strcmp(Command, "open") == 0 && sscanf(Line, "%*s %*u %255[^\n]", Rest) == 1)
        OpenSlot(Slot, FALSE, 0, Rest);
    else if (strcmp(Command, "close") == 0)
    {
        CloseSlot(Slot);
        Ok();
    }
    else if ((strcmp(Command, "start") == 0 || strcmp(Command, "monitor") == 0) &&
             sscanf(Line, "%*s %*u %lu %lu", &Number, &Offloads) >= 1)
    {
        PLAINTUN_SESSION_CONFIG Config = {.Size = sizeof(Config),
                                          .Capacity = Number,
                                          .Flags = Offloads | (*Command == 'm' ? PLAINTUN_SESSION_MONITOR : 0)};
        PLAINTUN_SESSION_HANDLE Session = PlaintunStartSession(Slot->Adapter, &Config);
        if (Session)
        {
            Slot->Session = Session;
            printf("ok offloads=%lu\n", PlaintunGetOffloads(Session));
        }
        else
            Error(GetLastError());
    }
    else if (strcmp(Command, "end") == 0)
    {
        PlaintunEndSession(Slot->Session);
        Ok();
    }
    else if (strcmp(Command, "info") == 0)
        PrintInfo(Slot);
    else if (strcmp(Command, "statistics") == 0)
    {
        PLAINTUN_STATISTICS Statistics;
        if (!PlaintunGetStatistics(Slot->Adapter, &Statistics))
        {
            Error(GetLastError());
            return;
        }
        printf("ok");
        PrintCounters("", &Statistics.Adapter);
        PrintCounters("session_", &Statistics.Session);
        printf(" monitor=%llu monitor_drops=%llu\n", Statistics.MonitorPackets, Statistics.MonitorDrops);
    }
    else if (strcmp(Command, "address") == 0 && sscanf(Line, "%*s %*u %255s", Rest) == 1)
    {
        PLAINTUN_ADAPTER_INFO Info;
        DWORD Status =
            PlaintunGetAdapterInfo(Slot->Adapter, &Info) ? SetAddress(&Info.Luid, Wide(Rest)) : GetLastError();
        SetLastError(Status);
        Result(Status == NO_ERROR);
    }
    else if (strcmp(Command, "work") == 0 && sscanf(Line, "%*s %*u %255s %lu", Rest, &Number) >= 1)
        StartWorker(Slot, Rest, Number);
    else if (strcmp(Command, "state") == 0)
        PrintState(Slot);
    else if (strcmp(Command, "stop") == 0)
    {
        StopWorker(Slot);
        PrintState(Slot);
    }
    else if (strcmp(Command, "send") == 0 && sscanf(Line, "%*s %*u %139999s", Long) == 1)
        SendHex(Slot, Long, 0);
    else if (strcmp(Command, "super") == 0 && sscanf(Line, "%*s %*u %139999s", Long) == 1 && strlen(Long) > 20)
        SendHex(Slot, Long, sizeof(PLAINTUN_OFFLOAD));
    else if (strcmp(Command, "receive") == 0 && sscanf(Line, "%*s %*u %lu", &Number) == 1)
        ReceiveHex(Slot, Number);
    else if (strcmp(Command, "fill") == 0 && sscanf(Line, "%*s %*u %lu", &Number) == 1)
        FillRing(Slot, Number);
    else if (strcmp(Command, "corrupt") == 0 && sscanf(Line, "%*s %*u %lu %255s", &Number, Rest) == 2)
        Corrupt(Slot, Number, Rest);
    else if (strcmp(Command, "version") == 0)
    {
        DWORD Version = PlaintunGetDriverVersion();
        if (Version)
            printf("ok version=%lu\n", Version);
        else
            Error(GetLastError());
    }
    else if (strcmp(Command, "delete-driver") == 0)
        Result(PlaintunDeleteDriver());
    else if (strcmp(Command, "install-driver") == 0)
    {
        if (PlaintunInstallDriver())
            printf("ok restart=%d\n", GetLastError() == ERROR_SUCCESS_REBOOT_REQUIRED);
        else
            Error(GetLastError());
    }
    else if (strcmp(Command, "driver-info") == 0)
    {
        PLAINTUN_DRIVER_INFO Info;
        if (PlaintunGetDriverInfo(&Info))
            printf("ok library=%llu installed=%llu loaded=%llu\n", Info.LibraryVersion, Info.InstalledVersion,
                   Info.LoadedVersion);
        else
            Error(GetLastError());
    }
    else if (strcmp(Command, "memory") == 0)
        Memory();
    else if (strcmp(Command, "message") == 0)
    {
        WCHAR Text[1024] = L"";
        PlaintunGetMessage(Text, ARRAYSIZE(Text));
        printf("ok hex=");
        for (const WCHAR *c = Text; *c; c++)
            printf("%04x", *c);
        putchar('\n');
    }
    else
        printf("error what is: %s\n", Line);
}

/* In one piece, whatever other threads print. */
static void CALLBACK Log(PLAINTUN_LOG_LEVEL Level, DWORD64 Time, LPCWSTR Message)
{
    char Line[512];
    int Size = snprintf(Line, sizeof(Line) - 1, "log %d: %ls", Level, Message);
    Size = Size < 0 || Size > (int)sizeof(Line) - 2 ? (int)sizeof(Line) - 2 : Size;
    Line[Size++] = '\n';
    DWORD Written;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), Line, Size, &Written, NULL);
}

int wmain(int Count, WCHAR **Arguments)
{
    static char Line[140000];
    PlaintunSetLogger(Log);
    puts("ok ready");
    fflush(stdout);
    while (fgets(Line, sizeof(Line), stdin) && strncmp(Line, "quit", 4) != 0)
    {
        Execute(Line);
        fflush(stdout);
    }
    for (int i = 0; i < SLOTS; i++)
        if (Slots[i].Adapter)
            CloseSlot(&Slots[i]);
    puts("ok");
    return 0;
}
