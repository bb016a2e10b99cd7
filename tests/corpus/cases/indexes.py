"""Indexes, artifacts, and manifests that lead to others in unusual ways."""
import json

from ocilib import INDEX, MANIFEST, Layout, Tar, gzip, sha

from .maker import CONTAINERD_NAME, LINUX, case, one_image, path_of, platform_of, stored, tagged, write_archive, zstd

EMPTY = "application/vnd.oci.empty.v1+json"


def two_platforms(layout):
    return [platform_of(layout.image([Tar().file("arch", arch)], arch=arch), arch) for arch in ("amd64", "arm64")]


def attestation_of(descriptor, digest, size):
    return {
        "mediaType": MANIFEST,
        "digest": digest,
        "size": size,
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": descriptor["digest"],
        },
    }


@case
def config_empty_descriptor(out):
    """an artifact with the empty descriptor as its config: named, and inline, but not stored"""
    layout = Layout()
    config = {**layout.blob(b"{}", EMPTY), "data": "e30="}
    file = layout.blob(b"hello artifact\n", "text/plain", annotations={"org.opencontainers.image.title": "hello.txt"})
    layout.tag("artifact", layout.manifest(config, [file], artifactType="application/vnd.unknown.artifact.v1"))
    del layout.blobs[config["digest"]]
    layout.write(out)


@case
def copy_damaged_destination(out):
    """src is a good layout; each of the others has one blob as a power failure leaves it"""
    layout = one_image(Tar().file("f", "data"), name="a")
    layout.write(out / "src")
    manifest = layout.manifests[0]
    [layer] = json.loads(layout.blobs[manifest["digest"]])["layers"]
    for what, descriptor in ("manifest", manifest), ("layer", layer):
        whole = layout.blobs[descriptor["digest"]]
        for how, data in ("same-size", bytes(len(whole))), ("truncated", whole[:20]), ("empty", b""):
            damaged = Layout()
            damaged.extra[path_of(descriptor)] = data
            damaged.write(out / f"{how}-{what}")


@case
def gc_artifacts(out):
    """artifacts in manifests of several kinds: of OCI 1.1-rc, of ORAS 0.14, of Docker's schema 1; all blobs are in use"""
    layout = Layout()
    image = layout.image([Tar().file("f", "x")])
    layout.tag("image", image)
    for name, media in ("oci", "application/vnd.oci.artifact.manifest.v1+json"), (
        "oras",
        "application/vnd.cncf.oras.artifact.manifest.v1+json",
    ):
        blob = layout.blob(f"of the {name} artifact".encode(), "text/plain")
        document = {"mediaType": media, "artifactType": "x/y", "blobs": [blob], "subject": image}
        layout.tag(name + "-artifact", layout.json(document, media))
    layer = layout.blob(gzip.compress(Tar().file("old", "1").bytes(), mtime=0), None)
    document = {"schemaVersion": 1, "name": "app", "tag": "1", "architecture": "amd64"}
    document.update(fsLayers=[{"blobSum": layer["digest"]}], history=[{"v1Compatibility": "{}"}], signatures=[])
    layout.tag("schema1", layout.json(document, "application/vnd.docker.distribution.manifest.v1+prettyjws"))
    layout.write(out)


@case
def index_artifact_type(out):
    """an index with artifactType and annotations, unusual white space, and no mediaType"""
    layout = Layout()
    image = json.dumps(layout.image([Tar().file("f", "x")]))
    text = '{ "schemaVersion":2,\n\t"artifactType": "application/vnd.test.v1+json", "manifests": [ %s ],\r\n '
    text = text % image + '"annotations": {"k": "\\u00e4"} }\n'
    layout.tag("v1", layout.blob(text.encode(), INDEX))
    layout.write(out)


@case
def index_buildkit_cache(out):
    """buildx --cache-to type=local: an index with layers as its manifests and a description of the cache"""
    layout, entries = Layout(), []
    for name in "ab":
        layer, diff_id = stored(layout, Tar().file(name, name))
        entries.append({**layer, "annotations": {"containerd.io/uncompressed": diff_id}})
    cache = {"layers": [{"blob": entries[0]["digest"], "parent": -1}], "records": []}
    entries.append(layout.json(cache, "application/vnd.buildkit.cacheconfig.v0"))
    layout.tag("latest", layout.index(entries))
    layout.write(out)


@case
def index_no_annotations(out):
    """an archive with one entry without annotations (nix2container)"""
    write_archive(one_image(name=None), out)


@case
def index_oras_flat(out):
    """oras cp --to-oci-layout: the index, and an entry without a name for each manifest below it"""
    layout = Layout()
    entries = two_platforms(layout)
    statement = layout.blob(b"{}", "application/vnd.in-toto+json")
    manifest = layout.manifest(layout.config([statement["digest"]]), [statement])
    entries.append(attestation_of(entries[0], manifest["digest"], manifest["size"]))
    layout.tag("6.8.0", layout.index(entries))
    layout.manifests += entries
    layout.write(out)


@case
def index_second_manifest(out):
    """a second manifest for the same platform: of another kind (SOCI), or of another compression (buildah)"""
    layout, kind = Layout(), "application/vnd.amazon.soci.index.v2+json"
    file = Tar().file("f", "the image")
    image = {**layout.image([file]), "platform": LINUX}
    data = layout.blob(b"ztoc", "application/octet-stream", annotations={"com.amazon.soci.image-layer-digest": sha(b"x")})
    soci = {
        **layout.manifest(layout.json({}, kind), [data]),
        "artifactType": kind,
        "platform": LINUX,
        "annotations": {"com.amazon.soci.image-manifest-digest": image["digest"]},
    }
    other = {**layout.image([zstd(file)]), "platform": LINUX}
    other["annotations"] = {"io.github.containers.compression.zstd": "true"}
    layout.tag("soci-last", layout.index([image, soci]))
    layout.tag("soci-first", layout.index([soci, image]))
    layout.tag("two-compressions", layout.index([image, other]))
    layout.write(out)


@case
def index_sparse(out):
    """docker save of one platform: the index has absent manifests of other platforms, and an absent attestation"""
    layout = Layout()
    entries = two_platforms(layout)
    absent = json.loads(layout.blobs[entries[1]["digest"]])
    for descriptor in entries[1], absent["config"], *absent["layers"]:
        del layout.blobs[descriptor["digest"]]
    entries.append(attestation_of(entries[0], sha(b"nowhere"), 840))
    tagged(layout, "latest", layout.index(entries), **{CONTAINERD_NAME: "docker.io/library/app:latest"})
    layout.write(out)


@case
def index_spec_example(out):
    """the example of image-spec's image-layout.md: an index, a manifest, and an entry of type application/xml"""
    layout = Layout()
    image = {**layout.image([Tar().file("f", "x")]), "platform": LINUX}
    layout.tag("stable-release", layout.index([image]))
    layout.tag("v1.0", image)
    kind = "org.freedesktop.specifications.metainfo."
    tagged(layout, None, layout.blob(b"<c/>", "application/xml"), **{kind + "version": "1.0", kind + "type": "AppStream"})
    layout.write(out)


@case
def index_top_level_platforms(out):
    """index.json itself is the index of several platforms: entries without names"""
    layout = Layout()
    layout.manifests += reversed(two_platforms(layout))
    layout.write(out)


@case
def layers_null(out):
    """docker save of 25.0.0: layers are null or absent, with and without diff_ids"""
    layout = Layout()
    layout.tag("none", layout.manifest(layout.config([]), None))
    layout.tag("some", layout.manifest(layout.config([sha(b"")]), None))
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": layout.config([])}
    layout.tag("absent", layout.json(document, MANIFEST))
    layout.write(out)


@case
def refs_comma(out):
    """buildkit, tar=false, with several names: one entry with a list as its ref.name"""
    one_image(name="latest,1.0,docker.io/library/app:2").write(out)


@case
def refs_two_names(out):
    """buildkit since 2025: an entry for each name of an image"""
    layout = Layout()
    image = layout.image([Tar().file("f", "x")])
    for name in "latest", "1.0":
        tagged(layout, name, image, **{CONTAINERD_NAME: "docker.io/library/app:" + name})
    layout.write(out)
