/* SPDX-License-Identifier: MIT */
/* What a device is called: its friendly name, for users, and the GUID of its network connection. PASSIVE_LEVEL. */
#include "host/ndis/ndishost.h"

/* DEVPKEY_Device_FriendlyName, "Unified Device Property Model". */
static const DEVPROPKEY FriendlyName = {{0xa45c254e, 0xdf1c, 0x4efd, {0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}},
                                        14};

/* UTF-16 to UTF-8; what does not pair becomes '?'. The result is cut to Size and zero-terminated. */
static VOID NarrowName(_In_reads_(Count) const WCHAR *Wide, _In_ ULONG Count, _Out_writes_(Size) PCHAR Name,
                       _In_ ULONG Size)
{
    ULONG Used = 0;
    for (ULONG I = 0; I < Count && Wide[I] && Used + 5 < Size; I++)
    {
        ULONG Code = Wide[I];
        if (Code >= 0xd800 && Code < 0xdc00 && I + 1 < Count && (Wide[I + 1] & 0xfc00) == 0xdc00)
            Code = 0x10000 + ((Code & 0x3ff) << 10) + (Wide[++I] & 0x3ff);
        else if (Code >= 0xd800 && Code < 0xe000)
            Code = '?';
        if (Code < 0x80)
        {
            Name[Used++] = (CHAR)Code;
        }
        else if (Code < 0x800)
        {
            Name[Used++] = (CHAR)(0xc0 | (Code >> 6));
            Name[Used++] = (CHAR)(0x80 | (Code & 0x3f));
        }
        else if (Code < 0x10000)
        {
            Name[Used++] = (CHAR)(0xe0 | (Code >> 12));
            Name[Used++] = (CHAR)(0x80 | ((Code >> 6) & 0x3f));
            Name[Used++] = (CHAR)(0x80 | (Code & 0x3f));
        }
        else
        {
            Name[Used++] = (CHAR)(0xf0 | (Code >> 18));
            Name[Used++] = (CHAR)(0x80 | ((Code >> 12) & 0x3f));
            Name[Used++] = (CHAR)(0x80 | ((Code >> 6) & 0x3f));
            Name[Used++] = (CHAR)(0x80 | (Code & 0x3f));
        }
    }
    Name[Used] = 0;
}

/* What a person calls the device: its friendly name, or else its description. The result is Wide's units. */
static ULONG WideName(_In_ DEVICE_OBJECT *Pdo, _Out_writes_(Units) PWCH Wide, _In_ ULONG Units)
{
    ULONG Length = 0, Size = Units * sizeof(WCHAR);
    DEVPROPTYPE Type;
    NTSTATUS Status = IoGetDevicePropertyData(Pdo, &FriendlyName, 0, 0, Size, Wide, &Length, &Type);
    if (!NT_SUCCESS(Status) || Type != DEVPROP_TYPE_STRING || Length < sizeof(WCHAR) || !Wide[0])
    {
        Status = IoGetDeviceProperty(Pdo, DevicePropertyFriendlyName, Size, Wide, &Length);
        if (!NT_SUCCESS(Status))
            Status = IoGetDeviceProperty(Pdo, DevicePropertyDeviceDescription, Size, Wide, &Length);
    }
    if (!NT_SUCCESS(Status))
    {
        static const WCHAR Unnamed[] = {'n', 'e', 't'};
        RtlCopyMemory(Wide, Unnamed, sizeof(Unnamed));
        return ARRAYSIZE(Unnamed);
    }
    ULONG Count = 0;
    while (Count < Length / sizeof(WCHAR) && Wide[Count])
        Count++;
    return Count;
}

/* The same in UTF-8. */
VOID HostDeviceName(DEVICE_OBJECT *Pdo, PCHAR Name, ULONG Size)
{
    WCHAR Wide[256];
    NarrowName(Wide, WideName(Pdo, Wide, ARRAYSIZE(Wide)), Name, Size);
}

/*
 * NdisMQueryAdapterInstanceName: the adapter's friendly name in memory that the caller gives back with NdisFreeMemory.
 * NDIS_STATUS_SUCCESS or _RESOURCES.
 */
NDIS_STATUS NdisMQueryAdapterInstanceName(PNDIS_STRING AdapterInstanceName, NDIS_HANDLE MiniportAdapterHandle)
{
    NDIS_HOST_ADAPTER *Adapter = HostAdapterOf(MiniportAdapterHandle, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Miniport_Driver", PASSIVE_LEVEL, FALSE);
    if (!Adapter)
        return NDIS_STATUS_RESOURCES;
    WCHAR Wide[256];
    ULONG Length = WideName(Adapter->Pdo, Wide, ARRAYSIZE(Wide)) * sizeof(WCHAR);
    PVOID Memory = HostMemory(Length + sizeof(WCHAR), HOST_TAG, Adapter->Driver, Adapter, HostPlace());
    if (!Memory)
        return NDIS_STATUS_RESOURCES;
    RtlZeroMemory(Memory, Length + sizeof(WCHAR));
    RtlCopyMemory(Memory, Wide, Length);
    AdapterInstanceName->Buffer = Memory;
    AdapterInstanceName->Length = (USHORT)Length;
    AdapterInstanceName->MaximumLength = (USHORT)(Length + sizeof(WCHAR));
    return NDIS_STATUS_SUCCESS;
}

/* NetCfgInstanceId of the adapter's driver key, "{GUID}"; empty where it has none. */
VOID HostInstanceId(DEVICE_OBJECT *Pdo, PCHAR InstanceId, ULONG Size)
{
    static const WCHAR Keyword[] = {'N', 'e', 't', 'C', 'f', 'g', 'I', 'n', 's', 't', 'a', 'n', 'c', 'e', 'I', 'd'};
    UNICODE_STRING Name = {sizeof(Keyword), sizeof(Keyword), (PWCH)Keyword};
    ULONG Length = 0;
    InstanceId[0] = 0;
    HANDLE Key;
    if (!NT_SUCCESS(IoOpenDeviceRegistryKey(Pdo, PLUGPLAY_REGKEY_DRIVER, KEY_READ, &Key)))
        return;
    union
    {
        KEY_VALUE_PARTIAL_INFORMATION Value;
        UCHAR Room[256];
    } Information;
    if (NT_SUCCESS(
            ZwQueryValueKey(Key, &Name, KeyValuePartialInformation, &Information, sizeof(Information), &Length)) &&
        Information.Value.Type == REG_SZ)
    {
        NarrowName((const WCHAR *)Information.Value.Data, Information.Value.DataLength / sizeof(WCHAR), InstanceId,
                   Size);
    }
    ZwClose(Key);
    for (; *InstanceId; InstanceId++)
        *InstanceId -= *InstanceId >= 'a' && *InstanceId <= 'z' ? 'a' - 'A' : 0;
}
