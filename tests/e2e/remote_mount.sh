#!/usr/bin/env bash
# Mounts of images in registries show the same as mounts of layouts, fetch only the parts that are read, and survive a hostile registry, a
# lost network and a deleted tag. LAYOUTFS_TEST_FULL=1 adds kinds of layers, faults, and ways in which the network fails.
. "$(dirname "$0")/lib.sh"
. "$HERE/registries.sh"
need_fuse
need skopeo jq curl python3 getfattr
ARCHITECTURE=$(host_architecture) python3 "$HERE/random_readers.py" make "$TMP/big" 30000000 7 >/dev/null || exit 1
BIG=$TMP/big/layout
FILES=$TMP/big/files
M=$TMP/m
kinds="plain gzip zstd" faults="flip drop" modes=silent
[ -z "${LAYOUTFS_TEST_FULL-}" ] || kinds="plain gzip zstd frames" faults="flip unavailable drop" modes="reset closed silent"
OFF="--tls-verify=false"
start_hostile calm "big/app=$BIG"
tree_of() { (cd "$1" && limited ls -lnR --full-time .); }
layer_of() { layoutfs inspect --json "$BIG:$1" | jq -r '.layers[0].digest'; }
size_of() { stat -c %s "$BIG/blobs/${1/://}"; }
bytes_of_layer() { stats calm "[.ranges[\"$1\"][]?[1]] | add // 0"; }

echo "-- the same tree"
for name in $kinds; do
  mount_at "$TMP/local" "$BIG:$name"
  expected=$(tree_of "$TMP/local")
  unmount "$TMP/local"
  rm -rf "$LAYOUTFS_CACHE_DIR"
  control calm '{"reset_stats": true}'
  layer=$(layer_of $name)
  mount_at "$M" $OFF "docker://$calm/big/app:$name"
  same "$name: a mount of a registry has the same tree" "$expected" "$(tree_of "$M")"
  check "$name: all files have the right content" diff -r "$FILES" "$M"
  unmount "$M"
  check "$name: no byte of the layer is fetched twice" test "$(bytes_of_layer "$layer")" -le "$(size_of "$layer")"
  control calm '{"reset_stats": true}'
  mount_at "$M" $OFF "docker://$calm/big/app:$name"
  check "$name: a second mount has the right content" diff -r "$FILES" "$M"
  unmount "$M"
  same "$name: a second mount fetches no byte of the layer" 0 "$(bytes_of_layer "$layer")"
done

echo "-- lazily, with an existing index"
for name in plain gzip zstd; do
  layer=$(layer_of $name)
  rm -rf "$LAYOUTFS_CACHE_DIR"
  # The index of a layer does not depend on the place of the layer.
  check "$name: index creates an index from a layout" "$LAYOUTFS" index build --no-progress "$BIG:$name"
  control calm '{"reset_stats": true}'
  mount_at "$M" $OFF "docker://$calm/big/app:$name"
  check "$name: ls -R works with an index" ls -R "$M"
  check "$name: ls -R fetches at most 1 % of the bytes" test "$(bytes_of_layer "$layer")" -le $(($(size_of "$layer") / 100))
  file=$(cd "$FILES" && find . -type f -size +20k -size -60k | sort | head -n 1)
  check "$name: one file has the right content" cmp "$FILES/$file" "$M/$file"
  check "$name: one file costs less than a third of the layer" test "$(bytes_of_layer "$layer")" -lt $(($(size_of "$layer") / 3))
  unmount "$M"
done

echo "-- a deleted tag"
mount_at "$M" $OFF "docker://$calm/big/app:frames"
control calm '{"delete_tags": ["big/app:frames"]}'
check "an open mount continues after its tag was deleted" diff -r "$FILES" "$M"
unmount "$M"
refused "a deleted tag cannot be mounted" 3 mount -q $OFF "docker://$calm/big/app:frames" "$M"

echo "-- a full disk"
mkdir "$TMP/disk"
mount -t tmpfs -o size=4m,mode=700 tmpfs "$TMP/disk" || exit 1
mount_foreground "$M" "$TMP/log" $OFF -o "cache_dir=$TMP/disk/cache" "docker://$calm/big/app:plain"
check "all files have the right content though the cache does not fit on its disk" diff -r "$FILES" "$M"
same "a full disk is told once" 1 "$(grep -c 'No space left on device; reading continues without it' "$TMP/log")"
unmount "$M"
wait_for has_ended "$pid"
umount "$TMP/disk"

echo "-- transient faults"
start_hostile hostile --set tokens=5 --set redirect=yes --set links=5 --set smallest_range=20000 --set retry_after=0 --set drip_seconds=0.1 \
  --rate transient=20 "big/app=$BIG"
# KiB that a server may allocate: with the pages of the program and its libraries, less than 64 MiB.
most=49152
[ -z "${LAYOUTFS_TEST_SANITIZED-}" ] || most=1048576
for name in plain gzip; do
  for index in without with; do
    rm -rf "$LAYOUTFS_CACHE_DIR"
    [ $index = without ] || check "$name: index creates an index from a layout again" "$LAYOUTFS" index build --no-progress "$BIG:$name"
    mount_foreground "$M" "$TMP/log" $OFF "docker://$hostile/big/app:$name"
    PATIENCE=300 limited python3 "$HERE/remote_readers.py" "$FILES" "$M" 10000 "$pid" $most >"$TMP/reads" 2>&1
    same "$name $index an index: no read fails" "0 wrong 0, EIO 0, other errors 0" "$? $(sed 's/, peak.*//' "$TMP/reads")"
    cat "$TMP/reads"
    unmount "$M"
    wait_for has_ended "$pid"
  done
done
same "the second host gets no credentials" null "$(stats hostile .authorizations.cdn)"
echo "faults: $(stats hostile .faults)"

echo "-- permanent faults"
layer=$(layer_of gzip)
for fault in $faults; do
  rm -rf "$LAYOUTFS_CACHE_DIR"
  check "$fault: index creates an index from a layout" "$LAYOUTFS" index build --no-progress "$BIG:gzip"
  control hostile "{\"rates\": {\"transient\": 0, \"$fault\": 100}, \"settings\": {\"only\": \"$layer\"}}"
  mount_foreground "$M" "$TMP/log" $OFF -o net_timeout=1 "docker://$hostile/big/app:gzip"
  limited python3 "$HERE/remote_readers.py" "$FILES" "$M" 16 "$pid" $most >"$TMP/reads" 2>&1
  same "$fault: no wrong byte and no error but EIO" "0 wrong 0" "$? $(sed 's/,.*//' "$TMP/reads")"
  # The wrong byte of another attempt may lie outside of the range that is read.
  [ "$fault" = flip ] || check "$fault: EIO happens" grep -q 'EIO [1-9]' "$TMP/reads"
  # A layer that changes its bytes is told once, too, as distrusted.
  check "$fault: the log has one or two lines for all failures" test "$(grep -vc '^mounted ' "$TMP/log")" -ge 1 -a "$(grep -vc '^mounted ' "$TMP/log")" -le 2
  control hostile "{\"rates\": {\"$fault\": 0}}"
  wait_for diff -r "$FILES" "$M" && ok "$fault: the mount recovers" || not_ok "$fault: the mount recovers"
  unmount "$M"
  wait_for has_ended "$pid"
done
# Most responses bring only some bytes, and the next one continues there.
for fault in truncate reset; do
  rm -rf "$LAYOUTFS_CACHE_DIR"
  control hostile "{\"rates\": {\"$fault\": 70}, \"settings\": {\"smallest_range\": 0}}"
  mount_at "$M" $OFF -o net_timeout=10 "docker://$hostile/big/app:gzip"
  check "$fault: all files have the right content" diff -r "$FILES" "$M"
  unmount "$M"
  control hostile "{\"rates\": {\"$fault\": 0}}"
done

echo "-- the network is down"
for mode in $modes; do
  rm -rf "$LAYOUTFS_CACHE_DIR"
  check "$mode: index creates an index from a layout" "$LAYOUTFS" index build --no-progress "$BIG:gzip"
  mount_at "$M" $OFF -o net_timeout=30 "docker://$hostile/big/app:gzip"
  control hostile "{\"down\": {\"seconds\": 3, \"mode\": \"$mode\"}}"
  check "$mode: reads continue after the network was down for 3 seconds" diff -r "$FILES" "$M"
  unmount "$M"
done
rm -rf "$LAYOUTFS_CACHE_DIR"
check "waiting: index creates an index from a layout" "$LAYOUTFS" index build --no-progress "$BIG:gzip"
mount_at "$M" $OFF -o net_timeout=1,net=wait "docker://$hostile/big/app:gzip"
control hostile '{"down": {"seconds": 5, "mode": "closed"}}'
check "net=wait waits longer than net_timeout" diff -r "$FILES" "$M"
unmount "$M"
