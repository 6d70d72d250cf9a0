# SPDX-License-Identifier: MIT
"""Datagram sockets of Windows programs, which the host serves past wineserver: tests/e2e/sockets.c, part by part.

docs/host.md says what they find. Nothing here knows of plaintun.
"""
import os
import re

import pytest

import lab

SOCKETS = os.path.join(lab.BUILD, 'tests/sockets.exe')


def right(text):
    failed = [line for line in text.splitlines() if line.startswith('FAIL')]
    assert not failed, '\n'.join(failed)
    assert re.search(r'^[1-9]\d* checks, 0 failed$', text, re.MULTILINE), text


def ask(windows, *arguments):
    """Runs a part of sockets.exe, in which nothing fails."""
    right(windows.run(SOCKETS, *arguments, seconds=300, check=False))


def requests(windows):
    """How often wineserver has read: at least once for each request of a program's."""
    server = next(pid for pid, name in lab.wine_processes(windows).items() if name.startswith('wineserver'))
    with open('/proc/%d/io' % server) as text:
        return int(re.search(r'^syscr: (\d+)', text.read(), re.MULTILINE).group(1))


@pytest.mark.parametrize('part', ['quiet', 'quiet-overlapped', 'quiet-registered'])
def test_without_wineserver(shared_machine, part):
    """20,000 datagrams, sent and received by each of the eight calls, make fewer than 500 requests of wineserver. So do 10,000
    by overlapped calls that succeed at once, after one that waited; and 10,000 by registered I/O."""
    program = shared_machine.windows.start(SOCKETS, part, 10000)
    program.expect('begin')
    before = requests(shared_machine.windows)
    program.say('')
    program.expect('end', 120)
    made = requests(shared_machine.windows) - before
    program.say('')
    program.wait()
    right(program.text())
    assert made < 500


def test_calls(shared_machine):
    """Addresses, sizes, truncation, peeking, memory, timeouts, non-blocking calls, error codes, IPv4, IPv6 and both."""
    ask(shared_machine.windows, 'calls')


def test_beside(shared_machine):
    """select, WSAPoll, WSAEventSelect through any handle and a pending overlapped receive see and get what is theirs."""
    ask(shared_machine.windows, 'beside')


def test_overlapped(shared_machine):
    """With an event, a port, a port that skips: at once or waiting, in order, cancelled, closed, too long, twelve at a time."""
    ask(shared_machine.windows, 'overlapped')


def test_registered(shared_machine):
    """Registered I/O: buffers, queues, their limits, deferred requests, notifications, resizing, closing, each error code."""
    ask(shared_machine.windows, 'registered')


def test_closing(shared_machine):
    """Closed in the midst of a receive, by each way to close: the receive ends, the port is free, nothing is taken away."""
    ask(shared_machine.windows, 'closing', 300)


def test_children(shared_machine):
    """A child holds the sockets that it was given, and no others."""
    ask(shared_machine.windows, 'children')


@pytest.mark.parametrize('part, count', [('load', 40000), ('load-mixed', 5000), ('load-registered', 40000)])
def test_load(shared_machine, part, count):
    """Eight threads on two sockets, without and with overlapped calls among theirs: every datagram comes once. Two
    threads with registered I/O and a completion port: every one comes, in order."""
    ask(shared_machine.windows, part, count)
