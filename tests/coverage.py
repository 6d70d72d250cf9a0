#!/usr/bin/env python3
"""Coverage of driver/ and ring/ by the simulator's scenarios and the ring's unit tests.

    coverage.py SIMULATOR RING-TESTS

Runs both (built with clang's source-based coverage), prints lines and branches of each file, and fails below 95 % of the
lines or 90 % of the branches, where something uncovered has no reason in tests/coverage.txt, and where a reason there is
for something that is covered. A branch is one outcome of one condition; a line or branch of an inline function counts as
covered when one of its copies is.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys

LINES, BRANCHES = 95.0, 90.0

root = pathlib.Path(__file__).resolve().parents[1]
out = root / "build/coverage"
reasons_file = root / "tests/coverage.txt"


def run(programs):
    """Runs the programs and returns what llvm-cov exports."""
    out.mkdir(parents=True, exist_ok=True)
    profiles = []
    for program in programs:
        name = pathlib.Path(program).name
        profiles.append(out / f"{name}.profraw")
        environment = dict(os.environ, LLVM_PROFILE_FILE=str(profiles[-1]))
        with open(out / f"{name}.log", "w") as log:
            result = subprocess.run(["timeout", "400", program], stdout=log, stderr=log, env=environment, cwd=root)
        if result.returncode:
            print((out / f"{name}.log").read_text()[-2000:])
            sys.exit(f"coverage: {name} failed ({result.returncode}); the whole log: build/coverage/{name}.log")
    data = out / "all.profdata"
    subprocess.run(["llvm-profdata-19", "merge", "-o", data, *profiles], check=True)
    command = ["llvm-cov-19", "export", programs[0]]
    for program in programs[1:]:
        command += ["-object", program]
    command += [f"-instr-profile={data}", "driver", "ring"]
    text = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout
    lcov = subprocess.run([*command, "-format=lcov"], check=True, capture_output=True, text=True, cwd=root).stdout
    return json.loads(text)["data"][0], lcov


def name_of(path):
    """The path below the root; None outside driver/ and ring/."""
    path = pathlib.Path(path)
    if not path.is_relative_to(root):
        return None
    path = str(path.relative_to(root))
    return path if path.startswith(("driver/", "ring/")) else None


def read_lines(lcov):
    """{file: {line: times}}"""
    lines, file = collections.defaultdict(dict), None
    for row in lcov.splitlines():
        if row.startswith("SF:"):
            file = name_of(row[3:])
        elif row.startswith("DA:") and file:
            line, times = row[3:].split(",")[:2]
            lines[file][int(line)] = int(times)
    return lines


def read_branches(data):
    """{file: {(first line, column, last line, column): [times true, times false]}} and {file: [(first, last, function)]}"""
    branches, functions = collections.defaultdict(dict), collections.defaultdict(set)
    for function in data["functions"]:
        files = [name_of(path) for path in function["filenames"]]
        short = function["name"].split(":")[-1]
        for region in function["regions"]:
            if files[region[5]]:
                functions[files[region[5]]].add((region[0], region[2], short))
        for row in function["branches"]:
            file = files[row[6]]
            if file:
                times = branches[file].setdefault(tuple(row[:4]), [0, 0])
                times[0] += row[4]
                times[1] += row[5]
    return branches, functions


def function_at(functions, line):
    """The function that has the line: its name."""
    found = [(last - first, name) for first, last, name in functions if first <= line <= last]
    return max(found)[1] if found else "?"


def uncovered(lines, branches, functions):
    """[(file, function, text, line)] of runs of lines never run and outcomes never seen."""
    found = []
    for file, counts in lines.items():
        source = (root / file).read_text().splitlines()
        before = None
        for line in sorted(counts):
            text = source[line - 1].strip()
            if counts[line] == 0 and text not in "{}" and before != line - 1:
                found.append((file, function_at(functions[file], line), text, line))
            if counts[line] == 0 and text not in "{}":
                before = line
    for file, places in branches.items():
        source = (root / file).read_text().splitlines()
        for (first, column, last, end), times in places.items():
            text = source[first - 1][column - 1:end - 1] if first == last else source[first - 1][column - 1:].strip()
            for outcome, count in zip(("true", "false"), times):
                if count == 0:
                    found.append((file, function_at(functions[file], first), f"{text} is {outcome}", first))
    return sorted(found)


def read_reasons():
    """{(file, function, text): (must be uncovered, reason)}"""
    reasons = {}
    for row in reasons_file.read_text().splitlines():
        if row.strip() and not row.startswith("#"):
            file, function, text, when, reason = (part.strip() for part in row.split(" | "))
            reasons[file, function, text] = (when == "never", reason)
    return reasons


def main():
    data, lcov = run(sys.argv[1:])
    lines = read_lines(lcov)
    branches, functions = read_branches(data)
    print(f"{'file':<24}{'lines':>8}{'covered':>9}{'%':>8}{'branches':>10}{'covered':>9}{'%':>8}")
    total = [0, 0, 0, 0]
    for file in [*sorted(lines), "total"]:
        row = total
        if file != "total":
            outcomes = [count for times in branches[file].values() for count in times]
            counts = lines[file].values()
            row = [len(counts), sum(c > 0 for c in counts), len(outcomes), sum(c > 0 for c in outcomes)]
            total = [a + b for a, b in zip(total, row)]
        share = [100.0 * part / whole if whole else 100.0 for part, whole in ((row[1], row[0]), (row[3], row[2]))]
        print(f"{file:<24}{row[0]:>8}{row[1]:>9}{share[0]:>8.1f}{row[2]:>10}{row[3]:>9}{share[1]:>8.1f}")
    errors = []
    if share[0] < LINES or share[1] < BRANCHES:
        errors.append(f"below {LINES:.0f} % of the lines or {BRANCHES:.0f} % of the branches")
    reasons, seen = read_reasons(), set()
    print("not covered:")
    for file, function, text, line in uncovered(lines, branches, functions):
        seen.add((file, function, text))
        reason = reasons.get((file, function, text), (True, "NO REASON"))[1]
        print(f"  {file}:{line} {function}: {text}: {reason}")
        if (file, function, text) not in reasons:
            errors.append(f"no reason in tests/coverage.txt: {file} | {function} | {text}")
    for key, (must, _) in reasons.items():
        if must and key not in seen:
            errors.append(f"tests/coverage.txt has a reason for what is covered: {' | '.join(key)}")
    for error in errors:
        print(f"coverage: error: {error}")
    print(f"coverage: {share[0]:.1f} % of {total[0]} lines, {share[1]:.1f} % of {total[2]} branches, "
          f"{len(errors)} errors")
    return bool(errors)


sys.exit(main())
