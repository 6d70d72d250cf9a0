# SPDX-License-Identifier: MIT
"""Programs that die and adapters that go, under load: nothing hangs, nothing is left, the next one works."""
import json
import os
import signal

import lab
from conftest import ERROR_HANDLE_EOF, ERROR_NOT_FOUND, TRAFFIC, PeerError

DEATHS = 50


def threads(windows):
    """Threads of the processes that hold drivers (winedevice)."""
    return sum(len(os.listdir('/proc/%d/task' % pid)) for pid, name in lab.wine_processes(windows).items()
               if name.startswith('winedevice'))


def test_program_killed_under_load(machine):
    """kill -9 in the middle of traffic both ways, 50 times; each time the next program has the adapter at once."""
    owner = machine.peer()
    device = machine.ready(owner('create 0 1500 deaths')['index'])
    machine.namespace.ip('addr', 'add', '10.26.0.1/24', 'dev', device)
    machine.namespace.ip('link', 'set', device, 'up')
    blast = machine.namespace.start(TRAFFIC, 'blast', '10.26.0.2', 1420, 600)
    before = None
    for number in range(DEATHS):
        victim = machine.peer()
        victim('open 0 deaths')
        lab.wait(lambda: not owner('info 0')['active'], 'the dead program\'s session is over')
        victim('start 0 131072')
        victim('work 0 flood 1420')
        lab.wait(lambda: (lambda s: s['received'] and s['sent'])(victim('state 0')), 'traffic both ways')
        os.kill(victim.process(), signal.SIGKILL)
        victim.program.wait()
        machine.windows.programs.remove(victim.program)
        if number == 4:
            lab.wait(lambda: not owner('info 0')['active'], 'the session is over')
            before = threads(machine.windows)
    blast.stop()
    lab.wait(lambda: not owner('info 0')['active'], 'the last session is over')
    lab.wait(lambda: threads(machine.windows) <= before, 'no thread is left in the driver\'s process')
    owner('start 0 1048576')
    owner('work 0 echo')
    lab.wait(lambda: 'LOWER_UP' in machine.namespace.link(device)['flags'], 'the carrier')
    result = json.loads(machine.namespace.run(TRAFFIC, 'echo', '10.26.0.2', 1420, 10000, 1))
    assert result['lost'] == result['reordered'] == result['corrupt'] == 0, result
    owner.quit()


def test_creator_killed(machine):
    """The adapter of a program that dies goes; its name is free again."""
    other = machine.peer()
    for _ in range(5):
        peer = machine.peer()
        device = machine.ready(peer('create 0 1500 orphan')['index'])
        peer('start 0 131072')
        machine.up(device, '10.27.0.1/24')
        peer('work 0 flood 1420')
        lab.wait(lambda: peer('state 0')['sent'], 'traffic')
        os.kill(peer.process(), signal.SIGKILL)
        peer.program.wait()
        lab.wait(lambda: device not in machine.namespace.links(), 'the interface is gone', 15)
        lab.wait(lambda: not_found(other, 'orphan'), 'the adapter is gone', 15)
    other.quit()


def gone(peer):
    """The session ends a moment before the device goes."""
    try:
        peer('info 0')
    except PeerError as error:
        assert error.number == ERROR_HANDLE_EOF
        return True
    return False


def not_found(peer, name):
    try:
        peer('open 0 ' + name)
    except PeerError as error:
        assert error.number == ERROR_NOT_FOUND
        return True
    peer('close 0')
    return False


def test_adapter_removed_under_load(machine):
    """Its program learns it by ERROR_HANDLE_EOF, can go on with another adapter, and no thread is left."""
    owner, user = machine.peer(), machine.peer()
    before = before_user = None
    for number in range(10):
        device = machine.ready(owner('create 0 1500 removed')['index'])
        user('open 0 removed')
        user('start 0 131072')
        machine.up(device, '10.28.0.1/24')
        blast = machine.namespace.start(TRAFFIC, 'blast', '10.28.0.2', 1420, 600)
        user('work 0 ' + ('flood 1420' if number % 2 else 'echo'))
        lab.wait(lambda: (lambda s: s['received'] and s['sent'])(user('state 0')), 'traffic both ways')
        owner('close 0')
        state = lab.wait(lambda: (lambda s: s if s['ended'] else None)(user('state 0')), 'the program learns it')
        assert state['error'] == ERROR_HANDLE_EOF
        lab.wait(lambda: gone(user), 'the device is gone')
        blast.stop()
        user('stop 0')
        user('close 0')
        lab.wait(lambda: device not in machine.namespace.links(), 'the interface is gone')
        here = len(os.listdir('/proc/%d/task' % user.process()))
        if number == 1:
            before, before_user = threads(machine.windows), here
    assert here <= before_user, 'threads are left in the program'
    lab.wait(lambda: threads(machine.windows) <= before, 'no thread is left in the driver\'s process')
    user.quit()
    owner.quit()
