/* SPDX-License-Identifier: MIT */
/*
 * What cfgmgr32.dll (SwDeviceCreate and its kin) and swdevice.sys, the bus of software devices, say to each other. A
 * handle of the bus device is a software device's HSWDEVICE: Windows closes it when its process ends, however that
 * happens, and so the device goes with its creator.
 */
#ifndef HOST_WINE_SWDEVICE_H
#define HOST_WINE_SWDEVICE_H

#define SWDEVICE_BUS_PATH L"\\\\.\\SwDevice"
#define SWDEVICE_ID_MAX   200 /* UTF-16 units of a device instance ID with its ending 0: MAX_DEVICE_ID_LEN */
#define SWDEVICE_TEXT_MAX 256 /* UTF-16 units of a description */
#define SWDEVICE_IOCTL(n) CTL_CODE(FILE_DEVICE_BUS_EXTENDER, 0x800 + (n), METHOD_BUFFERED, FILE_ANY_ACCESS)

/*
 * Makes this handle the one of the device with the instance ID of the input (WCHAR, ending in 0). Output: ULONG, 1 where
 * the device was there already, left behind by a closed handle with SWDEVICE_PARENT_PRESENT.
 * STATUS_OBJECT_NAME_COLLISION: another handle has it. STATUS_INVALID_DEVICE_STATE: this handle has a device.
 */
#define IOCTL_SWDEVICE_RESERVE SWDEVICE_IOCTL(0)

/* Lets the handle's device appear. Input: SWDEVICE_PLUG. */
#define IOCTL_SWDEVICE_PLUG SWDEVICE_IOCTL(1)

/* What happens when the handle is closed. Input and output: ULONG, one of these. */
#define IOCTL_SWDEVICE_SET_LIFETIME SWDEVICE_IOCTL(2)
#define IOCTL_SWDEVICE_GET_LIFETIME SWDEVICE_IOCTL(3)
#define SWDEVICE_HANDLE             0 /* the device goes */
#define SWDEVICE_PARENT_PRESENT     1 /* it stays */

/* The state of any software device. Input: its instance ID. Output: ULONG, these flags; 0 for one that is not there. */
#define IOCTL_SWDEVICE_QUERY SWDEVICE_IOCTL(4)
#define SWDEVICE_PRESENT     0x01
#define SWDEVICE_ENUMERATED                                                                                            \
    0x02 /* Windows has done with it what it could: the flags below will not change by themselves */
#define SWDEVICE_ATTACHED     0x04 /* a driver has attached to it */
#define SWDEVICE_STARTED      0x08
#define SWDEVICE_FAILED       0x10 /* its driver reports PNP_DEVICE_FAILED */
#define SWDEVICE_NEEDS_DRIVER 0x20 /* SWDeviceCapabilitiesDriverRequired */
#define SWDEVICE_IS_REMOVABLE 0x40 /* SWDeviceCapabilitiesRemovable */

/* Takes a software device away, whoever has it: DIF_REMOVE. Input: its instance ID. */
#define IOCTL_SWDEVICE_UNPLUG SWDEVICE_IOCTL(5)

/*
 * Takes the driver from a device and keeps the device: it is stopped and removed, its handle stays valid, and it starts
 * again, with the driver that it then has, when this handle of the bus is closed. Input: its instance ID. Output: ULONG, 1
 * while the device is being removed. STATUS_OBJECT_NAME_NOT_FOUND: there is no such device.
 */
#define IOCTL_SWDEVICE_STOP SWDEVICE_IOCTL(6)

/*
 * Unloads the driver of a service, as Windows does by itself when the last device of a driver has gone. Input: the
 * service's name. STATUS_DEVICE_BUSY: it still has a device, of an adapter or one that a program has open.
 */
#define IOCTL_SWDEVICE_UNLOAD SWDEVICE_IOCTL(7)

typedef struct _SWDEVICE_PLUG
{
    ULONG Capabilities;    /* SW_DEVICE_CAPABILITIES */
    WCHAR ContainerId[40]; /* "{...}", or empty */
    WCHAR Description[SWDEVICE_TEXT_MAX];
} SWDEVICE_PLUG;

#endif
