/* SPDX-License-Identifier: MIT */
/*
 * netprofm.dll: the list of networks is Wine's; here their category is kept, which Wine 8 to 10 refuses to set (E_NOTIMPL) and
 * calls public whatever was asked for. Wine has a network for each adapter, whose GUID is its ID. The category stands where
 * Windows has it, by that ID; so all programs and all managers see the same. Wine's networks share one table of methods: with
 * the first of them its two entries are led here, which every manager does that this file makes. Any thread.
 */
#define COBJMACROS
#include <initguid.h>
#include <windows.h>
#include <netlistmgr.h>
#include <stdio.h>

#define PROFILE_KEY        L"Software\\Microsoft\\Windows NT\\CurrentVersion\\NetworkList\\Profiles\\%ls"
#define PROFILE_KEY_LENGTH 128

typedef HRESULT(WINAPI *GET_CLASS)(REFCLSID Class, REFIID Interface, VOID **Out);

/* --- the category --------------------------------------------------------------------------------------------------- */

static HRESULT ProfileKey(INetwork *Network, WCHAR Key[PROFILE_KEY_LENGTH])
{
    GUID Id;
    HRESULT Result = INetwork_GetNetworkId(Network, &Id);
    if (FAILED(Result))
        return Result;
    WCHAR Text[39];
    StringFromGUID2(&Id, Text, ARRAYSIZE(Text));
    swprintf(Key, PROFILE_KEY_LENGTH, PROFILE_KEY, Text);
    return S_OK;
}

/* Public where nobody has said otherwise. "INetwork::GetCategory method (netlistmgr.h)" */
static HRESULT WINAPI GetCategory(INetwork *This, NLM_NETWORK_CATEGORY *Category)
{
    if (!Category)
        return E_POINTER;
    WCHAR Key[PROFILE_KEY_LENGTH];
    HRESULT Result = ProfileKey(This, Key);
    DWORD Value = NLM_NETWORK_CATEGORY_PUBLIC, Size = sizeof(Value);
    if (SUCCEEDED(Result) && RegGetValueW(HKEY_LOCAL_MACHINE, Key, L"Category", RRF_RT_REG_DWORD, NULL, &Value, &Size))
        Value = NLM_NETWORK_CATEGORY_PUBLIC;
    *Category = (NLM_NETWORK_CATEGORY)Value;
    return Result;
}

/* E_INVALIDARG: neither public nor private; that of a domain nobody can set ("Set-NetConnectionProfile").
 * "INetwork::SetCategory method (netlistmgr.h)" */
static HRESULT WINAPI SetCategory(INetwork *This, NLM_NETWORK_CATEGORY Category)
{
    if (Category != NLM_NETWORK_CATEGORY_PUBLIC && Category != NLM_NETWORK_CATEGORY_PRIVATE)
        return E_INVALIDARG;
    WCHAR Key[PROFILE_KEY_LENGTH];
    HRESULT Result = ProfileKey(This, Key);
    if (FAILED(Result))
        return Result;
    DWORD Value = Category;
    LSTATUS Error = RegSetKeyValueW(HKEY_LOCAL_MACHINE, Key, L"Category", REG_DWORD, &Value, sizeof(Value));
    return HRESULT_FROM_WIN32(Error);
}

static VOID LeadHere(INetwork *Network)
{
    INetworkVtbl *Methods = (INetworkVtbl *)Network->lpVtbl;
    DWORD Old;
    if (Methods->SetCategory == SetCategory ||
        !VirtualProtect(Methods, sizeof(*Methods), PAGE_READWRITE, &Old)) /* E_NOTIMPL, as before */
        return;
    Methods->GetCategory = GetCategory;
    Methods->SetCategory = SetCategory;
    VirtualProtect(Methods, sizeof(*Methods), Old, &Old);
}

/* --- the class factory ----------------------------------------------------------------------------------------------- */

static GET_CLASS WineGetClass(VOID)
{
    HMODULE Wine = LoadLibraryW(L"netprofm_wine.dll");
    return Wine ? (GET_CLASS)(VOID *)GetProcAddress(Wine, "DllGetClassObject") : NULL;
}

static HRESULT WINAPI Query(IClassFactory *This, REFIID Interface, VOID **Out)
{
    *Out = IsEqualIID(Interface, &IID_IUnknown) || IsEqualIID(Interface, &IID_IClassFactory) ? This : NULL;
    return *Out ? S_OK : E_NOINTERFACE;
}

/* There is one, for ever. */
static ULONG WINAPI Count(IClassFactory *This)
{
    return 2;
}

static HRESULT WINAPI Create(IClassFactory *This, IUnknown *Outer, REFIID Interface, VOID **Out)
{
    GET_CLASS GetClass = WineGetClass();
    IClassFactory *Factory;
    HRESULT Result = GetClass ? GetClass(&CLSID_NetworkListManager, &IID_IClassFactory, (VOID **)&Factory)
                              : CLASS_E_CLASSNOTAVAILABLE;
    *Out = NULL;
    if (FAILED(Result))
        return Result;
    Result = IClassFactory_CreateInstance(Factory, Outer, Interface, Out);
    IClassFactory_Release(Factory);
    INetworkListManager *Manager;
    if (FAILED(Result) ||
        FAILED(IUnknown_QueryInterface((IUnknown *)*Out, &IID_INetworkListManager, (VOID **)&Manager)))
        return Result;
    IEnumNetworks *List;
    if (SUCCEEDED(INetworkListManager_GetNetworks(Manager, NLM_ENUM_NETWORK_ALL, &List)))
    {
        INetwork *Network;
        if (IEnumNetworks_Next(List, 1, &Network, NULL) == S_OK)
        {
            LeadHere(Network);
            INetwork_Release(Network);
        }
        IEnumNetworks_Release(List);
    }
    INetworkListManager_Release(Manager);
    return Result;
}

static HRESULT WINAPI Lock(IClassFactory *This, BOOL On)
{
    return S_OK;
}

HRESULT WINAPI DllGetClassObject(REFCLSID Class, REFIID Interface, VOID **Out)
{
    static IClassFactoryVtbl Methods = {Query, Count, Count, Create, Lock};
    static IClassFactory Factory = {&Methods};
    if (IsEqualCLSID(Class, &CLSID_NetworkListManager))
        return Query(&Factory, Interface, Out);
    GET_CLASS GetClass = WineGetClass();
    return GetClass ? GetClass(Class, Interface, Out) : CLASS_E_CLASSNOTAVAILABLE;
}

/* Wine's methods lead here. */
HRESULT WINAPI DllCanUnloadNow(VOID)
{
    return S_FALSE;
}
