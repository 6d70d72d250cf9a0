#!/usr/bin/env python3
"""Tells whether every call in the driver that can fail was made to fail.

    sites.py PROGRAM SITES

PROGRAM is the simulator with the driver's code in section driver_code, SITES what its scenario Faults wrote: offset of
the return address, call, times, place. The calls that can fail are those of host/nt that ask SimFail and all of NDIS's that
calls.py finds. Fails and names the call sites that were never reached, and calls that by their declaration can fail and ask
nobody, but for those listed here with a reason.
"""
import pathlib
import re
import subprocess
import sys

import calls

# (function that calls, call): why it cannot be reached
EXCUSED = {
    ("MonitorCopy", "MmMapLockedPagesSpecifyCache"): "the packet has just been read once, so that its MDLs are mapped",
    ("ToStackThread", "MmMapLockedPagesSpecifyCache"): "a receive list's MDL is of nonpaged pool and so always mapped",
}

# call of the kernel's with a result that could say so: why it is not made to fail
NEVER_FAILS = {
    "EtwUnregister": "frees",
    "EtwWriteTransfer": "an event that is lost is lost",
    "ExAcquireResourceExclusiveLite": "it waits",
    "ExAcquireRundownProtection": "it fails when run down, as scenarios of removal and pausing have it",
    "ExAcquireRundownProtectionEx": "the same",
    "ExDeleteResourceLite": "frees",
    "KeWaitForMultipleObjects": "without a timeout, at most 64 objects, not alertable: it waits",
    "MmUnmapViewInSystemSpace": "frees",
    "PsTerminateSystemThread": "does not come back",
    "ZwClose": "frees",
    "ZwWaitForSingleObject": "without a timeout, not alertable: it waits",
}

root = pathlib.Path(__file__).resolve().parents[2]


def fallible():
    """The names of all calls that ask SimFail."""
    names = set()
    for path in (root / "host/nt").rglob("*.c"):
        name = None
        for line in path.read_text().splitlines():
            head = re.match(r"^[A-Za-z_][A-Za-z_0-9 *]*?[ *](\w+)\(", line)
            name = head.group(1) if head else name
            if "SimFail(__func__" in line:
                names.add(name)
    return names | {name for _, name, _, _ in calls.ndis()}


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
    hooked = fallible()
    sites = calls_in(program, hooked)
    missed = [pair for offset, pair in sites.items() if offset not in reached]
    unhooked = {call for _, call in calls_in(program, calls.kernel() - hooked).values()}
    for call in sorted(unhooked - set(NEVER_FAILS)):
        print(f"faults: {call} can fail and is never made to: let it ask SimFail in host/nt, or say in sites.py why not")
    for pair in missed:
        print(f"faults: {pair[1]} in {pair[0]} was never made to fail: {EXCUSED.get(pair, 'NO REASON')}")
    unknown = reached - set(sites)
    if unknown:
        print(f"faults: {len(unknown)} reached sites are not in the disassembly")
    print(f"faults: {len(sites)} call sites in the driver, {len(sites) - len(missed)} made to fail")
    return bool(unknown) or not sites or bool(unhooked - set(NEVER_FAILS)) or any(pair not in EXCUSED for pair in missed)


sys.exit(main())
