#!/usr/bin/env bash
# 32 readers of a mounted layout while another process adds and removes tags and collects garbage: all bytes are right,
# nothing hangs, and the mount lives. 200 tags, with LAYOUTFS_TEST_FULL=1 1,000; LAYOUTFS_TEST_SEED repeats a run, as far as
# the readers' timing allows.
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
  ok "all bytes are right: $output"
else
  not_ok "all bytes are right" "$output"
fi
check "the mount lives" ls "$M/refs"
unmount "$M"
wait_for has_ended "$pid"
wait "$pid"
same "the program ends well" 0 $?
same "no thread was in another's way" "" "$(grep -A 20 'WARNING: ThreadSanitizer' "$TMP/log")"
