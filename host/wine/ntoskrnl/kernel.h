/* SPDX-License-Identifier: MIT */
/*
 * What the kernel half of host/wine shares: ndis.sys, which Wine's winedevice.exe loads with any miniport, and in which
 * host/ndis, host/linux and the pieces of the NT kernel that Wine lacks are linked. A function here under a kernel
 * name (KeSetEvent, ...) is that function for the miniport and for host/ndis alike; image.c puts it into the
 * miniport's import table. Wine's own functions of the same names are in WineKernel.
 */
#ifndef HOST_WINE_KERNEL_H
#define HOST_WINE_KERNEL_H

#include "host/ndis/platform.h"

#define KERNEL_TAG 'nreK'

/* ---- Wine's ntdll: system services that ntoskrnl's import list for drivers has not. */

typedef struct _HOST_MEMORY_INFORMATION /* MEMORY_BASIC_INFORMATION */
{
    PVOID BaseAddress, AllocationBase;
    ULONG AllocationProtect, Padding;
    SIZE_T RegionSize;
    ULONG State, Protect, Type, Padding2;
} HOST_MEMORY_INFORMATION;

#define MEM_COMMIT_STATE 0x1000

__declspec(dllimport) NTSTATUS NtClose(HANDLE Handle);
__declspec(dllimport) NTSTATUS NtCreateEvent(HANDLE *Handle, ACCESS_MASK Access, OBJECT_ATTRIBUTES *Attributes,
                                             ULONG Type, BOOLEAN State);
__declspec(dllimport) NTSTATUS NtSetEvent(HANDLE Handle, LONG *Previous);
__declspec(dllimport) NTSTATUS NtResetEvent(HANDLE Handle, LONG *Previous);
__declspec(dllimport) NTSTATUS NtQueryEvent(HANDLE Handle, ULONG Class, PVOID Data, ULONG Length, ULONG *Done);
__declspec(dllimport) NTSTATUS NtWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, LARGE_INTEGER *Timeout);
__declspec(dllimport) NTSTATUS NtWaitForMultipleObjects(ULONG Count, const HANDLE *Handles, ULONG Type,
                                                        BOOLEAN Alertable, LARGE_INTEGER *Timeout);
__declspec(dllimport) NTSTATUS NtOpenProcess(HANDLE *Handle, ACCESS_MASK Access, OBJECT_ATTRIBUTES *Attributes,
                                             CLIENT_ID *Id);
__declspec(dllimport) NTSTATUS NtDuplicateObject(HANDLE SourceProcess, HANDLE Source, HANDLE TargetProcess,
                                                 HANDLE *Target, ACCESS_MASK Access, ULONG Attributes, ULONG Options);
__declspec(dllimport) NTSTATUS NtQueryObject(HANDLE Handle, ULONG Class, PVOID Data, ULONG Length, ULONG *Done);
__declspec(dllimport) NTSTATUS NtMapViewOfSection(HANDLE Section, HANDLE Process, PVOID *Base, ULONG_PTR ZeroBits,
                                                  SIZE_T Commit, LARGE_INTEGER *Offset, SIZE_T *Size, ULONG Inherit,
                                                  ULONG Type, ULONG Protect);
__declspec(dllimport) NTSTATUS NtUnmapViewOfSection(HANDLE Process, PVOID Base);
__declspec(dllimport) NTSTATUS NtQueryVirtualMemory(HANDLE Process, const void *Address, ULONG Class, PVOID Data,
                                                    SIZE_T Length, SIZE_T *Done);
__declspec(dllimport) NTSTATUS NtProtectVirtualMemory(HANDLE Process, PVOID *Base, SIZE_T *Size, ULONG Protect,
                                                      ULONG *Old);
__declspec(dllimport) NTSTATUS NtOpenSymbolicLinkObject(HANDLE *Handle, ULONG Access,
                                                        const OBJECT_ATTRIBUTES *Attributes);
__declspec(dllimport) NTSTATUS NtQuerySymbolicLinkObject(HANDLE Handle, UNICODE_STRING *Target, ULONG *Length);
__declspec(dllimport) NTSTATUS NtOpenEvent(HANDLE *Handle, ULONG Access, const OBJECT_ATTRIBUTES *Attributes);
__declspec(dllimport) NTSTATUS NtQueryKey(HANDLE Key, ULONG Class, PVOID Data, ULONG Length, ULONG *Done);
__declspec(dllimport) NTSTATUS NtQuerySystemTime(LARGE_INTEGER *Time);
__declspec(dllimport) NTSTATUS NtSetSecurityObject(HANDLE Handle, SECURITY_INFORMATION Information,
                                                   PSECURITY_DESCRIPTOR Descriptor);
__declspec(dllimport) DECLSPEC_NORETURN void RtlRaiseStatus(NTSTATUS Status);
__declspec(dllimport) NTSTATUS LdrAddRefDll(ULONG Flags, PVOID Module);
__declspec(dllimport) NTSTATUS LdrGetDllHandle(PVOID Path, ULONG Flags, const UNICODE_STRING *Name, PVOID *Module);
__declspec(dllimport) NTSTATUS LdrGetProcedureAddress(PVOID Module, PVOID Name, ULONG Ordinal, PVOID *Address);
__declspec(dllimport) NTSTATUS LdrRegisterDllNotification(ULONG Flags, PVOID Routine, PVOID Context, PVOID *Cookie);
__declspec(dllimport) int _snprintf(char *Buffer, size_t Size, const char *Format, ...);
__declspec(dllimport) int _vsnprintf(char *Buffer, size_t Size, const char *Format, va_list Arguments);

/* ---- Wine's own kernel functions where ours of the same name stand before them. entry.c fills it. */

typedef struct _WINE_KERNEL
{
    NTSTATUS (*ObReferenceObjectByHandle)(HANDLE, ACCESS_MASK, POBJECT_TYPE, KPROCESSOR_MODE, PVOID *, PVOID);
    LONG_PTR (*ObfReferenceObject)(PVOID);
    LONG_PTR (*ObfDereferenceObject)(PVOID);
    NTSTATUS (*ObOpenObjectByPointer)(PVOID, ULONG, PVOID, ACCESS_MASK, POBJECT_TYPE, KPROCESSOR_MODE, HANDLE *);
    NTSTATUS (*KeWaitForSingleObject)(PVOID, KWAIT_REASON, KPROCESSOR_MODE, BOOLEAN, LARGE_INTEGER *);
    VOID (*IoDeleteDevice)(DEVICE_OBJECT *);
    NTSTATUS (*IoCreateSymbolicLink)(UNICODE_STRING *, UNICODE_STRING *);
    PEPROCESS (*IoGetCurrentProcess)(VOID);
    HANDLE (*PsGetCurrentProcessId)(VOID);
    HANDLE (*PsGetCurrentThreadId)(VOID);
    PVOID (*MmGetSystemRoutineAddress)(UNICODE_STRING *);
    VOID (*ExFreePoolWithTag)(PVOID, ULONG);
    POBJECT_TYPE *EventType, *FileType, *ProcessType, *ThreadType;
} WINE_KERNEL;

extern WINE_KERNEL WineKernel;

/* ---- log.c */
VOID LogOpen(VOID);
BOOLEAN LogSetting(_In_z_ PCSTR Name, _Out_writes_(Size) PSTR Value, _In_ ULONG Size);

/* ---- image.c: drivers' images and their import tables. */
VOID ImagePatch(_In_ PVOID Base, _In_opt_ const UNICODE_STRING *FileName);
/* Gives the image and the offset in it, or "?" and the address. */
PCSTR ImageOf(_In_opt_ PVOID Address, _Out_ ULONG_PTR *Offset);
/* What stands here for a function of the kernel's, or NULL. */
PVOID ImageFindReplacement(_In_z_ PCSTR Name);
/* The base of a miniport's image that holds Address, or NULL. */
PVOID ImageBaseOf(_In_opt_ PVOID Address);
VOID ImageForget(_In_ PVOID Base);

/* ---- fault.c: a driver's fault, which ends this process, is told first. Once, PASSIVE_LEVEL. SetFilter: of that name. */
VOID FaultWatch(_In_opt_ PVOID SetFilter);

/* ---- ex.c */
VOID PoolMarkEarly(_In_ PVOID ImageBase);
VOID PoolReportLeaks(_In_ PVOID ImageBase, _In_z_ PCSTR Rule, _In_ BOOLEAN All);

/* ---- ke.c. IRQL and held spin locks of the calling thread live in a part of its TEB that Windows leaves to
 * subsystems and Wine does not use. */
const PLATFORM_CALL *CallOfThread(VOID); /* the innermost call into a driver, NULL in none */
VOID EventForget(_In_ PVOID Address, _In_ SIZE_T Size);
HANDLE EventHandle(_In_ PVOID Object);

/* ---- ob.c: objects of ours behind handles. */
typedef enum _OBJECT_KIND
{
    ObjectNone,
    ObjectEvent, /* of a program */
    ObjectSection
} OBJECT_KIND;

extern POBJECT_TYPE HostSectionType; /* MmSectionObjectType */
OBJECT_KIND ObjectKind(_In_ PVOID Object);
HANDLE ObjectHandle(_In_ PVOID Object); /* ours, in this process */
/* Opens the process in whose context the thread is. *Process is NULL when that is this one. */
NTSTATUS ObjectOpenCaller(_Out_ HANDLE *Process);

/* ---- mm.c */
/* A process has been dead for a while: its pages must be unlocked by now. */
VOID MapReportDead(_In_ HANDLE ProcessId);
VOID MapReportLeaks(_In_ PVOID ImageBase, _In_z_ PCSTR ViewRule, _In_z_ PCSTR LockRule);

/* ---- ps.c */
/* Begins or ends to watch processes' deaths, for their routines and their locked pages. PASSIVE_LEVEL. */
NTSTATUS ProcessWatch(_In_ BOOLEAN Watch);
/* A file is about to be closed that the process opened: perhaps because it died. */
VOID ProcessClosesFiles(_In_ HANDLE Id);
VOID ProcessReportLeaks(_In_ PVOID ImageBase, _In_z_ PCSTR Rule);

/* ---- dpc.c: a timer that is set, or a DPC that is queued, lies in this memory; it is no more afterwards. */
BOOLEAN DpcIsIn(_In_ PVOID Address, _In_ SIZE_T Size);

/* ---- usermem.c: a program's pages, locked. PASSIVE_LEVEL. Frames: Count page frame numbers. */
/* STATUS_ACCESS_VIOLATION: they are not all there, or not writable; _INSUFFICIENT_RESOURCES, _IO_TIMEOUT. */
NTSTATUS UserPagesLock(_In_ HANDLE Process, _In_ HANDLE ProcessId, _In_ PVOID Start, _In_ SIZE_T Count,
                       _In_ BOOLEAN Write, _Out_writes_(Count) PFN_NUMBER *Frames);
VOID UserPagesUnlock(_In_reads_(Count) const PFN_NUMBER *Frames, _In_ SIZE_T Count);
/* A mapping in this process of frames that are locked. NULL: there is no room. */
PVOID UserPagesMap(_In_reads_(Count) const PFN_NUMBER *Frames, _In_ SIZE_T Count);
VOID UserPagesUnmap(_In_ PVOID Base, _In_ SIZE_T Count);

/* ---- files.c */
VOID FilesInterpose(_In_ DRIVER_OBJECT *DriverObject);
VOID FilesCloseAll(_In_ DRIVER_OBJECT *DriverObject);
BOOLEAN FilesKeepDevice(_In_ DEVICE_OBJECT *DeviceObject);
/* Is this memory Wine's copy of a buffer of the request that the calling thread has been given? */
BOOLEAN FilesIsCopy(_In_ const VOID *Address, _In_ SIZE_T Size);
/* Has a program opened it on a miniport's device? FilesAny: has anybody anything? */
BOOLEAN FilesKnow(_In_ const VOID *FileObject);
BOOLEAN FilesAny(VOID);

#endif
