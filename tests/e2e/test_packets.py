# SPDX-License-Identifier: MIT
"""Packets of every size pass whole and in order, both ways; what is no packet is dropped and counted."""
import json
import os
import signal
import socket
import threading

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.packet import Raw

import lab
from conftest import TRAFFIC

PACKETS = 100000
V4, V6 = '10.20.0.2', 'fd00:20::2'


@pytest.fixture(scope='module')
def echo(shared_machine):
    """An adapter for the largest packets, whose program checks and returns the tests' packets."""
    peer = shared_machine.peer()
    info = peer('create 0 65535 packets')
    device = shared_machine.ready(info['index'])
    peer('start 0 4194304')
    peer('work 0 echo')
    shared_machine.up(device, '10.20.0.1/24', 'fd00:20::1/64')
    yield shared_machine, peer, device
    peer.quit()


def balance(peer, slot=0):
    """The adapter's counters."""
    return peer('statistics %d' % slot)


SIZES = [64, 576, 1420, 9000, 65535]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('address', [V4, V6], ids=['ipv4', 'ipv6'])
def test_whole_and_in_order(echo, address, size):
    machine, peer, _ = echo
    before, drops = peer('state 0'), balance(peer)
    flow = SIZES.index(size) + (100 if address == V6 else 0)
    result = json.loads(machine.namespace.run(TRAFFIC, 'echo', address, size, PACKETS, flow, seconds=120))
    after, drops_after = peer('state 0'), balance(peer)
    assert result['received'] == PACKETS and result['lost'] == result['reordered'] == result['corrupt'] == 0, result
    assert after['corrupt'] == before['corrupt'] and after['reordered'] == before['reordered'], after
    assert after['whole'] - before['whole'] == PACKETS
    assert after['sent'] - before['sent'] == PACKETS
    assert drops_after['full'] == drops['full'] and drops_after['invalid'] == drops['invalid']


@pytest.mark.parametrize('address,size', [(V4, 20), (V6, 40)], ids=['ipv4', 'ipv6'])
def test_header_only(echo, address, size):
    machine, peer, _ = echo
    before = peer('state 0')
    result = json.loads(machine.namespace.run(TRAFFIC, 'echo', address, size, PACKETS, 0, seconds=120))
    after = peer('state 0')
    assert result['received'] == PACKETS and result['lost'] == 0, result
    assert after['bare'] - before['bare'] == PACKETS


def test_many_flows_at_once(echo):
    """Senders of different sizes side by side: none of them disturbs another's order."""
    machine, peer, device = echo
    peer('stop 0')
    peer('work 0 echo')
    # Together they have more in flight than Linux' queue of 500 packets before a TUN interface takes.
    machine.namespace.ip('link', 'set', device, 'txqueuelen', 2000)
    results = {}

    def send(flow, size):
        results[flow] = json.loads(machine.namespace.run(TRAFFIC, 'echo', V4 if flow % 2 else V6, size, 30000, flow,
                                                         seconds=120))
    threads = [threading.Thread(target=send, args=(10 + i, size)) for i, size in enumerate([64, 1420, 700, 9000])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results.values():
        assert result['lost'] == result['reordered'] == result['corrupt'] == 0, result
    state = peer('state 0')
    assert state['whole'] == 4 * 30000 and state['reordered'] == state['corrupt'] == 0, state


def test_three_adapters(machine):
    """Three adapters at once, each with its own traffic."""
    peer = machine.peer()
    for slot in range(3):
        info = peer('create %d 1500 three%d' % (slot, slot))
        device = machine.ready(info['index'])
        peer('start %d 1048576' % slot)
        peer('work %d echo' % slot)
        machine.up(device, '10.21.%d.1/24' % slot)
    results = {}

    def send(slot):
        results[slot] = json.loads(machine.namespace.run(TRAFFIC, 'echo', '10.21.%d.2' % slot, 1420, 50000, slot,
                                                         seconds=120))
    threads = [threading.Thread(target=send, args=(slot,)) for slot in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for slot in range(3):
        assert results[slot]['lost'] == results[slot]['reordered'] == results[slot]['corrupt'] == 0, results[slot]
        state = peer('state %d' % slot)
        assert state['whole'] == 50000 and state['reordered'] == state['corrupt'] == 0, state
    peer.quit()


def test_reader_that_stands_still(machine):
    """The drivers' process gets no processor for a while, and the adapter goes with packets on the way: the host counts what
    Linux' queue could not hold, and what was left in it."""
    sent = 5000
    peer = machine.peer()
    device = machine.ready(peer('create 0 1500 still')['index'])
    peer('start 0 1048576')
    machine.namespace.run('sysctl', '-qw', 'net.ipv6.conf.%s.disable_ipv6=1' % device)
    machine.up(device, '10.26.0.1/24')
    drivers = [pid for pid, name in lab.wine_processes(machine.windows).items() if name.startswith('winedevice')]
    assert drivers
    with machine.namespace.entered():
        flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for pid in drivers:
            os.kill(pid, signal.SIGSTOP)
        for _ in range(sent):
            flood.sendto(100 * b'x', ('10.26.0.2', 9))
    finally:
        flood.close()
        for pid in drivers:
            os.kill(pid, signal.SIGCONT)
    peer.quit()
    to = machine.windows.passed(device)['to']
    assert to['dropped'] > 0 and to['packets'] + to['dropped'] == sent, to


# --- exact bytes, and what is no packet ------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def bare(shared_machine):
    """An adapter whose packets we send and receive one by one, and a socket on its interface."""
    peer = shared_machine.peer()
    info = peer('create 0 9000 bare')
    device = shared_machine.ready(info['index'])
    peer('start 0 1048576')
    shared_machine.namespace.run('sysctl', '-qw', 'net.ipv6.conf.%s.disable_ipv6=1' % device)
    shared_machine.up(device, '10.22.0.1/24')
    with shared_machine.namespace.entered():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        raw.bind((device, 0))
    raw.settimeout(5)
    yield peer, raw
    raw.close()
    peer.quit()


CRAFTED = [
    IP(src='10.22.0.1', dst='10.22.0.9') / ICMP() / Raw(b'abcdefg'),
    IP(src='10.22.0.1', dst='10.22.0.9', options=[b'\x07\x07\x04\x00\x00\x00\x00\x00']) / UDP(dport=9) / Raw(b'options'),
    IP(src='10.22.0.1', dst='10.22.0.9', flags='MF') / UDP(dport=9) / Raw(bytes(8 * 50)),
    IP(src='10.22.0.1', dst='224.0.0.251') / UDP(sport=5353, dport=5353) / Raw(b'multicast'),
    IPv6(src='fd00:22::1', dst='fd00:22::9') / ICMPv6EchoRequest(data=b'six'),
    IP(src='10.22.0.1', dst='10.22.0.9') / UDP(dport=9) / Raw(bytes(range(256)) * 35),
]


@pytest.mark.parametrize('packet', CRAFTED, ids=[p.summary().replace(' / ', '-') for p in CRAFTED])
def test_exact_bytes_to_program(bare, packet):
    peer, raw = bare
    raw.send(bytes(packet))
    assert peer('receive 0 5000')['hex'] == bytes(packet).hex()


@pytest.mark.parametrize('packet', CRAFTED, ids=[p.summary().replace(' / ', '-') for p in CRAFTED])
def test_exact_bytes_to_stack(bare, packet):
    peer, raw = bare
    peer('send 0 ' + bytes(packet).hex())
    while True:
        data, sender = raw.recvfrom(65536)
        if sender[2] != socket.PACKET_OUTGOING:
            break
    assert data.hex() == bytes(packet).hex()


BAD = {'one byte': '45', 'IPv4 of 19 bytes': bytes(IP(dst='10.22.0.1'))[:19].hex(),
       'IPv6 of 39 bytes': bytes(IPv6(dst='fd00::1'))[:39].hex(), 'version 5': '55' + '00' * 39,
       'version 0': '00' * 60, 'version 15': 'ff' * 60}


@pytest.mark.parametrize('name', BAD)
def test_bad_packet_to_stack(bare, name):
    """It is counted, the session goes on."""
    peer, _ = bare
    before = peer('statistics 0')
    peer('send 0 ' + BAD[name])
    lab.wait(lambda: peer('statistics 0')['to_stack_invalid'] == before['to_stack_invalid'] + 1, 'the drop is counted')
    test_exact_bytes_to_stack(bare, CRAFTED[0])


@pytest.mark.parametrize('name', BAD)
def test_bad_packet_to_program(bare, name):
    """Linux lets anything out through a packet socket: it must not reach the program, nor stop what follows."""
    peer, raw = bare
    raw.send(bytes.fromhex(BAD[name]))
    test_exact_bytes_to_program(bare, CRAFTED[0])
