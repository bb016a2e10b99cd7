"""Rows about reading: the first byte, a large file once, other decoders, and the memory that decoding takes."""
import concurrent.futures
import os
import pathlib
import random
import time

from harness import Sample, by_turns, forget, mounted, results_of, run, statistics_of
from rows import faster, limited, missing, within

# Bytes: no two samples of the first byte lie in the same such piece, which one miss may decode as a whole.
SPAN = {"gzip": 2 << 20, "zstd": 16 << 20, "go": 16 << 20, "frames": 4 << 20}
# MiB that may be decoded before the byte: median and 99th percentile.
MOST_DECODED = {"gzip": (0.375, 1), "zstd": (4, 12), "go": (4, 12), "frames": (None, None)}
FRAMES = {"gzip": "gzip", "zstd": "one zstd frame", "go": "one zstd frame by Go", "frames": "many zstd frames"}
LARGE = {"large": "gzip", "large-zstd": "one zstd frame", "large-frames": "many zstd frames"}
MOST_SLOWER = 1.5
BESIDE_CACHE = 64  # MiB that the process may take beside its cache
PIECE = 1 << 20


def places(b, tag, most):
    """Returns random files, offsets in them and of these bytes in the layer's stream, each in a different span."""
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
                chosen.append((path, offset, begin + offset))
    return chosen


def decoded_by_readers(at):
    """Returns the bytes decoded for readers so far, without those decoded ahead of them."""
    seen = statistics_of(at)
    return seen["decodedBytes"] - seen["decodedAheadBytes"]


def read_first_bytes(b, tag, where, is_cold):
    """Returns milliseconds and decoded bytes of each sample, through FUSE, which shows the bytes."""
    blob, at = b.blobs(tag)[0], b.mount_point
    times, decoded = [], []
    b.page_cache.drop(blob)
    if not is_cold:
        b.read(blob)
    with mounted(at, *b.mount(b.image(tag), at, "kernel=no")):
        for path, offset, _ in where:
            if is_cold:
                forget(blob)
            before = decoded_by_readers(at)
            start = time.perf_counter()
            file = os.open(at / path, os.O_RDONLY)
            os.pread(file, 1, offset)
            times.append((time.perf_counter() - start) * 1e3)
            os.close(file)
            decoded.append(decoded_by_readers(at) - before)
    return times, decoded


def first_byte(b):
    for tag, name in FRAMES.items():
        id, what = "first-byte-" + tag, "first byte, " + name
        if tag not in b.tags:
            yield missing(id, what, "skopeo is not installed")
            continue
        where = places(b, tag, 10 if b.quick else 300)
        times, decoded = read_first_bytes(b, tag, where, is_cold=False)
        mib = Sample([each / 2**20 for each in decoded], "MiB")
        most = MOST_DECODED[tag]
        yield limited(id + "-bytes", what + ", decoded before it, median", mib, mib.median, "MiB", most[0])
        yield limited(id + "-bytes-p99", what + ", decoded before it, 99th percentile", mib, mib.percentile(99), "MiB", most[1])

        ours = Sample(times, "ms")
        if b.limits:
            pairs = "".join("%d %d\n" % (offset, size) for (_, _, offset), size in zip(where, decoded))
            seconds = results_of(b.limits, "points", b.blobs(tag)[0], b.index_of(tag), input=pairs)["seconds"]
            limit = Sample([each * 1e3 for each in seconds], "ms")
            name = "limit: decode as many bytes"
            yield within(id + "-time", what + ", blob in memory, median", ours, name, limit, MOST_SLOWER)
            yield within(id + "-time-p99", what + ", blob in memory, 99th percentile", ours.at(99), name, limit.at(99), MOST_SLOWER)
        else:
            yield missing(id + "-time", what + ", blob in memory", "limits was not built")
        cold = Sample(read_first_bytes(b, tag, where, is_cold=True)[0], "ms")
        targets = (1.5, 5) if tag == "gzip" else (None, None)
        yield limited(id + "-cold", what + ", blob not in memory, median", cold, cold.median, "ms", targets[0])
        yield limited(id + "-cold-p99", what + ", blob not in memory, 99th percentile", cold, cold.percentile(99), "ms", targets[1])


def large_file_once(b):
    """A large file from its first to its last byte, with an index, and the blob in memory."""
    views = b.views
    for tag, name in LARGE.items():
        blob, what = b.blobs(tag)[0], "first read of a large file, " + name
        if not b.limits:
            yield missing("large-" + tag, what, "limits was not built")
            continue
        b.read(blob)
        run(b.layoutfs, "ls", "--cache-dir", b.cache, b.image(tag), "/")

        def ours(view, tag=tag):
            with views.mount(view, tag):
                return run("dd", "if=%s" % (views.at[view] / "large"), "of=/dev/null", "bs=1M")

        def limit(blob=blob):
            return results_of(b.limits, "decode", b.cores, blob)["seconds"]

        sides = {view: lambda view=view: ours(view) for view in views.names()}
        times = by_turns(b.rounds(9), **sides, limit=limit)
        times["limit: %d decoders at once" % b.cores] = times.pop("limit")
        yield from views.rows(faster, "once-" + tag, what, times, "limit: %d decoders at once" % b.cores, {"kernel": 0.85, "fuse": 0.7})


def other_decoders(b):
    """`layoutfs cat` of a large file, with an index, and other programs that decode the same blob."""
    programs = {"large": ("gzip", "pigz -dc"), "large-zstd": ("one zstd frame", "zstd -dc"), "large-frames": ("many zstd frames", "zstd -dc")}
    for tag, (name, command) in programs.items():
        blob, what = b.blobs(tag)[0], "`layoutfs cat` of a large file, " + name
        words = command.split()
        if not b.has(words[0]):
            yield missing("cat-" + tag, what, words[0] + " is not installed")
            continue
        b.read(blob)
        run(b.layoutfs, "ls", "--cache-dir", b.cache, b.image(tag), "/")
        sides = {
            "ours": lambda tag=tag: run(b.layoutfs, "cat", "--cache-dir", b.cache, b.image(tag), "/large"),
            "other": lambda words=words, blob=blob: run("sh", "-c", 'exec "$@" <"$0"', blob, *words),
        }
        if b.limits:
            sides["limit"] = lambda blob=blob: results_of(b.limits, "decode", b.cores, blob)["seconds"]
        times = by_turns(b.rounds(7), **sides)
        yield faster("cat-" + tag, what, times["ours"], command, times["other"])
        if b.limits:
            yield faster("cat-%s-limit" % tag, what, times["ours"], "limit: %d decoders at once" % b.cores, times["limit"])


def read_through(path):
    buffer = bytearray(PIECE)
    start = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - start


def memory_of(at, field):
    """Returns the memory of the process behind a mount in MiB, including mapped files; `field`: now (VmRSS) or the most (VmHWM)."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            status = (process / "status").read_text()
        except OSError:
            continue
        if os.fsencode(at) in words and b"mount" in words:
            return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) / 1024
    raise LookupError(at)


def memory(b):
    at, count = b.mount_point, 100
    with mounted(at, *b.mount(b.many_layout(count), at)):
        for root in at.glob("manifests/sha256/*/rootfs"):
            run("ls", root)
        idle = Sample([memory_of(at, "VmRSS")], "MiB")
    what = "memory, %d images mounted, idle" % count
    yield limited("memory-idle", what, idle, idle.median, "MiB", 30, "of one mount, each image looked into; with the pages of mapped files")

    budget = 16 if b.quick else 64
    with mounted(at, *b.mount(b.image("gzip"), at, "cache_size=%dM" % budget)):
        before, after = memory_of(at, "VmRSS"), []
        for _ in range(2 if b.quick else 3):
            for path, _ in b.files:
                read_through(at / path)
            after.append(memory_of(at, "VmRSS"))
            forget(at)
    grown = Sample([after[0]], "MiB")
    yield limited("memory-read", "memory, every file of an image read once", grown, grown.median, "MiB",
                  30 + budget, "30 MiB and the span budget, %d MiB; %.1f before" % (budget, before))  # fmt: skip
    more = Sample([after[-1]], "MiB")
    yield within("memory-growth", "memory, every file read %d times" % len(after), more, "once", grown, 1.05)
    yield from memory_while_decoding(b, budget)


def memory_while_decoding(b, budget):
    """The most memory while several processes read all files at once, so that every core decodes."""
    readers = 4 * b.cores
    for tag, name in FRAMES.items():
        if tag not in b.tags:
            continue
        run(b.layoutfs, "ls", "--cache-dir", b.cache, b.image(tag), "/")
        with mounted(b.mount_point, *b.mount(b.image(tag), b.mount_point, "cache_size=%dM" % budget)):
            with concurrent.futures.ThreadPoolExecutor(readers) as pool:
                list(pool.map(read_through, [b.mount_point / path for path, _ in b.files]))
            most = Sample([memory_of(b.mount_point, "VmHWM")], "MiB")
        what = "most memory, %d readers of all files, %s" % (readers, name)
        note = "cache_size=%dM, and %d MiB; with the pages of mapped files" % (budget, BESIDE_CACHE)
        yield limited("memory-decoding-" + tag, what, most, most.median, "MiB", budget + BESIDE_CACHE, note)
