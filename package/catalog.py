#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Catalogs: the file that says which files make up a driver package, and that a signature stands on.

    package/catalog.py DRIVER.inf FILE... OUT.cat      makes it, unsigned, from the INF and its files
    package/catalog.py --read FILE.cat [FILE...]       prints it; with files: each must be a member, and no other one

A catalog is a certificate trust list in PKCS#7 ("CTL_INFO structure", "Catalog Files and Digital Signatures"). Its members
are known by SHA-256: of a PE file without checksum and signature ("Windows Authenticode Portable Executable Signature
Format"), of any other file as it is. Attributes are those of Inf2Cat and MakeCat ("MakeCat": OSAttr; "Inf2Cat": the
versions of Windows; hardware IDs as in the INF). Nothing in it depends on when or where it is made."""
import hashlib
import os
import re
import struct
import sys
from datetime import datetime, timezone

import pefile
from asn1crypto import algos, cms, core

NAME_VALUE_FLAGS = 0x10010001  # CRYPTCAT_ATTR_AUTHENTICATED | _NAMEASCII | _DATAASCII ("CRYPTCATATTRIBUTE structure")

# Windows 10 version 1809 as "Inf2Cat" spells it, 10_RS5_X64, and as "Get product data" of the hardware dashboard's
# interface does, WINDOWS_v100_X64_RS5_FULL. The INF's decoration says the same by its build number.
SYSTEMS = {"amd64.10.0...17763": "_v100_X64_RS5", "arm64.10.0...17763": "_v100_ARM64_RS5"}
OS_ATTRIBUTE = "2:10.0"  # 2: Windows NT; then its version


class SpcString(core.Choice):
    _alternatives = [("unicode", core.BMPString, {"implicit": 0}), ("ascii", core.IA5String, {"implicit": 1})]


class SpcLink(core.Choice):
    _alternatives = [("url", core.IA5String, {"implicit": 0}), ("file", SpcString, {"explicit": 2})]


class SpcPeImageData(core.Sequence):
    _fields = [("flags", core.BitString), ("file", SpcLink, {"explicit": 0})]


class SpcType(core.ObjectIdentifier):
    _map = {"1.3.6.1.4.1.311.2.1.15": "pe_image", "1.3.6.1.4.1.311.2.1.25": "flat_file"}


class SpcData(core.Sequence):
    _fields = [("type", SpcType), ("value", core.Any)]
    _oid_pair = ("type", "value")
    _oid_specs = {"pe_image": SpcPeImageData, "flat_file": SpcLink}


class SpcIndirectData(core.Sequence):
    _fields = [("data", SpcData), ("digest", algos.DigestInfo)]


class NameValue(core.Sequence):
    _fields = [("name", core.BMPString), ("flags", core.Integer), ("value", core.OctetString)]


class MemberInfo2(core.Choice):
    _alternatives = [("v2", core.Null, {"implicit": 2})]


class CatalogAttributeType(core.ObjectIdentifier):
    _map = {"1.3.6.1.4.1.311.12.2.1": "name_value", "1.3.6.1.4.1.311.12.2.3": "member_info_2",
            "1.3.6.1.4.1.311.2.1.4": "indirect_data"}


class NameValues(core.SetOf):
    _child_spec = NameValue


class MemberInfos(core.SetOf):
    _child_spec = MemberInfo2


class IndirectDatas(core.SetOf):
    _child_spec = SpcIndirectData


class Attribute(core.Sequence):
    _fields = [("type", CatalogAttributeType), ("values", core.Any)]
    _oid_pair = ("type", "values")
    _oid_specs = {"name_value": NameValues, "member_info_2": MemberInfos, "indirect_data": IndirectDatas}


class Attributes(core.SetOf):
    _child_spec = Attribute


class Member(core.Sequence):
    _fields = [("identifier", core.OctetString), ("attributes", Attributes)]


class Members(core.SequenceOf):
    _child_spec = Member


class Extension(core.Sequence):
    _fields = [("type", CatalogAttributeType), ("critical", core.Boolean, {"default": False}),
               ("value", core.ParsableOctetString)]
    _oid_pair = ("type", "value")
    _oid_specs = {"name_value": NameValue}


class Extensions(core.SequenceOf):
    _child_spec = Extension


class Usage(core.SequenceOf):
    _child_spec = core.ObjectIdentifier


class TrustList(core.Sequence):
    _fields = [("usage", Usage), ("list_identifier", core.OctetString), ("this_update", core.UTCTime),
               ("member_algorithm", algos.AlgorithmIdentifier), ("members", Members),
               ("extensions", Extensions, {"explicit": 0})]


class CatalogError(Exception):
    """Input that is not as it must be, in words for whoever calls this program."""


CATALOG_LIST, CATALOG_LIST_MEMBER_2 = "1.3.6.1.4.1.311.12.1.1", "1.3.6.1.4.1.311.12.1.3"
cms.ContentType._map["1.3.6.1.4.1.311.10.1"] = "trust_list"
cms.ContentInfo._oid_specs["trust_list"] = TrustList


def digest(data):
    """SHA-256 as a catalog counts it."""
    if data[:2] != b"MZ":
        return hashlib.sha256(data).digest()
    header = pefile.PE(data=data, fast_load=True).OPTIONAL_HEADER
    checksum, directory = header.get_file_offset() + 64, header.DATA_DIRECTORY[4]
    entry = directory.get_file_offset()
    end = directory.VirtualAddress or len(data)  # of this one directory it is a file offset: where signatures begin
    return hashlib.sha256(data[:checksum] + data[checksum + 4:entry] + data[entry + 8:end]).digest()


def name_value(name, value):
    return {"name": name, "flags": NAME_VALUE_FLAGS, "value": (value + "\0").encode("utf-16-le")}


def member(name, data):
    empty = SpcLink("file", SpcString("unicode", ""))
    if data[:2] == b"MZ":
        # includeResources and includeImportAddressTable, as MakeCat's page hashes and signtool have it.
        kind = {"type": "pe_image", "value": {"flags": (1, 0, 1), "file": empty}}
    else:
        kind = {"type": "flat_file", "value": empty}
    indirect = {"data": kind, "digest": {"digest_algorithm": {"algorithm": "sha256", "parameters": core.Null()},
                                         "digest": digest(data)}}
    return {"identifier": digest(data), "attributes": [
        {"type": "member_info_2", "values": [MemberInfo2("v2", core.Null())]},
        {"type": "name_value", "values": [name_value("File", name)]},
        {"type": "name_value", "values": [name_value("OSAttr", OS_ATTRIBUTE)]},
        {"type": "indirect_data", "values": [indirect]}]}


def inf_facts(text):
    """What the catalog takes from the INF: date, systems, hardware IDs."""
    date = re.search(r"^DriverVer\s*=\s*(\d+)/(\d+)/(\d+)", text, re.M)
    if not date:
        raise CatalogError("the INF has no DriverVer = mm/dd/yyyy,w.x.y.z in [Version]")
    month, day, year = map(int, date.groups())
    decorations = re.findall(r"^\[Models\.NT([^\]]+)\]", text, re.M)
    unknown = [decoration for decoration in decorations if decoration.lower() not in SYSTEMS]
    if unknown or not decorations:
        raise CatalogError(f"the INF's models are for {', '.join(unknown) or 'nothing'}; known are {', '.join(SYSTEMS)}")
    ids = []
    for section in re.findall(r"^\[Models\.[^\]]+\]\s*\n((?:[^\[].*\n|\n)*)", text, re.M):
        for line in section.splitlines():
            if "=" in line.split(";")[0]:
                ids += [part.strip().lower() for part in line.split(";")[0].split("=")[1].split(",")[1:]]
    if not ids:
        raise CatalogError("the INF's models name no hardware ID")
    try:
        day = datetime(year, month, day, tzinfo=timezone.utc)
    except ValueError:
        raise CatalogError(f"the INF's DriverVer names a day that does not exist: {date[0]}") from None
    return day, [SYSTEMS[decoration.lower()] for decoration in decorations], list(dict.fromkeys(ids))


def make(inf, files):
    """The catalog, as bytes; files: name -> bytes, the INF among them under the name inf."""
    date, systems, ids = inf_facts(files[inf].decode(errors="replace"))
    members = sorted((member(name, data) for name, data in files.items()), key=lambda m: m["identifier"])
    extensions = [name_value("OS", ",".join(systems))]
    extensions += [name_value(f"HWID{number}", text) for number, text in reversed(list(enumerate(ids, 1)))]
    trust_list = TrustList({
        "usage": [CATALOG_LIST],
        "list_identifier": hashlib.sha256(b"".join(m["identifier"] for m in members)).digest()[:16],
        "this_update": date,
        "member_algorithm": {"algorithm": CATALOG_LIST_MEMBER_2, "parameters": core.Null()},
        "members": members,
        "extensions": [{"type": "name_value", "value": NameValue(value)} for value in extensions]})
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData({
        "version": "v1", "digest_algorithms": [], "encap_content_info": {"content_type": "trust_list",
                                                                         "content": trust_list},
        "signer_infos": []})}).dump()


def text_of(value):
    return value["name"].native, value["value"].native.decode("utf-16-le").rstrip("\0")


def demand(condition, cause):
    if not condition:
        raise CatalogError(cause)


def read(data):
    """{"attributes": {name: value}, "date": ..., "signers": N, "members": {digest: {"kind": ..., name: value}}}. Raises a
    CatalogError where something in it is not as it should be."""
    try:
        return read_trust_list(cms.ContentInfo.load(data, strict=True)["content"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as cause:  # asn1crypto's own words
        raise CatalogError(f"this is no catalog: {' '.join(str(cause).split())}") from None


def read_trust_list(signed):
    content = signed["encap_content_info"]
    demand(content["content_type"].native == "trust_list", "signed, but not a trust list")
    trust_list = content["content"]
    demand(trust_list["usage"].native == [CATALOG_LIST], "a trust list, but no catalog")
    demand(trust_list["member_algorithm"]["algorithm"].dotted == CATALOG_LIST_MEMBER_2, "a catalog, but not one with SHA-256")
    members = {}
    for entry in trust_list["members"]:
        if len(entry["identifier"].native) != 32:
            continue  # Microsoft's catalogs name each file by SHA-1 too
        facts = {}
        for attribute in entry["attributes"]:
            value = attribute["values"][0]
            if attribute["type"].native == "name_value":
                name, text = text_of(value)
                facts[name] = text
            elif attribute["type"].native == "indirect_data":
                facts["kind"] = value["data"]["type"].native
                demand(value["digest"]["digest_algorithm"]["algorithm"].native == "sha256", "a member without SHA-256")
                demand(value["digest"]["digest"].native == entry["identifier"].native, "a member of two digests")
        for name in ("kind", "File", "OSAttr"):
            demand(name in facts, f"a member without {name}")
        members[entry["identifier"].native] = facts
    return {"attributes": dict(text_of(extension["value"].parsed) for extension in trust_list["extensions"]),
            "date": trust_list["this_update"].native, "signers": len(signed["signer_infos"]), "members": members}


def compare(catalog, paths):
    """What a catalog that was read and the files of its package do not agree on."""
    files = {digest(load(path)): os.path.basename(path) for path in paths}
    for key in files.keys() - catalog["members"].keys():
        yield f"{files[key]} is no member: it was changed after the catalog was made; make the catalog again"
    for key in catalog["members"].keys() - files.keys():
        yield f"the member {catalog['members'][key]['File']} is none of the files"
    for key in catalog["members"].keys() & files.keys():
        if catalog["members"][key]["File"].lower() != files[key].lower():
            yield f"{files[key]} is called {catalog['members'][key]['File']} there"


def load(path):
    with open(path, "rb") as file:
        return file.read()


def main(arguments):
    if len(arguments) > 1 and arguments[0] == "--read":
        try:
            catalog = read(load(arguments[1]))
        except CatalogError as cause:
            raise CatalogError(f"{arguments[1]}: {cause}") from None
        for name, value in catalog["attributes"].items():
            print(f"{name}: {value}")
        print(f"date: {catalog['date']:%Y-%m-%d}; signers: {catalog['signers']}")
        for key, facts in catalog["members"].items():
            print(f"{key.hex()}  {facts['kind']}  {facts['File']}  {facts['OSAttr']}")
        wrong = list(compare(catalog, arguments[2:])) if arguments[2:] else []
        for cause in wrong:
            print(f"catalog: {arguments[1]}: {cause}", file=sys.stderr)
        return 1 if wrong else 0
    if len(arguments) > 2 and arguments[0].endswith(".inf") and arguments[-1].endswith(".cat"):
        data = make(os.path.basename(arguments[0]), {os.path.basename(path): load(path) for path in arguments[:-1]})
        with open(arguments[-1], "wb") as file:
            file.write(data)
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (CatalogError, OSError, pefile.PEFormatError) as cause:
        sys.exit(f"catalog: {cause}")
