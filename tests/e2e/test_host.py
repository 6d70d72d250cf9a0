# SPDX-License-Identifier: MIT
"""host/wine's user-mode half by itself: software devices, the driver store, IP Helper, and host/wine/run.

Driven by devices.exe and iphelper.exe, which know nothing of plaintun; its driver is only the one that is installed.
"""
import concurrent.futures
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

import lab

DEVICES = os.path.join(lab.BUILD, 'tests/devices.exe')
IPHELPER = os.path.join(lab.BUILD, 'tests/iphelper.exe')
NET_CLASS = '{cac88484-7515-4c03-82e6-71a87abac361}'  # GUID_DEVINTERFACE_NET
STARTED = 0x8
PROBLEM = 0x400
FAILED_INSTALL = 28
ENDINGS = int(os.environ.get('HOST_ENDINGS', 6))  # scripts/soak has more
SEED = int(os.environ.get('HOST_SEED', random.randrange(1000000)))


def windows_path(path):
    return 'Z:' + path.replace('/', '\\')


@pytest.fixture
def package(tmp_path):
    """A driver package: its INF."""
    shutil.copy(os.path.join(lab.BUILD, 'identity/amd64/plaintun.inf'), tmp_path)
    shutil.copy(os.path.join(lab.BUILD, 'amd64/plaintun.sys'), tmp_path)
    return os.path.join(tmp_path, 'plaintun.inf')


@pytest.fixture
def windows(machine, package):
    """A Windows with the driver in its store."""
    text = machine.windows.run(DEVICES, 'install', windows_path(package))
    assert text.startswith('install 1 '), text
    return machine.windows


def create(windows, prefix, count=1, hardware='plaintun'):
    program = windows.start(DEVICES, 'create', prefix, count, hardware)
    program.expect('^ready$', 60)
    return program


def said(program, pattern):
    """Waits until a line, earlier or later, matches."""
    lab.wait(lambda: re.search(pattern, program.text(), re.MULTILINE), 'the line ' + pattern, 10)


def started(program):
    """Instance ID -> (status, problem, milliseconds) of what a program created."""
    found = re.findall(r'^started (\S+) (\w+) (\d+) (\d+) ms$', program.text(), re.MULTILINE)
    return {name: (int(status, 16), int(problem), int(ms)) for name, status, problem, ms in found}


def gone(machine):
    lab.wait(lambda: not machine.namespace.links(), 'no interface left', 10)


def test_root(windows):
    """The root of all devices, by no name, an empty one, and its own."""
    text = windows.run(DEVICES, 'root')
    assert re.findall(r'^root .*$', text, re.MULTILINE) == ['root 0 0 HTREE\\ROOT\\0 0 1 0'] * 4, text


def test_create(machine, windows):
    """Callback on another thread, enumeration, start, interface, notifications, removal with the handle."""
    program = create(windows, 'a')
    assert re.search(r'^create 00000000$', program.text(), re.MULTILINE)
    assert re.search(r'^callback 00000000 SWD\\Test\\a0 other thread', program.text(), re.MULTILINE), program.text()
    status, problem, _ = started(program)['SWD\\Test\\a0']
    assert status & STARTED and not status & PROBLEM and problem == 0
    assert len(machine.namespace.links()) == 1
    said(program, r'^notify 7 SWD\\Test\\a0$')
    said(program, r'^notify 0 .*#a0#')
    program.say('interfaces ' + NET_CLASS)
    program.expect(r'^interface \\\\\?\\swd#test#a0#%s' % re.escape(NET_CLASS), 5)
    program.say('close 0')
    said(program, r'^notify 9 SWD\\Test\\a0$')
    said(program, r'^notify 1 .*#a0#')
    gone(machine)
    program.quit()


def test_half_made(machine, windows):
    """What a program that died left half made is in nobody's way."""
    assert windows.run(DEVICES, 'half', 'SWD\\Test\\half0').startswith('half 1')
    program = create(windows, 'half')
    assert re.search(r'^create 00000000$', program.text(), re.MULTILINE), program.text()
    assert 'SWD\\Test\\half0' in started(program), program.text()
    program.quit()
    gone(machine)


def test_again(machine, windows):
    """The same name again and again, each time as the last one is still going."""
    program = create(windows, 'a')
    program.say('again 0 20')
    match = program.expect(r'^again (\d+) of (\d+)', 60)
    assert match.group(1) == match.group(2) == '20'
    program.quit()
    gone(machine)


def test_twenty_at_once(machine, windows):
    program = create(windows, 'm', 20)
    states = started(program)
    assert len(states) == 20
    assert all(status & STARTED and not problem for status, problem, _ in states.values()), states
    assert len(machine.namespace.links()) == 20
    program.quit()
    gone(machine)


def test_creator_killed(machine, windows):
    """The device goes with its creator, however that ends."""
    for _ in range(5):
        program = create(windows, 'k')
        assert len(machine.namespace.links()) == 1
        pid = next(pid for pid in lab.processes('k')
                   if open('/proc/%d/comm' % pid).read().strip().startswith('devices'))
        os.kill(pid, signal.SIGKILL)
        gone(machine)
        program.wait(10)


def test_second_handle(windows):
    """Only one handle can be open for a device."""
    first = create(windows, 's')
    second = create(windows, 's')
    assert re.search(r'^create 800700b7$', second.text(), re.MULTILINE), second.text()
    second.quit()
    first.say('status 0')
    assert int(first.expect(r'^status 0 (\w+) 0$', 5).group(1), 16) & STARTED
    first.quit()


def test_persistent(machine, windows):
    """SWDeviceLifetimeParentPresent: it outlives its handle, and can be had again."""
    program = create(windows, 'p')
    program.say('persist 0')
    program.expect('^lifetime 00000000$', 5)
    program.quit()
    time.sleep(0.5)  # nothing is to happen
    assert len(machine.namespace.links()) == 1
    program = create(windows, 'p')
    assert re.search(r'^callback 00000000 SWD\\Test\\p0', program.text(), re.MULTILINE), program.text()
    program.say('transient 0')
    program.expect('^lifetime 00000000$', 5)
    program.quit()
    gone(machine)


def test_without_driver(machine):
    """A device for which there is no driver is there, and has a problem."""
    program = create(machine.windows, 'n', hardware='nosuch')
    status, problem, _ = started(program)['SWD\\Test\\n0']
    assert status & PROBLEM and not status & STARTED and problem == FAILED_INSTALL
    program.quit()


def test_store(machine, package):
    """Install twice, uninstall, install again; a package with a file missing is refused."""
    windows = machine.windows
    drive = windows.drive()
    repository = os.path.join(drive, 'windows/system32/DriverStore/FileRepository')
    inf = windows_path(package)

    def oem():
        return sorted(name for name in os.listdir(os.path.join(drive, 'windows/inf')) if name.startswith('oem'))
    for _ in range(2):
        assert windows.run(DEVICES, 'install', inf).startswith('install 1 0 0 ')
        assert oem() == ['oem0.inf']
        assert len(os.listdir(repository)) == 1
    folder = os.path.join(repository, os.listdir(repository)[0])
    assert sorted(os.listdir(folder)) == ['plaintun.inf', 'plaintun.sys']
    assert windows.run(DEVICES, 'uninstall', inf).startswith('uninstall 1 0 ')
    assert oem() == [] and os.listdir(repository) == []
    assert windows.run(DEVICES, 'uninstall', inf, check=False).startswith('uninstall 0 2 ')
    program = create(windows, 'u')
    assert started(program)['SWD\\Test\\u0'][1] == FAILED_INSTALL
    program.quit()
    assert windows.run(DEVICES, 'install', inf).startswith('install 1 0 ')
    program = create(windows, 'u')
    assert started(program)['SWD\\Test\\u0'][0] & STARTED
    program.quit()
    os.unlink(os.path.join(os.path.dirname(package), 'plaintun.sys'))
    with open(package, 'a') as text:
        text.write('; another package\n')
    assert windows.run(DEVICES, 'install', inf, check=False).startswith('install 0 2 ')
    assert windows.run(DEVICES, 'install', 'C:\\nosuch.inf', check=False).startswith('install 0 2 ')
    gone(machine)


def test_ip_helper(machine, windows):
    """A program's addresses, routes, metrics and news on its own adapter, and every documented error."""
    program = create(windows, 'h')
    (link,) = machine.namespace.links().values()
    guid = link['ifalias']
    assert re.fullmatch(r'\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}', guid)
    text = windows.run(IPHELPER, guid, check=False)
    assert re.search(r'^\d{3} checks, 0 failed$', text, re.MULTILINE), text
    assert '10.77.0.2/16' in machine.namespace.ip('addr', 'show', 'dev', link['ifname'])
    program.quit()
    gone(machine)


# --- host/wine/run --------------------------------------------------------------------------------------------------

def run(*arguments, **options):
    return subprocess.run([lab.RUN] + list(arguments), text=True, capture_output=True, timeout=60, **options)


def left():
    """Folders of nameless prefixes; other runs' ones do not count."""
    folder = os.path.join(lab.BUILD, 'wine/prefix')
    return {name for name in os.listdir(folder) if name.startswith('.')}


def test_run_is_a_pipe():
    """Standard input, output, exit code; nothing left."""
    before = left()
    done = run('cmd', '/c', 'findstr a & exit 7', input='bar\n')
    assert (done.returncode, done.stderr) == (7, '')
    assert left() <= before


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_run_is_ended(number):
    """However it is ended, all its processes end."""
    word = 'ended%d' % number
    process = subprocess.Popen([lab.RUN, 'cmd', '/c', 'echo here & pause & rem ' + word], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline().startswith(b'here')
    folder = os.path.realpath('/proc/%d/fd/8' % process.pid)
    process.send_signal(number)
    process.wait(15)
    lab.wait(lambda: not [pid for pid in lab.processes('--inside') if folder.rsplit('/', 1)[0] in
                          open('/proc/%d/cmdline' % pid).read()], 'its Windows is gone', 10)
    process.stdin.close()
    process.stdout.close()


def end_group(number):
    """Starts a run in a process group of its own, and ends the group at some moment of its program's: the seconds that took."""
    chance = random.Random(SEED * 1000 + number)
    process = subprocess.Popen([lab.RUN, 'cmd', '/c', 'echo here & pause'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    assert process.stdout.readline().startswith(b'here')
    time.sleep(chance.random())
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(60)
    process.stdin.close()
    process.stdout.close()
    return time.monotonic() - begin


def test_group_is_ended():
    """SIGTERM to the whole group, as shells and service managers send it: every run ends, and so do the Windows."""
    before = left()
    stale = os.path.join(lab.BUILD, 'wine/prefix/.killed')  # as kill -9 leaves one: the first that comes tidies up
    os.makedirs(stale, exist_ok=True)
    os.utime(stale, (0, 0))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:  # more than there are processors: a load to each other
        times = sorted(pool.map(end_group, range(ENDINGS)))
    print('%d runs were ended: worst %.1f s; seed %d' % (ENDINGS, times[-1], SEED))
    lab.wait(lambda: not [pid for pid in lab.processes('--inside')
                          if '/prefix/.' in open('/proc/%d/cmdline' % pid).read()], 'their Windows are gone')
    assert left() <= before
