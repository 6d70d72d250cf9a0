/* SPDX-License-Identifier: MIT */
/*
 * The ways to break a rule of host/ndis, second part: packets in both directions, pausing, OIDs, status, and the end of a
 * miniport's life. As in wrong_things.c.
 */
#include "tests/simulation/wrong.h"

#pragma clang section text = "wrong_code"

/* ---- Receiving */

static VOID IndicateNothing(VOID)
{
    MiniIndicate(NULL, 0, 0);
}

static VOID IndicateNoList(VOID)
{
    MiniIndicate(&Nothing.List, 1, 0);
}

static VOID IndicateWhilePaused(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    MiniIndicate(List, 1, 0);
    MiniFreeList(List);
}

static VOID IndicateTwice(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    StackHold(Mini.Stack, StackHoldsAll);
    MiniIndicate(List, 1, 0);
    MiniIndicate(List, 1, 0);
    MiniLetGo();
}

static VOID IndicateTwoBuffers(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NET_BUFFER *Second = NdisAllocateNetBuffer(Mini.BufferPool, NULL, 0, 0);
    List->FirstNetBuffer->Next = Second;
    MiniIndicate(List, 1, 0);
    NdisFreeNetBuffer(Second);
}

static VOID IndicateWithoutSource(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    List->SourceHandle = NULL;
    MiniIndicate(List, 1, 0);
}

static VOID IndicateOtherType(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NET_BUFFER_LIST_INFO(List, NetBufferListFrameType) = (PVOID)(ULONG_PTR)0x0800; /* not in network order */
    MiniIndicate(List, 1, 0);
}

static VOID IndicateCoalesced(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NDIS_RSC_NBL_INFO Info = {.Value = NULL};
    Info.Info.CoalescedSegCount = 2; /* this miniport never said that it does that */
    NET_BUFFER_LIST_INFO(List, TcpRecvSegCoalesceInfo) = Info.Value;
    MiniIndicate(List, 1, 0);
}

static VOID IndicateTwoTypes(VOID)
{
    NET_BUFFER_LIST *First = MiniList(), *Second = MiniList();
    PUCHAR Packet = NdisGetDataBuffer(Second->FirstNetBuffer, 1, NULL, 1, 0);
    *Packet = 0x61;
    Second->NblFlags = NDIS_NBL_FLAGS_IS_IPV6;
    NET_BUFFER_LIST_INFO(Second, NetBufferListFrameType) = (PVOID)(ULONG_PTR)RtlUshortByteSwap(0x86dd);
    First->Next = Second;
    MiniIndicate(First, 2, NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE);
}

static VOID IndicateOnPort(VOID)
{
    NdisMIndicateReceiveNetBufferLists(Mini.Adapter, MiniList(), 1, 1, 0);
}

static VOID MisCount(VOID)
{
    MiniIndicate(MiniList(), 2, 0);
}

static VOID ClaimDispatchReceiving(VOID)
{
    MiniIndicate(MiniList(), 1, NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
}

static VOID ReturnUnindicated(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    NdisHostReturn(Mini.Adapter, List, 0);
    MiniFreeList(List);
}

static VOID WriteIndicated(VOID)
{
    NET_BUFFER_LIST *List = MiniList();
    StackHold(Mini.Stack, StackHoldsAll);
    MiniIndicate(List, 1, 0);
    List->MiniportReserved[0] = &Mini;
    MiniLetGo();
}

static VOID KeepWithStack(VOID)
{
    StackHold(Mini.Stack, StackHoldsAll);
    MiniIndicate(MiniList(), 1, 0);
}

/* ---- Sending */

static VOID CompleteNothing(VOID)
{
    NdisMSendNetBufferListsComplete(Mini.Adapter, NULL, 0);
}

static VOID CompleteNoList(VOID)
{
    NdisMSendNetBufferListsComplete(Mini.Adapter, &Nothing.List, 0);
}

static VOID CompleteForAnother(VOID)
{
    HOST_LIST *Host = HostListOf(Mini.Lists);
    Host->User = (PVOID)&Nothing;
    NdisMSendNetBufferListsComplete(Mini.Adapter, Mini.Lists, 0);
    Host->User = Mini.Adapter;
}

static VOID CompleteTwice(VOID)
{
    NdisMSendNetBufferListsComplete(Mini.Adapter, Mini.Lists, 0);
    NdisMSendNetBufferListsComplete(Mini.Adapter, Mini.Lists, 0);
    Mini.Handled = TRUE;
}

static VOID CompleteWithFlags(VOID)
{
    NdisMSendNetBufferListsComplete(Mini.Adapter, Mini.Lists, 0x80);
    Mini.Handled = TRUE;
}

/* The miniport knows nothing of large sends. */
static VOID CompleteLargeAsSent(VOID)
{
    static const STACK_SHAPE Shape = {.Lists = 1, .Buffers = 1, .Parts = 1, .Large = (PVOID)1000};
    ULONG64 Sequence = 0, Random = 1;
    StackSend(Mini.Stack, &Shape, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
}

static VOID ClaimDispatchSending(VOID)
{
    NdisMSendNetBufferListsComplete(Mini.Adapter, Mini.Lists, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    Mini.Handled = TRUE;
}

static VOID HoldSend(VOID)
{
    Mini.Kept = Mini.Lists;
    Mini.Handled = TRUE;
}

static VOID HoldSendAndSucceed(VOID)
{
    Mini.Succeed = TRUE;
    HoldSend();
}

static VOID KeepWithStackAndSucceed(VOID)
{
    Mini.Succeed = TRUE;
    KeepWithStack();
}

static VOID AskIrql(VOID)
{
    KeGetCurrentIrql();
}

static VOID SendOne(_In_ BOOLEAN Late)
{
    STACK_SHAPE Shape = {.Lists = 1, .Buffers = 1, .Parts = 1, .Late = Late};
    ULONG64 Sequence = 0, Random = LabSeed();
    StackSend(Mini.Stack, &Shape, 100, FALSE, 1, &Sequence, NULL, &Random, NULL);
}

static VOID WriteCompleted(VOID)
{
    if (!Mini.Kept)
    {
        Mini.Kept = Mini.Lists;
        NdisMSendNetBufferListsComplete(Mini.Adapter, Mini.Lists, 0);
        Mini.Lists->MiniportReserved[0] = &Mini;
        Mini.Handled = TRUE;
    }
}

static VOID SendAgain(VOID)
{
    SendOne(TRUE);
}

static void *CompleteThread(void *Context)
{
    LabUntil(ReadPointerAcquire(&Mini.Kept) != NULL);
    LabSleep(1000);
    NdisMSendNetBufferListsComplete(Mini.Adapter, Mini.Kept, 0);
    return NULL;
}

static VOID SendHangs(VOID)
{
    setenv("HOST_NDIS_SEND_SECONDS", "0", TRUE);
    Mini.Hold = TRUE;
    Mini.Thread = LabStart(CompleteThread, NULL);
    Mini.Threaded = TRUE;
    SendOne(FALSE);
    Mini.Hold = FALSE;
}

static void *SendWhilePausing(void *Context)
{
    ULONG64 Random = LabSeed();
    LabUntil(ReadAcquire(&StackAdapter(Mini.Stack)->PauseReturned));
    NDIS_STATUS Status;
    StackSendLate(Mini.Stack, &Random, &Status);
    NdisMPauseComplete(Mini.Adapter);
    return NULL;
}

static VOID TakesWhilePausing(VOID)
{
    if (!Mini.Threaded)
    {
        Mini.Thread = LabStart(SendWhilePausing, NULL);
        Mini.Threaded = TRUE;
        Mini.Handled = TRUE;
    }
}

static VOID CompleteHeld(VOID)
{
    NdisMSendNetBufferListsComplete(Mini.Adapter, Mini.Kept, 0);
}

static VOID SendSent(VOID)
{
    NdisHostSend(Mini.Adapter, Mini.Lists, 0);
}

/* ---- Restarting and pausing */

static VOID RestartUnasked(VOID)
{
    NdisMRestartComplete(Mini.Adapter, NDIS_STATUS_SUCCESS);
}

static VOID ResetUnasked(VOID)
{
    NdisMResetComplete(Mini.Adapter, NDIS_STATUS_SUCCESS, FALSE);
}

static VOID PauseUnasked(VOID)
{
    NdisMPauseComplete(Mini.Adapter);
}

static VOID RestartCompletesAndSucceeds(VOID)
{
    NdisMRestartComplete(Mini.Adapter, NDIS_STATUS_SUCCESS);
    Mini.Status = NDIS_STATUS_SUCCESS;
    Mini.Handled = TRUE;
}

static void *RestartThread(void *Context)
{
    LabSleep(1000);
    NdisMRestartComplete(Context, NDIS_STATUS_SUCCESS);
    return NULL;
}

static VOID Never(VOID)
{
    setenv("HOST_NDIS_HANDLER_SECONDS", "0", TRUE);
    Mini.Thread = LabStart(RestartThread, Mini.Adapter);
    Mini.Threaded = TRUE;
    Mini.Handled = TRUE;
}

static VOID Slowly(VOID)
{
    setenv("HOST_NDIS_HANDLER_SECONDS", "1", TRUE);
    LabSleep(1050000);
}

static VOID PauseFails(VOID)
{
    Mini.Status = NDIS_STATUS_FAILURE;
    Mini.Handled = TRUE;
}

/* ---- OIDs */

static BOOLEAN IsQuery(_In_ NDIS_OID Oid)
{
    return Mini.Request->RequestType != NdisRequestSetInformation && Mini.Request->DATA.QUERY_INFORMATION.Oid == Oid;
}

static BOOLEAN IsSet(_In_ NDIS_OID Oid)
{
    return Mini.Request->RequestType == NdisRequestSetInformation && Mini.Request->DATA.SET_INFORMATION.Oid == Oid;
}

static ULONG Room(VOID)
{
    return Mini.Request->DATA.QUERY_INFORMATION.InformationBufferLength;
}

static VOID WritesMoreThanRoom(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() < sizeof(ULONG))
        Mini.Request->DATA.QUERY_INFORMATION.BytesWritten = sizeof(ULONG);
}

static VOID WritesLess(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() >= sizeof(ULONG))
        Mini.Request->DATA.QUERY_INFORMATION.BytesWritten = 3;
}

static VOID WritesAndFails(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() == 3)
        Mini.Request->DATA.QUERY_INFORMATION.BytesWritten = 1;
}

static VOID NeedsMore(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() == 3)
        Mini.Request->DATA.QUERY_INFORMATION.BytesNeeded = 100;
}

static VOID AnswersAnything(VOID)
{
    static UCHAR Number;
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() >= sizeof(ULONG))
        *(PUCHAR)Mini.Request->DATA.QUERY_INFORMATION.InformationBuffer = Number++;
}

static VOID ListsNoPower(VOID)
{
    Mini.General.SupportedOidListLength -= sizeof(NDIS_OID);
}

static VOID NoShortCounter(VOID)
{
    if (IsQuery(OID_GEN_XMIT_OK) && Room() == sizeof(ULONG))
    {
        Mini.Status = NDIS_STATUS_BUFFER_TOO_SHORT;
        Mini.Request->DATA.QUERY_INFORMATION.BytesWritten = 0;
    }
}

static VOID ReadsLess(VOID)
{
    if (IsSet(OID_GEN_CURRENT_LOOKAHEAD))
        Mini.Request->DATA.SET_INFORMATION.BytesRead = 0;
}

static VOID NeedsNothing(VOID)
{
    if (Mini.Status == NDIS_STATUS_INVALID_LENGTH && IsQuery(OID_GEN_VENDOR_ID))
        Mini.Request->DATA.QUERY_INFORMATION.BytesNeeded = 0;
}

static VOID WritesBehind(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() == 3)
        memset(Mini.Request->DATA.QUERY_INFORMATION.InformationBuffer, 0, sizeof(ULONG));
}

static VOID OddStatus(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() == 3)
        Mini.Status = NDIS_STATUS_FAILURE;
}

static VOID SucceedsWithout(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() == 0)
        Mini.Status = NDIS_STATUS_SUCCESS;
}

static VOID SucceedsWithLess(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID) && Room() == 3)
        Mini.Status = NDIS_STATUS_SUCCESS;
}

static VOID SetsWithLess(VOID)
{
    if (IsSet(OID_GEN_CURRENT_LOOKAHEAD))
    {
        Mini.Status = NDIS_STATUS_SUCCESS;
        Mini.Request->DATA.SET_INFORMATION.BytesRead = Room();
    }
}

static VOID KnowsAll(VOID)
{
    if (Mini.Status == NDIS_STATUS_NOT_SUPPORTED)
        Mini.Status = NDIS_STATUS_SUCCESS;
}

static VOID KnowsNoVendor(VOID)
{
    if (IsQuery(OID_GEN_VENDOR_ID))
        Mini.Status = NDIS_STATUS_NOT_SUPPORTED;
}

static VOID KnowsNoLookahead(VOID)
{
    if (IsSet(OID_GEN_CURRENT_LOOKAHEAD))
    {
        Mini.Status = NDIS_STATUS_NOT_SUPPORTED;
        Mini.Request->DATA.SET_INFORMATION.BytesRead = 0;
    }
}

static VOID WillNotSleep(VOID)
{
    if (IsQuery(OID_PNP_QUERY_POWER))
        Mini.Status = NDIS_STATUS_FAILURE;
}

static VOID DoesNotSleep(VOID)
{
    if (IsSet(OID_PNP_SET_POWER))
        Mini.Status = NDIS_STATUS_NOT_ACCEPTED;
}

static VOID CompletesOther(VOID)
{
    NDIS_OID_REQUEST Other = {0};
    NdisMOidRequestComplete(Mini.Adapter, &Other, NDIS_STATUS_SUCCESS);
}

static VOID CompletesOidTwice(VOID)
{
    NdisMOidRequestComplete(Mini.Adapter, Mini.Request, Mini.Status);
    NdisMOidRequestComplete(Mini.Adapter, Mini.Request, Mini.Status);
    Mini.Status = NDIS_STATUS_PENDING;
    Mini.Handled = TRUE;
}

/* ---- Status indications */

static VOID Indicate(_In_ NDIS_STATUS_INDICATION Indication)
{
    NdisMIndicateStatusEx(Mini.Adapter, &Indication);
}

static VOID ShortStatus(VOID)
{
    NDIS_STATUS_INDICATION Indication = MiniLinkState(NULL);
    Indication.Header.Size = 8;
    Indicate(Indication);
}

static VOID StatusAfterHalt(VOID)
{
    Indicate(MiniLinkState(NULL));
}

static VOID StatusWithoutSource(VOID)
{
    NDIS_LINK_STATE State = {.Header = {.Type = NDIS_OBJECT_TYPE_DEFAULT,
                                        .Revision = NDIS_LINK_STATE_REVISION_1,
                                        .Size = NDIS_SIZEOF_LINK_STATE_REVISION_1}};
    NDIS_STATUS_INDICATION Indication = MiniLinkState(&State);
    Indication.SourceHandle = NULL;
    Indicate(Indication);
}

static VOID EmptyLinkState(VOID)
{
    Indicate(MiniLinkState(NULL));
}

static VOID IndicateOffload(_In_opt_ const NDIS_OFFLOAD *Offload, _In_ ULONG Size)
{
    NDIS_STATUS_INDICATION Indication = MiniLinkState(NULL);
    Indication.StatusCode = NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG;
    Indication.StatusBuffer = (PVOID)Offload;
    Indication.StatusBufferSize = Size;
    Indicate(Indication);
}

static VOID EmptyOffload(VOID)
{
    IndicateOffload(NULL, NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1);
}

static VOID CutOffload(VOID)
{
    NDIS_OFFLOAD Offload = MiniOffload();
    Offload.Header.Size = NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_5;
    IndicateOffload(&Offload, NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1);
}

static VOID KeepsOffloadToItself(VOID)
{
    if (IsSet(OID_OFFLOAD_ENCAPSULATION))
        Mini.Status = NDIS_STATUS_SUCCESS;
}

/* ---- The end */

static VOID KeepConfiguration(VOID)
{
    MiniOpenConfiguration(&Mini.Kept);
}

static VOID KeepConfigurationOfDriver(VOID)
{
    UNICODE_STRING Path =
        RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\wrong\\Parameters");
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"Number");
    ULONG Number = 7;
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, &Path, OBJ_KERNEL_HANDLE, NULL, NULL);
    HANDLE Key;
    ZwCreateKey(&Key, KEY_WRITE, &Attributes, 0, NULL, 0, NULL);
    ZwSetValueKey(Key, &Name, 0, REG_DWORD, &Number, sizeof(Number));
    ZwClose(Key);
    Mini.Adapter = Mini.Driver;
    LabEqual(MiniOpenConfiguration(&Mini.Kept), NDIS_STATUS_SUCCESS);
}

static VOID DropConfiguration(VOID)
{
    NdisCloseConfiguration(Mini.Kept);
}

static VOID DeregisterEarly(VOID)
{
    NdisMDeregisterMiniportDriver(Mini.Driver);
}

static VOID StayRegistered(VOID)
{
    Mini.Handled = TRUE;
}

VOID MiniTidy(VOID)
{
    unsetenv("HOST_NDIS_HANDLER_SECONDS");
    unsetenv("HOST_NDIS_SEND_SECONDS");
    if (Mini.Threaded)
        LabJoin(Mini.Thread);
}

/* ---- Rule, call, when, what; what else is reported; when it is set right, and how. */

#pragma clang diagnostic ignored "-Wmissing-field-initializers"

const WRONG_CASE WrongTraffic[] = {
    {"Receive_Lists", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateNothing},
    {"Receive_Lists", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateNoList},
    {"State_Receive", "NdisMIndicateReceiveNetBufferLists", AtPaused, IndicateWhilePaused},
    {"State_Receive", "NdisMIndicateReceiveNetBufferLists", AtInitialized, IndicateWhilePaused},
    {"Receive_IndicateOnce", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateTwice},
    {"Receive_Buffers", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateTwoBuffers},
    {"Receive_SourceHandle", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateWithoutSource},
    {"Receive_FrameType", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateOtherType},
    {"Receive_Coalesced", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateCoalesced},
    {"Receive_SingleEtherType", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateTwoTypes},
    {"Receive_Port", "NdisMIndicateReceiveNetBufferLists", AtRunning, IndicateOnPort},
    {"Receive_Count", "NdisMIndicateReceiveNetBufferLists", AtRunning, MisCount},
    {"Flags_Irql", "NdisMIndicateReceiveNetBufferLists", AtRunning, ClaimDispatchReceiving},
    {"Backend_Return", "NdisHostReturn", AtRunning, ReturnUnindicated},

    {"Send_Complete", "NdisMSendNetBufferListsComplete", AtSend, CompleteNothing},
    {"Send_Complete", "NdisMSendNetBufferListsComplete", AtSend, CompleteNoList},
    {"Send_Complete", "NdisMSendNetBufferListsComplete", AtSend, CompleteForAnother},
    {"Send_CompleteOnce", "NdisMSendNetBufferListsComplete", AtSend, CompleteTwice},
    {"Send_Flags", "NdisMSendNetBufferListsComplete", AtSend, CompleteWithFlags},
    {"Send_LargeCompleted", "NdisMSendNetBufferListsComplete", AtRunning, CompleteLargeAsSent},
    {"Flags_Irql", "NdisMSendNetBufferListsComplete", AtSend, ClaimDispatchSending},
    {"State_SendComplete", "NdisMSendNetBufferListsComplete", AtSend, HoldSend, "Pause_SendsCompleted", AtPaused,
     CompleteHeld},
    {"Backend_Send", "NdisHostSend", AtSend, SendSent},

    {"Completed_Once", "NdisMRestartComplete", AtRunning, RestartUnasked},
    {"Completed_Once", "NdisMPauseComplete", AtRunning, PauseUnasked},
    {"Completed_Once", "NdisMResetComplete", AtRunning, ResetUnasked},
    {"Completed_Once", "MiniportRestart", AtRestart, RestartCompletesAndSucceeds},
    {"Handler_Time", "MiniportRestart", AtRestart, Never},
    {"Handler_Time", "MiniportPause", AtPause, Slowly},
    {"Pause_Status", "MiniportPause", AtPause, PauseFails},
    {"Pause_SendsCompleted", "NdisMPauseComplete", AtSend, HoldSend, "State_SendComplete,Send_Refused", AtPaused,
     CompleteHeld},
    {"Pause_SendsCompleted", "MiniportPause", AtSend, HoldSendAndSucceed, "State_SendComplete", AtPaused, CompleteHeld},
    {"Pause_ReceivesReturned", "NdisMPauseComplete", AtRunning, KeepWithStack, NULL, AtPaused, MiniLetGo},
    {"Pause_ReceivesReturned", "MiniportPause", AtRunning, KeepWithStackAndSucceed, NULL, AtPaused, MiniLetGo},
    {"Send_Refused", "NdisMSendNetBufferListsComplete", AtPause, TakesWhilePausing},
    {"MiniportReserved", "MiniportReturnNetBufferLists", AtRunning, WriteIndicated},
    {"MiniportReserved", "MiniportSendNetBufferLists", AtSend, WriteCompleted, NULL, AtRunning, SendAgain},
    {"NdisTimedDataHang", "MiniportSendNetBufferLists", AtRunning, SendHangs},
    {"Flags_Irql", "KeGetCurrentIrql", AtSend, AskIrql},

    {"Oid_Bytes", "MiniportOidRequest", AtOid, WritesMoreThanRoom},
    {"Oid_Bytes", "MiniportOidRequest", AtOid, WritesLess},
    {"Oid_Bytes", "MiniportOidRequest", AtOid, NoShortCounter},
    {"Oid_Bytes", "MiniportOidRequest", AtOid, WritesAndFails},
    {"Oid_BytesNeeded", "MiniportOidRequest", AtOid, NeedsMore},
    {"Oid_OutputRead", "MiniportOidRequest", AtOid, AnswersAnything},
    {"Oid_Mandatory", "MiniportInitializeEx", AtGeneral, ListsNoPower},
    {"Oid_Bytes", "MiniportOidRequest", AtOid, ReadsLess},
    {"Oid_BytesNeeded", "MiniportOidRequest", AtOid, NeedsNothing},
    {"Oid_Overrun", "MiniportOidRequest", AtOid, WritesBehind},
    {"Oid_Status", "MiniportOidRequest", AtOid, OddStatus},
    {"Oid_Status", "MiniportOidRequest", AtOid, SucceedsWithout},
    {"Oid_Status", "MiniportOidRequest", AtOid, SucceedsWithLess},
    {"Oid_Status", "MiniportOidRequest", AtOid, SetsWithLess},
    {"Oid_Status", "MiniportOidRequest", AtOid, KnowsAll, "Oid_OffloadIndicated"},
    {"Oid_Mandatory", "MiniportOidRequest", AtOid, KnowsNoVendor},
    {"Oid_Mandatory", "MiniportOidRequest", AtOid, KnowsNoLookahead},
    {"Oid_QueryPower", "MiniportOidRequest", AtOid, WillNotSleep},
    {"Oid_SetPower", "MiniportOidRequest", AtOid, DoesNotSleep},
    {"Oid_CompleteOnce", "NdisMOidRequestComplete", AtOid, CompletesOther},
    {"Oid_CompleteOnce", "NdisMOidRequestComplete", AtOid, CompletesOidTwice},

    {"Header_Valid", "NdisMIndicateStatusEx", AtRunning, ShortStatus},
    {"State_StatusAfterHalt", "NdisMIndicateStatusEx", AtHalted, StatusAfterHalt},
    {"Status_SourceHandle", "NdisMIndicateStatusEx", AtRunning, StatusWithoutSource},
    {"Status_LinkState", "NdisMIndicateStatusEx", AtRunning, EmptyLinkState},
    {"Status_Offload", "NdisMIndicateStatusEx", AtRunning, EmptyOffload},
    {"Status_Offload", "NdisMIndicateStatusEx", AtRunning, CutOffload},
    {"Oid_OffloadIndicated", "MiniportOidRequest", AtOid, KeepsOffloadToItself},

    {"Halt_ConfigurationClosed", "MiniportHaltEx", AtHalt, KeepConfiguration, NULL, AtReport, DropConfiguration},
    {"Unload_Configuration", "MiniportDriverUnload", AtUnload, KeepConfigurationOfDriver, NULL, AtReport,
     DropConfiguration},
    {"Deregister_NoAdapters", "NdisMDeregisterMiniportDriver", AtRunning, DeregisterEarly, "Deregister_Once"},
    {"Deregister_Once", "NdisMDeregisterMiniportDriver", AtUnload, DeregisterEarly},
    {"Unload_Deregister", "MiniportDriverUnload", AtUnload, StayRegistered},
    {NULL},
};

const PCSTR WrongHandlers[] = {
    "MiniportAddDevice",
    "MiniportStartDevice",
    "MiniportInitializeEx",
    "MiniportCheckForHangEx",
    "MiniportResetEx",
    "MiniportRestart",
    "MiniportOidRequest",
    "MiniportSendNetBufferLists",
    "MiniportReturnNetBufferLists",
    "MiniportPause",
    "MiniportDevicePnPEventNotify",
    "MiniportHaltEx",
    "MiniportRemoveDevice",
    "MiniportDriverUnload",
    "NetTimerCallback",
    NULL,
};
