# SPDX-License-Identifier: MIT
"""A laboratory on one machine: network namespaces, Windows in each (host/wine/run), and programs that talk to us.

Used by the tests in this folder, by bench/run and by nothing else. `enter()` moves the whole process into namespaces of
its own, so that whatever happens nothing is left on the machine: no process, interface, namespace or mount.
Nothing here sleeps for a guessed time: `wait` looks again every few milliseconds until a deadline.
"""
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, 'build')
RUN = os.path.join(ROOT, 'host/wine/run')
LOGS = os.path.join(BUILD, 'logs')
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
LAB = None  # the id that the outer process has outside: names what is on disk


def enter():
    """Runs this program again in namespaces of its own (network, mounts, processes), unless it is there already."""
    global LAB
    LAB = os.environ.pop('PLAIN_LAB', None)
    if LAB:
        become_child()
        subprocess.run(['mount', '-t', 'tmpfs', 'run', '/run'], check=True)
        os.makedirs('/run/netns')
        # As `ip netns add` would do it the first time: now no test sees the mounts change.
        subprocess.run(['mount', '--bind', '/run/netns', '/run/netns'], check=True)
        subprocess.run(['mount', '--make-shared', '/run/netns'], check=True)
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        return
    os.environ['PLAIN_LAB'] = str(os.getpid())
    command = ['unshare', '--net', '--mount', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc',
               sys.executable] + sys.argv
    # The child is the first process of its PID namespace: when it ends, by itself or with us, all in it end.
    child = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: child.send_signal(signal.SIGKILL))
    while True:
        try:
            status = child.wait()
            break
        except KeyboardInterrupt:
            continue  # the terminal sent it to the child too, which tidies up
    clean_prefixes()
    sys.exit(status if status >= 0 else 128 - status)


def become_child():
    """The first process of a PID namespace has to bury orphans: until they are, nested namespaces cannot end."""
    program = os.fork()
    if program == 0:
        LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == program:
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)


def clean_prefixes():
    """Removes the Windows disks that a killed run left behind."""
    folder = os.path.join(BUILD, 'wine/prefix')
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.startswith('lab-%d-' % os.getpid()):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def wait(condition, what, seconds=30.0):
    """Waits until condition() is true and returns its value; fails with `what`, a text or a function, at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError('after %.0f s: still not: %s' % (seconds, what() if callable(what) else what))
        time.sleep(0.005)


class Namespace:
    """A network namespace with a name (`ip netns`)."""

    def __init__(self, name):
        self.name = name
        subprocess.run(['ip', 'netns', 'add', name], check=True)
        self.ip('link', 'set', 'lo', 'up')

    def command(self, *arguments):
        return ['ip', 'netns', 'exec', self.name] + [str(a) for a in arguments]

    def ip(self, *arguments):
        """`ip` in this namespace: its output. Fails with ip's own words."""
        done = subprocess.run(['ip', '-n', self.name] + [str(a) for a in arguments], text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError('ip %s: %s' % (' '.join(map(str, arguments)), done.stderr.strip()))
        return done.stdout

    def run(self, *arguments, seconds=60.0, check=True):
        """Runs a Linux program to its end: its output."""
        done = subprocess.run(self.command(*arguments), text=True, capture_output=True, timeout=seconds)
        if check and done.returncode:
            raise RuntimeError('%s: exit code %d\n%s%s' % (' '.join(map(str, arguments)), done.returncode,
                                                           done.stdout[-2000:], done.stderr[-2000:]))
        return done.stdout

    def start(self, *arguments):
        return Program(self.command(*arguments), os.path.basename(str(arguments[0])))

    @contextlib.contextmanager
    def entered(self):
        """This thread's new sockets belong to the namespace while the context lasts."""
        with open('/proc/thread-self/ns/net') as former, open('/run/netns/' + self.name) as here:
            if LIBC.setns(here.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), 'setns')
            try:
                yield
            finally:
                LIBC.setns(former.fileno(), CLONE_NEWNET)

    def links(self):
        """Interface name -> what `ip -json link` says about it, without lo."""
        rows = json.loads(self.ip('-json', '-statistics', 'link') or '[]')
        return {row['ifname']: row for row in rows if row['ifname'] != 'lo'}

    def link(self, name):
        return self.links().get(name)

    def quiet_link(self, name, seconds=0.5):
        """The same once nothing has passed the interface for so long: the last words of TCP are spoken."""
        last, since = None, time.monotonic()

        def quiet():
            nonlocal last, since
            link = self.link(name)
            passed = [link['stats64'][way]['packets'] for way in ('tx', 'rx')]
            if passed != last:
                last, since = passed, time.monotonic()
            return time.monotonic() - since > seconds and link
        return wait(quiet, name + ' is quiet', 30)

    def remove(self):
        subprocess.run(['ip', 'netns', 'delete', self.name], check=True)


class Program:
    """A running program whose lines we read. `run` is the Linux process that started it."""

    def __init__(self, command, name, environment=None):
        self.name = name
        self.lines = []
        self.read = 0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment)
        self.changed = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode(errors='replace').rstrip('\r\n'))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def text(self):
        return '\n'.join(self.lines)

    def line(self, seconds=30.0):
        """The next line."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.read < len(self.lines) or self.ended, seconds):
                raise TimeoutError('%s: no line within %.0f s; so far:\n%s' % (self.name, seconds, self.text()))
            if self.read >= len(self.lines):
                raise RuntimeError('%s ended with exit code %s; it said:\n%s' %
                                   (self.name, self.process.wait(5), self.text()))
            self.read += 1
            return self.lines[self.read - 1]

    def expect(self, pattern, seconds=30.0):
        """Reads lines until one matches the regular expression: the match."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.line(max(0.01, deadline - time.monotonic())))
            if match:
                return match

    def say(self, line):
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()

    def wait(self, seconds=30.0):
        """Waits for its end: the exit code."""
        code = self.process.wait(seconds)
        self.reader.join(seconds)
        return code

    def quit(self, seconds=30.0):
        """Says "quit" (the examples' and peer's word for it) and waits for the end."""
        with contextlib.suppress(OSError):
            self.say('quit')
        return self.wait(seconds)

    def stop(self):
        """Ends it in any case."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(5)


class Windows:
    """A pristine Windows whose adapters appear in a namespace."""
    counter = 0

    def __init__(self, namespace):
        Windows.counter += 1
        self.namespace = namespace
        self.name = 'lab-%s-%d' % (LAB, Windows.counter)
        self.log = os.path.join(LOGS, 'ndis-%s.log' % self.name)
        os.makedirs(LOGS, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log)
        self.programs = []
        self._run('--start')

    def environment(self):
        return dict({'HOST_NDIS_TRIAL': '1'}, **os.environ, HOST_NDIS_LOG=self.log)

    def _run(self, action):
        done = subprocess.run(self.namespace.command(RUN, '--prefix', self.name, action), env=self.environment(),
                              stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=120)
        if done.returncode:
            raise RuntimeError('host/wine/run %s: %s' % (action, done.stderr[-2000:]))
        return done.stdout.strip()

    def start(self, program, *arguments):
        """Starts build/amd64/<program>, a Linux path or a Windows path."""
        path = program if os.path.isabs(program) or '\\' in program else os.path.join(BUILD, 'amd64', program)
        command = self.namespace.command(RUN, '--prefix', self.name, path, *arguments)
        started = Program(command, os.path.basename(program), self.environment())
        self.programs.append(started)
        return started

    def run(self, program, *arguments, seconds=60.0, check=True):
        """Runs a Windows program to its end: its output."""
        started = self.start(program, *arguments)
        code = started.wait(seconds)
        if check and code:
            raise RuntimeError('%s: exit code %d\n%s' % (program, code, started.text()))
        return started.text()

    def drive(self):
        return self._run('--where')

    def violations(self):
        """The lines of the host's log that name a broken NDIS rule."""
        with contextlib.suppress(FileNotFoundError), open(self.log, errors='replace') as log:
            return [line.rstrip() for line in log if 'rule' in line.lower()]
        return []

    def passed(self, interface):
        """What the host says passed through an interface, once its adapter is gone: `linux: NAME: ...` of its log."""
        pattern = (r'linux: %s: to miniport (\d+) packets (\d+) bytes \((\d+) segments of (\d+) super-packets; (\d+) '
                   r'whole for (\d+)\), refused \d+, dropped (\d+); from miniport (\d+) packets (\d+) bytes '
                   r'\((\d+) segments in (\d+) super-packets; (\d+) whole for (\d+)\), dropped (\d+) ' % re.escape(interface))

        def found():
            with open(self.log, errors='replace') as log:
                return re.findall(pattern, log.read())
        numbers = [int(number) for number in wait(found, 'the host counts what passed ' + interface)[-1]]
        names = ('packets', 'bytes', 'segments', 'supers', 'whole', 'parts', 'dropped')
        return {'to': dict(zip(names, numbers[:7])), 'from': dict(zip(names, numbers[7:]))}

    def remove(self):
        for program in self.programs:
            program.stop()
        self._run('--remove')


def without_x86():
    """Why this machine runs no 32-bit programs (scripts/wine32); nothing where it does."""
    with contextlib.suppress(FileNotFoundError), open(os.path.join(BUILD, 'wine32/none')) as file:
        return file.read()
    return ''


def processes(word):
    """The Linux process ids whose command line has the word as one of its arguments."""
    found = []
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            with contextlib.suppress(OSError), open('/proc/%s/cmdline' % entry, 'rb') as file:
                if word.encode() in file.read().split(b'\0'):
                    found.append(int(entry))
    return found


def wine_processes(windows):
    """What still runs of a Windows: id -> command name, by the prefix in their environment."""
    found = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit() and int(entry) != os.getpid():
            with contextlib.suppress(OSError), open('/proc/%s/environ' % entry, 'rb') as file:
                if ('/prefix/%s/' % windows.name).encode() in file.read():
                    with open('/proc/%s/comm' % entry) as name:
                        found[int(entry)] = name.read().strip()
    return found


def calls(pid):
    """What a process has read and written so far: in Wine two for each request to wineserver, however busy the machine is."""
    with open('/proc/%d/io' % pid) as text:
        return sum(int(line.split()[1]) for line in text if line.startswith(('syscr', 'syscw')))
