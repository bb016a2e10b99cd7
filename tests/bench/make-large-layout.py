#!/usr/bin/env python3
"""Make a layout with one image of one layer with many small files.

usage: make-large-layout.py DIRECTORY FILES
"""
import gzip
import hashlib
import json
import os
import pathlib
import platform
import sys

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
CONTENT = b"the content of a small file\n".ljust(512, b"\0")


def header(name, size, kind):
    """Returns a ustar header (POSIX.1-2001); Python's tarfile takes minutes for a million."""
    front = name.ljust(100, b"\0") + (b"0000644\0" if kind == b"0" else b"0000755\0") + b"0000000\0" * 2
    front += b"%011o\0%011o\0" % (size, 1_600_000_000)
    back = kind + b"\0" * 100 + b"ustar\x0000" + b"\0" * 247
    return front + b"%06o\0 " % (sum(front) + sum(back) + 8 * 32) + back


def tar(files):
    for number in range(files):
        directory = b"usr/share/collection/%d/" % (number // 1000)
        if number % 1000 == 0:
            yield header(directory, 0, b"5")
        yield header(directory + b"document-%d.txt" % number, 28, b"0") + CONTENT
    yield b"\0" * 1024


class Hashing:
    """A file that computes its digest and size while it is written."""

    def __init__(self, path):
        self.file, self.sum, self.size = open(path, "wb"), hashlib.sha256(), 0

    def write(self, data):
        self.sum.update(data)
        self.size += len(data)
        return self.file.write(data)

    def flush(self):
        self.file.flush()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    layout, files = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def put(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": "application/vnd.oci.image." + media_type, "digest": "sha256:" + digest, "size": len(data)}

    out, plain = Hashing(layout / "layer"), hashlib.sha256()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as compressed:
        for piece in tar(files):
            plain.update(piece)
            compressed.write(piece)
    out.file.close()
    os.rename(layout / "layer", blobs / out.sum.hexdigest())
    layer = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": "sha256:" + out.sum.hexdigest(),
        "size": out.size,
    }
    machine = platform.machine()
    config = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + plain.hexdigest()]},
    }
    config = put(json.dumps(config).encode(), "config.v1+json")
    manifest = put(json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode(), "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "large"}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))


if __name__ == "__main__":
    main()
