# SPDX-License-Identifier: MIT
"""plaintun.exe: every command, its JSON, its errors and exit codes, under Wine against Linux's network stack."""
import concurrent.futures
import glob
import json
import os
import re
import signal
import struct
import subprocess
import time

import pytest

import lab

TOOL = 'plaintun.exe'
EXE = os.path.join(lab.BUILD, 'amd64', TOOL)
OK, FAILED, USAGE, NOT_FOUND, IN_USE, ACCESS, TIME = range(7)


class Tool:
    """Runs the tool in one Windows."""

    def __init__(self, machine):
        self.machine = machine
        self.started = []

    def run(self, *arguments, code=OK, seconds=60):
        """Runs a command to its end: standard output (bytes) and standard error without progress (text)."""
        windows = self.machine.windows
        done = subprocess.run(self.machine.namespace.command(lab.RUN, '--prefix', windows.name, EXE, *arguments),
                              env=windows.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
        assert done.returncode == code, '%s: exit code %d\n%s\n%s' % (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout, re.sub(r'^plaintun: .* \(\d+ s\)\n', '', done.stderr.decode(), flags=re.MULTILINE)

    def __call__(self, *arguments, **options):
        out, error = self.run(*arguments, **options)
        return out.decode() + error

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, '--json', **options)[0])

    def start(self, *arguments):
        self.started.append(self.machine.windows.start(TOOL, *arguments))
        return self.started[-1]

    def interrupt(self, program, word):
        """Presses Ctrl-C in the program whose command line has the word: its exit code."""
        pid = next(p for p in lab.processes(word) if open('/proc/%d/comm' % p).read().startswith('plaintun'))
        os.kill(pid, signal.SIGINT)
        return program.wait()


@pytest.fixture
def tool(shared_machine):
    """What a test leaves running when it fails is not in the next one's way."""
    tool = Tool(shared_machine)
    yield tool
    left = [program for program in tool.started if program.process.poll() is None]
    for program in left:
        program.stop()
    if left:
        lab.wait(lambda: not tool.machine.namespace.links(), 'the interfaces are gone')
        for adapter in tool.json('list'):
            tool('remove', adapter['guid'])


def test_help(tool):
    """Each command that the list names has a help with an example of itself."""
    text = tool('help')
    commands = re.findall(r'^  (\w+) +\S', text, re.MULTILINE)
    assert {'install', 'uninstall', 'list', 'create', 'remove', 'rename', 'show', 'watch', 'capture', 'ping', 'bench',
            'selftest', 'doctor'} == set(commands), text
    for name in commands:
        assert re.search(r'^  plaintun %s\b' % name, tool('help', name), re.MULTILINE), name
    assert tool('create', '--help') == tool('help', 'create')
    assert re.search(r'^  3 ', tool('help', 'exit'), re.MULTILINE)
    version = re.search(r'^VERSION *= *(\S+)', open(os.path.join(lab.ROOT, 'package/plaintun.identity')).read(), re.M)[1]
    assert tool('--version').split() == ['tool', version, 'library', version, 'driver', 'installed:', 'none,', 'loaded:',
                                         'none']
    tool(code=USAGE)


def findings(tool, code=OK):
    """doctor's findings: (verdict, subject, text)."""
    report = tool.json('doctor', code=code)
    found = [(each['verdict'], each['subject'], each['text']) for each in report['findings']]
    assert report['faults'] == [verdict for verdict, _, _ in found].count('fault') == (code == FAILED)
    return found


def test_install_doctor(tool):
    """The driver comes and goes; doctor sees it, a service that is disabled and an adapter that is left over."""
    assert ('good', 'adapters', 'there are none') in findings(tool)
    assert tool.json('uninstall') == {'installed': None, 'loaded': None, 'restart': False}
    installed = tool.json('install')
    assert re.fullmatch(r'\d+\.\d+\.\d+', installed['installed']) and installed['loaded'] is None
    assert tool('install') == 'Driver installed: %s, loaded: none\n' % installed['installed']
    assert ('good', 'driver', '%s is installed, loaded: none' % installed['installed']) in findings(tool)

    hold = tool.start('create', 'doctored', '--hold', '--guid', '{D0C70000-1234-4567-89AB-0123456789AB}')
    hold.expect('stays until Ctrl-C')
    assert 'doctored' in tool('uninstall', code=IN_USE)
    found = findings(tool)
    assert ('good', 'adapter', 'doctored is ready') in found
    assert ('good', 'driver', '%s is installed, loaded: %s' % (2 * (installed['installed'],))) in found
    assert tool.interrupt(hold, 'create') == OK
    sc = 'C:\\windows\\system32\\sc.exe'
    tool.machine.windows.run(sc, 'create', 'DeviceInstall', 'binPath=', 'C:\\none.exe', 'start=', 'disabled')
    found = findings(tool, FAILED)
    tool.machine.windows.run(sc, 'delete', 'DeviceInstall')
    assert ('fault', 'service', 'DeviceInstall (installs devices) is disabled: run  sc.exe config DeviceInstall start= demand'
            ) in found
    left = next(text for verdict, subject, text in found if (verdict, subject) == ('note', 'adapter'))
    tool(*re.search(r'^doctored is left over.* plaintun (remove [-0-9A-F]{36})$', left)[1].split())
    assert tool.json('uninstall')['installed'] is None
    assert re.search(r'^good +adapters +there are none\nnote +creation +not tried.*\n\nNo fault was found\.$', tool('doctor'), re.MULTILINE)


def test_doctor_tries(machine):
    """What keeps adapters from being made, and no look finds, is found by making one: a driver that does not start."""
    tool = Tool(machine)
    assert 'because that would install the driver' in dict((found[1:] for found in findings(tool)))['creation']
    tool('install')
    assert findings(tool)[-1] == ('good', 'creation', 'an adapter was made, and taken away again')
    assert tool.json('list') == []
    machine.windows.run('C:\\windows\\system32\\reg.exe', 'add', 'HKLM\\Software\\HostFailures', '/v', 'Problem', '/t', 'REG_DWORD',
                        '/d', '31', '/f')
    verdict, subject, text = findings(tool, FAILED)[-1]
    assert (verdict, subject) == ('fault', 'creation') and 'problem 31' in text, text
    assert tool.json('list') == []


@pytest.mark.parametrize('words, code, line', [
    (['fly'], USAGE, 'there is no command fly; plaintun help lists them'),
    (['help', 'fly'], USAGE, 'there is no command fly; plaintun help lists them'),
    (['create'], USAGE, 'create needs NAME; see plaintun help create'),
    (['create', 'a', 'b'], USAGE, 'create: what is b\\? See plaintun help create'),
    (['create', 'a', '--speed', '3'], USAGE, 'create: there is no option --speed; see plaintun help create'),
    (['create', 'a', '--mtu'], USAGE, 'create: --mtu needs BYTES behind it'),
    (['create', 'a', '--mtu', '70000'], USAGE, '--mtu 70000: expected a number from 1280 to 65535'),
    (['create', 'a', '--mtu', '15OO'], USAGE, '--mtu 15OO: expected a number from 1280 to 65535'),
    (['create', 'a', '--guid', '{1-2}'], USAGE, '--guid {1-2}: expected one like .*'),
    (['ping', 'a', '--address', '10.0.0.1'], USAGE, '--address 10.0.0.1: expected one like .*'),
    (['ping', 'a', '--address', 'fd00::1/129'], USAGE, '--address fd00::1/129: expected one like .*'),
    (['show', 'nobody'], NOT_FOUND, 'there is no adapter nobody; plaintun list names those that exist'),
    (['watch', 'nobody'], NOT_FOUND, 'there is no adapter nobody; plaintun list names those that exist'),
])
def test_errors(tool, words, code, line):
    """One line, with the remedy."""
    assert re.fullmatch('plaintun: ' + line, tool(*words, code=code).rstrip())


def test_create_show_watch(tool):
    guid = '{C0FFEE00-1234-4567-89AB-0123456789AB}'
    create = tool.start('create', 'Tool Müller', '--hold', '--guid', guid, '--mtu', '1400', '--address', '10.40.0.1/24',
                        '--address', 'fd00:40::1/64', '--json')
    made = json.loads(create.expect('^{').string)
    assert (made['name'], made['guid'], made['mtu']) == ('Tool Müller', guid, 1400)
    create.expect('stays until Ctrl-C')
    device = tool.machine.ready(made['index'])
    text = tool.machine.namespace.ip('addr', 'show', 'dev', device)
    assert '10.40.0.1/24' in text and 'fd00:40::1/64' in text and 'mtu 1400' in text
    shown = tool.json('show', 'Tool Müller')
    assert (shown['guid'], shown['index'], shown['state']) == (guid, made['index'], 'ready')
    assert shown['session']['to_app_packets'] == 0
    assert re.search(r'program to system: packets +0 +0', tool('show', 'Tool Müller'))
    assert tool.json('show', guid) == shown
    assert re.match('plaintun: creating the adapter "Tool Müller": .*', tool('create', 'Tool Müller', code=IN_USE))
    assert 'Tool Müller' in tool('remove', 'Tool Müller', code=IN_USE)

    watch = tool.start('watch', 'Tool Müller')
    watch.expect('packets/s')
    watch.expect(r'^ *\d+ +\d+\.\d+ +\d+ +\d+\.\d+ +\d+$')
    assert tool.interrupt(watch, 'watch') == OK
    watch = tool.start('watch', 'Tool Müller')
    watch.expect('packets/s')
    assert tool.interrupt(create, 'create') == OK
    watch.expect('plaintun: .*the adapter is gone')
    assert watch.wait() == FAILED
    assert device not in tool.machine.namespace.links()
    left, = tool.json('list')  # who gives a GUID will come back: Windows keeps what it knows of that adapter
    assert (left['name'], left['state'], left['index']) == ('Tool Müller', 'absent', 0)
    tool('remove', 'Tool Müller')


def test_persistent(tool):
    """create, list, rename, remove: an adapter that stays, and its metric."""
    assert tool('list').strip() == 'There are no adapters.' and tool.json('list') == []
    made = tool.json('create', 'stays', '--address', '10.42.0.1/24', '--metric', '7')
    assert made['persistent'] and made['name'] == 'stays'
    again = tool.json('create', 'stays', '--guid', made['guid'], '--metric', '7')
    assert again['index'] == made['index']
    listed, = tool.json('list')
    assert (listed['name'], listed['guid'], listed['state'], listed['problem']) == ('stays', made['guid'], 'ready', 0)
    assert listed['persistent'] and listed['index'] == made['index'] and listed['creator_process'] == 0
    tool('rename', 'STAYS', 'stays on')
    assert re.search(r'^stays on +ready +%d +1500 +persists +0 +{' % made['index'], tool('list'), re.MULTILINE)
    tool('rename', 'stays', 'x', code=NOT_FOUND)
    tool('remove', 'stays', code=NOT_FOUND)
    tool('remove', made['guid'])
    assert tool.json('list') == []
    tool('remove', made['guid'], code=NOT_FOUND)
    # What cannot be finished leaves nothing; what was there before stays.
    assert 'cannot set the address 0.0.0.0/24' in tool('create', 'half', '--address', '0.0.0.0/24', code=USAGE)
    assert tool.json('list') == []
    made = tool.json('create', 'whole')
    tool('create', 'whole', '--guid', made['guid'], '--address', '0.0.0.0/24', code=USAGE)
    assert [each['name'] for each in tool.json('list')] == ['whole']
    tool('remove', 'whole')


def test_ping(tool):
    ping = tool.start('ping', '--json')
    device = lab.wait(lambda: next(iter(tool.machine.namespace.links()), None), 'an interface')
    lab.wait(lambda: 'inet6 2001:2' in tool.machine.namespace.ip('addr', 'show', 'dev', device), 'its addresses')
    for address in ('198.18.113.2', '2001:2:0:113::2'):
        text = tool.machine.namespace.run('ping', '-n', '-c', '5', '-i', '0.01', '-W', '5', address)
        assert '5 packets transmitted, 5 received' in text, text + tool('show', 'plaintun ping')
    watch = tool.start('watch', 'plaintun ping', '--seconds', '2', '--json')
    tool.machine.namespace.run('ping', '-n', '-c', '100', '-i', '0.02', '-W', '5', '198.18.113.2')
    assert watch.wait() == OK
    rates = [json.loads(line) for line in watch.lines]
    assert len(rates) == 2 and all(0.5 < rate['seconds'] < 5 for rate in rates)
    assert any(rate['to_app_packets_per_second'] > 10 for rate in rates), rates
    shown = tool.json('show', 'plaintun ping')
    assert shown['state'] == 'connected' and shown['adapter']['to_stack_packets'] == 110
    assert tool.interrupt(ping, 'ping') == OK
    counts = json.loads(ping.lines[-1])
    assert counts['answered'] == 110 and counts['received'] == 110 + counts['others'] + counts['full']


def test_lines_stay_whole(tool):
    """The library's logger tells from any thread: no line is lost, cut or mixed with another or with progress."""
    text = tool.machine.windows.run(os.path.join(lab.BUILD, 'e2e/telling.exe'))
    last, going_on = {}, 0
    for line in text.splitlines():
        if line.startswith('plaintun: telling ('):
            going_on += 1
            continue
        match = re.fullmatch(r'plaintun: t(\d) n(\d+) (ü*) e', line)
        assert match, line
        thread, number = int(match[1]), int(match[2])
        assert number == last.get(thread, -1) + 1 and len(match[3]) == number * 37 % 899
        last[thread] = number
    assert last == {thread: 299 for thread in range(4)} and going_on == 1


def test_standard_output(tool):
    """A reader that has had enough is no failure, a full disk is one. JSON is ASCII, text is UTF-8, whatever the names."""
    words = [lab.RUN, '--prefix', tool.machine.windows.name, EXE]
    made = tool.json('create', '隧道 Über 🙂')
    assert made['name'] == '隧道 Über 🙂'
    out, _ = tool.run('list', '--json')
    assert out.isascii() and json.loads(out)[0]['name'] == made['name']
    assert re.search('^隧道 Über 🙂 +ready ', tool.run('list')[0].decode(), re.MULTILINE)
    tool('remove', '隧道 über 🙂')
    with open('/dev/full', 'w') as full:
        done = subprocess.run(tool.machine.namespace.command(*words, 'help'), env=tool.machine.windows.environment(),
                              stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == FAILED and re.fullmatch(r'plaintun: standard output cannot be written: .*\n', done.stderr)
    pipe = subprocess.Popen(tool.machine.namespace.command(*words, 'help'), env=tool.machine.windows.environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pipe.stdout.close()
    assert (pipe.stderr.read(), pipe.wait(30)) == (b'', OK)


def blocks(data):
    """The pcapng blocks of a file: (type, body), each with its two lengths compared."""
    found, at = [], 0
    while at < len(data):
        kind, length = struct.unpack_from('<II', data, at)
        assert length % 4 == 0 and struct.unpack_from('<I', data, at + length - 4) == (length,)
        found.append((kind, data[at + 8:at + length - 4]))
        at += length
    return found


def options(body):
    """The options of a block's body: code -> value."""
    found, at = {}, 0
    while True:
        code, length = struct.unpack_from('<HH', body, at)
        if code == 0:
            assert at + 4 == len(body)
            return found
        found[code] = body[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def times(data):
    """A pcapng time as seconds since 1970."""
    high, low = struct.unpack('<II', data)
    return (high << 32 | low) / 1e7


def test_capture(tool, tmp_path):
    """Every packet of a ping, both ways, in order and whole; names, link type, directions, statistics."""
    from scapy.all import IP, ICMP, PcapNgReader, Raw
    namespace = tool.machine.namespace
    ping = tool.start('ping', 'Über', '--address', '10.43.0.1/24')
    ping.expect('answers; Ctrl-C ends it')
    tool('capture', 'Über', '--size', '12', '--output', str(tmp_path / 'x'), code=USAGE)
    assert 'cannot write' in tool('capture', 'Über', '--output', str(tmp_path / 'no/x'), code=FAILED)
    path = tmp_path / 'all.pcapng'
    capture = tool.start('capture', 'Über', '--output', str(path), '--json')
    capture.expect('capturing Über; Ctrl-C ends it')
    tool('capture', 'Über', code=IN_USE)
    before = time.time()
    namespace.run('ping', '-n', '-c', '20', '-i', '0.02', '-s', '100', '-p', 'a5', '-W', '5', '10.43.0.9')
    lab.wait(lambda: len(blocks(path.read_bytes())) >= 42, 'the packets are in the file', 5)
    assert tool.interrupt(capture, 'capture') == OK
    summary = json.loads(capture.lines[-1])
    found = blocks(path.read_bytes())
    kinds = [kind for kind, _ in found]
    assert kinds == [0x0A0D0D0A, 1] + [6] * summary['packets'] + [5], kinds
    assert len(path.read_bytes()) == summary['bytes'] and summary['missed'] == 0
    link, _, snap = struct.unpack_from('<HHI', found[1][1])
    assert (link, snap) == (101, 0)
    assert options(found[1][1][8:])[2].decode() == 'Über'
    statistics = options(found[-1][1][12:])
    assert struct.unpack('<QQ', statistics[4] + statistics[5]) == (summary['packets'], 0)
    assert before - 60 < times(statistics[2]) <= times(statistics[3]) < time.time() + 1

    packets, last = [], 0
    for _, body in found[2:-1]:
        interface, high, low, kept, size = struct.unpack_from('<IIIII', body)
        flags = options(body[20 + (kept + 3) // 4 * 4:])[2]
        stamp = times(struct.pack('<II', high, low))
        assert interface == 0 and kept == size and before - 1 < stamp < time.time() + 1 and stamp >= last
        last = stamp
        packet = IP(body[20:20 + kept])
        if packet.version == 4 and ICMP in packet:
            packets.append((struct.unpack('<I', flags)[0], packet))
    asked = [packet for flags, packet in packets if flags == 2]
    answered = [packet for flags, packet in packets if flags == 1]
    assert [(p.dst, p[ICMP].type, p[ICMP].seq) for p in asked] == [('10.43.0.9', 8, n) for n in range(1, 21)]
    assert [(p.src, p[ICMP].type, p[ICMP].seq) for p in answered] == [('10.43.0.9', 0, n) for n in range(1, 21)]
    for question, answer in zip(asked, answered):
        assert bytes(question[Raw]) == bytes(answer[Raw]) and bytes(question[Raw])[20:100] == b'\xa5' * 80
    with PcapNgReader(str(path)) as reader:  # and someone else reads it too
        read = [bytes(packet) for packet in reader]
    assert [packet for packet in read if packet[0] >> 4 == 4 and packet[9] == 1] == [bytes(p) for _, p in packets]

    # Limits: packets, bytes of each, bytes of the file; to a pipe, whose reader has had enough.
    flood = namespace.start('ping', '-n', '-i', '0.01', '-s', '1000', '10.43.0.9')
    out, _ = tool.run('capture', 'Über', '--packets', '7', '--snap', '64')
    few = blocks(out)
    assert len(few) == 10 and struct.unpack_from('<HHI', few[1][1])[2] == 64
    assert [struct.unpack_from('<II', body, 12) for kind, body in few if kind == 6] == [(64, 1028)] * 7
    limited = tool.json('capture', 'Über', '--size', '8K', '--output', str(path))
    assert 6000 < limited['bytes'] == len(path.read_bytes()) <= 8192
    assert blocks(path.read_bytes())[-1][0] == 5
    pipe = subprocess.Popen(namespace.command(lab.RUN, '--prefix', tool.machine.windows.name, EXE, 'capture', 'Über'),
                            env=tool.machine.windows.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert pipe.stdout.read(100)[:4] == b'\n\r\r\n'
    pipe.stdout.close()
    try:
        assert pipe.wait(30) == OK
    except subprocess.TimeoutExpired:
        pytest.fail(tool('show', 'Über') + flood.text()[-300:])
    flood.stop()

    # A disk that is full: it says so, and the file holds whole packets, and the end where that has room.
    disk = tmp_path / 'disk'
    disk.mkdir()
    inside = ['nsenter', '--mount', '-t', next(iter(lab.wine_processes(tool.machine.windows)))]
    subprocess.run([str(word) for word in inside + ['mount', '-t', 'tmpfs', '-o', 'size=64k', 'disk', disk]], check=True)
    fill = namespace.start('ping', '-n', '-i', '0.01', '-s', '1000', '10.43.0.9')
    out, error = tool.run('capture', 'Über', '--json', '--output', str(disk / 'x'), code=FAILED)
    fill.stop()
    assert re.search(r'^plaintun: the capture of Über has ended early: .*\(112\)$', error, re.MULTILINE), error
    data = subprocess.run([str(word) for word in inside + ['cat', disk / 'x']], check=True, capture_output=True).stdout
    kept, full = blocks(data), json.loads(out)
    whole = [0x0A0D0D0A, 1] + [6] * full['packets']
    assert [kind for kind, _ in kept] in (whole, whole + [5]) and 20 < full['packets'] < 64
    assert len(data) == full['bytes'] <= 65536

    # What cannot begin spoils no file: another capture is running.
    older = tmp_path / 'older'
    older.write_bytes(b'older')
    capture = tool.start('capture', 'Über')
    lab.wait(lambda: capture.lines, 'packets')
    tool('capture', 'Über', '--output', str(older), code=IN_USE)
    assert older.read_bytes() == b'older'
    assert tool.interrupt(capture, 'capture') == OK

    # The adapter goes while someone looks on.
    capture = tool.start('capture', 'Über', '--output', str(path))
    capture.expect('capturing')
    assert tool.interrupt(ping, 'ping') == OK
    capture.expect('plaintun: the adapter Über is gone')
    assert capture.wait() == FAILED and blocks(path.read_bytes())[-1][0] == 5


def test_ping_for_people(tool):
    ping = tool.start('ping', 'first', '--address', '10.41.0.1/24', '--seconds', '3')
    ping.expect('The adapter first answers; Ctrl-C ends it.')
    tool.machine.namespace.run('ping', '-n', '-c', '2', '-i', '0.1', '-W', '5', '10.41.0.9')
    ping.expect('answered for 10.41.0.9, number 2, 84 bytes')
    assert ping.wait() == OK
    assert re.search(r'\d+ packets received: 2 answered, \d+ others, 0 dropped', ping.text())


def test_selftest(tool):
    report = tool.json('selftest')
    assert report['result'] == 'passed', report
    results = {step['name']: step['result'] for step in report['steps']}
    assert {name for name, result in results.items() if result != 'passed'} <= {'uninstall'} and {'create', 'traffic IPv4', 'traffic IPv6', 'remove'} <= set(results)
    assert not tool.machine.namespace.links()


def test_selftest_fails(tool):
    """An interface that someone switches off in the middle: it says so, ends with 1 and leaves nothing."""
    selftest = tool.start('selftest')
    selftest.expect('address IPv6')
    device = next(iter(tool.machine.namespace.links()))
    tool.machine.namespace.ip('link', 'set', device, 'down')
    assert selftest.wait() == FAILED
    assert re.search(r'^ *\d+  (traffic|load).*FAILED ', selftest.text(), re.MULTILINE), selftest.text()
    assert re.search(r'^ *\d+  remove +passed ', selftest.text(), re.MULTILINE), selftest.text()
    assert re.search(r'^selftest: FAILED in', selftest.text(), re.MULTILINE)
    assert not tool.machine.namespace.links()


def test_ctrl_c(tool):
    """Nothing is left of a test that is stopped."""
    for words, line, code in ((['selftest'], 'address IPv6', FAILED), (['bench', '--seconds', '60'], '^create', OK)):
        program = tool.start(*words)
        program.expect(line)
        assert tool.interrupt(program, words[0]) == code, program.text()
        assert not tool.machine.namespace.links()
    assert tool.json('list') == []
    # In the middle of a creation that takes its time: the driver is installed first.
    tool('uninstall')
    create = tool.start('create', 'early')
    store = os.path.join(tool.machine.windows.drive(), 'windows/system32/DriverStore/FileRepository/plaintun.inf_*')
    lab.wait(lambda: glob.glob(store), 'the driver in the store')
    assert tool.interrupt(create, 'early') == FAILED and create.text().endswith('plaintun: stopped'), create.text()
    assert tool.json('list') == []


def test_own_exit_code(tool):
    """The exit code is the program's own, though it ends while its threads do: refused at once, again and again."""
    for _ in range(25):
        tool('create', 'short', '--access', 'x', code=USAGE)


def test_ctrl_c_ends_it(tool):
    """With its own exit code, though the thread that took the Ctrl-C ends at the same time (host/wine/ending.c)."""
    create = tool.start('create', 'watched', '--hold')
    create.expect('stays until Ctrl-C')
    for _ in range(8):
        watch = tool.start('watch', 'watched')
        watch.expect('packets/s')
        watch.expect(r'^ *\d+ +\d+\.\d+ +\d+ +\d+\.\d+ +\d+$')
        assert tool.interrupt(watch, 'watch') == OK
    assert tool.interrupt(create, 'create') == OK


def test_bench(tool):
    """Its figures agree with each other and with what Linux counted on the interface."""
    size, seconds = 200, 1
    with concurrent.futures.ThreadPoolExecutor() as aside:
        bench = aside.submit(tool.json, 'bench', '--seconds', str(seconds), '--size', str(size))
        device = lab.wait(lambda: next(iter(tool.machine.namespace.links()), None), 'an interface')
        figures = bench.result()
    assert figures['payload_bytes'] == size and figures['create']['count'] == 5
    assert 0 < figures['round_trip']['median_us'] <= figures['round_trip']['worst_us']
    flows = {way: figures[way] for way in ('there_and_back', 'program_to_system', 'system_to_program')}
    for way, flow in flows.items():
        assert 10 < flow['received'] <= flow['sent'] and seconds <= flow['seconds'] < seconds + 1, figures
        assert flow['packets_per_second'] * flow['seconds'] == pytest.approx(flow['received'], rel=1e-3)
        assert flow['megabits_per_second'] == pytest.approx(flow['packets_per_second'] * (size + 28) * 8 / 1e6, rel=1e-3)
    assert flows['there_and_back']['received'] == flows['there_and_back']['sent']
    counted = tool.machine.windows.passed(device)
    both = figures['round_trip']['count'] + flows['there_and_back']['sent']
    to_program, to_system = both + flows['system_to_program']['sent'], both + flows['program_to_system']['sent']
    # Besides: the system's own words on a new interface; what still came when the second was over, of which a ring of 4 MiB
    # and the socket's buffer, twice 1 MiB to Linux, may have been full.
    assert 0 <= counted['to']['packets'] + counted['to']['dropped'] - to_program < 50, (figures, counted)
    assert 0 <= counted['from']['packets'] - to_system < (6 << 20) // (size + 28), (figures, counted)
    assert counted['from']['bytes'] == counted['from']['packets'] * (size + 28)
    assert not tool.machine.namespace.links()


def test_watch_counts(tool):
    """A flow of known size between two looks: the rates add up to what Linux counted, for two that watch at once."""
    ping = tool.start('ping', 'counted', '--json')
    device = lab.wait(lambda: next(iter(tool.machine.namespace.links()), None), 'an interface')
    lab.wait(lambda: 'inet6 2001:2' in tool.machine.namespace.ip('addr', 'show', 'dev', device), 'its addresses')
    tool.machine.namespace.quiet_link(device)
    before = tool.machine.namespace.link(device)['stats64']
    watches = [tool.start('watch', 'counted', '--seconds', '4', *more) for more in ((), ('--json',))]
    watches[0].expect(r'^ *\d+ +\d')
    watches[1].line()
    tool.machine.namespace.run('ping', '-n', '-c', '300', '-i', '0.004', '-s', '972', '-W', '5', '198.18.113.2')
    after = tool.machine.namespace.link(device)['stats64']
    assert [watch.wait() for watch in watches] == [OK, OK]
    text = [list(map(float, line.split())) for line in watches[0].lines if re.match(r' *\d+ +\d', line)]
    rates = [json.loads(line) for line in watches[1].lines]
    for column, way, other in ((0, 'to_app', 'tx'), (2, 'to_stack', 'rx')):
        packets, octets = ((after[other][key] - before[other][key]) for key in ('packets', 'bytes'))
        assert packets >= 300 and octets >= 300000
        assert sum(each[way + '_packets_per_second'] * each['seconds'] for each in rates) == pytest.approx(packets, abs=0.5)
        assert sum(each[way + '_bits_per_second'] * each['seconds'] for each in rates) == pytest.approx(8 * octets, rel=1e-3)
        assert sum(line[column] for line in text) == pytest.approx(packets, rel=0.05)  # lines of about a second
        assert sum(line[column + 1] for line in text) == pytest.approx(8e-6 * octets, rel=0.05)
    assert tool.interrupt(ping, 'ping') == OK
