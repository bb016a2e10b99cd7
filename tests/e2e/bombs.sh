#!/usr/bin/env bash
# Layers that decompress to a thousand times their size, or more: they are read like others, or refused, in memory that does
# not grow with them, and the mount lives on. LAYOUTFS_TEST_FULL=1 for a layer of 10 GiB.
. "$(dirname "$0")/lib.sh"
need_fuse
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || skip "sanitizers take memory of their own"
PATIENCE=300
B=$TMP/bombs M=$TMP/m
gib=5 # more than 32 bits count
[ -z "${LAYOUTFS_TEST_FULL-}" ] || gib=10
python3 "$HERE/make-bombs.py" "$B" $gib || exit 1
mount_foreground "$M" "$TMP/log" "$B"
peak() { awk '/^VmHWM:/ {print $2}' "/proc/$pid/status"; }

for image in gzip:$gib zstd:2; do
  file=$M/refs/${image%:*}/rootfs/zeros size=$((${image#*:} << 30))
  same "${image%:*}: the file has its size" $size "$(limited stat -c %s "$file")"
  for offset in 0 $((size / 2 - 77)) $((size - 100000)); do
    check "${image%:*}: zeros are read at byte $offset" cmp -n 100000 -i "$offset:0" "$file" /dev/zero
  done
done
kib=$(peak)
check "that took $kib KiB at most, of 65536" test "$kib" -lt 65536

limited ls "$M/refs/wrong-diff-id/rootfs/" >/dev/null 2>&1 && not_ok "a layer that differs from its diffID does not open"
check "and has an error" grep -q '^layer 0 .*the config says' "$M/refs/wrong-diff-id/error"

limited ls "$M/refs/headers/rootfs/" >/dev/null 2>&1 && not_ok "too many entries do not open"
check "and have an error" grep -q 'more entries than an index can hold' "$M/refs/headers/error"
kib=$(peak)
check "that took $kib KiB at most, of 1048576" test "$kib" -lt 1048576
check "the mount lives on" cmp -n 1000 "$M/refs/gzip/rootfs/zeros" /dev/zero
check "and gives the memory back" sh -c "awk '/^RssAnon/ {exit \$2 > 65536}' /proc/$pid/status"
unmount "$M"
