/* SPDX-License-Identifier: MIT */
/*
 * CM_Register_Notification, the part of cfgmgr32.dll that tells programs of devices as they come and go. Interfaces are
 * watched through Wine's own plug and play service (sechost.dll), which knows when a driver enables one; an instance is
 * watched by asking its bus every 20 ms, on one thread a registration. Callbacks come on those threads, never two at once
 * for one registration; CM_Unregister_Notification waits for one that runs.
 */
#define _CFGMGR32_ /* we are the DLL: its functions are not imported */
#include "wdk/missing.h"

#include <dbt.h>
#include <stddef.h>
#include <stdlib.h>
#include <wchar.h>

#include "host/wine/cfgmgr32/cfgmgr32.h"
#include "host/wine/shared/failures.h"
#include "host/wine/swdevice/swdevice.h"

#define POLL_MS 20

/*
 * Wine's sechost: who is told. To Wine 8 this is its function's first parameter; to Wine 10 that is the Handle for the
 * callback, which is then the address of this. Both are the notification: this is its beginning.
 */
typedef struct _SERVICE_LISTENER
{
    DWORD(CALLBACK *Notify)(HANDLE Handle, DWORD Event, DEV_BROADCAST_HDR *Data);
    HANDLE Handle;
    DEV_BROADCAST_DEVICEINTERFACE_W Filter;
} SERVICE_LISTENER;

_Static_assert(sizeof(SERVICE_LISTENER) == 2 * sizeof(VOID *) + 0x20, "what Wine 8's sechost copies");

typedef struct _NOTIFICATION
{
    SERVICE_LISTENER Listener; /* for interfaces */
    CM_NOTIFY_FILTER Filter;
    PCM_NOTIFY_CALLBACK Callback;
    PVOID Context;
    HDEVNOTIFY Service;  /* for interfaces */
    HANDLE Stop, Thread; /* for instances */
    CRITICAL_SECTION InCallback;
    BOOL Closed;
} NOTIFICATION;

_Static_assert(!offsetof(NOTIFICATION, Listener), "the Handle for the callback");

static FARPROC ServiceFunction(const char *Name)
{
    return GetProcAddress(LoadLibraryW(L"sechost.dll"), Name);
}

static VOID Tell(NOTIFICATION *Notification, CM_NOTIFY_ACTION Action, CM_NOTIFY_EVENT_DATA *Data, DWORD Size)
{
    EnterCriticalSection(&Notification->InCallback);
    if (!Notification->Closed)
        Notification->Callback((HCMNOTIFICATION)Notification, Notification->Context, Action, Data, Size);
    LeaveCriticalSection(&Notification->InCallback);
}

/* --- interfaces ---------------------------------------------------------------------------------------------------- */

static DWORD CALLBACK InterfaceChanged(HANDLE Handle, DWORD Event, DEV_BROADCAST_HDR *Header)
{
    NOTIFICATION *Notification = Handle;
    DEV_BROADCAST_DEVICEINTERFACE_W *Interface = (VOID *)Header;
    if (Header->dbch_devicetype != DBT_DEVTYP_DEVICEINTERFACE ||
        (Event != DBT_DEVICEARRIVAL && Event != DBT_DEVICEREMOVECOMPLETE))
        return 0;
    if (!(Notification->Filter.Flags & CM_NOTIFY_FILTER_FLAG_ALL_INTERFACE_CLASSES) &&
        !IsEqualGUID(&Interface->dbcc_classguid, &Notification->Filter.u.DeviceInterface.ClassGuid))
        return 0;
    SIZE_T Size = offsetof(CM_NOTIFY_EVENT_DATA, u.DeviceInterface.SymbolicLink) +
                  (wcslen(Interface->dbcc_name) + 1) * sizeof(WCHAR);
    CM_NOTIFY_EVENT_DATA *Data = calloc(1, max(Size, sizeof(*Data)));
    if (!Data)
        return 0;
    Data->FilterType = CM_NOTIFY_FILTER_TYPE_DEVICEINTERFACE;
    Data->u.DeviceInterface.ClassGuid = Interface->dbcc_classguid;
    wcscpy(Data->u.DeviceInterface.SymbolicLink, Interface->dbcc_name);
    Tell(Notification,
         Event == DBT_DEVICEARRIVAL ? CM_NOTIFY_ACTION_DEVICEINTERFACEARRIVAL : CM_NOTIFY_ACTION_DEVICEINTERFACEREMOVAL,
         Data, (DWORD)Size);
    free(Data);
    return 0;
}

static BOOL WatchInterfaces(NOTIFICATION *Notification)
{
    HDEVNOTIFY(WINAPI * Register)(SERVICE_LISTENER *, VOID *, VOID *) =
        (VOID *)ServiceFunction("I_ScRegisterDeviceNotification");
    Notification->Listener = (SERVICE_LISTENER){
        .Notify = InterfaceChanged,
        .Handle = Notification,
        .Filter =
            {
                .dbcc_size = sizeof(Notification->Listener.Filter),
                .dbcc_devicetype = DBT_DEVTYP_DEVICEINTERFACE,
                .dbcc_classguid = Notification->Filter.u.DeviceInterface.ClassGuid,
            },
    };
    /* A filter that ends before its class stands for all classes. */
    if (Notification->Filter.Flags & CM_NOTIFY_FILTER_FLAG_ALL_INTERFACE_CLASSES)
        Notification->Listener.Filter.dbcc_size = offsetof(DEV_BROADCAST_DEVICEINTERFACE_W, dbcc_classguid);
    if (Register)
        Notification->Service = Register(&Notification->Listener, &Notification->Listener.Filter, InterfaceChanged);
    return Notification->Service != NULL;
}

/* --- instances ----------------------------------------------------------------------------------------------------- */

static VOID TellInstance(NOTIFICATION *Notification, CM_NOTIFY_ACTION Action)
{
    const WCHAR *Id = Notification->Filter.u.DeviceInstance.InstanceId;
    SIZE_T Size = offsetof(CM_NOTIFY_EVENT_DATA, u.DeviceInstance.InstanceId) + (wcslen(Id) + 1) * sizeof(WCHAR);
    CM_NOTIFY_EVENT_DATA *Data = calloc(1, max(Size, sizeof(*Data)));
    if (!Data)
        return;
    Data->FilterType = CM_NOTIFY_FILTER_TYPE_DEVICEINSTANCE;
    wcscpy(Data->u.DeviceInstance.InstanceId, Id);
    Tell(Notification, Action, Data, (DWORD)Size);
    free(Data);
}

/* ENUMERATED means that the device is there; STARTED comes after it. */
static DWORD WINAPI WatchInstance(PVOID Parameter)
{
    NOTIFICATION *Notification = Parameter;
    const WCHAR *Id = Notification->Filter.u.DeviceInstance.InstanceId;
    ULONG Before = QuerySoftwareDevice(Id);
    while (WaitForSingleObject(Notification->Stop, POLL_MS) == WAIT_TIMEOUT)
    {
        ULONG Now = QuerySoftwareDevice(Id), Came = Now & ~Before, Went = Before & ~Now;
        if (Went & SWDEVICE_PRESENT)
            TellInstance(Notification, CM_NOTIFY_ACTION_DEVICEINSTANCEREMOVED);
        if (Came & SWDEVICE_PRESENT)
            TellInstance(Notification, CM_NOTIFY_ACTION_DEVICEINSTANCEENUMERATED);
        if ((Came & SWDEVICE_STARTED) && !(Now & SWDEVICE_FAILED))
            TellInstance(Notification, CM_NOTIFY_ACTION_DEVICEINSTANCESTARTED);
        Before = Now;
    }
    return 0;
}

/* --- the API ------------------------------------------------------------------------------------------------------- */

static CONFIGRET CheckFilter(const CM_NOTIFY_FILTER *Filter)
{
    if (Filter->cbSize != sizeof(*Filter) || Filter->Reserved)
        return CR_INVALID_DATA;
    switch (Filter->FilterType)
    {
    case CM_NOTIFY_FILTER_TYPE_DEVICEINTERFACE:
        return Filter->Flags & ~CM_NOTIFY_FILTER_FLAG_ALL_INTERFACE_CLASSES ? CR_INVALID_FLAG : CR_SUCCESS;
    case CM_NOTIFY_FILTER_TYPE_DEVICEINSTANCE:
        if (Filter->Flags & CM_NOTIFY_FILTER_FLAG_ALL_DEVICE_INSTANCES)
            return CR_CALL_NOT_IMPLEMENTED; /* the bus is asked by name */
        return Filter->Flags ? CR_INVALID_FLAG : CR_SUCCESS;
    case CM_NOTIFY_FILTER_TYPE_DEVICEHANDLE:
        return CR_CALL_NOT_IMPLEMENTED; /* nothing here asks before it removes a device */
    default:
        return CR_INVALID_DATA;
    }
}

/*
 * CR_INVALID_POINTER, CR_INVALID_DATA, CR_INVALID_FLAG: a parameter is wrong. CR_CALL_NOT_IMPLEMENTED: handle filters, and
 * all instances at once. "CM_Register_Notification function (cfgmgr32.h)"
 */
CONFIGRET WINAPI CM_Register_Notification(PCM_NOTIFY_FILTER Filter, PVOID Context, PCM_NOTIFY_CALLBACK Callback,
                                          PHCMNOTIFICATION NotifyContext)
{
    if (!Filter || !Callback || !NotifyContext)
        return CR_INVALID_POINTER;
    CONFIGRET Result = CheckFilter(Filter);
    if (Result == CR_SUCCESS)
        Result = HostFailure(L"CM_Register_Notification");
    if (Result != CR_SUCCESS)
        return Result;
    *NotifyContext = NULL;
    NOTIFICATION *Notification = calloc(1, sizeof(*Notification));
    if (!Notification)
        return CR_OUT_OF_MEMORY;
    Notification->Filter = *Filter;
    Notification->Callback = Callback;
    Notification->Context = Context;
    InitializeCriticalSection(&Notification->InCallback);
    *NotifyContext = (HCMNOTIFICATION)Notification;
    if (Filter->FilterType == CM_NOTIFY_FILTER_TYPE_DEVICEINTERFACE)
        Result = WatchInterfaces(Notification) ? CR_SUCCESS : CR_FAILURE;
    else
    {
        Notification->Filter.u.DeviceInstance.InstanceId[MAX_DEVICE_ID_LEN - 1] = 0;
        Notification->Stop = CreateEventW(NULL, TRUE, FALSE, NULL);
        if (Notification->Stop)
            Notification->Thread = CreateThread(NULL, 0, WatchInstance, Notification, 0, NULL);
        Result = Notification->Thread ? CR_SUCCESS : CR_OUT_OF_MEMORY;
    }
    if (Result == CR_SUCCESS)
        return CR_SUCCESS;
    *NotifyContext = NULL;
    if (Notification->Stop)
        CloseHandle(Notification->Stop);
    DeleteCriticalSection(&Notification->InCallback);
    free(Notification);
    return Result;
}

/* Not from the callback, as the page says. "CM_Unregister_Notification function (cfgmgr32.h)" */
CONFIGRET WINAPI CM_Unregister_Notification(HCMNOTIFICATION NotifyContext)
{
    NOTIFICATION *Notification = (NOTIFICATION *)NotifyContext;
    BOOL(WINAPI * Unregister)(HDEVNOTIFY) = (VOID *)ServiceFunction("I_ScUnregisterDeviceNotification");
    if (!Notification)
        return CR_INVALID_DATA;
    if (Notification->Service && Unregister)
        Unregister(Notification->Service);
    if (Notification->Thread)
    {
        SetEvent(Notification->Stop);
        WaitForSingleObject(Notification->Thread, INFINITE);
        CloseHandle(Notification->Thread);
        CloseHandle(Notification->Stop);
    }
    EnterCriticalSection(&Notification->InCallback);
    Notification->Closed = TRUE;
    LeaveCriticalSection(&Notification->InCallback);
    /* sechost may be about to call: the few bytes stay, so that it finds the registration closed. */
    if (!Notification->Service)
    {
        DeleteCriticalSection(&Notification->InCallback);
        free(Notification);
    }
    return CR_SUCCESS;
}
