#!/usr/bin/env bash
# overlayfs over a mounted image can be written.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
make_layouts sample
M=$TMP/m
mount_at "$M" "$TMP/layouts/sample:app:1.0"
# The upper directory must not be on an overlayfs, as the root of a container often is.
mkdir "$TMP/rw" "$TMP/merged"
[ "$(stat -f -c %T "$TMP")" != overlayfs ] || mount -t tmpfs none "$TMP/rw"
mkdir "$TMP/rw/upper" "$TMP/rw/work"
# The merged root has the attributes of the upper directory.
chmod --reference="$M" "$TMP/rw/upper"
chown --reference="$M" "$TMP/rw/upper"
touch --reference="$M" "$TMP/rw/upper"
check "overlayfs accepts the mount as its lower directory" \
  mount -t overlay overlay -o "lowerdir=$M,upperdir=$TMP/rw/upper,workdir=$TMP/rw/work" "$TMP/merged"
O=$TMP/merged
same_tree "the overlay shows the same files as the mount" "$M" "$O"
check "a file can be created in the overlay" sh -c "echo new >$O/etc/new && grep -qx new $O/etc/new"
check "a file can be extended in the overlay" sh -c "echo more >>$O/etc/name"
same "an extended file has the old and the new lines" "sample more" "$(xargs <"$O/etc/name")"
check "a byte of a large file can be changed in the overlay" sh -c "printf x | dd of=$O/var/noise bs=1 seek=1000 conv=notrunc status=none"
same "a changed large file differs in one byte" 1 "$(cmp -l "$M/var/noise" "$O/var/noise" | wc -l)"
check "a file can be removed in the overlay" rm "$O/etc/added"
check "a removed file is gone" test ! -e "$O/etc/added"
check "a directory can be removed in the overlay" rm -r "$O/srv"
check "a directory can be renamed in the overlay" mv "$O/bin" "$O/renamed"
check "a renamed directory keeps its files" cmp "$M/bin/tool" "$O/renamed/tool"
check "a mode can be changed in the overlay" chmod 600 "$O/etc/name"
same "the image below the overlay stays unchanged" "sample" "$(limited cat "$M/etc/name")"
check "umount(8) removes the overlay" umount "$O"
unmount "$M"
