#!/usr/bin/env bash
# One meaning of LAYOUT:REF: commands that write find the same entry as commands that read; short digests and NAME@DIGEST are
# accepted wherever a digest is; references without a repository do not disturb those that have one.
. "$(dirname "$0")/lib.sh"
need jq script
make_layouts sample
L=$TMP/layouts/sample
one=$(layoutfs ref get "$L" app:1.0 | jq -r .digest)
other=$(layoutfs ref get "$L" @3 | jq -r .digest)
names() { layoutfs ref ls "$1" | paste -sd' '; }
target() { layoutfs ref get "$1" "$2" | jq -r .digest; }
# fresh NAME REF...: a layout $S with the image $one by each of the names, and all blobs.
fresh() {
  S=$TMP/$1
  cp -r "$L" "$S" || exit 1
  jq -c '.manifests = []' "$L/index.json" >"$S/index.json"
  shift
  for name in "$@"; do layoutfs ref put "$S" "$name" "$one" || exit 1; done
}

echo "-- writing finds what reading finds"
fresh self box:musl docker.io/library/debian:12
for name in musl box:musl debian:12 library/debian:12 docker.io/library/debian:12; do
  prints "$name is read" "$(layoutfs ls "$S:box:musl" /)" ls "$S:$name" /
  before=$(state_of "$S")
  layoutfs copy -q "$S:$name" "$S:$name" >/dev/null || not_ok "copy of $name"
  layoutfs copy -q "$L:app:1.0" "$S:$name" >/dev/null || not_ok "copy to $name"
  prints "ref put $name is done already" "" ref put "$S" "$name" "$one"
  same "an image that $name is already leaves the layout as it was" "$before" "$(state_of "$S")"
done
prints "a familiar name is that of the entry to replace" "$other docker.io/library/debian:12" copy -q "$L:@3" "$S:debian:12"
same "no name was added" "box:musl docker.io/library/debian:12" "$(names "$S")"
same "and reading finds the new image" "$other" "$(target "$S" debian:12)"
refused "ref put needs --replace" 9 ref put "$S" debian:12 "$one"
prints "and replaces it then" "" ref put --replace "$S" debian:12 "$one"
same "the names stay" "box:musl docker.io/library/debian:12 $one" "$(names "$S") $(target "$S" debian:12)"
for command in "copy $L:@3 $S:musl" "ref put $S musl $other" "ref put --replace $S musl $other" "copy $L:@3 $S:12"; do
  unchanged "a tag of another image is refused: $command" 9 $command
done
same "with the image's name" "layoutfs: $S: '12' is docker.io/library/debian:12, another image" "$(head -n 1 "$TMP/stderr")"
layoutfs copy -q "$L:@3" "$S:box:glibc" >/dev/null
same "other names are new" "box:glibc box:musl docker.io/library/debian:12" "$(names "$S")"
fresh twins a:1 b:1
unchanged "the tag of several other images is ambiguous" 5 copy "$L:@3" "$S:1"
for name in "$one" "x@$other" "x@${other:7:7}" sha256:1234567; do
  unchanged "a digest is not a name to write: $name" 2 copy "$L:app:1.0" "$S:$name"
  unchanged "nor for ref put" 2 ref put "$S" "$name" "$one"
done
unchanged "nor behind @" 2 copy "$L:app:1.0" "$S@$one"
refused "nor in a new archive" 2 copy "$L:app:1.0" "$TMP/new.tar:$one"
check "which is not made" test ! -e "$TMP/new.tar"

echo "-- full names"
fresh saved
layoutfs ref put "$S" 7 "$one" --annotation io.containerd.image.name=docker.io/library/redis:7
layoutfs copy -q "$L:@3" "$S:redis:7" >/dev/null
same "an entry that is found by its full name keeps both names" \
  "7 docker.io/library/redis:7 $other" "$(layoutfs ref ls --json "$S" | jq -r '.references | map("\(.name) \(.fullName) \(.digest)") | join(",")')"
same "and is found by them" "$other $other" "$(target "$S" redis:7) $(target "$S" 7)"

echo "-- short digests"
fresh short team/app:1
S_SHORT=${one#sha256:} S_SHORT=${S_SHORT:0:7}
listing=$(layoutfs ls "$L:app:1.0" /)
for digest in "$S_SHORT" "sha256:$S_SHORT" "${one#sha256:}"; do
  for place in "@$digest" ":$digest" ":team/app:1@$digest" ":1@$digest"; do prints "ls of $place" "$listing" ls "$S$place" /; done
  prints "ls --ref" "$listing" ls --layout "$S" --ref "$digest" /
  check "cat" "$LAYOUTFS" cat "$S@$digest" etc/name
  check "inspect" "$LAYOUTFS" inspect "$S@$digest"
  check "history" "$LAYOUTFS" history "$S@$digest"
  check "extract" "$LAYOUTFS" extract "$S@$digest" "$TMP/out-$digest"
  check "index build" "$LAYOUTFS" index build -q "$S@$digest"
  check "image tag" "$LAYOUTFS" image tag --replace "$S@$digest" by-digest
  same "which is whole" "$one" "$(layoutfs image ls --json by-digest | jq -r '.images[0].target.digest // .images[0].digest')"
  check "copy" sh -c "'$LAYOUTFS' copy -q '$S@$digest' '$TMP/copy-${digest#*:}:x' | grep -q '^$one x$'"
  check "blob get" sh -c "'$LAYOUTFS' blob get '$S' '$digest' | sha256sum | grep -q '^${one#sha256:}'"
  prints "blob path" "$S/blobs/sha256/${one#sha256:}" blob path "$S" "$digest"
  check "ref get" sh -c "'$LAYOUTFS' ref get '$S' '$digest' | grep -q '$one'"
  prints "ref put" "" ref put --replace "$S" team/app:2 "$digest"
  prints "ref rm" "" ref rm "$S" "team/app:2@$digest"
  check "pull" sh -c "'$LAYOUTFS' pull '$S' team/app '$digest' | sha256sum | grep -q '^${one#sha256:}'"
  check "pull TAG@DIGEST" sh -c "'$LAYOUTFS' pull '$S' team/app '1@$digest' | sha256sum | grep -q '^${one#sha256:}'"
  check "referrers" "$LAYOUTFS" referrers "$S" team/app "$digest"
  prints "push --mount-from" "$one" push "$S" team/tool --mount-from team/app --digest "$digest"
  prints "manifest rm" "" manifest rm "$S" team/app "$digest"
  layoutfs ref put "$S" team/app:1 "$one"
  prints "ref rm" "" ref rm "$S" "$digest"
  layoutfs ref put "$S" team/app:1 "$one"
done
mount_at "$TMP/mnt" "$S@$S_SHORT"
same "mount" "$listing" "$(ls "$TMP/mnt")"
unmount "$TMP/mnt"
twin=$S_SHORT$(printf '%057d' 0)
echo >"$S/blobs/sha256/$twin"
unchanged "of several blobs it is ambiguous" 5 blob rm "$S" "$S_SHORT"
same "they are listed" 2 "$(grep -o "sha256:$S_SHORT[0-9a-f]*" "$TMP/stderr" | wc -l)"
unchanged "also for references" 5 ls "$S@$S_SHORT"
prints "one digit more tells them apart" "" blob rm "$S" "${S_SHORT}0"
refused "it is gone" 3 blob rm "$S" "${S_SHORT}0"
prints "which --force accepts" "" blob rm --force "$S" "${S_SHORT}0"
unchanged "six digits are too few" 2 blob get "$S" "${S_SHORT:0:6}"
unchanged "also behind @" 2 ls "$S@${S_SHORT:0:6}"
store=$TMP/many
layoutfs copy -q "$S:team/app:1" "oci-repositories:$store" >/dev/null
check "in a directory of layouts: pull" sh -c "'$LAYOUTFS' pull '$store' team/app $S_SHORT | sha256sum | grep -q '^${one#sha256:}'"
check "and copy" sh -c "'$LAYOUTFS' copy -q 'oci-repositories:$store:team/app@$S_SHORT' '$TMP/from-store' | grep -q '^$one'"
check "and copy of TAG@DIGEST" sh -c "'$LAYOUTFS' copy -q 'oci-repositories:$store:team/app:1@$S_SHORT' '$TMP/from-store:x' | grep -q '^$one'"
S=$store unchanged "a tag with another digest" 3 copy "oci-repositories:$store:team/app:1@$other" "$TMP/from-store:y"

echo "-- NAME@DIGEST"
fresh pinned app:1
for reference in "app:1@$other" "app:1@${other:7:7}"; do
  unchanged "a name with another digest: $reference" 3 ls "$S:$reference" /
  same "names both digests" "layoutfs: $S: 'app:1' is $one, not ${reference#*@}" "$(cat "$TMP/stderr")"
done
for command in cat inspect history "ref get" "ref rm" "tag rm" pull referrers; do
  case $command in
    cat) arguments="$S:app:1@$other etc/name" ;;
    inspect | history) arguments="$S:app:1@$other" ;;
    "ref "*) arguments="$S app:1@$other" ;;
    "tag rm" | pull | referrers) arguments="$S app 1@$other" ;;
  esac
  unchanged "$command" 3 $command $arguments
  check "names both" sh -c "grep -q 'is $one, not $other' '$TMP/stderr'"
done
unchanged "a name that does not exist" 3 ls "$S:gone@$one" /
prints "tag rm with the right digest" "" tag rm "$S" app "1@$one"

echo "-- references without a repository"
fresh mixed latest team/app:1 docker.io/library/debian:12
layoutfs repos "$S" >"$TMP/stdout" 2>"$TMP/stderr"
same "repos lists the others" "0 docker.io/library/debian team/app" "$? $(paste -sd' ' "$TMP/stdout")"
same "and names the rest on standard error" "$S: 1 reference without a repository (latest); give one with --default-repository" "$(cat "$TMP/stderr")"
prints "quietly with -q" $'docker.io/library/debian\nteam/app' repos -q "$S"
prints "tags" 1 tags "$S" team/app
check "pull" sh -c "'$LAYOUTFS' pull '$S' team/app 1 | sha256sum | grep -q '^${one#sha256:}'"
prints "referrers" "" referrers "$S" team/app 1
prints "push" "$one" push "$S" team/app --manifest --tag 2 "$S/blobs/sha256/${one#sha256:}"
prints "tag rm" "" tag rm "$S" team/app 2
unchanged "a repository that does not exist" 3 tags "$S" app
check "has a hint" grep -q "hint: .*'latest'.*--default-repository" "$TMP/stderr"
prints "with --default-repository it does" latest tags "$S" app --default-repository app
same "the reference stays as it is" "docker.io/library/debian:12 latest team/app:1" "$(names "$S")"
jq -c '.manifests += [{"digest":"sha256:short","size":1}]' "$S/index.json" >"$TMP/index.json" && cp "$TMP/index.json" "$S/index.json"
unchanged "an invalid entry is still an error" 4 repos "$S"

echo "-- on a terminal"
fresh shown app:1
on_terminal() { limited script -qec "'$LAYOUTFS' $*" /dev/null </dev/null | tr -d '\r'; }
short=${one:7:12}
for command in "ls -l '$S'" "ref ls -l '$S'" "blob ls '$S'" "inspect '$S'" "inspect '$S:app:1'" "copy -q '$S:app:1' '$TMP/shown2:x'"; do
  eval "whole=\$(layoutfs $command)"
  check "$command prints whole digests elsewhere" grep -q "$one" <<<"$whole"
  rm -rf "$TMP/shown2"
  on_terminal "$command" >"$TMP/shown.txt"
  check "and short ones on a terminal" grep -Eq "(^|[^0-9a-f])$short([^0-9a-f]|$)" "$TMP/shown.txt"
  check "only these" sh -c "! grep -q 'sha256:$short' '$TMP/shown.txt'"
done
check "inspect --no-trunc prints whole ones" sh -c "script -qec \"'$LAYOUTFS' inspect --no-trunc '$S:app:1'\" /dev/null </dev/null | grep -q '$one'"
prints "a short digest is accepted" "$listing" ls "$S@$short" /
