# SPDX-License-Identifier: MIT
"""Monitor sessions: another program looks on, sees all that passes, and disturbs nobody, whatever becomes of it."""
import json
import os
import re
import signal

import lab
from conftest import ERROR_ALREADY_INITIALIZED, ERROR_HANDLE_EOF, TRAFFIC

CAPACITY = 67108864  # so large that nothing is dropped


def exchange(machine, size, count, flow):
    """Sends packets through the adapter, each of which must come back."""
    result = json.loads(machine.namespace.run(TRAFFIC, 'echo', '10.28.0.2', size, count, flow))
    assert result['lost'] == result['reordered'] == result['corrupt'] == 0, result


def seen_all(watcher):
    """Waits until the monitor has got all that passed: its state."""
    def all_of_it():
        statistics, state = watcher('statistics 0'), watcher('state 0')
        return state if state['received'] == statistics['monitor'] else None
    return lab.wait(all_of_it, 'the monitor gets what the driver copied')


def test_monitor(machine):
    """Both directions, whole and in order, each packet before its answer; sessions and monitors come and go apart."""
    program, watcher = machine.peer(), machine.peer()
    device = machine.ready(program('create 0 1500 watched')['index'])
    watcher('open 0 watched')
    watcher('monitor 0 %d' % CAPACITY)
    watcher('work 0 sink')
    assert not watcher('info 0')['active'] and 'LOWER_UP' not in machine.namespace.link(device)['flags']
    program.fails('delete-driver', 170)  # ERROR_BUSY
    assert re.search(r'in use by process \d+ \(peer.exe\), which monitors it', program.message()), program.message()
    program('start 0 1048576')
    program('work 0 echo')
    machine.up(device, '10.28.0.1/24')
    exchange(machine, 1420, 10000, 1)
    exchange(machine, 60, 10000, 2)
    state, statistics = seen_all(watcher), watcher('statistics 0')
    assert statistics['monitor_drops'] == 0
    assert state['received'] == statistics['to_app'] + statistics['to_stack']
    assert state['sent'] == statistics['to_stack'] == 20000
    assert state['whole'] == 40000 and state['corrupt'] == state['reordered'] == 0, state

    # The session ends and another begins: the monitor stays.
    program('end 0')
    program('stop 0')
    assert not watcher('state 0')['ended']
    program('start 0 1048576')
    program('work 0 echo')
    machine.up(device)
    exchange(machine, 576, 1000, 3)
    assert seen_all(watcher)['whole'] == 42000
    program('open 1 watched')
    program.fails('monitor 1 131072', ERROR_ALREADY_INITIALIZED)

    # The monitor dies under load: its session is free for the next, and no packet is lost over it.
    blast = machine.namespace.start(TRAFFIC, 'blast', '10.28.0.2', 1420, 600)
    os.kill(watcher.process(), signal.SIGKILL)
    watcher.program.wait()
    machine.windows.programs.remove(watcher.program)
    second = machine.peer()
    second('open 0 watched')

    def monitors():
        try:
            return second('monitor 0 131072') is not None
        except Exception as error:
            assert getattr(error, 'number', None) == ERROR_ALREADY_INITIALIZED
            return False
    lab.wait(monitors, 'the dead monitor is over')
    second('work 0 sink')
    lab.wait(lambda: (lambda s: s['received'] and s['sent'])(second('state 0')), 'it sees both directions')
    blast.stop()
    exchange(machine, 576, 1000, 4)

    # The adapter goes, and the monitor is told.
    program('close 0')
    state = lab.wait(lambda: (lambda s: s if s['ended'] else None)(second('state 0')), 'the monitor session ends')
    assert state['error'] == ERROR_HANDLE_EOF
    second.quit()
    program.quit()
