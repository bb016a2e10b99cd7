#!/usr/bin/env bash
# push --mount-from shares the blocks of a blob if the file system supports it (xfs, btrfs), and verifies the blob in
# any case.
. "$(dirname "$0")/lib.sh"
need_root
need mkfs.xfs python3
truncate -s 400M "$TMP/disk"
mkfs.xfs -q -m reflink=1 "$TMP/disk" || skip "mkfs.xfs cannot create a file system here"
mkdir "$TMP/fs"
limited mount -o loop "$TMP/disk" "$TMP/fs" 2>/dev/null || skip "cannot mount an xfs here"
S=$TMP/fs/store
mkdir "$S"

head -c 50000000 /dev/urandom >"$TMP/blob"
digest=$(layoutfs push --no-progress "$S" first "$TMP/blob" 2>/dev/null)
used() { sync -f "$TMP/fs" && df --output=used -k "$TMP/fs" | tail -n 1; }
before=$(used)
prints "push --mount-from shares a blob of another repository" "$digest" push "$S" second --mount-from first --digest "$digest"
check "a shared blob has the same content" cmp "$TMP/blob" "$S/second/blobs/${digest/://}"
after=$(used)
check "a shared blob takes less than 5000 KiB of the disk: $((after - before)) KiB" test $((after - before)) -lt 5000
check "a shared blob has its own inode" test "$(stat -c %i "$S/first/blobs/${digest/://}")" != "$(stat -c %i "$S/second/blobs/${digest/://}")"

echo "something else" | layoutfs push "$S" third >/dev/null
printf x | dd of="$S/first/blobs/${digest/://}" bs=1 seek=1000 conv=notrunc status=none
unchanged "push --mount-from refuses a damaged blob" 7 push "$S" third --mount-from first --digest "$digest"
check "the intact blob stays unchanged" cmp "$TMP/blob" "$S/second/blobs/${digest/://}"
