#!/usr/bin/env python3
"""Write initial inputs for the fuzz targets: the layouts of make-torture.py in the forms
of the targets, and small samples of text.

usage: make-seeds.py TORTURE MAKE_TABLES OUT

TORTURE is the output of make-torture.py, MAKE_TABLES is the program built from make_tables.cc. The
inputs of a target go to OUT/TARGET.
"""
import gzip
import hashlib
import io
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile

# Larger ones only slow the search down.
MOST_BYTES = 64 << 10
# In front of a tar: repair checksums, cut into pieces of up to 8 bytes, a seed.
TAR_FRONT = bytes([1 | 3 << 1]) + b"seed"
# Of a file of tables; the targets write their own.
TABLE_HEADER = 128

TEXTS = {
    "platforms": ["linux", "linux/amd64", "linux/arm/v7", "LINUX/ARM64", "x86_64", "aarch64", "armhf",
                  "windows/amd64", "arm64/v8", "i386", "unknown/unknown", "linux/386", "linux/arm64/v9"],
    "digests": ["sha256:" + "0123456789abcdef" * 4, "sha512:" + "0123456789abcdef" * 8, "sha256:" + "A" * 64],
    "names": ["app", "app:1.2", "many", "docker.io/library/app:1.2", "@0", "@3", "a--b", "a.b_c-d:e@f+g/h",
              ".", "..", "a" * 199],
    "registries": ["localhost:5000/a/b:1.0", "[::1]:5000/a__b", "foo.com/a-b/c:v1@sha256:" + "0" * 64, "a/b@sha256:" + "0" * 64],
}
# The number of the file, and its content.
CONFIGURATIONS = [
    (0, '{"auths": {"quay.io": {"auth": "dXNlcjpwYXNz"}, "https://index.docker.io/v1/": {"identitytoken": "x", '
        '"username": "u"}}, "credHelpers": {"localhost:5000": "one"}}'),
    (0, '{"credsStore": "pass", "auths": {"quay.io/library": {"password": "p"}}}'),
    (1, """unqualified-search-registries = ["example.com"]
[[registry]]
prefix = "*.example.com"
insecure = true
[[registry.mirror]]
location = "m.io/x"
pull-from-mirror = "digest-only"
[[registry]]
location = "quay.io"
mirror-by-digest-only = true
[aliases]
"alpine" = "docker.io/library/alpine"
"""),
    (1, "[registries.insecure]\nregistries = ['quay.io']\n[registries.block]\nregistries = []\n"),
    (2, """server = "https://registry-1.docker.io"
capabilities = ["pull"]
[host."http://mirror:5000/path/v2"]
  capabilities = ["pull", "resolve", "push"]
  ca = ["a.pem"]
  client = [["a", "b"]]
  skip_verify = true
  override_path = true
  [host."http://mirror:5000/path/v2".header]
    x-custom = ["a", 'b']
"""),
    (2, "x = 1979-05-27T07:32:00Z\ny = [1.5e3, 0x1f, inf, \"\"\"a\nb\"\"\"]\nz = {a.b = 1, 'c' = 'd'}\n"),
]
# A piece size of up to 16 bytes, and answers to range requests.
MULTIPART_FRONT = b"seed\x00\x0f"
PARTS = [
    b"--AAA\r\nContent-Range: bytes 1-2/9\r\n\r\n23\r\n--AAA\r\nContent-Type: text/plain\r\ncontent-range: bytes "
    b"4-8/*\r\n\r\n\r\n--A\r\n--AAA--\r\n",
    b"preamble\r\n--AAA \t\r\nX: y\r\n folded\r\nContent-Range:bytes 0-0/1\r\n\r\nx\r\n--AAA--",
    b"--AAA\r\nContent-Range: bytes 0-9/10\r\n\r\nshort\r\n--AAAB\r\n--AAA\r\n\r\n",
    b"bytes 0-4/10", b"BYTES  7-7/*", b"multipart/byteranges; boundary=Cloud:Front; x=\"a\\\"b\"",
]
FILTERS = [
    'name==docker.io/library/app:1.2', 'labels.a!=b,name~=/^docker[.]io\\/(a|b)+/', 'annotations."a b\\"\\x41"=="\\u00e9\\101"',
    'target.mediatype~=|vnd[.]oci|, a', 'labels.a/b==c', 'a~=[bc]{1,9}', 'name==a,', 'b~=(?i)TRUE', '\u3000a\u2003!=\u725b',
]
DOCUMENTS = [
    b'{"a":[1,2.5e3,-0,true,false,null,"\\u00e9\\ud83d\\ude00<>&\\u2028"],"b":{"a":1,"a":2}}',
    b'{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:'
    + b"0" * 64 + b'","size":2,"data":"e30=","urls":["x"],"annotations":{"a":"b"},"artifactType":"t",'
    b'"platform":{"os":"linux","architecture":"arm","variant":"v7","os.version":"1","os.features":["x"]}},'
    b'"layers":[],"subject":null}',
    b'[[[[[[[[[[]]]]]]]]]]', b'18446744073709551615', b'-9223372036854775808', b'1e400', b'""', b' {} ',
]


class Seeds:
    def __init__(self, out):
        self.out = pathlib.Path(out)

    def add(self, target, content):
        if len(content) > MOST_BYTES:
            return
        folder = self.out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


def decoded(blob):
    """Returns a layer as a tar, as far as it can be read."""
    if blob[:2] == b"\x1f\x8b":
        try:
            return gzip.decompress(blob)
        except (OSError, EOFError):
            return b""
    if blob[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=blob, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False).stdout
    return blob


def add_layer(seeds, blob):
    """Returns whether the file is such an input."""
    if blob[:2] == b"\x1f\x8b":
        seeds.add("gzip", b"\1\x10\0seed" + blob)
        # threads, library, sizes of pieces and chunks, spacing, step, a blob
        seeds.add("gzip_parallel", b"\3\0\4\0\x40\0\x10\0\x80\0\1" + blob)
    elif blob[:4] == b"\x28\xb5\x2f\xfd" or blob[1:4] == b"\x2a\x4d\x18":
        seeds.add("zstd", b"\1\x10\0seed" + blob)
    tar = decoded(blob)
    if len(tar) % 512 != 0 or len(tar) == 0:
        return
    seeds.add("tar_parser", TAR_FRONT + tar)
    for target in "gzip", "zstd":
        if len(tar) < 8 << 10:
            described = b"".join(bytes([len(tar[i : i + 192]) - 1]) + tar[i : i + 192]
                                 for i in range(0, len(tar), 192))
            seeds.add(target, b"\0\x04\0seed" + hashlib.sha256(tar).digest() + described)


def add_layout(seeds, layout):
    blobs = {path.name: path.read_bytes() for path in layout.glob("blobs/*/*") if path.is_file()}
    tars = []
    for blob in blobs.values():
        if blob[:1] in b"{[":
            seeds.add("json", blob)
            seeds.add("registry", blob)
            continue
        add_layer(seeds, blob)
        tar = decoded(blob)
        if tar and len(tar) % 512 == 0 and len(tar) < 4096 * 512:
            tars.append(struct.pack(">H", len(tar) // 512) + tar)
    for show in 0, 2:
        seeds.add("merge", bytes([1 | show]) + b"".join(tars))
    if (layout / "index.json").is_file():
        seeds.add("json", (layout / "index.json").read_bytes())
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as out:
        out.add(layout, ".")
    seeds.add("archive", b"\1" + archive.getvalue())
    return blobs


def add_tables(seeds, program, layout, blobs):
    with tempfile.TemporaryDirectory() as cache:
        # Some layouts must be refused.
        subprocess.run([program, cache, layout], check=False, stderr=subprocess.DEVNULL)
        for path in pathlib.Path(cache).rglob("*"):
            if not path.is_file():
                continue
            if "erofs-files" in path.parts[-3:]:
                seeds.add("erofs_file", path.read_bytes())
                continue
            tables = path.read_bytes()[TABLE_HEADER:]
            if "layers" not in path.parts[-3:]:
                seeds.add("image_tree", tables)
                continue
            blob = next((content for name, content in blobs.items() if name in path.name or name in str(path)), b"")
            if len(blob) >= 1 << 16:
                blob = b""
            seeds.add("layer_index", struct.pack(">H", len(blob)) + blob + tables)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    torture, program, out = sys.argv[1:]
    seeds = Seeds(out)
    for layout in sorted(pathlib.Path(torture).glob("*/oci")):
        blobs = add_layout(seeds, layout)
        add_tables(seeds, program, layout, blobs)
    for document in DOCUMENTS:
        seeds.add("json", document)
    for body in PARTS:
        seeds.add("multipart", MULTIPART_FRONT + body)
    for text in FILTERS:
        seeds.add("filter", text.encode())
    for file, text in CONFIGURATIONS:
        seeds.add("remote_config", bytes([file]) + text.encode())
    for texts in TEXTS.values():
        for text in texts:
            seeds.add("platform_reference", text.encode())
            seeds.add("registry", text.encode())
    for number in range(64):
        noise = b"".join(hashlib.sha256(b"%d %d" % (number, i)).digest() for i in range(12))
        seeds.add("merge", bytes([number & 2]) + noise)
        seeds.add("gzip_parallel", b"\3\0\4\0\x40\0\x10\0\x80\0\0" + noise)
        for target in "gzip", "zstd":
            seeds.add(target, b"\0" + noise)


main()
