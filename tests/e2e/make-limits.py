#!/usr/bin/env python3
"""Write a layout with large images: many entries, one large sparse file, many links, many layers.

usage: make-limits.py LAYOUT ENTRIES
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
from ocilib import Layout, Tar, noise  # noqa: E402

LINKS, LAYERS = 70_000, 500
SPARSE_SIZE = (5 << 30) + 12_345
# At both ends, and where 32 bits of an offset end; in pieces of 8 KiB, the chunks of a file of this size.
SPARSE_DATA = [(0, noise(8192, 1)), ((4 << 30) - 8192, noise(16384, 2)), ((5 << 30) + 8192, noise(4153, 3))]


def plain_tar(entries):
    """Returns entries of (name, type, content) without anything else: ocilib takes minutes for a million."""
    parts = []
    for name, kind, content in entries:
        front = name.ljust(100, b"\0") + (b"0000755\0" if kind == b"5" else b"0000644\0") + b"0000000\0" * 2
        front += b"%011o\0%011o\0" % (len(content) if kind == b"0" else 0, 1_600_000_000)
        back = kind + (content if kind == b"1" else b"").ljust(100, b"\0") + b"ustar\x0000" + b"\0" * 247
        parts.append(front + b"%06o\0 " % (sum(front) + sum(back) + 8 * 32) + back)
        if kind == b"0" and content:
            parts.append(content.ljust(512, b"\0"))
    return Tar().raw(*parts)


def many_entries(count):
    for number in range(count):
        directory = b"collection/%d/" % (number // 100)
        if number % 100 == 0:
            yield directory, b"5", b""
        # Every hundredth has content, so that the export stays small.
        yield directory + b"document-%d" % number, b"0", b"%d\n" % number if number % 100 == 7 else b""


def many_links():
    yield b"file", b"0", b"content\n"
    for number in range(LINKS):
        yield b"links/%d/%d" % (number // 1000, number), b"1", b"file"


def sparse():
    numbers = ",".join("%d,%d" % (at, len(data)) for at, data in SPARSE_DATA)
    records = {"GNU.sparse.size": str(SPARSE_SIZE), "GNU.sparse.numblocks": str(len(SPARSE_DATA)), "GNU.sparse.map": numbers}
    return Tar().file("sparse", b"".join(data for _, data in SPARSE_DATA), pax=records)


def layer(number):
    tar = Tar().dir("etc").dir("etc/%d" % (number % 7)).file("etc/%d/%d" % (number % 7, number), b"%d\n" % number)
    if number > 10 and number % 5 == 0:
        tar.whiteout("etc/%d/%d" % ((number - 10) % 7, number - 10))
    return tar.file("etc/last", b"%d\n" % number)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    layout = Layout()
    layout.tag("entries", layout.image([plain_tar(many_entries(int(sys.argv[2])))]))
    layout.tag("links", layout.image([plain_tar(many_links())]))
    layout.tag("sparse", layout.image([sparse()]))
    layout.tag("layers", layout.image([layer(number) for number in range(LAYERS)]))
    layout.write(sys.argv[1])


if __name__ == "__main__":
    main()
