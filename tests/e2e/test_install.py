# SPDX-License-Identifier: MIT
"""Installing, upgrading, refusing and removing the driver: acme.identity in its version, and in a newer one. Their drivers
are two builds, and Wine runs the one that it should. What a test leaves in its Windows is compared with what was there."""
import os
import re
import time

import pytest

import lab
import remains
from conftest import TRAFFIC, Machine, Peer, left_as_found, machine_state

BUILDS = os.path.join(lab.BUILD, 'identities')
OLD, NEW, OTHER = (os.path.join(BUILDS, name, 'e2e/peer.exe') for name in ('acme', 'newer', 'other'))
OLD_VERSION, NEW_VERSION = (3 << 48) | (2 << 32) | (1 << 16), (3 << 48) | (3 << 32)
IPCALLS = os.path.join(lab.BUILD, 'tests/ipcalls.exe')
ERROR_BUSY, ERROR_REVISION_MISMATCH, ERROR_FILE_CORRUPT, ERROR_PRODUCT_VERSION = 170, 1306, 1392, 1638


@pytest.fixture(scope='module')
def windows():
    """One Windows for all tests here; each leaves it without a driver."""
    before = machine_state()
    machine = Machine()
    yield machine
    machine.remove()
    left_as_found(before)


@pytest.fixture
def start(windows):
    """Starts a peer of one of the builds; at the end of the test they go, the driver with them."""
    peers = []

    def start_peer(program):
        peers.append(Peer(windows.windows, 'install-%d-%d' % (id(peers), len(peers)), program))
        return peers[-1]
    yield start_peer
    for peer in peers:
        peer.quit()
    last = Peer(windows.windows, 'install-last-%d' % id(peers), NEW)
    last('delete-driver')
    last.quit()


def versions(peer):
    return peer('driver-info')


def flow(machine, address, packets):
    return machine.namespace.start(TRAFFIC, 'echo', address, 576, packets, 1)


def test_nothing_is_left(windows):
    """Install, use, remove: the files, the registry and the Linux side are what they were."""
    warm = Peer(windows.windows, 'warm', OLD)  # what the first program in a Windows leaves is not the driver's
    warm('driver-info')
    warm.quit()
    remains.snapshot(windows.windows)
    before = remains.snapshot(windows.windows)
    peer = Peer(windows.windows, 'all', OLD)
    assert versions(peer) == {'library': OLD_VERSION, 'installed': 0, 'loaded': 0}
    assert peer('install-driver') == {'restart': 0}
    assert versions(peer) == {'library': OLD_VERSION, 'installed': OLD_VERSION, 'loaded': 0}
    index = peer('create 0 1500 one')['index']
    windows.ready(index)
    calls = windows.windows.start(IPCALLS)
    for family in (2, 23):  # AF_INET, AF_INET6: what a program sets goes with the adapter's device
        calls.say('set %d %d metric 3' % (family, index))
        calls.expect('^done 0$')
    assert calls.quit() == 0
    peer('create 1 1500 two')
    peer('start 0 131072')
    assert versions(peer)['loaded'] == OLD_VERSION
    peer.fails('delete-driver', ERROR_BUSY)
    assert re.search(r'the adapter "(one|two)" is in use by process \d+ \(peer.exe\)', peer.message()), peer.message()
    peer('end 0')
    peer('close 0')
    peer('close 1')
    peer('delete-driver')
    assert versions(peer) == {'library': OLD_VERSION, 'installed': 0, 'loaded': 0}
    peer.quit()
    different = remains.differences(before, remains.snapshot(windows.windows))
    assert not different, different[:40]


def test_reuse_and_repair(windows, start):
    """The same version is used again; a damaged one is told from it by its bytes, and replaced."""
    peer = start(OLD)
    peer('install-driver')
    repository = os.path.join(windows.windows.drive(), 'windows/system32/DriverStore/FileRepository')
    folder, = os.listdir(repository)
    driver = os.path.join(repository, folder, 'acme.sys')
    with open(driver, 'rb') as file:
        good = file.read()
    stamp = os.stat(driver).st_mtime_ns
    peer('install-driver')
    assert os.stat(driver).st_mtime_ns == stamp, 'nothing is written again'
    os.unlink(driver)
    with open(driver, 'wb') as file:
        file.write(good[:-1] + bytes([good[-1] ^ 1]))
    peer('install-driver')
    folder, = os.listdir(repository)
    with open(os.path.join(repository, folder, 'acme.sys'), 'rb') as file:
        assert file.read() == good
    assert versions(peer)['installed'] == OLD_VERSION


def test_upgrade_and_downgrade(windows, start):
    """A newer version takes over while adapters are there, another program's too; an older one is refused by name."""
    old, new = start(OLD), start(NEW)
    old('create 0 1500 held')
    old('create 1 1500 idle')
    assert versions(new) == {'library': NEW_VERSION, 'installed': OLD_VERSION, 'loaded': OLD_VERSION}

    # In use: nothing happens, and whose session it is stands in the message.
    old('start 0 4194304')
    old('work 0 echo')
    windows.up(windows.ready(old('info 0')['index']), '10.42.0.1/24')
    started = flow(windows, '10.42.0.2', 20000)
    new.fails('install-driver', ERROR_BUSY)
    for word in ('3.3.0', '3.2.1', '"held"', 'peer.exe', 'process'):
        assert word in new.message(), new.message()
    assert started.wait(60) == 0 and '"lost": 0' in started.text(), started.text()
    assert versions(new)['loaded'] == OLD_VERSION

    # Idle: the adapters come back with the new driver, and their creator goes on with them.
    old('stop 0')
    old('end 0')
    assert new('install-driver') == {'restart': 0}
    assert versions(new) == {'library': NEW_VERSION, 'installed': NEW_VERSION, 'loaded': NEW_VERSION}
    assert old('info 0')['version'] == old('info 1')['version'] == NEW_VERSION >> 32
    old('start 0 4194304')
    old('work 0 echo')
    windows.up(windows.ready(old('info 0')['index']), '10.42.0.1/24')
    started = flow(windows, '10.42.0.2', 20000)
    assert started.wait(60) == 0 and '"lost": 0' in started.text(), started.text()
    repository = os.path.join(windows.windows.drive(), 'windows/system32/DriverStore/FileRepository')
    assert len(os.listdir(repository)) == 1, 'the old package has gone'

    # Back: refused, with both versions.
    old.fails('install-driver', ERROR_PRODUCT_VERSION)
    assert '3.2.1' in old.message() and '3.3.0' in old.message(), old.message()
    old('create 2 1500 later')
    assert old('info 2')['version'] == NEW_VERSION >> 32, 'an adapter uses the newer driver'
    said = windows.windows.run(os.path.join(BUILDS, 'acme/amd64/acme.exe'), 'doctor')
    assert re.search(r'^note +driver +3\.3\.0 is installed, newer than this library, 3\.2\.1', said, re.MULTILINE), said


def test_two_at_once(windows, start):
    """Four programs install and create at once; then a fifth that holds nothing up when it is killed at it."""
    peers = [start(OLD) for _ in range(4)]
    for peer in peers:
        peer.program.say('install-driver')
    for peer in peers:
        assert peer.program.expect(r'^(ok|error).*', 60).group(0) == 'ok restart=0'
    peers[0]('delete-driver')
    for slot, peer in enumerate(peers):
        peer.program.say('create 0 1500 together%d' % slot)
    for peer in peers:
        peer.program.expect(r'^ok luid', 60)
    for peer in peers:
        peer('close 0')
    peers[0]('delete-driver')
    victim = start(OLD)
    victim.program.say('install-driver')
    os.kill(victim.process(), 9)
    victim.quit = lambda: victim.program.stop()
    peers[1]('install-driver')
    assert versions(peers[1])['installed'] == OLD_VERSION


def test_deleted_meanwhile(windows, start):
    """A program that has used the driver does not take it for granted: another one may have removed it."""
    a, b = start(OLD), start(OLD)
    a('create 0 1500 before')
    a('close 0')
    b('delete-driver')
    begin = time.monotonic()
    a('create 0 1500 after')
    assert time.monotonic() - begin < 5


# It takes a minute: in `make soak` only. A test that is skipped would count as failed.
if os.environ.get('INSTALL_SLOW'):
    def test_slow_installation(windows, start):
        """Windows takes more than 30 s to install: both the program that does it and the one that waits get their adapter."""
        a, b = start(OLD), start(OLD)
        windows.windows.run(remains.REG, 'add', 'HKLM\\Software\\HostFailures', '/v', 'DiInstallDriverMs', '/t', 'REG_DWORD',
                            '/d', '35000', '/f')
        begin = time.monotonic()
        try:
            for peer in (a, b):
                peer.program.say('create 0 1500 slow%s' % id(peer))
            for peer in (a, b):
                peer.program.expect(r'^ok luid', 70)
            assert time.monotonic() - begin > 35
        finally:
            windows.windows.run(remains.REG, 'delete', 'HKLM\\Software\\HostFailures', '/f')


def test_mismatch(windows, start):
    """A library of another protocol names both versions and says what to do."""
    old, other = start(OLD), start(OTHER)
    old('create 0 1500 mine')
    for command in ('open 0 mine', 'create 0 1500 yours'):
        other.fails(command, ERROR_REVISION_MISMATCH)
        for word in ('3.2', 'protocol 3', '3.2.1', 'protocol 99', 'install'):
            assert word in other.message(), other.message()
    assert other('version')['version'] == OLD_VERSION >> 32, 'the version is told across protocols'
