#!/usr/bin/env python3
"""Sows the faults of tests/mutations.txt into a copy of the tree, one at a time, and sees each one caught.

    mutate.py [NAME...]     all of them, or those named
    mutate.py --check       only whether each can still be sown

The copy is build/mutate/tree. First every check that is to catch something must pass on the unchanged copy. A fault that
cannot be sown, does not compile or is caught by none of its checks is an error.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

root = pathlib.Path(__file__).resolve().parents[1]
tree = root / "build/mutate/tree"
mark = root / "build/mutate/dirty"  # there while a fault is in the copy
rooms = ["Makefile", "scripts", "package", "driver", "ring", "library", "include", "host", "wdk", "docs",
         "tests", "examples", "tool", "bench"]
SECONDS = 120  # for a check: longer is a hang, and caught
SECONDS_E2E = 600  # for all of them in Wine
ALARMS = re.compile(r"^VIOLATION|^\[  FAILED  \]|ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:|"
                    r"a wake-up was lost")
SYMBOLIZER = "external_symbolizer_path=" + (shutil.which("llvm-symbolizer-19") or "")
ENVIRONMENT = {"ASAN_OPTIONS": f"detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0:{SYMBOLIZER}",
               "UBSAN_OPTIONS": f"print_stacktrace=1:{SYMBOLIZER}",
               "TSAN_OPTIONS": f"halt_on_error=1:history_size=4:{SYMBOLIZER}", "SIM_SEED": "1"}
# name: (the program that make builds, or what for a check that is none, arguments before those of the fault)
CHECKS = {
    "labels": (None, ["/usr/bin/python3", "tests/unit/labels.py"]),
    "ring-plain": ("build/unit/ring-plain", []),
    "ring-address": ("build/unit/ring-address", []),
    "ring-thread": ("build/unit/ring-thread", []),
    "offload": ("build/unit/offload", []),
    "library-address": ("build/unit/library.asan", []),
    "library-thread": ("build/unit/library.tsan", []),
    "simulate-address": ("build/native/simulate-address", []),
    "simulate-thread": ("build/native/simulate-thread", []),
    "fuzz-memory": ("build/native/fuzz/fuzz-memory", ["-runs=0", "-timeout=60", "tests/fuzz/corpus/memory"]),
    "e2e": ("host examples build/e2e/failing.exe build/e2e/faults.exe build/e2e/adapters.exe build/e2e/loading.exe build/e2e/waiting.exe", ["tests/e2e/run", "-q"]),
    "fuzz-library": ("build/native/fuzz/fuzz-library", ["-runs=0", "-timeout=60", "tests/fuzz/corpus/library"]),
    "fuzz-segment": ("build/native/fuzz/fuzz-segment", ["-runs=0", "-timeout=60", "tests/fuzz/corpus/segment"]),
}


class Mutation:
    def __init__(self, head, lines):
        match = re.fullmatch(r"== (\S+) (\S+) by (.+?): (.+)", head)
        if not match:
            sys.exit(f"mutations: cannot read: {head}")
        self.name, self.file, catchers, self.what = match.groups()
        self.catchers = []  # (check, scenarios)
        for word in catchers.split():
            if word in CHECKS:
                self.catchers.append((word, []))
            else:
                prefix = "tests/e2e/" if self.catchers[-1][0] == "e2e" else ""
                self.catchers[-1][1].extend(prefix + item for item in word.split(","))
        self.places = [("", "")]
        for line in lines:
            old, new = self.places[-1]
            if line == "...":
                self.places.append(("", ""))
            elif line.startswith("-"):
                if new:
                    sys.exit(f"mutations: {self.name}: a place ends before the next begins (...)")
                self.places[-1] = (old + line[1:] + "\n", new)
            elif line.startswith("+"):
                self.places[-1] = (old, new + line[1:] + "\n")
            else:
                sys.exit(f"mutations: {self.name}: cannot read: {line}")

    def sow(self, text):
        """The text with the fault; an error as a string instead when it cannot be sown."""
        for old, new in self.places:
            found = ("\n" + text).count("\n" + old)
            if found != 1 or not old or old == new:
                return None, f"{found} places are as it wants them, not one: {old.splitlines()[0].strip()}"
            text = ("\n" + text).replace("\n" + old, "\n" + new)[1:]
        return text, None


def read():
    mutations, head, lines = [], None, []
    for line in [*(root / "tests/mutations.txt").read_text().splitlines(), "== end"]:
        if line.startswith("== "):
            if head:
                mutations.append(Mutation(head, lines))
            head, lines = line, []
        elif line and not line.startswith("#"):
            lines.append(line)
    return mutations


def check(mutations):
    """Whether each fault can be sown."""
    failed = 0
    for mutation in mutations:
        error = mutation.sow((root / mutation.file).read_text())[1]
        if error:
            print(f"mutations: {mutation.name} in {mutation.file}: {error}")
            failed += 1
        known = re.findall(r"\bEach\((\w+)\)", (root / "tests/simulation/simulate.c").read_text())
        known += [f"{path.relative_to(root)}::{test}" for path in (root / "tests/e2e").glob("test_*.py")
                  for test in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)]
        for scenario in [item for _, scenarios in mutation.catchers for item in scenarios if item.split("[")[0] not in known]:
            print(f"mutations: {mutation.name}: there is no check {scenario}")
            failed += 1
    names = [mutation.name for mutation in mutations]
    for name in {name for name in names if names.count(name) > 1}:
        print(f"mutations: {name} stands twice")
        failed += 1
    print(f"mutations: {len(mutations) - failed} passed, {failed} failed")
    return failed


def copy_tree():
    """Makes the copy what the tree is, times included, so that make builds only what has changed."""
    if mark.exists():
        shutil.rmtree(tree, ignore_errors=True)
        mark.unlink()
    wanted = set()
    for room in rooms:
        place = root / room
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                wanted.add(path.relative_to(root))
    for path in wanted:
        to = tree / path
        if not to.exists() or to.stat().st_mtime_ns != (root / path).stat().st_mtime_ns:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / path, to)
    for path in list(tree.rglob("*")):
        inside = path.relative_to(tree)
        if path.is_file() and inside.parts[0] != "build" and inside not in wanted:
            path.unlink()


def build(program):
    """What make says when it cannot build the program, or None."""
    if program is None:
        return None
    result = subprocess.run(["make", "-j2", "--no-print-directory", *program.split()], cwd=tree, capture_output=True, text=True)
    return None if result.returncode == 0 else result.stdout + result.stderr


def run(check_name, scenarios):
    """The line in which a check reports a failure, or None when it passes. Ends it at the first one."""
    program, arguments = CHECKS[check_name]
    command = [*([program] if program and check_name != "e2e" else []), *arguments, *scenarios]
    log = root / "build/mutate/log"
    with open(log, "w") as output:
        process = subprocess.Popen(command, cwd=tree, stdout=output, stderr=output, start_new_session=True,
                                   stdin=subprocess.DEVNULL, env=dict(os.environ, **ENVIRONMENT))
    seen, begin, limit = None, time.monotonic(), SECONDS_E2E if check_name == "e2e" else SECONDS
    with open(log, errors="replace") as text:
        while True:
            ended = process.poll() is not None
            for line in text:
                if ALARMS.search(line):
                    seen = line.strip()
                    break
            if seen or ended:
                break
            if time.monotonic() - begin > limit:
                seen = f"hangs for {limit} s"
                break
            time.sleep(0.05)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if seen is None and process.wait() != 0:
        seen = f"exit {process.returncode}: {(log.read_text(errors='replace').strip() or '-').splitlines()[-1]}"
    process.wait()
    return seen


def objects(file):
    """The files in the copy's build that hold the code of the file."""
    built = tree / "build"
    if file.startswith("ring/"):
        found = [*built.glob("unit/*"), *built.glob("native/*/driver/*.o"), *built.glob("native/*/tests/*/*.o"),
                 *built.glob("native/fuzz/library/*.o"), *built.glob("native/fuzz/fuzz-library"), *built.glob("native/fuzz/fuzz-segment")]
    elif file.startswith("library/"):
        found = [*built.glob("unit/library*"), *built.glob("unit/offload"), *built.glob("native/fuzz/library/*.o"), *built.glob("e2e/*"),
                 *built.glob(f"amd64/obj/{file[:-2]}.o"), *built.glob("amd64/plaintun.*"), *built.glob("amd64/wintun.*")]
    elif file.endswith(".h"):
        found = [*built.glob("native/*/driver/*.o")]
    else:
        found = [*built.glob(f"native/*/{file[:-2]}.o")]
    return [path for path in found if path.is_file()]


class Sown:
    """The fault is in the copy; what was built of the file is put aside meanwhile, so that make builds it anew."""

    def __init__(self, mutation, text):
        self.path, self.text = tree / mutation.file, text
        self.aside = [(path, path.with_name(path.name + ".aside")) for path in objects(mutation.file)]

    def __enter__(self):
        mark.touch()
        self.before, self.times = self.path.read_text(), self.path.stat()
        for path, aside in self.aside:
            path.rename(aside)
        self.path.write_text(self.text)
        os.utime(self.path, ns=(self.times.st_atime_ns, self.times.st_mtime_ns))

    def __exit__(self, *_):
        self.path.write_text(self.before)
        os.utime(self.path, ns=(self.times.st_atime_ns, self.times.st_mtime_ns))
        for path, aside in self.aside:
            aside.rename(path)
        # Programs were linked with the fault.
        for path in [*(tree / "build/native").glob("simulate-*"), *(tree / "build/native/fuzz").glob("fuzz-*")]:
            path.unlink()
        mark.unlink()


def main():
    mutations = read()
    if sys.argv[1:] == ["--check"]:
        return check(mutations) != 0
    if check(mutations):
        return 1
    if sys.argv[1:]:
        mutations = [mutation for mutation in mutations if mutation.name in sys.argv[1:]]
    begin = time.monotonic()
    copy_tree()
    sober = {}  # check: all scenarios
    for mutation in mutations:
        for name, scenarios in mutation.catchers:
            sober[name] = [*sober.get(name, []), *[item for item in scenarios if item not in sober.get(name, [])]]
    for name, scenarios in sober.items():
        wrong = build(CHECKS[name][0]) or run(name, scenarios)
        if wrong:
            print(f"mutate: {name} {' '.join(scenarios)} does not pass on the unchanged code: {wrong[-1000:]}")
            return 1
        print(f"mutate: {name} {' '.join(scenarios)} passes on the unchanged code", flush=True)
    print(f"{'fault':<26}{'in':<21}{'caught by':<39}{'s':>4}  as", flush=True)
    caught, errors = 0, []
    for mutation in mutations:
        since, seen, catcher = time.monotonic(), None, ""
        with Sown(mutation, mutation.sow((tree / mutation.file).read_text())[0]):
            for name, scenarios in mutation.catchers:
                wrong = build(CHECKS[name][0])
                if wrong:
                    error = next((line for line in wrong.splitlines() if "error" in line), wrong[-200:])
                    errors.append(f"{mutation.name} does not compile: {error}")
                    seen, catcher = error, "ERROR: does not compile"
                    break
                seen = run(name, scenarios)
                if seen:
                    catcher = " ".join([name, *scenarios])
                    caught += 1
                    break
        if not seen:
            errors.append(f"{mutation.name} was not caught: {mutation.what}")
        print(f"{mutation.name:<26}{mutation.file:<21}{catcher or 'NOTHING':<39}{time.monotonic() - since:4.0f}  "
              f"{(seen or mutation.what)[:100]}", flush=True)
    for error in errors:
        print(f"mutate: error: {error}")
    print(f"mutate: {time.monotonic() - begin:.0f} s")
    print(f"mutate: {caught} of {len(mutations)} caught")
    return caught != len(mutations)


sys.exit(main())
