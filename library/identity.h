/* SPDX-License-Identifier: MIT */
/*
 * Who we are to Windows: the names and numbers that tell our driver, devices and files from another product's. The same
 * strings stand in package/plaintun.inf and ring/session.h (TUN_DEVICE_PREFIX). Included by C and by the resource script.
 */
#ifndef PLAINTUN_IDENTITY_H
#define PLAINTUN_IDENTITY_H

#define PLAINTUN_VERSION_MAJOR 0
#define PLAINTUN_VERSION_MINOR 1
#define PLAINTUN_VERSION_PATCH 0
#define PLAINTUN_VERSION_TEXT  "0.1.0"

#define PLAINTUN_PRODUCT     "plaintun"
#define PLAINTUN_HARDWARE_ID L"plaintun"
#define PLAINTUN_ENUMERATOR  L"plaintun" /* our devices are SWD\plaintun\{GUID} */
#define PLAINTUN_DRIVER_FILE L"plaintun.sys"
#define PLAINTUN_INF_FILE    L"plaintun.inf"
#define PLAINTUN_CAT_FILE    L"plaintun.cat"
#define PLAINTUN_TUNNEL_TYPE L"plaintun" /* where the program names none */
#define PLAINTUN_SETUP_MUTEX L"Global\\plaintun setup"

/* The driver's files as resources of the library, of type RT_RCDATA. */
#define RESOURCE_SYS 1
#define RESOURCE_INF 2
#define RESOURCE_CAT 3

#endif
