/* SPDX-License-Identifier: MIT */
/* Lists that the stack returns late and in an order of its own: late.c. */
#ifndef HOST_LINUX_LATE_H
#define HOST_LINUX_LATE_H

#include "host/ndis/backend.h"

typedef struct _LATE LATE;

/* NULL: no memory. Milliseconds: how long a list is kept at most. PASSIVE_LEVEL. */
LATE *LateCreate(_In_ NDIS_HOST_ADAPTER *Adapter, _In_ ULONG Milliseconds);
/* Takes lists that the miniport has indicated. Up to DISPATCH_LEVEL. */
VOID LateKeep(_Inout_ LATE *Late, _In_ NET_BUFFER_LIST *Lists);
/* When all have been returned. PASSIVE_LEVEL. */
VOID LateDestroy(_In_ LATE *Late);

#endif
