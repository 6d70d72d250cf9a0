# SPDX-License-Identifier: MIT
"""What a Windows and its namespace hold, so that what somebody left there can be named. For tests and bench/run."""
import os

REG = '/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/reg.exe'


def files(windows):
    """Every file on the drive with its size, but Wine's own caches and logs."""
    drive = windows.drive()
    return {'%s (%d bytes)' % (os.path.relpath(path, drive), os.lstat(path).st_size)
            for folder, _, names in os.walk(drive) for path in (os.path.join(folder, name) for name in names)
            if not path.endswith(('.pnf', '.log'))}


def registry(windows, root):
    """The lines of a root key in a text that tells each value's key, as reg.exe exports it."""
    target = os.path.join(windows.drive(), 'export.reg')
    windows.run(REG, 'export', root, 'C:\\export.reg', '/y')
    with open(target, encoding='utf-16') as file:
        text = file.read()
    os.unlink(target)
    lines, key = set(), ''
    for line in text.splitlines():
        key = line if line.startswith('[') else key
        lines.add(key + ' ' + line)
    return lines


def snapshot(windows):
    return {'files': files(windows), 'services': registry(windows, 'HKLM\\System\\CurrentControlSet\\Services'),
            'devices': registry(windows, 'HKLM\\System\\CurrentControlSet\\Enum'),
            'control': registry(windows, 'HKLM\\System\\CurrentControlSet\\Control'),
            'store': registry(windows, 'HKLM\\System'), 'interfaces': set(windows.namespace.links())}


def differences(before, after):
    """What is not as it was: a line each."""
    return ['%s: %s %s' % (what, sign, line) for what in before
            for sign, lines in (('new', after[what] - before[what]), ('gone', before[what] - after[what]))
            for line in sorted(lines)]
