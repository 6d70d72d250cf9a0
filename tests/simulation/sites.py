#!/usr/bin/env python3
"""Tells whether every call in the driver that can fail was made to fail.

    sites.py PROGRAM SITES

PROGRAM is the simulator with the driver's code in section driver_code, SITES what its scenario Faults wrote: offset of
the return address, call, times, place. The calls that can fail are those of host/nt and tests/simulation/calls.c that
ask SimFail. Fails and names the call sites that were never reached, but for those listed here with a reason.
"""
import pathlib
import re
import subprocess
import sys

# (function that calls, call): why it cannot be reached
EXCUSED = {
    ("ToStackThread", "MmMapLockedPagesSpecifyCache"): "a receive list's MDL is of nonpaged pool and so always mapped",
}

root = pathlib.Path(__file__).resolve().parents[2]


def fallible():
    """The names of all calls that ask SimFail."""
    names = set()
    for path in (root / "host/nt").glob("*.c"):
        name = None
        for line in path.read_text().splitlines():
            head = re.match(r"^[A-Za-z_][A-Za-z_0-9 *]*?[ *](\w+)\(", line)
            name = head.group(1) if head else name
            if "SimFail(__func__" in line:
                names.add(name)
    calls = (root / "tests/simulation/calls.c").read_text()
    names.update(re.findall(r"^WRAP\(\w+, \w+, (\w+),", calls, re.M))
    return names


def calls_in(program, names):
    """{offset of the return address: (caller, call)} for every call instruction in the driver's code."""
    text = subprocess.run(["llvm-objdump-19", "-d", "--no-show-raw-insn", "--section=driver_code", program],
                          capture_output=True, text=True, check=True).stdout
    begin, caller, pending, found = None, None, None, {}
    for line in text.splitlines():
        label = re.match(r"^([0-9a-f]+) <(.+)>:$", line)
        if label:
            caller = label.group(2)
            begin = int(label.group(1), 16) if begin is None else begin
            continue
        instruction = re.match(r"^\s*([0-9a-f]+):\s+(.*)$", line)
        if not instruction:
            continue
        if pending:
            found[int(instruction.group(1), 16) - begin] = pending
            pending = None
        target = re.search(r"\b(callq|jmp)\s.*<(?:__wrap_)?(\w+?)(?:@plt)?>", instruction.group(2))
        if target and target.group(2) in names:
            pending = (caller, target.group(2))
    return found


def main():
    program, sites = sys.argv[1:]
    reached = {int(line.split()[0], 16) for line in open(sites)}
    calls = calls_in(program, fallible())
    missed = [pair for offset, pair in calls.items() if offset not in reached]
    for pair in missed:
        print(f"faults: {pair[1]} in {pair[0]} was never made to fail: {EXCUSED.get(pair, 'NO REASON')}")
    unknown = reached - set(calls)
    if unknown:
        print(f"faults: {len(unknown)} reached sites are not in the disassembly")
    print(f"faults: {len(calls)} call sites in the driver, {len(calls) - len(missed)} made to fail")
    return bool(unknown) or not calls or any(pair not in EXCUSED for pair in missed)


sys.exit(main())
