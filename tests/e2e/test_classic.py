# SPDX-License-Identifier: MIT
"""host/wine and host/ndis under a miniport of an older manner (tests/classic), whose program owns the rings."""
import contextlib
import json
import os
import signal

import lab
from conftest import TRAFFIC

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


def plug(machine):
    """The program that keeps the device, and the interface's name."""
    assert machine.windows.run(DEVICES, 'install', INF).startswith('install 1 ')
    keeper = machine.windows.start(DEVICES, 'create', 'Classic', 1, 'classic')
    keeper.expect('^ready$', 60)
    name = list(lab.wait(machine.namespace.links, 'an interface'))[0]
    machine.up(name, HERE + '/24')
    return keeper, name


def echo(machine, size, count, flow):
    done = json.loads(machine.namespace.run(TRAFFIC, 'echo', THERE, size, count, flow))
    assert (done['received'], done['reordered'], done['corrupt']) == (count, 0, 0), done


def test_traffic(machine):
    keeper, name = plug(machine)
    program = Classic(machine.windows)
    assert program('open') == ERROR_SUCCESS
    assert program('start') == ERROR_SUCCESS
    assert ' 0% packet loss' in machine.namespace.run('ping', '-c', 50, '-i', '0.01', '-W', '1', '-n', THERE, check=False)
    echo(machine, 1400, 3000, 1)
    print(program.state())
    program.program.quit()
    keeper.quit()
