/* SPDX-License-Identifier: MIT */
/*
 * Scenarios of the driver's and an adapter's life: loading, properties good and bad, every OID at every length, names,
 * who may open, and handles that outlive what they were opened on.
 */
#include "tests/simulation/lab.h"

SCENARIO LoadUnload, PlugUnplug, BadProperties, EveryOid, NamesAndAccess, HandleOutlives;

VOID LoadUnload(VOID)
{
    for (ULONG I = 0; I < 20; I++)
    {
        LAB Lab;
        LabLoad(&Lab);
        LabUnload(&Lab);
    }
}

VOID PlugUnplug(VOID)
{
    static const uint32_t Mtus[] = {TUN_MTU_MIN, 1420, 9000, TUN_MTU_MAX};
    LAB Lab;
    LabLoad(&Lab);
    for (ULONG I = 0; I < ARRAYSIZE(Mtus); I++)
    {
        TUN_GUID Guid = LabGuid(I);
        SIM_PROPERTY Properties[] = {LabGuidProperty(&Guid), LabMtuProperty(&Mtus[I])};
        LabPath(&Guid, Lab.Path);
        LabEqual(LabAddDevice(Lab.Driver, Properties, 2, &Lab.Pdo), STATUS_SUCCESS);
        Lab.Stack = StackLast();
        LabEqual(StackMtu(Lab.Stack), Mtus[I]);
        PROGRAM Program;
        LabEqual(ProgramOpen(&Program, Lab.Path, SimSystem), STATUS_SUCCESS);
        TUN_QUERY Query = ProgramQuery(&Program);
        LabEqual(Query.Protocol, TUN_PROTOCOL);
        LabEqual(Query.Mtu, Mtus[I]);
        LabEqual(Query.IfIndex, StackAdapter(Lab.Stack)->Identity.IfIndex);
        LabEqual(Query.NetLuid, StackAdapter(Lab.Stack)->Identity.NetLuid.Value);
        LabEqual(memcmp(&Query.Guid, &Guid, sizeof(Guid)), 0);
        LabEqual(Query.Running, 1);
        LabEqual(Query.SessionActive, 0);
        LabPause(&Lab);
        LabEqual(ProgramQuery(&Program).Running, 0);
        LabRestart(&Lab);
        LabEqual(ProgramQuery(&Program).Running, 1);
        ProgramClose(&Program);
        LabUnplug(&Lab, I % 2 == 1);
    }
    LabUnload(&Lab);
}

/* O:BA D:P(A;;GRGW;;;WD): everyone may read and write. */
static const UCHAR Everyone[] = {1, 0, 0x04, 0x90, 0, 0, 0,  0, 0, 0, 0, 0,    0, 0, 0, 0, 20, 0, 0, 0, 2, 0, 28, 0,
                                 1, 0, 0,    0,    0, 0, 20, 0, 0, 0, 0, 0xc0, 1, 1, 0, 0, 0,  0, 0, 1, 0, 0, 0,  0};

static NTSTATUS Plug(_In_ LAB *Lab, _In_ const SIM_PROPERTY *Properties, _In_ ULONG Count)
{
    NTSTATUS Status = LabAddDevice(Lab->Driver, Properties, Count, &Lab->Pdo);
    if (NT_SUCCESS(Status))
        LabUnplug(Lab, FALSE);
    return Status;
}

VOID BadProperties(VOID)
{
    static const uint32_t BadMtus[] = {0, 1, TUN_MTU_MIN - 1, TUN_MTU_MAX + 1, 0x80000000, 0xffffffff};
    static const UCHAR Long[TUN_ACCESS_LIST_MAX + 1];
    TUN_GUID Guid = LabGuid(7);
    LAB Lab;
    LabLoad(&Lab);
    LabCheck(!NT_SUCCESS(Plug(&Lab, NULL, 0)), "an adapter without identity starts");
    for (ULONG Size = 0; Size < 20; Size++)
    {
        SIM_PROPERTY Property = LabGuidProperty(&Guid);
        UCHAR Room[20] = {0};
        memcpy(Room, &Guid, 16);
        Property.Data = Room;
        Property.Size = Size;
        LabCheck(NT_SUCCESS(Plug(&Lab, &Property, 1)) == (Size == 16), "a GUID of %u bytes", Size);
    }
    for (ULONG I = 0; I < ARRAYSIZE(BadMtus); I++)
    {
        SIM_PROPERTY Properties[] = {LabGuidProperty(&Guid), LabMtuProperty(&BadMtus[I])};
        LabCheck(!NT_SUCCESS(Plug(&Lab, Properties, 2)), "an MTU of %u", BadMtus[I]);
    }
    for (ULONG Wrong = 0; Wrong < 3; Wrong++)
    {
        static const uint32_t Mtu = 1500;
        SIM_PROPERTY Properties[] = {LabGuidProperty(&Guid), LabMtuProperty(&Mtu),
                                     LabAccessProperty(Everyone, sizeof(Everyone))};
        Properties[Wrong].Type = DEVPROP_TYPE_STRING;
        LabCheck(!NT_SUCCESS(Plug(&Lab, Properties, 3)), "property %u of another type", Wrong);
    }
    /* Every single byte of the access list wrong, and every length too short. */
    for (ULONG I = 0; I < sizeof(Everyone); I++)
    {
        UCHAR Descriptor[sizeof(Everyone)];
        SIM_PROPERTY Properties[] = {LabGuidProperty(&Guid), LabAccessProperty(Descriptor, sizeof(Descriptor))};
        memcpy(Descriptor, Everyone, sizeof(Everyone));
        Descriptor[I] ^= 0xff;
        Plug(&Lab, Properties, 2); /* some are valid still: what counts is that nothing breaks */
        Properties[1] = LabAccessProperty(Everyone, I);
        LabCheck(NT_SUCCESS(Plug(&Lab, Properties, 2)) == (I == 0), "an access list of %u bytes", I);
    }
    for (ULONG Size = TUN_ACCESS_LIST_MAX; Size <= TUN_ACCESS_LIST_MAX + 1; Size++)
    {
        SIM_PROPERTY Properties[] = {LabGuidProperty(&Guid), LabAccessProperty(Long, Size)};
        LabCheck(!NT_SUCCESS(Plug(&Lab, Properties, 2)), "an access list of %u zeros", Size);
    }
    LabUnload(&Lab);
}

/* One request into a buffer of exactly Length bytes. */
static NDIS_STATUS Ask(_In_ LAB *Lab, _In_ NDIS_REQUEST_TYPE Type, _In_ NDIS_OID Oid, _In_ ULONG Length,
                       _Out_ ULONG *Done, _Out_ ULONG *Needed)
{
    UCHAR *Buffer = malloc(Length ? Length : 1);
    memset(Buffer, 0x5a, Length);
    SIM_GUARD Guard;
    SimGuardBegin(&Guard);
    NDIS_STATUS Status = HostOid(StackAdapter(Lab->Stack), Type, Oid, Buffer, Length, Done, Needed);
    SimGuardEnd(&Guard, "MiniportOidRequest", NULL);
    LabCheck(Status == NDIS_STATUS_SUCCESS || *Done == 0, "OID 0x%x, %u bytes: failed and %u done", Oid, Length, *Done);
    free(Buffer);
    LabOperations(1);
    return Status;
}

VOID EveryOid(VOID)
{
    static const NDIS_OID Settable[] = {OID_GEN_CURRENT_PACKET_FILTER, OID_GEN_CURRENT_LOOKAHEAD,
                                        OID_GEN_LINK_PARAMETERS, OID_GEN_INTERRUPT_MODERATION};
    LAB Lab;
    LabOpen(&Lab);
    NDIS_HOST_ADAPTER *Adapter = StackAdapter(Lab.Stack);
    ULONG Done, Needed;
    for (ULONG I = 0; I < Adapter->SupportedOidCount; I++)
    {
        NDIS_OID Oid = Adapter->SupportedOids[I];
        BOOLEAN Answered = FALSE;
        ULONG First = 0;
        for (ULONG Length = 0; Length <= 300; Length++)
        {
            NDIS_STATUS Status = Ask(&Lab, NdisRequestQueryInformation, Oid, Length, &Done, &Needed);
            if (Status == NDIS_STATUS_BUFFER_TOO_SHORT)
            {
                LabCheck(!Answered || Length < 8, "OID 0x%x: %u bytes suffice, %u do not", Oid, First, Length);
            }
            else if (Status == NDIS_STATUS_SUCCESS && !Answered)
            {
                Answered = TRUE;
                First = Length;
            }
            LabEqual(Ask(&Lab, NdisRequestQueryStatistics, Oid, Length, &Done, &Needed), Status);
        }
    }
    for (ULONG I = 0; I < ARRAYSIZE(Settable); I++)
    {
        for (ULONG Length = 0; Length <= 64; Length++)
        {
            NDIS_STATUS Status = Ask(&Lab, NdisRequestSetInformation, Settable[I], Length, &Done, &Needed);
            LabCheck(Status != NDIS_STATUS_SUCCESS || Done <= Length, "OID 0x%x: %u of %u bytes read", Settable[I],
                     Done, Length);
        }
    }
    /* None of these is ours. */
    for (NDIS_OID Oid = 0x00010100; Oid < 0x00010300; Oid++)
    {
        Ask(&Lab, NdisRequestQueryInformation, Oid, 16, &Done, &Needed);
        Ask(&Lab, NdisRequestSetInformation, Oid, 3, &Done, &Needed);
        LabCheck(Ask(&Lab, NdisRequestMethod, Oid, 16, &Done, &Needed) != NDIS_STATUS_SUCCESS, "a method 0x%x", Oid);
    }
    LabSetPower(&Lab, NdisDeviceStateD0);
    LabClose(&Lab);
}

VOID NamesAndAccess(VOID)
{
    static const struct
    {
        SIM_ACCOUNT Account;
        NTSTATUS Default, Widened;
    } Cases[] = {{SimSystem, STATUS_SUCCESS, STATUS_SUCCESS},
                 {SimAdministrator, STATUS_SUCCESS, STATUS_SUCCESS},
                 {SimUser, STATUS_ACCESS_DENIED, STATUS_SUCCESS}};
    TUN_GUID Guid = LabGuid(1), Other = LabGuid(2);
    SIM_PROPERTY Widened[] = {LabGuidProperty(&Other), LabAccessProperty(Everyone, sizeof(Everyone))};
    SIM_PROPERTY Same[] = {LabGuidProperty(&Guid)};
    LAB Lab;
    LabOpen(&Lab);
    WCHAR OtherPath[80];
    LabPath(&Other, OtherPath);
    DEVICE_OBJECT *OtherPdo;
    LabEqual(LabAddDevice(Lab.Driver, Widened, 2, &OtherPdo), STATUS_SUCCESS);
    DEVICE_OBJECT *Second;
    LabCheck(!NT_SUCCESS(LabAddDevice(Lab.Driver, Same, 1, &Second)), "two adapters of one GUID");
    PROGRAM Program;
    for (ULONG I = 0; I < ARRAYSIZE(Cases); I++)
    {
        LabEqual(ProgramOpen(&Program, Lab.Path, Cases[I].Account), Cases[I].Default);
        ProgramClose(&Program);
        LabEqual(ProgramOpen(&Program, OtherPath, Cases[I].Account), Cases[I].Widened);
        ProgramClose(&Program);
    }
    WCHAR Behind[90];
    for (ULONG I = 0; I < 80; I++)
    {
        Behind[I] = Lab.Path[I];
        if (!Lab.Path[I])
        {
            Behind[I] = '\\';
            Behind[I + 1] = 'x';
            Behind[I + 2] = 0;
            break;
        }
    }
    LabEqual(ProgramOpen(&Program, Behind, SimSystem), STATUS_OBJECT_NAME_INVALID);
    ProgramClose(&Program);
    SimPnp(OtherPdo, IRP_MN_REMOVE_DEVICE);
    SimDeleteDevice(OtherPdo);
    LabEqual(ProgramOpen(&Program, OtherPath, SimSystem), STATUS_OBJECT_NAME_NOT_FOUND);
    ProgramClose(&Program);
    LabClose(&Lab);
}

VOID HandleOutlives(VOID)
{
    LAB Lab;
    LabOpen(&Lab);
    PROGRAM Old;
    LabEqual(ProgramOpen(&Old, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&Old, RING_CAPACITY_MIN), STATUS_SUCCESS);
    LabUnplug(&Lab, TRUE);
    LabEqual(RingClosed(Old.ToApp.Ring), TUN_CLOSED_REMOVED);
    LabEqual(RingClosed(Old.ToStack.Ring), TUN_CLOSED_REMOVED);
    LabEqual(SimWait(Old.Process, 1, &Old.ToAppPackets, 0), STATUS_WAIT_0);
    TUN_QUERY Query;
    LabEqual(SimIoControl(Old.Process, Old.File, TUN_IOCTL_QUERY, NULL, 0, &Query, sizeof(Query), NULL),
             STATUS_DEVICE_REMOVED);
    LabEqual(SimUnloadDriver(Lab.Driver), STATUS_DEVICE_BUSY);
    /* The same adapter again, while the old handle is open. */
    LabPlug(&Lab, 1);
    PROGRAM New;
    LabEqual(ProgramOpen(&New, Lab.Path, SimSystem), STATUS_SUCCESS);
    LabEqual(ProgramStart(&New, RING_CAPACITY_MIN), STATUS_SUCCESS);
    LabEqual(SimIoControl(Old.Process, Old.File, TUN_IOCTL_END, NULL, 0, NULL, 0, NULL), STATUS_DEVICE_REMOVED);
    LabEqual(SimCloseHandle(Old.Process, Old.File), STATUS_SUCCESS);
    LabEqual(RingClosed(New.ToApp.Ring), 0);
    ProgramClose(&Old);
    ProgramClose(&New);
    LabClose(&Lab);
}
