#!/usr/bin/env bash
# LAYOUT:REF means the same entry for commands that read and commands that write. Every command with a digest also accepts short
# digests and NAME@DIGEST. References without a repository do not affect the others.
. "$(dirname "$0")/lib.sh"
need jq script
make_layouts sample
L=$TMP/layouts/sample
one=$(layoutfs ref get "$L" app:1.0 | jq -r .digest)
other=$(layoutfs ref get "$L" @3 | jq -r .digest)
names() { layoutfs ref ls "$1" | paste -sd' '; }
target() { layoutfs ref get "$1" "$2" | jq -r .digest; }
# fresh NAME REF...: makes a layout $S with the image $one under each of the names, and all blobs.
fresh() {
  S=$TMP/$1
  cp -r "$L" "$S" || exit 1
  jq -c '.manifests = []' "$L/index.json" >"$S/index.json"
  shift
  for name in "$@"; do layoutfs ref put "$S" "$name" "$one" || exit 1; done
}

echo "-- the same entry for reading and writing"
fresh self box:musl docker.io/library/debian:12
for name in musl box:musl debian:12 library/debian:12 docker.io/library/debian:12; do
  prints "ls finds $name" "$(layoutfs ls "$S:box:musl" /)" ls "$S:$name" /
  before=$(state_of "$S")
  layoutfs copy -q "$S:$name" "$S:$name" >/dev/null || not_ok "copy of $name succeeds"
  layoutfs copy -q "$L:app:1.0" "$S:$name" >/dev/null || not_ok "copy to $name succeeds"
  prints "ref put of the same target as $name succeeds" "" ref put "$S" "$name" "$one"
  same "copy and ref put of the same image as $name change nothing" "$before" "$(state_of "$S")"
done
prints "copy to a short name replaces the entry with the full name" "$other docker.io/library/debian:12" copy -q "$L:@3" "$S:debian:12"
same "copy to a short name adds no name" "box:musl docker.io/library/debian:12" "$(names "$S")"
same "the short name finds the new image" "$other" "$(target "$S" debian:12)"
refused "ref put refuses an existing short name without --replace" 9 ref put "$S" debian:12 "$one"
prints "ref put --replace replaces the entry of a short name" "" ref put --replace "$S" debian:12 "$one"
same "ref put --replace keeps the names" "box:musl docker.io/library/debian:12 $one" "$(names "$S") $(target "$S" debian:12)"
for command in "copy $L:@3 $S:musl" "ref put $S musl $other" "ref put --replace $S musl $other" "copy $L:@3 $S:12"; do
  unchanged "$command refuses the tag of another image" 9 $command
done
same "the error for a tag of another image has its name" "layoutfs: $S: '12' is docker.io/library/debian:12, another image" "$(head -n 1 "$TMP/stderr")"
layoutfs copy -q "$L:@3" "$S:box:glibc" >/dev/null
same "copy adds other names" "box:glibc box:musl docker.io/library/debian:12" "$(names "$S")"
fresh twins a:1 b:1
unchanged "copy refuses the tag of several other images" 5 copy "$L:@3" "$S:1"
for name in "$one" "x@$other" "x@${other:7:7}" sha256:1234567; do
  unchanged "copy refuses the digest $name as a name" 2 copy "$L:app:1.0" "$S:$name"
  unchanged "ref put refuses the digest $name as a name" 2 ref put "$S" "$name" "$one"
done
unchanged "copy refuses a destination with @ and a digest" 2 copy "$L:app:1.0" "$S@$one"
refused "copy refuses a digest as a name in a new archive" 2 copy "$L:app:1.0" "$TMP/new.tar:$one"
check "a refused copy creates no archive" test ! -e "$TMP/new.tar"

echo "-- full names"
fresh saved
layoutfs ref put "$S" 7 "$one" --annotation io.containerd.image.name=docker.io/library/redis:7
layoutfs copy -q "$L:@3" "$S:redis:7" >/dev/null
same "copy to a full name keeps both names of the entry" \
  "7 docker.io/library/redis:7 $other" "$(layoutfs ref ls --json "$S" | jq -r '.references | map("\(.name) \(.fullName) \(.digest)") | join(",")')"
same "both names find the new image" "$other $other" "$(target "$S" redis:7) $(target "$S" 7)"

echo "-- short digests"
fresh short team/app:1
S_SHORT=${one#sha256:} S_SHORT=${S_SHORT:0:7}
listing=$(layoutfs ls "$L:app:1.0" /)
for digest in "$S_SHORT" "sha256:$S_SHORT" "${one#sha256:}"; do
  for place in "@$digest" ":$digest" ":team/app:1@$digest" ":1@$digest"; do prints "ls finds the image by $place" "$listing" ls "$S$place" /; done
  prints "ls --ref accepts $digest" "$listing" ls --layout "$S" --ref "$digest" /
  check "cat accepts $digest" "$LAYOUTFS" cat "$S@$digest" etc/name
  check "inspect accepts $digest" "$LAYOUTFS" inspect "$S@$digest"
  check "history accepts $digest" "$LAYOUTFS" history "$S@$digest"
  check "extract accepts $digest" "$LAYOUTFS" extract "$S@$digest" "$TMP/out-$digest"
  check "index build accepts $digest" "$LAYOUTFS" index build -q "$S@$digest"
  check "image tag accepts $digest" "$LAYOUTFS" image tag --replace "$S@$digest" by-digest
  same "image tag stores the whole digest of $digest" "$one" "$(layoutfs image ls --json by-digest | jq -r '.images[0].target.digest // .images[0].digest')"
  check "copy accepts $digest" sh -c "'$LAYOUTFS' copy -q '$S@$digest' '$TMP/copy-${digest#*:}:x' | grep -q '^$one x$'"
  check "blob get accepts $digest" sh -c "'$LAYOUTFS' blob get '$S' '$digest' | sha256sum | grep -q '^${one#sha256:}'"
  prints "blob path accepts $digest" "$S/blobs/sha256/${one#sha256:}" blob path "$S" "$digest"
  check "ref get accepts $digest" sh -c "'$LAYOUTFS' ref get '$S' '$digest' | grep -q '$one'"
  prints "ref put accepts $digest" "" ref put --replace "$S" team/app:2 "$digest"
  prints "ref rm accepts $digest" "" ref rm "$S" "team/app:2@$digest"
  check "pull accepts $digest" sh -c "'$LAYOUTFS' pull '$S' team/app '$digest' | sha256sum | grep -q '^${one#sha256:}'"
  check "pull accepts 1@$digest" sh -c "'$LAYOUTFS' pull '$S' team/app '1@$digest' | sha256sum | grep -q '^${one#sha256:}'"
  check "referrers accepts $digest" "$LAYOUTFS" referrers "$S" team/app "$digest"
  prints "push --mount-from accepts $digest" "$one" push "$S" team/tool --mount-from team/app --digest "$digest"
  prints "manifest rm accepts $digest" "" manifest rm "$S" team/app "$digest"
  layoutfs ref put "$S" team/app:1 "$one"
  prints "ref rm accepts $digest" "" ref rm "$S" "$digest"
  layoutfs ref put "$S" team/app:1 "$one"
done
mount_at "$TMP/mnt" "$S@$S_SHORT"
same "mount accepts a short digest" "$listing" "$(ls "$TMP/mnt")"
unmount "$TMP/mnt"
twin=$S_SHORT$(printf '%057d' 0)
echo >"$S/blobs/sha256/$twin"
unchanged "blob rm refuses a short digest of several blobs" 5 blob rm "$S" "$S_SHORT"
same "the error lists the digests of the blobs" 2 "$(grep -o "sha256:$S_SHORT[0-9a-f]*" "$TMP/stderr" | wc -l)"
unchanged "ls refuses a short digest of several blobs" 5 ls "$S@$S_SHORT"
prints "blob rm accepts a short digest with one more digit" "" blob rm "$S" "${S_SHORT}0"
refused "blob rm refuses the short digest of a removed blob" 3 blob rm "$S" "${S_SHORT}0"
prints "blob rm --force ignores the short digest of a removed blob" "" blob rm --force "$S" "${S_SHORT}0"
unchanged "blob get refuses a digest of six digits" 2 blob get "$S" "${S_SHORT:0:6}"
unchanged "ls refuses a digest of six digits after @" 2 ls "$S@${S_SHORT:0:6}"
store=$TMP/many
layoutfs copy -q "$S:team/app:1" "oci-repositories:$store" >/dev/null
check "pull from a directory of layouts accepts a short digest" sh -c "'$LAYOUTFS' pull '$store' team/app $S_SHORT | sha256sum | grep -q '^${one#sha256:}'"
check "copy from a directory of layouts accepts a short digest" sh -c "'$LAYOUTFS' copy -q 'oci-repositories:$store:team/app@$S_SHORT' '$TMP/from-store' | grep -q '^$one'"
check "copy from a directory of layouts accepts TAG@DIGEST" sh -c "'$LAYOUTFS' copy -q 'oci-repositories:$store:team/app:1@$S_SHORT' '$TMP/from-store:x' | grep -q '^$one'"
S=$store unchanged "copy from a directory of layouts refuses a tag with another digest" 3 copy "oci-repositories:$store:team/app:1@$other" "$TMP/from-store:y"

echo "-- NAME@DIGEST"
fresh pinned app:1
for reference in "app:1@$other" "app:1@${other:7:7}"; do
  unchanged "ls refuses $reference, a name with another digest" 3 ls "$S:$reference" /
  same "the error for $reference has both digests" "layoutfs: $S: 'app:1' is $one, not ${reference#*@}" "$(cat "$TMP/stderr")"
done
for command in cat inspect history "ref get" "ref rm" "tag rm" pull referrers; do
  case $command in
    cat) arguments="$S:app:1@$other etc/name" ;;
    inspect | history) arguments="$S:app:1@$other" ;;
    "ref "*) arguments="$S app:1@$other" ;;
    "tag rm" | pull | referrers) arguments="$S app 1@$other" ;;
  esac
  unchanged "$command refuses a name with another digest" 3 $command $arguments
  check "the error of $command has both digests" sh -c "grep -q 'is $one, not $other' '$TMP/stderr'"
done
unchanged "ls refuses an unknown name with a digest" 3 ls "$S:gone@$one" /
prints "tag rm accepts a tag with its digest" "" tag rm "$S" app "1@$one"

echo "-- references without a repository"
fresh mixed latest team/app:1 docker.io/library/debian:12
layoutfs repos "$S" >"$TMP/stdout" 2>"$TMP/stderr"
same "repos lists the repositories of the other references" "0 docker.io/library/debian team/app" "$? $(paste -sd' ' "$TMP/stdout")"
same "repos names the references without a repository on stderr" "$S: 1 reference without a repository (latest); give one with --default-repository" "$(cat "$TMP/stderr")"
prints "repos -q prints only repositories" $'docker.io/library/debian\nteam/app' repos -q "$S"
prints "tags lists the tags beside a reference without a repository" 1 tags "$S" team/app
check "pull finds a tag beside a reference without a repository" sh -c "'$LAYOUTFS' pull '$S' team/app 1 | sha256sum | grep -q '^${one#sha256:}'"
prints "referrers accepts a tag beside a reference without a repository" "" referrers "$S" team/app 1
prints "push adds a tag beside a reference without a repository" "$one" push "$S" team/app --manifest --tag 2 "$S/blobs/sha256/${one#sha256:}"
prints "tag rm removes a tag beside a reference without a repository" "" tag rm "$S" team/app 2
unchanged "tags refuses an unknown repository beside a reference without one" 3 tags "$S" app
check "the error for an unknown repository has a hint with --default-repository" grep -q "hint: .*'latest'.*--default-repository" "$TMP/stderr"
prints "tags --default-repository finds the reference without a repository" latest tags "$S" app --default-repository app
same "the commands do not change the reference without a repository" "docker.io/library/debian:12 latest team/app:1" "$(names "$S")"
jq -c '.manifests += [{"digest":"sha256:short","size":1}]' "$S/index.json" >"$TMP/index.json" && cp "$TMP/index.json" "$S/index.json"
unchanged "repos refuses an invalid entry" 4 repos "$S"

echo "-- on a terminal"
fresh shown app:1
on_terminal() { limited script -qec "'$LAYOUTFS' $*" /dev/null </dev/null | tr -d '\r'; }
short=${one:7:12}
for command in "ls -l '$S'" "ref ls -l '$S'" "blob ls '$S'" "inspect '$S'" "inspect '$S:app:1'" "copy -q '$S:app:1' '$TMP/shown2:x'"; do
  eval "whole=\$(layoutfs $command)"
  check "$command prints whole digests to a pipe" grep -q "$one" <<<"$whole"
  rm -rf "$TMP/shown2"
  on_terminal "$command" >"$TMP/shown.txt"
  check "$command prints short digests on a terminal" grep -Eq "(^|[^0-9a-f])$short([^0-9a-f]|$)" "$TMP/shown.txt"
  check "$command prints no whole digests on a terminal" sh -c "! grep -q 'sha256:$short' '$TMP/shown.txt'"
done
check "inspect --no-trunc prints whole digests on a terminal" sh -c "script -qec \"'$LAYOUTFS' inspect --no-trunc '$S:app:1'\" /dev/null </dev/null | grep -q '$one'"
prints "ls accepts the printed short digest" "$listing" ls "$S@$short" /
