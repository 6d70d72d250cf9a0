/* SPDX-License-Identifier: MIT */
/*
 * The adapters that are present on the system, whoever made them: the devices below SWD\\plaintun with the name and GUID
 * that their creators gave them as properties. Any thread, no locks; an adapter seen here may be gone the next moment.
 */
#include "library/library.h"
#include "ring/properties.h"
#include <cfgmgr32.h>
#include <setupapi.h>

static const TUN_PROPERTY_KEY GuidKey = TUN_PROPERTY_GUID;
static const TUN_PROPERTY_KEY NameKey = TUN_PROPERTY_NAME;

/* A list of devices is a list of what the registry knows; a device that has just been removed may still be on it. */
static BOOL IsPresent(HDEVINFO Devices, SP_DEVINFO_DATA *Data)
{
    DEVINST Node;
    WCHAR InstanceId[MAX_DEVICE_ID_LEN];
    return SetupDiGetDeviceInstanceIdW(Devices, Data, InstanceId, ARRAYSIZE(InstanceId), NULL) &&
           CM_Locate_DevNodeW(&Node, InstanceId, CM_LOCATE_DEVNODE_NORMAL) == CR_SUCCESS;
}

static void Describe(HDEVINFO Devices, SP_DEVINFO_DATA *Data, ADAPTER_DEVICE *Adapter)
{
    DEVPROPTYPE Type;
    *Adapter = (ADAPTER_DEVICE){0};
    if (!SetupDiGetDevicePropertyW(Devices, Data, (const DEVPROPKEY *)&GuidKey, &Type, (PBYTE)&Adapter->Guid,
                                   sizeof(Adapter->Guid), NULL, 0) ||
        Type != TUN_PROPERTY_GUID_TYPE)
        Adapter->Guid = (GUID){0};
    if (!SetupDiGetDevicePropertyW(Devices, Data, (const DEVPROPKEY *)&NameKey, &Type, (PBYTE)Adapter->Name,
                                   sizeof(Adapter->Name), NULL, 0) ||
        Type != TUN_PROPERTY_NAME_TYPE)
        Adapter->Name[0] = 0;
    Adapter->Name[PLAINTUN_NAME_MAX] = 0;
}

/* https://learn.microsoft.com/windows/win32/api/setupapi/nf-setupapi-setupdigetclassdevsw */
void VisitAdapters(ADAPTER_VISITOR Visitor, void *Context)
{
    ADAPTER_DEVICE Adapter;
    SP_DEVINFO_DATA Data = {.cbSize = sizeof(Data)};
    HDEVINFO Devices = SetupDiGetClassDevsW(NULL, L"SWD\\" PLAINTUN_ENUMERATOR, NULL, DIGCF_PRESENT | DIGCF_ALLCLASSES);
    if (Devices == INVALID_HANDLE_VALUE)
        return;
    for (DWORD i = 0; SetupDiEnumDeviceInfo(Devices, i, &Data); ++i)
    {
        if (!IsPresent(Devices, &Data))
            continue;
        Describe(Devices, &Data, &Adapter);
        if (!Visitor(&Adapter, Context))
            break;
    }
    SetupDiDestroyDeviceInfoList(Devices);
}
