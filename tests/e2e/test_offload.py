# SPDX-License-Identifier: MIT
"""TCP crosses the TUN interface in super-packets: they pass the driver to programs that take them, and become packets of the MTU
for others; either way the bytes arrive, whole and in order."""
import array
import fcntl
import os
import random
import re
import select
import socket
import struct
import threading
import time

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

import lab
from conftest import PeerError

SIOCETHTOOL, ETHTOOL_GTXCSUM, ETHTOOL_GTSO = 0x8946, 0x16, 0x1e
SOL_PACKET, PACKET_VNET_HDR = 263, 15


def feature(namespace, device, command):
    """What `ethtool -k` would say."""
    with namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        value = array.array('I', [command, 0])
        fcntl.ioctl(control, SIOCETHTOOL, struct.pack('16sP8x', device.encode(), value.buffer_info()[0]))
    return value[1]


@pytest.fixture(scope='module')
def bare(shared_machine):
    """An adapter whose packets we receive one by one, and a socket that hands super-packets to its interface."""
    peer = shared_machine.peer()
    device = shared_machine.ready(peer('create 0 9000 super')['index'])
    peer('start 0 1048576')
    shared_machine.namespace.run('sysctl', '-qw', 'net.ipv6.conf.%s.disable_ipv6=1' % device)
    shared_machine.up(device, '10.22.0.1/24')
    with shared_machine.namespace.entered():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        raw.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        raw.bind((device, 0))
    yield shared_machine, peer, device, raw
    raw.close()
    peer.quit()


def test_features(bare):
    machine, _, device, _ = bare
    assert feature(machine.namespace, device, ETHTOOL_GTXCSUM) == 1
    assert feature(machine.namespace, device, ETHTOOL_GTSO) == 1


HEADS = {'ipv4': IP(src='10.22.0.1', dst='10.22.0.9', id=65530, flags='DF'), 'ipv6': IPv6(src='fd00::1', dst='fd00::9')}


@pytest.mark.parametrize('size', [1440, 100], ids=['46 segments', '656 segments'])
@pytest.mark.parametrize('family', HEADS)
def test_super_packet_to_program(bare, family, size):
    """More segments than a batch takes too; the last is shorter and alone has FIN and PSH."""
    _, peer, _, raw = bare
    head = HEADS[family] / TCP(sport=7, dport=9, seq=0xfffff000, ack=5, flags='FPA', options=[('Timestamp', (1, 2))])
    data = bytes(i * 7 % 256 for i in range(65400 - len(head)))
    packet = bytearray(bytes(head / Raw(data)))
    start = len(HEADS[family])
    pseudo = bytes(packet[12:20] if start == 20 else packet[8:40]) + struct.pack('!HH', 6, len(packet) - start)
    total = sum(struct.unpack('!%dH' % (len(pseudo) // 2), pseudo))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    packet[start + 16:start + 18] = struct.pack('!H', total)
    raw.send(struct.pack('<BBHHHH', 1, 1 if start == 20 else 4, len(head), size, start, 16) + packet)
    for index, at in enumerate(range(0, len(data), size)):
        wanted = head.copy()
        wanted[TCP].seq = (0xfffff000 + at) % 2 ** 32
        wanted[TCP].flags = 'FPA' if at + size >= len(data) else 'A'
        if start == 20:
            wanted.id = (65530 + index) % 65536
        assert peer('receive 0 5000')['hex'] == bytes(wanted / Raw(data[at:at + size])).hex(), 'segment %d' % index


def transfer(sender, receiver, address):
    """Sends 20 MB through a TCP connection and compares what arrives."""
    data = random.Random(address).randbytes(20_000_000)
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with receiver.entered():
        listener = socket.create_server((address, 0), family=family)
    with sender.entered():
        client = socket.create_connection(listener.getsockname()[:2], 20)
    server, _ = listener.accept()
    sending = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)), daemon=True)
    with listener, client, server:
        client.settimeout(30)
        server.settimeout(30)
        sending.start()
        received = b''.join(iter(lambda: server.recv(1 << 20), b''))
        sending.join()
    assert received == data


TUNSETIFF, TUNSETOFFLOAD, TUN_OFFLOADS = 0x400454ca, 0x400454d0, 7  # checksums, TCP over IPv4 and IPv6
ASKED, CHECKSUM, TCP_SUPER = 0x7f00, 0x1000, 0x2000


@pytest.mark.parametrize('coalesced', ['1', '0'], ids=['whole', 'cut'])
def test_super_packets_from_linux(monkeypatch, request, coalesced):
    """What Linux' /dev/net/tun gives with IFF_VNET_HDR goes into the ring as it is, header and all, what comes out of the ring
    goes back to it so, and TCP runs on it, whether the system takes super-packets or the driver cuts them."""
    monkeypatch.setenv('HOST_NDIS_RSC', coalesced)
    machine = request.getfixturevalue('machine')
    peer = machine.peer()
    device = machine.ready(peer('create 0 1500 linux')['index'])
    for capacity, asked in ((524288, ASKED), (1048576, TCP_SUPER)):
        peer.fails('start 0 %d %d' % (capacity, asked), 87)
    assert peer('start 0 1048576')['offloads'] == 0
    peer('end 0')
    assert peer('start 0 4194304 %d' % ASKED)['offloads'] == 0x7700  # all but UDP to the program
    machine.up(device, '10.34.0.2/24')
    linux = lab.Namespace('offload-linux')
    with linux.entered():
        tun = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', b'linux', 1 | 0x1000 | 0x4000))
        fcntl.ioctl(tun, TUNSETOFFLOAD, TUN_OFFLOADS)
    linux.run('sysctl', '-qw', 'net.ipv6.conf.linux.disable_ipv6=1')
    linux.ip('addr', 'add', '10.34.0.1/24', 'dev', 'linux')
    linux.ip('link', 'set', 'linux', 'up', 'mtu', 1500)
    before = peer('statistics 0')
    data, received, entries, supers = random.Random(7).randbytes(3_000_000), bytearray(), 0, 0
    with machine.namespace.entered():
        listener = socket.create_server(('10.34.0.2', 0))
    with linux.entered():
        client = socket.socket()
    client.setblocking(False)
    client.connect_ex(listener.getsockname())
    listener.setblocking(False)
    server, sent, end = None, 0, time.monotonic() + 60
    while len(received) < len(data) and time.monotonic() < end:
        try:
            server = server or listener.accept()[0]
            server.setblocking(False)
            received += server.recv(1 << 20)
        except BlockingIOError:
            pass
        try:
            sent += client.send(data[sent:sent + 300000]) if sent < len(data) else 0
        except BlockingIOError:
            pass
        while select.select([tun], [], [], 0)[0]:
            frame = os.read(tun, 70000)
            supers += frame[1] != 0
            entries += 1
            peer('super 0 %s' % frame.hex())
        while True:
            try:
                answer = peer('receive 0 1')
                os.write(tun, bytes.fromhex(answer['vnet'] + answer['hex']))
            except PeerError:
                break
    assert received == data
    after = peer('statistics 0')
    assert supers > 10 and after['to_stack_invalid'] == 0, (supers, after)
    packets = after['to_stack'] - before['to_stack']
    octets = after['to_stack_bytes'] - before['to_stack_bytes']
    if coalesced == '1':
        assert entries <= packets < len(data) / 1460 and octets > 1500 * packets
    else:
        assert packets > len(data) / 1460 and packets >= entries + supers and octets < 1500 * packets
    for one in (client, server, listener):
        one.close()
    os.close(tun)
    linux.remove()
    peer.quit()


def joined(machine, *options):
    """Two adapters that examples/wire joins, each in a namespace of its own: the program, and the namespaces."""
    wire = machine.windows.start('wire.exe', '--names', 'left', 'right', *options)
    wire.expect('left and right are joined', 60)
    sides = {}
    for number, side in enumerate(('left', 'right'), 1):
        sides[side] = lab.Namespace('offload-' + side)
        # Nobody is asked for a router in the middle of the counting below.
        sides[side].run('sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/default/router_solicitations')
        machine.namespace.ip('link', 'set', side, 'netns', sides[side].name)
        sides[side].ip('addr', 'add', '10.31.0.%d/24' % number, 'dev', side)
        sides[side].ip('addr', 'add', 'fd00:31::%d/64' % number, 'dev', side, 'nodad')
        sides[side].ip('link', 'set', side, 'up')
    return wire, sides


# What Windows, and what the program, has to do with offloads.
WAYS = {'super-packets': ('1', '1', ()), 'none to the system': ('1', '0', ()), 'a program without': ('1', '1', ('--plain',)),
        'a system without': ('0', '1', ())}


@pytest.mark.parametrize('way', WAYS)
def test_tcp_between_two_adapters(monkeypatch, request, way):
    """TCP over IPv4 and IPv6, with the MTU changed meanwhile: all that entered is found again. Super-packets arrive whole in a
    program that takes them; else they come to it in packets of the MTU, whoever cuts them."""
    offloads, coalesced, options = WAYS[way]
    monkeypatch.setenv('HOST_NDIS_OFFLOAD', offloads)
    monkeypatch.setenv('HOST_NDIS_RSC', coalesced)
    machine = request.getfixturevalue('machine')
    wire, sides = joined(machine, *options)
    for mtu, address in ((1500, '10.31.0.%d'), (1500, 'fd00:31::%d'), (1300, '10.31.0.%d'), (1280, 'fd00:31::%d')):
        for side in sides:
            sides[side].ip('link', 'set', side, 'mtu', mtu)
        transfer(sides['left'], sides['right'], address % 2)
        transfer(sides['right'], sides['left'], address % 1)
    for side in sides:
        sides[side].quiet_link(side)
    links = {side: sides[side].link(side)['stats64'] for side in sides}
    assert wire.quit() == 0, wire.text()
    for side, other in (('left', 'right'), ('right', 'left')):
        found = re.search(r'adapter %s: from the system (\d+) packets, dropped: (\d+) ring full, (\d+) no session, '
                          r'(\d+) invalid, (\d+) paused; to the system (\d+) packets' % side, wire.text())
        counted = list(map(int, found.groups()))
        supers = int(re.search(r'%s to %s: \d+ packets \((\d+) super-packets\)' % (side, other), wire.text()).group(1))
        host = machine.windows.passed(side)
        to, back = host['to'], host['from']
        assert to['supers'] > 0 and back['supers'] > 0 and to['dropped'] == 0
        assert to['packets'] - to['segments'] - to['whole'] + to['supers'] == links[side]['tx']['packets']
        assert counted[5] == back['packets'] + back['dropped']
        assert back['packets'] - back['segments'] - back['whole'] + back['supers'] == links[side]['rx']['packets']
        # 80 MB in packets of 1500 bytes are 53,000; Linux' own super-packets are smaller than 64 KiB at times.
        if offloads == '1':
            assert to['whole'] > 500 and to['whole'] > 0.9 * to['supers'] and to['parts'] > 4 * to['whole'], to
        if way in ('super-packets', 'none to the system'):
            assert to['packets'] == sum(counted[:5]) and to['whole'] == supers + counted[1], (to, counted, supers)
        elif way == 'a program without':
            assert to['packets'] - to['whole'] + to['parts'] == sum(counted[:5]) and supers == 0
        else:
            assert to['packets'] == sum(counted[:5]) and to['whole'] == 0 and supers == 0
            assert to['bytes'] <= 1500 * to['packets']
        if way == 'super-packets':
            assert back['whole'] > 500 and back['segments'] < 0.1 * back['parts'], back
        else:
            assert back['whole'] == 0 and back['bytes'] <= 1500 * back['packets'], back
    for side in sides.values():
        side.remove()
