/* SPDX-License-Identifier: MIT */
/*
 * The driver and its adapters as scenarios use them. One thread at a time does PnP, pause and power for an adapter, as
 * NDIS does.
 */
#include "tests/simulation/lab.h"

DRIVER_INITIALIZE DriverEntry;

TUN_GUID LabGuid(ULONG Number)
{
    return (TUN_GUID){0xA0B1C2D3, 0xE4F5, 0x0617, {1, 2, 3, 4, 0xFE, 0xDC, 0xBA, (uint8_t)Number}};
}

VOID LabPath(const TUN_GUID *Guid, WCHAR *Path)
{
    CHAR Text[80];
    int Length =
        snprintf(Text, sizeof(Text), "\\\\.\\Global\\PLAINTUN{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}",
                 Guid->Data1, Guid->Data2, Guid->Data3, Guid->Data4[0], Guid->Data4[1], Guid->Data4[2], Guid->Data4[3],
                 Guid->Data4[4], Guid->Data4[5], Guid->Data4[6], Guid->Data4[7]);
    for (int I = 0; I <= Length; I++)
        Path[I] = (WCHAR)Text[I];
}

static SIM_PROPERTY Property(_In_ TUN_PROPERTY_KEY Key, _In_ DEVPROPTYPE Type, _In_ const VOID *Data, _In_ ULONG Size)
{
    SIM_PROPERTY Result = {.Type = Type, .Size = Size, .Data = Data};
    memcpy(&Result.Key, &Key, sizeof(Key));
    return Result;
}

SIM_PROPERTY LabGuidProperty(const TUN_GUID *Guid)
{
    return Property((TUN_PROPERTY_KEY)TUN_PROPERTY_GUID, TUN_PROPERTY_GUID_TYPE, Guid, sizeof(*Guid));
}

SIM_PROPERTY LabMtuProperty(const uint32_t *Mtu)
{
    return Property((TUN_PROPERTY_KEY)TUN_PROPERTY_MTU, TUN_PROPERTY_MTU_TYPE, Mtu, sizeof(*Mtu));
}

SIM_PROPERTY LabAccessProperty(const VOID *Descriptor, ULONG Size)
{
    return Property((TUN_PROPERTY_KEY)TUN_PROPERTY_ACCESS_LIST, TUN_PROPERTY_ACCESS_LIST_TYPE, Descriptor, Size);
}

NTSTATUS LabAddDevice(DRIVER_OBJECT *Driver, const SIM_PROPERTY *Properties, ULONG Count, DEVICE_OBJECT **Pdo)
{
    NTSTATUS Status = SimAddDevice(Driver, Properties, Count, Pdo);
    LabOperations(1);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = SimPnp(*Pdo, IRP_MN_START_DEVICE);
    if (!NT_SUCCESS(Status))
    {
        SimPnp(*Pdo, IRP_MN_REMOVE_DEVICE);
        SimDeleteDevice(*Pdo);
    }
    return Status;
}

VOID LabLoad(LAB *Lab)
{
    memset(Lab, 0, sizeof(*Lab));
    LabEqual(SimLoadDriver(DriverEntry, L"plaintun", &Lab->Driver), STATUS_SUCCESS);
    LabOperations(1);
}

VOID LabPlug(LAB *Lab, ULONG Number)
{
    TUN_GUID Guid = LabGuid(Number);
    SIM_PROPERTY Properties[] = {LabGuidProperty(&Guid)};
    LabPath(&Guid, Lab->Path);
    LabEqual(LabAddDevice(Lab->Driver, Properties, ARRAYSIZE(Properties), &Lab->Pdo), STATUS_SUCCESS);
    Lab->Stack = StackLast();
}

VOID LabUnplug(LAB *Lab, BOOLEAN Surprise)
{
    if (Surprise)
        LabEqual(SimPnp(Lab->Pdo, IRP_MN_SURPRISE_REMOVAL), STATUS_SUCCESS);
    else
        LabEqual(SimPnp(Lab->Pdo, IRP_MN_QUERY_REMOVE_DEVICE), STATUS_SUCCESS);
    LabEqual(SimPnp(Lab->Pdo, IRP_MN_REMOVE_DEVICE), STATUS_SUCCESS);
    SimDeleteDevice(Lab->Pdo);
    Lab->Pdo = NULL;
    Lab->Stack = NULL;
    LabOperations(1);
}

VOID LabUnload(LAB *Lab)
{
    LabEqual(SimUnloadDriver(Lab->Driver), STATUS_SUCCESS);
    LabOperations(1);
}

VOID LabOpen(LAB *Lab)
{
    LabLoad(Lab);
    LabPlug(Lab, 1);
}

VOID LabClose(LAB *Lab)
{
    LabUnplug(Lab, FALSE);
    LabUnload(Lab);
}

VOID LabPause(LAB *Lab)
{
    HostAdapterPause(StackAdapter(Lab->Stack), NDIS_PAUSE_NDIS_INTERNAL);
    LabOperations(1);
}

VOID LabRestart(LAB *Lab)
{
    LabEqual(HostAdapterRestart(StackAdapter(Lab->Stack)), NDIS_STATUS_SUCCESS);
    LabOperations(1);
}

NDIS_STATUS LabSetPower(LAB *Lab, ULONG State)
{
    LabOperations(1);
    ULONG Done, Needed;
    return HostOid(StackAdapter(Lab->Stack), NdisRequestSetInformation, OID_PNP_SET_POWER, &State, sizeof(State), &Done,
                   &Needed);
}
