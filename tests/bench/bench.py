#!/usr/bin/env python3
"""Compare layoutfs with other programs, and print one table; scripts/bench.sh builds the programs."""
import argparse
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import time
import traceback

import layouts
import report
import rows_cold
import rows_copy
import rows_images
import rows_list
import rows_read
import rows_remote
import rows_views
from harness import Failed, PageCache, leave_nothing_mounted, machine, run, say, work_directory
from rows import missing

PARTS = {
    "layout": rows_list.many_images,
    "first": rows_list.first_listing,
    "next": rows_views.next_listing,
    "byte": rows_read.first_byte,
    "large": rows_read.large_file_once,
    "cat": rows_read.other_decoders,
    "cold": rows_cold.everything,
    "again": rows_views.again,
    "disk": rows_list.on_disk,
    "memory": rows_read.memory,
    "programs": rows_views.programs,
    "copy": rows_copy.copies,
    "push": rows_copy.pushes,
    "images": rows_images.commits,
    "remote": rows_remote.images,
}
HERE = pathlib.Path(__file__).resolve().parent


class Bench:
    """The programs, the images, and a mount point, which all parts share."""

    def __init__(self, arguments, work):
        self.quick, self.work = arguments.quick, work
        self.layoutfs, self.limits = arguments.layoutfs.resolve(), arguments.limits
        self.most_rounds = arguments.rounds or (1 if self.quick else 1000)
        self.images = 200 if self.quick else 10_000
        self.cores = len(os.sched_getaffinity(0))
        self.page_cache = PageCache(gently=self.quick)
        self.cache, self.mount_point = work / "cache", work / "mnt"
        self.mount_point.mkdir()

    def rounds(self, number):
        return min(number, self.most_rounds)

    def has(self, program):
        return shutil.which(program) is not None

    def mount(self, name, at, *options):
        more = ["-o", ",".join(options)] if options else []
        return [self.layoutfs, "mount", "-q", "--cache-dir", self.cache, *more, name, at]

    def image(self, tag):
        return "%s:%s" % (self.real, tag)

    def blobs(self, tag):
        return self.tags[tag]

    def settle(self):
        """Writes the data of earlier measurements to disk, so that the next one does not wait for it."""
        if not self.quick:
            os.sync()

    def read(self, *paths):
        for path in paths:
            rows_read.read_through(path)

    def many_layout(self, images):
        """Returns a layout with many images that no program has read yet."""
        layout = self.work / ("layout-%d" % images)
        if not layout.exists():
            layouts.many(layout, images, 1 if images > 1000 else 100)
        return layout

    def index_of(self, tag):
        """Returns the index file of a one-layer image that was mounted before."""
        return self.cache / "layers/sha256" / self.blobs(tag)[0].name

    @functools.cached_property
    def views(self):
        return rows_views.Views(self)

    @functools.cached_property
    def squashfs(self):
        """Returns the tree as a squashfs image; None without mksquashfs."""
        if not self.has("mksquashfs"):
            return None
        packed = self.work / "tree.squashfs"
        run("mksquashfs", self.tree, packed, "-no-progress", *(["-noI", "-noD", "-noF"] if self.quick else []))
        return packed

    def prepare(self, images):
        """Makes the images, which are kept in `images`, and the tree of their files."""
        self.real = images / "layout"
        if not (images / "made-of").exists():
            shutil.rmtree(images, ignore_errors=True)
            images.mkdir(parents=True)
            say("making the images, once ...")
            root = images / "root.tar"
            small = ["--small"] if self.quick else []
            made_of = subprocess.run(
                ["bash", HERE / "make-root.sh", *small, root], check=True, stdout=subprocess.PIPE, text=True, timeout=1200
            ).stdout.strip()
            layouts.real(images, root, (16 if self.quick else 512) << 20, 1 if self.quick else 6)
            root.unlink()
            (images / "made-of").write_text(made_of)
        self.made_of = (images / "made-of").read_text()
        self.tags = layouts.layers_of(self.real)

        self.tree = self.work / "tree"
        self.tree.mkdir()
        run("tar", "-C", self.tree, "--xattrs", "--xattrs-include=*", "-xpzf", self.blobs("gzip")[0])
        paths = sorted(self.tree.rglob("*"))
        self.entries = len(paths)
        self.files = [
            (path.relative_to(self.tree), path.stat().st_size) for path in paths if path.is_file() and not path.is_symlink()
        ]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description=__doc__.split(";")[0] + ".")
    parser.add_argument("--quick", action="store_true", help="small images and single rounds: whether it works, not how fast")
    parser.add_argument("--rounds", type=int, metavar="N", help="at most so many of each")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="the same as JSON, on standard output by default")
    parser.add_argument("--svg", metavar="FILE", help="a plot of it")
    parser.add_argument("--docs", action="store_true", help="put tables and plots into README.md and docs/")
    parser.add_argument("--only", metavar="PART,...", help="of: " + ", ".join(PARTS))
    parser.add_argument("--images", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--layoutfs", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--limits", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else list(PARTS)
    if not set(wanted) <= set(PARTS):
        parser.error("--only takes: " + ", ".join(PARTS))
    if arguments.docs and (arguments.quick or arguments.only):
        parser.error("--docs wants the whole table")

    leave_nothing_mounted()
    with work_directory("layoutfs-bench.", os.environ.get("TMPDIR", "/var/tmp")) as work:
        result, failed = measure(Bench(arguments, work), wanted, arguments.images.resolve())
        # Before the files are removed, which takes long and may be interrupted.
        if arguments.json != "-":
            print(report.table(result), flush=True)
        if arguments.json:
            report.write_json(result, arguments.json)
        if arguments.svg:
            report.write_plot(result, arguments.svg)
        if arguments.docs:
            report.write_pages(result, HERE.parent.parent)
    if failed:
        raise Failed("these parts failed: " + ", ".join(failed))


def measure(b, parts, images):
    """Returns the results, and the names of the parts that failed."""
    start, rows, failed = time.time(), [], []
    about = {"machine": machine(b.layoutfs), "quick": b.quick, "coldBy": b.page_cache.how}
    b.prepare(images)
    about["image"] = {"madeOf": b.made_of, "entries": b.entries, "layerBytes": os.path.getsize(b.blobs("gzip")[0])}
    about["image"]["contentBytes"] = sum(size for _, size in b.files)
    for name in parts:
        say("%4d s  %s" % (time.time() - start, name))
        try:
            for row in PARTS[name](b):
                rows.append(row)
                say("        " + report.line(row))
        except Exception as error:  # one part must not cost the results of all others
            failed.append(name)
            traceback.print_exc()
            rows.append(missing("failed-" + name, "part `%s`" % name, "%s: %s" % (type(error).__name__, error)))
    about["machine"]["loadAtEnd"] = os.getloadavg()[0]
    about["seconds"] = round(time.time() - start)
    return {"version": 1, **about, "rows": [row.as_json() for row in rows]}, failed


if __name__ == "__main__":
    try:
        main()
    except (Failed, OSError, subprocess.SubprocessError) as error:
        sys.exit("bench.sh: %s" % error)
