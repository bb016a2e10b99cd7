#!/usr/bin/env python3
"""Check that includes go up the list of folders only, that the core knows no FUSE, and one file CLI11, and that nothing
but what the system returns is dropped by a cast: results are dropped by ignore(), which says why.

usage: include_order.py SOURCE_DIRECTORY
"""
import pathlib
import re
import sys

# The modules in the order of the data: each may include only those above it, and of these only what stands here.
ORDER = {
    "core/base": "",
    "core/http": "base",
    "core/tar": "base",
    "core/cas": "base tar",
    "core/oci": "base cas",
    "core/codec": "base cas",
    "core/cache": "base cas",
    "core/stream": "base cas codec cache",
    "core/layer": "base tar cas codec stream",
    "core/image": "base tar cas oci cache codec stream layer",
    "core/registry": "base http cas oci",
    "core/transfer": "base http cas oci cache codec stream layer image registry",
    "core/check": "base tar cas oci cache codec stream layer image",
    "core/names": "base cas oci",
}
CORE = list(ORDER)
ALLOWED = {folder: ["core/" + name for name in names.split()] for folder, names in ORDER.items()}
# A mount neither copies nor serves a registry.
ALLOWED["fs/tree"] = [folder for folder in CORE if folder not in ("core/registry", "core/transfer", "core/check", "core/names")]
ALLOWED["fs/fuse"] = ["core/base", "fs/tree"]
ALLOWED["tools/cli"] = CORE + ["fs/tree", "fs/fuse"]
ALLOWED["tools/chroot"] = ALLOWED["tools/cli"] + ["tools/cli"]
ALLOWED["tools/commands"] = ALLOWED["tools/chroot"] + ["tools/chroot"]
ALLOWED["tools"] = ALLOWED["tools/commands"] + ["tools/commands"]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
FUSE = re.compile(r"fuse\w*\.h$|^fuse")
# Slow to compile: the commands do without.
CLI11 = re.compile(r"^CLI/")
KNOWS_CLI11 = "tools/cli/command_line.cc"
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
                if here != "fs/fuse" and FUSE.search(name):
                    yield f"{where}: only fs/fuse/ may include {name}"
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
