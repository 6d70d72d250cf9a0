/* SPDX-License-Identifier: MIT */
/*
 * A rule that nobody has seen fire does not count: scenario NdisRulesFire lets a small miniport live once for every way to
 * break a rule of host/ndis (wrong_things.c, wrong_traffic.c), from DriverEntry to its unloading, and looks whether that rule is reported,
 * for the right call and with a place in the miniport's code, and no other. One thread, but where a case makes another.
 */
#include "tests/simulation/wrong.h"

SCENARIO NdisRulesFire;

extern const UCHAR __start_wrong_code[], __stop_wrong_code[];

WRONG_MINIPORT Mini;

static const WRONG_CASE *Current;
static ULONG Fired;
static KIRQL Highest; /* at which the case's call is allowed */
static FILE *Report;

BOOLEAN MiniIsNow(_In_ WRONG_MOMENT Moment, _In_z_ PCSTR Call)
{
    return Current->Moment == Moment && strcmp(Current->Call, Call) == 0;
}

VOID MiniReach(_In_ WRONG_MOMENT Moment)
{
    if (Current->Moment == Moment && Current->Break)
        Current->Break();
    else if (Current->Then == Moment && Current->Mend)
        Current->Mend();
}

/* ---- Calls of NDIS at a wrong IRQL, or with a spin lock; handlers that return so */

static BOOLEAN IsIrqlCase(VOID)
{
    return strncmp(Current->Rule, "Irql", 4) == 0;
}

VOID MiniDisturb(VOID)
{
    if (IsIrqlCase())
        KeRaiseIrql(max(Highest, KeGetCurrentIrql()) + 1, &Mini.Irql);
    else
        KeAcquireSpinLock(&Mini.Lock, &Mini.Irql);
}

VOID MiniSettle(VOID)
{
    if (IsIrqlCase())
        KeLowerIrql(Mini.Irql);
    else
        KeReleaseSpinLock(&Mini.Lock, Mini.Irql);
}

/* The last thing that a handler does. What it keeps is taken back when the report comes. */
VOID MiniLeave(_In_z_ PCSTR Handler)
{
    if (MiniIsNow(AtHandler, Handler) && !Fired)
        MiniDisturb();
}

#pragma clang section text = ""

/* ---- The life, and who watches it */

static BOOLEAN Lists(_In_opt_ PCSTR List, _In_ PCSTR Rule)
{
    SIZE_T Length = strlen(Rule);
    for (PCSTR At = List; At; At = strchr(At, ',') ? strchr(At, ',') + 1 : NULL)
        if (strncmp(At, Rule, Length) == 0 && (At[Length] == ',' || !At[Length]))
            return TRUE;
    return FALSE;
}

static VOID Watch(PCSTR Rule, PCSTR Call, const VOID *Place, PCSTR Text)
{
    BOOLEAN Awaited = strcmp(Rule, Current->Rule) == 0 && strcmp(Call, Current->Call) == 0;
    if (Awaited)
    {
        LabCheck((PUCHAR)Place >= __start_wrong_code && (PUCHAR)Place < __stop_wrong_code,
                 "%s in %s: the place is not the miniport's", Rule, Call);
        Fired++;
        if (Report)
            fprintf(Report, "%s\t%s\t%s\n", Rule, Call, Text);
    }
    else
    {
        LabCheck(Lists(Current->Also, Rule), "%s in %s, which is %s, comes along: %s", Current->Rule, Current->Call,
                 Rule, Text);
    }
    if (Awaited && Current->Moment == AtHandler && !IsIrqlCase())
        MiniSettle();
    else if (Awaited && Fired == 1)
        MiniReach(AtReport);
}

static VOID Adapter(_In_ LAB *Lab)
{
    STACK_SHAPE Shape = {.Lists = 2, .Buffers = 1, .Parts = 1, .Late = TRUE};
    ULONG64 Sequence = 0, Random = LabSeed();
    Lab->Stack = Mini.Stack = StackLast();
    StackSend(Lab->Stack, &Shape, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
    MiniWork();
    MiniReach(AtRunning);
    HostAdapterSetPower(StackAdapter(Lab->Stack), FALSE);
    MiniReach(AtPaused);
    HostAdapterSetPower(StackAdapter(Lab->Stack), TRUE);
    StackHold(Lab->Stack, StackReturnsAtOnce);
}

static VOID Live(VOID)
{
    LAB Lab = {0};
    if (!NT_SUCCESS(SimLoadDriver(MiniEntry, L"wrong", &Lab.Driver)))
        return;
    LabEqual(SimAddDevice(Lab.Driver, NULL, 0, &Lab.Pdo), STATUS_SUCCESS);
    if (NT_SUCCESS(SimPnp(Lab.Pdo, IRP_MN_START_DEVICE)))
    {
        Adapter(&Lab);
        SimPnp(Lab.Pdo, IRP_MN_QUERY_STOP_DEVICE);
        SimPnp(Lab.Pdo, IRP_MN_STOP_DEVICE);
        MiniReach(AtHalted);
    }
    SimPnp(Lab.Pdo, IRP_MN_REMOVE_DEVICE);
    SimDeleteDevice(Lab.Pdo);
    LabEqual(SimUnloadDriver(Lab.Driver), STATUS_SUCCESS);
}

static VOID Try(_In_ const WRONG_CASE *Case)
{
    memset(&Mini, 0, sizeof(Mini));
    Current = Case;
    Fired = 0;
    LabWatch(Watch);
    SimExpect(Case->Also);
    Live();
    SimExpect(NULL);
    LabWatch(NULL);
    MiniTidy();
    LabCheck(Fired > 0, "rule %s in %s did not fire", Case->Rule, Case->Call);
    SimCheckEmpty(Case->Rule);
    LabOperations(1);
}

static VOID TryMade(_In_z_ PCSTR Rule, _In_z_ PCSTR Call, _In_ WRONG_MOMENT Moment, _In_opt_ PCSTR Also)
{
    WRONG_CASE Case = {.Rule = Rule, .Call = Call, .Moment = Moment, .Also = Also};
    Try(&Case);
}

/* Every call at too high an IRQL and with a spin lock, every handler that returns so. */
static ULONG TryCalls(VOID)
{
    ULONG Count = 0;
    for (const WRONG_CALL *Call = WrongCalls; Call->Call; Call++, Count++)
    {
        Highest = Call->Highest;
        TryMade(Call->Rule, Call->Call, AtCall, "Irql");
        if (Call->Out)
        {
            TryMade("SpinLock_AcrossNdis", Call->Call, AtCall, "Irql,Irql_Miniport_Driver,Irql_Miscellaneous");
            Count++;
        }
    }
    Highest = PASSIVE_LEVEL;
    for (const PCSTR *Handler = WrongHandlers; *Handler; Handler++, Count += 2)
    {
        TryMade("Irql_Miniport_Driver", *Handler, AtHandler, NULL);
        TryMade("SpinLockBalanced", *Handler, AtHandler, "Irql_Miniport_Driver");
    }
    return Count;
}

VOID NdisRulesFire(VOID)
{
    PCSTR Path = getenv("SIM_RULES");
    ULONG Count = 0;
    if (__has_feature(thread_sanitizer))
        return; /* one thread: there is nothing to see */
    Report = Path ? fopen(Path, "w") : NULL;
    for (const WRONG_CASE *Case = WrongThings; Case->Rule; Case++, Count++)
        Try(Case);
    for (const WRONG_CASE *Case = WrongTraffic; Case->Rule; Case++, Count++)
        Try(Case);
    Count += TryCalls();
    if (Report)
        fclose(Report);
    printf("rules: %u ways to break a rule of NDIS, all named\n", Count);
}
