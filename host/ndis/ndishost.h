/* SPDX-License-Identifier: MIT */
/*
 * What the files of host/ndis share: NDIS's own objects behind the handles that miniports hold, the state machine of
 * an adapter and the rules. Every object begins with a magic number, so that a wrong or stale handle is reported by
 * name instead of followed. HostLock guards the lists of drivers, adapters, devices and pools; the data path takes
 * no lock.
 */
#ifndef HOST_NDIS_NDISHOST_H
#define HOST_NDIS_NDISHOST_H

#include "host/ndis/backend.h"
#include "host/ndis/platform.h"

#define HOST_TAG 'tsoH'

typedef enum _HOST_MAGIC
{
    HostMagicDriver = 0x44a1f001,
    HostMagicAdapter,
    HostMagicListPool,
    HostMagicBufferPool,
    HostMagicList,
    HostMagicBuffer,
    HostMagicDevice,
    HostMagicFdo,
    HostMagicConfiguration,
    HostMagicTimer,
    HostMagicDead = 0x44a1dead
} HOST_MAGIC;

typedef struct _NDIS_HOST_DRIVER
{
    HOST_MAGIC Magic;
    LIST_ENTRY Link; /* in HostDrivers */
    DRIVER_OBJECT *DriverObject;
    UNICODE_STRING RegistryPath;
    NDIS_HANDLE Context;
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics;
    NDIS_MINIPORT_PNP_CHARACTERISTICS Pnp; /* none: NULLs */
    LIST_ENTRY Adapters, Devices, Pools;   /* guarded by HostLock */
    volatile LONG Configurations;          /* open with the driver's handle */
    BOOLEAN Deregistered, Ready;
} NDIS_HOST_DRIVER;

/* The life of an adapter: "Miniport Adapter States and Operations". */
typedef enum _HOST_STATE
{
    HostHalted,
    HostInitializing,
    HostPaused,
    HostRestarting,
    HostRunning,
    HostPausing
} HOST_STATE;

/* A miniport's handler that may answer NDIS_STATUS_PENDING and complete later. */
typedef struct _HOST_PENDING
{
    PCSTR Call;  /* the handler's documented name */
    PVOID Place; /* and its address */
    KEVENT Done;
    volatile LONG Outstanding; /* 1 between the call and its completion */
    LONGLONG Begin;            /* of KeQueryPerformanceCounter */
    NDIS_STATUS Status;
} HOST_PENDING;

struct _NDIS_HOST_ADAPTER
{
    HOST_MAGIC Magic;
    NDIS_HOST_DRIVER *Driver;
    LIST_ENTRY Link; /* in Driver->Adapters */
    DEVICE_OBJECT *Pdo, *Fdo, *Lower;
    UNICODE_STRING Interface; /* symbolic link of GUID_DEVINTERFACE_NET */
    volatile LONG State;      /* HOST_STATE */
    PKTHREAD
    InitializeThread; /* while MiniportInitializeEx runs: who registers a device then does so for this adapter */

    NDIS_HANDLE Context, AddDeviceContext; /* the miniport's */
    BOOLEAN RegistrationSet, GeneralSet, SurpriseRemoved, StartFailed, Asleep, InterfaceEnabled, PowerQueried;
    BOOLEAN Adding; /* MiniportAddDevice runs */
    ULONG AttributeFlags;
    ULONG Mtu;
    NDIS_OID *SupportedOids;
    ULONG SupportedOidCount;
    NDIS_LINK_STATE LinkState;
    NDIS_OFFLOAD Offload;    /* what is on */
    BOOLEAN OffloadSet;      /* the miniport said what it has */
    LONG OffloadIndications; /* how often it said what is on */
    NDIS_RESTART_GENERAL_ATTRIBUTES RestartGeneral;

    BACKEND *Backend;
    BACKEND_IDENTITY Identity;
    BOOLEAN Flowing; /* between BackendStart and BackendStop */

    HOST_PENDING Pause, Restart, Oid, Reset;
    NDIS_OID_REQUEST *OidRequest; /* the one that is with the miniport */
    KEVENT OidIdle;               /* one request at a time */
    BOOLEAN OidTrial;             /* a request has a buffer that is too short, on purpose */
    ULONG NextRequestId;

    ULONG HangSeconds; /* between two questions whether it hangs */
    PVOID HangThread;  /* who asks them while the adapter runs; NULL: nobody */
    KEVENT HangEnd;
    volatile LONG ResetAddressing; /* MiniportResetEx or its completion wants its settings again */

    volatile LONG PauseReturned; /* MiniportPause has, so that sends are to be refused */

    volatile LONG64 SendsOut, ReceivesOut; /* lists with the miniport, lists with the stack */
    volatile LONG Configurations;          /* open with the adapter's handle */
};

/* What NdisAllocateNetBufferListPool and NdisAllocateNetBufferPool make. */
typedef struct _HOST_POOL
{
    HOST_MAGIC Magic;
    LIST_ENTRY Link; /* in Driver->Pools, when a miniport owns it */
    NDIS_HOST_DRIVER *Driver;
    NDIS_HOST_ADAPTER *Adapter; /* NULL: made with the driver's handle */
    ULONG Tag, DataSize;
    USHORT ContextSize;
    BOOLEAN AllocateBuffer;
    volatile LONG Outstanding;
    PVOID Place;
} HOST_POOL;

typedef enum _HOST_OWNER
{
    HostOwnerFreed,
    HostOwnerAllocator, /* whoever took it from its pool */
    HostOwnerIndicated, /* a miniport gave it to the stack */
    HostOwnerSent       /* the stack gave it to a miniport */
} HOST_OWNER;

/* A NET_BUFFER with what NDIS knows about it. */
typedef struct _HOST_BUFFER
{
    HOST_MAGIC Magic;
    HOST_POOL *Pool;
    PVOID Data; /* the pool's own data and MDL, if it has a DataSize */
    DECLSPEC_ALIGN(16) NET_BUFFER Buffer;
} HOST_BUFFER;

/* Room behind the public NET_BUFFER_LIST for the information slots that only later versions declare. */
#define HOST_PRIVATE_SLOTS 8

typedef struct _HOST_LIST
{
    HOST_MAGIC Magic;
    volatile LONG Owner; /* HOST_OWNER */
    HOST_POOL *Pool;
    NDIS_HOST_ADAPTER *User; /* who has it while it is indicated or sent */
    BOOLEAN Refuse;          /* sent after MiniportPause had returned */
    BOOLEAN LargeSend;       /* sent with TcpLargeSendNetBufferListInfo */
    PVOID Reserved[2];       /* MiniportReserved when it left the miniport */
    BOOLEAN ReservedKnown;
    BOOLEAN HasBuffer;                /* Embedded is in use */
    NET_BUFFER_LIST_CONTEXT *Context; /* lies behind this and goes with it; NULL: there is none */
    HOST_BUFFER Embedded;
    DECLSPEC_ALIGN(16) NET_BUFFER_LIST List;
    PVOID PrivateSlots[HOST_PRIVATE_SLOTS];
} HOST_LIST;

#define HostListOf(ListPointer) CONTAINING_RECORD(ListPointer, HOST_LIST, List)
/* A miniport may use MiniportReserved while it has the list: "NET_BUFFER_LIST structure". */
static inline VOID HostReservedKeep(_Inout_ HOST_LIST *Host)
{
    RtlCopyMemory(Host->Reserved, Host->List.MiniportReserved, sizeof(Host->Reserved));
    Host->ReservedKnown = TRUE;
}

/* FALSE: it was written meanwhile. */
static inline BOOLEAN HostReservedKept(_Inout_ HOST_LIST *Host)
{
    BOOLEAN Known = Host->ReservedKnown;
    Host->ReservedKnown = FALSE;
    return !Known ||
           (Host->Reserved[0] == Host->List.MiniportReserved[0] && Host->Reserved[1] == Host->List.MiniportReserved[1]);
}

#define HostBufferOf(BufferPointer) CONTAINING_RECORD(BufferPointer, HOST_BUFFER, Buffer)

/* A control device of NdisRegisterDeviceEx: lies in its DEVICE_OBJECT's extension, before the miniport's own. */
typedef struct _HOST_DEVICE
{
    HOST_MAGIC Magic;
    LIST_ENTRY Link; /* in Driver->Devices */
    NDIS_HOST_DRIVER *Driver;
    NDIS_HOST_ADAPTER *Adapter; /* NULL: not made in MiniportInitializeEx */
    DEVICE_OBJECT *DeviceObject;
    UNICODE_STRING SymbolicName;
    PDRIVER_DISPATCH Dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1];
    ULONG ExtensionSize;
    DECLSPEC_ALIGN(16) UCHAR Extension[];
} HOST_DEVICE;

typedef struct _HOST_FDO
{
    HOST_MAGIC Magic;
    NDIS_HOST_ADAPTER *Adapter;
} HOST_FDO;

extern KSPIN_LOCK HostLock;
extern LIST_ENTRY HostDrivers;

/* The kernel's own (ntoskrnl exports it); <stdio.h> is not a kernel header. */
int _vsnprintf(_Out_writes_(Size) PCHAR Buffer, _In_ SIZE_T Size, _In_z_ PCSTR Format, va_list Arguments);

/* rules.c. A rule is a condition on what a miniport did; Place is the miniport's code that did it: who called NDIS, or
 * the handler. Gives the condition, so that a caller can refuse what is wrong. NdisRule stands in the function of NDIS
 * that the miniport called, HandlerRule (Call: "MiniportPause", ...) elsewhere. */
#define HostPlace()                           __builtin_return_address(0)
#define NdisRule(Rule, Condition, Place, ...) HandlerRule(__func__, Rule, Condition, Place, __VA_ARGS__)
#define HandlerRule(Call, Rule, Condition, Place, ...)                                                                 \
    (__builtin_expect(!!(Condition), 1) ? TRUE : HostRuleBroken(Rule, Call, Place, __VA_ARGS__))
BOOLEAN HostRuleBroken(_In_z_ PCSTR Rule, _In_z_ PCSTR Call, _In_opt_ PVOID Place, _In_z_ PCSTR Format, ...)
    __attribute__((format(printf, 4, 5)));
BOOLEAN HostHeaderValid(_In_ const NDIS_OBJECT_HEADER *Header, _In_ UCHAR Type, _In_ UCHAR Revision, _In_ USHORT Size,
                        _In_z_ PCSTR What, _In_z_ PCSTR Call, _In_opt_ PVOID Place);
/* A call into NDIS: at most at Irql; Out: it may call the miniport or another driver, so no spin lock is held. */
VOID HostEnter(_In_z_ PCSTR Call, _In_ PVOID Place, _In_z_ PCSTR IrqlRule, _In_ KIRQL Irql, _In_ BOOLEAN Out);
/* A call into the miniport: it comes back at the IRQL and with the spin locks it was called with. */
typedef struct _HOST_GUARD
{
    PLATFORM_CALL Call;
    KIRQL Irql;
    ULONG SpinLocks;
} HOST_GUARD;
VOID HostGuardBegin(_Out_ HOST_GUARD *Guard, _In_z_ PCSTR Call, _In_ ULONG Code);
VOID HostGuardEnd(_In_ const HOST_GUARD *Guard, _In_ PVOID Handler);
PCSTR HostStateName(_In_ LONG State);
NDIS_HOST_ADAPTER *HostAdapterOf(_In_opt_ NDIS_HANDLE Handle, _In_z_ PCSTR Call, _In_opt_ PVOID Place);
NDIS_HOST_DRIVER *HostDriverOf(_In_opt_ NDIS_HANDLE Handle, _In_z_ PCSTR Call, _In_opt_ PVOID Place);
/* A handle that may be an adapter's or a driver's; *Adapter is NULL for the latter. NULL: neither (reported). */
NDIS_HOST_DRIVER *HostOwnerOf(_In_opt_ NDIS_HANDLE Handle, _Out_ NDIS_HOST_ADAPTER **Adapter, _In_z_ PCSTR Call,
                              _In_opt_ PVOID Place);

/* driver.c */
ULONG HostVersion(VOID);

/* adapter.c: the miniport's life. PASSIVE_LEVEL, one call at a time for an adapter. */
NTSTATUS HostAdapterStart(_Inout_ NDIS_HOST_ADAPTER *Adapter);
NDIS_STATUS HostAdapterRestart(_Inout_ NDIS_HOST_ADAPTER *Adapter);
VOID HostAdapterPause(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ ULONG Reason);
VOID HostAdapterStop(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_HALT_ACTION Action);
NTSTATUS HostAdapterSetPower(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ BOOLEAN Awake);
VOID HostAdapterQueryPower(_Inout_ NDIS_HOST_ADAPTER *Adapter);
VOID HostAdapterPnpEvent(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_DEVICE_PNP_EVENT Event);
VOID HostPendingBegin(_Inout_ HOST_PENDING *Pending, _In_z_ PCSTR Call, _In_ PVOID Place);
NDIS_STATUS HostPendingEnd(_Inout_ HOST_PENDING *Pending, _In_ NDIS_STATUS Status);
BOOLEAN HostPendingComplete(_Inout_ HOST_PENDING *Pending, _In_ NDIS_STATUS Status);

/* reset.c: whether the miniport hangs, asked again and again while the adapter runs. PASSIVE_LEVEL. */
VOID HostHangWatch(_Inout_ NDIS_HOST_ADAPTER *Adapter);
VOID HostHangWatchEnd(_Inout_ NDIS_HOST_ADAPTER *Adapter);
VOID HostHangCheck(_Inout_ NDIS_HOST_ADAPTER *Adapter);

/* oid.c */
NDIS_STATUS HostOid(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ NDIS_REQUEST_TYPE Type, _In_ NDIS_OID Oid,
                    _Inout_updates_bytes_(Length) PVOID Buffer, _In_ ULONG Length, _Out_ ULONG *BytesDone,
                    _Out_ ULONG *BytesNeeded);
VOID HostOidCheckMandatory(_Inout_ NDIS_HOST_ADAPTER *Adapter);
VOID HostOidBringUp(_Inout_ NDIS_HOST_ADAPTER *Adapter);

/* status.c */
VOID HostLinkToBackend(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ const NDIS_LINK_STATE *State);
BOOLEAN HostOffloadValid(_In_opt_ const NDIS_OFFLOAD *Offload);
VOID HostOffloadKeep(_Inout_ NDIS_HOST_ADAPTER *Adapter, _In_ const NDIS_OFFLOAD *Offload);

/* pool.c, device.c: what is still there when its owner goes. */
VOID HostPoolsCheckGone(_In_ NDIS_HOST_DRIVER *Driver, _In_opt_ NDIS_HOST_ADAPTER *Adapter, _In_z_ PCSTR Call);
VOID HostDevicesCheckGone(_In_ NDIS_HOST_DRIVER *Driver, _In_opt_ NDIS_HOST_ADAPTER *Adapter, _In_z_ PCSTR Call);

/* sddl.c: a device's security descriptor as text. PASSIVE_LEVEL. */
BOOLEAN HostSddlValid(_In_ const UNICODE_STRING *Text);
NTSTATUS HostSddlApply(_Inout_ DEVICE_OBJECT *Device, _In_ const UNICODE_STRING *Text);

/* power.c */
NTSTATUS HostDispatchPower(_Inout_ NDIS_HOST_ADAPTER *Adapter, _Inout_ IRP *Irp);

/* owned.c: what NDIS gave to a driver, and has not got back. FALSE: no memory. */
typedef enum _HOST_KIND
{
    HostKindMdl,
    HostKindMemory,
    HostKindTimer,
    HostKindGeneric
} HOST_KIND;
BOOLEAN HostOwn(_In_ const VOID *Thing, _In_ HOST_KIND Kind, _In_opt_ DRIVER_OBJECT *Driver,
                _In_opt_ NDIS_HOST_ADAPTER *Adapter, _In_opt_ PVOID Place);
/* FALSE: NDIS never gave it, or has it back. */
BOOLEAN HostDisown(_In_opt_ const VOID *Thing, _In_ HOST_KIND Kind);
VOID HostOwnedCheckGone(_In_ NDIS_HOST_DRIVER *Driver, _In_opt_ NDIS_HOST_ADAPTER *Adapter, _In_z_ PCSTR Call);

/* pnp.c */
NTSTATUS HostPassDown(_In_ NDIS_HOST_ADAPTER *Adapter, _Inout_ IRP *Irp);
NTSTATUS HostPassDownAndWait(_In_ NDIS_HOST_ADAPTER *Adapter, _Inout_ IRP *Irp);
NTSTATUS HostAddDevice(_In_ DRIVER_OBJECT *DriverObject, _In_ DEVICE_OBJECT *Pdo);
NTSTATUS HostDispatch(_In_ DEVICE_OBJECT *DeviceObject, _Inout_ IRP *Irp);
NTSTATUS HostCompleteIrp(_Inout_ IRP *Irp, _In_ NTSTATUS Status);

/* names.c */
VOID HostInstanceId(_In_ DEVICE_OBJECT *Pdo, _Out_writes_(Size) PCHAR InstanceId, _In_ ULONG Size);
VOID HostDeviceName(_In_ DEVICE_OBJECT *Pdo, _Out_writes_(Size) PCHAR Name, _In_ ULONG Size);

/* memory.c */
PVOID HostMemory(_In_ SIZE_T Length, _In_ ULONG Tag, _In_ NDIS_HOST_DRIVER *Driver, _In_opt_ NDIS_HOST_ADAPTER *Adapter,
                 _In_opt_ PVOID Place);

/* context.c: what NdisAllocateNetBufferListContext gave to a list that goes, and has not got back. */
VOID HostContextsCheckGone(_Inout_ HOST_LIST *Host, _In_z_ PCSTR Call, _In_opt_ PVOID Place);

#endif
