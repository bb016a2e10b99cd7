"""Layers with unusual entries, attributes or compressions."""
import struct

from ocilib import DOCKER, Layout, Tar, header

from .maker import case, one_image, stored, tagged, zstd

SELINUX = {"security.selinux": b"system_u:object_r:etc_t:s0\0"}
# The tags of an ACL's entries as the kernel stores them.
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER, NOBODY = 1, 2, 4, 8, 0x10, 0x20, 0xFFFFFFFF


def acl(*entries):
    """An ACL as the value of system.posix_acl_access; each entry is (tag, permissions, ID)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@case
def layer_acl(out):
    """a file and a directory with ACLs, as written by GNU tar --acls and for systemd's journal"""
    named = acl((USER_OBJ, 6, NOBODY), (USER, 4, 5), (GROUP_OBJ, 0, NOBODY), (MASK, 4, NOBODY), (OTHER, 0, NOBODY))
    group = acl((USER_OBJ, 7, NOBODY), (GROUP_OBJ, 5, NOBODY), (GROUP, 5, 4), (MASK, 5, NOBODY), (OTHER, 0, NOBODY))
    tar = Tar().file("secret", "s", mode=0o640, xattrs={"system.posix_acl_access": named})
    tar.dir("journal", mode=0o750, xattrs={"system.posix_acl_access": group, "system.posix_acl_default": group})
    tar.file("journal/f", "j")
    text = "user::rw-,user:games:r--:5,group::---,mask::r--,other::---"
    tar.file("text", "t", mode=0o640, pax={"SCHILY.acl.access": text})
    one_image(tar).write(out)


@case
def layer_aufs_plnk(out):
    """docker's old images on aufs: .wh..wh.plnk/ with the content of hard links, .wh..wh.orph, .wh..wh.aufs"""
    tar = Tar().file(".wh..wh.aufs").dir(".wh..wh.orph").dir(".wh..wh.plnk").file(".wh..wh.plnk/12.34", "content", mode=0o755)
    tar.dir("bin").hardlink("bin/a", ".wh..wh.plnk/12.34").hardlink("bin/b", ".wh..wh.plnk/12.34")
    one_image(tar).write(out)


@case
def layer_docker_zstd(out):
    """Docker's media type with zstd (buildkit, oci-mediatypes=false)"""
    layout, kind = Layout(), DOCKER + "distribution.manifest.v2+json"
    layer, diff_id = stored(layout, zstd(Tar().file("f", "x"), media=DOCKER + "image.rootfs.diff.tar.zstd"))
    config = {**layout.config([diff_id]), "mediaType": DOCKER + "container.image.v1+json"}
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}
    layout.tag("latest", layout.json(manifest, kind))
    layout.write(out)


@case
def layer_hardlink_missing_parents(out):
    """hard links below directories without entries in the layer (rules_img)"""
    tar = Tar().file("bin/app", "elf", mode=0o755).file("bin/app.runfiles/_main/main.go", "go")
    tar.hardlink("bin/app.runfiles/_main/app_/app", "bin/app").hardlink("deep/er/app", "/bin/app", mode=0o755)
    one_image(tar).write(out)


@case
def layer_kaniko_root(out):
    """kaniko: an entry for /, absolute targets of hard links, and one layer twice"""
    low = Tar().dir("bin").file("bin/bash", "b", mode=0o755)
    top = Tar().dir("/").dir("/usr").hardlink("/usr/sh", "/bin/bash", mode=0o755).file("opt/wrapper.sh", "w")
    one_image(low, top, top).write(out)


@case
def layer_long_xattrs(out):
    """60 kB of attributes on a file, a name of 255 bytes, an empty value, and two ACLs"""
    entries = (USER_OBJ, 6, NOBODY), (USER, 4, 5), (GROUP_OBJ, 4, NOBODY), (MASK, 4, NOBODY), (OTHER, 4, NOBODY)
    attributes = {
        "SCHILY.xattr.user.big": b"\x00\xff" * 30000,
        "SCHILY.xattr.user." + "n" * 250: "v",
        "SCHILY.xattr.user.empty": "",
        "SCHILY.xattr.system.posix_acl_access": acl(*entries),
        "SCHILY.acl.access": "user::rw-,user:bin:r--,group::r--,mask::r--,other::r--",
        "LIBARCHIVE.xattr.user.base64": "Yg",
    }
    capability = {"security.capability": b"\1\0\0\2\0\x20" + bytes(14)}
    one_image(Tar().file("f", "x", pax=attributes).file("g", "y", xattrs=capability, mode=0o755)).write(out)


def many_files(prefix, count=100_000):
    """A layer of empty files d/PREFIX000000 ..., written fast: only names and checksums differ."""
    block = bytearray(header(b"d/" + prefix + b"000000"))
    total, at, parts = sum(block[:148]) + 8 * 32 + sum(block[156:]) - 6 * ord("0"), 2 + len(prefix), []
    for number in range(count):
        digits = b"%06d" % number
        block[at : at + 6], block[148:156] = digits, b"%06o\0 " % (total + sum(digits))
        parts.append(bytes(block))
    return Tar().dir("d").raw(b"".join(parts))


@case
def layer_many_whiteouts(out):
    """100,000 files in one directory, whiteouts of all, and 100,000 whiteouts of missing files"""
    layers = [many_files(prefix) for prefix in (b"f", b".wh.f", b".wh.g")]
    one_image(*layers, Tar().file("d/left", "1")).write(out)


@case
def layer_opaque_over_symlink(out):
    """an opaque directory over a symlink to a directory, with and without an entry for itself"""
    layout = Layout()
    low = Tar().dir("target").file("target/keep.txt", "k").symlink("link", "/target")
    through = Tar().opaque("link").file("link/new.txt", "n")
    layout.tag("entry", layout.image([low, Tar().dir("link").opaque("link").file("link/new.txt", "n")]))
    layout.tag("through", layout.image([low, through]))
    layout.write(out)


@case
def layer_overlay_xattrs(out):
    """packed from an overlay's upper directory, with the attributes that overlayfs reserves"""
    low = Tar().dir("d").file("d/low", "1").dir("real").file("real/f", "2")
    top = Tar().dir("d", xattrs={"trusted.overlay.opaque": b"y", "user.overlay.opaque": b"y"}).file("d/up", "3")
    top.dir("moved", xattrs={"trusted.overlay.redirect": b"/real"})
    origin = b"\0\xfb\x1d\0\1" + b"\1" * 24
    attributes = {"metacopy": b"", "origin": origin, "impure": b"y"}
    attributes = {"trusted.overlay." + name: value for name, value in attributes.items()}
    one_image(low, top.file("meta", "4", xattrs={**attributes, "user.keep": b"k"})).write(out)


@case
def layer_symlink_xattr(out):
    """attributes on symlinks, devices and directories; SELinux labels with the NUL that the kernel appends"""
    tar = Tar().dir("etc", xattrs=SELINUX).file("etc/f", "x", xattrs={**SELINUX, "user.note": b"n"})
    tar.symlink("etc/link", "f", xattrs={**SELINUX, "user.note": b"on a link"})
    tar.add("etc/null", "char", rdev=(1, 3), xattrs=SELINUX).add("etc/fifo", "fifo", xattrs=SELINUX)
    one_image(tar).write(out)


@case
def layer_time_1754(out):
    """a header with a time that is a negative number of 12 bytes: in 1754"""
    tar = Tar().raw(header(b"old", size=1, mtime=bytes.fromhex("fffffffffffffffe6af6f71d")), b"x".ljust(512, b"\0"))
    tar.file("epoch", "y", mtime_ns=0).raw(header(b"d/", b"5", mode=0o755, mtime=-1))
    one_image(tar).write(out)


@case
def layer_whiteout_hardlink(out):
    """whiteouts that are hard links to files of the lower layer"""
    low = Tar().dir("tmp").file("tmp/key", "k").file("tmp/repo", "r").file("empty")
    one_image(low, Tar().hardlink("tmp/.wh.key", "tmp/repo").hardlink("tmp/.wh.gone", "empty")).write(out)


@case
def layer_whiteout_malformed(out):
    """names that consist only of the prefix of whiteouts, and a directory with such a name"""
    low = Tar().dir("d").file("d/keep", "1").file("top", "2").dir("x").file("x/f", "3")
    top = Tar()
    for name in ".wh.", "d/.wh.", "d/.wh..", "d/.wh...":
        top.file(name)
    one_image(low, top.dir(".wh.x").file(".wh.x/f", "4").file("new", "5")).write(out)


@case
def layer_windows(out):
    """a layer of Windows: Files/ and Hives/, MSWINDOWS.* records, modes of 0, back slashes, names in two cases"""
    layout, windows = Layout(), {"MSWINDOWS.fileattr": "16", "LIBARCHIVE.creationtime": "1700000000.1234567"}
    windows["MSWINDOWS.rawsd"] = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAA"
    tar, system = Tar(), "Files/Windows/System32"
    for name in "Files", "Files/Windows", system, system + "/config", "Hives":
        tar.dir(name, mode=0, pax=windows)
    tar.file(system + "/config/DEFAULT", "regf", mode=0, pax=windows).file("Hives/Software_Delta", "regf", mode=0, pax=windows)
    tar.file("Files/a.TXT", "1", pax=windows).file("Files/A.txt", "2", pax=windows).file("Files\\b.txt", "3")
    tar.hardlink("UtilityVM/Files/a.TXT", "Files/a.TXT", pax=windows)
    image = layout.image([tar], os="windows")
    platform = {"os": "windows", "architecture": "amd64", "os.version": "10.0.17763.1"}
    tagged(layout, "win", {**image, "platform": platform}).write(out)


@case
def layer_zstd_window(out):
    """zstd of a pipe with --long: small frames that ask for a window of 2 GiB, of 1 GiB, of 128 MiB"""
    layout, tar = Layout(), Tar().dir("d")
    for number in range(50):
        tar.file(f"d/{number}", b"line %d\n" % number * 5000)
    for name, options in ("long31", ["--long=31"]), ("ultra30", ["--ultra", "--long=30"]), ("long27", ["--long=27"]):
        layout.tag(name, layout.image([zstd(tar, "-T1", "-3", *options)]))
    layout.write(out)
