#!/usr/bin/env python3
"""Compare a mounted (or unpacked) image with its expected.json.

usage: check-tree.py EXPECTED.json ROOT [--ref REF] [--ignore KEY,KEY...]
       check-tree.py --dump ROOT        print ROOT as such a tree
       check-tree.py --same ROOT ROOT   compare two trees with each other, their roots included

Prints one line for each difference; exits with 0 if there is none.  Needs root to see everything.  KEYs are
those of a path: mode, mtime_ns, nlink, xattrs, ...; dir-mtime is the mtime of directories only, and root
is all of the root directory.  trusted.* xattrs are ignored.
"""
import argparse
import hashlib
import json
import os
import stat
import sys

from ocilib import quote

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def sha256(name, fd):
    digest, size = hashlib.sha256(), 0
    with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb") as f:
        while chunk := f.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def pieces(name, fd, reads):
    """Repeats the same reads, and returns their results."""
    try:
        with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb") as f:
            return [[at, os.pread(f.fileno(), len(data) // 2, at).hex()] for at, data in reads]
    except OSError as err:
        return "unreadable: " + err.strerror


def describe(name, fd, content, sums):
    st = os.stat(name, dir_fd=fd, follow_symlinks=False)
    kind = KINDS[stat.S_IFMT(st.st_mode)]
    d = {
        "type": kind,
        "mode": "%04o" % stat.S_IMODE(st.st_mode),
        "uid": st.st_uid,
        "gid": st.st_gid,
        "mtime_ns": st.st_mtime_ns,
    }
    if kind == "file":
        d["size"] = st.st_size
        if content:
            try:
                if st.st_ino not in sums:
                    sums[st.st_ino] = sha256(name, fd)
                d["sha256"], got = sums[st.st_ino]
                if got != st.st_size:
                    d["sha256"] += " (%d bytes read)" % got
            except OSError as err:
                d["sha256"] = "unreadable: " + err.strerror
    elif kind == "symlink":
        d["target"] = quote(os.readlink(name, dir_fd=fd))
        del d["mode"]
    elif kind in ("char", "block"):
        d["rdev"] = [os.major(st.st_rdev), os.minor(st.st_rdev)]
    if kind != "dir":
        d["nlink"] = st.st_nlink
    path = b"/proc/self/fd/%d/%s" % (fd, name)
    try:
        names = os.listxattr(path, follow_symlinks=False)
        d["xattrs"] = {
            k: os.getxattr(path, k, follow_symlinks=False).hex()
            for k in names
            if k != "security.selinux" and not k.startswith("trusted.")
        }
    except OSError as err:
        d["xattrs"] = err.strerror
    return d, st.st_ino


def walk(root, mount=None):
    """Returns path -> description; files with several names get same_inode.  With a mount, reads
    only its files.  A file with several names is read once."""
    found, inodes, sums = {}, {}, {}

    def visit(name, fd, path):
        key = quote(path) or "."
        want = {"sha256": 1} if mount is None else mount["tree"].get(key, {})
        try:
            found[key], ino = describe(name, fd, "sha256" in want, sums)
        except OSError as err:
            found[key] = {"type": "listed, but: " + err.strerror}
            return
        if "reads" in want:
            found[key]["reads"] = pieces(name, fd, want["reads"])
        if found[key].get("nlink", 1) > 1:
            found[key]["same_inode"] = inodes.setdefault(ino, len(inodes) + 1)
        if found[key]["type"] == "dir":
            sub = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            try:
                for child in sorted(os.fsencode(e) for e in os.listdir(sub)):
                    visit(child, sub, path + b"/" + child if path else child)
            finally:
                os.close(sub)

    sys.setrecursionlimit(10000)
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        visit(b".", fd, b"")
    finally:
        os.close(fd)
    return found


def compare(mount, found, ignore=()):
    """Yields differences."""
    want = mount["tree"]
    if not mount.get("partial"):
        for path in sorted(found.keys() - want.keys() - {".", *mount.get("optional", ())}):
            yield f"{path}: not expected here ({found[path]['type']})"
    if "count" in mount and len(found) - 1 != mount["count"]:
        yield f"{len(found) - 1} paths, expected {mount['count']}"
    twins = {}
    for path, w in want.items():
        if path not in found:
            if path not in mount.get("optional", ()):
                yield f"{path}: missing ({w['type']})"
            continue
        f = found[path]
        if path == "." and "root" in ignore:
            continue
        for key in {"xattrs": {}, **w}:
            if key in ignore or key == "same_inode":
                continue
            if key == "mtime_ns" and w["type"] == "dir" and "dir-mtime" in ignore:
                continue
            have, need = f.get(key), w.get(key, {})
            if have != need:
                yield f"{path}: {key} is {have}, expected {need}"
        if "same_inode" in w and "nlink" not in ignore:
            group = f.get("same_inode")
            if twins.setdefault(w["same_inode"], group) != group or group is None:
                yield f"{path}: not the same file as its other names"


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("--dump", metavar="ROOT")
    ap.add_argument("--same", nargs=2, metavar="ROOT")
    ap.add_argument("expected", nargs="?")
    ap.add_argument("root", nargs="?")
    ap.add_argument("--ref", help="which of several mounts")
    ap.add_argument("--ignore", default="")
    args = ap.parse_args()
    if args.dump:
        json.dump(walk(args.dump), sys.stdout, indent=1)
        return print()
    if args.same:
        mount, found = {"tree": walk(args.same[0])}, walk(args.same[1])
    elif not args.root:
        ap.error("EXPECTED.json and ROOT are needed")
    else:
        with open(args.expected) as f:
            mounts = [m for m in json.load(f)["mounts"] if args.ref in (None, m.get("ref"))]
        if not mounts or "tree" not in mounts[0]:
            sys.exit("nothing in there says what that tree should be")
        mount, found = mounts[0], walk(args.root, mounts[0])
    differences = list(compare(mount, found, args.ignore.split(",")))
    print("\n".join(differences) if differences else "same")
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
