#!/usr/bin/env bash
# Layouts of symbolic links: the result of every command, and no link out of a layout is followed unless
# requested.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
original=$TMP/layouts/sample
S=$TMP/store
hint='follow_links'
# The commands that read a layout and take no more than its name.
readers=("ls" "ls -l" "inspect" "blob ls -l" "ref ls" "fsck --no-progress" "gc --dry-run" "index ls")
# renew: a copy of the layout in $S, and nothing else that a check has left.
renew() {
  rm -rf "$S" "$TMP/out" "$TMP/copy"
  cp -a "$original" "$S"
}
# link_all DIR TARGET: the blobs of $S to DIR, and a link for each with the text TARGET/HEX.
link_all() {
  local blob
  mkdir -p "$1"
  for blob in "$S"/blobs/sha256/*; do
    mv "$blob" "$1/"
    ln -s "$2/${blob##*/}" "$blob"
  done
}
# behind NAME PLACE TEXT: moves NAME in $S to PLACE, and leaves a link.
behind() {
  mkdir -p "$(dirname "$2")"
  mv "$S/$1" "$2"
  ln -s "$3" "$S/$1"
}
same_as_original() {
  local sentence=$1 command
  shift
  for command in "ls -l" "inspect" "blob ls" "ref ls"; do
    same "$sentence: $command" "$(layoutfs $command "$original" 2>&1 | sed "s|$original|LAYOUT|")" \
      "$(layoutfs $command "$@" "$S" 2>&1 | sed "s|$S|LAYOUT|")"
  done
  check "$sentence: fsck" "$LAYOUTFS" fsck --no-progress "$@" "$S"
  check "$sentence: copy" "$LAYOUTFS" copy --no-progress "$@" "$S" "$TMP/copy"
  same "$sentence: what was copied are files" "$(cd "$original/blobs" && find . -type f | sort)" \
    "$(cd "$TMP/copy/blobs" && find . -type f | sort)"
  rm -rf "$TMP/copy"
}

echo "-- links that stay"
renew && link_all "$S/store" ../../store && same_as_original "relative blobs"
renew && link_all "$S/store" "$S/store" && same_as_original "absolute blobs"
renew && behind blobs "$S/content" content && same_as_original "blobs is a link"
renew && behind blobs/sha256 "$S/content" ../content && same_as_original "a folder of blobs is a link"
renew && behind index.json "$S/meta/index" meta/index && behind oci-layout "$S/meta/marker" "$S/meta/marker" &&
  same_as_original "index.json and oci-layout are links"
renew && link_all "$S/a" ../../b && ln -s c "$S/b" && ln -s ./a/../a "$S/c" && same_as_original "chains of links"

echo "-- links that leave"
leaves() {
  local sentence=$1 command
  shift
  for command in "$@"; do
    layoutfs $command "$S" >"$TMP/stderr" 2>&1
    code=$?
    check "$sentence: $command is refused ($code)" test "$code" != 0
    check "$sentence: $command names the link, its target and the option" \
      grep -q "is a symlink to .*, which leaves the layout; use -o follow_links (--follow-links)" "$TMP/stderr"
  done
  same_as_original "$sentence, with --follow-links" --follow-links
}
renew && link_all "$TMP/out" ../../../out && leaves "relative blobs" "fsck --no-progress" inspect
renew && link_all "$TMP/out" "$TMP/out" && leaves "absolute blobs" "fsck --no-progress" inspect
renew && behind blobs "$TMP/out" ../out && leaves "blobs is a link" "${readers[@]}"
renew && behind index.json "$TMP/out" "$TMP/out" && leaves "index.json is a link" "${readers[@]}"
renew && behind oci-layout "$TMP/out" ../out && leaves "oci-layout is a link" "${readers[@]}"
renew && behind blobs/sha256 "$TMP/out" ../../out && leaves "a folder of blobs is a link" "fsck --no-progress" inspect

renew && link_all "$TMP/out" ../../../out
blob=$(ls "$S/blobs/sha256" | head -1)
for command in "blob get" "blob path"; do
  unchanged "$command follows no link out" 4 $command "$S" "sha256:$blob"
done
same "blob get follows one if it is asked to" "$(cat "$TMP/out/$blob" | sha256sum)" \
  "$(layoutfs blob get --follow-links "$S" "sha256:$blob" | sha256sum)"
prints "blob path too" "$S/blobs/sha256/$blob" blob path --follow-links "$S" "sha256:$blob"
unchanged "cat follows no link out" 4 cat "$S:app:1.0" etc/name
same "cat follows one if it is asked to" "$(layoutfs cat "$original:app:1.0" etc/name)" \
  "$(layoutfs cat --follow-links "$S:app:1.0" etc/name)"
mkdir -p "$TMP/all/team" && cp -a "$S" "$TMP/all/team/app" && rm -rf "$TMP/all/team/app/blobs" && ln -s ../../../out-blobs "$TMP/all/team/app/blobs"
mkdir -p "$TMP/out-blobs" && cp -a "$original/blobs/sha256" "$TMP/out-blobs/"
check "tags of a repository say so" sh -c "! '$LAYOUTFS' tags '$TMP/all' team/app 2>&1 | grep -q '$hint' || exit 0; exit 1"
check "and follow links if they are asked to" "$LAYOUTFS" tags --follow-links "$TMP/all" team/app
check "copy from repositories does, too" "$LAYOUTFS" copy --no-progress --follow-links "oci-repositories:$TMP/all:team/app" "$TMP/copy"

echo "-- what leads nowhere"
for target in none ../../none "$TMP/none" "$blob" . /dev/zero; do
  renew && rm "$S/blobs/sha256/$blob" && ln -s "$target" "$S/blobs/sha256/$blob"
  for option in "" --follow-links; do
    layoutfs fsck --no-progress $option "$S" >"$TMP/stdout" 2>"$TMP/stderr"
    same "fsck $option finds a link to $target" 7 $?
    check "and names it" grep -q "$blob" "$TMP/stdout"
  done
  check "blob put puts the file in its place" "$LAYOUTFS" blob put "$S" "$original/blobs/sha256/$blob"
  check "which is a file" test ! -L "$S/blobs/sha256/$blob"
  check "and fsck is content" "$LAYOUTFS" fsck --no-progress "$S"
done
renew && ln -s none "$S/blobs/sha256/$(printf '%064d' 0)"
layoutfs fsck --no-progress "$S" >"$TMP/stdout"
same "fsck finds one that nobody needs" 7 $?
same "and says where it leads" 1 "$(grep -c 'is a symlink to none, which does not exist' "$TMP/stdout")"
renew && rm "$S/blobs/sha256/$blob" && mkfifo "$TMP/pipe" && ln -s "$TMP/pipe" "$S/blobs/sha256/$blob"
refused "a pipe behind a link is not waited for" 4 blob get --follow-links "$S" "sha256:$blob"

echo "-- what changes a layout"
renew && mkdir "$TMP/out" && printf precious >"$TMP/out/file"
zeros=$(printf '%064d' 0)
ones=$(printf '%064d' 1)
twos=$(printf '%064d' 2)
ln -s "$TMP/out/file" "$S/blobs/sha256/$zeros" && ln -s ../../index.json "$S/blobs/sha256/$ones" && ln -s none "$S/blobs/sha256/$twos"
same "gc keeps young links" "" "$(layoutfs gc "$S" 2>/dev/null)"
same "gc removes links that nobody needs" "$(printf 'sha256:%s\n' "$zeros" "$ones" "$twos")" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"
same "but not what they led to" "precious" "$(cat "$TMP/out/file")"
check "nor what is in the layout" cmp "$S/index.json" "$original/index.json"
ln -s "$TMP/out/file" "$S/blobs/sha256/$zeros"
prints "blob rm removes a link" "" blob rm --follow-links "$S" "sha256:$zeros"
same "and not what it led to" "precious" "$(cat "$TMP/out/file")"

content=$(digest_of <(printf content))
printf CONTENT >"$TMP/out/damaged"
ln -s "$TMP/out/damaged" "$S/blobs/sha256/${content#*:}"
same "blob put never writes through a link" "$content" "$(printf content | layoutfs blob put --follow-links "$S")"
same "what it led to stays" CONTENT "$(cat "$TMP/out/damaged")"
same "the blob is there" content "$(cat "$S/blobs/sha256/${content#*:}")"

renew && behind index.json "$TMP/out/index" ../out/index
digest=$(jq -r '.manifests[0].digest' "$TMP/out/index")
before=$(sha256sum "$TMP/out/index")
prints "ref put makes a file of a linked index.json" "" ref put --follow-links "$S" linked "$digest"
same "and leaves what it led to" "$before" "$(sha256sum "$TMP/out/index")"
check "the reference is there" "$LAYOUTFS" ref get "$S" linked

renew && behind blobs "$TMP/out" ../out
state=$(state_of "$TMP/out")
orphan=$(printf orphan | layoutfs blob put --follow-links "$S")
check "blob put stores what is new in a linked folder, if it is asked to" test -f "$TMP/out/sha256/${orphan#*:}"
for command in "gc --grace 0" "blob rm"; do
  refused "$command removes nothing in a folder behind a link" 4 $command --follow-links "$S" $([ "$command" = "blob rm" ] && echo "$orphan")
done
check "so all is there" test -f "$TMP/out/sha256/${orphan#*:}"
renew && behind blobs "$S/content" content
orphan=$(printf orphan | layoutfs blob put "$S")
same "gc removes what is garbage behind a link that stays" "$orphan" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"
same_as_original "and leaves the rest"

echo "-- one blob that another is a link to"
renew
alias=$(sha512sum "$S/blobs/sha256/$blob" | cut -d' ' -f1)
orphan=$(printf orphan | layoutfs blob put "$S")
mkdir -p "$S/blobs/sha512" && alias=$(printf orphan | sha512sum | cut -d' ' -f1)
ln -s "../sha256/${orphan#*:}" "$S/blobs/sha512/$alias"
prints "a name for the link" "" ref put "$S" alias "sha512:$alias" --media-type text/plain
same "gc keeps the blob that it leads to" "" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"
same "so that it can be read" orphan "$(layoutfs blob get "$S" "sha512:$alias")"
prints "without the name" "" ref rm "$S" alias
same "the link goes" "sha512:$alias" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"
same "and then the blob" "$orphan" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"

echo "-- archives"
renew && link_all "$S/store" ../../store && behind index.json "$S/meta/index" meta/index
tar -C "$S" -cf "$TMP/links.tar" . && cp -a "$S" "$TMP/linked" && rm -rf "$S" && S=$TMP/links.tar && same_as_original "a tar of links"
S=$TMP/store && renew && behind blobs "$S/content" content && ln "$S/content/sha256/$blob" "$S/second" &&
  tar -C "$S" -cf "$TMP/links.tar" second oci-layout index.json blobs content && rm -rf "$S" && S=$TMP/links.tar &&
  same_as_original "a tar of hard links, with blobs a link"
S=$TMP/store && renew && link_all "$TMP/out" ../../../out && tar -C "$S" -cf "$TMP/out.tar" .
refused "nothing in a tar leads out of it" 4 blob get --follow-links "$TMP/out.tar" "sha256:$blob"
check "which the error says" grep -q 'is a symlink to .*, which leaves the archive' "$TMP/stderr"

if is_root && has_device /dev/fuse; then
  echo "-- mounts"
  renew && link_all "$TMP/out" ../../../out
  mount_at "$TMP/plain" "$original"
  mount_at "$TMP/m" -o follow_links "$S"
  check "a mount shows links as files" diff -r --no-dereference "$TMP/plain/blobs" "$TMP/m/blobs"
  same_tree "and the images" "$TMP/plain/refs/app:1.0/rootfs" "$TMP/m/refs/app:1.0/rootfs"
  unmount "$TMP/m"
  mount_at "$TMP/m" "$S"
  check "without the option nothing can be read" sh -c "! cat '$TMP/m/blobs/sha256/$blob'"
  check "and the manifest's error says why" grep -q "$hint" "$TMP"/m/manifests/sha256/*/error
  unmount "$TMP/m"
  refused "an image behind links is refused" 4 mount "$S:app:1.0" "$TMP/m"
  mount_at "$TMP/m" --follow-links "$S:app:1.0"
  unmount "$TMP/m"
  mount_at "$TMP/m" -o repositories,follow_links "$TMP/all"
  check "so are repositories" diff -r --no-dereference "$TMP/plain/blobs" "$TMP/m/team/app/blobs"
  unmount "$TMP/m"
  renew && link_all "$S/store" ../../store && behind index.json "$S/meta/index" meta/index
  mount_at "$TMP/m" "$S"
  check "links that stay need no option" diff -r --no-dereference "$TMP/plain/blobs" "$TMP/m/blobs"
  jq '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "later"' "$S/meta/index" >"$TMP/index" && mv "$TMP/index" "$S/meta/index"
  same "what an index behind a link says later is seen" 0 "$(wait_for test -L "$TMP/m/refs/later"; echo $?)"
  unmount "$TMP/m"
  unmount "$TMP/plain"
fi
