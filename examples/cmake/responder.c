/* SPDX-License-Identifier: MIT */
/*
 * A network that answers ping: each ICMP echo request that the system sends out through the adapter comes back as a reply.
 * Run it as administrator, give the adapter an address as it says, and ping. Ends with Ctrl-C; the adapter goes with it.
 */
#include <plaintun.h>
#include <stdio.h>
#include <string.h>

#define BATCH 64

static int Fail(const char *What)
{
    DWORD Error = GetLastError();
    WCHAR Why[1024];
    if (PlaintunGetMessage(Why, 1024) == 0)
        Why[0] = 0;
    fprintf(stderr, "%s: error %lu %ls\n", What, Error, Why);
    return 1;
}

/* Makes the answer in place; its checksum follows from the one word that changes (RFC 1624). */
static BOOL MakeReply(BYTE *Packet, DWORD Size)
{
    DWORD Header = (Packet[0] & 15) * 4;
    if (Size < 28 || Packet[0] >> 4 != 4 || Packet[9] != 1 || Size < Header + 8 || Packet[Header] != 8)
        return FALSE;
    BYTE Address[4];
    memcpy(Address, Packet + 12, 4);
    memcpy(Packet + 12, Packet + 16, 4);
    memcpy(Packet + 16, Address, 4);
    DWORD Sum = (Packet[Header + 2] << 8 | Packet[Header + 3]) + 0x800;
    Sum = (Sum & 0xffff) + (Sum >> 16);
    Packet[Header] = 0;
    Packet[Header + 2] = (BYTE)(Sum >> 8);
    Packet[Header + 3] = (BYTE)Sum;
    return TRUE;
}

int main(void)
{
    PLAINTUN_ADAPTER_CONFIG Config = {.Size = sizeof(Config), .Name = L"responder", .TunnelType = L"Example"};
    PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunCreateAdapter(&Config);
    if (Adapter == NULL)
        return Fail("creating the adapter");
    PLAINTUN_SESSION_HANDLE Session = PlaintunStartSession(Adapter, NULL);
    if (Session == NULL)
        return Fail("starting the session");
    puts("ready: netsh interface ipv4 set address responder static 10.9.0.1 255.255.255.0, then ping 10.9.0.2");
    fflush(stdout);
    PLAINTUN_PACKET Answer;
    while (PlaintunWait(Session, PLAINTUN_WAIT_PACKETS, INFINITE))
    {
        PLAINTUN_PACKET Packets[BATCH];
        DWORD Count = PlaintunReceive(Session, Packets, BATCH);
        for (DWORD i = 0; i < Count; ++i)
        {
            Answer.Size = Packets[i].Size;
            if (!MakeReply(Packets[i].Data, Packets[i].Size) || PlaintunAllocate(Session, &Answer, 1) == 0)
                continue; /* no request, or the ring is full */
            memcpy(Answer.Data, Packets[i].Data, Answer.Size);
            PlaintunSend(Session, &Answer, 1);
        }
        PlaintunRelease(Session, Packets, Count);
    }
    return Fail("waiting for packets");
}
