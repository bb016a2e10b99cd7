#!/usr/bin/env bash
# A mount must not hide a path that its server opens, because the server would wait for its own answer.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
make_layouts single
L=$TMP/layouts/single A=$TMP/above
mkdir -p "$A/cache" "$A/names" "$TMP/elsewhere"
same_sentence() { grep -qF -- "$2" "$TMP/stderr" && ok "$1" || not_ok "$1" "$(cat "$TMP/stderr")"; }

echo "-- the cache directory"
refused "mount refuses a mount point above the cache directory" 8 mount --cache-dir "$A/cache" "$L" "$A"
same_sentence "the error names the hidden cache directory" "mount point $A: it would hide the cache directory $A/cache from the mount itself"
refused "mount refuses a mount point above the cache directory of -o cache_dir" 8 mount -o "cache_dir=$A/cache" "$L" "$A"
LAYOUTFS_CACHE_DIR=$A/cache refused "mount refuses a mount point above the default cache directory" 8 mount "$L" "$A"
refused "mount refuses a mount point above a cache directory that does not exist yet" 8 mount --cache-dir "$A/not/made/yet" "$L" "$A"
refused "mount refuses a new mount point above a new cache directory" 8 mount --cache-dir "$TMP/new/cache" "$L" "$TMP/new"
same "a refused mount creates no mount point" "" "$(ls -d "$TMP/new" 2>/dev/null)"
refused "mount refuses the cache directory as the mount point" 8 mount --cache-dir "$A/cache" "$L" "$A/cache"
refused "mount refuses a mount point in the cache directory" 8 mount --cache-dir "$A/cache" "$L" "$A/cache/layers"
same_sentence "the error names the cache directory around the mount point" "inside the cache directory $A/cache"
ln -s "$A/cache" "$TMP/to-cache"
refused "mount refuses a mount point above the target of a symlink to the cache directory" 8 mount --cache-dir "$TMP/to-cache" "$L" "$A"
ln -s "$TMP/elsewhere" "$A/to-elsewhere"
refused "mount refuses a mount point above a symlink to the cache directory" 8 mount --cache-dir "$A/to-elsewhere/cache" "$L" "$A"
ln -s ../above/to-elsewhere/cache "$TMP/elsewhere/to-above"
refused "mount refuses a mount point above one of several symlinks to the cache directory" 8 mount --cache-dir "$TMP/elsewhere/to-above" "$L" "$A"
ln -s loop "$TMP/loop"
mount_at "$A" --cache-dir "$TMP/loop/cache" "$L"
check "mount accepts a cache directory that is a symlink to itself" ls "$A/refs/latest/rootfs/etc/name"
unmount "$A"
refused "mount refuses a mount point above the cache directory under another path" 8 mount --cache-dir "$A/../above/./cache" "$L" "$TMP/elsewhere/../above"
mkdir "$TMP/bound"
mount --bind "$A" "$TMP/bound" || exit 1
refused "mount refuses a mount point that a bind mount shows above the cache directory" 8 mount --cache-dir "$TMP/bound/cache" "$L" "$A"
umount "$TMP/bound"
mount_at "$A" --cache-dir "$TMP/elsewhere/cache" "$L"
check "mount accepts a mount point beside the cache directory" ls "$A/refs/latest/rootfs/etc/name"
unmount "$A"
mkdir "$TMP/working"
(cd "$TMP/working" && layoutfs mount -q --cache-dir relative "$L" "$TMP/m")
check "mount resolves a relative cache directory in the caller's directory" sh -c "ls '$TMP/m/refs/latest/rootfs/etc/name' && test -d '$TMP/working/relative/layers'"
unmount "$TMP/m"

echo "-- the store of image names"
LAYOUTFS_STORE=$A/names refused "mount refuses a mount point above the store of names" 8 mount "$L" "$A"
LAYOUTFS_STORE=$A/names refused "mount refuses a mount point in the store of names" 8 mount "$L" "$A/names/m"

echo "-- a directory of layouts"
mkdir "$A/layouts"
cp -r "$L" "$A/layouts/one"
refused "mount refuses a mount point above the directory of layouts" 8 mount --repositories "$A/layouts" "$A"
same_sentence "the error names the hidden directory of layouts" "it would hide the directory of layouts $A/layouts"
refused "mount refuses a mount point in the directory of layouts" 8 mount --repositories "$A/layouts" "$A/layouts/one"

echo "-- one layout"
refused "mount --follow-links refuses a mount point above the layout" 8 mount --follow-links "$A/layouts/one" "$A"
mount_at "$A" "$A/layouts/one"
check "mount accepts a mount point above the layout, which stays open" cat "$A/refs/latest/rootfs/etc/name"
unmount "$A"

echo "-- the upper directory of chroot"
upper() {
  local sentence=$1
  shift
  layoutfs chroot "$@" >"$TMP/stdout" 2>"$TMP/stderr"
  same "$sentence" 125 $?
}
upper "chroot refuses --upper in the cache directory" --cache-dir "$A/cache" --upper "$A/cache/upper" "$L:latest" true
same_sentence "the error names the cache directory around --upper" "--upper $A/cache/upper: inside the cache directory $A/cache"
mkdir -p "$A/changes"
upper "chroot refuses --upper that contains the cache directory" --cache-dir "$A/changes/upper/cache" --upper "$A/changes" "$L:latest" true
same_sentence "the error names the cache directory in --upper" "--upper $A/changes: contains the cache directory"
LAYOUTFS_STORE=$A/names upper "chroot refuses --upper in the store of names" --upper "$A/names/upper" "$L:latest" true
same "no mount is left after all refused mounts" "" "$(mounts_below "$TMP")"
