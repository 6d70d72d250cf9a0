# SPDX-License-Identifier: MIT
"""The kernel half of host/wine and host/ndis, tried from within by a miniport that is not plaintun (tests/e2e/kernel)."""
import os
import re
import subprocess

import pytest

import lab

DEVICES = os.path.join(lab.BUILD, 'tests/devices.exe')
INF = 'Z:' + os.path.join(lab.BUILD, 'tests/kernel/kernel.inf').replace('/', '\\')

# What the miniport does wrong, and the rule that must name it.
WRONG = {
    'attributes': 'Initialize_Attributes',
    'complete': 'Send_CompleteOnce',
    'configuration': 'Halt_ConfigurationClosed',
    'count': 'Receive_Count',
    'flags': 'Flags_Irql',
    'frametype': 'Receive_FrameType',
    'hold': 'Pause_SendsCompleted',
    'irql': 'Irql_Miniport_Driver',
    'leak': 'Halt_PoolFreed',
    'lock': 'SpinLock_AcrossNdis',
    'mandatory': 'Oid_Mandatory',
    'mdl': 'NdisAllocateMdl',
    'medium': 'RawIp_Medium',
    'oid': 'Oid_Bytes',
    'pause': 'Pause_Status',
    'pool': 'Halt_PoolsFreed',
    'sddl': 'Device_Sddl',
    'source': 'Receive_SourceHandle',
    'status': 'Status_SourceHandle',
}


def log(windows):
    with open(windows.log, errors='replace') as file:
        return file.read()


def install(windows):
    assert windows.run(DEVICES, 'install', INF).startswith('install 1 ')


def create(windows, hardware):
    program = windows.start(DEVICES, 'create', hardware, 1, hardware)
    program.expect('^ready$', 60)
    return program


def ping(machine, count):
    """Sends through the miniport, which sends back: a ping to an address behind it comes back as one from there."""
    links = lab.wait(lambda: list(machine.namespace.links()), 'an interface')
    machine.up(links[0], '10.30.0.1/24')
    return machine.namespace.run('ping', '-c', count, '-i', '0.01', '-W', '1', '-n', '10.30.0.2', check=False)


def test_kernel(machine):
    """Events, locks, sections, exceptions, pool, buffers; a miniport that pends, completes late, allocates per packet."""
    install(machine.windows)
    program = create(machine.windows, 'kernel')
    text = log(machine.windows)
    assert 'tests done' in text, text
    assert not re.findall(r'^test \S+ FAILED.*$', text, re.MULTILINE), text
    assert len(re.findall(r'^test \S+ ok$', text, re.MULTILINE)) >= 10
    # The mirror turns an echo request into one from 10.30.0.2, which Linux answers to it, and it mirrors the answer.
    assert ' 0% packet loss' in ping(machine, 200)
    # Once it says that it hangs: it is reset, which pends, and what it was set to comes again; then all is as before.
    lab.wait(lambda: 'kernel: set again after a reset' in log(machine.windows), 'a reset')
    assert log(machine.windows).count('says that it hangs, and is reset') == 1
    again = machine.namespace.run('ping', '-c', 20, '-i', '0.01', '-W', '1', '-n', '10.30.0.2', check=False)
    assert ' 0% packet loss' in again
    program.quit()


@pytest.mark.parametrize('what', sorted(WRONG))
def test_wrong(shared_machine, what):
    """A rule that nobody has seen fire does not count."""
    install(shared_machine.windows)
    before = len(log(shared_machine.windows)) if os.path.exists(shared_machine.windows.log) else 0
    program = create(shared_machine.windows, 'kernel-' + what)
    if what not in ('attributes', 'medium'): # these do not start
        ping(shared_machine, 3)
    program.quit()
    lab.wait(lambda: not shared_machine.namespace.links(), 'the interface is gone')
    rules = lambda: re.findall(r'^RULE (\w+): ', log(shared_machine.windows)[before:], re.MULTILINE)
    try:
        lab.wait(lambda: WRONG[what] in rules(), 'the rule ' + WRONG[what])
    except TimeoutError:
        assert WRONG[what] in rules(), log(shared_machine.windows)[before:]
    os.truncate(shared_machine.windows.log, 0) # what was broken on purpose is no failure of the machine


def test_larger_than_linux(machine):
    """An MTU that no interface of Linux' has is cut to what it can have, and told; so is, once, a longer header."""
    install(machine.windows)
    program = create(machine.windows, 'kernel-mtu')
    assert ' 0% packet loss' in ping(machine, 10)
    name, = machine.namespace.links()
    assert machine.namespace.link(name)['mtu'] == 65535
    text = log(machine.windows)
    assert text.count('ndis: an MTU of 100000 is more than an interface has here: it is 65535') == 1, text
    other = create(machine.windows, 'kernel') # its tests pass one twice
    longer = re.findall(r'^ndis: NdisAllocateNetBufferListPool: \S.* of revision 1 has 16 bytes, not \d+: taken$',
                        log(machine.windows), re.MULTILINE)
    assert len(longer) == 1, log(machine.windows)
    other.quit()
    program.quit()


def test_wrong_often(machine):
    """What is wrong with each packet is told of the first ones, and then counted."""
    install(machine.windows)
    program = create(machine.windows, 'kernel-count')
    ping(machine, 120)
    told = lambda: re.findall(r'^RULE Receive_Count: .*$', log(machine.windows), re.MULTILINE)
    lab.wait(lambda: any(line.endswith('(100 times so far)') for line in told()), lambda: '\n'.join(told()))
    assert len(told()) == 5, told()
    program.quit()
    os.truncate(machine.windows.log, 0)


def test_lacking(shared_machine):
    """A driver of which an import is not to be had fails alone, before any of it runs, and the log names what it lacks."""
    install(shared_machine.windows)
    other = create(shared_machine.windows, 'kernel')
    before = len(log(shared_machine.windows))
    program = shared_machine.windows.start(DEVICES, 'create', 'lacking', 1, 'kernel-lacking')
    program.expect('^ready$', 60)
    program.say('status 0')
    # CM_PROB_DRIVER_FAILED_LOAD, STATUS_DRIVER_ENTRYPOINT_NOT_FOUND
    program.expect(r'^status 0 \w+ 39$', 5)
    program.expect('^reason c0000263$', 5)
    text = log(shared_machine.windows)[before:]
    for lacks in ('KeAskTheOracle of ntoskrnl.exe is not there', 'NdisMMissing of ndis.sys is not there',
                  'IoConnectInterrupt of ntoskrnl.exe does nothing in this Wine'):
        assert 'lacking.sys cannot be loaded: ' + lacks in text, text
    assert 'it runs' not in text, text
    assert ' 0% packet loss' in ping(shared_machine, 10) # the other one's
    program.quit()
    other.quit()


@pytest.mark.parametrize('how, said', [
    ('null', r'kernel\.sys\+0x[0-9a-f]+: writing 0x10; in MiniportOidRequest of 0x0001010c\.'),
    ('short', r'kernel\.sys\+0x[0-9a-f]+: writing 0x10; in MiniportOidRequest \(HOST_NDIS_TRIAL\) of 0x0001[0-9a-f]{4}\.'),
    ('stack', r'kernel\.sys\+0x[0-9a-f]+: its stack is full; in a thread of its own\.'),
    ('wild', r'kernel\.sys\+0x[0-9a-f]+, in what it called: executing 0x123456789a; in MiniportSendNetBufferLists\.'),
], ids=('null', 'short', 'stack', 'wild'))
def test_fault(machine, how, said):
    """A driver that faults is named in one line of the host's log and of the Windows'; the next creation has a driver again."""
    install(machine.windows)
    program = machine.windows.start(DEVICES, 'create', 'faulty', 1, 'kernel-' + how)
    if how == 'wild':
        program.expect('^ready$', 60)
        ping(machine, 1)
    line = re.compile(r'^wine: FAULT: %s This driver process ends, and every adapter in it$' % said, re.MULTILINE)
    own = os.path.join(machine.windows.drive(), '../../log')
    both = lambda: [open(path, errors='replace').read() if os.path.exists(path) else '' for path in (machine.windows.log, own)]
    lab.wait(lambda: all(line.findall(text) for text in both()), lambda: '\n'.join(both()))
    assert [text.count('FAULT') for text in both()] == [1, 1]
    lab.wait(lambda: not machine.namespace.links(), 'the interface is gone')
    other = create(machine.windows, 'kernel')
    assert ' 0% packet loss' in ping(machine, 10)
    other.quit()
    program.stop()


def test_no_trial(monkeypatch, request):
    """Buffers that no protocol gives are the trial's: a driver that does not look at them runs without it."""
    monkeypatch.setenv('HOST_NDIS_TRIAL', '0')
    machine = request.getfixturevalue('machine')
    install(machine.windows)
    program = create(machine.windows, 'kernel-short')
    assert ' 0% packet loss' in ping(machine, 10)
    program.quit()


def imports(*words):
    """What host/wine/run --imports says, and whether all would load."""
    done = subprocess.run([os.path.join(lab.ROOT, 'host/wine/run'), '--imports', *words], capture_output=True, text=True)
    return done.stdout + done.stderr, done.returncode == 0


def test_imports():
    """The same is told of a file, without loading it; docs/host-functions.md is of the code as it is."""
    kernel = os.path.join(lab.BUILD, 'tests/kernel')
    text, loads = imports(os.path.join(kernel, 'kernel.sys'), os.path.join(lab.BUILD, 'amd64/plaintun.sys'))
    assert loads and text == 'kernel.sys: all that it imports is there\nplaintun.sys: all that it imports is there\n', text
    text, loads = imports(os.path.join(kernel, 'lacking.sys'))
    assert not loads
    assert text.splitlines()[:3] == ['lacking.sys: IoConnectInterrupt of ntoskrnl.exe does nothing in this Wine',
                                     'lacking.sys: KeAskTheOracle of ntoskrnl.exe is not there',
                                     'lacking.sys: NdisMMissing of ndis.sys is not there'], text
    assert 'lacking.sys: will not load' in text
    text, loads = imports(os.path.join(kernel, 'kernel.inf'))
    assert not loads and 'kernel.inf' in text, text
    with open(os.path.join(lab.ROOT, 'docs/host-functions.md')) as page:
        assert page.read() == imports('--page')[0], 'make it anew: host/wine/imports --page >docs/host-functions.md'


def test_misuse(shared_machine):
    """What drivers of an older manner can do wrong, all in one adapter."""
    install(shared_machine.windows)
    program = create(shared_machine.windows, 'kernel-misuse')
    program.quit()
    assert shared_machine.windows.run(DEVICES, 'uninstall', INF).startswith('uninstall 1 ') # which unloads it
    rules = lambda: set(re.findall(r'^RULE (\w+): ', log(shared_machine.windows), re.MULTILINE))
    wanted = {'Pool_TimerSet', 'Mdl_Partial', 'Irql_Process', 'Irql_Dpc', 'Dpc_Returns', 'Unload_ProcessRoutines',
              'Resource_Release', 'Resource_Delete', 'Irql_Resource'}
    lab.wait(lambda: wanted <= rules(), lambda: 'the rules %s' % (wanted - rules()))
    os.truncate(shared_machine.windows.log, 0)
