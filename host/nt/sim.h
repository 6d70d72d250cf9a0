/* SPDX-License-Identifier: MIT */
/*
 * The simulator's own side of host/nt: what a test does that on Windows the system does. It loads drivers, plugs in
 * and takes away devices, makes processes that open, ask and die, and it asks afterwards whether all is as it was.
 * Everything here runs at PASSIVE_LEVEL in ordinary threads, any number at once, unless it says otherwise.
 */
#ifndef HOST_NT_SIM_H
#define HOST_NT_SIM_H

#include <ntddk.h>

/* ---- Rules (rule.c). A broken one is written to stderr, counted, and makes the program fail in the end. */

VOID SimViolation(_In_z_ PCSTR Rule, _In_z_ PCSTR Call, _In_opt_ const VOID *Place, _In_z_ PCSTR Text);
ULONG SimViolations(VOID);
/* From now on violations of Rule are counted apart and are no failure; NULL ends it. Returns how many there were. Rule may
 * be a list with commas: the first is counted, those that come with it are passed over. */
ULONG SimExpect(_In_opt_ PCSTR Rule);
/* Writes function, file and line of Place. */
VOID SimDescribe(_In_opt_ const VOID *Place, _Out_writes_(Size) PCHAR Text, _In_ SIZE_T Size);

/* Around a call into a driver: it must come back at the IRQL and with the locks that it was called with. */
typedef struct _SIM_GUARD
{
    KIRQL Irql;
    ULONG SpinLocks, Resources, Critical, Attached;
} SIM_GUARD;
VOID SimGuardBegin(_Out_ SIM_GUARD *Guard);
VOID SimGuardEnd(_In_ const SIM_GUARD *Guard, _In_z_ PCSTR Call, _In_opt_ const VOID *Place);
/* How many spin locks this thread holds. */
ULONG SimSpinLocksHeld(VOID);

/* ---- Faults (fault.c). Every fallible call asks SimFail with its name and the code that called it. */

#define SIM_PLACE() __builtin_return_address(0)
/* TRUE: the call is to fail now. Any IRQL, any thread. */
BOOLEAN SimFail(_In_z_ PCSTR Call, _In_opt_ const VOID *Place);
/* Whose calls may be made to fail: code from Begin up to End. */
VOID SimFaultCode(_In_ const VOID *Begin, _In_ const VOID *End);
/* Counts from 0 again; the call of number Target, counted from 1, fails. 0: none does. */
VOID SimFaultArm(_In_ ULONG64 Target);
/* Calls seen since SimFaultArm. */
ULONG64 SimFaultSeen(VOID);
/* The call that was made to fail since SimFaultArm. FALSE: none. */
BOOLEAN SimFaultFired(_Out_ PCSTR *Call, _Out_ const VOID **Place);

/* ---- Disturbance (disturb.c). One in so many kernel calls is held up for some 50 microseconds; 0: none. */

VOID SimDisturb(_In_ ULONG OneIn);

/* ---- Events (etw.c). */

/* An event as a driver wrote it: what describes its provider, what describes it, and its data. */
typedef struct _SIM_EVENT
{
    struct _SIM_EVENT *Next;
    EVENT_DESCRIPTOR Descriptor;
    KIRQL Irql;
    UCHAR *Traits, *Metadata, *Data;
    ULONG TraitsSize, MetadataSize, DataSize;
    UCHAR Bytes[];
} SIM_EVENT;

/* From now on the events of Provider are recorded, registered or to come: up to Level (0: any), of any of Keywords (0: any). */
VOID SimTraceStart(_In_ const GUID *Provider, _In_ UCHAR Level, _In_ ULONGLONG Keywords);
VOID SimTraceStop(_In_ const GUID *Provider);
/* The oldest event, the caller's to free; NULL: none. */
SIM_EVENT *SimTraceTake(VOID);
VOID SimTraceFree(_In_opt_ SIM_EVENT *Event);
/* How many were ever written, recorded or not. */
ULONG64 SimTraceWritten(VOID);

/* ---- Processes (ps.c, ob/ob.c). Handles, memory and requests belong to one; any thread may act for it. */

typedef enum _SIM_ACCOUNT
{
    SimSystem,        /* S-1-5-18 */
    SimAdministrator, /* S-1-5-32-544 */
    SimUser           /* S-1-5-21-1-2-3-1001, and no more */
} SIM_ACCOUNT;

PEPROCESS SimProcessCreate(_In_ SIM_ACCOUNT Account);
/* From here on what SimUserMemory gives it lies below 4 GiB. */
VOID SimProcessMake32Bit(_Inout_ PEPROCESS Process);
/* Cancels its requests and closes all handles of the process, in the calling thread, while threads that act for it may still run. */
VOID SimProcessKill(_Inout_ PEPROCESS Process);
/* The last trace: no thread acts for it any more. Its memory goes. */
VOID SimProcessDelete(_In_ PEPROCESS Process);

NTSTATUS SimEventCreate(_Inout_ PEPROCESS Process, _In_ EVENT_TYPE Type, _In_ ACCESS_MASK Access, _Out_ HANDLE *Handle);
NTSTATUS SimEventSet(_Inout_ PEPROCESS Process, _In_ HANDLE Handle);
/* STATUS_TIMEOUT after so many milliseconds; otherwise STATUS_WAIT_0 + the first signalled handle's index. */
NTSTATUS SimWait(_Inout_ PEPROCESS Process, _In_ ULONG Count, _In_reads_(Count) const HANDLE *Handles,
                 _In_ ULONG Milliseconds);
/* Path as CreateFile takes it: \\.\Name, \\.\Global\Name, or an interface's. Input and Output of a request whose method is
 * not METHOD_BUFFERED lie in memory of the process. */
NTSTATUS SimOpen(_Inout_ PEPROCESS Process, _In_z_ PCWSTR Path, _In_ ACCESS_MASK Access, _Out_ HANDLE *Handle);
NTSTATUS SimIoControl(_Inout_ PEPROCESS Process, _In_ HANDLE Handle, _In_ ULONG Code,
                      _In_reads_bytes_opt_(InputLength) const VOID *Input, _In_ ULONG InputLength,
                      _Out_writes_bytes_opt_(OutputLength) VOID *Output, _In_ ULONG OutputLength,
                      _Out_opt_ ULONG *Returned);
NTSTATUS SimCloseHandle(_Inout_ PEPROCESS Process, _In_ HANDLE Handle);
NTSTATUS SimDuplicateHandle(_Inout_ PEPROCESS From, _In_ HANDLE Handle, _Inout_ PEPROCESS To, _Out_ HANDLE *Copy);
/*
 * Maps a section whole, read and write. Under the thread sanitizer an honest mapping has the address that the kernel
 * uses, so that the order of both sides' accesses is checked; a hostile one never, because it races on purpose.
 */
NTSTATUS SimMapSection(_Inout_ PEPROCESS Process, _In_ HANDLE Section, _In_ BOOLEAN Hostile, _Outptr_ PVOID *Address,
                       _Out_ SIZE_T *Size);
VOID SimUnmapSection(_Inout_ PEPROCESS Process, _In_ PVOID Address);
/* Memory of the process' own, zeroed, as VirtualAlloc gives it. Goes with the process, if not freed before. */
PVOID SimUserMemory(_Inout_ PEPROCESS Process, _In_ SIZE_T Size);
/* All of the memory that Address lies in. */
VOID SimUserReadOnly(_Inout_ PEPROCESS Process, _In_ PVOID Address);
VOID SimUserFree(_Inout_ PEPROCESS Process, _In_ PVOID Address);

/* ---- Drivers and devices (pnp.c). */

typedef struct _SIM_PROPERTY
{
    DEVPROPKEY Key;
    DEVPROPTYPE Type;
    ULONG Size; /* bytes */
    const VOID *Data;
} SIM_PROPERTY;

NTSTATUS SimLoadDriver(_In_ PDRIVER_INITIALIZE Entry, _In_z_ PCWSTR Name, _Outptr_ DRIVER_OBJECT **Driver);
/* STATUS_DEVICE_BUSY while the driver has devices, be it only because a handle to one is open: try again then. */
NTSTATUS SimUnloadDriver(_In_ DRIVER_OBJECT *Driver);
/* A device appears that Driver is for: its AddDevice is called. */
NTSTATUS SimAddDevice(_In_ DRIVER_OBJECT *Driver, _In_reads_(Count) const SIM_PROPERTY *Properties, _In_ ULONG Count,
                      _Outptr_ DEVICE_OBJECT **Pdo);
/* Sends IRP_MN_START_DEVICE, _SURPRISE_REMOVAL, _REMOVE_DEVICE or another to the device's stack. While a program has it
 * open it is not removed: STATUS_DEVICE_BUSY. "IRP_MN_SURPRISE_REMOVAL". */
NTSTATUS SimPnp(_In_ DEVICE_OBJECT *Pdo, _In_ UCHAR Minor);
/* The system sleeps, wakes up: what it asks and tells the device's stack (po.c). */
NTSTATUS SimPower(_In_ DEVICE_OBJECT *Pdo, _In_ SYSTEM_POWER_STATE System);
/* What the bus was told last. */
DEVICE_POWER_STATE SimDevicePower(_In_ DEVICE_OBJECT *Pdo);
/* Path: at least 80 characters, for SimOpen. STATUS_OBJECT_NAME_NOT_FOUND: no such interface, or it is not enabled. */
NTSTATUS SimDeviceInterface(_In_ DEVICE_OBJECT *Pdo, _In_ const GUID *Class, _Out_ PWCHAR Path);
/* After IRP_MN_REMOVE_DEVICE: the bus forgets the device. */
VOID SimDeleteDevice(_In_ DEVICE_OBJECT *Pdo);

/* Reports what code from Begin up to End left in the pool. */
VOID SimCheckPool(_In_ const VOID *Begin, _In_ const VOID *End, _In_z_ PCSTR When);

/* ---- The end (rule.c). Reports everything that is left: pool, MDLs, objects, handles, views, threads, keys. */
VOID SimCheckEmpty(_In_z_ PCSTR When);

#endif
