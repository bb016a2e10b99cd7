#!/usr/bin/env bash
# A blob of another repository is shared if the file system can share blocks (xfs, btrfs), and is verified
# anyway.
. "$(dirname "$0")/lib.sh"
need_root
need mkfs.xfs python3
truncate -s 400M "$TMP/disk"
mkfs.xfs -q -m reflink=1 "$TMP/disk" || skip "mkfs.xfs cannot make a file system here"
mkdir "$TMP/fs"
limited mount -o loop "$TMP/disk" "$TMP/fs" 2>/dev/null || skip "cannot mount an xfs here"
S=$TMP/fs/store
mkdir "$S"

head -c 50000000 /dev/urandom >"$TMP/blob"
digest=$(layoutfs push --no-progress "$S" first "$TMP/blob" 2>/dev/null)
used() { sync -f "$TMP/fs" && df --output=used -k "$TMP/fs" | tail -n 1; }
before=$(used)
prints "a blob of another repository" "$digest" push "$S" second --mount-from first --digest "$digest"
check "which is the same" cmp "$TMP/blob" "$S/second/blobs/${digest/://}"
after=$(used)
check "takes little of the disk ($((after - before)) KiB of 48828)" test $((after - before)) -lt 5000
check "and is a file of its own" test "$(stat -c %i "$S/first/blobs/${digest/://}")" != "$(stat -c %i "$S/second/blobs/${digest/://}")"

echo "something else" | layoutfs push "$S" third >/dev/null
printf x | dd of="$S/first/blobs/${digest/://}" bs=1 seek=1000 conv=notrunc status=none
unchanged "one that is damaged is refused" 7 push "$S" third --mount-from first --digest "$digest"
check "the other one is whole" cmp "$TMP/blob" "$S/second/blobs/${digest/://}"
