# SPDX-License-Identifier: MIT
"""Clients that others wrote, built for Windows with today's Go: `make check-clients` (scripts/clients). No part of `make check`.

nebula, unmodified: it lists the interfaces for its lighthouse, opens UDP sockets for its tunnel and a TCP one for its figures,
runs as a service, makes its adapter through wintun.dll and sets address, route and MTU by its own calls of IP Helper. Its 1.9
carries IPv4 only; IPv6 is wireguard-go's, with the tests of test_wireguard.py.
"""
import os
import signal
import subprocess
import urllib.request

import pytest

import lab
import tunnel as wireguard
from test_wireguard import test_handshake, test_registered, test_carries, test_mtu, test_killed, test_clean_end, tunnel  # noqa: F401

FOLDER = wireguard.FOLDER = os.path.join(lab.BUILD, 'clients')
NEBULA = os.path.join(FOLDER, 'nebula-service.exe')
ROUNDS = 10  # of each kind of end
CONFIG = '''
pki: {ca: "%(folder)s/ca.crt", cert: "%(folder)s/%(name)s.crt", key: "%(folder)s/%(name)s.key"}
static_host_map: {"10.62.0.2": ["10.64.0.2:4242"]}
lighthouse: {am_lighthouse: %(lighthouse)s, hosts: [%(hosts)s], interval: 1}
listen: {host: 0.0.0.0, port: 4242}
tun: {dev: %(device)s, mtu: 1300, unsafe_routes: [%(routes)s]}
stats: {type: prometheus, listen: "127.0.0.1:9100", path: /figures, namespace: nebula, interval: 1s}
firewall: {outbound: [{port: any, proto: any, host: any}], inbound: [{port: any, proto: any, host: any}]}
'''


class Nebula:
    """Both ends: Windows' is 10.62.0.1, Linux' is the lighthouse 10.62.0.2, and a way to 10.63.0.0/16."""

    def __init__(self, machine, there, folder):
        self.machine = machine
        self.namespace = machine.namespace
        for name, address in (('windows', '10.62.0.1/24'), ('linux', '10.62.0.2/24')):
            self.sign('sign', '-name', name, '-ip', address, *(['-subnets', '10.63.0.0/16'] if name == 'linux' else []),
                      folder=folder)
        self.config(folder, 'windows', 'Z:' + str(folder), lighthouse='false', hosts='"10.62.0.2"', device='Nebula',
                    routes='{route: 10.63.0.0/16, via: 10.62.0.2, mtu: 1300, metric: 5}')
        self.config(folder, 'linux', folder, lighthouse='true', hosts='', device='nebula', routes='')
        self.file = 'Z:%s/windows.yml' % folder
        self.linux = there.start(os.path.join(FOLDER, 'nebula'), '-config', folder / 'linux.yml')
        lab.wait(lambda: there.link('nebula'), lambda: 'the Linux end: ' + self.linux.text())
        there.ip('addr', 'add', '10.63.0.1/32', 'dev', 'lo')

    @staticmethod
    def sign(*arguments, folder):
        subprocess.run([os.path.join(FOLDER, 'nebula-cert')] + list(arguments), cwd=folder, check=True)

    @staticmethod
    def config(folder, name, there, **values):
        (folder / (name + '.yml')).write_text(CONFIG % dict(values, name=name, folder=there))

    def start(self):
        return self.machine.windows.start(NEBULA, '-config', self.file)

    def service(self, action):
        """Install, start, stop, uninstall: its own commands, which end with 1 at best and say nothing then."""
        text = self.machine.windows.run(NEBULA, '-service', action, '-config', self.file, seconds=90, check=False)
        assert not text, text

    def processes(self):
        return [pid for pid, name in lab.wine_processes(self.machine.windows).items() if name.startswith('nebula')]

    def device(self):
        return next((name for name in self.namespace.links() if name not in ('outer', 'under')), None)

    def carries(self, program=None):
        """Pings through the tunnel, and through the route that leads into it; the figures come over TCP."""
        def said():
            return 'a way through the tunnel' + (': ' + program.text() if program else '')

        def answered(address):
            return '1 received' in self.namespace.run('ping', '-c', 1, '-W', 1, address, check=False)
        lab.wait(lambda: answered('10.62.0.2'), said, 60)
        lab.wait(lambda: answered('10.63.0.1'), said, 30)
        self.namespace.run('ping', '-c', 20, '-i', '0.01', '-s', 1200, '-w', 30, '10.62.0.2')
        with self.namespace.entered():
            figures = urllib.request.urlopen('http://127.0.0.1:9100/figures', timeout=30).read().decode()
        assert 'nebula' in figures

    def gone(self):
        lab.wait(lambda: not self.device() and not self.processes(),
                 lambda: 'left: %s %s' % (self.device(), self.processes()), 60)


@pytest.fixture(scope='module')
def nebula(shared_machine, tmp_path_factory):
    folder = tmp_path_factory.mktemp('nebula')
    there = lab.Namespace('lighthouse')
    here = shared_machine.namespace
    here.ip('link', 'add', 'under', 'type', 'veth', 'peer', 'name', 'under', 'netns', there.name)
    for namespace, address in ((here, '10.64.0.1/24'), (there, '10.64.0.2/24')):
        namespace.ip('addr', 'add', address, 'dev', 'under')
        namespace.ip('link', 'set', 'under', 'up')
    Nebula.sign('ca', '-name', 'test', folder=folder)
    yield Nebula(shared_machine, there, folder)
    here.ip('link', 'delete', 'under')
    there.remove()


def test_nebula_is_killed(nebula):
    """Ten times: it has a tunnel, and kill -9 leaves nothing."""
    for _ in range(ROUNDS):
        program = nebula.start()
        nebula.carries(program)
        for pid in nebula.processes():
            os.kill(pid, signal.SIGKILL)
        program.wait(60)
        nebula.gone()


def test_nebula_service(nebula):
    """Ten times: started and stopped as a service."""
    nebula.service('install')
    for _ in range(ROUNDS):
        nebula.service('start')
        nebula.carries()
        nebula.service('stop')
        nebula.gone()
    nebula.service('uninstall')
