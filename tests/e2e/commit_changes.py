#!/usr/bin/env python3
"""Write a layout with an image, and change the files of an overlay on it.

usage: commit_changes.py base LAYOUT         write the image "base", without the names of other ones
       commit_changes.py odd ROOT            make all kinds of changes below ROOT
       commit_changes.py random ROOT SEED    make random changes below ROOT
       commit_changes.py noise ROOT COUNT SIZE    write COUNT files of SIZE bytes of noise
"""
import os
import pathlib
import random
import shutil
import socket
import stat
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))

from ocilib import GZIP, Layout, Tar, gzip_member, noise, text  # noqa: E402

LONG = {size: b"n%d-" % size + b"x" * (size - len(b"n%d-" % size)) for size in (251, 252, 253, 254, 255)}
BYTES = b"\xff\x01 \t\n\\\"'=*?\xe2\x82"


def base(layout):
    lower = Tar().dir("d").dir("d/e").file("d/e/deep", "deep").file("d/a", "a").file("d/b", "b")
    lower.dir("opaque").file("opaque/lower", "1").dir("opaque/sub").file("opaque/sub/lower", "1")
    lower.dir("dir").dir("dir/sub").file("dir/sub/file", "x").file("file", "file").symlink("link", "file")
    lower.dir("gone").file("gone/file", "x").file("attributes", "x", xattrs={"user.old": b"1"}, mode=0o644)
    lower.file("large", text(3_000_000, 1)).dir("tmp", mode=0o1777).file(BYTES, "bytes").dir("untouched")
    lower.file("untouched/file", "x").symlink("dirlink", "dir")
    for name in LONG.values():
        lower.file(b"long-" + name[5:], "x")
    upper = Tar().opaque("opaque").file("opaque/upper", "2").dir("opaque/sub").file("opaque/sub/upper", "2")
    upper.whiteout("gone/file")
    out = Layout()
    layers = [lower.stored(gzip_member(lower.bytes()), GZIP), upper.stored(gzip_member(upper.bytes()), GZIP)]
    config = {"config": {"Env": ["PATH=/bin"], "X-Own": {"b": 1}}, "history": [{"created_by": "one"}, {"created_by": "two"}]}
    out.tag("base", out.image(layers, **config))
    out.tag("other", out.image(layers[:1]))
    out.write(layout)


def write(path, data, mode=0o644):
    # A FIFO without a reader is an error, and does not block.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK), "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def types():
    os.mkdir(b"types")
    os.mknod(b"types/char", 0o640 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(b"types/block", 0o600 | stat.S_IFBLK, os.makedev(259, 300000))
    os.mkfifo(b"types/fifo", 0o622)
    os.symlink(b"../file", b"types/short")
    os.symlink(b"t" * 4095, b"types/long")
    os.symlink(BYTES, b"types/bytes")
    write(b"types/empty", b"")
    write(b"types/set", b"#!", 0o6755)
    os.mkdir(b"types/sticky", 0o700)
    os.chmod(b"types/sticky", 0o1777)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("types/socket")


def odd(root):
    os.chdir(root)
    types()
    # Hard links across directories, also of other kinds of files.
    os.link(b"types/set", b"d/linked")
    os.link(b"types/set", b"linked-too")
    os.link(b"types/fifo", b"d/fifo")
    os.link(b"types/short", b"d/symlink", follow_symlinks=False)
    # Opaque directories over opaque ones.
    shutil.rmtree(b"opaque")
    os.makedirs(b"opaque/sub")
    write(b"opaque/sub/new", b"new")
    shutil.rmtree(b"d/e")
    os.mkdir(b"d/e")
    # Files of one kind in place of another one.
    shutil.rmtree(b"dir")
    write(b"dir", b"a file over a directory")
    os.remove(b"file")
    os.makedirs(b"file/over")
    write(b"file/over/file", b"x")
    shutil.rmtree(b"gone")
    os.symlink(b"dir", b"gone")
    os.remove(b"link")
    os.remove(b"d/a")
    os.remove(BYTES)
    # Names.
    for name in LONG.values():
        os.remove(b"long-" + name[5:])
        write(name, b"new")
    os.mkdir(BYTES)
    write(BYTES + b"/" + BYTES[::-1].replace(b"/", b""), b"bytes")
    write(b"types/ ", b"blank")
    deep = b"/".join(b"%03d" % i + b"p" * 60 for i in range(20))
    os.makedirs(deep)
    write(deep + b"/file", b"deep")
    # Attributes.
    os.setxattr(b"attributes", b"user.new", b"\0\xff" * 500)
    os.removexattr(b"attributes", b"user.old")
    os.chown(b"d/b", 70000, (1 << 31) + 5)
    os.chmod(b"untouched", 0o711)
    write(b"capable", b"x", 0o755)
    os.setxattr(b"capable", b"security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
    os.mkdir(b"acl")
    os.setxattr(b"acl", b"system.posix_acl_default", acl((1, 7, 0xFFFFFFFF), (2, 5, 5), (4, 5, 0xFFFFFFFF), (16, 5, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)))
    write(b"acl/file", b"x", 0o640)
    os.setxattr(b"acl/file", b"system.posix_acl_access", acl((1, 6, 0xFFFFFFFF), (2, 4, 77), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)))
    # Content: parts of a large file, holes, several pieces of a layer.
    with open(b"large", "r+b") as file:
        file.seek(1_500_000)
        file.write(b"changed")
    with open(b"sparse", "wb") as file:
        for at in (0, 5_000_000, 9_999_999):
            file.seek(at)
            file.write(b"data")
        file.truncate(20_000_000)
    with open(b"sparser", "wb") as file:
        file.seek(70_000_000)
        file.write(b"data")
        file.truncate(80_000_000)
    with open(b"hole", "wb") as file:
        file.truncate(1_000_000)
    write(b"noise", noise(2_500_000, 5))
    # Times: before 1970, with nanoseconds, beyond 2038 and 2242.
    for i, ns in enumerate((-1, -1_500_000_000, -(10**18), 0, 10**18 + 1, 5 * 10**18, 8_589_934_592 * 10**9)):
        write(b"time%d" % i, b"")
        os.utime(b"time%d" % i, ns=(ns, ns))
    os.utime(b"d/e", ns=(-5, -5))
    os.utime(b"types/short", ns=(-5, -5), follow_symlinks=False)


class Changes:
    """Random changes; every operation may fail, as it does for a user."""

    def __init__(self, root, seed):
        os.chdir(root)
        self.rnd = random.Random(seed)

    def name(self):
        rnd = self.rnd
        kind = rnd.random()
        if kind < 0.7:
            return rnd.choice([b"a", b"b", b"d", b"e", b"file", b"dir", b"sub", b"lower", b"upper", b"opaque", b"new"])
        if kind < 0.8:
            return rnd.choice(list(LONG.values()))
        if kind < 0.9:
            return BYTES
        return bytes(c for c in rnd.randbytes(rnd.randrange(1, 30)) if c not in b"/\0") or b"x"

    def directory(self):
        at = b"."
        while self.rnd.random() < 0.6:
            below = sorted(e.name for e in os.scandir(at) if e.is_dir(follow_symlinks=False))
            if not below:
                break
            at += b"/" + self.rnd.choice(below)
        return at

    def existing(self):
        at = self.directory()
        names = sorted(os.listdir(at))
        return at + b"/" + self.rnd.choice(names) if names else at + b"/none"

    def new(self):
        return self.directory() + b"/" + self.name()

    def change(self):
        try:
            self.operation()()
        except (OSError, NotImplementedError):
            pass

    def operation(self):
        rnd = self.rnd
        path, other, mode = self.existing(), self.new(), rnd.choice([0o600, 0o644, 0o4755, 0o1777, 0o000])
        return rnd.choice(
            [
                lambda: os.remove(path),
                lambda: self.remove_tree(path),
                lambda: os.mkdir(other, 0o755),
                lambda: write(other, rnd.randbytes(rnd.choice([0, 5, 600, 70000])), mode),
                lambda: write(path, b"overwritten"),
                lambda: os.symlink(rnd.choice([b"a", b"../x", BYTES]), other),
                lambda: os.link(path, other, follow_symlinks=False),
                lambda: os.mkfifo(other),
                lambda: os.mknod(other, 0o600 | stat.S_IFCHR, os.makedev(60, rnd.randrange(300))),
                lambda: os.chmod(path, mode, follow_symlinks=not os.path.islink(path)),
                lambda: os.chown(path, rnd.choice([0, 5, 70000]), 7, follow_symlinks=False),
                lambda: os.setxattr(path, b"user." + rnd.choice([b"a", b"b"]), rnd.randbytes(9), follow_symlinks=False),
                lambda: os.rename(path, other),
                lambda: os.utime(path, ns=(0, rnd.randrange(-(10**17), 2 * 10**18)), follow_symlinks=False),
                lambda: os.truncate(path, rnd.randrange(0, 1_000_000)),
                lambda: self.replace(path),
            ]
        )

    @staticmethod
    def remove_tree(path):
        if os.path.isdir(path):  # rmtree would open a FIFO, and wait
            shutil.rmtree(path)

    def replace(self, path):
        """Removes a directory and makes it again: it becomes opaque."""
        self.remove_tree(path)
        os.mkdir(path)
        write(path + b"/" + self.name(), b"in an opaque directory")


def main():
    command, *arguments = sys.argv[1:]
    if command == "base":
        base(arguments[0])
    elif command == "odd":
        odd(arguments[0])
    elif command == "random":
        changes = Changes(arguments[0], int(arguments[1]))
        for _ in range(changes.rnd.randrange(10, 80)):
            changes.change()
    else:
        root, count, size = arguments
        for i in range(int(count)):
            directory = pathlib.Path(root, "%02d" % (i % 100))
            directory.mkdir(exist_ok=True, parents=True)
            (directory / ("%05d" % i)).write_bytes(noise(int(size), i))


if __name__ == "__main__":
    main()
