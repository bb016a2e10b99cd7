#!/usr/bin/env bash
# The mount follows the layout while other programs change it.
. "$(dirname "$0")/lib.sh"
need_fuse
need umoci
make_layouts single
L=$TMP/layouts/single M=$TMP/m
mount_at "$M" "$L"
same "the mount shows one reference at first" "latest" "$(limited ls "$M/refs")"
exec 8<"$M/index.json" 9<"$M/refs/latest/rootfs/etc/name"
before=$(cat "$L/index.json")

# Looks the name up before it exists, so that the kernel may cache its absence.
check "refs/ does not show a tag before it is added" test ! -e "$M/refs/added"
umoci tag --image "$L:latest" added || not_ok "umoci adds a tag"
wait_for test -e "$M/refs/added/rootfs/etc/name" && ok "a tag that is added appears in the mount" || not_ok "a tag that is added appears in the mount"
wait_for sh -c "ls '$M/refs' | grep -qx added" && ok "refs/ lists the added tag" || not_ok "refs/ lists the added tag"
wait_for cmp -s "$L/index.json" "$M/index.json" && ok "index.json of the mount is the new one" || not_ok "index.json of the mount is the new one"

umoci config --image "$L:latest" --tag moved --author somebody || not_ok "umoci changes the configuration"
wait_for test -e "$M/refs/moved" || not_ok "a second tag appears in the mount"
first=$(limited readlink "$M/refs/moved")
umoci config --image "$L:moved" --author "somebody else" || not_ok "umoci changes the configuration of a tag"
moved() { [ "$(readlink "$M/refs/moved")" != "$first" ]; }
wait_for moved && ok "a tag that is moved leads to the new manifest" || not_ok "a tag that is moved leads to the new manifest"
check "a tag that is moved has a rootfs" test -e "$M/refs/moved/rootfs/etc/name"

# A mount inside the mount. It must stay if its path is unchanged.
etc=$M/manifests/sha256/${first##*/}/rootfs/etc
mkdir "$TMP/other"
mount --bind "$TMP/other" "$etc" || not_ok "a bind mount inside a rootfs succeeds"
umoci rm --image "$L:latest" || not_ok "umoci removes a tag"
gone() { [ ! -L "$M/refs/latest" ]; }
wait_for gone && ok "a tag that is removed disappears from the mount" || not_ok "a tag that is removed disappears from the mount"
same "an open file of a removed tag keeps its content" "sample" "$(limited cat <&9)"
same "an open index.json keeps its old content" "$before" "$(limited cat <&8)"
exec 8<&- 9<&-
is_mounted "$etc" && ok "a bind mount inside the rootfs of a remaining image stays" || not_ok "a bind mount inside the rootfs of a remaining image stays"
umount "$etc"
unmount "$M"

# SIGHUP invalidates the kernel's cached answers, as after an undetected change.
mount_foreground "$M" "$TMP/log" -d "$L"
limited ls -l "$M/refs" >"$TMP/listed"
kill -HUP "$pid"
told() { grep -q 'NOTIFY: code=2' "$TMP/log"; }
wait_for told && ok "SIGHUP makes the kernel ask for attributes again" || not_ok "SIGHUP makes the kernel ask for attributes again"
same "the mount still works after SIGHUP" "$(cat "$TMP/listed")" "$(limited ls -l "$M/refs")"
# Removes a tag just after a lookup. Tries again if that took so long that the kernel's entry has expired.
passing_tag() {
  layoutfs ref put "$L" passing "sha256:${first##*/}" && limited readlink "$M/refs/passing" &&
    layoutfs ref rm "$L" passing && sleep 0.2 && grep -q 'NOTIFY: code=3' "$TMP/log"
}
wait_for passing_tag && ok "the kernel forgets a removed name" || not_ok "the kernel forgets a removed name"
