#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ring/segment.h against two who know nothing of it: scapy, which makes each segment anew from its fields, and, as root, the
machine's own Linux, which takes super-packets from one TUN device and sends them on through another that has no offloads.

    segment.py LIBRARY [SEED]
"""
import ctypes
import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, PadN
from scapy.packet import Raw

TUNSETIFF, TUNSETOFFLOAD = 0x400454ca, 0x400454d0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 1, 0x1000, 0x4000
NEEDS_CHECKSUM, TCPV4, TCPV6, UDP_L4, ECN = 1, 1, 4, 5, 0x80

library = ctypes.CDLL(os.path.abspath(sys.argv[1]))
seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
chance = random.Random(seed)
passed = failed = 0


def cut(vnet, packet):
    """Our segments of a super-packet; None: it is refused."""
    room = ctypes.create_string_buffer(len(packet) * 70 + 70000)
    sizes = (ctypes.c_uint32 * 65536)()
    count = library.Cut(vnet, packet, len(packet), room, sizes)
    segments, at = [], 0
    for size in sizes[:max(count, 0)]:
        segments.append(room.raw[at:at + size])
        at += size
    return None if count < 0 else segments


def folded(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def super_packet(family, protocol, payload, options=True):
    """(virtio-net header, packet, its parts) as Linux would hand it over; the parts for scapy."""
    payload = bytes(chance.randrange(256) for _ in range(payload))
    gso = chance.randrange(40, 1400)
    gso = max(gso, len(payload) // 120 + 1)
    if family == 4:
        ip = IP(src='10.0.0.2', dst='10.1.0.9', ttl=64, id=chance.randrange(65536), tos=chance.choice([0, 4, 0xb8]),
                flags=chance.choice([0, 'DF']))
    else:
        ip = IPv6(src='fd00::2', dst='fd01::9', hlim=64, fl=chance.randrange(1 << 20), tc=chance.choice([0, 8]))
        if options and chance.randrange(3) == 0:
            ip = ip / IPv6ExtHdrDestOpt(options=[PadN(optdata=b'\0' * 4)])
    if protocol == 'tcp':
        flags = 'A' + (chance.choice(['', 'P', 'F', 'FP', 'C', 'CP', 'E']))
        timestamps = [('NOP', None), ('NOP', None), ('Timestamp', (chance.randrange(1 << 32), 7))] if chance.randrange(2) else []
        layer4 = TCP(sport=1234, dport=80, seq=chance.choice([chance.randrange(1 << 32), (1 << 32) - 2000]), ack=99,
                     flags=flags, window=500, options=timestamps)
    else:
        layer4 = UDP(sport=1234, dport=443)
    whole = bytes(ip / layer4 / Raw(payload))
    start = len(whole) - len(bytes(layer4 / Raw(payload)))
    headers = len(whole) - len(payload)
    offset = 16 if protocol == 'tcp' else 6
    # The checksum field holds the pseudo-header's sum.
    number = 6 if protocol == 'tcp' else 17
    addresses = whole[12:20] if family == 4 else whole[8:40]
    pseudo = folded(addresses + struct.pack('>II', len(whole) - start, number))
    whole = whole[:start + offset] + struct.pack('>H', pseudo) + whole[start + offset + 2:]
    kind = UDP_L4 if protocol == 'udp' else TCPV4 if family == 4 else TCPV6
    if protocol == 'tcp' and 'C' in layer4.sprintf('%TCP.flags%'):
        kind |= ECN
    vnet = struct.pack('<BBHHHH', NEEDS_CHECKSUM, kind, headers, gso, start, offset)
    return vnet, whole, (ip, layer4, payload, gso)


def by_scapy(ip, layer4, payload, gso):
    """Each segment from its fields, lengths and checksums by scapy."""
    segments = []
    for index, at in enumerate(range(0, len(payload), gso)):
        outer, inner = ip.copy(), layer4.copy()
        if outer.version == 4:
            outer.id = (outer.id + index) & 0xffff
        if isinstance(inner, TCP):
            inner.seq = (inner.seq + at) & 0xffffffff
            flags = inner.sprintf('%TCP.flags%')
            if index:
                flags = flags.replace('C', '')
            if at + gso < len(payload):
                flags = flags.replace('F', '').replace('P', '')
            inner.flags = flags
        segments.append(bytes(outer / inner / Raw(payload[at:at + gso])))
    return segments


def compare(what, ours, theirs, vnet, packet):
    global passed, failed
    if ours == theirs:
        passed += 1
        return
    failed += 1
    print('segment: %s: seed %d: %s segments, not %s; header %s' %
          (what, seed, ours and len(ours), theirs and len(theirs), vnet.hex()))
    for number, (mine, other) in enumerate(zip(ours or [], theirs or [])):
        if mine != other:
            print('segment %d:\n  %s\n  %s' % (number, mine[:80].hex(), other[:80].hex()))
            break


def tun(name):
    device = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack('16sH22x', name, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(device, TUNSETOFFLOAD, 0)
    return device


def by_linux(count):
    """In a network namespace that the caller has made: what comes out of `out` of what goes into `in`."""
    into, out = tun(b'in'), tun(b'out')
    for command in ('ip addr add 10.0.0.1/24 dev in', 'ip addr add 10.1.0.1/24 dev out', 'ip -6 addr add fd00::1/64 dev in nodad',
                    'ip -6 addr add fd01::1/64 dev out nodad', 'ip link set in up', 'ip link set out up mtu 1500'):
        subprocess.run(command.split(), check=True)
    for path, value in (('ipv4/ip_forward', '1'), ('ipv6/conf/all/forwarding', '1'), ('ipv4/conf/all/rp_filter', '0')):
        with open('/proc/sys/net/' + path, 'w') as file:
            file.write(value)
    for number in range(count):
        family, protocol = chance.choice([4, 6]), chance.choice(['tcp', 'udp'])
        vnet, packet, _ = super_packet(family, protocol, chance.randrange(3000, 30000), options=False)
        # On its way through Linux it loses one of its hops.
        before = bytearray(packet)
        hops = 8 if family == 4 else 7
        before[hops] += 1
        if family == 4:
            before[10:12] = bytes(2)
            before[10:12] = struct.pack('>H', folded(bytes(before[:20])) ^ 0xffff)
        while select.select([out], [], [], 0)[0]:
            os.read(out, 70000) # what Linux says of itself
        try:
            os.write(into, vnet + bytes(before))
        except OSError as error: # this Linux takes none of that kind
            print('segment: Linux refuses %s over IPv%d: %s' % (protocol, family, error))
            return False
        ours, theirs = cut(vnet, packet), []
        while len(theirs) < len(ours) and select.select([out], [], [], 2)[0]:
            got = os.read(out, 70000)[10:]
            addresses = slice(12, 20) if family == 4 else slice(8, 40)
            if got[0] >> 4 == family and got[addresses] == packet[addresses]: # and not Linux' own
                theirs.append(got)
        compare('Linux, %s over IPv%d' % (protocol, family), ours, theirs, vnet, packet)
    return True


for number in range(400):
    family, protocol = chance.choice([4, 6]), chance.choice(['tcp', 'udp'])
    vnet, packet, parts = super_packet(family, protocol, chance.choice([1, 100, 1400, 9000, chance.randrange(1, 60000)]))
    compare('scapy, %s over IPv%d' % (protocol, family), cut(vnet, packet), by_scapy(*parts), vnet, packet)
if os.geteuid() or not os.path.exists('/dev/net/tun'):
    print('segment: without root and /dev/net/tun Linux was not asked')
elif ctypes.CDLL(None, use_errno=True).unshare(0x40000000): # CLONE_NEWNET
    print('segment: no network namespace (%s): Linux was not asked' % os.strerror(ctypes.get_errno()))
elif not by_linux(200):
    failed += 1
print('segment: seed %d: %d passed, %d failed' % (seed, passed, failed))
sys.exit(failed != 0)
