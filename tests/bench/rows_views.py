"""Rows about the two views of a mounted image, which the kernel shows by EROFS or by FUSE alone (mount -o kernel=yes|no)."""
import contextlib
import mmap
import os
import time

from harness import Failed, Sample, by_turns, mounted, run
from rows import faster, limited, missing, within
from rows_list import ENTRIES_OF_TARGET, list_mounted, must_show_all
from rows_read import read_through

VIEWS = {"kernel": ("kernel=yes", "kernel view"), "fuse": ("kernel=no", "FUSE view")}
MOST_MS_FOR_LIST = {"kernel": 100, "fuse": None}


def touch_through(path):
    """Returns the seconds for mapping a file into memory and reading each page."""
    start = time.perf_counter()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as pages:
        pages[:: mmap.PAGESIZE]
    return time.perf_counter() - start


class Views:
    """The views that this machine has, with a mount point each. Bench.views is the only one."""

    def __init__(self, b):
        self.b = b
        self.at = {name: b.work / ("view-" + name) for name in VIEWS}
        for at in self.at.values():
            at.mkdir(exist_ok=True)
        self.why_not = {}
        for name in VIEWS:
            try:
                with self.mount(name, "gzip"):
                    pass
            except Failed as error:
                self.why_not[name] = str(error).split(": ")[-1]

    def names(self):
        return [name for name in VIEWS if name not in self.why_not]

    def command(self, name, tag, *options):
        return self.b.mount(self.b.image(tag), self.at[name], VIEWS[name][0], *options)

    def mount(self, name, tag, *options):
        return mounted(self.at[name], *self.command(name, tag, *options))

    @contextlib.contextmanager
    def all(self, tag, *options):
        """Mounts the image in all views. The value is the mount point of each."""
        with contextlib.ExitStack() as mounts:
            for name in self.names():
                mounts.enter_context(self.mount(name, tag, *options))
            yield {name: self.at[name] for name in self.names()}

    def rows(self, make, id, what, times, other, target=None, note=""):
        """Returns a row per view, made by `make`, which compares it with a side of `times`. The target may differ by the view."""
        for name, (_, view) in VIEWS.items():
            title = "%s, %s" % (what, view)
            if name in times:
                own_target = target[name] if isinstance(target, dict) else target
                yield make("%s-%s" % (id, name), title, times[name], other, times[other], own_target, note)
            else:
                yield missing("%s-%s" % (id, name), title, self.why_not[name])


def next_listing(b):
    views = b.views
    sides = {name: lambda name=name: list_mounted(views.at[name], *views.command(name, "gzip")) for name in views.names()}
    for program in ("squashfuse", "squashfuse_ll"):
        if b.has(program) and b.squashfs:
            command = program, b.squashfs, b.mount_point
            must_show_all(b, b.mount_point, *command)
            sides[program] = lambda command=command: list_mounted(b.mount_point, *command)
    for name in views.names():
        must_show_all(b, views.at[name], *views.command(name, "gzip"))
    times = by_turns(b.rounds(11), **sides)

    what = "mount + `ls -R`, index there"
    for program, target in (("squashfuse", 1.2), ("squashfuse_ll", None)):
        if program in times:
            yield from views.rows(within, "next-list-" + program, what, times, program, target)
        else:
            yield missing("next-list-" + program, what, "no %s, or no mksquashfs" % program)
    note = "the image has %s; in proportion" % format(b.entries, ",")
    for name in views.names():
        ours = Sample([each * 1e3 * ENTRIES_OF_TARGET / b.entries for each in times[name].values], "ms")
        title = "%s, for 30,000 files, %s" % (what, VIEWS[name][1])
        yield limited("next-list-time-" + name, title, ours, ours.median, "ms", MOST_MS_FOR_LIST[name], note)


def large_file_again(b, views):
    """Compares with a file of the local filesystem, and with another FUSE file, which shows the cost of the kernel."""
    local, packed, at = b.work / "local" / "large", b.work / "large.squashfs", b.work / "squashfs"
    local.parent.mkdir()
    at.mkdir(exist_ok=True)
    with contextlib.ExitStack() as mounts:
        files = {name: root / "large" for name, root in mounts.enter_context(views.all("large")).items()}
        run("cp", next(iter(files.values())), local)
        files["unpacked"] = local
        if b.has("mksquashfs") and b.has("squashfuse_ll"):
            run("mksquashfs", local.parent, packed, "-no-progress", "-noD", "-noF")
            mounts.enter_context(mounted(at, "squashfuse_ll", packed, at))
            files["squashfuse_ll"] = at / "large"
        b.settle()
        ways = (
            ("read", "large file again, in the page cache", read_through),
            ("mmap", "large file again, mapped into memory", touch_through),
        )
        for id, what, way in ways:
            sides = {name: lambda file=file: way(file) for name, file in files.items()}
            by_turns(b.rounds(2), **sides)
            times = by_turns(b.rounds(15), **sides)
            yield from views.rows(faster, "again-" + id, what, times, "unpacked", 0.95)
            if "squashfuse_ll" in times and "fuse" in times:
                yield faster("again-%s-squashfuse" % id, what + ", FUSE view", times["fuse"], "squashfuse_ll", times["squashfuse_ll"])
    local.unlink()


def tree_again(b, views):
    ways = (
        ("find", "`find` again", ("find",), ("-name", "no-such-name"), (0,), 0.95),
        ("stat", "`find -printf %s` again, which stats", ("find",), ("-printf", "%s %m %t\n"), (0,), 0.95),
        ("long", "`ls -lR` again", ("ls", "-lR"), (), (0,), {"kernel": 0.95, "fuse": 0.5}),
        ("grep", "`grep -r` again", ("grep", "-r", "no such text anywhere"), (), (1,), 0.95),
    )
    with views.all("gzip") as roots:
        roots["unpacked"] = b.tree
        for id, what, before, after, allow, target in ways:
            sides = {name: lambda root=root: run(*before, root, *after, allow=allow) for name, root in roots.items()}
            by_turns(b.rounds(2), **sides)
            times = by_turns(b.rounds(15), **sides)
            yield from views.rows(faster, "again-" + id, what, times, "unpacked", target)


def again(b):
    """Rows with everything in the page cache."""
    views = b.views
    yield from large_file_again(b, views)
    yield from tree_again(b, views)


def programs(b):
    work = {
        "python": ("`python3 -c 'import json'` in a chroot", ["python3", "-c", "import json"], (0,)),
        "grep": ("`grep -r` in a chroot", ["grep", "-r", "no such text anywhere", "/usr/share"], (1,)),
        "dpkg": ("`dpkg -l` in a chroot", ["dpkg", "-l"], (0,)),
    }
    environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "PYTHONDONTWRITEBYTECODE=1"]
    views = b.views
    with views.all("gzip", "dev", "suid") as roots:
        roots["unpacked"] = b.tree
        for id, (what, command, allow) in work.items():
            sides = {
                name: lambda root=root: run(*environment, "chroot", root, *command, allow=allow) for name, root in roots.items()
            }
            by_turns(b.rounds(2), **sides)
            times = by_turns(b.rounds(25), **sides)
            yield from views.rows(within, "run-" + id, what, times, "unpacked", 1.05)
