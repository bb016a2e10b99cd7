#!/usr/bin/env bash
# The commands that change a layout: output, exit status and remaining files. Refused operations change nothing.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
S=$TMP/store

echo "-- init"
prints "init creates a layout" "" init "$S"
same "a new layout is empty" '1.0.0 2 []' "$(jq -r .imageLayoutVersion "$S/oci-layout") $(jq -c '.schemaVersion, .manifests' "$S/index.json" | xargs)"
unchanged "init refuses an existing layout" 9 init "$S"
mkdir "$TMP/empty"
refused "init refuses an empty directory" 9 init "$TMP/empty"
same "a refused init writes nothing into the directory" "" "$(ls -A "$TMP/empty")"
prints "init creates missing directories" "" init "oci:$TMP/a/b/c"
check "init accepts the prefix oci:" test -f "$TMP/a/b/c/oci-layout"
prints "init accepts --refs-dir" "" init --refs-dir "$TMP/old"
check "init --refs-dir creates refs/ and no index.json" test -d "$TMP/old/refs" -a ! -e "$TMP/old/index.json"
refused "init refuses to run without a path" 2 init
refused "init refuses an empty path" 2 init oci:
refused "init refuses a path below a file" 9 init "$S/oci-layout/below"
unchanged "init refuses a path inside a layout" 2 init "$S/new"
unchanged "init refuses a path deep inside a layout" 2 init "$S/blobs/sub/new"
(cd "$S" && layoutfs init img:new) 2>"$TMP/stderr"
code=$?
same "init refuses a path inside the layout in the working directory" "2 layoutfs: img:new: inside the layout $(realpath "$S")" "$code $(head -n 1 "$TMP/stderr")"
check "the error of init has a hint with a copy command" grep -q "^hint: add an image to that layout with: layoutfs copy SRC $(realpath "$S"):NAME\$" "$TMP/stderr"
check "a refused init creates nothing in the layout" test ! -e "$S/img:new"
if has umoci; then check "umoci accepts a new layout" umoci ls --layout "$S"; fi

echo "-- blob put and get"
printf 'hello\n' >"$TMP/hello"
: >"$TMP/nothing"
python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
from ocilib import noise
sys.stdout.buffer.write(noise(3_000_001, 7))' "$CORPUS" >"$TMP/noise"
hello=$(digest_of "$TMP/hello") nothing=$(digest_of "$TMP/nothing") noise=$(digest_of "$TMP/noise")
absent=sha256:$(printf 'absent' | sha256sum | cut -d' ' -f1)
prints "blob put prints the digest of each file" "$hello"$'\n'"$noise"$'\n'"$nothing" \
  blob put "$S" "$TMP/hello" "$TMP/noise" "$TMP/nothing"
same "blob put reads standard input" "$(printf 'from a pipe' | sha256sum | cut -d' ' -f1)" \
  "$(printf 'from a pipe' | layoutfs blob put "$S" | cut -d: -f2)"
same "blob put reads standard input for -" "$(printf 'dash' | sha256sum | cut -d' ' -f1)" "$(printf 'dash' | layoutfs blob put "$S" - | cut -d: -f2)"
prints "blob put succeeds for an existing blob" "$hello" blob put "oci:$S" "$TMP/hello"
prints "blob put accepts --expect" "$hello" blob put "$S" "$TMP/hello" --expect "$hello"
sha512=sha512:$(sha512sum "$TMP/hello" | cut -d' ' -f1)
prints "blob put accepts --algorithm" "$sha512" blob put --algorithm sha512 "$S" "$TMP/hello"
prints "blob put --expect stores a blob under a SHA-512 digest" "sha512:$(sha512sum "$TMP/noise" | cut -d' ' -f1)" \
  blob put "$S" "$TMP/noise" --expect "sha512:$(sha512sum "$TMP/noise" | cut -d' ' -f1)"
same "the digest of every blob is its file name" "" "$(cd "$S/blobs/sha256" && sha256sum -- * | awk '$1 != $2')"
printf 'brackets\n' >"$TMP/[hello]"
pushd "$TMP" >/dev/null
prints "blob put accepts a file name in brackets" "$(digest_of "[hello]")" blob put "$S" "[hello]"
popd >/dev/null
check "blob get prints a blob" sh -c "'$LAYOUTFS' blob get '$S' $noise | cmp - '$TMP/noise'"
check "blob get of an empty blob prints nothing" sh -c "test -z \"\$('$LAYOUTFS' blob get '$S' $nothing)\""
prints "blob get finds a blob by its SHA-512 digest" "hello" blob get "$S" "$sha512"
prints "blob get -o writes a file" "" blob get "$S" "$noise" -o "$TMP/out"
check "blob get -o writes every byte" cmp "$TMP/out" "$TMP/noise"
prints "blob get -o accepts an existing file" "" blob get "$S" "$hello" -o "$TMP/out"
check "blob get -o replaces an existing file" cmp "$TMP/out" "$TMP/hello"
ln -s out "$TMP/link"
prints "blob get -o accepts a symlink" "" blob get "$S" "$noise" -o "$TMP/link"
check "blob get -o writes to the target of a symlink" sh -c "test -L '$TMP/link' && cmp '$TMP/out' '$TMP/noise'"
echo secret >"$TMP/private" && chmod 600 "$TMP/private"
prints "blob get -o accepts a file with mode 600" "" blob get "$S" "$hello" -o "$TMP/private"
same "blob get -o keeps the mode 600" "600 hello" "$(stat -c %a "$TMP/private") $(cat "$TMP/private")"
(umask 077 && echo public >"$TMP/shared" && chmod 664 "$TMP/shared" && layoutfs blob get "$S" "$hello" -o "$TMP/shared")
same "blob get -o keeps the mode 664" "664" "$(stat -c %a "$TMP/shared")"
(umask 027 && layoutfs blob get "$S" "$hello" -o "$TMP/fresh")
same "blob get -o creates a file with the mode of the umask" "640" "$(stat -c %a "$TMP/fresh")"
if is_root; then
  echo secret >"$TMP/theirs" && chmod 640 "$TMP/theirs" && chown 1234:2345 "$TMP/theirs"
  prints "blob get -o accepts a file of another user" "" blob get "$S" "$hello" -o "$TMP/theirs"
  same "blob get -o keeps owner and group" "1234:2345 640" "$(stat -c '%u:%g %a' "$TMP/theirs")"
  mkdir -m 777 "$TMP/open" && echo secret >"$TMP/open/theirs" && chmod 640 "$TMP/open/theirs"
  setpriv --reuid 1 --regid 1 --clear-groups "$LAYOUTFS" blob get "$S" "$hello" -o "$TMP/open/theirs"
  same "blob get -o removes the group's permissions if the group cannot be kept" "1:1 600" "$(stat -c '%u:%g %a' "$TMP/open/theirs")"
fi
prints "blob get -o accepts a device" "" blob get "$S" "$noise" -o /dev/null
check "blob get -o does not replace a device" test -c /dev/null
same "blob get --offset --length prints the part" "$(tail -c +1000001 "$TMP/noise" | head -c 500000 | sha256sum)" \
  "$(layoutfs blob get "$S" "$noise" --offset 1000000 --length 500000 | sha256sum)"
prints "blob get --length ends at the end of the blob" "lo" blob get "$S" "$hello" --offset 3 --length 1000
prints "blob get --length 0 prints nothing" "" blob get "$S" "$hello" --length 0
prints "blob get --offset at the end prints nothing" "" blob get "$S" "$hello" --offset 6
unchanged "blob get refuses --offset after the end" 2 blob get "$S" "$hello" --offset 7
for number in -1 +1 0x1 1k "" 99999999999999999999 9223372036854775808; do
  [ -z "$number" ] || unchanged "blob get refuses --offset $number" 2 blob get "$S" "$hello" "--offset=$number"
done

echo "-- blob ls, path and rm"
same "blob ls lists every blob" "$(cd "$S/blobs" && find . -type f -printf '%P\n' | tr / : | sort)" "$(layoutfs blob ls "$S" | sort)"
same "blob ls -l prints sizes" "$hello 6 B" "$(layoutfs blob ls -l "$S" | awk -v d="$hello" '$1 == d {print $1, $2, $3}')"
check "blob ls --json has a version and sizes in bytes" sh -c "'$LAYOUTFS' blob ls --json '$S' |
  jq -e '.version == 1 and (.blobs | length) == $(find "$S/blobs" -type f | wc -l) and
    (.blobs[] | select(.digest == \"$noise\").size) == 3000001'"
prints "blob path prints the file of a blob" "$S/blobs/sha256/${hello#*:}" blob path "$S" "$hello"
unchanged "blob path refuses an unknown blob" 3 blob path "$S" "$absent"
unchanged "blob get refuses an unknown blob" 3 blob get "$S" "$absent"
unchanged "blob rm refuses an unknown blob" 3 blob rm "$S" "$absent"
prints "blob rm -f ignores an unknown blob" "" blob rm -f "$S" "$absent"
layoutfs blob rm "$S" "$absent" "$sha512" "$absent" >"$TMP/stdout" 2>"$TMP/stderr"
same "blob rm continues after an unknown blob, and exits with 3" "3 0 2" "$? $(wc -c <"$TMP/stdout") $(wc -l <"$TMP/stderr")"
check "blob rm removes the existing blob" test ! -e "$S/blobs/${sha512/://}"
prints "blob rm removes several blobs" "" blob rm "$S" "$nothing" "$noise"
unchanged "blob get refuses a removed blob" 3 blob get "$S" "$noise"
layoutfs blob put "$S" "$TMP/noise" "$TMP/nothing" >/dev/null

echo "-- invalid digests"
upper=sha256:$(tr a-f A-F <<<"${hello#*:}")
for digest in sha256:../../x "$upper" "${hello:0:13}" "${hello}0" "sha256:" ":${hello#*:}" "x${hello#*:}" "../${hello#*:}" \
  "sha256:$(printf 'a%.0s' {1..128})" $'sha256:\n' sha256/x; do
  for command in "blob get" "blob path" "blob rm" "blob rm -f" "blob put --expect"; do
    if [ "$command" = "blob put --expect" ]; then unchanged "blob put --expect refuses the digest $digest" 2 blob put "$S" "$TMP/hello" --expect "$digest"
    else unchanged "$command refuses the digest $digest" 2 $command "$S" "$digest"; fi
  done
  unchanged "ref put refuses the digest $digest" 2 ref put "$S" app "$digest" --media-type text/plain
done
unchanged "blob rm refuses an invalid digest beside valid ones" 2 blob rm "$S" "$hello" sha256:0
for digest in md5:d41d8cd98f00b204e9800998ecf8427e "sha384:$(sha384sum "$TMP/hello" | cut -d' ' -f1)"; do
  unchanged "blob get refuses the unsupported digest $digest" 6 blob get "$S" "$digest"
  unchanged "blob rm refuses the unsupported digest $digest" 6 blob rm "$S" "$digest"
done

echo "-- refused content"
rm -f "$S/blobs/sha512"/*
unchanged "blob put refuses a file with another digest" 7 blob put "$S" "$TMP/noise" --expect "$absent"
unchanged "blob put refuses a file with another SHA-512 digest" 7 blob put "$S" "$TMP/noise" --expect "$sha512"
unchanged "blob put refuses empty input with another digest" 7 blob put "$S" --expect "$absent"
unchanged "blob put refuses --expect with several files" 2 blob put "$S" "$TMP/hello" "$TMP/noise" --expect "$hello"
unchanged "blob put refuses an unknown algorithm" 2 blob put "$S" "$TMP/hello" --algorithm md5
unchanged "blob put refuses a file that does not exist" 3 blob put "$S" "$TMP/absent"
unchanged "blob put refuses a directory" 1 blob put "$S" "$TMP/empty"
before=$(state_of "$S")
layoutfs blob put "$S" <"$TMP/empty" >"$TMP/stdout" 2>"$TMP/stderr"
same "blob put fails if standard input cannot be read" "1 layoutfs: standard input: Is a directory" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
layoutfs blob put "$S" <&- >"$TMP/stdout" 2>"$TMP/stderr"
same "blob put fails if standard input is closed" "1 layoutfs: standard input: Bad file descriptor" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
same "a failed blob put changes nothing" "$before" "$(state_of "$S")"
unchanged "blob put refuses to run without a layout" 2 blob put
layoutfs blob >"$TMP/stdout" 2>"$TMP/stderr"
same "blob without a command prints its help and exits with 2" "2 usage: layoutfs blob COMMAND ..." "$? $(head -n 1 "$TMP/stdout")"
unchanged "blob refuses an unknown command" 2 blob link "$S"
refused "blob put refuses a layout that does not exist" 3 blob put "$TMP/absent" "$TMP/hello"
check "a refused blob put creates no layout" test ! -e "$TMP/absent"
refused "blob put refuses a directory that is not a layout" 4 blob put "$TMP/empty" "$TMP/hello"
unchanged "blob ls refuses a reference" 2 blob ls "$S:app"

echo "-- corrupt content"
cp -a "$S" "$TMP/corrupt"
at=$TMP/corrupt/blobs/${noise/://}
printf 'x' | dd of="$at" bs=1 seek=2000000 conv=notrunc status=none
refused_get() {
  echo precious >"$TMP/target"
  refused "blob get -o refuses $1" 7 blob get "$TMP/corrupt" "$noise" -o "$TMP/target"
  same "blob get -o of $1 keeps the existing file, without temporary files" "precious 0" \
    "$(cat "$TMP/target") $(find "$TMP" -maxdepth 1 -name '.*' -type f | wc -l)"
  layoutfs blob get "$TMP/corrupt" "$noise" >/dev/null 2>"$TMP/stderr"
  same "blob get of $1 to standard output fails" "7 1" "$? $(wc -l <"$TMP/stderr")"
}
refused_get "a blob with a changed byte"
check "blob get --offset does not verify a damaged blob" sh -c "'$LAYOUTFS' blob get '$TMP/corrupt' $noise --offset 1 >/dev/null"
truncate -s 2999999 "$at"
refused_get "a truncated blob"
{ cat "$TMP/noise"; echo more; } >"$at"
refused_get "a blob with additional bytes"
: >"$at"
refused_get "an empty file instead of a blob"
refused "blob get refuses to write into a directory that does not exist" 9 blob get "$S" "$hello" -o "$TMP/no/where"
refused "blob get refuses to write to a directory" 9 blob get "$S" "$hello" -o "$TMP/empty"
if has_device /dev/full; then refused "blob get fails on a full disk" 9 blob get "$S" "$hello" -o /dev/full; fi

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
prints "ref put names a manifest" "" ref put "$S" app:1.0 "$manifest"
same "ref put finds size and media type of a manifest" "application/vnd.oci.image.manifest.v1+json $manifest $(size_of "$manifest")" \
  "$(layoutfs ref get "$S" app:1.0 | jq -r '[.mediaType, .digest, .size] | join(" ")')"
same "index.json has the new reference" "app:1.0 $manifest" \
  "$(jq -r '.manifests[] | [.annotations["org.opencontainers.image.ref.name"], .digest] | join(" ")' "$S/index.json")"
prints "cat reads the image of a new reference" "hello" cat "$S:app:1.0" hello
check "ref get prints indented JSON" sh -c "test \$('$LAYOUTFS' ref get '$S' app:1.0 | wc -l) -gt 3"
prints "ref put of the same reference succeeds" "" ref put "$S" app:1.0 "$manifest"
unchanged "ref put refuses an existing name with another target" 9 ref put "$S" app:1.0 "$hello" --media-type text/plain
prints "ref put --replace replaces the target" "" ref put "$S" app:1.0 "$hello" --replace --media-type text/plain \
  --annotation org.example.a=b=c --annotation org.example.empty= --artifact-type application/x.test --platform linux/arm/v7
same "the descriptor has the values of the options" \
  '{"mediaType":"text/plain","digest":"'"$hello"'","size":6,"annotations":{"org.example.a":"b=c","org.example.empty":""},"platform":{"architecture":"arm","os":"linux","variant":"v7"},"artifactType":"application/x.test"}' \
  "$(layoutfs ref get "$S" app:1.0 | jq -c '{mediaType, digest, size, annotations, platform: (.platform | {architecture, os, variant}), artifactType}')"
unchanged "ref put refuses a blob without a media type, even if another reference has one" 2 ref put "$S" new "$hello"
prints "ref put --replace names the manifest again" "" ref put "$S" app:1.0 "$manifest" --replace
jq -nc --arg d "$manifest" '{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: 12345,
  annotations: {"org.example.a": "b"}, "org.example.unknown": [1, {"x": null}]}' >"$TMP/descriptor"
prints "ref put accepts --descriptor" "" ref put "$S" from-file --descriptor "$TMP/descriptor"
same "ref put --descriptor keeps the whole descriptor" "$(jq -Sc . "$TMP/descriptor")" "$(layoutfs ref get "$S" from-file | jq -Sc .)"
check "ref put --descriptor reads standard input" sh -c "'$LAYOUTFS' ref get '$S' app:1.0 | '$LAYOUTFS' ref put '$S' team/app@copy --descriptor -"
prints "ref ls lists the names in order" $'app:1.0\nfrom-file\nteam/app@copy' ref ls "$S"
same "ref ls -l prints digests and media types" "$manifest application/vnd.oci.image.manifest.v1+json app:1.0" \
  "$(layoutfs ref ls -l "$S" | awk 'NR == 1 {print $1, $4, $5}')"
check "ref ls --json has a version and sizes in bytes" sh -c "'$LAYOUTFS' ref ls --json '$S' | jq -e '.version == 1 and
  [.references[].name] == [\"app:1.0\", \"from-file\", \"team/app@copy\"] and .references[1].size == 12345 and
  .references[1].digest == \"$manifest\"'"
unchanged "ref get refuses an unknown name" 3 ref get "$S" app
unchanged "ref rm refuses an unknown name" 3 ref rm "$S" app
prints "ref rm -f ignores an unknown name" "" ref rm -f "$S" app
prints "ref rm removes several references" "" ref rm "$S" from-file team/app@copy
prints "ref rm keeps the other references" "app:1.0" ref ls "$S"
unchanged "ref put refuses an unknown blob" 3 ref put "$S" new "$absent" --media-type text/plain
unchanged "ref put refuses a blob without a media type" 2 ref put "$S" new "$hello"
unchanged "ref put refuses to run without a digest" 2 ref put "$S" new
unchanged "ref put refuses a digest with --descriptor" 2 ref put "$S" new "$manifest" --descriptor "$TMP/descriptor"
unchanged "ref put refuses --media-type with --descriptor" 2 ref put "$S" new --media-type text/plain --descriptor "$TMP/descriptor"
unchanged "ref put refuses a descriptor file that does not exist" 3 ref put "$S" new --descriptor "$TMP/absent"
unchanged "ref put refuses an annotation without a value" 2 ref put "$S" new "$manifest" --annotation key
unchanged "ref put refuses an annotation without a key" 2 ref put "$S" new "$manifest" --annotation =value
unchanged "ref put refuses the annotation of the name" 2 ref put "$S" new "$manifest" --annotation org.opencontainers.image.ref.name=x
unchanged "ref put refuses an invalid platform" 2 ref put "$S" new "$manifest" --platform linux//x
for text in '' '{' '[]' '{}' 'null' '{"mediaType":"a/b","digest":"sha256:../../x","size":1}' \
  '{"mediaType":"a/b","digest":"'"$hello"'","size":-1}' '{"mediaType":"a/b","digest":"'"$hello"'"}' "$(printf '[%.0s' {1..100000})"; do
  printf '%s' "$text" >"$TMP/broken"
  unchanged "ref put refuses the descriptor ${text:0:60}" 4 ref put "$S" new --descriptor "$TMP/broken"
done
for name in "" . .. ../x /x x/ x//y 'a b' a:b: -x $'a\nb' '*' é x/../y _x; do
  unchanged "ref put refuses the name '${name@Q}'" 2 ref put --replace --media-type text/plain -- "$S" "$name" "$manifest"
done

cp -a "$S" "$TMP/incomplete"
jq '.manifests += [{mediaType: "a/b", digest: "sha256:0", size: 1}]' "$S/index.json" >"$TMP/incomplete/index.json"
for command in "ref ls" ls; do
  layoutfs $command "$TMP/incomplete" >"$TMP/stdout" 2>"$TMP/stderr"
  same "$command lists the valid references" "7 app:1.0" "$? $(cat "$TMP/stdout")"
  check "$command reports the invalid entry" grep -q 'sha256:0' "$TMP/stderr"
  layoutfs $command --json "$TMP/incomplete" >"$TMP/stdout" 2>/dev/null
  same "$command --json has the invalid entry as a problem" "7 1 1" "$? $(jq -r '[(.references | length), (.problems | length)] | join(" ")' "$TMP/stdout")"
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
  wait_for sh -c "find '$S' -name 'b-*' | grep -q ." || not_ok "blob put begins"
  kill "-${signal%:*}" "$pid"
  wait "$pid"
  same "blob put stops at SIG${signal%:*}" "${signal#*:} layoutfs: stopped by SIG${signal%:*}" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
  exec 3>&-
  same "blob put leaves no temporary files after SIG${signal%:*}" "" "$(litter_of "$S")"
done
for _ in 1 2 3 4 5; do layoutfs blob put "$S" "$TMP/hello" "$TMP/noise" "$TMP/nothing" 2>/dev/null | true; done
same "blob put leaves no temporary files if the reader of its output is gone" "" "$(litter_of "$S")"

echo "-- references in refs/"
O=$TMP/old
manifest_there=$(layoutfs blob put "$O" "$TMP/manifest")
layoutfs blob put "$O" "$S/blobs/${config/://}" "$TMP/layer.tar" >/dev/null
prints "ref put adds a reference to a layout with refs/" "" ref put "$O" app "$manifest_there"
check "ref put writes a file in refs/" jq -e ".digest == \"$manifest_there\"" "$O/refs/app"
prints "ref ls lists the files in refs/" "app" ref ls "$O"
prints "cat reads the image of a file in refs/" "hello" cat "$O:app" hello
S=$O unchanged "ref put refuses an existing name in refs/ with another target" 9 ref put "$O" app "$config" --media-type text/plain
for name in app:1.0 a/b ../x . ..; do
  S=$O unchanged "ref put refuses the name $name, which is not a file name" 2 ref put "$O" "$name" "$manifest_there"
done
prints "ref rm accepts a name in refs/" "" ref rm "$O" app
check "ref rm removes the file in refs/" test ! -e "$O/refs/app"

echo "-- broken layouts"
# broken CASE CODE: in the layout $B, every command must exit with CODE and change nothing.
B=$TMP/broken-layout
broken() {
  local sentence=$1 code=$2 command
  for command in "blob put $B $TMP/hello" "blob ls $B" "blob get $B $hello" "blob rm $B $hello" "blob path $B $hello" \
    "ref put $B app $hello --media-type a/b" "ref get $B app" "ref ls $B" "ref rm -f $B app" "clean $B" "gc $B" "fsck $B"; do
    S=$B unchanged "${command%% "$B"*} refuses a layout with $sentence"$B"*}" "$code" $command
  done
}
renew() {
  rm -rf "$B"
  cp -a "$TMP/layouts/sample" "$B"
}
renew && printf '{"schemaVersion":2,"manifests":[' >"$B/index.json" && broken "a truncated index.json" 4
renew && rm "$B/index.json" && mkdir "$B/index.json" && broken "a directory as index.json" 4
renew && rm "$B/index.json" && ln -s /etc/passwd "$B/index.json" && broken "a symlink as index.json" 4
renew && rm "$B/index.json" && mkfifo "$B/index.json" && broken "a pipe as index.json" 4
renew && printf '{"imageLayoutVersion":"2.0.0"}' >"$B/oci-layout" && broken "an unknown version" 4
renew && rm -r "$B/blobs" && : >"$B/blobs" && broken "a file as blobs/" 4
renew && rm "$B/oci-layout" && broken "a missing oci-layout" 4
renew && mv "$B/blobs/sha256" "$B/elsewhere" && : >"$B/blobs/sha256"
for command in "blob put $B $TMP/hello" "blob get $B $hello" "blob ls $B" "blob path $B $hello" "blob rm -f $B $hello" "gc $B --grace 0"; do
  S=$B unchanged "${command%% "$B"*} refuses a layout with a file as blobs/sha256"$B"*}" 4 $command
done
renew && mkdir "$B/blobs/${hello/://}"
for command in "blob get $B $hello" "blob path $B $hello" "blob rm $B $hello"; do
  S=$B unchanged "${command%% "$B"*} refuses a directory instead of a blob"$B"*}" 4 $command
done
renew && ln -s /etc/passwd "$B/blobs/${hello/://}"
for command in "blob get $B $hello" "blob path $B $hello"; do
  S=$B unchanged "${command%% "$B"*} refuses a symlink instead of a blob"$B"*}" 4 $command
done

echo "-- an archive is read-only"
A=$TMP/store.tar
tar -C "$S" -cf "$A" oci-layout index.json blobs
before=$(sha256sum "$A")
prints "blob get reads an archive" "hello" blob get "$A" "$hello"
same "blob ls reads an archive" "$(layoutfs blob ls "$S")" "$(layoutfs blob ls "oci-archive:$A")"
same "ref get reads an archive" "$(layoutfs ref get "$S" app:1.0)" "$(layoutfs ref get "$A" app:1.0)"
refused "blob path refuses an archive" 6 blob path "$A" "$hello"
refused "blob put refuses an archive" 9 blob put "$A" "$TMP/hello"
refused "blob rm refuses an archive" 9 blob rm "$A" "$hello"
refused "ref put refuses an archive" 9 ref put "$A" new "$manifest"
refused "ref rm refuses an archive" 9 ref rm "$A" app:1.0
refused "init refuses an archive" 9 init "$A"
same "refused commands do not change the archive" "$before" "$(sha256sum "$A")"

if is_root && mkdir "$TMP/ro" && { mount --bind "$S" "$TMP/ro" || left_out "cannot mount here"; }; then
  echo "-- read-only media"
  mount -o remount,bind,ro "$TMP/ro"
  prints "blob get reads a read-only layout" "hello" blob get "$TMP/ro" "$hello"
  prints "ref ls reads a read-only layout" "app:1.0" ref ls "$TMP/ro"
  unchanged "blob put fails for a read-only layout" 9 blob put "$TMP/ro" --expect "$nothing"
  unchanged "blob rm fails for a read-only layout" 9 blob rm "$TMP/ro" "$hello"
  unchanged "ref put fails for a read-only layout" 9 ref put "$TMP/ro" new "$manifest"
  unchanged "ref rm fails for a read-only layout" 9 ref rm "$TMP/ro" app:1.0
  umount "$TMP/ro"
  mount --bind "$TMP/a" "$TMP/ro" && mount -o remount,bind,ro "$TMP/ro"
  refused "init fails in a read-only directory" 9 init "$TMP/ro/new"
  umount "$TMP/ro"
fi
