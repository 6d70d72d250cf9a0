/* SPDX-License-Identifier: MIT */
/*
 * __C_specific_handler: the language handler of __try, __except and __finally on amd64. Wine's passes no exception
 * code to an __except block, so that GetExceptionCode() there is 0. Runs in the faulting thread; no state. "x64
 * exception handling", docs.microsoft.com/cpp/build.
 */
#include "host/wine/ntoskrnl/kernel.h"

#define UNWINDING        0x66 /* EXCEPTION_UNWINDING, _EXIT_UNWIND, _TARGET_UNWIND, _COLLIDED_UNWIND */
#define TARGET_UNWIND    0x20
#define EXECUTE_HANDLER  1
#define CONTINUE_FAULTED 0 /* EXCEPTION_DISPOSITION */
#define CONTINUE_SEARCH  1

typedef struct _EXCEPTION
{
    NTSTATUS Code;
    ULONG Flags;
} EXCEPTION; /* EXCEPTION_RECORD's beginning */

typedef struct _SCOPE
{
    ULONG Begin, End, Handler, Target; /* offsets in the image */
} SCOPE;

typedef struct _SCOPES
{
    ULONG Count;
    SCOPE Scope[];
} SCOPES;

typedef struct _DISPATCH /* DISPATCHER_CONTEXT */
{
    ULONG64 ControlPc, ImageBase;
    PVOID FunctionEntry;
    ULONG64 EstablisherFrame, TargetIp;
    PVOID ContextRecord, LanguageHandler;
    SCOPES *HandlerData;
    PVOID HistoryTable;
    ULONG ScopeIndex, Fill;
} DISPATCH;

typedef struct _EXCEPTION_POINTERS
{
    EXCEPTION *Record;
    PVOID Context;
} EXCEPTION_POINTERS;

__declspec(dllimport) void RtlUnwindEx(PVOID Frame, PVOID Target, EXCEPTION *Record, PVOID Value, PVOID Context,
                                       PVOID HistoryTable);
int __C_specific_handler(EXCEPTION *Record, PVOID Frame, PVOID Context, DISPATCH *Dispatch);

int __C_specific_handler(EXCEPTION *Record, PVOID Frame, PVOID Context, DISPATCH *Dispatch)
{
    const SCOPES *Scopes = Dispatch->HandlerData;
    PUCHAR Image = (PUCHAR)Dispatch->ImageBase;
    ULONG_PTR Pc = Dispatch->ControlPc - Dispatch->ImageBase;
    for (ULONG I = Dispatch->ScopeIndex; I < Scopes->Count; I++)
    {
        const SCOPE *Scope = &Scopes->Scope[I];
        if (Pc < Scope->Begin || Pc >= Scope->End)
            continue;
        if (Record->Flags & UNWINDING)
        {
            if (!Scope->Target) /* __finally */
            {
                Dispatch->ScopeIndex = I + 1;
                ((void (*)(BOOLEAN, PVOID))(Image + Scope->Handler))(TRUE, Frame);
            }
            else if ((Record->Flags & TARGET_UNWIND) && Scope->Target == Dispatch->TargetIp - Dispatch->ImageBase)
            {
                break; /* the block that handles it is reached */
            }
        }
        else if (Scope->Target)
        {
            if (Scope->Handler != EXECUTE_HANDLER)
            {
                EXCEPTION_POINTERS Pointers = {Record, Context};
                LONG Filter = ((LONG(*)(EXCEPTION_POINTERS *, PVOID))(Image + Scope->Handler))(&Pointers, Frame);
                if (Filter < 0)
                    return CONTINUE_FAULTED;
                if (!Filter)
                    continue;
            }
            /* The value arrives in rax, which is where the block looks for the code. */
            RtlUnwindEx(Frame, Image + Scope->Target, Record, (PVOID)(ULONG_PTR)(ULONG)Record->Code,
                        Dispatch->ContextRecord, Dispatch->HistoryTable);
        }
    }
    return CONTINUE_SEARCH;
}
