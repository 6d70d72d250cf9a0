/* SPDX-License-Identifier: MIT */
/*
 * lacking.sys: a miniport that imports what nobody has (lacking.def), and a function that Wine has by name only. It must not
 * be started at all: none of its code may run, and others go on.
 */
#include "tests/miniport.h"

DRIVER_INITIALIZE DriverEntry;
NTKERNELAPI VOID KeAskTheOracle(VOID);
NTKERNELAPI NTSTATUS IoConnectInterrupt(VOID);
NDISAPI VOID NdisMMissing(VOID);

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNREFERENCED_PARAMETER(DriverObject);
    UNREFERENCED_PARAMETER(RegistryPath);
    DbgPrint("lacking: it runs\n");
    IoConnectInterrupt();
    NdisMMissing();
    KeAskTheOracle();
    return STATUS_SUCCESS;
}
