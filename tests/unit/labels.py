#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares the labels of publishes, acquires and fences: those that the head of ring/ring.h lists, those at their
places in its code, and those that docs/protocol.md lists. Each stands exactly once in each of the three, and the
operation behind it is of the kind that its name says. Then does so on broken copies, and must see each fault."""
import re
import sys

KINDS = {"publish": "memory_order_release", "acquire": "memory_order_acquire",
         "fence": "atomic_thread_fence(memory_order_seq_cst)"}


def faults(code, document):
    """All that is wrong, one sentence each."""
    head, body = code.split("*/", 2)[1:]
    listed = re.findall(r"^ \*   \[([a-z-]+)\]", head, re.M)
    places = re.findall(r"/\* \[([a-z-]+)\][^\n]*\n([^\n]*)", body)
    placed = [label for label, _ in places]
    documented = re.findall(r"^\| `\[([a-z-]+)\]`", document, re.M)
    found = []
    for label in sorted(set(listed + placed + documented)):
        for name, labels in (("ring.h's head", listed), ("ring.h's code", placed), ("docs/protocol.md", documented)):
            if labels.count(label) != 1:
                found.append(f"[{label}] stands {labels.count(label)} times in {name}, not once")
    for label, line in places:
        kind = KINDS.get(label.split("-")[0], "a known operation")
        if kind not in line:
            found.append(f"[{label}] is not followed by {kind}: {line.strip()}")
    for order in ("release", "acquire", "seq_cst", "acq_rel"):
        labelled = sum(f"memory_order_{order}" in line for _, line in places)
        # Closed has its own pair, outside the protocol of the indexes.
        closing = len(re.findall(rf"Closed,.*memory_order_{order}|Closed\b.*memory_order_{order}", body))
        if body.count(f"memory_order_{order}") != labelled + closing:
            found.append(f"ring.h's code has a memory_order_{order} without a label")
    return found


def main():
    code, document = open("ring/ring.h").read(), open("docs/protocol.md").read()
    label = "/* [fence-tail]"
    fence = "    atomic_thread_fence(memory_order_seq_cst);\n"
    broken = {
        "unlisted": (code.replace(" *   [fence-head]", " *   fence-head"), document),
        "unplaced": (code.replace(label, "/*"), document),
        "placed twice": (code.replace("/* [publish-head]", "/* [publish-tail]"), document),
        "undocumented": (code, document.replace("`[acquire-tail]`", "`acquire-tail`")),
        "fence gone": (code.replace(fence, "", 1), document),
        "publish weakened": (code.replace("Index, memory_order_release", "Index, memory_order_relaxed", 1), document),
        "fence without a label": (code.replace("#endif\n", fence + "#endif\n"), document),
    }
    passed, failed = 0, 0
    for fault in faults(code, document):
        print(f"labels: {fault}")
        failed += 1
    passed += failed == 0
    for name, (changed_code, changed_document) in broken.items():
        if (changed_code, changed_document) == (code, document):
            print(f"labels: the fault '{name}' changes nothing; this test needs mending")
        elif faults(changed_code, changed_document):
            passed += 1
            continue
        else:
            print(f"labels: the fault '{name}' was not seen")
        failed += 1
    print(f"labels: {passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
