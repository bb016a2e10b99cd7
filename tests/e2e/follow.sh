#!/usr/bin/env bash
# The mount follows the layout while other programs change it.
. "$(dirname "$0")/lib.sh"
need_fuse
need umoci
make_layouts single
L=$TMP/layouts/single M=$TMP/m
mount_at "$M" "$L"
same "one ref at first" "latest" "$(limited ls "$M/refs")"
exec 8<"$M/index.json" 9<"$M/refs/latest/rootfs/etc/name"
before=$(cat "$L/index.json")

# Look it up before it exists, so that the kernel may have cached its absence.
check "a tag that is not there" test ! -e "$M/refs/added"
umoci tag --image "$L:latest" added || not_ok "umoci tag"
wait_for test -e "$M/refs/added/rootfs/etc/name" && ok "a tag that was added appears" || not_ok "a tag that was added appears"
wait_for sh -c "ls '$M/refs' | grep -qx added" && ok "refs/ lists it" || not_ok "refs/ lists it"
wait_for cmp -s "$L/index.json" "$M/index.json" && ok "index.json is the new one" || not_ok "index.json is the new one"

umoci config --image "$L:latest" --tag moved --author somebody || not_ok "umoci config"
wait_for test -e "$M/refs/moved" || not_ok "a second tag appears"
first=$(limited readlink "$M/refs/moved")
umoci config --image "$L:moved" --author "somebody else" || not_ok "umoci config"
moved() { [ "$(readlink "$M/refs/moved")" != "$first" ]; }
wait_for moved && ok "a tag that was moved leads to the new manifest" || not_ok "a tag that was moved leads to the new manifest"
check "which has a rootfs" test -e "$M/refs/moved/rootfs/etc/name"

# A mount inside: it must not be unmounted if its path is unchanged.
etc=$M/manifests/sha256/${first##*/}/rootfs/etc
mkdir "$TMP/other"
mount --bind "$TMP/other" "$etc" || not_ok "a bind mount in a root filesystem"
umoci rm --image "$L:latest" || not_ok "umoci rm"
gone() { [ ! -L "$M/refs/latest" ]; }
wait_for gone && ok "a tag that was removed disappears" || not_ok "a tag that was removed disappears"
same "what was open keeps its content" "sample" "$(limited cat <&9)"
same "so does the old index.json" "$before" "$(limited cat <&8)"
exec 8<&- 9<&-
is_mounted "$etc" && ok "what is mounted in an image that stays is still there" || not_ok "what is mounted in an image that stays is still there"
umount "$etc"
unmount "$M"

# SIGHUP invalidates the kernel's recent answers, as after an undetected change.
mount_foreground "$M" "$TMP/log" -d "$L"
limited ls -l "$M/refs" >"$TMP/listed"
kill -HUP "$pid"
told() { grep -q 'NOTIFY: code=2' "$TMP/log"; }
wait_for told && ok "SIGHUP: attributes are asked for again" || not_ok "SIGHUP: attributes are asked for again"
same "and the mount lives on" "$(cat "$TMP/listed")" "$(limited ls -l "$M/refs")"
# A tag that is removed just after a lookup; tried again if that took so long that the kernel's entry has
# expired.
passing_tag() {
  layoutfs ref put "$L" passing "sha256:${first##*/}" && limited readlink "$M/refs/passing" &&
    layoutfs ref rm "$L" passing && sleep 0.2 && grep -q 'NOTIFY: code=3' "$TMP/log"
}
wait_for passing_tag && ok "a name that is gone is forgotten" || not_ok "a name that is gone is forgotten"
