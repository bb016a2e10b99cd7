#!/usr/bin/env bash
# Zstandard layers of all writers, with a tree of real files: reads at random offsets equal tar(1)'s output. If a frame
# has no access points, they come from a decoded copy on disk, even after that is damaged or removed.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need zstd pzstd skopeo jq python3
PATIENCE=$((PATIENCE * 5))
L=$TMP/layout
M=$TMP/m
check "init creates a layout" "$LAYOUTFS" init "$L"

# files_of BYTES: prints real files with about this total size.
files_of() {
  find /usr/bin /usr/lib -xdev -type f -size -8M -printf '%s %p\n' 2>/dev/null | sort -k 2 |
    awk -v most="$1" '{size += $1; if (size > most) exit; print substr($0, index($0, " ") + 1)}'
}
files_of 110000000 | tar -P -cf "$TMP/large.tar" --verbatim-files-from -T - 2>/dev/null
# Input for slow compression. With LAYOUTFS_TEST_FULL=1 it is large enough for access points at level 19.
small=6000000
[ -z "${LAYOUTFS_TEST_FULL-}" ] || small=60000000
files_of $small | tar -P -cf "$TMP/small.tar" --verbatim-files-from -T - 2>/dev/null
[ "$(stat -c %s "$TMP/large.tar")" -gt 90000000 ] || skip "there are not enough files below /usr"

# image NAME TAR BLOB: adds an image with this one layer.
image() {
  local diff_id layer config manifest type=application/vnd.oci.image
  diff_id=sha256:$(sha256sum <"$2" | cut -d' ' -f1)
  layer=$(layoutfs blob put "$L" "$3")
  config=$(jq -cn --arg diff_id "$diff_id" --arg arch "$(host_architecture)" \
    '{architecture: $arch, os: "linux", rootfs: {type: "layers", diff_ids: [$diff_id]}}' |
    tee "$TMP/config" | layoutfs blob put "$L")
  manifest=$(jq -cn --arg type $type --arg config "$config" --arg layer "$layer" \
    --argjson config_size "$(stat -c %s "$TMP/config")" --argjson layer_size "$(stat -c %s "$3")" '{
      schemaVersion: 2, mediaType: ($type + ".manifest.v1+json"),
      config: {mediaType: ($type + ".config.v1+json"), digest: $config, size: $config_size},
      layers: [{mediaType: ($type + ".layer.v1.tar+zstd"), digest: $layer, size: $layer_size}]}' |
    layoutfs blob put "$L")
  layoutfs ref put "$L" "$1" "$manifest" --media-type $type.manifest.v1+json || not_ok "the test stores the image $1"
}
# reads_as SENTENCE TAR FILE [ROUNDS]: both files must have the same bytes at random offsets, the last byte first.
cat >"$TMP/reads_as.py" <<'PYTHON'
import os, random, sys
plain, file = (os.open(name, os.O_RDONLY) for name in sys.argv[1:3])
size = os.fstat(plain).st_size
assert os.fstat(file).st_size == size, "another size"
chance = random.Random(7)
offsets = [size - 1] + [chance.randrange(size) for _ in range(int(sys.argv[3]))]
for offset in offsets:
    length = chance.choice([1, 4096, 100_000, 3_000_000])
    expected = os.pread(plain, length, offset)
    assert os.pread(file, length, offset) == expected, f"{length} bytes at {offset} differ"
PYTHON
reads_as() { check "$1" python3 "$TMP/reads_as.py" "$2" "$3" "${4:-40}"; }
copies() { find "$LAYOUTFS_CACHE_DIR/decoded" -type f 2>/dev/null | wc -l; }
stats() { limited getfattr --only-values -n user.layoutfs.stats "$M" 2>/dev/null; }
stat_is() { test "$(stats | jq ".$1")" "$2" "$3"; }
# comes SENTENCE COMMAND...: the command must succeed within the time limit.
comes() {
  local sentence=$1
  shift
  if wait_for "$@"; then ok "$sentence"; else not_ok "$sentence" "$*" "$(stats)"; fi
}

# skippable SIZE NUMBER: prints a frame that decoders skip (RFC 8878, 3.1.2).
skippable() { python3 -c 'import struct, sys; size, number = map(int, sys.argv[1:])
sys.stdout.buffer.write(struct.pack("<II", 0x184D2A50 + number, size) + bytes(size))' "$1" "$2"; }
# seekable TAR: prints many frames, with the table of the seekable format at the end.
seekable() { python3 - "$1" <<'PYTHON'; }
import struct, subprocess, sys
table, content = b"", open(sys.argv[1], "rb").read()
for at in range(0, len(content), 1 << 20):
    piece = content[at : at + (1 << 20)]
    frame = subprocess.run(["zstd", "-q", "-c"], input=piece, stdout=subprocess.PIPE, check=True).stdout
    sys.stdout.buffer.write(frame)
    table += struct.pack("<II", len(frame), len(piece))
table += struct.pack("<IBI", len(table) // 8, 0, 0x8F92EAB1)
sys.stdout.buffer.write(struct.pack("<II", 0x184D2A5E, len(table)) + table)
PYTHON

echo "-- one frame, of every writer"
zstd() { command zstd -q -f "$@"; }
for level in 1 3 9 19; do
  zstd -$level "$TMP/small.tar" -o "$TMP/blob" && image "level-$level" "$TMP/small.tar" "$TMP/blob"
done
zstd --ultra -22 "$TMP/small.tar" -o "$TMP/blob" && image ultra-22 "$TMP/small.tar" "$TMP/blob"
zstd --no-check "$TMP/small.tar" -o "$TMP/blob" && image no-check "$TMP/small.tar" "$TMP/blob"
# Input from a pipe has no known size.
zstd -c <"$TMP/small.tar" >"$TMP/blob" && image no-content-size "$TMP/small.tar" "$TMP/blob"
zstd -c --no-check <"$TMP/small.tar" >"$TMP/blob" && image no-check-no-content-size "$TMP/small.tar" "$TMP/blob"
zstd -1 "$TMP/large.tar" -o "$TMP/blob" && image large-1 "$TMP/large.tar" "$TMP/blob"
zstd -c <"$TMP/large.tar" >"$TMP/blob" && image large-3 "$TMP/large.tar" "$TMP/blob"
echo "-- several frames"
pzstd -q -f -p 3 "$TMP/large.tar" -o "$TMP/blob" && image pzstd "$TMP/large.tar" "$TMP/blob"
seekable "$TMP/small.tar" >"$TMP/blob" && image seekable "$TMP/small.tar" "$TMP/blob"
half=$((small / 2))
{
  skippable 0 0
  skippable 70000 15
  head -c $half "$TMP/small.tar" | zstd -c
  skippable 9 3
  tail -c +$((half + 1)) "$TMP/small.tar" | zstd -c --no-check
  skippable 300000 1
} >"$TMP/blob" && image skippable "$TMP/small.tar" "$TMP/blob"
echo "-- Go's encoder"
image plain "$TMP/large.tar" "$TMP/large.tar"
check "skopeo unpacks an image" skopeo --insecure-policy copy "oci:$L:plain" "dir:$TMP/plain"
for format in zstd zstd:chunked; do
  check "skopeo compresses to $format" skopeo --insecure-policy copy --dest-compress-format $format "dir:$TMP/plain" \
    "oci:$L:skopeo-${format#*:}"
done

mount_at "$M" "$L"
for reference in $(layoutfs ls "$L"); do
  case $reference in large* | pzstd | skopeo* | plain) tar=$TMP/large.tar ;; *) tar=$TMP/small.tar ;; esac
  layer=$M/refs/$reference/layers/00/layer.tar
  # A writer of zstd:chunked omits zeros at the end of a tar.
  [ $reference != skopeo-chunked ] ||
    { head -c "$(stat -L -c %s "$layer")" "$TMP/large.tar" >"$TMP/shorter.tar" && tar=$TMP/shorter.tar; }
  reads_as "reads of $reference return the right bytes" "$tar" "$layer"
done
same "no decoded copy exists for layers with access points" 0 "$(copies)"
unmount "$M"

echo "-- frames without access points"
zstd --long=27 -1 "$TMP/large.tar" -o "$TMP/blob"
image long "$TMP/large.tar" "$TMP/blob"
layer=$M/refs/long/layers/00/layer.tar
copy=$LAYOUTFS_CACHE_DIR/decoded/sha256/$(sha256sum <"$TMP/blob" | cut -d' ' -f1)

mount_foreground "$M" "$TMP/log" -v "$L"
reads_as "reads return the right bytes before and after a decoded copy is written" "$TMP/large.tar" "$layer" 100
comes "the server writes a decoded copy" test -f "$copy"
check "the log has the decoded copy and its reason" grep -q 'decoded copy of sha256:.*stream has [1-9][0-9]* MiB without an access point' "$TMP/log"
comes "the server reads spans from the decoded copy" stat_is copySpansRead -gt 10
unmount "$M"
wait_for has_ended "$pid"

mount_at "$M" "$L"
reads_as "reads in the next mount return the right bytes" "$TMP/large.tar" "$layer"
same "the next mount decodes nothing" "0 0" "$(stats | jq -r '"\(.decodedBytes) \(.copiesMade)"')"
unmount "$M"
same "cat uses the decoded copy" "$(head -c 1000000 "$(files_of 110000000 | tail -n 1)" | sha256sum)" \
  "$(layoutfs cat "$L:long" "$(files_of 110000000 | tail -n 1)" | head -c 1000000 | sha256sum)"

# Each kind of damage is at the end, which is read first.
overwrite_end() {
  head -c 5000000 /dev/urandom |
    dd of="$1" conv=notrunc oflag=seek_bytes seek="$(($(stat -c %s "$1") - 5000000))" status=none
}
for damage in "truncate -s 100000" "truncate -s 0" "cp $TMP/small.tar" overwrite_end; do
  $damage "$copy"
  mount_foreground "$M" "$TMP/log" -v "$L"
  reads_as "reads with a damaged decoded copy (${damage%% *}) return the right bytes" "$TMP/large.tar" "$layer" 30
  comes "the server drops the damaged decoded copy (${damage%% *})" stat_is copiesDropped = 1
  comes "the server writes the decoded copy again (${damage%% *})" stat_is copiesMade = 1
  unmount "$M"
  wait_for has_ended "$pid"
done

echo "-- without a decoded copy"
rm -r "$LAYOUTFS_CACHE_DIR/decoded"
mount_at "$M" -o cache_disk=0 "$L"
reads_as "reads with cache_disk=0 return the right bytes" "$TMP/large.tar" "$layer" 5
same "no decoded copy is written with cache_disk=0" 0 "$(copies)"
unmount "$M"
mount_at "$M" --cache-disk 10M "$L"
reads_as "reads return the right bytes if the copy would exceed the budget" "$TMP/large.tar" "$layer" 5
same "no decoded copy is written if it would exceed the budget" 0 "$(copies)"
unmount "$M"
mkdir -p "$TMP/full" && mount -t tmpfs -o size=20M,mode=0700 tmpfs "$TMP/full"
mount_foreground "$M" "$TMP/log" --cache-dir "$TMP/full" "$L"
reads_as "reads with a full disk return the right bytes" "$TMP/large.tar" "$layer" 5
same "the server logs one warning for a full disk" 1 "$(grep -c 'decoded copies: .*No space left' "$TMP/log")"
same "no decoded copy stays on a full disk" 0 "$(find "$TMP/full/decoded" -type f | wc -l)"
unmount "$M"
wait_for has_ended "$pid"
umount "$TMP/full"

echo "-- a server killed while writing"
mount_foreground "$M" "$TMP/log" -v "$L"
{
  python3 -c 'import os, sys
os.pread(os.open(sys.argv[1], os.O_RDONLY), 1, 70 << 20)
os.kill(int(sys.argv[2]), 9)' "$layer" "$pid"
  wait "$pid"
} 2>/dev/null
limited umount "$M"
check "a killed server leaves no decoded copy" test ! -e "$copy"
same "a killed server leaves a temporary file" 1 "$(copies)"
mount_at "$M" "$L"
reads_as "reads in the mount after a killed server return the right bytes" "$TMP/large.tar" "$layer"
comes "the mount after a killed server writes the decoded copy" stat_is copiesMade = 1
same "the mount after a killed server removes the temporary file" "$copy" "$(find "$LAYOUTFS_CACHE_DIR/decoded" -type f)"
unmount "$M"
check "index rm succeeds" "$LAYOUTFS" index rm "$L"
same "index rm removes the decoded copy" 0 "$(copies)"
