#!/usr/bin/env bash
# Readers list directories of 10,000 entries while entries are added and removed. Permanent entries are listed exactly
# once. LAYOUTFS_TEST_SEED repeats a run.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3
seed=${LAYOUTFS_TEST_SEED:-$RANDOM}
echo "LAYOUTFS_TEST_SEED=$seed"
PATIENCE=$((PATIENCE * 5))
make_layouts single
for kind in blobs refs; do
  rounds=60
  [ $kind = blobs ] || rounds=15 # each round writes an index.json of 2 MB
  cp -r "$TMP/layouts/single" "$TMP/$kind"
  mount_at "$TMP/m" "$TMP/$kind"
  if output=$(limited python3 "$HERE/listings.py" "$TMP/$kind" "$TMP/m" $kind 10000 $rounds "$seed" 2>&1); then
    ok "$kind: $output"
  else
    not_ok "$kind: a listing shows every unchanged name exactly once" "$output"
  fi
  unmount "$TMP/m"
done
