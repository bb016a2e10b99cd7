"""Rows about listing: mounting, the first listing of an image, and the size of the cached indexes."""
import os
import pathlib
import shutil
import time

from harness import Failed, Sample, by_turns, mounted, results_of, run, statistics_of, unmount
from rows import faster, limited, missing

ENTRIES_OF_TARGET = 30_000
LAYERS = {
    "gzip": "one gzip layer",
    "zstd": "one zstd layer",
    "pair": "two gzip layers",
    "pair-zstd": "two zstd layers",
}
# The largest part of the blob, in percent, that the index may take beside BYTES_PER_ENTRY.
INDEXES = {"gzip": ("gzip", 0.5), "zstd": ("one zstd frame", 0.6), "go": ("one zstd frame by Go", 0.6), "frames": ("many zstd frames", 0.35)}
BYTES_PER_ENTRY = 100


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

    def limit(self):
        self.b.page_cache.drop(*self.blobs)
        return results_of(self.b.limits, "pass", *self.blobs)["seconds"]

    def limit_in_memory(self):
        self.b.read(*self.blobs)
        return results_of(self.b.limits, "pass", *self.blobs)["seconds"]

    def umoci(self):
        return self.unpacking(lambda to: run("umoci", "unpack", "--image", self.b.image(self.tag), to))

    def tar(self):
        def unpack(to):
            to.mkdir()
            return run("tar", "-C", to, "-xf", self.blobs[0])

        return self.unpacking(unpack)

    def podman(self):
        """`podman image mount` then takes 0.1 s."""
        storage = self.b.work / "podman"
        podman = ["podman", "--root", storage / "root", "--runroot", storage / "run", "--storage-driver", "overlay"]
        self.b.page_cache.drop(*self.blobs)
        try:
            return run(*podman, "pull", "-q", "oci:" + self.b.image(self.tag))
        finally:
            unmount(storage / "root/overlay")
            shutil.rmtree(storage, ignore_errors=True)

    def unpacking(self, unpack):
        to = self.b.work / "unpacked"
        self.b.page_cache.drop(*self.blobs)
        try:
            return unpack(to)
        finally:
            shutil.rmtree(to, ignore_errors=True)


def list_mounted(at, *command):
    start = time.perf_counter()
    with mounted(at, *command):
        run("ls", "-R", at)
        return time.perf_counter() - start


def must_show_all(b, at, *command):
    """Fails if files are missing in a mount, because an empty one would be fast."""
    with mounted(at, *command):
        shown = sum(len(directories) + len(files) for _, directories, files in os.walk(at))
    if shown != b.entries:
        raise Failed("%s: %d entries, not %d" % (command[0], shown, b.entries))


def mount_and_list(b, tag):
    return list_mounted(b.mount_point, *b.mount(b.image(tag), b.mount_point))


def first_listing(b):
    listings = {tag: FirstListing(b, tag) for tag in LAYERS}
    few = b.rounds(3)
    sides = {tag: listing.ours for tag, listing in listings.items()}
    if b.limits:
        sides |= {tag + " limit": listing.limit for tag, listing in listings.items()}
        sides |= {"warm": listings["gzip"].ours_in_memory, "warm limit": listings["gzip"].limit_in_memory}
    # The image in one zstd layer is left out: Debian's umoci does not know zstd.
    if b.has("umoci"):
        sides |= {tag + " umoci": (few, listings[tag].umoci) for tag in ("gzip", "pair")}
    # Not everywhere can podman use overlayfs, so the quick run, which is a test, leaves it out.
    if b.has("podman") and not b.quick:
        sides["gzip podman"] = few, listings["gzip"].podman
    sides |= {tag + " tar": (few, listings[tag].tar) for tag in ("gzip", "zstd")}
    times = by_turns(b.rounds(5), **sides)

    def what(tag):
        return "mount + first `ls -R`, " + LAYERS[tag]

    for tag in LAYERS:
        if b.limits:
            name = "limit: decode and hash" + (", both at once" if len(b.blobs(tag)) > 1 else "")
            yield faster("first-list-" + tag, what(tag), times[tag], name, times[tag + " limit"], 0.9)
        else:
            yield missing("first-list-" + tag, what(tag), "limits was not built")
    if b.limits:
        title = what("gzip") + ", blob in memory"
        yield faster("first-list-gzip-cached", title, times["warm"], "limit: decode and hash", times["warm limit"])
    for tag, target in (("gzip", 6), ("pair", 10 if b.cores >= 2 else None)):
        if b.has("umoci"):
            yield faster("first-list-%s-umoci" % tag, what(tag), times[tag], "umoci unpack", times[tag + " umoci"], target)
        else:
            yield missing("first-list-%s-umoci" % tag, what(tag), "umoci is not installed")
    if "gzip podman" in times:
        yield faster("first-list-gzip-podman", what("gzip"), times["gzip"], "podman pull", times["gzip podman"])
    else:
        yield missing("first-list-gzip-podman", what("gzip") + ", against podman", "no podman, or a quick run")
    for tag in ("gzip", "zstd"):
        yield faster("first-list-%s-tar" % tag, what(tag), times[tag], "tar -xf", times[tag + " tar"])


def on_disk(b):
    for tag, (name, percent) in INDEXES.items():
        what = "index on disk, " + name
        if tag not in b.tags:
            yield missing("index-" + tag, what, "skopeo is not installed")
            continue
        cache = b.work / "cache-of-one"
        shutil.rmtree(cache, ignore_errors=True)
        run(b.layoutfs, "ls", "--cache-dir", cache, b.image(tag), "/")
        size = {each: size_below(cache / each) for each in ("layers", "images")}
        blob = sum(os.path.getsize(path) for path in b.blobs(tag))
        of_entries = BYTES_PER_ENTRY * b.entries
        limit = percent / 100 * blob + of_entries
        note = "%.2f %% of the layer beside %d bytes an entry; its image tree takes %d bytes an entry" % (
            100 * max(0, size["layers"] - of_entries) / blob, BYTES_PER_ENTRY, size["images"] / b.entries)  # fmt: skip
        yield limited("index-" + tag, what, Sample([size["layers"] / 1e6], "MB"), size["layers"] / limit, "ratio", 1, note,
                      other_name="%g %% + %d B an entry" % (percent, BYTES_PER_ENTRY), other=Sample([limit / 1e6], "MB"))  # fmt: skip
        shutil.rmtree(cache)


def size_below(directory):
    return sum(path.stat().st_size for path in pathlib.Path(directory).rglob("*") if path.is_file())
