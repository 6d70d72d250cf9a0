/* SPDX-License-Identifier: MIT */
/*
 * The system sleeps and wakes up, as the power manager asks a device's stack to: in which order the miniport is asked,
 * paused, told and started again, and whether the bus has its power then; sessions that sleep through it, under traffic.
 */
#include "tests/simulation/lab.h"

SCENARIO PowerOrder, PowerUnderTraffic;

#define STEPS 16

typedef struct _STEP
{
    PCSTR What;
    ULONG State;              /* of the request: NDIS_DEVICE_POWER_STATE */
    DEVICE_POWER_STATE Power; /* of the bus, meanwhile */
} STEP;

static STEP Steps[STEPS];
static ULONG StepCount;
static DEVICE_OBJECT *Pdo;
static NDIS_MINIPORT_DRIVER_CHARACTERISTICS Miniport;

static VOID Note(_In_ PCSTR What, _In_ ULONG State)
{
    if (StepCount < STEPS)
        Steps[StepCount] = (STEP){.What = What, .State = State, .Power = SimDevicePower(Pdo)};
    StepCount++;
}

static NDIS_STATUS NoteOid(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    BOOLEAN Query = Request->RequestType == NdisRequestQueryInformation;
    NDIS_OID Oid = Query ? Request->DATA.QUERY_INFORMATION.Oid : Request->DATA.SET_INFORMATION.Oid;
    if (Oid == OID_PNP_QUERY_POWER || Oid == OID_PNP_SET_POWER)
    {
        Note(Query ? "query" : "set", *(ULONG *)(Query ? Request->DATA.QUERY_INFORMATION.InformationBuffer
                                                       : Request->DATA.SET_INFORMATION.InformationBuffer));
    }
    return Miniport.OidRequestHandler(Context, Request);
}

static NDIS_STATUS NotePause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    Note("pause", Parameters->PauseReason);
    return Miniport.PauseHandler(Context, Parameters);
}

static NDIS_STATUS NoteRestart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    Note("restart", 0);
    return Miniport.RestartHandler(Context, Parameters);
}

static VOID NoteHalt(NDIS_HANDLE Context, NDIS_HALT_ACTION Action)
{
    Note("halt", Action);
    Miniport.HaltHandlerEx(Context, Action);
}

static NDIS_STATUS NoteInitialize(NDIS_HANDLE Handle, NDIS_HANDLE Context, PNDIS_MINIPORT_INIT_PARAMETERS Parameters)
{
    Note("initialize", 0);
    return Miniport.InitializeHandlerEx(Handle, Context, Parameters);
}

/* Puts itself between NDIS and the miniport. */
static VOID Watch(_In_ LAB *Lab)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Characteristics = &StackAdapter(Lab->Stack)->Driver->Characteristics;
    Pdo = Lab->Pdo;
    StepCount = 0;
    Miniport = *Characteristics;
    Characteristics->OidRequestHandler = NoteOid;
    Characteristics->PauseHandler = NotePause;
    Characteristics->RestartHandler = NoteRestart;
    Characteristics->HaltHandlerEx = NoteHalt;
    Characteristics->InitializeHandlerEx = NoteInitialize;
}

static VOID Expect(_In_ const STEP *Wanted, _In_ ULONG Count)
{
    LabEqual(StepCount, Count);
    for (ULONG I = 0; I < min(StepCount, Count); I++)
    {
        LabCheck(strcmp(Steps[I].What, Wanted[I].What) == 0 && Steps[I].State == Wanted[I].State &&
                     Steps[I].Power == Wanted[I].Power,
                 "step %u: %s %u in D%u, should be %s %u in D%u", I, Steps[I].What, Steps[I].State, Steps[I].Power - 1,
                 Wanted[I].What, Wanted[I].State, Wanted[I].Power - 1);
    }
    StepCount = 0;
}

/* "OID_PNP_SET_POWER", "Handling Power IRPs": down before the bus goes down, up after it is up. */
VOID PowerOrder(VOID)
{
    static const STEP Down[] = {{"query", NdisDeviceStateD3, PowerDeviceD0},
                                {"pause", NDIS_PAUSE_LOW_POWER, PowerDeviceD0},
                                {"set", NdisDeviceStateD3, PowerDeviceD0}};
    static const STEP Up[] = {{"set", NdisDeviceStateD0, PowerDeviceD0}, {"restart", 0, PowerDeviceD0}};
    static const STEP Halted[] = {{"pause", NDIS_PAUSE_NDIS_INTERNAL, PowerDeviceD0},
                                  {"halt", NdisHaltDevicePoweredDown, PowerDeviceD0}};
    static const STEP Initialized[] = {{"initialize", 0, PowerDeviceD0}, {"restart", 0, PowerDeviceD0}};
    LAB Lab;
    LabOpen(&Lab);
    Watch(&Lab);
    for (ULONG Round = 0; Round < 3; Round++)
    {
        LabEqual(SimPower(Lab.Pdo, PowerSystemSleeping3), STATUS_SUCCESS);
        LabEqual(SimDevicePower(Lab.Pdo), PowerDeviceD3);
        Expect(Down, ARRAYSIZE(Down));
        LabEqual(SimPower(Lab.Pdo, PowerSystemWorking), STATUS_SUCCESS);
        LabEqual(SimDevicePower(Lab.Pdo), PowerDeviceD0);
        Expect(Up, ARRAYSIZE(Up));
    }
    /* Removed while it sleeps. */
    LabEqual(SimPower(Lab.Pdo, PowerSystemSleeping3), STATUS_SUCCESS);
    LabClose(&Lab);

    /* A miniport that does not say NO_HALT_ON_SUSPEND is halted, and initialised anew. */
    LabOpen(&Lab);
    StackAdapter(Lab.Stack)->AttributeFlags &= ~(ULONG)NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    Watch(&Lab);
    LabEqual(SimPower(Lab.Pdo, PowerSystemHibernate), STATUS_SUCCESS);
    Expect(Halted, ARRAYSIZE(Halted));
    LabEqual(SimPower(Lab.Pdo, PowerSystemWorking), STATUS_SUCCESS);
    StepCount = min(StepCount, ARRAYSIZE(Initialized)); /* then OIDs that no matter here */
    Expect(Initialized, ARRAYSIZE(Initialized));
    LabClose(&Lab);
    LabOperations(12);
}

VOID PowerUnderTraffic(VOID)
{
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Program, 8 * RING_CAPACITY_MIN), STATUS_SUCCESS);
    StackHold(Lab.Stack, StackReturnsLate);
    LAB_LOAD Load;
    LabLoadStart(&Load, &Lab, &Program, 0);
    for (ULONG Round = 0; Round < LabScale(10); Round++)
    {
        ULONG64 Received = StackRead(Lab.Stack).Received;
        LabEqual(SimPower(Lab.Pdo, PowerSystemSleeping3), STATUS_SUCCESS);
        LabSleep(2000);
        LabEqual(SimPower(Lab.Pdo, PowerSystemWorking), STATUS_SUCCESS);
        LabUntil(StackRead(Lab.Stack).Received > Received); /* the session goes on */
    }
    LabLoadStop(&Load, &Lab, &Program);
    LabBalance(&Lab, &Program);
    LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
    ProgramClose(&Program);
    LabClose(&Lab);
}
