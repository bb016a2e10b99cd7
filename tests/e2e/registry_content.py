"""Repositories of a registry, each in an OCI image layout: manifests, blobs, tags, referrers, and the content that a client pushes."""
import hashlib
import json
import pathlib
import re
import shutil
import threading

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
REF_NAME = "org.opencontainers.image.ref.name"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
# The registry holds manifests in memory.
LARGEST_MANIFEST = 16 << 20


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Repository:
    """One layout. If it is writable, a missing layout is created, and pushed images are written to it."""

    def __init__(self, path, writable=False):
        self.path = pathlib.Path(path)
        self.lock = threading.Lock()
        self.writable = writable
        if writable and not self.path.exists():
            (self.path / "blobs").mkdir(parents=True)
            (self.path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
            (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}))
        self.kinds = {}
        self.tags = {}
        for entry in json.loads((self.path / "index.json").read_text())["manifests"]:
            self.kinds[entry["digest"]] = entry.get("mediaType")
            name = entry.get("annotations", {}).get(REF_NAME)
            if name:
                self.tags.setdefault(name, entry["digest"])

    def blob(self, digest):
        """Returns the path of a blob, or None."""
        path = self.path / "blobs" / digest.replace(":", "/")
        return path if DIGEST.fullmatch(digest) and path.is_file() else None

    def manifest(self, reference):
        """Returns digest, media type and content of a manifest, or None. A reference is a tag or a digest."""
        digest = reference if ":" in reference else self.tags.get(reference)
        path = digest and self.blob(digest)
        if not path or path.stat().st_size > LARGEST_MANIFEST:
            return None
        content = path.read_bytes()
        return digest, self.kinds.get(digest) or kind_of(content), content

    def referrers(self, digest, artifact_type=None):
        """Returns the descriptors of all manifests that have the digest as their subject."""
        found = []
        for path in sorted(self.path.glob("blobs/*/*")):
            if path.stat().st_size > LARGEST_MANIFEST:
                continue
            content = path.read_bytes()
            try:
                document = json.loads(content)
                if document["subject"]["digest"] != digest:
                    continue
            except (ValueError, TypeError, KeyError):
                continue
            kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
            if artifact_type in (None, kind):
                found.append({"mediaType": kind_of(content), "digest": f"{path.parent.name}:{path.name}", "size": len(content),
                              "artifactType": kind, "annotations": document.get("annotations", {})})
        return found

    def put_blob(self, digest, file):
        """Moves the file into the layout. ValueError if it has another digest."""
        algorithm, _, name = digest.partition(":")
        if not DIGEST.fullmatch(digest):
            raise ValueError("invalid digest")
        with open(file, "rb") as content:
            if hashlib.file_digest(content, algorithm).hexdigest() != name:
                raise ValueError("the content has another digest")
        target = self.path / "blobs" / algorithm / name
        target.parent.mkdir(exist_ok=True)
        shutil.move(file, target)

    def put_manifest(self, reference, kind, content):
        """Stores a manifest, with a tag unless the reference is a digest. Returns its digest. ValueError if that is another one."""
        digest = digest_of(content)
        if ":" in reference and reference != digest:
            raise ValueError("the manifest has another digest")
        path = self.path / "blobs" / digest.replace(":", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        with self.lock:
            self.kinds[digest] = kind
            if ":" not in reference:
                self.tags[reference] = digest
            self.write_index()
        return digest

    def delete_tag(self, name):
        """Deletes a tag from this server, and from the layout if that is writable. KeyError if there is none."""
        with self.lock:
            del self.tags[name]
            if self.writable:
                self.write_index()

    def write_index(self):
        entries = []
        for digest, kind in self.kinds.items():
            entry = {"mediaType": kind, "digest": digest, "size": self.blob(digest).stat().st_size}
            names = [name for name, target in self.tags.items() if target == digest]
            entries += [{**entry, "annotations": {REF_NAME: name}} for name in names] or [entry]
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        partial = self.path / "index.json.partial"
        partial.write_text(json.dumps(document))
        partial.rename(self.path / "index.json")


def kind_of(content):
    """Returns the media type of a manifest by its content."""
    try:
        document = json.loads(content)
        return document.get("mediaType") or (INDEX if "manifests" in document else MANIFEST)
    except (ValueError, AttributeError):
        return "application/octet-stream"
