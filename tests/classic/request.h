/* SPDX-License-Identifier: MIT */
/*
 * What the older-manner miniport (classic.h) and its program say to each other: two requests on the adapter's own device,
 * opened through GUID_DEVINTERFACE_NET, and the two rings of fixed slots that the program allocates. Included by both.
 */
#ifndef TESTS_CLASSIC_REQUEST_H
#define TESTS_CLASSIC_REQUEST_H

/* A ring: one page for its header, then slots of half a page. Positions count slots, from 0 and without end; the
 * producer owns Tail, the consumer Head. Slots is a power of two. */
#define CLASSIC_SLOT         2048
#define CLASSIC_HEADER       4096
#define CLASSIC_SLOTS_MIN    16
#define CLASSIC_SLOTS_MAX    4096
#define CLASSIC_PACKET_LIMIT 1500 /* bytes, the adapter's MTU */

typedef struct _CLASSIC_RING
{
    volatile ULONG Head; /* of the slots before it, the consumer needs none any more */
    ULONG Reserved[15];
    volatile ULONG Tail; /* the slots before it are filled */
    ULONG Reserved2[15];
    volatile ULONG Waiting; /* not 0: the consumer sleeps, and wants its event set */
} CLASSIC_RING;

typedef struct _CLASSIC_PACKET
{
    ULONG Length; /* bytes of Data */
    ULONG Reserved[3];
    UCHAR Data[CLASSIC_SLOT - 16];
} CLASSIC_PACKET;

#define CLASSIC_RING_SIZE(Slots) (CLASSIC_HEADER + (Slots) * CLASSIC_SLOT)

/* One direction: where the ring lies in the program, and the event that wakes its consumer. */
typedef struct _CLASSIC_SIDE
{
    PVOID Ring;
    HANDLE Event;
    ULONG Slots;
} CLASSIC_SIDE;

/* IOCTL_CLASSIC_START, METHOD_NEITHER: from then on packets flow, until the handle is closed or the program ends. One
 * session an adapter. STATUS_DEVICE_BUSY: another program has it; _ACCESS_DENIED: the caller may not;
 * _INVALID_PARAMETER, _ACCESS_VIOLATION, _INVALID_USER_BUFFER: what is passed is wrong. */
typedef struct _CLASSIC_START
{
    CLASSIC_SIDE ToProgram, ToDriver;
} CLASSIC_START;

/* The same of a 32-bit program's. */
typedef struct _CLASSIC_SIDE32
{
    ULONG Ring, Event, Slots;
} CLASSIC_SIDE32;

typedef struct _CLASSIC_START32
{
    CLASSIC_SIDE32 ToProgram, ToDriver;
} CLASSIC_START32;

/* IOCTL_CLASSIC_STATE, METHOD_OUT_DIRECT. */
typedef struct _CLASSIC_STATE
{
    ULONG64 ToProgram, ToDriver, Dropped; /* packets; Dropped: of both directions */
    ULONG64 Returned, OutOfOrder;         /* lists that the stack gave back, and those before an older one */
    ULONG64 Ticks;                        /* of the adapter's timer */
    ULONG64 Born, Died;                   /* processes, since the driver was loaded */
    ULONG64 Sessions, Deaths;             /* sessions begun, and those ended by their program's death */
    ULONG64 Counter, Frequency;           /* of the performance counter */
    ULONG64 SystemTime;                   /* 100 ns since 1601 */
} CLASSIC_STATE;

#define IOCTL_CLASSIC_START CTL_CODE(FILE_DEVICE_NETWORK, 0x900, METHOD_NEITHER, FILE_READ_ACCESS | FILE_WRITE_ACCESS)
#define IOCTL_CLASSIC_STATE CTL_CODE(FILE_DEVICE_NETWORK, 0x901, METHOD_OUT_DIRECT, FILE_READ_ACCESS)

#endif
