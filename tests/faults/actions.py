"""The actions that are interrupted or get errors, their initial layouts, and functions that run them."""
import dataclasses
import hashlib
import json
import os
import subprocess
import time

import layout_state

PROGRAM = os.environ["STORE_ACTIONS"]
FAULTS = os.environ["FAULTS"]
PATIENCE = 300  # seconds until a run counts as hanging

CONTENT = hashlib.shake_256(b"content").digest(2_600_000)  # several writes
KNOWN = b"a blob that is there"
OTHER = b"another blob that is there"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def blob_file(digest):
    return "blobs/" + digest.replace(":", "/")


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def descriptor_of(content):
    media_type = "application/vnd.oci.image.manifest.v1+json"
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def write_layout(path, has_refs_dir=False):
    """Makes a layout with two blobs and two references."""
    write(f"{path}/oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    for content in (KNOWN, OTHER):
        write(f"{path}/{blob_file(digest_of(content))}", content)
    if has_refs_dir:
        for name in ("kept", "old"):
            write(f"{path}/refs/{name}", json.dumps(descriptor_of(KNOWN)).encode())
        return
    entries = [{**descriptor_of(KNOWN), "annotations": {layout_state.NAME: name}} for name in ("kept", "old")]
    index = {"schemaVersion": 2, "manifests": entries, "annotations": {"who": "somebody"}}
    write(f"{path}/index.json", json.dumps(index).encode())


def write_damaged(path, has_refs_dir=False):
    """Makes a layout after the disk has lost the content of a blob, but not its size."""
    write_layout(path, has_refs_dir)
    write(f"{path}/{blob_file(digest_of(KNOWN))}", bytes(len(KNOWN)))


def write_without_blob_folder(path):
    write(f"{path}/oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    write(f"{path}/index.json", b'{"schemaVersion":2,"manifests":[]}')
    os.makedirs(f"{path}/blobs")


def write_littered(path, has_refs_dir=False):
    write_layout(path, has_refs_dir)
    write(f"{path}/.oci-0123456789abcdef/b-0", b"half of a")
    write(f"{path}/.oci-0123456789abcdef/b-1", b"half of another")
    os.makedirs(f"{path}/.oci-fedcba9876543210")
    write(f"{path}/index.json.tmp-1", b'{"schem')
    old = time.time() - 3600
    os.utime(f"{path}/index.json.tmp-1", (old, old))


def write_unfinished(path):
    """Makes the remains of an unfinished layout after a crash."""
    os.makedirs(f"{path}/blobs")
    write(f"{path}/.oci-0123456789abcdef/b-0", b'{"schem')


def write_nothing(path):
    pass


@dataclasses.dataclass(frozen=True)
class Action:
    name: str
    arguments: tuple
    prepare: object = write_layout
    has_refs_dir: bool = False
    stdin: bytes = b""
    rules: tuple = ()  # for every run: features that this file system lacks
    again: int = 0  # the exit code once it is done
    has_steps: bool = False  # whether some of its blobs may exist without the others

    def write_template(self, path):
        if self.prepare in (write_layout, write_damaged, write_littered):
            self.prepare(path, self.has_refs_dir)
        else:
            self.prepare(path)


REFERENCE = (digest_of(OTHER), str(len(OTHER)))

ACTIONS = [
    Action("put", ("put",), stdin=CONTENT),
    Action("put what is there", ("put",), stdin=KNOWN),
    Action("put what is damaged", ("put",), write_damaged, stdin=KNOWN),
    Action("put what is damaged where there are no links", ("put",), write_damaged, stdin=KNOWN, rules=("linkat:1:EPERM:on",)),
    Action("put a batch in which a blob is damaged", ("put-batch",), write_damaged, stdin=CONTENT + KNOWN,
           has_steps=True),
    Action("put the first blob", ("put",), write_without_blob_folder, stdin=b"first"),
    Action("put where there are no links", ("put",), stdin=b"new", rules=("linkat:1:EPERM:on",)),
    Action("put where nothing is linked or renamed to a new name only", ("put",), stdin=b"new",
           rules=("linkat:1:EPERM:on", "renameat2:1:EINVAL:on")),
    Action("put a batch", ("put-batch",), stdin=CONTENT + KNOWN, has_steps=True),
    Action("put the first blobs in a batch", ("put-batch",), write_without_blob_folder, stdin=b"first, and others behind it",
           has_steps=True),
    Action("put JSON", ("put-json",), stdin=b'{"b":1,"a":[]}'),
    Action("put a reference where there are no locks", ("put-ref", "new", *REFERENCE), rules=("flock:1:ENOLCK",)),
    Action("delete a blob", ("delete-blob", digest_of(OTHER))),
    Action("clean", ("clean",), write_littered),
]
for has_refs in (False, True):
    kind, suffix = ("refs", " in refs") if has_refs else ("index", " in index.json")
    ACTIONS += [
        Action("put a reference" + suffix, ("put-ref", "new", *REFERENCE), has_refs_dir=has_refs),
        Action("replace a reference" + suffix, ("replace-ref", "old", *REFERENCE), has_refs_dir=has_refs),
        Action("delete a reference" + suffix, ("delete-ref", "old"), has_refs_dir=has_refs),
        Action("create with references" + suffix, ("create", kind), write_nothing, has_refs, again=4),
        Action("create where nothing is renamed to a new name only" + suffix, ("create", kind), write_nothing, has_refs,
               rules=("renameat2:1:EINVAL:on",), again=4),
        Action("complete an empty directory" + suffix, ("complete", kind), os.makedirs, has_refs),
        Action("complete what a crash has left" + suffix, ("complete", kind), write_unfinished, has_refs),
    ]


def environment_of(layout, rules=(), log=None):
    """Returns the environment of an action. `rules` are the faults of libfaults.so below the directory of `layout`."""
    environment = dict(os.environ)
    if rules or log:
        environment["LD_PRELOAD"] = FAULTS
        environment["LAYOUTFS_FAULT_DIR"] = os.path.dirname(layout)
        environment["LAYOUTFS_FAULT"] = ",".join(rules)
        # The sanitizer's runtime is loaded after the library, which is harmless.
        options = [environment.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"]
        environment["ASAN_OPTIONS"] = ":".join(filter(None, options))
    if log:
        environment["LAYOUTFS_FAULT_LOG"] = log
    return environment


def run(layout, arguments, stdin=b"", rules=(), log=None):
    """Runs an action to its end."""
    environment = environment_of(layout, rules, log)
    return subprocess.run(
        [PROGRAM, layout, *arguments], input=stdin, env=environment, capture_output=True, timeout=PATIENCE, check=False)


@dataclasses.dataclass(frozen=True)
class Call:
    name: str
    error: int
    path: str
    more: str


def read_log(path):
    """Returns the calls of a run."""
    with open(path, encoding="utf-8") as file:
        return [Call(name, int(error), *paths) for name, error, *paths in (line[:-1].split("\t") for line in file)]
