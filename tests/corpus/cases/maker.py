"""The register of cases, and their shared parts."""
import json
import pathlib
import subprocess

from ocilib import GZIP, INDEX, Layer, Layout, Tar, as_layer, sha

LINUX = {"os": "linux", "architecture": "amd64"}
CONTAINERD_NAME = "io.containerd.image.name"

CASES = {}


def case(function):
    """Registers a function that writes one case to a path."""
    CASES[function.__name__.replace("_", "-")] = function
    return function


def path_of(descriptor):
    return "blobs/" + descriptor["digest"].replace(":", "/")


def platform_of(descriptor, architecture, **more):
    return {**descriptor, "platform": {"os": "linux", "architecture": architecture, **more}}


def tagged(layout, name, descriptor, **annotations):
    """Returns an entry of index.json, without a name if `name` is None."""
    annotations = {**descriptor.get("annotations", {}), **annotations}
    if name is None:
        layout.manifests.append({**descriptor, **({"annotations": annotations} if annotations else {})})
    else:
        layout.tag(name, {**descriptor, "annotations": annotations})
    return layout


def one_image(*tars, name="latest", **config):
    """Returns a layout of one image, with one file if no layers are given."""
    layout = Layout()
    return tagged(layout, name, layout.image(tars or [Tar().file("f", "x")], **config))


def plain(tar):
    """Returns the layer without compression, as docker save and nix write it."""
    return Layer(tar.bytes(), tar.bytes(), GZIP.removesuffix("+gzip"))


def zstd(tar, *options, media=GZIP.replace("gzip", "zstd")):
    """Returns the layer compressed by the program zstd from a pipe."""
    blob = subprocess.run(["zstd", "-qc", *options], input=tar.bytes(), stdout=subprocess.PIPE, check=True).stdout
    return Layer(blob, tar.bytes(), media)


def docker_manifest(config, layers, names):
    """Returns manifest.json, as docker save writes it beside index.json."""
    return json.dumps([{"Config": path_of(config), "RepoTags": names, "Layers": [path_of(each) for each in layers]}]).encode()


def write_archive(layout, out, *, prefix="", directories=True, extra=None):
    """Writes the layout as a tar file: blobs first, index.json and oci-layout last."""
    files = {"blobs/" + digest.replace(":", "/"): data for digest, data in layout.blobs.items()}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": layout.manifests}
    files.update({"index.json": json.dumps(index).encode(), **layout.extra, **(extra or {})})
    tar = Tar()
    if directories:
        tar.dir(prefix + "blobs").dir(prefix + "blobs/sha256")
    for name, data in files.items():
        tar.file(prefix + name, data, mode=0o444)
    pathlib.Path(out).write_bytes(tar.bytes())


def stored(layout, tar):
    """Returns (descriptor, diff ID) of a layer."""
    layer = as_layer(tar)
    return layout.layer(layer), sha(layer.tar)
