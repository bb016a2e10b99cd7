#!/usr/bin/env python3
"""Random layers result in the tree of the slow model of ocilib.

usage: random_layers.py PROGRAM WORK_DIR KEEP_DIR

Compares every image with PROGRAM's ls and cat, some also with a mount (as root, with FUSE), and with
LAYOUTFS_TEST_FULL=1 some with umoci's result.  LAYOUTFS_TEST_SEED=N repeats one seed in all of these ways.
The layout of a failing seed stays in KEEP_DIR.
"""
import dataclasses
import gzip
import importlib.util
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys
import time

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "corpus"
sys.path.insert(0, str(CORPUS))
import ocilib  # noqa: E402
from listed import Listed, Refused, TooSlow  # noqa: E402

spec = importlib.util.spec_from_file_location("check_tree", CORPUS / "check-tree.py")
check_tree = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_tree)

# These seeds always run first. In each, a layer deletes a directory into which it also puts a file. The directory must
# lose its owner (18, 53, 74), its extended attributes (188), or both.
KEPT = [18, 53, 74, 91, 94, 145, 188, 277]
CORRUPT = 7  # the exit code for layers that cannot be applied
UNPACK_SECONDS = 60

# Few names, so that layers collide, and names with unusual spellings or encodings.
PLAIN = [b"a", b"b", b"c", b"d", b"lib", b"usr"]
ODD = [b"caf\xe9", b"\xc3\xbc", b"two words", b"new\nline", b"..x", b".w", b"%41", b"n" * 130, b"-l", b"A"]


class Maker:
    """Makes the layers of one seed: entries that the model can apply, with a rare exception.
    With is_common, without entries on which tools disagree: hard links repeat the attributes of their
    targets, and no extended attribute is empty (Go's archive/tar takes it as absent)."""

    def __init__(self, seed, is_common=False):
        self.is_common = is_common
        self.rnd = random.Random(seed)
        self.layers, self.refused = [], False
        names = self.rnd.sample(PLAIN, 4) + self.rnd.sample(ODD, 2)
        self.names = names
        for _ in range(self.rnd.randint(2, 6)):
            self.layers.append(ocilib.Tar())
            for _ in range(self.rnd.randint(1, 16)):
                self.add()
        self.blobs = [self.stored(tar) for tar in self.layers]

    def chance(self, percent):
        return self.rnd.randrange(100) < percent

    def path(self):
        depth = self.rnd.choice([1, 1, 2, 2, 2, 3, 3, 4])
        return b"/".join(self.rnd.choice(self.names) for _ in range(depth))

    def spelled(self, path):
        """Returns another spelling of the path, as in tars of other programs."""
        head, _, tail = path.rpartition(b"/")
        return self.rnd.choice(
            [b"./" + path, b"/" + path, b"x/../" + path, head + b"//" + tail, path.replace(b"/", b"/./")]
        )

    def attributes(self, fmt):
        rnd, ns = self.rnd, ocilib.NS
        attrs = {
            "mode": rnd.choice([0o644, 0o755, 0o4755, 0o2750, 0o1777, 0, 0o7777, rnd.randrange(0o10000)]),
            "uid": rnd.choice([0, 0, 1, 1000, 65534, 3_000_000]),
            "gid": rnd.choice([0, 0, 1, 1000, 3_000_000]),
            "mtime_ns": rnd.choice([0, 1, ocilib.MTIME, 5_000_000_000, rnd.randrange(1 << 31)]) * ns,
        }
        if fmt == "pax":
            if self.chance(40):
                attrs["mtime_ns"] += rnd.randrange(ns)
            if self.chance(5):
                attrs["mtime_ns"] = -rnd.randrange(10**18)
        return attrs

    def xattrs(self, kind):
        # The kernel shows user.* only for files and directories.
        space = "user." if kind in ("file", "dir") else "security."
        names = self.rnd.sample(["a", "b", "long." + "n" * 60], self.rnd.randint(1, 3))
        values = [self.rnd.randbytes(self.rnd.choice([0, 1, 20, 300])) for _ in names]
        return {space + n: v or b"?" * self.is_common for n, v in zip(names, values)}

    def content(self):
        size = self.rnd.choice([0, 1, 511, 512, 513, self.rnd.randrange(5000), self.rnd.randrange(200_000)])
        make = ocilib.noise if self.chance(50) else ocilib.text
        return make(size, self.rnd.randrange(1 << 30))

    def files(self):
        """Returns paths in the tree so far to which a hard link is possible."""
        tree, found = self.model(), []

        def visit(node, path):
            for name, child in sorted(node.children.items()):
                if child.is_dir():
                    visit(child, path + [name])
                else:
                    found.append(b"/".join(path + [name]))

        visit(tree.root, [])
        return found

    def used_directory(self):
        """Returns a directory with an entry in the top layer, for a whiteout; None if there is none."""
        parents = {b"/".join(ocilib.split(e.name)[:-1]) for e in self.layers[-1].entries}
        return self.rnd.choice(sorted(parents - {b""}) or [None])

    def attributes_of(self, path):
        try:
            *parent, base = ocilib.split(path)
            e = self.model().walk(parent).children[base].entry
            return {"mode": e.mode, "uid": e.uid, "gid": e.gid, "mtime_ns": e.mtime_ns}
        except (ocilib.Refused, AttributeError, KeyError):
            return {}  # the file does not exist

    def model(self, strict=False):
        tree = ocilib.Tree(strict)
        for tar in self.layers:
            tree.apply(tar.entries)
        return tree

    def add(self):
        """Adds an entry to the top layer, unless the model refuses it."""
        tar = self.layers[-1]
        parts, entries = len(tar.parts), len(tar.entries)
        self.put(tar)
        try:
            self.model()
        except ocilib.Refused:
            if not self.refused and self.chance(2):
                self.refused = True
            elif not self.refused:
                del tar.parts[parts:], tar.entries[entries:]

    def put(self, tar):
        rnd, path = self.rnd, self.path()
        kind = rnd.choices(
            ["file", "dir", "symlink", "hardlink", "char", "block", "fifo", "whiteout", "opaque", "root"],
            [30, 20, 12, 12, 2, 2, 2, 12, 6, 2],
        )[0]
        if kind in ("whiteout", "opaque") and self.chance(50):
            path = self.used_directory() or path
        if kind == "whiteout":
            return tar.whiteout(path)
        if kind == "opaque":
            where = b"" if self.chance(10) else path + b"/"
            return tar.file(where + b".wh..wh..opq")
        fmt = rnd.choice(["pax", "pax", "gnu"])
        attrs = {"fmt": fmt, **self.attributes(fmt)}
        if fmt == "pax" and kind != "symlink" and self.chance(40):
            attrs["xattrs"] = self.xattrs(kind)
        if kind == "root":
            return tar.dir(b"", stored_name=rnd.choice([b"./", b"/", b"a/.."]), **attrs)
        if self.chance(15):
            attrs["stored_name"] = self.spelled(path)
        if kind == "file":
            return tar.file(path, self.content(), **attrs)
        if kind == "dir":
            return tar.dir(path, **attrs)
        if kind == "symlink":
            target = b"../" * rnd.choice([0, 0, 0, 1, 2, 5]) + self.path()
            return tar.symlink(path, rnd.choice([target, b"/" + target, rnd.choice(self.names)]), **attrs)
        if kind == "hardlink":
            there = [] if self.refused else self.files()
            target = rnd.choice(there) if there and not self.chance(10) else self.path()
            if self.is_common:
                attrs = self.attributes_of(target)
            return tar.add(path, "hardlink", target=target, **attrs)
        if kind != "fifo":
            attrs["rdev"] = (rnd.randrange(1 << 12), rnd.randrange(1 << 20))
        return tar.add(path, kind, **attrs)

    def stored(self, tar):
        data, way = tar.bytes(self.rnd.choice([0, 1, 2, 2, 2, 20])), self.rnd.randrange(6)
        cut = self.rnd.randrange(len(data) + 1)
        if way == 0:
            return ocilib.Layer(data, data, ocilib.LAYER)
        if way == 1:
            return ocilib.Layer(gzip.compress(data, self.rnd.randrange(10), mtime=0), data)
        if way == 2:
            return ocilib.Layer(ocilib.gzip_member(data[:cut]) + ocilib.gzip_member(data[cut:], name=b"n"), data)
        if way == 3:
            return ocilib.Layer(ocilib.gzip_member(data, flushes=[cut]), data)
        if way == 4:
            frames = [ocilib.zstd_frame(data[:cut], checksum=True), ocilib.zstd_skippable(b"between")]
            return ocilib.Layer(b"".join(frames) + ocilib.zstd_frame(data[cut:]), data, ocilib.ZSTD)
        return ocilib.Layer(ocilib.zstd_frame(data, block=1 << self.rnd.randrange(10, 17)), data, ocilib.ZSTD)

    def expected(self, strict=False):
        """Returns the tree as in expected.json; None if the layers must be refused."""
        try:
            return {"tree": self.model(strict).dump()}
        except ocilib.Refused:
            return None

    def write(self, where, layers):
        layout = ocilib.Layout()
        layout.tag("latest", layout.image(layers))
        layout.write(where)

    def told(self):
        """Returns the entries for people."""
        for number, tar in enumerate(self.layers):
            for e in tar.entries:
                shown = dataclasses.replace(e, data=b"%d bytes" % len(e.data))
                target = " -> " + ocilib.quote(e.target) if e.target else ""
                yield f"layer {number}: {e.type} {ocilib.quote(e.name)}{target}  {shown.mode:o}"


def refusal(want, code, message):
    if code == CORRUPT and want is None:
        return []
    return [f"refused with exit code {code}: {message}"]


def by_listing(program, layout, want):
    try:
        found = Listed(program, layout, "latest", seconds=60).walk()
    except Refused as err:
        return refusal(want, err.code, err.message)
    except TooSlow as err:
        return [str(err)]
    return ["was not refused"] if want is None else list(check_tree.compare(want, found))


def by_mount(program, layout, want, at):
    at.mkdir()
    command = [program, "mount", "-q", "-o", "dev,suid", f"{layout}:latest", at]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60)
    if done.returncode:
        return refusal(want, done.returncode, done.stderr.strip())
    try:
        return ["was mounted"] if want is None else list(check_tree.compare(want, check_tree.walk(at)))
    finally:
        subprocess.run([program, "umount", at], check=True, timeout=60)
        at.rmdir()


def by_umoci(seed, work):
    """Returns the differences to umoci's result; None if tools disagree on the layers."""
    maker = Maker(seed, is_common=True)
    want = maker.expected(strict=True)
    if want is None:
        return None
    maker.write(work / "gzip", [ocilib.as_layer(tar) for tar in maker.layers])
    command = ["umoci", "unpack", "--image", f"{work}/gzip:latest", work / "bundle"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=UNPACK_SECONDS)
    if done.returncode:
        return ["umoci: " + done.stderr.strip()]
    found = check_tree.walk(work / "bundle" / "rootfs")
    for node in want["tree"].values():
        if node["type"] == "dir" and "mtime_ns" not in node:
            del node["mode"], node["gid"]  # a directory by mkdir may inherit them from a set-group-ID directory
    # umoci writes into existing directories, which changes their times.
    return ["umoci: " + line for line in check_tree.compare(want, found, ["dir-mtime"])]


def mounts_skip():
    if os.geteuid() != 0:
        return "needs root"
    try:
        return None if stat.S_ISCHR(os.stat("/dev/fuse").st_mode) else "no usable /dev/fuse here"
    except OSError:
        return "no usable /dev/fuse here"


def umoci_skip():
    if os.geteuid() != 0:
        return "needs root"
    return None if shutil.which("umoci") else "umoci is not installed"


class Ways:
    """Compares images in several ways, and counts them."""

    def __init__(self, program, work, keep):
        self.program, self.work, self.keep = program, work, keep
        self.counts = dict.fromkeys(["listed", "refused", "mounted", "unpacked", "no two tools agree"], 0)

    def count(self, what):
        self.counts[what] += 1

    def check(self, seed, with_mount, with_umoci):
        """Returns the problems of a seed's image."""
        maker = Maker(seed)
        work = self.work / str(seed)
        maker.write(work / "oci", maker.blobs)
        want = maker.expected()
        wrong = by_listing(self.program, work / "oci", want)
        self.count("refused" if want is None else "listed")
        if with_mount:
            wrong += by_mount(self.program, work / "oci", want, work / "at")
            self.count("mounted")
        if with_umoci:
            third = by_umoci(seed, work)
            self.count("no two tools agree" if third is None else "unpacked")
            wrong += third or []
        if wrong:
            kept = self.keep / f"layoutfs-random-{seed}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(work / "oci", kept)
            print(f"FAIL seed {seed} (LAYOUTFS_TEST_SEED={seed} repeats it); its layout: {kept}")
            print("".join(f"  {line[:300]}\n" for line in [*wrong[:10], *maker.told()]), flush=True)
        shutil.rmtree(work)
        return wrong


def main(program, work, keep):
    is_full, only = bool(os.environ.get("LAYOUTFS_TEST_FULL")), os.environ.get("LAYOUTFS_TEST_SEED")
    first = time.time_ns() // 1000 % 10**9
    rounds = 1500 if is_full else 150
    seeds = [int(only)] if only else [*KEPT, *range(first, first + rounds)]
    no_mount, no_umoci = mounts_skip(), umoci_skip()
    needs_umoci = is_full or only
    if no_mount:
        print(f"left out: the mounts: {no_mount}")
    if needs_umoci and no_umoci:
        print(f"left out: umoci: {no_umoci}")
    print(f"seeds: {only or f'{KEPT}, and {first} to {first + rounds - 1}'}", flush=True)
    ways, failed = Ways(program, pathlib.Path(work), pathlib.Path(keep)), 0
    for number, seed in enumerate(seeds):
        with_mount = not no_mount and (only or number % 15 == 0)
        with_umoci = not no_umoci and (only or is_full and number % 30 == 0)
        failed += bool(ways.check(seed, with_mount, with_umoci))
    print(", ".join(f"{count} {what}" for what, count in ways.counts.items()))
    print(f"{len(seeds) - failed} passed, {failed} failed")
    return 1 if failed else 77 if no_mount or needs_umoci and no_umoci else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
