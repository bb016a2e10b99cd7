#!/usr/bin/env bash
# export --format tar: GNU tar extracts the tree that layoutfs mounts, for every case of the corpus; and an image whose only layer is the
# tar shows the same tree and the same holes.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 tar
need_layout
export LAYOUTFS TMPDIR=$TMP
M=$TMP/m X=$TMP/extracted

EXTRACT="tar --xattrs --xattrs-include=* --acls -xp --numeric-owner"
export EXTRACT
set -f  # EXTRACT has a pattern
# Writes a layout with the image "latest", whose only layer is a tar: CORPUS FILE DIR ARCHITECTURE.
layout_of_tar='
import pathlib, sys
sys.path.insert(0, sys.argv[1])
import ocilib
tar = pathlib.Path(sys.argv[2]).read_bytes()
layout = ocilib.Layout()
layout.tag("latest", layout.image([ocilib.Layer(tar, tar, ocilib.LAYER)], arch=sys.argv[4]))
layout.write(sys.argv[3])'
# same_as_mount SENTENCE IMAGE: exports it to $TMP/image.tar, and compares the mount with what GNU tar and layoutfs make of that.
# With --no-gnu-tar as third argument, only with what layoutfs makes of it.
same_as_mount() {
  check "$1: export succeeds" "$LAYOUTFS" export -q --format tar "$2" "$TMP/image.tar"
  rm -rf "$X" && mkdir "$X"
  [ "${3-}" = --no-gnu-tar ] || check "$1: GNU tar extracts the tar" $EXTRACT -f "$TMP/image.tar" -C "$X"
  check "$1: the tar becomes a layer" python3 -c "$layout_of_tar" "$CORPUS" "$TMP/image.tar" "$TMP/round" "$(host_architecture)"
  mount_at "$M" -o dev,suid "$2"
  mount_at "$M.round" -o dev,suid "$TMP/round:latest"
  [ "${3-}" = --no-gnu-tar ] || same_tree "$1: GNU tar extracts the files of the mount" "$M" "$X"
  same_tree "$1: a mount of the tar has the same files" "$M" "$M.round"
  check "$1: a mount of the tar has the same holes" python3 "$HERE/same_holes.py" "$M" "$M.round"
  unmount "$M.round"
  unmount "$M"
  check "$1: an export of the tar is the same tar" sh -c '"$LAYOUTFS" export -q --format tar "$0:latest" - | cmp - "$1"' "$TMP/round" "$TMP/image.tar"
}
echo "-- images"
same_as_mount "an image of busybox" "$LAYOUT:busybox:layers"
make_layouts sample
same_as_mount "an image of several layers" "$TMP/layouts/sample:app:1.0"
python3 "$CORPUS/make-torture.py" "$TMP/cases" >"$TMP/log" || exit 1
for name in sparse-old-gnu sparse-pax-10 numbers-base256 names-special names-not-utf8 layers-replace-kinds layers-dir-merge numbers-huge-ids numbers-pax-mtime pax-xattrs names-pax-long links-hard; do
  same_as_mount "$name" "$TMP/cases/$name/oci:latest"
done
# ext4 has no room for the 60 kB of extended attributes in layer-long-xattrs.
python3 "$CORPUS/make-cases.py" "$TMP/more" layer-acl layer-long-xattrs >"$TMP/log" || exit 1
same_as_mount "layer-acl" "$TMP/more/layer-acl:latest"
same_as_mount "layer-long-xattrs" "$TMP/more/layer-long-xattrs:latest" --no-gnu-tar

echo "-- a second export"
layoutfs export -q --format tar "$LAYOUT:busybox:layers" "$TMP/image.tar"
layoutfs export -q --format tar "$LAYOUT:busybox:layers" - >"$TMP/piped.tar"
check "standard output gets the same bytes" cmp "$TMP/image.tar" "$TMP/piped.tar"
same "the root comes first, as ./" "./" "$(tar -tf "$TMP/image.tar" | head -n 1)"
same "the tar is a whole number of GNU tar's records" 0 $(($(stat -c %s "$TMP/image.tar") % 10240))

echo "-- the corpus"
python3 "$CORPUS/run-cases.py" --slack "${LAYOUTFS_TEST_SLACK:-5}" --mount '
  case ${REF-} in
    "") ;;
    sha*:*) LAYOUT=$LAYOUT@$REF ;;
    *) LAYOUT=$LAYOUT:$REF ;;
  esac
  "$LAYOUTFS" export -q ${PLATFORM:+--platform "$PLATFORM"} --format tar "$LAYOUT" "$AT.tar" && mkdir "$AT.b" &&
    $EXTRACT -f "$AT.tar" -C "$AT.b" && exec mount --bind "$AT.b" "$AT"' \
  "$TMP/cases" >"$TMP/log" 2>&1 && ok "$(tail -n 1 "$TMP/log")" || not_ok "all cases of the corpus" "$(tail -n 15 "$TMP/log")"
