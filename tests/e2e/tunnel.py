# SPDX-License-Identifier: MIT
"""A real tunnel: wireguard-go (wireguard.go) at both ends, of which one may be in the Windows host, through wintun.dll.

The two namespaces are joined by a veth pair, where the tunnel's datagrams pass; the inner addresses exist at its ends only.
Used by test_wireguard.py and bench/run.
"""
import json
import os

import lab

FOLDER = os.path.join(lab.BUILD, 'tests/wireguard')
MTU = 1420
PORT = 51820
INNER = (('10.61.0.1', 'fd00:61::1'), ('10.61.0.2', 'fd00:61::2'))  # of the near end, of the far one
OUTER = ('10.60.0.1', '10.60.0.2')


class Tunnel:
    """Both ends. The near one is Windows' (windows: a lab.Windows whose adapters appear there) or Linux' (None)."""

    def __init__(self, near, far, windows):
        self.near, self.far, self.windows = near, far, windows
        near.ip('link', 'add', 'outer', 'type', 'veth', 'peer', 'name', 'outer', 'netns', far.name)
        for namespace, address in zip((near, far), OUTER):
            namespace.ip('addr', 'add', address + '/24', 'dev', 'outer')
            namespace.ip('link', 'set', 'outer', 'up')
        self.peer = far.start(os.path.join(FOLDER, 'wireguard'), 'tunnel', MTU)
        self.peer_key = self.peer.expect('^public (.*)$').group(1)
        self.up(far, 'tunnel', 1)
        self.start()

    @staticmethod
    def up(namespace, device, end):
        namespace.ip('link', 'set', device, 'up')
        for address, bits in zip(INNER[end], (24, 64)):
            namespace.ip('addr', 'add', '%s/%d' % (address, bits), 'dev', device, *(['nodad'] if ':' in address else []))
        lab.wait(lambda: 'LOWER_UP' in namespace.link(device)['flags'], 'the carrier of ' + device)

    def start(self):
        """The near end, with a key of its own that the far one learns."""
        if self.windows:
            self.program = self.windows.start(os.path.join(FOLDER, 'wireguard.exe'), 'Tunnel', MTU)
        else:
            self.program = self.near.start(os.path.join(FOLDER, 'wireguard'), 'tunnel', MTU)
        self.sockets = self.program.expect('^sockets (.*)$', 60).group(1)
        key = self.program.expect('^public (.*)$').group(1)
        self.device = lab.wait(lambda: next((name for name in self.near.links() if name != 'outer'), None), 'the adapter')
        self.up(self.near, self.device, 0)
        self.near.ip('link', 'set', self.device, 'mtu', MTU)
        self.settle(self.peer, ['listen_port=%d' % PORT, 'replace_peers=true', 'public_key=' + key], 0)
        self.settle(self.program, ['public_key=' + self.peer_key, 'endpoint=%s:%d' % (OUTER[1], PORT)], 1)

    @staticmethod
    def settle(program, settings, other):
        for setting in settings + ['allowed_ip=%s/%d' % pair for pair in zip(INNER[other], (32, 128))] + ['']:
            program.say(setting)
        program.expect('^ready$')

    def ping(self, count, size):
        """Both ways, over IPv4 and IPv6, until so many are answered (-w; without it ping waits twice a round trip only)."""
        for namespace, other in ((self.near, 1), (self.far, 0)):
            for address in INNER[other]:
                namespace.run('ping', '-c', count, '-i', '0.01', '-s', size, '-w', 30, address)

    def iperf(self, seconds, *options):
        """iperf3 from the near end to the far one (--reverse: back): what its report ends with."""
        server = self.far.start('iperf3', '--server', '--one-off', '--forceflush')
        server.expect('listening')
        report = json.loads(self.near.run('iperf3', '--client', INNER[1][0], '--time', seconds, '--json', *options,
                                          seconds=seconds + 60))
        assert 'error' not in report, report['error']
        assert server.wait() == 0, server.text()
        return report['end']

    def gone(self):
        lab.wait(lambda: self.device not in self.near.links(), 'the adapter goes with its program')

    def remove(self):
        self.program.stop()
        self.gone()
        self.peer.stop()
        self.near.ip('link', 'delete', 'outer')
        self.far.remove()
