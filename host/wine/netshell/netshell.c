/* SPDX-License-Identifier: MIT */
/*
 * netshell.dll: the list of network connections (INetConnectionManager and its kin, netcon.h), which Wine lacks. In Windows
 * a service has it; here each process has its own, made from IP Helper's interfaces. A connection's name is the alias of
 * the Linux interface, behind its GUID (luid.h); no two connections have the same. Any thread; no state but references.
 */
#define COBJMACROS
#include "host/wine/iphlpapi/iphelper.h"
#include <initguid.h>
#include <objbase.h>
#include <netcon.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

DEFINE_GUID(ConnectionManagerClass, 0xba126ad1, 0x2166, 0x11d1, 0xb1, 0xd0, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e);
DEFINE_GUID(ConnectionManagerInterface, 0xc08956a2, 0x1cd3, 0x11d1, 0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e);
DEFINE_GUID(ConnectionInterface, 0xc08956a1, 0x1cd3, 0x11d1, 0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e);
DEFINE_GUID(ConnectionListInterface, 0xc08956a0, 0x1cd3, 0x11d1, 0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e);

/* libuuid has them for amd64 only */
DEFINE_GUID(UnknownInterface, 0x00000000, 0x0000, 0x0000, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46);
DEFINE_GUID(FactoryInterface, 0x00000001, 0x0000, 0x0000, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46);

/* A connection, a list of them, and the manager alike: the interface pointer is the object. */
typedef struct _OBJECT
{
    const VOID *Vtbl;
    const IID *Interface;
    LONG References;
    MIB_IF_TABLE2 *Table; /* of a list */
    ULONG Next;
    MIB_IF_ROW2 Row; /* of a connection */
} OBJECT;

static HRESULT Make(const VOID *Vtbl, const IID *Interface, OBJECT **Object)
{
    *Object = calloc(1, sizeof(**Object));
    if (!*Object)
        return E_OUTOFMEMORY;
    (*Object)->Vtbl = Vtbl;
    (*Object)->Interface = Interface;
    (*Object)->References = 1;
    return S_OK;
}

static HRESULT WINAPI Query(OBJECT *This, REFIID Interface, VOID **Out)
{
    *Out = NULL;
    if (!IsEqualIID(Interface, &UnknownInterface) && !IsEqualIID(Interface, This->Interface))
        return E_NOINTERFACE;
    InterlockedIncrement(&This->References);
    *Out = This;
    return S_OK;
}

static ULONG WINAPI AddReference(OBJECT *This)
{
    return (ULONG)InterlockedIncrement(&This->References);
}

static ULONG WINAPI Release(OBJECT *This)
{
    LONG Left = InterlockedDecrement(&This->References);
    if (Left)
        return (ULONG)Left;
    if (This->Table)
        FreeMibTable(This->Table);
    free(This);
    return 0;
}

/* --- a connection -------------------------------------------------------------------------------------------------- */

static HRESULT WINAPI NotHere(OBJECT *This)
{
    return E_NOTIMPL;
}

static HRESULT WINAPI Duplicate(OBJECT *This, LPCWSTR Name, INetConnection **Copy)
{
    return E_NOTIMPL;
}

static HRESULT WINAPI GetUiObjectClassId(OBJECT *This, CLSID *Class)
{
    return E_NOTIMPL;
}

static WCHAR *CopyText(const WCHAR *Text)
{
    SIZE_T Size = (wcslen(Text) + 1) * sizeof(WCHAR);
    WCHAR *Copy = CoTaskMemAlloc(Size);
    if (Copy)
        memcpy(Copy, Text, Size);
    return Copy;
}

VOID WINAPI NcFreeNetconProperties(NETCON_PROPERTIES *Properties)
{
    if (!Properties)
        return;
    CoTaskMemFree(Properties->pszwName);
    CoTaskMemFree(Properties->pszwDeviceName);
    CoTaskMemFree(Properties);
}

/* "INetConnection::GetProperties method (netcon.h)" */
static HRESULT WINAPI GetProperties(OBJECT *This, NETCON_PROPERTIES **Out)
{
    NETCON_PROPERTIES *Properties = CoTaskMemAlloc(sizeof(*Properties));
    *Out = NULL;
    if (!Properties)
        return E_OUTOFMEMORY;
    *Properties = (NETCON_PROPERTIES){
        .guidId = This->Row.InterfaceGuid,
        .pszwName = CopyText(This->Row.Alias),
        .pszwDeviceName = CopyText(This->Row.Description),
        .Status = This->Row.OperStatus == IfOperStatusUp ? NCS_CONNECTED : NCS_MEDIA_DISCONNECTED,
        .MediaType = NCM_LAN,
        .dwCharacter = NCCF_ALL_USERS | NCCF_ALLOW_RENAME,
    };
    if (!Properties->pszwName || !Properties->pszwDeviceName)
    {
        NcFreeNetconProperties(Properties);
        return E_OUTOFMEMORY;
    }
    *Out = Properties;
    return S_OK;
}

/* E_ACCESSDENIED: an interface of Linux's own, of which nothing is changed here (Windows renames those, too). E_INVALIDARG: no name, or one that a connection cannot have; ERROR_DUP_NAME: another connection has it.
 * "INetConnection::Rename method (netcon.h)" */
static HRESULT WINAPI Rename(OBJECT *This, LPCWSTR Name)
{
    if (!Name || !*Name || wcslen(Name) > IF_MAX_STRING_SIZE || wcspbrk(Name, L"\t\\/:*?\"<>|"))
        return E_INVALIDARG;
    NET_LUID Other;
    if (ConvertInterfaceAliasToLuid(Name, &Other) == NO_ERROR && Other.Value != This->Row.InterfaceLuid.Value)
        return HRESULT_FROM_WIN32(ERROR_DUP_NAME);
    IP_LINK Link;
    DWORD Error = LinkFind(&This->Row.InterfaceLuid, 0, &Link);
    if (Error == NO_ERROR && !Link.HasGuid)
        return E_ACCESSDENIED;
    if (Error == NO_ERROR)
        Error = LinkSetAlias(&Link, Name);
    return HRESULT_FROM_WIN32(Error);
}

static const struct
{
    HRESULT(WINAPI *Query)(OBJECT *, REFIID, VOID **);
    ULONG(WINAPI *AddRef)(OBJECT *);
    ULONG(WINAPI *Release)(OBJECT *);
    HRESULT(WINAPI *Connect)(OBJECT *);
    HRESULT(WINAPI *Disconnect)(OBJECT *);
    HRESULT(WINAPI *Delete)(OBJECT *);
    HRESULT(WINAPI *Duplicate)(OBJECT *, LPCWSTR, INetConnection **);
    HRESULT(WINAPI *GetProperties)(OBJECT *, NETCON_PROPERTIES **);
    HRESULT(WINAPI *GetUiObjectClassId)(OBJECT *, CLSID *);
    HRESULT(WINAPI *Rename)(OBJECT *, LPCWSTR);
} Connection = {Query,         AddReference,       Release, NotHere, NotHere, NotHere, Duplicate,
                GetProperties, GetUiObjectClassId, Rename};

/* --- the list, and the manager ------------------------------------------------------------------------------------- */

static HRESULT WINAPI Next(OBJECT *This, ULONG Count, INetConnection **Out, ULONG *Got)
{
    ULONG Given = 0;
    for (; Given < Count && This->Next < This->Table->NumEntries; This->Next++)
    {
        if (This->Table->Table[This->Next].Type == IF_TYPE_SOFTWARE_LOOPBACK)
            continue;
        OBJECT *Object;
        if (FAILED(Make(&Connection, &ConnectionInterface, &Object)))
            break;
        Object->Row = This->Table->Table[This->Next];
        Out[Given++] = (INetConnection *)Object;
    }
    if (Got)
        *Got = Given;
    return Given == Count ? S_OK : S_FALSE;
}

static HRESULT WINAPI Skip(OBJECT *This, ULONG Count)
{
    This->Next += min(Count, This->Table->NumEntries - This->Next);
    return S_OK;
}

static HRESULT WINAPI Reset(OBJECT *This)
{
    This->Next = 0;
    return S_OK;
}

static HRESULT WINAPI Clone(OBJECT *This, IEnumNetConnection **Out)
{
    return E_NOTIMPL;
}

static const struct
{
    HRESULT(WINAPI *Query)(OBJECT *, REFIID, VOID **);
    ULONG(WINAPI *AddRef)(OBJECT *);
    ULONG(WINAPI *Release)(OBJECT *);
    HRESULT(WINAPI *Next)(OBJECT *, ULONG, INetConnection **, ULONG *);
    HRESULT(WINAPI *Skip)(OBJECT *, ULONG);
    HRESULT(WINAPI *Reset)(OBJECT *);
    HRESULT(WINAPI *Clone)(OBJECT *, IEnumNetConnection **);
} ConnectionList = {Query, AddReference, Release, Next, Skip, Reset, Clone};

/* "INetConnectionManager::EnumConnections method (netcon.h)" */
static HRESULT WINAPI EnumConnections(OBJECT *This, NETCONMGR_ENUM_FLAGS Flags, IEnumNetConnection **Out)
{
    OBJECT *List;
    HRESULT Result = Make(&ConnectionList, &ConnectionListInterface, &List);
    *Out = NULL;
    if (FAILED(Result))
        return Result;
    DWORD Error = GetIfTable2(&List->Table); /* the macro names its argument twice */
    Result = HRESULT_FROM_WIN32(Error);
    if (FAILED(Result))
        Release(List);
    else
        *Out = (IEnumNetConnection *)List;
    return Result;
}

static const struct
{
    HRESULT(WINAPI *Query)(OBJECT *, REFIID, VOID **);
    ULONG(WINAPI *AddRef)(OBJECT *);
    ULONG(WINAPI *Release)(OBJECT *);
    HRESULT(WINAPI *EnumConnections)(OBJECT *, NETCONMGR_ENUM_FLAGS, IEnumNetConnection **);
} Manager = {Query, AddReference, Release, EnumConnections};

/* --- the class ----------------------------------------------------------------------------------------------------- */

static HRESULT WINAPI CreateInstance(OBJECT *This, IUnknown *Outer, REFIID Interface, VOID **Out)
{
    *Out = NULL;
    if (Outer)
        return CLASS_E_NOAGGREGATION;
    OBJECT *Object;
    HRESULT Result = Make(&Manager, &ConnectionManagerInterface, &Object);
    if (FAILED(Result))
        return Result;
    Result = Query(Object, Interface, Out);
    Release(Object);
    return Result;
}

static HRESULT WINAPI LockServer(OBJECT *This, BOOL Lock)
{
    return S_OK;
}

static const struct
{
    HRESULT(WINAPI *Query)(OBJECT *, REFIID, VOID **);
    ULONG(WINAPI *AddRef)(OBJECT *);
    ULONG(WINAPI *Release)(OBJECT *);
    HRESULT(WINAPI *CreateInstance)(OBJECT *, IUnknown *, REFIID, VOID **);
    HRESULT(WINAPI *LockServer)(OBJECT *, BOOL);
} Factory = {Query, AddReference, Release, CreateInstance, LockServer};

HRESULT WINAPI DllGetClassObject(REFCLSID Class, REFIID Interface, VOID **Out)
{
    *Out = NULL;
    if (!IsEqualCLSID(Class, &ConnectionManagerClass))
        return CLASS_E_CLASSNOTAVAILABLE;
    OBJECT *Object;
    HRESULT Result = Make(&Factory, &FactoryInterface, &Object);
    if (FAILED(Result))
        return Result;
    Result = Query(Object, Interface, Out);
    Release(Object);
    return Result;
}

/* It stays: objects may be anywhere. */
HRESULT WINAPI DllCanUnloadNow(VOID)
{
    return S_FALSE;
}
