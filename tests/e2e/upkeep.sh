#!/usr/bin/env bash
# gc, fsck and clean: output and exit status. A signal stops them, and blob put, without leaving files.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
S=$TMP/store
cp -a "$TMP/layouts/sample" "$S"
blobs() { (cd "$S/blobs" && find . -type f -printf '%P\n' | tr / : | sort); }
litter() { find "$S" -mindepth 1 -maxdepth 1 ! -name blobs ! -name index.json ! -name oci-layout; }
# run ARGUMENT...: sets $code, $out and $err.
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
same "gc keeps new blobs" "0 " "$code $out"
check "gc prints the number of new blobs, and how to remove them" grep -q '^removed 0 blobs.*; kept 2 unused blobs (18 B) newer than 1h; --grace 0 removes them too$' "$TMP/stderr"
same "gc prints one line" 1 "$(wc -l <"$TMP/stderr")"
run gc "$S" --dry-run --grace 0
same "gc --dry-run lists the unused blobs" "0 $orphans" "$code $(sort <<<"$out")"
check "gc --dry-run prints the number of unused blobs" grep -q '^would remove 2 blobs (18 B)' "$TMP/stderr"
same "gc --dry-run removes nothing" "$used"$'\n'"$orphans" "$(blobs | grep -v -e "$orphan" -e "$other"; echo "$orphans")"
run gc "$S" --dry-run --grace 0s --json
check "gc --json has a version and the unused blobs" jq -e --arg a "$orphan" '.version == 1 and .dryRun and .removedSize == 18 and
  (.removed | length) == 2 and ([.removed[] | select(.digest == $a).size] == [6]) and .young == 0 and .problems == []' "$TMP/stdout"
same "gc --json prints nothing on stderr" "" "$err"
for grace in 2d 1h 10m 3600s 3600; do
  run gc "$S" --grace $grace --json
  same "gc --grace $grace keeps newer blobs" "0 2 18 0" "$code $(jq -r '"\(.young) \(.youngSize) \(.removed | length)"' "$TMP/stdout")"
done
for grace in x -1 1y 1.5h "" h 99999999999999999999s; do refused "gc refuses --grace '$grace'" 2 gc "$S" "--grace=$grace"; done
run gc "$S" --grace 0
same "gc removes the unused blobs" "0 $orphans" "$code $(sort <<<"$out")"
same "gc keeps the blobs in use" "$used" "$(blobs)"
same "gc leaves no temporary files" "" "$(litter)"
refused "gc refuses to run without a layout" 2 gc
refused "gc refuses a layout that does not exist" 3 gc "$TMP/absent"
refused "gc refuses a reference" 2 gc "$S:app:1.0"
index=$(jq -r '.manifests[0].digest' "$S/index.json")
cp -a "$S" "$TMP/broken"
printf '{' >"$TMP/broken/blobs/${index/://}"
refused "gc refuses a layout with a damaged document" 7 gc "$TMP/broken" --grace 0

echo "-- fsck"
run fsck "$S"
same "fsck finds no problems in an intact layout" "0 " "$code $out"
check "fsck prints the number of verified blobs and references" grep -q "^verified $(blobs | wc -l) blobs (.*), 4 references, .*: no problems\$" "$TMP/stderr"
same "fsck prints one line for an intact layout" 1 "$(wc -l <"$TMP/stderr")"
run fsck --json --no-progress --threads 3 "$S"
check "fsck --json has a version and no problems" jq -e ".version == 1 and .problems == [] and .references == 4 and .diffIDs > 0 and
  .blobs == $(blobs | wc -l) and .bytes == $(cat "$S"/blobs/*/* | wc -c)" "$TMP/stdout"
same "fsck --json prints nothing on stderr" "0 " "$code $err"
layer=$(jq -r '.layers[0].digest' "$S/blobs/${index/://}")
rm -rf "$TMP/broken"
cp -a "$S" "$TMP/broken"
printf 'x' | dd of="$TMP/broken/blobs/${layer/://}" bs=1 seek=1000 conv=notrunc status=none
run fsck "$TMP/broken"
same "fsck exits with 7 for a changed byte, and prints one error" "7 1" "$code $(grep -c '^layoutfs: .*: [1-9][0-9]* problem' "$TMP/stderr")"
check "fsck prints a line for the damaged blob" grep -q "^wrong-digest: .*$layer" "$TMP/stdout"
same "fsck prints a line for each image with the damaged blob" "broken-image: app:1.0: $layer
broken-image: multi: $layer
broken-image: team/project/app: $layer" "$(grep '^broken-image' "$TMP/stdout")"
check "the error of fsck has a hint about --repair" grep -qx "hint: .*fsck --repair OTHER $TMP/broken" "$TMP/stderr"
run fsck --json "$TMP/broken"
check "fsck --json has the damaged blob" jq -e --arg d "$layer" 'any(.problems[]; .kind == "wrong-digest" and .digest == $d) and
  (.brokenImages | map(.reference)) == ["app:1.0", "multi", "team/project/app"] and .brokenImages[0].blobs == [$d]' "$TMP/stdout"
same "fsck --json exits with 7 for a damaged blob" 7 "$code"
rm "$TMP/broken/blobs/${layer/://}"
run fsck "$TMP/broken"
same "fsck finds a missing blob" "7 1" "$code $(grep -c "^missing-blob: .*$layer" "$TMP/stdout")"
for threads in -1 x 257 1.5; do refused "fsck refuses --threads $threads" 2 fsck "$S" "--threads=$threads"; done
refused "fsck refuses to run without a layout" 2 fsck
refused "fsck refuses a directory that is not a layout" 4 fsck "$TMP"
refused "fsck refuses a layout that does not exist" 3 fsck "$TMP/absent"

echo "-- fsck --repair"
B=$TMP/damaged
rm -rf "$B"
cp -a "$S" "$B"
config=$(jq -r '.config.digest' "$S/blobs/${index/://}")
damage() { printf 'x' | dd of="$B/blobs/${1/://}" bs=1 seek=10 conv=notrunc status=none; }
damage "$layer"
rm "$B/blobs/${index/://}"
rm -rf "$TMP/empty"
check "init creates an empty layout" "$LAYOUTFS" init "$TMP/empty"
run fsck "$B" --repair "$TMP/empty"
same "fsck --repair from an empty layout repairs nothing and exits with 7" "7 0" "$code $(grep -c '^repaired' "$TMP/stdout")"
check "fsck --repair prints the reason" grep -q "^missing-blob: .*$index.*; not repaired: $TMP/empty: has no such blob\$" "$TMP/stdout"
run fsck "$B" --repair "$TMP/empty" --repair "$S"
same "fsck --repair from an intact layout repairs both blobs" "0 2" "$code $(grep -c "^repaired: sha256:[0-9a-f]* from $S\$" "$TMP/stdout")"
check "fsck --repair prints the number of repaired blobs" grep -q 'no problems; repaired 2 blobs$' "$TMP/stderr"
check "the repaired layout equals the intact one" diff -r "$S" "$B"
run fsck --json --no-progress "$B" --repair "$S"
check "a second fsck --repair has nothing to do" jq -e '.repaired == [] and .problems == []' "$TMP/stdout"
damage "$config"
run fsck --json --no-progress "$B" --repair "$S"
check "fsck --repair --json has the repaired blob and its source" jq -e --arg d "$config" --arg s "$S" '.repaired == [{digest: $d, from: $s}] and .problems == []' "$TMP/stdout"
check "copy creates an archive of the intact layout" "$LAYOUTFS" copy --no-progress "$S" "oci-archive:$TMP/whole.tar"
damage "$layer"
check "fsck --repair takes blobs from an archive" "$LAYOUTFS" fsck --no-progress "$B" --repair "$TMP/whole.tar"
check "the layout repaired from an archive equals the intact one" diff -r "$S" "$B"
damage "$layer"
cp -a "$B" "$TMP/as-damaged"
run fsck "$B" --repair "$TMP/as-damaged"
same "fsck --repair does not repair from a damaged copy" "7 1" "$code $(grep -c "^wrong-digest: .*$layer.*its copy is damaged, too" "$TMP/stdout")"
check "a failed fsck --repair changes nothing" diff -r "$TMP/as-damaged" "$B"
refused "fsck --repair refuses the layout itself as the source" 2 fsck "$B" --repair "$B/../damaged"
refused "fsck --repair refuses an archive" 9 fsck "$TMP/whole.tar" --repair "$S"
refused "fsck --repair refuses a source that does not exist" 3 fsck "$B" --repair "$TMP/absent"
check "a refused fsck --repair changes nothing" diff -r "$TMP/as-damaged" "$B"
if [ "$(id -u)" != 0 ]; then
  chmod a-w "$B/blobs/sha256" "$B"
  refused "fsck --repair fails for a read-only layout" 9 fsck "$B" --repair "$S"
  chmod u+w "$B/blobs/sha256" "$B"
fi

echo "-- clean"
run clean "$S"
same "clean of an intact layout prints nothing" "0  " "$code $out $err"
check "the test creates the directory of a crashed writer" mkdir "$S/.oci-0123456789abcdef"
printf 'half' >"$S/.oci-0123456789abcdef/b-0"
printf '{' >"$S/index.json.tmp123"
touch -d '1 hour ago' "$S/index.json.tmp123"
mkdir "$S/.oci-backup"
echo mine | tee "$S/README" >"$S/.oci-backup/b-0"
before=$(blobs)
run clean "$S"
same "clean removes only the files of crashed writers, and prints nothing" "0   $S/.oci-backup $S/README $before" \
  "$code $out $err $(litter | sort | xargs) $(blobs)"
check "clean keeps a directory with a similar name" grep -q mine "$S/.oci-backup/b-0"
rm -r "$S/README" "$S/.oci-backup"
refused "clean refuses to run without a layout" 2 clean
refused "clean refuses a directory that is not a layout" 4 clean "$TMP"

echo "-- signals"
# start ARGUMENT...: starts layoutfs in the background as process $pid, with signals as on a terminal.
start() {
  env --default-signal=INT,TERM "$LAYOUTFS" "$@" >"$TMP/stdout" 2>"$TMP/stderr" <"${input:-/dev/null}" &
  pid=$!
  pids+=("$pid")
}
# stopped SENTENCE SIGNAL CODE: after SIGNAL the process must exit with CODE and print one line.
stopped() {
  kill "-$2" "$pid"
  wait_for has_ended "$pid" || not_ok "$1 ends after a signal"
  wait "$pid"
  same "$1 stops at SIG$2" "$3 layoutfs: stopped by SIG$2" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
}
state() { (cd "$S" && find . \( -type d -printf '%P\n' -o -printf '%P %s %T@\n' \) | sort); }
before=$(state)
is_as_before() { same "$1 leaves no files" "$before" "$(state)"; }
is_writing() { [ "$(find "$S" -path '*/.oci-*/*' -type f -size +"$1"c 2>/dev/null | wc -l)" -gt 0 ]; }
is_waiting() { [ "$(find "$S" -path '*/.oci-*/*' -type f 2>/dev/null | wc -l)" -gt 0 ]; }
mkfifo "$TMP/pipe"
exec 8<>"$TMP/pipe"
input=$TMP/pipe
for signal in INT TERM; do
  expected=$([ $signal = INT ] && echo 130 || echo 143)
  start blob put "$S"
  wait_for is_waiting || not_ok "blob put begins to wait for input"
  stopped "blob put that waits for input" $signal "$expected"
  is_as_before "blob put that was stopped while waiting"
  start blob put "$S" /dev/zero
  wait_for is_writing 1000000 || not_ok "blob put begins to write"
  stopped "blob put that is writing" $signal "$expected"
  is_as_before "blob put that was stopped while writing"
done
start blob put "$S" "$TMP/pipe"
wait_for is_waiting || not_ok "blob put begins to wait for a pipe"
stopped "blob put of a pipe by its name" TERM 143
is_as_before "blob put of a pipe that was stopped"
exec 8>&-
input=/dev/null

# A sparse file of a hundred gigabytes, which takes minutes to read.
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
  same "blob get that was stopped leaves no files" "" "$(find "$TMP" -maxdepth 1 -name '.layoutfs-*' -o -maxdepth 1 -name target)"
done
rm "$huge"
is_as_before "a stopped fsck or blob get"

# If gc ends before the signal arrives, there were too few blobs, and the test tries again with more.
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
    same "gc that stopped before a removal prints only the error" 1 "$(wc -l <"$TMP/stderr")"
  else
    cp "$TMP/stdout" "$TMP/gone"
    same "gc that stopped prints the number of removed blobs" "$(wc -l <"$TMP/gone")" "$(sed -n '1s/^removed \([0-9]*\) blob.*/\1/p' "$TMP/stderr")"
  fi
  check "gc that stopped has removed some blobs" test -s "$TMP/gone"
  check "gc that stopped lists the removed blobs" diff <(blobs | comm -23 "$TMP/before" -) <(sort "$TMP/gone")
  same "gc that stopped leaves no temporary files" "" "$(litter)"
  same "gc that stopped keeps the blobs in use" "$used" "$(comm -12 <(blobs) <(echo "$used"))"
done
check "gc succeeds after a stopped one" "$LAYOUTFS" gc --grace 0 "$S"
same "gc after a stopped one removes all unused blobs" "$used" "$(blobs)"
check "fsck finds no problems after a stopped gc" "$LAYOUTFS" fsck --no-progress "$S"
