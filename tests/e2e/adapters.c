/* SPDX-License-Identifier: MIT */
/*
 * adapters: a Windows program for test_adapters.py. It reads commands from standard input and answers each with the lines
 * of what it found, then "ok" or "error NUMBER TEXT", where TEXT is what PlaintunGetMessage says.
 *
 *   create SLOT [guid=GUID] [mtu=N] [metric=N] [timeout=MS] [persistent] [access=SDDL] [tunnel=TYPE] name=NAME
 *                                            name comes last;
 *                                            says "creating" when the library is about to be called
 *   open SLOT NAME     openguid SLOT GUID     openluid SLOT NUMBER     close SLOT     info SLOT     rename SLOT NAME
 *   start SLOT         end SLOT               metric SLOT              alias SLOT     list          remove GUID
 *   version            delete-driver          other-thread             quit
 *   access SDDL        access *N              the access list, one of N wrong units, of the next create with "access"
 *
 * In names and lists \uXXXX is a unit: halves of surrogate pairs are not in UTF-8.
 *
 *   adapters.exe [WORD]                      the word is for finding the process
 *   adapters.exe cycle COUNT NAME            creates and closes an adapter COUNT times, says "cycle MS" for each, "done"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/example.h"
#include "plaintun.h"

#define SLOTS 32

static PLAINTUN_ADAPTER_HANDLE Adapters[SLOTS];
static PLAINTUN_SESSION_HANDLE Sessions[SLOTS];

static BOOL ParseGuid(const char *Text, GUID *Guid)
{
    unsigned D[11];
    if (sscanf(Text, "{%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}", &D[0], &D[1], &D[2], &D[3], &D[4], &D[5], &D[6], &D[7],
               &D[8], &D[9], &D[10]) != 11)
        return FALSE;
    *Guid = (GUID){.Data1 = D[0], .Data2 = (WORD)D[1], .Data3 = (WORD)D[2]};
    for (int i = 0; i < 8; i++)
        Guid->Data4[i] = (BYTE)D[3 + i];
    return TRUE;
}

static const char *Narrow(LPCWSTR Text)
{
    static char Buffer[4096];
    WideCharToMultiByte(CP_UTF8, 0, Text, -1, Buffer, sizeof(Buffer), NULL, NULL);
    return Buffer;
}

static WCHAR *Wide(const char *Text, WCHAR *Buffer, int Units)
{
    MultiByteToWideChar(CP_UTF8, 0, Text, -1, Buffer, Units);
    for (WCHAR *Escape = Buffer; (Escape = wcsstr(Escape, L"\\u")) != NULL; ++Escape)
    {
        WCHAR Digits[5] = {Escape[2], Escape[3], Escape[4], Escape[5]};
        *Escape = (WCHAR)wcstoul(Digits, NULL, 16);
        memmove(Escape + 1, Escape + 6, (wcslen(Escape + 6) + 1) * sizeof(WCHAR));
    }
    return Buffer;
}

static void Answer(BOOL Good)
{
    DWORD Error = GetLastError();
    if (Good)
        puts("ok");
    else
    {
        WCHAR Text[1024];
        DWORD Length = PlaintunGetMessage(Text, ARRAYSIZE(Text));
        printf("error %lu %s\n", Error, Length != 0 ? Narrow(Text) : "");
    }
    fflush(stdout);
}

static void PrintInfo(const PLAINTUN_ADAPTER_INFO *Info)
{
    const GUID *G = &Info->Guid;
    printf("adapter luid=%llu index=%lu mtu=%lu version=%lu state=%d problem=%lu flags=%lu creator=%lu session=%lu "
           "monitor=%lu "
           "guid={%08lX-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X} name=%s\n",
           Info->Luid.Value, Info->InterfaceIndex, Info->Mtu, Info->DriverVersion, Info->State, Info->Problem,
           Info->Flags, Info->CreatorProcessId, Info->SessionProcessId, Info->MonitorProcessId, G->Data1, G->Data2,
           G->Data3, G->Data4[0], G->Data4[1], G->Data4[2], G->Data4[3], G->Data4[4], G->Data4[5], G->Data4[6],
           G->Data4[7], Narrow(Info->Name));
}

static WCHAR *AccessList;

static BOOL KeepAccessList(const char *Text)
{
    size_t Length = Text[0] == '*' ? strtoul(Text + 1, NULL, 10) : strlen(Text);
    free(AccessList);
    AccessList = calloc(Length + 1, sizeof(WCHAR));
    if (Text[0] != '*')
        Wide(Text, AccessList, (int)Length + 1);
    for (size_t i = 0; Text[0] == '*' && i < Length; i++)
        AccessList[i] = L'x';
    return TRUE;
}

static BOOL Create(DWORD Slot, char *Options)
{
    PLAINTUN_ADAPTER_CONFIG Config = {.Size = sizeof(Config)};
    GUID Guid;
    WCHAR Name[256], Access[512], Tunnel[128];
    for (char *Word = Options; *Word;)
    {
        char *End = strncmp(Word, "name=", 5) == 0 ? NULL : strchr(Word, ' ');
        if (End)
            *End = 0;
        if (strncmp(Word, "name=", 5) == 0)
            Config.Name = Wide(Word + 5, Name, 256);
        else if (strncmp(Word, "guid=", 5) == 0 && ParseGuid(Word + 5, &Guid))
            Config.Guid = &Guid;
        else if (strncmp(Word, "mtu=", 4) == 0)
            Config.Mtu = strtoul(Word + 4, NULL, 10);
        else if (strncmp(Word, "metric=", 7) == 0)
            Config.Metric = strtoul(Word + 7, NULL, 10);
        else if (strncmp(Word, "timeout=", 8) == 0)
            Config.TimeoutMs = strtoul(Word + 8, NULL, 10);
        else if (strncmp(Word, "access=", 7) == 0)
            Config.AccessList = Wide(Word + 7, Access, 512);
        else if (strcmp(Word, "access") == 0)
            Config.AccessList = AccessList;
        else if (strncmp(Word, "tunnel=", 7) == 0)
            Config.TunnelType = Wide(Word + 7, Tunnel, 128);
        else if (strcmp(Word, "persistent") == 0)
            Config.Flags = PLAINTUN_ADAPTER_PERSISTENT;
        if (!End)
            break;
        Word = End + 1;
    }
    puts("creating");
    fflush(stdout);
    Adapters[Slot] = PlaintunCreateAdapter(&Config);
    return Adapters[Slot] != NULL;
}

static BOOL List(void)
{
    DWORD Count = PlaintunListAdapters(NULL, 0);
    PLAINTUN_ADAPTER_INFO *List = calloc(Count + 1, sizeof(*List));
    Count = PlaintunListAdapters(List, Count);
    for (DWORD i = 0; i < Count; i++)
        PrintInfo(&List[i]);
    free(List);
    return GetLastError() == NO_ERROR;
}

static BOOL PrintInterface(DWORD Slot, const char *What)
{
    WCHAR Alias[IF_MAX_STRING_SIZE + 1] = L"?";
    PLAINTUN_ADAPTER_INFO Info;
    if (!PlaintunGetAdapterInfo(Adapters[Slot], &Info))
        return FALSE;
    for (int i = 0; i < 2 && strcmp(What, "metric") == 0; i++)
    {
        MIB_IPINTERFACE_ROW Row = {.Family = i == 0 ? AF_INET : AF_INET6, .InterfaceLuid = Info.Luid};
        if (GetIpInterfaceEntry(&Row) == NO_ERROR)
            printf("ipv%d metric=%lu automatic=%d mtu=%lu\n", i == 0 ? 4 : 6, Row.Metric, Row.UseAutomaticMetric,
                   Row.NlMtu);
    }
    if (strcmp(What, "alias") == 0)
    {
        ConvertInterfaceLuidToAlias(&Info.Luid, Alias, ARRAYSIZE(Alias));
        printf("alias %s\n", Narrow(Alias));
    }
    return TRUE;
}

/* A thread that never failed has no text, whatever others have; one that failed loses it with its end. */
static DWORD WINAPI OtherThread(void *Context)
{
    WCHAR Text[8];
    DWORD Before = PlaintunGetMessage(Text, ARRAYSIZE(Text));
    PlaintunOpenAdapter(NULL);
    DWORD Length = PlaintunGetMessage(Text, ARRAYSIZE(Text));
    printf("other before=%lu length=%lu cut=%d\n", Before, Length, lstrlenW(Text));
    return 0;
}

static BOOL Command(char *Line)
{
    char Verb[32] = "", Rest[1024] = "";
    unsigned Slot = 0;
    sscanf(Line, "%31s %u %1023[^\r\n]", Verb, &Slot, Rest);
    Slot %= SLOTS;
    if (strcmp(Verb, "access") == 0)
        return KeepAccessList(strchr(Line, ' ') + 1);
    if (strcmp(Verb, "create") == 0)
        return Create(Slot, Rest);
    WCHAR Name[1024];
    if (strcmp(Verb, "open") == 0)
        return (Adapters[Slot] = PlaintunOpenAdapter(Wide(Rest, Name, 1024))) != NULL;
    GUID Guid;
    if (strcmp(Verb, "openguid") == 0)
        return (Adapters[Slot] = PlaintunOpenAdapterByGuid(ParseGuid(Rest, &Guid) ? &Guid : NULL)) != NULL;
    if (strcmp(Verb, "openluid") == 0)
        return (Adapters[Slot] = PlaintunOpenAdapterByLuid(&(NET_LUID){.Value = strtoull(Rest, NULL, 10)})) != NULL;
    if (strcmp(Verb, "close") == 0)
    {
        PLAINTUN_ADAPTER_INFO Info;
        BOOL Known = PlaintunGetAdapterInfo(Adapters[Slot], &Info);
        PlaintunCloseAdapter(Adapters[Slot]);
        Adapters[Slot] = NULL;
        PLAINTUN_ADAPTER_INFO List[64];
        DWORD Count = Known ? PlaintunListAdapters(List, ARRAYSIZE(List)) : 0;
        for (DWORD i = 0; i < Count && i < ARRAYSIZE(List); i++)
            if (IsEqualGUID(&List[i].Guid, &Info.Guid))
                printf("left state=%d\n", List[i].State);
        return TRUE;
    }
    if (strcmp(Verb, "info") == 0)
    {
        PLAINTUN_ADAPTER_INFO Info;
        if (!PlaintunGetAdapterInfo(Adapters[Slot], &Info))
            return FALSE;
        PrintInfo(&Info);
        return TRUE;
    }
    if (strcmp(Verb, "rename") == 0)
        return PlaintunRenameAdapter(Adapters[Slot], Wide(Rest, Name, 1024));
    if (strcmp(Verb, "start") == 0)
        return (Sessions[Slot] = PlaintunStartSession(Adapters[Slot], NULL)) != NULL;
    if (strcmp(Verb, "end") == 0)
    {
        PlaintunEndSession(Sessions[Slot]);
        return TRUE;
    }
    if (strcmp(Verb, "metric") == 0 || strcmp(Verb, "alias") == 0)
        return PrintInterface(Slot, Verb);
    if (strcmp(Verb, "list") == 0)
        return List();
    if (strcmp(Verb, "remove") == 0 && sscanf(Line, "%*s %1023s", Rest) == 1)
        return PlaintunRemoveAdapter(ParseGuid(Rest, &Guid) ? &Guid : NULL);
    if (strcmp(Verb, "version") == 0)
        return PlaintunGetDriverVersion() != 0;
    if (strcmp(Verb, "delete-driver") == 0)
        return PlaintunDeleteDriver();
    if (strcmp(Verb, "other-thread") == 0)
    {
        HANDLE Thread = CreateThread(NULL, 0, OtherThread, NULL, 0, NULL);
        WaitForSingleObject(Thread, INFINITE);
        return CloseHandle(Thread);
    }
    SetLastError(ERROR_CALL_NOT_IMPLEMENTED);
    return FALSE;
}

static int Cycle(unsigned Count, LPCWSTR Name)
{
    for (unsigned i = 0; i < Count; i++)
    {
        WCHAR Text[1024] = L"";
        ULONGLONG Begin = GetTickCount64();
        PLAINTUN_ADAPTER_HANDLE Adapter =
            PlaintunCreateAdapter(&(PLAINTUN_ADAPTER_CONFIG){.Size = sizeof(PLAINTUN_ADAPTER_CONFIG), .Name = Name});
        if (!Adapter)
        {
            DWORD Error = GetLastError();
            PlaintunGetMessage(Text, ARRAYSIZE(Text));
            printf("failed %lu %s\n", Error, Narrow(Text));
            return 1;
        }
        printf("cycle %llu\n", GetTickCount64() - Begin);
        fflush(stdout);
        PlaintunCloseAdapter(Adapter);
    }
    puts("done");
    return 0;
}

int wmain(int Count, WCHAR **Arguments)
{
    if (Count == 4 && wcscmp(Arguments[1], L"cycle") == 0)
        return Cycle(wcstoul(Arguments[2], NULL, 10), Arguments[3]);
    puts("ok ready");
    fflush(stdout);
    char Line[2048];
    while (fgets(Line, sizeof(Line), stdin))
    {
        if (strncmp(Line, "quit", 4) == 0)
            break;
        Line[strcspn(Line, "\r\n")] = 0;
        Answer(Command(Line));
    }
    for (int i = 0; i < SLOTS; i++)
        PlaintunCloseAdapter(Adapters[i]);
    return 0;
}
