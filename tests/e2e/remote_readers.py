"""Read random parts of files of a mount, from several threads, and compare them with the originals.

usage: remote_readers.py EXPECTED MOUNT READS PID MOST_KIB

Prints "wrong N, EIO N, other errors N, peak N KiB", with the peak of the resident memory of PID, without pages of files. The exit code
is 1 if there are wrong bytes, other errors, or more than MOST_KIB.
"""
import concurrent.futures
import errno
import os
import pathlib
import random
import sys
import threading
import time

THREADS = 16
expected, mount, reads, pid, most = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), *map(int, sys.argv[3:])
files = sorted(path.relative_to(expected) for path in expected.rglob("*") if path.is_file())
sizes = [(expected / path).stat().st_size for path in files]
peak = 0
ended = threading.Event()


def watch_memory():
    global peak
    while not ended.wait(0.05):
        for line in open(f"/proc/{pid}/status", encoding="ascii"):
            if line.startswith("RssAnon:"):
                peak = max(peak, int(line.split()[1]))


def read_some(thread):
    """Returns the numbers of wrong reads, of EIO, and of other errors."""
    rnd = random.Random(thread)
    found = [0, 0, 0]
    for _ in range(reads // THREADS):
        path = rnd.choices(files, sizes)[0]
        size = (expected / path).stat().st_size
        offset, length = rnd.randrange(size), min(size, rnd.choice((1, 100, 4096, 65536, 300_000)))
        with open(expected / path, "rb") as original:
            right = os.pread(original.fileno(), length, offset)
        try:
            shown = os.open(mount / path, os.O_RDONLY)
            try:
                got = os.pread(shown, length, offset)
                # The kernel reports the bytes before the first one that cannot be read.
                found[0 if not right.startswith(got) else 1] += got != right
            finally:
                os.close(shown)
        except OSError as error:
            found[1 if error.errno == errno.EIO else 2] += 1
    return found


def main():
    threading.Thread(target=watch_memory, daemon=True).start()
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        wrong, eio, others = map(sum, zip(*pool.map(read_some, range(THREADS))))
    ended.set()
    print(f"wrong {wrong}, EIO {eio}, other errors {others}, peak {peak} KiB, {time.monotonic() - started:.1f} s")
    sys.exit(bool(wrong or others or not 0 < peak <= most))


if __name__ == "__main__":
    main()
