#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Packs what users get:  package/package.py NAME VERSION BUILD OUT.zip

BUILD holds x86/, amd64/ and arm64/ with what was made for them (build, or build/signed). The same files give the same zip:
names sorted, the date of DriverVer as the date of all, one mode for all. CONTENTS is what is in it, and nothing else.
OUT-symbols.zip gets the symbols (.pdb) of those files, for debuggers."""
import glob
import os
import re
import sys
import zipfile

import pefile

LIBRARIES = ("x86", "amd64", "arm64")
DRIVERS = ("amd64", "arm64")

# In the zip, <- on the disk (a pattern; BUILD and NAME are put in). A name that ends in / is a folder. test.cer: where a
# test certificate signed all, so that a test machine can be told to trust it.
CONTENTS = [
    ("README.md", "package/README.md.in"), ("LICENSE", "LICENSE"), ("", "CHANGELOG.md"), ("", "SECURITY.md"),
    ("", "{build}/[t]est.cer"), ("docs/", "docs/*.md"), ("include/", "include/*.h"),
    ("examples/", "examples/*.[ch]"), ("examples/", "examples/*.md"), ("examples/", "examples/*/*"),
    ("lib/cmake/{name}/{name}-config.cmake", "package/config.cmake.in"),
    ("lib/cmake/{name}/{name}-config-version.cmake", "package/config-version.cmake.in"),
]
for arch in LIBRARIES:
    CONTENTS += [(f"bin/{arch}/", f"{{build}}/{arch}/{{name}}.dll"), (f"bin/{arch}/", f"{{build}}/{arch}/wintun.dll"),
                 (f"bin/{arch}/", f"{{build}}/{arch}/{{name}}.exe"),
                 (f"lib/{arch}/", f"{{build}}/{arch}/{{name}}.lib"),
                 (f"lib/{arch}/pkgconfig/{{name}}.pc", "package/pkgconfig.pc.in")]
for arch in DRIVERS:
    CONTENTS += [(f"driver/{arch}/", f"{{build}}/{arch}/{{name}}.{kind}") for kind in ("inf", "sys", "cat")]


def gather(name, version, build):
    """The package's files: path in the zip -> bytes."""
    root, files = f"{name}-{version}", {}
    words = {"@NAME@": name, "@VERSION@": version}
    for target, source in CONTENTS:
        target, source = (text.format(name=name, build=build) for text in (target, source))
        found = [path for path in glob.glob(source) if os.path.isfile(path)]
        if not found and "*/" not in source and "[" not in source:  # what need not be there
            sys.exit(f"package: {source} is not there; `make package` makes all that is needed")
        for path in found:
            with open(path, "rb") as file:
                data = file.read()
            if path.endswith(".in"):
                text = data.decode()
                for word, value in words.items():
                    text = text.replace(word, value)
                data = text.replace("@ARCH@", (target + "/").split("/")[1]).encode()
            inside = target if target and not target.endswith("/") else target + (
                path.split("/", 1)[1] if target == "examples/" else os.path.basename(path))
            files[f"{root}/{inside}"] = data
    return files


def gather_symbols(name, version, build):
    """Those of the package's .sys, .dll and .exe. A .pdb of another build is left out: a debugger would refuse it."""
    files = {}
    for arch in LIBRARIES:
        for path in (f"{build}/{arch}/{name}.{kind}" for kind in ("sys", "dll", "exe")):
            if not os.path.exists(path):
                continue  # there is no driver for x86
            image = pefile.PE(path, fast_load=True)
            image.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_DEBUG"]])
            with open(path + ".pdb", "rb") as file:
                data = file.read()
            if any(entry.struct.Type == pefile.DEBUG_TYPE["IMAGE_DEBUG_TYPE_CODEVIEW"]
                   and image.get_data(entry.struct.AddressOfRawData + 4, 16) in data
                   for entry in getattr(image, "DIRECTORY_ENTRY_DEBUG", [])):
                files[f"{name}-{version}-symbols/{arch}/{os.path.basename(path)}.pdb"] = data
            else:
                print(f"package: {path} is of another build than its symbols, which are left out")
    return files


def pack(files, date, out):
    with zipfile.ZipFile(out + ".new", "w") as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, (*date, 0, 0, 0))
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            archive.writestr(info, files[path], compresslevel=9)
    os.replace(out + ".new", out)
    print(f"package: {out}: {len(files)} files, {os.path.getsize(out)} bytes")


def main(name, version, build, out):
    files = gather(name, version, build)
    inf = files[f"{name}-{version}/driver/amd64/{name}.inf"].decode()
    month, day, year = map(int, re.search(r"^DriverVer\s*=\s*(\d+)/(\d+)/(\d+)", inf, re.M).groups())
    pack(gather_symbols(name, version, build), (year, month, day), out[:-len(".zip")] + "-symbols.zip")
    pack(files, (year, month, day), out)


if __name__ == "__main__":
    if len(sys.argv) != 5 or not sys.argv[4].endswith(".zip"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
