# SPDX-License-Identifier: MIT
"""The read-wait event of wintun.h: auto-reset, and yet no wake-up is lost, in each way that programs wait on it."""
import os
import re
import time

import pytest

import lab

WAITING = os.path.join(lab.BUILD, 'e2e/waiting.exe')
SEND = '''
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[1])):
    s.sendto(b'x', ('10.44.0.2', 9))
    time.sleep(float(sys.argv[2]))
'''


class Waiting:
    def __init__(self, machine):
        self.machine = machine
        self.program = machine.windows.start(WAITING)
        index = int(self.program.expect(r'^ok index=(\d+)', 60)[1])
        self.device = machine.ready(index)
        machine.namespace.run('sysctl', '-qw', 'net.ipv6.conf.%s.disable_ipv6=1' % self.device)
        machine.up(self.device, '10.44.0.1/24')

    def __call__(self, command):
        self.program.say(command)
        match = re.match(r'ok wakes=(\d+) packets=(\d+)$', self.program.line(60))
        return int(match[1]), int(match[2])

    def send(self, count, pause):
        self.machine.namespace.run('python3', '-c', SEND, count, pause)

    def taken(self, count):
        lab.wait(lambda: self('count')[1] >= count, lambda: 'packets taken: %d, %d' % self('count'), 10)
        return self('count')


@pytest.fixture
def waiting(machine):
    return Waiting(machine)


def test_waits(waiting):
    """Threads that wait while another reads are woken once a packet at most; so is a registered wait; a thread that takes
    one packet for each wait is never left for good; the end of the session wakes all."""
    waiting('polled')
    waiting.send(100, 0.005)
    wakes, packets = waiting.taken(100)
    print('polled: %d wakes of two threads, %d packets' % (wakes, packets))
    time.sleep(0.5)
    assert wakes <= packets + 2 and waiting('count')[0] <= packets + 3, 'nobody spins'
    waiting('stop')
    waiting('registered')
    waiting.send(100, 0.005)
    wakes, packets = waiting.taken(100)
    print('registered: %d wakes, %d packets' % (wakes, packets))
    assert wakes <= packets + 2
    waiting('stop')
    waiting('single')
    waiting.send(100, 0.01)
    time.sleep(0.5)
    wakes, packets = waiting('count')
    print('single: %d wakes, %d packets' % (wakes, packets))
    assert wakes >= packets >= 50
    waiting.send(3, 0.2)
    lab.wait(lambda: waiting('count')[1] >= packets + 3, 'it goes on', 10)
    waiting('stop')
    assert waiting('end')[0] == 3
