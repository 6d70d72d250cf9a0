/* SPDX-License-Identifier: MIT */
/*
 * What programs and people expect of a network adapter, and what Windows has no function for that is documented for it:
 * the connection's name, and the GUID by which firewall rules and the network's profile remember it. All that rests on
 * more than documentation stands in this file (docs/adapters.md says what that means); where it does not work an adapter
 * works without it, and the log says so. Any thread.
 *
 * The name: INetConnection::Rename is documented ("INetConnection::Rename method (netcon.h)"), in pages that say of
 * themselves that it may be altered in later versions. It asks a service, on a thread of its own, for a limited time.
 *
 * The GUID: undocumented. Windows makes one up when it installs a network device, unless the value
 * NetSetupAnticipatedInstanceId is in the device's driver key by then. That key exists once a device of that name has been
 * there: so one without driver is made first, and taken away again. Windows keeps the GUID with the device's entry: without
 * this it is not the one that the program named, but it is the same on every run.
 */
#define COBJMACROS
#include "library/library.h"
#include "wdk/missing.h"
#include <objbase.h>
#include <netcon.h>

#define NAMING_MS     5000 /* for the whole of it */
#define LISTING_MS    2000 /* until the connection is listed: the service hears of new ones a little later */
#define LOOK_AGAIN_MS 100
#define STUB_MS       5000

/* netcon.h has them for initguid.h only */
static const CLSID ConnectionManager = {0xba126ad1, 0x2166, 0x11d1, {0xb1, 0xd0, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};
static const IID IConnectionManager = {0xc08956a2, 0x1cd3, 0x11d1, {0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};

/* --- the connection's name ------------------------------------------------------------------------------------------- */

typedef struct _NAMING
{
    JOB Job;
    GUID Interface;
    HRESULT Result;
    WCHAR Name[PLAINTUN_NAME_MAX + 1];
} NAMING;

static void FreeNaming(JOB *Job)
{
    Free(Job);
}

/* "NcFreeNetconProperties function (netcon.h)", Netshell.dll */
static void FreeProperties(NETCON_PROPERTIES *Properties)
{
    HMODULE Shell = LoadLibraryExW(L"netshell.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    VOID(WINAPI * Release)(NETCON_PROPERTIES *) =
        Shell != NULL ? (VOID(WINAPI *)(NETCON_PROPERTIES *))(void *)GetProcAddress(Shell, "NcFreeNetconProperties")
                      : NULL;
    if (Release != NULL)
        Release(Properties);
    if (Shell != NULL)
        FreeLibrary(Shell);
}

/* Unit by unit: to a language, names that look different may be the same ("CompareStringOrdinal function"). */
static BOOL SameName(LPCWSTR Left, LPCWSTR Right)
{
    return CompareStringOrdinal(Left, -1, Right, -1, FALSE) == CSTR_EQUAL;
}

/* S_FALSE: it is not the one. */
static HRESULT RenameIfSought(INetConnection *Connection, const NAMING *Naming)
{
    /* The service changes names on behalf of administrators: it must be able to see that we are one. */
    CoSetProxyBlanket((IUnknown *)Connection, RPC_C_AUTHN_WINNT, RPC_C_AUTHZ_NONE, NULL, RPC_C_AUTHN_LEVEL_CALL,
                      RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE);
    NETCON_PROPERTIES *Properties;
    HRESULT Result = INetConnection_GetProperties(Connection, &Properties);
    if (FAILED(Result) || Properties == NULL)
        return S_FALSE; /* a broken one is not ours to mend */
    Result = S_FALSE;
    if (IsEqualGUID(&Properties->guidId, &Naming->Interface))
        Result = !SameName(Properties->pszwName, Naming->Name) ? INetConnection_Rename(Connection, Naming->Name) : S_OK;
    FreeProperties(Properties);
    return Result;
}

static HRESULT RenameInList(INetConnectionManager *Manager, const NAMING *Naming)
{
    IEnumNetConnection *List;
    HRESULT Result = INetConnectionManager_EnumConnections(Manager, NCME_DEFAULT, &List);
    if (FAILED(Result))
        return Result;
    Result = S_FALSE;
    INetConnection *Connection;
    ULONG Got;
    while (Result == S_FALSE && IEnumNetConnection_Next(List, 1, &Connection, &Got) == S_OK && Got == 1)
    {
        Result = RenameIfSought(Connection, Naming);
        INetConnection_Release(Connection);
    }
    IEnumNetConnection_Release(List);
    return Result;
}

static DWORD NameOnThread(JOB *Job)
{
    NAMING *Naming = (NAMING *)Job;
    ULONG64 Deadline = AwakeMs() + LISTING_MS;
    Naming->Result = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(Naming->Result))
        return NO_ERROR;
    INetConnectionManager *Manager;
    Naming->Result = CoCreateInstance(&ConnectionManager, NULL, CLSCTX_LOCAL_SERVER | CLSCTX_INPROC_SERVER,
                                      &IConnectionManager, (void **)&Manager);
    if (FAILED(Naming->Result))
        goto uninitialize;
    while ((Naming->Result = RenameInList(Manager, Naming)) == S_FALSE && TimeLeft(Deadline) != 0)
        Sleep(LOOK_AGAIN_MS);
    INetConnectionManager_Release(Manager);

uninitialize:
    CoUninitialize();
    return NO_ERROR;
}

static HRESULT NameInTime(const GUID *Interface, LPCWSTR Name, DWORD Milliseconds)
{
    NAMING *Naming = Allocate(sizeof(*Naming));
    if (Naming == NULL)
        return E_OUTOFMEMORY;
    Naming->Job.Work = NameOnThread;
    Naming->Job.Free = FreeNaming;
    Naming->Interface = *Interface;
    lstrcpynW(Naming->Name, Name, ARRAYSIZE(Naming->Name));
    if (!JobStart(&Naming->Job))
        return HRESULT_FROM_WIN32(GetLastError());
    JobAwait(&Naming->Job, AwakeMs() + Milliseconds);
    DWORD Error;
    HRESULT Result = JobLeave(&Naming->Job, &Error) ? HRESULT_FROM_WIN32(ERROR_TIMEOUT)
                     : Error != NO_ERROR            ? HRESULT_FROM_WIN32(Error)
                                                    : Naming->Result;
    JobUnreference(&Naming->Job);
    return Result;
}

DWORD NameConnection(const NET_LUID *Luid, LPCWSTR Name, ULONG64 Deadline)
{
    DWORD Left = TimeLeft(Deadline);
    GUID Interface;
    if (ConvertInterfaceLuidToGuid(Luid, &Interface) != NO_ERROR)
        return NO_ERROR; /* it is gone, and others will say so */
    /* Nothing of others is renamed, even if it has our GUID. */
    HRESULT Result = S_FALSE;
    NET_LUID Same;
    if (ConvertInterfaceGuidToLuid(&Interface, &Same) == NO_ERROR && Same.Value == Luid->Value)
        Result = NameInTime(&Interface, Name, Left < NAMING_MS ? Left : NAMING_MS);
    if (Result == HRESULT_FROM_WIN32(ERROR_DUP_NAME) || Result == HRESULT_FROM_WIN32(ERROR_ALREADY_EXISTS) ||
        Result == HRESULT_FROM_WIN32(ERROR_OBJECT_ALREADY_EXISTS))
        return LogError(
            ERROR_ALREADY_EXISTS,
            L"naming the network connection \"%1\": another one, maybe of a device that is not connected now, "
            L"has that name; use another name, or rename or remove that one",
            Name);
    /* "INetConnection::Rename method (netcon.h)" has E_INVALIDARG; names.c knows no name that is refused so. */
    if (Result == E_INVALIDARG || Result == HRESULT_FROM_WIN32(ERROR_INVALID_NAME))
        return LogError(ERROR_INVALID_PARAMETER,
                        L"naming the network connection \"%1\": Windows takes no such name; use another one", Name);
    if (Result == S_FALSE)
        Result = HRESULT_FROM_WIN32(ERROR_NOT_FOUND);
    if (FAILED(Result))
        Log(PLAINTUN_LOG_WARN,
            L"the network connection keeps the name that Windows gave it, \"%1\" was refused (0x%2!08x!)", Name,
            Result);
    return NO_ERROR;
}

/* --- the network's GUID ---------------------------------------------------------------------------------------------- */

/* "CM_Open_DevNode_Key function (cfgmgr32.h)" */
static DWORD Anticipate(LPCWSTR InstanceId, const GUID *Guid)
{
    WCHAR Text[GUID_STRING_LENGTH + 1];
    GuidToString(Guid, Text);
    DEVINST Node;
    HKEY Key;
    if (CM_Locate_DevNodeW(&Node, (DEVINSTID_W)InstanceId, CM_LOCATE_DEVNODE_PHANTOM) != CR_SUCCESS ||
        CM_Open_DevNode_Key(Node, KEY_SET_VALUE, 0, RegDisposition_OpenAlways, &Key, CM_REGISTRY_SOFTWARE) !=
            CR_SUCCESS)
        return ERROR_FILE_NOT_FOUND;
    LONG Error =
        RegSetValueExW(Key, L"NetSetupAnticipatedInstanceId", 0, REG_SZ, (const BYTE *)Text, (DWORD)sizeof(Text));
    RegCloseKey(Key);
    return Error;
}

void AnticipateNetwork(const GUID *Guid, ULONG64 Deadline)
{
    /* DEVPKEY_Device_ClassGuid (devpkey.h); GUID_DEVCLASS_NET (devguid.h): driver keys are sorted by class. */
    static const DEVPROPKEY ClassKey = {{0xa45c254e, 0xdf1c, 0x4efd, {0x80, 0x20, 0x67, 0xd1, 0x46, 0xa8, 0x50, 0xe0}},
                                        10};
    static const GUID NetClass = {0x4d36e972, 0xe325, 0x11ce, {0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18}};
    const DEVPROPERTY Class = {
        {ClassKey, DEVPROP_STORE_SYSTEM, NULL}, DEVPROP_TYPE_GUID, sizeof(NetClass), (PVOID)&NetClass};
    ULONG64 Limit = AwakeMs() + STUB_MS;
    /* "SW_DEVICE_CREATE_INFO structure": a device that needs a driver must have an ID; for this one there is none. */
    CREATED_DEVICE *Stub;
    DWORD Error = MakeDevice(Guid, PLAINTUN_HARDWARE_ID L".network\0", L"", &Class, 1,
                             Limit < Deadline ? Limit : Deadline, &Stub);
    if (Error == NO_ERROR)
    {
        Error = Anticipate(Stub->InstanceId, Guid);
        ReleaseDevice(Stub, FALSE);
    }
    if (Error != NO_ERROR)
        Log(PLAINTUN_LOG_WARN, L"Windows chooses the GUID of the adapter's network (%1!u!)", Error);
}
