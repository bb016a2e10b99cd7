#!/usr/bin/env bash
# layer.erofs in the mount of a layout: overlayfs over the filesystem images of all layers equals rootfs.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 fsck.erofs losetup jq getfattr
need_erofs
grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || skip "this kernel has no overlayfs"
need_loop_devices
export TMPDIR=$TMP
M=$TMP/m O=$TMP/overlay
export LAYOUTFS_CACHE_DIR=$TMP/cache
mkdir "$O" "$TMP/empty" "$TMP/layers"

# stack SENTENCE IMAGE_DIRECTORY: mounts the layers of an image, and an overlay over them at $O.
stack() {
  local sentence=$1 number file lower=
  for number in $(limited ls "$2/layers"); do
    file=$2/layers/$number/layer.erofs
    mkdir -p "$TMP/layers/$number"
    sound_erofs "$sentence: fsck.erofs finds no fault in layer $number" "$file"
    check "$sentence: the kernel mounts layer $number" mount -t erofs -o ro,loop "$file" "$TMP/layers/$number" || return
    lower=$TMP/layers/$number${lower:+:}$lower
  done
  # Without xino, files of different layers may have the same inode number.
  check "$sentence: overlayfs mounts the layers" mount -t overlay overlay -o "ro,xino=on,lowerdir=$lower:$TMP/empty" "$O"
}
unstack() {
  is_not_mounted "$O" || check "unmount the overlay" umount "$O"
  local number
  for number in "$TMP"/layers/*; do is_not_mounted "$number" || check "unmount a layer" umount "$number"; done
}
# equals SENTENCE IMAGE_DIRECTORY [check-tree.py's options]
equals() {
  stack "$1" "$2" && same_tree "$1: overlayfs over the layers equals rootfs" "$2/rootfs" "$O" "${@:3}"
  unstack
}

echo "-- layers as engines write them, with an entry for each directory"
python3 - "$CORPUS" "$TMP/engine" "$(host_architecture)" <<'PYTHON'
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from ocilib import Layout, Tar, noise
root = {"mode": 0o755, "mtime_ns": 7_000_000_000}
base = Tar().dir(".", **root)
for name in "kept", "file-gone", "dir-gone", "opaque", "replaced", "to-file", "to-dir-parent", "deep", "deep/er":
    base.dir(name, mode=0o750, mtime_ns=5_000_000_000, uid=3).file(name + "/old", name, mode=0o640).file(name + "/other", noise(9000, 1))
base.file("to-dir", "a file").symlink("link", "kept/old").file("link-gone", "x").hardlink("hard", "kept/old")
base.file("acl", "x", xattrs={"user.note": b"below"}).add("pipe", "fifo").dir("opaque/inner").file("opaque/inner/old", "x")
middle = Tar().dir(".", **root)
middle.dir("file-gone", mode=0o711).whiteout("file-gone/old").whiteout("dir-gone").whiteout("link-gone").whiteout("pipe")
middle.dir("opaque", mode=0o700).opaque("opaque").file("opaque/new", "new").dir("opaque/inner", mode=0o701)
middle.whiteout("replaced").dir("replaced", mode=0o705).file("replaced/new", "new")
middle.whiteout("to-file").file("to-file", "now a file").whiteout("to-dir").dir("to-dir").file("to-dir/a", "now a directory")
middle.dir("deep", mode=0o750).dir("deep/er", mode=0o750).whiteout("deep/er/old").file("deep/er/new", noise(300_000, 2))
middle.file("acl", "x", xattrs={"user.note": b"above"})
top = Tar().dir(".", mode=0o1755, mtime_ns=9_000_000_000)
top.dir("dir-gone", mode=0o700).file("dir-gone/back", "again").whiteout("hard").dir("deep", mode=0o750).whiteout("deep/er")
top.dir("replaced", mode=0o705).whiteout("replaced/new").file("link-gone", "again")
made = Layout()
made.tag("all", made.image([base, middle, top], arch=sys.argv[3]))
made.tag("two", made.image([base, middle], arch=sys.argv[3]))
made.write(pathlib.Path(sys.argv[2]))
PYTHON
mount_at "$M" "$TMP/engine"
equals "two layers" "$M/refs/two"
equals "three layers" "$M/refs/all" --ignore nlink
same "the metadata of layers is shared by images" 3 "$(find "$LAYOUTFS_CACHE_DIR/layer-erofs" -type f | wc -l)"
unmount "$M"
check "index verify accepts the metadata of layers" "$LAYOUTFS" index verify "$TMP/engine"
same "index ls --json shows the metadata of layers" true "$(layoutfs index ls --json "$TMP/engine" | jq '[.layers[].erofsFile.size > 0] | all')"

echo "-- a sample"
make_layouts sample
mount_at "$M" "$TMP/layouts/sample"
# The layers have no entries for some directories, and a hard link to a file of another layer.
stack "the sample" "$M/refs/app:1.0" &&
  same "overlayfs over the layers of the sample has all names and types except for a hard link to another layer" \
    "$(cd "$M/refs/app:1.0/rootfs" && limited find . -printf '%P %y\n' | grep -v third-name | sort)" "$(cd "$O" && limited find . -printf '%P %y\n' | sort)"
unstack
unmount "$M"

echo "-- marks of another overlay in a layer"
python3 "$HERE/attributes.py" make "$TMP/attributes" "$(host_architecture)" || exit 1
mount_at "$M" "$TMP/attributes"
equals "an image that was packed from an overlay" "$M/refs/overlay" --ignore mode,dir-mtime,uid,gid
unmount "$M"

echo "-- whiteouts of the corpus"
python3 "$CORPUS/make-torture.py" "$TMP/cases" >"$TMP/log" || exit 1
for path in "$TMP"/cases/whiteout-* "$TMP"/cases/opaque-*; do
  case=${path##*/}
  # A layer alone does not have the attributes of lower directories for which it has no entry.
  ignored=nlink,mode,dir-mtime,uid,gid
  case $case in
    # These cannot be expressed for overlayfs: see layoutfs(5).
    opaque-root | whiteout-nowhere | whiteout-through-symlink) continue ;;
    whiteout-dir | whiteout-lowest-layer | whiteout-recreate | whiteout-then-* | whiteout-after-* | opaque-first | opaque-last | opaque-nested) ignored=nlink ;;
  esac
  mount_at "$M" "$path/oci"
  equals "$case" "$(echo "$M"/refs/*)" --ignore $ignored
  unmount "$M"
done
