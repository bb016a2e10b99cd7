#!/usr/bin/env bash
# export: the kernel mounts the same tree as layoutfs, with every byte and every hole, for every case of the corpus.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 fsck.erofs losetup jq
need_erofs
need_loop_devices
need_layout
export LAYOUTFS TMPDIR=$TMP
E=$TMP/erofs M=$TMP/m
mkdir "$E" "$M"

# same_as_mount SENTENCE IMAGE: exports it to $TMP/image, which the checks of both tools accept.
same_as_mount() {
  check "$1: export succeeds" "$LAYOUTFS" export -q "$2" "$TMP/image"
  sound_erofs "$1: fsck.erofs finds no fault" "$TMP/image"
  check "$1: the kernel mounts it" mount -t erofs -o ro,loop "$TMP/image" "$E" || return
  mount_at "$M" --no-kernel -o dev,suid "$2"
  same_tree "$1: both mounts have the same files" "$M" "$E"
  check "$1: both mounts have the same holes" python3 "$HERE/same_holes.py" "$M" "$E"
  unmount "$M"
  check "$1: unmount the export" umount "$E"
}
echo "-- images"
same_as_mount "an image of busybox" "$LAYOUT:busybox:layers"
make_layouts sample
same_as_mount "an image of several layers" "$TMP/layouts/sample:app:1.0"
python3 "$HERE/attributes.py" make "$TMP/attributes" "$(host_architecture)" || exit 1
same_as_mount "an image with ACLs" "$TMP/attributes:lists"
same_as_mount "an image that was packed from an overlay" "$TMP/attributes:overlay"
check "mount it again" mount -t erofs -o ro,loop "$TMP/image" "$E"
same "attributes that overlayfs reserves are not exported" "trusted.overlayed user.keep" \
  "$(limited python3 "$HERE/attributes.py" names "$E/meta" 2>&1)$(limited python3 "$HERE/attributes.py" names "$E/d" 2>&1)"
check "unmount it" umount "$E"

echo "-- a second export"
layoutfs export -q "$LAYOUT:busybox:layers" "$TMP/again"
layoutfs export -q "$LAYOUT:busybox:layers" - >"$TMP/piped"
layoutfs export -q "$LAYOUT:busybox:layers" "$TMP/image"
layoutfs export -q "$TMP/layouts/sample:app:1.0" "$TMP/of-sample"
check "a second export has the same bytes" cmp "$TMP/image" "$TMP/again"
check "standard output gets the same bytes" cmp "$TMP/image" "$TMP/piped"
same "the UUID comes from the digest of the manifest" \
  "$(layoutfs inspect --raw "$TMP/layouts/sample:app:1.0" | sha256sum | cut -c1-12)" \
  "$(blkid -p -o value -s UUID "$TMP/of-sample" | tr -d - | cut -c1-12)"

echo "-- what export refuses"
refused "export without a file is refused" 2 export "$LAYOUT:busybox:layers"
refused "export of a missing reference is refused" 3 export "$LAYOUT:none" "$TMP/none"
refused "an unknown format is refused" 2 export --format zip "$LAYOUT:busybox:layers" "$TMP/none"
refused "export to a missing directory is refused" 3 export "$LAYOUT:busybox:layers" "$TMP/none/image"
check "nothing is written then" test ! -e "$TMP/none"

echo "-- the corpus"
python3 "$CORPUS/make-torture.py" "$TMP/cases" >"$TMP/log" || exit 1
python3 "$CORPUS/run-cases.py" --slack "${LAYOUTFS_TEST_SLACK:-5}" --umount 'umount "$AT"; rm -f "$AT.image"' --mount '
  case ${REF-} in
    "") ;;
    sha*:*) LAYOUT=$LAYOUT@$REF ;;
    *) LAYOUT=$LAYOUT:$REF ;;
  esac
  "$LAYOUTFS" export -q ${PLATFORM:+--platform "$PLATFORM"} "$LAYOUT" "$AT.image" && exec mount -t erofs -o ro,loop "$AT.image" "$AT"' \
  "$TMP/cases" >"$TMP/log" 2>&1 && ok "$(tail -n 1 "$TMP/log")" || not_ok "all cases of the corpus" "$(tail -n 15 "$TMP/log")"
