"""Tar files: of layouts, as several programs write them, and of other formats."""
import json

from ocilib import Layout, Tar, sha

from .maker import CONTAINERD_NAME, case, docker_manifest, one_image, plain, stored, tagged, write_archive


@case
def archive_docker_save_many(out):
    """docker save of several images (25 and later): ref.name is the tag alone, another annotation has the whole name"""
    layout, documents = Layout(), []
    for name in "docker.io/library/nginx:latest", "docker.io/library/redis:latest", "registry.test:5000/team/app:latest":
        layer, diff_id = stored(layout, plain(Tar().file("name", name)))
        config = layout.config([diff_id])
        tagged(layout, "latest", layout.manifest(config, [layer]), **{CONTAINERD_NAME: name})
        short = name.removeprefix("docker.io/library/")
        documents += json.loads(docker_manifest(config, [layer], [short]))
    write_archive(layout, out, extra={"manifest.json": json.dumps(documents).encode(), "repositories": b"{}"})


@case
def archive_dot_slash(out):
    """tar -C LAYOUT . : every name begins with ./"""
    write_archive(one_image(), out, prefix="./")


@case
def archive_in_folder(out):
    """tar of the directory that is the layout"""
    write_archive(one_image(), out, prefix="layout/")


@case
def archive_no_dir_entries(out):
    """tar of files alone: no entries for blobs/ and blobs/sha256/"""
    write_archive(one_image(), out, directories=False)


@case
def archive_null_manifests(out):
    """docker save IMAGE@DIGEST (25.0.0): index.json has no manifests, manifest.json has the image"""
    layout = Layout()
    layer, diff_id = stored(layout, plain(Tar().file("f", "x")))
    layout.manifests = None
    write_archive(layout, out, extra={"manifest.json": docker_manifest(layout.config([diff_id]), [layer], None)})


@case
def archive_legacy_symlinks(out):
    """docker save before 25: no oci-layout; a repeated layer is a symlink to ../ID/layer.tar"""
    layer, empty = Tar().file("f", "x").bytes(), Tar().bytes()
    diff_ids = [sha(layer), sha(empty), sha(empty)]
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    config_name = sha(config).removeprefix("sha256:") + ".json"
    ids = ["a" * 64, "b" * 64, "c" * 64]
    tar = Tar().file(config_name, config)
    for id, data in zip(ids, [layer, empty, None]):
        tar.dir(id).file(id + "/VERSION", "1.0").file(id + "/json", "{}")
        if data is None:
            tar.symlink(id + "/layer.tar", f"../{ids[1]}/layer.tar")
        else:
            tar.file(id + "/layer.tar", data)
    image = {"Config": config_name, "RepoTags": ["app:1"], "Layers": [id + "/layer.tar" for id in ids]}
    tar.file("manifest.json", json.dumps([image])).file("repositories", json.dumps({"app": {"1": ids[2]}}))
    out.write_bytes(tar.bytes())


@case
def archive_ostree_commit(out):
    """a tar that is not an image: the files of an ostree repository"""
    tar = Tar().dir("repo").file("repo/config", "[core]\nmode=archive-z2\n").file("compose.json", "{}")
    out.write_bytes(tar.bytes())
