#!/usr/bin/env bash
# Mounts in a system: from fstab, listed by findmnt, idle, killed, and a hundred at the same time.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need findmnt unshare
make_layouts single
L=$TMP/layouts/single M=$TMP/m
mkdir "$M"

# mount(8) finds its helpers in /usr/sbin. An overlay adds one there, only for these commands.
cat >"$TMP/fstab" <<FSTAB
$L         $TMP/from-fstab/layout  fuse.layoutfs  ro,allow_other       0 0
$L:latest  $TMP/from-fstab/image   layoutfs       ro,dev,suid,nofail   0 0
$L:latest  $TMP/from-fstab/user    fuse.layoutfs  users,exec           0 0
$L:latest  $TMP/from-fstab/escaped layoutfs       fsname=a\\,b\\040c,cache_dir=$TMP/kept\\,in\\040fstab  0 0
$L:absent  $TMP/from-fstab/absent  layoutfs       noauto               0 0
FSTAB
cat >"$TMP/with-fstab" <<'COMMANDS'
set -eu
cd "$1"
mkdir upper from-fstab from-fstab/layout from-fstab/image from-fstab/user from-fstab/escaped
mount -t tmpfs none "$1/upper"
mkdir upper/upper upper/work
ln -s "$LAYOUTFS" upper/upper/mount.layoutfs
ln -s "$LAYOUTFS" upper/upper/mount.fuse.layoutfs
mount -t overlay overlay -o lowerdir=/usr/sbin,upperdir="$1/upper/upper",workdir="$1/upper/work" /usr/sbin
mount -T fstab -a
# A second time, there is nothing to do.
mount -T fstab -a
for at in layout image; do findmnt -n -o SOURCE,FSTYPE --mountpoint "$1/from-fstab/$at" | tr -s ' '; done
for at in image user; do findmnt -n -o VFS-OPTIONS --mountpoint "$1/from-fstab/$at"; done
findmnt -n -o SOURCE --mountpoint "$1/from-fstab/escaped"
cat from-fstab/layout/refs/latest/rootfs/etc/name from-fstab/image/etc/name
! mount -T fstab "$1/from-fstab/absent" 2>absent || echo "absent: mounted"
umount from-fstab/layout from-fstab/image from-fstab/user from-fstab/escaped
! findmnt --mountpoint "$1/from-fstab/layout" || echo "layout: still mounted"
COMMANDS
export LAYOUTFS
same "mount -a mounts an entry of fstab, findmnt shows it, and umount removes it" "$L fuse.layoutfs
layoutfs:$L:latest erofs
ro,relatime
ro,nosuid,nodev,relatime
layoutfs:a,b c
sample
sample" "$(limited unshare -m bash "$TMP/with-fstab" "$TMP" 2>&1)"
check "values of fstab may contain a comma and a blank" test -d "$TMP/kept,in fstab"
same "mount -a prints one line of the helper for an entry that cannot be mounted" 1 "$(grep -c '^layoutfs: ' "$TMP/absent")"

# Tests each way to name the image.
for arguments in "--ref latest $L" "--layout $L --ref latest" "$L:latest"; do
  layoutfs mount $arguments "$M" 2>"$TMP/said"
  same "mount $arguments prints the layout with its reference" "mounted $L:latest on $M, layoutfs:$L:latest" \
    "$(cat "$TMP/said"), $(findmnt -n -o SOURCE --mountpoint "$M")"
  unmount "$M"
done

# The mount ends when it is idle, but not while a process uses it.
mount_foreground "$M" "$TMP/log" -o idle_timeout=2s "$L"
exec 9<"$M/refs/latest/rootfs/var/noise"
sleep 4.5
is_mounted "$M" && ok "a mount that is in use stays after the idle timeout" || not_ok "a mount that is in use stays after the idle timeout"
exec 9<&-
wait_for is_not_mounted "$M" && ok "an idle mount is unmounted after the idle timeout" || not_ok "an idle mount is unmounted after the idle timeout"
wait_for has_ended "$pid" && ok "the server ends after the idle timeout" || not_ok "the server ends after the idle timeout"

mount_foreground "$M" "$TMP/log" "$L"
kill -9 "$pid"
wait "$pid" 2>/dev/null
check "access to a mount with a killed server fails with ENOTCONN" sh -c "! ls '$M' 2>'$TMP/stderr' && grep -q 'not connected' '$TMP/stderr'"
refused "mount refuses the mount point of a killed server" 8 mount "$L" "$M"
check "umount -l removes the mount of a killed server" umount -l "$M"
mount_at "$M" "$L"
check "a new mount works after umount -l" test -e "$M/index.json"
unmount "$M"

# All mounts start together on the same layout, so they build the same indexes.
count=100
for ((i = 0; i < count; ++i)); do mkdir "$TMP/m$i" && layoutfs mount -q "$L:latest" "$TMP/m$i" & done
wait
wrong=0
for ((i = 0; i < count; ++i)); do [ "$(limited cat "$TMP/m$i/etc/name")" = sample ] || wrong=$((wrong + 1)); done
same "$count mounts at the same time all answer" 0 $wrong
check "umount removes $count mounts at the same time" "$LAYOUTFS" umount $(seq -f "$TMP/m%.0f" 0 $((count - 1)))
same "no mount is left after umount of $count mounts" "" "$(mounts_below "$TMP")"

# A new mount namespace keeps the mounts of others.
cat >"$TMP/all" <<'COMMANDS'
set -eu
mounted() { awk '$5 ~ "/all-mounts/" {n++} END {print n + 0}' /proc/self/mountinfo; }
mkdir -p "$1/all-mounts/a" "$1/all-mounts/b" "$1/all-mounts/c"
for each in a b c; do "$LAYOUTFS" mount -q "$2" "$1/all-mounts/$each"; done
exec 9<"$1/all-mounts/a/index.json"
"$LAYOUTFS" umount -l "$1/all-mounts/a"
[ "$(mounted)" = 2 ]
cmp - "$2/index.json" <&9
exec 9<&-
"$LAYOUTFS" umount --all
[ "$(mounted)" = 0 ]
"$LAYOUTFS" umount -a
COMMANDS
check "umount -l detaches a mount, and umount --all unmounts all" \
  unshare --mount --propagation private env LAYOUTFS="$LAYOUTFS" bash "$TMP/all" "$TMP" "$L"
