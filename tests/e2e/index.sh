#!/usr/bin/env bash
# The index cache and the commands of `layoutfs index`. If a cache is damaged, removed, shared or not written
# completely, an image has the right bytes or a clear error, and the cache recovers.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample single broken-images
L=$TMP/layouts/sample S=$TMP/layouts/single B=$TMP/layouts/broken-images
C=$LAYOUTFS_CACHE_DIR

# run ARGUMENT...: sets $code, $out and $err.
run() {
  layoutfs "$@" >"$TMP/stdout" 2>"$TMP/stderr" </dev/null
  code=$?
  out=$(cat "$TMP/stdout") err=$(cat "$TMP/stderr")
}
# says SENTENCE CODE STDERR ARGUMENT...: layoutfs must exit with CODE and print STDERR, and nothing on stdout.
says() {
  local sentence=$1 expected=$2 text=$3
  shift 3
  run "$@"
  same "$sentence" "$expected  $text" "$code $out $err"
}
kept() { (cd "$1" 2>/dev/null && find . -type f -printf '%P\n' | sort); }
manifest_of() { layoutfs inspect --json "$1" | jq -r .manifest; }
layers_of() { layoutfs inspect --json "$1" | jq -r '.layers[].digest'; }
index_of() { echo "$C/layers/${1/://}"; }
# Prints everything that an image shows of each file, and all bytes of one file per layer.
content_of() { layoutfs ls -R --json "$1" && layoutfs cat "$1" etc/added var/text var/noise | sha256sum; }
is_right() { same "$1" "$2" "$(content_of "$3" 2>"$TMP/stderr")"; }

echo "-- build"
says "index build indexes the named image" 0 "indexed 2 layers and 1 image; 0 layers and 0 images were already indexed" \
  index build "$L:app:1.0"
says "index build has nothing to do a second time" 0 "indexed 0 layers and 0 images; 2 layers and 1 image were already indexed" \
  index build "$L:app:1.0"
says "index build of another name of the same image has nothing to do" 0 "indexed 0 layers and 0 images; 2 layers and 1 image were already indexed" \
  index build --layout "$L" --ref team/project/app
says "index build of several platforms indexes this machine's" 0 \
  "indexed 0 layers and 0 images; 2 layers and 1 image were already indexed" index build "$L:multi"
says "index build --platform indexes the given platform" 0 "indexed 1 layer and 1 image; 0 layers and 0 images were already indexed" \
  index build --platform linux/s390x "$L:multi"
says "index build without a reference indexes all images" 0 "indexed 1 layer and 1 image; 3 layers and 2 images were already indexed" \
  index build "$L"
for image in "$L:app:1.0" "$L:@3" "--platform linux/s390x $L:multi"; do
  layoutfs inspect --json $image | jq -r '"images/\(.manifest)", "layers/\(.layers[].digest)"' | tr : /
done | sort >"$TMP/expected"
same "the cache has one file for each layer and each image" "$(cat "$TMP/expected")" "$(kept "$C")"
run index build --cache-dir "$TMP/other" "$S"
same "index build writes to --cache-dir" "0 3" "$code $(kept "$TMP/other" | wc -l)"
refused "index build refuses a directory that is not a layout" 4 index build "$TMP"
refused "index build refuses to run without a layout" 2 index build
refused "index build refuses an unknown image" 3 index build "$L:unknown"
refused "index build refuses a platform that the image does not have" 3 index build --platform linux/riscv64 "$L:multi"
layoutfs index >"$TMP/stdout" 2>"$TMP/stderr"
same "index without a command prints its help and exits with 2" "2 usage: layoutfs index COMMAND ..." "$? $(head -n 1 "$TMP/stdout")"

# mount refuses these images with the same exit codes.
refused "index build refuses an image with a damaged layer" 7 index build "$B:layer-with-a-flipped-bit"
refused "index build refuses an image with a missing layer" 3 index build "$B:missing-layer"
refused "index build refuses an unknown media type" 6 index build "$B:unknown-media-type"
run index build "$B"
check "index build indexes intact images beside broken ones" test -f "$C/images/$(manifest_of "$B:good" | tr : /)"
check "index build prints a line for each broken image" sh -c "test \$(grep -c '^layoutfs: $B: ' '$TMP/stderr') -gt 20"
same "index build prints a summary, and exits with the code of the first error" 1 "$([ "$code" != 0 ] && tail -n 1 "$TMP/stderr" | grep -c '^indexed ')"

echo "-- ls"
check "index ls --json lists each layer with its index" sh -c "'$LAYOUTFS' index ls --json '$L:app:1.0' | jq -e '
  .version == 1 and (.layers | length) == 2 and (.images | length) == 1 and .images[0].tree.inodes > 10 and
  ([.layers[].index | .entries, .points, .spans, .size, .uncompressedSize] | all(. > 0)) and
  ([.layers[].index.compression] | unique == [\"gzip\"]) and ([.layers[].tree] | unique == [null])'"
same "index ls --json has the sizes of the files" "$(for layer in $(layers_of "$L:app:1.0"); do stat -c %s "$L/blobs/${layer/://}" "$(index_of "$layer")"; done | xargs)" \
  "$(layoutfs index ls --json "$L:app:1.0" | jq -r '.layers[] | .size, .index.size' | xargs)"
same "index ls without a reference lists all images" "4 3" "$(layoutfs index ls --json "$L" | jq -r '"\(.layers | length) \(.images | length)"')"
check "index ls prints the layers for people" sh -c "'$LAYOUTFS' index ls '$L:app:1.0' | grep -Eq '^layer sha256:[0-9a-f]{64} .* gzip, [0-9]+ entries, [0-9]+ points?, [0-9]+ spans?, index .* \([0-9.]+ %\)\$'"
same "index ls shows missing indexes as null, or none" "null null image sha256: tree none" \
  "$(layoutfs index ls --json --cache-dir "$TMP/none" "$S" | jq -r '.layers[0].index, .images[0].tree' | xargs) $(
    layoutfs index ls --cache-dir "$TMP/none" "$S" | sed -n 's/^\(image sha256:\)[0-9a-f]* 2 layers,/\1/p')"
check "index ls creates no cache" test ! -e "$TMP/none"
run index ls "$B"
check "index ls prints an error for each unreadable document, and exits with an error" test "$code" != 0 -a -s "$TMP/stderr" -a -s "$TMP/stdout"
same "index ls --json has the same problems" "$(grep -c . "$TMP/stderr")" "$(layoutfs index ls --json "$B" 2>/dev/null | jq '.problems | length')"

echo "-- verify"
says "index verify finds no problems" 0 "verified the indexes of 4 layers and 3 images: no problems" index verify "$L"
says "index verify reports missing indexes as not indexed" 0 \
  "verified the indexes of 0 layers and 0 images: no problems; not indexed: 2 layers" index verify --cache-dir "$TMP/none" "$S"
check "index verify --json has a version" sh -c "'$LAYOUTFS' index verify --json '$L' |
  jq -e '.version == 1 and .indexes == 4 and .trees == 3 and .missing == 0 and .problems == []'"
layer=$(layers_of "$L:app:1.0" | head -n 1)
blob=$L/blobs/${layer/://}
cp -p "$blob" "$TMP/blob"
printf '\377' | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") / 2)) conv=notrunc status=none
run index verify "$L"
same "index verify finds a changed byte of a blob" 7 "$code"
check "index verify names the changed blob" grep -q "^index $layer: .*has digest" "$TMP/stdout"
same "index verify --json names the changed blob" "7 index" "$(layoutfs index verify --json "$L" 2>/dev/null >"$TMP/json"; echo $?) $(jq -r '.problems[0].kind' "$TMP/json")"
run index build "$L:app:1.0"
same "index build does not read the blob of an indexed layer" 0 "$code"
cp -p "$TMP/blob" "$blob"
check "index verify finds no problems after the blob is repaired" "$LAYOUTFS" index verify "$L"

echo "-- rm"
upper=$(layers_of "$S:latest" | tail -n 1)
# The image `single` has the same layers as the first image of `sample`.
run index rm "$L:@3"
same "index rm of an image removes its tree and its own layers" "0 removed 2 files" "$code ${err%,*}"
check "index verify finds no problems after index rm" "$LAYOUTFS" index verify "$L"
same "index rm keeps the indexes of other images" "3 2" "$(layoutfs index ls --json "$L" | jq -r '"\([.layers[] | select(.index)] | length) \([.images[] | select(.tree)] | length)"')"
says "index rm has nothing to do a second time" 0 "removed 0 files, 0 B" index rm "$L:@3"
python3 - "$S" <<'PYTHON'
# A second image with the same lower layer.
import hashlib, json, pathlib, sys
layout = pathlib.Path(sys.argv[1])
index = json.loads((layout / "index.json").read_text())
blob = lambda d: layout / "blobs" / d["digest"].replace(":", "/")
def put(document, like):
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(data)
    return {"mediaType": like["mediaType"], "digest": "sha256:" + digest, "size": len(data)}
first = index["manifests"][0]
manifest = json.loads(blob(first).read_text())
config = json.loads(blob(manifest["config"]).read_text())
config["rootfs"]["diff_ids"] = config["rootfs"]["diff_ids"][:1]
manifest["config"] = put(config, manifest["config"])
manifest["layers"] = manifest["layers"][:1]
second = put(manifest, first)
second["annotations"] = {"org.opencontainers.image.ref.name": "base"}
index["manifests"].append(second)
(layout / "index.json").write_text(json.dumps(index))
PYTHON
run index build "$S"
run index rm "$S:latest"
check "index rm keeps the index of a layer that another image has" test -f "$(index_of "$(layers_of "$S:base")")"
check "index rm removes the index of a layer that no other image has" test ! -e "$(index_of "$upper")"
run index build "$S"
printf 'of a later version' >"$(index_of "$upper")"
mkdir -p "$C/layer-trees/sha256"
printf 'anything' >"$C/layer-trees/${upper/://}"
unused=$(printf 'no image' | layoutfs blob put "$S")
printf 'of a blob that nothing leads to' >"$(index_of "$unused")"
others=$(kept "$C" | grep -vxFf <(cd "$S/blobs" && find . -type f -printf 'layers/%P\nlayer-trees/%P\nimages/%P\n'))
run index rm "$S"
same "index rm of a layout removes all files for it, and no others" "0 $others" "$code $(kept "$C")"
same "index rm without a cache succeeds" "0 removed 0 files, 0 B" "$(layoutfs index rm --cache-dir "$TMP/none" "$S" 2>&1 | sed 's/^/0 /')"

echo "-- damaged cache files"
app=$L:app:1.0
rm -rf "$C"
expected=$(content_of "$app")
check "the expected listing is not empty" test ${#expected} -gt 3000
layers=$(layers_of "$app")
lower=$(index_of "$(head -n 1 <<<"$layers")") upper=$(index_of "$(tail -n 1 <<<"$layers")")
tree=$C/images/$(manifest_of "$app" | tr : /)
cp -rp "$C" "$TMP/good-cache"
restore() { rm -rf "$C" && cp -rp "$TMP/good-cache" "$C"; }
# spoiled SENTENCE PROBLEM COMMAND...: after COMMAND, index ls and index verify must report PROBLEM, and the next use of
# the image must return the right bytes and repair the cache.
spoiled() {
  local sentence=$1 problem=$2
  shift 2
  restore
  "$@" || not_ok "$sentence: $*"
  run index verify "$app"
  same "index verify finds $sentence" 7 "$code"
  check "index verify prints the problem of $sentence" grep -q "$problem" "$TMP/stdout"
  check "index ls --json has the problem of $sentence" sh -c "'$LAYOUTFS' index ls --json '$app' | jq -re '.. | .problem? // empty' | grep -q '$problem'"
  is_right "the image has the right files in spite of $sentence" "$expected" "$app"
  check "index verify finds no problems after $sentence was rebuilt" "$LAYOUTFS" index verify "$app"
  same "index build has nothing left to do after $sentence was rebuilt" "indexed 0 layers and 0 images; 2 layers and 1 image were already indexed" \
    "$(layoutfs index build "$app" 2>&1)"
}
flip_in() { python3 - "$1" "$2" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]) if sys.argv[2] != "end" else -1, 0 if sys.argv[2] != "end" else 2)
    byte = file.read(1)
    file.seek(-1, 1)
    file.write(bytes([byte[0] ^ 0x10]))
PYTHON
}
for file in "$lower" "$upper" "$tree"; do
  name=$(cut -d/ -f1 <<<"${file#"$C"/}")
  spoiled "a flipped bit in the tables of $name" "wrong checksum" flip_in "$file" 200
  spoiled "a flipped bit at the end of $name" "wrong checksum" flip_in "$file" end
  spoiled "$name of an unsupported version" "unsupported version" flip_in "$file" 12
  spoiled "$name with another kind of tables" "wrong kind" flip_in "$file" 8
  spoiled "$name without its last bytes" "wrong size" truncate -s -100 "$file"
  spoiled "$name that ends in its header" "shorter than its header" truncate -s 100 "$file"
  spoiled "an empty file of $name" "shorter than its header" truncate -s 0 "$file"
  spoiled "$name with more bytes" "wrong size" truncate -s +100 "$file"
  spoiled "$name of zeros" "wrong magic number" sh -c "truncate -s 0 '$file' && truncate -s 50000 '$file'"
  spoiled "$name that others can write" "others could have written" chmod 666 "$file"
done
spoiled "the index of another layer" "another digest" cp "$upper" "$lower"
spoiled "a tree instead of an index" "wrong kind" cp "$tree" "$lower"
spoiled "a symlink instead of an index" "others could have written" sh -c "mv '$lower' '$TMP/moved' && ln -s '$TMP/moved' '$lower'"
spoiled "a pipe instead of an index" "others could have written" sh -c "rm '$lower' && mkfifo '$lower'"
restore

echo "-- a cache that cannot be used"
# in_memory CASE CACHE: ls must print the right files and one warning; index build must fail.
in_memory() {
  local sentence=$1 cache=$2
  layoutfs ls -R --json --cache-dir "$cache" "$app" >"$TMP/stdout" 2>"$TMP/stderr"
  same "ls with $sentence prints the right files and one warning" "$(head -n 1 <<<"$expected" | sha256sum) 1" \
    "$(head -n 1 "$TMP/stdout" | sha256sum) $(grep -c 'indexes are kept in memory only' "$TMP/stderr")"
  refused "index build of an image with $sentence fails" 9 index build --cache-dir "$cache" "$app"
  refused "index build of the layout with $sentence fails" 9 index build --cache-dir "$cache" "$L"
}
in_memory "a cache directory that cannot be created" /proc/nothing/below
echo text >"$TMP/file"
in_memory "a file as the cache directory" "$TMP/file"
mkdir -p "$TMP/open/layers/sha256" "$TMP/open/images/sha256"
chmod 777 "$TMP/open/layers/sha256" "$TMP/open/images/sha256"
in_memory "a cache directory that others can write" "$TMP/open"
mkdir -p "$TMP/taken/layers/sha256" "$TMP/taken/images/sha256"
for file in "$lower" "$upper" "$tree"; do mkdir "$TMP/taken/${file#"$C"/}"; done
in_memory "a cache with directories instead of files" "$TMP/taken"
run index build --cache-dir "$TMP/file" "$B"
same "index build without a cache exits with 9, even if images are broken" 9 "$code"
refused "index rm refuses a cache with directories instead of files" 9 index rm --cache-dir "$TMP/taken" "$app"

if is_root && has setpriv; then
  mkdir "$TMP/home"
  cp "$LAYOUTFS" "$TMP/layoutfs"
  chmod -R a+rX "$TMP/layouts" "$TMP/layoutfs"
  # Runs layoutfs as an ordinary user.
  as_nobody() { limited setpriv --reuid=nobody --regid=nogroup --clear-groups "$TMP/layoutfs" "$@"; }
  cp -rp "$TMP/good-cache" "$TMP/home/cache"
  chown -R nobody "$TMP/home"
  U=$TMP/home/cache
  list=$(layoutfs ls -R --json "$app")
  spare=$U/${upper#"$C"/}
  chmod 000 "$spare"
  same "ls rebuilds an index that cannot be read" "$list" "$(as_nobody ls -R --json --cache-dir "$U" "$app" 2>&1)"
  same "a rebuilt index can be read" "0600 0" "$(stat -c %04a "$spare") $(as_nobody index verify --cache-dir "$U" "$app" >/dev/null 2>&1; echo $?)"
  find "$U" -type d -exec chmod 500 {} +
  same "index build uses a cache that cannot be written" "indexed 0 layers and 0 images; 2 layers and 1 image were already indexed" \
    "$(as_nobody index build --cache-dir "$U" "$app" 2>&1)"
  check "index build fails if a missing index cannot be written" sh -c "setpriv --reuid=nobody --regid=nogroup --clear-groups '$TMP/layoutfs' \
    index build --cache-dir '$U' '$L' 2>'$TMP/stderr'; test \$? = 9 && grep -q 'Permission denied' '$TMP/stderr'"
  same "ls works if a missing index cannot be written" "nameless" "$(as_nobody ls --cache-dir "$U" "$L:@3" 2>/dev/null)"
  as_nobody index rm --cache-dir "$U" "$app" >"$TMP/stdout" 2>"$TMP/stderr"
  same "index rm fails if the cache cannot be written" 9 $?
  find "$U" -type d -exec chmod 000 {} +
  same "ls works if the cache cannot be read" "$list" "$(as_nobody ls -R --json --cache-dir "$U" "$app" 2>/dev/null)"
  find "$U" -type d -exec chmod 700 {} +
  same "index build finds all indexes after the cache is readable again" "indexed 0 layers and 0 images; 2 layers and 1 image were already indexed" \
    "$(as_nobody index build --cache-dir "$U" "$app" 2>&1)"
fi
[ $failed = 0 ] || exit 1
need_root
need_fuse

echo "-- mounts, on a cache that is read-only or full"
M=$TMP/m
# tree_of DIR: prints all names, types, modes and sizes, and the content of all files.
# The sizes of directories depend on the view.
tree_of() { (cd "$1" && limited find . \( -type d -printf '%P %y %m\n' -o -printf '%P %y %m %s %l\n' \) | sort && limited find . -type f -exec sha256sum {} + | sort) | sha256sum; }
mount_at "$M" "$app"
right=$(tree_of "$M")
unmount "$M"
mkdir "$TMP/disk"
mount -t tmpfs -o size=4m,mode=755 tmpfs "$TMP/disk" || skip "cannot mount a tmpfs here"
cp -rp "$TMP/good-cache" "$TMP/disk/cache"
mount -o remount,ro "$TMP/disk"
says "index build uses a read-only cache that has all indexes" 0 "indexed 0 layers and 0 images; 2 layers and 1 image were already indexed" \
  index build --cache-dir "$TMP/disk/cache" "$app"
mount_foreground "$M" "$TMP/log" -d --cache-dir "$TMP/disk/cache" "$app"
same "a mount with a read-only cache shows the right files" "$right" "$(tree_of "$M")"
same "a mount with a read-only cache loads the indexes and the tree, and builds nothing" "2 1 0" \
  "$(grep -c '^layoutfs: index of .*: loaded' "$TMP/log") $(grep -c '^layoutfs: tree of .*: loaded' "$TMP/log") $(grep -c ': built' "$TMP/log")"
unmount "$M"
refused "index build fails if a read-only cache lacks an index" 9 index build --cache-dir "$TMP/disk/cache" "$L"
refused "index rm fails for a read-only cache" 9 index rm --cache-dir "$TMP/disk/cache" "$app"
# A new tmpfs: removed files use space until the last mount with them has ended.
umount -l "$TMP/disk"
mount -t tmpfs -o size=4m,mode=755 tmpfs "$TMP/disk"
# A tmpfs can never be filled to the last byte, as each CPU reserves some space. But no further file can be created.
mkdir -p "$TMP"/disk/cache/{layers,images}/sha256
mount -o "remount,nr_inodes=$(df --output=iused "$TMP/disk" | tail -n 1 | tr -d ' ')" "$TMP/disk"
refused "index build on a full disk exits with 9" 9 index build --cache-dir "$TMP/disk/cache" "$app"
check "the error for a full disk names the reason" grep -q "No space left on device" "$TMP/stderr"
mount_foreground "$M" "$TMP/log" --cache-dir "$TMP/disk/cache" "$app"
same "a mount with a full cache shows the right files" "$right" "$(tree_of "$M")"
same "a mount with a full cache logs one warning" 1 "$(grep -c 'No space left on device; indexes are kept in memory only' "$TMP/log")"
unmount "$M"
same "a full cache has no temporary files" "" "$(find "$TMP/disk/cache" -name '.tmp-*')"
check "the files in a full cache are right" "$LAYOUTFS" index verify --cache-dir "$TMP/disk/cache" "$app"
mount -o remount,nr_inodes=1000 "$TMP/disk"
check "index build succeeds after space is freed" "$LAYOUTFS" index build --cache-dir "$TMP/disk/cache" "$app"
check "the indexes are right after space is freed" "$LAYOUTFS" index verify --cache-dir "$TMP/disk/cache" "$app"
umount "$TMP/disk"

echo "-- concurrent and killed servers"
# Layers that take long to index.
python3 - "$CORPUS" "$TMP/large" "$(host_architecture)" <<'PYTHON'
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from ocilib import Layout, Tar, noise, text
made = Layout()
layers = []
for number in range(4):
    tar = Tar()
    for name in range(1500):
        tar.file(f"{number}/{name}", noise(400, number * 10000 + name))
    layers.append(tar.file(f"{number}/large", text(6_000_000, number)))
made.tag("large", made.image(layers, arch=sys.argv[3]))
made.write(pathlib.Path(sys.argv[2]))
PYTHON
H=$TMP/large:large
rm -rf "$C"
begin=$(date +%s%N)
check "index build indexes the large image" "$LAYOUTFS" index build "$H"
took=$((($(date +%s%N) - begin) / 1000000))
mount_at "$M" "$H"
large=$(tree_of "$M")
unmount "$M"
were_at_once=0
for round in $(seq 20); do
  rm -rf "$C"
  for one in 1 2; do
    mkdir -p "$M$one"
    : >"$TMP/log$one"
    "$LAYOUTFS" mount --no-kernel -d "$H" "$M$one" >"$TMP/log$one" 2>&1 &
    pids+=($!)
  done
  for one in 1 2; do
    wait_for grep -q "^mounted " "$TMP/log$one" || not_ok "two servers on one cache: mount $one succeeds" "$(tail -n 3 "$TMP/log$one")"
    same "two servers on one cache: mount $one shows the right files" "$large" "$(tree_of "$M$one")"
    unmount "$M$one"
  done
  built=$(cat "$TMP/log1" "$TMP/log2" | grep -c "^layoutfs: index of .*: built")
  check "the indexes that two servers wrote are right" "$LAYOUTFS" index verify "$H"
  same "two servers on one cache write only the expected files" 5 "$(kept "$C" | grep -vc '^erofs/')"
  [ "$built" -le 4 ] || { were_at_once=1 && break; }
done
same "both servers built the same index at the same time" 1 $were_at_once

killed=0
for round in $(seq 20); do
  rm -rf "$C/layers" "$C/images"
  if [ $((round % 2)) = 0 ]; then
    "$LAYOUTFS" index build "$H" >/dev/null 2>&1 &
  else
    "$LAYOUTFS" ls -R "$H" >/dev/null 2>&1 &
  fi
  pid=$!
  pids+=("$pid")
  # Anywhere between its start and shortly after its end.
  sleep "$(awk -v r=$RANDOM -v t=$took 'BEGIN {printf "%.4f", r / 32768 * t * 1.1 / 1000}')"
  kill -9 "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  # The first time was that of a busier machine if it ends earlier now.
  if [ $? = 137 ]; then killed=$((killed + 1)); else took=$((took * 3 / 4)); fi
  layoutfs index verify "$H" >"$TMP/stdout" 2>"$TMP/stderr" || not_ok "round $round: the files that a killed server leaves are right" "$(cat "$TMP/stdout")"
  layoutfs index ls --json "$H" | jq -e '[.. | .problem? // empty] == []' >/dev/null || not_ok "round $round: the files that a killed server leaves are complete"
  if [ $((round % 5)) = 0 ]; then
    mount_at "$M" "$H"
    same "round $round: a mount after a killed server shows the right files" "$large" "$(tree_of "$M")"
    unmount "$M"
  fi
done
check "at least 5 of 20 servers were killed while building: $killed" test $killed -ge 5

# Temporary files, as a killed writer leaves them.
mkdir -p "$C/layers/sha256"
old=$C/layers/sha256/.tmp-00112233445566aa new=$C/layers/sha256/.tmp-00112233445566bb
head -c 1000 /dev/urandom | tee "$old" >"$new"
touch -d '2 hours ago' "$old"
layer=$(layers_of "$H" | head -n 1)
rm -f "$(index_of "$layer")"
check "index build succeeds after all killed servers" "$LAYOUTFS" index build "$H"
check "index build removes old temporary files" test ! -e "$old"
check "index build keeps new temporary files, which a writer may use" test -e "$new"
# Includes the temporary files of the killed processes above.
find "$C" -name '.tmp-*' -exec touch -d '2 hours ago' {} +
run index rm "$H"
same "index rm removes temporary files" "" "$(kept "$C")"
