#!/usr/bin/env python3
"""Compares tests/rules.txt with the code: each name in it is a check that exists where the table says, and each check is in it."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]
PLACES = [
    ("host/ndis", ["host/ndis/*.c"], r'(?:NdisRule|OidRule|HostRuleBroken)\(\s*"(\w+)"|HandlerRule\([^,]+,\s*"(\w+)"|"(Irql_\w+)"'),
    ("host/nt", ["host/nt/**/*.c", "host/nt/nt.h", "tests/simulation/backend.c", "tests/simulation/told.c"],
     r'(?:NtRule|NtRuleBroken|PlatformRuleBroken)\(\s*"(\w+)"'),
    ("host/wine", ["host/wine/**/*.c"], r'PlatformRuleBroken\(\s*"(\w+)"|(?:ReportLeaks|ReportRoutines|Report\w*)\([^;]*?"(\w+)"(?:,\s*"(\w+)")?'),
]


def main():
    table = [set(), set(), set()]
    failed = 0
    for number, line in enumerate((root / "tests/rules.txt").read_text().splitlines(), 1):
        if not line or line[0] in "#[":
            continue
        cells = line.split("|")
        if len(cells) != 4:
            print(f"rules: tests/rules.txt:{number}: {len(cells)} columns, not 4")
            return 1
        for names, cell in zip(table, cells[1:]):
            names.update(cell.split())
    for (place, globs, pattern), listed in zip(PLACES, table):
        text = "\n".join(path.read_text() for name in globs for path in sorted(root.glob(name)))
        known = {name for found in re.findall(pattern, text) for name in ([found] if isinstance(found, str) else found) if name}
        for name in sorted(known - listed):
            print(f"rules: {name} of {place} is not in tests/rules.txt: add it to the row of its demand")
        for name in sorted(listed - known):
            print(f"rules: {name} in tests/rules.txt is no check of {place}")
        failed += len(known ^ listed)
    if not failed:
        print(f"rules: tests/rules.txt knows {len(set().union(*table))} checks, those of the code")
    return failed != 0


sys.exit(main())
