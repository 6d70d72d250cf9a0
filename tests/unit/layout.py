#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares wdk/*.h with independent facts and fails on any difference, so that a wrong offset or number is found here
and not on somebody's Windows. Facts: wdk/layout.tsv and wdk/constants.tsv (NDIS: offsets, sizes, bit-fields, revision
sizes, numbers) for PE amd64, PE arm64 and Linux; mingw-w64's kernel headers (offsets and numbers of the kernel's own)
for amd64. And the other way round: what a header declares and no fact covers is an error, unless EXCEPTIONS says why;
every function it declares must be in a .def file, and nothing else may. Run from the repository's root; needs clang-19
and mingw-w64-common; `--headers DIR` checks another copy of wdk/ (so that this test can itself be tested)."""
import argparse, os, re, subprocess, sys, tempfile

NDIS_HEADERS = ["ntddndis.h", "nbl.h", "ndisoffload.h", "ndis.h"]
KERNEL_HEADERS = ["ntdef.h", "ntddk.h"]
PE = ["-ffreestanding", "-fms-extensions"]
TARGETS = {"amd64": ["--target=x86_64-pc-windows-msvc"] + PE, "arm64": ["--target=aarch64-pc-windows-msvc"] + PE,
           "Linux": ["--target=x86_64-linux-gnu", "-fshort-wchar"]}
MINGW = ["--target=x86_64-w64-windows-gnu", "-fms-extensions", "-w", "-D_WIN32_WINNT=0x0A00",
         "-DNTDDI_VERSION=0x0A000006", "-isystem", "/usr/share/mingw-w64/include", "-isystem",
         "/usr/share/mingw-w64/include/ddk"]
MINGW_SOURCE = "#include <ntifs.h>\n#include <ntddk.h>\n#include <ifdef.h>\n#include <ntddndis.h>\n#include <devpropdef.h>\n"

# Declared, but covered by no row: structure -> fields (None: the whole), and why that is right.
EXCEPTIONS = {
    # NDIS
    "NET_BUFFER_POOL_PARAMETERS": (None, "only its page states it: a header and two ULONGs"),
    "NDIS_OFFLOAD_ENCAPSULATION": (None, "only its page states it: a header and six ULONGs"),
    "NET_LUID": (None, "64 bits; the split into fields is only its page's (NET_LUID_LH)"),
    "NDIS_MINIPORT_ADAPTER_ATTRIBUTES": (None, "a union of structures that have rows"),
    "NET_BUFFER_DATA_LENGTH": (None, "checked as NET_BUFFER_DATA.NbDataLength"),
    "BINARY_DATA": (None, "checked as NDIS_CONFIGURATION_PARAMETER.ParameterData.BinaryData"),
    "REQUEST_DATA": (None, "checked as NDIS_OID_REQUEST.DATA"),
    "NDIS_EVENT": (None, "a KEVENT"),
    "NDIS_SPIN_LOCK": (None, "opaque: used only through this header's own macros and the driver's memory"),
    "NET_BUFFER": ("Next CurrentMdl CurrentMdlOffset DataLength stDataLength MdlChain DataOffset Link",
                   "the unnamed twin of NetBufferHeader (TWINS)"),
    "NET_BUFFER_LIST": ("Next FirstNetBuffer Link", "the unnamed twin of NetBufferListHeader (TWINS)"),
    # The kernel
    "DISPATCHER_HEADER": ("Signalling Size Reserved1", "opaque bytes before SignalState, which the header has as unions"),
    "KWAIT_BLOCK": (None, "opaque memory for KeWaitForMultipleObjects; its size is compared"),
    "KSPIN_LOCK_QUEUE": (None, "checked as KLOCK_QUEUE_HANDLE.LockQueue"),
    "KAPC_STATE": (None, "opaque memory for KeStackAttachProcess; sizes are compared where the header has it"),
    "SLIST_HEADER": (None, "opaque; size and alignment are checked through NET_BUFFER's rows"),
    "LUID": (None, "two 32-bit halves"),
    "EVENT_DATA_DESCRIPTOR": ("Type Reserved1 Reserved2", "parts of Reserved, named by its page only"),
}
# These pairs must be one place.
TWINS = [("NET_BUFFER", a, "NetBufferHeader." + b) for a, b in (
    ("Next", "NetBufferData.Next"), ("CurrentMdl", "NetBufferData.CurrentMdl"),
    ("CurrentMdlOffset", "NetBufferData.CurrentMdlOffset"), ("DataLength", "NetBufferData.NbDataLength.DataLength"),
    ("stDataLength", "NetBufferData.NbDataLength.stDataLength"), ("MdlChain", "NetBufferData.MdlChain"),
    ("DataOffset", "NetBufferData.DataOffset"), ("Link", "Link"))] + [
    ("NET_BUFFER_LIST", a, "NetBufferListHeader." + b) for a, b in (
        ("Next", "NetBufferListData.Next"), ("FirstNetBuffer", "NetBufferListData.FirstNetBuffer"), ("Link", "Link"))]
# Numbers that no row has.
NUMBER_EXCEPTIONS = {
    "NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1": "as the structure",
    "NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1": "as the structure",
    "NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1": "the structure is compared with mingw-w64's",
}
# Kernel numbers that differ in name only or on purpose from mingw-w64's.
KERNEL_NUMBER_EXCEPTIONS = {
    "PROCESS_ALL_ACCESS": "grew with Vista; mingw-w64 has the older value for some versions",
    "THREAD_ALL_ACCESS": "as PROCESS_ALL_ACCESS",
}
# Structure members of kernel types, whose insides are the kernel headers' affair.
OPAQUE_INSIDE = {"SLIST_HEADER", "NET_LUID", "LARGE_INTEGER", "GUID", "UNICODE_STRING", "MDL", "KEVENT"}

errors = []


def fail(text):
    errors.append(text)


def read(path):
    with open(path) as file:
        return file.read()


def rows(path):
    return [line.split("\t") for line in read(path).split("\n") if line.strip() and not line.startswith("#")]


def bare(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def clang(arguments, source):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(source)
        file.flush()
        run = subprocess.run(["clang-19", "-std=c11", *arguments, file.name], capture_output=True, text=True)
        return run.returncode, run.stdout, run.stderr


def layouts(arguments, source):
    """{structure: {"<sizeof>": (size, alignment), "a.b": offset or "byte:first-last"}} of a source, all records."""
    code, out, err = clang([*arguments, "-fsyntax-only", "-Xclang", "-fdump-record-layouts-complete"], source)
    if code:
        sys.exit("layout: a header does not compile\n" + err)
    result = {}
    for block in out.split("*** Dumping AST Record Layout")[1:]:
        lines = [line for line in block.split("\n") if "|" in line]
        head = re.match(r"\s*0 \| (?:struct|union) (\w+)$", lines[0])
        if not head:
            continue
        fields, path = {}, []
        for line in lines[1:]:
            where, what = line.split("|", 1)
            where, depth = where.strip(), (len(what) - len(what.lstrip())) // 2
            what = what.strip()
            size = re.match(r"\[sizeof=(\d+), align=(\d+)", what)
            if size:
                fields["<sizeof>"] = (int(size[1]), int(size[2]))
                continue
            # The name is the last word; a record without one ends in its "(anonymous at ...)" or in nothing.
            name = "" if what.endswith(")") else what.split()[-1]
            kind = re.match(r"(?:struct|union) _?(\w+) \w+$", what)
            path = path[:depth - 1] + [(name, kind[1] if kind else "")]
            if name and not any(k in OPAQUE_INSIDE for _, k in path[:-1]):
                fields[".".join(n for n, _ in path if n)] = where
        result[head[1].lstrip("_")] = fields
    return result


def declared(headers, directory):
    text = "".join(bare(read(os.path.join(directory, h))) for h in headers)
    structures = [m[1] for m in re.finditer(r"\b(?:struct|union)(?: DECLSPEC_ALIGN\(\d+\))? _(\w+)\s*\{", text)]
    macros = [m[1] for m in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+\S", text, re.M)]
    enumerators = [m[1] for body in re.finditer(r"\benum(?: _\w+)?\s*\{(.*?)\}", text, re.S)
                   for m in re.finditer(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body[1].strip())]
    return structures, macros, enumerators


def check_rows(directory):
    """Every row of layout.tsv, as assertions that each target's compiler evaluates; bit-fields from its dump."""
    include = ["-I" + directory]
    lines, bits, known = ["#include <ndis.h>"], [], {}
    layout = rows(os.path.join(directory, "layout.tsv"))
    for struct, field, offset, size, *_ in layout:
        known.setdefault(struct, set()).add(field)
        what = '"%s.%s"' % (struct, field)
        if field == "<sizeof>":
            lines.append("_Static_assert(sizeof(%s) == %s && _Alignof(%s) == %s, %s);" %
                         (struct, offset, struct, size.split()[1], what))
        elif field.startswith("NDIS_SIZEOF_"):
            lines.append("_Static_assert(%s == %s, %s);" % (field, size, what))
        elif ":" in offset:
            bits.append((struct, field, offset))
        else:
            lines.append("_Static_assert(offsetof(%s, %s) == %s, %s);" % (struct, field, offset, what))
            if size:
                lines.append("_Static_assert(sizeof(((%s *)0)->%s) == %s, %s);" % (struct, field, size, what))
    for struct, a, b in TWINS:
        lines.append('_Static_assert(offsetof(%s, %s) == offsetof(%s, %s), "%s.%s");' % (struct, a, struct, b, struct, a))
    numbers = rows(os.path.join(directory, "constants.tsv"))
    for name, value, *_ in numbers:
        number = int(value, 0)
        cast = "(ULONGLONG)" if number > 0xffffffff else "(ULONGLONG)(ULONG)"
        lines.append('_Static_assert(%s(%s) == 0x%xULL, "%s");' % (cast, name, number, name))
    source = "\n".join(lines) + "\n"
    everything = {}
    for target, flags in TARGETS.items():
        code, _, err = clang([*flags, *include, "-Wall", "-Wextra", "-Werror", "-ferror-limit=0", "-fsyntax-only"], source)
        if code:
            for line in re.findall(r"error: (.*)", err):
                fail("%s: %s" % (target, line))
        everything = layouts([*flags, *include], "#include <ndis.h>\n")
        for struct, field, offset in bits:
            if everything.get(struct, {}).get(field) != offset:
                fail("%s: %s.%s is at %s, not %s" % (target, struct, field, everything.get(struct, {}).get(field), offset))
    return known, {name for name, *_ in numbers}, len(layout), len(numbers), everything


def check_complete(directory, known, numbers, layout, kernel_checked):
    """What the NDIS headers declare and no row covers."""
    structures, macros, enumerators = declared(NDIS_HEADERS, directory)
    for struct in structures:
        excepted = EXCEPTIONS.get(struct, ("", ""))[0]
        if excepted is None or struct in kernel_checked:
            continue
        if struct not in known:
            fail("%s is declared, but wdk/layout.tsv has no row of it" % struct)
            continue
        for field in layout[struct]:
            if field not in known[struct] and field.split(".")[0] not in excepted.split():
                fail("%s.%s is declared, but wdk/layout.tsv has no row of it" % (struct, field))
    sized = {f for fields in known.values() for f in fields}
    plain = [m for m in macros if re.match(r"(NDIS|OID|NET|IF|NBL|STATUS)_", m) and
             m not in ("NDIS_EXPORTED_ROUTINE", "NDISAPI")]
    for name in plain + enumerators:
        if name in numbers or name in sized or name in NUMBER_EXCEPTIONS or re.match(r"(Low|Normal|High)PoolPriority", name):
            continue
        fail("%s is declared, but wdk/constants.tsv has no row of it" % name)


def values(arguments, prologue, names):
    """{name: value} of those names that are integer constants for a compiler."""
    names = list(names)
    for _ in range(3):
        first = prologue.count("\n") + 1
        source = prologue + "".join("const unsigned long long V_%s = (unsigned long long)(%s);\n" % (n, n) for n in names)
        code, out, err = clang([*arguments, "-w", "-ferror-limit=0", "-O0", "-S", "-emit-llvm", "-o", "-"], source)
        if not code:
            return {m[1]: int(m[2]) & 0xffffffff for m in re.finditer(r"@V_(\w+) = .*constant i64 (-?\d+)", out)}
        bad = {int(line) - first for line in re.findall(r"\.c:(\d+):\d+: error", err)}
        names = [n for i, n in enumerate(names) if i not in bad]
    sys.exit("layout: cannot evaluate numbers\n" + err)


def check_kernel(directory):
    """Kernel structures and numbers against mingw-w64's headers; returns what was compared."""
    ours = layouts(TARGETS["amd64"] + ["-I" + directory], "#include <ndis.h>\n")
    theirs = layouts(MINGW, MINGW_SOURCE)
    structures, macros, enumerators = declared(KERNEL_HEADERS, directory)
    also = ["NDIS_LINK_PARAMETERS"]
    compared, fields = set(), 0
    for struct in structures + also:
        excepted, _ = EXCEPTIONS.get(struct, ("", ""))
        if struct.startswith("HOST_"):
            continue
        if struct not in theirs:
            if excepted is not None:
                fail("%s is not in mingw-w64's headers: nothing to compare with" % struct)
            continue
        compared.add(struct)
        for field, where in ours[struct].items():
            if excepted is None and field != "<sizeof>":
                continue
            if field in theirs[struct]:
                fields += 1
                if where != theirs[struct][field]:
                    fail("%s.%s is %s, not %s" % (struct, field, where, theirs[struct][field]))
            elif field.split(".")[0] not in excepted.split() and \
                    not re.search(r"(^|\.)(Header|Event|Lock|DeviceLock|Dpc|Queue|Apc|Overlay|DeviceQueue)\.", field):
                fail("%s.%s is not in mingw-w64's header: nothing to compare with" % (struct, field))
    candidates = [m for m in macros if re.match(r"[A-Z][A-Za-z0-9_]+$", m)] + enumerators
    mine = values(TARGETS["amd64"] + ["-I" + directory], "#include <ndis.h>\n", candidates)
    other = values(MINGW, MINGW_SOURCE, mine)
    for name, value in other.items():
        if mine[name] != value and name not in KERNEL_NUMBER_EXCEPTIONS:
            fail("%s is 0x%x, not 0x%x" % (name, mine[name], value))
    return compared, fields, len(other)


def check_imports(directory):
    """Each function and variable that a header imports stands in its .def file, and nothing else does."""
    wanted = {"ntoskrnl": {"__C_specific_handler"}, "hal": set(), "ndis": set()}
    for header in KERNEL_HEADERS + NDIS_HEADERS:
        text = "\n".join(l for l in bare(read(os.path.join(directory, header))).split("\n") if not l.lstrip().startswith("#"))
        for api, text in re.findall(r"\b(NTKERNELAPI|NTSYSAPI|NTHALAPI|NDISAPI)\b([^;]*);", text):
            module = {"NTHALAPI": "hal", "NDISAPI": "ndis"}.get(api, "ntoskrnl")
            function = re.search(r"\b(\w+)\s*\(", text)
            wanted[module].add(function[1] if function else re.search(r"(\w+)\s*$", text)[1] + " DATA")
        # Pointers that the kernel exports, declared as their import slots: no dllimport, CONSTANT in the .def.
        plain = "\n".join(re.sub(r"#.*", "", line) for line in bare(read(os.path.join(directory, header))).split("\n"))
        for name in re.findall(r"^extern \w+ \*(\w+);", plain, re.M):
            wanted["ntoskrnl"].add(name + " CONSTANT")
    for module, names in wanted.items():
        text = re.sub(r";.*", "", read(os.path.join(directory, module + ".def")))
        listed = {" ".join(line.split()) for line in text.split("EXPORTS")[1].split("\n") if line.strip()}
        for name in sorted(names ^ listed):
            fail("%s is %s %s.def" % (name, "missing in" if name in names else "declared nowhere, but in", module))
    return sum(map(len, wanted.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(",")[0])
    parser.add_argument("--headers", default="wdk")
    directory = parser.parse_args().headers
    known, numbers, layout_rows, number_rows, layout = check_rows(directory)
    compared, fields, kernel_numbers = check_kernel(directory)
    check_complete(directory, known, numbers, layout, compared)
    imports = check_imports(directory)
    for text in sorted(set(errors)):
        print("layout: " + text)
    print("layout: %d rows and %d numbers of NDIS on amd64, arm64 and Linux; %d fields and %d numbers of the kernel; "
          "%d imports: %s" % (layout_rows, number_rows, fields, kernel_numbers, imports,
                              "%d wrong" % len(set(errors)) if errors else "all right"))
    return bool(errors)


sys.exit(main())
