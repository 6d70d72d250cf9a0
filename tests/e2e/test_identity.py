# SPDX-License-Identifier: MIT
"""Two products of one source on one machine: acme.identity beside our own. And what scripts/identity refuses."""
import glob
import json
import os
import re
import subprocess

import pefile
import pytest

import lab
from conftest import PEER, TRAFFIC, Peer

ACME = os.path.join(lab.BUILD, 'identities/acme')
IDENTITIES = {'plaintun': (lab.BUILD, 'package/plaintun.identity'), 'acme': (ACME, 'tests/e2e/acme.identity')}


def read_identity(path):
    with open(os.path.join(lab.ROOT, path)) as file:
        return dict(re.match(r'(\w+) *= (.*?) *$', line).groups() for line in file if re.match(r'\w+ *=', line))


def flow(machine, address, number, packets):
    """Starts a flow of numbered packets that must all come back."""
    return machine.namespace.start(TRAFFIC, 'echo', address, 576, packets, number)


def whole(started, packets):
    assert started.wait(120) == 0, started.text()
    result = json.loads(started.text())
    assert result['received'] == packets and result['lost'] == result['reordered'] == result['corrupt'] == 0, result


def test_two_products(machine):
    """Both carry traffic at once; then one is removed to its last file, and the other's flow loses no packet."""
    products = {}
    for number, (name, program) in enumerate([('plaintun', PEER), ('acme', os.path.join(ACME, 'e2e/peer.exe'))]):
        peer = products[name] = Peer(machine.windows, 'two-' + name, program)
        device = machine.ready(peer('create 0 1500 ' + name)['index'])
        peer('start 0 4194304')
        peer('work 0 echo')
        machine.up(device, '10.41.%d.1/24' % number)
    flows = [flow(machine, '10.41.%d.2' % number, number, 30000) for number in range(2)]
    for started in flows:
        whole(started, 30000)

    started = flow(machine, '10.41.0.2', 7, 150000)
    products['acme']('close 0')
    products['acme']('delete-driver')
    products['acme'].quit()
    assert not started.ended, 'the flow was over before the other product was gone'
    whole(started, 150000)
    state = products['plaintun']('state 0')
    assert state['corrupt'] == state['reordered'] == 0, state
    repository = os.path.join(machine.windows.drive(), 'windows/system32/DriverStore/FileRepository')
    assert [name.split('_')[0] for name in os.listdir(repository)] == ['plaintun.inf'], 'one driver package is left'
    products['plaintun'].quit()


@pytest.mark.parametrize('name', IDENTITIES)
def test_one_version(machine, name):
    """The identity's version is in each file's VERSIONINFO and in each INF, and the tool tells it of itself, of the library,
    of the driver package in the store (DriverVer) and of the driver that runs (by request)."""
    build, path = IDENTITIES[name]
    identity = read_identity(path)
    version = identity['VERSION']
    numbers = tuple(map(int, version.split('.')))
    files = [file for kind in ('sys', 'dll', 'exe') for file in glob.glob(os.path.join(build, '*/%s.%s' % (name, kind)))]
    files += glob.glob(os.path.join(build, '*/wintun.dll'))
    assert {os.path.join(build, 'amd64', name + kind) for kind in ('.sys', '.dll', '.exe')} <= set(files)
    for file in files:
        image = pefile.PE(file)
        fixed = image.VS_FIXEDFILEINFO[0]
        words = (fixed.FileVersionMS >> 16, fixed.FileVersionMS & 0xffff, fixed.FileVersionLS >> 16)
        assert words == numbers, file
        assert (fixed.ProductVersionMS, fixed.ProductVersionLS) == (fixed.FileVersionMS, fixed.FileVersionLS), file
        strings = {key.decode(): value.decode() for entry in image.FileInfo[0] if hasattr(entry, 'StringTable')
                   for table in entry.StringTable for key, value in table.entries.items()}
        assert strings['FileVersion'] == strings['ProductVersion'] == version, file
        assert strings['ProductName'] == identity['PRODUCT'] and strings['CompanyName'] == identity['VENDOR'], file
    for file in glob.glob(os.path.join(build, '*/%s.inf' % name)):
        with open(file) as text:
            assert re.search(r'^DriverVer *= (.*)$', text.read(), re.M).group(1) == '%s,%s.0' % (identity['DATE'], version)

    tool = os.path.join(build, 'amd64/%s.exe' % name)
    hold = machine.windows.start(tool, 'create', 'versions', '--hold')
    hold.expect('stays until Ctrl-C')
    told = machine.windows.run(tool, '--version')
    hold.stop()
    assert told.split() == ['tool', version, 'library', version, 'driver', 'installed:', version + ',', 'loaded:', version]


def test_no_name_of_ours():
    """A private copy says our name in nothing that Windows sees: only the functions keep theirs."""
    for file in ('amd64/acme.sys', 'amd64/acme.inf'):
        with open(os.path.join(ACME, file), 'rb') as binary:
            data = binary.read().lower()
        assert b'plaintun' not in data and 'plaintun'.encode('utf-16-le') not in data, file
    with open(os.path.join(ACME, 'amd64/acme.exe'), 'rb') as binary:
        assert 'plaintun'.encode('utf-16-le') not in binary.read().lower()
    image = pefile.PE(os.path.join(ACME, 'amd64/acme.dll'))
    assert image.DIRECTORY_ENTRY_EXPORT.name == b'acme.dll'
    exports = {symbol.name for symbol in image.DIRECTORY_ENTRY_EXPORT.symbols}
    with open(os.path.join(ACME, 'amd64/acme.dll'), 'rb') as binary:
        data = binary.read()
    assert {word for word in re.findall(rb'\w*plaintun\w*', data, re.I)} <= exports
    wide = {word.decode('utf-16-le') for word in re.findall(rb'(?:[A-Za-z_.]\0)*(?:[Pp]\0[Ll]\0[Aa]\0[Ii]\0[Nn]\0[Tt]\0)'
                                                            rb'(?:[A-Za-z_.]\0)*', data)}
    # What messages and a command line call functions, structures and flags of plaintun.h.
    assert all(re.match('PLAINTUN_[A-Z_]+|Plaintun[A-Z]|plaintun.h', word) for word in wide), wide


GOOD = read_identity('tests/e2e/acme.identity')
BAD = [('PRODUCT', ''), ('PRODUCT', 'a "quoted" name'), ('PRODUCT', '%name%'), ('VENDOR', 'x' * 65), ('FILE', 'Acme'),
       ('FILE', 'a b'), ('FILE', '../acme'), ('FILE', 'wintun'), ('FILE', 'plaintun'), ('SERVICE', 'PlainTun'),
       ('SERVICE', 'a\\b'), ('HARDWARE_ID', 'plaintun'), ('HARDWARE_ID', '1st'), ('DEVICE', 'PLAINTUN'),
       ('DEVICE', 'ACME-TUN'), ('DEVICE', 'A' * 17), ('PROPERTIES', 'b1e18d7a-d245-4888-bf4a-4ef2e0ff8892'),
       ('PROPERTIES', 'B1E18D7A-D245-4888-BF4A-4EF2E0FF8892'), ('PROPERTIES', '{6f9c1c0e}'), ('VERSION', '1.0'),
       ('VERSION', '1.0.0.0'), ('VERSION', '1.0.65535'), ('VERSION', '01.0.0'), ('VERSION', '0.0.0'),
       ('DATE', '2026-11-02'), ('DATE', '13/01/2026'), ('DATE', '02/30/2026'), ('WHAT', 'is this')]


@pytest.mark.parametrize('key,value', BAD, ids=['%s=%s' % pair for pair in BAD])
def test_refused(tmp_path, key, value):
    """A bad identity is refused in words that name file, key and remedy, and nothing is made of it."""
    path = tmp_path / 'bad.identity'
    path.write_text('# comment\n\n' + ''.join('%s = %s\n' % pair for pair in dict(GOOD, **{key: value}).items()))
    done = subprocess.run([os.path.join(lab.ROOT, 'scripts/identity'), path, tmp_path / 'out'], text=True,
                          capture_output=True)
    assert done.returncode == 1 and done.stderr.startswith('identity: %s' % path), done.stderr
    assert key in done.stderr, done.stderr
    assert re.search(r"must|write a line|choose|there are|no such day", done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / 'out').exists()


def test_good_identity_is_made_once(tmp_path):
    """What would not change is not written again: make builds nothing anew."""
    command = [os.path.join(lab.ROOT, 'scripts/identity'), os.path.join(lab.ROOT, 'tests/e2e/acme.identity'), tmp_path]
    subprocess.run(command, check=True)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob('*.*')}
    assert {file.name for file in before} == {'acme.inf', 'identity.h', 'identity.mk'}
    subprocess.run(command, check=True)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob('*.*')} == before
