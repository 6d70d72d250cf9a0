# SPDX-License-Identifier: MIT
"""The package as a user has it: unpacked, in a Windows that has never seen us; its examples compiled with what it brings."""
import glob
import os
import re
import shlex
import shutil
import subprocess
import zipfile

import pytest

import lab

# As in the Makefile, but headers and import library come from the package, by way of pkg-config.
CFLAGS = ['--target=x86_64-w64-windows-gnu', '-std=c11', '-O2', '-D_WIN32_WINNT=0x0A00', '-DNTDDI_VERSION=0x0A000006',
          '-DUNICODE', '-D_UNICODE', '-isystem', '/usr/share/mingw-w64/include', '-fuse-ld=lld', '-municode']

ERROR_INVALID_PARAMETER = 87


@pytest.fixture(scope='module')
def package(tmp_path_factory):
    """The unpacked package's folder, in one with a space in its name."""
    zips = [path for path in glob.glob(os.path.join(lab.BUILD, 'plaintun-*.zip')) if not path.endswith(('-signed.zip', '-symbols.zip'))]
    newest = max(zips, key=os.path.getmtime)
    folder = tmp_path_factory.mktemp('a package')
    with zipfile.ZipFile(newest) as archive:
        archive.extractall(folder)
        return os.path.join(folder, archive.namelist()[0].split('/')[0])


@pytest.fixture(scope='module')
def programs(package):
    """The folder with tool and libraries; the examples are compiled into it, with what pkg-config says."""
    folder = os.path.join(package, 'bin/amd64')
    said = subprocess.run(['pkg-config', '--cflags', '--libs', 'plaintun'], text=True, stdout=subprocess.PIPE, check=True,
                          env=dict(os.environ, PKG_CONFIG_LIBDIR=os.path.join(package, 'lib/amd64/pkgconfig'))).stdout
    for name in ('echo', 'wire'):
        subprocess.run(['clang-19', *CFLAGS, '-I', package,
                        *(os.path.join(package, 'examples', part + '.c') for part in (name, 'stop', 'addresses')),
                        *shlex.split(said), '-liphlpapi', '-lws2_32', '-lntdll',
                        '-o', os.path.join(folder, name + '.exe')], check=True)
    return folder


def ping(machine, address):
    text = machine.namespace.run('ping', '-n', '-c', '3', '-i', '0.05', '-W', '5', address)
    assert '3 packets transmitted, 3 received' in text


def stored(machine):
    """The driver package in the driver store: file name -> bytes."""
    folders = glob.glob(os.path.join(machine.windows.drive(), 'windows/system32/DriverStore/FileRepository/plaintun.inf_*'))
    return {os.path.basename(path): open(path, 'rb').read() for folder in folders for path in glob.glob(folder + '/*')}


def test_package(machine, package, programs):
    windows = machine.windows
    tool = os.path.join(programs, 'plaintun.exe')
    version = os.path.basename(package).partition('-')[2]
    assert stored(machine) == {}
    assert version in windows.run(tool, '--version')

    # The tool's first adapter installs the driver, the very one that is in the package too.
    pinged = windows.start(tool, 'ping', 'first', '--address', '10.41.0.1/24', '--seconds', '4')
    pinged.expect('The adapter first answers')
    ping(machine, '10.41.0.9')
    assert pinged.wait() == 0, pinged.text()
    files = stored(machine)
    assert sorted(files) == ['plaintun.cat', 'plaintun.inf', 'plaintun.sys']
    for name, data in files.items():
        with open(os.path.join(package, 'driver/amd64', name), 'rb') as file:
            assert file.read() == data, name

    # A program that was written for Wintun, and one that is linked with the import library.
    echo = windows.start(os.path.join(programs, 'echo.exe'), '--name', 'echo', '--address', '10.42.0.1/24')
    echo.expect('ready')
    ping(machine, '10.42.0.7')
    assert echo.quit() == 0, echo.text()
    wire = windows.start(os.path.join(programs, 'wire.exe'), '--names', 'left', 'right')
    wire.expect('joined')
    assert {'left', 'right'} <= set(machine.namespace.links())
    assert wire.quit() == 0, wire.text()

    # The one command for a person with a Windows.
    assert 'selftest: passed' in windows.run(tool, 'selftest', seconds=120)

    windows.run(tool, 'uninstall')
    assert stored(machine) == {}
    windows.run(tool, 'install')
    assert stored(machine) == files


def test_cmake(machine, package, tmp_path):
    """The example in CMake, cross-built against the package, answers ping."""
    configure = ['cmake', '-S', os.path.join(package, 'examples/cmake'), '-B', tmp_path, '-DCMAKE_SYSTEM_NAME=Windows',
                 '-DCMAKE_C_COMPILER=x86_64-w64-mingw32-gcc-win32', '-DCMAKE_PREFIX_PATH=' + package]
    for command in (configure, ['cmake', '--build', tmp_path]):
        done = subprocess.run(command, text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
    program = machine.windows.start(os.path.join(tmp_path, 'responder.exe'))
    program.expect('^ready: ', 60)
    name = lab.wait(lambda: next(iter(machine.namespace.links()), None), 'an interface')
    machine.up(name, '10.9.0.1/24')
    ping(machine, '10.9.0.2')


def test_versions(package, tmp_path):
    """Which version serves whom: each asked of the package's own file, by CMake."""
    cases = [('1.2.3', '1.2.3', 'TRUE'), ('1.2.3', '1.0', 'TRUE'), ('1.2.3', '1', 'TRUE'), ('1.2.3', '1.3', 'FALSE'),
             ('1.2.3', '2.0', 'FALSE'), ('2.0.0', '1.9', 'FALSE'), ('10.0.0', '1.0', 'FALSE'), ('1.0.0', '0.9', 'FALSE'),
             ('0.9.1', '0.9', 'TRUE'), ('0.9.1', '0.9.2', 'FALSE'), ('0.9.1', '0.1', 'FALSE'), ('0.10.0', '0.1', 'FALSE')]
    with open(os.path.join(package, 'lib/cmake/plaintun/plaintun-config-version.cmake')) as file:
        text = file.read()
    script = tmp_path / 'ask.cmake'
    script.write_text(''.join('set(PACKAGE_FIND_VERSION %s)\n%s\nmessage("${PACKAGE_VERSION_COMPATIBLE}")\n' % (
        asked, re.sub(r'(?<=set\(PACKAGE_VERSION ")[^"]+', have, text)) for have, asked, _ in cases))
    said = subprocess.run(['cmake', '-P', script], text=True, capture_output=True, check=True).stderr.split()
    assert list(zip(cases, said)) == [(case, case[2]) for case in cases]


def test_helper(machine, package):
    """What a program for another machine starts (library/native.c), here started by hand: rundll32 has the library install
    and remove the driver; its messages lie beside it, its exit code is the error."""
    windows = machine.windows
    folder = os.path.join(windows.drive(), 'helper')
    rundll32 = r'C:\windows\system32\rundll32.exe'

    def helper(*words, code=0):
        os.makedirs(folder)
        shutil.copy(os.path.join(package, 'bin/amd64/plaintun.dll'), folder)
        program = windows.start(rundll32, 'C:\\helper\\plaintun.dll,PlaintunNative', *words)
        assert program.wait() == code, program.text()
        with open(os.path.join(folder, 'messages'), encoding='utf-16-le') as file:
            text = file.read()
        assert code or not re.search('^2', text, re.MULTILINE), text  # 2: PLAINTUN_LOG_ERROR
        shutil.rmtree(folder)
        return text

    assert re.match('0.*install', helper('install'))
    assert sorted(stored(machine)) == ['plaintun.cat', 'plaintun.inf', 'plaintun.sys']
    helper('install')
    helper('remove')
    assert stored(machine) == {}
    # A device that has gone by itself is what was wanted.
    assert helper('uninstall', r'SWD\plaintun\{00000000-0000-0000-0000-000000000000}') == ''
    assert helper('dance', code=ERROR_INVALID_PARAMETER) == ''
