#!/usr/bin/env bash
# An ordinary user mounts, looks and unmounts; without permission on /dev/fuse the mount fails with one clear line.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need setpriv unshare fusermount3
make_layouts sample
# A /dev/fuse of our own, in mounts of our own: the machine's stays as it is.
mknod "$TMP/fuse" c 10 229 || skip "cannot make device nodes here"
unshare --mount --propagation private true || skip "cannot make mount namespaces here"
cp "$LAYOUTFS" "$TMP/layoutfs"
mkdir "$TMP/home" "$TMP/home/m"
chown -R nobody "$TMP/home"
chmod -R a+rX "$TMP/layouts" "$TMP/layoutfs"

# as_nobody MODE COMMAND: with a /dev/fuse of that mode.
as_nobody() {
  chmod "$1" "$TMP/fuse"
  limited unshare --mount --propagation private sh -c '
    mount --bind "$1/fuse" /dev/fuse || exit 1
    cd "$1/home"
    exec setpriv --reuid=nobody --regid=nogroup --clear-groups env -u LAYOUTFS_CACHE_DIR -u XDG_CACHE_HOME \
      HOME="$1/home" PATH="$1:$PATH" L="$1/layouts/sample" sh -c "$2"' sh "$TMP" "$2"
}

output=$(as_nobody 666 'layoutfs mount -q "$L:app:1.0" m && cat m/etc/added && layoutfs umount m && ls m' 2>&1)
same "an ordinary user mounts an image, reads a file and unmounts" "needle in the upper layer" "$output"
output=$(as_nobody 666 'layoutfs mount -q "$L" m && ls m/refs && layoutfs umount m' 2>&1)
same "and a layout" "app:1.0 multi team" "$(echo $output)"
check "the index cache is the user's own" test -d "$TMP/home/.cache/layoutfs"
output=$(as_nobody 666 'layoutfs mount -q -o uid=65534,gid=65534 "$L:app:1.0" m && stat -c "%u %g" m/etc/name m/bin/tool
  layoutfs umount m' 2>&1)
same "uid= and gid= show all files as the user's" "65534 65534 65534 65534" "$(echo $output)"

as_nobody 600 'layoutfs mount "$L" m 2>err >out; echo $? >code; grep " $PWD/m " /proc/self/mountinfo >left'
same "without permission on /dev/fuse the exit code is 8" 8 "$(cat "$TMP/home/code")"
same "with one line" 1 "$(wc -l <"$TMP/home/err")"
check "that names the cause: $(cat "$TMP/home/err")" grep -Eqi '^layoutfs: .*(permission|permitted|/dev/fuse)' "$TMP/home/err"
check "and nothing is mounted" test ! -s "$TMP/home/left"
as_nobody 600 'layoutfs mount "$L" made 2>/dev/null'
check "a mount point made for it does not stay" test ! -e "$TMP/home/made"
