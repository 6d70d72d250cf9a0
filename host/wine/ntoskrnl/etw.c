/* SPDX-License-Identifier: MIT */
/*
 * Event tracing under Wine, which has nobody who could record: a provider registers, is never told that anyone listens, and
 * what it writes all the same is lost. No state; any thread.
 */
#include "host/wine/ntoskrnl/kernel.h"

NTSTATUS EtwRegister(LPCGUID ProviderId, PETWENABLECALLBACK EnableCallback, PVOID CallbackContext, PREGHANDLE RegHandle)
{
    UNREFERENCED_PARAMETER(ProviderId);
    UNREFERENCED_PARAMETER(EnableCallback);
    UNREFERENCED_PARAMETER(CallbackContext);
    *RegHandle = 1;
    return STATUS_SUCCESS;
}

NTSTATUS EtwUnregister(REGHANDLE RegHandle)
{
    return RegHandle ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

NTSTATUS EtwSetInformation(REGHANDLE RegHandle, EVENT_INFO_CLASS InformationClass, PVOID EventInformation,
                           ULONG InformationLength)
{
    UNREFERENCED_PARAMETER(InformationClass);
    UNREFERENCED_PARAMETER(EventInformation);
    UNREFERENCED_PARAMETER(InformationLength);
    return RegHandle ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

NTSTATUS EtwWriteTransfer(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor, LPCGUID ActivityId,
                          LPCGUID RelatedActivityId, ULONG UserDataCount, PEVENT_DATA_DESCRIPTOR UserData)
{
    UNREFERENCED_PARAMETER(EventDescriptor);
    UNREFERENCED_PARAMETER(ActivityId);
    UNREFERENCED_PARAMETER(RelatedActivityId);
    UNREFERENCED_PARAMETER(UserDataCount);
    UNREFERENCED_PARAMETER(UserData);
    return RegHandle ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}
