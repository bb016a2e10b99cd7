"""Rows about listing: mounting, the first listing of an image, and the size of the cached indexes."""
import json
import os
import pathlib
import shutil
import time

from harness import Failed, Sample, by_turns, mounted, run
from rows import faster, limited, missing

ENTRIES_OF_TARGET = 30_000


def statistics_of(at):
    return json.loads(os.getxattr(at, "user.layoutfs.stats"))


def many_images(b):
    layout, at = b.many_layout(b.images), b.mount_point
    times, decoded = [], 0
    for _ in range(b.rounds(9)):
        start = time.perf_counter()
        with mounted(at, *b.mount(layout, at)):
            run("ls", at / "refs")
            times.append(time.perf_counter() - start)
            seen = statistics_of(at)
            decoded += seen["indexesBuilt"] + seen["indexesLoaded"] + seen["decodedBytes"]
    ours = Sample([each * 1e3 for each in times], "ms")
    note = "no layer read, say its statistics" if decoded == 0 else "LAYERS WERE READ, say its statistics"
    what = "mount a layout of %s images, then `ls refs/`" % format(b.images, ",")
    yield limited("layout-mount", what, ours, ours.median, "ms", 100, note, holds=decoded == 0)


class FirstListing:
    """The sides of comparisons with an image that is not indexed."""

    def __init__(self, b, tag):
        self.b, self.tag, self.blobs = b, tag, b.blobs(tag)

    def ours(self):
        shutil.rmtree(self.b.cache, ignore_errors=True)
        self.b.page_cache.drop(*self.blobs)
        return mount_and_list(self.b, self.tag)

    def ours_in_memory(self):
        shutil.rmtree(self.b.cache, ignore_errors=True)
        self.b.read(*self.blobs)
        return mount_and_list(self.b, self.tag)

    def raw(self):
        self.b.page_cache.drop(*self.blobs)
        return run(self.b.raw_inflate, *self.blobs)

    def raw_in_memory(self):
        self.b.read(*self.blobs)
        return run(self.b.raw_inflate, *self.blobs)

    def umoci(self):
        return self.unpacking(lambda to: run("umoci", "unpack", "--image", self.b.image(self.tag), to))

    def tar(self):
        def unpack(to):
            to.mkdir()
            return run("tar", "-C", to, "-xzf", self.blobs[0])

        return self.unpacking(unpack)

    def unpacking(self, unpack):
        to = self.b.work / "unpacked"
        self.b.page_cache.drop(*self.blobs)
        try:
            return unpack(to)
        finally:
            shutil.rmtree(to, ignore_errors=True)

    def archivemount(self):
        self.b.page_cache.drop(*self.blobs)
        return list_mounted(self.b.mount_point, *self.archivemount_command())

    def archivemount_command(self):
        return "archivemount", "-o", "readonly", self.blobs[0], self.b.mount_point


def list_mounted(at, *command):
    start = time.perf_counter()
    with mounted(at, *command):
        run("ls", "-R", at)
        return time.perf_counter() - start


def entries_shown(at, *command):
    """Returns the number of files in a mount, because an empty one would be fast."""
    with mounted(at, *command):
        return sum(len(directories) + len(files) for _, directories, files in os.walk(at))


def must_show_all(b, at, *command):
    shown = entries_shown(at, *command)
    if shown != b.entries:
        raise Failed("%s: %d entries, not %d" % (command[0], shown, b.entries))


def mount_and_list(b, tag):
    return list_mounted(b.mount_point, *b.mount(b.image(tag), b.mount_point))


def first_listing(b):
    one, two = FirstListing(b, "gzip"), FirstListing(b, "pair")
    few = b.rounds(3)
    sides = {"ours": one.ours, "two": two.ours}
    if b.raw_inflate:
        sides |= {"raw": one.raw, "raw_two": two.raw, "warm": one.ours_in_memory, "raw_warm": one.raw_in_memory}
    if b.has("umoci"):
        sides |= {"umoci": (few, one.umoci), "umoci_two": (few, two.umoci)}
    sides["tar"] = (few, one.tar)
    shown = entries_shown(b.mount_point, *one.archivemount_command()) if b.has("archivemount") else 0
    if shown == b.entries:
        sides["archivemount"] = (few, one.archivemount)
    times = by_turns(b.rounds(5), **sides)

    what = "mount + first `ls -R`, one gzip layer"
    both = "mount + first `ls -R`, two gzip layers"
    is_parallel = b.cores >= 2
    if b.raw_inflate:
        yield faster("first-list-raw", what, times["ours"], "ISA-L alone", times["raw"], 0.8)
        yield faster("first-list-raw-cached", what + ", blob in memory", times["warm"], "ISA-L alone", times["raw_warm"])
        yield faster("first-list-raw-2", both, times["two"], "ISA-L, two threads", times["raw_two"], 0.8 if is_parallel else None)
    else:
        yield missing("first-list-raw", what, "raw_inflate was not built")
    if b.has("umoci"):
        yield faster("first-list-umoci", what, times["ours"], "umoci unpack", times["umoci"], 6)
        yield faster("first-list-umoci-2", both, times["two"], "umoci unpack", times["umoci_two"], 10 if is_parallel else None)
    else:
        yield missing("first-list-umoci", what, "umoci is not installed")
    yield faster("first-list-tar", what, times["ours"], "tar xzf", times["tar"])
    if "archivemount" in times:
        yield faster("first-list-archivemount", what, times["ours"], "archivemount + ls -R", times["archivemount"])
    else:
        why = "it shows %d entries of %d" % (shown, b.entries) if b.has("archivemount") else "it is not installed"
        yield missing("first-list-archivemount", what + ", against archivemount", why)


def on_disk(b):
    for tag, name in (("gzip", "gzip"), ("zstd", "zstd, one frame"), ("frames", "zstd, many frames")):
        cache = b.work / "cache-of-one"
        shutil.rmtree(cache, ignore_errors=True)
        run(b.layoutfs, "ls", "--cache-dir", cache, b.image(tag), "/")
        size = {each: size_below(cache / each) for each in ("layers", "images")}
        blob = sum(os.path.getsize(path) for path in b.blobs(tag))
        limit = 0.006 * blob + 120 * b.entries
        note = "%.2f %% of the layer and %d bytes an entry, as the share of 0.6 %% and 120 bytes; its image tree takes %d bytes an entry" % (
            100 * max(0, size["layers"] - 120 * b.entries) / blob, 120, size["images"] / b.entries)  # fmt: skip
        ours = Sample([size["layers"] / 1e6], "MB")
        row = limited("index-" + tag, "index on disk, " + name, ours, size["layers"] / limit, "ratio", 1, note)
        row.other_name, row.other = "0.6 % + 120 B an entry", Sample([limit / 1e6], "MB")
        yield row
        shutil.rmtree(cache)


def size_below(directory):
    return sum(path.stat().st_size for path in pathlib.Path(directory).rglob("*") if path.is_file())
