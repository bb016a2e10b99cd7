#!/usr/bin/env bash
# The commands that maintain a layout: output, exit status and remaining files; refused operations change
# nothing.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
S=$TMP/store

echo "-- init"
prints "init makes a layout" "" init "$S"
same "which is empty" '1.0.0 2 []' "$(jq -r .imageLayoutVersion "$S/oci-layout") $(jq -c '.schemaVersion, .manifests' "$S/index.json" | xargs)"
unchanged "init of a layout that is there" 9 init "$S"
mkdir "$TMP/empty"
refused "init of an empty directory" 9 init "$TMP/empty"
same "which stays empty" "" "$(ls -A "$TMP/empty")"
prints "init makes the directories above it" "" init "oci:$TMP/a/b/c"
check "behind oci: too" test -f "$TMP/a/b/c/oci-layout"
prints "init with --refs-dir" "" init --refs-dir "$TMP/old"
check "makes refs/ and no index.json" test -d "$TMP/old/refs" -a ! -e "$TMP/old/index.json"
refused "init without a path" 2 init
refused "init of nothing" 2 init oci:
refused "init below a file" 9 init "$S/oci-layout/below"
unchanged "init inside a layout" 2 init "$S/new"
unchanged "init deeper inside a layout" 2 init "$S/blobs/sub/new"
(cd "$S" && layoutfs init img:new) 2>"$TMP/stderr"
code=$?
same "init inside the layout of the working directory" "2 layoutfs: img:new: inside the layout $(realpath "$S")" "$code $(head -n 1 "$TMP/stderr")"
check "with a hint" grep -q "^hint: add an image to that layout with: layoutfs copy SRC $(realpath "$S"):NAME\$" "$TMP/stderr"
check "and nothing made" test ! -e "$S/img:new"
if has umoci; then check "umoci knows it for a layout" umoci ls --layout "$S"; fi

echo "-- blob put and get"
printf 'hello\n' >"$TMP/hello"
: >"$TMP/nothing"
python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
from ocilib import noise
sys.stdout.buffer.write(noise(3_000_001, 7))' "$CORPUS" >"$TMP/noise"
hello=$(digest_of "$TMP/hello") nothing=$(digest_of "$TMP/nothing") noise=$(digest_of "$TMP/noise")
absent=sha256:$(printf 'absent' | sha256sum | cut -d' ' -f1)
prints "put prints the digest of each file" "$hello"$'\n'"$noise"$'\n'"$nothing" \
  blob put "$S" "$TMP/hello" "$TMP/noise" "$TMP/nothing"
same "put reads standard input" "$(printf 'from a pipe' | sha256sum | cut -d' ' -f1)" \
  "$(printf 'from a pipe' | layoutfs blob put "$S" | cut -d: -f2)"
same "also as -" "$(printf 'dash' | sha256sum | cut -d' ' -f1)" "$(printf 'dash' | layoutfs blob put "$S" - | cut -d: -f2)"
prints "put of what is there is no error" "$hello" blob put "oci:$S" "$TMP/hello"
prints "put with --expect" "$hello" blob put "$S" "$TMP/hello" --expect "$hello"
sha512=sha512:$(sha512sum "$TMP/hello" | cut -d' ' -f1)
prints "put with --algorithm" "$sha512" blob put --algorithm sha512 "$S" "$TMP/hello"
prints "--expect of the other algorithm names the blob so" "sha512:$(sha512sum "$TMP/noise" | cut -d' ' -f1)" \
  blob put "$S" "$TMP/noise" --expect "sha512:$(sha512sum "$TMP/noise" | cut -d' ' -f1)"
same "a blob is a file of its digest" "" "$(cd "$S/blobs/sha256" && sha256sum -- * | awk '$1 != $2')"
printf 'brackets\n' >"$TMP/[hello]"
pushd "$TMP" >/dev/null
prints "a name in brackets is a name" "$(digest_of "[hello]")" blob put "$S" "[hello]"
popd >/dev/null
check "get prints it" sh -c "'$LAYOUTFS' blob get '$S' $noise | cmp - '$TMP/noise'"
check "get of an empty blob prints nothing" sh -c "test -z \"\$('$LAYOUTFS' blob get '$S' $nothing)\""
prints "get by sha512" "hello" blob get "$S" "$sha512"
prints "get into a file" "" blob get "$S" "$noise" -o "$TMP/out"
check "writes the same" cmp "$TMP/out" "$TMP/noise"
prints "get into a file that is there" "" blob get "$S" "$hello" -o "$TMP/out"
check "replaces it" cmp "$TMP/out" "$TMP/hello"
ln -s out "$TMP/link"
prints "get through a link" "" blob get "$S" "$noise" -o "$TMP/link"
check "writes what it leads to" sh -c "test -L '$TMP/link' && cmp '$TMP/out' '$TMP/noise'"
echo secret >"$TMP/private" && chmod 600 "$TMP/private"
prints "get into a file of mode 600" "" blob get "$S" "$hello" -o "$TMP/private"
same "which keeps its mode" "600 hello" "$(stat -c %a "$TMP/private") $(cat "$TMP/private")"
(umask 077 && echo public >"$TMP/shared" && chmod 664 "$TMP/shared" && layoutfs blob get "$S" "$hello" -o "$TMP/shared")
same "a wider mode stays, too" "664" "$(stat -c %a "$TMP/shared")"
(umask 027 && layoutfs blob get "$S" "$hello" -o "$TMP/fresh")
same "a new file has the mode of the umask" "640" "$(stat -c %a "$TMP/fresh")"
if is_root; then
  echo secret >"$TMP/theirs" && chmod 640 "$TMP/theirs" && chown 1234:2345 "$TMP/theirs"
  prints "get into another user's file" "" blob get "$S" "$hello" -o "$TMP/theirs"
  same "which stays that user's" "1234:2345 640" "$(stat -c '%u:%g %a' "$TMP/theirs")"
  mkdir -m 777 "$TMP/open" && echo secret >"$TMP/open/theirs" && chmod 640 "$TMP/open/theirs"
  setpriv --reuid 1 --regid 1 --clear-groups "$LAYOUTFS" blob get "$S" "$hello" -o "$TMP/open/theirs"
  same "if it cannot stay in its group, no other group can read it" "1:1 600" "$(stat -c '%u:%g %a' "$TMP/open/theirs")"
fi
prints "get into a device" "" blob get "$S" "$noise" -o /dev/null
check "leaves it a device" test -c /dev/null
same "--offset and --length" "$(tail -c +1000001 "$TMP/noise" | head -c 500000 | sha256sum)" \
  "$(layoutfs blob get "$S" "$noise" --offset 1000000 --length 500000 | sha256sum)"
prints "--length beyond the end ends at the end" "lo" blob get "$S" "$hello" --offset 3 --length 1000
prints "--length of nothing" "" blob get "$S" "$hello" --length 0
prints "--offset at the end" "" blob get "$S" "$hello" --offset 6
unchanged "--offset behind the end" 2 blob get "$S" "$hello" --offset 7
for number in -1 +1 0x1 1k "" 99999999999999999999 9223372036854775808; do
  [ -z "$number" ] || unchanged "--offset $number" 2 blob get "$S" "$hello" "--offset=$number"
done

echo "-- blob ls, path and rm"
same "ls lists every blob" "$(cd "$S/blobs" && find . -type f -printf '%P\n' | tr / : | sort)" "$(layoutfs blob ls "$S" | sort)"
same "ls -l has sizes" "$hello 6 B" "$(layoutfs blob ls -l "$S" | awk -v d="$hello" '$1 == d {print $1, $2, $3}')"
check "ls --json has a version and sizes in bytes" sh -c "'$LAYOUTFS' blob ls --json '$S' |
  jq -e '.version == 1 and (.blobs | length) == $(find "$S/blobs" -type f | wc -l) and
    (.blobs[] | select(.digest == \"$noise\").size) == 3000001'"
prints "path names its file" "$S/blobs/sha256/${hello#*:}" blob path "$S" "$hello"
unchanged "path of what is not there" 3 blob path "$S" "$absent"
unchanged "get of what is not there" 3 blob get "$S" "$absent"
unchanged "rm of what is not there" 3 blob rm "$S" "$absent"
prints "rm -f of what is not there is no error" "" blob rm -f "$S" "$absent"
layoutfs blob rm "$S" "$absent" "$sha512" "$absent" >"$TMP/stdout" 2>"$TMP/stderr"
same "rm goes on behind what is not there, and says so at the end" "3 0 2" "$? $(wc -c <"$TMP/stdout") $(wc -l <"$TMP/stderr")"
check "what was there is removed" test ! -e "$S/blobs/${sha512/://}"
prints "rm of several" "" blob rm "$S" "$nothing" "$noise"
unchanged "which are gone" 3 blob get "$S" "$noise"
layoutfs blob put "$S" "$TMP/noise" "$TMP/nothing" >/dev/null

echo "-- digests that are none"
upper=sha256:$(tr a-f A-F <<<"${hello#*:}")
for digest in sha256:../../x "$upper" "${hello:0:13}" "${hello}0" "sha256:" ":${hello#*:}" "x${hello#*:}" "../${hello#*:}" \
  "sha256:$(printf 'a%.0s' {1..128})" $'sha256:\n' sha256/x; do
  for command in "blob get" "blob path" "blob rm" "blob rm -f" "blob put --expect"; do
    if [ "$command" = "blob put --expect" ]; then unchanged "$command $digest" 2 blob put "$S" "$TMP/hello" --expect "$digest"
    else unchanged "$command $digest" 2 $command "$S" "$digest"; fi
  done
  unchanged "ref put $digest" 2 ref put "$S" app "$digest" --media-type text/plain
done
unchanged "a digest that is none beside good ones" 2 blob rm "$S" "$hello" sha256:0
for digest in md5:d41d8cd98f00b204e9800998ecf8427e "sha384:$(sha384sum "$TMP/hello" | cut -d' ' -f1)"; do
  unchanged "get of another algorithm" 6 blob get "$S" "$digest"
  unchanged "rm of another algorithm" 6 blob rm "$S" "$digest"
done

echo "-- what cannot be stored"
rm -f "$S/blobs/sha512"/*
unchanged "content of another digest" 7 blob put "$S" "$TMP/noise" --expect "$absent"
unchanged "content of another digest, of the other algorithm" 7 blob put "$S" "$TMP/noise" --expect "$sha512"
unchanged "content of another digest, nothing" 7 blob put "$S" --expect "$absent"
unchanged "--expect with several files" 2 blob put "$S" "$TMP/hello" "$TMP/noise" --expect "$hello"
unchanged "an unknown algorithm" 2 blob put "$S" "$TMP/hello" --algorithm md5
unchanged "a file that is not there" 3 blob put "$S" "$TMP/absent"
unchanged "a directory" 1 blob put "$S" "$TMP/empty"
before=$(state_of "$S")
layoutfs blob put "$S" <"$TMP/empty" >"$TMP/stdout" 2>"$TMP/stderr"
same "standard input that cannot be read" "1 layoutfs: standard input: Is a directory" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
layoutfs blob put "$S" <&- >"$TMP/stdout" 2>"$TMP/stderr"
same "standard input that is closed" "1 layoutfs: standard input: Bad file descriptor" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
same "changes nothing" "$before" "$(state_of "$S")"
unchanged "put without a layout" 2 blob put
layoutfs blob >"$TMP/stdout" 2>"$TMP/stderr"
same "blob without a command is its help, and exit code 2" "2 usage: layoutfs blob COMMAND ..." "$? $(head -n 1 "$TMP/stdout")"
unchanged "blob with an unknown command" 2 blob link "$S"
refused "a layout that is not there" 3 blob put "$TMP/absent" "$TMP/hello"
check "is not made" test ! -e "$TMP/absent"
refused "a directory that is no layout" 4 blob put "$TMP/empty" "$TMP/hello"
unchanged "a reference where a layout is needed" 2 blob ls "$S:app"

echo "-- corrupt content"
cp -a "$S" "$TMP/corrupt"
at=$TMP/corrupt/blobs/${noise/://}
printf 'x' | dd of="$at" bs=1 seek=2000000 conv=notrunc status=none
refused_get() {
  echo precious >"$TMP/target"
  refused "$1: into a file" 7 blob get "$TMP/corrupt" "$noise" -o "$TMP/target"
  same "$1: the file is as it was, and nothing is left beside it" "precious 0" \
    "$(cat "$TMP/target") $(find "$TMP" -maxdepth 1 -name '.*' -type f | wc -l)"
  layoutfs blob get "$TMP/corrupt" "$noise" >/dev/null 2>"$TMP/stderr"
  same "$1: on standard output" "7 1" "$? $(wc -l <"$TMP/stderr")"
}
refused_get "a byte changed"
check "a part is not checked" sh -c "'$LAYOUTFS' blob get '$TMP/corrupt' $noise --offset 1 >/dev/null"
truncate -s 2999999 "$at"
refused_get "cut off"
{ cat "$TMP/noise"; echo more; } >"$at"
refused_get "longer"
: >"$at"
refused_get "empty"
refused "get into a directory that is not there" 9 blob get "$S" "$hello" -o "$TMP/no/where"
refused "get into a directory" 9 blob get "$S" "$hello" -o "$TMP/empty"
if has_device /dev/full; then refused "get into a full disk" 9 blob get "$S" "$hello" -o /dev/full; fi

echo "-- ref"
tar -C "$TMP" -cf "$TMP/layer.tar" hello
layer=$(layoutfs blob put "$S" "$TMP/layer.tar")
config=$(jq -nc --arg d "$layer" '{architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [$d]}}' | layoutfs blob put "$S")
size_of() { stat -c %s "$S/blobs/${1/://}"; }
jq -nc --arg c "$config" --argjson cs "$(size_of "$config")" --arg l "$layer" --argjson ls "$(size_of "$layer")" '{
  schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $c, size: $cs},
  layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $l, size: $ls}]}' >"$TMP/manifest"
manifest=$(layoutfs blob put "$S" "$TMP/manifest")
prints "put names a manifest" "" ref put "$S" app:1.0 "$manifest"
same "with its size and media type" "application/vnd.oci.image.manifest.v1+json $manifest $(size_of "$manifest")" \
  "$(layoutfs ref get "$S" app:1.0 | jq -r '[.mediaType, .digest, .size] | join(" ")')"
same "index.json has it" "app:1.0 $manifest" \
  "$(jq -r '.manifests[] | [.annotations["org.opencontainers.image.ref.name"], .digest] | join(" ")' "$S/index.json")"
prints "what was made is an image" "hello" cat "$S:app:1.0" hello
check "get prints JSON for people" sh -c "test \$('$LAYOUTFS' ref get '$S' app:1.0 | wc -l) -gt 3"
prints "put of the same again" "" ref put "$S" app:1.0 "$manifest"
unchanged "put of something else" 9 ref put "$S" app:1.0 "$hello" --media-type text/plain
prints "put with --replace" "" ref put "$S" app:1.0 "$hello" --replace --media-type text/plain \
  --annotation org.example.a=b=c --annotation org.example.empty= --artifact-type application/x.test --platform linux/arm/v7
same "the descriptor says what the options say" \
  '{"mediaType":"text/plain","digest":"'"$hello"'","size":6,"annotations":{"org.example.a":"b=c","org.example.empty":""},"platform":{"architecture":"arm","os":"linux","variant":"v7"},"artifactType":"application/x.test"}' \
  "$(layoutfs ref get "$S" app:1.0 | jq -c '{mediaType, digest, size, annotations, platform: (.platform | {architecture, os, variant}), artifactType}')"
unchanged "put of a blob that says no media type, though another reference names it" 2 ref put "$S" new "$hello"
prints "put names an image again" "" ref put "$S" app:1.0 "$manifest" --replace
jq -nc --arg d "$manifest" '{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: 12345,
  annotations: {"org.example.a": "b"}, "org.example.unknown": [1, {"x": null}]}' >"$TMP/descriptor"
prints "put of a descriptor" "" ref put "$S" from-file --descriptor "$TMP/descriptor"
same "keeps all of it" "$(jq -Sc . "$TMP/descriptor")" "$(layoutfs ref get "$S" from-file | jq -Sc .)"
check "from standard input too" sh -c "'$LAYOUTFS' ref get '$S' app:1.0 | '$LAYOUTFS' ref put '$S' team/app@copy --descriptor -"
prints "ls lists the names in order" $'app:1.0\nfrom-file\nteam/app@copy' ref ls "$S"
same "ls -l says what they name" "$manifest application/vnd.oci.image.manifest.v1+json app:1.0" \
  "$(layoutfs ref ls -l "$S" | awk 'NR == 1 {print $1, $4, $5}')"
check "ls --json has a version and bytes" sh -c "'$LAYOUTFS' ref ls --json '$S' | jq -e '.version == 1 and
  [.references[].name] == [\"app:1.0\", \"from-file\", \"team/app@copy\"] and .references[1].size == 12345 and
  .references[1].digest == \"$manifest\"'"
unchanged "get of an unknown name" 3 ref get "$S" app
unchanged "rm of an unknown name" 3 ref rm "$S" app
prints "rm -f of an unknown name is no error" "" ref rm -f "$S" app
prints "rm of several" "" ref rm "$S" from-file team/app@copy
prints "leaves the others" "app:1.0" ref ls "$S"
unchanged "put of a blob that is not there" 3 ref put "$S" new "$absent" --media-type text/plain
unchanged "put of what says no media type" 2 ref put "$S" new "$hello"
unchanged "put without a digest" 2 ref put "$S" new
unchanged "put with a digest and a descriptor" 2 ref put "$S" new "$manifest" --descriptor "$TMP/descriptor"
unchanged "put with a descriptor and an option" 2 ref put "$S" new --media-type text/plain --descriptor "$TMP/descriptor"
unchanged "put of a descriptor that is not there" 3 ref put "$S" new --descriptor "$TMP/absent"
unchanged "put of an annotation without a value" 2 ref put "$S" new "$manifest" --annotation key
unchanged "put of an annotation without a key" 2 ref put "$S" new "$manifest" --annotation =value
unchanged "put of the name as an annotation" 2 ref put "$S" new "$manifest" --annotation org.opencontainers.image.ref.name=x
unchanged "put of a platform that is none" 2 ref put "$S" new "$manifest" --platform linux//x
for text in '' '{' '[]' '{}' 'null' '{"mediaType":"a/b","digest":"sha256:../../x","size":1}' \
  '{"mediaType":"a/b","digest":"'"$hello"'","size":-1}' '{"mediaType":"a/b","digest":"'"$hello"'"}' "$(printf '[%.0s' {1..100000})"; do
  printf '%s' "$text" >"$TMP/broken"
  unchanged "put of the descriptor ${text:0:60}" 4 ref put "$S" new --descriptor "$TMP/broken"
done
for name in "" . .. ../x /x x/ x//y 'a b' a:b: -x $'a\nb' '*' é x/../y _x; do
  unchanged "put as '${name@Q}'" 2 ref put --replace --media-type text/plain -- "$S" "$name" "$manifest"
done

cp -a "$S" "$TMP/incomplete"
jq '.manifests += [{mediaType: "a/b", digest: "sha256:0", size: 1}]' "$S/index.json" >"$TMP/incomplete/index.json"
for command in "ref ls" ls; do
  layoutfs $command "$TMP/incomplete" >"$TMP/stdout" 2>"$TMP/stderr"
  same "$command lists what can be understood" "7 app:1.0" "$? $(cat "$TMP/stdout")"
  check "$command says what cannot" grep -q 'sha256:0' "$TMP/stderr"
  layoutfs $command --json "$TMP/incomplete" >"$TMP/stdout" 2>/dev/null
  same "$command --json too" "7 1 1" "$? $(jq -r '[(.references | length), (.problems | length)] | join(" ")' "$TMP/stdout")"
done

echo "-- signals"
litter_of() { find "$1" -maxdepth 1 -name '.oci-*'; }
mkfifo "$TMP/pipe"
for signal in HUP:129 INT:130 TERM:143; do
  interruptible "$LAYOUTFS" blob put "$S" "$TMP/pipe" >"$TMP/stdout" 2>"$TMP/stderr" &
  pid=$!
  pids+=("$pid")
  exec 3>"$TMP/pipe"
  printf 'not all of it' >&3
  wait_for sh -c "find '$S' -name 'b-*' | grep -q ." || not_ok "put has begun"
  kill "-${signal%:*}" "$pid"
  wait "$pid"
  same "put stops at SIG${signal%:*}" "${signal#*:} layoutfs: stopped by SIG${signal%:*}" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
  exec 3>&-
  same "and leaves no litter" "" "$(litter_of "$S")"
done
for _ in 1 2 3 4 5; do layoutfs blob put "$S" "$TMP/hello" "$TMP/noise" "$TMP/nothing" 2>/dev/null | true; done
same "nobody reading the digests leaves no litter" "" "$(litter_of "$S")"

echo "-- references as files"
O=$TMP/old
manifest_there=$(layoutfs blob put "$O" "$TMP/manifest")
layoutfs blob put "$O" "$S/blobs/${config/://}" "$TMP/layer.tar" >/dev/null
prints "put" "" ref put "$O" app "$manifest_there"
check "writes a file in refs/" jq -e ".digest == \"$manifest_there\"" "$O/refs/app"
prints "ls" "app" ref ls "$O"
prints "its image can be read" "hello" cat "$O:app" hello
S=$O unchanged "put of something else" 9 ref put "$O" app "$config" --media-type text/plain
for name in app:1.0 a/b ../x . ..; do
  S=$O unchanged "put as $name, which is no file's name" 2 ref put "$O" "$name" "$manifest_there"
done
prints "rm" "" ref rm "$O" app
check "removes it" test ! -e "$O/refs/app"

echo "-- layouts that are broken"
# broken SENTENCE CODE COMMAND...: in the layout $B, which is unchanged; every command reports the same error.
B=$TMP/broken-layout
broken() {
  local sentence=$1 code=$2 command
  for command in "blob put $B $TMP/hello" "blob ls $B" "blob get $B $hello" "blob rm $B $hello" "blob path $B $hello" \
    "ref put $B app $hello --media-type a/b" "ref get $B app" "ref ls $B" "ref rm -f $B app" "clean $B" "gc $B" "fsck $B"; do
    S=$B unchanged "$sentence: ${command%% "$B"*}" "$code" $command
  done
}
renew() {
  rm -rf "$B"
  cp -a "$TMP/layouts/sample" "$B"
}
renew && printf '{"schemaVersion":2,"manifests":[' >"$B/index.json" && broken "index.json is cut off" 4
renew && rm "$B/index.json" && mkdir "$B/index.json" && broken "index.json is a directory" 4
renew && rm "$B/index.json" && ln -s /etc/passwd "$B/index.json" && broken "index.json is a link" 4
renew && rm "$B/index.json" && mkfifo "$B/index.json" && broken "index.json is a pipe" 4
renew && printf '{"imageLayoutVersion":"2.0.0"}' >"$B/oci-layout" && broken "a version that nobody knows" 4
renew && rm -r "$B/blobs" && : >"$B/blobs" && broken "blobs is a file" 4
renew && rm "$B/oci-layout" && broken "oci-layout is missing" 4
renew && mv "$B/blobs/sha256" "$B/elsewhere" && : >"$B/blobs/sha256"
for command in "blob put $B $TMP/hello" "blob get $B $hello" "blob ls $B" "blob path $B $hello" "blob rm -f $B $hello" "gc $B --grace 0"; do
  S=$B unchanged "blobs/sha256 is a file: ${command%% "$B"*}" 4 $command
done
renew && mkdir "$B/blobs/${hello/://}"
for command in "blob get $B $hello" "blob path $B $hello" "blob rm $B $hello"; do
  S=$B unchanged "a blob is a directory: ${command%% "$B"*}" 4 $command
done
renew && ln -s /etc/passwd "$B/blobs/${hello/://}"
for command in "blob get $B $hello" "blob path $B $hello"; do
  S=$B unchanged "a blob is a link: ${command%% "$B"*}" 4 $command
done

echo "-- an archive is only read"
A=$TMP/store.tar
tar -C "$S" -cf "$A" oci-layout index.json blobs
before=$(sha256sum "$A")
prints "blob get from an archive" "hello" blob get "$A" "$hello"
same "blob ls of an archive" "$(layoutfs blob ls "$S")" "$(layoutfs blob ls "oci-archive:$A")"
same "ref get from an archive" "$(layoutfs ref get "$S" app:1.0)" "$(layoutfs ref get "$A" app:1.0)"
refused "blob path of an archive" 6 blob path "$A" "$hello"
refused "blob put to an archive" 9 blob put "$A" "$TMP/hello"
refused "blob rm from an archive" 9 blob rm "$A" "$hello"
refused "ref put to an archive" 9 ref put "$A" new "$manifest"
refused "ref rm from an archive" 9 ref rm "$A" app:1.0
refused "init of an archive" 9 init "$A"
same "the archive is as it was" "$before" "$(sha256sum "$A")"

if is_root && mkdir "$TMP/ro" && { mount --bind "$S" "$TMP/ro" || left_out "cannot mount here"; }; then
  echo "-- media that are read-only"
  mount -o remount,bind,ro "$TMP/ro"
  prints "blob get" "hello" blob get "$TMP/ro" "$hello"
  prints "ref ls" "app:1.0" ref ls "$TMP/ro"
  unchanged "blob put" 9 blob put "$TMP/ro" --expect "$nothing"
  unchanged "blob rm" 9 blob rm "$TMP/ro" "$hello"
  unchanged "ref put" 9 ref put "$TMP/ro" new "$manifest"
  unchanged "ref rm" 9 ref rm "$TMP/ro" app:1.0
  umount "$TMP/ro"
  mount --bind "$TMP/a" "$TMP/ro" && mount -o remount,bind,ro "$TMP/ro"
  refused "init" 9 init "$TMP/ro/new"
  umount "$TMP/ro"
fi
