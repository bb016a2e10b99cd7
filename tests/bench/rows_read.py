"""Rows about reading: the first byte, large files, repeated reads, and programs that run from a mount."""
import contextlib
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
    with mounted(b.mount_point, *b.mount(b.image(tag), b.mount_point)):
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


def large_file_again(b):
    """Compares with a file of the local filesystem, and with another FUSE file, which shows the cost of the kernel."""
    local, packed, at = b.work / "local" / "large", b.work / "large.squashfs", b.work / "squashfs"
    local.parent.mkdir()
    at.mkdir()
    with contextlib.ExitStack() as mounts:
        mounts.enter_context(mounted(b.mount_point, *b.mount(b.image("large"), b.mount_point)))
        run("cp", b.mount_point / "large", local)
        sides = {"ours": lambda: read_through(b.mount_point / "large"), "other": lambda: read_through(local)}
        if b.has("mksquashfs") and b.has("squashfuse_ll"):
            run("mksquashfs", local.parent, packed, "-no-progress", "-noD", "-noF")
            mounts.enter_context(mounted(at, "squashfuse_ll", packed, at))
            sides["squashfuse"] = lambda: read_through(at / "large")
        os.sync()
        by_turns(2, **sides)
        times = by_turns(b.rounds(15), **sides)
    local.unlink()
    what = "large file again, in the page cache"
    yield faster("again-read", what, times["ours"], "unpacked", times["other"], 0.95)
    if "squashfuse" in times:
        yield faster("again-read-squashfuse", what, times["ours"], "squashfuse_ll", times["squashfuse"])


def again(b):
    """Rows with everything in the page cache."""
    yield from large_file_again(b)
    names = ("-name", "no-such-name")
    sizes = ("-printf", "%s %m %t\n")
    with mounted(b.mount_point, *b.mount(b.image("gzip"), b.mount_point)):
        for id, what, how in (("again-find", "`find` again", names), ("again-stat", "`find -printf %s` again, which stats", sizes)):
            sides = {"ours": lambda: run("find", b.mount_point, *how), "other": lambda: run("find", b.tree, *how)}
            by_turns(2, **sides)
            times = by_turns(b.rounds(15), **sides)
            yield faster(id, what, times["ours"], "unpacked", times["other"], 0.95)


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


def programs(b):
    work = {
        "python": ("`python3 -c 'import json'` in a chroot", ["python3", "-c", "import json"], (0,)),
        "grep": ("`grep -r` in a chroot", ["grep", "-r", "no such text anywhere", "/usr/share"], (1,)),
        "dpkg": ("`dpkg -l` in a chroot", ["dpkg", "-l"], (0,)),
    }
    environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "PYTHONDONTWRITEBYTECODE=1"]
    with mounted(b.mount_point, *b.mount(b.image("gzip"), b.mount_point, "dev,suid")):
        for id, (what, command, allow) in work.items():
            sides = {
                name: lambda root=root: run(*environment, "chroot", root, *command, allow=allow)
                for name, root in (("ours", b.mount_point), ("other", b.tree))
            }
            by_turns(2, **sides)
            times = by_turns(b.rounds(25), **sides)
            yield within("run-" + id, what, times["ours"], "unpacked", times["other"], 1.05)
