/* SPDX-License-Identifier: MIT */
/*
 * A miniport that lives an ordinary life (wrong_miniport.c) but for one case (wrong_things.c, wrong_traffic.c), which breaks one rule of host/ndis
 * at one moment. The moments come in the order of this enumeration; several threads never run at once.
 */
#ifndef SIMULATION_WRONG_H
#define SIMULATION_WRONG_H

#include "tests/simulation/lab.h"

#define MINI_TAG 'iniM'

typedef enum _WRONG_MOMENT
{
    AtRegister,     /* DriverEntry: Mini.Characteristics may be changed */
    AtAddDevice,    /* MiniportAddDevice: Mini.AddDevice may be changed */
    AtRegistration, /* MiniportInitializeEx: Mini.Registration may be changed */
    AtGeneral,      /* ..., Mini.General may be changed */
    AtInitialized,  /* at the end of MiniportInitializeEx */
    AtRestart,
    AtSend,    /* Mini.Lists came from the stack */
    AtOid,     /* every request, Mini.Request */
    AtRunning, /* in a thread of the miniport's own */
    AtReturn,  /* Mini.Lists came back from the stack */
    AtPause,
    AtPaused, /* in a thread of its own again */
    AtHalt,
    AtHalted, /* in a thread that has outlived the adapter's halt */
    AtUnload,
    AtReport, /* at once when the rule has been reported */
    AtCall,   /* around the call that the case names: at too high an IRQL, or with a spin lock */
    AtHandler /* the handler that the case names returns so */
} WRONG_MOMENT;

typedef struct _WRONG_CASE
{
    PCSTR Rule, Call; /* must be reported, with a place in the miniport's code */
    WRONG_MOMENT Moment;
    VOID (*Break)(VOID);
    PCSTR Also; /* what else may be reported, of host/nt's rules too; commas between; NULL: nothing */
    WRONG_MOMENT Then;
    VOID (*Mend)(VOID); /* sets it right at that moment; NULL: there is nothing left to do */
} WRONG_CASE;

/* A function of NDIS as it is documented: its IRQL and whether it may call the miniport or another driver. */
typedef struct _WRONG_CALL
{
    PCSTR Call, Rule;
    KIRQL Highest;
    BOOLEAN Out; /* so no spin lock may be held */
} WRONG_CALL;

typedef struct _WRONG_MINIPORT
{
    DRIVER_OBJECT *DriverObject;
    NDIS_HANDLE Driver, Adapter, ListPool, BufferPool;
    BACKEND *Stack;
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics;
    NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES AddDevice;
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES Registration;
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES General;
    NET_BUFFER_LIST *Lists;
    NDIS_OID_REQUEST *Request;
    ULONG FiltersSet;   /* requests that set the packet filter */
    NDIS_STATUS Status; /* what the handler is to return */
    BOOLEAN Handled;    /* the case has done what the handler should do */
    PVOID Kept;         /* a case's own, for a later moment */
    BOOLEAN Hold;       /* sends are kept in Kept, not completed */
    BOOLEAN Succeed;    /* MiniportPause does, without pending */
    KSPIN_LOCK Lock;
    KIRQL Irql;
    LAB_THREAD Thread; /* a case's own, if Threaded */
    BOOLEAN Threaded;
} WRONG_MINIPORT;

extern WRONG_MINIPORT Mini;

/* wrong_things.c, wrong_traffic.c; the last of each has no Call. */
extern const WRONG_CASE WrongThings[], WrongTraffic[];
extern const WRONG_CALL WrongCalls[];
extern const PCSTR WrongHandlers[];
extern HOST_LIST Nothing; /* looks like nothing that NDIS ever made */
/* Nothing is offloaded; but that is said as it should be. */
NDIS_OFFLOAD MiniOffload(VOID);
/* What the stack holds comes home. */
VOID MiniLetGo(VOID);
/* At the end of a life, when nothing is watched: what the case left behind on purpose. */
VOID MiniTidy(VOID);

/* wrong.c, for the miniport. */
BOOLEAN MiniIsNow(_In_ WRONG_MOMENT Moment, _In_z_ PCSTR Call);
VOID MiniReach(_In_ WRONG_MOMENT Moment); /* the case acts, if this is its moment */
VOID MiniLeave(_In_z_ PCSTR Handler);     /* the last thing that a handler does */
VOID MiniDisturb(VOID);
VOID MiniSettle(VOID);
/* Every function of NDIS is called through this once in a life. */
#define MAKE(Call, Statement)                                                                                          \
    do                                                                                                                 \
    {                                                                                                                  \
        BOOLEAN Disturbed = MiniIsNow(AtCall, Call);                                                                   \
                                                                                                                       \
        if (Disturbed)                                                                                                 \
        {                                                                                                              \
            MiniDisturb();                                                                                             \
        }                                                                                                              \
        Statement;                                                                                                     \
        if (Disturbed)                                                                                                 \
        {                                                                                                              \
            MiniSettle();                                                                                              \
        }                                                                                                              \
    } while (0)

/* wrong_miniport.c */
DRIVER_INITIALIZE MiniEntry;
VOID MiniWork(VOID); /* a little of everything */
NET_BUFFER_LIST_POOL_PARAMETERS MiniListParameters(VOID);
NET_BUFFER_POOL_PARAMETERS MiniBufferParameters(VOID);
NET_BUFFER_LIST *MiniList(VOID); /* one IPv4 packet, ready for the stack; the return handler frees it */
VOID MiniFreeList(_In_ NET_BUFFER_LIST *List);
VOID MiniIndicate(_In_ NET_BUFFER_LIST *Lists, _In_ ULONG Count, _In_ ULONG Flags);
NDIS_STATUS MiniOpenConfiguration(_Out_ NDIS_HANDLE *Configuration);
NDIS_DEVICE_OBJECT_ATTRIBUTES MiniDeviceAttributes(VOID);
NDIS_MINIPORT_PNP_CHARACTERISTICS MiniPnpCharacteristics(VOID);
NDIS_STATUS_INDICATION MiniLinkState(_In_ const NDIS_LINK_STATE *State);
NDIS_STATUS MiniRegisterDevice(_Out_ NDIS_HANDLE *Registration, _Out_ DEVICE_OBJECT **Device);

#endif
