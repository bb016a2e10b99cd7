#!/usr/bin/env bash
# In 400 MiB of memory, a server and eight readers of a kernel view read a larger image without an error, and the page cache
# has a large file once. LAYOUTFS_TEST_FULL=1 reads an image of 1.2 GB.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need python3
need_erofs
LIMIT=$((400 << 20))
files=220
[ -z "${LAYOUTFS_TEST_FULL-}" ] || files=600

# A group of processes with this memory, by the first or the second version of cgroups(7).
if [ -w /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
  GROUP=/sys/fs/cgroup/memory/layoutfs-test.$$ limit=memory.limit_in_bytes cached=cache
elif grep -qw memory /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null && [ -w /sys/fs/cgroup ]; then
  GROUP=/sys/fs/cgroup/layoutfs-test.$$ limit=memory.max cached=file
else
  skip "no memory groups here"
fi
mkdir "$GROUP" && echo "$LIMIT" >"$GROUP/$limit" || skip "no memory groups here"
leave_group() {
  finish_group=$?
  for process in $(cat "$GROUP/cgroup.procs" 2>/dev/null); do kill "$process" 2>/dev/null; done
  wait_for rmdir "$GROUP"
  (exit $finish_group)
  finish
}
trap leave_group EXIT
in_group() { limited sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$GROUP" "$@"; }
# Megabytes of the page cache that the group uses.
cached_mb() { awk -v name="$cached" '$1 == name {print int($2 / 1000000)}' "$GROUP/memory.stat"; }

python3 "$HERE/kernel_view_memory.py" make "$TMP/layout" "$files" || exit 1
PATIENCE=$((PATIENCE * 4))
mkdir "$TMP/m"
in_group "$LAYOUTFS" mount -q --kernel -o cache_size=64M "$TMP/layout:latest" "$TMP/m" || not_ok "mount --kernel"
# The server reads the layer again. The pages belong to the first reader, which must not be one of the group.
cat "$TMP"/layout/blobs/sha256/* >/dev/null
before=$(cached_mb)
in_group cat "$TMP/m/large" >/dev/null
grown=$(($(cached_mb) - before))
check "the page cache has a large file of 67 MB once: $grown MB" test "$grown" -ge 60 -a "$grown" -le 100
check "eight readers in 400 MiB with their server get the right bytes of $((files * 2)) MiB" \
  sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$GROUP" python3 "$HERE/kernel_view_memory.py" read "$TMP/m" "$files" 8
unmount "$TMP/m"
same "the log of the kernel has no error of EROFS" "" "$(erofs_errors | tail -n 3)"
