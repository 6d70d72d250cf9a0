# SPDX-License-Identifier: MIT
"""Windows fails, and a program is told what failed, why, and what to do: each failure that host/wine can make.

A row says what is made to fail, the error code, and what the message must say. Each is followed by the same creation
without the failure, which must work, and by a look that nothing is left.
"""
import os
import re

import pytest

import lab

FAILING = os.path.join(lab.BUILD, 'e2e/failing.exe')
FAULTS = os.path.join(lab.BUILD, 'e2e/faults.exe')
TIMEOUT = 1460  # ERROR_TIMEOUT
NOT_READY = 21
ACCESS_DENIED = 5
HRESULT_ACCESS = 0x80070005
HRESULT_IN_USE = 0x800700b7  # ERROR_ALREADY_EXISTS

# name, failures, TimeoutMs, error, what the message says
ROWS = [
    ('no-administrator', ['uninstall', 'user'], 5000, ACCESS_DENIED, '^making, changing .* takes an administrator'),
    ('no-administrator-deletes', ['user'], 5000, ACCESS_DENIED, '^making, changing .* takes an administrator'),
    ('create-denied', ['SwDeviceCreate=%d' % HRESULT_ACCESS], 5000, ACCESS_DENIED, 'administrator'),
    ('create-taken', ['SwDeviceCreate=%d' % HRESULT_IN_USE], 5000, 183, 'in use'),
    ('enumeration-denied', ['SwDeviceCallback=%d' % HRESULT_ACCESS], 5000, ACCESS_DENIED, 'administrator'),
    ('never-enumerated', ['SwDeviceCallback=1'], 600, TIMEOUT, 'DeviceInstall'),
    ('problem-10', ['Problem=10'], 5000, NOT_READY, 'problem 10.*refused to start.*event log'),
    ('problem-18-stays', ['Problem=18'], 2500, TIMEOUT, 'problem 18.*installed again'),
    ('problem-22', ['Problem=22'], 5000, NOT_READY, 'problem 22.*disabled.*Device Manager'),
    ('problem-28-stays', ['Problem=28'], 2500, TIMEOUT, 'problem 28.*setupapi.dev.log'),
    ('problem-31', ['Problem=31', 'ProblemStatus=%d' % 0xc0000035], 5000, NOT_READY,
     'problem 31, status 0xC0000035: .*could not be loaded'),
    ('problem-32', ['Problem=32'], 5000, NOT_READY, 'problem 32.*service.*disabled'),
    ('problem-39', ['Problem=39'], 5000, NOT_READY, 'problem 39.*another processor'),
    ('problem-52', ['Problem=52'], 5000, NOT_READY, 'problem 52.*test signing'),
    ('no-ip', ['NoInterface4=1', 'NoInterface6=1'], 3000, TIMEOUT, 'IPv4 and IPv6'),
    ('store-denied', ['uninstall', 'DiInstallDriver=5'], 5000, ACCESS_DENIED, 'administrator'),
    ('store-unsigned', ['uninstall', 'DiInstallDriver=%d' % 0x800b0100], 5000, 0x800b0100, 'not signed.*test sign'),
    ('store-untrusted', ['uninstall', 'DiInstallDriver=%d' % 0xe0000242], 5000, 0xe0000242, 'publisher'),
    ('store-hash', ['uninstall', 'DiInstallDriver=%d' % 0xe000024b], 5000, 0xe000024b, 'setupapi.dev.log'),
    ('store-wow64', ['uninstall', 'DiInstallDriver=%d' % 0xe0000235], 5000, 0xe0000235, '64-bit'),
    ('store-full', ['uninstall', 'DiInstallDriver=112'], 5000, 112, 'no space left'),
    ('refused-deletes', ['DiUninstallDriver=5'], 5000, ACCESS_DENIED, 'administrator'),
    ('device-install-off', ['disable:DeviceInstall'], 1500, TIMEOUT,
     'enumerated.*DeviceInstall is disabled.*sc.exe config DeviceInstall start= demand'),
    ('net-setup-off', ['disable:NetSetupSvc'], 1500, TIMEOUT,
     'TCP/IP.*NetSetupSvc is disabled.*sc.exe config NetSetupSvc start= demand'),
]

# Done, but a restart is needed: what is done, what says so, the warning, what is there afterwards.
RESTARTS = [
    ('install', ['uninstall', 'DiInstallDriverReboot=1'], 'restart Windows to use the new one', 1),
    ('delete', ['DiUninstallDriverReboot=1'], 'stays loaded until that is closed, or Windows restarted', 0),
    ('remove', ['DiUninstallDeviceReboot=1'], 'goes when Windows is restarted', 1),
    ('delete', ['DiUninstallDeviceReboot=1'], 'goes when Windows is restarted', 0),
]

# What does not stop a creation: a warning at most.
HARMLESS = [
    ('problem-18-passes', ['unnamed', 'Problem=18', 'ProblemMs=700'], ''),
    ('problem-28-passes', ['unnamed', 'Problem=28', 'ProblemMs=700'], ''),
    ('half-made', ['unnamed', 'Problem=28', 'ProblemCloses=1'], 'problem 28.*making it anew'),
    ('no-ipv6', ['NoInterface6=1'], ''),
    ('no-ipv4', ['NoInterface4=1'], ''),
    ('no-device-notification', ['CM_Register_Notification=19'], 'looking at it instead'),
    ('store-not-told', ['uninstall', 'SetupGetInfDriverStoreLocation=5'], 'going by its version'),
    ('store-without-device', ['uninstall', 'DiInstallDriver=259'], ''),
    ('no-ip-notification', ['NotifyIpInterfaceChange=8'], 'looking for them instead'),
]


def run(machine, name, number, timeout, failures):
    text = machine.windows.run(FAILING, name, number, timeout, *failures)
    attempts = {which: (int(error), int(ms)) for which, error, ms in
                re.findall(r'^(failing|again): error (\d+) after (\d+) ms$', text, re.MULTILINE)}
    assert set(attempts) == {'failing', 'again'}, text
    assert attempts['again'][0] == 0, text
    lab.wait(lambda: not machine.namespace.links(), 'no interface is left', 5)
    return attempts['failing'], re.findall(r'^log [12]: (.*)$', text, re.MULTILINE), text


@pytest.mark.parametrize('row', ROWS, ids=[row[0] for row in ROWS])
def test_failure_is_named(shared_machine, row):
    name, failures, timeout, error, says = row
    what = 'delete' if name.endswith('deletes') else name
    (found, ms), messages, text = run(shared_machine, what, ROWS.index(row), timeout, failures)
    assert found == error, text
    assert ms < timeout + 2000, text
    print('%s | %s' % (name, messages[-1] if messages else ''))
    assert 'failing: known 0\n' in text, 'it is forgotten: ' + text
    errors = re.findall(r'^log 2: (.*)$', text, re.MULTILINE)
    assert len(errors) == 1 and re.search(says, errors[0]), 'one error, which says it: ' + text


@pytest.mark.parametrize('row', HARMLESS, ids=[row[0] for row in HARMLESS])
def test_harmless(shared_machine, row):
    name, failures, says = row
    (found, _), messages, text = run(shared_machine, name, 100 + HARMLESS.index(row), 8000, failures)
    assert found == 0, text
    assert not messages if not says else re.search(says, '\n'.join(messages)), text


def test_restart_is_told(machine):
    """TRUE with ERROR_SUCCESS_REBOOT_REQUIRED, and a warning with the remedy; what is there then is what the library says."""
    for what, failures, says, installed in RESTARTS:
        machine.windows.run(FAILING, 'left', 7, 0)  # a device that is remembered
        text = machine.windows.run(FAILING, what, 7 if what != 'remove' else 8, 0, *failures, check=False)
        first = text[:text.find('again:')]
        assert 'failing: error 0 ' in first, text
        left = 1 if what == 'remove' else 0  # the other one
        assert 'restart 1, installed %d, adapters %d' % (installed, left) in first, text
        warnings = re.findall('^log 1: (.*)$', first, re.MULTILINE)
        assert any(says in warning for warning in warnings), text
        print('%s %s | %s' % (what, failures[-1], warnings[-1]))


def test_package_stays_until_replaced(machine):
    """What is not the library's own goes when Windows has taken that, not before; damage is seen by the bytes."""
    store = os.path.join(machine.windows.drive(), 'windows/system32/DriverStore/FileRepository')

    def package():
        folder, = os.listdir(store)
        path = os.path.join(store, folder, 'plaintun.sys')
        with open(path, 'rb') as file:
            return path, file.read()
    machine.windows.run(FAILING, 'install', 0, 0)
    path, good = package()
    os.unlink(path)  # it may be a link to what other Windows have
    with open(path, 'wb') as file:
        file.write(good[:-1] + bytes([good[-1] ^ 1]))
    text = machine.windows.run(FAILING, 'install', 0, 0, 'DiInstallDriver=112')
    assert 'failing: error 112 ' in text and 'again: error 0 ' in text, text
    assert re.search('failing:.*\nrestart 0, installed 1,', text), 'what was there stays: ' + text
    assert package()[1] == good, 'the next attempt replaces it'


def test_open_denied(machine):
    """Whom an adapter's access list does not let in hears that, and what to do."""
    text = machine.windows.run(FAULTS, 'open', 'denied', check=False)
    assert re.search('^faults: .*, 0 wrong$', text, re.MULTILINE), text
    for call in ('CreateFileW', 'DeviceIoControl'):
        assert re.search(call + '.*: error 5: opening the adapter "faults": its access list does not let this program in; '
                         'run it as administrator, or have its creator name the account in AccessList', text), text


# FAULTS_ALL (scripts/soak): all of it, which takes minutes.
@pytest.mark.parametrize('scenario,how', [('create', 'once'), ('driver', 'once')] if not os.environ.get('FAULTS_ALL') else
                         [(scenario, how) for scenario in ('create', 'persistent', 'driver') for how in ('once', 'always')])
def test_each_call_fails(machine, scenario, how):
    """Each call of Windows fails, at each place of the library that makes it: faults.c. Nothing is kept, all is told."""
    text = machine.windows.run(FAULTS, scenario, how, seconds=300, check=False)
    print(text)
    places, of, wrong = map(int, re.search(r'^faults: (\d+) places of (\d+), (\d+) wrong$', text, re.MULTILINE).groups())
    assert places == of > 40 and wrong == 0, [line for line in text.splitlines() if line.startswith('wrong')]
