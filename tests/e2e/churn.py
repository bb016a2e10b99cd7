#!/usr/bin/env python3
"""Many readers of a mounted layout while tags are added and removed and garbage is collected.

usage: churn.py make LAYOUT
         writes a layout with the image "stays"
       churn.py run LAYOUT MOUNT PROGRAM CLIENTS TAGS SEED
         adds and removes TAGS tags, with gc by PROGRAM in between, while CLIENTS read; ends with a line
         of counts

Every file contains its number and the SHA-256 of its content, so a reader detects wrong bytes without other
knowledge.
"""
import collections
import errno
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
from ocilib import Layout, Tar, as_layer, noise, text  # noqa: E402

IMAGES = 40  # all different; a tag names one of them
FILES = 60
# Permitted errors if a tag or a blob has just been removed.
GONE = (errno.ENOENT, errno.ESTALE, errno.EIO)


def marked(name, body):
    return f"{name} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def is_right(name, content):
    head, _, body = content.partition(b"\n")
    return head == f"{name} {hashlib.sha256(body).hexdigest()}".encode()


def shared_layer():
    rnd = random.Random(1)
    tar = Tar().dir("shared")
    for number in range(FILES):
        body = text(rnd.randrange(1, 200_000), number) + noise(rnd.randrange(100_000), number)
        tar.file(f"shared/{number}", marked(f"shared/{number}", body))
    return as_layer(tar)


def images():
    """Returns the blobs of the images, their descriptors, and the descriptor of "stays", an additional image."""
    layout = Layout()
    shared = shared_layer()
    made = []
    for number in range(IMAGES + 1):
        name = "own/stays" if number == IMAGES else f"own/{number}"
        own = Tar().dir("own").file(name, marked(name, text(50_000, 1000 + number)))
        made.append(layout.image([shared, own]))
    return layout.blobs, made[:IMAGES], made[IMAGES]


def tagged(descriptor, tag):
    return {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}


def write(path, content):
    """Replaces the file by a rename, as other programs do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.rename(path)


class Writer:
    def __init__(self, layout, program):
        self.layout, self.program = layout, program
        self.blobs, self.images, stays = images()
        self.always = tagged(stays, "stays")
        self.tags = {}

    def put_blobs(self, digest):
        """Writes the blobs of an image if gc has removed them."""
        manifest = json.loads(self.blobs[digest])
        for blob in [part["digest"] for part in [manifest["config"], *manifest["layers"]]] + [digest]:
            path = self.layout / "blobs" / blob.replace(":", "/")
            if not path.exists():
                write(path, self.blobs[blob])

    def write_index(self):
        entries = [self.always, *(tagged(image, tag) for tag, image in self.tags.items())]
        index = {"schemaVersion": 2, "manifests": entries}
        write(self.layout / "index.json", json.dumps(index).encode())

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit(f"layoutfs {' '.join(arguments)}: {done.stderr}")

    def change(self, number, rnd):
        """Adds a tag, and removes one if there are many; sometimes with the program itself."""
        image = rnd.choice(self.images)
        self.put_blobs(image["digest"])
        tag = f"tags/{rnd.randrange(20)}/{number}"
        is_by_program = number % 50 == 0
        self.tags[tag] = image
        if is_by_program:
            self.run("ref", "put", str(self.layout), tag, image["digest"])
        else:
            self.write_index()
        if len(self.tags) > 30:
            gone = rnd.choice(list(self.tags))
            del self.tags[gone]
            if is_by_program:
                self.run("ref", "rm", str(self.layout), gone)
            else:
                self.write_index()
        if number % 100 == 99:
            self.run("gc", "--grace", "0", str(self.layout))


class Client:
    def __init__(self, mount, rnd):
        self.mount, self.rnd = mount, rnd
        self.done = collections.Counter()

    def one(self):
        action = self.rnd.choice([self.stays, self.stays, self.tag, self.tag, self.blob, self.index])
        try:
            action()
            self.done[action.__name__] += 1
        except OSError as error:
            if action in (self.stays, self.index) or error.errno not in GONE:
                raise
            self.done["gone"] += 1

    def check(self, directory, name):
        content = (directory / name).read_bytes()
        if not is_right(name, content):
            sys.exit(f"{directory / name}: wrong bytes, {len(content)} of them: {content[:100]}")

    def stays(self):
        name = self.rnd.choice(["own/stays", *(f"shared/{number}" for number in range(FILES))])
        self.check(self.mount / "refs/stays/rootfs", name)

    def tag(self):
        """Reads any tag: a file of its own, or one that all images share."""
        folder = self.mount / "refs/tags" / self.rnd.choice(os.listdir(self.mount / "refs/tags"))
        tags = os.listdir(folder)
        if tags:
            root = folder / self.rnd.choice(tags) / "rootfs"
            own = os.listdir(root / "own")
            self.check(root, self.rnd.choice([f"own/{own[0]}", f"shared/{self.rnd.randrange(FILES)}"]))

    def blob(self):
        """Reads a blob. Its name identifies the right content."""
        name = self.rnd.choice(os.listdir(self.mount / "blobs/sha256"))
        content = (self.mount / "blobs/sha256" / name).read_bytes()
        # Ignores a blob that is being written: it has another name.
        if len(name) == 64 and hashlib.sha256(content).hexdigest() != name:
            sys.exit(f"blob {name}: wrong bytes, {len(content)} of them")

    def index(self):
        entries = json.loads((self.mount / "index.json").read_bytes())["manifests"]
        if not any(entry["annotations"]["org.opencontainers.image.ref.name"] == "stays" for entry in entries):
            sys.exit("index.json lacks a tag that was always there")


def run(layout, mount, program, clients, tags, seed):
    stop_read, stop_write = os.pipe()
    readers = []
    for number in range(clients):
        child = os.fork()
        if child == 0:
            os.close(stop_write)
            os.set_blocking(stop_read, False)
            client = Client(mount, random.Random(seed + number))
            while True:
                client.one()
                try:
                    if not os.read(stop_read, 1):
                        break
                except BlockingIOError:
                    continue
            with open(layout.parent / "done", "a") as done:
                done.write(json.dumps(client.done) + "\n")
            os._exit(0)
        readers.append(child)
    os.close(stop_read)
    writer, rnd = Writer(layout, program), random.Random(seed)
    for number in range(tags):
        writer.change(number, rnd)
    os.close(stop_write)
    statuses = [os.waitpid(reader, 0)[1] for reader in readers]
    if any(statuses):
        sys.exit(f"{sum(status != 0 for status in statuses)} of {clients} readers failed")
    done = sum((collections.Counter(json.loads(line)) for line in open(layout.parent / "done")), collections.Counter())
    if min(done[action] for action in ("stays", "tag", "blob", "index")) == 0:
        sys.exit(f"not everything was done: {dict(done)}")
    print(dict(done))
    expected = sorted([*writer.tags, "stays"])
    until = time.monotonic() + 60
    while sorted(names_below(mount / "refs")) != expected:
        if time.monotonic() > until:
            sys.exit("refs/ is not what it should be at the end")
        time.sleep(0.1)


def names_below(refs):
    for directory, folders, _ in os.walk(refs):
        for name in folders:
            path = os.path.join(directory, name)
            if os.path.islink(path):
                yield os.path.relpath(path, refs)


if __name__ == "__main__":
    command, layout = sys.argv[1], pathlib.Path(sys.argv[2])
    if command == "make":
        made = Layout()
        made.blobs, _, stays = images()
        made.manifests.append(tagged(stays, "stays"))
        made.write(layout)
    else:
        mount, program = pathlib.Path(sys.argv[3]), sys.argv[4]
        run(layout, mount, program, *map(int, sys.argv[5:8]))
