# SPDX-License-Identifier: MIT
"""docs/manual.md names what there is and nothing else: each function of include/plaintun.h, which library/library.def
exports, each error that the header names and that the library has words for, each device problem that it knows, each command of the
tool; and its links lead somewhere, as those of all pages. docs/windows.md names each event of the driver, and each kind of drop is counted,
traced and shown under one name.
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
failed = passed = 0


def read(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


def same(what, left, left_name, right, right_name):
    global failed, passed
    for name in sorted(left ^ right):
        there, not_there = (left_name, right_name) if name in left else (right_name, left_name)
        print('manual: %s %s: in %s, not in %s' % (what, name, there, not_there))
        failed += 1
    passed += len(left & right)


def pages():
    return glob.glob(os.path.join(ROOT, '*.md')) + glob.glob(os.path.join(ROOT, '*/*.md')) + glob.glob(os.path.join(ROOT, '*/*.md.in'))


def calls(text):
    """(command, what stands behind it) of each call of the tool that a page shows in code."""
    code = re.findall(r'`([^`\n]+)`', text) + re.findall(r'^    (.+)$', text, re.MULTILINE)
    for line in code:
        yield from re.findall(r'(?:^|[\\\s&;|])(?:plaintun|@NAME@)(?:\.exe)? +([a-z]+|--version)\b([^|;&]*)', line)


def main():
    global failed, passed
    header, manual = read('include/plaintun.h'), read('docs/manual.md')
    functions = set(re.findall(r'\b(Plaintun[A-Z]\w+)\(', header))
    exported = set(re.findall(r'^ *(Plaintun\w+)', read('library/library.def'), re.MULTILINE)) - {'PlaintunNativeW'}  # for rundll32
    section = manual[manual.index('## Functions'):manual.index('## Errors')]
    same('function', functions, 'include/plaintun.h', exported, 'library/library.def')
    same('function', functions, 'include/plaintun.h', set(re.findall(r'`(Plaintun\w+)`', section)), 'docs/manual.md')
    sources = ''.join(read(path) for path in glob.glob(os.path.join(ROOT, 'library/*.c')))
    errors = set(re.findall(r'\bERROR_[A-Z_]+', header)) | set(re.findall(r'\b(?:LogError|KeepError)\(\s*(ERROR_[A-Z_]+)', sources))
    section = manual[manual.index('## Errors'):manual.index('Device problems')]
    same('error', errors, 'include/plaintun.h or library/', set(re.findall(r'^\| (ERROR_[A-Z_]+)', section, re.MULTILINE)), 'docs/manual.md')
    problems = set(re.findall(r'^    \{(\d+), (?:TRUE|FALSE),', read('library/cause.c'), re.MULTILINE))
    section = manual[manual.index('Device problems'):manual.index('## The tool')]
    codes = set(code for row in re.findall(r'^\| ([\d, ]+) \|', section, re.MULTILINE) for code in row.split(', '))
    same('device problem', problems, 'library/cause.c', codes, 'docs/manual.md')
    trace, windows = read('driver/trace.h'), read('docs/windows.md')
    drops = set(re.findall(r'^ *D\((\w+),', trace, re.MULTILINE))
    events = set(re.findall(r'^ *E\((\w+),', trace, re.MULTILINE)) | drops
    section = windows[windows.index('## 6.'):windows.index('## 7.')]
    rows = ' '.join(re.findall(r'^\| (`[^|]+) \|', section, re.MULTILINE))
    same('event', events, 'driver/trace.h', set(re.findall(r'`(\w+)`', rows)), 'docs/windows.md')
    counted = set(re.findall(r'\b(\w+Drops?\w*)[,;]', re.sub(r'/\*.*?\*/', '', read('ring/session.h'), flags=re.DOTALL)))
    same('drop', drops, 'driver/trace.h', counted, 'ring/session.h')
    same('drop', drops, 'driver/trace.h', set(re.findall(r'\b(\w+Drops?\w*)[,;]', header)), 'include/plaintun.h')
    same('drop', drops, 'driver/trace.h', set(re.findall(r'\b((?:To|Mon)\w+Drops?\w*)', read('tool/show.c'))), 'tool/show.c')
    identity = read('build/identity/identity.h')
    guid = re.search(r'PLAINTUN_TRACE_GUID \{(.*)\}\}', identity)[1]
    parts = re.findall(r'0x(\w+)', guid)
    parts = '%s-%s-%s-%s-%s' % (*parts[:3], ''.join(parts[3:5]), ''.join(parts[5:]))
    same('provider', {parts}, 'build/identity/identity.h', set(re.findall(r'\{([0-9a-f-]{36})\}', section)), 'docs/windows.md')
    commands = set()
    for path in glob.glob(os.path.join(ROOT, 'tool/*.c')):
        commands |= set(re.findall(r'const COMMAND \w+ = \{\s*\.Name = L"(\w+)"', read(path)))
    section = manual[manual.index('## The tool'):manual.index('## Capturing')]
    same('command', commands, 'tool/', set(re.findall(r'^\| `(\w+)', section, re.MULTILINE)), 'docs/manual.md')
    options = {option for path in glob.glob(os.path.join(ROOT, 'tool/*.[ch]')) for option in re.findall(r'L"(--[a-z]+)"', read(path))}
    for page in pages():
        for word, rest in calls(read(page)):
            wrong = [] if word in commands | {'help', '--version'} else [word]
            wrong += [option for option in re.findall(r'--[a-z]+', rest) if option not in options]
            passed += not wrong
            failed += len(wrong)
            for name in wrong:
                print('manual: %s: the tool knows no %s' % (os.path.relpath(page, ROOT), name))
    for page in pages():
        for link in re.findall(r'\]\(([^)#:]+)[)#]', read(page)):
            if os.path.exists(os.path.join(os.path.dirname(page), link)):
                passed += 1
            else:
                print('manual: %s links to %s, which is not there' % (os.path.relpath(page, ROOT), link))
                failed += 1
    print('manual: %d passed, %d failed' % (passed, failed))
    sys.exit(failed != 0)


main()
