#!/usr/bin/env python3
"""Readers in the middle of a large directory of a mount, while entries are added and removed.

usage: listings.py LAYOUT MOUNT blobs|refs ENTRIES ROUNDS SEED
         adds ENTRIES blobs or references to LAYOUT, lists them through MOUNT with many open directories
         while others are added and removed, and ends with a line of counts
"""
import ctypes
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import time

READERS = 16
libc = ctypes.CDLL(None, use_errno=True)


class Dirent(ctypes.Structure):  # readdir(3)
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("length", ctypes.c_ushort),
                ("type", ctypes.c_ubyte), ("name", ctypes.c_char * 256)]


libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.telldir.restype = ctypes.c_long
libc.readdir.argtypes = libc.telldir.argtypes = libc.closedir.argtypes = libc.rewinddir.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


class Layout:
    """Adds and removes entries of `blobs/sha256` or `refs` by the files of the layout."""

    def __init__(self, path, kind):
        self.path, self.kind = pathlib.Path(path), kind
        self.index = json.loads((self.path / "index.json").read_text())
        self.entry = self.index["manifests"][0]
        self.count = 0

    def new_names(self, count):
        self.count += count
        names = [f"tag-{number}" for number in range(self.count - count, self.count)]
        return names if self.kind == "refs" else [hashlib.sha256(name.encode()).hexdigest() for name in names]

    def change(self, added, removed):
        if self.kind == "blobs":
            for name in added:
                (self.path / "blobs/sha256" / name).touch()
            for name in removed:
                (self.path / "blobs/sha256" / name).unlink()
            return
        key = "org.opencontainers.image.ref.name"
        kept = [entry for entry in self.index["manifests"] if entry.get("annotations", {}).get(key) not in removed]
        self.index["manifests"] = kept + [{**self.entry, "annotations": {key: name}} for name in added]
        (self.path / "index.json.new").write_text(json.dumps(self.index))
        (self.path / "index.json.new").rename(self.path / "index.json")


class Reader:
    def __init__(self, directory):
        self.handle = libc.opendir(os.fsencode(directory))
        if not self.handle:
            sys.exit(f"opendir: {os.strerror(ctypes.get_errno())}")
        self.seen = {}

    def read(self, count):
        """Reads a part. Returns whether there may be more."""
        for _ in range(count):
            ctypes.set_errno(0)
            entry = libc.readdir(self.handle)
            if not entry:
                if ctypes.get_errno():
                    sys.exit(f"readdir: {os.strerror(ctypes.get_errno())}")
                return False
            name = os.fsdecode(entry.contents.name)
            if name in self.seen:
                sys.exit(f"{name} was seen twice")
            self.seen[name] = True
        return True

    def go_back(self, rnd):
        """Reads a part, and returns by seekdir(3) to its start."""
        position, seen = libc.telldir(self.handle), dict(self.seen)
        self.read(rnd.randrange(2000))
        libc.seekdir(self.handle, position)
        self.seen = seen

    def rewind(self):
        libc.rewinddir(self.handle)
        self.seen = {}

    def check(self, untouched):
        missing = untouched - self.seen.keys()
        if missing:
            sys.exit(f"{len(missing)} of {len(untouched)} were there all the time, and not seen: {min(missing)}, ...")


def main():
    path, mount, kind, entries, rounds, seed = sys.argv[1:]
    rnd = random.Random(int(seed))
    directory = os.path.join(mount, "refs" if kind == "refs" else "blobs/sha256")
    layout = Layout(path, kind)
    names = layout.new_names(int(entries))
    layout.change(names, set())
    # From here on, every reader sees all entries.
    while set(names) - set(os.listdir(directory)):
        time.sleep(0.2)
    # This half is never removed.
    untouched = set(names[::2])
    touched = names[1::2]
    readers = [Reader(directory) for _ in range(READERS)]
    for reader in readers:
        reader.read(rnd.randrange(int(entries)))
    ended = 0
    for _ in range(int(rounds)):
        rnd.shuffle(touched)
        removed, touched = touched[:20], touched[20:]
        added = layout.new_names(20)
        layout.change(added, set(removed))
        touched += added
        # Another process lists the directory from the start.
        subprocess.run(["ls", "-f", directory], check=True, stdout=subprocess.DEVNULL)
        for reader in readers:
            what = rnd.randrange(10)
            if what == 0:
                reader.go_back(rnd)
            elif what == 1:
                reader.rewind()
            elif not reader.read(rnd.randrange(1000)):
                reader.check(untouched)
                reader.rewind()
                ended += 1
    for reader in readers:
        while reader.read(1000):
            pass
        reader.check(untouched)
    print(f"{rounds} changes, {ended + READERS} listings of {entries} entries")


main()
