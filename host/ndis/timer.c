/* SPDX-License-Identifier: MIT */
/*
 * Timer objects of miniports: a timer of the kernel's and its DPC each. Up to DISPATCH_LEVEL, any thread; a periodic one is
 * cancelled at PASSIVE_LEVEL. "NdisAllocateTimerObject", "NdisSetTimerObject", "NdisCancelTimerObject",
 * "NdisFreeTimerObject function (ndis.h)".
 */
#include "host/ndis/ndishost.h"

typedef struct _HOST_TIMER
{
    HOST_MAGIC Magic;
    KTIMER Timer;
    KDPC Dpc;
    PNDIS_TIMER_FUNCTION Function;
    PVOID Context;        /* where a setting brings none */
    PVOID volatile Given; /* of the last setting */
    LONG Period;
} HOST_TIMER;

static VOID NTAPI Expired(PKDPC Dpc, PVOID Context, PVOID First, PVOID Second)
{
    HOST_TIMER *Timer = Context;
    PNDIS_TIMER_FUNCTION Function = Timer->Function; /* the object may be freed there */
    UNREFERENCED_PARAMETER(First);
    UNREFERENCED_PARAMETER(Second);
    HOST_GUARD Guard;
    HostGuardBegin(&Guard, "NetTimerCallback", 0);
    Function(Dpc, Timer->Given, NULL, NULL);
    HostGuardEnd(&Guard, (PVOID)Function);
}

NDIS_STATUS NdisAllocateTimerObject(NDIS_HANDLE NdisHandle, PNDIS_TIMER_CHARACTERISTICS TimerCharacteristics,
                                    PNDIS_HANDLE TimerObject)
{
    NDIS_HOST_ADAPTER *Adapter;
    NDIS_HOST_DRIVER *Driver = HostOwnerOf(NdisHandle, &Adapter, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Timer", DISPATCH_LEVEL, FALSE);
    *TimerObject = NULL;
    if (!Driver)
        return NDIS_STATUS_FAILURE;
    if (!HostHeaderValid(&TimerCharacteristics->Header, NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
                         NDIS_TIMER_CHARACTERISTICS_REVISION_1, NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1,
                         "NDIS_TIMER_CHARACTERISTICS", __func__, HostPlace()) ||
        !NdisRule("Timer_Function", TimerCharacteristics->TimerFunction != NULL, HostPlace(), "no function"))
        return NDIS_STATUS_BAD_CHARACTERISTICS;
    NdisRule("Memory_Tag", TimerCharacteristics->AllocationTag != 0, HostPlace(), "no tag");
    HOST_TIMER *Timer = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Timer), HOST_TAG);
    if (!Timer)
        return NDIS_STATUS_RESOURCES;
    *Timer = (HOST_TIMER){.Magic = HostMagicTimer,
                          .Function = TimerCharacteristics->TimerFunction,
                          .Context = TimerCharacteristics->FunctionContext};
    if (!HostOwn(Timer, HostKindTimer, Driver->DriverObject, Adapter, HostPlace()))
    {
        ExFreePoolWithTag(Timer, HOST_TAG);
        return NDIS_STATUS_RESOURCES;
    }
    KeInitializeTimer(&Timer->Timer);
    KeInitializeDpc(&Timer->Dpc, Expired, Timer);
    *TimerObject = Timer;
    return NDIS_STATUS_SUCCESS;
}

static BOOLEAN IsTimer(_In_opt_ const HOST_TIMER *Timer, _In_z_ PCSTR Call, _In_opt_ PVOID Place)
{
    return HandlerRule(Call, "Handle_Timer", Timer && Timer->Magic == HostMagicTimer, Place, "%p is no timer object",
                       (const void *)Timer);
}

/* TRUE: it was set already, and is set anew. */
BOOLEAN NdisSetTimerObject(NDIS_HANDLE TimerObject, LARGE_INTEGER DueTime, LONG MillisecondsPeriod,
                           PVOID FunctionContext)
{
    HOST_TIMER *Timer = TimerObject;
    HostEnter(__func__, HostPlace(), "Irql_Timer", DISPATCH_LEVEL, FALSE);
    if (!IsTimer(Timer, __func__, HostPlace()))
        return FALSE;
    Timer->Given = FunctionContext ? FunctionContext : Timer->Context;
    Timer->Period = MillisecondsPeriod;
    return KeSetTimerEx(&Timer->Timer, DueTime, MillisecondsPeriod, &Timer->Dpc);
}

/* TRUE: it was set. Its function may still run. */
BOOLEAN NdisCancelTimerObject(NDIS_HANDLE TimerObject)
{
    HOST_TIMER *Timer = TimerObject;
    if (!IsTimer(Timer, __func__, HostPlace()))
        return FALSE;
    HostEnter(__func__, HostPlace(), "Irql_Timer", Timer->Period ? PASSIVE_LEVEL : DISPATCH_LEVEL, FALSE);
    return KeCancelTimer(&Timer->Timer);
}

VOID NdisFreeTimerObject(NDIS_HANDLE TimerObject)
{
    HOST_TIMER *Timer = TimerObject;
    HostEnter(__func__, HostPlace(), "Irql_Timer", DISPATCH_LEVEL, FALSE);
    if (!NdisRule("Handle_Timer", HostDisown(Timer, HostKindTimer), HostPlace(), "%p is no timer object", TimerObject))
        return;
    NdisRule("Timer_Set", !KeCancelTimer(&Timer->Timer), HostPlace(), "a timer is freed that is set");
    Timer->Magic = HostMagicDead;
    ExFreePoolWithTag(Timer, HOST_TAG);
}
