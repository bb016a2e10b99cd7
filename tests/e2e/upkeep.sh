#!/usr/bin/env bash
# gc, fsck and clean: output, exit status, and a signal stops them, and blob put, without leaving files.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
S=$TMP/store
cp -a "$TMP/layouts/sample" "$S"
blobs() { (cd "$S/blobs" && find . -type f -printf '%P\n' | tr / : | sort); }
litter() { find "$S" -mindepth 1 -maxdepth 1 ! -name blobs ! -name index.json ! -name oci-layout; }
# run ARGUMENT...: $code, $out and $err.
run() {
  layoutfs "$@" >"$TMP/stdout" 2>"$TMP/stderr"
  code=$? out=$(cat "$TMP/stdout") err=$(cat "$TMP/stderr")
}

echo "-- gc"
used=$(blobs)
orphan=$(printf 'orphan' | layoutfs blob put "$S")
other=$(printf 'other orphan' | layoutfs blob put "$S")
orphans=$(printf '%s\n' "$orphan" "$other" | sort)
run gc "$S"
same "gc keeps what is young" "0 " "$code $out"
check "and says so, and how to remove it" grep -q '^removed 0 blobs.*; kept 2 unused blobs (18 B) newer than 1h; --grace 0 removes them too$' "$TMP/stderr"
same "in one line" 1 "$(wc -l <"$TMP/stderr")"
run gc "$S" --dry-run --grace 0
same "a dry run prints what would go" "0 $orphans" "$code $(sort <<<"$out")"
check "and says that it would" grep -q '^would remove 2 blobs (18 B)' "$TMP/stderr"
same "and leaves it" "$used"$'\n'"$orphans" "$(blobs | grep -v -e "$orphan" -e "$other"; echo "$orphans")"
run gc "$S" --dry-run --grace 0s --json
check "as JSON too, with a version" jq -e --arg a "$orphan" '.version == 1 and .dryRun and .removedSize == 18 and
  (.removed | length) == 2 and ([.removed[] | select(.digest == $a).size] == [6]) and .young == 0 and .problems == []' "$TMP/stdout"
same "and nothing else" "" "$err"
for grace in 2d 1h 10m 3600s 3600; do
  run gc "$S" --grace $grace --json
  same "--grace $grace keeps them" "0 2 18 0" "$code $(jq -r '"\(.young) \(.youngSize) \(.removed | length)"' "$TMP/stdout")"
done
for grace in x -1 1y 1.5h "" h 99999999999999999999s; do refused "--grace '$grace'" 2 gc "$S" "--grace=$grace"; done
run gc "$S" --grace 0
same "gc removes them" "0 $orphans" "$code $(sort <<<"$out")"
same "and nothing else" "$used" "$(blobs)"
same "and leaves no litter" "" "$(litter)"
refused "gc without a layout" 2 gc
refused "gc of what is not there" 3 gc "$TMP/absent"
refused "gc of an image" 2 gc "$S:app:1.0"
index=$(jq -r '.manifests[0].digest' "$S/index.json")
cp -a "$S" "$TMP/broken"
printf '{' >"$TMP/broken/blobs/${index/://}"
refused "gc where nobody knows what is in use" 7 gc "$TMP/broken" --grace 0

echo "-- fsck"
run fsck "$S"
same "fsck finds nothing" "0 " "$code $out"
check "and says what it checked" grep -q "^verified $(blobs | wc -l) blobs (.*), 4 references, .*: no problems\$" "$TMP/stderr"
same "in one line" 1 "$(wc -l <"$TMP/stderr")"
run fsck --json --no-progress --threads 3 "$S"
check "as JSON, with a version" jq -e ".version == 1 and .problems == [] and .references == 4 and .diffIDs > 0 and
  .blobs == $(blobs | wc -l) and .bytes == $(cat "$S"/blobs/*/* | wc -c)" "$TMP/stdout"
same "and nothing else" "0 " "$code $err"
layer=$(jq -r '.layers[0].digest' "$S/blobs/${index/://}")
rm -rf "$TMP/broken"
cp -a "$S" "$TMP/broken"
printf 'x' | dd of="$TMP/broken/blobs/${layer/://}" bs=1 seek=1000 conv=notrunc status=none
run fsck "$TMP/broken"
same "a changed byte is exit code 7, and one line of error" "7 1" "$code $(grep -c '^layoutfs: .*: [1-9][0-9]* problem' "$TMP/stderr")"
check "and a line for each problem" grep -q "^wrong-digest: .*$layer" "$TMP/stdout"
same "and one for each image that it breaks" "broken-image: app:1.0: $layer
broken-image: multi: $layer
broken-image: team/project/app: $layer" "$(grep '^broken-image' "$TMP/stdout")"
check "and how to repair it" grep -qx "hint: .*fsck --repair OTHER $TMP/broken" "$TMP/stderr"
run fsck --json "$TMP/broken"
check "as JSON too" jq -e --arg d "$layer" 'any(.problems[]; .kind == "wrong-digest" and .digest == $d) and
  (.brokenImages | map(.reference)) == ["app:1.0", "multi", "team/project/app"] and .brokenImages[0].blobs == [$d]' "$TMP/stdout"
same "with the same exit code" 7 "$code"
rm "$TMP/broken/blobs/${layer/://}"
run fsck "$TMP/broken"
same "a missing blob" "7 1" "$code $(grep -c "^missing-blob: .*$layer" "$TMP/stdout")"
for threads in -1 x 257 1.5; do refused "--threads $threads" 2 fsck "$S" "--threads=$threads"; done
refused "fsck without a layout" 2 fsck
refused "fsck of no layout" 4 fsck "$TMP"
refused "fsck of what is not there" 3 fsck "$TMP/absent"

echo "-- fsck --repair"
B=$TMP/damaged
rm -rf "$B"
cp -a "$S" "$B"
config=$(jq -r '.config.digest' "$S/blobs/${index/://}")
damage() { printf 'x' | dd of="$B/blobs/${1/://}" bs=1 seek=10 conv=notrunc status=none; }
damage "$layer"
rm "$B/blobs/${index/://}"
rm -rf "$TMP/empty"
check "another layout" "$LAYOUTFS" init "$TMP/empty"
run fsck "$B" --repair "$TMP/empty"
same "that has nothing: exit code 7, and nothing is repaired" "7 0" "$code $(grep -c '^repaired' "$TMP/stdout")"
check "with the reason" grep -q "^missing-blob: .*$index.*; not repaired: $TMP/empty: has no such blob\$" "$TMP/stdout"
run fsck "$B" --repair "$TMP/empty" --repair "$S"
same "another one that has everything" "0 2" "$code $(grep -c "^repaired: sha256:[0-9a-f]* from $S\$" "$TMP/stdout")"
check "which is told" grep -q 'no problems; repaired 2 blobs$' "$TMP/stderr"
check "and all is as it was" diff -r "$S" "$B"
run fsck --json --no-progress "$B" --repair "$S"
check "again there is nothing to do" jq -e '.repaired == [] and .problems == []' "$TMP/stdout"
damage "$config"
run fsck --json --no-progress "$B" --repair "$S"
check "as JSON" jq -e --arg d "$config" --arg s "$S" '.repaired == [{digest: $d, from: $s}] and .problems == []' "$TMP/stdout"
check "an archive of it" "$LAYOUTFS" copy --no-progress "$S" "oci-archive:$TMP/whole.tar"
damage "$layer"
check "has it too" "$LAYOUTFS" fsck --no-progress "$B" --repair "$TMP/whole.tar"
check "and all is as it was" diff -r "$S" "$B"
damage "$layer"
cp -a "$B" "$TMP/as-damaged"
run fsck "$B" --repair "$TMP/as-damaged"
same "what is damaged there too stays" "7 1" "$code $(grep -c "^wrong-digest: .*$layer.*its copy is damaged, too" "$TMP/stdout")"
check "as it was" diff -r "$TMP/as-damaged" "$B"
refused "the layout itself" 2 fsck "$B" --repair "$B/../damaged"
refused "an archive" 9 fsck "$TMP/whole.tar" --repair "$S"
refused "what is not there" 3 fsck "$B" --repair "$TMP/absent"
check "as it was" diff -r "$TMP/as-damaged" "$B"
if [ "$(id -u)" != 0 ]; then
  chmod a-w "$B/blobs/sha256" "$B"
  refused "a layout that cannot be written" 9 fsck "$B" --repair "$S"
  chmod u+w "$B/blobs/sha256" "$B"
fi

echo "-- clean"
run clean "$S"
same "clean of what is clean" "0  " "$code $out $err"
check "what crashed writers left" mkdir "$S/.oci-0123456789abcdef"
printf 'half' >"$S/.oci-0123456789abcdef/b-0"
printf '{' >"$S/index.json.tmp123"
touch -d '1 hour ago' "$S/index.json.tmp123"
mkdir "$S/.oci-backup"
echo mine | tee "$S/README" >"$S/.oci-backup/b-0"
before=$(blobs)
run clean "$S"
same "is removed without a word, and nothing else" "0   $S/.oci-backup $S/README $before" \
  "$code $out $err $(litter | sort | xargs) $(blobs)"
check "not even in what is called almost so" grep -q mine "$S/.oci-backup/b-0"
rm -r "$S/README" "$S/.oci-backup"
refused "clean without a layout" 2 clean
refused "clean of no layout" 4 clean "$TMP"

echo "-- signals"
# start ARGUMENT...: in the background, with signals as at a terminal; its process is $pid.
start() {
  env --default-signal=INT,TERM "$LAYOUTFS" "$@" >"$TMP/stdout" 2>"$TMP/stderr" <"${input:-/dev/null}" &
  pid=$!
  pids+=("$pid")
}
# stopped SENTENCE SIGNAL CODE: after that signal it ends so, with one line.
stopped() {
  kill "-$2" "$pid"
  wait_for has_ended "$pid" || not_ok "$1: it ends"
  wait "$pid"
  same "$1 stops at SIG$2" "$3 layoutfs: stopped by SIG$2" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
}
state() { (cd "$S" && find . \( -type d -printf '%P\n' -o -printf '%P %s %T@\n' \) | sort); }
before=$(state)
is_as_before() { same "$1 leaves nothing" "$before" "$(state)"; }
is_writing() { [ "$(find "$S" -path '*/.oci-*/*' -type f -size +"$1"c 2>/dev/null | wc -l)" -gt 0 ]; }
is_waiting() { [ "$(find "$S" -path '*/.oci-*/*' -type f 2>/dev/null | wc -l)" -gt 0 ]; }
mkfifo "$TMP/pipe"
exec 8<>"$TMP/pipe"
input=$TMP/pipe
for signal in INT TERM; do
  expected=$([ $signal = INT ] && echo 130 || echo 143)
  start blob put "$S"
  wait_for is_waiting || not_ok "blob put begins"
  stopped "blob put that waits for input" $signal "$expected"
  is_as_before "it"
  start blob put "$S" /dev/zero
  wait_for is_writing 1000000 || not_ok "blob put begins"
  stopped "blob put that is writing" $signal "$expected"
  is_as_before "it"
done
start blob put "$S" "$TMP/pipe"
wait_for is_waiting || not_ok "blob put begins"
stopped "blob put of a pipe by its name" TERM 143
is_as_before "it"
exec 8>&-
input=/dev/null

# A hundred gigabytes that take no room, and minutes to read.
huge=$S/blobs/sha256/$(printf '0%.0s' {1..64})
truncate -s 100G "$huge"
for signal in INT TERM; do
  expected=$([ $signal = INT ] && echo 130 || echo 143)
  start fsck --no-progress "$S"
  is_reading() { [ "$(awk '$1 == "rchar:" {print $2}' "/proc/$pid/io" 2>/dev/null || echo 0)" -gt 50000000 ]; }
  wait_for is_reading || not_ok "fsck begins"
  stopped "fsck" $signal "$expected"
  start blob get "$S" "sha256:${huge##*/}" -o "$TMP/target"
  is_getting() { [ "$(find "$TMP" -maxdepth 1 -name '.layoutfs-*' -size +1000000c | wc -l)" -gt 0 ]; }
  wait_for is_getting || not_ok "blob get begins"
  stopped "blob get" $signal "$expected"
  same "blob get leaves nothing" "" "$(find "$TMP" -maxdepth 1 -name '.layoutfs-*' -o -maxdepth 1 -name target)"
done
rm "$huge"
is_as_before "none of them"

# It may be done before the signal comes: then there were too few blobs.
many() {
  python3 - "$S" "$1" <<'PYTHON'
import hashlib, pathlib, sys
folder = pathlib.Path(sys.argv[1], "blobs/sha256")
for i in range(int(sys.argv[2])):
    data = b"garbage %d" % i
    (folder / hashlib.sha256(data).hexdigest()).write_bytes(data)
PYTHON
}
for option in "" --json; do
  for count in 20000 50000 100000; do
    many $count
    blobs >"$TMP/before"
    first=$(find "$S/blobs/sha256" -size -16c -type f -print | sort | head -n 1)
    start gc --grace 0 $option "$S"
    while [ -e "$first" ] && kill -0 "$pid" 2>/dev/null; do :; done
    kill -TERM "$pid" 2>/dev/null
    wait "$pid"
    code=$?
    [ $code = 0 ] || break
  done
  same "gc stops at SIGTERM" "143 layoutfs: stopped by SIGTERM" "$code $(tail -n 1 "$TMP/stderr")"
  if [ "$option" = --json ]; then
    jq -r '.removed[].digest' "$TMP/stdout" >"$TMP/gone"
    same "and says no more" 1 "$(wc -l <"$TMP/stderr")"
  else
    cp "$TMP/stdout" "$TMP/gone"
    same "and says how much is gone" "$(wc -l <"$TMP/gone")" "$(sed -n '1s/^removed \([0-9]*\) blob.*/\1/p' "$TMP/stderr")"
  fi
  check "something is gone" test -s "$TMP/gone"
  check "which is what it tells" diff <(blobs | comm -23 "$TMP/before" -) <(sort "$TMP/gone")
  same "and leaves no litter" "" "$(litter)"
  same "and keeps what is in use" "$used" "$(comm -12 <(blobs) <(echo "$used"))"
done
check "the next one removes the rest" "$LAYOUTFS" gc --grace 0 "$S"
same "all of it" "$used" "$(blobs)"
check "fsck finds nothing" "$LAYOUTFS" fsck --no-progress "$S"
