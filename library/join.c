/* SPDX-License-Identifier: MIT */
/*
 * Super-packets of packets, for programs that were granted PLAINTUN_OFFLOAD_SEND_TCP or SEND_UDP: the reverse of offload.c. No
 * session, no state, no locks.
 */
#include "library/library.h"
#include "library/coalesce.h"

DWORD WINAPI PlaintunJoin(const PLAINTUN_PACKET *Packets, DWORD Count, PLAINTUN_OFFLOAD *Offload, BYTE *To, DWORD Room,
                          DWORD *Size)
{
    if (Count == 0 || Packets[0].Size > Room)
    {
        SetLastError(Count == 0 ? ERROR_INVALID_PARAMETER : ERROR_INSUFFICIENT_BUFFER);
        return 0;
    }
    COALESCER Coalescer;
    CoalesceClear(&Coalescer, true);
    DWORD Joined = 0;
    while (Joined < Count &&
           (Joined == 0 || Coalescer.Size + (ULONG64)Packets[Joined].Size <= (ULONG64)Room + Coalescer.HeaderLength) &&
           CoalesceAdd(&Coalescer, Packets[Joined].Data, Packets[Joined].Size))
        ++Joined;
    VNET_HEADER Vnet = {0};
    if (Joined < 2)
    {
        Joined = 1;
        *Size = Packets[0].Size;
        memcpy(To, Packets[0].Data, *Size);
    }
    else
    {
        Vnet = CoalesceFinish(&Coalescer);
        *Size = Coalescer.Size;
        memcpy(To, Coalescer.Header, Coalescer.HeaderLength);
        To += Coalescer.HeaderLength;
        for (DWORD i = 0; i < Joined; ++i)
        {
            DWORD Payload = CoalescePayload(&Coalescer, i);
            memcpy(To, Coalescer.Packets[i] + Coalescer.HeaderLength, Payload);
            To += Payload;
        }
    }
    memcpy(Offload, &Vnet, sizeof(Vnet));
    return Joined;
}
