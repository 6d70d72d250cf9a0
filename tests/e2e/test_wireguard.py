# SPDX-License-Identifier: MIT
"""A real tunnel (tunnel.py): wireguard-go in the Windows host, through wintun.dll, and its peer on Linux."""
import os
import re
import signal

import pytest

import lab
from tunnel import INNER, MTU, Tunnel


@pytest.fixture(scope='module')
def tunnel(shared_machine):
    tunnel = Tunnel(shared_machine.namespace, lab.Namespace('there'), shared_machine.windows)
    yield tunnel
    tunnel.remove()


def test_handshake(tunnel):
    """The first packet makes the ends shake hands, and what passes is WireGuard's to count."""
    tunnel.ping(1, 56)
    tunnel.program.say('get')
    tunnel.program.expect('^got$')
    state = dict(re.findall(r'^(\w+)=(.*)$', tunnel.program.text(), re.MULTILINE))
    assert int(state['last_handshake_time_sec']) > 0 and int(state['rx_bytes']) > 0 and int(state['tx_bytes']) > 0, state


def test_registered(tunnel):
    """wireguard-go finds registered I/O and takes it; without, it says conn.StdNetBind."""
    assert tunnel.sockets == '*conn.WinRingBind'


def test_carries(tunnel):
    """Small packets, full ones, and 8000 bytes that come in fragments."""
    for size in (56, MTU - 48, 8000):
        tunnel.ping(20, size)


def test_mtu(tunnel):
    """What just fits goes through unfragmented; a byte more is refused where it would enter, with the tunnel's MTU."""
    for namespace, other in ((tunnel.near, 1), (tunnel.far, 0)):
        for address, headers in zip(INNER[other], (28, 48)):
            ping = 'ping -M do -c 1 -w 30 -s %d ' + address + ' 2>&1'
            text = namespace.run('sh', '-c', ping % (MTU - headers), check=False)
            assert '%d bytes from' % (MTU - headers + 8) in text, text
            text = namespace.run('sh', '-c', 'ping -M do -c 1 -W 1 -s %d %s 2>&1' % (MTU - headers + 1, address), check=False)
            assert re.search('mtu[=: ]*%d' % MTU, text), text


@pytest.mark.parametrize('reverse', [[], ['--reverse']], ids=['out', 'in'])
@pytest.mark.parametrize('kind', [[], ['--udp', '--bitrate', '2M']], ids=['tcp', 'udp'])
def test_iperf(tunnel, kind, reverse):
    """iperf3 carries for a second, out of Windows' end and into it."""
    end = tunnel.iperf(1, *kind, *reverse)
    if kind:
        assert end['sum']['packets'] > end['sum']['lost_packets'], end
    else:
        assert end['sum_received']['bytes'] > 0, end


def test_killed(tunnel):
    """After kill -9 the adapter is gone, and a second program has a tunnel again."""
    tunnel.ping(1, 56)
    for pid, name in lab.wine_processes(tunnel.windows).items():
        if name == 'wireguard.exe':
            os.kill(pid, signal.SIGKILL)
    tunnel.program.wait()
    tunnel.gone()
    tunnel.start()
    tunnel.ping(1, 56)


def test_clean_end(tunnel):
    """Told to quit, the program ends with success, and the adapter with it."""
    assert tunnel.program.quit() == 0, tunnel.program.text()
    tunnel.gone()
