#!/usr/bin/env python3
"""Random layouts: copy loses nothing, gc removes only unused blobs, fsck finds every fault, ref changes one entry.

usage: random_layouts.py PROGRAM WORK_DIR KEEP_DIR

The oracle is an independent model: the maker knows the children of each document, and a regular expression finds the digests in
a text.  LAYOUTFS_TEST_SEED=N repeats one seed, LAYOUTFS_TEST_FULL=1 tries 10,000 instead of 100.  The layout of a failing seed stays
in KEEP_DIR.
"""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution.manifest."
INDEX, MANIFEST, CONFIG, LAYER = (OCI + kind for kind in
                                  ("index.v1+json", "manifest.v1+json", "config.v1+json", "layer.v1.tar"))
INDEXES = [INDEX, DOCKER + "list.v2+json"]
MANIFESTS = [MANIFEST, DOCKER + "v2+json"]
ARTIFACTS = ["application/vnd.oci.artifact.manifest.v1+json", "application/vnd.cncf.oras.artifact.manifest.v1+json"]
SCHEMA1 = [DOCKER + "v1+json", DOCKER + "v1+prettyjws"]
UNKNOWN = ["application/vnd.example.report+json", "application/json", "text/plain", "application/octet-stream"]
DIGEST = re.compile(r"sha256[:/-]([0-9a-f]{64})")
REF_NAME, FULL_NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"
NAMES = ["latest", "1.0", "app:1.0", "docker.io/library/app:latest", "ghcr.io/a/b:latest", "x/y"]
NOT_FOUND, AMBIGUOUS, CORRUPT = 3, 5, 7


class Failure(Exception):
    """The program differs from the model."""


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Blob:
    def __init__(self, content, kind, media_type):
        self.content, self.kind, self.media_type = content, kind, media_type
        self.hex = sha256(content)
        self.digest = "sha256:" + self.hex
        self.children = []  # blobs that the document refers to by its own rules, in any order
        self.subject = None

    def mentioned(self):
        """Returns the hex digits of every digest in a document; none for other blobs."""
        text = self.content.decode("utf-8", "replace")
        if self.kind == "data" and not text.lstrip().startswith(("{", "[")) or self.kind == "layer":
            return set()
        return set(DIGEST.findall(text)) | set(DIGEST.findall(unescaped(text)))


def unescaped(text):
    return re.sub(r"\\u([0-9a-f]{4})", lambda escape: chr(int(escape[1], 16)), text)


class Maker:
    """The blobs and the entries of one seed."""

    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.blobs, self.absent = {}, {}
        self.layers = [self.add(self.rnd.randbytes(self.rnd.randint(1, 300)), "layer", LAYER)
                       for _ in range(self.rnd.randint(1, 4))]
        self.data = [self.add(text.encode(), "data", self.rnd.choice(UNKNOWN))
                     for text in ("plain text %d" % seed, "binary \0\1 %d" % seed)]
        # Each document refers only to earlier ones.
        self.documents = []
        makers = [self.image, self.image, self.image, self.artifact, self.schema1, self.unknown, self.unknown, self.index,
                  self.index]
        for _ in range(self.rnd.randint(2, 12)):
            self.documents.append(self.rnd.choice(makers if self.documents else [self.image])())
        roots = self.rnd.sample(self.documents, self.rnd.randint(1, len(self.documents)))
        self.entries = [self.entry(blob) for blob in roots + self.rnd.choices(roots, k=self.rnd.randint(0, 2))]
        for blob in self.rnd.sample(self.documents, self.rnd.randint(0, 2)):
            self.drop(blob)

    def chance(self, percent):
        return self.rnd.randrange(100) < percent

    def add(self, content, kind, media_type):
        blob = Blob(content, kind, media_type)
        return self.blobs.setdefault(blob.hex, blob)

    def spelled(self, media_type):
        """Returns an equivalent spelling of the media type (RFC 9110, 8.3.1)."""
        if self.chance(15):
            media_type += "; charset=utf-8"
        return media_type.upper() if self.chance(5) else media_type

    def descriptor(self, blob, **more):
        described = {"mediaType": self.spelled(blob.media_type), "digest": blob.digest, "size": len(blob.content), **more}
        if blob.kind in ("index", "manifest") and self.chance(8):
            del described["mediaType"]
        return described

    def notes(self):
        """Returns annotations that may mention any blob."""
        if not self.chance(20):
            return {}
        return {"annotations": {"com.example.base": self.rnd.choice(list(self.blobs.values())).digest, "b": "c"}}

    def document(self, kind, media_type, members, children, subject=None):
        if subject:
            members["subject"] = self.descriptor(subject)
        text = json.dumps(members, ensure_ascii=False)
        if self.chance(20):
            text = " \n" + json.dumps(members, indent=1)
        blob = self.add(text.encode(), kind, media_type)
        blob.children, blob.subject = children, subject
        return blob

    def some_subject(self):
        if not self.documents or not self.chance(20):
            return None
        if self.chance(30):
            return Blob(self.rnd.randbytes(9), "manifest", MANIFEST)  # never stored
        return self.rnd.choice(self.documents)

    def image(self):
        layers = self.rnd.choices(self.layers, k=self.rnd.randint(0, 3))
        config = {"os": "linux", "architecture": self.rnd.choice(["amd64", "arm64"]), "salt": self.rnd.randrange(9),
                  "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]}}
        config = self.add(json.dumps(config).encode(), "config", CONFIG)
        members = {"schemaVersion": 2, "config": self.descriptor(config),
                   "layers": [self.descriptor(layer) for layer in layers], **self.notes()}
        return self.document("manifest", self.rnd.choice(MANIFESTS), members, [config, *layers], self.some_subject())

    def artifact(self):
        blobs = self.rnd.choices(self.data + self.documents, k=self.rnd.randint(0, 3))
        members = {"artifactType": "a/b", "blobs": [self.descriptor(blob) for blob in blobs], **self.notes()}
        return self.document("artifact", self.rnd.choice(ARTIFACTS), members, blobs, self.some_subject())

    def schema1(self):
        layers = self.rnd.choices(self.layers, k=self.rnd.randint(1, 3))
        members = {"schemaVersion": 1, "fsLayers": [{"blobSum": layer.digest} for layer in layers],
                   "history": [{"v1Compatibility": "{}"}], "salt": self.rnd.randrange(9)}
        return self.document("schema1", self.rnd.choice(SCHEMA1), members, layers)

    def unknown(self):
        blobs = self.rnd.choices(list(self.blobs.values()), k=self.rnd.randint(0, 3))
        ways = [lambda blob: blob.digest, lambda blob: {"nested": [blob.digest]}, lambda blob: {blob.digest: 1},
                lambda blob: "blobs/sha256/" + blob.hex, lambda blob: json.dumps({"digest": blob.digest})]
        text = json.dumps({"salt": self.rnd.randrange(9), "uses": [self.rnd.choice(ways)(blob) for blob in blobs]})
        if self.chance(20):
            text = text.replace("sha256:", r"sha\u00325\u0036\u003a")
        return self.add(text.encode(), "data", self.rnd.choice(UNKNOWN))

    def index(self):
        children = self.rnd.sample(self.documents, self.rnd.randint(0, min(4, len(self.documents))))
        manifests = [self.descriptor(child, platform={"os": "linux", "architecture": self.rnd.choice(["amd64", "arm64"])})
                     for child in children]
        if self.chance(25):
            gone = Blob(self.rnd.randbytes(9), "manifest", MANIFEST)
            manifests.insert(self.rnd.randint(0, len(manifests)), self.descriptor(gone))
        members = {"schemaVersion": 2, "manifests": manifests, **self.notes()}
        return self.document("index", self.rnd.choice(INDEXES), members, children, self.some_subject())

    def entry(self, blob):
        annotations = {}
        if self.chance(70):
            annotations[REF_NAME] = self.rnd.choice(NAMES)
        if self.chance(20):
            annotations[FULL_NAME] = "docker.io/library/%s:latest" % self.rnd.choice(["redis", "nginx"])
        if self.chance(10):
            annotations["com.example.other"] = self.rnd.choice(list(self.blobs.values())).digest
        described = self.descriptor(blob)
        if blob.kind == "data":
            described["mediaType"] = blob.media_type
        if self.chance(15):
            described["x-example"] = {"kept": [1, None, "ü"]}
        return {**described, "annotations": annotations} if annotations else described

    def drop(self, blob):
        """Removes the blob of an index's child that has no other references, so that the layout is sparse."""
        parents = [other for other in self.blobs.values() if blob in other.children]
        is_entry = any(entry["digest"] == blob.digest for entry in self.entries)
        if is_entry or not parents or any(parent.kind != "index" for parent in parents) or blob.kind == "data":
            return
        self.absent[blob.hex] = self.blobs.pop(blob.hex)

    def write(self, path):
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": self.entries, "x": [1]}))
        (path / "store").mkdir()
        for blob in self.blobs.values():
            is_link = self.chance(10)
            (path / ("store" if is_link else "blobs/sha256") / blob.hex).write_bytes(blob.content)
            if is_link:
                (path / "blobs/sha256" / blob.hex).symlink_to("../../store/" + blob.hex)


class Model:
    """The blobs of a layout that are in use."""

    def __init__(self, blobs, entries):
        self.blobs, self.entries = blobs, entries
        self.roots = [entry["digest"].split(":")[1] for entry in entries]

    def closure(self, roots, next_of):
        found, open_ = set(), [root for root in roots if root in self.blobs]
        while open_:
            hex_ = open_.pop()
            if hex_ in found:
                continue
            found.add(hex_)
            open_ += [child for child in next_of(self.blobs[hex_]) if child in self.blobs]
        return found

    @staticmethod
    def led_to(blob):
        return {child.hex for child in blob.children} | (blob.mentioned() if blob.kind == "data" else set())

    def copied(self):
        """Returns everything reachable from the entries, and from the referrers of any of it."""
        roots = set(self.roots)
        while True:
            found = self.closure(roots, self.led_to)
            referrers = {hex_ for hex_ in self.documents() if self.blobs[hex_].subject and self.blobs[hex_].subject.hex in found}
            if referrers <= roots | found:
                return found
            roots |= referrers

    def documents(self):
        """Returns the documents to search for referrers: all descendants of entries, children and subjects, but not those found in texts."""
        def children(blob):
            found = [child.hex for child in blob.children] if blob.kind in ("index", "manifest", "artifact") else []
            return found + ([blob.subject.hex] if blob.subject else [])
        return self.closure(self.roots, children)

    def kept(self, index_text):
        """Returns everything reachable from the entries, and every blob that a kept document, or index.json, mentions."""
        def next_of(blob):
            return self.led_to(blob) | blob.mentioned() | ({blob.subject.hex} if blob.subject else set())
        return self.closure(set(self.roots) | set(DIGEST.findall(index_text)), next_of)

    def reachable(self):
        """Returns the documents that fsck follows."""
        return self.closure(self.roots, lambda blob: self.led_to(blob) | ({blob.subject.hex} if blob.subject else set()))

    def required(self, hex_):
        """Returns whether a blob must be present."""
        parents = [self.blobs[parent] for parent in self.reachable() if parent != hex_]
        return hex_ in self.roots or any(
            parent.kind not in ("index", "data") and any(child.hex == hex_ for child in parent.children) for parent in parents)


class Layouts:
    def __init__(self, program, work):
        self.program, self.work = program, work

    def run(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    def expect(self, code, *arguments):
        got, out, err = self.run(*arguments)
        if got != code:
            raise Failure(f"exit status {got}, not {code}: {' '.join(map(str, arguments))}\n{out}{err}")
        return out + err

    @staticmethod
    def state(path):
        return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}

    @staticmethod
    def stored(path):
        return {file.name: file.read_bytes() for file in (path / "blobs/sha256").iterdir()}

    @staticmethod
    def entries(path):
        return json.loads((path / "index.json").read_text())["manifests"]

    def clone(self, source, name):
        shutil.rmtree(self.work / name, ignore_errors=True)
        shutil.copytree(source, self.work / name, symlinks=True)
        return self.work / name

    def check(self, seed):
        maker = Maker(seed)
        path = self.work / "layout"
        maker.write(path)
        before = self.state(path)
        model = Model(maker.blobs, maker.entries)
        self.check_fsck(maker, model, path)
        self.check_copy(maker, model, path)
        self.check_gc(model, path)
        self.check_damage(maker, model, path)
        self.check_ref(maker, path)
        if self.state(path) != before:
            raise Failure("the layout itself changed")

    @staticmethod
    def absent_in(maker, model):
        """Returns the absent children of reachable indexes."""
        named = {hex_ for parent in model.reachable() if model.blobs[parent].kind == "index"
                 for hex_ in DIGEST.findall(json.dumps(json.loads(model.blobs[parent].content)["manifests"]))}
        return {hex_ for hex_ in named if hex_ not in maker.blobs}

    def check_fsck(self, maker, model, path):
        code, out, err = self.run("fsck", "--json", "--no-progress", path)
        report = json.loads(out)
        # Layers are random bytes, so the configs' diffIDs are wrong.
        problems = [problem for problem in report["problems"] if problem["kind"] not in ("broken-layer", "wrong-diff-id")]
        if problems:
            raise Failure(f"fsck {code}: {problems}\n{err}")
        absent = {child["digest"].split(":")[1] for child in report["absent"]}
        if absent != self.absent_in(maker, model):
            raise Failure(f"absent: {absent}, not {self.absent_in(maker, model)}")

    def check_copy(self, maker, model, path):
        target, archive = self.work / "target", self.work / "target.tar"
        is_sparse = any(True for parent in model.copied() if model.blobs[parent].kind == "index"
                        for hex_ in DIGEST.findall(json.dumps(json.loads(model.blobs[parent].content)["manifests"]))
                        if hex_ not in maker.blobs)
        arguments = ["copy", "--no-progress"]
        if is_sparse:
            self.expect(NOT_FOUND, *arguments, path, target)
            if target.exists() and self.entries(target):
                raise Failure("a refused copy named something")
            shutil.rmtree(target, ignore_errors=True)
            arguments.append("--all-present")
        self.expect(0, *arguments, path, target)
        self.expect(0, *arguments, path, "oci-archive:" + str(archive))
        unpacked = self.work / "unpacked"
        unpacked.mkdir()
        subprocess.run(["tar", "-xf", archive, "-C", unpacked], check=True)
        for copy in target, unpacked:
            entries = self.entries(copy)
            # An entry without a media type gets the media type of its document.
            same = [{name: value for name, value in entry.items() if name != "mediaType" or name in before}
                    for entry, before in zip(entries, maker.entries)]
            if same != maker.entries:
                raise Failure(f"{copy.name}: entries {json.dumps(entries)}\nnot {json.dumps(maker.entries)}")
            stored = self.stored(copy)
            for hex_ in model.copied():
                if stored.get(hex_) != maker.blobs[hex_].content:
                    raise Failure(f"{copy.name}: {hex_} ({maker.blobs[hex_].kind}) was left behind")
            # A blob that only an unknown document mentions is copied with everything that it mentions.
            more = set(stored) - model.closure(model.copied(), lambda blob: model.led_to(blob) | blob.mentioned())
            if more:
                raise Failure(f"{copy.name}: has {more}")
        # A second copy must change nothing.
        before = self.state(target)
        self.expect(0, *arguments, path, target)
        if self.state(target) != before:
            raise Failure("a second copy changed something")

    def check_gc(self, model, path):
        copy = self.clone(path, "collected")
        before, index = self.stored(copy), (copy / "index.json").read_text()
        self.expect(0, "gc", "--grace", "0", copy)
        kept = model.kept(index)
        if (copy / "index.json").read_text() != index:
            raise Failure("gc changed index.json")
        after = self.stored(copy)
        if after != {hex_: content for hex_, content in before.items() if hex_ in kept}:
            raise Failure(f"gc kept {set(after) - kept}, removed {kept - set(after)}")

    def check_damage(self, maker, model, path):
        copy = self.clone(path, "damaged")
        victim = maker.rnd.choice(list(maker.blobs.values()))
        file = copy / "blobs/sha256" / victim.hex
        if maker.chance(50):
            content = bytearray(victim.content)
            content[maker.rnd.randrange(len(content))] ^= 1 << maker.rnd.randrange(8)
            file.write_bytes(bytes(content[:maker.rnd.choice([len(content), len(content) - 1])]))
            out = self.expect(CORRUPT, "fsck", "--no-progress", copy)
            if f"wrong-digest: {victim.digest}" not in out:
                raise Failure(f"fsck does not find damaged {victim.digest}: {out}")
            blobs = maker.blobs
        else:
            file.unlink()
            _, out, err = self.run("fsck", "--no-progress", copy)
            blobs = {hex_: blob for hex_, blob in maker.blobs.items() if hex_ != victim.hex}
            is_told = f"missing-blob: {victim.digest}" in out
            if is_told != model.required(victim.hex):
                raise Failure(f"missing {victim.kind} {victim.digest}: fsck prints {out}{err}")
            is_absent = f"absent: {victim.digest}" in out
            if is_absent != (not is_told and victim.hex in self.absent_in(
                    type("Now", (), {"blobs": blobs}), Model(blobs, maker.entries))):
                raise Failure(f"absent {victim.kind} {victim.digest}: fsck prints {out}{err}")
        # Even if gc refuses, it must not remove a blob in use.
        before = self.stored(copy)
        self.run("gc", "--grace", "0", copy)
        kept = Model(blobs, maker.entries).kept((copy / "index.json").read_text())
        lost = {hex_ for hex_ in before if hex_ in kept} - set(self.stored(copy))
        if lost:
            raise Failure(f"gc of a damaged layout removed {lost}")

    def check_ref(self, maker, path):
        copy = self.clone(path, "named")
        blob = maker.rnd.choice([blob for blob in maker.blobs.values() if blob.kind in ("manifest", "index")])
        self.expect(0, "ref", "put", copy, "made:here", blob.digest)
        entries = self.entries(copy)
        if entries[:-1] != maker.entries or entries[-1]["digest"] != blob.digest:
            raise Failure(f"ref put made {json.dumps(entries)} of {json.dumps(maker.entries)}")
        self.expect(0, "ref", "rm", copy, "made:here")
        names = [entry.get("annotations", {}).get(REF_NAME) for entry in maker.entries]
        for name in {name for name in names if name}:
            before = self.entries(copy)
            code, out, err = self.run("ref", "rm", copy, name)
            after = self.entries(copy)
            removed = [entry for entry in before if entry not in after]
            if code == AMBIGUOUS and after == before:
                continue
            same = [entry for entry in before if entry.get("annotations", {}).get(REF_NAME) == name]
            # Repeated entries of one image count once.
            images = {(entry["digest"], entry["annotations"].get(FULL_NAME)) for entry in same}
            if code != 0 or len(images) != 1 or removed != same:
                raise Failure(f"ref rm {name}: {code}, removed {json.dumps(removed)}\n{out}{err}")


def main():
    program, work, keep = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    count = 10_000 if os.environ.get("LAYOUTFS_TEST_FULL") else 100
    first = random.SystemRandom().randrange(1 << 30)
    seeds = [int(os.environ["LAYOUTFS_TEST_SEED"])] if os.environ.get("LAYOUTFS_TEST_SEED") else range(first, first + count)
    failed = 0
    print(f"seeds from {seeds[0]}, {len(seeds)} of them")
    for seed in seeds:
        place = work / str(seed)
        place.mkdir()
        try:
            Layouts(program, place).check(seed)
        except Failure as failure:
            failed += 1
            kept = keep / f"layoutfs-random-layout-{seed}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(place, kept, symlinks=True)
            print(f"LAYOUTFS_TEST_SEED={seed} fails, kept in {kept}: {failure}")
            if failed == 5:
                break
        shutil.rmtree(place)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
