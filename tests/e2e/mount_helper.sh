#!/usr/bin/env bash
# The program under the name mount.layoutfs accepts the arguments of a helper of mount(8), and returns its exit codes.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
ln -s "$LAYOUTFS" "$TMP/mount.layoutfs"
helper() { limited "$TMP/mount.layoutfs" "$@" 2>"$TMP/stderr"; }
mkdir "$TMP/m"

helper "$LAYOUT" "$TMP/m" -sn -o rw,dev,suid,nofail,x-systemd.automount,_netdev
same "mount.layoutfs ignores options that mount(8) handles itself" 0 $?
same "mount.layoutfs prints nothing after a successful mount" "" "$(cat "$TMP/stderr")"
check "the mount shows the layout" test -e "$TMP/m/index.json"
unmount "$TMP/m"

# flags SENTENCE EXPECTED OPTION...: the mount must have the EXPECTED flags of the kernel.
flags() {
  local sentence=$1 expected=$2
  shift 2
  helper "$LAYOUT" "$TMP/m" "$@"
  same "$sentence" "$expected" "$(awk -v at="$TMP/m" '$5 == at {print $6}' /proc/self/mountinfo)"
  unmount "$TMP/m" >/dev/null
}
# mount(8) does not pass dev and suid to helpers.
flags "for root, mount.layoutfs allows devices and set-uid programs" ro,relatime -o ro
flags "-o nodev,nosuid forbids devices and set-uid programs" ro,nosuid,nodev,relatime -o nodev,nosuid
flags "-o nodev forbids only devices" ro,nodev,relatime -o nodev
flags "-o user forbids devices and set-uid programs" ro,nosuid,nodev,relatime -o user
flags "-o users forbids devices and set-uid programs" ro,nosuid,nodev,relatime -o ro,users
flags "an option after -o user overrides it" ro,nodev,relatime -o user,suid

helper "$LAYOUT" "$TMP/m" -o "fsname=one\\,two\\\\three\\040four,user,cache_dir=$TMP/a\\,b"
same "mount.layoutfs accepts an escaped comma, backslash and blank in a value" "0 one,two\\134three\\040four" "$? $(awk -v at="$TMP/m" '$5 == at {print $(NF - 1)}' /proc/self/mountinfo)"
for at in "$TMP"/m/manifests/sha256/*/rootfs; do ls "$at/" >/dev/null; done
check "an escaped comma is part of the cache directory's name" test -d "$TMP/a,b"
unmount "$TMP/m"
refused "mount refuses a NUL byte in an option's value" 2 mount -o 'fsname=a\000b' "$LAYOUT" "$TMP/m"

helper "$LAYOUT" "$TMP/m" -f -o ro
same "mount.layoutfs -f succeeds" 0 $?
same "mount.layoutfs -f mounts nothing" "" "$(grep -F " $TMP/m " /proc/self/mountinfo)"

helper "$LAYOUT:no-such" "$TMP/m"
same "mount.layoutfs exits with 32 if the mount failed" 32 $?
helper "$LAYOUT"
same "mount.layoutfs exits with 1 for wrong arguments" 1 $?
helper "$LAYOUT" "$TMP/m" -o no_such_option
same "mount.layoutfs exits with 1 for unknown options" 1 $?
for option in -h --help; do
  helper $option >"$TMP/stdout"
  same "mount.layoutfs $option prints the usage" "0 1" "$? $(grep -c '^usage: mount.layoutfs LAYOUT' "$TMP/stdout")"
done
