#!/usr/bin/env bash
# An ordinary user mounts, reads and unmounts; each failure, especially of fusermount3, is one clear line.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need fusermount3
make_layouts sample
prepare_nobody
chmod -R a+rX "$TMP/layouts"

# mounts COMMAND: runs it in the user's shell.
mounts() { as_nobody env PATH="$TMP/bin:$PATH" L="$TMP/layouts/sample" sh -c "$1"; }

output=$(mounts 'layoutfs mount -q "$L:app:1.0" m && cat m/etc/added && layoutfs umount m && ls m' 2>&1)
same "an ordinary user mounts an image, reads a file and unmounts" "needle in the upper layer" "$output"
output=$(mounts 'layoutfs mount -q "$L" m && ls m/refs && layoutfs umount m' 2>&1)
same "an ordinary user mounts a layout" "app:1.0 multi team" "$(echo $output)"
check "an ordinary user's mount uses the user's own cache" test -d "$TMP/home/.cache/layoutfs"
output=$(mounts 'layoutfs mount -q -o uid=65534,gid=65534 "$L:app:1.0" m && stat -c "%u %g" m/etc/name m/bin/tool
  layoutfs umount m' 2>&1)
same "uid= and gid= show all files as the user's" "65534 65534 65534 65534" "$(echo $output)"

# Requests for ACLs and labels: the kernel caches them, or ls asks once for all files.
counted='layoutfs mount -q -d -o "$options" "$L:app:1.0" m 2>log & until grep -q " $PWD/m " /proc/self/mountinfo; do sleep 0.1; done
  ls -lR m >/dev/null; grep -c GETXATTR log >first; ls -lR m >/dev/null; expr $(grep -c GETXATTR log) - $(cat first); layoutfs umount m; wait'
for options in ro ro,uid=65534; do
  asked=$(mounts "options=$options; $counted" | tail -n 1)
  check "a second ls -lR with -o $options makes $asked requests for attributes, of 50" test "$asked" -le 12
done

# fails SENTENCE CODE TEXT COMMAND: the command must exit with CODE and print one line that contains TEXT.
fails() {
  local code
  mounts "$4" >"$TMP/stdout" 2>"$TMP/stderr"
  code=$?
  same "$1: $(head -c 200 "$TMP/stderr")" "$2 1 1" "$code $(sed '2{/^hint: ./d}' "$TMP/stderr" | wc -l) $(grep -c "^layoutfs: .*$3" "$TMP/stderr")"
}
if ! grep -q '^user_allow_other' /etc/fuse.conf; then
  fails "mount refuses allow_other for ordinary users" 8 "m: fusermount3: option allow_other" 'layoutfs mount -o allow_other "$L" m'
  mounts 'layoutfs mount -o allow_other --log-format json "$L" m' 2>"$TMP/stderr"
  same "the error for allow_other is one object with --log-format json" "1 1" "$(wc -l <"$TMP/stderr") $(grep -c '^{.*option allow_other.*}$' "$TMP/stderr")"
fi
mkdir "$TMP/of-root"
fails "an ordinary user cannot mount on a directory of another user" 8 "no write access" "layoutfs mount \$L $TMP/of-root"
fails "umount refuses a mount of an ordinary user that is in use" 8 "Device or resource busy" \
  'layoutfs mount -q "$L" m && exec 9<m/index.json && ! layoutfs umount m && exec 9<&- && layoutfs umount m; exit 8'
mount_at "$TMP/of-root" -o allow_other "$TMP/layouts/sample"
fails "an ordinary user cannot unmount a mount of another user" 8 "mounted by root; only root" "layoutfs umount $TMP/of-root"
exec 9<"$TMP/of-root/index.json"
refused "umount refuses a mount of root that is in use" 8 umount "$TMP/of-root"
exec 9<&-
unmount "$TMP/of-root"
# Hides fusermount3 in /usr/bin while this command runs.
mkdir "$TMP/over"
cat >"$TMP/without" <<'COMMANDS'
mount -t tmpfs none "$1/over" && mkdir "$1/over/upper" "$1/over/work" && mknod "$1/over/upper/fusermount3" c 0 0 &&
  mount -t overlay overlay -o lowerdir=/usr/bin,upperdir="$1/over/upper",workdir="$1/over/work" /usr/bin &&
  mount --bind "$1/fuse" /dev/fuse && cd "$1/home" || exit 99
exec setpriv --reuid=nobody --regid=nogroup --clear-groups env -u LAYOUTFS_CACHE_DIR HOME="$1/home" \
  "$1/bin/layoutfs" mount "$1/layouts/sample" m
COMMANDS
PATH=/usr/sbin:/usr/bin:/sbin:/bin limited unshare --mount --propagation private sh "$TMP/without" "$TMP" 2>"$TMP/stderr"
code=$?
same "the error of mount without fusermount3 names the package: $(cat "$TMP/stderr")" "8 1 1" \
  "$code $(wc -l <"$TMP/stderr") $(grep -c '^layoutfs: .*No such file or directory (install the package fuse3' "$TMP/stderr")"

chmod 600 "$TMP/fuse"
mounts 'layoutfs mount "$L" m 2>err >out; echo $? >code; grep " $PWD/m " /proc/self/mountinfo >left'
same "mount without permission for /dev/fuse exits with 8" 8 "$(cat "$TMP/home/code")"
same "mount without permission for /dev/fuse prints one line" 1 "$(wc -l <"$TMP/home/err")"
check "the error of mount without permission for /dev/fuse names the cause: $(cat "$TMP/home/err")" grep -Eqi '^layoutfs: .*(permission|permitted|/dev/fuse)' "$TMP/home/err"
check "mount without permission for /dev/fuse leaves no mount" test ! -s "$TMP/home/left"
mounts 'layoutfs mount "$L" made 2>/dev/null'
check "mount without permission for /dev/fuse leaves no mount point" test ! -e "$TMP/home/made"
