#!/usr/bin/env bash
# Other formats, made by their own programs: every command names the format, and the command in its hint converts it to
# a layout.
. "$(dirname "$0")/lib.sh"
need jq python3 tar gzip
make_layouts sample
L=$TMP/layouts/sample
one=$TMP/one
layoutfs copy -h >/dev/null && layoutfs copy --no-progress "$L:app:1.0" "$one:app" >/dev/null 2>&1 || not_ok "copy creates a layout of one image"

# named PATH CODE WORDS COMMAND: each command that opens a layout must fail with CODE, WORDS and COMMAND.
named() {
  local path=$1 code=$2 words=$3 convert=$4 command
  for command in "ls" "ls -l" inspect fsck "gc --dry-run" "blob ls" "ref ls" clean "index ls" "index build" "copy @ $TMP/nowhere"; do
    case $command in *@*) set -- ${command/@/"$path"} ;; *) set -- $command "$path" ;; esac
    refused "$command refuses $path: $words" "$code" "$@"
    grep -qF -- "$words" "$TMP/stderr" || not_ok "the error of $command for $path has '$words'" "$(cat "$TMP/stderr")"
    grep -qF -- "$convert" "$TMP/stderr" || not_ok "the error of $command for $path has '$convert'" "$(cat "$TMP/stderr")"
  done
}
# converts SENTENCE: the command in the last error, with DIR and TAG filled in, must create a layout with the image.
converts() {
  local sentence=$1 command
  rm -rf "$TMP/DIR"
  command=$(sed -n 's/^hint: convert it with: //p' "$TMP/stderr" | sed "s|oci:DIR|oci:$TMP/DIR|; s|skopeo |skopeo --insecure-policy |")
  if (cd "$TMP" && eval "limited $command" >/dev/null 2>"$TMP/log"); then
    check "$sentence" "$LAYOUTFS" ls "$TMP/DIR:TAG" etc/name
  else
    not_ok "$sentence" "$command" "$(cat "$TMP/log")"
  fi
}

echo "-- layouts in unusual places"
mkdir "$TMP/above" && cp -a "$one" "$TMP/above/image"
named "$TMP/above" 4 "a layout in image/" "use $TMP/above/image"
cp -a "$one" "$TMP/above/second"
named "$TMP/above" 4 "a directory of layouts (image/, second/)" "layoutfs mount --repositories $TMP/above MOUNTPOINT"
tar -C "$TMP" -cf "$TMP/above.tar" one
named "$TMP/above.tar" 4 "a layout in one/" "use DIR/one"
tar -C "$one" -cf "$TMP/layout.tar" .
for program in gzip bzip2 xz zstd; do
  has "$program" || continue
  "$program" -c "$TMP/layout.tar" >"$TMP/layout.$program"
  named "$TMP/layout.$program" 6 "compressed with $program" "$program -dc $TMP/layout.$program >FILE"
  (cd "$TMP" && eval "$(sed -n 's/^hint: decompress it with: //p' "$TMP/stderr")")
  check "ls reads the archive that the command in the hint decompressed" "$LAYOUTFS" ls "$TMP/FILE:app" etc/name
done
mkdir "$TMP/unmarked" && cp -a "$one/." "$TMP/unmarked" && rm "$TMP/unmarked/oci-layout"
named "$TMP/unmarked" 4 "but an incomplete layout" ">$TMP/unmarked/oci-layout"
eval "$(sed -n 's/^hint: create the file with: //p' "$TMP/stderr")"
check "ls reads the layout that the command in the hint completed" "$LAYOUTFS" ls "$TMP/unmarked:app" etc/name
mkdir "$TMP/shared" && cp -a "$one/." "$TMP/shared" && mv "$TMP/shared/blobs" "$TMP/blobs"
named "$TMP/shared" 4 "blobs is missing" "use --follow-links"
ln -s ../blobs "$TMP/shared/blobs"
check "ls reads the layout with the option in the hint" "$LAYOUTFS" ls --follow-links "$TMP/shared:app" etc/name

echo "-- other formats"
if has skopeo; then
  skopeo --insecure-policy copy -q "oci:$one:app" "dir:$TMP/transport"
  named "$TMP/transport" 4 "skopeo's dir: transport" "skopeo copy dir:$TMP/transport oci:DIR:TAG"
  converts "the command in the hint converts a dir: directory"
  named "dir:$TMP/transport" 6 "skopeo's dir: transport" "skopeo copy dir:$TMP/transport oci:DIR:TAG"
  converts "the command in the hint converts a directory with the prefix dir:"
  refused "repos refuses a dir: directory" 4 repos "$TMP/transport"
  skopeo --insecure-policy copy -q "oci:$one:app" "docker-archive:$TMP/docker.tar:app:1"
  for name in "$TMP/docker.tar" "docker-archive:$TMP/docker.tar"; do
    named "$name" 4 "a docker archive" "skopeo copy docker-archive:$TMP/docker.tar oci:DIR:TAG"
    converts "the command in the hint converts a docker archive"
  done
  mkdir "$TMP/docker" && tar -C "$TMP/docker" -xf "$TMP/docker.tar"
  named "$TMP/docker" 4 "an unpacked docker archive" "docker-archive:FILE oci:DIR:TAG"
  converts "the command in the hint converts an unpacked docker archive"
fi
for name in docker-daemon:app:1 containers-storage:app; do
  named "$name" 6 "not an image layout but an image" "skopeo copy $name oci:DIR:TAG"
done
# Commands that read an image read it from the registry; all others need a layout.
for command in fsck "gc --dry-run" "blob ls" "ref ls" clean "image tag @ app" "blob put"; do
  case $command in *@*) set -- ${command/@/docker://registry.test/app:1} ;; *) set -- $command docker://registry.test/app:1 ;; esac
  refused "$command refuses an image in a registry" 6 "$@"
  check "the error of $command for an image in a registry has a copy command" grep -qxF \
    "hint: copy it to a layout with: layoutfs copy docker://registry.test/app:1 DIR" "$TMP/stderr"
done
mkdir -p "$TMP/root/etc" "$TMP/root/usr/bin"
named "$TMP/root" 4 "a root filesystem" "podman import"
tar -C "$TMP/root" -cf "$TMP/root.tar" .
named "$TMP/root.tar" 4 "a root filesystem, or a layer of one" "podman import $TMP/root.tar"
refused "mount refuses a root filesystem" 4 mount "$TMP/root.tar" "$TMP/m"
refused "chroot refuses a root filesystem" 125 chroot "$TMP/root.tar" true
refused "tags refuses an archive" 4 tags "$TMP/layout.tar" app
check "the hint of tags for an archive has a copy command" grep -q "layoutfs copy $TMP/layout.tar DIR" "$TMP/stderr"

echo "-- references in refs/"
layoutfs init --refs-dir "$TMP/refs"
digest=$(printf x | layoutfs blob put "$TMP/refs")
layoutfs ref put --media-type text/plain "$TMP/refs" one "$digest"
echo '{' >"$TMP/refs/refs/broken" && mkdir "$TMP/refs/refs/nested"
manifest='{"schemaVersion":2,"config":{"mediaType":"m","digest":"'$digest'","size":1},"layers":[]}'
for command in "ls" "ls -l" "ref ls" "ref get @ none" "ref get @ broken" "ref rm @ none" "fsck" "gc" "inspect" "tags @ app" "repos" \
  "index ls" "copy @ $TMP/nowhere" "copy $one @" "push --manifest --media-type m @ app" "cat @:none x" "cat @:@7 x" "cat @:broken x"; do
  case $command in *@*) set -- ${command/@/"$TMP/refs"} ;; *) set -- $command "$TMP/refs" ;; esac
  layoutfs "$@" <<<"$manifest" >"$TMP/stdout" 2>"$TMP/stderr"
  check "$command of a layout with refs/ does not mention index.json" sh -c "! grep -q 'index\.json' '$TMP/stdout' '$TMP/stderr'"
done
tar -C "$TMP/refs" -cf "$TMP/refs.tar" .
refused "ls refuses an archive of a layout with refs/" 6 ls "$TMP/refs.tar"
check "the error for an archive with refs/ does not mention index.json" sh -c "! grep -q 'index\.json' '$TMP/stderr'"
