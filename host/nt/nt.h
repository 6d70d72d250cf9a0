/* SPDX-License-Identifier: MIT */
/*
 * What the files of host/nt share: the kernel's objects as they are in here, and the checks that every call makes. The
 * files are named after the kernel's own parts. Locks, none of them held when a driver is called: NtLock guards objects,
 * handles, names, devices and views; the dispatcher's and the pool's are private to ke/wait.c and ex/ex.c.
 */
#ifndef HOST_NT_NT_H
#define HOST_NT_NT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ntddk.h>
#include "host/nt/sim.h"

/*
 * The thread sanitizer learns order from locks. The dispatcher's lock orders nothing that a driver may rely on: what
 * waits and what is signalled are told explicitly instead (NT_SIGNALS, NT_SEES), or real races would be hidden.
 */
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
void AnnotateIgnoreSyncBegin(const char *File, int Line);
void AnnotateIgnoreSyncEnd(const char *File, int Line);
void AnnotateIgnoreReadsBegin(const char *File, int Line);
void AnnotateIgnoreReadsEnd(const char *File, int Line);
void AnnotateIgnoreWritesBegin(const char *File, int Line);
void AnnotateIgnoreWritesEnd(const char *File, int Line);
#define NT_QUIET_BEGIN()                                                                                               \
    (AnnotateIgnoreSyncBegin(__FILE__, __LINE__), AnnotateIgnoreReadsBegin(__FILE__, __LINE__),                        \
     AnnotateIgnoreWritesBegin(__FILE__, __LINE__))
#define NT_QUIET_END()                                                                                                 \
    (AnnotateIgnoreWritesEnd(__FILE__, __LINE__), AnnotateIgnoreReadsEnd(__FILE__, __LINE__),                          \
     AnnotateIgnoreSyncEnd(__FILE__, __LINE__))
#define NT_SIGNALS(Object) __tsan_release((void *)(Object))
#define NT_SEES(Object)    __tsan_acquire((void *)(Object))
#define NT_ONE_MAPPING     1
#else
#define NT_QUIET_BEGIN()   ((void)0)
#define NT_QUIET_END()     ((void)0)
#define NT_SIGNALS(Object) ((void)0)
#define NT_SEES(Object)    ((void)0)
#define NT_ONE_MAPPING     0
#endif

/* ---- rule.c */

#define NtRule(Rule, Condition, ...)                                                                                   \
    (__builtin_expect(!!(Condition), 1) ? TRUE : NtRuleBroken(Rule, __func__, SIM_PLACE(), __VA_ARGS__))
BOOLEAN NtRuleBroken(_In_z_ PCSTR Rule, _In_z_ PCSTR Call, _In_opt_ const VOID *Place, _In_z_ PCSTR Format, ...)
    __attribute__((format(printf, 4, 5)));
/* The documented IRQL of a call. */
#define NtIrql(Highest)                                                                                                \
    ((atomic_load_explicit(&NtDisturbing, memory_order_relaxed) ? NtDisturb() : (void)0),                              \
     NtRule("Irql", NtThread()->Irql <= (Highest), "called at IRQL %u, at most %u is allowed", NtThread()->Irql,       \
            Highest))

/* disturb.c: every kernel call that names its IRQL may be held up. */
extern _Atomic(ULONG) NtDisturbing;
VOID NtDisturb(VOID);

/* ---- ke/ke.c: threads' own state. A thread of the test's is adopted when it first comes here. */

#define NT_HELD_LOCKS 16

struct _KTHREAD
{
    DISPATCHER_HEADER Header; /* signalled when the thread has ended */
    KIRQL Irql;
    ULONG Critical, Resources, Attached;
    ULONG SpinLocks;
    const volatile VOID *Held[NT_HELD_LOCKS];
    BOOLEAN Notifying; /* runs process notify routines */
    KPRIORITY Priority;
    PEPROCESS Process; /* for which it acts */
    HOST_TRY *Try;
    pthread_cond_t Wake; /* dispatcher's lock */
    PKSTART_ROUTINE Start;
    PVOID Context;
    ULONG64 Id;
};

PKTHREAD NtThread(VOID);
VOID NtThreadInitialize(_Out_ PKTHREAD Thread);
VOID NtThreadAdopt(_In_ PKTHREAD Thread); /* the present pthread is Thread from now on */
/* A spin lock was acquired, and is released: the last first. */
VOID NtLockHeld(_Inout_ PKTHREAD Thread, _In_ const volatile VOID *Lock);
VOID NtLockLeft(_Inout_ PKTHREAD Thread, _In_ const volatile VOID *Lock, _In_z_ PCSTR Call, _In_ const VOID *Place);
/* Nothing may be held when a thread ends or a request is over. */
VOID NtCheckNothingHeld(_In_ PKTHREAD Thread, _In_z_ PCSTR Call, _In_opt_ const VOID *Place);

/* ---- ke/wait.c: dispatcher objects */

typedef enum _NT_DISPATCHER
{
    NtNotificationEvent = NotificationEvent,
    NtSynchronizationEvent = SynchronizationEvent,
    NtMutant,
    NtProcessObject,
    NtSemaphore,
    NtThreadObject,
    NtNotificationTimer = 8,
    NtSynchronizationTimer
} NT_DISPATCHER;

VOID NtHeaderInitialize(_Out_ DISPATCHER_HEADER *Header, _In_ NT_DISPATCHER Type, _In_ LONG State);
/* Makes Header signalled and wakes who waits for it. Returns the previous state. */
LONG NtSignal(_Inout_ DISPATCHER_HEADER *Header, _In_ LONG State);
NTSTATUS NtWait(_In_ ULONG Count, _In_reads_(Count) PVOID *Objects, _In_ WAIT_TYPE Type,
                _In_opt_ PLARGE_INTEGER Timeout);

/* ---- etw.c */

VOID NtEtwCheckEmpty(_In_z_ PCSTR When);

/* ---- ke/dpc.c */

VOID NtDpcCheckEmpty(_In_z_ PCSTR When);

/* ---- ob/ob.c: objects and handles */

typedef struct _OBJECT_TYPE
{
    PCSTR Name;
    VOID (*Close)(PVOID Object);  /* the last handle is gone; not under NtLock */
    VOID (*Delete)(PVOID Object); /* the last reference is gone; not under NtLock */
    BOOLEAN Waitable;             /* begins with a DISPATCHER_HEADER */
    GENERIC_MAPPING Mapping;
    volatile LONG Alive;
} OBJECT_TYPE;

typedef struct _NT_HANDLE
{
    PVOID Object; /* NULL: free */
    ACCESS_MASK Access;
} NT_HANDLE;

typedef struct _NT_HANDLES
{
    NT_HANDLE *Entries;
    ULONG Count, Next; /* searched from Next on, so that a closed handle's number does not come back at once */
    ULONG Open;
} NT_HANDLES;

extern OBJECT_TYPE NtEventType, NtSectionType, NtFileType, NtProcessType, NtThreadType, NtDeviceType, NtKeyType;

VOID NtLock(VOID);
VOID NtUnlock(VOID);
/* Zeroed, with one reference. */
PVOID NtObjectCreate(_In_ POBJECT_TYPE Type, _In_ SIZE_T Size);
POBJECT_TYPE NtObjectType(_In_ PVOID Object);
/* Gives the process (NULL: the kernel) a handle, which holds a reference of its own. */
NTSTATUS NtHandleCreate(_Inout_opt_ PEPROCESS Process, _In_ PVOID Object, _In_ ACCESS_MASK Access,
                        _Out_ HANDLE *Handle);
NTSTATUS NtHandleReference(_In_ PEPROCESS Process, _In_ HANDLE Handle, _In_ ACCESS_MASK Access,
                           _In_opt_ POBJECT_TYPE Type, _In_ KPROCESSOR_MODE Mode, _Outptr_ PVOID *Object,
                           _Out_opt_ ACCESS_MASK *Granted);
NTSTATUS NtHandleClose(_In_ PEPROCESS Process, _In_ HANDLE Handle);
VOID NtHandlesCloseAll(_Inout_ PEPROCESS Process);
/* One handle, as NtHandlesEnumerate shows it. */
typedef struct _NT_HANDLE_SEEN
{
    PVOID Object;
    ULONG64 Process;
    HANDLE Handle;
    ACCESS_MASK Access;
    ULONG Type;
} NT_HANDLE_SEEN;
/* Every handle of every process, the kernel's first. Routine is called under NtLock. */
VOID NtHandlesEnumerate(_In_ VOID (*Routine)(PVOID Context, const NT_HANDLE_SEEN *Seen), _In_ PVOID Context);
VOID NtObCheckEmpty(_In_z_ PCSTR When);

/* ---- ps.c */

struct _KPROCESS
{
    DISPATCHER_HEADER Header;
    ULONG64 Id;
    SIM_ACCOUNT Account;
    BOOLEAN Dead; /* NtLock: no new handles */
    BOOLEAN Is32Bit;
    NT_HANDLES Handles;
    LIST_ENTRY Link;
};

extern PEPROCESS NtSystemProcess;
/* The calling thread acts for Process until NtLeave with what this returned. */
PEPROCESS NtEnter(_In_ PEPROCESS Process);
VOID NtLeave(_In_ PEPROCESS Previous);
/* Under NtLock: the process after Process, NULL: the first; NULL after the last. The system's own is not among them. */
PEPROCESS NtProcessNext(_In_opt_ PEPROCESS Process);
VOID NtPsCheckEmpty(_In_z_ PCSTR When);

/* ---- ex/ex.c */

/* The pool block in which all of Length bytes at Address lie is nonpaged. */
BOOLEAN NtPoolNonPaged(_In_ const VOID *Address, _In_ SIZE_T Length);
/* A driver's own data, which is not paged unless it says so. */
BOOLEAN NtInImage(_In_ const VOID *Address);
PVOID NtPoolAllocate(_In_ SIZE_T Size, _In_ ULONG Tag, _In_opt_ const VOID *Place);
VOID NtPoolCheckEmpty(_In_z_ PCSTR When);

/* ---- mm/mm.c */

typedef struct _NT_SECTION
{
    SIZE_T Size;
    int Fd;
    PUCHAR Whole; /* NT_ONE_MAPPING: the mapping that all share */
    ULONG Sharers;
} NT_SECTION;

typedef struct _NT_VIEW
{
    LIST_ENTRY Link;
    PUCHAR Base;
    SIZE_T Size;
    NT_SECTION *Section; /* referenced */
    PEPROCESS Process;   /* NULL: system space, inaccessible */
    volatile LONG Locks; /* MDLs that lock pages of it */
    BOOLEAN ReadOnly;    /* to the program */
    BOOLEAN Gone;        /* unmapped while they did: the last of them frees it */
    const VOID *Place;
} NT_VIEW;

NTSTATUS NtSectionCreate(_In_ SIZE_T Size, _Outptr_ NT_SECTION **Section);
VOID NtSectionDelete(_In_ PVOID Section);
/* For whom: the kernel, a program, or one that races on purpose and never gets the mapping that all share. */
typedef enum _NT_MAP
{
    NtMapSystem,
    NtMapUser,
    NtMapUserLow, /* below 4 GiB */
    NtMapHostile
} NT_MAP;
/* Maps Size bytes from Offset, both whole pages. NULL: impossible. */
PUCHAR NtSectionMap(_Inout_ NT_SECTION *Section, _In_ SIZE_T Offset, _In_ SIZE_T Size, _In_ NT_MAP Map);
VOID NtSectionUnmap(_Inout_ NT_SECTION *Section, _In_ PUCHAR Address, _In_ SIZE_T Size);
NT_VIEW *NtViewAdd(_In_ NT_SECTION *Section, _In_ PUCHAR Base, _In_opt_ PEPROCESS Process, _In_ const VOID *Place);
/* Under NtLock. The view of Process (NULL: in system space) that all of Length bytes at Address lie in. */
NT_VIEW *NtViewFind(_In_ const VOID *Address, _In_ SIZE_T Length, _In_opt_ PEPROCESS Process);
VOID NtMmProcessGone(_In_ PEPROCESS Process);
VOID NtMmCheckEmpty(_In_z_ PCSTR When);

/* ---- mm/user.c */

/* Size bytes of addresses that are programs', which nothing is mapped to yet. NULL: none left. */
PUCHAR NtUserReserve(_In_ SIZE_T Size, _In_ BOOLEAN Low);

/* ---- mm/mdl.c */

/* ExFreePool of an MDL that MmAllocatePagesForMdlEx made. FALSE: it is none. */
BOOLEAN NtMdlPoolFree(_In_ PVOID Memory, _In_z_ PCSTR Call, _In_ const VOID *Place);
VOID NtMdlCheckEmpty(_In_z_ PCSTR When);

/* ---- io/ */

/* Makes Path's device open for Process. */
NTSTATUS NtOpenDevice(_Inout_ PEPROCESS Process, _In_ const UNICODE_STRING *Path, _In_ ACCESS_MASK Access,
                      _Out_ HANDLE *Handle);
VOID NtFileClose(_In_ PVOID File);
VOID NtFileDelete(_In_ PVOID File);
VOID NtDeviceDelete(_In_ PVOID Device);
/* A device, its driver's or a bus' own. */
DEVICE_OBJECT *NtDeviceCreate(_Inout_ DRIVER_OBJECT *Driver, _In_ ULONG ExtensionSize, _In_ DEVICE_TYPE Type);
/* The device on top of the stack that Device is in; referenced against deletion by the caller's doing. */
DEVICE_OBJECT *NtDeviceTop(_In_ DEVICE_OBJECT *Device);
/* The one at the bottom. */
DEVICE_OBJECT *NtDevicePdo(_In_ DEVICE_OBJECT *Device);
VOID NtDeviceName(_Inout_ DEVICE_OBJECT *Device, _In_ const UNICODE_STRING *Name);
/* Descriptor, valid, is copied. */
VOID NtDeviceSecure(_Inout_ DEVICE_OBJECT *Device, _In_ PSECURITY_DESCRIPTOR Descriptor);
BOOLEAN NtDeviceIsOpen(_In_ DEVICE_OBJECT *Device);
VOID NtIoCheckEmpty(_In_z_ PCSTR When);

/* Sends a request down and waits for it. Irp's next stack location is filled; the Irp is freed by the caller. */
NTSTATUS NtCallAndWait(_In_ DEVICE_OBJECT *Device, _Inout_ IRP *Irp, _In_z_ PCSTR Call);
PIRP NtIrpAllocate(_In_ CCHAR StackSize, _In_ KPROCESSOR_MODE Mode);
VOID NtIrpFree(_In_ PIRP Irp);
/* What programs asked of Process' files and is not answered yet is cancelled, as when its threads end. */
VOID NtIrpCancelAll(_In_ PEPROCESS Process);
VOID NtIrpCheckEmpty(_In_z_ PCSTR When);
VOID NtKeysForget(VOID);

/* The properties of a device that SimAddDevice made; NULL: none such. */
const SIM_PROPERTY *NtDeviceProperty(_In_ DEVICE_OBJECT *Pdo, _In_ const DEVPROPKEY *Key);
BOOLEAN NtIsPdo(_In_ DEVICE_OBJECT *Device);
ULONG NtPdoNumber(_In_ DEVICE_OBJECT *Pdo);
ULONG NtPdoPowerSeen(_In_ DEVICE_OBJECT *Pdo); /* how many set-power requests */
/* io/pnpinterface.c. Under NtLock: whom Name, without its prefix, leads to. NULL: no enabled interface. */
DEVICE_OBJECT *NtInterfaceDevice(_In_ const UNICODE_STRING *Name);
VOID NtInterfacesForget(_In_ DEVICE_OBJECT *Pdo);

/* ---- se.c */

/* Of what has none: SYSTEM and Administrators may do all, others nothing. */
extern const UCHAR NtDefaultDescriptor[];
/* What Account may do with an object that Descriptor guards; NULL: the default one does. */
ACCESS_MASK NtAccessAllowed(_In_opt_ PSECURITY_DESCRIPTOR Descriptor, _In_ SIM_ACCOUNT Account,
                            _In_ const GENERIC_MAPPING *Mapping);
ULONG NtDescriptorLength(_In_ PSECURITY_DESCRIPTOR Descriptor);
extern const GENERIC_MAPPING NtFileMapping;
VOID NtSeCheckEmpty(_In_z_ PCSTR When);
VOID NtMapGeneric(_Inout_ ACCESS_MASK *Access, _In_ const GENERIC_MAPPING *Mapping);

/* ---- rtl.c */

BOOLEAN NtStringsEqual(_In_ const UNICODE_STRING *A, _In_ const UNICODE_STRING *B); /* ignoring case */

#endif
