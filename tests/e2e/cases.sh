#!/usr/bin/env bash
# Each case of tests/corpus/make-cases.py gives the result that users of such a layout expect. With NAME..., runs only
# these cases.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need busybox getfattr jq python3 rsync setpriv umoci unshare zstd
unshare --mount --pid --fork true 2>/dev/null || skip "cannot create namespaces here"

BUSYBOX=$(command -v busybox)
export BUSYBOX
CASES=$TMP/cases
MOUNT=$TMP/m
DESTINATION=$TMP/destination
for part in archives indexes layers layouts; do
  . "$HERE/cases/$part.sh"
done

# blobs_of LAYOUT: the digests of stored blobs.
blobs_of() { (cd "$1/blobs" && find . -type f -o -type l | sort); }
# entries_of FILE: prints each entry of an index.json on one line.
entries_of() { jq -cS '.manifests[]' "$1"; }
# reads SENTENCE EXPECTED LAYOUT:REF PATH [OPTION...]: cat must print EXPECTED.
reads() {
  local sentence=$1 expected=$2 image=$3 path=$4
  shift 4
  prints "$sentence" "$expected" cat "$@" "$image" "$path"
}
# explains SENTENCE PATTERN ARGUMENT...: layoutfs must refuse within the time limit, with a matching first line and no
# output.
explains() {
  local sentence=$1 pattern=$2 code
  shift 2
  layoutfs "$@" </dev/null >"$TMP/stdout" 2>"$TMP/stderr"
  code=$?
  if [ $code = 0 ] || [ $code -ge 100 ] || [ -s "$TMP/stdout" ]; then
    not_ok "$sentence" "exit code $code: layoutfs $*" "$(cat "$TMP/stdout" "$TMP/stderr")"
  elif ! head -n 1 "$TMP/stderr" | grep -Eq "^layoutfs: .*($pattern)"; then
    not_ok "$sentence" "no '$pattern': layoutfs $*" "$(cat "$TMP/stderr")"
  else
    ok "$sentence ($(head -c 160 "$TMP/stderr"))"
  fi
}
# copies_all SENTENCE SOURCE: copies to $DESTINATION, which must then have every blob and entry, byte for byte.
copies_all() {
  local source=$2
  check "$1" "$LAYOUTFS" copy --no-progress "$source" "$DESTINATION"
  if [ -f "$source" ]; then
    mkdir "$TMP/unpacked" && tar -C "$TMP/unpacked" -xf "$source"
    source=$TMP/unpacked
  fi
  same "$1: the copy has the same entries" "$(entries_of "$source/index.json")" "$(entries_of "$DESTINATION/index.json")"
  check "$1: the copy has the same blobs" diff -r "$source/blobs" "$DESTINATION/blobs"
  rm -rf "$TMP/unpacked"
}
# keeps_all SENTENCE LAYOUT: all blobs must be in use.
keeps_all() { same "$1" "0 " "$(layoutfs gc --grace 0 --dry-run "$2" 2>/dev/null && echo "$? ")"; }
# mount_case ARGUMENT...: mounts at $MOUNT. The next case uses the same mount point.
mount_case() {
  mkdir -p "$MOUNT"
  check "layoutfs mount $* succeeds" "$LAYOUTFS" mount -q "$@" "$MOUNT"
}
# as_umoci LAYOUT REF: the mounted image must equal the result of umoci unpack, except for directories without an entry
# in a layer, which umoci creates with the current time.
as_umoci() {
  check "umoci unpacks $2" umoci unpack --image "$1:$2" "$TMP/unpacked"
  mount_case "$1:$2"
  same_tree "the mount of $2 equals the result of umoci unpack" "$TMP/unpacked/rootfs" "$MOUNT" --ignore dir-mtime
  unmount "$MOUNT"
  rm -rf "$TMP/unpacked"
}

[ $# != 0 ] || set -- $(python3 "$CORPUS/make-cases.py" --list)
for name; do
  echo "-- $name"
  python3 "$CORPUS/make-cases.py" "$CASES" "$name" || exit 1
  if [ "$(type -t "${name//-/_}")" = function ]; then "${name//-/_}" "$CASES/$name"; else not_ok "$name has a check"; fi
  ! is_mounted "$MOUNT" || unmount "$MOUNT"
  rm -rf --one-file-system "$CASES" "$DESTINATION"
done
