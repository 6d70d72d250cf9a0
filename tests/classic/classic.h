/* SPDX-License-Identifier: MIT */
/*
 * classic: a small layer 3 miniport in the older manner, with which the hosts of NDIS (Wine, simulator) show that they
 * carry more than plaintun. It does what plaintun's driver avoids: it locks and maps memory that the program allocated,
 * lets the stack read packets there, cleans up in a process-notify callback, replaces dispatch routines of NDIS, and
 * before a removal takes the program's handles away. driver.c: entry, dispatch, the list of adapters; adapter.c: the
 * miniport; session.c: what lasts while a program has the adapter; data.c: packets.
 *
 * Kernel calls, beside those of any miniport: ERESOURCE (ExAcquireResourceExclusiveLite, ExAcquireResourceSharedLite,
 * ExAcquireSharedStarveExclusive, ExReleaseResourceLite, in KeEnterCriticalRegion); ExAcquireSpinLockShared and
 * -Exclusive; KeAcquireInStackQueuedSpinLock, also AtDpcLevel; run-down protection; MmProbeAndLockPages(UserMode),
 * MmMapLockedPagesSpecifyCache, MmUnlockPages, IoBuildPartialMdl, ProbeForRead, IoIs32bitProcess, MmGetSystemRoutineAddress;
 * PsSetCreateProcessNotifyRoutine, PsGetCurrentProcessId, PsLookupProcessByProcessId, KeStackAttachProcess,
 * KeUnstackDetachProcess; SeCaptureSubjectContext, SeLockSubjectContext, SeAccessCheck, SeUnlockSubjectContext,
 * SeReleaseSubjectContext, IoGetFileObjectGenericMapping; ZwQuerySystemInformation, ObReferenceObjectByHandle(UserMode;
 * events and files), ObCloseHandle; KeSetTimerEx with a DPC, KeCancelTimer, KeFlushQueuedDpcs; KeSetPriorityThread,
 * KeQueryPerformanceCounter, ZwYieldExecution; NdisMGetDeviceProperty.
 */
#ifndef TESTS_CLASSIC_H
#define TESTS_CLASSIC_H

#include <ndis.h>
#include "tests/classic/request.h"

#define CLASSIC_TAG 'salC'

/* A ring as the driver has it: the program's memory, locked and mapped. */
typedef struct _CLASSIC_MAPPED
{
    MDL *Mdl;
    CLASSIC_RING *Ring;
    ULONG Slots;
    KEVENT *Event; /* wakes the consumer */
} CLASSIC_MAPPED;

/* A program's hold of an adapter. */
typedef struct _CLASSIC_SESSION
{
    struct _CLASSIC_ADAPTER *Adapter;
    FILE_OBJECT *FileObject; /* not referenced: it lives until its IRP_MJ_CLOSE, which ends the session */
    HANDLE ProcessId;
    CLASSIC_MAPPED ToProgram, ToDriver;

    /* To the program: sends come from any thread. */
    KSPIN_LOCK SendLock;
    ULONG SendTail; /* the driver's own copy of ToProgram.Ring->Tail */

    /* To the driver: Next is the thread's; the rest is under ReturnLock. */
    ULONG Next;           /* slots before it have been taken */
    EX_RUNDOWN_REF Lists; /* that the stack has; they lie in the program's memory */
    KSPIN_LOCK ReturnLock;
    ULONG Head;      /* the driver's own copy of ToDriver.Ring->Head */
    BOOLEAN *Done;   /* by slot: given back, and waits for an older one */
    MDL **SlotMdls;  /* by slot */
    KEVENT Stop;     /* the thread shall end */
    PKTHREAD Thread; /* referenced */
} CLASSIC_SESSION;

typedef struct _CLASSIC_ADAPTER
{
    LIST_ENTRY Link; /* in the driver's list, under ClassicLock */
    NDIS_HANDLE Handle, Pool;
    DEVICE_OBJECT *Pdo, *Fdo, *Next;
    EX_RUNDOWN_REF Indications; /* run down while the adapter is paused */
    KEVENT Running;
    EX_SPIN_LOCK SessionLock; /* Session: senders share it */
    BOOLEAN Forgetful;        /* a fault on purpose: sessions end with the adapter only */
    CLASSIC_SESSION *Session; /* changes under ClassicLock, exclusive, and SessionLock */
    KTIMER Timer;
    KDPC Tick;
    volatile LONG64 ToProgram, ToDriver, Dropped, Returned, OutOfOrder, Ticks, Sessions, Deaths;
} CLASSIC_ADAPTER;

/* ---- driver.c. PASSIVE_LEVEL. */
extern NDIS_HANDLE ClassicDriver;
VOID ClassicAddAdapter(_Inout_ CLASSIC_ADAPTER *Adapter);
VOID ClassicRemoveAdapter(_Inout_ CLASSIC_ADAPTER *Adapter);

/* ---- adapter.c: the miniport's handlers. */
MINIPORT_INITIALIZE ClassicInitialize;
MINIPORT_HALT ClassicHalt;
MINIPORT_PAUSE ClassicPause;
MINIPORT_RESTART ClassicRestart;
MINIPORT_OID_REQUEST ClassicOidRequest;

/* ---- session.c. PASSIVE_LEVEL, with the list of adapters locked exclusively. */
NTSTATUS ClassicStart(_Inout_ CLASSIC_ADAPTER *Adapter, _In_ FILE_OBJECT *FileObject, _In_ const CLASSIC_START *Start);
/* Gives the file that the session was on; NULL: there was none. Waits for the lists that the stack has. */
FILE_OBJECT *ClassicEnd(_Inout_ CLASSIC_ADAPTER *Adapter);
/* STATUS_ACCESS_DENIED unless the caller is SYSTEM or an administrator. No lock. */
NTSTATUS ClassicCheckCaller(VOID);
/* Closes all handles to a file, in whatever process they are. No lock. */
VOID ClassicCloseHandles(_In_ const FILE_OBJECT *FileObject);

/* ---- data.c. */
MINIPORT_SEND_NET_BUFFER_LISTS ClassicSend;
MINIPORT_RETURN_NET_BUFFER_LISTS ClassicReturn;
KSTART_ROUTINE ClassicReceiveThread; /* of a CLASSIC_SESSION */

#endif
