/* SPDX-License-Identifier: MIT */
/*
 * devices.exe: drives the software devices, the driver store and the device notifications of host/wine, for its tests.
 * Every line that it prints is "name value ...", so that a test can read it.
 *
 *   devices install INF | uninstall INF
 *   devices half ID                         dies between making the device ID and registering it
 *   devices create ID COUNT HARDWARE-ID     COUNT devices SWD\Test\ID0.. at once; then commands from standard input:
 *       status N | close N | again N TIMES | persist N | transient N | property N TEXT | interfaces GUID | quit
 */
#include <windows.h>
#include <initguid.h>
#include <devpkey.h>
#include <setupapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wdk/missing.h"
#include "host/wine/newdev/newdev.h"
#include "ring/properties.h"

#define DEVICES_MAX 64

typedef struct _TEST_DEVICE
{
    HSWDEVICE Handle;
    HANDLE Called;
    HRESULT Result;
    WCHAR Id[MAX_DEVICE_ID_LEN];
    DWORD CallbackThread;
} TEST_DEVICE;

static TEST_DEVICE Devices[DEVICES_MAX];

static ULONG64 NowMs(VOID)
{
    LARGE_INTEGER Frequency;
    QueryPerformanceFrequency(&Frequency);
    LARGE_INTEGER Counter;
    QueryPerformanceCounter(&Counter);
    return (ULONG64)(Counter.QuadPart * 1000 / Frequency.QuadPart);
}

static VOID WINAPI Created(HSWDEVICE Handle, HRESULT Result, PVOID Context, PCWSTR Id)
{
    TEST_DEVICE *Device = Context;
    Device->Result = Result;
    Device->CallbackThread = GetCurrentThreadId();
    if (Id)
        lstrcpynW(Device->Id, Id, MAX_DEVICE_ID_LEN);
    SetEvent(Device->Called);
}

static DWORD CALLBACK Changed(HCMNOTIFICATION Handle, PVOID Context, CM_NOTIFY_ACTION Action,
                              PCM_NOTIFY_EVENT_DATA Data, DWORD Size)
{
    const WCHAR *What = Data->FilterType == CM_NOTIFY_FILTER_TYPE_DEVICEINSTANCE ? Data->u.DeviceInstance.InstanceId
                                                                                 : Data->u.DeviceInterface.SymbolicLink;
    printf("notify %d %ls\n", Action, What);
    return ERROR_SUCCESS;
}

static VOID PrintStatus(const TEST_DEVICE *Device)
{
    ULONG Status = 0, Problem = 0;
    DEVINST Instance;
    CONFIGRET Result = CM_Locate_DevNodeW(&Instance, (WCHAR *)Device->Id, CM_LOCATE_DEVNODE_NORMAL);
    if (Result == CR_SUCCESS)
        Result = CM_Get_DevNode_Status(&Status, &Problem, Instance, 0);
    printf("status %lx %lx %lu\n", Result, Status, Problem);
    LONG Reason = 0;
    ULONG Size = sizeof(Reason);
    DEVPROPTYPE Type;
    if (Problem && CM_Get_DevNode_PropertyW(Instance, &DEVPKEY_Device_ProblemStatus, &Type, (BYTE *)&Reason, &Size,
                                            0) == CR_SUCCESS)
        printf("reason %08lx\n", Reason);
}

static VOID PrintInterfaces(const char *Text)
{
    ULONG Length = 0;
    WCHAR Wide[64];
    MultiByteToWideChar(CP_ACP, 0, Text, -1, Wide, 64);
    GUID Class;
    CLSIDFromString(Wide, &Class);
    CONFIGRET Result = CM_Get_Device_Interface_List_SizeW(&Length, &Class, NULL, CM_GET_DEVICE_INTERFACE_LIST_PRESENT);
    WCHAR List[4096];
    if (Result == CR_SUCCESS)
        Result =
            CM_Get_Device_Interface_ListW(&Class, NULL, List, ARRAYSIZE(List), CM_GET_DEVICE_INTERFACE_LIST_PRESENT);
    printf("interfaces %lx %lu\n", Result, Length);
    for (WCHAR *Path = List; Result == CR_SUCCESS && *Path; Path += wcslen(Path) + 1)
        printf("interface %ls\n", Path);
}

static VOID SetText(const TEST_DEVICE *Device, const char *Text)
{
    WCHAR Wide[128];
    DEVPROPERTY Property = {
        .CompKey = {.Key = DEVPKEY_Device_FriendlyName}, .Type = DEVPROP_TYPE_STRING, .Buffer = Wide};
    MultiByteToWideChar(CP_ACP, 0, Text, -1, Wide, 128);
    Property.BufferSize = (ULONG)(wcslen(Wide) + 1) * sizeof(WCHAR);
    printf("property %08lx\n", SwDevicePropertySet(Device->Handle, 1, &Property));
}

static VOID WaitStarted(const TEST_DEVICE *Device, ULONG64 Begin)
{
    ULONG Status = 0, Problem = 0;
    for (int i = 0; i < 500; i++, Sleep(10))
    {
        DEVINST Instance;
        if (CM_Locate_DevNodeW(&Instance, (WCHAR *)Device->Id, 0) != CR_SUCCESS ||
            CM_Get_DevNode_Status(&Status, &Problem, Instance, 0) != CR_SUCCESS)
            continue;
        if (Status & (DN_STARTED | DN_HAS_PROBLEM))
            break;
    }
    printf("started %ls %lx %lu %llu ms\n", Device->Id, Status, Problem, NowMs() - Begin);
}

static HRESULT CreateOne(const char *Prefix, ULONG Number, const WCHAR *Hardware)
{
    WCHAR Text[] = L"Test adapter";
    static const TUN_PROPERTY_KEY GuidKey = TUN_PROPERTY_GUID;
    GUID Guid = {0x7e57de71, 0xce, 0, {0, 0, 0, 0, 0, 0, (BYTE)Prefix[0], (BYTE)Number}};
    DEVPROPERTY Properties[] = {
        {.CompKey = {.Key = DEVPKEY_Device_FriendlyName},
         .Type = DEVPROP_TYPE_STRING,
         .Buffer = Text,
         .BufferSize = sizeof(Text)},
        /* What plaintun's driver wants to be told; another one does not look at it. */
        {.Type = DEVPROP_TYPE_GUID, .Buffer = &Guid, .BufferSize = sizeof(Guid)},
    };
    WCHAR Name[64];
    SW_DEVICE_CREATE_INFO Info = {
        .cbSize = sizeof(Info),
        .pszInstanceId = Name,
        .pszzHardwareIds = Hardware,
        .CapabilityFlags = SWDeviceCapabilitiesSilentInstall | SWDeviceCapabilitiesDriverRequired,
        .pszDeviceDescription = L"Test device",
    };
    memcpy(&Properties[1].CompKey.Key, &GuidKey, sizeof(GuidKey));
    swprintf(Name, 64, L"%hs%lu", Prefix, Number);
    if (!Devices[Number].Called)
        Devices[Number].Called = CreateEventW(NULL, TRUE, FALSE, NULL);
    ResetEvent(Devices[Number].Called);
    return SwDeviceCreate(L"Test", L"HTREE\\ROOT\\0", &Info, ARRAYSIZE(Properties), Properties, Created,
                          &Devices[Number], &Devices[Number].Handle);
}

/* Closes a device and creates it again at once, so that it comes while the former one is going. */
static VOID Again(const char *Prefix, ULONG Number, const WCHAR *Hardware, ULONG Times)
{
    ULONG Good = 0;
    for (ULONG i = 0; i < Times; i++)
    {
        ULONG Status = 0, Problem = 0;
        SwDeviceClose(Devices[Number].Handle);
        if (FAILED(CreateOne(Prefix, Number, Hardware)) || WaitForSingleObject(Devices[Number].Called, 20000) ||
            FAILED(Devices[Number].Result))
            break;
        DEVINST Instance;
        for (int k = 0; k < 1000 && !(Status & (DN_STARTED | DN_HAS_PROBLEM)); k++, Sleep(5))
            if (CM_Locate_DevNodeW(&Instance, Devices[Number].Id, 0) == CR_SUCCESS)
                CM_Get_DevNode_Status(&Status, &Problem, Instance, 0);
        if (Status & DN_STARTED)
            Good++;
    }
    printf("again %lu of %lu\n", Good, Times);
}

static int Create(const char *Prefix, ULONG Count, const char *HardwareId)
{
    CM_NOTIFY_FILTER Filter = {.cbSize = sizeof(Filter), .Flags = CM_NOTIFY_FILTER_FLAG_ALL_INTERFACE_CLASSES};
    WCHAR Hardware[128] = L"";
    ULONG64 Begin = NowMs();
    MultiByteToWideChar(CP_ACP, 0, HardwareId, -1, Hardware, 126);
    HCMNOTIFICATION Interfaces;
    printf("register %lx\n", CM_Register_Notification(&Filter, NULL, Changed, &Interfaces));
    Filter.FilterType = CM_NOTIFY_FILTER_TYPE_DEVICEINSTANCE;
    Filter.Flags = 0;
    swprintf(Filter.u.DeviceInstance.InstanceId, MAX_DEVICE_ID_LEN, L"SWD\\Test\\%hs0", Prefix);
    HCMNOTIFICATION Instance;
    printf("register %lx\n", CM_Register_Notification(&Filter, NULL, Changed, &Instance));
    for (ULONG i = 0; i < Count; i++)
        printf("create %08lx\n", CreateOne(Prefix, i, Hardware));
    for (ULONG i = 0; i < Count; i++)
    {
        if (!Devices[i].Handle)
            continue;
        WaitForSingleObject(Devices[i].Called, 20000);
        printf("callback %08lx %ls %s %llu ms\n", Devices[i].Result, Devices[i].Id,
               Devices[i].CallbackThread == GetCurrentThreadId() ? "same thread" : "other thread", NowMs() - Begin);
        WaitStarted(&Devices[i], Begin);
    }
    puts("ready");
    char Line[256];
    while (fgets(Line, sizeof(Line), stdin))
    {
        char Verb[32] = "", Argument[200] = "";
        ULONG Number = 0;
        sscanf(Line, "%31s %lu %199[^\r\n]", Verb, &Number, Argument);
        Number = min(Number, DEVICES_MAX - 1);
        if (!strcmp(Verb, "status"))
            PrintStatus(&Devices[Number]);
        else if (!strcmp(Verb, "close"))
        {
            SwDeviceClose(Devices[Number].Handle);
            puts("closed");
        }
        else if (!strcmp(Verb, "again"))
            Again(Prefix, Number, Hardware, (ULONG)atoi(Argument));
        else if (!strcmp(Verb, "persist"))
            printf("lifetime %08lx\n", SwDeviceSetLifetime(Devices[Number].Handle, SWDeviceLifetimeParentPresent));
        else if (!strcmp(Verb, "transient"))
            printf("lifetime %08lx\n", SwDeviceSetLifetime(Devices[Number].Handle, SWDeviceLifetimeHandle));
        else if (!strcmp(Verb, "property"))
            SetText(&Devices[Number], Argument);
        else if (!strcmp(Verb, "interfaces") && sscanf(Line, "%*s %199s", Argument))
            PrintInterfaces(Argument);
        else if (!strcmp(Verb, "sleep"))
            Sleep(Number);
        else if (!strcmp(Verb, "quit"))
            break;
        puts("ok");
    }
    return 0;
}

/* Each way to ask for the root of all devices. */
static int PrintRoot(VOID)
{
    DEVINST Root[4] = {0};
    CONFIGRET Results[] = {CM_Locate_DevNodeW(&Root[0], NULL, CM_LOCATE_DEVNODE_NORMAL),
                           CM_Locate_DevNodeW(&Root[1], L"", 0), CM_Locate_DevNodeW(&Root[2], L"htree\\root\\0", 0),
                           CM_Locate_DevNodeA(&Root[3], NULL, 0)};
    for (int i = 0; i < 4; i++)
    {
        WCHAR Id[MAX_DEVICE_ID_LEN] = L"";
        CONFIGRET Named = CM_Get_Device_IDW(Root[i], Id, MAX_DEVICE_ID_LEN, 0);
        ULONG Status = 0, Problem = 0;
        CONFIGRET Told = CM_Get_DevNode_Status(&Status, &Problem, Root[i], 0);
        printf("root %lu %lu %ls %lu %d %lu\n", Results[i], Named, Id, Told, (Status & DN_STARTED) != 0, Problem);
    }
    return 0;
}

int wmain(int ArgumentCount, WCHAR **Arguments)
{
    char Narrow[4][260] = {{0}};
    BOOL Reboot = FALSE;
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 1; i < min(ArgumentCount, 5); i++)
        WideCharToMultiByte(CP_ACP, 0, Arguments[i], -1, Narrow[i - 1], 260, NULL, NULL);
    if (ArgumentCount == 3 && !strcmp(Narrow[0], "install"))
    {
        ULONG64 Begin = NowMs();
        BOOL Done = DiInstallDriverW(NULL, Arguments[2], 0, &Reboot);
        printf("install %d %lx %d %llu ms\n", Done, GetLastError(), Reboot, NowMs() - Begin);
        return !Done;
    }
    if (ArgumentCount == 3 && !strcmp(Narrow[0], "half"))
    {
        static const GUID NoClass;
        HDEVINFO Set = SetupDiCreateDeviceInfoList(NULL, NULL);
        printf("half %d\n", SetupDiCreateDeviceInfoW(Set, Arguments[2], &NoClass, NULL, NULL, 0, NULL));
        TerminateProcess(GetCurrentProcess(), 0);
    }
    if (ArgumentCount == 3 && !strcmp(Narrow[0], "uninstall"))
    {
        BOOL Done = DiUninstallDriverW(NULL, Arguments[2], 0, &Reboot);
        printf("uninstall %d %lx %d\n", Done, GetLastError(), Reboot);
        return !Done;
    }
    if (ArgumentCount == 2 && !strcmp(Narrow[0], "root"))
        return PrintRoot();
    if (ArgumentCount == 5 && !strcmp(Narrow[0], "create"))
        return Create(Narrow[1], (ULONG)min(atoi(Narrow[2]), DEVICES_MAX), Narrow[3]);
    fputs("devices install INF | uninstall INF | root | create ID COUNT HARDWARE-ID\n", stderr);
    return 2;
}
