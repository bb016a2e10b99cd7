#!/usr/bin/env python3
"""Check that includes go up the list of folders only, that the core knows no FUSE, and one file CLI11, and that nothing
but what the system returns is dropped by a cast: results are dropped by ignore(), which says why.

usage: include_order.py SOURCE_DIRECTORY
"""
import pathlib
import re
import sys

# For each folder, those that it may include beside itself.
ALLOWED = {
    "core/base": [],
    "core/tar": ["core/base"],
    "core/cas": ["core/base", "core/tar"],
    "core/oci": ["core/base", "core/cas"],
    "core/registry": ["core/base", "core/cas", "core/oci"],
    "core/transfer": ["core/base", "core/cas", "core/oci", "core/registry"],
    "core/images": ["core/base", "core/cas", "core/oci"],
    "core/stream": ["core/base", "core/cas"],
    "core/layer": ["core/base", "core/tar", "core/cas", "core/stream"],
    "core/image": ["core/base", "core/tar", "core/cas", "core/oci", "core/transfer", "core/stream", "core/layer"],
}
CORE = list(ALLOWED)
ALLOWED["fs"] = CORE
ALLOWED["tools"] = CORE + ["fs"]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
FUSE = re.compile(r"fuse\w*\.h$|^fuse")
# Slow to compile: the commands do without.
CLI11 = re.compile(r"^CLI/")
KNOWS_CLI11 = "tools/command_line.cc"
DROPPED = re.compile(r"(?:std::ignore\s*=|\(void\)|static_cast<void>\()\s*(?!\s|::[a-z])")


def folder_of(path):
    return str(path.parent).replace("\\", "/")


def wrong(root):
    """yields a line for each include that must not be"""
    files = [f for top in ("core", "fs", "tools") for f in sorted((root / top).rglob("*")) if f.suffix in (".h", ".cc")]
    if not files:
        yield f"{root}: no sources there"
    for file in files:
        here = folder_of(file.relative_to(root))
        if here not in ALLOWED:
            yield f"{file}: {here} has no place in the list of folders in {sys.argv[0]}"
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if DROPPED.search(line):
                yield f"{file.relative_to(root)}:{number}: ignore(RESULT, REASON) drops a result and says why"
            found = INCLUDE.match(line)
            if not found:
                continue
            mark, name = found.groups()
            there = folder_of(pathlib.PurePosixPath(name))
            where = f"{file.relative_to(root)}:{number}"
            if mark == "<":
                if here != "fs" and FUSE.search(name):
                    yield f"{where}: only fs/ may include {name}"
                if CLI11.search(name) and file != root / KNOWS_CLI11:
                    yield f"{where}: only {KNOWS_CLI11} may include {name}"
                if there in ALLOWED:
                    yield f"{where}: {name} is ours, in quotes"
            elif there not in ALLOWED:
                yield f"{where}: {name} is not named from the top of the sources"
            elif there != here and there not in ALLOWED[here]:
                yield f"{where}: {here} must not include {there}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(wrong(pathlib.Path(sys.argv[1])))
    print("\n".join(found) if found else "includes go up the list only")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
