#!/usr/bin/env python3
"""Print, in their order, the SHA-256 of each decompressed layer of an image that an engine has pushed to a directory
(dir:) or to a layout (oci:) with one image, from the bytes of its blobs. First checks that each blob has its digest.

usage: pushed_layers.py DIRECTORY
"""
import gzip
import hashlib
import json
import pathlib
import subprocess
import sys

top = pathlib.Path(sys.argv[1])
is_layout = (top / "index.json").exists()


def blob(digest):
    content = (top / "blobs/sha256" / digest[7:] if is_layout else top / digest[7:]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest[7:], digest
    return content


if is_layout:
    manifest = json.loads(blob(json.loads((top / "index.json").read_text())["manifests"][0]["digest"]))
else:
    manifest = json.loads((top / "manifest.json").read_text())
for layer in manifest["layers"]:
    content = blob(layer["digest"])
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    elif content[:4] == b"\x28\xb5\x2f\xfd":
        content = subprocess.run(["zstd", "-dqc"], input=content, stdout=subprocess.PIPE, check=True).stdout
    print(hashlib.sha256(content).hexdigest())
