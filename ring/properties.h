/* SPDX-License-Identifier: MIT */
/*
 * What the creator of an adapter tells the driver before it starts: device properties, which the library passes to
 * SwDeviceCreate and the driver reads from its PDO with IoGetDevicePropertyData in MiniportInitializeEx. Each may be
 * absent (the device was made by something else), and none is trusted: the driver checks type, size and range.
 * No Windows header is needed here: a TUN_PROPERTY_KEY is a DEVPROPKEY byte for byte ("DEVPROPKEY structure"). The types
 * stand here as numbers ("Property-Data-Type Identifiers", devpropdef.h).
 */
#ifndef PLAINTUN_PROPERTIES_H
#define PLAINTUN_PROPERTIES_H

#include <stdint.h>
#include "ring/session.h"

typedef struct _TUN_PROPERTY_KEY
{
    TUN_GUID Category;
    uint32_t Id; /* from 2: 0 and 1 are reserved by the system */
} TUN_PROPERTY_KEY;

_Static_assert(sizeof(TUN_PROPERTY_KEY) == 20, "a DEVPROPKEY");

/* TUN_PROPERTY_CATEGORY, the category of all our properties, is part of the identity: identity.h. */

/* The adapter's identity, names its control device. Absent: the adapter does not start, no program could find it. */
#define TUN_PROPERTY_GUID      {TUN_PROPERTY_CATEGORY, 2}
#define TUN_PROPERTY_GUID_TYPE 0x0du /* DEVPROP_TYPE_GUID, 16 bytes */

/* Who may open the control device: a self-relative security descriptor of at most TUN_ACCESS_LIST_MAX bytes, of which
 * the DACL counts. Absent: SYSTEM and Administrators. */
#define TUN_PROPERTY_ACCESS_LIST      {TUN_PROPERTY_CATEGORY, 3}
#define TUN_PROPERTY_ACCESS_LIST_TYPE 0x13u /* DEVPROP_TYPE_SECURITY_DESCRIPTOR */
#define TUN_ACCESS_LIST_MAX           4096u /* bytes */

/* Bytes, TUN_MTU_MIN to TUN_MTU_MAX. Absent: TUN_MTU_DEFAULT. */
#define TUN_PROPERTY_MTU      {TUN_PROPERTY_CATEGORY, 4}
#define TUN_PROPERTY_MTU_TYPE 0x07u /* DEVPROP_TYPE_UINT32 */
#define TUN_MTU_MIN           1280u
#define TUN_MTU_MAX           65535u
#define TUN_MTU_DEFAULT       1500u

/* The name by which programs find the adapter: the library's own, the driver does not read it. UTF-16, ending in 0. */
#define TUN_PROPERTY_NAME      {TUN_PROPERTY_CATEGORY, 5}
#define TUN_PROPERTY_NAME_TYPE 0x12u /* DEVPROP_TYPE_STRING */

/* PLAINTUN_ADAPTER_PERSISTENT, and TUN_FLAG_UNNAMED: the program asked for no particular GUID, so nobody comes back to
 * this one. The library's own, as all that follow. */
#define TUN_PROPERTY_FLAGS      {TUN_PROPERTY_CATEGORY, 6}
#define TUN_PROPERTY_FLAGS_TYPE 0x07u /* DEVPROP_TYPE_UINT32 */
#define TUN_FLAG_UNNAMED        0x80000000u

/* The process that has the device's handle, 0 when it gave it up, and the time that process started. */
#define TUN_PROPERTY_CREATOR           {TUN_PROPERTY_CATEGORY, 7}
#define TUN_PROPERTY_CREATOR_TYPE      0x07u /* DEVPROP_TYPE_UINT32 */
#define TUN_PROPERTY_CREATOR_TIME      {TUN_PROPERTY_CATEGORY, 8}
#define TUN_PROPERTY_CREATOR_TIME_TYPE 0x10u /* DEVPROP_TYPE_FILETIME, 8 bytes */

/* What SwDeviceCreate was told to call it: UTF-16, ending in 0. Windows keeps what the INF says instead. */
#define TUN_PROPERTY_DESCRIPTION      {TUN_PROPERTY_CATEGORY, 9}
#define TUN_PROPERTY_DESCRIPTION_TYPE 0x12u /* DEVPROP_TYPE_STRING */

#endif
