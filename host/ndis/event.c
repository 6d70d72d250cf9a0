/* SPDX-License-Identifier: MIT */
/* Events and pauses of miniports: the kernel's, under NDIS's names and with its rules. */
#include "host/ndis/ndishost.h"

#define SLEEP_MAX 30000000u /* microseconds: "NdisMSleep function (ndis.h)" */

/* Ready where Event is set within the time; negative: from now, in 100 ns; NULL: for ever. */
static BOOLEAN Wait(_Inout_ KEVENT *Event, _In_opt_ LARGE_INTEGER *Timeout)
{
    return KeWaitForSingleObject(Event, Executive, KernelMode, FALSE, Timeout) == STATUS_SUCCESS;
}

/* NdisInitializeEvent: any IRQL. */
VOID NdisInitializeEvent(PNDIS_EVENT Event)
{
    KeInitializeEvent(&Event->Event, NotificationEvent, FALSE);
}

VOID NdisSetEvent(PNDIS_EVENT Event)
{
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    KeSetEvent(&Event->Event, 0, FALSE);
}

VOID NdisResetEvent(PNDIS_EVENT Event)
{
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", DISPATCH_LEVEL, FALSE);
    KeResetEvent(&Event->Event);
}

/* NdisWaitEvent: FALSE where MillisecondsToWait pass before; 0: it waits for ever. PASSIVE_LEVEL. */
BOOLEAN NdisWaitEvent(PNDIS_EVENT Event, UINT MillisecondsToWait)
{
    LARGE_INTEGER Timeout = {.QuadPart = -10000ll * MillisecondsToWait};
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", PASSIVE_LEVEL, FALSE);
    return Wait(&Event->Event, MillisecondsToWait ? &Timeout : NULL);
}

/* NdisMSleep: below DISPATCH_LEVEL. Whoever asks for too long is told, and does not sleep. */
VOID NdisMSleep(ULONG MicrosecondsToSleep)
{
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", APC_LEVEL, FALSE);
    if (!NdisRule("Sleep_Longest", MicrosecondsToSleep <= SLEEP_MAX, HostPlace(), "%u microseconds, %u are allowed",
                  (unsigned)MicrosecondsToSleep, SLEEP_MAX))
        return;
    LARGE_INTEGER Timeout = {.QuadPart = -10ll * MicrosecondsToSleep};
    KEVENT Never;
    KeInitializeEvent(&Never, NotificationEvent, FALSE);
    Wait(&Never, &Timeout);
}
