#!/usr/bin/env bash
# A shell runs in a root filesystem that was never unpacked.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
need chroot
M=$TMP/m
mount_at "$M" -o dev,suid "$LAYOUT"
for ref in "$M"/refs/*; do
  name=${ref##*/}
  [ -x "$ref/rootfs/bin/busybox" ] || continue
  output=$(limited chroot "$ref/rootfs" /bin/busybox sh -c 'ls / && /bin/busybox uname' 2>&1)
  same "chroot(8) into refs/$name lists the root and runs a program" \
    "$(limited ls "$ref/rootfs")"$'\n'"$(uname)" "$output"
done
mount_at "$TMP/one" -o dev,suid "$LAYOUT:$(basename "$M"/refs/*latest)"
same "chroot(8) into a mounted image runs a program" "0" "$(limited chroot "$TMP/one" /bin/busybox id -u)"
unmount "$TMP/one"
unmount "$M"
