#!/usr/bin/env python3
"""Which calls of a driver's can fail, told from their declarations in wdk/; and the hooks that make NDIS's do so.

    calls.py source     C for the linker's --wrap: each such call of NDIS asks SimFail first, then goes on as a tail call,
                        so that host/ndis still sees who called. A rebuilt header is all that a new call needs.
    calls.py options    the linker's options for it

The kernel's calls ask SimFail themselves, in host/nt; sites.py finds those that do not.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What a call gives when it fails, by the type of its result; other types cannot say so.
FAILURES = {"NDIS_STATUS": "NDIS_STATUS_RESOURCES", "NTSTATUS": "STATUS_INSUFFICIENT_RESOURCES", "NDIS_HANDLE": "NULL",
            "BOOLEAN": "FALSE"}


def declarations(header, api):
    """[(type of the result, name, parameters)] of what header declares as imported by api."""
    text = re.sub(r"/\*.*?\*/", " ", (ROOT / "wdk" / header).read_text(), flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    found = []
    for match in re.finditer(r"\b(?:%s)\s+([\w ]+?[\s*]+)NTAPI\s+(\w+)\(" % api, text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        found.append((match.group(1).strip(), match.group(2), " ".join(text[match.end():end - 1].split())))
    return found


def failure(kind):
    """What a result of this type is when the call fails; None: it cannot tell."""
    pointer = kind.endswith("*") or re.match(r"^P[A-Z_]+$", kind)
    return FAILURES.get(kind, "NULL" if pointer else None)


def ndis():
    """[(type, name, parameters, what is done in place of the call)] of all that host/ndis has and that can fail."""
    calls, sources = [], "".join(path.read_text() for path in (ROOT / "host/ndis").glob("*.c"))
    for header in ("nbl.h", "ndis.h"):
        for kind, name, parameters in declarations(header, "NDISAPI|NDIS_EXPORTED_ROUTINE"):
            if not re.search(r"^\w[\w *]*\b%s\(" % name, sources, re.M):
                continue
            status = re.match(r"_Out_ PNDIS_STATUS (\w+),", parameters)
            if kind == "VOID" and status:
                calls.append((kind, name, parameters, f"*{status.group(1)} = NDIS_STATUS_RESOURCES; return;"))
            elif kind != "BOOLEAN" and failure(kind): # a BOOLEAN of NDIS's says what was, not that it failed
                calls.append((kind, name, parameters, f"return {failure(kind)};"))
    return calls


def kernel():
    """The names of the kernel's calls whose result can say that they failed."""
    return {name for kind, name, _ in declarations("ntddk.h", "NTKERNELAPI|NTSYSAPI|NTHALAPI") if failure(kind)}


def arguments(parameters):
    """The names of the parameters, in order."""
    depth, names, last = 0, [], ""
    for char in parameters + ",":
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            names += [] if last.strip() == "VOID" else [re.search(r"(\w+)(\[\])?\s*$", last).group(1)]
            last = ""
        else:
            last += char
    return names


def main():
    if sys.argv[1:] == ["options"]:
        print("\n".join(f"-Wl,--wrap={name}" for _, name, _, _ in ndis()))
        return
    print('#include <ndis.h>\n#include "host/nt/sim.h"\n')
    for kind, name, parameters, instead in ndis():
        print(f"{kind} __real_{name}({parameters});\n{kind} __wrap_{name}({parameters});\n"
              f"{kind} __wrap_{name}({parameters})\n{{\n"
              f'    if (SimFail("{name}", SIM_PLACE())) {{ {instead} }}\n'
              f"    __attribute__((musttail)) return __real_{name}({', '.join(arguments(parameters))});\n}}\n")


if __name__ == "__main__":
    main()
