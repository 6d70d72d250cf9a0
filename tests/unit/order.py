#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds built objects against tests/order.txt: who defines a symbol, who needs it (llvm-nm), and who may.

    order.py PART FILE=OBJECT... [PART FILE=OBJECT...]...

A PART is one of the page's; its files are linked together. A part may come twice, for two programs that are made of it.
Afterwards the same is done with broken copies of page and symbols, and each fault must be seen."""
import collections
import copy
import glob
import os
import re
import subprocess
import sys

PAGE = "tests/order.txt"
# What the sanitizers' compiler calls, which is in no source.
COMPILERS = re.compile(r"__(start_|stop_)?(asan|ubsan|tsan|sanitizer)_\w+")

Room = collections.namedtuple("Room", "part name sentence files ordered needs names")


def words(line):
    return [word for item in line.split() for word in (sorted(glob.glob(item)) if "*" in item else [item])]


def names_of(items):
    """The names that a .def exports, a header declares, or that stand there themselves."""
    names = set()
    for item in items:
        if item.endswith(".def"):
            names |= set(re.findall(r"^ +(\w+)", open(item).read(), re.MULTILINE))
        elif item.endswith(".h"):
            names |= set(re.findall(r"\b([A-Z]\w+)\(", open(item).read()))
        else:
            names.add(item)
    return names


def read_page(text):
    rooms = []
    for part, name, body in re.findall(r"^\[(\w+): ([\w-]+)\]\n(.*?)(?=^\[|\Z)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE),
                                       re.MULTILINE | re.DOTALL):
        lines = re.sub(r"\n +", " ", body).strip().splitlines()
        keys = {match[1]: words(match[3]) for match in
                (re.fullmatch(r"(files|needs|names)( in any order)? +(.*)", line) for line in lines[1:]) if match}
        rooms.append(Room(part, name, lines[0], keys.get("files", []), "files in any order" not in body, keys.get("needs", []),
                          names_of(keys.get("names", []))))
    return rooms


def read_objects(arguments):
    """[(part, {file: (defined, needed)})]"""
    objects = [argument.split("=")[1] for argument in arguments if "=" in argument]
    symbols = {path: (set(), set()) for path in objects}
    for line in subprocess.run(["llvm-nm-19", "-A", *objects], check=True, capture_output=True, text=True).stdout.splitlines():
        path, kind, symbol = re.fullmatch(r"(.*?): *[0-9a-f-]* (\w) (.*)", line).groups()
        if kind in "Uw":
            symbols[path][1].add(symbol.removeprefix("__imp_"))
        elif kind.isupper():
            symbols[path][0].add(symbol)
    programs = []
    for argument in arguments:
        if "=" in argument:
            file, path = argument.split("=")
            programs[-1][1][file] = symbols[path]
        else:
            programs.append((argument, {}))
    return programs


def faults(rooms, programs, sources):
    """All that is wrong, one sentence each. sources: the .c files of the rooms' folders."""
    found = []
    room_of = {(room.part, file): room for room in rooms for file in room.files}
    built = {(part, file) for part, files in programs for file in files}
    for file in sorted(sources - {file for room in rooms for file in room.files} - {file for _, file in built}):
        found.append(f"{file} is in no room of {PAGE}, and built into nothing")
    for index, room in enumerate(rooms):
        where = f"room {room.name} of {room.part}"
        if not room.sentence.endswith("."):
            found.append(f"{where} says nothing in one sentence")
        for name in room.needs:
            if not any(other.part == room.part and other.name == name for other in rooms[index + 1:]):
                found.append(f"{where} needs {name}, which is no room below it")
        for file in room.files:
            if room_of[room.part, file] is not room or room.files.count(file) > 1:
                found.append(f"{file} stands twice in {room.part}")
            if file not in sources:
                found.append(f"{where} has {file}, which does not exist")
            elif (room.part, file) not in built:
                found.append(f"{where} has {file}, which is built into nothing")
    for part, files in programs:
        definers = collections.defaultdict(list)
        for file, (defined, _) in files.items():
            for symbol in defined:
                definers[symbol].append(file)
        for file, (defined, needed) in sorted(files.items()):
            room = room_of.get((part, file))
            if not room:
                found.append(f"{file} is in no room of {part} in {PAGE}")
                continue
            for symbol in sorted(needed - defined):
                if symbol in room.names or COMPILERS.fullmatch(symbol):
                    continue
                if room.names and not definers[symbol]:
                    found.append(f"{file} needs {symbol} from outside: {room.sentence}")
                for other in definers[symbol]:
                    home = room_of.get((part, other))
                    if home is room and room.ordered and room.files.index(other) < room.files.index(file):
                        found.append(f"{file} needs {symbol} of {other}, which stands above it: {room.sentence}")
                    elif home and home is not room and home.name not in room.needs:
                        found.append(f"{file} needs {symbol} of {other} (room {home.name}): {room.sentence}")
    return list(dict.fromkeys(found))


def broken(rooms, programs, sources):
    """Copies with one fault each: what it is, and the three."""
    def with_need(index, file, symbol):
        changed = copy.deepcopy(programs)
        changed[index][1][file][1].add(symbol)
        return rooms, changed, sources

    def with_room(room, **fields):
        return [room._replace(**fields) if other is room else other for other in rooms], programs, sources

    def symbol_of(index, file):
        """A function of the file's own that no room may need by its name; None: it has none, or is not in the program."""
        defined = programs[index][1].get(file, (set(), set()))[0]
        return next((symbol for symbol in sorted(defined) if re.fullmatch(r"[A-Z]\w+", symbol) and
                     not any(symbol in room.names for room in rooms)), None)

    for room in rooms:
        inside = [index for index, (part, files) in enumerate(programs) if part == room.part and room.files[0] in files]
        for index in inside:
            for upper, lower in zip(room.files, room.files[1:]) if room.ordered else []:
                if symbol_of(index, upper):
                    yield f"{lower} needs {upper}", with_need(index, lower, symbol_of(index, upper))
            for other in rooms:
                callee = next((file for file in other.files if symbol_of(index, file)), None)
                if callee and other.part == room.part and other is not room and other.name not in room.needs:
                    yield f"{room.files[0]} needs {callee}", with_need(index, room.files[0], symbol_of(index, callee))
            if room.names:
                yield f"{room.name} needs what nobody knows", with_need(index, room.files[0], "SomethingElse")
        yield f"{room.name} has a file that is not there", with_room(room, files=[*room.files, "no/such.c"])
        yield f"{room.name} has one file less", with_room(room, files=room.files[:-1])
        yield f"{room.name} has a file twice", with_room(room, files=[*room.files, room.files[0]])
        yield f"{room.name} says nothing", with_room(room, sentence="")
        yield f"{room.name} needs itself", with_room(room, needs=[*room.needs, room.name])
        unbuilt = [(part, {file: both for file, both in files.items() if (part, file) != (room.part, room.files[-1])})
                   for part, files in programs]
        yield f"{room.files[-1]} is not built", (rooms, unbuilt, sources)
    yield "a new file", (rooms, programs, sources | {"library/new.c"})


def main():
    rooms, programs = read_page(open(PAGE).read()), read_objects(sys.argv[1:])
    folders = {os.path.dirname(file) for room in rooms for file in room.files}
    sources = {file for folder in folders for file in glob.glob(f"{folder}/*.c")}
    found = faults(rooms, programs, sources)
    for fault in found:
        print(f"order: {fault}")
    passed, failed = max(0, sum(len(files) for _, files in programs) - len(found)), len(found)
    for name, changed in [] if found else broken(rooms, programs, sources):
        if faults(*changed):
            passed += 1
        else:
            print(f"order: the fault '{name}' was not seen")
            failed += 1
    print(f"order: {passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
