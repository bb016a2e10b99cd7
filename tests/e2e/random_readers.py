#!/usr/bin/env python3
"""Many concurrent readers of one mount get the bytes of the layer's tar.

usage: random_readers.py make DIR BYTES SEED
         writes DIR/files, about BYTES in total, and DIR/layout with an image of these files for each of
         plain, gzip, zstd (one frame) and frames (zstd, many frames)
       random_readers.py read DIR MOUNT PID SECONDS MOST_KIB SEED
         runs 16 random readers and 2 sequential ones, while the memory of PID (RssAnon) must stay below MOST_KIB
       random_readers.py compare DIR MOUNT
         prints the files that can be read and differ; ignores files that return EIO
       random_readers.py damage FILE WHAT SEED
         flips a bit of FILE, truncates it or deletes it, depending on WHAT
"""
import errno
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
from ocilib import Layer, Layout, noise, text  # noqa: E402

RANDOM_READERS, READERS_IN_ORDER = 16, 2
MEDIA = "application/vnd.oci.image.layer.v1.tar"
FRAME = 4 << 20


def make_files(directory, size, rnd):
    """Writes pieces of text and noise, in files of up to some MiB. All pieces differ."""
    pool = text(3 << 20, rnd.random()) + noise(1 << 20, rnd.random())
    made = number = 0
    while made < size:
        wanted = min(int(rnd.lognormvariate(11, 2.2)), size // 8)
        parts, has = [], 0
        while has < wanted:
            begin = rnd.randrange(len(pool))
            parts.append(b"%016d" % rnd.getrandbits(50) + pool[begin : begin + rnd.randrange(64 << 10)])
            has += len(parts[-1])
        path = directory / f"directory-{number % 20}" / f"file-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(parts)[:wanted])
        made += wanted
        number += 1


def compressed(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def make(directory, size, seed):
    rnd = random.Random(seed)
    make_files(directory / "files", size, rnd)
    tar_path = directory / "layer.tar"
    with tarfile.open(tar_path, "w") as tar:
        tar.add(directory / "files", arcname=".")
    tar = tar_path.read_bytes()
    tar_path.unlink()
    zstd = ["zstd", "-q", "-c", "-3"]
    frames = b"".join(compressed(zstd, tar[at : at + FRAME]) for at in range(0, len(tar), FRAME))
    layout = Layout()
    for name, blob, media in (
        ("plain", tar, MEDIA),
        ("gzip", compressed(["gzip", "-c", "-n"], tar), MEDIA + "+gzip"),
        ("zstd", compressed(zstd, tar), MEDIA + "+zstd"),
        ("frames", frames, MEDIA + "+zstd"),
    ):
        layout.tag(name, layout.image([Layer(blob, tar, media)], arch=os.environ["ARCHITECTURE"]))
    layout.write(directory / "layout")
    print(len(tar))


class Pair:
    """A file and its copy in the mount."""

    def __init__(self, expected, shown):
        self.expected, self.shown = expected, shown
        self.size = expected.stat().st_size

    def compare(self, offset, size, advice):
        with open(self.expected, "rb") as expected, open(self.shown, "rb", buffering=0) as shown:
            os.posix_fadvise(shown.fileno(), 0, 0, advice)
            got = os.pread(shown.fileno(), size, offset)
            if got != os.pread(expected.fileno(), size, offset):
                sys.exit(f"{self.shown}: {len(got)} bytes at {offset} differ")
            # Otherwise the kernel's page cache would answer the next read.
            os.posix_fadvise(shown.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return len(got)


def pairs_of(files, mount):
    pairs = [Pair(path, mount / path.relative_to(files)) for path in sorted(files.glob("*/*"))]
    return [pair for pair in pairs if pair.size > 0]


# Readers that start late on a busy machine read once at least.
def read_at_random(pairs, rnd, until):
    done = 0
    while done == 0 or time.monotonic() < until:
        pair = rnd.choice(pairs)
        size = rnd.choice((1, 4_096, 131_072, 1_000_000))
        done += pair.compare(rnd.randrange(pair.size), size, os.POSIX_FADV_RANDOM)


def read_in_order(pairs, rnd, until):
    done, at = 0, rnd.randrange(len(pairs))
    while done == 0 or time.monotonic() < until:
        pair = pairs[at % len(pairs)]
        for offset in range(0, pair.size, 131_072):
            done += pair.compare(offset, 131_072, os.POSIX_FADV_SEQUENTIAL)
            if time.monotonic() >= until:
                break
        at += 1


def rss_anon(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


def read(directory, mount, pid, seconds, most_kib, seed):
    pairs = pairs_of(directory / "files", mount)
    until = time.monotonic() + seconds
    readers = {}
    for number in range(RANDOM_READERS + READERS_IN_ORDER):
        child = os.fork()
        if child == 0:
            work = read_at_random if number < RANDOM_READERS else read_in_order
            work(pairs, random.Random(seed + number), until)
            os._exit(0)
        readers[child] = number
    peak, failed = 0, []
    while readers:
        peak = max(peak, rss_anon(pid))
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            time.sleep(0.05)
        elif status != 0:
            failed.append(readers.pop(child))
        else:
            readers.pop(child)
    print(f"peak {peak} KiB")
    if failed:
        sys.exit(f"readers {failed} failed")
    if peak > most_kib:
        sys.exit(f"{peak} KiB of memory, more than {most_kib}")


def compare(directory, mount):
    """The kernel ends a read early before a page that returns EIO. In a long stretch of such pages only some are tried, the
    first ones and then fewer and fewer, unless LAYOUTFS_TEST_FULL=1, because each is a separate request."""
    longest = 1 if os.environ.get("LAYOUTFS_TEST_FULL") else 64
    for pair in pairs_of(directory / "files", mount):
        with open(pair.expected, "rb") as expected, open(pair.shown, "rb", buffering=0) as shown:
            at, pages = 0, 1
            while at < pair.size:
                try:
                    got = os.pread(shown.fileno(), 1 << 20, at)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    at += 4_096 * pages
                    pages = min(2 * pages, longest)
                    continue
                pages = 1
                if not got or got != os.pread(expected.fileno(), len(got), at):
                    sys.exit(f"{pair.shown}: {len(got)} bytes at {at} differ")
                at += len(got)


def damage(path, what, seed):
    rnd = random.Random(seed)
    size = path.stat().st_size
    if what == "delete":
        path.unlink()
    elif what == "truncate":
        os.truncate(path, rnd.randrange(size // 2))
    else:
        with open(path, "r+b") as blob:
            offset = rnd.randrange(size)
            blob.seek(offset)
            byte = blob.read(1)[0]
            blob.seek(offset)
            blob.write(bytes([byte ^ 1 << rnd.randrange(8)]))


def main():
    command, *arguments = sys.argv[1:] or [""]
    if command == "make" and len(arguments) == 3:
        make(pathlib.Path(arguments[0]), int(arguments[1]), int(arguments[2]))
    elif command == "read" and len(arguments) == 6:
        directory, mount, *numbers = arguments
        read(pathlib.Path(directory), pathlib.Path(mount), *map(int, numbers))
    elif command == "compare" and len(arguments) == 2:
        compare(*map(pathlib.Path, arguments))
    elif command == "damage" and len(arguments) == 3:
        damage(pathlib.Path(arguments[0]), arguments[1], int(arguments[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
