/* SPDX-License-Identifier: MIT */
/* plaintun create: makes an adapter. */
#include "tool/tool.h"

PLAINTUN_ADAPTER_HANDLE AdapterCreate(LPCWSTR Name, const ARGUMENTS *Arguments, EXIT_CODE *Code)
{
    GUID Guid;
    ULONG64 Mtu = 0, TimeoutMs = 0;
    LPCWSTR GuidGiven = OptionText(Arguments, L"--guid", NULL);
    *Code = EXIT_USAGE;
    if (!OptionNumber(Arguments, L"--mtu", PLAINTUN_MTU_MIN, PLAINTUN_PACKET_MAX, &Mtu) ||
        !OptionNumber(Arguments, L"--timeout", 1, 3600, &TimeoutMs))
        return NULL;
    if (GuidGiven != NULL && !GuidRead(GuidGiven, &Guid))
    {
        FailUsage(L"--guid %ls: expected one like {01234567-89AB-CDEF-0123-456789ABCDEF}", GuidGiven);
        return NULL;
    }
    PLAINTUN_ADAPTER_CONFIG Config = {
        .Size = sizeof(Config),
        .Mtu = (DWORD)Mtu,
        .Name = Name,
        .TunnelType = OptionText(Arguments, L"--type", NULL),
        .Guid = GuidGiven != NULL ? &Guid : NULL,
        .AccessList = OptionText(Arguments, L"--access", NULL),
        .TimeoutMs = (DWORD)TimeoutMs * 1000,
    };
    ProgressBegin(L"creating the adapter");
    PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunCreateAdapter(&Config);
    ProgressEnd();
    if (Adapter == NULL)
        *Code = FailLibrary(L"cannot create the adapter %ls", Name);
    return Adapter;
}

static void Report(LPCWSTR Name, const PLAINTUN_ADAPTER_INFO *Info)
{
    WCHAR Guid[GUID_TEXT];
    GuidText(&Info->Guid, Guid);
    if (!Json)
    {
        Print(L"The adapter %ls is there: interface index %lu, MTU %lu, GUID %ls\n", Name, Info->InterfaceIndex,
              Info->Mtu, Guid);
        return;
    }
    JsonBegin(NULL, L'{');
    JsonText(L"name", Name);
    JsonText(L"guid", Guid);
    JsonNumber(L"luid", Info->Luid.Value);
    JsonNumber(L"index", Info->InterfaceIndex);
    JsonNumber(L"mtu", Info->Mtu);
    JsonEnd(L'}');
}

static EXIT_CODE Run(const ARGUMENTS *Arguments)
{
    EXIT_CODE Code;
    LPCWSTR Name = Arguments->Operands[0];
    HANDLE Stop = StopEvent();
    if (Stop == NULL)
        return FailSystem(GetLastError(), L"cannot watch for Ctrl-C");
    PLAINTUN_ADAPTER_HANDLE Adapter = AdapterCreate(Name, Arguments, &Code);
    if (Adapter == NULL)
        return Code;
    PLAINTUN_ADAPTER_INFO Info;
    if (!PlaintunGetAdapterInfo(Adapter, &Info))
        Code = FailLibrary(L"the adapter %ls does not answer", Name);
    else if (AddressesSet(Arguments, &Info.Luid, &Code))
    {
        Report(Name, &Info);
        Tell(L"the adapter stays until Ctrl-C");
        WaitForSingleObject(Stop, INFINITE);
        Code = EXIT_OK;
    }
    ProgressBegin(L"removing the adapter");
    PlaintunCloseAdapter(Adapter);
    ProgressEnd();
    return Code;
}

static const OPTION Options[] = {
    {L"--address", L"A/BITS", L"an address of the adapter; several"},
    ADAPTER_OPTIONS,
    {0},
};

const COMMAND CreateCommand = {
    .Name = L"create",
    .Operands = L"NAME",
    .OperandsMin = 1,
    .OperandsMax = 1,
    .HasJson = TRUE,
    .Summary = L"makes an adapter",
    .Text = L"Makes an adapter, which stays until Ctrl-C.\n"
            L"\n"
            L"  " TOOL_NAME L" create vpn0 --address 10.6.7.1/24 --address fd00:6:7::1/64 --mtu 1420\n",
    .Options = Options,
    .Run = Run,
};
