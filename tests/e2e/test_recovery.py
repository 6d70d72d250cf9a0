# SPDX-License-Identifier: MIT
"""The process that holds the host's drivers may be killed: the next creation has a driver again."""
import contextlib
import os
import signal

import lab
from test_adapters import Program, guid


def driver_processes(machine):
    """The ids of the processes that hold drivers."""
    return {pid for pid, name in lab.wine_processes(machine.windows).items() if name.startswith('winedevice')}


def test_driver_process_died(machine):
    """Programs' adapters are gone with it; the next creation has a driver again."""
    program = Program(machine)
    for _ in range(3):
        program('create 0 guid=%s name=lost' % guid(7))
        lab.wait(lambda: 'lost' in machine.namespace.links(), 'the interface')
        for pid in driver_processes(machine):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        lab.wait(lambda: 'lost' not in machine.namespace.links(), 'the interface is gone with its driver')
        other = Program(machine)
        other('create 0 guid=%s name=again' % guid(7))
        lab.wait(lambda: 'again' in machine.namespace.links(), 'the interface of the next program')
        other('start 0')
        other('close 0')
        program.answer('close 0')
