#!/usr/bin/env bash
# Repositories in layouts: skopeo, umoci and buildah read pushed images. Interrupted uploads are resumed. Refused
# operations change nothing. LAYOUTFS_TEST_FULL=1 also pushes 1 GiB.
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

# uploads STORE: lists the files of uploads in all layouts.
uploads() { find "$1" -path '*/blobs/uploads/*' -type f; }
# litter STORE: lists files that do not belong to a layout.
litter() { find "$1" -type f ! -name oci-layout ! -name index.json ! -path '*/blobs/sha*' ! -name .layoutfs.lock; }

# ---- The same in a layout, and in a directory of layouts ----

# stores_image SENTENCE STORE LAYOUT: pushes to team/app, which has the layout LAYOUT, and reads it with every program.
stores_image() {
  local what=$1 S=$2 L=$3 copied
  echo "-- $what"
  prints "repos of an empty store prints nothing" "" repos "$S"
  unchanged "tags refuses an unknown repository" 3 tags "$S" team/app
  unchanged "push refuses a manifest without its blobs" 4 push "$S" team/app --manifest "$I/manifest" --tag 1.0
  prints "push prints the digest of a layer" "$layer" push "$S" team/app "$I/layer.tar.gz"
  same "push reads standard input" "$config" "$(layoutfs push "$S" team/app <"$I/config")"
  same "push reads standard input for -" "$config" "$(layoutfs push "$S" team/app - --digest "$config" <"$I/config")"
  prints "a blob alone creates no repository" "" repos "$S"
  prints "push prints the digest of a manifest" "$manifest" push "$S" team/app --manifest "$I/manifest" --tag 1.0 --tag latest
  prints "tags lists both tags of the manifest" $'1.0\nlatest' tags "$S" team/app
  prints "repos lists the repository" team/app repos "$S"
  prints "push of the same manifest succeeds" "$manifest" push "$S" team/app --manifest "$I/manifest" --tag 1.0 --digest "$manifest"
  same "push adds a tag to a manifest from standard input" "$manifest" \
    "$(layoutfs push "$S" team/app --manifest --tag 1.1 --media-type application/vnd.oci.image.manifest.v1+json <"$I/manifest")"
  same "every pushed blob is stored byte for byte" "$(sort <<<"$layer"$'\n'"$config"$'\n'"$manifest")" \
    "$(cd "$L/blobs/sha256" && sha256sum -- * | awk '$1 == $2 {print "sha256:" $1}' | sort)"
  same "push leaves no temporary files" "" "$(litter "$S")"
  check "fsck finds no problems after push" "$LAYOUTFS" fsck "$L"
  same "cat finds the pushed image in the layout by its full name" hello "$(layoutfs cat "$L:team/app:1.0" etc/link)"
  same "cat finds the pushed image in the layout by its tag" hello "$(layoutfs cat "$L:latest" etc/link)"

  check "pull prints a manifest by its tag" sh -c "'$LAYOUTFS' pull '$S' team/app latest | cmp - '$I/manifest'"
  check "pull prints a manifest by its digest" sh -c "'$LAYOUTFS' pull '$S' team/app $manifest | cmp - '$I/manifest'"
  check "pull prints a blob by its digest" sh -c "'$LAYOUTFS' pull '$S' team/app $layer | cmp - '$I/layer.tar.gz'"
  prints "pull -o writes a file" "" pull "$S" team/app "$layer" -o "$TMP/pulled"
  check "a pulled file has every byte" cmp "$TMP/pulled" "$I/layer.tar.gz"
  prints "pull --output replaces a file" "" pull "$S" team/app "$config" --output "$TMP/pulled"
  check "a replaced file has the new content" cmp "$TMP/pulled" "$I/config"

  prints "tags --after lists the tags after a tag" $'1.1\nlatest' tags "$S" team/app --after 1.0
  prints "tags --after --limit lists one tag after a tag that does not exist" 1.1 tags "$S" team/app --after 1.0.1 --limit 1
  prints "tags --json lists tags" '{"version":1,"repository":"team/app","tags":["1.0","1.1"]}' tags "$S" team/app --json --limit 2
  prints "tags --after the last tag prints nothing" "" tags "$S" team/app --after latest
  prints "referrers of a manifest without referrers prints nothing" "" referrers "$S" team/app 1.0
  prints "referrers of an unknown digest prints nothing" "" referrers "$S" team/app "$absent"
  layoutfs push "$S" team/app "$I/empty" >/dev/null
  prints "push stores an artifact without a tag" "$sbom" push "$S" team/app --manifest "$I/sbom"
  prints "tags does not list an artifact without a tag" $'1.0\n1.1\nlatest' tags "$S" team/app
  prints "referrers lists the artifact for its subject" "$sbom    $(size_of "$I/sbom") B application/vnd.example.sbom" referrers "$S" team/app 1.0
  prints "referrers --artifact-type lists artifacts of the type" "$sbom    $(size_of "$I/sbom") B application/vnd.example.sbom" \
    referrers "$S" team/app "$manifest" --artifact-type application/vnd.example.sbom
  prints "referrers --artifact-type lists no artifacts of other types" "" referrers "$S" team/app 1.0 --artifact-type application/vnd.example.other
  same "referrers --json lists the artifact" "[1,\"team/app\",\"$manifest\",[[\"application/vnd.oci.image.manifest.v1+json\",\"$sbom\",$(size_of "$I/sbom"),\"application/vnd.example.sbom\",{\"org.example.made\":\"by hand\"}]]]" \
    "$(layoutfs referrers --json "$S" team/app latest | jq -c '[.version, .repository, .subject, [.referrers[] | [.mediaType, .digest, .size, .artifactType, .annotations]]]')"
  check "pull prints a manifest without a tag" sh -c "'$LAYOUTFS' pull '$S' team/app $sbom | cmp - '$I/sbom'"

  if [ "$skopeo" ]; then
    same "skopeo reads the manifest byte for byte" "$manifest" "$(limited "$skopeo" inspect --raw "oci:$L:team/app:1.0" | digest_of)"
    copied=$TMP/copied-$RANDOM
    check "skopeo copies the image" "$skopeo" --insecure-policy copy "oci:$L:team/app:latest" "oci:$copied:app"
    for each in "$layer" "$config" "$manifest"; do
      check "skopeo copies ${each:0:19} byte for byte" cmp "$L/blobs/${each/://}" "$copied/blobs/${each/://}"
    done
  fi
  if has umoci; then
    same "umoci lists the tags, and the entry without a tag" "team/app:1.0 team/app:1.1 team/app:latest team/app@$sbom" "$(umoci ls --layout "$L" | sort | xargs)"
    rm -rf "$TMP/bundle"
    check "umoci unpacks the image" umoci unpack --rootless --image "$L:team/app:1.0" "$TMP/bundle"
    check "the unpacked image has the packed files" diff -r --no-dereference "$I/files" "$TMP/bundle/rootfs"
  fi
  if has buildah && is_root; then
    storage=(--root "$TMP/containers" --runroot "$TMP/run" --storage-driver vfs)
    # buildah makes a name of the path, which must not have capital letters.
    check "buildah reads the image" env -C "$TMP" buildah "${storage[@]}" from --name ours "oci:${L#"$TMP/"}:team/app:latest"
    mountpoint=$(buildah "${storage[@]}" mount ours)
    check "buildah shows every file of the image" diff -r --no-dereference "$I/files" "$mountpoint"
    buildah "${storage[@]}" umount ours >/dev/null
    buildah "${storage[@]}" rm ours >/dev/null
    buildah "${storage[@]}" rmi -a >/dev/null
  fi
}
# read_while_written STORE LAYOUT: readers must see complete images at any moment, while tags are added and blobs are
# uploaded.
read_while_written() {
  local S=$1 L=$2 number wrong=0
  rm -f "$TMP/enough"
  for ((number = 1; ; number++)); do
    [ ! -e "$TMP/enough" ] || break
    layoutfs push "$S" team/app --manifest "$I/manifest" --tag "more-$number" && layoutfs push "$S" team/app "$I/layer.tar" || break
  done >/dev/null 2>"$TMP/stderr" &
  # At least 15 times, and until push has added some tags.
  more_tags() { layoutfs tags "$S" team/app | grep -c '^more-'; }
  for ((number = 1; number <= 15 || (number <= 500 && $(more_tags) < 5); number++)); do
    [ ! "$skopeo" ] || [ "$(limited "$skopeo" inspect --raw "oci:$L:team/app:1.0" | digest_of)" = "$manifest" ] || wrong=1
    ! has umoci || [ "$(umoci ls --layout "$L" | grep -c '^team/app:1.[01]$')" = 2 ] || wrong=1
  done
  touch "$TMP/enough"
  wait $!
  same "skopeo and umoci read the layout while push changes it" 0 $wrong
  same "skopeo and umoci report no errors while push changes the layout" "" "$(cat "$TMP/stderr")"
  number=$(more_tags)
  check "push added at least 5 tags meanwhile: $number" test "$number" -ge 5
}
layoutfs init "$TMP/one"
mkdir "$TMP/many"
stores_image "a layout" "$TMP/one" "$TMP/one"
stores_image "a directory of layouts" "$TMP/many" "$TMP/many/team/app"

echo "-- readers during a push"
for S in "$TMP/one" "$TMP/many"; do
  cp -a "$S" "$S-written"
  [ "$S" = "$TMP/one" ] && L=$S-written || L=$S-written/team/app
  read_while_written "$S-written" "$L"
done

echo "-- several repositories"
for S in "$TMP/one" "$TMP/many"; do
  prints "push --mount-from shares a blob of another repository" "$layer" push "$S" team/app/debug --mount-from team/app --digest "$layer"
  layoutfs push "$S" team/app/debug "$I/config" >/dev/null
  prints "push stores a manifest with shared blobs" "$manifest" push "$S" team/app/debug "$I/manifest" --manifest --tag 1.0
  prints "push stores a manifest in a third repository" "$manifest" push "$S" apples "$I/manifest" --manifest --media-type application/x.not-looked-into --tag 1
  prints "repos lists all repositories" $'apples\nteam/app\nteam/app/debug' repos "$S"
  prints "repos --limit lists the first repositories" $'apples\nteam/app' repos "$S" --limit 2
  prints "repos --after lists the next repositories" team/app/debug repos "$S" --limit 2 --after team/app
  prints "repos --json lists repositories" '{"version":1,"repositories":["team/app","team/app/debug"]}' repos "$S" --json --after b
  prints "each repository has its own tags" 1.0 tags "$S" team/app/debug
  same "push --mount-from leaves no temporary files" "" "$(litter "$S")"
  unchanged "push --mount-from refuses an unknown blob" 3 push "$S" other --mount-from team/app --digest "$absent"
done

echo "-- removed tags and manifests"
children=$(jq -c --arg m "$manifest" --argjson ms "$(size_of "$I/manifest")" -n '{schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $m, size: $ms}]}' | tee "$I/children" | digest_of)
for original in "$TMP/one" "$TMP/many"; do
  S=$original-removed
  cp -a "$original" "$S"
  [ "$original" = "$TMP/one" ] && L=$S || L=$S/team/app
  blobs_before=$(cd "$L/blobs" && find . -type f | sort)
  prints "tag rm prints nothing" "" tag rm "$S" team/app 1.1
  prints "tags does not list a removed tag" $'1.0\nlatest' tags "$S" team/app
  unchanged "tag rm refuses an unknown tag" 3 tag rm "$S" team/app 1.1
  prints "tag rm -f ignores an unknown tag" "" tag rm -f "$S" team/app 1.1
  unchanged "tag rm refuses an unknown repository" 3 tag rm "$S" team/none 1.0
  unchanged "tag rm refuses an invalid tag" 2 tag rm "$S" team/app -- -x
  unchanged "tag rm refuses an invalid repository" 2 tag rm "$S" Team 1.0
  unchanged "tag rm refuses to run without a tag" 2 tag rm "$S" team/app
  unchanged "tag rm refuses a digest" 2 tag rm "$S" team/app "$manifest"
  unchanged "tag rm refuses REPOSITORY:TAG beside a tag" 2 tag rm "$S" team/app:1.0 latest
  refused "tag rm reports one missing tag of two" 3 tag rm "$S" team/app absent latest
  prints "tag rm removes the other tag" 1.0 tags "$S" team/app
  prints "tag rm accepts REPOSITORY:TAG" "" tag rm --keep-untagged "$S" team/app:1.0
  prints "tags prints nothing after the last tag is removed" "" tags "$S" team/app
  check "tag rm --keep-untagged keeps the manifest" sh -c "'$LAYOUTFS' pull '$S' team/app $manifest | cmp - '$I/manifest'"
  same "tag rm does not change other repositories" "1 1.0" "$(layoutfs tags "$S" apples) $(layoutfs tags "$S" team/app/debug)"
  unchanged "manifest rm refuses a tag" 2 manifest rm "$S" team/app 1.0
  unchanged "manifest rm refuses an unknown digest" 3 manifest rm "$S" team/app "$absent"
  prints "manifest rm --force ignores an unknown digest" "" manifest rm --force "$S" team/app "$absent"
  unchanged "manifest rm refuses to run without a digest" 2 manifest rm "$S" team/app
  layoutfs push "$S" team/app --manifest "$I/children" --tag index >/dev/null
  layoutfs push "$S" team/app --manifest "$I/manifest" --tag 1.0 --tag 2.0 >/dev/null
  check "manifest rm removes a manifest with all its tags" "$LAYOUTFS" manifest rm "$S" team/app "$manifest"
  prints "manifest rm keeps the tags of other manifests" index tags "$S" team/app
  unchanged "manifest rm refuses a manifest to which only another document refers" 9 manifest rm "$S" "team/app@$manifest"
  check "the error names the reason" grep -q 'another document refers to it' "$TMP/stderr"
  layoutfs manifest rm "$S" team/app "$children" 2>"$TMP/stderr"
  same "manifest rm removes an index and prints nothing" "" "$(cat "$TMP/stderr")"
  unchanged "a manifest of a removed index is unknown" 3 manifest rm "$S" "team/app@$manifest"
  prints "a referrer of a removed manifest stays" "$sbom    $(size_of "$I/sbom") B application/vnd.example.sbom" referrers "$S" team/app "$manifest"
  layoutfs push "$S" team/app --manifest "$I/manifest" --tag 1.0 >/dev/null
  layoutfs manifest rm "$S" "team/app@$manifest" 2>"$TMP/stderr"
  same "manifest rm prints that a referrer keeps the manifest from gc" "$manifest: gc keeps it until its 1 referrer is removed" "$(cat "$TMP/stderr")"
  prints "manifest rm removes a referrer by its digest" "" manifest rm "$S" team/app "$sbom"
  check "manifest rm removes no blobs" test -z "$(comm -23 <(echo "$blobs_before") <(cd "$L/blobs" && find . -type f | sort))"
  same "manifest rm leaves no temporary files" "" "$(litter "$S")"
  unchanged "tag rm refuses a repository without entries" 3 tag rm "$S" team/app 1.0
done
S=$TMP/many unchanged "tag rm refuses a path that is not a store" 3 tag rm "$TMP/absent" team/app 1.0

echo "-- references without a repository"
S=$TMP/theirs
cp -r "$TMP/one" "$S"
jq -c '.manifests |= [.[0] | .annotations["org.opencontainers.image.ref.name"] = "latest"]' "$TMP/one/index.json" >"$S/index.json"
layoutfs repos "$S" >"$TMP/stdout" 2>"$TMP/stderr"
same "repos of references that are only a tag prints nothing" "0 " "$? $(cat "$TMP/stdout")"
check "repos names --default-repository on stderr" grep -q -- --default-repository "$TMP/stderr"
for command in "tags $S app" "pull $S app latest" "referrers $S app latest" "tag rm $S app latest" "manifest rm $S app $manifest"; do
  unchanged "${command%% *} refuses references that are only a tag" 3 $command
  check "the error of ${command%% *} names --default-repository" grep -q -- --default-repository "$TMP/stderr"
done
prints "repos accepts --default-repository" app repos "$S" --default-repository app
prints "tags accepts --default-repository" latest tags "$S" app --default-repository app
check "pull accepts --default-repository" sh -c "'$LAYOUTFS' pull '$S' app latest --default-repository app | cmp - '$I/manifest'"
prints "push accepts --default-repository" "$manifest" push "$S" app --manifest --tag 2 "$I/manifest" --default-repository app
prints "referrers accepts --default-repository" "" referrers "$S" app 2 --default-repository app
prints "tag rm accepts --default-repository" "" tag rm "$S" app 2 --default-repository app
prints "tag rm with --default-repository keeps other tags" latest tags "$S" app --default-repository app
check "pull of a blob needs no --default-repository" sh -c "'$LAYOUTFS' pull '$S' app $layer | cmp - '$I/layer.tar.gz'"
unchanged "repos refuses an invalid default repository" 2 repos "$S" --default-repository App
S=$TMP/many unchanged "repos refuses --default-repository for a directory of layouts" 2 repos "$TMP/many" --default-repository app

echo "-- ranges"
S=$TMP/one
digest=$(layoutfs push "$S" team/app "$noise")
range() { layoutfs pull "$S" team/app "$digest" --range "$1" 2>"$TMP/stderr" | digest_of; }
same "pull --range prints the bytes between both ends" "$(head -c 200 "$noise" | tail -c 101 | digest_of)" "$(range 99-199)"
same "pull --range prints one byte" "$(head -c 1 "$noise" | digest_of)" "$(range 0-0)"
same "pull --range prints the bytes from an offset" "$(tail -c +2000001 "$noise" | digest_of)" "$(range 2000000-)"
same "pull --range prints the last bytes" "$(tail -c 10 "$noise" | digest_of)" "$(range -10)"
same "pull --range prints the whole blob if more last bytes are requested" "$(digest_of "$noise")" "$(range -9999999)"
same "pull --range ends at the end of the blob" "$(tail -c 1 "$noise" | digest_of)" "$(range 3000000-4000000)"
same "pull --range prints the whole blob for the largest range" "$(digest_of "$noise")" "$(range 0-9223372036854775807)"
same "pull accepts --range=" "$(tail -c 10 "$noise" | digest_of)" "$(layoutfs pull "$S" team/app "$digest" --range=-10 | digest_of)"
same "pull --range prints a part of a manifest" "$(head -c 20 "$I/manifest")" "$(layoutfs pull "$S" team/app 1.0 --range 0-19)"
prints "pull --range -o writes a file" "" pull "$S" team/app "$digest" --range 5-9 -o "$TMP/pulled"
same "the file of pull --range has the bytes of the range" "$(head -c 10 "$noise" | tail -c 5 | digest_of)" "$(digest_of "$TMP/pulled")"
rm "$TMP/pulled"
for range in 3000001- 3000001-3000002 -0 9223372036854775807- 5-4 - 5 x-y 1-2-3 ' 1-2' +1-2 1-99999999999999999999 0x1-2 bytes=1-2 1-2,4-5; do
  unchanged "pull refuses the range '$range'" 2 pull "$S" team/app "$digest" "--range=$range" -o "$TMP/pulled"
done
nothing=$(layoutfs push "$S" team/app </dev/null)
same "push stores an empty blob" "$(digest_of </dev/null)" "$nothing"
check "pull prints an empty blob" sh -c "'$LAYOUTFS' pull '$S' team/app $nothing | cmp - /dev/null"
unchanged "pull refuses a range of an empty blob" 2 pull "$S" team/app "$nothing" --range 0- -o "$TMP/pulled"
check "a refused pull creates no file" test ! -e "$TMP/pulled"

echo "-- interrupted uploads"
S=$TMP/many
mkfifo "$TMP/pipe"
whole=$(digest_of "$noise")
blob=$S/up/blobs/${whole/://}
# begin ARGUMENT...: starts a push of descriptor 3 as process $pid. Returns when the upload has 2000000 bytes or, in
# chunks, the largest multiple below that.
begin() {
  # Opens the pipe for writing too, so that opening does not wait.
  exec 3<>"$TMP/pipe"
  interruptible "$LAYOUTFS" push "$S" up --chunk-size 64K "$@" <&0 >"$TMP/stdout" 2>"$TMP/stderr" 3>&- &
  pid=$!
  pids+=("$pid")
  head -c "$rest" "$noise" >&3
  wait_for has_sent || not_ok "the upload begins" "$(cat "$TMP/stderr")"
}
rest=2000000
# The process has taken the rest, less than a chunk, out of the pipe, too.
pipe_is_empty() { python3 -c 'import fcntl, sys, termios
sys.exit(fcntl.ioctl(3, termios.FIONREAD, bytes(4)) != bytes(4))'; }
has_sent() { upload=$(uploads "$S") && [ "$upload" ] && [ "$(size_of "$upload")" = $((rest / 65536 * 65536)) ] && pipe_is_empty; }
upload_id() { basename "$(uploads "$S")"; }
resumes() { prints "$1" "$whole" push "$S" up "$noise" --resume "$(upload_id)"; }
is_whole() {
  check "the blob of a resumed upload has the right content" cmp "$blob" "$noise"
  same "a completed upload leaves no temporary files" "" "$(litter "$S")"
  rm -f "$blob"
}

for signal in HUP:129 INT:130 TERM:143; do
  begin "$TMP/pipe"
  kill "-${signal%:*}" "$pid"
  wait "$pid"
  code=$?
  same "SIG${signal%:*} stops push, and the error says how to resume the upload" \
    "${signal#*:} layoutfs: push: stopped by SIG${signal%:*}; the upload has 2000000 bytes; resume with --resume $(upload_id)" \
    "$code $(cat "$TMP/stdout" "$TMP/stderr")"
  same "an interrupted upload keeps every received byte" 2000000 "$(size_of "$(uploads "$S")")"
  exec 3>&-
  resumes "push --resume completes the upload of another process"
  is_whole
done

begin "$TMP/pipe"
wait_for grep -q "upload $(upload_id).* --resume $(upload_id)$" "$TMP/stderr"
same "push prints the upload's ID after a while" 0 $?
S=$TMP/many refused "push refuses an upload that another process writes" 9 push "$S" up "$noise" --resume "$(upload_id)"
kill -9 "$pid"
wait "$pid" 2>/dev/null
exec 3>&-
same "an upload whose process was killed has whole chunks" $((2000000 / 65536 * 65536)) "$(size_of "$(uploads "$S")")"
resumes "push --resume completes the upload of a killed process"
is_whole

exec 3<>"$TMP/pipe"
begin -v <"$TMP/pipe"
check "push -v prints the upload's ID" grep -qx "upload $(upload_id): if interrupted, resume with --resume $(upload_id)" "$TMP/stderr"
kill -9 "$pid"
wait "$pid" 2>/dev/null
exec 3>&-
there=$(size_of "$(uploads "$S")")
unchanged "push --resume from standard input refuses to run without --digest" 2 push "$S" up --resume "$(upload_id)"
same "push --resume --digest needs only the remaining bytes on standard input" "$whole" \
  "$(tail -c +$((there + 1)) "$noise" | layoutfs push "$S" up --resume "$(upload_id)" --digest "$whole")"
is_whole

begin "$TMP/pipe"
kill "$pid"
wait "$pid"
exec 3>&-
head -c 1000000 "$noise" >"$TMP/short"
unchanged "push --resume refuses a file that is shorter than the upload" 7 push "$S" up "$TMP/short" --resume "$(upload_id)"
unchanged "push --resume refuses a file that does not exist" 3 push "$S" up "$TMP/absent" --resume "$(upload_id)"
unchanged "push --resume refuses an upload of another repository" 3 push "$S" team/app "$noise" --resume "$(upload_id)"
for wrong in "" x "$(upload_id)0" "../$(upload_id)" "$(tr a-f0-9 A-FA-F <<<"$(upload_id)" | cut -c1-31)g"; do
  unchanged "push --resume refuses the ID '$wrong'" 2 push "$S" up "$noise" "--resume=$wrong"
done
unchanged "push --resume refuses an unknown ID" 3 push "$S" up "$noise" --resume 0123456789abcdef0123456789abcdef
begun=$(upload_id)
mkdir "$TMP/gone"
layoutfs push "$S" up "$TMP/gone" >"$TMP/stdout" 2>"$TMP/stderr"
same "push of a directory fails" "1 layoutfs: $TMP/gone: Is a directory" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
same "a failed push begins no upload" "$begun" "$(upload_id)"
{ head -c 2000000 "$noise"; echo "something else"; } >"$TMP/other"
refused "push --resume refuses content of another digest" 7 push "$S" up "$TMP/other" --resume "$(upload_id)" --digest "$whole"
same "push --resume removes the upload for content of another digest" "" "$(litter "$S")"
check "push --resume stores no blob for content of another digest" test ! -e "$blob"
layoutfs push "$S" up <"$TMP/gone" >"$TMP/stdout" 2>"$TMP/stderr"
same "push fails if standard input cannot be read" "1 layoutfs: standard input: Is a directory" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
layoutfs push "$S" up <&- >"$TMP/stdout" 2>"$TMP/stderr"
same "push fails if standard input is closed" "1 layoutfs: standard input: Bad file descriptor" "$? $(cat "$TMP/stdout" "$TMP/stderr")"
same "a failed push leaves no temporary files" "" "$(litter "$S")"

for size in 1 7 4K 1G; do
  printf 'some content of no great length' >"$TMP/some"
  prints "push accepts --chunk-size $size" "$(digest_of "$TMP/some")" push "$S" up "$TMP/some" --chunk-size $size
  rm "$S/up/blobs/sha256/"*
done
sha512=sha512:$(sha512sum "$noise" | cut -d' ' -f1)
prints "push --digest stores a blob under a SHA-512 digest" "$sha512" push "$S" up "$noise" --digest "$sha512"
check "pull prints a blob by its SHA-512 digest" sh -c "'$LAYOUTFS' pull '$S' up $sha512 | cmp - '$noise'"

echo "-- refused commands"
refused "push refuses a store that does not exist" 3 push "$TMP/absent" app "$I/config"
check "the error for a missing store has the command to create it" grep -q 'layoutfs init' "$TMP/stderr"
refused "pull refuses a store that does not exist" 3 pull "$TMP/absent" app "$config"
refused "repos refuses a store that does not exist" 3 repos "$TMP/absent"
refused "tags refuses a store that does not exist" 3 tags "$TMP/absent" app
refused "referrers refuses a store that does not exist" 3 referrers "$TMP/absent" app 1.0
check "a refused command creates no store" test ! -e "$TMP/absent"
refused "repos refuses a file as the store" 4 repos "$I/config"
refused "repos refuses an empty path of the store" 2 repos ""
mkdir "$TMP/incomplete"
cp "$TMP/one/index.json" "$TMP/incomplete"
S=$TMP/incomplete unchanged "push refuses a layout without oci-layout" 4 push "$TMP/incomplete" app "$I/config"
for S in "$TMP/one" "$TMP/many"; do
  unchanged "tags refuses an unknown repository in a store" 3 tags "$S" nothing
  unchanged "pull refuses an unknown tag" 3 pull "$S" team/app 9.9
  unchanged "referrers refuses an unknown tag" 3 referrers "$S" team/app 9.9
  unchanged "pull refuses an unknown digest" 3 pull "$S" team/app "$absent"
  for name in "" App a//b /a a/ ../x a/../b a_/b 'a b' a:1 a@b -a "$(printf 'a%.0s' {1..256})" é $'a\nb'; do
    unchanged "push refuses a blob for the repository ${name:0:60}" 2 push -- "$S" "$name" "$I/config"
    unchanged "push refuses a manifest for the repository ${name:0:60}" 2 push --manifest --tag 1.0 -- "$S" "$name" "$I/manifest"
    unchanged "push --mount-from refuses the repository ${name:0:60}" 2 push --mount-from team/app --digest "$layer" -- "$S" "$name"
    unchanged "tags refuses the repository ${name:0:60}" 2 tags -- "$S" "$name"
  done
  for tag in "" .x -x 'a b' a/b é "$(printf 'a%.0s' {1..129})" $'a\nb'; do
    unchanged "push refuses the tag ${tag:0:60}" 2 push "$S" team/app --manifest "$I/manifest" "--tag=$tag"
    unchanged "pull refuses the tag ${tag:0:60}" 2 pull "$S" team/app -- "$tag"
  done
  for digest in sha256:../../x "sha256:$(tr a-f A-F <<<"${layer#*:}")" "${layer}0" sha256: :x; do
    unchanged "push refuses the digest $digest" 2 push "$S" team/app "$I/config" --digest "$digest"
    unchanged "pull refuses the digest $digest" 2 pull "$S" team/app "$digest"
    unchanged "referrers refuses the digest $digest" 2 referrers "$S" team/app "$digest"
  done
  unchanged "pull refuses an unknown digest algorithm" 6 pull "$S" team/app md5:d41d8cd98f00b204e9800998ecf8427e
  unchanged "push refuses a blob with another digest" 7 push "$S" team/app "$I/files/etc/name" --digest "$absent"
  unchanged "push refuses a manifest with another digest" 7 push "$S" team/app --manifest "$I/manifest" --digest "$absent" --tag 2.0
  unchanged "push refuses a blob file that does not exist" 3 push "$S" team/app "$TMP/nowhere"
  unchanged "push refuses a manifest file that does not exist" 3 push "$S" team/app "$TMP/nowhere" --manifest
  jq -c '.layers[0].digest = $ARGS.positional[0]' --args "$absent" <"$I/manifest" >"$TMP/wrong"
  unchanged "push refuses a manifest with a missing layer" 4 push "$S" team/app --manifest "$TMP/wrong" --tag 1.0
  jq -c 'del(.mediaType)' "$I/manifest" >"$TMP/wrong"
  unchanged "push refuses a manifest without a media type" 2 push "$S" team/app --manifest "$TMP/wrong" --tag 1.0
  printf '{"schemaVersion":2,' >"$TMP/wrong"
  unchanged "push refuses a manifest that is invalid JSON" 4 push "$S" team/app --manifest "$TMP/wrong" --tag 1.0
  unchanged "push refuses invalid JSON with a media type" 4 push "$S" team/app --manifest "$TMP/wrong" --tag 1.0 \
    --media-type application/vnd.oci.image.manifest.v1+json
  head -c 5000000 /dev/zero >"$TMP/wrong"
  unchanged "push refuses a manifest that is too large" 6 push "$S" team/app --manifest "$TMP/wrong" --media-type a/b
  for size in 0 2G x -1 1.5M ''; do
    unchanged "push refuses --chunk-size '$size'" 2 push "$S" team/app "$I/config" "--chunk-size=$size"
  done
  for number in 0 -1 x 1.5 99999999999999999999; do
    unchanged "tags refuses --limit $number" 2 tags "$S" team/app "--limit=$number"
    unchanged "repos refuses --limit $number" 2 repos "$S" "--limit=$number"
  done
  unchanged "push refuses --mount-from an invalid repository" 2 push "$S" other --mount-from Team --digest "$layer"
  unchanged "push refuses --mount-from without --digest" 2 push "$S" other --mount-from team/app
  unchanged "push refuses --mount-from with a file" 2 push "$S" other "$I/config" --mount-from team/app --digest "$layer"
  unchanged "push refuses --mount-from with --manifest" 2 push "$S" other --manifest --mount-from team/app --digest "$layer"
  unchanged "push refuses --mount-from with --resume" 2 push "$S" other --mount-from team/app --digest "$layer" --resume "$begun"
  unchanged "push refuses --tag without --manifest" 2 push "$S" team/app "$I/config" --tag 1.0
  unchanged "push refuses --media-type without --manifest" 2 push "$S" team/app "$I/config" --media-type a/b
  unchanged "push refuses --resume with --manifest" 2 push "$S" team/app --manifest --resume "$begun" "$I/manifest"
  unchanged "push refuses --chunk-size with --manifest" 2 push "$S" team/app --manifest --chunk-size 1M "$I/manifest"
  unchanged "push refuses to run without a repository" 2 push "$S"
  unchanged "pull refuses to run without a tag or digest" 2 pull "$S" team/app
  unchanged "pull refuses to write to a directory" 9 pull "$S" team/app 1.0 -o "$TMP/gone"
  unchanged "pull refuses to write into a directory that does not exist" 9 pull "$S" team/app 1.0 -o "$TMP/no/where"
  [ ! -c /dev/full ] || unchanged "pull fails on a full disk" 9 pull "$S" team/app 1.0 -o /dev/full
done

echo "-- corrupt content"
S=$TMP/corrupt
cp -a "$TMP/one" "$S"
printf x | dd of="$S/blobs/${layer/://}" bs=1 seek=1000 conv=notrunc status=none
echo precious >"$TMP/pulled"
unchanged "pull -o refuses a damaged blob" 7 pull "$S" team/app "$layer" -o "$TMP/pulled"
same "pull -o of a damaged blob keeps the existing file, without temporary files" "precious 0" \
  "$(cat "$TMP/pulled") $(find "$TMP" -maxdepth 1 -name '.*' -type f | wc -l)"
layoutfs pull "$S" team/app "$layer" >/dev/null 2>"$TMP/stderr"
same "pull of a damaged blob to standard output fails" "7 1" "$? $(wc -l <"$TMP/stderr")"
same "pull --range does not verify a damaged blob" 10 "$(layoutfs pull "$S" team/app "$layer" --range -10 | wc -c)"
S=$TMP/one
content_of() { find "$S" -type f -exec sha256sum {} + | sort; }
before=$(content_of)
"$LAYOUTFS" push "$S" team/app "$noise" >&- 2>"$TMP/stderr"
same "push fails if standard output is closed" "9 1" "$? $(wc -l <"$TMP/stderr")"
same "push with closed standard output writes nothing to other files" "$before" "$(content_of)"
if has_device /dev/full; then
  "$LAYOUTFS" push "$S" team/app "$I/config" >/dev/full 2>"$TMP/stderr"
  same "push fails if the digest cannot be printed" "9 1" "$? $(wc -l <"$TMP/stderr")"
fi

if is_root && mkdir "$TMP/ro" && { mount --bind "$TMP/many" "$TMP/ro" || left_out "cannot mount here"; }; then
  echo "-- read-only media"
  mount -o remount,bind,ro "$TMP/ro"
  S=$TMP/ro
  prints "tags reads a read-only store" $'1.0\n1.1\nlatest' tags "$S" team/app
  check "pull reads a read-only store" sh -c "'$LAYOUTFS' pull '$S' team/app 1.0 | cmp - '$I/manifest'"
  unchanged "push fails for a read-only store" 9 push "$S" team/app "$noise"
  unchanged "push of a new repository fails for a read-only store" 9 push "$S" new "$noise"
  unchanged "push of a manifest fails for a read-only store" 9 push "$S" team/app "$I/sbom" --manifest --tag new
  umount "$TMP/ro"
fi

if is_root && mkdir "$TMP/small" && { mount -t tmpfs -o size=2M none "$TMP/small" || left_out "cannot mount a tmpfs here"; }; then
  echo "-- a full disk"
  S=$TMP/small
  layoutfs push "$S" up "$noise" >"$TMP/stdout" 2>"$TMP/stderr"
  code=$?
  same "push on a full disk fails, and the error says how to resume" "9 0 1" "$code $(wc -c <"$TMP/stdout") $(grep -c "^layoutfs: push: .*No space left.*; resume with --resume $(upload_id)$" "$TMP/stderr")"
  mount -o remount,size=20M "$S"
  prints "push --resume succeeds after space is freed" "$whole" push "$S" up "$noise" --resume "$(upload_id)"
  check "the blob has every byte after a full disk" cmp "$S/up/blobs/${whole/://}" "$noise"
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
  same "push stores a blob of 1 GiB" "0 $whole" "$? $(cat "$TMP/stdout")"
  same "pull prints a blob of 1 GiB" "$whole" "$(layoutfs pull "$S" team/app "$whole" | digest_of)"
  rm "$S/blobs/${whole/://}"
  interruptible "$LAYOUTFS" push "$S" team/app "$TMP/large" >"$TMP/stdout" 2>"$TMP/stderr" &
  pid=$!
  pids+=("$pid")
  is_under_way() { upload=$(uploads "$S") && [ "$upload" ] && [ "$(size_of "$upload")" -gt 100000000 ]; }
  wait_for is_under_way || not_ok "the upload of 1 GiB becomes visible"
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
  same "push --resume completes an upload of 1 GiB after SIGKILL" "$whole" "$(layoutfs push "$S" team/app "$TMP/large" --resume "$(upload_id)" --no-progress 2>/dev/null)"
  check "the resumed blob of 1 GiB has every byte" cmp "$S/blobs/${whole/://}" "$TMP/large"
fi
