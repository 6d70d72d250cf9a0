/* SPDX-License-Identifier: MIT */
/*
 * ndis.sys under Wine. Wine's loader brings it into winedevice.exe with the first driver that imports it (DllMain),
 * and its NDIS boot service starts the same file as a driver (DriverEntry): one entry point serves both. From then on
 * every driver image that imports ndis.sys has its imports completed before its DriverEntry runs. PASSIVE_LEVEL.
 */
#include "host/wine/ntoskrnl/kernel.h"

WINE_KERNEL WineKernel;

#define DLL_PROCESS_ATTACH 1
#define LARGEST_REASON     16 /* the second argument of a DriverEntry is a pointer, and so is larger */

typedef struct _LOADER_NOTICE
{
    ULONG Flags;
    const UNICODE_STRING *FullName, *BaseName;
    PVOID Base;
    ULONG Size;
} LOADER_NOTICE;

int Entry(PVOID First, PVOID Second, PVOID Third);

static PVOID FindFunction(_In_ PVOID Module, _In_z_ PCSTR Name)
{
    struct
    {
        USHORT Length, MaximumLength;
        PCSTR Buffer;
    } String = {0, 0, Name};
    PVOID Address = NULL;
    while (Name[String.Length])
        String.Length++;
    String.MaximumLength = (USHORT)(String.Length + 1);
    LdrGetProcedureAddress(Module, &String, 0, &Address);
    return Address;
}

static PVOID FindModule(_In_z_ PWSTR Name)
{
    UNICODE_STRING String = {0, 0, Name};
    while (Name[String.Length / sizeof(WCHAR)])
        String.Length += sizeof(WCHAR);
    String.MaximumLength = (USHORT)(String.Length + sizeof(WCHAR));
    PVOID Module;
    return NT_SUCCESS(LdrGetDllHandle(NULL, 0, &String, &Module)) ? Module : NULL;
}

static VOID FindWineKernel(VOID)
{
    PVOID Kernel = FindModule(L"ntoskrnl.exe");
    if (!Kernel)
        return;
    WineKernel = (WINE_KERNEL){
        .ObReferenceObjectByHandle = FindFunction(Kernel, "ObReferenceObjectByHandle"),
        .ObfReferenceObject = FindFunction(Kernel, "ObfReferenceObject"),
        .ObfDereferenceObject = FindFunction(Kernel, "ObfDereferenceObject"),
        .ObOpenObjectByPointer = FindFunction(Kernel, "ObOpenObjectByPointer"),
        .KeWaitForSingleObject = FindFunction(Kernel, "KeWaitForSingleObject"),
        .IoDeleteDevice = FindFunction(Kernel, "IoDeleteDevice"),
        .IoCreateSymbolicLink = FindFunction(Kernel, "IoCreateSymbolicLink"),
        .IoGetCurrentProcess = FindFunction(Kernel, "IoGetCurrentProcess"),
        .PsGetCurrentThreadId = FindFunction(Kernel, "PsGetCurrentThreadId"),
        .PsGetCurrentProcessId = FindFunction(Kernel, "PsGetCurrentProcessId"),
        .MmGetSystemRoutineAddress = FindFunction(Kernel, "MmGetSystemRoutineAddress"),
        .ExFreePoolWithTag = FindFunction(Kernel, "ExFreePoolWithTag"),
        .EventType = FindFunction(Kernel, "ExEventObjectType"),
        .FileType = FindFunction(Kernel, "IoFileObjectType"),
        .ProcessType = FindFunction(Kernel, "PsProcessType"),
        .ThreadType = FindFunction(Kernel, "PsThreadType"),
    };
}

/* A module has been mapped and its imports resolved; none of its code has run. */
static VOID OnModule(_In_ ULONG Reason, _In_ const LOADER_NOTICE *Notice, _In_opt_ PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
    if (Reason == 1)
        ImagePatch(Notice->Base, Notice->BaseName);
    else
        ImageForget(Notice->Base);
}

int Entry(PVOID First, PVOID Second, PVOID Third)
{
    static PVOID Cookie;
    UNREFERENCED_PARAMETER(Third);
    if ((ULONG_PTR)Second >= LARGEST_REASON)
        return STATUS_SUCCESS; /* DriverEntry of the boot service: NDIS itself has no device */
    if ((ULONG_PTR)Second == DLL_PROCESS_ATTACH)
    {
        LdrAddRefDll(1, First); /* LDR_ADDREF_DLL_PIN: NDIS stays when the driver that brought it is unloaded */
        FindWineKernel();
        LogOpen();
        FaultWatch(FindFunction(FindModule(L"kernelbase.dll"), "SetUnhandledExceptionFilter"));
        LdrRegisterDllNotification(0, OnModule, NULL, &Cookie);
    }
    return TRUE;
}
