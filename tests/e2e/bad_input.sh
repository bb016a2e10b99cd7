#!/usr/bin/env bash
# Every kind of bad input: its exit code, one clear line, nothing left mounted; one broken image does not take the rest down.
. "$(dirname "$0")/lib.sh"
need_fuse
make_layouts
L=$TMP/layouts M=$TMP/m

# mount_refused SENTENCE EXIT_CODE ARGUMENT...: at a mount point that is not there yet.
mount_refused() {
  local sentence=$1
  refused "$@" "$M"
  same "$sentence: nothing is mounted" "" "$(mounts_below "$TMP")"
  check "$sentence: no mount point stays" test ! -e "$M"
}
# As above, with a command line in full.
command_refused() {
  local sentence=$1 code=$2
  shift 2
  mount_refused "$sentence" "$code" mount "$@"
}

echo "-- the layout"
command_refused "no such path" 3 "$L/nothing-here"
command_refused "an empty path" 2 ""
mkdir "$TMP/empty"
command_refused "a directory that is no layout" 4 "$TMP/empty"
command_refused "a file" 4 "$HERE/lib.sh"
command_refused "a device" 4 /dev/null
for layout in wrong-version no-version broken-oci-layout empty-oci-layout no-oci-layout broken-index empty-index \
  truncated-index deep-index deep-unknown-key wrong-shape; do
  command_refused "$(echo $layout | tr - ' ')" 4 "$L/$layout"
done
command_refused "no index.json" 4 "$L/no-index"
mkdir "$TMP/odd"
echo '{"imageLayoutVersion":"1.0.0"}' >"$TMP/odd/oci-layout"
mkfifo "$TMP/odd/index.json"
command_refused "index.json is a pipe" 4 "$TMP/odd"

echo "-- the reference"
command_refused "an unknown reference" 3 "$L/single:unknown"
command_refused "an unknown digest" 3 "$L/single@sha256:$(printf '%064d' 0)"
command_refused "a malformed digest" 2 "$L/single@sha256:0123"
command_refused "an entry that is not there" 3 "$L/single:@7"
command_refused "two images of one name" 5 "$L/ambiguous:twin"
command_refused "no reference where several could be meant" 5 --image "$L/sample"
command_refused "a platform that the image lacks" 3 --platform linux/riscv64 "$L/sample:multi"
command_refused "a platform that is none" 2 --platform 'linux//' "$L/sample:multi"

echo "-- the image"
B=$L/broken-images
for expected in broken-json:4 empty-json:4 truncated-json:4 deep-json:4 wrong-shape:4 missing-manifest:3 missing-config:3 \
  missing-layer:3 layer-with-a-flipped-bit:7 layer-cut-short:7 layer-with-more-bytes:7 layer-emptied:7 \
  manifest-with-a-flipped-bit:7 truncated-gzip:7 not-gzip:7 gzip-checksum:7 broken-tar-header:7 cut-tar:7 \
  wrong-diff-id:7 unknown-media-type:6 negative-size:7 size-beyond-the-end:7 size-that-overflows:7 size-beyond-64-bits:7 \
  nul-in-a-name:7 incomplete-links-in-a-loop:7 incomplete-hard-link-to-itself:7 text-instead-of-a-tar:7 \
  noise-instead-of-a-tar:7; do
  command_refused "${expected%:*}" "${expected#*:}" "$B:${expected%:*}"
done

echo "-- the mount point"
command_refused "no option of that name" 2 -o nonsense "$L/single"
command_refused "a size that is none" 2 -o cache_size=lots "$L/single"
refused "no mount point" 2 mount "$L/single"
refused "no arguments" 2 mount
check "which names them as the usage does" grep -Fq 'missing operand LAYOUT[:REF|@DIGEST] MOUNTPOINT' "$TMP/stderr"
refused "surplus arguments" 2 fsck "$L/single" one two
check "in their order" grep -q ': one two$' "$TMP/stderr"
check "with the usage as a hint" grep -qx 'hint: usage: layoutfs fsck \[OPTIONS\] LAYOUT' "$TMP/stderr"
refused "an empty mount point" 2 mount "$L/single" ""
refused "an empty platform" 2 mount --platform "" "$L/single" "$TMP/none"
refused "platforms that contradict" 2 mount --platform linux/arm64 -o platform=linux/amd64 "$L/single" "$TMP/none"
refused "no threads" 2 fsck --threads 0 "$L/single"
layoutfs >"$TMP/stdout" 2>"$TMP/stderr"
got=$?
same "no command: the help on stdout, and exit code 2" "2 0 $(layoutfs --help)" "$got $(wc -c <"$TMP/stderr") $(cat "$TMP/stdout")"
refused "an unknown command" 2 frobnicate
refused "its parent is missing" 8 mount "$L/single" "$TMP/no/such/parent"
touch "$TMP/file"
refused "it is a file" 8 mount "$L/single" "$TMP/file"
ln -s nowhere "$TMP/dangling"
refused "it is a link to nothing" 8 mount "$L/single" "$TMP/dangling"
cp -r "$L/single" "$TMP/own"
refused "it is the layout" 8 mount "$TMP/own" "$TMP/own"
refused "it is in the layout" 8 mount "$TMP/own" "$TMP/own/blobs/sha256"
ln -s own/blobs "$TMP/link-into-own"
refused "it would be in the layout, behind a link" 8 mount "$TMP/own:latest" "$TMP/link-into-own/new"
same "and is not made" "sha256" "$(ls "$TMP/own/blobs")"
refused "it cannot be made" 8 mount "$L/single" /proc/none
mount_at "$M" "$L/single"
refused "it is busy" 8 mount "$L/single" "$M"
check "what was mounted there before still works" test -e "$M/index.json"
same "once" 1 "$(mounts_below "$TMP" | wc -l)"
ln -s "$M" "$TMP/link-to-mount" && ln -s link-to-mount "$TMP/link-to-link"
check "umount follows links" "$LAYOUTFS" umount "$TMP/link-to-link"
same "and takes down where they lead" "" "$(mounts_below "$TMP")"
check "the links stay" test -L "$TMP/link-to-link" -a -L "$TMP/link-to-mount"
ln -sf link-to-itself "$TMP/link-to-itself"
refused "umount of a link to itself" 3 umount "$TMP/link-to-itself"
refused "umount of what is not mounted" 3 umount "$M"
refused "umount of what is not there" 3 umount "$TMP/nothing-here"

echo "-- a broken image does not take the rest of the mount down"
mount_at "$M" "$B"
expected=$(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' "$B/index.json" | sort)
same "refs/ lists all images, good and broken" "$expected" "$(limited ls "$M/refs" | sort)"
for name in $expected; do
  directory=$M/refs/$name
  [ "$name" != good ] || continue
  check "$name: its directory opens" ls "$directory/"
  case $name in
    incomplete-*) check "$name: its rootfs has what can be applied" ls "$directory/rootfs/" ;;
    *) limited ls "$directory/rootfs/" >/dev/null 2>&1 && not_ok "$name: its rootfs does not open" ;;
  esac
  check "$name: error says what is wrong: $(limited head -c 200 "$directory/error" 2>&1)" test -s "$directory/error"
  same "$name: in one line" 1 "$(limited wc -l <"$directory/error")"
done
mount_at "$TMP/good" "$B:good"
same_tree "the good image is whole" "$TMP/good" "$M/refs/good/rootfs"
check "and has no error" test ! -e "$M/refs/good/error"
check "a walk over everything ends" sh -c "find '$M' >/dev/null 2>&1; test -e '$M/index.json'"
unmount "$TMP/good"
unmount "$M"
