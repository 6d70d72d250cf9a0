/* SPDX-License-Identifier: MIT */
/*
 * Event tracing: providers register and write events, and a test records them as a trace session on Windows does, one
 * provider's at a time. Events are copied as they were written; who records takes them apart. Any thread; events at any
 * IRQL. EtwLock guards all of it, and is not held when a provider is told who records.
 */
#include "host/nt/nt.h"

#define PROVIDERS 8

typedef struct _PROVIDER
{
    REGHANDLE Handle; /* 0: free */
    GUID Id;
    PETWENABLECALLBACK Enable;
    PVOID Context;
    const VOID *Place;
    BOOLEAN Traits;
} PROVIDER;

static pthread_mutex_t EtwLock = PTHREAD_MUTEX_INITIALIZER;
static PROVIDER Providers[PROVIDERS];
static REGHANDLE Last;
static struct
{
    BOOLEAN On;
    GUID Id;
    UCHAR Level;
    ULONGLONG Keywords;
} Session;
static SIM_EVENT *First, **End = &First;
static ULONG64 Written;

static PROVIDER *Find(_In_ REGHANDLE Handle)
{
    for (ULONG I = 0; I < PROVIDERS; I++)
        if (Handle && Providers[I].Handle == Handle)
            return &Providers[I];
    return NULL;
}

static BOOLEAN Records(_In_ const GUID *Id)
{
    return Session.On && memcmp(&Session.Id, Id, sizeof(*Id)) == 0;
}

static VOID Tell(_In_ const PROVIDER *Provider, _In_ ULONG Code)
{
    static const GUID Nobody;

    if (Provider->Enable)
        Provider->Enable(&Nobody, Code, Session.Level, Session.Keywords, 0, NULL, Provider->Context);
}

NTSTATUS EtwRegister(LPCGUID ProviderId, PETWENABLECALLBACK EnableCallback, PVOID CallbackContext, PREGHANDLE RegHandle)
{
    PROVIDER New = {.Id = *ProviderId, .Enable = EnableCallback, .Context = CallbackContext, .Place = SIM_PLACE()};
    NtIrql(PASSIVE_LEVEL);
    *RegHandle = 0xdeadULL; /* what a failure leaves there is nobody's to use */
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_NO_MEMORY;
    pthread_mutex_lock(&EtwLock);
    ULONG I = 0;
    while (I < PROVIDERS && Providers[I].Handle)
        I++;
    if (I < PROVIDERS)
    {
        New.Handle = ++Last;
        Providers[I] = New;
    }
    BOOLEAN Recorded = Records(ProviderId);
    pthread_mutex_unlock(&EtwLock);
    if (I == PROVIDERS)
        return STATUS_NO_MEMORY;
    /* Whoever records already is told of before this returns: the handle is not there yet. */
    if (Recorded)
        Tell(&New, EVENT_CONTROL_CODE_ENABLE_PROVIDER);
    *RegHandle = New.Handle;
    return STATUS_SUCCESS;
}

NTSTATUS EtwUnregister(REGHANDLE RegHandle)
{
    NtIrql(PASSIVE_LEVEL);
    pthread_mutex_lock(&EtwLock);
    PROVIDER *Provider = Find(RegHandle);
    if (Provider)
        *Provider = (PROVIDER){0};
    pthread_mutex_unlock(&EtwLock);
    return NtRule("Event", Provider != NULL, "no such registration") ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* "Provider Traits": a size, a name with its NUL, and here no traits behind it. They can be set once. */
NTSTATUS EtwSetInformation(REGHANDLE RegHandle, EVENT_INFO_CLASS InformationClass, PVOID EventInformation,
                           ULONG InformationLength)
{
    const UCHAR *Bytes = EventInformation;
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INVALID_DEVICE_REQUEST;
    if (!NtRule("Event",
                InformationClass == EventProviderSetTraits && InformationLength > 3 &&
                    Bytes[0] + 256u * Bytes[1] == InformationLength &&
                    strnlen((PCSTR)Bytes + 2, InformationLength - 2) == InformationLength - 3,
                "not a provider's traits"))
        return STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&EtwLock);
    PROVIDER *Provider = Find(RegHandle);
    BOOLEAN First = Provider && !Provider->Traits;
    if (Provider)
        Provider->Traits = TRUE;
    pthread_mutex_unlock(&EtwLock);
    return NtRule("Event", First, "no such registration, or it has traits already") ? STATUS_SUCCESS
                                                                                    : STATUS_INVALID_HANDLE;
}

/* All data of one type, put together, behind what is in To already. */
static ULONG Gather(_In_ const EVENT_DATA_DESCRIPTOR *Parts, _In_ ULONG Count, _In_ UCHAR Type, _Out_ UCHAR *To)
{
    ULONG Size = 0;

    for (ULONG I = 0; I < Count; I++)
    {
        if (Parts[I].Type != Type)
            continue;
        if (To)
            memcpy(To + Size, (PVOID)(ULONG_PTR)Parts[I].Ptr, Parts[I].Size);
        Size += Parts[I].Size;
    }
    return Size;
}

/* An event is lost without a word when nobody records it; how it is made is looked at all the same. */
NTSTATUS EtwWriteTransfer(REGHANDLE RegHandle, PCEVENT_DESCRIPTOR EventDescriptor, LPCGUID ActivityId,
                          LPCGUID RelatedActivityId, ULONG UserDataCount, PEVENT_DATA_DESCRIPTOR UserData)
{
    if (!NtRule("Event", UserDataCount <= MAX_EVENT_DATA_DESCRIPTORS, "%u descriptors, 128 are allowed", UserDataCount))
        return STATUS_INVALID_PARAMETER;
    ULONG Traits = Gather(UserData, UserDataCount, EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA, NULL);
    ULONG Metadata = Gather(UserData, UserDataCount, EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA, NULL);
    ULONG Data = Gather(UserData, UserDataCount, EVENT_DATA_DESCRIPTOR_TYPE_NONE, NULL);
    if (!NtRule("Event", Traits + Metadata + Data < 65000 && EventDescriptor->Keyword >> 48 == 0,
                "an event of %u bytes, keyword 0x%llx: 64 KiB are a buffer, the upper 16 bits are Microsoft's",
                Traits + Metadata + Data, EventDescriptor->Keyword))
        return STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&EtwLock);
    Written++;
    PROVIDER *Provider = Find(RegHandle);
    if (Provider && Records(&Provider->Id) && (!Session.Level || EventDescriptor->Level <= Session.Level) &&
        (!Session.Keywords || (EventDescriptor->Keyword & Session.Keywords)))
    {
        SIM_EVENT *Event = calloc(1, sizeof(*Event) + Traits + Metadata + Data);
        *Event = (SIM_EVENT){.Descriptor = *EventDescriptor,
                             .Irql = NtThread()->Irql,
                             .Traits = Event->Bytes,
                             .Metadata = Event->Bytes + Traits,
                             .Data = Event->Bytes + Traits + Metadata,
                             .TraitsSize = Traits,
                             .MetadataSize = Metadata,
                             .DataSize = Data};
        Gather(UserData, UserDataCount, EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA, Event->Traits);
        Gather(UserData, UserDataCount, EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA, Event->Metadata);
        Gather(UserData, UserDataCount, EVENT_DATA_DESCRIPTOR_TYPE_NONE, Event->Data);
        *End = Event;
        End = &Event->Next;
    }
    pthread_mutex_unlock(&EtwLock);
    return NtRule("Event", Provider != NULL, "no such registration") ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* ---- The test's side. */

static VOID Change(_In_ const GUID *Provider, _In_ BOOLEAN On, _In_ UCHAR Level, _In_ ULONGLONG Keywords)
{
    PROVIDER Told = {0};

    pthread_mutex_lock(&EtwLock);
    Session.On = On;
    Session.Id = *Provider;
    Session.Level = Level;
    Session.Keywords = Keywords;
    for (ULONG I = 0; I < PROVIDERS; I++)
        if (Providers[I].Handle && memcmp(&Providers[I].Id, Provider, sizeof(*Provider)) == 0)
            Told = Providers[I];
    pthread_mutex_unlock(&EtwLock);
    Tell(&Told, On ? EVENT_CONTROL_CODE_ENABLE_PROVIDER : EVENT_CONTROL_CODE_DISABLE_PROVIDER);
}

VOID SimTraceStart(const GUID *Provider, UCHAR Level, ULONGLONG Keywords)
{
    Change(Provider, TRUE, Level, Keywords);
}

VOID SimTraceStop(const GUID *Provider)
{
    Change(Provider, FALSE, 0, 0);
}

SIM_EVENT *SimTraceTake(VOID)
{
    pthread_mutex_lock(&EtwLock);
    SIM_EVENT *Event = First;
    if (Event)
        First = Event->Next;
    if (!First)
        End = &First;
    pthread_mutex_unlock(&EtwLock);
    return Event;
}

VOID SimTraceFree(SIM_EVENT *Event)
{
    free(Event);
}

ULONG64 SimTraceWritten(VOID)
{
    pthread_mutex_lock(&EtwLock);
    ULONG64 Count = Written;
    pthread_mutex_unlock(&EtwLock);
    return Count;
}

VOID NtEtwCheckEmpty(PCSTR When)
{
    for (ULONG I = 0; I < PROVIDERS; I++)
        if (Providers[I].Handle)
            NtRuleBroken("Leak_Event", When, Providers[I].Place, "an event provider is still registered");
}
