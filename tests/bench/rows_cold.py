"""Rows about reading everything for the first time after a mount, with an index."""
import os
import shutil
import tempfile

from harness import by_turns, mounted, results_of, run
from rows import faster, missing

LAYERS = {"gzip": "gzip", "zstd": "one zstd frame", "frames": "many zstd frames"}
IN_MEMORY = "/dev/shm"  # a tmpfs: on a disk, that would be the limit of `cp -a`


def grep(root):
    return run("grep", "-r", "no such text anywhere", root, allow=(1,))


class Copying:
    """`cp -a` to memory if there is enough."""

    def __init__(self, b):
        needed = 2 * sum(size for _, size in b.files)
        free = shutil.disk_usage(IN_MEMORY).free if os.path.isdir(IN_MEMORY) else 0
        self.place = IN_MEMORY if free > needed else b.work
        self.name = "`cp -a` to memory" if free > needed else "`cp -a`"

    def __call__(self, root):
        with tempfile.TemporaryDirectory(prefix="layoutfs-bench.", dir=self.place) as to:
            return run("cp", "-a", "%s/." % root, to)


def cpu_seconds(work):
    """Returns the CPU time of the commands that `work` runs."""
    before = os.times()
    work()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def everything(b):
    copying = Copying(b)
    yield from by_command(b, "grep", "`grep -r` of all files, first time", grep)
    yield from by_command(b, "cp", copying.name + " of all files, first time", copying)


def by_command(b, id, what, work):
    """Blobs are in memory, and so is the squashfs image: a disk would be the limit of all sides."""
    views, at = b.views, b.work / "squashfs"
    at.mkdir(exist_ok=True)

    def side(at, command, *files):
        def measure():
            b.read(*files)
            # The pages of an earlier mount do not count for this one.
            with mounted(at, *command):
                return work(at)

        return measure

    sides = {}
    layers = {"gzip": LAYERS["gzip"]} if b.quick else LAYERS
    for tag in layers:
        run(b.layoutfs, "ls", "--cache-dir", b.cache, b.image(tag), "/")
        for view in views.names():
            sides["%s %s" % (view, tag)] = side(views.at[view], views.command(view, tag), *b.blobs(tag))
        if b.limits:
            sides["limit " + tag] = lambda tag=tag: results_of(b.limits, "decode", b.cores, b.blobs(tag)[0])["seconds"]
    if b.has("squashfuse_ll") and b.squashfs:
        sides["squashfuse_ll"] = b.rounds(3), side(at, ("squashfuse_ll", b.squashfs, at), b.squashfs)
    times = by_turns(b.rounds(5), **sides)
    work(b.tree)
    note = "the command alone takes %.2g s of CPU time for the unpacked tree in memory" % cpu_seconds(lambda: work(b.tree))

    limit = "limit: %d decoders at once" % b.cores
    for tag, name in layers.items():
        title, own = "%s, %s" % (what, name), "%s-%s" % (id, tag)
        ours = {view: times["%s %s" % (view, tag)] for view in views.names()}
        if b.limits:
            yield from views.rows(faster, own, title, ours | {limit: times["limit " + tag]}, limit, 0.8, note)
        else:
            yield missing(own, title, "limits was not built")
        if "squashfuse_ll" in times:
            yield from views.rows(faster, own + "-squashfuse", title, ours | {"squashfuse_ll": times["squashfuse_ll"]}, "squashfuse_ll", 1.5)
        else:
            yield missing(own + "-squashfuse", title, "no squashfuse_ll, or no mksquashfs")
