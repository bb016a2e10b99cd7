#!/usr/bin/env python3
"""make-shared-names.py KIND PATH: write a layout with images that share names. PATH.tar makes an archive.

saved      `docker save` of three images: ref.name is only the tag, io.containerd.image.name the full name
platforms  one name for two platforms, without an index
elsewhere  one image with a full name that differs only in its registry from one of `saved`
repeated   repeated names: with other content, with the same content, without a name, empty, invalid
"""
import pathlib
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
from ocilib import REF, Layout, Tar

FULL = "io.containerd.image.name"
layout = Layout()


def image(text, arch="amd64"):
    return layout.image([Tar().file("name", text.encode())], arch=arch)


def entry(ref, text, full=None, annotations=None, **more):
    names = {**({REF: ref} if ref is not None else {}), **({FULL: full} if full else {})}
    annotations = {**names, **(annotations or {})}
    layout.manifests.append({**image(text), **({"annotations": annotations} if annotations else {}), **more})


def saved():
    for name in ("docker.io/library/nginx:latest", "docker.io/library/redis:latest", "registry.test:5000/team/app:latest"):
        entry("latest", name, name, {"org.example.created": name})


def elsewhere():
    entry("latest", "elsewhere", "other.test:5000/team/app:latest")


def platforms():
    for arch in ("amd64", "arm64"):
        entry("app", arch, platform={"os": "linux", "architecture": arch})


def repeated():
    entry("app", "one")
    entry("app", "two", **{"x-unknown": [1, {"y": None}]})
    entry("app", "one")
    entry(None, "three")
    entry(None, "one", annotations={"org.example.kind": "nameless"})
    entry("", "four")
    entry("not a name!", "five")
    entry("new\nline", "six")
    entry(None, "seven", "docker.io/library/seven:7")
    entry("7", "seven", "docker.io/library/seven:7")
    entry("7", "eight", "docker.io/library/eight:7")


kind, path = sys.argv[1:]
{"saved": saved, "elsewhere": elsewhere, "platforms": platforms, "repeated": repeated}[kind]()
if not path.endswith(".tar"):
    layout.write(path)
else:
    with tempfile.TemporaryDirectory() as directory:
        layout.write(directory + "/layout")
        with tarfile.open(path, "w") as archive:
            archive.add(directory + "/layout", arcname=".")
