/* SPDX-License-Identifier: MIT */
/*
 * stronghost, a Linux process beside each Windows: what has an interface's address as its source leaves through that
 * interface, as on Windows ("MIB_IPINTERFACE_ROW structure (netioapi.h)": WeakHostSend is off). Linux looks at the
 * destination alone: it would send what a socket bound to another interface's address sends into a full tunnel, and the answer
 * of the second of two adapters in one subnet through the first.
 *
 * While there is an adapter (any Windows' one: its interface's alias begins with a GUID, shared/luid.h), each address of each
 * interface has a rule to a table of that interface, in which the routes stand that it has in the main table. What an adapter
 * has no route for is unreachable from its addresses; for other interfaces' Linux goes on to the main table. The rules come
 * after all that the machine has of its own before the main table's. Everything is worked out anew from what is there
 * whenever something changes, so that several of these processes do no harm to each other.
 *
 *   stronghost PID     goes into the background; ends after that process, when the rules are away
 *
 * It is no part of the Windows, as it tidies up where that has been killed. It holds the descriptors that it was given until
 * then: who waits for a lock finds nothing left.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/linux/netlink.h"

#define PROTOCOL      121         /* of the rules and routes here: no others are ever deleted */
#define FIRST_TABLE   1200000000u /* plus the interface's index */
#define TABLE_MAIN    254
#define TABLE_LONG    252 /* the number stands in an attribute */
#define RULE_PRIORITY 32765
#define LINGER_MS     5000
#define STEP_MS       100

#define TYPE_UNICAST     1 /* of a route */
#define ACTION_TABLE     1 /* of a rule */
#define ACTION_UNREACH   7
#define SCOPE_NOWHERE    255
#define ROUTE_ON_LINK    4
#define LINK_IS_LOOPBACK 8

/* Rules' attributes have the numbers of routes'. */
#define ATTRIBUTE_TO       1
#define ATTRIBUTE_FROM     2
#define ATTRIBUTE_DEVICE   4
#define ATTRIBUTE_GATEWAY  5
#define ATTRIBUTE_PRIORITY 6
#define ATTRIBUTE_PREFSRC  7
#define ATTRIBUTE_METRICS  8
#define ATTRIBUTE_TABLE    15
#define ATTRIBUTE_VIA      18
#define RULE_PROTOCOL      21

#define LINK_ALIAS      20
#define GUID_LENGTH     38
#define ADDRESS_ADDRESS 1
#define ADDRESS_LOCAL   2

/* A rule from an address, or a route to a destination. Entries of the same key are one and the same to Linux. */
typedef struct
{
    struct
    {
        uint32_t Index; /* the interface's; its table */
        uint8_t Family, Length, Action, Pad;
        uint8_t Address[16];
    } Key;
    uint32_t Order; /* of the dump: the first of a destination is the one that Linux takes */
    uint8_t Scope;
    uint8_t Size; /* of what follows: of a route, as it is sent */
    uint8_t Attributes[160];
} ENTRY;

typedef struct
{
    ENTRY *Entries;
    uint32_t Count, Capacity;
} LIST;

typedef struct
{
    LIST Adapters, Others, Rules, Routes, OldRules, OldRoutes;
    bool Failed;
} STATE;

static void Append(STATE *State, LIST *List, const ENTRY *Entry)
{
    if (List->Count == List->Capacity)
    {
        ENTRY *Larger = realloc(List->Entries, (2 * List->Capacity + 16) * sizeof(*Larger));
        if (!Larger)
        {
            State->Failed = true;
            return;
        }
        List->Entries = Larger;
        List->Capacity = 2 * List->Capacity + 16;
    }
    List->Entries[List->Count] = *Entry;
    List->Entries[List->Count].Order = List->Count;
    List->Count++;
}

static bool Has(const LIST *List, uint32_t Index)
{
    for (uint32_t I = 0; I < List->Count; I++)
        if (List->Entries[I].Key.Index == Index)
            return true;
    return false;
}

static uint32_t AddressLength(uint8_t Family)
{
    return Family == LINUX_AF_INET6 ? 16 : 4;
}

static uint32_t Number(const NETLINK_ATTRIBUTES *Attributes, int Which, uint32_t Absent)
{
    return Attributes->Length[Which] >= 4 ? *(const uint32_t *)Attributes->Data[Which] : Absent;
}

/* --- what is there --------------------------------------------------------------------------------------------------- */

static int TakeLink(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    STATE *State = Context;
    const NETLINK_LINK *Link = Fixed;
    const char *Alias = Attributes->Data[LINK_ALIAS];
    bool IsAdapter = Attributes->Length[LINK_ALIAS] >= GUID_LENGTH && Alias[0] == '{' && Alias[GUID_LENGTH - 1] == '}';
    if (Type == NETLINK_LINK_NEW && !(Link->Flags & LINK_IS_LOOPBACK))
        Append(State, IsAdapter ? &State->Adapters : &State->Others, &(ENTRY){.Key = {.Index = (uint32_t)Link->Index}});
    return 0;
}

static void AddRule(STATE *State, LIST *List, uint32_t Index, uint8_t Family, uint8_t Action, const void *Address)
{
    ENTRY Rule = {
        .Key = {.Index = Index, .Family = Family, .Length = (uint8_t)(8 * AddressLength(Family)), .Action = Action}};
    memcpy(Rule.Key.Address, Address, AddressLength(Family));
    Append(State, List, &Rule);
}

/* Link-local ones are bound to their interface anyway. */
static int TakeAddress(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    STATE *State = Context;
    const NETLINK_ADDRESS *Row = Fixed;
    int Which = Attributes->Data[ADDRESS_LOCAL] ? ADDRESS_LOCAL : ADDRESS_ADDRESS;
    const uint8_t *Address = Attributes->Data[Which];
    bool IsAdapter = Has(&State->Adapters, Row->Index);
    if (Type != NETLINK_ADDRESS_NEW || (Row->Family != LINUX_AF_INET && Row->Family != LINUX_AF_INET6) ||
        Attributes->Length[Which] < AddressLength(Row->Family) || (!IsAdapter && !Has(&State->Others, Row->Index)) ||
        (Row->Family == LINUX_AF_INET6 && Address[0] == 0xfe && (Address[1] & 0xc0) == 0x80))
        return 0;
    if (State->Adapters.Count)
        AddRule(State, &State->Rules, Row->Index, Row->Family, ACTION_TABLE, Address);
    if (IsAdapter)
        AddRule(State, &State->Rules, Row->Index, Row->Family, ACTION_UNREACH, Address);
    return 0;
}

/* What of a route is carried over beside its key. */
static const uint16_t Carried[] = {ATTRIBUTE_GATEWAY, ATTRIBUTE_PREFSRC, ATTRIBUTE_METRICS, ATTRIBUTE_VIA};

/* One with more than there is room for is left to the main table. */
static int TakeRoute(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    STATE *State = Context;
    const NETLINK_ROUTE *Row = Fixed;
    uint32_t Table = Number(Attributes, ATTRIBUTE_TABLE, Row->Table), Device = Number(Attributes, ATTRIBUTE_DEVICE, 0);
    bool IsOld = Row->Protocol == PROTOCOL && Table >= FIRST_TABLE;
    bool IsWanted =
        Table == TABLE_MAIN && State->Adapters.Count && (Has(&State->Adapters, Device) || Has(&State->Others, Device));
    if (Type != NETLINK_ROUTE_NEW || Row->Type != TYPE_UNICAST || Row->Tos || Row->SourceLength || !Device ||
        (!IsOld && !IsWanted))
        return 0;
    ENTRY New = {
        .Key = {.Index = Device, .Family = Row->Family, .Length = Row->DestinationLength, .Action = TYPE_UNICAST},
        .Scope = Row->Scope};
    if (Attributes->Data[ATTRIBUTE_TO])
        memcpy(New.Key.Address, Attributes->Data[ATTRIBUTE_TO], AddressLength(Row->Family));
    for (uint32_t I = 0; I < sizeof(Carried) / sizeof(*Carried); I++)
    {
        uint32_t Length = Attributes->Length[Carried[I]], Padded = (Length + 3) & ~3u;
        if (!Attributes->Data[Carried[I]])
            continue;
        if (New.Size + 4 + Padded > sizeof(New.Attributes))
            return 0;
        uint16_t Head[2] = {(uint16_t)(4 + Length), Carried[I]};
        memcpy(New.Attributes + New.Size, Head, 4);
        memcpy(New.Attributes + New.Size + 4, Attributes->Data[Carried[I]], Length);
        New.Size += (uint8_t)(4 + Padded);
    }
    Append(State, IsOld ? &State->OldRoutes : &State->Routes, &New);
    return 0;
}

static int TakeRule(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    STATE *State = Context;
    const NETLINK_ROUTE *Row = Fixed;
    if (Type == NETLINK_RULE_NEW && Attributes->Data[RULE_PROTOCOL] && Attributes->Data[ATTRIBUTE_FROM] &&
        *(const uint8_t *)Attributes->Data[RULE_PROTOCOL] == PROTOCOL)
        AddRule(State, &State->OldRules, Number(Attributes, ATTRIBUTE_TABLE, FIRST_TABLE) - FIRST_TABLE, Row->Family,
                Row->Type, Attributes->Data[ATTRIBUTE_FROM]);
    return 0;
}

static const uint8_t Families[] = {LINUX_AF_INET, LINUX_AF_INET6};

/* A kernel without a family, or without rules, has none of it. */
static void Ask(STATE *State, uint16_t Type, uint8_t Family, uint32_t Length, NETLINK_VISITOR Visitor)
{
    union
    {
        uint8_t Family;
        NETLINK_LINK Link;
    } Fixed = {.Link = {0}};
    Fixed.Family = Family;
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, Type, NETLINK_DUMP, &Fixed, Length);
    int Error = NetlinkAsk(&Message, Visitor, State);
    if (Error < 0 && Error != -LINUX_EAFNOSUPPORT && Error != -LINUX_EOPNOTSUPP)
        State->Failed = true;
}

static void Look(STATE *State)
{
    Ask(State, NETLINK_LINK_GET, 0, sizeof(NETLINK_LINK), TakeLink);
    for (uint32_t I = 0; I < sizeof(Families) && !State->Failed; I++)
    {
        Ask(State, NETLINK_ADDRESS_GET, Families[I], sizeof(NETLINK_ADDRESS), TakeAddress);
        Ask(State, NETLINK_ROUTE_GET, Families[I], sizeof(NETLINK_ROUTE), TakeRoute);
        Ask(State, NETLINK_RULE_GET, Families[I], sizeof(NETLINK_ROUTE), TakeRule);
    }
}

/* --- what shall be there --------------------------------------------------------------------------------------------- */

static void TellRoute(bool New, const ENTRY *Entry)
{
    NETLINK_ROUTE Fixed = {
        .Family = Entry->Key.Family,
        .DestinationLength = Entry->Key.Length,
        .Table = TABLE_LONG,
        .Protocol = PROTOCOL,
        .Scope = New ? Entry->Scope : SCOPE_NOWHERE,
        .Type = TYPE_UNICAST,
    };
    for (uint32_t At = 0; New && At < Entry->Size; At += (*(const uint16_t *)(Entry->Attributes + At) + 3u) & ~3u)
        if (*(const uint16_t *)(Entry->Attributes + At + 2) == ATTRIBUTE_GATEWAY)
            Fixed.Flags = ROUTE_ON_LINK; /* the way to it stands in the main table */
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, New ? NETLINK_ROUTE_NEW : NETLINK_ROUTE_DEL, New ? NETLINK_CREATE | NETLINK_REPLACE : 0,
                 &Fixed, sizeof(Fixed));
    if (Entry->Key.Length)
        NetlinkAdd(&Message, ATTRIBUTE_TO, Entry->Key.Address, AddressLength(Entry->Key.Family));
    NetlinkAdd(&Message, ATTRIBUTE_DEVICE, &Entry->Key.Index, sizeof(Entry->Key.Index));
    NetlinkAdd(&Message, ATTRIBUTE_TABLE, &(uint32_t){FIRST_TABLE + Entry->Key.Index}, sizeof(uint32_t));
    NetlinkAdd(&Message, ATTRIBUTE_PRIORITY, &(uint32_t){1}, sizeof(uint32_t));
    for (uint32_t At = 0; New && At < Entry->Size;)
    {
        const uint16_t *Head = (const uint16_t *)(Entry->Attributes + At);
        NetlinkAdd(&Message, Head[1], Head + 2, Head[0] - 4u);
        At += (Head[0] + 3u) & ~3u;
    }
    NetlinkTell(&Message); /* refused: the interface is going, of which there is news */
}

static void TellRule(bool New, const ENTRY *Entry)
{
    NETLINK_ROUTE Fixed = {
        .Family = Entry->Key.Family,
        .SourceLength = Entry->Key.Length,
        .Table = TABLE_LONG,
        .Type = Entry->Key.Action,
    };
    NETLINK_MESSAGE Message;
    NetlinkBegin(&Message, New ? NETLINK_RULE_NEW : NETLINK_RULE_DEL, New ? NETLINK_CREATE | NETLINK_EXCL : 0, &Fixed,
                 sizeof(Fixed));
    NetlinkAdd(&Message, ATTRIBUTE_FROM, Entry->Key.Address, AddressLength(Entry->Key.Family));
    NetlinkAdd(&Message, ATTRIBUTE_PRIORITY, &(uint32_t){RULE_PRIORITY}, sizeof(uint32_t));
    NetlinkAdd(&Message, ATTRIBUTE_TABLE, &(uint32_t){FIRST_TABLE + Entry->Key.Index}, sizeof(uint32_t));
    NetlinkAdd(&Message, RULE_PROTOCOL, &(uint8_t){PROTOCOL}, sizeof(uint8_t));
    NetlinkTell(&Message);
}

static int Compare(const void *A, const void *B)
{
    const ENTRY *One = A, *Two = B;
    int Difference = memcmp(&One->Key, &Two->Key, sizeof(One->Key));
    return Difference ? Difference : One->Order < Two->Order ? -1 : One->Order > Two->Order;
}

static void Sort(LIST *List)
{
    uint32_t Kept = 0;
    if (List->Count)
        qsort(List->Entries, List->Count, sizeof(*List->Entries), Compare);
    for (uint32_t I = 0; I < List->Count; I++)
        if (!Kept || memcmp(&List->Entries[Kept - 1].Key, &List->Entries[I].Key, sizeof(List->Entries[I].Key)))
            List->Entries[Kept++] = List->Entries[I];
    List->Count = Kept;
}

/* Makes what is wanted and not there, or deletes what is there and not wanted. Of two lists in order. */
static void Change(bool New, const LIST *Wanted, const LIST *There, void (*Tell)(bool New, const ENTRY *Entry))
{
    const LIST *These = New ? Wanted : There, *Those = New ? There : Wanted;
    for (uint32_t I = 0, J = 0; I < These->Count; I++)
    {
        const ENTRY *This = &These->Entries[I], *That = NULL;
        int Difference = 1;
        while (J < Those->Count && Difference > 0)
        {
            That = &Those->Entries[J];
            Difference = memcmp(&This->Key, &That->Key, sizeof(This->Key));
            J += Difference > 0;
        }
        if (Difference || (New && (This->Scope != That->Scope || This->Size != That->Size ||
                                   memcmp(This->Attributes, That->Attributes, This->Size))))
            Tell(New, This);
    }
}

/* A table is complete before a rule leads to it, and is there for as long as one does. The number of rules. */
static uint32_t Settle(void)
{
    STATE State = {.Failed = false};
    LIST *Lists[] = {&State.Rules, &State.Routes, &State.OldRules, &State.OldRoutes, &State.Adapters, &State.Others};
    Look(&State);
    for (int I = 0; I < 4; I++)
        Sort(Lists[I]);
    uint32_t Count = State.Rules.Count + State.Failed;
    if (!State.Failed)
    {
        Change(true, &State.Routes, &State.OldRoutes, TellRoute);
        Change(true, &State.Rules, &State.OldRules, TellRule);
        Change(false, &State.Rules, &State.OldRules, TellRule);
        Change(false, &State.Routes, &State.OldRoutes, TellRoute);
    }
    for (int I = 0; I < 6; I++)
        free(Lists[I]->Entries);
    return Count;
}

/* --- when ------------------------------------------------------------------------------------------------------------ */

typedef struct
{
    bool Heard, Changed;
} NEWS;

static int TakeNews(void *Context, uint16_t Type, const void *Fixed, const NETLINK_ATTRIBUTES *Attributes)
{
    NEWS *News = Context;
    bool IsRoute = Type == NETLINK_ROUTE_NEW || Type == NETLINK_ROUTE_DEL;
    News->Heard = true;
    News->Changed |= !IsRoute || ((const NETLINK_ROUTE *)Fixed)->Protocol != PROTOCOL;
    return 0;
}

/* Waits for so many milliseconds (-1: for ever) and takes all news there is. Some that got lost count as a change. */
static bool Hear(int Socket, int Ended, int Wait)
{
    struct pollfd Polled[2] = {{.fd = Socket, .events = POLLIN}, {.fd = Ended, .events = POLLIN}};
    NEWS News = {.Changed = false};
    for (poll(Polled, 2, Wait); Polled[0].revents; poll(Polled, 1, 0))
    {
        News.Heard = false;
        NetlinkHear(Socket, -1, TakeNews, &News);
        News.Changed |= !News.Heard;
    }
    return News.Changed;
}

static void Serve(int Socket, int Ended)
{
    struct pollfd Polled = {.fd = Ended, .events = POLLIN};
    for (Settle(); poll(&Polled, 1, 0) <= 0;)
        if (Hear(Socket, Ended, -1))
            Settle();
    /* What is left is another Windows', or this one's whose last processes are about to end. */
    uint32_t Left = Settle();
    for (int Fd = 0; Left && Fd < 1024; Fd++)
        if (Fd != Socket)
            close(Fd);
    for (int Waited = 0; Left && Waited < LINGER_MS; Waited += STEP_MS)
    {
        Hear(Socket, -1, STEP_MS);
        Left = Settle();
    }
}

int main(int Count, char **Arguments)
{
    int Process = Count == 2 ? atoi(Arguments[1]) : 0;
    int Ended = Process > 0 ? (int)syscall(SYS_pidfd_open, Process, 0) : -1;
    int Socket = NetlinkListen(NETLINK_GROUP_LINK | NETLINK_GROUP_ADDRESS4 | NETLINK_GROUP_ADDRESS6 |
                               NETLINK_GROUP_ROUTE4 | NETLINK_GROUP_ROUTE6);
    if (Ended < 0 || Socket < 0)
    {
        fputs("stronghost: cannot watch that process (Linux 5.3 can) or the network; try: stronghost PID\n", stderr);
        return 1;
    }
    pid_t Child = fork();
    if (Child)
        return Child < 0;
    setsid();
    if (chdir("/"))
        return 1;
    Serve(Socket, Ended);
    return 0;
}
