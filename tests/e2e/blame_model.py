#!/usr/bin/env python3
"""`layoutfs blame` finds the layers that a slow model finds, for random layers.

usage: blame_model.py PROGRAM WORK_DIR

The model applies the layers one by one, and compares the whole trees before and after each.
LAYOUTFS_TEST_FULL=1 takes more seeds, LAYOUTFS_TEST_SEED=N one.
"""
import base64
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import random_layers  # noqa: E402
from random_layers import ocilib  # noqa: E402


class Model(ocilib.Tree):
    """Also notes the names that a layer sets."""

    def __init__(self):
        super().__init__()
        self.named, self.layer = collections.Counter(), 0
        self.origins = {}  # path -> the last layer with an entry
        self.lost = set()  # (path, layer that had it, layer that took it)
        self.unknown = set()  # such, if the layer sets the same file again, or sets the name and takes it away
        self.implied = set()  # paths of directories that no layer lists: one may delete them and imply them again

    def put(self, e):
        super().put(e)
        parts = ocilib.split(e.name)
        if parts:
            self.named[self.walk(parts[:-1]), parts[-1]] += 1

    def snapshot(self):
        """Returns path -> (node, entry of a directory, number of times that this layer sets the name)."""
        found = {b"": (self.root, self.root.entry, 0)}

        def visit(node, path):
            for name, child in node.children.items():
                below = path + b"/" + name if path else name
                found[below] = (child, child.entry if child.is_dir() else None, self.named[node, name])
                if child.is_dir():
                    visit(child, below)

        visit(self.root, b"")
        return found

    def add_layer(self, entries):
        before, before_origins = self.snapshot(), dict(self.origins)
        self.named = collections.Counter()
        self.apply(entries)
        after = self.snapshot()
        self.origins = {}
        for path, (node, entry, is_named) in after.items():
            old = before.get(path) if self.layer else None
            is_same = old is not None and old[0] is node and old[1] is entry and not is_named
            self.origins[path] = before_origins[path] if is_same else self.layer
            if node.is_dir() and entry is None:
                self.implied.add(path)
        if self.layer:
            self.note_lost(before, before_origins, after)
        self.layer += 1

    def note_lost(self, before, origins, after):
        for path, (node, entry, _) in before.items():
            new = after.get(path)
            one = (path, origins[path], self.layer)
            parent, _, name = path.rpartition(b"/")
            if self.named[before[parent][0], name] > (new is not None):
                self.unknown.add(one)
            elif new is None or new[0] is not node or (node.is_dir() and entry is not None and new[1] is None):
                self.lost.add(one)
            elif new[2] or new[1] is not entry:
                self.unknown.add(one)


def told(program, layout, *options):
    command = [program, "blame", "--json", *options, f"{layout}:latest"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode:
        raise SystemExit(f"exit code {done.returncode}: {done.stderr}")
    document = json.loads(done.stdout)
    for each in document.get("files", []) + document.get("deleted", []):
        path = base64.b64decode(each["pathBase64"]) if "pathBase64" in each else each["path"].encode()
        yield path, each


def check(program, work, seed):
    """Returns the problems, and the numbers of files and lost files; None if the model refuses the layers."""
    maker, model = random_layers.Maker(seed), Model()
    try:
        for tar in maker.layers:
            model.add_layer(tar.entries)
    except ocilib.Refused:
        return None
    maker.write(work, maker.blobs)
    problems = []
    files = {path: each["layer"] for path, each in told(program, work)}
    for path in sorted(files.keys() | model.origins.keys()):
        if files.get(path) != model.origins.get(path) and not (path in model.implied and path in files):
            problems.append(f"{path}: expected layer {model.origins.get(path)}, got {files.get(path)}")
    lost = {(path, each["layer"], each["by"]) for path, each in told(program, work, "--deleted")}
    for one in sorted((lost ^ model.lost) - model.unknown):
        if one[0] in model.implied:
            continue
        problems.append(f"{one} is {'not ' if one in model.lost else ''}told as deleted")
    return problems, len(files), len(model.lost)


def main(program, work):
    is_full, only = bool(os.environ.get("LAYOUTFS_TEST_FULL")), os.environ.get("LAYOUTFS_TEST_SEED")
    first = int(only) if only else time.time_ns() // 1000 % 10**9
    seeds = range(first, first + (1 if only else 600 if is_full else 60))
    print(f"seeds: {seeds.start} to {seeds.stop - 1}", flush=True)
    failed = refused = files = lost = 0
    for seed in seeds:
        here = pathlib.Path(work) / str(seed)
        result = check(program, here, seed)
        shutil.rmtree(here, ignore_errors=True)
        if result is None:
            refused += 1
            continue
        files += result[1]
        lost += result[2]
        if result[0]:
            failed += 1
            print(f"FAIL seed {seed} (LAYOUTFS_TEST_SEED={seed} repeats it)")
            print("".join(f"  {line}\n" for line in result[0][:10]), flush=True)
    print(f"{files} files and {lost} deleted ones; {refused} seeds refused, {failed} failed")
    sys.exit(1 if failed or (not only and not (files and lost)) else 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
