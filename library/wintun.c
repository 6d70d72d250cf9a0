/* SPDX-License-Identifier: MIT */
/*
 * The drop-in layer: the 14 functions that programs written to the Wintun interface get by name from wintun.dll, each on
 * top of ours. Their handles are ours under another type. Any thread; what the functions promise is in include/wintun.h.
 */
#include "library/library.h"
#include "include/wintun.h"

WINTUN_CREATE_ADAPTER_FUNC WintunCreateAdapter;
WINTUN_OPEN_ADAPTER_FUNC WintunOpenAdapter;
WINTUN_CLOSE_ADAPTER_FUNC WintunCloseAdapter;
WINTUN_DELETE_DRIVER_FUNC WintunDeleteDriver;
WINTUN_GET_ADAPTER_LUID_FUNC WintunGetAdapterLUID;
WINTUN_GET_RUNNING_DRIVER_VERSION_FUNC WintunGetRunningDriverVersion;
WINTUN_SET_LOGGER_FUNC WintunSetLogger;
WINTUN_START_SESSION_FUNC WintunStartSession;
WINTUN_END_SESSION_FUNC WintunEndSession;
WINTUN_GET_READ_WAIT_EVENT_FUNC WintunGetReadWaitEvent;
WINTUN_RECEIVE_PACKET_FUNC WintunReceivePacket;
WINTUN_RELEASE_RECEIVE_PACKET_FUNC WintunReleaseReceivePacket;
WINTUN_ALLOCATE_SEND_PACKET_FUNC WintunAllocateSendPacket;
WINTUN_SEND_PACKET_FUNC WintunSendPacket;

static PLAINTUN_SESSION_HANDLE Session(WINTUN_SESSION_HANDLE Handle)
{
    return (PLAINTUN_SESSION_HANDLE)Handle;
}

WINTUN_ADAPTER_HANDLE WINAPI WintunCreateAdapter(LPCWSTR Name, LPCWSTR TunnelType, const GUID *RequestedGUID)
{
    PLAINTUN_ADAPTER_CONFIG Config = {
        .Size = sizeof(Config),
        .Mtu = PLAINTUN_PACKET_MAX, /* what these programs expect: they set the interface's MTU themselves */
        .Name = Name,
        .TunnelType = TunnelType,
        .Guid = RequestedGUID,
    };
    return (WINTUN_ADAPTER_HANDLE)PlaintunCreateAdapter(&Config);
}

WINTUN_ADAPTER_HANDLE WINAPI WintunOpenAdapter(LPCWSTR Name)
{
    return (WINTUN_ADAPTER_HANDLE)PlaintunOpenAdapter(Name);
}

VOID WINAPI WintunCloseAdapter(WINTUN_ADAPTER_HANDLE Adapter)
{
    PlaintunCloseAdapter((PLAINTUN_ADAPTER_HANDLE)Adapter);
}

BOOL WINAPI WintunDeleteDriver(VOID)
{
    return PlaintunDeleteDriver();
}

VOID WINAPI WintunGetAdapterLUID(WINTUN_ADAPTER_HANDLE Adapter, NET_LUID *Luid)
{
    *Luid = ((PLAINTUN_ADAPTER_HANDLE)Adapter)->Luid;
}

DWORD WINAPI WintunGetRunningDriverVersion(VOID)
{
    return PlaintunGetDriverVersion();
}

VOID WINAPI WintunSetLogger(WINTUN_LOGGER_CALLBACK NewLogger)
{
    /* The same function under two type names: only the enum's differs, and its values are the same. */
    PlaintunSetLogger((PLAINTUN_LOGGER)(void *)NewLogger);
}

WINTUN_SESSION_HANDLE WINAPI WintunStartSession(WINTUN_ADAPTER_HANDLE Adapter, DWORD Capacity)
{
    PLAINTUN_SESSION_CONFIG Config = {.Size = sizeof(Config), .Capacity = Capacity};
    if (Capacity == 0) /* a default to us, an error here */
    {
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    return (WINTUN_SESSION_HANDLE)SessionStart((PLAINTUN_ADAPTER_HANDLE)Adapter, &Config, TRUE);
}

VOID WINAPI WintunEndSession(WINTUN_SESSION_HANDLE Handle)
{
    PlaintunEndSession(Session(Handle));
}

HANDLE WINAPI WintunGetReadWaitEvent(WINTUN_SESSION_HANDLE Handle)
{
    return PlaintunGetPacketsEvent(Session(Handle));
}

BYTE *WINAPI WintunReceivePacket(WINTUN_SESSION_HANDLE Handle, DWORD *PacketSize)
{
    PLAINTUN_PACKET Packet;
    if (PlaintunReceive(Session(Handle), &Packet, 1) == 0)
        return NULL;
    *PacketSize = Packet.Size;
    return Packet.Data;
}

VOID WINAPI WintunReleaseReceivePacket(WINTUN_SESSION_HANDLE Handle, const BYTE *Packet)
{
    PLAINTUN_PACKET Packets = {.Data = (BYTE *)Packet};
    PlaintunRelease(Session(Handle), &Packets, 1);
}

BYTE *WINAPI WintunAllocateSendPacket(WINTUN_SESSION_HANDLE Handle, DWORD PacketSize)
{
    PLAINTUN_PACKET Packet = {.Size = PacketSize};
    return PlaintunAllocate(Session(Handle), &Packet, 1) != 0 ? Packet.Data : NULL;
}

VOID WINAPI WintunSendPacket(WINTUN_SESSION_HANDLE Handle, const BYTE *Packet)
{
    PLAINTUN_PACKET Packets = {.Data = (BYTE *)Packet};
    PlaintunSend(Session(Handle), &Packets, 1);
}
