/* SPDX-License-Identifier: MIT */
/*
 * A scenario of a program that changes a packet while the driver takes it: its length and its first byte are wrong half
 * of the time so that a driver that reads either twice soon reads two different ones.
 */
#include "tests/simulation/lab.h"

SCENARIO Flips;

#define PACKETS 64u
#define LENGTH  100u      /* bytes; an entry takes 128 */
#define ENTRY   128u      /* bytes */
#define WRONG   0xfffff0u /* more than any list holds, and than the ring */

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
        /* The last two of a batch, of which nothing else makes use: the more often. */
        uint32_t Base = atomic_load_explicit(&Flipper->Base, memory_order_relaxed) + (PACKETS - 2) * ENTRY;
        _Atomic(UCHAR) *First = RingPacketData(RingPacketAt(Flipper->Ring, Base));
        RING_PACKET *Entry = RingPacketAt(Flipper->Ring, Base + ENTRY);

        for (ULONG I = 0; I < 100; I++)
        {
            if (Flipper->Lengths)
            {
                atomic_store_explicit(&Entry->Length, WRONG, memory_order_relaxed);
                atomic_store_explicit(&Entry->Length, LENGTH, memory_order_relaxed);
            }
            else
            {
                atomic_store_explicit(First, 0x05, memory_order_relaxed);
                atomic_store_explicit(First, 0x45, memory_order_relaxed);
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
    for (ULONG Session = 0; Session < LabScale(80); Session++)
    {
        LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
        Program.Hostile = TRUE;
        LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
        FLIPPER Flipper = {.Ring = &Program.ToStack, .Lengths = Session % 2 != 0};
        LAB_THREAD Flipping = LabStart(Flip, &Flipper);
        for (ULONG Round = 0; Round < 100 && !RingClosed(Program.ToStack.Ring); Round++)
        {
            atomic_store(&Flipper.Base, Program.ToStack.Next);
            for (ULONG I = 0; I < PACKETS; I++)
            {
                RING_PACKET *Entry;
                LabEqual(RingReserve(&Program.ToStack, LENGTH, &Entry), RING_OK);
                atomic_store((_Atomic(UCHAR) *)RingPacketData(Entry), 0x45);
                memset((UCHAR *)RingPacketData(Entry) + 1, 0x45, LENGTH - 1);
            }
            RingPublish(&Program.ToStack, Program.ToStack.Next);
            SimEventSet(Program.Process, Program.ToStackPackets);
            LabUntil(RingClosed(Program.ToStack.Ring) ||
                     atomic_load(&Program.ToStack.Ring->Head) == Program.ToStack.Own);
            LabOperations(PACKETS);
        }
        Deaths += RingClosed(Program.ToStack.Ring) != 0;
        atomic_store(&Flipper.Stop, 1);
        LabJoin(Flipping);
        ProgramClose(&Program);
    }
    printf("flips: %u sessions of %u ended by a length that was read\n", Deaths, LabScale(80));
    LabClose(&Lab);
}
