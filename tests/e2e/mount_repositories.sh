#!/usr/bin/env bash
# A mount of a directory of layouts, one for each repository.
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

echo "-- the content of the mount"
mount_at "$M" --repositories "$D"
same "each repository has a directory in the mount" "a broken empty team" "$(limited ls "$M" | xargs)"
same "a repository's directory shows its layout and the repositories below it" "%72efs blobs index.json manifests oci-layout refs" \
  "$(limited ls "$M/a" | xargs)"
mount_at "$TMP/alone" "$TMP/layouts/sample"
check "refs/ of a repository has the same bytes as in a mount of its layout" diff -r --no-dereference "$TMP/alone/refs" "$M/team/app/refs"
check "manifests/ of a repository has the same bytes as in a mount of its layout" diff -r --no-dereference -x dev -x null -x pipe "$TMP/alone/manifests" "$M/team/app/manifests"
unmount "$TMP/alone"
same "a file of an image can be read" "sample" "$(limited cat "$M/a/refs/latest/rootfs/etc/name")"
same "a file of an image in a nested repository can be read" "sample" "$(limited cat "$M/a/%72efs/refs/latest/rootfs/etc/name")"
same "a broken repository shows only its error" "error broken: index.json is missing" \
  "$(limited ls "$M/broken") $(limited cat "$M/broken/error")"
same "the source of the mount is the given directory" "$D" "$(awk -v at="$M" '$5 == at {print $(NF - 1)}' /proc/self/mountinfo)"
check "the statistics of the mount count all repositories" sh -c "getfattr --only-values -n user.layoutfs.stats '$M' | jq -e '.indexesBuilt + .indexesLoaded > 0'"
inodes() { limited find "$M" -printf '%i %P\n' | sort; }
inodes >"$TMP/inodes"
unmount "$M"

echo "-- changes of the directory"
mount_at "$M" -o repositories "$D"
same "-o repositories shows the same inode numbers" "$(cat "$TMP/inodes")" "$(inodes)"
check "a repository does not exist before it is added" test ! -e "$M/b/c"
add b/c
wait_for test -e "$M/b/c/refs/latest/rootfs/etc/name" && ok "a repository that is added appears in the mount" || not_ok "a repository that is added appears in the mount"
wait_for sh -c "ls '$M' | grep -qx b" && ok "a listing shows the added repository" || not_ok "a listing shows the added repository"
umoci tag --image "$D/b/c:latest" new || not_ok "umoci adds a tag"
wait_for test -e "$M/b/c/refs/new/rootfs/etc" && ok "a tag that is added to a repository appears in the mount" || not_ok "a tag that is added to a repository appears in the mount"
wait_for sh -c "ls '$M/b/c/refs' | grep -qx new" && ok "a listing shows the added tag" || not_ok "a listing shows the added tag"
"$LAYOUTFS" ref put "$D/b/c" b/c:2.0 "$(jq -r '.manifests[0].digest' "$D/b/c/index.json")" || not_ok "ref put adds a full name"
wait_for test -L "$M/b/c/refs/2.0" && ok "b/c:2.0 is shown as 2.0 in b/c" || not_ok "b/c:2.0 is shown as 2.0 in b/c"
cp "$TMP/layouts/single/index.json" "$D/broken/"
wait_for test -e "$M/broken/refs/latest/rootfs" && ok "a repository that is repaired shows its files" || not_ok "a repository that is repaired shows its files"
wait_for sh -c "! ls '$M/broken' | grep -qx error" && ok "a repository that is repaired has no error" || not_ok "a repository that is repaired has no error"
exec 8<"$M/b/c/index.json"
before=$(cat "$D/b/c/index.json")
rm -r "$D/b"
gone() { [ ! -e "$M/b" ] && ! ls "$M" | grep -qx b; }
wait_for gone && ok "a repository that is removed disappears from the mount" || not_ok "a repository that is removed disappears from the mount"
same "an open file of a removed repository keeps its content" "$before" "$(limited cat <&8)"
exec 8<&-
add b/c sample
wait_for test -e "$M/b/c/refs/multi" && ok "a repository that is created again shows its new files" || not_ok "a repository that is created again shows its new files"
unmount "$M"
check "mount.layoutfs accepts the options of an fstab entry for repositories" bash -c 'exec -a mount.layoutfs "$@"' _ "$LAYOUTFS" "$D" "$M" -o repositories,ro
check "mount.layoutfs shows the repositories" test -d "$M/team/app/refs"
unmount "$M"

echo "-- a thousand repositories"
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
wait_for grep -q "^mounted .* on " "$TMP/log" || not_ok "mount succeeds with few file descriptors" "$(cat "$TMP/log")"
open_files() { ls "/proc/$pid/fd" | wc -l; }
before=$(open_files)
same "a listing shows all of 1000 repositories" 1000 "$(limited find "$M" -mindepth 2 -maxdepth 2 -type d -printf . | wc -c)"
same "a listing opens no repository" "$before" "$(open_files)"
same "index.json of each of 1000 repositories can be read" "1000 1" \
  "$(limited find "$M" -mindepth 3 -maxdepth 3 -name index.json -exec md5sum {} + | tee "$TMP/sums" | wc -l) $(cut -d' ' -f1 "$TMP/sums" | sort -u | wc -l)"
same "a file of each of 1000 images can be read" 1000 "$(for each in "$M"/*/*; do cat "$each/refs/latest/rootfs/etc/name"; done | grep -c '^sample$')"
check "the server has less than 215 files open: $(open_files)" test "$(open_files)" -lt 215
# Each open layout has three.
mapped=$(grep -c " $LAYOUTFS_CACHE_DIR/" "/proc/$pid/maps")
check "the server has at most 300 files of the cache in its memory: $mapped" test "$mapped" -le 300
if [ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || left_out "memory: sanitizers take some of their own"; then
  # Without the pages of programs and files, as their number depends on the kernel. 10 MB are the span cache.
  kib=$(awk '/^RssAnon:/ {print $2}' "/proc/$pid/status")
  check "the server takes at most 40960 KiB of memory: $kib KiB" test "$kib" -lt 40960
fi
same "the server logs no errors for 1000 repositories" "" "$(grep -v '^mounted' "$TMP/log")"
unmount "$M"

echo "-- refused mounts"
refused "mount --repositories refuses a directory that does not exist" 3 mount --repositories "$TMP/none" "$M"
refused "mount --repositories refuses a file" 1 mount --repositories "$D/a/oci-layout" "$M"
refused "mount --repositories refuses a layout" 2 mount --repositories "$TMP/layouts/single" "$M"
refused "mount --repositories refuses a mount point in the directory" 8 mount --repositories "$D" "$D/a"
refused "mount --repositories refuses --image" 2 mount --repositories "$D" --image "$M"
refused "mount --repositories refuses --ref" 2 mount --repositories "$D" --ref latest "$M"
refused "mount --repositories refuses --layout" 2 mount --repositories "$D" --layout "$D/a" "$M"
refused "mount -o repositories refuses --layout" 2 mount -o repositories --layout "$D/a" "$M"
refused "mount --repositories refuses two operands" 2 mount --repositories "$D" "$D/a" "$M"
refused "mount -o repositories refuses to run without a mount point" 2 mount -o repositories "$D"
refused "mount refuses a value of -o repositories" 2 mount -o repositories=yes "$D" "$M"
refused "mount -o repositories refuses a reference" 3 mount -o repositories "$D/a:latest" "$M"
