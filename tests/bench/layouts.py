"""Makes the layouts that bench.py measures: real files in every compression, and many small images."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "corpus"))
from ocilib import GZIP, REF, ZSTD, Layout, Tar  # noqa: E402

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
FRAME = 4 << 20  # bytes of plain content in each frame of the variant with many


def layers_of(layout):
    """Returns the paths of the layers of each tag, from the base upwards."""

    def blob(digest):
        return layout / "blobs" / digest.replace(":", "/")

    entries = json.loads((layout / "index.json").read_text())["manifests"]
    return {
        entry["annotations"][REF]: [blob(each["digest"]) for each in json.loads(blob(entry["digest"]).read_text())["layers"]]
        for entry in entries
    }


def sha256(path):
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def many(directory, images, files):
    """Makes images of one small layer each, with this number of files."""
    layout = Layout()
    for number in range(images):
        tar = Tar().dir("usr").dir("usr/share")
        for file in range(files):
            tar.file("usr/share/file-%d" % file, b"file %d of image %d\n" % (file, number))
        layout.tag("application-%d:1.0" % number, layout.image([tar], arch=MACHINE))
    layout.write(directory)


def cut(root, halves):
    """Splits a tar into two of about the same size, between entries."""
    size = os.path.getsize(root)
    with tarfile.open(root) as tar:
        at = next(entry.offset for entry in tar if entry.offset >= size // 2)
    with open(root, "rb") as whole:
        for out, count in zip(halves, (at, size - at)):
            with open(out, "wb") as file:
                while count:
                    count -= os.copy_file_range(whole.fileno(), file.fileno(), count)
                if out is halves[0]:
                    os.lseek(file.fileno(), 0, os.SEEK_END)
                    os.write(file.fileno(), bytes(1024))


def wrap(root, out, size):
    """Makes a tar with one large file, the first bytes of `root`."""
    size = min(size, os.path.getsize(root)) // 512 * 512
    entry = tarfile.TarInfo("large")
    entry.size, entry.mtime = size, 1_600_000_000
    with open(root, "rb") as content, tarfile.open(out, "w") as tar:
        tar.addfile(entry, content)


def compress(plain, out, how, gzip_level):
    commands = {
        "gzip": ["gzip", "-%dnc" % gzip_level],
        "zstd": ["zstd", "-3qc"],
        "frames": ["split", "-b", str(FRAME), "--filter=zstd -3qc", "-"],
    }
    with open(plain, "rb") as source, open(out, "wb") as target:
        subprocess.run(commands[how], stdin=source, stdout=target, check=True, timeout=1800)


def recompressed_by_go(layout, tag, temporary):
    """Returns the blob of a one-layer image as skopeo compresses it: one zstd frame by Go's encoder; None without skopeo."""
    if shutil.which("skopeo") is None:
        return None
    copied = temporary / "by-skopeo"
    command = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-compress-format", "zstd", "oci:%s:%s" % (layout, tag)]
    subprocess.run([*command, "oci:%s:%s" % (copied, tag)], check=True, timeout=1800)
    (blob,) = layers_of(copied)[tag]
    with open(blob, "rb") as file:
        if file.read(4) != ZSTD_MAGIC:
            raise ValueError("skopeo did not compress by zstd")
    return blob


def real(directory, root, large, gzip_level):
    """Makes the tags gzip, zstd, frames and go, each with all of `root` in one layer, pair and pair-zstd with two layers, and large,
    large-zstd and large-frames with a file of limited size."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    temporary = [directory / name for name in ("first.tar", "second.tar", "large.tar")]
    cut(root, temporary[:2])
    wrap(root, temporary[2], large)
    first, second, one = temporary
    images = {
        "gzip": [(root, "gzip")],
        "pair": [(first, "gzip"), (second, "gzip")],
        "large": [(one, "gzip")],
        "zstd": [(root, "zstd")],
        "pair-zstd": [(first, "zstd"), (second, "zstd")],
        "large-zstd": [(one, "zstd")],
        "frames": [(root, "frames")],
        "large-frames": [(one, "frames")],
    }

    def make(task):
        plain, how = task
        blob = directory / ("%s.%s" % (os.path.basename(plain), how))
        compress(plain, blob, how, gzip_level)
        return task, blob, sha256(blob), sha256(plain)

    tasks = [task for layers in images.values() for task in layers]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        made = {task: rest for task, *rest in pool.map(make, tasks)}
    for path in temporary:
        path.unlink()
    written = directory / "layout"
    write(written, images, made)
    blob = recompressed_by_go(written, "gzip", directory)
    if blob:
        # Written again, because skopeo's manifest is not needed.
        task = (root, "go")
        made[task] = blob, sha256(blob), made[(root, "gzip")][2]
        write(written, images | {"go": [task]}, made)
    for blob, _, _ in made.values():
        blob.unlink()
    shutil.rmtree(directory / "by-skopeo", ignore_errors=True)
    return written


def write(written, images, made):
    """Writes a layout with these images; `made`: blob, digest and diffID of each layer. Its blobs are links to those files."""
    layout = Layout()
    for tag, layers in images.items():
        descriptors, plain = [], []
        for layer in layers:
            blob, digest, diff_id = made[layer]
            media = GZIP if layer[1] == "gzip" else ZSTD
            descriptors.append({"mediaType": media, "digest": digest, "size": blob.stat().st_size})
            plain.append(diff_id)
        layout.tag(tag, layout.manifest(layout.config(plain, arch=MACHINE), descriptors))
    layout.write(written)
    for digest, blob in {digest: blob for blob, digest, _ in made.values()}.items():
        (written / "blobs" / digest.replace(":", "/")).hardlink_to(blob)
