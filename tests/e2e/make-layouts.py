#!/usr/bin/env python3
"""Write the layouts of the end-to-end tests: some good ones, and many bad ones.

usage: make-layouts.py OUTDIR ARCHITECTURE [NAME...]

ARCHITECTURE is OCI's name for that of this machine.  Each function below writes OUTDIR/NAME.  Its docstring
names the fault.
"""
import gzip
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))

from ocilib import LAYER, MANIFEST, Layer, Layout, Tar, header, noise, sha, text  # noqa: E402

ARCHITECTURE = "amd64"
DEEP = 100_000
MADE = []


def layout(function):
    MADE.append((function.__name__.replace("_", "-"), function))
    return function


def base():
    return (
        Tar()
        .dir(".", mode=0o755)
        .dir("etc", mtime_ns=1_500_000_000_123_456_789)
        .file("etc/name", "sample\n", uid=1000, gid=100, mode=0o640)
        .file("etc/removed", "by the layer above")
        .dir("bin")
        .file("bin/tool", noise(70_000, 1), mode=0o4755, xattrs={"user.note": b"a value"})
        .hardlink("bin/other-name", "bin/tool")
        .symlink("bin/link", "/etc/name")
        .dir("var")
        .file("var/text", text(3_000_000, 2), mtime_ns=1_600_000_000_987_654_321)
        .file("var/noise", noise(2_500_000, 3))
        .file("var/empty")
        .add("var/pipe", "fifo")
        .add("var/null", "char", rdev=(1, 3), mode=0o666)
        .add("var/disk", "block", rdev=(7, 200), mode=0o660)
        .dir("tmp", mode=0o1777)
    )


def top():
    return (
        Tar()
        .whiteout("etc/removed")
        .file("etc/added", "needle in the upper layer\n")
        .dir("srv/a/b/c")
        .hardlink("srv/a/third-name", "bin/tool", mode=0o4755, xattrs={"user.note": b"a value"})
    )


@layout
def sample():
    """No fault: two layers, two platforms, references of several forms, one entry without a name."""
    made = Layout()
    image = made.image([base(), top()], arch=ARCHITECTURE)
    other = made.image([Tar().file("other-platform", "here\n")], arch="s390x")
    index = made.index(
        [
            {**image, "platform": {"os": "linux", "architecture": ARCHITECTURE}},
            {**other, "platform": {"os": "linux", "architecture": "s390x"}},
        ]
    )
    made.tag("app:1.0", image)
    made.tag("multi", index)
    made.tag("team/project/app", image)
    made.manifests.append(made.image([Tar().file("nameless", "here\n")], arch=ARCHITECTURE))
    return made


@layout
def described():
    """No fault: a config with all members, an index of two platforms and an attestation, a signature."""
    made = Layout()
    layers = [base(), top()]
    config = made.config(
        [sha(layer.bytes()) for layer in layers],
        arch=ARCHITECTURE,
        created="2026-02-03T04:05:06.789Z",
        author="Somebody <somebody@example.org>",
        config={
            "Entrypoint": ["/bin/sh", "-c"],
            "Cmd": ["echo \"a b\""],
            "Env": ["PATH=/usr/bin:/bin", "MESSAGE=two\nlines"],
            "User": "1000:50",
            "WorkingDir": "/srv",
            "Labels": {"org.example.title": "T", "tier": "base"},
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "Volumes": {"/data": {}},
            "StopSignal": "SIGQUIT",
        },
        history=[
            {"created": "2026-02-03T04:05:04Z", "created_by": "ADD rootfs.tar /"},
            {"created": "2026-02-03T04:05:05Z", "created_by": "ENV MESSAGE=x", "empty_layer": True},
            {"created": "2026-02-03T04:05:06.789Z", "created_by": "RUN a very long command " + "&& more " * 20 + "\t\n end"},
        ],
    )
    image = made.manifest(config, [made.layer(layer) for layer in layers], annotations={"org.example.note": "n"})
    image["platform"] = {"os": "linux", "architecture": ARCHITECTURE}
    other = {**made.image([Tar().file("other", "here\n")], arch="s390x"), "platform": {"os": "linux", "architecture": "s390x"}}
    attestation = {**made.image([Tar()], arch="unknown"), "platform": {"os": "unknown", "architecture": "unknown"}}
    made.tag("app", made.index([image, other, attestation]))
    made.tag("one", image)
    empty = made.blob(b"{}", "application/vnd.oci.empty.v1+json")
    subject = {name: image[name] for name in ("mediaType", "digest", "size")}
    made.manifests.append(made.manifest(empty, [empty], subject=subject, artifactType="application/vnd.example.signature"))
    return made


@layout
def single():
    """No fault: one image, with a reference without a tag."""
    made = Layout()
    made.tag("latest", made.image([base(), top()], arch=ARCHITECTURE))
    return made


def with_files(**files):
    made = single()
    made.extra.update({name.replace("_", "-").replace("index-json", "index.json"): data for name, data in files.items()})
    return made


@layout
def wrong_version():
    """The imageLayoutVersion is unknown."""
    return with_files(oci_layout=b'{"imageLayoutVersion":"2.0.0"}')


@layout
def no_version():
    """The imageLayoutVersion is missing."""
    return with_files(oci_layout=b"{}")


@layout
def broken_oci_layout():
    """oci-layout is not JSON."""
    return with_files(oci_layout=b"imageLayoutVersion: 1.0.0\n")


@layout
def empty_oci_layout():
    """oci-layout is empty."""
    return with_files(oci_layout=b"")


@layout
def no_oci_layout():
    """oci-layout is missing."""
    return with_files(oci_layout=None)


@layout
def no_index():
    """index.json is missing."""
    made = with_files()
    made.after = lambda out: (out / "index.json").unlink()
    return made


@layout
def broken_index():
    """index.json is not JSON."""
    return with_files(index_json=b'{"schemaVersion": 2, "manifests": [}')


@layout
def empty_index():
    """index.json is empty."""
    return with_files(index_json=b"")


@layout
def truncated_index():
    """index.json is truncated."""
    made = single()
    whole = json.dumps({"schemaVersion": 2, "manifests": made.manifests}).encode()
    made.extra["index.json"] = whole[: len(whole) // 2]
    return made


@layout
def deep_index():
    """index.json has 100,000 nested arrays."""
    return with_files(index_json=b'{"schemaVersion":2,"manifests":' + b"[" * DEEP + b"]" * DEEP + b"}")


@layout
def deep_unknown_key():
    """index.json has 100,000 nested objects in an unknown member."""
    deep = b'{"a":' * DEEP + b"1" + b"}" * DEEP
    return with_files(index_json=b'{"schemaVersion":2,"manifests":[],"x":' + deep + b"}")


@layout
def wrong_shape():
    """index.json is JSON, but its manifests are a number."""
    return with_files(index_json=b'{"schemaVersion": 2, "manifests": 7}')


@layout
def ambiguous():
    """Two images have the same name."""
    made = Layout()
    for number in range(2):
        made.tag("twin", made.image([Tar().file("which", str(number))], arch=ARCHITECTURE))
    return made


def swap_layer(made, change):
    """Returns an image with a layer that change() modifies in the layout, after its digest was computed."""
    image = made.image([Tar().file("file", noise(9000, len(made.manifests)))], arch=ARCHITECTURE)
    layer = json.loads(made.blobs[image["digest"]])["layers"][0]["digest"]
    made.blobs[layer] = change(made.blobs[layer])
    return image


def flip(blob):
    """Flips one bit in the middle."""
    at = len(blob) // 2
    return blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]


def bare(made, layer, **config):
    """Returns an image of one ready-made layer."""
    layer_descriptor = made.layer(layer)
    return made.manifest(made.config([sha(layer.tar)], arch=ARCHITECTURE, **config), [layer_descriptor])


@layout
def broken_images():
    """A good image, and one for each way in which an image can be broken, with the name of that way. "incomplete" has
    entries that cannot be applied."""
    made = Layout()
    made.tag("good", made.image([base(), top()], arch=ARCHITECTURE))
    for name, document in {
        "broken-json": b'{"schemaVersion": 2, "config": }',
        "empty-json": b"",
        "truncated-json": b'{"schemaVersion": 2, "mediaType": "' + MANIFEST.encode(),
        "deep-json": b'{"schemaVersion":2,"config":' + b"[" * DEEP + b"]" * DEEP + b"}",
        "wrong-shape": b'{"schemaVersion": 2, "config": 1, "layers": {}}',
    }.items():
        made.tag(name, made.blob(document, MANIFEST))

    missing = made.image([Tar().file("file", "1")], arch=ARCHITECTURE)
    del made.blobs[missing["digest"]]
    made.tag("missing-manifest", missing)
    no_config = made.image([Tar().file("file", "2")], arch=ARCHITECTURE)
    del made.blobs[json.loads(made.blobs[no_config["digest"]])["config"]["digest"]]
    made.tag("missing-config", no_config)
    made.tag("missing-layer", swap_layer(made, lambda blob: None))

    made.tag("layer-with-a-flipped-bit", swap_layer(made, flip))
    made.tag("layer-cut-short", swap_layer(made, lambda blob: blob[:-100]))
    made.tag("layer-with-more-bytes", swap_layer(made, lambda blob: blob + b"more"))
    made.tag("layer-emptied", swap_layer(made, lambda blob: b""))
    changed = made.image([Tar().file("file", "3")], arch=ARCHITECTURE)
    made.blobs[changed["digest"]] = flip(made.blobs[changed["digest"]])
    made.tag("manifest-with-a-flipped-bit", changed)

    tar = Tar().file("file", noise(200_000, 4)).bytes()
    made.tag("truncated-gzip", bare(made, Layer(gzip.compress(tar, mtime=0)[:100_000], tar)))
    made.tag("not-gzip", bare(made, Layer(noise(5000, 5), tar)))
    made.tag("gzip-checksum", bare(made, Layer(gzip.compress(tar, mtime=0)[:-8] + b"\0" * 8, tar)))
    broken = header(b"file", size=3, chksum=b"000001\0 ") + b"abc".ljust(512, b"\0") + b"\0" * 1024
    made.tag("broken-tar-header", bare(made, Layer(gzip.compress(broken, mtime=0), broken)))
    for name, tar in {
        "negative-size": Tar().raw(header(b"file", size=-512)),
        "size-beyond-the-end": Tar().raw(header(b"file", size=2**40), b"abc".ljust(512, b"\0")),
        "size-that-overflows": Tar().raw(header(b"file", size=2**63 - 1)),
        "size-beyond-64-bits": Tar().file("file", pax={"size": str(2**64)}),
        "nul-in-a-name": Tar().file("file", pax={"path": b"etc/pass\0wd"}),
        "incomplete-links-in-a-loop": Tar().symlink("a", "b").symlink("b", "/a").file("a/file", "lost"),
        "incomplete-hard-link-to-itself": Tar().hardlink("a", "a"),
    }.items():
        made.tag(name, made.image([tar], arch=ARCHITECTURE))
    for name, content in {"text": text(5000, 7), "noise": noise(5000, 8)}.items():
        made.tag(f"{name}-instead-of-a-tar", bare(made, Layer(gzip.compress(content, mtime=0), content)))
    cut = Tar().file("file", noise(5000, 6)).bytes()[:2000]
    made.tag("cut-tar", bare(made, Layer(cut, cut, LAYER)))
    good = Tar().file("file", "4").bytes()
    made.tag("wrong-diff-id", bare(made, Layer(gzip.compress(good, mtime=0), good + b"other")))
    strange = "application/vnd.example.layer"
    made.tag("unknown-media-type", bare(made, Layer(good, good, strange)))
    made.blobs = {digest: blob for digest, blob in made.blobs.items() if blob is not None}
    return made


def main():
    global ARCHITECTURE
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    outdir, ARCHITECTURE, *names = sys.argv[1:]
    unknown = set(names) - {name for name, _ in MADE}
    if unknown:
        sys.exit(f"no such layout: {', '.join(sorted(unknown))}")
    for name, make in MADE:
        if not names or name in names:
            make().write(pathlib.Path(outdir) / name)


if __name__ == "__main__":
    main()
