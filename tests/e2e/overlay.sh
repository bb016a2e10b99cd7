#!/usr/bin/env bash
# overlayfs on top of a mounted image takes writes.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
make_layouts sample
M=$TMP/m
mount_at "$M" "$TMP/layouts/sample:app:1.0"
# The upper directory must not be on an overlayfs, which a container's root often is.
mkdir "$TMP/rw" "$TMP/merged"
[ "$(stat -f -c %T "$TMP")" != overlayfs ] || mount -t tmpfs none "$TMP/rw"
mkdir "$TMP/rw/upper" "$TMP/rw/work"
# The merged root has the attributes of the upper directory.
chmod --reference="$M" "$TMP/rw/upper"
chown --reference="$M" "$TMP/rw/upper"
touch --reference="$M" "$TMP/rw/upper"
check "overlayfs takes the mount as its lower directory" \
  mount -t overlay overlay -o "lowerdir=$M,upperdir=$TMP/rw/upper,workdir=$TMP/rw/work" "$TMP/merged"
O=$TMP/merged
same_tree "it shows the same files" "$M" "$O"
check "a new file" sh -c "echo new >$O/etc/new && grep -qx new $O/etc/new"
check "a changed file" sh -c "echo more >>$O/etc/name"
same "has the old and the new lines" "sample more" "$(xargs <"$O/etc/name")"
check "a changed file of a few megabytes" sh -c "printf x | dd of=$O/var/noise bs=1 seek=1000 conv=notrunc status=none"
same "differs in one byte" 1 "$(cmp -l "$M/var/noise" "$O/var/noise" | wc -l)"
check "a removed file" rm "$O/etc/added"
check "is gone" test ! -e "$O/etc/added"
check "a removed tree" rm -r "$O/srv"
check "a renamed directory" mv "$O/bin" "$O/renamed"
check "keeps its files" cmp "$M/bin/tool" "$O/renamed/tool"
check "a changed mode" chmod 600 "$O/etc/name"
same "the image below is as it was" "sample" "$(limited cat "$M/etc/name")"
check "unmount the overlay" umount "$O"
unmount "$M"
