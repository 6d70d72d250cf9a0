# SPDX-License-Identifier: MIT
"""The examples in other languages answer ping: `make check-examples`. C# is built only: Debian has no .NET for Wine."""
import ctypes
import importlib.util
import os
import subprocess

import pytest

import lab


@pytest.mark.parametrize('language', ['go', 'rust'])
def test_answers_ping(machine, language):
    program = machine.windows.start(os.path.join(lab.BUILD, 'languages/%s.exe' % language))
    program.expect('^ready: ', 60)
    name = lab.wait(lambda: next(iter(machine.namespace.links()), None), 'an interface')
    machine.up(name, '10.9.0.1/24')
    said = machine.namespace.run('ping', '-c', 50, '-i', '0.01', '-s', 1000, '-W', 2, '10.9.0.2')
    assert '50 received' in said, said
    program.stop()
    lab.wait(lambda: not machine.namespace.links(), 'the adapter goes with its program')


def test_csharp_is_built():
    with open(os.path.join(lab.BUILD, 'languages/csharp.exe'), 'rb') as file:
        assert file.read(2) == b'MZ'


def structure(name):
    """Size and offsets of a structure of plaintun.h, from the compiler."""
    source = '#include <stdio.h>\n#include <stddef.h>\n#include "include/plaintun.h"\n'
    dump = subprocess.run(['clang-19', '--target=x86_64-w64-windows-gnu', '-isystem', '/usr/share/mingw-w64/include', '-I', lab.ROOT,
                           '-fsyntax-only', '-D_WIN32_WINNT=0x0A00', '-Xclang', '-fdump-record-layouts-complete', '-x', 'c', '-'],
                          input=source, text=True, capture_output=True, check=True).stdout
    text = dump[dump.index('| struct _' + name + '\n'):]
    rows = text[:text.index('[sizeof')].splitlines()[1:-1]
    fields = [(row.split('|')[1].split()[-1], int(row.split('|')[0])) for row in rows if not row.split('|')[1].startswith('    ')]
    return fields, int(text[text.index('[sizeof=') + 8:].split(',')[0].split(']')[0])


def test_python_has_the_structures():
    """There is no Windows Python here: its structures are compared with the header's."""
    specification = importlib.util.spec_from_file_location('responder', os.path.join(lab.ROOT, 'examples/python/responder.py'))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name, python in (('PLAINTUN_ADAPTER_CONFIG', module.AdapterConfig), ('PLAINTUN_PACKET', module.Packet)):
        fields, size = structure(name)
        assert [(field[0], getattr(python, field[0]).offset) for field in python._fields_] == fields
        assert ctypes.sizeof(python) == size
    request = bytearray(bytes.fromhex('4500001c000000004001000a0a0900010a090002' '0800f7fd00010001'))
    assert module.make_reply(request)
    assert request.hex() == '4500001c000000004001000a0a0900020a090001' '0000fffd00010001'
