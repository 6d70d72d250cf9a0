/* SPDX-License-Identifier: MIT */
/*
 * A scenario of a program that changes a packet while the driver takes it: its length and its first byte are wrong half
 * of the time so that a driver that reads either twice soon reads two different ones.
 */
#include "tests/simulation/lab.h"

SCENARIO Flips;

/* How many packets a batch has, and of how many bytes. Where the first byte is changed they are long: it is copied first, and
 * what the rest takes is time enough for a change before it is looked at again, however rarely the two threads run at once. A
 * batch's entries divide the ring evenly: what is flipped late, after the batch, is the same byte of the next one. */
#define LENGTH(Lengths)  ((Lengths) ? 100u : 65520u)
#define PACKETS(Lengths) ((Lengths) ? 64u : 2u)
#define WRONG            0xfffff0u /* more than any list holds, and than the ring */

typedef struct _FLIPPER
{
    RING_SIDE *Ring;
    _Atomic(uint32_t) Base; /* index of the batch's first packet */
    BOOLEAN Lengths;
    _Atomic(ULONG) Stop;
} FLIPPER;

static void *Flip(void *Context)
{
    FLIPPER *Flipper = Context;
    while (!atomic_load_explicit(&Flipper->Stop, memory_order_relaxed))
    {
        /* The last of a batch, of which nothing else makes use: the more often. */
        uint32_t Last = (PACKETS(Flipper->Lengths) - 1) * (uint32_t)RingEntrySize(LENGTH(Flipper->Lengths));
        uint32_t Base = atomic_load_explicit(&Flipper->Base, memory_order_relaxed);
        RING_PACKET *Entry = RingPacketAt(Flipper->Ring, Base + Last);
        _Atomic(UCHAR) *First = RingPacketData(Entry);

        for (ULONG I = 0; I < 100; I++)
        {
            /* Exchanged: of plain stores that follow each other so fast a processor shows others hardly any but the last. */
            if (Flipper->Lengths)
            {
                atomic_exchange(&Entry->Length, WRONG);
                atomic_exchange(&Entry->Length, LENGTH(TRUE));
            }
            else
            {
                atomic_exchange(First, 0x05);
                atomic_exchange(First, 0x45);
            }
        }
    }
    return NULL;
}

VOID Flips(VOID)
{
    ULONG Deaths = 0;
    LAB Lab;
    LabOpen(&Lab);
    StackDistrust(Lab.Stack, TRUE);
    PROGRAM Program;
    for (ULONG Session = 0; Session < LabScale(160); Session++)
    {
        LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
        Program.Hostile = TRUE;
        LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
        FLIPPER Flipper = {.Ring = &Program.ToStack, .Lengths = Session % 4 != 0};
        ULONG Packets = PACKETS(Flipper.Lengths), Length = LENGTH(Flipper.Lengths);
        LAB_THREAD Flipping = LabStart(Flip, &Flipper);
        for (ULONG Round = 0; Round < 100 && !RingClosed(Program.ToStack.Ring); Round++)
        {
            atomic_store(&Flipper.Base, Program.ToStack.Next);
            for (ULONG I = 0; I < Packets; I++)
            {
                RING_PACKET *Entry;
                LabEqual(RingReserve(&Program.ToStack, Length, &Entry), RING_OK);
                atomic_store((_Atomic(UCHAR) *)RingPacketData(Entry), 0x45);
                memset((UCHAR *)RingPacketData(Entry) + 1, 0x45, Length - 1);
            }
            RingPublish(&Program.ToStack, Program.ToStack.Next);
            SimEventSet(Program.Process, Program.ToStackPackets);
            LabUntil(RingClosed(Program.ToStack.Ring) ||
                     atomic_load(&Program.ToStack.Ring->Head) == Program.ToStack.Own);
            LabOperations(Packets);
        }
        Deaths += RingClosed(Program.ToStack.Ring) != 0;
        atomic_store(&Flipper.Stop, 1);
        LabJoin(Flipping);
        ProgramClose(&Program);
    }
    printf("flips: %u sessions of %u ended by a length that was read\n", Deaths, LabScale(160));
    LabClose(&Lab);
}
