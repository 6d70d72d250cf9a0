/* SPDX-License-Identifier: MIT */
/*
 * Every call of the driver's that can fail is made to fail, one at a time: the driver is loaded, plugged in, has a
 * session with traffic both ways, and goes, again and again, each time with the next call failing. What was asked for
 * must fail with it, leave nothing, and succeed when it is asked for again.
 */
#include "tests/simulation/lab.h"

SCENARIO Faults;

#define SITES 128

static struct
{
    const VOID *Place;
    PCSTR Call;
    ULONG Count;
} Sites[SITES];
static ULONG SiteCount;

static BOOLEAN Fired(VOID)
{
    PCSTR Call;
    const VOID *Place;
    return SimFaultFired(&Call, &Place);
}

/* A driver whose events nobody can record works all the same. */
static BOOLEAN PassedOver(VOID)
{
    PCSTR Call;
    const VOID *Place;

    return SimFaultFired(&Call, &Place) && strncmp(Call, "Etw", 3) == 0;
}

/* Does something for which the driver may need what it does not get; if so, again. */
#define ATTEMPT(Expression)                                                                                            \
    do                                                                                                                 \
    {                                                                                                                  \
        BOOLEAN Before = Fired();                                                                                      \
        NTSTATUS Result = (Expression);                                                                                \
        if (Fired() && !Before && !PassedOver())                                                                       \
        {                                                                                                              \
            LabCheck(!NT_SUCCESS(Result), "a failure is passed over");                                                 \
            Result = (Expression);                                                                                     \
        }                                                                                                              \
        LabEqual(Result, STATUS_SUCCESS);                                                                              \
    } while (0)

DRIVER_INITIALIZE DriverEntry;

static VOID Live(VOID)
{
    /* D:P(A;;GRGW;;;WD), as in life.c */
    static const UCHAR Everyone[] = {1,  0, 0x04, 0x90, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,  0,
                                     20, 0, 0,    0,    2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0,
                                     0,  0, 0,    0xc0, 1, 1, 0,  0, 0, 0, 0, 1, 0, 0, 0,  0};
    /* Twice, and in as many parts as there can be: one at least lies behind the bytes that are looked at first. */
    static const STACK_SHAPE Shapes[] = {{.Lists = 2, .Buffers = 2},
                                         {.Lists = 1, .Buffers = 1, .Parts = 8, .Unmapped = TRUE},
                                         {.Lists = 1, .Buffers = 1, .Parts = 8, .Unmapped = TRUE}};
    static const uint32_t Mtu = 1400;
    TUN_GUID Guid = LabGuid(3);
    SIM_PROPERTY Properties[] = {LabGuidProperty(&Guid), LabMtuProperty(&Mtu),
                                 LabAccessProperty(Everyone, sizeof(Everyone))};
    ULONG64 Random = LabSeed(), ToApp = 0, ToStack = 0;
    LAB Lab = {0};
    ATTEMPT(SimLoadDriver(DriverEntry, L"plaintun", &Lab.Driver));
    LabPath(&Guid, Lab.Path);
    ATTEMPT(LabAddDevice(Lab.Driver, Properties, ARRAYSIZE(Properties), &Lab.Pdo));
    Lab.Stack = StackLast();
    PROGRAM Program;
    LabEqual(ProgramOpen(&Program, Lab.Path, SimUser), STATUS_SUCCESS);
    ATTEMPT(ProgramStart(&Program, RING_CAPACITY_MIN));
    PROGRAM Monitor;
    LabEqual(ProgramOpen(&Monitor, Lab.Path, SimUser), STATUS_SUCCESS);
    Monitor.Monitor = TRUE;
    ATTEMPT(ProgramStart(&Monitor, RING_CAPACITY_MIN));
    for (ULONG I = 0; I < ARRAYSIZE(Shapes); I++)
    {
        StackSend(Lab.Stack, &Shapes[I], 300, FALSE, 1, &ToApp, NULL, &Random, NULL);
        ProgramReceive(&Program);
    }
    LabCheck(ProgramSend(&Program, 20, 500, FALSE, 2, &ToStack), "closed");
    LabCheck(ProgramSend(&Program, 2, 9000, FALSE, 2, &ToStack), "closed");
    LabUntil(StackRead(Lab.Stack).Received == 22);
    LabPause(&Lab);
    LabRestart(&Lab);
    LabBalance(&Lab, &Program);
    LabEqual(ProgramReceive(&Monitor), Program.Received + Program.Sent);
    ProgramClose(&Monitor);
    LabEqual(ProgramEnd(&Program), STATUS_SUCCESS);
    ProgramClose(&Program);
    LabUnplug(&Lab, FALSE);
    LabUnload(&Lab);
    SimCheckEmpty("Faults, one failure");
}

static VOID Note(VOID)
{
    ULONG I = 0;
    PCSTR Call;
    const VOID *Place;
    if (!SimFaultFired(&Call, &Place))
        return;
    while (I < SiteCount && Sites[I].Place != Place)
        I++;
    if (I == SiteCount && SiteCount < SITES)
    {
        Sites[SiteCount].Place = Place;
        Sites[SiteCount++].Call = Call;
    }
    Sites[I].Count++;
}

VOID Faults(VOID)
{
    PCSTR Path = getenv("SIM_SITES");
    ULONG64 Random = LabSeed(), Number = 1, Failed = 0;
    for (;; Failed++)
    {
        SimFaultArm(Number);
        Live();
        if (!Fired())
            break;
        Note();
#if __has_feature(thread_sanitizer)
        /* All of them are the address sanitizer's part; of the many alike this takes some. */
        Number += Number > 20 ? LabRandom(&Random) % 30 : 0;
#else
        (void)Random;
#endif
        Number++;
    }
    printf("faults: %u call sites, %llu failures one at a time\n", SiteCount, Failed);
    FILE *File = Path ? fopen(Path, "w") : NULL;
    for (ULONG I = 0; I < SiteCount; I++)
    {
        CHAR Where[256];
        SimDescribe(Sites[I].Place, Where, sizeof(Where));
        if (File)
        {
            fprintf(File, "0x%lx %s %u %s\n", (ULONG_PTR)Sites[I].Place - (ULONG_PTR)LabCodeBegin(), Sites[I].Call,
                    Sites[I].Count, Where);
        }
    }
    if (File)
        fclose(File);
}
