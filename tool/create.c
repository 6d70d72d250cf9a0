/* SPDX-License-Identifier: MIT */
/* plaintun create, remove, rename: adapters come, go and change their names. */
#include "tool/tool.h"

PLAINTUN_ADAPTER_HANDLE AdapterCreate(LPCWSTR Name, const ARGUMENTS *Arguments, DWORD Flags, EXIT_CODE *Code)
{
    ULONG64 Mtu = 0, Metric = 0, Seconds = 0;
    LPCWSTR GuidGiven = OptionText(Arguments, L"--guid", NULL);
    *Code = EXIT_USAGE;
    if (!OptionNumber(Arguments, L"--mtu", PLAINTUN_MTU_MIN, PLAINTUN_PACKET_MAX, &Mtu) ||
        !OptionNumber(Arguments, L"--metric", 1, 9999, &Metric) ||
        !OptionNumber(Arguments, L"--timeout", 1, 3600, &Seconds))
        return NULL;
    GUID Guid;
    if (GuidGiven != NULL && !GuidRead(GuidGiven, &Guid))
    {
        FailUsage(L"--guid %ls: expected one like 01234567-89AB-CDEF-0123-456789ABCDEF", GuidGiven);
        return NULL;
    }
    PLAINTUN_ADAPTER_CONFIG Config = {
        .Size = sizeof(Config),
        .Mtu = (DWORD)Mtu,
        .Name = Name,
        .TunnelType = OptionText(Arguments, L"--type", NULL),
        .Guid = GuidGiven != NULL ? &Guid : NULL,
        .AccessList = OptionText(Arguments, L"--access", NULL),
        .TimeoutMs = (DWORD)Seconds * 1000,
        .Flags = Flags,
        .Metric = (DWORD)Metric,
    };
    ProgressBegin(L"creating the adapter");
    PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunCreateAdapter(&Config);
    ProgressEnd();
    if (Adapter == NULL)
        *Code = FailLibrary(L"cannot create the adapter %ls", Name);
    return Adapter;
}

static void Report(const PLAINTUN_ADAPTER_INFO *Info)
{
    if (!Json)
    {
        WCHAR Guid[GUID_TEXT];
        GuidText(&Info->Guid, Guid);
        Print(L"The adapter %ls is there: interface index %lu, MTU %lu, GUID %ls\n", Info->Name, Info->InterfaceIndex,
              Info->Mtu, Guid);
        return;
    }
    JsonBegin(NULL, L'{');
    AdapterJson(Info);
    JsonFlag(L"persistent", Info->Flags & PLAINTUN_ADAPTER_PERSISTENT);
    JsonEnd(L'}');
}

static EXIT_CODE Create(const ARGUMENTS *Arguments)
{
    LPCWSTR Name = Arguments->Operands[0];
    static ADDRESSES Addresses; /* too large for a stack without probes */
    EXIT_CODE Code;
    if (!AddressesRead(Arguments, &Addresses, &Code))
        return Code;
    BOOL Hold = OptionText(Arguments, L"--hold", NULL) != NULL;
    HANDLE Stop = StopEvent();
    if (Stop == NULL)
        return FailSystem(GetLastError(), L"cannot watch for Ctrl-C");
    PLAINTUN_ADAPTER_HANDLE Former = Hold ? NULL : PlaintunOpenAdapter(Name);
    BOOL Ours = Former == NULL; /* what a command makes and then cannot finish does not stay */
    PlaintunCloseAdapter(Former);
    PLAINTUN_ADAPTER_HANDLE Adapter = AdapterCreate(Name, Arguments, Hold ? 0 : PLAINTUN_ADAPTER_PERSISTENT, &Code);
    if (Adapter == NULL)
        return Code;
    PLAINTUN_ADAPTER_INFO Info = {0};
    if (!PlaintunGetAdapterInfo(Adapter, &Info))
        Code = FailLibrary(L"the adapter %ls does not answer", Name);
    else if (StopWanted() && !Hold)
    {
        Tell(L"stopped");
        Code = EXIT_FAILED;
    }
    else if (AddressesSet(&Addresses, &Info.Luid, &Code))
    {
        Report(&Info);
        Code = EXIT_OK;
        if (Hold)
        {
            Tell(L"the adapter stays until Ctrl-C");
            WaitForSingleObject(Stop, INFINITE);
        }
    }
    BOOL Failed = Code != EXIT_OK && Ours && !Hold;
    if (Hold || Failed)
        ProgressBegin(L"removing the adapter");
    PlaintunCloseAdapter(Adapter);
    if (Failed && !PlaintunRemoveAdapter(&Info.Guid))
        FailLibrary(L"the adapter %ls is there all the same", Name);
    ProgressEnd();
    return Code;
}

static EXIT_CODE Remove(const ARGUMENTS *Arguments)
{
    EXIT_CODE Code = EXIT_OK;
    GUID Guid;
    if (!AdapterFind(Arguments->Operands[0], &Guid, &Code))
        return Code;
    StopEvent(); /* the first Ctrl-C does not leave it half done */
    ProgressBegin(L"removing the adapter");
    if (!PlaintunRemoveAdapter(&Guid))
        Code = FailLibrary(L"cannot remove the adapter %ls", Arguments->Operands[0]);
    ProgressEnd();
    return Code;
}

static EXIT_CODE Rename(const ARGUMENTS *Arguments)
{
    EXIT_CODE Code = EXIT_OK;
    PLAINTUN_ADAPTER_HANDLE Adapter = AdapterOpen(Arguments->Operands[0], &Code);
    if (Adapter == NULL)
        return Code;
    if (!PlaintunRenameAdapter(Adapter, Arguments->Operands[1]))
        Code = FailLibrary(L"cannot rename the adapter %ls", Arguments->Operands[0]);
    PlaintunCloseAdapter(Adapter);
    return Code;
}

static const OPTION Options[] = {
    {L"--address", L"A/BITS", L"an address of the adapter; several"},
    {L"--hold", NULL, L"the adapter goes with this command, at Ctrl-C"},
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
    .Text =
        L"Makes an adapter that stays until it is removed; a program then opens it by its name. One of the same GUID\n"
        L"and name that nobody uses is taken over. Addresses are the system's to keep: they may go with a restart.\n"
        L"\n"
        L"  " TOOL_NAME L" create vpn0 --address 10.6.7.1/24 --address fd00:6:7::1/64 --mtu 1420\n"
        L"  " TOOL_NAME L" create test --hold\n",
    .Options = Options,
    .Run = Create,
};

const COMMAND RemoveCommand = {
    .Name = L"remove",
    .Operands = L"NAME|GUID",
    .OperandsMin = 1,
    .OperandsMax = 1,
    .Summary = L"removes an adapter that nobody uses",
    .Text =
        L"Removes an adapter that was made to stay, or that a program left over. One whose creator lives, or on which\n"
        L"a program has a session, stays: the error names the program.\n"
        L"\n"
        L"  " TOOL_NAME L" remove vpn0\n"
        L"  " TOOL_NAME L" remove 01234567-89AB-CDEF-0123-456789ABCDEF     with braces not in PowerShell\n",
    .Run = Remove,
};

const COMMAND RenameCommand = {
    .Name = L"rename",
    .Operands = L"NAME|GUID NEW",
    .OperandsMin = 2,
    .OperandsMax = 2,
    .Summary = L"gives an adapter another name",
    .Text = L"  " TOOL_NAME L" rename vpn0 \"Office VPN\"\n",
    .Run = Rename,
};
