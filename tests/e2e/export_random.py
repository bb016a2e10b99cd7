#!/usr/bin/env python3
"""The kernel's mount of an exported EROFS image, and the kernel view of the image, are the tree that FUSE shows, for random
images and a large one.

usage: export_random.py PROGRAM WORK_DIR

Compares files, bytes and holes, and fails if fsck.erofs finds a fault or the kernel's log gets an error of EROFS.
LAYOUTFS_TEST_SEED=N repeats one seed; LAYOUTFS_TEST_FULL=1 tries 200.
"""
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

import random_layers
import same_holes
from random_layers import CORRUPT, Maker, check_tree, ocilib

ROUNDS = 15
FAULT = re.compile(r"erofs.*(error|fail|corrupt|invalid|bogus|unsupported|bug|warn)", re.IGNORECASE)


def add_sparse(tar, name, pieces, size):
    """Adds a sparse file (GNU.sparse 1.0) with pieces of data at their offsets."""
    numbers = [len(pieces)] + [n for at, data in pieces for n in (at, len(data))]
    packed = ocilib.padded(b"".join(b"%d\n" % n for n in numbers)) + b"".join(data for _, data in pieces)
    records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name, "GNU.sparse.realsize": str(size)}
    tar.extended(records)
    tar.raw(ocilib.header(b"sparse", size=len(packed)), ocilib.padded(packed))


def sparse_layer(rnd):
    tar = ocilib.Tar()
    for number in range(rnd.randrange(4)):
        at, pieces = 0, []
        for _ in range(rnd.randrange(12)):
            # Holes and data of whole blocks, of parts of blocks, and next to each other.
            at += rnd.choice([0, 1, 4096, 8192, rnd.randrange(20_000), rnd.randrange(1 << 22)])
            data = rnd.randbytes(rnd.choice([1, 4095, 4096, 4097, 1 + rnd.randrange(30_000)]))
            pieces.append((at, data))
            at += len(data)
        add_sparse(tar, f"sparse-{number}", pieces, at + rnd.choice([0, 1, 4096, rnd.randrange(1 << 22)]))
    return tar


def write_random(seed, where):
    maker, rnd = Maker(seed), random.Random(seed)
    maker.write(where, [*maker.blobs, ocilib.as_layer(sparse_layer(rnd))])


def write_large(where):
    tar = ocilib.Tar().dir("wide").dir("links").file("links/0", "linked").dir("long")
    for number in range(10_000):
        tar.file(f"wide/{number:05}")
    for number in range(1, 70_000):
        tar.add(f"links/{number}", "hardlink", target="links/0")
    for number in range(200):
        name = f"{number:03}" + "n" * 252
        tar.file(f"long/{name}", name)
        tar.symlink(f"long/{number}", "t" * (4095 - number))
    add_sparse(tar, "huge", [(0, b"start"), (3 << 30, b"x" * 5000), ((5 << 30) - 1, b"e")], 5 << 30)
    layout = ocilib.Layout()
    layout.tag("latest", layout.image([tar]))
    layout.write(where)


def chunks(ranges, size):
    """Returns the ranges of blocks as EROFS can store them: a file has at most 2^20 chunks (docs/erofs.md)."""
    blocks = -(-size // same_holes.BLOCK)
    unit = 1 << max(0, (blocks - 1).bit_length() - 20)
    whole = []
    for begin, end in ranges:
        begin, end = begin // unit * unit, min(-(-end // unit) * unit, blocks)
        if whole and begin <= whole[-1][1]:
            whole[-1][1] = end
        else:
            whole.append([begin, end])
    return whole


def content_differences(first, second):
    """Yields files with other holes or other data; reads no holes, and a file with several names once."""
    seen = set()
    for directory, _, names in os.walk(os.fsencode(first)):
        for name in names:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if not os.path.isfile(path) or os.path.islink(path) or status.st_ino in seen:
                continue
            seen.add(status.st_ino)
            other = os.path.join(os.fsencode(second), os.path.relpath(path, os.fsencode(first)))
            ranges = same_holes.data_blocks(path)
            want, got = chunks(ranges, status.st_size), same_holes.data_blocks(other)
            if want != got:
                yield f"{path}: data in blocks {got[:10]}, expected {want[:10]}"
            with open(path, "rb") as one, open(other, "rb") as two:
                for begin, end in ranges:
                    at, size = begin * same_holes.BLOCK, (end - begin) * same_holes.BLOCK
                    if os.pread(one.fileno(), size, at) != os.pread(two.fileno(), size, at):
                        yield f"{path}: other bytes in blocks {begin} to {end}"


def run(*command):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)


def tree_differences(fuse, kernel):
    no_content = {"tree": {}}
    want, found = check_tree.walk(fuse, no_content), check_tree.walk(kernel, no_content)
    return list(check_tree.compare({"tree": want}, found)) or list(content_differences(fuse, kernel))


def view_differences(program, layout, fuse, view):
    view.mkdir()
    mounted = run(program, "mount", "-q", "--kernel", "-o", "dev,suid", layout, view)
    if mounted.returncode:
        return ["layoutfs mount --kernel: " + mounted.stdout]
    try:
        return ["kernel view: " + each for each in tree_differences(fuse, view)]
    finally:
        run(program, "umount", view).check_returncode()


def differences(program, work):
    """Returns the problems of the layout in work; None if its layers cannot be applied."""
    layout, image, kernel, fuse = f"{work}/oci:latest", work / "image", work / "erofs", work / "fuse"
    exported = run(program, "export", "-q", layout, image)
    if exported.returncode:
        return None if exported.returncode == CORRUPT else ["export: " + exported.stdout]
    checked = run("fsck.erofs", image)
    # Version 1.5 exits with 0 after some errors.
    problems = ["fsck.erofs: " + checked.stdout] if checked.returncode or "<E>" in checked.stdout else []
    kernel.mkdir()
    fuse.mkdir()
    mounted = run("mount", "-t", "erofs", "-o", "ro,loop", image, kernel)
    if mounted.returncode:
        return [*problems, "mount: " + mounted.stdout]
    try:
        mounted = run(program, "mount", "-q", "--no-kernel", "-o", "dev,suid", layout, fuse)
        if mounted.returncode:
            return [*problems, "layoutfs mount: " + mounted.stdout]
        try:
            return problems + tree_differences(fuse, kernel) + view_differences(program, layout, fuse, work / "view")
        finally:
            run(program, "umount", fuse).check_returncode()
    finally:
        run("umount", kernel).check_returncode()


def kernel_log():
    """Returns the lines, with their times."""
    return subprocess.run(["dmesg"], check=True, stdout=subprocess.PIPE, text=True, errors="replace").stdout.splitlines()


def main(program, work):
    only = os.environ.get("LAYOUTFS_TEST_SEED")
    rounds = 200 if os.environ.get("LAYOUTFS_TEST_FULL") else ROUNDS
    first = int(only) if only else time.time_ns() // 1000 % 10**9
    seeds = range(first, first + (1 if only else rounds))
    print(f"seeds: {seeds[0]} to {seeds[-1]}", flush=True)
    log, failed, refused = set(kernel_log()), 0, 0
    for case in ["large", *seeds]:
        where = work / str(case)
        where.mkdir()
        if case == "large":
            write_large(where / "oci")
        else:
            write_random(case, where / "oci")
        found = differences(program, where)
        new = [line for line in kernel_log() if line not in log]
        log.update(new)
        wrong = (found or []) + ["kernel: " + line for line in new if FAULT.search(line)]
        refused += found is None
        failed += bool(wrong)
        if wrong:
            print(f"FAIL {case}" if case == "large" else f"FAIL seed {case} (LAYOUTFS_TEST_SEED={case} repeats it)")
            print("".join(f"  {line[:300]}\n" for line in wrong[:10]), flush=True)
        shutil.rmtree(where)
    print(f"{1 + len(seeds)} images, {refused} of them refused, {failed} failed")
    sys.exit(bool(failed) or refused > len(seeds) / 2)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
