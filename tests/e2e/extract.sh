#!/usr/bin/env bash
# `layoutfs extract`: the same files as in a mount and as umoci unpacks them; whole or not at all, and never outside.
. "$(dirname "$0")/lib.sh"
need jq python3
need_layout
make_layouts sample
L=$TMP/layouts/sample
nothing_left() { same "$1: nothing is left of it" "" "$(find "$2" -name '.layoutfs-extract-*')"; }

echo "-- what is written"
if is_root && has umoci; then
  for digest in $(jq -r '.manifests[].digest' "$LAYOUT/index.json" | sort -u | head -n 3); do
    child=$(layoutfs inspect --format '{{.manifest}}' "$LAYOUT@$digest")
    mkdir -p "$TMP/flat" && cp "$LAYOUT/oci-layout" "$TMP/flat" && ln -sfn "$(realpath "$LAYOUT")/blobs" "$TMP/flat/blobs"
    jq -n --arg digest "$child" --argjson size "$(stat -c %s "$LAYOUT/blobs/${child/://}")" '{schemaVersion: 2, manifests: [{
      mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest, size: $size,
      annotations: {"org.opencontainers.image.ref.name": "one"}}]}' >"$TMP/flat/index.json"
    check "umoci unpacks ${child:7:12}" umoci unpack --image "$TMP/flat:one" "$TMP/unpacked"
    check "extract" "$LAYOUTFS" extract "$LAYOUT@$child" "$TMP/extracted"
    same_tree "the same: names, kinds, modes, owners, times, targets, hard links, xattrs, contents" \
      "$TMP/unpacked/rootfs" "$TMP/extracted"
    rm -rf "$TMP/unpacked" "$TMP/extracted"
  done
fi
if is_root && has_device /dev/fuse; then
  mount_at "$TMP/m" "$L:app:1.0"
  check "extract" "$LAYOUTFS" extract "$L:app:1.0" "$TMP/out"
  same_tree "the same as a mount" "$TMP/m" "$TMP/out"
  mkdir "$TMP/merged" && check "a tree and a file" "$LAYOUTFS" extract "$L:app:1.0" etc bin/tool "$TMP/merged"
  same_tree "the tree is the same" "$TMP/m/etc" "$TMP/merged/etc"
  same "the file too" "$(stat -c '%a %u %g %s %y' "$TMP/m/bin/tool")" "$(stat -c '%a %u %g %s %y' "$TMP/merged/tool")"
  same "with its attributes" "$(getfattr --absolute-names --only-values -n user.note "$TMP/m/bin/tool")" "$(getfattr --absolute-names --only-values -n user.note "$TMP/merged/tool" 2>&1)"
  same "and nothing else" "etc tool" "$(ls -A "$TMP/merged" | xargs)"
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
      [ $code = 0 ] || not_ok "extract of $operand" "exit code $code" "$(cat "$TMP/stderr")"
      difference=$(python3 "$CORPUS/check-tree.py" "$case/expected.json" "$TMP/out" --ref "$ref" 2>&1) || not_ok "${case##*/}: $ref" "$difference"
      compared=$((compared + 1))
      rm -rf "$TMP/out"
    done
  done
  same "the corpus was compared" 1 $((compared > 90))
fi

echo "-- as an ordinary user"
if is_root && has setpriv; then
  chmod 755 "$TMP" "$TMP/layouts" && mkdir "$TMP/bin" "$TMP/home" && cp "$LAYOUTFS" "$TMP/bin/layoutfs" && chown nobody "$TMP/home"
  as_user() { limited setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$TMP/home" LAYOUTFS_CACHE_DIR="$TMP/home/cache" "$TMP/bin/layoutfs" "$@"; }
  as_user extract "$L:app:1.0" "$TMP/home/out" 2>"$TMP/stderr"
  same "it works, and says what is left out" "0 left out 2 devices, which only root can create" "$? $(grep left "$TMP/stderr")"
  same "all files are the user's" nobody "$(find "$TMP/home/out" -printf '%u\n' | sort -u)"
  same "a set-user-id bit is not kept" "755 640" "$(stat -c %a "$TMP/home/out/bin/tool" "$TMP/home/out/etc/name" | xargs)"
  same "contents are" "$(layoutfs cat "$L:app:1.0" var/noise | sha256sum)" "$(sha256sum <"$TMP/home/out/var/noise")"
  same "times too" "$(layoutfs ls --json "$L:app:1.0" var/text | jq '.files[0].mtime')" "$(stat -c %Y "$TMP/home/out/var/text")"
  same "xattrs of users too" "a value" "$(getfattr --absolute-names --only-values -n user.note "$TMP/home/out/bin/tool" 2>&1)"
  same "hard links too" 3 "$(stat -c %h "$TMP/home/out/bin/tool")"
  same "devices are left out" "" "$(find "$TMP/home/out" -type b -o -type c)"
fi
if is_root; then
  check "--no-same-owner" "$LAYOUTFS" extract --no-same-owner "$L:app:1.0" etc bin/tool "$TMP/mine"
  same "leaves the files to who extracts, without set-id bits" "0 0 755" "$(stat -c '%u %g %a' "$TMP/mine/tool")"
  rm -rf "$TMP/mine"
fi
layoutfs extract -q "$L:app:1.0" etc/name "$TMP/umask" && same "the umask takes nothing away" 640 "$(stat -c %a "$TMP/umask/name")"
(umask 077 && layoutfs extract -q "$L:app:1.0" bin/tool "$TMP/umask2")
same "a strict one neither" 755 "$(stat -c %a "$TMP/umask2/tool" | sed 's/^4//')"

echo "-- what is there already"
mkdir -p "$TMP/full/etc" && echo mine >"$TMP/full/etc/name" && echo mine >"$TMP/full/etc/own" && chmod 700 "$TMP/full/etc"
before=$(state_of "$TMP/full")
refused "an existing file is not overwritten" 9 extract "$L:app:1.0" "$TMP/full"
same "and nothing changes" "$before" "$(state_of "$TMP/full")"
check "--force replaces it" "$LAYOUTFS" extract --force "$L:app:1.0" "$TMP/full"
same "with the image's" "sample" "$(cat "$TMP/full/etc/name")"
same "other files stay" "mine" "$(cat "$TMP/full/etc/own")"
same "a directory keeps its mode" 700 "$(stat -c %a "$TMP/full/etc")"
nothing_left "an extraction" "$TMP/full"
mkdir -p "$TMP/clash/etc/name" && touch "$TMP/clash/etc/name/x"
layoutfs extract --force "$L:app:1.0" "$TMP/clash" >/dev/null 2>&1
same "a directory with files is not replaced by a file" "9 x" "$? $(ls "$TMP/clash/etc/name")"
nothing_left "a clash" "$TMP/clash"

echo "-- never outside"
mkdir "$TMP/linked" "$TMP/outside" && ln -s "$TMP/outside" "$TMP/linked/etc"
refused "a symlink in the place of a directory" 9 extract "$L:app:1.0" "$TMP/linked"
check "--force replaces the link" "$LAYOUTFS" extract --force "$L:app:1.0" "$TMP/linked"
same "and does not follow it" "0 directory" "$(find "$TMP/outside" -mindepth 1 | wc -l) $(stat -c %F "$TMP/linked/etc")"
mkdir "$TMP/linked2" && ln -s "$TMP/outside/new" "$TMP/linked2/name"
layoutfs extract -q --force "$L:app:1.0" etc/name "$TMP/linked2"
same "a symlink in the place of a file is replaced" "0 regular file" "$(find "$TMP/outside" -mindepth 1 | wc -l) $(stat -c %F "$TMP/linked2/name")"

echo "-- what fails"
cp -r "$L" "$TMP/damaged"
layoutfs index build -q "$TMP/damaged:app:1.0"
blob=$(jq -r '.layers[0].digest' "$TMP/damaged/blobs/$(jq -r '.manifests[0].digest' "$TMP/damaged/index.json" | tr : /)")
printf 'damage' | dd of="$TMP/damaged/blobs/${blob/://}" bs=1 seek=1500000 conv=notrunc status=none
layoutfs extract "$TMP/damaged:app:1.0" "$TMP/from-damaged" 2>"$TMP/stderr"
same "a damaged layer is an error that names the file" "7 1" "$? $(grep -c "^layoutfs: $TMP/from-damaged: var/noise: " "$TMP/stderr")"
check "leaves no directory" test ! -e "$TMP/from-damaged"
refused "a path that is not in the image" 3 extract "$L:app:1.0" nothing "$TMP/none"
check "makes no directory" test ! -e "$TMP/none"
refused "no directory" 2 extract "$L:app:1.0"
refused "a path that ends in a dot" 2 extract "$L:app:1.0" etc/. "$TMP/none"
refused "two files of one name" 2 extract "$L:app:1.0" etc/name bin/../etc/name "$TMP/none"
refused "a directory whose parent is missing" 3 extract "$L:app:1.0" "$TMP/no/such/directory"
refused "a file in the place of the directory" 9 extract "$L:app:1.0" "$TMP/stderr"
if has strace; then
  for signal in KILL INT; do
    rm -rf "$TMP/stopped" && mkdir "$TMP/stopped"
    limited strace -f -qq -o /dev/null -e trace=futimens,utimensat -e inject="utimensat:signal=$signal:when=5" \
      "$LAYOUTFS" extract --no-progress "$L:app:1.0" "$TMP/stopped" >/dev/null 2>&1
    same "stopped by SIG$signal, nothing has its name" "" "$(ls "$TMP/stopped")"
  done
  nothing_left "an interrupted extraction" "$TMP/stopped"
  check "it can be run again" "$LAYOUTFS" extract "$L:app:1.0" "$TMP/stopped"
  # Over all threads: whatever is opened to be written is new.
  rm -rf "$TMP/traced" && limited strace -ff -qq -e trace=openat,openat2,open,creat -o "$TMP/trace" "$LAYOUTFS" extract -q "$L:app:1.0" "$TMP/traced"
  same "nothing in the directory is opened for writing that exists" "" \
    "$(cat "$TMP"/trace.* | grep -E 'O_(WRONLY|RDWR)' | grep -v -e O_EXCL -e "$LAYOUTFS_CACHE_DIR" -e /dev/ -e /proc/ -e ENOENT)"
fi
finish
