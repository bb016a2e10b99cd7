#!/usr/bin/env bash
# Repositories in layouts: skopeo, umoci and buildah can read pushed images; interrupted uploads are resumed;
# refused operations change nothing. LAYOUTFS_TEST_FULL=1 also pushes 1 GiB.
. "$(dirname "$0")/lib.sh"
need jq python3
skopeo=
! has skopeo || skopeo=$(command -v skopeo)

# ---- An image, by hand ----

I=$TMP/image
mkdir -p "$I/files/etc"
echo hello >"$I/files/etc/name"
ln -s name "$I/files/etc/link"
python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
from ocilib import noise
sys.stdout.buffer.write(noise(3_000_001, 7))' "$CORPUS" >"$I/files/noise"
noise=$I/files/noise
tar -C "$I/files" --owner=0 --group=0 -cf "$I/layer.tar" etc noise
gzip -nk "$I/layer.tar"
size_of() { stat -c %s "$1"; }
jq -nc --arg arch "$(host_architecture)" --arg d "$(digest_of "$I/layer.tar")" \
  '{architecture: $arch, os: "linux", config: {}, rootfs: {type: "layers", diff_ids: [$d]}}' >"$I/config"
jq -nc --arg c "$(digest_of "$I/config")" --argjson cs "$(size_of "$I/config")" \
  --arg l "$(digest_of "$I/layer.tar.gz")" --argjson ls "$(size_of "$I/layer.tar.gz")" '{
  schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $c, size: $cs},
  layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: $l, size: $ls}]}' >"$I/manifest"
layer=$(digest_of "$I/layer.tar.gz") config=$(digest_of "$I/config") manifest=$(digest_of "$I/manifest")
absent=$(printf absent | digest_of)
printf '{}' >"$I/empty"
jq -c --arg e "$(digest_of "$I/empty")" --arg m "$manifest" --argjson ms "$(size_of "$I/manifest")" '
  {schemaVersion, mediaType, artifactType: "application/vnd.example.sbom",
  config: {mediaType: "application/vnd.oci.empty.v1+json", digest: $e, size: 2},
  layers: [], subject: {mediaType, digest: $m, size: $ms}, annotations: {"org.example.made": "by hand"}}' "$I/manifest" >"$I/sbom"
sbom=$(digest_of "$I/sbom")

# uploads STORE: the files of uploads in all layouts there.
uploads() { find "$1" -path '*/blobs/uploads/*' -type f; }
# litter STORE: files that do not belong to a layout.
litter() { find "$1" -type f ! -name oci-layout ! -name index.json ! -path '*/blobs/sha*' ! -name .layoutfs.lock; }

# ---- The same in a layout, and in a directory of layouts ----

# stores_image SENTENCE STORE LAYOUT: pushes to team/app, with LAYOUT as its layout, and reads it with every
# program.
stores_image() {
  local what=$1 S=$2 L=$3 copied
  echo "-- $what"
  prints "repos of nothing" "" repos "$S"
  unchanged "tags of nothing" 3 tags "$S" team/app
  unchanged "a manifest before its blobs" 4 push "$S" team/app --manifest "$I/manifest" --tag 1.0
  prints "push prints a layer's digest" "$layer" push "$S" team/app "$I/layer.tar.gz"
  same "and takes standard input" "$config" "$(layoutfs push "$S" team/app <"$I/config")"
  same "also as -" "$config" "$(layoutfs push "$S" team/app - --digest "$config" <"$I/config")"
  prints "a blob makes no repository" "" repos "$S"
  prints "push prints a manifest's digest" "$manifest" push "$S" team/app --manifest "$I/manifest" --tag 1.0 --tag latest
  prints "which has both tags" $'1.0\nlatest' tags "$S" team/app
  prints "in a repository" team/app repos "$S"
  prints "push of the same again" "$manifest" push "$S" team/app --manifest "$I/manifest" --tag 1.0 --digest "$manifest"
  same "from standard input, under another name" "$manifest" \
    "$(layoutfs push "$S" team/app --manifest --tag 1.1 --media-type application/vnd.oci.image.manifest.v1+json <"$I/manifest")"
  same "every blob is there, byte for byte" "$(sort <<<"$layer"$'\n'"$config"$'\n'"$manifest")" \
    "$(cd "$L/blobs/sha256" && sha256sum -- * | awk '$1 == $2 {print "sha256:" $1}' | sort)"
  same "and nothing else" "" "$(litter "$S")"
  check "fsck finds nothing wrong" "$LAYOUTFS" fsck "$L"
  same "the image is one of the layout" hello "$(layoutfs cat "$L:team/app:1.0" etc/link)"
  same "by its tag alone too" hello "$(layoutfs cat "$L:latest" etc/link)"

  check "pull of a tag" sh -c "'$LAYOUTFS' pull '$S' team/app latest | cmp - '$I/manifest'"
  check "pull of a manifest" sh -c "'$LAYOUTFS' pull '$S' team/app $manifest | cmp - '$I/manifest'"
  check "pull of a blob" sh -c "'$LAYOUTFS' pull '$S' team/app $layer | cmp - '$I/layer.tar.gz'"
  prints "pull into a file" "" pull "$S" team/app "$layer" -o "$TMP/pulled"
  check "which has every byte" cmp "$TMP/pulled" "$I/layer.tar.gz"
  prints "another one in its place" "" pull "$S" team/app "$config" --output "$TMP/pulled"
  check "which is that" cmp "$TMP/pulled" "$I/config"

  prints "tags after one" $'1.1\nlatest' tags "$S" team/app --after 1.0
  prints "tags after one that is not there, so many" 1.1 tags "$S" team/app --after 1.0.1 --limit 1
  prints "tags as JSON" '{"version":1,"repository":"team/app","tags":["1.0","1.1"]}' tags "$S" team/app --json --limit 2
  prints "no tags after the last" "" tags "$S" team/app --after latest
  prints "referrers of a manifest without any" "" referrers "$S" team/app 1.0
  prints "referrers of what is not there" "" referrers "$S" team/app "$absent"
  layoutfs push "$S" team/app "$I/empty" >/dev/null
  prints "push of an artifact, without a tag" "$sbom" push "$S" team/app --manifest "$I/sbom"
  prints "which is no tag" $'1.0\n1.1\nlatest' tags "$S" team/app
  prints "its subject has a referrer" "$sbom    $(size_of "$I/sbom") B application/vnd.example.sbom" referrers "$S" team/app 1.0
  prints "of that type" "$sbom    $(size_of "$I/sbom") B application/vnd.example.sbom" \
    referrers "$S" team/app "$manifest" --artifact-type application/vnd.example.sbom
  prints "of no other" "" referrers "$S" team/app 1.0 --artifact-type application/vnd.example.other
  same "as JSON" "[1,\"team/app\",\"$manifest\",[[\"application/vnd.oci.image.manifest.v1+json\",\"$sbom\",$(size_of "$I/sbom"),\"application/vnd.example.sbom\",{\"org.example.made\":\"by hand\"}]]]" \
    "$(layoutfs referrers --json "$S" team/app latest | jq -c '[.version, .repository, .subject, [.referrers[] | [.mediaType, .digest, .size, .artifactType, .annotations]]]')"
  check "pull of what has no tag" sh -c "'$LAYOUTFS' pull '$S' team/app $sbom | cmp - '$I/sbom'"

  if [ "$skopeo" ]; then
    same "skopeo reads the manifest, byte for byte" "$manifest" "$(limited "$skopeo" inspect --raw "oci:$L:team/app:1.0" | digest_of)"
    copied=$TMP/copied-$RANDOM
    check "skopeo copies the image" "$skopeo" --insecure-policy copy "oci:$L:team/app:latest" "oci:$copied:app"
    for each in "$layer" "$config" "$manifest"; do
      check "and ${each:0:19} byte for byte" cmp "$L/blobs/${each/://}" "$copied/blobs/${each/://}"
    done
  fi
  if has umoci; then
    same "umoci lists the tags, and what has none" "team/app:1.0 team/app:1.1 team/app:latest team/app@$sbom" "$(umoci ls --layout "$L" | sort | xargs)"
    rm -rf "$TMP/bundle"
    check "umoci unpacks the image" umoci unpack --rootless --image "$L:team/app:1.0" "$TMP/bundle"
    check "which is what was packed" diff -r --no-dereference "$I/files" "$TMP/bundle/rootfs"
  fi
  if has buildah && is_root; then
    storage=(--root "$TMP/containers" --runroot "$TMP/run" --storage-driver vfs)
    # It makes a name of the path, which may not have capital letters.
    check "buildah takes the image" env -C "$TMP" buildah "${storage[@]}" from --name ours "oci:${L#"$TMP/"}:team/app:latest"
    mountpoint=$(buildah "${storage[@]}" mount ours)
    check "with every file" diff -r --no-dereference "$I/files" "$mountpoint"
    buildah "${storage[@]}" umount ours >/dev/null
    buildah "${storage[@]}" rm ours >/dev/null
    buildah "${storage[@]}" rmi -a >/dev/null
  fi
}
# read_while_written STORE LAYOUT: readers see complete images at any moment, while tags are added and blobs
# are uploaded.
read_while_written() {
  local S=$1 L=$2 number wrong=0
  rm -f "$TMP/enough"
  for ((number = 1; ; number++)); do
    [ ! -e "$TMP/enough" ] || break
    layoutfs push "$S" team/app --manifest "$I/manifest" --tag "more-$number" && layoutfs push "$S" team/app "$I/layer.tar" || break
  done >/dev/null 2>"$TMP/stderr" &
  for ((number = 1; number <= 15; number++)); do
    [ ! "$skopeo" ] || [ "$(limited "$skopeo" inspect --raw "oci:$L:team/app:1.0" | digest_of)" = "$manifest" ] || wrong=1
    ! has umoci || [ "$(umoci ls --layout "$L" | grep -c '^team/app:1.[01]$')" = 2 ] || wrong=1
  done
  touch "$TMP/enough"
  wait $!
  same "skopeo and umoci read it while it is written" 0 $wrong
  same "without a failure" "" "$(cat "$TMP/stderr")"
  number=$(layoutfs tags "$S" team/app | grep -c '^more-')
  check "which it was ($number tags)" test "$number" -ge 5
}
layoutfs init "$TMP/one"
mkdir "$TMP/many"
stores_image "a layout" "$TMP/one" "$TMP/one"
stores_image "a directory of layouts" "$TMP/many" "$TMP/many/team/app"

echo "-- read while it is written"
for S in "$TMP/one" "$TMP/many"; do
  cp -a "$S" "$S-written"
  [ "$S" = "$TMP/one" ] && L=$S-written || L=$S-written/team/app
  read_while_written "$S-written" "$L"
done

echo "-- repositories beside each other"
for S in "$TMP/one" "$TMP/many"; do
  prints "a blob of another repository" "$layer" push "$S" team/app/debug --mount-from team/app --digest "$layer"
  layoutfs push "$S" team/app/debug "$I/config" >/dev/null
  prints "its manifest" "$manifest" push "$S" team/app/debug "$I/manifest" --manifest --tag 1.0
  prints "a third one" "$manifest" push "$S" apples "$I/manifest" --manifest --media-type application/x.not-looked-into --tag 1
  prints "repos" $'apples\nteam/app\nteam/app/debug' repos "$S"
  prints "so many" $'apples\nteam/app' repos "$S" --limit 2
  prints "the next" team/app/debug repos "$S" --limit 2 --after team/app
  prints "as JSON" '{"version":1,"repositories":["team/app","team/app/debug"]}' repos "$S" --json --after b
  prints "each has its own tags" 1.0 tags "$S" team/app/debug
  same "nothing is left" "" "$(litter "$S")"
  unchanged "a blob that is not there" 3 push "$S" other --mount-from team/app --digest "$absent"
done

echo "-- tags and manifests that are removed"
children=$(jq -c --arg m "$manifest" --argjson ms "$(size_of "$I/manifest")" -n '{schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $m, size: $ms}]}' | tee "$I/children" | digest_of)
for original in "$TMP/one" "$TMP/many"; do
  S=$original-removed
  cp -a "$original" "$S"
  [ "$original" = "$TMP/one" ] && L=$S || L=$S/team/app
  blobs_before=$(cd "$L/blobs" && find . -type f | sort)
  prints "tag rm says nothing" "" tag rm "$S" team/app 1.1
  prints "the tag is gone" $'1.0\nlatest' tags "$S" team/app
  unchanged "a tag that is not there" 3 tag rm "$S" team/app 1.1
  prints "unless that is no error" "" tag rm -f "$S" team/app 1.1
  unchanged "a repository that is not there" 3 tag rm "$S" team/none 1.0
  unchanged "a tag that is none" 2 tag rm "$S" team/app -- -x
  unchanged "a repository that is none" 2 tag rm "$S" Team 1.0
  unchanged "no tag" 2 tag rm "$S" team/app
  unchanged "a digest" 2 tag rm "$S" team/app "$manifest"
  unchanged "a whole name beside a tag" 2 tag rm "$S" team/app:1.0 latest
  refused "one of two that are not there" 3 tag rm "$S" team/app absent latest
  prints "the other one is gone" 1.0 tags "$S" team/app
  prints "by its whole name" "" tag rm --keep-untagged "$S" team/app:1.0
  prints "the last tag is gone" "" tags "$S" team/app
  check "and the manifest stays where that is wanted" sh -c "'$LAYOUTFS' pull '$S' team/app $manifest | cmp - '$I/manifest'"
  same "other repositories keep theirs" "1 1.0" "$(layoutfs tags "$S" apples) $(layoutfs tags "$S" team/app/debug)"
  unchanged "a manifest by a tag" 2 manifest rm "$S" team/app 1.0
  unchanged "one that is not there" 3 manifest rm "$S" team/app "$absent"
  prints "unless that is no error" "" manifest rm --force "$S" team/app "$absent"
  unchanged "no manifest" 2 manifest rm "$S" team/app
  layoutfs push "$S" team/app --manifest "$I/children" --tag index >/dev/null
  layoutfs push "$S" team/app --manifest "$I/manifest" --tag 1.0 --tag 2.0 >/dev/null
  check "manifest rm removes a manifest with all its tags" "$LAYOUTFS" manifest rm "$S" team/app "$manifest"
  prints "which leaves other tags" index tags "$S" team/app
  unchanged "what only another document leads to is not removed" 9 manifest rm "$S" "team/app@$manifest"
  check "with the reason" grep -q 'another document refers to it' "$TMP/stderr"
  layoutfs manifest rm "$S" team/app "$children" 2>"$TMP/stderr"
  same "the index is" "" "$(cat "$TMP/stderr")"
  unchanged "and so is what it led to" 3 manifest rm "$S" "team/app@$manifest"
  prints "what refers to it stays" "$sbom    $(size_of "$I/sbom") B application/vnd.example.sbom" referrers "$S" team/app "$manifest"
  layoutfs push "$S" team/app --manifest "$I/manifest" --tag 1.0 >/dev/null
  layoutfs manifest rm "$S" "team/app@$manifest" 2>"$TMP/stderr"
  same "which is told" "$manifest: gc keeps it until its 1 referrer is removed" "$(cat "$TMP/stderr")"
  prints "a referrer goes by the digest that referrers prints" "" manifest rm "$S" team/app "$sbom"
  check "no blob is removed" test -z "$(comm -23 <(echo "$blobs_before") <(cd "$L/blobs" && find . -type f | sort))"
  same "there is no litter" "" "$(litter "$S")"
  unchanged "a repository that has no entries left" 3 tag rm "$S" team/app 1.0
done
S=$TMP/many unchanged "what is no store" 3 tag rm "$TMP/absent" team/app 1.0

echo "-- entries that are a tag alone"
S=$TMP/theirs
cp -r "$TMP/one" "$S"
jq -c '.manifests |= [.[0] | .annotations["org.opencontainers.image.ref.name"] = "latest"]' "$TMP/one/index.json" >"$S/index.json"
layoutfs repos "$S" >"$TMP/stdout" 2>"$TMP/stderr"
same "repos lists none" "0 " "$? $(cat "$TMP/stdout")"
check "and says how to give one" grep -q -- --default-repository "$TMP/stderr"
for command in "tags $S app" "pull $S app latest" "referrers $S app latest" "tag rm $S app latest" "manifest rm $S app $manifest"; do
  unchanged "${command%% *} does not guess" 3 $command
  check "and says how to say it" grep -q -- --default-repository "$TMP/stderr"
done
prints "repos with --default-repository" app repos "$S" --default-repository app
prints "tags" latest tags "$S" app --default-repository app
check "pull" sh -c "'$LAYOUTFS' pull '$S' app latest --default-repository app | cmp - '$I/manifest'"
prints "push beside it" "$manifest" push "$S" app --manifest --tag 2 "$I/manifest" --default-repository app
prints "referrers" "" referrers "$S" app 2 --default-repository app
prints "tag rm" "" tag rm "$S" app 2 --default-repository app
prints "which leaves the other" latest tags "$S" app --default-repository app
check "a blob can be pulled without" sh -c "'$LAYOUTFS' pull '$S' app $layer | cmp - '$I/layer.tar.gz'"
unchanged "a default repository that is none" 2 repos "$S" --default-repository App
S=$TMP/many unchanged "a default repository of a directory of layouts" 2 repos "$TMP/many" --default-repository app

echo "-- ranges"
S=$TMP/one
digest=$(layoutfs push "$S" team/app "$noise")
range() { layoutfs pull "$S" team/app "$digest" --range "$1" 2>"$TMP/stderr" | digest_of; }
same "both ends" "$(head -c 200 "$noise" | tail -c 101 | digest_of)" "$(range 99-199)"
same "one byte" "$(head -c 1 "$noise" | digest_of)" "$(range 0-0)"
same "from one on" "$(tail -c +2000001 "$noise" | digest_of)" "$(range 2000000-)"
same "the last" "$(tail -c 10 "$noise" | digest_of)" "$(range -10)"
same "the last, more than there are" "$(digest_of "$noise")" "$(range -9999999)"
same "as far as there are" "$(tail -c 1 "$noise" | digest_of)" "$(range 3000000-4000000)"
same "all" "$(digest_of "$noise")" "$(range 0-9223372036854775807)"
same "behind =" "$(tail -c 10 "$noise" | digest_of)" "$(layoutfs pull "$S" team/app "$digest" --range=-10 | digest_of)"
same "of a manifest" "$(head -c 20 "$I/manifest")" "$(layoutfs pull "$S" team/app 1.0 --range 0-19)"
prints "into a file" "" pull "$S" team/app "$digest" --range 5-9 -o "$TMP/pulled"
same "of the part" "$(head -c 10 "$noise" | tail -c 5 | digest_of)" "$(digest_of "$TMP/pulled")"
rm "$TMP/pulled"
for range in 3000001- 3000001-3000002 -0 9223372036854775807- 5-4 - 5 x-y 1-2-3 ' 1-2' +1-2 1-99999999999999999999 0x1-2 bytes=1-2 1-2,4-5; do
  unchanged "the range '$range'" 2 pull "$S" team/app "$digest" "--range=$range" -o "$TMP/pulled"
done
nothing=$(layoutfs push "$S" team/app </dev/null)
same "an empty blob" "$(digest_of </dev/null)" "$nothing"
check "can be pulled" sh -c "'$LAYOUTFS' pull '$S' team/app $nothing | cmp - /dev/null"
unchanged "but has no range" 2 pull "$S" team/app "$nothing" --range 0- -o "$TMP/pulled"
check "no file is made for what is refused" test ! -e "$TMP/pulled"

echo "-- uploads that break off"
S=$TMP/many
mkfifo "$TMP/pipe"
whole=$(digest_of "$noise")
blob=$S/up/blobs/${whole/://}
# begin ARGUMENT...: a push of descriptor 3 as process $pid; returns when the upload has 2000000 bytes, or, in
# chunks, the largest multiple below that.
begin() {
  # A reader that also writes, so that opening does not wait.
  exec 3<>"$TMP/pipe"
  interruptible "$LAYOUTFS" push "$S" up --chunk-size 64K "$@" <&0 >"$TMP/stdout" 2>"$TMP/stderr" 3>&- &
  pid=$!
  pids+=("$pid")
  head -c "$rest" "$noise" >&3
  wait_for has_sent || not_ok "the upload has begun" "$(cat "$TMP/stderr")"
}
rest=2000000
has_sent() { upload=$(uploads "$S") && [ "$upload" ] && [ "$(size_of "$upload")" = $((rest / 65536 * 65536)) ]; }
upload_id() { basename "$(uploads "$S")"; }
resumes() { prints "$1" "$whole" push "$S" up "$noise" --resume "$(upload_id)"; }
is_whole() {
  check "the blob is whole" cmp "$blob" "$noise"
  same "no upload is left" "" "$(litter "$S")"
  rm -f "$blob"
}

for signal in HUP:129 INT:130 TERM:143; do
  begin "$TMP/pipe"
  kill "-${signal%:*}" "$pid"
  wait "$pid"
  code=$?
  same "SIG${signal%:*} stops it, and the line says how to go on" \
    "${signal#*:} layoutfs: push: stopped by SIG${signal%:*}; the upload has 2000000 bytes; resume with --resume $(upload_id)" \
    "$code $(cat "$TMP/stdout" "$TMP/stderr")"
  same "what had come is kept, to the last byte" 2000000 "$(size_of "$(uploads "$S")")"
  exec 3>&-
  resumes "another process goes on"
  is_whole
done

begin "$TMP/pipe"
wait_for grep -q "upload $(upload_id).* --resume $(upload_id)$" "$TMP/stderr"
same "the id is told after a while" 0 $?
S=$TMP/many refused "of two, the second one must wait" 9 push "$S" up "$noise" --resume "$(upload_id)"
kill -9 "$pid"
wait "$pid" 2>/dev/null
exec 3>&-
same "killed, the upload has whole chunks" $((2000000 / 65536 * 65536)) "$(size_of "$(uploads "$S")")"
resumes "another process goes on after kill -9"
is_whole

exec 3<>"$TMP/pipe"
begin -v <"$TMP/pipe"
check "-v tells the id" grep -qx "upload $(upload_id): if interrupted, resume with --resume $(upload_id)" "$TMP/stderr"
kill -9 "$pid"
wait "$pid" 2>/dev/null
exec 3>&-
there=$(size_of "$(uploads "$S")")
unchanged "standard input is the rest, so the digest must be said" 2 push "$S" up --resume "$(upload_id)"
same "with it, the rest is enough" "$whole" \
  "$(tail -c +$((there + 1)) "$noise" | layoutfs push "$S" up --resume "$(upload_id)" --digest "$whole")"
is_whole

begin "$TMP/pipe"
kill "$pid"
wait "$pid"
exec 3>&-
head -c 1000000 "$noise" >"$TMP/short"
unchanged "a file that is shorter than the upload" 7 push "$S" up "$TMP/short" --resume "$(upload_id)"
unchanged "a file that is not there" 3 push "$S" up "$TMP/absent" --resume "$(upload_id)"
unchanged "another repository has no such upload" 3 push "$S" team/app "$noise" --resume "$(upload_id)"
for wrong in "" x "$(upload_id)0" "../$(upload_id)" "$(tr a-f0-9 A-FA-F <<<"$(upload_id)" | cut -c1-31)g"; do
  unchanged "the id '$wrong'" 2 push "$S" up "$noise" "--resume=$wrong"
done
unchanged "an id that nobody has" 3 push "$S" up "$noise" --resume 0123456789abcdef0123456789abcdef
begun=$(upload_id)
mkdir "$TMP/gone"
layoutfs push "$S" up "$TMP/gone" >"$TMP/stdout" 2>"$TMP/stderr"
same "what cannot be read begins no upload" "1 layoutfs: $TMP/gone: Is a directory" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
same "beside the one that is there" "$begun" "$(upload_id)"
{ head -c 2000000 "$noise"; echo "something else"; } >"$TMP/other"
refused "content of another digest" 7 push "$S" up "$TMP/other" --resume "$(upload_id)" --digest "$whole"
same "is not gone on with" "" "$(litter "$S")"
check "and no blob" test ! -e "$blob"
layoutfs push "$S" up <"$TMP/gone" >"$TMP/stdout" 2>"$TMP/stderr"
same "standard input that cannot be read" "1 layoutfs: standard input: Is a directory" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
layoutfs push "$S" up <&- >"$TMP/stdout" 2>"$TMP/stderr"
same "standard input that is closed" "1 layoutfs: standard input: Bad file descriptor" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
same "leave nothing" "" "$(litter "$S")"

for size in 1 7 4K 1G; do
  printf 'some content of no great length' >"$TMP/some"
  prints "chunks of $size" "$(digest_of "$TMP/some")" push "$S" up "$TMP/some" --chunk-size $size
  rm "$S/up/blobs/sha256/"*
done
sha512=sha512:$(sha512sum "$noise" | cut -d' ' -f1)
prints "a digest of the other algorithm names the blob" "$sha512" push "$S" up "$noise" --digest "$sha512"
check "which can be pulled by it" sh -c "'$LAYOUTFS' pull '$S' up $sha512 | cmp - '$noise'"

echo "-- what is refused changes nothing"
refused "a store that is not there" 3 push "$TMP/absent" app "$I/config"
check "says how to make one" grep -q 'layoutfs init' "$TMP/stderr"
refused "a blob of it" 3 pull "$TMP/absent" app "$config"
refused "its repositories" 3 repos "$TMP/absent"
refused "its tags" 3 tags "$TMP/absent" app
refused "its referrers" 3 referrers "$TMP/absent" app 1.0
check "none of them makes one" test ! -e "$TMP/absent"
refused "a store that is a file" 4 repos "$I/config"
refused "a store without a name" 2 repos ""
mkdir "$TMP/incomplete"
cp "$TMP/one/index.json" "$TMP/incomplete"
S=$TMP/incomplete unchanged "a layout without oci-layout" 4 push "$TMP/incomplete" app "$I/config"
for S in "$TMP/one" "$TMP/many"; do
  unchanged "a repository that is not there" 3 tags "$S" nothing
  unchanged "a tag that is not there" 3 pull "$S" team/app 9.9
  unchanged "referrers of it" 3 referrers "$S" team/app 9.9
  unchanged "content that is not there" 3 pull "$S" team/app "$absent"
  for name in "" App a//b /a a/ ../x a/../b a_/b 'a b' a:1 a@b -a "$(printf 'a%.0s' {1..256})" é $'a\nb'; do
    unchanged "the repository ${name:0:60}" 2 push -- "$S" "$name" "$I/config"
    unchanged "a manifest in ${name:0:60}" 2 push --manifest --tag 1.0 -- "$S" "$name" "$I/manifest"
    unchanged "a blob in ${name:0:60}" 2 push --mount-from team/app --digest "$layer" -- "$S" "$name"
    unchanged "tags of ${name:0:60}" 2 tags -- "$S" "$name"
  done
  for tag in "" .x -x 'a b' a/b é "$(printf 'a%.0s' {1..129})" $'a\nb'; do
    unchanged "the tag ${tag:0:60}" 2 push "$S" team/app --manifest "$I/manifest" "--tag=$tag"
    unchanged "pull of ${tag:0:60}" 2 pull "$S" team/app -- "$tag"
  done
  for digest in sha256:../../x "sha256:$(tr a-f A-F <<<"${layer#*:}")" "${layer}0" sha256: :x; do
    unchanged "the digest $digest" 2 push "$S" team/app "$I/config" --digest "$digest"
    unchanged "pull of $digest" 2 pull "$S" team/app "$digest"
    unchanged "referrers of $digest" 2 referrers "$S" team/app "$digest"
  done
  unchanged "a digest of an unknown algorithm" 6 pull "$S" team/app md5:d41d8cd98f00b204e9800998ecf8427e
  unchanged "content of another digest" 7 push "$S" team/app "$I/files/etc/name" --digest "$absent"
  unchanged "a manifest of another digest" 7 push "$S" team/app --manifest "$I/manifest" --digest "$absent" --tag 2.0
  unchanged "a file that is not there" 3 push "$S" team/app "$TMP/nowhere"
  unchanged "a manifest that is not there" 3 push "$S" team/app "$TMP/nowhere" --manifest
  jq -c '.layers[0].digest = $ARGS.positional[0]' --args "$absent" <"$I/manifest" >"$TMP/wrong"
  unchanged "a manifest whose layer is not there" 4 push "$S" team/app --manifest "$TMP/wrong" --tag 1.0
  jq -c 'del(.mediaType)' "$I/manifest" >"$TMP/wrong"
  unchanged "a manifest that says no media type" 2 push "$S" team/app --manifest "$TMP/wrong" --tag 1.0
  printf '{"schemaVersion":2,' >"$TMP/wrong"
  unchanged "broken JSON" 4 push "$S" team/app --manifest "$TMP/wrong" --tag 1.0
  unchanged "which is no manifest either" 4 push "$S" team/app --manifest "$TMP/wrong" --tag 1.0 \
    --media-type application/vnd.oci.image.manifest.v1+json
  head -c 5000000 /dev/zero >"$TMP/wrong"
  unchanged "a manifest that is too large" 6 push "$S" team/app --manifest "$TMP/wrong" --media-type a/b
  for size in 0 2G x -1 1.5M ''; do
    unchanged "chunks of '$size'" 2 push "$S" team/app "$I/config" "--chunk-size=$size"
  done
  for number in 0 -1 x 1.5 99999999999999999999; do
    unchanged "so many: $number" 2 tags "$S" team/app "--limit=$number"
    unchanged "so many repositories: $number" 2 repos "$S" "--limit=$number"
  done
  unchanged "a blob of a repository that is none" 2 push "$S" other --mount-from Team --digest "$layer"
  unchanged "--mount-from without --digest" 2 push "$S" other --mount-from team/app
  unchanged "--mount-from with content" 2 push "$S" other "$I/config" --mount-from team/app --digest "$layer"
  unchanged "--mount-from with a manifest" 2 push "$S" other --manifest --mount-from team/app --digest "$layer"
  unchanged "--mount-from and --resume" 2 push "$S" other --mount-from team/app --digest "$layer" --resume "$begun"
  unchanged "--tag of a blob" 2 push "$S" team/app "$I/config" --tag 1.0
  unchanged "--media-type of a blob" 2 push "$S" team/app "$I/config" --media-type a/b
  unchanged "--resume of a manifest" 2 push "$S" team/app --manifest --resume "$begun" "$I/manifest"
  unchanged "--chunk-size of a manifest" 2 push "$S" team/app --manifest --chunk-size 1M "$I/manifest"
  unchanged "push without a repository" 2 push "$S"
  unchanged "pull without a name" 2 pull "$S" team/app
  unchanged "pull into a directory" 9 pull "$S" team/app 1.0 -o "$TMP/gone"
  unchanged "pull into a directory that is not there" 9 pull "$S" team/app 1.0 -o "$TMP/no/where"
  [ ! -c /dev/full ] || unchanged "pull into a full disk" 9 pull "$S" team/app 1.0 -o /dev/full
done

echo "-- corrupt content"
S=$TMP/corrupt
cp -a "$TMP/one" "$S"
printf x | dd of="$S/blobs/${layer/://}" bs=1 seek=1000 conv=notrunc status=none
echo precious >"$TMP/pulled"
unchanged "is not pulled into a file" 7 pull "$S" team/app "$layer" -o "$TMP/pulled"
same "which is as it was, with nothing beside it" "precious 0" \
  "$(cat "$TMP/pulled") $(find "$TMP" -maxdepth 1 -name '.*' -type f | wc -l)"
layoutfs pull "$S" team/app "$layer" >/dev/null 2>"$TMP/stderr"
same "and tells on standard output" "7 1" "$? $(wc -l <"$TMP/stderr")"
same "a part is not checked" 10 "$(layoutfs pull "$S" team/app "$layer" --range -10 | wc -c)"
S=$TMP/one
content_of() { find "$S" -type f -exec sha256sum {} + | sort; }
before=$(content_of)
"$LAYOUTFS" push "$S" team/app "$noise" >&- 2>"$TMP/stderr"
same "a digest that nobody takes is an error" "9 1" "$? $(wc -l <"$TMP/stderr")"
same "and goes nowhere else" "$before" "$(content_of)"
if has_device /dev/full; then
  "$LAYOUTFS" push "$S" team/app "$I/config" >/dev/full 2>"$TMP/stderr"
  same "a digest that cannot be printed" "9 1" "$? $(wc -l <"$TMP/stderr")"
fi

if is_root && mkdir "$TMP/ro" && { mount --bind "$TMP/many" "$TMP/ro" || left_out "cannot mount here"; }; then
  echo "-- media that are read-only"
  mount -o remount,bind,ro "$TMP/ro"
  S=$TMP/ro
  prints "tags" $'1.0\n1.1\nlatest' tags "$S" team/app
  check "pull" sh -c "'$LAYOUTFS' pull '$S' team/app 1.0 | cmp - '$I/manifest'"
  unchanged "push" 9 push "$S" team/app "$noise"
  unchanged "push to a new repository" 9 push "$S" new "$noise"
  unchanged "push of a manifest" 9 push "$S" team/app "$I/sbom" --manifest --tag new
  umount "$TMP/ro"
fi

if is_root && mkdir "$TMP/small" && { mount -t tmpfs -o size=2M none "$TMP/small" || left_out "cannot mount a tmpfs here"; }; then
  echo "-- a disk that is full"
  S=$TMP/small
  layoutfs push "$S" up "$noise" >"$TMP/stdout" 2>"$TMP/stderr"
  code=$?
  same "is told, and how to go on" "9 0 1" "$code $(wc -c <"$TMP/stdout") $(grep -c "^layoutfs: push: .*No space left.*; resume with --resume $(upload_id)$" "$TMP/stderr")"
  mount -o remount,size=20M "$S"
  prints "which works" "$whole" push "$S" up "$noise" --resume "$(upload_id)"
  check "with every byte" cmp "$S/up/blobs/${whole/://}" "$noise"
  umount "$S"
fi

if [ -n "${LAYOUTFS_TEST_FULL-}" ]; then
  need openssl
  echo "-- 1 GiB"
  PATIENCE=$((PATIENCE * 10))
  S=$TMP/one
  openssl enc -aes-128-ctr -K 0123456789abcdef0123456789abcdef -iv 00000000000000000000000000000000 </dev/zero 2>/dev/null |
    head -c $((1 << 30)) >"$TMP/large"
  whole=$(digest_of "$TMP/large")
  layoutfs push "$S" team/app "$TMP/large" >"$TMP/stdout" 2>"$TMP/stderr"
  same "push" "0 $whole" "$? $(cat "$TMP/stdout")"
  same "pull" "$whole" "$(layoutfs pull "$S" team/app "$whole" | digest_of)"
  rm "$S/blobs/${whole/://}"
  interruptible "$LAYOUTFS" push "$S" team/app "$TMP/large" >"$TMP/stdout" 2>"$TMP/stderr" &
  pid=$!
  pids+=("$pid")
  is_under_way() { upload=$(uploads "$S") && [ "$upload" ] && [ "$(size_of "$upload")" -gt 100000000 ]; }
  wait_for is_under_way || not_ok "a push of 1 GiB is seen"
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
  same "resumed after kill -9" "$whole" "$(layoutfs push "$S" team/app "$TMP/large" --resume "$(upload_id)" --no-progress 2>/dev/null)"
  check "with every byte" cmp "$S/blobs/${whole/://}" "$TMP/large"
fi
