#!/usr/bin/env python3
"""Write extended attributes into layers, and read those of a mounted tree.

usage: attributes.py make OUT ARCHITECTURE   write the layout that attributes.sh mounts
       attributes.py read DIR                read every listed attribute below DIR; print a line for each that
                                             cannot be read, and exit with 1 if there are any
       attributes.py names FILE              print the listed names, sorted
"""
import os
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))

from ocilib import Layout, Tar  # noqa: E402

NOBODY = 0xFFFFFFFF
OWNER, USER, GROUP, NAMED_GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def acl(*entries):
    whole = [entry if len(entry) == 3 else (*entry, NOBODY) for entry in entries]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in whole)


# user::rw-, user:5:r--, group::---, mask::r--, other::---
READER = acl((OWNER, 6), (USER, 4, 5), (GROUP, 0), (MASK, 4), (OTHER, 0))
# user::rwx, group::r-x, group:4:r-x, mask::r-x, other::---
ENTERING = acl((OWNER, 7), (GROUP, 5), (NAMED_GROUP, 5, 4), (MASK, 5), (OTHER, 0))
# user::rw-, user:5:---, group::r--, mask::r--, other::r--
DENIED = acl((OWNER, 6), (USER, 0, 5), (GROUP, 4), (MASK, 4), (OTHER, 4))
TOO_MANY = acl((OWNER, 6), *((USER, 4, i) for i in range(5, 1000)), (GROUP, 0), (MASK, 4), (OTHER, 0))


def odd():
    every = {"security.label": b"l\0", "trusted.note": b"t", "user.note": b"u"}
    tar = Tar().dir("kinds", xattrs=every).file("kinds/file", "x", xattrs=every)
    tar.symlink("kinds/link", "file", xattrs=every).add("kinds/pipe", "fifo", xattrs=every)
    tar.add("kinds/null", "char", rdev=(1, 3), xattrs=every)
    tar.add("kinds/disk", "block", rdev=(7, 200), xattrs=every)
    names = ["foo.bar", "user.", "trusted.", "security.", "user", "system.nfs4_acl", "com.apple.provenance"]
    names.append("user." + "n" * 251)
    tar.dir("odd").file("odd/names", xattrs={**dict.fromkeys(names, b"v"), "user.good": b"g"})
    tar.file("odd/values", xattrs={"user.largest": b"v" * 65536, "user.larger": b"v" * 65537})
    tar.file("odd/many", xattrs={"user.%04d" % i + "n" * 200: b"v" for i in range(400)})
    tar.file("odd/capability", xattrs={"security.capability": b"\1\0\0\2" + b"\0" * 15})
    tar.file("odd/first", xattrs={"security.capability": b"\1\0\0\1" + b"\0" * 8})
    tar.file("odd/acl", mode=0o644, xattrs={ACCESS: b"\2\0\0\0\1"})
    tar.file("odd/order", mode=0o644, xattrs={ACCESS: acl((OTHER, 7), (GROUP, 7), (OWNER, 7))})
    tar.symlink("odd/link", "acl", xattrs={ACCESS: READER})
    tar.file("odd/default", mode=0o644, xattrs={DEFAULT: READER})
    return tar


def overlay():
    low = Tar().dir("d").file("d/low", "1").dir("real").file("real/f", "2")
    up = Tar().dir("d", xattrs={"trusted.overlay.opaque": b"y", "user.overlay.opaque": b"y"}).file("d/up", "3")
    up.dir("moved", xattrs={"trusted.overlay.redirect": b"/real", "user.overlay.redirect": b"/real"})
    marks = {"metacopy": b"", "origin": b"\0\xfb\x1d\0\1" + b"\1" * 24, "impure": b"y", "protattr": b"i"}
    marks = {space + name: value for name, value in marks.items() for space in ("trusted.overlay.", "user.overlay.")}
    up.file("meta", "4", xattrs={**marks, "user.keep": b"k", "trusted.overlayed": b"k"})
    up.file("note", "5", xattrs={"trusted.note": b"t", "security.label": b"l"})
    return [low, up]


def lists():
    tar = Tar().file("secret", "s", mode=0o640, xattrs={ACCESS: READER})
    tar.dir("journal", mode=0o750, xattrs={ACCESS: ENTERING, DEFAULT: ENTERING}).file("journal/f", "j")
    tar.file("denied", "d", mode=0o644, xattrs={ACCESS: DENIED}).file("plain", "p", mode=0o644)
    tar.file("many", "m", mode=0o640, xattrs={ACCESS: TOO_MANY})
    return tar


def make(out, architecture):
    made = Layout()
    made.tag("odd", made.image([odd()], arch=architecture))
    made.tag("overlay", made.image(overlay(), arch=architecture))
    made.tag("lists", made.image([lists()], arch=architecture))
    busybox = pathlib.Path("/bin/busybox")
    if busybox.exists():
        runs = Tar().dir("bin").file("bin/busybox", busybox.read_bytes(), mode=0o755).symlink("bin/sh", "busybox")
        users = "root:x:0:0::/:/bin/sh\nfive:x:5:4242::/:/bin/sh\nsix:x:6:4242::/:/bin/sh\nmember:x:6:4::/:/bin/sh\n"
        known = Tar().dir("etc").file("etc/passwd", users).file("etc/group", "root:x:0:\n")
        made.tag("lists-runs", made.image([lists(), runs, known], arch=architecture))
        made.tag("overlay-runs", made.image([*overlay(), runs], arch=architecture))
    made.write(out)


def read(top):
    failed = 0
    for directory, directories, files in os.walk(top):
        for path in [directory] + [os.path.join(directory, name) for name in directories + files]:
            for name in os.listxattr(path, follow_symlinks=False):
                try:
                    os.getxattr(path, name, follow_symlinks=False)
                except OSError as error:
                    print("%s: %s: %s" % (path, name, error.strerror))
                    failed = 1
    return failed


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(*sys.argv[2:])
    elif sys.argv[1] == "read":
        sys.exit(read(sys.argv[2]))
    else:
        print(" ".join(sorted(os.listxattr(sys.argv[2], follow_symlinks=False))))
