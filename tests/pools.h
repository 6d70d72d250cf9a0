/* SPDX-License-Identifier: MIT */
/*
 * Pools as the tests want them, on either side of NDIS. "NET_BUFFER_LIST_POOL_PARAMETERS structure (nblapi.h)",
 * "NET_BUFFER_POOL_PARAMETERS structure (nblapi.h)".
 */
#ifndef TESTS_POOLS_H
#define TESTS_POOLS_H

#include <ndis.h>

/* Lists that come with a buffer, whose data is somewhere else. */
static inline NET_BUFFER_LIST_POOL_PARAMETERS PoolOfLists(_In_ ULONG Tag)
{
    return (NET_BUFFER_LIST_POOL_PARAMETERS){.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                        .Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                        .Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                             .fAllocateNetBuffer = TRUE,
                                             .PoolTag = Tag};
}

static inline NET_BUFFER_POOL_PARAMETERS PoolOfBuffers(_In_ ULONG Tag)
{
    return (NET_BUFFER_POOL_PARAMETERS){.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                                   .Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                                                   .Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
                                        .PoolTag = Tag};
}

#endif
