# SPDX-License-Identifier: MIT
"""Creating an adapter ends in time, whatever is in the way, and says what was; what goes by itself meanwhile.

In the environment: HANGS=each has each call that a creation makes hang (make check-deadline), FAULTS_ALL each at each of its
places (scripts/soak); else one of each step.
"""
import os
import re

import pytest

import lab

LOADING = os.path.join(lab.BUILD, 'e2e/loading.exe')
FAULTS = os.path.join(lab.BUILD, 'e2e/faults.exe')
FAILING = os.path.join(lab.BUILD, 'e2e/failing.exe')
TIMEOUT, ALREADY_EXISTS = 1460, 183


def attempts(text):
    """{which: (error, milliseconds, message)}"""
    return {which: (int(error), int(ms), message) for which, error, ms, message in
            re.findall(r'^(\w+): error (\d+) after (\d+) ms: ?(.*)$', text, re.MULTILINE)}


# Before the thread works, before the lock, at the lock, and at each step after it.
SAMPLE = ['TlsSetValue', 'NotifyIpInterfaceChange', 'WaitForSingleObject', 'CM_Get_Device_ID_List_SizeW', 'SwDeviceCreate',
          'CreateFileW', 'CoCreateInstance', 'CancelMibChangeNotify2']


def test_each_call_hangs(machine):
    """Calls of Windows that a creation makes do not return, by turns: it ends in time all the same and names the step, the
    next creation works or names who is in the way, and when the call returns all works, and nothing is kept."""
    how = 'hang' if os.environ.get('FAULTS_ALL') else 'hang-first'
    some = SAMPLE if how == 'hang-first' and not os.environ.get('HANGS') else []
    text = machine.windows.run(FAULTS, 'deadline', how, *([','.join(some)] if some else []), seconds=3600, check=False)
    print(text)
    places, of, wrong = map(int, re.search(r'^faults: (\d+) places of (\d+), (\d+) wrong$', text, re.MULTILINE).groups())
    assert wrong == 0, [line for line in text.splitlines() if line.startswith('wrong')]
    assert places == (len(some) or of) and of > 40, text
    assert set(some) <= set(re.findall(r'^(\w+) \+\w+, hangs, ', text, re.MULTILINE)), text
    assert 'this program itself' in text, 'a later one says who is in the way'


def test_inside_dllmain(shared_machine):
    """Under the loader's lock a creation fails within its deadline, and names the cause; afterwards it works."""
    found = attempts(shared_machine.windows.run(LOADING, 'inside', seconds=90))
    error, ms, message = found['inside']
    assert error == TIMEOUT and ms <= 3000 + 2000 and 'DllMain' in message, found
    assert found['outside'][0] == 0, found
    lab.wait(lambda: not shared_machine.namespace.links(), 'no interface is left', 5)


def test_unloaded_with_things_open(shared_machine):
    """The session goes with the library; the adapter stays, and who creates it again in that process hears what to do."""
    found = attempts(shared_machine.windows.run(LOADING, 'unload', seconds=90))
    error, _, message = found['again']
    assert error == ALREADY_EXISTS and 'this program itself' in message and 'close its handle' in message, found
    assert found['session'][0] == 0, found
    lab.wait(lambda: not shared_machine.namespace.links(), 'the adapter goes with the process', 10)


def test_slow_installation(shared_machine):
    """Windows takes longer over the driver than there is time: the step is named, and the next creation waits for it and works."""
    text = shared_machine.windows.run(FAILING, 'slow', 1, 1500, 'uninstall', 'DiInstallDriverMs=5000', seconds=120)
    failing = re.search(r'^failing: error (\d+) after (\d+) ms$', text, re.MULTILINE)
    assert int(failing[1]) == TIMEOUT and int(failing[2]) <= 1500 + 2000, text
    assert 'Windows does not come back in time from installing the driver' in text, text
    assert re.search(r'^again: error 0 ', text, re.MULTILINE), text


@pytest.mark.parametrize('what, error', [('remove', 0xe000020b), ('delete', 1018)])
def test_gone_by_itself(shared_machine, what, error):
    """What goes while it is being removed is removed."""
    shared_machine.windows.run(FAILING, 'left', 7, 0)  # a device that is remembered
    text = shared_machine.windows.run(FAILING, what, 7 if what == 'delete' else 8, 0, 'DiUninstallDeviceGone=%d' % error, check=False)
    assert re.search(r'^failing: error 0 .*\nfailing: known 0$', text, re.MULTILINE), text


def test_host_renames_its_own_only(shared_machine):
    """Network Connections of the host: an interface of Linux's own keeps its name."""
    shared_machine.namespace.run('ip', 'tuntap', 'add', 'theirs', 'mode', 'tap')
    text = shared_machine.windows.run(LOADING, 'rename', 'theirs', 'not yours', check=False)
    assert '0x80070005' in text, text
    assert 'not yours' not in shared_machine.namespace.run('ip', 'link', 'show', 'theirs')
    shared_machine.namespace.run('ip', 'link', 'del', 'theirs')
