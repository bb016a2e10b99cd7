#!/usr/bin/env python3
"""Compare `layoutfs du --json --all` with a slow model: it unpacks the tars of the layers one after the other, and counts.

usage: usage_model.py LAYOUT REF < OUTPUT_OF_DU

Prints each difference, and exits with 1 if there is one. Knows no sparse files. Standard library only.
"""
import json
import os
import pathlib
import sys
import tarfile

layout, reference = pathlib.Path(sys.argv[1]), sys.argv[2]
blob = lambda descriptor: layout / "blobs" / descriptor["digest"].replace(":", "/")
shown = json.load(sys.stdin)
problems = []


def equal(subject, expected, got):
    if expected != got:
        problems.append(f"{subject}: expected {expected}, got {got}")


index = json.loads((layout / "index.json").read_text())
entry = next(e for e in index["manifests"] if e.get("annotations", {}).get("org.opencontainers.image.ref.name") == reference)
manifest = json.loads(blob(entry).read_text())

# The content of each path: [layer, number of the content, size], shared by hard links. A directory is None.
tree, contents = {"": None}, []
for number, layer in enumerate(manifest["layers"]):
    below = set(tree)  # whiteouts act on lower layers only
    own = set()

    def remove(path):
        for each in [p for p in tree if (p == path or p.startswith(path + "/")) and p in below and p not in own]:
            # A directory with files of this layer stays.
            if tree[each] is not None or not any(p.startswith(each + "/") for p in own):
                del tree[each]

    with tarfile.open(blob(layer), errors="surrogateescape") as tar:
        for member in tar:
            parent, _, name = member.name.rpartition("/")
            if name == ".wh..wh..opq":
                for child in [p for p in tree if p.rpartition("/")[0] == parent and p]:
                    remove(child)
                continue
            if name.startswith(".wh."):
                remove((parent + "/" if parent else "") + name[4:])
                continue
            while parent and parent not in tree:
                tree[parent] = None
                own.add(parent)
                parent = parent.rpartition("/")[0]
            if member.isdir():
                tree[member.name] = None
            elif member.islnk():
                tree[member.name] = tree[member.linkname]
            else:
                size = member.size if member.isreg() else -1
                contents.append([number, len(contents), size, member.name])
                tree[member.name] = contents[-1]
            own.add(member.name)

visible = {id(c): c for c in tree.values() if c is not None}
sizes = lambda some: sum(c[2] for c in some if c[2] > 0)
equal("bytes", sizes(contents), shown["bytes"])
equal("visibleBytes", sizes(visible.values()), shown["visibleBytes"])
equal("wastedBytes", sizes(c for c in contents if id(c) not in visible), shown["wastedBytes"])
for number, layer in enumerate(shown["layers"]):
    of_layer = [c for c in contents if c[0] == number]
    equal(f"bytes of layer {number}", sizes(of_layer), layer["bytes"])
    equal(f"wastedBytes of layer {number}", sizes(c for c in of_layer if id(c) not in visible), layer["wastedBytes"])
    equal(f"digest of layer {number}", manifest["layers"][number]["digest"], layer["digest"])
    equal(f"createdBy of layer {number}", f"step {number}", layer["createdBy"])

wasted = {}
for layer, _, size, path in contents:
    if size > 0 and not any(c[1] == _ for c in visible.values()):
        count = wasted.setdefault("/" + path, [0, 0, 0])
        wasted["/" + path] = [count[0] + size, count[1] + 1, layer]
name_of = lambda each: os.fsdecode(__import__("base64").b64decode(each["pathBase64"])) if "pathBase64" in each else each["path"]
equal("wasted paths", wasted, {name_of(w): [w["bytes"], w["copies"], w["layer"]] for w in shown["wasted"]})
order = [w["bytes"] for w in shown["wasted"]]
equal("order of wasted paths", sorted(order, reverse=True), order)

# Each content counts at its first name: the one with the fewest directories, then in byte order of each component.
counted, expected = set(), {}
rank = lambda path: (path.count("/"), [os.fsencode(part) for part in path.split("/")]) if path else (-1, [])
for path in sorted(tree, key=rank):
    own = tree[path]
    if own is None:
        expected.setdefault("/" + path, ["directory", 0, 0])
    elif own[2] >= 0 and own[1] not in counted:
        counted.add(own[1])
        expected["/" + path] = ["file", own[2], 1]
        while path:
            path = path.rpartition("/")[0]
            above = expected.setdefault("/" + path, ["directory", 0, 0])
            above[1] += own[2]
            above[2] += 1
equal("files and directories", expected, {name_of(f): [f["type"], f["bytes"], f["files"]] for f in shown["files"]})
for each in shown["files"]:
    equal(f"bytes by layer of {each['path']}", each["bytes"], sum(layer["bytes"] for layer in each["layers"]))

print("\n".join(problem[:2000] for problem in problems), end="\n" if problems else "")
sys.exit(bool(problems))
