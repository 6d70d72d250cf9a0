#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads Windows files (PE) and says what they lack of what Windows, or a careful user, demands of them:

    tests/unit/pe.py FILE...

Drivers (.sys) are held to more than programs and DLLs. Then each check is itself tested: a copy of one of the files is
broken on purpose, in each way that the checks know, and the fault must be found under its name, and no other one.
Facts: "PE Format" (learn.microsoft.com/windows/win32/debug/pe-format), "IMAGE_LOAD_CONFIG_DIRECTORY64"."""
import os
import re
import struct
import subprocess
import sys
import tempfile

import pefile

MACHINES = {"x86": 0x14C, "amd64": 0x8664, "arm64": 0xAA64}
DYNAMIC_BASE, HIGH_ENTROPY, NX, FORCE_INTEGRITY, NO_SEH, GUARD_CF = 0x40, 0x20, 0x100, 0x80, 0x400, 0x4000
EXECUTE, WRITE = 0x20000000, 0x80000000
CF_INSTRUMENTED, CF_TABLE = 0x100, 0x400
CHECKSUM, SUBSYSTEM, CHARACTERISTICS = 64, 68, 70  # offsets in the optional header, alike in PE32 and PE32+
OBJDUMP = "llvm-objdump-19"

# Offsets in the load configuration, by the bytes of an address: the 5 fields of the guard, and how to read them.
GUARD = {8: {"check": 0x70, "dispatch": 0x78, "table": 0x80, "count": 0x88, "flags": 0x90, "form": "<4QI"},
         4: {"check": 0x48, "dispatch": 0x4C, "table": 0x50, "count": 0x54, "flags": 0x58, "form": "<5I"}}

# A driver's prologue that touches page after page, or a frame for which it would have to: amd64, arm64.
PROBES = re.compile(r"\bsub\s+rsp, r[a-z0-9]+\b|\bsub\s+sp, sp, x15\b|__chkstk")
FRAME = re.compile(r"\bsub\s+rsp, (0x[0-9a-f]+|\d+)\b|\bsub\s+sp, sp, #(0x[0-9a-f]+|\d+)(, lsl #12)?")
AVX = re.compile(r"\b[yz]mm\d|^\s*[0-9a-f]+:\s+v[a-z0-9]+\s.*xmm", re.M)


def def_imports(folder="wdk"):
    """What the driver may import: DLL name in small letters -> names, from the .def files."""
    allowed = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".def"):
            text = open(os.path.join(folder, name)).read()
            library = re.search(r'^\s*LIBRARY\s+"?([^"\s]+)"?', text, re.M).group(1).lower()
            names = re.findall(r"^\s+([A-Za-z_]\w*)", text[text.index("EXPORTS"):], re.M)
            allowed.setdefault(library, set()).update(names)
    return allowed


def checksum(data, offset):
    """The PE checksum: 16-bit words added with carry, the field itself left out, plus the file's length."""
    even = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"<{len(even) // 2}H", even)) - sum(struct.unpack_from("<2H", data, offset))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total + len(data)


class Image:
    """A PE file with what the checks ask of it more than once."""

    def __init__(self, data):
        self.data = data
        self.pe = pefile.PE(data=data, fast_load=True)
        self.pe.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]])
        self.header = self.pe.OPTIONAL_HEADER
        self.guard_at = GUARD[8 if self.header.Magic == 0x20B else 4]
        self.checksum_at = self.header.get_file_offset() + CHECKSUM

    def section(self, rva):
        for section in self.pe.sections:
            if section.VirtualAddress <= rva < section.VirtualAddress + max(section.Misc_VirtualSize, 1):
                return section
        return None

    def flags(self, rva):
        section = self.section(rva)
        return section.Characteristics if section else 0

    def directory(self, name):
        entry = self.header.DATA_DIRECTORY[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_" + name]]
        return entry.VirtualAddress, entry.Size

    def load_config(self):
        """File offset of the load configuration, or None."""
        rva, size = self.directory("LOAD_CONFIG")
        return self.pe.get_offset_from_rva(rva) if rva and size else None

    def guard(self):
        """(check pointer, dispatch pointer, table as RVAs, count, flags); None without a load configuration."""
        at = self.load_config()
        if at is None or struct.unpack_from("<I", self.data, at)[0] < self.guard_at["flags"] + 4:
            return None
        check, dispatch, table, count, flags = struct.unpack_from(self.guard_at["form"], self.data,
                                                                 at + self.guard_at["check"])
        base = self.header.ImageBase
        return check - base, dispatch - base, table - base, count, flags


def check_guard(image):
    if not image.header.DllCharacteristics & GUARD_CF:
        yield "guard", "GUARD_CF is not set in DllCharacteristics"
        return
    guard = image.guard()
    if guard is None:
        yield "load-config", "no load configuration with control-flow guard's fields"
        return
    check, dispatch, table, count, flags = guard
    if not flags & CF_INSTRUMENTED:
        yield "guard-flags", f"GuardFlags {flags:#x}: not CF_INSTRUMENTED"
    if not flags & CF_TABLE or count == 0 or image.section(table) is None:
        yield "guard-table", f"no function table (GuardFlags {flags:#x}, {count} entries)"
    else:
        stride = 4 + (flags >> 28)
        entries = image.pe.get_data(table, count * stride)
        targets = [struct.unpack_from("<I", entries, n * stride)[0] for n in range(len(entries) // stride)]
        if len(targets) != count or targets != sorted(set(targets)):
            yield "guard-table", "the function table is cut off or not sorted"
        for target in targets:
            if not image.flags(target) & EXECUTE:
                yield "guard-table", f"the function table names {target:#x}, which is not code"
                break
    for name, pointer in (("check", check), ("dispatch", dispatch)):
        if image.section(pointer) is None:
            yield "guard-pointers", f"the {name} pointer lies nowhere in the file"
        elif image.flags(pointer) & WRITE:
            yield "guard-pointers", f"the {name} pointer lies in a writable section"


def check_image(image):
    """What every file of ours must have."""
    header = image.header
    expected = checksum(image.data, image.checksum_at)
    if header.CheckSum != expected:
        yield "checksum", f"{header.CheckSum:#x} in the header, {expected:#x} computed"
    # x86: no handler may be called in a file that has none; elsewhere handlers lie in tables, and addresses are long.
    special = (NO_SEH, "no-seh", "NO_SEH") if header.Magic == 0x10B else (HIGH_ENTROPY, "high-entropy", "HIGH_ENTROPY_VA")
    for flag, name, meaning in ((NX, "nx", "NX_COMPAT"), (DYNAMIC_BASE, "aslr", "DYNAMIC_BASE"), special):
        if not header.DllCharacteristics & flag:
            yield name, f"{meaning} is not set in DllCharacteristics ({header.DllCharacteristics:#06x})"
    if image.pe.FILE_HEADER.Characteristics & 1 or not all(image.directory("BASERELOC")):
        yield "relocations", "the file has none, so it cannot be moved"
    if header.SectionAlignment % 4096 or any(section.VirtualAddress % 4096 for section in image.pe.sections):
        yield "alignment", f"sections are aligned to {header.SectionAlignment}, not to pages"
    for section in image.pe.sections:
        if section.Characteristics & EXECUTE and section.Characteristics & WRITE:
            yield "write-execute", f"section {section.Name.rstrip(bytes(1)).decode()} is writable and executable"
    for name in ("IMPORT", "IAT"):
        if image.flags(image.directory(name)[0]) & EXECUTE:
            yield "imports-in-code", f"the {name.lower()} table lies in an executable section"
    yield from check_guard(image)


def codeview(image):
    """(file offset of the name, GUID as bytes, name of the .pdb) for each that the debug directory names."""
    image.pe.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_DEBUG"]])
    for entry in getattr(image.pe, "DIRECTORY_ENTRY_DEBUG", []):
        if entry.struct.Type == pefile.DEBUG_TYPE["IMAGE_DEBUG_TYPE_CODEVIEW"]:
            at = entry.struct.PointerToRawData
            yield at + 24, image.data[at + 4:at + 20], image.data[at + 24:at + entry.struct.SizeOfData].rstrip(b"\0").decode()


def check_symbols(image, path):
    """A driver or library, and a program that has symbols, names its .pdb, and no folder: not of the machine that made it."""
    found = [name for _, _, name in codeview(image)]
    if len(found) != 1 and not (path.endswith(".exe") and not found):
        yield "symbols", f"the debug directory names {len(found)} .pdb files, not one"
    for name in found:
        if name != os.path.basename(path) + ".pdb" and not (path.endswith("wintun.dll") and re.fullmatch(r"[^/\\:]+\.dll\.pdb", name)):
            yield "symbols", f"the debug directory names {name}"


def check_exports(image):
    """A library exports the names of library/library.def, undecorated on x86 too, and no other ones."""
    image.pe.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_EXPORT"]])
    table = getattr(image.pe, "DIRECTORY_ENTRY_EXPORT", None)
    names = {(symbol.name or b"").decode() for symbol in table.symbols} if table else set()
    text = open("library/library.def").read()
    expected = set(text[text.index("EXPORTS"):].split()[1:])
    if names != expected:
        yield "exports", f"not those of library/library.def: {', '.join(sorted(names ^ expected))}"


def disassemble(data):
    with tempfile.NamedTemporaryFile(suffix=".sys") as file:
        file.write(data)
        file.flush()
        command = [OBJDUMP, "-d", "--no-show-raw-insn", "--x86-asm-syntax=intel", file.name]
        return subprocess.run(command, text=True, capture_output=True).stdout


def check_driver(image, allowed):
    """What a driver must have besides."""
    header = image.header
    version = header.MajorSubsystemVersion, header.MinorSubsystemVersion
    if header.Subsystem != 1 or version != (10, 0):
        yield "subsystem", f"{header.Subsystem}, {version[0]}.{version[1]}: not native (1), 10.0"
    if header.DllCharacteristics & FORCE_INTEGRITY:
        yield "integrity", "FORCE_INTEGRITY is set: only a catalog of Microsoft's would let it load"
    imports = getattr(image.pe, "DIRECTORY_ENTRY_IMPORT", [])
    if not imports:
        yield "imports", "there are none"
    for library in imports:
        dll = library.dll.decode().lower()
        for entry in library.imports:
            name = entry.name.decode() if entry.name else f"ordinal {entry.ordinal}"
            if name not in allowed.get(dll, ()):
                yield "imports", f"{name} from {dll} is in no wdk/*.def of that DLL"


def check_code(image, architecture):
    """What the instructions of a driver must not do."""
    code = disassemble(image.data)
    if not code:
        yield "code", f"{OBJDUMP} cannot read it"
    if architecture == "amd64" and AVX.search(code):
        yield "avx", f"uses AVX registers: {AVX.search(code).group(0).strip()}"
    if PROBES.search(code):
        yield "stack-probes", f"probes its stack: {PROBES.search(code).group(0)}"
    for match in FRAME.finditer(code):
        size = int(match.group(1) or match.group(2), 0) << (12 if match.group(3) else 0)
        if 4096 <= size < 1 << 31:  # above: an addition, spelt as a subtraction
            yield "stack-frame", f"a function's frame takes {size} bytes, a page or more"
            break


def faults(data, path, allowed):
    """[(name, cause)] of what is wrong with the file that path names and data is."""
    architecture = os.path.basename(os.path.dirname(path))
    try:
        image = Image(data)
    except pefile.PEFormatError as error:
        return [("format", str(error))]
    machine = image.pe.FILE_HEADER.Machine
    if machine != MACHINES[architecture]:
        return [("machine", f"{machine:#x}, but {architecture} is {MACHINES[architecture]:#x}")]
    found = list(check_image(image)) + list(check_symbols(image, path))
    if path.endswith(".dll"):
        found += check_exports(image)
    if path.endswith(".sys"):
        found += check_driver(image, allowed)
        # Of a file that is otherwise right: the disassembler is particular about headers.
        found += check_code(image, architecture) if not found else []
    return found


# --- the checks' own test ---------------------------------------------------------------------------------------------


def change(image, offset, form, value):
    data = bytearray(image.data)
    struct.pack_into(form, data, offset, value)
    return data


def section_flags(image, rva, flags):
    section = image.section(rva)
    return change(image, section.get_file_offset() + 36, "<I", section.Characteristics | flags)


def dll_flags(image, clear, set_=0):
    return change(image, image.header.get_file_offset() + CHARACTERISTICS, "<H",
                  image.header.DllCharacteristics & ~clear | set_)


def code_at_entry(image, code):
    data = bytearray(image.data)
    at = image.pe.get_offset_from_rva(image.header.AddressOfEntryPoint)
    data[at:at + len(code)] = code
    return data


def break_import(image):
    entry = image.pe.DIRECTORY_ENTRY_IMPORT[0].imports[0]
    return change(image, entry.name_offset, "B", ord("Z"))


def swap_library(image):
    return change(image, image.pe.get_offset_from_rva(image.pe.DIRECTORY_ENTRY_IMPORT[0].struct.Name), "B", ord("x"))


def rename_export(image):
    image.pe.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_EXPORT"]])
    return change(image, image.pe.DIRECTORY_ENTRY_EXPORT.symbols[0].name_offset, "B", ord("_"))


def symbols_elsewhere(image):
    return change(image, next(codeview(image))[0], "B", ord("/"))


def misplaced_section(image):
    section = image.pe.sections[-1]
    return change(image, section.get_file_offset() + 12, "<I", section.VirtualAddress + 512)


def guard_field(name, value):
    return lambda image: change(image, image.load_config() + image.guard_at[name], "<I", value)


def guard_pointer(name):
    """Set to 0, where it lies in no section."""
    return lambda image: change(image, image.load_config() + image.guard_at[name],
                                "<Q" if image.guard_at is GUARD[8] else "<I", 0)


AMD64 = {"probe": b"\x48\x29\xc4", "frame": b"\x48\x81\xec\x00\x10\x00\x00",
         "ymm": b"\xc5\xfc\x28\xc1", "vex": b"\xc5\xf9\x6f\xc1"}
ARM64 = {"probe": b"\xff\x73\x2f\xcb", "frame": b"\xff\x07\x40\xd1"}

# What is done to a copy, the name under which it must be found, whether the checksum is left as it was.
BREAKS = [
    ("checksum 0", "checksum", lambda i: change(i, i.checksum_at, "<I", 0), True),
    ("one byte changed", "checksum", lambda i: change(i, 0x40, "B", i.data[0x40] ^ 1), True),
    ("another machine", "machine", lambda i: change(i, i.pe.FILE_HEADER.get_file_offset(), "<H", 0x1C4), False),
    ("no NX", "nx", lambda i: dll_flags(i, NX), False),
    ("no ASLR", "aslr", lambda i: dll_flags(i, DYNAMIC_BASE), False),
    ("relocations stripped", "relocations", lambda i: change(
        i, i.pe.FILE_HEADER.get_file_offset() + 18, "<H", i.pe.FILE_HEADER.Characteristics | 1), False),
    ("a section off its page", "alignment", misplaced_section, False),
    ("code writable", "write-execute", lambda i: section_flags(i, i.header.AddressOfEntryPoint, WRITE), False),
    ("imports executable", "imports-in-code", lambda i: section_flags(i, i.directory("IMPORT")[0], EXECUTE), False),
    ("guard bit off", "guard", lambda i: dll_flags(i, GUARD_CF), False),
    ("no load configuration", "load-config", lambda i: change(
        i, i.header.DATA_DIRECTORY[10].get_file_offset(), "<Q", 0), False),
    ("load configuration too short", "load-config", lambda i: change(i, i.load_config(), "<I", i.guard_at["check"]), False),
    ("not instrumented", "guard-flags", guard_field("flags", CF_TABLE), False),
    ("table absent", "guard-table", guard_field("flags", CF_INSTRUMENTED), False),
    ("table empty", "guard-table", guard_pointer("count"), False),
    ("table of nonsense", "guard-table", lambda i: change(
        i, i.pe.get_offset_from_rva(i.guard()[2]), "<I", 0x10), False),
    ("guard pointers writable", "guard-pointers", lambda i: section_flags(i, i.guard()[0], WRITE), False),
    ("check pointer nowhere", "guard-pointers", guard_pointer("check"), False),
    ("dispatch pointer nowhere", "guard-pointers", guard_pointer("dispatch"), False),
]
X86_BREAKS = [("handlers allowed", "no-seh", lambda i: dll_flags(i, NO_SEH), False)]
WIDE_BREAKS = [("no high entropy", "high-entropy", lambda i: dll_flags(i, HIGH_ENTROPY), False)]
DRIVER_BREAKS = [
    ("a program's subsystem", "subsystem", lambda i: change(i, i.header.get_file_offset() + SUBSYSTEM, "<H", 3), False),
    ("subsystem version 6.0", "subsystem", lambda i: change(i, i.header.get_file_offset() + 48, "<H", 6), False),
    ("FORCE_INTEGRITY", "integrity", lambda i: dll_flags(i, 0, FORCE_INTEGRITY), False),
    ("an import that no .def names", "imports", break_import, False),
    ("imports from another DLL", "imports", swap_library, False),
]
CODE_BREAKS = {
    "amd64": [("AVX, 256 bits", "avx", "ymm", AMD64), ("AVX, 128 bits", "avx", "vex", AMD64),
              ("a stack probe", "stack-probes", "probe", AMD64), ("a frame of a page", "stack-frame", "frame", AMD64)],
    "arm64": [("a stack probe", "stack-probes", "probe", ARM64), ("a frame of a page", "stack-frame", "frame", ARM64)],
}


def breaks_for(path):
    rows = BREAKS + (X86_BREAKS if os.path.basename(os.path.dirname(path)) == "x86" else WIDE_BREAKS)
    if not path.endswith(".exe"):
        rows.append(("no symbols", "symbols", lambda i: change(i, i.header.DATA_DIRECTORY[6].get_file_offset(), "<Q", 0), False))
        rows.append(("symbols in a folder", "symbols", symbols_elsewhere, False))
    if path.endswith(".dll"):
        rows.append(("an export under another name", "exports", rename_export, False))
    if path.endswith(".sys"):
        rows += DRIVER_BREAKS
        for what, name, code, codes in CODE_BREAKS[os.path.basename(os.path.dirname(path))]:
            rows.append((what, name, lambda image, code=codes[code]: code_at_entry(image, code), False))
    return rows


def check_breaks(data, path, allowed):
    """Breaks copies of a good file; yields one sentence for each fault that is not found as it should, else None."""
    for what, name, breaker, keep_checksum in breaks_for(path):
        image = Image(data)
        broken = breaker(image)
        if bytes(broken) == data:
            yield f"'{what}' changes nothing"
            continue
        if not keep_checksum:
            struct.pack_into("<I", broken, image.checksum_at, checksum(bytes(broken), image.checksum_at))
        found = {fault for fault, _ in faults(bytes(broken), path, allowed)}
        yield None if found == {name} else f"'{what}' was found as {sorted(found) or 'nothing'}, not as {name}"


def main(paths):
    allowed = def_imports()
    passed = failed = 0
    for path in paths:
        data = open(path, "rb").read()
        found = faults(data, path, allowed)
        for name, cause in found:
            print(f"pe: {path}: {name}: {cause}")
        passed, failed = passed + (not found), failed + bool(found)
        if found:
            continue
        for sentence in check_breaks(data, path, allowed):
            passed, failed = passed + (sentence is None), failed + (sentence is not None)
            if sentence:
                print(f"pe: a broken copy of {path}: {sentence}")
    print(f"pe: {len(paths)} files and their broken copies: {passed} passed, {failed} failed")
    return failed != 0 or not paths


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
