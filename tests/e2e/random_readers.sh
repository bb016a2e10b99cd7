#!/usr/bin/env bash
# Sixteen readers at random offsets of an image and two sequential readers all get the right bytes, with bounded memory.
# If the cache is large enough, little is decoded twice. After damage to a blob, reads return errors and never wrong
# bytes. LAYOUTFS_TEST_FULL=1 reads an image of 1 GB for a minute. LAYOUTFS_TEST_SEED repeats a run.
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

# Memory of a mount in addition to the cache (mount.layoutfs(8), cache_size).
beside=$((128 * 1024))
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || beside=$((4096 * 1024))
views=(no yes)
has_erofs || views=(no)
for compression in plain gzip zstd frames; do
  for view in "${views[@]}"; do
    mount_foreground "$M" "$TMP/log" -o "cache_size=32M,kernel=$view" "$L:$compression"
    check "$compression, kernel=$view: all readers get the right bytes, with 32 MiB of cache and $((beside / 1024)) MiB beside it" \
      "${readers[@]}" read "$TMP" "$M" "$pid" "$seconds" $((32 * 1024 + beside)) "$seed"
    same "$compression, kernel=$view: the server logs no errors" "" "$(grep "cannot read" "$TMP/log")"
    unmount "$M"
    wait_for has_ended "$pid"
  done
done

# A read between two access points of a compressed layer decodes only to the end of the read, and a later read may start
# at the first point again: on average 1.86 times as much, with six spans between two points and no decoder to continue. In a layer of
# 64 such runs the standard deviation is 0.07, so twice as much happens once in fifty layers.
statistic() { getfattr --absolute-names --only-values -n user.layoutfs.stats "$M" | grep -o "\"$1\":[0-9]*" | cut -d: -f2; }
for compression in plain gzip; do
  # In a plain layer, two readers may decode the same span ahead at the same time.
  most=$((tar_size + tar_size / 20))
  [ $compression = plain ] || most=$((tar_size * 23 / 10))
  mount_foreground "$M" "$TMP/log" --no-kernel -o "cache_size=$((2 * tar_size))" "$L:$compression"
  check "$compression: all readers get the right bytes with a cache for all spans" \
    "${readers[@]}" read "$TMP" "$M" "$pid" "$seconds" $((2 * tar_size / 1024 + beside)) "$seed"
  decoded=$(statistic decodedBytes)
  check "$compression: with a cache for all spans, little is decoded twice: $decoded bytes of at most $most" test "$decoded" -le "$most"
  unmount "$M"
  wait_for has_ended "$pid"
done

# Damages the blob while it is mounted. The index is in the cache already, and identifies the original content.
# damage VIEW COMPRESSION DAMAGE
damage() {
  local sentence="$2, $3, kernel=$1" blob errors
  rm -rf "$TMP/damaged"
  layoutfs copy --no-progress "$L:$2" "$TMP/damaged:$2" >"$TMP/stdout" || not_ok "cp copies the layout for damage to $2"
  mount_foreground "$M" "$TMP/log" -o "kernel=$1" "$TMP/damaged:$2"
  blob=$(find "$TMP/damaged/blobs" -type f -size +1M)
  "${readers[@]}" damage "$blob" "$3" "$seed"
  same "$sentence: no file has wrong bytes" "" "$(limited "${readers[@]}" compare "$TMP" "$M" 2>&1)"
  errors=$(grep -c "cannot read a layer: " "$TMP/log")
  # A flipped bit may have no effect.
  [ "$3" = flip ] || check "$sentence: the server logs the damage" test "$errors" -gt 0
  unmount "$M"
  wait_for has_ended "$pid"
}
for compression in plain gzip zstd frames; do
  for how in flip truncate delete; do
    damage no "$compression" "$how"
    # The layer under both views is the same, so two compressions are enough for the other one.
    [[ "${views[*]}" != *yes* || $compression != [pg]* ]] || damage yes "$compression" "$how"
  done
done
exit
