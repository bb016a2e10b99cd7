#!/usr/bin/env python3
"""Write sparse files in the formats of GNU tar, and check the results of lseek(2) for them.

usage: holes.py make LAYOUT       write an image for each format of sparse files
       holes.py check ROOT        check the holes, data and blocks of the files
"""
import errno
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
from ocilib import Layout, Tar, noise  # noqa: E402

FORMATS = {
    "old-gnu": ["--format=gnu"],
    "pax-0.0": ["--format=posix", "--sparse-version=0.0"],
    "pax-0.1": ["--format=posix", "--sparse-version=0.1"],
    "pax-1.0": ["--format=posix", "--sparse-version=1.0"],
}
# name -> size and positions of data, in whole blocks of 512 bytes except at the end of a file
FILES = {
    "holes-all-over": (300_000, [(4096 + i * 8192, 512 * (1 + i % 3)) for i in range(30)]),
    "data-at-both-ends": (100_077, [(0, 1024), (51_200, 512), (99_840, 237)]),
    "hole-in-front": (70_000, [(69_632, 368)]),
    "hole-behind": (70_000, [(0, 512)]),
    "far": ((1 << 40) + 65536, [(1 << 40, 65536)]),
    "all-hole": (70_000, []),
    "no-hole": (5_000, [(0, 5_000)]),
    "empty": (0, []),
}


def make(layout):
    out = Layout()
    with tempfile.TemporaryDirectory() as source:
        for name, (size, pieces) in FILES.items():
            with open(os.path.join(source, name), "wb") as f:
                f.truncate(size)
                for at, length in pieces:
                    f.seek(at)
                    f.write(noise(length, at))
        for name, options in FORMATS.items():
            # Blocks of zeros are holes, independent of the local filesystem. One file is too large to be read for that.
            detected = ["--hole-detection=raw", "--exclude=far"], ["--hole-detection=seek", "--add-file=far"]
            tars = []
            for detection in detected:
                files = [] if "--add-file=far" in detection else sorted(FILES)
                command = ["tar", "-C", source, "--sparse", *options, *detection, "-cf", "-", *files]
                tars.append(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            out.tag(name, out.image([Tar().raw(tar) for tar in tars]))
    plain = Tar()
    for name, (size, pieces) in FILES.items():
        if size < 1 << 20:
            content = bytearray(size)
            for at, length in pieces:
                content[at : at + length] = noise(length, at)
            plain.file(name, bytes(content))
    out.tag("plain", out.image([plain]))
    out.write(layout)


def seek(fd, at, whence):
    """Returns None if there is no more data or hole."""
    try:
        return os.lseek(fd, at, whence)
    except OSError as err:
        if err.errno != errno.ENXIO:
            raise
        return None


def next_data(size, pieces, at):
    return next((max(at, start) for start, length in pieces if at < start + length), None)


def next_hole(size, pieces, at):
    if at >= size:
        return None
    return next((start + length for start, length in pieces if start <= at < start + length), at)


def check(root):
    is_plain, looked_at = os.path.basename(root) == "plain", 0
    for name, (size, pieces) in FILES.items():
        if is_plain and size >= 1 << 20:
            continue
        if is_plain:
            pieces = [(0, size)] if size else []
        edges = {0, size, size + 1, *(start + length for start, length in pieces), *(s for s, _ in pieces)}
        places = sorted({max(0, edge + d) for edge in edges for d in (-513, -1, 0, 1, 511)})
        fd = os.open(os.path.join(root, name), os.O_RDONLY)
        for at in places:
            for whence, want in (os.SEEK_DATA, next_data), (os.SEEK_HOLE, next_hole):
                got, need = seek(fd, at, whence), want(size, pieces, at)
                which = "SEEK_DATA" if whence == os.SEEK_DATA else "SEEK_HOLE"
                assert got == need, f"{name}: {which} from {at} is {got}, not {need}"
                looked_at += 1
        stored, blocks = sum(length for _, length in pieces), os.fstat(fd).st_blocks
        assert blocks == (stored + 511) // 512, f"{name}: {blocks} blocks for {stored} bytes"
        assert os.fstat(fd).st_size == size, f"{name}: size"
        for start, length in pieces[-3:]:
            if not is_plain:
                assert os.pread(fd, length, start) == noise(length, start), f"{name}: data at {start}"
        os.close(fd)
    print(looked_at, "answers of lseek")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit(__doc__)
    {"make": make, "check": check}[sys.argv[1]](sys.argv[2])
