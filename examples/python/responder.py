# SPDX-License-Identifier: MIT
"""A network that answers ping, by ctypes: python responder.py [path of plaintun.dll]

Run it as administrator with a Python of the DLL's architecture. Ends with Ctrl-C; the adapter goes with it.
"""
import ctypes
import os
import sys
from ctypes import POINTER, Structure, byref, c_ubyte, c_uint32, c_void_p, c_wchar_p, sizeof

WAIT_PACKETS = 1
BATCH = 64


class AdapterConfig(Structure):  # PLAINTUN_ADAPTER_CONFIG
    _fields_ = [('Size', c_uint32), ('Mtu', c_uint32), ('Name', c_wchar_p), ('TunnelType', c_wchar_p),
                ('Guid', c_void_p), ('AccessList', c_wchar_p), ('TimeoutMs', c_uint32), ('Flags', c_uint32),
                ('Metric', c_uint32), ('Reserved', c_uint32)]


class Packet(Structure):  # PLAINTUN_PACKET
    _fields_ = [('Data', POINTER(c_ubyte)), ('Size', c_uint32), ('Flags', c_uint32)]


def load(path):
    """The DLL, its functions with their types."""
    dll = ctypes.WinDLL(path, use_last_error=True)
    for name, result, arguments in (
            ('CreateAdapter', c_void_p, [POINTER(AdapterConfig)]), ('CloseAdapter', None, [c_void_p]),
            ('StartSession', c_void_p, [c_void_p, c_void_p]),
            ('Receive', c_uint32, [c_void_p, POINTER(Packet), c_uint32]),
            ('Release', None, [c_void_p, POINTER(Packet), c_uint32]),
            ('Allocate', c_uint32, [c_void_p, POINTER(Packet), c_uint32]),
            ('Send', None, [c_void_p, POINTER(Packet), c_uint32]),
            ('Wait', c_uint32, [c_void_p, c_uint32, c_uint32]),
            ('GetMessage', c_uint32, [c_wchar_p, c_uint32])):
        function = getattr(dll, 'Plaintun' + name)
        function.restype, function.argtypes = result, arguments
    return dll


def make_reply(packet):
    """Makes the answer to an echo request in place; False: it is none. Its checksum changes with one word (RFC 1624)."""
    header = (packet[0] & 15) * 4 if packet else 0
    if len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] != 1 or len(packet) < header + 8 or packet[header] != 8:
        return False
    packet[12:16], packet[16:20] = packet[16:20], packet[12:16]
    total = (packet[header + 2] << 8 | packet[header + 3]) + 0x800
    total = (total & 0xffff) + (total >> 16)
    packet[header], packet[header + 2], packet[header + 3] = 0, total >> 8, total & 0xff
    return True


def main():
    dll = load(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), 'plaintun.dll'))

    def fail(what):
        error, text = ctypes.get_last_error(), ctypes.create_unicode_buffer(1024)
        dll.PlaintunGetMessage(text, 1024)
        sys.exit('%s: error %d %s' % (what, error, text.value))

    config = AdapterConfig(Size=sizeof(AdapterConfig), Name='responder', TunnelType='Example')
    adapter = dll.PlaintunCreateAdapter(byref(config)) or fail('creating the adapter')
    session = dll.PlaintunStartSession(adapter, None) or fail('starting the session')
    print('ready: netsh interface ipv4 set address responder static 10.9.0.1 255.255.255.0, then ping 10.9.0.2', flush=True)
    packets, answer = (Packet * BATCH)(), Packet()
    while dll.PlaintunWait(session, WAIT_PACKETS, 200) or ctypes.get_last_error() == 1460:  # ERROR_TIMEOUT: Ctrl-C?
        count = dll.PlaintunReceive(session, packets, BATCH)
        for packet in packets[:count]:
            data = bytearray(packet.Data[:packet.Size])
            answer.Size = len(data)
            if make_reply(data) and dll.PlaintunAllocate(session, byref(answer), 1):
                ctypes.memmove(answer.Data, bytes(data), len(data))
                dll.PlaintunSend(session, byref(answer), 1)
        dll.PlaintunRelease(session, packets, count)
    fail('waiting for packets')


if __name__ == '__main__':
    main()
