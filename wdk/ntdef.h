/*
 * The ground that ntddk.h and ndis.h stand on: annotations, base types, status codes, strings, lists and atomics of
 * the NT kernel, 64-bit only. Our own declarations under the documented names, for PE (amd64, arm64) and for Linux,
 * where LONG stays 32 bits and WCHAR 16 (-fshort-wchar) and host/nt supplies the functions. Nothing here has state;
 * the list operations take no lock, as documented.
 */
#ifndef NTDEF_H
#define NTDEF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Annotations (SAL): documentation for the reader, nothing to this compiler.
 * Page: "Understanding SAL", "SAL 2.0 annotations for Windows drivers". */

#define _In_
#define _In_opt_
#define _In_z_
#define _In_range_(Low, High)
#define _In_reads_(Count)
#define _In_reads_opt_(Count)
#define _In_reads_bytes_(Size)
#define _In_reads_bytes_opt_(Size)
#define _Inout_
#define _Inout_opt_
#define _Inout_updates_(Count)
#define _Inout_updates_bytes_(Size)
#define _Inout_updates_bytes_opt_(Size)
#define _Out_
#define _Out_opt_
#define _Out_writes_(Count)
#define _Out_writes_opt_(Count)
#define _Out_writes_bytes_(Size)
#define _Out_writes_bytes_opt_(Size)
#define _Out_writes_bytes_to_(Size, Count)
#define _Out_writes_bytes_to_opt_(Size, Count)
#define _Out_writes_to_(Size, Count)
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#define _Outptr_result_bytebuffer_(Size)
#define _COM_Outptr_
#define _Ret_maybenull_
#define _Ret_notnull_
#define _Reserved_
#define _Check_return_
#define _Must_inspect_result_
#define _Success_(Condition)
#define _Return_type_success_(Condition)
#define _Post_invalid_
#define _Post_satisfies_(Condition)
#define _Post_writable_byte_size_(Size)
#define _Pre_satisfies_(Condition)
#define _When_(Condition, Annotations)
#define _At_(Target, Annotations)
#define _On_failure_(Annotations)
#define _Always_(Annotations)
#define _Field_size_(Count)
#define _Field_size_bytes_(Size)
#define _Field_size_opt_(Count)
#define _Field_z_
#define _Null_terminated_
#define _Printf_format_string_
#define _Interlocked_operand_
#define _Notnull_
#define _Maybenull_
#define _Const_
#define _Use_decl_annotations_
#define _Function_class_(Class)
#define _Analysis_assume_(Condition)
#define _Guarded_by_(Lock)
#define _Kernel_clear_do_init_(YesNo)
#define _Dispatch_type_(Major)
#define __drv_aliasesMem
#define __drv_freesMem(Kind)
#define __drv_allocatesMem(Kind)

/* IRQL and locks: DISPATCH_LEVEL and its like, lock objects. Page: "IRQL annotations for drivers". */
#define _IRQL_requires_(Irql)
#define _IRQL_requires_max_(Irql)
#define _IRQL_requires_min_(Irql)
#define _IRQL_requires_same_
#define _IRQL_raises_(Irql)
#define _IRQL_saves_
#define _IRQL_restores_
#define _IRQL_saves_global_(Kind, Parameter)
#define _IRQL_restores_global_(Kind, Parameter)
#define _Acquires_lock_(Lock)
#define _Acquires_exclusive_lock_(Lock)
#define _Acquires_shared_lock_(Lock)
#define _Releases_lock_(Lock)
#define _Releases_exclusive_lock_(Lock)
#define _Releases_shared_lock_(Lock)
#define _Requires_lock_held_(Lock)
#define _Requires_exclusive_lock_held_(Lock)
#define _Requires_shared_lock_held_(Lock)
#define _Requires_lock_not_held_(Lock)
#define _Requires_no_locks_held_
#define _Has_lock_level_(Level)

/* ---- Compiler: 64-bit targets have one calling convention, so its names are empty. */

#define NTAPI
#define FASTCALL
#define CDECL
#define CALLBACK
#define FORCEINLINE                 static __inline__ __attribute__((always_inline, unused))
#define DECLSPEC_NORETURN           __attribute__((noreturn))
#define DECLSPEC_ALIGN(Bytes)       __attribute__((aligned(Bytes)))
#define DECLSPEC_CACHEALIGN         DECLSPEC_ALIGN(64)
#define POINTER_ALIGNMENT           DECLSPEC_ALIGN(8)
#define MEMORY_ALLOCATION_ALIGNMENT 16
#define SYSTEM_CACHE_ALIGNMENT_SIZE 64
#define UNALIGNED
#define IN
#define OUT
#define OPTIONAL
#define CONST                             const
#define UNREFERENCED_PARAMETER(Parameter) ((void)(Parameter))
#define NOTHING
#define C_ASSERT(Condition) _Static_assert(Condition, #Condition)

/* A module that is itself a part of the kernel (host/) may set these two before including, e.g. to dllexport. */
#ifdef _WIN32
#ifndef NTKERNELAPI
#define NTKERNELAPI __declspec(dllimport)
#endif
#ifndef NTHALAPI
#define NTHALAPI __declspec(dllimport)
#endif
#else
#ifndef NTKERNELAPI
#define NTKERNELAPI
#endif
#ifndef NTHALAPI
#define NTHALAPI
#endif
#endif
#define NTSYSAPI     NTKERNELAPI
#define NTSYSCALLAPI NTKERNELAPI

/* ---- Base types. Page: "Windows Data Types", "The New Data Types" (64-bit). */

#define VOID void
typedef char CHAR, *PCHAR, CCHAR;
typedef const char *PCSTR;
typedef char *PSTR;
typedef unsigned char UCHAR, *PUCHAR;
typedef unsigned char BYTE, *PBYTE;
typedef short SHORT, *PSHORT, CSHORT;
typedef unsigned short USHORT, *PUSHORT;
typedef unsigned short WORD;
typedef int INT, *PINT, BOOL;
typedef unsigned int UINT, *PUINT;
#ifdef _WIN32
typedef long LONG, *PLONG;
typedef unsigned long ULONG, *PULONG, DWORD;
#else
typedef int LONG, *PLONG;
typedef unsigned int ULONG, *PULONG, DWORD;
#endif
typedef int INT32, *PINT32, LONG32;
typedef unsigned int UINT32, *PUINT32, ULONG32;
typedef signed char INT8;
typedef unsigned char UINT8, *PUINT8;
typedef short INT16;
typedef unsigned short UINT16, *PUINT16;
typedef long long LONGLONG, *PLONGLONG, LONG64, *PLONG64, INT64, *PINT64;
typedef unsigned long long ULONGLONG, *PULONGLONG, ULONG64, *PULONG64, UINT64, *PUINT64, DWORD64;
typedef intptr_t LONG_PTR, *PLONG_PTR, INT_PTR, SSIZE_T;
typedef uintptr_t ULONG_PTR, *PULONG_PTR, UINT_PTR, DWORD_PTR, KAFFINITY, *PKAFFINITY;
typedef size_t SIZE_T, *PSIZE_T;
typedef unsigned short WCHAR, *PWCHAR, *PWCH, *PWSTR, *NTSTRSAFE_PWSTR;
typedef const unsigned short *PCWSTR, *PCWCH;
typedef UCHAR BOOLEAN, *PBOOLEAN;
typedef void *PVOID, *HANDLE, **PHANDLE;
typedef const void *PCVOID;
typedef ULONG LOGICAL, ACCESS_MASK, *PACCESS_MASK, LCID, DEVICE_TYPE, SECURITY_INFORMATION;
typedef UCHAR KIRQL, *PKIRQL;
typedef CCHAR KPROCESSOR_MODE;
typedef LONG KPRIORITY;
typedef LONG NTSTATUS, *PNTSTATUS;
typedef PVOID PSECURITY_DESCRIPTOR, PSID, PACCESS_TOKEN;

#define FALSE        0
#define TRUE         1
#define MAXUCHAR     0xff
#define MAXUSHORT    0xffff
#define MAXULONG     0xffffffffU
#define MAXLONG      0x7fffffff
#define MAXULONGLONG (~(ULONGLONG)0)
#define MAXULONG64   MAXULONGLONG
#define MAXLONGLONG  0x7fffffffffffffffLL
#define UNICODE_NULL ((WCHAR)0)
#define ANSI_NULL    ((CHAR)0)

/* LARGE_INTEGER: 64 bits, also as two halves. Page: "LARGE_INTEGER union". */
typedef union _LARGE_INTEGER
{
    struct
    {
        ULONG LowPart;
        LONG HighPart;
    };
    struct
    {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER, PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;

typedef union _ULARGE_INTEGER
{
    struct
    {
        ULONG LowPart;
        ULONG HighPart;
    };
    struct
    {
        ULONG LowPart;
        ULONG HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _LUID
{
    ULONG LowPart;
    LONG HighPart;
} LUID, *PLUID;

typedef struct _GUID
{
    ULONG Data1;
    USHORT Data2;
    USHORT Data3;
    UCHAR Data4[8];
} GUID, *PGUID, *LPGUID;
typedef const GUID *LPCGUID;

/* Page: "Defining and Exporting New GUIDs". As there: the one source that has INITGUID defined before including makes
 * the object, all others refer to it. */
#ifdef INITGUID
#define DEFINE_GUID(Name, L, W1, W2, B1, B2, B3, B4, B5, B6, B7, B8)                                                   \
    const GUID Name __attribute__((weak)) = {L, W1, W2, {B1, B2, B3, B4, B5, B6, B7, B8}}
#else
#define DEFINE_GUID(Name, L, W1, W2, B1, B2, B3, B4, B5, B6, B7, B8) extern const GUID Name
#endif

#define IsEqualGUID(A, B) (__builtin_memcmp((A), (B), sizeof(GUID)) == 0)

/* ---- Arithmetic on types. Page: "CONTAINING_RECORD macro", "FIELD_OFFSET". */

#define FIELD_OFFSET(Type, Field)               ((LONG)offsetof(Type, Field))
#define UFIELD_OFFSET(Type, Field)              ((ULONG)offsetof(Type, Field))
#define RTL_FIELD_SIZE(Type, Field)             (sizeof(((Type *)0)->Field))
#define RTL_SIZEOF_THROUGH_FIELD(Type, Field)   (offsetof(Type, Field) + RTL_FIELD_SIZE(Type, Field))
#define RTL_NUMBER_OF(Array)                    (sizeof(Array) / sizeof((Array)[0]))
#define ARRAYSIZE(Array)                        RTL_NUMBER_OF(Array)
#define CONTAINING_RECORD(Address, Type, Field) ((Type *)((PCHAR)(Address) - offsetof(Type, Field)))
#define Add2Ptr(Pointer, Bytes)                 ((PVOID)((PUCHAR)(Pointer) + (Bytes)))
#ifndef min
#define min(A, B) (((A) < (B)) ? (A) : (B))
#define max(A, B) (((A) > (B)) ? (A) : (B))
#endif

#define PAGE_SHIFT           12
#define PAGE_SIZE            0x1000
#define PAGE_ALIGN(Address)  ((PVOID)((ULONG_PTR)(Address) & ~((ULONG_PTR)PAGE_SIZE - 1)))
#define BYTE_OFFSET(Address) ((ULONG)((ULONG_PTR)(Address) & (PAGE_SIZE - 1)))
#define BYTES_TO_PAGES(Size) (((Size) >> PAGE_SHIFT) + (((Size) & (PAGE_SIZE - 1)) != 0))
#define ROUND_TO_PAGES(Size) (((ULONG_PTR)(Size) + PAGE_SIZE - 1) & ~((ULONG_PTR)PAGE_SIZE - 1))
#define ADDRESS_AND_SIZE_TO_SPAN_PAGES(Address, Size)                                                                  \
    ((ULONG)((BYTE_OFFSET(Address) + (SIZE_T)(Size) + (PAGE_SIZE - 1)) >> PAGE_SHIFT))
#define ALIGN_UP_BY(Value, Alignment)   (((ULONG_PTR)(Value) + (Alignment) - 1) & ~((ULONG_PTR)(Alignment) - 1))
#define ALIGN_DOWN_BY(Value, Alignment) ((ULONG_PTR)(Value) & ~((ULONG_PTR)(Alignment) - 1))

/* ---- Status codes. Page: "NTSTATUS Values" ([MS-ERREF] 2.3). */

#define NT_SUCCESS(Status)     (((NTSTATUS)(Status)) >= 0)
#define NT_INFORMATION(Status) ((((ULONG)(Status)) >> 30) == 1)
#define NT_WARNING(Status)     ((((ULONG)(Status)) >> 30) == 2)
#define NT_ERROR(Status)       ((((ULONG)(Status)) >> 30) == 3)

#define STATUS_SUCCESS                  ((NTSTATUS)0x00000000)
#define STATUS_WAIT_0                   ((NTSTATUS)0x00000000)
#define STATUS_WAIT_1                   ((NTSTATUS)0x00000001)
#define STATUS_ABANDONED_WAIT_0         ((NTSTATUS)0x00000080)
#define STATUS_USER_APC                 ((NTSTATUS)0x000000C0)
#define STATUS_ALERTED                  ((NTSTATUS)0x00000101)
#define STATUS_TIMEOUT                  ((NTSTATUS)0x00000102)
#define STATUS_PENDING                  ((NTSTATUS)0x00000103)
#define STATUS_SOME_NOT_MAPPED          ((NTSTATUS)0x00000107)
#define STATUS_MORE_ENTRIES             ((NTSTATUS)0x00000105)
#define STATUS_OBJECT_NAME_EXISTS       ((NTSTATUS)0x40000000)
#define STATUS_GUARD_PAGE_VIOLATION     ((NTSTATUS)0x80000001)
#define STATUS_DATATYPE_MISALIGNMENT    ((NTSTATUS)0x80000002)
#define STATUS_BUFFER_OVERFLOW          ((NTSTATUS)0x80000005)
#define STATUS_NO_MORE_FILES            ((NTSTATUS)0x80000006)
#define STATUS_DEVICE_BUSY              ((NTSTATUS)0x80000011)
#define STATUS_NO_MORE_ENTRIES          ((NTSTATUS)0x8000001A)
#define STATUS_UNSUCCESSFUL             ((NTSTATUS)0xC0000001)
#define STATUS_NOT_IMPLEMENTED          ((NTSTATUS)0xC0000002)
#define STATUS_INVALID_INFO_CLASS       ((NTSTATUS)0xC0000003)
#define STATUS_INFO_LENGTH_MISMATCH     ((NTSTATUS)0xC0000004)
#define STATUS_ACCESS_VIOLATION         ((NTSTATUS)0xC0000005)
#define STATUS_IN_PAGE_ERROR            ((NTSTATUS)0xC0000006)
#define STATUS_INVALID_HANDLE           ((NTSTATUS)0xC0000008)
#define STATUS_INVALID_CID              ((NTSTATUS)0xC000000B)
#define STATUS_INVALID_PARAMETER        ((NTSTATUS)0xC000000D)
#define STATUS_NO_SUCH_DEVICE           ((NTSTATUS)0xC000000E)
#define STATUS_NO_SUCH_FILE             ((NTSTATUS)0xC000000F)
#define STATUS_INVALID_DEVICE_REQUEST   ((NTSTATUS)0xC0000010)
#define STATUS_END_OF_FILE              ((NTSTATUS)0xC0000011)
#define STATUS_MORE_PROCESSING_REQUIRED ((NTSTATUS)0xC0000016)
#define STATUS_NO_MEMORY                ((NTSTATUS)0xC0000017)
#define STATUS_CONFLICTING_ADDRESSES    ((NTSTATUS)0xC0000018)
#define STATUS_NOT_MAPPED_VIEW          ((NTSTATUS)0xC0000019)
#define STATUS_ILLEGAL_INSTRUCTION      ((NTSTATUS)0xC000001D)
#define STATUS_ACCESS_DENIED            ((NTSTATUS)0xC0000022)
#define STATUS_BUFFER_TOO_SMALL         ((NTSTATUS)0xC0000023)
#define STATUS_OBJECT_TYPE_MISMATCH     ((NTSTATUS)0xC0000024)
#define STATUS_OBJECT_NAME_INVALID      ((NTSTATUS)0xC0000033)
#define STATUS_OBJECT_NAME_NOT_FOUND    ((NTSTATUS)0xC0000034)
#define STATUS_OBJECT_NAME_COLLISION    ((NTSTATUS)0xC0000035)
#define STATUS_OBJECT_PATH_INVALID      ((NTSTATUS)0xC0000039)
#define STATUS_OBJECT_PATH_NOT_FOUND    ((NTSTATUS)0xC000003A)
#define STATUS_DATA_ERROR               ((NTSTATUS)0xC000003E)
#define STATUS_SHARING_VIOLATION        ((NTSTATUS)0xC0000043)
#define STATUS_QUOTA_EXCEEDED           ((NTSTATUS)0xC0000044)
#define STATUS_DELETE_PENDING           ((NTSTATUS)0xC0000056)
#define STATUS_REVISION_MISMATCH        ((NTSTATUS)0xC0000059)
#define STATUS_INVALID_OWNER            ((NTSTATUS)0xC000005A)
#define STATUS_PRIVILEGE_NOT_HELD       ((NTSTATUS)0xC0000061)
#define STATUS_INVALID_ACL              ((NTSTATUS)0xC0000077)
#define STATUS_INVALID_SID              ((NTSTATUS)0xC0000078)
#define STATUS_INVALID_SECURITY_DESCR   ((NTSTATUS)0xC0000079)
#define STATUS_PROCEDURE_NOT_FOUND      ((NTSTATUS)0xC000007A)
#define STATUS_INTEGER_OVERFLOW         ((NTSTATUS)0xC0000095)
#define STATUS_INSUFFICIENT_RESOURCES   ((NTSTATUS)0xC000009A)
#define STATUS_DEVICE_NOT_CONNECTED     ((NTSTATUS)0xC000009D)
#define STATUS_INSTANCE_NOT_AVAILABLE   ((NTSTATUS)0xC00000AB)
#define STATUS_DEVICE_NOT_READY         ((NTSTATUS)0xC00000A3)
#define STATUS_IO_TIMEOUT               ((NTSTATUS)0xC00000B5)
#define STATUS_NOT_SUPPORTED            ((NTSTATUS)0xC00000BB)
#define STATUS_TOO_MANY_SESSIONS        ((NTSTATUS)0xC00000CE)
#define STATUS_INTERNAL_ERROR           ((NTSTATUS)0xC00000E5)
#define STATUS_INVALID_USER_BUFFER      ((NTSTATUS)0xC00000E8)
#define STATUS_INVALID_PARAMETER_1      ((NTSTATUS)0xC00000EF)
#define STATUS_INVALID_PARAMETER_2      ((NTSTATUS)0xC00000F0)
#define STATUS_CANCELLED                ((NTSTATUS)0xC0000120)
#define STATUS_FILE_CLOSED              ((NTSTATUS)0xC0000128)
#define STATUS_LOCAL_USER_SESSION_KEY   ((NTSTATUS)0x40000006)
#define STATUS_INVALID_DEVICE_STATE     ((NTSTATUS)0xC0000184)
#define STATUS_INVALID_BUFFER_SIZE      ((NTSTATUS)0xC0000206)
#define STATUS_NOT_FOUND                ((NTSTATUS)0xC0000225)
#define STATUS_RETRY                    ((NTSTATUS)0xC000022D)
#define STATUS_NETWORK_UNREACHABLE      ((NTSTATUS)0xC000023C)
#define STATUS_DEVICE_REMOVED           ((NTSTATUS)0xC00002B6)
#define STATUS_SYSTEM_SHUTDOWN          ((NTSTATUS)0xC00002EB)
#define STATUS_TOO_LATE                 ((NTSTATUS)0xC0000189)
#define STATUS_ALREADY_INITIALIZED      ((NTSTATUS)0xC0000510)
#define STATUS_ALREADY_COMPLETE         ((NTSTATUS)0x000000FF)
#define STATUS_RESOURCE_IN_USE          ((NTSTATUS)0xC0000708)

/* ---- Counted strings. Page: "UNICODE_STRING structure", "RTL_CONSTANT_STRING macro". Lengths in bytes. */

typedef struct _UNICODE_STRING
{
    USHORT Length;
    USHORT MaximumLength;
    PWCH Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

typedef struct _STRING
{
    USHORT Length;
    USHORT MaximumLength;
    PCHAR Buffer;
} STRING, *PSTRING, ANSI_STRING, *PANSI_STRING;

#define RTL_CONSTANT_STRING(Literal) {sizeof(Literal) - sizeof((Literal)[0]), sizeof(Literal), (void *)(Literal)}
#define DECLARE_CONST_UNICODE_STRING(Name, Literal)                                                                    \
    static const WCHAR Name##Text[] = Literal;                                                                         \
    static const UNICODE_STRING Name = {sizeof(Name##Text) - sizeof(WCHAR), sizeof(Name##Text), (PWCH)Name##Text}

/* ---- Memory. Page: "RtlCopyMemory" and its like; the compiler supplies the C functions' prototypes. */

#define RtlCopyMemory(Destination, Source, Length) __builtin_memcpy((Destination), (Source), (Length))
#define RtlMoveMemory(Destination, Source, Length) __builtin_memmove((Destination), (Source), (Length))
#define RtlZeroMemory(Destination, Length)         __builtin_memset((Destination), 0, (Length))
#define RtlFillMemory(Destination, Length, Fill)   __builtin_memset((Destination), (Fill), (Length))
#define RtlEqualMemory(A, B, Length)               (__builtin_memcmp((A), (B), (Length)) == 0)

/* Page: "RtlUshortByteSwap". Here network byte order meets a little-endian processor. */
#define RtlUshortByteSwap(Value)    __builtin_bswap16((USHORT)(Value))
#define RtlUlongByteSwap(Value)     __builtin_bswap32((ULONG)(Value))
#define RtlUlonglongByteSwap(Value) __builtin_bswap64((ULONGLONG)(Value))

/* ---- Doubly linked lists. Page: "Singly and Doubly Linked Lists". Any IRQL; the caller holds the list's lock. */

typedef struct _LIST_ENTRY
{
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY
{
    struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

/* Page: "SLIST_HEADER": opaque, 16 bytes, aligned to 16. Here only because NDIS's headers overlay one. */
typedef union DECLSPEC_ALIGN(16) _SLIST_HEADER
{
    struct
    {
        ULONGLONG Alignment;
        ULONGLONG Region;
    };
} SLIST_HEADER, *PSLIST_HEADER;

FORCEINLINE VOID InitializeListHead(_Out_ PLIST_ENTRY Head)
{
    Head->Flink = Head->Blink = Head;
}

FORCEINLINE BOOLEAN IsListEmpty(_In_ const LIST_ENTRY *Head)
{
    return Head->Flink == Head;
}

/* Returns TRUE if the list is empty afterwards. */
FORCEINLINE BOOLEAN RemoveEntryList(_In_ PLIST_ENTRY Entry)
{
    PLIST_ENTRY Next = Entry->Flink, Previous = Entry->Blink;
    Previous->Flink = Next;
    Next->Blink = Previous;
    return Next == Previous;
}

FORCEINLINE VOID InsertHeadList(_Inout_ PLIST_ENTRY Head, _Out_ PLIST_ENTRY Entry)
{
    PLIST_ENTRY Next = Head->Flink;
    Entry->Flink = Next;
    Entry->Blink = Head;
    Next->Blink = Entry;
    Head->Flink = Entry;
}

FORCEINLINE VOID InsertTailList(_Inout_ PLIST_ENTRY Head, _Out_ PLIST_ENTRY Entry)
{
    PLIST_ENTRY Previous = Head->Blink;
    Entry->Flink = Head;
    Entry->Blink = Previous;
    Previous->Flink = Entry;
    Head->Blink = Entry;
}

FORCEINLINE PLIST_ENTRY RemoveHeadList(_Inout_ PLIST_ENTRY Head)
{
    PLIST_ENTRY Entry = Head->Flink;
    RemoveEntryList(Entry);
    return Entry;
}

FORCEINLINE PLIST_ENTRY RemoveTailList(_Inout_ PLIST_ENTRY Head)
{
    PLIST_ENTRY Entry = Head->Blink;
    RemoveEntryList(Entry);
    return Entry;
}

/* ---- Atomics, all full barriers as documented. Page: "InterlockedIncrement" and its like. Any IRQL. */

FORCEINLINE LONG InterlockedIncrement(_Inout_ LONG volatile *Addend)
{
    return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedDecrement(_Inout_ LONG volatile *Addend)
{
    return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

/* Returns the value from before the addition. */
FORCEINLINE LONG InterlockedExchangeAdd(_Inout_ LONG volatile *Addend, _In_ LONG Value)
{
    return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);
}

/* Returns the value from after the addition. */
FORCEINLINE LONG InterlockedAdd(_Inout_ LONG volatile *Addend, _In_ LONG Value)
{
    return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedExchange(_Inout_ LONG volatile *Target, _In_ LONG Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

/* Stores Exchange if the target equals Comparand; returns what was there. */
FORCEINLINE LONG InterlockedCompareExchange(_Inout_ LONG volatile *Target, _In_ LONG Exchange, _In_ LONG Comparand)
{
    __atomic_compare_exchange_n(Target, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

FORCEINLINE LONG InterlockedOr(_Inout_ LONG volatile *Target, _In_ LONG Mask)
{
    return __atomic_fetch_or(Target, Mask, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG InterlockedAnd(_Inout_ LONG volatile *Target, _In_ LONG Mask)
{
    return __atomic_fetch_and(Target, Mask, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedIncrement64(_Inout_ LONG64 volatile *Addend)
{
    return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedDecrement64(_Inout_ LONG64 volatile *Addend)
{
    return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedExchangeAdd64(_Inout_ LONG64 volatile *Addend, _In_ LONG64 Value)
{
    return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedAdd64(_Inout_ LONG64 volatile *Addend, _In_ LONG64 Value)
{
    return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedExchange64(_Inout_ LONG64 volatile *Target, _In_ LONG64 Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE LONG64 InterlockedCompareExchange64(_Inout_ LONG64 volatile *Target, _In_ LONG64 Exchange,
                                                _In_ LONG64 Comparand)
{
    __atomic_compare_exchange_n(Target, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

FORCEINLINE PVOID InterlockedExchangePointer(_Inout_ PVOID volatile *Target, _In_opt_ PVOID Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE PVOID InterlockedCompareExchangePointer(_Inout_ PVOID volatile *Target, _In_opt_ PVOID Exchange,
                                                    _In_opt_ PVOID Comparand)
{
    __atomic_compare_exchange_n(Target, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return Comparand;
}

/* Page: "ReadNoFence", "ReadAcquire", "WriteRelease" and their like. */
#define ReadNoFence(Source)                ((LONG)__atomic_load_n((Source), __ATOMIC_RELAXED))
#define ReadAcquire(Source)                ((LONG)__atomic_load_n((Source), __ATOMIC_ACQUIRE))
#define ReadNoFence64(Source)              ((LONG64)__atomic_load_n((Source), __ATOMIC_RELAXED))
#define ReadAcquire64(Source)              ((LONG64)__atomic_load_n((Source), __ATOMIC_ACQUIRE))
#define ReadPointerNoFence(Source)         ((PVOID)__atomic_load_n((Source), __ATOMIC_RELAXED))
#define ReadPointerAcquire(Source)         ((PVOID)__atomic_load_n((Source), __ATOMIC_ACQUIRE))
#define ReadULongNoFence(Source)           ((ULONG)__atomic_load_n((Source), __ATOMIC_RELAXED))
#define ReadULongAcquire(Source)           ((ULONG)__atomic_load_n((Source), __ATOMIC_ACQUIRE))
#define WriteNoFence(Target, Value)        __atomic_store_n((Target), (Value), __ATOMIC_RELAXED)
#define WriteRelease(Target, Value)        __atomic_store_n((Target), (Value), __ATOMIC_RELEASE)
#define WriteNoFence64(Target, Value)      __atomic_store_n((Target), (Value), __ATOMIC_RELAXED)
#define WriteRelease64(Target, Value)      __atomic_store_n((Target), (Value), __ATOMIC_RELEASE)
#define WriteULongNoFence(Target, Value)   __atomic_store_n((Target), (Value), __ATOMIC_RELAXED)
#define WriteULongRelease(Target, Value)   __atomic_store_n((Target), (Value), __ATOMIC_RELEASE)
#define WritePointerNoFence(Target, Value) __atomic_store_n((Target), (PVOID)(Value), __ATOMIC_RELAXED)
#define WritePointerRelease(Target, Value) __atomic_store_n((Target), (PVOID)(Value), __ATOMIC_RELEASE)

#define KeMemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define MemoryBarrier()   __atomic_thread_fence(__ATOMIC_SEQ_CST)
#if defined(__x86_64__)
#define YieldProcessor() __builtin_ia32_pause()
#else
#define YieldProcessor() __asm__ volatile("yield" ::: "memory")
#endif

/* ---- Structured exceptions. Page: "Structured Exception Handling (C/C++)". */

#define EXCEPTION_EXECUTE_HANDLER    1
#define EXCEPTION_CONTINUE_SEARCH    0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

#ifdef _WIN32
#define GetExceptionCode() ((NTSTATUS)_exception_code())
#else
/*
 * On Linux __try/__except stand on setjmp. host/nt keeps the frames of each thread; to raise, it takes the innermost
 * frame off, sets its Code and jumps there with 1. A signal handler that raises must leave its signal unblocked
 * (SA_NODEFER), since setjmp saves no mask. No __finally, no __leave; `break` and `continue` may not leave the block,
 * `return` and `goto` may.
 */
#include <setjmp.h>
typedef struct _HOST_TRY
{
    struct _HOST_TRY *Outer;
    NTSTATUS Code;
    jmp_buf Jump;
} HOST_TRY;
HOST_TRY *HostTryEnter(HOST_TRY *Frame);         /* makes it the thread's innermost frame; returns it */
void HostTryLeave(HOST_TRY *Frame);              /* takes it off if it is the innermost; else nothing */
DECLSPEC_NORETURN void HostRaise(NTSTATUS Code); /* as above; without a frame the program ends with a message */
#define __try                                                                                                          \
    for (HOST_TRY HostTry __attribute__((cleanup(HostTryLeave))), *volatile HostOnce = HostTryEnter(&HostTry);         \
         HostOnce; HostOnce = NULL)                                                                                    \
        if (!setjmp(HostTry.Jump))
#define __except(Filter)                                                                                               \
    else if ((Filter) != EXCEPTION_EXECUTE_HANDLER) HostRaise(HostTry.Code);                                           \
    else
#define GetExceptionCode() (HostTry.Code)
#endif

#endif
