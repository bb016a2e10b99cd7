#!/usr/bin/env bash
# `layoutfs extract` writes the same files as a mount shows and as umoci unpacks, completely or not at all, and never
# outside of the directory.
. "$(dirname "$0")/lib.sh"
need jq python3
need_layout
make_layouts sample
L=$TMP/layouts/sample
nothing_left() { same "$1 leaves no temporary directory" "" "$(find "$2" -name '.layoutfs-extract-*')"; }

echo "-- written files"
if is_root && has umoci; then
  for digest in $(jq -r '.manifests[].digest' "$LAYOUT/index.json" | sort -u | head -n 3); do
    child=$(layoutfs inspect --format '{{.manifest}}' "$LAYOUT@$digest")
    mkdir -p "$TMP/flat" && cp "$LAYOUT/oci-layout" "$TMP/flat" && ln -sfn "$(realpath "$LAYOUT")/blobs" "$TMP/flat/blobs"
    jq -n --arg digest "$child" --argjson size "$(stat -c %s "$LAYOUT/blobs/${child/://}")" '{schemaVersion: 2, manifests: [{
      mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest, size: $size,
      annotations: {"org.opencontainers.image.ref.name": "one"}}]}' >"$TMP/flat/index.json"
    check "umoci unpacks ${child:7:12}" umoci unpack --image "$TMP/flat:one" "$TMP/unpacked"
    check "extract writes the image ${child:7:12}" "$LAYOUTFS" extract "$LAYOUT@$child" "$TMP/extracted"
    same_tree "extract writes the same names, kinds, modes, owners, times, targets, links, xattrs and contents as umoci" \
      "$TMP/unpacked/rootfs" "$TMP/extracted"
    rm -rf "$TMP/unpacked" "$TMP/extracted"
  done
fi
if is_root && has_device /dev/fuse; then
  mount_at "$TMP/m" "$L:app:1.0"
  check "extract writes the sample image" "$LAYOUTFS" extract "$L:app:1.0" "$TMP/out"
  same_tree "extract writes the same tree as a mount shows" "$TMP/m" "$TMP/out"
  mkdir "$TMP/merged" && check "extract writes a directory and a file" "$LAYOUTFS" extract "$L:app:1.0" etc bin/tool "$TMP/merged"
  same_tree "an extracted directory is the same as in a mount" "$TMP/m/etc" "$TMP/merged/etc"
  same "an extracted file has the same mode, owner, size and time as in a mount" "$(stat -c '%a %u %g %s %y' "$TMP/m/bin/tool")" "$(stat -c '%a %u %g %s %y' "$TMP/merged/tool")"
  same "an extracted file has the same xattr as in a mount" "$(getfattr --absolute-names --only-values -n user.note "$TMP/m/bin/tool")" "$(getfattr --absolute-names --only-values -n user.note "$TMP/merged/tool" 2>&1)"
  same "extract writes only the given paths" "etc tool" "$(ls -A "$TMP/merged" | xargs)"
  unmount "$TMP/m"
  rm -rf "$TMP/out" "$TMP/merged"

  echo "-- the whole corpus"
  python3 "$CORPUS/make-torture.py" "$TMP/cases" || exit 1
  compared=0
  for case in "$TMP"/cases/*; do
    for number in $(jq -r '.mounts | to_entries[] | select(.value.tree and .value.ref and (.value.platform | not)) | .key' "$case/expected.json"); do
      ref=$(jq -r ".mounts[$number].ref" "$case/expected.json")
      case $ref in sha*:*) operand=$case/oci@$ref ;; *) operand=$case/oci:$ref ;; esac
      layoutfs extract -q "$operand" "$TMP/out" 2>"$TMP/stderr"
      code=$?
      if [ $code = 7 ] && grep -q 'cannot be applied' "$TMP/stderr"; then code=0; fi
      [ $code = 0 ] || { jq -e ".mounts[$number].outcome | contains([\"refuse\"])" "$case/expected.json" >/dev/null && continue; }
      [ $code = 0 ] || not_ok "extract of $operand succeeds" "exit code $code" "$(cat "$TMP/stderr")"
      difference=$(python3 "$CORPUS/check-tree.py" "$case/expected.json" "$TMP/out" --ref "$ref" 2>&1) || not_ok "extract of ${case##*/}:$ref writes the expected tree" "$difference"
      compared=$((compared + 1))
      rm -rf "$TMP/out"
    done
  done
  same "more than 90 images of the corpus are compared" 1 $((compared > 90))
fi

echo "-- as an ordinary user"
if is_root && has setpriv; then
  chmod 755 "$TMP" "$TMP/layouts" && mkdir "$TMP/bin" "$TMP/home" && cp "$LAYOUTFS" "$TMP/bin/layoutfs" && chown nobody "$TMP/home"
  as_user() { limited setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$TMP/home" LAYOUTFS_CACHE_DIR="$TMP/home/cache" "$TMP/bin/layoutfs" "$@"; }
  as_user extract "$L:app:1.0" "$TMP/home/out" 2>"$TMP/stderr"
  same "extract by an ordinary user succeeds, and reports omitted devices" "0 left out 2 devices, which only root can create" "$? $(grep left "$TMP/stderr")"
  same "files that an ordinary user extracts belong to that user" nobody "$(find "$TMP/home/out" -printf '%u\n' | sort -u)"
  same "extract by an ordinary user sets no set-user-id bit" "755 640" "$(stat -c %a "$TMP/home/out/bin/tool" "$TMP/home/out/etc/name" | xargs)"
  same "extract by an ordinary user writes the right content" "$(layoutfs cat "$L:app:1.0" var/noise | sha256sum)" "$(sha256sum <"$TMP/home/out/var/noise")"
  same "extract by an ordinary user sets the times" "$(layoutfs ls --json "$L:app:1.0" var/text | jq '.files[0].mtime')" "$(stat -c %Y "$TMP/home/out/var/text")"
  same "extract by an ordinary user sets user.* xattrs" "a value" "$(getfattr --absolute-names --only-values -n user.note "$TMP/home/out/bin/tool" 2>&1)"
  same "extract by an ordinary user creates hard links" 3 "$(stat -c %h "$TMP/home/out/bin/tool")"
  same "extract by an ordinary user omits devices" "" "$(find "$TMP/home/out" -type b -o -type c)"
fi
if is_root; then
  check "extract accepts --no-same-owner" "$LAYOUTFS" extract --no-same-owner "$L:app:1.0" etc bin/tool "$TMP/mine"
  same "extract --no-same-owner gives the files to the caller, without set-id bits" "0 0 755" "$(stat -c '%u %g %a' "$TMP/mine/tool")"
  rm -rf "$TMP/mine"
fi
layoutfs extract -q "$L:app:1.0" etc/name "$TMP/umask" && same "extract sets the mode regardless of the umask" 640 "$(stat -c %a "$TMP/umask/name")"
(umask 077 && layoutfs extract -q "$L:app:1.0" bin/tool "$TMP/umask2")
same "extract sets the mode regardless of a strict umask" 755 "$(stat -c %a "$TMP/umask2/tool" | sed 's/^4//')"

echo "-- existing files"
mkdir -p "$TMP/full/etc" && echo mine >"$TMP/full/etc/name" && echo mine >"$TMP/full/etc/own" && chmod 700 "$TMP/full/etc"
before=$(state_of "$TMP/full")
refused "extract does not overwrite an existing file" 9 extract "$L:app:1.0" "$TMP/full"
same "a refused extract changes nothing" "$before" "$(state_of "$TMP/full")"
check "extract --force succeeds over existing files" "$LAYOUTFS" extract --force "$L:app:1.0" "$TMP/full"
same "extract --force replaces an existing file" "sample" "$(cat "$TMP/full/etc/name")"
same "extract --force keeps other files" "mine" "$(cat "$TMP/full/etc/own")"
same "extract keeps the mode of an existing directory" 700 "$(stat -c %a "$TMP/full/etc")"
nothing_left "extract --force" "$TMP/full"
mkdir -p "$TMP/clash/etc/name" && touch "$TMP/clash/etc/name/x"
layoutfs extract --force "$L:app:1.0" "$TMP/clash" >/dev/null 2>&1
same "extract --force does not replace a directory with files by a file" "9 x" "$? $(ls "$TMP/clash/etc/name")"
nothing_left "a refused extract --force" "$TMP/clash"

echo "-- symlinks out of the directory"
mkdir "$TMP/linked" "$TMP/outside" && ln -s "$TMP/outside" "$TMP/linked/etc"
refused "extract refuses a symlink in the place of a directory" 9 extract "$L:app:1.0" "$TMP/linked"
check "extract --force succeeds with a symlink in the place of a directory" "$LAYOUTFS" extract --force "$L:app:1.0" "$TMP/linked"
same "extract --force replaces the symlink and does not follow it" "0 directory" "$(find "$TMP/outside" -mindepth 1 | wc -l) $(stat -c %F "$TMP/linked/etc")"
mkdir "$TMP/linked2" && ln -s "$TMP/outside/new" "$TMP/linked2/name"
layoutfs extract -q --force "$L:app:1.0" etc/name "$TMP/linked2"
same "extract --force replaces a symlink in the place of a file" "0 regular file" "$(find "$TMP/outside" -mindepth 1 | wc -l) $(stat -c %F "$TMP/linked2/name")"

echo "-- failures"
cp -r "$L" "$TMP/damaged"
layoutfs index build -q "$TMP/damaged:app:1.0"
blob=$(jq -r '.layers[0].digest' "$TMP/damaged/blobs/$(jq -r '.manifests[0].digest' "$TMP/damaged/index.json" | tr : /)")
printf 'damage' | dd of="$TMP/damaged/blobs/${blob/://}" bs=1 seek=1500000 conv=notrunc status=none
layoutfs extract "$TMP/damaged:app:1.0" "$TMP/from-damaged" 2>"$TMP/stderr"
same "extract of a damaged layer fails with the name of the file" "7 1" "$? $(grep -c "^layoutfs: $TMP/from-damaged: var/noise: " "$TMP/stderr")"
check "a failed extract leaves no directory" test ! -e "$TMP/from-damaged"
refused "extract refuses a path that is not in the image" 3 extract "$L:app:1.0" nothing "$TMP/none"
check "a refused extract creates no directory" test ! -e "$TMP/none"
refused "extract refuses to run without a directory" 2 extract "$L:app:1.0"
refused "extract refuses a path that ends in a dot" 2 extract "$L:app:1.0" etc/. "$TMP/none"
refused "extract refuses two files of the same name" 2 extract "$L:app:1.0" etc/name bin/../etc/name "$TMP/none"
refused "extract refuses a directory without a parent" 3 extract "$L:app:1.0" "$TMP/no/such/directory"
refused "extract refuses a file as the directory" 9 extract "$L:app:1.0" "$TMP/stderr"
if has strace; then
  for signal in KILL INT; do
    rm -rf "$TMP/stopped" && mkdir "$TMP/stopped"
    limited strace -f -qq -o /dev/null -e trace=futimens,utimensat -e inject="utimensat:signal=$signal:when=5" \
      "$LAYOUTFS" extract --no-progress "$L:app:1.0" "$TMP/stopped" >/dev/null 2>&1
    same "extract stopped by SIG$signal leaves no named file" "" "$(ls "$TMP/stopped")"
  done
  nothing_left "an interrupted extract" "$TMP/stopped"
  check "extract succeeds after an interrupted one" "$LAYOUTFS" extract "$L:app:1.0" "$TMP/stopped"
  # In all threads, every file opened for writing must be new.
  rm -rf "$TMP/traced" && limited strace -ff -qq -e trace=openat,openat2,open,creat -o "$TMP/trace" "$LAYOUTFS" extract -q "$L:app:1.0" "$TMP/traced"
  same "extract opens no existing file of the directory for writing" "" \
    "$(cat "$TMP"/trace.* | grep -E 'O_(WRONLY|RDWR)' | grep -v -e O_EXCL -e "$LAYOUTFS_CACHE_DIR" -e /dev/ -e /proc/ -e ENOENT)"
fi
finish
