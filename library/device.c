/* SPDX-License-Identifier: MIT */
/*
 * The driver's control device as the library sees it: opening it, its four requests, and the memory of a session. The
 * only file that knows how driver and library speak (ring/session.h). No locks: handles belong to the callers.
 */
#include "library/library.h"
#include <winioctl.h>

_Static_assert(sizeof(TUN_GUID) == sizeof(GUID), "a GUID is a GUID");

static const WCHAR Prefix[] = L"\\\\.\\Global\\" TUN_DEVICE_PREFIX;

/* https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-createfilew, "Win32 Device Namespaces" */
HANDLE DeviceOpen(const GUID *Guid)
{
    WCHAR Path[sizeof(Prefix) / sizeof(WCHAR) + GUID_STRING_LENGTH];
    lstrcpynW(Path, Prefix, ARRAYSIZE(Path));
    GuidToString(Guid, Path + lstrlenW(Path));
    return CreateFileW(Path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0,
                       NULL);
}

DWORD DeviceError(DWORD Error)
{
    switch (Error)
    {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_BAD_COMMAND:
    case ERROR_NOT_READY:
    case ERROR_GEN_FAILURE:
    case ERROR_DEV_NOT_EXIST:
    case 433: /* ERROR_NO_SUCH_DEVICE */
    case ERROR_DEVICE_NOT_CONNECTED:
    case ERROR_DEVICE_NOT_AVAILABLE:
    case ERROR_DEVICE_REMOVED:
    case ERROR_OPERATION_ABORTED:
    case ERROR_DELETE_PENDING:
        return ERROR_HANDLE_EOF;
    case ERROR_BUSY:
        return ERROR_ALREADY_INITIALIZED;
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_WORKING_SET_QUOTA:
        return ERROR_NOT_ENOUGH_MEMORY;
    default:
        return Error;
    }
}

static BOOL Request(HANDLE Device, DWORD Code, const void *Input, DWORD InputSize, void *Output, DWORD OutputSize)
{
    DWORD Returned = 0;
    if (!DeviceIoControl(Device, Code, (void *)Input, InputSize, Output, OutputSize, &Returned, NULL))
    {
        SetLastError(DeviceError(GetLastError()));
        return FALSE;
    }
    if (Returned != OutputSize) /* another version's structure */
    {
        SetLastError(ERROR_REVISION_MISMATCH);
        return FALSE;
    }
    return TRUE;
}

DWORD DeviceQuery(const GUID *Guid, TUN_QUERY *Query)
{
    union
    {
        TUN_QUERY Query;
        BYTE Bytes[256]; /* another version's answer may be longer */
    } Answer = {.Bytes = {0}};
    DWORD Returned = 0, Error = NO_ERROR;
    HANDLE Device = DeviceOpen(Guid);
    *Query = (TUN_QUERY){0};
    if (Device == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!DeviceIoControl(Device, TUN_IOCTL_QUERY, NULL, 0, &Answer, sizeof(Answer), &Returned, NULL))
        Error = DeviceError(GetLastError());
    else if (Returned != sizeof(Answer.Query) || Answer.Query.Protocol != TUN_PROTOCOL)
        Error = ERROR_REVISION_MISMATCH;
    CloseHandle(Device);
    *Query = Answer.Query;
    return Error;
}

DWORD DeviceStatistics(const GUID *Guid, TUN_STATISTICS *Statistics)
{
    HANDLE Device = DeviceOpen(Guid);
    if (Device == INVALID_HANDLE_VALUE)
        return DeviceError(GetLastError());
    DWORD Error =
        Request(Device, TUN_IOCTL_STATISTICS, NULL, 0, Statistics, sizeof(*Statistics)) ? NO_ERROR : GetLastError();
    CloseHandle(Device);
    return Error;
}

static BOOL RingFits(ULONG64 Offset, DWORD Capacity, ULONG64 SectionSize)
{
    ULONG64 Size = RingMemorySize(Capacity);
    return Offset % _Alignof(RING) == 0 && Offset <= SectionSize && Size <= SectionSize - Offset;
}

BOOL DeviceStart(HANDLE Device, DWORD Capacity, DWORD Flags, const SESSION_EVENTS *Events, SESSION_MEMORY *Memory)
{
    TUN_START_INPUT Input = {
        .Protocol = TUN_PROTOCOL,
        .Capacity = Capacity,
        .ToAppPackets = (ULONG_PTR)Events->ToAppPackets,
        .ToStackPackets = (ULONG_PTR)Events->ToStackPackets,
        .ToStackSpace = (ULONG_PTR)Events->ToStackSpace,
        .Flags = Flags,
    };
    TUN_START_OUTPUT Output = {0};
    if (!Request(Device, TUN_IOCTL_START, &Input, sizeof(Input), &Output, sizeof(Output)))
        return FALSE;

    /* The view keeps the section; its handle has done its work. */
    HANDLE Section = (HANDLE)(ULONG_PTR)Output.Section;
    void *View = MapViewOfFile(Section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, (SIZE_T)Output.SectionSize);
    DWORD Error = View != NULL ? NO_ERROR : GetLastError();
    CloseHandle(Section);
    if (View == NULL)
        goto end;
    if (!RingFits(Output.ToApp, Capacity, Output.SectionSize) ||
        !RingFits(Output.ToStack, Capacity, Output.SectionSize))
    {
        Error = ERROR_INVALID_DATA;
        goto unmap;
    }
    *Memory = (SESSION_MEMORY){
        .View = View,
        .ToApp = (RING *)((BYTE *)View + Output.ToApp),
        .ToStack = Flags & TUN_START_MONITOR ? NULL : (RING *)((BYTE *)View + Output.ToStack),
        .Offloads = (DWORD)Output.Offloads & Flags,
    };
    return TRUE;

unmap:
    UnmapViewOfFile(View);
end:
    DeviceEnd(Device);
    SetLastError(Error);
    return FALSE;
}

void DeviceEnd(HANDLE Device)
{
    /* It fails only where the session is over already: the adapter is gone, or it was ended for a corrupt ring. */
    Request(Device, TUN_IOCTL_END, NULL, 0, NULL, 0);
}

void DeviceUnmap(SESSION_MEMORY *Memory)
{
    UnmapViewOfFile(Memory->View);
    *Memory = (SESSION_MEMORY){0};
}
