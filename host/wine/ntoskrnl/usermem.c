/* SPDX-License-Identifier: MIT */
/*
 * A program's own memory, locked for a driver. In Windows a driver maps the very pages that a program allocated. Here the
 * driver lives in winedevice.exe, another process, and private pages of one Linux process cannot be shown to another.
 * So when pages are locked they are exchanged: their contents move to a memory file, which then lies at the same address
 * in the program (mmap with MAP_FIXED puts it there in one step, and Wine, which goes by addresses, does not notice)
 * and is mapped here too. A thread started in the program does that, with a few bytes of code that are put there.
 * What another thread of the program writes to the pages while they move may be lost; nothing else shows. The program
 * keeps the exchanged pages when they are unlocked.
 *
 * A page frame number of such pages is the number of the page at which this process has them for as long as they are
 * locked. PASSIVE_LEVEL; one lock, held while pages move, guards the list of regions.
 */
#include "host/linux/syscall.h"
#include "host/ndis/platform.h"
#include "host/wine/ntoskrnl/kernel.h"

#define SKIP_THREAD_ATTACH 2 /* THREAD_CREATE_FLAGS_SKIP_THREAD_ATTACH: no DLL of the program's is told */
#define STACK_SIZE         0x10000
#define ALLOCATE           0x3000 /* MEM_COMMIT | MEM_RESERVE */
#define RELEASE            0x8000
#define EXECUTE_READWRITE  0x40
#define PAGE_WRITABLE      0xcc /* PAGE_READWRITE, PAGE_WRITECOPY and the same with execute */
#define PAGE_EXECUTABLE    0xf0
#define PAGE_UNREADABLE    0x101 /* PAGE_NOACCESS, PAGE_GUARD */
#define WAIT_LIMIT_SECONDS 10

/* Pages of a process that have been exchanged, and that some driver has locked. */
typedef struct _REGION
{
    LIST_ENTRY Link;
    HANDLE Process; /* open for as long as the region is there, so that nobody else gets the number */
    HANDLE ProcessId;
    PUCHAR User;   /* there */
    PUCHAR Kernel; /* here */
    SIZE_T Size;   /* bytes, whole pages */
    LONG References;
} REGION;

/* What the code that runs in the program finds there. */
typedef struct _ORDER
{
    ULONG64 Address, Size;
    ULONG Protection;
    CHAR Path[64]; /* of the memory file, by way of this process' /proc/PID/fd */
} ORDER;

__declspec(dllimport) NTSTATUS NtAllocateVirtualMemory(HANDLE Process, PVOID *Base, ULONG_PTR ZeroBits, SIZE_T *Size,
                                                       ULONG Type, ULONG Protect);
__declspec(dllimport) NTSTATUS NtFreeVirtualMemory(HANDLE Process, PVOID *Base, SIZE_T *Size, ULONG Type);
__declspec(dllimport) NTSTATUS NtWriteVirtualMemory(HANDLE Process, PVOID Address, const void *Data, SIZE_T Size,
                                                    SIZE_T *Done);
__declspec(dllimport) NTSTATUS NtCreateThreadEx(HANDLE *Thread, ACCESS_MASK Access, OBJECT_ATTRIBUTES *Attributes,
                                                HANDLE Process, PVOID Start, PVOID Parameter, ULONG Flags,
                                                ULONG_PTR ZeroBits, SIZE_T Commit, SIZE_T Reserve, PVOID List);
__declspec(dllimport) NTSTATUS NtTerminateThread(HANDLE Thread, NTSTATUS Status);
__declspec(dllimport) NTSTATUS NtQueryInformationThread(HANDLE Thread, ULONG Class, PVOID Data, ULONG Length,
                                                        ULONG *Done);

static LIST_ENTRY Regions = {&Regions, &Regions};
static volatile LONG RegionsBusy;

/* Waiting is rare and may take milliseconds: no spin lock. */
static VOID Lock(VOID)
{
    while (InterlockedExchange(&RegionsBusy, 1))
        LinuxCall3(LINUX_SCHED_YIELD, 0, 0, 0);
}

static VOID Unlock(VOID)
{
    InterlockedExchange(&RegionsBusy, 0);
}

/*
 * Runs in the program: all of the section .remote is copied there. It calls nothing and refers to
 * nothing outside itself. Gives 0 or Linux' error number, which is the thread's exit code.
 */
static ULONG Exchange(const ORDER *Order);
__attribute__((section(".remote$a"), noinline, no_stack_protector)) static ULONG Exchange(const ORDER *Order)
{
    int Fd = LinuxOpen(Order->Path, LINUX_O_RDWR | LINUX_O_CLOEXEC, 0);
    ULONG64 Done = 0;
    long long Result = 1;
    if (Fd < 0)
        return (ULONG)-Fd;
    while (Done < Order->Size && Result > 0)
    {
        Result = LinuxCall(LINUX_PWRITE64, Fd, (long long)(Order->Address + Done), (long long)(Order->Size - Done),
                           (long long)Done, 0, 0);
        Done += Result > 0 ? (ULONG64)Result : 0;
    }
    if (Result > 0)
    {
        Result = LinuxCall(LINUX_MMAP, (long long)Order->Address, (long long)Order->Size, Order->Protection,
                           LINUX_MAP_SHARED | LINUX_MAP_FIXED, Fd, 0);
    }
    LinuxClose(Fd);
    return Result < 0 && Result > -4096 ? (ULONG)-Result : 0;
}

/* Where the section ends: the linker sorts by what follows the dollar. */
static VOID ExchangeEnd(VOID);
__attribute__((section(".remote$b"), noinline)) static VOID ExchangeEnd(VOID)
{
}

static PCHAR Digits(_Out_ PCHAR To, _In_ ULONG Value)
{
    if (Value >= 10)
        To = Digits(To, Value / 10);
    *To = (CHAR)('0' + Value % 10);
    return To + 1;
}

static PCHAR Text(_Out_ PCHAR To, _In_z_ PCSTR From)
{
    while (*From)
        *To++ = *From++;
    return To;
}

/* Has a thread of the program's carry out the order. */
static NTSTATUS Carry(_In_ HANDLE Process, _In_ const ORDER *Order)
{
    LARGE_INTEGER Limit = {.QuadPart = -10000000ll * WAIT_LIMIT_SECONDS};
    struct
    {
        LONG ExitStatus;
        ULONG Padding;
        PVOID Rest[5];
    } Information = {.ExitStatus = -1};
    SIZE_T CodeSize = ((ULONG_PTR)ExchangeEnd - (ULONG_PTR)Exchange + 15) & ~15ull, Size = CodeSize + sizeof(*Order);
    PVOID Base = NULL;
    NTSTATUS Status = NtAllocateVirtualMemory(Process, &Base, 0, &Size, ALLOCATE, EXECUTE_READWRITE);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = NtWriteVirtualMemory(Process, Base, (const void *)Exchange, CodeSize, NULL);
    if (NT_SUCCESS(Status))
        Status = NtWriteVirtualMemory(Process, (PUCHAR)Base + CodeSize, Order, sizeof(*Order), NULL);
    HANDLE Thread;
    if (NT_SUCCESS(Status))
    {
        Status = NtCreateThreadEx(&Thread, THREAD_ALL_ACCESS, NULL, Process, Base, (PUCHAR)Base + CodeSize,
                                  SKIP_THREAD_ATTACH, 0, STACK_SIZE, STACK_SIZE, NULL);
    }
    if (!NT_SUCCESS(Status))
        goto release;
    Status = NtWaitForSingleObject(Thread, FALSE, &Limit);
    NtQueryInformationThread(Thread, 0 /* ThreadBasicInformation */, &Information, sizeof(Information), NULL);
    NtClose(Thread);
    if (Status == STATUS_TIMEOUT)
    {
        DbgPrint("wine: a program's pages cannot be locked: its loader is busy, or it is suspended\n");
        return STATUS_IO_TIMEOUT; /* the thread may still begin: its memory stays */
    }
    if (Information.ExitStatus)
    {
        DbgPrint("wine: a program's pages cannot be locked: Linux error %d\n", (int)Information.ExitStatus);
        Status = STATUS_ACCESS_VIOLATION;
    }

release:
    Size = 0;
    NtFreeVirtualMemory(Process, &Base, &Size, RELEASE);
    return Status;
}

/* What is asked of a process: to carry out an order, or what is at a page. */
typedef struct _TASK
{
    HANDLE Process;
    const ORDER *Order; /* NULL: a query */
    PUCHAR Page;
    HOST_MEMORY_INFORMATION Memory;
    NTSTATUS Status;
} TASK;

static VOID TaskThread(PVOID Context)
{
    TASK *Task = Context;
    SIZE_T Done;
    Task->Status = Task->Order ? Carry(Task->Process, Task->Order)
                               : NtQueryVirtualMemory(Task->Process, Task->Page, 0 /* MemoryBasicInformation */,
                                                      &Task->Memory, sizeof(Task->Memory), &Done);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/*
 * A thread of the program's answers for it, and if that is killed while it does so, Wine 8 lets the asker wait for ever.
 * So a thread of its own asks, and is ended when the program is.
 */
static NTSTATUS RunTask(_Inout_ TASK *Task)
{
    LARGE_INTEGER Grace = {.QuadPart = -1000000};
    HANDLE Handles[2] = {NULL, Task->Process};
    Task->Status = STATUS_ACCESS_VIOLATION;
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    NTSTATUS Status = PsCreateSystemThread(&Handles[0], THREAD_ALL_ACCESS, &Attributes, NULL, NULL, TaskThread, Task);
    if (!NT_SUCCESS(Status))
        return Status;
    if (NtWaitForMultipleObjects(2, Handles, WaitAny, FALSE, NULL) != STATUS_WAIT_0 &&
        NtWaitForSingleObject(Handles[0], FALSE, &Grace) != STATUS_SUCCESS)
    {
        DbgPrint("wine: a program was killed while its pages were being locked\n");
        NtTerminateThread(Handles[0], 0);
        NtWaitForSingleObject(Handles[0], FALSE, NULL);
    }
    NtClose(Handles[0]);
    return Task->Status;
}

/* With the lock held. The region that has the page, or NULL and in *Next where the next one begins. */
static REGION *FindRegion(_In_ HANDLE ProcessId, _In_ const UCHAR *Address, _Inout_ PUCHAR *Next)
{
    for (LIST_ENTRY *Entry = Regions.Flink; Entry != &Regions; Entry = Entry->Flink)
    {
        REGION *Region = CONTAINING_RECORD(Entry, REGION, Link);
        if (Region->ProcessId != ProcessId)
            continue;
        if (Address >= Region->User && Address < Region->User + Region->Size)
            return Region;
        if (Region->User > Address && Region->User < *Next)
            *Next = Region->User;
    }
    return NULL;
}

/* With the lock held: exchanges pages that all have the same protection. */
static NTSTATUS NewRegion(_In_ HANDLE Process, _In_ HANDLE ProcessId, _In_ PUCHAR User, _In_ SIZE_T Size,
                          _In_ ULONG Protect, _Outptr_ REGION **Result)
{
    REGION *Region = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Region), KERNEL_TAG);
    ORDER Order = {.Address = (ULONG64)User,
                   .Size = Size,
                   .Protection = LINUX_PROT_READ | (Protect & PAGE_WRITABLE ? LINUX_PROT_WRITE : 0) |
                                 (Protect & PAGE_EXECUTABLE ? LINUX_PROT_EXEC : 0)};
    NTSTATUS Status = STATUS_INSUFFICIENT_RESOURCES;
    PCHAR Path = Text(Order.Path, "/proc/");
    if (!Region)
        return STATUS_INSUFFICIENT_RESOURCES;
    *Region = (REGION){.ProcessId = ProcessId, .User = User, .Size = Size, .References = 0};
    int Fd = (int)LinuxCall3(LINUX_MEMFD_CREATE, "locked pages", LINUX_MFD_CLOEXEC, 0);
    if (Fd < 0)
        goto freeRegion;
    if (LinuxCall3(LINUX_FTRUNCATE, Fd, Size, 0) < 0)
        goto closeFile;
    long long Kernel =
        LinuxCall(LINUX_MMAP, 0, (long long)Size, LINUX_PROT_READ | LINUX_PROT_WRITE, LINUX_MAP_SHARED, Fd, 0);
    if (Kernel < 0 && Kernel > -4096)
        goto closeFile;
    Region->Kernel = (PUCHAR)Kernel;
    Path = Digits(Path, (ULONG)LinuxCall3(LINUX_GETPID, 0, 0, 0));
    Path = Text(Path, "/fd/");
    Digits(Path, (ULONG)Fd);
    Status = NtDuplicateObject(NtCurrentProcess(), Process, NtCurrentProcess(), &Region->Process, 0, 0,
                               DUPLICATE_SAME_ACCESS);
    if (!NT_SUCCESS(Status))
        goto unmap;
    Status = RunTask(&(TASK){.Process = Process, .Order = &Order});
    if (!NT_SUCCESS(Status))
        goto closeProcess;
    LinuxClose(Fd); /* both mappings keep the file */
    InsertTailList(&Regions, &Region->Link);
    *Result = Region;
    return STATUS_SUCCESS;

closeProcess:
    NtClose(Region->Process);
unmap:
    LinuxCall3(LINUX_MUNMAP, Region->Kernel, Size, 0);
closeFile:
    LinuxClose(Fd);
freeRegion:
    ExFreePoolWithTag(Region, KERNEL_TAG);
    return Status;
}

/* With the lock held. */
static VOID Dereference(_Inout_ REGION *Region)
{
    if (--Region->References == 0)
    {
        RemoveEntryList(&Region->Link);
        LinuxCall3(LINUX_MUNMAP, Region->Kernel, Region->Size, 0);
        NtClose(Region->Process);
        ExFreePoolWithTag(Region, KERNEL_TAG);
    }
}

/* With the lock held: the region that has a page frame. */
static REGION *RegionOfFrame(_In_ PFN_NUMBER Frame)
{
    for (LIST_ENTRY *Entry = Regions.Flink; Entry != &Regions; Entry = Entry->Flink)
    {
        REGION *Region = CONTAINING_RECORD(Entry, REGION, Link);
        if ((PUCHAR)(Frame << PAGE_SHIFT) - Region->Kernel < (LONG_PTR)Region->Size &&
            (PUCHAR)(Frame << PAGE_SHIFT) >= Region->Kernel)
        {
            return Region;
        }
    }
    return NULL;
}

/* With the lock held. */
static VOID UnlockFrames(_In_reads_(Count) const PFN_NUMBER *Frames, _In_ SIZE_T Count)
{
    for (SIZE_T I = 0; I < Count; I++)
        Dereference(RegionOfFrame(Frames[I]));
}

/* Pages of one protection, as NtQueryVirtualMemory tells of them. */
typedef struct _SPAN
{
    PUCHAR End;
    ULONG Protect;
} SPAN;

static NTSTATUS QuerySpan(_In_ HANDLE Process, _In_ PUCHAR Page, _In_ BOOLEAN Write, _Out_ SPAN *Span)
{
    TASK Task = {.Process = Process, .Page = Page};
    if (!NT_SUCCESS(RunTask(&Task)) || Task.Memory.State != MEM_COMMIT_STATE ||
        (Task.Memory.Protect & PAGE_UNREADABLE) || (Write && !(Task.Memory.Protect & PAGE_WRITABLE)))
    {
        return STATUS_ACCESS_VIOLATION;
    }
    *Span = (SPAN){.End = (PUCHAR)Task.Memory.BaseAddress + Task.Memory.RegionSize, .Protect = Task.Memory.Protect};
    return STATUS_SUCCESS;
}

NTSTATUS UserPagesLock(HANDLE Process, HANDLE ProcessId, PVOID Start, SIZE_T Count, BOOLEAN Write, PFN_NUMBER *Frames)
{
    PUCHAR Page = Start, End = Page + Count * PAGE_SIZE;
    SPAN Span = {.End = Page};
    NTSTATUS Status = STATUS_SUCCESS;
    SIZE_T I = 0;
    Lock();
    for (; Page < End; Page += PAGE_SIZE)
    {
        PUCHAR Limit = End;
        REGION *Region = FindRegion(ProcessId, Page, &Limit);
        if (Page >= Span.End)
            Status = QuerySpan(Process, Page, Write, &Span);
        if (NT_SUCCESS(Status) && !Region)
            Status = NewRegion(Process, ProcessId, Page, (SIZE_T)(min(Limit, Span.End) - Page), Span.Protect, &Region);
        if (!NT_SUCCESS(Status))
        {
            UnlockFrames(Frames, I);
            break;
        }
        Region->References++;
        Frames[I++] = ((ULONG_PTR)Region->Kernel + (ULONG_PTR)(Page - Region->User)) >> PAGE_SHIFT;
    }
    Unlock();
    return Status;
}

VOID UserPagesUnlock(const PFN_NUMBER *Frames, SIZE_T Count)
{
    Lock();
    UnlockFrames(Frames, Count);
    Unlock();
}

/* How many of the frames lie one behind the other in one region. */
static SIZE_T RunOf(_In_reads_(Count) const PFN_NUMBER *Frames, _In_ SIZE_T Count)
{
    SIZE_T Run = 1;
    Lock();
    const REGION *Region = RegionOfFrame(Frames[0]);
    SIZE_T Left = (SIZE_T)(Region->Kernel + Region->Size - (PUCHAR)(Frames[0] << PAGE_SHIFT)) >> PAGE_SHIFT;
    Unlock();
    while (Run < Count && Run < Left && Frames[Run] == Frames[0] + Run)
        Run++;
    return Run;
}

/* mremap of a shared mapping with an old size of 0 makes a second mapping of the same pages. */
PVOID UserPagesMap(const PFN_NUMBER *Frames, SIZE_T Count)
{
    long long Base = LinuxCall(LINUX_MMAP, 0, (long long)(Count * PAGE_SIZE), LINUX_PROT_NONE,
                               LINUX_MAP_PRIVATE | LINUX_MAP_ANONYMOUS, -1, 0);
    if (Base < 0 && Base > -4096)
        return NULL;
    for (SIZE_T I = 0, Run; I < Count; I += Run)
    {
        long long To = Base + (long long)(I * PAGE_SIZE);
        Run = RunOf(&Frames[I], Count - I);
        if (LinuxCall(LINUX_MREMAP, (long long)(Frames[I] << PAGE_SHIFT), 0, (long long)(Run * PAGE_SIZE),
                      LINUX_MREMAP_MAYMOVE | LINUX_MREMAP_FIXED, To, 0) != To)
        {
            UserPagesUnmap((PVOID)Base, Count);
            return NULL;
        }
    }
    return (PVOID)Base;
}

VOID UserPagesUnmap(PVOID Base, SIZE_T Count)
{
    LinuxCall3(LINUX_MUNMAP, Base, Count * PAGE_SIZE, 0);
}
