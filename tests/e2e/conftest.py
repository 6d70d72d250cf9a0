# SPDX-License-Identifier: MIT
"""What every test gets: a pristine Windows in a network namespace of its own, and the peer program in it.

Each test that takes `machine` has them for itself; modules whose tests cannot harm each other share `shared_machine`.
When a machine goes, three things are asserted: the host's NDIS saw no rule broken, all interfaces and all processes of
Wine are gone, and nothing is mounted that was not before.
"""
import os
import subprocess

import pytest

import lab

PEER = os.path.join(lab.BUILD, 'e2e/peer.exe')
CONTRACT = os.path.join(lab.BUILD, 'e2e/contract.exe')
TRAFFIC = os.path.join(lab.BUILD, 'e2e/traffic')

ERROR_INVALID_DATA = 13
ERROR_HANDLE_EOF = 38
ERROR_TIMEOUT = 1460
ERROR_ALREADY_INITIALIZED = 1247
ERROR_NO_MORE_ITEMS = 259
ERROR_NOT_FOUND = 1168
ERROR_ALREADY_EXISTS = 183


class PeerError(Exception):
    """An `error NUMBER` of the peer."""

    def __init__(self, command, number):
        super().__init__('%s: error %s' % (command, number))
        self.number = number


class Peer:
    """tests/e2e/peer.c: one command, one answer."""

    def __init__(self, windows, word, program=PEER):
        self.program = windows.start(program, word)
        self.word = word
        self.program.expect('^ok ready', 60)

    def __call__(self, command, seconds=60):
        """Gives the answer's key=value pairs; numbers as int."""
        self.program.say(command)
        match = self.program.expect(r'^(ok|error)\b ?(.*)$', seconds)
        if match.group(1) == 'error':
            raise PeerError(command, int(match.group(2)) if match.group(2).isdigit() else match.group(2))
        pairs = dict(pair.split('=', 1) for pair in match.group(2).split())
        return {key: int(value) if value.isdigit() and key not in ('hex', 'vnet') else value for key, value in pairs.items()}

    def fails(self, command, number):
        """The command must fail with that error."""
        with pytest.raises(PeerError) as caught:
            self(command)
        assert caught.value.number == number, command

    def message(self):
        """What the library says of the last failure."""
        return bytes.fromhex(self('message').get('hex', '')).decode('utf-16-be')

    def process(self):
        """The Linux id of the Windows process."""
        return next(pid for pid in lab.processes(self.word)
                    if open('/proc/%d/comm' % pid).read().strip().startswith('peer'))

    def quit(self):
        code = self.program.quit()
        assert code == 0, self.program.text()


class Machine:
    """A namespace with a Windows in it."""
    counter = 0

    def __init__(self):
        Machine.counter += 1
        self.namespace = lab.Namespace('machine%d' % Machine.counter)
        self.windows = lab.Windows(self.namespace)
        self.peers = 0

    def peer(self):
        self.peers += 1
        return Peer(self.windows, 'peer-%d-%d' % (Machine.counter, self.peers))

    def ready(self, index):
        """Waits for the carrier of the interface with that index, gives it no IPv6 chatter, returns its name."""
        def name():
            for link in self.namespace.links().values():
                if link['ifindex'] == index:
                    return link['ifname']
            return None
        return lab.wait(name, 'an interface with index %d' % index)

    def up(self, device, *addresses):
        """Sets addresses, brings the interface up and waits for its carrier."""
        for address in addresses:
            self.namespace.ip('addr', 'add', address, 'dev', device, *(['nodad'] if ':' in address else []))
        self.namespace.ip('link', 'set', device, 'up')
        lab.wait(lambda: 'LOWER_UP' in self.namespace.link(device)['flags'], 'the carrier of ' + device)

    def remove(self):
        violations = self.windows.violations()
        self.windows.remove()
        left = lab.wine_processes(self.windows)
        links = self.namespace.links()
        self.namespace.remove()
        assert not violations, 'NDIS rules broken:\n' + '\n'.join(violations)
        assert not left, 'processes are left: %s' % left
        assert not links, 'interfaces are left: %s' % list(links)


def machine_state():
    """What a test must leave as it found it: mounts, interfaces, namespaces, prefixes on the disk, Wine's processes."""
    def lines(*command):
        return sorted(subprocess.run(command, text=True, capture_output=True).stdout.splitlines())
    prefixes = os.path.join(lab.BUILD, 'wine/prefix')
    return {'mounts': lines('findmnt', '-rn', '-o', 'TARGET'), 'interfaces': lines('ip', '-brief', 'link'),
            'namespaces': lines('ip', 'netns', 'list'),
            'prefixes': [name for name in sorted(os.listdir(prefixes)) if name.startswith(('lab-%s-' % lab.LAB, 'demo-'))]
            if os.path.isdir(prefixes) else [],
            'processes': lines('pgrep', '-l', 'wineserver|winedevice|.exe$')}


def left_as_found(before):
    """Waits until all is as it was; processes take a moment to end."""
    try:
        lab.wait(lambda: machine_state() == before, 'the machine is as it was', 5)
    except TimeoutError:
        after = machine_state()
        assert not {what: (before[what], after[what]) for what in before if before[what] != after[what]}


def make():
    before = machine_state()
    machine = Machine()
    yield machine
    machine.remove()
    left_as_found(before)


@pytest.fixture
def machine():
    yield from make()


@pytest.fixture(scope='module')
def shared_machine():
    yield from make()
