#!/usr/bin/env bash
# 32 readers use a mounted layout while another process adds and removes tags and collects garbage. All bytes are right,
# nothing hangs, and the mount still works at the end. 200 tags, or 1,000 with LAYOUTFS_TEST_FULL=1. LAYOUTFS_TEST_SEED
# repeats a run, except for the timing of the readers.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3
seed=${LAYOUTFS_TEST_SEED:-$RANDOM}
tags=200
[ -z "${LAYOUTFS_TEST_FULL-}" ] || tags=1000
echo "LAYOUTFS_TEST_SEED=$seed"
PATIENCE=$((PATIENCE * 10))
L=$TMP/layout M=$TMP/m
python3 "$HERE/churn.py" make "$L" || exit 1
mount_foreground "$M" "$TMP/log" "$L"
if output=$(limited python3 "$HERE/churn.py" run "$L" "$M" "$LAYOUTFS" 32 $tags "$seed" 2>&1); then
  ok "readers see the right bytes while the layout changes: $output"
else
  not_ok "readers see the right bytes while the layout changes" "$output"
fi
check "the mount still works after all changes" ls "$M/refs"
unmount "$M"
wait_for has_ended "$pid"
wait "$pid"
same "the program exits with 0" 0 $?
same "ThreadSanitizer reports no race" "" "$(grep -A 20 'WARNING: ThreadSanitizer' "$TMP/log")"
