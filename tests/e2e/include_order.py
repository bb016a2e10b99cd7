#!/usr/bin/env python3
"""Check that includes and links go up the list of folders only, that public headers include only public headers, that
each folder is one library, that only fs/fuse uses FUSE, and that only results of system calls are dropped by a cast:
others must be dropped by ignore(), with a reason. First proves on sources with one fault each that it finds the faults.

usage: include_order.py SOURCE_DIRECTORY
"""
import collections
import pathlib
import re
import sys
import tempfile

# The modules in the order of the data. Each may include and link only modules above it, and of these only the listed
# ones.
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
    "core/explain": "base tar cas oci cache codec stream layer image",
    "core/erofs": "base tar cas oci cache codec stream layer image",
    "core/engines": "base tar cas oci cache codec stream layer image",
    "core/registry": "base http cas oci",
    "core/remote": "base http cas oci cache registry",
    "core/transfer": "base http tar cas oci cache codec stream layer image registry",
    "core/commit": "base tar cas oci cache codec stream layer image",
    "core/check": "base tar cas oci cache codec stream layer image erofs engines",
    "core/names": "base cas oci",
}
CORE = list(ORDER)
ALLOWED = {folder: ["core/" + name for name in names.split()] for folder, names in ORDER.items()}
# A mount neither explains, copies nor makes images, and does not serve a registry.
ALLOWED["fs/tree"] = [
    folder for folder in CORE if folder not in ("core/explain", "core/registry", "core/transfer", "core/commit", "core/check", "core/names")
]
ALLOWED["fs/fuse"] = ["core/base", "fs/tree"]
ALLOWED["fs/kernel"] = ["core/base", "core/image", "core/erofs", "fs/tree", "fs/fuse"]
ALLOWED["tools/cli"] = CORE + ["fs/tree", "fs/fuse", "fs/kernel"]
ALLOWED["tools/chroot"] = ALLOWED["tools/cli"] + ["tools/cli"]
ALLOWED["tools/engine"] = ALLOWED["tools/cli"] + ["tools/cli"]
ALLOWED["tools/extract"] = ALLOWED["tools/cli"] + ["tools/cli"]
ALLOWED["tools/commands"] = ALLOWED["tools/chroot"] + ["tools/chroot", "tools/engine", "tools/extract"]
ALLOWED["tools"] = ALLOWED["tools/commands"] + ["tools/commands"]

# The public headers, each with the module that defines its declarations. They include each other in the same order, and
# only installed headers.
PUBLIC = {
    "core/base": "bytes context digest error expected log",
    "core/http": "registry_code",
    "core/cas": "blob blob_batch descriptor engine layout_reader open upload",
    "core/oci": "documents platform reference",
    "core/image": "images",
    "core/registry": "registry",
    "core/transfer": "copy",
    "core/check": "fsck gc index_verify",
    "core/names": "filter image_store",
}
MODULE_OF = {f"include/layoutfs/{name}.h": module for module, names in PUBLIC.items() for name in names.split()}

# The headers of the tree show images. The session links them, but does not include them.
OF_SESSION = ALLOWED["fs/tree"] + ["fs/tree"]
LINKED = ALLOWED | {"fs/fuse": OF_SESSION, "fs/kernel": OF_SESSION + ["fs/fuse"]}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
FUSE = re.compile(r"fuse\w*\.h$|^fuse")
# Names declared only by the headers of FUSE.
OF_FUSE = re.compile(r"\bfuse\w*\.h\b|\bfuse_\w+|\bFUSE_\w+")
FUSE_LIBRARY = re.compile(r"\bfuse\d*\b")
DROPPED = re.compile(r"(?:std::ignore\s*=|\(void\)|static_cast<void>\()\s*(?!\s|::[a-z])")
# In g++ 12, a temporary in the head of such a loop is destroyed before the first iteration.
UNLOCKED_LOOP = re.compile(r"\bfor \([^;]*:[^;]*\.lock\(\)")
# A comment, a string, a bracket or a word of CMake.
TOKEN = re.compile(r'#[^\n]*|"(?:\\.|[^"\\])*"|[()]|[^\s()#"]+')

Link = collections.namedtuple("Link", "target is_public where")


def folder_of(path):
    """Returns the module of a file, by its path below the top of the sources."""
    name = str(path).replace("\\", "/")
    return MODULE_OF.get(name, name.rpartition("/")[0])


def file_named(include):
    """Returns the path of an include in quotes."""
    return pathlib.PurePosixPath("include", include) if include.startswith("layoutfs/") else pathlib.PurePosixPath(include)


def files_of(root, *suffixes):
    return [f for top in ("include", "core", "fs", "tools") for f in sorted((root / top).rglob("*")) if f.name.endswith(suffixes)]


def commands(root, file):
    """Yields name, place, and the words with their places, of each command of a CMakeLists.txt."""
    text = file.read_text()
    name, depth, words, before = None, 0, [], None
    for token in TOKEN.finditer(text):
        word = token.group()
        if word.startswith("#"):
            continue
        place = f"{file.relative_to(root)}:{text.count(chr(10), 0, token.start()) + 1}"
        if word == "(":
            depth += 1
            if depth == 1:
                name, words = before, []
        elif word == ")":
            depth -= 1
            if depth == 0 and name:
                yield name[0].lower(), name[1], words
        elif depth:
            words.append((word.strip('"'), place))
        else:
            before = (word, place)


class Targets:
    """The libraries and programs of core, fs and tools, and their links."""

    def __init__(self, root):
        self.folder = {}  # by target
        self.links = collections.defaultdict(list)
        self.place = {}
        self.wrong = []
        for file in files_of(root, "CMakeLists.txt"):
            here = folder_of(file.relative_to(root))
            for name, place, words in commands(root, file):
                self.add(here, name, place, words)

    def add(self, here, name, place, words):
        if name == "layoutfs_library":
            target, is_public = "layoutfs_" + words[0][0], None
            self.define(target, here, place)
        elif name in ("add_executable", "add_library", "target_link_libraries"):
            target, is_public = words[0][0], True if name == "target_link_libraries" else None
            if name == "add_executable":
                self.define(target, here, place)
            elif name == "add_library" and here in ALLOWED:
                self.wrong.append(f"{place}: layoutfs_library() makes the libraries")
        else:
            return
        for word, where in words[1:]:
            if word in ("SOURCES", "USES", "PUBLIC", "INTERFACE", "PRIVATE"):
                is_public = {"SOURCES": None, "PRIVATE": False}.get(word, True)
            elif is_public is not None:
                self.links[target].append(Link(word, is_public, where))

    def define(self, target, here, place):
        if target in self.folder:
            self.wrong.append(f"{place}: {target} is also at {self.place[target]}")
        self.folder[target] = here
        self.place[target] = place

    def reached(self, target):
        """Returns {target: [links]}: the libraries of a target, directly or by public links of others, and the path to each."""
        found = {}
        ways = [[link] for link in self.links[target]]
        for way in ways:
            last = way[-1].target
            if last not in found and last != target:
                found[last] = way
                ways += [way + [link] for link in self.links[last] if link.is_public]
        return found


def wrong_links(targets):
    """Yields a line for each folder that is not one library, and for each forbidden link."""
    yield from targets.wrong
    for folder in ALLOWED:
        own = "layoutfs_" + folder.rsplit("/", 1)[-1]
        if "/" in folder and targets.folder.get(own) != folder:
            yield f"{folder}/CMakeLists.txt:1: does not make the library {own}"
    for target, folder in targets.folder.items():
        if "/" in folder and target != "layoutfs_" + folder.rsplit("/", 1)[-1]:
            yield f"{targets.place[target]}: {folder} is one target, and not {target} too"
    for target, links in list(targets.links.items()):
        here = targets.folder.get(target)
        for link in links:
            if link.target.startswith("layoutfs_"):
                if link.target != "layoutfs_options" and link.target not in targets.folder:
                    yield f"{link.where}: {link.target} is the library of no folder"
            elif FUSE_LIBRARY.search(link.target) and (here != "fs/fuse" or link.is_public):
                yield f"{link.where}: {link.target} is for layoutfs_fuse alone, as PRIVATE"
        if here not in ALLOWED:
            continue
        for last, way in targets.reached(target).items():
            there = targets.folder.get(last)
            if there not in (None, here, *LINKED[here]):
                yield f"{way[0].where}: {here} must not link {there} ({' -> '.join([target] + [l.target for l in way])})"


def wrong_lists(root):
    """Yields a line for each list of folders in another order than ORDER."""
    for name, place, words in commands(root, root / "core/CMakeLists.txt"):
        if name == "set" and words[0][0] == "parts" and ["core/" + word for word, _ in words[1:]] != CORE:
            yield f"{place}: the parts are not the core's folders in their order"
    table = re.findall(r"^\| `((?:core|fs|tools)/\w+)/` \|", (root / "CONTRIBUTING.md").read_text(), re.M)
    if table != [folder for folder in ALLOWED if "/" in folder]:
        yield "CONTRIBUTING.md:1: the table of folders does not have them in their order"


def wrong(root):
    """Yields a line for each fault."""
    targets = Targets(root)
    yield from wrong_links(targets)
    yield from wrong_lists(root)
    given = collections.defaultdict(set)
    for target, folder in targets.folder.items():
        given[folder] |= {targets.folder.get(last) for last in targets.reached(target)}
    files = files_of(root, ".h", ".cc")
    if not files:
        yield f"{root}: no sources there"
    for file in files:
        here = folder_of(file.relative_to(root))
        is_public = file.is_relative_to(root / "include")
        if here not in ALLOWED:
            yield f"{file}: {here} has no place in the list of folders in {sys.argv[0]}"
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            where = f"{file.relative_to(root)}:{number}"
            if DROPPED.search(line):
                yield f"{where}: ignore(RESULT, REASON) drops a result and says why"
            if UNLOCKED_LOOP.search(line):
                yield f"{where}: the lock must have a name, or it ends before the loop begins"
            found = INCLUDE.match(line)
            if not found:
                if here != "fs/fuse" and not here.startswith("tools") and OF_FUSE.search(line):
                    yield f"{where}: only fs/fuse/ may speak of {OF_FUSE.search(line).group()}"
                continue
            mark, name = found.groups()
            there = folder_of(file_named(name))
            if here != "fs/fuse" and (FUSE.search(name) and there != "fs/fuse"):
                yield f"{where}: only fs/fuse/ may include {name}"
            elif mark == "<":
                if there in ALLOWED or name.startswith("layoutfs/"):
                    yield f"{where}: {name} is ours, in quotes"
            elif there not in ALLOWED:
                yield f"{where}: {name} is not named from the top of the sources"
            elif is_public and not name.startswith("layoutfs/"):
                yield f"{where}: {name} is not installed: a public header must not include it"
            elif there != here and there not in ALLOWED[here]:
                yield f"{where}: {here} must not include {there}"
            elif there != here and there not in given[here]:
                yield f"{where}: the library of {here} is not linked to that of {there}"


def library_of(folder, links="", private=""):
    names = ["layoutfs_" + name for name in links.split()]
    others = ["layoutfs_" + other.rsplit("/", 1)[-1] for other in ALLOWED[folder]] if not names else []
    name = folder.rsplit("/", 1)[-1]
    return (f"# layoutfs_library(commented)\nlayoutfs_library({name}\n  SOURCES a.cc # (\n"
            f"  USES {' '.join(names)}\n  PRIVATE Threads::Threads {' '.join(others)} {private})\n")


def small_sources():
    """Returns {path: text} of sources without a fault."""
    files = {
        "core/CMakeLists.txt": f"set(parts {' '.join(folder[len('core/'):] for folder in CORE)})\n",
        "CONTRIBUTING.md": "".join(f"| `{folder}/` | x |\n" for folder in ALLOWED if "/" in folder),
        "tools/CMakeLists.txt": "add_executable(layoutfs main.cc)\ntarget_link_libraries(layoutfs PRIVATE layoutfs_commands)\n",
        "tools/main.cc": '#include "tools/commands/a.h"\n',
    }
    for folder in ALLOWED:
        if "/" in folder:
            files[folder + "/a.h"] = "".join(f'#include "{other}/a.h"\n' for other in ALLOWED[folder])
            files[folder + "/CMakeLists.txt"] = library_of(folder)
    # Every public header includes only those of its module.
    for public, module in MODULE_OF.items():
        files[public] = "".join(f'#include "{other[len("include/"):]}"\n' for other, its in MODULE_OF.items()
                                if its == module and other != public)
    files["fs/fuse/CMakeLists.txt"] = library_of("fs/fuse", private="PkgConfig::fuse3")
    files["fs/fuse/b.cc"] = "#include <fuse3/fuse_lowlevel.h>\nfuse_session* session;\n"
    return files


# Changes of these sources, and the expected line for each.
FAULTS = [
    ({"core/oci/b.cc": '\n#include "core/image/a.h"\n'}, "core/oci/b.cc:2: core/oci must not include core/image"),
    ({"core/oci/b.cc": '#include "layoutfs/images.h"\n'}, "core/oci/b.cc:1: core/oci must not include core/image"),
    ({"include/layoutfs/engine.h": '#include "layoutfs/images.h"\n'},
     "include/layoutfs/engine.h:1: core/cas must not include core/image"),
    ({"include/layoutfs/engine.h": '#include "core/cas/a.h"\n'},
     "include/layoutfs/engine.h:1: core/cas/a.h is not installed: a public header must not include it"),
    ({"include/layoutfs/new.h": ""}, "include/layoutfs has no place in the list of folders"),
    ({"core/oci/b.cc": "#include <layoutfs/engine.h>\n"}, "core/oci/b.cc:1: layoutfs/engine.h is ours, in quotes"),
    ({"core/oci/b.cc": '#include "core/tar/a.h"\n'}, "core/oci/b.cc:1: core/oci must not include core/tar"),
    ({"core/oci/b.cc": '#include "a.h"\n'}, "core/oci/b.cc:1: a.h is not named from the top of the sources"),
    ({"core/oci/b.cc": "#include <core/cas/a.h>\n"}, "core/oci/b.cc:1: core/cas/a.h is ours, in quotes"),
    ({"core/oci/b.cc": "for (int i : *all.lock()) {}\n"},
     "core/oci/b.cc:1: the lock must have a name, or it ends before the loop begins"),
    ({"core/oci/b.cc": "(void)put();\n"}, "core/oci/b.cc:1: ignore(RESULT, REASON) drops a result and says why"),
    ({"core/oci/CMakeLists.txt": library_of("core/oci", "base cas image")},
     "core/oci/CMakeLists.txt:4: core/oci must not link core/image (layoutfs_oci -> layoutfs_image)"),
    ({"core/oci/CMakeLists.txt": library_of("core/oci", private="layoutfs_image")},
     "core/oci/CMakeLists.txt:5: core/oci must not link core/image (layoutfs_oci -> layoutfs_image)"),
    ({"core/CMakeLists.txt": f"set(parts {' '.join(folder[len('core/'):] for folder in CORE)})\n"
                             "target_link_libraries(layoutfs_oci PUBLIC layoutfs_image)\n"},
     "core/CMakeLists.txt:2: core/oci must not link core/image (layoutfs_oci -> layoutfs_image)"),
    # The store may link the tar reader privately.
    ({"core/cas/CMakeLists.txt": library_of("core/cas", "base tar")},
     "core/oci/CMakeLists.txt:5: core/oci must not link core/tar (layoutfs_oci -> layoutfs_cas -> layoutfs_tar)"),
    ({"core/oci/CMakeLists.txt": library_of("core/oci", "base")},
     "core/oci/a.h:2: the library of core/oci is not linked to that of core/cas"),
    ({"core/oci/CMakeLists.txt": library_of("core/oci", private="layoutfs_absent")},
     "core/oci/CMakeLists.txt:5: layoutfs_absent is the library of no folder"),
    ({"core/oci/CMakeLists.txt": library_of("core/oci") + "layoutfs_library(more SOURCES b.cc)\n"},
     "core/oci/CMakeLists.txt:6: core/oci is one target, and not layoutfs_more too"),
    ({"core/oci/CMakeLists.txt": library_of("core/oci") + "add_library(more b.cc)\n"},
     "core/oci/CMakeLists.txt:6: layoutfs_library() makes the libraries"),
    ({"core/oci/CMakeLists.txt": ""}, "core/oci/CMakeLists.txt:1: does not make the library layoutfs_oci"),
    ({"core/new/b.cc": ""}, "core/new has no place in the list of folders"),
    ({"core/CMakeLists.txt": "set(parts base tar)\n"},
     "core/CMakeLists.txt:1: the parts are not the core's folders in their order"),
    ({"CONTRIBUTING.md": ""}, "CONTRIBUTING.md:1: the table of folders does not have them in their order"),
    ({"fs/tree/b.cc": "#include <fuse3/fuse.h>\n"}, "fs/tree/b.cc:1: only fs/fuse/ may include fuse3/fuse.h"),
    ({"fs/tree/b.cc": '#include "fuse_lowlevel.h"\n'}, "fs/tree/b.cc:1: only fs/fuse/ may include fuse_lowlevel.h"),
    ({"fs/tree/b.cc": '#include "fs/fuse/a.h"\n'}, "fs/tree/b.cc:1: fs/tree must not include fs/fuse"),
    ({"fs/tree/b.cc": "struct fuse_entry_param;\n"}, "fs/tree/b.cc:1: only fs/fuse/ may speak of fuse_entry_param"),
    ({"fs/tree/b.cc": "// As fuse_lowlevel.h has it.\n"}, "fs/tree/b.cc:1: only fs/fuse/ may speak of fuse_lowlevel.h"),
    ({"fs/tree/CMakeLists.txt": library_of("fs/tree", private="PkgConfig::fuse3")},
     "fs/tree/CMakeLists.txt:5: PkgConfig::fuse3 is for layoutfs_fuse alone, as PRIVATE"),
    ({"fs/tree/CMakeLists.txt": library_of("fs/tree") + "target_link_libraries(layoutfs_tree PRIVATE fuse3)\n"},
     "fs/tree/CMakeLists.txt:6: fuse3 is for layoutfs_fuse alone, as PRIVATE"),
    ({"fs/tree/CMakeLists.txt": library_of("fs/tree", private="layoutfs_transfer")},
     "fs/tree/CMakeLists.txt:5: fs/tree must not link core/transfer (layoutfs_tree -> layoutfs_transfer)"),
    ({"fs/fuse/CMakeLists.txt": library_of("fs/fuse") + "target_link_libraries(layoutfs_fuse PUBLIC PkgConfig::fuse3)\n"},
     "fs/fuse/CMakeLists.txt:6: PkgConfig::fuse3 is for layoutfs_fuse alone, as PRIVATE"),
]


def unproven():
    """Yields a line for each of FAULTS that is not found, and for each fault that is found in faultless sources."""
    for changes, expected in [({}, None), *FAULTS]:
        with tempfile.TemporaryDirectory() as place:
            root = pathlib.Path(place)
            for name, text in {**small_sources(), **changes}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            found = list(wrong(root))
            is_right = found == [] if expected is None else any(expected in line for line in found)
            if not is_right:
                yield f"{sys.argv[0]}: of sources with {changes}: {found}, not {expected}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = [*unproven(), *wrong(pathlib.Path(sys.argv[1]))]
    print("\n".join(found) if found else "includes and links go up the list only")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
