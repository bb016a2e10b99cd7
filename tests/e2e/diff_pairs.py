#!/usr/bin/env python3
"""`layoutfs diff` finds the differences that find(1) and diff(1) find in what umoci unpacks.

usage: diff_pairs.py PROGRAM WORK_DIR [LAYOUT]

With LAYOUT, compares pairs of its images; LAYOUTFS_TEST_FULL=1 takes 50 of them. Otherwise makes three images from each seed: random layers, the same with one more layer, and that one rebuilt as one layer in
another order, with some changed files. Needs root. LAYOUTFS_TEST_FULL=1 takes more seeds, LAYOUTFS_TEST_SEED=N one.
"""
import base64
import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import stat
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import random_layers  # noqa: E402
from random_layers import ocilib  # noqa: E402

PAIRS = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "a"), ("b", "b")]


def rebuilt(tree, rnd):
    """Returns the merged tree as one layer, in a random order and with some changes."""
    found, names = [], {}

    def visit(node, path):
        for name, child in sorted(node.children.items()):
            found.append((path + [name], child))
            if child.is_dir():
                visit(child, path + [name])

    visit(tree.root, [])
    rnd.shuffle(found)
    # Directories come first, parents before their children.
    found.sort(key=lambda each: len(each[0]) if each[1].is_dir() else 1000)
    tar, gone = ocilib.Tar(), []
    for path, node in found:
        name = b"/".join(path)
        if any(name.startswith(each + b"/") for each in gone) or rnd.randrange(12) == 0:
            gone.append(name)
            continue
        if not node.is_dir() and id(node) in names:
            tar.hardlink(name, names[id(node)], xattrs=names[id(node), "xattrs"])
            continue
        e = dataclasses.replace(node.entry or ocilib.Entry(name, "dir", mode=0o755), name=name)
        if rnd.randrange(6) == 0:
            e.mode = 0o700
        if rnd.randrange(6) == 0:
            e.uid = 7
        if rnd.randrange(6) == 0:
            e.mtime_ns += 1
        if rnd.randrange(4) == 0 and e.type == "file" and e.data:
            at = rnd.randrange(len(e.data))
            e.data = e.data[:at] + bytes([e.data[at] ^ 1]) + e.data[at + 1 :]
        attrs = {"mode": e.mode, "uid": e.uid, "gid": e.gid, "mtime_ns": e.mtime_ns, "xattrs": e.xattrs}
        tar.add(name, e.type, e.data, target=e.target, rdev=e.rdev, **attrs)
        names[id(node)], names[id(node), "xattrs"] = name, e.xattrs
    return tar


def found_by_find(root):
    """Returns path -> (type, mode, owner, time, target, device, xattrs)."""
    form = r"%P\0%y\0%m\0%U:%G\0%T@\0%l\0"
    text = subprocess.run(["find", root, "-printf", form], check=True, stdout=subprocess.PIPE).stdout.split(b"\0")[:-1]
    found = {}
    for path, *fields in zip(*(text[i::6] for i in range(6))):
        name = os.path.join(os.fsencode(root), path)
        there = os.lstat(name)
        device = there.st_rdev if stat.S_ISCHR(there.st_mode) or stat.S_ISBLK(there.st_mode) else 0
        xattrs = {each: os.getxattr(name, each, follow_symlinks=False) for each in os.listxattr(name, follow_symlinks=False)}
        found[path] = [each.decode() if number < 4 else each for number, each in enumerate(fields)] + [device, xattrs]
    return found


def found_by_diff(work, one, other):
    """Returns the paths of files and symlinks with other content."""
    command = ["diff", "-rq", "--no-dereference", one, other]
    done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1):
        raise SystemExit(f"diff failed: {done.stderr}")
    one, other = one.encode(), other.encode()
    form = re.compile(rb"(?:Files|Symbolic links) %s/(.*) and %s/\1 differ" % (one, other))
    return {match[1] for match in map(form.fullmatch, done.stdout.split(b"\n")) if match}


def expected(work, one, other, implied):
    """Returns path -> A, D or a set of changes."""
    before, after = found_by_find(work / one), found_by_find(work / other)
    content = found_by_diff(work, one, other)
    differences = {path: "D" for path in before.keys() - after.keys()}
    differences.update({path: "A" for path in after.keys() - before.keys()})
    for path in before.keys() & after.keys():
        old, new = before[path], after[path]
        changes = {name for name, x, y in zip(["type", "mode", "owner", "time", "target", "device", "xattrs"], old, new) if x != y}
        is_same_type = old[0] == new[0]
        if not is_same_type:
            changes -= {"target", "device"}
        if "l" in (old[0], new[0]):
            changes -= {"mode"}
        if is_same_type and old[0] == "f" and path in content:
            changes.add("content")
        if (path in content) != bool(is_same_type and changes & {"content", "target"}):
            raise SystemExit(f"diff and find disagree on {path}")
        differences[path] = without_unknown(changes, path, old[0] == "d" or new[0] == "d", implied)
    return {path: changes for path, changes in differences.items() if changes}


def without_unknown(changes, path, is_directory, implied):
    """umoci writes into existing directories, which changes their times, and makes implied ones as mkdir(2) does."""
    if is_directory:
        changes = changes - {"time"}
    return changes - {"mode", "owner"} if path in implied else changes


def implied_directories(trees):
    found = {b""}

    def visit(node, path):
        for name, child in node.children.items():
            if child.is_dir():
                if child.entry is None:
                    found.add(b"/".join(path + [name]))
                visit(child, path + [name])

    for tree in trees:
        visit(tree.root, [])
    return found


def found_by_layoutfs(program, one, other, implied, problems):
    command = [program, "diff", "--json", "--no-progress", one, other]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    document = json.loads(done.stdout)
    if done.stderr or done.returncode != int(bool(document["differences"])):
        problems.append(f"exit code {done.returncode}: {done.stderr}")
    found = {}
    for each in document["differences"]:
        path = base64.b64decode(each["pathBase64"]) if "pathBase64" in each else each["path"].encode()
        is_directory = any(side and side["type"] == "directory" for side in (each["before"], each["after"]))
        changes = without_unknown(set(each["changes"]), path, is_directory, implied)
        found[path] = {"added": "A", "removed": "D", "changed": changes}[each["kind"]]
    return {path: changes for path, changes in found.items() if changes}


def check(program, work, seed):
    """Returns the problems of a seed and the number of differences; None if tools disagree on the layers."""
    maker = random_layers.Maker(seed, is_common=True)
    if any(b"\n" in name for name in maker.names):
        return None
    try:
        trees = [ocilib.Tree(strict=True), ocilib.Tree(strict=True), ocilib.Tree(strict=True)]
        for number, tar in enumerate(maker.layers):
            trees[1].apply(tar.entries)
            if number + 1 < len(maker.layers):
                trees[0].apply(tar.entries)
        last = rebuilt(trees[1], random.Random(seed))
        trees[2].apply(last.entries)
    except ocilib.Refused:
        return None
    layout = ocilib.Layout()
    layout.tag("a", layout.image([ocilib.as_layer(tar) for tar in maker.layers[:-1]]))
    layout.tag("b", layout.image([ocilib.as_layer(tar) for tar in maker.layers]))
    layout.tag("c", layout.image([ocilib.as_layer(last)]))
    layout.write(work / "oci")
    for tag in "abc":
        command = ["umoci", "unpack", "--image", f"{work}/oci:{tag}", work / f"bundle-{tag}"]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60)
        if done.returncode:
            return None  # for example, if a layer writes through a symlink that it also deletes
        (work / f"bundle-{tag}" / "rootfs").rename(work / tag)
    implied, problems, count = implied_directories(trees), [], 0
    for one, other in PAIRS:
        want = expected(work, one, other, implied)
        got = found_by_layoutfs(program, f"{work}/oci:{one}", f"{work}/oci:{other}", implied, problems)
        count += len(want)
        for path in sorted(want.keys() | got.keys()):
            if want.get(path) != got.get(path):
                problems.append(f"{one} {other}: {path}: expected {want.get(path)}, got {got.get(path)}")
    return problems, count


def images_of(layout):
    """Returns the digests of the images of a layout, without attestations."""
    found = []
    for blob in sorted((layout / "blobs/sha256").iterdir()):
        if blob.stat().st_size > 1 << 20:
            continue
        try:
            manifest = json.loads(blob.read_bytes())
            if all("tar" in layer["mediaType"] for layer in manifest["layers"]):
                found.append((blob.name, blob.stat().st_size))
        except (ValueError, KeyError, TypeError):
            pass
    return found


def compare_layout(program, work, layout):
    """Returns the problems of pairs of images, and the numbers of pairs and differences."""
    wanted = 50 if os.environ.get("LAYOUTFS_TEST_FULL") else 6
    images = images_of(layout)
    # umoci does not support indexes, so a second layout with the same blobs names each manifest.
    flat = work / "flat"
    flat.mkdir()
    shutil.copy(layout / "oci-layout", flat)
    (flat / "blobs").symlink_to(layout.resolve() / "blobs")
    manifests = [{"mediaType": ocilib.MANIFEST, "digest": "sha256:" + name, "size": size, "annotations": {ocilib.REF: name[:12]}} for name, size in images]
    (flat / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    unpacked = []
    for name in sorted(name[:12] for name, _ in images):
        if len(unpacked) * (len(unpacked) - 1) // 2 >= wanted:
            break
        # umoci knows neither all media types nor all compressions.
        command = ["umoci", "unpack", "--image", f"{flat}:{name}", work / "bundle"]
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0:
            (work / "bundle/rootfs").rename(work / name)
            unpacked.append(name)
        shutil.rmtree(work / "bundle", ignore_errors=True)
    pairs = [(one, other) for one in unpacked for other in unpacked if one < other][:wanted]
    problems, count = [], 0
    for one, other in pairs:
        implied = {b""}
        want = expected(work, one, other, implied)
        got = found_by_layoutfs(program, f"{layout}@{one}", f"{layout}@{other}", implied, problems)
        count += len(want)
        problems += [f"{one} {other}: {path}: expected {want.get(path)}, got {got.get(path)}"
                     for path in sorted(want.keys() | got.keys()) if want.get(path) != got.get(path)]
    return problems, len(pairs), count


def main_of_layout(program, work, layout):
    problems, pairs, count = compare_layout(program, pathlib.Path(work), pathlib.Path(layout))
    print("".join(f"FAIL {line[:300]}\n" for line in problems[:20]) + f"{pairs} pairs of images with {count} differences")
    sys.exit(1 if problems or not count else 0)


def main(program, work):
    is_full, only = bool(os.environ.get("LAYOUTFS_TEST_FULL")), os.environ.get("LAYOUTFS_TEST_SEED")
    seed = int(only) if only else time.time_ns() // 1000 % 10**9
    wanted = 1 if only else 50 if is_full else 6
    print(f"seeds: from {seed}", flush=True)
    compared, differences, failed, last = 0, 0, 0, seed + 8 * wanted
    while compared < wanted and (only or seed < last):
        here = pathlib.Path(work) / str(seed)
        here.mkdir()
        result = check(program, here, seed)
        if result is not None:
            problems, count = result
            compared += 1
            differences += count
            if problems:
                failed += 1
                print(f"FAIL seed {seed} (LAYOUTFS_TEST_SEED={seed} repeats it)")
                print("".join(f"  {line[:300]}\n" for line in problems[:10]), flush=True)
        elif only:
            sys.exit("tools disagree on the layers of this seed")
        shutil.rmtree(here)
        seed += 1
    print(f"{compared * len(PAIRS)} pairs with {differences} differences; {failed} seeds failed")
    sys.exit(1 if failed or compared < wanted or (differences == 0 and not only) else 0)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    (main if len(sys.argv) == 3 else main_of_layout)(*sys.argv[1:])
