#!/usr/bin/env bash
# Layouts with symbolic links: the result of every command. No command follows a link out of a layout unless requested.
. "$(dirname "$0")/lib.sh"
need jq python3
make_layouts sample
original=$TMP/layouts/sample
S=$TMP/store
hint='follow_links'
# The commands that read a layout and need no other operand.
readers=("ls" "ls -l" "inspect" "blob ls -l" "ref ls" "fsck --no-progress" "gc --dry-run" "index ls")
# renew: makes a fresh copy of the layout in $S.
renew() {
  rm -rf "$S" "$TMP/out" "$TMP/copy"
  cp -a "$original" "$S"
}
# link_all DIR TARGET: moves the blobs of $S to DIR, and makes a symlink to TARGET/HEX for each.
link_all() {
  local blob
  mkdir -p "$1"
  for blob in "$S"/blobs/sha256/*; do
    mv "$blob" "$1/"
    ln -s "$2/${blob##*/}" "$blob"
  done
}
# behind NAME PLACE TEXT: moves NAME in $S to PLACE, and makes a symlink with TEXT.
behind() {
  mkdir -p "$(dirname "$2")"
  mv "$S/$1" "$2"
  ln -s "$3" "$S/$1"
}
same_as_original() {
  local sentence=$1 command
  shift
  for command in "ls -l" "inspect" "blob ls" "ref ls"; do
    same "$sentence: $command prints the same as for the original" "$(layoutfs $command "$original" 2>&1 | sed "s|$original|LAYOUT|")" \
      "$(layoutfs $command "$@" "$S" 2>&1 | sed "s|$S|LAYOUT|")"
  done
  check "$sentence: fsck finds no problems" "$LAYOUTFS" fsck --no-progress "$@" "$S"
  check "$sentence: copy succeeds" "$LAYOUTFS" copy --no-progress "$@" "$S" "$TMP/copy"
  same "$sentence: copy writes files" "$(cd "$original/blobs" && find . -type f | sort)" \
    "$(cd "$TMP/copy/blobs" && find . -type f | sort)"
  rm -rf "$TMP/copy"
}

echo "-- symlinks inside the layout"
renew && link_all "$S/store" ../../store && same_as_original "blobs are relative symlinks"
renew && link_all "$S/store" "$S/store" && same_as_original "blobs are absolute symlinks"
renew && behind blobs "$S/content" content && same_as_original "blobs/ is a symlink"
renew && behind blobs/sha256 "$S/content" ../content && same_as_original "blobs/sha256 is a symlink"
renew && behind index.json "$S/meta/index" meta/index && behind oci-layout "$S/meta/marker" "$S/meta/marker" &&
  same_as_original "index.json and oci-layout are symlinks"
renew && link_all "$S/a" ../../b && ln -s c "$S/b" && ln -s ./a/../a "$S/c" && same_as_original "blobs are chains of symlinks"

echo "-- symlinks out of the layout"
leaves() {
  local sentence=$1 command
  shift
  for command in "$@"; do
    layoutfs $command "$S" >"$TMP/stderr" 2>&1
    code=$?
    check "$sentence: $command refuses (exit code $code)" test "$code" != 0
    check "$sentence: $command names the symlink, its target and the option" \
      grep -q "is a symlink to .*, which leaves the layout; use -o follow_links (--follow-links)" "$TMP/stderr"
  done
  same_as_original "$sentence, with --follow-links" --follow-links
}
renew && link_all "$TMP/out" ../../../out && leaves "blobs are relative symlinks out of the layout" "fsck --no-progress" inspect
renew && link_all "$TMP/out" "$TMP/out" && leaves "blobs are absolute symlinks out of the layout" "fsck --no-progress" inspect
renew && behind blobs "$TMP/out" ../out && leaves "blobs/ is a symlink out of the layout" "${readers[@]}"
renew && behind index.json "$TMP/out" "$TMP/out" && leaves "index.json is a symlink out of the layout" "${readers[@]}"
renew && behind oci-layout "$TMP/out" ../out && leaves "oci-layout is a symlink out of the layout" "${readers[@]}"
renew && behind blobs/sha256 "$TMP/out" ../../out && leaves "blobs/sha256 is a symlink out of the layout" "fsck --no-progress" inspect

renew && link_all "$TMP/out" ../../../out
blob=$(ls "$S/blobs/sha256" | head -1)
for command in "blob get" "blob path"; do
  unchanged "$command refuses a symlink out of the layout" 4 $command "$S" "sha256:$blob"
done
same "blob get --follow-links follows a symlink out of the layout" "$(cat "$TMP/out/$blob" | sha256sum)" \
  "$(layoutfs blob get --follow-links "$S" "sha256:$blob" | sha256sum)"
prints "blob path --follow-links follows a symlink out of the layout" "$S/blobs/sha256/$blob" blob path --follow-links "$S" "sha256:$blob"
unchanged "cat refuses a symlink out of the layout" 4 cat "$S:app:1.0" etc/name
same "cat --follow-links follows a symlink out of the layout" "$(layoutfs cat "$original:app:1.0" etc/name)" \
  "$(layoutfs cat --follow-links "$S:app:1.0" etc/name)"
mkdir -p "$TMP/all/team" && cp -a "$S" "$TMP/all/team/app" && rm -rf "$TMP/all/team/app/blobs" && ln -s ../../../out-blobs "$TMP/all/team/app/blobs"
mkdir -p "$TMP/out-blobs" && cp -a "$original/blobs/sha256" "$TMP/out-blobs/"
check "the error of tags names the option" sh -c "! '$LAYOUTFS' tags '$TMP/all' team/app 2>&1 | grep -q '$hint' || exit 0; exit 1"
check "tags --follow-links follows symlinks out of a layout" "$LAYOUTFS" tags --follow-links "$TMP/all" team/app
check "copy --follow-links follows symlinks out of repositories" "$LAYOUTFS" copy --no-progress --follow-links "oci-repositories:$TMP/all:team/app" "$TMP/copy"

echo "-- dangling symlinks"
for target in none ../../none "$TMP/none" "$blob" . /dev/zero; do
  renew && rm "$S/blobs/sha256/$blob" && ln -s "$target" "$S/blobs/sha256/$blob"
  for option in "" --follow-links; do
    layoutfs fsck --no-progress $option "$S" >"$TMP/stdout" 2>"$TMP/stderr"
    same "fsck $option finds a symlink to $target" 7 $?
    check "fsck $option names the blob" grep -q "$blob" "$TMP/stdout"
  done
  check "blob put $option replaces a symlink to $target" "$LAYOUTFS" blob put "$S" "$original/blobs/sha256/$blob"
  check "the replaced symlink is a file" test ! -L "$S/blobs/sha256/$blob"
  check "fsck finds no problems after the symlink is replaced" "$LAYOUTFS" fsck --no-progress "$S"
done
renew && ln -s none "$S/blobs/sha256/$(printf '%064d' 0)"
layoutfs fsck --no-progress "$S" >"$TMP/stdout"
same "fsck finds a dangling symlink without references" 7 $?
same "fsck prints the target of a dangling symlink" 1 "$(grep -c 'is a symlink to none, which does not exist' "$TMP/stdout")"
renew && rm "$S/blobs/sha256/$blob" && mkfifo "$TMP/pipe" && ln -s "$TMP/pipe" "$S/blobs/sha256/$blob"
refused "blob get does not wait for a pipe behind a symlink" 4 blob get --follow-links "$S" "sha256:$blob"

echo "-- commands that change a layout"
renew && mkdir "$TMP/out" && printf precious >"$TMP/out/file"
zeros=$(printf '%064d' 0)
ones=$(printf '%064d' 1)
twos=$(printf '%064d' 2)
ln -s "$TMP/out/file" "$S/blobs/sha256/$zeros" && ln -s ../../index.json "$S/blobs/sha256/$ones" && ln -s none "$S/blobs/sha256/$twos"
same "gc keeps new symlinks" "" "$(layoutfs gc "$S" 2>/dev/null)"
same "gc removes symlinks without references" "$(printf 'sha256:%s\n' "$zeros" "$ones" "$twos")" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"
same "gc does not remove the targets of symlinks" "precious" "$(cat "$TMP/out/file")"
check "gc does not change the rest of the layout" cmp "$S/index.json" "$original/index.json"
ln -s "$TMP/out/file" "$S/blobs/sha256/$zeros"
prints "blob rm removes a symlink" "" blob rm --follow-links "$S" "sha256:$zeros"
same "blob rm does not remove the target of a symlink" "precious" "$(cat "$TMP/out/file")"

content=$(digest_of <(printf content))
printf CONTENT >"$TMP/out/damaged"
ln -s "$TMP/out/damaged" "$S/blobs/sha256/${content#*:}"
same "blob put does not write through a symlink" "$content" "$(printf content | layoutfs blob put --follow-links "$S")"
same "blob put keeps the target of a symlink" CONTENT "$(cat "$TMP/out/damaged")"
same "blob put replaces the symlink by a file" content "$(cat "$S/blobs/sha256/${content#*:}")"

renew && behind index.json "$TMP/out/index" ../out/index
digest=$(jq -r '.manifests[0].digest' "$TMP/out/index")
before=$(sha256sum "$TMP/out/index")
prints "ref put replaces a symlinked index.json by a file" "" ref put --follow-links "$S" linked "$digest"
same "ref put does not change the target of a symlinked index.json" "$before" "$(sha256sum "$TMP/out/index")"
check "ref get finds the new reference" "$LAYOUTFS" ref get "$S" linked

renew && behind blobs "$TMP/out" ../out
state=$(state_of "$TMP/out")
orphan=$(printf orphan | layoutfs blob put --follow-links "$S")
check "blob put --follow-links stores a blob in a symlinked folder" test -f "$TMP/out/sha256/${orphan#*:}"
for command in "gc --grace 0" "blob rm"; do
  refused "$command removes nothing in a symlinked folder outside of the layout" 4 $command --follow-links "$S" $([ "$command" = "blob rm" ] && echo "$orphan")
done
check "the blob in the symlinked folder stays" test -f "$TMP/out/sha256/${orphan#*:}"
renew && behind blobs "$S/content" content
orphan=$(printf orphan | layoutfs blob put "$S")
same "gc removes unused blobs in a symlinked folder inside the layout" "$orphan" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"
same_as_original "a symlinked folder after gc"

echo "-- a symlink from one blob to another"
renew
alias=$(sha512sum "$S/blobs/sha256/$blob" | cut -d' ' -f1)
orphan=$(printf orphan | layoutfs blob put "$S")
mkdir -p "$S/blobs/sha512" && alias=$(printf orphan | sha512sum | cut -d' ' -f1)
ln -s "../sha256/${orphan#*:}" "$S/blobs/sha512/$alias"
prints "ref put names the symlink to a blob" "" ref put "$S" alias "sha512:$alias" --media-type text/plain
same "gc keeps the target of a named symlink" "" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"
same "blob get reads a blob by a named symlink" orphan "$(layoutfs blob get "$S" "sha512:$alias")"
prints "ref rm removes the name of the symlink" "" ref rm "$S" alias
same "gc removes the symlink without a name" "sha512:$alias" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"
same "gc removes the target after the symlink" "$orphan" "$(layoutfs gc --grace 0 "$S" 2>/dev/null)"

echo "-- archives"
renew && link_all "$S/store" ../../store && behind index.json "$S/meta/index" meta/index
tar -C "$S" -cf "$TMP/links.tar" . && cp -a "$S" "$TMP/linked" && rm -rf "$S" && S=$TMP/links.tar && same_as_original "a tar with symlinks as blobs"
S=$TMP/store && renew && behind blobs "$S/content" content && ln "$S/content/sha256/$blob" "$S/second" &&
  tar -C "$S" -cf "$TMP/links.tar" second oci-layout index.json blobs content && rm -rf "$S" && S=$TMP/links.tar &&
  same_as_original "a tar with hard links, and a symlink as blobs/"
S=$TMP/store && renew && link_all "$TMP/out" ../../../out && tar -C "$S" -cf "$TMP/out.tar" .
refused "blob get refuses a symlink out of an archive" 4 blob get --follow-links "$TMP/out.tar" "sha256:$blob"
check "the error names the symlink out of the archive" grep -q 'is a symlink to .*, which leaves the archive' "$TMP/stderr"

if is_root && has_device /dev/fuse; then
  echo "-- mounts"
  renew && link_all "$TMP/out" ../../../out
  mount_at "$TMP/plain" "$original"
  mount_at "$TMP/m" -o follow_links "$S"
  check "a mount with follow_links shows symlinked blobs as files" diff -r --no-dereference "$TMP/plain/blobs" "$TMP/m/blobs"
  same_tree "a mount with follow_links shows the images" "$TMP/plain/refs/app:1.0/rootfs" "$TMP/m/refs/app:1.0/rootfs"
  unmount "$TMP/m"
  mount_at "$TMP/m" "$S"
  check "a mount without follow_links does not open symlinked blobs" sh -c "! cat '$TMP/m/blobs/sha256/$blob'"
  check "the manifest's error names the option" grep -q "$hint" "$TMP"/m/manifests/sha256/*/error
  unmount "$TMP/m"
  refused "mount without follow_links refuses an image with symlinked blobs" 4 mount "$S:app:1.0" "$TMP/m"
  mount_at "$TMP/m" --follow-links "$S:app:1.0"
  unmount "$TMP/m"
  mount_at "$TMP/m" -o repositories,follow_links "$TMP/all"
  check "a mount of repositories with follow_links shows symlinked blobs" diff -r --no-dereference "$TMP/plain/blobs" "$TMP/m/team/app/blobs"
  unmount "$TMP/m"
  renew && link_all "$S/store" ../../store && behind index.json "$S/meta/index" meta/index
  mount_at "$TMP/m" "$S"
  check "a mount shows symlinks inside the layout without an option" diff -r --no-dereference "$TMP/plain/blobs" "$TMP/m/blobs"
  jq '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "later"' "$S/meta/index" >"$TMP/index" && mv "$TMP/index" "$S/meta/index"
  same "a mount shows a change of a symlinked index.json" 0 "$(wait_for test -L "$TMP/m/refs/later"; echo $?)"
  unmount "$TMP/m"
  unmount "$TMP/plain"
fi
