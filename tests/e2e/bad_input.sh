#!/usr/bin/env bash
# Every kind of bad input gives its exit code and one clear line, and leaves no mount. One broken image does not affect
# the others.
. "$(dirname "$0")/lib.sh"
need_fuse
make_layouts
L=$TMP/layouts M=$TMP/m

# command_refused CASE EXIT_CODE ARGUMENT...: mount must refuse the arguments, which have CASE, at a mount point that does not exist.
command_refused() {
  local case=$1 code=$2
  shift 2
  refused "mount refuses $case" "$code" mount "$@" "$M"
  same "a refused mount for $case leaves no mount" "" "$(mounts_below "$TMP")"
  check "a refused mount for $case leaves no mount point" test ! -e "$M"
}

echo "-- the layout"
command_refused "a path that does not exist" 3 "$L/nothing-here"
command_refused "an empty path" 2 ""
mkdir "$TMP/empty"
command_refused "a directory that is not a layout" 4 "$TMP/empty"
command_refused "a file that is not an archive" 4 "$HERE/lib.sh"
command_refused "a device" 4 /dev/null
for layout in wrong-version no-version broken-oci-layout empty-oci-layout no-oci-layout broken-index empty-index \
  truncated-index deep-index deep-unknown-key wrong-shape; do
  command_refused "a layout with $(echo $layout | tr - ' ')" 4 "$L/$layout"
done
command_refused "a layout without index.json" 4 "$L/no-index"
mkdir "$TMP/odd"
echo '{"imageLayoutVersion":"1.0.0"}' >"$TMP/odd/oci-layout"
mkfifo "$TMP/odd/index.json"
command_refused "a layout with a pipe as index.json" 4 "$TMP/odd"

echo "-- the reference"
command_refused "an unknown reference" 3 "$L/single:unknown"
command_refused "an unknown digest" 3 "$L/single@sha256:$(printf '%064d' 0)"
command_refused "a malformed digest" 2 "$L/single@sha256:0123"
command_refused "the number of an entry that does not exist" 3 "$L/single:@7"
command_refused "a name of two images" 5 "$L/ambiguous:twin"
command_refused "--image if the layout has several images" 5 --image "$L/sample"
command_refused "a platform that the image does not have" 3 --platform linux/riscv64 "$L/sample:multi"
command_refused "an invalid platform" 2 --platform 'linux//' "$L/sample:multi"

echo "-- the image"
B=$L/broken-images
for expected in broken-json:4 empty-json:4 truncated-json:4 deep-json:4 wrong-shape:4 missing-manifest:3 missing-config:3 \
  missing-layer:3 layer-with-a-flipped-bit:7 layer-cut-short:7 layer-with-more-bytes:7 layer-emptied:7 \
  manifest-with-a-flipped-bit:7 truncated-gzip:7 not-gzip:7 gzip-checksum:7 broken-tar-header:7 cut-tar:7 \
  wrong-diff-id:7 unknown-media-type:6 negative-size:7 size-beyond-the-end:7 size-that-overflows:7 size-beyond-64-bits:7 \
  nul-in-a-name:7 incomplete-links-in-a-loop:7 incomplete-hard-link-to-itself:7 text-instead-of-a-tar:7 \
  noise-instead-of-a-tar:7; do
  command_refused "an image with ${expected%:*}" "${expected#*:}" "$B:${expected%:*}"
done

echo "-- the mount point"
command_refused "an unknown mount option" 2 -o nonsense "$L/single"
command_refused "an invalid cache size" 2 -o cache_size=lots "$L/single"
refused "mount refuses to run without a mount point" 2 mount "$L/single"
refused "mount refuses to run without operands" 2 mount
check "the error for missing operands names them as the usage does" grep -Fq 'missing operand LAYOUT[:REF|@DIGEST] MOUNTPOINT' "$TMP/stderr"
refused "fsck refuses surplus operands" 2 fsck "$L/single" one two
check "the error for surplus operands lists them in their order" grep -q ': one two$' "$TMP/stderr"
check "the error for surplus operands has the usage as a hint" grep -qx 'hint: usage: layoutfs fsck \[OPTIONS\] LAYOUT' "$TMP/stderr"
refused "mount refuses an empty mount point" 2 mount "$L/single" ""
refused "mount refuses an empty platform" 2 mount --platform "" "$L/single" "$TMP/none"
refused "mount refuses contradicting platforms" 2 mount --platform linux/arm64 -o platform=linux/amd64 "$L/single" "$TMP/none"
refused "fsck refuses --threads 0" 2 fsck --threads 0 "$L/single"
layoutfs >"$TMP/stdout" 2>"$TMP/stderr"
got=$?
same "without a command, layoutfs prints the help on stdout and exits with 2" "2 0 $(layoutfs --help)" "$got $(wc -c <"$TMP/stderr") $(cat "$TMP/stdout")"
refused "layoutfs refuses an unknown command" 2 frobnicate
refused "mount refuses a mount point without a parent directory" 8 mount "$L/single" "$TMP/no/such/parent"
touch "$TMP/file"
refused "mount refuses a file as the mount point" 8 mount "$L/single" "$TMP/file"
ln -s nowhere "$TMP/dangling"
refused "mount refuses a dangling symlink as the mount point" 8 mount "$L/single" "$TMP/dangling"
cp -r "$L/single" "$TMP/own"
refused "mount refuses the layout as the mount point" 8 mount "$TMP/own" "$TMP/own"
refused "mount refuses a directory of the layout as the mount point" 8 mount "$TMP/own" "$TMP/own/blobs/sha256"
ln -s own/blobs "$TMP/link-into-own"
refused "mount refuses a new directory in the layout, given by a symlink" 8 mount "$TMP/own:latest" "$TMP/link-into-own/new"
same "mount creates no mount point in the layout" "sha256" "$(ls "$TMP/own/blobs")"
refused "mount refuses a mount point that it cannot create" 8 mount "$L/single" /proc/none
mount_at "$M" "$L/single"
refused "mount refuses a mount point that is in use" 8 mount "$L/single" "$M"
check "the earlier mount still works after a refused one" test -e "$M/index.json"
same "a refused mount leaves only the earlier one" 1 "$(mounts_below "$TMP" | wc -l)"
ln -s "$M" "$TMP/link-to-mount" && ln -s link-to-mount "$TMP/link-to-link"
check "umount follows symlinks" "$LAYOUTFS" umount "$TMP/link-to-link"
same "umount of a symlink unmounts its target" "" "$(mounts_below "$TMP")"
check "umount does not remove the symlinks" test -L "$TMP/link-to-link" -a -L "$TMP/link-to-mount"
ln -sf link-to-itself "$TMP/link-to-itself"
refused "umount refuses a symlink to itself" 3 umount "$TMP/link-to-itself"
refused "umount refuses a directory that is not a mount point" 3 umount "$M"
refused "umount refuses a path that does not exist" 3 umount "$TMP/nothing-here"

echo "-- a broken image does not affect the others"
mount_at "$M" "$B"
expected=$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' "$B/index.json" | sort)
same "refs/ lists all images, intact and broken" "$expected" "$(limited ls "$M/refs" | sort)"
for name in $expected; do
  directory=$M/refs/$name
  [ "$name" != good ] || continue
  check "the directory of $name opens" ls "$directory/"
  case $name in
    incomplete-*) check "the rootfs of $name has the valid entries" ls "$directory/rootfs/" ;;
    *) limited ls "$directory/rootfs/" >/dev/null 2>&1 && not_ok "the rootfs of $name does not open" ;;
  esac
  check "the error of $name is not empty: $(limited head -c 200 "$directory/error" 2>&1)" test -s "$directory/error"
  same "the error of $name is one line" 1 "$(limited wc -l <"$directory/error")"
done
mount_at "$TMP/good" "$B:good"
same_tree "the rootfs of an intact image beside broken ones is complete" "$TMP/good" "$M/refs/good/rootfs"
check "an intact image beside broken ones has no error" test ! -e "$M/refs/good/error"
check "the mount answers after a walk over everything" sh -c "find '$M' >/dev/null 2>&1; test -e '$M/index.json'"
unmount "$TMP/good"
unmount "$M"
