/* SPDX-License-Identifier: MIT */
/*
 * What host/ndis asks of the place it runs in, in the simulator: a broken rule is a violation, whatever a driver leaves
 * in the pool when it is unloaded is one too, and settings are environment variables.
 */
#include "host/ndis/platform.h"
#include "host/nt/sim.h"
#include "tests/simulation/lab.h"

VOID PlatformDriverRegistered(DRIVER_OBJECT *DriverObject)
{
}

VOID PlatformDriverReady(DRIVER_OBJECT *DriverObject)
{
}

/* The driver under test allocates nothing that outlives its adapters. */
VOID PlatformAdaptersGone(DRIVER_OBJECT *DriverObject)
{
    SimCheckPool(LabCodeBegin(), LabCodeEnd(), "adapters gone");
}

VOID PlatformDriverUnloading(DRIVER_OBJECT *DriverObject)
{
}

VOID PlatformDriverUnloaded(DRIVER_OBJECT *DriverObject)
{
    SimCheckPool(LabCodeBegin(), LabCodeEnd(), "driver unloaded");
}

static LAB_WATCH *Watcher;

VOID LabWatch(LAB_WATCH *Watch)
{
    Watcher = Watch;
}

VOID PlatformRuleBroken(PCSTR Rule, PCSTR Call, PVOID Place, PCSTR Text)
{
    (Watcher ? Watcher : SimViolation)(Rule, Call, Place, Text);
}

ULONG PlatformSetting(PCSTR Name, ULONG Default)
{
    PCSTR Value = getenv(Name);
    return Value ? (ULONG)strtoul(Value, NULL, 0) : Default;
}

/* A fault is the sanitizers' to tell, with the stack. */
VOID PlatformCallBegin(PLATFORM_CALL *Call)
{
    UNREFERENCED_PARAMETER(Call);
}

VOID PlatformCallEnd(const PLATFORM_CALL *Call)
{
    UNREFERENCED_PARAMETER(Call);
}

ULONG PlatformSpinLocksHeld(VOID)
{
    return SimSpinLocksHeld();
}
