/* SPDX-License-Identifier: MIT */
/*
 * The few things host/ndis asks of the place it runs in (Wine's winedevice, or the simulator) beyond the NT kernel's
 * interface: being told of drivers, reporting a broken rule, a setting of the person who runs it.
 */
#ifndef HOST_NDIS_PLATFORM_H
#define HOST_NDIS_PLATFORM_H

#include <ntddk.h>

/* A driver registers as a miniport. The place may look at its image. PASSIVE_LEVEL. */
VOID PlatformDriverRegistered(_In_ DRIVER_OBJECT *DriverObject);
/* A driver's entry point has returned and its dispatch table is final; called before its first device. */
VOID PlatformDriverReady(_In_ DRIVER_OBJECT *DriverObject);
/* A driver has no adapter any more: what it allocated since PlatformDriverReady and did not free is a broken rule. */
VOID PlatformAdaptersGone(_In_ DRIVER_OBJECT *DriverObject);
/* A driver is about to be unloaded: handles still open on its devices are closed now. PASSIVE_LEVEL. */
VOID PlatformDriverUnloading(_In_ DRIVER_OBJECT *DriverObject);
/* A driver's unload routine has returned: what it allocated and did not free is a broken rule. */
VOID PlatformDriverUnloaded(_In_ DRIVER_OBJECT *DriverObject);
/* A rule is broken by the code at Place. Must make the run fail, and may return. Any IRQL. */
VOID PlatformRuleBroken(_In_z_ PCSTR Rule, _In_z_ PCSTR Call, _In_opt_ PVOID Place, _In_z_ PCSTR Text);
/* How many spin locks the calling thread holds, 0 where that is not known. Any IRQL. */
ULONG PlatformSpinLocksHeld(VOID);
/* A call into a driver, on its caller's stack. A driver that faults is told by the innermost one of its thread. */
typedef struct _PLATFORM_CALL
{
    const struct _PLATFORM_CALL *Outer;
    PCSTR Name; /* of the handler */
    ULONG Code; /* what is asked of it: an OID, an I/O control code; 0: nothing else to say */
} PLATFORM_CALL;
/* The calling thread enters, and leaves, a call that it made last. Any IRQL. */
VOID PlatformCallBegin(_Inout_ PLATFORM_CALL *Call);
VOID PlatformCallEnd(_In_ const PLATFORM_CALL *Call);
/* A number that the person set, or Default. PASSIVE_LEVEL. */
ULONG PlatformSetting(_In_z_ PCSTR Name, _In_ ULONG Default);

#endif
