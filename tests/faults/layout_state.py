"""The content of an image layout, read by plain file calls, and its problems."""
import hashlib
import json
import os
import re
import stat

NAME = "org.opencontainers.image.ref.name"
TEMPORARY_FOLDERS = (".oci-", ".layoutfs-")  # of puts, and of new layouts
TEMPORARY_INDEX = "index.json.tmp"
LOCK = ".layoutfs.lock"  # if the file system cannot lock directories
ENTRIES = {"oci-layout", "index.json", "refs", "blobs", LOCK}
HEX_DIGITS = {"sha256": 64, "sha512": 128}
UPLOADS = "uploads"  # beside the algorithms: blobs that are not whole yet


def is_temporary(name):
    return name.startswith((*TEMPORARY_FOLDERS, TEMPORARY_INDEX))


def litter_of(layout):
    """Returns names of files of an interrupted writer."""
    return sorted(name for name in os.listdir(layout) if is_temporary(name)) if os.path.isdir(layout) else []


def read(path):
    with open(path, "rb") as file:
        return file.read()


def references_of(layout):
    """Returns {name: descriptor}; a reference without a name has its position instead."""
    folder = os.path.join(layout, "refs")
    index = os.path.join(layout, "index.json")
    if not os.path.exists(index) and os.path.isdir(folder):
        return {name: json.loads(read(os.path.join(folder, name))) for name in os.listdir(folder)}
    entries = json.loads(read(index))["manifests"] or []
    return {entry.get("annotations", {}).get(NAME, i): entry for i, entry in enumerate(entries)}


def blobs_of(layout):
    """Returns {digest: size}."""
    found = {}
    folder = os.path.join(layout, "blobs")
    for algorithm in os.listdir(folder):
        if algorithm == UPLOADS:
            continue
        for entry in os.scandir(os.path.join(folder, algorithm)):
            found[f"{algorithm}:{entry.name}"] = entry.stat(follow_symlinks=False).st_size
    return found


def problems_of(layout):
    """Yields a sentence for everything that must never be visible, regardless of how a writer ended."""
    for name in sorted(os.listdir(layout)):
        if name not in ENTRIES and not is_temporary(name):
            yield f"{name} does not belong into a layout"
    if json.loads(read(os.path.join(layout, "oci-layout"))) != {"imageLayoutVersion": "1.0.0"}:
        yield "oci-layout is another one"
    for digest in blobs_of(layout):
        algorithm, digits = digest.split(":", 1)
        if not re.fullmatch(f"[0-9a-f]{{{HEX_DIGITS.get(algorithm, 0)}}}", digits):
            yield f"{digest} is no digest"
        elif hashlib.new(algorithm, read(os.path.join(layout, "blobs", algorithm, digits))).hexdigest() != digits:
            yield f"{digest} holds something else"
    for name, entry in references_of(layout).items():
        if not isinstance(name, str):
            yield f"a reference without a name: {entry}"
        if not isinstance(entry.get("size"), int) or not re.fullmatch("sha256:[0-9a-f]{64}", entry.get("digest", "")):
            yield f"reference {name} is no descriptor: {entry}"


def incomplete_images(layout):
    """Yields a sentence for each reachable blob that is missing or has the wrong size."""
    blobs = blobs_of(layout)

    def wrong(where, descriptor):
        digest = descriptor["digest"]
        if digest not in blobs:
            return [f"{where}: {digest} is missing"]
        if blobs[digest] != descriptor["size"]:
            return [f"{where}: {digest} has {blobs[digest]} bytes instead of {descriptor['size']}"]
        return []

    for name, entry in references_of(layout).items():
        found = wrong(name, entry)
        if not found:
            manifest = json.loads(read(os.path.join(layout, "blobs", entry["digest"].replace(":", "/"))))
            for child in [manifest["config"], *manifest["layers"]]:
                found += wrong(name, child)
        yield from found


def tree_of(path):
    """Returns {relative path: mode and content} without temporary files and the lock; empty if it does not exist."""
    found = {}
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not is_temporary(name)]
        for name in folders + [name for name in files if not is_temporary(name) and name != LOCK]:
            whole = os.path.join(folder, name)
            mode = os.lstat(whole).st_mode
            found[os.path.relpath(whole, path)] = (mode, read(whole) if stat.S_ISREG(mode) else None)
    return found


def difference(before, after):
    """Yields a sentence for each difference of two trees."""
    return [
        f"{name}: {str(before.get(name, 'nothing'))[:500]} became {str(after.get(name, 'nothing'))[:500]}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
