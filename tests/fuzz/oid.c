/* SPDX-License-Identifier: MIT */
/*
 * Target oid: requests of the stack, of every type, known and unknown, with buffers of any length and content, while the
 * adapter runs, sleeps, is paused, or has a session with packets in it. Buffers are exactly as long as they are said to
 * be. A query must not depend on what its buffer held, and no request may say that it did more than it could.
 */
#include "tests/fuzz/fuzz.h"

#define REQUESTS_MAX 64
#define BUFFER_MAX   1024

static const NDIS_OID Others[] = {
    OID_GEN_SUPPORTED_LIST,    OID_GEN_HARDWARE_STATUS, OID_GEN_MEDIA_SUPPORTED, OID_GEN_LINK_SPEED,
    OID_802_3_CURRENT_ADDRESS, OID_GEN_MEDIA_IN_USE,    OID_GEN_MAC_OPTIONS,     OID_GEN_NETWORK_LAYER_ADDRESSES,
    OID_GEN_MACHINE_NAME,      OID_PNP_CAPABILITIES,    OID_GEN_LINK_STATE,      0,
};

static NDIS_OID ChooseOid(_Inout_ FUZZ *Input)
{
    ULONG Which = FuzzByte(Input), Known = OidSupportedSize / sizeof(NDIS_OID);
    return Which < 200   ? OidSupported[Which % Known]
           : Which < 230 ? Others[Which % ARRAYSIZE(Others)]
                         : FuzzLong(Input);
}

static BOOLEAN IsTooShort(_In_ NDIS_STATUS Status)
{
    return Status == NDIS_STATUS_BUFFER_TOO_SHORT || Status == NDIS_STATUS_INVALID_LENGTH ||
           Status == NDIS_STATUS_BUFFER_OVERFLOW;
}

typedef struct _ANSWER
{
    NDIS_STATUS Status;
    ULONG Done, Needed;
    UCHAR Bytes[BUFFER_MAX];
} ANSWER;

/* Asks with a buffer that holds Content, at an odd address. */
static VOID Ask(_In_ LAB *Lab, _In_ NDIS_REQUEST_TYPE Type, _In_ NDIS_OID Oid, _In_ const UCHAR *Content,
                _In_ ULONG Length, _In_ ULONG OutputLength, _Out_ ANSWER *Answer)
{
    NDIS_HOST_ADAPTER *Adapter = StackAdapter(Lab->Stack);
    PUCHAR Block = malloc(Length + 1), Buffer = Block + 1;
    NDIS_OID_REQUEST Request = {
        .Header = {.Type = NDIS_OBJECT_TYPE_OID_REQUEST,
                   .Revision = NDIS_OID_REQUEST_REVISION_1,
                   .Size = NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = Type,
        .RequestHandle = Adapter,
    };
    KIRQL Irql = KeGetCurrentIrql();
    memcpy(Buffer, Content, Length);
    if (Type == NdisRequestMethod)
    {
        Request.DATA.METHOD_INFORMATION.Oid = Oid;
        Request.DATA.METHOD_INFORMATION.InformationBuffer = Length ? Buffer : NULL;
        Request.DATA.METHOD_INFORMATION.InputBufferLength = Length;
        Request.DATA.METHOD_INFORMATION.OutputBufferLength = min(OutputLength, Length);
        Request.DATA.METHOD_INFORMATION.MethodId = OutputLength;
    }
    else /* a set's fields lie where a query's do */
    {
        Request.DATA.QUERY_INFORMATION.Oid = Oid;
        Request.DATA.QUERY_INFORMATION.InformationBuffer = Length ? Buffer : NULL;
        Request.DATA.QUERY_INFORMATION.InformationBufferLength = Length;
    }
    if (OutputLength & 1)
        KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    Answer->Status = Adapter->Driver->Characteristics.OidRequestHandler(Adapter->Context, &Request);
    if (OutputLength & 1)
        KeLowerIrql(Irql);
    LabCheck(Answer->Status != NDIS_STATUS_PENDING, "no request of this driver's pends");
    if (Type == NdisRequestMethod)
    {
        Answer->Done = Request.DATA.METHOD_INFORMATION.BytesWritten + Request.DATA.METHOD_INFORMATION.BytesRead;
        Answer->Needed = Request.DATA.METHOD_INFORMATION.BytesNeeded;
    }
    else
    {
        Answer->Done = Request.DATA.QUERY_INFORMATION.BytesWritten;
        Answer->Needed = Request.DATA.QUERY_INFORMATION.BytesNeeded;
    }
    LabCheck(Answer->Done <= Length, "OID 0x%x: %u bytes done of %u", Oid, Answer->Done, Length);
    LabCheck(Answer->Status == NDIS_STATUS_SUCCESS || Answer->Done == 0, "OID 0x%x: status 0x%x, %u bytes done", Oid,
             (unsigned)Answer->Status, Answer->Done);
    if (IsTooShort(Answer->Status))
        LabCheck(Answer->Needed > Length, "OID 0x%x: %u bytes are too short, %u needed", Oid, Length, Answer->Needed);
    memcpy(Answer->Bytes, Buffer, Length);
    free(Block);
}

static VOID Request(_Inout_ FUZZ *Input, _In_ LAB *Lab)
{
    static const NDIS_REQUEST_TYPE Types[] = {NdisRequestQueryInformation, NdisRequestQueryStatistics,
                                              NdisRequestSetInformation, NdisRequestSetInformation, NdisRequestMethod};
    static ANSWER First, Second;
    ULONG Kind = FuzzByte(Input), Length = FuzzByte(Input), OutputLength = FuzzByte(Input);
    NDIS_REQUEST_TYPE Type = Kind < 250 ? Types[Kind % ARRAYSIZE(Types)] : (NDIS_REQUEST_TYPE)FuzzByte(Input);
    NDIS_OID Oid = ChooseOid(Input);
    Length = Length < 250 ? Length : FuzzWord(Input) % BUFFER_MAX;
    UCHAR Content[BUFFER_MAX];
    FuzzFill(Input, Content, Type == NdisRequestSetInformation ? Length : 0);
    memset(Content + (Type == NdisRequestSetInformation ? Length : 0), 0x5c,
           BUFFER_MAX - (Type == NdisRequestSetInformation ? Length : 0));
    Ask(Lab, Type, Oid, Content, Length, OutputLength, &First);
    if (Type != NdisRequestQueryInformation && Type != NdisRequestQueryStatistics)
    {
        LabCheck(memcmp(First.Bytes, Content, Length) == 0, "OID 0x%x: a set writes into its buffer", Oid);
        return;
    }
    UCHAR Inverse[BUFFER_MAX];
    memset(Inverse, 0xa3, sizeof(Inverse));
    Ask(Lab, Type, Oid, Inverse, Length, OutputLength, &Second);
    LabCheck(First.Status == Second.Status && First.Done == Second.Done && First.Needed == Second.Needed &&
                 memcmp(First.Bytes, Second.Bytes, First.Done) == 0,
             "OID 0x%x: the answer depends on what the buffer held, or is not filled in", Oid);
    LabCheck(memcmp(First.Bytes + First.Done, Content + First.Done, Length - First.Done) == 0,
             "OID 0x%x: writes behind its answer of %u bytes", Oid, First.Done);
}

VOID FuzzTarget(FUZZ *Input, LAB *Lab)
{
    BOOLEAN Paused = FALSE, Open = FALSE;
    ULONG Sent = 0;
    PROGRAM Program;
    for (ULONG I = 0; FuzzMore(Input) && I < REQUESTS_MAX; I++)
    {
        ULONG Action = FuzzByte(Input);
        switch (Action < 224 ? 0 : Action % 4)
        {
        case 1:
            if (!Open)
            {
                LabEqual(ProgramOpen(&Program, Lab->Path, SimSystem), STATUS_SUCCESS);
                LabEqual(ProgramStart(&Program, RING_CAPACITY_MIN), STATUS_SUCCESS);
                Open = TRUE;
            }
            break;
        case 2:
            if (Paused)
                LabRestart(Lab);
            else
                FuzzPause(Lab);
            Paused = !Paused;
            break;
        case 3:
            if (!Paused && Sent++ < 8)
                FuzzStackSendPlain(Lab->Stack, 1 + Action % 32, FuzzLength(Input), Action & 16);
            break;
        default:
            Request(Input, Lab);
        }
    }
    if (Paused)
        LabRestart(Lab);
    if (Open)
        ProgramClose(&Program);
}
