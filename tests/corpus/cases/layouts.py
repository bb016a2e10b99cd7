"""Directories: links, modes and files of layouts that other programs write."""
import json
import os
import pathlib

from ocilib import INDEX, Layout, Tar

from .maker import case, one_image, path_of


def layer_of(layout, number):
    return path_of(json.loads(layout.blobs[layout.manifests[0]["digest"]])["layers"][number])


@case
def chroot_resolv(out):
    """images with a shell (BUSYBOX names a static one) with an /etc/resolv.conf, or /etc, that is not a file or directory"""
    busybox = pathlib.Path(os.environ.get("BUSYBOX", "/bin/busybox")).read_bytes()
    layout = Layout()

    def base():
        tar = Tar().dir("bin").file("bin/busybox", busybox, mode=0o755)
        for name in "sh", "cat", "ls", "id":
            tar.symlink("bin/" + name, "busybox")
        return tar

    def image(name, tar):
        layout.tag(name, layout.image([tar]))

    stub = "/run/systemd/resolve/stub-resolv.conf"
    image("resolv-dangling", base().dir("etc").symlink("etc/resolv.conf", stub).dir("tmp"))
    image("resolv-relative", base().dir("etc").symlink("etc/resolv.conf", "../run/resolv.conf").dir("run"))
    image("resolv-dir", base().dir("etc").dir("etc/resolv.conf"))
    image("etc-symlink", base().dir("data").dir("data/etc").symlink("etc", "/data/etc"))
    image("etc-dangling", base().symlink("etc", "/nowhere/etc"))
    image("etc-missing", base())
    image("proc-file", base().file("proc", "a file"))
    layout.write(out)


@case
def layout_blob_mode(out):
    """blobs and index.json of mode 0600, and one blob of mode 0000"""
    layout = one_image(Tar().file("f", "x"), Tar().file("g", "y"))
    layout.write(out)
    for file in out.rglob("*"):
        if file.is_file():
            file.chmod(0o600)
    (out / layer_of(layout, 1)).chmod(0)


@case
def layout_blobs_symlinked_out(out):
    """rules_oci, rules_img: a blob of the base image is a symlink into another directory of the build's output"""
    layout = one_image(Tar().file("base", "b"), Tar().file("top", "t"))
    layout.write(out)
    name, base = layer_of(layout, 0), out.with_name(out.name + "-base")
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).rename(base / name)
    (out / name).symlink_to(f"../../../{base.name}/{name}")


@case
def layout_marker_odd(out):
    """oci-layout of version 1.1.0 with another member; schemaVersion 2.0"""
    layout = one_image()
    layout.extra["oci-layout"] = b'{"imageLayoutVersion": "1.1.0", "extra": [1]}'
    index = {"mediaType": INDEX, "schemaVersion": 2.0, "manifests": layout.manifests}
    layout.extra["index.json"] = json.dumps(index).encode()
    layout.write(out)


@case
def layout_no_blobs(out):
    """skopeo copy --dest-shared-blob-dir: the blobs are in another directory"""
    one_image().write(out)
    (out / "blobs").rename(out.with_name(out.name + "-shared"))
