#!/usr/bin/env python3
"""Make a layout for container engines: OUT with the images busy:1 (three layers, in gzip, zstd and plain), which has
entries that are hard to give back byte for byte, and busy:base (its first layer alone).

usage: make-store-image.py OUT BUSYBOX
"""
import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile

out, busybox = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
(out / "blobs/sha256").mkdir(parents=True)
(out / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def put(content, media_type):
    digest = hashlib.sha256(content).hexdigest()
    (out / "blobs/sha256" / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}


class Tar:
    def __init__(self, form=tarfile.PAX_FORMAT):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=form, encoding="utf-8", errors="surrogateescape")

    def add(self, name, content=b"", kind=tarfile.REGTYPE, mode=0o644, target="", **attributes):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.linkname, info.size, info.mtime = kind, mode, target, len(content), 1600000000
        for each, value in attributes.items():
            setattr(info, each, value)
        self.tar.addfile(info, io.BytesIO(content))
        return self

    def directory(self, name, mode=0o755, **attributes):
        return self.add(name, kind=tarfile.DIRTYPE, mode=mode, **attributes)

    def link(self, name, target):
        return self.add(name, kind=tarfile.SYMTYPE, mode=0o777, target=target)

    def finish(self):
        self.tar.close()
        return self.bytes.getvalue()


base = Tar()
for each in ("bin", "etc", "d", "e", "tmp", "root", "usr", "usr/lib", "proc", "dev", "sys"):
    base.directory(each, mode=0o1777 if each == "tmp" else 0o755)
base.add("bin/busybox", busybox.read_bytes(), mode=0o755)
for each in ("sh", "ls", "cat", "rm", "mkdir", "mv", "true", "sleep", "touch", "stat", "echo"):
    base.add("bin/" + each, kind=tarfile.LNKTYPE, mode=0o755, target="bin/busybox")
base.add("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n").add("etc/group", b"root:x:0:\nuser:x:1000:\n")
base.add("d/a", b"removed later\n").add("d/b", b"replaced later\n").add("e/hidden", b"by an opaque directory\n")
base.add("usr/lib/library", b"in the base\n").link("lib", "usr/lib").link("host", "/etc")
base.add("owned", b"by a user\n", uid=1000, gid=1000, mode=0o600)

odd = Tar()
odd.directory("d").add("d/.wh.a").add("d/b", b"new\n").directory("e").add("e/.wh..wh..opq").add("e/new", b"visible\n")
odd.add("thrice", b"first\n").add("thrice", b"second one\n").add("thrice", b"third\n")
odd.add("lib/library", b"through a symlink\n").add("host/hostname", b"below an absolute symlink\n")
odd.add("hard", kind=tarfile.LNKTYPE, target="etc/passwd").add("empty")
odd.add("long/" + "x" * 200 + "/" + "y" * 200, b"a long name\n").add("\u00e9t\u00e9", b"UTF-8\n")
odd.add(os.fsdecode(b"latin-\xe9"), b"not UTF-8\n")

last = Tar(tarfile.GNU_FORMAT)
last.directory("opt").add("opt/data", os.urandom(300000)).add("opt/" + "z" * 150, b"a long name of GNU\n")

tars = [base.finish(), odd.finish() + bytes(10240), last.finish()]
packed = [gzip.compress(tars[0], mtime=0), subprocess.run(["zstd", "-qc"], input=tars[1], stdout=subprocess.PIPE, check=True).stdout, tars[2]]
layer_type = "application/vnd.oci.image.layer.v1.tar"
layers = [put(content, layer_type + suffix) for content, suffix in zip(packed, ("+gzip", "+zstd", ""))]
diff_ids = ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]
architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)

entries = []
for name, count in (("busy:1", 3), ("busy:base", 1)):
    config = put(json.dumps({
        "architecture": architecture, "os": "linux", "created": "2024-02-29T10:00:00Z", "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
        "history": [{"created": "2024-02-29T10:00:00Z", "created_by": f"layer {i}"} for i in range(count)],
        "rootfs": {"type": "layers", "diff_ids": diff_ids[:count]}}).encode(), "application/vnd.oci.image.config.v1+json")
    manifest = put(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers[:count]}).encode(),
        "application/vnd.oci.image.manifest.v1+json")
    entries.append({**manifest, "annotations": {"org.opencontainers.image.ref.name": name}})
(out / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
