/* SPDX-License-Identifier: MIT */
/* What the parts of kernel.sys share: the adapter, and its kinds of tests. */
#ifndef TESTS_E2E_KERNEL_H
#define TESTS_E2E_KERNEL_H

#include <ndis.h>

#define TEST_TAG 'tseT'
#define TEST_MTU 1500 /* bytes */

typedef struct _ADAPTER
{
    NDIS_HANDLE Handle, Driver;
    WCHAR Wrong[16]; /* what to do wrong; empty: nothing */
    NDIS_HANDLE Pool;
    KSPIN_LOCK Lock;
    NET_BUFFER_LIST *Held; /* data.c: a send that is completed late */
    volatile LONG Received, Returned;
    volatile LONG Asked; /* whether it hangs; the first time it says so, and is reset */
    volatile LONG Reset; /* 1: its settings are to come again; 2: they have */
} ADAPTER;

BOOLEAN Wrong(_In_ const ADAPTER *Adapter, _In_z_ PCSTR What);
ULONG Fault(_In_ const ADAPTER *Adapter, _In_z_ PCSTR How, _In_ ULONG Depth); /* 0: that is not what it does wrong */

/* A test gives 0, or the line at which it failed. It leaves at once: a broken kernel is not tidied up after. */
typedef ULONG TEST(ADAPTER *Adapter);
typedef struct _TEST_CASE
{
    PCSTR Name;
    TEST *Run;
} TEST_CASE;
#define EXPECT(Condition)                                                                                              \
    if (!(Condition))                                                                                                  \
    return __LINE__

/* ndis.c: how many tests failed. PASSIVE_LEVEL. */
ULONG TestNdis(_Inout_ ADAPTER *Adapter);
ULONG TestRun(_Inout_ ADAPTER *Adapter, _In_reads_(Count) const TEST_CASE *Tests, _In_ ULONG Count);
NTSTATUS TestThread(_In_ PKSTART_ROUTINE Routine, _In_opt_ PVOID Context, _Out_ PVOID *Thread);
VOID TestJoin(_In_ PVOID Thread);

/* tests.c: tries the kernel, or misuses it. PASSIVE_LEVEL. */
VOID TestKernel(_Inout_ ADAPTER *Adapter);
/* Completes a handler that pends from a thread of its own: one of the three is given. */
VOID TestPended(_In_ ADAPTER *Adapter, _In_opt_ VOID (*Restart)(NDIS_HANDLE, NDIS_STATUS),
                _In_opt_ VOID (*Pause)(NDIS_HANDLE), _In_opt_ VOID (*Reset)(NDIS_HANDLE, NDIS_STATUS, BOOLEAN));

/* data.c: what is sent goes back to the stack, in lists of the driver's own. */
BOOLEAN TestData(_Inout_ ADAPTER *Adapter);
VOID TestDataEnd(_Inout_ ADAPTER *Adapter);
MINIPORT_SEND_NET_BUFFER_LISTS TestSend;
MINIPORT_RETURN_NET_BUFFER_LISTS TestReturn;

#endif
