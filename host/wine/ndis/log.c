/* SPDX-License-Identifier: MIT */
/*
 * The host's log, and how a broken rule is made known: a line "RULE <name>: ..." in the log, which tests look for. The
 * file is named by the Linux environment variable HOST_NDIS_LOG; without it there is no log. One write a line, appended
 * by Linux whole, so any thread at any IRQL may log without a lock.
 */
#include "host/linux/syscall.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define LINE_LIMIT        512
#define ENVIRONMENT_LIMIT 65536

static int LogFile = -1;

/*
 * A variable of the Linux environment that this process was started with. Wine builds the Windows environment of a
 * service from the registry, so that is where a person's own variables do not arrive.
 */
BOOLEAN LogSetting(PCSTR Name, PSTR Value, ULONG Size)
{
    static CHAR Environment[ENVIRONMENT_LIMIT];
    static long long Length = -1;
    long long I = 0;
    if (Length < 0)
    {
        int File = LinuxOpen("/proc/self/environ", LINUX_O_RDONLY | LINUX_O_CLOEXEC, 0);
        long long Read, Total = 0;
        while (File >= 0 && (Read = LinuxRead(File, Environment + Total, (ULONG)(ENVIRONMENT_LIMIT - 1 - Total))) > 0)
            Total += Read;
        if (File >= 0)
            LinuxClose(File);
        Length = Total;
    }
    while (I < Length)
    {
        PCSTR Variable = Environment + I;
        ULONG N = 0;
        while (Name[N] && Variable[N] == Name[N])
            N++;
        if (!Name[N] && Variable[N] == '=')
        {
            ULONG Used = 0;
            for (N++; Variable[N] && Used + 1 < Size; N++)
                Value[Used++] = Variable[N];
            Value[Used] = 0;
            return TRUE;
        }
        while (I < Length && Environment[I])
            I++;
        I++;
    }
    return FALSE;
}

VOID LogOpen(VOID)
{
    CHAR Path[256];
    if (LogFile < 0 && LogSetting("HOST_NDIS_LOG", Path, sizeof(Path)))
        LogFile = LinuxOpen(Path, LINUX_O_WRONLY | LINUX_O_CREAT | LINUX_O_APPEND | LINUX_O_CLOEXEC, 0644);
}

static VOID LogLine(_In_z_ PCSTR Format, va_list Arguments)
{
    if (LogFile < 0)
        return;
    CHAR Line[LINE_LIMIT];
    int Length = _vsnprintf(Line, sizeof(Line), Format, Arguments);
    if (Length < 0 || Length > (int)sizeof(Line))
    {
        Length = sizeof(Line);
        Line[Length - 1] = '\n';
    }
    LinuxWrite(LogFile, Line, (ULONG)Length);
}

/* DbgPrint: into the host's log, as the kernel debugger would show it. Any IRQL. */
ULONG DbgPrint(PCSTR Format, ...)
{
    va_list Arguments;
    va_start(Arguments, Format);
    LogLine(Format, Arguments);
    va_end(Arguments);
    return STATUS_SUCCESS;
}

/* How often a rule was broken at a place, for an OID that was asked there, this time included. When there is no room for it: 1. */
static LONG CountBroken(_In_z_ PCSTR Rule, _In_opt_ PVOID Place)
{
    static struct
    {
        volatile LONG64 Key; /* 0: free */
        volatile LONG Count;
    } Broken[256];
    const PLATFORM_CALL *In = CallOfThread();
    ULONG64 Key = ((ULONG64)Rule * 31 + (ULONG64)Place) * 31 + (In ? In->Code : 0) + 1;
    for (ULONG I = 0; I < RTL_NUMBER_OF(Broken); I++)
    {
        ULONG At = (ULONG)((Key + I) % RTL_NUMBER_OF(Broken));
        LONG64 Old = InterlockedCompareExchange64(&Broken[At].Key, (LONG64)Key, 0);
        if (!Old || Old == (LONG64)Key)
            return InterlockedIncrement(&Broken[At].Count);
    }
    return 1;
}

/* The first three of each place are told, then the tenth, the hundredth, ... */
VOID PlatformRuleBroken(PCSTR Rule, PCSTR Call, PVOID Place, PCSTR Text)
{
    LONG Count = CountBroken(Rule, Place), Rest = Count;
    while (Rest >= 10 && Rest % 10 == 0)
        Rest /= 10;
    if (Count > 3 && Rest != 1)
        return;
    CHAR Times[32] = "";
    if (Count > 3)
        _snprintf(Times, sizeof(Times), " (%d times so far)", (int)Count);
    ULONG_PTR Offset;
    PCSTR Image = ImageOf(Place, &Offset);
    DbgPrint("RULE %s: %s at %s+0x%llx: %s%s\n", Rule, Call, Image, (unsigned long long)Offset, Text, Times);
}

ULONG PlatformSetting(PCSTR Name, ULONG Default)
{
    ULONG Value = 0, I = 0, Base = 10;
    CHAR Text[32];
    if (!LogSetting(Name, Text, sizeof(Text)) || !Text[0])
        return Default;
    if (Text[0] == '0' && (Text[1] | 32) == 'x')
    {
        Base = 16;
        I = 2;
    }
    for (; Text[I]; I++)
    {
        ULONG Digit = Text[I] >= '0' && Text[I] <= '9' ? (ULONG)(Text[I] - '0') : (ULONG)((Text[I] | 32) - 'a' + 10);
        if (Digit >= Base)
            return Default;
        Value = Value * Base + Digit;
    }
    return Value;
}

VOID PlatformDriverRegistered(DRIVER_OBJECT *DriverObject)
{
    ImagePatch(DriverObject->DriverStart, NULL); /* done by the loader's notice already, unless that came too late */
}

VOID PlatformDriverReady(DRIVER_OBJECT *DriverObject)
{
    PoolMarkEarly(DriverObject->DriverStart);
    FilesInterpose(DriverObject);
}

VOID PlatformAdaptersGone(DRIVER_OBJECT *DriverObject)
{
    MapReportLeaks(DriverObject->DriverStart, "Halt_ViewsUnmapped", "Halt_PagesUnlocked");
    PoolReportLeaks(DriverObject->DriverStart, "Halt_PoolFreed", FALSE);
}

VOID PlatformDriverUnloading(DRIVER_OBJECT *DriverObject)
{
    FilesCloseAll(DriverObject);
}

VOID PlatformDriverUnloaded(DRIVER_OBJECT *DriverObject)
{
    MapReportLeaks(DriverObject->DriverStart, "Unload_ViewsUnmapped", "Unload_PagesUnlocked");
    ProcessReportLeaks(DriverObject->DriverStart, "Unload_ProcessRoutines");
    PoolReportLeaks(DriverObject->DriverStart, "Unload_PoolFreed", TRUE);
    DbgPrint("wine: driver unloaded\n");
}
