/* SPDX-License-Identifier: MIT */
/*
 * counters: prints an adapter's counters since it started, as one line of JSON. Another program may have its session.
 *
 *   counters.exe NAME
 */
#include <stdio.h>
#include "plaintun.h"

int wmain(int Count, WCHAR **Arguments)
{
    PLAINTUN_ADAPTER_HANDLE Adapter = Count == 2 ? PlaintunOpenAdapter(Arguments[1]) : NULL;
    PLAINTUN_STATISTICS Statistics;
    if (!Adapter || !PlaintunGetStatistics(Adapter, &Statistics))
    {
        fprintf(stderr, "counters: error %lu\n", GetLastError());
        return 1;
    }
    const PLAINTUN_COUNTERS *C = &Statistics.Adapter;
    printf("{\"to_app\": %llu, \"to_app_bytes\": %llu, \"no_session\": %llu, \"full\": %llu, \"invalid\": %llu, "
           "\"paused\": %llu, \"to_stack\": %llu, \"to_stack_bytes\": %llu, \"to_stack_invalid\": %llu}\n",
           C->ToAppPackets, C->ToAppBytes, C->ToAppDropNoSession, C->ToAppDropFull, C->ToAppDropInvalid,
           C->ToAppDropPaused, C->ToStackPackets, C->ToStackBytes, C->ToStackDropInvalid);
    PlaintunCloseAdapter(Adapter);
    return 0;
}
