#!/usr/bin/env bash
# Counts with strace how often commands open a layout and a blob, and the requests of a mount. A file that is opened
# twice is read and verified twice, and causes two waits on a network.
. "$(dirname "$0")/lib.sh"
need getfattr jq python3
need_layout
has strace || finish
L=$TMP/layout
cp -a "$LAYOUT" "$L"
# A file that changed less than 50 ms ago may change again within the same timestamp, so it is read each time. After
# that it is read once.
settle() { sleep 0.2; }
settle
name=$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"]][0]' "$L/index.json")
repository=${name%%:*} manifest=$(jq -r '.manifests[0].digest' "$L/index.json")
largest=$(cd "$L/blobs/sha256" && ls -S | head -n 1)

# strace writes one file per thread. In a common file, a waiting call has its path and its result on two lines.
STRACE=(strace -ff -qq -s 4096 -e trace=openat,openat2,open -o "$TMP/trace/of")
# traced ARGUMENT...: runs the program; calls() prints its calls that open files.
traced() {
  rm -rf "$TMP/trace" && mkdir "$TMP/trace"
  limited "${STRACE[@]}" "$LAYOUTFS" "$@" >"$TMP/stdout" 2>"$TMP/stderr" || not_ok "layoutfs $*" "$(cat "$TMP/stderr")"
}
calls() { cat "$TMP"/trace/of.*; }
# opened NAME: counts how often a file of that name was opened for reading. O_PATH does not open the file.
opened() { calls | grep -v -e O_PATH -e ' = -1 ' | grep -cE "\"([^\"]*/)?$1\""; }
# one_open SENTENCE ARGUMENT...: the command must open the layout once.
one_open() {
  local sentence=$1
  shift
  traced "$@"
  same "$sentence opens the layout once" "1 1" "$(opened oci-layout) $(opened 'index\.json')"
}
# Counts the blobs that were opened by a path in the layout. Normally that path is resolved once, for the folder.
by_path() { calls | grep -cE '"blobs/[a-z0-9]+/[0-9a-f]{64,128}"'; }

echo "-- one open of the layout for each command"
one_open "ls" ls "$L:$name" /
one_open "cat" cat "$L:$name" bin/busybox
one_open "inspect" inspect "$L:$name"
one_open "inspect of a layout" inspect "$L"
one_open "ref ls" ref ls "$L"
one_open "ref get" ref get "$L" "$name"
one_open "blob ls" blob ls "$L"
one_open "blob get" blob get "$L" "sha256:$largest"
same "blob get opens the blob once" 1 "$(opened "$largest")"
one_open "tags" tags "$L" "$repository"
one_open "referrers" referrers "$L" "$repository" "$manifest"
one_open "fsck" fsck --no-progress "$L"
one_open "gc" gc --no-progress "$L"
one_open "index build" index build --no-progress "$L"
traced copy --no-progress "$L" "$TMP/copy"
settle
traced copy --no-progress "$L" "$TMP/copy"
same "copy opens both layouts once" "2 2" "$(opened oci-layout) $(opened 'index\.json')"
one_open "copy into an archive" copy --no-progress "$L" "oci-archive:$TMP/copy.tar"

echo "-- one call for each blob"
traced fsck --no-progress "$L"
same "fsck opens blobs relative to their folder" 0 "$(by_path)"
traced blob ls -l "$L"
same "blob ls -l opens no blob" 0 "$(calls | grep -cE '"[^"]*[0-9a-f]{64,128}"')"

if [ -c /dev/fuse ] || left_out "no /dev/fuse here"; then
  echo "-- mounts"
  mkdir "$TMP/mount"
  rm -rf "$TMP/trace" && mkdir "$TMP/trace"
  "${STRACE[@]}" "$LAYOUTFS" mount -f "$L:$name" "$TMP/mount" &
  pid=$!
  pids+=("$pid")
  wait_for is_mounted "$TMP/mount" || not_ok "mount succeeds under strace"
  check "ls lists the mount" ls "$TMP/mount"
  unmount "$TMP/mount"
  wait "$pid"
  same "mount opens the layout once" "1 1" "$(opened oci-layout) $(opened 'index\.json')"

  # libfuse logs each request when it arrives. Forgotten inodes are those that the kernel has no memory for.
  requests() { grep -oE 'opcode: [A-Z_]+' "$TMP/log" | grep -cvE 'FORGET|INTERRUPT'; }
  # few_requests SENTENCE COMMAND...: a few for each program and none for each file, if the command has run before. The kernel may
  # forget something in between if it needs memory: the smallest number counts.
  few_requests() {
    local sentence=$1 before output count attempt least=1000000
    shift
    limited "$@" >/dev/null 2>&1
    for attempt in 1 2 3 4 5; do
      before=$(requests)
      output=$(limited "$@" 2>&1) || not_ok "$sentence" "exit code $?: $*" "$output"
      count=$(($(requests) - before))
      least=$((count < least ? count : least))
      [ $least -gt 20 ] || break
    done
    if [ $least -le 20 ]; then ok "$sentence ($least)"; else not_ok "$sentence" "$least requests for $files files"; fi
  }
  # walk_again NAME IMAGE: leaves it mounted.
  walk_again() {
    local name=$1
    mount_foreground "$TMP/mount" "$TMP/log" --no-kernel -d "$2"
    files=$(limited find "$TMP/mount" | wc -l)
    [ "$files" -ge 200 ] || not_ok "$name has at least 200 files" "$files"
    few_requests "a second ls -lR of $name makes few requests" ls -lR "$TMP/mount"
    few_requests "a second find -printf of $name makes few requests" find "$TMP/mount" -printf '%s %m %U %T@ %l\n'
    few_requests "a second find -readable of $name makes few requests" find "$TMP/mount" -readable
    same "user.layoutfs.stats names the server of $name" "$pid" "$(limited getfattr --absolute-names --only-values -n user.layoutfs.stats "$TMP/mount" | jq .pid)"
  }
  echo "-- requests of walks that are repeated"
  walk_again "an image" "$L:$name"
  cat >"$TMP/acls.py" <<'PYTHON'
import errno, os, sys
for directory, folders, names in os.walk(sys.argv[1]):
    for name in folders + names:
        try:
            os.getxattr(os.path.join(directory, name), "system.posix_acl_access", follow_symlinks=False)
        except OSError as error:
            assert error.errno in (errno.ENODATA, errno.ENOTSUP), error
PYTHON
  few_requests "a second getxattr of all ACLs makes few requests" python3 "$TMP/acls.py" "$TMP/mount"
  file=$(limited find "$TMP/mount" -type f | head -n 1)
  same "user.layoutfs.layer can be read after that" "sha256:" "$(limited getfattr --absolute-names --only-values -n user.layoutfs.layer "$file" | cut -c1-7)"
  unmount "$TMP/mount"
  python3 - "$SOURCE" "$TMP/attributed" "$(host_architecture)" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1] + "/tests/corpus")
from ocilib import Layout, Tar
tar = Tar().dir("d", xattrs={"user.note": b"n"})
for i in range(400):
    tar.file("d/%d" % i, "x")
made = Layout()
made.tag("some", made.image([tar], arch=sys.argv[3]))
made.write(sys.argv[2])
PYTHON
  walk_again "an image with attributes" "$TMP/attributed:some"
  same "listxattr lists user.note" "user.note" "$(limited getfattr --absolute-names "$TMP/mount/d" | grep user)"
  unmount "$TMP/mount"
fi
finish
