#!/usr/bin/env python3
"""Readers of a kernel view whose image is larger than their memory.

usage: kernel_view_memory.py make LAYOUT FILES
         writes an image of FILES files of 2 MiB each, and one of 64 MiB, in a gzip layer
       kernel_view_memory.py read MOUNT FILES READERS
         runs READERS processes that read at random places, and compares all bytes
"""
import hashlib
import os
import pathlib
import random
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
from ocilib import GZIP, Layer, Layout, Tar  # noqa: E402

SIZE, LARGE = 2 << 20, 64 << 20
PIECES = 40


def content_of(number, size=SIZE):
    return random.Random(number).randbytes(size)


def make(layout, files):
    tar = Tar().file("large", content_of(-1, LARGE))
    for number in range(files):
        tar.file(f"{number}", content_of(number))
    data = tar.bytes()
    # Without compression, which only takes time for random bytes.
    packer = zlib.compressobj(0, zlib.DEFLATED, 31)
    blob = packer.compress(data) + packer.flush()
    made = Layout()
    config = made.config(["sha256:" + hashlib.sha256(data).hexdigest()])
    made.tag("latest", made.manifest(config, [made.layer(Layer(blob, b"", GZIP))]))
    made.write(pathlib.Path(layout))


def read(mount, files, readers):
    children = []
    for seed in range(readers):
        child = os.fork()
        if child == 0:
            rnd = random.Random(seed)
            for _ in range(PIECES):
                number = rnd.randrange(files)
                expected = content_of(number)
                at, size = rnd.randrange(SIZE), rnd.choice([1, 4096, 100_000, SIZE])
                with open(os.path.join(mount, str(number)), "rb", buffering=0) as file:
                    if os.pread(file.fileno(), size, at) != expected[at : at + size]:
                        print(f"{number}: {size} bytes at {at} differ", flush=True)
                        os._exit(1)
            os._exit(0)
        children.append(child)
    failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
    sys.exit(f"{len(failed)} readers failed" if failed else 0)


def main():
    command, *arguments = sys.argv[1:] or [""]
    if command == "make" and len(arguments) == 2:
        make(arguments[0], int(arguments[1]))
    elif command == "read" and len(arguments) == 3:
        read(arguments[0], int(arguments[1]), int(arguments[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
