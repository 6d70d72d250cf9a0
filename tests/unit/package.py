#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What must be true of the packages:  tests/unit/package.py NAME UNSIGNED.zip SIGNED.zip CERTIFICATE.crt

Catalogs name the files of their package, and are told apart from those of changed files; the libraries carry the very
driver that stands beside them; what is signed verifies by osslsigncode, which did not make the catalogs, and stops doing
so when a byte changes; nothing tells where it was made."""
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import uuid
import zipfile

import pefile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "package"), os.path.join(ROOT, "tests/unit")]
import catalog  # noqa: E402
import pe  # noqa: E402

# What each library carries: number of the resource (library/resource.h) -> file of the package.
CARRIED = {
    "x86": {4: "bin/amd64/{}.dll", 5: "bin/arm64/{}.dll"},
    "amd64": {1: "driver/amd64/{}.sys", 2: "driver/amd64/{}.inf", 3: "driver/amd64/{}.cat", 5: "bin/arm64/{}.dll"},
    "arm64": {1: "driver/arm64/{}.sys", 2: "driver/arm64/{}.inf", 3: "driver/arm64/{}.cat"}}
results = {"passed": 0, "failed": 0}


def check(condition, what):
    results["passed" if condition else "failed"] += 1
    if not condition:
        print(f"package: {what}")


def verify(path, certificate, *more):
    command = ["osslsigncode", "verify", "-CAfile", certificate, *more, "-in", path]
    return subprocess.run(command, capture_output=True).returncode == 0


def changed(path, offset):
    """A copy of a file with one bit changed."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data[offset] ^= 1
    copy = os.path.join(os.path.dirname(path), "changed" + os.path.splitext(path)[1])
    with open(copy, "wb") as file:
        file.write(data)
    return copy


def read_by_openssl(path):
    """What OpenSSL, which has not made it, finds in a catalog: object names, and the octet strings' bytes in hexadecimal."""
    told = subprocess.run(["openssl", "asn1parse", "-inform", "DER", "-in", path], text=True, capture_output=True).stdout
    return re.findall(r"OBJECT +:(\S+)", told), re.findall(r"OCTET STRING +\[HEX DUMP\]:([0-9A-F]+)", told)


def authenticode(path, certificate):
    """The digest of a signed file without its signature, as osslsigncode counts it."""
    command = ["osslsigncode", "verify", "-CAfile", certificate, "-in", path]
    told = subprocess.run(command, text=True, capture_output=True).stdout
    return re.search(r"Calculated message digest\s*: ([0-9A-F]{64})", told)[1]


def catalog_says(code, words, *arguments):
    """package/catalog.py ends with that code and those words, without a traceback and with Python's checks off (-O) too."""
    done = subprocess.run([sys.executable, "-O", os.path.join(ROOT, "package/catalog.py"), *arguments], text=True,
                          capture_output=True)
    check(done.returncode == code and words in done.stderr and "Traceback" not in done.stderr,
          f"catalog.py {' '.join(arguments)}: exit code {done.returncode}, {done.stderr or done.stdout}")


def refuses(data, folder, words):
    """A broken catalog."""
    path = os.path.join(folder, "broken.cat")
    with open(path, "wb") as file:
        file.write(data)
    catalog_says(1, f"catalog: {path}: {words}", "--read", path)
    os.remove(path)


def refuses_inf(folder, name, pattern, by, words):
    """A catalog is not made for an INF that lacks what it needs."""
    with open(os.path.join(folder, f"{name}.inf")) as file:
        text = file.read()
    path = os.path.join(folder, "broken.inf")
    with open(path, "w") as file:
        file.write(re.sub(pattern, by, text))
    catalog_says(1, words, path, os.path.join(folder, f"{name}.sys"), path[:-4] + ".cat")
    check(not os.path.exists(path[:-4] + ".cat"), f"{words}: and yet there is a catalog")
    os.remove(path)


def check_catalog(folder, name, certificate):
    signed = bool(certificate)
    paths = [os.path.join(folder, f"{name}.{kind}") for kind in ("inf", "sys")]
    with open(os.path.join(folder, f"{name}.cat"), "rb") as file:
        data = file.read()
    found = catalog.read(data)
    check(not list(catalog.compare(found, paths)), f"{folder}: the catalog is not one of its files")
    arch = {"amd64": "X64", "arm64": "ARM64"}[os.path.basename(folder)]
    check(found["attributes"].get("OS") == f"_v100_{arch}_RS5", f"{folder}: OS is {found['attributes'].get('OS')}")
    with open(paths[0]) as file:
        check(f"Install,{found['attributes'].get('HWID1')}\n" in file.read().lower().replace("install", "Install"),
              f"{folder}: HWID1 is not the INF's")
    check(found["signers"] == signed, f"{folder}: {found['signers']} signers")
    check({facts["kind"] for facts in found["members"].values()} == {"flat_file", "pe_image"}, f"{folder}: kinds of members")
    for path, offset in ((paths[0], 100), (paths[1], 0x1000)):
        copy = changed(path, offset)
        check(list(catalog.compare(found, [copy])), f"{folder}: a changed {os.path.basename(path)} is taken for the right one")
        os.remove(copy)
    check(list(catalog.compare(found, paths[:1])), f"{folder}: a missing file is not seen")
    objects, strings = read_by_openssl(os.path.join(folder, f"{name}.cat"))
    with open(paths[0], "rb") as file:
        digests = [hashlib.sha256(file.read()).hexdigest().upper()]
    digests += [authenticode(paths[1], certificate)] if signed else []
    for digest in digests:  # as the member's name, and in its SpcIndirectData
        check(strings.count(digest) == 2, f"{folder}: OpenSSL finds {digest} {strings.count(digest)} times in the catalog")
    for path in paths:
        text = (os.path.basename(path) + "\0").encode("utf-16-le").hex().upper()
        check(strings.count(text) == 1, f"{folder}: OpenSSL does not find the name {os.path.basename(path)} in the catalog")
    for oid, count in ((catalog.CATALOG_LIST, 1), (catalog.CATALOG_LIST_MEMBER_2, 1), ("1.3.6.1.4.1.311.12.2.3", 2)):
        check(objects.count(oid) == count, f"{folder}: OpenSSL finds {oid} {objects.count(oid)} times in the catalog")
    key = next(iter(found["members"]))
    first = data.index(key)
    refuses(data[:first] + bytes(32) + data[first + 32:], folder, "a member of two digests")
    refuses(data.replace(b"\x82\x37\x0c\x01\x03", b"\x82\x37\x0c\x01\x02"), folder, "a catalog, but not one with SHA-256")
    refuses(data.replace("File".encode("utf-16-be"), "file".encode("utf-16-be")), folder, "a member without File")
    refuses(data.replace(b"\x82\x37\x02\x01\x04", b"\x82\x37\x0c\x02\x03", 1), folder, "")
    refuses(data[:-1], folder, "this is no catalog: ")
    refuses(b"", folder, "this is no catalog: ")
    refuses(b"certainly not ASN.1", folder, "this is no catalog: ")
    refuses_inf(folder, name, "DriverVer", "Driver", "the INF has no DriverVer")
    refuses_inf(folder, name, r"= \d\d/\d\d/", "= 02/30/", "a day that does not exist")
    refuses_inf(folder, name, "17763", "14393", "the INF's models are for ")
    refuses_inf(folder, name, "= Install,.*", "= Install", "the INF's models name no hardware ID")
    catalog_says(1, "No such file", "--read", os.path.join(folder, "none.cat"))
    catalog_says(0, "", "--read", os.path.join(folder, f"{name}.cat"), *paths)
    copy = changed(paths[0], 100)
    catalog_says(1, "is no member", "--read", os.path.join(folder, f"{name}.cat"), copy, paths[1])
    os.remove(copy)


def resources(path):
    """{number: bytes} of a file's RT_RCDATA."""
    image = pefile.PE(path)
    return {entry.id: image.get_data(leaf.data.struct.OffsetToData, leaf.data.struct.Size)
            for kind in image.DIRECTORY_ENTRY_RESOURCE.entries if kind.id == 10
            for entry in kind.directory.entries for leaf in entry.directory.entries}


def check_tree(root, name, certificate):
    """certificate: None where nothing is signed."""
    signed = 0
    for folder, _, names in os.walk(root):
        for file in names:
            path = os.path.join(folder, file)
            if file.endswith((".sys", ".dll", ".exe", ".cat")):
                good = verify(path, certificate or os.devnull)
                check(good == bool(certificate), f"{path}: signature")
                signed += good
            if file.endswith((".sys", ".dll", ".exe")):
                for fault, cause in pe.faults(open(path, "rb").read(), path, pe.def_imports()):
                    check(False, f"{path}: {fault}: {cause}")
    for arch in ("amd64", "arm64"):
        folder = os.path.join(root, "driver", arch)
        check_catalog(folder, name, certificate)
        if certificate:
            with_catalog = ("-catalog", os.path.join(folder, f"{name}.cat"))
            driver = os.path.join(folder, f"{name}.sys")
            check(verify(driver, certificate, *with_catalog), f"{driver}: not a member by osslsigncode")
            check(not verify(changed(driver, 0x1000), certificate, *with_catalog), f"{driver}: changed, and still a member")
            check(not verify(changed(driver, 0x1000), certificate), f"{driver}: changed, and its signature still verifies")
            check(not verify(changed(with_catalog[1], 200), certificate), f"{folder}: catalog changed, and it still verifies")
    for arch, carried in CARRIED.items():
        data = resources(os.path.join(root, "bin", arch, f"{name}.dll"))
        check(data.keys() == carried.keys(), f"bin/{arch}/{name}.dll carries {sorted(data)}, not {sorted(carried)}")
        for number, path in carried.items():
            with open(os.path.join(root, path.format(name)), "rb") as file:
                check(data.get(number) == file.read(), f"bin/{arch}/{name}.dll carries another {path.format(name)}")


def check_symbols(root, symbols, name):
    """Each of our files has the symbols of its own build, and there are no others."""
    found = {}
    for folder, _, names in os.walk(root):
        for file in names:
            if file.endswith((".sys", ".dll", ".exe")):
                with open(os.path.join(folder, file), "rb") as image:
                    for _, guid, pdb in pe.codeview(pe.Image(image.read())):
                        found.setdefault(f"{os.path.basename(folder)}/{pdb}", set()).add(guid)
    expected = {f"{arch}/{name}.{kind}.pdb" for arch in CARRIED for kind in ("sys", "dll", "exe")} - {f"x86/{name}.sys.pdb"}
    check(found.keys() == expected, f"{root}: its files name the symbols {sorted(found)}")
    with zipfile.ZipFile(symbols) as archive:
        entries = {entry.partition("/")[2]: archive.read(entry) for entry in archive.namelist()}
    check(entries.keys() == expected, f"{symbols} holds {sorted(entries)}")
    for path, data in entries.items():
        check(len(found.get(path, ())) == 1, f"{path}: of more than one build")
        with tempfile.NamedTemporaryFile(suffix=".pdb") as file:
            file.write(data)
            file.flush()
            told = subprocess.run(["llvm-pdbutil-19", "dump", "-summary", "-publics", file.name], text=True, capture_output=True)
        guid = uuid.UUID(bytes_le=next(iter(found[path])))
        check(f"{{{guid}}}".upper() in told.stdout, f"{path}: not the symbols of its file")
        entry = {"sys": "DriverEntry", "dll": "DllMain", "exe": "Entry"}[path.split(".")[-2]]
        check(re.search(rf"\b_?{entry}\b", told.stdout), f"{path} does not know {entry}")


def check_zip(path):
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        check(names == sorted(set(names)), f"{path}: names are not sorted, or twice there")
        check(len({entry.date_time for entry in entries}) == 1, f"{path}: files of several times")
        check({entry.external_attr >> 16 for entry in entries} == {0o100644}, f"{path}: files of several modes")
        check({name.split("/")[0] for name in names} == {names[0].split("/")[0]}, f"{path}: more than one folder")
        for entry in entries:
            data = archive.read(entry)
            check(not any(word in data for word in (ROOT.encode(), ROOT.encode("utf-16-le"))),
                  f"{path}: {entry.filename} tells where it was made")


def main(name, unsigned, signed, certificate):
    for path, trusted in ((unsigned, None), (signed, certificate)):
        check_zip(path)
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
                root = os.path.join(folder, archive.namelist()[0].split("/")[0])
            check_tree(root, name, trusted)
            symbols = path[:-len(".zip")] + "-symbols.zip"
            check_zip(symbols)
            check_symbols(root, symbols, name)
    print(f"package: {results['passed']} passed, {results['failed']} failed")
    return results["failed"] != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
