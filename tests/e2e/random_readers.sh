#!/usr/bin/env bash
# Sixteen readers at random offsets of an image and two sequential ones all get the right bytes, in bounded
# memory, and little is decoded twice if the cache is large enough; a blob that is damaged afterwards gives
# errors and never wrong bytes. LAYOUTFS_TEST_FULL=1 reads for a minute from an image of 1 GB.
# LAYOUTFS_TEST_SEED repeats a run.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3 zstd
size=50000000 seconds=2
[ -z "${LAYOUTFS_TEST_FULL-}" ] || size=1000000000 seconds=60
PATIENCE=$((PATIENCE * 10))
seed=${LAYOUTFS_TEST_SEED:-$RANDOM}
echo "LAYOUTFS_TEST_SEED=$seed, $size bytes, $seconds s for each compression"
M=$TMP/m
ARCHITECTURE=$(host_architecture)
export ARCHITECTURE
readers=(python3 "$HERE/random_readers.py")
tar_size=$("${readers[@]}" make "$TMP" "$size" "$seed") || exit 1
L=$TMP/layout

# Memory that a mount may use in addition to the cache (mount.layoutfs(8), cache_size).
beside=$((128 * 1024))
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || beside=$((4096 * 1024))
for compression in plain gzip zstd frames; do
  mount_foreground "$M" "$TMP/log" -o cache_size=32M "$L:$compression"
  check "$compression: all readers get the right bytes, in the cache's 32 MiB and $((beside / 1024)) MiB beside it" \
    "${readers[@]}" read "$TMP" "$M" "$pid" "$seconds" $((32 * 1024 + beside)) "$seed"
  same "$compression: nothing went wrong" "" "$(grep "cannot read" "$TMP/log")"
  unmount "$M"
  wait_for has_ended "$pid"
done

# A read between two access points of a compressed layer decodes only up to its end, and another one may start
# at the first point again: on average 1.85 times as much, with six spans between two points.
statistic() { getfattr --absolute-names --only-values -n user.layoutfs.stats "$M" | grep -o "\"$1\":[0-9]*" | cut -d: -f2; }
for compression in plain gzip; do
  # A span decoded ahead of one reader in a plain layer may have been read by another at that moment.
  most=$((tar_size + tar_size / 100))
  [ $compression = plain ] || most=$((2 * tar_size))
  mount_foreground "$M" "$TMP/log" -o "cache_size=$((2 * tar_size))" "$L:$compression"
  check "$compression: with a cache that holds all too" \
    "${readers[@]}" read "$TMP" "$M" "$pid" "$seconds" $((2 * tar_size / 1024 + beside)) "$seed"
  decoded=$(statistic decodedBytes)
  check "$compression: then little is decoded twice: $decoded bytes of at most $most were" test "$decoded" -le "$most"
  unmount "$M"
  wait_for has_ended "$pid"
done

# Bit rot while it is mounted. The index is already in the cache, and identifies the original content of the
# blob.
for compression in plain gzip zstd frames; do
  for damage in flip truncate delete; do
    rm -rf "$TMP/damaged"
    layoutfs copy --no-progress "$L:$compression" "$TMP/damaged:$compression" >"$TMP/stdout" || not_ok "copy of $compression"
    mount_foreground "$M" "$TMP/log" "$TMP/damaged:$compression"
    blob=$(getfattr --absolute-names --only-values -n user.layoutfs.layer "$(find "$M" -type f | head -n 1)")
    "${readers[@]}" damage "$TMP/damaged/blobs/${blob/://}" $damage "$seed"
    same "$compression, $damage: no file has wrong bytes" "" "$(limited "${readers[@]}" compare "$TMP" "$M" 2>&1)"
    errors=$(grep -c "cannot read a layer: " "$TMP/log")
    # A flipped bit may be one that nothing depends on.
    [ $damage = flip ] || check "$compression, $damage: the log tells of it" test "$errors" -gt 0
    unmount "$M"
    wait_for has_ended "$pid"
  done
done
exit
