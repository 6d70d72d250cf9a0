# SPDX-License-Identifier: MIT
"""What the system sees of an adapter: name, MTU, addresses; the examples; the contract of both interfaces."""
import json
import re

import pytest

import lab
from conftest import CONTRACT


def test_contract(machine):
    """Every error code of plaintun.h and wintun.h, provoked (tests/e2e/contract.c)."""
    text = machine.windows.run(CONTRACT, seconds=180)
    checks = re.findall(r'^(ok|FAIL) (.*)$', text, re.MULTILINE)
    failed = [what for verdict, what in checks if verdict == 'FAIL']
    assert not failed, '%d of %d checks failed:\n%s\n\n%s' % (len(failed), len(checks), '\n'.join(failed), text[-3000:])
    assert text.rstrip().endswith('done') and len(checks) > 100, text[-2000:]


def test_mtu(machine):
    peer = machine.peer()
    for slot, (asked, given) in enumerate([(0, 1500), (1280, 1280), (1420, 1420), (9000, 9000), (65535, 65535)]):
        info = peer('create %d %d mtu%d' % (slot, asked, slot))
        assert info['mtu'] == given
        device = machine.ready(info['index'])
        assert machine.namespace.link(device)['mtu'] == given
    peer.quit()


def test_names(machine):
    """Interface names are made from the adapters' names: cleaned to Linux' rules and made unique."""
    peer = machine.peer()
    names = ["My VPN% Adapter's 1", 'a rather long name that Linux cannot take', 'a rather long name that Linux can not',
             'Müller', '..', 'plain']
    devices = []
    for slot, name in enumerate(names):
        info = peer('create %d 1500 %s' % (slot, name))
        devices.append(machine.ready(info['index']))
        peer('close 7')
        assert peer('open 7 ' + name)['luid'] == info['luid']
    assert len(set(devices)) == len(names), devices
    for device in devices:
        assert 0 < len(device.encode()) < 16 and not re.search(r'[\s/]', device) and device not in ('.', '..'), device
    assert devices[-1] == 'plain'
    assert devices[1][:8] == 'a-rather' or devices[1][:8] == 'a_rather', devices[1]
    peer.quit()


def test_program_sets_its_addresses(machine):
    """IP Helper on Linux' stack: the addresses are there, the interface is up, packets flow."""
    peer = machine.peer()
    device = machine.ready(peer('create 0 1500 own')['index'])
    peer('start 0 131072')
    peer('address 0 10.29.0.1/24')
    peer('address 0 fd00:29::1/64')
    peer('address 0 10.29.0.1/24')  # again: peer takes "exists" as done
    rows = json.loads(machine.namespace.ip('-json', 'addr', 'show', 'dev', device))[0]
    found = {(row['local'], row['prefixlen']) for row in rows['addr_info']}
    assert {('10.29.0.1', 24), ('fd00:29::1', 64)} <= found
    assert 'UP' in rows['flags']
    lab.wait(lambda: 'LOWER_UP' in machine.namespace.link(device)['flags'], 'the carrier')
    peer.quit()


def test_echo_example(machine):
    """A program written to wintun.h alone, which sets its own addresses, answers Linux' ping."""
    echo = machine.windows.start('echo.exe', '--name', 'echo', '--address', '10.30.0.1/24', '--address',
                                 'fd00:30::1/64')
    echo.expect('adapter echo ready, interface index', 60)
    lab.wait(lambda: 'LOWER_UP' in machine.namespace.link('echo')['flags'], 'the carrier')
    for address in ('10.30.0.77', 'fd00:30::77'):
        for size in (0, 56, 1400):
            text = machine.namespace.run('ping', '-n', '-c', '5', '-i', '0.01', '-W', '5', '-s', size, address)
            assert '5 packets transmitted, 5 received' in text
    text = machine.namespace.run('ping', '-n', '-c', '5', '-i', '0.01', '-W', '5', '-s', 20000, '10.30.0.77')
    assert '5 packets transmitted, 5 received' in text, 'fragments'
    assert echo.quit() == 0, echo.text()
    assert re.search(r'[1-9]\d* packets received, [1-9]\d* answered', echo.text())
    assert 'echo' not in machine.namespace.links()


@pytest.mark.parametrize('how', ['SIGINT', 'seconds'])
def test_example_ends_in_order(machine, how):
    import os
    import signal
    options = ['--seconds', '2'] if how == 'seconds' else []
    echo = machine.windows.start('echo.exe', '--name', 'ends', *options)
    echo.expect('ready', 60)
    if how == 'SIGINT':
        pid = next(p for p in lab.processes('ends') if open('/proc/%d/comm' % p).read().startswith('echo'))
        os.kill(pid, signal.SIGINT)
    assert echo.wait() == 0, echo.text()
    assert 'packets received' in echo.text()
    lab.wait(lambda: 'ends' not in machine.namespace.links(), 'the interface is gone')


def overrun(namespace):
    """Datagrams that arrived and for which their socket had no room."""
    names, values = (line.split()[1:] for line in namespace.run('cat', '/proc/net/snmp').splitlines() if line.startswith('Udp:'))
    return int(dict(zip(names, values))['RcvbufErrors'])


def test_wire_example(machine):
    """Two adapters joined by a Windows program carry TCP and UDP between two namespaces."""
    wire = machine.windows.start('wire.exe', '--names', 'left', 'right')
    wire.expect('left and right are joined', 60)
    sides = {}
    for side, address in (('left', '10.31.0.1/24'), ('right', '10.31.0.2/24')):
        sides[side] = lab.Namespace('wire-' + side)
        machine.namespace.ip('link', 'set', side, 'netns', sides[side].name)
        sides[side].ip('addr', 'add', address, 'dev', side)
        sides[side].ip('link', 'set', side, 'up')
    server = sides['right'].start('iperf3', '--server', '--forceflush')
    server.expect('listening')
    tcp = json.loads(sides['left'].run('iperf3', '--client', '10.31.0.2', '--json', '--time', 2))
    assert tcp['end']['sum_received']['bytes'] > 1e6
    back = json.loads(sides['left'].run('iperf3', '--client', '10.31.0.2', '--json', '--time', 2, '--reverse'))
    assert back['end']['sum_received']['bytes'] > 1e6
    before = overrun(sides['right'])
    udp = json.loads(sides['left'].run('iperf3', '--client', '10.31.0.2', '--json', '--time', 2, '--udp', '--bitrate',
                                       '50M', '--length', 1372))
    assert udp['end']['sum']['packets'] > 1000
    counted = overrun(sides['right']) - before
    server.stop()
    assert wire.quit() == 0, wire.text()
    full = [int(number) for number in re.findall(r'dropped: (\d+) ring full', wire.text())]
    for side in sides.values():
        lab.wait(lambda: not side.links(), 'the interface is gone')
        side.remove()
    # A busy machine loses some: where a queue was full, and there it is counted.
    counted += sum(full) + machine.windows.passed('left')['to']['dropped']
    assert len(full) == 2 and udp['end']['sum']['lost_packets'] <= counted, (udp['end']['sum'], counted)
