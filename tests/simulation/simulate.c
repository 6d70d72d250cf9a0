/* SPDX-License-Identifier: MIT */
/*
 * The simulator's program: the real driver, host/ndis and host/nt in one process, and scenarios that run one after the
 * other. After each one nothing of the driver may be left. Arguments: names of scenarios, or -NAME for all but these (none: all). Environment:
 * SIM_SEED (a number; printed, replays chance), SIM_SCALE (how much larger), SIM_VERBOSE=1 (what drivers print).
 */
#include "tests/simulation/lab.h"
#include <signal.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#define SCENARIO_SECONDS 240 /* longer than any takes on a busy machine: then it hangs */

#define SCENARIOS_FROM_MONITORS_ON(Each)                                                                               \
    Each(MonitorSees) Each(MonitorFull) Each(MonitorAlone) Each(MonitorOwners) Each(MonitorCorrupts)                   \
        Each(MonitorsUnderLoad) Each(MonitorRemoved) Each(TraceLife) Each(TraceDrops) Each(TraceFlood)                 \
            Each(TraceQuiet) Each(SuperPackets) Each(SuperRefused) Each(SuperUnasked) Each(SuperAsked) Each(SuperEnds) \
                Each(SuperCoalesced) Each(LargeSends) Each(LargeRefused) Each(LargeSwitched)

#define SCENARIOS(Each)                                                                                                \
    Each(LoadUnload) Each(PlugUnplug) Each(BadProperties) Each(EveryOid) Each(NamesAndAccess) Each(HandleOutlives)     \
        Each(BadInputs) Each(ManySessions) Each(OwnersOnly) Each(ToApp) Each(ToStack) Each(BothWays) Each(Shapes)      \
            Each(InvalidPackets) Each(FullRing) Each(SlowStack) Each(PauseUnderTraffic) Each(RefusedWhilePausing)      \
                Each(Sleep) Each(PowerOrder) Each(PowerUnderTraffic) Each(CorruptToApp) Each(CorruptToStack)           \
                    Each(HostileWriter) Each(Flips) Each(SurpriseRemoval) Each(ProgramDies) Each(HandleInTwoProcesses) \
                        Each(TwoAdapters) Each(Casts) Each(ShortChains) Each(OddOpens) Each(NoLists)                   \
                            Each(OvertakenRemoval) Each(EndWhileDying) Each(IdleHandlers) Each(DropStatistics)         \
                                Each(OthersComeAndGo) Each(ProgramIsWoken) Each(DriverIsWoken) Each(SpaceIsTold)       \
                                    Each(OtherMiniport) Each(WrongMiniports) Each(DeferredWork) Each(RequestMethods)   \
                                        Each(ProgramMemory) Each(PendingAtDeath) Each(OpenedByInterface)               \
                                            Each(DescriptorStrings) Each(WhoHasItOpen) Each(SystemRoutines)            \
                                                Each(ReadersAndWriters) Each(ClassicTraffic) Each(ClassicRefusals)     \
                                                    Each(ClassicDeaths) Each(ClassicRemovals) Each(ClassicTwo)         \
                                                        Each(RulesFire) Each(NdisRulesFire)                            \
                                                            SCENARIOS_FROM_MONITORS_ON(Each) Each(Faults) Each(Spin)

#define DECLARE(Name) SCENARIO Name;
SCENARIOS(DECLARE)

static const struct
{
    PCSTR Name;
    SCENARIO *Run;
} Scenarios[] = {
#define ENTRY(Name) {#Name, Name},
    SCENARIOS(ENTRY)};

extern const UCHAR __start_driver_code[], __stop_driver_code[];

static _Atomic(ULONG64) Operations;
static ULONG64 Seed;
static ULONG Scale = 1;
static const char *volatile Running = "nothing";

const VOID *LabCodeBegin(VOID)
{
    return __start_driver_code;
}

const VOID *LabCodeEnd(VOID)
{
    return __stop_driver_code;
}

VOID LabOperations(ULONG64 Count)
{
    atomic_fetch_add_explicit(&Operations, Count, memory_order_relaxed);
}

VOID LabFailed(PCSTR File, int Line, PCSTR Condition, PCSTR Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    CHAR Text[256];
    vsnprintf(Text, sizeof(Text), Format, Arguments);
    va_end(Arguments);
    CHAR Place[128];
    snprintf(Place, sizeof(Place), "%s:%d, scenario %s", File, Line, Running);
    SimViolation(Condition, Place, NULL, Text);
}

VOID LabCheckEqual(PCSTR File, int Line, PCSTR What, ULONG64 Got, ULONG64 Wanted)
{
    if (Got != Wanted)
        LabFailed(File, Line, What, "is 0x%llx, should be 0x%llx", Got, Wanted);
}

/* splitmix64: public domain. */
ULONG LabRandom(ULONG64 *State)
{
    ULONG64 Value = *State += 0x9e3779b97f4a7c15;
    Value = (Value ^ Value >> 30) * 0xbf58476d1ce4e5b9;
    Value = (Value ^ Value >> 27) * 0x94d049bb133111eb;
    return (ULONG)(Value >> 32);
}

ULONG64 LabSeed(VOID)
{
    return Seed;
}

ULONG LabScale(ULONG Count)
{
    return Count * Scale;
}

VOID LabSleep(ULONG Microseconds)
{
    usleep(Microseconds);
}

LAB_THREAD LabStart(void *(*Routine)(void *), void *Context)
{
    pthread_t Thread;
    if (pthread_create(&Thread, NULL, Routine, Context) != 0)
    {
        perror("pthread_create");
        exit(1);
    }
    return Thread;
}

VOID LabJoin(LAB_THREAD Thread)
{
    pthread_join(Thread, NULL);
}

static void Hangs(int Signal)
{
    static const char Text[] = "\nVIOLATION: the scenario hangs\n";
    if (write(2, Text, sizeof(Text) - 1) > 0 && write(2, Running, strlen(Running)) > 0)
        abort();
    _exit(1);
}

static ULONG64 Milliseconds(VOID)
{
    return (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart / 10000;
}

/* NAME...: these; -NAME...: all but these. */
static BOOLEAN Wanted(_In_ PCSTR Name, _In_ int Count, _In_ char **Names)
{
    BOOLEAN Without = Count == 0 || Names[0][0] == '-';
    for (int I = 0; I < Count; I++)
        if (strcmp(Names[I] + Without, Name) == 0)
            return !Without;
    return Without;
}

int main(int Count, char **Arguments)
{
    PCSTR Given = getenv("SIM_SEED"), Larger = getenv("SIM_SCALE");
    ULONG Ran = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    Seed = Given ? strtoull(Given, NULL, 0) : (ULONG64)time(NULL);
    Scale = Larger ? max((ULONG)atoi(Larger), 1) : 1;
    printf("seed %llu\n", Seed);
    signal(SIGALRM, Hangs);
    SimFaultCode(__start_driver_code, __stop_driver_code);
    setenv("HOST_NDIS_TRIAL", "1", FALSE);
    for (ULONG I = 0; I < ARRAYSIZE(Scenarios); I++)
    {
        ULONG64 Begin = Milliseconds(), Before = Operations;
        ULONG Violations = SimViolations();
        if (!Wanted(Scenarios[I].Name, Count - 1, Arguments + 1))
            continue;
        Running = Scenarios[I].Name;
        alarm(SCENARIO_SECONDS * Scale);
        Scenarios[I].Run();
        SimFaultArm(0);
        SimCheckEmpty(Scenarios[I].Name);
        alarm(0);
        Ran++;
        printf("%-20s %s %6llu ms %8llu operations\n", Scenarios[I].Name,
               SimViolations() == Violations ? "ok  " : "FAIL", Milliseconds() - Begin, Operations - Before);
    }
    printf("ran %u scenarios, %llu operations, %u violations\n", Ran, Operations, SimViolations());
    return SimViolations() || !Ran;
}
