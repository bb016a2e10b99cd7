#!/usr/bin/env bash
# rootfs.erofs in the mount of a layout: a filesystem image that the kernel mounts, equal to rootfs and to an export.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 fsck.erofs losetup jq
need_erofs
need_loop_devices
need_layout
export TMPDIR=$TMP
E=$TMP/erofs M=$TMP/m C=$TMP/cache
export LAYOUTFS_CACHE_DIR=$C
mkdir "$E"
manifest_of() { layoutfs inspect --json "$1" | jq -r .digest; }

# is_right SENTENCE LAYOUT REF: the file of the image in the mount of the layout at $M.
is_right() {
  local file=$M/refs/$3/rootfs.erofs
  layoutfs export -q "$2:$3" "$TMP/image" || not_ok "$1: export"
  same "$1: stat returns the size of an export" "$(stat -c %s "$TMP/image")" "$(limited stat -L -c %s "$file")"
  check "$1: the file equals an export" cmp "$file" "$TMP/image"
  sound_erofs "$1: fsck.erofs finds no fault" "$file"
  check "$1: the kernel mounts it" mount -t erofs -o ro,loop "$file" "$E" || return
  same_tree "$1: it has the files of rootfs" "$M/refs/$3/rootfs" "$E"
  check "$1: it has the holes of rootfs" python3 "$HERE/same_holes.py" "$M/refs/$3/rootfs" "$E"
  check "$1: unmount it" umount "$E"
}

echo "-- images"
mount_at "$M" "$LAYOUT"
is_right "busybox" "$LAYOUT" busybox:layers
unmount "$M"
make_layouts sample
S=$TMP/layouts/sample
mount_at "$M" "$S"
is_right "an image of several layers" "$S" app:1.0
same "an index has a link to the file of the image for this machine" "$(cd "$M/refs/app:1.0" && pwd -P)/rootfs.erofs" "$(limited readlink -f "$M/refs/multi/rootfs.erofs")"
unmount "$M"

echo "-- work"
rm -rf "$C"
mount_at "$M" "$S"
check "ls of all directories reads no layer" sh -c "timeout 60 ls '$M'/refs '$M'/manifests/sha256/* >/dev/null && test ! -e '$C/layers'"
check "the attributes of the file need the layers" sh -c "timeout 60 stat -L '$M/refs/app:1.0/rootfs.erofs' >/dev/null && test -e '$C/layers'"
same "the metadata is in the cache directory" "erofs-files/$(manifest_of "$S:app:1.0" | tr : /)" "$(cd "$C" && find erofs* -type f)"
unmount "$M"
check "index verify accepts the metadata" "$LAYOUTFS" index verify "$S:app:1.0"
same "index ls --json shows the metadata" "$(stat -c %s "$C"/erofs-files/sha256/*)" "$(layoutfs index ls --json "$S:app:1.0" | jq -r '.images[0].erofsFile.size')"
printf x | dd of="$(echo "$C"/erofs-files/sha256/*)" bs=1 seek=3000 conv=notrunc status=none
run() { layoutfs "$@" >"$TMP/stdout" 2>"$TMP/stderr"; code=$?; }
run index verify "$S:app:1.0"
same "index verify finds damaged metadata" "7 erofs" "$code $(cut -d' ' -f1 "$TMP/stdout")"
mount_at "$M" "$S"
is_right "after damage of the metadata in the cache" "$S" app:1.0
unmount "$M"
check "damaged metadata was replaced" "$LAYOUTFS" index verify "$S:app:1.0"
mount_at "$M" --cache-dir /proc/nothing "$S"
is_right "without a cache directory" "$S" app:1.0
unmount "$M"
run index rm "$S"
same "index rm removes the metadata" "" "$(find "$C" -type f)"

echo "-- images that EROFS cannot store, and broken ones"
python3 - "$CORPUS" "$TMP/odd" "$(host_architecture)" <<'PYTHON'
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from ocilib import Layout, Tar
made = Layout()
made.tag("device", made.image([Tar().add("huge", "char", rdev=(5000, 1))], arch=sys.argv[3]))
made.tag("good", made.image([Tar().file("a", "content")], arch=sys.argv[3]))
made.tag("broken", made.image([Tar().file("b", "content")], arch=sys.argv[3]))
made.write(pathlib.Path(sys.argv[2]))
PYTHON
O=$TMP/odd
layer=$(layoutfs inspect --json "$O:broken" | jq -r '.layers[0].digest')
printf 'damaged' | dd of="$O/blobs/${layer/://}" bs=1 seek=60 conv=notrunc status=none
mount_foreground "$M" "$TMP/log" "$O"
same "the file of an image that EROFS cannot store does not exist" "cannot statx: No such file or directory" \
  "$(LC_ALL=C limited stat -L "$M/refs/device/rootfs.erofs" 2>&1 | sed 's/.*: \(cannot\)/\1/; s/cannot statx.*:/cannot statx:/')"
check "the log has the reason" grep -q "EROFS cannot store /huge: the device number is too large" "$TMP/log"
check "such an image is not broken" test ! -e "$M/refs/device/error"
check "files of such an image can be read" test -c "$M/refs/device/rootfs/huge"
check "reading the file of a broken image fails" sh -c "! timeout 60 cat '$M/refs/broken/rootfs.erofs' 2>'$TMP/stderr'; grep -q 'Input/output error' '$TMP/stderr'"
check "error of a broken image has the reason" grep -q "content has digest" "$M/refs/broken/error"
is_right "an image beside a broken one" "$O" good
unmount "$M"
