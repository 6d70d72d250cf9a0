#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds INF files of a layer 3 virtual adapter to Windows' rules:  tests/unit/inf.py FILE.inf...

Each rule names Microsoft's page that it comes from (learn.microsoft.com/windows-hardware/drivers). Then each rule is itself
tested: copies of each file are broken on purpose, and the fault must be found under that rule's name, and no other one."""
import re
import sys

NET_CLASS = "{4d36e972-e325-11ce-bfc1-08002be10318}"
BUILD_MIN = 17763  # Windows 10 version 1809

# "Using a Universal INF File"
SECTIONS_FORBIDDEN = ("classinstall32", ".coinstallers", ".factdef", ".logconfigoverride", "defaultinstall")
DIRECTIVES_FORBIDDEN = ("bitreg", "delfiles", "delproperty", "delreg", "delservice", "ini2reg", "logconfig", "profileitems",
                        "registerdlls", "renfiles", "unregisterdlls", "updateinifields", "updateinis", "copyinf")
SECTIONS_SYSTEM = {"version", "manufacturer", "controlflags", "sourcedisksnames", "sourcedisksfiles", "destinationdirs", "strings"}


class Inf:
    """Sections of lines, each line a key (or none) and its values; names in small letters, %tokens% as they stand."""

    def __init__(self, text):
        self.text = text
        self.sections, self.duplicates, self.long = {}, [], []
        lines = None
        for raw in text.splitlines():
            line = re.sub(r'"[^"]*"', lambda match: match.group(0).replace(";", "\0"), raw).split(";")[0].replace("\0", ";").strip()
            if len(raw) > 4096:
                self.long.append(raw[:40])
            if line.startswith("["):
                name = line.strip("[]").lower()
                if name in self.sections:
                    self.duplicates.append(name)
                lines = self.sections.setdefault(name, [])
            elif line and lines is not None:
                key, equals, rest = line.partition("=")
                values = [value.strip().strip('"') for value in (rest if equals else line).split(",")]
                lines.append((key.strip() if equals else None, values))

    def section(self, name):
        return self.sections.get(name.lower(), [])

    def get(self, section, key):
        """The values of the first line with that key; [] where there is none."""
        return next((values for name, values in self.section(section) if name and name.lower() == key.lower()), [])

    def first(self, section, key):
        return (self.get(section, key) or [""])[0]

    def number(self, section, key):
        try:
            return int(self.first(section, key), 0)
        except ValueError:
            return None

    def models(self):
        """[(section, line)] of all models sections that [Manufacturer] names."""
        for _, values in self.section("manufacturer"):
            for decoration in values[1:]:
                for line in self.section(f"{values[0]}.{decoration}"):
                    yield f"{values[0]}.{decoration}".lower(), line

    def installs(self):
        """Names of the install sections that models use."""
        return sorted({values[0].lower() for _, (_, values) in self.models()})

    def services(self):
        """(values of AddService, name of its section)."""
        for install in self.installs():
            for key, values in self.section(install + ".nt.services"):
                if key and key.lower() == "addservice" and len(values) > 2:
                    yield values, values[2].lower()


def version(inf):
    """INF Version Section; INF DriverVer Directive"""
    if inf.first("version", "Signature") != "$Windows NT$":
        yield 'Signature is not "$Windows NT$"'
    if inf.first("version", "Class").lower() != "net" or inf.first("version", "ClassGUID").lower() != NET_CLASS:
        yield "Class and ClassGUID are not those of network adapters"
    if not inf.first("version", "Provider") or "microsoft" in inf.first("version", "Provider").lower():
        yield "Provider is missing, or pretends to be Microsoft"
    if not inf.first("version", "CatalogFile").lower().endswith(".cat"):
        yield "CatalogFile is missing: the package cannot be signed"
    if inf.number("version", "PnpLockdown") != 1:
        yield "PnpLockdown is not 1: programs could write over the driver's files"


def driver_version(inf):
    """INF DriverVer Directive"""
    values = inf.get("version", "DriverVer")
    date = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", values[0]) if values else None
    if not date or not (1 <= int(date.group(1)) <= 12 and 1 <= int(date.group(2)) <= 31):
        yield "DriverVer's date is not mm/dd/yyyy"
    elif (date.group(3), date.group(1), date.group(2)) < ("2018", "11", "13"):
        yield "DriverVer's date is older than the first Windows that the package is for"
    number = values[1] if len(values) > 1 else ""
    if not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", number) or any(int(part) >= 65535 for part in number.split(".")):
        yield "DriverVer's version is not w.x.y.z, each below 65535"


def manufacturer(inf):
    """INF Manufacturer Section; Combining Platform Extensions with Operating System Versions"""
    named = set()
    for _, values in inf.section("manufacturer"):
        if not values[1:]:
            yield f"{values[0]} is not decorated: it would be offered to every Windows"
        for decoration in values[1:]:
            match = re.fullmatch(r"nt(amd64|arm64)\.10\.0\.\.\.(\d+)", decoration.lower())
            if not match:
                yield f"{decoration} is not NTamd64 or NTarm64 with version 10.0 and a build, and no product type or suite"
            elif int(match.group(2)) < BUILD_MIN:
                yield f"{decoration} lets in Windows before build {BUILD_MIN}"
            named.add(f"{values[0]}.{decoration}".lower())
            if f"{values[0]}.{decoration}".lower() not in inf.sections:
                yield f"there is no models section [{values[0]}.{decoration}]"
    if not named:
        yield "it names no models"


def models(inf):
    """INF Models Section; Hardware IDs"""
    for section, (description, values) in inf.models():
        if not description or len(values) < 2:
            yield f"[{section}]: not description = install section, hardware ID"
        for hardware_id in values[1:]:
            if not hardware_id or len(hardware_id) > 200 or re.search(r'[\s",%]|[^\x21-\x7f]', hardware_id):
                yield f"[{section}]: {hardware_id!r} is no hardware ID"


def selection(inf):
    """ControlFlags Section in a Network INF File: not one of its adapters is offered to be added by hand"""
    excluded = {value.lower() for value in inf.get("controlflags", "ExcludeFromSelect")}
    for _, (_, values) in inf.models():
        for hardware_id in values[1:]:
            if "*" not in excluded and hardware_id.lower() not in excluded:
                yield f"ExcludeFromSelect does not name {hardware_id}"
    for key, _ in inf.section("controlflags"):
        if not key or key.lower() != "excludefromselect":
            yield f"{key or 'a line'} in [ControlFlags] has an installation ask or wait for somebody"


def references(inf):
    """General Syntax Rules for INF Files"""
    used = set()
    for section, (_, values) in inf.models():
        used |= {section, values[0].lower() + ".nt", values[0].lower() + ".nt.services"}
    for section, lines in inf.sections.items():
        for key, values in lines:
            if key and key.lower() in ("addreg", "copyfiles") and section != "destinationdirs":
                used |= {value.lower() for value in values if not value.startswith("@")}
    used |= {section for _, section in inf.services()}
    for name in sorted(used - set(inf.sections)):
        yield f"there is no section [{name}]"
    for name in sorted(set(inf.sections) - used - SECTIONS_SYSTEM):
        if not forbidden_section(name):
            yield f"nothing uses section [{name}]"
    for name in inf.duplicates:
        yield f"section [{name}] stands there twice"
    for line in inf.long:
        yield f"a line has more than 4096 characters: {line}..."


def files(inf):
    """INF SourceDisksFiles Section; INF SourceDisksNames Section; INF CopyFiles Directive"""
    listed = {key.lower(): values for key, values in inf.section("sourcedisksfiles") if key}
    copied = set()
    for section, lines in inf.sections.items():
        for key, values in lines:
            if key and key.lower() == "copyfiles" and section != "destinationdirs":
                for value in values:
                    names = [value[1:]] if value.startswith("@") else [line[1][0] for line in inf.section(value)]
                    copied |= {name.lower() for name in names}
                    if any(len(line[1]) > 1 and line[1][1] for line in inf.section(value)):
                        yield f"[{value}] renames a file: not from the driver store"
    for name in sorted(copied - set(listed)):
        yield f"{name} is copied, but [SourceDisksFiles] does not list it"
    for name in sorted(set(listed) - copied):
        yield f"{name} is listed in [SourceDisksFiles], but never copied"
    disks = {key for key, _ in inf.section("sourcedisksnames")}
    for name, values in listed.items():
        if values[0] not in disks:
            yield f"{name} lies on disk {values[0]}, which [SourceDisksNames] does not name"
        if "\\" in name or "/" in name:
            yield f"{name} is a path: its folder is the second value"


def destination(inf):
    """Driver Package Isolation (Run From Driver Store); Using Dirids"""
    directories = inf.section("destinationdirs")
    if not inf.get("destinationdirs", "DefaultDestDir"):
        yield "DefaultDestDir is missing"
    for key, values in directories:
        if values != ["13"]:
            yield f"{key} is {','.join(values)}, not 13: the driver must run from the driver store"


def forbidden_section(name):
    return any(name.startswith(word) if word[0] != "." else name.endswith(word) for word in SECTIONS_FORBIDDEN)


def universal(inf):
    """Using a Universal INF File"""
    for section, lines in inf.sections.items():
        if forbidden_section(section):
            yield f"section [{section}] is not allowed"
        for key, _ in lines:
            if key and key.lower() in DIRECTIVES_FORBIDDEN and section != "strings":
                yield f"directive {key} in [{section}] is not allowed"


def registry_sections(inf):
    for _, lines in list(inf.sections.items()):
        for key, values in lines:
            if key and key.lower() == "addreg":
                yield from values


def registry(inf):
    """Driver Package Isolation; INF AddReg Directive"""
    for section in registry_sections(inf):
        for _, values in inf.section(section):
            if values[0].upper() != "HKR":
                yield f"[{section}] writes to {values[0]}: only HKR is the driver's own"
            if len(values) > 3 and values[3] and not re.fullmatch(r"\d+|0x[0-9a-fA-F]+", values[3]):
                yield f"[{section}]: {values[3]} are no flags"


def service(inf):
    """INF AddService Directive"""
    found = list(inf.services())
    associated = [values for values, _ in found if values[1] and int(values[1], 0) & 2]
    if len(associated) != 1:
        yield f"{len(associated)} services are the device's function driver (flag 0x2), not one"
    for values, section in found:
        for key, expected in (("ServiceType", 1), ("StartType", 3), ("ErrorControl", 1)):
            if inf.number(section, key) != expected:
                yield f"[{section}]: {key} is not {expected}"
        binary = inf.first(section, "ServiceBinary")
        if not binary.startswith("%13%\\") or not inf.get("sourcedisksfiles", binary[5:]):
            yield f"[{section}]: ServiceBinary is not a file of this package in %13%"
        if not re.fullmatch(r"[\w-]+", values[0]):
            yield f"{values[0]} is no service name"


def network(inf):
    """INF Requirements for NDIS miniport drivers: Standardized INF Keywords for Network Devices; Specifying Binding Interfaces"""
    for install in inf.installs():
        section = install + ".nt"
        # "DDInstall Section in a Network INF File": one of 0x1, 0x2 and 0x4 alone, and never 0x10, NCF_NO_SERVICE, with it.
        if (inf.number(section, "Characteristics") or 0) & 0x17 != 0x1:
            yield f"[{section}]: Characteristics is not NCF_VIRTUAL (0x1) without the kinds that exclude it"
        # As in the driver's NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES.
        for key, expected in (("*IfType", 53), ("*MediaType", 19), ("*PhysicalMediaType", 0)):
            if inf.number(section, key) != expected:
                yield f"[{section}]: {key} is not {expected}"
        values = {(line[1][1].lower(), line[1][2].lower()): line[1][4] for name in inf.get(section, "AddReg")
                  for line in inf.section(name) if len(line[1]) > 4}
        names = {values_[0].lower() for values_, _ in inf.services()}
        if values.get(("ndi", "service"), "").lower() not in names:
            yield "Ndi, Service is not the service that AddService makes"
        if values.get(("ndi\\interfaces", "upperrange")) != "ndis5" or values.get(("ndi\\interfaces", "lowerrange")) != "nolower":
            yield "Ndi\\Interfaces: TCP/IP binds to UpperRange ndis5, and nolower says that nothing is below"


def strings(inf):
    """INF Strings Section"""
    defined = {key.lower() for key, _ in inf.section("strings") if key}
    body = re.sub(r";.*", "", re.split(r"(?im)^\[strings\]", inf.text)[0])
    used = {token.lower() for token in re.findall(r"%([^%\s]+)%", body) if not token.isdigit()}
    for token in sorted(used - defined):
        yield f"%{token}% is not defined in [Strings]"
    for token in sorted(defined - used):
        yield f"nothing uses {token} of [Strings]"


def encoding(inf):
    """General Syntax Rules for INF Files"""
    if any(ord(character) > 126 or ord(character) < 32 and character not in "\r\n\t" for character in inf.text):
        yield "characters other than ASCII need UTF-16 with a byte-order mark"


RULES = (version, driver_version, manufacturer, models, selection, references, files, destination, universal, registry, service, network,
         strings, encoding)

# The rule that must find it (or all of several), what is replaced (a pattern), by what. None: the line is taken out.
BREAKS = [
    (version, r'"\$Windows NT\$"', '"$Chicago$"'), (version, r"= Net\b", "= System"), (version, "4D36E972", "4D36E973"),
    (version, r"= %Company%\nCatalog", "= Microsoft\nCatalog"), (version, r"CatalogFile.*", None), (version, r"PnpLockdown.*", None),
    (version, r"(PnpLockdown *=) 1", r"\1 0"), (version, r"Provider.*", None),
    (driver_version, r"DriverVer.*", None), (driver_version, r"\d\d/\d\d/\d{4}", "2026-11-01"),
    (driver_version, r"\d\d/\d\d/\d{4}", "13/01/2026"), (driver_version, r"\d\d/\d\d/\d{4}", "01/01/2010"),
    (driver_version, r"(\d{4},)[\d.]+", r"\g<1>1.2.3"), (driver_version, r"(\d{4},)[\d.]+", r"\g<1>1.2.3.65535"),
    ((manufacturer, references, service), r"(= Models),NT.*", r"\1"), (manufacturer, r"17763", "17134"), (manufacturer, r"(NTa[a-z0-9]+)\.10\.0\.\.\.", r"\1.10.0.1.."),
    (manufacturer, r"NT(amd|arm)64", "NTx86"), (models, r"(= Install),\S+", r"\1"), (models, r"(= Install,)\S+", r"\1two words"),
    (models, r"(= Install,)\S+", r"\1" + "x" * 201),
    (selection, r"(ExcludeFromSelect *=) \*", r"\1 another"), (selection, r"ExcludeFromSelect.*", None),
    (selection, r"(ExcludeFromSelect.*)", r"\1\nInteractiveInstall = *"),
    (references, r"(= Install\.Registry)", r"\1,Install.Other"), (references, r"\Z", "[Forgotten]\nkey = value\n"),
    (references, r"\Z", "[Version]\n"), (references, r"\Z", "; " + "x" * 4096),
    (files, r"\[SourceDisksFiles\]\n", "[SourceDisksFiles]\nother.sys = 1\n"), (files, r"(\[Install\.Files\]\n)", r"\1other.sys\n"),
    (files, r"(\.sys) = 1", r"\1 = 2"), (files, r"(\[Install\.Files\]\n\S+)", r"\1,new.sys"),
    (destination, r"= 13", "= 12"), (destination, r"DefaultDestDir.*", None), (destination, r"= 13", "= 13,folder"),
    (universal, r"\Z", "[Install.NT.CoInstallers]\n"), (universal, r"(CopyFiles .*)", r"\1\nDelFiles = Install.Files"),
    (universal, r"\Z", "[ClassInstall32]\n"), (universal, r"(CopyFiles .*)", r"\1\nLogConfig = Install.Files"),
    (registry, r"HKR(, Ndi, *Service)", r"HKLM\1"), (registry, r"(UpperRange,) 0", r"\1 string"),
    (service, r", 0x2, Service\b", ", 0x0, Service"), (service, r"(ServiceType *=) 1", r"\1 2"), (service, r"(StartType *=) 3", r"\1 0"),
    (service, r"(ErrorControl *=) 1", r"\1 3"), (service, r"%13%\\", r"%12%\\"), (service, r"%13%\\\S+", r"%13%\\other.sys"),
    (network, r"(Characteristics *=) 0x1", r"\1 0x4"), (network, r"(Characteristics *=) 0x1", r"\1 0x5"), (network, r"= 53", "= 6"), (network, r"(\*MediaType *=) 19", r"\1 0"),
    (network, r"\*PhysicalMediaType.*", None), (network, r"(Service, *0, )\S+", r"\1other"), (network, r"ndis5", "ndis4"),
    (network, r"0, nolower", "0, ethernet"),
    (strings, r"%Disk%", "%Disc%"), (strings, r"\[Strings\]\n", '[Strings]\nSpare = "spare"\n'),
    (encoding, r"\Z", "; \u00e9\n"), (encoding, r"\Z", "; \x01\n"),
]


def faults(text):
    inf = Inf(text)
    return [(rule.__name__, cause) for rule in RULES for cause in rule(inf)]


def main(paths):
    passed = failed = 0
    for path in paths:
        text = open(path, encoding="utf-8", newline="").read()
        found = faults(text)
        for name, cause in found:
            print(f"inf: {path}: {name}: {cause}")
        passed, failed = passed + (not found), failed + bool(found)
        fired = set()
        for rules, pattern, replacement in [] if found else BREAKS:
            rules = rules if isinstance(rules, tuple) else (rules,)
            expected = {rule.__name__ for rule in rules}
            pattern = pattern if replacement is not None else r"\n[^\n]*" + pattern
            broken = re.sub(pattern, replacement or "", text, count=0 if "17763" in pattern or "NT" in pattern else 1)
            names = {name for name, _ in faults(broken)}
            wrong = broken == text or names != expected
            passed, failed = passed + (not wrong), failed + wrong
            fired |= set(rules)
            if wrong:
                print(f"inf: a copy of {path} with {pattern} changed is found as {sorted(names) or 'nothing'}, "
                      f"not as {sorted(expected)}")
        for rule in [] if found else set(RULES) - fired:
            print(f"inf: nothing shows that rule {rule.__name__} fires")
            failed += 1
    print(f"inf: {len(paths)} files and their broken copies: {passed} passed, {failed} failed")
    return failed != 0 or not paths


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
