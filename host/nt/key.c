/* SPDX-License-Identifier: MIT */
/*
 * The registry: a flat list of values, each with the whole path of its key. Keys exist as soon as they are opened to be
 * created. PASSIVE_LEVEL; one lock.
 */
#include "host/nt/nt.h"

typedef struct _KEY
{
    UNICODE_STRING Path;
} KEY;

typedef struct _VALUE
{
    struct _VALUE *Next;
    UNICODE_STRING Path, Name;
    ULONG Type, Length;
    PUCHAR Data;
} VALUE;

static pthread_mutex_t RegistryLock = PTHREAD_MUTEX_INITIALIZER;
static VALUE *Values;

static VOID NothingToClose(PVOID Object)
{
}

static VOID DeleteKey(PVOID Object)
{
    free(((KEY *)Object)->Path.Buffer);
}

OBJECT_TYPE NtKeyType = {
    .Name = "Key", .Close = NothingToClose, .Delete = DeleteKey, .Mapping = {KEY_READ, KEY_WRITE, KEY_READ, 0xf003f}};

static UNICODE_STRING Copy(_In_ const UNICODE_STRING *String)
{
    UNICODE_STRING Result = {.Length = String->Length, .MaximumLength = String->Length + 1};
    Result.Buffer = malloc(String->Length + 1u);
    memcpy(Result.Buffer, String->Buffer, String->Length);
    return Result;
}

static NTSTATUS OpenKey(_In_ const UNICODE_STRING *Path, _In_ ACCESS_MASK Access, _In_ ULONG Attributes,
                        _Out_ HANDLE *Handle)
{
    KEY *Key = NtObjectCreate(&NtKeyType, sizeof(*Key));
    Key->Path = Copy(Path);
    NTSTATUS Status = NtHandleCreate(Attributes & OBJ_KERNEL_HANDLE ? NULL : NtThread()->Process, Key, Access, Handle);
    ObfDereferenceObject(Key);
    return Status;
}

/* Under the lock. */
static VALUE *Find(_In_ const UNICODE_STRING *Path, _In_opt_ const UNICODE_STRING *Name)
{
    VALUE *Value = Values;
    while (Value && !(NtStringsEqual(&Value->Path, Path) && (!Name || NtStringsEqual(&Value->Name, Name))))
        Value = Value->Next;
    return Value;
}

NTSTATUS ZwCreateKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
                     ULONG TitleIndex, PUNICODE_STRING Class, ULONG CreateOptions, PULONG Disposition)
{
    NtIrql(PASSIVE_LEVEL);
    return SimFail(__func__, SIM_PLACE())
               ? STATUS_INSUFFICIENT_RESOURCES
               : OpenKey(ObjectAttributes->ObjectName, DesiredAccess, ObjectAttributes->Attributes, KeyHandle);
}

NTSTATUS ZwOpenKey(PHANDLE KeyHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
    NtIrql(PASSIVE_LEVEL);
    pthread_mutex_lock(&RegistryLock);
    VALUE *Value = Find(ObjectAttributes->ObjectName, NULL);
    pthread_mutex_unlock(&RegistryLock);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    return Value ? OpenKey(ObjectAttributes->ObjectName, DesiredAccess, ObjectAttributes->Attributes, KeyHandle)
                 : STATUS_OBJECT_NAME_NOT_FOUND;
}

NTSTATUS IoOpenDeviceRegistryKey(PDEVICE_OBJECT DeviceObject, ULONG KeyType, ACCESS_MASK DesiredAccess,
                                 PHANDLE KeyHandle)
{
    WCHAR Text[64];
    UNICODE_STRING Path = {.Buffer = Text, .MaximumLength = sizeof(Text)};
    NtIrql(PASSIVE_LEVEL);
    if (SimFail(__func__, SIM_PLACE()))
        return STATUS_INSUFFICIENT_RESOURCES;
    WCHAR Digits[12];
    UNICODE_STRING Number = {.Buffer = Digits, .MaximumLength = sizeof(Digits)};
    RtlIntegerToUnicodeString((ULONG)((ULONG_PTR)DeviceObject >> 4), 16, &Number);
    RtlAppendUnicodeToString(&Path, KeyType == PLUGPLAY_REGKEY_DRIVER ? L"\\Driver\\" : L"\\Device\\");
    RtlAppendUnicodeStringToString(&Path, &Number);
    return OpenKey(&Path, DesiredAccess, OBJ_KERNEL_HANDLE, KeyHandle);
}

static NTSTATUS ReferenceKey(_In_ HANDLE Handle, _In_ ACCESS_MASK Access, _Outptr_ PVOID *Key)
{
    return NtHandleReference(NtThread()->Process, Handle, Access, &NtKeyType, KernelMode, Key, NULL);
}

NTSTATUS ZwQueryValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, KEY_VALUE_INFORMATION_CLASS Class,
                         PVOID Information, ULONG Length, PULONG ResultLength)
{
    KEY_VALUE_PARTIAL_INFORMATION *Partial = Information;
    PVOID Key;
    NTSTATUS Status = ReferenceKey(KeyHandle, KEY_QUERY_VALUE, &Key);
    NtIrql(PASSIVE_LEVEL);
    NtRule("Registry", Class == KeyValuePartialInformation, "class %d is not known here", Class);
    if (!NT_SUCCESS(Status))
        return Status;
    pthread_mutex_lock(&RegistryLock);
    VALUE *Value = Find(&((KEY *)Key)->Path, ValueName);
    *ResultLength = 0;
    if (!Value)
    {
        Status = STATUS_OBJECT_NAME_NOT_FOUND;
    }
    else
    {
        *ResultLength = (ULONG)FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + Value->Length;
        if (Length < *ResultLength)
        {
            Status = STATUS_BUFFER_TOO_SMALL;
        }
        else
        {
            Partial->TitleIndex = 0;
            Partial->Type = Value->Type;
            Partial->DataLength = Value->Length;
            memcpy(Partial->Data, Value->Data, Value->Length);
        }
    }
    pthread_mutex_unlock(&RegistryLock);
    ObfDereferenceObject(Key);
    return Status;
}

NTSTATUS ZwSetValueKey(HANDLE KeyHandle, PUNICODE_STRING ValueName, ULONG TitleIndex, ULONG Type, PVOID Data,
                       ULONG DataSize)
{
    PVOID Key;
    NTSTATUS Status = ReferenceKey(KeyHandle, KEY_SET_VALUE, &Key);
    NtIrql(PASSIVE_LEVEL);
    if (!NT_SUCCESS(Status))
        return Status;
    pthread_mutex_lock(&RegistryLock);
    VALUE *Value = Find(&((KEY *)Key)->Path, ValueName);
    if (!Value)
    {
        Value = calloc(1, sizeof(*Value));
        Value->Path = Copy(&((KEY *)Key)->Path);
        Value->Name = Copy(ValueName);
        Value->Next = Values;
        Values = Value;
    }
    free(Value->Data);
    Value->Data = malloc(DataSize ? DataSize : 1);
    Value->Type = Type;
    Value->Length = DataSize;
    memcpy(Value->Data, Data, DataSize);
    pthread_mutex_unlock(&RegistryLock);
    ObfDereferenceObject(Key);
    return STATUS_SUCCESS;
}

/* The registry is not a leak: it is forgotten. */
VOID NtKeysForget(VOID)
{
    while (Values)
    {
        VALUE *Value = Values;
        Values = Value->Next;
        free(Value->Path.Buffer);
        free(Value->Name.Buffer);
        free(Value->Data);
        free(Value);
    }
}
