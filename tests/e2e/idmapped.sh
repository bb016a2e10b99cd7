#!/usr/bin/env bash
# Idmapped mounts of an image: owners and ACLs appear mapped, access is checked for the mapped users, and attributes are
# listed for whoever may read them. The kernel then does not tell the server who asks.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need setpriv python3
# Selects a python that ordinary users can execute.
PATH=/usr/bin:$PATH
L=$TMP/layout M=$TMP/m I=$TMP/idmapped
mkdir "$I"
python3 "$HERE/attributes.py" make "$L" "$(host_architecture)" || exit 1
names() { limited "${@:2}" python3 "$HERE/attributes.py" names "$1" 2>&1; }
as() { limited setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"; }
# idmap DIR: mounts it on $I with users and groups from 0 on shown as those from 100000 on.
idmap() { limited python3 "$HERE/idmap_mount.py" "$1" "$I" 0 100000 65536; }
is_kernel_with_idmap() { [ "$(printf '%s\n' 6.12 "$(uname -r)" | sort -V | head -n 1)" = 6.12 ]; }
# The users of the entries in an ACL, from its extended attribute.
acl_users() {
  limited python3 -c 'import os, struct, sys
value = os.getxattr(sys.argv[1], "system.posix_acl_access")
print(*(who for tag, _, who in struct.iter_unpack("<HHI", value[4:]) if tag in (2, 8)))' "$1"
}

is_kernel_with_idmap || skip "Linux $(uname -r) has no idmapped FUSE mounts (6.12)"

echo "-- owners and permissions"
mount_at "$M" -o allow_other,kernel=no "$L:lists"
idmap "$M" || { not_ok "the mount of an image can be idmapped" "exit code $?" && exit 1; }
same "an idmapped mount shows mapped owners" "100000 100000 640" "$(limited stat -c '%u %g %a' "$I/secret")"
same "the mount below keeps its owners" "0 0 640" "$(limited stat -c '%u %g %a' "$M/secret")"
same "the mapped owner reads its file" "s" "$(as 100000 100000 cat "$I/secret" 2>&1)"
same "an ACL shows a mapped user" 100005 "$(acl_users "$I/secret")"
same "an ACL shows a mapped group" 100004 "$(acl_users "$I/journal")"
same "the mount below keeps the users of its ACLs" 5 "$(acl_users "$M/secret")"
# + for each allowed read, - for each denied one.
access() {
  local who got=
  for who in "100005 104242 secret" "100006 104242 secret" "5 4242 secret" "100006 100004 journal/f" "100006 4 journal/f" "100005 104242 denied" "100006 104242 denied"; do
    set -- $who
    if as "$1" "$2" cat "$I/$3" >/dev/null 2>&1; then got+=+; else got+=-; fi
  done
  echo "$got"
}
same "an idmapped mount enforces ACLs for mapped users" "+--+--+" "$(access)"
same "users in the ACL keep their access on the mount below" "s" "$(as 5 4242 cat "$M/secret" 2>&1)"
check "nobody can write to an idmapped mount" sh -c "! touch '$I/new' 2>'$TMP/said' && grep -qi read-only '$TMP/said'"
refused "umount refuses the mount below if it is busy" 8 umount "$M" 9<"$M/secret"
unmount "$M"
same "the idmapped mount remains if the mount below is unmounted" "s" "$(limited cat "$I/secret")"
check "umount(8) removes the idmapped mount" umount "$I"

if has_erofs; then
  mount_at "$M" -o allow_other,kernel=yes "$L:lists"
  idmap "$M"
  same "a kernel view can be idmapped" "100000 100000 640 100005" "$(limited stat -c '%u %g %a' "$I/secret") $(acl_users "$I/secret")"
  same "an idmapped kernel view enforces ACLs for mapped users" "+--+--+" "$(access)"
  check "umount(8) removes the idmapped kernel view" umount "$I"
  unmount "$M"
fi

echo "-- extended attributes"
mount_foreground "$M" "$TMP/log" -o allow_other,kernel=no "$L:odd"
idmap "$M"
for at in "$M" "$I"; do
  check "every attribute of ${at#"$TMP"/} that root lists can be read" python3 "$HERE/attributes.py" read "$at"
  check "every attribute of ${at#"$TMP"/} that an ordinary user lists can be read" setpriv --reuid 1234 --regid 1234 --clear-groups python3 "$HERE/attributes.py" read "$at"
  same "root sees all attributes of ${at#"$TMP"/}" "security.label trusted.note user.note" "$(names "$at/kinds/file")"
  for who in "--reuid 1 --clear-groups" "--reuid 100000 --clear-groups" "--bounding-set=-sys_admin"; do
    same "trusted.* of ${at#"$TMP"/} is hidden from a program with $who" "security.label user.note" "$(names "$at/kinds/file" setpriv $who)"
  done
done
check "umount(8) removes the idmapped mount with attributes" umount "$I"
unmount "$M"
wait_for has_ended "$pid" && ok "the server ends with the last of its mounts" || not_ok "the server ends with the last of its mounts"

echo "-- the whole layout"
mount_at "$M" -o allow_other "$L"
idmap "$M"
same "an idmapped mount of a layout shows mapped owners in a rootfs" "100000" "$(limited stat -c %u "$I/refs/lists/rootfs/secret")"
check "umount(8) removes the idmapped mount of a layout" umount "$I"
idmap "$M/refs/odd/rootfs/"
same "a rootfs in a layout can be idmapped alone" "100000" "$(limited stat -c %u "$I/kinds/file")"
check "umount(8) removes the idmapped rootfs" umount "$I"
unmount "$M"

echo "-- below an overlayfs"
# The upper directory must not be on an overlayfs, as the root of a container often is.
mkdir "$TMP/rw" "$TMP/merged" && mount -t tmpfs none "$TMP/rw" && mkdir "$TMP/rw/upper" "$TMP/rw/work"
mount_at "$M" -o allow_other,uid=1234 "$L:overlay"
mount -t overlay overlay -o "lowerdir=$M,upperdir=$TMP/rw/upper,workdir=$TMP/rw/work" "$TMP/merged" || exit 1
check "an ordinary user can change a file in an overlay" setpriv --reuid 1234 --regid 1234 --clear-groups sh -c "echo more >>'$TMP/merged/note'"
same "a file that an ordinary user has changed keeps all attributes" "security.label trusted.note" "$(names "$TMP/merged/note")"
same "an ordinary user sees no trusted.* in the overlay" "security.label" "$(names "$TMP/merged/note" setpriv --reuid 1234 --regid 1234 --clear-groups)"
check "umount(8) removes the overlay" umount "$TMP/merged"
unmount "$M"
finish
