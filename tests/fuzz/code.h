/* SPDX-License-Identifier: MIT */
/* Included before the driver's sources for the fuzzers: their copies become calls, in the middle of which shared memory
 * may change. */
#include <stddef.h>

void *FuzzCopy(void *To, const void *From, size_t Length);
#define __builtin_memcpy FuzzCopy
