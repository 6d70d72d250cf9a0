# SPDX-License-Identifier: MIT
"""host/wine and host/ndis under a miniport of an older manner (tests/classic), whose program owns the rings."""
import contextlib
import json
import os
import signal
import time

import pytest

import lab
from conftest import TRAFFIC, make

CLASSIC = os.path.join(lab.BUILD, 'tests/classic/classic.exe')
DEVICES = os.path.join(lab.BUILD, 'tests/devices.exe')
INF = 'Z:' + os.path.join(lab.BUILD, 'tests/classic/classic.inf').replace('/', '\\')

HERE, THERE = '10.40.0.1', '10.40.0.2'

ERROR_SUCCESS = 0
ERROR_ACCESS_DENIED = 5
ERROR_INVALID_HANDLE = 6
ERROR_INVALID_PARAMETER = 87
ERROR_BUSY = 170
ERROR_NOACCESS = 998


class Classic:
    """tests/classic/program.c: one command, one answer."""
    counter = 0

    def __init__(self, windows):
        Classic.counter += 1
        self.word = 'classic-%d' % Classic.counter
        self.program = windows.start(CLASSIC, self.word)
        self.program.expect('^ready$', 60)

    def __call__(self, command):
        """The number that the program answers."""
        self.program.say(command)
        return int(self.program.expect(r'^%s (\d+)$' % command.split()[0], 60).group(1))

    def state(self):
        self.program.say('state')
        pairs = self.program.expect('^state (.*)$', 60).group(1).split()
        return {key: int(value) for key, value in (pair.split('=') for pair in pairs)}

    def kill(self):
        """As nothing can be caught: SIGKILL to the Windows process."""
        for pid in lab.processes(self.word):
            with contextlib.suppress(OSError), open('/proc/%d/comm' % pid) as name:
                if name.read().strip().startswith('classic'):
                    os.kill(pid, signal.SIGKILL)
        self.program.wait()


class Lab:
    """A machine whose stack returns lists late, with a classic adapter in it, and a program that only looks."""

    def __init__(self, machine):
        self.machine = machine
        self.windows = machine.windows
        assert self.windows.run(DEVICES, 'install', INF).startswith('install 1 ')
        self.plug()

    def plug(self, hardware='classic'):
        self.keeper = self.windows.start(DEVICES, 'create', hardware, 1, hardware)
        self.keeper.expect('^ready$', 60)
        self.device = list(lab.wait(self.machine.namespace.links, 'an interface'))[0]
        self.machine.up(self.device, HERE + '/24')
        self.observer = self.program()

    def unplug(self):
        self.keeper.quit()
        lab.wait(lambda: not self.machine.namespace.links(), 'the interface is gone')

    def program(self):
        program = Classic(self.windows)
        assert program('open') == ERROR_SUCCESS
        return program

    def start(self, program):
        """A former program's session may take a moment to end."""
        lab.wait(lambda: program('start') == ERROR_SUCCESS, 'the session begins')

    def echo(self, size, count, flow):
        done = json.loads(self.machine.namespace.run(TRAFFIC, 'echo', THERE, size, count, flow))
        assert (done['received'], done['reordered'], done['corrupt']) == (count, 0, 0), done

    def locked(self):
        """Mappings that the kernel's process has of programs' locked pages."""
        found = 0
        for pid, name in lab.wine_processes(self.windows).items():
            if name.startswith('winedevice'):
                with open('/proc/%d/maps' % pid) as maps:
                    found += sum('/memfd:locked pages' in line for line in maps)
        return found


@pytest.fixture(scope='module')
def classic():
    os.environ['HOST_TUN_RETURN_LATE'] = '3'
    machines = make()
    try:
        lab_ = Lab(next(machines))
        yield lab_
    finally:
        del os.environ['HOST_TUN_RETURN_LATE']
    next(machines, None)


def test_refused(classic):
    """What is passed is checked, and who passes it; nothing is kept of what is refused."""
    program = classic.program()
    assert program('wrong unaligned') == ERROR_INVALID_PARAMETER
    assert program('wrong slots') == ERROR_INVALID_PARAMETER
    assert program('wrong free') == ERROR_NOACCESS
    assert program('wrong readonly') == ERROR_NOACCESS
    assert program('wrong partly') == ERROR_NOACCESS
    assert program('wrong event') == ERROR_INVALID_HANDLE
    assert program('wrong restricted') == ERROR_ACCESS_DENIED
    assert classic.locked() == 0
    assert program('start') == ERROR_SUCCESS
    assert classic.locked() > 0
    assert classic.observer('start') == ERROR_BUSY
    assert program('close') == ERROR_SUCCESS
    lab.wait(lambda: classic.locked() == 0, 'the pages are unlocked')
    assert program('open') == ERROR_SUCCESS and program('start') == ERROR_SUCCESS
    program.program.quit()


def test_overlap(classic):
    """Pages that are locked twice at a time stay one page."""
    program = classic.program()
    lab.wait(lambda: program('overlap') == ERROR_SUCCESS, 'the session begins')
    program.program.quit()


def test_traffic(classic):
    """Ping and checksummed UDP, each packet twice through memory that the program allocated."""
    before = classic.observer.state()
    program = classic.program()
    classic.start(program)
    ping = classic.machine.namespace.run('ping', '-c', 100, '-i', '0.01', '-W', '2', '-n', THERE, check=False)
    assert ' 0% packet loss' in ping, ping
    classic.echo(1400, 5000, 1)
    classic.echo(60, 2000, 2)
    after = program.state()
    assert after['to_program'] - before['to_program'] >= 7100
    lab.wait(lambda: program.state()['returned'] - before['returned'] >= 7100, 'all lists are back')
    assert after['out_of_order'] - before['out_of_order'] > 100
    assert after['ticks'] > before['ticks'] > 0 and after['counter'] > before['counter']
    assert abs(after['time'] / 1e7 - 11644473600 - time.time()) < 60
    program.program.quit()


def test_processes(classic):
    """Each process is born once and dies once, short-lived ones too."""
    before = classic.observer.state()
    for _ in range(5):
        classic.windows.run(DEVICES, check=False) # says how it is to be used, and ends
    died = lambda: classic.observer.state()['died'] - before['died']
    lab.wait(lambda: died() >= 5, 'they are dead')
    after = classic.observer.state()
    assert after['born'] - before['born'] == died() == 5


def test_killed(classic):
    """A program that is killed while packets fly leaves nothing: the next one has the adapter."""
    before = classic.observer.state()
    flood = classic.machine.namespace.start(TRAFFIC, 'blast', THERE, 1400, 60)
    for _ in range(10):
        program = classic.program()
        classic.start(program)
        flowing = classic.observer.state()['to_driver'] + 200
        lab.wait(lambda: classic.observer.state()['to_driver'] > flowing, 'packets flow')
        program.kill()
    lab.wait(lambda: classic.locked() == 0, 'the pages are unlocked')
    flood.stop()
    after = classic.observer.state()
    for delay in range(5): # and while its pages are being locked
        program = classic.program()
        program.program.say('start')
        time.sleep(delay / 2000)
        program.kill()
    lab.wait(lambda: classic.locked() == 0, 'the pages are unlocked')
    assert after['sessions'] - before['sessions'] == 10
    assert after['deaths'] - before['deaths'] == 10 # seen by the process-notify routine, before the handle was closed
    lab.wait(lambda: classic.observer.state()['returned'] == classic.observer.state()['to_driver'], 'lists are back')


def test_removed(classic):
    """The device is taken away under load: the driver takes the program's handle away, too."""
    program = classic.program()
    classic.start(program)
    flood = classic.machine.namespace.start(TRAFFIC, 'blast', THERE, 1400, 60)
    flowing = classic.observer.state()['to_driver'] + 200
    lab.wait(lambda: classic.observer.state()['to_driver'] > flowing, 'packets flow')
    assert program('handle') == ERROR_SUCCESS
    classic.unplug()
    flood.stop()
    assert program('handle') == ERROR_INVALID_HANDLE
    assert classic.locked() == 0
    program.program.quit()
    classic.observer.program.quit()
    classic.plug() # and the same again on a new one
    program = classic.program()
    classic.start(program)
    classic.echo(1400, 200, 3)
    program.program.quit()


def test_locked_pages(classic):
    """A driver that keeps a dead program's pages locked would stop Windows."""
    classic.observer.program.quit()
    classic.unplug()
    classic.plug('classic-forgetful')
    program = classic.program()
    classic.start(program)
    program.kill()
    rule = lambda: any('Process_LockedPages' in line for line in classic.windows.violations())
    lab.wait(rule, 'the rule Process_LockedPages')
    assert classic.locked() > 0
    classic.observer.program.quit()
    classic.unplug()
    assert classic.locked() == 0
    os.truncate(classic.windows.log, 0) # what was wrong on purpose is no failure of the machine


def test_unloaded(classic):
    """The last: what the driver leaves behind when it is unloaded is a broken rule, and would fail the machine's end."""
    if classic.machine.namespace.links():
        classic.observer.program.quit()
        classic.unplug()
    assert classic.windows.run(DEVICES, 'uninstall', INF).startswith('uninstall 1 ')

    def unloaded():
        with open(classic.windows.log, errors='replace') as log:
            return 'wine: driver unloaded' in log.read()
    lab.wait(unloaded, 'the driver is unloaded')
