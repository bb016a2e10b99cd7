#!/usr/bin/env bash
# An ordinary user mounts, looks and unmounts; without permission on /dev/fuse the mount fails with one clear line.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need fusermount3
make_layouts sample
prepare_nobody
chmod -R a+rX "$TMP/layouts"

# mounts COMMAND: what the shell of that user does.
mounts() { as_nobody env PATH="$TMP/bin:$PATH" L="$TMP/layouts/sample" sh -c "$1"; }

output=$(mounts 'layoutfs mount -q "$L:app:1.0" m && cat m/etc/added && layoutfs umount m && ls m' 2>&1)
same "an ordinary user mounts an image, reads a file and unmounts" "needle in the upper layer" "$output"
output=$(mounts 'layoutfs mount -q "$L" m && ls m/refs && layoutfs umount m' 2>&1)
same "and a layout" "app:1.0 multi team" "$(echo $output)"
check "the index cache is the user's own" test -d "$TMP/home/.cache/layoutfs"
output=$(mounts 'layoutfs mount -q -o uid=65534,gid=65534 "$L:app:1.0" m && stat -c "%u %g" m/etc/name m/bin/tool
  layoutfs umount m' 2>&1)
same "uid= and gid= show all files as the user's" "65534 65534 65534 65534" "$(echo $output)"

chmod 600 "$TMP/fuse"
mounts 'layoutfs mount "$L" m 2>err >out; echo $? >code; grep " $PWD/m " /proc/self/mountinfo >left'
same "without permission on /dev/fuse the exit code is 8" 8 "$(cat "$TMP/home/code")"
same "with one line" 1 "$(wc -l <"$TMP/home/err")"
check "that names the cause: $(cat "$TMP/home/err")" grep -Eqi '^layoutfs: .*(permission|permitted|/dev/fuse)' "$TMP/home/err"
check "and nothing is mounted" test ! -s "$TMP/home/left"
mounts 'layoutfs mount "$L" made 2>/dev/null'
check "a mount point made for it does not stay" test ! -e "$TMP/home/made"
