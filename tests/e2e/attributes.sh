#!/usr/bin/env bash
# Extended attributes and POSIX ACLs of images. Every listed attribute can be read, attributes that overlayfs reserves
# are hidden, and the mount grants at most the access that the ACLs grant.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need rsync setpriv python3 jq
# Selects a python that ordinary users can execute.
PATH=/usr/bin:$PATH
prepare_nobody
L=$TMP/layout M=$TMP/m
python3 "$HERE/attributes.py" make "$L" "$(host_architecture)" || exit 1
readable() { check "$1, every listed attribute can be read" "${@:3}" python3 "$HERE/attributes.py" read "$2"; }
names() { limited "${@:2}" python3 "$HERE/attributes.py" names "$1" 2>&1; }
# as UID GID COMMAND...: runs the command without privileges.
as() { limited setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"; }
has_user_namespaces() { setpriv --reuid=nobody --regid=nogroup --clear-groups unshare --user --map-root-user --mount true 2>/dev/null; }

echo "-- listed attributes"
mount_at "$M" -o allow_other "$L:odd"
readable "as root" "$M"
readable "as an ordinary user" "$M" setpriv --reuid 1234 --regid 1234 --clear-groups
readable "as root without capabilities" "$M" setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin
readable "as root of another user namespace" "$M" unshare --user --map-root-user
for kind in file ""; do
  same "root sees all attributes of a ${kind:-directory}" "security.label trusted.note user.note" "$(names "$M/kinds/$kind")"
done
for kind in link pipe null disk; do
  same "a $kind has no user.* attributes" "security.label trusted.note" "$(names "$M/kinds/$kind")"
done
same "trusted.* attributes are listed only for root" "security.label user.note" "$(names "$M/kinds/file" setpriv --reuid 1 --clear-groups)"
same "trusted.* attributes are not listed without CAP_SYS_ADMIN" "security.label user.note" "$(names "$M/kinds/file" setpriv --bounding-set=-sys_admin)"
same "names that are invalid on Linux are not listed" "user.good" "$(names "$M/odd/names")"
same "values that are too large for Linux are not listed" "user.largest" "$(names "$M/odd/values")"
same "a list that is too long for Linux is cut" 312 "$(names "$M/odd/many" | wc -w)"
same "malformed ACLs are not listed" "" \
  "$(for odd in capability first acl order link default; do names "$M/odd/$odd"; done | xargs)"
same "malformed ACLs do not change the mode" "p 644 644 644" "p $(stat -c %a "$M/odd/acl" "$M/odd/order" "$M/odd/default" | xargs)"
check "rsync -aX copies the mount with its attributes" rsync -aX --exclude many --exclude values "$M/" "$TMP/copy/"
same "rsync copies the attributes of symlinks too" "file security.label trusted.note" "$(readlink "$TMP/copy/kinds/link") $(names "$TMP/copy/kinds/link")"
unmount "$M"
mount_at "$M" "$L"
# EROFS cannot store this image: the lookup of rootfs.erofs fails.
readable "in the mount of a layout" "$M/refs/odd/rootfs"
readable "in the tree of a layer" "$M/refs/odd/layers/00/tree"
readable "in the directory of an image" "$M/refs/lists"
unmount "$M"

echo "-- attributes that overlayfs reserves"
mount_at "$M" "$L"
R=$M/refs/overlay
same "a rootfs hides the attributes that overlayfs reserves" "trusted.overlayed user.keep" "$(names "$R/rootfs/meta")"
check "a rootfs does not return the attributes that overlayfs reserves" sh -c "! getfattr -n trusted.overlay.metacopy '$R/rootfs/meta' && ! getfattr -n user.overlay.opaque '$R/rootfs/d'"
same "a layer's tree shows the attributes that overlayfs reserves" "trusted.overlay.opaque user.overlay.opaque" "$(names "$R/layers/01/tree/d")"
same "a layer's tree shows all attributes that overlayfs reserves" 10 "$(names "$R/layers/01/tree/meta" | wc -w)"
unmount "$M"
mount_at "$M" "$L:overlay"
same "an image's mount hides the attributes that overlayfs reserves" "trusted.overlayed user.keep" "$(names "$M/meta")"
same "directories of an image's mount have none of the attributes that overlayfs reserves" "" "$(names "$M/d")$(names "$M/moved")"
same "ls --json shows the attributes that overlayfs reserves" '["trusted.overlay.opaque","user.overlay.opaque"]' \
  "$(layoutfs ls --json "$L:overlay" d | jq -c '.directory.xattrs | keys')"
same "inspect --json counts the files with each hidden attribute" '{"trusted.overlay.impure":1,"trusted.overlay.metacopy":1,"trusted.overlay.opaque":1,"trusted.overlay.origin":1,"trusted.overlay.protattr":1,"trusted.overlay.redirect":1,"user.overlay.impure":1,"user.overlay.metacopy":1,"user.overlay.opaque":1,"user.overlay.origin":1,"user.overlay.protattr":1,"user.overlay.redirect":1}' \
  "$(layoutfs inspect --json "$L:overlay" | jq -cS .hiddenXattrs)"
same "inspect prints the number of files with a hidden attribute" "trusted.overlay.opaque of 1 file" "$(layoutfs inspect "$L:overlay" | sed -n 's/^\(hidden\)\? *\(trusted.overlay.opaque.*\)/\2/p')"
# The upper directory of an overlayfs must not be on an overlayfs.
mkdir "$TMP/rw" "$TMP/merged" && mount -t tmpfs none "$TMP/rw" && mkdir "$TMP/rw/upper" "$TMP/rw/work"
for userxattr in "" ",userxattr"; do
  check "overlayfs accepts the mount as its lower directory$userxattr" \
    mount -t overlay overlay -o "lowerdir=$M,upperdir=$TMP/rw/upper,workdir=$TMP/rw/work$userxattr" "$TMP/merged"
  same "the overlay$userxattr shows the content of all files" "4 1 3 " "$(cd "$TMP/merged" && cat meta d/low d/up 2>&1 | sed 's/./& /g')"
  same "the overlay$userxattr shows no other files" "" "$(ls "$TMP/merged/moved")"
  check "files of the overlay$userxattr can be changed" sh -c "echo more >>$TMP/merged/meta && echo more >>$TMP/merged/note"
  same "changed files of the overlay$userxattr keep their attributes" "trusted.overlayed user.keep security.label trusted.note" \
    "$(names "$TMP/merged/meta") $(names "$TMP/merged/note")"
  umount "$TMP/merged"
  rm -r "$TMP/rw/upper" "$TMP/rw/work" && mkdir "$TMP/rw/upper" "$TMP/rw/work"
done
unmount "$M"

echo "-- access control lists"
# access SENTENCE EXPECTED DIR: tests reads by users 5 and 6 and group 4; + for each allowed one, - for each denied one.
access() {
  local got=
  for who in "5 4242 secret" "6 4242 secret" "6 4 journal/f" "6 5 journal/f" "5 4242 denied" "6 4242 denied" "6 4 plain" "5 4242 many"; do
    set -- "$1" "$2" "$3" $who
    if as "$4" "$5" cat "$3/$6" >/dev/null 2>&1; then got+=+; else got+=-; fi
  done
  same "$1" "$2" "$got"
}
ENFORCED=+-+--++- SAFE=------+-
mkdir "$TMP/unpacked"
layoutfs mount -q "$L:lists" "$M" -o allow_other && rsync -aAX "$M/" "$TMP/unpacked/" && unmount "$M"
mount_at "$M" -o allow_other "$L:lists"
access "an image's mount enforces the ACLs of the image" $ENFORCED "$M"
access "a copy of the image enforces the same ACLs" $ENFORCED "$TMP/unpacked"
same "an image's mount shows the ACLs" "system.posix_acl_access system.posix_acl_default" "$(names "$M/journal")"
same "ACLs do not change the mode, except for one that is too large for FUSE" "640 750 644 600" \
  "$(cd "$M" && stat -c %a secret journal denied many | xargs)"
mount -t overlay overlay -o "lowerdir=$M,upperdir=$TMP/rw/upper,workdir=$TMP/rw/work" "$TMP/merged"
access "overlayfs over the mount enforces the ACLs" $ENFORCED "$TMP/merged"
check "files with ACLs can be changed in the overlay" sh -c "echo x >>$TMP/merged/secret && echo x >$TMP/merged/journal/new"
access "overlayfs enforces the ACLs after a change" $ENFORCED "$TMP/merged"
same "a new file in the overlay inherits the ACL of its directory" "system.posix_acl_access" "$(names "$TMP/merged/journal/new")"
umount "$TMP/merged"
unmount "$M"
mount_at "$M" -o allow_other,noacl "$L:lists"
access "with noacl the mode denies everybody whom the ACL denies" $SAFE "$M"
same "with noacl the mount shows no ACLs" "" "$(names "$M/secret")$(names "$M/journal")"
same "with noacl the mode has no permissions of ACL entries" "600 750 600 600" "$(cd "$M" && stat -c %a secret journal denied many | xargs)"
unmount "$M"
mount_at "$M" -o allow_other,uid=6 "$L:lists"
same "with uid=6, user 6 is the owner" "s" "$(as 6 4242 cat "$M/secret")"
same "with uid=6, other users in the ACL keep their access" "s" "$(as 5 4242 cat "$M/secret")"
unmount "$M"
for options in allow_other allow_other,acl; do
  expected=$([ $options = allow_other ] && echo $SAFE || echo $ENFORCED)
  mount_at "$M" -o $options "$L"
  access "a layout's mount with -o $options enforces the expected ACLs in a rootfs" $expected "$M/refs/lists/rootfs"
  access "a layout's mount with -o $options enforces the expected ACLs in a layer's tree" $expected "$M/refs/lists/layers/00/tree"
  unmount "$M"
  mkdir -p "$TMP/repositories"
  rm -rf "$TMP/repositories/one" && cp -r "$L" "$TMP/repositories/one"
  mount_at "$M" -o $options,repositories "$TMP/repositories"
  access "a mount of repositories with -o $options enforces the expected ACLs" $expected "$M/one/refs/lists/rootfs"
  unmount "$M"
done
for image in overlay lists; do
  mount_foreground "$M" "$TMP/log" -d -o allow_other,kernel=no "$L:$image"
  as 6 4242 sh -c "cat '$M/d/up' '$M/plain'" >/dev/null 2>&1
  asked=$([ "$(grep -c GETXATTR "$TMP/log")" = 0 ] && echo nothing || echo something)
  same "the kernel asks for ACLs only if the image has some: $image" "$([ $image = lists ] && echo something || echo nothing)" "$asked"
  unmount "$M"
done

echo "-- in a user namespace"
if has_user_namespaces; then
  inside() { as_nobody unshare --user --map-root-user --mount sh -c 'mkdir -p m && "$0/bin/layoutfs" mount -q "$1" m &&
    python3 "$2/attributes.py" read m && cat "m/$3" && "$0/bin/layoutfs" umount m' "$TMP" "$L:$1" "$HERE" "$2" 2>&1; }
  same "root of a user namespace reads its files in an image with ACLs" "s" "$(inside lists secret)"
  same "root of a user namespace reads every attribute in an image for overlayfs" "5" "$(inside overlay note)"
  same "root of a user namespace reads files of every kind" "x" "$(inside odd kinds/file)"
else
  left_out "ordinary users cannot create user namespaces here"
fi

echo "-- in chroot"
if [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1; then
  same "chroot enforces the ACLs of the image" "s refused f" "$(layoutfs chroot "$L:lists-runs" /bin/busybox sh -c '
    echo $(busybox su five -c "busybox cat secret") $(busybox su six -c "busybox cat secret" 2>/dev/null || echo refused) \
      $(busybox su member -c "busybox ls journal")' 2>&1)"
  same "chroot works for an image with attributes that overlayfs reserves" "4 1 3 more" "$(layoutfs chroot "$L:overlay-runs" /bin/busybox sh -c '
    echo more >>/note; echo $(busybox cat /meta) $(busybox cat /d/low) $(busybox cat /d/up) $(busybox tail -c 5 /note)' 2>&1)"
  if has_user_namespaces; then
    mkdir "$TMP/home/kept" && chown nobody "$TMP/home/kept"
    for upper in "" "--upper kept"; do
      same "an ordinary user's chroot works for an image with attributes that overlayfs reserves $upper" "4 1 3 more" \
        "$(as_nobody "$TMP/bin/layoutfs" chroot $upper "$L:overlay-runs" /bin/busybox sh -c '
        echo more >>/note; echo $(busybox cat /meta) $(busybox cat /d/low) $(busybox cat /d/up) $(busybox tail -c 5 /note)' 2>&1)"
    done
    same "an ordinary user's chroot works for an image with ACLs" "s j more" "$(as_nobody "$TMP/bin/layoutfs" chroot "$L:lists-runs" /bin/busybox sh -c '
      echo more >>/denied; echo $(busybox cat /secret) $(busybox cat /journal/f) $(busybox tail -c 5 /denied)' 2>&1)"
  else
    left_out "ordinary users cannot create user namespaces here"
  fi
else
  left_out "no static /bin/busybox (package busybox-static) to run in an image"
fi
