#!/usr/bin/env bash
# A mount never hides a path that its own process opens: it would wait for its own answer.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
make_layouts single
L=$TMP/layouts/single A=$TMP/above
mkdir -p "$A/cache" "$A/names" "$TMP/elsewhere"
same_sentence() { grep -qF -- "$2" "$TMP/stderr" && ok "$1" || not_ok "$1" "$(cat "$TMP/stderr")"; }

echo "-- the cache directory"
refused "it is below" 8 mount --cache-dir "$A/cache" "$L" "$A"
same_sentence "which the message says" "mount point $A: it would hide the cache directory $A/cache from the mount itself"
refused "as an option of -o" 8 mount -o "cache_dir=$A/cache" "$L" "$A"
LAYOUTFS_CACHE_DIR=$A/cache refused "as the default" 8 mount "$L" "$A"
refused "it is not made yet" 8 mount --cache-dir "$A/not/made/yet" "$L" "$A"
refused "neither is the mount point" 8 mount --cache-dir "$TMP/new/cache" "$L" "$TMP/new"
same "which is not made" "" "$(ls -d "$TMP/new" 2>/dev/null)"
refused "it is the mount point" 8 mount --cache-dir "$A/cache" "$L" "$A/cache"
refused "the mount point is in it" 8 mount --cache-dir "$A/cache" "$L" "$A/cache/layers"
same_sentence "which the message says" "inside the cache directory $A/cache"
ln -s "$A/cache" "$TMP/to-cache"
refused "a link leads to it" 8 mount --cache-dir "$TMP/to-cache" "$L" "$A"
ln -s "$TMP/elsewhere" "$A/to-elsewhere"
refused "a link that would be hidden leads to it" 8 mount --cache-dir "$A/to-elsewhere/cache" "$L" "$A"
ln -s ../above/to-elsewhere/cache "$TMP/elsewhere/to-above"
refused "so do several links" 8 mount --cache-dir "$TMP/elsewhere/to-above" "$L" "$A"
ln -s loop "$TMP/loop"
mount_at "$A" --cache-dir "$TMP/loop/cache" "$L"
check "a link to itself leads nowhere" ls "$A/refs/latest/rootfs/etc/name"
unmount "$A"
refused "by another way" 8 mount --cache-dir "$A/../above/./cache" "$L" "$TMP/elsewhere/../above"
mkdir "$TMP/bound"
mount --bind "$A" "$TMP/bound" || exit 1
refused "a bind mount shows it" 8 mount --cache-dir "$TMP/bound/cache" "$L" "$A"
umount "$TMP/bound"
mount_at "$A" --cache-dir "$TMP/elsewhere/cache" "$L"
check "beside it there may be a mount" ls "$A/refs/latest/rootfs/etc/name"
unmount "$A"
mkdir "$TMP/working"
(cd "$TMP/working" && layoutfs mount -q --cache-dir relative "$L" "$TMP/m")
check "a relative one is that of the caller" sh -c "ls '$TMP/m/refs/latest/rootfs/etc/name' && test -d '$TMP/working/relative/layers'"
unmount "$TMP/m"

echo "-- the store of image names"
LAYOUTFS_STORE=$A/names refused "it is below" 8 mount "$L" "$A"
LAYOUTFS_STORE=$A/names refused "the mount point is in it" 8 mount "$L" "$A/names/m"

echo "-- a directory of layouts"
mkdir "$A/layouts"
cp -r "$L" "$A/layouts/one"
refused "it is below" 8 mount --repositories "$A/layouts" "$A"
same_sentence "which the message says" "it would hide the directory of layouts $A/layouts"
refused "the mount point is in it" 8 mount --repositories "$A/layouts" "$A/layouts/one"

echo "-- one layout"
refused "links of it may lead to the mount" 8 mount --follow-links "$A/layouts/one" "$A"
mount_at "$A" "$A/layouts/one"
check "without links it may be hidden: it stays open" cat "$A/refs/latest/rootfs/etc/name"
unmount "$A"

echo "-- the upper directory of chroot"
upper() {
  local sentence=$1
  shift
  layoutfs chroot "$@" >"$TMP/stdout" 2>"$TMP/stderr"
  same "$sentence" 125 $?
}
upper "it is in the cache directory" --cache-dir "$A/cache" --upper "$A/cache/upper" "$L:latest" true
same_sentence "which the message says" "--upper $A/cache/upper: inside the cache directory $A/cache"
mkdir -p "$A/changes"
upper "the cache directory is below what is written" --cache-dir "$A/changes/upper/cache" --upper "$A/changes" "$L:latest" true
same_sentence "which the message says" "--upper $A/changes: contains the cache directory"
LAYOUTFS_STORE=$A/names upper "it is in the store of image names" --upper "$A/names/upper" "$L:latest" true
same "nothing is mounted in the end" "" "$(mounts_below "$TMP")"
