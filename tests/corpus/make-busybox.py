#!/usr/bin/env python3
"""Make a real image with umoci: the busybox of this machine and its commands, in two variants of four platforms.

usage: make-busybox.py OUTDIR [BUSYBOX]

BUSYBOX (/bin/busybox) must be linked statically, as in Debian's busybox-static.  Only this machine's platform can run
it. The images of other platforms have the same files, and one with the name of the platform.
"""
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

INDEX = "application/vnd.oci.image.index.v1+json"
REF = "org.opencontainers.image.ref.name"
HERE = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386"}.get(platform.machine(), platform.machine())
PLATFORMS = [HERE, *(other for other in ("amd64", "arm64", "386", "riscv64") if other != HERE)][:4]
USERS = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
GROUPS = "root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n"


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


def umoci(command, image, *options):
    run("umoci", command, *(["--rootless"] if command == "insert" and os.geteuid() else []), "--image", image, *options)


def make_root(root, busybox):
    """Writes the files of a small system: every command is a hard link to one program."""
    for name in "bin", "dev", "etc", "home", "root", "tmp", "usr/bin", "usr/sbin", "var/spool/mail":
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "root").chmod(0o700)
    shutil.copyfile(busybox, root / "bin/busybox")
    (root / "bin/busybox").chmod(0o755)
    for name in run(busybox, "--list").split():
        if name != "busybox":
            (root / "bin" / name).hardlink_to(root / "bin/busybox")
    (root / "usr/bin/env").symlink_to("../../bin/env")
    for name, text in ("passwd", USERS), ("group", GROUPS), ("issue", "busybox\n"), ("shadow", "root:*:::::::\n"):
        (root / "etc" / name).write_text(text)
    (root / "etc/shadow").chmod(0o640)


def make_image(layout, name, architecture, root, more):
    """Adds an image; with `more`, one of several layers: a file of the first is changed, and one is deleted."""
    image = f"{layout}:{name}"
    umoci("new", image)
    umoci("config", image, "--architecture", architecture, "--os", "linux", "--config.cmd", "/bin/sh")
    (root / "etc/architecture").write_text(f"{architecture}\n")
    umoci("insert", image, str(root), "/")
    if more:
        umoci("insert", image, str(more), "/etc/issue")
        umoci("insert", image, "--whiteout", "/var/spool/mail")


def put(layout, document):
    data = json.dumps(document, indent=2).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(data)
    return {"mediaType": document["mediaType"], "digest": "sha256:" + digest, "size": len(data)}


def join_platforms(layout, names):
    """Replaces the images VARIANT-ARCHITECTURE by an index for each variant, under its names."""
    document = json.loads((layout / "index.json").read_text())
    images = {entry["annotations"][REF]: entry for entry in document["manifests"]}
    entries = []
    for variant, tags in names.items():
        manifests = []
        for architecture in PLATFORMS:
            image = images[f"{variant}-{architecture}"]
            del image["annotations"]
            manifests.append({**image, "platform": {"os": "linux", "architecture": architecture}})
        index = put(layout, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
        entries += [{**index, "annotations": {REF: "busybox:" + tag}} for tag in tags]
    document["manifests"] = entries
    (layout / "index.json").write_text(json.dumps(document, indent=2) + "\n")
    run("umoci", "gc", "--layout", str(layout))  # temporary blobs of umoci


def main(outdir, busybox="/bin/busybox"):
    os.umask(0o022)
    out = pathlib.Path(outdir)
    out.parent.mkdir(parents=True, exist_ok=True)
    version = run(busybox).split()[1].removeprefix("v")
    with tempfile.TemporaryDirectory(dir=out.parent) as work:
        layout, root, more = pathlib.Path(work, "layout"), pathlib.Path(work, "root"), pathlib.Path(work, "issue")
        make_root(root, busybox)
        more.write_text("busybox in layers\n")
        run("umoci", "init", "--layout", str(layout))
        for architecture in PLATFORMS:
            make_image(layout, "slim-" + architecture, architecture, root, None)
            make_image(layout, "layers-" + architecture, architecture, root, more)
        join_platforms(layout, {"layers": ["latest", version, "layers"], "slim": ["slim", version + "-slim"]})
        layout.rename(out)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
