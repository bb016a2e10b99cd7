#!/usr/bin/env bash
# Mounting and walking all of a real layout stays under 40 MiB of memory.
. "$(dirname "$0")/lib.sh"
need_fuse
need_layout
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || skip "sanitizers take memory of their own"
M=$TMP/m
peak() { awk '/^VmHWM:/ {print $2}' "/proc/$pid/status"; }
for what in "an empty index cache" "a full one"; do
  mount_foreground "$M" "$TMP/log" "$LAYOUT"
  check "walk everything, with $what" test "$(limited find "$M" -ls | wc -l)" -gt 4000
  check "read what is in refs, with $what" sh -c "find -L '$M'/refs -type f -name '*.json' -exec cat {} + >/dev/null"
  kib=$(peak)
  check "with $what it took $kib KiB at most, of 40960" test "$kib" -lt 40960
  unmount "$M"
  wait_for has_ended "$pid"
done
