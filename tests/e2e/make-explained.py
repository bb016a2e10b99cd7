#!/usr/bin/env python3
"""Make a layout of images with common layers, in which later layers replace, remove and hide files: for du, find and grep.

usage: make-explained.py OUTDIR SEED [ENTRIES]

Images: first (four layers), second (its two lowest layers and others), third (the same as first, under another name). Each
layer has about ENTRIES (60) random files. Prints nothing. Standard library only.
"""
import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import random
import sys
import tarfile

OCI = "application/vnd.oci.image."
REF = "org.opencontainers.image.ref.name"
HERE = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386"}.get(platform.machine(), platform.machine())
WORDS = ["error", "Error", "warning", "value=1", "value=22", "a.b", "a+b", "foo", "foobar", "Foo", "[x]", "\\", "end", "caf\u00e9", "x" * 60]
NAMES = ["a.conf", "B.CONF", "c.txt", "d e.txt", "[f].txt", "g*h", "\u00fc.log", "i.so.1", ".hidden", "j", "k\nl", "m\udcff"]
DIRECTORIES = ["etc", "etc/app", "usr/lib", "usr/lib/x", "usr/share", "var/log", "opt", "opt/a/b/c"]


def content(rnd):
    kind = rnd.randrange(12)
    if kind == 0:
        return b""
    if kind == 1:  # binary
        return b"foo\0error\n" + rnd.randbytes(rnd.randrange(4000))
    if kind == 2:  # large
        return b"error foo\n" * 9000 + b"end\n"
    lines = [" ".join(rnd.choice(WORDS) for _ in range(rnd.randrange(5))) for _ in range(rnd.randrange(1, 40))]
    return ("\n".join(lines) + rnd.choice(["\n", ""])).encode()


class Layer:
    def __init__(self):
        self.file = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.file, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape")

    def add(self, name, kind=tarfile.REGTYPE, data=b"", **more):
        info = tarfile.TarInfo(name)
        info.type, info.size, info.mtime, info.mode = kind, len(data), 1_600_000_000, 0o644
        for key, value in more.items():
            setattr(info, key, value)
        self.tar.addfile(info, io.BytesIO(data))


def random_layer(rnd, entries, known):
    layer, added, attributes = Layer(), [], {}
    for directory in DIRECTORIES:
        if rnd.randrange(3) == 0 or not known:
            layer.add(directory, tarfile.DIRTYPE, mode=rnd.choice([0o755, 0o755, 0o1777, 0o2750]))
    for number in range(entries):
        name = rnd.choice(DIRECTORIES) + "/" + rnd.choice(NAMES) + (str(number) if rnd.randrange(2) else "")
        kind = rnd.randrange(16)
        owner = {"uid": rnd.choice([0, 0, 7, 1000]), "gid": rnd.choice([0, 50]), "mtime": 1_600_000_000 + rnd.randrange(10**7)}
        if kind < 2:
            added = [each for each in added if each != name]
        if kind == 0:
            layer.add(name, tarfile.SYMTYPE, linkname=rnd.choice(["a.conf", "/etc/a.conf", "nowhere"]), mode=0o777, **owner)
        elif kind == 1:
            layer.add(name, tarfile.FIFOTYPE, **owner)
        elif kind == 2 and added:
            target = rnd.choice(added)
            if target != name:
                layer.add(name, tarfile.LNKTYPE, linkname=target, **attributes[target])  # as tar(1) writes them
                added = [each for each in added if each != name]
        elif kind in (3, 4) and known:
            directory, _, base = rnd.choice(known).rpartition("/")
            layer.add(directory + "/.wh." + base)
        elif kind == 5 and known and rnd.randrange(4) == 0:
            layer.add(rnd.choice(DIRECTORIES[1:]) + "/.wh..wh..opq")
        else:
            attributes[name] = {"mode": rnd.choice([0o644, 0o644, 0o755, 0o4755, 0o600, 0o777]), **owner}
            layer.add(name, data=content(rnd), **attributes[name])
            added.append(name)
    layer.tar.close()
    return layer.file.getvalue(), known + added


def main(out, seed, entries="60"):
    rnd = random.Random(int(seed))
    root = pathlib.Path(out)
    blobs = root / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(data, media_type):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    def layers(count, known):
        made = []
        for number in range(count):
            data, known = random_layer(rnd, int(entries), known)
            made.append((blob(gzip.compress(data, mtime=0), OCI + "layer.v1.tar+gzip"), "sha256:" + hashlib.sha256(data).hexdigest()))
        return made, known

    def image(stack):
        history = [{"created": "2026-01-02T03:04:05Z", "created_by": "step %d" % i} for i in range(len(stack))]
        config = {"architecture": HERE, "os": "linux", "config": {}, "history": history,
                  "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in stack]}}
        return blob({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": blob(config, OCI + "config.v1+json"),
                     "layers": [layer for layer, _ in stack]}, OCI + "manifest.v1+json")

    base, known = layers(2, [])
    first, second = image(base + layers(2, known)[0]), image(base + layers(1, known)[0])
    entries = [{**each, "annotations": {REF: name}} for each, name in ((first, "first"), (second, "second"), (first, "third"))]
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


if len(sys.argv) not in (3, 4):
    sys.exit(__doc__)
main(*sys.argv[1:])
