# SPDX-License-Identifier: MIT
"""plaintun.exe: every command, its JSON, its errors and exit codes, under Wine against Linux's network stack."""
import json
import os
import re
import signal
import subprocess

import pytest

import lab

TOOL = 'plaintun.exe'
EXE = os.path.join(lab.BUILD, 'amd64', TOOL)
OK, FAILED, USAGE, NOT_FOUND, IN_USE, ACCESS, TIME = range(7)


class Tool:
    """Runs the tool in one Windows."""

    def __init__(self, machine):
        self.machine = machine

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
        return self.machine.windows.start(TOOL, *arguments)

    def interrupt(self, program, word):
        """Presses Ctrl-C in the program whose command line has the word: its exit code."""
        pid = next(p for p in lab.processes(word) if open('/proc/%d/comm' % p).read().startswith('plaintun'))
        os.kill(pid, signal.SIGINT)
        return program.wait()


@pytest.fixture(scope='module')
def tool(shared_machine):
    return Tool(shared_machine)


def test_help(tool):
    """Each command that the list names has a help with an example of itself."""
    text = tool('help')
    commands = re.findall(r'^  (\w+) +\S', text, re.MULTILINE)
    assert {'create', 'show', 'watch', 'ping', 'selftest'} <= set(commands), text
    for name in commands:
        assert re.search(r'^  plaintun %s\b' % name, tool('help', name), re.MULTILINE), name
    assert tool('create', '--help') == tool('help', 'create')
    assert re.search(r'^  3 ', tool('help', 'exit'), re.MULTILINE)
    assert re.search(r'^tool +\d+\.\d+\.\d+$', tool('--version'), re.MULTILINE)
    tool(code=USAGE)


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
    create = tool.start('create', 'Tool Müller', '--guid', guid, '--mtu', '1400', '--address', '10.40.0.1/24',
                        '--address', 'fd00:40::1/64', '--json')
    made = json.loads(create.expect('^{').string)
    assert (made['name'], made['guid'], made['mtu']) == ('Tool Müller', guid, 1400)
    create.expect('stays until Ctrl-C')
    device = tool.machine.ready(made['index'])
    text = tool.machine.namespace.ip('addr', 'show', 'dev', device)
    assert '10.40.0.1/24' in text and 'fd00:40::1/64' in text and 'mtu 1400' in text
    shown = tool.json('show', 'Tool Müller')
    assert (shown['guid'], shown['index'], shown['connected']) == (guid, made['index'], False)
    assert shown['session']['to_app_packets'] == 0
    assert re.search(r'program to system: packets +0 +0', tool('show', 'Tool Müller'))
    assert 'cannot create the adapter Tool Müller' in tool('create', 'Tool Müller', code=IN_USE)

    watch = tool.start('watch', 'Tool Müller')
    watch.expect('packets/s')
    watch.expect(r'^ *\d+ +\d+\.\d+ +\d+ +\d+\.\d+ +\d+$')
    assert tool.interrupt(watch, 'watch') == OK
    watch = tool.start('watch', 'Tool Müller')
    watch.expect('packets/s')
    assert tool.interrupt(create, 'create') == OK
    watch.expect('plaintun: the adapter Tool Müller is gone')
    assert watch.wait() == FAILED
    assert device not in tool.machine.namespace.links()


def test_ping(tool):
    ping = tool.start('ping', '--json')
    device = lab.wait(lambda: next(iter(tool.machine.namespace.links()), None), 'an interface')
    lab.wait(lambda: 'inet6 2001:2' in tool.machine.namespace.ip('addr', 'show', 'dev', device), 'its addresses')
    for address in ('198.18.113.2', '2001:2:0:113::2'):
        text = tool.machine.namespace.run('ping', '-n', '-c', '5', '-i', '0.01', '-W', '5', address)
        assert '5 packets transmitted, 5 received' in text
    watch = tool.start('watch', 'plaintun ping', '--seconds', '2', '--json')
    tool.machine.namespace.run('ping', '-n', '-c', '100', '-i', '0.02', '-W', '5', '198.18.113.2')
    assert watch.wait() == OK
    rates = [json.loads(line) for line in watch.lines]
    assert len(rates) == 2 and all(0.5 < rate['seconds'] < 5 for rate in rates)
    assert any(rate['to_app_packets_per_second'] > 10 for rate in rates), rates
    shown = tool.json('show', 'plaintun ping')
    assert shown['connected'] and shown['adapter']['to_stack_packets'] == 110
    assert tool.interrupt(ping, 'ping') == OK
    counts = json.loads(ping.lines[-1])
    assert counts['answered'] == 110 and counts['received'] == 110 + counts['others'] + counts['full']


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
    assert set(results.values()) == {'passed'} and {'create', 'traffic IPv4', 'traffic IPv6', 'remove'} <= set(results)
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


def test_bench(tool):
    figures = tool.json('bench', '--seconds', '1', '--size', '200')
    assert figures['payload_bytes'] == 200 and figures['create']['count'] == 5
    assert 0 < figures['round_trip']['median_us'] <= figures['round_trip']['worst_us']
    assert figures['there_and_back']['received'] == figures['there_and_back']['sent'] > 10
    for way in ('program_to_system', 'system_to_program'):
        assert 10 < figures[way]['received'] <= figures[way]['sent'], figures
    assert not tool.machine.namespace.links()
