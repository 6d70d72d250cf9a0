/* SPDX-License-Identifier: MIT */
/*
 * A driver that faults ends this process, winedevice.exe, and with it the adapters of every driver in it. Before that one line
 * says which driver it was, where, and in which call into it. It goes into the host's log, and to standard error, which
 * host/wine/run keeps in the file `log` of a Windows that has a name. A thread of its own writes it: the one that faulted may
 * have no stack left. Wine calls the filter when nobody has handled an exception: "SetUnhandledExceptionFilter function".
 */
#include "host/linux/syscall.h"
#include "host/wine/ntoskrnl/kernel.h"

#define SKIP_THREAD_ATTACH 2 /* THREAD_CREATE_FLAGS_SKIP_THREAD_ATTACH */
#define WRITER_STACK       0x10000
#define WAIT_LIMIT         (-2 * 10000000ll) /* 2 s */
#define CONTINUE_SEARCH    0                 /* EXCEPTION_CONTINUE_SEARCH */
#define STACK_OVERFLOW     0xc00000fd        /* STATUS_STACK_OVERFLOW */
#define WINE_STUB          0x80000100        /* a function that Wine has by name only; its module's name, and its own */
#define RSP_OF_CONTEXT     0x98
#define STACK_SEARCHED     0x4000

typedef struct _FAULT_RECORD /* EXCEPTION_RECORD */
{
    ULONG Code, Flags;
    struct _FAULT_RECORD *Next;
    PVOID Address;
    ULONG Count;
    ULONG_PTR Information[15];
} FAULT_RECORD;

typedef struct _FAULT_POINTERS /* EXCEPTION_POINTERS */
{
    const FAULT_RECORD *Record;
    PUCHAR Context;
} FAULT_POINTERS;

typedef LONG FAULT_FILTER(FAULT_POINTERS *Pointers);

/* Written by the first thread that faults before it sets Asked; read by the writer after. */
static struct
{
    const FAULT_RECORD *Record;
    ULONG_PTR *Stack, *StackEnd;
    const PLATFORM_CALL *Call;
} Fault;
static volatile LONG Faulted;
static HANDLE Asked, Written;

__declspec(dllimport) NTSTATUS NtTerminateProcess(HANDLE Process, NTSTATUS Status);
__declspec(dllimport) PVOID RtlAddVectoredExceptionHandler(ULONG First, FAULT_FILTER *Handler);
__declspec(dllimport) NTSTATUS NtCreateThreadEx(HANDLE *Thread, ACCESS_MASK Access, OBJECT_ATTRIBUTES *Attributes,
                                                HANDLE Process, PVOID Start, PVOID Parameter, ULONG Flags,
                                                ULONG_PTR ZeroBits, SIZE_T Commit, SIZE_T Reserve, PVOID List);

/* What happened: "EXCEPTION_RECORD structure (winnt.h)". */
static VOID Describe(_In_ const FAULT_RECORD *Record, _Out_writes_(Size) PSTR Text, _In_ SIZE_T Size)
{
    PCSTR Access = Record->Information[0] == 0 ? "reading" : Record->Information[0] == 1 ? "writing" : "executing";
    if (Record->Code == (ULONG)STATUS_ACCESS_VIOLATION)
        _snprintf(Text, Size, "%s 0x%llx", Access, (unsigned long long)Record->Information[1]);
    else if (Record->Code == STACK_OVERFLOW)
        _snprintf(Text, Size, "its stack is full");
    else if (Record->Code == WINE_STUB && Record->Information[1] >> 16) /* else a number */
        _snprintf(Text, Size, "%.60s does nothing in this Wine", (PCSTR)Record->Information[1]);
    else
        _snprintf(Text, Size, "exception 0x%08x", (unsigned)Record->Code);
}

static VOID Write(VOID)
{
    ULONG_PTR Place = (ULONG_PTR)Fault.Record->Address;
    BOOLEAN Inside = ImageBaseOf((PVOID)Place) != NULL;
    /* Not in a driver: then what a driver called, or where it should not have jumped to. */
    for (ULONG_PTR *At = Fault.Stack; !Inside && At < Fault.StackEnd && At < Fault.Stack + STACK_SEARCHED / sizeof(*At);
         At++)
    {
        if (ImageBaseOf((PVOID)*At))
        {
            Place = *At;
            break;
        }
    }
    CHAR What[96];
    Describe(Fault.Record, What, sizeof(What));
    CHAR In[96] = "in a thread of its own";
    if (Fault.Call && Fault.Call->Code)
        _snprintf(In, sizeof(In), "in %s of 0x%08x", Fault.Call->Name, (unsigned)Fault.Call->Code);
    else if (Fault.Call)
        _snprintf(In, sizeof(In), "in %s", Fault.Call->Name);
    ULONG_PTR Offset;
    PCSTR Image = ImageOf((PVOID)Place, &Offset);
    CHAR Line[400];
    int Length = _snprintf(Line, sizeof(Line),
                           "wine: FAULT: %s+0x%llx%s: %s; %s. This driver process ends, and every adapter in it\n",
                           Image, (unsigned long long)Offset, Inside ? "" : ", in what it called", What, In);
    DbgPrint("%s", Line);
    LinuxWrite(2, Line, (ULONG)Length);
}

static VOID Writer(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    NtWaitForSingleObject(Asked, FALSE, NULL);
    Write();
    NtSetEvent(Written, NULL);
}

/* Threads that fault meanwhile wait as well: the first to go takes the process along. */
static LONG Filter(FAULT_POINTERS *Pointers)
{
    LARGE_INTEGER Limit = {.QuadPart = WAIT_LIMIT};
    if (!InterlockedExchange(&Faulted, TRUE))
    {
        ULONG_PTR *StackEnd; /* NT_TIB.StackBase */
        __asm__("movq %%gs:0x8, %0" : "=r"(StackEnd));
        Fault.Record = Pointers->Record;
        Fault.Stack = *(ULONG_PTR **)(Pointers->Context + RSP_OF_CONTEXT);
        Fault.StackEnd = StackEnd;
        Fault.Call = CallOfThread();
        NtSetEvent(Asked, NULL);
    }
    NtWaitForSingleObject(Written, FALSE, &Limit);
    return CONTINUE_SEARCH;
}

/*
 * What is left of a full stack does not hold Wine's search for a handler: it ends the thread, without a word, and what waits for
 * it waits for ever. In Windows that is the end of the system ("Bug Check 0x7F: UNEXPECTED_KERNEL_MODE_TRAP", double fault).
 */
static LONG OnException(FAULT_POINTERS *Pointers)
{
    if (Pointers->Record->Code != STACK_OVERFLOW)
        return CONTINUE_SEARCH;
    Filter(Pointers);
    return (LONG)NtTerminateProcess(NtCurrentProcess(), (NTSTATUS)STACK_OVERFLOW);
}

VOID FaultWatch(PVOID SetFilter)
{
    HANDLE Thread;
    if (!SetFilter || !RtlAddVectoredExceptionHandler(TRUE, OnException) ||
        !NT_SUCCESS(NtCreateEvent(&Asked, EVENT_ALL_ACCESS, NULL, SynchronizationEvent, FALSE)) ||
        !NT_SUCCESS(NtCreateEvent(&Written, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE)) ||
        !NT_SUCCESS(NtCreateThreadEx(&Thread, THREAD_ALL_ACCESS, NULL, NtCurrentProcess(), (PVOID)Writer, NULL,
                                     SKIP_THREAD_ATTACH, 0, WRITER_STACK, WRITER_STACK, NULL)))
    {
        DbgPrint("wine: a driver's fault will not be told here\n");
        return;
    }
    NtClose(Thread);
    ((PVOID(*)(FAULT_FILTER *))SetFilter)(Filter);
}
