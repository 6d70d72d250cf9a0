# SPDX-License-Identifier: MIT
"""Sessions: link state, one at a time, full rings, corrupt rings."""
import json

import pytest

import lab
from conftest import (ERROR_ALREADY_INITIALIZED, ERROR_HANDLE_EOF, ERROR_INVALID_DATA, TRAFFIC)


def carrier(machine, device):
    return 'LOWER_UP' in machine.namespace.link(device)['flags']


def test_link_follows_session(machine):
    """No carrier without a session; up with it, down after it, as often as one likes."""
    peer = machine.peer()
    device = machine.ready(peer('create 0 1500 link')['index'])
    machine.namespace.ip('link', 'set', 'dev', device, 'up')
    assert 'NO-CARRIER' in machine.namespace.link(device)['flags']
    for _ in range(3):
        peer('start 0 131072')
        lab.wait(lambda: carrier(machine, device), 'carrier with a session')
        peer('end 0')
        lab.wait(lambda: 'NO-CARRIER' in machine.namespace.link(device)['flags'],
                 lambda: 'no carrier after the session: %s %s' % (machine.namespace.link(device), peer('info 0')))
    peer.quit()


def test_second_session_of_another_program(machine):
    first, second = machine.peer(), machine.peer()
    first('create 0 1500 one')
    second('open 0 one')
    first('start 0 131072')
    second.fails('start 0 131072', ERROR_ALREADY_INITIALIZED)
    assert second('info 0')['active'] == 1
    first('end 0')
    second('start 0 131072')
    first.fails('start 0 131072', ERROR_ALREADY_INITIALIZED)
    second.quit()
    first('start 0 131072')
    first.quit()


def test_full_ring_to_program(machine):
    """A program that does not receive: what does not fit is dropped and counted, and all adds up."""
    peer = machine.peer()
    device = machine.ready(peer('create 0 1500 full')['index'])
    peer('start 0 131072')
    machine.namespace.run('sysctl', '-qw', 'net.ipv6.conf.%s.disable_ipv6=1' % device)
    machine.up(device, '10.23.0.1/24')
    machine.namespace.run(TRAFFIC, 'blast', '10.23.0.2', 1420, 1)
    link = machine.namespace.link(device)['stats64']['tx']

    def counted():
        statistics = peer('statistics 0')
        drops = sum(statistics[d] for d in ('full', 'invalid', 'no_session', 'paused'))
        return statistics if statistics['to_app'] + drops == link['packets'] else None
    statistics = lab.wait(counted, 'packets in = packets out + drops')
    assert statistics['full'] > 0
    peer('work 0 echo')
    lab.wait(lambda: peer('state 0')['whole'] == statistics['to_app'], 'the program gets what was not dropped')
    # 576 bytes: what is in flight fits into the ring now that the program receives.
    result = json.loads(machine.namespace.run(TRAFFIC, 'echo', '10.23.0.2', 576, 10000, 5))
    assert result['lost'] == result['reordered'] == result['corrupt'] == 0, result
    peer.quit()


def test_full_ring_to_stack(machine):
    """The ring is full, the space event is not set; it is set once there is room."""
    peer = machine.peer()
    device = machine.ready(peer('create 0 1500 space')['index'])
    peer('start 0 131072')
    machine.up(device)
    sent = 0
    for size in (64, 1420, 1420, 64):
        lab.wait(lambda: peer('statistics 0')['session_to_stack'] == sent, 'the ring is empty')
        result = peer('fill 0 %d' % size)
        assert result['refusal'] == 111 and result['early'] == 258 and result['late'] == 0 and result['room'] == 1, result
        assert result['count'] == 131072 // ((size + 16 + 15) // 16 * 16)
        sent += result['count'] + 1
    peer.quit()


@pytest.mark.parametrize('which', ['head', 'head-unaligned', 'tail', 'tail-unaligned', 'length', 'driver-tail'])
def test_corrupt_ring(machine, which):
    """A program that spoils its rings loses its session, with the reason; another adapter does not notice."""
    peer = machine.peer()
    devices = []
    for slot in range(2):
        devices.append(machine.ready(peer('create %d 1500 corrupt%d' % (slot, slot))['index']))
        # Different capacities, so that the peer finds the right rings.
        peer('start %d %d' % (slot, 131072 if slot == 0 else 1048576))
        machine.up(devices[slot], '10.24.%d.1/24' % slot)
    peer('work 1 echo')
    blast = machine.namespace.start(TRAFFIC, 'blast', '10.24.0.2', 1420, 60)
    peer('corrupt 0 131072 ' + which)
    peer('work 0 echo')
    state = lab.wait(lambda: (lambda s: s if s['ended'] else None)(peer('state 0')), 'the session ends')
    assert state['error'] == ERROR_INVALID_DATA
    blast.stop()
    result = json.loads(machine.namespace.run(TRAFFIC, 'echo', '10.24.1.2', 1420, 10000, 1))
    assert result['lost'] == result['reordered'] == result['corrupt'] == 0, result
    peer('stop 0')
    peer('end 0')
    peer('start 0 1048576')
    peer('work 0 echo')
    lab.wait(lambda: carrier(machine, devices[0]), 'the carrier')
    result = json.loads(machine.namespace.run(TRAFFIC, 'echo', '10.24.0.2', 1420, 10000, 2))
    assert result['lost'] == result['reordered'] == result['corrupt'] == 0, result
    peer.quit()


def test_end_while_traffic_flows(machine):
    """Sessions that end and begin again under load from both sides, 20 times."""
    peer = machine.peer()
    device = machine.ready(peer('create 0 1500 restart')['index'])
    peer('start 0 131072')
    machine.up(device, '10.25.0.1/24')
    blast = machine.namespace.start(TRAFFIC, 'blast', '10.25.0.2', 1420, 600)
    for mode in ['echo', 'flood 1420'] * 10:
        peer('work 0 ' + mode)
        lab.wait(lambda: (lambda s: s['received'] and s['sent'])(peer('state 0')),
                 lambda: 'traffic both ways: %s %s %s' % (peer('state 0'), peer('statistics 0'),
                                                          machine.namespace.link(device)))
        peer('end 0')
        state = lab.wait(lambda: (lambda s: s if s['ended'] else None)(peer('state 0')), 'the worker ends')
        assert state['error'] == ERROR_HANDLE_EOF
        peer('stop 0')
        peer('start 0 131072')
    blast.stop()
    peer.quit()
