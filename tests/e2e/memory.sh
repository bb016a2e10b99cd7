#!/usr/bin/env bash
# Mounting a real layout and walking over all of it takes less than 40 MiB of memory.
. "$(dirname "$0")/lib.sh"
need_fuse
need_layout
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || skip "sanitizers take memory of their own"
M=$TMP/m
peak() { awk '/^VmHWM:/ {print $2}' "/proc/$pid/status"; }
for what in "an empty index cache" "a full one"; do
  mount_foreground "$M" "$TMP/log" "$LAYOUT"
  check "a walk with $what finds more than 4000 files" test "$(limited find "$M" -ls | wc -l)" -gt 4000
  check "all JSON files in refs/ can be read with $what" sh -c "find -L '$M'/refs -type f -name '*.json' -exec cat {} + >/dev/null"
  kib=$(peak)
  check "with $what the server takes at most 40960 KiB of memory: $kib KiB" test "$kib" -lt 40960
  unmount "$M"
  wait_for has_ended "$pid"
done
