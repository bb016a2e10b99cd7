#!/usr/bin/env bash
# A directory of layouts, one for each repository, mounted as one.
. "$(dirname "$0")/lib.sh"
need_fuse
need umoci jq
make_layouts single sample
D=$TMP/repositories M=$TMP/m
add() { mkdir -p "$D/$1" && cp -r "$TMP/layouts/${2:-single}/." "$D/$1/"; }
add a
add a/refs
add team/app sample
add broken
rm "$D/broken/index.json"
mkdir "$D/empty"

echo "-- what it shows"
mount_at "$M" --repositories "$D"
same "each repository has a directory" "a broken empty team" "$(limited ls "$M" | xargs)"
same "with what its layout's mount shows, and those below it" "%72efs blobs index.json manifests oci-layout refs" \
  "$(limited ls "$M/a" | xargs)"
mount_at "$TMP/alone" "$TMP/layouts/sample"
check "the same as there, byte for byte" diff -r --no-dereference "$TMP/alone/refs" "$M/team/app/refs"
check "root filesystems too" diff -r --no-dereference -x dev -x null -x pipe "$TMP/alone/manifests" "$M/team/app/manifests"
unmount "$TMP/alone"
same "files of an image" "sample" "$(limited cat "$M/a/refs/latest/rootfs/etc/name")"
same "of a repository below it" "sample" "$(limited cat "$M/a/%72efs/refs/latest/rootfs/etc/name")"
same "a broken one says why, and nothing else" "error broken: index.json is missing" \
  "$(limited ls "$M/broken") $(limited cat "$M/broken/error")"
same "the source is what was named" "$D" "$(awk -v at="$M" '$5 == at {print $(NF - 1)}' /proc/self/mountinfo)"
check "statistics are those of all" sh -c "getfattr --only-values -n user.layoutfs.stats '$M' | jq -e '.indexesBuilt + .indexesLoaded > 0'"
inodes() { limited find "$M" -printf '%i %P\n' | sort; }
inodes >"$TMP/inodes"
unmount "$M"

echo "-- what changes"
mount_at "$M" -o repositories "$D"
same "as a mount option, with the same inodes" "$(cat "$TMP/inodes")" "$(inodes)"
check "a repository that is not there" test ! -e "$M/b/c"
add b/c
wait_for test -e "$M/b/c/refs/latest/rootfs/etc/name" && ok "one that was added appears" || not_ok "one that was added appears"
wait_for sh -c "ls '$M' | grep -qx b" && ok "and is listed" || not_ok "and is listed"
umoci tag --image "$D/b/c:latest" new || not_ok "umoci tag"
wait_for test -e "$M/b/c/refs/new/rootfs/etc" && ok "so does a tag" || not_ok "so does a tag"
wait_for sh -c "ls '$M/b/c/refs' | grep -qx new" && ok "which is listed" || not_ok "which is listed"
"$LAYOUTFS" ref put "$D/b/c" b/c:2.0 "$(jq -r '.manifests[0].digest' "$D/b/c/index.json")" || not_ok "layoutfs ref put"
wait_for test -L "$M/b/c/refs/2.0" && ok "b/c:2.0 is called 2.0 in b/c" || not_ok "b/c:2.0 is called 2.0 in b/c"
cp "$TMP/layouts/single/index.json" "$D/broken/"
wait_for test -e "$M/broken/refs/latest/rootfs" && ok "one that was mended is whole" || not_ok "one that was mended is whole"
wait_for sh -c "! ls '$M/broken' | grep -qx error" && ok "and has no error" || not_ok "and has no error"
exec 8<"$M/b/c/index.json"
before=$(cat "$D/b/c/index.json")
rm -r "$D/b"
gone() { [ ! -e "$M/b" ] && ! ls "$M" | grep -qx b; }
wait_for gone && ok "one that was removed disappears" || not_ok "one that was removed disappears"
same "an open file keeps its content" "$before" "$(limited cat <&8)"
exec 8<&-
add b/c sample
wait_for test -e "$M/b/c/refs/multi" && ok "one that was made again is the new one" || not_ok "one that was made again is the new one"
unmount "$M"
check "mount.layoutfs takes it from fstab" bash -c 'exec -a mount.layoutfs "$@"' _ "$LAYOUTFS" "$D" "$M" -o repositories,ro
check "and shows the same" test -d "$M/team/app/refs"
unmount "$M"

echo "-- a thousand"
mkdir "$TMP/thousand"
for i in {1..40}; do
  for j in {1..25}; do echo "$TMP/thousand/p$i/r$j"; done
done | xargs mkdir -p
for each in "$TMP"/thousand/*/*; do cp -rl "$TMP/layouts/single/." "$each/"; done
(
  ulimit -n 256
  exec "$LAYOUTFS" mount -f -o max_threads=4,cache_size=8M --repositories "$TMP/thousand" "$M"
) >"$TMP/log" 2>&1 &
pid=$!
pids+=("$pid")
wait_for grep -q "^mounted .* on " "$TMP/log" || not_ok "mount with few descriptors" "$(cat "$TMP/log")"
open_files() { ls "/proc/$pid/fd" | wc -l; }
before=$(open_files)
same "all are listed" 1000 "$(limited find "$M" -mindepth 2 -maxdepth 2 -type d -printf . | wc -c)"
same "which opens none" "$before" "$(open_files)"
same "every index.json can be read" "1000 1" \
  "$(limited find "$M" -mindepth 3 -maxdepth 3 -name index.json -exec md5sum {} + | tee "$TMP/sums" | wc -l) $(cut -d' ' -f1 "$TMP/sums" | sort -u | wc -l)"
same "and a file of every image" 1000 "$(for each in "$M"/*/*; do cat "$each/refs/latest/rootfs/etc/name"; done | grep -c '^sample$')"
check "with less than 215 files open ($(open_files))" test "$(open_files)" -lt 215
if [ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || left_out "memory: sanitizers take some of their own"; then
  kib=$(awk '/^VmHWM:/ {print $2}' "/proc/$pid/status")
  check "and $kib KiB of memory at most, of 49152" test "$kib" -lt 49152
fi
same "nothing went wrong on the way" "" "$(grep -v '^mounted' "$TMP/log")"
unmount "$M"

echo "-- what is refused"
refused "a directory that is not there" 3 mount --repositories "$TMP/none" "$M"
refused "a file" 1 mount --repositories "$D/a/oci-layout" "$M"
refused "a layout" 2 mount --repositories "$TMP/layouts/single" "$M"
refused "a mount point in it" 8 mount --repositories "$D" "$D/a"
refused "--image" 2 mount --repositories "$D" --image "$M"
refused "--ref" 2 mount --repositories "$D" --ref latest "$M"
refused "--layout" 2 mount --repositories "$D" --layout "$D/a" "$M"
refused "--layout with the mount option" 2 mount -o repositories --layout "$D/a" "$M"
refused "two operands" 2 mount --repositories "$D" "$D/a" "$M"
refused "no mount point" 2 mount -o repositories "$D"
refused "a value of the mount option" 2 mount -o repositories=yes "$D" "$M"
refused "a reference" 3 mount -o repositories "$D/a:latest" "$M"
