#!/usr/bin/env bash
# Large images: Linux shows the export and the kernel view of each as FUSE does. 30,000 entries, or 1,000,000 with
# LAYOUTFS_TEST_FULL=1; a file of 5 GiB with holes; 70,000 links of a file; 500 layers.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 fsck.erofs losetup
need_erofs
need_loop_devices
export TMPDIR=$TMP
E=$TMP/erofs M=$TMP/m K=$TMP/view L=$TMP/layout
mkdir "$E" "$M" "$K"
entries=30000
[ -z "${LAYOUTFS_TEST_FULL-}" ] || entries=1000000 PATIENCE=300
python3 "$HERE/make-limits.py" "$L" $entries || exit 1

# mount_both IMAGE: mounts it on $M by FUSE and on $K by the kernel, and its export on $E.
mount_both() {
  check "$1: export succeeds" "$LAYOUTFS" export -q "$L:$1" "$TMP/image"
  sound_erofs "$1: fsck.erofs finds no fault" "$TMP/image"
  check "$1: the kernel mounts it" mount -t erofs -o ro,loop "$TMP/image" "$E" || exit 1
  mount_at "$M" --no-kernel "$L:$1"
  mount_at "$K" --kernel "$L:$1"
}
unmount_both() {
  unmount "$M"
  unmount "$K"
  check "$1: unmount the export" umount "$E"
}
# listed DIR: all names, in the order of the directories, with their attributes.
listed() { (cd "$1" && limited find . -printf '%P %y %m %s %n %U %G %T@ %l\n' | sed 's/^\(.* d [0-7]*\) [0-9]*/\1/' | LC_ALL=C sort | sha256sum); }
content() { (cd "$1" && limited find . -type f -size +0 -print0 | sort -z | limited xargs -0 cat | sha256sum); }

for image in entries layers; do
  mount_both $image
  list=$(listed "$M")
  same "$image: the mounts list the same" "$list $list" "$(listed "$E") $(listed "$K")"
  bytes=$(content "$M")
  same "$image: the files have the same content" "$bytes $bytes" "$(content "$E") $(content "$K")"
  [ $image = layers ] || same "all entries are there" $((entries + entries / 100 + 2)) "$(limited find "$E" | wc -l)"
  unmount_both $image
done
layoutfs export -q "$L:entries" "$TMP/image"
size=$(stat -c %s "$TMP/image")
metadata=$((size - 4096 * entries / 100))
check "an entry of a large image takes at most 100 bytes ($((metadata / entries)))" test $((metadata / entries)) -le 100

mount_both links
for at in "$E" "$K"; do
  same "links: the file has all its names" "70001 70001" "$(limited stat -c %h "$at/file") $(limited find "$at" -samefile "$at/file" | wc -l)"
  same "links: each name has the content" "content" "$(limited cat "$at/links/0/0" "$at/links/69/69999" | uniq)"
done
unmount_both links

mount_both sparse
same "sparse: both mounts show the same size" "$(limited stat -c %s "$M/sparse")" "$(limited stat -c %s "$E/sparse")"
check "sparse: the export has the same holes" python3 "$HERE/same_holes.py" "$M" "$E"
check "sparse: the kernel view has the same holes" python3 "$HERE/same_holes.py" "$M" "$K"
check "sparse: the data is in its places" python3 -c 'import importlib, sys
sys.path.insert(0, sys.argv[1])
limits = importlib.import_module("make-limits")
with open(sys.argv[2], "rb") as file:
    for at, data in limits.SPARSE_DATA:
        file.seek(max(at - 9, 0))
        assert file.read(min(at, 9) + len(data)) == bytes(min(at, 9)) + data, at
    assert file.seek(0, 2) == limits.SPARSE_SIZE' "$HERE" "$E/sparse"
check "sparse: the export has the data, a table of 8 bytes for each 8 KiB, and little else" test "$(stat -c %s "$TMP/image")" -le $((8 * 655400 + 40960))
unmount_both sparse
finish
