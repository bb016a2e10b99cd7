"""Rows about transfers: images that are copied, blobs that are pushed."""
import os
import shutil

from harness import by_turns, run
from rows import faster, missing, within


class Copies:
    """The sides of comparisons that copy an image to an empty layout, from a source in memory."""

    def __init__(self, b):
        self.b, self.target = b, b.work / "copied"

    def afresh(self, copy):
        shutil.rmtree(self.target, ignore_errors=True)
        self.b.settle()
        return copy()

    def ours(self):
        return self.afresh(self.ours_again)

    def ours_again(self):
        return run(self.b.layoutfs, "copy", "--cache-dir", self.b.work / "no-cache", self.b.image("gzip"), self.target)

    def skopeo(self):
        return self.afresh(self.skopeo_again)

    def skopeo_again(self):
        return run("skopeo", "copy", "--all", "oci:" + self.b.image("gzip"), "oci:%s:gzip" % self.target)


def copies(b):
    sides = Copies(b)
    what = "copy an image of one gzip layer"
    again = what + ", which is there"
    b.read(*b.blobs("gzip"))
    if b.has("skopeo"):
        few = b.rounds(5)
        times = by_turns(few, ours=sides.ours, again=sides.ours_again, skopeo=sides.skopeo, skopeo_again=sides.skopeo_again)
        yield faster("copy-skopeo", what, times["ours"], "skopeo copy --all", times["skopeo"], 1)
        yield faster("copy-again-skopeo", again, times["again"], "skopeo copy --all", times["skopeo_again"])
    else:
        yield missing("copy-skopeo", what, "skopeo is not installed")
        yield missing("copy-again-skopeo", again, "skopeo is not installed")
    shutil.rmtree(sides.target, ignore_errors=True)
    yield from many_copies(b)


def many_copies(b):
    source, target = b.many_layout(b.images), b.work / "copied-many"

    def copied(*command):
        shutil.rmtree(target, ignore_errors=True)
        b.settle()
        return run(*command)

    times = by_turns(
        b.rounds(3),
        ours=lambda: copied(b.layoutfs, "copy", source, target),
        cp=lambda: copied("sh", "-c", 'cp -r "$0" "$1" && sync -f "$1"', source, target),
    )
    shutil.rmtree(target)
    what = "copy a layout of %s small images" % format(b.images, ",")
    yield within("copy-many-cp", what, times["ours"], "cp -r, sync", times["cp"], 1.2, note="every blob checked, and on disk before its name")


def pushes(b):
    size = (64 if b.quick else 1024) << 20
    blob, store = b.work / "blob", b.work / "store"
    with open(blob, "wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))

    def push():
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir()
        b.settle()
        return run(b.layoutfs, "push", "--no-progress", "--chunk-size", "5M", store, "app", blob)

    times = by_turns(b.rounds(5), ours=push, openssl=lambda: run("openssl", "dgst", "-sha256", blob))
    shutil.rmtree(store)
    blob.unlink()
    what = "push %d MiB in chunks of 5 MiB" % (size >> 20)
    yield faster("push-openssl", what, times["ours"], "openssl dgst -sha256", times["openssl"], 0.7)
