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

helper "$LAYOUT" "$TMP/m" -f -o ro
same "with -f it only pretends" 0 $?
same "nothing is mounted then" "" "$(grep -F " $TMP/m " /proc/self/mountinfo)"

helper "$LAYOUT:no-such" "$TMP/m"
same "32 where nothing could be mounted" 32 $?
helper "$LAYOUT"
same "1 for wrong arguments" 1 $?
helper "$LAYOUT" "$TMP/m" -o no_such_option
same "and for unknown options" 1 $?
