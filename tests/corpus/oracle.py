#!/usr/bin/env python3
"""Compute the expected tree of an image by reading all of the layout.

usage: oracle.py LAYOUT [REF [ARCH]] > tree.json

Independent of the filesystem under test: Python's tarfile and gzip, the zstd
command, and the merge rules of ocilib.  Prints a file in check-tree.py's format.
"""
import gzip
import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile

from ocilib import NS, REF, Entry, Tree

KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.LNKTYPE: "hardlink",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
    tarfile.DIRTYPE: "dir",
    tarfile.FIFOTYPE: "fifo",
}

# added to a layer by the converter to eStargz; a reader may show it or not
ESTARGZ = [".no.prefetch.landmark", ".prefetch.landmark", "stargz.index.json"]


class Content:
    """Stands for a file's bytes, by their number and their checksum."""

    def __init__(self, stream):
        self.size, self.sum = 0, hashlib.sha256()
        while stream and (chunk := stream.read(1 << 20)):
            self.size += len(chunk)
            self.sum.update(chunk)

    def __len__(self):
        return self.size

    def hexdigest(self):
        return self.sum.hexdigest()


class Ended:
    """A stream with an appended tar end, because `umoci insert` writes neither that nor the last padding."""

    def __init__(self, stream):
        self.stream, self.end = stream, bytes(3 * 512)

    def read(self, size):
        got = self.stream.read(size)
        if not got:
            got, self.end = self.end[:size], self.end[size:]
        return got


def raw(s):
    return s.encode("utf-8", "surrogateescape")


def seconds(member):
    """Returns mtime in ns, without the rounding of floats."""
    whole, _, fraction = member.pax_headers.get("mtime", str(int(member.mtime))).partition(".")
    ns = int((fraction + "0" * 9)[:9])
    return int(whole) * NS + (-ns if whole.startswith("-") else ns)


def entries(tar):
    for m in tar:
        if m.type not in KINDS:
            sys.exit(f"{m.name}: typeflag {m.type!r} is not for this tool")
        yield Entry(
            raw(m.name),
            KINDS[m.type],
            Content(tar.extractfile(m) if m.isreg() else None),
            m.mode,
            m.uid,
            m.gid,
            seconds(m),
            raw(m.linkname),
            (m.devmajor, m.devminor),
            {
                k[13:]: raw(v)
                for k, v in m.pax_headers.items()
                if k.startswith("SCHILY.xattr.") and not k.startswith("SCHILY.xattr.trusted.")
            },
        )


def open_layer(path, media):
    if media.endswith("gzip"):
        return gzip.open(path)
    if media.endswith("zstd"):
        return subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE).stdout
    return open(path, "rb")


def main(layout, ref=None, arch="amd64"):
    layout = pathlib.Path(layout)

    def blob(desc):
        return layout / "blobs" / desc["digest"].replace(":", "/")

    doc = json.loads((layout / "index.json").read_bytes())
    found = [d for d in doc["manifests"] if ref in (None, d.get("annotations", {}).get(REF))]
    while "manifests" in doc:
        if not found:
            sys.exit(f"no {ref} for {arch}")
        doc = json.loads(blob(found[0]).read_bytes())
        found = [
            d
            for d in doc.get("manifests", [])
            if d.get("platform", {}).get("architecture", arch) == arch
        ]
    tree = Tree()
    for layer in doc["layers"]:
        with open_layer(blob(layer), layer["mediaType"]) as stream:
            with tarfile.open(fileobj=Ended(stream), mode="r|", errors="surrogateescape") as tar:
                tree.apply(entries(tar))
    mount = {"ref": ref, "outcome": ["tree"], "tree": tree.dump(), "optional": ESTARGZ}
    json.dump({"case": ref, "mounts": [mount]}, sys.stdout, indent=1)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
