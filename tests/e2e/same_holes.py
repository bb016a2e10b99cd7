#!/usr/bin/env python3
"""Compare the holes of the regular files in two trees. The second one may know whole blocks of 4,096 bytes only.

usage: same_holes.py ROOT ROOT
"""
import os
import sys

BLOCK = 4096


def data_blocks(path):
    """Returns the ranges of blocks with data, as SEEK_DATA and SEEK_HOLE of lseek(2) tell of them."""
    ranges = []
    with open(path, "rb", buffering=0) as file:
        size, at = os.fstat(file.fileno()).st_size, 0
        while at < size:
            try:
                begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            first, last = begin // BLOCK, -(-at // BLOCK)
            if ranges and first <= ranges[-1][1]:
                ranges[-1][1] = last
            else:
                ranges.append([first, last])
    return ranges


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    first, second = sys.argv[1:]
    compared = 0
    for directory, _, names in os.walk(first):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.isfile(path) or os.path.islink(path):
                continue
            other = os.path.join(second, os.path.relpath(path, first))
            compared += 1
            if data_blocks(path) != data_blocks(other):
                sys.exit(f"{path}: data in blocks {data_blocks(path)[:10]}, and {data_blocks(other)[:10]}")
    if compared == 0:
        sys.exit("no files were compared")


if __name__ == "__main__":
    main()
