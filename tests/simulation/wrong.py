#!/usr/bin/env python3
"""Tells whether every demand of host/ndis was seen broken.

    wrong.py FIRED

FIRED is what scenario NdisRulesFire wrote: rule, call, text of each report that its cases were for. A demand is a place in
host/ndis that reports: a condition with a text of its own, or a check that several calls share, for each of these calls.
Fails and names the demands that no case breaks, and the places whose meaning this script does not understand.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]

# Checks that several calls share: the rules that they report for their caller, and which argument names the call (None: the
# function that they stand in).
SHARED = {
    "HostAdapterOf": (["Handle_Adapter"], 1),
    "HostDriverOf": (["Handle_Driver"], 1),
    "HostOwnerOf": (["Handle_Driver"], 2),
    "HostHeaderValid": (["Header_Valid"], 5),
    "HostGuardEnd": (["Irql_Miniport_Driver", "SpinLockBalanced"], 1),
    "HostPoolsCheckGone": (["Halt_PoolsFreed"], 2),
    "HostDevicesCheckGone": (["Halt_DevicesDeregistered"], 2),
    "NewPool": (["Pool_Tag", "Handle_Driver"], 3),
    "DeletePool": (["NdisAllocateNetBuffer"], 1),
    "HostOwnedCheckGone": (["NdisAllocateMdl", "NdisAllocateMemory", "NdisAllocateTimerObject"], 2),
    "IsTimer": (["Handle_Timer"], 1),
    "IsList": (["Handle_List"], 1),
    "HostContextsCheckGone": (["List_Context"], 1),
    "CheckPaused": (["Pause_SendsCompleted", "Pause_ReceivesReturned"], 1),
    "HostEnter": (None, 0),
}
DIRECT = {"NdisRule": 0, "OidRule": 0, "HandlerRule": 1, "HostRuleBroken": 0}


def arguments(text, start):
    """The arguments of the call whose opening parenthesis is at start."""
    depth, quoted, found, begin = 0, False, [], start + 1
    for at in range(start, len(text)):
        sign = text[at]
        if sign == '"' and text[at - 1] != "\\":
            quoted = not quoted
        elif quoted:
            continue
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                return [part.strip() for part in found + [text[begin:at]]]
        elif sign == "," and depth == 1:
            found.append(text[begin:at])
            begin = at + 1
    raise ValueError("unbalanced")


def pattern(literal):
    """What a format gives, as a regular expression."""
    text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literal))
    parts = re.split(r"%[0-9.]*(?:ll|l)?[a-zA-Z]", text)
    return ".*".join(re.escape(part) for part in parts) + "$"


def demands():
    """(file:line, rule, call or None, pattern or None)"""
    names = "|".join([*SHARED, *DIRECT])
    for path in sorted((root / "host/ndis").glob("*.c")):
        text = path.read_text()
        text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
        constants = dict(re.findall(r'static const CHAR (\w+)\[\] = "(\w+)"', text))
        heads = [(m.start(), m.group(1)) for m in re.finditer(r"^[A-Za-z_][\w *]*?[ *](\w+)\([^;{]*\)\n\{", text, re.M)]
        for match in re.finditer(rf"\b({names})\(", text):
            here = f"{path.name}:{text.count(chr(10), 0, match.start()) + 1}"
            inside = [name for start, name in heads if start <= match.start()]
            if not inside or re.search(rf"^[A-Za-z_][\w *]*?[ *]{match.group(1)}\([^;{{]*\)\n\{{",
                                       text[text.rfind("\n", 0, match.start()) + 1:], re.M) \
                    and text[text.rfind("\n", 0, match.start()) + 1] not in " ":
                continue  # a definition
            function = inside[-1]
            given = arguments(text, match.end() - 1)

            def call_of(argument):
                if argument == "__func__":
                    return function
                return constants.get(argument) or (argument.strip('"') if argument.startswith('"') else None)

            if match.group(1) in DIRECT:
                first = DIRECT[match.group(1)]
                rule, form = given[first], next(part for part in given[first + 2:] if '"' in part)
                if not rule.startswith('"'):
                    continue  # HostEnter, which is asked for by each of its callers
                call = {"NdisRule": function, "OidRule": "MiniportOidRequest"}.get(match.group(1)) or call_of(given[1 - first])
                yield here, rule.strip('"'), call, pattern(form)
                continue
            rules, index = SHARED[match.group(1)]
            call = call_of(given[index])
            if call is None:
                continue  # passed on by another shared check
            if match.group(1) == "HostEnter":
                rules = [given[2].strip('"')] + ["SpinLock_AcrossNdis"] * (given[4] == "TRUE")
            what = next((part for part in given if part.startswith('"NDIS_') or part.startswith('"NET_')), None)
            for rule in rules:
                yield here, rule, call, pattern(what)[:-1] + ":" if match.group(1) == "HostHeaderValid" else None


def main():
    fired = [line.rstrip("\n").split("\t", 2) for line in open(sys.argv[1])]
    asked = list(demands())
    missing = [(here, rule, call, form) for here, rule, call, form in asked
               if not any(rule == seen[0] and call in (None, seen[1]) and (form is None or re.match(form, seen[2]))
                          for seen in fired)]
    for here, rule, call, form in missing:
        print(f"rules: host/ndis/{here}: nobody has seen {rule} fire{' in ' + call if call else ''}"
              f"{': ' + form if form else ''}")
    names = {rule for _, rule, _, _ in asked}
    print(f"rules: {len(names)} of host/ndis known, {len(asked)} demands, {len(asked) - len(missing)} seen broken")
    return bool(missing) or len(names) < 50


sys.exit(main())
