#!/usr/bin/env python3
"""Write a layout of images with small layers that decompress to very large ones.

usage: make-bombs.py LAYOUT GIB

Each image has one layer. gzip: a file of GIB GiB of zeros, a megabyte per GiB. zstd: a file of 2 GiB, in 65 kB.
wrong-diff-id: a GiB of zeros, with a wrong diffID in the config. headers: more than eight million entries of the same
name, in 18 MB, with a wrong diffID in the config.
"""
import gzip
import hashlib
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))

from ocilib import GZIP, ZSTD, Layer, Layout, header  # noqa: E402

PART = 64 << 20
END = b"\0" * 1024


def rle_frame(size):
    """Returns zeros as a zstd frame (RFC 8878, 3.1.1) of RLE blocks of 128 KiB, with a window of that size and no checksum."""
    blocks = size >> 17
    return b"".join(
        [struct.pack("<IBB", 0xFD2FB528, 0, (17 - 10) << 3)]
        + [struct.pack("<I", 1 << 17 << 3 | 1 << 1 | (n == blocks - 1))[:3] + b"\0" for n in range(blocks)]
    )


def raw_frame(data):
    """Returns data of less than 128 KiB as a zstd frame of one raw block."""
    return struct.pack("<IBB", 0xFD2FB528, 0, (17 - 10) << 3) + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def digest_of(*parts):
    """Returns the digest of the concatenated (bytes, times)."""
    sha256 = hashlib.sha256()
    for data, times in parts:
        for _ in range(times):
            sha256.update(data)
    return "sha256:" + sha256.hexdigest()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    made = Layout()

    def tag(name, blob, media, *tar):
        layer = made.layer(Layer(blob, b"", media))
        made.tag(name, made.manifest(made.config([digest_of(*tar)]), [layer]))

    zeros = b"\0" * PART
    member = gzip.compress(zeros, 9, mtime=0)

    def gzip_of_zeros(times):
        first = header(b"zeros", size=times * PART)
        return first, gzip.compress(first, mtime=0) + member * times + gzip.compress(END, mtime=0)

    times = (int(sys.argv[2]) << 30) // PART
    first, blob = gzip_of_zeros(times)
    tag("gzip", blob, GZIP, (first, 1), (zeros, times), (END, 1))
    _, blob = gzip_of_zeros((1 << 30) // PART)
    tag("wrong-diff-id", blob, GZIP)

    times = (2 << 30) // PART
    first = header(b"zeros", size=times * PART)
    blob = raw_frame(first) + rle_frame(PART) * times + raw_frame(END)
    tag("zstd", blob, ZSTD, (first, 1), (zeros, times), (END, 1))

    entries = header(b"entry") * 100_000
    times = 81
    blob = gzip.compress(entries, 9, mtime=0) * times + gzip.compress(END, mtime=0)
    tag("headers", blob, GZIP)
    made.write(sys.argv[1])


if __name__ == "__main__":
    main()
