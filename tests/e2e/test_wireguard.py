# SPDX-License-Identifier: MIT
"""A real tunnel: wireguard-go (wireguard.go) in the Windows host, through wintun.dll, and its peer on Linux.

The two namespaces are joined by a veth pair, where the tunnel's datagrams pass; the inner addresses exist at its ends only.
"""
import os
import re
import signal

import pytest

import lab

FOLDER = os.path.join(lab.BUILD, 'tests/wireguard')
MTU = 1420
PORT = 51820
INNER = (('10.61.0.1', 'fd00:61::1'), ('10.61.0.2', 'fd00:61::2'))  # of Windows' end, of Linux'


class Tunnel:
    """Both ends, and the two namespaces."""

    def __init__(self, machine, there):
        self.machine = machine
        self.there = there
        self.linux = there.start(os.path.join(FOLDER, 'wireguard'), 'tunnel', MTU)
        self.linux_key = self.linux.expect('^public (.*)$').group(1)
        there.ip('link', 'set', 'tunnel', 'up')
        for address, bits in zip(INNER[1], (24, 64)):
            there.ip('addr', 'add', '%s/%d' % (address, bits), 'dev', 'tunnel', *(['nodad'] if ':' in address else []))
        self.start()

    def start(self):
        """Windows' end, with a key of its own that Linux' end learns."""
        self.windows = self.machine.windows.start(os.path.join(FOLDER, 'wireguard.exe'), 'Tunnel', MTU)
        self.sockets = self.windows.expect('^sockets (.*)$', 60).group(1)
        key = self.windows.expect('^public (.*)$').group(1)
        self.device = lab.wait(lambda: next((name for name in self.machine.namespace.links() if name != 'outer'), None),
                               'the adapter')
        self.machine.up(self.device, *('%s/%d' % pair for pair in zip(INNER[0], (24, 64))))
        self.machine.namespace.ip('link', 'set', self.device, 'mtu', MTU)
        self.settle(self.linux, ['listen_port=%d' % PORT, 'replace_peers=true', 'public_key=' + key], 0)
        self.settle(self.windows, ['public_key=' + self.linux_key, 'endpoint=10.60.0.2:%d' % PORT], 1)

    @staticmethod
    def settle(program, settings, other):
        for setting in settings + ['allowed_ip=%s/%d' % pair for pair in zip(INNER[other], (32, 128))] + ['']:
            program.say(setting)
        program.expect('^ready$')

    def ping(self, count, size):
        """Both ways, over IPv4 and IPv6, until so many are answered (-w; without it ping waits twice a round trip only)."""
        for namespace, other in ((self.machine.namespace, 1), (self.there, 0)):
            for address in INNER[other]:
                namespace.run('ping', '-c', count, '-i', '0.01', '-s', size, '-w', 30, address)

    def gone(self):
        lab.wait(lambda: self.device not in self.machine.namespace.links(), 'the adapter goes with its program')


@pytest.fixture(scope='module')
def tunnel(shared_machine):
    there = lab.Namespace('there')
    here = shared_machine.namespace
    here.ip('link', 'add', 'outer', 'type', 'veth', 'peer', 'name', 'outer', 'netns', there.name)
    for namespace, address in ((here, '10.60.0.1/24'), (there, '10.60.0.2/24')):
        namespace.ip('addr', 'add', address, 'dev', 'outer')
        namespace.ip('link', 'set', 'outer', 'up')
    tunnel = Tunnel(shared_machine, there)
    yield tunnel
    tunnel.windows.stop()
    tunnel.gone()
    tunnel.linux.stop()
    here.ip('link', 'delete', 'outer')
    there.remove()


def test_handshake(tunnel):
    """The first packet makes the ends shake hands, and what passes is WireGuard's to count."""
    tunnel.ping(1, 56)
    tunnel.windows.say('get')
    tunnel.windows.expect('^got$')
    state = dict(re.findall(r'^(\w+)=(.*)$', tunnel.windows.text(), re.MULTILINE))
    assert int(state['last_handshake_time_sec']) > 0 and int(state['rx_bytes']) > 0 and int(state['tx_bytes']) > 0, state


def test_registered(tunnel):
    """wireguard-go finds registered I/O and takes it; without, it says conn.StdNetBind."""
    assert tunnel.sockets == '*conn.WinRingBind'


def test_carries(tunnel):
    """Small packets, full ones, and 8000 bytes that come in fragments."""
    for size in (56, MTU - 48, 8000):
        tunnel.ping(20, size)


def test_killed(tunnel):
    """After kill -9 the adapter is gone, and a second program has a tunnel again."""
    tunnel.ping(1, 56)
    for pid, name in lab.wine_processes(tunnel.machine.windows).items():
        if name == 'wireguard.exe':
            os.kill(pid, signal.SIGKILL)
    tunnel.windows.wait()
    tunnel.gone()
    tunnel.start()
    tunnel.ping(1, 56)


def test_clean_end(tunnel):
    """Told to quit, the program ends with success, and the adapter with it."""
    assert tunnel.windows.quit() == 0, tunnel.windows.text()
    tunnel.gone()
