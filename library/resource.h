/* SPDX-License-Identifier: MIT */
/* The driver's files as resources of the library, of type RT_RCDATA: what library.rc puts in and install.c takes out. */
#ifndef PLAINTUN_RESOURCE_H
#define PLAINTUN_RESOURCE_H

#define RESOURCE_SYS 1
#define RESOURCE_INF 2
#define RESOURCE_CAT 3

/* The whole library for Windows' own machine, where this one is for another: see native.c. */
#define RESOURCE_LIBRARY_AMD64 4
#define RESOURCE_LIBRARY_ARM64 5

#endif
