#!/usr/bin/env bash
# The program under the name mount.layoutfs takes the arguments of a helper of mount(8), and ends as one.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_layout
ln -s "$LAYOUTFS" "$TMP/mount.layoutfs"
helper() { limited "$TMP/mount.layoutfs" "$@" 2>"$TMP/stderr"; }
mkdir "$TMP/m"

helper "$LAYOUT" "$TMP/m" -sn -o rw,dev,suid,nofail,x-systemd.automount,_netdev
same "it mounts, with options that mount(8) keeps for itself" 0 $?
same "without a word" "" "$(cat "$TMP/stderr")"
check "the layout is there" test -e "$TMP/m/index.json"
unmount "$TMP/m"

# flags SENTENCE EXPECTED OPTION...: of the mount, by the kernel.
flags() {
  local sentence=$1 expected=$2
  shift 2
  helper "$LAYOUT" "$TMP/m" "$@"
  same "$sentence" "$expected" "$(awk -v at="$TMP/m" '$5 == at {print $6}' /proc/self/mountinfo)"
  unmount "$TMP/m" >/dev/null
}
# mount(8) does not pass dev and suid on.
flags "for root, devices and set-uid programs are allowed" ro,relatime -o ro
flags "unless they are not" ro,nosuid,nodev,relatime -o nodev,nosuid
flags "each for itself" ro,nodev,relatime -o nodev
flags "user implies that they are not" ro,nosuid,nodev,relatime -o user
flags "so does users" ro,nosuid,nodev,relatime -o ro,users
flags "what is said behind it holds" ro,nodev,relatime -o user,suid

helper "$LAYOUT" "$TMP/m" -o "fsname=one\\,two\\\\three\\040four,user,cache_dir=$TMP/a\\,b"
same "a comma, a backslash and a blank in a value" "0 one,two\\134three\\040four" "$? $(awk -v at="$TMP/m" '$5 == at {print $(NF - 1)}' /proc/self/mountinfo)"
for at in "$TMP"/m/manifests/sha256/*/rootfs; do ls "$at/" >/dev/null; done
check "are those of a directory, too" test -d "$TMP/a,b"
unmount "$TMP/m"
refused "a NUL byte in a value is refused" 2 mount -o 'fsname=a\000b' "$LAYOUT" "$TMP/m"

helper "$LAYOUT" "$TMP/m" -f -o ro
same "with -f it only pretends" 0 $?
same "nothing is mounted then" "" "$(grep -F " $TMP/m " /proc/self/mountinfo)"

helper "$LAYOUT:no-such" "$TMP/m"
same "32 where nothing could be mounted" 32 $?
helper "$LAYOUT"
same "1 for wrong arguments" 1 $?
helper "$LAYOUT" "$TMP/m" -o no_such_option
same "and for unknown options" 1 $?
for option in -h --help; do
  helper $option >"$TMP/stdout"
  same "$option says what it takes" "0 1" "$? $(grep -c '^usage: mount.layoutfs LAYOUT' "$TMP/stdout")"
done
