#!/usr/bin/env bash
# Layers that decompress to a thousand times their size or more are read or refused with bounded memory, and the mount
# continues to work. LAYOUTFS_TEST_FULL=1 adds a layer of 10 GiB.
. "$(dirname "$0")/lib.sh"
need_fuse
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || skip "sanitizers take memory of their own"
PATIENCE=300
B=$TMP/bombs M=$TMP/m
gib=5 # more than 32 bits can count
[ -z "${LAYOUTFS_TEST_FULL-}" ] || gib=10
python3 "$HERE/make-bombs.py" "$B" $gib || exit 1
mount_foreground "$M" "$TMP/log" "$B"
peak() { awk '/^VmHWM:/ {print $2}' "/proc/$pid/status"; }

for image in gzip:$gib zstd:2; do
  file=$M/refs/${image%:*}/rootfs/zeros size=$((${image#*:} << 30))
  same "${image%:*}: the file has its size" $size "$(limited stat -c %s "$file")"
  for offset in 0 $((size / 2 - 77)) $((size - 100000)); do
    check "${image%:*}: the file has zeros at byte $offset" cmp -n 100000 -i "$offset:0" "$file" /dev/zero
  done
done
kib=$(peak)
check "reading the large files takes at most 65536 KiB of memory: $kib KiB" test "$kib" -lt 65536

limited ls "$M/refs/wrong-diff-id/rootfs/" >/dev/null 2>&1 && not_ok "an image with a wrong diffID does not open"
check "an image with a wrong diffID has an error file" grep -q '^layer 0 .*the config says' "$M/refs/wrong-diff-id/error"

limited ls "$M/refs/headers/rootfs/" >/dev/null 2>&1 && not_ok "an image with too many entries does not open"
check "an image with too many entries has an error file" grep -q 'more entries than an index can hold' "$M/refs/headers/error"
kib=$(peak)
check "indexing too many entries takes at most 1048576 KiB of memory: $kib KiB" test "$kib" -lt 1048576
check "the mount still works after the broken images" cmp -n 1000 "$M/refs/gzip/rootfs/zeros" /dev/zero
check "the mount releases the memory after indexing" sh -c "awk '/^RssAnon/ {exit \$2 > 65536}' /proc/$pid/status"
unmount "$M"
