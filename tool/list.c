/* SPDX-License-Identifier: MIT */
/* plaintun list: the adapters of this product, with what is wrong with those that do not work. */
#include "tool/tool.h"

static void ListAsJson(const PLAINTUN_ADAPTER_INFO *Adapters, DWORD Count)
{
    JsonBegin(NULL, L'[');
    for (DWORD i = 0; i < Count; ++i)
    {
        JsonBegin(NULL, L'{');
        AdapterJson(&Adapters[i]);
        JsonText(L"state", AdapterStateName(Adapters[i].State));
        JsonNumber(L"problem", Adapters[i].Problem);
        JsonFlag(L"persistent", Adapters[i].Flags & PLAINTUN_ADAPTER_PERSISTENT);
        JsonNumber(L"creator_process", Adapters[i].CreatorProcessId);
        JsonNumber(L"session_process", Adapters[i].SessionProcessId);
        JsonNumber(L"monitor_process", Adapters[i].MonitorProcessId);
        JsonEnd(L'}');
    }
    JsonEnd(L']');
}

static void ListAsText(const PLAINTUN_ADAPTER_INFO *Adapters, DWORD Count)
{
    if (Count == 0)
    {
        Print(L"There are no adapters.\n");
        return;
    }
    Print(L"%-20ls %-10ls %5ls %6ls %8ls %8ls  %ls\n", L"NAME", L"STATE", L"INDEX", L"MTU", L"CREATOR", L"SESSION",
          L"GUID");
    for (DWORD i = 0; i < Count; ++i)
    {
        const PLAINTUN_ADAPTER_INFO *Adapter = &Adapters[i];
        BOOL Persistent = Adapter->Flags & PLAINTUN_ADAPTER_PERSISTENT;
        WCHAR Creator[16];
        Format(Creator, ARRAYSIZE(Creator), L"%lu", Adapter->CreatorProcessId);
        WCHAR Guid[GUID_TEXT];
        GuidText(&Adapter->Guid, Guid);
        Print(L"%-20ls %-10ls %5lu %6lu %8ls %8lu  %ls\n", Adapter->Name, AdapterStateName(Adapter->State),
              Adapter->InterfaceIndex, Adapter->Mtu, Persistent ? L"persists" : Creator, Adapter->SessionProcessId,
              Guid);
        if (Adapter->State == PLAINTUN_ADAPTER_STOPPED)
            Print(L"    problem %lu: %ls\n", Adapter->Problem, AdapterProblem(Adapter));
    }
}

static EXIT_CODE Run(const ARGUMENTS *Arguments)
{
    EXIT_CODE Code = EXIT_OK;
    PLAINTUN_ADAPTER_INFO *Adapters;
    DWORD Count;
    if (!AdapterList(&Adapters, &Count, &Code))
        return Code;
    if (Json)
        ListAsJson(Adapters, Count);
    else
        ListAsText(Adapters, Count);
    if (Adapters != NULL)
        HeapFree(GetProcessHeap(), 0, Adapters);
    return EXIT_OK;
}

const COMMAND ListCommand = {
    .Name = L"list",
    .Operands = L"",
    .HasJson = TRUE,
    .Summary = L"the adapters, with their state",
    .Text = L"Lists the adapters of this product. States:\n"
            L"  connected  a program has a session on it (SESSION is that process)\n"
            L"  ready      it works, and waits for a program\n"
            L"  stopped    it is there and does not work; the line below says why\n"
            L"  absent     left over, not there\n"
            L"CREATOR is the process with which the adapter goes.\n"
            L"\n"
            L"  " TOOL_NAME L" list\n"
            L"  " TOOL_NAME L" list --json\n",
    .Run = Run,
};
