"""Rows about reading: the first byte, a large file once, and the memory that it takes."""
import os
import pathlib
import random
import time

from harness import Sample, by_turns, forget, mounted, run
from rows import faster, limited, missing, within

# Bytes: no two samples of the first byte lie in the same such piece, which one miss may decode as a whole.
SPAN = {"gzip": 2 << 20, "zstd": 16 << 20, "frames": 4 << 20}
PIECE = 1 << 20


def places(b, tag, most):
    """Returns random files and offsets in them, each in a different span."""
    rnd = random.Random(4)
    chosen, spans = [], set()
    # Only FUSE shows the offsets.
    with mounted(b.mount_point, *b.mount(b.image(tag), b.mount_point, "kernel=no")):
        files = [path for path, size in b.files if size > 0]
        for _ in range(20 * most):
            path = rnd.choice(files)
            offset = rnd.randrange(os.path.getsize(b.mount_point / path))
            begin = int(os.getxattr(b.mount_point / path, "user.layoutfs.offset"))
            span = (begin + offset) // SPAN[tag]
            if span not in spans and len(chosen) < most:
                spans.add(span)
                chosen.append((path, offset))
    return chosen


def first_byte(b):
    for tag in ("gzip", "zstd", "frames"):
        where = places(b, tag, 30 if b.quick else 300)
        for is_cold in (True, False):
            times = []
            b.page_cache.drop(*b.blobs(tag))
            b.read(*([] if is_cold else b.blobs(tag)))
            with mounted(b.mount_point, *b.mount(b.image(tag), b.mount_point)):
                for path, offset in where:
                    if is_cold:
                        forget(b.blobs(tag)[0])
                    start = time.perf_counter()
                    file = os.open(b.mount_point / path, os.O_RDONLY)
                    os.pread(file, 1, offset)
                    times.append((time.perf_counter() - start) * 1e3)
                    os.close(file)
            ours, worst = Sample(times, "ms"), Sample(times, "ms").percentile(99)
            what = "first byte of a file, %s, blob %s" % (tag, "not in memory" if is_cold else "in memory")
            targets = (1.5, 5) if tag == "gzip" and is_cold else (None, None)
            id = "first-byte-%s%s" % (tag, "" if is_cold else "-cached")
            yield limited(id, what + ", median", ours, ours.median, "ms", targets[0])
            yield limited(id + "-p99", what + ", 99th percentile", ours, worst, "ms", targets[1])


def large_file_once(b):
    blob = b.blobs("large")[0]
    b.read(blob)

    def ours(cpus):
        with mounted(b.mount_point, *b.mount(b.image("large"), b.mount_point), cpus=cpus):
            return run("dd", "if=%s" % (b.mount_point / "large"), "of=/dev/null", "bs=1M", cpus=cpus)

    one, two = b.cpus[:1], b.cpus[:2]
    ours(one)
    what = "first sequential read of a large file, "
    if not b.raw_inflate:
        yield missing("large-1", what + "one core", "raw_inflate was not built")
        return
    raw = lambda: run(b.raw_inflate, blob, cpus=one)  # noqa: E731
    times = by_turns(b.rounds(7), ours=lambda: ours(one), raw=raw, two=lambda: ours(two))
    yield faster("large-1", what + "one core", times["ours"], "ISA-L, one core", times["raw"], 0.9)
    if b.cores >= 2:
        yield faster("large-2", what + "two cores", times["two"], "ISA-L, one core", times["raw"], 1.6)
    else:
        yield missing("large-2", what + "two cores", "this machine has one core")


def read_through(path):
    buffer = bytearray(PIECE)
    start = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - start


def resident(at):
    """Returns the memory of the process behind a mount in MiB, including mapped files."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            status = (process / "status").read_text()
        except OSError:
            continue
        if os.fsencode(at) in words and b"mount" in words:
            return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
    raise LookupError(at)


def memory(b):
    at, count = b.mount_point, 100
    with mounted(at, *b.mount(b.many_layout(count), at)):
        for root in at.glob("manifests/sha256/*/rootfs"):
            run("ls", root)
        idle = Sample([resident(at)], "MiB")
    what = "memory, %d images mounted, idle" % count
    yield limited("memory-idle", what, idle, idle.median, "MiB", 30, "of one mount, each image looked into; with the pages of mapped files")

    budget = 16 if b.quick else 64
    with mounted(at, *b.mount(b.image("gzip"), at, "cache_size=%dM" % budget)):
        before, after = resident(at), []
        for _ in range(2 if b.quick else 3):
            for path, _ in b.files:
                read_through(at / path)
            after.append(resident(at))
            forget(at)
    grown = Sample([after[0]], "MiB")
    yield limited("memory-read", "memory, every file of an image read once", grown, grown.median, "MiB",
                  30 + budget, "30 MiB and the span budget, %d MiB; %.1f before" % (budget, before))  # fmt: skip
    more = Sample([after[-1]], "MiB")
    yield within("memory-growth", "memory, every file read %d times" % len(after), more, "once", grown, 1.05)
