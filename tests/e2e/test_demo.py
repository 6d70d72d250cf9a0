# SPDX-License-Identifier: MIT
"""`make demo`, once to its end and once with Ctrl-C in the middle: both leave the machine as it was."""
import os
import re
import signal
import subprocess

import pytest

import lab
from conftest import left_as_found, machine_state


def run_demo(until=None):
    """Runs scripts/demo as a terminal would; presses Ctrl-C when a line matches. Gives exit code and text."""
    demo = subprocess.Popen([os.path.join(lab.ROOT, 'scripts/demo')], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True)
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if until and re.search(until, line):
            os.killpg(demo.pid, signal.SIGINT)
            until = None
    return demo.wait(120), ''.join(lines)


def test_demo():
    before = machine_state()
    code, text = run_demo()
    assert code == 0, text
    assert len(re.findall('3 packets transmitted, 3 received, 0% packet loss', text)) == 2, text
    assert len(re.findall(r'[KMG]bits/sec.*receiver', text)) == 2, text
    assert float(re.search(r'demo: done in (\d+) s', text).group(1)) <= 60
    left_as_found(before)


@pytest.mark.parametrize('where', [r'^\x1b\[1m1\.', r'icmp_seq=2', r'are joined', 'udp'])
def test_demo_interrupted(where):
    before = machine_state()
    code, text = run_demo(where)
    assert code != 0, text
    left_as_found(before)
