/* SPDX-License-Identifier: MIT */
/*
 * What every rule needs: the report, the check of an object's header, and the way from a handle to the object behind
 * it. Any thread, any IRQL, no locks. The names of rules are those of Microsoft's verifier where it has one for it.
 */
#include "host/ndis/ndishost.h"

/* Formats one broken rule and hands it to the place that the host runs in. Always gives FALSE. */
BOOLEAN HostRuleBroken(PCSTR Rule, PCSTR Call, PVOID Place, PCSTR Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    CHAR Text[256];
    _vsnprintf(Text, sizeof(Text) - 1, Format, Arguments);
    va_end(Arguments);
    Text[sizeof(Text) - 1] = 0;
    PlatformRuleBroken(Rule, Call, Place, Text);
    return FALSE;
}

/* What drivers pass that is longer than its page says is told once for each kind of structure. What: a literal. */
static VOID TellLonger(_In_ const NDIS_OBJECT_HEADER *Header, _In_ USHORT Size, _In_z_ PCSTR What, _In_z_ PCSTR Call)
{
    static PVOID volatile Told[32];
    for (ULONG I = 0; I < RTL_NUMBER_OF(Told); I++)
    {
        PVOID Former = InterlockedCompareExchangePointer(&Told[I], (PVOID)(ULONG_PTR)What, NULL);
        if (Former == What)
            return;
        if (!Former)
            break;
    }
    DbgPrint("ndis: %s: %s of revision %u has %u bytes, not %u: taken\n", Call, What, Header->Revision, Size,
             Header->Size);
}

/*
 * "NDIS_OBJECT_HEADER": a caller may pass a later revision, which is longer; never an earlier or a shorter one. Many pass sizeof
 * a structure that has members of later revisions.
 */
BOOLEAN HostHeaderValid(const NDIS_OBJECT_HEADER *Header, UCHAR Type, UCHAR Revision, USHORT Size, PCSTR What,
                        PCSTR Call, PVOID Place)
{
    BOOLEAN Valid = Header->Type == Type && Header->Revision >= Revision &&
                    (Header->Revision == Revision ? Header->Size >= Size : Header->Size > Size);
    if (Valid && Header->Revision == Revision && Header->Size > Size)
        TellLonger(Header, Size, What, Call);
    return HandlerRule(Call, "Header_Valid", Valid, Place, "%s: type 0x%x revision %u size %u, expected 0x%x, %u, %u",
                       What, Header->Type, Header->Revision, Header->Size, Type, Revision, Size);
}

VOID HostEnter(PCSTR Call, PVOID Place, PCSTR IrqlRule, KIRQL Irql, BOOLEAN Out)
{
    if (KeGetCurrentIrql() > Irql)
        HostRuleBroken(IrqlRule, Call, Place, "at IRQL %u, at most %u is allowed", KeGetCurrentIrql(), Irql);
    if (Out && PlatformSpinLocksHeld())
        HostRuleBroken("SpinLock_AcrossNdis", Call, Place, "%u spin locks are held", (unsigned)PlatformSpinLocksHeld());
}

VOID HostGuardBegin(HOST_GUARD *Guard, PCSTR Call, ULONG Code)
{
    *Guard = (HOST_GUARD){
        .Call = {.Name = Call, .Code = Code}, .Irql = KeGetCurrentIrql(), .SpinLocks = PlatformSpinLocksHeld()};
    PlatformCallBegin(&Guard->Call);
}

VOID HostGuardEnd(const HOST_GUARD *Guard, PVOID Handler)
{
    PCSTR Call = Guard->Call.Name;
    PlatformCallEnd(&Guard->Call);
    KIRQL Irql = KeGetCurrentIrql();
    ULONG SpinLocks = PlatformSpinLocksHeld();
    if (Irql != Guard->Irql)
        HostRuleBroken("Irql_Miniport_Driver", Call, Handler, "called at IRQL %u, returned at %u", Guard->Irql, Irql);
    if (SpinLocks != Guard->SpinLocks)
    {
        HostRuleBroken("SpinLockBalanced", Call, Handler, "called with %u spin locks, returned with %u",
                       (unsigned)Guard->SpinLocks, (unsigned)SpinLocks);
    }
    else if (Irql > Guard->Irql)
    {
        KeLowerIrql(Guard->Irql); /* one fault, one report */
    }
}

PCSTR HostStateName(LONG State)
{
    static const PCSTR Names[] = {"Halted", "Initializing", "Paused", "Restarting", "Running", "Pausing"};
    return State >= 0 && State < (LONG)(sizeof(Names) / sizeof(Names[0])) ? Names[State] : "?";
}

NDIS_HOST_ADAPTER *HostAdapterOf(NDIS_HANDLE Handle, PCSTR Call, PVOID Place)
{
    NDIS_HOST_ADAPTER *Adapter = Handle;
    if (!Adapter || Adapter->Magic != HostMagicAdapter)
    {
        HostRuleBroken("Handle_Adapter", Call, Place, "%p is no adapter", Handle);
        return NULL;
    }
    return Adapter;
}

NDIS_HOST_DRIVER *HostDriverOf(NDIS_HANDLE Handle, PCSTR Call, PVOID Place)
{
    NDIS_HOST_DRIVER *Driver = Handle;
    if (!Driver || Driver->Magic != HostMagicDriver)
    {
        HostRuleBroken("Handle_Driver", Call, Place, "%p is no driver", Handle);
        return NULL;
    }
    return Driver;
}

NDIS_HOST_DRIVER *HostOwnerOf(NDIS_HANDLE Handle, NDIS_HOST_ADAPTER **Adapter, PCSTR Call, PVOID Place)
{
    *Adapter = NULL;
    if (Handle && *(HOST_MAGIC *)Handle == HostMagicAdapter)
    {
        *Adapter = Handle;
        return (*Adapter)->Driver;
    }
    return HostDriverOf(Handle, Call, Place);
}
