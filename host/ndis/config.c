/* SPDX-License-Identifier: MIT */
/*
 * A miniport's registry: the driver key of an adapter, or the Parameters key of a driver. PASSIVE_LEVEL. Values that
 * were read live until the configuration is closed, as documented; one thread uses a configuration at a time.
 */
#include "host/ndis/ndishost.h"

typedef struct _HOST_VALUE
{
    struct _HOST_VALUE *Next;
    NDIS_CONFIGURATION_PARAMETER Parameter;
    UCHAR Data[];
} HOST_VALUE;

typedef struct _HOST_CONFIGURATION
{
    HOST_MAGIC Magic;
    volatile LONG *Count; /* of its owner */
    HANDLE Key;
    HOST_VALUE *Values;
} HOST_CONFIGURATION;

/* The most bytes a value may have. */
#define VALUE_LIMIT 16384

static NTSTATUS OpenParameters(_In_ NDIS_HOST_DRIVER *Driver, _Out_ HANDLE *Key)
{
    static const WCHAR Suffix[] = {'\\', 'P', 'a', 'r', 'a', 'm', 'e', 't', 'e', 'r', 's'};
    UNICODE_STRING Path;
    Path.Length = Path.MaximumLength = (USHORT)(Driver->RegistryPath.Length + sizeof(Suffix));
    Path.Buffer = ExAllocatePoolWithTag(NonPagedPoolNx, Path.Length, HOST_TAG);
    if (!Path.Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyMemory(Path.Buffer, Driver->RegistryPath.Buffer, Driver->RegistryPath.Length);
    RtlCopyMemory((PUCHAR)Path.Buffer + Driver->RegistryPath.Length, Suffix, sizeof(Suffix));
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, &Path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    NTSTATUS Status = ZwOpenKey(Key, KEY_READ | KEY_WRITE, &Attributes);
    ExFreePoolWithTag(Path.Buffer, HOST_TAG);
    return Status;
}

/*
 * NdisOpenConfigurationEx: ConfigObject->NdisHandle is an adapter's or a driver's. NDIS_STATUS_SUCCESS, _RESOURCES,
 * _INVALID_PARAMETER, or _FAILURE where there is no such key.
 */
NDIS_STATUS NdisOpenConfigurationEx(PNDIS_CONFIGURATION_OBJECT ConfigObject, PNDIS_HANDLE ConfigurationHandle)
{
    NDIS_HOST_ADAPTER *Adapter;
    NDIS_HOST_DRIVER *Driver = HostOwnerOf(ConfigObject->NdisHandle, &Adapter, __func__, HostPlace());
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", PASSIVE_LEVEL, TRUE);
    if (!Driver || !HostHeaderValid(&ConfigObject->Header, NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT,
                                    NDIS_CONFIGURATION_OBJECT_REVISION_1, NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1,
                                    "NDIS_CONFIGURATION_OBJECT", __func__, HostPlace()))
    {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    HOST_CONFIGURATION *Configuration = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Configuration), HOST_TAG);
    if (!Configuration)
        return NDIS_STATUS_RESOURCES;
    RtlZeroMemory(Configuration, sizeof(*Configuration));
    Configuration->Magic = HostMagicConfiguration;
    Configuration->Count = Adapter ? &Adapter->Configurations : &Driver->Configurations;
    NTSTATUS Status = Adapter ? IoOpenDeviceRegistryKey(Adapter->Pdo, PLUGPLAY_REGKEY_DRIVER, KEY_READ | KEY_WRITE,
                                                        &Configuration->Key)
                              : OpenParameters(Driver, &Configuration->Key);
    if (!NT_SUCCESS(Status))
    {
        ExFreePoolWithTag(Configuration, HOST_TAG);
        return NDIS_STATUS_FAILURE;
    }
    InterlockedIncrement(Configuration->Count);
    *ConfigurationHandle = Configuration;
    return NDIS_STATUS_SUCCESS;
}

VOID NdisCloseConfiguration(NDIS_HANDLE ConfigurationHandle)
{
    HOST_CONFIGURATION *Configuration = ConfigurationHandle;
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", PASSIVE_LEVEL, TRUE);
    if (!NdisRule("Handle_Configuration", Configuration && Configuration->Magic == HostMagicConfiguration, HostPlace(),
                  "%p is no configuration", ConfigurationHandle))
    {
        return;
    }
    while (Configuration->Values)
    {
        HOST_VALUE *Value = Configuration->Values;
        Configuration->Values = Value->Next;
        ExFreePoolWithTag(Value, HOST_TAG);
    }
    ZwClose(Configuration->Key);
    InterlockedDecrement(Configuration->Count);
    Configuration->Magic = HostMagicDead;
    ExFreePoolWithTag(Configuration, HOST_TAG);
}

/* A number as the registry's editors write it: decimal, or hexadecimal without a prefix. FALSE: it is none. */
static BOOLEAN ParseInteger(_In_ const UNICODE_STRING *String, _In_ ULONG Base, _Out_ ULONG *Value)
{
    *Value = 0;
    for (ULONG I = 0; I < String->Length / sizeof(WCHAR); I++)
    {
        WCHAR C = String->Buffer[I];
        ULONG Digit = C >= '0' && C <= '9' ? C - '0' : (C | 32) >= 'a' && (C | 32) <= 'f' ? (C | 32) - 'a' + 10 : 16;
        if (Digit >= Base || *Value > (0xffffffff - Digit) / Base)
            return FALSE;
        *Value = *Value * Base + Digit;
    }
    return String->Length >= sizeof(WCHAR);
}

/* Turns the registry's value into what ParameterType asks for. FALSE: it cannot be. */
static BOOLEAN Convert(_Inout_ NDIS_CONFIGURATION_PARAMETER *Parameter, _In_ ULONG RegistryType, _In_ PUCHAR Data,
                       _In_ ULONG Length, _In_ NDIS_PARAMETER_TYPE Wanted)
{
    if (RegistryType == REG_DWORD && Length == sizeof(ULONG))
    {
        Parameter->ParameterType = Wanted == NdisParameterHexInteger ? NdisParameterHexInteger : NdisParameterInteger;
        RtlCopyMemory(&Parameter->ParameterData.IntegerData, Data, sizeof(ULONG));
        return TRUE;
    }
    if (RegistryType == REG_SZ || RegistryType == REG_MULTI_SZ)
    {
        UNICODE_STRING String = {.Length = (USHORT)Length, .MaximumLength = (USHORT)Length, .Buffer = (PWCH)Data};
        while (RegistryType == REG_SZ && String.Length && !String.Buffer[String.Length / sizeof(WCHAR) - 1])
            String.Length -= sizeof(WCHAR);
        if (Wanted == NdisParameterInteger || Wanted == NdisParameterHexInteger)
        {
            Parameter->ParameterType = Wanted;
            return ParseInteger(&String, Wanted == NdisParameterHexInteger ? 16 : 10,
                                &Parameter->ParameterData.IntegerData);
        }
        Parameter->ParameterType = RegistryType == REG_SZ ? NdisParameterString : NdisParameterMultiString;
        Parameter->ParameterData.StringData = String;
        return TRUE;
    }
    if (RegistryType == REG_BINARY)
    {
        Parameter->ParameterType = NdisParameterBinary;
        Parameter->ParameterData.BinaryData.Length = (USHORT)Length;
        Parameter->ParameterData.BinaryData.Buffer = Data;
        return TRUE;
    }
    return FALSE;
}

/* NdisReadConfiguration: *Status is NDIS_STATUS_SUCCESS, _RESOURCES or _FAILURE (no such value, or another type). */
VOID NdisReadConfiguration(PNDIS_STATUS Status, PNDIS_CONFIGURATION_PARAMETER *ParameterValue,
                           NDIS_HANDLE ConfigurationHandle, PNDIS_STRING Keyword, NDIS_PARAMETER_TYPE ParameterType)
{
    HOST_CONFIGURATION *Configuration = ConfigurationHandle;
    KEY_VALUE_PARTIAL_INFORMATION *Information = NULL;
    HOST_VALUE *Value = NULL;
    ULONG Length = 0;
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", PASSIVE_LEVEL, TRUE);
    *Status = NDIS_STATUS_FAILURE;
    if (!NdisRule("Handle_Configuration", Configuration && Configuration->Magic == HostMagicConfiguration, HostPlace(),
                  "%p is no configuration", ConfigurationHandle))
    {
        return;
    }
    ZwQueryValueKey(Configuration->Key, Keyword, KeyValuePartialInformation, NULL, 0, &Length);
    if (!Length || Length > VALUE_LIMIT)
        return;
    *Status = NDIS_STATUS_RESOURCES;
    Information = ExAllocatePoolWithTag(NonPagedPoolNx, Length, HOST_TAG);
    Value = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*Value) + Length, HOST_TAG);
    if (!Information || !Value)
        goto free;
    *Status = NDIS_STATUS_FAILURE;
    if (!NT_SUCCESS(
            ZwQueryValueKey(Configuration->Key, Keyword, KeyValuePartialInformation, Information, Length, &Length)))
    {
        goto free;
    }
    RtlZeroMemory(Value, sizeof(*Value));
    RtlCopyMemory(Value->Data, Information->Data, Information->DataLength);
    if (!Convert(&Value->Parameter, Information->Type, Value->Data, Information->DataLength, ParameterType))
        goto free;
    Value->Next = Configuration->Values;
    Configuration->Values = Value;
    *ParameterValue = &Value->Parameter;
    Value = NULL;
    *Status = NDIS_STATUS_SUCCESS;

free:
    if (Value)
        ExFreePoolWithTag(Value, HOST_TAG);
    if (Information)
        ExFreePoolWithTag(Information, HOST_TAG);
}

/* NdisWriteConfiguration: integers become REG_DWORD, strings REG_SZ or REG_MULTI_SZ, the rest REG_BINARY. */
VOID NdisWriteConfiguration(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, PNDIS_STRING Keyword,
                            PNDIS_CONFIGURATION_PARAMETER ParameterValue)
{
    HOST_CONFIGURATION *Configuration = ConfigurationHandle;
    ULONG Type = REG_BINARY;
    HostEnter(__func__, HostPlace(), "Irql_Miscellaneous", PASSIVE_LEVEL, TRUE);
    *Status = NDIS_STATUS_FAILURE;
    if (!NdisRule("Handle_Configuration", Configuration && Configuration->Magic == HostMagicConfiguration, HostPlace(),
                  "%p is no configuration", ConfigurationHandle))
    {
        return;
    }
    ULONG Length;
    PVOID Data;
    switch (ParameterValue->ParameterType)
    {
    case NdisParameterInteger:
    case NdisParameterHexInteger:
        Type = REG_DWORD;
        Data = &ParameterValue->ParameterData.IntegerData;
        Length = sizeof(ULONG);
        break;
    case NdisParameterString:
    case NdisParameterMultiString:
        Type = ParameterValue->ParameterType == NdisParameterString ? REG_SZ : REG_MULTI_SZ;
        Data = ParameterValue->ParameterData.StringData.Buffer;
        Length = ParameterValue->ParameterData.StringData.Length;
        break;
    default:
        Data = ParameterValue->ParameterData.BinaryData.Buffer;
        Length = ParameterValue->ParameterData.BinaryData.Length;
        break;
    }
    if (NT_SUCCESS(ZwSetValueKey(Configuration->Key, Keyword, 0, Type, Data, Length)))
        *Status = NDIS_STATUS_SUCCESS;
}
