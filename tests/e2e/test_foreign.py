# SPDX-License-Identifier: MIT
"""Programs for another machine than Windows' own: what they may not do themselves a 64-bit helper does (library/native.c).

The programs are those of the other tests: built for x86 (build/e2e/x86), where this kernel runs such programs; and for amd64,
beside a library that takes itself for x86's (build/e2e/stranger), everywhere.
"""
import json
import os
import re
import signal
import time

import pytest

import lab
from conftest import TRAFFIC, Peer
from test_deadline import TIMEOUT
from test_failures import RESTARTS, ROWS

IN_WOW64 = 'refused, error 0xe0000235'


class Programs:
    """Where the programs of one kind are."""

    def __init__(self, kind):
        self.kind = kind
        self.tool = self('plaintun.exe') if kind != 'x86' else os.path.join(lab.BUILD, 'x86/plaintun.exe')

    def __call__(self, name):
        return os.path.join(lab.BUILD, 'e2e', self.kind, name)


@pytest.fixture(params=['stranger'] if lab.without_x86() else ['stranger', 'x86'])
def programs(request):
    return Programs(request.param)


def helpers(machine):
    """The Linux process ids of the helpers that run."""
    return [pid for pid, name in lab.wine_processes(machine.windows).items() if name.startswith('rundll32')]


def temporary(machine):
    """What lies in Windows' folder for temporary files: helpers and drivers pass through it."""
    return os.listdir(os.path.join(machine.windows.drive(), 'windows/temp'))


def fail(machine, **failures):
    for name, value in failures.items():
        words = ['/d', str(value), '/f'] if value else ['/f']
        machine.windows.run(r'C:\windows\system32\reg.exe', 'add' if value else 'delete', r'HKLM\Software\HostFailures', '/v', name,
                            *(['/t', 'REG_DWORD'] if value else []), *words)


# Parameters without a value would be a skipped test, which counts as a failure.
if not lab.without_x86():
    @pytest.mark.parametrize('programs', ['x86'], indirect=True)
    def test_windows_refuses(shared_machine, programs):
        """The host is what a 64-bit Windows is to a 32-bit program. (That the other library asks a helper is its own doing.)"""
        text = shared_machine.windows.run(programs('wow64.exe'))
        lines = dict(re.findall(r'^(\w+): (.*)$', text, re.MULTILINE))
        assert lines.pop('machines') == '0x14c on 0x8664' and len(lines) == 5, text
        assert all(said == IN_WOW64 for said in lines.values()), text


def test_tool(shared_machine, programs):
    """Installing, creating, removing, uninstalling, and the self-test."""
    windows = shared_machine.windows
    assert 'installed: none' in windows.run(programs.tool, '--version')
    assert 'installed: 0.1.0' in windows.run(programs.tool, 'install')
    assert 'installed: 0.1.0' in windows.run('plaintun.exe', '--version')  # the 64-bit one
    assert not temporary(shared_machine)
    report = windows.run(programs.tool, 'selftest')
    assert re.search('passed .*amd64, tool ' + ('x86' if programs.kind == 'x86' else 'amd64'), report) and 'selftest: passed' in report, report
    windows.run(programs.tool, 'create', 'kept')
    rows = json.loads(windows.run('plaintun.exe', 'list', '--json'))
    assert 'kept' in json.dumps(rows)
    windows.run(programs.tool, 'remove', 'kept')
    windows.run(programs.tool, 'uninstall')
    assert 'installed: none' in windows.run('plaintun.exe', '--version')
    lab.wait(lambda: not shared_machine.namespace.links(), 'no interface is left', 5)
    assert not temporary(shared_machine)


def test_contract(shared_machine, programs):
    """Every error code of plaintun.h and wintun.h, provoked in such a process."""
    text = shared_machine.windows.run(programs('contract.exe'), seconds=180)
    checks = re.findall(r'^(ok|FAIL) (.*)$', text, re.MULTILINE)
    assert not [what for verdict, what in checks if verdict == 'FAIL'], text[-3000:]
    assert text.rstrip().endswith('done') and len(checks) > 100, text[-2000:]


@pytest.mark.parametrize('address,size', [('10.31.0.2', 1420), ('fd00:31::2', 9000)], ids=['ipv4', 'ipv6'])
def test_traffic(shared_machine, programs, address, size):
    """Packets pass whole and in order, both ways."""
    peer = Peer(shared_machine.windows, 'x86-%d' % size, programs('peer.exe'))
    info = peer('create 0 65535 x86')
    device = shared_machine.ready(info['index'])
    peer('start 0 4194304')
    peer('work 0 echo')
    shared_machine.up(device, '10.31.0.1/24', 'fd00:31::1/64')
    result = json.loads(shared_machine.namespace.run(TRAFFIC, 'echo', address, size, 20000, 1))
    state = peer('state 0')
    assert result['received'] == 20000 and result['lost'] == result['reordered'] == result['corrupt'] == 0, result
    assert state['whole'] == state['sent'] == 20000 and state['reordered'] == state['corrupt'] == 0, state
    peer.quit()


def test_driver_removed_meanwhile(shared_machine, programs):
    """A program has created an adapter; another removes the driver: the next creation installs it again, at once."""
    peer = Peer(shared_machine.windows, 'x86-meanwhile', programs('peer.exe'))
    peer('create 0 1500 first')
    peer('close 0')
    shared_machine.windows.run('plaintun.exe', 'uninstall')
    began = time.monotonic()
    peer('create 0 1500 second')
    assert time.monotonic() - began < 5
    peer.quit()


def test_drop_in(shared_machine, programs):
    """A program that loads wintun.dll answers ping."""
    program = shared_machine.windows.start(programs('echo.exe'), '--name', 'echo', '--address', '10.32.0.1/24')
    program.expect('ready', 60)
    assert '3 received' in shared_machine.namespace.run('ping', '-n', '-i', '0.2', '-c', '3', '10.32.0.2')
    assert program.quit() == 0, program.text()


# Failures in the helper, and some in the process itself.
NAMED = [row for row in ROWS if row[0] in ('no-administrator', 'create-taken', 'problem-52', 'store-denied', 'store-unsigned',
                                           'store-full', 'refused-deletes')]
NAMED.append(('info', ['user'], 5000, 5, 'must be an administrator'))


@pytest.mark.parametrize('row', NAMED, ids=[row[0] for row in NAMED])
def test_failure_is_named(shared_machine, programs, row):
    name, failures, timeout, error, says = row
    text = shared_machine.windows.run(programs('failing.exe'), 'delete' if name.endswith('deletes') else name,
                                      NAMED.index(row), timeout, *failures)
    attempts = dict(re.findall(r'^(failing|again): error (\d+)', text, re.MULTILINE))
    messages = re.findall(r'^log 2: (.*)$', text, re.MULTILINE)
    assert attempts == {'failing': str(error), 'again': '0'}, text
    assert messages and re.search(says, messages[0]), text
    assert not temporary(shared_machine)


def test_restart_is_told(machine, programs):
    """What Windows says to the helper reaches the program: ERROR_SUCCESS_REBOOT_REQUIRED, and the remedy."""
    for what, failures, says, installed in RESTARTS:
        program = programs('failing.exe')
        machine.windows.run(program, 'left', 7, 0)  # a device that is remembered
        text = machine.windows.run(program, what, 7 if what != 'remove' else 8, 0, *failures, check=False)
        first = text[:text.find('again:')]
        assert 'failing: error 0 ' in first, text
        assert any(says in warning for warning in re.findall('^log 1: (.*)$', first, re.MULTILINE)), text
        assert 'restart 1, installed %d, adapters %d' % (installed, what == 'remove') in first, text


@pytest.mark.parametrize('programs', ['stranger'], indirect=True)  # faults.exe sows its faults into amd64 code
def test_calls_hang(shared_machine, programs):
    """As test_deadline.py has it, in the program. What hangs in the helper: test_slow_installation."""
    calls = 'CM_Get_Device_ID_List_SizeW,SwDeviceCreate'
    text = shared_machine.windows.run(programs('faults.exe'), 'deadline', 'hang-first', calls, seconds=300, check=False)
    assert re.search(r'^faults: 2 places of \d+, 0 wrong$', text, re.MULTILINE), text


def test_slow_installation(machine, programs):
    """Windows takes longer over the driver, in the helper, than the program has time."""
    text = machine.windows.run(programs('failing.exe'), 'slow', 1, 5000, 'uninstall', 'DiInstallDriverMs=9000', seconds=120)
    failing = re.search(r'^failing: error (\d+) after (\d+) ms$', text, re.MULTILINE)
    assert int(failing[1]) == TIMEOUT and int(failing[2]) <= 5000 + 2000, text
    assert 'Windows does not come back in time from installing the driver' in text, text
    assert re.search(r'^again: error 0 ', text, re.MULTILINE), text


def test_helper_outlives_its_program(machine, programs):
    """A program is killed while its helper installs the driver: the next one, of 64 bits, waits for that."""
    windows = machine.windows
    fail(machine, DiInstallDriverMs=3000)
    program = windows.start(programs.tool, 'install')
    helper, = lab.wait(lambda: helpers(machine), 'the helper runs')
    lab.wait(lambda: any('messages' in files for _, _, files in os.walk(os.path.join(windows.drive(), 'windows/temp'))),
             'the helper is at work')
    fail(machine, DiInstallDriverMs=0)
    for pid, name in lab.wine_processes(windows).items():
        if name.startswith('plaintun'):
            os.kill(pid, signal.SIGKILL)
    program.process.wait()  # not its output, which the helper has too
    assert helper in helpers(machine)
    assert 'installed: 0.1.0' in windows.run('plaintun.exe', 'install')  # a 64-bit one, which needs no helper
    assert helper not in helpers(machine)
    assert len(temporary(machine)) == 1  # of the helper that nobody waited for
    windows._run('--stop')
    windows._run('--start')
    assert not temporary(machine)
    windows.run(programs.tool, 'uninstall')
